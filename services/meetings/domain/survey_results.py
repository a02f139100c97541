"""What surveys gave, as a report tells it: whole rounds, and of too few answers that they were (seed rules 74, 152, 153)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from services.meetings.domain.undertakings import Survey
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.surveys import SurveyRoundCompleted
from shared.profiles import Text
from shared.terms import Period


class QuestionTold(Model):
    """A question and its mean."""

    question: str
    text: Text
    mean: float | None
    """Of the answers from 1 to 5, with one decimal; null: hidden."""


class RoundTold(Model):
    """What a survey gave in a term."""

    first: date
    last: date
    answers: int | None
    """Null: hidden, for they are too few."""
    questions: tuple[QuestionTold, ...]


class SurveyTold(Model):
    """A survey of the profile, with what it gave."""

    survey: str
    text: Text
    rounds: tuple[RoundTold, ...]
    """Those that ended in the report's term and are counted; none: there was none, or it is not counted yet."""


def told_of(survey: Survey, completed: Iterable[SurveyRoundCompleted], period: Period) -> SurveyTold:
    """Return what the survey gave in the period: each round in the term in which it ended, and in no other."""
    first, after = oslo_day(period.begins), oslo_day(period.ends)
    return SurveyTold(
        survey=survey.code,
        text=survey.text,
        rounds=tuple(
            _round(survey, each) for each in completed if each.form == survey.code and first <= each.last < after
        ),
    )


def _round(survey: Survey, completed: SurveyRoundCompleted) -> RoundTold:
    """Return the round; of fewer answers than the profile says, which is never fewer than any count that is shown, no number."""
    answers = completed.answers
    shown = answers is not None and answers >= survey.least
    means = {each.question: each.mean_tenths / 10 for each in completed.results} if shown else {}
    return RoundTold(
        first=completed.first,
        last=completed.last,
        answers=answers if shown else None,
        questions=tuple(
            QuestionTold(question=each.code, text=each.text, mean=means.get(each.code))
            for each in survey.questions
            if not means or each.code in means
        ),
    )
