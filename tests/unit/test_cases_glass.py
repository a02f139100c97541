"""Emergency access: who may, how much, how long, and that it is always reviewed by somebody else (invariant 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain import access, glass
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.kept import GlassStatus, ProtectionState
from services.cases.domain.relations import relations
from services.cases.domain.search import Candidate
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import (
    CaseError,
    GlassNotAllowedError,
    GlassOpenError,
    GlassReviewedError,
    GlassUnneededError,
    NotInvolvedError,
    OwnReviewError,
    UnknownPartError,
)
from shared.contracts.base import EventData
from shared.contracts.codes import InformationCategory, Role, Service
from shared.contracts.safekeeping import (
    BreakGlassOpened,
    BreakGlassReviewEscalated,
    BreakGlassReviewOverdue,
    GlassOutcome,
    GlassReason,
    ProtectionKind,
)
from shared.refs import GlassRef, LogScope, UnitId
from tests.unit.cases_town import (
    BARNEVERN,
    CURIOUS,
    EMPLOYEES,
    GLASS_RULES,
    NURSE,
    RULES,
    STRANGER,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
)

HEALTH: Final = frozenset({InformationCategory.HEALTH})
HEAD_NURSE: Final = employee("headnurse", Role.LEADER, Service.HELSESTASJON, UnitId("unit:helsestasjon"))
OVERSEER: Final = employee("overseer", Role.PRIVACY_OFFICER, Service.LEDELSE, UnitId("unit:radhuset"))


def asked(
    town: Town,
    by: Acting = NURSE,
    reason: GlassReason = GlassReason.DANGER_TO_LIFE,
    categories: frozenset[InformationCategory] = HEALTH,
    hours: int = 2,
) -> glass.BreakGlass:
    return glass.BreakGlass(
        by=by, glass=GlassRef(town.ids.ref("brk")), reason=reason, categories=categories, hours=hours
    )


def broken(town: Town, command: glass.BreakGlass) -> GlassRef:
    town.take(glass.decide_open(town.state, command, town.now, RULES, GLASS_RULES))
    return command.glass


def reviewed(
    town: Town, ref: GlassRef, by: Acting = HEAD_NURSE, outcome: GlassOutcome = GlassOutcome.JUSTIFIED
) -> None:
    present = town.state.glass[ref]
    command = glass.ReviewGlass(by=by, glass=ref, outcome=outcome, unit=present.by.unit)
    town.take(glass.decide_review(town.state, command, town.now))


def shown(town: Town, who: Acting) -> frozenset[InformationCategory]:
    return access.permit(town.state, Action.READ_CHILD, who, town.now).categories


@pytest.mark.story(19)
def test_it_opens_for_that_person_and_that_time_only() -> None:
    town = Town().lift()
    broken(town, asked(town))
    permit = access.permit(town.state, Action.READ_CHILD, NURSE, town.now)
    assert permit.categories == HEALTH | {InformationCategory.IDENTITY}
    assert (permit.relation, permit.basis, permit.consent) == (Relation.BROKE_GLASS, "danger-to-life", None)
    for other in EMPLOYEES:
        if other not in {NURSE, TEACHER}:
            assert Relation.BROKE_GLASS not in relations(town.state, other, town.now)
    elsewhere = NURSE.model_copy(update={"unit": UnitId("unit:other")})
    with pytest.raises(NotInvolvedError):
        shown(town, elsewhere)
    town.later(hours=2)
    with pytest.raises(NotInvolvedError):
        shown(town, NURSE)


def test_the_review_closes_it_whatever_its_outcome() -> None:
    for outcome in GlassOutcome:
        town = Town().lift()
        ref = broken(town, asked(town))
        reviewed(town, ref, outcome=outcome)
        with pytest.raises(NotInvolvedError):
            shown(town, NURSE)
        with pytest.raises(GlassReviewedError):
            reviewed(town, ref)


@given(
    by=st.sampled_from(EMPLOYEES),
    reason=st.sampled_from(GlassReason),
    categories=st.frozensets(st.sampled_from(InformationCategory), min_size=1),
    hours=st.integers(min_value=-1, max_value=80),
)
def test_the_code_list_decides_and_every_opening_has_an_end_and_a_review(
    by: Acting, reason: GlassReason, categories: frozenset[InformationCategory], hours: int
) -> None:
    """Invariant 12, against the code list read a second time: no opening outside a row, none without a deadline."""
    town = Town().lift()
    command = asked(town, by=by, reason=reason, categories=categories, hours=hours)
    rows = [row for row in GLASS_RULES.openers if row.role is by.role]
    inside = any(reason in row.reasons and categories <= row.categories and 1 <= hours <= row.hours for row in rows)
    try:
        [event] = glass.decide_open(town.state, command, town.now, RULES, GLASS_RULES)
    except GlassNotAllowedError:
        assert not inside
        return
    except GlassUnneededError:
        assert by == TEACHER
        return
    assert inside
    assert isinstance(event, BreakGlassOpened)
    assert town.now < event.until <= town.now + timedelta(hours=24)
    assert event.until < event.review_by <= town.now + timedelta(days=4)
    town.take([event])
    assert town.state.glass[event.glass].review_by == event.review_by


@given(st.lists(st.sampled_from(["wait", "open", "review", "overdue", "escalate"]), max_size=12), st.data())
def test_whatever_happens_no_unreviewed_access_is_forgotten(steps: list[str], data: st.DataObject) -> None:
    """Any order of openings, reviews and deadlines: each is reviewed, or waits for somebody; replay gives the same state."""
    town = Town().lift()
    for step in steps:
        refs = list(town.state.glass)
        if step == "wait":
            town.later(hours=data.draw(st.integers(1, 100)))
        elif step == "open":
            by = data.draw(st.sampled_from([NURSE, BARNEVERN]))
            try:
                broken(town, asked(town, by=by))
            except GlassOpenError:
                assert any(one.is_open(town.now) and one.by.actor == by.actor for one in town.state.glass.values())
        elif refs:
            ref = data.draw(st.sampled_from(refs))
            happened: list[EventData] = []
            if step == "review":
                try:
                    reviewed(town, ref, by=data.draw(st.sampled_from([HEAD_NURSE, OVERSEER, STYRER])))
                except CaseError:
                    continue
            elif step == "overdue":
                happened = list(glass.decide_overdue(town.state, ref, town.now, GLASS_RULES))
                assert not happened or town.now >= town.state.glass[ref].review_by
            else:
                happened = list(glass.decide_escalate(town.state, ref, town.now, GLASS_RULES))
                assert not happened or town.state.glass[ref].status is GlassStatus.OVERDUE
            town.take(happened)
    for one in town.state.glass.values():
        said = [event.TYPE.split(".")[-2] for event in town.history if getattr(event, "glass", None) == one.ref]
        assert said.count("opened") == 1
        assert all(said.count(word) <= 1 for word in ("reviewed", "review-overdue", "review-escalated"))
        assert (one.status is GlassStatus.REVIEWED) == ("reviewed" in said)
    assert fold(CaseState(), town.history) == town.state


def test_who_reviews() -> None:
    """The leader of whoever opened it; the privacy officer when that has failed; never whoever opened it, nor anybody else."""
    town = Town().lift()
    ref = broken(town, asked(town))
    for nobody in (STYRER, TEACHER, CURIOUS, OVERSEER, guardian(1), STRANGER):
        with pytest.raises(NotInvolvedError):
            reviewed(town, ref, by=nobody)
    with pytest.raises(UnknownPartError):
        glass.reviewer(town.state, HEAD_NURSE, GlassRef(town.ids.ref("brk")), None)
    town.later(days=4)
    [overdue] = glass.decide_overdue(town.state, ref, town.now, GLASS_RULES)
    assert isinstance(overdue, BreakGlassReviewOverdue)
    assert glass.decide_escalate(town.state, ref, town.now, GLASS_RULES) == []
    town.take([overdue])
    town.later(days=2)
    [escalated] = glass.decide_escalate(town.state, ref, town.now, GLASS_RULES)
    assert isinstance(escalated, BreakGlassReviewEscalated)
    town.take([escalated])
    reviewed(town, ref, by=OVERSEER)
    assert town.state.glass[ref].status is GlassStatus.REVIEWED


def test_nobody_reviews_their_own() -> None:
    town = Town().lift()
    both = NURSE.model_copy(update={"roles": NURSE.roles | {Role.LEADER}})
    ref = broken(town, asked(town, by=both))
    with pytest.raises(OwnReviewError):
        reviewed(town, ref, by=both)


def test_a_protected_child_is_opened_by_nobody_without_the_clearance() -> None:
    town = Town(address_protected=True).lift()
    with pytest.raises(NotInvolvedError):
        broken(town, asked(town))
    cleared = NURSE.model_copy(update={"cleared": True})
    ref = broken(town, asked(town, by=cleared))
    assert town.state.glass[ref].by.unit is None
    assert shown(town, cleared) == HEALTH | {InformationCategory.IDENTITY}
    with pytest.raises(NotInvolvedError):
        shown(town, NURSE)
    with pytest.raises(NotInvolvedError):
        glass.reviewer(town.state, HEAD_NURSE, ref, HEAD_NURSE.unit)
    assert glass.reviewer(town.state, HEAD_NURSE.model_copy(update={"cleared": True}), ref, HEAD_NURSE.unit)


def test_it_is_refused_where_nothing_is_gained() -> None:
    town = Town().lift()
    with pytest.raises(GlassUnneededError):
        broken(town, asked(town, by=TEACHER))
    broken(town, asked(town))
    with pytest.raises(GlassOpenError):
        broken(town, asked(town))


@pytest.mark.parametrize("same_municipality", [True, False])
@pytest.mark.parametrize("cleared", [True, False])
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("protected", [True, False])
def test_by_number_is_opened_what_by_reference_would_be_and_nothing_of_another_municipality(
    same_municipality: bool, cleared: bool, stage: Stage, protected: bool
) -> None:
    town = Town().lift()
    protection = ProtectionState(kind=ProtectionKind.CONFIDENTIAL) if protected else None
    known = None if stage is Stage.UNKNOWN else town.state.case
    changes = {"stage": stage, "case": known, "address_protected": protected, "protection": protection}
    state = town.state.model_copy(update=changes)
    by = NURSE.model_copy(update={"cleared": cleared})
    try:
        glass.decide_open(state, asked(town, by), town.now, RULES, GLASS_RULES)
        refused = None
    except NotInvolvedError as denied:
        refused = denied.reason
    if not same_municipality:
        refused = "other-municipality"
    one = Candidate(state=state, version=1, scope=LogScope("4005"), acting=by, same_municipality=same_municipality)
    found = glass.sort_out([one])
    assert found.there == ((one,) if refused is None else ())
    assert [hidden.reason for hidden in found.hidden] == ([] if refused is None else [refused])
