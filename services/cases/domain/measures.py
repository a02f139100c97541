"""Measures (tiltak): owner, goal, indicator, evaluation date. What has no effect does not just go on (seed rules 88-90)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.consent import require_consent
from services.cases.domain.contributions import DecidedContribution, decide_ask_there
from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.hearing import Hearing, require_heard
from services.cases.domain.levels import step_up
from services.cases.domain.measure_lifecycles import MEASURE, OVERLAP
from services.cases.domain.profile import CasesProfile
from services.cases.domain.rules import Rules
from services.cases.domain.shown import Permit
from services.cases.domain.state import CaseState, MeasureState, RefusedOutcome, Stage
from services.cases.domain.team_profile import ContributionRule
from services.cases.errors import (
    CaseError,
    CaseNotOpenError,
    EvaluationDateError,
    EvaluationTooLateError,
    MeasureStoppedError,
    MustChangeError,
    NoEffectBeforeError,
    NotPermittedError,
    OfferAboveLevelError,
    OfferRetiredError,
    OfferUnknownError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    Effect,
    EvaluationOutcome,
    LevelReason,
    MeasureChanged,
    MeasureEvaluated,
    MeasureOverlapSuspected,
    MeasurePlanned,
    MeasureStopped,
    NewReason,
    OutcomeRefused,
    RefusedContribution,
    RefusedMeasure,
    TeamMemberAdded,
    TeamMemberRemoved,
)
from shared.contracts.codes import Service
from shared.refs import GoalRef, ItemRef, MeasureRef, MeetingRef, UnitId


class NewMeasure(Model):
    """One measure to plan; its goal's words are in the vault, or in the minutes of the meeting that decided it."""

    measure: MeasureRef
    goal: GoalRef
    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    owner: Service
    owner_unit: UnitId | None = None
    indicator: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: AwareDatetime
    new_reason: NewReason | None = None


class PlanMeasure(Model):
    """Put in a measure."""

    by: Acting
    what: NewMeasure


class MeetingOutcome(Model):
    """What a meeting decided on a named item: nobody types it twice (seed rules 26, 88, 141)."""

    meeting: MeetingRef
    item: ItemRef
    measures: tuple[NewMeasure, ...]
    join_team: frozenset[Service]
    contributions: tuple[DecidedContribution, ...] = ()


class EvaluateMeasure(Model):
    """What the indicator showed, and what follows."""

    by: Acting
    measure: MeasureRef
    effect: Effect
    outcome: EvaluationOutcome
    evaluate_by: AwareDatetime | None = None
    """The next evaluation, when the measure goes on."""
    with_service: Service | None = None
    """When it is stepped up to the highest level: the specialist service that comes in."""


