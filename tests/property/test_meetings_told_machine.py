"""Who is told of a case's meetings has to do with the case, whatever happens in it: the meetings service beside the cases' rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import settings
from hypothesis.stateful import initialize, invariant

from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.state import Stage
from services.meetings.domain.child_facts import Child, Said, Worker, fact_of
from services.meetings.domain.projection import ConsentHistory, learned, merge, present
from shared.contracts.base import EventData
from shared.contracts.cases import ConsentEvent, CoordinatorKind
from shared.refs import ConsentRef, UnitId
from tests.property.test_cases_team_machine import TeamMachine
from tests.unit.cases_town import EMPLOYEES, NURSE, NURSES_LEADER, PPT_LEADER

KNOW_OF_IT = {Relation.HOLDER, Relation.LEADER, Relation.COORDINATOR}
ELSEWHERE = UnitId("unit:another-one")


class ToldMachine(TeamMachine):
    """The work around the child, as the meetings service reads of it."""

    @initialize()
    def begin(self) -> None:
        """The same case, with a plan that the nurse has begun."""
        super().begin()
        self.start_plan(NURSE)
        assert self.town.state.around.plan is not None

    def told(self) -> Iterator[tuple[datetime, EventData]]:
        """Yield every event, and when."""
        for event, at in zip(self.town.history, self.moments, strict=True):
            assert isinstance(at, datetime)
            yield at, event

    def child(self) -> Child:
        """Return what the events say of the case."""
        said = [(number, at, fact_of(event)) for number, (at, event) in enumerate(self.told(), start=1)]
        return Child(self.town.case, tuple(Said(number, at, fact) for number, at, fact in said if fact is not None))

    def consents(self) -> list[ConsentHistory]:
        """Return what they say of its consents."""
        known: dict[ConsentRef, ConsentHistory] = {}
        for at, event in self.told():
            if isinstance(event, ConsentEvent):
                news = learned(event, at)
                known[event.consent] = merge(known.get(event.consent, news), news)
        return list(known.values())

    @invariant()
    def who_is_told_of_its_meetings_has_to_do_with_the_case(self) -> None:
        """Invariant 4; seed rules 23, 37."""
        state, child, histories = self.town.state, self.child(), self.consents()
        at = present(histories, self.town.now)
        for by in (*EMPLOYEES, PPT_LEADER, NURSES_LEADER):
            for acting in (by, by.model_copy(update={"unit": ELSEWHERE})):
                held = set(relations(state, acting, self.town.now))
                told = is_told(child, acting, histories, at)
                assert not told or held & KNOW_OF_IT
                group = state.around.coordinators.get(CoordinatorKind.ANSVARSGRUPPE)
                leads_it = group is not None and group.party.actor == by.actor and Relation.COORDINATOR in held
                if state.stage is Stage.OPEN and (held & {Relation.HOLDER, Relation.LEADER} or leads_it):
                    assert told


def is_told(child: Child, acting: Acting, histories: list[ConsentHistory], at: datetime) -> bool:
    """Return whether the meetings that are due around the child are listed for that employee."""
    assert acting.service is not None
    worker = Worker(acting.actor, acting.roles, acting.service, acting.unit)
    outside = child.is_coordinated_by(worker) and child.coordinates(histories, at) is not None
    return child.is_at_home_with(worker) or outside


TestCase = pytest.mark.rule(23, 37)(ToldMachine.TestCase)
TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
