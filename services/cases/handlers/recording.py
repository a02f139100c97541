"""Recording something about the child: words and documents in, and documents out again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from services.cases.contents import DocumentContentView, DocumentList
from services.cases.document_store import Stored, Writing, abandoned_on_failure
from services.cases.domain import access, recording
from services.cases.domain.access_table import WORKING_PURPOSES
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.shown import Permit
from services.cases.domain.sniffing import Sniffer
from services.cases.domain.state import CaseState
from services.cases.errors import (
    DeniedError,
    DocumentEmptyError,
    DocumentInfectedError,
    DocumentTooLargeError,
    NotPermittedError,
    UnknownPartError,
)
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Looked,
    change,
    deny,
    following,
    look,
    meet,
    permit_there,
    placed,
    record,
)
from services.cases.handlers.handovers import note_opened
from services.cases.store import Located
from services.cases.views import DocumentView, RecordView
from shared.aggregate import Changed, Context
from shared.contracts.codes import InformationCategory, Purpose
from shared.contracts.safekeeping import MediaType
from shared.db import Connection
from shared.refs import CaseRef, DocumentRef, RecordRef
from shared.scanning import Scan
from shared.web import Collection, Paging, answer


async def write_record(
    desk: Desk, ctx: Context, case: CaseRef, category: InformationCategory, text: str
) -> Changed[CaseState]:
    """Write something down about the child."""
    located, acting = await meet(desk, ctx, case)
    ref = RecordRef(desk.ids.ref("rec"))
    command = recording.WriteRecord(by=acting, record=ref, category=category)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: recording.decide_record(state, command, ctx.now),
        lambda state, version: answer(
            RecordView.of(state, ref), status=201, version=version, location=f"/records/{ref}"
        ),
        lambda conn: desk.records.keep_record(conn, located.case, ref, 1, category, text),
    )


async def correct_record(desk: Desk, ctx: Context, ref: RecordRef, text: str) -> Changed[CaseState]:
    """Correct a record by a new version; the old one is kept in the vault."""
    located, acting = await meet(desk, ctx, ref)
    command = recording.CorrectRecord(by=acting, record=ref)
    written: list[tuple[int, InformationCategory]] = []

    async def keep(conn: Connection) -> None:
        number, category = written[-1]
        await desk.records.keep_record(conn, located.case, ref, number, category, text)

    def view(state: CaseState) -> RecordView:
        shown = RecordView.of(state, ref)
        written.append((shown.version, shown.category))
        return shown

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: recording.decide_correction(state, command, ctx.now),
        lambda state, version: answer(view(state), status=201, version=version),
        keep,
    )


@dataclass(frozen=True)
class Upload:
    """A document on its way in."""

    category: InformationCategory
    title: str
    content: AsyncIterator[bytes]


async def add_document(desk: Desk, ctx: Context, case: CaseRef, upload: Upload) -> Changed[CaseState]:
    """Put a document into the vault. It is sealed, told by its content and looked through for malware while it comes in.

    Raises:
        DeniedError, CaseError: see `recording.decide_document`, before anything of it is taken.
        DocumentTooLargeError, DocumentTypeError, DocumentEmptyError, DocumentInfectedError: nothing of it is kept.
        ScannerUnavailableError: it cannot be looked through now; nothing of it is kept.
    """
    located, acting = await meet(desk, ctx, case)
    state = (await desk.journal.load(CASE, located.case)).state
    try:
        recording.check_category(state, acting, upload.category, ctx.now)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    ref = DocumentRef(desk.ids.ref("doc"))
    writing = await desk.documents.begin(located.case, ref)
    async with abandoned_on_failure([writing]):
        media, digest = await _take_in(desk, writing, upload)
        command = recording.AddDocument(
            by=acting, document=ref, category=upload.category, media=media, size=writing.size
        )
        if ctx.idempotency is not None:
            # The same key with another content is another request.
            whole = hashlib.sha256(ctx.idempotency.request_hash + digest).digest()
            ctx = replace(ctx, idempotency=replace(ctx.idempotency, request_hash=whole))

        async def keep(conn: Connection) -> None:
            await desk.records.keep_title(conn, located.case, ref, upload.category, upload.title)
            await desk.documents.finish(conn, writing, None if desk.scanner is None else ctx.now)

        changed = await change(
            desk,
            ctx,
            located.case,
            lambda present: recording.decide_document(present, command, ctx.now),
            lambda present, version: answer(
                DocumentView.of(present, ref), status=201, version=version, location=f"/documents/{ref}"
            ),
            keep,
        )
    if changed.replayed:
        await writing.abandon()
    return changed


async def _take_in(desk: Desk, writing: Writing, upload: Upload) -> tuple[MediaType, bytes]:
    """Take the content in; return what it is, and a digest of it."""
    sniffer, digest = Sniffer(), hashlib.sha256()
    async with AsyncExitStack() as stack:
        scan: Scan | None = None if desk.scanner is None else await stack.enter_async_context(desk.scanner.scan())
        async for part in upload.content:
            if writing.size + len(part) > desk.largest_document:
                raise DocumentTooLargeError(extensions={"bytes": desk.largest_document})
            sniffer.feed(part)
            digest.update(part)
            if scan is not None:
                await scan.feed(part)
            await writing.write(part)
        if not writing.size:
            raise DocumentEmptyError
        media = sniffer.kind()
        if scan is not None and not await scan.is_clean():
            raise DocumentInfectedError
        await writing.end()
    return media, digest.digest()


async def list_documents(
    desk: Desk, ctx: Context, case: CaseRef, documents: Collection[DocumentRef], page: Paging
) -> tuple[DocumentList, int]:
    """Return a page of the documents that there are, with their titles, in the categories that the actor may see."""
    after = documents.after(page.cursor)
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looks = await _looks(desk, ctx, conn, located, acting)
            [looked, *_], known = looks, looks[0].state.documents
            every = frozenset[InformationCategory]().union(*(one.permit.categories for one in looks))
            refs = [ref for ref in following(known, after) if known[ref].category in every]
            shown = documents.page(refs[: page.limit + 1], page.limit, lambda ref: ref)
            titles = await desk.records.titles(conn, located.case)
            left = frozenset(known[ref].category for ref in shown.items)
            for one in looks:
                part = left & one.permit.categories
                if part or one is looked:
                    await record(desk, ctx, conn, one, shown=part)
                left -= part
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    items = tuple(
        DocumentContentView(**dict(DocumentView.of(looked.state, ref)), title=titles.get(ref, ""))
        for ref in shown.items
    )
    view = DocumentList(case=located.case, basis=looked.permit.basis, items=items, next=shown.next)
    return view, looked.version


@dataclass(frozen=True)
class Download:
    """A document on its way out, after its record was committed."""

    document: DocumentRef
    media: MediaType
    size: int
    content: AsyncIterator[bytes]


async def read_document(desk: Desk, ctx: Context, document: DocumentRef) -> Download:
    """Return a document, recorded before its first byte leaves. What no scanner has seen is looked through first.

    Raises:
        DeniedError: after the denial was recorded.
        DocumentInfectedError: something was found in it now; it is not served.
        ScannerUnavailableError: it cannot be looked through now.
    """
    located, acting = await meet(desk, ctx, document)
    try:
        async with desk.pool.acquire() as conn:
            state = (await desk.journal.load(CASE, located.case, conn=conn)).state
            purpose = _purpose_of(state, acting, document, ctx.now)
            may = await permit_there(desk, ctx, conn, state, acting, Action.READ_DOCUMENT, purpose)
        _covered(state, may, document)
        await look_through(desk, ctx, document)
        async with desk.pool.acquire() as conn, conn.transaction():
            await note_opened(desk, ctx, conn, located.case, document)
            purpose = _purpose_of(state, acting, document, ctx.now)
            looked = await look(desk, ctx, conn, located, acting, Action.READ_DOCUMENT, purpose)
            category = _covered(looked.state, looked.permit, document)
            stored = await desk.documents.stored(conn, document)
            await desk.documents.openable(conn, stored)
            await record(desk, ctx, conn, looked, shown=frozenset({category}), documents=[document])
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    media = looked.state.documents[document].media
    return Download(document, media, stored.size, desk.documents.content(stored))


async def _looks(desk: Desk, ctx: Context, conn: Connection, located: Located, acting: Acting) -> list[Looked]:
    """Return the look at the documents as it is usual, and one for each further purpose that lets more of them be seen.

    Nobody says what they list documents for: what was given for one purpose does not hide what was given for another.
    """
    looked = await look(desk, ctx, conn, located, acting, Action.READ_DOCUMENT)
    looks, seen = [looked], looked.permit.categories
    there = await placed(desk, conn, looked.state, acting)
    for purpose in sorted(WORKING_PURPOSES):
        try:
            more = access.permit(there, Action.READ_DOCUMENT, acting, ctx.now, purpose)
        except DeniedError:
            continue
        if more.categories - seen:
            looks.append(replace(looked, permit=more))
            seen |= more.categories
    return looks


def _purpose_of(state: CaseState, acting: Acting, document: DocumentRef, now: datetime) -> Purpose | None:
    """Return for what the document is read: as is usual (none) where that shows it, else for what it was given for."""
    present = state.documents.get(document)
    for purpose in (None, *sorted(WORKING_PURPOSES)):
        try:
            permit = access.permit(state, Action.READ_DOCUMENT, acting, now, purpose)
        except DeniedError:
            continue
        if present is not None and present.category in permit.categories:
            return purpose
    return None


def _covered(state: CaseState, permit: Permit, document: DocumentRef) -> InformationCategory:
    present = state.documents.get(document)
    if present is None:
        raise UnknownPartError
    if present.category not in permit.categories:
        raise NotPermittedError("category-not-covered")
    return present.category


async def look_through(desk: Desk, ctx: Context, document: DocumentRef) -> None:
    """Let the scanner see what it has not: it was put in when there was none.

    Raises:
        DocumentInfectedError: something was found in it.
        ScannerUnavailableError: it cannot be looked through now.
    """
    if desk.scanner is None:
        return
    async with desk.pool.acquire() as conn:
        stored: Stored = await desk.documents.stored(conn, document)
    if stored.scanned:
        return
    async with desk.scanner.scan() as scan:
        async for part in desk.documents.content(stored):
            await scan.feed(part)
        if not await scan.is_clean():
            raise DocumentInfectedError
    await desk.documents.scanned(document, ctx.now)
