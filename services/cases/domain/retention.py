"""To which class of the retention list a case belongs (law-and-standards 3.4). How many years that is, the dated list says."""

from __future__ import annotations

from typing import Final, Literal

from services.cases.domain.state import CaseState, Stage
from shared.contracts.codes import Service

RetentionClass = Literal["concern", "ordinary", "health", "moved"]

HEALTH_SERVICES: Final = frozenset(
    {
        Service.HELSESTASJON,
        Service.BUP,
        Service.FASTLEGE,
        Service.FYSIOTERAPI,
        Service.ERGOTERAPI,
        Service.PSYKIATRI,
    }
)


def class_of(state: CaseState) -> RetentionClass:
    """Return the class of a case that ends as it is in `state`: the longest that it has a reason for, the shortest if it moved."""
    if state.stage in {Stage.CONCERN, Stage.RESOLVED}:
        return "concern"
    if state.has_moved:
        return "moved"
    held = None if state.holding is None else state.holding.party.service
    services = {held, *state.team, *(one.owner for one in state.measures.values())}
    return "health" if services & HEALTH_SERVICES else "ordinary"
