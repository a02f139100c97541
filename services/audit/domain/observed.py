"""What the subsequent control sees of one entry: who did what with which case, or a fact about who has to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from pydantic import ValidationError
from pydantic_core import from_json

from services.audit.domain.entry import is_own
from shared.contracts import cases, meetings, notify, safekeeping
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role, Service
from shared.refs import ActorId, CaseRef, OrganisationNumber, UnitId

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9000
"""What claims to be of other years is nothing that could be reckoned with: a day before or after it may not exist."""
AHEAD: Final = timedelta(days=31)
"""What says that it happens later than this after it was logged happened when it was logged: a moment far ahead would stand for the
newest in every span of time that is looked at, for as long as it lies ahead, and let nothing else count."""
_PRIVATE: Final = frozenset({Role.GUARDIAN, Role.CHILD, Role.SERVICE_ACCOUNT})


class Look(Model):
    """One access record: what somebody did, or was refused."""

    position: int
    at: datetime
    """When it happened."""
    logged_at: datetime
    kind: AccessKind
    actor: ActorId
    role: Role | None = None
    service: Service | None = None
    unit: UnitId | None = None
    organisation: OrganisationNumber | None = None
    case: CaseRef | None = None
    permitted: bool
    until: datetime | None = None
    """For how long it was given, if it was."""

    @property
    def by_staff(self) -> bool:
        """Return whether it is an employee's: no guardian, child or program, and no look into the log itself."""
        return self.role not in _PRIVATE and self.kind is not AccessKind.LOG_READ

    @property
    def shown(self) -> bool:
        """Return whether an employee was shown, or changed, something of a case."""
        return self.by_staff and self.permitted and self.case is not None and self.kind is not AccessKind.DENY

    @property
    def refused(self) -> bool:
        """Return whether it was refused."""
        return not self.permitted or self.kind is AccessKind.DENY


@dataclass(frozen=True, slots=True)
class Observed:
    """One entry. `look` and `fact` are None where it says nothing that any pattern is about."""

    position: int
    logged_at: datetime
    at: datetime
    source: str | None
    number: int | None
    actor: ActorId | None
    look: Look | None = None
    fact: EventData | None = None


FACTS: Final[Mapping[str, type[EventData]]] = {
    event.TYPE: event
    for event in (
        cases.ConcernRegistered,
        cases.CaseOpened,
        cases.CaseReopened,
        cases.CaseClosed,
        cases.TeamMemberAdded,
        cases.TeamMemberRemoved,
        cases.ConsentGranted,
        cases.ConsentNarrowed,
        cases.ConsentWithdrawn,
        cases.ConsentExpired,
        cases.ConsentSuspended,
        cases.ConsentConfirmed,
        cases.ConsentOverridden,
        cases.ConsentOverrideEnded,
        cases.ConsentReceiptMissing,
        cases.MeasurePlanned,
        cases.MeasureStopped,
        cases.HandoverSent,
        cases.HandoverAccepted,
        cases.HandoverRejected,
        cases.HandoverWithdrawn,
        cases.HandoverCancelled,
        cases.HandoverTransferred,
        cases.HandoverCoordinationAccepted,
        safekeeping.BreakGlassReviewed,
        safekeeping.CaseContinued,
        meetings.AgendaItemAdded,
        notify.SubscriptionReceiptMissing,
    )
}
"""The events that say who has to do with a case, or that something is missing."""
TYPES: Final = (*FACTS, AccessRecorded.TYPE)
"""Entries of other types are counted, and not read."""


def observe(
    *,
    position: int,
    logged_at: datetime,
    happened_at: datetime,
    event_type: str | None,
    source: str | None,
    number: int | None,
    actor: str | None,
    leaf: bytes | None,
) -> Observed:
    """Return what is seen of an entry. One whose data has not the form of its type says nothing: bad input stops no control.

    Neither does one that dates itself, or a day that it names, outside the years 1900 to 9000: nothing can be reckoned with it.

    Neither does one in the name of another service than the one whose facts these are: the log has a finding about that.

    Args:
        position, logged_at, happened_at, event_type, source, number, actor: as the log's index has them.
        leaf: the entry's bytes; None for a type that is not in `TYPES`, or where it was pruned.
    """
    who = None if actor is None else ActorId(actor)
    seen = Observed(position, logged_at, happened_at, source, number, who)
    if not _reckonable(happened_at):
        return seen
    if leaf is None or event_type is None or event_type not in TYPES or not is_own(event_type, source or ""):
        return seen
    at = happened_at if happened_at <= logged_at + AHEAD else logged_at
    try:
        data = from_json(leaf)["data"]
        if event_type == AccessRecorded.TYPE:
            look = _look(AccessRecorded.model_validate(data), position, at, logged_at)
            return Observed(position, logged_at, at, source, number, who, look=look)
        fact = FACTS[event_type].model_validate(data)
    except (ValidationError, ValueError, KeyError, TypeError):
        return seen
    if not all(_reckonable(value) for value in dict(fact).values() if isinstance(value, date)):
        return seen
    return Observed(position, logged_at, at, source, number, who, fact=fact)


def _reckonable(value: date) -> bool:
    """Return whether it is of the years that are reckoned with; a moment, in UTC or in any zone, by its year in both."""
    years = {value.year}
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            years.add(value.astimezone(UTC).year)
        except OverflowError:
            return False
    return all(FIRST_YEAR <= year <= LAST_YEAR for year in years)


def _look(record: AccessRecorded, position: int, at: datetime, logged_at: datetime) -> Look:
    return Look(
        position=position,
        at=at,
        logged_at=logged_at,
        kind=record.kind,
        actor=record.actor.id,
        role=record.actor.role,
        service=record.actor.service,
        unit=record.actor.unit,
        organisation=record.actor.organisation,
        case=record.case,
        permitted=record.permitted,
        # An end that cannot be reckoned with is none: the look itself counts all the same.
        until=record.valid_to if record.valid_to is not None and _reckonable(record.valid_to) else None,
    )
