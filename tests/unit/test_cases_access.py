"""The authorisation table, cell by cell, against the same table written down a second time as a matrix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.cases.domain import (
    access,
    concern,
    contributions,
    course,
    forms,
    glass,
    handover,
    measures,
    plan,
    reports,
    team,
)
from services.cases.domain import consent as consents
from services.cases.domain.access_table import NARROW, TABLE, WORKING_PURPOSES
from services.cases.domain.access_terms import Action, Reach, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.shown import Ground, grounds
from services.cases.domain.state import ALL_CATEGORIES, CaseState, OverlapState, RefusedOutcome
from services.cases.domain.team_profile import USUAL
from services.cases.errors import (
    CaseNotOpenError,
    NotInvolvedError,
    NotPermittedError,
    NotStaffError,
    PurposeNotCoveredError,
)
from services.cases.views import PARTS, CaseView
from shared.contracts.cases import (
    CaseEvent,
    ConsentWithdrawn,
    CoordinatorKind,
    EvidenceForm,
    ForWhom,
    HandoverRoute,
    LocalOutcome,
)
from shared.contracts.codes import Area, GrantorClass, InformationCategory, Purpose, Role, Service
from shared.contracts.safekeeping import GlassReason
from shared.contracts.team import ContributionReason
from shared.refs import (
    ConcernRef,
    ConcernReportRef,
    ContributionRef,
    DocumentRef,
    FormRef,
    GlassRef,
    GoalRef,
    HandoverRef,
    ItemRef,
    MeasureRef,
    MeetingRef,
    PlanRef,
    UnitId,
)
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COLLEAGUE,
    CONTACT_TEACHER,
    COORDINATOR,
    CURIOUS,
    GLASS_RULES,
    GROUNDS,
    HAUGEN,
    HEARING,
    NOTIFY,
    NURSE,
    NURSES_LEADER,
    ON_DUTY,
    PPT,
    PPT_LEADER,
    REKTOR,
    RULES,
    STRANGER,
    STYRER,
    TEACHER,
    TEACHER_THERE,
    THERE,
    TINNES,
    Town,
    employee,
    guardian,
    party,
    scope,
)

IDENTITY = InformationCategory.IDENTITY

MATRIX = """
                       holder last else rcv  rcvL lead coor team serv law  care guar chil reach glas asks askL rept repL wtch
