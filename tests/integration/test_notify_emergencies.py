"""Whoever is to review an emergency access hears of it when it is opened, when it is late, and when nobody has (invariant 12).

And the privacy officers hear that a service has not said that it acts on the end of a consent (invariant 4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts.cases import (
    ConsentOverridden,
    ConsentOverrideReviewed,
    ConsentOverrideReviewOverdue,
    ConsentReceiptMissing,
    OverrideReason,
    Party,
)
from shared.contracts.codes import InformationCategory, LegalBasis, Purpose, Role, Scope, Service
from shared.contracts.safekeeping import (
    BreakGlassOpened,
    BreakGlassReviewed,
    BreakGlassReviewEscalated,
    BreakGlassReviewOverdue,
    GlassOutcome,
    GlassReason,
)
from shared.refs import CaseRef, ConsentRef, GlassRef, LogScope, OverrideRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import World, notify_world

pytestmark = pytest.mark.connected

CASE, GLASS = CaseRef("cas_" + "b" * 25 + "c"), GlassRef("brk_" + "g" * 26)
PROTECTED = LogScope("prt_" + "b" * 26)
EVERYBODY = ("nurse", "styrer", "health-leader", "privacy-officer")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """A service that everybody has told how they are to be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in EVERYBODY:
            await made.prefer(who)
        yield made


def opened(world: World, by: Party) -> BreakGlassOpened:
    now = world.clock.now()
    return BreakGlassOpened(
        case=CASE,
        glass=GLASS,
        by=by,
        reason=GlassReason.DANGER_TO_LIFE,
        basis=LegalBasis(code="danger-to-life", version="2018-07-20"),
        categories=frozenset({InformationCategory.HEALTH, InformationCategory.IDENTITY}),
        until=now + timedelta(hours=2),
        review_by=now + timedelta(days=3),
    )


async def told(world: World) -> dict[str, list[str]]:
    """Return the templates of everybody's messages."""
    found = {}
    for who in EVERYBODY:
        items = (await world.get(who, "/messages")).json()["items"]
        found[who] = sorted(item["template"] for item in items)
    return found


@pytest.mark.story(19)
async def test_the_leader_and_at_last_the_privacy_officer_hear_of_it(world: World) -> None:
    nobody: dict[str, list[str]] = {who: [] for who in EVERYBODY}
    nurse = world.party("nurse")
    await world.take(opened(world, nurse), times=2)
    assert await told(world) == {**nobody, "health-leader": ["emergency-review"]}
    late = BreakGlassReviewOverdue(case=CASE, glass=GLASS, by=nurse, escalates_at=world.clock.now() + timedelta(days=5))
    await world.take(late, times=2)
    assert await told(world) == {**nobody, "health-leader": ["emergency-overdue", "emergency-review"]}
    await world.take(BreakGlassReviewEscalated(case=CASE, glass=GLASS), times=2)
    after = {**nobody, "health-leader": ["emergency-overdue", "emergency-review"]}
    assert await told(world) == {**after, "privacy-officer": ["emergency-escalated"]}
    said = (await world.get("health-leader", "/messages")).text
    assert "danger" not in said
    assert nurse.actor not in said


async def test_a_day_before_it_must_be_reviewed_one_reminder_comes_and_none_of_what_was(world: World) -> None:
    nurse = world.party("nurse")
    other = GlassRef("brk_" + "h" * 26)
    first = opened(world, nurse)
    await world.take(first, first.model_copy(update={"glass": other}), times=2)
    await world.take(
        BreakGlassReviewed(case=CASE, glass=other, outcome=GlassOutcome.JUSTIFIED, reviewer_role=Role.LEADER)
    )
    await world.move_to(first.review_by - timedelta(days=1, seconds=1))
    assert (await told(world))["health-leader"] == ["emergency-review"] * 2
    for _ in range(2):
        await world.move_to(first.review_by - timedelta(days=1))
    assert (await told(world))["health-leader"] == ["emergency-reminder", *["emergency-review"] * 2]
    assert (await told(world))["privacy-officer"] == []


