"""From the cases' events to what people are told: once each, in time, in their language, and about nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import pytest
import pytest_asyncio

from services.notify.domain.deadline import DEADLINE, deadline_of
from services.notify.domain.message import MESSAGE
from services.notify.domain.policy import ASKS
from services.notify.domain.recipient import RECIPIENT
from services.notify.store import WATCH
from shared.aggregate import Aggregate
from shared.clock import SimulatedClock
from shared.contracts import cases, meetings
from shared.contracts.access import AccessRecorded
from shared.contracts.base import Model
from shared.contracts.codes import (
    Area,
    GrantorClass,
    InformationCategory,
    LegalBasis,
    Purpose,
    Role,
    Scope,
    Service,
)
from shared.contracts.notify import (
    Channel,
    ConsentReceiptRecorded,
    DeadlineApproaching,
    DeadlineKind,
    EscalationRaised,
    NotificationCancelled,
    NotificationFailed,
    NotificationQueued,
)
from shared.freshness import StaleProjectionError
from shared.refs import (
    ArenaRef,
    CaseRef,
    ConcernRef,
    ConsentRef,
    GoalRef,
    HandoverRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    UnitId,
)
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world

pytestmark = pytest.mark.connected

S = TypeVar("S", bound=Model)

CASE = CaseRef("cas_" + "b" * 26)
CONCERN = ConcernRef("con_" + "c" * 26)
CONSENT = ConsentRef("cst_" + "d" * 26)
HANDOVER = HandoverRef("hdo_" + "f" * 26)
MEASURE = MeasureRef("mea_" + "g" * 26)
ACT_BY = datetime(2026, 9, 21, 8, tzinfo=UTC)
SCOPE = Scope(
    services=frozenset({Service.PPT, Service.HELSESTASJON}),
    categories=frozenset({InformationCategory.LANGUAGE}),
    purposes=frozenset({Purpose.ASSESSMENT}),
)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, with a mail server that answers."""
    async with notify_world(migrated, issuer, clock) as made:
        yield made


def concern(world: World) -> cases.ConcernRegistered:
    return cases.ConcernRegistered(
        case=CASE,
        concern=CONCERN,
        area=Area.LEARNING,
        for_whom=cases.ForWhom.CHILD,
        registered_by=world.party("teacher"),
        act_by=ACT_BY,
        guardians=2,
    )


def opened(world: World) -> cases.CaseOpened:
    return cases.CaseOpened(
        case=CASE,
        level=1,
        mode=cases.Mode.ANONYMOUS,
        holder=world.party("teacher"),
        decide_by=ACT_BY + timedelta(days=11),
    )


def requested() -> cases.ConsentRequested:
    return cases.ConsentRequested(
        case=CASE,
        consent=CONSENT,
        version=1,
        scope=SCOPE,
        valid_from=datetime(2026, 9, 24, tzinfo=UTC).date(),
        valid_to=datetime(2027, 7, 31, tzinfo=UTC).date(),
        needed={GrantorClass.GUARDIAN: 2},
        languages=frozenset({"nb", "en"}),
    )


def granted(ordinal: int, *, active: bool) -> cases.ConsentGranted:
    return cases.ConsentGranted(
        case=CASE,
        consent=CONSENT,
        version=1,
        grantor=GrantorClass.GUARDIAN,
        ordinal=ordinal,
        evidence=cases.EvidenceForm.E_ID,
        active=active,
        scope=SCOPE,
        valid_from=datetime(2026, 9, 24, tzinfo=UTC).date(),
        valid_to=datetime(2027, 7, 31, tzinfo=UTC).date(),
    )


def handover(world: World, receiver: str, respond_by: datetime) -> cases.HandoverSent:
    return cases.HandoverSent(
        case=CASE,
        handover=HANDOVER,
        kind=cases.HandoverKind.BATON,
        sender=world.party("teacher"),
        receiver=world.party(receiver),
        basis=LegalBasis(code="own-task", version="2026-07-01"),
        package=cases.Package(),
        respond_by=respond_by,
    )


