"""Rows 13 to 15: the baton is never dropped, a measure without effect is not just repeated, and double work is seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import JsonValue

from deploy.demo.people import COLLEAGUE, LEADER, PEDAGOGICAL_LEADER, PPT, PPT_LEADER, TEACHER
from deploy.demo.stage import MESSAGES, Person, Stage, told

_LIA = {"service": "barnehage", "unit": "unit:lia-barnehage", "organisation": "310001015"}


async def row_13(stage: Stage) -> None:
    """5 November: she hands the baton over; one says no, the other nothing, and it is never nobody's (seed rule 107)."""
    await stage.at(11, 5)
    case = stage.facts["case"]
    leader = await stage.does(LEADER, "", "GET", "cases", "/me")
    absence = await stage.does(
        TEACHER,
        "will be on leave from the 14th; what she holds is listed",
        "POST",
        "cases",
        "/absences",
        {
            "reason": "away",
            "last_day": "2026-11-13",
            "back_on": "2026-11-23",
            "falls_to": {"actor": leader.text("actor"), "role": "leader", **_LIA},
        },
        status=201,
    )
    listed = await stage.does(TEACHER, "", "GET", "cases", f"/absences/{absence.text('absence')}")
    stage.check(listed.at("cases", 0, "case") == case, "her case is on the list")
    first = await _offer(stage, TEACHER, COLLEAGUE, "teacher", "offers the baton to a colleague")
    await stage.does(
        COLLEAGUE,
        "says no, with a reason",
        "POST",
        "cases",
        f"/handovers/{first}/rejection",
        {"reason": "capacity", "text": "Har selv fire saker denne høsten."},
        status=201,
    )
    await _holds(stage, "teacher", "after the no, she still holds it")
    await stage.until(
        TEACHER, "notify", MESSAGES, told("handover-rejected"), "she has a message that the answer was no"
    )
    second = await _offer(
        stage, TEACHER, PEDAGOGICAL_LEADER, "pedagogical-leader", "offers it to the pedagogical leader, within a week"
    )
    await stage.at(11, 10)
    await stage.bus.wait(
        "notify.deadline.approaching", lambda e: e.data.get("case") == case and e.data["kind"] == "answer-handover"
    )
    await stage.at(11, 12, 10)
    await stage.bus.wait("cases.handover.overdue", lambda e: e.data["handover"] == second)
    raised = await stage.bus.wait(
        "notify.escalation.raised", lambda e: e.data.get("case") == case and e.data["kind"] == "answer-handover"
    )
    stage.check(raised.data["unit"] == "unit:lia-barnehage", "the leader of the unit is told")
    await _holds(stage, "teacher", "silence is no answer: she still holds it")
    stage.narrator.happened("a reminder, overdue, escalated to the leader of the unit; until then the teacher holds it")
    await stage.must_not(
        TEACHER,
        "cannot answer for the receiver herself:",
        "POST",
        "cases",
        f"/handovers/{second}/acceptance",
        code="sender-cannot-accept",
        status=403,
    )
    await stage.does(LEADER, "answers on behalf: yes", "POST", "cases", f"/handovers/{second}/acceptance", status=201)
    accepted = await stage.bus.wait("cases.handover.accepted", lambda e: e.data["handover"] == second)
    stage.check(accepted.data["on_behalf"] is True, "on behalf")
    await _holds(stage, "pedagogical-leader", "now the pedagogical leader holds it", by=PEDAGOGICAL_LEADER)
    await stage.at(11, 23)
    back = await _offer(
        stage, PEDAGOGICAL_LEADER, TEACHER, "teacher", "gives it back when the teacher is at work again", kind="baton"
    )
    await stage.does(TEACHER, "takes it", "POST", "cases", f"/handovers/{back}/acceptance", status=201)
    await _holds(stage, "teacher", "the teacher holds it again")


