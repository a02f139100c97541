"""The auditors' pages in Chromium: signing in, every page in each language, by keyboard, narrow, without JavaScript, and full of
text that somebody hostile chose."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from deploy.demo import tamper
from deploy.local.identity import IdentityServer
from deploy.local.process import free_port
from services.audit import witness_store
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.policy import Policy
from services.audit.pages.texts import TABLES
from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind
from shared.contracts.codes import Language
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import audit_service
from tests.e2e.pages_world import CLIENT, Pages, chromium, needs_chromium, open_pages, watch
from tests.integration.audit_world import NOTODDEN, SIGNER, Publisher
from tests.integration.test_audit_go import ask, verifier
from tests.integration.witness_world import cosigner

__all__ = ["verifier"]

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.story(23), needs_chromium]

CASE = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
ACTOR = "act_nurse-in-tinnes"
PATHS = {
    "/": 200,
    "/pages/log/4005": 200,
    "/pages/search": 200,
    f"/pages/search?case={CASE}": 200,
    "/pages/search?case=wrong&since=2026-13-01": 200,
    f"/pages/case/{CASE}": 200,
    f"/pages/actor/{ACTOR}": 200,
    "/pages/entry/4005/5": 200,
    "/pages/findings": 200,
    "/pages/finding/log-1": 200,
    "/pages/verify": 200,
    "/pages/exports": 200,
    "/pages/nowhere": 404,
}
"""What each is answered with; a finding about a look is asked for beside them."""
EN = TABLES[Language.EN]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest_asyncio.fixture
async def pages(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Pages]:
    """The service, with a case that several have looked at, one of them without being let in, and two findings."""
    async with open_pages(migrated, issuer, clock) as made:
        await made.served.world.take(*story())
        await made.served.watch.look()
        yield made


def story() -> list[bytes]:
    """What stands in the log; two records have the same number, which is a finding, and so is who was refused eight times."""
    cases = Publisher()
    looks = [cases.access(CASE, actor=actor) for actor in (ACTOR, "act_teacher-in-lia", "act_leader-of-ppt") * 2]
    looks[3] = looks[3].model_copy(update={"permitted": False, "reason": "no-relation"})
    records = [cases.publish(look) for look in looks]
    meetings = Publisher(source="/services/meetings", seed=8)
    refused = {"kind": AccessKind.DENY, "permitted": False, "reason": "not-in-table"}
    denials = [meetings.access(actor="act_teacher-in-lia").model_copy(update=refused) for _ in range(8)]
    records += [*cases.reads(6), Publisher(seed=7).read(CASE), cases.seal()]
    return records + [meetings.publish(look) for look in denials]


async def about_a_look(pages: Pages) -> str:
    """The name of the finding about who was refused again and again."""
    (finding,) = (await pages.served.see("/findings", group="behaviour"))["items"]
    return str(finding["finding"])


async def assert_accessible(page: Page) -> None:
    """No violation of WCAG 2.2 A and AA that axe-core can find."""
    results = await Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    found = [(each["id"], [node["target"] for node in each["nodes"]]) for each in results.response["violations"]]
    assert found == [], (page.url, found)
    assert results.response["passes"]


async def sign_in(page: Page, address: str) -> None:
    """Sign in as a person does."""
    await page.goto(f"{address}/pages/sign-in")
    await page.locator("main a.button").click()
    await page.wait_for_url(f"{address}/pages/search")


async def test_every_page_in_every_language_is_accessible_and_loads_nothing(pages: Pages) -> None:
    """axe-core; no script, nothing from elsewhere, nothing for the content policy to stop; the language is the one asked for."""
    paths = PATHS | {f"/pages/finding/{await about_a_look(pages)}": 200}
    async with chromium() as browser:
        for language in Language:
            context = await browser.new_context(locale={"nb": "nb-NO", "nn": "nn-NO", "en": "en-GB"}[language])
            watched = await watch(context, pages.address, pages.server.address)
            page = watched.page
            await page.goto(f"{pages.address}/pages/sign-in")
            await assert_accessible(page)
            await sign_in(page, pages.address)
            for path, status in paths.items():
                answer = await page.goto(f"{pages.address}{path}")
                assert answer is not None
                assert answer.status == status, path
                assert await page.get_attribute("html", "lang") == language
                await expect(page.locator("h1")).to_have_count(1)
                await assert_accessible(page)
            for path, form in ((f"/pages/search?case={CASE}", "/pages/exports"), ("/pages/verify", "/pages/verify")):
                await page.goto(f"{pages.address}{path}")
                await page.locator(f'form[action="{form}"] button').click()
                await expect(page.locator("main a.button").last).to_be_visible()
                await assert_accessible(page)
            watched.assert_quiet()
            await context.close()


async def test_everything_by_keyboard_alone(pages: Pages) -> None:
    """From the first page to the proof of an entry and out again, with Tab, Enter and the arrow keys; the focus is always seen."""
    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        page = (await watch(context, pages.address, pages.server.address)).page
        await page.goto(f"{pages.address}/")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Go to the content"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "content"
        await page.goto(f"{pages.address}/pages/sign-in")
        await tab_to(page, "Go to sign-in")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{pages.address}/pages/search")
        await tab_to(page, "The child's case")
        await page.keyboard.type(CASE)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{pages.address}/pages/search?case={CASE}*")
        await tab_to(page, "5")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{pages.address}/pages/entry/4005/5")
        await expect(page.locator("p.good")).to_contain_text("The entry is in the log")
        await tab_to(page, "Sign out")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{pages.server.address}/end?**")
        assert len(pages.server.ended) == 1


async def focused(page: Page) -> str:
    """The name of what has the focus, which must be seen to have it (WCAG 2.4.7)."""
    return str(
        await page.evaluate(
            """() => {
              const it = document.activeElement;
              if (it === document.body) return "";
              const seen = getComputedStyle(it).outlineStyle !== "none" || it.id === "content";
              const label = it.labels && it.labels.length ? it.labels[0].textContent : it.textContent;
              return seen ? label.trim() : "not seen: " + label.trim();
            }"""
        )
    )


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called `name` has the focus."""
    passed = []
    for _ in range(80):
        await page.keyboard.press("Tab")
        now = await focused(page)
        assert not now.startswith("not seen"), now
        if now == name:
            return
        passed.append(now)
    raise AssertionError((name, passed))


