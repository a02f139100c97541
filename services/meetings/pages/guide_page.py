"""The municipality's public page, in one of our languages: no script, no cookie, nothing from elsewhere (seed rules 142, 159)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.meetings.domain.guide import Bound, OpenText
from services.meetings.domain.guide_shown import GuideShown
from services.meetings.domain.organisation import Unit
from services.meetings.domain.undertakings import GuidanceStep
from shared.contracts.codes import Language, Service
from shared.plain_yaml import read_yaml
from shared.preferences import NAMES
from shared.web.still import StillPage

_TEMPLATES: Final = Path(__file__).with_name("templates")
_TEXTS: Final = Path(__file__).with_name("texts")
GUIDE: Final = StillPage(_TEMPLATES / "guide.html", _TEMPLATES / "guide.css")
LEVELS: Final = 4


class GuideWords(BaseModel):
    """A language's words; what stands in braces is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    languages: str
    contents: str
    in_nb: str
    in_nn: str
    in_en: str
    offers: str
    offers_lead: str
    no_offers: str
    levels: tuple[str, ...] = Field(min_length=LEVELS, max_length=LEVELS)
    course: str
    course_lead: str
    years: str
    months: str
    themes: str
    meetings: str
    required: str
    invited: str
    forms: str
    no_forms: str
    form_types: Mapping[Literal["barnehage-to-school", "school-to-school"], str]
    approvals: Mapping[Literal["all-guardians", "one-guardian"], str]
    window: str
    month_names: tuple[str, ...] = Field(min_length=12, max_length=12)
    day: str
    contacts: str
    contacts_lead: str
    phone: str
    no_units: str
    rights: str
    duties: str
    bound: Annotated[Mapping[Bound, str], Field(min_length=len(Bound))]
    services: Annotated[Mapping[Service, str], Field(min_length=len(Service))]
    about: str
    about_text: str


def _read(language: Language) -> GuideWords:
    return GuideWords.model_validate(read_yaml((_TEXTS / f"guide-{language.value}.yaml").read_text(encoding="utf-8")))


GUIDE_WORDS: Final[Mapping[Language, GuideWords]] = MappingProxyType(
    {language: _read(language) for language in Language}
)


@dataclass(frozen=True, slots=True)
class Told:
    """A text, and openly in which other language, where it is not there in the page's."""

    text: str
    language: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Level:
    """The offers of a level."""

    name: str
    offers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Step:
    """What parents are offered at an age."""

    age: str
    themes: str
    by: str


@dataclass(frozen=True, slots=True)
class MeetingShown:
    """A meeting to which guardians belong."""

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class FormShown:
    """A form, when it is sent, and who approves it first."""

    name: str
    window: str
    approval: str


@dataclass(frozen=True, slots=True)
class ContactShown:
    """For what one contacts which units."""

    told: Told
    units: Sequence[Unit]


@dataclass(frozen=True, slots=True)
class DutyGroup:
    """Whose duties these are."""

    name: str
    duties: Sequence[Told]


def render_guide(shown: GuideShown, language: Language) -> str:
    """Return the page."""
    words = GUIDE_WORDS[language]
    guide = shown.guide
    return GUIDE.render(
        language=language.value,
        words=words,
        tongues=[(each.value, own) for each, own in NAMES.items()],
        title=words.title.format(municipality=shown.name),
        lead=_told(guide.lead, language),
        levels=[
            Level(words.levels[level], [offer.text.in_(language) for offer in offers]) for level, offers in shown.offers
        ],
        steps=[_step(step, words, language) for step in shown.steps],
        meetings=[
            MeetingShown(each.name, words.required if each.required else words.invited) for each in shown.meetings
        ],
        forms=[
            FormShown(
                words.form_types[form.type],
                words.window.format(first=_day(form.window.first, words), last=_day(form.window.last, words)),
                words.approvals[form.approval],
            )
            for form in shown.forms
        ],
        contacts=[ContactShown(_told(each.text, language), each.units) for each in shown.contacts],
        rights=[_told(right.text, language) for right in guide.rights],
        duties=[
            DutyGroup(words.bound[whose], [_told(duty.text, language) for duty in guide.duties if duty.whose is whose])
            for whose in Bound
            if any(duty.whose is whose for duty in guide.duties)
        ],
    )


def _told(text: OpenText, language: Language) -> Told:
    said = text.said_in(language)
    if said.language is language:
        return Told(said.text, None, None)
    words = GUIDE_WORDS[language]
    note = {Language.NB: words.in_nb, Language.NN: words.in_nn, Language.EN: words.in_en}[said.language]
    return Told(said.text, said.language.value, note)


def _step(step: GuidanceStep, words: GuideWords, language: Language) -> Step:
    whole = step.from_months % 12 == 0 and step.to_months % 12 == 0 and step.to_months > 12
    first, last = (step.from_months // 12, step.to_months // 12) if whole else (step.from_months, step.to_months)
    return Step(
        (words.years if whole else words.months).format(first=first, last=last),
        ", ".join(theme.in_(language) for theme in step.themes),
        ", ".join(words.services[service] for service in step.done_by),
    )


def _day(month_and_day: str, words: GuideWords) -> str:
    return words.day.format(day=int(month_and_day[3:]), month=words.month_names[int(month_and_day[:2]) - 1])
