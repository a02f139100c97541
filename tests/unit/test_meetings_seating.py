"""Who takes a seat, and who was in it: the tables of `seating` and `attendance`, line by line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from services.meetings.configuration import read_profiles
from services.meetings.domain import wheel
from services.meetings.domain.agenda import Outcome, decide_outcome
from services.meetings.domain.arena_rules import ArenaRules, Authority
from services.meetings.domain.calling import may_call, seats
from services.meetings.domain.conformity import Absent, facts_of
from services.meetings.domain.holding import Holding, check_attendance
from services.meetings.domain.invitation import Answers, SeatAnswer
from services.meetings.domain.meeting import MEETING, Item, ItemStatus, MeetingState, Status
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import ConsentHistory, Grant, KnownCase, Request
from services.meetings.domain.seating import Asked, Office, closed_arenas, fills_seat, speaks_for_seat
from services.meetings.domain.survey import units_there
from services.meetings.errors import (
    AbsenceWithoutReasonError,
    AttendanceError,
    AuthorityMissingError,
    SeatRoleError,
    SeatTwiceError,
)
from services.meetings.settings import MeetingsSettings
from shared.contracts.base import EventData
from shared.contracts.codes import Function, GrantorClass, InformationCategory, Purpose, Role, Scope, Service
from shared.contracts.meetings import (
    Attendance,
    Deputy,
    InvitationAnswer,
    ItemKind,
    ItemMode,
    MeetingHeld,
    PlannedMeasure,
    Seat,
)
from shared.refs import ArenaRef, CaseRef, ConsentRef, ItemRef, LogScope, MeasureRef, MeetingRef, UnitId

PROFILES: Final = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)
NOTODDEN, TONSBERG, TYNSET = (PROFILES[LogScope(number)] for number in ("4005", "3905", "3427"))
SEM, KVIKNE = (UnitId(f"unit:{name}") for name in ("sem-skole", "kvikne-skole"))
TINNES, LIA = UnitId("unit:tinnes-skole"), UnitId("unit:lia-barnehage")
UNGDOMSSKOLE: Final = UnitId("unit:notodden-ungdomsskole")
MEETING_REF: Final = MeetingRef("mtg_" + "b" * 26)
BEGINS: Final = datetime(2027, 3, 2, 11, tzinfo=UTC)


def rules_of(profile: Profile, arena: str) -> ArenaRules:
    found = profile.arena(arena)
    assert found is not None
    return found


def office(service: Service, unit: UnitId | None, *roles: Role) -> Office:
    return Office(service, unit, frozenset(roles))


def called(profile: Profile, arena: str, *units: UnitId, invited: frozenset[Service] | None = None) -> MeetingState:
    rules = rules_of(profile, arena)
    own = {service for unit in units if (service := profile.own_service(unit)) is not None}
    asked = rules.fixed | own if invited is None else invited
    return MeetingState(
        meeting=MEETING_REF,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type=arena,
        units=frozenset(units),
        starts_at=BEGINS,
        invited=asked,
        seats=seats(profile, asked, units),
        status=Status.CALLED,
    )


def asked_by(state: MeetingState) -> Asked:
    return Asked(state.invited, state.units, state.answers.seats)


# --- who may see and answer ---------------------------------------------------------------------------------------------


@pytest.mark.rule(183)
@pytest.mark.parametrize(
    ("arena", "service", "unit", "role", "takes"),
    [
        ("rektormote", Service.SKOLE, SEM, Role.LEADER, True),
        ("rektormote", Service.SKOLE, SEM, Role.TEACHER, False),
        ("rektormote", Service.SKOLE, SEM, Role.CONTACT_TEACHER, False),
        ("rektormote", Service.LEDELSE, UnitId("unit:tonsberg-kommune"), Role.LEADER, True),
        ("rektormote", Service.BARNEHAGE, UnitId("unit:sem-barnehage"), Role.LEADER, False),
        ("ledermote-bou", Service.PPT, UnitId("unit:tonsberg-ppt"), Role.PPT_ADVISER, False),
        ("ledermote-bou", Service.PPT, UnitId("unit:tonsberg-ppt"), Role.LEADER, True),
        # The slides name no role here: whoever works there.
        ("tverrfaglig-mote", Service.PPT, UnitId("unit:tonsberg-ppt"), Role.PPT_ADVISER, True),
        ("tverrfaglig-mote", Service.SKOLE, SEM, Role.TEACHER, True),
    ],
)
def test_a_seat_is_taken_in_the_role_that_the_profile_names(
    arena: str, service: Service, unit: UnitId, role: Role, takes: bool
) -> None:
    units = [SEM] if arena == "tverrfaglig-mote" else []
    rules, asked = rules_of(TONSBERG, arena), asked_by(called(TONSBERG, arena, *units))
    who = office(service, unit, role)
    assert fills_seat(rules, asked, who) is takes
    assert speaks_for_seat(rules, asked, who) is takes
    if arena != "tverrfaglig-mote" and service in rules.fixed:
        assert (arena in closed_arenas(TONSBERG, who)) is not takes


@pytest.mark.rule(183, 184)
def test_whoever_heads_bou_has_a_seat_in_its_meeting_and_the_municipal_director_has_none() -> None:
    rules, asked = rules_of(TONSBERG, "ledermote-bou"), asked_by(called(TONSBERG, "ledermote-bou"))
    bou, top = UnitId("unit:tonsberg-barn-og-unge"), UnitId("unit:tonsberg-kommune")
    head, director = (office(Service.LEDELSE, unit, Role.LEADER) for unit in (bou, top))
    assert (fills_seat(rules, asked, head), speaks_for_seat(rules, asked, head)) == (True, True)
    assert (fills_seat(rules, asked, director), speaks_for_seat(rules, asked, director)) == (False, False)
    assert not fills_seat(rules, asked, office(Service.LEDELSE, bou, Role.TEACHER))
    # Where no unit is said, whoever of the management leads.
    leaders = asked_by(called(TONSBERG, "ledermote"))
    assert all(fills_seat(rules_of(TONSBERG, "ledermote"), leaders, who) for who in (head, director))
    there = wheel.seats(TONSBERG, rules, ())
    assert (bou in there, top in there) == (True, False), "it is that unit that is not planned into two meetings"


@pytest.mark.rule(6, 23, 53)
def test_who_leads_whose_seat_it_is_says_who_comes_and_does_not_take_it() -> None:
    rules, asked = rules_of(NOTODDEN, "ansvarsgruppe"), asked_by(called(NOTODDEN, "ansvarsgruppe", LIA))
    health = UnitId("unit:helsestasjon")
    assert fills_seat(rules, asked, office(Service.HELSESTASJON, health, Role.HEALTH_NURSE))
    leader = office(Service.HELSESTASJON, health, Role.LEADER)
    assert (speaks_for_seat(rules, asked, leader), fills_seat(rules, asked, leader)) == (True, False)
    both = office(Service.HELSESTASJON, health, Role.LEADER, Role.HEALTH_NURSE)
    assert fills_seat(rules, asked, both)
    # Of a service without a seat nobody leads anything here.
    assert not speaks_for_seat(rules, asked, office(Service.BUP, UnitId("unit:bup"), Role.LEADER))


@pytest.mark.rule(54, 71, 72)
def test_a_deputy_whom_an_answer_names_takes_the_seat_and_nobody_else_does() -> None:
    state = called(TONSBERG, "rektormote")
    answer = SeatAnswer(
        seat=Seat(service=Service.SKOLE, unit=SEM),
        answer=InvitationAnswer.DECLINED,
        deputy=Deputy(role=Role.TEACHER),
        at=BEGINS,
    )
    rules = rules_of(TONSBERG, "rektormote")
    sent = asked_by(state.model_copy(update={"answers": Answers(seats=(answer,))}))
    teacher = office(Service.SKOLE, SEM, Role.TEACHER)
    assert not fills_seat(rules, asked_by(state), teacher)
    assert fills_seat(rules, sent, teacher)
    # The seat's holder answers for it all the same.
    assert not speaks_for_seat(rules, sent, teacher)
    for other in (
        office(Service.SKOLE, SEM, Role.CONTACT_TEACHER),
        office(Service.SKOLE, UnitId("unit:another-skole"), Role.TEACHER),
        office(Service.BARNEHAGE, SEM, Role.TEACHER),
    ):
        assert not fills_seat(rules, sent, other)
    elsewhere = answer.model_copy(update={"deputy": Deputy(role=Role.LEADER, unit=UnitId("unit:another-skole"))})
    sent = asked_by(state.model_copy(update={"answers": Answers(seats=(elsewhere,))}))
    assert fills_seat(rules, sent, office(Service.SKOLE, UnitId("unit:another-skole"), Role.LEADER))
    assert not fills_seat(rules, sent, teacher)


@pytest.mark.rule(39)
def test_lederforum_is_called_by_the_municipalitys_own_leaders_not_by_every_units() -> None:
    forum = rules_of(NOTODDEN, "lederforum")
    leader = frozenset({Role.LEADER})
    assert may_call(forum, frozenset(), leader, Service.LEDELSE, UnitId("unit:kommune"))
    assert not may_call(forum, frozenset(), leader, Service.BARNEHAGE, LIA)
    assert not may_call(forum, frozenset(), leader, Service.PPT, UnitId("unit:ppt"))
    assert may_call(forum, frozenset(), frozenset({Role.COORDINATOR}), None, UnitId("unit:kommune"))


# --- who was there ------------------------------------------------------------------------------------------------------


def row(service: Service, role: Role = Role.LEADER, **said: object) -> Attendance:
    return Attendance(service=service, role=role, present=True).model_copy(update=said)


def held(*rows: Attendance, guardians: int = 0) -> Holding:
    ended = BEGINS + timedelta(minutes=150)
    return Holding(BEGINS, ended, Role.LEADER, rows, guardians, ())


def check(profile: Profile, state: MeetingState, *rows: Attendance) -> tuple[Attendance, ...]:
    return check_attendance(state, profile, rules_of(profile, state.arena_type), held(*rows))


@pytest.mark.rule(71, 72, 183)
def test_whoever_is_not_in_the_seats_role_is_counted_only_as_its_deputy() -> None:
    state, director = called(TONSBERG, "rektormote"), row(Service.LEDELSE)
    assert check(TONSBERG, state, director, row(Service.SKOLE, unit=SEM))
    with pytest.raises(SeatRoleError) as refused:
        check(TONSBERG, state, director, row(Service.SKOLE, Role.TEACHER, unit=SEM))
    assert refused.value.extensions == {"service": "skole", "role": "leader"}
    rows = check(TONSBERG, state, director, row(Service.SKOLE, Role.TEACHER, unit=SEM, deputy=True))
    assert [(each.role, each.deputy) for each in rows] == [(Role.LEADER, False), (Role.TEACHER, True)]
    for nobody in (Role.GUARDIAN, Role.AUDITOR, Role.SERVICE_ACCOUNT):
        with pytest.raises(SeatRoleError):
            check(TONSBERG, state, director, row(Service.SKOLE, nobody, unit=SEM, deputy=True))
    # A deputy whom the answer to the invitation named need not be said again.
    answer = SeatAnswer(
        seat=Seat(service=Service.SKOLE),
        answer=InvitationAnswer.DECLINED,
        deputy=Deputy(role=Role.TEACHER),
        at=BEGINS,
    )
    named = state.model_copy(update={"answers": Answers(seats=(answer,))})
    [_, recorded] = check(TONSBERG, named, director, row(Service.SKOLE, Role.TEACHER))
    assert recorded.deputy


@pytest.mark.rule(15, 16)
def test_of_two_schools_it_is_said_which_one_came() -> None:
    other = UnitId("unit:haugen-barnehage")
    state = called(NOTODDEN, "overgang-skole-skole-kontaktlaerer", TINNES).model_copy(
        update={
            "units": frozenset({TINNES, SEM}),
            "seats": (Seat(service=Service.SKOLE, unit=SEM), Seat(service=Service.SKOLE, unit=TINNES)),
        }
    )
    teacher = row(Service.SKOLE, Role.CONTACT_TEACHER)
    with pytest.raises(AttendanceError) as refused:
        check(NOTODDEN, state, teacher, teacher)
    assert refused.value.extensions == {"service": "skole", "units": [SEM, TINNES]}
    here, there = (teacher.model_copy(update={"unit": unit}) for unit in (TINNES, SEM))
    with pytest.raises(AttendanceError) as missing:
        check(NOTODDEN, state, here)
    assert missing.value.extensions == {"missing": ["skole"], "units": [SEM]}
    with pytest.raises(AttendanceError):
        check(NOTODDEN, state, here, there, teacher.model_copy(update={"unit": other}))
    assert {each.unit for each in check(NOTODDEN, state, here, here, there)} == {SEM, TINNES}, (
        "two classes, two teachers"
    )
    absent = there.model_copy(update={"present": False, "absence_reason": "ill"})
    rows = check(NOTODDEN, state, here, absent)
    facts = facts_of(_after(state, rows))
    assert facts is not None
    assert facts.absent == (Absent(service=Service.SKOLE, unit=SEM, reason="ill"),)


@pytest.mark.rule(15)
def test_from_school_to_school_the_receiving_ones_special_education_coordinator_meets_the_sending_ones_contact_teacher() -> (
    None
):
    rules = rules_of(NOTODDEN, "overgang-skole-skole-koordinator")
    state = called(NOTODDEN, rules.type, TINNES, UNGDOMSSKOLE)
    asked = Asked(state.invited, state.units, (), NOTODDEN.receiving(state.units))
    coordinator, teacher = Function.SPECIAL_EDUCATION_COORDINATOR, Role.CONTACT_TEACHER
    for unit in (UNGDOMSSKOLE, TINNES):
        for role, functions, takes in (
            (Role.TEACHER, {coordinator}, unit == UNGDOMSSKOLE),
            (teacher, set(), unit == TINNES),
            (Role.TEACHER, set(), False),
        ):
            who = Office(Service.SKOLE, unit, frozenset({role}), frozenset(functions))
            assert fills_seat(rules, asked, who) is takes
            assert speaks_for_seat(rules, asked, who) is takes
            # Their school may be either, in another meeting: the arena is not closed to them.
            assert (rules.type in closed_arenas(NOTODDEN, who)) is (role is Role.TEACHER and not functions)
    here = row(Service.SKOLE, teacher, unit=TINNES)
    there = row(Service.SKOLE, Role.TEACHER, function=coordinator, unit=UNGDOMSSKOLE)
    rows = check(NOTODDEN, state, here, there)
    assert {(each.unit, each.function, each.deputy) for each in rows} == {
        (TINNES, None, False),
        (UNGDOMSSKOLE, coordinator, False),
    }
    for wrong, other, wanted in (
        (row(Service.SKOLE, teacher, unit=UNGDOMSSKOLE), here, coordinator),
        (row(Service.SKOLE, Role.TEACHER, function=coordinator, unit=TINNES), there, teacher),
    ):
        with pytest.raises(SeatRoleError) as refused:
            check(NOTODDEN, state, wrong, other)
        assert refused.value.extensions == {"service": "skole", "role": wanted}
        assert check(NOTODDEN, state, wrong.model_copy(update={"deputy": True}), other)
    # Between two schools of which neither is said to send children to the other, either may be in either role.
    neither = Asked(state.invited, frozenset({TINNES, SEM}), (), NOTODDEN.receiving({TINNES, SEM}))
    for unit in (TINNES, SEM):
        assert fills_seat(
            rules, neither, Office(Service.SKOLE, unit, frozenset({Role.TEACHER}), frozenset({coordinator}))
        )
        assert fills_seat(rules, neither, office(Service.SKOLE, unit, teacher))
    between = called(NOTODDEN, rules.type, TINNES)
    with pytest.raises(SeatRoleError) as refused:
        check(NOTODDEN, between, row(Service.SKOLE, Role.TEACHER, unit=TINNES))
    assert refused.value.extensions == {"service": "skole", "roles": [teacher, coordinator]}


def _after(state: MeetingState, rows: tuple[Attendance, ...]) -> MeetingState:
    event = MeetingHeld(
        meeting=MEETING_REF,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type=state.arena_type,
        started_at=BEGINS,
        ended_at=BEGINS + timedelta(minutes=150),
        chair=Role.LEADER,
        attendance=rows,
        kinds_covered=frozenset(ItemKind),
    )
    return MEETING.fold(state, [event])


@pytest.mark.rule(54)
@pytest.mark.parametrize("unit", [None, LIA])
def test_of_one_seat_it_is_not_said_both_that_its_holder_came_and_did_not(unit: UnitId | None) -> None:
    state = called(NOTODDEN, "ressursteam", LIA)
    others = [row(service) for service in (Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)]
    own = row(Service.BARNEHAGE, unit=unit)
    absent = own.model_copy(update={"present": False, "absence_reason": "ill"})
    for twice in ([own, absent], [absent, row(Service.BARNEHAGE, present=False)]):
        with pytest.raises(SeatTwiceError) as refused:
            check(NOTODDEN, state, *others, *twice)
        assert refused.value.extensions == {"service": "barnehage", "unit": LIA}
    assert check(
        NOTODDEN, state, *others, own, row(Service.BARNEHAGE, Role.TEACHER), row(Service.BARNEHAGE, Role.TEACHER)
    )


@pytest.mark.rule(53, 54)
def test_the_unit_that_a_tst_belongs_to_has_the_same_duty_to_be_there() -> None:
    state = called(TYNSET, "tst", KVIKNE)
    others = [
        row(Service.PPT, Role.PPT_ADVISER),
        row(Service.HELSESTASJON, Role.HEALTH_NURSE),
        row(Service.BARNEVERN, Role.CHILD_WELFARE_OFFICER),
    ]
    with pytest.raises(AttendanceError) as missing:
        check(TYNSET, state, *others)
    assert missing.value.extensions == {"missing": ["skole"], "units": [KVIKNE]}
    absent = row(Service.SKOLE, present=False)
    with pytest.raises(AbsenceWithoutReasonError) as breached:
        check(TYNSET, state, *others, absent)
    assert breached.value.extensions == {"services": ["skole"], "units": [KVIKNE]}
    assert check(TYNSET, state, *others, absent.model_copy(update={"absence_reason": "vacant"}))


@pytest.mark.rule(39)
def test_where_all_units_have_the_seat_as_one_it_may_be_said_of_which_they_came() -> None:
    state = called(NOTODDEN, "lederforum")
    fixed = [row(service) for service in sorted(state.invited - {Service.BARNEHAGE})]
    rows = check(NOTODDEN, state, *fixed, row(Service.BARNEHAGE, unit=LIA), row(Service.BARNEHAGE))
    assert [each.unit for each in rows if each.service is Service.BARNEHAGE] == [LIA, None]
    with pytest.raises(AttendanceError):
        check(NOTODDEN, state, *fixed, row(Service.BARNEHAGE, unit=TINNES))
    late = row(Service.BARNEHAGE, unit=UnitId("unit:haugen-barnehage"), present=False)
    facts = facts_of(_after(state, check(NOTODDEN, state, *fixed, row(Service.BARNEHAGE, unit=LIA), late)))
    assert facts is not None
    assert facts.absent == ()


@pytest.mark.rule(15, 16, 74, 152)
def test_a_survey_is_for_the_school_that_came_and_not_for_the_one_that_did_not() -> None:
    teacher = row(Service.SKOLE, Role.CONTACT_TEACHER)
    here, absent = (
        teacher.model_copy(update={"unit": TINNES}),
        teacher.model_copy(update={"unit": SEM, "present": False}),
    )
    both = frozenset({TINNES, SEM})
    assert units_there(both, (here, absent)) == {TINNES}
    assert units_there(both, (here, absent.model_copy(update={"present": True}))) == both
    # Of a meeting recorded before it was said which came, and where only some of it is said, every unit that was to come.
    assert units_there(both, (teacher,)) == both
    assert units_there(frozenset(), (here, row(Service.BARNEHAGE))) == frozenset()
    assert units_there(frozenset(), (row(Service.BARNEHAGE, unit=LIA), row(Service.PPT))) == {LIA}


# --- what those who were there may decide -------------------------------------------------------------------------------


def decided(authority: Authority | None, owner: Service, *, stayed: frozenset[Service]) -> list[EventData]:
    """Decide on a measure of a service in Kvikne skole's TST, for an item for which these stayed."""
    case, consent, item = CaseRef("cas_" + "b" * 26), ConsentRef("cst_" + "b" * 26), ItemRef("itm_" + "b" * 26)
    scope = Scope(
        services=frozenset({Service.PPT, Service.BARNEVERN}),
        categories=frozenset({InformationCategory.LANGUAGE}),
        purposes=frozenset({Purpose.ASSESSMENT}),
    )
    history = ConsentHistory(
        consent=consent,
        case=case,
        requests=frozenset({Request(scope=scope, held_by_unit=KVIKNE, needed=frozenset({(GrantorClass.GUARDIAN, 2)}))}),
        grants=frozenset(
            {Grant(version=1, scope=scope, valid_from=date(2027, 1, 1), valid_to=date(2027, 6, 30), at=BEGINS)}
        ),
    )
    discussed = Item(
        item=item,
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        status=ItemStatus.DISCUSSED,
        case=case,
        categories=scope.categories,
        purpose=Purpose.ASSESSMENT,
        held_by_unit=KVIKNE,
        held_by=Service.SKOLE,
        attended_by=stayed,
    )
    state = called(TYNSET, "tst", KVIKNE).model_copy(update={"status": Status.HELD, "items": (discussed,)})
    measure = PlannedMeasure(
        measure=MeasureRef("mea_" + "b" * 26),
        code="sprakgruppe",
        owner=owner,
        indicator="ordforrad",
        evaluate_by=BEGINS + timedelta(days=60),
    )
    known = KnownCase(case=case, municipality=LogScope("3427"), unit=KVIKNE, guardians=2, open=True, elsewhere=False)
    outcome = Outcome(item=item, decision="measure-planned", measures=(measure,))
    at = BEGINS + timedelta(hours=3)
    return decide_outcome(state, outcome, [history], at, known=known, authority=authority)


@pytest.mark.rule(62, 71, 72)
def test_a_service_is_bound_by_whom_it_sent_and_by_nobody_else() -> None:
    stated = rules_of(TYNSET, "tst").authority
    assert stated is not None
    there = frozenset({Service.PPT})
    assert decided(stated, Service.PPT, stayed=there)
    assert decided(stated, Service.SKOLE, stayed=there), "the unit that brought it decides for itself"
    with pytest.raises(AuthorityMissingError) as absent:
        decided(stated, Service.BARNEVERN, stayed=there)
    assert absent.value.extensions == {"services": ["barnevern"]}
    only_own = stated.model_copy(update={"decide_for_service": False})
    assert decided(only_own, Service.SKOLE, stayed=there)
    with pytest.raises(AuthorityMissingError):
        decided(only_own, Service.PPT, stayed=there)
    with pytest.raises(AuthorityMissingError):
        decided(stated.model_copy(update={"design_measures": False}), Service.SKOLE, stayed=there)
    # Where the municipality's source says nothing of it, the consent alone is asked.
    assert decided(None, Service.BARNEVERN, stayed=there)
