"""Consents over time and by law, decided one by one; and that doing what `sharing` says makes it a yes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain import access, consent, consent_ending, override, reassessment, renewal, sharing
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent_evolution import entitled
from services.cases.domain.reassessment import Reassess
from services.cases.domain.sharing import Ask, Outside, StepKind
from services.cases.domain.state import ConsentStatus, HandoverStatus
from services.cases.errors import CaseError, NotInvolvedError, NotPermittedError
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.cases import (
    ConsentRenewed,
    ConsentRequested,
    Mode,
    NotHeardReason,
    OverrideReason,
    ReassessmentReason,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import ConsentRef, OverrideRef
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    CURIOUS,
    HAUGEN,
    LIA,
    NURSE,
    PPT,
    RULES,
    STYRER,
    TEACHER,
    THERE,
    TINNES,
    Town,
    guardian,
    party,
    scope,
)
from tests.unit.test_cases_access import accepted, offered

GUARDIANS, YOUTH = {GrantorClass.GUARDIAN: 2}, {GrantorClass.GUARDIAN: 2, GrantorClass.CHILD: 1}
LANGUAGE = frozenset({InformationCategory.LANGUAGE})


def answer(town: Town, ref: ConsentRef, who: Acting, *, yes: bool) -> None:
    """Let somebody signed in say yes or no."""
    given = consent.Answer(by=who, consent=ref)
    decide = consent.decide_grant(town.state, given, town.now, RULES) if yes else None
    town.take(decide if decide is not None else consent.decide_refuse(town.state, given, town.now))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(CaseError) as refused:
        act()
    return refused.value.code


def renew(town: Town, ref: ConsentRef, days: int = 500, needed: dict[GrantorClass, int] | None = None) -> None:
    command = renewal.RenewConsent(
        by=town.holder(),
        consent=ref,
        valid_to=oslo_day(town.now) + timedelta(days=days),
        needed=needed or GUARDIANS,
        guardians=frozenset({1, 2}),
        languages=frozenset({"nb"}),
        answer_by=add_days(town.now, 28),
    )
    town.take(renewal.decide_renew(town.state, command, town.now))


def ask_anew(
    town: Town,
    reason: ReassessmentReason,
    needed: dict[GrantorClass, int],
    guardians: frozenset[int] = frozenset({1, 2}),
) -> None:
    command = Reassess(
        reason=reason, needed={one.ref: needed for one in reassessment.concerned(town.state)}, guardians=guardians
    )
    town.take(reassessment.decide_reassess(town.state, command, town.now, RULES))


def status(town: Town, ref: ConsentRef) -> str:
    return town.state.consents[ref].status


# --- disagreement -----------------------------------------------------------------------------------------------------


@pytest.mark.rule(4)
@pytest.mark.parametrize("first", [True, False])
def test_a_yes_beside_a_no_is_a_disagreement_in_either_order_until_the_one_who_refused_says_yes(first: bool) -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask()
    for yes in (first, not first):
        answer(town, ref, guardian(1 if yes else 2), yes=yes)
    assert (status(town, ref), town.state.mode) == ("disagreed", Mode.ANONYMOUS)
    assert town.types()[-1] == "consent.disagreed"
    assert refusal(lambda: answer(town, ref, guardian(2), yes=False)) == "already-refused"
    assert refusal(lambda: answer(town, ref, guardian(1), yes=True)) == "already-granted"
    town.later(days=40)
    assert consent_ending.decide_lapse(town.state, ref, town.now) == [], (
        "it was answered; it stays open to a change of mind"
    )
    answer(town, ref, guardian(2), yes=True)
    assert (status(town, ref), town.state.mode) == ("active", Mode.IDENTIFIED)


@pytest.mark.rule(4)
def test_a_no_alone_is_a_refusal_and_changing_both_minds_is_possible() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask()
    answer(town, ref, guardian(1), yes=False)
    assert status(town, ref) == "refused"
    answer(town, ref, guardian(1), yes=True)
    assert status(town, ref) == "requested"
    answer(town, ref, guardian(1), yes=False)
    answer(town, ref, guardian(2), yes=False)
    assert status(town, ref) == "refused"


@pytest.mark.rule(4)
def test_where_one_is_enough_the_other_s_no_stops_nothing() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask(needed={GrantorClass.GUARDIAN: 1})
    answer(town, ref, guardian(2), yes=False)
    answer(town, ref, guardian(1), yes=True)
    assert status(town, ref) == "active"


# --- lapse, warning, renewal ------------------------------------------------------------------------------------------


@pytest.mark.rule(4)
def test_a_request_that_nobody_answers_lapses_once_and_cannot_be_answered_then() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask()
    town.later(days=27)
    assert consent_ending.decide_lapse(town.state, ref, town.now) == []
    town.later(days=1)
    town.take(consent_ending.decide_lapse(town.state, ref, town.now))
    assert (status(town, ref), consent_ending.decide_lapse(town.state, ref, town.now)) == ("lapsed", [])
    assert refusal(lambda: answer(town, ref, guardian(1), yes=True)) == "consent-not-open"
    assert refusal(lambda: town.withdraw(ref)) == "consent-not-open"


def test_a_warning_comes_once_for_each_last_day() -> None:
    town = Town().lift()
    ref = town.consented()
    town.later(days=269)
    assert consent_ending.decide_warn(town.state, ref, town.now, RULES) == []
    town.later(days=1)
    town.take(consent_ending.decide_warn(town.state, ref, town.now, RULES))
    assert town.history[-1].model_dump()["days_left"] == 30
    assert consent_ending.decide_warn(town.state, ref, town.now, RULES) == []


@pytest.mark.rule(4, 99)
def test_a_renewal_supersedes_when_all_have_granted_and_changes_nothing_before() -> None:
    town = Town().lift()
    ref = town.consented()
    before = town.state.consents[ref]
    assert refusal(lambda: renew(town, ref)) == "child-view-missing"
    town.hear()
    assert refusal(lambda: renew(town, ref, days=10)) == "consent-period-past"
    renew(town, ref)
    assert refusal(lambda: renew(town, ref)) == "renewal-open"
    answer(town, ref, guardian(1), yes=True)
    halfway = town.state.consents[ref]
    assert (halfway.version, halfway.valid_to, halfway.status) == (1, before.valid_to, "active")
    answer(town, ref, guardian(2), yes=True)
    renewed = town.state.consents[ref]
    assert (renewed.version, renewed.status, renewed.renewal) == (2, "active", None)
    assert renewed.valid_to > before.valid_to
    assert town.types()[-1] == "consent.renewed"


@pytest.mark.rule(5)
def test_a_consent_is_held_by_the_unit_that_has_the_case_when_it_is_asked_for() -> None:
    """And from its renewal on by the unit that asked for that; who works in another by now asks for none."""
    town = Town().lift()
    town.hear()
    asked = consent.RequestConsent(
        by=TEACHER,
        consent=ConsentRef("cst_" + "m" * 26),
        scope=scope(),
        valid_to=oslo_day(town.now) + timedelta(days=100),
        needed=GUARDIANS,
        languages=frozenset({"nb"}),
        answer_by=add_days(town.now, 28),
    )
    elsewhere = asked.model_copy(update={"by": TEACHER.model_copy(update={"unit": HAUGEN})})
    with pytest.raises(NotPermittedError):
        consent.decide_request(town.state, elsewhere, town.now, RULES)
    [requested] = consent.decide_request(town.state, asked, town.now, RULES)
    assert isinstance(requested, ConsentRequested)
    assert requested.held_by_unit == LIA
    town = accepted()
    [ref] = town.state.consents
    town.hear()
    renew(town, ref)
    for ordinal in (1, 2):
        answer(town, ref, guardian(ordinal), yes=True)
    assert [one.held_by_unit for one in town.history if isinstance(one, ConsentRequested)] == [LIA]
    assert [one.held_by_unit for one in town.history if isinstance(one, ConsentRenewed)] == [TINNES]


def test_a_no_or_silence_to_the_next_period_leaves_this_one_and_it_may_be_granted_after_it() -> None:
    town = Town().lift()
    ref = town.consented()
    town.hear()
    renew(town, ref)
    answer(town, ref, guardian(2), yes=False)
    assert (status(town, ref), town.state.consents[ref].renewal) == ("active", None)
    town.hear()
    renew(town, ref)
    town.later(days=28)
    town.take(consent_ending.decide_lapse(town.state, ref, town.now))
    assert (status(town, ref), town.state.consents[ref].renewal) == ("active", None)
    town.later(days=270)
    town.hear()
    renew(town, ref, days=700)
    town.later(days=10)
    town.take(consent_ending.decide_expire(town.state, ref, town.now))
    assert status(town, ref) == "expired"
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, PPT, town.now)
    for ordinal in (1, 2):
        town.grant(ref, ordinal)
    assert access.permit(town.state, Action.READ_CHILD, PPT, town.now).consent_version == 3
    town.withdraw(ref)
    town.hear()
    assert refusal(lambda: renew(town, ref, days=900)) == "consent-not-renewable"


# --- who may consent changes ------------------------------------------------------------------------------------------


@pytest.mark.rule(4, 14, 107)
def test_what_rests_on_a_consent_that_is_suspended_ends_with_it() -> None:
    """The handover on its way is cancelled and the sender holds on; the form is free to be sent again."""
    town = offered()
    [ref], handover = list(town.state.consents), town.state.open_handover
    assert handover is not None
    ask_anew(town, ReassessmentReason.AGE_15, YOUTH)
    assert town.state.open_handover is not None, "the consent stands until the time is out"
    town.later(days=28)
    town.take(reassessment.decide_suspend(town.state, ref, town.now))
    assert town.state.handovers[handover.ref].status is HandoverStatus.CANCELLED
    assert town.state.holder == party(TEACHER)
    assert [form.status for form in town.state.forms.values()] == ["approved"]
    assert town.state.team == {}


@pytest.mark.rule(4, 99)
def test_at_fifteen_what_guardians_granted_stands_until_the_time_is_out_and_then_until_the_youth_confirms() -> None:
    town = Town().lift()
    ref = town.consented()
    ask_anew(town, ReassessmentReason.AGE_15, YOUTH)
    assert town.state.consents[ref].outstanding == {GrantorClass.CHILD: 1}
    assert access.permit(town.state, Action.READ_CHILD, PPT, town.now).consent == ref
    town.later(days=28)
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, PPT, town.now)
    town.take(reassessment.decide_suspend(town.state, ref, town.now))
    assert (status(town, ref), town.state.consents[ref].version, town.state.mode) == ("suspended", 2, Mode.ANONYMOUS)
    assert town.types()[-2:] == ["consent.suspended", "case.anonymised"]
    with pytest.raises(NotInvolvedError) as denied:
        access.permit(town.state, Action.READ_CHILD, PPT, town.now)
    assert denied.value.reason == "consent-suspended"
    answer(town, ref, CHILD, yes=True)
    assert (status(town, ref), town.state.consents[ref].version, town.state.mode) == ("active", 3, Mode.IDENTIFIED)
    assert "consent.confirmed" in town.types()


def test_confirmed_in_time_nothing_is_suspended_and_a_no_suspends_at_once() -> None:
    town = Town().lift()
    ref, other = town.consented(), town.consented(scope((Service.BUP,)))
    ask_anew(town, ReassessmentReason.AGE_15, YOUTH)
    answer(town, ref, CHILD, yes=True)
    answer(town, other, CHILD, yes=False)
    town.later(days=28)
    assert reassessment.decide_suspend(town.state, ref, town.now) == []
    assert (status(town, ref), status(town, other)) == ("active", "suspended")
    answer(town, other, CHILD, yes=True)
    assert status(town, other) == "active"


@pytest.mark.rule(4)
def test_at_eighteen_it_is_at_once_and_guardians_have_no_say_any_more() -> None:
    town = Town().lift()
    ref = town.consented()
    ask_anew(town, ReassessmentReason.AGE_18, {GrantorClass.CHILD: 1})
    assert status(town, ref) == "suspended"
    assert refusal(lambda: town.withdraw(ref)) == "not-a-grantor"
    answer(town, ref, CHILD, yes=True)
    assert status(town, ref) == "active"


def test_at_twelve_nobody_is_missing_and_it_is_said_all_the_same() -> None:
    town = Town().lift()
    ref = town.consented()
    ask_anew(town, ReassessmentReason.AGE_12, GUARDIANS)
    assert (status(town, ref), town.types()[-1]) == ("active", "consent.reassessment-due")
    assert town.state.consents[ref].confirm_by is None


@pytest.mark.rule(4)
def test_when_a_guardian_is_replaced_the_new_one_confirms_and_the_old_one_no_longer_counts() -> None:
    town = Town().lift()
    ref = town.consented()
    town.hear()
    waiting = town.ask(scope((Service.BUP,)))
    town.grant(waiting, 2)
    ask_anew(town, ReassessmentReason.GUARDIAN_CHANGE, GUARDIANS, frozenset({1, 3}))
    assert town.state.consents[ref].given == {(GrantorClass.GUARDIAN, 1)}
    assert town.state.consents[waiting].given == frozenset()
    assert refusal(lambda: town.withdraw(ref, by=guardian(2))) == "not-a-grantor"
    town.grant(ref, 3)
    assert town.state.consents[ref].outstanding == {}


def test_a_request_that_nobody_is_missing_from_any_more_comes_into_force() -> None:
    town = Town().lift()
    town.hear()
    ref = town.ask()
    town.grant(ref, 1)
    ask_anew(town, ReassessmentReason.GUARDIAN_CHANGE, {GrantorClass.GUARDIAN: 1}, frozenset({1}))
    assert (status(town, ref), town.state.mode) == ("active", Mode.IDENTIFIED)


def test_address_protection_asks_everybody_again_at_once() -> None:
    town = Town().lift()
    ref = town.consented()
    ask_anew(town, ReassessmentReason.ADDRESS_PROTECTION, GUARDIANS)
    assert (status(town, ref), town.state.consents[ref].outstanding) == ("suspended", GUARDIANS)
    for ordinal in (1, 2):
        town.grant(ref, ordinal)
    assert status(town, ref) == "active"


def test_where_the_child_welfare_service_has_the_care_it_consents_itself() -> None:
    town = Town().lift()
    ref = town.consented()
    ask_anew(town, ReassessmentReason.CARE_ORDER, {GrantorClass.CHILD_WELFARE: 1})
    assert status(town, ref) == "suspended"
    assert refusal(lambda: answer(town, ref, CURIOUS, yes=True)) == "not-found"
    answer(town, ref, BARNEVERN, yes=True)
    assert status(town, ref) == "active"
    assert town.state.consents[ref].given == {(GrantorClass.CHILD_WELFARE, 1)}


# --- by law -----------------------------------------------------------------------------------------------------------


def overriding(town: Town, **changes: object) -> override.OverrideConfidentiality:
    base = override.OverrideConfidentiality(
        by=TEACHER,
        override=OverrideRef(town.ids.ref("ovr")),
        section="bvl-13-2",
        reason=OverrideReason.NEGLECT_OR_ABUSE,
        scope=scope((Service.BARNEVERN,), (InformationCategory.FAMILY,)),
        valid_to=oslo_day(town.now) + timedelta(days=20),
        review_by=add_days(town.now, 14),
        not_heard=NotHeardReason.DANGER_IN_DELAY,
    )
    return base.model_copy(update=changes)


@pytest.mark.rule(106)
def test_what_is_shared_by_law_is_read_on_that_section_for_that_purpose_until_it_ends() -> None:
    town = Town().lift()
    ref = town.override()
    permit = access.permit(town.state, Action.READ_CHILD, BARNEVERN, town.now)
    assert (permit.basis, permit.override, permit.consent) == ("bvl-13-2", ref, None)
    assert permit.categories == {
        InformationCategory.CONCERN,
        InformationCategory.FAMILY,
        InformationCategory.IDENTITY,
    }
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, NURSE, town.now)
    town.later(days=21)
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, BARNEVERN, town.now)
    town.take(override.decide_override_end(town.state, ref, town.now))
    assert override.decide_override_end(town.state, ref, town.now) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"section": "consent"}, "basis-no-override"),
        ({"section": "no-such"}, "basis-no-override"),
        ({"section": "bvl-6-4"}, "basis-no-override"),
        ({"section": "hpl-33"}, "basis-not-open"),
        ({"scope": scope((Service.NAV,))}, "basis-not-open"),
        ({"valid_to": oslo_day(Town().now) + timedelta(days=30)}, "override-period"),
        ({"valid_to": oslo_day(Town().now) - timedelta(days=1)}, "override-period"),
        ({"review_by": add_days(Town().now, 15)}, "review-by-out-of-range"),
        ({"review_by": Town().now}, "review-by-out-of-range"),
        ({"not_heard": None}, "child-view-missing"),
        ({"by": STYRER}, "not-permitted"),
        ({"by": CURIOUS}, "not-found"),
    ],
)
def test_what_is_refused_of_sharing_by_law(changes: dict[str, object], code: str) -> None:
    town = Town().lift()
    command = overriding(town, **changes)
    assert refusal(lambda: override.decide_override(town.state, command, town.now, RULES)) == code


def test_a_child_that_was_heard_needs_no_reason_why_not() -> None:
    town = Town().lift()
    town.hear()
    assert refusal(lambda: override.decide_override(town.state, overriding(town), town.now, RULES)) == "child-was-heard"
    town.take(override.decide_override(town.state, overriding(town, not_heard=None), town.now, RULES))
    assert "consent" not in town.state.heard_before


def test_a_leader_who_did_not_do_it_judges_it_once_and_what_was_not_justified_ends() -> None:
    town = Town().lift()
    ref = town.override()
    review = override.ReviewOverride(by=STYRER, override=ref, justified=False)
    assert refusal(lambda: override.decide_review(town.state, review.model_copy(update={"by": TEACHER}), town.now)) == (
        "not-permitted"
    )
    town.later(days=14)
    town.take(override.decide_review_overdue(town.state, ref, town.now))
    assert override.decide_review_overdue(town.state, ref, town.now) == []
    town.take(override.decide_review(town.state, review, town.now))
    assert town.types()[-3:] == [
        "consent.override-review-overdue",
        "consent.override-reviewed",
        "consent.override-ended",
    ]
    assert refusal(lambda: override.decide_review(town.state, review, town.now)) == "override-reviewed"
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.READ_CHILD, BARNEVERN, town.now)


# --- what may be shared -----------------------------------------------------------------------------------------------


def needed(_: Scope) -> dict[GrantorClass, int]:
    return GUARDIANS


def judge(town: Town, ask: Ask) -> sharing.Sharing:
    return sharing.judge(town.state, ask, town.now, needed)


def grant_all(town: Town, ref: ConsentRef) -> None:
    """Let everybody who is asked and has not granted grant."""
    present = town.state.consents[ref]
    open_now = present.renewal or present
    guardians = town.state.responsible if open_now.guardians is None else open_now.guardians
    speakers = [((GrantorClass.GUARDIAN, one), guardian(one)) for one in sorted(guardians)]
    for grantor, who in [*speakers, ((GrantorClass.CHILD, 1), CHILD), ((GrantorClass.CHILD_WELFARE, 1), BARNEVERN)]:
        if grantor not in open_now.given and entitled(grantor, open_now.needed, frozenset(guardians)):
            answer(town, ref, who, yes=True)


def do(town: Town, step: sharing.Step, ask: Ask) -> Ask:
    """Do what the step says; return what is asked then."""
    if step.hear_child:
        town.hear()
    match step.kind:
        case StepKind.ANONYMISE:
            return ask.model_copy(update={"anonymous": True})
        case StepKind.REQUEST:
            grant_all(town, town.ask(ask.scope, needed=step.from_whom))
        case StepKind.RENEW if step.consent is not None:
            renew(town, step.consent, days=900, needed=step.from_whom)
            grant_all(town, step.consent)
        case _ if step.consent is not None:
            grant_all(town, step.consent)
    return ask


SERVICES = (Service.PPT, Service.HELSESTASJON, Service.BARNEHAGE, Service.BARNEVERN)
KINDS = (InformationCategory.LANGUAGE, InformationCategory.DEVELOPMENT, InformationCategory.HEALTH)
asks = st.builds(
    Ask,
    service=st.sampled_from(SERVICES),
    categories=st.frozensets(st.sampled_from((*KINDS, InformationCategory.IDENTITY)), min_size=1),
    purpose=st.sampled_from((Purpose.ASSESSMENT, Purpose.FOLLOW_UP, Purpose.TRANSITION)),
    municipality=st.none() | st.just(THERE),
)
deeds = st.sampled_from(
    (
        *(
            "consent",
            "consent-there",
            "ask",
            "yes",
            "no",
            "withdraw",
            "narrow",
            "renew",
            "expire",
            "fifteen",
            "eighteen",
            "new-guardian",
        ),
        *("suspend", "lapse", "month", "year", "law", "hear", "protect"),
    )
)


def renew_heard(town: Town, ref: ConsentRef) -> None:
    town.hear()
    renew(town, ref, days=800)


def live(town: Town, deed: str) -> None:
    """Let something happen; what is refused does not."""
    ref = next(reversed(town.state.consents), ConsentRef("cst_none"))
    acts: dict[str, Callable[[], object]] = {
        "consent": town.consented,
        "consent-there": lambda: town.consented(scope(purposes=(Purpose.TRANSITION,), municipality=THERE)),
        "ask": town.asked,
        "yes": lambda: answer(town, ref, guardian(1), yes=True),
        "no": lambda: answer(town, ref, guardian(2), yes=False),
        "withdraw": lambda: town.withdraw(ref),
        "narrow": lambda: town.withdraw(ref, consent.Part(services=frozenset({Service.PPT}))),
        "renew": lambda: renew_heard(town, ref),
        "expire": lambda: town.take(consent_ending.decide_expire(town.state, ref, town.now)),
        "fifteen": lambda: ask_anew(town, ReassessmentReason.AGE_15, YOUTH),
        "eighteen": lambda: ask_anew(town, ReassessmentReason.AGE_18, {GrantorClass.CHILD: 1}),
        "new-guardian": lambda: ask_anew(town, ReassessmentReason.GUARDIAN_CHANGE, GUARDIANS, frozenset({2, 3})),
        "protect": lambda: ask_anew(town, ReassessmentReason.ADDRESS_PROTECTION, GUARDIANS),
        "suspend": lambda: town.take(reassessment.decide_suspend(town.state, ref, town.now)),
        "lapse": lambda: town.take(consent_ending.decide_lapse(town.state, ref, town.now)),
        "month": lambda: town.later(days=29),
        "year": lambda: town.later(days=330),
        "law": town.override,
        "hear": town.hear,
    }
    try:
        acts[deed]()
    except CaseError:
        return


@pytest.mark.rule(106)
@settings(max_examples=150, deadline=None)
@given(st.lists(deeds, max_size=8), asks, st.booleans())
def test_doing_any_one_thing_that_is_said_makes_it_a_yes(lived: list[str], ask: Ask, protected: bool) -> None:
    """Each step by itself, from the same moment; and a yes names a basis that stands."""
    town = Town(address_protected=protected).lift()
    for deed in lived:
        live(town, deed)
    judged = judge(town, ask)
    if judged.permitted:
        assert judged.steps == ()
        assert judged.basis is not None
        return
    # To services elsewhere consent is asked for where the child moves there, and of no child whose address is protected.
    asked_for = ask.municipality is None or (ask.purpose is Purpose.TRANSITION and not protected)
    assert (StepKind.REQUEST in {step.kind for step in judged.steps}) is asked_for
    state, history = town.state, list(town.history)
    for step in judged.steps:
        town.state, town.history = state, list(history)
        then = do(town, step, ask)
        assert judge(town, then).permitted, step


@pytest.mark.rule(106)
@pytest.mark.story(6)
def test_what_may_be_shared_says_why_and_which_dimension_is_outside() -> None:
    town = Town().lift()
    ask = Ask(service=Service.PPT, categories=LANGUAGE, purpose=Purpose.ASSESSMENT)
    assert [step.kind for step in judge(town, ask).steps] == ["request", "anonymise"]
    assert judge(town, ask.model_copy(update={"anonymous": True})).basis == "anonymised"
    assert judge(town, ask.model_copy(update={"service": Service.BARNEHAGE})).basis == "own-task"
    town.hear()
    ref = town.ask()
    town.grant(ref, 2)
    judged = judge(town, ask)
    assert (judged.missing, judged.waiting) == (LANGUAGE, {ref: {GrantorClass.GUARDIAN: 1}})
    assert (judged.steps[0].kind, judged.steps[0].from_whom) == ("grant", {GrantorClass.GUARDIAN: 1})
    town.grant(ref, 1)
    assert (judge(town, ask).basis, judge(town, ask).consent_version) == ("consent", 1)
    health = ask.model_copy(update={"categories": LANGUAGE | {InformationCategory.HEALTH}})
    assert judge(town, health).outside == {ref: Outside(categories=frozenset({InformationCategory.HEALTH}))}
    other = judge(town, ask.model_copy(update={"purpose": Purpose.TRANSITION}))
    assert other.outside[ref] == Outside(purposes=frozenset({Purpose.TRANSITION}))
    assert other.missing == LANGUAGE
    town.override()
    family = Ask(
        service=Service.BARNEVERN, categories=frozenset({InformationCategory.FAMILY}), purpose=Purpose.ASSESSMENT
    )
    assert judge(town, family).basis == "bvl-13-2"
    town.later(days=400)
    assert judge(town, ask).steps[0].kind == "renew"


def test_refusing_and_taking_back_are_as_easy_as_granting() -> None:
    """GDPR art. 7 (3): one step, the same few fields, by the same people."""
    assert set(consent.WithdrawConsent.model_fields) - set(consent.Answer.model_fields) == {"part"}
    assert not consent.WithdrawConsent.model_fields["part"].is_required()
    town = Town().lift()
    town.hear()
    ref = town.ask()
    steps = len(town.history)
    answer(town, ref, guardian(1), yes=True)
    to_grant = len(town.history) - steps
    town.withdraw(ref)
    assert town.state.consents[ref].status is ConsentStatus.WITHDRAWN
    assert to_grant == 1