async def row_14(stage: Stage) -> None:
    """1 December: the measure had no effect; it must change, and is not repeated without a new reason (seed rules 89, 90)."""
    await stage.at(11, 24, 13)
    case = stage.facts["case"]
    planned = await stage.bus.wait("cases.measure.planned", lambda e: e.data["case"] == case)
    measure = str(planned.data["measure"])
    await stage.bus.wait(
        "notify.deadline.approaching", lambda e: e.data.get("case") == case and e.data["kind"] == "evaluate-measure"
    )
    stage.narrator.happened("a week before its day, PPT is reminded to evaluate the language group")
    await stage.at(12, 1)
    await stage.must_not(
        PPT,
        "saw no effect, and would just go on:",
        "POST",
        "cases",
        f"/measures/{measure}/evaluations",
        {"effect": "none", "outcome": "continue", "evaluate_by": "2027-03-01T12:00:00+01:00"},
        code="no-effect-must-change",
        status=409,
    )
    await stage.does(
        PPT,
        "evaluates: no effect, something else is needed",
        "POST",
        "cases",
        f"/measures/{measure}/evaluations",
        {"effect": "none", "outcome": "other"},
        status=201,
    )
    stopped = await stage.bus.wait("cases.measure.stopped", lambda e: e.data["measure"] == measure)
    stage.check(stopped.data["reason"] == "no-effect", "stopped for no effect")
    await stage.must_not(
        TEACHER,
        "plans the same measure once more:",
        "POST",
        "cases",
        f"/cases/{case}/measures",
        _language_group(),
        code="measure-had-no-effect",
        status=409,
    )
    other = await stage.does(
        TEACHER,
        "puts in extra hours in the barnehage instead",
        "POST",
        "cases",
        f"/cases/{case}/measures",
        {
            "code": "ekstratimer",
            "owner": "barnehage",
            "owner_unit": "unit:lia-barnehage",
            "goal": "Er med i leken med ord, i en liten gruppe.",
            "indicator": "ord-i-lek",
            "evaluate_by": "2027-03-01T12:00:00+01:00",
        },
        status=201,
    )
    stage.facts["extra-hours"] = other.text("measure")


async def row_15(stage: Stage) -> None:
    """7 January: another unit would do much the same; both are told, and both say why (seed rules 49, 161)."""
    await stage.at(1, 7)
    case, first = stage.facts["case"], stage.facts["extra-hours"]
    await stage.does(
        PPT_LEADER, "says in which language to be told", "PUT", "notify", "/preferences", {"language": "nn"}
    )
    second = await stage.does(
        TEACHER,
        "plans a language group at PPT again: in another form, with a new reason",
        "POST",
        "cases",
        f"/cases/{case}/measures",
        {**_language_group(), "new_reason": "other-form"},
        status=201,
    )
    measure = second.text("measure")
    suspected = await stage.bus.wait(
        "cases.measure.overlap-suspected", lambda e: e.data["case"] == case and e.data["measure"] == measure
    )
    stage.check(suspected.data["others"] == [first], "the extra hours of the barnehage do much the same")
    for person in (TEACHER, PPT_LEADER):
        await stage.until(person, "notify", MESSAGES, told("overlap-suspected"), "both are told of the other")
    stage.narrator.happened("measure.overlap-suspected: the barnehage and PPT are both told of the other")
    for person, own in ((TEACHER, first), (PPT, measure)):
        await stage.does(
            person,
            "explains it: the two are coordinated",
            "POST",
            "cases",
            f"/measures/{own}/overlap-explanations",
            {"explanation": "coordinated"},
            status=201,
        )
    await stage.bus.wait(
        "cases.measure.overlap-explained", lambda e: e.data["case"] == case and e.data["settled"] is True
    )


async def _offer(
    stage: Stage, sender: Person, receiver: Person, role: str, what: str, *, kind: str = "staff-leaves"
) -> str:
    """Offer the baton, with a week to answer."""
    me = await stage.does(receiver, "", "GET", "cases", "/me")
    offered = await stage.does(
        sender,
        what,
        "POST",
        "cases",
        f"/cases/{stage.facts['case']}/handovers",
        {
            "kind": kind,
            "receiver": {"actor": me.text("actor"), "role": role, **_LIA},
            "respond_by": (stage.now + timedelta(days=7)).isoformat(),
        },
        status=201,
    )
    return offered.text("handover")


async def _holds(stage: Stage, role: str, what: str, *, by: Person = TEACHER) -> None:
    case = await stage.does(by, "", "GET", "cases", f"/cases/{stage.facts['case']}")
    stage.check(case.at("holder", "role") == role, what)


def _language_group() -> dict[str, JsonValue]:
    return {
        "code": "sprakgruppe",
        "owner": "ppt",
        "owner_unit": "unit:ppt",
        "goal": "Bruker setninger på tre ord i leken.",
        "indicator": "ord-i-lek",
        "evaluate_by": datetime.fromisoformat("2027-03-01T12:00:00+01:00").isoformat(),
    }
