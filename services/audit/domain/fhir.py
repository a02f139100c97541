"""What an access kind is called in FHIR R4's AuditEvent: its type, its subtypes, its action.

One table for what is exported and for what is searched by FHIR's parameter names, so that both say the same. Sources: FHIR R4
AuditEvent (value sets audit-event-type, audit-event-sub-type, audit-event-action), DICOM PS3.16 context groups 400 and 401,
IHE ITI Basic Audit Log Patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shared.contracts.access import AccessKind

DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
KIND: Final = "https://lagspill.no/fhir/CodeSystem/access-kind"
"""Ours: the access kind itself, the last subtype of every AuditEvent."""

SUCCESS: Final = "0"
REFUSED: Final = "4"
"""AuditEvent.outcome: 4 is a minor failure, which a refusal is; 8 and 12 are failures of systems."""


@dataclass(frozen=True, slots=True)
class Term:
    """A code of a code system."""

    system: str
    code: str


class Action(StrEnum):
    """AuditEvent.action."""

    READ = "R"
    UPDATE = "U"
    EXECUTE = "E"


@dataclass(frozen=True, slots=True)
class Classed:
    """What an access kind is in FHIR."""

    type: Term
    subtypes: tuple[Term, ...]
    action: Action


def _rest(kind: AccessKind, interaction: str, action: Action, *more: Term) -> Classed:
    return Classed(Term(EVENT_TYPE, "rest"), (Term(INTERACTION, interaction), *more, Term(KIND, kind.value)), action)


def _dicom(kind: AccessKind, code: str, *more: Term) -> Classed:
    return Classed(Term(DICOM, code), (*more, Term(KIND, kind.value)), Action.READ)


CLASSES: Final[Mapping[AccessKind, Classed]] = MappingProxyType(
    {
        AccessKind.READ: _rest(AccessKind.READ, "read", Action.READ),
        AccessKind.PRINT: _rest(AccessKind.PRINT, "read", Action.READ),
        AccessKind.BREAK_GLASS: _rest(AccessKind.BREAK_GLASS, "read", Action.READ, Term(DICOM, "110127")),
        AccessKind.DENY: _rest(AccessKind.DENY, "read", Action.READ),
        AccessKind.WRITE: _rest(AccessKind.WRITE, "update", Action.UPDATE),
        AccessKind.SEARCH: _rest(AccessKind.SEARCH, "search-type", Action.EXECUTE),
        AccessKind.LIST: _rest(AccessKind.LIST, "search-type", Action.EXECUTE),
        AccessKind.DISCLOSE: _dicom(AccessKind.DISCLOSE, "110106", Term(LIFECYCLE, "disclose")),
        AccessKind.EXPORT: _dicom(AccessKind.EXPORT, "110106"),
        AccessKind.LOG_READ: _dicom(AccessKind.LOG_READ, "110101"),
    }
)
"""Every access kind. DICOM 110106: export, 110101: audit log used, 110127: emergency override."""


def kinds_of_type(token: str) -> frozenset[AccessKind]:
    """Return the kinds whose type a FHIR token (`code`, `system|code`) names."""
    return frozenset(kind for kind, classed in CLASSES.items() if _names(token, classed.type))


def kinds_of_subtype(token: str) -> frozenset[AccessKind]:
    """Return the kinds that have a subtype which a FHIR token names."""
    return frozenset(kind for kind, classed in CLASSES.items() if any(_names(token, term) for term in classed.subtypes))


def kinds_of_action(token: str) -> frozenset[AccessKind]:
    """Return the kinds with this action."""
    return frozenset(kind for kind, classed in CLASSES.items() if token.rpartition("|")[2] == classed.action.value)


def _names(token: str, term: Term) -> bool:
    system, separator, code = token.rpartition("|")
    return code == term.code and (not separator or system == term.system)
