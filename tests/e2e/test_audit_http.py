"""The audit service over real HTTP, with real tokens: what anybody may read, what auditors may, and that each look is recorded."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import lagspill_verify
import pytest
import pytest_asyncio

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import open_note
from services.audit.domain.proof import InclusionProof
from services.audit.domain.tiles import WIDTH, read_bundle
from shared.clock import SimulatedClock
from shared.merkle import leaf_hash, root_of, split, verify_inclusion
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import NOTODDEN, SIGNER, SKIEN, Publisher

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest_asyncio.fixture
async def audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """The composed service; its logs are fed directly."""
    async with audit_service(migrated, issuer, clock) as made:
        yield made


async def test_the_standard_read_interface(audit: Served) -> None:
    """Checkpoint, tiles and bundles as C2SP tlog-tiles has them: a client rebuilds the tree from them alone."""
    records = Publisher().reads(WIDTH + 44)
    await audit.world.take(*records[:100])
    await audit.world.take(*records[100:])
    answer = await audit.get("/logs/4005/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    vkey = (await audit.get("/logs/4005/vkey")).text.strip()
    assert vkey == SIGNER.named("lagspill.no/logs/4005").verifier.vkey
    text = open_note(answer.content, [SIGNER.named("lagspill.no/logs/4005").verifier])
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("lagspill.no/logs/4005", 300)
    full = await audit.get("/logs/4005/tile/0/000")
    assert full.headers["content-type"] == "application/octet-stream"
    assert "immutable" in full.headers["cache-control"]
    last = await audit.get("/logs/4005/tile/0/001.p/44")
    upper = await audit.get("/logs/4005/tile/1/000.p/1")
    hashes = [*split(full.content), *split(last.content)]
    assert hashes == [leaf_hash(record) for record in records]
    assert upper.content == root_of(hashes[:WIDTH])
    assert checkpoint.root == root_of(hashes)
    token = audit.token()
    bundles = [await audit.get(f"/logs/4005/tile/entries/{path}", token) for path in ("000", "001.p/44")]
    assert [entry for bundle in bundles for entry in read_bundle(bundle.content)] == records
    assert "no-store" in bundles[0].headers["cache-control"]
    earlier = await audit.get("/logs/4005/tile/0/000.p/100")
    assert earlier.content == full.content[: 32 * 100]
    sizes = [view["size"] for view in (await audit.get("/logs/4005/checkpoints")).json()["items"]]
    assert sizes == [300, 100]


@pytest.mark.parametrize(
    "path",
    [
        "/logs/9999/checkpoint",
        "/logs/nobody/checkpoint",
        "/logs/4005/tile/0/001",
        "/logs/4005/tile/0/000.p/4",
        "/logs/4005/tile/0/000.p/0",
        "/logs/4005/tile/1/000.p/1",
        "/logs/4005/tile/64/000",
        "/logs/4005/tile/0/x000/000",
        "/logs/4005/tile/0/..%2f000",
        "/logs/4005/tile/99/000",
        f"/logs/4005/tile/0/{'x999/' * 6}999",
        "/logs/4005/tile/1/x036/x028/x797/x018/x963/968",
        f"/logs/4005/tile/entries/{'x999/' * 6}999",
        "/logs/unparsable/vkey",
    ],
)
async def test_what_no_log_has_is_not_found(audit: Served, path: str) -> None:
    """One tile, one path; nothing beyond the size."""
    await audit.world.take(*Publisher().reads(3))
    answer = await audit.get(path, audit.token())
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_entries_take_the_token_of_the_municipalitys_auditor(audit: Served) -> None:
    """Nobody else's, not another municipality's, not one's of a log that is no municipality's; a refusal is recorded."""
    await audit.world.take(*Publisher().reads(3), b"no event")
    paths = [
        "/logs/4005/tile/entries/000.p/3",
        "/entries?log=4005&since=2026-09-01T00:00:00Z&until=2026-09-30T00:00:00Z",
        "/entries/0?log=4005",
        "/entries/0/proof?log=4005",
        "/reconciliation?log=4005",
    ]
    for path in paths:
        assert (await audit.get(path)).status_code == 401
    refused = [audit.token("teacher"), audit.token("operator"), audit.token("auditor", SKIEN), audit.token("leader")]
    for path in paths:
        for token in refused:
            answer = await audit.get(path, token)
            assert (answer.status_code, answer.json()["code"]) == (403, "log-forbidden")
    records = await audit.recorded()
    assert len(records) == len(paths) * len(refused)
    assert {(record["kind"], record["permitted"]) for record in records} == {("deny", False)}
    for path in ("/logs/unparsable/tile/entries/000.p/1", "/entries/0?log=unparsable"):
        assert (await audit.get(path, audit.token())).status_code == 403
    for role in ("auditor", "privacy-officer"):
        assert (await audit.get(paths[0], audit.token(role))).status_code == 200


async def test_a_search_finds_and_is_recorded_first(audit: Served) -> None:
    """By case, by actor, by time; the newest first; the look is committed with its number of results."""
    cases = Publisher()
    case = cases.ids.ref("cas")
    await audit.world.take(
        cases.read(case),
        cases.read(),
        cases.read(case, actor="act_somebody-else"),
        cases.read(scope=SKIEN),
        cases.seal(),
    )
    page = await audit.see("/entries", case=case)
    assert [(entry["position"], entry["actor"]) for entry in page["items"]] == [
        (2, "act_somebody-else"),
        (0, "act_nurse-in-tinnes"),
    ]
    first = page["items"][1]
    assert first["log"] == NOTODDEN
    assert (first["kind"], first["basis"], first["organisation"], first["unit"]) == (
        "read", "consent", "999999999", "unit:helsestasjon",
    )  # fmt: skip
    assert first["event"]["data"]["case"] == case
    looks = await audit.recorded()
    assert [(look["kind"], look["case"], look["subject_ref"], look["actor"]["role"]) for look in looks] == [
        ("log-read", case, case, "auditor")
    ]
    by_actor = await audit.see("/entries", actor="act_somebody-else")
    assert [entry["position"] for entry in by_actor["items"]] == [2]
    month = {"since": "2026-09-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}
    assert [entry["position"] for entry in (await audit.see("/entries", **month))["items"]] == [3, 2, 1, 0]
    assert [entry["kind"] for entry in (await audit.see("/entries", kind="seal", **month))["items"]] == ["seal"]
    assert (await audit.see("/entries", case=case, since="2026-09-07T10:00:03Z"))["items"] == page["items"][:1]
    assert (await audit.see("/entries", case=case, permitted="false"))["items"] == []
    assert len(await audit.recorded()) == 6


async def test_a_search_pages_by_cursor(audit: Served) -> None:
    """Nothing twice, nothing left out, although entries are added meanwhile; a cursor belongs to its search."""
    cases = Publisher()
    case = cases.ids.ref("cas")
    await audit.world.take(*(cases.read(case if at % 2 else None) for at in range(40)))
    seen: list[int] = []
    query: dict[str, str | int] = {"case": case, "limit": 7}
    while True:
        page = await audit.see("/entries", **query)
        seen += [entry["position"] for entry in page["items"]]
        await audit.world.take(cases.read(case))
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == list(range(39, 0, -2))
    foreign = await audit.get("/entries", audit.token(), actor="act_nurse-in-tinnes", cursor=query["cursor"])
    assert (foreign.status_code, foreign.json()["code"]) == (400, "cursor-invalid")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "period-too-long"),
        ({"since": "2026-09-01T00:00:00Z"}, 422, "period-too-long"),
        ({"since": "2026-09-01T00:00:00Z", "until": "2026-10-03T00:00:00Z"}, 422, "period-too-long"),
        ({"unit": "unit:ppt"}, 422, "period-too-long"),
        ({"case": "cas_1"}, 422, "input-invalid"),
        ({"case": "' OR 1=1 --"}, 422, "input-invalid"),
        ({"actor": "act_nurse-in-tinnes", "since": "yesterday"}, 422, "input-invalid"),
        ({"actor": "act_nurse-in-tinnes", "limit": 1000}, 422, "input-invalid"),
        ({"log": "nobody", "actor": "act_nurse-in-tinnes"}, 404, "log-unknown"),
    ],
)
async def test_bad_searches(audit: Served, query: dict[str, str | int], status: int, code: str) -> None:
    """A search without a child or a person needs a short period; nothing malformed reaches the database."""
    answer = await audit.get("/entries", audit.token(), **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_entry_with_its_proof(audit: Served, tmp_path: Path) -> None:
    """The proof verifies by the specification's rules, with our verifier as a file, and for every position."""
    records = Publisher().reads(WIDTH + 3)
    await audit.world.take(*records)
    verifier = SIGNER.named("lagspill.no/logs/4005").verifier
    for position in (0, 1, 254, 255, 256, 258):
        shown = await audit.see(f"/entries/{position}")
        assert base64.b64decode(shown["leaf"]) == records[position]
        proof = InclusionProof.parse(shown["proof"])
        checkpoint = Checkpoint.parse(open_note(proof.note.encode(), [verifier]))
        verify_inclusion(leaf_hash(records[position]), position, checkpoint.size, proof.hashes, checkpoint.root)
    answer = await audit.get("/entries/255/proof", audit.token())
    assert answer.headers["content-disposition"] == 'attachment; filename="4005-255.tlog-proof"'
    file = tmp_path / "4005-255.tlog-proof"
    file.write_bytes(answer.content)
    report = lagspill_verify.verify(str(file), verifier.vkey)
    assert (report.exit_status, report.notes) == (0, ["entry 255 is in the log"])
    assert (await audit.get("/entries/259", audit.token())).status_code == 404
    assert (await audit.get("/entries/-1", audit.token())).status_code == 404
    assert [look["kind"] for look in await audit.recorded()] == ["log-read"] * 7


