"""Erasure on request: what is gone, what stays, and that the log and the history are as good as before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import lagspill_verify
import pytest
import pytest_asyncio

from services.audit.export import export
from services.audit.queries import Reader
from services.cases.domain.state import Stage
from services.cases.handlers.desk import CASE
from shared.clock import SimulatedClock
from shared.envelope import number
from shared.keys import LocalKeys
from shared.refs import CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.vault import ShreddedError, Vault
from tests.e2e.cases_world import VAULT_KEY, World, cases_world
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, open_world
from tests.integration.patterns_town import feed

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


async def erase(world: World, who: str, case: str) -> httpx.Response:
    """Ask for it, naming the present version."""
    return await world.post(who, f"/cases/{case}/erasure", if_match=await world.version("styrer", case))


async def close(world: World, case: str) -> None:
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)


async def test_what_is_erased_is_gone_and_the_rest_is_as_good_as_before(
    world: World, migrated: Migrated, tmp_path: Path
) -> None:
    case = await world.opened()
    consent = await world.consented(case, services=("ppt",))
    record = await world.must("teacher", f"/cases/{case}/records", {"category": "language", "text": "Sier kopp."})
    headers = {"authorization": f"Bearer {world.token('teacher')}", "idempotency-key": "d", "document-title": "T"}
    document = (
        await world.http.post(f"/cases/{case}/documents?category=health", content=b"%PDF-1.7", headers=headers)
    ).json()["document"]
    emergency = {"reason": "danger-to-life", "text": "Fall.", "categories": ["health"], "hours": 2}
    glass = (await world.must("nurse", f"/cases/{case}/break-glass", emergency))["glass"]
    await world.see("nurse", f"/cases/{case}/child")
    assert code(await erase(world, "styrer", case)) == (409, "case-not-ended")
    await close(world, case)
    assert code(await erase(world, "teacher", case)) == (403, "not-permitted")
    assert code(await erase(world, "guardian-a", case)) == (403, "not-permitted")
    assert code(await erase(world, "curious", case)) == (404, "not-found")
    assert code(await world.post("styrer", f"/cases/{case}/erasure")) == (428, "if-match-missing")
    await world.must("styrer", f"/cases/{case}/legal-holds", {"reason": "archive"})
    assert code(await erase(world, "styrer", case)) == (409, "legal-hold")
    await world.must("styrer", f"/cases/{case}/legal-hold-releases")
    before = await world.published()
    done = await erase(world, "styrer", case)
    assert (done.status_code, done.json()["stage"]) == (201, "erased"), done.text
    assert code(await erase(world, "styrer", case)) == (409, "case-not-ended")

    everybody = ("teacher", "ppt", "nurse", "guardian-a", "guardian-b", "child", "styrer", "notify", "curious")
    for path in (
        f"/cases/{case}/child",
        f"/cases/{case}/copy",
        f"/cases/{case}/documents",
        f"/documents/{document}",
        f"/cases/{case}/contacts",
        f"/cases/{case}/guardians",
    ):
        for who in everybody:
            answer = await world.get(who, path)
            assert answer.status_code in {403, 404}, (who, path)
            assert answer.json()["code"] in {"not-permitted", "not-found", "content-shredded"}, (who, path)
    assert code(await world.post("teacher", f"/records/{record['record']}/versions", {"text": "x"})) == (
        403,
        "not-permitted",
    )
    reviewed = await world.see("nurse-leader", f"/break-glass/{glass}")
    assert (reviewed["text"], len(reviewed["looks"])) == (None, 1), "that it happened is still reviewed"
    await world.must("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
    sought = {"national_number": world.child.national_number}
    token = {"authorization": f"Bearer {world.token('styrer')}"}
    assert (await world.http.post("/search", json=sought, headers=token)).json()["items"] == []
    for table, column in (
        ("lookups", "owner"),
        ("documents", "owner"),
        ("kin", "case_ref"),
        ("disclosures", "case_ref"),
    ):
        left = await world.pool.fetchval(f"SELECT count(*) FROM {table} WHERE {column} = $1", case)
        assert left == 0, table
    assert await world.pool.fetchval("SELECT count(*) FROM document_pieces") == 0
    async with world.pool.acquire() as conn:
        vault = Vault(LocalKeys.parse(VAULT_KEY), b"l" * 32)
        entries = await vault.entries(conn, owner=case)
        assert entries, "what is left is noise"
        for entry in entries:
            with pytest.raises(ShreddedError):
                await vault.get(conn, owner=case, record=entry.record)

    after = await world.published()
    assert after[: len(before)] == before
    history = await world.journal.history(CASE, CaseRef(case))
    replayed = CASE.replay(event for _, event in history)
    stored = (await world.journal.load(CASE, CaseRef(case))).state
    assert replayed == stored
    assert (stored.stage, stored.consents[consent].ref) == (Stage.ERASED, consent)  # type: ignore[index]
    await verified(world, migrated, tmp_path)


ASKS_THE_VAULT: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "/cases/{case}/concern-reports",
        {
            "ground": "maltreatment-or-neglect",
            "text": "x",
            "guardians_informed": True,
            "not_heard": "danger",
        },
    ),
    (
        "/cases/{case}/consents",
        {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": "2027-01-01"},
    ),
    ("/consents/{consent}/renewals", {"valid_to": "2027-01-01"}),
    (
        "/cases/{case}/coordinator",
        {
            "kind": "ansvarsgruppe",
            "coordinator": {
                "actor": f"act_{'b' * 26}",
                "role": "coordinator",
                "service": "helsestasjon",
                "unit": "unit:helsestasjon",
            },
        },
    ),
    ("/cases/{case}/child-view-exceptions", {"before": "consent", "reason": "danger"}),
    (
        "/cases/{case}/contributions",
        {"service": "ppt", "reason": "competence-missing", "text": "Hva kan vi prøve?", "anonymous": True},
    ),
)
"""Commands whose rules need what only the vault has: the child's age, the guardians, the names."""


