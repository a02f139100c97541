"""Where the tests' database server keeps its data: in memory, where the machine has room for it.

Every test has a database of its own, of some three hundred files, and drops it. ext4 gives no inode away again within five seconds
of its removal: whoever makes a file then looks through all that were just removed. So a database that took 25 ms took 370, all of
it the kernel's processor time, and three test processes at once took most of both processors.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
NEEDED: Final = 2 * 2**30
"""Bytes that one test process's server may take."""
_PREFIX: Final = "lagspill-tests-"


@contextmanager
def quick_folder(otherwise: Path, memory: Path = MEMORY) -> Iterator[Path]:
    """Give a folder for this test process: one in `memory` that goes with it, or `otherwise` where there is no room."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    _sweep(memory)
    if not (memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= workers * NEEDED):
        yield otherwise
        return
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=memory))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(memory: Path) -> None:
    """Remove what test processes left that were killed: it would hold the memory until the machine is started again."""
    for left in memory.glob(f"{_PREFIX}*-*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
