"""Who hears of an answer to an invitation: the leaders of seats with a duty to attend, and nobody of anything a family said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.notify.domain.policy import ANSWER_DAYS
from services.notify.invitations import REMINDER
from shared.clock import SimulatedClock
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import (
    TOPIC,
    Deputy,
    InvitationAnswer,
    InvitationAnswered,
    MeetingCalled,
    MeetingCancelled,
    MeetingRescheduled,
    Seat,
)
from shared.refs import ArenaRef, ItemRef, MeetingRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(54)]

MEETING = MeetingRef("mtg_" + "b" * 26)
STARTS = datetime(2026, 10, 20, 10, tzinfo=UTC)
REMINDED = STARTS - timedelta(days=ANSWER_DAYS)
PPT, HEALTH = Seat(service=Service.PPT), Seat(service=Service.HELSESTASJON)
LEADERS = ("ppt-leader", "health-leader", "styrer")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """A notify service that knows its leaders."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in LEADERS:
            await made.prefer(who)
        await made.take(called())
        yield made


def called() -> MeetingCalled:
    return MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        unit=LIA,
        units=frozenset({LIA}),
        starts_at=STARTS,
        minutes=150,
        invited=frozenset({Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON}),
        seats=(Seat(service=Service.BARNEHAGE, unit=LIA), HEALTH, PPT),
        with_duty=(HEALTH, PPT),
    )


def answered(seat: Seat | None, *, yes: bool = False, deputy: Role | None = None) -> InvitationAnswered:
    return InvitationAnswered(
        meeting=MEETING,
        answer=InvitationAnswer.ACCEPTED if yes else InvitationAnswer.DECLINED,
        seat=seat,
        duty=seat in {PPT, HEALTH},
        deputy=None if deputy is None else Deputy(role=deputy),
        reason=None if yes or deputy is not None or seat is None else "ill",
        item=None if seat is not None else ItemRef("itm_" + "b" * 26),
        ordinal=None if seat is not None else 1,
        role=Role.GUARDIAN if seat is None else None,
        answered_at=STARTS - timedelta(days=10),
    )


async def move_to(world: World, moment: datetime) -> None:
    """Set the clock and let what is due fire, with nothing of the meetings on its way."""
    await world.pool.execute(
        "INSERT INTO consumer_progress (consumer, topic, partition, partitions, caught_up_at)"
        " VALUES ('notify', $1, 0, 1, clock_timestamp()) ON CONFLICT (consumer, topic, partition)"
        " DO UPDATE SET caught_up_at = excluded.caught_up_at",
        TOPIC,
    )
    await world.pool.execute(
        "INSERT INTO source_watermarks (source, drained_at, received_at)"
        " SELECT '/services/meetings', caught_up_at, caught_up_at FROM consumer_progress WHERE topic = $1"
        " ON CONFLICT DO NOTHING",
        TOPIC,
    )
    await world.move_to(moment)


async def told(world: World, who: str) -> list[str]:
    """Return the templates of somebody's messages after the invitation, oldest first."""
    items = (await world.get(who, "/messages")).json()["items"]
    templates = [item["template"] for item in reversed(items)]
    templates.remove("meeting-invitation")
    return templates


@pytest.mark.rule(71, 72, 95)
async def test_the_leader_hears_who_comes_instead_or_that_nobody_does_and_nothing_of_others(world: World) -> None:
    await world.take(answered(PPT), times=2)
    assert await told(world, "ppt-leader") == ["meeting-duty-declined"]
    await world.take(answered(PPT, deputy=Role.PPT_ADVISER))
    assert sorted(await told(world, "ppt-leader")) == ["meeting-deputy-named", "meeting-duty-declined"]
    # No duty, no news; and what a guardian says is told to nobody.
    await world.take(answered(Seat(service=Service.BARNEHAGE, unit=LIA)), answered(None), answered(HEALTH, yes=True))
    assert (await told(world, "health-leader"), await told(world, "styrer")) == ([], [])
    messages = (await world.get("ppt-leader", "/messages")).json()["items"]
    assert all("20. oktober 2026 klokken 12:00" in each["text"] for each in messages)
    await move_to(world, STARTS)
    for who in LEADERS:
        assert "meeting-answer-reminder" not in await told(world, who)


async def test_who_has_a_duty_and_has_not_answered_is_reminded_once_and_anew_when_the_meeting_is_moved(
    world: World,
) -> None:
    await world.take(answered(PPT, yes=True))
    await move_to(world, REMINDED - timedelta(minutes=1))
    assert await told(world, "health-leader") == []
    await move_to(world, REMINDED)
    await move_to(world, REMINDED + timedelta(days=1))
    assert await told(world, "health-leader") == ["meeting-answer-reminder"]
    assert (await told(world, "ppt-leader"), await told(world, "styrer")) == ([], [])
    later = STARTS + timedelta(days=14)
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later))
    await move_to(world, later - timedelta(days=ANSWER_DAYS))
    for who in ("ppt-leader", "health-leader"):
        assert (await told(world, who))[-2:] == ["meeting-moved", "meeting-answer-reminder"]
    # Moved to a day that is too near there is nothing to remind of, nor when it is cancelled.
    count = "SELECT count(*) FROM deadlines WHERE kind = $1"
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=world.clock.now() + timedelta(days=ANSWER_DAYS)))
    assert await world.pool.fetchval(count, REMINDER) == 0
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later + timedelta(days=7)))
    assert await world.pool.fetchval(count, REMINDER) == 1
    await world.take(MeetingCancelled(meeting=MEETING, reason="no-items"))
    assert await world.pool.fetchval(count, REMINDER) == 0
    assert await world.pool.fetchval("SELECT count(*) FROM awaited_seats") == 0


async def test_nobody_is_reminded_while_it_is_not_known_what_was_answered(world: World) -> None:
    """What is known of the meetings is not fresh: the promise stays."""
    await world.move_to(REMINDED)
    assert await told(world, "ppt-leader") == []
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = $1", REMINDER) == 1
