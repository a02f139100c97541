"""Handing the coordination over (seed rules 23, 37, 97, 107): whoever coordinates does so until the receiver has accepted.

The acceptance appoints, in the same append, so that there is never nobody and never two. Of the group (ansvarsgruppe) or of the
child (barnekoordinator); the baton stays where it is. One handover at a time waits in a case, whatever is handed over.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting, named
from services.cases.domain.consent import require_consent
from services.cases.domain.course import ref_of
from services.cases.domain.kinds import KINDS
from services.cases.domain.rules import CONSENT, OWN_TASK, Rules
from services.cases.domain.state import CaseState
from services.cases.domain.team_profile import CoordinatorRule, TeamProfile
from services.cases.errors import (
    AnswerTimeError,
    CoordinatorUnfitError,
    HandoverOpenError,
    NotPermittedError,
    ReceiverAwayError,
    ReceiverIsSenderError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    CoordinatorKind,
    HandoverCoordinationAccepted,
    HandoverRoute,
    HandoverSent,
    Package,
    Party,
)
from shared.contracts.codes import Service
from shared.contracts.team import CoordinatorAppointed
from shared.refs import CaseRef, HandoverRef


class OfferCoordination(Model):
    """Offer the coordination to a named receiver."""

    by: Acting
    handover: HandoverRef
    kind: CoordinatorKind
    receiver: Party
    respond_by: AwareDatetime | None = None
    """The kind's usual time from now when nothing is said."""
    receiver_away: bool = False
    """Whether the receiver is registered as away by now."""


def decide_offer(
    state: CaseState, command: OfferCoordination, now: datetime, rules: Rules, profile: TeamProfile
) -> list[CaseEvent]:
    """Offer it, inside the consent; where the case is in the service that coordinates, it is the service's own task.

    Nothing of the vault goes with it: what a coordinator reads is what the consents in force let the service see.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; also for a coordination that is somebody else's.
        HandoverOpenError: another one waits for an answer, of the baton or of the coordination.
        ReceiverIsSenderError: it goes to the sender itself.
        CoordinatorUnfitError: the receiver is not of the service or the profession that coordinates.
        ReceiverAwayError: the receiver is away, or has left.
        AnswerTimeError: the time to answer is not ahead, or more than thirty days away.
        ConsentMissingError: no consent covers the receiver's service (seed rule 106).
    """
    access.require(state, Action.HAND_OVER_COORDINATION, command.by, now)
    present, receiver = state.around.coordinator_of(command.kind), command.receiver
    if present is None or present.actor != command.by.actor:
        raise NotPermittedError("not-own-coordination")
    if state.open_handover is not None:
        raise HandoverOpenError(extensions={"handover": state.open_handover.ref})
    if receiver.actor == present.actor:
        raise ReceiverIsSenderError
    service = receiver.service
    if service is None or not fits(receiver, profile.coordinator):
        raise CoordinatorUnfitError
    if command.receiver_away:
        raise ReceiverAwayError
    kind = KINDS[HandoverRoute.COORDINATOR]
    respond_by = command.respond_by or add_days(now, kind.answer_within_days)
    if not now < respond_by <= add_days(now, rules.answer_within_days_at_most):
        raise AnswerTimeError
    consent = None
    if not is_home(state, service):
        consent = require_consent(state, service=service, categories=frozenset(), purpose=None, now=now)
    return [
        HandoverSent(
            case=ref_of(state),
            handover=command.handover,
            kind=kind.wire,
            sender=command.by.party(address_protected=state.address_protected),
            receiver=named(receiver, address_protected=state.address_protected),
            basis=rules.basis(OWN_TASK if consent is None else CONSENT, now),
            consent=None if consent is None else consent.ref,
            consent_version=None if consent is None else consent.version,
            package=Package(),
            respond_by=respond_by,
            route=HandoverRoute.COORDINATOR,
            coordination=command.kind,
        )
    ]


def taken(
    case: CaseRef,
    handover: HandoverRef,
    kind: CoordinatorKind,
    receiver: Party,
    *,
    on_behalf: bool,
    by_rule: bool = False,
) -> list[CaseEvent]:
    """Return that the receiver is appointed, and by which handover: from here the sender coordinates no more."""
    return [
        CoordinatorAppointed(case=case, kind=kind, coordinator=receiver),
        HandoverCoordinationAccepted(
            case=case, handover=handover, coordination=kind, on_behalf=on_behalf, by_rule=by_rule
        ),
    ]


class InCharge(Model):
    """Who coordinates what is done for one child: one person, whatever else is agreed."""

    party: Party
    kind: CoordinatorKind | None
    """As what; none: as the holder of the baton (stafettholder)."""


def in_charge(state: CaseState, now: datetime) -> InCharge | None:
    """Return who coordinates the services for this child at `now` (seed rules 100, 122): never nobody, as long as the case goes on.

    The child coordinator has the whole (helse- og omsorgstjenesteloven § 7-2 a), else whoever coordinates the group or the plan,
    each while a consent covers their service; otherwise the holder does. Nobody does when nobody has the case any more.
    """
    for kind in (CoordinatorKind.BARNEKOORDINATOR, CoordinatorKind.ANSVARSGRUPPE):
        party = state.around.coordinator_of(kind)
        service = None if party is None else party.service
        if party is None or service is None or state.holder is None:
            continue
        if is_home(state, service) or state.consent_covering(now, service) is not None:
            return InCharge(party=party, kind=kind)
    return None if state.holder is None else InCharge(party=state.holder, kind=None)


def fits(party: Party, rule: CoordinatorRule) -> bool:
    """Return whether somebody is of the service and the profession that coordinates in this municipality."""
    return party.service is rule.service and party.role in {rule.role, *rule.also}


def is_home(state: CaseState, service: Service) -> bool:
    """Return whether `service` is the holder's own."""
    return state.holder is not None and state.holder.service is service
