"""The municipality's public page: offers, forms, whom to contact, rights and duties, through the whole of growing up.

(Seed rules 142, 159.) For everybody, so nothing of it is about anybody: it is what the profile states, and only where the
municipality says with its `guide` that it is to be public. Whom to contact are units, never people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.meetings.domain.year import DayOfYearField
from shared.contracts.codes import Language, Service
from shared.profiles import Line, Rules, Text


@dataclass(frozen=True, slots=True)
class Said:
    """A text in the language in which it is there: the one that was asked for, or openly another."""

    text: str
    language: Language


class OpenText(Line):
    """A text for everybody, in at least one of our languages; who reads another one is told in which it is there."""

    nb: str | None = Field(default=None, min_length=1, max_length=600)
    nn: str | None = Field(default=None, min_length=1, max_length=600)
    en: str | None = Field(default=None, min_length=1, max_length=600)

    @model_validator(mode="after")
    def _in_one_at_least(self) -> OpenText:
        if self.nb is None and self.nn is None and self.en is None:
            raise ValueError("say it in nb, nn or en")
        return self

    def said_in(self, language: Language) -> Said:
        """Return it in `language`, or else in the nearest one in which it is there: Norwegian before English."""
        written = {Language.NB: self.nb, Language.NN: self.nn, Language.EN: self.en}
        for each in (language, Language.NB, Language.NN, Language.EN):
            text = written[each]
            if text is not None:
                return Said(text, each)
        raise AssertionError("a text is there in one language at least")


class Right(Line):
    """What children and guardians can ask for (seed rule 159)."""

    text: OpenText
    rules: Rules


class Bound(StrEnum):
    """Who has a duty."""

    GUARDIANS = "guardians"
    STAFF = "staff"
    """Everybody who works with children in the municipality."""
    SERVICES = "services"
    """The municipality's services, and those that it works with."""


class Duty(Line):
    """What somebody is bound to do (seed rule 159)."""

    whose: Bound
    text: OpenText
    rules: Rules


class Contact(Line):
    """For what one contacts which services; their units stand under it, never a person (seed rule 159)."""

    text: OpenText
    services: tuple[Service, ...] = Field(min_length=1)
    rules: Rules


class Guide(Line):
    """What a municipality's public page says beside what the rest of its profile does (seed rules 142, 159)."""

    lead: OpenText
    rights: tuple[Right, ...] = Field(min_length=1)
    duties: tuple[Duty, ...] = Field(min_length=1)
    contacts: tuple[Contact, ...] = Field(min_length=1)
    rules: Rules


# --- what everybody is told of the cases service's part ---------------------------------------------------------------


class _Retirement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    from_day: date


class Offer(BaseModel):
    """An offer of the ladder, as far as everybody is told of it; the cases service reads and judges all of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Text
    level: int = Field(ge=0, le=3)
    retired: _Retirement | None = None

    def offered_on(self, day: date) -> bool:
        """Return whether it is offered on `day` in Norway: what was discarded is no offer (seed rule 166)."""
        return self.retired is None or day < self.retired.from_day


class _Window(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    first: DayOfYearField
    last: DayOfYearField


class Form(BaseModel):
    """A transition form: when it is sent, and who must approve it first (seed rules 13, 14)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["barnehage-to-school", "school-to-school"]
    window: _Window
    approval: Literal["all-guardians", "one-guardian"] = "all-guardians"


class Told(BaseModel):
    """What everybody is told of a profile's `cases` part."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offers: tuple[Offer, ...] = ()
    forms: tuple[Form, ...] = ()


def unreadable(cases: object) -> bool:
    """Return whether the offers and forms of a profile's `cases` part cannot be told: the page would lack them in silence."""
    try:
        Told.model_validate(cases or {})
    except ValidationError:
        return True
    return False
