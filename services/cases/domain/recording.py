"""Recording something about the child, in words or as a document: inside what the recorder's part in the case reaches."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState
from services.cases.errors import NotForRecordsError, OutsideReachError, UnknownPartError
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory
from shared.contracts.safekeeping import DocumentAdded, MediaType, RecordWritten
from shared.refs import DocumentRef, RecordRef

KEPT_ELSEWHERE = frozenset({InformationCategory.IDENTITY, InformationCategory.CONTACT})
"""Who the child is and how its guardians are reached have their own places, and are corrected there."""


class WriteRecord(Model):
    """Write something down about the child. The words go to the vault."""

    by: Acting
    record: RecordRef
    category: InformationCategory


class CorrectRecord(Model):
    """Correct a record by a new version; the old one is kept."""

    by: Acting
    record: RecordRef


class AddDocument(Model):
    """Put a document into the vault."""

    by: Acting
    document: DocumentRef
    category: InformationCategory
    media: MediaType
    size: int = Field(ge=1)


def decide_record(state: CaseState, command: WriteRecord, now: datetime) -> list[CaseEvent]:
    """Write something down.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NotForRecordsError, OutsideReachError: see `check_category`.
    """
    check_category(state, command.by, command.category, now)
    return [_written(state, command.by, command.record, 1, command.category)]


def decide_correction(state: CaseState, command: CorrectRecord, now: datetime) -> list[CaseEvent]:
    """Correct a record (GDPR art. 16); whoever may write in its category may.

    Raises:
        DeniedError, CaseNotOpenError, OutsideReachError: as `decide_record`.
        UnknownPartError: there is no such record.
    """
    access.require(state, Action.WRITE_RECORD, command.by, now)
    present = state.records.get(command.record)
    if present is None:
        raise UnknownPartError
    check_category(state, command.by, present.category, now)
    return [_written(state, command.by, present.ref, present.version + 1, present.category)]


def decide_document(state: CaseState, command: AddDocument, now: datetime) -> list[CaseEvent]:
    """Put a document into the vault.

    Raises:
        DeniedError, CaseNotOpenError, NotForRecordsError, OutsideReachError: as `decide_record`.
    """
    check_category(state, command.by, command.category, now)
    return [
        DocumentAdded(
            case=ref_of(state),
            document=command.document,
            category=command.category,
            media=command.media,
            size=command.size,
            by=command.by.party(address_protected=state.address_protected),
        )
    ]


def check_category(state: CaseState, by: Acting, category: InformationCategory, now: datetime) -> None:
    """Refuse a category that has another place, or that the recorder may not read.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NotForRecordsError: identity and contact are corrected where they are kept.
        OutsideReachError: the recorder's part in the case does not reach this category.
    """
    allowed = access.require(state, Action.WRITE_RECORD, by, now)
    if category in KEPT_ELSEWHERE:
        raise NotForRecordsError
    if category not in allowed.categories:
        raise OutsideReachError(extensions={"categories": [*sorted(allowed.categories - KEPT_ELSEWHERE)]})


def _written(
    state: CaseState, by: Acting, record: RecordRef, version: int, category: InformationCategory
) -> RecordWritten:
    party = by.party(address_protected=state.address_protected)
    return RecordWritten(case=ref_of(state), record=record, version=version, category=category, by=party)
