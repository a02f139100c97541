"""Row 23: the auditor asks the log and verifies it with public keys only."""

from __future__ import annotations

import asyncio

from lagspill_verify import Report, verify

from deploy.demo.people import AUDITOR, TEACHER
from deploy.demo.stage import Stage, StoryError


async def row_23(stage: Stage) -> None:
    """20 June: the log holds every event of every service, and an outsider can prove it (story row 23)."""
    await stage.at(6, 20)
    case = stage.facts["case"]
    await stage.must_not(
        TEACHER,
        "asks the log:",
        "GET",
        "audit",
        f"/entries?case={case}&since=2026-08-01T00:00:00Z&until=2027-07-01T00:00:00Z",
        code="not-an-auditor",
        status=403,
    )
    found = await stage.does(
        AUDITOR,
        "asks the log who has seen what of this case",
        "GET",
        "audit",
        f"/entries?case={case}&since=2026-08-01T00:00:00Z&until=2027-07-01T00:00:00Z&limit=100",
    )
    entries = found.at("items")
    stage.check(isinstance(entries, list) and len(entries) > 20, "the case has a history in the log")
    kinds = sorted({str(one["kind"]) for one in entries if isinstance(one, dict)}) if isinstance(entries, list) else []
    stage.check("deny" in kinds, "the refused look is in the log")
    stage.narrator.happened(
        f"{len(entries) if isinstance(entries, list) else 0} entries, of kinds {', '.join(kinds)}; the question itself is one more"
    )
    await stage.bus.wait("access.recorded", lambda e: e.data["kind"] == "log-read")
    report = await verified(stage)
    stage.check(not report.findings, f"the log verifies: {report}")
    stage.narrator.happened(
        f"verified with the public key alone: {report.size} entries, root recomputed, signature good"
    )
    for journal in report.journals:
        stage.narrator.happened(f"complete: {journal}")


async def verified(stage: Stage, log: str = "4005") -> Report:
    """Verify a log over HTTP, as anyone with the public key and an auditor's token may.

    Raises:
        StoryError: the key cannot be had.
    """
    answer = await stage.call(None, "GET", "audit", f"/logs/{log}/vkey")
    if answer.status != 200:
        raise StoryError(f"the log's key cannot be had: {answer.status}")
    token = await stage.token(AUDITOR)
    address = f"{stage.settings.audit_url}/logs/{log}"
    return await asyncio.to_thread(verify, address, answer.content.decode().strip(), token=token)
