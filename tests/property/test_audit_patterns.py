"""The detectors over entries in log order: against naive oracles, in any division into batches, with entries out of order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from services.audit.domain.examination import (
    BEGINNING,
    REMEMBERED,
    Examination,
    Place,
    also_needed,
    places,
)
from services.audit.domain.observed import FACTS, Look, Observed, observe
from services.audit.domain.pattern_policy import Rules, read_policies
from services.audit.domain.patterns import CASES, Heard, Hit
from shared.contracts import cases, meetings
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.audit import Pattern
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role, Scope, Service
from shared.contracts.notify import SubscriptionReceiptMissing
from shared.contracts.safekeeping import BreakGlassReviewed, GlassOutcome
from shared.refs import ActorId, CaseRef, GlassRef, ItemRef, LogScope, MeetingRef, OrganisationNumber, UnitId

MONDAY = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
POLICY = (Path(__file__).resolve().parents[2] / "deploy" / "patterns.yaml").read_text(encoding="utf-8")
LIA = UnitId("unit:lia-barnehage")
HAUGEN = UnitId("unit:haugen-barnehage")
TINNES = UnitId("unit:tinnes-skole")


def rules_with(**changes: dict[str, object]) -> Rules:
    """The shipped policy with some thresholds changed."""
    rules = read_policies(POLICY, {}).rules(LogScope("4005"))
    policy = rules.policy
    for name, change in changes.items():
        policy = policy.model_copy(update={name: getattr(policy, name).model_copy(update=change)})
    return rules.model_copy(update={"policy": policy})


def ref(prefix: str, number: int) -> str:
    letters = "bcdfghjklm"
    return f"{prefix}_" + "".join(letters[int(digit)] for digit in f"{number:026d}")


def case(number: int) -> CaseRef:
    return CaseRef(ref("cas", number))


def actor(number: int) -> ActorId:
    return ActorId(ref("act", number))


def party(number: int, unit: UnitId | None = LIA, role: Role = Role.TEACHER) -> cases.Party:
    return cases.Party(actor=actor(number), role=role, service=Service.BARNEHAGE, unit=unit)


def review_of(number: int) -> BreakGlassReviewed:
    """Return that glass broken for a case was reviewed."""
    glass = GlassRef(ref("brk", number))
    return BreakGlassReviewed(case=case(number), glass=glass, outcome=GlassOutcome.JUSTIFIED, reviewer_role=Role.LEADER)


def opened(number: int, holder: int, unit: UnitId | None = LIA) -> cases.CaseOpened:
    return cases.CaseOpened(
        case=case(number), level=1, mode=cases.Mode.ANONYMOUS, holder=party(holder, unit), decide_by=MONDAY
    )


class Writer:
    """Writes a log: positions and the cases service's numbers count up."""

    def __init__(self) -> None:
        self.log: list[Observed] = []
        self._number = 0

    def fact(self, fact: EventData, at: datetime, by: int | None = None, *, logged_at: datetime | None = None) -> None:
        who = None if by is None else actor(by)
        self._add(Observed(len(self.log), logged_at or at, at, CASES, self._next(), who, fact=fact))

    def look(
        self,
        by: int,
        at: datetime,
        of: int | None = 1,
        *,
        kind: AccessKind = AccessKind.READ,
        permitted: bool = True,
        role: Role | None = Role.TEACHER,
        service: Service | None = Service.BARNEHAGE,
        unit: UnitId | None = LIA,
        organisation: OrganisationNumber | None = None,
        source: str = CASES,
        logged_at: datetime | None = None,
    ) -> None:
        position = len(self.log)
        number = self._next() if source == CASES else None
        look = Look(
            position=position,
            at=at,
            logged_at=logged_at or at,
            kind=kind,
            actor=actor(by),
            role=role,
            service=service,
            unit=unit,
            organisation=organisation,
            case=None if of is None else case(of),
            permitted=permitted,
        )
        self._add(Observed(position, logged_at or at, at, source, number, look.actor, look=look))

    def time(self, at: datetime, *then: timedelta) -> None:
        """Entries that move the log's time and say nothing else: at that moment, and each so long after the one before."""
        moments = [at]
        for passed in then:
            moments.append(moments[-1] + passed)
        for moment in moments:
            self._add(Observed(len(self.log), moment, moment, "/services/audit", None, None))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _add(self, seen: Observed) -> None:
        self.log.append(seen)


