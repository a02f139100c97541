"""Row 19: danger to life and health. The glass is broken with a reason, for a time, and somebody else looks at it afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import JsonValue

from deploy.demo.people import HEALTH_LEADER, NURSE
from deploy.demo.stage import Answer, Seen, Stage

_WHY: JsonValue = "Innlagt akutt; vi må vite om sykdom og hvem som kan nås."


async def row_19(stage: Stage) -> None:
    """11 February: the health nurse, whose consent has ended, opens the case in an emergency; her leader reviews it."""
    await stage.at(2, 11)
    case = stage.facts["case"]
    asked: dict[str, JsonValue] = {"reason": "danger-to-life", "categories": ["contact", "health"], "hours": 2}
    await stage.must_not(
        NURSE,
        "breaks the glass without saying why:",
        "POST",
        "cases",
        f"/cases/{case}/break-glass",
        asked,
        code="input-invalid",
        status=422,
    )
    opened = await stage.does(
        NURSE,
        "breaks the glass: danger to life, two hours, and says why",
        "POST",
        "cases",
        f"/cases/{case}/break-glass",
        {**asked, "text": _WHY},
        status=201,
    )
    glass = opened.text("glass")
    event = await stage.bus.wait("cases.break-glass.opened", lambda e: e.data["glass"] == glass)
    stage.check(datetime.fromisoformat(str(event.data["review_by"])) > stage.now, "there is a day to review it by")
    await stage.does(NURSE, "reads what the emergency needs", "GET", "cases", f"/cases/{case}/child")
    await stage.bus.wait("access.recorded", lambda e: _emergency(e, case))
    stage.narrator.happened(
        "access.recorded: as an emergency access, with its basis; the words of the reason are in the vault"
    )
    await stage.must_not(
        NURSE,
        "would review it herself:",
        "POST",
        "cases",
        f"/break-glass/{glass}/review",
        {"outcome": "justified"},
        code="not-found",
        status=404,
    )
    await stage.at(2, 12)
    await stage.must_not(
        NURSE,
        "looks once more, the day after:",
        "GET",
        "cases",
        f"/cases/{case}/child",
        code="not-found",
        status=404,
    )
    await stage.does(
        HEALTH_LEADER,
        "reads why, and what was looked at, and finds it justified",
        "POST",
        "cases",
        f"/break-glass/{glass}/review",
        {"outcome": "justified"},
        status=201,
    )
    await stage.bus.wait("cases.break-glass.reviewed", lambda e: e.data["glass"] == glass)
    # The log's time is that of its entries. A clock that jumps by days before the log has the review would put it behind
    # entries of after its day, and nobody would be seen to have reviewed in time.
    since, until = stage.now.date(), stage.now.date() + timedelta(days=1)
    await stage.until(
        stage.log.auditor,
        "audit",
        f"/entries?case={case}&since={since}T00:00:00Z&until={until}T00:00:00Z&limit=100",
        _reviewed,
        "the log has the review",
    )


def _reviewed(entries: Answer) -> bool:
    items = entries.at("items")
    types = [one.get("type") for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    return "no.lagspill.cases.break-glass.reviewed.v1" in types


def _emergency(event: Seen, case: str) -> bool:
    return event.data.get("case") == case and event.data["kind"] == "break-glass" and event.data["permitted"] is True
