"""The work around the child, played badly: what `test_bad_input.py` asks of every operation of the cases service."""

from __future__ import annotations

from tests.e2e.cases_world import World
from tests.e2e.gauntlet import Gauntlet


async def play_team(run: Gauntlet, world: World, case: str) -> None:
    """Play every command of the team, plan, contributions and reports in an open case with a consent for PPT and helsestasjon."""
    at = f"/cases/{case}"
    await run.does("teacher", f"{at}/team-members", {"service": "helsestasjon"})
    await run.over("teacher", f"{at}/team-members", {"service": "helsestasjon"}, code="already-member")
    departure = f"{at}/team-members/helsestasjon/departure"
    await run.does("teacher", departure, {"reason": "guardians-wish"})
    await run.over("teacher", departure, {"reason": "guardians-wish"}, code="not-a-member")
    await run.does("teacher", f"{at}/team-goal", {"text": "Har noen å leke med."})
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken"}
    await run.does("teacher", f"{at}/language-needs", need)
    await run.does("teacher", f"{at}/child-view-exceptions", {"before": "plan", "reason": "does-not-wish"})

    appointed = {"kind": "barnekoordinator", "coordinator": await world.receiver("nurse")}
    await run.over("teacher", f"{at}/coordinator", appointed, code="coordinator-not-requested")
    await run.does("guardian-a", f"{at}/coordinator-request", {})
    await run.does("teacher", f"{at}/coordinator", appointed)
    offer = {"kind": "barnekoordinator", "receiver": await world.receiver("second-nurse")}
    offered = (await run.does("nurse", f"{at}/coordinator-handovers", offer))["handover"]
    await run.over("nurse", f"{at}/coordinator-handovers", offer, code="handover-open")
    await run.does("nurse", f"/handovers/{offered}/withdrawal")
    await run.does("guardian-a", f"{at}/coordinator-end", {"kind": "barnekoordinator"})
    await run.over("guardian-a", f"{at}/coordinator-end", {"kind": "barnekoordinator"}, code="no-coordinator")

    await run.does("guardian-b", f"{at}/plan-request", {})
    await run.over("guardian-b", f"{at}/plan-request", {}, code="plan-exists")
    await run.does("nurse", f"{at}/plan", {"goals": ["Har noen å leke med."]})
    await run.does("guardian-a", f"{at}/plan-closure", {"reason": "no-longer-wanted"})
    await run.over("guardian-a", f"{at}/plan-closure", {"reason": "no-longer-wanted"}, code="plan-not-open")

    asked = {"service": "ppt", "reason": "assessment", "text": "Hva kan vi prøve?", "anonymous": True}
    why = {"reason": "no-capacity", "text": "Ingen ledige før jul."}
    for way, who, body in (("declination", "ppt-leader", why), ("acceptance", "ppt", None)):
        contribution = (await run.does("teacher", f"{at}/contributions", asked))["contribution"]
        await run.over("teacher", f"{at}/contributions", asked, code="contribution-open")
        await run.over("ppt", f"/contributions/{contribution}/declination", why, code="leader-must-decline")
        await run.does(who, f"/contributions/{contribution}/{way}", body)
        await run.over(who, f"/contributions/{contribution}/{way}", body)
    await run.does("teacher", f"/contributions/{contribution}/ending", {"reason": "given"})
    await run.over(
        "teacher", f"/contributions/{contribution}/ending", {"reason": "given"}, code="contribution-not-open"
    )

    written = {
        "ground": "special-needs-not-met",
        "text": "Får ikke den hjelpen som trengs.",
        "guardians_informed": False,
        "not_informed_because": "danger-to-child",
        "not_heard": "does-not-wish",
    }
    report = (await run.does("teacher", f"{at}/concern-reports", written))["report"]
    await run.over("teacher", f"/concern-reports/{report}/feedback", {"kind": "received"}, code="report-not-posted")
    await run.does("teacher", f"/concern-reports/{report}/posting")
    await run.over("teacher", f"/concern-reports/{report}/posting", code="report-not-to-post")
    await run.over("ppt", f"/concern-reports/{report}/guardians-informed")
    await run.does("teacher", f"/concern-reports/{report}/guardians-informed")
    await run.does("teacher", f"/concern-reports/{report}/feedback", {"kind": "dismissed"})
    await run.over("teacher", f"/concern-reports/{report}/feedback", {"kind": "received"}, code="report-concluded")
