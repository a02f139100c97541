"""Nobody has to do with their own child's case at work (forvaltningsloven § 6): they leave its item as others without a basis do.

Meetings know neither children nor guardians: they know by marks in the cases' events whether somebody is of a child's family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.meetings.domain.invitation import Standing
from services.meetings.domain.meeting import Item, MeetingState
from shared.actor_names import KnownActors
from shared.contracts.codes import Service
from shared.contracts.meetings import ItemMode, Seat
from shared.refs import ActorId, CaseRef


@dataclass(frozen=True, slots=True)
class Families:
    """The families of some cases, as their events have them."""

    known: KnownActors
    marks: Mapping[CaseRef, frozenset[str]] = field(default_factory=dict)

    def has(self, case: CaseRef | None, actor: ActorId) -> bool:
        """Return whether `actor` is of the child's family, or was: at work the case is none of theirs."""
        present = frozenset[str]() if case is None else self.marks.get(case, frozenset())
        return bool(present) and case is not None and not present.isdisjoint(self.known.family_marks(case, actor))


def family_seats(
    state: MeetingState, item: Item, takers: Mapping[Seat, ActorId], families: Families
) -> frozenset[Seat]:
    """Return the seats that are taken by somebody of the family of the child that the item names."""
    return frozenset(
        seat
        for seat, actor in takers.items()
        if state.answers.standing(seat) is Standing.ACCEPTED and families.has(item.case, actor)
    )


def leaving(state: MeetingState, item: Item, of_family: frozenset[Seat]) -> tuple[Seat, ...]:
    """Return whose seats leave the item: no consent covers them, or it is the child of who takes the seat. Nobody is told which."""
    if item.mode is not ItemMode.NAMED:
        return ()
    return tuple(seat for seat in state.seats if seat in of_family or not _may_stay(item, seat))


def leaving_services(item: Item, of_family: frozenset[Seat]) -> frozenset[Service]:
    """Return which services are not taken to have heard the item, unless somebody says so: a colleague may have stayed instead."""
    return frozenset(seat.service for seat in of_family if seat.service is not item.held_by)


def _may_stay(item: Item, seat: Seat) -> bool:
    own = seat.service is item.held_by and seat.unit in {None, item.held_by_unit}
    return own or seat.service in item.covered