def decide_plan(state: CaseState, command: PlanMeasure, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Plan a measure; a service that is to carry it out joins the team, inside the consent (seed rules 26, 87, 88, 141).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        OfferUnknownError, OfferRetiredError, OfferAboveLevelError: it is not on the ladder here and now (seed rules 166, 181).
        EvaluationDateError, EvaluationTooLateError: it would be evaluated in the past, or too late.
        NoEffectBeforeError: it had no effect before, and no new reason is given (seed rule 90).
        ConsentMissingError: no consent covers its owner.
    """
    access.require(state, Action.PLAN_MEASURE, command.by, now)
    what = command.what
    if not is_home(state, what.owner):
        require_consent(state, service=what.owner, categories=frozenset(), purpose=None, now=now)
    return [
        *_planned(state, what, now, rules),
        *joined(state, [(what.owner, what.measure)], now),
    ]


def decide_outcome(
    state: CaseState,
    outcome: MeetingOutcome,
    now: datetime,
    rules: Rules,
    hearing: Hearing,
    asking: ContributionRule | None = None,
) -> list[CaseEvent]:
    """Plan what a meeting decided, from its event alone; a measure that is known already is left as it is.

    `asking` is the municipality's rule for what services are asked for; it is there where the meeting decided to ask.

    What the rules refuse does not happen, and holds nothing else back: `OutcomeRefused` says what, and why. A service that no
    consent covers does not join: the meeting's word is not a basis. Of an erased case there is nothing to say.
    """
    if state.case is None or state.stage is Stage.ERASED:
        return []
    happened: list[CaseEvent] = []
    done: list[NewMeasure] = []
    refused: list[RefusedMeasure] = []
    for what in outcome.measures:
        present = fold(state, happened)
        if what.measure in present.measures:
            continue
        try:
            happened.extend(_planned_there(present, what, outcome, now, rules, hearing))
            done.append(what)
        except CaseError as error:
            refused.append(RefusedMeasure(measure=what.measure, code=what.code, owner=what.owner, reason=error.code))
    because = {what.owner: what.measure for what in reversed(done)}
    first = done[0].measure if done else None
    wanted = [*because.items(), *((one, first) for one in sorted(outcome.join_team) if one not in because)]
    added = joined(state, wanted, now) if state.stage is Stage.OPEN else []
    team = {*state.team, *(one.service for one in added)}
    outside = frozenset(one for one, _ in wanted if one not in team and not is_home(state, one))
    happened.extend(added)
    unasked: list[RefusedContribution] = []
    for ask in outcome.contributions:
        assert asking is not None, "where a meeting asks, the municipality's rule is known"
        try:
            happened.extend(decide_ask_there(fold(state, happened), ask, outcome.meeting, now, asking))
        except CaseError as error:
            unasked.append(RefusedContribution(contribution=ask.contribution, service=ask.service, reason=error.code))
    told = RefusedOutcome(
        meeting=outcome.meeting,
        item=outcome.item,
        measures=tuple(refused),
        services=outside,
        contributions=tuple(unasked),
    )
    if (refused or outside or unasked) and told not in state.refused_outcomes:
        happened.append(OutcomeRefused(case=state.case, **dict(told)))
    return happened


def decide_evaluate(state: CaseState, command: EvaluateMeasure, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Evaluate a measure; without effect it is stopped, changed or stepped up, never just continued (seed rules 89, 90).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; a team member evaluates its own measures only.
        UnknownPartError, MeasureStoppedError: there is no such measure, or it has ended.
        MustChangeError: no effect, and it would just go on.
        EvaluationDateError, EvaluationTooLateError: it goes on without a next date, or with one in the past or too late.
        HighestLevelError, CompetenceMissingError, ConsentMissingError: as `levels.step_up`.
    """
    allowed = access.require(state, Action.EVALUATE_MEASURE, command.by, now)
    measure = own_measure(state, command.measure, command.by, allowed)
    if not MEASURE.allows(measure.status, MeasureEvaluated):
        raise MeasureStoppedError
    if command.effect is Effect.NONE and command.outcome is EvaluationOutcome.CONTINUE:
        raise MustChangeError
    stopped = _stop_reason(command)
    latest = evaluate_before(now, rules)
    if stopped is None:
        require_evaluation_date(command.evaluate_by, now, latest)
    case = ref_of(state)
    happened: list[CaseEvent] = [
        MeasureEvaluated(
            case=case,
            measure=measure.ref,
            effect=command.effect,
            outcome=command.outcome,
            evaluate_by=command.evaluate_by if stopped is None else None,
            evaluate_before=latest if stopped is None else None,
        )
    ]
    if stopped is not None:
        happened.append(MeasureStopped(case=case, measure=measure.ref, reason=stopped))
        happened.extend(left(state, measure.ref, measure.owner))
    if command.outcome is EvaluationOutcome.ESCALATE:
        reason = LevelReason.NO_EFFECT if command.effect is Effect.NONE else LevelReason.ASSESSMENT
        happened.append(step_up(state, reason, now, rules, evaluation=measure.ref, with_service=command.with_service))
    return happened


def own_measure(state: CaseState, ref: MeasureRef, by: Acting, allowed: Permit) -> MeasureState:
    """Return the measure that `by` may carry out: the holder every one, a service in the team its own.

    Raises:
        UnknownPartError: there is no such measure.
        NotPermittedError: it is another service's.
    """
    measure = state.measures.get(ref)
    if measure is None:
        raise UnknownPartError
    if allowed.relation is Relation.TEAM_MEMBER and measure.owner is not by.service:
        raise NotPermittedError("not-own-measure")
    return measure


def evaluate_before(since: datetime, rules: Rules) -> datetime:
    """Return how long the municipality lets a measure that began, or was evaluated, at `since` go on without an evaluation."""
    return add_days(since, 7 * rules.municipal.deadlines.evaluate.weeks)


def require_evaluation_date(evaluate_by: datetime | None, now: datetime, latest: datetime) -> None:
    """Evaluation is tight: on a day ahead, and no later than `latest` (seed rules 88, 89).

    Raises:
        EvaluationDateError: there is none, or it has passed.
        EvaluationTooLateError: it is further ahead.
    """
    if evaluate_by is None or evaluate_by <= now:
        raise EvaluationDateError
    if evaluate_by > latest:
        raise EvaluationTooLateError(extensions={"latest": latest.isoformat()})


def _planned(
    state: CaseState,
    what: NewMeasure,
    now: datetime,
    rules: Rules,
    meeting: MeetingRef | None = None,
    item: ItemRef | None = None,
) -> list[CaseEvent]:
    _require_offer(what.code, state.level, oslo_day(now), rules.municipal)
    latest = evaluate_before(now, rules)
    require_evaluation_date(what.evaluate_by, now, latest)
    fruitless = [one for one in state.measures.values() if one.code == what.code and one.effect is Effect.NONE]
    if fruitless and what.new_reason is None:
        raise NoEffectBeforeError(extensions={"measures": [one.ref for one in fruitless]})
    planned = MeasurePlanned(
        case=ref_of(state),
        measure=what.measure,
        code=what.code,
        level=state.level,
        owner=what.owner,
        owner_unit=None if state.address_protected else what.owner_unit,
        goal=what.goal,
        indicator=what.indicator,
        evaluate_by=what.evaluate_by,
        meeting=meeting,
        item=item,
        new_reason=what.new_reason,
        evaluate_before=latest,
    )
    return [planned, *overlapping(state, planned, what.code, rules.municipal)]


def _planned_there(
    state: CaseState, what: NewMeasure, outcome: MeetingOutcome, now: datetime, rules: Rules, hearing: Hearing
) -> Sequence[CaseEvent]:
    """Plan one measure of a meeting's.

    Raises:
        CaseNotOpenError, ChildViewMissingError: the case is not open; the child was not heard before it (seed rule 99).
        OfferUnknownError, EvaluationDateError, NoEffectBeforeError and so on: as `decide_plan`.
    """
    if state.stage is not Stage.OPEN:
        raise CaseNotOpenError
    planned = _planned(state, what, now, rules, meeting=outcome.meeting, item=outcome.item)
    return require_heard(state, planned, now, hearing)


def _require_offer(code: str, level: int, day: date, profile: CasesProfile) -> None:
    """What is put in belongs to the case's level or below, and is believed in (seed rules 166, 181, 182)."""
    allowed = sorted(one.code for one in profile.offers_at(level, day))
    offer = profile.offer(code)
    if offer is None:
        raise OfferUnknownError(extensions={"allowed": [*allowed]})
    if not offer.offered_on(day) and offer.retired is not None:
        raise OfferRetiredError(extensions={"because": offer.retired.because.value, "allowed": [*allowed]})
    if offer.level > level:
        raise OfferAboveLevelError(extensions={"offer_level": offer.level, "case_level": level, "allowed": [*allowed]})


def overlapping(
    state: CaseState, placed: MeasurePlanned | MeasureChanged, code: str, profile: CasesProfile
) -> list[CaseEvent]:
    """Two units that do much the same for one child are told of each other (seed rules 49, 161); other cases: `elsewhere.py`.

    They come to do so when a measure is planned, or given to another unit; what they were told of before is not said again.
    """
    before = state.overlaps.get(placed.measure)
    if not OVERLAP.allows(None if before is None else before.status, MeasureOverlapSuspected):
        return []
    others: list[MeasureRef] = []
    group = None
    told = {one.measure for one in state.overlaps.values() if placed.measure in one.others}
    here = carried_out_at(state, placed.owner, placed.owner_unit)
    for other in state.measures.values():
        shared = profile.overlapping(code, other.code)
        elsewhere = carried_out_at(state, other.owner, other.owner_unit) != here
        if shared is not None and other.runs and elsewhere and other.ref not in {placed.measure, *told}:
            others.append(other.ref)
            group = group or shared
    if group is None:
        return []
    return [MeasureOverlapSuspected(case=placed.case, measure=placed.measure, others=tuple(others), overlap=group.code)]


def carried_out_at(state: CaseState, owner: Service, unit: UnitId | None) -> tuple[Service, UnitId | None]:
    """Return where a measure is carried out: the holder's own service is its own unit, when no other is named."""
    holder = state.holder
    return owner, unit or (holder.unit if holder is not None and is_home(state, owner) else None)


def joined(
    state: CaseState, joining: Sequence[tuple[Service, MeasureRef | None]], now: datetime
) -> list[TeamMemberAdded]:
    """Let services join the team, each because of a measure, where a consent covers it (seed rules 26, 87)."""
    added = []
    for service, because_of in joining:
        consent = state.consent_covering(now, service)
        if consent is None or is_home(state, service) or service in state.team:
            continue
        added.append(TeamMemberAdded(case=ref_of(state), service=service, because_of=because_of, consent=consent.ref))
    return added


def is_home(state: CaseState, service: Service) -> bool:
    """Return whether it is the service of the unit that holds the baton: it needs no consent."""
    return state.holder is not None and state.holder.service is service


def _stop_reason(command: EvaluateMeasure) -> Literal["no-effect", "goal-reached", "withdrawn"] | None:
    if command.effect is Effect.NONE:
        return "no-effect"
    if command.outcome is EvaluationOutcome.STOP:
        return "goal-reached" if command.effect is Effect.REACHED else "withdrawn"
    if command.outcome is EvaluationOutcome.OTHER:
        return "withdrawn"
    return None


def left(state: CaseState, ended: MeasureRef, owner: Service) -> list[TeamMemberRemoved]:
    """Membership follows measures (seed rule 26): a service without another running measure leaves, unless it was asked in."""
    member = state.team.get(owner)
    others = [one for one in state.measures.values() if one.owner is owner and one.ref != ended]
    if member is None or member.because_of is None or any(one.runs for one in others):
        return []
    return [TeamMemberRemoved(case=ref_of(state), service=owner, reason="measure-ended")]
