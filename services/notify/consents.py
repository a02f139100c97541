"""What the events of consents mean here: who is asked, reminded and told, and what is quiet from now on.

Messages tell nothing: that there is a question about consent, or that something about one has changed; the rest is read signed in.
Whatever takes something away is acknowledged, also when nothing was on its way (invariant 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

from services.notify import facts, reviews, store
from services.notify.domain import policy
from services.notify.domain.deadline import deadline_of, decide_set
from services.notify.domain.receipts import RECEIPTS, decide_receipt, ended_services
from services.notify.handlers import Teller, about, telling
from services.notify.store import Telling
from services.notify.waiting import AROUND_THE_CHILD
from shared.aggregate import Context
from shared.arrivals import Handler, Tx
from shared.calendar import add_days
from shared.contracts import cases
from shared.contracts.base import EventData
from shared.contracts.codes import GrantorClass, Role, Scope
from shared.contracts.notify import DeadlineKind
from shared.deadlines import Deadline, cancel
from shared.envelope import Envelope
from shared.inbox import caused_by
from shared.refs import UnitId

REMINDER: Final = "override-review-reminder"
"""The kind of the durable deadline, some days before what was shared by law must be judged."""

Ended = cases.ConsentNarrowed | cases.ConsentWithdrawn | cases.ConsentExpired | cases.ConsentSuspended
Asked = cases.ConsentRequested | cases.ConsentRenewalRequested | cases.ConsentReassessmentDue


class ConsentEvents:
    """The handlers of the consents' events."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            cases.ConsentRequested: self.on_requested,
            cases.ConsentRenewalRequested: self.on_renewal_requested,
            cases.ConsentReassessmentDue: self.on_reassessment_due,
            cases.ConsentGranted: self.on_granted,
            cases.ConsentRefused: self.on_refused,
            cases.ConsentDisagreed: self.on_disagreed,
            cases.ConsentLapsed: self.on_lapsed,
            cases.ConsentExpiring: self.on_expiring,
            cases.ConsentConfirmed: self.on_confirmed,
            cases.ConsentNarrowed: self.on_narrowed,
            cases.ConsentWithdrawn: self.on_withdrawn,
            cases.ConsentSuspended: self.on_suspended,
            cases.ConsentExpired: self.on_expired,
            cases.ConsentReceiptMissing: self.on_receipt_missing,
            cases.ConsentOverridden: self.on_overridden,
            cases.ConsentOverrideReviewOverdue: self.on_review_overdue,
            cases.ConsentOverrideReviewed: self.on_reviewed,
        }

    # --- asking -------------------------------------------------------------------------------------------------------

    async def on_requested(self, tx: Tx, event: cases.ConsentRequested, envelope: Envelope) -> None:
        """Those who must grant get a message in their language, which tells nothing (seed rules 4, 101, 146)."""
        template = policy.POLICIES[DeadlineKind.ANSWER_CONSENT].asked
        await self._ask(tx, event, envelope, template=template, by=event.answer_by)

    async def on_renewal_requested(self, tx: Tx, event: cases.ConsentRenewalRequested, envelope: Envelope) -> None:
        """All who must grant the next period are asked, also who has granted this one."""
        await facts.forget_answers(tx.conn, event.consent)
        await self._ask(tx, event, envelope, template=policy.CONSENT_RENEWAL, by=event.answer_by)

    async def on_reassessment_due(self, tx: Tx, event: cases.ConsentReassessmentDue, envelope: Envelope) -> None:
        """The holder is told; who must consent now, and has not, is asked (law-and-standards 3.3)."""
        ctx = caused_by(envelope, tx.now)
        await self._teller.stop_asking(tx, ctx, event.consent, "done")
        await self._tell_holder(tx, ctx, event, policy.CONSENT_REASSESSMENT)
        if event.anew:
            await facts.forget_answers(tx.conn, event.consent)
        if event.confirm_by is not None:
            await self._ask(tx, event, envelope, template=policy.CONSENT_REASSESSMENT, by=event.confirm_by)

    async def on_granted(self, tx: Tx, event: cases.ConsentGranted, envelope: Envelope) -> None:
        """One has answered, and is not reminded; when none is missing, nobody is (seed rule 4)."""
        await facts.add_answer(tx.conn, event.consent, event.grantor, event.ordinal)
        if event.active:
            await self._teller.stop_asking(tx, caused_by(envelope, tx.now), event.consent, "done")

    async def on_refused(self, tx: Tx, event: cases.ConsentRefused, envelope: Envelope) -> None:
        """A refusal is an answer, and nothing more is asked for."""
        await self._teller.stop_asking(tx, caused_by(envelope, tx.now), event.consent, "done")

    async def on_confirmed(self, tx: Tx, event: cases.ConsentConfirmed, envelope: Envelope) -> None:
        """Nobody is missing any more."""
        await self._teller.stop_asking(tx, caused_by(envelope, tx.now), event.consent, "done")

    # --- telling ------------------------------------------------------------------------------------------------------

    async def on_disagreed(self, tx: Tx, event: cases.ConsentDisagreed, envelope: Envelope) -> None:
        """The holder hears that those who must grant do not agree; never who said what."""
        await self._tell_holder(tx, caused_by(envelope, tx.now), event, policy.CONSENT_DISAGREED)

    async def on_lapsed(self, tx: Tx, event: cases.ConsentLapsed, envelope: Envelope) -> None:
        """Nobody is asked any more, and the holder hears that there is no answer."""
        ctx = caused_by(envelope, tx.now)
        await self._teller.stop_asking(tx, ctx, event.consent, "consent-ended")
        await self._tell_holder(tx, ctx, event, policy.CONSENT_LAPSED)

    async def on_expiring(self, tx: Tx, event: cases.ConsentExpiring, envelope: Envelope) -> None:
        """The last day comes near: whoever granted and whoever holds it can think about the next period."""
        ctx = caused_by(envelope, tx.now)
        await self._tell_holder(tx, ctx, event, policy.CONSENT_EXPIRING)
        await self._tell_around(tx, ctx, event, policy.CONSENT_EXPIRING)

    # --- taking away --------------------------------------------------------------------------------------------------

    async def on_narrowed(self, tx: Tx, event: cases.ConsentNarrowed, envelope: Envelope) -> None:
        """What is on its way to those who are out of it is taken back; that is acknowledged, also when it is nothing."""
        await self._end_for(tx, event, ended=event.ended, left=event.scope, envelope=envelope)
        await self._tell_all(tx, event, envelope, policy.CONSENT_WITHDRAWN)

    async def on_withdrawn(self, tx: Tx, event: cases.ConsentWithdrawn, envelope: Envelope) -> None:
        """The same for everybody in it (pbrl § 4-1, GDPR art. 7)."""
        ctx = caused_by(envelope, tx.now)
        asked = await self._teller.stop_asking(tx, ctx, event.consent, "consent-ended")
        await self._end_for(tx, event, ended=event.ended, left=None, envelope=envelope, already=asked)
        await self._tell_all(tx, event, envelope, policy.CONSENT_WITHDRAWN)

    async def on_suspended(self, tx: Tx, event: cases.ConsentSuspended, envelope: Envelope) -> None:
        """The same while it waits for those who must consent now."""
        ctx = caused_by(envelope, tx.now)
        asked = await self._teller.stop_asking(tx, ctx, event.consent, "consent-ended")
        await self._end_for(tx, event, ended=event.ended, left=None, envelope=envelope, already=asked)
        await self._tell_all(tx, event, envelope, policy.CONSENT_SUSPENDED)

    async def on_expired(self, tx: Tx, event: cases.ConsentExpired, envelope: Envelope) -> None:
        """Its last day has passed. A question about the next period may still be answered; nobody is reminded of it."""
        asked = await self._teller.stop_asking(tx, caused_by(envelope, tx.now), event.consent, "consent-ended")
        await self._end_for(tx, event, ended=event.ended, left=None, envelope=envelope, already=asked)
        await self._tell_holder(tx, caused_by(envelope, tx.now), event, policy.CONSENT_EXPIRED)

    async def on_receipt_missing(self, tx: Tx, event: cases.ConsentReceiptMissing, envelope: Envelope) -> None:
        """A service may still share what nobody consents to: the privacy officers hear of it, once for each end (invariant 4)."""
        told = telling(caused_by(envelope, tx.now), f"{event.consent}/v{event.version}", case=event.case)
        await self._teller.tell_officers(tx, told.saying(policy.CONSENT_RECEIPT_MISSING))

    # --- overridden by law --------------------------------------------------------------------------------------------

    async def on_overridden(self, tx: Tx, event: cases.ConsentOverridden, envelope: Envelope) -> None:
        """The leaders of the unit are asked to judge it; of a protected case whoever has the municipality's duty for it."""
        await self._tell_leaders(tx, event, envelope, event.made_by.unit, policy.OVERRIDE_REVIEW)
        await reviews.remind(
            tx,
            REMINDER,
            event.override,
            telling(caused_by(envelope, tx.now), event.override),
            case=event.case,
            unit=event.made_by.unit,
            due=event.review_by,
            days=policy.OVERRIDE_DAYS,
            since=envelope.time,
        )

    async def on_review_reminder(self, tx: Tx, deadline: Deadline) -> None:
        """Some days are left to judge it.

        Raises:
            UnavailableError: what is known of the cases is not fresh enough to say that nobody has.
        """
        await reviews.on_reminder(self._teller, tx, deadline, policy.OVERRIDE_REMINDER)

    async def on_review_overdue(self, tx: Tx, event: cases.ConsentOverrideReviewOverdue, envelope: Envelope) -> None:
        """Nobody has: the leaders are told again, that it is late (seed rule 95)."""
        await self._tell_leaders(tx, event, envelope, event.unit, policy.OVERRIDE_OVERDUE)

    async def on_reviewed(self, tx: Tx, event: cases.ConsentOverrideReviewed, envelope: Envelope) -> None:
        """Somebody has; nobody is asked to any more."""
        await cancel(tx.conn, kind=REMINDER, key=event.override)
        await self._teller.reviewed(tx, caused_by(envelope, tx.now), event.override)

    # --- how ----------------------------------------------------------------------------------------------------------

    async def _ask(
        self, tx: Tx, event: Asked, envelope: Envelope, *, template: str | None, by: datetime | None = None
    ) -> None:
        """Wait for the answers, and ask for them; after two weeks, or `by` then, whoever holds the case hears who has not."""
        due = add_days(envelope.time, policy.CONSENT_DAYS)
        ctx, ref = caused_by(envelope, tx.now), deadline_of(event.consent)
        state = await self._teller.change_deadline(
            tx,
            ctx,
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.ANSWER_CONSENT,
                case=event.case,
                due=due if by is None else min(due, by),
                responsible=await facts.holder_of(tx.conn, event.case),
                since=envelope.time,
            ),
        )
        roles = _roles(event.needed)
        if template is not None and roles:
            await store.add_errand(tx.conn, about(state, ctx).saying(template), roles)

    async def _tell_holder(self, tx: Tx, ctx: Context, event: cases.ConsentEvent, template: str) -> None:
        holder = await facts.holder_of(tx.conn, event.case)
        await self._teller.tell_responsible(tx, holder, _about_consent(event, ctx).saying(template))

    async def _tell_around(self, tx: Tx, ctx: Context, event: cases.ConsentEvent, template: str) -> None:
        await store.add_errand(tx.conn, _about_consent(event, ctx).saying(template), AROUND_THE_CHILD)

    async def _tell_all(self, tx: Tx, event: Ended, envelope: Envelope, template: str) -> None:
        ctx = caused_by(envelope, tx.now)
        await self._tell_holder(tx, ctx, event, template)
        await self._tell_around(tx, ctx, event, template)

    async def _tell_leaders(
        self, tx: Tx, event: cases.OverrideEvent, envelope: Envelope, unit: UnitId | None, template: str
    ) -> None:
        told = telling(caused_by(envelope, tx.now), event.override, case=event.case)
        await self._teller.tell_leaders(tx, unit, told, template)

    async def _end_for(
        self,
        tx: Tx,
        event: Ended,
        *,
        ended: Scope | None,
        left: Scope | None,
        envelope: Envelope,
        already: int = 0,
    ) -> None:
        ctx = caused_by(envelope, tx.now)
        taken = already
        if ended is not None:
            services = ended_services(ended, left)
            # First what waits for somebody: what is being told just now is among the messages when that is done.
            taken += await store.drop_errands_to(tx.conn, event.case, services)
            messages = await store.pending_about(tx.conn, case=event.case, services=services)
            taken += await self._teller.take_back(tx, ctx, messages, "consent-ended")
        await tx.journal.change(
            RECEIPTS,
            event.case,
            ctx,
            partial(decide_receipt, case=event.case, consent=event.consent, version=event.version, cancelled=taken),
            conn=tx.conn,
        )


def _roles(needed: Mapping[GrantorClass, int]) -> frozenset[Role]:
    """Return those around the child who are asked; the child welfare service is asked by whoever holds the case."""
    return frozenset(Role(grantor.value) for grantor in needed if grantor.value in AROUND_THE_CHILD)


def _about_consent(event: cases.ConsentEvent, ctx: Context) -> Telling:
    """Return what people are told about one version of a consent, without the template."""
    step, ref = f"{event.consent}/v{event.version}/{ctx.causation}", deadline_of(event.consent)
    return telling(ctx, step, case=event.case, consent=event.consent, deadline=ref, due=ctx.now)
