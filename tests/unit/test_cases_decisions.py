"""Decisions and refusals that the random walk of `test_cases_machine` does not name one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.cases.domain import concern, consent, consent_ending, course, forms, handover, measures, waiting
from services.cases.domain.acting import Acting
from services.cases.domain.state import CaseState, FormStatus, HandoverStatus, Stage
from services.cases.errors import (
    AnswerTimeError,
    CaseError,
    ChildViewMissingError,
    CompetenceMissingError,
    ConcernSettledError,
    ConsentMissingError,
    ConsentNotOpenError,
    EvaluationDateError,
    EvidenceMissingError,
    FormNotApprovedError,
    FormVersionError,
    HandoverKindError,
    HandoverNeedsFormError,
    HandoverNotOpenError,
    HandoverOpenError,
    HighestLevelError,
    MeasureUnfinishedError,
    MustChangeError,
    NoEffectBeforeError,
    NotAGrantorError,
    NothingToWithdrawError,
    NotInTeamError,
    NotInvolvedError,
    NotPermittedError,
    OutsideHoldingError,
    ReceiverElsewhereError,
    SenderCannotAcceptError,
    WithdrawalTooFineError,
)
from shared.contracts.cases import (
    CaseLevelChanged,
    ContactPersonChosen,
    Effect,
    EvaluationOutcome,
    EvidenceForm,
    ForWhom,
    HandoverRoute,
    LocalOutcome,
    Mode,
    NewReason,
    OutcomeRefused,
    Package,
)
from shared.contracts.codes import Area, GrantorClass, InformationCategory, Purpose, Role, Service
from shared.refs import (
    ConcernRef,
    DocumentRef,
    FormRef,
    GoalRef,
    HandoverRef,
    ItemRef,
    MeasureRef,
    MeetingRef,
    UnitId,
)
from tests.unit.cases_town import (
    COLLEAGUE,
    CONTACT_TEACHER,
    CURIOUS,
    HEARING,
    PPT,
    RULES,
    STYRER,
    TEACHER,
    Town,
    guardian,
    on_paper,
    party,
    scope,
)

TO_SCHOOL = scope((Service.SKOLE, Service.PPT), purposes=(Purpose.TRANSITION,))


def offer(town: Town, receiver: Acting = COLLEAGUE, kind: HandoverRoute = HandoverRoute.BATON) -> HandoverRef:
    ref = HandoverRef(town.ids.ref("hdo"))
    command = handover.SendHandover(by=town.holder(), handover=ref, kind=kind, receiver=party(receiver))
    town.take(handover.decide_send(town.state, command, town.now, RULES))
    return ref


def answer(town: Town, ref: HandoverRef, by: Acting, reject: handover.RejectReason | None = None) -> None:
    command = handover.AnswerHandover(by=by, handover=ref, reject=reject)
    town.take(handover.decide_answer(town.state, command, town.now))


def planned(
    town: Town, owner: Service = Service.BARNEHAGE, code: str = "art", reason: NewReason | None = None
) -> MeasureRef:
    ref = MeasureRef(town.ids.ref("mea"))
    town.take(
        measures.decide_plan(
            town.state, measures.PlanMeasure(by=TEACHER, what=wanted(town, ref, owner, code, reason)), town.now, RULES
        )
    )
    return ref


def wanted(
    town: Town, ref: MeasureRef, owner: Service, code: str = "art", reason: NewReason | None = None
) -> measures.NewMeasure:
    return measures.NewMeasure(
        measure=ref,
        goal=GoalRef(town.ids.ref("goa")),
        code=code,
        owner=owner,
        indicator="seen",
        evaluate_by=town.now + timedelta(days=60),
        new_reason=reason,
    )


def evaluated(
    town: Town,
    ref: MeasureRef,
    effect: Effect,
    outcome: EvaluationOutcome,
    by: Acting = TEACHER,
    days: int = 30,
    with_service: Service | None = None,
) -> None:
    command = measures.EvaluateMeasure(
        by=by,
        measure=ref,
        effect=effect,
        outcome=outcome,
        evaluate_by=town.now + timedelta(days=days),
        with_service=with_service,
    )
    town.take(measures.decide_evaluate(town.state, command, town.now, RULES))


def approved_form(town: Town) -> FormRef:
    form = FormRef(town.ids.ref("frm"))
    draft = forms.DraftForm(
        by=TEACHER,
        form=form,
        document=DocumentRef(town.ids.ref("doc")),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    town.take(forms.decide_draft(town.state, draft, town.now))
    for ordinal in (1, 2):
        approval = forms.ApproveForm(by=guardian(ordinal), form=form, version=1)
        town.take(forms.decide_approve(town.state, approval, town.now))
    return form


def send(town: Town, form: FormRef) -> HandoverRef:
    ref = HandoverRef(town.ids.ref("hdo"))
    command = forms.SendForm(by=TEACHER, form=form, handover=ref, receiver=party(CONTACT_TEACHER))
    town.take(forms.decide_send_form(town.state, command, town.now, RULES))
    return ref


# --- concern ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(80, 81)
def test_a_concern_is_acted_on_once() -> None:
    town = Town()
    with pytest.raises(NotInvolvedError):
        concern.decide_resolve(town.state, concern.ResolveConcern(by=COLLEAGUE), town.now, RULES)
    solved = concern.ResolveConcern(by=TEACHER, outcome=LocalOutcome.ADAPTED_EVERYDAY)
    town.take(concern.decide_resolve(town.state, solved, town.now, RULES))
    assert (town.state.stage, town.state.holder) == (Stage.RESOLVED, None)
    with pytest.raises(ConcernSettledError):
        concern.decide_resolve(town.state, solved, town.now, RULES)


@pytest.mark.rule(79)
def test_fourteen_days_keep_their_time_of_day_over_summer_time() -> None:
    town = Town()
    town.later(days=40)  # 17 October: clocks go back on the 25th
    [event] = concern.decide_register(
        concern.RegisterConcern(
            by=TEACHER,
            case=town.case,
            concern=ConcernRef(town.ids.ref("con")),
            area=Area.LEARNING,
            for_whom=ForWhom.CHILD,
            guardians=1,
        ),
        town.now,
        RULES,
    )
    assert event.model_dump()["act_by"] - town.now == timedelta(days=14, hours=1)


# --- consent ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(99)
def test_each_request_needs_the_child_heard_anew() -> None:
    town = Town().lift()
    with pytest.raises(ChildViewMissingError):
        town.ask()
    town.consented()
    with pytest.raises(ChildViewMissingError):
        town.ask()
    town.hear("handover")
    with pytest.raises(ChildViewMissingError):
        town.ask()


@pytest.mark.rule(4)
def test_a_grant_on_paper_needs_evidence_and_a_known_grantor() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask()
    for bare in (
        consent.Answer(by=TEACHER, consent=ref),
        on_paper(ref, 1).model_copy(update={"has_note": False}),
        on_paper(ref, 1).model_copy(update={"ordinal": None}),
    ):
        with pytest.raises(EvidenceMissingError):
            consent.decide_grant(town.state, bare, town.now, RULES)
    for nobody in (on_paper(ref, 3), on_paper(ref, 1).model_copy(update={"grantor": GrantorClass.CHILD})):
        with pytest.raises(NotAGrantorError):
            consent.decide_grant(town.state, nobody, town.now, RULES)
    town.take(consent.decide_grant(town.state, on_paper(ref, 2), town.now, RULES))
    with pytest.raises(CaseError) as again:
        town.grant(ref, 2)
    assert again.value.code == "already-granted"
    town.grant(ref, 1)
    assert town.state.mode is Mode.IDENTIFIED


@pytest.mark.rule(4)
def test_a_request_cannot_be_granted_after_its_last_day() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask(days=5)
    town.later(days=6)
    with pytest.raises(ConsentNotOpenError):
        town.grant(ref, 1)


@pytest.mark.rule(4)
@pytest.mark.story(17)
def test_a_withdrawal_takes_everything_that_rested_on_it_in_one_append() -> None:
    town = Town().lift()
    ref = town.consented(TO_SCHOOL)
    planned(town, Service.PPT)
    form = approved_form(town)
    sent = send(town, form)
    town.withdraw(ref)
    assert town.types()[-4:] == [
        "consent.withdrawn",
        "handover.cancelled",
        "case.team-member-removed",
        "case.anonymised",
    ]
    assert town.state.handovers[sent].status is HandoverStatus.CANCELLED
    assert town.state.forms[form].status is FormStatus.APPROVED
    assert town.state.consents[ref].version == 2
    with pytest.raises(ConsentNotOpenError):
        town.withdraw(ref)
    with pytest.raises(HandoverNotOpenError):
        handover.decide_answer(town.state, handover.AnswerHandover(by=STYRER, handover=sent), town.now)


@pytest.mark.rule(4)
def test_a_part_that_does_not_matter_to_a_handover_leaves_it_waiting() -> None:
    town = Town().lift()
    ref = town.consented(TO_SCHOOL)
    sent = send(town, approved_form(town))
    town.withdraw(ref, consent.Part(services=frozenset({Service.PPT})))
    assert town.state.handovers[sent].status is HandoverStatus.SENT
    town.withdraw(ref, consent.Part(categories=frozenset({InformationCategory.LANGUAGE})))
    assert town.state.handovers[sent].status is HandoverStatus.CANCELLED
    assert town.state.mode is Mode.IDENTIFIED


def test_one_kind_of_part_at_a_time_and_only_what_is_there() -> None:
    town = Town().lift()
    ref = town.consented()
    with pytest.raises(WithdrawalTooFineError):
        town.withdraw(
            ref,
            consent.Part(services=frozenset({Service.PPT}), categories=frozenset({InformationCategory.LANGUAGE})),
        )
    with pytest.raises(NothingToWithdrawError):
        town.withdraw(ref, consent.Part(services=frozenset({Service.BUP})))
    town.withdraw(ref, consent.Part(services=frozenset({Service.PPT, Service.HELSESTASJON})))
    assert town.types()[-2:] == ["consent.withdrawn", "case.anonymised"]


def test_a_consent_expires_the_day_after_its_last_and_only_then() -> None:
    town = Town().lift()
    ref = town.consented()
    town.later(days=300)
    assert consent_ending.decide_expire(town.state, ref, town.now) == []
    town.later(days=1)
    town.take(consent_ending.decide_expire(town.state, ref, town.now))
    assert town.types()[-2:] == ["consent.expired", "case.anonymised"]
    assert consent_ending.decide_expire(town.state, ref, town.now) == []


def test_a_second_consent_keeps_the_case_named() -> None:
    town = Town().lift()
    first = town.consented()
    town.consented(TO_SCHOOL)
    assert town.types().count("case.identified") == 1
    town.withdraw(first)
    assert town.state.mode is Mode.IDENTIFIED


def test_receipts_that_are_missing_are_named_one_by_one() -> None:
    town = Town().lift()
    ref = town.consented()
    town.withdraw(ref)
    missing = consent_ending.decide_receipt_missing(town.state, ref, 2, frozenset({"meetings"}))
    assert [event.model_dump()["consumer"] for event in missing] == ["notify"]
    assert consent_ending.decide_receipt_missing(town.state, ref, 2, consent_ending.RECEIPTS_FROM) == []
    assert consent_ending.decide_receipt_missing(CaseState(), ref, 2, frozenset()) == []


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(89, 90)
@pytest.mark.story(14)
def test_without_effect_it_cannot_just_go_on_nor_be_repeated_without_a_reason() -> None:
    town = Town().lift()
    ref = planned(town)
    with pytest.raises(MustChangeError):
        evaluated(town, ref, Effect.NONE, EvaluationOutcome.CONTINUE)
    evaluated(town, ref, Effect.NONE, EvaluationOutcome.STOP)
    assert town.history[-1].model_dump()["reason"] == "no-effect"
    with pytest.raises(NoEffectBeforeError) as refused:
        planned(town)
    assert refused.value.extensions == {"measures": [ref]}
    planned(town, code="pmto")
    planned(town, reason=NewReason.OTHER_INTENSITY)


@pytest.mark.rule(68, 89, 181)
def test_stepping_up_changes_the_level_and_calls_for_a_meeting_within_two_weeks() -> None:
    town = Town().lift()
    evaluated(town, planned(town), Effect.NONE, EvaluationOutcome.ESCALATE)
    event = town.history[-1]
    assert isinstance(event, CaseLevelChanged)
    assert (event.from_level, event.to_level, event.reason) == (1, 2, "no-effect")
    assert event.meeting_by == town.now + timedelta(days=14)
    with pytest.raises(CompetenceMissingError) as asked:
        evaluated(town, planned(town, code="pmto"), Effect.SOME, EvaluationOutcome.ESCALATE)
    assert asked.value.extensions == {"services": ["barnevern", "bup", "psykiatri"]}
    town.consented(scope((Service.BUP,)))
    evaluated(town, planned(town, code="pmto"), Effect.SOME, EvaluationOutcome.ESCALATE, with_service=Service.BUP)
    with pytest.raises(HighestLevelError):
        evaluated(town, planned(town, code="fmb"), Effect.SOME, EvaluationOutcome.ESCALATE)


def test_a_measure_that_goes_on_needs_a_date_ahead() -> None:
    town = Town().lift()
    ref = planned(town)
    with pytest.raises(EvaluationDateError):
        evaluated(town, ref, Effect.SOME, EvaluationOutcome.CONTINUE, days=-1)
    evaluated(town, ref, Effect.SOME, EvaluationOutcome.CONTINUE)
    assert town.state.measures[ref].evaluate_by == town.now + timedelta(days=30)
    town.later(days=90)
    with pytest.raises(EvaluationDateError):
        measures.decide_plan(
            town.state,
            measures.PlanMeasure(
                by=TEACHER,
                what=wanted(town, ref, Service.BARNEHAGE).model_copy(update={"evaluate_by": town.now}),
            ),
            town.now,
            RULES,
        )


@pytest.mark.rule(26, 87)
def test_membership_follows_measures_inside_the_consent() -> None:
    town = Town().lift()
    with pytest.raises(ConsentMissingError) as missing:
        planned(town, Service.PPT)
    assert missing.value.extensions["grantors"] == {"guardian": 2}
    town.consented()
    first, second = planned(town, Service.PPT), planned(town, Service.PPT, code="pmto")
    assert list(town.state.team) == [Service.PPT]
    with pytest.raises(NotPermittedError):
        evaluated(town, planned(town), Effect.SOME, EvaluationOutcome.CONTINUE, by=PPT)
    evaluated(town, first, Effect.REACHED, EvaluationOutcome.STOP, by=PPT)
    assert list(town.state.team) == [Service.PPT]
    evaluated(town, second, Effect.REACHED, EvaluationOutcome.STOP)
    assert town.types()[-3:] == ["measure.evaluated", "measure.stopped", "case.team-member-removed"]


@pytest.mark.rule(26, 88, 141)
@pytest.mark.story(10)
def test_a_meetings_outcome_plans_and_adds_once_and_never_outside_the_consent() -> None:
    town = Town().lift()
    town.consented()
    ref = MeasureRef(town.ids.ref("mea"))
    outcome = measures.MeetingOutcome(
        meeting=MeetingRef(town.ids.ref("mtg")),
        item=ItemRef(town.ids.ref("itm")),
        measures=(wanted(town, ref, Service.PPT),),
        join_team=frozenset({Service.HELSESTASJON, Service.BARNEVERN}),
    )
    town.take(measures.decide_outcome(town.state, outcome, town.now, RULES, HEARING))
    assert town.types()[-4:] == [
        "measure.planned",
        "case.team-member-added",
        "case.team-member-added",
        "case.outcome-refused",
    ]
    [refused] = town.state.refused_outcomes
    assert (refused.item, len(refused.measures), refused.services) == (outcome.item, 0, frozenset({Service.BARNEVERN}))
    assert {one.service: one.because_of for one in town.state.team.values()} == {
        Service.PPT: ref,
        Service.HELSESTASJON: ref,
    }
    assert measures.decide_outcome(town.state, outcome, town.now, RULES, HEARING) == []


@pytest.mark.rule(26, 88, 90, 99, 141, 181)
def test_of_a_meetings_outcome_only_what_the_rules_refuse_does_not_happen_and_each_says_why() -> None:
    town = Town().lift()
    town.consented()
    good, late, unknown = (MeasureRef(town.ids.ref("mea")) for _ in range(3))
    past = wanted(town, late, Service.PPT).model_copy(update={"evaluate_by": town.now})
    outcome = measures.MeetingOutcome(
        meeting=MeetingRef(town.ids.ref("mtg")),
        item=ItemRef(town.ids.ref("itm")),
        measures=(past, wanted(town, good, Service.PPT), wanted(town, unknown, Service.PPT, code="no-such-offer")),
        join_team=frozenset({Service.HELSESTASJON}),
    )
    town.take(measures.decide_outcome(town.state, outcome, town.now, RULES, HEARING))
    assert list(town.state.measures) == [good]
    assert set(town.state.team) == {Service.PPT, Service.HELSESTASJON}
    [refused] = town.state.refused_outcomes
    assert [(one.measure, one.reason) for one in refused.measures] == [
        (late, "evaluate-by-past"),
        (unknown, "offer-unknown"),
    ]
    assert refused.services == frozenset()
    assert measures.decide_outcome(town.state, outcome, town.now, RULES, HEARING) == []
    town.later(days=400)
    deaf = outcome.model_copy(update={"measures": (wanted(town, MeasureRef(town.ids.ref("mea")), Service.PPT),)})
    [told] = measures.decide_outcome(town.state, deaf, town.now, RULES, HEARING)
    assert isinstance(told, OutcomeRefused)
    assert [one.reason for one in told.measures] == ["child-view-missing"]


@pytest.mark.rule(26, 88, 141)
def test_a_meetings_outcome_for_a_case_that_is_not_open_is_told_and_of_an_erased_one_nothing_is() -> None:
    town = Town()
    ref = MeasureRef(town.ids.ref("mea"))
    outcome = measures.MeetingOutcome(
        meeting=MeetingRef(town.ids.ref("mtg")),
        item=ItemRef(town.ids.ref("itm")),
        measures=(wanted(town, ref, Service.BARNEHAGE),),
        join_team=frozenset(),
    )
    [told] = measures.decide_outcome(town.state, outcome, town.now, RULES, HEARING)
    assert isinstance(told, OutcomeRefused)
    assert [(one.measure, one.reason) for one in told.measures] == [(ref, "case-not-open")]
    gone = town.state.model_copy(update={"stage": Stage.ERASED})
    assert measures.decide_outcome(gone, outcome, town.now, RULES, HEARING) == []


# --- handover ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(107)
@pytest.mark.story(13)
def test_the_sender_holds_on_through_rejection_and_silence_until_the_leader_answers() -> None:
    town = Town().lift()
    first = offer(town)
    with pytest.raises(HandoverOpenError):
        offer(town, STYRER)
    answer(town, first, COLLEAGUE, reject="capacity")
    assert town.holder() == TEACHER
    second = offer(town, COLLEAGUE)
    assert waiting.decide_overdue(town.state, second, town.now) == []
    town.later(days=7)
    town.take(waiting.decide_overdue(town.state, second, town.now))
    assert town.state.handovers[second].status is HandoverStatus.OVERDUE
    assert waiting.decide_overdue(town.state, second, town.now) == []
    with pytest.raises(SenderCannotAcceptError):
        answer(town, second, TEACHER)
    answer(town, second, STYRER)
    assert town.holder() == COLLEAGUE
    assert town.types()[-2:] == ["handover.accepted", "handover.completed"]
    assert town.history[-2].model_dump()["on_behalf"] is True


def test_a_leader_cannot_answer_on_behalf_of_a_receiver_of_its_own_handover() -> None:
    town = Town().lift()
    answer(town, offer(town, STYRER), STYRER)
    back = offer(town, COLLEAGUE)
    with pytest.raises(SenderCannotAcceptError):
        answer(town, back, STYRER)


def test_a_holder_that_moved_cannot_take_the_baton_along() -> None:
    town = Town().lift()
    moved = TEACHER.model_copy(update={"unit": UnitId("unit:haugen-barnehage")})
    taken = handover.SendHandover(
        by=moved, handover=HandoverRef(town.ids.ref("hdo")), kind=HandoverRoute.BATON, receiver=party(CURIOUS)
    )
    with pytest.raises(HandoverKindError) as other:
        handover.decide_send(town.state, taken, town.now, RULES)
    assert other.value.extensions == {"kind": "unit"}
    with pytest.raises(ConsentMissingError):
        handover.decide_send(town.state, taken.model_copy(update={"kind": HandoverRoute.UNIT}), town.now, RULES)
    left = taken.model_copy(update={"receiver": party(COLLEAGUE)})
    town.take(handover.decide_send(town.state, left, town.now, RULES))
    answer(town, left.handover, COLLEAGUE)
    assert town.state.holder == party(COLLEAGUE)


@pytest.mark.rule(107)
def test_a_case_is_not_reopened_from_elsewhere_and_taken_along() -> None:
    """Whoever reopens it has it: the unit where its last holder works by now would have it without a handover, and without consent."""
    town = Town().lift()
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), town.now))
    moved = TEACHER.model_copy(update={"unit": UnitId("unit:haugen-barnehage")})
    with pytest.raises(NotPermittedError) as refused:
        course.decide_reopen(town.state, course.ReopenCase(by=moved), town.now, RULES)
    assert refused.value.reason == "works-elsewhere"
    town.take(course.decide_reopen(town.state, course.ReopenCase(by=STYRER), town.now, RULES))
    assert town.state.holder == party(STYRER)


def test_a_receiver_that_moved_cannot_take_the_baton_along() -> None:
    town = Town().lift()
    ref = offer(town)
    moved = COLLEAGUE.model_copy(update={"unit": UnitId("unit:haugen-barnehage")})
    with pytest.raises(ReceiverElsewhereError):
        answer(town, ref, moved)


@pytest.mark.parametrize("days", [0, -1, 31])
def test_the_time_to_answer_is_ahead_and_bounded(days: int) -> None:
    town = Town().lift()
    command = handover.SendHandover(
        by=TEACHER,
        handover=HandoverRef(town.ids.ref("hdo")),
        kind=HandoverRoute.BATON,
        receiver=party(COLLEAGUE),
        respond_by=town.now + timedelta(days=days),
    )
    with pytest.raises(AnswerTimeError):
        handover.decide_send(town.state, command, town.now, RULES)


@pytest.mark.rule(4, 18)
def test_out_of_the_unit_it_takes_a_consent_for_the_transition_that_covers_the_package() -> None:
    town = Town().lift()
    command = handover.SendHandover(
        by=TEACHER,
        handover=HandoverRef(town.ids.ref("hdo")),
        kind=HandoverRoute.UNIT,
        receiver=party(PPT),
        package=Package(categories=frozenset({InformationCategory.HEALTH})),
    )
    with pytest.raises(ConsentMissingError):
        handover.decide_send(town.state, command, town.now, RULES)
    town.consented(TO_SCHOOL)
    with pytest.raises(ConsentMissingError):
        handover.decide_send(town.state, command, town.now, RULES)
    town.consented(scope((Service.PPT,), (InformationCategory.HEALTH,), (Purpose.ASSESSMENT,)))
    with pytest.raises(ConsentMissingError):
        handover.decide_send(town.state, command, town.now, RULES)
    town.consented(scope((Service.PPT,), (InformationCategory.HEALTH,), (Purpose.TRANSITION,)))
    town.take(handover.decide_send(town.state, command, town.now, RULES))
    answer(town, command.handover, PPT)
    onward = command.model_copy(
        update={
            "by": PPT,
            "receiver": party(CONTACT_TEACHER),
            "package": Package(categories=frozenset({InformationCategory.LANGUAGE})),
        }
    )
    with pytest.raises(OutsideHoldingError):
        handover.decide_send(town.state, onward, town.now, RULES)


def test_a_basis_that_lapsed_by_the_calendar_stops_the_acceptance() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask(TO_SCHOOL, days=3)
    for ordinal in (1, 2):
        town.grant(ref, ordinal)
    sent = send(town, approved_form(town))
    town.later(days=4)  # the deadline has not fired yet
    with pytest.raises(ConsentMissingError):
        answer(town, sent, CONTACT_TEACHER)


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule(13, 14)
def test_a_school_gets_no_baton_without_a_form() -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    for kind in (HandoverRoute.UNIT, HandoverRoute.BARNEHAGE_TO_SCHOOL, HandoverRoute.SCHOOL_TO_SCHOOL):
        with pytest.raises(HandoverNeedsFormError):
            offer(town, CONTACT_TEACHER, kind)


@pytest.mark.rule(14)
@pytest.mark.story(20)
def test_an_approval_is_of_one_version() -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    form = approved_form(town)
    revise = forms.ReviseForm(
        by=TEACHER,
        form=form,
        document=DocumentRef(town.ids.ref("doc")),
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    town.take(forms.decide_revise(town.state, revise, town.now))
    with pytest.raises(FormNotApprovedError) as refused:
        send(town, form)
    assert refused.value.extensions == {"version": 2, "missing": {"guardian": 2}}
    with pytest.raises(FormVersionError) as old:
        forms.decide_approve(town.state, forms.ApproveForm(by=guardian(1), form=form, version=1), town.now)
    assert old.value.extensions == {"version": 2}
    paper = forms.ApproveForm(by=TEACHER, form=form, version=2, ordinal=1)
    with pytest.raises(EvidenceMissingError):
        forms.decide_approve(town.state, paper, town.now)


# --- course -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(33, 35)
def test_the_contact_person_belongs_to_the_team() -> None:
    town = Town().lift()
    town.consented()

    def choose(service: Service, role: Role) -> None:
        command = course.ChooseContactPerson(by=guardian(2), service=service, role=role)
        town.take(course.decide_contact_person(town.state, command, town.now))

    with pytest.raises(NotInTeamError):
        choose(Service.PPT, Role.PPT_ADVISER)
    choose(Service.BARNEHAGE, Role.TEACHER)
    ref = planned(town, Service.PPT)
    choose(Service.PPT, Role.PPT_ADVISER)
    evaluated(town, ref, Effect.REACHED, EvaluationOutcome.STOP)
    assert (town.state.team, town.state.contact) == ({}, None)


@pytest.mark.rule(33, 34)
@pytest.mark.parametrize("leaves", [True, False])
def test_who_leaves_with_the_basis_or_the_baton_is_the_contact_person_no_more(leaves: bool) -> None:
    town = Town().lift()
    basis = town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.TRANSITION,)))
    service, role = (Service.PPT, Role.PPT_ADVISER) if leaves else (Service.BARNEHAGE, Role.TEACHER)
    planned(town, Service.PPT)
    chosen = course.ChooseContactPerson(by=guardian(1), service=service, role=role)
    town.take(course.decide_contact_person(town.state, chosen, town.now))
    answer(town, offer(town), COLLEAGUE)
    assert town.state.contact is not None, "the colleague's service is the same"
    if leaves:
        town.withdraw(basis)
    else:
        answer(town, offer(town, PPT, HandoverRoute.UNIT), PPT)
    assert town.state.contact is None


@pytest.mark.rule(33, 34, 35)
def test_the_guardians_choose_and_a_choice_recorded_for_them_says_how_it_was_said() -> None:
    town = Town().lift()
    own = course.ChooseContactPerson(by=TEACHER, service=Service.BARNEHAGE, role=Role.TEACHER)
    for says in ({}, {"has_note": True}, {"evidence": EvidenceForm.WRITTEN}):
        with pytest.raises(EvidenceMissingError):
            course.decide_contact_person(town.state, own.model_copy(update=says), town.now)
    noted = own.model_copy(update={"evidence": EvidenceForm.ORAL_MINUTED, "has_note": True})
    for command, evidence in ((noted, "oral-minuted"), (own.model_copy(update={"by": guardian(2)}), "e-id")):
        [chosen] = course.decide_contact_person(town.state, command, town.now)
        assert isinstance(chosen, ContactPersonChosen)
        assert (chosen.chosen_by, chosen.evidence) == ("guardians", evidence)


def test_a_case_is_closed_with_nothing_open_and_reopened_by_its_unit() -> None:
    town = Town().lift()
    close = course.CloseCase(by=TEACHER, outcome="goal-reached")
    ref = planned(town)
    with pytest.raises(MeasureUnfinishedError) as unfinished:
        course.decide_close(town.state, close, town.now)
    assert unfinished.value.extensions == {"measures": [ref]}
    evaluated(town, ref, Effect.REACHED, EvaluationOutcome.STOP)
    sent = offer(town)
    with pytest.raises(HandoverOpenError):
        course.decide_close(town.state, close, town.now)
    town.take(handover.decide_withdraw(town.state, handover.WithdrawHandover(by=TEACHER, handover=sent), town.now))
    town.take(course.decide_close(town.state, close, town.now))
    assert town.state.holder is None
    town.take(course.decide_reopen(town.state, course.ReopenCase(by=STYRER), town.now, RULES))
    assert town.state.holder == party(STYRER)
