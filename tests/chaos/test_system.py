"""The whole system while its parts are killed and frozen and people work with it: nothing lost, nothing doubled, nothing shown.

One storm for all tests: every part dies or freezes in the midst of commands, and then time passes. What everybody holds when
it is quiet again is compared with what people were answered.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import psutil
import pytest
from lagspill_verify import verify
from rich.console import Console

from deploy.demo.story import BEGINS
from deploy.local.process import free_port
from deploy.local.settings import LocalSettings
from deploy.local.system import Addresses, LocalSystem
from deploy.local.up import StartProgress
from services.audit.domain.case_of_finding import FINDING
from services.audit.domain.log import LOG as LOG_AGGREGATE
from services.audit.exports.domain import EXPORT
from services.audit.innsyn.handlers import REPORT
from services.cases.handlers.desk import CASE
from services.meetings.domain.arena import ARENA
from services.meetings.domain.deviating import FOUND
from services.meetings.domain.meeting import MEETING
from services.meetings.domain.receipts import RECEIPTS as MEETINGS_RECEIPTS
from services.meetings.domain.report_duty import DUTY
from services.notify.domain.deadline import DEADLINE, deadline_of
from services.notify.domain.message import MESSAGE
from services.notify.domain.receipts import RECEIPTS as NOTIFY_RECEIPTS
from services.notify.domain.recipient import RECIPIENT
from shared.aggregate import Aggregate
from shared.clock import SystemClock
from shared.contracts.meetings import AgendaItemRemoved
from shared.contracts.meetings import ConsentReceiptRecorded as MeetingsReceipt
from shared.contracts.notify import ConsentReceiptRecorded as NotifyReceipt
from shared.contracts.notify import DeadlineEvent, DeadlineKind, DeadlineSet, NotificationQueued
from shared.db import create_pool
from shared.envelope import parse
from shared.journal import Journal
from shared.refs import RandomIds
from shared.testing.signals import WITHIN, Watch
from tests.chaos.storm import LOG, SERVICES, Course, Evidence, Fact, Storm
from tests.chaos.town import TEACHER, Town, by_name, open_town
from tests.published import examine

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.timeout(900)]

AGGREGATES: Final = {
    "cases": (CASE,),
    "meetings": (ARENA, MEETING, MEETINGS_RECEIPTS, FOUND, DUTY),
    "notify": (DEADLINE, MESSAGE, NOTIFY_RECEIPTS, RECIPIENT),
    "audit": (LOG_AGGREGATE, FINDING, EXPORT, REPORT),
}
PEERS: Final = {"/services/cases", "/services/meetings", "/services/notify"}
"""Those that the audit service asks how far they have published."""
PROFILES: Final = Path(__file__).resolve().parents[2] / "deploy" / "municipalities"
PORTS: Final = ("postgres", "kafka", "kafka_controller", "oidc", "smtp", *SERVICES)


@dataclass(frozen=True)
class Aftermath:
    """The system when it is quiet again, still running; what people were answered; what everybody holds."""

    addresses: Addresses
    now: datetime
    town: Town
    evidence: Evidence


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    given = {f"{part}_port": free_port() for part in PORTS}
    elsewhere = dict.fromkeys(("database_url", "kafka_bootstrap_servers", "oidc_issuer"))
    settings = LocalSettings(home=tmp_path_factory.mktemp("lagspill")).model_copy(update={**given, **elsewhere})
    # One municipality, so one log: each profile is published in its municipality's own.
    profiles = tmp_path_factory.mktemp("municipalities")
    shutil.copy(PROFILES / "notodden.yaml", profiles)
    extra = {
        "DELIVERY_FIRST_PAUSE": "0.2",
        "JOURNAL_SEAL_SECONDS": "5",
        "MUNICIPALITIES_FOLDER": str(profiles),
        "AUDIT_MUNICIPALITIES_FOLDER": str(profiles),
    }
    made = LocalSystem(settings, StartProgress(Console(quiet=True)), clock_start=BEGINS, extra=extra)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def aftermath(system: LocalSystem) -> Aftermath:
    return asyncio.run(weathered(system, system.start()))


async def weathered(system: LocalSystem, addresses: Addresses) -> Aftermath:
    """Let it storm, let time pass, and collect what everybody holds."""
    async with open_town(addresses) as town:
        storm = Storm(system, addresses, town, BEGINS)
        await everything_fails(storm)
        await storm.all_ready()
        async with storm.watched():
            await everything_comes_twice(storm)
            await storm.quiet()
            await time_passes(storm)
            return Aftermath(addresses, storm.now, town, await storm.evidence())


async def everything_fails(storm: Storm) -> None:
    """Each part dies or freezes in the midst of commands."""
    town = storm.town
    of_cases = [town.withdrawn, town.withdrawn, town.granted, town.half_granted, town.registered, town.settled] * 2
    courses: list[Course] = [*of_cases, town.discussed, town.audited]
    for part in ("notify", "postgres", "meetings", "audit"):
        await storm.amid(partial(storm.kill_and_restart, part), courses)
    await storm.amid(partial(storm.kill_and_restart, "cases", times=3), courses)

    async def lose_broker_and_meetings() -> None:
        storm.kill("kafka")
        storm.system.part("meetings").pause()

    # A command to the cases service needs neither the broker nor anybody else.
    await storm.amid(lose_broker_and_meetings, of_cases)
    await storm.restart("kafka", wait=True)
    storm.system.part("meetings").resume()
    await storm.amid(partial(storm.freeze, "cases", 4), courses)
    await storm.two_instances()


async def everything_comes_twice(storm: Storm) -> None:
    """What one relay has sent it sends again, and what two consumers have taken is given to them again."""
    town = storm.town
    await storm.sent_and_not_settled("cases", [town.withdrawn, town.withdrawn, town.granted])
    await storm.amid(partial(storm.offsets_lost, "meetings", "notify"), [town.withdrawn, town.granted, town.settled])


async def time_passes(storm: Storm) -> None:
    """Guardians are reminded, then those who registered a concern; notify dies in the midst of that."""
    await storm.days_later(7)
    await storm.quiet()
    await storm.days_later(3)
    reminded = "SELECT count(*) > 0 FROM aggregates WHERE kind = 'deadline' AND state ->> 'kind' = 'act-on-concern' AND state ->> 'status' = 'approaching'"  # fmt: skip
    await storm.watches["notify"].until(reminded)
    await storm.kill_and_restart("notify", wait=True)
    await storm.set_clock(storm.now, ["notify"])
    await storm.quiet()


# --- what people were answered ----------------------------------------------------------------------------------------


def test_the_storm_was_one(aftermath: Aftermath) -> None:
    """Clients lost connections and were turned away, and asked again; all the same each was answered in the end."""
    troubles = Counter(aftermath.town.troubles.seen)
    assert {"ReadTimeout", "ConnectError"} <= troubles.keys(), troubles
    assert sum(one.asked > 1 for one in aftermath.town.answered.seen) > 20
    assert len(aftermath.town.answered.seen) > 300


def test_every_command_that_was_answered_has_its_events_once(aftermath: Aftermath) -> None:
    """And there is nothing that nobody was answered for."""
    by_correlation: dict[UUID, list[Fact]] = defaultdict(list)
    for fact in aftermath.evidence.history["cases"]:
        if fact.envelope.authtype == "user":
            by_correlation[fact.envelope.correlationid].append(fact)
    answered = {one.correlation: one for one in aftermath.town.answered.seen if one.means.startswith("cases.")}
    assert by_correlation.keys() == answered.keys()
    for correlation, done in answered.items():
        facts = by_correlation[correlation]
        types = Counter(fact.envelope.type for fact in facts)
        assert types[f"no.lagspill.{done.means}.v1"] == 1, (done, types)
        assert max(types.values()) == 1, types
        versions = [int(fact.envelope.sequence or "0") for fact in facts]
        last = versions[-1] if done.version is None else done.version
        assert versions == list(range(last - len(facts) + 1, last + 1)), done


def test_every_meeting_and_item_that_was_answered_is_there_once(aftermath: Aftermath) -> None:
    for means, name in (("meetings.meeting.called", "meeting"), ("meetings.agenda-item.added", "item")):
        happened = Counter(getattr(fact.data, name) for fact in aftermath.evidence.of_type(means))
        assert happened == Counter(one.ref(name) for one in aftermath.town.answered.seen if one.means == means)


def test_every_look_is_in_the_log(aftermath: Aftermath) -> None:
    """A look that was asked for twice may stand there twice; one that was shown stands there."""
    logged = {one.envelope.correlationid for one in aftermath.evidence.log if "access.recorded" in one.envelope.type}
    assert set(aftermath.town.looks) <= logged


# --- journal, bus, log ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_everything_committed_is_published_with_one_number_in_order(aftermath: Aftermath, service: str) -> None:
    """Every event, no hole in the numbers, one meaning and the same bytes for each, every subject's order, every seal true."""
    evidence = aftermath.evidence
    its_own = [
        record
        for record in evidence.bus
        if record.value and parse(record.value).envelope.source == f"/services/{service}"
    ]
    published = examine(its_own, evidence.owed[service])
    assert published.seals
    assert published.repeats > 0 or service != "cases", "it had to send again"
    assert published.by_scope().keys() == {LOG}


