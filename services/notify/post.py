"""The post: takes messages and errands in hand for as long as it runs; of each way several at a time, whatever another one does.

A mail server that hangs holds up no SMS; what goes to one recipient by one way goes one after the other. A way that fails for good
is followed by the next that there is, at once; one that fails for now is tried again after a while.

A message is delivered at least once: whoever dies between the mail server's answer and the commit sends it again after a
while, with the same Message-ID and the same bytes. What is in hand is nobody else's until its lease is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Final, TypeVar

import structlog

from services.notify import facts, letters, mail, refusals, store, subscription_store
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
from services.notify.handlers import Teller, ToSend
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
from shared.refs import CaseRef, Ids, MessageRef, is_protected
from shared.rounds import Rounds, side_by_side

POLL: Final = 0.3
"""Seconds of the machine's time between two looks."""
LEASE: Final = 60.0
"""Seconds for which what was taken in hand is nobody else's: longer than any attempt takes."""
AT_ONCE: Final = 4
"""Messages that one process sends by each way at the same time, and errands that it does: a slow one holds up no more than that."""
NOBODY_PAUSE: Final = timedelta(days=1).total_seconds()
"""Until it is tried again, when nobody is known here who has the duty or leads the unit. Whoever becomes known is told at once."""
LONGEST_PAUSE: Final = timedelta(hours=1).total_seconds()
LOOK_EVERY: Final = 60.0
"""Seconds between two looks whether the database's clock was set back."""

log = structlog.get_logger(__name__)
T = TypeVar("T")

