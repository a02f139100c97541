"""What the family is told of a case, decided purely: by age, without the other guardian, without places; and in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.cases.domain import carrying_out, consent, course, measures
from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import (
    ContributionState,
    ContributionStatus,
    Coordinator,
    LanguageNeed,
    PlanState,
    PlanStatus,
    ReportState,
    ReportStatus,
    TeamGoal,
)
from services.cases.domain.insight import in_family
from services.cases.domain.overview import Overview, Who, decide_overview
from services.cases.domain.state import ChildViewState, FormStatus, RenewalState
from services.cases.domain.told import as_told
from services.cases.errors import NotPermittedError
from services.cases.plain import texts
from services.cases.plain.page import PAGE, render_page
from services.cases.plain.writing import Words, write
from shared.clock import oslo_day
from shared.contracts.cases import ChildHeardBy, CoordinatorKind, Effect, EvaluationOutcome
from shared.contracts.codes import GrantorClass, InformationCategory, Language, LegalBasis, Purpose, Role, Service
from shared.contracts.team import ContributionReason
from shared.refs import ChildViewRef, ConcernReportRef, ConsentRef, ContributionRef, GoalRef, PlanRef
from tests.unit.cases_town import CHILD, NURSE, PPT, RULES, START, TEACHER, Town, guardian, party, scope
from tests.unit.test_cases_access import accepted, closed, consented, offered, opened, with_measure
from tests.unit.test_cases_forms import drafted

AGES: Final = range(19)
EVERY: Final = [opened, consented, offered, accepted, with_measure, closed]


def seen(town: Town, who: Acting, age: int = 4) -> Overview:
    relation = Relation.CHILD if who.child else Relation.GUARDIAN
    row = RULES.insight_row(age, oslo_day(town.now))
    return decide_overview(as_told(town.state, in_family(who, row), town.now), who, relation, row, town.now)


def spoken(town: Town, who: Acting, language: Language = Language.NB, age: int = 14) -> str:
    """Return the page, as it is read."""
    words = Words(name="Kari Nordmann", goals={}, offers={"sprakgruppe": "Språkgruppe"})
    return render_page(write(seen(town, who, age), words, language))


# --- who, by age ------------------------------------------------------------------------------------------------------


@pytest.mark.rule(73, 99)
@pytest.mark.parametrize("age", AGES)
def test_a_guardian_is_told_until_the_child_is_of_age_and_the_child_from_twelve(age: int) -> None:
    town = opened()
    for who, may in ((guardian(1), age < 18), (CHILD, age >= 12)):
        if may:
            assert seen(town, who, age).reader == ("child" if who.child else "guardian")
        else:
            with pytest.raises(NotPermittedError) as refused:
                seen(town, who, age)
            assert refused.value.reason == "overview-by-age"


def test_nobody_else_has_an_overview_whatever_their_part() -> None:
    with pytest.raises(NotPermittedError):
        decide_overview(
            consented().state, PPT, Relation.SERVICE_IN_SCOPE, RULES.insight_row(14, date(2026, 9, 7)), START
        )


@pytest.mark.rule(99)
def test_from_sixteen_a_guardian_is_not_told_what_the_child_decides_over_alone() -> None:
    town = opened()
    town.by_the_child(scope((Service.HELSESTASJON,), (InformationCategory.HEALTH,)))
    signed = (InformationCategory.HEALTH, InformationCategory.LANGUAGE)
    town.consented(scope((Service.PPT,), signed))
    assert len(seen(town, guardian(1), 15).in_force) == 2
    [mixed] = seen(town, guardian(1), 16).in_force
    assert mixed.categories == signed
    assert len(seen(town, CHILD, 16).in_force) == 2


# --- what -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule(4, 99, 101)
def test_a_consent_waits_for_each_who_must_answer_it_until_all_have() -> None:
    town = opened()
    town.hear()
    ref = ConsentRef(town.ids.ref("cst"))
    asking = consent.RequestConsent(
        by=TEACHER,
        consent=ref,
        scope=scope(),
        valid_to=(town.now + timedelta(days=300)).date(),
        needed={GrantorClass.GUARDIAN: 2, GrantorClass.CHILD: 1},
        languages=frozenset({"nb"}),
    )
    town.take(consent.decide_request(town.state, asking, town.now, RULES))

    def lists(who: Acting) -> tuple[int, int, int]:
        view = seen(town, who, 15)
        return len(view.to_answer), len(view.waiting), len(view.in_force)

    family = (guardian(1), guardian(2), CHILD)
    assert [lists(who) for who in family] == [(1, 0, 0)] * 3
    town.grant(ref, 1)
    assert [lists(who) for who in family] == [(0, 1, 0), (1, 0, 0), (1, 0, 0)]
    town.grant(ref, 2)
    town.take(consent.decide_grant(town.state, consent.Answer(by=CHILD, consent=ref), town.now, RULES))
    assert [lists(who) for who in family] == [(0, 0, 1)] * 3
    town.withdraw(ref)
    assert [lists(who) for who in family] == [(0, 0, 0)] * 3


@pytest.mark.rule(4)
def test_who_said_no_has_answered_and_the_next_period_is_a_question_of_its_own() -> None:
    town = opened()
    town.hear()
    ref = town.ask()
    town.grant(ref, 1)
    town.take(consent.decide_refuse(town.state, consent.Answer(by=guardian(2), consent=ref), town.now))
    assert [len(seen(town, guardian(one)).to_answer) for one in (1, 2)] == [0, 0]

    town = consented()
    [given] = town.state.consents.values()
    until = given.valid_to + timedelta(days=200)
    renewal = RenewalState(
        valid_to=until,
        needed={GrantorClass.GUARDIAN: 2},
        guardians=frozenset({1, 2}),
        given=frozenset({(GrantorClass.GUARDIAN, 1)}),
        answer_by=town.now + timedelta(days=14),
    )
    asked = {given.ref: given.model_copy(update={"renewal": renewal})}
    town.state = town.state.model_copy(update={"consents": asked})
    first, second = seen(town, guardian(1)), seen(town, guardian(2))
    assert ([one.valid_to for one in second.to_answer], first.to_answer) == ([until], ())
    assert [one.valid_to for one in first.in_force] == [one.valid_to for one in second.in_force] == [given.valid_to]


@pytest.mark.rule(4)
def test_what_the_other_guardian_has_said_is_not_told_in_any_word() -> None:
    """Two cases that differ in the other guardian's answer only read the same to the first, while it makes no difference."""
    pages = []
    for other_has_answered in (False, True):
        town = Town(guardians=3).lift()
        town.hear()
        ref = town.ask()
        town.grant(ref, 1)
        if other_has_answered:
            town.grant(ref, 2)
        pages.append((spoken(town, guardian(1), age=4), seen(town, guardian(1)).model_dump_json()))
    assert pages[0] == pages[1]


