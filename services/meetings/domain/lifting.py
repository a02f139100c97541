"""Where what an arena does not solve itself goes, and how it is taken back (seed rules 68, 69)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.meeting import ItemStatus, MeetingState, Status, require
from services.meetings.domain.profile import Profile
from services.meetings.domain.report_duty import led_by
from services.meetings.errors import LiftOnAgendaError, LiftSettledError, NotLiftedError
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import AgendaItemLiftWithdrawn, AgendaItemRemoved, ArenaLevel, LiftWithdrawal
from shared.refs import ItemRef, UnitId


class LiftedStanding(StrEnum):
    """How it stands with something that was lifted."""

    WAITS = "waits"
    ON_AGENDA = "on-agenda"
    SETTLED = "settled"
    """It was discussed there, somebody took it off, or its unit has the case no more."""
    WITHDRAWN = "withdrawn"
    """Those who lifted it took it back while it waited."""


def decide_withdraw(
    state: MeetingState, item: ItemRef, standing: LiftedStanding | None, reason: LiftWithdrawal
) -> list[EventData]:
    """Take back what was lifted and waits.

    Args:
        state: of the meeting whose outcome has lifted it, which may be closed by now.
        item: as it stands there.
        standing: how it stands above; None: it was not lifted.
        reason: why it is taken back.

    Raises:
        NotLiftedError: it was not lifted.
        LiftOnAgendaError: it stands on an agenda there: it is taken off that.
        LiftSettledError: it was discussed there, taken off or taken back already, or nobody may bring it.
    """
    meeting = require(state, Status.HELD, Status.MINUTES_APPROVED, Status.CLOSED)
    lifted = state.item(item)
    if lifted.lifted_to is None or standing is None:
        raise NotLiftedError
    if standing is LiftedStanding.ON_AGENDA:
        raise LiftOnAgendaError
    if standing is not LiftedStanding.WAITS:
        raise LiftSettledError
    return [
        AgendaItemLiftWithdrawn(meeting=meeting, item=item, mode=lifted.mode, to_type=lifted.lifted_to, reason=reason)
    ]


def decide_discussed_before(state: MeetingState, item: ItemRef) -> list[EventData]:
    """Take off what was lifted and stands on this agenda, because it was discussed in an earlier meeting (seed rules 68, 69).

    Nothing when the meeting has begun, when it was taken off already, or when the unit has brought it itself.
    """
    known = state.item(item)
    waits = state.status in {Status.PLANNED, Status.CALLED} and known.status in {
        ItemStatus.PROPOSED,
        ItemStatus.ACCEPTED,
    }
    if state.meeting is None or not waits or not known.lifted:
        return []
    return [AgendaItemRemoved(meeting=state.meeting, item=item, reason="by-request")]


@dataclass(frozen=True, slots=True)
class Way:
    """The arena to which another lifts, and whose it is."""

    rules: ArenaRules
    unit: UnitId | None
    """At unit level: whose."""
    led_by: UnitId | None
    """Whose leaders call it, when leaders do; none: the municipality has no such unit."""


def way_up(profile: Profile, rules: ArenaRules, unit: UnitId | None, today: date) -> Way | None:
    """Return where an arena lifts on that day; None: nowhere.

    Where one has taken another's place it is to that one, and where it is still to do so to the one that is there (seed rule 75).
    """
    above = None if rules.lifts_to is None else profile.arena(rules.lifts_to.to)
    seen = {rules.type}
    while above is not None and above.is_over_on(today):
        seen.add(above.type)
        successor = above.retired.successor if above.retired is not None else None
        above = None if successor is None or successor in seen else profile.arena(successor)
    if above is not None and not above.meets_on(today):
        old = (each for each in profile.arenas if each.retired is not None and each.retired.successor == above.type)
        above = next((each for each in old if each.meets_on(today)), None)
    if above is None:
        return None
    whose = unit if above.level is ArenaLevel.UNIT else None
    leads = None if Role.LEADER not in above.called_by.roles else whose or led_by(profile, today)
    return Way(above, whose, leads)
