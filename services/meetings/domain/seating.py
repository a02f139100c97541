"""Who takes a seat: somebody in the role that the profile names for it, or the deputy who was sent (seed rules 6, 54, 71, 72, 183).

| Who of the service, or of the unit whose seat it is | Knows of the meeting | Answers for the seat | Fills it |
|---|---|---|---|
| in the seat's role; where the profile names none, anybody who works there | yes | yes | yes |
| its leader, who decides who comes | yes | yes | in the seat's role, or as a deputy |
| a deputy whom the answer to the invitation names | yes | no | yes |
| anybody else | no | no | no |

Only whoever fills a seat hears what is said of another unit's child by name, and is counted as having been there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import is_seated
from services.meetings.domain.invitation import SeatAnswer
from services.meetings.domain.profile import Profile
from shared.contracts.codes import Function, Role, Service
from shared.refs import UnitId


@dataclass(frozen=True, slots=True)
class Office:
    """As what somebody takes part, and never who."""

    service: Service | None
    unit: UnitId | None
    roles: frozenset[Role]
    functions: frozenset[Function] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a meeting asks: the services, the units that take part (none means all), and what was answered for the seats."""

    invited: Collection[Service]
    units: Collection[UnitId]
    answers: tuple[SeatAnswer, ...] = ()
    receiving: frozenset[UnitId] = frozenset()
    """Those of the units to which the others send their children (`Profile.receiving`); none where that is not known."""


def asked_by(
    profile: Profile, invited: Collection[Service], units: Collection[UnitId], answers: tuple[SeatAnswer, ...] = ()
) -> Asked:
    """Return whom a meeting asks, and to which of its units children go on."""
    return Asked(invited, units, answers, profile.receiving(units))


def has_role(rules: ArenaRules, office: Office, receiving: Collection[UnitId] = frozenset()) -> bool:
    """Return whether somebody of this office is in a role that takes the seat; any role does where none is named."""
    if office.service is None:
        return True
    member = rules.member(office.service)
    if member is not None and member.unit not in {None, office.unit}:
        return False
    wanted = rules.roles_of(office.service, office.unit, receiving)
    return not wanted or bool(wanted & (office.roles | office.functions))


def sent_as_deputy(answers: Iterable[SeatAnswer], office: Office) -> bool:
    """Return whether an answer names somebody of this office as the deputy, who may decide for the service (seed rules 71, 72)."""
    return any(
        each.deputy is not None
        and each.seat.service is office.service
        and each.deputy.role in office.roles
        and (each.deputy.unit or each.seat.unit) in {None, office.unit}
        for each in answers
    )


def fills_seat(rules: ArenaRules, asked: Asked, office: Office) -> bool:
    """Return whether somebody of this office takes a seat at the meeting."""
    own = is_seated(asked.invited, asked.units, office.service, office.unit)
    own = own and has_role(rules, office, asked.receiving)
    return own or sent_as_deputy(asked.answers, office)


def speaks_for_seat(rules: ArenaRules, asked: Asked, office: Office) -> bool:
    """Return whether somebody of this office answers for a seat: in its role, or leading whose seat it is (seed rule 6)."""
    own = is_seated(asked.invited, asked.units, office.service, office.unit)
    member = None if office.service is None else rules.member(office.service)
    if member is not None and member.unit not in {None, office.unit}:
        return False
    return own and (has_role(rules, office, asked.receiving) or Role.LEADER in office.roles)


def closed_arenas(profile: Profile, office: Office) -> list[str]:
    """Return the arenas of which somebody of this office neither takes a seat, nor leads whose it is, nor calls the meetings."""
    return [
        rules.type
        for rules in profile.arenas
        if not has_role(rules, office) and not office.roles & (rules.called_by.roles | {Role.LEADER})
    ]
