"""A meeting's items: brought, accepted, removed, decided on; and who may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from pydantic import JsonValue

from services.meetings.domain import linter
from services.meetings.domain.arena_rules import Authority
from services.meetings.domain.calling import CHILDRENS
from services.meetings.domain.meeting import (
    Item,
    ItemStatus,
    MeetingState,
    RemovalReason,
    Status,
    require,
)
from services.meetings.domain.modes import NamedBasis, NamedMatter, check_mode, judge_named, require_consent
from services.meetings.domain.projection import ConsentHistory, KnownCase, permits
from services.meetings.errors import (
    AnonymousItemHoldsCaseError,
    AnonymousOutcomeError,
    AuthorityMissingError,
    CaseClosedError,
    CaseElsewhereError,
    ConsentMissingError,
    ItemStateError,
    LiftsNowhereError,
    NamedItemIncompleteError,
    NotAnonymousError,
    OnlyHolderBringsNamedError,
    OutcomeIncompleteError,
)
from shared.contracts.base import EventData
from shared.contracts.codes import NOT_PUBLIC, InformationCategory, LegalBasis, Purpose, Role, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemLifted,
    AgendaItemRemoved,
    AskedContribution,
    ItemKind,
    ItemMode,
    ModePolicy,
    OutcomeRecorded,
    PlannedMeasure,
)
from shared.contracts.team import ContributionReason
from shared.refs import ArenaRef, CaseRef, ContributionRef, ItemRef, MeetingRef, UnitId

OutcomeCode = Literal["guidance-given", "measure-planned", "refer", "ask-consent", "follow-up", "no-action"]
WITHOUT_CASE: Final[frozenset[OutcomeCode]] = frozenset({"guidance-given", "ask-consent", "follow-up", "no-action"})
"""What can come of an item without a case: nothing is planned for anybody (seed rules 2, 4)."""


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be brought; everything about a child only when it is named."""

    item: ItemRef
    kind: ItemKind
    mode: ItemMode
    text: str
    case: CaseRef | None = None
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None


def check_text(text: str) -> None:
    """Refuse a text that could lead to a person, with the words that do (seed rules 2, 7).

    Raises:
        NotAnonymousError: names the words. They are answered to whoever typed them and kept nowhere.
    """
    if found := linter.find(text):
        words: list[JsonValue] = [{"word": each.word, "trace": each.trace} for each in found]
        raise NotAnonymousError(extensions={"found": words})


def _own_elsewhere(state: MeetingState, service: Service, unit: UnitId) -> bool:
    """Return whether another unit of the bringer's service takes part.

    Two schools do when a pupil changes school (seed rules 15-17); and where the service is invited and the unit is not named, all
    its units are.
    """
    return len(state.units) > len(state.invited & CHILDRENS) or (service in state.invited and unit not in state.units)


def matter_of(state: MeetingState, new: NewItem, service: Service | None, unit: UnitId | None) -> NamedMatter:
    """Return what a named item, brought by somebody of this service and unit, wants to speak of.

    Raises:
        NamedItemIncompleteError: its case, its categories or its purpose is missing.
        OnlyHolderBringsNamedError: no barnehage or school brings it (seed rule 5).
    """
    if new.case is None or not new.categories or new.purpose is None:
        raise NamedItemIncompleteError
    if service not in CHILDRENS or service is None or unit is None:
        raise OnlyHolderBringsNamedError
    return NamedMatter(
        case=new.case,
        unit=unit,
        own_service=service,
        own_elsewhere=_own_elsewhere(state, service, unit),
        categories=new.categories,
        purpose=new.purpose,
    )


def check_item(policy: ModePolicy, new: NewItem) -> None:
    """Refuse what needs no consent to be refused: the mode, a case on an item without one, a text that names somebody.

    This comes before anything is looked up, so that a refusal tells nothing about a case, and does not depend on one.

    Raises:
        MeetingsError: see `modes.check_mode`; `NotAnonymousError`; `AnonymousItemHoldsCaseError`.
    """
    check_mode(policy, new.kind, new.mode)
    if new.mode is not ItemMode.NAMED:
        if new.case is not None or new.categories or new.purpose is not None:
            raise AnonymousItemHoldsCaseError
        check_text(new.text)


