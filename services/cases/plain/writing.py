"""The overview in words: what both the page and the JSON answer say. Short sentences; who, what, until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from services.cases.domain.around import PlanStatus
from services.cases.domain.overview import Asked, Form, Help, Overview, Plan, Who
from services.cases.domain.state import FormStatus, MeasureStatus, Stage
from services.cases.plain.texts import TEXTS, Texts
from shared.clock import OSLO, oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import CoordinatorKind
from shared.contracts.codes import Language
from shared.refs import GoalRef


class Fact(Model):
    """A term and what it is."""

    term: str
    value: str


class Item(Model):
    """One thing of a list: a measure, a consent, a form."""

    title: str
    facts: tuple[Fact, ...] = ()
    sentences: tuple[str, ...] = ()
    to_do: bool = False
    """It waits for the reader."""


class Section(Model):
    """A heading with what stands under it."""

    heading: str
    sentences: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    items: tuple[Item, ...] = ()


class Document(Model):
    """The overview in one language."""

    language: Language
    page: str
    title: str
    lead: str
    sections: tuple[Section, ...]


class Words(Model):
    """What the vault and the municipality's profile put into it."""

    name: str
    """The child's given names and surname; empty where the reader may not have it."""
    goals: Mapping[GoalRef, str]
    strengths: Mapping[GoalRef, str] = {}
    """What a measure builds on, by its goal (seed rule 92)."""
    offers: Mapping[str, str]
    """A measure's code -> what people call it, in the document's language."""


def write(overview: Overview, words: Words, language: Language) -> Document:
    """Return `overview` in `language`."""
    texts = TEXTS[language]
    writer = _Writer(texts, overview, words)
    return Document(
        language=language,
        page=texts.page,
        title=texts.title[overview.reader].format(name=words.name).strip(", "),
        lead=texts.lead[overview.reader],
        sections=tuple(writer.sections()),
    )


