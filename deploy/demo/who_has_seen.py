"""Row 22: the guardians ask who has seen their child, and are told of every real look; nobody else is told anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from pydantic import JsonValue

from deploy.demo.people import CONTACT_TEACHER, GUARDIAN_A, GUARDIAN_B, PARENT_ELSEWHERE, secrets
from deploy.demo.stage import PATIENCE, Answer, Person, Seen, Stage, StoryError


async def row_22(stage: Stage) -> None:
    """18 June: who has seen our child (pasientjournalloven § 22 a, GDPR art. 15)."""
    await stage.at(6, 18)
    case = stage.facts["case"]
    await _nobody_else(stage, case)
    report = await _told(stage, GUARDIAN_A, "asks who has seen what of the child")
    rows = list(_rows(report))
    for row in rows:
        recipient = row["recipient"]
        if isinstance(recipient, dict) and recipient["service"] is not None:
            what = ", ".join(map(str, row["categories"])) if isinstance(row["categories"], list) else ""
            stage.narrator.happened(
                f"{row['day']}  {recipient['service']}, {recipient['role'] or 'in a meeting'}: "
                f"{row['kind']} ×{row['looks']} ({what})"
            )
    services = {recipient["service"] for row in rows if isinstance(recipient := row["recipient"], dict)}
    stage.check({"ppt", "helsestasjon", "skole"} <= services, "every service that was told is in the report")
    stage.check("barnevern" not in services, "who was shown nothing is not in the report")
    told = _positions(report)
    real = [event for event in stage.bus.events if _gave_content(event, case)]
    denied = [event for event in stage.bus.events if _denied(event, case)]
    stage.check(len(told) == len(real), f"{len(real)} real readings and disclosures, and the report has {len(told)}")
    stage.check(len(denied) >= 3, "attempts were denied in this story")
    stage.narrator.happened(
        f"each of {len(real)} real readings and disclosures, none of {len(denied)} denied attempts: those are the privacy officer's"
    )
    await _on_paper(stage, report.text("report"))
    other = await _told(stage, GUARDIAN_B, "asks the same")
    kinds = {recipient["kind"] for row in _rows(other) if isinstance(recipient := row["recipient"], dict)}
    stage.check("guardian" not in kinds, "neither guardian is told when the other looked, and guardian A has")


async def _told(stage: Stage, guardian: Person, what: str) -> Answer:
    """Ask until the log has taken what was read in this case, the school's look at the transition form among it."""
    case = stage.facts["case"]
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        made = await stage.does(guardian, what, "POST", "audit", "/innsyn-reports", {"case": case}, status=201)
        report = await stage.does(guardian, "", "GET", "audit", f"/innsyn-reports/{made.text('report')}")
        services = {recipient["service"] for row in _rows(report) if isinstance(recipient := row["recipient"], dict)}
        real = [event for event in stage.bus.events if _gave_content(event, case)]
        if "skole" in services and len(_positions(report)) >= len(real):
            return report
        if asyncio.get_running_loop().time() > deadline:
            raise StoryError("the log has not taken what the school read")
        what = ""
        await asyncio.sleep(0.2)


async def _on_paper(stage: Stage, report: str) -> None:
    """The same on a page in the guardian's own language, and as a PDF that a screen reader can read."""
    page = await stage.does(GUARDIAN_A, "", "GET", "audit", f"/innsyn-reports/{report}?format=html")
    text = page.content.decode()
    stage.check("Kven har sett opplysningane om barnet" in text, "in the guardian's own language")
    stage.check(not any(word in text for word in secrets()), "the report names neither the child nor anybody else")
    pdf = await stage.does(
        GUARDIAN_A, "", "GET", "audit", f"/innsyn-reports/{report}?format=pdf&language=nb&large=true"
    )
    stage.check(pdf.content.startswith(b"%PDF-1.7") and b"/StructTreeRoot" in pdf.content, "as a tagged PDF")
    stage.narrator.happened(
        "the same as a page in nynorsk, and as a tagged PDF in large print; each reading is an entry"
    )


async def _nobody_else(stage: Stage, case: str) -> None:
    """A parent of another child in another municipality, and whoever holds the baton: refused and recorded."""
    for person, code, status in (
        (PARENT_ELSEWHERE, "not-found", 404),
        (CONTACT_TEACHER, "insight-not-permitted", 403),
    ):
        before = len(stage.bus.events)
        await stage.must_not(
            person,
            "asks who has seen this child:",
            "POST",
            "audit",
            "/innsyn-reports",
            {"case": case},
            code=code,
            status=status,
        )
        await stage.bus.wait("access.recorded", lambda e: _denied(e, case), after=before)
    stage.narrator.happened("each of these refusals is in the case's log")


def _positions(report: Answer) -> set[JsonValue]:
    """Return where in the log the looks of others stand that the report tells of; one's own are in it too."""
    return {
        position
        for row in _rows(report)
        if isinstance(recipient := row["recipient"], dict) and recipient["kind"] != "you"
        if isinstance(row["positions"], list)
        for position in row["positions"]
        if isinstance(position, int)
    }


def _rows(report: Answer) -> Iterator[dict[str, JsonValue]]:
    rows = report.at("rows")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield row


def _gave_content(event: Seen, case: str) -> bool:
    """Return whether somebody outside the family was shown something: written again here, as an oracle."""
    actor, data = event.data.get("actor"), event.data
    return (
        event.envelope.type == "no.lagspill.access.recorded.v1"
        and event.envelope.source != "/services/audit"
        and data.get("case") == case
        and data.get("permitted") is True
        and data.get("kind") in {"read", "disclose", "break-glass"}
        and (bool(data.get("categories")) or data.get("kind") == "break-glass")
        and isinstance(actor, dict)
        and actor.get("role") not in {"guardian", "child"}
    )


def _denied(event: Seen, case: str) -> bool:
    return (
        event.envelope.type == "no.lagspill.access.recorded.v1"
        and event.data.get("case") == case
        and event.data.get("permitted") is False
    )