def examined(rules: Rules, log: Sequence[Observed], sizes: Iterable[int] = ()) -> list[Hit]:
    """What is found, with what is remembered stored as JSON and read again between batches of these sizes."""
    stored: dict[Place, str] = {}
    dues: dict[Place, datetime] = {}
    moment = BEGINNING
    hits: list[Hit] = []
    rest = list(log)
    for size in [*sizes, len(log)]:
        batch, rest = rest[:size], rest[size:]
        if not batch:
            continue
        until = max(moment, *(seen.logged_at for seen in batch))
        wanted = {place for seen in batch for place in places(seen)} | {p for p, due in dues.items() if due <= until}
        states = read(stored, wanted)
        states |= read(stored, also_needed(states.values()) - states.keys())
        examination = Examination(rules, states, moment)
        for seen in batch:
            hits += examination.take(seen)
        moment = examination.moment
        for place, state in examination.changed.items():
            stored[place] = state.model_dump_json(exclude_defaults=True)
            dues.pop(place, None)
            if (due := examination.due(state)) is not None:
                dues[place] = due
    return hits


def read(stored: dict[Place, str], wanted: set[Place]) -> dict[Place, Model]:
    return {place: REMEMBERED[place.detector].model_validate_json(stored[place]) for place in wanted if place in stored}


def told(hits: Iterable[Hit], pattern: Pattern) -> dict[str, set[int]]:
    """The positions that are told of, by whom or what they are about."""
    found: dict[str, set[int]] = {}
    for hit in hits:
        if hit.pattern is pattern:
            found.setdefault(hit.about, set()).update(mark.position for mark in hit.marks)
    return found


# --- any log ----------------------------------------------------------------------------------------------------------

_step = st.tuples(
    st.sampled_from(["look", "look", "look", "deny", "glass", "open", "hand", "review", "leave", "receipt", "time"]),
    st.integers(0, 3),
    st.integers(0, 4),
    st.integers(0, 900),
)


@st.composite
def logs(draw: st.DrawFn) -> list[Observed]:
    """Any log of a few people and cases, with entries swapped a little, as several partitions do."""
    writer, now = Writer(), MONDAY
    for what, who, number, minutes in draw(st.lists(_step, max_size=60)):
        now += timedelta(minutes=minutes)
        match what:
            case "look":
                writer.look(who, now, number)
            case "deny":
                writer.look(who, now, number, kind=AccessKind.DENY, permitted=False)
            case "glass":
                writer.look(who, now, number, kind=AccessKind.BREAK_GLASS)
            case "open":
                writer.fact(opened(number, who), now)
            case "hand":
                accepted = cases.HandoverAccepted(case=case(number), handover=ref("hdo", number), holder=party(who))
                writer.fact(accepted, now)
            case "review":
                writer.fact(review_of(number), now, by=who)
            case "leave":
                writer.fact(leaves(number, who), now)
            case "receipt":
                missing = cases.ConsentReceiptMissing(
                    case=case(number), consent=ref("cst", number), version=1, consumer="notify"
                )
                writer.fact(missing, now)
            case _:
                writer.time(now)
    log = writer.log
    for place in draw(st.lists(st.integers(0, max(0, len(log) - 2)), max_size=6)):
        if place + 1 < len(log):
            log[place], log[place + 1] = log[place + 1], log[place]
    return renumbered(log)


def renumbered(log: list[Observed]) -> list[Observed]:
    """The log with positions and times of logging in its order."""
    found, latest = [], BEGINNING
    for position, seen in enumerate(log):
        latest = max(latest, seen.at)
        look = seen.look and seen.look.model_copy(update={"position": position, "logged_at": latest})
        found.append(dataclasses.replace(seen, position=position, logged_at=latest, look=look))
    return found


def leaves(number: int, who: int) -> cases.HandoverSent:
    return cases.HandoverSent(
        case=case(number),
        handover=ref("hdo", 50 + number),
        kind=cases.HandoverKind.STAFF_LEAVES,
        sender=party(who),
        receiver=party(9),
        basis={"code": "own-task", "version": "2026-01-01"},
        package=cases.Package(),
        respond_by=MONDAY,
    )


LOW = rules_with(
    many_children={"children": 2, "minutes": 600},
    outside_hours={"children": 2, "looks": 4},
    leaving={"children": 1},
    repeated_denials={"denials": 2},
    without_relation={"looks": 1, "grace_days": 0},
)


@given(logs(), st.lists(st.integers(1, 20), max_size=30))
@settings(max_examples=300, deadline=None)
def test_the_same_log_gives_the_same_findings_however_it_is_divided(log: list[Observed], sizes: list[int]) -> None:
    assert examined(LOW, log, sizes) == examined(LOW, log)


@given(logs())
@settings(max_examples=200, deadline=None)
def test_an_entry_is_told_of_once_for_each_pattern(log: list[Observed]) -> None:
    marks = [(hit.pattern, mark.position) for hit in examined(LOW, log) for mark in hit.marks]
    assert len(marks) == len(set(marks))


