"""The life cycles of a case's parts, as data: what may happen in which status, and where it leads.

A new part is one declaration more, and its name in `LIFECYCLES`: `evolution.py` asks its table, `docs/cases.md` gets a section
with a picture (`make machines`), and `tests/property/test_cases_lifecycles.py` holds it to what every table promises.
"""

from __future__ import annotations

from typing import Any, Final

from services.cases import errors
from services.cases.domain.consent_lifecycles import CONSENT, OVERRIDE
from services.cases.domain.kept import GlassStatus
from services.cases.domain.lifecycle import Deadline, Guard, Lifecycle, Step, When, steps
from services.cases.domain.state import (
    ConcernStatus,
    FormStatus,
    HandoverStatus,
    MeasureStatus,
    OverlapStatus,
    Stage,
)
from services.cases.domain.team_lifecycles import CONCERN_REPORT, CONTRIBUTION, PLAN
from shared.contracts import cases as events
from shared.contracts import moved, safekeeping

CASE_IS_OPEN: Final = Guard("the case is open", errors.CaseNotOpenError)
HOLDER_ONLY: Final = Guard("whoever does it holds the baton", errors.NotPermittedError)

CASE: Final = Lifecycle(
    name="case",
    title="The case (sak)",
    about="The course of the whole. One holder (stafettholder) while it is a concern or open, and never two.",
    statuses=Stage,
    initial=Stage.UNKNOWN,
    steps=(
        Step(
            Stage.UNKNOWN,
            events.ConcernRegistered,
            Stage.CONCERN,
            guards=(Guard("an employee of a unit registers it", errors.NotStaffError, (78,)),),
            rules=(78, 79, 103),
        ),
        Step(Stage.CONCERN, events.ConcernResolvedLocally, Stage.RESOLVED, guards=(HOLDER_ONLY,), rules=(80, 81)),
        Step(Stage.CONCERN, events.CaseOpened, Stage.OPEN, guards=(HOLDER_ONLY,), rules=(80, 81, 144, 181)),
        Step(
            Stage.OPEN,
            events.CaseClosed,
            Stage.CLOSED,
            guards=(
                HOLDER_ONLY,
                Guard("no handover waits for an answer", errors.HandoverOpenError),
                Guard("every measure has been evaluated and stopped", errors.MeasureUnfinishedError, (88,)),
                Guard("no concern waits for an action", errors.ConcernOpenError, (79,)),
            ),
        ),
        Step(
            Stage.CLOSED,
            events.CaseReopened,
            Stage.OPEN,
            guards=(Guard("the last holder does it, or the leader of that unit", errors.NotPermittedError),),
        ),
        *steps((Stage.RESOLVED, Stage.CLOSED), safekeeping.CaseErased, Stage.ERASED),
        Step(Stage.UNKNOWN, safekeeping.CaseContinued, Stage.OPEN),
        Step(Stage.UNKNOWN, moved.CaseReceived, Stage.CONCERN, rules=(18,)),
    ),
    terminal=frozenset({Stage.ERASED}),
    deadlines=(
        Deadline((Stage.CONCERN,), "act on the concern, or lift it", within="act_within_days", rules=(79,)),
        Deadline(
            (Stage.OPEN,), "decide what is to be done, from the opening", within="decide_within_days", rules=(144,)
        ),
        Deadline((Stage.OPEN,), "meet, from a step up to level 2 or 3", within="meet_within_days", rules=(68,)),
    ),
)

MODE: Final = Lifecycle(
    name="mode",
    title="Anonymous or by name",
    about="Whether the case may be spoken of by name outside the unit that holds it; anonymous until a consent says otherwise.",
    statuses=events.Mode,
    initial=events.Mode.ANONYMOUS,
    steps=(
        Step(events.Mode.ANONYMOUS, events.CaseOpened, events.Mode.ANONYMOUS, rules=(2,)),
        Step(
            events.Mode.ANONYMOUS,
            events.CaseIdentified,
            events.Mode.IDENTIFIED,
            guards=(Guard("a consent has just been granted by all who must", errors.ConsentMissingError, (2, 4)),),
            rules=(2, 4),
        ),
        Step(events.Mode.IDENTIFIED, events.CaseAnonymised, events.Mode.ANONYMOUS, rules=(2, 4)),
    ),
)

