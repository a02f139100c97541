"""Skien: meetings with guardians that are asked about afterwards, an interpreter, and a report beside those of five neighbours."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from deploy.demo import for_everybody
from deploy.demo.concern_and_consent import Around, consent_for, lifted, registered
from deploy.demo.meet import Sat, arena_of, brought, called, held, taken_on
from deploy.demo.meetings_by_rule import by_name
from deploy.demo.people import (
    CONCERN_TEXT,
    NEIGHBOURS_AUDITOR,
    PARENT_ELSEWHERE,
    Family,
    Guardian,
    invented,
    number_of,
)
from deploy.demo.profiles import GRENLAND
from deploy.demo.script import Row, Story
from deploy.demo.stage import Answer, Log, Person, Stage
from deploy.demo.the_log import asked_and_verified, row_24

COORDINATOR: Final = Person("coordinator-skien", "The coordinator")
TEACHER: Final = Person("teacher-skien", "The barnehage teacher")
LEADER: Final = Person("styrer-skien", "The leader of the barnehage")
RECTOR: Final = Person("rektor-skien", "The school's leader")
GUARDIAN_A: Final = Person(PARENT_ELSEWHERE.client, "Guardian A")
GUARDIAN_B: Final = Person("guardian-skien-b", "Guardian B")
TEACHER_IN_PORSGRUNN: Final = Person("teacher-porsgrunn", "A barnehage teacher in Porsgrunn")

BARNEHAGE: Final = "unit:bratsberg-barnehage"
FAMILY: Final = Family(
    "Regnbue Oppdiktstad",
    invented(40).number,
    (
        Guardian("Kveldsol Oppdiktstad", number_of(GUARDIAN_A), "nb", "foresatt-e@example.no"),
        Guardian("Bekkesus Utkastlien", number_of(GUARDIAN_B), "en", "foresatt-f@example.no"),
    ),
)
OTHERS: Final = tuple(invented(41 + number) for number in range(10))
"""Children of whom nothing more is told than that somebody was concerned: five in Skien, five in Porsgrunn."""
_REPORT: Final = "grenland-part-1"


async def one_template(stage: Stage) -> None:
    """One report in six municipalities, in two parts that belong together (seed rules 135, 136, 140)."""
    used = {
        str(each["report"]): each
        for each in (await stage.does(COORDINATOR, "sees which reports are used", "GET", "meetings", "/reports")).rows()
    }
    stage.check({_REPORT, "grenland-part-2"} <= used.keys(), "part 1 and part 2")
    stage.check(set(_texts(used[_REPORT]["compared_with"])) == {"4003", *GRENLAND}, "six municipalities")
    stage.narrator.happened(f"the same template in Skien, {', '.join(GRENLAND.values())}")
    # Whoever is to be reminded is known by then.
    await stage.does(COORDINATOR, "", "PUT", "notify", "/preferences", {"language": "nb"})


async def a_multilingual_family(stage: Stage) -> None:
    """A concern, a case, and how the guardians are spoken with (seed rules 144, 146)."""
    receipt = await registered(
        stage,
        TEACHER,
        "registers a concern",
        FAMILY,
        {"area": "learning", "for_whom": "child", "text": CONCERN_TEXT},
    )
    case = stage.facts["case"] = receipt.text("case")
    await lifted(stage, TEACHER, "lifts it", receipt.text("concern"))
    await stage.does(
        TEACHER,
        "records that guardian B speaks Tigrinya, and needs an interpreter",
        "POST",
        "cases",
        f"/cases/{case}/language-needs",
        {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken"},
        status=201,
    )
    await stage.bus.wait("cases.case.language-need-recorded", lambda e: e.data["case"] == case)
    await consent_for(
        stage,
        Around(TEACHER, (GUARDIAN_A, GUARDIAN_B)),
        "the transition to school",
        services=["skole"],
        purposes=["transition"],
        valid_to=stage.moment(6, 18).date().isoformat(),
        by_mail=True,
    )


async def the_transition_is_prepared(stage: Stage) -> None:
    """By the standard for all transitions; that an interpreter is needed stands on the item by itself (seed rules 143, 146)."""
    meeting = stage.facts["transition"] = await called(
        stage,
        LEADER,
        "calls the transition meeting with the school and the guardians",
        await arena_of(stage, LEADER, "overgangsmote"),
        stage.moment(10, 13, 12),
        {"units": [BARNEHAGE, "unit:falkum-skole"]},
    )
    item = await brought(
        stage, TEACHER, "brings the case by name", meeting, by_name(stage, "transition"), not_yet="consent-missing"
    )
    stage.check(item.at("interpreters") == ["ti"], "an interpreter in Tigrinya is needed")
    stage.facts["item"] = await taken_on(stage, LEADER, meeting, item)
    stage.narrator.happened("the item says by itself: an interpreter in ti")


async def held_with_the_guardians(stage: Stage) -> None:
    """Not without the guardians; afterwards all who were there are asked how it was (seed rules 143, 152)."""
    meeting, item, starts = stage.facts["transition"], stage.facts["item"], stage.moment(10, 13, 12)
    seats = (Sat("barnehage", "leader", "310003026"), Sat("skole", "leader", "310003034"))
    path = f"/meetings/{meeting}/holding"
    await stage.must_not(
        LEADER,
        "would record it without the guardians:",
        "POST",
        "meetings",
        path,
        held(starts, seats, [item]),
        code="guardians-missing",
        status=409,
    )
    await stage.does(
        LEADER,
        "records it, with both",
        "POST",
        "meetings",
        path,
        held(starts, seats, [item], guardians=2, child="represented"),
    )
    await _survey_opens(stage, meeting)
    stage.facts["contact"] = await called(
        stage,
        LEADER,
        "calls the guardians' meeting of the term",
        await arena_of(stage, LEADER, "foreldrekontakt"),
        stage.moment(10, 20, 12),
        {"units": [BARNEHAGE]},
    )


async def once_each(stage: Stage) -> None:
    """Each who was there answers once, with a ticket; nobody's answer is kept (seed rules 148, 152, 153)."""
    meeting = stage.facts["contact"]
    await stage.does(
        LEADER,
        "records the guardians' meeting, with both",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(stage.moment(10, 20, 12), (Sat("barnehage", "leader", "310003026"),), minutes=30, guardians=2),
    )
    first, second = await _survey_opens(stage, stage.facts["transition"]), await _survey_opens(stage, meeting)
    for survey, seats in ((first, (LEADER, RECTOR)), (second, (LEADER,))):
        path = f"/surveys/{survey}/answers"
        handed_out = await stage.does(
            LEADER, "hands out the tickets to all who were there", "GET", "meetings", f"/surveys/{survey}/tickets"
        )
        seated = [str(each["ticket"]) for each in _dicts(handed_out.at("seats"))]
        await stage.must_not(
            LEADER,
            "would answer without one:",
            "POST",
            "meetings",
            path,
            _answers(5),
            code="survey-ticket-missing",
            status=422,
        )
        for person, ticket in zip(seats, seated, strict=True):
            await stage.does(person, "", "POST", "meetings", path, {**_answers(4), "ticket": ticket}, status=201)
        await stage.must_not(
            LEADER,
            "would answer once more:",
            "POST",
            "meetings",
            path,
            {**_answers(5), "ticket": seated[0]},
            code="survey-answered",
            status=409,
        )
        tickets = _texts(handed_out.at("tickets"))
        for guardian, ticket in zip((GUARDIAN_A, GUARDIAN_B), tickets, strict=True):
            await stage.does(
                guardian,
                "answers with a ticket",
                "POST",
                "meetings",
                path,
                {**_answers(5), "ticket": ticket},
                status=201,
            )


