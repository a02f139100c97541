"""The formats of exports: FHIR by its models and by BALP's own slices, CSV and CEF against text that attacks its reader."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import unicodedata
from dataclasses import fields
from typing import Any, Literal

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import Received, index_record
from services.audit.domain.fhir import CLASSES, DICOM
from services.audit.exports import balp, cef
from services.audit.exports.balp import BundleWriter, audit_events
from services.audit.exports.cef import CefWriter
from services.audit.exports.table import COLUMNS, TableWriter
from services.audit.exports.writing import Told
from services.audit.queries import Search, StoredEntry
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.audit import ExportFilter
from shared.contracts.codes import InformationCategory, Language, LegalBasis, Purpose, Role, Service
from shared.inert import cell, inert, line_of_cells
from tests.integration.audit_world import NOON, Publisher

ORIGIN = "lagspill.no/logs/4005"
TOLD = Told(Checkpoint(ORIGIN, 9, bytes(32)), f"{ORIGIN}\n9\nAAAA\n\nsigned\n", Language.NB)


def stored(leaf: bytes, position: int = 0) -> StoredEntry:
    """The entry that the log would have of these bytes."""
    made = index_record(Received("t", 0, 0, leaf))
    return StoredEntry(
        log=made.log,
        position=position,
        logged_at=NOON,
        happened_at=made.happened or NOON,
        leaf=made.leaf,
        **{
            name: getattr(made, name)
            for name in ("kind", "type", "source", "event_id", "number", "case", "actor", "organisation", "unit")
        },
        **{name: getattr(made, name) for name in ("basis", "consent", "meeting", "permitted")},
    )


def record(**more: Any) -> bytes:
    """An access record as it is published."""
    publisher = Publisher()
    return publisher.publish(AccessRecorded.model_validate(publisher.access().model_dump() | more))


def disclosure() -> bytes:
    """A disclosure to two, with everything that can stand in it."""
    return record(
        kind=AccessKind.DISCLOSE,
        categories={InformationCategory.HEALTH, InformationCategory.PLAN},
        documents=[Publisher().ids.ref("doc")],
        purpose=Purpose.COORDINATION,
        basis=LegalBasis(code="consent", version="2018-07-20"),
        meeting=Publisher().ids.ref("mtg"),
        recipients=(
            Recipient(service=Service.SKOLE, role=Role.TEACHER, organisation="999000002"),
            Recipient(service=Service.BUP),
        ),
        valid_to=NOON,
    )


# --- FHIR -------------------------------------------------------------------------------------------------------------


def coded(concept: Any) -> set[str]:
    """The codes of a CodeableConcept, or of a Coding."""
    return {each["code"] for each in concept.get("coding", [concept])}


def slice_of(event: dict[str, Any], part: str, code: str) -> list[dict[str, Any]]:
    """The agents or entities whose type has the code."""
    return [each for each in event[part] if code in coded(each["type"])]


def check_rest(event: dict[str, Any], *, interaction: set[str], client: str, server: str, user: set[str]) -> None:
    """What BALP's Read and Update ask for: exactly one client and server with a network, the user without, one data entity."""
    assert event["type"] == {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"}
    assert (
        len({each["code"] for each in event["subtype"] if each["system"].endswith("restful-interaction")} & interaction)
        == 1
    )
    assert event["outcome"] == "0"
    for code in (client, server):
        (agent,) = slice_of(event, "agent", code)
        assert agent["who"]
        assert agent["network"]
        assert not agent["requestor"]
    (acting,) = [each for each in event["agent"] if coded(each["type"]) & user]
    assert acting["requestor"] is True
    assert "network" not in acting
    (data,) = slice_of(event, "entity", "2")
    assert data["role"]["code"] in {"4", "3", "20"}
    assert data["what"]
    (transaction,) = slice_of(event, "entity", "XrequestId")
    assert transaction["what"]["identifier"]["value"]


def check_patient(event: dict[str, Any], case: str) -> None:
    """Exactly one patient, a reference to a Patient."""
    (patient,) = [
        each for each in slice_of(event, "entity", "1") if each["type"]["system"].endswith("audit-entity-type")
    ]
    assert patient["role"] == {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1"}
    assert patient["what"]["type"] == "Patient"
    assert patient["what"]["identifier"]["value"] == case


def check_disclosure(event: dict[str, Any]) -> None:
    """BALP's PrivacyDisclosure.Source: an export, disclosed; source and recipient once each; the source recorded it."""
    assert event["type"] == {"system": DICOM, "code": "110106"}
    assert event["action"] == "R"
    assert {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "disclose"} in event[
        "subtype"
    ]
    for code in ("110153", "110152"):
        (agent,) = slice_of(event, "agent", code)
        assert agent["who"]
        assert agent["network"]
    assert slice_of(event, "agent", "110153")[0]["who"] == event["source"]["observer"]
    assert len(event["entity"]) >= 2


def events_of(leaf: bytes) -> list[dict[str, Any]]:
    """The AuditEvents of a record, each valid by FHIR's own model."""
    events = [
        json.loads(each.resource.model_dump_json(by_alias=True, exclude_none=True))
        for each in audit_events(stored(leaf), ORIGIN)
    ]
    for event in events:
        AuditEvent.model_validate(event)
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", event["id"])
    return events


@pytest.mark.parametrize("kind", [AccessKind.READ, AccessKind.PRINT, AccessKind.BREAK_GLASS])
def test_a_look_at_a_case_is_a_patient_read(kind: AccessKind) -> None:
    """Emergency access says so in its purpose and among its subtypes."""
    leaf = record(kind=kind, purpose=Purpose.COORDINATION)
    (event,) = events_of(leaf)
    assert event["meta"]["profile"] == [f"{balp.PROFILE}PatientRead"]
    assert event["action"] == "R"
    check_rest(event, interaction={"read", "vread"}, client="110152", server="110153", user={"IRCP"})
    check_patient(event, json.loads(leaf)["data"]["case"])
    purposes = {each["code"] for each in event["purposeOfEvent"][0]["coding"]}
    assert ("BTG" in purposes) == (kind is AccessKind.BREAK_GLASS)
    assert "COC" in purposes
    (acting,) = slice_of(event, "agent", "IRCP")
    assert acting["policy"][0] == "urn:lagspill:basis:consent:2026-01-01"
    assert coded(acting["role"][0]) == {"health-nurse"}
    (organisation,) = slice_of(event, "agent", "PROV")
    assert organisation["who"]["identifier"]["value"] == "999999999"


def test_a_change_is_a_patient_update() -> None:
    """What is written flows from the client to the server, and the user is its author."""
    leaf = record(kind=AccessKind.WRITE)
    (event,) = events_of(leaf)
    assert event["meta"]["profile"] == [f"{balp.PROFILE}PatientUpdate"]
    assert event["action"] == "U"
    check_rest(event, interaction={"update", "patch"}, client="110153", server="110152", user={"AUT", "INF", "CST"})
    check_patient(event, json.loads(leaf)["data"]["case"])


def test_a_disclosure_is_a_privacy_disclosure_to_each_recipient() -> None:
    """As recorded by the source; who, on which basis, what, until when (pasientjournalloven § 22 a)."""
    leaf = disclosure()
    first, second = events_of(leaf)
    for event, recipient in ((first, "999000002"), (second, "bup")):
        assert event["meta"]["profile"] == [f"{balp.PROFILE}PrivacyDisclosure.Source"]
        check_disclosure(event)
        check_patient(event, json.loads(leaf)["data"]["case"])
        assert slice_of(event, "agent", "110152")[0]["who"]["identifier"]["value"] == recipient
        (data,) = slice_of(event, "entity", "2")
        assert [each["type"] for each in data["detail"]] == ["category", "category", "document", "valid-to"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize("kind", AccessKind)
@pytest.mark.parametrize("permitted", [True, False])
@pytest.mark.parametrize("about", [True, False])
def test_every_kind_is_a_valid_audit_event(kind: AccessKind, *, permitted: bool, about: bool) -> None:
    """What was refused, searched or looked up in the log itself claims no profile that it does not keep."""
    changed: dict[str, Any] = {"kind": kind, "permitted": permitted, "recipients": (Recipient(service=Service.SKOLE),)}
    if not about:
        changed |= {"case": None, "subject_ref": "act_somebody", "actor": {"id": "act_somebody"}}
    (event,) = events_of(record(**changed))
    succeeded = permitted and kind is not AccessKind.DENY
    assert event["outcome"] == ("0" if succeeded else "4")
    assert ("outcomeDesc" in event) != succeeded
    profile = event.get("meta", {}).get("profile", [""])[0].rpartition("BasicAudit.")[2]
    expected = {
        AccessKind.READ: "Read", AccessKind.PRINT: "Read", AccessKind.BREAK_GLASS: "Read", AccessKind.WRITE: "Update",
    }.get(kind)  # fmt: skip
    if not succeeded:
        assert profile == ""
    elif expected is not None:
        assert profile == ("Patient" if about else "") + expected
    elif kind is AccessKind.DISCLOSE and about:
        assert profile == "PrivacyDisclosure.Source"
    else:
        assert profile == ""
    if not about and profile:
        assert not [each for each in event["entity"] if each["type"]["code"] == "1"]
    assert event["subtype"][-1]["code"] == kind.value


@pytest.mark.parametrize("kind", AccessKind)
@pytest.mark.parametrize("permitted", [True, False])
def test_no_format_says_of_a_refusal_that_it_was_permitted(kind: AccessKind, *, permitted: bool) -> None:
    """Whichever of the two fields of a record says so: CEF's decision, FHIR's outcome and the sentence agree."""
    entry = stored(record(kind=kind, permitted=permitted))
    refused = not permitted or kind is AccessKind.DENY
    (line,) = asyncio.run(_written(CefWriter(TOLD), [entry]))
    assert (b"flexString1=Deny" in line) == refused
    assert {event["outcome"] for event in events_of(entry.leaf)} == {"4" if refused else "0"}


def test_every_access_kind_is_classed() -> None:
    """A new kind needs its place in FHIR."""
    assert set(CLASSES) == set(AccessKind)


def test_a_bundle_is_valid_whatever_is_in_the_log() -> None:
    """Events, seals and bytes that are no event stand in no bundle; the file is valid with one, none and many."""
    publisher = Publisher()
    publisher.read()
    others = [publisher.seal(), b"\xff", b"a" * 70_000]
    for leaves in ([disclosure(), *others, record()], others, []):
        writer = BundleWriter(TOLD, "2026-09-07T10:00:00Z")
        body = writer.opening()
        pieces = asyncio.run(_written(writer, [stored(leaf, at) for at, leaf in enumerate(leaves)]))
        body += b"".join(pieces) + writer.closing(len(pieces), bytes(32))
        bundle = Bundle.model_validate_json(body)
        assert len(bundle.entry or []) == len(pieces)
        urls = [each["fullUrl"] for each in json.loads(body).get("entry", [])]
        assert len(set(urls)) == len(urls)


async def _written(writer: Any, entries: list[StoredEntry]) -> list[bytes]:
    return list(await writer.write(entries))


def test_an_export_can_be_asked_for_by_whatever_a_search_can() -> None:
    """Two lists of the same names."""
    assert set(ExportFilter.model_fields) == {each.name for each in fields(Search)} - {"kinds"}


# --- hostile text -----------------------------------------------------------------------------------------------------

HOSTILE = [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", '=HYPERLINK("https://example.invalid","x")', "\t=1+1", "\r=1+1", " =1+1",
    "\n=1+1", "＝1+1", "＋1", "－1", "＠A1", "\u200b=1", "\ufeff=1", 'a","=1+1', "a\r\n=1+1,b", "a;=1", "'=1", "\x1b[2J\x1b]0;owned\x07",
    "\u202ereversed\u202c", "\u2066isolated\u2069", "line\u2028break", "\x00nul", "\ud800", "tag\U000e0041", "\x9b31m", "\u0085",
    'a;"=1+1', "a; =1", "a;\u3000=1", "a|=1", "a,=1", "a;;=1", "a;＝1", "a;b;-1", 'a";""=1',
    "CEF:0|evil|x|1|y|z|10|suid=act_me", "a|b\\c=d", "a\nCEF:0|x|y|1.0|z|n|INFO|suid=act_me", "</script><script>alert(1)</script>",
]  # fmt: skip
CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_becomes_inert(text: str) -> None:
    """No control, no bidirectional override, no line; no formula in a cell; no field or line of CEF's."""
    safe = cell(text)
    assert not {unicodedata.category(letter) for letter in safe} & CONTROLS
    assert safe.lstrip()[:1] not in tuple("=+-@＝＋－＠")
    row = line_of_cells(["x", text, "y"])
    assert next(csv.reader(io.StringIO(row, newline=""))) == ["x", safe, "y"]
    value = cef.line(("a", "b", "c"), "INFO", {"suid": "act_one", "msg": text}).decode()
    assert value.count("\n") == 1
    assert re.findall(r"(?<!\\)\b(\w+)=", value) == ["suid", "msg"]
    header = cef.line((text, "b", "c"), "INFO", {"suid": "act_one"}).decode()
    assert len(re.split(r"(?<!\\)(?:\\\\)*\|", header)) == 8


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
@given(
    st.lists(
        st.sampled_from(HOSTILE) | st.text(st.sampled_from(" ;,|\"'=+-@\uff1d\t\ra1")),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_separates_cells_for_a_reader_none_of_its_cells_is_a_formula(
    delimiter: str, quoting: Literal[0, 3], texts: list[str]
) -> None:
    """In Norway Excel separates at semicolons when a file is opened: a cell of ours may be two of its own (OWASP, CSV injection)."""
    line = line_of_cells(["1", *texts])
    assert line.endswith("\r\n")
    (read,) = csv.reader([line], delimiter=delimiter, quoting=quoting)
    assert [each for each in read if each.lstrip()[:1] in tuple("=+-@＝＋－＠")] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_who_separates_at_semicolons_too_finds_the_same_cells(text: str) -> None:
    """LibreOffice separates at comma and semicolon at once, and heeds quotes: no text moves the cells behind it."""
    cells = re.findall(r'"(?:[^"]|"")*"|[^",;\r\n]+', line_of_cells(["1", text, "y"]))
    assert len(cells) == 3


@given(st.text())
def test_inert_text_keeps_what_people_write(text: str) -> None:
    """Letters, marks, numbers, signs and spaces stay; everything else becomes one visible mark."""
    safe = inert(text)
    assert len(safe) == len(text)
    assert all(new == old or (new == "\ufffd" and not old.isprintable()) for new, old in zip(safe, text, strict=True))
    assert inert(safe) == safe


@pytest.mark.parametrize("client", [each for each in HOSTILE if re.fullmatch(r"[ -~]{1,100}", each)])
def test_a_hostile_clients_name_does_nothing_in_any_format(client: str) -> None:
    """The one text in an access record that a program chooses about itself."""
    entry = stored(record(actor={"id": "act_somebody", "client": client}))
    (line,) = asyncio.run(_written(TableWriter(TOLD), [entry]))
    row = dict(zip(COLUMNS, next(csv.reader(io.StringIO(line.decode(), newline=""))), strict=True))
    assert row["client"] in (client, f"'{client}", cell(client))
    assert row["client"].replace("'", "") == client.replace("'", "")
    assert row["client"].lstrip()[:1] not in tuple("=+-@")
    assert client not in row["sentence"]
    (said,) = asyncio.run(_written(CefWriter(TOLD), [entry]))
    assert said.count(b"\n") == 1
    assert re.findall(r"(?<!\\)\bsuid=(\S+)", said.decode()) == ["act_somebody"]
    assert len(re.split(r"(?<!\\)\|", said.decode().partition("suid=")[0])) == 8
    (event,) = events_of(entry.leaf)
    (agent,) = slice_of(event, "agent", "110152")
    assert agent["who"]["identifier"]["value"] == client
    assert re.fullmatch(r"urn:lagspill:client:[A-Za-z0-9._~%-]+", agent["network"]["address"])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_record_that_is_no_event_stands_in_no_cell(text: str) -> None:
    """Its bytes are in the NDJSON export, in base64; everywhere else it is a sentence of ours."""
    for leaf in (text.encode("utf-8", "surrogatepass"), json.dumps({"type": text, "data": text}).encode()):
        entry = stored(leaf)
        (line,) = asyncio.run(_written(TableWriter(TOLD), [entry]))
        cells = next(csv.reader(io.StringIO(line.decode(), newline="")))
        assert cells[-1].startswith("Noe kom inn som ikke er en hendelse")
        assert text not in "".join(cells)
        assert asyncio.run(_written(CefWriter(TOLD), [entry])) == []
        assert list(audit_events(entry, ORIGIN)) == []


def test_an_access_record_of_another_form_is_left_to_the_formats_of_entries() -> None:
    """It has a line in CSV with what could be read; CEF and FHIR would have to invent."""
    entry = stored(record().replace(b'"kind":"read"', b'"kind":"stare"'))
    (line,) = asyncio.run(_written(TableWriter(TOLD), [entry]))
    assert line.decode().count(",") == len(COLUMNS) - 1
    assert asyncio.run(_written(CefWriter(TOLD), [entry])) == []
    assert list(audit_events(entry, ORIGIN)) == []
