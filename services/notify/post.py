"""The post: takes messages and errands in hand, one after the other, for as long as it runs.

A way that fails for good is followed by the next that there is, at once; one that fails for now is tried again after a while.

A message is delivered at least once: whoever dies between the mail server's answer and the commit sends it again after a
while, with the same Message-ID and the same bytes. What is in hand is nobody else's until its lease is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Final

import structlog

from services.notify import facts, letters, mail, store
from services.notify.addresses import NOWHERE, Addresses
from services.notify.contacts import Contact, ContactsUnavailableError, Watch
from services.notify.domain import policy
from services.notify.domain.message import MESSAGE, OUTSIDE, Failure, Status, decide_failed, decide_sent
from services.notify.handlers import AROUND_THE_CHILD, Teller
from services.notify.mail import MailRejectedError, MailUnavailableError
from services.notify.sms import Sms, SmsPort, SmsRejectedError, SmsUnavailableError, Wording
from services.notify.store import Errand, StoredMessage
from services.notify.texts import Texts
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import Clock
from shared.contracts.notify import Way
from shared.db import Pool
from shared.errors import LagspillError
from shared.journal import Journal
from shared.observability import describe_exception, following
from shared.refs import CaseRef, Ids, MessageRef
from shared.rounds import Rounds

POLL: Final = 0.3
"""Seconds of the machine's time between two looks."""
LEASE: Final = 60.0
"""Seconds for which what was taken in hand is nobody else's: longer than any attempt takes."""
NOBODY_PAUSE: Final = timedelta(days=1).total_seconds()
"""Until it is asked again whose duty a case is, when nobody who has it is known here. Whoever becomes known is told at once."""
LONGEST_PAUSE: Final = timedelta(hours=1).total_seconds()

log = structlog.get_logger(__name__)

SendMail = Callable[[EmailMessage], Awaitable[None]]
FindContacts = Callable[[CaseRef], Awaitable[tuple[Contact, ...]]]
FindWatch = Callable[[CaseRef], Awaitable[Watch | None]]


@dataclass(frozen=True)
class Terms:
    """How mails look, and how long they are tried."""

    sender: str
    app_url: str
    first_pause: float
    """Seconds before the second attempt."""
    hours: float
    """Hours after which a way is given up."""
    letter_days: int = letters.DAYS
    """Days after which a letter is due of what a guardian must know of, and nothing has reached them."""


