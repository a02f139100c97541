"""What is answered out of the vault of the work around the child: only after the look's record is committed."""

from __future__ import annotations

from datetime import datetime

from services.cases.views_team import AskedView, PlanView, ReportView
from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass
from shared.refs import CaseRef, DocumentRef, GoalRef, MeetingRef, PlanRef


class PlanGoal(Model):
    """A goal of the plan; its words stand here, in a measure's goal, or in the minutes that decided it."""

    goal: GoalRef
    text: str | None


class PlanVersionContent(Model):
    """A version of a plan as it was, with the words that this reader may see."""

    plan: PlanRef
    version: int
    since: datetime
    """When it took the place of the one before."""
    words: tuple[PlanGoal, ...]
    meeting: MeetingRef | None
    """Whose approved minutes it is; none for the first."""
    document: DocumentRef | None


class PlanContent(PlanView):
    """The individual plan with the words that this reader may see."""

    basis: str
    words: tuple[PlanGoal, ...]
    versions: tuple[PlanVersionContent, ...]
    """Every version that there was, the oldest first: of this plan, and of those that were in the case before it."""


class NeedContent(Model):
    """How one of the family is spoken with, and what they read."""

    person: GrantorClass
    ordinal: int
    language: str
    interpreter: str
    written_material: bool


class LanguageNeeds(Model):
    """How the family is spoken with."""

    case: CaseRef
    needs: tuple[NeedContent, ...]


class AskedContent(AskedView):
    """A request to contribute with what is asked, in words."""

    text: str


class ReportContent(ReportView):
    """A concern report as it was written."""

    ground: str
    text: str
    not_informed_because: str | None
    child_heard_by: str | None
    child_said: str | None
    not_heard_because: str | None