async def others_are_concerned(stage: Stage) -> None:
    """Five more concerns in Skien and five in Porsgrunn, each taken on within the week (seed rules 144, 179)."""
    for number, family in enumerate(OTHERS):
        person = TEACHER if number < 5 else TEACHER_IN_PORSGRUNN
        seen: dict[str, JsonValue] = {"area": "learning", "for_whom": "child", "text": CONCERN_TEXT}
        receipt = await registered(stage, person, "", family, seen)
        await lifted(stage, person, "", receipt.text("concern"))
    stage.narrator.did("The barnehage teachers in Skien and Porsgrunn", "register five concerns each, and lift them")


async def what_the_term_gave(stage: Stage) -> None:
    """The surveys' results, and the common report: line by line beside the others (seed rules 135-141, 152, 153)."""
    await stage.bus.wait("meetings.survey-round.completed", lambda e: e.envelope.municipality == stage.log.name)
    results = await stage.does(COORDINATOR, "reads what the surveys gave", "GET", "meetings", "/survey-results")
    stage.check(results.at("items", 0, "answers") == 7, "seven answers, of two meetings")
    means = {str(each["question"]): each["mean"] for each in _dicts(results.at("items", 0, "results"))}
    stage.narrator.happened(f"seven answers: {', '.join(f'{question} {mean}' for question, mean in means.items())}")
    stage.check(means.keys() == {"satisfied", "responsibility", "rights", "competent"}, "every question")
    report = await stage.does(
        COORDINATOR,
        "reads part 1 of the report on the autumn",
        "GET",
        "meetings",
        f"/reports/{_REPORT}?period={stage.school_year}-autumn",
    )
    _seven_measures(stage, report)
    _line_by_line(stage, report)


async def figures_are_waited_for(stage: Stage) -> None:
    """Calls to the service centre stand in no event: they are entered, within two weeks of their month (seed rules 150, 151)."""
    december = f"{stage.school_year}-12"
    await for_everybody.waited_for(stage, "service-centre-calls", december)
    line = await for_everybody.line_of(stage, COORDINATOR, "service-centre-calls", december)
    stage.check(
        (line["value"], line["overdue"]) == (None, False), f"missing, which is not nought, and not late: {line}"
    )
    await stage.must_not(
        LEADER,
        "would enter them:",
        "POST",
        "meetings",
        for_everybody.FIGURES,
        _calls(december, 412),
        code="figure-not-yours",
        status=403,
    )


