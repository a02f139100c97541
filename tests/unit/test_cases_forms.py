"""Forms by a template: categories of fields, who must approve, in which window; and what a profile may not say."""

from __future__ import annotations

from datetime import date

import pytest

from services.cases.domain import form_times, forms, guardianship
from services.cases.domain.form_profile import FormTemplate, Window, check_forms, written_of
from services.cases.domain.state import FormStatus
from services.cases.errors import (
    FormByTemplateError,
    FormFieldMissingError,
    FormFieldUnknownError,
    FormNotApprovedError,
    FormOutsideWindowError,
    FormTemplateMissingError,
)
from shared.contracts.codes import InformationCategory
from shared.profiles import Document, ProfileError
from shared.refs import DocumentRef, FormRef, HandoverRef
from tests.unit.cases_town import CONTACT_TEACHER, RULES, TEACHER, Town, guardian, party
from tests.unit.test_cases_decisions import TO_SCHOOL, answer, approved_form, send

pytestmark = pytest.mark.rule(13, 14)

TEXT = {"nb": "x", "nn": "x", "en": "x"}
TEMPLATE = FormTemplate.model_validate(
    {
        "type": "barnehage-to-school",
        "window": {"first": "05-01", "last": "05-31", "rule": 13},
        "rules": [13, 14],
        "fields": [
            {"code": "play", "category": "development", "required": True, "text": TEXT},
            {"code": "words", "category": "language", "text": TEXT},
        ],
    }
)


def test_each_answer_has_the_category_of_its_field() -> None:
    placed = TEMPLATE.placed({"play": "Well.", "words": "Two."})
    assert set(placed) == {(InformationCategory.DEVELOPMENT, "play"), (InformationCategory.LANGUAGE, "words")}
    with pytest.raises(FormFieldUnknownError) as unknown:
        TEMPLATE.categories(frozenset({"play", "why"}))
    assert unknown.value.extensions == {"fields": ["why"]}
    with pytest.raises(FormFieldMissingError) as missing:
        TEMPLATE.categories(frozenset({"words"}))
    assert missing.value.extensions == {"fields": ["play"]}


@pytest.mark.rule(85)
@pytest.mark.parametrize("fields", [frozenset[str](), frozenset({"play"})])
def test_where_there_is_a_template_nothing_is_written_beside_it(fields: frozenset[str]) -> None:
    """Else a form could leave out what must be answered."""
    content = frozenset({InformationCategory.LANGUAGE})
    with pytest.raises(FormByTemplateError) as refused:
        written_of(TEMPLATE, content, fields)
    assert refused.value.extensions == {"fields": ["play", "words"]}
    assert written_of(TEMPLATE, frozenset(), frozenset({"play"})) == {InformationCategory.DEVELOPMENT}
    assert written_of(None, content, frozenset()) == content
    with pytest.raises(FormTemplateMissingError):
        written_of(None, content, frozenset({"play"}))


def drafted(town: Town, approval: forms.Approval) -> FormRef:
    form = FormRef(town.ids.ref("frm"))
    draft = forms.DraftForm(
        by=TEACHER,
        form=form,
        document=DocumentRef(town.ids.ref("doc")),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
        approval=approval,
    )
    town.take(forms.decide_draft(town.state, draft, town.now))
    return form


