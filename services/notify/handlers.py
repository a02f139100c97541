"""What is done, inside the transaction of the event or moment that causes it: deadlines change, and people are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Literal

from services.notify import facts, family_facts, letters, store
from services.notify.absences import has_left, present
from services.notify.addresses import Addresses
from services.notify.cause import Cause
from services.notify.contacts import Contact, Watch
from services.notify.domain import policy
from services.notify.domain.deadline import (
    DEADLINE,
    DeadlineState,
    Step,
    consent_of,
    deadline_of,
    decide_close,
    decide_reassign,
    decide_set,
    decide_step,
    meeting_of,
)
from services.notify.domain.message import MESSAGE, Reachable, choose_language, decide_cancel, decide_queue
from services.notify.domain.quiet import when
from services.notify.domain.recipient import RECIPIENT
from services.notify.facts import CONSUMER
from services.notify.store import Errand, Led, Note, Telling
from services.notify.texts import Texts
from services.notify.waiting import still_said
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.contracts import cases
from shared.contracts.base import EventData
from shared.contracts.codes import Language, Role, Service
from shared.contracts.notify import (
    DeadlineApproaching,
    DeadlineKind,
    DeadlineMissed,
    EscalationRaised,
    Responsible,
    Way,
)
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import (
    ActorId,
    CaseRef,
    ConsentRef,
    DeadlineRef,
    GlassRef,
    LogScope,
    MessageRef,
    OverrideRef,
    UnitId,
    is_protected,
)

_FOLLOW_THE_BATON: Final = frozenset(
    {DeadlineKind.DECIDE_CASE, DeadlineKind.EVALUATE_MEASURE, DeadlineKind.ANSWER_CONSENT}
)
OF_MANY_UNITS: Final = frozenset({Service.BARNEHAGE, Service.SKOLE})


@dataclass(frozen=True)
class ToSend:
    """A message that was just written, and where it goes."""

    message: MessageRef
    way: Way
    addresses: Addresses


class Teller:
    """Tells people: writes messages, and lets those around a child be asked for."""

    def __init__(
        self, texts: Texts, *, default: Language, mails: bool, sms: bool = False, letter_days: int = letters.DAYS
    ) -> None:
        """Tell in `default` who has not chosen a language.

        `mails` and `sms` say whether there is a mail server and an SMS gateway at all; `letter_days`, when a letter follows.
        """
        self._texts = texts
        self._default = default
        self._ways = frozenset(way for way, there in ((Way.EMAIL, mails), (Way.SMS, sms)) if there)
        self._letter_days = letter_days

    @property
    def ways(self) -> frozenset[Way]:
        """The ways out of the house that there are."""
        return self._ways

    # --- deadlines ----------------------------------------------------------------------------------------------------

    async def change_deadline(
        self, tx: Tx, ctx: Context, ref: DeadlineRef, decide: Callable[[DeadlineState], Sequence[EventData]]
    ) -> DeadlineState:
        """Change a deadline, and with it what is to happen when; what is closed leaves nothing behind."""
        changed = await tx.journal.change(DEADLINE, ref, ctx, decide, conn=tx.conn)
        if not changed.events:
            return changed.state
        ahead = dict(changed.state.steps())
        cause = Cause.of(ctx)
        for step in Step:
            if step in ahead:
                await set_deadline(tx.conn, kind=step, key=ref, due=ahead[step], payload=cause.written())
            else:
                await cancel(tx.conn, kind=step, key=ref)
        return changed.state

    async def close_deadline(
        self, tx: Tx, ctx: Context, ref: DeadlineRef, reason: Literal["done", "cancelled"] = "done"
    ) -> DeadlineState:
        """Close a deadline, and take back what is on its way about it: nobody is reminded of what is done."""
        closed = await self.change_deadline(tx, ctx, ref, lambda state: decide_close(state, reason))
        await store.drop_staff_errands(tx.conn, deadline=ref)
        await self.take_back(tx, ctx, await store.pending_about(tx.conn, deadline=ref), "done")
        return closed

    async def reviewed(self, tx: Tx, ctx: Context, reference: OverrideRef | GlassRef) -> None:
        """Ask nobody any more to judge what was judged."""
        await store.drop_staff_errands(tx.conn, step=reference)
        _, pending = await store.told_about(tx.conn, f"{reference}/")
        await self.take_back(tx, ctx, pending, "done")

    async def decide_by(self, tx: Tx, envelope: Envelope, case: CaseRef, holder: Responsible, due: datetime) -> None:
        """Wait for a decision on what is to be done in a case, unless a later event of it is known that was one."""
        if await facts.decided_after(tx.conn, case, nth(envelope)):
            return
        ref = deadline_of(case)
        await self.change_deadline(
            tx,
            caused_by(envelope, tx.now),
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.DECIDE_CASE,
                case=case,
                due=due,
                responsible=holder,
                since=envelope.time,
            ),
        )

    async def meet_by(self, tx: Tx, envelope: Envelope, case: CaseRef, due: datetime | None) -> None:
        """Wait for the meeting that a case's level calls for; without a day, for none any more (seed rule 68)."""
        ctx, ref = caused_by(envelope, tx.now), meeting_of(case)
        if due is None:
            await self.close_deadline(tx, ctx, ref, "cancelled")
            return
        await self.change_deadline(
            tx,
            ctx,
            ref,
            partial(
                decide_set,
                ref=ref,
                kind=DeadlineKind.DECIDE_CASE,
                matter="meeting",
                case=case,
                due=due,
                responsible=await facts.holder_of(tx.conn, case),
                since=envelope.time,
            ),
        )

    async def decided(self, tx: Tx, envelope: Envelope, case: CaseRef) -> None:
        """Wait for it no longer."""
        await facts.set_decided(tx.conn, case, nth(envelope))
        await self.close_deadline(tx, caused_by(envelope, tx.now), deadline_of(case))

    async def reassign_case(self, tx: Tx, envelope: Envelope, case: CaseRef, holder: Responsible) -> None:
        """Let the new holder be responsible for what the old one was."""
        if not await facts.set_holder(tx.conn, case, holder, nth(envelope)):
            return
        ctx = caused_by(envelope, tx.now)
        for state in await facts.open_deadlines_of_case(tx.conn, case):
            if state.ref is not None and state.kind in _FOLLOW_THE_BATON:
                # A measure's leader stays that of the unit which owns the measure.
                unit = state.responsible.unit if state.kind is DeadlineKind.EVALUATE_MEASURE else holder.unit
                responsible = holder.model_copy(update={"unit": unit})
                await self.change_deadline(tx, ctx, state.ref, partial(decide_reassign, responsible=responsible))

    async def on_step(self, tx: Tx, deadline: Deadline) -> None:
        """Let a deadline's moment come: `shared.deadlines` calls this in the transaction that removes the promise.

        Raises:
            UnavailableError: what is known of the case is not fresh enough to say that something was not done.
        """
        ref, step = DeadlineRef(deadline.key), Step(deadline.kind)
        found = await tx.journal.load(DEADLINE, ref, conn=tx.conn)
        if not decide_step(found.state, step, tx.now):
            return
        await require_fresh(tx.conn, CONSUMER, cases.TOPIC, "/services/cases", key=found.state.case)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        changed = await tx.journal.change(
            DEADLINE, ref, ctx, lambda state: decide_step(state, step, tx.now), conn=tx.conn
        )
        told = about(changed.state, ctx)
        for event in changed.events:
            await self._tell_step(tx, changed.state, event, told)

    async def _tell_step(self, tx: Tx, state: DeadlineState, event: EventData, told: Telling) -> None:
        kind = state.policy
        match event:
            case DeadlineApproaching() if state.kind is DeadlineKind.ANSWER_CONSENT:
                # Who was not asked is not reminded: a child is told of much before it has a say (seed rule 4).
                asked = await store.roles_asked(tx.conn, told.step)
                if asked:
                    await store.add_errand(tx.conn, told.saying(kind.reminder), asked)
            case DeadlineApproaching():
                await self.tell_responsible(tx, state.responsible, told.saying(kind.reminder))
            case DeadlineMissed():
                await self.tell_responsible(tx, state.responsible, told.saying(kind.overdue))
            case EscalationRaised():
                await self.tell_leaders_of(tx, state.responsible, told, kind.escalated)

    # --- people -------------------------------------------------------------------------------------------------------

    async def tell_responsible(self, tx: Tx, to: Responsible, told: Telling) -> None:
        """Tell whoever must act, or who stands in for them; nobody when only a unit is known.

        What is of an address-protected case goes to nobody else: who stands in may be without the clearance.
        """
        await self._tell_person(tx, to if is_protected(told.scope) else await present(tx, to), told)

    async def tell_invited(self, tx: Tx, to: Responsible, told: Telling, *, anew: bool) -> None:
        """Tell somebody who has a meeting in the calendar of a change in it: themselves, unless they have left (rule 107).

        Who is away may be back when it is, or would have been. With `anew` somebody must answer: who stands in hears too.
        """
        instead = await present(tx, to)
        gone = await has_left(tx, to)
        if not gone:
            await self._tell_person(tx, to, told)
        if (gone or anew) and instead.actor != to.actor:
            await self._tell_person(tx, instead, told)

    async def _tell_person(self, tx: Tx, to: Responsible, told: Telling) -> None:
        if to.actor is None:
            return
        chosen = await tx.journal.load(RECIPIENT, to.actor, conn=tx.conn)
        language = chosen.state.language if chosen.version else self._default
        ways = (await facts.addresses_of(tx.conn, to.actor)).ways(self._ways)
        reachable = Reachable(
            recipient=to.actor,
            role=to.role or Role.TEACHER,
            language=language,
            email=Way.EMAIL in ways,
            sms=Way.SMS in ways,
            sms_first=chosen.state.sms_first,
            habits=chosen.state.habits,
        )
        await self.tell(tx, reachable, told, service=to.service)

    async def tell_leaders(self, tx: Tx, unit: UnitId | None, told: Telling, template: str = policy.ESCALATION) -> None:
        """Tell the unit's leaders (seed rule 95); where none is known, whoever becomes it is told, unless it asks nothing of them.

        Of an address-protected case no event says the unit: whoever has the municipality's duty for it is told in their place.
        """
        await self.tell_leaders_of(tx, Responsible(unit=unit), told, template)

    async def tell_leaders_of(self, tx: Tx, whose: Responsible, told: Telling, template: str) -> None:
        """Tell the leaders of the unit in which somebody must act, in their own municipality (seed rules 82, 95)."""
        if is_protected(told.scope):
            instead = policy.FOR_THE_WATCH.get(template, policy.PROTECTED_ESCALATION)
            await store.add_errand(tx.conn, told.saying(instead), store.WATCH)
            return
        unit, said = whose.unit, told.saying(template)
        if unit is None:
            return
        known = await self._tell_unit(tx, unit, said, whose.municipality)
        # Of another municipality nothing waits in this log: who becomes the leader there finds what is escalated (`people.py`).
        if not known and whose.municipality is None:
            await self._wait(tx, said, store.WATCH, Led(units=frozenset({unit})))

    async def _tell_unit(self, tx: Tx, unit: UnitId, told: Telling, municipality: LogScope | None = None) -> bool:
        leaders = await facts.leaders_of(tx.conn, municipality or told.scope, unit)
        for leader in leaders:
            await self.tell_responsible(tx, Responsible(actor=leader, role=Role.LEADER, unit=unit), told)
        return bool(leaders)

    async def _tell_service(self, tx: Tx, service: Service, units: frozenset[UnitId], told: Telling) -> bool:
        leaders = await facts.leaders_of_services(tx.conn, told.scope, frozenset({service}), units)
        for leader in leaders:
            await self.tell_responsible(tx, leader, told)
        return bool(leaders)

    async def _tell_place(self, tx: Tx, service: Service, unit: UnitId, told: Telling) -> bool:
        """Tell the leaders of a barnehage or school; what somebody of another service leads is not theirs to be told."""
        there = await self._tell_service(tx, service, frozenset({unit}), told)
        return there or bool(await facts.leaders_of(tx.conn, told.scope, unit))

    async def _wait(self, tx: Tx, told: Telling, roles: frozenset[Role], led: Led) -> None:
        if told.template not in policy.NEWS:
            await store.wait_for(tx.conn, told, roles, led)

    async def tell_with_leaders(self, tx: Tx, to: Responsible, told: Telling, template: str) -> None:
        """Tell whoever must act, and the leaders of their unit (seed rule 95); one who is both hears it once."""
        await self.tell_responsible(tx, to, told.saying(template))
        await self.tell_leaders_of(tx, to, told, template)

    async def tell_services(
        self,
        tx: Tx,
        services: Mapping[Service, frozenset[UnitId]],
        told: Telling,
        *,
        case: CaseRef | None = None,
        everywhere: bool = False,
    ) -> None:
        """Tell the leaders of services, as for a meeting; of a barnehage or school those of the named units, and no others.

        Where none is known, it waits as `tell_leaders` says.

        In the log of an address-protected case neither the municipality nor a unit is known: the cases service is asked about
        `case`, or the case that is told, and of a barnehage or school nobody can be told.

        With `everywhere` the leaders of every barnehage or school are told where no unit is named.
        """
        if is_protected(told.scope):
            reached = frozenset(services) - OF_MANY_UNITS
            if reached and (told.case or case) is not None:
                await store.add_errand(tx.conn, told, store.WATCH, services=reached, case=case)
            return
        for service, units in sorted(services.items()):
            if service in OF_MANY_UNITS and not units:
                # Which barnehage or school it is is not known here, and no other is told.
                if everywhere:
                    await self._tell_service(tx, service, units, told)
            elif service in OF_MANY_UNITS:
                for unit in sorted(units):
                    if not await self._tell_place(tx, service, unit, told):
                        await self._wait(tx, told, store.WATCH, Led(places=frozenset({(service, unit)})))
            elif not await self._tell_service(tx, service, units, told):
                await self._wait(tx, told, store.WATCH, Led(services=frozenset({service})))

    async def tell_officers(self, tx: Tx, told: Telling) -> None:
        """Tell the municipality's privacy officers; where none is known, whoever becomes it."""
        if is_protected(told.scope):
            await store.add_errand(tx.conn, told, store.OFFICERS)
        elif not await self._tell_officers(tx, told):
            await self._wait(tx, told, store.OFFICERS, Led())

    async def _tell_officers(self, tx: Tx, told: Telling) -> bool:
        officers = await facts.people_in(tx.conn, told.scope, Role.PRIVACY_OFFICER)
        for officer in officers:
            await self.tell_responsible(tx, Responsible(actor=officer, role=Role.PRIVACY_OFFICER), told)
        return bool(officers)

    async def tell_known(self, tx: Tx, errand: Errand) -> Led | None:
        """Tell those for whom something waited as far as they are known by now; return whose leaders are not.

        None when there is nothing left to wait for: everybody knows, or nobody is to know any more.
        """
        told, led = errand.telling, errand.led
        if not await self.still_awaited(tx, told):
            return None
        if errand.roles == store.OFFICERS:
            return None if await self._tell_officers(tx, told) else led
        units = frozenset(
            [unit for unit in sorted(await self._still_of(tx, errand)) if not await self._tell_unit(tx, unit, told)]
        )
        services = frozenset(
            [each for each in sorted(led.services) if not await self._tell_service(tx, each, frozenset(), told)]
        )
        places = frozenset([each for each in sorted(led.places) if not await self._tell_place(tx, *each, told)])
        return Led(units, services, places) or None

    async def still_awaited(self, tx: Tx, told: Telling) -> bool:
        """Return whether what waits for leaders, or whoever stands for them, is still to be told to them."""
        if told.template in policy.UNTIL_DUE and told.due is not None and told.due <= tx.now:
            return False
        return await still_said(tx, told, Role.LEADER, None)

    async def _still_of(self, tx: Tx, errand: Errand) -> frozenset[UnitId]:
        """Return the units whose leaders are to know: what has gone over to another unit with the baton is none of theirs."""
        units = errand.led.units
        if errand.telling.deadline is None:
            return units
        state = (await tx.journal.load(DEADLINE, errand.telling.deadline, conn=tx.conn)).state
        if state.ref is None or state.responsible.unit is None:
            return units
        return units & {state.responsible.unit}

    async def tell_staff(self, tx: Tx, errand: Errand, watch: Watch) -> int:
        """Tell the staff that an errand is for, with the clearance where it is a duty; return how many that is."""
        if errand.led:
            people = await facts.leaders_of_services(tx.conn, watch.municipality, errand.led.services, frozenset())
        else:
            officers = errand.roles == store.OFFICERS
            role, unit = (Role.PRIVACY_OFFICER, None) if officers else (watch.role, watch.unit)
            found = await facts.cleared_people(tx.conn, watch.municipality, role, unit)
            people = [Responsible(actor=actor, role=role) for actor in found]
        for each in people:
            await self.tell_responsible(tx, each, errand.telling)
        return len(people)

    async def tell_contacts(
        self, tx: Tx, errand: Errand, contacts: Sequence[Contact], *, reserved: float = 0.0
    ) -> list[ToSend]:
        """Tell those around a child whom it still concerns; return the messages to send, each with where to.

        What may leave the house now is nobody else's to send for `reserved` seconds: others would have to ask for the address.
        """
        to_send: list[ToSend] = []
        for contact in contacts:
            if contact.role not in errand.roles:
                continue
            if errand.ordinals and contact.role is Role.GUARDIAN and contact.ordinal not in errand.ordinals:
                continue
            if not await still_said(tx, errand.telling, contact.role, contact.ordinal):
                continue
            chosen = await tx.journal.load(RECIPIENT, contact.recipient, conn=tx.conn)
            own = chosen.state.language.value if chosen.version else None
            ways = contact.addresses.ways(self._ways)
            reachable = Reachable(
                recipient=contact.recipient,
                role=contact.role,
                language=choose_language(own, contact.language, default=self._default),
                email=Way.EMAIL in ways,
                sms=Way.SMS in ways,
                sms_first=chosen.state.sms_first,
                habits=chosen.state.habits,
            )
            told = await _without_calling_off(tx, contact.recipient, errand.telling)
            message = await self.tell(tx, reachable, told, ordinal=contact.ordinal, reserved=reserved)
            if message is not None and reachable.ways:
                to_send.append(ToSend(message, reachable.first, contact.addresses))
        return to_send

    async def tell(
        self,
        tx: Tx,
        to: Reachable,
        told: Telling,
        *,
        service: Service | None = None,
        ordinal: int | None = None,
        reserved: float = 0.0,
    ) -> MessageRef | None:
        """Write one message; None when this recipient was told this step before.

        When it may leave the house now, it is nobody else's to send for `reserved` seconds.
        """
        message = MessageRef(tx.ids.ref("msg"))
        version = self._texts.latest(told.template)
        note = await self._note(tx, to.role, ordinal, told)
        expected = await _expected(tx, to.recipient, told)
        not_before = when(told.template, to.habits, tx.now, told.due, expected)
        added = await store.add_message(
            tx.conn,
            message,
            told,
            recipient=to.recipient,
            role=to.role,
            service=service,
            template_version=version,
            language=to.language,
            way=to.first,
            ordinal=ordinal,
            not_before=not_before,
            digest=to.habits.collects(told.template, tx.now, told.due, expected),
            note=note,
            expected=expected,
            reserved=reserved if not_before <= tx.now else 0.0,
            now=tx.now,
        )
        if not added:
            return None
        ctx = Context(actor=None, scope=told.scope, now=tx.now, correlation=told.correlation, causation=told.causation)
        await tx.journal.change(
            MESSAGE,
            message,
            ctx,
            lambda state: decide_queue(state, ref=message, to=to, template=told.template, template_version=version),
            conn=tx.conn,
        )
        if not to.ways:
            await letters.promise(tx, message, told, to.role, days=self._letter_days)
        return message

    async def _note(self, tx: Tx, role: Role, ordinal: int | None, told: Telling) -> Note | None:
        """Return what stands below a message: that an interpreter is needed, or to be had (seed rule 146)."""
        found = frozenset() if told.case is None else await facts.interpreters_of(tx.conn, told.case)
        own = (role.value, ordinal or 1) in found
        template = policy.note_of(told.template, role, own=own, anybody=bool(found), wanted=told.interpreter)
        return None if template is None else Note(template, self._texts.latest(template))

    # --- taking back --------------------------------------------------------------------------------------------------

    async def take_back(
        self, tx: Tx, ctx: Context, messages: Sequence[MessageRef], reason: Literal["done", "consent-ended"]
    ) -> int:
        """Take messages back that the channel does not have yet, and return how many that were."""
        taken = 0
        for message in messages:
            changed = await tx.journal.change(
                MESSAGE, message, ctx, lambda state: decide_cancel(state, reason), conn=tx.conn
            )
            if changed.events:
                await store.settle_message(tx.conn, message, "cancelled")
                taken += 1
        return taken

    async def stop_asking(
        self, tx: Tx, ctx: Context, consent: ConsentRef, reason: Literal["done", "consent-ended"]
    ) -> int:
        """Ask nobody any more about a consent that was answered, refused or withdrawn; return what was taken back."""
        errands = await store.drop_errands(tx.conn, consent)
        messages = await store.pending_about(tx.conn, consent=consent)
        taken = await self.take_back(tx, ctx, messages, reason)
        await self.change_deadline(tx, ctx, deadline_of(consent), lambda state: decide_close(state, "done"))
        return errands + taken


