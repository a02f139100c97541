"""Double work across the cases of one child (seed rules 49, 161): who may see both cases may see that they do the same.

That another case is about the same child is itself confidential. So each direction is decided by itself, on both cases as they
are at that moment: what one case may be told of the other follows from what the *other* one lets be seen. Nothing that is written
into a case names the other, and of a child with a protected address nothing is compared at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.measures import carried_out_at
from services.cases.domain.profile import CasesProfile
from services.cases.domain.relations import takes_part
from services.cases.domain.shown import Permit
from services.cases.domain.state import CaseState, MeasureState, Stage
from services.cases.errors import DeniedError
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, MeasureOverlapElsewhereSuspected
from shared.contracts.codes import InformationCategory, Service
from shared.refs import UnitId

MEASURES = frozenset({InformationCategory.MEASURES})
_OWN_TASK = frozenset({Relation.HOLDER, Relation.LEADER})
"""Whose the case is: they see its measures with no consent."""


class Alike(Model):
    """Two measures of two cases that do much the same, in two units."""

    mine: MeasureState
    other: MeasureState
    service: Service
    unit: UnitId | None
    """Where the other one is carried out."""
    overlap: str
    """A group of the profile."""


def comparable(state: CaseState) -> bool:
    """Return whether the case has anything to compare, and may be compared at all."""
    protected = state.address_protected or state.protection is not None
    return state.stage is Stage.OPEN and not protected and any(one.runs for one in state.measures.values())


def alike(state: CaseState, other: CaseState, profile: CasesProfile) -> list[Alike]:
    """Return what the two cases do twice: running measures of one group, in different units."""
    if not (comparable(state) and comparable(other)) or state.case == other.case:
        return []
    found: list[Alike] = []
    for mine in state.measures.values():
        here = carried_out_at(state, mine.owner, mine.owner_unit)
        for theirs in other.measures.values():
            there = carried_out_at(other, theirs.owner, theirs.owner_unit)
            group = profile.overlapping(mine.code, theirs.code)
            if group is not None and mine.runs and theirs.runs and here != there:
                found.append(Alike(mine=mine, other=theirs, service=there[0], unit=there[1], overlap=group.code))
    return found


def decide_tell(state: CaseState, others: Sequence[CaseState], now: datetime, profile: CasesProfile) -> list[CaseEvent]:
    """Tell whoever carries a measure out that another case has much the same, once, where that case lets them know of it.

    That is: a consent in force in the *other* case covers this service, for information on measures.
    """
    told: dict[str, CaseEvent] = {}
    for other in others:
        for pair in alike(state, other, profile):
            mine = pair.mine
            service, unit = carried_out_at(state, mine.owner, mine.owner_unit)
            if mine.ref in state.elsewhere or not _lets(other, service, unit, now):
                continue
            event = MeasureOverlapElsewhereSuspected(case=ref_of(state), measure=mine.ref, overlap=pair.overlap)
            told.setdefault(mine.ref, event)
    return [*told.values()]


def may_see(state: CaseState, acting: Acting, now: datetime) -> Permit | None:
    """Return on what basis somebody sees this case's measures; None when on none, or when it is nobody's to compare."""
    if not comparable(state):
        return None
    try:
        allowed = access.permit(state, Action.SEE_OVERLAP, acting, now)
    except DeniedError:
        return None
    return allowed if allowed.relation in _OWN_TASK or allowed.categories >= MEASURES else None


def _lets(other: CaseState, service: Service, unit: UnitId | None, now: datetime) -> bool:
    return takes_part(other, service, unit) and other.consent_covering(now, service, MEASURES) is not None
