"""One sentence in plain language for each entry: who did what, in bokmål, nynorsk and English.

A sentence is made of codes, numbers and organisation numbers, never of text from the record: whoever gets a record onto the
bus cannot speak through it. The words stand in `texts/`; every code of the published language has one in each language.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from shared.clock import oslo_day
from shared.contracts import EVENTS
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.base import EventData
from shared.contracts.cases import Party
from shared.contracts.codes import InformationCategory, Language, Role, Service
from shared.contracts.journal import JournalSealed

_FOLDER: Final = Path(__file__).with_name("texts")
_OVERSIZE: Final = b"lagspill.no/oversize@v1\n"
_LAST_DAY: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Readable(Protocol):
    """What a sentence is made of. (A stored entry is one.)"""

    @property
    def type(self) -> str | None:
        """The event's type; None for an entry that is no event."""

    @property
    def source(self) -> str | None:
        """The service that published it."""

    @property
    def leaf(self) -> bytes:
        """The entry's exact bytes."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    and_: str
    document: str
    documents: str
    somebody: str
    organisation: str
    information: str
    in_case: str
    in_meeting: str
    for_another: str
    until: str
    protected: str
    day: str
    months: tuple[str, ...]
    nobody_named: str
    unknown: str
    unknown_type: str
    unreadable: str
    unparsable: str
    oversize: str
    sealed: str


class Words:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        """Read them.

        Raises:
            OSError, ValueError: the file is missing or malformed.
        """
        tables = tomllib.loads((_FOLDER / f"{language.value}.toml").read_text(encoding="utf-8"))
        form = tables.pop("form")
        form["and_"] = form.pop("and")
        self.form: Final = _Form.model_validate(form)
        self.tables: Final[Mapping[str, Mapping[str, str]]] = tables

    def of(self, code: StrEnum) -> str:
        """Return the word for a code of the published language; its table is named as the code list."""
        return self.tables[type(code).__name__][code.value]

    def look_up(self, table: str, code: str, otherwise: str = "other") -> str:
        """Return the text for a code that need not be known here: rows are added to code lists without a new version of this."""
        rows = self.tables[table]
        return rows.get(code, rows.get(otherwise, ""))

    def join(self, words: Sequence[str]) -> str:
        """Return the words as people list them: one, two and three."""
        return " ".join([", ".join(words[:-1]), self.form.and_, words[-1]]) if len(words) > 1 else "".join(words)

    def day(self, moment: datetime) -> str:
        """Return the day in Norway at that moment as people write it; on the calendar's last day, in UTC."""
        day = oslo_day(moment) if moment < _LAST_DAY else moment.date()
        return self.form.day.format(day=day.day, month=self.form.months[day.month - 1], year=day.year)


WORDS: Final = {language: Words(language) for language in Language}


def sentence(entry: Readable, language: Language) -> str:
    """Return what the entry says, as one sentence without names: plain text, to be escaped as any other.

    Never fails, whatever the entry's bytes are.
    """
    words = WORDS[language]
    said = _said(entry, words)
    return f"{said[0].upper()}{said[1:]}."


def access_of(leaf: bytes) -> AccessRecorded | None:
    """Return the access record in an entry's bytes; None if there is none of the agreed form."""
    data = read(leaf, AccessRecorded)
    return data if isinstance(data, AccessRecorded) else None


def read(leaf: bytes, model: type[EventData]) -> EventData | None:
    """Return the event's data in an entry's bytes as `model`; None if they have not that form."""
    try:
        event = from_json(leaf)
        return model.model_validate(event["data"])
    except (ValueError, KeyError, TypeError):  # a ValidationError is a ValueError
        return None


def _said(entry: Readable, words: Words) -> str:
    form = words.form
    if entry.type is None:
        return form.oversize if entry.leaf.startswith(_OVERSIZE) else form.unparsable.format(bytes=len(entry.leaf))
    source = words.look_up("source", entry.source or "")
    model = EVENTS.get(entry.type)
    if model is None:
        return form.unknown_type.format(source=source)
    data = read(entry.leaf, model)
    if data is None:
        return form.unreadable.format(source=source)
    if isinstance(data, AccessRecorded):
        return _accessed(data, words)
    if isinstance(data, JournalSealed):
        return form.sealed.format(source=source, last_number=data.last_number)
    text = words.tables["event"].get(entry.type, form.unknown_type)
    return _Event(words).vformat(text, (), {**vars(data), "source": _Phrase(source)})


class _Phrase(str):
    """Words of ours: what may stand in a sentence although it is text."""

    __slots__ = ()


class _Event(string.Formatter):
    """Fills a sentence from an event: a code becomes its word, a party who it is, a number itself; nothing else can stand there."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: object, format_spec: str) -> str:
        words = self._words
        match value:
            case Service() if format_spec == "at":
                return words.tables["ServiceAt"][value.value]
            case StrEnum():
                return words.of(value)
            case Party():
                return _who(words, value.role, value.service, value.organisation)
            case bool() | None:
                return words.form.unknown
            case int():
                return str(value)
            case _Phrase():
                return str(value)
            case _:
                raise TypeError(f"a {type(value).__name__} cannot stand in a sentence")


def _accessed(record: AccessRecorded, words: Words) -> str:
    form = words.form
    actor = record.actor
    refused = not record.permitted or record.kind is AccessKind.DENY
    said = [
        words.tables["refused" if refused else "done"][record.kind.value].format(
            who=_who(words, actor.role, actor.service, actor.organisation),
            what=_what(words, record),
            where=form.in_case if record.case is not None else "",
            recipients=words.join([_recipient(words, each) for each in record.recipients]) or form.nobody_named,
        )
    ]
    if actor.on_behalf_of is not None:
        said.append(form.for_another)
    if record.purpose is not None:
        said.append(f", {words.of(record.purpose)}")
    if record.meeting is not None:
        said.append(form.in_meeting)
    if record.basis is not None:
        said.append(_basis(words, record.basis.code, record.consent_version))
    if record.valid_to is not None:
        said.append(form.until.format(day=words.day(record.valid_to)))
    if refused and record.reason is not None:
        said.append(words.look_up("reason", record.reason))
    if record.address_protected:
        said.append(form.protected)
    return "".join(said)


def _basis(words: Words, code: str, version: int | None) -> str:
    if code == "consent" and version is not None:
        return words.tables["basis"]["consent_version"].format(version=version)
    return words.look_up("basis", code)


def _who(words: Words, role: Role | None, service: Service | None, organisation: str | None) -> str:
    parts = [words.of(role) if role is not None else words.form.somebody]
    if service is not None:
        parts.append(words.tables["ServiceAt"][service.value])
    number = words.form.organisation.format(number=organisation) if organisation is not None else ""
    return " ".join(parts) + number


def _recipient(words: Words, recipient: Recipient) -> str:
    if recipient.role is not None:
        return _who(words, recipient.role, recipient.service, recipient.organisation)
    number = words.form.organisation.format(number=recipient.organisation) if recipient.organisation else ""
    return words.of(recipient.service) + number


def _what(words: Words, record: AccessRecorded) -> str:
    # In the order of the code list: a set has none, and the same record must always give the same sentence.
    named = [words.of(category) for category in InformationCategory if category in record.categories]
    count = len(record.documents)
    if count:
        named.append(words.form.document if count == 1 else words.form.documents.format(count=count))
    return words.join(named) or words.form.information
