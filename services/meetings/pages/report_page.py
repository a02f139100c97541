"""A report as a page, as a file for spreadsheets, and each of its figures as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from services.meetings.domain.entered_figure import Cell, EnteredTold, Shown
from services.meetings.domain.figures import COUNT, OF_UNITS, Figure, FigureCode
from services.meetings.domain.profile import Profile
from services.meetings.domain.reports import Content, StatedLine, offers_of
from services.meetings.domain.survey_results import SurveyTold
from services.meetings.errors import FigureUnknownError
from services.meetings.pages.chart import Chart, Value, chart
from services.meetings.pages.report_texts import REPORT_WORDS, ReportWords
from shared.clock import oslo_day
from shared.contracts.codes import Language
from shared.inert import line_of_cells
from shared.refs import UnitId
from shared.web.still import StillPage

_TEMPLATES: Final = Path(__file__).with_name("templates")
REPORT: Final = StillPage(_TEMPLATES / "report.html", _TEMPLATES / "report.css")
PICTURE: Final = StillPage(_TEMPLATES / "chart.svg", _TEMPLATES / "report.css")
COLUMNS: Final = (
    *("report", "municipality", "period", "figure", "figure_name", "row", "row_name"),
    *("column", "column_name", "number", "shown"),
)
TOTAL: Final = "total"
MEAN: Final = "mean"
ANSWERS: Final = "answers"
ENTERED: Final = "entered/"
"""Before an indicator's code, which may be a figure's too."""
_BOM: Final = b"\xef\xbb\xbf"
"""Without it Excel reads æ, ø and å as something else."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, in words."""

    name: str
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure, in words."""

    id: str
    name: str
    note: str
    caption: str
    first_column: str
    columns: Sequence[str]
    rows: Sequence[Row]
    totals: Sequence[str]
    hidden: str | None
    chart: Chart


@dataclass(frozen=True, slots=True)
class PartShown:
    """A part of the profile, in words."""

    name: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class RoundShown:
    """What a survey gave in a term, in words."""

    caption: str
    answers: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class SurveyShown:
    """A survey, in words."""

    name: str
    rounds: Sequence[RoundShown]


@dataclass(frozen=True, slots=True)
class SectionShown:
    """A heading with what stands under it."""

    heading: str
    figures: Sequence[Drawn]
    untold: Sequence[str]
    surveys: Sequence[SurveyShown]
    stated: Sequence[PartShown]


@dataclass(frozen=True, slots=True)
class ComparedShown:
    """A figure of several municipalities."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]


class _Words:
    """What everything is called in one municipality and language."""

    def __init__(self, profile: Profile, language: Language) -> None:
        self.words: Final[ReportWords] = REPORT_WORDS[language]
        self.language: Final = language
        self._named: Final[dict[str, str]] = {
            **{rules.type: rules.name for rules in profile.arenas},
            **{unit.id: unit.name for unit in profile.units},
        }
        self._competence: Final = {each.code: each.text.in_(language) for each in profile.competence}
        self._offers: Final = {code: text.in_(language) for code, text in offers_of(profile).items()}

    def row(self, figure: FigureCode, code: str) -> str:
        """Return what a row is called: a code means what it means in its figure."""
        if figure is FigureCode.PAGE_VISITS:
            return f"{self.words.months[int(code[5:]) - 1]} {code[:4]}"
        if figure is FigureCode.OFFERS_USED and code in self._offers:
            return self._offers[code]
        if figure is FigureCode.COMPETENCE_GAPS:
            return self._competence.get(code, code)
        if code in self._named and figure not in {
            FigureCode.CONCERNS_FOR_WHOM,
            FigureCode.DEVIATIONS,
            FigureCode.ATTENDANCE_BY_ROLE,
        }:
            return self._named[code]
        # A unit, an offer or an arena that the profile had when the term was told, and no longer has.
        return self.words.codes.get(code, code)

    def number(self, number: int | None) -> str:
        return self.words.hidden if number is None else str(number)

    def mean(self, mean: float | None) -> str:
        return self.words.hidden if mean is None else f"{mean:.1f}".replace(".", self.words.decimal)

    def unit(self, unit: UnitId) -> str:
        return self._named.get(unit, unit)

    def period(self, code: str) -> str:
        """Return what a period is called for which a figure is entered."""
        year, _, rest = code.partition("-")
        if len(rest) == 2:
            return f"{self.words.months[int(rest) - 1]} {year}"
        if len(rest) == 4:
            return self.words.school_year.format(first=year, last=rest)
        return {"autumn": f"{self.words.terms['autumn']} {year}", "spring": f"{self.words.terms['spring']} {year}"}.get(
            rest, year
        )

    def cell(self, cell: Cell | None) -> str:
        """Return a number that was entered; or that it is hidden, or missing; nothing where there is to be none."""
        if cell is None:
            return ""
        if cell.standing is Shown.SHOWN and cell.number is not None:
            number = _plain(cell.number).replace(".", self.words.decimal)
            return number if cell.of is None else self.words.percent_of.format(number=number, of=cell.of)
        return self.words.hidden if cell.standing is Shown.HIDDEN else self.words.missing

    def value(self, word: str, cell: Cell | None) -> Value:
        if cell is None:
            return Value(word, None, self.words.missing, missing=True)
        return Value(word, cell.number, self.cell(cell), missing=cell.standing is Shown.MISSING)

    def day(self, day: date) -> str:
        return self.words.day.format(day=day.day, month=self.words.months[day.month - 1], year=day.year)


