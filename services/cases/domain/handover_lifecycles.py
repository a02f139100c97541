"""The life cycles of a handover and of the transition form that may go with it, as tables; see `lifecycles.py`."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.course_lifecycles import CASE_IS_OPEN, HOLDER_ONLY
from services.cases.domain.state import FormStatus, HandoverStatus
from shared.contracts import cases as events
from shared.contracts import safekeeping
from shared.machines import Deadline, Guard, Lifecycle, Step, When, steps

_UNANSWERED = (HandoverStatus.SENT, HandoverStatus.RECEIVED)
_WAITING = (*_UNANSWERED, HandoverStatus.OVERDUE, HandoverStatus.ESCALATED)
_STILL_WAITS = Guard("it waits for an answer", errors.HandoverNotOpenError)
_ANSWERING = (
    _STILL_WAITS,
    Guard("the receiver answers, or the receiver's leader on behalf", errors.NotPermittedError, (107,)),
    Guard("the sender does not answer its own", errors.SenderCannotAcceptError),
)

HANDOVER: Final = Lifecycle(
    name="handover",
    title="The handover (overføring)",
    about="The sender holds the baton until the receiver has accepted; with the coordination, the sender coordinates until then.",
    statuses=HandoverStatus,
    steps=(
        Step(
            None,
            events.HandoverProposed,
            HandoverStatus.PROPOSED,
            guards=(
                CASE_IS_OPEN,
                HOLDER_ONLY,
                Guard("it goes to somebody else", errors.ReceiverIsSenderError),
                Guard("its kind is the one that leads there", errors.HandoverKindError, (107,)),
            ),
        ),
        *steps(
            (None, HandoverStatus.PROPOSED),
            events.HandoverSent,
            HandoverStatus.SENT,
            guards=(
                CASE_IS_OPEN,
                Guard(
                    "whoever sends it holds the baton, or leads the unit of a holder who is away; "
                    "the coordination, whoever coordinates",
                    errors.NotPermittedError,
                ),
                Guard("for another, that one is registered as away", errors.HolderNotAwayError, (107,)),
                Guard("no other waits for an answer, of the baton or the coordination", errors.HandoverOpenError),
                Guard("the coordination goes to somebody who may be appointed", errors.CoordinatorUnfitError, (23, 97)),
                Guard("it goes to somebody else", errors.ReceiverIsSenderError),
                Guard("the receiver is not away", errors.ReceiverAwayError, (107,)),
                Guard("its kind is the one that leads there", errors.HandoverKindError, (107,)),
                Guard("another employer's organisation is named", errors.OrganisationMissingError),
                Guard("out of the municipality, no measure is left open", errors.MeasureUnfinishedError),
                Guard(
                    "out of the municipality, there is one with that number", errors.MunicipalityUnknownError, (107,)
                ),
                Guard("the time to answer lies ahead, at most thirty days", errors.AnswerTimeError, (107,)),
                Guard(
                    "the package holds no more than the sender does, or an approved form says it",
                    errors.OutsideHoldingError,
                ),
                Guard("out of the unit, a consent for transition covers it", errors.ConsentMissingError, (4, 18)),
                Guard("sharing by law is no consent to hand over", errors.OverrideNoHandoverError, (4, 18)),
                Guard("between barnehage and school it is an approved form", errors.HandoverNeedsFormError, (13, 14)),
            ),
            rules=(107,),
        ),
        *steps(_UNANSWERED, events.HandoverReceived, HandoverStatus.RECEIVED),
        # A receipt after the time was out does not make it less overdue; of a document it may come after the acceptance.
        *(
            Step(status, events.HandoverReceived, status)
            for status in (HandoverStatus.OVERDUE, HandoverStatus.ESCALATED, HandoverStatus.ACCEPTED)
        ),
        *steps(
            _WAITING,
            events.HandoverAccepted,
            HandoverStatus.ACCEPTED,
            guards=(
                *_ANSWERING,
                Guard("what it rests on still stands", errors.ConsentMissingError, (4,)),
                Guard("nobody accepts it for a receiver who is away", errors.ReceiverAwayError, (107,)),
                Guard("the receiver works where it was sent", errors.ReceiverElsewhereError),
            ),
        ),
        *steps(
            _WAITING,
            events.HandoverCoordinationAccepted,
            HandoverStatus.COMPLETED,
            guards=(
                *_ANSWERING,
                Guard("what it rests on still stands", errors.ConsentMissingError, (4,)),
                Guard("nobody accepts it for a receiver who is away", errors.ReceiverAwayError, (107,)),
                Guard("of the group, the child is not of age, or has a plan", errors.ChildOfAgeError, (24,)),
            ),
            rules=(23, 37, 97, 107),
        ),
        *steps(
            _WAITING,
            events.HandoverTransferred,
            HandoverStatus.COMPLETED,
            guards=(*_ANSWERING, Guard("no concern waits for an action", errors.ConcernOpenError, (79,))),
        ),
        Step(HandoverStatus.ACCEPTED, events.HandoverCompleted, HandoverStatus.COMPLETED),
        *steps(_WAITING, events.HandoverRejected, HandoverStatus.REJECTED, guards=_ANSWERING),
        *steps(
            (HandoverStatus.PROPOSED, *_WAITING),
            events.HandoverWithdrawn,
            HandoverStatus.WITHDRAWN,
            guards=(_STILL_WAITS, Guard("whoever sent it, or holds the baton", errors.NotPermittedError)),
        ),
        *steps(_WAITING, events.HandoverCancelled, HandoverStatus.CANCELLED, rules=(4,)),
        *steps(_UNANSWERED, events.HandoverOverdue, HandoverStatus.OVERDUE, rules=(107,)),
        Step(HandoverStatus.OVERDUE, events.HandoverEscalated, HandoverStatus.ESCALATED, rules=(82, 107)),
    ),
    terminal=frozenset(
        {HandoverStatus.COMPLETED, HandoverStatus.REJECTED, HandoverStatus.WITHDRAWN, HandoverStatus.CANCELLED}
    ),
    deadlines=(
        Deadline(
            _UNANSWERED,
            "answer it; the time is its kind's, unless the sender says another",
            then=events.HandoverOverdue,
            rules=(107,),
        ),
        Deadline(
            (HandoverStatus.OVERDUE,),
            "it lies with the leader of the receiver's unit",
            then=events.HandoverEscalated,
            rules=(82, 107),
        ),
    ),
)

_NOT_GONE = Guard("the form has not been sent", errors.FormSentError)
_APPROVABLE = (
    Guard("it is the present version", errors.FormVersionError, (14,)),
    Guard("this guardian has not approved it before", errors.AlreadyAnsweredError),
    _NOT_GONE,
)

FORM: Final = Lifecycle(
    name="transition-form",
    title="The transition form (overgangsskjema)",
    about="Sent only in the very version that all guardians have approved; a sending that comes to nothing leaves it approved.",
    statuses=FormStatus,
    steps=(
        *steps(
            (None, FormStatus.DRAFTED, FormStatus.APPROVED),
            events.TransitionFormDrafted,
            FormStatus.DRAFTED,
            guards=(CASE_IS_OPEN, HOLDER_ONLY, _NOT_GONE),
            rules=(13,),
        ),
        Step(
            FormStatus.DRAFTED,
            events.TransitionFormApproved,
            FormStatus.DRAFTED,
            when=When("complete", value=False, says="by one of them"),
            guards=_APPROVABLE,
            rules=(14,),
        ),
        Step(
            FormStatus.DRAFTED,
            events.TransitionFormApproved,
            FormStatus.APPROVED,
            when=When("complete", value=True, says="by the last of them"),
            guards=_APPROVABLE,
            rules=(14,),
        ),
        Step(
            FormStatus.APPROVED,
            events.TransitionFormSent,
            FormStatus.SENT,
            guards=(
                HOLDER_ONLY,
                Guard("all guardians have approved this version", errors.FormNotApprovedError, (14,)),
            ),
            rules=(13, 14),
        ),
        # Somebody else must approve it now.
        *steps(
            (FormStatus.DRAFTED, FormStatus.APPROVED), safekeeping.GuardiansChanged, FormStatus.DRAFTED, rules=(14,)
        ),
        Step(FormStatus.SENT, events.TransitionFormReceived, FormStatus.RECEIVED, rules=(13,)),
        *(
            step
            for event in (events.HandoverRejected, events.HandoverWithdrawn, events.HandoverCancelled)
            for step in steps((FormStatus.SENT, FormStatus.RECEIVED), event, FormStatus.APPROVED)
        ),
    ),
)
