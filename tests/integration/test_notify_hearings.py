"""Who hears of hearings: the leaders of the bodies until they have answered, and whoever asked when somebody has not.

And of reports: whoever owes them until they are delivered, and the leaders when they do not come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
import pytest_asyncio

from services.notify.domain.owed import FIGURES, REPORTS, Step
from shared.clock import SimulatedClock
from shared.contracts import meetings
from shared.contracts.codes import Role, Service
from shared.contracts.consultations import (
    Body,
    ConsultationAnswered,
    ConsultationClosed,
    ConsultationEscalated,
    ConsultationOpened,
    ConsultationOverdue,
    Position,
)
from shared.contracts.entered_figures import FigureDropped, FigureEntered, FigureExpected
from shared.contracts.report_duties import ReportDelivered, ReportDropped, ReportExpected
from shared.contracts.surveys import SurveyOpened
from shared.refs import ConsultationRef, MeetingRef, ReportDutyRef, SurveyRef, SurveyRoundRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.everything_read import everything_read
from tests.integration.notify_world import World, notify_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(95, 173)]

HEARING = ConsultationRef("hrg_" + "b" * 26)
LIA = Body(unit=UnitId("unit:lia-barnehage"), service=Service.BARNEHAGE)
PPT = Body(unit=UnitId("unit:ppt"), service=Service.PPT)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "styrer", "rektor", "ppt-leader", "health-leader"):
            await made.prefer(who)
        yield made


async def told(world: World, who: str) -> list[str]:
    """Return the templates of somebody's messages, oldest first."""
    items = (await world.get(who, "/messages")).json()["items"]
    return [item["template"].removeprefix("consultation-") for item in reversed(items)]


async def fresh(world: World) -> None:
    """Say that nothing of the meetings is on its way either."""
    await everything_read(world.pool, "notify", (meetings.TOPIC, "/services/meetings"))


async def test_bodies_are_asked_reminded_and_told_and_the_asker_when_it_is_a_week_late(world: World) -> None:
    due = world.clock.now() + timedelta(days=21)
    asker = world.party("health-leader")
    opened = ConsultationOpened(
        consultation=HEARING,
        kind="matters-on-children",
        arena_type="fagsenter",
        opened_by=asker,
        bodies=(LIA, PPT),
        answer_by=due,
    )
    await world.take(opened, times=2)
    assert await told(world, "styrer") == await told(world, "ppt-leader") == ["request"]
    answered = ConsultationAnswered(
        consultation=HEARING, unit=PPT.unit, service=PPT.service, position=Position.SUPPORTS, version=1
    )
    await world.take(answered)
    # When it is not known that nobody has answered meanwhile, nobody is reminded yet.
    await world.move_to(due - timedelta(days=4))
    assert await told(world, "styrer") == ["request"]
    await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
    await fresh(world)
    await world.move_to(due - timedelta(days=4))
    assert await told(world, "styrer") == ["request", "reminder"]
    await world.move_to(due)
    await world.take(ConsultationOverdue(consultation=HEARING, bodies=(LIA,), answer_by=due))
    assert await told(world, "styrer") == ["request", "reminder", "overdue"]
    assert await told(world, "health-leader") == []
    world.clock.set(due + timedelta(days=7))
    late = ConsultationEscalated(consultation=HEARING, bodies=(LIA,), answer_by=due)
    await world.take(late, times=2)
    assert await told(world, "health-leader") == ["escalated"]
    await world.take(
        ConsultationClosed(consultation=HEARING, reason="completed", answered=(PPT,), unanswered=(LIA,)), late
    )
    assert await told(world, "styrer") == ["request", "reminder", "overdue", "closed"]
    assert await told(world, "ppt-leader") == ["request", "closed"]
    assert await told(world, "health-leader") == ["escalated"]
    assert await told(world, "rektor") == await told(world, "teacher") == []
    assert await world.pool.fetchval("SELECT count(*) FROM hearings") == 0


