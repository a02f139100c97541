"""What somebody is to a case at a moment.

It follows from the baton, a consent in force, an open handover, the organisation's directory in the token, the vault's dated
parental responsibility. A consent that ended a second ago has ended here.
"""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import RUNNING, ContributionState, PlanStatus
from services.cases.domain.kept import GlassState
from services.cases.domain.state import SERVICES_WITH_MANY_UNITS, CaseState, Stage
from shared.contracts.cases import CoordinatorKind, Party
from shared.contracts.codes import GrantorClass, Role, Service
from shared.refs import UnitId

_THEIRS = frozenset({Stage.OPEN, Stage.CLOSED, Stage.ERASED})


_WHOEVERS_CHILD_IT_IS = (Relation.BROKE_GLASS, Relation.ASKED_SERVICE, Relation.ASKED_LEADER)


def relations(state: CaseState, acting: Acting, now: datetime) -> list[Relation]:
    """Return everything that `acting` is to this case at `now`, in the table's order; empty for a stranger."""
    at_work = state.holding is not None and works_there(acting, state.holding.party)
    holds, held_last = _is(acting, state.holder), _last_holder(state, acting)
    checks: dict[Relation, bool] = {
        Relation.HOLDER: holds and at_work,
        Relation.LAST_HOLDER: held_last and at_work,
        Relation.HOLDER_ELSEWHERE: (holds or held_last) and not at_work,
        Relation.RECEIVER: _receiver(state, acting),
        Relation.RECEIVERS_LEADER: _receivers_leader(state, acting),
        Relation.LEADER: _leader(state, acting),
        **_by_consent(state, acting, now),
        Relation.SERVICE_BY_LAW: _by_law(state, acting, now),
        Relation.CARE_AUTHORITY: has_the_care(state, acting),
        # A concern that nobody has spoken with the guardians about yet is not told by a screen; from the case on it is theirs.
        Relation.GUARDIAN: acting.guardian is not None and state.stage in _THEIRS,
        Relation.CHILD: acting.child and state.stage in _THEIRS,
        Relation.REACHES_GUARDIANS: acting.kind == "service_account" and acting.reaches_guardians,
        Relation.BROKE_GLASS: bool(broken(state, acting, now)),
        **_asked(state, acting),
        **_reported(state, acting),
        Relation.PROTECTED_WATCH: watches(state, acting),
    }
    if acting.own_family:
        # At work nobody has to do with their own child's case (forvaltningsloven § 6), but for what cannot wait for another (§ 7).
        # What a service is asked for it is asked for whole: who misses a request would know by that whom it is about. To whom the
        # case fell hands it on, and does nothing else with it (`access.HANDS_ON`).
        baton = [Relation.HOLDER if at_work else Relation.HOLDER_ELSEWHERE] if holds else []
        return [*baton, *(one for one in _WHOEVERS_CHILD_IT_IS if checks[one])]
    if acting.elsewhere is not None:
        # Who works in another municipality has to do with what is sent there, and with nothing else.
        return [one for one in (Relation.RECEIVER, Relation.RECEIVERS_LEADER) if checks[one]]
    return [relation for relation in Relation if checks[relation]]


def told_relations(state: CaseState, acting: Acting, now: datetime) -> list[Relation]:
    """Return what `acting` is told that it is to this case: not that an anonymous request comes from it (seed rules 2, 82, 116)."""
    by_name = any(not one.anonymous and is_asked(one, acting) for one in state.around.contributions.values())
    held = relations(state, acting, now)
    return held if by_name else [one for one in held if one not in {Relation.ASKED_SERVICE, Relation.ASKED_LEADER}]


def has_the_care(state: CaseState, acting: Acting) -> bool:
    """Return whether the actor speaks for the child welfare service where one of the consents needs its word."""
    asked = any(
        GrantorClass.CHILD_WELFARE in (one.needed if one.renewal is None else one.renewal.needed)
        for one in state.consents.values()
    )
    officer = acting.kind == "user" and Role.CHILD_WELFARE_OFFICER in acting.roles
    return asked and officer and acting.service is Service.BARNEVERN and state.stage in {Stage.OPEN, Stage.CLOSED}


def answers_for_itself(state: CaseState, acting: Acting) -> bool:
    """Return whether an answer of this actor is its own, not one that it records for somebody else."""
    return (
        acting.guardian is not None or acting.child or (has_the_care(state, acting) and not _is(acting, state.holder))
    )


def is_asked(contribution: ContributionState, acting: Acting) -> bool:
    """Return whether a request that still runs is to the actor's service; of barnehager and schools, to its unit."""
    return (
        contribution.status in RUNNING
        and acting.kind == "user"
        and acting.role is not None
        and acting.service is contribution.service
        and (contribution.service not in SERVICES_WITH_MANY_UNITS or acting.unit == contribution.unit)
    )


def works_there(acting: Acting, party: Party) -> bool:
    """Return whether the directory still has the employee where the case has; an address-protected case knows the service only."""
    return acting.service is party.service and party.unit in {None, acting.unit}


def broken(state: CaseState, acting: Acting, now: datetime) -> list[GlassState]:
    """Return the emergency accesses that are open to this employee, at work in the service where they were opened."""
    if state.stage is Stage.ERASED or (state.hidden and not acting.cleared):
        return []
    mine = [one for one in state.glass.values() if _is(acting, one.by) and works_there(acting, one.by)]
    return [one for one in mine if one.is_open(now)]


