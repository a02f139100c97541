"""The notify service beside the real cases service: its events, its contacts, its people; and the bus between them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.clock import SimulatedClock
from shared.contracts.cases import TOPIC
from shared.envelope import number
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e import cases_world
from tests.integration import notify_world
from tests.integration.notify_world import Record


@dataclass(repr=False)
class Town:
    """The two services, and the bus between them."""

    cases: cases_world.World
    notify: notify_world.World
    _claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What else the tokens of those say who have chosen how to be reached."""
    _taken: int = field(default=0)
    _keys: itertools.count[int] = field(default_factory=itertools.count)

    async def records(self) -> list[Record]:
        """Return what the cases service has committed since, as it comes from the bus."""
        rows = await self.cases.pool.fetch(
            "SELECT id, key, topic, body FROM outbox WHERE id > $1 ORDER BY id", self._taken
        )
        self._taken = rows[-1]["id"] if rows else self._taken
        return [
            Record(number(row["body"], row["id"]), row["key"].encode(), row["id"])
            for row in rows
            if row["topic"] == TOPIC
        ]

    async def bus(self) -> None:
        """Let what the cases service has committed reach the notify service, each record twice."""
        records = await self.records()
        await self.notify.intake().process(records)
        await self.notify.intake().process(records)

    async def move_to(self, moment: datetime) -> None:
        """Let time pass in both services."""
        await self.cases.move_to(moment)
        await self.bus()
        await self.notify.fresh()
        await self.notify.runner().fire_due()

    async def told(self, who: str) -> list[str]:
        """Return what somebody was told, oldest first, by template."""
        page = (await self.get(who, "/messages")).json()
        return [item["template"] for item in reversed(page["items"])]

    async def get(self, who: str, path: str) -> Any:
        """Ask the notify service something, as somebody the cases service knows."""
        return await self.notify.http.get(
            path, headers={"authorization": f"Bearer {self.cases.token(who, **self._claims.get(who, {}))}"}
        )

    async def write(
        self, who: str, method: str, path: str, body: object = None, *, key: str = "key-1", **claims: Any
    ) -> Any:
        """Do something at the notify service, as somebody the cases service knows."""
        headers = {
            "authorization": f"Bearer {self.cases.token(who, **claims)}",
            "idempotency-key": key,
        }
        return await self.notify.http.request(method, path, json=body, headers=headers)

    async def prefer(self, who: str, **claims: Any) -> None:
        """Let somebody choose how to be reached, with these claims in the token; they look with the same."""
        self._claims[who] = claims
        answer = await self.write(
            who, "PUT", "/preferences", {"language": "nb"}, key=f"preferred-{next(self._keys)}", **claims
        )
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def notify_town(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, **knobs: Any
) -> AsyncIterator[Town]:
    """Both services, composed as they are in production, on databases of their own; `knobs` are the cases service's."""
    async with AsyncExitStack() as stack:
        cases = await stack.enter_async_context(cases_world.cases_world(migrated, issuer, clock, **knobs))
        notify = await stack.enter_async_context(
            notify_world.notify_world(migrated, issuer, clock, cases=cases.parts.app)
        )
        yield Town(cases, notify)
