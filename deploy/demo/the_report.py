"""Row 25: the year's report, counted from what the year had; no number in it tells of a child, or of somebody's absence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from deploy.demo.concern_and_consent import lifted, registered
from deploy.demo.meet import Sat, held
from deploy.demo.people import CONCERN_TEXT, COORDINATOR, GOAL_TEXT, LEADER, OTHER_CHILDREN, TEACHER, Family
from deploy.demo.stage import MESSAGES, Answer, Person, Stage, told
from deploy.demo.the_year import Planned
from shared.clock import OSLO
from shared.small_numbers import THRESHOLD

_ELSEWHERE: Final = Person("curious-employee", "A teacher of the other barnehage")
_REPORT: Final = "/reports/yearly-account"
_HOUSE: Final = ("ledelse", "barnehage", "skole", "ppt", "helsestasjon", "barnevern")
_BUP_DAYS: Final = (date(2026, 8, 25), date(2026, 11, 17))
_LEADERS_ABSENT: Final = (1, 1, 2, 1, 2)
"""From each of the autumn's five lederforum."""
_AT_HAUGEN: Final = OTHER_CHILDREN[:5]
_SOON_AT_LIA: Final = OTHER_CHILDREN[5:7]
_LATER_AT_LIA: Final = OTHER_CHILDREN[7:]

Lines = Mapping[str, list[int | None]]
"""A figure's numbers by row; the totals of its columns under `total`, and where its rows have totals these last in each."""


async def meetings_are_called(stage: Stage) -> None:
    """18 August: the autumn's lederforum and meetings with BUP are called, as they stand in the year wheel (seed rules 19, 40)."""
    wheel = await stage.does(COORDINATOR, "", "GET", "meetings", "/year-wheel?limit=200")
    planned = TypeAdapter(tuple[Planned, ...]).validate_python(wheel.at("items"))
    forums = [each for each in planned if each.arena_type == "lederforum" and each.day.year == stage.school_year]
    bup = [each for each in planned if each.arena_type == "bup-samarbeid" and each.day in _BUP_DAYS]
    stage.check(
        (len(forums), len(bup)) == (5, 2), "five lederforum, and two meetings with BUP beside the one of 6 October"
    )
    for name, meetings in (("forum", forums), ("bup", bup)):
        for number, each in enumerate(meetings):
            path = f"/meetings/{each.meeting}"
            await stage.does(COORDINATOR, "", "POST", "meetings", f"{path}/invitation", {}, status=201)
            stage.facts |= {f"{name}-{number}": path, f"{name}-{number}-at": each.starts_at.isoformat()}
    stage.narrator.did(COORDINATOR.called, "calls the autumn's five lederforum and two meetings with BUP")


async def other_children(stage: Stage) -> None:
    """8 September: concerns for eleven other children, in two barnehager (seed rule 78)."""
    for number, family in enumerate(OTHER_CHILDREN):
        await _registered(stage, _ELSEWHERE if family in _AT_HAUGEN else TEACHER, number, family)
    stage.narrator.did("Teachers of the two barnehager", "register concerns for five and six other children")


async def acted_on_at_once(stage: Stage) -> None:
    """10 September: seven of them are acted on (seed rules 79, 80): two near the child, five are cases with a measure each."""
    for number, family in enumerate(OTHER_CHILDREN):
        if family in _SOON_AT_LIA:
            await _resolved(stage, number)
        elif family in _AT_HAUGEN:
            await lifted(stage, _ELSEWHERE, "", stage.facts[f"other-concern-{number}"])
            measure = await stage.does(
                _ELSEWHERE,
                "",
                "POST",
                "cases",
                f"/cases/{stage.facts[f'other-{number}']}/measures",
                _measure(),
                status=201,
            )
            stage.facts[f"other-measure-{number}"] = measure.text("measure")
    stage.narrator.did("Both", "act on seven within the week: two are solved near the child, five get a measure")


async def acted_on_in_time(stage: Stage) -> None:
    """18 September: the other four are solved near the child: within the fortnight, not the week."""
    for number, family in enumerate(OTHER_CHILDREN):
        if family in _LATER_AT_LIA:
            await _resolved(stage, number)
    stage.narrator.did(TEACHER.called, "acts on the other four within the fortnight")


