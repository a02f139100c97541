"""Concern reports to child welfare: made, delivered, posted, answered (barnevernsloven §§ 13-2, 13-3; seed rules 93, 192)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

import structlog

from services.cases import store
from services.cases.channel import ChannelError, ReportChannel, ReportDocument, ReportedChild, ReportedGuardian
from services.cases.domain import reports
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.around import ReportState, ReportStatus
from services.cases.domain.hearing import NotHeardReason
from services.cases.domain.state import CaseState
from services.cases.errors import (
    DeniedError,
    NotInvolvedError,
    NotPermittedError,
    ReportNotToPostError,
    UnknownPartError,
)
from services.cases.handlers.around import REPORT_DELIVERY
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Keep,
    Looked,
    actor_of,
    change,
    deny,
    following,
    glance,
    look,
    meet,
    permitted,
    placed,
)
from services.cases.handlers.team import age_now
from services.cases.handlers.unattended import change_by_time
from services.cases.letters import make_letter
from services.cases.store import Located
from services.cases.team_contents import ReportContent
from services.cases.team_records import REPORT_VIEW, KeptReport
from services.cases.views_team import ReportView
from shared.aggregate import Answer, Changed, Context
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, ChildHeardBy
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.deadlines import Deadline, Errand, Settle, cancel, set_deadline, still_promised
from shared.inbox import Tx
from shared.refs import CaseRef, ChildViewRef, ConcernReportRef, LogScope
from shared.vault import ShreddedError
from shared.web import answer

ANSWER_WITHIN: Final = timedelta(minutes=1)
"""After which an attempt of which nothing was heard is made again: longer than the channel is given to answer."""
FIRST_PAUSE: Final = timedelta(minutes=1)
"""Before the digital channel is tried a second time; each pause is twice the one before."""
LONGEST_PAUSE: Final = timedelta(hours=2)
CONTENT: Final = frozenset({InformationCategory.IDENTITY, InformationCategory.CONCERN, InformationCategory.CHILD_VIEW})

log = structlog.get_logger(__name__)


class Tried(Model):
    """How often the digital channel was asked: what the deadline of the next attempt remembers."""

    attempts: int = 0


@dataclass(frozen=True)
class ChildSaid:
    """That the child was heard before the report."""

    method: ChildHeardBy
    text: str
    trusted_person: bool


@dataclass(frozen=True)
class Reporting:
    """A report as it was written."""

    ground: str
    text: str
    guardians_informed: bool
    not_informed_because: reports.NotInformedReason | None
    child: ChildSaid | None
    not_heard: NotHeardReason | None


async def report_concern(desk: Desk, ctx: Context, case: CaseRef, written: Reporting) -> Changed[CaseState]:
    """Report a concern: the report to the vault, the fact to the bus, the disclosure to the log (seed rules 93, 192)."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.REPORT_CONCERN)
    report = ConcernReportRef(desk.ids.ref("rpt"))
    said = written.child
    heard = None
    if said is not None:
        view = ChildViewRef(desk.ids.ref("cvw"))
        heard = reports.HeardNow(view=view, method=said.method, trusted_person=said.trusted_person)
    command = reports.ReportConcern(
        by=acting,
        report=report,
        ground=written.ground,
        guardians_informed=written.guardians_informed,
        not_informed_because=written.not_informed_because,
        heard=heard,
        not_heard=written.not_heard,
        age=await age_now(desk, ctx, located.case),
        digital=desk.team.channel is not None,
    )
    kept = KeptReport(
        ground=written.ground,
        text=written.text,
        guardians_informed=written.guardians_informed,
        not_informed_because=written.not_informed_because,
        child_said=None if said is None else said.text,
        child_heard_by=None if said is None else said.method,
        not_heard_because=written.not_heard,
    )
    rule, protected = desk.team_of(located.municipality).reports, False

    def decide(state: CaseState) -> list[CaseEvent]:
        nonlocal protected
        protected = state.address_protected
        return reports.decide_report(
            state,
            command,
            ctx.now,
            rules=desk.rules,
            hearing=desk.team.hearing,
            grounds=desk.team.grounds,
            rule=rule,
        )

    async def keep(conn: Connection) -> None:
        # No event of an address-protected case says in which unit its reporter works.
        if protected and acting.unit is not None:
            await desk.records.keep_reported_from(conn, located.case, report, acting.unit)
        await desk.team.records.keep_report(conn, located.case, report, kept)
        if heard is not None and said is not None:
            await desk.team.records.keep(
                conn, located.case, f"{REPORT_VIEW}{heard.view}", InformationCategory.CHILD_VIEW, said.text
            )

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: _shown(state, report, version),
        keep,
    )