def render_report(content: Content, profile: Profile, language: Language) -> str:
    """Return the page."""
    said = _Words(profile, language)
    words = said.words
    last = oslo_day(content.ends) - timedelta(days=1)
    first = oslo_day(content.begins)
    unit = None if content.unit is None else profile.unit(content.unit)
    return REPORT.render(
        language=language.value,
        words=words,
        report=content,
        title=words.title.format(
            report=content.title.in_(language),
            municipality=content.name,
            period=f"{said.day(first)} – {said.day(last)}",
        ),
        first=said.day(first),
        last=said.day(last),
        due=None if content.due is None else said.day(content.due),
        unit=content.unit if unit is None else unit.name,
        sections=[
            SectionShown(
                section.heading.in_(language),
                [
                    *(_drawn(said, figure, f"figure-{number}-{place}") for place, figure in enumerate(section.figures)),
                    *(
                        _of_entered(said, told, f"entered-{number}-{place}")
                        for place, told in enumerate(section.entered)
                    ),
                ],
                [words.figures[code].name for code in section.untold],
                [_survey(said, each) for each in section.surveys],
                [
                    PartShown(words.stated[part.part], [_line(said, one) for one in part.lines])
                    for part in section.stated
                ],
            )
            for number, section in enumerate(content.sections, start=1)
        ],
        compared=[
            ComparedShown(
                words.figures[each.figure].name,
                [words.codes[column] for column in each.columns],
                [Row(one.name, [said.number(number) for number in one.column_totals]) for one in each.municipalities],
            )
            for each in content.compared
        ]
        + [
            ComparedShown(
                each.text.in_(language),
                [said.period(code) for code in each.periods],
                [Row(one.name, [said.cell(cell) for cell in one.cells]) for one in each.municipalities],
            )
            for each in content.compared_indicators
        ],
    )


def render_chart(content: Content, profile: Profile, code: FigureCode, language: Language) -> str:
    """Return one figure as a picture that stands by itself.

    Raises:
        FigureUnknownError: the report has no such figure.
    """
    for section in content.sections:
        for figure in section.figures:
            if figure.code is code:
                return PICTURE.render(chart=_chart(_Words(profile, language), figure)).strip() + "\n"
    raise FigureUnknownError


def render_entered_chart(content: Content, profile: Profile, code: str, language: Language) -> str:
    """Return the figures that people entered of an indicator, as a picture that stands by itself.

    Raises:
        FigureUnknownError: the report has no such indicator.
    """
    for section in content.sections:
        for told in section.entered:
            if told.indicator == code:
                return PICTURE.render(chart=_entered_chart(_Words(profile, language), told)).strip() + "\n"
    raise FigureUnknownError


def render_csv(content: Content, profile: Profile, language: Language) -> bytes:
    """Return the figures for spreadsheets, a line for each number (RFC 4180); no cell can be taken for a formula."""
    said = _Words(profile, language)
    lines = [line_of_cells(COLUMNS)]
    told: set[FigureCode] = set()
    for section in content.sections:
        for figure in section.figures:
            if figure.code not in told:
                told.add(figure.code)
                for line in _lines(said, figure):
                    about = (content.report, content.municipality, content.period, figure.code.value)
                    lines.append(line_of_cells((*about, said.words.figures[figure.code].name, *line)))
    for told_of in dict.fromkeys(each for section in content.sections for each in section.entered):
        for line in _entered_lines(said, told_of):
            about = (content.report, content.municipality, content.period, f"{ENTERED}{told_of.indicator}")
            lines.append(line_of_cells((*about, told_of.text.in_(language), *line)))
    for survey in dict.fromkeys(each for section in content.sections for each in section.surveys):
        for line in _survey_lines(said, survey):
            about = (content.report, content.municipality, content.period, survey.survey)
            lines.append(line_of_cells((*about, survey.text.in_(language), *line)))
    return _BOM + "".join(lines).encode()


