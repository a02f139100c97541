"""The words of the overview, a file for each language: `texts/nb.yaml`, `nn.yaml`, `en.yaml`. A missing word is found at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.cases.domain.around import PlanStatus
from services.cases.domain.overview import Reader
from services.cases.domain.state import FormStatus, MeasureStatus
from shared.contracts.cases import CoordinatorKind, Effect
from shared.contracts.codes import InformationCategory, Language, Purpose, Role, Service
from shared.plain_yaml import read_yaml

_FOLDER: Final = Path(__file__).with_name("texts")
ToEach = Annotated[Mapping[Reader, str], Field(min_length=2)]
"""A sentence to a guardian, and to the child itself."""


class _Words(BaseModel):
    """The base of the parts: a word too many or too few is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Standing(_Words):
    """How the case stands."""

    heading: str
    open: ToEach
    closed: ToEach
    outcomes: Annotated[
        Mapping[Literal["goal-reached", "moved", "no-longer-wanted", "adult"], str], Field(min_length=4)
    ]
    levels: Annotated[Mapping[int, str], Field(min_length=4)]
    anonymous: ToEach
    by_name: ToEach
    decide_by: ToEach
    meeting_by: ToEach
    next_meeting: ToEach
    heard: ToEach
    heard_before: Annotated[
        Mapping[Literal["consent", "measure", "handover", "plan", "concern-report"], str], Field(min_length=5)
    ]


class People(_Words):
    """Who is there for the family."""

    heading: ToEach
    contact: str
    no_contact: ToEach
    holder: str
    nobody: str
    taking_over: str
    coordinators: Annotated[Mapping[CoordinatorKind, str], Field(min_length=len(CoordinatorKind))]
    coordinated_by: str
    coordinator_wanted: ToEach
    team: str
    contributing: str
    asked: str
    interpreter: ToEach
    anybody: ToEach


class PlanWords(_Words):
    """The individual plan."""

    heading: str
    statuses: Annotated[Mapping[PlanStatus, str], Field(min_length=len(PlanStatus))]
    coordinator: str
    version: str
    goals: str


class HelpWords(_Words):
    """Goals and measures."""

    heading: str
    common_goal: str
    none: ToEach
    goal: str
    strengths: str
    owner: str
    next: str
    effect: str
    effects: Annotated[Mapping[Effect, str], Field(min_length=len(Effect))]
    status: str
    statuses: Annotated[Mapping[MeasureStatus, str], Field(min_length=len(MeasureStatus))]
    withheld: ToEach


class ConsentWords(_Words):
    """Consents."""

    elsewhere: str

    answer_heading: str
    to_answer: ToEach
    answer_item: str
    how: ToEach
    waiting: ToEach
    in_force_heading: str
    none: ToEach
    in_force: ToEach
    in_force_item: str
    waiting_item: str
    who: str
    what: str
    why: str
    until: str


class FormWords(_Words):
    """Transition forms."""

    heading: str
    approve: str
    approved: str
    statuses: Annotated[Mapping[FormStatus, str], Field(min_length=len(FormStatus))]
    types: Annotated[Mapping[Literal["barnehage-to-school", "school-to-school"], str], Field(min_length=2)]
    version: str


class Rights(_Words):
    """What else one may do."""

    heading: str
    text: Annotated[Mapping[Reader, tuple[str, ...]], Field(min_length=2)]


class Texts(_Words):
    """Every word of the overview in one language."""

    page: str
    """The window's title: it names nobody, because a browser keeps it."""
    title: ToEach
    lead: ToEach
    months: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]
    day: str
    time: str
    standing: Standing
    people: People
    help: HelpWords
    plan: PlanWords
    consents: ConsentWords
    forms: FormWords
    rights: Rights
    services: Annotated[Mapping[Service, str], Field(min_length=len(Service))]
    roles: Annotated[Mapping[Role, str], Field(min_length=len(Role))]
    categories: Annotated[Mapping[InformationCategory, str], Field(min_length=len(InformationCategory))]
    purposes: Annotated[Mapping[Purpose, str], Field(min_length=len(Purpose))]


def _read(language: Language) -> Texts:
    document = read_yaml((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return Texts.model_validate(document)


TEXTS: Final[Mapping[Language, Texts]] = MappingProxyType({language: _read(language) for language in Language})
