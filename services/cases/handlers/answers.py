"""How a command on a whole case is answered: with as much of the case as whoever gave it may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.cases.domain.acting import Acting
from services.cases.domain.state import CaseState
from services.cases.views import CaseView
from shared.aggregate import Answer
from shared.web import answer


def case_for(acting: Acting, now: datetime) -> Callable[[CaseState, int], Answer]:
    """Return what answers with the case as `acting` sees it at `now`, when it was done: a command opens nothing that a look
    does not.
    """
    return lambda state, version: answer(CaseView.seen(state, acting, now), status=201, version=version)
