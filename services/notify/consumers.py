"""What the events of cases and meetings mean here: what must be done by when, who is told, and what is quiet from now on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Literal

from services.notify import asked_facts, facts, store
from services.notify.absences import Absences
from services.notify.asked import Asked
from services.notify.asked_facts import Sender
from services.notify.consents import ConsentEvents
from services.notify.contact_persons import ContactPersons
from services.notify.deviations import Deviations
from services.notify.domain import policy
from services.notify.domain.deadline import DeadlineState, deadline_of, decide_close, decide_set, meeting_of
from services.notify.emergencies import Emergencies
from services.notify.endings import Endings
from services.notify.facts import CONSUMER
from services.notify.figure_duties import FigureDuties
from services.notify.handlers import Teller, about, about_event, nth, responsible, telling
from services.notify.hearings import Hearings
from services.notify.invitations import Invitations
from services.notify.lifted import LiftedItems
from services.notify.protection import Protection
from services.notify.report_duties import ReportDuties
from services.notify.team import Team
from shared.aggregate import Context
from shared.arrivals import Handler, Tx
from shared.contracts import cases
from shared.contracts.base import EventData
from shared.contracts.notify import DeadlineKind, Responsible
from shared.contracts.safekeeping import CaseErased, GuardiansChanged
from shared.contracts.team import LanguageNeedRecorded
from shared.envelope import Envelope
from shared.inbox import Inbox, caused_by


def inbox(teller: Teller) -> Inbox:
    """Return what this service takes in."""
    handlers = {
        **CaseEvents(teller).handlers(),
        **ConsentEvents(teller).handlers(),
        **Invitations(teller).handlers(),
        **Asked(teller).handlers(),
        **Endings(teller).handlers(),
        **Emergencies(teller).handlers(),
        **Protection(teller).handlers(),
        **Hearings(teller).handlers(),
        **ReportDuties(teller).handlers(),
        **FigureDuties(teller).handlers(),
        **Deviations(teller).handlers(),
        **LiftedItems(teller).handlers(),
        **Absences().handlers(),
    }
    return Inbox(CONSUMER, handlers)


class CaseEvents:
    """The handlers of the cases' events."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller
        self._team = Team(teller)
        self._contact_persons = ContactPersons(teller)

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            cases.ConcernJoined: self.on_concern_registered,
            cases.CaseMeetingHeld: self.on_meeting_held,
            cases.TeamMemberAdded: self._team.on_joined,
            cases.TeamMemberRemoved: self.on_team_member_removed,
            cases.ContactPersonChosen: self._contact_persons.on_chosen,
            cases.MeasureChanged: self.on_measure_changed,
            cases.OutcomeRefused: self._team.on_outcome_refused,
            cases.MeasureOverlapSuspected: self._team.on_overlap,
            cases.MeasureOverlapElsewhereSuspected: self._team.on_overlap_elsewhere,
            cases.ConcernRegistered: self.on_concern_registered,
            cases.ConcernResolvedLocally: self.on_concern_settled,
            cases.ConcernEscalated: self.on_concern_settled,
            cases.CaseOpened: self.on_case_opened,
            cases.CaseReopened: self.on_case_reopened,
            cases.CaseLevelChanged: self.on_case_decided,
            cases.CaseClosed: self.on_case_closed,
            CaseErased: self.on_case_erased,
            cases.MeasurePlanned: self.on_measure_planned,
            cases.MeasureEvaluated: self.on_measure_evaluated,
            cases.MeasureStopped: self.on_measure_stopped,
            cases.HandoverSent: self.on_handover_sent,
            cases.HandoverAccepted: self.on_handover_accepted,
            cases.HandoverRejected: self.on_handover_rejected,
            cases.HandoverTransferred: self.on_handover_taken,
            cases.HandoverCoordinationAccepted: self.on_handover_taken,
            cases.HandoverWithdrawn: self.on_handover_withdrawn,
            cases.HandoverCancelled: self.on_handover_cancelled,
            LanguageNeedRecorded: self.on_language_need,
            GuardiansChanged: self.on_guardians_changed,
        }

    # --- concern and case ---------------------------------------------------------------------------------------------

    async def on_concern_registered(
        self, tx: Tx, event: cases.ConcernRegistered | cases.ConcernJoined, envelope: Envelope
    ) -> None:
        """A registered concern may not rest: fourteen days, with a reminder (seed rules 78, 79)."""
        ref = deadline_of(event.concern)
        await self._teller.change_deadline(
            tx,
            caused_by(envelope, tx.now),
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.ACT_ON_CONCERN,
                case=event.case,
                due=event.act_by,
                responsible=responsible(event.registered_by),
                since=envelope.time,
            ),
        )

    async def on_concern_settled(
        self, tx: Tx, event: cases.ConcernResolvedLocally | cases.ConcernEscalated, envelope: Envelope
    ) -> None:
        """Somebody acted, or lifted it (seed rules 80, 81)."""
        await self._teller.close_deadline(tx, caused_by(envelope, tx.now), deadline_of(event.concern))

    async def on_case_opened(self, tx: Tx, event: cases.CaseOpened, envelope: Envelope) -> None:
        """The holder must decide what is to be done (seed rules 79, 144)."""
        holder = responsible(event.holder)
        await facts.set_holder(tx.conn, event.case, holder, nth(envelope))
        await self._teller.decide_by(tx, envelope, event.case, holder, event.decide_by)
        await self._teller.meet_by(tx, envelope, event.case, event.meeting_by)

    async def on_case_reopened(self, tx: Tx, event: cases.CaseReopened, envelope: Envelope) -> None:
        """It has a holder again, who must decide what is to be done (seed rules 79, 144)."""
        holder = responsible(event.holder)
        await facts.set_closed(tx.conn, event.case, closed=False)
        await self._teller.reassign_case(tx, envelope, event.case, holder)
        await self._contact_persons.on_service_gone(tx, event, envelope)
        if event.decide_by is not None:
            await self._teller.decide_by(tx, envelope, event.case, holder, event.decide_by)
        await self._teller.meet_by(tx, envelope, event.case, event.meeting_by)

    async def on_case_decided(self, tx: Tx, event: cases.CaseLevelChanged, envelope: Envelope) -> None:
        """It was decided to step up or down."""
        await self._teller.decided(tx, envelope, event.case)
        await self._teller.meet_by(tx, envelope, event.case, event.meeting_by)

    async def on_meeting_held(self, tx: Tx, event: cases.CaseMeetingHeld, envelope: Envelope) -> None:
        """The meeting that a step up called for was held (seed rule 68)."""
        await self._teller.close_deadline(tx, caused_by(envelope, tx.now), meeting_of(event.case))

    async def on_case_closed(self, tx: Tx, event: cases.CaseClosed, envelope: Envelope) -> None:
        """Nothing is left to be done in it."""
        ctx = caused_by(envelope, tx.now)
        await facts.set_closed(tx.conn, event.case, closed=True)
        await facts.set_decided(tx.conn, event.case, nth(envelope))
        for state in await facts.open_deadlines_of_case(tx.conn, event.case):
            if state.ref is not None:
                await self._teller.close_deadline(tx, ctx, state.ref, "cancelled")
        await store.drop_staff_errands_of_case(tx.conn, event.case, but=policy.AFTER_CLOSING)
        # What goes by post goes out by a person's hand, from a list: nothing judges it again there.
        await self._teller.take_back(
            tx, ctx, await store.pending_asks(tx.conn, event.case, policy.OF_OPEN_CASES), "done"
        )

    async def on_case_erased(self, tx: Tx, event: CaseErased, envelope: Envelope) -> None:
        """There is nothing in it to see to; who looked, and what was shared, is judged all the same."""
        _ = envelope
        await store.drop_staff_errands_of_case(tx.conn, event.case, but=policy.AFTER_ERASURE)

    async def on_team_member_removed(self, tx: Tx, event: cases.TeamMemberRemoved, envelope: Envelope) -> None:
        """A service left; the guardians' contact person may have been in it (seed rules 31, 33)."""
        await self._team.on_left(tx, event, envelope)
        await self._contact_persons.on_service_gone(tx, event, envelope)

    # --- measures -----------------------------------------------------------------------------------------------------

    async def on_measure_planned(self, tx: Tx, event: cases.MeasurePlanned, envelope: Envelope) -> None:
        """A decision was made, and what was decided is to be evaluated (seed rules 88, 141)."""
        ctx = caused_by(envelope, tx.now)
        await self._teller.decided(tx, envelope, event.case)
        holder = await facts.holder_of(tx.conn, event.case)
        owner = holder.model_copy(update={"unit": event.owner_unit or holder.unit})
        await self._evaluate_by(tx, ctx, event, owner, event.evaluate_by, envelope.time)
        await self._team.on_owned(tx, event, envelope)

    async def on_measure_changed(self, tx: Tx, event: cases.MeasureChanged, envelope: Envelope) -> None:
        """It goes on in another way: it may be evaluated on another day, by another unit (seed rules 31, 89)."""
        holder = await facts.holder_of(tx.conn, event.case)
        owner = holder.model_copy(update={"unit": event.owner_unit or holder.unit})
        await self._evaluate_by(tx, caused_by(envelope, tx.now), event, owner, event.evaluate_by, envelope.time)
        await self._team.on_owned(tx, event, envelope)

    async def on_measure_evaluated(self, tx: Tx, event: cases.MeasureEvaluated, envelope: Envelope) -> None:
        """It was evaluated; when it goes on, the next evaluation is waited for (seed rule 89)."""
        ctx, ref = caused_by(envelope, tx.now), deadline_of(event.measure)
        state = await self._teller.change_deadline(tx, ctx, ref, partial(decide_close, reason="done"))
        await store.drop_staff_errands(tx.conn, deadline=ref)
        await self._teller.take_back(tx, ctx, await store.pending_about(tx.conn, deadline=ref), "done")
        if event.evaluate_by is not None:
            await self._evaluate_by(tx, ctx, event, state.responsible, event.evaluate_by, envelope.time)

    async def on_measure_stopped(self, tx: Tx, event: cases.MeasureStopped, envelope: Envelope) -> None:
        """What has ended is not evaluated (seed rule 90)."""
        await self._teller.close_deadline(tx, caused_by(envelope, tx.now), deadline_of(event.measure))
        await self._team.on_ended(tx, event, envelope)

    async def _evaluate_by(
        self,
        tx: Tx,
        ctx: Context,
        event: cases.MeasurePlanned | cases.MeasureChanged | cases.MeasureEvaluated,
        owner: Responsible,
        due: datetime,
        since: datetime,
    ) -> None:
        ref = deadline_of(event.measure)
        await self._teller.change_deadline(
            tx,
            ctx,
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.EVALUATE_MEASURE,
                case=event.case,
                due=due,
                responsible=owner,
                since=since,
            ),
        )

    # --- handovers ----------------------------------------------------------------------------------------------------

    async def on_handover_sent(self, tx: Tx, event: cases.HandoverSent, envelope: Envelope) -> None:
        """The receiver is told at once, and must answer in time (seed rules 82, 107)."""
        sender = Sender(responsible(event.sender), event.on_behalf)
        await asked_facts.add_sender(tx.conn, event.handover, sender)
        ctx, ref = caused_by(envelope, tx.now), deadline_of(event.handover)
        receiver = responsible(event.receiver).model_copy(update={"municipality": event.to_municipality})
        state = await self._teller.change_deadline(
            tx,
            ctx,
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.ANSWER_HANDOVER,
                case=event.case,
                due=event.respond_by,
                responsible=receiver,
                since=envelope.time,
                coordination=event.coordination,
            ),
        )
        request = state.policy.asked
        if request is not None:
            await self._teller.tell_responsible(tx, receiver, about(state, ctx).saying(request))

    async def on_handover_accepted(self, tx: Tx, event: cases.HandoverAccepted, envelope: Envelope) -> None:
        """The receiver is the holder, and so is responsible for what is open."""
        ctx = caused_by(envelope, tx.now)
        await self._close(tx, event, envelope, "done")
        await self._teller.reassign_case(tx, envelope, event.case, responsible(event.holder))
        await self._contact_persons.on_service_gone(tx, event, envelope)
        if event.by_rule:
            # Nobody asked the leader first: the last day was over, and it is the leader's from now on (seed rule 107).
            fell = telling(ctx, event.handover, case=event.case)
            await self._teller.tell_responsible(tx, responsible(event.holder), fell.saying(policy.HANDOVER_FELL))

    async def on_handover_taken(
        self, tx: Tx, event: cases.HandoverTransferred | cases.HandoverCoordinationAccepted, envelope: Envelope
    ) -> None:
        """The receiver took what is not this baton: answered all the same."""
        await self._close(tx, event, envelope, "done")

    async def on_handover_rejected(self, tx: Tx, event: cases.HandoverRejected, envelope: Envelope) -> None:
        """The receiver said no: whoever sent it holds on, and must hear of it (seed rule 107)."""
        state, sender = await self._close(tx, event, envelope, "done")
        await self._tell_sender(tx, event, envelope, sender, state.policy.rejected)

    async def on_handover_withdrawn(self, tx: Tx, event: cases.HandoverWithdrawn, envelope: Envelope) -> None:
        """There is nothing left to answer."""
        await self._close(tx, event, envelope, "cancelled")

    async def on_handover_cancelled(self, tx: Tx, event: cases.HandoverCancelled, envelope: Envelope) -> None:
        """Nor is there here, and whoever sent it did not do that: they hold on, unless nothing is left to hold."""
        state, sender = await self._close(tx, event, envelope, "cancelled")
        if event.reason != "case-closed":
            await self._tell_sender(tx, event, envelope, sender, state.policy.void)

    async def _close(
        self, tx: Tx, event: cases.HandoverEvent, envelope: Envelope, reason: Literal["done", "cancelled"]
    ) -> tuple[DeadlineState, Sender | None]:
        """Wait for no answer; return what was waited for, and who sent it."""
        ctx, ref = caused_by(envelope, tx.now), deadline_of(event.handover)
        state = await self._teller.close_deadline(tx, ctx, ref, reason)
        return state, await asked_facts.take_sender(tx.conn, event.handover)

    async def _tell_sender(
        self, tx: Tx, event: cases.HandoverEvent, envelope: Envelope, sender: Sender | None, template: str | None
    ) -> None:
        """Tell who sent it; of one who is away the leaders of the unit too, who sent it for them."""
        if template is None:
            return
        told = about_event(event.case, envelope, tx.now)
        if sender is None:
            # Sent before this service remembered by whom. The baton is with who has the case.
            await self._teller.tell_responsible(tx, await facts.holder_of(tx.conn, event.case), told.saying(template))
        elif sender.on_behalf:
            await self._teller.tell_with_leaders(tx, sender.party, told, template)
        else:
            await self._teller.tell_responsible(tx, sender.party, told.saying(template))

    # --- language -----------------------------------------------------------------------------------------------------

    async def on_language_need(self, tx: Tx, event: LanguageNeedRecorded, envelope: Envelope) -> None:
        """Whoever is to talk with the family is told that it takes an interpreter (seed rule 146)."""
        _ = envelope
        await facts.set_interpreter(tx.conn, event.case, event.person.value, event.ordinal, needed=event.interpreter)

    async def on_guardians_changed(self, tx: Tx, event: GuardiansChanged, envelope: Envelope) -> None:
        """Nobody is told of an interpreter for who has no parental responsibility any more (seed rule 146)."""
        _ = envelope
        await facts.speak_with(tx.conn, event.case, event.ordinals)
