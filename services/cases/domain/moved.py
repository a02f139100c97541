"""How a case begins that comes from another municipality (docs/decisions/0014-moved-cases.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from services.cases.domain.course_lifecycles import CASE, CONCERN
from services.cases.domain.kept import rough
from services.cases.domain.rules import MEETS_FROM, Rules
from services.cases.domain.state import CaseState, ConcernState, HandoverState, Holding
from services.cases.errors import CaseNotOpenError
from shared.calendar import add_days
from shared.contracts.base import EventData
from shared.contracts.cases import CaseEvent, CaseOpened, Mode, Party
from shared.contracts.codes import InformationCategory
from shared.contracts.moved import CaseReceived
from shared.contracts.safekeeping import DocumentAdded
from shared.errors import StaleVersionError
from shared.refs import CaseRef, ConcernRef, DocumentRef


def decide_received(
    old: CaseState,
    handover: HandoverState,
    holder: Party,
    case: CaseRef,
    concern: ConcernRef,
    documents: Mapping[DocumentRef, DocumentRef],
    now: datetime,
    rules: Rules,
) -> list[CaseEvent]:
    """Begin the case where it goes on: the same level, a holder, and nothing of the old case but what was handed over.

    It is anonymous until a consent says otherwise: the consents of before were to the services of before. `documents` are the
    new names of those that were sealed anew for it; how many bytes each has could be looked up in the other log, and is not said.

    Raises:
        CaseNotOpenError: nothing is known of the old case.
        StaleVersionError: a document was put in while the others were sealed: to be asked for again, so that it is not left behind.
    """
    going = brought_documents(old, handover)
    if not going <= documents.keys():
        raise StaleVersionError
    if old.concern is None:
        raise CaseNotOpenError
    level: Literal[1, 2, 3] = 1 if old.level <= 1 else 2 if old.level == 2 else 3
    decide_by = add_days(now, rules.decide_within_days)
    ordinals = tuple(sorted(old.responsible))
    return [
        CaseReceived(
            case=case,
            handover=handover.ref,
            concern=concern,
            area=old.concern.area,
            for_whom=old.concern.for_whom,
            guardians=old.guardians,
            ordinals=ordinals,
            holder=holder,
            act_by=decide_by,
            categories=handover.package.categories,
        ),
        CaseOpened(
            case=case,
            level=level,
            mode=Mode.ANONYMOUS,
            holder=holder,
            decide_by=decide_by,
            # The team of that level is another one there, and has not met about the child (seed rule 68).
            meeting_by=add_days(now, rules.meet_within_days) if level >= MEETS_FROM else None,
        ),
        *(
            DocumentAdded(
                case=case,
                document=documents[one.ref],
                category=one.category,
                media=one.media,
                size=rough(one.size),
                by=holder,
            )
            for one in old.documents.values()
            if one.ref in going
        ),
    ]


def brought_documents(old: CaseState, handover: HandoverState) -> frozenset[DocumentRef]:
    """Return the documents that go with a case: all in the categories that were handed over, as its texts do."""
    going = brought(old, handover)
    return frozenset(one.ref for one in old.documents.values() if one.category in going)


def brought(old: CaseState, handover: HandoverState) -> frozenset[InformationCategory]:
    """Return the kinds of information that go with a case, whoever wrote them: of the package what the sender holds itself.

    In what else an approved form says, the form goes, and what the sender's own unit recorded (seed rules 13, 14, 18).
    """
    held = None if old.holding is None else old.holding.categories
    return handover.package.categories if held is None else handover.package.categories & held


def evolve_moved(state: CaseState, event: EventData) -> CaseState:
    """Return the state after a case was received; any other event changes nothing."""
    if not isinstance(event, CaseReceived):
        return state
    stage, status = CASE.after(state.stage, event), CONCERN.after(None, event)
    if stage is None or status is None:
        return state
    unit = event.holder.unit
    return state.model_copy(
        update={
            "case": event.case,
            "stage": stage,
            "guardians": event.guardians,
            "guardian_ordinals": frozenset(event.ordinals),
            "concern": ConcernState.of(event, event.holder, status),
            "holding": Holding(party=event.holder),
            "recorded_by": {} if unit is None else {event.concern: unit},
        }
    )
