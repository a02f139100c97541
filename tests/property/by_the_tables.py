"""Whether a history moved every status as the tables of `services.cases.domain.lifecycles` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from services.cases.domain.evolution import evolve
from services.cases.domain.lifecycles import LIFECYCLES
from services.cases.domain.state import CaseState
from shared.contracts.base import EventData

Statuses = dict[tuple[str, str], StrEnum]
"""The status of each part: (name of its life cycle, reference) -> status."""


def statuses(state: CaseState) -> Statuses:
    """Return the status of everything in `state` that has one, found by type: a part that is added is found too."""
    by_statuses = {one.statuses: one.name for one in LIFECYCLES}
    found: Statuses = {}

    def visit(value: object, ref: str) -> None:
        if isinstance(value, StrEnum) and type(value) in by_statuses:
            found[by_statuses[type(value)], ref] = value
        elif isinstance(value, Mapping):
            for key, part in value.items():
                visit(part, str(key))
        elif hasattr(value, "__pydantic_fields__"):
            ref = getattr(value, "ref", ref)
            for name in type(value).__pydantic_fields__:
                visit(getattr(value, name), ref)

    visit(state, "")
    return found


def assert_by_the_tables(history: Iterable[EventData]) -> None:
    """Assert that each event moved statuses as the tables say, and in no other way."""
    tables = {one.name: one for one in LIFECYCLES}
    state = CaseState()
    old = statuses(state)
    for event in history:
        state = evolve(state, event)
        new = statuses(state)
        for key in old.keys() | new.keys():
            start, end = old.get(key), new.get(key)
            if start is end:
                continue
            step = tables[key[0]].step(start, event)
            assert step is not None, f"{key[0]}: {start} -> {end} by {type(event).__name__} is in no table"
            assert step.end is end
        old = new
