"""A term of a municipality, invented: facts of cases and meetings, large enough for something to be shown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from services.meetings.configuration import read_profiles
from services.meetings.domain import reports
from services.meetings.domain.conformity import KnownMeeting, View
from services.meetings.domain.figure_facts import (
    Attended,
    CaseHeld,
    CaseShut,
    ConcernCame,
    ConcernMet,
    ConsentAsked,
    ConsentCame,
    Fact,
    HandoverAnswered,
    HandoverOffered,
    Happened,
    LevelIs,
    MeasureIn,
    MeasureJudged,
)
from services.meetings.domain.profile import Profile
from services.meetings.domain.reports import Content, Known, offers_of
from services.meetings.domain.unit_register import RegisterState
from services.meetings.settings import MeetingsSettings
from shared.contracts.cases import Effect, ForWhom
from shared.contracts.codes import Service
from shared.contracts.meetings import ArenaLevel
from shared.contracts.surveys import QuestionResult, SurveyRoundCompleted
from shared.refs import ConcernRef, ConsentRef, HandoverRef, LogScope, MeasureRef, SurveyRoundRef, UnitId
from shared.terms import Period, term

PROFILES: Final = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)
TYNSET: Final = PROFILES[LogScope("3427")]
SKIEN: Final = PROFILES[LogScope("4003")]


def period(code: str = "2026-autumn") -> Period:
    """Return a term."""
    found = term(code)
    assert found is not None
    return found


def story(profile: Profile, seed: int, cases: int, begins: datetime) -> list[Happened]:
    """Return what happened in so many cases that began in the weeks after that moment, and in some meetings."""
    chance, handed = random.Random(seed), random.Random(seed + 1)
    units = [unit.id for unit in profile.units if unit.kind.value in {"barnehage", "skole"}]
    offers = [*offers_of(profile), "sprakgruppe"]
    told: list[Happened] = []
    for number in range(cases):
        unit, at = chance.choice(units), begins + timedelta(hours=chance.randrange(24 * 120))
        of = f"{seed}-{number}"
        facts: list[tuple[timedelta, Fact]] = [
            (
                timedelta(),
                ConcernCame(
                    concern=ConcernRef(f"con_{of}"),
                    unit=unit,
                    for_whom=chance.choice(list(ForWhom)),
                    act_by=at + timedelta(days=14),
                ),
            ),
            (timedelta(days=chance.choice((2, 5, 9, 13, 20))), ConcernMet(concern=ConcernRef(f"con_{of}"))),
        ]
        if chance.random() < 0.8:
            facts += [
                (timedelta(days=21), CaseHeld(unit=unit, level=chance.choice((1, 1, 2, 3)), opens=True)),
                (timedelta(days=22), ConsentAsked(consent=ConsentRef(f"cst_{of}"), unit=unit)),
                (
                    timedelta(days=24),
                    ConsentCame(
                        consent=ConsentRef(f"cst_{of}"), outcome=chance.choice(("granted", "granted", "refused"))
                    ),
                ),
                (
                    timedelta(days=25),
                    MeasureIn(
                        measure=MeasureRef(f"mea_{of}"),
                        code=chance.choice(offers),
                        level=chance.choice((0, 1, 1, 2, 3)),
                        owner=chance.choice((Service.PPT, Service.BARNEHAGE, Service.SKOLE)),
                        evaluate_by=at + timedelta(days=40),
                    ),
                ),
                (timedelta(days=chance.choice((38, 39, 50))), _judged(chance, of)),
                (timedelta(days=60), LevelIs(level=chance.choice((1, 2)))),
            ]
        if handed.random() < 0.4:
            offer, begins_on = HandoverRef(f"hdo_{of}"), timedelta(days=48)
            facts += [
                (begins_on, HandoverOffered(handover=offer, respond_by=at + begins_on + timedelta(days=14))),
                (begins_on + timedelta(days=handed.choice((3, 9, 20))), HandoverAnswered(handover=offer)),
            ]
        if chance.random() < 0.2:
            facts.append((timedelta(days=70), CaseShut()))
        told += [
            Happened(f"cas_{of}", sequence, at + after, fact) for sequence, (after, fact) in enumerate(facts, start=1)
        ]
    arenas = [rules.type for rules in profile.arenas if rules.level is not ArenaLevel.CHILD]
    told += [
        Happened(
            f"mtg_{seed}-{number}",
            1,
            begins + timedelta(days=3 * number),
            Attended(arena_type=chance.choice(arenas), present=chance.randrange(3, 7), absent=chance.randrange(0, 2)),
        )
        for number in range(40)
    ]
    return told


def _judged(chance: random.Random, of: str) -> Fact:
    return MeasureJudged(measure=MeasureRef(f"mea_{of}"), effect=chance.choice(list(Effect)), evaluate_by=None)


def surveyed(
    answers: int | None, *, last: date = date(2026, 12, 18), form: str = "after-guardian-meeting"
) -> SurveyRoundCompleted:
    """Return what a term's survey of Skien gave; the mean of the first question is 4.3."""
    asked = [question.code for question in SKIEN.surveys[0].questions]
    return SurveyRoundCompleted(
        round=SurveyRoundRef("srd_" + "b" * 26),
        form=form,
        first=last - timedelta(days=120),
        last=last,
        answers=answers,
        results=()
        if answers is None
        else tuple(QuestionResult(question=code, mean_tenths=43 - number) for number, code in enumerate(asked)),
    )


def content(
    profile: Profile = TYNSET,
    report: str = "practice-and-gains",
    *,
    facts: Sequence[Happened] | None = None,
    others: Sequence[Known] = (),
    meetings: Sequence[KnownMeeting] = (),
    code: str = "2026-autumn",
    view: View | None = None,
    results: Sequence[SurveyRoundCompleted] = (),
    registers: Mapping[UnitId, RegisterState] | None = None,
) -> Content:
    """Return a report of an invented term."""
    when = period(code)
    told = story(profile, 7, 240, when.begins) if facts is None else facts
    return reports.content_of(
        reports.report_of(profile, report),
        Known(profile, told, results, registers or {}),
        others,
        meetings,
        when,
        view or View(everything=True),
    )