async def reached(stage: Stage) -> None:
    """1 December: the five measures are evaluated, in time; each goal is reached, and the cases are closed (seed rules 88, 89)."""
    for number in range(len(_AT_HAUGEN)):
        path = f"/measures/{stage.facts[f'other-measure-{number}']}/evaluations"
        judged: JsonValue = {"effect": "reached", "outcome": "stop"}
        await stage.does(_ELSEWHERE, "", "POST", "cases", path, judged, status=201)
        case = f"/cases/{stage.facts[f'other-{number}']}"
        seen = await stage.does(_ELSEWHERE, "", "GET", "cases", case)
        ended: JsonValue = {"outcome": "goal-reached"}
        await stage.does(_ELSEWHERE, "", "POST", "cases", f"{case}/closure", ended, status=201, if_match=seen.etag)
    stage.narrator.did(
        _ELSEWHERE.called, "evaluates five measures in time: each goal is reached, and the cases are closed"
    )


async def meetings_were_held(stage: Stage) -> None:
    """18 December: who came to the autumn's meetings is recorded, and who did not (seed rules 54, 156)."""
    for number, absent in enumerate(_LEADERS_ABSENT):
        seats = [
            Sat(service, "leader", present=at >= absent, reason="double-booked" if at < absent else None)
            for at, service in enumerate(reversed(_HOUSE))
        ]
        await _held(stage, f"forum-{number}", list(reversed(seats)))
    for number, away in enumerate((("ppt", "barnevern", "psykiatri"), ("barnevern", "psykiatri"))):
        roles = {
            "bup": "bup-clinician",
            "helsestasjon": "health-nurse",
            "ppt": "ppt-adviser",
            "barnevern": "child-welfare-officer",
            "psykiatri": "health-nurse",
        }
        seats = [
            Sat(service, role, present=service not in away, reason="ill" if service in away else None)
            for service, role in roles.items()
        ]
        await _held(stage, f"bup-{number}", seats)
    stage.narrator.did(
        COORDINATOR.called, "records who came to five lederforum and two meetings with BUP, and who did not"
    )


async def row_25(stage: Stage) -> None:
    """20 June: the leader reads the year's report, term by term; nothing under five is in it, and subtraction gives nothing."""
    await stage.at(6, 20)
    autumn, spring = (
        f"{_REPORT}?period={term}" for term in (f"{stage.school_year}-autumn", f"{stage.school_year + 1}-spring")
    )
    await stage.must_not(
        TEACHER, "asks for the year's report:", "GET", "meetings", autumn, code="reports-forbidden", status=403
    )
    await stage.must_not(
        LEADER, "asks for the spring, which is not over:", "GET", "meetings", spring, code="period-not-over", status=409
    )
    whole = await stage.does(COORDINATOR, "reads the year's report on the autumn", "GET", "meetings", autumn)
    mine = await stage.does(LEADER, "reads it too", "GET", "meetings", autumn)
    figures, own = _figures(stage, whole), _figures(stage, mine, whole=False)
    _meetings(stage, figures["meetings"])
    await _exactly(stage)
    _attendance(stage, figures)
    _time(stage, figures, own)
    _measures(stage, figures)
    for code in figures.keys() - {"meetings", "deviations", "arenas", "concerns-by-unit", "cases-by-level", "consents"}:
        stage.check(own[code] == figures[code], f"the leader is shown of {code} the very numbers that everybody is")
    await _every_form(stage, autumn, whole)
    await _told_once(stage, autumn, spring, whole)


def _meetings(stage: Stage, lines: Lines) -> None:
    columns = ("due", "held", "not-held", "cancelled")
    totals = dict(zip(columns, lines["total"], strict=True))
    due = {row: numbers[0] for row, numbers in lines.items()}
    stage.check(
        (due["ressursteam"], due["lederforum"]) == (4, 5),
        f"one ressursteam in each of four units, five lederforum: {due}",
    )
    stage.check(totals["held"] == 9, f"a ressursteam, three with BUP, five lederforum: {totals}")
    stage.check(
        {numbers[1] for row, numbers in lines.items() if row != "total"} == {None}, "each by itself is told of nobody"
    )
    stage.narrator.happened(
        f"meetings: {totals['due']} required, {totals['held']} held; of which arena is hidden, for some had few"
    )