@given(logs())
@settings(max_examples=100, deadline=None)
def test_every_hit_rests_on_its_own_person_s_entries(log: list[Observed]) -> None:
    looks = {seen.position: seen.look for seen in log if seen.look is not None}
    for hit in examined(LOW, log):
        if hit.pattern is not Pattern.RECEIPT_MISSING:
            assert {looks[mark.position].actor for mark in hit.marks} == {hit.actor}


# --- against naive oracles --------------------------------------------------------------------------------------------

_looks = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 40)), max_size=40)


@given(_looks, st.integers(2, 4), st.integers(10, 90))
@settings(max_examples=200, deadline=None)
def test_many_children_are_those_of_some_window_with_so_many(
    drawn: list[tuple[int, int, int]], children: int, minutes: int
) -> None:
    writer, now = Writer(), MONDAY
    for who, number, passed in drawn:
        now += timedelta(minutes=passed)
        writer.look(who, now, number)
    rules = rules_with(many_children={"children": children, "minutes": minutes})
    looks = [seen.look for seen in writer.log if seen.look is not None]
    expected: dict[str, set[int]] = {}
    for last in looks:
        window = [
            look
            for look in looks
            if look.actor == last.actor
            and look.position <= last.position
            and look.at > last.at - timedelta(minutes=minutes)
        ]
        if len({look.case for look in window}) >= children:
            expected.setdefault(last.actor, set()).update(look.position for look in window)
    assert told(examined(rules, writer.log), Pattern.MANY_CHILDREN) == expected


_late_looks = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 40), st.sampled_from([0, 0, 0, 5, 30, 70, 400])),
    max_size=30,
)


@given(_late_looks, st.integers(2, 4), st.integers(10, 90))
@settings(max_examples=300, deadline=None)
def test_what_is_told_late_is_held_against_what_was_told_in_time(
    drawn: list[tuple[int, int, int, int]], children: int, minutes: int
) -> None:
    """Any span, of all that the log had in its newest span: a service that was behind hides neither its looks nor another's."""
    writer, now, within = Writer(), MONDAY, timedelta(minutes=minutes)
    for who, number, passed, late in drawn:
        now += timedelta(minutes=passed)
        writer.look(who, now - timedelta(minutes=late), number, logged_at=now)
    looks = [seen.look for seen in writer.log if seen.look is not None]
    expected: dict[str, set[int]] = {}
    for new in looks:
        kept = [
            each
            for each in looks
            if (each.actor, each.position <= new.position) == (new.actor, True)
            and each.logged_at > new.logged_at - within
        ]
        for last in kept:
            span = [each for each in kept if last.at - within < each.at <= last.at]
            if new in span and len({each.case for each in span}) >= children:
                expected.setdefault(new.actor, set()).update(each.position for each in span)
    rules = rules_with(many_children={"children": children, "minutes": minutes})
    assert told(examined(rules, writer.log), Pattern.MANY_CHILDREN) == expected


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 300)), min_size=1, max_size=30),
    st.integers(0, 29),
    st.integers(-60, 60),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_no_single_record_hides_what_the_others_show(
    drawn: list[tuple[bool, int, int]], place: int, days: int, permitted: bool
) -> None:
    """Whatever it says of its own time, and wherever it stands in the log."""
    before, after, now = Writer(), Writer(), MONDAY
    places: dict[int, int] = {}
    for number, (allowed, of, passed) in enumerate(drawn):
        now += timedelta(minutes=passed)
        if number == place:
            dated = observed_at(now + timedelta(days=days), now)
            after.look(1, dated, 9, permitted=permitted, logged_at=now)
        places[len(before.log)] = len(after.log)
        for writer in (before, after):
            writer.look(1, now, of, permitted=allowed)
    for pattern in (Pattern.MANY_CHILDREN, Pattern.OUTSIDE_HOURS, Pattern.REPEATED_DENIALS):
        shown = told(examined(LOW, before.log), pattern).get(actor(1), set())
        assert {places[each] for each in shown} <= told(examined(LOW, after.log), pattern).get(actor(1), set())


