"""HTTP of the findings: for auditors to see, for privacy officers to answer for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from services.audit.domain.case_of_finding import FindingState, FindingStatus, Reporting
from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.errors import NoSuchLogError
from services.audit.patterns.desk import FindingDesk, Note, Shown, Verdict
from services.audit.patterns.reading import FindingSearch, Group, LogFinding, key_of
from services.audit.patterns.store import PatternFinding
from services.audit.patterns.texts import finding_sentence
from shared.aggregate import Answer
from shared.contracts.base import Moment
from shared.contracts.codes import Language
from shared.refs import ActorIdField, CaseRefField, pattern
from shared.web import (
    AskedPage,
    Collection,
    CurrentActor,
    GivenMoment,
    GuardedCommand,
    Page,
    Reading,
    RequestModel,
    answer,
    represent,
    respond,
)

FINDING_ID: Final = rf"^({pattern('fnd')[1:-1]}|log-[1-9][0-9]{{0,17}})$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"\S")]


class FindingView(BaseModel):
    """A finding, newest first in a collection."""

    finding: str = Field(description="`fnd_…` about behaviour, `log-…` about the log itself.")
    group: Group
    log: str = Field(examples=["4005"])
    pattern: str = Field(examples=["without-relation"], description="The pattern; for one about the log, its kind.")
    status: FindingStatus | None = Field(description="Null for one about the log: evidence is not answered for here.")
    outcome: str | None
    sentence: str = Field(description="What the log shows, in plain language.")
    actor: str | None = Field(description="Whose behaviour: opaque.")
    source: str | None = Field(description="Of one about the log: the service whose records it is about.")
    raised_at: datetime
    first_position: int | None
    last_position: int | None
    first_at: datetime | None = Field(description="When the first of its entries happened.")
    last_at: datetime | None
    entries: int
    cases: int
    due: datetime | None = Field(description="Until when it is to be explained or, judged a breach, reported.")
    overdue: bool
    judged_at: datetime | None
    closed_at: datetime | None


class FindingEntryView(BaseModel):
    """An entry that a finding rests on; the whole of it is `/entries/{position}`."""

    position: int
    happened_at: datetime
    kind: str = Field(examples=["read"], description="`pruned` where the law let the entry go.")
    case: str | None
    permitted: bool | None


class NoteView(BaseModel):
    """What a privacy officer wrote."""

    at: datetime
    verdict: str = Field(examples=["lawful"])
    text: str
    reference: str | None
    reported_at: datetime | None


class FindingWithEntries(FindingView):
    """One finding, what it rests on, and what was written about it."""

    shown: Sequence[FindingEntryView] = Field(description="The newest of its entries.")
    next: str | None = Field(description="The cursor of older entries; null when all are shown.")
    notes: Sequence[NoteView] = Field(description="For privacy officers other than the one whom it is about.")


class Answered(BaseModel):
    """How a finding stands after an answer."""

    finding: str
    status: FindingStatus
    outcome: str | None
    due: datetime | None
    judged_at: datetime | None
    closed_at: datetime | None


class ExplanationBody(RequestModel):
    """What the privacy officer came to, and why."""

    verdict: Verdict
    text: Text = Field(examples=["Helped a colleague who was ill; the leader confirms it."])
    """Kept encrypted, and shown to privacy officers only. It is never published."""


class ReportingBody(RequestModel):
    """That it was reported to Datatilsynet."""

    reported_at: GivenMoment = Field(examples=["2026-09-22T08:00:00Z"])
    reference: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")] = Field(
        examples=["26/01234"]
    )
    """Datatilsynet's reference."""
    text: Text = Field(examples=["Reported; the guardians are told."])
    """What was reported, and to whom else (GDPR art. 34)."""
    delay_reason: Text | None = None
    """Why it comes after 72 hours; the report gives the same reasons (GDPR art. 33(1))."""


async def _language(
    language: Annotated[Language, Query(description="The language of the sentences.")] = Language.NB,
) -> Language:
    return language


async def _log(
    actor: CurrentActor,
    log: Annotated[
        str | None,
        Query(
            description="Whose log; the actor's own municipality's if left out. A protected case's takes its opaque name.",
            json_schema_extra={"pattern": LOG_NAME.pattern},
        ),
    ] = None,
) -> LogName:
    if log is not None and LOG_NAME.fullmatch(log) is None:
        raise NoSuchLogError
    return LogName(log if log is not None else actor.municipality)


async def _search(
    group: Annotated[Group | None, Query()] = None,
    pattern: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{2,60}$")] = None,
    status: Annotated[FindingStatus | None, Query()] = None,
    actor: Annotated[ActorIdField | None, Query(description="Whose behaviour.")] = None,
    case: Annotated[CaseRefField | None, Query(description="A case that its entries are about.")] = None,
    overdue: Annotated[bool | None, Query(description="Whether a due date has passed.")] = None,
    since: Annotated[GivenMoment | None, Query(description="Raised at this moment or later.")] = None,
    until: Annotated[GivenMoment | None, Query(description="Raised before this moment.")] = None,
) -> FindingSearch:
    return FindingSearch(group, pattern, status, actor, case, overdue, since, until)


