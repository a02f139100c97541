"""What was answered to an invitation, as it stands (seed rules 54, 71-73).

`INVITATION` is the table; what is kept is the last answer, and `standing` says where that has led.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime

from services.meetings.errors import DeputyOrReasonMissingError
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role
from shared.contracts.meetings import (
    DeclineReason,
    Deputy,
    InvitationAnswer,
    InvitationAnswered,
    MeetingCalled,
    MeetingRescheduled,
    Seat,
)
from shared.machines import Guard, Lifecycle, When, steps
from shared.refs import ItemRef


class Standing(StrEnum):
    """How an invitation stands. Who was there is what counts afterwards, whatever stands here."""

    ASKED = "asked"
    """Not answered: neither yes nor no."""
    ACCEPTED = "accepted"
    DECLINED = "declined"


INVITATION: Final = Lifecycle(
    name="invitation",
    title="An invitation (innkalling)",
    about="Of a seat, or of one of a child's family. Until the meeting begins the last answer counts; one that is moved asks anew.",
    statuses=Standing,
    steps=(
        *steps((None, *Standing), MeetingCalled, Standing.ASKED),
        *steps(
            Standing,
            InvitationAnswered,
            Standing.ACCEPTED,
            when=When("answer", InvitationAnswer.ACCEPTED, "yes"),
            rules=(12, 71, 72, 73),
        ),
        *steps(
            Standing,
            InvitationAnswered,
            Standing.DECLINED,
            when=When("answer", InvitationAnswer.DECLINED, "no"),
            guards=(Guard("with a duty to attend, a deputy or a reason", DeputyOrReasonMissingError, (54,)),),
            rules=(54,),
        ),
        *steps(Standing, MeetingRescheduled, Standing.ASKED),
    ),
)

_ANSWERED: Final = MappingProxyType(
    {InvitationAnswer.ACCEPTED: Standing.ACCEPTED, InvitationAnswer.DECLINED: Standing.DECLINED}
)


class SeatAnswer(Model):
    """The last answer for one seat."""

    seat: Seat
    answer: InvitationAnswer
    role: Role | None = None
    deputy: Deputy | None = None
    reason: DeclineReason | None = None
    at: AwareDatetime


class FamilyAnswer(Model):
    """The last answer of a guardian or child."""

    item: ItemRef
    """The first named item about the child that the meeting had."""
    role: Role
    ordinal: int
    answer: InvitationAnswer


class Answers(Model):
    """Everything that was answered since the meeting was called or moved."""

    seats: tuple[SeatAnswer, ...] = ()
    family: tuple[FamilyAnswer, ...] = ()

    def of_seat(self, seat: Seat) -> SeatAnswer | None:
        """Return what was answered for the seat."""
        return next((each for each in self.seats if each.seat == seat), None)

    def of_family(self, item: ItemRef, ordinal: int) -> FamilyAnswer | None:
        """Return what that one of the family answered for the item."""
        return next((each for each in self.family if (each.item, each.ordinal) == (item, ordinal)), None)

    def standing(self, seat: Seat) -> Standing:
        """Return how the seat's invitation stands."""
        found = self.of_seat(seat)
        return Standing.ASKED if found is None else _ANSWERED[found.answer]

    def family_standing(self, item: ItemRef, ordinal: int | None) -> Standing:
        """Return how the invitation of that one of the family stands; of one without a number it has never been answered."""
        found = None if ordinal is None else self.of_family(item, ordinal)
        return Standing.ASKED if found is None else _ANSWERED[found.answer]

    def for_item(self, item: ItemRef) -> tuple[FamilyAnswer, ...]:
        """Return what the family answered for the item, the first that answered first."""
        return tuple(sorted((each for each in self.family if each.item == item), key=lambda each: each.ordinal))

    def after(self, event: EventData) -> Answers:
        """Return the answers after `event`."""
        match event:
            case MeetingCalled() | MeetingRescheduled():
                return Answers()
            case InvitationAnswered(seat=Seat() as seat):
                said = SeatAnswer(
                    seat=seat,
                    answer=event.answer,
                    role=event.role,
                    deputy=event.deputy,
                    reason=event.reason,
                    at=event.answered_at,
                )
                others = (each for each in self.seats if each.seat != seat)
                return self.model_copy(update={"seats": (*others, said)})
            case InvitationAnswered(item=str() as item, ordinal=int() as ordinal, role=Role() as role):
                mine = FamilyAnswer(item=item, role=role, ordinal=ordinal, answer=event.answer)
                rest = (each for each in self.family if (each.item, each.ordinal) != (item, ordinal))
                return self.model_copy(update={"family": (*rest, mine)})
            case _:
                return self
