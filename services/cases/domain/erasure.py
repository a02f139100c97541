"""Erasure on request (GDPR art. 17): where the case has ended, nothing holds it, and no law demands that it is kept."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.ending import decide_erase
from services.cases.domain.retention import class_of
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState
from services.cases.errors import KeptByLawError, NotEndedError, ReportOnItsWayError
from shared.contracts.cases import CaseEvent
from shared.contracts.safekeeping import CaseErased, ErasureReason


def decide_erase_on_request(state: CaseState, by: Acting, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Erase a case because somebody asked for it, and its unit's leader grants that.

    Raises:
        DeniedError: see `access.permit`.
        NotEndedError: it goes on, or is erased already.
        KeptByLawError: a law demands that it is kept until its time is over (GDPR art. 17 (3) b).
        ReportOnItsWayError: a report to child welfare has not gone yet (seed rule 93).
        LegalHoldError: it is held.
    """
    access.permit(state, Action.ERASE_CASE, by, now)
    if not CASE.allows(state.stage, CaseErased):
        raise NotEndedError
    row = rules.retention_row(class_of(state), now)
    if row.by_law:
        raise KeptByLawError(extensions={"class": row.code, "source": row.source})
    if state.around.on_their_way:
        raise ReportOnItsWayError(extensions={"reports": [*state.around.on_their_way]})
    return decide_erase(state, ErasureReason.REQUEST)
