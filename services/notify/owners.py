"""Whoever runs another system that subscribes: told by mail, at the address that it gave for it."""

from __future__ import annotations

from dataclasses import replace

from services.notify.domain.message import Reachable
from services.notify.handlers import Teller
from services.notify.store import Telling
from services.notify.subscription_store import Stored
from shared.arrivals import Tx
from shared.contracts.codes import Role
from shared.contracts.notify import Way


async def tell_owner(tx: Tx, teller: Teller, stored: Stored, told: Telling) -> None:
    """Tell whoever has a subscription; without an address it is read in the application only."""
    email = Way.EMAIL in teller.ways and stored.contact is not None
    owner = Reachable(recipient=stored.owner, role=Role.SERVICE_ACCOUNT, language=stored.language, email=email)
    await teller.tell(tx, owner, replace(told, subscription=stored.subscription))
