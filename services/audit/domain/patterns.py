"""What is looked for in the log, one small class for each pattern: it takes one entry after the other, and remembers little.

The detectors know no clock. Time is the log's own: the moment at which the newest entry was logged. The same entries in the same
order always give the same findings, however they are divided into batches. Where an entry that has not come yet could explain
a look (services are heard over several partitions), the look waits until everything its service said before is there, or
until the log has moved on by the policy's patience.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.audit.domain.observed import Look, Observed
from services.audit.domain.pattern_policy import Rules
from services.audit.domain.relations import Ties
from shared.contracts.access import AccessKind
from shared.contracts.audit import Pattern
from shared.contracts.base import Model
from shared.contracts.cases import ConsentReceiptMissing, HandoverKind, HandoverSent
from shared.contracts.notify import SubscriptionReceiptMissing
from shared.refs import ActorId, CaseRef

CASES: Final = "/services/cases"
_TAKEN_OUT: Final = frozenset({AccessKind.EXPORT, AccessKind.PRINT})


class Mark(Model):
    """An entry that a pattern is made of."""

    position: int
    at: datetime
    logged_at: datetime | None = None
    """None in what was remembered before this was: then it was logged when it happened."""
    case: CaseRef | None = None
    told: bool = False
    """It is in a finding already."""

    @classmethod
    def of(cls, look: Look) -> Mark:
        """Return the mark of a look."""
        return cls(position=look.position, at=look.at, logged_at=look.logged_at, case=look.case)

    @property
    def known_at(self) -> datetime:
        """Return when the log had it."""
        return self.logged_at or self.at


@dataclass(frozen=True, slots=True)
class Hit:
    """Entries that show a pattern, not told before."""

    pattern: Pattern
    about: str
    """What belongs together: hits of one pattern about the same thing are one finding while it is open."""
    marks: tuple[Mark, ...]
    actor: ActorId | None = None


Enough = Callable[[int, int], bool]
"""Whether so many children, and so many entries, within the span of time are a pattern."""


class Marks(Model):
    """The newest entries of somebody, within a span of time.

    What is remembered is decided by when the log had it, which nobody but the log says. So no entry, whatever it says of its own
    time, makes another one forgotten; and what a service tells late is still held against what was told in time.
    """

    marks: tuple[Mark, ...] = ()

    def add(
        self, mark: Mark, within: timedelta, enough: Enough, pattern: Pattern, actor: ActorId
    ) -> tuple[Marks, list[Hit]]:
        """Return the marks with `mark`, without those that the log had `within` before; and what that shows.

        It shows the pattern if `mark` is in a span of `within` that holds enough. (A span's first moment is not in it.)
        """
        since = mark.known_at - within
        kept = sorted((*(each for each in self.marks if each.known_at > since), mark), key=_when)
        place = [each.position for each in kept].index(mark.position)
        found = {each.position for each in _around(kept, place, within, enough)}
        told = [each.model_copy(update={"told": True}) if each.position in found else each for each in kept]
        fresh = tuple(each for each in kept if each.position in found and not each.told)
        return Marks(marks=tuple(told)), [Hit(pattern, actor, fresh, actor)] if fresh else []


def no_later(at: datetime, logged_at: datetime) -> datetime:
    """Return when something happened that the log had at `logged_at`: not after that, whatever it says of its own time."""
    return min(at, logged_at)


def _when(mark: Mark) -> tuple[datetime, int]:
    return mark.at, mark.position


def _around(marks: Sequence[Mark], place: int, within: timedelta, enough: Enough) -> Sequence[Mark]:
    """Return the marks, in order of time, that are with the one at `place` in some span with enough of them.

    The spans that hold it end at it, or at one after it. Each begins no earlier than the one before, and all have it in common:
    what they hold together is one stretch.
    """
    until = marks[place].at + within
    first, begin, end = 0, len(marks), place
    cases: Counter[CaseRef] = Counter(mark.case for mark in marks[:place] if mark.case is not None)
    for last in range(place, len(marks)):
        if marks[last].at >= until:
            break
        cases.update(_case(marks[last]))
        while marks[first].at <= marks[last].at - within:
            cases.subtract(_case(marks[first]))
            first += 1
        if enough(sum(count > 0 for count in cases.values()), last + 1 - first):
            begin, end = min(begin, first), last + 1
    return marks[begin:end]


def _case(mark: Mark) -> tuple[CaseRef, ...]:
    return () if mark.case is None else (mark.case,)


class Heard(Model):
    """Which of a service's numbers (`sourcesequence`) the log has brought so far, as ascending ranges."""

    ranges: tuple[tuple[int, int], ...] = ()

    def after(self, number: int) -> Heard:
        """Return the ranges with `number`."""
        if self.ranges and self.ranges[-1][1] + 1 == number:
            first, _ = self.ranges[-1]
            return Heard(ranges=(*self.ranges[:-1], (first, number)))
        joined: list[tuple[int, int]] = []
        for first, last in sorted((*self.ranges, (number, number))):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], last))
            else:
                joined.append((first, last))
        return Heard(ranges=tuple(joined))

    def all_to(self, number: int) -> bool:
        """Return whether the numbers 1 to `number` are all there."""
        return number < 1 or (bool(self.ranges) and self.ranges[0][0] <= 1 and self.ranges[0][1] >= number)


