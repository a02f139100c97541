"""Handovers (overføring): the sender holds on until the receiver has accepted (invariant 1; seed rule 107).

Within a unit the baton moves as part of the unit's own task. Out of it, a consent for transition must cover the receiver and
everything in the package, when it is sent and again when it is accepted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from services.cases.domain import access, lifecycles
from services.cases.domain.access import Action
from services.cases.domain.acting import Acting, named
from services.cases.domain.consent import require_consent, still_covered
from services.cases.domain.course import ref_of
from services.cases.domain.rules import CONSENT, OWN_TASK, Rules
from services.cases.domain.state import OPEN_HANDOVER, CaseState, ConsentState, HandoverState, Stage
from services.cases.errors import (
    AnswerTimeError,
    ConsentMissingError,
    HandoverNeedsFormError,
    HandoverNotOpenError,
    HandoverOpenError,
    OutsideHoldingError,
    ReceiverElsewhereError,
    ReceiverIsSenderError,
    SenderCannotAcceptError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    HandoverAccepted,
    HandoverKind,
    HandoverOverdue,
    HandoverReceived,
    HandoverRejected,
    HandoverSent,
    HandoverWithdrawn,
    Package,
    Party,
    TransitionFormReceived,
)
from shared.contracts.codes import LegalBasis, Purpose, Service
from shared.refs import ActorId, FormRef, HandoverRef, UnitId

RejectReason = Literal["capacity", "wrong-unit", "absent", "missing-information", "other"]


class SendHandover(Model):
    """Offer the baton to a named receiver."""

    by: Acting
    handover: HandoverRef
    kind: HandoverKind
    receiver: Party
    package: Package = Package()
    respond_by: AwareDatetime | None = None
    """Seven days from now when nothing is said."""


class AnswerHandover(Model):
    """Yes (no reason) or no (a reason), by the receiver or, on behalf, by the receiver's leader."""

    by: Acting
    handover: HandoverRef
    reject: RejectReason | None = None
    sent_to: UnitId | None = None
    """The unit to which it was sent, from the vault: of an address-protected case no event says it."""


class WithdrawHandover(Model):
    """The sender takes it back."""

    by: Acting
    handover: HandoverRef


