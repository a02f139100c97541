"""The family's part in what is said of its child: for each child by itself, whatever the meeting had in all (seed rules 12, 73, 99)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena_rules import ArenaRules, GuardiansPart
from services.meetings.domain.family_part import FamilyPart, parts
from services.meetings.domain.meeting import Item, MeetingState
from services.meetings.errors import (
    ChildMissingError,
    ChildPartMissingError,
    FamilyUnclearError,
    GuardiansMissingError,
    MeetingsError,
)
from services.meetings.settings import MeetingsSettings
from shared.contracts.meetings import ChildPart, Guardians, ItemKind, ItemMode
from shared.refs import CaseRef, ItemRef, LogScope

PROFILES: Final = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)
CASES: Final = tuple(CaseRef("cas_" + letter * 26) for letter in "bcd")


def rules(guardians: Guardians, child: Guardians) -> ArenaRules:
    """Return Notodden's transition meeting with these parts of the family."""
    found = PROFILES[LogScope("4005")].arena("overgang-barnehage-skole")
    assert found is not None
    return found.model_copy(
        update={
            "guardians": GuardiansPart(part=guardians, rule=12),
            "child": GuardiansPart(part=child, rule=73),
        }
    )


def item(number: int, case: CaseRef | None) -> Item:
    """Return an item about the child, or about none."""
    mode = ItemMode.ANONYMOUS if case is None else ItemMode.NAMED
    return Item(item=ItemRef(f"itm_{number}"), kind=ItemKind.CASE, mode=mode, case=case)


PARTS: Final = st.builds(
    FamilyPart,
    guardians=st.none() | st.integers(0, 3),
    child=st.none() | st.sampled_from(ChildPart),
    absence=st.none() | st.sampled_from(["ill", "too-young"]),
)


@pytest.mark.rule(12, 73, 99)
@settings(max_examples=400, deadline=None)
@given(
    guardians=st.sampled_from(Guardians),
    child=st.sampled_from(Guardians),
    present=st.integers(0, 3),
    said=st.lists(st.tuples(st.none() | st.sampled_from(CASES), PARTS), max_size=5),
)
def test_each_child_s_family_is_judged_by_itself(
    guardians: Guardians, child: Guardians, present: int, said: list[tuple[CaseRef | None, FamilyPart]]
) -> None:
    told = [(item(number, case), part) for number, (case, part) in enumerate(said)]
    children = {case for case, _ in said if case is not None}
    of = {case: [part for each, part in said if each == case] for case in children}
    counted = {
        case: max((part.guardians for part in those if part.guardians is not None), default=None)
        for case, those in of.items()
    }
    if len(children) == 1:
        counted = {case: present if number is None else number for case, number in counted.items()}
    unclear = any(
        (part.guardians or 0) > present
        or (part.child is ChildPart.NOT_PRESENT) != (part.absence is not None)
        or (case is None and part != FamilyPart())
        for case, part in said
    )
    without = {case for case in children if not counted[case]}
    unsaid = {case for case in children if all(part.child is None for part in of[case])}
    away = {case for case in children if {part.child for part in of[case]} <= {None, ChildPart.NOT_PRESENT}}
    # In the order in which it is said what is wrong.
    wrong: dict[type[MeetingsError], bool] = {
        FamilyUnclearError: unclear,
        GuardiansMissingError: guardians is Guardians.REQUIRED and bool(without),
        ChildPartMissingError: child is not Guardians.NONE and bool(unsaid),
        ChildMissingError: child is Guardians.REQUIRED and bool(away),
    }
    if (first := next((kind for kind, there in wrong.items() if there), None)) is not None:
        with pytest.raises(first):
            parts(rules(guardians, child), present, told)
        return
    found = parts(rules(guardians, child), present, told)
    assert found.keys() == children
    for case, part in found.items():
        assert part.guardians == counted[case]
        assert part.guardians or guardians is not Guardians.REQUIRED
        assert part.child is not None or child is Guardians.NONE
        assert (part.child is ChildPart.NOT_PRESENT) == (part.absence is not None)
        if child is Guardians.REQUIRED:
            assert part.child in {ChildPart.PRESENT, ChildPart.REPRESENTED}


@pytest.mark.rule(12, 73)
def test_what_is_recorded_later_is_not_judged_by_what_an_older_meeting_did_not_say() -> None:
    """A meeting from before its guardians were kept, and counted child by child, refuses nothing that is recorded now."""
    asked = rules(Guardians.REQUIRED, Guardians.INVITED)
    now, before = item(1, CASES[0]), item(2, CASES[1])
    said = FamilyPart(2, ChildPart.PRESENT)
    for old in (FamilyPart(), FamilyPart(3)):
        assert parts(asked, None, [(now, said)], [(before, old)]) == {CASES[0]: said}
    assert parts(rules(Guardians.INVITED, Guardians.NONE), None, [(now, FamilyPart())]) == {CASES[0]: FamilyPart()}
    # What is recorded already counts: the meeting's guardians are not this child's alone.
    with pytest.raises(GuardiansMissingError):
        parts(asked, 2, [(now, FamilyPart(child=ChildPart.PRESENT))], [(before, said)])
    old_state = MeetingState.model_validate_json('{"status": "held"}')
    assert old_state.guardians_present is None
