"""Invariant 10: what an age brings comes on the birthday, 29 February too, once, and never before it.

A machine lets days pass one by one or years at once, sets the clock back, stops everything, starts the day's round twice, lets what it
promised wait, come twice or come late, and changes who has the say over the child meanwhile. It does what `handlers/ages.py` does
around its transactions: the last look and the one promise that still waits are all that is kept. The oracle has its own calendar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain import consent, ending, guardianship, reassessment
from services.cases.domain.ages import nothing_to_come, passed
from services.cases.domain.evolution import fold
from services.cases.domain.grantors import Standing
from services.cases.domain.state import CaseState, missing_of
from services.cases.errors import CaseError
from services.cases.handlers.reassess import reassess
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.cases import ConsentReassessmentDue, ConsentRefused, ConsentSuspended, ReassessmentReason
from shared.contracts.codes import InformationCategory, Purpose, Scope, Service
from shared.contracts.endings import AdulthoodApproaching, AdulthoodReached
from shared.refs import ConsentRef
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import CHILD, RULES, START, Town, guardian

FIRST_DAY: Final = oslo_day(START)
AGES: Final = dict(zip((12, 15, 16, 18), ("age-12", "age-15", "age-16", "age-18"), strict=True))
"""Written a second time: law-and-standards 3.3."""
LEAP_DAYS: Final = (date(2008, 2, 29), date(2012, 2, 29), date(2016, 2, 29))
CLOCKS_CHANGE: Final = (date(2010, 3, 28), date(2011, 10, 30), date(2014, 3, 30), date(2009, 1, 1), date(2013, 12, 31))
births = st.sampled_from((*LEAP_DAYS, *CLOCKS_CHANGE)) | st.dates(date(2008, 10, 1), date(2018, 12, 31))
some_scope = st.builds(
    Scope,
    services=st.frozensets(st.sampled_from((Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)), min_size=1),
    categories=st.frozensets(
        st.sampled_from((InformationCategory.LANGUAGE, InformationCategory.HEALTH, InformationCategory.FAMILY)),
        min_size=1,
    ),
    purposes=st.just(frozenset({Purpose.ASSESSMENT})),
)
pick = st.integers(min_value=0, max_value=3)


def day_of_age(born: date, age: int) -> date:
    """Return the first day on which so many whole years have been lived, counted day by day from the end of the year before."""
    day = date(born.year + age, 1, 1)
    while (day.month, day.day) < (born.month, born.day):
        day += timedelta(days=1)
    return day


class AgesMachine(RuleBasedStateMachine):
    """One child, its consents, and whoever looks at its age."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.born = date(2010, 1, 1)
        self.guardians = frozenset({1, 2})
        """Who has parental responsibility, by the dates in the vault."""
        self.looked = FIRST_DAY
        """Kept: the day of the last look (`ages_store`)."""
        self.watched = True
        self.since: date | None = None
        """Kept: the promise that waits, and from which look on it covers the days; a promise that waits stays."""
        self.due = START
        """Kept: when that promise is due; a clock that is set back comes there once more before it is kept."""
        self.family_changed: list[datetime] = []
        """Kept: when promises are due to ask anew because who has the say has changed."""
        self.at: list[datetime] = []

    def take(self, events: Sequence[EventData]) -> Sequence[EventData]:
        """Let it have happened, now."""
        self.town.take(events)
        self.at += [self.town.now] * (len(self.town.history) - len(self.at))
        return events

    def attempt(self, decide: Callable[[CaseState], Sequence[EventData]]) -> None:
        """Try; a refusal changes nothing."""
        try:
            self.take(decide(self.town.state))
        except CaseError:
            return

    @property
    def today(self) -> date:
        """Return the day in Norway."""
        return oslo_day(self.town.now)

    @initialize(born=births, asked=some_scope)
    def begin(self, born: date, asked: Scope) -> None:
        self.born = born
        self.town.lift()
        self.ask(asked, 3000)
        for which in range(2):
            self.answer(which, 0, True)
        self.answer(2, 0, True)
        self.take([])

    # --- what people do -----------------------------------------------------------------------------------------------

    @rule(asked=some_scope, days=st.integers(min_value=30, max_value=4000))
    def ask(self, asked: Scope, days: int) -> None:
        """Consent is asked of those who must give it today; who is of age by then is asked alone."""
        if self.town.state.holder is None or (not self.guardians and not self.grown()):
            return
        self.town.hear()
        self.take([])
        standing = Standing.of(self.guardians)
        needed = RULES.consent.needed(born=self.born, day=self.today, scope=asked, standing=standing)
        command = consent.RequestConsent(
            by=self.town.holder(),
            consent=ConsentRef(self.town.ids.ref("cst")),
            scope=asked,
            valid_to=self.today + timedelta(days=days),
            needed=needed,
            languages=frozenset({"nb"}),
        )
        self.attempt(lambda state: consent.decide_request(state, command, self.town.now, RULES))

    @rule(who=st.integers(min_value=0, max_value=2), which=pick, yes=st.booleans() | st.just(value=True))
    def answer(self, who: int, which: int, yes: bool) -> None:
        by = (guardian(1), guardian(2), CHILD)[who]
        known = list(self.town.state.consents)
        if known:
            given = consent.Answer(by=by, consent=known[-1 - which % len(known)])
            if yes:
                self.attempt(lambda state: consent.decide_grant(state, given, self.town.now, RULES))
            else:
                self.attempt(lambda state: consent.decide_refuse(state, given, self.town.now))

    @rule(guardians=st.sampled_from((frozenset({1, 2}), frozenset({1}), frozenset({2, 3}))))
    def parental_responsibility_changes(self, guardians: frozenset[int]) -> None:
        if not self.grown():
            self.guardians = guardians
            if self.take(guardianship.decide_responsible(self.town.state, guardians)):
                self.family_changed.append(self.town.now)

    def grown(self) -> bool:
        """Return whether it has been acted on that the child is of age."""
        return any(isinstance(one, AdulthoodReached) for one in self.town.history)

    # --- the clock ----------------------------------------------------------------------------------------------------

    @rule(hours=st.integers(min_value=1, max_value=60))
    def hours_pass(self, hours: int) -> None:
        self.town.later(hours=hours)

    @rule(days=st.integers(min_value=1, max_value=900) | st.integers(min_value=900, max_value=9000))
    def nothing_runs_for_long(self, days: int) -> None:
        """A step of any size: what lies between was missed, and is looked at with the next day."""
        if self.town.now.year < 2040:
            self.town.later(days=days)

    @rule(hours=st.integers(min_value=1, max_value=24 * 20))
    def the_clock_is_set_back(self, hours: int) -> None:
        if self.town.now - timedelta(hours=hours) > START:
            self.town.later(hours=-hours)

    @rule(
        which=st.sampled_from((0, 0, 0, 1, 2)),
        off=st.integers(min_value=-1, max_value=1),
        looks=st.sampled_from((True, True, False)),
    )
    def it_is_about_a_birthday(self, which: int, off: int, looks: bool) -> None:
        """The day before, the day itself, and the day after, with a look or without."""
        ahead = [day for age in sorted(AGES) if (day := day_of_age(self.born, age)) > self.today]
        if not ahead:
            return
        day = ahead[min(which, len(ahead) - 1)] + timedelta(days=off)
        moment = datetime.combine(day, START.timetz())
        if moment > self.town.now:
            self.town.now = moment
        if looks:
            self.somebody_looks_and_acts(times=1)

    # --- what looks ---------------------------------------------------------------------------------------------------

    @rule()
    def a_day_begins(self) -> None:
        """The round of the day, once or again: who was looked at today is not looked at once more."""
        if not self.watched or self.looked >= self.today:
            return
        if passed(self.born, self.looked, self.today, RULES.consent.ages(self.today)) and self.since is None:
            self.since, self.due = self.looked, self.town.now
        self.looked = self.today
        self.watched = not nothing_to_come(self.born, self.today, RULES.consent.ages(self.today))
        assert self.watched == (self.today < day_of_age(self.born, 18))

    @precondition(lambda self: self.since is not None and self.due <= self.town.now)
    @rule(times=st.integers(min_value=1, max_value=3))
    def what_it_promised_is_done(self, times: int) -> None:
        """At the moment or much later; and once more, because nobody knew that it had been done."""
        since, today, now, before = self.since, self.today, self.town.now, len(self.town.history)
        assert since is not None
        self.since = None
        for _ in range(times):
            found = passed(self.born, since, today, RULES.consent.ages(today))
            if found.soon_of_age:
                self.take(ending.decide_adulthood_approaching(self.town.state))
            if found.of_age and self.take(ending.decide_adulthood(self.town.state, now, RULES)):
                self.guardians = frozenset()
                self.family_changed.append(self.town.now)
            for reason in found.reasons:
                self.ask_anew(reason, once=True)
        for event in self.town.history[before:]:
            if isinstance(event, ConsentReassessmentDue):
                [age] = [age for age, reason in AGES.items() if reason == event.reason]
                assert since < day_of_age(self.born, age) <= today, "only for what came since the last look"

    @precondition(lambda self: any(due <= self.town.now for due in self.family_changed))
    @rule()
    def who_has_the_say_is_acted_on(self) -> None:
        self.family_changed.remove(min(self.family_changed))
        self.ask_anew(ReassessmentReason.GUARDIAN_CHANGE, once=False)

    def ask_anew(self, reason: ReassessmentReason, *, once: bool) -> None:
        """As `handlers.reassess.reassess_case` decides it."""
        state, now = self.town.state, self.town.now
        command = reassess(state, reason, self.born, Standing.of(self.guardians), RULES, now)
        if once:
            command = reassessment.not_asked_before(state, command)
        command = reassessment.not_asked_by_age(state, command)
        self.take(reassessment.decide_reassess(state, command, now, RULES))

    @rule(which=pick)
    def nobody_confirmed_it_in_time(self, which: int) -> None:
        known = list(self.town.state.consents)
        if known:
            ref = known[-1 - which % len(known)]
            self.take(reassessment.decide_suspend(self.town.state, ref, self.town.now))

    @invariant()
    def whoever_must_consent_now_has_the_time_that_they_were_given(self) -> None:
        until: dict[ConsentRef, datetime | None] = {}
        for event, now in self.happened():
            if isinstance(event, ConsentReassessmentDue):
                until[event.consent] = event.confirm_by
            elif isinstance(event, ConsentRefused):
                until[event.consent] = now  # Who says no needs no more time.
            elif isinstance(event, ConsentSuspended):
                given = until[event.consent]
                assert given is not None
                assert given <= now

    @rule(times=st.integers(min_value=1, max_value=2))
    def somebody_looks_and_acts(self, times: int) -> None:
        """All that waits is done: from now on nothing of a birthday that was is missing."""
        waits = set(self.town.state.consents) & {one.ref for one in reassessment.concerned(self.town.state)}
        since = self.looked if self.since is None else self.since
        today = self.today
        self.a_day_begins()
        if self.since is not None and self.due <= self.town.now:
            self.what_it_promised_is_done(times)
        while any(due <= self.town.now for due in self.family_changed):
            self.who_has_the_say_is_acted_on()
        if self.since is not None:
            return  # The clock was set back behind the moment at which it was promised.
        for age, reason in AGES.items():
            if since < day_of_age(self.born, age) <= today:
                assert waits <= set(self.asked(reason)), (
                    "each consent is asked for anew on the birthday, or with the next look"
                )
        if day_of_age(self.born, 18) <= max(today, self.looked) and self.looked > FIRST_DAY:
            assert self.town.state.of_age or day_of_age(self.born, 18) <= FIRST_DAY
            assert not self.town.state.responsible or not self.grown()
        self.whoever_must_consent_at_this_age_has_consented_or_has_time_to()

    # --- what always holds --------------------------------------------------------------------------------------------

    def asked(self, reason: str) -> Counter[ConsentRef]:
        """Return how often each consent was asked for anew for `reason`, by the history."""
        return Counter(
            one.consent for one in self.town.history if isinstance(one, ConsentReassessmentDue) and one.reason == reason
        )

    def whoever_must_consent_at_this_age_has_consented_or_has_time_to(self) -> None:
        """After everything was acted on, no consent stands on the word of those who had the say at another age."""
        standing = Standing.of(self.guardians)
        if self.since is not None or self.family_changed or self.looked != self.today:
            return
        for one in self.town.state.consents_in_force(self.town.now):
            needed = RULES.consent.needed(born=self.born, day=self.today, scope=one.scope, standing=standing)
            has_time = one.confirm_by is not None and self.town.now < one.confirm_by
            assert has_time or not missing_of(needed, one.given), "somebody else must consent now"

    @invariant()
    def nothing_comes_before_its_day_and_nothing_twice(self) -> None:
        if not self.town.history:
            return
        for age, reason in AGES.items():
            day = day_of_age(self.born, age)
            for event, now in zip(self.town.history, self.at, strict=True):
                if isinstance(event, ConsentReassessmentDue) and event.reason == reason:
                    assert oslo_day(now) >= day > FIRST_DAY
            assert max(self.asked(reason).values(), default=0) <= 1
        of_age = [oslo_day(now) for event, now in self.happened() if isinstance(event, AdulthoodReached)]
        assert len(of_age) <= 1
        assert all(day >= day_of_age(self.born, 18) for day in of_age)
        soon = [oslo_day(now) for event, now in self.happened() if isinstance(event, AdulthoodApproaching)]
        assert len(soon) <= 1
        assert all(day >= day_of_age(self.born, 18) - timedelta(days=31 * 4) for day in soon)

    def happened(self) -> list[tuple[EventData, datetime]]:
        """Return every event with its moment."""
        return list(zip(self.town.history, self.at, strict=True))

    def teardown(self) -> None:
        """No event has the birth date; and invariant 5: replay gives the same state."""
        said = "".join(event.model_dump_json() for event in self.town.history)
        assert self.born.isoformat() not in said
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert_by_the_tables(self.town.history)


TestCase = pytest.mark.rule(4)(AgesMachine.TestCase)
TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