see-case               .      .    .    .    .    .    .    .    .    .    -    .    .    -    emer -    -    -    -     .
read-child             held   -    -    -    -    -    cons cons cons law  -    own  own  -    emer -    -    -    -     -
read-overview          -      -    -    -    -    -    -    -    -    -    -    own  own  -    -    -    -    -    -     -
read-concern           held   .    -    -    -    -    -    -    -    -    -    -    -    -    emer -    -    -    -     -
read-contacts          -      -    -    -    -    -    -    -    -    -    -    -    -    cont -    -    -    -    -     -
read-watch             -      -    -    -    -    -    -    -    -    -    -    -    -    .    -    -    -    -    -     -
resolve-concern        .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
add-concern            .      -    -    .    -    -    .    .    .    -    -    -    -    -    -    -    -    -    -     -
change-level           .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
record-child-view      .      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
choose-contact-person  .      -    -    -    -    -    .    -    -    -    -    .    .    -    -    -    -    -    -     -
close-case             .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
reopen-case            -      .    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     -
ask-sharing            .      -    -    -    -    -    .    .    .    .    -    .    .    -    -    -    -    -    -     -
see-consents           .      -    -    -    -    -    .    -    -    -    .    .    .    -    -    -    -    -    -     -
request-consent        .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
answer-consent         -      -    -    -    -    -    -    -    -    -    .    .    .    -    -    -    -    -    -     -
record-answer          .      .    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
see-receipts           .      -    -    -    -    -    -    -    -    -    .    .    .    -    -    -    -    -    -     -
override               .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
read-override          why    -    -    -    -    why  -    -    -    -    -    -    -    -    -    -    -    -    -     why
review-override        -      -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     .
tell-of-override       .      .    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     .
plan-measure           .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
evaluate-measure       .      -    -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -     -
see-measures           .      -    -    -    -    -    cons cons cons -    -    .    .    -    -    -    -    -    -     -
carry-out-measure      .      -    -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -     -
see-overlap            .      -    -    -    -    .    cons cons cons law  -    own  own  -    -    -    -    -    -     -
send-handover          .      -    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
see-handover           .      -    .    .    .    .    .    -    -    -    -    .    .    -    -    -    -    -    -     .
answer-handover        -      -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
answer-on-behalf       -      -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -     .
withdraw-handover      .      -    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
hand-over-for-absent   -      -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     -
hand-over-coordination -      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
draft-form             .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
read-form              held   -    -    offe -    -    -    -    -    -    -    own  -    -    -    -    -    -    -     -
approve-form           -      -    -    -    -    -    -    -    -    -    -    .    -    -    -    -    -    -    -     -
send-form              .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
ask-insight            -      -    -    -    -    -    -    -    -    -    -    .    .    -    -    -    -    -    -     -
manage-guardians       held   held -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
protect-address        .      -    .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
write-record           held   -    -    -    -    -    -    cons -    -    -    -    -    -    -    -    -    -    -     -
read-document          held   -    -    -    -    -    cons cons cons law  -    own  own  -    emer -    -    -    -     -
take-copy              -      -    -    -    -    -    -    -    -    -    -    own  own  -    -    -    -    -    -     -
erase-case             -      -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     -
hold-case              -      -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -    -     .
change-team            .      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
set-team-goal          .      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
state-wish             -      -    -    -    -    -    -    -    -    -    -    .    .    -    -    -    -    -    -     -
record-wish            .      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
appoint-coordinator    .      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -     -
start-plan             -      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
read-plan              held   -    -    -    -    -    cons cons -    -    -    own  own  -    -    -    -    -    -     -
close-plan             -      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
ask-contribution       .      -    -    -    -    -    .    -    -    -    -    -    -    -    -    -    -    -    -     -
see-contribution       held   -    -    -    -    -    cons -    -    -    -    -    -    -    -    .    .    -    -     -
answer-contribution    -      -    -    -    -    -    -    -    -    -    -    -    -    -    -    .    .    -    -     -
record-language        .      -    -    -    -    -    -    -    -    -    -    .    .    -    -    -    -    -    -     -
read-language          held   -    -    -    -    -    cons -    -    -    -    own  own  cont -    -    -    -    -     -
report-concern         .      .    .    -    -    .    .    .    .    -    -    -    -    -    -    -    -    -    -     -
see-report             .      .    -    -    -    .    -    -    -    -    -    .    -    -    -    -    -    .    .     .
read-report            -      -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    repo repo  -
follow-report          .      .    -    -    -    -    -    -    -    -    -    -    -    -    -    -    -    .    .     .
"""
REACHES = {
    ".": Reach.NO_CONTENT,
    "held": Reach.HELD,
    "cons": Reach.CONSENTED,
    "law": Reach.BY_LAW,
    "why": Reach.REASON,
    "own": Reach.OWN_CHILD,
    "offe": Reach.OFFERED,
    "cont": Reach.CONTACT,
    "emer": Reach.EMERGENCY,
    "repo": Reach.REPORTED,
}


def cells() -> list[tuple[Action, Relation, Reach | None]]:
    """Return every cell of the matrix; the columns are the relations in their order."""
    rows = [line.split() for line in MATRIX.strip().splitlines()[1:]]
    return [
        (Action(action), relation, REACHES.get(mark))
        for action, *marks in rows
        for relation, mark in zip(Relation, marks, strict=True)
    ]


def opened() -> Town:
    return Town().lift()


def consented() -> Town:
    town = opened()
    town.consented(scope((Service.PPT, Service.HELSESTASJON, Service.SKOLE), purposes=(Purpose.TRANSITION,)))
    return town


def offered() -> Town:
    """A form is on its way to the school."""
    return _sent(consented(), CONTACT_TEACHER)


def offered_there() -> Town:
    """A form is on its way to a school in another municipality; there is a consent to schools here too."""
    town = opened()
    for where in (None, THERE):
        town.consented(scope((Service.SKOLE,), purposes=(Purpose.TRANSITION,), municipality=where))
    return _sent(town, TEACHER_THERE)


def _sent(town: Town, to: Acting) -> Town:
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
    sending = forms.SendForm(
        by=TEACHER,
        form=form,
        handover=HandoverRef(town.ids.ref("hdo")),
        receiver=party(to),
        to_municipality=to.elsewhere,
    )
    town.take(forms.decide_send_form(town.state, sending, town.now, RULES))
    return town


def accepted() -> Town:
    town = offered()
    waiting = town.state.open_handover
    assert waiting is not None
    answer = handover.AnswerHandover(by=CONTACT_TEACHER, handover=waiting.ref)
    town.take(handover.decide_answer(town.state, answer, town.now))
    return town


def a_measure(town: Town) -> measures.NewMeasure:
    return measures.NewMeasure(
        measure=MeasureRef(town.ids.ref("mea")),
        goal=GoalRef(town.ids.ref("goa")),
        code="sprakgruppe",
        owner=Service.PPT,
        indicator="words",
        evaluate_by=town.now + timedelta(days=60),
    )


def with_measure() -> Town:
    town = consented()
    town.take(measures.decide_plan(town.state, measures.PlanMeasure(by=TEACHER, what=a_measure(town)), town.now, RULES))
    return town


def coordinated() -> Town:
    """Somebody is appointed, and a consent covers the service."""
    town = consented()
    command = team.Appoint(by=TEACHER, kind=CoordinatorKind.ANSVARSGRUPPE, coordinator=party(COORDINATOR), age=5)
    town.take(team.decide_appoint(town.state, command, town.now, USUAL))
    return town


def asked() -> Town:
    """The educational-psychological service was asked to contribute, anonymously."""
    town = opened()
    command = contributions.AskToContribute(
        by=TEACHER,
        contribution=ContributionRef(town.ids.ref("ctb")),
        service=Service.PPT,
        reason=ContributionReason.COMPETENCE_MISSING,
        anonymous=True,
    )
    town.take(contributions.decide_ask(town.state, command, town.now, USUAL.contributions))
    return town


def reported() -> Town:
    """A nurse reported to child welfare, and the consent by which she had a part in the case has ended since."""
    town = opened()
    consent = town.consented()
    command = reports.ReportConcern(
        by=NURSE,
        report=ConcernReportRef(town.ids.ref("rpt")),
        ground="maltreatment-or-neglect",
        guardians_informed=False,
        not_informed_because="danger-to-child",
        not_heard="danger",
        age=5,
        digital=True,
    )
    town.take(
        reports.decide_report(
            town.state, command, town.now, rules=RULES, hearing=HEARING, grounds=GROUNDS, rule=USUAL.reports
        )
    )
    town.withdraw(consent)
    return town


def closed() -> Town:
    town = consented()
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), town.now))
    return town


def in_emergency() -> Town:
    town = opened()
    command = glass.BreakGlass(
        by=BARNEVERN,
        glass=GlassRef(town.ids.ref("brk")),
        reason=GlassReason.CHILD_AT_RISK,
        categories=frozenset({InformationCategory.FAMILY}),
        hours=2,
    )
    town.take(glass.decide_open(town.state, command, town.now, RULES, GLASS_RULES))
    return town


def overridden() -> Town:
    """Barnevern was told by law."""
    town = opened()
    town.override()
    return town


def with_care_order() -> Town:
    """Barnevern has the care, and so must consent."""
    town = opened()
    town.hear()
    town.ask(needed={GrantorClass.CHILD_WELFARE: 1})
    return town


def protected() -> Town:
    """A case whose events name no unit, with something shared by law."""
    town = Town(address_protected=True).lift()
    town.override()
    return town


STANDING: dict[Relation, tuple[Callable[[], Town], Acting]] = {
    Relation.HOLDER: (opened, TEACHER),
    Relation.LAST_HOLDER: (closed, TEACHER),
    Relation.HOLDER_ELSEWHERE: (opened, TEACHER.model_copy(update={"unit": HAUGEN})),
    Relation.RECEIVER: (offered, CONTACT_TEACHER),
    Relation.RECEIVERS_LEADER: (offered, REKTOR),
    Relation.LEADER: (opened, STYRER),
    Relation.COORDINATOR: (coordinated, COORDINATOR),
    Relation.TEAM_MEMBER: (with_measure, PPT),
    Relation.SERVICE_IN_SCOPE: (consented, NURSE),
    Relation.SERVICE_BY_LAW: (overridden, BARNEVERN),
    Relation.CARE_AUTHORITY: (with_care_order, BARNEVERN),
    Relation.GUARDIAN: (opened, guardian(1)),
    Relation.CHILD: (opened, CHILD),
    Relation.REACHES_GUARDIANS: (opened, NOTIFY),
    Relation.BROKE_GLASS: (in_emergency, BARNEVERN),
    Relation.ASKED_SERVICE: (asked, PPT),
    Relation.ASKED_LEADER: (asked, PPT_LEADER),
    Relation.REPORTER: (reported, NURSE),
    Relation.REPORTERS_LEADER: (reported, NURSES_LEADER),
    Relation.PROTECTED_WATCH: (protected, ON_DUTY),
}
"""A case in which somebody has this relation; the receiver and its like are also in the consent's scope, at the school's unit."""
ALSO = {
    Relation.RECEIVER: {Relation.SERVICE_IN_SCOPE},
    Relation.COORDINATOR: {Relation.SERVICE_IN_SCOPE},
}


def test_the_matrix_names_every_cell_and_no_action_is_denied_to_everybody() -> None:
    """An action that is added without a row here, or a row without an action, is found; so is one that nobody may do."""
    assert sorted(action for action, relation, _ in cells() if relation is Relation.HOLDER) == sorted(Action)
    assert len(cells()) == len(Action) * len(Relation)
    assert {action for action, _, reach in cells() if reach is not None} == set(Action)


@pytest.mark.rule(4, 5, 14, 106)
@pytest.mark.parametrize(("action", "relation", "reach"), cells(), ids=str)
def test_cell(action: Action, relation: Relation, reach: Reach | None) -> None:
    """The table says it, and so does the decision for somebody who stands in this relation."""
    assert TABLE[relation].get(action) is reach
    make, who = STANDING[relation]
    town = make()
    held = relations(town.state, who, town.now)
    assert set(held) == {relation} | ALSO.get(relation, set())
    if set(held) <= NARROW and not any(action in TABLE[one] for one in held):
        with pytest.raises(NotInvolvedError):
            access.permit(town.state, action, who, town.now)
    elif any(action in TABLE[one] for one in held):
        permit = access.permit(town.state, action, who, town.now)
        if held == [relation] and reach is Reach.NO_CONTENT:
            assert permit.categories == frozenset()
    else:
        with pytest.raises(NotPermittedError):
            access.permit(town.state, action, who, town.now)


@pytest.mark.rule(4)
@pytest.mark.parametrize("relation", [one for one in Relation if STANDING[one][1].kind == "user"])
def test_at_work_nobody_has_to_do_with_the_case_of_their_own_child(relation: Relation) -> None:
    """Whatever they would be to it otherwise (forvaltningsloven § 6); but for an emergency (§ 7), and what a service is asked for."""
    make, who = STANDING[relation]
    town, kin = make(), who.model_copy(update={"own_family": True})
    batons = {Relation.HOLDER, Relation.HOLDER_ELSEWHERE}
    left = {relation} & {*batons, Relation.BROKE_GLASS, Relation.ASKED_SERVICE, Relation.ASKED_LEADER}
    assert set(relations(town.state, kin, town.now)) == left
    if relation in batons:
        # To whom the case fell hands it on, so that it rests with nobody.
        may = {action for action in Action if access.allows(town.state, action, kin, town.now)}
        assert may == {Action.SEND_HANDOVER, Action.WITHDRAW_HANDOVER}
        with pytest.raises(NotPermittedError) as forbidden:
            access.permit(town.state, Action.SEE_CASE, kin, town.now)
        assert forbidden.value.reason == "own-family"
    if not left:
        with pytest.raises(NotInvolvedError) as refused:
            access.permit(town.state, Action.SEE_CASE, kin, town.now)
        assert refused.value.reason == "own-family"


def with_everything() -> Town:
    """One of each part: a consent, a form on its way, a measure that two do, a concern nobody has acted on, a plan."""
    town = offered()
    command = measures.PlanMeasure(by=TEACHER, what=a_measure(town))
    town.take(measures.decide_plan(town.state, command, town.now, RULES))
    joined = concern.RegisterConcern(
        by=TEACHER,
        case=town.case,
        concern=ConcernRef(town.ids.ref("con")),
        area=Area.LEARNING,
        for_whom=ForWhom.CHILD,
        guardians=2,
        address_protected=False,
    )
    town.take(concern.decide_join(town.state, joined, town.now, RULES))
    wish = plan.RequestPlan(
        by=guardian(1),
        plan=PlanRef(town.ids.ref("pln")),
        grantor=GrantorClass.GUARDIAN,
        evidence=EvidenceForm.E_ID,
        has_note=False,
    )
    town.take(plan.decide_request(town.state, wish, town.now, RULES, USUAL))
    [measure] = town.state.measures
    twice = OverlapState(measure=measure, others=(MeasureRef(town.ids.ref("mea")),), code="language")
    refused = RefusedOutcome(
        meeting=MeetingRef(town.ids.ref("mtg")),
        item=ItemRef(town.ids.ref("itm")),
        measures=(),
        services=frozenset({Service.BARNEVERN}),
    )
    town.state = town.state.model_copy(update={"overlaps": {measure: twice}, "refused_outcomes": (refused,)})
    return town


@pytest.mark.rule(4, 106)
@pytest.mark.parametrize("relation", Relation)
def test_a_case_shows_each_relation_no_part_that_it_may_not_ask_for_by_itself(relation: Relation) -> None:
    """What the matrix denies is not shown beside the rest of a case either."""
    allowed = {action for action, one, reach in cells() if one is relation and reach is not None}
    view = CaseView.of(with_everything().state, [relation])
    assert {part: bool(getattr(view, part)) for part in PARTS} == {
        part: action in allowed for part, action in PARTS.items()
    }
    assert (view.around.plan is not None) == (Action.READ_PLAN in allowed)
    # To whom the baton is offered is not for whoever only coordinates.
    assert bool(view.handovers) == (Action.SEE_HANDOVER in allowed and relation is not Relation.COORDINATOR)
    assert (view.holder, view.stage, len(view.team)) == (party(TEACHER), "open", 1)
    assert view.relations == (relation,)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("who", [COLLEAGUE, CURIOUS, BARNEVERN, STRANGER], ids=lambda one: one.actor)
def test_a_stranger_is_told_nothing_whatever_is_asked(action: Action, who: Acting) -> None:
    """Seed rule 106 the other way round: the curious employee, the colleague without a part, somebody else's guardian."""
    town = consented()
    with pytest.raises(NotInvolvedError) as denied:
        access.permit(town.state, action, who, town.now)
    assert (denied.value.status, denied.value.code, denied.value.reason) == (404, "not-found", "no-relation")


