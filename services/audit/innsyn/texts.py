"""The words of the report, one file for each language: `texts/nb.yaml`, `nn.yaml`, `en.yaml`. A missing word is found at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.audit.innsyn.domain import GIVES_CONTENT
from shared.contracts.access import AccessKind
from shared.contracts.codes import InformationCategory, Language, Purpose, Role, Service
from shared.plain_yaml import read_yaml

_FOLDER: Final = Path(__file__).with_name("texts")


class _Words(BaseModel):
    """The base of the parts: a word too many or too few is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Facts(_Words):
    """What stands above the table."""

    case: str
    made: str
    asker: str
    looks: str
    up_to: str


class Table(_Words):
    """The table's own words."""

    caption: str
    when: str
    who: str
    how: str
    what: str
    basis: str
    until: str
    entry: str


class Shows(_Words):
    """What is in the report, and what is not."""

    heading: str
    text: tuple[str, ...]
    guardian: tuple[str, ...]
    child: tuple[str, ...]
    withheld: tuple[str, ...]
    protected: tuple[str, ...]
    without_content: str
    without_content_one: str
    unreadable: str
    pruned: tuple[str, ...]


class Names(_Words):
    """How to be told a name."""

    heading: str
    text: tuple[str, ...]
    contact: str


class Rights(_Words):
    """What else one may do."""

    heading: str
    text: tuple[str, ...]


class Verify(_Words):
    """How the report is checked."""

    heading: str
    text: tuple[str, ...]
    witnessed: str
    note: str


class Sections(_Words):
    """What stands below the table."""

    shows: Shows
    names: Names
    rights: Rights
    verify: Verify


def _shown_kinds(words: Mapping[AccessKind, str]) -> Mapping[AccessKind, str]:
    if missing := GIVES_CONTENT - words.keys():
        raise ValueError(f"no word for {', '.join(sorted(missing))}")
    return words


class Texts(_Words):
    """Every word of the report in one language."""

    title: str
    months: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]
    day: str
    facts: Facts
    asker: Mapping[Literal["guardian", "child"], str]
    lead: str
    counted: str
    counted_one: str
    none: str
    table: Table
    at: str
    between: str
    same_time: str
    until: str
    no_until: str
    you: str
    a_guardian: str
    the_child: str
    program: str
    unknown_service: str
    organisation: str
    place_hidden: str
    name_on_request: str
    named: str
    kinds: Annotated[Mapping[AccessKind, str], AfterValidator(_shown_kinds)]
    in_meeting: str
    emergency: str
    purpose: str
    purposes: Annotated[Mapping[Purpose, str], Field(min_length=len(Purpose))]
    categories: Annotated[Mapping[InformationCategory, str], Field(min_length=len(InformationCategory))]
    documents: str
    documents_one: str
    no_categories: str
    no_basis: str
    unknown_basis: str
    services: Annotated[Mapping[Service, str], Field(min_length=len(Service))]
    roles: Annotated[Mapping[Role, str], Field(min_length=len(Role))]
    sections: Sections


def _read(language: Language) -> Texts:
    document = read_yaml((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return Texts.model_validate(document)


TEXTS: Final[Mapping[Language, Texts]] = MappingProxyType({language: _read(language) for language in Language})
