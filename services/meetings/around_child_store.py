"""SQL of the meetings around children: what cases' events say of them, where they were brought, and what was told of all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from services.meetings.domain.around_child import Told
from services.meetings.domain.child_facts import Brought, Child, ChildFact, Said
from services.meetings.domain.meeting import ItemStatus, Status
from shared.arrivals import Tx
from shared.db import Connection
from shared.refs import CaseRef, LogScope, MeetingRef


def keep(tx: Tx, municipality: LogScope, case: CaseRef, said: Said) -> None:
    """Keep a fact, once."""
    tx.write(
        "INSERT INTO child_facts (case_ref, sequence, municipality, happened_at, fact) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        case,
        said.sequence,
        municipality,
        said.at,
        said.fact.model_dump_json(exclude_none=True),
    )


async def forget(tx: Tx, case: CaseRef) -> None:
    """Forget what was said of the case: it is erased."""
    await tx.flush()
    await tx.conn.execute("DELETE FROM child_facts WHERE case_ref = $1", case)
    # By what it was known that its meeting was missing: whoever was told was told.
    await tx.conn.execute("DELETE FROM deviations WHERE starts_with(key, $1)", f"{case} ")


async def children(conn: Connection, municipality: LogScope, arena_types: Sequence[str]) -> list[Child]:
    """Return what is known of the municipality's cases, with the items by name in meetings of these arenas."""
    said: dict[CaseRef, list[Said]] = defaultdict(list)
    for row in await conn.fetch(
        "SELECT case_ref, sequence, happened_at, fact FROM child_facts WHERE municipality = $1", municipality
    ):
        fact = ChildFact.model_validate_json(row["fact"])
        said[CaseRef(row["case_ref"])].append(Said(row["sequence"], row["happened_at"], fact))
    brought: dict[CaseRef, list[Brought]] = defaultdict(list)
    for row in await conn.fetch(
        "SELECT n.case_ref, m.meeting, m.arena_type, m.starts_at, m.status, entry ->> 'status' AS item"
        " FROM named_items n JOIN meetings m USING (meeting) JOIN aggregates a ON a.id = m.meeting"
        " CROSS JOIN LATERAL jsonb_array_elements(a.state -> 'items') AS entry"
        " WHERE m.municipality = $1 AND m.arena_type = ANY($2::text[]) AND entry ->> 'item' = n.item",
        municipality,
        list(arena_types),
    ):
        item = Brought(
            meeting=MeetingRef(row["meeting"]),
            arena_type=row["arena_type"],
            starts_at=row["starts_at"],
            status=Status(row["status"]),
            item=ItemStatus.PROPOSED if row["item"] is None else ItemStatus(row["item"]),
        )
        brought[CaseRef(row["case_ref"])].append(item)
    return [Child(case, tuple(facts), tuple(brought[case])) for case, facts in sorted(said.items())]


async def tell(conn: Connection, municipality: LogScope, told: Mapping[tuple[str, str], Told]) -> None:
    """Tell it, once: what was told before stands."""
    await conn.executemany(
        "INSERT INTO told_around_children (municipality, arena_type, first, told) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [
            (municipality, arena_type, date.fromisoformat(first), each.model_dump_json())
            for (arena_type, first), each in sorted(told.items())
        ],
    )


async def told(conn: Connection, municipality: LogScope, first: date, last: date) -> dict[tuple[str, str], Told]:
    """Return what was told of the parts of the year that begin between these days, by arena and first day."""
    rows = await conn.fetch(
        "SELECT arena_type, first, told FROM told_around_children WHERE municipality = $1 AND first BETWEEN $2 AND $3",
        municipality,
        first,
        last,
    )
    return {(row["arena_type"], row["first"].isoformat()): Told.model_validate_json(row["told"]) for row in rows}