async def test_what_is_not_mailed_yet_is_taken_back_when_the_body_has_answered(world: World) -> None:
    await world.prefer("styrer", email="styrer@lia.example")
    due = world.clock.now() + timedelta(days=3)
    opened = ConsultationOpened(
        consultation=HEARING,
        kind="matters-on-children",
        arena_type="fagsenter",
        opened_by=world.party("health-leader"),
        bodies=(LIA,),
        answer_by=due,
    )
    answered = ConsultationAnswered(
        consultation=HEARING, unit=LIA.unit, service=LIA.service, position=Position.SUPPORTS, version=1
    )
    await world.take(opened, answered)
    assert await world.deliver() == []
    # Three days are too few for a reminder four days before.
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0


@pytest.mark.rule(152)
async def test_the_leaders_of_those_who_were_at_a_meeting_hear_of_its_survey(world: World) -> None:
    opened = SurveyOpened(
        survey=SurveyRef("srv_" + "b" * 26),
        meeting=MeetingRef("mtg_" + "b" * 26),
        form="equal-parts",
        round=SurveyRoundRef("srd_" + "b" * 26),
        questions=("heard",),
        services=frozenset({Service.BARNEHAGE, Service.PPT}),
        units=frozenset({LIA.unit}),
        closes_at=world.clock.now() + timedelta(days=14),
    )
    await world.take(opened, times=2)
    assert await told(world, "styrer") == await told(world, "ppt-leader") == ["survey-opened"]
    assert await told(world, "rektor") == await told(world, "health-leader") == []


# --- reports ------------------------------------------------------------------------------------------------------------


def owed(letter: str, due: date) -> ReportExpected:
    return ReportExpected(
        duty=ReportDutyRef("rdy_" + letter * 26),
        report="to-steering-group",
        due=due,
        owed_by=Role.COORDINATOR,
        unit=UnitId("unit:kommune"),
    )


@pytest.mark.rule(123, 127, 128, 135)
async def test_whoever_owes_a_report_is_reminded_and_then_the_leader_hears_until_it_is_delivered(
    world: World,
) -> None:
    due = date(2026, 10, 30)
    await world.prefer("director")
    late, delivered, dropped = owed("b", due), owed("c", due), owed("d", due)
    await world.take(late, delivered, dropped, times=2)
    said = {"duty": delivered.duty, "report": delivered.report, "due": due}
    await world.take(ReportDelivered(**said, on=world.clock.now().date()))
    await world.take(ReportDropped(**{**said, "duty": dropped.duty}))
    for step, moment in REPORTS.moments(due).items():
        # While it is not known that it was not delivered, nobody is told that.
        await world.pool.execute("DELETE FROM source_watermarks")
        await world.move_to(moment)
        if step is Step.REMIND:
            assert await told(world, "director") == []
        await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
        await fresh(world)
        await world.move_to(moment)
        if step is Step.REMIND:
            # Nobody is known who owes it.
            assert await told(world, "director") == ["municipal-report-reminder"]
            await world.prefer("coordinator")
    assert await told(world, "coordinator") == ["municipal-report-due", "municipal-report-overdue"]
    assert await told(world, "director") == ["municipal-report-reminder", "municipal-report-escalated"]
    assert "30. oktober 2026" in (await world.get("coordinator", "/messages")).json()["items"][0]["text"]
    for who in ("styrer", "teacher"):
        assert await told(world, who) == []
    await world.take(ReportDelivered(**{**said, "duty": late.duty}, on=world.clock.now().date()))
    assert await world.pool.fetchval("SELECT count(*) FROM awaited_reports") == 0
    # Of one that is expected so late that only the last step is left, nothing is said twice.
    await world.take(owed("f", due))
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0
    assert [REPORTS.last_of(due, moment) for moment in REPORTS.moments(due).values()] == list(Step)
    assert REPORTS.last_of(due, REPORTS.moments(due)[Step.REMIND] - timedelta(seconds=1)) is None


