"""What the consents of a case permit, as this service has read them: a set of facts that only grows.

A history is the union of the facts in the events read so far. Union does not care for order or repetition, and a permission
is asked of all facts at once: the latest grant must hold it, and *every* narrowing and ending in force must let it through. So no
duplicate, late or reordered event can turn a no after a withdrawal into a yes (invariant 4). A narrowing, a suspension and an
expiry are lifted by a grant of a *later version* only, a withdrawal, a lapse and a refusal of what others granted by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pydantic import AwareDatetime

from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    ConsentConfirmed,
    ConsentEvent,
    ConsentExpired,
    ConsentGranted,
    ConsentLapsed,
    ConsentNarrowed,
    ConsentRefused,
    ConsentRenewed,
    ConsentRequested,
    ConsentSuspended,
    ConsentWithdrawn,
)
from shared.contracts.codes import NOT_PUBLIC, GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRef, ConsentRef, LogScope, UnitId


class Stay(Model):
    """Where a case was, from a moment until the next."""

    since: AwareDatetime
    unit: UnitId | None
    """That had it then, open; None: no unit that is known had it, or it was closed."""


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case, as far as meetings know it."""

    case: CaseRef
    municipality: LogScope
    unit: UnitId | None
    """That has it, or had it last."""
    guardians: int
    open: bool
    elsewhere: bool
    """It was closed because it goes on elsewhere: here it is nobody's any more, not its last unit's neither."""
    stays: tuple[Stay, ...] = ()
    """Where it was since that is noted, in order."""

    def is_with(self, unit: UnitId | None) -> bool:
        """Return whether `unit` has it, or had it when it was closed."""
        return unit is not None and unit == self.unit and not self.elsewhere

    def was_with(self, unit: UnitId | None, at: AwareDatetime) -> bool:
        """Return whether `unit`, which had it when it brought an item, had it at that moment still, and open.

        A use is judged by what was when it happened; before the first stay that is noted nothing had changed yet.
        """
        if not self.stays:
            return self.open and self.is_with(unit)
        before = [stay for stay in self.stays if stay.since <= at]
        return not before or (unit is not None and before[-1].unit == unit)


class Request(Model):
    """What was asked for, of whom, and which unit must hold the answer (seed rule 5)."""

    scope: Scope
    held_by_unit: UnitId | None
    needed: frozenset[tuple[GrantorClass, int]] = frozenset()
    version: int = 1
    since: AwareDatetime | None = None
    """When this version took the place of another, where it did: before that moment the unit of the earlier one held it."""


class Grant(Model):
    """A scope that all who must grant have granted."""

    version: int
    scope: Scope
    valid_from: date
    valid_to: date
    """The last day, in Norway."""
    at: AwareDatetime


class Cut(Model):
    """An end, of all (`left` is None) or of what is not in `left`."""

    version: int
    left: Scope | None
    at: AwareDatetime
    final: bool = True
    """Nothing lifts it: another consent must be asked for. Otherwise a grant of a later version does."""

    def holds_against(self, version: int) -> bool:
        """Return whether it cuts what was granted in `version`."""
        return self.final or self.version >= version


class Voice(Model):
    """One of those who must grant has answered."""

    grantor: GrantorClass
    ordinal: int
    granted: bool


class ConsentHistory(Model):
    """The facts about one consent."""

    consent: ConsentRef
    case: CaseRef
    requests: frozenset[Request] = frozenset()
    grants: frozenset[Grant] = frozenset()
    cuts: frozenset[Cut] = frozenset()
    voices: frozenset[Voice] = frozenset()

    @property
    def version(self) -> int:
        """Return the highest version read; 0 when neither a grant nor an end was."""
        return max((*(grant.version for grant in self.grants), *(cut.version for cut in self.cuts)), default=0)

    @property
    def changed_at(self) -> AwareDatetime | None:
        """Return when the latest known change took effect."""
        return max((*(grant.at for grant in self.grants), *(cut.at for cut in self.cuts)), default=None)

    @property
    def is_here(self) -> bool:
        """Return whether it is for services of the case's own municipality; of another one it is for a child that moves there."""
        return all(request.scope.municipality is None for request in self.requests)

    def held_by(self, unit: UnitId | None, at: AwareDatetime) -> bool:
        """Return whether `unit` is the barnehage or school that held this consent at that moment (seed rule 5).

        Whoever asked for it, and since it was renewed whoever asked for that: the baton may have gone elsewhere in between.
        """
        asked = [request for request in self.requests if request.since is None or request.since <= at]
        latest = max((request.version for request in asked), default=0)
        return unit is not None and any(one.held_by_unit == unit for one in asked if one.version == latest)

    def still_needed(self) -> dict[GrantorClass, int]:
        """Return how many of each class have not granted yet; those who refused count as missing."""
        granted = {(voice.grantor, voice.ordinal) for voice in self.voices if voice.granted}
        needed = {grantor: count for request in self.requests for grantor, count in request.needed}
        missing = {
            grantor: count - sum(1 for given, _ in granted if given is grantor) for grantor, count in needed.items()
        }
        return {grantor: count for grantor, count in missing.items() if count > 0}

    @property
    def pending(self) -> bool:
        """Return whether it was asked for and waits for answers; after a refusal nothing more is asked."""
        return not self.grants and not self.cuts and all(voice.granted for voice in self.voices)


