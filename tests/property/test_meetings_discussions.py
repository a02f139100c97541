"""Invariants 2, 3 and 5 over whole meetings: whatever is tried, in whatever order, while guardians change their minds.

A machine plays a unit, its guardians and its ressursteam at random, with the real decisions. Beside it stands an oracle that
knows nothing of projections: it keeps what was consented to, minute by minute.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.meetings.domain.agenda import (
    Above,
    Ask,
    NewItem,
    Outcome,
    check_item,
    decide_accept,
    decide_add_item,
    decide_drop_lapsed,
    decide_drop_without_case,
    decide_outcome,
    decide_remove,
    matter_of,
    may_hear,
)
from services.meetings.domain.answering import Given, decide_answer
from services.meetings.domain.holding import Discussion, Holding, decide_discussed_anonymously, decide_hold
from services.meetings.domain.invitation import Standing
from services.meetings.domain.lifting import LiftedStanding, decide_withdraw
from services.meetings.domain.meeting import (
    MEETING,
    ItemStatus,
    MeetingState,
    NewMeeting,
    Status,
    decide_approve_minutes,
    decide_call,
    decide_cancel,
    decide_close,
    decide_reschedule,
)
from services.meetings.domain.modes import ALLOWED, judge_named
from services.meetings.domain.own_family import Families, family_seats, leaving, leaving_services
from services.meetings.domain.profile import read_profile
from services.meetings.domain.projection import ConsentHistory, KnownCase, Stay, learned, merge, present
from services.meetings.errors import CaseClosedError, MeetingsError
from services.meetings.settings import MeetingsSettings
from shared.actor_names import ActorNames, KnownActors
from shared.contracts.base import EventData
from shared.contracts.cases import (
    ConsentEvent,
    ConsentGranted,
    ConsentNarrowed,
    ConsentRequested,
    ConsentWithdrawn,
    EvidenceForm,
    FamilyMark,
)
from shared.contracts.codes import GrantorClass, InformationCategory, LegalBasis, Purpose, Role, Scope, Service
from shared.contracts.meetings import (
    AgendaItemAdded,
    AgendaItemLifted,
    AgendaItemLiftWithdrawn,
    Attendance,
    CaseDiscussed,
    InvitationAnswer,
    ItemKind,
    ItemMode,
    ModePolicy,
    OutcomeRecorded,
    PlannedMeasure,
    Seat,
)
from shared.contracts.team import ContributionReason
from shared.refs import (
    ActorId,
    ArenaRef,
    CaseRef,
    ConsentRef,
    ContributionRef,
    DocumentRef,
    ItemRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    UnitId,
)
from shared.testing.ids import SeededIds

FOLDER = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILE = read_profile((FOLDER / "notodden.yaml").read_text(encoding="utf-8"), "notodden.yaml")
TEAM = PROFILE.arena("ressursteam")
LIA = UnitId("unit:lia-barnehage")
HAUGEN = UnitId("unit:haugen-barnehage")
SCOPE = LogScope("4005")
MEMBERS = (Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)
CATEGORIES = (InformationCategory.LANGUAGE, InformationCategory.DEVELOPMENT)
CASES = tuple(CaseRef("cas_" + letter * 26) for letter in "bc")
BASIS = LegalBasis(code="consent", version="2018-07-20")
BEGIN = datetime(2026, 9, 22, 8, 0, tzinfo=UTC)
ARENA = ArenaRef("arn_" + "b" * 26)
ABOVE = ArenaRef("arn_" + "c" * 26)
KNOWN = KnownActors(ActorNames(b"n" * 32))
EMPLOYEES = tuple(KNOWN.names.of_subject("issuer", name) for name in ("ada", "bo", "cleo"))
"""Some of them are of the family of one of the children, in turn."""
FIELDS_OF_NOBODY = {
    "meeting",
    "item",
    "kind",
    "mode",
    "decision",
    "lifted",
    "to",
    "to_type",
    "called_by",
    "led_by",
    "covered",
    "covered_seats",
    "categories",
    "attended_by",
    "measures",
    "join_team",
    "contributions",
    "interpreters",
    "family",
    "guardians_present",
    "child",
    "child_absence",
}


@dataclass
class Span:
    """What one consent allowed, from a moment until another."""

    consent: ConsentRef
    case: CaseRef
    scope: Scope
    begun: datetime
    ended: datetime | None = None

    def allows(self, case: CaseRef, service: Service, categories: frozenset[InformationCategory], at: datetime) -> bool:
        return (
            self.case == case
            and service in self.scope.services
            and categories <= self.scope.categories
            and self.begun <= at
            and (self.ended is None or at < self.ended)
        )


class Oracle:
    """What guardians said, minute by minute."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def open(self, consent: ConsentRef, case: CaseRef, scope: Scope, at: datetime) -> None:
        self.spans.append(Span(consent, case, scope, at))

    def close(self, consent: ConsentRef, at: datetime) -> None:
        for span in self.spans:
            if span.consent == consent and span.ended is None:
                span.ended = at

    def allowed(
        self, case: CaseRef, service: Service, categories: frozenset[InformationCategory], at: datetime
    ) -> bool:
        return any(span.allows(case, service, categories, at) for span in self.spans)