async def _expected(tx: Tx, recipient: ActorId, told: Telling) -> datetime | None:
    """Return when somebody who is told that a meeting has another time would come, as far as they know."""
    if told.template not in {policy.MOVED, policy.FAMILY_MOVED} or told.appointment is None:
        return None
    return await store.expected_at(tx.conn, recipient, told.appointment.meeting)


async def _without_calling_off(tx: Tx, recipient: ActorId, told: Telling) -> Telling:
    """Return what somebody is told, without the calendar's CANCEL when they come to the meeting for another child of theirs."""
    appointment = told.appointment
    if told.template != policy.FAMILY_CANCELLED or appointment is None or told.case is None:
        return told
    if await family_facts.comes_for_another(tx.conn, recipient, appointment.meeting, told.case):
        return replace(told, appointment=None)
    return told


def telling(
    ctx: Context,
    step: str,
    *,
    case: CaseRef | None = None,
    consent: ConsentRef | None = None,
    deadline: DeadlineRef | None = None,
    due: datetime | None = None,
) -> Telling:
    """Return what people are told because of `ctx`, without the template; each of them hears of a step once (`saying`)."""
    return Telling(step, "", ctx.scope, ctx.correlation, ctx.causation, case, consent, deadline, due)


def about(state: DeadlineState, ctx: Context) -> Telling:
    """Return what people are told about a deadline, without the template."""
    step = f"{state.ref}/{state.round}"
    return telling(ctx, step, case=state.case, consent=consent_of(state), deadline=state.ref, due=state.due)


def about_event(case: CaseRef, envelope: Envelope, now: datetime) -> Telling:
    """Return what is told about one event of a case: once to each, however many parts somebody has in it."""
    return telling(caused_by(envelope, now), f"{case}/{envelope.id}", case=case)


def nth(envelope: Envelope) -> int:
    """Return which event of its case it is; 0 when it does not say."""
    return int(envelope.sequence or "0")


def responsible(party: cases.Party) -> Responsible:
    """Return `party` as the one who must act or know."""
    return Responsible(actor=party.actor, role=party.role, service=party.service, unit=party.unit)
