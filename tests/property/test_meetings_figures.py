"""Figures of a term, against a second way to count them: fact by fact, and however the facts lie."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.domain.conformity import View
from services.meetings.domain.figure_facts import (
    Attended,
    CaseHeld,
    CaseShut,
    ConcernCame,
    ConcernMet,
    ConsentAsked,
    ConsentCame,
    Happened,
    MeasureDue,
    MeasureIn,
    MeasureJudged,
    OverlapSeen,
    SeatsOf,
    fact_of,
    moment_of,
)
from services.meetings.domain.figures import (
    COUNTED,
    OTHER,
    STAGES,
    WITH_GUARDIANS,
    Figure,
    FigureCode,
    Numbers,
    count,
)
from services.meetings.domain.profile import Profile
from services.meetings.domain.reports import Known, content_of, report_of
from services.meetings.domain.reports import counted as told_anew
from services.meetings.pages.report_page import render_report
from services.meetings.pages.report_texts import REPORT_WORDS
from shared.contracts.base import EventData
from shared.contracts.cases import (
    ConsentConfirmed,
    ConsentExpired,
    ConsentLapsed,
    ConsentReassessmentDue,
    ConsentRefused,
    ConsentRenewalRequested,
    ConsentRenewed,
    ConsentSuspended,
    ConsentWithdrawn,
    CoordinatorKind,
    Effect,
    ForWhom,
    HandoverAccepted,
    HandoverCancelled,
    HandoverKind,
    HandoverRejected,
    HandoverSent,
    HandoverTransferred,
    HandoverWithdrawn,
    MeasureOverlapExplained,
    MeasureOverlapSuspected,
    MeasureStopped,
    OverlapExplanation,
    Package,
    Party,
    TransitionFormSent,
)
from shared.contracts.codes import Language, LegalBasis, Role, Scope, Service
from shared.contracts.consultations import Body, ConsultationAnswered, ConsultationClosed, Position
from shared.contracts.meetings import Attendance, MeetingHeld
from shared.contracts.reports import ConcernReportFeedback, ConcernReportUnanswered
from shared.contracts.transition_forms import TransitionFormOverdue
from shared.refs import (
    ActorId,
    ArenaRef,
    CaseRef,
    ConcernRef,
    ConcernReportRef,
    ConsentRef,
    ConsultationRef,
    FormRef,
    HandoverRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    UnitId,
)
from shared.small_numbers import THRESHOLD, suppress
from tests.unit.report_world import SKIEN, TYNSET, content, period, story

UNITS = [unit.id for unit in TYNSET.units]
FAMILIES = ("foreldrekontakt", "overgangsmote")
AUTUMN, SPRING = period("2026-autumn"), period("2027-spring")


def told(seed: int, cases: int) -> list[Happened]:
    """Return a year that begins before the autumn and ends after it."""
    return story(TYNSET, seed, cases, AUTUMN.begins - timedelta(days=60))


def counted(facts: list[Happened], code: str = "2026-autumn") -> Numbers:
    """Return what is counted of them."""
    return count(facts, period(code), UNITS, ["sprakopplaering"])


@pytest.mark.rule(154, 155, 157, 179, 180)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cases=st.integers(0, 40))
def test_each_event_of_the_term_is_counted_once_and_no_other(seed: int, cases: int) -> None:
    facts = told(seed, cases)
    numbers = counted(facts)
    inside = [one.fact for one in facts if AUTUMN.begins <= one.at < AUTUMN.ends]
    came = [fact for fact in inside if isinstance(fact, ConcernCame)]
    assert numbers.concerns == Counter(fact.unit for fact in came)
    assert numbers.for_whom == Counter(fact.for_whom for fact in came)
    assert sum(numbers.waited.values()) == sum(isinstance(fact, ConcernMet) for fact in inside)
    put_in = [fact for fact in inside if isinstance(fact, MeasureIn)]
    assert sum(numbers.by_level.values()) == sum(numbers.offers.values()) == len(put_in)
    assert numbers.with_ppt.get("ppt", 0) == sum(fact.owner is Service.PPT for fact in put_in)
    judged = [fact for fact in inside if isinstance(fact, MeasureJudged)]
    assert sum(numbers.evaluations.values()) == len(judged)
    answered = [fact for fact in inside if isinstance(fact, ConsentCame)]
    assert sum(numbers.consents.values()) == len(answered)
    by_case = {one.subject: [two for two in facts if two.subject == one.subject] for one in facts}
    open_ = 0
    for history in by_case.values():
        last = [one.fact for one in history if one.at < AUTUMN.ends and isinstance(one.fact, CaseHeld | CaseShut)]
        open_ += bool(last) and isinstance(last[-1], CaseHeld)
    assert sum(numbers.open_cases.values()) == open_


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_the_same_events_give_the_same_report_however_they_came(seed: int, order: random.Random) -> None:
    facts = story(TYNSET, seed, 60, AUTUMN.begins)
    shuffled = list(facts)
    order.shuffle(shuffled)
    assert content(facts=shuffled).model_dump_json() == content(facts=facts).model_dump_json()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_comes_later_changes_no_term_that_is_over(seed: int) -> None:
    facts = told(seed, 30)
    later = [one for one in story(TYNSET, seed + 1, 30, AUTUMN.ends) if one.at >= AUTUMN.ends]
    assert counted([*facts, *later]) == counted(facts)
    both = [*facts, *later]
    concerns = sum(
        counted(both, code).concerns.get(unit, 0) for code in ("2026-autumn", "2027-spring") for unit in UNITS
    )
    whole = [one for one in both if AUTUMN.begins <= one.at < SPRING.ends and isinstance(one.fact, ConcernCame)]
    assert concerns == len(whole), "an event is in one term only"


@pytest.mark.rule(102, 179)
def test_time_is_counted_to_the_first_act_from_the_concern() -> None:
    came = AUTUMN.begins + timedelta(days=3)

    def concern(after: timedelta) -> list[Happened]:
        ref = ConcernRef("con_b")
        fact = ConcernCame(concern=ref, unit=UNITS[0], for_whom=ForWhom.CHILD, act_by=came + timedelta(days=14))
        acts = [Happened("cas_b", at, came + after * (at - 1), ConcernMet(concern=ref)) for at in (2, 3)]
        return [Happened("cas_b", 1, came, fact), *acts]

    assert counted(concern(timedelta(days=7))).waited == {"within-7-days": 1}
    assert counted(concern(timedelta(days=7, seconds=1))).waited == {"in-time": 1}
    assert counted(concern(timedelta(days=14))).waited == {"in-time": 1}
    assert counted(concern(timedelta(days=14, seconds=1))).waited == {"late": 1}


@pytest.mark.rule(107)
def test_an_offer_of_the_baton_is_counted_when_somebody_answers_it_and_not_when_it_falls_to_the_leader() -> None:
    party = Party(actor=ActorId("act_somebody-in-tynset"), role=Role.TEACHER, unit=UNITS[0])
    case, ref, came = CaseRef("cas_" + "b" * 26), HandoverRef("hdo_" + "b" * 26), AUTUMN.begins + timedelta(days=3)
    sent = HandoverSent(
        case=case,
        handover=ref,
        kind=HandoverKind.BATON,
        sender=party,
        receiver=party,
        basis=LegalBasis(code="own-task", version="2018-07-20"),
        package=Package(),
        respond_by=came + timedelta(days=14),
    )

    def after(days: int, answer: EventData, offer: HandoverSent = sent) -> dict[str, int]:
        told = [(came, fact_of(offer)), (came + timedelta(days=days), fact_of(answer))]
        # It is answered once, whatever else comes.
        told.append((came + timedelta(days=30), fact_of(HandoverRejected(case=case, handover=ref, reason="other"))))
        facts = [Happened(case, place, at, fact) for place, (at, fact) in enumerate(told, start=1) if fact]
        return counted(facts).offered

    accepted = HandoverAccepted(case=case, handover=ref, holder=party)
    rejected = HandoverRejected(case=case, handover=ref, reason="capacity")
    assert after(7, accepted) == {"within-7-days": 1}
    assert after(14, rejected) == {"in-time": 1}
    assert after(15, HandoverTransferred(case=case, handover=ref)) == {"late": 1}
    assert after(2, accepted.model_copy(update={"by_rule": True})) == {"late": 1}, "what counts is the answer after it"
    assert after(2, accepted, sent.model_copy(update={"coordination": CoordinatorKind.ANSVARSGRUPPE})) == {}


@pytest.mark.rule(88, 89, 90)
def test_an_evaluation_is_in_time_by_the_day_that_held_then() -> None:
    first = AUTUMN.begins + timedelta(days=10)
    ref = MeasureRef("mea_b")
    measure = MeasureIn(measure=ref, code="nothing-known", level=2, owner=Service.SKOLE, evaluate_by=first)
    judged = MeasureJudged(measure=ref, effect=Effect.SOME, evaluate_by=first + timedelta(days=20))
    facts = [
        Happened("cas_b", 1, AUTUMN.begins - timedelta(days=1), measure),
        Happened("cas_b", 2, first, judged),
        Happened("cas_b", 3, first + timedelta(days=20), judged),
        Happened("cas_b", 4, first + timedelta(days=21), judged),
        Happened("cas_b", 5, first + timedelta(days=22), MeasureDue(measure=ref, evaluate_by=first)),
        Happened("cas_b", 6, first + timedelta(days=23), judged),
    ]
    numbers = counted(facts)
    assert numbers.evaluations == {("some", "in-time"): 2, ("some", "late"): 2}
    assert numbers.by_level == {}, "it was put in before the term"
    assert counted([facts[0]], "2026-spring").offers == {OTHER: 1}


CASE = CaseRef("cas_" + "b" * 26)


def happened(*events: tuple[int, EventData]) -> list[Happened]:
    """Return the facts of a case's events, each so many days after the term began."""
    facts = [(day, fact_of(event)) for day, event in events]
    return [
        Happened(CASE, place, AUTUMN.begins + timedelta(days=day), fact)
        for place, (day, fact) in enumerate(facts, start=1)
        if fact is not None
    ]


