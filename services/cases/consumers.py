"""What other services' events, and time, do to cases. Each handler runs in the transaction that marks its event as taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from services.cases import (
    ending_store,
    form_store,
    glass_store,
    kin_store,
    store,
    team_consumers,
    team_store,
)
from services.cases.domain import contributions, guardianship, levels, measures, waiting
from services.cases.domain import glass as glasses
from services.cases.handlers import (
    absences,
    ages,
    consent_times,
    elsewhere,
    ending,
    form_times,
    own_family,
    places,
    protecting,
)
from services.cases.handlers.around import OVERLAP_ELSEWHERE
from services.cases.handlers.desk import HANDOVER_ANSWER, HANDOVER_ESCALATION, Desk
from services.cases.handlers.kept import (
    CHILD_PROTECTION,
    GLASS_ESCALATION,
    GLASS_REVIEW,
    GUARDIANSHIP,
    PROTECTION_DUE,
    QUIET_CLOSING,
)
from services.cases.handlers.unattended import change_by_time, change_in
from services.cases.store import Disclosure
from shared.contracts import meetings, notify
from shared.contracts.base import EventData
from shared.contracts.team import ContributionRequested
from shared.deadlines import Deadline, DeadlineHandler, Errand
from shared.envelope import Envelope
from shared.inbox import Handler, Inbox, Tx, caused_by
from shared.refs import AbsenceRef, CaseRef, GlassRef, GoalRef, HandoverRef

CONSUMER: Final = "cases"
Receipt = meetings.ConsentReceiptRecorded | notify.ConsentReceiptRecorded


async def on_outcome(desk: Desk, tx: Tx, event: meetings.OutcomeRecorded, envelope: Envelope) -> None:
    """A named item was decided on: its measures are planned and their services join, from this event alone (seed rules 26, 88).

    What the rules refuse is refused here as for anybody, and whoever holds the case is told: the minutes still say it was decided.
    """
    if event.case is None or event.mode is not meetings.ItemMode.NAMED:
        return
    located = await store.locate(tx.conn, event.case)
    if located is None:
        return
    outcome = measures.MeetingOutcome(
        meeting=event.meeting,
        item=event.item,
        measures=tuple(
            measures.NewMeasure(
                measure=planned.measure,
                goal=GoalRef(tx.ids.ref("goa")),
                code=planned.code,
                owner=planned.owner,
                owner_unit=planned.owner_unit,
                indicator=planned.indicator,
                evaluate_by=planned.evaluate_by,
            )
            for planned in event.measures
        ),
        join_team=event.join_team,
        contributions=tuple(
            contributions.DecidedContribution.model_validate(asked.model_dump()) for asked in event.contributions
        ),
    )
    await team_store.item_decided(tx.conn, event)
    rules = desk.rules_of(located.municipality)
    asking = desk.team_of(located.municipality).contributions if event.contributions else None
    happened = await change_in(
        desk,
        tx,
        event.case,
        caused_by(envelope, tx.now),
        lambda state: measures.decide_outcome(state, outcome, tx.now, rules, desk.team.hearing, asking),
    )
    for one in happened:
        if isinstance(one, ContributionRequested):
            # What is asked in words stands in the minutes, with the meetings service.
            await desk.team.records.keep_question(tx.conn, event.case, one.contribution, "")


async def on_discussed(desk: Desk, tx: Tx, event: meetings.CaseDiscussed, envelope: Envelope) -> None:
    """A case was discussed by name: the services that stayed have been told, and the meeting was held (seed rules 4, 18, 68)."""
    if event.case is None:
        return
    case = event.case
    located = await store.locate(tx.conn, case)
    if located is None:
        return
    rules = desk.rules_of(located.municipality) if located.municipality in desk.profiles else desk.rules
    await change_in(
        desk,
        tx,
        case,
        caused_by(envelope, tx.now),
        lambda state: levels.decide_meeting_held(
            state,
            meeting=event.meeting,
            item=event.item,
            discussed_at=event.discussed_at or envelope.time,
            rules=rules,
        ),
    )
    told = [
        Disclosure(
            at=envelope.time,
            way="meeting",
            service=service,
            role=None,
            organisation=None,
            categories=event.categories,
            consent=event.consent,
            consent_version=event.consent_version,
        )
        for service in sorted(event.attended_by)
    ]
    await store.disclosed(tx.conn, case, told)


async def on_receipt(desk: Desk, tx: Tx, event: Receipt, envelope: Envelope) -> None:
    """A service says that it has acted on a change of consent."""
    _ = desk
    consumer = envelope.source.rsplit("/", 1)[-1]
    await store.receipt(tx.conn, event.consent, event.consent_version, consumer, envelope.time, envelope.id)


async def on_handover_due(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Nobody has answered a handover in time (seed rule 107)."""
    handover = HandoverRef(deadline.key)
    await change_by_time(desk, tx, deadline.key, lambda state: waiting.decide_overdue(state, handover, tx.now))


