"""One export: ordered once, from one checkpoint, and made anew whenever it is fetched. Pure."""

from __future__ import annotations

from shared.aggregate import Aggregate
from shared.contracts.audit import ExportCut, ExportDelivered, ExportOrdered
from shared.contracts.base import EventData, Model


class ExportState(Model):
    """The fold of an export's events."""

    ordered: ExportOrdered | None = None
    delivered: ExportDelivered | None = None
    """What it came to when it was last fetched as a whole."""
    cut: ExportCut | None = None
    """How far it came when it was fetched since, and the right to it ended meanwhile."""


def evolve(state: ExportState, event: EventData) -> ExportState:
    """Return the state after `event`; one of another kind changes nothing."""
    match event:
        case ExportOrdered():
            return state.model_copy(update={"ordered": event})
        case ExportDelivered():
            return state.model_copy(update={"delivered": event, "cut": None})
        case ExportCut():
            return state.model_copy(update={"cut": event})
        case _:
            return state


def decide_delivered(state: ExportState, delivered: ExportDelivered) -> list[EventData]:
    """Return what is new about it: nothing, if it came to the same before. (It differs where content was pruned since.)"""
    return [] if state.delivered == delivered and state.cut is None else [delivered]


EXPORT = Aggregate("export", ExportState, ExportState(), evolve)
"""One export; its id is its reference."""
