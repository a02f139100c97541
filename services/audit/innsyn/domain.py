"""Which entries of a case become rows of the report, and how rows are put together. No input or output.

The rule is one table, `LEFT_OUT`: shown is what was permitted and gave content out. Not shown are refusals (the privacy
officer's), the oversight's own reading of the log, acts that give nothing out (writing, lists without content), what the rest of
the family did themselves, and categories over which the child decides alone. Seals and the system's events are no access records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.audit.domain.log import OWN_SOURCE
from shared.clock import oslo_day
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.access import Recipient as RecordedRecipient
from shared.contracts.base import Model, Moment
from shared.contracts.codes import InformationCategory, Language, LegalBasis, Purpose, Role, Service
from shared.refs import ActorId, ActorIdField, CaseRefField, DocumentRef, LogScopeField, OrganisationNumber

VeiledField = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""What stands for an actor in one answer of the cases service (`shared.actor_names.ActorNames.veiled`)."""


class Right(Model):
    """What the report may tell the person who asks: the cases service's answer at this moment."""

    case: CaseRefField
    actor: ActorIdField
    relation: Literal["guardian", "child"]
    log: LogScopeField
    address_protected: bool
    asking: UUID
    left_out: frozenset[VeiledField]
    """Whose own looks are not for this person, veiled for this asking: a guardian is told nobody's reference."""
    withheld: frozenset[InformationCategory]
    basis: LegalBasis
    language: Language | None


class Logged(Model):
    """One entry of the case's log, as far as the report needs it."""

    position: int
    source: str
    happened: datetime
    correlation: UUID
    access: AccessRecorded
    veiled: frozenset[str]
    """Who looked, as `Right.left_out` names people: under each key there is, while that is being changed."""


class Verdict(StrEnum):
    """What becomes of an entry."""

    SHOWN = "shown"
    NO_CONTENT = "no-content"
    """Somebody saw that there is a case and where it stands, no name and no content: counted, not listed."""
    REFUSED = "refused"
    OTHER_ACT = "other-act"
    OVERSIGHT = "oversight"
    FAMILY = "family"
    WITHHELD = "withheld"


GIVES_CONTENT: Final = frozenset(
    {
        AccessKind.READ,
        AccessKind.DISCLOSE,
        AccessKind.PRINT,
        AccessKind.EXPORT,
        AccessKind.SEARCH,
        AccessKind.LIST,
        AccessKind.BREAK_GLASS,
    }
)
"""Kinds of acts by which somebody learns something. Writing and reading the log are none."""
_PRIVATE: Final = frozenset({Role.GUARDIAN, Role.CHILD})


def _of_the_family(entry: Logged, right: Right) -> bool:
    """Return whether it is somebody's own look that is not for the asker: the child is told of its guardians, not they of it.

    What one of the family saw at work is no look of the family's: it is there for whoever uses a sign-in at work for that.
    """
    actor = entry.access.actor
    at_work = actor.service is not None and actor.role not in _PRIVATE
    if actor.id == right.actor or at_work:
        return False
    return bool(entry.veiled & right.left_out) or (right.relation == "guardian" and actor.role in _PRIVATE)


def _no_content(access: AccessRecorded) -> bool:
    return access.kind is not AccessKind.BREAK_GLASS and not access.categories and not access.documents


LEFT_OUT: Final[tuple[tuple[Verdict, Callable[[Logged, Right], bool]], ...]] = (
    (Verdict.REFUSED, lambda entry, _: not entry.access.permitted or entry.access.kind is AccessKind.DENY),
    (Verdict.OVERSIGHT, lambda entry, _: entry.source == OWN_SOURCE or entry.access.kind is AccessKind.LOG_READ),
    (Verdict.OTHER_ACT, lambda entry, _: entry.access.kind not in GIVES_CONTENT),
    (Verdict.WITHHELD, lambda entry, right: entry.access.not_for_guardians and right.relation == "guardian"),
    (Verdict.FAMILY, _of_the_family),
    (Verdict.NO_CONTENT, lambda entry, _: _no_content(entry.access)),
    (
        Verdict.WITHHELD,
        lambda entry, right: bool(entry.access.categories) and entry.access.categories <= right.withheld,
    ),
)
"""Why an entry is no row; the first that holds decides."""


def verdict(entry: Logged, right: Right) -> Verdict:
    """Return what becomes of `entry` in a report for whoever has `right`."""
    return next((why for why, holds in LEFT_OUT if holds(entry, right)), Verdict.SHOWN)


class RecipientKind(StrEnum):
    """What somebody is who was told."""

    EMPLOYEE = "employee"
    YOU = "you"
    GUARDIAN = "guardian"
    CHILD = "child"
    PROGRAM = "program"
    """A service of the municipality's own that works by itself: notifications."""


class Recipient(Model):
    """Who was told: organisation, service and role. The person only as an opaque reference, for the name if a rule gives it."""

    kind: RecipientKind
    service: Service | None = None
    role: Role | None = None
    organisation: OrganisationNumber | None = None
    place_hidden: bool = False
    """The case is address-protected: the organisation would tell where the child is."""
    actor: ActorId | None = Field(default=None, exclude=True)
    """Never part of an answer."""