async def _exactly(stage: Stage) -> None:
    """Insist that the leader sees the own unit's meetings exactly where work is done by them (seed rule 95)."""
    seen = await stage.does(LEADER, "", "GET", "meetings", "/conformity?limit=200")
    [team] = [each for each in seen.rows() if (each["arena_type"], each["period"]) == ("ressursteam", "autumn")]
    stage.check((team["due"], team["held"]) == (1, 1), f"one required and one held, beside the extra one: {team}")


def _attendance(stage: Stage, figures: dict[str, Lines]) -> None:
    roles, arenas = figures["attendance-by-role"], figures["attendance"]
    stage.check(roles["leader"] == [25, 7, 32], f"leaders came 25 times, and seven times not: {roles['leader']}")
    stage.check(roles["total"] == arenas["total"] == [41, 12, 53], f"53 seats, 41 of them taken: {roles['total']}")
    stage.check(
        [arenas[row][2] for row in ("ressursteam", "bup-samarbeid", "lederforum")] == [8, 15, 30], "seats by arena"
    )
    stage.check(
        roles["health-nurse"] == [None, None, 8], "two absences of health nurses are hidden, and six seats beside them"
    )
    stage.check(
        {*roles["bup-clinician"], *roles["child-welfare-officer"]} == {None}, "and so are the roles that had few"
    )
    stage.narrator.happened(
        "attendance by role: leaders took 25 of 32 seats; of the roles with few, and those beside them, nothing"
    )


def _time(stage: Stage, figures: dict[str, Lines], own: dict[str, Lines]) -> None:
    time = figures["time-to-act"]
    stage.check(
        time == {"within-7-days": [7], "in-time": [None], "late": [None], "total": [12]},
        f"twelve acted on, seven within a week; five and none would each tell the other: {time}",
    )
    units = figures["concerns-by-unit"]
    stage.check((units["unit:lia-barnehage"], units["total"]) == ([7], [12]), f"seven of twelve at Lia: {units}")
    stage.check(units["unit:haugen-barnehage"] == [None], "five at Haugen would say that there was none elsewhere")
    stage.check(
        own["concerns-by-unit"] == {"unit:lia-barnehage": [7], "total": [12]},
        "the leader sees the own unit's, and the total",
    )
    stage.narrator.happened(
        "from concern to action: seven of twelve within a week; whether any was late cannot be worked out"
    )


def _measures(stage: Stage, figures: dict[str, Lines]) -> None:
    judged = figures["evaluations"]
    stage.check(judged["total"] == [None, None, 6], f"six evaluated: {judged}")
    stage.check(
        {number for row in ("reached", "some", "none") for number in judged[row]} == {None},
        "five that reached their goal, and six in time, would say that one had no effect, and that none was late",
    )
    ended = figures["measures-ended"]
    stage.check(
        ended == {"goal-reached": [None], "no-effect": [None], "withdrawn": [None], "total": [6]},
        f"six ended; that five had reached their goal would say that the one was stopped for no effect: {ended}",
    )
    stage.narrator.happened(
        "measures: six evaluated; that one was stopped for no effect would be that child's, and is hidden"
    )


