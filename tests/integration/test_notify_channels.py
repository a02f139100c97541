"""E-mail, SMS and letters: a real mail server, a real gateway that fails in every way, and what follows when one does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from icalendar import Calendar
from pydantic import AnyHttpUrl, SecretStr, ValidationError
from pydantic_core import from_json

from services.notify.digital_post import DigitalLetter, DigitalPostRejectedError, FolderPost
from services.notify.domain.policy import REFUSED
from services.notify.mail import Smtp
from services.notify.settings import NotifySettings
from services.notify.sms import HttpSms, Sms
from shared.clock import SimulatedClock
from shared.contracts import cases, meetings
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.codes import GrantorClass, InformationCategory, Role, Service
from shared.contracts.meetings import calendar_uid
from shared.contracts.notify import (
    NotificationBounced,
    NotificationFailed,
    NotificationQueued,
    NotificationRedirected,
    Way,
)
from shared.contracts.safekeeping import GuardiansChanged
from shared.contracts.team import LanguageNeedRecorded
from shared.refs import ArenaRef, DocumentRef, FormRef, HandoverRef, ItemRef, LogScope, MeetingRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.certificates import certificate
from tests.integration.notify_world import LIA, World, notify_world
from tests.integration.test_notify_flow import CASE, concern, granted, guardians, handover, requested
from tests.integration.test_notify_invitations import move_to as move_with_meetings
from tests.integration.webhook_receiver import ENDLESS, NOTHING, Receiver, receiver, status

pytestmark = [pytest.mark.connected, pytest.mark.rule(101)]

DUE = datetime(2026, 9, 21, 8, tzinfo=UTC)
PHONE = "+4740000001"


MEETING = MeetingRef("mtg_" + "b" * 26)
LATER = datetime(2026, 10, 7, 10, tzinfo=UTC)


def called(starts_at: datetime, meeting: MeetingRef = MEETING) -> meetings.MeetingCalled:
    return meetings.MeetingCalled(
        meeting=meeting,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=starts_at,
        minutes=90,
        invited=frozenset({Service.BARNEHAGE}),
    )


@dataclass(repr=False)
class Place:
    """The service, its mail server, and an SMS gateway."""

    world: World
    gateway: Receiver

    @property
    def sms(self) -> list[dict[str, str]]:
        """What the gateway was given so far."""
        return [from_json(each.body) for each in self.gateway.arrived.seen]

    async def tries(self) -> list[tuple[str, str, int | None]]:
        """Return every try: by which way, what came of it, and the code that was answered."""
        rows = await self.world.pool.fetch("SELECT channel, outcome, answered FROM tries ORDER BY id")
        return [(row["channel"], row["outcome"], row["answered"]) for row in rows]

    async def happened(self) -> list[str]:
        """Return what was published about messages, with the way where it says one; notes about an address apart."""
        published = [event for event in await self.world.published() if ".notification." in event.TYPE]
        notes = {
            event.message
            for event in published
            if isinstance(event, NotificationQueued) and event.template in REFUSED.values()
        }
        events = [event for event in published if event.subject not in notes]
        return [f"{event.TYPE.split('.')[-2]} {getattr(event, 'way', '')}".strip() for event in events]

    async def tell(self, who: str = "colleague") -> None:
        """Let somebody be asked to take a case over."""
        await self.world.take(handover(self.world, who, DUE))

    async def again(self) -> None:
        """Deliver after every pause is over."""
        await self.world.let_time_pass()
        await self.world.deliver()


@pytest.fixture(name="tls", scope="module")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A gateway's TLS context for `localhost`, and the certificate to trust."""
    return certificate(tmp_path_factory.mktemp("gateway"))


Open = Callable[..., Any]


def asked_of(place: Place, who: str) -> cases.HandoverSent:
    """Return that somebody else is asked for another case."""
    asked = handover(place.world, who, DUE)
    return asked.model_copy(update={"handover": HandoverRef("hdo_" + "h" * 26)})


@pytest_asyncio.fixture
async def opened(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tls: tuple[ssl.SSLContext, Path]
) -> AsyncIterator[Open]:
    """Opens the service with a gateway, and with these settings."""
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def made(**settings: Any) -> AsyncIterator[Place]:
            async with receiver(tls[0]) as gateway:
                knobs = {
                    "sms_url": AnyHttpUrl(f"https://localhost:{gateway.port}/sms"),
                    "sms_token": SecretStr("a-secret-of-the-gateway"),
                    "sms_ca_file": tls[1],
                    "sms_timeout": 1.0,
                    **settings,
                }
                async with notify_world(migrated, issuer, clock, **knobs) as world:
                    yield Place(world, gateway)

        async def enter(**settings: Any) -> Place:
            return await stack.enter_async_context(made(**settings))

        yield enter


async def prefer(place: Place, who: str = "colleague", **chosen: Any) -> None:
    answer = await place.world.write(who, "PUT", "/preferences", {"language": "nn", **chosen})
    assert answer.status_code == 200, answer.text


# --- SMS --------------------------------------------------------------------------------------------------------------


