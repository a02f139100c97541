"""What each log becomes with a batch: where its new entries go, and its tree over them. No SQL, but what that is given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from services.audit.batch import Group
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.tiles import grow
from services.audit.growth import Addition, Growth, StoredLog


def additions(stored: Mapping[LogName, StoredLog], groups: Mapping[LogName, Group]) -> list[Addition]:
    """Return where each log's new entries go."""
    return [Addition(stored[name].head.frontier.size, group) for name, group in groups.items()]


async def extended(
    stored: Mapping[LogName, StoredLog],
    groups: Mapping[LogName, Group],
    edges: Mapping[LogName, Sequence[Sequence[bytes]]],
) -> list[Growth]:
    """Return what each log becomes, giving way after each."""
    grown = []
    for name, group in groups.items():
        await asyncio.sleep(0)
        before = stored[name]
        size = before.head.frontier.size
        head, tiles = grow(before.head, group.noted.hashes, edges[name])
        checkpoint = Checkpoint(before.origin, head.frontier.size, head.frontier.root())
        heard = size + group.noted.others if group.noted.others else before.heard
        grown.append(Growth(name, size, group, head, heard, tiles, checkpoint))
    return grown