async def list_reports(
    desk: Desk, ctx: Context, case: CaseRef, *, after: ConcernReportRef | None, limit: int
) -> tuple[list[ReportView], int]:
    """Return one more than `limit` of the reports that the actor may know of; for guardians what they were told of themselves."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.SEE_REPORT)
    async with desk.pool.acquire() as conn:
        there = await placed(desk, conn, looked.state, acting)
    seen, every = {one.ref for one in reports.visible(there, acting, ctx.now)}, looked.state.around.reports
    refs = [ref for ref in following(every, after) if ref in seen][: limit + 1]
    return [ReportView.of(located.case, every[ref]) for ref in refs], looked.version


async def read_report(desk: Desk, ctx: Context, report: ConcernReportRef) -> tuple[ReportContent, int]:
    """Return a report as it was written, to whoever wrote it or leads that unit; recorded first."""
    looked, present, document = await _open(desk, ctx, report, AccessKind.READ)
    view = ReportView.of(looked.state.case, present)
    words = document.model_dump(include=KeptReport.model_fields.keys() - {"guardians_informed"})
    content = ReportContent(**{**dict(view), **words})
    return content, looked.version


async def post_report(desk: Desk, ctx: Context, report: ConcernReportRef) -> Changed[CaseState]:
    """Note that the letter was posted: as it was printed last, or, if it never was here, as it is now."""

    async def keep(conn: Connection) -> None:
        located = await store.locate(conn, report)
        if located is not None:
            present = (await desk.journal.load(CASE, located.case, conn=conn)).state.around.reports[report]
            document = await document_of(desk, conn, located.case, located.municipality, present)
            await desk.team.records.keep_sent(conn, located.case, report, document.model_dump_json())

    return await _follow(
        desk,
        ctx,
        report,
        lambda state, by: reports.decide_posted(state, reports.FollowReport(by=by, report=report), ctx.now),
        keep,
    )


async def note_guardians_informed(desk: Desk, ctx: Context, report: ConcernReportRef) -> Changed[CaseState]:
    """Note that the guardians have been told of it; known already, nothing happens."""
    return await _follow(
        desk,
        ctx,
        report,
        lambda state, by: reports.decide_informed(state, reports.FollowReport(by=by, report=report), ctx.now),
    )


async def print_letter(desk: Desk, ctx: Context, report: ConcernReportRef) -> bytes:
    """Return the report as a letter to child welfare, a PDF; that it was printed is recorded first.

    Raises:
        ReportNotToPostError: it went its way digitally.
        LetterUnavailableError: it could not be set.
    """
    _, present, document = await _open(desk, ctx, report, AccessKind.PRINT)
    if present.status not in {ReportStatus.TO_POST, ReportStatus.POSTED}:
        raise ReportNotToPostError(extensions={"status": present.status})
    return await make_letter(document, made_at=ctx.now)


async def record_feedback(
    desk: Desk, ctx: Context, report: ConcernReportRef, kind: reports.Feedback
) -> Changed[CaseState]:
    """Record child welfare's answer (barnevernsloven § 13-3)."""
    return await _follow(
        desk,
        ctx,
        report,
        lambda state, by: reports.decide_feedback(
            state, reports.RecordFeedback(by=by, report=report, kind=kind), ctx.now
        ),
    )


