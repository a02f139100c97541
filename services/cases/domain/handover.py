"""Handovers (overføring): the sender holds on until the receiver has accepted (invariant 1; seed rule 107).

Which kinds there are is one table (`kinds.py`). Within a unit the baton moves as part of the unit's own task. Out of it, a consent
for transition must cover the receiver and everything in the package, when it is sent and again when it is accepted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from services.cases.domain import access, coordination, transfer
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting, named
from services.cases.domain.consent import require_consent
from services.cases.domain.consent_ending import still_covered
from services.cases.domain.course import ref_of
from services.cases.domain.handover_lifecycles import HANDOVER
from services.cases.domain.kinds import KINDS, Ground, Kind, Place, SentBy, needs_form, require_kind
from services.cases.domain.rules import CONSENT, OWN_TASK, Rules
from services.cases.domain.state import CaseState, ConsentState, HandoverState, HandoverStatus, Stage
from services.cases.errors import (
    AnswerTimeError,
    ChildOfAgeError,
    ConsentMissingError,
    HandoverKindError,
    HandoverNeedsFormError,
    HandoverNotOpenError,
    HandoverNotProposedError,
    HandoverOpenError,
    HolderNotAwayError,
    NotPermittedError,
    OutsideHoldingError,
    OverrideNoHandoverError,
    ReceiverAwayError,
    ReceiverElsewhereError,
    ReceiverIsSenderError,
    SenderCannotAcceptError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    CoordinatorKind,
    HandoverAccepted,
    HandoverCompleted,
    HandoverProposed,
    HandoverReceived,
    HandoverRejected,
    HandoverRoute,
    HandoverSent,
    HandoverWithdrawn,
    Package,
    Party,
    TransitionFormReceived,
)
from shared.contracts.codes import InformationCategory, LegalBasis, Purpose
from shared.refs import ActorId, DocumentRef, FormRef, HandoverRef, LogScope, UnitId

RejectReason = Literal["capacity", "wrong-unit", "absent", "missing-information", "other"]
NOT_CLOSED = frozenset({Stage.CONCERN, Stage.OPEN})
"""A concern has a holder too: who leaves hands it on as well (seed rules 79, 107)."""


class SendHandover(Model):
    """Offer the baton to a named receiver."""

    by: Acting
    handover: HandoverRef
    kind: HandoverRoute
    receiver: Party
    package: Package = Package()
    respond_by: AwareDatetime | None = None
    """The kind's usual time from now when nothing is said."""
    to_municipality: LogScope | None = None
    """Where the receiver works, when that is another municipality."""
    holder_away: bool = False
    """Whether the holder is registered as away: then the leader of the unit may send."""
    receiver_away: bool = False
    """Whether the receiver is registered as away by now."""
    held_in: UnitId | None = None
    """The unit that has the case, from the vault: of an address-protected case no event says it."""


class AnswerHandover(Model):
    """Yes (no reason) or no (a reason), by the receiver or, on behalf, by the receiver's leader."""

    by: Acting
    handover: HandoverRef
    reject: RejectReason | None = None
    sent_to: UnitId | None = None
    """The unit to which it was sent, from the vault: of an address-protected case no event says it."""
    receiver_away: bool = False
    """Whether the receiver is registered as away by now: what is accepted for them would rest with nobody."""


class WithdrawHandover(Model):
    """The sender takes it back."""

    by: Acting
    handover: HandoverRef