async def late_and_entered(stage: Stage) -> None:
    """Nobody has: the coordinator is told, enters and corrects them, and nothing is taken away (seed rules 150, 151)."""
    december = f"{stage.school_year}-12"
    await for_everybody.reminded(stage, COORDINATOR, "figure-overdue")
    answer = await for_everybody.entered(stage, COORDINATOR, "enters the calls of December: 412", _calls(december, 412))
    path = f"{for_everybody.FIGURES}/{answer.text('figure')}"
    await stage.does(
        COORDINATOR,
        "corrects them: 421",
        "POST",
        "meetings",
        f"{path}/corrections",
        {"value": 421, "source": "web-statistics", "reason": "wrong-number"},
        status=201,
        if_match=answer.etag,
    )
    kept = await stage.does(COORDINATOR, "", "GET", "meetings", path)
    stage.check([each["value"] for each in _dicts(kept.at("entries"))] == [412.0, 421.0], "both are kept")
    report = await stage.does(
        COORDINATOR,
        "reads part 2 of the report",
        "GET",
        "meetings",
        f"/reports/grenland-part-2?period={stage.school_year}-autumn",
    )
    told = {
        str(each["indicator"]): {str(cell["period"]): cell["number"] for cell in _dicts(each["cells"])}
        for section in _dicts(report.at("sections"))
        for each in _dicts(section["entered"])
    }
    stage.check(told["service-centre-calls"][december] == 421.0, f"it stands in the report: {told}")
    stage.check(told["homepage-visits"][december] is None, "what nobody has entered is missing, and not nought")
    stage.narrator.happened("in the report 421 calls, and of the visits that nobody has entered them")


def _calls(period: str, number: int) -> dict[str, JsonValue]:
    return {"indicator": "service-centre-calls", "period": period, "value": number, "source": "web-statistics"}


def _seven_measures(stage: Stage, report: Answer) -> None:
    parts = [part for section in _dicts(report.at("sections")) for part in _dicts(section["stated"])]
    [lines] = [_dicts(part["lines"]) for part in parts if part["part"] == "undertakings"]
    stage.check(len(lines) == 7, "seven measures")
    for line in lines:
        stage.check(
            bool(line["owners"] and line["starts"] and line["goal"] and line["shown_by"]),
            f"owner, start, goal, indicator: {line}",
        )
    takes = [each["kroner"] for line in lines for each in _dicts(line["takes"])]
    stage.check(100_000 in takes, "what it takes")
    stage.narrator.happened("the seven measures, each with owner, start, what it takes, goal and indicator")


def _line_by_line(stage: Stage, report: Answer) -> None:
    compared = _dicts(report.at("compared"))
    stage.check(bool(compared), "figures are compared")
    shown: dict[str, JsonValue] = {}
    for figure in compared:
        beside = {str(each["municipality"]): each["column_totals"] for each in _dicts(figure["municipalities"])}
        stage.check(beside.keys() == {"4003", *GRENLAND}, f"six municipalities at {figure['figure']}")
        if figure["figure"] == "concerns-by-unit":
            shown = dict(beside)
    stage.check((shown["4003"], shown["4001"]) == ([6], [5]), f"six concerns in Skien, five in Porsgrunn: {shown}")
    stage.check(shown["4012"] == [None], "what is under five is told of nobody")
    stage.narrator.happened(
        f"{len(compared)} figures, six municipalities line by line: of concerns Skien 6, Porsgrunn 5, the others hidden"
    )


async def _survey_opens(stage: Stage, meeting: str) -> str:
    opened = await stage.bus.wait("meetings.survey.opened", lambda e: e.data["meeting"] == meeting)
    return str(opened.data["survey"])


def _answers(mark: int) -> dict[str, JsonValue]:
    return {"answers": dict.fromkeys(("satisfied", "responsibility", "rights", "competent"), mark)}


def _dicts(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: JsonValue) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


STORY: Final = Story(
    "skien",
    "Skien",
    Log("4003", "Skien", NEIGHBOURS_AUDITOR, TEACHER, witnessed=False),
    (
        Row(1, 8, 17, "One template in six municipalities", one_template, 9),
        Row(1, 8, 18, "The homepage", for_everybody.public_page, 9),
        Row(2, 9, 7, "A multilingual family", a_multilingual_family, 9),
        Row(3, 9, 21, "The transition is prepared, with an interpreter", the_transition_is_prepared, 9),
        Row(4, 10, 13, "A meeting with the guardians, and a survey after it", held_with_the_guardians, 14),
        Row(5, 10, 20, "Each answers once", once_each, 14),
        Row(6, 10, 21, "Concerns in two municipalities", others_are_concerned, 9),
        Row(7, 1, 5, "Figures that no event tells", figures_are_waited_for, 9),
        Row(8, 1, 15, "A figure that is late", late_and_entered, 9),
        Row(9, 1, 18, "What the autumn gave, line by line", what_the_term_gave, 9),
        Row(10, 6, 20, "The auditor asks, and verifies", asked_and_verified, 9),
        Row(11, 6, 20, "An attacker with the database password", row_24, 9),
    ),
    (*FAMILY.secrets(), *(word for family in OTHERS for word in family.secrets()), "trekker seg"),
)
