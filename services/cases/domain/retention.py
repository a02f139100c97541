"""To which class of the retention list a case belongs (law-and-standards 3.4). How many years that is, the dated list says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from services.cases.domain.state import CaseState, HandoverStatus, Stage
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


_TAKEN: Final = frozenset({HandoverStatus.ACCEPTED, HandoverStatus.COMPLETED})


def _held(state: CaseState) -> Iterator[Service | None]:
    """Return the services that had the baton before."""
    for one in state.handovers.values():
        if one.status in _TAKEN and one.coordination is None:
            yield one.sender.service


def _wrote(state: CaseState) -> Iterator[Service | None]:
    """Return the services that have recorded something, or put a document in."""
    authors = [one.by for one in state.records.values()] + [one.by for one in state.documents.values()]
    yield from (None if author is None else author.service for author in authors)
    yield from state.corrected_of


def class_of(state: CaseState) -> RetentionClass:
    """Return the class of a case that ends as it is in `state`: the longest that it has a reason for, the shortest if it moved.

    What a health service has written, or had while it held the baton, is there after it has left.
    """
    if state.stage in {Stage.CONCERN, Stage.RESOLVED}:
        return "concern"
    if state.has_moved:
        return "moved"
    held = None if state.holding is None else state.holding.party.service
    services = {held, *state.team, *(one.owner for one in state.measures.values()), *_held(state), *_wrote(state)}
    return "health" if services & HEALTH_SERVICES else "ordinary"
