"""An arena (møteplass): one per unit, or one for the municipality, as its profile defines it (seed rules 1-22, 39-51)."""

from __future__ import annotations

from datetime import date
from typing import Final

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import invited_services
from services.meetings.domain.profile import Profile
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.meetings import ArenaDefined, ArenaLevel
from shared.refs import ArenaRef, UnitId


class ArenaState(Model):
    """An arena as last defined."""

    defined: ArenaDefined | None = None


def evolve(state: ArenaState, event: EventData) -> ArenaState:
    """Return `state` after `event`."""
    if isinstance(event, ArenaDefined):
        return ArenaState(defined=event)
    return state


ARENA: Final = Aggregate("arena", ArenaState, ArenaState(), evolve)


def wanted_arenas(profile: Profile, day: date) -> list[tuple[ArenaRules, UnitId | None]]:
    """Return every arena that the profile wants on `day`: those at unit level once for each unit of their kinds.

    One that is still to begin is among them, so that its first meeting can be called before that.
    """
    wanted: list[tuple[ArenaRules, UnitId | None]] = []
    for rules in profile.arenas:
        if rules.is_over_on(day):
            continue
        if rules.level is ArenaLevel.UNIT:
            wanted += [(rules, unit.id) for unit in profile.units_with(rules, day)]
        else:
            wanted.append((rules, None))
    return wanted


def decide_define(
    state: ArenaState, arena: ArenaRef, profile: Profile, rules: ArenaRules, unit: UnitId | None
) -> list[EventData]:
    """Define the arena; nothing happens when it is defined so already."""
    if state.defined is not None and state.defined.profile_version == rules.version:
        return []
    return [
        ArenaDefined(
            arena=arena,
            arena_type=rules.type,
            unit=unit,
            level=rules.level,
            policy=rules.mode.policy,
            fixed_services=invited_services(profile, rules, [unit] if unit else [], frozenset()),
            at_need=rules.at_need,
            guardians=rules.guardians_part,
            duty_to_attend=rules.duty_to_attend,
            seats_per_organisation=rules.seats_per_organisation,
            minutes=rules.minutes,
            profile_version=rules.version,
        )
    ]