@pytest.mark.rule(106)
async def test_of_a_child_with_two_cases_the_one_is_erased_and_the_other_is_whole(world: World) -> None:
    """The child came back: a key for each case, so that each goes when its own time is over, and nothing of it is left elsewhere."""
    first = await world.opened()
    early = await world.must("teacher", f"/cases/{first}/records", {"category": "language", "text": "Sier kopp."})
    await close(world, first)
    again = await world.must("teacher", "/concerns", world.concern(text="Er blitt stille igjen.", observations={}))
    second = again["case"]
    assert second != first
    await world.must("teacher", f"/concerns/{again['concern']}/resolution", {"outcome": "lifted"})
    await world.must("teacher", f"/cases/{second}/records", {"category": "language", "text": "Sier setninger."})
    keys = "SELECT owner FROM data_keys WHERE owner = ANY($1) AND wrapped IS NOT NULL ORDER BY owner"
    assert [row["owner"] for row in await world.pool.fetch(keys, [first, second])] == sorted([first, second])
    assert (await erase(world, "styrer", first)).status_code == 201
    assert [row["owner"] for row in await world.pool.fetch(keys, [first, second])] == [second]
    seen = await world.see("guardian-a", f"/cases/{second}/child")
    assert (seen["identity"]["name"], seen["identity"]["national_number"]) == (
        world.child.name,
        world.child.national_number,
    )
    assert {one["text"] for one in seen["records"]} == {"Er blitt stille igjen.", "Sier setninger."}
    found = await world.post("teacher", "/search", {"national_number": world.child.national_number})
    assert [one["case"] for one in found.json()["items"]] == [second]
    for path in (f"/cases/{first}/child", f"/cases/{first}/copy", f"/records/{early['record']}"):
        assert (await world.get("guardian-a", path)).status_code in {404, 405}, path


async def test_that_there_was_a_case_is_told_to_nobody_who_had_no_part_in_it(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    await close(world, case)
    assert (await erase(world, "styrer", case)).status_code == 201
    known, unknown = {"case": case, "consent": consent}, {"case": f"cas_{'b' * 26}", "consent": f"cst_{'b' * 26}"}
    denied = 0
    for path, body in ASKS_THE_VAULT:
        for who in ("curious", "stranger", "meetings"):
            for refs in (known, unknown):
                assert code(await world.post(who, path.format(**refs), body)) == (404, "not-found"), (who, path)
            denied += 1
            assert len(await world.access("deny")) == denied, (who, path)
    # Who had a part in it knows that it has ended.
    report, written = ASKS_THE_VAULT[0]
    assert code(await world.post("teacher", report.format(**known), written)) == (409, "case-not-open")


async def verified(world: World, migrated: Migrated, folder: Path) -> None:
    """Take everything that was published into a real log, and verify a copy of it with the public key."""
    rows = await world.pool.fetch("SELECT body FROM outbox ORDER BY id")
    async with open_world(await migrated("audit", MIGRATIONS)) as log:
        await feed(log, [number(row["body"], nth) for nth, row in enumerate(rows, start=1)])
        await export(Reader(log.pool), NOTODDEN, folder / "copy")
        vkey = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
        report: Any = await asyncio.to_thread(lagspill_verify.verify, str(folder / "copy"), vkey)
    assert (report.exit_status, report.findings, report.entries) == (0, [], len(rows)), report


async def test_what_a_law_demands_is_kept_whatever_is_asked(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    measure = {
        "code": "sprakgruppe",
        "owner": "helsestasjon",
        "goal": "x",
        "indicator": "seen",
        "evaluate_by": "2026-11-01T11:00:00Z",
    }
    made = await world.must("teacher", f"/cases/{case}/measures", measure)
    version = await world.version("nurse", case)
    evaluated = await world.post(
        "nurse", f"/measures/{made['measure']}/evaluations", {"effect": "reached", "outcome": "stop"}, if_match=version
    )
    assert evaluated.status_code == 201, evaluated.text
    await close(world, case)
    refused = await erase(world, "styrer", case)
    assert code(refused) == (409, "kept-by-law")
    assert refused.json()["class"] == "health"
    assert (await world.get("guardian-a", f"/cases/{case}/child")).status_code == 200
