"""What the audit service tells its operator: what was found wrong, and whether the logs grow."""

from __future__ import annotations

import pytest

from services.audit.consumers import Consumption
from services.audit.overseer import Overseer
from shared.observability import Metrics
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, Publisher, open_world

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


async def test_a_finding_and_a_standstill_are_numbers_to_alert_on(migrated: Migrated) -> None:
    """From the first look on there is a number for every kind, so that the first finding is a change."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        metrics = Metrics()
        consumption = Consumption("127.0.0.1:9", world.keeper, topics=())
        overseer = Overseer(world.keeper, consumption, metrics, announce_seconds=3600.0)

        async def findings() -> dict[str, float | None]:
            await overseer.look()
            kinds = ("gap", "seal-contradicted", "number-reused", "id-reused")
            return {kind: metrics.registry.get_sample_value("lagspill_log_findings", {"kind": kind}) for kind in kinds}

        assert set((await findings()).values()) == {0.0}
        records = Publisher().reads(3)
        await world.take(records[0], records[2])
        assert await findings() == {"gap": 1.0, "seal-contradicted": 0.0, "number-reused": 0.0, "id-reused": 0.0}
        assert metrics.registry.get_sample_value("lagspill_log_taking") == 0.0
        consumption.placed.set()
        await overseer.look()
        assert metrics.registry.get_sample_value("lagspill_log_taking") == 1.0