CONCERN: Final = Lifecycle(
    name="concern",
    title="The concern (uro)",
    about="Solved by those nearest the child, or lifted to where the right competence is. It may not rest.",
    statuses=ConcernStatus,
    steps=(
        Step(None, events.ConcernRegistered, ConcernStatus.REGISTERED, rules=(78, 79, 103, 180)),
        Step(
            None,
            events.ConcernJoined,
            ConcernStatus.REGISTERED,
            guards=(Guard("whoever registers it may know of the case there is", errors.NotInvolvedError),),
            rules=(49, 79),
        ),
        Step(
            ConcernStatus.REGISTERED,
            events.ConcernResolvedLocally,
            ConcernStatus.RESOLVED,
            guards=(Guard("it has not been acted on before", errors.ConcernSettledError),),
            rules=(80, 81),
        ),
        Step(
            ConcernStatus.REGISTERED,
            events.ConcernEscalated,
            ConcernStatus.LIFTED,
            guards=(Guard("it has not been acted on before", errors.ConcernSettledError),),
            rules=(81,),
        ),
        Step(None, safekeeping.CaseContinued, ConcernStatus.LIFTED),
        Step(None, moved.CaseReceived, ConcernStatus.LIFTED, rules=(18,)),
    ),
    terminal=frozenset({ConcernStatus.RESOLVED, ConcernStatus.LIFTED}),
    deadlines=(Deadline((ConcernStatus.REGISTERED,), "act on it, or lift it", within="act_within_days", rules=(79,)),),
)

_RUNS = Guard("it has not ended", errors.MeasureStoppedError)
_CHANGING = (
    _RUNS,
    Guard("something is changed", errors.NothingChangedError),
    Guard("its next evaluation lies ahead, not too far", errors.EvaluationDateError, (89,)),
    Guard("a new owner has the baton or is inside a consent", errors.ConsentMissingError, (4, 26)),
)
_EXPLAINING = (Guard("the measure is one of them, and not explained yet", errors.OverlapSettledError),)

MEASURE: Final = Lifecycle(
    name="measure",
    title="The measure (tiltak)",
    about="Each has an owner, a goal, an indicator and an evaluation date. What does not work is stopped or changed.",
    statuses=MeasureStatus,
    steps=(
        Step(
            None,
            events.MeasurePlanned,
            MeasureStatus.OPEN,
            guards=(
                CASE_IS_OPEN,
                Guard("it is an offer of the municipality", errors.OfferUnknownError, (182,)),
                Guard("it has not been discarded", errors.OfferRetiredError, (166,)),
                Guard("it belongs to the case's level, or below", errors.OfferAboveLevelError, (181,)),
                Guard("it is evaluated on a day ahead, not too far", errors.EvaluationDateError, (88, 89)),
                Guard("it did not fail before, or a new reason is given", errors.NoEffectBeforeError, (90,)),
                Guard("its owner has the baton or is inside a consent", errors.ConsentMissingError, (4, 26)),
            ),
            rules=(26, 88, 141),
        ),
        Step(
            MeasureStatus.OPEN,
            events.MeasureStarted,
            MeasureStatus.STARTED,
            guards=(Guard("it has not begun or ended", errors.MeasureStartedError),),
            rules=(88,),
        ),
        *(
            Step(status, events.MeasureChanged, status, guards=_CHANGING, rules=(31, 89))
            for status in (MeasureStatus.OPEN, MeasureStatus.STARTED)
        ),
        *steps(
            (MeasureStatus.OPEN, MeasureStatus.STARTED),
            events.MeasureEvaluated,
            MeasureStatus.STARTED,
            guards=(
                _RUNS,
                Guard("without effect, it is not just continued", errors.MustChangeError, (89, 90)),
                Guard("if it goes on, its next evaluation lies ahead", errors.EvaluationDateError, (89,)),
                Guard("a step up has a level to go to", errors.HighestLevelError, (181,)),
            ),
            rules=(88, 89),
        ),
        *steps(
            (MeasureStatus.OPEN, MeasureStatus.STARTED),
            events.MeasureStopped,
            MeasureStatus.STOPPED,
            guards=(_RUNS, Guard("what has begun was evaluated", errors.NotEvaluatedError, (88, 89))),
            rules=(90, 166),
        ),
    ),
    terminal=frozenset({MeasureStatus.STOPPED}),
    deadlines=(Deadline((MeasureStatus.OPEN, MeasureStatus.STARTED), "its evaluation date", rules=(88, 89)),),
)