async def _follow(
    desk: Desk,
    ctx: Context,
    report: ConcernReportRef,
    decide: Callable[[CaseState, Acting], Sequence[CaseEvent]],
    keep: Keep | None = None,
) -> Changed[CaseState]:
    """Let `decide` say what the reporter does afterwards, and tell how the report stands then."""
    located, acting = await meet(desk, ctx, report)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: decide(state, acting),
        lambda state, version: _shown(state, report, version),
        keep,
    )


async def deliver(desk: Desk, tx: Tx, deadline: Deadline) -> Errand | None:
    """Commit that the digital channel is asked now, and again if nothing is heard of it; return the asking itself.

    Whoever dies on the way asks again, with the same reference, and the channel knows it. So a report is neither lost nor doubled,
    and nothing is held while somebody else takes their time.
    """
    report = ConcernReportRef(deadline.key)
    located = await store.locate(tx.conn, report)
    if located is None:
        return None
    state = (await tx.journal.load(CASE, located.case, conn=tx.conn)).state
    present = state.around.reports.get(report)
    if present is None or present.status is not ReportStatus.SENT:
        return None
    channel = desk.team.channel
    if channel is None:
        # There was one when it was sent, and there is none any more.
        await change_by_time(desk, tx, report, lambda state: reports.decide_failed(state, report, "unreachable", 1))
        return None
    tried = Tried(attempts=Tried.model_validate_json(deadline.payload).attempts + 1)
    again = Deadline(REPORT_DELIVERY, report, tx.now + ANSWER_WITHIN, tried.model_dump_json())
    await set_deadline(tx.conn, kind=again.kind, key=again.key, due=again.due, payload=again.payload)
    # Under one reference the channel is given one document, however often it is asked.
    document = await document_of(desk, tx.conn, located.case, located.municipality, present)
    await desk.team.records.keep_sent(tx.conn, located.case, report, document.model_dump_json())
    return partial(_ask, desk, channel, document, again, tried.attempts, present.deliver_by)


async def _ask(
    desk: Desk, channel: ReportChannel, document: ReportDocument, again: Deadline, attempt: int, deliver_by: datetime
) -> Settle:
    """Ask the channel; return what commits its answer."""
    try:
        await channel.deliver(document)
    except ChannelError as error:
        log.warning("report_not_delivered", attempt=attempt, reason=error.reason)
        return partial(_not_delivered, desk, again, attempt, deliver_by, error)
    return partial(_delivered, desk, again)


async def _delivered(desk: Desk, again: Deadline, tx: Tx) -> None:
    """Commit the receipt, whichever attempt it answers."""
    report = ConcernReportRef(again.key)
    await change_by_time(desk, tx, report, lambda state: reports.decide_received(state, report, tx.now))
    await cancel(tx.conn, kind=REPORT_DELIVERY, key=report)


async def _not_delivered(
    desk: Desk, again: Deadline, attempt: int, deliver_by: datetime, error: ChannelError, tx: Tx
) -> None:
    """Commit when it is tried again, or that it goes by letter. An attempt that took too long leaves that to the next one."""
    if not await still_promised(tx.conn, again):
        return
    report = ConcernReportRef(again.key)
    due = tx.now + min(FIRST_PAUSE * 2 ** min(attempt - 1, 20), LONGEST_PAUSE)
    if error.final or due > deliver_by:
        await change_by_time(
            desk, tx, report, lambda state: reports.decide_failed(state, report, error.reason, attempt)
        )
        await cancel(tx.conn, kind=REPORT_DELIVERY, key=report)
    else:
        await set_deadline(tx.conn, kind=REPORT_DELIVERY, key=report, due=due, payload=again.payload)


