"""The texts of messages: one file per language, template and version; plain language, and not a word about anybody.

A file's first line is the subject, the rest the text. A version that was used once is never changed: a new wording is a new
file beside it, so that what somebody was told can be shown to them again (seed rules 101, 146).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.domain.appointment import Appointment
from shared.clock import OSLO, oslo_day
from shared.contracts.codes import Language
from shared.contracts.meetings import Place

FOLDER: Final = Path(__file__).with_name("templates")
EMAIL: Final = "email"
SMS: Final = "sms"
LETTER: Final = "letter"
DIGEST: Final = "digest"
LEAVING: Final = frozenset({EMAIL, SMS, LETTER, DIGEST})
"""The texts that leave the house, one for each way: that there is a message, and where to sign in. Of the SMS only the body."""
_NAME: Final = re.compile(r"(?P<template>[a-z][a-z0-9-]{1,59})\.v(?P<version>[1-9][0-9]{0,3})\.txt")
_NORWEGIAN: Final = (
    *("januar", "februar", "mars", "april", "mai", "juni"),
    *("juli", "august", "september", "oktober", "november", "desember"),
)
_ENGLISH: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LASTS: Final = {
    Language.NB: "Det varer i {} minutter.",
    Language.NN: "Det varer i {} minutt.",
    Language.EN: "It lasts {} minutes.",
}
_PLACES: Final = {
    Language.NB: {
        Place.AT_THE_UNIT: "Det er i barnehagen eller på skolen som møtet gjelder.",
        Place.MUNICIPALITY: "Det er i kommunens lokaler.",
        Place.HOSPITAL: "Det er på sykehuset.",
        Place.BY_AGREEMENT: "Hvor det er, blir avtalt.",
    },
    Language.NN: {
        Place.AT_THE_UNIT: "Det er i barnehagen eller på skulen som møtet gjeld.",
        Place.MUNICIPALITY: "Det er i lokala til kommunen.",
        Place.HOSPITAL: "Det er på sjukehuset.",
        Place.BY_AGREEMENT: "Kvar det er, blir avtalt.",
    },
    Language.EN: {
        Place.AT_THE_UNIT: "It is at the barnehage or school that the meeting is for.",
        Place.MUNICIPALITY: "It is on the municipality's premises.",
        Place.HOSPITAL: "It is at the hospital.",
        Place.BY_AGREEMENT: "Where it is will be agreed.",
    },
}
"""Of no arena a name: which unit it is, and so where a child is, is read when signed in."""
_ANY_DAY: Final = datetime(2026, 9, 7, 12, tzinfo=OSLO)


class TextError(Exception):
    """A text is missing in one of the languages, or is not a subject, an empty line and a text."""


@dataclass(frozen=True)
class Text:
    """What somebody reads."""

    subject: str
    body: str


@cache
def _environment(folder: Path) -> Environment:
    """Return what reads the templates in `folder`; it reads one again that has changed."""
    # Plain text: there is no markup to escape, and nothing that a person wrote is ever put in.
    return Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=False,
        cache_size=-1,  # all of them are read at the start
    )


class Texts:
    """All templates, in every language."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the templates in `folder`.

        Raises:
            TextError: a template is missing in a language, or malformed.
        """
        self._environment = _environment(folder)
        found = {language: _versions(folder / language.value) for language in Language}
        if len({frozenset(versions) for versions in found.values()}) != 1:
            raise TextError("every template has the same versions in every language")
        self._latest: dict[str, int] = {}
        for template, version in found[Language.NB]:
            self._latest[template] = max(version, self._latest.get(template, 0))
            for language in Language:
                self.text(template, version, language, due=_ANY_DAY)

    @property
    def templates(self) -> dict[str, int]:
        """The latest version of each template."""
        return dict(self._latest)

    def latest(self, template: str) -> int:
        """Return the version in which `template` is used now.

        Raises:
            TextError: there is no such template.
        """
        if template not in self._latest:
            raise TextError(f"there is no template {template}")
        return self._latest[template]

    def text(
        self,
        template: str,
        version: int,
        language: Language,
        *,
        due: datetime | None = None,
        link: str = "",
        appointment: Appointment | None = None,
    ) -> Text:
        """Return the text; `due` is the moment that it is about, `link` where to sign in, `appointment` the meeting.

        Raises:
            TextError: it has not the form of a text.
        """
        day = spoken(due, language) if due is not None else ""
        hour = due.astimezone(OSLO).strftime("%H:%M") if due is not None else ""
        source = self._environment.get_template(f"{language.value}/{template}.v{version}.txt")
        lasts = place = ""
        if appointment is not None:
            lasts = f" {_LASTS[language].format(appointment.minutes)}"
            place = "" if appointment.place is None else f" {_PLACES[language][appointment.place]}"
        raw = source.render(day=day, hour=hour, link=link, lasts=lasts, place=place)
        subject, _, body = raw.partition("\n\n")
        if not subject or "\n" in subject or not body.strip():
            raise TextError(f"{template} version {version} in {language}: a subject, an empty line, a text")
        return Text(subject, body)


def spoken(moment: datetime, language: Language) -> str:
    """Return the day in Norway at `moment` as people write it in `language`."""
    day = oslo_day(moment)
    if language is Language.EN:
        return f"{day.day} {_ENGLISH[day.month - 1]} {day.year}"
    return f"{day.day}. {_NORWEGIAN[day.month - 1]} {day.year}"


def _versions(folder: Path) -> set[tuple[str, int]]:
    found = set()
    for file in folder.iterdir():
        name = _NAME.fullmatch(file.name)
        if name is None:
            raise TextError(f"{file.name} is no name of a template")
        found.add((name["template"], int(name["version"])))
    return found
