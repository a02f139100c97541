"""What a municipality decides about the team around the child: the `team:` part of its profile for cases."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.contracts.codes import Role, Service
from shared.profiles import Line, Rule, Rules


class UsualMember(Line):
    """A service that usually belongs to the group around a child (seed rule 25)."""

    service: Service
    rule: Rule


class CoordinatorRule(Line):
    """Who coordinates the group and the plan, until somebody else is appointed (seed rules 23, 37)."""

    service: Service
    role: Role
    also: frozenset[Role] = frozenset({Role.COORDINATOR})
    """Other roles that may be appointed."""
    until_age: Annotated[int, Field(ge=1, le=25)] = 18
    """To which birthday there can be a child coordinator (helse- og omsorgstjenesteloven § 7-2 a)."""
    rules: Rules


class PlanRule(Line):
    """Which arenas' approved minutes are the next version of the individual plan (seed rule 38)."""

    arenas: frozenset[Annotated[str, Field(pattern=r"^[a-z0-9-]{2,60}$")]] = Field(min_length=1)
    rule: Rule


class ContributionRule(Line):
    """How quickly a service answers when it is asked to contribute (seed rules 82, 102)."""

    respond_days: Annotated[int, Field(ge=1, le=60)]
    respond_days_at_most: Annotated[int, Field(ge=1, le=90)]
    escalate_days: Annotated[int, Field(ge=1, le=30)]
    """From the time that was missed until the service's leader must answer."""
    rules: Rules


class ReportRule(Line):
    """How a concern report to child welfare goes its way (seed rule 93)."""

    deliver_hours: Annotated[int, Field(ge=1, le=72)]
    """How long the digital channel is tried before it goes by letter."""
    feedback_days: Annotated[int, Field(ge=1, le=21)]
    """Child welfare answers within three weeks (barnevernsloven § 13-3); a municipality may ask for less."""
    rule: Rule


class TeamProfile(Line):
    """What one municipality decides about the team around the child."""

    usual_members: tuple[UsualMember, ...] = Field(min_length=1)
    coordinator: CoordinatorRule
    plan: PlanRule
    contributions: ContributionRule
    reports: ReportRule


USUAL = TeamProfile(
    usual_members=tuple(
        UsualMember(service=service, rule=25)
        for service in (
            Service.HELSESTASJON,
            Service.FASTLEGE,
            Service.PPT,
            Service.FYSIOTERAPI,
            Service.NAV,
            Service.BARNEVERN,
            Service.ERGOTERAPI,
        )
    ),
    coordinator=CoordinatorRule(service=Service.HELSESTASJON, role=Role.HEALTH_NURSE, rules=(23, 37, 97)),
    plan=PlanRule(arenas=frozenset({"ansvarsgruppe"}), rule=38),
    contributions=ContributionRule(respond_days=7, respond_days_at_most=30, escalate_days=2, rules=(82, 102)),
    reports=ReportRule(deliver_hours=24, feedback_days=21, rule=93),
)
"""What holds where a municipality has decided nothing else: the sources' own words."""
