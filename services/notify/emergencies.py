"""Who hears of emergency accesses: the reviewer, when one is opened, a day before it is late, when it is, and when nobody has
(invariant 12).

They are told that somebody opened a case in an emergency; which case, and why, they read where it is reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.notify import reviews
from services.notify.domain import policy
from services.notify.handlers import Teller, telling
from services.notify.store import Telling
from shared.arrivals import Handler, Tx
from shared.contracts import safekeeping
from shared.contracts.base import EventData
from shared.deadlines import Deadline, cancel
from shared.envelope import Envelope
from shared.inbox import caused_by

REMINDER: Final = "emergency-review-reminder"
"""The kind of the durable deadline, a day before the review is due."""


class Emergencies:
    """The handlers of an emergency access and its review."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            safekeeping.BreakGlassOpened: self.on_opened,
            safekeeping.BreakGlassReviewOverdue: self.on_overdue,
            safekeeping.BreakGlassReviewEscalated: self.on_escalated,
            safekeeping.BreakGlassReviewed: self.on_reviewed,
        }

    async def on_opened(self, tx: Tx, event: safekeeping.BreakGlassOpened, envelope: Envelope) -> None:
        """The leaders of the unit that opened it are asked to review it, and until when (pasientjournalloven § 22)."""
        told = _about(tx, event, envelope, due=event.review_by)
        await self._teller.tell_leaders(tx, event.by.unit, told, policy.GLASS_REVIEW)
        await reviews.remind(
            tx,
            REMINDER,
            event.glass,
            told,
            case=event.case,
            unit=event.by.unit,
            due=event.review_by,
            days=policy.GLASS_DAYS,
            since=envelope.time,
        )

    async def on_reminder(self, tx: Tx, deadline: Deadline) -> None:
        """A day is left.

        Raises:
            UnavailableError: what is known of the cases is not fresh enough to say that nobody has reviewed it.
        """
        await reviews.on_reminder(self._teller, tx, deadline, policy.GLASS_REMINDER)

    async def on_overdue(self, tx: Tx, event: safekeeping.BreakGlassReviewOverdue, envelope: Envelope) -> None:
        """Nobody has in time: they are told again (seed rule 95)."""
        told = _about(tx, event, envelope)
        await self._teller.tell_leaders(tx, event.by.unit, told, policy.GLASS_OVERDUE)

    async def on_escalated(self, tx: Tx, event: safekeeping.BreakGlassReviewEscalated, envelope: Envelope) -> None:
        """Still nobody has: the municipality's privacy officers are told; from here on they may review it."""
        told = _about(tx, event, envelope).saying(policy.GLASS_ESCALATED)
        await self._teller.tell_officers(tx, told)

    async def on_reviewed(self, tx: Tx, event: safekeeping.BreakGlassReviewed, envelope: Envelope) -> None:
        """Somebody has; nobody is asked to any more."""
        await cancel(tx.conn, kind=REMINDER, key=event.glass)
        await self._teller.reviewed(tx, caused_by(envelope, tx.now), event.glass)


def _about(tx: Tx, event: safekeeping.GlassEvent, envelope: Envelope, *, due: datetime | None = None) -> Telling:
    return telling(caused_by(envelope, tx.now), event.glass, case=event.case, due=due)