async def told(world: World, who: str, **claims: Any) -> list[str]:
    items = (await world.get(who, "/messages", **claims)).json()["items"]
    return [item["template"] for item in reversed(items)]


def measure(evaluate_by: datetime) -> cases.MeasurePlanned:
    return cases.MeasurePlanned(
        case=CASE,
        measure=MEASURE,
        code="sprakgruppe",
        level=1,
        owner=Service.PPT,
        owner_unit=UnitId("unit:ppt"),
        goal=GoalRef("goa_" + "h" * 26),
        indicator="words-in-play",
        evaluate_by=evaluate_by,
    )


def guardians(world: World) -> None:
    world.neighbours.contacts[CASE] = [
        {
            "recipient": "act_guardiana",
            "role": "guardian",
            "ordinal": 1,
            "language": "nb",
            "email": "a@guardian.example",
        },
        {
            "recipient": "act_guardianb",
            "role": "guardian",
            "ordinal": 2,
            "language": "en",
            "email": "b@guardian.example",
        },
    ]


# --- a concern may not rest -------------------------------------------------------------------------------------------


@pytest.mark.rule(78, 79, 101)
@pytest.mark.story(3)
async def test_four_days_before_it_must_be_acted_on_one_reminder_comes(world: World) -> None:
    """However often the event is delivered, and whatever is restarted in between."""
    await world.prefer("teacher", "nn", "teacher@lia.example")
    await world.take(concern(world), times=3)
    assert await world.move_to(ACT_BY - timedelta(days=4, minutes=1)) == 0
    assert await world.types("deadline") == ["deadline.set"]
    await world.move_to(ACT_BY - timedelta(days=4))
    await world.move_to(ACT_BY - timedelta(days=3))
    await asyncio.gather(*(world.runner().fire_due() for _ in range(3)))

    assert await world.types("deadline") == ["deadline.set", "deadline.approaching"]
    mails = await world.deliver()
    await world.let_time_pass()
    assert await world.deliver() == mails
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [
        ("teacher@lia.example", "Du har ei melding i Lagspill")
    ]
    assert await world.types("notification") == ["notification.queued", "notification.sent"]
    told = (await world.get("teacher", "/messages")).json()["items"]
    assert [(item["template"], item["status"], item["deadline"]) for item in told] == [
        ("concern-reminder", "sent", deadline_of(CONCERN))
    ]
    assert "21. september 2026" in told[0]["text"]
    assert told[0]["message"] in mails[0].get_content()


@pytest.mark.rule(79)
async def test_a_reminder_that_this_service_slept_through_comes_late_but_comes(world: World) -> None:
    """One that is too late even for that, when all of it arrives after the time is out, is left out."""
    heard_late = world.record(concern(world))
    world.clock.set(ACT_BY - timedelta(days=1))
    await world.intake().process([heard_late])
    await world.move_to(world.clock.now())
    assert await world.types("deadline") == ["deadline.set", "deadline.approaching"]


@pytest.mark.rule(79)
@pytest.mark.parametrize("acted", ["resolved", "escalated"])
async def test_who_has_acted_is_not_reminded(world: World, acted: str) -> None:
    await world.take(concern(world))
    settled = {
        "resolved": cases.ConcernResolvedLocally(case=CASE, concern=CONCERN, outcome=cases.LocalOutcome.GUIDANCE_GIVEN),
        "escalated": cases.ConcernEscalated(case=CASE, concern=CONCERN, next_level=1),
    }[acted]
    await world.take(settled)
    assert await world.move_to(ACT_BY + timedelta(days=30)) == 0
    assert await world.types() == ["deadline.set", "deadline.closed"]
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0