class Meetings(RuleBasedStateMachine):
    """One ressursteam, two cases, guardians who change their minds."""

    @initialize(policy=st.sampled_from([ModePolicy.ANONYMOUS_BY_DEFAULT, ModePolicy.NAMED, *ModePolicy]))
    def begin(self, policy: ModePolicy) -> None:
        assert TEAM is not None
        mode = TEAM.mode.model_copy(update={"policy": policy})
        self.arena = TEAM.model_copy(update={"mode": mode})
        self.now = BEGIN
        self.ids = SeededIds(1)
        self.oracle = Oracle()
        self.histories: dict[ConsentRef, ConsentHistory] = {}
        self.live: dict[ConsentRef, tuple[CaseRef, Scope, int]] = {}
        self.cases = {
            case: KnownCase(case, SCOPE, LIA, 2, open=True, elsewhere=False, stays=(Stay(since=BEGIN, unit=LIA),))
            for case in CASES
        }
        self.open_from: dict[CaseRef, list[datetime]] = {case: [BEGIN] for case in CASES}
        self.open_to: dict[CaseRef, list[datetime]] = {case: [] for case in CASES}
        self.kin: set[tuple[CaseRef, ActorId]] = set()
        self.said: dict[CaseRef, dict[ActorId, FamilyMark]] = {case: {} for case in CASES}
        self.call_a_meeting()
        self.guardians_consent(CASES[0], frozenset(MEMBERS[:2]), frozenset(CATEGORIES))

    def call_a_meeting(self) -> None:
        self.meeting = MeetingRef(self.ids.ref("mtg"))
        self.state = MeetingState()
        self.events: list[EventData] = []
        self.takers: dict[Seat, ActorId] = {}
        new = NewMeeting(
            meeting=self.meeting,
            arena=ARENA,
            arena_type="ressursteam",
            unit=LIA,
            units=frozenset({LIA}),
            starts_at=self.now + timedelta(hours=2),
            minutes=90,
            invited=frozenset({*MEMBERS, Service.BARNEHAGE}),
            extra=False,
            seats=(*(Seat(service=service) for service in MEMBERS), Seat(service=Service.BARNEHAGE, unit=LIA)),
        )
        self.do(lambda state: decide_call(state, new))

    @precondition(lambda self: self.state.status not in {Status.CALLED, Status.HELD})
    @rule()
    def call_another(self) -> None:
        self.call_a_meeting()

    def do(self, decide: Callable[[MeetingState], Sequence[EventData]]) -> bool:
        try:
            decided = list(decide(self.state))
        except MeetingsError:
            return False
        self.events += decided
        self.state = MEETING.fold(self.state, decided)
        return True

    def learn(self, *events: ConsentEvent) -> None:
        for event in events:
            news = learned(event, self.now)
            self.histories[event.consent] = merge(self.histories.get(event.consent, news), news)

    def known(self) -> list[ConsentHistory]:
        return list(self.histories.values())

    # --- time and guardians -------------------------------------------------------------------------------------------

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(
        case=st.sampled_from(CASES),
        services=st.frozensets(st.sampled_from(MEMBERS), min_size=1),
        categories=st.frozensets(st.sampled_from(CATEGORIES), min_size=1),
    )
    def guardians_consent(
        self, case: CaseRef, services: frozenset[Service], categories: frozenset[InformationCategory]
    ) -> None:
        consent = ConsentRef(self.ids.ref("cst"))
        scope = Scope(services=services, categories=categories, purposes=frozenset({Purpose.ASSESSMENT}))
        valid_from, valid_to = date(2026, 1, 1), date(2027, 12, 31)
        needed: dict[GrantorClass, int] = {GrantorClass.GUARDIAN: 1}
        self.learn(
            ConsentRequested(
                case=case,
                consent=consent,
                version=1,
                scope=scope,
                valid_from=valid_from,
                valid_to=valid_to,
                held_by_unit=LIA,
                needed=needed,
                languages=frozenset({"nb"}),
            ),
            ConsentGranted(
                case=case,
                consent=consent,
                version=1,
                grantor=GrantorClass.GUARDIAN,
                ordinal=1,
                evidence=EvidenceForm.WRITTEN,
                active=True,
                scope=scope,
                valid_from=valid_from,
                valid_to=valid_to,
            ),
        )
        self.oracle.open(consent, case, scope, self.now)
        self.live[consent] = (case, scope, 1)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), gone=st.sampled_from(MEMBERS))
    def guardians_narrow(self, data: st.DataObject, gone: Service) -> None:
        consent = data.draw(st.sampled_from(sorted(self.live)))
        case, scope, version = self.live[consent]
        left = scope.model_copy(update={"services": scope.services - {gone}})
        if left == scope:
            return
        self.learn(
            ConsentNarrowed(
                case=case, consent=consent, version=version + 1, scope=left, ended=scope, effective_at=self.now
            )
        )
        self.oracle.close(consent, self.now)
        self.oracle.open(consent, case, left, self.now)
        self.live[consent] = (case, left, version + 1)
        self.clear(case)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def guardians_withdraw(self, data: st.DataObject) -> None:
        consent = data.draw(st.sampled_from(sorted(self.live)))
        case, scope, version = self.live.pop(consent)
        self.learn(
            ConsentWithdrawn(case=case, consent=consent, version=version + 1, ended=scope, effective_at=self.now)
        )
        self.oracle.close(consent, self.now)
        self.clear(case)

    def clear(self, case: CaseRef) -> None:
        at = present(self.known(), self.now)
        self.do(lambda state: decide_drop_lapsed(state, case, self.known(), at, "consent-withdrawn"))

    # --- the case -----------------------------------------------------------------------------------------------------

    @rule(case=st.sampled_from(CASES), how=st.sampled_from(["closed", "handed", "back", "back"]))
    def the_case_goes_on(self, case: CaseRef, how: str) -> None:
        """It is closed, or goes to another unit; or comes back to this one, open."""
        known = self.cases[case]
        match how:
            case "closed":
                after = replace(known, open=False)
            case "handed":
                after = replace(known, open=True, unit=HAUGEN)
            case _:
                after = replace(known, open=True, unit=LIA)
        after = replace(after, stays=(*known.stays, Stay(since=self.now, unit=after.unit if after.open else None)))
        self.cases[case] = after
        was, now = (each.open and each.unit == LIA for each in (known, after))
        if was and not now:
            self.open_to[case].append(self.now)
        if now and not was:
            self.open_from[case].append(self.now)
        self.do(lambda state: decide_drop_without_case(state, after))

    def was_here(self, case: CaseRef, at: datetime) -> bool:
        ends = [*self.open_to[case], datetime.max.replace(tzinfo=UTC)]
        return any(begun <= at < ended for begun, ended in zip(self.open_from[case], ends, strict=False))

    # --- whose own child it is ----------------------------------------------------------------------------------------

    @rule(case=st.sampled_from(CASES), actor=st.sampled_from(EMPLOYEES), wrongly=st.booleans())
    def it_is_said_who_is_of_the_family(self, case: CaseRef, actor: ActorId, wrongly: bool) -> None:
        """Somebody turns out to be the child's parent, or never was and was recorded wrongly."""
        if wrongly:
            self.kin.discard((case, actor))
            self.said[case].pop(actor, None)
            return
        self.kin.add((case, actor))
        ordinal = EMPLOYEES.index(actor) + 1
        self.said[case][actor] = FamilyMark(person="guardian", ordinal=ordinal, marks=KNOWN.family_marks(case, actor))

    def families(self) -> Families:
        """Return what the events have told."""
        return Families(
            KNOWN,
            {case: frozenset(mark for one in of.values() for mark in one.marks) for case, of in self.said.items()},
        )

    @precondition(lambda self: self.state.status is Status.CALLED)
    @rule(service=st.sampled_from(MEMBERS), actor=st.sampled_from(EMPLOYEES), comes=st.booleans())
    def somebody_answers_for_a_seat(self, service: Service, actor: ActorId, comes: bool) -> None:
        seat, arena = Seat(service=service), self.arena
        given = Given(InvitationAnswer.ACCEPTED if comes else InvitationAnswer.DECLINED)
        if self.do(lambda state: decide_answer(state, PROFILE, arena, seat, None, given, self.now)):
            self.takers[seat] = actor

    # --- the agenda ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.state.status is Status.CALLED and self.live)
    @rule(data=st.data(), decides=st.booleans())
    def bring_named(self, data: st.DataObject, decides: bool) -> None:
        case, scope, _ = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        categories = data.draw(st.frozensets(st.sampled_from(sorted(scope.categories)), min_size=1))
        self.bring(ItemKind.CASE, ItemMode.NAMED, case, categories, decides=decides)

    @precondition(lambda self: self.state.status is Status.CALLED)
    @rule()
    def bring_anonymous(self) -> None:
        self.bring(ItemKind.CASE, ItemMode.ANONYMOUS, None, frozenset(), decides=False)

    @rule(
        kind=st.sampled_from(ItemKind),
        mode=st.sampled_from(ItemMode),
        case=st.none() | st.sampled_from(CASES),
        categories=st.frozensets(st.sampled_from(CATEGORIES)),
        decides=st.booleans(),
    )
    def bring(
        self,
        kind: ItemKind,
        mode: ItemMode,
        case: CaseRef | None,
        categories: frozenset[InformationCategory],
        decides: bool,
    ) -> None:
        purpose = Purpose.ASSESSMENT if case else None
        new = NewItem(ItemRef(self.ids.ref("itm")), kind, mode, "Språk og lek.", case, categories, purpose)

        def decide(state: MeetingState) -> list[EventData]:
            check_item(self.arena.mode.policy, new)
            if mode is not ItemMode.NAMED:
                return decide_add_item(state, new, decides_agenda=decides)
            matter = matter_of(state, new, Service.BARNEHAGE, LIA)
            known = self.cases[matter.case]
            if not (known.open and known.is_with(LIA)):
                raise CaseClosedError
            at = present(self.known(), self.now)
            named = judge_named(matter, state.invited, self.known(), at, guardians=2)
            return decide_add_item(state, new, decides_agenda=decides, matter=matter, named=named, basis=BASIS)

        self.do(decide)

    @precondition(lambda self: self.state.items)
    @rule(data=st.data(), remove=st.booleans())
    def accept_or_remove(self, data: st.DataObject, remove: bool) -> None:
        item = data.draw(st.sampled_from(self.state.items)).item
        self.do(lambda state: decide_remove(state, item, "by-request") if remove else decide_accept(state, item))

    def accept_everything(self) -> None:
        for item in self.state.items:
            self.do(lambda state, item=item: decide_accept(state, item.item))  # type: ignore[misc]

    # --- the meeting --------------------------------------------------------------------------------------------------

    @precondition(
        lambda self: (
            self.state.status is Status.CALLED
            and any(item.case and item.status is not ItemStatus.PROPOSED for item in self.state.items)
        )
    )
    @rule(data=st.data(), absent=st.frozensets(st.sampled_from(MEMBERS), max_size=1), late=st.integers(0, 60))
    def hold(self, data: st.DataObject, absent: frozenset[Service], late: int) -> None:
        assert self.state.starts_at is not None
        # Written down when it is over, sometimes a while after.
        self.now = max(self.now, self.state.starts_at + timedelta(minutes=180 + late))
        started = self.state.starts_at
        ended = started + timedelta(minutes=data.draw(st.integers(55, 180)))
        at_all = [item for item in self.state.items if item.status is not ItemStatus.PROPOSED]
        chosen = data.draw(st.lists(st.sampled_from(at_all), unique=True, min_size=1, max_size=2))
        discussed = tuple(
            Discussion(
                item.item,
                started + timedelta(minutes=data.draw(st.integers(0, 60))),
                data.draw(st.none() | st.none() | st.frozensets(st.sampled_from(MEMBERS), min_size=1, max_size=2)),
            )
            for item in chosen
        )
        holding = Holding(
            started_at=started,
            ended_at=ended,
            chair=Role.LEADER,
            attendance=tuple(
                Attendance(service=service, role=Role.LEADER, present=service not in absent)
                for service in (*MEMBERS, Service.BARNEHAGE)
            ),
            guardians_present=0,
            discussed=discussed,
        )
        families = self.families()
        left = {
            item.item: leaving_services(item, family_seats(self.state, item, self.takers, families)) for item in chosen
        }
        accepted = {seat.service: actor for seat, actor in self.takers.items() if self.accepted(seat)}
        held = self.do(
            lambda state: decide_hold(
                state,
                PROFILE,
                self.arena,
                holding,
                self.now,
                histories=self.known(),
                cases=self.cases,
                basis=BASIS,
                left=left,
            )
        )
        unsaid = {each.item for each in discussed if each.stayed is None}
        for event in self.events if held else ():
            if isinstance(event, CaseDiscussed) and event.case is not None and event.item in unsaid:
                own = {service for service, actor in accepted.items() if (event.case, actor) in self.kin}
                assert not event.attended_by & own, "nobody is said to have heard of their own child at work"
        if held:
            quiet = [item.item for item in chosen if item.mode is ItemMode.ANONYMOUS]
            assert self.do(lambda state: decide_discussed_anonymously(state, quiet))

    def accepted(self, seat: Seat) -> bool:
        """Return whether somebody comes for the seat."""
        return self.state.answers.standing(seat) is Standing.ACCEPTED

    @precondition(lambda self: self.state.status is Status.HELD and self.state.items)
    @rule(
        data=st.data(),
        decision=st.sampled_from(["guidance-given", "measure-planned", "refer", "ask-consent", "no-action"]),
        owner=st.none() | st.sampled_from((*MEMBERS, Service.BARNEHAGE)),
        join=st.frozensets(st.sampled_from(MEMBERS)),
        asked=st.none() | st.sampled_from(MEMBERS),
        lift=st.none() | st.sampled_from(ModePolicy),
    )
    def decide_on_item(
        self,
        data: st.DataObject,
        decision: str,
        owner: Service | None,
        join: frozenset[Service],
        asked: Service | None = None,
        lift: ModePolicy | None = None,
    ) -> None:
        item = data.draw(st.sampled_from(self.state.items)).item
        measures = (
            ()
            if owner is None
            else (
                PlannedMeasure(
                    measure=MeasureRef(self.ids.ref("mea")),
                    code="sprakgruppe",
                    owner=owner,
                    indicator="ordforrad",
                    evaluate_by=self.now + timedelta(days=60),
                ),
            )
        )
        contribution = ContributionRef(self.ids.ref("ctb"))
        ask = () if asked is None else (Ask(contribution, asked, None, ContributionReason.ASSESSMENT, None),)
        outcome = Outcome(item, decision, "Lek.", measures, join, ask, lift is not None)  # type: ignore[arg-type]
        above = None if lift is None else Above(ABOVE, "tst-kommune", lift, frozenset({Role.COORDINATOR}), None)
        before = len(self.events)
        at = present(self.known(), self.now)
        about = self.state.item(item).case
        known = None if about is None else self.cases[about]
        self.do(
            lambda state: decide_outcome(state, outcome, self.known(), at, known=known, authority=None, above=above)
        )
        for event in self.events[before:]:
            if isinstance(event, AgendaItemLifted):
                # Seed rules 22, 68, 172: nothing is lifted to where it could not be brought, nor of a case that is not here.
                assert lift is not None
                assert event.mode in ALLOWED[lift, self.state.item(event.item).kind]
                assert known is None or (known.open and known.is_with(LIA))
                continue
            assert isinstance(event, OutcomeRecorded)
            parts = {*(each.owner for each in event.measures), *(each.service for each in event.contributions)}
            for service in (event.join_team | parts) - {Service.BARNEHAGE}:
                assert event.case is not None
                assert self.cases[event.case].open
                assert self.oracle.allowed(event.case, service, self.state.item(event.item).categories, at)

    @precondition(lambda self: self.state.items)
    @rule(data=st.data(), standing=st.none() | st.sampled_from(LiftedStanding))
    def take_back(self, data: st.DataObject, standing: LiftedStanding | None) -> None:
        item, before = data.draw(st.sampled_from(self.state.items)), len(self.events)
        self.do(lambda state: decide_withdraw(state, item.item, standing, "solved-here"))
        for event in self.events[before:]:
            # Seed rules 68, 69: only what was lifted, and waits.
            assert isinstance(event, AgendaItemLiftWithdrawn)
            assert (standing, event.to_type, event.mode) == (LiftedStanding.WAITS, item.lifted_to, item.mode)
            assert self.state.item(item.item).lift_withdrawn == "solved-here"

    @precondition(lambda self: self.state.status is not Status.CALLED or len(self.events) > 30)
    @rule(step=st.sampled_from(["minutes", "close", "cancel", "move"]))
    def go_on(self, step: str) -> None:
        match step:
            case "minutes":
                self.do(lambda state: decide_approve_minutes(state, DocumentRef("doc_" + "b" * 26)))
            case "close":
                self.do(decide_close)
            case "cancel" if self.now > BEGIN + timedelta(hours=6):
                self.do(lambda state: decide_cancel(state, "other"))
            case "move":
                later = self.now + timedelta(minutes=30)
                self.do(lambda state: decide_reschedule(state, later, self.now))

    # --- what must always hold ----------------------------------------------------------------------------------------

    @invariant()
    def a_case_is_named_only_with_a_basis_at_that_time(self) -> None:
        """Invariant 2."""
        for event in self.events:
            if isinstance(event, CaseDiscussed) and event.mode is ItemMode.NAMED:
                assert event.case is not None
                assert event.discussed_at is not None
                assert event.attended_by
                assert self.was_here(event.case, event.discussed_at)
                assert self.arena.mode.policy in {ModePolicy.ANONYMOUS_BY_DEFAULT, ModePolicy.NAMED}
                for service in event.attended_by:
                    assert self.oracle.allowed(event.case, service, event.categories, event.discussed_at)

    @invariant()
    def what_is_anonymous_leads_nowhere(self) -> None:
        """Invariant 3, as far as the events themselves go."""
        quiet = {
            event.item
            for event in self.events
            if isinstance(event, AgendaItemAdded) and event.mode is ItemMode.ANONYMOUS
        }
        for event in self.events:
            document = event.model_dump(mode="json", exclude_none=True)
            if document.get("item") in quiet:
                assert document.keys() <= FIELDS_OF_NOBODY | {"reason"}
                assert not any(
                    document.get(empty)
                    for empty in (
                        "covered",
                        "covered_seats",
                        "categories",
                        "attended_by",
                        "measures",
                        "join_team",
                        "contributions",
                        "interpreters",
                        "family",
                        "guardians_present",
                        "child",
                        "child_absence",
                    )
                )
            elif quiet & set(document.get("items", [])):
                raise AssertionError("an event with an actor lists an anonymous item")
        for item in self.state.items:
            if item.item in quiet:
                assert (item.case, item.consent, item.held_by_unit, item.purpose) == (None, None, None, None)

    @invariant()
    def nobody_sees_an_item_without_a_basis_now(self) -> None:
        at = present(self.known(), self.now)
        for item in self.state.items:
            for service in MEMBERS:
                if may_hear(item, service, self.known(), at, own=False) and item.mode is ItemMode.NAMED:
                    assert item.case is not None
                    assert self.oracle.allowed(item.case, service, item.categories, at)

    @invariant()
    def nobody_hears_of_their_own_child_at_work(self) -> None:
        """forvaltningsloven § 6: whatever consent there is, and whoever brings it; and of other children they hear as before."""
        at, families = present(self.known(), self.now), self.families()
        for item, actor in itertools.product(self.state.items, EMPLOYEES):
            own_family = families.has(item.case, actor)
            assert own_family == ((item.case, actor) in self.kin)
            for service, own in itertools.product(MEMBERS, (False, True)):
                hears = may_hear(item, service, self.known(), at, own=own, own_family=own_family)
                assert hears == (may_hear(item, service, self.known(), at, own=own) and not own_family)
        for item in self.state.items:
            seats = family_seats(self.state, item, self.takers, families)
            assert seats == {
                seat for seat, actor in self.takers.items() if self.accepted(seat) and (item.case, actor) in self.kin
            }
            # They leave as those do whom no consent covers, and nothing tells the one from the other.
            leave = leaving(self.state, item, seats)
            assert bool(leave) <= (item.mode is ItemMode.NAMED)
            assert item.mode is not ItemMode.NAMED or seats <= {*leave}

    @invariant()
    def nothing_waits_on_the_agenda_of_a_case_that_is_not_here(self) -> None:
        for item in self.state.items if self.state.status is Status.CALLED else ():
            if item.case is not None and item.status in {ItemStatus.PROPOSED, ItemStatus.ACCEPTED}:
                assert self.cases[item.case].open
                assert self.cases[item.case].unit == LIA

    @invariant()
    def the_state_is_the_fold_of_the_events(self) -> None:
        """Invariant 5."""
        assert MEETING.replay(self.events) == self.state
        stored = MeetingState.model_validate_json(self.state.model_dump_json())
        assert stored == self.state