# --- looks without a relation -----------------------------------------------------------------------------------------


class CaseWatch(Model):
    """Who has to do with a case, and the looks at it that nothing has explained yet."""

    ties: Ties = Ties()
    waiting: tuple[Look, ...] = ()

    def learn(self, seen: Observed) -> CaseWatch:
        """Return the state after a fact about the case."""
        if seen.fact is None:
            return self
        return self.model_copy(update={"ties": self.ties.after(seen.fact, seen.at)})

    def look(self, look: Look, rules: Rules, *, heard_before: bool) -> tuple[CaseWatch, list[Look]]:
        """Return the state after a look, and the look itself if it is a stranger's.

        Args:
            look: at this case.
            rules: the municipality's.
            heard_before: everything that the cases service said before this look is in `ties`.
        """
        policy = rules.policy.without_relation
        after = self.model_copy(update={"ties": self.ties.broken(look)})
        if not look.by_staff or look.kind is AccessKind.BREAK_GLASS or not policy.enabled:
            return after, []
        if after.ties.related(look, timedelta(days=policy.grace_days)):
            return after, []
        if heard_before and after.ties.known:
            return after, [look]
        return after.model_copy(update={"waiting": (*after.waiting, look)}), []

    def due(self, rules: Rules) -> datetime | None:
        """Return when the first of the waiting looks is judged at the latest."""
        return min((look.logged_at + rules.policy.patience for look in self.waiting), default=None)

    def settle(self, moment: datetime, rules: Rules) -> tuple[CaseWatch, list[Look]]:
        """Return the state when the log has come to `moment`, and the looks that are now known to be strangers'.

        A case of which the log holds nothing at all is not judged: it began before the log did.
        """
        over = [look for look in self.waiting if look.logged_at + rules.policy.patience <= moment]
        left = tuple(look for look in self.waiting if look not in over)
        grace = timedelta(days=rules.policy.without_relation.grace_days)
        strangers = [look for look in over if self.ties.known and not self.ties.related(look, grace)]
        return self.model_copy(update={"waiting": left}), strangers


def stranger(state: Marks, look: Look, rules: Rules) -> tuple[Marks, list[Hit]]:
    """Count a stranger's look against the threshold."""
    policy = rules.policy.without_relation
    within = timedelta(days=policy.within_days)
    return state.add(
        Mark.of(look), within, lambda _, looks: looks >= policy.looks, Pattern.WITHOUT_RELATION, look.actor
    )


# --- one person's looks -----------------------------------------------------------------------------------------------


def many_children(state: Marks, look: Look, rules: Rules) -> tuple[Marks, list[Hit]]:
    """Count the children that an employee was shown something of within the policy's minutes."""
    policy = rules.policy.many_children
    if not look.shown or not policy.enabled:
        return state, []
    within = timedelta(minutes=policy.minutes)
    return state.add(
        Mark.of(look), within, lambda children, _: children >= policy.children, Pattern.MANY_CHILDREN, look.actor
    )


def outside_hours(state: Marks, look: Look, rules: Rules) -> tuple[Marks, list[Hit]]:
    """Count what an employee was shown at night, at weekends, on public holidays (Norway's time)."""
    policy = rules.policy.outside_hours
    if not look.shown or not policy.enabled or not rules.outside(look.at, look.service):
        return state, []

    def enough(children: int, looks: int) -> bool:
        return children >= policy.children or looks >= policy.looks

    return state.add(Mark.of(look), timedelta(hours=policy.within_hours), enough, Pattern.OUTSIDE_HOURS, look.actor)


def repeated_denials(state: Marks, look: Look, rules: Rules) -> tuple[Marks, list[Hit]]:
    """Count how often anybody, guardians and programs too, was refused within the policy's hours."""
    policy = rules.policy.repeated_denials
    if not look.refused or not policy.enabled:
        return state, []
    within = timedelta(hours=policy.within_hours)
    return state.add(
        Mark.of(look), within, lambda _, looks: looks >= policy.denials, Pattern.REPEATED_DENIALS, look.actor
    )


