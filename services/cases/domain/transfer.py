"""A case that moves to another municipality: it ends here, and a new one goes on there (docs/decisions/0140-moved-cases.md)."""

from __future__ import annotations

from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState, HandoverState, MeasureStatus
from services.cases.errors import MeasureUnfinishedError
from shared.contracts.cases import CaseClosed, CaseEvent, HandoverTransferred, MeasureStopped


def require_nothing_open(state: CaseState) -> None:
    """Refuse to send a case away while something runs in it.

    Raises:
        MeasureUnfinishedError: a measure is open.
    """
    unfinished = [one.ref for one in state.measures.values() if one.status is MeasureStatus.OPEN]
    if unfinished:
        raise MeasureUnfinishedError(extensions={"measures": [*unfinished]})


def moved(state: CaseState, handover: HandoverState, *, on_behalf: bool) -> list[CaseEvent]:
    """Return how the case ends here: the handover is done, what was begun meanwhile is stopped, the case is closed."""
    case = ref_of(state)
    return [
        *(
            MeasureStopped(case=case, measure=one.ref, reason="withdrawn")
            for one in state.measures.values()
            if one.status is MeasureStatus.OPEN
        ),
        HandoverTransferred(case=case, handover=handover.ref, on_behalf=on_behalf),
        CaseClosed(case=case, outcome="moved"),
    ]
