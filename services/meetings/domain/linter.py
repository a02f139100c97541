"""Whether a text is free of persons: what an anonymous item, and the general part of the minutes, may say.

A heuristic on purpose stricter than a reader would be. It sees a text as a person types it, answers with the words it
found, and keeps nothing. It cannot see that "the boy whose mother runs the shop" is somebody: that stays the writer's duty,
and the reason why an anonymous item carries nothing else to find anybody by (seed rules 2, 7, 22, 172).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.meetings.domain.vocabulary import (
    ACRONYMS,
    ALSO_WORDS,
    CAPITALISED,
    GIVEN_NAMES,
    OPENER_ENDINGS,
    OPENERS,
)


class Trace(StrEnum):
    """What could lead to a person."""

    NAME = "name"
    POSSIBLE_NAME = "possible-name"
    """A capital that nothing else explains."""
    FOREIGN_LETTERS = "foreign-letters"
    """A word in another alphabet, or mixing two: it cannot be read here, so it is not let through."""
    NATIONAL_NUMBER = "national-number"
    DATE = "date"
    PHONE = "phone"
    LONG_NUMBER = "long-number"
    EMAIL = "e-mail"
    LINK = "link"
    ADDRESS = "address"
    REGISTRATION = "registration"
    """A car's number plate."""
    UNUSUAL_DETAIL = "unusual-detail"
    """What is true of one child only: a school class, the only one of its kind, twins."""
    REFERENCE = "reference"
    """A reference of the system's own, for example a case's."""


@dataclass(frozen=True, slots=True)
class Found:
    """One word or number that could lead to a person."""

    word: str
    trace: Trace


MAX_FOUND: Final = 20
"""A refusal names at most so many."""

_GAP: Final = r"[ \t.\-/]?"
_MONTHS: Final = (
    "jan(?:uar)?|feb(?:ruar)?|mars?|apr(?:il)?|mai|juni?|juli?"
    "|aug(?:ust)?|sept?(?:ember)?|okt(?:ober)?|nov(?:ember)?|des(?:ember)?"
)
_STREET: Final = (
    "veien|vegen|vei|veg|gata|gaten|gate|plass|plassen|stien|svingen|bakken|tunet|alléen|alleen"
    "|terrasse|lia|åsen|haugen|kroken"
)

# In this order: what one has taken, the next does not see.
_PATTERNS: Final = (
    (Trace.REFERENCE, re.compile(r"\b(?:[a-z]{3}_[0-9A-Za-z_-]{8,64}|unit:[a-z0-9-]+)", re.IGNORECASE)),
    (Trace.EMAIL, re.compile(r"[\w.+-]+(?:@| ?\(at\) ?| ?\[at\] ?)[\w-]+(?:\.[\w-]+)*")),
    (Trace.LINK, re.compile(r"(?:https?://|www\.)\S+|(?<!\w)@\w{2,}", re.IGNORECASE)),
    # Initials, which is how a child is often "made anonymous". One letter alone is a list's, or a pupil called A.
    (Trace.NAME, re.compile(r"(?<![\w.])[A-ZÆØÅ]\. ?(?:[A-ZÆØÅ]\. ?)*[A-ZÆØÅ]\b(?!(?<=[IÅ]) [a-zæøå])\.?(?!\w)")),
    # What somebody is called, also where it is no known name and has a small letter.
    (
        Trace.NAME,
        re.compile(
            r"\b(?:barnet|eleven|jent[ae]n?|gutten|guten|mor[ae]?n?|far(?:en)?|han|hun|hen|ho|søster(?:en)?|bror(?:en)?)"
            r" (?:heter|heiter|heitte|het) (?!ikke\b|ikkje\b|også\b|òg\b|det\b|nå\b|no\b)(?-i:[a-zæøå])[\w'’-]*",
            re.IGNORECASE,
        ),
    ),
    # Eleven digits, however spaced: every form of birth number, D-number, help number and synthetic number at once.
    (Trace.NATIONAL_NUMBER, re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{10}}(?!\d)")),
    (
        Trace.DATE,
        re.compile(
            rf"(?<!\d)(?:\d{{1,2}}[./-] ?\d{{1,2}}[./-] ?(?:\d{{4}}|\d{{2}})(?!\d)|\d{{4}}-\d{{2}}-\d{{2}}"
            rf"|\d{{1,2}}\. ?(?:{_MONTHS})\b(?: \d{{4}})?|\d{{1,2}}\.\d{{1,2}}\.(?!\d)|(?:{_MONTHS}) (?:19|20)\d{{2}}\b"
            # A birthday or its month, however short.
            rf"|\b(?:født|fødd|f\.) (?:den |i |på )?(?:\d{{1,2}}[./]\d{{1,2}}(?![./\d])|(?:\w+ )?(?:{_MONTHS})\b)"
            r"|\bf\. (?:19|20)\d{2}\b"
            # A birth year.
            r"|(?<=født i )(?:19|20)\d{2}\b|(?<=født )(?:19|20)\d{2}\b)",
            re.IGNORECASE,
        ),
    ),
    (Trace.PHONE, re.compile(rf"(?<![\d.])(?:(?:\+|00){_GAP}\d{{1,3}}{_GAP})?\d(?:{_GAP}\d){{7}}(?!\d)")),
    (
        Trace.ADDRESS,
        re.compile(
            rf"\b[\wæøåé-]*(?:{_STREET}) \d{{1,4}} ?[A-Za-z]?\b|\b\d{{4}} [A-ZÆØÅ][\wæøå]+"
            r"|\b(?:gnr|bnr|gårdsnummer)\.? ?\d+",
            re.IGNORECASE,
        ),
    ),
    (
        Trace.UNUSUAL_DETAIL,
        re.compile(
            r"\b(?:klasse|kl\.?) ?\d{1,2} ?[A-H]\b|\b\d{1,2}[A-H]\b"
            r"|\b(?:eneste|einaste) (?:\w+ )?(?:barn(?:et)?|elev(?:en)?|jent(?:a|en)|gutt?(?:en)?|familien?)\b"
            r"|\b(?:tvilling|trilling|firling)\w*",
            re.IGNORECASE,
        ),
    ),
    (Trace.REGISTRATION, re.compile(r"\b[A-ZÆØÅ]{2} ?\d{5}\b")),
    (Trace.LONG_NUMBER, re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{5,}}(?!\d)")),
)
_POSTCODE_AS_YEAR: Final = re.compile(r"\b(?:19|20)\d{2} [a-zæøå]")
_SCHOOL_YEAR: Final = re.compile(r"(?<!\d)20(\d{2}) ?[/–-] ?(?:20)?(\d{2})(?![\d-])")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_OPENS: Final = re.compile(r"(?:^|[.!?…:;]|\n|[-•*–]|\d[.)]|[(\"«“])[\s\"«“(]*$")
_COMPOUND_ENDINGS: Final = tuple(sorted(word for word in OPENERS if len(word) >= 5))
"""Norwegian writes compounds as one word: what ends as an ordinary word does is one ("skolefravær")."""
_INVISIBLE: Final = frozenset({"Cf", "Cc", "Co", "Cs", "Mn", "Me"})


