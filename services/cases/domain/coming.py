"""Which meeting one of the child's family is told of next, in their view of the case (seed rules 12, 73, 101)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime

from services.cases.domain.access_terms import Relation
from services.cases.domain.state import CaseState, Stage
from shared.contracts.base import Model
from shared.contracts.codes import Role
from shared.refs import ConsentRef, MeetingRef


class MeetingToCome(Model):
    """A meeting that is called, and has the child on its agenda by name."""

    meeting: MeetingRef
    starts_at: AwareDatetime
    consent: ConsentRef | None
    """On which it is spoken of there by name."""
    family: frozenset[Role]
    """As whom the child's family is invited."""


class NextMeeting(Model):
    """When it begins. Where it is, and who else is invited, the meetings service says (`GET /meetings/{meeting}/invitation`)."""

    meeting: MeetingRef
    starts_at: AwareDatetime


def next_meeting(
    state: CaseState, relation: Relation, meetings: Sequence[MeetingToCome], now: datetime
) -> NextMeeting | None:
    """Return the next meeting that somebody in that relation is invited to; None when there is none.

    Args:
        state: the case as it is told to them (`told.py`): a meeting on a consent that they are not told of is not told either.
        relation: in which they stand to the child.
        meetings: those that have the case on their agenda.
        now: the moment.
    """
    role = Role.GUARDIAN if relation is Relation.GUARDIAN else Role.CHILD
    if state.stage is not Stage.OPEN:
        return None
    told = [
        one
        for one in meetings
        if one.starts_at > now and role in one.family and (one.consent is None or one.consent in state.consents)
    ]
    first = min(told, key=lambda one: (one.starts_at, one.meeting), default=None)
    return None if first is None else NextMeeting(meeting=first.meeting, starts_at=first.starts_at)
