"""What every published event's data has in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


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
