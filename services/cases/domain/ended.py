"""How the events of a case's end change its state; `evolution.py` asks here for what it does not know."""

from __future__ import annotations

from services.cases.domain.state import CaseState
from shared.contracts.base import EventData
from shared.contracts.endings import AdulthoodReached, LegalHoldReleased, LegalHoldSet


def evolve_ended(state: CaseState, event: EventData) -> CaseState:
    """Return the state after an event of the case's end; any other changes nothing."""
    match event:
        case AdulthoodReached():
            return state.model_copy(update={"of_age": True, "end_by": event.end_by})
        case LegalHoldSet():
            return state.model_copy(update={"hold": event.reason})
        case LegalHoldReleased():
            return state.model_copy(update={"hold": None})
        case _:
            return state