async def test_a_reminder_that_comes_when_the_time_is_out_is_left_out_and_what_may_have_been_reviewed_is_not_reminded_of(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    async with notify_world(migrated, issuer, clock) as world:
        await world.prefer("health-leader")
        first = opened(world, world.party("nurse"))
        await world.take(first)
        world.clock.set(first.review_by - timedelta(hours=1))
        assert await world.runner().fire_due() == 0, "nobody knows whether it was reviewed"
        assert (await told(world))["health-leader"] == ["emergency-review"]
        await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
        await world.move_to(first.review_by)
        assert (await told(world))["health-leader"] == ["emergency-review"]


@pytest.mark.rule(95)
async def test_what_is_shared_by_law_is_judged_in_time_or_reminded_of_and_told_again(world: World) -> None:
    begins = world.clock.now()
    late, judged = (
        ConsentOverridden(
            case=CASE,
            override=OverrideRef("ovr_" + letter * 26),
            basis=LegalBasis(code="danger-to-life", version="2018-07-20"),
            reason=OverrideReason.DANGER_TO_LIFE_OR_HEALTH,
            scope=Scope(
                services=frozenset({Service.BARNEVERN}),
                categories=frozenset({InformationCategory.HEALTH}),
                purposes=frozenset({Purpose.ASSESSMENT}),
            ),
            valid_from=begins.date(),
            valid_to=begins.date(),
            made_by=world.party("nurse"),
            reviewer=Role.LEADER,
            review_by=begins + timedelta(days=7),
        )
        for letter in "bc"
    )
    await world.take(late, judged, times=2)
    await world.take(ConsentOverrideReviewed(case=CASE, override=judged.override, justified=True, reviewer=Role.LEADER))
    await world.move_to(late.review_by - timedelta(days=2, seconds=1))
    assert (await told(world))["health-leader"] == ["override-review"] * 2
    for _ in range(2):
        await world.move_to(late.review_by - timedelta(days=2))
    assert (await told(world))["health-leader"] == ["override-reminder", *["override-review"] * 2]
    said = ConsentOverrideReviewOverdue(case=CASE, override=late.override, unit=UnitId("unit:helsestasjon"))
    await world.take(said, times=2)
    assert await told(world) == {
        **{who: [] for who in EVERYBODY},
        "health-leader": ["override-overdue", "override-reminder", *["override-review"] * 2],
    }


async def test_of_a_protected_case_no_event_says_whose_leader_it_is(world: World) -> None:
    nurse = world.party("nurse")
    record = world.record(opened(world, nurse.model_copy(update={"unit": None, "organisation": None})), scope=PROTECTED)
    await world.intake().process([record])
    # Whose duty it is, the cases service says when they are told; it is away, and nobody guesses.
    world.neighbours.failing = True
    await world.deliver()
    assert await told(world) == {who: [] for who in EVERYBODY}
    assert world.neighbours.requests[f"/cases/{CASE}/watch"] == 1
    assert await world.pool.fetchval("SELECT count(*) FROM errands") == 1


async def test_the_privacy_officers_hear_once_that_a_service_has_not_acknowledged_the_end_of_a_consent(
    world: World,
) -> None:

    def missing(consumer: str, version: int) -> ConsentReceiptMissing:
        consent = ConsentRef("cst_" + "b" * 26)
        return ConsentReceiptMissing(case=CASE, consent=consent, version=version, consumer=consumer)

    # Two services that are silent about the same end are one message; the next end is another.
    await world.take(missing("meetings", 2), missing("notify", 2), times=2)
    nobody: dict[str, list[str]] = {who: [] for who in EVERYBODY}
    assert await told(world) == {**nobody, "privacy-officer": ["consent-receipt-missing"]}
    await world.take(missing("meetings", 3))
    assert (await told(world))["privacy-officer"] == ["consent-receipt-missing"] * 2
    # Of a protected case it waits for who may know of it.
    await world.intake().process([world.record(missing("meetings", 4), scope=PROTECTED)])
    assert (await told(world))["privacy-officer"] == ["consent-receipt-missing"] * 2
    assert await world.pool.fetchval("SELECT count(*) FROM errands WHERE roles = '{privacy-officer}'") == 1
