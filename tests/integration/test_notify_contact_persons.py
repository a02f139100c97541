"""The contact person whom the guardians chose is told, and the family that it may turn to anybody (seed rules 33-35)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from services.notify.texts import Texts
from shared.clock import SimulatedClock
from shared.contracts import cases, team
from shared.contracts.codes import Language, Role, Service
from shared.refs import CaseRef, HandoverRef, MeasureRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import World, notify_world

pytestmark = pytest.mark.connected

CASE = CaseRef("cas_" + "b" * 25 + "c")
MEASURE = MeasureRef("mea_" + "g" * 26)
TEXTS = Texts()
GUARDIAN = {
    "role": "guardian",
    "ordinal": 1,
    "recipient": "act_" + "d" * 26,
    "language": "nb",
    "email": "a@hjem.example",
}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """A case of the teacher's, with PPT in the team, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "colleague", "styrer", "rektor", "nurse", "ppt-leader", "health-leader"):
            await made.prefer(who)
        made.neighbours.contacts[CASE] = [GUARDIAN]
        await made.take(
            cases.CaseOpened(
                case=CASE,
                level=1,
                mode=cases.Mode.ANONYMOUS,
                holder=made.party("teacher"),
                decide_by=made.clock.now() + timedelta(days=14),
            ),
            cases.TeamMemberAdded(case=CASE, service=Service.PPT, because_of=MEASURE),
        )
        yield made


def chosen(service: Service, role: Role) -> cases.ContactPersonChosen:
    return cases.ContactPersonChosen(case=CASE, service=service, role=role, evidence=cases.EvidenceForm.E_ID)


async def told(world: World, who: str) -> list[str]:
    """Return the templates of what somebody was told of contact persons."""
    items = (await world.get(who, "/messages")).json()["items"]
    return sorted(item["template"] for item in items if "contact" in item["template"])


async def nobody_else(world: World, *heard: str) -> None:
    for who in {"teacher", "colleague", "styrer", "rektor", "nurse", "ppt-leader", "health-leader"} - set(heard):
        assert await told(world, who) == [], who


@pytest.mark.rule(33, 34)
async def test_the_leaders_of_the_chosen_service_are_told_once_and_nothing_of_the_child(world: World) -> None:
    await world.take(chosen(Service.PPT, Role.PPT_ADVISER), times=2)
    assert await told(world, "ppt-leader") == ["contact-person-chosen"]
    await nobody_else(world, "ppt-leader")
    [message] = (await world.get("ppt-leader", "/messages")).json()["items"]
    assert message["case"] == CASE, "what it is about is read where the basis is checked"
    assert "ppt" not in (message["subject"] + message["text"]).lower()


@pytest.mark.rule(33, 34)
async def test_somebody_who_is_known_in_the_case_is_told_and_no_leader(world: World) -> None:
    """The holder, and who coordinates: of the chosen service, and in the chosen role."""
    await world.take(chosen(Service.BARNEHAGE, Role.TEACHER))
    assert await told(world, "teacher") == ["contact-person-chosen"]
    await nobody_else(world, "teacher")
    coordinator = world.party("nurse")
    await world.take(
        team.CoordinatorAppointed(case=CASE, kind=cases.CoordinatorKind.ANSVARSGRUPPE, coordinator=coordinator),
        chosen(Service.HELSESTASJON, Role.HEALTH_NURSE),
    )
    assert await told(world, "nurse") == ["contact-person-chosen"]
    assert await told(world, "teacher") == ["contact-person-chosen", "contact-person-ended"]
    await nobody_else(world, "teacher", "nurse")


@pytest.mark.rule(33, 34)
async def test_another_role_in_the_holders_service_is_the_leader_of_that_units_to_find(world: World) -> None:
    await world.take(chosen(Service.BARNEHAGE, Role.PEDAGOGICAL_LEADER))
    assert await told(world, "styrer") == ["contact-person-chosen"]
    await nobody_else(world, "styrer")


@pytest.mark.rule(33, 34)
async def test_who_is_no_longer_the_contact_person_hears_it_and_the_same_again_is_no_change(world: World) -> None:
    await world.take(chosen(Service.PPT, Role.PPT_ADVISER), chosen(Service.PPT, Role.PPT_ADVISER))
    assert await told(world, "ppt-leader") == ["contact-person-chosen"]
    await world.take(chosen(Service.BARNEHAGE, Role.TEACHER))
    assert await told(world, "ppt-leader") == ["contact-person-chosen", "contact-person-ended"]
    assert await told(world, "teacher") == ["contact-person-chosen"]


@pytest.mark.rule(33, 34, 35, 101)
async def test_the_family_hears_that_there_is_one_and_that_it_may_turn_to_anybody(world: World) -> None:
    await world.take(chosen(Service.PPT, Role.PPT_ADVISER), times=2)
    [mail] = await world.deliver()
    assert mail["To"] == "a@hjem.example"
    assert "kontaktperson" not in mail.as_string()
    rows = await world.pool.fetch("SELECT template FROM messages WHERE recipient_role = 'guardian'")
    assert [row["template"] for row in rows] == ["guardians-contact"]
    for language, anybody in ((Language.NB, "hvem du vil"), (Language.NN, "kven du vil"), (Language.EN, "anyone")):
        assert anybody in TEXTS.text("guardians-contact", 1, language).body, "not a gate (seed rule 35)"


@pytest.mark.rule(33, 34)
@pytest.mark.parametrize("by", ["leaving", "handing-on", "reopening"])
async def test_when_the_contact_persons_service_is_gone_the_holder_asks_the_family_anew(world: World, by: str) -> None:
    """As the cases service counts it: whose service neither is in the team nor has the baton is the contact person no more."""
    if by == "leaving":
        await world.take(chosen(Service.PPT, Role.PPT_ADVISER))
        gone: cases.CaseEvent = cases.TeamMemberRemoved(case=CASE, service=Service.PPT, reason="consent-withdrawn")
        holder = "teacher"
    else:
        await world.take(chosen(Service.BARNEHAGE, Role.PEDAGOGICAL_LEADER))
        holder = "rektor"
        party = world.party(holder)
        gone = cases.HandoverAccepted(case=CASE, handover=HandoverRef("hdo_" + "k" * 26), holder=party)
        if by == "reopening":
            await world.take(cases.CaseClosed(case=CASE, outcome="goal-reached"))
            gone = cases.CaseReopened(case=CASE, holder=party)
    await world.take(gone, times=2)
    assert await told(world, holder) == ["contact-person-missing"]
    await world.take(cases.TeamMemberRemoved(case=CASE, service=Service.PPT, reason="measure-ended"))
    assert await told(world, holder) == ["contact-person-missing"], "there was none to lose"


@pytest.mark.rule(33, 34)
async def test_who_stays_by_the_baton_is_still_the_contact_person(world: World) -> None:
    await world.take(
        cases.TeamMemberAdded(case=CASE, service=Service.BARNEHAGE, because_of=MEASURE),
        chosen(Service.BARNEHAGE, Role.TEACHER),
        cases.TeamMemberRemoved(case=CASE, service=Service.BARNEHAGE, reason="measure-ended"),
        cases.TeamMemberRemoved(case=CASE, service=Service.PPT, reason="measure-ended"),
    )
    assert await told(world, "teacher") == ["contact-person-chosen"]