def decide_send(state: CaseState, command: SendHandover, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Offer the baton.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        HandoverNeedsFormError: between barnehage and school it takes an approved form (seed rules 13, 14).
        HandoverOpenError, ReceiverIsSenderError, AnswerTimeError, OutsideHoldingError, ConsentMissingError: see `offer`.
    """
    access.require(state, Action.SEND_HANDOVER, command.by, now)
    sender, receiver = command.by.service, command.receiver.service
    to_school = sender is Service.BARNEHAGE and receiver is Service.SKOLE
    if to_school or command.kind in {HandoverKind.BARNEHAGE_TO_SCHOOL, HandoverKind.SCHOOL_TO_SCHOOL}:
        raise HandoverNeedsFormError
    return [offer(state, command, now, rules)]


def offer(
    state: CaseState, command: SendHandover, now: datetime, rules: Rules, form: FormRef | None = None
) -> HandoverSent:
    """Return the offer, on the basis it has.

    Raises:
        HandoverOpenError: another one waits for an answer.
        ReceiverIsSenderError: it goes to the sender itself.
        AnswerTimeError: the time to answer is not ahead, or more than thirty days away.
        OutsideHoldingError: the package holds what the sender does not.
        ConsentMissingError: it leaves the unit, and no consent for transition covers receiver and package (seed rule 106).
    """
    if state.open_handover is not None:
        raise HandoverOpenError(extensions={"handover": state.open_handover.ref})
    if command.receiver.actor == command.by.actor:
        raise ReceiverIsSenderError
    respond_by = command.respond_by or add_days(now, rules.answer_within_days)
    if not now < respond_by <= add_days(now, rules.answer_within_days_at_most):
        raise AnswerTimeError
    held = None if state.holding is None else state.holding.categories
    if held is not None and not command.package.categories <= held:
        raise OutsideHoldingError(
            extensions={"categories": [one.value for one in sorted(command.package.categories - held)]}
        )
    basis, consent = _basis(state, command, now, rules)
    return HandoverSent(
        case=ref_of(state),
        handover=command.handover,
        kind=command.kind,
        sender=command.by.party(address_protected=state.address_protected),
        receiver=named(command.receiver, address_protected=state.address_protected),
        basis=basis,
        consent=None if consent is None else consent.ref,
        consent_version=None if consent is None else consent.version,
        package=command.package,
        form=form,
        respond_by=respond_by,
    )


def decide_receive(state: CaseState, handover: HandoverRef, opened_by: ActorId) -> list[CaseEvent]:
    """Note that the receiver has opened it; nothing when it was noted before, is not open, or somebody else looks."""
    present = state.handovers.get(handover)
    if present is None or state.stage is not Stage.OPEN or present.status not in OPEN_HANDOVER:
        return []
    return _received(state, present) if opened_by == present.receiver.actor else []


def decide_answer(state: CaseState, command: AnswerHandover, now: datetime) -> list[CaseEvent]:
    """Accept: from here the receiver is the holder. Reject: the sender holds on.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, HandoverNotOpenError: there is no such handover, or it was answered, withdrawn or cancelled.
        SenderCannotAcceptError: the sender answers its own, as leader of the receiver's unit too.
        ReceiverElsewhereError: the receiver no longer works where it was sent.
        ConsentMissingError: what it rested on has ended since.
    """
    present = state.handovers.get(command.handover)
    if present is not None and present.sender.actor == command.by.actor:
        access.require(state, Action.SEE_HANDOVER, command.by, now)
        raise SenderCannotAcceptError
    on_behalf = present is not None and present.receiver.actor != command.by.actor
    if present is not None and not lifecycles.HANDOVER.allows(present.status, HandoverAccepted):
        access.permit(state, Action.SEE_HANDOVER, command.by, now)
        raise HandoverNotOpenError(extensions={"status": present.status})
    access.require(state, Action.ANSWER_ON_BEHALF if on_behalf else Action.ANSWER_HANDOVER, command.by, now)
    if present is None:
        raise UnknownPartError
    case = ref_of(state)
    if command.reject is not None:
        receipt = [] if on_behalf else _received(state, present)
        return [
            *receipt,
            HandoverRejected(case=case, handover=present.ref, reason=command.reject, on_behalf=on_behalf),
        ]
    if not still_covered(state, present, now):
        raise ConsentMissingError
    holder = present.receiver if on_behalf else _arrived(state, present, command)
    accepted = HandoverAccepted(case=case, handover=present.ref, holder=holder, on_behalf=on_behalf)
    return [*_received(state, present), accepted]


def decide_withdraw(state: CaseState, command: WithdrawHandover, now: datetime) -> list[CaseEvent]:
    """Take the offer back.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, HandoverNotOpenError: as `decide_answer`.
    """
    access.require(state, Action.WITHDRAW_HANDOVER, command.by, now)
    present = state.handovers.get(command.handover)
    if present is None:
        raise UnknownPartError
    if not lifecycles.HANDOVER.allows(present.status, HandoverWithdrawn):
        raise HandoverNotOpenError(extensions={"status": present.status})
    return [HandoverWithdrawn(case=ref_of(state), handover=present.ref)]


def decide_overdue(state: CaseState, handover: HandoverRef, now: datetime) -> list[CaseEvent]:
    """Note that nobody has answered in time; nothing when somebody has, or there is time left (seed rule 107)."""
    present = state.handovers.get(handover)
    if present is None or state.stage is not Stage.OPEN or now < present.respond_by:
        return []
    if not lifecycles.HANDOVER.allows(present.status, HandoverOverdue):
        return []
    return [HandoverOverdue(case=ref_of(state), handover=handover, receiver=present.receiver)]


def _basis(
    state: CaseState, command: SendHandover, now: datetime, rules: Rules
) -> tuple[LegalBasis, ConsentState | None]:
    receiver = command.receiver
    held_by = None if state.holding is None else state.holding.party.unit
    # The case stays in the unit that has it, not in the one to which its holder may have moved since.
    if receiver.unit is not None and receiver.unit == (held_by or command.by.unit):
        return rules.basis(OWN_TASK, now), None
    if receiver.service is None:
        raise ConsentMissingError
    consent = require_consent(
        state, service=receiver.service, categories=command.package.categories, purpose=Purpose.TRANSITION, now=now
    )
    return rules.basis(CONSENT, now), consent


def _received(state: CaseState, handover: HandoverState) -> list[CaseEvent]:
    if handover.received:
        return []
    case = ref_of(state)
    happened: list[CaseEvent] = [
        HandoverReceived(case=case, handover=handover.ref, documents=handover.package.documents)
    ]
    form = None if handover.form is None else state.forms.get(handover.form)
    if form is not None:
        happened.append(TransitionFormReceived(case=case, form=form.ref, version=form.version))
    return happened


def _arrived(state: CaseState, handover: HandoverState, command: AnswerHandover) -> Party:
    """Return the receiver as the token names it, if it still works where the handover was sent."""
    by = command.by
    if (by.unit, by.service) != (handover.receiver.unit or command.sent_to, handover.receiver.service):
        raise ReceiverElsewhereError
    return by.party(address_protected=state.address_protected)
