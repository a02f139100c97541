"""Exports over HTTP: who may, that each is an entry first, and that every format says what the log says."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import lagspill_verify
import pytest
import pytest_asyncio

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import open_note
from services.audit.domain.tiles import WIDTH
from services.audit.exports.table import COLUMNS, END
from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.codes import Role, Service
from shared.merkle import leaf_hash, verify_inclusion
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service, slowly_read
from tests.integration.audit_world import SIGNER, SKIEN, Publisher

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

WEEK = {"since": "2026-09-07T00:00:00Z", "until": "2026-09-14T00:00:00Z"}


@pytest_asyncio.fixture
async def audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """The composed service; its logs are fed directly."""
    async with audit_service(migrated, issuer, clock) as made:
        yield made


async def order(audit: Served, body: dict[str, Any], *, token: str | None = None, key: str = "k1") -> httpx.Response:
    """Order an export."""
    headers = {"authorization": f"Bearer {token or audit.token()}", "idempotency-key": key}
    return await audit.http.post("/exports", json=body, headers=headers)


async def fetched(audit: Served, body: dict[str, Any], *, key: str = "k1") -> bytes:
    """Order an export and fetch it."""
    made = await order(audit, body, key=key)
    assert made.status_code == 201, made.text
    answer = await audit.get(made.json()["content"], audit.token())
    assert answer.status_code == 200, answer.text
    shown = await audit.see(made.headers["location"])
    *before, _ = answer.content.splitlines(keepends=True)
    assert shown["sha256"] == sha256(b"".join(before)).hexdigest()
    return answer.content


def varied(publisher: Publisher, case: str, **more: Any) -> bytes:
    """An access record that differs from the usual one."""
    return publisher.publish(AccessRecorded.model_validate(publisher.access(case).model_dump() | more))


async def test_an_export_is_ordered_once_and_is_an_entry_before_its_first_byte(audit: Served) -> None:
    """Ordered under a key; each time it is fetched an access record tells so, in the log that it is of."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    await audit.world.take(publisher.read(case), *publisher.reads(5))
    body = {"format": "csv", "filters": {"case": case}}
    made = await order(audit, body)
    again = await order(audit, body)
    assert made.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert made.headers["location"] == f"/exports/{made.json()['export']}"
    assert (made.json()["count"], made.json()["sha256"]) == (None, None)
    assert await audit.recorded() == []
    async with audit.http.stream(
        "GET", made.json()["content"], headers={"authorization": f"Bearer {audit.token()}"}
    ) as answer:
        assert answer.status_code == 200
        (record,) = await audit.recorded()
        await answer.aread()
    assert (record["kind"], record["case"], record["permitted"]) == ("export", case, True)
    assert answer.headers["content-disposition"].startswith('attachment; filename="4005-')
    assert "no-store" in answer.headers["cache-control"]
    shown = await audit.see(made.headers["location"])
    assert shown["count"] == 1
    await audit.get(made.json()["content"], audit.token())
    assert [each["kind"] for each in await audit.recorded()] == ["export", "export"]
    rows = await audit.pool.fetch("SELECT body FROM outbox ORDER BY id")
    kinds = [json.loads(row["body"])["type"].rpartition("audit.")[2] for row in rows]
    assert kinds.count("export.ordered.v1") == 1
    assert kinds.count("export.delivered.v1") == 1  # the same again is no news


