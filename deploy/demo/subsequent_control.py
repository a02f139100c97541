"""Row 18: a curious employee of another unit is refused, and the privacy officer is told; nobody else's work is flagged."""

from __future__ import annotations

from pydantic import JsonValue

from deploy.demo.people import AUDITOR, CHILD_NAME, CURIOUS, PRIVACY_OFFICER
from deploy.demo.stage import Answer, Stage


async def row_18(stage: Stage) -> None:
    """10 February: opening the case is refused and recorded, and is a finding that a privacy officer answers for."""
    await stage.at(2, 10)
    case = stage.facts["case"]
    me = await stage.does(CURIOUS, "", "GET", "cases", "/me")
    sought = await stage.does(
        CURIOUS, "searches for the child by name, and finds nothing", "POST", "cases", "/search", {"name": CHILD_NAME}
    )
    stage.check(sought.at("items") == [], "nothing is found that she may not see")
    await stage.bus.wait(
        "access.recorded",
        lambda e: e.data["kind"] == "search" and e.data["subject_ref"] == me.text("actor"),
    )
    await stage.must_not(
        CURIOUS,
        "opens the case from another barnehage:",
        "GET",
        "cases",
        f"/cases/{case}",
        code="not-found",
        status=404,
    )
    denied = await stage.bus.wait(
        "access.recorded", lambda e: e.data.get("case") == case and e.data.get("reason") == "no-relation"
    )
    stage.check(denied.data["permitted"] is False, "refused, and recorded")
    flag = await stage.bus.wait("audit.finding.raised", lambda e: e.data.get("about") == me.text("actor"))
    stage.check(flag.data["pattern"] == "without-relation", "a flag to the privacy officer")
    finding = flag.data["finding"]
    listed = await stage.until(
        PRIVACY_OFFICER,
        "audit",
        "/findings?group=behaviour",
        lambda answer: _findings(answer) == [finding],
        "the one finding in half a year: nobody's ordinary work is flagged",
    )
    stage.narrator.happened(f"a finding, and the only one: {listed.at('items', 0, 'sentence')}")
    shown = await stage.does(
        PRIVACY_OFFICER, "looks at what it rests on", "GET", "audit", f"/findings/{finding}?language=en"
    )
    explanation: JsonValue = {"verdict": "mistake", "text": "Fikk lenken av en kollega; samtale holdt, lenken slettet."}
    await stage.must_not(
        AUDITOR,
        "would answer for it:",
        "POST",
        "audit",
        f"/findings/{finding}/explanation",
        explanation,
        code="finding-forbidden",
        status=403,
        if_match=shown.etag,
    )
    closed = await stage.does(
        PRIVACY_OFFICER,
        "has talked with her, and answers for it in time",
        "POST",
        "audit",
        f"/findings/{finding}/explanation",
        explanation,
        status=201,
        if_match=shown.etag,
    )
    stage.check(closed.at("status") == "explained", "explained")
    await stage.bus.wait("audit.finding.explained", lambda e: e.data["finding"] == finding)
    stage.narrator.happened("finding.explained: that it was, and what it was; the words stay in the vault")


def _findings(answer: Answer) -> list[JsonValue]:
    items = answer.at("items")
    return [one["finding"] for one in items if isinstance(one, dict)] if isinstance(items, list) else []