@pytest.mark.parametrize(("approval", "needed"), [("all-guardians", 2), ("one-guardian", 1)])
def test_all_or_one_must_approve_as_the_municipality_has_it(approval: forms.Approval, needed: int) -> None:
    town = Town().lift()
    form = drafted(town, approval)
    for ordinal in range(1, needed + 1):
        assert town.state.forms[form].status is FormStatus.DRAFTED
        approve = forms.ApproveForm(by=guardian(ordinal), form=form, version=1)
        town.take(forms.decide_approve(town.state, approve, town.now))
    assert town.state.forms[form].status is FormStatus.APPROVED
    revise = forms.ReviseForm(
        by=TEACHER,
        form=form,
        document=DocumentRef(town.ids.ref("doc")),
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    town.take(forms.decide_revise(town.state, revise, town.now))
    assert town.state.forms[form].missing(2) == needed


@pytest.mark.parametrize(
    ("responsible", "status"),
    [
        ({1, 2, 3}, FormStatus.DRAFTED),
        ({2, 3}, FormStatus.DRAFTED),
        ({1}, FormStatus.APPROVED),
        ({1, 2}, FormStatus.APPROVED),
    ],
)
def test_a_form_that_comes_back_is_approved_only_by_those_who_have_the_say_by_then(
    responsible: set[int], status: FormStatus
) -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    form = approved_form(town)
    sent = send(town, form)
    town.take(guardianship.decide_responsible(town.state, responsible))
    assert town.state.forms[form].status is FormStatus.SENT
    answer(town, sent, CONTACT_TEACHER, "capacity")
    assert town.state.forms[form].status is status
    if status is FormStatus.APPROVED:
        send(town, form)
        return
    with pytest.raises(FormNotApprovedError):
        send(town, form)
    for ordinal in sorted(responsible):
        approve = forms.ApproveForm(by=guardian(ordinal), form=form, version=1)
        town.take(forms.decide_approve(town.state, approve, town.now))
    send(town, form)


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        (date(2026, 9, 7), date(2026, 9, 7), True),
        (date(2026, 9, 8), date(2026, 9, 30), False),
        (date(2026, 8, 1), date(2026, 9, 6), False),
    ],
)
def test_it_is_sent_on_the_days_of_its_window(first: date, last: date, fits: bool) -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    command = forms.SendForm(
        by=TEACHER,
        form=approved_form(town),
        handover=HandoverRef(town.ids.ref("hdo")),
        receiver=party(CONTACT_TEACHER),
        window=(first, last),
    )
    if not fits:
        with pytest.raises(FormOutsideWindowError):
            forms.decide_send_form(town.state, command, town.now, RULES)
        command = command.model_copy(update={"outside_window": "moved"})
    sent = forms.decide_send_form(town.state, command, town.now, RULES)[-1]
    assert sent.model_dump()["outside_window"] == (None if fits else "moved")


def test_time_says_nothing_of_what_is_done_or_superseded() -> None:
    town = Town().lift()
    town.consented(TO_SCHOOL)
    form = drafted(town, "all-guardians")
    [waits] = form_times.decide_approval_waits(town.state, form, 1)
    assert waits.model_dump()["ordinals"] == (1, 2)
    assert form_times.decide_approval_waits(town.state, form, 2) == []
    assert (
        len(form_times.decide_due(town.state, form, town.now)) == len(form_times.decide_overdue(town.state, form)) == 1
    )
    gone = approved_form(town)
    assert form_times.decide_approval_waits(town.state, gone, 1) == []
    send(town, gone)
    assert form_times.decide_due(town.state, gone, town.now) == form_times.decide_overdue(town.state, gone) == []
    assert form_times.decide_overdue(town.state, FormRef("frm_" + "b" * 26)) == []


def test_a_window_is_days_of_the_year_of_the_school_start() -> None:
    assert TEMPLATE.window.days(2027) == (date(2027, 5, 1), date(2027, 5, 31))
    leap = Window.model_validate({"first": "02-29", "last": "04-31", "rule": 16})
    assert leap.days(2027) == (date(2027, 2, 28), date(2027, 4, 30))
    assert leap.days(2028)[0] == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"window": {"first": "06-01", "last": "05-31", "rule": 13}}, "ends before it begins"),
        ({"fields": [{"code": "play", "category": "development", "text": TEXT}] * 2}, "twice"),
    ],
)
def test_a_template_that_does_not_hold_together_is_refused(change: dict[str, object], reason: str) -> None:
    template = FormTemplate.model_validate({**TEMPLATE.model_dump(), **change})
    document = Document("cases:\n  forms:\n    - fields: [{}, {}]\n      window: {}\n", "profile.yaml")
    with pytest.raises(ProfileError, match=reason):
        check_forms(document, (template,))