async def test_an_export_is_of_its_checkpoint_whatever_comes_later(audit: Served) -> None:
    """The log grows between two fetches; the file does not."""
    publisher = Publisher()
    await audit.world.take(*publisher.reads(WIDTH + 5))
    made = await order(audit, {"format": "ndjson", "period": WEEK})
    first = (await audit.get(made.json()["content"], audit.token())).content
    await audit.world.take(*publisher.reads(WIDTH * 2))
    assert (await audit.get(made.json()["content"], audit.token())).content == first
    assert json.loads(first.splitlines()[-1])["count"] == WIDTH + 5


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"format": "csv"}, 422, "period-too-long"),
        ({"format": "csv", "filters": {"unit": "unit:ppt"}}, 422, "period-too-long"),
        ({"format": "csv", "period": {"since": "2025-01-01T00:00:00Z", "until": "2026-09-03T00:00:00Z"}}, 422,
         "period-too-long"),
        ({"format": "xml", "period": WEEK}, 422, "input-invalid"),
        ({"format": "csv", "period": WEEK, "filters": {"case": "cas_1"}}, 422, "input-invalid"),
        ({"format": "csv", "period": WEEK, "fliters": {}}, 422, "input-invalid"),
        ({"format": "csv", "period": WEEK, "log": SKIEN}, 403, "log-forbidden"),
        ({"format": "csv", "period": WEEK, "log": "unparsable"}, 403, "log-forbidden"),
    ],
)  # fmt: skip
async def test_bad_orders(audit: Served, body: dict[str, Any], status: int, code: str) -> None:
    """As for a search: no whole log by mistake, nothing malformed, nobody else's log."""
    await audit.world.take(*Publisher().reads(2))
    answer = await order(audit, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_the_municipalitys_auditors_order_and_fetch(audit: Served) -> None:
    """Others are refused, their attempt is recorded, and another municipality's export does not exist for them."""
    await audit.world.take(*Publisher().reads(2))
    made = (await order(audit, {"format": "csv", "period": WEEK})).json()
    for token in (audit.token("teacher"), audit.token("operator"), audit.token("leader")):
        answer = await order(audit, {"format": "csv", "period": WEEK}, token=token)
        assert (answer.status_code, answer.json()["code"]) == (403, "log-forbidden")
    for path in (f"/exports/{made['export']}", made["content"]):
        for token in (audit.token("teacher"), audit.token("auditor", SKIEN)):
            answer = await audit.get(path, token)
            assert (answer.status_code, answer.json()["code"]) == (404, "export-unknown")
        assert (await audit.get(path)).status_code == 401
    assert {each["kind"] for each in await audit.recorded()} == {"deny"}
    assert len(await audit.recorded()) == 7
    unknown = await audit.get(f"/exports/{made['export'][:-1]}x", audit.token())
    assert unknown.status_code == 404


async def test_ndjson_proves_every_entry(audit: Served, tmp_path: Path) -> None:
    """Each line by RFC 9162's rules against the signed checkpoint; and the whole file by the verifier that outsiders have."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    records = [publisher.read(case if at % 3 else None) for at in range(WIDTH * 2 + 77)]
    await audit.world.take(*records[:300])
    await audit.world.take(*records[300:])
    for number, body in enumerate(
        [{"format": "ndjson", "filters": {"case": case}}, {"format": "ndjson", "period": WEEK}]
    ):
        content = await fetched(audit, body, key=f"k{number}")
        opening, *lines, closing = [json.loads(line) for line in content.splitlines()]
        assert opening["export"] == "lagspill.no/entries@v1"
        verifier = SIGNER.named("lagspill.no/logs/4005").verifier
        checkpoint = Checkpoint.parse(open_note(opening["checkpoint"].encode(), [verifier]))
        wanted = [at for at in range(len(records)) if at % 3 or number == 1]
        assert [line["position"] for line in lines] == wanted
        for line in lines:
            leaf = base64.b64decode(line["entry"])
            proof = [base64.b64decode(each) for each in line["proof"]]
            assert leaf == records[line["position"]]
            verify_inclusion(leaf_hash(leaf), line["position"], checkpoint.size, proof, checkpoint.root)
        before = content[: content.rindex(b'{"count"')]
        assert closing == {"count": len(wanted), "sha256": base64.b64encode(sha256(before).digest()).decode()}
        file = tmp_path / f"{number}.ndjson"
        file.write_bytes(content)
        assert lagspill_verify.verify(str(file), verifier.vkey).exit_status == 0


async def test_a_stranger_verifies_the_only_the_first_and_the_last_entry_and_none(
    audit: Served, tmp_path: Path
) -> None:
    """At the sizes at which a tile is not full, full, and begun anew; an empty period is a whole file too, in every format."""
    publisher, verifier = Publisher(), SIGNER.named("lagspill.no/logs/4005").verifier
    for size, more in ((1, 1), (WIDTH - 1, WIDTH - 2), (WIDTH, 1), (WIDTH + 1, 1)):
        await audit.world.take(*publisher.reads(more))
        content = await fetched(audit, {"format": "ndjson", "period": WEEK}, key=f"{size}")
        opening, *lines, closing = content.splitlines(keepends=True)
        assert len(lines) == size
        for kept in (lines, lines[:1], lines[-1:], []):
            before = b"".join([opening, *kept])
            told = {"count": len(kept), "sha256": base64.b64encode(sha256(before).digest()).decode()}
            file = tmp_path / "part.ndjson"
            file.write_bytes(before + json.dumps(told).encode() + b"\n")
            assert lagspill_verify.verify(str(file), verifier.vkey).findings == []
        assert json.loads(closing)["count"] == size
    empty = {"since": "2026-09-01T00:00:00Z", "until": "2026-09-02T00:00:00Z"}
    for wanted in ("ndjson", "csv", "cef", "fhir"):
        content = await fetched(audit, {"format": wanted, "period": empty}, key=wanted)
        *above, last = content.splitlines(keepends=True)
        digest = sha256(b"".join(above))
        said = digest.hexdigest() if wanted != "ndjson" else base64.b64encode(digest.digest()).decode()
        assert said in last.decode(), wanted
    file.write_bytes(await fetched(audit, {"format": "ndjson", "period": empty}, key="again"))
    report = lagspill_verify.verify(str(file), verifier.vkey)
    assert (report.exit_status, report.entries) == (0, 0)


async def test_what_is_written_while_an_export_runs_is_not_in_it(audit: Served, tmp_path: Path) -> None:
    """The tiles fill up and the log is signed anew between two chunks: every proof still leads to the file's own checkpoint."""
    publisher = Publisher()
    for _ in range(10):
        await audit.world.take(*publisher.reads(WIDTH * 4 + 1))
    size = publisher.heads["4005"].size
    made = (await order(audit, {"format": "ndjson", "period": WEEK})).json()
    headers = {"authorization": f"Bearer {audit.token()}"}
    file = tmp_path / "running.ndjson"
    async with audit.http.stream("GET", made["content"], headers=headers) as answer:
        with file.open("wb") as written:
            async for part in answer.aiter_raw():
                written.write(part)
                if publisher.heads["4005"].size < size + 3000:
                    await audit.world.take(*publisher.reads(300))
    assert publisher.heads["4005"].size >= size + 3000
    report = lagspill_verify.verify(str(file), SIGNER.named("lagspill.no/logs/4005").verifier.vkey)
    assert (report.exit_status, report.size, report.entries) == (0, size, size)


async def test_csv_is_what_rfc_4180_says(audit: Served) -> None:
    """A byte order mark, CRLF, as many fields in each line, and the last one closes the file."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    refused = {"kind": AccessKind.DENY, "permitted": False, "reason": "no-relation", "consent": None}
    await audit.world.take(publisher.read(case), varied(publisher, case, **refused), publisher.seal())
    content = await fetched(audit, {"format": "csv", "period": WEEK, "language": "nn"})
    assert content.startswith(b"\xef\xbb\xbfposition,logged_at,")
    assert content.count(b"\r\n") == content.count(b"\n") == 5
    header, *rows, end = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert tuple(header) == COLUMNS
    assert {len(row) for row in (*rows, end)} == {len(COLUMNS)}
    first, second, sealed = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    assert (first["case"], first["kind"], first["categories"], first["permitted"]) == (
        case,
        "read",
        "development",
        "true",
    )
    assert (second["permitted"], second["reason"], second["role"]) == ("false", "no-relation", "health-nurse")
    assert (sealed["kind"], sealed["client"], sealed["case"]) == ("seal", "", "")
    assert first["sentence"].startswith("Helsesjukepleiar på helsestasjonen (org. 999999999) las utvikling i saka")
    assert end[:2] == [END, "3"]
    assert end[2] == f"sha256:{sha256(content[: content.rindex(b'end,')]).hexdigest()}"
    assert end[3].startswith("lagspill.no/logs/4005 3 ")


async def test_cef_is_what_nav_takes(audit: Served) -> None:
    """The header's seven fields, who, whom, when, why; a refusal; what is unusual as WARN; and only looks."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    client = {
        "id": "act_somebody-else",
        "role": Role.TEACHER,
        "client": r"evil|client \ suid=act_me",
        "organisation": "999000001",
    }
    await audit.world.take(
        publisher.read(case),
        varied(publisher, case, kind=AccessKind.DENY, permitted=False, reason="no-relation", actor=client),
        varied(publisher, case, address_protected=True),
        publisher.seal(),
    )
    content = (await fetched(audit, {"format": "cef", "period": WEEK})).decode()
    first, second, third, last = content.splitlines()
    assert first.startswith(
        f"CEF:0|Lagspill|cases|1.0|audit:read|Sporingslogg|INFO|suid=act_nurse-in-tinnes duid={case} end=1788775201000 sproc="
    )
    assert "flexString1Label=Decision flexString1=Permit" in first
    assert "cn1Label=OrgNummer cn1=999999999" in first
    assert first.endswith(
        "msg=Helsesykepleier på helsestasjonen (org. 999999999) leste utvikling i saken, etter samtykke versjon 1."
    )
    assert "|INFO|" in second
    assert "flexString1=Deny flexString2Label=deny_cause flexString2=no-relation" in second
    assert r"cs6=evil|client \\ suid\=act_me msg=" in second
    assert "|WARN|" in third
    assert last.startswith(
        "CEF:0|Lagspill|Eksport|1.0|audit:export|Eksport|INFO|cn1=3 cn1Label=Count cn2=0 cn2Label=Unreadable cs3="
    )


