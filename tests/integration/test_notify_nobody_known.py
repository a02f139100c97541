"""What asks something of a leader whom nobody knows yet waits, and is told to whoever becomes it, unless it was done meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from shared.clock import SimulatedClock
from shared.contracts import cases, meetings, reports, team
from shared.contracts.codes import Role, Service
from shared.contracts.deviations import DeviationKind
from shared.contracts.notify import ConsentReceiptRecorded
from shared.contracts.safekeeping import (
    BreakGlassReviewed,
    BreakGlassReviewEscalated,
    BreakGlassReviewOverdue,
    CaseErased,
    ErasureReason,
    GlassOutcome,
)
from shared.refs import ArenaRef, CaseRef, ConcernReportRef, ContributionRef, GlassRef, LogScope, MeetingRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration import test_notify_invitations as invitations
from tests.integration.notify_world import LIA, MUNICIPALITY, World, notify_world
from tests.integration.test_notify_deviations import found, look
from tests.integration.test_notify_emergencies import CASE, GLASS, PROTECTED, opened
from tests.integration.test_notify_flow import ACT_BY, CONSENT, SCOPE, concern, measure, told
from tests.integration.test_notify_flow import opened as case_opened

pytestmark = pytest.mark.connected

MEETING = MeetingRef("mtg_" + "b" * 26)
STARTS = datetime(2026, 10, 1, 10, tzinfo=UTC)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, to which nobody has ever said how they are reached."""
    async with notify_world(migrated, issuer, clock) as made:
        yield made


async def waiting(world: World) -> int:
    """Return how much waits for somebody, when what could be told was."""
    await world.deliver()
    return int(await world.pool.fetchval("SELECT count(*) FROM errands"))


@pytest.mark.rule(95)
@pytest.mark.story(19)
async def test_an_emergency_is_reviewed_by_whoever_becomes_known_as_the_leader(world: World) -> None:
    nurse = world.party("nurse")
    with capture_logs() as said:
        await world.take(opened(world, nurse), times=2)
        assert await waiting(world) == 1
    [line] = [each for each in said if each["event"] == "nobody_to_tell"]
    assert (line["kind"], line["subject"], line["log_level"]) == ("emergency-review", "unit:helsestasjon", "warning")
    await world.prefer("styrer")
    assert await waiting(world) == 1, "another unit's leader is none of this one"
    assert await told(world, "styrer") == []
    await world.prefer("health-leader")
    assert await waiting(world) == 0
    assert await told(world, "health-leader") == ["emergency-review"]
    await world.let_time_pass()
    await world.deliver()
    assert await told(world, "health-leader") == ["emergency-review"]


async def test_what_was_done_meanwhile_is_told_to_nobody(world: World) -> None:
    nurse = world.party("nurse")
    late = BreakGlassReviewOverdue(case=CASE, glass=GLASS, by=nurse, escalates_at=world.clock.now() + timedelta(days=5))
    await world.take(opened(world, nurse), late, BreakGlassReviewEscalated(case=CASE, glass=GLASS))
    assert await waiting(world) == 3
    reviewed = BreakGlassReviewed(
        case=CASE, glass=GLASS, outcome=GlassOutcome.JUSTIFIED, reviewer_role=Role.PRIVACY_OFFICER
    )
    await world.take(reviewed)
    for who in ("health-leader", "privacy-officer"):
        await world.prefer(who)
    assert await waiting(world) == 0
    assert [await told(world, who) for who in ("health-leader", "privacy-officer")] == [[], []]


@pytest.mark.rule(95)
async def test_the_first_privacy_officer_hears_what_escalated_before(world: World) -> None:
    await world.take(BreakGlassReviewEscalated(case=CASE, glass=GLASS))
    assert await waiting(world) == 1
    await world.prefer("privacy-officer")
    assert await waiting(world) == 0
    assert await told(world, "privacy-officer") == ["emergency-escalated"]


