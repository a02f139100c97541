"""Nord-Østerdal: one set of arenas in five municipalities, the TST and its rules, and services that all five share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from deploy.demo.concern_and_consent import Around, consent_for, lifted, registered, stepped_up
from deploy.demo.meet import Sat, arena_of, brought, called, held, taken_on
from deploy.demo.meetings_by_rule import by_name
from deploy.demo.meetings_with_others import answers
from deploy.demo.people import CONCERN_TEXT, GOAL_TEXT, Family, Guardian, number_of
from deploy.demo.profiles import NOT_YET
from deploy.demo.script import Row, Story
from deploy.demo.stage import Log, Person, Stage
from deploy.demo.the_log import asked_and_verified, row_24
from deploy.demo.the_year import planned, proposed_to

COORDINATOR: Final = Person("coordinator-tynset", "The coordinator in Tynset")
COORDINATOR_ALVDAL: Final = Person("coordinator-alvdal", "The coordinator in Alvdal")
RECTOR: Final = Person("rektor-tynset", "The school's leader")
TEACHER: Final = Person("contact-teacher-tynset", "The contact teacher")
PPT: Final = Person("ppt-adviser-tynset", "The PPT adviser, at work for Tynset,")
PPT_IN_ALVDAL: Final = Person("ppt-adviser-alvdal", "The same PPT adviser, at work for Alvdal,")
PPT_LEADER: Final = Person("ppt-leader-tynset", "The leader of PPT")
NURSE: Final = Person("health-nurse-tynset", "The health nurse")
CHILD_WELFARE: Final = Person("child-welfare-tynset", "The child welfare officer")
GUARDIAN_A: Final = Person("guardian-tynset-a", "Guardian A")
GUARDIAN_B: Final = Person("guardian-tynset-b", "Guardian B")
CHILD: Final = Person("child-tynset", "The child, twelve years or more,")
AUDITOR: Final = Person("auditor-tynset", "Tynset's auditor")

SCHOOL: Final = "unit:tynset-ungdomsskole"
FAMILY: Final = Family(
    "Tyttebær Prøvedatter",
    number_of(CHILD),
    (
        Guardian("Skogsti Prøvedatter", number_of(GUARDIAN_A), "nn", "foresatt-c@example.no"),
        Guardian("Nordvind Testmoen", number_of(GUARDIAN_B), "nb", "foresatt-d@example.no"),
    ),
)
_AROUND: Final = Around(TEACHER, (GUARDIAN_A, GUARDIAN_B))
_ALL: Final = (
    Sat("skole", "leader", "310002046"),
    Sat("ppt", "ppt-adviser", "310002054"),
    Sat("helsestasjon", "health-nurse", "310002011"),
    Sat("barnevern", "child-welfare-officer", "310002062"),
)
_ASKED: Final = "Hvordan hjelper vi en elev på åttende trinn som sier lite?"
_LIFTED: Final = "/lifted-items"
_TIRED: Final = "Har allerede veiledning på skolen hver uke."


async def the_year(stage: Stage) -> None:
    """The same arenas in all five, meetings by the unit's size, and what is missing is said (seed rules 52, 64, 65, 75, 77)."""
    proposed = await proposed_to(stage, COORDINATOR)
    due = await _due(stage)
    for unit, terms in (
        ("unit:kvikne-skole", {"autumn": 2, "spring": 3}),
        (SCHOOL, {"autumn": 3, "spring": 4}),
        ("unit:tynset-barneskole", {"autumn": 5, "spring": 6}),
    ):
        stage.check(all(due[unit][term] >= times for term, times in terms.items()), f"{unit}: {due[unit]}")
    stage.check(due["unit:kvikne-skole"] == {"autumn": 2, "spring": 3}, "two and three at a small unit")
    stage.narrator.happened(
        "TST: two and three a year at a small unit, three and four at a larger, monthly at the largest"
    )
    mine, theirs = await _arenas(stage, COORDINATOR), await _arenas(stage, COORDINATOR_ALVDAL)
    stage.check(mine["tst"] == theirs["tst"] and mine["tst-kommune"] == theirs["tst-kommune"], "the same rules")
    stage.check(not {"obs-team", "but-team"} & (mine.keys() | theirs.keys()), "OBS-team and BUT-team are no more")
    stage.narrator.happened("the same rules in Tynset and in Alvdal; OBS-team and BUT-team have given way to the TST")
    await planned(stage, COORDINATOR, [each for each in proposed if each.arena_type != "tst" or SCHOOL in each.units])
    without = [each for each in await _deviations(stage) if each["kind"] == "unit-without-arena"]
    stage.check([each["unit"] for each in without] == [NOT_YET], "the unit without a TST is reported")
    stage.narrator.happened(f"reported: {NOT_YET.removeprefix('unit:')} has no TST yet (rule {without[0]['rule']})")


