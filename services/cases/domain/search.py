"""Searching for a child: found only by whom the case would be shown to anyway; for the others as silent as if there were none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.shown import Permit
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory
from shared.refs import LogScope

MOST_SHOWN = 20
MOST_CANDIDATES = 60
"""Cases that are judged for one search, first those that the actor may have a part in."""
MOST_OF_A_NAME = 5000
"""Cases of children with one name of whom it is asked which are nearest the actor."""
MOST_REFUSED = 5
"""A search that would have found more children than this, all of them hidden from the actor, was for a common name and not
for one of them: it leaves no denial in their logs. With a national number there is never more than the child's own."""


class Candidate(Model):
    """A case whose child fits what is looked for."""

    state: CaseState
    version: int
    scope: LogScope
    acting: Acting
    """How the rules see the actor in this case."""
    same_municipality: bool


class Judged(Model):
    """Whether a case is shown, and whether with whom it is about."""

    candidate: Candidate
    see: Permit
    read: Permit | None


class Verdict(Model):
    """What comes of a search."""

    shown: tuple[Judged, ...]
    more: bool
    refused: tuple[Candidate, ...]
    """The cases that a denial is recorded for: those of a search that was for one of them, and in vain."""


def judge(candidates: Sequence[Candidate], now: datetime) -> Verdict:
    """Return which of the candidates are shown: those that the actor may see anyway.

    A child with a protected address is found by nobody without the clearance, not even by those who have a part in its case:
    they reach it from their own list. Every candidate is judged in the same way, whatever comes of it.
    """
    shown: list[Judged] = []
    hidden: list[Candidate] = []
    for one in candidates:
        see, read = _permit(one, Action.SEE_CASE, now), _permit(one, Action.READ_CHILD, now)
        if see is None or (one.state.hidden and not one.acting.cleared):
            hidden.append(one)
        else:
            shown.append(Judged(candidate=one, see=see, read=read))
    refused = hidden if not shown and len(hidden) <= MOST_REFUSED else []
    return Verdict(shown=tuple(shown[:MOST_SHOWN]), more=len(shown) > MOST_SHOWN, refused=tuple(refused))


def _permit(one: Candidate, action: Action, now: datetime) -> Permit | None:
    if not one.same_municipality:
        return None
    try:
        permit = access.permit(one.state, action, one.acting, now)
    except DeniedError:
        return None
    # What names the child is its identity; who may not see that finds the case and no name.
    named = action is Action.SEE_CASE or InformationCategory.IDENTITY in permit.categories
    return permit if named else None