def shown(town: Town, who: Acting) -> frozenset[InformationCategory]:
    return access.permit(town.state, Action.READ_CHILD, who, town.now).categories


CONSENTED = frozenset({InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE, IDENTITY})


def test_what_each_reach_shows() -> None:
    assert shown(opened(), TEACHER) == ALL_CATEGORIES
    assert shown(opened(), guardian(1)) == ALL_CATEGORIES - {InformationCategory.CONTACT}
    health = InformationCategory.HEALTH
    of_sixteen = guardian(1).model_copy(update={"withheld": frozenset({health})})
    for action in (one for one, reach in TABLE[Relation.GUARDIAN].items() if reach is Reach.OWN_CHILD):
        town = opened()
        reached = access.permit(town.state, action, of_sixteen, town.now).categories
        assert reached == ALL_CATEGORIES - {InformationCategory.CONTACT, health}, action
    assert shown(consented(), NURSE) == CONSENTED
    assert shown(with_measure(), PPT) == CONSENTED
    town = offered()
    form = access.permit(town.state, Action.READ_FORM, CONTACT_TEACHER, town.now)
    assert form.categories == {InformationCategory.LANGUAGE, IDENTITY}
    assert (form.basis, form.consent_version) == ("consent", 1)


@pytest.mark.rule(4, 18)
def test_what_is_offered_there_on_a_consent_to_services_here_shows_nothing_there() -> None:
    """Sent before a consent said which municipality's services it is for: it cannot be accepted either."""
    town = offered_there()
    waiting = town.state.open_handover
    assert waiting is not None
    here = next(ref for ref, one in town.state.consents.items() if one.is_here)
    old = town.state.model_copy(update={"handovers": {waiting.ref: waiting.model_copy(update={"consent": here})}})
    assert access.permit(town.state, Action.READ_FORM, TEACHER_THERE, town.now).categories
    assert not access.permit(old, Action.READ_FORM, TEACHER_THERE, town.now).categories