class Departure(Model):
    """Since when it is known that somebody leaves, and what they looked at since."""

    since: datetime | None = None
    logged_at: datetime | None = None
    """When the log had it, from which the notice is reckoned. None in what was remembered before this was: then it is `since`."""
    read: Marks = Marks()
    taken: Marks = Marks()

    def learn(self, seen: Observed, rules: Rules) -> Departure:
        """Return the state after a handover because of leaving; the first counts.

        An organisation directory that dates its people would be another source of the same fact: it calls `known_since`.
        """
        fact = seen.fact
        if isinstance(fact, HandoverSent) and fact.kind is HandoverKind.STAFF_LEAVES:
            return self.known_since(seen.at, seen.logged_at, rules)
        return self

    def known_since(self, moment: datetime, logged_at: datetime, rules: Rules) -> Departure:
        """Return the state in which it is known since `moment` that the person leaves; after a notice that is over, again.

        The notice is over when it is by the log, whatever the fact says of its own time.
        """
        if self.since is not None and logged_at <= self._until(self.since, rules):
            return self
        return self.model_copy(update={"since": no_later(moment, logged_at), "logged_at": logged_at})

    def _until(self, since: datetime, rules: Rules) -> datetime:
        return (self.logged_at or since) + timedelta(days=rules.policy.leaving.notice_days)

    def look(self, look: Look, rules: Rules, *, holds: bool) -> tuple[Departure, list[Hit]]:
        """Count what was taken out, and the children read whose baton the person does not hold (`holds`)."""
        policy = rules.policy.leaving
        looked = no_later(look.at, look.logged_at)
        watched = self.since is not None and self.since <= looked <= self._until(self.since, rules)
        if not watched or not look.shown or not policy.enabled:
            return self, []
        within = timedelta(hours=policy.within_hours)
        mark, actor = Mark.of(look), look.actor
        if look.kind in _TAKEN_OUT:
            taken, hits = self.taken.add(mark, within, lambda _, looks: looks >= policy.exports, Pattern.LEAVING, actor)
            return self.model_copy(update={"taken": taken}), hits
        if holds:
            return self, []
        read, hits = self.read.add(
            mark, within, lambda children, _: children >= policy.children, Pattern.LEAVING, actor
        )
        return self.model_copy(update={"read": read}), hits


# --- what is missing --------------------------------------------------------------------------------------------------


class Review(Model):
    """Somebody reviewed that glass was broken."""

    at: datetime
    by: ActorId | None


class GlassWatch(Model):
    """Where glass was broken for one case, and the reviews of it."""

    broken: tuple[Look, ...] = ()
    reviews: tuple[Review, ...] = ()
    passed: tuple[tuple[int, datetime], ...] = ()
    """The positions of those looks whose due date the log has passed, and the log's time when it had."""

    def learn(self, seen: Observed) -> GlassWatch:
        """Return the state after a review."""
        return self.model_copy(update={"reviews": (*self.reviews, _review(seen))})

    def look(self, look: Look, rules: Rules) -> GlassWatch:
        """Return the state after a look; only one for which glass was broken counts."""
        if look.kind is not AccessKind.BREAK_GLASS or look.refused or not rules.policy.break_glass_unreviewed.enabled:
            return self
        return self.model_copy(update={"broken": (*self.broken, look)})

    def due(self, rules: Rules) -> datetime | None:
        """Return when the first review is missed, if none comes."""
        return min((self._next(look, rules) for look in self.broken), default=None)

    def settle(self, moment: datetime, rules: Rules) -> tuple[GlassWatch, list[Hit]]:
        """Return the state when the log has come to `moment`, and a hit for each glass whose review is missed.

        A review counts when it is somebody else's, later than the look, and no later than its due date. It is waited for
        from the first entry after that date on: a log that was away over it had nothing told in time, and what comes late has its
        review right behind it.
        """
        turned = [look for look in self.broken if self._next(look, rules) <= moment]
        since = dict(self.passed)
        over = [look for look in turned if look.position in since]
        left = tuple(look for look in self.broken if look not in over)
        since |= {look.position: moment for look in turned if look not in over}
        missed = [look for look in over if not any(self._reviews(each, look, rules) for each in self.reviews)]
        hits = [
            Hit(Pattern.BREAK_GLASS_UNREVIEWED, f"{look.position}", (Mark.of(look),), look.actor) for look in missed
        ]
        passed = tuple((look.position, since[look.position]) for look in left if look.position in since)
        return GlassWatch(broken=left, reviews=self.reviews if left else (), passed=passed), hits

    def _next(self, look: Look, rules: Rules) -> datetime:
        """Return when something is next done about a look: the due date, in the log's time, and then the end of the patience."""
        passed = dict(self.passed).get(look.position)
        if passed is not None:
            return passed + rules.policy.patience
        return max(rules.review_by(no_later(look.at, look.logged_at)), look.logged_at)

    @staticmethod
    def _reviews(review: Review, look: Look, rules: Rules) -> bool:
        broken = no_later(look.at, look.logged_at)
        return review.by not in {None, look.actor} and broken <= review.at <= rules.review_by(broken)


def _review(seen: Observed) -> Review:
    return Review(at=no_later(seen.at, seen.logged_at), by=seen.actor)


def receipt_missing(seen: Observed, rules: Rules) -> list[Hit]:
    """Return a hit when it is said that a service, or another system that subscribes, has not answered for a withdrawn consent."""
    if not rules.policy.receipt_missing.enabled:
        return []
    match seen.fact:
        case (
            ConsentReceiptMissing(consumer=silent, case=case)
            | SubscriptionReceiptMissing(subscription=silent, case=case)
        ):
            mark = Mark(position=seen.position, at=seen.at, case=case)
            return [Hit(Pattern.RECEIPT_MISSING, silent, (mark,))]
    return []
