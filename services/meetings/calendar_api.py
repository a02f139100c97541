"""HTTP for calendars: one's own and an arena's, signed in; and one's own at an address for programs that cannot sign in."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import NewAddress, Withdrawal
from services.meetings.handlers import calendars
from services.meetings.handlers.desk import Desk
from services.meetings.views import AddressTermView, AddressView
from shared.refs import ALPHABET, ArenaRefField
from shared.web import Command, Reading, Tongue, represent, respond

router = APIRouter(tags=["calendars"])

PUBLIC: Final = ("/calendars/{token}.ics",)
"""What is read without an access token: by what stands in the address."""
_TYPE: Final = "text/calendar; charset=utf-8"
_KEPT: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Authorization"}
_CALENDAR: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/calendar": {}}, "description": "The calendar (RFC 5545)."},
    304: {"description": "It is as it was when it had the ETag in If-None-Match."},
}


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]
Token = Annotated[str, Path(pattern=rf"^[{ALPHABET[:16]}]{{64}}$", description="As `GET /calendar/address` tells it.")]


@router.get("/calendar", summary="My calendar", response_class=Response, responses={**_CALENDAR})
async def show_own(desk: Means, ctx: Reading, request: Request, tongue: Tongue) -> Response:
    """The meetings in which my service has a seat; a coordinator's are the municipality's. Nothing of a child is in it."""
    return _calendar(request, await calendars.show_own(desk, ctx, tongue))


@router.get("/arenas/{arena}/calendar", summary="An arena's calendar", response_class=Response, responses={**_CALENDAR})
async def show_arena(desk: Means, ctx: Reading, request: Request, arena: ArenaRefField, tongue: Tongue) -> Response:
    """For services with a seat in it, and the coordinator. Arenas around a child have none: `no-arena-calendar`."""
    return _calendar(request, await calendars.show_arena(desk, ctx, arena, tongue))


@router.get("/calendar/address", response_model=AddressView, summary="Where a program reads my calendar")
async def show_address(desk: Means, ctx: Reading) -> Response:
    """Whoever has this address reads the calendar. 404 when there is none that works."""
    return represent(await calendars.show_address(desk, ctx))


@router.post(
    "/calendar/address", status_code=201, response_model=AddressTermView, summary="Make an address for my calendar"
)
async def make_address(desk: Means, ctx: Command, body: NewAddress) -> Response:
    """It works for half a year; the one before no longer does. `GET /calendar/address` tells which it is."""
    return respond(await calendars.make_address(desk, ctx, body.language))


@router.post(
    "/calendar/address/withdrawal", response_model=AddressTermView, summary="Withdraw the address of my calendar"
)
async def withdraw_address(desk: Means, ctx: Command, body: Withdrawal) -> Response:  # noqa: ARG001
    """At once and for good; another one can be made."""
    return respond(await calendars.withdraw_address(desk, ctx))


@router.get(
    PUBLIC[0],
    summary="A calendar, for programs that cannot sign in",
    response_class=Response,
    responses={**_CALENDAR, 429: {"description": "Read too often in this hour; Retry-After tells when to ask again."}},
)
async def show_by_address(desk: Means, request: Request, token: Token) -> Response:
    """Times and places, and never more. 404 for an address that does not work, whatever the reason."""
    return _calendar(request, await calendars.show_by_address(desk, token, request.app.state.clock.now()))


def _calendar(request: Request, feed: bytes) -> Response:
    """Return the calendar, or nothing but that it has not changed (RFC 9110 § 13.1.2)."""
    tag = f'"{hashlib.sha256(feed).hexdigest()[:32]}"'
    headers = {**_KEPT, "ETag": tag}
    asked = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if asked & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(feed, media_type=_TYPE, headers=headers)