def observed_at(said: datetime, logged_at: datetime) -> datetime:
    """When an entry is taken to have happened that says this of itself."""
    record = AccessRecorded(
        subject_ref=case(9), kind=AccessKind.READ, actor=AccessActor(id=actor(1)), case=case(9), permitted=True
    )
    seen = observe(
        position=0,
        logged_at=logged_at,
        happened_at=said,
        event_type=AccessRecorded.TYPE,
        source=CASES,
        number=1,
        actor=actor(1),
        leaf=to_json({"data": record.model_dump(mode="json")}),
    )
    assert seen.look is not None
    return seen.look.at


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 600)), max_size=40), st.integers(2, 5))
@settings(max_examples=200, deadline=None)
def test_repeated_denials_are_those_of_some_day_with_so_many(drawn: list[tuple[int, bool, int]], denials: int) -> None:
    writer, now = Writer(), MONDAY
    for who, permitted, passed in drawn:
        now += timedelta(minutes=passed)
        writer.look(who, now, permitted=permitted)
    rules = rules_with(repeated_denials={"denials": denials, "within_hours": 24})
    refused = [seen.look for seen in writer.log if seen.look is not None and not seen.look.permitted]
    expected: dict[str, set[int]] = {}
    for last in refused:
        window = [
            look.position
            for look in refused
            if look.actor == last.actor and look.position <= last.position and look.at > last.at - timedelta(hours=24)
        ]
        if len(window) >= denials:
            expected.setdefault(last.actor, set()).update(window)
    assert told(examined(rules, writer.log), Pattern.REPEATED_DENIALS) == expected


@given(st.lists(st.integers(1, 12), max_size=20), st.permutations(range(1, 13)))
def test_numbers_heard_are_a_set(some: list[int], order: list[int]) -> None:
    heard = Heard()
    for number in some:
        heard = heard.after(number)
    assert {n for first, last in heard.ranges for n in range(first, last + 1)} == set(some)
    assert all(a[1] + 1 < b[0] for a, b in zip(heard.ranges, heard.ranges[1:], strict=False))
    for number in range(13):
        assert heard.all_to(number) == set(some).issuperset(range(1, number + 1))
    for number in order:
        heard = heard.after(number)
    assert heard.ranges == ((1, 12),)


# --- who has to do with a case ----------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_with_a_baton_that_goes_round_exactly_those_without_it_are_strangers(moves: list[tuple[int, int]]) -> None:
    """No grace: at each moment one has the baton, and everybody else's look is a finding."""
    rules = rules_with(without_relation={"grace_days": 0})
    writer, now, holder = Writer(), MONDAY, 0
    writer.fact(opened(1, 0), now)
    expected: dict[str, set[int]] = {}
    for number, (next_holder, who) in enumerate(moves):
        now += timedelta(days=1)
        accepted = cases.HandoverAccepted(case=case(1), handover=ref("hdo", number), holder=party(next_holder))
        writer.fact(accepted, now)
        holder = next_holder
        now += timedelta(hours=1)
        if who != holder:
            expected.setdefault(actor(who), set()).add(len(writer.log))
        writer.look(who, now)
    assert told(examined(rules, writer.log), Pattern.WITHOUT_RELATION) == expected


@pytest.mark.parametrize("minutes", [0, 1, 4])
def test_a_look_that_is_heard_before_what_explains_it_waits(minutes: int) -> None:
    """The cases topic lags: the look is logged first, the event that made its holder afterwards."""
    rules, writer = rules_with(), Writer()
    writer.fact(opened(1, 0), MONDAY)
    late = MONDAY + timedelta(days=1)
    accepted = cases.HandoverAccepted(case=case(1), handover=ref("hdo", 1), holder=party(7))
    writer.fact(accepted, late)
    writer.look(7, late + timedelta(seconds=30))
    first, handed, looked = writer.log
    logged = looked.logged_at + timedelta(minutes=minutes)
    log = renumbered([first, looked, dataclasses.replace(handed, logged_at=logged)])
    end = Observed(3, logged + timedelta(hours=1), logged, None, None, None)
    assert told(examined(rules, [*log, end]), Pattern.WITHOUT_RELATION) == {}
    assert told(examined(rules, [log[0], log[1], dataclasses.replace(end, position=2)]), Pattern.WITHOUT_RELATION) == {
        actor(7): {1}
    }


def test_a_look_from_another_service_waits_for_the_log_s_time() -> None:
    rules, writer = rules_with(), Writer()
    writer.fact(opened(1, 0), MONDAY)
    writer.look(5, MONDAY + timedelta(minutes=1), source="/services/meetings")
    assert examined(rules, writer.log) == []
    writer.time(MONDAY + timedelta(minutes=1) + rules.policy.patience)
    assert told(examined(rules, writer.log), Pattern.WITHOUT_RELATION) == {actor(5): {1}}


def test_of_a_case_that_began_before_the_log_nothing_is_said() -> None:
    writer = Writer()
    writer.look(5, MONDAY)
    writer.time(MONDAY + timedelta(days=1))
    assert examined(rules_with(), writer.log) == []


