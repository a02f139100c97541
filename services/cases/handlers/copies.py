"""The whole copy for a guardian or the child: itself a recorded export, sent while it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from services.cases import store
from services.cases.contents import IdentityView, ObservationView
from services.cases.copying.archive import Entry, archive, whole
from services.cases.copying.content import CopiedAnswer, CopiedDocument, CopiedForm, Copy, LeftDocument, OwnDetails
from services.cases.copying.page import page
from services.cases.document_store import Stored
from services.cases.domain import insight
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.grantors import age_on
from services.cases.domain.relations import relations
from services.cases.domain.state import CaseState
from services.cases.domain.told import mine
from services.cases.errors import DeniedError, DocumentInfectedError
from services.cases.handlers.desk import CASE, Desk, Looked, deny, kept_back, look, meet, permit_there, record
from services.cases.handlers.noted import noted
from services.cases.handlers.recording import look_through
from services.cases.records import COPIED
from services.cases.team_contents import NeedContent
from services.cases.views import CaseView, told_views
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts.access import AccessKind
from shared.contracts.codes import InformationCategory, Language
from shared.contracts.safekeeping import MediaType
from shared.db import Connection
from shared.refs import CaseRef, DocumentRef

SUFFIX = {
    MediaType.PDF: "pdf",
    MediaType.JPEG: "jpg",
    MediaType.PNG: "png",
    MediaType.DOCX: "docx",
    MediaType.ODT: "odt",
    MediaType.TEXT: "txt",
}


@dataclass(frozen=True)
class Made:
    """A copy on its way out, after its record was committed."""

    case: CaseRef
    content: AsyncIterator[bytes]


async def take_copy(desk: Desk, ctx: Context, case: CaseRef, language: Language | None) -> Made:
    """Return everything of the case that this guardian or child may have (GDPR art. 15, 20), as an archive.

    What the child alone decides over by its age is left out for a guardian, and so is everything about another guardian. What no
    scanner has seen is looked through first, where there is one; a document in which something is found is named, and not in it.

    Raises:
        DeniedError: after the denial was recorded.
        ScannerUnavailableError: a document cannot be looked through now.
        ShreddedError: the case has been erased.
    """
    located, acting = await meet(desk, ctx, case)
    try:
        await _look_through_all(desk, ctx, located.case, acting)
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.TAKE_COPY)
            copy, documents = await _copy(desk, ctx, conn, located.case, acting, looked, language)
            shown = {one.category for one in copy.records} | {one.category for one in copy.documents}
            shown |= {category for form in copy.forms for category in form.content}
            shown |= {field.category for form in copy.forms for field in form.fields.values()}
            await record(
                desk,
                ctx,
                conn,
                looked,
                shown=frozenset(shown | {InformationCategory.IDENTITY}),
                documents=[one.document for one in copy.documents],
                kind=AccessKind.EXPORT,
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    entries = [
        Entry("index.html", whole(page(copy))),
        Entry("copy.json", whole(copy.model_dump_json(indent=2).encode())),
        *(Entry(one.file, desk.documents.content(documents[one.document])) for one in copy.documents),
    ]
    return Made(located.case, archive(entries, ctx.now))


async def _look_through_all(desk: Desk, ctx: Context, case: CaseRef, acting: Acting) -> None:
    """Let the scanner see what of this reader's copy it has not; a stranger's look does not even reach it.

    Raises:
        DeniedError: the actor may take no copy.
        ScannerUnavailableError: a document cannot be looked through now.
    """
    if desk.scanner is None:
        return
    async with desk.pool.acquire() as conn:
        state = (await desk.journal.load(CASE, case, conn=conn)).state
        permit = await permit_there(desk, ctx, conn, state, acting, Action.TAKE_COPY)
    for one in state.documents.values():
        if one.category in permit.categories:
            with suppress(DocumentInfectedError):
                await look_through(desk, ctx, one.ref)


async def _copy(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    case: CaseRef,
    acting: Acting,
    looked: Looked,
    language: Language | None,
) -> tuple[Copy, dict[str, Stored]]:
    child = await desk.records.child(conn, case)
    guardians = await desk.records.guardians(conn, case)
    today = oslo_day(ctx.now)
    row = desk.rules.insight_row(age_on(child.born, today), today)
    right = insight.decide_right(acting, looked.permit.relation, row, await store.family(conn, case))
    allowed = looked.permit.categories - right.withheld
    own = next((one for one in guardians if one.actor == acting.actor), None)
    documents, left = await _documents(desk, conn, looked.state, allowed)
    needs = [one for one in await desk.team.records.needs(conn, case) if (one.person, one.ordinal) == mine(acting)]
    kept = await kept_back(desk, ctx, conn, case, acting)
    titles = await desk.records.titles(conn, case)
    basis = next(row for row in desk.rules.bases if row.code == looked.permit.basis)
    return (
        Copy(
            case=case,
            made_at=ctx.now,
            basis=looked.permit.basis,
            section=basis.section,
            language=language or (Language.NB if own is None else own.language),
            categories=tuple(sorted(allowed)),
            left_out=tuple(sorted(right.withheld)),
            child=IdentityView(name=child.name, national_number=child.national_number, born=child.born),
            you=None
            if own is None
            else OwnDetails(
                name=own.name,
                language=own.language,
                email=own.email,
                phone=own.phone,
                since=own.since,
                until=own.until,
            ),
            spoken_with=NeedContent(**dict(needs[0])) if needs else None,
            noted=tuple(await noted(desk, conn, case, mine(acting))),
            course=CaseView.whole(looked.state, relations(looked.state, acting, ctx.now)),
            records=tuple(
                ObservationView(record=one.record, category=one.category, text=one.text)
                for one in await desk.records.texts(conn, case, allowed, COPIED)
                if one.record not in kept and one.text
            ),
            forms=await _forms(desk, conn, case, looked.state, allowed),
            documents=tuple(
                CopiedDocument(
                    document=one.ref,
                    title=titles.get(one.ref, ""),
                    category=one.category,
                    media=one.media,
                    size=one.size,
                    file=f"documents/{one.ref}.{SUFFIX[one.media]}",
                )
                for one in looked.state.documents.values()
                if one.ref in documents
            ),
            documents_left_out=tuple(
                LeftDocument(document=ref, title=titles.get(ref, ""), category=looked.state.documents[ref].category)
                for ref in left
            ),
            told=told_views(await store.disclosures(conn, case), looked.state, acting),
        ),
        {str(ref): stored for ref, stored in documents.items()},
    )


async def _documents(
    desk: Desk, conn: Connection, state: CaseState, allowed: frozenset[InformationCategory]
) -> tuple[dict[str, Stored], list[DocumentRef]]:
    """Return the documents that go into the copy, and those that do not: the scanner has let none of them through."""
    found: dict[str, Stored] = {}
    left: list[DocumentRef] = []
    for one in state.documents.values():
        if one.category in allowed:
            stored = await desk.documents.stored(conn, one.ref)
            if stored.scanned or desk.scanner is None:
                found[str(one.ref)] = stored
            else:
                left.append(one.ref)
    return found, left


async def _forms(
    desk: Desk, conn: Connection, case: CaseRef, state: CaseState, allowed: frozenset[InformationCategory]
) -> tuple[CopiedForm, ...]:
    forms = []
    for ref, form in state.forms.items():
        content = await desk.records.form(conn, case, ref, form.version, allowed)
        answers = await desk.records.answers(conn, case, ref, form.version, allowed)
        fields = {code: CopiedAnswer(category=one.category, text=one.text) for code, one in answers.items()}
        forms.append(CopiedForm(form=ref, version=form.version, content=content, fields=fields))
    return tuple(forms)
