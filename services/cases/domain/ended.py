"""How the events of a case's end change its state; `evolution.py` asks here for what it does not know."""

from __future__ import annotations

from services.cases.domain.state import CaseState
from shared.contracts.base import EventData
from shared.contracts.endings import AdulthoodApproaching, AdulthoodReached, LegalHoldReleased, LegalHoldSet
from shared.contracts.safekeeping import IdentityCorrected


def evolve_ended(state: CaseState, event: EventData) -> CaseState:
    """Return the state after an event of the case's end; any other changes nothing."""
    match event:
        case AdulthoodApproaching():
            return state.model_copy(update={"soon_of_age": True})
        case AdulthoodReached():
            return state.model_copy(update={"of_age": True, "end_by": event.end_by})
        case LegalHoldSet():
            return state.model_copy(update={"hold": event.reason})
        case LegalHoldReleased():
            return state.model_copy(update={"hold": None})
        case IdentityCorrected() if "born" in event.parts:
            return _born_another_day(state)
        case _:
            return state


def _born_another_day(state: CaseState) -> CaseState:
    """Other birthdays matter: what was asked and told on those that were wrong is asked and told again on the right ones."""
    consents = {ref: one.model_copy(update={"asked_for": frozenset()}) for ref, one in state.consents.items()}
    begun_anew = {"soon_of_age": False, "of_age": False, "end_by": None, "consents": consents}
    return state.model_copy(update=begun_anew)
