"""Making a report and looking at it: each time the right is asked for anew, and the look is committed before the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pydantic import Field

from services.audit.domain.entry import LogName
from services.audit.innsyn.codelists import CodeLists
from services.audit.innsyn.document import Report, named_actors
from services.audit.innsyn.domain import Counted, Counting, Right
from services.audit.innsyn.entries import CaseEntries, SignedAt
from services.audit.innsyn.errors import LogBehindError, NoSuchReportError
from services.audit.innsyn.names import NameDirectory
from services.audit.innsyn.rights import Rights
from services.audit.witnesses import Witnesses
from shared.aggregate import Aggregate, Changed, Context, Decision
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.audit import InnsynReportMade
from shared.contracts.base import EventData, Model, Moment
from shared.journal import Journal
from shared.refs import ActorId, CaseRef, Ids, InnsynReportRef, is_protected
from shared.web import answer


class ReportState(Model):
    """A report: what it is made from. Its rows are in the log, and are read from there each time."""

    report: InnsynReportRef | None = None
    case: CaseRef | None = None
    asked_by: ActorId | None = None
    size: int = 0
    looks: int = 0


def evolve(state: ReportState, event: EventData) -> ReportState:
    """Return the state after `event`; one of another kind changes nothing."""
    if not isinstance(event, InnsynReportMade):
        return state
    return ReportState(
        report=event.report, case=event.case, asked_by=event.asked_by, size=event.size, looks=event.looks
    )


REPORT: Final = Aggregate("innsyn-report", ReportState, ReportState(), evolve)


class ReportReceipt(Model):
    """A report that was made: where it is, and from what."""

    report: InnsynReportRef
    case: CaseRef
    made_at: Moment
    log: str = Field(examples=["lagspill.no/logs/4005"])
    """The log's name in its checkpoints."""
    size: int
    """Of the checkpoint that it was made from."""
    looks: int
    """How many readings and disclosures it tells of."""


@dataclass(frozen=True)
class InnsynDesk:
    """What the handlers work with; one for the whole service."""

    entries: CaseEntries
    journal: Journal
    rights: Rights
    names: NameDirectory
    lists: CodeLists
    ids: Ids
    contact: str | None
    """Where the municipality is asked for a name."""
    witnesses: Witnesses


async def make_report(
    desk: InnsynDesk, ctx: Context, actor: Actor, case: CaseRef, authorization: str
) -> Changed[ReportState]:
    """Make a report on `case` from the log as it is signed now; `authorization` is the header of the actor's request.

    Raises:
        NoSuchReportError, NoInsightRightError: the actor may not be told; the cases service has recorded it.
        RightUnknownError, LogBehindError: it cannot be said now.
    """
    right = await desk.rights.of(actor.id, case, authorization, ctx.correlation)
    newest = await desk.entries.signed(right.log)
    if newest is None:
        raise LogBehindError
    signed = await desk.entries.signed(right.log, await desk.witnesses.settled(LogName(right.log), newest.size))
    if signed is None:
        raise LogBehindError
    counted = await _count(desk, right, signed)
    ref = InnsynReportRef(desk.ids.ref("inn"))
    made = InnsynReportMade(
        report=ref,
        case=case,
        asked_by=actor.id,
        relation=right.relation,
        log=signed.origin,
        size=signed.size,
        looks=counted.looks,
    )
    receipt = ReportReceipt(
        report=ref, case=case, made_at=ctx.now, log=signed.origin, size=signed.size, looks=counted.looks
    )
    return await desk.journal.change(
        REPORT,
        ref,
        replace(ctx, scope=right.log),
        lambda _: Decision([made], [_look(actor, right)]),
        lambda _, version: answer(receipt, status=201, version=version, location=f"/innsyn-reports/{ref}"),
    )


async def read_report(
    desk: InnsynDesk, ctx: Context, actor: Actor, ref: InnsynReportRef, authorization: str
) -> tuple[Report, int]:
    """Return the report and its version: the same rows as when it was made, as far as the actor's right reaches now.

    Raises:
        NoSuchReportError: there is none, it is somebody else's, or the right has ended.
        NoInsightRightError, RightUnknownError, LogBehindError: as `make_report`.
    """
    loaded = await desk.journal.load(REPORT, ref)
    state = loaded.state
    if state.case is None or loaded.scope is None:
        raise NoSuchReportError
    if state.asked_by != actor.id:
        await _deny(desk, replace(ctx, scope=loaded.scope), actor, state.case)
        raise NoSuchReportError
    right = await desk.rights.of(actor.id, state.case, authorization, ctx.correlation)
    signed = await desk.entries.signed(right.log, state.size)
    if signed is None or right.log != loaded.scope:
        raise LogBehindError
    [(made, _)] = await desk.journal.history(REPORT, ref)
    counted = await _count(desk, right, signed)
    cosigned = await desk.witnesses.cosigned(LogName(right.log), signed.size)
    named = named_actors(counted.rows, desk.lists)
    report = Report(
        report=ref,
        made_at=made.time,
        right=right,
        origin=signed.origin,
        size=signed.size,
        note=cosigned or signed.note,
        witnessed=cosigned is not None,
        signed_at=signed.signed_at,
        counted=counted,
        names=await desk.names.names(named) if named else {},
    )
    await desk.journal.record_access(replace(ctx, scope=right.log), [_look(actor, right)])
    return report, loaded.version


async def _count(desk: InnsynDesk, right: Right, signed: SignedAt) -> Counted:
    counting = Counting(right)
    async for entry in desk.entries.of(right.log, right.case, signed.size, right.asking):
        counting.add(entry)
    return counting.counted()


def _look(actor: Actor, right: Right) -> AccessRecorded:
    return AccessRecorded(
        subject_ref=right.case,
        kind=AccessKind.LOG_READ,
        actor=actor.access_actor(address_protected=right.address_protected),
        case=right.case,
        basis=right.basis,
        permitted=True,
        address_protected=right.address_protected,
    )


async def _deny(desk: InnsynDesk, ctx: Context, actor: Actor, case: CaseRef) -> None:
    protected = is_protected(ctx.scope)
    refused = AccessRecorded(
        subject_ref=case,
        kind=AccessKind.DENY,
        actor=actor.access_actor(address_protected=protected),
        case=case,
        permitted=False,
        reason="not-your-report",
        address_protected=protected,
    )
    await desk.journal.record_access(ctx, [refused])