@pytest.mark.rule(4, 18)
def test_a_look_is_recorded_under_the_very_consents_that_allowed_it() -> None:
    town = opened()
    first = town.consented()
    second = town.consented(scope((Service.PPT,), (InformationCategory.HEALTH, InformationCategory.LANGUAGE)))
    permit = access.permit(town.state, Action.READ_CHILD, PPT, town.now)
    divided = grounds(town.state, permit, permit.categories, town.now)
    health = frozenset({InformationCategory.HEALTH})
    assert {one.consent: one.categories for one in divided} == {first: CONSENTED, second: health}
    alone = grounds(town.state, permit, health, town.now)
    assert {one.consent: one.categories for one in alone} == {second: health}
    [nothing] = grounds(town.state, permit, frozenset(), town.now)
    assert (nothing.consent, nothing.categories) == (first, frozenset())
    own = access.permit(town.state, Action.READ_CHILD, TEACHER, town.now)
    assert grounds(town.state, own, own.categories, town.now) == [Ground(categories=own.categories)]


def for_what(
    town: Town, who: Acting, purpose: Purpose | None = None
) -> tuple[Purpose | None, set[InformationCategory]]:
    permit = access.permit(town.state, Action.READ_CHILD, who, town.now, purpose)
    divided = grounds(town.state, permit, permit.categories, town.now)
    assert all(permit.purpose in one.purposes for one in divided if one.consent is not None)
    return permit.purpose, set(permit.categories)


