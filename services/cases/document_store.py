"""Where documents are kept: in pieces, sealed, in PostgreSQL. A piece at a time goes through the process, whatever the size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.cases.errors import UnknownPartError
from shared.db import Connection, Pool
from shared.refs import CaseRef, DocumentRef
from shared.sealed_stream import PIECE, Sealer, new_prefix
from shared.vault import ShreddedError, Vault


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is kept."""

    document: DocumentRef
    case: CaseRef
    key_version: int
    prefix: bytes
    size: int
    pieces: int
    scanned: bool


class ContentStore(Protocol):
    """Keeps documents; this one in PostgreSQL, another elsewhere. What it gets is already decided to be kept."""

    async def begin(self, case: CaseRef, document: DocumentRef) -> Writing:
        """Begin a document; until `finish` it is not there for anybody.

        Raises:
            ShreddedError: the case has been erased.
        """

    async def finish(self, conn: Connection, writing: Writing, scanned_at: datetime | None) -> None:
        """Let it be there, in the transaction of the event that says so.

        Raises:
            ShreddedError: the case has been erased meanwhile.
        """

    async def stored(self, conn: Connection, document: DocumentRef) -> Stored:
        """Return how it is kept.

        Raises:
            UnknownPartError: there is none, or it is not finished.
        """

    async def openable(self, conn: Connection, stored: Stored) -> None:
        """Make sure that it can be opened, before anybody is told that it will be.

        Raises:
            ShreddedError: the case has been erased.
        """

    async def scanned(self, document: DocumentRef, at: datetime) -> None:
        """Note that nothing was found in it."""

    async def forget(self, conn: Connection, case: CaseRef) -> None:
        """Delete what is noise by now: the case's key has been shredded."""

    def content(self, stored: Stored) -> AsyncIterator[bytes]:
        """Return its content, piece by piece.

        Raises:
            ShreddedError: the case has been erased.
            TamperedError: it is not what was stored.
        """


class Writing:
    """A document that is being written."""

    def __init__(self, pool: Pool, stored: Stored, sealer: Sealer) -> None:
        """Write it under its own key."""
        self._pool = pool
        self._sealer = sealer
        self._waiting = bytearray()
        self.stored = stored
        self.size = 0
        self.pieces = 0

    async def write(self, content: bytes) -> None:
        """Take the next part."""
        self.size += len(content)
        self._waiting += content
        # The last piece is sealed as the last, so one whole piece always waits to be known for it.
        while len(self._waiting) > PIECE:
            await self._put(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    async def end(self) -> None:
        """Seal what is left, as the last piece."""
        await self._put(bytes(self._waiting), last=True)
        self._waiting.clear()

    async def abandon(self) -> None:
        """Forget what was written."""
        await self._pool.execute("DELETE FROM documents WHERE document = $1 AND NOT ready", self.stored.document)

    async def _put(self, piece: bytes, *, last: bool) -> None:
        sealed = self._sealer.seal(self.pieces, piece, last=last)
        await self._pool.execute(
            "INSERT INTO document_pieces (document, nth, sealed) VALUES ($1, $2, $3)",
            self.stored.document,
            self.pieces,
            sealed,
        )
        self.pieces += 1


async def abandon(written: Iterable[Writing]) -> None:
    """Forget what was written; what is kept by now stays."""
    for writing in written:
        await writing.abandon()


@asynccontextmanager
async def abandoned_on_failure(written: Iterable[Writing]) -> AsyncIterator[None]:
    """Forget what is written by then if anything keeps it from being kept, a cancellation too."""
    try:
        yield
    except BaseException:
        await abandon(written)
        raise


class DocumentStore:
    """Documents in the service's own database."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        """Seal with the keys of `vault`."""
        self._pool = pool
        self._vault = vault

    async def begin(self, case: CaseRef, document: DocumentRef) -> Writing:
        """Begin a document; what others began long ago and never finished is swept away."""
        prefix = new_prefix()
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "DELETE FROM documents WHERE NOT ready AND begun_at < clock_timestamp() - interval '1 hour'"
            )
            version, key = await self._vault.data_key(conn, owner=case)
            await conn.execute(
                "INSERT INTO documents (document, owner, key_version, prefix) VALUES ($1, $2, $3, $4)",
                document,
                case,
                version,
                prefix,
            )
        stored = Stored(document, case, version, prefix, 0, 0, scanned=False)
        return Writing(self._pool, stored, _sealer(key, stored))

    async def finish(self, conn: Connection, writing: Writing, scanned_at: datetime | None) -> None:
        """Let it be there."""
        version, _ = await self._vault.data_key(conn, owner=writing.stored.case)
        done = await conn.fetchval(
            "UPDATE documents SET ready = true, size = $2, pieces = $3, scanned_at = $4"
            " WHERE document = $1 AND key_version <= $5 RETURNING true",
            writing.stored.document,
            writing.size,
            writing.pieces,
            scanned_at,
            version,
        )
        if not done:
            raise ShreddedError

    async def stored(self, conn: Connection, document: DocumentRef) -> Stored:
        """Return how it is kept."""
        row = await conn.fetchrow("SELECT * FROM documents WHERE document = $1 AND ready", document)
        if row is None:
            raise UnknownPartError
        return Stored(
            document=document,
            case=CaseRef(row["owner"]),
            key_version=row["key_version"],
            prefix=row["prefix"],
            size=row["size"],
            pieces=row["pieces"],
            scanned=row["scanned_at"] is not None,
        )

    async def scanned(self, document: DocumentRef, at: datetime) -> None:
        """Note that nothing was found in it."""
        await self._pool.execute("UPDATE documents SET scanned_at = $2 WHERE document = $1", document, at)

    async def openable(self, conn: Connection, stored: Stored) -> None:
        """Make sure that it can be opened, before anybody is told that it will be.

        Raises:
            ShreddedError: the case has been erased.
        """
        await self._vault.data_key_of(conn, owner=stored.case, version=stored.key_version)

    async def content(self, stored: Stored) -> AsyncIterator[bytes]:
        """Return its content, piece by piece, each read when the one before is gone."""
        async with self._pool.acquire() as conn:
            key = await self._vault.data_key_of(conn, owner=stored.case, version=stored.key_version)
        sealer = _sealer(key, stored)
        for nth in range(stored.pieces):
            sealed = await self._pool.fetchval(
                "SELECT sealed FROM document_pieces WHERE document = $1 AND nth = $2", stored.document, nth
            )
            if sealed is None:
                raise ShreddedError
            yield sealer.open(nth, sealed, last=nth == stored.pieces - 1)

    async def forget(self, conn: Connection, case: CaseRef) -> None:
        """Delete what is noise by now: the case's key has been shredded."""
        await conn.execute("DELETE FROM documents WHERE owner = $1", case)


def _sealer(key: bytes, stored: Stored) -> Sealer:
    return Sealer(key, stored.prefix, f"{stored.case}\0{stored.document}".encode())