@pytest.mark.rule(89, 90, 166)
def test_a_measure_that_was_stopped_for_no_effect_is_counted_with_why_it_ended() -> None:
    ends = [
        (day, MeasureStopped(case=CASE, measure=MeasureRef(f"mea_{'b' * 25}{letter}"), reason=reason))
        for day, letter, reason in (
            (-1, "b", "no-effect"),
            (1, "c", "no-effect"),
            (2, "d", "goal-reached"),
            (3, "f", "no-effect"),
            (200, "g", "withdrawn"),
        )
    ]
    assert counted(happened(*ends)).ended == {"no-effect": 2, "goal-reached": 1}
    assert counted(happened(*ends), "2027-spring").ended == {"withdrawn": 1}


@pytest.mark.rule(49, 161)
def test_double_work_is_counted_when_all_have_said_what_comes_of_it_and_else_when_the_term_ends() -> None:
    first, second, third = (MeasureRef(f"mea_{'b' * 25}{letter}") for letter in "bcd")

    def suspected(measure: MeasureRef) -> MeasureOverlapSuspected:
        return MeasureOverlapSuspected(case=CASE, measure=measure, others=(third,), overlap="language")

    def explained(measure: MeasureRef, *, settled: bool) -> MeasureOverlapExplained:
        return MeasureOverlapExplained(
            case=CASE,
            measure=measure,
            explained_for=measure,
            explanation=OverlapExplanation.COORDINATED,
            settled=settled,
        )

    told_of = happened(
        (-10, suspected(first)),
        (1, suspected(second)),
        (2, explained(first, settled=False)),
        (3, explained(first, settled=True)),
        (4, explained(first, settled=True)),
    )
    assert counted(told_of).doubled == {"coordinated": 1, "unexplained": 1}
    stopped = fact_of(MeasureStopped(case=CASE, measure=second, reason="withdrawn"))
    assert stopped is not None
    assert counted([*told_of, Happened(CASE, 9, AUTUMN.begins + timedelta(days=9), stopped)]).doubled == {
        "coordinated": 1
    }