@pytest.mark.rule(14)
def test_a_form_waits_for_each_guardian_and_never_for_the_child() -> None:
    town = offered()
    for who in (guardian(1), guardian(2), CHILD):
        view = seen(town, who, 14)
        assert (len(view.to_approve), [one.status for one in view.forms]) == (0, [FormStatus.SENT])
    [form] = town.state.forms.values()
    for status, waits in ((FormStatus.DRAFTED, 1), (FormStatus.APPROVED, 0)):
        # Where one approval is enough, the other guardian has nothing to do.
        changed = form.model_copy(update={"status": status, "approved_by": frozenset({1})})
        town.state = town.state.model_copy(update={"forms": {form.ref: changed}})
        assert [len(seen(town, guardian(one)).to_approve) for one in (1, 2)] == [0, waits]
        assert len(seen(town, CHILD, 14).to_approve) == 0


@pytest.mark.rule(26, 33, 34, 35, 88, 100, 122)
def test_who_does_what_and_whom_to_turn_to() -> None:
    town = with_measure()
    view = seen(town, guardian(1))
    assert view.holder == Who(service=Service.BARNEHAGE, role=Role.TEACHER)
    assert [one.service for one in view.team] == [Service.PPT]
    [measure] = view.help
    assert (measure.owner, measure.code, measure.effect) == (Service.PPT, "sprakgruppe", None)
    assert view.contact is None
    # Two services work with the child, nobody is appointed, and it is not the family who coordinates them.
    assert view.coordinated_by == view.holder
    assert spoken(town, guardian(1), age=4).count(texts.TEXTS[Language.NB].people.coordinated_by) == 1
    assert texts.TEXTS[Language.NB].people.coordinated_by not in spoken(opened(), guardian(1), age=4)
    assert "Ingen kontaktperson er valgt." in spoken(town, guardian(1), age=4)
    chosen = course.ChooseContactPerson(by=guardian(1), service=Service.PPT, role=Role.PPT_ADVISER)
    town.take(course.decide_contact_person(town.state, chosen, town.now))
    assert seen(town, guardian(1)).contact == Who(service=Service.PPT, role=Role.PPT_ADVISER)
    page = spoken(town, guardian(1), age=4)
    assert "Pedagogisk-psykologisk tjeneste (PPT), PPT-rådgiver" in page
    assert "Du kan alltid kontakte hvem som helst av dem." in page
    assert "Språkgruppe" in page
    evaluated = measures.EvaluateMeasure(
        by=TEACHER, measure=measure.measure, effect=Effect.NONE, outcome=EvaluationOutcome.STOP
    )
    town.take(measures.decide_evaluate(town.state, evaluated, town.now, RULES))
    assert "det har ikke hjulpet" in spoken(town, guardian(1), age=4)