@pytest.mark.rule(4, 106)
def test_a_look_is_for_what_the_consent_was_given_for_and_shows_no_more() -> None:
    town = opened()
    town.consented(scope((Service.PPT,), (InformationCategory.HEALTH,), (Purpose.ASSESSMENT,)))
    town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.FOLLOW_UP, Purpose.TRANSITION)))
    health, language = {InformationCategory.HEALTH, IDENTITY}, {InformationCategory.LANGUAGE, IDENTITY}
    assert for_what(town, PPT) == (Purpose.ASSESSMENT, health)
    assert for_what(town, PPT, Purpose.ASSESSMENT) == (Purpose.ASSESSMENT, health)
    assert for_what(town, PPT, Purpose.FOLLOW_UP) == (Purpose.FOLLOW_UP, language)
    assert for_what(town, PPT, Purpose.TRANSITION) == (Purpose.TRANSITION, language)
    with pytest.raises(PurposeNotCoveredError) as refused:
        for_what(town, PPT, Purpose.COORDINATION)
    assert (refused.value.status, refused.value.code, refused.value.reason) == (403, *2 * ("purpose-not-covered",))
    assert refused.value.extensions == {
        "services": ["ppt"],
        "purposes": ["coordination"],
        "covered": ["assessment", "follow-up", "transition"],
        "grantors": {"guardian": 2},
    }
    # Of age it is the young person's own to give.
    with pytest.raises(PurposeNotCoveredError) as grown:
        access.permit(
            town.state.model_copy(update={"of_age": True}), Action.READ_CHILD, PPT, town.now, Purpose.COORDINATION
        )
    assert grown.value.extensions["grantors"] == {"child": 1}