@pytest.mark.rule(49, 161)
def test_nothing_is_done_twice_any_more_when_the_last_of_the_others_has_stopped() -> None:
    mine, one, two = (MeasureRef(f"mea_{'b' * 25}{letter}") for letter in "bcd")
    seen = MeasureOverlapSuspected(case=CASE, measure=mine, others=(one, two), overlap="language")
    first, last = (MeasureStopped(case=CASE, measure=each, reason="goal-reached") for each in (one, two))
    assert counted(happened((1, seen), (2, first))).doubled == {"unexplained": 1}
    both = happened((1, seen), (2, first), (3, last))
    assert counted(both).doubled == {}
    assert counted(both, "2027-spring").doubled == {}, "nor as long as the one goes on"
    # Of what was kept before the others were known, only its own end is.
    old = [replace(one, fact=OverlapSeen(measure=mine)) if isinstance(one.fact, OverlapSeen) else one for one in both]
    assert counted(old).doubled == {"unexplained": 1}


@pytest.mark.rule(13, 14)
def test_a_transition_form_is_counted_once_as_sent_or_as_late_and_not_sent() -> None:
    holder = Party(actor=ActorId("act_somebody-in-tynset"), role=Role.TEACHER, unit=UNITS[0])
    one, other, third = (FormRef(f"frm_{'b' * 25}{letter}") for letter in "bcd")
    handover = HandoverRef("hdo_" + "b" * 26)
    told_of = happened(
        (1, TransitionFormSent(case=CASE, form=one, version=1, handover=handover)),
        (2, TransitionFormOverdue(case=CASE, form=other, version=1, holder=holder)),
        (3, TransitionFormOverdue(case=CASE, form=third, version=1, holder=holder)),
        (4, TransitionFormSent(case=CASE, form=third, version=2, handover=handover, outside_window="moved")),
        (5, TransitionFormSent(case=CASE, form=third, version=3, handover=handover)),
    )
    assert counted(told_of).forms == {"in-window": 1, "outside-window": 1, "not-sent": 1}
    assert counted(told_of, "2027-spring").forms == {}, "that it was late is told once"


