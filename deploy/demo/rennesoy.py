"""Rennesøy: the Fagsenter with its twelve seats, on system level only; a hearing; plans looked at again, and discarded."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from deploy.demo import for_everybody
from deploy.demo.concern_and_consent import lifted, registered
from deploy.demo.meet import Sat, arena_of, brought, called, held, taken_on
from deploy.demo.people import CONCERN_TEXT, GOAL_TEXT, invented
from deploy.demo.script import Row, Story
from deploy.demo.stage import Log, Person, Stage
from deploy.demo.the_log import asked_and_verified, row_24
from deploy.demo.the_year import planned, proposed_to

COORDINATOR: Final = Person("coordinator-rennesoy", "The coordinator")
TEACHER: Final = Person("teacher-vikevag", "A teacher of Vikevåg barnehage")
AUDITOR: Final = Person("auditor-rennesoy", "Rennesøy's auditor")
BODIES: Final = (
    Person("styrer-vikevag", "Vikevåg barnehage"),
    Person("styrer-mosteroy", "Mosterøy barnehage"),
    Person("rektor-vikevag", "Vikevåg skole"),
    Person("rektor-mosteroy", "Mosterøy skole"),
    Person("ppt-adviser-rennesoy", "PP-tjenesten"),
    Person("health-nurse-rennesoy", "Helsestasjonen"),
    Person("child-welfare-rennesoy", "Barneverntjenesten"),
    Person("bup-clinician-rennesoy", "BUP"),
)
"""Who answers for each body that is heard."""
FAMILY: Final = invented(80)

_PPT: Final = Sat("ppt", "ppt-adviser", "310005061")
_SEATS: Final = (
    Sat("ledelse", "coordinator", "310005010"),
    Sat("barnehage", "leader", "310005029"),
    Sat("skole", "leader", "310005045"),
    Sat("helsestasjon", "health-nurse", "310005010"),
    Sat("barnevern", "child-welfare-officer", "310005010"),
    _PPT,
    Sat("bup", "bup-clinician", "310005088"),
    *(
        Sat(service, "leader", f"31000509{number}")
        for number, service in enumerate(("nav", "fysioterapi", "ergoterapi", "fastlege", "frivillighet"))
    ),
)
_AT_NEED: Final[list[JsonValue]] = ["nav", "fysioterapi", "ergoterapi", "fastlege", "frivillighet"]
_ITEM: Final[dict[str, JsonValue]] = {
    "kind": "general",
    "mode": "no-child",
    "text": "Hvordan samkjører vi språkarbeidet i barnehage og skole?",
}
_MATTER: Final = "Skal alle barnehager ha språkgrupper to ganger i uka?"
_REMARK: Final = "Vi støtter det, og ber om tid til opplæring."


async def every_month(stage: Stage) -> None:
    """The Fagsenter meets every month (seed rule 174)."""
    proposed = [each for each in await proposed_to(stage, COORDINATOR) if each.arena_type == "fagsenter"]
    months = {(each.day.year, each.day.month) for each in proposed}
    stage.check(len(months) == len(proposed) >= 10, "once a month in the school year")
    stage.check({each.day.weekday() for each in proposed} == {2}, "on a Wednesday")
    await planned(stage, COORDINATOR, proposed)
    deviations = await stage.does(COORDINATOR, "asks what is not as the rules say", "GET", "meetings", "/deviations")
    stage.check(deviations.rows() == [], "no deviation")


async def no_child(stage: Stage) -> None:
    """On system level only: an item about a child is refused, also without a name (seed rule 172)."""
    meeting = stage.facts["fagsenter"] = await called(
        stage,
        COORDINATOR,
        "calls the Fagsenter, twelve seats",
        await arena_of(stage, COORDINATOR, "fagsenter"),
        stage.moment(9, 16, 12),
        {"services": _AT_NEED},
    )
    await stage.must_not(
        BODIES[0],
        "would bring a child, anonymously:",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        {"kind": "case", "mode": "anonymous", "text": "Et barn sier lite i lek. Hva kan vi prøve?"},
        code="arena-system-only",
        status=403,
    )
    item = await brought(stage, BODIES[0], "brings the language work of barnehage and school", meeting, _ITEM)
    stage.facts["item"] = await taken_on(stage, COORDINATOR, meeting, item)


async def one_seat_each(stage: Stage) -> None:
    """Each body from outside sends one, and there are twelve seats (seed rules 171, 174)."""
    starts, items = stage.moment(9, 16, 12), [stage.facts["item"]]
    path = f"/meetings/{stage.facts['fagsenter']}/holding"
    eleven = tuple(seat for seat in _SEATS if seat.service != "nav")
    for what, seats, code in (
        ("would record a second one from PP-tjenesten:", (*eleven, _PPT), "too-many-seats"),
        (
            "would leave out from where the second one is:",
            (*eleven, _PPT._replace(organisation=None)),
            "too-many-seats",
        ),
        ("would record thirteen:", (*_SEATS, Sat("skole", "leader", "310005053")), "meeting-full"),
    ):
        await stage.must_not(
            COORDINATOR, what, "POST", "meetings", path, held(starts, seats, items), code=code, status=409
        )
    await stage.does(
        COORDINATOR, "records it, with one from each", "POST", "meetings", path, held(starts, _SEATS, items)
    )
    await stage.bus.wait("meetings.meeting.held", lambda e: e.data["meeting"] == stage.facts["fagsenter"])


async def a_hearing(stage: Stage) -> None:
    """The Fagsenter's bodies are heard in a matter on children (seed rule 173)."""
    opened = await stage.does(
        COORDINATOR,
        "opens a hearing: language groups twice a week?",
        "POST",
        "meetings",
        "/consultations",
        {"kind": "matters-on-children", "text": _MATTER},
        status=201,
    )
    hearing = stage.facts["hearing"] = opened.text("consultation")
    bodies = opened.at("bodies")
    stage.check(isinstance(bodies, list) and len(bodies) == len(BODIES), "eight bodies are heard")
    await stage.must_not(
        TEACHER,
        "would answer for the barnehage:",
        "POST",
        "meetings",
        f"/consultations/{hearing}/answers",
        {"position": "supports"},
        code="may-not-answer",
        status=403,
    )