async def on_handover_escalation(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Nobody has answered, and it lies with the receiver's leader (seed rule 107)."""
    handover = HandoverRef(deadline.key)
    await change_by_time(desk, tx, deadline.key, lambda state: waiting.decide_escalate(state, handover, tx.now))


async def on_glass_review_due(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Nobody has reviewed an emergency access in time (invariant 12)."""
    glass = GlassRef(deadline.key)
    await change_by_time(desk, tx, deadline.key, lambda state: glasses.decide_overdue(state, glass, tx.now, desk.glass))


async def on_glass_escalation(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Still nobody has: from here on the privacy officer may."""
    glass = GlassRef(deadline.key)
    await change_by_time(
        desk, tx, deadline.key, lambda state: glasses.decide_escalate(state, glass, tx.now, desk.glass)
    )
    await glass_store.escalated(tx.conn, glass, tx.now)


async def on_absence_last_day(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Somebody's last day is over: nothing rests with who is not there (seed rule 107)."""
    await absences.begin_absence(desk, tx, AbsenceRef(deadline.key))


def of_case(
    act: Callable[[Desk, Tx, CaseRef], Awaitable[None]],
) -> Callable[[Desk, Tx, Deadline], Awaitable[None]]:
    """Return what acts when a time of a whole case is out."""

    async def on_time(desk: Desk, tx: Tx, deadline: Deadline) -> None:
        await act(desk, tx, CaseRef(deadline.key))

    return on_time


async def on_guardianship(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A day has come on which parental responsibility begins, or the day after its last: who must grant follows."""
    case = CaseRef(deadline.key.partition(":")[0])
    responsible = await kin_store.responsible(tx.conn, case, tx.now)
    await change_by_time(desk, tx, case, lambda state: guardianship.decide_responsible(state, responsible))


def inbox(desk: Desk) -> Inbox:
    """Return what this service takes in beside `coming_consumers`. Each event stands alone: a parked one holds back no other."""
    handlers: dict[type[EventData], Handler] = {
        meetings.OutcomeRecorded: partial(on_outcome, desk),
        meetings.CaseDiscussed: partial(on_discussed, desk),
        meetings.MeetingHeld: partial(team_consumers.on_held, desk),
        meetings.MinutesApproved: partial(team_consumers.on_minutes, desk),
        meetings.ConsentReceiptRecorded: partial(on_receipt, desk),
        notify.ConsentReceiptRecorded: partial(on_receipt, desk),
    }
    return Inbox(CONSUMER, handlers, parks_key=False)


def deadlines(desk: Desk) -> Mapping[str, DeadlineHandler]:
    """Return what happens when a time is out."""
    kinds: dict[str, Callable[[Desk, Tx, Deadline], Awaitable[Errand | None]]] = {
        **consent_times.DEADLINES,
        **ages.DEADLINES,
        HANDOVER_ANSWER: on_handover_due,
        GLASS_REVIEW: on_glass_review_due,
        GUARDIANSHIP: on_guardianship,
        QUIET_CLOSING: of_case(protecting.close_quietly),
        PROTECTION_DUE: of_case(protecting.protection_due),
        CHILD_PROTECTION: protecting.with_the_child,
        own_family.FAMILY_MARKS: own_family.mark_anew,
        places.SETTLE_PLACES: of_case(places.settle_places),
        GLASS_ESCALATION: on_glass_escalation,
        HANDOVER_ESCALATION: on_handover_escalation,
        absences.ABSENCE_LAST_DAY: on_absence_last_day,
        form_store.FORM_APPROVAL: form_times.on_approval_waits,
        form_store.FORM_DUE: form_times.on_due,
        form_store.FORM_OVERDUE: form_times.on_overdue,
        ending_store.RETENTION: of_case(ending.retention_over),
        OVERLAP_ELSEWHERE: of_case(elsewhere.compare_cases),
        ending_store.ADULTHOOD_END: of_case(ending.adulthood_overdue),
        **team_consumers.DEADLINES,
    }
    return {kind: partial(handler, desk) for kind, handler in kinds.items()}
