"""The report in words: one document, from which both the page and the PDF are made, so that they hold the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from services.audit.innsyn.codelists import CodeLists, IdentityRow
from services.audit.innsyn.domain import Counted, Recipient, RecipientKind, Right, Row
from services.audit.innsyn.texts import TEXTS, Texts
from shared.clock import OSLO, oslo_day
from shared.contracts.access import AccessKind
from shared.contracts.base import Model, Moment
from shared.contracts.codes import Language
from shared.refs import ActorId, InnsynReportRef

NO_BREAK: Final = "\N{NO-BREAK SPACE}"


class Report(Model):
    """Everything that a report is made of."""

    report: InnsynReportRef
    made_at: Moment
    right: Right
    origin: str
    size: int
    note: str
    witnessed: bool = False
    """Enough witnesses have cosigned the checkpoint: their lines are in the note."""
    signed_at: Moment
    counted: Counted
    names: Mapping[ActorId, str]
    """Only of those whom a rule of the code list names."""


class Line(Model):
    """One row of the table, as it is read: several lines a cell, the first the most important."""

    when: tuple[str, ...]
    who: tuple[str, ...]
    how: tuple[str, ...]
    what: tuple[str, ...]
    basis: tuple[str, ...]
    until: tuple[str, ...]
    entry: tuple[str, ...]
    emergency: bool


class Part(Model):
    """A heading with what stands under it."""

    heading: str
    paragraphs: tuple[str, ...]
    note_label: str | None = None
    note: tuple[str, ...] = ()
    """Lines to be shown exactly as they are."""


class Document(Model):
    """The report in one language."""

    language: Language
    title: str
    reference: str
    lead: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    caption: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]


def write(report: Report, lists: CodeLists, language: Language, *, contact: str | None) -> Document:
    """Return `report` in `language`; `contact` is where the municipality is asked for a name."""
    texts = TEXTS[language]
    counted, right = report.counted, report.right
    words = _Writer(texts, language, lists, report)
    return Document(
        language=language,
        title=texts.title,
        reference=report.report,
        lead=(texts.lead, _sum(texts, counted.looks)),
        facts=(
            (texts.facts.case, right.case),
            (texts.facts.asker, texts.asker[right.relation]),
            (texts.facts.made, words.moment(report.made_at)),
            (texts.facts.up_to, words.moment(report.signed_at)),
            (texts.facts.looks, number(counted.looks)),
        ),
        caption=texts.table.caption,
        columns=(
            texts.table.when,
            texts.table.who,
            texts.table.how,
            texts.table.what,
            texts.table.basis,
            texts.table.until,
            texts.table.entry,
        ),
        lines=tuple(words.line(row) for row in counted.rows),
        parts=tuple(_parts(texts, report, lists, contact)),
    )


def number(value: int) -> str:
    """Return the number with gaps between the thousands."""
    return f"{value:,}".replace(",", NO_BREAK)


def naming_rule(row: Row, lists: CodeLists) -> IdentityRow | None:
    """Return the rule by which the row names its recipient; None: it does not. A name can lead to a place that is protected."""
    told = row.recipient
    if told.actor is None or told.kind is not RecipientKind.EMPLOYEE or told.place_hidden:
        return None
    return lists.named_by(told.service, row.day)


def named_actors(rows: Sequence[Row], lists: CodeLists) -> set[ActorId]:
    """Return whose names the rows need."""
    return {
        row.recipient.actor for row in rows if row.recipient.actor is not None and naming_rule(row, lists) is not None
    }


class _Writer:
    """Puts rows into words."""

    def __init__(self, texts: Texts, language: Language, lists: CodeLists, report: Report) -> None:
        self._texts = texts
        self._language = language
        self._lists = lists
        self._names = report.names

    def line(self, row: Row) -> Line:
        """Return the row in words."""
        return Line(
            when=self._when(row),
            who=self._who(row),
            how=self._how(row),
            what=self._what(row),
            basis=self._basis(row),
            until=(
                self._texts.no_until
                if row.shared_until is None
                else self._texts.until.format(day=self.day(row.shared_until)),
            ),
            entry=(ranges(row.positions),),
            emergency=row.kind is AccessKind.BREAK_GLASS,
        )

    def day(self, day: date) -> str:
        """Return the day as people write it."""
        return self._texts.day.format(day=day.day, month=self._texts.months[day.month - 1], year=day.year)

    def moment(self, moment: datetime) -> str:
        """Return day and time in Norway."""
        return f"{self.day(oslo_day(moment))} {self._texts.at.format(time=_time(moment))}"

    def _when(self, row: Row) -> tuple[str, ...]:
        first, last, texts = _time(row.first), _time(row.last), self._texts
        if row.looks == 1:
            return self.day(row.day), texts.at.format(time=first)
        if first == last:
            return self.day(row.day), texts.same_time.format(looks=number(row.looks), time=first)
        return self.day(row.day), texts.between.format(looks=number(row.looks), first=first, last=last)

    def _who(self, row: Row) -> tuple[str, ...]:
        texts = self._texts
        match row.recipient.kind:
            case RecipientKind.YOU:
                return (texts.you,)
            case RecipientKind.GUARDIAN:
                return (texts.a_guardian,)
            case RecipientKind.CHILD:
                return (texts.the_child,)
            case RecipientKind.PROGRAM:
                return (texts.program,)
            case RecipientKind.EMPLOYEE:
                return (*self._employee(row.recipient), *self._name(row))

    def _employee(self, recipient: Recipient) -> list[str]:
        texts = self._texts
        said = [texts.unknown_service if recipient.service is None else texts.services[recipient.service]]
        if recipient.role is not None:
            said.append(texts.roles[recipient.role])
        if recipient.place_hidden:
            said.append(texts.place_hidden)
        elif recipient.organisation is not None:
            said.append(texts.organisation.format(organisation=recipient.organisation))
        return said

    def _name(self, row: Row) -> list[str]:
        actor = row.recipient.actor
        if actor is None or naming_rule(row, self._lists) is None:
            return []
        name = self._names.get(actor)
        return [self._texts.name_on_request if name is None else self._texts.named.format(name=inert(name))]

    def _how(self, row: Row) -> tuple[str, ...]:
        texts = self._texts
        did = texts.kinds[row.kind] + (f" {texts.in_meeting}" if row.in_meeting else "")
        purpose = () if row.purpose is None else (texts.purpose.format(purpose=texts.purposes[row.purpose]),)
        mark = (texts.emergency,) if row.kind is AccessKind.BREAK_GLASS else ()
        return (*mark, did, *purpose)

    def _what(self, row: Row) -> tuple[str, ...]:
        texts = self._texts
        said = [texts.categories[category] for category in row.categories]
        if row.documents:
            said.append(texts.documents_one if row.documents == 1 else texts.documents.format(count=row.documents))
        return (", ".join(said) or texts.no_categories,)

    def _basis(self, row: Row) -> tuple[str, ...]:
        if row.basis is None:
            return (self._texts.no_basis,)
        known = self._lists.basis(row.basis)
        if known is None:
            return (self._texts.unknown_basis.format(code=row.basis.code, version=row.basis.version),)
        return known.words(self._language), known.section


def _sum(texts: Texts, looks: int) -> str:
    if looks == 0:
        return texts.none
    return texts.counted_one if looks == 1 else texts.counted.format(looks=number(looks))


def _parts(texts: Texts, report: Report, lists: CodeLists, contact: str | None) -> list[Part]:
    right, counted, sections = report.right, report.counted, texts.sections
    shows = [*sections.shows.text, *(sections.shows.guardian if right.relation == "guardian" else sections.shows.child)]
    if right.withheld:
        shows += sections.shows.withheld
    if right.address_protected:
        shows += sections.shows.protected
    if counted.without_content:
        words = sections.shows.without_content_one if counted.without_content == 1 else sections.shows.without_content
        shows.append(words.format(count=number(counted.without_content)))
    if counted.unreadable:
        shows.append(sections.shows.unreadable.format(count=number(counted.unreadable)))
    shows += sections.shows.pruned
    parts = [Part(heading=sections.shows.heading, paragraphs=tuple(shows))]
    laws = sorted(
        {
            rule.section
            for row in counted.rows
            if row.recipient.actor not in report.names and (rule := naming_rule(row, lists)) is not None
        }
    )
    if laws:
        asked = [text.format(section="; ".join(laws)) for text in sections.names.text]
        if contact is not None:
            asked.append(sections.names.contact.format(contact=inert(contact)))
        parts.append(Part(heading=sections.names.heading, paragraphs=tuple(asked)))
    parts.append(Part(heading=sections.rights.heading, paragraphs=sections.rights.text))
    verify = tuple(text.format(size=number(report.size)) for text in sections.verify.text)
    if report.witnessed:
        verify += (sections.verify.witnessed,)
    parts.append(
        Part(
            heading=sections.verify.heading,
            paragraphs=verify,
            note_label=sections.verify.note,
            note=tuple(report.note.rstrip("\n").split("\n")),
        )
    )
    return parts


def ranges(positions: Sequence[int]) -> str:
    """Return ascending numbers with neighbours drawn together: `3, 7–9`."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and runs[-1][1] + 1 == position:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in runs)


def inert(text: str) -> str:
    """Return words from elsewhere as one line that can do nothing: no control, direction or invisible character in it."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _time(moment: datetime) -> str:
    return moment.astimezone(OSLO).strftime("%H:%M")