def merge(one: ConsentHistory, other: ConsentHistory) -> ConsentHistory:
    """Return the facts of both; they are about the same consent."""
    return one.model_copy(
        update={
            "requests": one.requests | other.requests,
            "grants": one.grants | other.grants,
            "cuts": one.cuts | other.cuts,
            "voices": one.voices | other.voices,
        }
    )


def learned(event: ConsentEvent, happened: AwareDatetime) -> ConsentHistory:
    """Return the facts that `event`, which happened then, adds to what is known about its consent."""
    known = ConsentHistory(consent=event.consent, case=event.case)
    match event:
        case ConsentRequested():
            asked = Request(
                scope=event.scope, held_by_unit=event.held_by_unit, needed=frozenset(sorted(event.needed.items()))
            )
            known = known.model_copy(update={"requests": frozenset({asked})})
        case ConsentGranted():
            voice = Voice(grantor=event.grantor, ordinal=event.ordinal, granted=True)
            grants = frozenset({_grant(event, happened)} if event.active else ())
            known = known.model_copy(update={"voices": frozenset({voice}), "grants": grants})
        case ConsentRefused(renewal=False):
            voice = Voice(grantor=event.grantor, ordinal=event.ordinal, granted=False)
            known = known.model_copy(update={"voices": frozenset({voice})})
        case ConsentNarrowed():
            cut = Cut(version=event.version, left=event.scope, at=event.effective_at, final=False)
            known = known.model_copy(update={"cuts": frozenset({cut})})
        case ConsentWithdrawn():
            cut = Cut(version=event.version, left=None, at=event.effective_at)
            known = known.model_copy(update={"cuts": frozenset({cut})})
        case ConsentSuspended():
            cut = Cut(version=event.version, left=None, at=event.effective_at, final=False)
            known = known.model_copy(update={"cuts": frozenset({cut})})
        case ConsentExpired():
            # The next period may be granted after the last day of this one.
            cut = Cut(version=event.version, left=None, at=happened, final=False)
            known = known.model_copy(update={"cuts": frozenset({cut})})
        case ConsentLapsed(renewal=False):
            cut = Cut(version=event.version, left=None, at=happened)
            known = known.model_copy(update={"cuts": frozenset({cut})})
        case ConsentConfirmed() | ConsentRenewed():
            known = known.model_copy(update={"grants": frozenset({_grant(event, happened)})})
            unit = event.held_by_unit if isinstance(event, ConsentRenewed) else None
            if unit is not None:
                asked = Request(scope=event.scope, held_by_unit=unit, version=event.version, since=happened)
                known = known.model_copy(update={"requests": frozenset({asked})})
        case _:
            pass
    return known


def _grant(event: ConsentGranted | ConsentConfirmed | ConsentRenewed, happened: AwareDatetime) -> Grant:
    return Grant(
        version=event.version,
        scope=event.scope,
        valid_from=event.valid_from,
        valid_to=event.valid_to,
        at=happened,
    )


def _covers(scope: Scope, service: Service, categories: frozenset[InformationCategory], purpose: Purpose) -> bool:
    # A consent to the services of another municipality is for nobody who meets here.
    here = scope.municipality is None
    return here and service in scope.services and categories <= scope.categories and purpose in scope.purposes


def permits(
    history: ConsentHistory,
    service: Service,
    categories: frozenset[InformationCategory],
    purpose: Purpose,
    at: AwareDatetime,
) -> int | None:
    """Return the version of the consent that permitted this at the moment `at`; None when it did not.

    An ending counts from the moment it took effect, so a use is judged by what was valid when it happened. Business and voluntary
    organisations are permitted nothing, whatever was granted (seed rule 45).
    """
    if service in NOT_PUBLIC:
        return None
    granted = [grant for grant in history.grants if grant.at <= at]
    if not granted:
        return None
    # A renewal replaces what it renews: of all that was granted by then the latest version counts, and no earlier one.
    version = max(grant.version for grant in granted)
    day = oslo_day(at)
    holds = any(
        grant.valid_from <= day <= grant.valid_to and _covers(grant.scope, service, categories, purpose)
        for grant in granted
        if grant.version == version
    )
    cuts = [cut for cut in history.cuts if cut.at <= at and cut.holds_against(version)]
    if not holds or not all(cut.left and _covers(cut.left, service, categories, purpose) for cut in cuts):
        return None
    return max((version, *(cut.version for cut in cuts)))


def covers(histories: Iterable[ConsentHistory], case: CaseRef, service: Service, at: AwareDatetime) -> bool:
    """Return whether a consent of the case covers the service at the moment `at`, for whatever purpose."""
    mine = [history for history in histories if history.case == case]
    return any(permits(each, service, frozenset(), purpose, at) is not None for each in mine for purpose in Purpose)


def present(histories: Iterable[ConsentHistory], now: AwareDatetime) -> AwareDatetime:
    """Return the moment to judge a use by that happens now.

    That is `now`, but not before any change that has been read: another service's clock may be ahead of this one's, and a
    withdrawal that is known is in force.
    """
    return max((now, *(history.changed_at for history in histories if history.changed_at is not None)))
