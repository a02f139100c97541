"""The tier runs where a container engine answers; where none does it says so, and the embedded tier has run the same suites."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def engine_answers() -> bool:
    """Return whether `docker info` reaches an engine."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests, with the reason, where no engine answers."""
    here = [item for item in items if "tests/containers" in item.path.as_posix()]
    if here and not engine_answers():
        for item in here:
            item.add_marker(
                pytest.mark.skip(reason="no container engine answers; the embedded tier ran the same suites")
            )