@pytest.mark.rule(4)
@pytest.mark.parametrize(
    ("service", "unit", "role", "stranger"),
    [
        (Service.PPT, UnitId("unit:ppt"), Role.PPT_ADVISER, False),
        (Service.HELSESTASJON, UnitId("unit:helsestasjon"), Role.HEALTH_NURSE, True),
        (Service.BARNEHAGE, HAUGEN, Role.TEACHER, True),
        (Service.BARNEHAGE, LIA, Role.TEACHER, True),
        (Service.BARNEHAGE, LIA, Role.LEADER, False),
        (Service.BARNEHAGE, HAUGEN, Role.LEADER, True),
        (Service.BARNEHAGE, None, Role.GUARDIAN, False),
    ],
)
def test_a_consent_is_for_a_service_and_the_baton_s_unit_has_a_leader(
    service: Service, unit: UnitId | None, role: Role, stranger: bool
) -> None:
    writer = Writer()
    writer.fact(opened(1, 0), MONDAY)
    scope = Scope(services={Service.PPT}, categories={"language"}, purposes={"assessment"})
    given_ = cases.ConsentGranted(
        case=case(1),
        consent=ref("cst", 1),
        version=1,
        grantor="guardian",
        ordinal=2,
        evidence="e-id",
        active=True,
        scope=scope,
        valid_from=MONDAY.date(),
        valid_to=MONDAY.date() + timedelta(days=30),
    )
    writer.fact(given_, MONDAY)
    writer.look(5, MONDAY + timedelta(hours=1), service=service, unit=unit, role=role)
    assert bool(examined(rules_with(), writer.log)) is stranger
    withdrawn = cases.ConsentWithdrawn(
        case=case(1), consent=ref("cst", 1), version=2, ended=scope, effective_at=MONDAY + timedelta(hours=2)
    )
    writer.fact(withdrawn, MONDAY + timedelta(hours=2))
    writer.look(5, MONDAY + timedelta(days=3), service=service, unit=unit, role=role)
    writer.look(5, MONDAY + timedelta(days=18), service=service, unit=unit, role=role)
    found = told(examined(rules_with(), writer.log), Pattern.WITHOUT_RELATION)
    expected = {2, 4, 5} if stranger else ({5} if service is Service.PPT else set())
    assert found.get(actor(5), set()) == expected, "withdrawn: two weeks' grace, and then it is a finding"


THERE = OrganisationNumber("310009991")
HERE = OrganisationNumber("310001015")


@pytest.mark.rule(4, 18)
@pytest.mark.parametrize("confirmed", [False, True])
def test_a_consent_to_services_of_another_municipality_ties_nobody_here(confirmed: bool) -> None:
    writer = Writer()
    writer.fact(opened(1, 0), MONDAY)
    scope = Scope(services={Service.PPT}, categories={"language"}, purposes={"transition"}, municipality="0301")
    common = {
        "case": case(1),
        "consent": ref("cst", 1),
        "version": 1,
        "scope": scope,
        "valid_from": MONDAY.date(),
        "valid_to": MONDAY.date() + timedelta(days=30),
    }
    granted = {"grantor": "guardian", "ordinal": 2, "evidence": "e-id", "active": True}
    kind = cases.ConsentConfirmed if confirmed else cases.ConsentGranted
    writer.fact(kind.model_validate(common | ({"reason": "age-16"} if confirmed else granted)), MONDAY)
    writer.look(5, MONDAY + timedelta(hours=1), service=Service.PPT, unit=UnitId("unit:ppt"), role=Role.PPT_ADVISER)
    assert told(examined(rules_with(), writer.log), Pattern.WITHOUT_RELATION) == {actor(5): {2}}


@pytest.mark.rule(18, 107)
@pytest.mark.parametrize(
    ("by", "role", "organisation", "stranger"),
    [
        (9, Role.CONTACT_TEACHER, THERE, False),
        (5, Role.LEADER, THERE, False),
        (5, Role.LEADER, HERE, True),
        (5, Role.LEADER, None, True),
        (5, Role.CONTACT_TEACHER, THERE, True),
    ],
)
def test_of_a_handover_to_another_municipality_the_unit_of_the_same_name_here_has_no_part(
    by: int, role: Role, organisation: OrganisationNumber | None, stranger: bool
) -> None:
    writer = Writer()
    writer.fact(opened(1, 0), MONDAY)
    receiver = cases.Party(
        actor=actor(9), role=Role.CONTACT_TEACHER, service=Service.SKOLE, unit=TINNES, organisation=THERE
    )
    sent = leaves(1, 0).model_copy(update={"receiver": receiver, "to_municipality": LogScope("0301")})
    writer.fact(sent, MONDAY)
    # A consent to schools is for the child's own: a school of that name here is none of the case's.
    scope = Scope(services={Service.SKOLE}, categories={"language"}, purposes={"transition"})
    valid = {"valid_from": MONDAY.date(), "valid_to": MONDAY.date() + timedelta(days=30)}
    granted = {"case": case(1), "consent": ref("cst", 1), "version": 1, "scope": scope, "grantor": "guardian"}
    writer.fact(
        cases.ConsentGranted.model_validate(granted | valid | {"ordinal": 2, "evidence": "e-id", "active": True}),
        MONDAY,
    )
    at = MONDAY + timedelta(hours=1)
    writer.look(by, at, service=Service.SKOLE, unit=TINNES, role=role, organisation=organisation)
    assert bool(told(examined(rules_with(), writer.log), Pattern.WITHOUT_RELATION)) is stranger


