"""Who is shown what, and may do what, at each moment of a case: before, during and after consent, handover, closing.

Two matrices written by hand, against which the table in `services.cases.domain.access_table` is played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Final

import pytest

from services.cases.domain import access, concern, consent, course
from services.cases.domain.access_table import MOMENTS, TABLE
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.state import ALL_CATEGORIES, Stage
from services.cases.errors import CaseError
from shared.contracts.cases import CaseReopened, ConcernResolvedLocally, LocalOutcome
from shared.contracts.codes import InformationCategory, Service
from shared.contracts.safekeeping import CaseErased
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COLLEAGUE,
    CONTACT_TEACHER,
    COORDINATOR,
    NOTIFY,
    NURSE,
    PPT,
    REKTOR,
    RULES,
    STRANGER,
    STYRER,
    TEACHER,
    Town,
    guardian,
)
from tests.unit.test_cases_access import accepted, closed, consented, offered, opened

IDENTITY: Final = InformationCategory.IDENTITY

READS: Final = """
                 concern resolved open asked half consented narrowed withdrawn expired offered handed closed reopened
teacher          all     403      all  all   all  all       all      all       all     all     404    403    all
colleague        404     404      404  404   404  404       404      404       404     404     404    404    404
styrer           403     403      403  403   403  403       403      403       403     403     404    403    403
nurse            404     404      404  404   404  cons      404      404       404     cons    cons   404    cons
coordinator      404     404      404  404   404  cons      404      404       404     cons    cons   404    cons
ppt              404     404      404  404   404  cons      cons     404       404     cons    cons   404    cons
contact-teacher  404     404      404  404   404  404       404      404       404     cons    cons   404    404
rektor           404     404      404  404   404  404       404      404       404     403     403    404    404
barnevern        404     404      404  404   404  404       404      404       404     404     404    404    404
guardian         404     404      own  own   own  own       own      own       own     own     own    own    own
guardian-before  404     404      404  404   404  404       404      404       404     404     404    404    404
child            404     404      own  own   own  own       own      own       own     own     own    own    own
notify           404     404      404  404   404  404       404      404       404     404     404    404    404
"""
"""Reading of the child. 404: told nothing, 403: told that it is not part of it; otherwise which categories."""

ACTS: Final = """
                                  concern resolved consented offered handed closed reopened