@pytest.mark.parametrize("service", SERVICES)
def test_the_log_holds_every_event_once_and_in_order(aftermath: Aftermath, service: str) -> None:
    evidence = aftermath.evidence
    entries = [one for one in evidence.log if one.envelope.source == f"/services/{service}"]
    assert max(Counter(one.envelope.id for one in entries).values()) == 1
    numbers = sorted(one.envelope.number for one in entries)
    assert numbers == list(range(1, len(numbers) + 1))
    assert {fact.envelope.id for fact in evidence.history[service]} == {
        one.envelope.id for one in entries if one.envelope.sequence is not None
    }
    newest: Counter[str] = Counter()
    for one in entries:
        if one.envelope.sequence is not None:
            assert int(one.envelope.sequence) == newest[one.envelope.subject] + 1
            newest[one.envelope.subject] += 1


def test_the_log_holds_the_bytes_that_were_published(aftermath: Aftermath) -> None:
    published = {record.value for record in aftermath.evidence.bus}
    assert {one.leaf for one in aftermath.evidence.log} <= published
    assert [one.position for one in aftermath.evidence.log] == list(range(len(aftermath.evidence.log)))


@pytest.mark.story(23)
async def test_the_log_verifies_and_agrees_with_every_journal(aftermath: Aftermath) -> None:
    """By the public key alone, and by what each service says of its own journal."""
    audit = aftermath.addresses.services["audit"]
    async with open_town(aftermath.addresses) as town, Watch(aftermath.addresses.owner("audit"), "logs") as watch:
        token = {"Authorization": f"Bearer {town.tokens['auditor']}"}
        vkey = (await town.http.get(f"{audit}/logs/{LOG}/vkey")).text.strip()
        report = await asyncio.to_thread(verify, f"{audit}/logs/{LOG}", vkey, token=town.tokens["auditor"])
        assert not report.findings, str(report)
        assert report.size >= len(aftermath.evidence.log)
        async with asyncio.timeout(WITHIN):
            while True:
                told = (await town.http.get(f"{audit}/reconciliation", headers=token)).json()
                if all(each["agrees"] for each in told["sources"] if each["source"] in PEERS):
                    break
                # A service was faster than the log: what it published is on its way.
                await watch.until("SELECT size > $1 FROM logs WHERE log = $2", told["size"], LOG)
        assert {each["source"] for each in told["sources"]} >= PEERS
        for each in told["sources"]:
            assert (each["missing"], each["seals_contradicting"]) == ([], 0), each
            assert each["seals_agreeing"] > 0, each


