"""The team hears of changes in measures, two units of double work, and a leader of a meeting or an evaluation that did not come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from services.notify.domain.deadline import deadline_of, meeting_of
from shared.clock import SimulatedClock
from shared.contracts import cases
from shared.contracts.codes import Area, Service
from shared.contracts.notify import DeadlineClosed, DeadlineMissed, EscalationRaised
from shared.contracts.safekeeping import CaseContinued
from shared.refs import CaseRef, ConcernRef, GoalRef, ItemRef, MeasureRef, MeetingRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world

pytestmark = pytest.mark.connected

CASE = CaseRef("cas_" + "b" * 25 + "c")
FIRST, SECOND = MeasureRef("mea_" + "g" * 26), MeasureRef("mea_" + "h" * 26)
PPT = UnitId("unit:ppt")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "styrer", "rektor", "ppt-leader", "health-leader"):
            await made.prefer(who)
        yield made


def opened(world: World) -> cases.CaseOpened:
    return cases.CaseOpened(
        case=CASE,
        level=1,
        mode=cases.Mode.ANONYMOUS,
        holder=world.party("teacher"),
        decide_by=world.clock.now() + timedelta(days=14),
    )


def planned(world: World, measure: MeasureRef, owner: Service, unit: UnitId | None) -> cases.MeasurePlanned:
    return cases.MeasurePlanned(
        case=CASE,
        measure=measure,
        code="sprakgruppe",
        level=1,
        owner=owner,
        owner_unit=unit,
        goal=GoalRef("goa_" + "j" * 26),
        indicator="words",
        evaluate_by=world.clock.now() + timedelta(days=60),
    )


def joined(service: Service) -> cases.TeamMemberAdded:
    return cases.TeamMemberAdded(case=CASE, service=service, because_of=FIRST)


async def told(world: World, who: str) -> list[str]:
    """Return the templates of somebody's messages, oldest first."""
    items = (await world.get(who, "/messages")).json()["items"]
    return [item["template"] for item in reversed(items)]


@pytest.mark.rule(31)
async def test_those_in_the_team_hear_of_every_change_in_measures_and_others_of_none(world: World) -> None:
    await world.take(opened(world), planned(world, FIRST, Service.PPT, PPT), joined(Service.PPT))
    assert await told(world, "teacher") == ["measures-changed"]
    assert await told(world, "ppt-leader") == [], "it joined after that"
    changed = cases.MeasureChanged(
        case=CASE,
        measure=FIRST,
        owner=Service.PPT,
        owner_unit=PPT,
        goal=GoalRef("goa_" + "k" * 26),
        indicator="sentences",
        evaluate_by=world.clock.now() + timedelta(days=30),
        changed=frozenset({"indicator", "goal", "evaluate-by"}),
    )
    await world.take(changed, times=2)
    assert await told(world, "teacher") == ["measures-changed"] * 2
    assert await told(world, "ppt-leader") == ["measures-changed"]
    [deadline] = [
        one for one in (await world.get("teacher", "/deadlines")).json()["items"] if one["kind"] == "evaluate-measure"
    ]
    assert deadline["due"].startswith((world.clock.now() + timedelta(days=30)).date().isoformat())
    await world.take(cases.TeamMemberRemoved(case=CASE, service=Service.PPT, reason="consent-withdrawn"))
    await world.take(cases.MeasureStopped(case=CASE, measure=FIRST, reason="withdrawn"))
    assert await told(world, "ppt-leader") == ["measures-changed"], "who has left is told no more"
    for who in ("rektor", "health-leader", "styrer"):
        assert await told(world, who) == []
    said = (await world.get("teacher", "/messages")).text
    assert "sprak" not in said
    assert "PPT" not in said


@pytest.mark.rule(26, 88, 141)
async def test_the_holder_hears_that_something_a_meeting_decided_does_not_happen(world: World) -> None:
    measure = cases.RefusedMeasure(measure=FIRST, code="sprakgruppe", owner=Service.PPT, reason="measure-had-no-effect")
    refused = cases.OutcomeRefused(
        case=CASE, meeting=MeetingRef("mtg_" + "b" * 26), item=ItemRef("itm_" + "b" * 26), measures=(measure,)
    )
    await world.take(opened(world), joined(Service.PPT), refused, times=2)
    assert await told(world, "teacher") == ["outcome-refused"]
    for who in ("styrer", "ppt-leader", "rektor"):
        assert await told(world, who) == []
    assert "sprak" not in (await world.get("teacher", "/messages")).text


