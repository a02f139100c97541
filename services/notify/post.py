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

from services.notify import facts, letters, mail, refusals, store
from services.notify.addresses import NOWHERE, Addresses
from services.notify.contacts import Contact, ContactsUnavailableError, Watch
from services.notify.digital_post import (
    DigitalLetter,
    DigitalPost,
    DigitalPostRejectedError,
    DigitalPostUnavailableError,
)
from services.notify.domain import policy
from services.notify.domain.message import MESSAGE, OUTSIDE, Failure, decide_failed, decide_sent
from services.notify.domain.quiet import when
from services.notify.domain.recipient import RECIPIENT
from services.notify.handlers import Teller
from services.notify.mail import DigestRef, MailRejectedError, MailUnavailableError
from services.notify.sms import Sms, SmsPort, SmsRejectedError, SmsUnavailableError, Wording
from services.notify.store import Errand, StoredMessage
from services.notify.texts import LETTER, Texts
from services.notify.waiting import AROUND_THE_CHILD, still_said
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


@dataclass(frozen=True)
class Parcel:
    """What is sent as one: a message, or all of one person's digest."""

    messages: tuple[StoredMessage, ...]
    """At least one; of a digest all to the same person, by the same way."""
    reference: MessageRef | DigestRef

    @property
    def first(self) -> StoredMessage:
        """The one that stands for all."""
        return self.messages[0]


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
        digital: DigitalPost | None = None,
        poll: float = POLL,
    ) -> None:
        """Deliver with `send`, with `sms` in that `wording`, and with `digital`; by what is not there nothing goes.

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
        self._digital = digital
        self._ways = teller.ways | ({Way.DIGITAL_POST} if digital is not None else frozenset())
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
        parcel = await self._take(None) or await self._take_digest()
        if parcel is None:
            return False
        parcel = await self._still_to_go(parcel)
        if parcel is None:
            return True
        first = parcel.first
        with following(first.telling.correlation, first.telling.causation):
            if first.channel is Way.DIGITAL_POST:
                await self._deliver_digital(parcel)
                return True
            try:
                addresses = await self.addresses(first)
            except ContactsUnavailableError as error:
                if not first.given_up:
                    await self._put_off(parcel, error)
                    return True
                addresses = NOWHERE
            if first.given_up:
                await self._settle(parcel, addresses, "unreachable")
            else:
                await self._deliver(parcel, addresses)
        return True

    async def _still_to_go(self, parcel: Parcel) -> Parcel | None:
        """Take back what is not to be said any more, and return the rest; None when there is none."""
        left: list[StoredMessage] = []
        async with self._pool.acquire() as conn, conn.transaction():
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            for message in parcel.messages:
                told = message.telling
                if await still_said(tx, told, message.role, message.ordinal):
                    left.append(message)
                    continue
                ctx = Context(
                    actor=None, scope=told.scope, now=tx.now, correlation=told.correlation, causation=told.causation
                )
                await self._teller.take_back(tx, ctx, [message.message], "done")
        if len(left) == len(parcel.messages):
            return parcel
        self._journal.nudge()
        if not left:
            return None
        # Only of a digest some can be left.
        return Parcel(tuple(left), mail.digest_of([each.message for each in left]))

    async def _take(self, message: MessageRef | None) -> Parcel | None:
        if not self._ways:
            return None
        now, hours, ways = self._clock.now(), self._terms.hours, self._ways
        async with self._pool.acquire() as conn:
            found = await store.take_message(conn, now, lease=LEASE, hours=hours, ways=ways, message=message)
        return None if found is None else Parcel((found,), found.message)

    async def _take_digest(self) -> Parcel | None:
        if not self._teller.ways:
            return None
        now, hours, ways = self._clock.now(), self._terms.hours, self._teller.ways
        async with self._pool.acquire() as conn, conn.transaction():
            found = await store.take_digest(conn, now, lease=LEASE, hours=hours, ways=ways)
        return Parcel(tuple(found), mail.digest_of([each.message for each in found])) if found else None

    async def addresses(self, message: StoredMessage) -> Addresses:
        """Return where to send it: an employee's own choice, or what the cases service says of those around a child.

        Raises:
            ContactsUnavailableError: it does not answer as it should.
        """
        if message.role not in AROUND_THE_CHILD:
            async with self._pool.acquire() as conn:
                return await facts.addresses_of(conn, message.recipient)
        if message.telling.case is None:
            return NOWHERE
        found = await self._contacts(message.telling.case)
        return next((contact.addresses for contact in found if contact.recipient == message.recipient), NOWHERE)

    async def _deliver(self, parcel: Parcel, addresses: Addresses) -> None:
        if await self._waits_for_day(parcel):
            return
        way = parcel.first.channel
        place = addresses.of(way)
        if place is None:
            await self._settle(parcel, addresses, "no-address")
            return
        try:
            if way is Way.SMS:
                await self._text(parcel, place)
            else:
                await self._mail(parcel, place)
        except (MailRejectedError, SmsRejectedError) as error:
            await self._settle(parcel, addresses, "rejected", answered=error.answered)
        except (MailUnavailableError, SmsUnavailableError) as error:
            await self._put_off(parcel, error, answered=error.answered)
        else:
            await self._settle(parcel, addresses, None)

    async def _deliver_digital(self, parcel: Parcel) -> None:
        """A mailbox wakes nobody: it is laid there at any hour."""
        message = parcel.first
        text = self._texts.text(LETTER, self._texts.latest(LETTER), message.language, link=self._terms.app_url)
        letter = DigitalLetter(
            message=message.message,
            case=message.telling.case,
            recipient=message.recipient,
            role=message.role,
            ordinal=message.ordinal,
            language=message.language,
            subject=text.subject,
            text=text.body,
        )
        try:
            if message.given_up or self._digital is None:
                await self._settle(parcel, NOWHERE, "unreachable")
                return
            await self._digital.send(letter)
        except DigitalPostRejectedError as error:
            await self._settle(parcel, NOWHERE, "rejected", answered=error.answered)
        except DigitalPostUnavailableError as error:
            await self._put_off(parcel, error, answered=error.answered)
        else:
            await self._settle(parcel, NOWHERE, None)

    async def _waits_for_day(self, parcel: Parcel) -> bool:
        """Put off what has waited into somebody's quiet hours: a second attempt, or another way, disturbs as the first does."""
        first, now = parcel.first, self._clock.now()
        async with self._pool.acquire() as conn:
            chosen = await self._journal.load(RECIPIENT, first.recipient, conn=conn)
            at_once = chosen.state.habits.model_copy(update={"digest": False})
            # A digest is one disturbance: it goes with what can wait least.
            moment = min(
                when(each.telling.template, at_once, now, each.telling.due, each.expected) for each in parcel.messages
            )
            if moment <= now:
                return False
            await store.postpone(conn, [each.message for each in parcel.messages], moment)
        return True

    async def _text(self, parcel: Parcel, number: str) -> None:
        if self._sms is None or self._wording is None:
            raise SmsUnavailableError
        await self._sms.send(Sms(parcel.reference, number, self._wording.text(parcel.first.language)))

    async def _mail(self, parcel: Parcel, address: str) -> None:
        if self._send is None:
            raise MailUnavailableError
        message = parcel.first
        told = message.telling
        itself = None
        if told.template in policy.OF_SUBSCRIPTIONS:
            itself = self._texts.text(told.template, message.template_version, message.language, due=told.due)
        letter = mail.compose(
            self._texts,
            message=parcel.reference,
            to=address,
            sender=self._terms.sender,
            app_url=self._terms.app_url,
            language=message.language,
            queued_at=message.queued_at,
            itself=itself,
            appointment=told.appointment if len(parcel.messages) == 1 else None,
        )
        await self._send(letter)

    async def _settle(
        self, parcel: Parcel, addresses: Addresses, failure: Failure | None, *, answered: int | None = None
    ) -> None:
        """Note what became of it, and by which way it goes on, in one transaction with the events that say so."""
        can = addresses.ways(self._teller.ways)
        async with self._pool.acquire() as conn, conn.transaction():
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            for message in parcel.messages:
                await self._settle_one(tx, parcel, message, can, failure, answered)
        self._journal.nudge()
        if failure is not None:
            log.warning("message_failed", subject=parcel.reference, reason=failure, kind=parcel.first.channel)

    async def _settle_one(
        self,
        tx: Tx,
        parcel: Parcel,
        message: StoredMessage,
        can: frozenset[Way],
        failure: Failure | None,
        answered: int | None,
    ) -> None:
        ref, told = message.message, message.telling
        stored = await store.lock_message(tx.conn, ref)
        if stored is None or stored.status != "pending" or stored.channel is not message.channel:
            return
        second = next((way for way in OUTSIDE if way in can and way is not message.channel), None)
        twice = second if told.template in policy.TWICE else None
        ctx = Context(actor=None, scope=told.scope, now=tx.now, correlation=told.correlation, causation=told.causation)
        changed = await tx.journal.change(
            MESSAGE,
            ref,
            ctx,
            lambda state: (
                decide_sent(state, second=twice) if failure is None else decide_failed(state, failure, can=can)
            ),
            conn=tx.conn,
        )
        named = parcel.reference if message.channel is Way.EMAIL and failure is None else None
        await store.add_try(tx.conn, ref, message.channel, tx.now, failure or "sent", answered, mail=named)
        await refusals.follow(
            tx, self._teller, message, message.channel, changed, failure, letter_days=self._terms.letter_days
        )

    async def _put_off(self, parcel: Parcel, error: LagspillError, *, answered: int | None = None) -> None:
        first = parcel.first
        asked = error.retry_after if isinstance(error, SmsUnavailableError) else None
        pause = max(self._pause_after(first.attempts), asked or 0.0)
        log.warning(
            "message_put_off",
            subject=parcel.reference,
            attempt=first.attempts,
            retry_in=pause,
            kind=first.channel,
            **describe_exception(error),
        )
        async with self._pool.acquire() as conn, conn.transaction():
            left = await store.put_off(conn, [each.message for each in parcel.messages], pause)
            if not isinstance(error, ContactsUnavailableError):
                for message in left:
                    await store.add_try(conn, message, first.channel, self._clock.now(), "put-off", answered)

    def _pause_after(self, attempts: int) -> float:
        return min(self._terms.first_pause * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