async def test_nothing_is_cut_off_at_320_pixels(pages: Pages) -> None:
    """WCAG 1.4.10: no page scrolls sideways; only pictures and tables do, in a frame of their own."""
    paths = PATHS | {f"/pages/finding/{await about_a_look(pages)}": 200}
    async with chromium() as browser:
        context = await browser.new_context(locale="nb-NO", viewport={"width": 320, "height": 640})
        page = (await watch(context, pages.address, pages.server.address)).page
        await page.goto(f"{pages.address}/pages/sign-in")
        await sign_in(page, pages.address)
        for path, status in paths.items():
            answer = await page.goto(f"{pages.address}{path}")
            assert answer is not None
            assert answer.status == status, path
            widths = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert widths[0] <= widths[1] == 320, (path, widths)
            cut = await page.evaluate(
                """() => [...document.querySelectorAll("main *")].filter(
                     (it) => it.getBoundingClientRect().right > 321 && !it.closest(".wide, pre, .unseen")
                   ).map((it) => it.outerHTML.slice(0, 120))"""
            )
            assert cut == [], path


async def test_all_of_it_without_javascript(pages: Pages) -> None:
    """Sign in, choose a language, search, follow a case, verify with progress, sign out at the issuer too."""
    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB", java_script_enabled=False)
        watched = await watch(context, pages.address, pages.server.address)
        page = watched.page
        await sign_in(page, pages.address)
        await page.locator("header button", has_text="Nynorsk").click()
        await expect(page.locator("h1")).to_have_text(TABLES[Language.NN]["search.title"])
        await page.locator("header button", has_text="English").click()
        await page.fill("#case", CASE)
        await page.click("form.ask button")
        await expect(page.locator("table.entries tbody tr")).to_have_count(7)
        await page.locator(f'a[href="/pages/case/{CASE}"]').first.click()
        picture = page.locator("svg.timeline")
        await expect(picture.locator("title")).to_contain_text("Timeline of 7 entries")
        await expect(picture.locator(".cross")).to_have_count(1)
        await expect(page.locator("table.entries tbody tr")).to_have_count(7)
        await page.goto(f"{pages.address}/pages/verify")
        await page.locator("main form button").click()
        await expect(page.locator(".problem")).to_contain_text("something that a service published is missing")
        await expect(page.locator("progress").last).to_be_visible()
        await page.locator("header button", has_text="Sign out").click()
        await page.wait_for_url(f"{pages.server.address}/end?**")
        watched.assert_quiet()


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed: no second verifier to ask")
async def test_a_browser_and_go_come_to_the_same_answer(
    migrated: Migrated,
    issuer: LocalIssuer,
    clock: SimulatedClock,
    verifier: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An auditor who has only a browser, and an outsider who has only the public key and Go's tlog: as it is, and with one byte changed."""
    async with open_pages(migrated, issuer, clock) as pages, chromium() as browser:
        cases = Publisher()
        await pages.served.world.take(*cases.reads(299), cases.seal())
        await pages.served.world.keeper.compare_seals()
        monkeypatch.setenv("LAGSPILL_TOKEN", pages.served.token())
        context = await browser.new_context(locale="en-GB", java_script_enabled=False)
        page = (await watch(context, pages.address, pages.server.address)).page
        await sign_in(page, pages.address)
        address, texts = f"{pages.address}/logs/4005", TABLES[Language.EN]

        _, size, root = (await pages.served.get("/logs/4005/checkpoint")).text.split("\n")[:3]
        await page.goto(f"{pages.address}/pages/verify")
        await page.locator("main form button").click()
        await expect(page.locator(".good")).to_contain_text(texts["verify.verified"])
        for name, value in (("size", size), ("root", root)):
            told = page.locator("dt", has_text=texts[f"verify.{name}"]).locator("xpath=following-sibling::dd[1]")
            await expect(told).to_have_text(value)
        assert await ask(verifier, address) == (0, f"verified {size} entries\n")

        await pages.served.pool.execute(
            "SET session_replication_role = replica;"
            " UPDATE entries SET leaf = set_byte(leaf, 40, get_byte(leaf, 40) # 1) WHERE log = '4005' AND position = 130;"
            " SET session_replication_role = origin"
        )
        await page.goto(f"{pages.address}/pages/verify")
        await page.locator("main form button").click()
        await expect(page.locator(".problem")).to_be_visible()
        said = page.locator("main li", has_text=texts["verify.kinds.changed"])
        await expect(said).to_contain_text(texts["verify.at"].format(position=130))
        status, told_by_go = await ask(verifier, address)
        assert (status, told_by_go.partition(":")[0]) == (1, "entry 130")


# --- hostile text -----------------------------------------------------------------------------------------------------

HOSTILE: Sequence[str] = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</title></style></textarea><script>alert(1)</script>",
    "<svg><script>alert(1)</script><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<!-- here --><iframe src='https://evil.example/'></iframe>",
    "<meta http-equiv=refresh content='0; url=https://evil.example/'>",
    "<form action=https://evil.example/><button autofocus>",
    "<link rel=stylesheet href=https://evil.example/x.css><base href=https://evil.example/>",
    "<style>*{background:url(https://evil.example/)}</style>",
    "{{ 7 * 7 }}{% include 'base.html' %}${7*7}",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066\u2069\u200f abc",
    "\u0000\u001b[2J\u0007\ufeff\u2028",
    "\ud800 lone",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;",
    "W" * 3000,
    "Z\u0335\u0321" * 200,
)
COLUMNS = ("type", "source", "actor", "organisation", "unit", "basis", "consent", "meeting")


