"""SQL of what was asked and is not answered yet, of who coordinates what, and of who made which concern report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.contracts.cases import CoordinatorKind
from shared.contracts.codes import Service
from shared.contracts.notify import Responsible
from shared.db import Connection
from shared.refs import CaseRef, ConcernReportRef, ContributionRef, HandoverRef, UnitId


@dataclass(frozen=True)
class Request:
    """A request to contribute that waits for an answer."""

    contribution: ContributionRef
    case: CaseRef | None
    """None when it is anonymous."""
    asker: Responsible
    service: Service
    unit: UnitId | None
    due: datetime
    protected_case: CaseRef | None = None
    """In the log of an address-protected case: which that is. Nobody who is asked is told it when the request is anonymous."""


@dataclass(frozen=True)
class Sender:
    """Who sent a handover that waits for an answer."""

    party: Responsible
    on_behalf: bool
    """The sender is away, and the leader of the sender's unit sent it."""


async def add_request(conn: Connection, request: Request) -> None:
    """Remember it."""
    await conn.execute(
        "INSERT INTO requests (contribution, case_ref, asker, service, unit, due, protected_case)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        request.contribution,
        request.case,
        request.asker.model_dump_json(exclude_none=True),
        request.service,
        request.unit,
        request.due,
        request.protected_case,
    )


async def request(conn: Connection, contribution: ContributionRef) -> Request | None:
    """Return it, if it still waits."""
    row = await conn.fetchrow("SELECT * FROM requests WHERE contribution = $1", contribution)
    return None if row is None else _request(row)


async def take_request(conn: Connection, contribution: ContributionRef) -> Request | None:
    """Forget it, and return what it was."""
    row = await conn.fetchrow("DELETE FROM requests WHERE contribution = $1 RETURNING *", contribution)
    return None if row is None else _request(row)


async def add_reporter(conn: Connection, report: ConcernReportRef, reporter: Responsible) -> None:
    """Remember who made a concern report."""
    await conn.execute(
        "INSERT INTO reporters (report, reporter) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        report,
        reporter.model_dump_json(exclude_none=True),
    )


async def reporter(conn: Connection, report: ConcernReportRef) -> Responsible:
    """Return who made it; nobody when that is not known."""
    found = await conn.fetchval("SELECT reporter FROM reporters WHERE report = $1", report)
    return Responsible() if found is None else Responsible.model_validate_json(found)


async def add_sender(conn: Connection, handover: HandoverRef, sender: Sender) -> None:
    """Remember who sent a handover."""
    await conn.execute(
        "INSERT INTO senders (handover, sender, on_behalf) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        handover,
        sender.party.model_dump_json(exclude_none=True),
        sender.on_behalf,
    )


async def take_sender(conn: Connection, handover: HandoverRef) -> Sender | None:
    """Forget who sent it, and return who that was; None when that is not known."""
    row = await conn.fetchrow("DELETE FROM senders WHERE handover = $1 RETURNING sender, on_behalf", handover)
    return None if row is None else Sender(Responsible.model_validate_json(row["sender"]), row["on_behalf"])


async def set_coordinator(
    conn: Connection, case: CaseRef, kind: CoordinatorKind, coordinator: Responsible
) -> Responsible:
    """Remember who coordinates, and return who did before; nobody when that is not known."""
    before = await end_coordination(conn, case, kind)
    await conn.execute(
        "INSERT INTO coordinators (case_ref, kind, coordinator) VALUES ($1, $2, $3)",
        case,
        kind,
        coordinator.model_dump_json(exclude_none=True),
    )
    return before


async def end_coordination(conn: Connection, case: CaseRef, kind: CoordinatorKind) -> Responsible:
    """Forget who coordinates, and return who that was; nobody when that is not known."""
    found = await conn.fetchval(
        "DELETE FROM coordinators WHERE case_ref = $1 AND kind = $2 RETURNING coordinator", case, kind
    )
    return Responsible() if found is None else Responsible.model_validate_json(found)


async def coordinators_of(conn: Connection, case: CaseRef) -> list[Responsible]:
    """Return who coordinates something in the case."""
    rows = await conn.fetch("SELECT coordinator FROM coordinators WHERE case_ref = $1 ORDER BY kind", case)
    return [Responsible.model_validate_json(row["coordinator"]) for row in rows]


def _request(row: asyncpg.Record) -> Request:
    return Request(
        contribution=ContributionRef(row["contribution"]),
        case=None if row["case_ref"] is None else CaseRef(row["case_ref"]),
        asker=Responsible.model_validate_json(row["asker"]),
        service=Service(row["service"]),
        unit=None if row["unit"] is None else UnitId(row["unit"]),
        due=row["due"],
        protected_case=None if row["protected_case"] is None else CaseRef(row["protected_case"]),
    )