# --- time and missing things ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "outside"),
    [
        ("2026-09-07T06:29:00+02:00", True),
        ("2026-09-07T06:30:00+02:00", False),
        ("2026-09-07T19:59:59+02:00", False),
        ("2026-09-07T20:00:00+02:00", True),
        ("2026-09-05T12:00:00+02:00", True),  # a Saturday
        ("2027-05-17T12:00:00+02:00", True),
        ("2027-03-26T12:00:00+01:00", True),  # langfredag
        ("2026-10-26T06:30:00+01:00", False),  # the Monday after the clocks went back
        ("2026-10-26T05:45:00+00:00", False),
        ("2026-10-23T04:45:00+00:00", False),  # the Friday before: the same hour in UTC is another in Norway
        ("2026-10-26T04:45:00+00:00", True),
    ],
)
def test_working_hours_are_norway_s(moment: str, outside: bool) -> None:
    assert rules_with().outside(datetime.fromisoformat(moment), Service.SKOLE) is outside


def test_child_welfare_is_on_duty_and_school_holidays_are_the_municipality_s() -> None:
    at_night = datetime(2026, 9, 7, 23, 0, tzinfo=UTC)
    assert not rules_with().outside(at_night, Service.BARNEVERN)
    autumn = datetime(2026, 9, 30, 9, 0, tzinfo=UTC)
    closed = rules_with(outside_hours={"closed_in_school_holidays": frozenset({Service.SKOLE})})
    closed = Rules.model_validate({**dict(closed), "school_holidays": [{"first": "2026-09-28", "last": "2026-10-02"}]})
    assert closed.outside(autumn, Service.SKOLE)
    assert not closed.outside(autumn, Service.BARNEHAGE)
    assert not rules_with().outside(autumn, Service.SKOLE)


@given(st.integers(-4 * 24, 12 * 24), st.sampled_from([0, 1]))
def test_glass_is_reviewed_by_somebody_else_and_in_time_or_it_is_a_finding(hours: int, reviewer: int) -> None:
    rules, writer = rules_with(), Writer()
    broken = MONDAY + timedelta(days=4)
    reviewed = broken + timedelta(hours=hours)
    due = rules.review_by(broken)
    assert due == datetime(2026, 9, 16, 21, 59, 59, tzinfo=UTC), "Friday; three working days; the day ends in Norway"
    review = review_of(1)
    if reviewed < broken:
        writer.fact(review, reviewed, by=reviewer)
    position = len(writer.log)
    writer.look(0, broken, kind=AccessKind.BREAK_GLASS)
    if reviewed >= broken:
        writer.fact(review, reviewed, by=reviewer)
    writer.time(MONDAY + timedelta(days=40), rules.policy.patience)
    counts = reviewer == 1 and broken <= reviewed <= due
    found = told(examined(rules, writer.log), Pattern.BREAK_GLASS_UNREVIEWED)
    assert found == ({} if counts else {f"{position}": {position}})


@given(st.timedeltas(timedelta(0), timedelta(days=31)))
def test_glass_that_is_dated_ahead_is_reviewed_as_soon_as_any(ahead: timedelta) -> None:
    """A service whose clock is wrong, or a forged record: what it says of its own time gives its review not a day more."""
    rules, writer = rules_with(), Writer()
    broken = MONDAY + timedelta(days=4)
    due = rules.review_by(broken)
    position = len(writer.log)
    writer.look(0, broken + ahead, kind=AccessKind.BREAK_GLASS, logged_at=broken)
    writer.fact(review_of(1), due + timedelta(minutes=1), by=1)
    writer.time(due + timedelta(minutes=1) + rules.policy.patience)
    assert told(examined(rules, writer.log), Pattern.BREAK_GLASS_UNREVIEWED) == {f"{position}": {position}}


