"""The life cycles of a measure and of a suspected overlap, as tables; see `lifecycles.py`."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.course_lifecycles import CASE_IS_OPEN
from services.cases.domain.state import MeasureStatus, OverlapStatus
from shared.contracts import cases as events
from shared.machines import Deadline, Guard, Lifecycle, Step, When, steps

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
            guards=(
                _RUNS,
                Guard("what has begun was evaluated, and showed it", errors.NotEvaluatedError, (88, 89, 90)),
            ),
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
