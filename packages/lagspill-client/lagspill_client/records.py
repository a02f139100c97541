"""A record as it came, and the event that it is: CloudEvents 1.0 in JSON structured mode, read tolerantly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from lagspill_client.events import EVENTS, AccessRecorded, EventData

D_co = TypeVar("D_co", bound=EventData, covariant=True)

MAX_BYTES: Final = 64 * 1024
"""CloudEvents 1.0, "Size Limits": no event is larger."""

Number = Annotated[str, Field(pattern=r"^[0-9]{20}$")]


class UnreadableError(ValueError):
    """The record is no event of Lagspill, or a damaged one. The message quotes nothing of it."""


class Envelope(BaseModel):
    """The attributes of an event, without its data; those that are not known here are passed by."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: UUID
    source: str = Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    type: str = Field(pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$")
    subject: str = Field(min_length=1, max_length=120)
    time: AwareDatetime
    """When it happened."""
    recordedtime: AwareDatetime
    """When it was stored."""
    partitionkey: str = Field(min_length=1, max_length=120)
    sequence: Number | None = None
    """Counts from 1 without a gap per source and subject; absent on seals and access records."""
    sourcesequence: Number
    """Counts from 1 without a gap per source and municipality."""
    correlationid: UUID
    causationid: UUID | None = None
    municipality: str = Field(min_length=1, max_length=120)
    """Whose log it belongs to: four digits, or the opaque name of an address-protected case's log."""
    authtype: str
    authid: str | None = None

    @property
    def number(self) -> int:
        """Return `sourcesequence` as a number."""
        return int(self.sourcesequence)

    @property
    def count(self) -> int | None:
        """Return `sequence` as a number."""
        return None if self.sequence is None else int(self.sequence)


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """An event of a type that is handled."""

    envelope: Envelope
    data: D_co


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it came: from Kafka with its place there, by webhook with none."""

    value: bytes | None
    key: bytes | None = None
    topic: str = "webhook"
    partition: int = 0
    offset: int = 0


def read_envelope(value: bytes | None) -> tuple[Envelope, Any]:
    """Return the envelope of a record, and its data as JSON has it.

    Raises:
        UnreadableError: it is no event of Lagspill, or says it is of a service that does not publish this type.
    """
    if value is None:
        raise UnreadableError("a record without a value")
    if len(value) > MAX_BYTES:
        raise UnreadableError("larger than an event may be")
    try:
        document = from_json(value, allow_inf_nan=False)
    except ValueError:
        raise UnreadableError("not JSON") from None
    try:
        envelope = Envelope.model_validate(document)
    except ValidationError as error:
        raise UnreadableError(f"not an event: {_fields(error)}") from None
    if not isinstance(document.get("data"), dict):
        raise UnreadableError("an event without data")
    if envelope.type != AccessRecorded.TYPE and envelope.source.rpartition("/")[2] != envelope.type.split(".")[2]:
        raise UnreadableError("a type that this source does not publish")
    return envelope, document["data"]


def read_data(envelope: Envelope, data: Any) -> Event[EventData] | None:
    """Return the event; None when its type is not known to this version of the client.

    Raises:
        UnreadableError: the data does not keep the promise of its type.
    """
    kind = EVENTS.get(envelope.type)
    if kind is None:
        return None
    try:
        return Event(envelope, kind.model_validate(data))
    except ValidationError as error:
        raise UnreadableError(f"not a {kind.__name__}: {_fields(error)}") from None


def read(value: bytes) -> Event[EventData] | None:
    """Return the event that a record is; None when its type is not known to this version of the client.

    Raises:
        UnreadableError: it is no event of Lagspill, or a damaged one.
    """
    return read_data(*read_envelope(value))


def _fields(error: ValidationError) -> str:
    """Return what is wrong, by kind alone: a name that came with the record could say anything."""
    return ", ".join(sorted({str(part["type"]) for part in error.errors(include_input=False, include_url=False)}))
