"""The words of the pages, a file for each language: `texts/nb.yaml`, `nn.yaml`, `en.yaml`. A missing word is found at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from services.meetings.domain.consultation import Status as ConsultationStatus
from services.meetings.domain.invitation import Standing
from services.meetings.domain.meeting import Status
from services.meetings.domain.unit_register import GAPS
from services.meetings.domain.unit_register import Standing as Gap
from services.meetings.pages.drawing import Shape
from shared.contracts.codes import Language, Service
from shared.contracts.deviations import DeviationKind
from shared.contracts.meetings import ItemKind
from shared.plain_yaml import read_yaml

_FOLDER: Final = Path(__file__).with_name("texts")


class Words(BaseModel):
    """A language's words; what stands in braces is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    calendar: str
    lead: str
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    day: str
    picture: str
    picture_of: str
    legend: str
    shapes: Annotated[Mapping[Shape, str], Field(min_length=3)]
    closed: str
    today: str
    rings: str
    periods: str
    coming: str
    nothing_coming: str
    when: str
    what: str
    where: str
    how: str
    municipality: str
    proposed: str
    double_booked: str
    statuses: Annotated[Mapping[Status, str], Field(min_length=len(Status))]
    answer: str
    standings: Annotated[Mapping[Standing, str], Field(min_length=len(Standing))]
    guidance: str
    age: str
    years: str
    short_months: str
    themes: str
    given: str
    not_given: str
    gaps: str
    no_gaps: str
    missing: Annotated[Mapping[Gap, str], Field(min_length=len(GAPS))]
    hearings: str
    answer_by: str
    answered: str
    answered_of: str
    answered_late: str
    answered_corrected: str
    consultation_statuses: Annotated[Mapping[ConsultationStatus, str], Field(min_length=len(ConsultationStatus))]
    results: str
    survey: str
    question: str
    term: str
    answers: str
    mean: str
    too_few: str
    decimal: str
    hours: str
    hours_given: str
    hours_of: str
    weeks: str
    all_units: str
    deviations: str
    no_deviations: str
    around: Annotated[Mapping[DeviationKind, str], Field(min_length=2)]
    """What is said of meetings around children that are missing: never how many."""
    kinds: Annotated[Mapping[DeviationKind, str], Field(min_length=len(DeviationKind))]
    services: Annotated[Mapping[Service, str], Field(min_length=len(Service))]
    elements: Annotated[Mapping[ItemKind, str], Field(min_length=len(ItemKind))]
    rule: str


def _read(language: Language) -> Words:
    return Words.model_validate(read_yaml((_FOLDER / f"{language.value}.yaml").read_text(encoding="utf-8")))


WORDS: Final[Mapping[Language, Words]] = MappingProxyType({language: _read(language) for language in Language})
