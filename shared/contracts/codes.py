"""Code lists that more than one service speaks: who the parties are, what may be shared, for what."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field

from shared.contracts.base import Model
from shared.refs import MunicipalityField


class Service(StrEnum):
    """A service around the child. Consent is given to a service, never to a named person."""

    BARNEHAGE = "barnehage"
    SKOLE = "skole"
    PPT = "ppt"
    HELSESTASJON = "helsestasjon"
    BARNEVERN = "barnevern"
    BUP = "bup"
    NAV = "nav"
    FASTLEGE = "fastlege"
    FYSIOTERAPI = "fysioterapi"
    ERGOTERAPI = "ergoterapi"
    PSYKIATRI = "psykiatri"
    POLITI = "politi"
    NAERINGSLIV = "naeringsliv"
    FRIVILLIGHET = "frivillighet"
    LEDELSE = "ledelse"


NOT_PUBLIC: Final = frozenset({Service.NAERINGSLIV, Service.FRIVILLIGHET})
"""Business and voluntary organisations: they take part, and are told nothing of anybody by name (seed rule 45)."""


class Area(StrEnum):
    """What a concern is about; one entry point for all of them (seed rule 103)."""

    LEARNING = "learning"
    MENTAL_HEALTH = "mental-health"
    PHYSICAL_HEALTH = "physical-health"
    FAMILY = "family"


class InformationCategory(StrEnum):
    """What kind of information about the child; a consent's scope and every access record name these."""

    IDENTITY = "identity"
    CONTACT = "contact"
    CONCERN = "concern"
    DEVELOPMENT = "development"
    LANGUAGE = "language"
    LEARNING = "learning"
    HEALTH = "health"
    BEHAVIOUR = "behaviour"
    FAMILY = "family"
    CHILD_VIEW = "child-view"
    MEASURES = "measures"
    PLAN = "plan"


class Purpose(StrEnum):
    """Why information is used or shared."""

    ASSESSMENT = "assessment"
    FOLLOW_UP = "follow-up"
    COORDINATION = "coordination"
    TRANSITION = "transition"
    DISCUSSION = "discussion"
    NOTIFICATION = "notification"
    OVERSIGHT = "oversight"


class Role(StrEnum):
    """The function in which somebody acts."""

    TEACHER = "teacher"
    PEDAGOGICAL_LEADER = "pedagogical-leader"
    CONTACT_TEACHER = "contact-teacher"
    LEADER = "leader"
    """Styrer of a barnehage, rektor of a school, head of a unit."""
    COORDINATOR = "coordinator"
    HEALTH_NURSE = "health-nurse"
    PPT_ADVISER = "ppt-adviser"
    CHILD_WELFARE_OFFICER = "child-welfare-officer"
    BUP_CLINICIAN = "bup-clinician"
    GUARDIAN = "guardian"
    CHILD = "child"
    PRIVACY_OFFICER = "privacy-officer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    SERVICE_ACCOUNT = "service-account"


class Function(StrEnum):
    """What somebody is beside their role. A list of its own: a role that subscribers of `v1` do not know would be none to them."""

    SPECIAL_EDUCATION_COORDINATOR = "special-education-coordinator"
    """Spesialpedagogisk koordinator of a school (seed rule 15)."""


class Language(StrEnum):
    """Written languages of messages and pages (BCP 47)."""

    NB = "nb"
    NN = "nn"
    EN = "en"


class GrantorClass(StrEnum):
    """Which kind of person granted; never who (barnevernsloven § 13-1)."""

    GUARDIAN = "guardian"
    CHILD = "child"
    CHILD_WELFARE = "child-welfare"


class LegalBasis(Model):
    """A row of the dated code list of legal bases: the law's section is looked up there, never spelled out in code."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """For example `consent`, `fvl-13b-1-2`, `bvl-13-2`."""
    version: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The day from which this wording of the row is valid."""


class Scope(Model):
    """What a consent covers: services x information categories x purposes, within a period."""

    services: frozenset[Service]
    categories: frozenset[InformationCategory]
    purposes: frozenset[Purpose]
    municipality: MunicipalityField | None = None
    """Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
    alone; no service here may be told anything by it (seed rule 18)."""
