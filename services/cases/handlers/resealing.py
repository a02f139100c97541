"""Sealing a case's documents under the key of the case that goes on after it, before the transaction in which it does."""

from __future__ import annotations

from collections.abc import Mapping

from services.cases.document_store import Writing, abandoned_on_failure
from services.cases.errors import UnknownPartError
from services.cases.handlers.desk import Desk
from shared.refs import CaseRef, DocumentRef


async def reseal(desk: Desk, case: CaseRef, names: Mapping[DocumentRef, DocumentRef]) -> list[Writing]:
    """Seal the documents under `case`'s key and their new names, piece by piece. They are there for nobody before `finish`.

    Raises:
        ShreddedError: the case that they belong to has been erased.
    """
    written: list[Writing] = []
    async with abandoned_on_failure(written):
        for old, new in names.items():
            try:
                async with desk.pool.acquire() as conn:
                    stored = await desk.documents.stored(conn, old)
            except UnknownPartError:
                # It has gone on already: the command is a repetition, or is refused when it comes to the destroyed key.
                continue
            writing = await desk.documents.begin(case, new)
            written.append(writing)
            async for piece in desk.documents.content(stored):
                await writing.write(piece)
            await writing.end()
    return written