async def test_an_sms_says_that_there_is_a_message_and_nothing_else(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone="400 00 001", sms_first=True, email="colleague@lia.example")
    await place.tell()
    assert await place.world.deliver() == []
    text = "Du har ei melding i Lagspill. Logg inn for å lese henne: https://lagspill.example/"
    shown = (await place.world.get("colleague", "/messages")).json()["items"][0]
    assert place.sms == [{"id": shown["message"], "from": "Lagspill", "to": PHONE, "text": text}]
    came = place.gateway.arrived.seen[0]
    assert came.headers["authorization"] == "Bearer a-secret-of-the-gateway"
    assert came.headers["idempotency-key"] == shown["message"]
    assert (shown["channel"], shown["status"]) == ("sms", "sent")
    assert await place.happened() == ["queued", "sent", "redirected sms", "carried sms"]
    own = (await place.world.get("colleague", "/preferences")).json()
    assert (own["phone"], own["sms_first"]) == (PHONE, True)
    kept = await place.world.pool.fetch("SELECT body FROM idempotency_keys UNION ALL SELECT body FROM outbox")
    assert not [row for row in kept if PHONE.encode() in row["body"]]


async def test_a_gateway_that_fails_for_now_is_asked_again_and_nothing_follows_a_redirect(opened: Open) -> None:
    """Slow, in trouble, lost its way, refusing our login, endless: each costs one try; then it takes it."""
    place = await opened()
    await prefer(place, phone=PHONE)
    await place.tell()
    place.gateway.answers = [
        status(500),
        NOTHING,
        status(302, f"Location: https://localhost:{place.gateway.port}/elsewhere"),
        status(401),
        status(429, "Retry-After: 900"),
        b"nothing like HTTP\r\n\r\n",
    ]
    for _ in range(6):
        await place.again()
    pause = await place.world.pool.fetchval("SELECT extract(epoch FROM retry_at - clock_timestamp()) FROM messages")
    assert 100 < float(pause) < 900, "the pause of the last failure, not the one before"
    place.gateway.answers = [ENDLESS]
    await place.again()
    assert [outcome for _, outcome, _ in await place.tries()] == ["put-off"] * 6 + ["sent"]
    assert [code for _, _, code in await place.tries()] == [500, None, 302, 401, 429, None, None]
    assert {each.path for each in place.gateway.arrived.seen} == {"/sms"}
    assert len({each.headers["idempotency-key"] for each in place.gateway.arrived.seen}) == 1
    await place.again()
    assert len(place.sms) == 7


async def test_no_number_goes_to_a_gateway_that_is_not_trusted(opened: Open) -> None:
    place = await opened(sms_ca_file=None)
    await prefer(place, phone=PHONE)
    await place.tell()
    await place.world.deliver()
    assert place.sms == []
    assert await place.tries() == [("sms", "put-off", None)]


