"""The auditors' pages over HTTP: what they show, that each look is an entry first, what they say of wrong input, verify now."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from html import unescape

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.audit.domain.sentences import sentence
from services.audit.domain.tiles import WIDTH
from services.audit.pages.rendering import oslo
from services.audit.pages.texts import TABLES
from services.audit.patterns.texts import finding_sentence
from services.audit.queries import Reader
from shared.clock import SimulatedClock
from shared.contracts.codes import Language, Role, Service
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import slowly_read
from tests.e2e.pages_world import Pages, Visitor, open_pages
from tests.integration.audit_world import NOTODDEN, SIGNER, SKIEN, Publisher, put_behind
from tests.integration.patterns_town import MONDAY, Town, feed

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

CASE = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
VKEY = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
EN = TABLES[Language.EN]


@pytest_asyncio.fixture
async def pages(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Pages]:
    """The composed service with its pages."""
    async with open_pages(migrated, issuer, clock) as made:
        yield made


@pytest_asyncio.fixture
async def visitor(pages: Pages) -> AsyncIterator[Visitor]:
    """The auditor, signed in."""
    async with pages.visitor() as made:
        await made.sign_in()
        yield made


def shown(answer: httpx.Response) -> str:
    """A page's text, without markup."""
    return unescape(re.sub(r"<[^>]+>", " ", answer.text))


async def test_each_page_of_entries_is_an_entry_before_it_is_shown(pages: Pages, visitor: Visitor) -> None:
    """One look, one record, about whom it was; a page that shows no entry is no look."""
    cases = Publisher()
    await pages.served.world.take(cases.read(CASE), *cases.reads(2))
    looks = {
        f"/pages/case/{CASE}": CASE,
        "/pages/actor/act_nurse-in-tinnes": "act_nurse-in-tinnes",
        f"/pages/search?case={CASE}": CASE,
        "/pages/entry/4005/0": CASE,
        "/pages/entry/4005/0/proof": CASE,
    }
    for path, about in looks.items():
        assert (await visitor.go(path)).status_code == 200
        record = (await pages.served.recorded())[-1]
        assert (record["kind"], record["subject_ref"], record["permitted"]) == ("log-read", about, True)
    assert len(await pages.served.recorded()) == len(looks)
    for path in (
        "/",
        "/pages/log/4005",
        "/pages/search",
        "/pages/search?case=wrong",
        "/pages/verify",
        "/pages/exports",
    ):
        assert (await visitor.go(path)).status_code == 200
    assert len(await pages.served.recorded()) == len(looks)


async def test_nothing_is_shown_when_the_look_cannot_be_recorded(pages: Pages, visitor: Visitor) -> None:
    """Fail closed: no outbox, no page."""
    await pages.served.world.take(Publisher().read(CASE))
    await pages.served.pool.execute("ALTER TABLE outbox RENAME TO elsewhere")
    for path in (f"/pages/case/{CASE}", f"/pages/search?case={CASE}", "/pages/entry/4005/0"):
        answer = await visitor.go(path)
        assert answer.status_code >= 500
        assert "act_nurse" not in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_search_says_each_entry_in_a_sentence_and_goes_on_to_older_ones(pages: Pages, visitor: Visitor) -> None:
    """In the reader's language; fifty a page; each linked to its proof."""
    cases = Publisher()
    await pages.served.world.take(*[cases.read(CASE) for _ in range(60)], *cases.reads(3))
    entry = await Reader(pages.served.pool).entry(NOTODDEN, 59)
    page = await visitor.go(f"/pages/search?case={CASE}")
    assert shown(page).count(sentence(entry, Language.EN)) == 50
    assert re.findall(r'href="/pages/entry/4005/(\d+)"', page.text) == [str(n) for n in range(59, 9, -1)]
    older = unescape(re.findall(r'href="(\?[^"]+)"', page.text)[0])
    rest = await visitor.go(f"/pages/search{older}")
    assert re.findall(r'href="/pages/entry/4005/(\d+)"', rest.text) == [str(n) for n in range(9, -1, -1)]
    assert EN["search.older"] not in rest.text
    for language in (Language.NB, Language.NN):
        await visitor.send("/pages/language", language=language, back="/pages/search")
        assert sentence(entry, language) in shown(await visitor.go(f"/pages/search?case={CASE}"))