async def test_verify_now_demands_the_witnesses_word(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    """As the log's policy does: named where it is there; without it, a log rewritten with its own key is not witnessed."""
    skien, kragero = cosigner("skien"), cosigner("kragero")
    rule = Policy.parse(f"witness s {skien.key.vkey}\nwitness k {kragero.key.vkey}\ngroup both all s k\nquorum both\n")
    async with open_pages(migrated, issuer, clock, audit_witness_policy=rule.text()) as pages, chromium() as browser:
        served, cases, witnesses = pages.served, Publisher(), (skien, kragero)
        page = (await watch(await browser.new_context(locale="en-GB"), pages.address, pages.server.address)).page

        async def cosign(*those: Cosigner) -> None:
            row = await served.pool.fetchrow("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")
            assert row is not None
            async with served.pool.acquire() as conn:
                for each in those:
                    line = each.cosign(row["note"].partition("\n\n")[0] + "\n", int(clock.now().timestamp()))
                    named = (each.key.vkey, line.text())
                    await witness_store.add_cosignature(conn, NOTODDEN, row["size"], *named, clock.now())
                if those == witnesses:
                    await witness_store.add_witnessed(conn, NOTODDEN, row["size"], rule, clock.now())

        async def verify(answer: str) -> str:
            await page.goto(f"{pages.address}/pages/verify")
            await expect(page.locator("main")).to_contain_text(f"{skien.key.name}, {kragero.key.name}")
            await page.locator('form[action="/pages/verify"] button').click()
            await expect(page.locator(".good, .problem")).to_contain_text(EN[answer])
            await assert_accessible(page)
            return await page.locator("main").inner_text()

        await served.world.take(*cases.reads(5))
        await sign_in(page, pages.address)
        assert EN["verify.kinds.unwitnessed"] in await verify("verify.unwitnessed")
        await cosign(skien)
        assert skien.key.name in await verify("verify.unwitnessed"), "one of the two is not enough"
        await cosign(*witnesses)
        said = await verify("verify.verified")
        assert [each.key.name in said for each in witnesses] == [True, True]
        assert EN["verify.witnessed_entries"] not in said
        await served.world.take(*cases.reads(3))
        assert f"{EN['verify.witnessed_entries']}\n5" in await verify("verify.verified")
        async with served.pool.acquire() as attacker:
            await tamper.rewrite_everything(attacker, NOTODDEN, 6, SIGNER)
            await verify("verify.verified")  # newer than the witnesses' word
            await tamper.rewrite_everything(attacker, NOTODDEN, 2, SIGNER)
            assert EN["verify.kinds.rewritten"] in await verify("verify.broken"), "the lines are of another checkpoint"
            await attacker.execute("SET session_replication_role = replica")
            await attacker.execute("DELETE FROM cosignatures")
            await verify("verify.unwitnessed")
            await attacker.execute("DELETE FROM witnessed_checkpoints")
            await verify("verify.unwitnessed")
            await attacker.execute("RESET session_replication_role")


async def test_hostile_text_is_inert_everywhere(pages: Pages) -> None:
    """As what an entry says, as what is indexed of it, and as what is asked for: seen as text, and nothing else comes of it."""
    served = pages.served
    cases = Publisher(seed=11)
    for text in HOSTILE:
        event = json.loads(cases.read(CASE))
        event["data"]["reason"] = text
        event["data"]["actor"]["client"] = text
        event["data"][text] = {"deep": [text]}
        event["sourcesequence"] = f"{9000 + HOSTILE.index(text):020d}"
        await served.world.take(json.dumps(event, ensure_ascii=True).encode())
    size = await served.pool.fetchval("SELECT size FROM logs WHERE log = '4005'")
    writable = [text.encode(errors="replace").decode().replace("\x00", "") for text in HOSTILE]
    await served.world.take(*(cases.read(CASE) for _ in writable))
    async with served.pool.acquire() as owner, owner.transaction():
        # What intake would never index, in the place of what was signed: as if its checks were not there.
        await owner.execute("SET LOCAL session_replication_role = replica")
        for index, text in enumerate(writable):
            await owner.execute(
                f"UPDATE entries SET leaf = $2, kind = $3, {', '.join(f'{column} = $3' for column in COLUMNS)}"
                " WHERE log = '4005' AND position = $1",
                size + index,
                text.encode(),
                text,
            )
    finding = await about_a_look(pages)
    officer = served.token("privacy-officer", sub="officer-1")
    etag = (await served.get(f"/findings/{finding}", officer)).headers["etag"]
    written = await served.http.post(
        f"/findings/{finding}/explanation",
        json={"verdict": "breach", "text": " ".join(text[:400] for text in writable)},
        headers={"authorization": f"Bearer {officer}", "idempotency-key": "a", "if-match": etag},
    )
    assert written.status_code == 201, written.text
    pages.server.claims = {"sub": "officer-2", "lagspill_roles": ["privacy-officer"]}
    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB", viewport={"width": 320, "height": 640})
        watched = await watch(context, pages.address, pages.server.address)
        page = watched.page
        await sign_in(page, pages.address)
        paths = [f"/pages/case/{CASE}", f"/pages/search?case={CASE}", "/pages/findings"]
        paths += [f"/pages/entry/4005/{size - 1 - index}" for index in range(len(HOSTILE))]
        paths += [f"/pages/entry/4005/{size + index}" for index in range(len(HOSTILE))]
        for path in paths:
            answer = await page.goto(f"{pages.address}{path}")
            assert answer is not None
            assert answer.status == 200, path
            await assert_inert(page, path)
        await page.goto(f"{pages.address}/pages/finding/{finding}")
        await assert_inert(page, "what another officer wrote")
        await expect(page.locator("blockquote")).to_contain_text("<script>alert(1)</script>")
        turning = "SELECT position FROM entries WHERE log = '4005' AND position < $1 AND encode(leaf, 'escape') LIKE '%u202egnp%'"
        await page.goto(f"{pages.address}/pages/entry/4005/{await served.pool.fetchval(turning, size)}")
        await expect(page.locator("pre").last).to_contain_text("\\u202egnp.exe\\u2066\\u2069\\u200f abc")
        for text in writable:
            for field in ("case", "unit", "since", "kind"):
                await page.goto(f"{pages.address}/pages/search?{urlencode({field: text[:800]})}")
                await assert_inert(page, field)
            await page.goto(f"{pages.address}/pages/sign-in?{urlencode({'back': text[:800]})}")
            await page.goto(f"{pages.address}/pages/callback?{urlencode({'error': text[:800], 'state': text[:800]})}")
            await assert_inert(page, "callback")
            await page.goto(f"{pages.address}/pages/log/{quote(text[:500], safe='')}")
            await assert_inert(page, "log")
        await page.goto(f"{pages.address}/pages/verify")
        await page.locator("#key").evaluate(
            "(it, text) => { it.removeAttribute('maxlength'); it.value = text; }", HOSTILE[3]
        )
        await page.fill("#checkpoint", HOSTILE[3])
        await page.locator("main form button").click()
        await expect(page.locator("#key-error")).to_be_visible()
        await assert_inert(page, "verify")
        watched.assert_quiet()


async def test_what_is_watched_for_would_be_seen(pages: Pages) -> None:
    """What the templates keep out, put into a page by hand: the content policy stops it, and the watch tells of it."""
    async with chromium() as browser:
        watched = await watch(await browser.new_context(), pages.address)
        page = watched.page
        await page.goto(f"{pages.address}/")
        attack = "<img src='/x.png' onerror='alert(1)'><a id=go href='javascript:alert(1)' style='color:red'>x</a>"
        await page.evaluate("(html) => { document.body.insertAdjacentHTML('beforeend', html); }", attack)
        await page.click("#go")
        await expect(page.locator("#go")).to_be_visible()
        assert watched.dialogs == []
        assert len(watched.violations) >= 3
        with pytest.raises(AssertionError):
            watched.assert_quiet()
        with pytest.raises(AssertionError):
            await assert_inert(page, "an attack")


async def assert_inert(page: Page, what: str) -> None:
    """Only what the templates put there is there; nothing in it acts, and nothing turns its neighbours around."""
    there = await page.evaluate(
        """() => ({
          acting: document.querySelectorAll("script, iframe, object, embed, img, link, base, meta[http-equiv]").length,
          styles: document.querySelectorAll("style").length,
          handlers: [...document.querySelectorAll("*")].filter((it) => [...it.attributes].some((a) => /^on/i.test(a.name))).length,
          leading: [...document.querySelectorAll("a, form")].filter((it) => {
            const to = it.getAttribute("href") ?? it.getAttribute("action") ?? "";
            return !/^[/?#]/.test(to) || to.startsWith("//");
          }).length,
          turned: /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/.test(document.body.innerText),
          wide: document.documentElement.scrollWidth > innerWidth,
        })"""
    )
    assert there == {"acting": 0, "styles": 1, "handlers": 0, "leading": 0, "turned": False, "wide": False}, (
        what,
        there,
    )


# --- the identity server of the local set -----------------------------------------------------------------------------


async def test_signing_in_at_a_real_issuers_login_page(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tmp_path: Path
) -> None:
    """NAV's mock-oauth2-server with its login page: a person types a name, and what the issuer then says of them counts."""
    claims = {"aud": ["lagspill", CLIENT], "azp": CLIENT, "client_id": CLIENT, "municipality": "4005"}
    mapping = {"requestParam": "client_id", "match": CLIENT, "typeHeader": "at+jwt", "claims": claims}
    identities = tmp_path / "identities.json"
    callbacks = [{"issuerId": "lagspill", "tokenExpiry": 3600, "requestMappings": [mapping]}]
    identities.write_text(
        json.dumps({"interactiveLogin": True, "httpServer": "NettyWrapper", "tokenCallbacks": callbacks})
    )
    identity = IdentityServer(free_port(), log=tmp_path / "identity.log", identities=identities)
    identity.start()
    try:
        port = free_port()
        told = {"pages_client_id": CLIENT, "pages_url": f"http://127.0.0.1:{port}"}
        async with (
            audit_service(migrated, issuer, clock, port=port, oidc_issuer=identity.issuer, told=told) as served,
            chromium() as browser,
        ):
            await served.world.take(*Publisher().reads(3))
            page = await browser.new_page(locale="en-GB")
            for roles, allowed in ((["teacher"], False), (["auditor"], True)):
                await page.goto(f"{served.address}/pages/entry/4005/2")
                await page.get_by_role("link", name="Go to sign-in").click()
                await page.fill("input[name=username]", f"a-{roles[0]}")
                await page.fill("textarea[name=claims]", json.dumps({"lagspill_roles": roles}))
                await page.click("input[type=submit]")
                await expect(page.locator("h1")).to_have_text("Entry 2" if allowed else "This did not work")
            await page.get_by_role("button", name="Sign out").click()
            await page.wait_for_url(f"{served.address}/")
            await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    finally:
        identity.stop()