async def _open(
    desk: Desk, ctx: Context, report: ConcernReportRef, kind: Literal[AccessKind.READ, AccessKind.PRINT]
) -> tuple[Looked, ReportState, ReportDocument]:
    located, acting = await meet(desk, ctx, report)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            try:
                looked = await look(desk, ctx, conn, located, acting, Action.READ_REPORT)
                there = await placed(desk, conn, looked.state, acting)
                reports.seen(there, report, acting, ctx.now)
            except (UnknownPartError, NotPermittedError):
                # A report that is not for the reader is told from none at all by nobody.
                raise NotInvolvedError("no-relation") from None
            present = looked.state.around.reports[report]
            if not reports.reads(there, report, acting):
                raise NotInvolvedError("no-relation")
            document = await _as_sent(desk, conn, located, present)
            if kind is AccessKind.PRINT and present.status is ReportStatus.TO_POST:
                await desk.team.records.keep_sent(conn, located.case, report, document.model_dump_json())
            entry = AccessRecorded(
                subject_ref=located.case,
                kind=kind,
                actor=actor_of(ctx).access_actor(address_protected=looked.state.address_protected),
                case=located.case,
                categories=CONTENT if document.child_said is not None else CONTENT - {InformationCategory.CHILD_VIEW},
                basis=present.basis,
                permitted=True,
                address_protected=looked.state.address_protected,
                not_for_guardians=not present.guardians_informed,
            )
            await desk.journal.record_access(replace(ctx, scope=looked.scope), [entry], conn=conn)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return looked, present, document


async def document_of(
    desk: Desk, conn: Connection, case: CaseRef, municipality: LogScope, present: ReportState
) -> ReportDocument:
    """Return a report as child welfare got it or, while it has not gone, as it would get it by what the vault has now.

    Raises:
        ShreddedError: the case has been erased, or goes on under another reference.
    """
    sent = None if present.status is ReportStatus.TO_POST else await desk.team.records.sent(conn, case, present.ref)
    if sent is not None:
        return ReportDocument.model_validate_json(sent)
    kept = await desk.team.records.report(conn, case, present.ref)
    child = await desk.records.child(conn, case)
    guardians = await desk.records.guardians(conn, case)
    ground = desk.team.grounds.ground(kept.ground, oslo_day(present.sent_at))
    return ReportDocument(
        report=present.ref,
        sent_at=present.sent_at,
        municipality=municipality,
        reporter_role=present.reporter.role,
        reporter_service=present.reporter.service,
        reporter_organisation=present.reporter.organisation,
        ground=ground.code,
        ground_letter=ground.letter,
        ground_text=ground.nb,
        section=f"barnevernsloven § 13-2 første ledd bokstav {ground.letter}",
        child=ReportedChild(name=child.name, national_number=child.national_number, born=child.born),
        guardians=tuple(
            ReportedGuardian(name=one.name, national_number=one.national_number, phone=one.phone, language=one.language)
            for one in guardians
        ),
        guardians_informed=kept.guardians_informed,
        not_informed_because=kept.not_informed_because,
        child_heard_by=kept.child_heard_by,
        child_said=kept.child_said,
        not_heard_because=kept.not_heard_because,
        text=kept.text,
    )


async def keep_reports(desk: Desk, conn: Connection, located: Located, state: CaseState) -> None:
    """Keep the case's reports for who wrote them, each under its own reference and key: the case's is about to be destroyed.

    How the guardians are reached is left out: the reporter knew whom it was about, and nobody looks up there where they are.
    """
    for present in state.around.reports.values():
        document = await document_of(desk, conn, located.case, located.municipality, present)
        unreachable = tuple(one.model_copy(update={"phone": None}) for one in document.guardians)
        apart = document.model_copy(update={"guardians": unreachable})
        await desk.team.records.keep_apart(conn, present.ref, apart.model_dump_json())


async def _as_sent(desk: Desk, conn: Connection, located: Located, present: ReportState) -> ReportDocument:
    """Return a report from its case's vault, or, where that is gone because the case goes on elsewhere, from its own."""
    try:
        return await document_of(desk, conn, located.case, located.municipality, present)
    except ShreddedError:
        apart = await desk.team.records.apart(conn, present.ref)
        if apart is None:
            raise
        return ReportDocument.model_validate_json(apart)


def _shown(state: CaseState, report: ConcernReportRef, version: int) -> Answer:
    view = ReportView.of(state.case, state.around.reports[report])
    return answer(view, status=201, version=version, location=f"/concern-reports/{report}")