@pytest.mark.rule(4)
@pytest.mark.parametrize(
    ("make", "who", "given", "implied"),
    [
        (with_measure, PPT, Purpose.FOLLOW_UP, Purpose.FOLLOW_UP),
        (with_measure, PPT, Purpose.DISCUSSION, Purpose.DISCUSSION),
        (opened, NURSE, Purpose.ASSESSMENT, Purpose.ASSESSMENT),
        (opened, NURSE, Purpose.FOLLOW_UP, Purpose.FOLLOW_UP),
        (opened, COORDINATOR, Purpose.COORDINATION, Purpose.COORDINATION),
    ],
)
def test_what_a_look_is_for_when_nobody_says(
    make: Callable[[], Town], who: Acting, given: Purpose, implied: Purpose
) -> None:
    """What is usual for the relation if the consent covers it; otherwise the consent's word, never the reader's."""
    town = Town().lift()
    town.consented(scope((Service.PPT, Service.HELSESTASJON), purposes=(given,)))
    if make is with_measure:
        town.take(
            measures.decide_plan(town.state, measures.PlanMeasure(by=TEACHER, what=a_measure(town)), town.now, RULES)
        )
    assert for_what(town, who)[0] is implied
    with pytest.raises(PurposeNotCoveredError):
        for_what(town, who, Purpose.TRANSITION)


@pytest.mark.rule(4, 14)
def test_a_school_that_took_over_uses_what_it_got_for_the_transition_until_consent_says_more() -> None:
    town = accepted()
    assert for_what(town, CONTACT_TEACHER) == (Purpose.TRANSITION, set(CONSENTED))
    with pytest.raises(PurposeNotCoveredError):
        for_what(town, CONTACT_TEACHER, Purpose.FOLLOW_UP)
    town.consented(scope((Service.SKOLE,), (InformationCategory.LANGUAGE,), (Purpose.FOLLOW_UP,)))
    assert for_what(town, CONTACT_TEACHER, Purpose.FOLLOW_UP)[1] == {InformationCategory.LANGUAGE, IDENTITY}
    for ref in list(town.state.consents):
        town.withdraw(ref)
    assert for_what(town, CONTACT_TEACHER) == (Purpose.FOLLOW_UP, {IDENTITY})


def test_in_the_units_own_task_no_consent_limits_what_for_and_the_family_needs_no_purpose() -> None:
    town = consented()
    for purpose in WORKING_PURPOSES:
        assert for_what(town, TEACHER, purpose) == (purpose, set(ALL_CATEGORIES))
        assert for_what(town, guardian(1), purpose)[0] is None
    assert for_what(town, TEACHER)[0] is Purpose.FOLLOW_UP
    for no_task_of_theirs in set(Purpose) - WORKING_PURPOSES:
        with pytest.raises(PurposeNotCoveredError):
            for_what(town, TEACHER, no_task_of_theirs)


