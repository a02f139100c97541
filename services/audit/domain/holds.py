"""Legal holds in the log: what is kept from being pruned is an entry when it is placed, and when it is lifted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.audit.domain.log import LogState
from shared.contracts.audit import HoldLifted, HoldPlaced, LogEvent
from shared.refs import CaseRef


@dataclass(frozen=True, slots=True)
class StandingHold:
    """A hold as it stands: of everything in the log, or of one case in it."""

    name: str
    case: CaseRef | None
    placed_at: datetime
    lifted_at: datetime | None = None


def decide_tell(state: LogState, origin: str, standing: Iterable[StandingHold]) -> list[LogEvent]:
    """Return what the log called `origin` has not been told of the holds that there are, or were.

    One that was lifted before the log heard of it is not told any more: nothing rests on it.
    """
    told: list[LogEvent] = []
    for hold in standing:
        if hold.lifted_at is None and hold.name not in state.holds:
            told.append(HoldPlaced(log=origin, hold=hold.name, case=hold.case, at=hold.placed_at))
        elif hold.lifted_at is not None and hold.name in state.holds:
            told.append(HoldLifted(log=origin, hold=hold.name, case=hold.case, at=hold.lifted_at))
    return told