async def test_the_whole_log_is_verified_over_http(audit: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the standalone program with the public key; reading all of it is one look."""
    cases, meetings = Publisher(), Publisher(source="/services/meetings", seed=3)
    for _ in range(9):
        await audit.world.take(*cases.reads(40), *meetings.reads(20), cases.seal())
    vkey = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
    seen: list[tuple[int, int]] = []
    report = await asyncio.to_thread(
        lagspill_verify.verify,
        f"{audit.address}/logs/4005",
        vkey,
        token=audit.token(),
        progress=lambda done, size: seen.append((done, size)),
    )
    assert (report.exit_status, report.entries, report.size) == (0, 549, 549), report
    assert seen[-1] == (549, 549)
    assert report.journals == [
        "/services/cases 1 to 369 without a hole, 9 seals, sealed to 368",
        "/services/meetings 1 to 180 without a hole, 0 seals, sealed to 0",
    ]
    assert [look["kind"] for look in await audit.recorded()] == ["export"]
    monkeypatch.delenv("LAGSPILL_TOKEN", raising=False)
    status = await asyncio.to_thread(lagspill_verify.main, [f"{audit.address}/logs/4005", "--key", vkey])
    assert status == lagspill_verify.EXIT_CANNOT_TELL


async def test_the_reconciliation_compares_with_the_services_heads(audit: Served) -> None:
    """What the log holds of each service, itself included; a service that does not answer is said to be silent."""
    cases = Publisher()
    records = cases.reads(6)
    await audit.world.take(*records[:3], *records[4:])
    found = await audit.see("/reconciliation")
    assert (found["log"], found["size"]) == ("4005", 5)
    own, row = found["sources"]
    assert (own["source"], own["held"], own["missing"], own["published"]) == ("/services/audit", 0, [], 0)
    assert (row["source"], row["held"], row["missing"], row["published"]) == ("/services/cases", 6, [[4, 4]], None)


async def test_the_page_shows_the_logs_and_loads_nothing(audit: Served) -> None:
    """Without a token and without a script; under a policy that allows nothing but its own style."""
    audit.http.headers["accept-language"] = "en"
    empty = await audit.get("/")
    assert "No log has been signed yet" in empty.text
    await audit.world.take(*Publisher().reads(3), b"no event")
    page = await audit.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for expected in (
        "lagspill.no/logs/4005",
        SIGNER.named("lagspill.no/logs/4005").verifier.vkey.replace("+", "&#43;"),
        "Records that are no events",
        f"{audit.address}/logs/4005",
    ):
        assert expected in page.text.replace("+", "&#43;"), expected
    assert "<script" not in page.text


async def test_a_public_overview_in_json(audit: Served) -> None:
    """The same for programs, with the signed checkpoint."""
    await audit.world.take(*Publisher().reads(3))
    (view,) = (await audit.get("/logs")).json()
    assert (view["log"], view["size"]) == ("4005", 3)
    assert view["note"] == (await audit.get("/logs/4005/checkpoint")).text


async def test_nobody_is_told_that_there_are_address_protected_cases(audit: Served) -> None:
    """Their logs are listed nowhere, and who knows a name learns no more: when one grows is when something happens there."""
    publisher = Publisher()
    hidden = publisher.ids.ref("prt")
    await audit.world.take(publisher.read(), publisher.read(scope=hidden))
    assert [view["log"] for view in (await audit.get("/logs")).json()] == ["4005"]
    assert hidden not in (await audit.get("/")).text
    claims: dict[str, Claim] = {
        "sub": "auditor-2",
        "lagspill_roles": ["auditor", "protected-log-reader"],
        "lagspill_service": None,
        "municipality": "4005",
    }
    cleared = audit.issuer.token(claims)
    unknown = publisher.ids.ref("prt")
    assert (await audit.get(f"/pages/log/{hidden}")).status_code == 404
    parts = ("checkpoint", "checkpoint/latest", "checkpoints", "policy", "witnesses", "vkey", "keys", "tile/0/000.p/1")
    for part in parts:
        before = len(await audit.recorded())
        for answer in (
            await audit.get(f"/logs/{hidden}/{part}"),
            await audit.get(f"/logs/{hidden}/{part}", audit.token()),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "log-unknown"), part
        (refused,) = (await audit.recorded())[before:]
        assert (refused["kind"], refused["reason"]) == ("deny", "log-forbidden")
        assert (await audit.get(f"/logs/{unknown}/{part}")).json()["code"] == "log-unknown"
        shown = await audit.get(f"/logs/{hidden}/{part}", cleared)
        assert shown.status_code == 200, (part, shown.text)
        assert "public" not in shown.headers.get("cache-control", "")
        assert (await audit.get(f"/logs/4005/{part}")).status_code == 200