@pytest.mark.rule(4)
def test_a_consent_to_schools_is_for_the_childs_own_school() -> None:
    town = consented()
    with pytest.raises(NotInvolvedError):
        shown(town, CONTACT_TEACHER)  # no school has a part in it yet
    other = employee("otherschool", Role.CONTACT_TEACHER, Service.SKOLE, UnitId("unit:other-skole"))
    with pytest.raises(NotInvolvedError):
        shown(accepted(), other)


@pytest.mark.rule(4, 14)
def test_a_holder_by_handover_reads_what_came_with_it_while_consent_lasts() -> None:
    town = accepted()
    assert shown(town, CONTACT_TEACHER) == CONSENTED
    [consent] = town.state.consents
    town.withdraw(consent)
    assert shown(town, CONTACT_TEACHER) == {IDENTITY}
    with pytest.raises(NotInvolvedError):
        shown(town, TEACHER)


@pytest.mark.rule(4)
def test_a_consent_shows_nothing_after_its_last_day_whether_or_not_its_deadline_has_fired() -> None:
    town = consented()
    town.later(days=301)
    with pytest.raises(NotInvolvedError) as denied:
        shown(town, NURSE)
    assert denied.value.reason == "consent-expired"


def test_guardians_see_a_case_and_not_a_concern() -> None:
    town = Town()
    with pytest.raises(NotInvolvedError):
        access.permit(town.state, Action.SEE_CASE, guardian(1), town.now)
    assert access.permit(town.lift().state, Action.SEE_CASE, guardian(1), town.now).relation is Relation.GUARDIAN


def test_a_leader_sees_no_content_even_of_a_service_inside_the_consent() -> None:
    head_of_ppt = PPT.model_copy(update={"roles": frozenset({Role.LEADER})})
    with pytest.raises(NotInvolvedError):
        shown(consented(), head_of_ppt)
    assert shown(consented(), PPT.model_copy(update={"roles": PPT.roles | {Role.LEADER}})) == CONSENTED


def test_a_closed_case_is_closed_to_services_and_open_to_guardians() -> None:
    town = closed()
    with pytest.raises(NotInvolvedError):
        shown(town, NURSE)
    assert shown(town, guardian(2))


def test_who_may_not_do_it_now_is_told_so() -> None:
    town = Town()
    with pytest.raises(CaseNotOpenError):
        access.require(town.state, Action.SEND_HANDOVER, TEACHER, town.now)


def test_no_staff_relation_for_anybody_who_is_no_employee() -> None:
    outside = TEACHER.model_copy(update={"kind": "guardian"})
    assert outside.role is None
    with pytest.raises(NotStaffError):
        outside.party(address_protected=False)
    leader = STYRER.model_copy(update={"kind": "service_account"})
    assert relations(opened().state, leader, Town().now) == []
    # Who signs in as a private person has the same reference, where the employer's token carries the national number too.
    assert relations(opened().state, outside, Town().now) == []
    sent = offered()
    assert relations(sent.state, CONTACT_TEACHER, sent.now) != []
    assert relations(sent.state, CONTACT_TEACHER.model_copy(update={"kind": "guardian"}), sent.now) == []
    sent.take(course_closed(sent))
    assert relations(sent.state, TEACHER, sent.now) == [Relation.LAST_HOLDER]
    assert relations(sent.state, outside, sent.now) == []


def course_closed(town: Town) -> list[CaseEvent]:
    """Close the case, after its handover was taken back."""
    ref = next(iter(town.state.handovers))
    town.take(handover.decide_withdraw(town.state, handover.WithdrawHandover(by=TEACHER, handover=ref), town.now))
    return course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now)


@pytest.mark.rule(107)
@pytest.mark.parametrize("elsewhere", [{"unit": HAUGEN}, {"unit": None}, {"service": Service.PPT}], ids=str)
def test_who_has_left_the_unit_hands_the_baton_on_and_does_nothing_else_with_the_case(
    elsewhere: dict[str, object],
) -> None:
    """What cannot wait for the handover is theirs still: that a consent ends, that an address is protected, and the duty to report."""
    town, moved = opened(), TEACHER.model_copy(update=elsewhere)
    assert access.permit(town.state, Action.READ_CHILD, TEACHER, town.now).categories == ALL_CATEGORIES
    assert relations(town.state, moved, town.now) == [Relation.HOLDER_ELSEWHERE]
    for action in Action:
        if action in TABLE[Relation.HOLDER_ELSEWHERE]:
            allowed = access.permit(town.state, action, moved, town.now)
            assert (allowed.relation, allowed.categories) == (Relation.HOLDER_ELSEWHERE, frozenset())
            continue
        with pytest.raises(NotPermittedError) as refused:
            access.permit(town.state, action, moved, town.now)
        if action in TABLE[Relation.HOLDER]:
            assert refused.value.reason == "works-elsewhere"


