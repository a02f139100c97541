"""What a search costs, counted: round trips to the database, keyed hashes, openings of sealed content."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared import vault as vaults
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.vault import Vault
from tests.e2e.cases_world import World, cases_world
from tests.round_trips import RoundTrips


@asynccontextmanager
async def world_on_a_counted_wire(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> AsyncIterator[tuple[World, RoundTrips]]:
    """Yield the cases service, and what counts its round trips."""
    async with AsyncExitStack() as stack:
        wires: list[RoundTrips] = []

        async def over_a_counted_wire(service: str, folder: Path) -> str:
            wire = await stack.enter_async_context(RoundTrips(await migrated(service, folder)))
            wires.append(wire)
            return wire.dsn

        world = await stack.enter_async_context(cases_world(over_a_counted_wire, issuer, clock))
        yield world, wires[0]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Count what a search works with: keyed hashes and openings of sealed content. They are still made."""
    count = {"hashes": 0, "openings": 0}
    digest, open_all = hmac.digest, Vault._open

    class Hashes:
        @staticmethod
        def digest(key: bytes, content: bytes, name: Any) -> bytes:
            count["hashes"] += 1
            return digest(key, content, name)

    async def opening(self: Vault, owner: str, rows: Any) -> Any:
        count["openings"] += len(rows)
        return await open_all(self, owner, rows)

    with monkeypatch.context() as patch:
        patch.setattr(vaults, "hmac", Hashes)
        patch.setattr(Vault, "_open", opening)
        yield count