def decide_add_item(
    state: MeetingState,
    new: NewItem,
    *,
    decides_agenda: bool,
    matter: NamedMatter | None = None,
    named: NamedBasis | None = None,
    basis: LegalBasis | None = None,
    interpreters: frozenset[str] = frozenset(),
    family: frozenset[Role] = frozenset(),
    lifted: bool = False,
) -> list[EventData]:
    """Bring an item; whoever decides the agenda has accepted it at once.

    So is an anonymous one, whoever brings it: whether it had to be accepted would tell from where it came (invariant 3).
    `matter`, `named` and `basis` are there exactly when it is named; `family` is as whom the child's family is invited then;
    `lifted` says that another arena lifted it to this one.

    Raises:
        NamedItemIncompleteError: it is named, and there is no basis for it.
    """
    meeting = require(state, Status.CALLED)
    added = AgendaItemAdded(meeting=meeting, item=new.item, kind=new.kind, mode=new.mode, lifted=lifted)
    if new.mode is ItemMode.NAMED:
        if matter is None or named is None or basis is None:
            raise NamedItemIncompleteError
        added = added.model_copy(
            update={
                "case": matter.case,
                "basis": basis,
                "consent": named.consent,
                "consent_version": named.version,
                "covered": named.covered,
                "covered_seats": tuple(
                    seat
                    for seat in state.seats
                    if seat.service in named.covered and seat.unit not in {None, matter.unit}
                ),
                "categories": matter.categories,
                "purpose": matter.purpose,
                "held_by_unit": matter.unit,
                "held_by": matter.own_service,
                "interpreters": interpreters,
                "family": family,
            }
        )
    if decides_agenda or new.mode is ItemMode.ANONYMOUS:
        return [added, AgendaItemAccepted(meeting=meeting, item=new.item)]
    return [added]


def decide_accept(state: MeetingState, item: ItemRef) -> list[EventData]:
    """Take a proposed item on the agenda."""
    meeting = require(state, Status.CALLED)
    require_item(state.item(item), ItemStatus.PROPOSED)
    return [AgendaItemAccepted(meeting=meeting, item=item)]


def decide_remove(state: MeetingState, item: ItemRef, reason: RemovalReason) -> list[EventData]:
    """Take an item off."""
    meeting = require(state, Status.PLANNED, Status.CALLED)
    require_item(state.item(item), ItemStatus.PROPOSED, ItemStatus.ACCEPTED)
    return [AgendaItemRemoved(meeting=meeting, item=item, reason=reason)]


def require_item(item: Item, *allowed: ItemStatus) -> None:
    """Refuse an item in another state.

    Raises:
        ItemStateError: it is in another state.
    """
    if item.status not in allowed:
        raise ItemStateError(extensions={"state": item.status, "allowed": [*allowed]})


def matter_of_item(state: MeetingState, item: Item) -> NamedMatter:
    """Return what a named item of the agenda speaks of.

    Raises:
        NamedItemIncompleteError: it is not named.
    """
    if item.case is None or item.held_by_unit is None or item.held_by is None or item.purpose is None:
        raise NamedItemIncompleteError
    return NamedMatter(
        case=item.case,
        unit=item.held_by_unit,
        own_service=item.held_by,
        own_elsewhere=_own_elsewhere(state, item.held_by, item.held_by_unit),
        categories=item.categories,
        purpose=item.purpose,
        consent=item.consent,
    )


# --- when consents change -----------------------------------------------------------------------------------------------


def decide_drop_lapsed(
    state: MeetingState, case: CaseRef, histories: Sequence[ConsentHistory], at: datetime, reason: RemovalReason
) -> list[EventData]:
    """Take off every item about `case` that was brought for a service which may no longer hear it.

    What is left of the consent may still carry it: then the unit brings it again, on that. Of a meeting that was held or
    cancelled nothing is taken off.
    """
    if state.meeting is None or state.status is not Status.CALLED:
        return []
    return [
        AgendaItemRemoved(meeting=state.meeting, item=item.item, reason=reason)
        for item in state.items
        if item.case == case
        and item.status in {ItemStatus.PROPOSED, ItemStatus.ACCEPTED}
        and not _still_carried(state, item, histories, at)
    ]


