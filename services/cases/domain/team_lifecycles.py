"""The life cycles of the work around the child, as data: what a service was asked for, the individual plan, a concern report."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.around import ContributionStatus, PlanStatus, ReportStatus
from shared.contracts import reports
from shared.contracts import team as events
from shared.machines import Deadline, Guard, Lifecycle, Step, When, steps

_COORDINATES = Guard("whoever does it holds the baton or coordinates", errors.NotPermittedError)
_WANTED = Guard(
    "the guardians or the child want it: signed in, or noted with how it was said", errors.EvidenceMissingError
)

CONTRIBUTION: Final = Lifecycle(
    name="contribution",
    title="The request to contribute (bidrag)",
    about="A service is asked to take part, by name inside a consent or anonymously without one. It must; only its leader says no.",
    statuses=ContributionStatus,
    steps=(
        Step(
            None,
            events.ContributionRequested,
            ContributionStatus.REQUESTED,
            guards=(
                _COORDINATES,
                Guard("it is another service than the holder's own", errors.AsksItselfError),
                Guard("a barnehage or school is named", errors.UnitMissingError),
                Guard(
                    "of a child whose address is protected, no barnehage or school is asked", errors.UnitUntellableError
                ),
                Guard("it has not been asked already", errors.ContributionOpenError),
                Guard("asked by name, a consent covers it", errors.ConsentMissingError, (4, 106)),
                Guard("asked anonymously, the words lead to nobody", errors.NotAnonymousError, (2,)),
            ),
            rules=(82, 96, 98, 116),
        ),
        *steps(
            (ContributionStatus.REQUESTED, ContributionStatus.OVERDUE, ContributionStatus.ESCALATED),
            events.ContributionAccepted,
            ContributionStatus.ACCEPTED,
            guards=(Guard("somebody of that service, for it", errors.NotPermittedError, (71, 72)),),
            rules=(82,),
        ),
        *steps(
            (ContributionStatus.REQUESTED, ContributionStatus.OVERDUE, ContributionStatus.ESCALATED),
            events.ContributionDeclined,
            ContributionStatus.DECLINED,
            guards=(Guard("its leader, with a reason", errors.LeaderMustDeclineError, (82,)),),
            rules=(82,),
        ),
        Step(ContributionStatus.REQUESTED, events.ContributionOverdue, ContributionStatus.OVERDUE, rules=(102,)),
        Step(ContributionStatus.OVERDUE, events.ContributionEscalated, ContributionStatus.ESCALATED, rules=(82, 95)),
        *steps(
            (
                ContributionStatus.REQUESTED,
                ContributionStatus.OVERDUE,
                ContributionStatus.ESCALATED,
                ContributionStatus.ACCEPTED,
            ),
            events.ContributionEnded,
            ContributionStatus.ENDED,
        ),
    ),
    terminal=frozenset({ContributionStatus.DECLINED, ContributionStatus.ENDED}),
    deadlines=(
        Deadline(
            (ContributionStatus.REQUESTED,),
            "answer, by the time asked for",
            then=events.ContributionOverdue,
            rules=(82, 102),
        ),
        Deadline(
            (ContributionStatus.OVERDUE,),
            "answer, before it is the leader's",
            then=events.ContributionEscalated,
            rules=(82, 95),
        ),
    ),
)

PLAN: Final = Lifecycle(
    name="plan",
    title="The individual plan (individuell plan)",
    about="Made because the family wants it, coordinated by the health nurse or whoever is appointed, and written by the approved "
    "minutes of its group.",
    statuses=PlanStatus,
    steps=(
        Step(
            None,
            events.PlanRequested,
            PlanStatus.REQUESTED,
            guards=(_WANTED, Guard("there is none yet", errors.PlanExistsError)),
            rules=(36,),
        ),
        Step(
            PlanStatus.REQUESTED,
            events.PlanStarted,
            PlanStatus.STARTED,
            guards=(
                Guard("whoever coordinates begins it", errors.NotPermittedError, (23, 37)),
                Guard("the family asked for it", errors.PlanNotRequestedError, (36,)),
                Guard("the child was heard, or a reason is noted", errors.ChildViewMissingError, (99,)),
            ),
            rules=(37,),
        ),
        Step(PlanStatus.STARTED, events.PlanUpdated, PlanStatus.STARTED, rules=(38,)),
        *steps((PlanStatus.REQUESTED, PlanStatus.STARTED), events.PlanClosed, PlanStatus.CLOSED),
    ),
    terminal=frozenset({PlanStatus.CLOSED}),
)

_ANSWERS = tuple(
    step
    for kind, end in (
        ("received", ReportStatus.ANSWERED),
        ("investigating", ReportStatus.ANSWERED),
        ("dismissed", ReportStatus.CONCLUDED),
        ("investigation-ended", ReportStatus.CONCLUDED),
    )
    for step in steps(
        (ReportStatus.SENT, ReportStatus.RECEIVED, ReportStatus.POSTED, ReportStatus.ANSWERED),
        reports.ConcernReportFeedback,
        end,
        when=When("kind", kind, says=kind.replace("-", " ")),
        guards=(Guard("a letter has been posted before it is answered", errors.ReportNotPostedError),),
        rules=(93,),
    )
)
_WAITING = (ReportStatus.SENT, ReportStatus.TO_POST, ReportStatus.RECEIVED, ReportStatus.POSTED)

CONCERN_REPORT: Final = Lifecycle(
    name="concern-report",
    title="The concern report (bekymringsmelding)",
    about="A duty before confidentiality: no consent is needed, and none can stop it. What was sent ends in an answer, or in "
    "somebody being told that there is none.",
    statuses=ReportStatus,
    steps=(
        Step(
            None,
            reports.ConcernReportSent,
            ReportStatus.SENT,
            when=When("channel", "digital", says="there is a digital channel"),
            guards=(
                Guard("one of the law's grounds", errors.GroundUnknownError, (93,)),
                Guard("the guardians are told, or telling them is dangerous", errors.GuardiansReasonError, (192,)),
                Guard("the child was heard, or a reason is noted", errors.ChildViewMissingError, (99,)),
            ),
            rules=(93, 192),
        ),
        Step(
            None,
            reports.ConcernReportSent,
            ReportStatus.TO_POST,
            when=When("channel", "letter", says="there is none"),
            rules=(93, 192),
        ),
        Step(ReportStatus.SENT, reports.ConcernReportReceived, ReportStatus.RECEIVED, rules=(93,)),
        Step(ReportStatus.SENT, reports.ConcernReportFailed, ReportStatus.TO_POST, rules=(93,)),
        Step(ReportStatus.TO_POST, reports.ConcernReportPosted, ReportStatus.POSTED, rules=(93,)),
        *_ANSWERS,
        *(step for one in _WAITING for step in steps((one,), reports.ConcernReportUnanswered, one, rules=(93,))),
    ),
    terminal=frozenset({ReportStatus.CONCLUDED}),
    deadlines=(
        Deadline(
            (ReportStatus.SENT,), "receipt, while the channel is tried", then=reports.ConcernReportFailed, rules=(93,)
        ),
        Deadline(
            _WAITING,
            "an answer within three weeks (barnevernsloven § 13-3)",
            then=reports.ConcernReportUnanswered,
            rules=(93,),
        ),
    ),
)
