"""HTTP: parse, hand over, answer. Everything here is about whoever asks; nobody sees another's messages."""

from __future__ import annotations

from base64 import b64decode
from datetime import time
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from services.notify import bounces, office, people
from services.notify.bounces import BounceDesk
from services.notify.domain.mail_address import PATTERN as MAIL
from services.notify.domain.quiet import Quiet
from services.notify.domain.sms import normal_number
from services.notify.people import Desk
from services.notify.views import (
    BounceTaken,
    DeadlineView,
    LetterPosted,
    LetterView,
    MessageRead,
    MessageView,
    OwnPreferencesView,
    PreferencesView,
    SentView,
)
from shared.contracts.base import Moment
from shared.contracts.codes import Language
from shared.contracts.notify import TimeOfDay
from shared.refs import MessageRefField
from shared.web import (
    AskedPage,
    Collection,
    Command,
    CurrentActor,
    Page,
    Reading,
    RequestModel,
    represent,
    respond,
)

router = APIRouter(tags=["notify"])

MESSAGES: Final = Collection("messages", tuple[Moment, str])
HISTORY: Final = Collection("history", tuple[Moment, str])
UNIT_HISTORY: Final = Collection("unit-history", tuple[Moment, str])
LETTERS: Final = Collection("letters", tuple[Moment, str])
DEADLINES: Final = Collection("deadlines", tuple[Moment, str])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]


async def _bounce_desk(request: Request) -> BounceDesk:
    desk: BounceDesk = request.app.state.bounce_desk
    return desk


AtBounceDesk = Annotated[BounceDesk, Depends(_bounce_desk)]


@router.get("/messages", summary="What I was told, the newest first")
async def list_messages(ctx: Reading, page: AskedPage, desk: AtDesk) -> Page[MessageView]:
    """The whole texts, in the language in which they were written; a mail only says that there is one."""
    rows = await people.messages_to(desk, ctx, limit=page.limit + 1, after=MESSAGES.after(page.cursor))
    views = [MessageView.of(message, text) for message, text in rows]
    return MESSAGES.page(views, page.limit, lambda view: (view.queued_at, view.message))


@router.post("/messages/{message}/reading", response_model=MessageRead, summary="I have read it")
async def read_message(message: MessageRefField, ctx: Command, desk: AtDesk) -> Response:
    """Note that a message was read; again changes nothing."""
    return respond(await people.read_message(desk, ctx, message))


class QuietHours(RequestModel):
    """Between which times of day nothing is sent, in Norway; over midnight, too. Both the same: at any hour."""

    begins: TimeOfDay = Field(examples=["20:30"])
    ends: TimeOfDay = Field(examples=["08:00"])


class Preferences(RequestModel):
    """How I want to be reached."""

    language: Language = Field(examples=["nn"])
    email: str | None = Field(
        default=None,
        min_length=3,
        max_length=254,
        pattern=MAIL,
        examples=["styrer@lia.example"],
    )
    """Where an employee is mailed that there is a message; without it and a number, messages are read here only."""
    phone: str | None = Field(
        default=None,
        max_length=30,
        pattern=r"^(\+[1-9]( ?[0-9]){7,14}|[0-9]( ?[0-9]){7})$",
        examples=["+47 400 00 000"],
    )
    """Where an employee is sent an SMS; eight digits are a Norwegian number."""
    sms_first: bool = Field(default=False, examples=[False])
    """Whether SMS is tried before e-mail; guardians' addresses stand in the case."""

    digest: bool = Field(default=False, examples=[False])
    """E-mail and SMS once a day, all together; what is urgent at once."""
    quiet: QuietHours | None = None
    """Null: as usual, from nine in the evening to seven."""

    @field_validator("phone")
    @classmethod
    def _is_a_number(cls, phone: str | None) -> str | None:
        if phone is None:
            return None
        number = normal_number(phone)
        if number is None:
            raise PydanticCustomError("phone_number", "Is no telephone number")
        return number