# --- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
async def test_replaying_each_history_gives_the_stored_state(aftermath: Aftermath, service: str) -> None:
    pool = await create_pool(aftermath.addresses.databases[service], application_name="replay", max_size=2)
    journal = Journal(pool, source=f"/services/{service}", clock=SystemClock(), ids=RandomIds())
    kinds: Mapping[str, Aggregate[Any]] = {each.kind: each for each in AGGREGATES[service]}
    rows = await pool.fetch("SELECT id, kind, version FROM aggregates")
    for row in rows:
        kind = kinds[row["kind"]]
        loaded, history = await journal.load(kind, row["id"]), await journal.history(kind, row["id"])
        assert kind.replay(data for _, data in history) == loaded.state
        assert [int(envelope.sequence or "0") for envelope, _ in history] == list(range(1, row["version"] + 1))
    assert rows
    await pool.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_waits_for_a_person(aftermath: Aftermath, service: str) -> None:
    """No event was parked, no deadline, and nothing was found wrong with the log."""
    waiting = ["dead_letters", "deadlines WHERE parked"] + (["findings"] if service == "audit" else [])
    connection = await asyncpg.connect(aftermath.addresses.databases[service])
    for what in waiting:
        assert await connection.fetchval(f"SELECT count(*) FROM {what}") == 0, what
    await connection.close()