@pytest.mark.rule(79)
async def test_a_reminder_that_is_not_mailed_yet_is_taken_back_when_it_is_done(world: World) -> None:
    await world.prefer("teacher", "nb", "teacher@lia.example")
    await world.take(concern(world))
    await world.move_to(ACT_BY - timedelta(days=4))
    await world.take(cases.ConcernEscalated(case=CASE, concern=CONCERN, next_level=1))
    assert await world.deliver() == []
    assert [type(event) for event in await world.published() if "notification" in event.TYPE] == [
        NotificationQueued,
        NotificationCancelled,
    ]
    assert (await world.get("teacher", "/messages")).json()["items"] == []


@pytest.mark.rule(79, 95)
async def test_a_concern_at_rest_is_missed_and_the_leader_hears_of_it(world: World) -> None:
    await world.prefer("styrer", "en", "styrer@lia.example")
    await world.take(concern(world))
    await world.move_to(ACT_BY)
    assert [item["template"] for item in (await world.get("teacher", "/messages")).json()["items"]] == [
        "concern-overdue"
    ]
    assert (await world.get("styrer", "/messages")).json()["items"] == []
    await world.move_to(ACT_BY + timedelta(days=1))
    assert await world.types("deadline") == ["deadline.set", "deadline.missed"]
    raised = [event for event in await world.published() if isinstance(event, EscalationRaised)]
    assert [(event.unit, event.kind) for event in raised] == [(LIA, DeadlineKind.ACT_ON_CONCERN)]
    assert [mail["To"] for mail in await world.deliver()] == ["styrer@lia.example"]


async def test_nothing_is_said_of_what_may_have_been_done(world: World) -> None:
    """While the picture of the cases is not fresh, a deadline waits; it is neither lost nor parked."""
    await world.take(concern(world))
    world.clock.set(ACT_BY)
    await world.runner().fire_due()
    assert await world.types() == ["deadline.set"]
    row = await world.pool.fetchrow("SELECT detail, parked FROM deadlines WHERE kind = 'deadline-due'")
    assert row is not None
    assert StaleProjectionError.__name__ in row["detail"]
    assert not row["parked"]
    await world.fresh()
    await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
    assert await world.runner().fire_due() > 0
    assert await world.types("deadline.") == ["deadline.set", "deadline.missed"]


# --- consent ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(4, 101, 146)
@pytest.mark.story(7)
async def test_each_guardian_is_told_in_their_own_language_and_the_address_stays_nowhere(world: World) -> None:
    guardians(world)
    await world.take(opened(world), requested(), times=2)
    mails = await world.deliver()
    assert {(mail["To"], mail["Subject"]) for mail in mails} == {
        ("a@guardian.example", "Du har en melding i Lagspill"),
        ("b@guardian.example", "You have a message in Lagspill"),
    }
    assert world.neighbours.requests[f"/cases/{CASE}/contacts"] == 1
    assert world.neighbours.requests["/token"] == 1
    queued = [event for event in await world.published() if isinstance(event, NotificationQueued)]
    assert {(event.recipient_role, event.channel, event.template) for event in queued} == {
        (Role.GUARDIAN, Channel.EMAIL, "consent-request")
    }
    assert "@guardian.example" not in await world.dump()
    await world.let_time_pass()
    assert len(await world.deliver()) == 2


@pytest.mark.rule(101)
async def test_only_who_has_not_answered_is_reminded_and_no_leader_hears_of_it(world: World) -> None:
    guardians(world)
    await world.prefer("styrer")
    await world.take(opened(world), requested())
    await world.deliver()
    await world.take(granted(1, active=False))
    await world.move_to(world.clock.now() + timedelta(days=7))
    mails = await world.deliver()
    assert [mail["To"] for mail in mails[2:]] == ["b@guardian.example"]
    await world.move_to(world.clock.now() + timedelta(days=30))
    told = [item["template"] for item in (await world.get("teacher", "/messages")).json()["items"]]
    assert "consent-unanswered" in told
    assert "consent" not in {item["template"] for item in (await world.get("styrer", "/messages")).json()["items"]}
    assert not [
        event
        for event in await world.published()
        if isinstance(event, EscalationRaised) and event.kind == "answer-consent"
    ]