async def _every_form(stage: Stage, path: str, report: Answer) -> None:
    """Insist that page, file and picture tell the same numbers, and the same gaps."""
    query = path.partition("?")[2]
    page = await stage.does(
        LEADER, "has it as a page for print", "GET", "meetings", f"{_REPORT}/page?{query}&language=nb"
    )
    words = page.content.decode()
    for word in ("Årsrapport til kommunestyret", "Møter holdt mot krav", "Oppmøte etter rolle", "skjult", "<svg"):
        stage.check(word in words, f"the page has {word!r}")
    stage.check("<script" not in words, "and no script")
    file = await stage.does(
        COORDINATOR, "has it for spreadsheets", "GET", "meetings", f"{_REPORT}/table?{query}&language=nb"
    )
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    for code, lines in _figures(stage, report).items():
        numbers = sorted(str(number) if number is not None else "" for line in lines.values() for number in line)
        found = sorted(row["number"] for row in rows if row["figure"] == code)
        stage.check(found == numbers, f"{code} in the file: {found}, {numbers}")
        stage.check(
            all((row["shown"] == "false") == (row["number"] == "") for row in rows if row["figure"] == code),
            "a gap says so",
        )
    picture = await stage.does(
        LEADER,
        "and attendance by role as a picture",
        "GET",
        "meetings",
        f"{_REPORT}/charts/attendance-by-role?{query}&language=nb",
    )
    stage.check(
        picture.content.startswith(b"<svg") and b"Oppm\xc3\xb8te etter rolle" in picture.content,
        "a picture that says what it is",
    )


async def _told_once(stage: Stage, autumn: str, spring: str, before: Answer) -> None:
    """2 August: the spring is over, and told; the autumn is as it was; the report is delivered (seed rules 95, 140)."""
    # Before the reminder is due: of whoever never came, nothing is known in notify, and the leaders are reminded in their place.
    await stage.does(COORDINATOR, "", "GET", "notify", MESSAGES)
    await stage.clock(datetime(stage.school_year + 1, 8, 2, 9, 0, tzinfo=OSLO).astimezone(UTC))
    rest = await stage.does(LEADER, "reads the spring, six weeks later", "GET", "meetings", spring)
    whole = await stage.does(COORDINATOR, "reads it too", "GET", "meetings", spring)
    figures, own = _figures(stage, whole), _figures(stage, rest, whole=False)
    _spring(stage, figures)
    stage.check(
        own["measures-ended"] == figures["measures-ended"], "the leader is shown the very numbers that everybody is"
    )
    again = await stage.does(COORDINATOR, "", "GET", "meetings", autumn)
    stage.check(again.content == before.content, "the autumn is told as it was, to the byte")
    await stage.until(COORDINATOR, "notify", MESSAGES, told("municipal-report-reminder"), "whoever owes it is reminded")
    due = f"{stage.school_year + 1}-08-15"
    await stage.must_not(
        LEADER,
        "would say that it was delivered:",
        "POST",
        "meetings",
        f"{_REPORT}/deliveries",
        {"due": due},
        code="report-not-yours",
        status=403,
    )
    await stage.does(
        COORDINATOR,
        "delivers it to kommunestyret, and says so",
        "POST",
        "meetings",
        f"{_REPORT}/deliveries",
        {"due": due},
        status=201,
    )
    await stage.bus.wait(
        "meetings.report.delivered", lambda e: e.data["report"] == "yearly-account" and e.data["due"] == due
    )


def _spring(stage: Stage, figures: dict[str, Lines]) -> None:
    """Insist that of a spring in which nothing came of the year wheel, and little happened, that is all that is told."""
    meetings = figures["meetings"]
    due, held, not_held, _ = meetings["lederforum"]
    stage.check((held, not_held) == (None, due), f"as many lederforum were not held as were due: {meetings}")
    stage.check((meetings["ressursteam"], meetings["total"][1]) == ([4, None, None, None], None), "and no meeting was")
    for code in (
        "measures-ended",
        "evaluations",
        "attendance",
        "attendance-by-role",
        "concerns-by-unit",
        "time-to-act",
    ):
        told = {number for line in figures[code].values() for number in line}
        stage.check(told == {None}, f"fewer than five of {code}, so not even how many: {figures[code]}")
    stage.narrator.happened("the spring: the meetings that were due were not held; of fewer than five nothing is told")


