"""Delivery: at least once to the mail server, once in what is published, with a Message-ID that stays the same."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from services.notify.mail import MailUnavailableError, Smtp
from services.notify.settings import NotifySettings
from shared.clock import SimulatedClock
from shared.contracts.cases import ConcernRegistered, ForWhom
from shared.contracts.codes import Area
from shared.contracts.notify import NotificationFailed
from shared.refs import CaseRef, ConcernRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.certificates import certificate
from tests.integration.notify_world import World, notify_world
from tests.integration.test_notify_flow import CASE, guardians, handover, requested

pytestmark = pytest.mark.connected

DUE = datetime(2026, 9, 21, 8, tzinfo=UTC)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, with a colleague who is mailed."""
    async with notify_world(migrated, issuer, clock) as made:
        await made.prefer("colleague", "nb", "colleague@lia.example")
        yield made


def ids(mails: list[EmailMessage]) -> set[str]:
    return {mail["Message-ID"] for mail in mails}


async def outcome(world: World) -> list[str]:
    return [name.removeprefix("notification.") for name in await world.types("notification")]


async def test_a_mail_waits_for_the_mail_server_to_come_back(world: World) -> None:
    world.smtp.stop()
    await world.take(handover(world, "colleague", DUE))
    assert await world.deliver() == []
    assert await outcome(world) == ["queued"]
    world.smtp.start()
    assert await world.deliver() == [], "not before its pause is over"
    await world.let_time_pass()
    assert len(await world.deliver()) == 1
    assert await outcome(world) == ["queued", "sent"]


async def test_pauses_grow(world: World) -> None:
    world.smtp.answers = ["451 4.3.0 try again"] * 3
    await world.take(handover(world, "colleague", DUE))
    pauses = []
    for _ in range(3):
        await world.let_time_pass()
        await world.deliver()
        pauses.append(
            await world.pool.fetchval("SELECT round(extract(epoch FROM retry_at - clock_timestamp())) FROM messages")
        )
    assert pauses == [5, 10, 20]
    await world.let_time_pass()
    assert len(await world.deliver()) == 1
    assert await outcome(world) == ["queued", "sent"]


async def test_a_database_whose_clock_is_set_back_holds_up_no_message(world: World) -> None:
    """What was written before lies as far ahead as the clock went back: no pause is as long. A pause that is one stays."""
    await world.take(handover(world, "colleague", DUE))
    for minutes, moved in ((55, 0), (5 * 60, 1)):
        await world.pool.execute(
            "UPDATE messages SET held = true, retry_at = clock_timestamp() + make_interval(mins => $1)", minutes
        )
        assert await world.deliver() == []
        assert await world.post.after_set_back() == moved
    assert len(await world.deliver()) == 1
    assert await outcome(world) == ["queued", "sent"]


@pytest.mark.parametrize("answer", ["550 5.1.1 no such mailbox", "554 5.7.1 refused"])
async def test_what_the_mail_server_refuses_for_good_has_failed(world: World, answer: str) -> None:
    world.smtp.answers = [answer]
    await world.take(handover(world, "colleague", DUE))
    await world.deliver()
    await world.let_time_pass()
    assert await world.deliver() == []
    failed = [event for event in await world.published() if isinstance(event, NotificationFailed)]
    assert [event.reason for event in failed] == ["rejected"]


async def test_a_mail_that_could_not_be_delivered_for_three_days_is_given_up(world: World) -> None:
    world.smtp.stop()
    await world.take(handover(world, "colleague", DUE))
    await world.deliver()
    await world.pool.execute("UPDATE messages SET trying_since = trying_since - interval '72 hours'")
    await world.let_time_pass()
    await world.deliver()
    failed = [event for event in await world.published() if isinstance(event, NotificationFailed)]
    assert [event.reason for event in failed] == ["unreachable"]


class DiedError(BaseException):
    """The process ends here."""