class Row(Model):
    """Looks of one recipient on one day in Norway, of one kind, on one basis and for one purpose."""

    day: date
    recipient: Recipient
    kind: AccessKind
    in_meeting: bool
    basis: LegalBasis | None
    purpose: Purpose | None
    shared_until: date | None
    """The last day for which it was shared."""
    first: Moment
    last: Moment
    looks: int
    categories: tuple[InformationCategory, ...]
    documents: int
    positions: tuple[int, ...]
    """The entries' numbers in the log."""


class Counted(Model):
    """The rows, and what is only counted."""

    rows: tuple[Row, ...]
    looks: int
    without_content: int
    unreadable: int


class _Key(Model):
    """What looks have in common that become one row."""

    day: date
    recipient: Recipient
    kind: AccessKind
    in_meeting: bool
    basis: LegalBasis | None
    purpose: Purpose | None
    shared_until: date | None


class _Group:
    """Looks that become one row."""

    def __init__(self) -> None:
        self.moments: set[tuple[datetime, UUID]] = set()
        self.categories: set[InformationCategory] = set()
        self.documents: set[DocumentRef] = set()
        # Once: two recipients of one disclosure are alike where the place is hidden.
        self.positions: set[int] = set()

    def add(self, entry: Logged, withheld: frozenset[InformationCategory]) -> None:
        # One look that rests on two consents is two records of the same moment and request.
        self.moments.add((entry.happened, entry.correlation))
        self.categories |= entry.access.categories - withheld
        self.documents |= set(entry.access.documents)
        self.positions.add(entry.position)

    def row(self, key: _Key) -> Row:
        times = sorted(moment for moment, _ in self.moments)
        return Row(
            day=key.day,
            recipient=key.recipient,
            kind=key.kind,
            in_meeting=key.in_meeting,
            basis=key.basis,
            purpose=key.purpose,
            shared_until=key.shared_until,
            first=times[0],
            last=times[-1],
            looks=len(self.moments),
            categories=tuple(sorted(self.categories)),
            documents=len(self.documents),
            positions=tuple(sorted(self.positions)),
        )


class Counting:
    """Takes the entries of a case one by one, in any number, and keeps only rows."""

    def __init__(self, right: Right) -> None:
        self._right = right
        self._groups: dict[_Key, _Group] = {}
        self._without_content = 0
        self._unreadable = 0

    def add(self, entry: Logged | None) -> None:
        """Take one entry; None for one that is an access record of this case and cannot be read."""
        if entry is None:
            self._unreadable += 1
            return
        found = verdict(entry, self._right)
        if found is Verdict.NO_CONTENT and entry.access.actor.role not in _PRIVATE:
            self._without_content += 1
        if found is not Verdict.SHOWN:
            return
        for recipient in recipients(entry.access, self._right):
            key = _key(entry, recipient)
            self._groups.setdefault(key, _Group()).add(entry, self._right.withheld)

    def counted(self) -> Counted:
        """Return the rows, the newest first."""
        rows = [group.row(key) for key, group in self._groups.items()]
        rows.sort(key=lambda row: (row.last, row.positions), reverse=True)
        looks = sum(row.looks for row in rows)
        return Counted(
            rows=tuple(rows), looks=looks, without_content=self._without_content, unreadable=self._unreadable
        )


def count(entries: Iterable[Logged | None], right: Right) -> Counted:
    """Return what the report tells of `entries`."""
    counting = Counting(right)
    for entry in entries:
        counting.add(entry)
    return counting.counted()


def recipients(access: AccessRecorded, right: Right) -> list[Recipient]:
    """Return who was told: those whom the record names as recipients, else who looked."""
    hidden = right.address_protected or access.address_protected
    if not access.recipients:
        return [_looker(access.actor, right, hidden)]
    return [_named(one, access.actor, hidden) for one in access.recipients]


def _looker(actor: AccessActor, right: Right, hidden: bool) -> Recipient:
    private = {Role.GUARDIAN: RecipientKind.GUARDIAN, Role.CHILD: RecipientKind.CHILD}
    if actor.id == right.actor:
        return Recipient(kind=RecipientKind.YOU)
    if actor.role in private:
        return Recipient(kind=private[actor.role])
    program = actor.role is Role.SERVICE_ACCOUNT
    return Recipient(
        kind=RecipientKind.PROGRAM if program else RecipientKind.EMPLOYEE,
        service=actor.service,
        role=None if program else actor.role,
        organisation=None if hidden else actor.organisation,
        place_hidden=hidden,
        actor=None if program else actor.id,
    )


def _named(told: RecordedRecipient, actor: AccessActor, hidden: bool) -> Recipient:
    # Who fetches what a meeting shares is its recipient; who tells others is not.
    self_told = (told.service, told.role, told.organisation) == (actor.service, actor.role, actor.organisation)
    return Recipient(
        kind=RecipientKind.EMPLOYEE,
        service=told.service,
        role=told.role,
        organisation=None if hidden else told.organisation,
        place_hidden=hidden,
        actor=actor.id if self_told else None,
    )


def _key(entry: Logged, recipient: Recipient) -> _Key:
    access = entry.access
    # `valid_to` is the moment at which it ended: the day before is the last.
    until = None if access.valid_to is None else oslo_day(access.valid_to - timedelta(microseconds=1))
    return _Key(
        day=oslo_day(entry.happened),
        recipient=recipient,
        kind=access.kind,
        in_meeting=access.meeting is not None,
        basis=access.basis,
        purpose=access.purpose,
        shared_until=until,
    )