@pytest.mark.rule(4, 107)
def test_who_has_left_the_unit_records_that_a_consent_ends_and_not_that_it_is_given() -> None:
    town = opened()
    town.hear()
    consent, moved = town.ask(), TEACHER.model_copy(update={"unit": HAUGEN})
    said = {"by": moved, "consent": consent, "ordinal": 1, "evidence": EvidenceForm.WRITTEN, "has_note": True}
    with pytest.raises(NotPermittedError) as refused:
        consents.decide_grant(town.state, consents.Answer(**said), town.now, RULES)
    assert refused.value.reason == "works-elsewhere"
    ended = consents.decide_withdraw(town.state, consents.WithdrawConsent(**said), town.now)
    assert [type(one) for one in ended] == [ConsentWithdrawn]


def test_a_measure_lets_no_second_unit_of_the_holders_service_in() -> None:
    town = opened()
    town.consented(scope((Service.BARNEHAGE, Service.SKOLE)))
    for owner, unit in ((Service.BARNEHAGE, HAUGEN), (Service.SKOLE, TINNES)):
        what = measures.NewMeasure(
            measure=MeasureRef(town.ids.ref("mea")),
            goal=GoalRef(town.ids.ref("goa")),
            code="sprakgruppe",
            owner=owner,
            owner_unit=unit,
            indicator="words-in-play",
            evaluate_by=town.now + timedelta(days=60),
        )
        planning = measures.PlanMeasure(by=TEACHER, what=what)
        town.take(measures.decide_plan(town.state, planning, town.now, RULES))
    # The consent is for the child's own barnehage: that is where the baton is, whatever a measure says.
    assert relations(town.state, CURIOUS, town.now) == []
    assert relations(town.state, COLLEAGUE, town.now) == [Relation.SERVICE_IN_SCOPE]
    assert relations(town.state, CONTACT_TEACHER, town.now) == [Relation.TEAM_MEMBER]


def test_what_is_offered_is_read_where_it_was_sent() -> None:
    town = offered()
    assert access.permit(town.state, Action.READ_FORM, CONTACT_TEACHER, town.now).categories
    for elsewhere in ({"unit": UnitId("unit:other-skole")}, {"service": Service.PPT}):
        moved = CONTACT_TEACHER.model_copy(update=elsewhere)
        assert access.permit(town.state, Action.READ_FORM, moved, town.now).categories == frozenset()


def test_an_address_protected_case_names_no_unit_anywhere() -> None:
    town = Town(address_protected=True).lift()
    town.consented()
    command = handover.SendHandover(
        by=TEACHER, handover=HandoverRef(town.ids.ref("hdo")), kind=HandoverRoute.BATON, receiver=party(COLLEAGUE)
    )
    town.take(handover.decide_send(town.state, command, town.now, RULES))
    for event in town.history:
        body = event.model_dump_json()
        assert "unit:" not in body
        assert "310001015" not in body
    assert relations(town.state, STYRER, town.now) == []


@pytest.mark.rule(95)
def test_who_has_the_duty_for_protected_cases_has_it_for_no_other_and_reads_nothing_of_the_child() -> None:
    for town in (opened(), offered(), overridden(), reported()):
        assert relations(town.state, ON_DUTY, town.now) == []
    town = protected()
    assert relations(town.state, ON_DUTY.model_copy(update={"watches": False}), town.now) == []
    assert relations(town.state, ON_DUTY.model_copy(update={"elsewhere": "4003"}), town.now) == []
    for action in Action:
        try:
            permit = access.permit(town.state, action, ON_DUTY, town.now)
        except NotPermittedError:
            continue
        assert permit.categories <= {InformationCategory.CONCERN}, "the words of a reason, and nothing else"


def test_before_anything_has_happened_nobody_is_anything() -> None:
    with pytest.raises(NotInvolvedError):
        access.permit(CaseState(), Action.SEE_CASE, TEACHER, Town().now)


def test_who_solved_a_concern_sees_how_it_stands() -> None:
    town = Town()
    solved = concern.ResolveConcern(by=TEACHER, outcome=LocalOutcome.GUIDANCE_GIVEN)
    town.take(concern.decide_resolve(town.state, solved, town.now, RULES))
    assert access.permit(town.state, Action.READ_CONCERN, TEACHER, town.now).relation is Relation.LAST_HOLDER