@pytest.mark.parametrize("answer", ["granted", "refused", "withdrawn", "expired"])
async def test_an_answered_question_is_not_asked_again(world: World, answer: str) -> None:
    """Also when it is answered before anybody was mailed."""
    guardians(world)
    answers = {
        "granted": granted(2, active=True),
        "refused": cases.ConsentRefused(
            case=CASE, consent=CONSENT, version=1, grantor=GrantorClass.GUARDIAN, ordinal=1
        ),
        "withdrawn": cases.ConsentWithdrawn(
            case=CASE, consent=CONSENT, version=2, ended=SCOPE, effective_at=world.clock.now()
        ),
        "expired": cases.ConsentExpired(case=CASE, consent=CONSENT, version=1),
    }
    await world.take(requested(), answers[answer])
    # That it was taken back is told to everybody; nothing else is.
    told = 2 if answer == "withdrawn" else 0
    assert len(await world.deliver()) == told
    assert world.neighbours.requests[f"/cases/{CASE}/contacts"] == told // 2
    await world.move_to(world.clock.now() + timedelta(days=40))
    assert len(await world.deliver()) == told
    queued = [event for event in await world.published() if isinstance(event, NotificationQueued)]
    assert not {event.template for event in queued} & ASKS
    assert "deadline.missed" not in await world.types()