SendMail = Callable[[EmailMessage], Awaitable[None]]
Take = Callable[[], Awaitable[Coroutine[None, None, int] | None]]
"""Gives the next piece of work, or nothing."""
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
        self._poll = poll
        self._fresh = {way: asyncio.Semaphore(AT_ONCE) for way in OUTSIDE}
        takes: list[tuple[str, Take]] = [("errands", self._take_errand)]
        takes += [(way.value, partial(self._take_by, frozenset({way}))) for way in (*OUTSIDE, Way.DIGITAL_POST)]
        # What is in hand when a round is interrupted comes back when its lease is over.
        self._rounds = [
            Rounds(
                partial(self._work_off, take),
                name=f"post, {name}",
                every=poll,
                interrupted=partial(_interrupted, name),
            )
            for name, take in takes
        ]
        self._rounds.append(
            Rounds(
                self.after_set_back, name="post, clock", every=LOOK_EVERY, interrupted=partial(_interrupted, "clock")
            )
        )
        self._takes = [take for _, take in takes]

    async def start(self) -> None:
        """Begin to deliver."""
        for rounds in self._rounds:
            await rounds.start()

    async def stop(self) -> None:
        """Finish what is in hand. May be called before `start`."""
        await asyncio.gather(*(rounds.stop() for rounds in self._rounds))
        if self._sms is not None:
            await self._sms.close()

    async def deliver_due(self) -> int:
        """Do every errand and deliver every message whose time has come; return how many attempts that took.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database does not answer; nothing was lost.
        """
        attempts = 0
        while True:
            found = await _all(*(self._work_off(take) for take in self._takes))
            attempts += sum(found)
            # What one has done may be for another to go on with: an errand's messages, the way after one that failed.
            if not any(found):
                return attempts

    async def after_set_back(self) -> int:
        """Take up what waits for a time that only a clock could have written that was set back since; return how much did."""
        async with self._pool.acquire() as conn:
            moved = await store.after_set_back(conn, messages=LONGEST_PAUSE + LEASE, errands=NOBODY_PAUSE + LEASE)
        if moved:
            log.warning("clock_set_back", count=moved)
        return moved

    async def _work_off(self, take: Take) -> int:
        return await side_by_side(take, at_once=AT_ONCE, look_every=self._poll, stopping=self._stopping, name="post")

    def _stopping(self) -> bool:
        return any(rounds.stopping for rounds in self._rounds)

    # --- errands ------------------------------------------------------------------------------------------------------

    async def _take_errand(self) -> Coroutine[None, None, int] | None:
        async with self._pool.acquire() as conn:
            errand = await store.take_errand(conn, lease=LEASE)
        return None if errand is None else self._do(errand)

    async def _do(self, errand: Errand) -> int:
        with following(errand.telling.correlation, errand.telling.causation):
            try:
                if errand.to_staff and not is_protected(errand.telling.scope):
                    await self._tell_known(errand)
                    return 1
                assert errand.case is not None, "who they are is asked about their case"
                if errand.to_staff:
                    await self._tell_staff(errand, await self._watch(errand.case))
                    return 1
                found = await self._contacts(errand.case)
            except ContactsUnavailableError as error:
                await self._put_off_errand(errand, error)
                return 1
            # The addresses live in this list, for as long as it takes to mail them.
            await _all(*(self._send_fresh(each) for each in await self._write(errand, found)))
        return 1

    async def _send_fresh(self, fresh: ToSend) -> None:
        """Send what was just written, unless it may not leave the house yet or is somebody else's turn."""
        async with self._fresh[fresh.way]:
            taken = await self._take(frozenset({fresh.way}), fresh.message)
            if taken is not None:
                await self._deliver(taken, fresh.addresses)
                return
        async with self._pool.acquire() as conn:
            await store.put_back(conn, fresh.message)

    async def _write(self, errand: Errand, contacts: tuple[Contact, ...]) -> list[ToSend]:
        async with self._pool.acquire() as conn, conn.transaction():
            if not await store.finish_errand(conn, errand.telling.step):
                return []
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            to_send = await self._teller.tell_contacts(tx, errand, contacts, reserved=LEASE)
        self._journal.nudge()
        if not contacts:
            log.warning("nobody_to_tell", subject=errand.telling.deadline)
        return to_send

    async def _tell_known(self, errand: Errand) -> None:
        """Write to the leaders or officers that it waits for; for those who are still not known it waits on."""
        told = errand.telling
        async with self._pool.acquire() as conn, conn.transaction():
            held = await store.hold_errand(conn, errand)
            if held is None:
                return
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            left = await self._teller.tell_known(tx, held)
            if left is None:
                await store.finish_errand(conn, told.step)
            else:
                await store.wait_on(conn, told.step, left, seconds=NOBODY_PAUSE)
        self._journal.nudge()
        if left is not None:
            whose = {*left.units, *left.services, *(unit for _, unit in left.places)}
            log.warning("nobody_to_tell", kind=told.template, subject=",".join(sorted(whose)) or told.scope)

    async def _tell_staff(self, errand: Errand, watch: Watch | None) -> None:
        """Write to whoever has the duty; when nobody is known yet who has it, it waits until somebody is."""
        async with self._pool.acquire() as conn, conn.transaction():
            held = await store.hold_errand(conn, errand)
            if held is None:
                return
            tx = Tx(conn, self._journal, self._clock.now(), self._ids)
            over = not await self._teller.still_awaited(tx, held.telling)
            told = 0 if watch is None or over else await self._teller.tell_staff(tx, held, watch)
            if told or watch is None or held.led or over:
                await store.finish_errand(conn, errand.telling.step)
            else:
                await store.put_off_errand(conn, errand.telling.step, NOBODY_PAUSE)
        self._journal.nudge()
        if not told and not over:
            # Not of what: a deadline has the letters of its case, and when something is late in a protected one is nobody's here.
            log.warning("nobody_to_tell")

    async def _put_off_errand(self, errand: Errand, error: Exception) -> None:
        pause = self._pause_after(errand.attempts)
        log.warning("contacts_unavailable", attempt=errand.attempts, retry_in=pause, **describe_exception(error))
        async with self._pool.acquire() as conn:
            await store.put_off_errand(conn, errand.telling.step, pause)

    # --- messages -----------------------------------------------------------------------------------------------------

    async def _take_by(self, ways: frozenset[Way]) -> Coroutine[None, None, int] | None:
        parcel = await self._take(ways) or await self._take_digest(ways)
        return None if parcel is None else self._go(parcel)

    async def _go(self, taken: Parcel) -> int:
        parcel = await self._still_to_go(taken)
        if parcel is None:
            return 1
        first = parcel.first
        with following(first.telling.correlation, first.telling.causation):
            if first.channel is Way.DIGITAL_POST:
                await self._deliver_digital(parcel)
                return 1
            try:
                addresses = await self.addresses(first)
            except ContactsUnavailableError as error:
                if not first.given_up:
                    await self._put_off(parcel, error)
                    return 1
                addresses = NOWHERE
            if first.given_up:
                await self._settle(parcel, addresses, "unreachable")
            else:
                await self._deliver(parcel, addresses)
        return 1

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
        # Only of a digest some can be left. It keeps its name: it may have left the house before, with all of them.
        return Parcel(tuple(left), parcel.reference)

    async def _take(self, ways: frozenset[Way], message: MessageRef | None = None) -> Parcel | None:
        offered = ways & self._ways
        if not offered:
            return None
        now, hours = self._clock.now(), self._terms.hours
        async with self._pool.acquire() as conn:
            found = await store.take_message(conn, now, lease=LEASE, hours=hours, ways=offered, message=message)
        return None if found is None else Parcel((found,), found.message)

    async def _take_digest(self, ways: frozenset[Way]) -> Parcel | None:
        offered = ways & self._teller.ways
        if not offered:
            return None
        now, hours = self._clock.now(), self._terms.hours
        async with self._pool.acquire() as conn, conn.transaction():
            found, before = await store.take_digest(conn, now, lease=LEASE, hours=hours, ways=offered)
            if not found:
                return None
            messages = [each.message for each in found]
            name = mail.digest_of(messages) if before is None else DigestRef(before)
            if before is None:
                await store.name_digest(conn, messages, name)
        return Parcel(tuple(found), name)

    async def addresses(self, message: StoredMessage) -> Addresses:
        """Return where to send it: an employee's own choice, a subscription's contact, or what the cases service says of those
        around a child.

        Raises:
            ContactsUnavailableError: it does not answer as it should.
        """
        if message.telling.subscription is not None:
            async with self._pool.acquire() as conn:
                found = await subscription_store.find(conn, message.telling.subscription)
            return NOWHERE if found is None else Addresses(found.contact, None)
        if message.role not in AROUND_THE_CHILD:
            async with self._pool.acquire() as conn:
                return await facts.addresses_of(conn, message.recipient)
        if message.telling.case is None:
            return NOWHERE
        around = await self._contacts(message.telling.case)
        return next((contact.addresses for contact in around if contact.recipient == message.recipient), NOWHERE)

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


def _interrupted(name: str, error: Exception) -> None:
    log.error("post_interrupted", kind=name, exc_info=error)


async def _all(*pieces: Awaitable[T]) -> list[T]:
    """Return what all give; when one fails, when the others are finished.

    Raises:
        BaseException: the first failure.
    """
    outcomes = await asyncio.gather(*pieces, return_exceptions=True)
    for each in outcomes:
        if isinstance(each, BaseException):
            raise each
    return [each for each in outcomes if not isinstance(each, BaseException)]
