"""What each log becomes with a batch: where its new entries go, and its tree over them. No SQL, but what that is given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from services.audit.batch import Group
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.intake import Intake
from services.audit.domain.tiles import grow
from services.audit.growth import Addition, Growth, StoredLog
from services.audit.rows import row


def additions(
    groups: Mapping[LogName, Group], stored: Mapping[LogName, StoredLog], intakes: Mapping[LogName, Intake]
) -> list[Addition]:
    """Return where each log's new entries go."""
    added = []
    for name, intake in intakes.items():
        group = groups[name]
        rows = group.rows if len(intake.entries) == len(group.entries) else [row(entry) for entry in intake.entries]
        added.append(Addition(stored[name].head.frontier.size, intake.entries, rows))
    return added


async def extended(
    stored: Mapping[LogName, StoredLog],
    intakes: Mapping[LogName, Intake],
    edges: Mapping[LogName, Sequence[Sequence[bytes]]],
) -> list[Growth]:
    """Return what each log becomes, giving way after each."""
    grown = []
    for name, intake in intakes.items():
        await asyncio.sleep(0)
        before = stored[name]
        size = before.head.frontier.size
        head, tiles = grow(before.head, [entry.hash for entry in intake.entries], edges[name])
        checkpoint = Checkpoint(before.origin, head.frontier.size, head.frontier.root())
        heard = intake.heard(size, before.heard)
        grown.append(Growth(name, size, intake.entries, head, heard, tiles, checkpoint))
    return grown