async def duty_to_attend(stage: Stage) -> None:
    """A TST is called; who has a duty to attend declines with a reason (seed rules 53, 54, 56)."""
    stage.facts["tst"] = await arena_of(stage, RECTOR, "tst", SCHOOL)
    stage.facts["first"] = await called(
        stage, RECTOR, "calls the TST, at the school", stage.facts["tst"], stage.moment(9, 8)
    )
    path = f"/meetings/{stage.facts['first']}/answers"
    await stage.must_not(
        CHILD_WELFARE,
        "declines without a word:",
        "POST",
        "meetings",
        path,
        {"answer": "declined"},
        code="deputy-or-reason-missing",
        status=422,
    )
    await stage.does(
        CHILD_WELFARE,
        "declines, and says why",
        "POST",
        "meetings",
        path,
        {"answer": "declined", "reason": "double-booked"},
    )


async def not_as_the_rules_say(stage: Stage) -> None:
    """Too short, without its elements, led by another: held, and each is a deviation (seed rules 53, 54, 59-61, 67, 70)."""
    meeting, starts = stage.facts["first"], stage.moment(9, 8)
    path = f"/meetings/{meeting}/holding"
    by_teacher = Sat("skole", "contact-teacher", "310002046")
    away = _ALL[3]._replace(present=False)
    seats = (by_teacher, *_ALL[:3], away._replace(reason="double-booked"))
    await stage.must_not(
        RECTOR,
        "would leave out why child welfare was not there:",
        "POST",
        "meetings",
        path,
        held(starts, (*seats[:-1], away), minutes=120),
        code="absence-without-reason",
        status=422,
    )
    await stage.must_not(
        RECTOR,
        "names nobody who was there as the chair:",
        "POST",
        "meetings",
        path,
        held(starts, seats, minutes=120, chair="bup-clinician"),
        code="chair-missing",
        status=422,
    )
    item = await brought(
        stage,
        RECTOR,
        "brings how the unit is doing",
        meeting,
        {"kind": "general", "mode": "no-child", "text": "Hvordan har åttende trinn det, og hva planlegger vi?"},
    )
    await stage.does(
        RECTOR,
        "records two hours, one item, child welfare away, a teacher in the chair",
        "POST",
        "meetings",
        path,
        held(starts, seats, [item.text("item")], minutes=120),
    )
    rules = {str(each["kind"]): each["rule"] for each in await _deviations(stage) if each["meeting"] == meeting}
    stage.check(
        rules == {"duty-breached": 54, "too-short": 59, "element-missing": 60, "chair-not-entitled": 61},
        f"each of them is a deviation: {rules}",
    )
    for kind, rule in rules.items():
        stage.narrator.happened(f"deviation: {kind} (rule {rule})")
    stage.facts["second"] = await called(stage, RECTOR, "calls the next TST", stage.facts["tst"], stage.moment(9, 22))


