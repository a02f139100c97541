"""The door of a service: it answers from the first second, and lets nobody in before there is anybody at home.

Health is answered here always, so that an orchestrator sees a process that lives while it still waits for its database. All
else is 503 with Retry-After until the application is there, and again once the service is about to stop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import UnavailableError

LIVE: Final = "/health/live"
READY: Final = "/health/ready"

Reasons = Callable[[], Awaitable[Sequence[str]]]
"""Why the service is not ready (none: it is), or what a person should look at. Names of parts, never data."""


class NotReadyError(UnavailableError):
    """The service is starting or stopping."""

    code = "service-not-ready"


class Gate:
    """The ASGI application that the server is given before there is any other."""

    def __init__(self, *, not_ready: Reasons, notes: Reasons) -> None:
        """Ask `not_ready` and `notes` at each look at `/health/ready`."""
        self._not_ready = not_ready
        self._notes = notes
        self._app: ASGIApp | None = None

    def open(self, app: ASGIApp) -> None:
        """Let requests through to `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == LIVE:
            await _answer(send, 200, {"status": "live", "reasons": []})
        elif path == READY:
            reasons = list(await self._not_ready())
            notes = [] if reasons else list(await self._notes())
            status = "not-ready" if reasons else "ready"
            await _answer(send, 503 if reasons else 200, {"status": status, "reasons": reasons, "notes": notes})
        elif self._app is None:
            error = NotReadyError()
            problem = {
                "type": error.problem_type(),
                "title": error.title(),
                "status": error.status,
                "code": error.code,
                "detail": error.message,
            }
            await _answer(send, error.status, problem, "application/problem+json", error.headers())
        else:
            await self._app(scope, receive, send)


async def _answer(
    send: Send,
    status: int,
    body: Mapping[str, object],
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> None:
    content = to_json(body)
    told = {
        "content-type": media_type,
        "content-length": str(len(content)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
