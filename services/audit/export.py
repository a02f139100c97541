"""A log as files: what a plain web server can serve and any tlog-tiles client can verify (C2SP tlog-tiles)."""

from __future__ import annotations

from pathlib import Path

from services.audit.domain.entry import LogName
from services.audit.queries import Reader


async def export(reader: Reader, log: LogName, folder: Path) -> int:
    """Write a copy of the log into `folder` and return how many files it has; the checkpoint comes last.

    Raises:
        NoSuchLogError: there is no such log.
        OSError: the folder cannot be written.
    """
    count = 0
    async for path, contents in reader.copy(log):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
        count += 1
    return count