async def test_fhir_is_a_bundle_of_balp_audit_events(audit: Served) -> None:
    """Of access records alone; a disclosure to two is two; an empty one is a bundle too."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    recipients = (
        Recipient(service=Service.SKOLE, organisation="999000002"),
        Recipient(service=Service.PPT, role=Role.PPT_ADVISER),
    )
    await audit.world.take(
        publisher.read(case), varied(publisher, case, kind=AccessKind.DISCLOSE, recipients=recipients), publisher.seal()
    )
    content = await fetched(audit, {"format": "fhir", "period": WEEK})
    bundle = json.loads(content)
    profiles = [entry["resource"]["meta"]["profile"][0].rpartition("BasicAudit.")[2] for entry in bundle["entry"]]
    assert profiles == ["PatientRead", "PrivacyDisclosure.Source", "PrivacyDisclosure.Source"]
    tags = {tag["system"].rpartition("/")[2]: tag["code"] for tag in bundle["meta"]["tag"]}
    *before, _ = content.splitlines(keepends=True)
    assert tags["export-count"] == "3"
    assert tags["export-sha256"] == sha256(b"".join(before)).hexdigest()
    empty = json.loads(await fetched(audit, {"format": "fhir", "filters": {"actor": "act_nobody-at-all"}}, key="k2"))
    assert "entry" not in empty


async def test_a_client_that_goes_away_leaves_nothing_behind(audit: Served) -> None:
    """It stops reading in the midst of the file: no connection stays in use, nothing is locked, nothing is said to be delivered."""
    publisher = Publisher()
    big = [publisher.read() for _ in range(WIDTH * 40)]
    for first in range(0, len(big), 2000):
        await audit.world.take(*big[first : first + 2000])
    made = (await order(audit, {"format": "ndjson", "period": WEEK})).json()
    headers = {"authorization": f"Bearer {audit.token()}"}
    host, port = audit.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=4096)
    request = f"GET {made['content']} HTTP/1.1\r\nhost: a\r\nauthorization: {headers['authorization']}\r\n\r\n"
    writer.write(request.encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    await reader.readexactly(20_000)
    busy = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name LIKE 'audit-%' AND state NOT IN ('idle') AND state_change < now() - interval '2 seconds'"
    )
    assert await audit.pool.fetchval(busy) == 0
    writer.transport.abort()
    # The table takes the strongest lock there is: nobody holds even the weakest.
    async with audit.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '20s'")
        await connection.execute("LOCK TABLE entries, tiles, logs IN ACCESS EXCLUSIVE MODE")
    shown = await audit.see(f"/exports/{made['export']}")
    assert shown["count"] is None
    again = await audit.get(made["content"], audit.token())
    assert json.loads(again.content.splitlines()[-1])["count"] == len(big)


async def test_whoever_may_not_look_any_more_is_given_no_more_of_a_file_that_has_begun(audit: Served) -> None:
    """The token expires while the file is on its way: it has no last line, and the log says how much left, and why no more did."""
    publisher = Publisher()
    big = [publisher.read() for _ in range(WIDTH * 20)]
    for first in range(0, len(big), 2000):
        await audit.world.take(*big[first : first + 2000])
    made = (await order(audit, {"format": "ndjson", "period": WEEK})).json()
    async with slowly_read(audit, made["content"], authorization=f"Bearer {audit.token()}") as reader:
        content = await reader.readexactly(20_000)
        audit.machine.ahead = 86_400.0
        content += await reader.read()
    audit.machine.ahead = 0.0
    shown = await audit.see(f"/exports/{made['export']}")
    left = content.count(b'{"position":')
    assert 0 < left < len(big)
    assert (shown["count"], shown["sha256"], shown["cut"]) == (None, None, left)
    assert b'{"count":' not in content
    assert not content.endswith(b"\r\n0\r\n\r\n"), "no client takes it for a whole answer"
    records = [(each["kind"], each["permitted"], each.get("reason")) for each in await audit.recorded()]
    assert records == [("export", True, None), ("export", False, "token-expired")]
    again = await audit.get(made["content"], audit.token())
    assert json.loads(again.content.splitlines()[-1])["count"] == len(big)
    shown = await audit.see(f"/exports/{made['export']}")
    assert (shown["count"], shown["cut"]) == (len(big), None)
    rows = await audit.pool.fetch("SELECT body FROM outbox ORDER BY id")
    events = [json.loads(row["body"]) for row in rows if b".export." in row["body"]]
    assert [(each["type"].split(".")[-2], each["data"].get("count")) for each in events] == [
        ("ordered", None),
        ("cut", left),
        ("delivered", len(big)),
    ]


@pytest.mark.parametrize("wanted", ["ndjson", "csv", "cef", "fhir"])
async def test_nothing_leaves_when_it_cannot_be_recorded(audit: Served, wanted: str) -> None:
    """Fail closed: without its access record there is no first byte."""
    await audit.world.take(*Publisher().reads(3))
    made = (await order(audit, {"format": wanted, "period": WEEK})).json()
    await audit.pool.execute("ALTER TABLE outbox RENAME TO elsewhere")
    answer = await audit.get(made["content"], audit.token())
    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/problem+json"
    await audit.pool.execute("ALTER TABLE elsewhere RENAME TO outbox")
    assert (await audit.get(made["content"], audit.token())).status_code == 200


async def test_what_is_asked_of_a_protected_log_names_no_place(audit: Served) -> None:
    """It takes the clearance; and an order, which becomes an entry there, may not say a unit."""
    publisher = Publisher()
    hidden = publisher.ids.ref("prt")
    case = publisher.ids.ref("cas")
    await audit.world.take(publisher.read(case, scope=hidden))
    body = {"format": "csv", "log": hidden, "filters": {"case": case}}
    assert (await order(audit, body)).status_code == 403
    claims: dict[str, Claim] = {
        "sub": "auditor-1",
        "lagspill_roles": ["auditor", "protected-log-reader"],
        "lagspill_service": None,
        "lagspill_unit": "unit:kommune",
        "orgno": "310001058",
        "municipality": "4005",
    }
    cleared = audit.issuer.token(claims)
    made = await order(audit, body, token=cleared, key="k2")
    assert made.status_code == 201, made.text
    content = (await audit.get(made.json()["content"], cleared)).content.decode("utf-8-sig")
    assert case in content
    shown = await audit.get("/entries", cleared, log=hidden, case=case)
    assert shown.status_code == 200, shown.text
    rows = await audit.pool.fetch("SELECT body FROM outbox ORDER BY id")
    bodies = [row["body"] for row in rows if json.loads(row["body"])["municipality"] == hidden]
    looks = [json.loads(body)["data"] for body in bodies if json.loads(body)["type"] == AccessRecorded.TYPE]
    assert [look["kind"] for look in looks] == ["export", "log-read"]
    assert all(look["address_protected"] is True for look in looks)
    assert not [
        body for body in bodies if b"unit" in bytes(body) or b"kommune" in bytes(body) or b"organisation" in bytes(body)
    ]
    named = {**body, "filters": {"case": case, "unit": "unit:ppt"}}
    refused = await order(audit, named, token=cleared, key="k3")
    assert (refused.status_code, refused.json()["code"]) == (422, "export-names-place")
    assert (await audit.get(f"/exports/{made.json()['export']}", audit.token())).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "said"), [("cef", b"cn2=1 cn2Label=Unreadable"), ("fhir", b'export-unreadable","code":"1"')]
)
async def test_an_access_record_without_its_form_is_counted(audit: Served, wanted: str, said: bytes) -> None:
    """What a format has nothing for is missing from the file, and the file and the export say so."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    other = json.loads(publisher.read(case))
    other["data"]["kind"] = "unheard-of"
    await audit.world.take(publisher.read(case), json.dumps(other).encode())
    body = {"format": wanted, "filters": {"case": case}}
    content = await fetched(audit, body)
    assert said in content.splitlines()[-1]
    shown = await audit.see((await order(audit, body)).headers["location"])
    assert (shown["count"], shown["unreadable"]) == (1, 1)
