"""The kinds of handover: who may send and receive each, on which basis, whether it takes a form, how long there is to answer.

One table. Of two services and two places exactly one row is the right one (`fitting`), so that a sender who asks for another is
told which; leaving (`staff-leaves`) is the baton's way with a reason. Between barnehage and school it takes the form that the
guardians approved (seed rules 13, 14); from 7th to 8th grade and the like seed rule 18 asks for the basis of each exchange.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from services.cases.errors import HandoverKindError, OrganisationMissingError
from shared.contracts.base import Model
from shared.contracts.cases import HandoverKind, HandoverRoute, Party
from shared.contracts.codes import Service


class SentBy(StrEnum):
    """Who sends."""

    HOLDER = "holder"
    HOLDER_OR_LEADER = "holder-or-leader"
    """The leader of the unit for a holder who is registered as away."""
    COORDINATOR = "coordinator"
    """Whoever coordinates: the coordination is handed over, and the baton is not moved by it."""


class Place(StrEnum):
    """Where the receiver works, seen from the unit that has the case."""

    SAME_UNIT = "same-unit"
    OTHER_UNIT = "other-unit"
    OTHER_MUNICIPALITY = "other-municipality"


class Ground(StrEnum):
    """On what it rests."""

    OWN_TASK = "own-task"
    """The task is the unit's own, and stays there."""
    CONSENT = "consent"
    """A consent for transition to the receiver's service that covers the package."""


class Kind(Model):
    """One row."""

    sent_by: SentBy = SentBy.HOLDER
    senders: frozenset[Service] | None = None
    """The holder's service; none: any."""
    receivers: frozenset[Service] | None = None
    place: Place | None = Place.OTHER_UNIT
    """None: anywhere in the municipality."""
    ground: Ground = Ground.CONSENT
    form: bool = False
    """It is sent with an approved transition form, and in no other way."""
    own_organisation: bool = False
    """The receiver's employer is another one than the municipality, and must be named."""
    answer_within_days: int = 7
    escalate_after_days: int = 0
    """From the time to answer until it lies with the receiver's leader (seed rule 82)."""
    wire: HandoverKind = HandoverKind.UNIT
    """How the first version of the events calls it."""


_BARNEHAGE, _SKOLE = frozenset({Service.BARNEHAGE}), frozenset({Service.SKOLE})
_CHILD_WELFARE, _SPECIALIST = frozenset({Service.BARNEVERN}), frozenset({Service.BUP})
_ALL = frozenset(Service)

KINDS: Mapping[HandoverRoute, Kind] = MappingProxyType(
    {
        HandoverRoute.BATON: Kind(place=Place.SAME_UNIT, ground=Ground.OWN_TASK, wire=HandoverKind.BATON),
        # The time to answer is short: the last day comes anyway, and then the leader has it.
        HandoverRoute.STAFF_LEAVES: Kind(
            sent_by=SentBy.HOLDER_OR_LEADER,
            place=Place.SAME_UNIT,
            ground=Ground.OWN_TASK,
            answer_within_days=3,
            wire=HandoverKind.STAFF_LEAVES,
        ),
        HandoverRoute.UNIT: Kind(receivers=_ALL - _CHILD_WELFARE - _SPECIALIST),
        HandoverRoute.BARNEHAGE_TO_SCHOOL: Kind(
            senders=_BARNEHAGE, receivers=_SKOLE, form=True, wire=HandoverKind.BARNEHAGE_TO_SCHOOL
        ),
        HandoverRoute.SCHOOL_TO_SCHOOL: Kind(
            senders=_SKOLE, receivers=_SKOLE, form=True, wire=HandoverKind.SCHOOL_TO_SCHOOL
        ),
        # A report of concern (barnevernsloven § 13-2) is no handover, needs no consent, and leaves the baton where it is.
        HandoverRoute.TO_CHILD_WELFARE: Kind(receivers=_CHILD_WELFARE),
        HandoverRoute.FROM_CHILD_WELFARE: Kind(senders=_CHILD_WELFARE, receivers=_ALL - _CHILD_WELFARE - _SPECIALIST),
        # The specialist health service is the health trust's: its own organisation, and longer to answer.
        HandoverRoute.TO_SPECIALIST: Kind(receivers=_SPECIALIST, own_organisation=True, answer_within_days=14),
        HandoverRoute.FROM_SPECIALIST: Kind(
            senders=_SPECIALIST,
            receivers=_ALL - _CHILD_WELFARE - _SPECIALIST,
            own_organisation=True,
            answer_within_days=14,
        ),
        HandoverRoute.MUNICIPALITY: Kind(place=Place.OTHER_MUNICIPALITY, answer_within_days=14),
        # Who may receive it is the municipality's rule for an appointment; the consent must cover that service (`coordination.py`).
        HandoverRoute.COORDINATOR: Kind(sent_by=SentBy.COORDINATOR, place=None, wire=HandoverKind.COORDINATOR),
    }
)
"""Every way there is. The last is no way for the baton, and `fitting` never leads to it."""


def fitting(  # noqa: PLR0911 -- one line for each row of the table
    sender: Service | None, receiver: Service | None, place: Place
) -> HandoverRoute:
    """Return the one kind that leads from a holder of `sender` to `receiver` there."""
    if place is not Place.OTHER_UNIT:
        return HandoverRoute.MUNICIPALITY if place is Place.OTHER_MUNICIPALITY else HandoverRoute.BATON
    match sender, receiver:
        case _, Service.BARNEVERN:
            return HandoverRoute.TO_CHILD_WELFARE
        case _, Service.BUP:
            return HandoverRoute.TO_SPECIALIST
        case Service.BARNEVERN, _:
            return HandoverRoute.FROM_CHILD_WELFARE
        case Service.BUP, _:
            return HandoverRoute.FROM_SPECIALIST
        case Service.BARNEHAGE, Service.SKOLE:
            return HandoverRoute.BARNEHAGE_TO_SCHOOL
        case Service.SKOLE, Service.SKOLE:
            return HandoverRoute.SCHOOL_TO_SCHOOL
        case _:
            return HandoverRoute.UNIT


def needs_form(sender: Service | None, receiver: Service | None, place: Place) -> bool:
    """Return whether it takes an approved form, wherever the school is (seed rules 13, 14)."""
    elsewhere = place is Place.OTHER_MUNICIPALITY
    return KINDS[fitting(sender, receiver, Place.OTHER_UNIT if elsewhere else place)].form


def require_kind(route: HandoverRoute, sender: Party, receiver: Party, place: Place) -> Kind:
    """Return the row of `route`, if it is the way from this sender to this receiver.

    Raises:
        HandoverKindError: it is another kind; the error says which.
        OrganisationMissingError: the receiver's employer is another one, and is not named.
    """
    right = fitting(sender.service, receiver.service, place)
    allowed = {right, HandoverRoute.STAFF_LEAVES} if right is HandoverRoute.BATON else {right}
    if route not in allowed:
        raise HandoverKindError(extensions={"kind": right.value})
    kind = KINDS[route]
    if kind.own_organisation and receiver.organisation is None:
        raise OrganisationMissingError
    return kind
