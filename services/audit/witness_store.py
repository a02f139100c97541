"""SQL of witnessing, on both sides. What writes runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import asyncpg

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.policy import Policy
from services.audit.domain.witness import NEVER, Known
from services.audit.domain.witnessing import Trouble
from shared.db import Connection, Pool

# --- as a witness -----------------------------------------------------------------------------------------------------


async def lock_witnessed(conn: Connection, origin: str) -> Known:
    """Return the last checkpoint cosigned of a log, locked until the transaction ends."""
    await conn.execute(
        "INSERT INTO witnessed_logs (origin, size, root) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        origin,
        NEVER.size,
        NEVER.root,
    )
    # A statement of its own: it sees what another transaction committed while this one waited.
    row = await conn.fetchrow("SELECT size, root FROM witnessed_logs WHERE origin = $1 FOR UPDATE", origin)
    if row is None:
        raise LookupError(f"what was cosigned of {origin} can be neither made nor read")
    return Known(row["size"], row["root"])


async def save_witnessed(conn: Connection, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    """Write the checkpoint that is being cosigned for a log that `lock_witnessed` locked."""
    await conn.execute(
        "UPDATE witnessed_logs SET size = $2, root = $3, note = $4, cosigned_at = $5 WHERE origin = $1",
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        note,
        now,
    )


async def add_fork(conn: Connection, checkpoint: Checkpoint, refused: str, now: datetime) -> bool:
    """Keep a signed checkpoint that contradicts the one cosigned for the same size; False if it was kept already."""
    status = await conn.execute(
        "INSERT INTO witnessed_forks (origin, size, root, cosigned, refused, seen_at)"
        " SELECT origin, size, $3, note, $4, $5 FROM witnessed_logs WHERE origin = $1 AND size = $2 AND note IS NOT NULL"
        " ON CONFLICT DO NOTHING",
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        refused,
        now,
    )
    return status != "INSERT 0 0"


async def cosigned_note(pool: Pool, origin: str) -> str | None:
    """Return the last note cosigned of a log; None if there is none."""
    note: str | None = await pool.fetchval("SELECT note FROM witnessed_logs WHERE origin = $1", origin)
    return note


# --- as a log ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WitnessState:
    """What a witness is known to have cosigned last of a log, and what is wrong with it."""

    size: int
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint of ours as it was signed."""

    log: LogName
    checkpoint: Checkpoint
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class WitnessView:
    """How a witness stands to one log: for the operator's and the auditor's pages."""

    log: LogName
    name: str
    vkey: str
    url: str | None
    cosigned_size: int | None
    """The size of the last checkpoint that it cosigned; None if none."""
    cosigned_at: datetime | None
    """The time that the cosignature states."""
    trouble: Trouble | None
    since: datetime | None
    """Since when it is in this trouble, or out of any; None before it was asked."""


def rule(policy: Policy) -> bytes:
    """Return what names the rule in the table: the same for the same witnesses, groups and quorum."""
    return sha256(policy.of_log(()).text().encode("utf-8", "surrogateescape")).digest()


async def newest_signed(conn: Connection, log: LogName | None = None) -> list[SignedCheckpoint]:
    """Return the newest checkpoint of one log or of all."""
    rows = await conn.fetch(
        "SELECT logs.log, logs.origin, c.size, c.root, c.note, c.signed_at FROM logs CROSS JOIN LATERAL"
        " (SELECT * FROM checkpoints c WHERE c.log = logs.log ORDER BY c.size DESC LIMIT 1) c"
        " WHERE $1::text IS NULL OR logs.log = $1 ORDER BY logs.log",
        log,
    )
    return [
        SignedCheckpoint(
            LogName(row["log"]), Checkpoint(row["origin"], row["size"], row["root"]), row["note"], row["signed_at"]
        )
        for row in rows
    ]


async def read_states(conn: Connection) -> dict[tuple[LogName, str], WitnessState]:
    """Return what is known of every witness, by log and vkey."""
    rows = await conn.fetch("SELECT log, vkey, size, trouble FROM witness_states")
    return {
        (LogName(row["log"]), row["vkey"]): WitnessState(
            row["size"], None if row["trouble"] is None else Trouble(row["trouble"])
        )
        for row in rows
    }


async def save_state(conn: Connection, log: LogName, vkey: str, state: WitnessState, now: datetime) -> bool:
    """Write what is known of a witness; True if its trouble is another than before, or none any more."""
    changed: bool = await conn.fetchval(
        "WITH before AS (SELECT trouble FROM witness_states WHERE (log, vkey) = ($1, $2))"
        " INSERT INTO witness_states AS s (log, vkey, size, trouble, since) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (log, vkey) DO UPDATE SET size = excluded.size, trouble = excluded.trouble,"
        " since = CASE WHEN s.trouble IS DISTINCT FROM excluded.trouble THEN excluded.since ELSE s.since END"
        " RETURNING (SELECT trouble FROM before) IS DISTINCT FROM s.trouble",
        log,
        vkey,
        state.size,
        state.trouble,
        now,
    )
    return changed


