"""Who came: each in a seat, a service's or a barnehage's or school's own (seed rules 15, 16, 20, 54, 71, 72, 171)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import JsonValue

from services.meetings.domain.arena_rules import TAKES_NO_SEAT, ArenaRules
from services.meetings.domain.calling import seats
from services.meetings.domain.meeting import MeetingState
from services.meetings.domain.profile import Profile
from services.meetings.errors import (
    AbsenceWithoutReasonError,
    AttendanceError,
    MeetingFullError,
    SeatRoleError,
    SeatTwiceError,
    ServiceNotMemberError,
    TooManySeatsError,
)
from shared.contracts.codes import Function, Role
from shared.contracts.meetings import Attendance, Seat


def taken(
    state: MeetingState, profile: Profile, rules: ArenaRules, said: Sequence[Attendance]
) -> dict[Seat, list[Attendance]]:
    """Return what is said of each seat, with the unit whose seat it is, and with every deputy marked as one.

    Raises:
        ServiceNotMemberError: somebody was there who has no seat (seed rule 20).
        AttendanceError: it is not said whose seat it was, and there are several; or a unit without one is named.
        SeatRoleError: whoever came is not in the role that takes the seat, and no deputy (seed rules 16, 71, 72, 183).
        SeatTwiceError: of one seat it is said twice whether its holder came.
    """
    invited = state.seats or seats(profile, state.invited, state.units)
    if strangers := {each.service for each in said} - {seat.service for seat in invited}:
        raise ServiceNotMemberError(extensions={"services": [*sorted(strangers)]})
    found: dict[Seat, list[Attendance]] = {}
    receiving = profile.receiving(state.units)
    for each in said:
        seat = _seat_of(profile, [seat for seat in invited if seat.service is each.service], each)
        wanted, deputy = (
            rules.roles_of(each.service, seat.unit, receiving),
            each.deputy or _is_named_deputy(state, seat, each),
        )
        right = each.role not in TAKES_NO_SEAT and (
            deputy or not wanted or each.role in wanted or each.function in wanted
        )
        if each.present and not right:
            raise SeatRoleError(extensions={"service": each.service, **_said(wanted)})
        recorded = each.model_copy(update={"unit": seat.unit or each.unit, "deputy": deputy})
        found.setdefault(seat, []).append(recorded)
    _check_once(found)
    return found


def _said(wanted: frozenset[Role | Function]) -> dict[str, JsonValue]:
    """Return in which role the seat is taken, or in which; of a seat that anybody takes, none."""
    return {"roles": [*sorted(wanted)]} if len(wanted) > 1 else {"role": next(iter(wanted), None)}


def _seat_of(profile: Profile, own: Sequence[Seat], said: Attendance) -> Seat:
    """Return the seat of its service that is meant."""
    units: list[JsonValue] = [*sorted(seat.unit for seat in own if seat.unit is not None)]
    if said.unit is None:
        if len(own) > 1:
            raise AttendanceError(extensions={"service": said.service, "units": units})
        return own[0]
    known = profile.unit(said.unit)
    for seat in own:
        # Where no unit takes part by name, all of the service's have the seat.
        all_have_it = seat.unit is None and known is not None and known.seated_as is said.service
        if seat.unit == said.unit or all_have_it:
            return seat
    raise AttendanceError(extensions={"service": said.service, "units": units})


def _is_named_deputy(state: MeetingState, seat: Seat, said: Attendance) -> bool:
    """Return whether the answer to the invitation named a deputy in this role."""
    answer = state.answers.of_seat(seat)
    return answer is not None and answer.deputy is not None and answer.deputy.role is said.role


def _check_once(found: dict[Seat, list[Attendance]]) -> None:
    """Refuse that somebody came and did not. Several may come in one seat: a unit's leader takes along whom it needs (rule 6)."""
    for seat, rows in found.items():
        absent = Counter((each.unit, each.role, each.organisation) for each in rows if not each.present)
        there = {(each.unit, each.role, each.organisation) for each in rows if each.present}
        if any(times > 1 for times in absent.values()) or absent.keys() & there:
            raise SeatTwiceError(extensions={"service": seat.service, "unit": seat.unit})


def check_seats_said(
    state: MeetingState, profile: Profile, rules: ArenaRules, found: dict[Seat, list[Attendance]]
) -> None:
    """Refuse that nothing is said of a fixed member's seat, or not why one with a duty to attend stayed empty.

    Raises:
        AttendanceError: nothing is said of a fixed seat.
        AbsenceWithoutReasonError: a duty to attend was not met, and no reason is given (seed rule 54).
    """
    # Whoever became a fixed member after the meeting was called was not invited: nobody can say whether they came.
    invited = state.seats or seats(profile, state.invited, state.units)
    if missing := [seat for seat in invited if rules.is_fixed(seat) and seat not in found]:
        raise AttendanceError(extensions={"missing": _services(missing), "units": _units(missing)})
    unexplained = [
        seat
        for seat, rows in found.items()
        if rules.has_duty(seat)
        and not any(each.present for each in rows)
        and any(each.absence_reason is None for each in rows)
    ]
    if unexplained:
        raise AbsenceWithoutReasonError(extensions={"services": _services(unexplained), "units": _units(unexplained)})


def _services(of: Sequence[Seat]) -> list[JsonValue]:
    return [*sorted({seat.service for seat in of})]


def _units(of: Sequence[Seat]) -> list[JsonValue]:
    return [*sorted(seat.unit for seat in of if seat.unit is not None)]


def check_how_many(rules: ArenaRules, present: Sequence[Attendance]) -> None:
    """Refuse more than the arena has seats for.

    Raises:
        MeetingFullError: there are more than it has seats in all (seed rule 174).
        TooManySeatsError: an organisation from outside sent more than the arena gives it (seed rule 171). Where a seat does not
            say of which it is, its service counts as one: nobody comes in by leaving it out.
    """
    if rules.seats is None:
        return
    if rules.seats.in_all is not None and len(present) > rules.seats.in_all:
        raise MeetingFullError(extensions={"seats": rules.seats.in_all})
    if rules.seats.per_organisation is None:
        return
    outside = [seat for seat in present if seat.service in rules.from_outside]
    unsaid = {seat.service for seat in outside if seat.organisation is None}
    of_each = Counter(seat.organisation for seat in outside if seat.organisation is not None)
    of_each_service = Counter(seat.service for seat in outside if seat.service in unsaid)
    if any(count > rules.seats.per_organisation for count in (*of_each.values(), *of_each_service.values())):
        raise TooManySeatsError(extensions={"seats": rules.seats.per_organisation})