@pytest.mark.rule(8, 54, 95)
async def test_each_unit_and_service_without_a_leader_waits_for_its_own(world: World) -> None:
    """One look, two units and a service: one message each, whoever comes first."""
    kommune, process = UnitId("unit:kommune"), uuid4()
    absent = frozenset({Service.PPT})
    await look(world, found("b", DeviationKind.DUTY_BREACHED, LIA, absent=absent), process=process)
    await look(world, found("c", DeviationKind.TOO_FEW_HELD, LIA, kommune), process=process)
    assert await waiting(world) == 1
    for who, left in (("ppt-leader", 1), ("director", 1), ("styrer", 0)):
        await world.prefer(who)
        assert await waiting(world) == left
        assert await told(world, who) == ["routines-not-followed"]


@pytest.mark.rule(6, 8, 9)
async def test_who_becomes_known_is_invited_to_a_meeting_at_the_time_that_it_has_and_not_when_it_is_off(
    world: World,
) -> None:
    await world.prefer("styrer")
    called = meetings.MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=STARTS,
        minutes=60,
        invited=frozenset({Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON}),
    )
    await world.take(called, meetings.MeetingRescheduled(meeting=MEETING, starts_at=STARTS + timedelta(days=1)))
    assert await waiting(world) == 1
    await world.prefer("ppt-leader")
    assert await waiting(world) == 1
    assert sorted(await told(world, "styrer")) == ["meeting-invitation", "meeting-moved"]
    assert await told(world, "ppt-leader") == ["meeting-invitation"]
    assert "2. oktober 2026" in (await world.get("ppt-leader", "/messages")).json()["items"][0]["text"]
    await world.take(meetings.MeetingCancelled(meeting=MEETING, reason="no-items"))
    await world.prefer("health-leader")
    assert await waiting(world) == 0
    assert await told(world, "health-leader") == []
    assert sorted(await told(world, "ppt-leader")) == ["meeting-cancelled", "meeting-invitation"]


@pytest.mark.rule(79, 95)
async def test_an_escalation_waits_for_the_leader_of_the_unit_that_has_it_now(world: World) -> None:
    await world.take(concern(world))
    await world.move_to(ACT_BY + timedelta(days=2))
    assert await waiting(world) == 1
    await world.prefer("styrer")
    assert await waiting(world) == 0
    assert await told(world, "styrer") == ["escalation"]


@pytest.mark.rule(31)
async def test_what_is_only_news_waits_for_nobody(world: World) -> None:
    begun = case_opened(world)
    await world.take(begun, cases.TeamMemberAdded(case=begun.case, service=Service.PPT), measure(ACT_BY))
    assert await waiting(world) == 0
    await world.prefer("ppt-leader")
    assert await told(world, "ppt-leader") == []


@pytest.mark.rule(95)
async def test_a_leader_is_known_from_the_first_look_at_their_messages(world: World) -> None:
    """Nobody has to choose anything to be told, and what was not chosen stands nowhere as if it were."""
    assert await told(world, "health-leader") == []
    await world.take(opened(world, world.party("nurse")))
    assert await waiting(world) == 0
    assert await told(world, "health-leader") == ["emergency-review"]
    assert (await world.get("health-leader", "/preferences")).status_code == 404
    assert await world.types("preferences") == []


@pytest.mark.rule(41, 95)
async def test_who_leads_from_today_on_is_told_from_today_on_and_keeps_what_they_chose(world: World) -> None:
    await world.prefer("colleague", "en", "colleague@lia.example")
    await look(world, found("b", DeviationKind.TOO_FEW_PLANNED, LIA))
    assert await waiting(world) == 1
    promoted = {"lagspill_roles": ["leader"]}
    assert (await world.get("colleague", "/deadlines", **promoted)).status_code == 200
    [mail] = await world.deliver()
    assert (mail["To"], await waiting(world)) == ("colleague@lia.example", 0)
    # And who does no more, is not.
    assert await told(world, "colleague") == ["meeting-not-called"]
    await look(world, found("c", DeviationKind.TOO_FEW_PLANNED, LIA))
    assert await waiting(world) == 1


