"""From a request to a command's Context, and from its outcome to a response."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeVar

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from shared.actor_names import KnownActors
from shared.aggregate import Answer, Changed, Context, IdempotencyKey
from shared.auth import Actor
from shared.clock import Clock
from shared.contracts.base import Model
from shared.errors import MalformedRequestError, PreconditionRequiredError, StaleVersionError
from shared.observability import traceparent
from shared.web.bearer import CurrentActor
from shared.web.edge import exchange
from shared.web.problems import IdempotencyKeyMissingError

MAX_KEY: Final = 255
_KEY: Final = re.compile(r'"(?P<quoted>[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[A-Za-z0-9._:~+/=-]{1,255})')
_ENTITY_TAG: Final = re.compile(r'(W/)?"(?P<tag>[\x21\x23-\x7e]{0,100})"')
_VERSION: Final = re.compile(r"v([1-9][0-9]{0,17})")


class IdempotencyKeyMalformedError(MalformedRequestError):
    """The Idempotency-Key is not 1 to 255 printable characters."""

    code = "idempotency-key-malformed"


class IfMatchMalformedError(MalformedRequestError):
    """If-Match must be one entity tag, as an ETag gave it."""

    code = "if-match-malformed"


def etag(version: int) -> str:
    """Return the entity tag of an aggregate's `version`."""
    return f'"v{version}"'


def expected_version(if_match: str) -> int:
    """Return the version that an If-Match header names.

    Raises:
        IfMatchMalformedError: it is no entity tag; a list and `*` name no single version, so they are refused too.
        StaleVersionError: it is a tag, but a weak or foreign one: it can never match (RFC 9110 § 13.1.1).
    """
    match = _ENTITY_TAG.fullmatch(if_match.strip())
    if match is None:
        raise IfMatchMalformedError
    version = _VERSION.fullmatch(match["tag"])
    if match[1] or version is None:
        raise StaleVersionError
    return int(version[1])


def read_idempotency_key(header: str) -> str:
    """Return the key: a quoted string, as the IETF draft has it, or a bare token, as many clients send it.

    Raises:
        IdempotencyKeyMalformedError: neither.
    """
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise IdempotencyKeyMalformedError
    return match["quoted"] or match["bare"]


def command_context(
    request: Request, actor: Actor, *, if_match: Literal["optional", "required"] = "optional"
) -> Context:
    """Return the circumstances of the command that `request` asks for.

    Raises:
        MalformedRequestError: the Idempotency-Key is missing or malformed, or If-Match is malformed.
        PreconditionRequiredError: If-Match is required and missing.
        StaleVersionError: If-Match can never match.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        raise IdempotencyKeyMissingError
    expected = request.headers.get("if-match")
    if expected is None and if_match == "required":
        raise PreconditionRequiredError
    known = exchange(request)
    names: KnownActors = request.app.state.authenticator.known
    asked = f"{request.method}\n{request.url.path}\n{request.url.query}\n".encode() + known.body
    return Context(
        actor=actor,
        scope=actor.municipality,
        now=_clock(request).now(),
        correlation=known.correlation,
        idempotency=IdempotencyKey(actor.id, read_idempotency_key(key), names.of_request(asked)),
        if_match=None if expected is None else expected_version(expected),
        traceparent=traceparent() or known.traceparent,
    )


def reading_context(request: Request, actor: Actor) -> Context:
    """Return the circumstances of a look at protected content, for its access record."""
    known = exchange(request)
    return Context(
        actor=actor,
        scope=actor.municipality,
        now=_clock(request).now(),
        correlation=known.correlation,
        traceparent=traceparent() or known.traceparent,
    )


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


async def command(request: Request, actor: CurrentActor) -> Context:
    """Return the Context of a command; its two headers are described in the OpenAPI document by `describe_app`."""
    return command_context(request, actor)


async def guarded_command(request: Request, actor: CurrentActor) -> Context:
    """Return the Context of a command that must name the version it changes."""
    return command_context(request, actor, if_match="required")


async def _reading(request: Request, actor: CurrentActor) -> Context:
    return reading_context(request, actor)


Command = Annotated[Context, Depends(command)]
"""What a write takes: the token, a required Idempotency-Key, an optional If-Match."""
GuardedCommand = Annotated[Context, Depends(guarded_command)]
"""As `Command`, and the version that is changed must be named (428 without If-Match)."""
Reading = Annotated[Context, Depends(_reading)]
"""What a read of protected content takes: the token; no key."""


def answer(model: BaseModel, *, status: int = 200, version: int | None = None, location: str | None = None) -> Answer:
    """Return the answer of a command with `model` as its body, for the journal to store."""
    return Answer(status=status, body=model.model_dump_json().encode(), version=version, location=location)


S = TypeVar("S", bound=Model)


def respond(changed: Changed[S]) -> Response:
    """Return the response to a command: its answer, its ETag, and whether it is a repetition."""
    told = changed.answer
    if told is None:
        return _response(204, b"", changed.version, None, replayed=changed.replayed)
    return _response(told.status, told.body, told.version, told.location, replayed=changed.replayed)


def represent(model: BaseModel, *, version: int | None = None) -> Response:
    """Return the response to a read: `model` as JSON, with its ETag."""
    return _response(200, model.model_dump_json().encode(), version, None, replayed=False)


def _response(status: int, body: bytes, version: int | None, location: str | None, *, replayed: bool) -> Response:
    headers = {}
    if version is not None:
        headers["ETag"] = etag(version)
    if location is not None:
        headers["Location"] = location
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(body, status, headers, media_type="application/json" if body else None)
