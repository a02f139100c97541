"""What the cases service publishes when a case goes on in another municipality: the beginning there, in that municipality's log."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, FamilyMark, ForWhom, Party
from shared.contracts.codes import Area, InformationCategory
from shared.refs import ConcernRefField, HandoverRefField


class CaseReceived(CaseEvent):
    """A case that began in another municipality goes on here, under a reference of its own, with what was handed over.

    The handover's reference is in both logs, and is all that leads from one to the other.
    """

    TYPE: ClassVar[str] = "no.lagspill.cases.case.received.v1"

    handover: HandoverRefField
    concern: ConcernRefField
    area: Area
    for_whom: ForWhom
    guardians: int = Field(ge=0, le=8)
    ordinals: tuple[int, ...]
    holder: Party
    act_by: Moment
    categories: frozenset[InformationCategory]
    """What came with it."""
    family: tuple[FamilyMark, ...] = ()
    """Who is of the child's family."""


EVENTS: tuple[type[CaseEvent], ...] = (CaseReceived,)
