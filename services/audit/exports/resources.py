"""The part of FHIR R4's AuditEvent (http://hl7.org/fhir/R4/auditevent.html) that is written here. Names are FHIR's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Element(BaseModel):
    """A part of a resource. What is None is not written; FHIR knows neither null nor an empty list."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True)


class Coding(Element):
    """A code of a code system."""

    system: str
    code: str


class Concept(Element):
    """CodeableConcept."""

    coding: tuple[Coding, ...]


class Identifier(Element):
    """A name within a system of names."""

    system: str
    value: str


class Reference(Element):
    """A logical reference: what it is about has no address here, only a name."""

    type: str | None = None
    identifier: Identifier


class Network(Element):
    """Where an agent is reached."""

    address: str
    type: Literal["5"] = "5"
    """A URI."""


class Agent(Element):
    """Somebody or something that took part."""

    type: Concept
    role: tuple[Concept, ...] | None = None
    who: Reference
    requestor: bool
    policy: tuple[str, ...] | None = None
    network: Network | None = None
    purpose_of_use: tuple[Concept, ...] | None = None


class Source(Element):
    """Who recorded it."""

    observer: Reference
    type: tuple[Coding, ...]


class Detail(Element):
    """Something more about an entity."""

    type: str
    value_string: str


class Entity(Element):
    """What it was about."""

    what: Reference
    type: Coding
    role: Coding | None = None
    detail: tuple[Detail, ...] | None = None


class Meta(Element):
    """Of which profile a resource is."""

    profile: tuple[str, ...]


class AuditEvent(Element):
    """A record of what somebody did with a child's information."""

    resource_type: Literal["AuditEvent"] = "AuditEvent"
    id: str
    meta: Meta | None = None
    type: Coding
    subtype: tuple[Coding, ...]
    action: str
    recorded: str
    outcome: str
    outcome_desc: str | None = None
    purpose_of_event: tuple[Concept, ...] | None = None
    agent: tuple[Agent, ...]
    source: Source
    entity: tuple[Entity, ...]


class BundleEntry(Element):
    """One resource of a bundle."""

    full_url: str
    resource: AuditEvent
