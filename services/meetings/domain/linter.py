"""Whether a text is free of persons: what an anonymous item, and the general part of the minutes, may say.

A heuristic on purpose stricter than a reader would be. It sees a text as a person types it, answers with the words it
found, and keeps nothing. A name that no list has is found by its form (a capital, letters spelled out, figures for letters)
and by where it stands ("mor til ..", "..s far"); alone, with a small letter, it is not. Nor can it see that "the boy who won
the race" is somebody: that stays the writer's duty, and the reason why an anonymous item carries nothing else to find anybody
by (seed rules 2, 7, 22, 172).
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
    NOT_CALLED,
    OPENER_ENDINGS,
    OPENERS,
    SPELLED,
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
_KIN: Final = (
    "mor|mora|moren|mamma|mammaen|far|faren|pappa|pappaen|stemor|stefar|bestemor|bestefar|farmor|farfar|mormor|morfar|bror|broren"
    "|søster|søsteren|søstera|syster|systera|sønn|sønnen|son|sonen|datter|datteren|dotter|dottera|tante|tanta|onkel|onkelen"
    "|fosterfar|fostermor|foreldre|foreldrene|foreldra|foresatte|føresette|søsken|familie|familien"
)
_CHILD: Final = "barnet|eleven|gutten|guten|jenta|jenten"
_OFFICE: Final = (
    "(?:vara)?ordfør(?:er|ar)|rådmann|kommune(?:direktør|lege)|kommunaldirektør|oppvekstsjef|skolesjef|rektor|styrer|styrar|politimester"
    "|politimeister|lensmann|(?:so[kg]ne)?prest|biskop|prost|imam|kantor|organist|stortingsrepresentant|statsråd|minister|dommer|dommar"
    "|brannsjef|redaktør|banksjef|butikksjef|tannlege|veterinær|dyrlege|fylkesmann|statsforvalter|statsforvaltar|direktør"
)
# Whose child it is can be said by what one of the family is, where there is one such in the place.
_OFFICES: Final = re.compile(
    rf"\b(?:{_KIN})(?:s|en|a)? (?:er|var|blei|ble|jobber som|jobbar som|arbeider som|arbeidar som|er ansatt som|er tilsett som)"
    rf" (?:vår |kommunens |bygdas |bygdens )?(?:{_OFFICE})(?:en)?\b"
    rf"|\b(?:{_KIN}) (?:driver|driv|eier|eig) \w+"
    rf"|\b(?:{_KIN}) (?:til|av|åt) (?:{_OFFICE})(?:en|ens)?\b|\b(?:{_OFFICE})(?:en)?s (?:{_KIN})\b",
    re.IGNORECASE,
)
# Letters one by one; what stands between them is the same throughout.
_LETTERS: Final = re.compile(r"(?<![^\W\d_])[^\W\d_](?:([ .\-_*·/])[^\W\d_])(?:\1[^\W\d_])+(?![^\W\d_])")
_MIXED: Final = re.compile(r"(?<!\w)(?=\w*[^\W\d_])(?=\w*[\d$!])[\w$!]+")
_FIGURES: Final = tuple(str.maketrans("0134578$!", f"o{one}ea{five}tbsi") for one in "il" for five in "s")
"""Which letter a figure stands for; 1 for either of two."""
_OF: Final = re.compile(rf"\b(?:{_KIN}) (?:til|åt) ([a-zæøåéèü]{{3,}})\b")
_WHOSE: Final = re.compile(rf"\b([a-zæøåéèü]{{3,}}?)['’]?s (?:{_KIN})\b")
_CALLED: Final = re.compile(
    rf"\b(?:{_CHILD}|(?:mamma|pappa|bror|søster|syster|tante|onkel|bestemor|bestefar)) ([a-zæøåéèü]{{3,}})\b"
)
_OF_NOUNS: Final = ("en", "et", "ene", "ane", "ne", "erne", "a", "ar", "er", "ing", "inga", "inger")
"""Endings of what is no name after "mor til", with a small letter: the one, the two, the girls."""
_OF_VERBS: Final = ("r", "te", "de", "a", "t", "s", "lig", "leg", "ig", "som", "ande", "ende")
"""Endings of what may follow "barnet" and is no name: verbs and adverbs."""
_OTHER: Final = re.compile(r"\b(?:ei|noko|noka|alt|inga|kva|ikkje|eit) $", re.IGNORECASE)
"""Before "anna" that is no name in nynorsk: another."""
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
    for word, trace in (*_disguised(rest), *_by_its_place(rest), *_words(rest)):
        found.setdefault(word, trace)
    where = sorted(found, key=readable.find)
    return tuple(Found(word, found[word]) for word in where[:MAX_FOUND])


def _disguised(text: str) -> Iterator[tuple[str, Trace]]:
    """Return names whose letters are spelled out, or are figures: "k a r i", "J0nas"."""
    for match in _LETTERS.finditer(text):
        joined = "".join(sign for sign in match[0].lower() if sign.isalpha())
        if match[1] == "." and joined in SPELLED:
            continue
        yield match[0], Trace.NAME if joined in GIVEN_NAMES else Trace.POSSIBLE_NAME
    for match in _MIXED.finditer(text):
        word = match[0].rstrip("!$")
        if not any(sign.isdigit() or sign in "$!" for sign in word):
            continue
        read = {word.lower().translate(figures) for figures in _FIGURES}
        if read & GIVEN_NAMES or {each.removesuffix("s") for each in read} & GIVEN_NAMES:
            yield word, Trace.NAME
        elif re.search(r"[^\W\d_][\d$!]+[^\W\d_]", word):
            yield word, Trace.POSSIBLE_NAME


def _by_its_place(text: str) -> Iterator[tuple[str, Trace]]:
    """Return what stands, with a small letter, where somebody's name does, and is no word that can stand there."""
    for match in _OFFICES.finditer(text):
        yield match[0], Trace.UNUSUAL_DETAIL
    for pattern, endings in ((_OF, _OF_NOUNS), (_WHOSE, _OF_NOUNS), (_CALLED, _OF_VERBS)):
        for match in pattern.finditer(text):
            word = match[1]
            if word not in NOT_CALLED and word not in OPENERS and not word.endswith(endings):
                yield match[0], Trace.POSSIBLE_NAME


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
            other = lower == "anna" and _OTHER.search(text[: match.start()])
            if named and not other and lower not in ALSO_WORDS and bare not in ALSO_WORDS and lower not in OPENERS:
                yield word, Trace.NAME
            continue
        if len(word) == 1 and text[match.end() : match.end() + 1].isdigit():
            continue  # A sheet of paper, a place in a list: A4, B2.
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