@pytest.mark.parametrize(
    ("query", "field", "error"),
    [
        ("case=cas_x", "case", "search.error.case"),
        ("actor=%3Cscript%3E", "actor", "search.error.actor"),
        ("since=2026-02-30", "since", "search.error.day"),
        ("since=2026-01-01&until=2026-03-01", "since", "search.error.period"),
        ("since=2026-01-01", "since", "search.error.period"),
        ("unit=%00", "unit", None),
        ("until=2199-12-31", "since", "search.error.period"),
        (f"case={CASE}&since=0001-01-01", "since", "search.error.day"),
        (f"case={CASE}&until=9999-12-31", "until", "search.error.day"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_searched(
    pages: Pages, visitor: Visitor, query: str, field: str, error: str | None
) -> None:
    """Beside the field, and above the form with a link to it (WCAG 3.3.1); nothing is recorded."""
    answer = await visitor.go(f"/pages/search?{query}")
    if error is None:
        assert answer.status_code == 400
    else:
        assert f'<a href="#{field}">{EN[error]}</a>' in answer.text
        assert f'id="{field}-error"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert await pages.served.recorded() == []


async def test_the_language_is_the_one_chosen_else_the_one_asked_for(pages: Pages) -> None:
    """RFC 9110 § 12.5.4; a choice lasts; what is no language of ours changes nothing."""
    asked = {
        "nn,nb;q=0.8": "nn",
        "de, en;q=0.5": "en",
        "no-NO": "nb",
        "fr": "nb",
        "en;q=0,nn;q=0.1": "nn",
        "x;q=y,,": "nb",
    }
    for accepted, language in asked.items():
        async with pages.visitor(**{"accept-language": accepted}) as visitor:
            page = await visitor.go("/")
            assert f'<html lang="{language}">' in page.text
            assert page.headers["content-language"] == language
            assert "Accept-Language" in page.headers["vary"]
            chosen = await visitor.send("/pages/language", language="en", back="/pages/log/4005?x=1")
            assert (chosen.status_code, chosen.headers["location"]) == (303, "/pages/log/4005?x=1")
            assert '<html lang="en">' in (await visitor.go("/")).text
            await visitor.send("/pages/language", language="xx")
            assert '<html lang="en">' in (await visitor.go("/")).text


async def test_an_entrys_proof_is_drawn_to_the_signed_root(pages: Pages, visitor: Visitor) -> None:
    """As many steps as the proof has hashes; the file verifies with the public key only; a root that does not fit is said."""
    await pages.served.world.take(*Publisher().reads(WIDTH + 5))
    page = await visitor.go("/pages/entry/4005/200")
    assert EN["entry.holds"].format(size=WIDTH + 5) in shown(page)
    proof = (await visitor.go("/pages/entry/4005/200/proof")).text
    assert page.text.count('class="neighbour"') == proof.partition("\n\n")[0].count("\n") - 2 == 9
    by_program = await pages.served.see("/entries/200")
    assert proof.partition("\n\n")[0] == by_program["proof"].partition("\n\n")[0]
    await pages.served.pool.execute("ALTER TABLE entries DISABLE TRIGGER USER")
    await pages.served.pool.execute("UPDATE entries SET leaf = leaf || ' ' WHERE log = '4005' AND position = 200")
    broken = await visitor.go("/pages/entry/4005/200")
    assert EN["entry.fails"] in shown(broken)


async def test_of_another_log_nothing_is_shown(pages: Pages, visitor: Visitor) -> None:
    """403, and the attempt is recorded; what does not exist is 404, and what is no reference too."""
    await pages.served.world.take(Publisher().read(scope=SKIEN), Publisher(seed=3).read(), b"no event")
    for path in ("/pages/entry/4003/0", "/pages/entry/unparsable/0", "/pages/entry/4003/0/proof"):
        assert (await visitor.go(path)).status_code == 403
    assert {look["kind"] for look in await pages.served.recorded()} == {"deny"}
    for path in (
        "/pages/entry/4005/7",
        "/pages/entry/x/0",
        f"/pages/entry/4005/{2**70}",
        "/pages/case/cas_x",
        "/pages/actor/x",
        "/pages/log/9999",
        "/pages/log/..",
        "/pages/finding/x",
        "/pages/nothing",
        "/pages/",
    ):
        answer = await visitor.go(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path


async def test_who_is_cleared_sees_the_log_of_an_address_protected_case_by_its_name(pages: Pages) -> None:
    """Every page of it, as through the programs' interface: each link and form leads on in the same log, and others are refused."""
    cases = Publisher()
    hidden = cases.ids.ref("prt")
    await pages.served.world.take(cases.read(), *(cases.read(CASE, scope=hidden) for _ in range(51)))
    paths = {
        f"/pages/{path}{'&' if '?' in path else '?'}log={hidden}"
        for path in (
            f"search?case={CASE}",
            f"case/{CASE}",
            "actor/act_nurse-in-tinnes",
            "findings",
            "verify",
            "exports",
        )
    }
    async with pages.visitor() as other:
        await other.sign_in()
        for path in (*paths, f"/pages/entry/{hidden}/0"):
            assert (await other.go(path)).status_code == 403, path
            assert (await pages.served.recorded())[-1]["kind"] == "deny"
        answer = await other.send("/pages/verify", token=await other.token(), key=VKEY, log=hidden)
        assert answer.status_code == 403
        assert (await other.go("/pages/search?log=x")).status_code == 404
        assert (await other.go(f"/pages/log/{hidden}")).status_code == 404
    pages.server.claims = {"sub": "auditor-2", "lagspill_roles": ["auditor", "protected-log-reader"]}
    async with pages.visitor() as cleared:
        await cleared.sign_in()
        for path in (*paths, f"/pages/entry/{hidden}/0", f"/pages/log/{hidden}"):
            answer = await cleared.go(path)
            assert answer.status_code == 200, path
            links = re.findall(r'href="(/pages/(?:search|findings|verify|exports|case|actor)[^"]*)"', answer.text)
            assert links, path
            assert {link for link in links if f"log={hidden}" not in link} == set(), path
            assert answer.text.count('action="/pages/verify"') + answer.text.count('action="/pages/search"') <= (
                answer.text.count(f'name="log" value="{hidden}"')
            )
        found = await cleared.go(f"/pages/case/{CASE}?log={hidden}")
        assert found.text.count(f'href="/pages/entry/{hidden}/') == 50
        (older,) = re.findall(r'href="(\?[^"]*before=[^"]*)"', found.text)
        assert f"/pages/entry/{hidden}/0" in (await cleared.go(f"/pages/case/{CASE}{unescape(older)}")).text
        token = await cleared.token()
        key = (await pages.served.get(f"/logs/{hidden}/vkey", cleared_token(pages))).text.strip()
        assert EN["verify.verified"] in (await cleared.send("/pages/verify", token=token, key=key, log=hidden)).text
        made = await cleared.send("/pages/exports", token=token, case=CASE, format="csv", log=hidden)
        assert made.status_code == 303
        copy = await cleared.go(f"{made.headers['location']}/content")
        assert copy.text.count(CASE) >= 51
        assert EN["history.none"] in (await cleared.go(f"/pages/case/{CASE}")).text, "their own municipality's"


def cleared_token(pages: Pages) -> str:
    """The same person's token for programs."""
    return pages.served.issuer.token(pages.server.claims | {"lagspill_service": None, "municipality": "4005"})


async def test_a_copy_of_what_was_found_is_taken_from_the_page(pages: Pages, visitor: Visitor) -> None:
    """Ordered by the form below the results, recorded when it is fetched, and then told with count and hash."""
    cases = Publisher()
    await pages.served.world.take(*[cases.read(CASE) for _ in range(4)], *cases.reads(3))
    page = await visitor.go(f"/pages/search?case={CASE}")
    form = page.text.split('action="/pages/exports"')[1].split("</form>")[0]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    assert set(fields) == {"token", "case"}
    assert (await visitor.send("/pages/exports", **{**fields, "token": "x"}, format="csv")).status_code == 403
    assert (await visitor.send("/pages/exports", **fields, format="exe")).status_code == 422
    ordered = await visitor.send("/pages/exports", **fields, format="csv")
    assert ordered.status_code == 303
    where = ordered.headers["location"]
    assert EN["exports.then"] in shown(await visitor.go(where))
    before = len(await pages.served.recorded())
    file = await visitor.go(f"{where}/content")
    assert file.headers["content-disposition"].startswith('attachment; filename="4005-7-exp_')
    assert file.text.count(CASE) >= 4
    (look,) = (await pages.served.recorded())[before:]
    assert (look["kind"], look["permitted"]) == ("export", True)
    told = shown(await visitor.go(where))
    assert re.search(r"Entries\s+4\s", told)
    assert EN["exports.then"] not in told
    assert (await visitor.go("/pages/export/exp_x")).status_code == 404


async def test_who_has_signed_out_is_given_no_more_of_a_copy_that_has_begun(pages: Pages, visitor: Visitor) -> None:
    publisher = Publisher()
    for _ in range(10):
        await pages.served.world.take(*[publisher.read(CASE) for _ in range(512)])
    token = await visitor.token(f"/pages/search?case={CASE}")
    where = (await visitor.send("/pages/exports", token=token, case=CASE, format="ndjson")).headers["location"]
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    async with slowly_read(pages.served, f"{where}/content", cookie=cookie) as reader:
        content = await reader.readexactly(20_000)
        assert (await visitor.send("/pages/sign-out", token=token)).status_code == 200
        content += await reader.read()
    left = content.count(b'{"position":')
    assert 0 < left < 5120
    assert b'{"count":' not in content
    last = (await pages.served.recorded())[-1]
    assert (last["kind"], last["permitted"], last["reason"]) == ("export", False, "session-ended")
    await visitor.sign_in()
    assert EN["exports.cut"].format(count=f"{left:,}") in shown(await visitor.go(where))


# --- findings ---------------------------------------------------------------------------------------------------------


async def test_a_finding_s_page_shows_where_it_stands_when_it_is_due_and_what_was_written(
    pages: Pages, visitor: Visitor, clock: SimulatedClock
) -> None:
    """So does the list, but for the notes: those are for privacy officers, and another officer's text is nothing but text."""
    clock.set(MONDAY + timedelta(hours=3))
    town = Town()
    teacher = town.employee(Role.CONTACT_TEACHER, Service.SKOLE, "tinnes-skole")
    await feed(pages.served.world, town.ordinary_work(days=1, looks=3))
    await feed(pages.served.world, [town.look(teacher, town.children[0], reason="no-relation")])
    await pages.served.watch.look()
    (found,) = (await pages.served.see("/findings"))["items"]
    name, entries, due = found["finding"], found["entries"], datetime.fromisoformat(found["due"])
    path = f"/pages/finding/{name}"
    for language in Language:
        texts, said = TABLES[language], finding_sentence("without-relation", language, entries=entries, cases=1)
        await visitor.send("/pages/language", language=language, back=path)
        listed, one = await visitor.go("/pages/findings"), await visitor.go(path)
        assert (listed.status_code, one.status_code) == (200, 200)
        assert f'<a href="{path}">{said}</a>' in unescape(listed.text)
        assert f"{texts['findings.open']}, {texts['findings.due'].format(day=oslo(due))}" in shown(listed)
        assert said in shown(one)
        assert f"<dt>{texts['findings.status']}</dt><dd>{texts['findings.open']}</dd>" in one.text
        assert f'<dd><time datetime="{due.isoformat()}">{oslo(due)}</time></dd>' in one.text
        assert f'<a href="/pages/actor/{teacher.id}">' in one.text
        for each in (listed, one):
            assert texts["findings.overdue"] not in shown(each)
            assert texts["findings.notes"] not in each.text
    assert one.text.count('<li><a href="/pages/entry/4005/') == entries == 1

    text = '<script>alert(1)</script>\u202eyas "><img src=x onerror=alert(1)> {{ 7 * 7 }}'
    officer = pages.served.token("privacy-officer", sub="officer-1")
    etag = (await pages.served.get(f"/findings/{name}", officer)).headers["etag"]
    judged = await pages.served.http.post(
        f"/findings/{name}/explanation",
        json={"verdict": "breach", "text": text},
        headers={"authorization": f"Bearer {officer}", "idempotency-key": "a", "if-match": etag},
    )
    assert judged.status_code == 201, judged.text
    clock.set(clock.now() + timedelta(hours=72, seconds=1))
    due = clock.now() - timedelta(seconds=1)
    pages.server.claims = {"sub": "officer-2", "lagspill_roles": ["privacy-officer"]}
    async with pages.visitor() as other:
        await other.sign_in()
        listed, one = await other.go("/pages/findings"), await other.go(path)
    for each in (listed, one):
        assert oslo(due) in shown(each)
        assert EN["findings.overdue"] in shown(each)
    assert f"<h2>{EN['findings.notes']}</h2>" in one.text
    (note,) = re.findall(r"<blockquote><p>(.*?)</p></blockquote>", one.text)
    assert unescape(note) == text.replace("\u202e", "\\u202e")
    assert "<" not in note
    for hidden in (listed, await visitor.go(path)):
        assert "alert(1)" not in hidden.text, "neither in the list, nor for the auditor"


# --- verify now -------------------------------------------------------------------------------------------------------


async def test_a_log_is_verified_and_its_progress_told_while_it_is(pages: Pages, visitor: Visitor) -> None:
    """The page comes in pieces: before the end is known, so far; at the end, the verifier's own answer. The look is recorded."""
    cases = Publisher()
    await pages.served.world.take(*cases.reads(3 * WIDTH))
    old = (await pages.served.get("/logs/4005/checkpoint")).text
    await pages.served.world.take(*cases.reads(3 * WIDTH), cases.seal())
    await pages.served.world.keeper.compare_seals()
    form = {"token": await visitor.token(), "key": VKEY, "checkpoint": old.replace("\n", "\r\n")}
    request = visitor.http.build_request("POST", "/pages/verify", data=form, headers={"origin": pages.address})
    answer = await visitor.http.send(request, stream=True)
    pieces = [piece async for piece in answer.aiter_text()]
    whole = "".join(pieces)
    assert answer.headers.get("transfer-encoding") == "chunked"
    assert "</html>" not in pieces[0]
    assert [int(value) for value in re.findall(r'<progress value="(\d+)"', whole)][-1] == 6 * WIDTH + 1
    assert EN["verify.verified"] in whole
    assert f"<dt>{EN['verify.compared']}</dt><dd>1</dd>" in whole
    assert whole.rstrip().endswith("</html>")
    (look,) = await pages.served.recorded()
    assert (look["kind"], look["actor"]["role"]) == ("log-read", "auditor")


@pytest.mark.parametrize(
    ("attack", "kind"),
    [
        (
            "UPDATE entries SET leaf = overlay(leaf placing 'x' from 40) WHERE log = '4005' AND position = 130",
            "changed",
        ),
        ("DELETE FROM entries WHERE log = '4005' AND position = 130", "missing"),
    ],
)
async def test_what_is_wrong_is_named(pages: Pages, visitor: Visitor, attack: str, kind: str) -> None:
    """By the kind of tampering and the first entry concerned, in words."""
    await pages.served.world.take(*Publisher().reads(2 * WIDTH))
    await pages.served.pool.execute("SET session_replication_role = replica; " + attack)
    await pages.served.pool.execute("SET session_replication_role = origin")
    answer = await visitor.send("/pages/verify", token=await visitor.token(), key=VKEY)
    text = shown(answer)
    assert EN["verify.broken"] in text
    assert EN[f"verify.kinds.{kind}"] in text
    assert EN["verify.at"].format(position=130) in text


async def test_a_row_that_nobody_signed_is_no_entry(pages: Pages, visitor: Visitor) -> None:
    """Put behind the log's end by who may add rows: no page and no search shows it, and verifying names it."""
    await pages.served.world.take(Publisher().read(CASE))
    for position in (1, 10**12):
        await put_behind(pages.served.pool, position, CASE, "act_somebody-innocent")
    await pages.served.watch.look()
    for path, query in (("/entries", {"case": CASE}), ("/entries", {"actor": "act_somebody-innocent"})):
        found = await pages.served.see(path, **query)
        assert [each["position"] for each in found["items"]] == [0] * ("case" in query)
    for position in (1, 10**12):
        for path in (f"/entries/{position}", f"/entries/{position}/proof"):
            answer = await pages.served.get(path, pages.served.token())
            assert (answer.status_code, answer.json()["code"]) == (404, "entry-unknown")
        assert (await visitor.go(f"/pages/entry/4005/{position}")).status_code == 404
    for path in ("tile/entries/000.p/2", "tile/entries/x003/x906/250"):
        answer = await pages.served.get(f"/logs/4005/{path}", pages.served.token())
        assert len(answer.content) < 3_000, path
        assert b"it never happened" not in answer.content
    for path in (f"/pages/case/{CASE}", "/pages/actor/act_somebody-innocent", f"/pages/search?case={CASE}"):
        assert "/pages/entry/4005/1" not in (await visitor.go(path)).text
    text = shown(await visitor.send("/pages/verify", token=await visitor.token(), key=VKEY))
    assert EN["verify.broken"] in text
    assert EN["verify.kinds.inserted"] in text
    assert EN["verify.at"].format(position=1) in text


async def test_what_cannot_be_verified_with_is_said_beside_its_field(pages: Pages, visitor: Visitor) -> None:
    """A key that is none, a checkpoint that it has not signed; another log's key is an answer of the verifier."""
    await pages.served.world.take(*Publisher().reads(3))
    token, note = await visitor.token(), (await pages.served.get("/logs/4005/checkpoint")).text
    for key, checkpoint, field in (
        ("", "", "key"),
        ("lagspill.no/logs/4005+00000000+AAAA", "", "key"),
        (VKEY, "no checkpoint", "checkpoint"),
        (VKEY, note.replace("\n3\n", "\n4\n"), "checkpoint"),
    ):
        answer = await visitor.send("/pages/verify", token=token, key=key, checkpoint=checkpoint)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
    assert await pages.served.recorded() == []
    other = SIGNER.named("lagspill.no/logs/4003").verifier.vkey
    answer = await visitor.send("/pages/verify", token=token, key=other)
    assert EN["verify.verified"] not in answer.text


async def test_one_verification_of_a_log_at_a_time_and_none_that_nobody_waits_for(
    pages: Pages, visitor: Visitor
) -> None:
    """The second is told to wait; when whoever began it goes away, it ends, and the next may begin."""
    await pages.served.world.take(*Publisher().reads(40 * WIDTH))
    form = {"token": await visitor.token(), "key": VKEY}
    request = visitor.http.build_request("POST", "/pages/verify", data=form, headers={"origin": pages.address})
    first = await visitor.http.send(request, stream=True)
    rows = first.aiter_text()
    while "<progress" not in await anext(rows):
        pass
    second = await visitor.send("/pages/verify", **form)
    assert second.status_code == 409
    assert EN["refusal.code.being-verified"] in shown(second)
    await first.aclose()
    async with asyncio.timeout(60):
        while (third := await visitor.send("/pages/verify", **form)).status_code == 409:
            pass
    assert EN["verify.outcome"] in third.text


async def test_a_log_that_grows_meanwhile_is_verified_as_it_was_and_a_database_that_goes_away_is_said(
    pages: Pages, visitor: Visitor
) -> None:
    """No verdict on a log that cannot be read, and no page without an end; the next verification may begin."""
    cases = Publisher()
    await pages.served.world.take(*cases.reads(20 * WIDTH + 7))
    form = {"token": await visitor.token(), "key": VKEY}

    async def begun() -> tuple[httpx.Response, AsyncIterator[str]]:
        request = visitor.http.build_request("POST", "/pages/verify", data=form, headers={"origin": pages.address})
        answer = await visitor.http.send(request, stream=True)
        rows = answer.aiter_text()
        while "<progress" not in await anext(rows):
            pass
        return answer, rows

    answer, rows = await begun()
    await pages.served.world.take(*cases.reads(WIDTH))
    whole = "".join([row async for row in rows])
    assert EN["verify.verified"] in whole
    assert f'<progress value="{20 * WIDTH + 7}" max="{20 * WIDTH + 7}"' in whole
    await answer.aclose()

    answer, rows = await begun()
    await pages.served.pool.execute("ALTER TABLE entries RENAME TO elsewhere")
    with capture_logs() as told:
        whole = "".join([row async for row in rows])
    assert "a verification failed" in {each["event"] for each in told}
    await pages.served.pool.execute("ALTER TABLE elsewhere RENAME TO entries")
    assert EN["verify.unable"] in whole
    assert EN["verify.verified"] not in whole
    assert whole.rstrip().endswith("</html>")
    await answer.aclose()
    assert EN["verify.verified"] in (await visitor.send("/pages/verify", **form)).text


async def test_a_log_with_nothing_in_it_and_one_with_one_entry_have_their_pages(pages: Pages, visitor: Visitor) -> None:
    """The smallest: nothing is found, there is no log to verify yet; then its only entry, whose proof is the root itself."""
    for path in (
        f"/pages/case/{CASE}",
        "/pages/actor/act_nobody-at-all",
        "/pages/search?since=2026-09-01&until=2026-09-02",
    ):
        assert (await visitor.go(path)).status_code == 200, path
    for path in ("/pages/verify", "/pages/log/4005", "/pages/entry/4005/0"):
        assert (await visitor.go(path)).status_code == 404, path
    await pages.served.world.take(Publisher().read(CASE))
    for path in (
        f"/pages/case/{CASE}",
        "/pages/entry/4005/0",
        "/pages/entry/4005/0/proof",
        "/pages/log/4005",
        "/pages/verify",
        "/",
    ):
        assert (await visitor.go(path)).status_code == 200, path
    form = {"token": await visitor.token(), "key": VKEY}
    assert EN["verify.verified"] in (await visitor.send("/pages/verify", **form)).text
