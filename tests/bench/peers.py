"""PEERS=1: what others use in the relay's place, in the same run."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.ground import Ground
from tests.bench.measure import Latency, Measure


async def measure_peers(ground: Ground, results: Sequence[Measure | Latency]) -> list[Measure]:
    """Return the relay's rate beside each peer's."""
    return []