async def add_cosignature(conn: Connection, log: LogName, size: int, vkey: str, line: str, at: datetime) -> None:
    """Keep a cosignature that was verified; a second one of the same witness for the same checkpoint is not kept."""
    await conn.execute(
        "INSERT INTO cosignatures (log, size, vkey, line, cosigned_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        log,
        size,
        vkey,
        line,
        at,
    )


async def cosigners_of(conn: Connection, log: LogName, size: int) -> set[str]:
    """Return the vkeys of the witnesses that have cosigned this checkpoint."""
    rows = await conn.fetch("SELECT vkey FROM cosignatures WHERE log = $1 AND size = $2", log, size)
    return {row["vkey"] for row in rows}


async def cosigners_by_size(pool: Pool, log: LogName, policy: Policy, sizes: Sequence[int]) -> dict[int, list[str]]:
    """Return, for each size, the key names of the policy's witnesses that have cosigned the log's checkpoint, in its order."""
    rows = await pool.fetch(
        "SELECT size, vkey FROM cosignatures WHERE log = $1 AND size = ANY ($2::bigint[]) AND vkey = ANY ($3::text[])",
        log,
        sizes,
        [witness.key.vkey for witness in policy.witnesses],
    )
    known = {(row["size"], row["vkey"]) for row in rows}
    return {size: [each.key.name for each in policy.witnesses if (size, each.key.vkey) in known] for size in sizes}


async def lines_of(pool: Pool, log: LogName, policy: Policy, size: int) -> str:
    """Return the signature lines of the policy's witnesses that have cosigned this checkpoint, enough of them or not."""
    lines: str | None = await pool.fetchval(
        "SELECT string_agg(line, '' ORDER BY vkey) FROM cosignatures WHERE log = $1 AND size = $2 AND vkey = ANY ($3::text[])",
        log,
        size,
        [witness.key.vkey for witness in policy.witnesses],
    )
    return lines or ""


async def add_witnessed(conn: Connection, log: LogName, size: int, policy: Policy, now: datetime) -> bool:
    """Write that enough witnesses have cosigned this checkpoint; False if that was written already."""
    status = await conn.execute(
        "INSERT INTO witnessed_checkpoints (log, policy, size, witnessed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        log,
        rule(policy),
        size,
        now,
    )
    return status != "INSERT 0 0"


async def witnessed_note(pool: Pool, log: LogName, policy: Policy, size: int | None = None) -> str | None:
    """Return the checkpoint of that size, or the newest, that enough witnesses have cosigned, with all their lines; else None."""
    row: asyncpg.Record | None = await pool.fetchrow(
        "SELECT c.note, (SELECT string_agg(s.line, '' ORDER BY s.vkey) FROM cosignatures s"
        " WHERE (s.log, s.size) = (c.log, c.size) AND s.vkey = ANY ($3)) AS lines"
        " FROM witnessed_checkpoints w JOIN checkpoints c USING (log, size)"
        " WHERE w.log = $1 AND w.policy = $2 AND ($4::bigint IS NULL OR w.size = $4) ORDER BY w.size DESC LIMIT 1",
        log,
        rule(policy),
        [witness.key.vkey for witness in policy.witnesses],
        size,
    )
    return None if row is None else f"{row['note']}{row['lines'] or ''}"


async def read_views(pool: Pool, log: LogName, policy: Policy) -> Sequence[WitnessView]:
    """Return how each of the policy's witnesses stands to a log."""
    rows = await pool.fetch(
        "SELECT v.vkey, c.size, c.cosigned_at, s.trouble, s.since FROM unnest($2::text[]) AS v (vkey)"
        " LEFT JOIN witness_states s ON (s.log, s.vkey) = ($1, v.vkey)"
        " LEFT JOIN LATERAL (SELECT size, cosigned_at FROM cosignatures c WHERE (c.log, c.vkey) = ($1, v.vkey)"
        " ORDER BY size DESC LIMIT 1) c ON true",
        log,
        [witness.key.vkey for witness in policy.witnesses],
    )
    found = {row["vkey"]: row for row in rows}
    return [
        WitnessView(
            log=log,
            name=witness.name,
            vkey=witness.key.vkey,
            url=witness.url,
            cosigned_size=row["size"],
            cosigned_at=row["cosigned_at"],
            trouble=None if row["trouble"] is None else Trouble(row["trouble"]),
            since=row["since"],
        )
        for witness in policy.witnesses
        if (row := found[witness.key.vkey]) is not None
    ]
