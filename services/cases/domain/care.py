"""The child welfare service takes over care, or gives it back: then it consents in the guardians' place (barnevernsloven § 5-1)."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain import access
from services.cases.domain.access_table import OPEN_ONLY
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState
from services.cases.errors import CareOrderKnownError
from shared.contracts.base import Model
from shared.contracts.cases import CareOrderRecorded, CaseEvent
from shared.refs import DocumentRef


class RecordCareOrder(Model):
    """Who has the care from now on; the note of the decision is in the vault."""

    by: Acting
    in_force: bool
    decision: DocumentRef


def decide_care_order(state: CaseState, command: RecordCareOrder, now: datetime) -> list[CaseEvent]:
    """Record it; whose consent it takes is asked anew at once.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; whoever keeps the guardians in order records it.
        CareOrderKnownError: it is so already.
    """
    access.require(state, Action.MANAGE_GUARDIANS, command.by, now, stages=OPEN_ONLY)
    if state.care_order is command.in_force:
        raise CareOrderKnownError
    return [CareOrderRecorded(case=ref_of(state), in_force=command.in_force, decision=command.decision)]
