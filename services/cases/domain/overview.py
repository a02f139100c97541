"""What a guardian, or a child that is old enough, is told of the child's case: who does what, until when, what they may answer.

Codes and references only. The child's name and the goals' words are the vault's; the sentences are `services/cases/plain`'s.
A guardian is told nothing of another guardian: not who they are, what they answered, how they are spoken with, nor where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime

from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import UNANSWERED, ContributionStatus, PlanState, PlanStatus
from services.cases.domain.coming import MeetingToCome, NextMeeting, next_meeting
from services.cases.domain.consent import is_asked
from services.cases.domain.consent_evolution import entitled
from services.cases.domain.coordination import in_charge
from services.cases.domain.rules import InsightRow
from services.cases.domain.state import (
    CaseState,
    ConsentState,
    ConsentStatus,
    FormState,
    FormStatus,
    MeasureState,
    MeasureStatus,
    Stage,
)
from services.cases.domain.told import mine
from services.cases.errors import NotPermittedError
from shared.contracts.base import Model
from shared.contracts.cases import CoordinatorKind, Effect, Mode, Party
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.refs import CaseRef, ConsentRef, FormRef, GoalRef, LogScope, MeasureRef

Reader = Literal["guardian", "child"]


class Who(Model):
    """Somebody as the family meets them: a function in a service. Never a place, never a name."""

    service: Service | None
    role: Role | None = None


class Help(Model):
    """A measure: what is done, by whom, towards which goal, and when it is looked at again."""

    measure: MeasureRef
    code: str
    owner: Service
    goal: GoalRef
    evaluate_by: AwareDatetime
    status: MeasureStatus
    effect: Effect | None


class Coordination(Model):
    """Somebody was appointed to coordinate."""

    kind: CoordinatorKind
    who: Who


class Plan(Model):
    """The individual plan, and its goals."""

    status: PlanStatus
    version: int
    coordinator: Who
    goals: tuple[GoalRef, ...]


class Asked(Model):
    """A consent, as far as it is this reader's to know of."""

    consent: ConsentRef
    services: tuple[Service, ...]
    categories: tuple[InformationCategory, ...]
    purposes: tuple[Purpose, ...]
    municipality: LogScope | None
    """Whose services they are; none: this municipality's."""
    valid_to: date


class Form(Model):
    """A transition form in its present version."""

    form: FormRef
    version: int
    form_type: str
    school_start: int
    status: FormStatus
    approved: bool
    """By this reader."""


class Overview(Model):
    """One reader's view of one case, at one moment."""

    case: CaseRef
    reader: Reader
    stage: Stage
    outcome: str | None
    level: int
    by_name: bool
    """Whether the case may be spoken of by name with those whom a consent covers."""
    decide_by: AwareDatetime | None
    """Until when it is to be decided what is done; none once something is."""
    meeting_by: AwareDatetime | None
    """Until when there is to be a meeting, if one is due."""
    next_meeting: NextMeeting | None
    """The next one that this reader is invited to."""
    holder: Who | None
    taking_over: Who | None
    """Who has been asked to take over from the holder, and has not answered."""
    contact: Who | None
    coordinators: tuple[Coordination, ...]
    coordinated_by: Who | None
    """Who coordinates the services, appointed or not, so that the family need not; none when the case is closed."""
    coordinator_wanted: tuple[CoordinatorKind, ...]
    """Asked for by the family, and not appointed yet."""
    team: tuple[Who, ...]
    contributing: tuple[Service, ...]
    """Services that help with something without being in the team."""
    asked_to_contribute: tuple[Service, ...]
    goal: GoalRef | None
    """What all in the team work for."""
    plan: Plan | None
    interpreter: bool
    """Whether this reader is spoken with through an interpreter."""
    help: tuple[Help, ...]
    to_answer: tuple[Asked, ...]
    """Consents that wait for this reader's yes or no."""
    waiting: tuple[Asked, ...]
    """Consents that this reader has nothing more to say to now, and that are not in force yet."""
    in_force: tuple[Asked, ...]
    to_approve: tuple[Form, ...]
    forms: tuple[Form, ...]
    heard: tuple[str, ...]
    """The decisions before which the child has been heard, once each. Nothing of reports to child welfare is told here."""
    words_withheld: bool
    """The goals' words are left out: they could tell where a child with a protected address is."""

    @property
    def goals(self) -> frozenset[GoalRef]:
        """Return the goals whose words belong in it."""
        of_plan = () if self.plan is None else self.plan.goals
        return frozenset({*(one.goal for one in self.help), *of_plan, *(() if self.goal is None else (self.goal,))})

    @property
    def services(self) -> frozenset[Service]:
        """Return the services that do something for the child now."""
        owners = (one.owner for one in self.help if one.status is not MeasureStatus.STOPPED)
        people = (one.service for one in (self.holder, *self.team) if one is not None and one.service is not None)
        return frozenset({*owners, *people, *self.contributing})