def _lines(said: _Words, figure: Figure) -> Iterator[tuple[str, ...]]:
    table, words = figure.table, said.words

    def line(row: str, row_name: str, column: str, column_name: str, number: int | None) -> tuple[str, ...]:
        shown = "false" if number is None else "true"
        return (row, row_name, column, column_name, "" if number is None else str(number), shown)

    for row, cells in zip(table.rows, table.cells, strict=True):
        for column, number in zip(table.columns, cells, strict=True):
            yield line(row, said.row(figure.code, row), column, words.codes[column], number)
    for row, number in zip(table.rows, table.row_totals, strict=False):
        yield line(row, said.row(figure.code, row), TOTAL, words.total, number)
    if table.column_totals:
        for column, number in zip(table.columns, table.column_totals, strict=True):
            yield line(TOTAL, words.total, column, words.codes[column], number)
    if table.row_totals:
        yield line(TOTAL, words.total, TOTAL, words.total, table.total)


def _survey_lines(said: _Words, survey: SurveyTold) -> Iterator[tuple[str, ...]]:
    words = said.words
    for each in survey.rounds:
        for asked in each.questions:
            mean = "" if asked.mean is None else f"{asked.mean:.1f}"
            named = (asked.question, asked.text.in_(said.language), MEAN, words.survey_mean)
            yield (*named, mean, "true" if mean else "false")
        answers = "" if each.answers is None else str(each.answers)
        yield (TOTAL, words.total, ANSWERS, words.survey_answers, answers, "true" if answers else "false")


def _survey(said: _Words, survey: SurveyTold) -> SurveyShown:
    language = said.language
    return SurveyShown(
        name=survey.text.in_(language),
        rounds=[
            RoundShown(
                caption=f"{survey.text.in_(language)} {said.day(each.first)} – {said.day(each.last)}",
                answers=said.number(each.answers),
                rows=[Row(asked.text.in_(language), [said.mean(asked.mean)]) for asked in each.questions],
            )
            for each in survey.rounds
        ],
    )


def _drawn(said: _Words, figure: Figure, name: str) -> Drawn:
    words, table = said.words, figure.table
    called = words.figures[figure.code]
    totals = [*table.column_totals, *([table.total] if table.row_totals else [])] if table.column_totals else []
    rows = [
        Row(
            said.row(figure.code, row),
            [said.number(number) for number in (*cells, *(table.row_totals[index : index + 1]))],
        )
        for index, (row, cells) in enumerate(zip(table.rows, table.cells, strict=True))
    ]
    numbers = [*(number for cells in table.cells for number in cells), *table.row_totals, *totals]
    hidden = numbers.count(None)
    return Drawn(
        id=name,
        name=called.name,
        note=called.note,
        caption=words.caption.format(figure=called.name),
        first_column=called.rows,
        columns=[*(words.codes[column] for column in table.columns), *([words.total] if table.row_totals else [])],
        rows=rows,
        totals=[said.number(number) for number in totals],
        hidden=words.hidden_here.format(count=hidden) if hidden else None,
        chart=_chart(said, figure),
    )


def _chart(said: _Words, figure: Figure) -> Chart:
    """Return the picture; of a table of units and more it is the totals that are drawn."""
    words, table = said.words, figure.table
    called = words.figures[figure.code]
    rows: list[tuple[str, Sequence[Value]]]
    if figure.code in OF_UNITS and len(table.columns) > 1:
        rows = [
            (words.codes[column], [Value("", number, said.number(number))])
            for column, number in zip(table.columns, table.column_totals, strict=True)
        ]
    else:
        names = ["" if column == COUNT else words.codes[column] for column in table.columns]
        rows = [
            (
                said.row(figure.code, row),
                [Value(name, number, said.number(number)) for name, number in zip(names, cells, strict=True)],
            )
            for row, cells in zip(table.rows, table.cells, strict=True)
        ]
    return chart(called.name, words.chart.format(figure=called.name), rows)


# --- what people have entered -------------------------------------------------------------------------------------------