def find(text: str) -> tuple[Found, ...]:
    """Return what in `text` could lead to a person, in its order, each once; nothing when it may be anonymous."""
    readable = _readable(text)
    found: dict[str, Trace] = {}
    rest = _SCHOOL_YEAR.sub(_without_school_year, readable)
    for trace, pattern in _PATTERNS:
        for match in pattern.finditer(rest):
            if trace is Trace.ADDRESS and _POSTCODE_AS_YEAR.match(match[0]):
                continue
            found.setdefault(match[0].strip(), trace)
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    for word, trace in _words(rest):
        found.setdefault(word, trace)
    where = sorted(found, key=readable.find)
    return tuple(Found(word, found[word]) for word in where[:MAX_FOUND])


def _readable(text: str) -> str:
    """Return `text` in one form: composed, without invisible signs, every digit as 0-9, so that disguises do not help."""
    # Letters and their accents are composed first; what is then still a loose accent was put there to hide a word.
    composed = unicodedata.normalize("NFKC", text)
    signs = []
    for sign in composed:
        category = unicodedata.category(sign)
        if sign == "\n" or category not in _INVISIBLE:
            signs.append(str(unicodedata.digit(sign)) if category == "Nd" else sign)
        elif sign in "\t\r\v\f":
            signs.append(" ")
    return "".join(signs)


def _without_school_year(years: re.Match[str]) -> str:
    following = (int(years[1]) + 1) % 100 == int(years[2])
    return " " * len(years[0]) if following else years[0]


def _words(text: str) -> Iterator[tuple[str, Trace]]:
    for match in _WORD.finditer(text):
        word = match[0]
        if not _latin(word):
            yield word, Trace.FOREIGN_LETTERS
            continue
        lower = word.lower()
        bare = lower.removesuffix("s").rstrip("'’") if lower not in GIVEN_NAMES else lower
        named = lower in GIVEN_NAMES or bare in GIVEN_NAMES
        if word == lower:
            if named and lower not in ALSO_WORDS and bare not in ALSO_WORDS and lower not in OPENERS:
                yield word, Trace.NAME
            continue
        if word in ACRONYMS or lower in CAPITALISED:
            continue
        opens = _OPENS.search(text[: match.start()]) is not None
        if opens and lower in OPENERS:
            continue
        if named:
            yield word, Trace.NAME
        elif not (opens and word[1:] == lower[1:] and _common(lower)):
            yield word, Trace.POSSIBLE_NAME


def _common(lower: str) -> bool:
    """Return whether a word at the beginning of a sentence is an ordinary one."""
    return len(lower) == 1 or (len(lower) >= 5 and lower.endswith(OPENER_ENDINGS)) or lower.endswith(_COMPOUND_ENDINGS)


def _latin(word: str) -> bool:
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in word if sign not in "'’")