class _Writer:
    def __init__(self, texts: Texts, overview: Overview, words: Words) -> None:
        self._texts, self._overview, self._words = texts, overview, words
        self._reader = overview.reader

    def sections(self) -> Iterator[Section]:
        """Yield what the reader can do first, then how it stands."""
        overview, texts = self._overview, self._texts
        if overview.to_answer:
            sentences = (texts.consents.to_answer[self._reader], texts.consents.how[self._reader])
            items = tuple(self._asked(one, texts.consents.answer_item, to_do=True) for one in overview.to_answer)
            yield Section(heading=texts.consents.answer_heading, sentences=sentences, items=items)
        if overview.to_approve or overview.forms:
            forms = [self._form(one, to_do=True) for one in overview.to_approve]
            forms += [self._form(one) for one in overview.forms]
            yield Section(heading=texts.forms.heading, items=tuple(forms))
        yield self._standing()
        yield self._people()
        yield self._help()
        if overview.plan is not None:
            yield self._plan(overview.plan)
        yield self._consents()
        yield Section(heading=texts.rights.heading, points=texts.rights.text[self._reader])

    def _standing(self) -> Section:
        overview, words = self._overview, self._texts.standing
        sentences = []
        if overview.stage is Stage.OPEN:
            sentences += [words.open[self._reader], words.levels[overview.level]]
            sentences.append((words.by_name if overview.by_name else words.anonymous)[self._reader])
        else:
            sentences.append(words.closed[self._reader])
            sentences += [text for code, text in words.outcomes.items() if code == overview.outcome]
        coming = overview.next_meeting
        due_meeting = overview.meeting_by if coming is None else None
        for sentence, due in ((words.decide_by, overview.decide_by), (words.meeting_by, due_meeting)):
            if due is not None:
                sentences.append(sentence[self._reader].format(day=self._day(due)))
        if coming is not None:
            day, time = self._day(coming.starts_at), self._time(coming.starts_at)
            sentences.append(words.next_meeting[self._reader].format(day=day, time=time))
        known = [text for code, text in words.heard_before.items() if code in overview.heard]
        sentences += [words.heard[self._reader].format(what=what) for what in known]
        return Section(heading=words.heading, sentences=tuple(sentences))

    def _people(self) -> Section:
        overview, words = self._overview, self._texts.people
        facts = [Fact(term=words.holder, value=words.nobody if overview.holder is None else self._who(overview.holder))]
        sentences = [words.anybody[self._reader]]
        if overview.contact is None:
            sentences.insert(0, words.no_contact[self._reader])
        else:
            facts.insert(0, Fact(term=words.contact, value=self._who(overview.contact)))
        for one in overview.coordinators:
            facts.append(Fact(term=words.coordinators[one.kind], value=self._who(one.who)))
        plans = overview.plan is not None and overview.plan.status is not PlanStatus.CLOSED
        if overview.coordinated_by is not None and len(overview.services) > 1 and not (overview.coordinators or plans):
            # Where several work with the child, somebody coordinates, appointed or not, and it is not the family (seed rule 122).
            facts.append(Fact(term=words.coordinated_by, value=self._who(overview.coordinated_by)))
        if overview.taking_over is not None:
            facts.append(Fact(term=words.taking_over, value=self._who(overview.taking_over)))
        if overview.team:
            facts.append(Fact(term=words.team, value=_listed(map(self._who, overview.team))))
        for term, services in (
            (words.contributing, overview.contributing),
            (words.asked, overview.asked_to_contribute),
        ):
            if services:
                facts.append(Fact(term=term, value=_listed(self._texts.services[one] for one in services)))
        if CoordinatorKind.BARNEKOORDINATOR in overview.coordinator_wanted:
            sentences.append(words.coordinator_wanted[self._reader])
        if overview.interpreter:
            sentences.append(words.interpreter[self._reader])
        return Section(heading=words.heading[self._reader], facts=tuple(facts), sentences=tuple(sentences))

    def _help(self) -> Section:
        overview, words = self._overview, self._texts.help
        sentences = []
        if not overview.help:
            sentences.append(words.none[self._reader])
        elif overview.words_withheld:
            sentences.append(words.withheld[self._reader])
        in_order = sorted(overview.help, key=lambda one: one.status is MeasureStatus.STOPPED)
        items = tuple(self._measure(one) for one in in_order)
        common = None if overview.goal is None else self._words.goals.get(overview.goal)
        facts = (Fact(term=words.common_goal, value=common),) if common else ()
        return Section(heading=words.heading, sentences=tuple(sentences), facts=facts, items=items)

    def _plan(self, plan: Plan) -> Section:
        words = self._texts.plan
        facts = [Fact(term=words.coordinator, value=self._who(plan.coordinator))]
        if plan.version:
            facts.append(Fact(term=words.version, value=str(plan.version)))
        goals = [self._words.goals[goal] for goal in plan.goals if goal in self._words.goals]
        facts += [Fact(term=words.goals, value=goal) for goal in goals]
        return Section(heading=words.heading, sentences=(words.statuses[plan.status],), facts=tuple(facts))

    def _measure(self, one: Help) -> Item:
        words = self._texts.help
        facts = [
            Fact(term=words.owner, value=self._texts.services[one.owner]),
            Fact(term=words.status, value=words.statuses[one.status]),
        ]
        told = ((words.goal, self._words.goals.get(one.goal)), (words.strengths, self._words.strengths.get(one.goal)))
        facts[:0] = [Fact(term=term, value=value) for term, value in told if value]
        if one.status is not MeasureStatus.STOPPED:
            facts.append(Fact(term=words.next, value=self._day(one.evaluate_by)))
        if one.effect is not None:
            facts.append(Fact(term=words.effect, value=words.effects[one.effect]))
        title = self._words.offers.get(one.code, one.code.replace("-", " ").capitalize())
        return Item(title=title, facts=tuple(facts))

    def _consents(self) -> Section:
        overview, words = self._overview, self._texts.consents
        sentences = [(words.in_force if overview.in_force else words.none)[self._reader]]
        items = [self._asked(one, words.in_force_item) for one in overview.in_force]
        items += [
            self._asked(one, words.waiting_item, sentences=(words.waiting[self._reader],)) for one in overview.waiting
        ]
        return Section(heading=words.in_force_heading, sentences=tuple(sentences), items=tuple(items))

    def _asked(self, one: Asked, title: str, *, sentences: Sequence[str] = (), to_do: bool = False) -> Item:
        texts = self._texts
        who = _listed(texts.services[service] for service in one.services)
        if one.municipality is not None:
            who = texts.consents.elsewhere.format(who=who, municipality=one.municipality)
        facts = (
            Fact(term=texts.consents.who, value=who),
            Fact(term=texts.consents.what, value=_listed(texts.categories[category] for category in one.categories)),
            Fact(term=texts.consents.why, value=_listed(texts.purposes[purpose] for purpose in one.purposes)),
            Fact(term=texts.consents.until, value=self._day(one.valid_to)),
        )
        return Item(title=title, facts=facts, sentences=tuple(sentences), to_do=to_do)

    def _form(self, one: Form, *, to_do: bool = False) -> Item:
        words = self._texts.forms
        kind = words.types["school-to-school" if one.form_type == "school-to-school" else "barnehage-to-school"]
        title = f"{kind.format(year=one.school_start)}, {words.version.format(version=one.version)}"
        if to_do:
            return Item(title=title, sentences=(words.approve,), to_do=True)
        if one.status is FormStatus.DRAFTED and one.approved:
            return Item(title=title, sentences=(words.approved,))
        return Item(title=title, sentences=(words.statuses[one.status],))

    def _who(self, who: Who) -> str:
        """Return a function and its service: `kontaktlærer, Skolen`."""
        role = None if who.role is None else self._texts.roles[who.role]
        service = None if who.service is None else self._texts.services[who.service]
        return ", ".join(word for word in (service, role) if word)

    def _day(self, moment: datetime | date) -> str:
        day = oslo_day(moment) if isinstance(moment, datetime) else moment
        return self._texts.day.format(day=day.day, month=self._texts.months[day.month - 1], year=day.year)

    def _time(self, moment: datetime) -> str:
        here = moment.astimezone(OSLO)
        return self._texts.time.format(hour=f"{here.hour:02}", minute=f"{here.minute:02}")


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words)
