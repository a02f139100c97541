"""Whoever runs another system that subscribes: told by mail, at the address that it gave."""

from __future__ import annotations

from services.notify import facts
from services.notify.domain.message import Reachable
from services.notify.handlers import Teller
from services.notify.store import Telling
from services.notify.subscription_store import Stored
from shared.arrivals import Tx
from shared.contracts.codes import Role
from shared.contracts.notify import Way


async def tell_owner(tx: Tx, teller: Teller, stored: Stored, told: Telling) -> None:
    """Tell whoever has a subscription; without an address it is read in the application only."""
    email = Way.EMAIL in teller.ways and await facts.address_of(tx.conn, stored.owner) is not None
    owner = Reachable(recipient=stored.owner, role=Role.SERVICE_ACCOUNT, language=stored.language, email=email)
    await teller.tell(tx, owner, told)
