"""The page itself: for one operator, on the machine where it was started, without script.

Whoever has the address with its key is let in; the key goes into a cookie at once. Every form carries a token of its own kind,
a page from elsewhere can send nothing here, and a name that is not this machine's is not answered (DNS rebinding).
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.local.status import TROUBLED, Status, deliveries
from deploy.operator.desk import Desk, Outcome
from shared.clock import OSLO
from shared.web.still import StillPage

COOKIE: Final = "lagspill-operator"
MAX_FORM: Final = 4096
_KEPT: Final = 50
_HERE: Final = Path(__file__).parent
_PAGE: Final = StillPage(_HERE / "page.html", _HERE / "style.css", forms=True)
_HEADERS: Final = {**_PAGE.headers, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class OperatorPage:
    """The page over what `look` finds and what `desk` can do."""

    def __init__(
        self, look: Callable[[], Awaitable[Status]], desk: Desk, *, now: Callable[[], datetime], port: int, key: str
    ) -> None:
        """Make the page.

        Args:
            look: asks every service and the broker.
            desk: what is parked in the services.
            now: when the page is made, for its heading.
            port: where it listens: only addresses of this machine with this port are answered.
            key: lets in whoever has it.
        """
        self._look = look
        self._desk = desk
        self._now = now
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._key = key
        self._token = hmac.new(key.encode(), b"forms", sha256).hexdigest()
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self.app: Final = Starlette(
            routes=[
                Route("/", self._page),
                Route("/replay", self._replay, methods=["POST"]),
                Route("/discard", self._discard, methods=["POST"]),
                Route("/retry", self._retry, methods=["POST"]),
            ]
        )

    async def _page(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        status, waiting = await self._look(), await self._desk.waiting()
        content = _PAGE.render(
            at=self._now().astimezone(OSLO),
            status=status,
            troubled=TROUBLED,
            deliveries=deliveries(status.services),
            waiting=waiting,
            outcome=self._outcomes.get(request.query_params.get("outcome", "")),
            token=self._token,
        )
        return Response(content, media_type="text/html", headers=_HEADERS)

    async def _replay(self, request: Request) -> Response:
        return await self._act(request, lambda form: self._desk.replay(form["service"], _number(form["letter"])))

    async def _discard(self, request: Request) -> Response:
        return await self._act(
            request, lambda form: self._desk.discard(form["service"], _number(form["letter"]), form["reason"])
        )

    async def _retry(self, request: Request) -> Response:
        return await self._act(request, lambda form: self._desk.retry(form["service"], form["kind"], form["key"]))

    async def _act(self, request: Request, act: Callable[[Mapping[str, str]], Awaitable[Outcome]]) -> Response:
        """Do what a form of this page asks for, and show the page with what became of it."""
        if refused := self._refused(request):
            return refused
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM:
                return _sentence(413, "The form is too large.")
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10))
        except ValueError:
            return _sentence(400, "The form cannot be read.")
        if not _same(form.get("token"), self._token):
            return _sentence(403, "The form is not from this page. Open the page again.")
        try:
            outcome = await act(form)
        except (KeyError, ValueError) as error:
            return _sentence(400, f"The form asks for what there is not: {type(error).__name__}.")
        name = secrets.token_urlsafe(9)
        self._outcomes[name] = outcome
        while len(self._outcomes) > _KEPT:
            self._outcomes.popitem(last=False)
        return RedirectResponse(f"/?outcome={name}", status_code=303, headers={"Cache-Control": "no-store"})

    def _refused(self, request: Request) -> Response | None:
        """Return why this request is not served: the key's own address leads to the page; None when it may go on."""
        if request.headers.get("host") not in self._hosts:
            return _sentence(
                421, "This page is served to the machine on which it was started, by that machine's own name."
            )
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and request.method != "GET":
            return _sentence(403, "The form is not from this page.")
        if request.method == "GET" and "key" in request.query_params:
            if not _same(request.query_params["key"], self._key):
                return _sentence(
                    403, "The key is another one. Open the address that `lagspill status --page` has shown."
                )
            # Out of the address, so that it stands in no history and on no screen.
            entered = RedirectResponse("/", status_code=303, headers={"Cache-Control": "no-store"})
            entered.set_cookie(COOKIE, self._key, httponly=True, samesite="strict")
            return entered
        if not _same(request.cookies.get(COOKIE), self._key):
            return _sentence(403, "Open the address that `lagspill status --page` has shown, with its key.")
        return None


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())


def _number(given: str) -> int:
    if not given.isascii() or not given.isdigit():
        raise ValueError("no number")
    return int(given)


def _sentence(status: int, text: str) -> Response:
    return Response(f"{text}\n", status_code=status, media_type="text/plain", headers={"Cache-Control": "no-store"})