async def as_the_rules_say(stage: Stage) -> None:
    """Two and a half hours, the three elements of the template, everybody there: no deviation (seed rules 57, 59-61, 67)."""
    meeting, starts = stage.facts["second"], stage.moment(9, 22)
    for person, what, item in (
        (RECTOR, "brings the state of the unit", {"kind": "general", "mode": "no-child", "text": "Plan for høsten."}),
        (PPT, "brings guidance of the staff", {"kind": "guidance", "mode": "no-child", "text": "Å lytte i timen."}),
        (
            NURSE,
            "brings what she has observed, anonymously",
            {"kind": "observation", "mode": "anonymous", "text": "Et barn er mye alene i friminuttene."},
        ),
    ):
        stage.facts[str(item["kind"])] = await taken_on(
            stage, RECTOR, meeting, await brought(stage, person, what, meeting, dict[str, JsonValue](item))
        )
    await stage.does(
        RECTOR,
        "records two and a half hours, all three elements, everybody there",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(
            starts,
            _ALL,
            [stage.facts[kind] for kind in ("general", "guidance", "observation")],
            minutes=150,
        ),
    )
    found = [each for each in await _deviations(stage) if each["meeting"] == meeting]
    stage.check(found == [], f"no deviation: {found}")
    stage.narrator.happened("no deviation")
    await stage.does(
        RECTOR,
        "lifts what the team does not solve itself",
        "POST",
        "meetings",
        f"/meetings/{meeting}/outcomes",
        {"item": stage.facts["general"], "decision": "follow-up", "text": "Dette løser vi ikke her.", "lift": True},
        status=201,
    )
    waits = await stage.does(COORDINATOR, "sees what waits for the municipality's TST", "GET", "meetings", _LIFTED)
    stage.check([each["unit"] for each in waits.rows()] == [SCHOOL], "of which school, and not what")


async def duty_to_contribute(stage: Stage) -> None:
    """Whoever is asked to contribute takes part; only the leader can say no (seed rules 78, 80-82)."""
    receipt = await registered(
        stage,
        TEACHER,
        "registers a concern about a pupil",
        FAMILY,
        {
            "area": "learning",
            "for_whom": "child",
            "text": CONCERN_TEXT,
            "criteria": ["development-not-as-expected"],
            "observations": {"language": "Svarer med ett ord.", "development": "Er mye alene."},
        },
    )
    case = stage.facts["case"] = receipt.text("case")
    await lifted(stage, TEACHER, "lifts it", receipt.text("concern"))
    opened = await stage.bus.wait("cases.case.opened", lambda e: e.data["case"] == case)
    stage.check(opened.data["team"] == "tst", "the unit's TST takes it")
    asked = await stage.does(
        TEACHER,
        "asks PPT to contribute, anonymously",
        "POST",
        "cases",
        f"/cases/{case}/contributions",
        {"service": "ppt", "reason": "competence-missing", "text": _ASKED, "anonymous": True},
        status=201,
    )
    path = f"/contributions/{asked.text('contribution')}/declination"
    no: JsonValue = {"reason": "already-contributing", "text": _TIRED}
    await stage.must_not(PPT, "would say no:", "POST", "cases", path, no, code="leader-must-decline", status=403)
    await stage.does(PPT_LEADER, "says no for the service, with a reason", "POST", "cases", path, no, status=201)
    await stage.bus.wait("cases.contribution.declined", lambda e: e.data["case"] == case)