OVERLAP: Final = Lifecycle(
    name="overlap",
    title="The suspected overlap (dobbeltarbeid)",
    about="Two units seem to do the same for the child. Both are told, and say what they have found out; it ends when one stops.",
    statuses=OverlapStatus,
    steps=(
        Step(None, events.MeasureOverlapSuspected, OverlapStatus.SUSPECTED, rules=(49, 161)),
        Step(
            OverlapStatus.SUSPECTED,
            events.MeasureOverlapExplained,
            OverlapStatus.SUSPECTED,
            when=When("settled", value=False, says="by one of the owners"),
            guards=_EXPLAINING,
            rules=(49, 161),
        ),
        Step(
            OverlapStatus.SUSPECTED,
            events.MeasureOverlapExplained,
            OverlapStatus.EXPLAINED,
            when=When("settled", value=True, says="by the last of the owners"),
            guards=_EXPLAINING,
            rules=(49, 161),
        ),
        *steps((OverlapStatus.SUSPECTED, OverlapStatus.EXPLAINED), events.MeasureStopped, OverlapStatus.ENDED),
    ),
    terminal=frozenset({OverlapStatus.ENDED}),
)

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
                Guard("the time to answer lies ahead, at most thirty days", errors.AnswerTimeError, (107,)),
                Guard("the package holds no more than the sender does", errors.OutsideHoldingError),
                Guard("out of the unit, a consent for transition covers it", errors.ConsentMissingError, (4, 18)),
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
                Guard("the receiver works where it was sent", errors.ReceiverElsewhereError),
            ),
        ),
        *steps(
            _WAITING,
            events.HandoverCoordinationAccepted,
            HandoverStatus.COMPLETED,
            guards=(*_ANSWERING, Guard("what it rests on still stands", errors.ConsentMissingError, (4,))),
            rules=(23, 37, 97, 107),
        ),
        *steps(_WAITING, events.HandoverTransferred, HandoverStatus.COMPLETED, guards=_ANSWERING),
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
            guards=(
                Guard("it is the present version", errors.FormVersionError, (14,)),
                Guard("this guardian has not approved it before", errors.AlreadyAnsweredError),
                _NOT_GONE,
            ),
            rules=(14,),
        ),
        Step(
            FormStatus.DRAFTED,
            events.TransitionFormApproved,
            FormStatus.APPROVED,
            when=When("complete", value=True, says="by the last of them"),
            guards=(
                Guard("it is the present version", errors.FormVersionError, (14,)),
                Guard("this guardian has not approved it before", errors.AlreadyAnsweredError),
                _NOT_GONE,
            ),
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

GLASS: Final = Lifecycle(
    name="break-glass",
    title="Emergency access (nødtilgang)",
    about="Somebody without a part in the case opened it in an emergency. It closes by itself, and with its review, which "
    "somebody else always owes (pasientjournalloven § 22).",
    statuses=GlassStatus,
    steps=(
        Step(
            None,
            safekeeping.BreakGlassOpened,
            GlassStatus.AWAITED,
            guards=(
                Guard(
                    "the code list lets this role open so much, so long, for this reason", errors.GlassNotAllowedError
                ),
                Guard("a protected child's case is opened with the clearance only", errors.NotInvolvedError),
                Guard("it is not open to the same person already", errors.GlassOpenError),
                Guard("an ordinary part in the case would not show it", errors.GlassUnneededError),
            ),
        ),
        *steps(
            (GlassStatus.AWAITED, GlassStatus.OVERDUE, GlassStatus.ESCALATED),
            safekeeping.BreakGlassReviewed,
            GlassStatus.REVIEWED,
            guards=(
                Guard(
                    "a leader of that unit reviews it, or, once escalated, the privacy officer", errors.NotInvolvedError
                ),
                Guard("nobody reviews their own", errors.OwnReviewError),
                Guard("it was not reviewed before", errors.GlassReviewedError),
            ),
        ),
        Step(GlassStatus.AWAITED, safekeeping.BreakGlassReviewOverdue, GlassStatus.OVERDUE),
        Step(GlassStatus.OVERDUE, safekeeping.BreakGlassReviewEscalated, GlassStatus.ESCALATED),
    ),
    terminal=frozenset({GlassStatus.REVIEWED}),
    deadlines=(
        Deadline((GlassStatus.AWAITED,), "review it", then=safekeeping.BreakGlassReviewOverdue),
        Deadline((GlassStatus.OVERDUE,), "review it after all", then=safekeeping.BreakGlassReviewEscalated),
    ),
)

LIFECYCLES: Final[tuple[Lifecycle[Any], ...]] = (
    CASE,
    MODE,
    CONCERN,
    CONSENT,
    OVERRIDE,
    MEASURE,
    OVERLAP,
    HANDOVER,
    FORM,
    CONTRIBUTION,
    PLAN,
    CONCERN_REPORT,
    GLASS,
)
"""Every life cycle there is, in the order in which readers meet them."""
