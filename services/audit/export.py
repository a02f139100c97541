"""A log as files: what a plain web server can serve and any tlog-tiles client can verify (C2SP tlog-tiles)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.tiles import slices, write_path
from services.audit.errors import CopyIncompleteError, EntriesPrunedError
from services.audit.queries import Reader
from services.audit.witnesses import Witnesses


async def export(reader: Reader, log: LogName, folder: Path, witnesses: Witnesses | None = None) -> int:
    """Write a copy of the log into `folder` and return how many files it has; the checkpoint comes last.

    Beside the tiles and the entries stand `keys`, every key that the log was signed with, a line each, the newest first, and
    `policy`, what its checkpoint must have (C2SP tlog-policy). Both are told by who is to be verified: compare them with what
    you have from elsewhere.

    Args:
        reader: what the log is read with.
        log: which.
        folder: is made if it is not there.
        witnesses: what the log's witnesses have said; with them the copy ends at the newest checkpoint that its policy accepts.

    Raises:
        NoSuchLogError: there is no such log.
        NotWitnessedError: no checkpoint of it has been cosigned by enough witnesses.
        CopyIncompleteError: not everything that its checkpoint covers is there; what is, was written.
        OSError: the folder cannot be written.
    """
    note = (await reader.head(log)).note if witnesses is None else await witnesses.checkpoint(log)
    checkpoint = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    count = 0
    missing: list[str] = []
    async for path, contents in pieces(reader, log, checkpoint.size):
        if contents is None:
            missing.append(path)
        else:
            _write(folder / path, contents)
            count += 1
    about = {"keys": "".join(f"{period.vkey}\n" for period in reversed(await reader.keys(log)))}
    if witnesses is not None:
        about["policy"] = (await witnesses.policy(log)).text()
    for name, text in {**about, "checkpoint": note}.items():
        _write(folder / name, text.encode())
        count += 1
    if missing:
        raise CopyIncompleteError(count, missing)
    return count


async def pieces(reader: Reader, log: LogName, size: int) -> AsyncIterator[tuple[str, bytes | None]]:
    """Yield every tile and bundle of the log when it had `size` entries: (path, contents).

    Bundles that a policy removed are left out. The contents are None where something ought to be and is not.
    """
    level = 0
    while size >> (8 * level):
        for part in slices(level, size):
            yield f"tile/{level}/{write_path(part)}", await reader.tile(log, level, part)
            if level == 0:
                try:
                    bundle = await reader.bundle(log, part)
                except EntriesPrunedError:
                    continue
                yield f"tile/entries/{write_path(part)}", bundle
        level += 1


def _write(file: Path, contents: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(contents)
