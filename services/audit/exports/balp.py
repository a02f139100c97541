"""Access records as FHIR R4 AuditEvents by IHE's Basic Audit Log Patterns (BALP, profiles.ihe.net/ITI/BALP).

A disclosure is `PrivacyDisclosure.Source`, one AuditEvent for each recipient, as the profile has exactly one. A look at a child's
case is `PatientRead`, a change `PatientUpdate`; without a case `Read`, `Update`. What was refused conforms to no profile: they are
of what succeeded. Neither does a search, whose profile wants the raw request, which no access record has; nor an export, nor
a look into the log itself. These are AuditEvents all the same.

Whom it is about is named by logical references: the opaque reference of the case stands for the patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from pydantic_core import to_json

from services.audit.domain import fhir
from services.audit.exports.resources import (
    Agent,
    AuditEvent,
    BundleEntry,
    Coding,
    Concept,
    Detail,
    Entity,
    Identifier,
    Meta,
    Network,
    Reference,
    Source,
)
from services.audit.exports.writing import Looked, Told, looked, unreadable
from services.audit.queries import StoredEntry
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.codes import Purpose, Role
from shared.inert import inert

PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
TRANSACTION: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
RESOURCE_TYPE: Final = "http://hl7.org/fhir/resource-types"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ROLE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
ENHETSREGISTERET: Final = "urn:oid:2.16.578.1.12.4.1.4.101"
"""Organisation numbers."""
OURS: Final = "https://lagspill.no/fhir/"

_READS: Final = frozenset({AccessKind.READ, AccessKind.PRINT, AccessKind.BREAK_GLASS})
_NO_STAFF: Final = {Role.GUARDIAN: "RelatedPerson", Role.CHILD: "Patient", Role.SERVICE_ACCOUNT: "Device"}
_REASONS: Final = {Purpose.COORDINATION: "COC"}
_SENDS: Final = "110153"
"""DICOM: Source Role ID."""
_RECEIVES: Final = "110152"
"""DICOM: Destination Role ID."""


class BundleWriter:
    """Writes a Bundle of type `collection`, one AuditEvent a line."""

    media_type = "application/fhir+json; fhirVersion=4.0; charset=utf-8"
    suffix = "fhir.json"

    def __init__(self, told: Told, timestamp: str) -> None:
        """Date the bundle `timestamp` (a FHIR instant)."""
        self._told = told
        self._timestamp = timestamp
        self._before = b',"entry":['
        self.unreadable = 0

    def opening(self) -> bytes:
        """Return the bundle's beginning; the list of entries begins with the first, for FHIR knows no empty one."""
        return b'{"resourceType":"Bundle","type":"collection","timestamp":%s\n' % to_json(self._timestamp)

    async def write(self, entries: Sequence[StoredEntry]) -> Sequence[bytes]:
        """Return the AuditEvents of those entries that are access records."""
        self.unreadable += unreadable(entries)
        return [self._line(event) for entry in entries for event in audit_events(entry, self._told.checkpoint.origin)]

    def closing(self, count: int, digest: bytes) -> bytes:
        """Return the end: checkpoint, count, what is missing and SHA-256 as tags of the bundle."""
        checkpoint = self._told.checkpoint
        said = {
            "export-checkpoint": f"{checkpoint.origin} {checkpoint.size} {checkpoint.root.hex()}",
            "export-count": str(count),
            "export-unreadable": str(self.unreadable),
            "export-sha256": digest.hex(),
        }
        tags = [Coding(system=f"{OURS}{name}", code=value) for name, value in said.items()]
        return (b"]" if count else b"") + b',"meta":{"tag":%s}}\n' % to_json(tags, by_alias=True)

    def _line(self, event: BundleEntry) -> bytes:
        before, self._before = self._before, b","
        return before + event.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def audit_events(entry: StoredEntry, origin: str) -> Iterator[BundleEntry]:
    """Yield the AuditEvents of an entry of the log `origin`: none where it is no access record, several for several recipients."""
    found = looked(entry)
    if found is None:
        return
    if _profile(found.record) == "PrivacyDisclosure.Source":
        for number, recipient in enumerate(found.record.recipients, start=1):
            yield _entry(found, origin, f"-{number}", _disclosing(found, recipient))
    else:
        yield _entry(found, origin, "", _acting(found))


