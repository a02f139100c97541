"""Records and documents over HTTP: in, out, corrected, refused; and a real TCP server that speaks clamd's protocol."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, cast
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.cases.handlers.desk import Desk
from shared.clock import SimulatedClock
from shared.scanning import Clamd
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import OVERRIDE, World, cases_world

pytestmark = pytest.mark.connected

PDF: Final = b"%PDF-1.7\n" + b"Utredning av Hemmelighetsen\n" * 9000
"""Several pieces long."""
EICAR: Final = b"%PDF-1.7\nthis one is what the scanner looks for: X5O-VIRUS"


class ClamdServer:
    """Speaks clamd's INSTREAM over TCP as clamd(8) has it; finds what holds `X5O-VIRUS`."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        """Says this instead of a verdict."""
        self.scanned: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = bytearray()
        while length := int.from_bytes(await reader.readexactly(4)):
            content += await reader.readexactly(length)
        self.scanned.append(len(content))
        found = b"stream: Test-Signature FOUND" if b"X5O-VIRUS" in content else b"stream: OK"
        writer.write((self.answer or found) + b"\0")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def clamd() -> AsyncIterator[tuple[ClamdServer, str]]:
    """Run one; give it and its address."""
    server = ClamdServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield server, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def change_desk(world: World, **changes: Any) -> None:
    """Let the running service work with something else."""
    app = cast("FastAPI", world.parts.app)
    desk: Desk = app.state.desk
    app.state.desk = replace(desk, **changes)


def with_scanner(world: World, address: str | None) -> None:
    """Let the service use the scanner there, or none."""
    change_desk(world, scanner=None if address is None else Clamd(address))


async def put(
    world: World, who: str, case: str, content: bytes | AsyncIterator[bytes], key: str = "doc-1", **changes: str
) -> httpx.Response:
    """Put in a document."""
    headers = {
        "authorization": f"Bearer {world.token(who)}",
        "idempotency-key": key,
        "document-title": quote(changes.get("title", "Utredning for Tittelsen")),
        "content-type": "application/octet-stream",
    }
    category = changes.get("category", "development")
    return await world.http.post(f"/cases/{case}/documents?category={category}", content=content, headers=headers)


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