def watches(state: CaseState, acting: Acting) -> bool:
    """Return whether somebody has the municipality's duty for this case, whose events name no unit and so no leader."""
    return acting.watches and state.address_protected and not state.has_moved


def _last_holder(state: CaseState, acting: Acting) -> bool:
    closed = state.stage in {Stage.CLOSED, Stage.RESOLVED, Stage.ERASED}
    return closed and not state.has_moved and state.holding is not None and _is(acting, state.holding.party)


def _receiver(state: CaseState, acting: Acting) -> bool:
    handover = state.open_handover
    return handover is not None and handover.to_municipality == acting.elsewhere and _is(acting, handover.receiver)


def _is(acting: Acting, party: Party | None) -> bool:
    """Return whether it is this employee, at work: who has left may sign in as a private person under the same reference."""
    return party is not None and acting.kind == "user" and party.actor == acting.actor


def _receivers_leader(state: CaseState, acting: Acting) -> bool:
    handover = state.open_handover
    there = handover is not None and handover.to_municipality == acting.elsewhere
    return there and handover is not None and _leads(acting, handover.receiver.unit)


def _leader(state: CaseState, acting: Acting) -> bool:
    # What goes on in another municipality is nobody's here any more.
    return not state.has_moved and _leads(acting, None if state.holding is None else state.holding.party.unit)


def _leads(acting: Acting, unit: UnitId | None) -> bool:
    return acting.kind == "user" and Role.LEADER in acting.roles and unit is not None and acting.unit == unit


def _a_service(state: CaseState, acting: Acting) -> Service | None:
    """Return for which service the actor works with this child, if there were a basis."""
    # Who only leads sees that there is a case, and never what it holds.
    if (
        acting.role in {None, Role.LEADER}
        or acting.service is None
        or not takes_part(state, acting.service, acting.unit)
    ):
        return None
    return acting.service


def takes_part(state: CaseState, service: Service, unit: UnitId | None) -> bool:
    """Return whether this unit of the service works with the child in this case, if there were a basis."""
    elsewhere = service in SERVICES_WITH_MANY_UNITS and unit not in state.units_of(service)
    return state.stage is Stage.OPEN and not elsewhere


def _by_law(state: CaseState, acting: Acting, now: datetime) -> bool:
    service = _a_service(state, acting)
    return service is not None and state.override_covering(now, service) is not None


def _by_consent(state: CaseState, acting: Acting, now: datetime) -> dict[Relation, bool]:
    service = _a_service(state, acting)
    inside = service is not None and state.consent_covering(now, service) is not None
    member = inside and service in state.team
    return {
        Relation.COORDINATOR: _coordinates(state, acting, now, inside=inside),
        Relation.TEAM_MEMBER: member,
        Relation.SERVICE_IN_SCOPE: inside and not member,
    }


def _at_home(state: CaseState, acting: Acting, *, leading: bool) -> bool:
    roles = {None} if leading else {None, Role.LEADER}
    unit = None if state.holding is None else state.holding.party.unit
    return state.stage is Stage.OPEN and acting.role not in roles and unit is not None and unit == acting.unit


def _covered(state: CaseState, acting: Acting, now: datetime) -> bool:
    service = acting.service
    takes = service is not None and takes_part(state, service, acting.unit)
    return takes and service is not None and state.consent_covering(now, service) is not None


def _coordinates(state: CaseState, acting: Acting, now: datetime, *, inside: bool) -> bool:
    """Return whether somebody coordinates this very case: appointed, or by the municipality's rule (seed rules 23, 37, 97).

    A role in the token is not enough, and an appointment neither: without a consent that covers the service it is over, unless the
    case is in the coordinator's own unit.
    """
    around = state.around
    appointed = any(_is(acting, one.party) and works_there(acting, one.party) for one in around.coordinators.values())
    # A leader is no coordinator by leading, but to the leader it falls when somebody leaves, as the baton does (seed rule 107).
    fallen = appointed and acting.role is Role.LEADER
    if not (inside or _at_home(state, acting, leading=fallen) or (fallen and _covered(state, acting, now))):
        return False
    if appointed:
        return True
    plan = around.plan
    group_has_one = CoordinatorKind.ANSVARSGRUPPE in around.coordinators
    if plan is None or plan.status is PlanStatus.CLOSED or group_has_one:
        return False
    if plan.coordinator is not None:
        return _is(acting, plan.coordinator) and works_there(acting, plan.coordinator)
    return acting.service is plan.coordinated_by and plan.coordinator_role in acting.roles


def _asked(state: CaseState, acting: Acting) -> dict[Relation, bool]:
    asked = state.stage is Stage.OPEN and any(is_asked(one, acting) for one in state.around.contributions.values())
    leads = Role.LEADER in acting.roles
    return {Relation.ASKED_SERVICE: asked and not leads, Relation.ASKED_LEADER: asked and leads}


def _reported(state: CaseState, acting: Acting) -> dict[Relation, bool]:
    reporters = [one.reporter for one in state.around.reports.values()]
    return {
        Relation.REPORTER: any(_is(acting, party) and works_there(acting, party) for party in reporters),
        Relation.REPORTERS_LEADER: any(_leads(acting, party.unit) for party in reporters),
    }
