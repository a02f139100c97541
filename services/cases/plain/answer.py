"""The overview as data and in words, as it is answered over HTTP."""

from __future__ import annotations

from services.cases.domain.overview import Overview
from services.cases.plain.writing import Document
from shared.contracts.base import Model
from shared.refs import GoalRef


class OverviewView(Model):
    """The case as a guardian or the child is told of it: in codes, with what the vault says, and in words."""

    overview: Overview
    name: str
    """The child's."""
    goals: dict[GoalRef, str]
    strengths: dict[GoalRef, str]
    """What measures build on, by their goals (seed rule 92)."""
    text: Document
