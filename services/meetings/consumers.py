"""What the meetings service takes from the cases service: which unit has a case, and what its consents permit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.meetings import lifted_store, own_family_store, store
from services.meetings.domain.agenda import decide_drop_lapsed, decide_drop_without_case
from services.meetings.domain.meeting import MEETING, MeetingState, RemovalReason
from services.meetings.domain.projection import learned, present
from services.meetings.domain.receipts import RECEIPTS, decide_receipt
from services.meetings.handlers import calendars, lifting
from services.meetings.handlers.desk import CONSUMER
from shared.aggregate import Changed
from shared.contracts.base import EventData
from shared.contracts.cases import (
    AbsenceReason,
    AbsenceRegistered,
    AbsenceWithdrawn,
    CaseClosed,
    CaseOpened,
    CaseReopened,
    ConcernRegistered,
    ConsentConfirmed,
    ConsentEvent,
    ConsentExpired,
    ConsentGranted,
    ConsentLapsed,
    ConsentNarrowed,
    ConsentRefused,
    ConsentRenewed,
    ConsentRequested,
    ConsentSuspended,
    ConsentWithdrawn,
    HandoverAccepted,
)
from shared.contracts.meetings import AgendaItemRemoved
from shared.contracts.moved import CaseReceived
from shared.contracts.safekeeping import (
    CaseContinued,
    CaseErased,
    FamilyMarked,
    GuardiansChanged,
    GuardianshipRecorded,
    IdentityCorrected,
    never_was,
)
from shared.contracts.team import LanguageNeedRecorded
from shared.deadlines import cancel
from shared.envelope import Envelope
from shared.inbox import Handler, Inbox, Tx, caused_by
from shared.refs import CaseRef
from shared.vault import forget


async def on_concern_registered(tx: Tx, event: ConcernRegistered, envelope: Envelope) -> None:
    """Learn whose case it will be, and how many must grant if nobody has asked yet."""
    await store.case_registered(
        tx.conn, event.case, envelope.municipality, event.registered_by.unit, event.guardians, _nth(envelope)
    )
    await own_family_store.put_marks(tx.conn, event.case, event.family)


async def on_case_held(tx: Tx, event: CaseOpened | CaseReopened | HandoverAccepted, envelope: Envelope) -> None:
    """Learn which unit has the case now; what another one brought of it leaves the agendas (seed rule 5)."""
    await lifting.promise_case(tx.conn, event.case, tx.now)
    await store.case_held(tx.conn, event.case, envelope.municipality, event.holder.unit, _nth(envelope), envelope.time)
    await _clear(tx, event.case, envelope)


async def on_case_continued(tx: Tx, event: CaseContinued, envelope: Envelope) -> None:
    """Learn that there is such a case, and how many must grant; which unit has it no event says, and nothing leads to it."""
    await store.case_registered(tx.conn, event.case, envelope.municipality, None, event.guardians, _nth(envelope))
    await own_family_store.put_marks(tx.conn, event.case, event.family)


async def on_family_said(tx: Tx, event: CaseReceived | IdentityCorrected | FamilyMarked, envelope: Envelope) -> None:
    """Learn who is of the child's family: at work it is none of theirs from now on, also in a meeting that is called already."""
    _ = envelope
    await own_family_store.put_marks(tx.conn, event.case, event.family)


async def on_guardianship(tx: Tx, event: GuardianshipRecorded, envelope: Envelope) -> None:
    """Somebody is of the family from now on, whenever they have responsibility; or was recorded wrongly, and never was."""
    _ = envelope
    if never_was(event.change, event.ground):
        await own_family_store.take_mark(tx.conn, event.case, event.ordinal)
    await own_family_store.put_marks(tx.conn, event.case, event.family)


async def on_case_closed(tx: Tx, event: CaseClosed, envelope: Envelope) -> None:
    """Learn that the case is closed, and whether it goes on elsewhere; it leaves the agendas."""
    elsewhere = event.outcome == "moved"
    await lifting.promise_case(tx.conn, event.case, tx.now)
    await store.case_closed(
        tx.conn, event.case, envelope.municipality, _nth(envelope), envelope.time, elsewhere=elsewhere
    )
    await _clear(tx, event.case, envelope)


async def on_case_erased(tx: Tx, event: CaseErased, envelope: Envelope) -> None:
    """Forget what meetings have written of the child, as the cases service has the rest: nothing of it is left to discuss.

    The items and outcomes that were named are sealed under the case; what is without a name is nobody's, and stays.
    """
    await store.case_closed(tx.conn, event.case, envelope.municipality, _nth(envelope), envelope.time, elsewhere=False)
    await _clear(tx, event.case, envelope)
    await store.forget_interpreters(tx.conn, event.case)
    await lifted_store.forget(tx.conn, event.case)
    await own_family_store.forget(tx.conn, event.case)
    await forget(tx.conn, owner=event.case)


