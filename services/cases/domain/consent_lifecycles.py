"""The life cycles of a consent and of an override of confidentiality, as tables; see `lifecycles.py`."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.course_lifecycles import CASE_IS_OPEN
from services.cases.domain.state import ConsentStatus, OverrideStatus
from shared.contracts import cases as events
from shared.machines import Deadline, Guard, Lifecycle, Step, When, steps

_S = ConsentStatus
_HOLDER_ASKS = Guard("the unit that holds the baton asks", errors.NotPermittedError, (5,))
_HEARD = Guard("the child, unless of age, has been heard before it", errors.ChildViewMissingError, (99,))
_KNOWN = Guard("those who must grant are known", errors.NotAGrantorError)
_GRANTOR = (
    Guard("it waits for an answer", errors.ConsentNotOpenError),
    Guard("the consent is asked for from this grantor", errors.NotAGrantorError),
    Guard("recorded for somebody else, a note says how it was given", errors.EvidenceMissingError),
)
_GRANTING = (*_GRANTOR, Guard("this grantor has not granted before", errors.AlreadyAnsweredError))
_REFUSING = (*_GRANTOR, Guard("this grantor has not refused before", errors.AlreadyRefusedError))
_BY_ONE = When("active", value=False, says="by one of them")
_BY_LAST = When("active", value=True, says="by the last of them")
_THE_REQUEST = When("renewal", value=False, says="the request")
_NEXT_PERIOD = When("renewal", value=True, says="the next period only")
_ASKED = (_S.REQUESTED, _S.REFUSED, _S.DISAGREED)
_USED = (_S.ACTIVE, _S.SUSPENDED)
_RENEWABLE = (*_USED, _S.EXPIRED)

CONSENT: Final = Lifecycle(
    name="consent",
    title="The consent (samtykke)",
    about="For services, never persons: services x categories x purposes, within a period. In force only when all who must "
    "have granted; any one of them may end it, at any moment, wholly or in part.",
    statuses=ConsentStatus,
    steps=(
        Step(
            None,
            events.ConsentRequested,
            _S.REQUESTED,
            guards=(
                CASE_IS_OPEN,
                _HOLDER_ASKS,
                Guard(
                    "to services of another municipality, it is for the transition there",
                    errors.ConsentElsewhereError,
                    (18,),
                ),
                Guard("there is one with that number", errors.MunicipalityUnknownError, (107,)),
                Guard("it says of no protected child where it moves", errors.MoveProtectedError),
                _HEARD,
                Guard("its last day is not past", errors.ConsentPeriodError),
                _KNOWN,
            ),
            rules=(4, 5),
        ),
        # A request is answered; a no beside a yes is a disagreement, which whoever said no may end.
        *steps(_ASKED, events.ConsentGranted, _S.REQUESTED, when=_BY_ONE, guards=_GRANTING, rules=(4,)),
        *steps(_ASKED, events.ConsentGranted, _S.ACTIVE, when=_BY_LAST, guards=_GRANTING, rules=(4,)),
        *steps(_ASKED, events.ConsentRefused, _S.REFUSED, guards=_REFUSING),
        *steps(_ASKED, events.ConsentDisagreed, _S.DISAGREED, rules=(4,)),
        *steps((_S.REQUESTED, _S.DISAGREED), events.ConsentLapsed, _S.LAPSED, when=_THE_REQUEST),
        # In use: the next period is asked for and granted, or those who must consent now confirm it.
        *(Step(one, events.ConsentExpiring, one) for one in _USED),
        *(
            Step(
                one,
                events.ConsentRenewalRequested,
                one,
                guards=(
                    CASE_IS_OPEN,
                    _HOLDER_ASKS,
                    Guard("the next period is not asked for already", errors.RenewalOpenError),
                    Guard("it ends after the present one", errors.ConsentPeriodError),
                    _HEARD,
                    _KNOWN,
                ),
                rules=(4, 5),
            )
            for one in _RENEWABLE
        ),
        *(Step(one, events.ConsentGranted, one, when=_BY_ONE, guards=_GRANTING) for one in _RENEWABLE),
        *steps(_RENEWABLE, events.ConsentGranted, _S.ACTIVE, when=_BY_LAST, guards=_GRANTING, rules=(4,)),
        *(Step(one, events.ConsentRefused, one, guards=_REFUSING) for one in _RENEWABLE),
        *(Step(one, events.ConsentLapsed, one, when=_NEXT_PERIOD) for one in _RENEWABLE),
        Step(_S.ACTIVE, events.ConsentRenewed, _S.ACTIVE, rules=(4,)),
        # It is asked anew who may consent.
        *steps((_S.REQUESTED, _S.DISAGREED), events.ConsentReassessmentDue, _S.REQUESTED),
        *(Step(one, events.ConsentReassessmentDue, one) for one in _USED),
        *steps((_S.REQUESTED, *_USED), events.ConsentConfirmed, _S.ACTIVE),
        Step(_S.ACTIVE, events.ConsentSuspended, _S.SUSPENDED),
        # It is taken away.
        *(
            Step(
                one,
                events.ConsentNarrowed,
                one,
                guards=(
                    *_GRANTOR,
                    Guard("the consent holds what is to end", errors.NothingToWithdrawError),
                    Guard("services, categories or purposes: one kind at a time", errors.WithdrawalTooFineError),
                ),
            )
            for one in _USED
        ),
        *steps((_S.REQUESTED, _S.DISAGREED, *_USED), events.ConsentWithdrawn, _S.WITHDRAWN, guards=_GRANTOR),
        *steps(_USED, events.ConsentExpired, _S.EXPIRED),
    ),
    terminal=frozenset({_S.LAPSED, _S.WITHDRAWN}),
    deadlines=(
        Deadline(
            _USED,
            "its last day, in Norway; no look rests on it after that day, whether or not this has happened",
            then=events.ConsentExpired,
        ),
        Deadline(_USED, "a warning before its last day", then=events.ConsentExpiring),
        Deadline(
            (_S.REQUESTED, _S.DISAGREED),
            "the time to answer; for a disagreement, the last day of what was asked for",
            then=events.ConsentLapsed,
            rules=(4,),
        ),
        Deadline((_S.ACTIVE,), "the time to confirm it, for those who must consent now", then=events.ConsentSuspended),
    ),
)

_REVIEW = (
    Guard("the leader of the unit judges it", errors.NotPermittedError),
    Guard("who judges it did not make it", errors.OwnOverrideError),
    Guard("it has not been judged before", errors.OverrideReviewedError),
)
_AWAITING = (OverrideStatus.AWAITS_REVIEW, OverrideStatus.REVIEW_OVERDUE)

OVERRIDE: Final = Lifecycle(
    name="override",
    title="Sharing by law (unntak fra taushetsplikt)",
    about="On a section that carries it, for a reason, with some services, until a day; a leader judges it afterwards.",
    statuses=OverrideStatus,
    steps=(
        Step(
            None,
            events.ConsentOverridden,
            OverrideStatus.AWAITS_REVIEW,
            guards=(
                CASE_IS_OPEN,
                Guard("the unit that holds the baton decides on it", errors.NotPermittedError),
                Guard("the section lets confidentiality be overridden", errors.BasisNoOverrideError),
                Guard("it is open to these services", errors.BasisNotOpenError),
                Guard("it ends within what the section allows", errors.OverridePeriodError),
                Guard("a leader judges it within the time for that", errors.ReviewTimeError),
                Guard("the child was heard, or a reason says why not", errors.ChildViewMissingError, (99,)),
            ),
        ),
        Step(OverrideStatus.AWAITS_REVIEW, events.ConsentOverrideReviewOverdue, OverrideStatus.REVIEW_OVERDUE),
        *steps(_AWAITING, events.ConsentOverrideReviewed, OverrideStatus.REVIEWED, guards=_REVIEW),
        # That it may no longer be used has nothing to do with whether it was judged.
        *(Step(one, events.ConsentOverrideEnded, one) for one in _AWAITING),
        Step(OverrideStatus.REVIEWED, events.ConsentOverrideEnded, OverrideStatus.ENDED),
    ),
    terminal=frozenset({OverrideStatus.ENDED}),
    deadlines=(
        Deadline(
            (OverrideStatus.AWAITS_REVIEW,),
            "the time for a leader to judge it",
            then=events.ConsentOverrideReviewOverdue,
        ),
        Deadline(
            (*_AWAITING, OverrideStatus.REVIEWED),
            "its last day, in Norway; no look rests on it after that day",
            then=events.ConsentOverrideEnded,
        ),
    ),
)