async def each_answers(stage: Stage) -> None:
    """Each body answers once; then it is closed, and all read what all have answered (seed rules 72, 173)."""
    path = f"/consultations/{stage.facts['hearing']}"
    for body in BODIES[:-1]:
        await stage.does(
            body, "supports it, with a remark", "POST", "meetings", f"{path}/answers", _supports(), status=201
        )
    await stage.must_not(
        COORDINATOR,
        "would close it before BUP has answered:",
        "POST",
        "meetings",
        f"{path}/closure",
        {"reason": "completed"},
        code="consultation-open",
        status=409,
    )
    await stage.does(
        BODIES[-1], "has no remarks", "POST", "meetings", f"{path}/answers", {"position": "no-remarks"}, status=201
    )
    await stage.does(COORDINATOR, "closes it", "POST", "meetings", f"{path}/closure", {"reason": "completed"})
    await stage.bus.wait("meetings.consultation.closed", lambda e: e.data["consultation"] == stage.facts["hearing"])
    read = await stage.does(BODIES[1], "reads what the others have answered", "GET", "meetings", path)
    answers = read.at("answers")
    stage.check(isinstance(answers, list) and len(answers) == len(BODIES), "all eight answers")


async def what_we_believe_in(stage: Stage) -> None:
    """The register of offers: what is to be looked at again, and what was discarded and why (seed rule 166)."""
    listed = await stage.does(TEACHER, "looks at the offers", "GET", "cases", "/measure-types")
    found = listed.at("measure_types")
    types = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    due = [str(each["code"]) for each in types if each["review_due"]]
    gone = {str(each["code"]): each["retired_because"] for each in types if each["retired_from"] is not None}
    stage.check(due == ["sprakgruppe"], "the language group is to be looked at again")
    stage.check(gone == {"plan-som-ikke-var-i-bruk": "not-in-use"}, "a plan was discarded")
    stage.narrator.happened(f"to be looked at again: {', '.join(due)}; discarded: {', '.join(gone)} (not in use)")
    receipt = await registered(
        stage,
        TEACHER,
        "registers a concern",
        FAMILY,
        {"area": "learning", "for_whom": "child", "text": CONCERN_TEXT},
    )
    case = stage.facts["case"] = receipt.text("case")
    await lifted(stage, TEACHER, "lifts it", receipt.text("concern"))
    measure: dict[str, JsonValue] = {
        "owner": "barnehage",
        "owner_unit": "unit:vikevag-barnehage",
        "goal": GOAL_TEXT,
        "indicator": "ord-i-lek",
        "evaluate_by": stage.moment(12, 1, 12).isoformat(),
    }
    path = f"/cases/{case}/measures"
    await stage.must_not(
        TEACHER,
        "would put in the discarded plan:",
        "POST",
        "cases",
        path,
        {**measure, "code": next(iter(gone))},
        code="offer-retired",
        status=409,
    )
    await stage.does(
        TEACHER, "puts in a reading course", "POST", "cases", path, {**measure, "code": "lesekurs"}, status=201
    )


