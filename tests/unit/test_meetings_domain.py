"""The meetings' pure decisions, cell by cell."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest

from services.meetings.domain.agenda import NewItem, check_item, decide_add_item, matter_of_item, may_hear
from services.meetings.domain.arena_rules import ArenaRules, ArenaType, Begins, Member, Retired, Said, Seats
from services.meetings.domain.calling import check_time, is_public_holiday, may_call
from services.meetings.domain.holding import (
    Discussion,
    Holding,
    check_attendance,
    check_times,
    decide_discussed_later,
    decide_hold,
    since_when,
)
from services.meetings.domain.meeting import MEETING, Item, ItemStatus, MeetingState, RemovalReason, Status
from services.meetings.domain.modes import ALLOWED, NamedMatter, check_mode, judge_named, require_consent
from services.meetings.domain.profile import read_profile
from services.meetings.domain.projection import ConsentHistory, Cut, Grant, KnownCase, Request, permits, present
from services.meetings.domain.seating import Asked, Office, fills_seat
from services.meetings.domain.year import Calendar
from services.meetings.errors import (
    AbsenceWithoutReasonError,
    ArenaNotBegunError,
    ArenaRetiredError,
    AttendanceError,
    CaseElsewhereError,
    ConsentMissingError,
    HeldFarOffError,
    HoldingTimesError,
    HolidaysUnknownError,
    MeetingFullError,
    MeetingsError,
    NoExtraMeetingsError,
    NotPublicError,
    OutsideWindowError,
    PublicHolidayError,
    StartsAtNightError,
    TermHasMeetingError,
    TooManySeatsError,
)
from services.meetings.settings import MeetingsSettings
from shared.calendar import at_oslo
from shared.contracts.base import EventData
from shared.contracts.codes import GrantorClass, InformationCategory, LegalBasis, Purpose, Role, Scope, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemLeftOpen,
    AgendaItemRemoved,
    Attendance,
    ItemKind,
    ItemMode,
    MeetingCalled,
    MeetingHeld,
    MeetingRescheduled,
    ModePolicy,
)
from shared.refs import ArenaRef, CaseRef, ConsentRef, ItemRef, LogScope, MeetingRef, OrganisationNumber, UnitId

FOLDER = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILE = read_profile((FOLDER / "notodden.yaml").read_text(encoding="utf-8"), "notodden.yaml")
NOW = datetime(2026, 9, 22, 10, 0, tzinfo=UTC)
LIA = UnitId("unit:lia-barnehage")
HAUGEN = UnitId("unit:haugen-barnehage")
TINNES = UnitId("unit:tinnes-skole")
CASE = CaseRef("cas_" + "b" * 26)
LANGUAGE = frozenset({InformationCategory.LANGUAGE})
BOTH = frozenset({InformationCategory.LANGUAGE, InformationCategory.DEVELOPMENT})
TEAM = frozenset({Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON, Service.BARNEVERN})


def rules(arena_type: str) -> ArenaRules:
    found = PROFILE.arena(arena_type)
    assert found is not None
    return found


def scope(*services: Service, categories: frozenset[InformationCategory] = BOTH) -> Scope:
    return Scope(
        services=frozenset(services),
        categories=categories,
        purposes=frozenset({Purpose.ASSESSMENT, Purpose.TRANSITION}),
    )


def consent(letter: str = "c", *services: Service, unit: UnitId = LIA, **changes: object) -> ConsentHistory:
    given = scope(*(services or (Service.PPT, Service.HELSESTASJON)))
    return ConsentHistory(
        consent=ConsentRef("cst_" + letter * 26),
        case=CASE,
        requests=frozenset({Request(scope=given, held_by_unit=unit, needed=frozenset({(GrantorClass.GUARDIAN, 2)}))}),
        grants=frozenset(
            {
                Grant(
                    version=1,
                    scope=given,
                    valid_from=date(2026, 9, 1),
                    valid_to=date(2027, 6, 30),
                    at=NOW - timedelta(days=3),
                )
            }
        ),
    ).model_copy(update=changes)


def matter(**changes: object) -> NamedMatter:
    given: dict[str, object] = {
        "case": CASE,
        "unit": LIA,
        "own_service": Service.BARNEHAGE,
        "own_elsewhere": False,
        "categories": LANGUAGE,
        "purpose": Purpose.ASSESSMENT,
    }
    return NamedMatter(**(given | changes))  # type: ignore[arg-type]


# --- the matrix ---------------------------------------------------------------------------------------------------------

N, A, W = ItemMode.NAMED, ItemMode.ANONYMOUS, ItemMode.NO_CHILD
MATRIX = {
    (ModePolicy.SYSTEM_ONLY, ItemKind.GENERAL): {W},
    (ModePolicy.SYSTEM_ONLY, ItemKind.GUIDANCE): {W},
    (ModePolicy.SYSTEM_ONLY, ItemKind.OBSERVATION): set(),
    (ModePolicy.SYSTEM_ONLY, ItemKind.CASE): set(),
    (ModePolicy.ANONYMOUS_ONLY, ItemKind.GENERAL): {W},
    (ModePolicy.ANONYMOUS_ONLY, ItemKind.GUIDANCE): {W, A},
    (ModePolicy.ANONYMOUS_ONLY, ItemKind.OBSERVATION): {A},
    (ModePolicy.ANONYMOUS_ONLY, ItemKind.CASE): {A},
    (ModePolicy.ANONYMOUS_BY_DEFAULT, ItemKind.GENERAL): {W},
    (ModePolicy.ANONYMOUS_BY_DEFAULT, ItemKind.GUIDANCE): {W, A},
    (ModePolicy.ANONYMOUS_BY_DEFAULT, ItemKind.OBSERVATION): {A, N},
    (ModePolicy.ANONYMOUS_BY_DEFAULT, ItemKind.CASE): {A, N},
    (ModePolicy.NAMED, ItemKind.GENERAL): {W},
    (ModePolicy.NAMED, ItemKind.GUIDANCE): {W},
    (ModePolicy.NAMED, ItemKind.OBSERVATION): {N},
    (ModePolicy.NAMED, ItemKind.CASE): {N},
}


@pytest.mark.rule(2, 7, 22, 172)
@pytest.mark.parametrize(("policy", "kind", "mode"), list(product(ModePolicy, ItemKind, ItemMode)))
def test_every_cell_of_the_mode_matrix(policy: ModePolicy, kind: ItemKind, mode: ItemMode) -> None:
    assert ALLOWED[policy, kind] == MATRIX[policy, kind]
    if mode in MATRIX[policy, kind]:
        check_mode(policy, kind, mode)
    else:
        with pytest.raises(MeetingsError):
            check_mode(policy, kind, mode)


@pytest.mark.rule(22, 45, 172)
@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (ModePolicy.ANONYMOUS_ONLY, "arena-anonymous-only"),
        (ModePolicy.SYSTEM_ONLY, "arena-system-only"),
    ],
)
def test_the_policy_is_asked_before_anything_about_the_case(policy: ModePolicy, code: str) -> None:
    new = NewItem(ItemRef("itm_" + "b" * 26), ItemKind.CASE, ItemMode.NAMED, "Språk.")  # not even a case
    with pytest.raises(MeetingsError) as refused:
        check_item(policy, new)
    assert refused.value.code == code


# --- who may hear -------------------------------------------------------------------------------------------------------


@pytest.mark.rule(45)
@pytest.mark.parametrize("outsider", [Service.FRIVILLIGHET, Service.NAERINGSLIV])
def test_business_and_voluntary_organisations_hear_no_name_whatever_the_consent_says(outsider: Service) -> None:
    given = consent("c", Service.PPT, outsider)
    basis = judge_named(matter(), TEAM | {outsider}, [given], NOW, guardians=2)
    assert (basis.covered, outsider in basis.leaves) == (frozenset({Service.PPT}), True)
    with pytest.raises(NotPublicError):
        require_consent(matter(), [Service.PPT, outsider], [given], NOW, guardians=2)
    with pytest.raises(ConsentMissingError) as missing:
        judge_named(matter(), [Service.BARNEHAGE, outsider, Service.BARNEVERN], [given], NOW, guardians=2)
    # Nobody is to be asked for a consent that would change nothing.
    assert [each["service"] for each in missing.value.extensions["missing"]] == ["barnevern"]  # type: ignore[call-overload, index, union-attr]
    item = Item(
        item=ItemRef("itm_" + "b" * 26),
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        case=CASE,
        categories=LANGUAGE,
        purpose=Purpose.ASSESSMENT,
        held_by_unit=LIA,
        held_by=Service.BARNEHAGE,
    )
    assert may_hear(item, Service.PPT, [given], NOW, own=False)
    assert not may_hear(item, outsider, [given], NOW, own=False)
    assert not may_hear(item, outsider, [given], NOW, own=True)


@pytest.mark.rule(4, 5)
def test_what_was_brought_on_a_consent_rests_on_it_also_when_another_unit_has_renewed_it() -> None:
    """Who has the case by then asked for the next period: what was granted anew is no less granted for whoever was in the room."""
    asked = frozenset(
        {
            Request(scope=scope(Service.PPT), held_by_unit=LIA),
            Request(scope=scope(Service.PPT), held_by_unit=TINNES, version=2, since=NOW - timedelta(hours=1)),
        }
    )
    renewed, anew = consent("c", Service.PPT, requests=asked), consent("d", Service.PPT, unit=TINNES)
    item = Item(
        item=ItemRef("itm_" + "b" * 26),
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        status=ItemStatus.DISCUSSED,
        case=CASE,
        consent=renewed.consent,
        categories=LANGUAGE,
        purpose=Purpose.ASSESSMENT,
        held_by_unit=LIA,
        held_by=Service.BARNEHAGE,
    )
    assert may_hear(item, Service.PPT, [renewed], NOW, own=False)
    brought = matter_of_item(MeetingState(), item)
    assert require_consent(brought, [Service.PPT], [anew, renewed], NOW, guardians=2).consent == renewed.consent
    # What another unit was given by a consent of its own is not for this item, nor is anything new brought on the renewed one.
    assert not may_hear(item, Service.PPT, [anew], NOW, own=False)
    for refused, histories in ((brought, [anew]), (matter(), [renewed])):
        with pytest.raises(ConsentMissingError):
            require_consent(refused, [Service.PPT], histories, NOW, guardians=2)
    withdrawn = renewed.model_copy(update={"cuts": frozenset({Cut(version=3, left=None, at=NOW)})})
    assert not may_hear(item, Service.PPT, [withdrawn], NOW, own=False)


@pytest.mark.rule(4, 5, 106)
def test_the_covered_stay_and_the_others_leave() -> None:
    basis = judge_named(matter(), TEAM, [consent()], NOW, guardians=2)
    assert (basis.covered, basis.leaves) == (
        frozenset({Service.PPT, Service.HELSESTASJON}),
        frozenset({Service.BARNEVERN}),
    )


@pytest.mark.rule(4, 5)
@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (matter(categories=frozenset({InformationCategory.HEALTH})), consent()),
        (matter(categories=LANGUAGE | {InformationCategory.HEALTH}), consent()),
        (matter(purpose=Purpose.DISCUSSION), consent()),
        (matter(), consent(unit=TINNES)),
        (matter(unit=TINNES), consent()),
        (matter(), consent("c", Service.BUP)),
        (matter(), consent(grants=frozenset())),
        (matter(), consent(cuts=frozenset({Cut(version=1, left=None, at=NOW)}))),
        (matter(case=CaseRef("cas_" + "c" * 26)), consent()),
    ],
    ids=[
        "category",
        "one-category",
        "purpose",
        "held-elsewhere",
        "asked-elsewhere",
        "service",
        "open",
        "ended",
        "case",
    ],
)
def test_outside_the_consent_in_any_direction_is_missing(wanted: NamedMatter, given: ConsentHistory) -> None:
    with pytest.raises(ConsentMissingError):
        judge_named(wanted, TEAM, [given], NOW, guardians=2)


@pytest.mark.rule(106)
def test_what_is_missing_is_told_category_by_category() -> None:
    wanted = matter(categories=BOTH | {InformationCategory.HEALTH})
    with pytest.raises(ConsentMissingError) as refused:
        judge_named(wanted, TEAM, [consent()], NOW, guardians=2)
    assert refused.value.extensions["missing"] == [
        {"service": "barnevern", "categories": ["development", "health", "language"]},
        {"service": "helsestasjon", "categories": ["health"]},
        {"service": "ppt", "categories": ["health"]},
    ]
    assert refused.value.extensions["needed_from"] == {"guardian": 2}


@pytest.mark.rule(4)
def test_of_several_consents_the_one_that_lets_most_stay_carries_it() -> None:
    narrow, wide = consent("c", Service.PPT), consent("d", Service.PPT, Service.BARNEVERN)
    for order in ([narrow, wide], [wide, narrow]):
        assert judge_named(matter(), TEAM, order, NOW, guardians=2).consent == wide.consent


@pytest.mark.rule(15, 18)
def test_another_school_needs_the_consent_that_the_own_one_does_not() -> None:
    wanted = matter(own_service=Service.SKOLE, unit=TINNES, own_elsewhere=True, purpose=Purpose.TRANSITION)
    with pytest.raises(ConsentMissingError):
        judge_named(wanted, {Service.SKOLE}, [consent(unit=TINNES)], NOW, guardians=2)
    given = consent("c", Service.SKOLE, unit=TINNES)
    assert judge_named(wanted, {Service.SKOLE}, [given], NOW, guardians=2).covered == {Service.SKOLE}


@pytest.mark.rule(26)
def test_all_that_get_a_part_must_be_covered() -> None:
    require_consent(matter(), {Service.PPT}, [consent()], NOW, guardians=2)
    with pytest.raises(ConsentMissingError) as refused:
        require_consent(matter(), {Service.PPT, Service.BARNEVERN}, [consent()], NOW, guardians=2)
    assert refused.value.extensions["missing"] == [{"service": "barnevern", "categories": ["language"]}]


@pytest.mark.rule(4)
def test_a_consent_holds_on_its_days_in_norway() -> None:
    given = consent()
    first = datetime(2026, 9, 19, 10, 0, tzinfo=UTC)
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, first) == 1
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, first - timedelta(seconds=1)) is None
    last_evening = datetime(2027, 6, 30, 21, 59, 59, tzinfo=UTC)  # one second before midnight in Norway
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, last_evening) == 1
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, last_evening + timedelta(seconds=1)) is None


@pytest.mark.rule(4, 18, 106)
def test_a_consent_to_services_of_another_municipality_is_for_nobody_who_meets_here() -> None:
    there = scope(Service.PPT).model_copy(update={"municipality": LogScope("0301")})
    asked = Request(scope=there, held_by_unit=LIA, needed=frozenset({(GrantorClass.GUARDIAN, 2)}))
    waiting = consent(requests=frozenset({asked}), grants=frozenset())
    [given] = consent().grants
    granted = consent(requests=frozenset({asked}), grants=frozenset({given.model_copy(update={"scope": there})}))
    assert permits(granted, Service.PPT, LANGUAGE, Purpose.TRANSITION, NOW) is None
    for known in (waiting, granted):
        with pytest.raises(ConsentMissingError) as refused:
            require_consent(matter(purpose=Purpose.TRANSITION), {Service.PPT}, [known], NOW, guardians=2)
        # Nor is it what is waited for.
        assert refused.value.extensions["requested"] == []
        assert refused.value.extensions["missing"] == [{"service": "ppt", "categories": ["language"]}]


@pytest.mark.rule(4)
def test_a_withdrawal_that_is_known_is_in_force_even_when_the_other_clock_is_ahead() -> None:
    given = consent(cuts=frozenset({Cut(version=2, left=None, at=NOW + timedelta(minutes=3))}))
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, NOW) == 1  # what happened before it, was allowed
    assert permits(given, Service.PPT, LANGUAGE, Purpose.ASSESSMENT, present([given], NOW)) is None


# --- seats and calling --------------------------------------------------------------------------------------------------


def called(**changes: object) -> MeetingState:
    state = MeetingState(
        meeting=MeetingRef("mtg_" + "b" * 26),
        arena_type="ressursteam",
        units=frozenset({LIA}),
        starts_at=NOW,
        invited=TEAM,
        status=Status.CALLED,
    )
    return state.model_copy(update=changes)


@pytest.mark.rule(3, 6, 20)
def test_a_seat_is_the_services_but_of_many_units_the_units() -> None:
    def seated(service: Service | None, unit: UnitId, *, units: frozenset[UnitId] = frozenset({LIA})) -> bool:
        return fills_seat(rules("ressursteam"), Asked(TEAM, units), Office(service, unit, frozenset({Role.TEACHER})))

    assert seated(Service.PPT, UnitId("unit:ppt"))
    assert seated(Service.BARNEHAGE, LIA)
    assert not seated(Service.BARNEHAGE, HAUGEN)
    assert not seated(Service.SKOLE, TINNES)
    assert not seated(None, LIA)
    assert seated(Service.BARNEHAGE, HAUGEN, units=frozenset())


@pytest.mark.rule(4)
def test_a_named_item_is_heard_by_its_unit_and_by_whom_the_consent_covers_now() -> None:
    item = Item(
        item=ItemRef("itm_" + "b" * 26),
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        case=CASE,
        categories=LANGUAGE,
        purpose=Purpose.ASSESSMENT,
        held_by_unit=LIA,
        held_by=Service.BARNEHAGE,
    )
    withdrawn = [consent(cuts=frozenset({Cut(version=2, left=scope(Service.PPT), at=NOW)}))]
    nurse = Service.HELSESTASJON
    assert may_hear(item, nurse, [consent()], NOW, own=False)
    assert not may_hear(item, nurse, withdrawn, NOW, own=False)
    assert may_hear(item, Service.PPT, withdrawn, NOW, own=False)
    assert may_hear(item, Service.BARNEHAGE, [], NOW, own=True)
    assert not may_hear(item, Service.BARNEHAGE, [consent()], NOW, own=False)
    assert not may_hear(item, None, [consent()], NOW, own=False)
    assert not may_hear(item.model_copy(update={"status": ItemStatus.REMOVED}), Service.BARNEHAGE, [], NOW, own=True)


@pytest.mark.rule(6, 9, 23)
@pytest.mark.parametrize(
    ("arena", "role", "service", "unit", "may"),
    [
        ("ressursteam", Role.LEADER, Service.BARNEHAGE, LIA, True),
        ("ressursteam", Role.LEADER, Service.BARNEHAGE, UnitId("unit:haugen-barnehage"), False),
        ("ressursteam", Role.TEACHER, Service.BARNEHAGE, LIA, False),
        ("ressursteam", Role.COORDINATOR, None, UnitId("unit:kommune"), True),
        ("ressursteam", Role.LEADER, None, UnitId("unit:kommune"), False),
        ("bup-samarbeid", Role.BUP_CLINICIAN, Service.BUP, UnitId("unit:bup"), True),
        ("bup-samarbeid", Role.LEADER, Service.SKOLE, TINNES, False),
        ("ansvarsgruppe", Role.HEALTH_NURSE, Service.HELSESTASJON, UnitId("unit:helsestasjon"), True),
        ("lederforum", Role.LEADER, Service.LEDELSE, UnitId("unit:kommune"), True),
        ("lederforum", Role.LEADER, Service.BARNEHAGE, LIA, False),
    ],
)
def test_who_calls(arena: str, role: Role, service: Service | None, unit: UnitId, may: bool) -> None:
    units = frozenset({LIA}) if rules(arena).level.value != "municipality" else frozenset[UnitId]()
    assert may_call(rules(arena), units, frozenset({role}), service, unit) is may


@pytest.mark.rule(8, 9, 10, 16)
def test_when_it_may_be_called() -> None:
    day = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
    team, transition, spring = (
        rules("ressursteam"),
        rules("overgang-barnehage-skole"),
        rules("overgang-skole-skole-kontaktlaerer"),
    )
    check_time(team, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=0)
    with pytest.raises(TermHasMeetingError):
        check_time(team, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=1)
    check_time(team, PROFILE.calendar, day, NOW, extra=True, ordinary_in_term=1)
    check_time(transition, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=0)
    with pytest.raises(OutsideWindowError):
        check_time(spring, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=0)
    with pytest.raises(NoExtraMeetingsError):
        check_time(transition, PROFILE.calendar, day, NOW, extra=True, ordinary_in_term=0)
    with pytest.raises(PublicHolidayError):
        check_time(
            team, PROFILE.calendar, datetime(2027, 5, 17, 10, 0, tzinfo=UTC), NOW, extra=False, ordinary_in_term=0
        )
    # New Year's Eve in UTC is New Year's Day in Norway.
    midnight = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    with pytest.raises(PublicHolidayError):
        check_time(team, PROFILE.calendar, midnight, NOW, extra=False, ordinary_in_term=0)


@pytest.mark.rule(8, 9)
def test_nobody_meets_in_the_night_or_years_ahead_and_an_urgent_meeting_may_be_on_any_other_day() -> None:
    team = rules("ressursteam")

    def check(day: date, at: time, calendar: Calendar = PROFILE.calendar) -> None:
        check_time(team, calendar, at_oslo(day, at), NOW, extra=True, ordinary_in_term=0)

    autumn = date(2026, 10, 24)
    for at in (time(6), time(21, 59)):
        # A Saturday, a day of the autumn holidays, and one in winter time; and the last school year that is known, to its end.
        for day in (autumn, date(2026, 9, 29), date(2026, 11, 3), date(2029, 7, 31)):
            check(day, at)
    for at in (time(22), time(23, 59), time(0), time(2), time(5, 59)):
        for day in (autumn, date(2026, 11, 3)):
            with pytest.raises(StartsAtNightError):
                check(day, at)
    for day, begins in ((date(2029, 8, 1), 2029), (date(2031, 9, 2), 2031), (date(2150, 3, 3), 2149)):
        with pytest.raises(HolidaysUnknownError) as error:
            check(day, time(12))
        assert error.value.extensions == {"school_year": begins}
    # Where the profile has fallen behind, this school year and the next are no mistake yet.
    behind = PROFILE.calendar.model_copy(update={"school_holidays": ()})
    check(date(2028, 7, 31), time(12), behind)
    with pytest.raises(HolidaysUnknownError):
        check(date(2028, 8, 1), time(12), behind)


def test_public_holidays_and_ordinary_sundays() -> None:
    assert is_public_holiday(date(2027, 3, 26))  # Good Friday
    assert is_public_holiday(date(2027, 3, 28))  # Easter Sunday
    assert not is_public_holiday(date(2026, 9, 20))


@pytest.mark.rule(75)
def test_a_retired_arena_has_no_meetings_from_its_day_on_and_names_what_took_its_place() -> None:
    retired = Retired(from_day=date(2026, 10, 1), successor=ArenaType("tst"), rule=75)
    old = rules("ressursteam").model_copy(update={"retired": retired})
    for day, refused in ((datetime(2026, 9, 30, 10, tzinfo=UTC), False), (datetime(2026, 10, 1, 10, tzinfo=UTC), True)):
        if not refused:
            check_time(old, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=0)
            continue
        with pytest.raises(ArenaRetiredError) as error:
            check_time(old, PROFILE.calendar, day, NOW, extra=False, ordinary_in_term=0)
        assert error.value.extensions == {"successor": "tst"}


@pytest.mark.rule(75)
def test_an_arena_has_no_meetings_before_its_first_day() -> None:
    new = rules("ressursteam").model_copy(update={"begins": Begins(from_day=date(2026, 10, 1), rule=75)})
    check_time(new, PROFILE.calendar, datetime(2026, 10, 1, 10, tzinfo=UTC), NOW, extra=False, ordinary_in_term=0)
    before = datetime(2026, 9, 30, 10, tzinfo=UTC)
    with pytest.raises(ArenaNotBegunError) as error:
        check_time(new, PROFILE.calendar, before, NOW, extra=False, ordinary_in_term=0)
    assert error.value.extensions == {"begins": "2026-10-01"}


# --- holding ------------------------------------------------------------------------------------------------------------


def seat(service: Service, *, present: bool = True, **changes: object) -> Attendance:
    return Attendance(service=service, role=Role.LEADER, present=present).model_copy(update=changes)


def holding(*seats: Attendance, discussed: tuple[Discussion, ...] = (), **changes: object) -> Holding:
    given: dict[str, object] = {
        "started_at": NOW,
        "ended_at": NOW + timedelta(minutes=90),
        "chair": Role.LEADER,
        "attendance": seats,
        "guardians_present": 0,
        "discussed": discussed,
    }
    return Holding(**(given | changes))  # type: ignore[arg-type]


def came(team: ArenaRules, held: Holding, state: MeetingState | None = None) -> frozenset[Service]:
    """Return the services that were there."""
    rows = check_attendance(state or called(), PROFILE, team, held)
    return frozenset(each.service for each in rows if each.present)


@pytest.mark.rule(54)
def test_a_duty_to_attend_needs_a_reason_for_absence() -> None:
    team = rules("ressursteam").model_copy(
        update={
            "members": tuple(
                Member(service=service, duty=Said(rule=54), rule=54) for service in rules("ressursteam").fixed
            )
        }
    )
    others = [seat(service) for service in TEAM - {Service.PPT}]
    with pytest.raises(AbsenceWithoutReasonError):
        came(team, holding(*others, seat(Service.PPT, present=False)))
    ill = seat(Service.PPT, present=False, absence_reason="ill")
    assert came(team, holding(*others, ill)) == TEAM - {Service.PPT}
    # A second one of the service who came meets the duty.
    second = [seat(Service.PPT, present=False), seat(Service.PPT, role=Role.PPT_ADVISER)]
    assert came(team, holding(*others, *second)) == TEAM


@pytest.mark.rule(54)
def test_whoever_became_a_fixed_member_after_the_meeting_was_called_is_not_waited_for() -> None:
    team = rules("ressursteam")
    grown = team.model_copy(
        update={"members": (*team.members, Member(service=Service.NAV, duty=Said(rule=54), rule=54))}
    )
    everybody = [seat(service) for service in TEAM]
    assert came(grown, holding(*everybody)) == TEAM
    with pytest.raises(AttendanceError):
        came(grown, holding(*everybody[:1]))


@pytest.mark.rule(171)
def test_an_organisation_has_no_more_seats_than_the_arena_gives() -> None:
    members = tuple(
        Member(service=service, external=service is Service.PPT, rule=171) for service in rules("ressursteam").fixed
    )
    counted = Seats(per_organisation=1, rules=(171,))
    team = rules("ressursteam").model_copy(update={"members": members, "seats": counted})
    here = OrganisationNumber("310001031")
    seats = [seat(service) for service in TEAM - {Service.PPT}] + [
        seat(Service.PPT, organisation=here),
        seat(Service.PPT, organisation=here),
    ]
    with pytest.raises(TooManySeatsError):
        came(team, holding(*seats))
    # Whoever leaves out of which organisation it is does not come in by that.
    for unsaid in ([seat(Service.PPT)] * 2, [seat(Service.PPT), seat(Service.PPT, organisation=here)]):
        with pytest.raises(TooManySeatsError):
            came(team, holding(*seats[:-2], *unsaid))
    # The municipality's own services are many in one organisation.
    own = [seat(service, organisation=here) for service in TEAM - {Service.PPT}] + [seat(Service.PPT)]
    assert came(team, holding(*own)) == TEAM


@pytest.mark.rule(174)
def test_no_more_are_there_than_the_arena_has_seats() -> None:
    team = rules("ressursteam").model_copy(update={"seats": Seats(in_all=len(TEAM), rules=(174,))})
    all_of_it = [seat(service) for service in TEAM]
    absent = seat(Service.PPT, present=False, role=Role.PPT_ADVISER)
    assert came(team, holding(*all_of_it, absent)) == TEAM
    with pytest.raises(MeetingFullError):
        came(team, holding(*all_of_it, seat(Service.PPT)))


@pytest.mark.parametrize(
    "wrong",
    [
        holding(started_at=NOW + timedelta(hours=3)),
        holding(ended_at=NOW + timedelta(days=1)),
        holding(discussed=(Discussion(ItemRef("itm_" + "b" * 26), NOW - timedelta(seconds=1)),)),
        holding(discussed=(Discussion(ItemRef("itm_" + "b" * 26)),) * 2),
    ],
)
def test_times_must_be_in_order(wrong: Holding) -> None:
    with pytest.raises(HoldingTimesError):
        check_times(called(), wrong, NOW + timedelta(hours=2))


@pytest.mark.parametrize("days", [-183, -1, 1, 183])
def test_a_meeting_that_was_moved_by_word_of_mouth_is_recorded_where_it_was_held(days: int) -> None:
    began, much_later = NOW + timedelta(days=days), NOW + timedelta(days=400)
    check_times(called(), holding(started_at=began, ended_at=began + timedelta(hours=1)), much_later)
    further = began + (timedelta(days=1) if days > 0 else timedelta(days=-1)) * (abs(days) // 183)
    found = holding(started_at=further, ended_at=further + timedelta(hours=1))
    with nullcontext() if further == began else pytest.raises(HeldFarOffError):
        check_times(called(), found, much_later)


@pytest.mark.rule(4, 8)
@pytest.mark.parametrize(
    ("began", "error"),
    [
        (NOW - timedelta(days=21), HoldingTimesError),  # Before anybody had called it.
        (NOW - timedelta(days=9), HoldingTimesError),  # Before the item was brought.
        (NOW - timedelta(days=7), CaseElsewhereError),  # Moved; what is asked next is whose the case was.
        (NOW - timedelta(hours=20), CaseElsewhereError),
        (NOW, CaseElsewhereError),
    ],
)
def test_nothing_was_discussed_before_the_meeting_was_called_and_the_item_brought(
    began: datetime, error: type[MeetingsError]
) -> None:
    """By a consent that was, and is no more; on the day itself an item may be spoken of first and brought then."""
    ref, new = ItemRef("itm_" + "b" * 26), NOW + timedelta(days=30)
    meeting, arena = MeetingRef("mtg_" + "b" * 26), ArenaRef("arn_" + "b" * 26)
    invitation = MeetingCalled(
        meeting=meeting, arena=arena, arena_type="ressursteam", starts_at=NOW, minutes=90, invited=TEAM
    )
    added = AgendaItemAdded(meeting=meeting, item=ref, kind=ItemKind.CASE, mode=ItemMode.NAMED, case=CASE)
    early, late = NOW - timedelta(days=20), NOW - timedelta(days=8)
    if began > NOW - timedelta(days=2):
        late = NOW + timedelta(days=3)
    moved = MeetingRescheduled(meeting=meeting, starts_at=NOW)
    since = since_when([(early, invitation.model_copy(update={"starts_at": new})), (late, added), (late, moved)])
    item = Item(item=ref, kind=ItemKind.CASE, mode=ItemMode.NAMED, case=CASE, status=ItemStatus.ACCEPTED)
    state = called(arena=arena, items=(item,))
    everybody = [seat(service) for service in TEAM]
    held = holding(*everybody, started_at=began, ended_at=began + timedelta(minutes=90), discussed=(Discussion(ref),))
    basis = LegalBasis(code="consent", version="2018-07-20")
    team = rules("ressursteam")
    with pytest.raises(error):
        decide_hold(
            state, PROFILE, team, held, NOW + timedelta(days=9), histories=(), cases={}, basis=basis, since=since
        )
    after = state.model_copy(
        update={"status": Status.HELD, "started_at": began, "ended_at": held.ended_at, "present": TEAM}
    )
    if began > early:
        with pytest.raises(error):
            decide_discussed_later(after, team, Discussion(ref), histories=(), cases={}, basis=basis, since=since)
    # Where nothing is known of when it was called, nothing is refused for it.
    with pytest.raises(CaseElsewhereError):
        decide_hold(state, PROFILE, team, held, NOW + timedelta(days=9), histories=(), cases={}, basis=basis)


@pytest.mark.rule(4, 5, 54)
def test_what_left_the_agenda_by_itself_after_the_meeting_began_is_said_to_be_open() -> None:
    """It may have been discussed before that, and whoever records the meeting may not have been shown it."""
    arena, team = ArenaRef("arn_" + "b" * 26), rules("ressursteam")
    ended, lapsed, early, asked, proposed, gone, lifted = (ItemRef("itm_" + letter * 26) for letter in "bcdfghj")
    items = tuple(
        Item(
            item=ref,
            kind=ItemKind.CASE,
            mode=ItemMode.NAMED,
            case=CASE,
            held_by_unit=HAUGEN if ref == gone else LIA,
            status=ItemStatus.REMOVED,
            lifted=ref == lifted,
        )
        for ref in (ended, lapsed, early, asked, proposed, gone, lifted)
    )
    state = called(arena=arena, items=items)
    meeting = MeetingRef("mtg_" + "b" * 26)
    history: list[tuple[datetime, EventData]] = [
        (NOW - timedelta(days=2), AgendaItemAccepted(meeting=meeting, item=item.item))
        for item in items
        if item.item != proposed
    ]
    reasons: dict[ItemRef, RemovalReason] = {lapsed: "basis-lapsed", gone: "basis-lapsed", asked: "by-request"}
    for item in items:
        off = AgendaItemRemoved(meeting=meeting, item=item.item, reason=reasons.get(item.item, "consent-withdrawn"))
        history.append((NOW + timedelta(days=-1 if item.item == early else 1), off))
    known = KnownCase(CASE, LogScope("4005"), LIA, 2, open=False, elsewhere=False)
    held, *open_ = decide_hold(
        state,
        PROFILE,
        team,
        holding(*(seat(service) for service in TEAM)),
        NOW + timedelta(days=3),
        histories=(),
        cases={CASE: known},
        basis=LegalBasis(code="consent", version="2018-07-20"),
        since=since_when(history),
    )
    assert isinstance(held, MeetingHeld)
    assert open_ == [AgendaItemLeftOpen(meeting=meeting, item=item, case=CASE) for item in (ended, lapsed)]


@pytest.mark.rule(8, 64)
@pytest.mark.parametrize(("shift", "moved"), [(timedelta(hours=1), False), (timedelta(days=3), True)])
def test_on_another_day_a_meeting_stands_where_it_was_held_and_calendars_are_told(
    shift: timedelta, moved: bool
) -> None:
    state, began = called(), NOW + shift
    held = MeetingHeld(
        meeting=MeetingRef("mtg_" + "b" * 26),
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        started_at=began,
        ended_at=began + timedelta(hours=1),
        chair=Role.LEADER,
        attendance=(),
        kinds_covered=frozenset(),
    )
    after = MEETING.fold(state, [held])
    assert (after.starts_at, after.changes) == ((began, state.changes + 1) if moved else (NOW, state.changes))


@pytest.mark.rule(2)
def test_an_anonymous_item_is_accepted_at_once_whoever_brings_it() -> None:
    new = NewItem(ItemRef("itm_" + "b" * 26), ItemKind.CASE, ItemMode.ANONYMOUS, "Språk.")
    by_caller = decide_add_item(called(), new, decides_agenda=True)
    by_member = decide_add_item(called(), new, decides_agenda=False)
    assert by_caller == by_member
    assert MEETING.fold(called(), by_member).items[0].status is ItemStatus.ACCEPTED