FindingId = Annotated[str, Path(description="The finding.", pattern=FINDING_ID)]
AskedLanguage = Annotated[Language, Depends(_language)]


router = APIRouter(tags=["findings"])


async def _desk(request: Request) -> FindingDesk:
    desk: FindingDesk = request.app.state.findings
    return desk


AtDesk = Annotated[FindingDesk, Depends(_desk)]


@router.get("/findings", summary="What was found: in people's looks, and in the log itself; the newest first")
async def find(
    log: Annotated[LogName, Depends(_log)],
    ctx: Reading,
    paging: AskedPage,
    search: Annotated[FindingSearch, Depends(_search)],
    language: AskedLanguage,
    desk: AtDesk,
) -> Page[FindingView]:
    collection = Collection(f"findings {log} {astuple(search)}", tuple[Moment, str])
    before = collection.after(paging.cursor)
    found = await desk.find(ctx, log, search, before=before, limit=paging.limit + 1)
    page = collection.page(found, paging.limit, key_of)
    return Page(items=[finding_view(each, language) for each in page.items], next=page.next)


@router.get("/findings/{finding}", summary="One finding, with its entries", response_model=FindingWithEntries)
async def show(finding: FindingId, ctx: Reading, paging: AskedPage, language: AskedLanguage, desk: AtDesk) -> Response:
    collection = Collection(f"finding {finding}", int)
    shown = await desk.show(ctx, finding, before=collection.after(paging.cursor), limit=paging.limit + 1)
    entries = collection.page(shown.entries, paging.limit, lambda entry: entry.position)
    return represent(_with_entries(shown, entries.items, entries.next, language), version=shown.version)


@router.post(
    "/findings/{finding}/explanation", status_code=201, response_model=Answered, summary="Answer for a finding"
)
async def explain(finding: FindingId, body: ExplanationBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Explain it, or judge it a breach: then there are 72 hours to report it (GDPR art. 33)."""
    return respond(await desk.explain(ctx, finding, body.verdict, body.text, _answered))


@router.post(
    "/findings/{finding}/reporting",
    status_code=201,
    response_model=Answered,
    summary="Record that it was reported to Datatilsynet",
)
async def report(finding: FindingId, body: ReportingBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Close it as reported; after the 72 hours only with the reasons for the delay."""
    text = body.text if body.delay_reason is None else f"{body.text}\n\n{body.delay_reason}"
    note = Note(at=ctx.now, verdict="reporting", text=text, reference=body.reference, reported_at=body.reported_at)
    reporting = Reporting(body.reported_at, delay_explained=body.delay_reason is not None)
    return respond(await desk.report(ctx, finding, reporting, note, _answered))


def finding_view(finding: PatternFinding | LogFinding, language: Language) -> FindingView:
    """Return what is shown of a finding."""
    if isinstance(finding, LogFinding):
        return FindingView(
            finding=finding.id,
            group=Group.INTEGRITY,
            log=finding.log,
            pattern=finding.kind,
            status=None,
            outcome=None,
            sentence=finding_sentence(finding.kind, language),
            actor=None,
            source=finding.source,
            raised_at=finding.found_at,
            first_position=finding.position,
            last_position=finding.position,
            first_at=None,
            last_at=None,
            entries=0 if finding.position is None else 1,
            cases=0,
            due=None,
            overdue=False,
            judged_at=None,
            closed_at=None,
        )
    return FindingView(
        finding=finding.finding,
        group=Group.BEHAVIOUR,
        log=finding.log,
        pattern=finding.pattern,
        status=finding.status,
        outcome=finding.outcome,
        sentence=finding_sentence(finding.pattern, language, entries=finding.entries, cases=finding.cases),
        actor=finding.actor,
        source=None,
        raised_at=finding.raised_at,
        first_position=finding.first_position,
        last_position=finding.last_position,
        first_at=finding.first_at,
        last_at=finding.last_at,
        entries=finding.entries,
        cases=finding.cases,
        due=finding.due,
        overdue=finding.status is FindingStatus.OPEN and bool(finding.overdue),
        judged_at=finding.judged_at,
        closed_at=finding.closed_at,
    )


def _with_entries(
    shown: Shown, entries: Sequence[object], following: str | None, language: Language
) -> FindingWithEntries:
    views = [FindingEntryView.model_validate(entry, from_attributes=True) for entry in entries]
    notes = [NoteView(**note.model_dump()) for note in shown.notes]
    view = finding_view(shown.finding, language)
    return FindingWithEntries(**view.model_dump(), shown=views, next=following, notes=notes)


def _answered(state: FindingState, version: int) -> Answer:
    awaited = state.awaited
    told = Answered(
        finding=state.finding or "",
        status=state.status,
        outcome=state.outcome,
        due=None if awaited is None else awaited[1],
        judged_at=state.judged_at,
        closed_at=state.closed_at,
    )
    return answer(told, status=201, version=version)