def test_a_time_is_told_while_it_lies_ahead() -> None:
    town = opened()
    due = town.state.decide_by
    assert due is not None
    assert seen(town, guardian(1)).decide_by == due
    assert "Senest 21. september 2026 skal det være bestemt" in spoken(town, guardian(1), age=4)
    town.now = due
    assert seen(town, guardian(1)).decide_by is None
    decided = with_measure()
    assert seen(decided, guardian(1)).decide_by is None
    for one in decided.state.measures:
        stop = carrying_out.StopMeasure(by=TEACHER, measure=one, reason="withdrawn")
        decided.take(carrying_out.decide_stop(decided.state, stop, decided.now))
    decided.take(course.decide_close(decided.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), decided.now))
    decided.take(course.decide_reopen(decided.state, course.ReopenCase(by=TEACHER), decided.now, RULES))
    assert seen(decided, guardian(1)).decide_by == decided.state.decide_by, "what was done before decides nothing now"


@pytest.mark.rule(101)
def test_of_a_closed_case_nothing_is_said_to_wait() -> None:
    """What can no longer be answered, approved or decided is not asked for."""
    town = opened()
    ref = town.asked()
    form = drafted(town, "all-guardians")
    before = seen(town, guardian(1))
    assert ([one.consent for one in before.to_answer], [one.form for one in before.to_approve]) == ([ref], [form])
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now))
    view = seen(town, guardian(1))
    assert (view.to_answer, view.waiting, view.to_approve, view.decide_by, view.meeting_by) == ((), (), (), None, None)
    assert [one.form for one in view.forms] == [form]


def test_who_is_asked_to_take_over_is_told_until_it_is_answered() -> None:
    assert seen(offered(), guardian(1)).taking_over == Who(service=Service.SKOLE, role=Role.CONTACT_TEACHER)
    assert seen(accepted(), guardian(1)).taking_over is None
    assert seen(accepted(), guardian(1)).holder == Who(service=Service.SKOLE, role=Role.CONTACT_TEACHER)
    assert seen(closed(), guardian(1)).holder is None


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("who", [guardian(1), CHILD], ids=["guardian", "child"])
def test_no_place_and_nobody_s_reference_is_told(make: Any, who: Acting) -> None:
    """Whatever has happened: no unit, no organisation, no actor, in the data or on the page in any language."""
    town = make()
    told = seen(town, who, 14).model_dump_json() + "".join(spoken(town, who, language) for language in Language)
    for word in ("unit:", "act_", "310001015"):
        assert word not in told


