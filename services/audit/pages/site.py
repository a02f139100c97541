"""The pages as one ASGI application beside the programs' interface: who may see which, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hmac import compare_digest
from typing import Final
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from services.audit.domain.entry import LogName
from services.audit.errors import ForeignFormError, SessionEndedError, SignInNotOfferedError, SignInRefusedError
from services.audit.handlers import Desk
from services.audit.pages.rendering import HEADERS, page, render
from services.audit.pages.sessions import Session, Sessions
from services.audit.pages.sign_in import SIGN_IN_SECONDS, Provider
from services.audit.pages.visits import (
    LANGUAGE_COOKIE,
    MAX_FORM,
    Visit,
    check_form,
    check_origin,
    here,
    is_secure,
    language_of,
    named_log,
    read_form,
    safe_back,
)
from shared.aggregate import Context
from shared.auth import Actor
from shared.clock import Clock
from shared.contracts.codes import Language
from shared.errors import LagspillError
from shared.issuer_keys import IssuerUnavailableError
from shared.observability import Metrics, traceparent
from shared.refs import Ids
from shared.web import AskAgain, Edge, exchange
from shared.web.edge import Headers
from shared.web.problems import MethodNotAllowedError, UnknownPathError

Shown = Callable[[Request, Visit], Awaitable[Response]]
"""A page for everybody."""
Guarded = Callable[[Request, Visit, Context], Awaitable[Response]]
"""A page for whoever is signed in, with the circumstances of the look."""


class Site:
    """The auditors' pages."""

    def __init__(
        self,
        desk: Desk,
        sessions: Sessions,
        provider: Provider | None,
        clock: Clock,
        *,
        origin: str | None,
    ) -> None:
        """Let people in with `provider`, unless it is None; `origin` is where browsers reach this service."""
        self._desk = desk
        self._sessions = sessions
        self._provider = provider
        self._clock = clock
        self._origin = origin
        self._routes: list[_Page] = []
        self._shown("/pages/sign-in", self._sign_in)
        self._shown("/pages/sign-in/begin", self._begin)
        self._shown("/pages/callback", self._callback)
        self._routes.append(_Page("/pages/language", self._choose_language, methods=["POST"]))
        self._routes.append(_Page("/pages/sign-out", self._sign_out, methods=["POST"]))

    def show(self, path: str, view: Shown) -> None:
        """Add a page for everybody."""
        self._shown(path, view)

    def guard(self, path: str, view: Guarded) -> None:
        """Add a page for whoever is signed in; others are asked to sign in, and come back."""
        self._routes.append(_Page(path, self._guarded(view)))

    def act(self, path: str, view: Guarded) -> None:
        """Add what a form of a signed-in person does: only its own page's, which knows the session's secret, may ask for it."""
        self._routes.append(_Page(path, self._guarded(view, form=True), methods=["POST"]))

    def again(self, request: Request) -> AskAgain:
        """Return what says anew who asks, for as long as the session that this request came with lasts."""

        async def again() -> Actor:
            session = await self._session(request)
            if session is None:
                raise SessionEndedError
            return session.actor

        return again

    def app(self, beside: ASGIApp, *, ids: Ids, metrics: Metrics) -> ASGIApp:
        """Return the application with the pages, and `beside` for every other path."""
        routes = list(self._routes)

        async def not_found(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
            raise UnknownPathError

        async def routed(scope: Scope, receive: Receive, send: Send) -> None:
            matches = [route.matches(scope)[0] for route in routes]
            if Match.PARTIAL in matches and Match.FULL not in matches:
                methods = {
                    m for r, match in zip(routes, matches, strict=True) if match is not Match.NONE for m in r.asked
                }
                raise MethodNotAllowedError(sorted(methods))
            await router(scope, receive, send)

        router = Router(routes, redirect_slashes=False, default=not_found)
        edge = Edge(routed, ids=ids, metrics=metrics, max_body=MAX_FORM, dialect=_Html(self))

        async def front(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            ours = scope["type"] == "http" and (path in ("/", "/pages") or path.startswith("/pages/"))
            await (edge if ours else beside)(scope, receive, send)

        return front

    # --- who looks ----------------------------------------------------------------------------------------------------

    def visit(self, request: Request) -> Visit:
        """Return the look, as of somebody unknown."""
        origin = self._origin or str(request.base_url).rstrip("/")
        return Visit(language_of(request), origin, here(request.scope), sign_in=self._provider is not None)

    def _shown(self, path: str, view: Shown) -> None:
        async def show(request: Request) -> Response:
            visit = self.visit(request)
            return await view(request, replace(visit, session=await self._session(request)))

        self._routes.append(_Page(path, show))

    def _guarded(self, view: Guarded, *, form: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def guard(request: Request) -> Response:
            visit = self.visit(request)
            session = await self._session(request)
            if form:
                check_origin(request, visit.origin)
            if session is None:
                # A form is not kept through a sign-in; its page is where one comes back to.
                return RedirectResponse(f"/pages/sign-in?ended=1&back={quote(visit.here, safe='')}", 303, HEADERS)
            if form:
                _check_token(request, session)
            asked = read_form(exchange(request).body) if form else request.query_params
            log = named_log(asked.get("log"), session.actor.municipality)
            return await view(request, replace(visit, session=session, log=log), self._context(request, session.actor))

        return guard

    async def _session(self, request: Request) -> Session | None:
        cookie = request.cookies.get(self._cookie_name)
        return await self._sessions.find(cookie) if cookie and len(cookie) <= 100 else None

    def _context(self, request: Request, actor: Actor) -> Context:
        known = exchange(request)
        return Context(
            actor=actor,
            scope=actor.municipality,
            now=self._clock.now(),
            correlation=known.correlation,
            traceparent=traceparent() or known.traceparent,
        )

    # --- sign-in ------------------------------------------------------------------------------------------------------

    async def _sign_in(self, request: Request, visit: Visit) -> Response:
        back = safe_back(request.query_params.get("back"))
        if visit.session is not None:
            return RedirectResponse(back, 303, HEADERS)
        return page("sign_in.html", visit, back=back, ended="ended" in request.query_params)

    async def _begin(self, request: Request, visit: Visit) -> Response:
        address, cookie = await self._issuer().begin(safe_back(request.query_params.get("back")), visit.language)
        response = RedirectResponse(address, 303, HEADERS)
        self._set(response, self._pending_name, cookie, int(SIGN_IN_SECONDS))
        return response

    async def _callback(self, request: Request, visit: Visit) -> Response:  # noqa: ARG002
        pending = request.cookies.get(self._pending_name)
        answer = dict(request.query_params.multi_items())
        if pending is None or len(answer) != len(request.query_params.multi_items()):
            raise SignInRefusedError
        begun, who = await self._issuer().complete(answer, pending)
        # Who may not look into any log is told so here, and the attempt is recorded.
        await self._desk.admit_overview(self._context(request, who.actor), LogName(who.actor.municipality))
        replaced = request.cookies.get(self._cookie_name)
        cookie = await self._sessions.begin(who.actor, who.id_token, state=begun.state, replaced=replaced)
        if cookie is None:
            raise SignInRefusedError
        response = RedirectResponse(begun.back, 303, HEADERS)
        self._set(response, self._cookie_name, cookie, None)
        self._set(response, self._pending_name, "", 0)
        return response

    async def _sign_out(self, request: Request) -> Response:
        visit = self.visit(request)
        check_origin(request, visit.origin)
        session = await self._session(request)
        onward = None
        if session is not None:
            _check_token(request, session)
            await self._sessions.end(request.cookies[self._cookie_name])
            try:
                onward = await self._issuer().sign_out_address(session.id_token, f"{visit.origin}/")
            except IssuerUnavailableError:
                onward = None  # signed out here; the page says that the issuer was not reached
        response = page("signed_out.html", visit, onward=onward)
        self._set(response, self._cookie_name, "", 0)
        return response

    async def _choose_language(self, request: Request) -> Response:
        check_origin(request, self.visit(request).origin)
        asked = read_form(exchange(request).body)
        response = RedirectResponse(safe_back(asked.get("back")), 303, HEADERS)
        if asked.get("language") in set(Language):
            self._set(response, LANGUAGE_COOKIE, asked["language"], None)
        return response

    def _issuer(self) -> Provider:
        if self._provider is None:
            raise SignInNotOfferedError
        return self._provider

    # --- cookies ------------------------------------------------------------------------------------------------------

    @property
    def _secure(self) -> bool:
        return self._origin is not None and is_secure(self._origin)

    @property
    def _cookie_name(self) -> str:
        # RFC 6265bis § 4.1.3.2: with this prefix no neighbouring host can set it.
        return "__Host-lagspill-session" if self._secure else "lagspill-session"

    @property
    def _pending_name(self) -> str:
        return "__Host-lagspill-sign-in" if self._secure else "lagspill-sign-in"

    def _set(self, response: Response, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")


class _Page(Route):
    """A route that the edge's log and measurements can name."""

    def __init__(self, path: str, view: Callable[[Request], Awaitable[Response]], *, methods: list[str] | None = None):
        super().__init__(path, view, methods=methods)
        self.asked: Final = sorted(self.methods or ())

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how well the request fits, with the route itself in the scope."""
        match, found = super().matches(scope)
        return match, ({**found, "route": self} if match is not Match.NONE else found)


class _Html:
    """Forms in, pages out; what goes wrong is a page too."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def check(self, media_type: bytes | None, body: bytes) -> None:
        """Refuse what is no form."""
        check_form(media_type)
        read_form(body)

    def refusal(self, error: LagspillError, correlation: UUID, scope: Scope) -> tuple[Headers, bytes]:
        """Return the page that tells of `error`: its code and words, and nothing of what was sent."""
        visit = self._site.visit(Request(scope))
        body = render("refusal.html", visit, error=error, correlation=correlation)
        headers: Mapping[str, str] = {**HEADERS, "Content-Language": visit.language}
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body.encode()


def _check_token(request: Request, session: Session) -> None:
    given = read_form(exchange(request).body).get("token", "")
    if not compare_digest(given.encode(), session.csrf.encode()):
        raise ForeignFormError
