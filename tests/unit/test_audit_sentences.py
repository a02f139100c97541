"""The sentences: every code and every event type has words in three languages, and nothing from a record gets into them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from inspect import getmembers, isclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.entry import Received, index_record
from services.audit.domain.sentences import WORDS, sentence
from shared.contracts import EVENTS, access, codes
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded, Recipient
from shared.contracts.codes import InformationCategory, Language, LegalBasis, Purpose, Role, Service
from shared.contracts.examples import example
from shared.contracts.schemas import event_schema
from shared.refs import ConsentRef
from tests.integration.audit_world import NOON, Publisher

LISTS = [
    each
    for module in (codes, access)
    for _, each in getmembers(module, isclass)
    if issubclass(each, StrEnum) and each is not StrEnum and each.__module__ == module.__name__
]
BASES = yaml.safe_load((Path(__file__).parents[2] / "deploy/codelists/legal-bases.yaml").read_text(encoding="utf-8"))


@dataclass
class Entry:
    """What a sentence is made of."""

    type: str | None
    source: str | None
    leaf: bytes


def said(leaf: bytes, language: Language = Language.NB) -> str:
    """The sentence of a record, indexed as the log indexes it."""
    indexed = index_record(Received("t", 0, 0, leaf))
    return sentence(Entry(indexed.type, indexed.source, indexed.leaf), language)


def record(**more: Any) -> bytes:
    """An access record as it is published."""
    base = Publisher().access().model_dump() | {"consent": None, "consent_version": None, "basis": None} | more
    return Publisher().publish(AccessRecorded.model_validate(base))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("codes_of", LISTS, ids=lambda each: each.__name__)
def test_every_code_has_a_word(codes_of: type[StrEnum], language: Language) -> None:
    """A new code needs one in each language, and a code that is gone leaves none behind."""
    table = WORDS[language].tables[codes_of.__name__]
    assert set(table) == {code.value for code in codes_of}
    assert all(word.strip() == word and word for word in table.values())


def test_every_code_that_words_depend_on_is_in_the_tables() -> None:
    """Services have a second word, access kinds a sentence for each outcome, bases a phrase."""
    for words in WORDS.values():
        assert set(words.tables["ServiceAt"]) == {service.value for service in Service}
        for outcome in ("done", "refused"):
            assert set(words.tables[outcome]) == {kind.value for kind in AccessKind}
        assert {row["code"] for row in BASES["bases"]} <= set(words.tables["basis"])


def test_the_languages_have_the_same_tables() -> None:
    """What one can say, all can."""
    shapes = [{name: set(table) for name, table in words.tables.items()} for words in WORDS.values()]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("language", Language)
def test_every_event_type_has_a_sentence(language: Language) -> None:
    """From its own example: nothing is left unfilled, no code shows through, and no type is forgotten."""
    rows = {kind for kind in EVENTS if kind != AccessRecorded.TYPE and not kind.endswith(".journal.sealed.v1")}
    assert set(WORDS[language].tables["event"]) == rows
    for kind, model in EVENTS.items():
        body = json.dumps(example(event_schema(model))).encode()
        text = said(body, language)
        assert text[0].isupper() or text.startswith(WORDS[language].tables["source"]["other"]), text
        assert text.endswith(".")
        assert not set("{}_<>|") & set(text), text
        assert text not in {
            said(b"{}", language),
            sentence(Entry("no.lagspill.cases.new.v1", "/services/cases", body), language),
            sentence(Entry(kind, "/services/cases", b"{}"), language),
        }


def test_what_the_sentences_say() -> None:
    """Who, in which role and where; did what or was refused; on which basis; until when."""
    ppt = AccessActor.model_validate(
        {"id": "act_somebody", "role": Role.PPT_ADVISER, "service": Service.PPT, "organisation": "999000001"}
    )
    shown = record(
        actor=ppt,
        categories={InformationCategory.LANGUAGE, InformationCategory.DEVELOPMENT},
        basis=LegalBasis(code="consent", version="2018-07-20"),
        consent=ConsentRef(Publisher().ids.ref("cst")),
        consent_version=2,
    )
    assert [said(shown, language) for language in Language] == [
        "PPT-rådgiver i PP-tjenesten (org. 999000001) leste utvikling og språk i saken, etter samtykke versjon 2.",
        "PPT-rådgjevar i PP-tenesta (org. 999000001) las utvikling og språk i saka, etter samtykke versjon 2.",
        "An educational-psychological adviser in the educational-psychological service (org. 999000001)"
        " read development and language in the case, by consent version 2.",
    ]
    nurse = {"actor": {"id": "act_somebody", "role": Role.HEALTH_NURSE, "service": Service.HELSESTASJON}}
    given_out = record(
        **nurse,
        kind=AccessKind.DISCLOSE,
        categories={InformationCategory.PLAN},
        documents=[Publisher().ids.ref("doc")],
        purpose=Purpose.TRANSITION,
        recipients=(Recipient(service=Service.SKOLE, role=Role.CONTACT_TEACHER), Recipient(service=Service.PPT)),
        valid_to=NOON,
    )
    assert said(given_out) == (
        "Helsesykepleier på helsestasjonen ga plan og 1 dokument i saken til kontaktlærer på skolen og PP-tjenesten,"
        " i en overgang, med varighet til 7. september 2026."
    )
    refused = record(**nurse, kind=AccessKind.DENY, categories=(), permitted=False, reason="consent-withdrawn")
    assert said(refused) == (
        "Helsesykepleier på helsestasjonen ble nektet å se opplysninger i saken: samtykket var trukket tilbake."
    )
    nobody = {"actor": {"id": "act_somebody", "on_behalf_of": "act_another-one"}, "categories": ()}
    emergency = record(**nobody, kind=AccessKind.BREAK_GLASS, address_protected=True, reason="life-in-danger")
    assert said(emergency, Language.EN) == (
        "Somebody used emergency access to information in the case, on behalf of another."
        " The case has address protection."
    )
    assert said(Publisher().publish(Publisher().access()).replace(b'"kind":"read"', b'"kind":"stare"')) == (
        "Sakstjenesten meldte en hendelse som ikke følger avtalt form."
    )
    assert said(b"\x00\xff not an event", Language.EN) == (
        "Something came in that is no event (15 bytes). It is kept as it is."
    )
    assert said(b"a" * 70_000, Language.EN).startswith("Something came in that is too long to be an entry.")


def test_a_basis_or_reason_that_is_new_is_not_repeated() -> None:
    """A row of a code list may be newer than this version; its code is in the entry, not in the sentence."""
    text = said(record(basis=LegalBasis(code="ring-kari-nordmann", version="2026-01-01")))
    assert text.endswith("på et annet grunnlag i kodelisten.")
    refused = said(record(permitted=False, reason="ola-nordmann"))
    assert refused == "Helsesykepleier på helsestasjonen (org. 999999999) ble nektet å lese utvikling i saken."


HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202e\u2066drow",
    "{who}",
    "{0.__class__}",
    "\x1b[2J",
    "a|b=c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_cannot_speak_through_a_sentence(text: str) -> None:
    """Wherever a string can stand in a record, it does not stand in the sentence."""
    event = json.loads(record(actor={"id": "act_somebody", "client": "a client"}))
    for place in ("subject", "partitionkey"):
        assert text not in said(json.dumps(event | {place: text}).encode())
    for field in ("client", "role", "unit", "organisation"):
        event["data"]["actor"][field] = text
        for language in Language:
            assert text not in said(json.dumps(event).encode(), language)
    for leaf in (text.encode(), json.dumps({"data": text}).encode()):
        assert text not in said(leaf)


@given(st.binary(max_size=300), st.sampled_from([None, *EVENTS]), st.sampled_from(Language))
def test_no_bytes_break_a_sentence(leaf: bytes, kind: str | None, language: Language) -> None:
    """Whatever stands there, somebody can be told something."""
    assert sentence(Entry(kind, "/services/cases", leaf), language)


def test_the_calendars_last_day_is_no_trap() -> None:
    """Norway's day would be in the year 10000."""
    assert "31. desember 9999" in said(record(valid_to="9999-12-31T23:30:00Z"))