def test_in_an_address_protected_case_no_words_are_shown_and_the_page_says_why() -> None:
    town = Town(address_protected=True).lift()
    town.consented()
    assert seen(town, guardian(1)).words_withheld
    assert not seen(consented(), guardian(1)).words_withheld
    # Measures of such a case are planned like any other; the goal's words stay where they are.
    state = with_measure().state.model_copy(update={"address_protected": True})
    town.state = state
    assert "fordi adressen er beskyttet" in spoken(town, guardian(1), age=4)


# --- the work around the child ----------------------------------------------------------------------------------------


def around(town: Town, **changes: Any) -> Town:
    """Let the work around the child stand as said."""
    town.state = town.state.model_copy(update={"around": town.state.around.model_copy(update=changes)})
    return town


def contribution(service: Service, status: ContributionStatus, *, anonymous: bool = False) -> ContributionState:
    return ContributionState(
        ref=ContributionRef(f"ctb_{service:b<26}"),
        service=service,
        unit=None,
        anonymous=anonymous,
        reason=ContributionReason.ASSESSMENT,
        asked_by=party(TEACHER),
        respond_by=START + timedelta(days=14),
        categories=frozenset(),
        purpose=None,
        consent=None,
        status=status,
    )


@pytest.mark.rule(82)
def test_who_was_asked_by_name_is_told_and_who_was_asked_without_is_not() -> None:
    asked = [
        contribution(Service.PPT, ContributionStatus.OVERDUE),
        contribution(Service.HELSESTASJON, ContributionStatus.ACCEPTED),
        contribution(Service.BUP, ContributionStatus.REQUESTED, anonymous=True),
        contribution(Service.NAV, ContributionStatus.DECLINED),
    ]
    view = seen(around(opened(), contributions={one.ref: one for one in asked}), guardian(1))
    assert (view.asked_to_contribute, view.contributing) == ((Service.PPT,), (Service.HELSESTASJON,))


@pytest.mark.rule(23, 36, 37, 97)
@pytest.mark.parametrize("status", PlanStatus)
def test_the_plan_and_who_coordinates_are_told(status: PlanStatus) -> None:
    goal = GoalRef("goa_" + "b" * 26)
    plan = PlanState(
        ref=PlanRef("pln_" + "b" * 26),
        status=status,
        coordinated_by=Service.HELSESTASJON,
        coordinator_role=Role.HEALTH_NURSE,
        version=2,
        goals=(goal,),
    )
    nurse = Coordinator(kind=CoordinatorKind.ANSVARSGRUPPE, party=party(NURSE))
    town = around(
        opened(),
        plans={plan.ref: plan},
        coordinators={nurse.kind: nurse},
        coordinator_wanted=frozenset(CoordinatorKind),
        goal=TeamGoal(goal=GoalRef("goa_" + "c" * 26), version=1),
    )
    view = seen(town, guardian(1))
    assert view.plan is not None
    assert view.plan.coordinator == Who(service=Service.HELSESTASJON, role=Role.HEALTH_NURSE)
    assert [one.who.role for one in view.coordinators] == [Role.HEALTH_NURSE]
    assert view.coordinator_wanted == (CoordinatorKind.BARNEKOORDINATOR,)
    assert view.goals == {goal, GoalRef("goa_" + "c" * 26)}
    for language in Language:
        known = texts.TEXTS[language]
        page = spoken(town, guardian(1), language, age=4)
        assert known.plan.statuses[status] in page
        assert known.people.coordinator_wanted["guardian"] in page


