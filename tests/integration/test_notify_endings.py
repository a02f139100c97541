"""Who hears of a baton that fell to them, of forms, and of a case that must end: one message each, that names nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts import cases, endings, transition_forms
from shared.contracts.codes import InformationCategory
from shared.refs import CaseRef, DocumentRef, FormRef, HandoverRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import World, notify_world

pytestmark = pytest.mark.connected

CASE = CaseRef("cas_" + "b" * 25 + "d")
FORM, HANDOVER = FormRef("frm_" + "g" * 26), HandoverRef("hdo_" + "g" * 26)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "styrer"):
            await made.prefer(who)
        yield made


async def told(world: World, who: str) -> list[str]:
    items = (await world.get(who, "/messages")).json()["items"]
    return [item["template"] for item in reversed(items)]


@pytest.mark.rule(107)
async def test_a_leader_hears_of_the_baton_that_fell_to_them_and_of_no_other(world: World) -> None:
    leader = world.party("styrer")
    for by_rule in (False, True):
        accepted = cases.HandoverAccepted(case=CASE, handover=HANDOVER, holder=leader, on_behalf=True, by_rule=by_rule)
        await world.take(accepted, times=2)
        assert await told(world, "styrer") == (["handover-fell"] if by_rule else [])


@pytest.mark.rule(13, 14)
async def test_guardians_are_asked_and_reminded_and_the_holder_hears_when_it_is_time(world: World) -> None:
    holder = world.party("teacher")
    drafted = cases.TransitionFormDrafted(
        case=CASE,
        form=FORM,
        version=1,
        document=DocumentRef("doc_" + "g" * 26),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    waits = transition_forms.TransitionFormApprovalWaits(case=CASE, form=FORM, version=1, ordinals=(2,))
    await world.take(drafted, waits, times=2)
    rows = await world.pool.fetch("SELECT template, roles FROM errands WHERE case_ref = $1 ORDER BY template", CASE)
    assert [(row["template"], row["roles"]) for row in rows] == [
        ("form-reminder", ["guardian"]),
        ("form-request", ["guardian"]),
    ]
    due = world.clock.now() + timedelta(days=30)
    await world.take(
        transition_forms.TransitionFormDue(case=CASE, form=FORM, version=1, due=due, holder=holder),
        transition_forms.TransitionFormOverdue(case=CASE, form=FORM, version=1, holder=holder),
        times=2,
    )
    assert sorted(await told(world, "teacher")) == ["form-due", "form-overdue"]
    assert await told(world, "styrer") == ["form-overdue"]


async def test_the_holder_hears_of_the_age_limit_and_the_leader_when_nothing_was_done(world: World) -> None:
    holder = world.party("teacher")
    await world.take(
        endings.AdulthoodApproaching(case=CASE, holder=holder),
        endings.AdulthoodReached(case=CASE, holder=holder, end_by=world.clock.now() + timedelta(days=90)),
        endings.AdulthoodReached(case=CASE),
        endings.AdulthoodOverdue(case=CASE, holder=holder),
        times=2,
    )
    heard = await told(world, "teacher")
    assert sorted(heard) == ["adulthood-approaching", "adulthood-overdue", "adulthood-reached"]
    assert await told(world, "styrer") == ["adulthood-overdue"]
    # The birth date was corrected: it comes again, on another day.
    await world.take(endings.AdulthoodApproaching(case=CASE, holder=holder), times=2)
    assert (await told(world, "teacher")).count("adulthood-approaching") == 2