# --- effects ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_every_withdrawal_has_its_receipts_and_nothing_is_shown_after_it(aftermath: Aftermath) -> None:
    evidence, fates = aftermath.evidence, aftermath.town.fates
    ended = {(fate.consent, version) for fate in fates for version in fate.ended}
    for service in ("meetings", "notify"):
        receipts = Counter(
            (fact.data.consent, fact.data.consent_version)
            for fact in evidence.of_type(f"{service}.consent-receipt.recorded")
            if isinstance(fact.data, MeetingsReceipt | NotifyReceipt)
        )
        assert receipts == Counter(ended)
    assert not evidence.of_type("cases.consent.receipt-missing")
    removed = Counter(
        fact.data.item
        for fact in evidence.of_type("meetings.agenda-item.removed")
        if isinstance(fact.data, AgendaItemRemoved)
    )
    assert removed == Counter(aftermath.town.named.keys())
    async with open_town(aftermath.addresses) as town:
        meeting = await town.called()
        for fate in [fate for fate in fates if fate.withdrawn]:
            told, _ = await town.ask(TEACHER, "GET", "cases", f"/consents/{fate.consent}/receipts")
            assert told.json()["awaited"] == []
            assert Counter((one["version"], one["consumer"]) for one in told.json()["receipts"]) == Counter(
                (version, consumer) for version in fate.ended for consumer in ("meetings", "notify")
            )
            refused, _ = await town.ask(
                TEACHER,
                "POST",
                "meetings",
                f"/meetings/{meeting}/agenda-items",
                by_name(fate),
                {"Idempotency-Key": str(uuid4())},
            )
            assert (refused.status_code, refused.json()["code"]) == (409, "consent-missing")
        kept = next(fate for fate in fates if fate.granted == 2 and not fate.withdrawn)
        await town.bring(meeting, kept)


@pytest.mark.rule(79)
@pytest.mark.story(3)
def test_every_deadline_is_set_once_and_has_what_came_of_it_once(aftermath: Aftermath) -> None:
    evidence = aftermath.evidence
    known = {
        fact.data.deadline: fact.data
        for fact in evidence.of_type("notify.deadline.set")
        if isinstance(fact.data, DeadlineSet)
    }
    counted = {
        name: Counter(
            fact.data.deadline
            for fact in evidence.of_type(f"notify.deadline.{name}")
            if isinstance(fact.data, DeadlineEvent)
        )
        for name in ("set", "closed", "approaching", "missed")
    }
    wanted, closed = set(), set()
    for fate in aftermath.town.fates:
        letters = (fate.concern, *([fate.case] if fate.opened else []), *([fate.consent] if fate.consent else []))
        wanted |= {deadline_of(reference) for reference in letters}
        closed |= {deadline_of(fate.concern)} if fate.acted else set()
        closed |= {deadline_of(fate.consent)} if fate.consent and fate.granted == 2 else set()
    assert counted["set"] == Counter(wanted)
    assert counted["closed"] == Counter(closed)
    approaching = {
        ref
        for ref, deadline in known.items()
        if ref not in closed and deadline.remind_at and deadline.remind_at <= aftermath.now
    }
    assert counted["approaching"] == Counter(approaching)
    assert {known[ref].kind for ref in approaching} >= {DeadlineKind.ACT_ON_CONCERN, DeadlineKind.ANSWER_CONSENT}
    assert not counted["missed"]


def test_nobody_is_told_twice(aftermath: Aftermath) -> None:
    """One message to each recipient for one cause, with one outcome."""
    told = Counter(
        (fact.data.recipient, fact.data.template, fact.envelope.causationid)
        for fact in aftermath.evidence.of_type("notify.notification.queued")
        if isinstance(fact.data, NotificationQueued)
    )
    assert {template for _, template, _ in told} >= {"consent-request", "consent-reminder", "concern-reminder"}
    assert max(told.values()) == 1, told.most_common(3)
    for outcome in ("sent", "failed", "cancelled"):
        happened = Counter(
            fact.envelope.subject for fact in aftermath.evidence.of_type(f"notify.notification.{outcome}")
        )
        assert max(happened.values(), default=1) == 1


# --- the end ----------------------------------------------------------------------------------------------------------


def test_nothing_is_left_behind(system: LocalSystem, aftermath: Aftermath) -> None:
    """Last in this module: it stops the system."""
    assert aftermath.town.answered.seen
    family = [
        process
        for part in system.parts
        if part.pid is not None
        for process in (psutil.Process(part.pid), *psutil.Process(part.pid).children(recursive=True))
    ]
    assert len(family) >= 7
    system.stop()
    assert psutil.wait_procs(family, timeout=WITHIN)[1] == []