teacher          resolve-concern  ok      403      ok        ok      404    403    ok
ppt              add-concern      404     404      ok        ok      ok     404    ok
teacher          change-level     409     403      ok        ok      404    403    ok
teacher          request-consent  409     403      ok        ok      404    403    ok
teacher          send-handover    409     403      ok        ok      404    403    ok
teacher          close-case       409     403      ok        ok      404    403    ok
teacher          reopen-case      403     409      403       403     404    ok     403
styrer           reopen-case      409     409      409       409     404    ok     409
styrer           close-case       403     403      403       403     404    403    403
contact-teacher  answer-handover  404     404      404       ok      403    404    404
contact-teacher  request-consent  404     404      404       403     ok     404    404
rektor           answer-on-behalf 404     404      404       ok      403    404    404
rektor           answer-handover  404     404      404       403     403    404    404
nurse            ask-sharing      404     404      ok        ok      ok     404    ok
ppt              plan-measure     404     404      403       403     403    404    403
guardian         answer-consent   404     404      ok        ok      ok     409    ok
guardian         approve-form     404     404      ok        ok      ok     409    ok
guardian         see-consents     404     404      ok        ok      ok     ok     ok
guardian         ask-insight      404     404      ok        ok      ok     ok     ok
guardian-before  ask-insight      404     404      404       404     404    404    404
child            answer-consent   404     404      ok        ok      ok     409    ok
"""
"""May it be done? 409: by this person, but not now."""

PEOPLE: Final[Mapping[str, Acting]] = {
    "teacher": TEACHER,
    "colleague": COLLEAGUE,
    "styrer": STYRER,
    "nurse": NURSE,
    "coordinator": COORDINATOR,
    "ppt": PPT,
    "contact-teacher": CONTACT_TEACHER,
    "rektor": REKTOR,
    "barnevern": BARNEVERN,
    "guardian": guardian(1),
    # Whose parental responsibility has ended is nobody's guardian in the vault's answer.
    "guardian-before": STRANGER,
    "child": CHILD,
    "notify": NOTIFY,
}
SHOWN: Final = {
    "all": ALL_CATEGORIES,
    "own": ALL_CATEGORIES - {InformationCategory.CONTACT},
    "cons": frozenset({InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE, IDENTITY}),
}


def resolved() -> Town:
    town = Town()
    solved = concern.ResolveConcern(by=TEACHER, outcome=LocalOutcome.GUIDANCE_GIVEN)
    town.take(concern.decide_resolve(town.state, solved, town.now, RULES))
    return town


def asked(answers: int = 0) -> Town:
    town = opened()
    town.hear()
    ref = town.ask()
    for ordinal in range(1, answers + 1):
        town.grant(ref, ordinal)
    return town


def ended(part: consent.Part) -> Town:
    town = consented()
    [ref] = town.state.consents
    town.withdraw(ref, part)
    return town


def expired() -> Town:
    town = consented()
    town.now += timedelta(days=301)
    return town


def reopened() -> Town:
    town = closed()
    town.take(course.decide_reopen(town.state, course.ReopenCase(by=TEACHER), town.now, RULES))
    return town


MAKE: Final[Mapping[str, Callable[[], Town]]] = {
    "concern": Town,
    "resolved": resolved,
    "open": opened,
    "asked": asked,
    "half": lambda: asked(answers=1),
    "consented": consented,
    "narrowed": lambda: ended(consent.Part(services=frozenset({Service.HELSESTASJON}))),
    "withdrawn": lambda: ended(consent.Part()),
    "expired": expired,
    "offered": offered,
    "handed": accepted,
    "closed": closed,
    "reopened": reopened,
}


@cache
def at(moment: str) -> Town:
    """Return the case at that moment; nobody changes it."""
    return MAKE[moment]()


def rows(matrix: str, named: int) -> list[tuple[str, ...]]:
    """Return (name ..., moment, mark) for every cell of a matrix whose lines begin with `named` names."""
    head, *lines = [line.split() for line in matrix.strip().splitlines()]
    return [(*line[:named], moment, mark) for line in lines for moment, mark in zip(head, line[named:], strict=True)]


@pytest.mark.rule(4, 106)
@pytest.mark.parametrize(("who", "moment", "mark"), rows(READS, 1))
def test_who_is_shown_what_of_the_child(who: str, moment: str, mark: str) -> None:
    town = at(moment)
    if mark in SHOWN:
        permit = access.permit(town.state, Action.READ_CHILD, PEOPLE[who], town.now)
        assert permit.categories == SHOWN[mark]
        assert (permit.consent is not None) == (mark == "cons")
    else:
        with pytest.raises(CaseError) as refused:
            access.permit(town.state, Action.READ_CHILD, PEOPLE[who], town.now)
        assert str(refused.value.status) == mark


@pytest.mark.rule(80, 107)
@pytest.mark.parametrize(("who", "action", "moment", "mark"), rows(ACTS, 2))
def test_who_may_do_what(who: str, action: str, moment: str, mark: str) -> None:
    town = at(moment)
    if mark == "ok":
        permit = access.require(town.state, Action(action), PEOPLE[who], town.now)
        assert permit.categories == frozenset()
    else:
        with pytest.raises(CaseError) as refused:
            access.require(town.state, Action(action), PEOPLE[who], town.now)
        assert str(refused.value.status) == mark


def test_every_moment_is_one_at_which_somebody_with_the_relation_can_stand() -> None:
    """No action is allowed at a stage only at which nobody who may do it has any part; and the life cycle agrees."""
    assert MOMENTS[Action.REOPEN_CASE] == {one.start for one in CASE.steps if one.event is CaseReopened}
    assert MOMENTS[Action.ERASE_CASE] == {one.start for one in CASE.steps if one.event is CaseErased}
    resolved = {one.start for one in CASE.steps if one.event is ConcernResolvedLocally}
    assert MOMENTS[Action.RESOLVE_CONCERN] == resolved | {Stage.OPEN}, "one that joined an open case is acted on there"
    for action, stages in MOMENTS.items():
        assert stages, action
        assert Stage.UNKNOWN not in stages
        assert any(action in TABLE[relation] for relation in Relation)
