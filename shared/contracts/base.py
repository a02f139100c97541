"""What every published event's data has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment_out_of_range", "Lies outside the calendar") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with a zone, and in UTC once it is read: Python takes offsets of up to a day, PostgreSQL only of up to sixteen hours."""


class Model(BaseModel):
    """A frozen value of the published language.

    Unknown fields are ignored when read: within v1 only optional fields are added, and a subscriber built yesterday must
    be able to read what is published tomorrow (tolerant reader).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class EventData(Model):
    """The `data` of one event type. A subclass names its type and says which of its fields are subject and key."""

    TYPE: ClassVar[str]
    """The CloudEvents `type`: a literal, never derived from a class name."""
    TOPIC: ClassVar[str]
    """The Kafka topic it is published on."""
    SUBJECT: ClassVar[str]
    """The field that holds the aggregate's opaque reference: the CloudEvents `subject`, counted by `sequence`."""

    @property
    def subject(self) -> str:
        """Return the opaque reference of the aggregate. It is the Kafka key too, so one case's events share a partition."""
        return str(getattr(self, self.SUBJECT))
