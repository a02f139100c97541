"""The post: takes messages and errands in hand, one after the other, for as long as it runs.

A message is delivered at least once: whoever dies between the mail server's answer and the commit sends it again after a
while, with the same Message-ID and the same bytes. What is in hand is nobody else's until its lease is over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Final, Literal

import structlog

from services.notify import facts, mail, store
from services.notify.contacts import Contact, ContactsUnavailableError, Watch
from services.notify.domain import policy
from services.notify.domain.message import MESSAGE, decide_failed, decide_sent
from services.notify.handlers import AROUND_THE_CHILD, Teller
from services.notify.mail import MailRejectedError, MailUnavailableError
from services.notify.store import Errand, StoredMessage
from services.notify.texts import Texts
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import Clock
from shared.db import Pool
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
    """Hours after which a mail is given up."""


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
        poll: float = POLL,
    ) -> None:
        """Deliver with `send`; without it nothing is mailed.

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
            for message, address in await self._write(errand, found):
                taken = await self._take(message)
                if taken is not None:
                    await self._mail(taken, address)
        return True

    async def _write(self, errand: Errand, contacts: tuple[Contact, ...]) -> list[tuple[MessageRef, str]]:
        async with self._pool.acquire() as conn, conn.transaction():
            if not await store.finish_errand(conn, errand.telling.step):
                return []
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            to_mail = await self._teller.tell_contacts(tx, errand, contacts)
        self._journal.nudge()
        if not contacts:
            log.warning("nobody_to_tell", subject=errand.telling.deadline)
        return to_mail

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
            if message.given_up:
                await self._settle(message.message, "unreachable")
                return True
            try:
                address = await self._address(message)
            except ContactsUnavailableError as error:
                await self._put_off(message, error)
                return True
            if address is None:
                await self._settle(message.message, "no-address")
            else:
                await self._mail(message, address)
        return True

    async def _take(self, message: MessageRef | None) -> StoredMessage | None:
        if self._send is None:
            return None
        async with self._pool.acquire() as conn:
            return await store.take_message(conn, lease=LEASE, hours=self._terms.hours, message=message)

    async def _address(self, message: StoredMessage) -> str | None:
        """Return where to mail it: an employee's own choice, or what the cases service says of those around a child."""
        if message.role not in AROUND_THE_CHILD:
            async with self._pool.acquire() as conn:
                return await facts.address_of(conn, message.recipient)
        if message.telling.case is None:
            return None
        found = await self._contacts(message.telling.case)
        return next((contact.email for contact in found if contact.recipient == message.recipient), None)

    async def _mail(self, message: StoredMessage, address: str) -> None:
        if self._send is None:
            return
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
        try:
            await self._send(letter)
        except MailRejectedError:
            await self._settle(message.message, "rejected")
        except MailUnavailableError as error:
            await self._put_off(message, error)
        else:
            await self._settle(message.message, None)

    async def _settle(
        self, message: MessageRef, failure: Literal["rejected", "unreachable", "no-address"] | None
    ) -> None:
        """Note what became of it, in one transaction with the event that says so."""
        async with self._pool.acquire() as conn, conn.transaction():
            stored = await store.lock_message(conn, message)
            if stored is None or stored.status != "pending":
                return
            told = stored.telling
            ctx = Context(
                actor=None,
                scope=told.scope,
                now=self._clock.now(),
                correlation=told.correlation,
                causation=told.causation,
            )
            await self._journal.change(
                MESSAGE,
                message,
                ctx,
                lambda state: decide_sent(state) if failure is None else decide_failed(state, failure),
                conn=conn,
            )
            await store.settle_message(conn, message, "sent" if failure is None else "failed")
        self._journal.nudge()
        if failure is not None:
            log.warning("message_failed", subject=message, reason=failure)

    async def _put_off(self, message: StoredMessage, error: Exception) -> None:
        pause = self._pause_after(message.attempts)
        log.warning(
            "message_put_off",
            subject=message.message,
            attempt=message.attempts,
            retry_in=pause,
            **describe_exception(error),
        )
        async with self._pool.acquire() as conn:
            await store.put_off(conn, message.message, pause)

    def _pause_after(self, attempts: int) -> float:
        return min(self._terms.first_pause * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
