"""Sign-in to the auditors' pages over HTTP: what is asked of the issuer, what is believed of its answer, and what a session is."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from deploy.local.identity import IdentityServer
from deploy.local.process import free_port
from shared.clock import SimulatedClock
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.e2e.audit_served import audit_service
from tests.e2e.pages_world import CLIENT, Pages, Visitor, open_pages
from tests.integration.audit_world import Publisher

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

SESSION = "lagspill-session"
PENDING = "lagspill-sign-in"
GUARDED = (
    "/pages/search",
    "/pages/case/cas_bcdfghjklmnpqrstvwxzbcdfgh",
    "/pages/actor/act_nurse-in-tinnes",
    "/pages/entry/4005/0",
    "/pages/entry/4005/0/proof",
    "/pages/findings",
    "/pages/finding/log-1",
    "/pages/verify",
    "/pages/exports",
    "/pages/export/exp_bcdfghjklmnpqrstvwxzbcdfgh",
    "/pages/export/exp_bcdfghjklmnpqrstvwxzbcdfgh/content",
)


@pytest_asyncio.fixture
async def pages(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Pages]:
    """The composed service with its pages."""
    async with open_pages(migrated, issuer, clock) as made:
        await made.served.world.take(*Publisher().reads(3))
        yield made


@pytest_asyncio.fixture
async def visitor(pages: Pages) -> AsyncIterator[Visitor]:
    """Somebody who has not signed in."""
    async with pages.visitor() as made:
        yield made


def flags(answer: httpx.Response, name: str) -> set[str]:
    """What a cookie is set with, in small letters and without its value."""
    (line,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}="))
    return {part.strip().lower() for part in line.split(";")[1:]}


async def test_the_code_flow_with_pkce_from_end_to_end(pages: Pages, visitor: Visitor) -> None:
    """RFC 7636, state, nonce; then a session, a page, and the page's look is committed as an entry."""
    wanted = "/pages/entry/4005/0"
    turned = await visitor.go(wanted)
    assert (turned.status_code, turned.headers["location"]) == (
        303,
        f"/pages/sign-in?ended=1&back={wanted.replace('/', '%2F')}",
    )
    offered = await visitor.go(turned.headers["location"])
    assert "/pages/sign-in/begin?back=%2Fpages%2Fentry%2F4005%2F0" in offered.text
    begun = await visitor.go("/pages/sign-in/begin?back=%2Fpages%2Fentry%2F4005%2F0")
    asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    assert {name: asked[name] for name in ("response_type", "client_id", "scope", "code_challenge_method")} == {
        "response_type": "code",
        "client_id": CLIENT,
        "scope": "openid",
        "code_challenge_method": "S256",
    }
    assert asked["redirect_uri"] == f"{pages.address}/pages/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    assert flags(begun, PENDING) >= {"httponly", "samesite=lax", "path=/"}
    async with httpx.AsyncClient(verify=TRUST) as elsewhere:
        sent_back = (await elsewhere.get(begun.headers["location"])).headers["location"]
    done = await visitor.go(sent_back)
    assert (done.status_code, done.headers["location"]) == (303, wanted)
    assert flags(done, SESSION) == {"httponly", "samesite=lax", "path=/"}
    (exchange,) = pages.server.tokens
    challenge = base64.urlsafe_b64encode(sha256(exchange["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    assert challenge == asked["code_challenge"]
    assert (exchange["client_id"], exchange["authorization"]) == (CLIENT, "")
    before = len(await pages.served.recorded())
    shown = await visitor.go(wanted)
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    (look,) = (await pages.served.recorded())[before:]
    assert (look["kind"], look["permitted"], look["actor"]["role"]) == ("log-read", True, "auditor")


@pytest.mark.parametrize("path", GUARDED)
async def test_no_page_of_entries_without_a_session(pages: Pages, visitor: Visitor, path: str) -> None:
    """Nothing is shown, and nothing is recorded: nobody has looked."""
    visitor.http.cookies.set(SESSION, "x" * 43)
    answer = await visitor.go(path)
    assert (answer.status_code, answer.text) == (303, "")
    assert answer.headers["location"].startswith("/pages/sign-in?")
    assert await pages.served.recorded() == []


@pytest.mark.parametrize(
    "said",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "http://127.0.0.1:1"},
        {"aud": "another-client"},
        {"aud": ["another-client", "lagspill"]},
        {"azp": "another-client"},
        {"exp": 1_000_000_000},
        {"iat": 4_000_000_000},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"sub": None},
    ],
    ids=lambda said: "-".join(f"{name}" for name in said),
)
async def test_an_id_token_that_does_not_fit_signs_nobody_in(
    pages: Pages, visitor: Visitor, said: dict[str, Claim]
) -> None:
    """OpenID Connect Core § 3.1.3.7."""
    pages.server.id_claims = said
    answer = await visitor.sign_in()
    assert answer.status_code == 403
    assert "sign-in-refused" in answer.text
    assert SESSION not in visitor.http.cookies
    assert await pages.served.pool.fetchval("SELECT count(*) FROM page_sessions") == 0