class Post:
    """Delivers what is pending."""

    def __init__(
        self,
        pool: Pool,
        *,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        teller: Teller,
        texts: Texts,
        terms: Terms,
        contacts: FindContacts,
        watch: FindWatch,
        send: SendMail | None,
        sms: SmsPort | None = None,
        wording: Wording | None = None,
        poll: float = POLL,
    ) -> None:
        """Deliver with `send`, and with `sms` in that `wording`; by what is not there nothing goes.

        `contacts` says where those around a child can be reached, `watch` whose duty an address-protected case is.
        """
        self._pool = pool
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._teller = teller
        self._texts = texts
        self._terms = terms
        self._contacts = contacts
        self._watch = watch
        self._send = send
        self._sms = sms
        self._wording = wording
        # What is in hand when a round is interrupted comes back when its lease is over.
        self._rounds = Rounds(
            self.deliver_due,
            name="post",
            every=poll,
            interrupted=lambda error: log.error("post_interrupted", exc_info=error),
        )

    async def start(self) -> None:
        """Begin to deliver."""
        await self._rounds.start()

    async def stop(self) -> None:
        """Finish what is in hand. May be called before `start`."""
        await self._rounds.stop()
        if self._sms is not None:
            await self._sms.close()

    async def deliver_due(self) -> int:
        """Do every errand and deliver every message whose time has come; return how many attempts that took.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database does not answer; nothing was lost.
        """
        attempts = 0
        while not self._rounds.stopping and (await self._next_errand() or await self._next_message()):
            attempts += 1
        return attempts

    # --- errands ------------------------------------------------------------------------------------------------------

    async def _next_errand(self) -> bool:
        async with self._pool.acquire() as conn:
            errand = await store.take_errand(conn, lease=LEASE)
        if errand is None:
            return False
        with following(errand.telling.correlation, errand.telling.causation):
            try:
                if errand.to_staff:
                    await self._tell_staff(errand, await self._watch(errand.case))
                    return True
                found = await self._contacts(errand.case)
            except ContactsUnavailableError as error:
                await self._put_off_errand(errand, error)
                return True
            # The addresses live in this list, for as long as it takes to mail them.
            for message, addresses in await self._write(errand, found):
                taken = await self._take(message)
                if taken is not None:
                    await self._deliver(taken, addresses)
        return True

    async def _write(self, errand: Errand, contacts: tuple[Contact, ...]) -> list[tuple[MessageRef, Addresses]]:
        async with self._pool.acquire() as conn, conn.transaction():
            if not await store.finish_errand(conn, errand.telling.step):
                return []
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            to_send = await self._teller.tell_contacts(tx, errand, contacts)
        self._journal.nudge()
        if not contacts:
            log.warning("nobody_to_tell", subject=errand.telling.deadline)
        return to_send

    async def _tell_staff(self, errand: Errand, watch: Watch | None) -> None:
        """Write to whoever has the duty; when nobody is known yet who has it, it waits until somebody is."""
        async with self._pool.acquire() as conn, conn.transaction():
            if not await store.hold_errand(conn, errand.telling.step):
                return
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            told = 0 if watch is None else await self._teller.tell_staff(tx, errand, watch)
            if told or watch is None or errand.services:
                await store.finish_errand(conn, errand.telling.step)
            else:
                await store.put_off_errand(conn, errand.telling.step, NOBODY_PAUSE)
        self._journal.nudge()
        if not told:
            # Not of what: a deadline has the letters of its case, and when something is late in a protected one is nobody's here.
            log.warning("nobody_to_tell")

    async def _put_off_errand(self, errand: Errand, error: Exception) -> None:
        pause = self._pause_after(errand.attempts)
        log.warning("contacts_unavailable", attempt=errand.attempts, retry_in=pause, **describe_exception(error))
        async with self._pool.acquire() as conn:
            await store.put_off_errand(conn, errand.telling.step, pause)

    # --- messages -----------------------------------------------------------------------------------------------------

    async def _next_message(self) -> bool:
        message = await self._take(None)
        if message is None:
            return False
        with following(message.telling.correlation, message.telling.causation):
            try:
                addresses = await self._addresses(message)
            except ContactsUnavailableError as error:
                if not message.given_up:
                    await self._put_off(message, error)
                    return True
                addresses = NOWHERE
            if message.given_up:
                await self._settle(message, addresses, "unreachable")
            else:
                await self._deliver(message, addresses)
        return True

    async def _take(self, message: MessageRef | None) -> StoredMessage | None:
        if not self._teller.ways:
            return None
        async with self._pool.acquire() as conn:
            return await store.take_message(
                conn, lease=LEASE, hours=self._terms.hours, ways=self._teller.ways, message=message
            )

    async def _addresses(self, message: StoredMessage) -> Addresses:
        """Return where to send it: an employee's own choice, or what the cases service says of those around a child."""
        if message.role not in AROUND_THE_CHILD:
            async with self._pool.acquire() as conn:
                return await facts.addresses_of(conn, message.recipient)
        if message.telling.case is None:
            return NOWHERE
        found = await self._contacts(message.telling.case)
        return next((contact.addresses for contact in found if contact.recipient == message.recipient), NOWHERE)

    async def _deliver(self, message: StoredMessage, addresses: Addresses) -> None:
        place = addresses.of(message.channel)
        if place is None:
            await self._settle(message, addresses, "no-address")
            return
        try:
            if message.channel is Way.SMS:
                await self._text(message, place)
            else:
                await self._mail(message, place)
        except (MailRejectedError, SmsRejectedError) as error:
            await self._settle(message, addresses, "rejected", answered=error.answered)
        except (MailUnavailableError, SmsUnavailableError) as error:
            await self._put_off(message, error, answered=error.answered)
        else:
            await self._settle(message, addresses, None)

    async def _text(self, message: StoredMessage, number: str) -> None:
        if self._sms is None or self._wording is None:
            raise SmsUnavailableError
        await self._sms.send(Sms(message.message, number, self._wording.text(message.language)))

    async def _mail(self, message: StoredMessage, address: str) -> None:
        if self._send is None:
            raise MailUnavailableError
        told = message.telling
        itself = None
        if told.template == policy.SUBSCRIPTION_STOPPED:
            itself = self._texts.text(told.template, message.template_version, message.language, due=told.due)
        letter = mail.compose(
            self._texts,
            message=message.message,
            to=address,
            sender=self._terms.sender,
            app_url=self._terms.app_url,
            language=message.language,
            queued_at=message.queued_at,
            itself=itself,
        )
        await self._send(letter)

    async def _settle(
        self, message: StoredMessage, addresses: Addresses, failure: Failure | None, *, answered: int | None = None
    ) -> None:
        """Note what became of it, and by which way it goes on, in one transaction with the events that say so."""
        ref, can = message.message, addresses.ways(self._teller.ways)
        second = next((way for way in OUTSIDE if way in can and way is not message.channel), None)
        async with self._pool.acquire() as conn, conn.transaction():
            stored = await store.lock_message(conn, ref)
            if stored is None or stored.status != "pending" or stored.channel is not message.channel:
                return
            told, now = stored.telling, self._clock.now()
            ctx = Context(actor=None, scope=told.scope, now=now, correlation=told.correlation, causation=told.causation)
            twice = second if told.template in policy.TWICE else None
            changed = await self._journal.change(
                MESSAGE,
                ref,
                ctx,
                lambda state: (
                    decide_sent(state, second=twice) if failure is None else decide_failed(state, failure, can=can)
                ),
                conn=conn,
            )
            await store.add_try(conn, ref, message.channel, now, failure or "sent", answered)
            if changed.state.status is Status.PENDING:
                await store.send_by(conn, ref, changed.state.present)
            else:
                await store.settle_message(conn, ref, changed.state.status)
            if changed.state.status is Status.FAILED:
                tx = Tx(conn, self._journal, now, self._ids)
                await letters.promise(tx, ref, told, message.role, days=self._terms.letter_days)
        self._journal.nudge()
        if failure is not None:
            log.warning("message_failed", subject=ref, reason=failure, kind=message.channel)

    async def _put_off(self, message: StoredMessage, error: LagspillError, *, answered: int | None = None) -> None:
        asked = error.retry_after if isinstance(error, SmsUnavailableError) else None
        pause = max(self._pause_after(message.attempts), asked or 0.0)
        log.warning(
            "message_put_off",
            subject=message.message,
            attempt=message.attempts,
            retry_in=pause,
            kind=message.channel,
            **describe_exception(error),
        )
        async with self._pool.acquire() as conn, conn.transaction():
            if await store.put_off(conn, message.message, pause) and not isinstance(error, ContactsUnavailableError):
                await store.add_try(conn, message.message, message.channel, self._clock.now(), "put-off", answered)

    def _pause_after(self, attempts: int) -> float:
        return min(self._terms.first_pause * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