async def test_who_dies_after_the_mail_server_has_it_sends_the_same_mail_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dead one's lease must be over first; the recipient's mail program knows the Message-ID."""
    smtp = Smtp(world.kit.settings)

    async def send_and_die(mail: EmailMessage) -> None:
        await smtp.send(mail)
        raise DiedError

    await world.take(handover(world, "colleague", DUE))
    with monkeypatch.context() as patched:
        patched.setattr(world.post, "_send", send_and_die)
        with pytest.raises(DiedError):
            await world.post.deliver_due()
    await world.smtp.arrived.take(1)
    assert await outcome(world) == ["queued"]

    assert len(await world.deliver()) == 1, "the lease is not over"
    await world.let_time_pass()
    mails = await world.deliver()
    assert len(mails) == 2
    assert len(ids(mails)) == 1
    assert mails[0].as_bytes() == mails[1].as_bytes()
    assert await outcome(world) == ["queued", "sent"]


async def test_two_instances_mail_everything_once(world: World) -> None:
    concerns = [
        ConcernRegistered(
            case=CaseRef("cas_" + letter * 26),
            concern=ConcernRef("con_" + letter * 26),
            area=Area.FAMILY,
            for_whom=ForWhom.CHILD,
            registered_by=world.party("colleague"),
            act_by=DUE,
            guardians=1,
        )
        for letter in "bcdfghjklmnpqrstvwxz"
    ]
    await world.take(*concerns)
    await world.move_to(DUE - timedelta(days=4))
    other = await world.other_post()
    await asyncio.gather(*(post.deliver_due() for post in (world.post, other, world.post, other)))
    mails = await world.deliver()
    assert len(mails) == len(ids(mails)) == len(concerns)
    assert (await outcome(world)).count("sent") == len(concerns)


async def test_the_post_delivers_by_itself_and_stops(world: World) -> None:
    await world.post.stop()
    await world.post.start()
    await world.take(handover(world, "colleague", DUE))
    await world.smtp.arrived.take(1)
    await world.post.stop()
    assert await outcome(world) == ["queued", "sent"]


# --- those around a child ---------------------------------------------------------------------------------------------


async def test_guardians_are_told_when_the_cases_service_answers_again(world: World) -> None:
    guardians(world)
    world.neighbours.failing = True
    await world.take(requested())
    assert await world.deliver() == []
    assert await outcome(world) == []
    world.neighbours.failing = False
    await world.let_time_pass()
    assert len(await world.deliver()) == 2


async def test_an_address_is_asked_for_again_at_a_second_attempt(world: World) -> None:
    """It is not kept while the mail waits; and who has gone since is not mailed."""
    guardians(world)
    world.smtp.answers = ["451 4.3.0 later", "451 4.3.0 later"]
    await world.take(requested())
    await world.deliver()
    assert "@guardian.example" not in await world.dump()
    asked = world.neighbours.requests[f"/cases/{CASE}/contacts"]
    world.neighbours.contacts[CASE] = [
        {**world.neighbours.contacts[CASE][0], "email": "new@guardian.example"},
    ]
    await world.let_time_pass()
    assert [mail["To"] for mail in await world.deliver()] == ["new@guardian.example"]
    assert world.neighbours.requests[f"/cases/{CASE}/contacts"] > asked
    failed = [event for event in await world.published() if isinstance(event, NotificationFailed)]
    assert [event.reason for event in failed] == ["no-address"]


async def test_who_has_no_address_reads_it_in_the_application(world: World) -> None:
    world.neighbours.contacts[CASE] = [
        {"recipient": world.actor("guardian-a"), "role": "guardian", "ordinal": 1, "language": "so", "email": None}
    ]
    await world.take(requested())
    assert await world.deliver() == []
    assert await outcome(world) == ["queued", "sent"]


async def test_a_case_that_is_gone_is_nobodys_business(world: World) -> None:
    await world.take(requested())
    await world.deliver()
    assert await world.pool.fetchval("SELECT count(*) FROM errands") == 0


# --- the mail server --------------------------------------------------------------------------------------------------


@pytest.fixture(name="certificate")
def trusted_certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for `localhost`, and the certificate to trust."""
    return certificate(tmp_path)


@pytest.mark.parametrize("security", ["offered", "starttls"])
async def test_mails_go_over_tls_to_a_server_that_is_trusted(
    migrated: Migrated,
    issuer: LocalIssuer,
    clock: SimulatedClock,
    certificate: tuple[ssl.SSLContext, Path],
    security: str,
) -> None:
    context, trusted = certificate
    async with notify_world(
        migrated, issuer, clock, tls=context, smtp_security=security, smtp_ca_file=trusted
    ) as world:
        await world.prefer("colleague", "nb", "colleague@lia.example")
        await world.take(handover(world, "colleague", DUE))
        assert len(await world.deliver()) == 1
        assert await outcome(world) == ["queued", "sent"]


async def test_no_mail_goes_to_a_server_that_is_not_trusted(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, certificate: tuple[ssl.SSLContext, Path]
) -> None:
    async with notify_world(migrated, issuer, clock, tls=certificate[0], smtp_security="offered") as world:
        await world.prefer("colleague", "nb", "colleague@lia.example")
        await world.take(handover(world, "colleague", DUE))
        assert await world.deliver() == []
        assert await outcome(world) == ["queued"]


async def test_a_server_without_tls_is_refused_when_tls_is_demanded(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    async with notify_world(migrated, issuer, clock, smtp_security="starttls") as world:
        await world.prefer("colleague", "nb", "colleague@lia.example")
        await world.take(handover(world, "colleague", DUE))
        assert await world.deliver() == []
        assert await outcome(world) == ["queued"]


async def test_without_a_mail_server_everything_is_read_in_the_application(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    async with notify_world(migrated, issuer, clock, smtp_host=None) as world:
        await world.prefer("colleague", "nb", "colleague@lia.example")
        guardians(world)
        await world.take(handover(world, "colleague", DUE), requested())
        await world.deliver()
        assert await outcome(world) == ["queued", "sent"] * 3


def test_a_user_name_needs_its_password() -> None:
    def settings(**knobs: str) -> NotifySettings:
        return NotifySettings(
            database_url=SecretStr("postgresql://nobody"),
            kafka_bootstrap_servers="127.0.0.1:9",
            oidc_issuer="http://issuer",
            pid_key=SecretStr("k" * 32),
            smtp_username=knobs.get("name"),
            smtp_password=SecretStr(knobs["password"]) if "password" in knobs else None,
        )

    assert settings(name="a", password="b").smtp_username == "a"
    for half in ({"name": "a"}, {"password": "b"}):
        with pytest.raises(ValidationError, match="belong together"):
            settings(**half)


async def test_a_mail_takes_no_longer_than_its_time_however_slowly_each_step_is_answered(world: World) -> None:
    """Each answer comes within the time; all of them together do not. What is in hand would be somebody else's meanwhile."""
    heard: list[bytes] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.4, writer.write, b"220 slow\r\n")
        while line := await reader.readline():
            heard.append(line[:4])
            loop.call_later(0.4, writer.write, b"354 go on\r\n" if line[:4] == b"DATA" else b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
        told = {"smtp_host": "127.0.0.1", "smtp_port": server.sockets[0].getsockname()[1], "smtp_timeout": 1.0}
        smtp = Smtp(world.kit.settings.model_copy(update={**told, "smtp_security": "none"}))
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "from@lagspill.example", "to@lia.example", "Hei"
        with pytest.raises(MailUnavailableError):
            await smtp.send(mail)
    assert b"DATA" not in heard
