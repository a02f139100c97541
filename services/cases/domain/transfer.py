"""A case that moves to another municipality: it ends here, and a new one goes on there (docs/decisions/0014-moved-cases.md)."""

from __future__ import annotations

from services.cases.domain.course import ref_of
from services.cases.domain.lapse import with_the_case
from services.cases.domain.state import CaseState, HandoverState
from services.cases.errors import ConcernOpenError, MeasureUnfinishedError, MoveProtectedError
from shared.contracts.cases import CaseClosed, CaseEvent, HandoverTransferred, MeasureStopped


def require_movable(state: CaseState) -> None:
    """Refuse to send a case away while something runs in it, or where a log would tell where a protected child moves.

    Raises:
        MoveProtectedError: the child's address is protected.
        MeasureUnfinishedError: a measure is open.
        ConcernOpenError: a further concern waits for an action (seed rule 79).
    """
    require_unprotected(state)
    unfinished = [one.ref for one in state.measures.values() if one.runs]
    if unfinished:
        raise MeasureUnfinishedError(extensions={"measures": [*unfinished]})
    if state.waiting_concerns:
        raise ConcernOpenError(extensions={"concerns": [one.ref for one in state.waiting_concerns]})


def require_unprotected(state: CaseState) -> None:
    """Refuse to say in a log where a child moves whose address is protected.

    Raises:
        MoveProtectedError: it is.
    """
    if state.address_protected:
        raise MoveProtectedError


def moved(state: CaseState, handover: HandoverState, *, on_behalf: bool) -> list[CaseEvent]:
    """Return how the case ends here: the handover is done, what was begun meanwhile is stopped, the case is closed.

    Raises:
        ConcernOpenError: a further concern has come meanwhile. It was not handed over, and would rest (seed rule 79).
    """
    if state.waiting_concerns:
        raise ConcernOpenError("A concern has come in since it was sent: whoever has the case acts on it first.")
    case = ref_of(state)
    return [
        *(
            MeasureStopped(case=case, measure=one.ref, reason="withdrawn")
            for one in state.measures.values()
            if one.runs
        ),
        *with_the_case(state, case),
        HandoverTransferred(case=case, handover=handover.ref, on_behalf=on_behalf),
        CaseClosed(case=case, outcome="moved", retention="moved"),
    ]