@pytest.mark.story(17)
async def test_what_is_on_its_way_to_a_service_that_is_out_is_taken_back_and_acknowledged(world: World) -> None:
    await world.prefer("nurse", "nb", "nurse@helse.example")
    await world.take(opened(world), handover(world, "nurse", ACT_BY))
    ended = SCOPE.model_copy(update={"services": frozenset({Service.HELSESTASJON})})
    left = SCOPE.model_copy(update={"services": frozenset({Service.PPT})})
    narrowed = cases.ConsentNarrowed(
        case=CASE, consent=CONSENT, version=2, scope=left, ended=ended, effective_at=world.clock.now()
    )
    await world.take(narrowed, times=3)
    assert await world.deliver() == []
    receipts = [event for event in await world.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [(event.consent_version, event.messages_cancelled) for event in receipts] == [(2, 1)]


@pytest.mark.story(17)
async def test_a_change_is_acknowledged_also_when_nothing_was_on_its_way(world: World) -> None:
    only_a_category = cases.ConsentNarrowed(
        case=CASE, consent=CONSENT, version=2, scope=SCOPE, ended=SCOPE, effective_at=world.clock.now()
    )
    await world.prefer("nurse", "nb", "nurse@helse.example")
    await world.take(handover(world, "nurse", ACT_BY), only_a_category)
    withdrawn = cases.ConsentWithdrawn(
        case=CASE, consent=CONSENT, version=3, ended=SCOPE, effective_at=world.clock.now()
    )
    assert len(await world.deliver()) == 1, "helsestasjon still has its part"
    await world.take(withdrawn)
    receipts = [event for event in await world.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [(event.consent_version, event.messages_cancelled) for event in receipts] == [(2, 0), (3, 0)]


@pytest.mark.rule(4, 101)
@pytest.mark.story(17)
async def test_each_way_of_losing_a_consent_is_acknowledged_under_its_own_version_and_told(world: World) -> None:
    """Repeated deliveries change nothing."""
    guardians(world)
    now = world.clock.now()
    about = {"case": CASE, "consent": CONSENT}
    suspended = cases.ConsentSuspended(
        **about, version=2, reason=cases.ReassessmentReason.AGE_15, ended=SCOPE, effective_at=now
    )
    expired = cases.ConsentExpired(**about, version=4, ended=SCOPE)
    await world.take(opened(world), suspended, expired, times=2)
    receipts = [event for event in await world.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [event.consent_version for event in receipts] == [2, 4]
    told = {item["template"] for item in (await world.get("teacher", "/messages")).json()["items"]}
    assert {"consent-suspended", "consent-expired"} <= told


@pytest.mark.rule(4, 101)
async def test_who_must_consent_now_is_asked_and_for_the_next_period_everybody_is(world: World) -> None:
    guardians(world)
    about = {"case": CASE, "consent": CONSENT}
    await world.take(opened(world), requested(), granted(1, active=False), granted(2, active=True))
    reassessed = cases.ConsentReassessmentDue(
        **about,
        version=1,
        reason=cases.ReassessmentReason.GUARDIAN_CHANGE,
        needed={GrantorClass.GUARDIAN: 3},
        guardians=(1, 2, 3),
        confirm_by=world.clock.now() + timedelta(days=28),
    )
    await world.take(reassessed)
    assert await world.deliver() == [], "both have granted; a third is not among the contacts"
    renewal = cases.ConsentRenewalRequested(
        **about,
        version=1,
        scope=SCOPE,
        valid_to=datetime(2028, 7, 31, tzinfo=UTC).date(),
        needed={GrantorClass.GUARDIAN: 2},
        guardians=(1, 2),
        languages=frozenset({"nb"}),
        answer_by=world.clock.now() + timedelta(days=28),
    )
    await world.take(renewal)
    assert {mail["To"] for mail in await world.deliver()} == {"a@guardian.example", "b@guardian.example"}
    queued = [event.template for event in await world.published() if isinstance(event, NotificationQueued)]
    assert queued.count("consent-renewal") == 2
    assert "consent-reassessment" in queued, "the holder knows"


@pytest.mark.rule(4)
@pytest.mark.parametrize(("days", "reminded", "told_after"), [(28, 7, 14), (10, 3, 10), (5, None, 5)])
async def test_who_must_confirm_is_reminded_before_it_is_suspended_however_soon_that_is(
    world: World, days: int, reminded: int | None, told_after: int
) -> None:
    """As long as the code list says (`confirm_by`): the question and its reminder come within that time, and the holder hears."""
    await world.prefer("teacher")
    guardians(world)
    begins = world.clock.now()
    reassessed = cases.ConsentReassessmentDue(
        case=CASE,
        consent=CONSENT,
        version=1,
        reason=cases.ReassessmentReason.GUARDIAN_CHANGE,
        needed={GrantorClass.GUARDIAN: 2},
        guardians=(1, 2),
        anew=True,
        confirm_by=begins + timedelta(days=days),
    )
    await world.take(opened(world), reassessed, times=2)
    await world.deliver()
    moments = {"consent-reminder": reminded, "consent-unanswered": told_after}
    for template, after in moments.items():
        rows = "SELECT count(*) FROM (SELECT template FROM messages UNION ALL SELECT template FROM errands) AS a WHERE template = $1"
        if after is not None:
            await world.move_to(begins + timedelta(days=after, minutes=-1))
            assert await world.pool.fetchval(rows, template) == 0, template
            await world.move_to(begins + timedelta(days=after))
            assert await world.pool.fetchval(rows, template) > 0, template
            await world.deliver()
        else:
            assert await world.pool.fetchval(rows, template) == 0


# --- handover ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(82, 95, 107)
@pytest.mark.story(13)
async def test_silence_on_a_handover_is_reminded_of_overdue_and_escalated(world: World) -> None:
    await world.prefer("styrer")
    await world.take(opened(world))
    due = world.clock.now() + timedelta(days=7)
    await world.take(handover(world, "colleague", due), times=2)
    assert await told(world, "colleague") == ["handover-request"]
    await world.move_to(due - timedelta(days=2))
    assert await told(world, "colleague") == ["handover-request", "handover-reminder"]
    await world.move_to(due)
    assert await told(world, "colleague") == ["handover-request", "handover-reminder", "handover-overdue"]
    assert await told(world, "styrer") == ["handover-escalated"]
    await world.take(
        cases.HandoverAccepted(case=CASE, handover=HANDOVER, holder=world.party("colleague"), on_behalf=True)
    )
    mine = (await world.get("colleague", "/deadlines")).json()["items"]
    assert [item["kind"] for item in mine if item["mine"]] == ["decide-case"]
    assert [item["kind"] for item in (await world.get("teacher", "/deadlines")).json()["items"]] == []


@pytest.mark.rule(82, 95, 107)
async def test_silence_in_another_municipality_is_its_own_leaders_and_no_leaders_here(world: World) -> None:
    """The units have the same name, and the deadline stands in the sender's log: told is who may answer on behalf."""
    there = {"sub": "styrer-there", "municipality": "0301"}
    await world.prefer("styrer")
    await world.prefer("styrer", **there)
    await world.take(opened(world))
    due = world.clock.now() + timedelta(days=7)
    await world.take(handover(world, "colleague", due).model_copy(update={"to_municipality": "0301"}))
    await world.move_to(due)
    assert await told(world, "styrer") == []
    assert await told(world, "styrer", **there) == ["handover-escalated"]
    seen = [(await world.get("styrer", "/deadlines", **who)).json()["items"] for who in ({}, there)]
    assert ["answer-handover" in {one["kind"] for one in items} for items in seen] == [False, True]
    [raised] = [event for event in await world.published() if isinstance(event, EscalationRaised)]
    assert (raised.unit, raised.municipality) == ("unit:lia-barnehage", "0301")
    # Who is known here later only is told then: the leader there, and nobody else's.
    later = {"sub": "second-there", "municipality": "0301"}
    await world.prefer("styrer", **later)
    here = {"sub": "second-here"}
    await world.prefer("styrer", **here)
    assert await told(world, "styrer", **later) == ["handover-escalated"]
    assert await told(world, "styrer", **here) == []


@pytest.mark.rule(107)
@pytest.mark.story(13)
async def test_a_rejection_is_an_answer(world: World) -> None:
    await world.take(opened(world), handover(world, "colleague", ACT_BY))
    await world.take(cases.HandoverRejected(case=CASE, handover=HANDOVER, reason="capacity"))
    assert await world.move_to(ACT_BY + timedelta(days=3)) == 0
    assert "escalation.raised" not in await world.types()


@pytest.mark.rule(107)
@pytest.mark.story(13)
@pytest.mark.parametrize("on_behalf", [False, True])
async def test_who_sent_a_handover_hears_of_the_no_and_for_one_who_is_away_the_leader(
    world: World, *, on_behalf: bool
) -> None:
    """The sender, whoever has the case meanwhile; once, and no receiver ever."""
    await world.prefer("styrer")
    sent = handover(world, "colleague", ACT_BY).model_copy(update={"on_behalf": on_behalf})
    await world.take(opened(world), sent, times=2)
    await world.take(cases.HandoverRejected(case=CASE, handover=HANDOVER, reason="capacity"), times=2)
    assert await told(world, "teacher") == ["handover-rejected"]
    assert await told(world, "styrer") == (["handover-rejected"] if on_behalf else [])
    assert await told(world, "colleague") == ["handover-request"]
    assert await world.pool.fetchval("SELECT count(*) FROM senders") == 0


@pytest.mark.rule(107)
@pytest.mark.parametrize(
    ("reason", "hears"),
    [("basis-lapsed", ["handover-void"]), ("receiver-gone", ["handover-void"]), ("case-closed", [])],
)
async def test_who_sent_a_handover_hears_that_it_fell_away_unless_the_case_did(
    world: World, reason: Literal["basis-lapsed", "receiver-gone", "case-closed"], hears: list[str]
) -> None:
    await world.take(opened(world), handover(world, "colleague", ACT_BY))
    await world.take(cases.HandoverCancelled(case=CASE, handover=HANDOVER, reason=reason), times=2)
    assert await told(world, "teacher") == hears


@pytest.mark.rule(107)
async def test_who_took_a_handover_back_or_has_given_the_baton_away_hears_nothing(world: World) -> None:
    await world.take(opened(world))
    for end in (
        cases.HandoverWithdrawn(case=CASE, handover=HANDOVER),
        cases.HandoverAccepted(case=CASE, handover=HANDOVER, holder=world.party("colleague")),
    ):
        await world.take(handover(world, "colleague", ACT_BY), end)
        assert await told(world, "teacher") == []
        assert await world.pool.fetchval("SELECT count(*) FROM senders") == 0


@pytest.mark.rule(107)
async def test_of_a_handover_sent_before_the_sender_was_remembered_the_holder_hears(world: World) -> None:
    await world.take(opened(world), handover(world, "colleague", ACT_BY))
    await world.pool.execute("DELETE FROM senders")
    await world.take(cases.HandoverRejected(case=CASE, handover=HANDOVER, reason="capacity"))
    assert await told(world, "teacher") == ["handover-rejected"]


@pytest.mark.rule(107)
async def test_of_a_protected_case_the_no_to_what_was_sent_on_behalf_waits_for_whoever_has_the_duty(
    world: World,
) -> None:
    """No event says the unit, so that its leaders cannot be found (decision 16)."""
    scope, nobody_s = LogScope("prt_" + "b" * 26), {"unit": None}
    sent = handover(world, "colleague", ACT_BY)
    sent = sent.model_copy(update={"on_behalf": True, "sender": sent.sender.model_copy(update=nobody_s)})
    rejected = cases.HandoverRejected(case=CASE, handover=HANDOVER, reason="capacity")
    for event in (sent, rejected):
        await world.intake().process([world.record(event, scope=scope)])
    assert await told(world, "teacher") == ["handover-rejected"]
    rows = await world.pool.fetch("SELECT template, roles FROM errands WHERE case_ref = $1", CASE)
    assert [(row["template"], frozenset(map(Role, row["roles"]))) for row in rows] == [("handover-rejected", WATCH)]


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(88, 89, 90)
@pytest.mark.story(14)
async def test_a_measure_is_evaluated_round_after_round(world: World) -> None:
    first = datetime(2026, 12, 1, 11, tzinfo=UTC)
    await world.take(opened(world), measure(first))
    assert await world.types("deadline") == ["deadline.set", "deadline.closed", "deadline.set"]
    await world.move_to(first - timedelta(days=7))
    again = cases.MeasureEvaluated(
        case=CASE,
        measure=MEASURE,
        effect=cases.Effect.SOME,
        outcome=cases.EvaluationOutcome.CONTINUE,
        evaluate_by=first + timedelta(days=60),
    )
    await world.take(again)
    assert await world.move_to(first + timedelta(days=52)) == 0
    await world.move_to(first + timedelta(days=53))
    approaching = [event for event in await world.published() if isinstance(event, DeadlineApproaching)]
    assert [event.due for event in approaching] == [first, first + timedelta(days=60)]
    await world.take(cases.MeasureStopped(case=CASE, measure=MEASURE, reason="no-effect"))
    assert await world.move_to(first + timedelta(days=100)) == 0


async def test_a_closed_case_leaves_nothing_to_be_done(world: World) -> None:
    await world.take(opened(world), requested(), handover(world, "colleague", ACT_BY))
    await world.take(cases.CaseClosed(case=CASE, outcome="moved"))
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0
    assert (await world.get("teacher", "/deadlines")).json()["items"] == []


# --- meetings ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(6, 8, 9)
@pytest.mark.story(9)
async def test_the_leaders_of_invited_services_are_told_of_a_meeting_its_move_and_its_end(world: World) -> None:
    """Services are invited: of the schools and barnehager only those of the meeting's unit."""
    for who in ("styrer", "rektor", "teacher"):
        await world.prefer(who)
    meeting = MeetingRef("mtg_" + "b" * 26)
    starts_at = datetime(2026, 10, 1, 10, tzinfo=UTC)
    called = meetings.MeetingCalled(
        meeting=meeting,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=starts_at,
        minutes=60,
        invited=frozenset({Service.BARNEHAGE, Service.SKOLE, Service.PPT}),
        extra=True,
    )
    called = called.model_validate({**called.model_dump(), "place": "at-the-unit"})
    await world.take(called, times=2)
    moved = meetings.MeetingRescheduled(meeting=meeting, starts_at=starts_at + timedelta(days=1))
    await world.take(moved, times=2)
    await world.take(meetings.MeetingCancelled(meeting=meeting, reason="no-items"))
    told = (await world.get("styrer", "/messages")).json()["items"]
    assert sorted(item["template"] for item in told) == ["meeting-cancelled", "meeting-invitation", "meeting-moved"]
    invitation = next(item for item in told if item["template"] == "meeting-invitation")
    assert "1. oktober 2026 klokken 12:00" in invitation["text"]
    assert "Det varer i 60 minutter. Det er i barnehagen eller på skolen som møtet gjelder." in invitation["text"]
    for who in ("rektor", "teacher"):
        assert (await world.get(who, "/messages")).json()["items"] == []


# --- invariants -------------------------------------------------------------------------------------------------------


async def test_every_state_is_the_fold_of_its_events(world: World) -> None:
    """Invariant 5, for every aggregate that a busy case leaves behind."""
    guardians(world)
    await world.prefer("teacher", "nn", "teacher@lia.example")
    await world.take(
        concern(world), opened(world), requested(), granted(1, active=False), handover(world, "styrer", ACT_BY)
    )
    await world.deliver()
    await world.move_to(ACT_BY + timedelta(days=20))
    await world.deliver()
    rows = await world.pool.fetch("SELECT id, kind FROM aggregates")
    assert {row["kind"] for row in rows} == {"deadline", "message", "recipient"}
    for row in rows:
        match row["kind"]:
            case "deadline":
                await is_fold(world, DEADLINE, row["id"])
            case "message":
                await is_fold(world, MESSAGE, row["id"])
            case "recipient":
                await is_fold(world, RECIPIENT, row["id"])


async def is_fold(world: World, aggregate: Aggregate[S], reference: str) -> None:
    journal = world.kit.journal
    history = [event for _, event in await journal.history(aggregate, reference)]
    assert aggregate.replay(history) == (await journal.load(aggregate, reference)).state


@pytest.mark.rule(101)
async def test_a_replay_from_the_beginning_tells_nobody_again(world: World) -> None:
    """The whole topic again, one by one and all at once, in two consumers at the same time."""
    guardians(world)
    records = await world.take(concern(world), opened(world), requested(), handover(world, "colleague", ACT_BY))
    await world.deliver()
    before = await world.types()
    await asyncio.gather(world.intake().process(records), world.intake().process(records))
    for record in records:
        await world.intake().process([record])
    assert await world.types() == before
    assert len(await world.deliver()) == 2


async def test_a_leaders_look_at_others_deadlines_is_recorded(world: World) -> None:
    await world.take(concern(world))
    assert [item["mine"] for item in (await world.get("teacher", "/deadlines")).json()["items"]] == [True]
    assert not [event for event in await world.published() if isinstance(event, AccessRecorded)]
    seen = (await world.get("styrer", "/deadlines")).json()["items"]
    assert [(item["mine"], item["unit"]) for item in seen] == [(False, LIA)]
    looks = [event for event in await world.published() if isinstance(event, AccessRecorded)]
    assert [(look.kind, look.actor.id) for look in looks] == [("list", world.actor("styrer"))]
    assert (await world.get("rektor", "/deadlines")).json()["items"] == []


async def test_messages_that_were_delivered_or_failed_stay_readable(world: World) -> None:
    await world.prefer("teacher", "nb", "teacher@lia.example")
    await world.take(concern(world))
    await world.move_to(ACT_BY - timedelta(days=4))
    world.smtp.answers = ["550 5.1.1 no such mailbox"]
    await world.deliver()
    told = {item["template"]: item for item in (await world.get("teacher", "/messages")).json()["items"]}
    assert {template: item["status"] for template, item in told.items()} == {
        "concern-reminder": "failed",
        "email-refused": "sent",
    }
    refused = told["concern-reminder"]["message"]
    events = [event for event in await world.published() if event.subject == refused]
    assert [type(event) for event in events] == [NotificationQueued, NotificationFailed]