@pytest.mark.rule(146)
def test_an_interpreter_is_told_to_whom_it_is_for_only() -> None:
    need = LanguageNeed(person=GrantorClass.GUARDIAN, ordinal=2, interpreter=True, language=None)
    town = around(opened(), languages=(need,))
    assert [seen(town, who, 14).interpreter for who in (guardian(1), guardian(2), CHILD)] == [False, True, False]


def test_nothing_of_a_report_to_child_welfare_is_told_whether_or_not_the_guardians_know() -> None:
    town = opened()
    plain = (seen(town, guardian(1)), spoken(town, guardian(1), age=4))
    heard = ChildViewState(
        ref=ChildViewRef("cvw_" + "b" * 26), method=ChildHeardBy.CONVERSATION, before="concern-report"
    )
    for informed in (False, True):
        report = ReportState(
            ref=ConcernReportRef("rep_" + "b" * 26),
            reporter=party(TEACHER),
            basis=LegalBasis(code="bvl-13-2", version="2023-01-01"),
            sent_at=START,
            deliver_by=START,
            feedback_by=START,
            guardians_informed=informed,
            status=ReportStatus.SENT,
        )
        told = around(opened(), reports={report.ref: report})
        told.state = told.state.model_copy(update={"views": (heard,)})
        assert (seen(told, guardian(1)), spoken(told, guardian(1), age=4)) == plain


# --- in words ---------------------------------------------------------------------------------------------------------


def leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a language with where it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, (*path, str(number)))
    else:
        yield path, str(node)


def words_of(language: Language) -> dict[tuple[str, ...], str]:
    file = Path(texts.__file__).with_name("texts") / f"{language}.yaml"
    return dict(leaves(yaml.safe_load(file.read_text(encoding="utf-8"))))


@pytest.mark.rule(101)
@pytest.mark.parametrize("language", [Language.NN, Language.EN])
def test_the_three_languages_have_the_same_words_with_the_same_gaps(language: Language) -> None:
    norwegian, other = words_of(Language.NB), words_of(language)
    assert norwegian.keys() == other.keys()
    for path, text in norwegian.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", other[path])), path
        assert other[path].strip(), path


@pytest.mark.rule(101)
@pytest.mark.parametrize("language", Language)
def test_sentences_are_short_enough_to_be_plain(language: Language) -> None:
    """Nobody reads a sentence of more than twenty-five words at ease."""
    for path, text in words_of(language).items():
        for sentence in re.split(r"(?<=[.!?:])\s", text):
            assert len(sentence.split()) <= 25, (path, sentence)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("who", [guardian(1), CHILD], ids=["guardian", "child"])
def test_every_page_is_whole_and_has_one_order_of_headings(make: Any, who: Acting, language: Language) -> None:
    page = spoken(make(), who, language)
    assert f'<html lang="{language}">' in page
    assert "{" not in page.replace(PAGE.style, "")
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Reader().feed(page)
    assert tags.count("h1") == tags.count("main") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert not {"script", "form", "img", "iframe", "a"} & set(tags)


def test_what_is_put_in_is_escaped_and_no_style_but_ours_is_allowed() -> None:
    words = Words(name="<script>alert(1)</script>", goals={}, offers={})
    page = render_page(write(seen(opened(), guardian(1)), words, Language.NB))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in PAGE.headers["Content-Security-Policy"]
    assert "unsafe" not in PAGE.headers["Content-Security-Policy"]


def test_a_service_and_purpose_that_a_consent_names_is_said_in_words() -> None:
    town = opened()
    town.consented(scope(tuple(Service), tuple(InformationCategory), tuple(Purpose)))
    for language in Language:
        page, known = spoken(town, guardian(1), language, age=4), texts.TEXTS[language]
        for word in (*known.services.values(), *known.categories.values(), *known.purposes.values()):
            assert word.replace("'", "&#39;") in page
