"""Every operation of the cases service's own description: who may look leaves a record, and who may not learns nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, MutableMapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.slow]

NOBODY: Final = "_" + "b" * 26
SCAN: Final = b"%PDF-1.7\n1 0 obj\n"
SHARING: Final = "?service=ppt&category=language&purpose=assessment"


class Look(NamedTuple):
    """Who may look, and which record must be there before the answer is."""

    who: str
    basis: str | None = "own-task"
    kind: str = "read"
    query: str = ""


LOOKS: Final[Mapping[str, Look]] = {
    "/absences": Look("teacher", None, "list"),
    "/absences/{absence}": Look("teacher", None, "list"),
    "/break-glass": Look("nurse-leader", None, "list"),
    "/break-glass/{glass}": Look("nurse-leader"),
    "/cases": Look("teacher", None, "list"),
    "/cases/{case}": Look("teacher"),
    "/cases/{case}/child": Look("guardian-a", "parental-responsibility"),
    "/cases/{case}/concern-reports": Look("teacher"),
    "/cases/{case}/consents": Look("guardian-a", "parental-responsibility"),
    "/cases/{case}/contacts": Look("notify", "reach-guardians", "disclose"),
    "/cases/{case}/contributions": Look("teacher"),
    "/cases/{case}/copy": Look("guardian-a", "parental-responsibility", "export"),
    "/cases/{case}/documents": Look("teacher"),
    "/cases/{case}/guardians": Look("teacher"),
    "/cases/{case}/insight-right": Look("guardian-a", "parental-responsibility"),
    "/cases/{case}/language-needs": Look("teacher"),
    "/cases/{case}/overlaps-elsewhere": Look("teacher"),
    "/cases/{case}/overrides": Look("teacher"),
    "/cases/{case}/overview": Look("guardian-a", "parental-responsibility"),
    "/cases/{case}/plan": Look("teacher"),
    "/cases/{case}/sharing": Look("nurse", "consent", query=SHARING),
    "/cases/{case}/team": Look("ppt", "consent"),
    "/cases/{case}/watch": Look("notify"),
    "/concern-reports/{report}": Look("teacher", "bvl-13-2"),
    "/concern-reports/{report}/letter": Look("teacher", "bvl-13-2", "print"),
    "/concerns/{concern}": Look("teacher"),
    "/consents/{consent}": Look("teacher"),
    "/consents/{consent}/receipts": Look("teacher"),
    "/contributions": Look("barnevern", None, "list"),
    "/contributions/{contribution}": Look("barnevern", "anonymised"),
    "/documents/{document}": Look("teacher"),
    "/handovers/{handover}": Look("colleague"),
    "/handovers/{handover}/receipts": Look("teacher"),
    "/overrides/{override}": Look("styrer"),
    "/transition-forms/{form}": Look("teacher"),
}
OF_THE_PROTECTED: Final = frozenset({"/cases/{case}/watch"})
"""What there is of a case with a protected address only."""
ABOUT_NOBODY: Final = frozenset(
    {"/me", "/procedure", "/measure-types", "/transition-form-templates", "/figures", "/contribution-figures"}
)
"""Nothing in the answer is of any child: the reader's own token, the municipality's profile, counts without a small one."""
SERVICES_OWN: Final = frozenset({"/health/live", "/health/ready", "/journal/head"})
"""What every service answers of itself."""
OUTSIDERS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("curious", {}),
    ("teacher", {"municipality": "0301", "sub": "namesake"}),
    ("stranger", {}),
    ("rektor", {}),
    ("notify", {}),
)
NOTIFY_MAY: Final = frozenset({"/cases/{case}/contacts", "/cases/{case}/watch", "/cases/{case}/language-needs"})
FOR_OUTSIDERS: Final = frozenset({"/cases/{case}/break-glass"})
"""In an emergency an outsider comes in; who may, and what the others are told, is in `test_cases_glass_http.py`."""


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


async def document_in(world: World, who: str, path: str, key: str, claims: Mapping[str, str]) -> httpx.Response:
    """Put in a document: the one body that is no JSON."""
    headers = {
        "authorization": f"Bearer {world.token(who, **claims)}",
        "idempotency-key": key,
        "document-title": quote("Utredning"),
    }
    return await world.http.post(f"{path}?category=language", content=SCAN, headers=headers)


async def everything(world: World) -> dict[str, str]:
    """Make a case with one of everything that has a reference; return the references."""
    receipt = await world.must("teacher", "/concerns", world.concern())
    case = receipt["case"]
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.must("guardian-a", f"/cases/{case}/plan-request", {})
    spoken = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken"}
    await world.must("teacher", f"/cases/{case}/language-needs", spoken)
    scan = (await document_in(world, "teacher", f"/cases/{case}/documents", "scan", {})).json()
    made = {
        "consent": await world.consented(case),
        "measure": ("measures", MEASURE),
        "record": ("records", {"category": "language", "text": "Sier kopp."}),
        "form": ("transition-forms", FORM),
        "override": ("overrides", OVERRIDE),
        "report": ("concern-reports", REPORT),
        "contribution": ("contributions", QUESTION),
        "handover": ("handovers", {"kind": "baton", "receiver": await world.receiver("colleague")}),
    }
    refs = {"case": case, "concern": receipt["concern"], "document": scan["document"]}
    for name, what in made.items():
        if isinstance(what, str):
            refs[name] = what
        else:
            refs[name] = (await world.must("teacher", f"/cases/{case}/{what[0]}", what[1]))[name]
    refs["glass"] = (await world.must("nurse", f"/cases/{case}/break-glass", EMERGENCY))["glass"]
    away = {"reason": "away", "last_day": "2026-11-13", "falls_to": await world.receiver("styrer")}
    refs["absence"] = (await world.must("teacher", "/absences", away))["absence"]
    return refs


MEASURE: Final = {
    "code": "sprakgruppe",
    "owner": "ppt",
    "goal": "x",
    "indicator": "seen",
    "evaluate_by": "2026-11-01T11:00:00Z",
}
FORM: Final = {
    "form_type": "barnehage-to-school",
    "school_start": 2027,
    "fields": {"play-and-friends": "x", "language-and-speech": "x"},
}
OVERRIDE: Final = {
    "section": "bvl-13-2",
    "reason": "neglect-or-abuse",
    "services": ["barnevern"],
    "categories": ["concern"],
    "purposes": ["assessment"],
    "valid_to": "2026-09-20",
    "text": "x",
    "review_by": "2026-09-14T10:00:00Z",
    "not_heard": "danger-in-delay",
}
REPORT: Final = {
    "ground": "maltreatment-or-neglect",
    "text": "x",
    "guardians_informed": False,
    "not_informed_because": "danger-to-child",
    "not_heard": "danger",
}
QUESTION: Final = {
    "service": "barnevern",
    "reason": "competence-missing",
    "text": "Hva kan vi prøve?",
    "anonymous": True,
}
EMERGENCY: Final = {"reason": "danger-to-life", "text": "Fall.", "categories": ["health"], "hours": 2}


async def described(world: World) -> dict[str, dict[str, Any]]:
    """Return the operations of the service's description: path, then method."""
    document: dict[str, Any] = (await world.http.get("/openapi.json")).json()
    world_paths: dict[str, dict[str, Any]] = document["paths"]
    return {path: methods for path, methods in world_paths.items() if path not in SERVICES_OWN}