def decide_overview(
    state: CaseState,
    acting: Acting,
    relation: Relation,
    row: InsightRow,
    now: datetime,
    meetings: Sequence[MeetingToCome] = (),
) -> Overview:
    """Return what `acting`, who stands in `relation`, is told of the case at `now` (seed rules 33-36, 99-101, 122).

    Args:
        state: the case, as it is told to `acting` (`told.py`).
        acting: who asks, with the vault's word on which guardian it is.
        relation: as the access table permitted it.
        row: who may be told what by the child's age on the day (`deploy/codelists/insight-right.yaml`).
        now: the moment.
        meetings: those to come that have the case on their agenda by name.

    Raises:
        NotPermittedError: the child is too young to ask alone, or of age, so that guardians no longer may.
    """
    guardian = relation is Relation.GUARDIAN
    if state.case is None or not (row.guardian if guardian else row.child and relation is Relation.CHILD):
        raise NotPermittedError("overview-by-age")
    waiting, around, charged = state.open_handover, state.around, in_charge(state, now)
    # When it is closed nothing is answered, approved or decided in it any more.
    is_open = state.stage is Stage.OPEN
    every = state.consents.values() if is_open else ()
    asked = [one for one in every if one.status is not ConsentStatus.REFUSED and is_asked(one)]
    to_answer = [one for one in asked if _waits_for(state, one, acting)]
    in_force = state.consents_in_force(now)
    forms = [_form(one, acting) for one in state.forms.values()]
    return Overview(
        case=state.case,
        reader="guardian" if guardian else "child",
        stage=state.stage,
        outcome=state.outcome,
        level=state.level,
        by_name=state.mode is Mode.IDENTIFIED,
        decide_by=_ahead(state.decide_by, now) if is_open and state.measures.keys() <= state.before_reopening else None,
        meeting_by=_ahead(state.meeting_by, now) if is_open else None,
        next_meeting=next_meeting(state, relation, meetings, now),
        holder=_who(state.holder),
        taking_over=None if waiting is None or waiting.coordination is not None else _who(waiting.receiver),
        contact=None if state.contact is None else Who(service=state.contact.service, role=state.contact.role),
        coordinators=tuple(
            Coordination(kind=kind, who=Who(service=one.party.service, role=one.party.role))
            for kind, one in sorted(around.coordinators.items())
        ),
        coordinated_by=None if charged is None else _who(charged.party),
        coordinator_wanted=tuple(sorted(around.coordinator_wanted - around.coordinators.keys())),
        contributing=_contributions(state, frozenset({ContributionStatus.ACCEPTED})),
        asked_to_contribute=_contributions(state, UNANSWERED),
        goal=None if around.goal is None else around.goal.goal,
        plan=_plan(around.plan),
        interpreter=any(one.interpreter and (one.person, one.ordinal) == mine(acting) for one in around.languages),
        team=tuple(Who(service=one.service, role=one.role) for one in state.team.values()),
        help=tuple(_help(one) for one in state.measures.values()),
        to_answer=_consents(to_answer),
        waiting=_consents([one for one in asked if one not in to_answer and one not in in_force]),
        in_force=_consents(in_force, asked=False),
        to_approve=tuple(one for one in forms if _may_approve(one, guardian=guardian and is_open)),
        forms=tuple(one for one in forms if not _may_approve(one, guardian=guardian and is_open)),
        heard=tuple(dict.fromkeys(view.before for view in state.views if view.before != "concern-report")),
        words_withheld=state.address_protected,
    )


def _ahead(due: datetime | None, now: datetime) -> datetime | None:
    return due if due is not None and now < due else None


def _who(party: Party | None) -> Who | None:
    return None if party is None else Who(service=party.service, role=party.role)


def _contributions(state: CaseState, statuses: frozenset[ContributionStatus]) -> tuple[Service, ...]:
    """Return who was asked by name; who was asked without is not known to be about this child."""
    asked = state.around.contributions.values()
    return tuple(sorted({one.service for one in asked if one.status in statuses and not one.anonymous}))


def _plan(plan: PlanState | None) -> Plan | None:
    if plan is None:
        return None
    by = plan.coordinator
    coordinator = Who(service=plan.coordinated_by, role=plan.coordinator_role if by is None else by.role)
    return Plan(status=plan.status, version=plan.version, coordinator=coordinator, goals=plan.goals)


def _waits_for(state: CaseState, consent: ConsentState, acting: Acting) -> bool:
    """Return whether this consent, or its next period, waits for the word of `acting`. Who said no has answered."""
    me, renewal = mine(acting), consent.renewal
    if renewal is not None:
        return entitled(me, renewal.needed, renewal.guardians) and me not in renewal.given
    guardians = state.responsible if consent.guardians is None else consent.guardians
    return entitled(me, consent.needed, guardians) and me not in consent.given | consent.refused


def _consents(consents: Iterable[ConsentState], *, asked: bool = True) -> tuple[Asked, ...]:
    """Return them as they are told (`told.py`); asked for anew, it is told until when that would be."""
    return tuple(
        Asked(
            consent=one.ref,
            services=tuple(sorted(one.scope.services)),
            categories=tuple(sorted(one.scope.categories)),
            purposes=tuple(sorted(one.scope.purposes)),
            municipality=one.scope.municipality,
            valid_to=one.valid_to if one.renewal is None or not asked else one.renewal.valid_to,
        )
        for one in consents
    )


def _help(measure: MeasureState) -> Help:
    return Help(
        measure=measure.ref,
        code=measure.code,
        owner=measure.owner,
        goal=measure.goal,
        evaluate_by=measure.evaluate_by,
        status=measure.status,
        effect=measure.effect,
    )


def _form(form: FormState, acting: Acting) -> Form:
    return Form(
        form=form.ref,
        version=form.version,
        form_type=form.form_type,
        school_start=form.school_start,
        status=form.status,
        approved=acting.guardian in form.approved_by,
    )


def _may_approve(form: Form, *, guardian: bool) -> bool:
    return guardian and form.status is FormStatus.DRAFTED and not form.approved