@pytest.mark.rule(13, 14)
@pytest.mark.parametrize(
    "nothing",
    [
        HandoverRejected(case=CASE, handover=HandoverRef("hdo_" + "b" * 26), reason="capacity"),
        HandoverWithdrawn(case=CASE, handover=HandoverRef("hdo_" + "b" * 26)),
        HandoverCancelled(case=CASE, handover=HandoverRef("hdo_" + "b" * 26), reason="basis-lapsed"),
    ],
)
def test_a_transition_form_whose_sending_came_to_nothing_has_not_been_sent(nothing: EventData) -> None:
    holder = Party(actor=ActorId("act_somebody-in-tynset"), role=Role.TEACHER, unit=UNITS[0])
    form, other = FormRef("frm_" + "b" * 26), HandoverRef("hdo_" + "c" * 26)
    late = TransitionFormOverdue(case=CASE, form=form, version=1, holder=holder)
    sent = TransitionFormSent(case=CASE, form=form, version=1, handover=HandoverRef("hdo_" + "b" * 26))
    again = TransitionFormSent(case=CASE, form=form, version=1, handover=other, outside_window="school-asks")
    assert counted(happened((1, sent), (2, nothing))).forms == {}
    assert counted(happened((1, sent), (2, nothing), (3, late))).forms == {"not-sent": 1}
    assert counted(happened((1, late), (2, sent), (3, nothing))).forms == {"not-sent": 1}, "it was late before"
    whole = happened((1, sent), (2, nothing), (3, late), (4, again))
    assert counted(whole).forms == {"outside-window": 1}
    # The term in which it was sent is told before the school said no to it in the next one.
    over = happened((1, sent), (160, nothing), (170, late))
    assert counted(over).forms == {"in-window": 1}
    assert counted(over, "2027-spring").forms == {"not-sent": 1}
    # Of what was kept before, it is not known with which offer the form went.
    old = [replace(one, fact=one.fact.model_copy(update={"handover": None})) for one in happened((1, sent))]
    assert counted([*old, *happened((9, nothing))]).forms == {"in-window": 1}


@pytest.mark.rule(93)
def test_child_welfares_first_answer_to_a_reporter_is_counted_and_that_there_was_none() -> None:
    soon, late, never = (ConcernReportRef(f"rpt_{'b' * 25}{letter}") for letter in "bcd")
    reporter = Party(actor=ActorId("act_somebody-in-tynset"), role=Role.TEACHER, unit=UNITS[0])
    told_of = happened(
        (5, ConcernReportFeedback(case=CASE, report=soon, kind="received")),
        (6, ConcernReportFeedback(case=CASE, report=soon, kind="dismissed", late=True)),
        (21, ConcernReportUnanswered(case=CASE, report=late, reporter=reporter)),
        (22, ConcernReportUnanswered(case=CASE, report=never, reporter=reporter)),
        (30, ConcernReportFeedback(case=CASE, report=late, kind="investigating", late=True)),
    )
    assert counted(told_of).replies == {"in-time": 1, "late": 1, "unanswered": 1}