@given(st.timedeltas(timedelta(0), timedelta(days=31)), st.timedeltas(timedelta(0), timedelta(days=31)))
def test_a_review_in_time_counts_whatever_it_and_the_glass_say_of_their_own_time(
    glass_ahead: timedelta, review_ahead: timedelta
) -> None:
    rules, writer = rules_with(), Writer()
    broken = MONDAY + timedelta(days=4)
    reviewed = broken + timedelta(hours=1)
    writer.look(0, broken + glass_ahead, kind=AccessKind.BREAK_GLASS, logged_at=broken)
    writer.fact(review_of(1), reviewed + review_ahead, by=1, logged_at=reviewed)
    writer.time(MONDAY + timedelta(days=70), rules.policy.patience)
    assert not told(examined(rules, writer.log), Pattern.BREAK_GLASS_UNREVIEWED)


def test_glass_that_is_told_late_waits_for_its_review_to_be_told_too() -> None:
    """The log was away for a week: what was reviewed in time meanwhile comes right behind it, and is in time."""
    rules, writer = rules_with(), Writer()
    back = MONDAY + timedelta(days=7)
    writer.look(0, MONDAY, kind=AccessKind.BREAK_GLASS, logged_at=back)
    writer.fact(review_of(1), MONDAY + timedelta(hours=1), by=1, logged_at=back)
    writer.time(MONDAY + timedelta(days=40), rules.policy.patience)
    assert not told(examined(rules, writer.log), Pattern.BREAK_GLASS_UNREVIEWED)
    late = Writer()
    late.look(0, MONDAY, kind=AccessKind.BREAK_GLASS, logged_at=back)
    late.fact(review_of(1), rules.review_by(MONDAY) + timedelta(minutes=1), by=1, logged_at=back)
    late.time(MONDAY + timedelta(days=40), rules.policy.patience)
    assert told(examined(rules, late.log), Pattern.BREAK_GLASS_UNREVIEWED) == {"0": {0}}


@given(
    st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
    st.timedeltas(timedelta(0), timedelta(minutes=4)),
    st.lists(st.integers(1, 4), max_size=4),
)
def test_a_review_in_time_is_no_finding_though_the_log_was_away_over_its_last_day(
    away: timedelta, behind: timedelta, sizes: list[int]
) -> None:
    """Broken before, reviewed while nothing was logged; afterwards others' entries come first, and the review a little after."""
    rules, writer = rules_with(), Writer()
    due = rules.review_by(MONDAY)
    position = len(writer.log)
    writer.look(0, MONDAY, kind=AccessKind.BREAK_GLASS)
    back = due + away
    writer.time(back)
    writer.fact(review_of(1), due - timedelta(hours=1), by=1, logged_at=back + behind)
    writer.time(back + timedelta(days=1), rules.policy.patience)
    assert not told(examined(rules, writer.log, sizes), Pattern.BREAK_GLASS_UNREVIEWED)
    silent = Writer()
    silent.look(0, MONDAY, kind=AccessKind.BREAK_GLASS)
    silent.time(back, rules.policy.patience)
    assert told(examined(rules, silent.log, sizes), Pattern.BREAK_GLASS_UNREVIEWED) == {f"{position}": {position}}


@given(st.timedeltas(timedelta(days=-400), timedelta(days=31)), st.timedeltas(timedelta(0), timedelta(days=31)))
def test_that_somebody_leaves_counts_from_when_the_log_had_it_whatever_it_says_of_its_own_time(
    notice_off: timedelta, look_ahead: timedelta
) -> None:
    rules, writer = rules_with(), Writer()
    writer.fact(opened(0, 3), MONDAY)
    writer.fact(leaves(0, 3), MONDAY + notice_off, logged_at=MONDAY)
    found = len(writer.log)
    taken = MONDAY + timedelta(days=1)
    writer.look(3, taken + look_ahead, 0, kind=AccessKind.EXPORT, logged_at=taken)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): {found}}
    over = MONDAY + timedelta(days=rules.policy.leaving.notice_days, minutes=1)
    writer.look(3, over, 0, kind=AccessKind.EXPORT)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): {found}}


def test_who_leaves_may_read_what_they_hand_over_and_nothing_is_taken_out() -> None:
    rules, writer = rules_with(), Writer()
    for number in range(20):
        writer.fact(opened(number, 3 if number < 10 else 4), MONDAY)
    writer.look(3, MONDAY + timedelta(minutes=1), 0, kind=AccessKind.EXPORT)
    writer.fact(leaves(0, 3), MONDAY + timedelta(hours=1))
    for number in range(10):
        writer.look(3, MONDAY + timedelta(hours=2, minutes=number), number)
    assert not told(examined(rules, writer.log), Pattern.LEAVING)
    first = len(writer.log)
    for number in range(10, 15):
        writer.look(3, MONDAY + timedelta(hours=3, minutes=number), number)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): set(range(first, first + 5))}
    writer.look(3, MONDAY + timedelta(days=9), 0, kind=AccessKind.PRINT)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): set(range(first, first + 6))}
    writer.look(3, MONDAY + timedelta(days=90), 0, kind=AccessKind.PRINT)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): set(range(first, first + 6))}