def decide_drop_without_case(state: MeetingState, known: KnownCase) -> list[EventData]:
    """Take off every item about a case that is closed, or that the unit which brought it has no more (seed rule 5).

    Whoever has it next decides whether it is brought again, and on which consent.
    """
    if state.meeting is None or state.status is not Status.CALLED:
        return []
    return [
        AgendaItemRemoved(meeting=state.meeting, item=item.item, reason="basis-lapsed")
        for item in state.items
        if item.case == known.case
        and item.status in {ItemStatus.PROPOSED, ItemStatus.ACCEPTED}
        and not (known.open and known.is_with(item.held_by_unit))
    ]


def _still_carried(state: MeetingState, item: Item, histories: Sequence[ConsentHistory], at: datetime) -> bool:
    try:
        judged = judge_named(matter_of_item(state, item), item.covered, histories, at, guardians=0)
    except ConsentMissingError:
        return False
    return not judged.leaves


# --- who may see --------------------------------------------------------------------------------------------------------


def may_hear(
    item: Item,
    service: Service | None,
    histories: Sequence[ConsentHistory],
    at: datetime,
    *,
    own: bool,
    own_family: bool = False,
) -> bool:
    """Return whether somebody of this service, who has a seat, may be shown `item` at that moment.

    `own` says that they are of the unit that brought it and still has the case: that one needs no consent. `own_family` says that
    it is their own child's, with whom they have nothing to do at work, whatever consent there is (forvaltningsloven § 6). Business
    and voluntary organisations hear of nobody by name, also where their unit is said to have the case (seed rule 45).
    """
    if item.status is ItemStatus.REMOVED or own_family:
        return False
    if item.mode is not ItemMode.NAMED:
        return True
    if service is None or service in NOT_PUBLIC or item.purpose is None:
        return False
    if own:
        return True
    return any(
        permits(history, service, item.categories, item.purpose, at) is not None
        for history in histories
        if history.case == item.case and (history.consent == item.consent or history.held_by(item.held_by_unit, at))
    )


# --- outcomes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Above:
    """The arena to which another lifts what it does not solve itself (seed rules 68, 69)."""

    arena: ArenaRef
    arena_type: str
    policy: ModePolicy
    called_by: frozenset[Role]
    led_by: UnitId | None
    """Whose leaders call it, when leaders do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided on an item."""

    item: ItemRef
    decision: OutcomeCode
    text: str = ""
    measures: tuple[PlannedMeasure, ...] = ()
    join_team: frozenset[Service] = frozenset()
    ask: tuple[Ask, ...] = ()
    lift: bool = False
    """The arena does not solve it itself: it goes on to the one that it lifts to."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a service is asked for (seed rules 82, 116)."""

    contribution: ContributionRef
    service: Service
    unit: UnitId | None
    reason: ContributionReason
    respond_by: datetime | None


