"""What the suites of the auditors' pages share: an issuer that signs people in, a browser, and what the pages are full of."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.local.process import free_port
from shared.clock import SimulatedClock
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.e2e.audit_served import Served, audit_service
from tests.tally_app import served

CLIENT: Final = "audit-pages"
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")


@dataclass
class SignInServer:
    """The sign-in of an OIDC issuer: everybody who comes is `claims`. A test sets what it does wrongly."""

    issuer: LocalIssuer
    claims: dict[str, Claim] = field(default_factory=lambda: {"sub": "auditor-1", "lagspill_roles": ["auditor"]})
    id_claims: dict[str, Claim] = field(default_factory=dict)
    """Over what the ID token should say."""
    id_key: LocalIssuer | None = None
    """Whose key signs the ID token instead."""
    answers: dict[str, str] = field(default_factory=dict)
    """Over what the browser is sent back with."""
    forgetful: bool = False
    """Takes a code any number of times, and does not ask for the verifier."""
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)
    ended: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    address: str = ""

    def app(self) -> Starlette:
        """Return its endpoints."""
        return Starlette(
            routes=[
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/end", self._end),
            ]
        )

    def announce(self, address: str) -> None:
        """Put the endpoints into the issuer's metadata."""
        self.address = address
        self.issuer.metadata |= {
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
            "end_session_endpoint": f"{address}/end",
            "authorization_response_iss_parameter_supported": True,
        }

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer.issuer} | self.answers
        answer = {name: value for name, value in answer.items() if value}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 303)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.tokens.append({**form, "authorization": request.headers.get("authorization", "")})
        asked = self.codes.get(form["code"]) if self.forgetful else self.codes.pop(form["code"], None)
        digest = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or (digest != asked["code_challenge"] and not self.forgetful):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = self.issuer.token({"lagspill_unit": "unit:kommune", "lagspill_service": None} | self.claims)
        half = base64.urlsafe_b64encode(sha256(access.encode()).digest()[:16]).rstrip(b"=").decode()
        id_claims: dict[str, Claim] = {
            "aud": CLIENT,
            "nonce": asked["nonce"],
            "at_hash": half,
            "sub": self.claims["sub"],
        }
        signer = self.id_key or self.issuer
        id_token = signer.token(id_claims | {"iss": self.issuer.issuer} | self.id_claims, header={"typ": "JWT"})
        return JSONResponse({"access_token": access, "id_token": id_token, "token_type": "Bearer", "expires_in": 300})

    async def _end(self, request: Request) -> Response:
        self.ended.append(dict(request.query_params))
        return PlainTextResponse("signed out there too")


@dataclass(repr=False)
class Pages:
    """The service with its pages, and where one signs in."""

    served: Served
    server: SignInServer

    @property
    def address(self) -> str:
        """Where the pages are."""
        return self.served.address

    @asynccontextmanager
    async def visitor(self, **headers: str) -> AsyncIterator[Visitor]:
        """Somebody with a browser of nothing but cookies."""
        async with httpx.AsyncClient(
            base_url=self.address, headers={"accept-language": "en", **headers}, follow_redirects=False
        ) as http:
            yield Visitor(self, http)


@dataclass(repr=False)
class Visitor:
    """Asks for pages over HTTP."""

    pages: Pages
    http: httpx.AsyncClient

    async def go(self, path: str) -> httpx.Response:
        """Ask for a page."""
        return await self.http.get(path)

    async def begin(self, back: str = "/pages/search") -> str:
        """Begin to sign in; return where the issuer sends the browser back to."""
        begun = await self.http.get("/pages/sign-in/begin", params={"back": back})
        assert begun.status_code == 303, begun.text
        async with httpx.AsyncClient(verify=TRUST) as elsewhere:
            at_issuer = await elsewhere.get(begun.headers["location"])
        return at_issuer.headers["location"]

    async def sign_in(self, back: str = "/pages/search") -> httpx.Response:
        """Sign in, and return what the service answers at the end."""
        return await self.http.get(await self.begin(back))

    async def token(self, path: str = "/pages/search") -> str:
        """The session's secret, out of a page's form."""
        found = re.search(r'name="token" value="([^"]+)"', (await self.go(path)).text)
        assert found is not None
        return found[1]

    async def send(self, path: str, *, origin: str | None = "own", **form: str) -> httpx.Response:
        """Send a form, as a browser does from one of our pages unless said otherwise."""
        headers = {} if origin is None else {"origin": self.pages.address if origin == "own" else origin}
        return await self.http.post(path, data=form, headers=headers)


@asynccontextmanager
async def open_pages(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, **more: object
) -> AsyncIterator[Pages]:
    """The audit service with pages that one can sign in to."""
    async with AsyncExitStack() as stack:
        server = SignInServer(issuer)
        host, at = await stack.enter_async_context(served(server.app()))
        server.announce(f"http://{host}:{at}")
        port = free_port()
        settings = {"pages_client_id": CLIENT, "pages_url": f"http://127.0.0.1:{port}", **more}
        service = await stack.enter_async_context(audit_service(migrated, issuer, clock, port=port, told=settings))
        yield Pages(service, server)


# --- a browser --------------------------------------------------------------------------------------------------------


@dataclass
class Watched:
    """A page in Chromium, and whatever in it should not have happened."""

    page: Page
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def assert_quiet(self) -> None:
        """No script has run, nothing was loaded from elsewhere, the content policy had nothing to stop."""
        assert (self.dialogs, self.errors, self.violations, self.foreign) == ([], [], [], [])


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The Chromium of this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def watch(context: BrowserContext, *homes: str) -> Watched:
    """Open a page that tells what goes wrong in it; requests to other places than `homes` are told too."""
    page = await context.new_page()
    watched = Watched(page)

    async def dismiss(dialog: object) -> None:
        watched.dialogs.append(str(getattr(dialog, "message", dialog)))
        await dialog.dismiss()  # type: ignore[attr-defined]

    def said(message: object) -> None:
        text = str(getattr(message, "text", ""))
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            watched.violations.append(text)

    def asked(request: object) -> None:
        url = urlsplit(str(getattr(request, "url", "")))
        if f"{url.scheme}://{url.netloc}" not in homes:
            watched.foreign.append(url.geturl())

    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", said)
    page.on("request", asked)
    return watched