@pytest.mark.rule(41, 107)
async def test_who_chooses_in_another_unit_leads_the_one_before_no_more_and_who_only_looks_works_in_both(
    world: World,
) -> None:
    there = {"lagspill_unit": "unit:haugen-barnehage"}
    await world.prefer("styrer")
    assert (await world.get("styrer", "/messages", **there)).status_code == 200
    units = (LIA, UnitId("unit:haugen-barnehage"))
    await look(world, *(found("b", DeviationKind.TOO_FEW_PLANNED, unit) for unit in units[:1]))
    await look(world, found("c", DeviationKind.TOO_FEW_PLANNED, units[1]))
    assert await waiting(world) == 0
    assert (await world.write("styrer", "PUT", "/preferences", {"language": "nb"}, **there)).status_code == 200
    await look(world, found("d", DeviationKind.TOO_FEW_PLANNED, LIA))
    assert await waiting(world) == 1


@pytest.mark.rule(77, 82, 95)
async def test_the_leader_of_a_service_that_municipalities_share_is_told_in_each_of_them(world: World) -> None:
    """One person, a token for each municipality: what the one asks of the service does not depend on where they chose."""
    await world.prefer("ppt-leader")
    alvdal = LogScope("3428")
    absent = found("b", DeviationKind.DUTY_BREACHED, absent=frozenset({Service.PPT}))
    await world.intake().process([world.record(absent, scope=alvdal)])
    assert await waiting(world) == 1
    assert (await world.get("ppt-leader", "/messages", municipality=alvdal)).status_code == 200
    assert await waiting(world) == 0
    assert await told(world, "ppt-leader") == ["routines-not-followed"]
    again = absent.model_copy(update={"deviation": "dev_" + "c" * 26})
    await world.intake().process([world.record(again, scope=alvdal)])
    await look(world, found("d", DeviationKind.DUTY_BREACHED, absent=frozenset({Service.PPT})))
    assert await told(world, "ppt-leader") == ["routines-not-followed"] * 3


def asked(world: World, letter: str, service: Service, unit: str | None = None) -> team.ContributionRequested:
    return team.ContributionRequested(
        case=CASE,
        contribution=ContributionRef("ctb_" + letter * 26),
        service=service,
        unit=None if unit is None else UnitId(unit),
        anonymous=False,
        reason=team.ContributionReason.COMPETENCE_MISSING,
        asked_by=world.party("teacher"),
        respond_by=world.clock.now() + timedelta(days=7),
    )


