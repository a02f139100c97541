"""The envelope: CloudEvents 1.0 in JSON structured mode, so that a record's value is the whole evidence.

An event is sealed into bytes once, when it is committed; only `lane` is added by the very statement that writes it, and
`sourcesequence` when the relay numbers it. The bytes are never built again after that: a retry sends the same ones, and the
log's leaf is exactly them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from shared.contracts.base import EventData
from shared.contracts.journal import LANE_NAME
from shared.refs import ActorIdField, LogScope, LogScopeField

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"
SCHEMA_BASE: Final = "https://lagspill.no/schemas/"
MAX_BYTES: Final = 64 * 1024 - 128
"""CloudEvents 1.0 § "Size Limits": an event of at most 64 KiB may be expected to be forwarded. Ours are far smaller. With its
lane and its number written in, an event must still fit an entry of the log: at most 65,535 bytes (C2SP tlog-tiles)."""
MAX_SUBJECT: Final = 120
"""Characters of a subject."""
NUMBER_WIDTH: Final = 20
"""`sequence` and `sourcesequence` are decimal strings, zero-padded so that they sort as text (CloudEvents `sequence`)."""

TRACEPARENT: Final = "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"

AuthType = Literal["user", "service_account", "unknown", "system"]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]


class MalformedEnvelopeError(ValueError):
    """The record is not a CloudEvents 1.0 event in JSON with the attributes that Lagspill requires."""


class Envelope(BaseModel):
    """The context attributes of one event, without its data. Attribute names are CloudEvents': lower case, no separators."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    """UUIDv7. With `source` it is what a consumer recognises a duplicate by."""
    source: str = Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    type: str = Field(pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$")
    subject: str = Field(min_length=1, max_length=MAX_SUBJECT)
    time: AwareDatetime
    """When it happened."""
    recordedtime: AwareDatetime
    """When it was stored."""
    partitionkey: str = Field(min_length=1, max_length=MAX_SUBJECT)
    sequence: Number | None = None
    """Gap-free per (source, subject), from 1. Absent where the subject has no history of its own: access records, seals."""
    sourcesequence: Number | None = None
    """Gap-free per (source, municipality), from 1. Absent only before the relay has numbered the event."""
    lane: str | None = Field(default=None, pattern=rf"^{LANE_NAME}/[1-9][0-9]{{0,18}}$")
    """Which of its database session's records for this log it is: a random name, and the count from 1 without a gap
    (`shared.lanes`). Written in with the row; absent on what older services wrote."""
    correlationid: UUID
    causationid: UUID | None = None
    municipality: LogScopeField
    authtype: AuthType
    """CloudEvents `authcontext`. `unknown` stands on what happened in an anonymous discussion (invariant 3)."""
    authid: ActorIdField | None = None
    dataclassification: Literal["restricted"] = "restricted"
    dataregulation: Literal["GDPR"] = "GDPR"
    datacategory: Literal["personal", "none"] = "personal"
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    traceparent: str | None = Field(default=None, pattern=f"^{TRACEPARENT}$")

    @property
    def number(self) -> int:
        """Return `sourcesequence` as a number; zero when the event has not been numbered."""
        return int(self.sourcesequence or "0")


_NUMBERED: Final = b',"sourcesequence":"%%0%dd"}' % NUMBER_WIDTH


def numeral(number: int) -> str:
    """Return `number` as `sequence` and `sourcesequence` write it."""
    return str(number).zfill(NUMBER_WIDTH)


def seal(data: EventData, envelope: Envelope) -> bytes:
    """Return the event's bytes, not yet numbered.

    Raises:
        ValueError: the event is larger than 64 KiB, or was numbered already.
    """
    if envelope.sourcesequence is not None or envelope.lane is not None:
        raise ValueError("an event is numbered by the relay, once, and its lane is written by the database")
    return _whole(to_json(envelope, exclude_none=True)[:-1], data)


def _whole(attributes: bytes, data: EventData) -> bytes:
    # Joined as bytes: half the time of one document built from Python values, and the same bytes.
    body = attributes + b',"data":' + to_json(data, exclude_none=True) + b"}"
    if len(body) > MAX_BYTES:
        raise ValueError(f"an event of {len(body)} bytes: more than CloudEvents' 64 KiB")
    return body


def number(body: bytes, sourcesequence: int) -> bytes:
    """Return `body` with its `sourcesequence` (1 or more) written in: the bytes that are published."""
    return body[:-1] + _NUMBERED % sourcesequence


def schema_url(event_type: str) -> str:
    """Return where the JSON Schema of `event_type` is published (CloudEvents `dataschema`)."""
    return f"{SCHEMA_BASE}{event_type}.json"


def describe(
    data: EventData,
    *,
    event_id: UUID,
    source: str,
    happened: datetime,
    recorded: datetime,
    scope: LogScope,
    correlation: UUID,
    causation: UUID | None = None,
    sequence: int | None = None,
    authtype: AuthType = "system",
    authid: ActorIdField | None = None,
    traceparent: str | None = None,
) -> Envelope:
    """Return the envelope of `data`; `happened` and `recorded` are aware, `sequence` counts from 1 within the subject."""
    return Envelope(
        id=event_id,
        source=source,
        type=data.TYPE,
        subject=data.subject,
        time=happened,
        recordedtime=recorded,
        partitionkey=data.subject,
        sequence=None if sequence is None else numeral(sequence),
        correlationid=correlation,
        causationid=causation,
        municipality=scope,
        authtype=authtype,
        authid=authid,
        dataschema=schema_url(data.TYPE),
        traceparent=traceparent,
    )


def sealed(
    data: EventData,
    *,
    event_id: UUID,
    source: str,
    happened: datetime,
    recorded: datetime,
    scope: LogScope,
    correlation: UUID,
    causation: UUID | None = None,
    sequence: int | None = None,
    authtype: AuthType = "system",
    authid: ActorIdField | None = None,
    traceparent: str | None = None,
) -> bytes:
    """Return `seal(data, describe(data, ...))`, in a third of the time.

    What one actor's events of one type have in common is validated and written once; the subject, identifiers, times and numbers
    are filled in.

    Raises:
        ValueError: as `describe` and `seal` do.
    """
    if happened.tzinfo is None or recorded.tzinfo is None:
        raise ValueError("a time of an event has its offset")
    if traceparent is not None and not _TRACEPARENT.fullmatch(traceparent):
        raise ValueError("not a traceparent (W3C Trace Context)")
    subject = data.subject
    if not 1 <= len(subject) <= MAX_SUBJECT:
        raise ValueError(f"a subject has 1 to {MAX_SUBJECT} characters")
    form = _form(type(data), source, scope, authtype, authid, sequence is not None, causation is not None)
    varying = (event_id, subject, happened, recorded, subject, correlation)
    values = to_json(varying if causation is None else (*varying, causation))[2:-2].split(b'","')
    if sequence is not None:
        values.insert(_BEFORE_SEQUENCE, b"%020d" % sequence)
    attributes = form % tuple(values)
    if traceparent is not None:
        attributes += b',"traceparent":"%b"' % traceparent.encode()
    return _whole(attributes, data)


@lru_cache(maxsize=4096)
def _form(
    event: type[EventData],
    source: str,
    scope: LogScope,
    authtype: AuthType,
    authid: ActorIdField | None,
    has_sequence: bool,
    has_cause: bool,
) -> bytes:
    """Return the attributes as JSON without the last brace, `%b` in the place of each value that differs from event to event."""
    envelope = describe(
        event.model_construct({event.SUBJECT}, **{event.SUBJECT: "any"}),  # of the data an envelope has this alone
        event_id=_ANY_ID,
        source=source,
        happened=_ANY_TIME,
        recorded=_ANY_TIME,
        scope=scope,
        correlation=_ANY_ID,
        causation=_ANY_ID if has_cause else None,
        sequence=1 if has_sequence else None,
        authtype=authtype,
        authid=authid,
    )
    written = to_json(envelope, exclude_none=True)[:-1]
    return _VARYING.sub(rb'"\1":"%b"', written.replace(b"%", b"%%"))


_ANY_ID: Final = UUID(int=1)
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_VARYING: Final = re.compile(
    rb'"(id|subject|time|recordedtime|partitionkey|sequence|correlationid|causationid)":"[^"]*"'
)
"""Within a string every quotation mark has a backslash before it, so nothing there looks like an attribute."""
_BEFORE_SEQUENCE: Final = 5
_TRACEPARENT: Final = re.compile(TRACEPARENT)


@dataclass(frozen=True, slots=True)
class Record:
    """One decoded record: its attributes, and its data still as JSON bytes for whoever knows the type."""

    envelope: Envelope
    data: bytes


def parse(body: bytes) -> Record:
    """Return the event that `body` holds; unknown attributes are ignored (tolerant reader).

    Raises:
        MalformedEnvelopeError: not JSON, not an object, or an attribute is missing or of the wrong form.
    """
    envelope, data = read(body)
    return Record(envelope, to_json(data))


def read(body: bytes) -> tuple[Envelope, object]:
    """Return the attributes and the data (as JSON's values) of the event that `body` holds, as `parse` does.

    Raises:
        MalformedEnvelopeError: not JSON, not an object, or an attribute is missing or of the wrong form.
    """
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedEnvelopeError("the record is not JSON") from error
    if not isinstance(document, dict):
        raise MalformedEnvelopeError("the record is JSON, but not an object")
    try:
        # The parsed document, not the bytes once more: a third of the reading, and JSON has no value that is taken otherwise.
        envelope = Envelope.model_validate(document)
    except ValidationError as error:
        fields = ", ".join(sorted({str(part["loc"][0]) for part in error.errors() if part["loc"]}))
        raise MalformedEnvelopeError(f"the record is not a Lagspill CloudEvent; wrong or missing: {fields}") from error
    return envelope, document.get("data")
