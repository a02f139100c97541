"""How a municipality works at concern: the same words and offers for all children (seed rules 85, 168, 170, 185)."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.domain.profile import CasesProfile, Coded, Criterion, Offer, Tool
from services.cases.errors import NotStaffError
from services.cases.handlers.desk import Desk
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import Area, Language, Service
from shared.web import CurrentActor, Reading, represent

router = APIRouter(tags=["procedure"])


class Word(Model):
    """A code of the common vocabulary, and what people read."""

    code: str
    text: dict[Language, str]
    rule: int


class AreaWord(Word):
    """One that belongs to some areas."""

    areas: tuple[Area, ...]


class MeasureType(Model):
    """A type of measure: from which level it is offered, when it is looked at again, whether it was discarded (seed rule 166)."""

    code: str
    text: dict[Language, str]
    level: int
    rules: tuple[int, ...]
    review_by: date | None
    review_due: bool
    """The day on which it was to be decided whether we believe in it has passed."""
    retired_from: date | None
    retired_because: str | None
    overlaps_with: tuple[str, ...]
    """Types that do much the same (seed rules 49, 161)."""


class TeamView(Model):
    """A team and where it lifts to (seed rule 68)."""

    code: str
    at: str
    levels: tuple[int, ...]
    lifts_to: str | None


class Procedure(Model):
    """The procedure at concern (prosedyreperm)."""

    criteria: tuple[AreaWord, ...]
    family_frame: tuple[Word, ...]
    mapping_tools: tuple[AreaWord, ...]
    methods: tuple[AreaWord, ...]
    teams: tuple[TeamView, ...]
    competence: dict[Service, int]
    """From which level a service takes part."""
    act_within_days: int
    decide_within_days: int
    meet_within_days: int
    evaluate_within_weeks: int


class MeasureTypes(Model):
    """The register of types of measures: the ladder of offers, and what was discarded (seed rules 166, 168, 181, 182)."""

    measure_types: tuple[MeasureType, ...]


@router.get("/procedure", response_model=Procedure, summary="The procedure at concern")
async def read_procedure(actor: CurrentActor, desk: AtDesk) -> Response:
    """Return criteria, the family's frame, tools, methods, teams and times of your municipality."""
    profile = _profile(desk, actor)
    times = profile.deadlines
    return represent(
        Procedure(
            criteria=tuple(_in_areas(one) for one in profile.criteria),
            family_frame=tuple(_word(one) for one in profile.family_frame),
            mapping_tools=tuple(_in_areas(one) for one in profile.mapping_tools),
            methods=tuple(_in_areas(one) for one in profile.methods),
            teams=tuple(
                TeamView(code=one.code, at=one.at, levels=tuple(sorted(one.levels)), lifts_to=one.lifts_to)
                for one in profile.teams
            ),
            competence={one.service: one.level for one in profile.competence},
            act_within_days=times.act.days,
            decide_within_days=times.decide.days,
            meet_within_days=times.meet.days,
            evaluate_within_weeks=times.evaluate.weeks,
        )
    )


@router.get("/measure-types", response_model=MeasureTypes, summary="The ladder of offers")
async def list_measure_types(ctx: Reading, actor: CurrentActor, desk: AtDesk) -> Response:
    """Return every type of measure of your municipality, by level, the discarded ones last."""
    profile, day = _profile(desk, actor), oslo_day(ctx.now)
    offers = sorted(profile.offers, key=lambda one: (not one.offered_on(day), one.level, one.code))
    return represent(MeasureTypes(measure_types=tuple(_type(profile, one, day) for one in offers)))


def _profile(desk: Desk, actor: Actor) -> CasesProfile:
    if actor.kind != "user":
        raise NotStaffError
    return desk.profile_of(actor.municipality)


def _type(profile: CasesProfile, offer: Offer, day: date) -> MeasureType:
    alike = {code for group in profile.overlaps if offer.code in group.measures for code in group.measures}
    return MeasureType(
        code=offer.code,
        text=_text(offer),
        level=offer.level,
        rules=offer.rules,
        review_by=offer.review_by,
        review_due=offer.review_by is not None and offer.review_by < day and offer.offered_on(day),
        retired_from=None if offer.retired is None else offer.retired.from_day,
        retired_because=None if offer.retired is None else offer.retired.because.value,
        overlaps_with=tuple(sorted(alike - {offer.code})),
    )


def _word(one: Coded) -> Word:
    return Word(code=one.code, text=_text(one), rule=one.rule)


def _in_areas(one: Criterion | Tool) -> AreaWord:
    return AreaWord(code=one.code, text=_text(one), rule=one.rule, areas=tuple(sorted(one.areas)))


def _text(one: Coded | Offer) -> dict[Language, str]:
    return {language: one.text.in_(language) for language in Language}