TestMeetings = pytest.mark.rule(2, 4, 22, 172)(Meetings.TestCase)
TestMeetings.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# --- the same, aimed: every example is a whole meeting --------------------------------------------------------------------


def check(meetings: Meetings) -> None:
    meetings.a_case_is_named_only_with_a_basis_at_that_time()
    meetings.what_is_anonymous_leads_nowhere()
    meetings.nobody_sees_an_item_without_a_basis_now()
    meetings.nobody_hears_of_their_own_child_at_work()
    meetings.nothing_waits_on_the_agenda_of_a_case_that_is_not_here()
    meetings.the_state_is_the_fold_of_the_events()


@st.composite
def plots(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What happens before and during a meeting, each so many minutes after the one before."""
    steps = ("consent", "narrow", "withdraw", "named", "named", "anonymous", "closed", "handed", "back", "kin", "seat")
    return draw(st.lists(st.tuples(st.sampled_from(steps), st.integers(0, 45)), min_size=3, max_size=10))


@pytest.mark.rule(2, 4, 5)
@settings(max_examples=300, deadline=None)
@given(plots(), plots(), st.data())
def test_from_the_first_item_to_the_last_outcome(
    before: list[tuple[str, int]], after: list[tuple[str, int]], data: st.DataObject
) -> None:
    meetings = Meetings()
    meetings.begin(ModePolicy.ANONYMOUS_BY_DEFAULT)
    for step, minutes in before:
        meetings.now += timedelta(minutes=minutes)
        play(meetings, step, data)
        check(meetings)
    meetings.accept_everything()
    if any(item.status is not ItemStatus.PROPOSED for item in meetings.state.items):
        meetings.hold(data, data.draw(st.frozensets(st.sampled_from(MEMBERS), max_size=1)), late=0)
        check(meetings)
    for step, minutes in after:
        meetings.now += timedelta(minutes=minutes)
        if step in {"named", "anonymous"} and meetings.state.items:
            owner = data.draw(st.none() | st.sampled_from((*MEMBERS, Service.BARNEHAGE)))
            decision = "refer" if owner is None else "measure-planned"
            meetings.decide_on_item(data, decision, owner, data.draw(st.frozensets(st.sampled_from(MEMBERS))))
        else:
            play(meetings, step, data)
        check(meetings)


def play(meetings: Meetings, step: str, data: st.DataObject) -> None:
    match step:
        case "consent":
            services = data.draw(st.frozensets(st.sampled_from(MEMBERS), min_size=1))
            categories = data.draw(st.frozensets(st.sampled_from(CATEGORIES), min_size=1))
            meetings.guardians_consent(data.draw(st.sampled_from(CASES)), services, categories)
        case "narrow" if meetings.live:
            meetings.guardians_narrow(data, data.draw(st.sampled_from(MEMBERS)))
        case "withdraw" if meetings.live:
            meetings.guardians_withdraw(data)
        case "named" if meetings.live:
            meetings.bring_named(data, decides=True)
        case "anonymous":
            meetings.bring_anonymous()
        case "kin":
            wrongly = data.draw(st.booleans())
            meetings.it_is_said_who_is_of_the_family(
                data.draw(st.sampled_from(CASES)), data.draw(st.sampled_from(EMPLOYEES)), wrongly
            )
        case "seat" if meetings.state.status is Status.CALLED:
            service, actor = data.draw(st.sampled_from(MEMBERS)), data.draw(st.sampled_from(EMPLOYEES))
            meetings.somebody_answers_for_a_seat(service, actor, data.draw(st.booleans()))
        case "closed" | "handed" | "back":
            meetings.the_case_goes_on(data.draw(st.sampled_from(CASES)), step)