async def _clear(tx: Tx, case: CaseRef, envelope: Envelope) -> None:
    """Take the case off every agenda to which a unit brought it that does not have it, open, any more."""
    [known] = (await store.hold_cases(tx.conn, [case])).values()
    ctx = caused_by(envelope, tx.now)
    for meeting in await store.called_meetings_about(tx.conn, case):
        changed = await tx.journal.change(
            MEETING, meeting, ctx, lambda state: decide_drop_without_case(state, known), conn=tx.conn
        )
        await _wait_again(tx, changed)


async def _wait_again(tx: Tx, changed: Changed[MeetingState]) -> None:
    """Let what was lifted and is taken off wait: there may be a basis for it before the next meeting."""
    await lifted_store.wait_again(
        tx.conn, [event.item for event in changed.events if isinstance(event, AgendaItemRemoved)]
    )


async def on_consent_changed(tx: Tx, event: ConsentEvent, envelope: Envelope) -> None:
    """Learn what the event says of the consent; what was lifted, and could not be heard by anybody, may be now."""
    await lifting.promise_case(tx.conn, event.case, tx.now)
    await store.learn(tx.conn, envelope.municipality, learned(event, envelope.time))


async def on_consent_ended(tx: Tx, event: ConsentEvent, envelope: Envelope) -> None:
    """Learn it, clear the agendas of what needed it, and say so: even when there was nothing to clear."""
    await on_consent_changed(tx, event, envelope)
    histories = await store.hold_consents(tx.conn, [event.case])
    at = present(histories, tx.now)
    reason: RemovalReason = "consent-expired" if isinstance(event, ConsentExpired) else "consent-withdrawn"
    ctx = caused_by(envelope, tx.now)
    removed = 0

    def drop(state: MeetingState) -> list[EventData]:
        return decide_drop_lapsed(state, event.case, histories, at, reason)

    for meeting in await store.called_meetings_about(tx.conn, event.case):
        changed = await tx.journal.change(MEETING, meeting, ctx, drop, conn=tx.conn)
        removed += len(changed.events)
        await _wait_again(tx, changed)
    await tx.journal.change(
        RECEIPTS,
        event.case,
        ctx,
        lambda state: decide_receipt(state, event.case, event.consent, event.version, removed),
        conn=tx.conn,
    )


async def on_language_need(tx: Tx, event: LanguageNeedRecorded, envelope: Envelope) -> None:
    """Learn that somebody in the family is spoken with through an interpreter (seed rule 146)."""
    _ = envelope
    await store.need_interpreter(tx.conn, event)


async def on_guardians_changed(tx: Tx, event: GuardiansChanged, envelope: Envelope) -> None:
    """Learn who has parental responsibility now: for nobody else is an interpreter planned (seed rule 146)."""
    _ = envelope
    await store.speak_with(tx.conn, event)


async def on_absence(tx: Tx, event: AbsenceRegistered, envelope: Envelope) -> None:
    """Somebody leaves: what programs read as them without signing in ends with their last day (seed rule 107)."""
    if event.reason is not AbsenceReason.AWAY:
        await calendars.promise_leaving(tx, event, envelope.municipality, caused_by(envelope, tx.now).correlation)


async def on_absence_withdrawn(tx: Tx, event: AbsenceWithdrawn, envelope: Envelope) -> None:
    """They stay."""
    _ = envelope
    await cancel(tx.conn, kind=calendars.LEFT, key=event.absence)


def _nth(envelope: Envelope) -> int:
    return int(envelope.sequence or "0")


HANDLERS: Final[Mapping[type[EventData], Handler]] = {
    ConcernRegistered: on_concern_registered,
    CaseOpened: on_case_held,
    CaseReopened: on_case_held,
    HandoverAccepted: on_case_held,
    CaseContinued: on_case_continued,
    CaseClosed: on_case_closed,
    CaseErased: on_case_erased,
    LanguageNeedRecorded: on_language_need,
    GuardiansChanged: on_guardians_changed,
    GuardianshipRecorded: on_guardianship,
    CaseReceived: on_family_said,
    IdentityCorrected: on_family_said,
    FamilyMarked: on_family_said,
    ConsentRequested: on_consent_changed,
    ConsentGranted: on_consent_changed,
    ConsentRefused: on_consent_changed,
    ConsentLapsed: on_consent_changed,
    ConsentConfirmed: on_consent_changed,
    ConsentRenewed: on_consent_changed,
    ConsentSuspended: on_consent_ended,
    ConsentNarrowed: on_consent_ended,
    ConsentWithdrawn: on_consent_ended,
    ConsentExpired: on_consent_ended,
    AbsenceRegistered: on_absence,
    AbsenceWithdrawn: on_absence_withdrawn,
}
INBOX: Final = Inbox(CONSUMER, HANDLERS)
