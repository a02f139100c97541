"""Row 16: the guardians ask for an individual plan, and the group's minutes write it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from deploy.demo.meet import Sat, arena_of, called, held, taken_on
from deploy.demo.people import COORDINATOR, GOAL_TEXT, GUARDIAN_A, NURSE, PPT_LEADER, TEACHER, VIEW_TEXT
from deploy.demo.stage import MESSAGES, Answer, Stage, how_many, told
from shared.clock import OSLO

_DUE: Final = "/due-meetings"
_ALL: Final = "/conformity?limit=200"
STARTS: Final = datetime(2027, 1, 12, 13, 0, tzinfo=OSLO)


async def row_16(stage: Stage) -> None:
    """12 January: in the same case; approved minutes are its next version (seed rules 29, 31, 36-38)."""
    case = stage.facts["case"]
    await stage.at(1, 11)
    await stage.must_not(
        NURSE,
        "would begin an individual plan that nobody asked for:",
        "POST",
        "cases",
        f"/cases/{case}/plan",
        {"goals": [GOAL_TEXT]},
        code="not-permitted",
        status=403,
    )
    await stage.does(
        GUARDIAN_A, "asks for an individual plan", "POST", "cases", f"/cases/{case}/plan-request", {}, status=201
    )
    level = await stage.bus.wait("cases.case.level-changed", lambda e: e.data["case"] == case)
    stage.check(level.data["to_level"] == 2, "the same case, at level 2")
    me = await stage.does(NURSE, "", "GET", "cases", "/me")
    await stage.does(
        TEACHER,
        "records that the health nurse coordinates the group and the plan",
        "POST",
        "cases",
        f"/cases/{case}/coordinator",
        {
            "kind": "ansvarsgruppe",
            "coordinator": {
                "actor": me.text("actor"),
                "role": "health-nurse",
                "service": "helsestasjon",
                "unit": "unit:helsestasjon",
                "organisation": "310001058",
            },
        },
        status=201,
    )
    await _stands(stage, "missing", "is told that the group around this child is to meet in spring, and is not called")
    await stage.must_not(
        NURSE,
        "would begin it before the child is heard:",
        "POST",
        "cases",
        f"/cases/{case}/plan",
        {"goals": [GOAL_TEXT]},
        code="child-view-missing",
        status=409,
    )
    await stage.does(
        TEACHER,
        "records the child's view of it",
        "POST",
        "cases",
        f"/cases/{case}/child-views",
        {"method": "conversation", "before": "plan", "text": VIEW_TEXT},
        status=201,
    )
    await stage.does(
        NURSE, "begins the plan", "POST", "cases", f"/cases/{case}/plan", {"goals": [GOAL_TEXT]}, status=201
    )
    meeting = await _group_meets(stage)
    await stage.does(
        NURSE,
        "approves the minutes",
        "POST",
        "meetings",
        f"/meetings/{meeting}/minutes",
        {"text": "Gruppen gikk gjennom målene og tiltakene."},
        status=201,
    )
    await stage.bus.wait("cases.plan.updated", lambda e: e.data["case"] == case and e.data["version"] == 2)
    stage.narrator.happened("the approved minutes are the plan's version 2: nobody wrote it a second time")
    await _all_hear_of_a_change(stage)
    plan = await stage.does(GUARDIAN_A, "reads the plan", "GET", "cases", f"/cases/{case}/plan")
    stage.check(plan.at("version") == 2, "version 2")


async def _stands(stage: Stage, standing: str, what: str) -> None:
    """Wait until it stands so with this term's meeting of the group around this child (seed rule 29)."""
    term = {"case": stage.facts["case"], "arena_type": "ansvarsgruppe", "period": "spring", "standing": standing}

    def so(answer: Answer) -> bool:
        mine = [row for row in answer.rows() if row["case"] == term["case"] and row["arena_type"] == term["arena_type"]]
        return [{key: row[key] for key in term} for row in mine] == [term]

    await stage.until(NURSE, "meetings", _DUE, so, what)
    stage.narrator.did(NURSE.called, what)


async def _all_hear_of_a_change(stage: Stage) -> None:
    """A measure goes on in another way, and the others in the team are told (seed rule 31)."""
    template, measure = "measures-changed", stage.facts["extra-hours"]
    known = {
        person: how_many(await stage.does(person, "", "GET", "notify", MESSAGES), template)
        for person in (TEACHER, PPT_LEADER)
    }
    await stage.does(
        TEACHER,
        "changes what the extra hours are measured by, as the group agreed",
        "POST",
        "cases",
        f"/measures/{measure}/changes",
        {"indicator": "ord-i-samtale"},
        status=201,
    )
    await stage.bus.wait("cases.measure.changed", lambda e: e.data["measure"] == measure)
    for person, before in known.items():
        await stage.until(
            person,
            "notify",
            MESSAGES,
            told(template, more_than=before),
            f"{person.called} is told that something has changed",
        )
    stage.narrator.happened("measure.changed: all in the team are told, and read what it is where the basis is checked")


async def _group_meets(stage: Stage) -> str:
    meeting = await called(
        stage,
        NURSE,
        "calls the group around the child: barnehage, PPT and the guardians",
        await arena_of(stage, NURSE, "ansvarsgruppe"),
        STARTS,
        {"units": ["unit:lia-barnehage"], "services": ["barnehage", "ppt"]},
    )
    brought = await stage.does(
        TEACHER,
        "brings the child's plan and measures",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        {
            "kind": "case",
            "mode": "named",
            "text": "Mål og tiltak i planen.",
            "case": stage.facts["case"],
            "categories": ["development", "language"],
            "purpose": "discussion",
        },
        status=201,
    )
    item = await taken_on(stage, NURSE, meeting, brought)
    await _stands(stage, "called", "sees that it is called now")
    await stage.at(1, 12, 15)
    seats = (
        Sat("helsestasjon", "health-nurse", "310001058"),
        Sat("barnehage", "teacher", "310001015"),
        Sat("ppt", "ppt-adviser", "310001031"),
    )
    await stage.does(
        NURSE,
        "records that it was held, with both guardians",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(STARTS, seats, [item], guardians=2),
    )
    await _stands(stage, "held", "sees that it was held, as it is to be in each term")
    of_all = await stage.does(COORDINATOR, "asks whether any group lacks its meeting", "GET", "meetings", _ALL)
    groups = [row for row in of_all.rows() if row["arena_type"] == "ansvarsgruppe"]
    stage.check([row["conforms"] for row in groups] == [True, True], "none does, and nobody is told how many there are")
    theirs = await stage.does(COORDINATOR, "asks for which children", "GET", "meetings", _DUE)
    stage.check(theirs.rows() == [], "that is for who has to do with the child")
    await stage.does(
        NURSE,
        "records the outcome: observation in the barnehage by PPT",
        "POST",
        "meetings",
        f"/meetings/{meeting}/outcomes",
        {
            "item": item,
            "decision": "measure-planned",
            "text": GOAL_TEXT,
            "measures": [
                {
                    "code": "observasjon",
                    "owner": "ppt",
                    "owner_unit": "unit:ppt",
                    "indicator": "ord-i-lek",
                    "evaluate_by": "2027-04-06T12:00:00+02:00",
                }
            ],
            "join_team": [],
        },
        status=201,
    )
    await stage.bus.wait(
        "cases.measure.planned", lambda e: e.data["case"] == stage.facts["case"] and e.data["code"] == "observasjon"
    )
    return meeting