class _Table(BaseModel):
    """A figure's table; None is hidden."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]
    row_totals: tuple[int | None, ...]
    column_totals: tuple[int | None, ...]
    total: int | None

    def lines(self) -> Lines:
        """Return its numbers by row."""
        last = self.row_totals or None
        found = {
            row: [*cells, *([last[at]] if last else [])]
            for at, (row, cells) in enumerate(zip(self.rows, self.cells, strict=True))
        }
        return {**found, "total": [*self.column_totals, *([self.total] if last else [])]}

    def sums(self) -> Iterator[list[int | None]]:
        """Yield parts with their sum, each as somebody would subtract."""
        for at, column in enumerate(self.columns):
            # How many meetings are due is a rule, and stands in the profile for everybody.
            if self.column_totals and column not in {"due", "to-have"}:
                yield [*(cells[at] for cells in self.cells), self.column_totals[at]]
        if self.row_totals:
            yield from ([*cells, total] for cells, total in zip(self.cells, self.row_totals, strict=True))
            yield [*self.row_totals, self.total]
            yield [*self.column_totals, self.total]


def _figures(stage: Stage, report: Answer, *, whole: bool = True) -> dict[str, Lines]:
    """Return the report's figures, after insisting that no count under five is in them, nor one that subtraction gives.

    Of what a leader sees, who has the own unit's row only, the sums are the municipality's (not `whole`).
    """
    found: dict[str, Lines] = {}
    for section in _dicts(report.at("sections")):
        for figure in _dicts(section["figures"]):
            code, table = str(figure["code"]), _Table.model_validate(figure["table"])
            found[code] = table.lines()
            for line in table.sums():
                _nothing_small(stage, code, line)
                if whole:
                    _nothing_follows(stage, code, line)
            if code == "competence-gaps":
                _nothing_follows_from_what_there_could_be(stage, table)
    return found


def _nothing_small(stage: Stage, code: str, line: Sequence[int | None]) -> None:
    small = [number for number in line if number is not None and number < THRESHOLD]
    stage.check(not small, f"{code}: no count under five: {line}")


def _nothing_follows(stage: Stage, code: str, line: Sequence[int | None]) -> None:
    """Insist of parts, with their sum last, that what is shown of them leaves neither a single one nor a small rest."""
    *parts, total = line
    shown = [number for number in parts if number is not None]
    if total is not None and len(shown) < len(parts):
        hidden = len(parts) - len(shown)
        stage.check(hidden > 1 and total - sum(shown) >= THRESHOLD, f"{code}: subtraction gives nothing: {line}")


def _nothing_follows_from_what_there_could_be(stage: Stage, table: _Table) -> None:
    """Insist that no hidden number of units that lack a competence follows from how many are to have it, and how many there are."""
    total = table.column_totals[-1]
    hidden = {row: asked or 0 for row, (asked, lacking) in zip(table.rows, table.cells, strict=True) if lacking is None}
    if total is not None and any(hidden.values()):
        rest = total - sum(lacking for _, lacking in table.cells if lacking is not None)
        for row, most in hidden.items():
            room = min(most, rest) - max(0, rest - sum(hidden.values()) + most)
            stage.check(room >= min(most, THRESHOLD), f"competence-gaps: {row} does not follow")


async def _registered(stage: Stage, by: Person, number: int, family: Family) -> None:
    seen: dict[str, JsonValue] = {"area": "learning", "for_whom": "child", "text": CONCERN_TEXT}
    receipt = await registered(stage, by, "", family, seen)
    stage.facts |= {f"other-{number}": receipt.text("case"), f"other-concern-{number}": receipt.text("concern")}


async def _resolved(stage: Stage, number: int) -> None:
    path = f"/concerns/{stage.facts[f'other-concern-{number}']}/resolution"
    solved: JsonValue = {"outcome": "resolved-locally", "local_outcome": "adapted-everyday"}
    await stage.does(TEACHER, "", "POST", "cases", path, solved, status=201)


def _measure() -> JsonValue:
    return {
        "code": "ekstratimer",
        "owner": "barnehage",
        "owner_unit": "unit:haugen-barnehage",
        "goal": GOAL_TEXT,
        "indicator": "ord-i-lek",
        "evaluate_by": "2026-12-04T12:00:00+01:00",
    }


async def _held(stage: Stage, name: str, seats: Sequence[Sat]) -> None:
    starts = datetime.fromisoformat(stage.facts[f"{name}-at"])
    await stage.does(COORDINATOR, "", "POST", "meetings", f"{stage.facts[name]}/holding", held(starts, seats))


def _dicts(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