def decide_send(state: CaseState, command: SendHandover, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Offer the baton.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        HolderNotAwayError: the leader of the unit sends, and the holder is not registered as away.
        HandoverNeedsFormError: between barnehage and school it takes an approved form (seed rules 13, 14).
        HandoverKindError, OrganisationMissingError: see `kinds.require_kind`.
        HandoverOpenError, ReceiverIsSenderError, ReceiverAwayError, AnswerTimeError, OutsideHoldingError, ConsentMissingError: see
            `offer`.
    """
    _require_sender(state, command, now)
    return [offer(state, command, now, rules)]


def decide_propose(state: CaseState, command: SendHandover, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Draft a handover; nobody else is told of it, and everything is judged when it is sent.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        ReceiverIsSenderError: it goes to the sender itself.
        HandoverKindError, OrganisationMissingError: see `kinds.require_kind`.
        MoveProtectedError: it would say where a protected child moves.
        MunicipalityUnknownError: see `Rules.require_municipality`.
    """
    access.require(state, Action.SEND_HANDOVER, command.by, now)
    if command.receiver.actor == command.by.actor:
        raise ReceiverIsSenderError
    require_kind(command.kind, _sender(state, command), command.receiver, _place(state, command))
    if command.to_municipality is not None:
        # Whether it may move now is judged when it is sent; where a protected child would move is not written down either.
        transfer.require_unprotected(state)
        rules.require_municipality(command.to_municipality, now)
    return [
        HandoverProposed(
            case=ref_of(state),
            handover=command.handover,
            route=command.kind,
            sender=command.by.party(address_protected=state.address_protected),
            receiver=named(command.receiver, address_protected=state.address_protected),
            package=command.package,
            respond_by=command.respond_by,
            to_municipality=command.to_municipality,
        )
    ]


def decide_send_proposed(state: CaseState, command: SendHandover, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Send a handover that was drafted before.

    Raises:
        UnknownPartError, HandoverNotProposedError: there is no such draft, or it is none any more.
        and what `decide_send` raises.
    """
    access.require(state, Action.SEND_HANDOVER, command.by, now)
    present = state.handovers.get(command.handover)
    if present is None or present.sender.actor != command.by.actor:
        raise UnknownPartError
    if present.status is not HandoverStatus.PROPOSED:
        raise HandoverNotProposedError(extensions={"status": present.status})
    return decide_send(state, command, now, rules)


def offer(
    state: CaseState, command: SendHandover, now: datetime, rules: Rules, form: FormRef | None = None
) -> HandoverSent:
    """Return the offer, on the basis it has.

    Raises:
        HandoverKindError, OrganisationMissingError: see `kinds.require_kind`.
        HandoverNeedsFormError: it is made by sending a form.
        HandoverOpenError: another one waits for an answer.
        ReceiverIsSenderError: it goes to the sender itself.
        ReceiverAwayError: the receiver is away, or has left.
        MeasureUnfinishedError, ConcernOpenError, MoveProtectedError: see `transfer.require_movable`.
        MunicipalityUnknownError: see `Rules.require_municipality`.
        AnswerTimeError: the time to answer is not ahead, or more than thirty days away.
        OutsideHoldingError: the package holds what the sender does not, and no approved form says it (seed rules 13, 14).
        ConsentMissingError: it leaves the unit, and no consent for transition covers receiver and package (seed rule 106).
        OverrideNoHandoverError: as before, although something is shared with the receiver's service by law.
    """
    if state.open_handover is not None:
        raise HandoverOpenError(extensions={"handover": state.open_handover.ref})
    sender = _sender(state, command)
    if command.receiver.actor == sender.actor:
        raise ReceiverIsSenderError
    place = _place(state, command)
    if form is None and needs_form(sender.service, command.receiver.service, place):
        raise HandoverNeedsFormError
    kind = require_kind(command.kind, sender, command.receiver, place)
    if command.receiver_away:
        raise ReceiverAwayError
    if command.kind is HandoverRoute.MUNICIPALITY:
        transfer.require_movable(state)
    if command.to_municipality is not None:
        rules.require_municipality(command.to_municipality, now)
    respond_by = command.respond_by or add_days(now, kind.answer_within_days)
    if not now < respond_by <= add_days(now, rules.answer_within_days_at_most):
        raise AnswerTimeError
    held = None if state.holding is None else state.holding.categories
    # What a form says was written and approved for this: it came with nobody's baton.
    if held is not None and form is None and not command.package.categories <= held:
        raise OutsideHoldingError(
            extensions={"categories": [one.value for one in sorted(command.package.categories - held)]}
        )
    basis, consent = _basis(state, command, kind, now, rules)
    package = command.package if kind.ground is Ground.OWN_TASK else with_documents(state, command.package, held)
    return HandoverSent(
        case=ref_of(state),
        handover=command.handover,
        kind=kind.wire,
        sender=sender,
        receiver=named(command.receiver, address_protected=state.address_protected),
        basis=basis,
        consent=None if consent is None else consent.ref,
        consent_version=None if consent is None else consent.version,
        package=package,
        form=form,
        respond_by=respond_by,
        route=command.kind,
        on_behalf=sender.actor != command.by.actor,
        to_municipality=command.to_municipality,
    )


def with_documents(state: CaseState, package: Package, held: frozenset[InformationCategory] | None) -> Package:
    """Return the package with every document that its categories hold: the receiver will read them, and each has its receipt.

    Of a sender to whom only some categories came (`held`; none: all), no document of another one is sent.
    """
    sent = package.categories if held is None else package.categories & held
    documents = sorted(one.ref for one in state.documents.values() if one.category in sent)
    return package.model_copy(update={"documents": (*package.documents, *documents)})


def decide_receive(
    state: CaseState, handover: HandoverRef, opened_by: ActorId, documents: tuple[DocumentRef, ...] = ()
) -> list[CaseEvent]:
    """Note that the receiver has opened it, or `documents` of it; nothing when it was noted before, or somebody else looks.

    A document may be opened after the acceptance too; with the last one the handover is completed.
    """
    present = state.handovers.get(handover)
    if present is None or state.stage not in NOT_CLOSED or opened_by != present.receiver.actor:
        return []
    if not HANDOVER.allows(present.status, HandoverReceived):
        return []
    received = _received(state, present, documents)
    opened = present.received_documents | frozenset(documents)
    if received and present.status is HandoverStatus.ACCEPTED and frozenset(present.package.documents) <= opened:
        received.append(HandoverCompleted(case=ref_of(state), handover=present.ref))
    return received


def decide_open(state: CaseState, document: DocumentRef, opened_by: ActorId) -> list[CaseEvent]:
    """Note that the receiver of a package has opened a document of it: of each handover that brought it, the first time."""
    happened: list[CaseEvent] = []
    for one in state.handovers.values():
        if document in one.package.documents:
            happened.extend(decide_receive(state, one.ref, opened_by, (document,)))
    return happened


def decide_answer(state: CaseState, command: AnswerHandover, now: datetime) -> list[CaseEvent]:
    """Accept: from here the receiver is the holder, or coordinates. Reject: the sender holds on.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, HandoverNotOpenError: there is no such handover, or it was answered, withdrawn or cancelled.
        SenderCannotAcceptError: the sender answers its own, as leader of the receiver's unit too.
        ReceiverElsewhereError: the receiver no longer works where it was sent.
        ConsentMissingError: what it rested on has ended since.
        ReceiverAwayError: it is accepted on behalf of a receiver who is away, or has left (seed rule 107).
        ChildOfAgeError: it is of a group that is over (seed rule 24).
        ConcernOpenError: see `transfer.moved`.
    """
    present = state.handovers.get(command.handover)
    if present is not None and present.sender.actor == command.by.actor:
        access.require(state, Action.SEE_HANDOVER, command.by, now)
        raise SenderCannotAcceptError
    on_behalf = present is not None and present.receiver.actor != command.by.actor
    if present is not None and not HANDOVER.allows(present.status, HandoverAccepted):
        access.permit(state, Action.SEE_HANDOVER, command.by, now)
        raise HandoverNotOpenError(extensions={"status": present.status})
    action = Action.ANSWER_ON_BEHALF if on_behalf else Action.ANSWER_HANDOVER
    access.require(state, action, command.by, now, stages=NOT_CLOSED)
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
    if on_behalf and command.receiver_away:
        raise ReceiverAwayError
    holder = present.receiver if on_behalf else _arrived(state, present, command)
    receipt = [] if on_behalf else _received(state, present)
    if present.coordination is not None:
        if present.coordination is CoordinatorKind.ANSVARSGRUPPE and state.group_over:
            raise ChildOfAgeError
        return [*receipt, *coordination.taken(case, present.ref, present.coordination, holder, on_behalf=on_behalf)]
    if present.way is HandoverRoute.MUNICIPALITY:
        return [*receipt, *transfer.moved(state, present, on_behalf=on_behalf)]
    accepted = HandoverAccepted(case=case, handover=present.ref, holder=holder, on_behalf=on_behalf)
    return [*receipt, accepted, *completed(state, present)]


def decide_withdraw(state: CaseState, command: WithdrawHandover, now: datetime) -> list[CaseEvent]:
    """Take the offer back.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, HandoverNotOpenError: as `decide_answer`.
    """
    present = state.handovers.get(command.handover)
    for_absent = present is not None and present.on_behalf and not _holds(state, command.by)
    action = Action.HAND_OVER_FOR_ABSENT if for_absent else Action.WITHDRAW_HANDOVER
    if present is not None and present.coordination is not None:
        action = Action.HAND_OVER_COORDINATION
    access.require(state, action, command.by, now, stages=NOT_CLOSED)
    if present is None:
        raise UnknownPartError
    if present.coordination is not None and present.sender.actor != command.by.actor:
        raise NotPermittedError("not-own-coordination")
    if not HANDOVER.allows(present.status, HandoverWithdrawn):
        raise HandoverNotOpenError(extensions={"status": present.status})
    return [HandoverWithdrawn(case=ref_of(state), handover=present.ref)]


def completed(state: CaseState, handover: HandoverState) -> list[CaseEvent]:
    """Return that it is completed, when every document of its package has been received."""
    return [HandoverCompleted(case=ref_of(state), handover=handover.ref)] if handover.all_received else []


def _require_sender(state: CaseState, command: SendHandover, now: datetime) -> None:
    leaving = command.kind is HandoverRoute.STAFF_LEAVES
    stages = NOT_CLOSED if leaving else frozenset({Stage.OPEN})
    if _holds(state, command.by) or not access.allows(state, Action.HAND_OVER_FOR_ABSENT, command.by, now):
        access.require(state, Action.SEND_HANDOVER, command.by, now, stages=stages)
        return
    access.require(state, Action.HAND_OVER_FOR_ABSENT, command.by, now, stages=stages)
    if KINDS[command.kind].sent_by is not SentBy.HOLDER_OR_LEADER:
        raise HandoverKindError(extensions={"kind": HandoverRoute.STAFF_LEAVES.value})
    if not command.holder_away:
        raise HolderNotAwayError


def _holds(state: CaseState, by: Acting) -> bool:
    return state.holding is not None and state.holding.party.actor == by.actor


def _sender(state: CaseState, command: SendHandover) -> Party:
    """Return the holder: as the token names it, or as the case does when the leader sends on behalf."""
    if state.holding is not None and not _holds(state, command.by):
        return state.holding.party
    return command.by.party(address_protected=state.address_protected)


def _place(state: CaseState, command: SendHandover) -> Place:
    if command.to_municipality is not None:
        return Place.OTHER_MUNICIPALITY
    held_by = None if state.holding is None else state.holding.party.unit
    # The case stays in the unit that has it, not in the one to which its holder may have moved since.
    unit = held_by or command.held_in or command.by.unit
    return Place.SAME_UNIT if command.receiver.unit is not None and command.receiver.unit == unit else Place.OTHER_UNIT


def _basis(
    state: CaseState, command: SendHandover, kind: Kind, now: datetime, rules: Rules
) -> tuple[LegalBasis, ConsentState | None]:
    receiver = command.receiver
    if kind.ground is Ground.OWN_TASK:
        return rules.basis(OWN_TASK, now), None
    if receiver.service is None:
        raise ConsentMissingError
    try:
        consent = require_consent(
            state,
            service=receiver.service,
            categories=command.package.categories,
            purpose=Purpose.TRANSITION,
            now=now,
            municipality=command.to_municipality,
        )
    except ConsentMissingError as missing:
        if command.to_municipality is not None or state.override_covering(now, receiver.service) is None:
            raise
        # Each of the sections lets information be given (barnevernsloven §§ 13-2, 13-4; fvl § 13 b); none moves the task.
        raise OverrideNoHandoverError(extensions=missing.extensions) from None
    return rules.basis(CONSENT, now), consent


def _received(state: CaseState, handover: HandoverState, documents: tuple[DocumentRef, ...] = ()) -> list[CaseEvent]:
    opened = tuple(
        one for one in handover.package.documents if one in documents and one not in handover.received_documents
    )
    if handover.received and not opened:
        return []
    case = ref_of(state)
    happened: list[CaseEvent] = [HandoverReceived(case=case, handover=handover.ref, documents=opened)]
    form = None if handover.form is None else state.forms.get(handover.form)
    if form is not None and form.document in opened:
        happened.append(TransitionFormReceived(case=case, form=form.ref, version=form.version))
    return happened


def _arrived(state: CaseState, handover: HandoverState, command: AnswerHandover) -> Party:
    """Return the receiver as the token names it, if it still works where the handover was sent."""
    by = command.by
    if (by.unit, by.service) != (handover.receiver.unit or command.sent_to, handover.receiver.service):
        raise ReceiverElsewhereError
    return by.party(address_protected=state.address_protected)