@pytest.mark.rule(106)
async def test_every_look_is_recorded_before_it_is_answered(world: World) -> None:
    refs = await everything(world)
    hidden = (await world.must("teacher", "/concerns", world.concern(address_protected=True)))["case"]
    there: list[list[dict[str, Any]]] = []

    async def watched(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                there.append([event["data"] for event in await world.published("access.recorded.v1")])
            await send(message)

        await world.parts.app(scope, receive, sent)

    reads = {path for path, methods in (await described(world)).items() if "get" in methods}
    assert reads - ABOUT_NOBODY == set(LOOKS), "an operation that looks at something has its row here"
    transport = httpx.ASGITransport(app=watched)
    async with httpx.AsyncClient(transport=transport, base_url="http://cases") as client:
        for path, look in LOOKS.items():
            me = (await world.see(look.who, "/me"))["actor"]
            before = len(await world.published("access.recorded.v1"))
            there.clear()
            headers = {"authorization": f"Bearer {world.token(look.who)}"}
            about = {**refs, "case": hidden} if path in OF_THE_PROTECTED else refs
            answer = await client.get(path.format(**about) + look.query, headers=headers)
            assert answer.status_code == 200, (path, answer.text)
            new = there[0][before:]
            assert len(new) >= 1, path
            case = None if look.kind == "list" else about["case"]
            for one in new:
                assert (one["kind"], one["actor"]["id"], one.get("case"), one["permitted"]) == (
                    look.kind,
                    me,
                    case,
                    True,
                ), path
            assert {(one.get("basis") or {}).get("code") for one in new} == {look.basis}, path


def example_of(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    """Return the example that the description gives of an operation's body; none where it takes no JSON."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema: dict[str, Any] = content["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema["examples"][0]


@pytest.mark.rule(106)
async def test_no_operation_tells_an_outsider_that_something_is_there_and_each_denial_is_recorded(world: World) -> None:
    refs = await everything(world)
    document: dict[str, Any] = (await world.http.get("/openapi.json")).json()
    unknown = {name: ref[:3] + NOBODY for name, ref in refs.items()}
    others = {"ordinal": "1", "service": "ppt"}
    version = await world.version("teacher", refs["case"])
    events, swept = len(await world.types()), 0
    operations = [
        (path, method, operation)
        for path, methods in (await described(world)).items()
        for method, operation in methods.items()
        if path not in FOR_OUTSIDERS and any(f"{{{name}}}" in path for name in refs)
    ]
    for path, method, operation in operations:
        body = example_of(document, operation)
        for who, claims in OUTSIDERS:
            if who == "notify" and path in NOTIFY_MAY:
                continue
            answers: list[tuple[int, str | None, str | None]] = []
            denials = await denied(world)
            for known in (refs, unknown):
                at = path.format(**known, **others)
                if method == "get":
                    query = SHARING if path.endswith("/sharing") else ""
                    answer = await world.get(who, at + query, **claims)
                elif path.endswith("/documents"):
                    answer = await document_in(world, who, at, f"{who}-{len(answers)}-{swept}", claims)
                else:
                    answer = await world.post(who, at, body, if_match=version, claims=claims)
                answers.append((answer.status_code, answer.json().get("code"), answer.json().get("detail")))
            assert answers[0] == answers[1], (method, path, who)
            assert answers[0][:2] == (404, "not-found"), (method, path, who)
            assert await denied(world) == denials + 1, (method, path, who)
            swept += 1
    assert swept > 400
    assert len(await world.types()) == events


async def denied(world: World) -> int:
    """Return how many denials were recorded."""
    rows = await world.pool.fetch("SELECT body FROM outbox WHERE convert_from(body, 'UTF8') LIKE '%\"deny\"%'")
    return sum(json.loads(row["body"])["data"]["kind"] == "deny" for row in rows)
