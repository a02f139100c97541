"""The words of reports, a file for each language: `texts/report-nb.yaml`, .. A missing word is found at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.meetings.domain.entered_figure import FigureSource
from services.meetings.domain.figures import (
    ANSWERED,
    COUNT,
    DOUBLED,
    DUE,
    ENDS,
    FORMS,
    GAPS,
    GUIDANCE,
    LEVELS,
    MET,
    OTHER,
    OUTCOMES,
    REPLIED,
    SEATED,
    SEATS,
    STAGES,
    WAITED,
    WAITING,
    WITH_GUARDIANS,
    FigureCode,
)
from services.meetings.domain.organisation import UnitKind
from services.meetings.domain.reports import SHOWN_KINDS
from services.meetings.domain.undertakings import Better, Source, Stated
from shared.contracts.cases import Effect, ForWhom
from shared.contracts.codes import Language

_FOLDER: Final = Path(__file__).with_name("texts")
CODES: Final = frozenset(
    {
        *LEVELS,
        *OUTCOMES,
        *WAITED,
        *ANSWERED,
        DUE,
        *MET,
        *STAGES,
        *WITH_GUARDIANS,
        *GUIDANCE,
        *WAITING,
        *ENDS,
        *DOUBLED,
        *FORMS,
        *GAPS,
        *REPLIED,
        *SEATED,
        *SEATS,
        *SHOWN_KINDS,
        *ForWhom,
        *Effect,
        OTHER,
        COUNT,
        "ppt",
        "others",
    }
)
"""Rows and columns that are neither units, arenas nor offers."""


class FigureWords(BaseModel):
    """What a figure is called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    note: str
    rows: str
    """What its rows are."""


class ReportWords(BaseModel):
    """A language's words; what stands in braces is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    municipality: str
    period: str
    due: str
    unit: str
    sources: str
    sources_are: str
    hidden: str
    hidden_title: str
    hidden_means: str
    hidden_here: str
    total: str
    caption: str
    chart: str
    survey_question: str
    survey_mean: str
    survey_answers: str
    survey_none: str
    untold: str
    decimal: str
    entered_unit: str
    entered_period: str
    entered_note: str
    entered_from: str
    entered_corrected: str
    entered_chart: str
    entry_sources: Annotated[Mapping[FigureSource, str], Field(min_length=len(FigureSource))]
    missing: str
    missing_here: str
    percent_of: str
    school_year: str
    terms: Annotated[Mapping[Literal["autumn", "spring"], str], Field(min_length=2)]
    written_by_people: str
    nothing_stated: str
    compared: str
    compared_means: str
    goal: str
    anchored_in: str
    takes: str
    starts: str
    kroner: str
    hours_a_week: str
    at_each: Annotated[Mapping[UnitKind, str], Field(min_length=len(UnitKind))]
    measure: str
    post_percent: str
    shown_by: str
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    day: str
    figures: Annotated[Mapping[FigureCode, FigureWords], Field(min_length=len(FigureCode))]
    stated: Annotated[Mapping[Stated, str], Field(min_length=len(Stated))]
    better: Annotated[Mapping[Better, str], Field(min_length=len(Better))]
    from_where: Annotated[Mapping[Source, str], Field(min_length=len(Source))]
    codes: Mapping[str, str]

    @model_validator(mode="after")
    def _all_codes(self) -> ReportWords:
        if self.codes.keys() != CODES:
            raise ValueError(f"these codes have no word, or are none: {sorted(CODES ^ self.codes.keys())}")
        return self


def _read(language: Language) -> ReportWords:
    text = (_FOLDER / f"report-{language.value}.yaml").read_text(encoding="utf-8")
    return ReportWords.model_validate(yaml.safe_load(text))


REPORT_WORDS: Final[Mapping[Language, ReportWords]] = MappingProxyType(
    {language: _read(language) for language in Language}
)