async def guardians_and_child(stage: Stage) -> None:
    """By name in the TST: guardians and child are invited as equals, and answer for themselves (seed rules 73, 99)."""
    case = stage.facts["case"]
    await consent_for(
        stage,
        _AROUND,
        "PPT and helsestasjon",
        services=["ppt", "helsestasjon"],
        purposes=["discussion", "assessment"],
        valid_to=stage.moment(6, 18).date().isoformat(),
        by_mail=True,
    )
    meeting = stage.facts["third"] = await called(
        stage, RECTOR, "calls a TST", stage.facts["tst"], stage.moment(10, 13)
    )
    item = await brought(stage, TEACHER, "brings the case by name", meeting, by_name(stage), not_yet="consent-missing")
    stage.check(item.at("leaves") == ["barnevern"], "barnevern is outside the consent, and leaves the item")
    stage.facts["named"] = await taken_on(stage, RECTOR, meeting, item)
    about: JsonValue = {"answer": "accepted", "case": case}
    await answers(stage, GUARDIAN_A, "accepts, signed in", meeting, about)
    await answers(stage, CHILD, "accepts, signed in", meeting, about)
    stage.narrator.happened("invitation.answered: a guardian and the child come, and nobody is named")


async def what_a_shared_service_sees(stage: Stage) -> None:
    """The TST is held; services of all five municipalities see only the cases in which they take part (seed rules 62, 72, 77)."""
    case, meeting = stage.facts["case"], stage.facts["third"]
    await stage.does(
        RECTOR,
        "records that it was held, with a guardian and the child",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(stage.moment(10, 13), _ALL, [stage.facts["named"]], minutes=150, guardians=1, child="present"),
    )
    told = await stage.bus.wait("meetings.case-discussed", lambda e: e.data["item"] == stage.facts["named"])
    heard = told.data["attended_by"]
    stage.check(isinstance(heard, list) and "barnevern" not in heard, "barnevern has not heard it")
    stage.check((told.data["guardians_present"], told.data["child"]) == (1, "present"), "the child and a guardian have")
    await stage.does(PPT, "sees the case", "GET", "cases", f"/cases/{case}")
    for person, what in (
        (PPT_IN_ALVDAL, "finds nothing of Tynset's there:"),
        (CHILD_WELFARE, "works for all five too, and has no part in it:"),
    ):
        await stage.must_not(person, what, "GET", "cases", f"/cases/{case}", code="not-found", status=404)


async def lifted_to_the_municipality(stage: Stage) -> None:
    """What the unit's TST cannot solve is lifted to the municipality's (seed rules 68, 69)."""
    case = stage.facts["case"]
    await stepped_up(stage, TEACHER, 2)
    lift = await stage.bus.wait("cases.case.level-changed", lambda e: e.data["case"] == case)
    stage.check(lift.data["team"] == "tst-kommune", "the municipality's TST takes it")
    by = datetime.fromisoformat(str(lift.data["meeting_by"]))
    stage.check(by - stage.now <= timedelta(days=14, hours=1), "within two weeks")
    stage.narrator.happened(f"case.level-changed: the municipality's TST meets about it by {by:%-d %B}")
    meeting = stage.facts["municipal"] = await called(
        stage,
        COORDINATOR,
        "calls the TST at the municipal level",
        await arena_of(stage, COORDINATOR, "tst-kommune"),
        stage.moment(10, 27),
        {"units": [SCHOOL]},
    )
    agenda = await stage.until(
        COORDINATOR,
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        lambda answer: any(each["lifted"] for each in answer.rows()),
        "what the school's TST has lifted is on the agenda",
    )
    [matter] = [each for each in agenda.rows() if each["lifted"]]
    stage.narrator.happened(f"on its agenda by itself: {matter['text']}")
    stage.facts["matter"] = str(matter["item"])
    path = f"/meetings/{meeting}/agenda-items/{matter['item']}/acceptance"
    await stage.does(COORDINATOR, "takes it on", "POST", "meetings", path, {})
    item = await brought(stage, TEACHER, "brings the case by name", meeting, by_name(stage))
    stage.facts["lifted"] = await taken_on(stage, COORDINATOR, meeting, item)