@pytest.mark.rule(4, 5)
def test_consents_that_are_to_be_said_again_are_counted_as_they_stand_when_the_term_ends() -> None:
    at, last = AUTUMN.begins, (AUTUMN.ends + timedelta(days=30)).date()
    scope = Scope(
        services=frozenset({Service.PPT}), categories=frozenset({"language"}), purposes=frozenset({"discussion"})
    )

    def of(letter: str) -> dict[str, Any]:
        return {"case": CASE, "consent": ConsentRef(f"cst_{'b' * 25}{letter}"), "version": 1}

    def due(letter: str, *, nobody_missing: bool = False) -> ConsentReassessmentDue:
        return ConsentReassessmentDue(
            **of(letter), reason="age-15", needed={}, guardians=(), confirm_by=None if nobody_missing else at
        )

    def asked(letter: str) -> ConsentRenewalRequested:
        return ConsentRenewalRequested(
            **of(letter), scope=scope, valid_to=last, needed={}, guardians=(), languages=frozenset({"nb"}), answer_by=at
        )

    suspended = ConsentSuspended(**of("c"), reason="age-15", ended=scope, effective_at=at)
    told_of = happened(
        (-30, due("b")),
        (1, due("c")),
        (2, suspended),
        (3, due("d")),
        (4, ConsentConfirmed(**of("d"), reason="age-15", scope=scope, valid_from=last, valid_to=last)),
        (5, asked("f")),
        (6, asked("g")),
        (7, ConsentRefused(**of("g"), grantor="guardian", ordinal=1, renewal=True)),
        (8, asked("h")),
        (9, ConsentExpired(**of("h"))),
        (10, due("j", nobody_missing=True)),
    )
    # That of h was asked for, and has expired: the next period may still be granted.
    assert counted(told_of).waiting == {"to-confirm": 1, "suspended": 1, "renewal-asked": 2}
    shut = Happened(CASE, 99, AUTUMN.ends - timedelta(days=1), CaseShut())
    assert counted([*told_of, shut]).waiting == {}

    # To be confirmed, and to be renewed, are two questions: what the one came to is nothing of the other.
    def left(*events: EventData) -> dict[str, int]:
        return counted(happened(*enumerate(events, start=1))).waiting

    no = ConsentRefused(**of("c"), grantor="guardian", ordinal=1, renewal=True)
    out = ConsentLapsed(**of("c"), renewal=True)
    yes = ConsentConfirmed(**of("c"), reason="age-15", scope=scope, valid_from=last, valid_to=last)
    for answer in (no, out):
        assert left(due("c"), suspended, asked("c"), answer) == {"suspended": 1}
        assert left(due("c"), asked("c"), answer) == {"to-confirm": 1}
    assert left(due("c"), asked("c"), yes) == {"renewal-asked": 1}
    assert left(due("c"), suspended, asked("c"), yes, no) == {}
    assert left(due("c"), asked("c"), suspended) == {"suspended": 1}, "each consent once, by what is worse"
    assert left(due("c"), asked("c"), due("c"), yes) == {}, "the next period is to be asked for anew"
    assert left(due("c"), suspended, due("c")) == {"suspended": 1}
    # A no to one that is suspended leaves it so; nothing waits when it is withdrawn, or renewed.
    again = ConsentRefused(**of("c"), grantor="guardian", ordinal=2)
    assert left(due("c"), suspended, again) == {"suspended": 1}
    gone = ConsentWithdrawn(**of("c"), ended=scope, effective_at=at)
    renewed = ConsentRenewed(**of("c"), superseded=1, scope=scope, valid_from=last, valid_to=last)
    assert left(due("c"), suspended, asked("c"), gone) == {}
    assert left(due("c"), suspended, asked("c"), renewed) == {}


@pytest.mark.rule(4, 5)
def test_an_outcome_of_a_consent_is_counted_once_at_the_unit_that_holds_it() -> None:
    ref = ConsentRef("cst_b")
    at = AUTUMN.begins + timedelta(days=1)
    facts = [
        Happened("cas_b", 1, AUTUMN.begins - timedelta(days=1), ConsentAsked(consent=ref, unit=UNITS[0])),
        *(Happened("cas_b", place, at, ConsentCame(consent=ref, outcome="refused")) for place in (2, 3)),
        Happened("cas_b", 4, at, ConsentCame(consent=ref, outcome="granted")),
        Happened("cas_c", 1, at, ConsentAsked(consent=ConsentRef("cst_c"), unit=UnitId("unit:elsewhere"))),
        Happened("cas_c", 2, at, ConsentCame(consent=ConsentRef("cst_c"), outcome="withdrawn")),
    ]
    assert counted(facts).consents == {
        (UNITS[0], "refused"): 1,
        (UNITS[0], "granted"): 1,
        (OTHER, "withdrawn"): 1,
    }