async def test_an_id_token_of_another_key_signs_nobody_in(pages: Pages, visitor: Visitor) -> None:
    """Whatever it says."""
    other = LocalIssuer()
    try:
        pages.server.id_key = other
        assert (await visitor.sign_in()).status_code == 403
    finally:
        other.close()


@pytest.mark.parametrize(
    "sent",
    [
        {"state": "another"},
        {"state": ""},
        {"iss": "http://127.0.0.1:1"},
        {"iss": ""},
        {"code": ""},
        {"error": "access_denied"},
    ],
)
async def test_an_answer_that_is_not_the_issuers_to_this_browser(
    pages: Pages, visitor: Visitor, sent: dict[str, str]
) -> None:
    """State, RFC 9207's `iss`, and what the issuer refuses; the code is not even looked at."""
    pages.server.answers = sent
    assert (await visitor.sign_in()).status_code == 403
    assert pages.server.tokens == []


async def test_an_answer_to_another_browser_is_refused(pages: Pages, visitor: Visitor) -> None:
    """Who is given somebody else's address to follow is not signed in as that person (login CSRF)."""
    async with pages.visitor() as attacker:
        address = await attacker.begin()
        assert (await visitor.go(address)).status_code == 403
        await visitor.begin()
        assert (await visitor.go(address)).status_code == 403


async def test_an_answer_works_once(pages: Pages, visitor: Visitor) -> None:
    """Also where the issuer would take the code again; signing out between does not bring it back."""
    pages.server.forgetful = True
    address = await visitor.begin()
    pending = visitor.http.cookies.get(PENDING) or ""
    assert (await visitor.go(address)).status_code == 303
    assert PENDING not in visitor.http.cookies
    assert (await visitor.go(address)).status_code == 403
    for signed_out in (False, True):
        if signed_out:
            await visitor.send("/pages/sign-out", token=await visitor.token())
        async with pages.visitor() as thief:
            thief.http.cookies.set(PENDING, pending)
            assert (await thief.go(address)).status_code == 403
            assert SESSION not in thief.http.cookies


async def test_a_session_that_somebody_chose_before_the_sign_in_is_worth_nothing(
    pages: Pages, visitor: Visitor
) -> None:
    """Session fixation; and the old session of the same browser ends with the new sign-in."""
    visitor.http.cookies.set(SESSION, "chosen-by-somebody-else")
    await visitor.sign_in()
    given = {cookie.value or "" for cookie in visitor.http.cookies.jar if cookie.name == SESSION}
    async with pages.visitor() as attacker:
        attacker.http.cookies.set(SESSION, "chosen-by-somebody-else")
        assert (await attacker.go("/pages/search")).status_code == 303
    (own,) = given - {"chosen-by-somebody-else"}
    async with pages.visitor() as same:
        same.http.cookies.set(SESSION, own)
        assert (await same.go("/pages/search")).status_code == 200
        address = await same.begin()
        answer = await same.go(address)
        (renewed,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{SESSION}="))
        assert own not in renewed
    async with pages.visitor() as old:
        old.http.cookies.set(SESSION, own)
        assert (await old.go("/pages/search")).status_code == 303


async def test_what_the_database_holds_signs_nobody_in(pages: Pages, visitor: Visitor) -> None:
    """Neither the cookie nor anything of the person can be read there; a row moved to another cookie opens for nobody."""
    await visitor.sign_in()
    cookie = visitor.http.cookies[SESSION]
    (row,) = await pages.served.pool.fetch("SELECT * FROM page_sessions")
    held = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert cookie.encode() not in held
    assert b"act_" not in held
    forged = sha256(b"lagspill audit page session\0" + b"forged").digest()
    await pages.served.pool.execute("UPDATE page_sessions SET id = $1", forged)
    async with pages.visitor() as attacker:
        attacker.http.cookies.set(SESSION, "forged")
        assert (await attacker.go("/pages/search")).status_code == 500
    role = "SELECT has_table_privilege('lagspill_audit_reader', 'page_sessions', 'SELECT')"
    assert await pages.served.pool.fetchval(role) is False


@pytest.mark.parametrize("column", ["expires_at = now()", "seen_at = now() - interval '1201 seconds'"])
async def test_a_session_ends(pages: Pages, visitor: Visitor, column: str) -> None:
    """After an hour, and after twenty minutes without a page."""
    await visitor.sign_in()
    assert (await visitor.go("/pages/search")).status_code == 200
    lifetime = "SELECT extract(epoch FROM expires_at - now()) FROM page_sessions"
    assert 3500 < await pages.served.pool.fetchval(lifetime) <= 3600
    await pages.served.pool.execute(f"UPDATE page_sessions SET {column}")
    answer = await visitor.go("/pages/search")
    assert answer.headers["location"] == "/pages/sign-in?ended=1&back=%2Fpages%2Fsearch"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "t", "lagspill_roles": ["teacher"]},
        {"sub": "o", "lagspill_roles": ["operator"]},
        {"sub": "n", "lagspill_roles": []},
        {"sub": "g", "lagspill_roles": ["guardian"], "pid": "25928730142"},
    ],
    ids=lambda claims: str(claims["lagspill_roles"]),
)
async def test_others_than_auditors_are_refused_and_that_is_recorded(
    pages: Pages, visitor: Visitor, claims: dict[str, Claim]
) -> None:
    """There is no session for them."""
    pages.server.claims = claims
    answer = await visitor.sign_in()
    assert answer.status_code == 403
    assert "log-forbidden" in answer.text
    assert SESSION not in visitor.http.cookies
    (denied,) = await pages.served.recorded()
    assert (denied["kind"], denied["permitted"], denied["reason"]) == ("deny", False, "log-forbidden")