@pytest.mark.rule(49, 161)
@pytest.mark.story(15)
async def test_both_units_are_told_that_they_seem_to_do_the_same(world: World) -> None:
    await world.take(
        opened(world),
        joined(Service.PPT),
        planned(world, FIRST, Service.PPT, PPT),
        planned(world, SECOND, Service.BARNEHAGE, LIA),
    )
    overlap = cases.MeasureOverlapSuspected(case=CASE, measure=SECOND, others=(FIRST,), overlap="language")
    await world.take(overlap, times=2)
    for who in ("teacher", "styrer", "ppt-leader"):
        assert (await told(world, who)).count("overlap-suspected") == 1, who
    for who in ("rektor", "health-leader"):
        assert await told(world, who) == []


@pytest.mark.rule(49, 161)
@pytest.mark.story(15)
async def test_who_joins_by_the_very_measure_that_overlaps_is_told_too_and_who_is_out_is_not(world: World) -> None:
    """The order of the events is the cases service's: planned, suspected, and only then the new member."""
    await world.take(
        opened(world),
        planned(world, FIRST, Service.HELSESTASJON, UnitId("unit:helsestasjon")),
        planned(world, SECOND, Service.PPT, PPT),
        cases.MeasureOverlapSuspected(case=CASE, measure=SECOND, others=(FIRST,), overlap="language"),
        joined(Service.PPT),
    )
    assert (await told(world, "ppt-leader")).count("overlap-suspected") == 1
    assert await told(world, "health-leader") == []


@pytest.mark.rule(49, 161)
async def test_only_who_carries_a_measure_out_is_told_that_another_case_has_the_same(world: World) -> None:
    """The other case lets this one service know: not the holder's, and nobody else in the team."""
    await world.take(
        opened(world),
        joined(Service.PPT),
        planned(world, FIRST, Service.PPT, PPT),
        planned(world, SECOND, Service.BARNEHAGE, LIA),
    )
    told_of = cases.MeasureOverlapElsewhereSuspected(case=CASE, measure=FIRST, overlap="language")
    await world.take(told_of, times=2)
    assert (await told(world, "ppt-leader")).count("overlap-elsewhere") == 1
    for who in ("teacher", "styrer", "rektor", "health-leader"):
        assert "overlap-elsewhere" not in await told(world, who), who
    await world.take(told_of.model_copy(update={"measure": SECOND}))
    for who in ("teacher", "styrer", "ppt-leader"):
        assert (await told(world, who)).count("overlap-elsewhere") == 1, who


@pytest.mark.rule(88, 89)
@pytest.mark.story(14)
async def test_a_measure_not_evaluated_in_time_comes_to_the_owners_leader(world: World) -> None:
    due = world.clock.now() + timedelta(days=60)
    await world.take(opened(world), planned(world, FIRST, Service.PPT, PPT))
    await world.move_to(due - timedelta(days=7))
    assert (await told(world, "teacher"))[-1] == "evaluation-reminder"
    await world.move_to(due)
    assert (await told(world, "teacher"))[-1] == "evaluation-overdue"
    assert "escalation" not in await told(world, "ppt-leader")
    await world.move_to(due + timedelta(days=7))
    assert await told(world, "ppt-leader") == ["escalation"]
    assert "escalation" not in await told(world, "styrer")


def stepped_up(world: World) -> cases.CaseLevelChanged:
    return cases.CaseLevelChanged(
        case=CASE,
        from_level=1,
        to_level=2,
        reason=cases.LevelReason.ASSESSMENT,
        meeting_by=world.clock.now() + timedelta(days=14),
        team="ansvarsgruppe",
    )


@pytest.mark.rule(68)
async def test_a_step_up_whose_meeting_does_not_come_is_reminded_of_missed_and_escalated(world: World) -> None:
    up = stepped_up(world)
    await world.take(opened(world), up)
    due = up.meeting_by
    assert due is not None
    for moment, template in ((due - timedelta(days=4), "case-meeting-reminder"), (due, "case-meeting-overdue")):
        await world.move_to(moment)
        assert (await told(world, "teacher"))[-1] == template
    await world.move_to(due + timedelta(days=1))
    raised = [one.deadline for one in await world.published() if isinstance(one, EscalationRaised)]
    assert raised == [meeting_of(CASE)]
    assert await told(world, "styrer") == ["escalation"]


