"""Leaders hear of meetings that are not called and of routines that are not followed: once for each look, and not what (rule 95)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts.cases import CaseOpened, Mode
from shared.contracts.codes import Role, Service
from shared.contracts.deviations import ChildMeetingMissing, DeviationFound, DeviationKind
from shared.contracts.meetings import AgendaItemLeftOpen, AgendaItemLifted, ItemMode
from shared.refs import ArenaRef, CaseRef, DeviationRef, ItemRef, MeetingRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world

pytestmark = pytest.mark.connected

KOMMUNE = UnitId("unit:kommune")
PEOPLE = ("teacher", "styrer", "rektor", "ppt-leader", "health-leader", "director", "nurse")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in PEOPLE:
            await made.prefer(who)
        yield made


def found(
    letter: str, kind: DeviationKind, *led_by: UnitId, absent: frozenset[Service] = frozenset()
) -> DeviationFound:
    return DeviationFound(
        deviation=DeviationRef("dev_" + letter * 26),
        kind=kind,
        arena_type="ressursteam",
        unit=LIA,
        day=date(2026, 12, 31),
        rule=8,
        led_by=frozenset(led_by),
        absent=absent,
    )


async def look(world: World, *deviations: DeviationFound, process: UUID | None = None, times: int = 1) -> None:
    """Let what one look found arrive."""
    correlation = process or uuid4()
    records = [world.record(each, correlation=correlation) for each in deviations]
    for _ in range(times):
        await world.intake().process(records)


async def told(world: World) -> dict[str, list[str]]:
    """Return the templates of what each was told, of those who were told anything."""
    heard = {}
    for who in PEOPLE:
        items = (await world.get(who, "/messages")).json()["items"]
        heard[who] = sorted(item["template"] for item in items)
    return {who: templates for who, templates in heard.items() if templates}


@pytest.mark.rule(8, 40, 64, 95)
async def test_a_notice_goes_to_the_units_leader_and_what_it_did_not_help_to_the_municipalitys_too(
    world: World,
) -> None:
    await look(world, found("b", DeviationKind.TOO_FEW_PLANNED, LIA), times=2)
    assert await told(world) == {"styrer": ["meeting-not-called"]}
    await look(world, found("c", DeviationKind.TOO_FEW_HELD, LIA, KOMMUNE))
    assert await told(world) == {
        "styrer": ["meeting-not-called", "routines-not-followed"],
        "director": ["routines-not-followed"],
    }
    said = (await world.get("styrer", "/messages")).text
    assert "ressursteam" not in said.lower()


@pytest.mark.rule(95)
async def test_all_that_one_look_found_is_one_message_and_what_the_next_one_finds_another(world: World) -> None:
    kinds = (DeviationKind.NOT_HELD, DeviationKind.TOO_SHORT, DeviationKind.ELEMENT_MISSING)
    process = uuid4()
    await look(world, *(found(letter, kind, LIA) for letter, kind in zip("bcd", kinds, strict=True)), process=process)
    await look(world, found("f", DeviationKind.TOO_FEW_PLANNED, LIA), process=process)
    assert await told(world) == {"styrer": ["meeting-not-called", "routines-not-followed"]}
    await look(world, found("g", DeviationKind.NOT_HELD, LIA))
    assert await told(world) == {"styrer": ["meeting-not-called", "routines-not-followed", "routines-not-followed"]}


@pytest.mark.rule(54, 95)
async def test_the_leader_of_who_did_not_come_is_told_and_of_a_barnehage_only_the_units_own(world: World) -> None:
    absent = frozenset({Service.PPT, Service.BARNEHAGE})
    await look(world, found("b", DeviationKind.DUTY_BREACHED, LIA, absent=absent))
    assert await told(world) == {"styrer": ["routines-not-followed"], "ppt-leader": ["routines-not-followed"]}


@pytest.mark.rule(4, 5)
async def test_who_has_a_case_hears_that_a_meeting_left_its_item_open_and_not_what(world: World) -> None:
    case, item = CaseRef("cas_" + "b" * 26), ItemRef("itm_" + "b" * 26)
    teacher = world.party("teacher")
    await world.take(CaseOpened(case=case, level=1, mode=Mode.ANONYMOUS, holder=teacher, decide_by=world.clock.now()))
    left = AgendaItemLeftOpen(meeting=MeetingRef("mtg_" + "b" * 26), item=item, case=case)
    for _ in range(2):
        await world.intake().process([world.record(left, correlation=uuid4())])
    assert await told(world) == {"teacher": ["meeting-item-left-open"]}


@pytest.mark.rule(10, 23, 29)
async def test_who_coordinates_a_group_hears_that_its_meeting_is_not_called_or_else_who_has_the_case(
    world: World,
) -> None:
    teacher, nurse = world.party("teacher"), world.party("nurse")
    for letter, coordinator, who in (("b", nurse.actor, "nurse"), ("c", None, "teacher")):
        case = CaseRef("cas_" + letter * 26)
        await world.take(
            CaseOpened(case=case, level=1, mode=Mode.ANONYMOUS, holder=teacher, decide_by=world.clock.now())
        )
        missing = ChildMeetingMissing(
            deviation=DeviationRef("dev_" + letter * 26),
            case=case,
            arena_type="ansvarsgruppe",
            day=world.clock.now().date(),
            rule=29,
            coordinator=coordinator,
        )
        for _ in range(2):
            await world.intake().process([world.record(missing, correlation=uuid4())])
        assert (await told(world))[who] == ["meeting-not-called"]
    assert set(await told(world)) == {"nurse", "teacher"}


@pytest.mark.rule(68, 69)
async def test_whoever_calls_the_meetings_to_which_something_was_lifted_is_told_once_and_not_what(world: World) -> None:
    await world.prefer("coordinator")
    lifted = AgendaItemLifted(
        meeting=MeetingRef("mtg_" + "b" * 26),
        item=ItemRef("itm_" + "b" * 26),
        mode=ItemMode.ANONYMOUS,
        to=ArenaRef("arn_" + "b" * 26),
        to_type="tst-kommune",
        called_by=frozenset({Role.COORDINATOR, Role.LEADER}),
        led_by=KOMMUNE,
    )
    for _ in range(2):
        await world.intake().process([world.record(lifted, correlation=uuid4())])
    assert await told(world) == {"director": ["meeting-item-lifted"]}
    said = (await world.get("coordinator", "/messages")).json()["items"]
    assert [each["template"] for each in said] == ["meeting-item-lifted"]
    assert "tst" not in said[0]["text"].lower()
    # Where only coordinators call the meetings, no leader is told.
    other = lifted.model_copy(update={"item": ItemRef("itm_" + "c" * 26), "called_by": frozenset({Role.COORDINATOR})})
    await world.intake().process([world.record(other, correlation=uuid4())])
    assert await told(world) == {"director": ["meeting-item-lifted"]}
    assert len((await world.get("coordinator", "/messages")).json()["items"]) == 2