@router.put("/preferences", response_model=PreferencesView, summary="Choose how I am reached")
async def set_preferences(body: Preferences, ctx: Command, desk: AtDesk) -> Response:
    """What I am, and where, the token says: whoever leads the unit is told what its leader is to know, also what waits for one."""
    hours = body.quiet
    quiet = (
        None if hours is None else Quiet(begins=time.fromisoformat(hours.begins), ends=time.fromisoformat(hours.ends))
    )
    return respond(
        await people.set_preferences(
            desk,
            ctx,
            language=body.language,
            email=body.email,
            phone=body.phone,
            sms_first=body.sms_first,
            digest=body.digest,
            quiet=quiet,
        )
    )


@router.get("/preferences", response_model=OwnPreferencesView, summary="How I am reached")
async def read_preferences(ctx: Reading, desk: AtDesk) -> Response:
    """My choices, with the address that I gave."""
    view, version = await people.preferences_of(desk, ctx)
    return represent(view, version=version)


@router.get("/deadlines", summary="What must be done, the first due first")
async def list_deadlines(ctx: Reading, actor: CurrentActor, page: AskedPage, desk: AtDesk) -> Page[DeadlineView]:
    """My own open deadlines; a leader sees those of the unit too, without anything of what they are about."""
    states = await people.deadlines_of(desk, ctx, limit=page.limit + 1, after=DEADLINES.after(page.cursor))
    views = [DeadlineView.of(state, actor.id) for state in states]
    return DEADLINES.page(views, page.limit, lambda view: (view.due, view.deadline))


@router.get("/letters", summary="What must go by post, the oldest first")
async def list_letters(ctx: Reading, page: AskedPage, desk: AtDesk) -> Page[LetterView]:
    """Those of my own cases; a leader sees those of the unit's cases. Nothing of what they are about."""
    found = await office.letters_for(desk, ctx, limit=page.limit + 1, after=LETTERS.after(page.cursor))
    views = [LetterView.of(message, text) for message, text in found]
    return LETTERS.page(views, page.limit, lambda view: (view.queued_at, view.message))


@router.post("/letters/{message}/posting", response_model=LetterPosted, summary="The letter is in the post")
async def post_letter(message: MessageRefField, ctx: Command, desk: AtDesk) -> Response:
    """Tick it off; again changes nothing."""
    return respond(await office.post_letter(desk, ctx, message))


class Bounce(RequestModel):
    """A mail that came to the address that mails are sent from."""

    mail: str = Field(
        min_length=4,
        max_length=200_000,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        examples=["RnJvbTogbWFpbGVyLWRhZW1vbkBtYWlsLmV4YW1wbGUKCk5vdCBhIHJlcG9ydC4K"],
    )
    """As it came, in Base64 (RFC 4648 § 4)."""


@router.post("/bounces", response_model=BounceTaken, summary="A mail came back")
async def take_bounce(body: Bounce, ctx: Command, desk: AtBounceDesk) -> Response:
    """For the mail gateway: a delivery status notification (RFC 3464) that a mail from here could not be delivered.

    It goes on by the next way, as if it had been refused. Again changes nothing; what tells of no such failure is refused.
    """
    return respond(await bounces.take_bounce(desk, ctx, b64decode(body.mail)))


@router.get("/history", summary="How my messages reached me, the newest first")
async def list_history(ctx: Reading, page: AskedPage, desk: AtDesk) -> Page[SentView]:
    """By which ways each was tried, when, and what came of it."""
    found = await office.own_history(desk, ctx, limit=page.limit + 1, after=HISTORY.after(page.cursor))
    views = [SentView.of(message, tries) for message, tries in found]
    return HISTORY.page(views, page.limit, lambda view: (view.queued_at, view.message))


@router.get("/unit-history", summary="How my unit's messages were delivered, the newest first")
async def list_unit_history(ctx: Reading, page: AskedPage, desk: AtDesk) -> Page[SentView]:
    """To its people, and to guardians in its cases. For its leader; nothing of what a message says or is about."""
    found = await office.unit_history(desk, ctx, limit=page.limit + 1, after=UNIT_HISTORY.after(page.cursor))
    views = [SentView.of(message, tries) for message, tries in found]
    return UNIT_HISTORY.page(views, page.limit, lambda view: (view.queued_at, view.message))