@pytest.mark.rule(68)
@pytest.mark.parametrize("way", ["held", "stepped-down", "closed"])
async def test_the_meeting_held_or_no_longer_needed_is_waited_for_no_more(world: World, way: str) -> None:
    up = stepped_up(world)
    done: dict[str, cases.CaseEvent] = {
        "held": cases.CaseMeetingHeld(
            case=CASE, meeting=MeetingRef("mtg_" + "b" * 26), item=ItemRef("itm_" + "b" * 26)
        ),
        "stepped-down": cases.CaseLevelChanged(
            case=CASE, from_level=2, to_level=1, reason=cases.LevelReason.ASSESSMENT
        ),
        "closed": cases.CaseClosed(case=CASE, outcome="moved"),
    }
    await world.take(opened(world), up)
    # A measure decides the case, and is no meeting.
    await world.take(planned(world, FIRST, Service.BARNEHAGE, LIA))
    closed = [one.deadline for one in await world.published() if isinstance(one, DeadlineClosed)]
    assert closed == [deadline_of(CASE)]
    await world.take(done[way])
    assert up.meeting_by is not None
    await world.move_to(up.meeting_by + timedelta(days=1))
    missed = [one.deadline for one in await world.published() if isinstance(one, DeadlineMissed)]
    assert meeting_of(CASE) not in missed


@pytest.mark.rule(68, 79, 144)
async def test_a_reopened_case_does_not_rest(world: World) -> None:
    """It is decided anew, though it was decided before, and the meeting that was never held is waited for again."""
    await world.take(opened(world), stepped_up(world), cases.CaseClosed(case=CASE, outcome="moved"))
    due = world.clock.now() + timedelta(days=20)
    reopened = cases.CaseReopened(case=CASE, holder=world.party("teacher"), decide_by=due, meeting_by=due)
    await world.take(reopened)
    await world.move_to(due)
    missed = {one.deadline for one in await world.published() if isinstance(one, DeadlineMissed)}
    assert missed == {deadline_of(CASE), meeting_of(CASE)}
    await world.move_to(due + timedelta(days=3))
    assert "escalation" in await told(world, "styrer")


@pytest.mark.rule(79)
async def test_a_further_concern_may_not_rest_either(world: World) -> None:
    concern = ConcernRef("con_" + "d" * 26)
    act_by = world.clock.now() + timedelta(days=14)
    await world.take(
        opened(world),
        cases.ConcernJoined(
            case=CASE,
            concern=concern,
            area=Area.FAMILY,
            for_whom=cases.ForWhom.CHILD,
            registered_by=world.party("teacher"),
            act_by=act_by,
        ),
    )
    await world.move_to(act_by - timedelta(days=4))
    assert "concern-reminder" in await told(world, "teacher")
    await world.take(cases.ConcernEscalated(case=CASE, concern=concern, next_level=1))
    await world.move_to(act_by + timedelta(days=1))
    assert [
        one for one in await world.published() if isinstance(one, EscalationRaised) and one.kind == "act-on-concern"
    ] == []


@pytest.mark.rule(68)
async def test_the_meeting_of_a_case_that_goes_on_under_another_reference_is_waited_for(world: World) -> None:
    """Its address became protected before the meeting was held; whose case it is is reminded as before."""
    due = world.clock.now() + timedelta(days=14)
    party = world.party("teacher").model_copy(update={"unit": None, "organisation": None})
    continued = CaseContinued(
        case=CASE,
        concern=ConcernRef("con_" + "b" * 26),
        area=Area.LEARNING,
        for_whom=cases.ForWhom.CHILD,
        act_by=due,
        level=2,
        holder=party,
        guardians=2,
        ordinals=(1, 2),
        meeting_by=due,
    )
    await world.take(continued)
    await world.move_to(due)
    missed = [one.deadline for one in await world.published() if isinstance(one, DeadlineMissed)]
    assert missed == [meeting_of(CASE)]
