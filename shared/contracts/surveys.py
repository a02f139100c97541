"""What the meetings service publishes of surveys after meetings: that one is open, and what a whole term gave; never an answer.

That somebody has answered is no event: its time and its place in an order would tell who it was.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.codes import Service
from shared.contracts.meetings import TOPIC
from shared.refs import MeetingRefField, SurveyRefField, SurveyRoundRefField, UnitIdField

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]


class SurveyEvent(EventData):
    """An event of the survey after one meeting (seed rules 74, 152, 153)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "survey"

    survey: SurveyRefField
    meeting: MeetingRefField
    form: Code
    """Which of the profile's surveys it is."""


class SurveyOpened(SurveyEvent):
    """A meeting was held, and each who was there may answer once, with the ticket that they are handed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey.opened.v1"

    round: SurveyRoundRefField
    """Where its answers are counted, with those of the term's other meetings."""
    questions: tuple[Code, ...] = Field(min_length=1)
    services: frozenset[Service]
    """Those that were there."""
    units: frozenset[UnitIdField] = frozenset()
    closes_at: Moment


class SurveyClosed(SurveyEvent):
    """Nobody answers it any more; how many have is not told."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey.closed.v1"


class QuestionResult(Model):
    """What a question gave."""

    question: Code
    mean_tenths: int = Field(ge=10, le=50)
    """The mean of the answers from 1 to 5, in tenths: 43 is 4.3."""


class SurveyRoundCompleted(EventData):
    """What a survey gave in a term, in all of the municipality's meetings; of too few answers nothing, and they are not kept."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.survey-round.completed.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "round"

    round: SurveyRoundRefField
    form: Code
    first: date
    last: date
    """The term, both days included."""
    answers: int | None = Field(default=None, ge=5)
    """How many; absent: too few to be shown."""
    results: tuple[QuestionResult, ...] = ()


EVENTS: tuple[type[EventData], ...] = (SurveyOpened, SurveyClosed, SurveyRoundCompleted)