async def report_to_the_state(stage: Stage) -> None:
    """The report's headings, and what of them is counted and stated (seed rules 177, 178)."""
    report = await stage.does(
        COORDINATOR,
        "reads the report to the state on the autumn",
        "GET",
        "meetings",
        f"/reports/to-the-state?period={stage.school_year}-autumn",
    )
    sections = report.at("sections")
    stage.check(isinstance(sections, list) and len(sections) == 4, "four headings")
    figures = report.at("sections", 0, "figures")
    counted = {
        str(each["code"]): each for each in (figures if isinstance(figures, list) else []) if isinstance(each, dict)
    }
    table = counted["hearings"]["table"]
    stage.check(isinstance(table, dict) and table["total"] == len(BODIES), f"eight bodies: {table}")
    shown = [cells for cells in _rows(table["cells"]) if cells != [None]] if isinstance(table, dict) else []
    stage.check(not shown, "eight in time would say that none was late")
    stage.narrator.happened(
        f"what was achieved, experiences, use for others, resources; {len(BODIES)} bodies answered, and how many in time is hidden"
    )


async def fewer_special_measures(stage: Stage) -> None:
    """Each barnehage enters its own, which is a small number of children: the report shows none of that (seed rule 164)."""
    period = f"{stage.school_year - 1}-{stage.school_year}"
    figure: dict[str, JsonValue] = {
        "indicator": "special-education-barnehage",
        "period": period,
        "unit": "unit:vikevag-barnehage",
        "value": 3,
        "source": "own-count",
    }
    await stage.must_not(
        BODIES[1],
        "would enter another one's:",
        "POST",
        "meetings",
        for_everybody.FIGURES,
        figure,
        code="figure-not-yours",
        status=403,
    )
    await for_everybody.entered(stage, BODIES[0], "enters how many children have special-education help", figure)


def _rows(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _supports() -> dict[str, JsonValue]:
    return {"position": "supports-with-remarks", "text": _REMARK}


STORY: Final = Story(
    "rennesoy",
    "Rennesøy",
    Log("1142", "Rennesøy", AUDITOR, TEACHER),
    (
        Row(1, 8, 17, "Once a month", every_month, 9),
        Row(2, 9, 9, "On system level: no child", no_child, 9),
        Row(3, 9, 16, "Twelve seats, one for each body from outside", one_seat_each, 15),
        Row(4, 9, 17, "A hearing", a_hearing, 9),
        Row(5, 10, 1, "Each answers, and it is closed", each_answers, 9),
        Row(6, 10, 12, "What we believe in, and what not", what_we_believe_in, 9),
        Row(7, 10, 13, "Fewer special-education measures", fewer_special_measures, 9),
        Row(8, 1, 11, "The report to the state", report_to_the_state, 9),
        Row(9, 6, 20, "The auditor asks, and verifies", asked_and_verified, 9),
        Row(10, 6, 20, "An attacker with the database password", row_24, 9),
    ),
    (*FAMILY.secrets(), "trekker seg", "tid til opplæring", "Skal alle barnehager"),
    writes_home=False,
)