async def solved_together(stage: Stage) -> None:
    """The municipality's TST meets in time, and its members decide a measure there and then (seed rules 62, 68, 69, 71, 72)."""
    case, meeting, item = (stage.facts[name] for name in ("case", "municipal", "lifted"))
    seats = (Sat("ledelse", "coordinator", "310002011"), *_ALL)
    await stage.does(
        COORDINATOR,
        "records that it was held",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(stage.moment(10, 27), seats, [item, stage.facts["matter"]], minutes=120),
    )
    waits = await stage.does(COORDINATOR, "", "GET", "meetings", _LIFTED)
    stage.check(waits.rows() == [], "what was lifted has been discussed, and waits no more")
    await stage.bus.wait("cases.case.meeting-held", lambda e: e.data["case"] == case)
    await stage.does(
        RECTOR,
        "records what was decided: observation and advice, led by PPT",
        "POST",
        "meetings",
        f"/meetings/{meeting}/outcomes",
        {
            "item": item,
            "decision": "measure-planned",
            "text": GOAL_TEXT,
            "measures": [
                {
                    "code": "observasjon-og-rad",
                    "owner": "ppt",
                    "owner_unit": "unit:ppt-nord-osterdal",
                    "indicator": "ord-i-timen",
                    "evaluate_by": stage.moment(12, 1, 12).isoformat(),
                }
            ],
            "join_team": ["ppt"],
        },
        status=201,
    )
    await stage.bus.wait("cases.measure.planned", lambda e: e.data["case"] == case)
    stage.narrator.happened("case.meeting-held, measure.planned: decided by those who were there, typed once")


async def _deviations(stage: Stage) -> list[dict[str, JsonValue]]:
    return (await stage.does(COORDINATOR, "", "GET", "meetings", "/deviations?limit=200")).rows()


async def _due(stage: Stage) -> dict[str, dict[str, int]]:
    """Return how many TSTs each unit has due, by term."""
    found = await stage.does(COORDINATOR, "", "GET", "meetings", "/conformity?limit=200")
    due: dict[str, dict[str, int]] = {}
    for each in found.rows():
        if each["arena_type"] == "tst":
            due.setdefault(str(each["unit"]), {})[str(each["period"])] = int(str(each["due"]))
    return due


async def _arenas(stage: Stage, coordinator: Person) -> dict[str, dict[str, JsonValue]]:
    """Return an arena of each type, a school's or the municipality's, without whose it is."""
    found = await stage.does(coordinator, "", "GET", "meetings", "/arenas?limit=200")
    return {
        str(each["arena_type"]): {name: said for name, said in each.items() if name not in {"arena", "unit"}}
        for each in found.rows()
        if not str(each["unit"]).endswith("barnehage")
    }


STORY: Final = Story(
    "nord-osterdal",
    "Nord-Østerdal",
    Log("3427", "Tynset", AUDITOR, TEACHER),
    (
        Row(1, 8, 17, "One set of arenas in five municipalities", the_year, 9),
        Row(2, 9, 1, "A duty to attend", duty_to_attend, 9),
        Row(3, 9, 8, "A TST that was not as the rules say", not_as_the_rules_say, 13),
        Row(4, 9, 22, "A TST as the rules say", as_the_rules_say, 13),
        Row(5, 9, 28, "Asked to contribute: only the leader can say no", duty_to_contribute, 9),
        Row(6, 10, 5, "Guardians and child are invited as equals", guardians_and_child, 9),
        Row(7, 10, 13, "A shared service sees only what it takes part in", what_a_shared_service_sees, 13),
        Row(8, 10, 20, "Lifted to the municipality's TST", lifted_to_the_municipality, 9),
        Row(9, 10, 27, "The municipality's TST meets in time", solved_together, 13),
        Row(10, 6, 20, "The auditor asks, and verifies", asked_and_verified, 9),
        Row(11, 6, 20, "An attacker with the database password", row_24, 9),
    ),
    (*FAMILY.secrets(), "trekker seg", "mye alene", "åttende trinn", "hver uke", "Å lytte"),
)
