"""Which part a child and its guardians had in what was said of the child by name: counted child by child (seed rules 12, 73, 99).

How many guardians a meeting had says nothing of each child where several are on the agenda. Nobody is named: a number, and codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.meeting import Item
from services.meetings.errors import ChildMissingError, ChildPartMissingError, FamilyUnclearError, GuardiansMissingError
from shared.contracts.meetings import ChildAbsence, ChildPart, Guardians, ItemMode
from shared.refs import CaseRef


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """The family's part in one item."""

    guardians: int | None = None
    """How many of the child's guardians heard it; None: it was not said."""
    child: ChildPart | None = None
    absence: ChildAbsence | None = None
    """Why the child was not there."""


NOTHING_SAID: Final = FamilyPart()


def parts(
    rules: ArenaRules,
    guardians_present: int | None,
    said: Sequence[tuple[Item, FamilyPart]],
    recorded: Sequence[tuple[Item, FamilyPart]] = (),
) -> dict[CaseRef, FamilyPart]:
    """Return the family's part in what was said of each child by name.

    Where there is one child only, the meeting's guardians are that child's, and need not be said again.

    Args:
        rules: the arena's.
        guardians_present: how many the meeting had; None: it is not known, and nothing is judged or taken by it.
        said: what is said now.
        recorded: what was recorded of the meeting before: it counts, and is not judged again, by rules that it may be older than.

    Raises:
        FamilyUnclearError: it is said of an item that names no child; more guardians heard it than the meeting had; or of a child
            that was not there not why, or of one that was why not.
        GuardiansMissingError: where they are required, none of a child's was there (seed rule 12).
        ChildPartMissingError: where the child is invited, it is not said whether it was there (seed rules 73, 99).
        ChildMissingError: where it is required, it was neither there nor represented.
    """
    named: dict[CaseRef, list[FamilyPart]] = {}
    for item, part in said:
        unclear = part.guardians is not None and guardians_present is not None and part.guardians > guardians_present
        unclear |= (part.child is ChildPart.NOT_PRESENT) is not (part.absence is not None)
        unclear |= item.mode is not ItemMode.NAMED and part != NOTHING_SAID
        if unclear:
            raise FamilyUnclearError(extensions={"item": item.item})
    for item, part in (*recorded, *said):
        if item.mode is ItemMode.NAMED and item.case is not None:
            named.setdefault(item.case, []).append(part)
    alone = guardians_present if len(named) == 1 else None
    now = {item.case for item, _ in said}
    found = {case: _together(those, alone) for case, those in named.items() if case in now}
    _check_guardians(rules, said, found)
    _check_child(rules, said, found)
    return found


def _together(those: Sequence[FamilyPart], alone: int | None) -> FamilyPart:
    """Return the part in all that was said of the child: the most guardians that were said, and the nearest that the child came."""
    counted = [part.guardians for part in those if part.guardians is not None]
    nearest = min(
        (part for part in those if part.child is not None), key=lambda part: _NEAR[part.child], default=NOTHING_SAID
    )
    return FamilyPart(max(counted) if counted else alone, nearest.child, nearest.absence)


_NEAR: Final = {ChildPart.PRESENT: 0, ChildPart.REPRESENTED: 1, ChildPart.NOT_PRESENT: 2, None: 3}


def _check_guardians(
    rules: ArenaRules, said: Sequence[tuple[Item, FamilyPart]], found: dict[CaseRef, FamilyPart]
) -> None:
    if rules.guardians_part is not Guardians.REQUIRED:
        return
    if without := [case for case, part in found.items() if not part.guardians]:
        raise GuardiansMissingError(extensions={"items": _items(said, without)})


def _check_child(rules: ArenaRules, said: Sequence[tuple[Item, FamilyPart]], found: dict[CaseRef, FamilyPart]) -> None:
    if rules.child is None or rules.child.part is Guardians.NONE:
        return
    if unsaid := [case for case, part in found.items() if part.child is None]:
        raise ChildPartMissingError(extensions={"items": _items(said, unsaid)})
    away = [case for case, part in found.items() if part.child is ChildPart.NOT_PRESENT]
    if away and rules.child.part is Guardians.REQUIRED:
        raise ChildMissingError(extensions={"items": _items(said, away)})


def _items(said: Sequence[tuple[Item, FamilyPart]], of: Sequence[CaseRef]) -> list[JsonValue]:
    return [*sorted(item.item for item, _ in said if item.case in of)]