def _entry(found: Looked, origin: str, part: str, agents: tuple[Agent, ...]) -> BundleEntry:
    entry, record = found.entry, found.record
    classed = fhir.CLASSES[record.kind]
    profile = _profile(record)
    event = AuditEvent(
        id=f"{entry.log.replace('_', '-')}-{entry.position}{part}",
        meta=Meta(profile=(PROFILE + profile,)) if profile is not None else None,
        type=_coding(classed.type),
        subtype=tuple(_coding(term) for term in classed.subtypes),
        action=classed.action.value,
        recorded=entry.happened_at.isoformat().replace("+00:00", "Z"),
        outcome=fhir.SUCCESS if _succeeded(record) else fhir.REFUSED,
        outcome_desc=None if _succeeded(record) else record.reason or "refused",
        purpose_of_event=_purposes(record),
        agent=agents,
        source=Source(observer=_service(entry), type=(Coding(system=SOURCE_TYPE, code="4"),)),
        entity=tuple(_entities(found, origin)),
    )
    return BundleEntry(full_url=uuid5(NAMESPACE_URL, f"{origin}/{entry.position}{part}").urn, resource=event)


def _succeeded(record: AccessRecorded) -> bool:
    return record.permitted and record.kind is not AccessKind.DENY


def _profile(record: AccessRecorded) -> str | None:
    """Return the BALP profile that the record conforms to; None where it conforms to none."""
    if not _succeeded(record):
        return None
    patient = "Patient" if record.case is not None else ""
    if record.kind in _READS:
        return f"{patient}Read"
    if record.kind is AccessKind.WRITE:
        return f"{patient}Update"
    if record.kind is AccessKind.DISCLOSE and record.case is not None and record.recipients:
        return "PrivacyDisclosure.Source"
    return None


def _coding(term: fhir.Term) -> Coding:
    return Coding(system=term.system, code=term.code)


def _concept(system: str, code: str) -> Concept:
    return Concept(coding=(Coding(system=system, code=code),))


def _named(kind: str | None, system: str, value: str) -> Reference:
    return Reference(type=kind, identifier=Identifier(system=system, value=value))


# --- who took part ----------------------------------------------------------------------------------------------------


def _service(entry: StoredEntry) -> Reference:
    """Return the service that recorded it: in BALP the server, and the source of a disclosure."""
    return _named("Device", f"{OURS}service", entry.source or "unknown")


def _acting(found: Looked) -> tuple[Agent, ...]:
    """Return client, server, user, and the user's organisation. What is read flows from the server, what is written to it."""
    record = found.record
    writes = record.kind is AccessKind.WRITE
    client = inert(record.actor.client) if record.actor.client else "unknown"
    return (
        Agent(
            type=_concept(fhir.DICOM, _SENDS if writes else _RECEIVES),
            who=_named("Device", f"{OURS}client", client),
            requestor=False,
            network=Network(address=f"urn:lagspill:client:{quote(client, safe='')}"),
        ),
        _server(found.entry, _RECEIVES if writes else _SENDS),
        *_user(record, "AUT" if writes else "IRCP"),
    )


def _disclosing(found: Looked, recipient: Recipient) -> tuple[Agent, ...]:
    """Return source, recipient, user, and the user's organisation."""
    address = f"urn:lagspill:recipient:{recipient.service.value}"
    if recipient.organisation is not None:
        who = _named("Organization", ENHETSREGISTERET, recipient.organisation)
        address += f":{recipient.organisation}"
    else:
        who = _named("Organization", f"{OURS}service-around-the-child", recipient.service.value)
    roles = [_concept(f"{OURS}service-around-the-child", recipient.service.value)]
    if recipient.role is not None:
        roles.append(_concept(f"{OURS}role", recipient.role.value))
    return (
        _server(found.entry, _SENDS),
        Agent(
            type=_concept(fhir.DICOM, _RECEIVES),
            role=tuple(roles),
            who=who,
            requestor=False,
            network=Network(address=address),
        ),
        *_user(found.record, "AUT"),
    )


