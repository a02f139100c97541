"""What follows what became of a message by one way: the next way, in the end a letter, and a word to whom nothing reaches there."""

from __future__ import annotations

from dataclasses import replace

from services.notify import letters, store
from services.notify.domain import policy
from services.notify.domain.message import Failure, MessageState, Reachable, Status
from services.notify.handlers import Teller
from services.notify.store import StoredMessage
from shared.aggregate import Changed
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.contracts.codes import Role
from shared.contracts.notify import NotificationRedirected, Way


async def follow(
    tx: Tx,
    teller: Teller,
    message: StoredMessage,
    way: Way,
    changed: Changed[MessageState],
    failure: Failure | None,
    *,
    letter_days: int,
) -> None:
    """Do what follows from what became of a message by `way`, in the transaction in which that was decided."""
    ref, state = message.message, changed.state
    if any(isinstance(event, NotificationRedirected) for event in changed.events):
        await store.send_by(tx.conn, ref, state.present)
    elif state.status is not Status.PENDING:
        await store.settle_message(tx.conn, ref, state.status)
    if failure == "rejected" and changed.events:
        await _say_refused(tx, teller, message, way)
    if state.status is Status.FAILED:
        await letters.promise(tx, ref, message.telling, message.role, days=letter_days)


async def _say_refused(tx: Tx, teller: Teller, message: StoredMessage, way: Way) -> None:
    """Tell the recipient, where they sign in and once a day, that their address or number takes nothing."""
    template = policy.REFUSED.get(way)
    if template is None or message.role is Role.SERVICE_ACCOUNT:
        return
    told = replace(
        message.telling,
        step=f"{message.recipient}/{oslo_day(tx.now)}/{template}",
        template=template,
        case=None,
        consent=None,
        deadline=None,
        due=None,
    )
    here = Reachable(recipient=message.recipient, role=message.role, language=message.language, email=False)
    await teller.tell(tx, here, told)
