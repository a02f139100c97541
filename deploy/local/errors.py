"""What can go wrong on a developer's machine, each as one sentence that says what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LocalError(Exception):
    """A part of the local system cannot run; the message is the sentence to show, and the exit code is not zero."""


def disk_full(folder: Path) -> LocalError:
    """Return the error for a full disk under `folder`."""
    return LocalError(
        f"The disk that holds {folder} is full: make room there, or set LAGSPILL_HOME to a folder elsewhere."
    )


def require_room(folder: Path, needed: int) -> None:
    """Refuse to start in a folder whose disk has less than `needed` bytes left.

    Raises:
        LocalError: the disk is too full.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LocalError(
            f"The disk that holds {folder} has {free // 2**20} MB left and {needed // 2**20} MB are needed: "
            "make room there, or set LAGSPILL_HOME to a folder elsewhere."
        )


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals while writing under `folder` into their sentence.

    Raises:
        LocalError: the disk is full, or the folder may not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(folder) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise LocalError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
        raise