def _server(entry: StoredEntry, code: str) -> Agent:
    return Agent(
        type=_concept(fhir.DICOM, code),
        who=_service(entry),
        requestor=False,
        network=Network(address=f"https://lagspill.no{entry.source or ''}"),
    )


def _user(record: AccessRecorded, participation: str) -> Iterator[Agent]:
    actor = record.actor
    roles = [_concept(f"{OURS}role", actor.role.value)] if actor.role is not None else []
    if actor.service is not None:
        roles.append(_concept(f"{OURS}service-around-the-child", actor.service.value))
    kind = _NO_STAFF.get(actor.role, "PractitionerRole") if actor.role is not None else "PractitionerRole"
    policies = []
    if record.basis is not None:
        policies.append(f"urn:lagspill:basis:{record.basis.code}:{record.basis.version}")
    if record.consent is not None:
        policies.append(f"urn:lagspill:consent:{record.consent}:{record.consent_version or ''}".rstrip(":"))
    yield Agent(
        type=_concept(PARTICIPATION, participation),
        role=tuple(roles) or None,
        who=_named(kind, f"{OURS}actor", actor.id),
        requestor=True,
        policy=tuple(policies) or None,
        purpose_of_use=_purposes(record),
    )
    if actor.organisation is not None:
        yield Agent(
            type=_concept(ROLE_CLASS, "PROV"),
            who=_named("Organization", ENHETSREGISTERET, actor.organisation),
            requestor=False,
        )


def _purposes(record: AccessRecorded) -> tuple[Concept, ...] | None:
    codes = []
    if record.kind is AccessKind.BREAK_GLASS:
        codes.append(Coding(system=REASON, code="BTG"))
    if record.purpose is not None:
        codes.append(Coding(system=f"{OURS}purpose", code=record.purpose.value))
        if record.purpose in _REASONS:
            codes.append(Coding(system=REASON, code=_REASONS[record.purpose]))
    return (Concept(coding=tuple(codes)),) if codes else None


# --- what it was about ------------------------------------------------------------------------------------------------


def _entities(found: Looked, origin: str) -> Iterator[Entity]:
    entry, record = found.entry, found.record
    if record.case is not None:
        yield Entity(
            what=_named("Patient", f"{OURS}case", record.case),
            type=Coding(system=ENTITY_TYPE, code="1"),
            role=Coding(system=OBJECT_ROLE, code="1"),
        )
    details = [Detail(type="category", value_string=each) for each in sorted(record.categories)]
    details += [Detail(type="document", value_string=each) for each in record.documents]
    if record.valid_to is not None:
        details.append(Detail(type="valid-to", value_string=record.valid_to.isoformat().replace("+00:00", "Z")))
    yield Entity(
        what=_named(None, f"{OURS}record", record.case or record.subject_ref),
        type=Coding(system=ENTITY_TYPE, code="2"),
        role=Coding(system=OBJECT_ROLE, code="4"),
        detail=tuple(details) or None,
    )
    if record.consent is not None:
        yield Entity(
            what=_named("Consent", f"{OURS}consent", record.consent),
            type=Coding(system=RESOURCE_TYPE, code="Consent"),
        )
    if record.meeting is not None:
        yield Entity(
            what=_named("Encounter", f"{OURS}meeting", record.meeting),
            type=Coding(system=RESOURCE_TYPE, code="Encounter"),
        )
    yield Entity(
        what=_named(None, f"{OURS}correlation", str(found.correlation)),
        type=Coding(system=TRANSACTION, code="XrequestId"),
    )
    yield Entity(
        what=_named(None, f"https://{origin}", str(entry.position)),
        type=Coding(system=ENTITY_TYPE, code="4"),
    )
