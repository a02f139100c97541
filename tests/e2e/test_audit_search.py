"""Searching the log over HTTP: our names and FHIR's, periods, sentences in the reader's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.codes import Service
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import Publisher

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

WEEK = {"since": "2026-09-07T00:00:00Z", "until": "2026-09-14T00:00:00Z"}


@pytest_asyncio.fixture
async def audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """The composed service; its logs are fed directly."""
    async with audit_service(migrated, issuer, clock) as made:
        yield made


def vary(publisher: Publisher, case: str, **more: Any) -> bytes:
    """An access record that differs from the usual one."""
    return publisher.publish(AccessRecorded.model_validate(publisher.access(case).model_dump() | more))


async def filled(audit: Served) -> tuple[str, str, str]:
    """Six entries; return the case, the consent and the meeting that they are about."""
    publisher = Publisher()
    case, consent, meeting = (publisher.ids.ref(prefix) for prefix in ("cas", "cst", "mtg"))
    other = {"id": "act_somebody-else", "organisation": "999000001", "unit": "unit:ppt"}
    await audit.world.take(
        publisher.read(case),
        vary(publisher, case, consent=consent, basis={"code": "own-task", "version": "2018-07-20"}),
        vary(publisher, case, actor=other, meeting=meeting, kind=AccessKind.WRITE),
        vary(publisher, case, kind=AccessKind.DENY, permitted=False, reason="no-relation"),
        vary(publisher, case, kind=AccessKind.DISCLOSE, recipients=(Recipient(service=Service.SKOLE),)),
        publisher.seal(),
    )
    return case, consent, meeting


async def positions(audit: Served, query: dict[str, Any]) -> list[int]:
    """The positions that a search finds."""
    answer = await audit.http.get("/entries", params=query, headers={"authorization": f"Bearer {audit.token()}"})
    assert answer.status_code == 200, answer.text
    return [entry["position"] for entry in answer.json()["items"]]


async def test_each_of_fhirs_names_finds_what_ours_finds(audit: Served) -> None:
    """The table of docs/auditing.md, row by row: agent, patient, entity, action, type, subtype, outcome, policy, date."""
    case, consent, meeting = await filled(audit)
    rest = "http://terminology.hl7.org/CodeSystem/audit-event-type|rest"
    rows: list[tuple[dict[str, Any], dict[str, Any], list[int]]] = [
        ({"patient": case}, {"case": case}, [4, 3, 2, 1, 0]),
        ({"patient": f"Patient/{case}"}, {"case": case}, [4, 3, 2, 1, 0]),
        ({"patient:identifier": f"https://lagspill.no/fhir/case|{case}"}, {"case": case}, [4, 3, 2, 1, 0]),
        ({"entity": case}, {"case": case}, [4, 3, 2, 1, 0]),
        ({"entity": meeting, **WEEK}, {"meeting": meeting, **WEEK}, [2]),
        ({"entity": consent, **WEEK}, {"consent": consent, **WEEK}, [1]),
        ({"agent": "act_somebody-else"}, {"actor": "act_somebody-else"}, [2]),
        ({"agent": "Organization/999000001", **WEEK}, {"organisation": "999000001", **WEEK}, [2]),
        ({"action": "U", "case": case}, {"kind": "write", "case": case}, [2]),
        ({"subtype": "disclose", "case": case}, {"kind": "disclose", "case": case}, [4]),
        ({"type": "110106", "case": case}, {"kind": "disclose", "case": case}, [4]),
        ({"outcome": "4", "case": case}, {"permitted": "false", "case": case}, [3]),
        ({"outcome": "0", "case": case}, {"permitted": "true", "case": case}, [4, 2, 1, 0]),
        ({"policy": consent, "case": case}, {"consent": consent, "case": case}, [1]),
        ({"policy": "urn:lagspill:basis:own-task", "case": case}, {"basis": "own-task", "case": case}, [1]),
        ({"date": ["ge2026-09-07", "lt2026-09-08"]}, WEEK, [5, 4, 3, 2, 1, 0]),
        ({"date": "2026-09-07T10:00:03Z", "case": case}, {"kind": "write", "case": case}, [2]),
        ({"date": "gt2026-09-07T12:00:04+02:00", "case": case}, {"kind": "disclose", "case": case}, [4]),
        ({"date": "le2026-09-07T10:00:02Z", "case": case}, {"until": "2026-09-07T10:00:03Z", "case": case}, [1, 0]),
        ({"type": rest, "action": "R", "case": case}, {"until": "2026-09-07T10:00:03Z", "case": case}, [3, 1, 0]),
    ]
    for theirs, ours, expected in rows:
        assert await positions(audit, theirs) == expected, theirs
        if "type" not in theirs or "action" not in theirs:
            assert await positions(audit, ours) == expected, ours
    assert await positions(audit, {"source": "/services/cases", **WEEK}) == [5, 4, 3, 2, 1, 0]
    assert await positions(audit, {"source": "/services/meetings", **WEEK}) == []
    assert await positions(audit, {"type": "no.lagspill.cases.journal.sealed.v1", **WEEK}) == [5]


async def test_an_actor_that_is_written_as_a_case_is_nobody(audit: Served) -> None:
    """The form of actors is wide; nothing breaks for that."""
    assert await positions(audit, {"actor": "cas_bcdfghjk"}) == []


async def test_a_period_of_logging(audit: Served) -> None:
    """When something came in is another time than when it happened; either may bound a search."""
    case, _, _ = await filled(audit)
    logged = {"logged_since": "2026-09-07T00:00:00Z", "logged_until": "2026-09-08T00:00:00Z"}
    everything = await positions(audit, logged)
    assert len(everything) == 6
    assert await positions(audit, {"case": case, "logged_until": "2026-09-01T00:00:00Z"}) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"agent": "act_somebody-else", "actor": "act_somebody-else"}, "parameter-conflict"),
        ({"patient": "CASE", "case": "CASE"}, "parameter-conflict"),
        ({"patient": "CASE", "entity": "CASE"}, "parameter-conflict"),
        ({"kind": "read", "action": "R", "patient": "CASE"}, "parameter-conflict"),
        ({"outcome": "4", "permitted": "false", "patient": "CASE"}, "parameter-conflict"),
        ({"since": "2026-09-07T00:00:00Z", "date": "ge2026-09-07"}, "parameter-conflict"),
        ({"date": ["ge2026-09-07", "ge2026-09-08"]}, "parameter-conflict"),
        ({"agent": "Practitioner/1234"}, "parameter-value"),
        ({"patient": "Patient/123456"}, "parameter-value"),
        ({"patient": "CASE", "action": "D"}, "parameter-value"),
        ({"patient": "CASE", "type": "http://example.org/other|rest"}, "parameter-value"),
        ({"patient": "CASE", "outcome": "8"}, "parameter-value"),
        ({"patient": "CASE", "date": "sa2026-09-07"}, "parameter-value"),
        ({"patient": "CASE", "date": "ge2026-02-30"}, "parameter-value"),
        ({"patient": "CASE", "date": "ge0001-01-01"}, "parameter-value"),
        ({"patient": "CASE", "date": "lt9999-12-31"}, "parameter-value"),
        ({"date": "ge2026-09-07"}, "period-too-long"),
        ({"logged_since": "2026-09-07T00:00:00Z", "logged_until": "2026-12-07T00:00:00Z"}, "period-too-long"),
        ({"patient": "CASE", "site": "here"}, "input-invalid"),
        ({"patient": "CASE", "lang": "sv"}, "input-invalid"),
    ],
)
async def test_what_is_asked_twice_or_means_nothing_is_refused(audit: Served, query: dict[str, Any], code: str) -> None:
    """A search that is not understood must not show something else."""
    case = Publisher().ids.ref("cas")
    asked = {name: case if value == "CASE" else value for name, value in query.items()}
    answer = await audit.http.get("/entries", params=asked, headers={"authorization": f"Bearer {audit.token()}"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_each_entry_is_told_in_the_readers_language(audit: Served) -> None:
    """By parameter, else by header, else Bokmål; one entry as well as many."""
    case, _, _ = await filled(audit)
    token = {"authorization": f"Bearer {audit.token()}"}
    said = {
        "nb": "Helsesykepleier på helsestasjonen (org. 999999999) leste utvikling i saken, etter samtykke versjon 1.",
        "nn": "Helsesjukepleiar på helsestasjonen (org. 999999999) las utvikling i saka, etter samtykke versjon 1.",
        "en": "A public health nurse at the child health centre (org. 999999999) read development in the case,"
        " by consent version 1.",
    }
    for header, lang, language in [
        ("", None, "nb"),
        ("sv, de;q=0.9", None, "nb"),
        ("no", None, "nb"),
        ("en;q=0.4, nn-NO;q=0.8", None, "nn"),
        ("nn, en;q=1.5", None, "nn"),
        ("nn", "en", "en"),
    ]:
        headers = token | {"accept-language": header}
        query = {"case": case} | ({} if lang is None else {"lang": lang})
        answer = await audit.http.get("/entries", params=query, headers=headers)
        assert answer.json()["items"][-1]["sentence"] == said[language], header
        assert answer.headers["content-language"] == language
        one = await audit.http.get("/entries/0", params={} if lang is None else {"lang": lang}, headers=headers)
        assert one.json()["sentence"] == said[language]


async def test_nothing_is_answered_when_the_query_cannot_be_recorded(audit: Served) -> None:
    """Fail closed, a page of entries and a single one; when the journal can write again, the query is an entry first."""
    case, _, _ = await filled(audit)
    queries: list[tuple[str, dict[str, str]]] = [
        ("/entries", {"case": case}),
        ("/entries", WEEK),
        ("/entries", {"patient": case}),
        ("/entries/0", {}),
    ]
    await audit.pool.execute("ALTER TABLE outbox RENAME TO elsewhere")
    for path, query in queries:
        answer = await audit.get(path, audit.token(), **query)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), path
        assert case not in answer.text
        assert "act_" not in answer.text
    await audit.pool.execute("ALTER TABLE elsewhere RENAME TO outbox")
    assert await audit.recorded() == []
    for nth, (path, query) in enumerate(queries, 1):
        assert case in str(await audit.see(path, **query)), path
        assert [look["kind"] for look in await audit.recorded()] == ["log-read"] * nth