@pytest.mark.rule(173)
def test_a_body_is_counted_once_whether_it_answers_late_or_not_at_all() -> None:
    ref, at = ConsultationRef("hrg_" + "b" * 26), AUTUMN.begins + timedelta(days=1)
    unit, service = UnitId("unit:lia-barnehage"), Service.BARNEHAGE
    said = {"consultation": ref, "unit": unit, "service": service, "position": Position.SUPPORTS}
    events = [
        ConsultationAnswered.model_validate({**said, "version": 1}),
        ConsultationAnswered.model_validate({**said, "version": 2}),
        # Corrected when the time was out, twice: it is one body that did.
        ConsultationAnswered.model_validate({**said, "version": 3, "corrected_late": True}),
        ConsultationAnswered.model_validate({**said, "version": 4, "corrected_late": True}),
        ConsultationAnswered.model_validate({**said, "version": 1, "late": True}),
        ConsultationAnswered.model_validate({**said, "version": 2, "late": True, "corrected_late": True}),
        ConsultationClosed(
            consultation=ref, reason="completed", answered=(), unanswered=(Body(unit=unit, service=service),) * 2
        ),
        ConsultationClosed(
            consultation=ref, reason="withdrawn", answered=(), unanswered=(Body(unit=unit, service=service),)
        ),
    ]
    facts = [fact_of(event) for event in events]
    told_of = [Happened(ref, number, at, fact) for number, fact in enumerate(facts, start=1) if fact is not None]
    assert counted(told_of).bodies == {"in-time": 1, "late": 1, "corrected-late": 1, "unanswered": 2}


@pytest.mark.rule(156)
@given(st.integers(0, 400), st.integers(0, 400))
def test_a_meeting_counts_when_it_was_held_whenever_somebody_recorded_that(held: int, later: int) -> None:
    at = AUTUMN.begins - timedelta(days=200) + timedelta(days=held)
    event = MeetingHeld(
        meeting=MeetingRef("mtg_" + "b" * 26),
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        started_at=at,
        ended_at=at + timedelta(hours=2),
        chair=Role.LEADER,
        attendance=(Attendance(service=Service.PPT, role=Role.PPT_ADVISER, present=True),),
        kinds_covered=frozenset(),
    )
    recorded = at + timedelta(days=later)
    assert moment_of(event, recorded) == at
    fact = fact_of(event)
    assert fact is not None
    seats = counted([Happened(event.meeting, 1, moment_of(event, recorded), fact)]).seats
    assert (seats.get(("tst", "present"), 0) == 1) == (AUTUMN.begins <= at < AUTUMN.ends)
    other = ConsultationAnswered(
        consultation=ConsultationRef("hrg_" + "b" * 26),
        unit=UnitId("unit:ppt"),
        service=Service.PPT,
        position=Position.SUPPORTS,
        version=1,
    )
    assert moment_of(other, recorded) == recorded