async def test_another_municipalitys_auditor_sees_their_own_log_only(pages: Pages, visitor: Visitor) -> None:
    """The claims say whose auditor it is, as on every other interface."""
    pages.server.claims = {"sub": "s", "lagspill_roles": ["privacy-officer"], "municipality": "4003"}
    await visitor.sign_in()
    assert (await visitor.go("/pages/entry/4005/0")).status_code == 403
    assert (await pages.served.recorded())[-1]["kind"] == "deny"


async def test_a_form_is_taken_from_our_own_page_only(pages: Pages, visitor: Visitor) -> None:
    """The session's secret and where the browser says it comes from, both; a refused one changes nothing."""
    await visitor.sign_in()
    token = await visitor.token()
    refused = [
        await visitor.send("/pages/sign-out"),
        await visitor.send("/pages/sign-out", token="x" * 43),
        await visitor.send("/pages/sign-out", origin="https://evil.example", token=token),
        await visitor.send("/pages/sign-out", origin="null", token=token),
        await visitor.send("/pages/sign-out", origin=None, token=token),
        await visitor.http.post(
            "/pages/sign-out", data={"token": token}, headers={"sec-fetch-site": "cross-site", "origin": pages.address}
        ),
        await visitor.send("/pages/verify", key="k"),
        await visitor.send("/pages/language", origin="https://evil.example", language="nn"),
    ]
    assert {(answer.status_code, "form-foreign" in answer.text) for answer in refused} == {(403, True)}
    assert (await visitor.send("/pages/verify", token=token, key="k")).status_code == 422
    as_json = await visitor.http.post("/pages/sign-out", json={"token": token}, headers={"origin": pages.address})
    assert as_json.status_code == 415
    assert (await visitor.go("/pages/sign-out")).status_code == 405
    assert (await visitor.go("/pages/search")).status_code == 200


async def test_signing_out_ends_the_session_here_and_offers_the_issuers_end(pages: Pages, visitor: Visitor) -> None:
    """OIDC RP-Initiated Logout: the ID token as a hint, and back to the first page."""
    await visitor.sign_in()
    cookie = visitor.http.cookies[SESSION]
    out = await visitor.send("/pages/sign-out", token=await visitor.token())
    assert out.status_code == 200
    assert SESSION not in visitor.http.cookies
    onward = out.text.split('http-equiv="refresh" content="0; url=')[1].split('"')[0].replace("&amp;", "&")
    asked = dict(parse_qsl(urlsplit(onward).query))
    assert asked["post_logout_redirect_uri"] == f"{pages.address}/"
    claims = json.loads(base64.urlsafe_b64decode(asked["id_token_hint"].split(".")[1] + "=="))
    assert claims["sub"] == "auditor-1"
    async with pages.visitor() as thief:
        thief.http.cookies.set(SESSION, cookie)
        assert (await thief.go("/pages/search")).status_code == 303


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/pages//evil.example",
        "javascript:alert(1)",
        "/pages/search\r\nSet-Cookie: x=y",
        "/logs",
        "/pages/" + "a" * 2000,
        "",
    ],
)
async def test_nobody_is_sent_away_from_here(pages: Pages, visitor: Visitor, back: str) -> None:
    """Neither after sign-in nor after a choice of language."""
    answer = await visitor.sign_in(back)
    assert answer.headers["location"] == "/pages/search"
    chosen = await visitor.send("/pages/language", language="nn", back=back)
    assert chosen.headers["location"] == "/pages/search"


