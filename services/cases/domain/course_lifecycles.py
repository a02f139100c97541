"""The life cycles of the case, of whether it may be spoken of by name, and of a concern, as tables; see `lifecycles.py`."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.state import ConcernStatus, Stage
from shared.contracts import cases as events
from shared.contracts import moved, safekeeping
from shared.machines import Deadline, Guard, Lifecycle, Step, steps

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
                Guard("for coming of age, the child is of age", errors.ChildNotOfAgeError),
            ),
        ),
        Step(
            Stage.CLOSED,
            events.CaseReopened,
            Stage.OPEN,
            guards=(
                Guard("the last holder does it, or the leader of that unit", errors.NotPermittedError),
                Guard(
                    "of a child whose address is protected, at work in the unit that has it", errors.NotPermittedError
                ),
                Guard("it was not closed because it moved", errors.CaseGoesOnElsewhereError),
            ),
            rules=(79, 144),
        ),
        *steps((Stage.RESOLVED, Stage.CLOSED), safekeeping.CaseErased, Stage.ERASED),
        Step(
            Stage.UNKNOWN,
            safekeeping.CaseContinued,
            Stage.OPEN,
            guards=(Guard("no report to child welfare waits to go", errors.ReportOnItsWayError, (93,)),),
        ),
        Step(Stage.UNKNOWN, moved.CaseReceived, Stage.CONCERN, rules=(18,)),
    ),
    terminal=frozenset({Stage.ERASED}),
    deadlines=(
        Deadline((Stage.CONCERN,), "act on the concern, or lift it", within="act_within_days", rules=(79,)),
        Deadline(
            (Stage.OPEN,),
            "decide what is to be done, from the opening or reopening",
            within="decide_within_days",
            rules=(144,),
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