@pytest.mark.rule(148)
@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["foreldrekontakt", "overgangsmote", "bti-team", "no-arena"]),
            st.frozensets(st.sampled_from((Service.BARNEHAGE, Service.SKOLE, Service.PPT)), max_size=3),
            st.integers(0, 2),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_contact_with_guardians_is_counted_once_a_meeting_where_the_child_is_on_its_way(
    held: list[tuple[str, frozenset[Service], int, bool]],
) -> None:
    facts, expected = [], Counter[tuple[str, str]]()
    for number, (arena, there, guardians, within) in enumerate(held):
        at = AUTUMN.begins + timedelta(days=number) if within else AUTUMN.ends
        event = MeetingHeld(
            meeting=MeetingRef("mtg_" + "b" * 26),
            arena=ArenaRef("arn_" + "b" * 26),
            arena_type=arena,
            started_at=at,
            ended_at=at,
            chair=Role.LEADER,
            attendance=tuple(
                Attendance(service=service, role=Role.LEADER, present=service in there)
                for service in (Service.BARNEHAGE, Service.SKOLE, Service.PPT)
            ),
            kinds_covered=frozenset(),
            guardians_present=guardians,
        )
        fact = fact_of(event)
        assert fact is not None
        facts.append(Happened(f"mtg_{number}", 1, at, fact))
        if within and arena in FAMILIES:
            stage = {
                (True, False): "in-barnehage",
                (True, True): "on-the-way",
                (False, True): "in-school",
                (False, False): "other",
            }[Service.BARNEHAGE in there, Service.SKOLE in there]
            expected[stage, "with-guardians" if guardians else "without-guardians"] += 1
    assert count(facts, AUTUMN, UNITS, [], FAMILIES).contact == expected
    # One that was kept before this was counted says nothing of it.
    old = [replace(one, fact=Attended(arena_type="foreldrekontakt", present=2, absent=0)) for one in facts]
    assert count(old, AUTUMN, UNITS, [], FAMILIES).contact == {}


@pytest.mark.rule(148)
def test_skien_tells_of_contact_with_guardians_as_small_numbers_allow() -> None:
    def meeting(number: int, *, school: bool, guardians: bool) -> Happened:
        said = Attended(
            arena_type="foreldrekontakt", present=1, absent=0, guardians=guardians, barnehage=not school, skole=school
        )
        return Happened(f"mtg_{number}", 1, AUTUMN.begins + timedelta(days=1), said)

    facts = [meeting(number, school=number >= 30, guardians=number % 5 > 0) for number in range(50)]
    told = content(SKIEN, "grenland-part-2", facts=facts)
    [figure] = [each for section in told.sections for each in section.figures if each.code is FigureCode.PARENT_CONTACT]
    assert figure.protected
    table = figure.table
    assert (table.rows, table.columns) == (STAGES, WITH_GUARDIANS)
    # Those by the school alone would tell how few there were on the way; the totals tell how contact is.
    assert table.row_totals == (30, None, None, None)
    assert (table.column_totals, table.total) == ((40, 10), 50)
    assert {cell for cells in table.cells for cell in cells} == {None}


# --- what was told stands ---------------------------------------------------------------------------------------------

OFFERS = ("ekstratimer", "lesekurs", "pmto", "regnegruppe", "sprakgruppe", "stottekontakt")


def offering(offers: frozenset[str], units: int) -> Profile:
    """Return Tynset with these offers, and so many of its units."""
    said = [{"code": code, "text": {"nb": code, "nn": code, "en": code}} for code in sorted(offers)]
    return TYNSET.model_copy(update={"cases": {"offers": said}, "units": TYNSET.units[:units]})


def put_in(counts: dict[str, int]) -> list[Happened]:
    """Return facts of so many measures of each offer, each in a case of its own, which a unit opened."""
    facts = []
    for number, code in enumerate(code for code, times in counts.items() for _ in range(times)):
        at, subject, unit = AUTUMN.begins + timedelta(days=1), f"cas_{number}", UNITS[number % len(UNITS)]
        measure = MeasureIn(
            measure=MeasureRef(f"mea_{number}"), code=code, level=1, owner=Service.SKOLE, evaluate_by=AUTUMN.ends
        )
        facts.append(Happened(subject, 1, at, CaseHeld(unit=unit, level=1, opens=True)))
        facts.append(Happened(subject, 2, at, measure))
    return facts


def of_offers(figures: dict[FigureCode, Figure]) -> dict[str, int | None]:
    """Return what is shown of each offer, and of all."""
    table = figures[FigureCode.OFFERS_USED].table
    cells = (row[0] for row in table.cells)
    return {**dict(zip(table.rows, cells, strict=True)), "": table.total}


@pytest.mark.rule(157)
def test_a_term_that_was_told_is_not_told_again_with_an_offer_that_the_profile_gained() -> None:
    facts = put_in({"ekstratimer": 9, "lesekurs": 5, "pmto": 6, "sprakgruppe": 2})
    before, after = offering(frozenset({"ekstratimer", "lesekurs"}), 9), offering(frozenset(OFFERS[:3]), 9)
    first = told_anew(Known(before, facts), AUTUMN)
    anew = told_anew(Known(after, facts), AUTUMN)
    # Counted anew, the two tables give the two language groups away, which neither does alone.
    assert of_offers(first) == {"ekstratimer": 9, "lesekurs": 5, OTHER: 8, "": 22}
    assert of_offers(anew) == {"ekstratimer": 9, "lesekurs": None, "pmto": 6, OTHER: None, "": 22}
    stands = told_anew(Known(after, facts, published=first), AUTUMN)
    assert stands == first
    assert Known(after, (), published=first).is_published, "nothing has to be read again"