@pytest.mark.rule(4, 101)
@pytest.mark.story(17)
async def test_a_consent_that_ends_takes_back_what_waits_for_the_leaders_of_who_is_out_and_says_how_much(
    world: World,
) -> None:
    """Of a school its own leader: before they are known, and while what they were told then waits for the morning."""
    world.clock.set(datetime(2026, 9, 7, 20, tzinfo=UTC))
    skole = asked(world, "c", Service.SKOLE, "unit:tinnes-skole")
    await world.take(asked(world, "b", Service.PPT), skole, asked(world, "d", Service.HELSESTASJON))
    assert await waiting(world) == 3
    ended = SCOPE.model_copy(update={"services": frozenset({Service.PPT, Service.SKOLE})})
    end = cases.ConsentWithdrawn(case=CASE, consent=CONSENT, version=2, ended=ended, effective_at=world.clock.now())
    await world.take(end, times=2)
    for who in ("ppt-leader", "rektor", "health-leader"):
        await world.prefer(who, "nb", f"{who}@tinn.example")
    assert await waiting(world) == 0
    assert [await told(world, who) for who in ("ppt-leader", "rektor")] == [[], []]
    assert await told(world, "health-leader") == ["contribution-request"]
    await world.write("rektor", "PUT", "/preferences", {"language": "nb"}, lagspill_unit="unit:elsewhere")
    again = skole.model_copy(update={"contribution": ContributionRef("ctb_" + "f" * 26)})
    await world.take(again)
    assert await waiting(world) == 1
    await world.prefer("rektor", "nb", "rektor@tinn.example")
    assert await waiting(world) == 0
    await world.take(end.model_copy(update={"version": 3}))
    receipts = [event for event in await world.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [(event.consent_version, event.messages_cancelled) for event in receipts] == [(2, 2), (3, 1)]
    assert [await told(world, "rektor"), world.smtp.mails] == [[], []]


@pytest.mark.rule(77, 95)
async def test_the_clearance_is_the_one_of_the_municipality_that_gave_it(world: World) -> None:
    """Who works in two is told of protected cases where they are cleared, whatever the other token says and whoever they are at home."""
    alvdal, cleared = LogScope("3428"), ["privacy-officer", "protected-case-reader"]
    glass = opened(world, world.party("nurse").model_copy(update={"unit": None, "organisation": None}))
    other = glass.model_copy(update={"case": CaseRef("cas_" + "d" * 26), "glass": GlassRef("brk_" + "d" * 26)})
    world.neighbours.watches |= {
        glass.case: {"municipality": alvdal, "role": "privacy-officer"},
        other.case: {"municipality": MUNICIPALITY, "role": "privacy-officer"},
    }
    pid = world.people.guardian().national_number
    looks = {"pid": pid, "municipality": alvdal, "lagspill_roles": cleared}
    assert (await world.get("privacy-officer", "/messages", **looks)).status_code == 200
    assert (await world.get("privacy-officer", "/messages", pid=pid)).status_code == 200
    await world.prefer("guardian-a", pid=pid)
    await world.intake().process([world.record(each, scope=PROTECTED) for each in (glass, other)])
    told_of = "SELECT array_agg(case_ref::text ORDER BY case_ref) FROM messages"
    assert (await waiting(world), await world.pool.fetchval(told_of)) == (1, [glass.case])
    assert (await world.get("privacy-officer", "/messages", pid=pid, lagspill_roles=cleared)).status_code == 200
    assert (await waiting(world), await world.pool.fetchval(told_of)) == (0, [glass.case, other.case])


@pytest.mark.rule(95)
async def test_a_reminder_that_waits_is_over_with_what_it_reminds_of_also_where_the_case_is_protected(
    world: World,
) -> None:
    glass = opened(world, world.party("nurse"))
    hidden = glass.model_copy(
        update={
            "case": CaseRef("cas_" + "d" * 26),
            "glass": GlassRef("brk_" + "d" * 26),
            "by": glass.by.model_copy(update={"unit": None, "organisation": None}),
        }
    )
    world.neighbours.watches[hidden.case] = {"municipality": MUNICIPALITY, "role": "privacy-officer"}
    await world.intake().process([world.record(glass), world.record(hidden, scope=PROTECTED)])
    await world.move_to(glass.review_by - timedelta(days=1))
    assert await waiting(world) == 4
    world.clock.set(glass.review_by)
    await world.prefer("health-leader")
    await world.prefer("privacy-officer", lagspill_roles=["privacy-officer", "protected-case-reader"])
    assert await waiting(world) == 0
    assert await told(world, "health-leader") == ["emergency-review"]
    assert await told(world, "privacy-officer") == ["protected-emergency-review"]


@pytest.mark.rule(8, 95)
async def test_who_becomes_known_hears_of_the_last_look_and_not_of_a_meeting_whose_term_is_over(world: World) -> None:
    for letter, other in zip("bcd", "fgh", strict=True):
        await look(world, found(letter, DeviationKind.NOT_HELD, LIA))
        await look(world, found(other, DeviationKind.TOO_FEW_PLANNED, LIA, UnitId("unit:kommune")))
    assert await waiting(world) == 2
    await world.prefer("director")
    assert await waiting(world) == 2
    assert await told(world, "director") == ["meeting-not-called"]
    world.clock.set(datetime(2026, 12, 31, 23, tzinfo=UTC))
    await world.prefer("styrer")
    assert await waiting(world) == 0
    assert await told(world, "styrer") == ["routines-not-followed"]


@pytest.mark.rule(93, 95)
async def test_of_a_case_that_is_closed_only_what_is_done_all_the_same_waits_and_of_an_erased_one_what_is_judged(
    world: World,
) -> None:
    unanswered = reports.ConcernReportUnanswered(
        case=CASE, report=ConcernReportRef("rpt_" + "b" * 26), reporter=world.party("nurse")
    )
    await world.take(asked(world, "b", Service.PPT), opened(world, world.party("nurse")), unanswered)
    waits = "SELECT array_agg(template ORDER BY template) FROM errands"
    await world.take(cases.CaseClosed(case=CASE, outcome="moved"))
    assert await world.pool.fetchval(waits) == ["emergency-review", "report-unanswered"]
    await world.take(CaseErased(case=CASE, reason=ErasureReason.RETENTION))
    assert await world.pool.fetchval(waits) == ["emergency-review"]


@pytest.mark.rule(8, 54, 95)
async def test_of_a_meeting_that_is_moved_nobody_is_told_what_was_answered_for_the_time_before(world: World) -> None:
    await world.take(invitations.called(), invitations.answered(invitations.HEALTH))
    await invitations.move_to(world, invitations.REMINDED)
    assert await waiting(world) == 3
    await world.take(meetings.MeetingRescheduled(meeting=MEETING, starts_at=invitations.STARTS + timedelta(days=14)))
    for who in invitations.LEADERS:
        await world.prefer(who)
    assert await waiting(world) == 0
    assert [await told(world, who) for who in invitations.LEADERS] == [["meeting-invitation"]] * 3


@pytest.mark.rule(77, 95)
async def test_who_becomes_known_wakes_what_may_be_theirs_and_nothing_else(world: World) -> None:
    """Else everything that waits anywhere would be tried whenever somebody looks at their messages for the first time."""
    alvdal, everybody = LogScope("3428"), frozenset({Service.PPT, Service.HELSESTASJON, Service.BARNEHAGE})
    here = meetings.MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=STARTS,
        minutes=60,
        invited=everybody,
    )
    there = here.model_copy(update={"meeting": MeetingRef("mtg_" + "c" * 26)})
    hidden = opened(world, world.party("nurse").model_copy(update={"unit": None, "organisation": None}))
    world.neighbours.watches[CASE] = {"municipality": MUNICIPALITY, "role": "leader", "unit": "unit:kommune"}
    escalated = BreakGlassReviewEscalated(case=CASE, glass=GLASS)
    await world.intake().process(
        [
            world.record(here),
            world.record(escalated),
            world.record(there, scope=alvdal),
            world.record(hidden, scope=PROTECTED),
        ]
    )

    async def tried() -> list[int]:
        await world.deliver()
        names = ("mtg_b%", "brk_%/emergency-escalated", "mtg_c%", "brk_%/protected%")
        found = "SELECT coalesce((SELECT attempts FROM errands WHERE step LIKE $1), 0)"
        return [await world.pool.fetchval(found, name) for name in names]

    assert await tried() == [1, 1, 1, 1]
    cleared = {"lagspill_roles": ["leader", "protected-case-reader"]}
    steps: list[tuple[str, dict[str, Any], list[int]]] = [
        ("teacher", {}, [1, 1, 1, 1]),
        ("rektor", {}, [1, 1, 1, 1]),
        ("director", {}, [1, 1, 1, 1]),
        ("styrer", {}, [2, 1, 1, 1]),
        ("ppt-leader", {"municipality": alvdal}, [2, 1, 2, 1]),
        ("privacy-officer", {}, [2, 0, 2, 1]),
        ("director", cleared, [2, 0, 2, 0]),
        ("health-leader", {}, [3, 0, 2, 0]),
        ("ppt-leader", {}, [0, 0, 2, 0]),
    ]
    for who, claims, left in steps:
        assert (await world.get(who, "/messages", **claims)).status_code == 200
        assert await tried() == left, who
