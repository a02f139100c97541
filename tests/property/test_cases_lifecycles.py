"""What every table of `services.cases.domain.lifecycles` promises, and that no event moves a status outside them.

That no history of a case does is asserted at the end of every run of the machine in `test_cases_machine.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.cases.domain.evolution import evolve, fold
from services.cases.domain.handover_lifecycles import FORM
from services.cases.domain.lifecycles import LIFECYCLES
from services.cases.domain.state import CaseState, Stage
from shared.contracts import cases as events
from shared.contracts import safekeeping
from shared.contracts.base import EventData
from shared.contracts.examples import example
from shared.machines import Lifecycle, Step, When
from tests.property.by_the_tables import assert_by_the_tables, statuses
from tests.unit.cases_town import Town

every_lifecycle = pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda one: one.name)

# --- the tables -------------------------------------------------------------------------------------------------------


@every_lifecycle
def test_every_status_is_reachable(lifecycle: Lifecycle[Any]) -> None:
    reached: set[StrEnum | None] = {lifecycle.initial}
    while more := {step.end for step in lifecycle.steps if step.start in reached} - reached:
        reached |= more
    assert reached >= set(lifecycle.every_status)


@every_lifecycle
def test_terminal_is_what_nothing_leaves_and_the_rest_can_be_left(lifecycle: Lifecycle[Any]) -> None:
    left = {step.start for step in lifecycle.steps if step.end is not step.start}
    assert lifecycle.terminal.isdisjoint({step.start for step in lifecycle.steps})
    assert set(lifecycle.every_status) - left == lifecycle.terminal


def test_a_form_stays_with_the_school_that_accepted_it() -> None:
    """The one part without an end of its own: it can come back only by the handover that it went with."""
    left = {step.event for step in FORM.steps if step.start == "received"}
    assert left == {events.HandoverRejected, events.HandoverWithdrawn, events.HandoverCancelled}


@every_lifecycle
def test_a_table_is_total_and_says_one_thing(lifecycle: Lifecycle[Any]) -> None:
    """For every status and event type there is one answer, or none."""
    for status in (None, *lifecycle.every_status):
        for event in events.EVENTS:
            fitting = [one for one in lifecycle.steps if one.start is status and one.event is event]
            assert lifecycle.allows(status, event) == bool(fitting)
            assert len(fitting) <= 1 or len({one.when for one in fitting}) == len(fitting)


@every_lifecycle
def test_deadlines_run_in_statuses_that_are_left_and_lead_where_the_table_says(lifecycle: Lifecycle[Any]) -> None:
    for deadline in lifecycle.deadlines:
        assert lifecycle.terminal.isdisjoint(deadline.during)
        if deadline.then is not None:
            assert all(lifecycle.allows(status, deadline.then) for status in deadline.during)


def test_a_table_that_leads_two_ways_is_refused() -> None:
    def declare(*steps: Step[Stage]) -> Lifecycle[Stage]:
        return Lifecycle(name="x", title="X", about="", statuses=Stage, steps=steps)

    once = Step(None, events.CaseClosed, Stage.CLOSED)
    assert declare(once).after(None, any_event(events.CaseClosed)) is Stage.CLOSED
    with pytest.raises(ValueError, match="leads two ways"):
        declare(once, Step(None, events.CaseClosed, Stage.OPEN))
    with pytest.raises(ValueError, match="leads two ways"):
        declare(once, Step(None, events.CaseClosed, Stage.OPEN, When("outcome", "moved", "moved")))
    with pytest.raises(ValueError, match="has no field"):
        declare(Step(None, events.CaseClosed, Stage.OPEN, When("weather", "fine", "when fine")))


# --- the evolution ----------------------------------------------------------------------------------------------------


def histories() -> list[EventData]:
    """Return the events of two short cases, to be played in any order."""
    full = Town().lift()
    full.consented()
    other = Town(seed=2).lift()
    other.hear()
    other.withdraw(other.ask())
    return [*full.history, *other.history]


def any_event(of: type[EventData]) -> EventData:
    """Return an event of that type; a reference is the same in all of them, so that they speak of the same parts."""
    return of.model_validate(example(of.model_json_schema()))


HAPPENED: Final = histories()
POSSIBLE: Final = [any_event(one) for one in events.EVENTS]
KEPT: Final = [any_event(one) for one in safekeeping.EVENTS]


@given(played=st.lists(st.sampled_from([*HAPPENED, *POSSIBLE, *KEPT]), max_size=25))
@settings(max_examples=300, deadline=None)
def test_an_event_that_no_table_allows_changes_no_status_whatever_came_before(played: list[EventData]) -> None:
    """Total and pure: any event in any state gives a state, the same each time, and moves no status outside the tables."""
    assert_by_the_tables(played)
    assert fold(CaseState(), played) == fold(CaseState(), played)


@given(
    played=st.lists(st.sampled_from([*HAPPENED, *POSSIBLE]), max_size=25),
    event=st.sampled_from(POSSIBLE),
)
@settings(max_examples=300, deadline=None)
def test_an_event_of_a_part_that_the_table_does_not_allow_leaves_the_whole_state_as_it_was(
    played: list[EventData], event: EventData
) -> None:
    state = fold(CaseState(), played)
    tables = [one for one in LIFECYCLES if type(event) in one.events]
    assume(tables)
    of_its_parts = {"", *(str(value) for _, value in event)}
    here = {name: status for (name, ref), status in statuses(state).items() if ref in of_its_parts}
    if not any(table.step(here.get(table.name), event) for table in tables):
        assert evolve(state, event) == state