@pytest.mark.rule(54, 156)
def test_a_figure_that_was_not_there_when_the_term_was_told_is_not_counted_of_it_afterwards() -> None:
    def meeting(number: int, present: int, absent: int) -> Happened:
        seats = SeatsOf(role=Role.PPT_ADVISER, present=present, absent=absent)
        said = Attended(arena_type="lederforum", present=present, absent=absent, roles=(seats,))
        return Happened(f"mtg_{number}", 1, AUTUMN.begins + timedelta(days=1), said)

    facts = [meeting(number, 4, 4) for number in range(6)]
    before = told_anew(Known(TYNSET, facts), AUTUMN)
    del before[FigureCode.ATTENDANCE_BY_ROLE]
    # A meeting of six seats is recorded after the term was told, and then the new figure is there.
    late = Known(TYNSET, [*facts, meeting(6, 3, 3)], published=before)
    assert late.is_published
    assert told_anew(late, AUTUMN) == before, "54 seats beside 48 would be that meeting"
    report = report_of(TYNSET, "to-steering-group")
    told = content_of(report, late, [], [], AUTUMN, View(everything=True))
    section = told.sections[0]
    assert section.untold == (FigureCode.ATTENDANCE_BY_ROLE,)
    assert [figure.code for figure in section.figures] == [FigureCode.MEETINGS, FigureCode.ATTENDANCE]
    for language in Language:
        words = REPORT_WORDS[language]
        page = render_report(told, TYNSET, language)
        assert f"<h3>{words.figures[FigureCode.ATTENDANCE_BY_ROLE].name}</h3>\n<p>{words.untold}</p>" in page
    # Beside another municipality, each has the figures that it was told of.
    other = Known(TYNSET.model_copy(update={"municipality": LogScope("3430"), "name": "Os"}), facts)
    both = content_of(report, late, [other], [], AUTUMN, View(everything=True))
    by_role = next(each for each in both.compared if each.figure is FigureCode.ATTENDANCE_BY_ROLE)
    assert [each.name for each in by_role.municipalities] == ["Os"]


@pytest.mark.rule(154, 155, 157, 179, 181)
@settings(max_examples=40, deadline=None)
@given(
    counts=st.fixed_dictionaries({code: st.integers(0, 9) for code in OFFERS}),
    profiles=st.lists(st.tuples(st.frozensets(st.sampled_from(OFFERS)), st.integers(1, 9)), min_size=2, max_size=5),
    lost=st.frozensets(st.sampled_from(sorted(COUNTED - {FigureCode.OFFERS_USED}))),
)
def test_no_two_versions_of_a_term_are_ever_told_however_the_profile_changes(
    counts: dict[str, int], profiles: list[tuple[frozenset[str], int]], lost: frozenset[FigureCode]
) -> None:
    facts = put_in(counts)
    published: dict[FigureCode, Figure] = {}
    versions: list[dict[FigureCode, Figure]] = []
    for number, (offers, units) in enumerate(profiles):
        told = told_anew(Known(offering(offers, units), facts, published=published), AUTUMN)
        # A figure that was not there yet when the first asked is not counted of that term afterwards.
        told = {code: figure for code, figure in told.items() if number or code not in lost}
        published = told | published
        versions.append(told)
    for version in versions:
        assert version == versions[0] == published
    assert published.keys() == COUNTED - lost
    # So whoever has all versions knows what one tells, and that gives no small count away.
    shown = of_offers(published)
    named = [code for code in shown if code not in {"", OTHER}]
    truth = {code: counts[code] for code in named} | {OTHER: sum(counts.values()) - sum(counts[code] for code in named)}
    assert {code: shown[code] for code in truth} == suppress(truth).parts
    hidden = [code for code in truth if shown[code] is None]
    assert all(truth[code] >= THRESHOLD for code in truth if code not in hidden)
    assert not hidden or shown[""] is None or sum(truth[code] for code in hidden) >= THRESHOLD