def archive(**entries: bytes) -> bytes:
    """Return a ZIP."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in entries.items():
            file.writestr(name.replace("__", "/"), content)
    return made.getvalue()


@pytest.mark.rule(4, 106)
async def test_a_record_is_read_by_category_and_corrected_by_a_new_version(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    path = f"/cases/{case}/records"
    made = await world.must("teacher", path, {"category": "language", "text": "Sier kopp."})
    assert (made["version"], made["by"]["role"]) == (1, "teacher")
    corrected = await world.must("teacher", f"/records/{made['record']}/versions", {"text": "Sier koppen min."})
    assert corrected["version"] == 2
    seen = await world.see("nurse", f"/cases/{case}/child")
    words = [one["text"] for one in seen["records"]]
    assert "Sier koppen min." in words
    assert "Sier kopp." not in words
    assert await world.pool.fetchval("SELECT count(*) FROM vault_records WHERE record LIKE 'record/%'") == 2
    for who, body, refused in (
        ("teacher", {"category": "contact", "text": "x"}, (422, "category-kept-elsewhere")),
        ("nurse", {"category": "language", "text": "x"}, (403, "not-permitted")),
        ("curious", {"category": "language", "text": "x"}, (404, "not-found")),
        ("teacher", {"category": "gossip", "text": "x"}, (422, "input-invalid")),
    ):
        assert code(await world.post(who, path, body)) == refused
    for ref, refused in ((made["record"], (403, "not-permitted")), ("rec_" + "b" * 26, (404, "not-found"))):
        assert code(await world.post("styrer", f"/records/{ref}/versions", {"text": "x"})) == refused


async def test_a_document_comes_out_as_it_went_in_recorded_first(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    made = await put(world, "teacher", case, PDF)
    assert made.status_code == 201, made.text
    document = made.json()["document"]
    assert (made.json()["media"], made.json()["size"]) == ("pdf", len(PDF))
    again = await put(world, "teacher", case, PDF)
    assert (again.json(), again.headers["idempotency-replayed"]) == (made.json(), "true")
    assert code(await put(world, "teacher", case, PDF + b"x")) == (422, "idempotency-key-reused")
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 1
    listed = await world.see("nurse", f"/cases/{case}/documents")
    assert [(one["document"], one["title"]) for one in listed["items"]] == [(document, "Utredning for Tittelsen")]
    got = await world.get("nurse", f"/documents/{document}")
    assert (got.status_code, got.content) == (200, PDF)
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"] == f'attachment; filename="{document}.pdf"'
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    record = (await world.access("read"))[-1]
    assert (record["documents"], record["categories"], record["consent_version"]) == ([document], ["development"], 1)
    assert (await world.get("guardian-a", f"/documents/{document}")).content == PDF
    for who, refused in (("curious", (404, "not-found")), ("styrer", (403, "not-permitted"))):
        assert code(await world.get(who, f"/documents/{document}")) == refused
        assert code(await world.get(who, f"/cases/{case}/documents")) == refused
    assert code(await world.get("nurse", "/documents/doc_" + "b" * 26)) == (404, "not-found")
    health = (await put(world, "teacher", case, b"%PDF-1.4 h", "doc-2", category="health")).json()["document"]
    assert code(await world.get("nurse", f"/documents/{health}")) == (403, "not-permitted")
    assert len((await world.see("nurse", f"/cases/{case}/documents"))["items"]) == 1
    for table in ("documents", "document_pieces", "vault_records", "events", "outbox", "idempotency_keys"):
        for row in await world.pool.fetch(f"SELECT * FROM {table}"):
            assert b"emmeligh" not in b"".join(value for value in row.values() if isinstance(value, bytes))
            assert "Tittelsen" not in str(row)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "jpeg"),
        (b"\x89PNG\r\n\x1a\n rest", "png"),
        ("Bare tekst, med æøå.\n".encode(), "text"),
        (archive(mimetype=b"application/vnd.oasis.opendocument.text", content=b"x"), "odt"),
        (archive(types=b"x", **{"word__document.xml": b"x"}), "docx"),
        (b"", (422, "document-empty")),
        (b"<html><script>", (415, "document-type")),
        (b"#!/bin/sh\n", (415, "document-type")),
        (b"MZ\x90\x00", (415, "document-type")),
        (b"\x00\x01", (415, "document-type")),
        (archive(a=b"x"), (415, "document-type")),
        (archive(**{"word__document.xml": b"x", "word__vbaProject.bin": b"x"}), (415, "document-type")),
    ],
)
async def test_the_content_says_what_it_is(world: World, content: bytes, kind: str | tuple[int, str]) -> None:
    case = await world.opened()
    made = await put(world, "teacher", case, content)
    if isinstance(kind, str):
        assert made.json()["media"] == kind, made.text
    else:
        assert code(made) == kind
        assert await world.pool.fetchval("SELECT count(*) FROM documents") == 0
        assert "document.added" not in await world.types()


async def test_what_is_refused_leaves_nothing(world: World) -> None:
    case = await world.opened()
    change_desk(world, largest_document=100_000)
    assert code(await put(world, "teacher", case, PDF)) == (413, "document-too-large")
    refusals: list[tuple[str, dict[str, str], tuple[int, str]]] = [
        ("teacher", {"category": "identity"}, (422, "category-kept-elsewhere")),
        ("teacher", {"title": " "}, (422, "document-title")),
        ("teacher", {"title": "a\nb"}, (422, "document-title")),
        ("teacher", {"category": "gossip"}, (422, "input-invalid")),
        ("guardian-a", {}, (403, "not-permitted")),
        ("curious", {}, (404, "not-found")),
    ]
    for who, changes, refused in refusals:
        assert code(await put(world, who, case, b"%PDF-", **changes)) == refused
    assert code(await put(world, "teacher", "cas_" + "b" * 26, b"%PDF-")) == (404, "not-found")
    headers = {"authorization": f"Bearer {world.token('teacher')}", "idempotency-key": "k"}
    path = f"/cases/{case}/documents?category=health"
    untitled = await world.http.post(path, content=b"%PDF-", headers=headers)
    assert code(untitled) == (422, "input-invalid")
    packed = await world.http.post(
        path, content=b"%PDF-", headers={**headers, "document-title": "x", "content-encoding": "gzip"}
    )
    assert code(packed) == (415, "content-type-unsupported")
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM document_pieces") == 0


async def unlooked(world: World, case: str) -> httpx.Response:
    """Put in a document while there is no scanner."""
    with_scanner(world, None)
    return await put(world, "teacher", case, PDF, "unlooked")


async def test_nothing_is_let_in_or_out_that_the_scanner_has_not_seen(world: World) -> None:
    case = await world.opened()
    before = (await put(world, "teacher", case, PDF, "before")).json()["document"]
    sick = (await put(world, "teacher", case, EICAR, "sick")).json()["document"]
    async with clamd() as (server, address):
        with_scanner(world, address)
        assert (await put(world, "teacher", case, PDF, "clean")).status_code == 201
        assert server.scanned == [len(PDF)]
        assert code(await put(world, "teacher", case, EICAR, "infected")) == (422, "document-infected")
        # What came in when there was no scanner is looked through before it goes out, once.
        for _ in range(2):
            assert (await world.get("teacher", f"/documents/{before}")).content == PDF
        assert len(server.scanned) == 3
        reads = len(await world.access("read"))
        assert code(await world.get("teacher", f"/documents/{sick}")) == (422, "document-infected")
        assert code(await world.get("curious", f"/documents/{sick}")) == (404, "not-found")
        assert len(server.scanned) == 4, "a stranger's look does not even reach the scanner"
        # The family's copy names what is not in it, and has what was looked through for it.
        unseen = (await unlooked(world, case)).json()["document"]
        with_scanner(world, address)
        answered = await world.get("guardian-a", f"/cases/{case}/copy")
        file = zipfile.ZipFile(io.BytesIO(answered.content))
        copy = json.loads(file.read("copy.json"))
        assert [one["document"] for one in copy["documents_left_out"]] == [sick]
        assert {one["document"] for one in copy["documents"]} >= {before, unseen}
        assert (file.read(f"documents/{unseen}.pdf"), len(server.scanned)) == (PDF, 6)
        assert f"documents/{sick}.pdf" not in file.namelist()
        assert "skadelig programvare i dem: " in file.read("index.html").decode()
        assert code(await world.get("curious", f"/cases/{case}/copy")) == (404, "not-found")
        assert len(server.scanned) == 6
        for said in (b"INSTREAM size limit exceeded. ERROR", b"", b"stream: not OK"):
            server.answer = said or b"nothing to say"
            assert code(await put(world, "teacher", case, PDF, f"k{len(said)}")) == (503, "scanner-unavailable")
        assert len(await world.access("read")) == reads
    # Nobody listens there any more.
    assert code(await put(world, "teacher", case, PDF, "away")) == (503, "scanner-unavailable")
    assert code(await world.get("teacher", f"/documents/{sick}")) == (503, "scanner-unavailable")
    assert code(await world.get("guardian-a", f"/cases/{case}/copy")) == (503, "scanner-unavailable")
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 4


async def test_pieces_cannot_be_moved_or_cut(world: World) -> None:
    """Whoever has the database and not the key can destroy a document, and not make another of it."""
    case = await world.opened()
    document = (await put(world, "teacher", case, PDF)).json()["document"]
    pieces = await world.pool.fetchval("SELECT count(*) FROM document_pieces")
    assert pieces > 2

    async def read() -> int:
        """Return how much of it comes out before the answer is cut."""
        got = await world.get("teacher", f"/documents/{document}")
        assert int(got.headers["content-length"]) == len(PDF)
        assert PDF.startswith(got.content)
        return len(got.content)

    assert await read() == len(PDF)
    await world.pool.execute("UPDATE documents SET pieces = pieces - 1")
    assert await read() < len(PDF), "its last piece is not the last"
    await world.pool.execute("UPDATE documents SET pieces = pieces + 1")
    for start, end in ((0, 100), (1, 0), (100, 1)):
        await world.pool.execute("UPDATE document_pieces SET nth = $2 WHERE nth = $1", start, end)
    assert await read() == 0, "two pieces have changed places"


@pytest.mark.rule(107)
async def test_each_document_of_a_handover_has_its_receipt_and_the_last_completes_it(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("ppt",), purposes=("transition",))
    first, second, outside = [
        (await put(world, "teacher", case, PDF, key=f"doc-{nth}", category=category)).json()["document"]
        for nth, category in enumerate(("development", "language", "health"))
    ]
    offer = {"kind": "unit", "receiver": await world.receiver("ppt"), "categories": ["development", "language"]}
    sent = await world.must("teacher", f"/cases/{case}/handovers", offer)
    at = f"/handovers/{sent['handover']}"
    assert set(sent["documents"]) == {first, second}
    [shared] = [one for one in await world.access("disclose") if one["documents"]]
    assert set(shared["documents"]) == {first, second}
    assert (await world.must("ppt", f"{at}/acceptance"))["status"] == "accepted"
    assert [one["received_at"] for one in (await world.see("ppt", f"{at}/receipts"))["documents"]] == [None, None]
    assert (await world.get("ppt", f"/documents/{outside}")).status_code == 403
    for nth, document in enumerate((first, first, second)):
        assert (await world.get("ppt", f"/documents/{document}")).content == PDF
        receipts = {
            one["document"]: one["received_at"] for one in (await world.see("ppt", f"{at}/receipts"))["documents"]
        }
        assert [receipts[one] is not None for one in (first, second)] == [True, nth == 2]
        status = (await world.see("ppt", at))["status"]
        assert status == ("completed" if nth == 2 else "accepted")
    assert (await world.types()).count("handover.completed") == 1


@pytest.mark.rule(107)
async def test_within_the_unit_nothing_is_handed_over_and_another_look_is_no_receipt(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("ppt", "helsestasjon"), purposes=("transition", "assessment"))
    document = (await put(world, "teacher", case, PDF)).json()["document"]
    baton = {"kind": "baton", "receiver": await world.receiver("colleague")}
    within = await world.must("teacher", f"/cases/{case}/handovers", baton)
    assert within["documents"] == []
    assert (await world.must("colleague", f"/handovers/{within['handover']}/acceptance"))["status"] == "completed"
    offer = {"kind": "unit", "receiver": await world.receiver("ppt"), "categories": ["development"]}
    sent = (await world.must("colleague", f"/cases/{case}/handovers", offer))["handover"]
    for who in ("colleague", "nurse", "guardian-a"):
        assert (await world.get(who, f"/documents/{document}")).status_code == 200
    [one] = (await world.see("colleague", f"/handovers/{sent}/receipts"))["documents"]
    assert one == {"document": document, "received_at": None}


@pytest.mark.rule(93, 106, 192)
async def test_what_is_shared_by_law_is_shared_with_the_documents_of_it(world: World) -> None:
    """What may be shared is said for a kind of information, and a document is of one (barnevernsloven §§ 13-2, 13-4)."""
    case = await world.opened()
    refs = {}
    for category in ("family", "health"):
        sent = await put(world, "teacher", case, PDF, f"key-{category}", category=category, title="Notat")
        assert sent.status_code == 201, sent.text
        refs[category] = sent.json()["document"]
    assert code(await world.get("barnevern", f"/cases/{case}/documents")) == (404, "not-found")
    await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    for category, permitted in (("family", True), ("health", False)):
        asked = f"/cases/{case}/sharing?service=barnevern&category={category}&purpose=assessment"
        assert (await world.see("teacher", asked))["permitted"] is permitted
    listed = (await world.see("barnevern", f"/cases/{case}/documents"))["items"]
    assert [one["document"] for one in listed] == [refs["family"]]
    read = await world.get("barnevern", f"/documents/{refs['family']}")
    assert (read.status_code, read.content) == (200, PDF)
    record = (await world.access("read"))[-1]
    assert (record["basis"]["code"], record["documents"], record["not_for_guardians"]) == (
        "bvl-13-2",
        [refs["family"]],
        True,
    )
    assert code(await world.get("barnevern", f"/documents/{refs['health']}")) == (403, "not-permitted")
    # What was consented to for another purpose is not hidden by it, nor the other way: a document is read for what it was given.
    consent = await world.consented(case, services=("barnevern",), categories=("health",), purposes=("follow-up",))
    listed = (await world.see("barnevern", f"/cases/{case}/documents"))["items"]
    assert sorted(one["document"] for one in listed) == sorted(refs.values())
    looks = {
        tuple(one["categories"]): (one["basis"]["code"], one["purpose"], one.get("consent"))
        for one in (await world.access("read"))[-2:]
    }
    expected = {
        ("family",): ("bvl-13-2", "assessment", None),
        ("health",): ("consent", "follow-up", consent),
    }
    assert looks == expected
    for (kind,), rests_on in expected.items():
        assert (await world.get("barnevern", f"/documents/{refs[kind]}")).status_code == 200
        last = (await world.access("read"))[-1]
        assert (last["basis"]["code"], last["purpose"], last.get("consent")) == rests_on