async def test_an_issuer_that_is_away_is_said_to_be(pages: Pages, visitor: Visitor) -> None:
    """And comes back; metadata of another issuer are none."""
    pages.server.issuer.fail()
    answer = await visitor.go("/pages/sign-in/begin")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "issuer-unavailable" in answer.text
    pages.server.issuer.fail(False)
    pages.server.issuer.metadata["issuer"] = "http://127.0.0.1:1"
    assert (await visitor.go("/pages/sign-in/begin")).status_code == 503
    del pages.server.issuer.metadata["issuer"]
    assert (await visitor.sign_in()).status_code == 303


async def test_a_confidential_client_over_tls(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> None:
    """Its secret goes to the token endpoint only; its cookies are Secure and no neighbouring host's."""
    more = {
        "pages_client_secret": SecretStr("s:e c"),
        "pages_url": "https://audit.example.no",
        "pages_resource": "lagspill",
    }
    async with open_pages(migrated, issuer, clock, **more) as pages, pages.visitor() as visitor:
        begun = await visitor.go("/pages/sign-in/begin")
        assert flags(begun, "__Host-lagspill-sign-in") >= {"secure", "httponly", "samesite=lax", "path=/"}
        asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
        assert asked["redirect_uri"] == "https://audit.example.no/pages/callback"
        assert asked["resource"] == "lagspill"
        async with httpx.AsyncClient(verify=TRUST) as elsewhere:
            sent_back = (await elsewhere.get(begun.headers["location"])).headers["location"]
        (line,) = begun.headers.get_list("set-cookie")
        headers = {"cookie": line.partition(";")[0]}
        done = await visitor.http.get(f"/pages/callback?{urlsplit(sent_back).query}", headers=headers)
        assert done.status_code == 303
        assert flags(done, "__Host-lagspill-session") == {"secure", "httponly", "samesite=lax", "path=/"}
        (exchange,) = pages.server.tokens
        assert base64.b64decode(exchange["authorization"].removeprefix("Basic ")) == f"{CLIENT}:s%3Ae+c".encode()
        assert "client_id" not in exchange


async def test_without_a_client_nobody_can_sign_in(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    """The logs are shown all the same."""
    async with audit_service(migrated, issuer, clock) as served:
        assert (await served.get("/")).status_code == 200
        assert (await served.get("/pages/sign-in")).status_code == 200
        assert (await served.get("/pages/sign-in/begin")).status_code == 404
        assert (await served.get("/pages/callback")).status_code == 403


async def test_the_local_sets_auditor_is_signed_in_by_itself(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tmp_path: Path
) -> None:
    """As `lagspill up` runs the identity server and the audit service: its client there, its claims, its discovery document."""
    identity = IdentityServer(free_port(), log=tmp_path / "identity.log")
    identity.start()
    try:
        port = free_port()
        told = {"pages_client_id": CLIENT, "pages_url": f"http://127.0.0.1:{port}"}
        async with (
            audit_service(migrated, issuer, clock, port=port, oidc_issuer=identity.issuer, told=told) as served,
            httpx.AsyncClient(verify=TRUST, base_url=served.address, follow_redirects=True) as browser,
        ):
            await served.world.take(*Publisher().reads(3))
            shown = await browser.get("/pages/sign-in/begin", params={"back": "/pages/entry/4005/1"})
            assert (shown.status_code, shown.url.path) == (200, "/pages/entry/4005/1")
            (look,) = await served.recorded()
            assert (look["actor"]["role"], look["actor"]["client"]) == ("auditor", CLIENT)
            token = shown.text.split('name="token" value="')[1].split('"')[0]
            out = await browser.post("/pages/sign-out", data={"token": token}, headers={"origin": served.address})
            assert f"{identity.issuer}/endsession?id_token_hint=" in out.text
    finally:
        identity.stop()