def test_who_leaves_again_years_later_is_watched_again() -> None:
    """From one unit to another in the same municipality, and from there: each time for as long as the notice."""
    rules, writer = rules_with(), Writer()
    for number in range(2):
        writer.fact(opened(number, 3), MONDAY)
    writer.fact(leaves(0, 3), MONDAY)
    again = MONDAY + timedelta(days=600)
    writer.look(3, again, 1, kind=AccessKind.EXPORT)
    assert not told(examined(rules, writer.log), Pattern.LEAVING)
    writer.fact(leaves(1, 3), again + timedelta(days=1))
    found = len(writer.log)
    writer.look(3, again + timedelta(days=2), 1, kind=AccessKind.EXPORT)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): {found}}
    notice = rules.policy.leaving.notice_days
    # Said once more within the notice, as for each child that is handed over, it is the same leaving.
    writer.fact(leaves(0, 3), again + timedelta(days=notice))
    writer.look(3, again + timedelta(days=notice + 2), 1, kind=AccessKind.EXPORT)
    assert told(examined(rules, writer.log), Pattern.LEAVING) == {actor(3): {found}}


def test_looks_into_the_log_are_not_looks_at_children() -> None:
    writer = Writer()
    for number in range(60):
        writer.fact(opened(number, 0), MONDAY)
    night = datetime(2026, 9, 7, 22, 0, tzinfo=UTC)
    for number in range(60):
        writer.look(8, night + timedelta(seconds=number), number, kind=AccessKind.LOG_READ, role=Role.AUDITOR)
    writer.time(night + timedelta(days=1))
    assert examined(rules_with(), writer.log) == []


@pytest.mark.parametrize(("unit", "stranger"), [(LIA, False), (HAUGEN, True)])
def test_a_service_with_many_units_is_tied_only_where_the_case_s_events_name_the_unit(
    unit: UnitId, stranger: bool
) -> None:
    writer = Writer()
    writer.fact(opened(1, 0), MONDAY)
    writer.fact(cases.TeamMemberAdded(case=case(1), service=Service.BARNEHAGE), MONDAY)
    writer.look(5, MONDAY + timedelta(hours=1), unit=unit)
    assert bool(examined(rules_with(), writer.log)) is stranger


@pytest.mark.rule(10, 12)
@pytest.mark.parametrize(("unit", "stranger"), [(TINNES, False), (UnitId("unit:other-skole"), True)])
def test_a_school_in_a_transition_meeting_is_tied_by_the_item_that_covers_it_and_no_other_school(
    unit: UnitId, stranger: bool
) -> None:
    writer = Writer()
    writer.fact(opened(1, 0), MONDAY)
    item = meetings.AgendaItemAdded(
        meeting=MeetingRef(ref("mtg", 1)),
        item=ItemRef(ref("itm", 1)),
        kind=meetings.ItemKind.CASE,
        mode=meetings.ItemMode.NAMED,
        case=case(1),
        covered=frozenset({Service.SKOLE, Service.PPT}),
        covered_seats=(meetings.Seat(service=Service.SKOLE, unit=TINNES),),
        held_by_unit=LIA,
        held_by=Service.BARNEHAGE,
    )
    writer.fact(item, MONDAY)
    writer.look(5, MONDAY + timedelta(hours=1), service=Service.SKOLE, unit=unit)
    assert bool(examined(rules_with(), writer.log)) is stranger
    # The item ties for ninety days, and two weeks' grace.
    writer.look(5, MONDAY + timedelta(days=105), service=Service.SKOLE, unit=unit)
    found = told(examined(rules_with(), writer.log), Pattern.WITHOUT_RELATION)
    assert found[actor(5)] == ({2, 3} if stranger else {3})


def test_a_missing_receipt_is_a_finding_about_whoever_owes_it_a_service_or_a_subscriber() -> None:
    writer = Writer()
    owed = {"case": case(1), "consent": ref("cst", 1)}
    writer.fact(cases.ConsentReceiptMissing.model_validate({**owed, "version": 1, "consumer": "notify"}), MONDAY)
    for number in (1, 2, 1):
        known = {"receipt": ref("rct", number), "subscription": ref("sub", number), "consent_version": 1}
        writer.fact(SubscriptionReceiptMissing.model_validate({**owed, **known}), MONDAY)
    assert told(examined(LOW, writer.log), Pattern.RECEIPT_MISSING) == {
        "notify": {0},
        ref("sub", 1): {1, 3},
        ref("sub", 2): {2},
    }
    assert FACTS[SubscriptionReceiptMissing.TYPE] is SubscriptionReceiptMissing, "it is read"