def decide_outcome(
    state: MeetingState,
    outcome: Outcome,
    histories: Sequence[ConsentHistory],
    at: datetime,
    *,
    known: KnownCase | None,
    authority: Authority | None,
    above: Above | None = None,
) -> list[EventData]:
    """Record what was decided on a discussed item; `known` is its case, `authority` what the arena's members may decide.

    `above` is the arena to which this one lifts: what is lifted is on its way there from now on (seed rules 68, 69).

    A service that gets a part in it (owner of a measure, member of the team, asked to contribute) must be inside the consent now,
    when it is written down, not only when it was discussed (seed rules 4, 26, 62, 71).

    Raises:
        MeetingStateError: the meeting is not held, or its minutes were approved after the item was recorded as discussed.
        AnonymousOutcomeError: something is planned for a child that the item does not name.
        OutcomeIncompleteError: measures without the decision to plan one, or the reverse; evaluated, or to be answered, in the
            past; a barnehage or school that is asked is not named; or the unit asks itself.
        CaseClosedError: something is planned for a child whose case is closed.
        AuthorityMissingError: a measure is put on a service that was not there, or that could not decide (seed rules 62, 71, 72).
        ConsentMissingError: a service with a part in it is outside the consent.
        MeetingsError: it is lifted, see `_lifted`.
    """
    meeting = require(state, Status.HELD, Status.MINUTES_APPROVED)
    item = state.item(outcome.item)
    if not item.after_minutes:
        require(state, Status.HELD)
    require_item(item, ItemStatus.DISCUSSED)
    if item.mode is not ItemMode.NAMED:
        if outcome.measures or outcome.join_team or outcome.ask or outcome.decision not in WITHOUT_CASE:
            raise AnonymousOutcomeError
        check_text(outcome.text)
        recorded = OutcomeRecorded(meeting=meeting, item=item.item, mode=item.mode, decision=outcome.decision)
        return [recorded, *_lifted(meeting, item, outcome, above, None)]
    if bool(outcome.measures) != (outcome.decision == "measure-planned"):
        raise OutcomeIncompleteError
    if any(measure.evaluate_by <= at for measure in outcome.measures):
        raise OutcomeIncompleteError
    matter = matter_of_item(state, item)
    if not all(_can_be_asked(ask, matter, at) for ask in outcome.ask):
        raise OutcomeIncompleteError
    asked = frozenset(ask.service for ask in outcome.ask)
    involved = outcome.join_team | asked | {measure.owner for measure in outcome.measures}
    if involved and (known is None or not known.open):
        raise CaseClosedError
    _check_authority(authority, item, matter.own_service, frozenset(measure.owner for measure in outcome.measures))
    if matter.own_service in asked:
        # Another unit of the bringer's own service needs the consent, as any service does.
        matter = replace(matter, own_elsewhere=True)
    if (involved - {matter.own_service}) | asked:
        guardians = 0 if known is None else known.guardians
        require_consent(matter, involved, histories, at, guardians=guardians)
    return [
        OutcomeRecorded(
            meeting=meeting,
            item=item.item,
            mode=item.mode,
            decision=outcome.decision,
            case=item.case,
            measures=outcome.measures,
            join_team=outcome.join_team,
            contributions=tuple(
                AskedContribution(
                    contribution=ask.contribution,
                    service=ask.service,
                    unit=ask.unit,
                    reason=ask.reason,
                    categories=matter.categories,
                    purpose=matter.purpose,
                    respond_by=ask.respond_by,
                )
                for ask in outcome.ask
            ),
        ),
        *_lifted(meeting, item, outcome, above, known),
    ]


def _lifted(
    meeting: MeetingRef, item: Item, outcome: Outcome, above: Above | None, known: KnownCase | None
) -> list[EventData]:
    """Lift the item, when that was decided. Who may hear it there is judged there, for those who are invited (seed rules 4, 68).

    Raises:
        LiftsNowhereError: the arena lifts to none.
        OutcomeIncompleteError: nothing is to be done about it, so that there is nothing to lift.
        CaseClosedError: it is named, and its case is closed.
        CaseElsewhereError: its case is no longer the unit's that brought it.
        MeetingsError: the other arena takes no such item, see `modes.check_mode`: on system level no child (seed rule 172).
    """
    if not outcome.lift:
        return []
    if above is None:
        raise LiftsNowhereError
    if outcome.decision == "no-action":
        raise OutcomeIncompleteError
    check_mode(above.policy, item.kind, item.mode)
    if item.mode is ItemMode.NAMED:
        if known is None or not known.open:
            raise CaseClosedError
        if not known.is_with(item.held_by_unit):
            raise CaseElsewhereError
    return [
        AgendaItemLifted(
            meeting=meeting,
            item=item.item,
            mode=item.mode,
            to=above.arena,
            to_type=above.arena_type,
            called_by=above.called_by,
            led_by=above.led_by,
        )
    ]


def _check_authority(authority: Authority | None, item: Item, own: Service, owners: frozenset[Service]) -> None:
    """Refuse what those who stayed for the item could not decide; where the profile states nothing of it, nothing is refused.

    Raises:
        AuthorityMissingError: members design no measures here, or an owner neither stayed for the item nor brought it.
    """
    if authority is None or not owners:
        return
    may = {own} | (item.attended_by if authority.decide_for_service else frozenset())
    if unbound := owners if not authority.design_measures else owners - may:
        raise AuthorityMissingError(extensions={"services": [*sorted(unbound)]})


def _can_be_asked(ask: Ask, matter: NamedMatter, at: datetime) -> bool:
    named = ask.unit is not None if ask.service in CHILDRENS else ask.unit is None
    itself = ask.service is matter.own_service and ask.unit == matter.unit
    return named and not itself and (ask.respond_by is None or ask.respond_by > at)
