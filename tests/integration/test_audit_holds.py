"""Legal holds are entries of the log, and whoever verifies it sees whether something was pruned under one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import lagspill_verify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lagspill_verify import Kind, Report

from services.audit import retention
from services.audit.domain.holds import StandingHold, decide_tell
from services.audit.domain.log import LOG, LogState
from services.audit.domain.retention import Span
from services.audit.errors import HoldRefusedError
from services.audit.export import export
from services.audit.holding import Holding
from services.audit.queries import Reader
from shared.contracts.audit import EntriesPruned, HoldLifted, HoldPlaced
from shared.contracts.base import EventData
from shared.envelope import number, parse
from shared.journal import Journal
from shared.refs import CaseRef
from shared.testing.ids import SeededIds
from shared.testing.plugin import Migrated
from tests.integration.audit_world import NOON, NOTODDEN, SIGNER, SKIEN
from tests.integration.test_audit_retention import BUNDLE, Kept, kept

ORIGIN = "lagspill.no/logs/4005"
VKEY = SIGNER.named(ORIGIN).verifier.vkey
TYPES: dict[str, type[EventData]] = {event.TYPE: event for event in (HoldPlaced, HoldLifted, EntriesPruned)}


def holding(log: Kept) -> Holding:
    """What an operator's command uses."""
    ids = SeededIds(31)
    return Holding(Journal(log.pool, source="/services/audit", clock=log.clock, ids=ids), ids)


async def told(log: Kept) -> list[EventData]:
    """What the log is told of holds and prunings."""
    records = [parse(bytes(row[0])) for row in await log.owner.fetch("SELECT body FROM outbox ORDER BY id")]
    return [TYPES[each.envelope.type].model_validate_json(each.data) for each in records if each.envelope.type in TYPES]


async def verified(log: Kept, folder: Path) -> Report:
    """Let the log hear what was told, copy it, and verify the copy."""
    bodies = [bytes(row[0]) for row in await log.owner.fetch("SELECT body FROM outbox ORDER BY id")]
    await log.world.take(*[number(body, nth) for nth, body in enumerate(bodies, start=1)], topic="audit")
    await export(Reader(log.everything), NOTODDEN, folder)
    return await asyncio.to_thread(lagspill_verify.verify, str(folder), VKEY)


async def filled(log: Kept) -> tuple[CaseRef, CaseRef]:
    """Two cases with a bundle each, old enough to go."""
    mine, other = (CaseRef(log.cases.ids.ref("cas")) for _ in range(2))
    for case in (mine, other):
        await log.world.take(*[log.cases.read(case) for _ in range(BUNDLE)])
    await log.later(5.1)
    return mine, other


@pytest.mark.connected
@pytest.mark.story(24)
async def test_placing_and_lifting_are_entries_and_a_pruning_says_what_it_kept(
    migrated: Migrated, tmp_path: Path
) -> None:
    async with kept(migrated) as log, log.pool.acquire() as pruner:
        mine, _ = await filled(log)
        now = log.clock.now()
        holds = holding(log)
        await holds.place(log.world_writer, "complaint-of-the-guardian", NOTODDEN, mine, now)
        await holds.place(log.world_writer, "supervision", NOTODDEN, None, now)
        with pytest.raises(HoldRefusedError):
            await holds.place(log.world_writer, "supervision", NOTODDEN, None, now)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await holds.release(log.world_writer, "supervision", now)
        assert await log.prune() == []
        await holds.release(pruner, "supervision", now)
        with pytest.raises(HoldRefusedError):
            await holds.release(pruner, "supervision", now)
        assert await log.prune() == [Span(256, 511, "about-a-child")]
        placed, whole, lifted, pruned = await told(log)
        assert placed == HoldPlaced(log=ORIGIN, hold="complaint-of-the-guardian", case=mine, at=now)
        assert whole == HoldPlaced(log=ORIGIN, hold="supervision", at=now)
        assert lifted == HoldLifted(log=ORIGIN, hold="supervision", at=now)
        assert isinstance(pruned, EntriesPruned)
        assert (pruned.first, pruned.last, pruned.holds) == (256, 511, ("complaint-of-the-guardian",))
        report = await verified(log, tmp_path)
        assert (report.findings, report.pruned) == ([], 256), report


@pytest.mark.connected
@pytest.mark.story(24)
async def test_what_is_pruned_under_a_hold_of_the_log_is_found_by_whoever_verifies_it(
    migrated: Migrated, tmp_path: Path
) -> None:
    """The database's administrator has taken the hold away, and the policy let the entries go."""
    async with kept(migrated) as log:
        await filled(log)
        await holding(log).place(log.world_writer, "supervision", NOTODDEN, None, log.clock.now())
        await log.owner.execute("ALTER TABLE legal_holds DISABLE TRIGGER append_only")
        await log.owner.execute("DELETE FROM legal_holds")
        assert await log.prune() == [Span(0, 511, "about-a-child")]
        report = await verified(log, tmp_path)
        [finding] = report.findings
        assert (finding.kind, finding.position) == (Kind.MISSING, 0)
        assert "under the hold supervision" in finding.detail
        assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED


@pytest.mark.connected
async def test_a_hold_from_before_is_told_before_anything_is_pruned(migrated: Migrated, tmp_path: Path) -> None:
    """One that stood when holds were rows alone, or when the log had no entry yet."""
    async with kept(migrated) as log:
        mine, other = await filled(log)
        now = log.clock.now()
        await retention.hold(log.world_writer, "from-before", NOTODDEN, mine, now)
        await holding(log).place(log.world_writer, "of-an-empty-log", SKIEN, None, now)
        assert await told(log) == []
        assert await log.prune() == [Span(256, 511, "about-a-child")]
        placed, pruned = await told(log)
        assert placed == HoldPlaced(log=ORIGIN, hold="from-before", case=mine, at=now)
        assert isinstance(pruned, EntriesPruned)
        assert pruned.holds == ("from-before",)
        # A pruning that does not name a hold that stands has not asked for it.
        await log.owner.execute(
            "UPDATE outbox SET body = convert_to(replace(convert_from(body, 'UTF8'), '[\"from-before\"]', '[]'), 'UTF8')"
        )
        report = await verified(log, tmp_path)
        [finding] = report.findings
        assert (finding.kind, finding.position) == (Kind.MISSING, 256)
        assert "does not say it has kept" in finding.detail
        assert other != mine


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=12))
def test_the_log_knows_what_stands_whatever_it_was_told_before(steps: list[tuple[int, bool]]) -> None:
    """After each telling the fold of the events names exactly the holds in force; nothing is told twice."""
    state, standing = LogState(), dict[str, StandingHold]()
    for which, tell in steps:
        name = f"hold-{which}"
        if name not in standing:
            standing[name] = StandingHold(name, None, NOON)
        elif standing[name].lifted_at is None:
            standing[name] = StandingHold(name, None, NOON, NOON)
        if tell:
            state = LOG.fold(state, decide_tell(state, ORIGIN, standing.values()))
            assert set(state.holds) == {each.name for each in standing.values() if each.lifted_at is None}
            assert decide_tell(state, ORIGIN, standing.values()) == []
