"""The whole copy over HTTP: for guardians and the child by age, with everything that is theirs and nothing that is another's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from services.cases.copying.archive import Entry, archive
from services.cases.copying.page import texts
from services.cases.domain.state import Stage
from shared.clock import SimulatedClock
from shared.contracts.codes import InformationCategory, Language, Service
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected

HEARD = {"method": "conversation", "before": "measure", "text": "Vil sove."}
SCAN = b"%PDF-1.7\n" + bytes(range(256)) * 1000


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def opened(response: httpx.Response) -> zipfile.ZipFile:
    """Return the archive that was answered, checked by its own sums."""
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip"), response.text
    file = zipfile.ZipFile(io.BytesIO(response.content))
    assert file.testzip() is None
    return file


FIELDS = {"language-and-speech": "Formens ord.", "play-and-friends": "Har en venn."}


async def filled(world: World) -> tuple[str, str]:
    """Return a case with some of everything, and its document."""
    case = await world.opened()
    consent = await world.consented(case)
    await world.see("nurse", f"/cases/{case}/child")
    oral = {"ordinal": 2, "evidence": "oral-minuted", "note": "Far sa nei på trappa.", "services": ["helsestasjon"]}
    await world.must("teacher", f"/consents/{consent}/withdrawals", oral)
    await world.must("teacher", f"/cases/{case}/records", {"category": "family", "text": "<b>Bor</b> to steder."})
    body = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    await world.must("teacher", f"/cases/{case}/transition-forms", body)
    asked = {"service": "ppt", "reason": "assessment", "text": "Hva hjelper på morgenen?", "anonymous": True}
    await world.must("teacher", f"/cases/{case}/contributions", asked)
    headers = {
        "authorization": f"Bearer {world.token('teacher')}",
        "idempotency-key": "doc",
        "document-title": quote("Utredning & rapport"),
    }
    made = await world.http.post(f"/cases/{case}/documents?category=health", content=SCAN, headers=headers)
    return case, made.json()["document"]


async def test_a_guardian_gets_everything_but_what_is_the_other_guardians(world: World) -> None:
    case, document = await filled(world)
    file = opened(await world.get("guardian-a", f"/cases/{case}/copy"))
    assert set(file.namelist()) == {"index.html", "copy.json", f"documents/{document}.pdf"}
    assert file.read(f"documents/{document}.pdf") == SCAN
    page, copy = file.read("index.html").decode(), json.loads(file.read("copy.json"))
    assert copy["child"]["name"] == world.child.name
    assert copy["you"]["name"] == world.guardian_a.name
    assert {one["text"] for one in copy["records"]} >= {"<b>Bor</b> to steder.", "Hører dårlig.", "Vil ha hjelp."}
    assert "Hva hjelper på morgenen?" in {one["text"] for one in copy["records"]}
    assert {code: one["text"] for code, one in copy["forms"][0]["fields"].items()} == FIELDS
    assert [one["service"] for one in copy["told"]] == ["helsestasjon"]
    assert len(copy["course"]["consents"]) == 1
    for word in (
        world.child.name,
        "Hører dårlig.",
        "Hva hjelper på morgenen?",
        "Formens ord.",
        "Utredning &amp; rapport",
        "helsestasjonen",
    ):
        assert word in page
    assert "&lt;b&gt;Bor" in page
    assert "<script" not in page
    for secret in (world.guardian_b.name, world.guardian_b.national_number, world.guardian_b.email, "trappa"):
        assert secret not in page + json.dumps(copy, ensure_ascii=False)
    [export] = await world.access("export")
    assert (export["documents"], export["basis"]["code"]) == ([document], "parental-responsibility")
    assert {"identity", "health", "family", "language"} <= set(export["categories"])
    assert "contact" not in export["categories"]
    english = opened(await world.get("guardian-b", f"/cases/{case}/copy"))
    assert 'lang="en"' in english.read("index.html").decode(), "the language that the vault knows of"
    nynorsk = opened(await world.get("guardian-a", f"/cases/{case}/copy?language=nn"))
    assert "Kopi av saka" in nynorsk.read("index.html").decode()


@pytest.mark.rule(4, 14, 146)
async def test_what_was_noted_of_a_guardians_own_answers_and_language_is_in_the_own_copy_alone(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    form = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    drafted = (await world.must("teacher", f"/cases/{case}/transition-forms", form))["form"]
    hers = ("Mor sa ja på telefon.", "Mor leste skjemaet i barnehagen.", "Mor trakk noe på telefon.", "Mor trakk alt.")
    his = ("Far skrev under på papir.", "Far hadde lest det på nett.")
    yes = {"ordinal": 1, "evidence": "oral-minuted", "note": hers[0]}
    await world.must("teacher", f"/consents/{consent}/grants", yes)
    approved = {"version": 1, "ordinal": 1, "evidence": "oral-minuted", "note": hers[1]}
    await world.must("teacher", f"/transition-forms/{drafted}/approvals", approved)
    await world.must("teacher", f"/consents/{consent}/refusals", {"ordinal": 2, "evidence": "written", "note": his[0]})
    # Whoever signs in may note something too.
    await world.must("guardian-b", f"/transition-forms/{drafted}/approvals", {"version": 1, "note": his[1]})
    await world.consented(case)
    other = await world.consented(case)
    part = {"ordinal": 1, "evidence": "oral-minuted", "note": hers[2], "services": ["helsestasjon"]}
    await world.must("teacher", f"/consents/{other}/withdrawals", part)
    everything = {"ordinal": 1, "evidence": "oral-minuted", "note": hers[3]}
    await world.must("teacher", f"/consents/{other}/withdrawals", everything)
    # Of a note from before it was kept in the vault whose it is, the events say it, but of a withdrawal.
    forget = "DELETE FROM vault_records WHERE owner = $1 AND record LIKE $2"
    await world.pool.execute(forget, case, f"evidence-of/{consent}/%")
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken", "written_material": True}
    await world.must("teacher", f"/cases/{case}/language-needs", need)
    for who, own, others, spoken in (("guardian-a", hers, his, None), ("guardian-b", his, hers, need)):
        file = opened(await world.get(who, f"/cases/{case}/copy?language=nb"))
        page, copy = file.read("index.html").decode(), json.loads(file.read("copy.json"))
        assert (sorted(copy["noted"]), copy["spoken_with"]) == (sorted(own), spoken), who
        assert all(words in page for words in own)
        assert not any(words in page + json.dumps(copy, ensure_ascii=False) for words in others)
        assert ("talespråk" in page) == (spoken is not None)
    # A case that goes on under another reference has the notes, and no event that names them.
    body, version = {"kind": "strictly-confidential"}, await world.version("teacher", case)
    protected = await world.must("teacher", f"/cases/{case}/address-protection", body, if_match=version)
    for who, own in (("guardian-a", hers), ("guardian-b", his)):
        copy = json.loads(opened(await world.get(who, f"/cases/{protected['case']}/copy")).read("copy.json"))
        assert sorted(copy["noted"]) == sorted(own), who
    await world.pool.execute(forget, protected["case"], "evidence-of/%")
    copy = opened(await world.get("guardian-a", f"/cases/{protected['case']}/copy")).read("copy.json").decode()
    assert not any(words in copy for words in hers + his), "nothing says whose it is: it is nobody's"


async def test_the_childs_age_decides_and_others_get_nothing(world: World) -> None:
    case, _ = await filled(world)
    for who, refused in (
        ("child", (404, "not-found")),
        ("teacher", (403, "not-permitted")),
        ("ppt", (403, "not-permitted")),
        ("curious", (404, "not-found")),
        ("stranger", (404, "not-found")),
    ):
        answer = await world.get(who, f"/cases/{case}/copy")
        assert (answer.status_code, answer.json()["code"]) == refused, who
        unknown = await world.get(who, f"/cases/cas_{'b' * 26}/copy")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert await world.access("export") == []
    world.clock.set(datetime(world.child.born.year + 17, 12, 30, 12, tzinfo=UTC))
    copy = json.loads(opened(await world.get("child", f"/cases/{case}/copy")).read("copy.json"))
    assert copy["you"] is None
    assert copy["left_out"] == []
    theirs = json.loads(opened(await world.get("guardian-a", f"/cases/{case}/copy")).read("copy.json"))
    kinds = {one["category"] for one in theirs["records"]} | {one["category"] for one in theirs["documents"]}
    assert kinds.isdisjoint(theirs["left_out"])


@pytest.mark.rule(4, 92)
async def test_the_goal_of_what_the_child_alone_consented_to_is_in_nothing_that_a_guardian_reads(world: World) -> None:
    world.child = People(8).child(age=16)
    case = await world.opened()
    theirs = await world.requested(case, services=("bup",), purposes=("follow-up",), categories=("health",))
    await world.must("teacher", f"/cases/{case}/child-views", HEARD)
    before = await world.version("guardian-a", case)
    await world.must("child", f"/consents/{theirs}/grants")
    measure = {"owner": "bup", "goal": "Sover om natta.", "strengths": "Trener.", "evaluate_by": "2026-11-02T11:00:00Z"}
    await world.must("teacher", f"/cases/{case}/measures", {"code": "sprakgruppe", "indicator": "words", **measure})
    for who, told in (("guardian-a", False), ("child", True)):
        dossier = (await world.get(who, f"/cases/{case}/child")).text
        copy = opened(await world.get(who, f"/cases/{case}/copy")).read("copy.json").decode()
        for words in ("Sover om natta.", "Trener."):
            assert (words in dossier, words in copy, '"bup"' in copy) == (told, told, told), (who, words)
    assert await world.version("guardian-a", case) == before
    choice = {"service": "bup", "role": "bup-clinician"}
    chosen = await world.post("guardian-a", f"/cases/{case}/contact-person", choice)
    assert (chosen.status_code, chosen.json()["code"]) == (409, "not-in-team")


@pytest.mark.parametrize("language", Language)
def test_the_page_has_a_word_for_every_code(language: Language) -> None:
    words = texts(language)
    assert set(words["category"]) == {one.value for one in InformationCategory}
    assert set(words["stage"]) == {one.value for one in Stage}
    assert set(words["service"]) == {one.value for one in Service}
    assert {name: set(table) for name, table in words.items()} == {
        name: set(table) for name, table in texts(Language.NB).items()
    }
    assert len(words["label"]["months"].split()) == 12


async def test_an_archive_is_made_while_it_is_sent() -> None:
    """Whatever the size of what goes in, no more than a few pieces wait to be sent."""
    piece, count = b"x" * 65_536, 400
    begun = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal begun
        for _ in range(count):
            begun += 1
            yield piece

    sent, most = 0, 0
    async for part in archive([Entry("large", content())], datetime(2026, 9, 7, tzinfo=UTC)):
        sent += len(part)
        most = max(most, len(part))
        assert sent <= begun * len(piece) + 4096
    assert sent > count * len(piece)
    assert most <= len(piece) + 4096