def test_a_number_goes_over_tls_only() -> None:
    def settings(url: str, *, development: bool = False) -> NotifySettings:
        return NotifySettings(
            database_url=SecretStr("postgresql://nobody"),
            kafka_bootstrap_servers="127.0.0.1:9",
            oidc_issuer="http://issuer",
            pid_key=SecretStr("k" * 32),
            sms_url=AnyHttpUrl(url),
            lagspill_development=development,
        )

    with pytest.raises(ValidationError, match="https"):
        settings("http://gateway.example/")
    assert HttpSms(settings("https://gateway.example/"))
    assert settings("http://gateway.example/", development=True).sms_url is not None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"language": "nb", "sms_first": True}, "phone-missing"),
        ({"language": "nb", "phone": "0047 1"}, "input-invalid"),
    ],
)
async def test_sms_first_needs_a_number(opened: Open, body: dict[str, Any], code: str) -> None:
    place = await opened()
    refused = await place.world.write("colleague", "PUT", "/preferences", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert await place.world.types() == []
    if code == "phone-missing":
        private = await place.world.write(
            "guardian-a",
            "PUT",
            "/preferences",
            {"language": "nb", "phone": "40000001"},
            pid=place.world.people.guardian().national_number,
        )
        assert (private.status_code, private.json()["code"]) == (403, "address-kept-elsewhere")


# --- what follows a way that failed -----------------------------------------------------------------------------------


async def test_a_mail_that_is_refused_goes_by_sms_and_after_that_there_is_the_application(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    place.world.smtp.answers = ["550 5.1.1 no such mailbox"]
    place.gateway.answers = [status(410)]
    await place.tell()
    await place.world.deliver()
    assert await place.happened() == ["queued", "failed", "redirected sms", "bounced sms"]
    redirected = [event for event in await place.world.published() if isinstance(event, NotificationRedirected)]
    assert [event.because for event in redirected] == ["rejected"]
    assert await place.tries() == [("email", "rejected", 550), ("sms", "rejected", 410)]
    await place.again()
    assert len(place.sms) == 1
    told = (await place.world.get("colleague", "/messages")).json()["items"]
    assert {(each["template"], each["channel"], each["status"]) for each in told} == {
        ("handover-request", "sms", "failed"),
        ("email-refused", "in-app", "sent"),
        ("sms-refused", "in-app", "sent"),
    }


async def test_an_sms_that_is_refused_goes_by_mail(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example", sms_first=True)
    place.gateway.answers = [status(422)]
    await place.tell()
    assert len(await place.world.deliver()) == 1
    assert await place.happened() == ["queued", "sent", "redirected sms", "bounced sms", "redirected email", "sent"]


async def test_a_mail_server_that_is_away_too_long_is_given_up_for_sms(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    place.world.smtp.stop()
    await place.tell()
    await place.world.deliver()
    await place.world.pool.execute("UPDATE messages SET trying_since = trying_since - interval '72 hours'")
    await place.again()
    assert await place.tries() == [("email", "put-off", None), ("email", "unreachable", None), ("sms", "sent", None)]


@pytest.mark.rule(107)
async def test_what_must_not_be_overlooked_goes_by_both_once_each(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    await place.tell()
    await place.world.deliver()
    assert place.sms == []
    await place.world.move_to(DUE)
    for _ in range(2):
        await place.again()
    assert len(place.world.smtp.mails) == 2, "the request, and that the time is out"
    assert len(place.sms) == 1
    assert (await place.happened())[-3:] == ["sent", "redirected sms", "carried sms"]


async def test_who_dies_between_two_ways_neither_loses_nor_doubles_one(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail was refused and that was committed; the process ends with the SMS in hand."""

    class DiedError(BaseException):
        pass

    async def die(*_: object) -> None:
        raise DiedError

    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    place.world.smtp.answers = ["550 5.1.1 no such mailbox"]
    await place.tell()
    with monkeypatch.context() as patched:
        patched.setattr(HttpSms, "send", die)
        with pytest.raises(DiedError):
            await place.world.post.deliver_due()
    assert await place.happened() == ["queued", "failed", "redirected sms"]
    await place.again()
    await place.again()
    assert len(place.sms) == 1
    assert (await place.happened())[-1] == "carried sms"


# --- several at a time ------------------------------------------------------------------------------------------------


async def test_a_mail_server_that_hangs_holds_up_no_sms_and_the_mail_goes_once(opened: Open) -> None:
    place = await opened(smtp_timeout=25.0)
    await prefer(place, email="colleague@lia.example")
    await prefer(place, "styrer", phone=PHONE, sms_first=True)
    smtp = place.world.smtp
    smtp.hangs.add("colleague@lia.example")
    await place.world.post.start()
    await place.tell()
    await smtp.hung.take(1)
    await place.world.take(asked_of(place, "styrer"))
    await place.gateway.arrived.take(1)
    assert smtp.mails == []
    smtp.let_go()
    await smtp.arrived.take(1)
    await place.world.post.stop()
    assert sorted(await place.tries()) == [("email", "sent", None), ("sms", "sent", None)]
    assert (await place.happened()).count("sent") == 2, "by e-mail, and in the application"


async def test_of_one_child_the_guardian_with_a_telephone_does_not_wait_for_the_mail_to_the_other(opened: Open) -> None:
    """They are asked for once, whoever sends."""
    place = await opened(smtp_timeout=25.0)
    guardians(place.world)
    place.world.neighbours.contacts[CASE][1] |= {"email": None, "phone": PHONE}
    smtp = place.world.smtp
    smtp.hangs.add("a@guardian.example")
    await place.world.post.start()
    await place.world.take(requested())
    await smtp.hung.take(1)
    await place.gateway.arrived.take(1)
    assert smtp.mails == []
    smtp.let_go()
    await smtp.arrived.take(1)
    await place.world.post.stop()
    assert place.world.neighbours.requests[f"/cases/{CASE}/contacts"] == 1
    assert sorted(await place.tries()) == [("email", "sent", None), ("sms", "sent", None)]


async def test_what_goes_to_one_recipient_by_one_way_keeps_its_order_while_others_are_sent(opened: Open) -> None:
    place = await opened(smtp_timeout=25.0)
    for who in ("colleague", "styrer"):
        await prefer(place, who, email=f"{who}@lia.example")
    smtp, other = place.world.smtp, await place.world.other_post()
    smtp.hangs.add("colleague@lia.example")
    await place.tell()
    sending = asyncio.create_task(place.world.post.deliver_due())
    await smtp.hung.take(1)
    await place.world.take(
        handover(place.world, "colleague", DUE).model_copy(update={"handover": HandoverRef("hdo_" + "d" * 26)}),
        handover(place.world, "styrer", DUE).model_copy(update={"handover": HandoverRef("hdo_" + "f" * 26)}),
    )
    await other.deliver_due()
    [mail] = await smtp.arrived.take(1)
    assert mail["To"] == "styrer@lia.example"
    assert await other.deliver_due() == 0, "the second one to the colleague is nobody's yet"
    assert len(smtp.hung.seen) == 1
    smtp.let_go()
    await sending
    await place.world.deliver()
    first, second = await place.world.pool.fetch(
        "SELECT message FROM messages WHERE recipient = $1 ORDER BY recorded_at", place.world.actor("colleague")
    )
    named = [mail["Message-ID"].strip("<>").partition("@")[0] for mail in smtp.mails[1:]]
    assert named == [first["message"], second["message"]]
    await other.stop()


async def test_who_dies_with_a_mail_and_an_sms_in_hand_neither_loses_nor_doubles_a_step(opened: Open) -> None:
    place = await opened(smtp_timeout=25.0, sms_timeout=25.0)
    await prefer(place, email="colleague@lia.example")
    await prefer(place, "styrer", phone=PHONE, sms_first=True)
    smtp = place.world.smtp
    smtp.hangs.add("colleague@lia.example")
    place.gateway.answers = [NOTHING]
    await place.tell()
    await place.world.take(asked_of(place, "styrer"))
    dying = asyncio.create_task(place.world.post.deliver_due())
    await asyncio.gather(smtp.hung.take(1), place.gateway.arrived.take(1))
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    smtp.let_go()
    assert await place.tries() == []
    other = await place.world.other_post()
    assert await other.deliver_due() == 0, "the leases are not over"
    await place.world.let_time_pass()
    await asyncio.gather(other.deliver_due(), place.world.post.deliver_due())
    await smtp.arrived.take(1)
    assert len({mail["Message-ID"] for mail in smtp.mails}) == 1, (
        "at least once, and whoever has both sees that it is one"
    )
    assert len({each["id"] for each in place.sms}) == 1
    await other.stop()
    assert sorted(await place.tries()) == [("email", "sent", None), ("sms", "sent", None)]
    assert sorted(await place.happened()) == ["carried sms", "queued", "queued", "redirected sms", "sent", "sent"]


# --- what comes back later --------------------------------------------------------------------------------------------


async def test_a_mail_that_comes_back_goes_by_sms_once_and_its_recipient_is_told(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    await place.tell()
    [mail] = await place.world.deliver()
    late = await place.world.comes_back(mail, said={"Action": "delayed", "Status": "4.4.1"})
    assert (late.status_code, late.json()["code"]) == (422, "bounce-unreadable")
    strange = EmailMessage()
    strange["Message-ID"] = mail["Message-ID"].replace("msg_", "msg_bb")[:32] + "@lagspill.example>"
    unknown = await place.world.comes_back(strange)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "bounced-mail-unknown")
    for _ in range(2):
        taken = await place.world.comes_back(mail)
        assert (taken.status_code, taken.json()) == (200, {"messages": 1})
        await place.again()
    assert await place.happened() == ["queued", "sent", "failed", "redirected sms", "carried sms"]
    assert await place.tries() == [("email", "sent", None), ("email", "rejected", 550), ("sms", "sent", None)]
    assert [each["to"] for each in place.sms] == [PHONE]
    told = (await place.world.get("colleague", "/messages")).json()["items"]
    assert sorted(each["template"] for each in told) == ["email-refused", "handover-request"]
    body = {"mail": "AAAA"}
    for who in ("colleague", "school-system"):
        refused = await place.world.write(who, "POST", "/bounces", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "bounces-forbidden")


@pytest.mark.rule(4, 5)
async def test_a_guardian_whose_mail_comes_back_gets_a_letter_and_who_is_not_known_now_is_asked_for_again(
    opened: Open,
) -> None:
    """The first has an address and nothing else; the cases service is away when the mail comes back the first time."""
    place = await opened()
    guardians(place.world)
    await held(place)
    await place.world.take(requested())
    mails = await place.world.deliver()
    [mail] = [each for each in mails if each["To"] == "a@guardian.example"]
    place.world.neighbours.failing = True
    assert (await place.world.comes_back(mail)).status_code == 503
    place.world.neighbours.failing = False
    assert (await place.world.comes_back(mail)).status_code == 200
    await place.world.move_to(place.world.clock.now() + timedelta(days=3))
    assert [each["ordinal"] for each in await letters(place, "teacher")] == [1]


async def test_a_digest_that_comes_back_goes_by_sms_as_one(opened: Open) -> None:
    place = await opened()
    await prefer(place, "styrer", email="styrer@lia.example", phone=PHONE, digest=True)
    asked = handover(place.world, "styrer", DUE)
    await place.world.take(asked, asked.model_copy(update={"handover": HandoverRef("hdo_" + "b" * 26)}))
    place.world.clock.set(datetime(2026, 9, 8, 6, tzinfo=UTC))
    [mail] = await place.world.deliver()
    taken = await place.world.comes_back(mail)
    assert taken.json() == {"messages": 2}
    await place.again()
    assert len(place.sms) == 1
    assert [way for way, _, _ in await place.tries()] == ["email"] * 4 + ["sms"] * 2


# --- night, holidays, once a day --------------------------------------------------------------------------------------


async def test_nothing_leaves_at_night_but_it_can_be_read_and_what_is_urgent_goes(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    place.world.clock.set(datetime(2026, 9, 7, 20, tzinfo=UTC))
    await place.tell()
    await place.again()
    assert (place.world.smtp.mails, place.sms) == ([], [])
    assert len((await place.world.get("colleague", "/messages")).json()["items"]) == 1
    await place.world.prefer("styrer", "nb", "styrer@lia.example")
    await place.world.take(called(LATER), meetings.MeetingCancelled(meeting=MEETING, reason="other"))
    await place.again()
    assert [mail["To"] for mail in place.world.smtp.mails] == ["styrer@lia.example"]
    place.world.clock.set(datetime(2026, 9, 8, 5, tzinfo=UTC))
    await place.again()
    assert [mail["To"] for mail in place.world.smtp.mails] == ["styrer@lia.example", "colleague@lia.example"]


@pytest.mark.parametrize("told", [True, False])
async def test_who_would_come_at_the_old_time_hears_in_the_night_that_it_is_another_and_nobody_else(
    opened: Open, *, told: bool
) -> None:
    """Half past six in the morning, and the night is over at seven. Whom nobody has told of that stands at no closed door."""
    place = await opened()
    world = place.world
    await world.prefer("styrer", "nb", "styrer@lia.example")
    early = datetime(2026, 9, 8, 4, 30, tzinfo=UTC)
    world.clock.set(early - timedelta(hours=18))
    if not told:
        world.smtp.stop()
    await world.take(called(early))
    await place.again()
    night = early - timedelta(hours=8)
    # Twice, and of the first no word leaves the house: what they know is still the time of before.
    world.smtp.stop()
    for days in (7, 8):
        world.clock.set(night + timedelta(minutes=days))
        await world.take(meetings.MeetingRescheduled(meeting=MEETING, starts_at=early + timedelta(days=days)))
        await place.again()
    world.smtp.start()
    await place.again()
    assert len(world.smtp.mails) == (2 if told else 0)
    world.clock.set(early + timedelta(minutes=30))
    await place.again()
    last = world.smtp.mails[-1].get_body(("calendar",))
    assert len(world.smtp.mails) == (2 if told else 1)
    assert last is not None
    assert Calendar.from_ical(last.get_content()).walk("VEVENT")[0].decoded("DTSTART") == early + timedelta(days=8)


async def test_a_digest_that_was_put_off_into_the_night_goes_for_what_is_over_before_the_morning(opened: Open) -> None:
    place = await opened()
    await prefer(place, "styrer", email="styrer@lia.example", digest=True)
    early = datetime(2026, 9, 9, 4, 30, tzinfo=UTC)
    asked = handover(place.world, "styrer", DUE)
    soon = handover(place.world, "styrer", early).model_copy(update={"handover": HandoverRef("hdo_" + "b" * 26)})
    await place.world.take(asked, soon)
    place.world.smtp.stop()
    place.world.clock.set(datetime(2026, 9, 8, 6, tzinfo=UTC))
    await place.again()
    place.world.smtp.start()
    place.world.clock.set(early - timedelta(hours=8))
    await place.again()
    assert len(place.world.smtp.mails) == 1


async def test_a_second_attempt_does_not_fall_into_the_night_and_neither_does_another_way(opened: Open) -> None:
    place = await opened()
    await prefer(place, phone=PHONE, email="colleague@lia.example", quiet={"begins": "12:00", "ends": "13:00"})
    place.world.smtp.answers = ["451 4.3.0 later", "550 5.1.1 no such mailbox"]
    place.world.clock.set(datetime(2026, 9, 7, 9, 59, 59, tzinfo=UTC))
    await place.tell()
    await place.world.deliver()
    for hour in (10, 11):
        place.world.clock.set(datetime(2026, 9, 7, hour, tzinfo=UTC))
        await place.again()
        assert await place.tries() == [("email", "put-off", 451)] + (
            [("email", "rejected", 550), ("sms", "sent", None)] if hour == 11 else []
        )


async def test_a_digest_is_one_mail_a_day_whoever_dies_and_however_many_send(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three requests in one mail at eight; what is urgent does not wait for the next one."""

    class DiedError(BaseException):
        pass

    place = await opened()
    world = place.world
    await prefer(place, "styrer", email="styrer@lia.example", digest=True)
    asked = [
        handover(world, "styrer", DUE).model_copy(update={"handover": HandoverRef("hdo_" + x * 26)}) for x in "bcd"
    ]
    await world.take(*asked)
    await place.again()
    assert world.smtp.mails == []
    world.clock.set(datetime(2026, 9, 8, 6, tzinfo=UTC))
    smtp = Smtp(world.kit.settings)

    async def send_and_die(mail: EmailMessage) -> None:
        await smtp.send(mail)
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(world.post, "_send", send_and_die)
        with pytest.raises(DiedError):
            await world.post.deliver_due()
    await world.smtp.arrived.take(1)
    await world.let_time_pass()
    other = await world.other_post()
    await asyncio.gather(*(post.deliver_due() for post in (world.post, other, world.post, other)))
    mails = await world.deliver()
    assert len(mails) == 2
    assert mails[0].as_bytes() == mails[1].as_bytes()
    assert mails[0]["Message-ID"].startswith("<dig_")
    assert "msg_" not in mails[0].get_content()
    assert (await place.happened()).count("sent") == 3
    assert await place.tries() == [("email", "sent", None)] * 3
    await world.take(called(LATER), meetings.MeetingCancelled(meeting=MEETING, reason="other"))
    await place.again()
    assert len(world.smtp.mails) == 3, "of the invitation that was taken back nothing, and the cancellation at once"
    await other.stop()


async def test_what_is_left_of_a_digest_that_may_have_gone_by_sms_has_the_key_of_the_whole(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two is taken back while nobody knows whether the gateway has it: it sends nothing twice that has one key."""

    class DiedError(BaseException):
        pass

    place = await opened()
    await prefer(place, "styrer", phone=PHONE, sms_first=True, digest=True)
    asked = handover(place.world, "styrer", DUE)
    other = HandoverRef("hdo_" + "b" * 26)
    await place.world.take(asked, asked.model_copy(update={"handover": other}))
    place.world.clock.set(datetime(2026, 9, 8, 6, tzinfo=UTC))
    gateway = place.world.post._sms
    assert isinstance(gateway, HttpSms)
    send = gateway.send

    async def send_and_die(sms: Sms) -> None:
        await send(sms)
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "send", send_and_die)
        with pytest.raises(DiedError):
            await place.world.post.deliver_due()
    await place.world.take(cases.HandoverWithdrawn(case=CASE, handover=other))
    await place.again()
    keys = [each.headers["idempotency-key"] for each in place.gateway.arrived.seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert await place.tries() == [("sms", "sent", None)]


async def test_a_digest_that_fails_is_tried_as_one_and_goes_by_sms_as_one(opened: Open) -> None:
    place = await opened()
    await prefer(place, "styrer", email="styrer@lia.example", phone=PHONE, digest=True)
    asked = handover(place.world, "styrer", DUE)
    await place.world.take(asked, asked.model_copy(update={"handover": HandoverRef("hdo_" + "b" * 26)}))
    place.world.clock.set(datetime(2026, 9, 8, 6, tzinfo=UTC))
    place.world.smtp.answers = ["451 4.3.0 later", "550 5.1.1 no such mailbox"]
    for _ in range(3):
        await place.again()
    assert len(place.sms) == 1
    assert [way for way, _, _ in await place.tries()] == ["email"] * 4 + ["sms"] * 2


# --- the calendar and the interpreter --------------------------------------------------------------------------------


async def test_an_invitation_brings_the_entry_that_the_meetings_own_calendar_has(opened: Open) -> None:
    """Called after it was planned, moved, cancelled: one UID, growing numbers, the same words, and at every attempt the same bytes."""
    place = await opened()
    await prefer(place, "styrer", email="styrer@lia.example")
    call = called(LATER).model_copy(update={"interpreters": frozenset({"ti"})})
    plan = meetings.MeetingPlanned(
        meeting=MEETING, arena=call.arena, arena_type=call.arena_type, unit=LIA, starts_at=LATER, minutes=90
    )
    await place.world.take(plan, call, times=2)
    place.world.smtp.answers = ["451 4.3.0 later"]
    await place.again()
    await place.again()
    await place.world.take(meetings.MeetingRescheduled(meeting=MEETING, starts_at=LATER + timedelta(days=1)))
    await place.again()
    await place.world.take(meetings.MeetingCancelled(meeting=MEETING, reason="other"))
    await place.again()
    entries = []
    for mail in place.world.smtp.mails:
        plain, entry = mail.iter_parts()
        assert plain.get_content_type() == "text/plain"
        [event] = Calendar.from_ical(entry.get_content()).walk("VEVENT")
        entries.append((entry.get_param("method"), event["SEQUENCE"], str(event["SUMMARY"]), str(event["STATUS"])))
        assert str(event["UID"]) == str(calendar_uid(MEETING))
        assert set(event) <= {
            *[
                "UID",
                "DTSTAMP",
                "SEQUENCE",
                "DTSTART",
                "DURATION",
                "SUMMARY",
                "STATUS",
                "CLASS",
                "ORGANIZER",
                "ATTENDEE",
            ]
        }
        assert MEETING not in entry.get_content()
    assert entries == [
        ("REQUEST", 1, "Møte", "CONFIRMED"),
        ("REQUEST", 2, "Møte", "CONFIRMED"),
        ("CANCEL", 3, "Avlyst: Møte", "CANCELLED"),
    ]
    invitation = (await place.world.get("styrer", "/messages")).json()["items"]
    assert [each["template"] for each in invitation if "tolk i god tid" in each["text"]] == ["meeting-invitation"]


@pytest.mark.rule(146)
async def test_who_talks_with_the_family_is_told_of_the_interpreter_and_who_needs_one_that_they_can_have_one(
    opened: Open,
) -> None:
    place = await opened()
    guardians(place.world)
    pid = place.world.people.guardian().national_number
    place.world.neighbours.contacts[CASE][1]["recipient"] = await place.world.kit.authenticator.actor_id_of_pid(pid)
    need = LanguageNeedRecorded(case=CASE, person=GrantorClass.GUARDIAN, ordinal=2, interpreter=True, language="ti")
    await place.world.take(need, requested(), times=2)
    await place.world.deliver()
    await place.tell()

    async def read(who: str, **claims: Any) -> str:
        text: str = (await place.world.get(who, "/messages", **claims)).json()["items"][0]["text"]
        return text

    assert "You can have an interpreter" in await read("guardian-b", pid=pid)
    assert "Bestill tolk i god tid" in await read("colleague")
    notes = await place.world.pool.fetch(
        "SELECT recipient_ordinal, note FROM messages WHERE recipient_role = 'guardian'"
    )
    assert {(row["recipient_ordinal"], row["note"]) for row in notes} == {(1, None), (2, "interpreter-offered")}
    assert not [mail for mail in place.world.smtp.mails if "interpreter" in mail.as_string()]
    # For who has no parental responsibility any more none is ordered; what they need is known again with it.
    for present in ((1,), (1, 2)):
        await place.world.take(GuardiansChanged(case=CASE, guardians=len(present), ordinals=present), times=2)
        await place.tell("styrer" if present == (1,) else "nurse")
        read_by = await read("styrer" if present == (1,) else "nurse")
        assert ("Bestill tolk i god tid" in read_by) == (2 in present)
    await place.world.take(need.model_copy(update={"interpreter": False}))
    await place.tell("teacher")
    assert "tolk" not in await read("teacher")


# --- history ----------------------------------------------------------------------------------------------------------


async def test_everybody_sees_how_their_own_messages_came_and_a_leader_those_of_the_unit_without_content(
    opened: Open,
) -> None:
    """A recipient that is full for now (4xx), then unknown (5xx), told once a day however many mails it refuses."""
    place = await opened()
    guardians(place.world)
    await held(place)
    await prefer(place, phone=PHONE, email="colleague@lia.example")
    await place.world.prefer("styrer")
    place.world.smtp.refusals = ["452 4.2.2 mailbox full", "550 5.1.1 no such mailbox", "550 5.1.1 no such mailbox"]
    await place.tell()
    for _ in range(2):
        await place.again()
    await place.world.move_to(DUE)
    await place.again()
    own = (await place.world.get("colleague", "/history")).json()["items"]
    tries = [[(each["channel"], each["outcome"], each["answered"]) for each in one["tries"]] for one in own]
    rejected = [("email", "rejected", 550), ("sms", "sent", None)]
    assert sorted(tries) == [[], [], [("email", "put-off", 452), *rejected], rejected], "a note on each of two days"
    assert (await place.world.get("rektor", "/history")).json()["items"] == []

    await place.world.take(requested())
    await place.world.deliver()
    unit = await place.world.get("styrer", "/unit-history?limit=200")
    seen = unit.json()["items"]
    assert {(each["role"], each["channel"]) for each in seen} >= {("guardian", "email"), ("teacher", "sms")}
    assert len({each["message"] for each in seen}) == len(seen)
    words = ("template", "subject", "text", "case", CASE, "consent", "@")
    assert not [word for word in words if word in unit.text]
    looks = [event for event in await place.world.published() if isinstance(event, AccessRecorded)]
    assert [event.kind for event in looks] == [AccessKind.LIST]
    first = (await place.world.get("styrer", "/unit-history?limit=1")).json()
    rest = (await place.world.get("styrer", f"/unit-history?limit=200&cursor={first['next']}")).json()["items"]
    assert [*first["items"], *rest] == seen
    assert (await place.world.get("rektor", "/unit-history")).json()["items"] == []
    refused = await place.world.get("teacher", "/unit-history")
    assert (refused.status_code, refused.json()["code"]) == (403, "history-forbidden")


# --- letters ----------------------------------------------------------------------------------------------------------


async def held(place: Place, who: str = "teacher") -> None:
    """Let somebody have the case."""
    await place.world.take(
        concern(place.world),
        cases.CaseOpened(
            case=CASE,
            level=1,
            mode=cases.Mode.ANONYMOUS,
            holder=place.world.party(who),
            decide_by=DUE + timedelta(days=11),
        ),
    )


async def letters(place: Place, who: str) -> list[dict[str, Any]]:
    answer = await place.world.get(who, "/letters")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return sorted(items, key=lambda each: int(each["ordinal"]))  # those of one moment come in any order


async def test_a_letter_goes_by_digital_post_where_there_is_one_and_on_paper_when_that_refuses(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laid in the folder whole, once however often it is tried; one that is refused stands on the office's list.

    Who has their e-mails once a day gets a letter all the same.
    """
    folder = tmp_path / "post"
    place = await opened(digital_post_folder=folder)
    guardians(place.world)
    for each in place.world.neighbours.contacts[CASE]:
        each["email"] = None
    await held(place)
    await place.world.take(requested())
    await place.world.deliver()
    await place.world.pool.execute("UPDATE messages SET digest = true")
    await place.world.move_to(place.world.clock.now() + timedelta(days=3))
    await place.again()
    assert await place.tries() == [("digital-post", "put-off", None)] * 2, "the folder is not there"
    folder.mkdir()
    laid = FolderPost.send

    async def refuses_the_second(post: FolderPost, letter: DigitalLetter) -> None:
        if letter.ordinal == 2:
            raise DigitalPostRejectedError(404)
        await laid(post, letter)

    monkeypatch.setattr(FolderPost, "send", refuses_the_second)
    for _ in range(2):
        await place.again()
    [file] = folder.iterdir()
    letter = DigitalLetter.model_validate_json(file.read_bytes())
    assert (file.name, letter.case, letter.ordinal, letter.language) == (f"{letter.message}.json", CASE, 1, "nb")
    assert [each["ordinal"] for each in await letters(place, "teacher")] == [2]
    happened = await place.happened()
    assert happened.count("carried digital-post") == happened.count("redirected letter") == 1


@pytest.mark.rule(4, 5)
@pytest.mark.parametrize(
    "written",
    ["a,b@home.example", "-\u202e-@[\\", 'å!\x00å%_@ø,"', ",.<\u202e@!=],,", "k\u00e5re@home.example", "a@.example"],
)
async def test_who_has_an_address_that_no_mail_can_go_to_is_reached_as_who_has_none(opened: Open, written: str) -> None:
    """At once by SMS: it neither waits for days to be given up, nor goes to two, nor interrupts what goes to others."""
    place = await opened()
    guardians(place.world)
    first, second = place.world.neighbours.contacts[CASE][:2]
    told = [{**first, "email": written, "phone": "40000002"}, {**second, "email": "guardian@other.example"}]
    place.world.neighbours.contacts[CASE] = told
    await held(place)
    await place.world.take(requested())
    mails = await place.world.deliver()
    assert [mail["To"] for mail in mails] == ["guardian@other.example"]
    assert [each["to"] for each in place.sms] == ["+4740000002"]


async def test_who_is_reached_by_nothing_gets_a_letter_that_the_office_ticks_off(opened: Open) -> None:
    """The first guardian's addresses fail, the second has none: both stand on the list after three days, of that unit alone."""
    place = await opened()
    guardians(place.world)
    first, second = place.world.neighbours.contacts[CASE][:2]
    place.world.neighbours.contacts[CASE] = [{**first, "phone": "40000002"}, {**second, "email": None}]
    place.world.smtp.answers = ["550 5.1.1 no such mailbox"]
    place.gateway.answers = [status(400)]
    await held(place)
    await place.world.take(requested())
    await place.world.deliver()
    assert [each["to"] for each in place.sms] == ["+4740000002"]
    now = place.world.clock.now()
    await place.world.move_to(now + timedelta(days=3) - timedelta(seconds=1))
    assert await letters(place, "teacher") == []
    for _ in range(2):
        await place.world.move_to(now + timedelta(days=3))
    await place.world.prefer("styrer")
    await place.world.prefer("rektor")
    listed = await letters(place, "styrer")
    assert [(each["case"], each["role"], each["ordinal"], each["language"]) for each in listed] == [
        (CASE, "guardian", 1, "nb"),
        (CASE, "guardian", 2, "en"),
    ]
    assert "https://lagspill.example/" in listed[0]["text"]
    assert listed == await letters(place, "teacher")
    assert await letters(place, "rektor") == await letters(place, "colleague") == []
    looks = [event for event in await place.world.types("") if event.endswith("access.recorded")]
    assert len(looks) == 2

    path = f"/letters/{listed[0]['message']}/posting"
    strange = await place.world.write("rektor", "POST", path, {})
    assert (strange.status_code, strange.json()["code"]) == (404, "letter-not-found")
    for _ in range(2):
        posted = await place.world.write("styrer", "POST", path, {})
        assert (posted.status_code, posted.json()) == (200, {"message": listed[0]["message"]})
    assert [each["ordinal"] for each in await letters(place, "teacher")] == [2]
    assert (await place.happened()).count("carried letter") == 1
    # The second guardian answers: nothing is left to post.
    await place.world.take(granted(1, active=False), granted(2, active=True))
    assert await letters(place, "teacher") == []


async def test_no_letter_stays_on_the_list_that_asks_for_what_is_over(opened: Open) -> None:
    """To approve a form in a case that is closed, and to come to a meeting that was held."""
    place = await opened()
    guardians(place.world)
    place.world.neighbours.contacts[CASE] = [{**place.world.neighbours.contacts[CASE][0], "email": None}]
    await held(place)
    item = ItemRef("itm_" + "b" * 26)
    form = cases.TransitionFormDrafted(
        case=CASE,
        form=FormRef("frm_" + "g" * 26),
        version=1,
        document=DocumentRef("doc_" + "g" * 26),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    brought = meetings.AgendaItemAdded(
        meeting=MEETING,
        item=item,
        kind=meetings.ItemKind.CASE,
        mode=meetings.ItemMode.NAMED,
        case=CASE,
        family=frozenset({Role.GUARDIAN}),
    )
    await place.world.take(form, called(LATER), brought, meetings.AgendaItemAccepted(meeting=MEETING, item=item))
    await place.world.deliver()
    await move_with_meetings(place.world, place.world.clock.now() + timedelta(days=3))
    assert len(await letters(place, "teacher")) == 2
    await place.world.take(
        meetings.MeetingHeld(
            meeting=MEETING,
            arena=ArenaRef("arn_" + "b" * 26),
            arena_type="ressursteam",
            started_at=LATER,
            ended_at=LATER + timedelta(hours=1),
            chair=Role.LEADER,
            attendance=(),
            kinds_covered=frozenset(),
        )
    )
    [left] = await letters(place, "teacher")
    await place.world.take(cases.CaseClosed(case=CASE, outcome="goal-reached"))
    assert await letters(place, "teacher") == []
    posted = await place.world.write("teacher", "POST", f"/letters/{left['message']}/posting", {})
    assert (posted.status_code, posted.json()["code"]) == (404, "letter-not-found")


async def test_no_letter_goes_to_who_has_read_it_or_answered(opened: Open) -> None:
    place = await opened()
    guardians(place.world)
    for each in place.world.neighbours.contacts[CASE]:
        each["email"] = None
    pid = place.world.people.guardian().national_number
    place.world.neighbours.contacts[CASE][0]["recipient"] = await place.world.kit.authenticator.actor_id_of_pid(pid)
    await held(place)
    await place.world.take(requested())
    await place.world.deliver()
    message = (await place.world.get("guardian-a", "/messages", pid=pid)).json()["items"][0]["message"]
    await place.world.write("guardian-a", "POST", f"/messages/{message}/reading", {}, pid=pid)
    await place.world.take(granted(2, active=False))
    await place.world.move_to(place.world.clock.now() + timedelta(days=4))
    assert await letters(place, "teacher") == []
    assert "redirected letter" not in await place.happened()


@pytest.mark.rule(14)
async def test_no_letter_asks_for_the_approval_of_a_form_that_was_given_before_or_after_it_was_listed(
    opened: Open,
) -> None:
    """Who has approved is asked no more, whether the letter is not due yet or waits in the office."""
    place = await opened()
    guardians(place.world)
    for each in place.world.neighbours.contacts[CASE]:
        each["email"] = None
    await held(place)
    form = FormRef("frm_" + "g" * 26)
    drafted = cases.TransitionFormDrafted(
        case=CASE,
        form=form,
        version=1,
        document=DocumentRef("doc_" + "g" * 26),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    await place.world.take(drafted)
    await place.world.deliver()
    await place.world.take(
        cases.TransitionFormApproved(case=CASE, form=form, version=1, ordinal=1, complete=False), times=2
    )
    await place.world.move_to(place.world.clock.now() + timedelta(days=4))
    assert [each["ordinal"] for each in await letters(place, "teacher")] == [2]
    await place.world.take(cases.TransitionFormApproved(case=CASE, form=form, version=1, ordinal=2, complete=True))
    assert await letters(place, "teacher") == []


async def test_a_letter_of_a_protected_case_is_its_holders_alone(opened: Open) -> None:
    place = await opened()
    guardians(place.world)
    for each in place.world.neighbours.contacts[CASE]:
        each["email"] = None
    scope = LogScope("prt_" + "b" * 26)
    holder = place.world.party("teacher").model_copy(update={"unit": None})
    record = [
        place.world.record(
            cases.CaseOpened(case=CASE, level=1, mode=cases.Mode.ANONYMOUS, holder=holder, decide_by=DUE), scope=scope
        ),
        place.world.record(requested(), scope=scope),
    ]
    await place.world.intake().process(record)
    await place.world.deliver()
    await place.world.prefer("styrer")
    await place.world.move_to(place.world.clock.now() + timedelta(days=3))
    assert len(await letters(place, "teacher")) == 2
    assert await letters(place, "styrer") == []


def test_the_events_of_a_failed_way_have_one_meaning_each() -> None:
    """E-mail is told by the events of the first version, everything else by new ones."""
    assert "way" not in NotificationFailed.model_fields
    assert NotificationBounced.model_fields["way"].annotation is Way
