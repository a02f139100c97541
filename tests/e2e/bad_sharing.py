"""Sharing by law and over time, holds and absences, played badly: what `test_bad_input.py` asks of every operation of the cases service."""

from __future__ import annotations

from shared.testing.people import People
from tests.e2e.cases_world import OVERRIDE, World
from tests.e2e.gauntlet import Gauntlet


async def play_sharing(run: Gauntlet, world: World) -> None:
    """Play every command of overrides, renewals, care orders, legal holds, drafted offers and absences in a case of their own."""
    child = People(63).child(age=5)
    named = {"name": child.name, "national_number": child.national_number}
    receipt = await world.must("teacher", "/concerns", world.concern(child=named))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = receipt["case"]
    at = f"/cases/{case}"

    override = (await run.does("teacher", f"{at}/overrides", OVERRIDE))["override"]
    await run.over("teacher", f"/overrides/{override}/review", {"justified": True}, code="not-permitted")
    await run.does("styrer", f"/overrides/{override}/review", {"justified": False})
    await run.over("styrer", f"/overrides/{override}/review", {"justified": True}, code="override-reviewed")
    await run.over("barnevern", f"/overrides/{override}/guardians-informed")
    await run.does("teacher", f"/overrides/{override}/guardians-informed")

    consent = await world.consented(case)
    renewals, longer = f"/consents/{consent}/renewals", {"valid_to": "2028-06-16"}
    await run.over("teacher", renewals, longer, code="child-view-missing")
    view = {"method": "conversation", "before": "consent", "text": "Vil ha hjelp."}
    await world.must("teacher", f"{at}/child-views", view)
    await run.does("teacher", renewals, longer)
    await run.over("teacher", renewals, longer, code="renewal-open")

    order = {"in_force": True, "note": "Vedtak lest i original."}
    await run.does("teacher", f"{at}/care-orders", order)
    await run.over("teacher", f"{at}/care-orders", order, code="care-order-known")

    await run.over("styrer", f"{at}/legal-hold-releases", code="no-legal-hold")
    await run.does("styrer", f"{at}/legal-holds", {"reason": "archive"})
    await run.over("teacher", f"{at}/legal-holds", {"reason": "archive"}, code="not-permitted")
    await run.does("styrer", f"{at}/legal-hold-releases")
    await run.over("styrer", f"{at}/legal-hold-releases", code="no-legal-hold")

    drafted = {"kind": "baton", "receiver": await world.receiver("colleague"), "draft": True}
    handover = (await world.must("teacher", f"{at}/handovers", drafted))["handover"]
    await run.over("colleague", f"/handovers/{handover}/acceptance")
    await run.does("teacher", f"/handovers/{handover}/sending")
    await run.over("teacher", f"/handovers/{handover}/sending")
    await world.must("teacher", f"/handovers/{handover}/withdrawal")

    away = {
        "person": (await world.see("teacher", "/me"))["actor"],
        "reason": "away",
        "last_day": "2026-11-13",
        "back_on": "2027-02-01",
        "falls_to": await world.receiver("styrer"),
    }
    await run.over("colleague", "/absences", away, code="absence-of-others")
    absence = (await run.does("teacher", "/absences", away, of_a_case=False))["absence"]
    await run.does("teacher", f"/absences/{absence}/withdrawal")
    await run.over("teacher", f"/absences/{absence}/withdrawal")