@pytest.mark.rule(123, 127, 128, 135)
async def test_a_report_is_owed_by_whom_the_profile_names_and_by_another_from_when_it_is_said(world: World) -> None:
    due = date(2026, 10, 30)
    for who in ("director", "coordinator", "ppt-leader", "health-leader"):
        await world.prefer(who)
    first = owed("b", due).model_copy(update={"owed_by": Role.LEADER, "owing_unit": UnitId("unit:ppt")})
    await world.take(first, times=2)
    await fresh(world)
    await world.move_to(REPORTS.moments(due)[Step.REMIND])
    # Not every leader there is.
    assert await told(world, "ppt-leader") == ["municipal-report-reminder"]
    await world.take(first.model_copy(update={"owed_by": Role.LEADER, "owing_unit": UnitId("unit:helsestasjon")}))
    for step in (Step.DUE, Step.OVERDUE, Step.ESCALATE):
        await fresh(world)
        await world.move_to(REPORTS.moments(due)[step])
    assert await told(world, "ppt-leader") == ["municipal-report-reminder"]
    assert await told(world, "health-leader") == ["municipal-report-due", "municipal-report-overdue"]
    assert await told(world, "director") == ["municipal-report-escalated"]
    assert await told(world, "coordinator") == []


# --- figures ------------------------------------------------------------------------------------------------------------


def figure(letter: str, due: date, **said: object) -> FigureExpected:
    wanted: dict[str, object] = {"indicator": "service-centre-calls", "owed_by": Role.COORDINATOR, **said}
    return FigureExpected.model_validate(
        {"figure": "enf_" + letter * 26, "period": "2026-09", "due": due, "led_by": "unit:kommune", **wanted}
    )


@pytest.mark.rule(150, 151, 155, 164, 190)
async def test_whoever_enters_figures_is_reminded_once_of_all_of_a_day_and_then_the_leader_hears(world: World) -> None:
    due = date(2026, 10, 30)
    for who in ("coordinator", "director", "styrer"):
        await world.prefer(who)
    calls, visits = figure("b", due), figure("c", due, indicator="homepage-visits")
    unit = figure("d", due, owed_by=Role.LEADER, owing_unit=LIA.unit, unit=LIA.unit)
    await world.take(calls, visits, unit, times=2)
    for step, moment in FIGURES.moments(due).items():
        await world.pool.execute("DELETE FROM source_watermarks")
        await world.move_to(moment)
        assert f"figure-{str(step).removeprefix('figure-')}" not in await told(world, "coordinator"), "not on a guess"
        await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
        await fresh(world)
        await world.move_to(moment)
        if step is Step.REMIND:
            # One is entered; of the other the reminders go on, and the unit's leader is quiet from now on.
            await world.take(
                FigureEntered(figure=calls.figure, indicator=calls.indicator, period=calls.period),
                FigureEntered(figure=unit.figure, indicator=unit.indicator, period=unit.period, unit=LIA.unit),
            )
    assert await told(world, "coordinator") == ["figure-reminder", "figure-due", "figure-overdue"]
    assert await told(world, "styrer") == ["figure-reminder"]
    assert await told(world, "director") == ["figure-escalated"]
    text = (await world.get("coordinator", "/messages")).json()["items"][0]["text"]
    assert "30. oktober 2026" in text
    assert "homepage" not in text
    await world.take(FigureDropped(figure=visits.figure, indicator=visits.indicator, period=visits.period))
    assert await world.pool.fetchval("SELECT count(*) FROM awaited_figures") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind LIKE 'figure-%'") == 0


@pytest.mark.rule(151)
async def test_a_figure_for_another_day_is_reminded_of_by_that_and_one_that_is_late_already_by_what_is_left(
    world: World,
) -> None:
    for who in ("coordinator", "director"):
        await world.prefer(who)
    first, second = date(2026, 10, 30), date(2026, 12, 15)
    await world.take(figure("b", first))
    await world.take(figure("b", second))
    await fresh(world)
    await world.move_to(FIGURES.moments(first)[Step.ESCALATE])
    assert await told(world, "coordinator") == await told(world, "director") == []
    await fresh(world)
    await world.move_to(FIGURES.moments(second)[Step.ESCALATE])
    # The service was away all the while: the last step says more than those before it.
    assert (await told(world, "coordinator"), await told(world, "director")) == ([], ["figure-escalated"])