def _of_entered(said: _Words, told: EnteredTold, name: str) -> Drawn:
    words, text = said.words, told.text.in_(said.language)
    cells = {(cell.unit, cell.period): cell for cell in told.cells}
    totals = {cell.period: cell for cell in told.totals}
    if told.units:
        first_column, columns = words.entered_unit, [said.period(code) for code in told.periods]
        rows = [
            Row(said.unit(unit), [said.cell(cells.get((unit, code))) for code in told.periods]) for unit in told.units
        ]
    else:
        first_column, columns = words.entered_period, [told.what.in_(said.language)]
        rows = [Row(said.period(code), [said.cell(cells.get((None, code)))]) for code in told.periods]
    return Drawn(
        id=name,
        name=text,
        note=_entered_note(said, told),
        caption=words.caption.format(figure=text),
        first_column=first_column,
        columns=columns,
        rows=rows,
        totals=[said.cell(totals.get(code)) for code in told.periods] if totals else [],
        hidden=_entered_left_out(said, told),
        chart=_entered_chart(said, told),
    )


def _entered_note(said: _Words, told: EnteredTold) -> str:
    words = said.words
    note = [words.entered_note.format(what=told.what.in_(said.language), better=words.better[told.better])]
    sources = sorted({words.entry_sources[cell.source] for cell in told.cells if cell.source is not None})
    if sources:
        note.append(words.entered_from.format(sources=", ".join(sources)))
    corrected = sum(cell.entries > 1 for cell in told.cells)
    if corrected:
        note.append(words.entered_corrected.format(count=corrected))
    return " ".join(note)


def _entered_left_out(said: _Words, told: EnteredTold) -> str | None:
    """Return how many numbers are hidden and how many missing; the one is not the other, and neither is nought."""
    standings = [cell.standing for cell in (*told.cells, *told.totals)]
    hidden, missing = standings.count(Shown.HIDDEN), standings.count(Shown.MISSING)
    parts = [said.words.hidden_here.format(count=hidden)] if hidden else []
    parts += [said.words.missing_here.format(count=missing)] if missing else []
    return " ".join(parts) or None


def _entered_chart(said: _Words, told: EnteredTold) -> Chart:
    """Return the picture: of each period; of units, each with its periods."""
    words, text = said.words, told.text.in_(said.language)
    cells = {(cell.unit, cell.period): cell for cell in told.cells}
    rows: list[tuple[str, Sequence[Value]]]
    if told.units:
        rows = [
            (said.unit(unit), [said.value(said.period(code), cells.get((unit, code))) for code in told.periods])
            for unit in told.units
        ]
    else:
        rows = [(said.period(code), [said.value("", cells.get((None, code)))]) for code in told.periods]
    return chart(text, words.entered_chart.format(figure=text), rows)


def _entered_lines(said: _Words, told: EnteredTold) -> Iterator[tuple[str, ...]]:
    words, quantity = said.words, told.quantity.value

    def line(one: Cell, row: str, row_name: str, column: str, column_name: str) -> tuple[str, ...]:
        shown = {Shown.SHOWN: "true", Shown.HIDDEN: "false", Shown.MISSING: "missing"}[one.standing]
        return (row, row_name, column, column_name, "" if one.number is None else _plain(one.number), shown)

    for one in told.cells:
        period, name = one.period, said.period(one.period)
        if one.unit is None:
            yield line(one, period, name, quantity, told.what.in_(said.language))
        else:
            yield line(one, one.unit, said.unit(one.unit), period, name)
    for one in told.totals:
        yield line(one, TOTAL, words.total, one.period, said.period(one.period))


def _plain(number: float) -> str:
    """Return a number with the one decimal that it may have."""
    return f"{number:.1f}".removesuffix(".0")


def _line(said: _Words, line: StatedLine) -> str:
    words, language = said.words, said.language
    more = [] if line.goal is None else [words.goal.format(goal=line.goal.in_(language))]
    more += [owner.in_(language) for owner in line.owners]
    more += [words.anchored_in.format(where=where.in_(language)) for where in line.anchored_in]
    if line.starts is not None:
        more.append(words.starts.format(day=said.day(line.starts)))
    more += [words.takes.format(what=_line(said, one)) for one in line.takes]
    more += [words.shown_by.format(figure=indicator.in_(language)) for indicator in line.shown_by]
    if line.kroner is not None:
        more.append(words.kroner.format(number=line.kroner))
    if line.hours_a_week is not None:
        hours = words.hours_a_week.format(number=f"{line.hours_a_week:g}")
        more.append(hours if line.for_each is None else f"{hours} {words.at_each[line.for_each]}")
    if line.post_percent is not None:
        more.append(words.post_percent.format(number=line.post_percent))
    if line.measure is not None:
        more.append(words.measure.format(what=line.measure.in_(language)))
    if line.better is not None:
        more.append(words.better[line.better])
    if line.figure is not None:
        more.append(words.shown_by.format(figure=words.figures[line.figure].name))
    elif line.source is not None:
        more.append(words.from_where[line.source])
    return f"{line.text.in_(language)}: {'; '.join(more)}" if more else line.text.in_(language)
