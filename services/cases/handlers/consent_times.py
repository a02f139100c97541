"""What time does to consents and overrides: each handler runs in the transaction that takes its deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import structlog

from services.cases import store
from services.cases.domain import consent_ending, moments, override, reassessment
from services.cases.handlers.desk import Desk
from services.cases.handlers.reassess import reassess_by_change
from services.cases.handlers.unattended import change_by_time
from shared.deadlines import Deadline
from shared.inbox import Tx
from shared.refs import ConsentRef, OverrideRef

log = structlog.get_logger(__name__)


async def on_expiry(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A consent's last day is over."""
    ref = ConsentRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: consent_ending.decide_expire(state, ref, tx.now))


async def on_warning(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A consent's last day comes near."""
    ref = ConsentRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: consent_ending.decide_warn(state, ref, tx.now, desk.rules))


async def on_lapse(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The time to answer is out."""
    ref = ConsentRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: consent_ending.decide_lapse(state, ref, tx.now))


async def on_confirmation(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The time is out for those who must consent now to confirm it."""
    ref = ConsentRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: reassessment.decide_suspend(state, ref, tx.now))


async def on_receipts(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The time is out for those who must act on an ended consent: who has not, is an alarm."""
    key, _, version = deadline.key.partition(":")
    ref = ConsentRef(key)
    received = frozenset(
        receipt.consumer for receipt in await store.receipts(tx.conn, ref) if receipt.version >= int(version)
    )
    await change_by_time(
        desk, tx, key, lambda state: consent_ending.decide_receipt_missing(state, ref, int(version), received)
    )


async def on_override_end(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """An override's last day is over."""
    ref = OverrideRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: override.decide_override_end(state, ref, tx.now))


async def on_override_review(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The time is out for a leader to judge an override."""
    ref = OverrideRef(deadline.key)
    await change_by_time(desk, tx, ref, lambda state: override.decide_review_overdue(state, ref, tx.now))


DEADLINES: Final[Mapping[str, Callable[[Desk, Tx, Deadline], Awaitable[None]]]] = MappingProxyType(
    {
        moments.CONSENT_EXPIRY: on_expiry,
        moments.CONSENT_WARNING: on_warning,
        moments.CONSENT_LAPSE: on_lapse,
        moments.CONSENT_CONFIRMATION: on_confirmation,
        moments.CONSENT_RECEIPTS: on_receipts,
        moments.OVERRIDE_END: on_override_end,
        moments.OVERRIDE_REVIEW: on_override_review,
        moments.CONSENT_REASSESSMENT: reassess_by_change,
    }
)
