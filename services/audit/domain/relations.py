"""Who has to do with a case, derived from nothing but the events that the log itself holds.

A relation is a tie with a beginning and perhaps an end. What counts, and nothing else:

| the log holds | who is tied to the case | until |
|---|---|---|
| concern registered | who registered it, and the leader of that unit | a case is opened with another holder |
| case opened, reopened; handover accepted | the holder, and the leader of the holder's unit | another holder |
| handover sent | the receiver, and the leader of the receiver's unit | answered, taken back or cancelled |
| team member added | the service | it is removed |
| consent granted, when active | the services here in its scope, first to last day | narrowed, withdrawn, expired |
| measure planned | the service that owns it (its unit, if named) | stopped |
| named agenda item | the services that it covers, schools by their units; and whose it is | its consent ends; at most 90 days |
| glass was broken | who broke it | the period given; else 24 hours |

A service with many units (barnehage, skole) is tied only through units that the case's own events name. Guardians and children are
named by no event, by design (barnevernsloven § 13-1): their looks are not judged here. A consent to services of another
municipality ties nobody, and units there are no units of the case: those of the same names here are others (seed rules 4, 18).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.audit.domain.observed import Look
from shared.calendar import start_of_day
from shared.contracts import cases, meetings, safekeeping
from shared.contracts.access import AccessKind
from shared.contracts.base import EventData, Model
from shared.contracts.cases import Party
from shared.contracts.codes import Role, Scope, Service
from shared.refs import ActorId, OrganisationNumber, UnitId

EARLY: Final = timedelta(minutes=1)
"""How long before a tie begins a look may have happened: two services' clocks."""
ITEM: Final = timedelta(days=90)
"""How long a named agenda item ties those whom it covers."""
GLASS: Final = timedelta(hours=24)
_DAY: Final = timedelta(days=1)
_MANY_UNITS: Final = frozenset({Service.BARNEHAGE, Service.SKOLE})


class Why(StrEnum):
    """Which event made the tie."""

    REGISTERED = "registered"
    HOLDER = "holder"
    HANDOVER = "handover"
    TEAM = "team"
    CONSENT = "consent"
    LAW = "law"
    """Confidentiality was overridden for a service (forvaltningsloven § 13 b, barnevernsloven § 13-2)."""
    MEASURE = "measure"
    ITEM = "item"
    GLASS = "glass"


class Tie(Model):
    """Somebody has to do with the case: a person, the leader of a unit, a unit, or a service."""

    why: Why
    ref: str | None = None
    """The consent, handover or measure that it hangs on."""
    actor: ActorId | None = None
    service: Service | None = None
    unit: UnitId | None = None
    leader: bool = False
    """Only the unit's leader."""
    organisation: OrganisationNumber | None = None
    """The unit is this one's, in another municipality; none: it is here."""
    since: datetime
    until: datetime | None = None

    def holds_at(self, moment: datetime, grace: timedelta) -> bool:
        """Return whether it was there at `moment`, or had ended at most `grace` before."""
        return self.since - EARLY <= moment and (self.until is None or moment <= self.until + grace)


class Ties(Model):
    """Everything that is known of who has to do with one case. Events may come a little out of order: ties are dated."""

    ties: tuple[Tie, ...] = ()

    @property
    def known(self) -> bool:
        """Return whether the log holds anything about the case; of one that began before the log nothing can be said."""
        return bool(self.ties)

    @property
    def units(self) -> frozenset[UnitId]:
        """Return the units that the case's events name."""
        return frozenset(tie.unit for tie in self.ties if tie.unit is not None and tie.organisation is None)

    def related(self, look: Look, grace: timedelta) -> bool:
        """Return whether the one who looked had to do with the case then, or until at most `grace` before."""
        return any(tie.holds_at(look.at, grace) and self._is(tie, look) for tie in self.ties)

    def holds(self, look: Look) -> bool:
        """Return whether the one who looked held the baton then, or had registered the concern."""
        return any(
            tie.actor == look.actor and tie.why in {Why.HOLDER, Why.REGISTERED} and tie.holds_at(look.at, timedelta(0))
            for tie in self.ties
        )

    def _is(self, tie: Tie, look: Look) -> bool:
        if tie.actor is not None:
            return tie.actor == look.actor
        if tie.leader:
            # Who has several roles is recorded without one.
            there = tie.organisation in {None, look.organisation}
            return there and tie.unit is not None and tie.unit == look.unit and look.role in {Role.LEADER, None}
        if tie.unit is not None:
            return tie.unit == look.unit or (look.unit is None and tie.service == look.service)
        if tie.service != look.service:
            return False
        return tie.service not in _MANY_UNITS or look.unit is None or look.unit in self.units

    # --- what events make of it ---------------------------------------------------------------------------------------

    def after(self, fact: EventData, at: datetime) -> Ties:  # noqa: PLR0911, PLR0912  # one line for each row of the table above
        """Return the ties after `fact`, which happened at `at`."""
        match fact:
            case cases.ConcernRegistered():
                return self._add(*_party(fact.registered_by, Why.REGISTERED, at))
            case cases.CaseOpened() | cases.CaseReopened() | safekeeping.CaseContinued():
                return self._held_by(fact.holder, at)
            case cases.HandoverAccepted():
                return self._end(at, ref=fact.handover)._held_by(fact.holder, at)
            case cases.HandoverSent():
                here = fact.to_municipality is None
                return self._add(*_party(fact.receiver, Why.HANDOVER, at, fact.handover, here=here))
            case (
                cases.HandoverRejected()
                | cases.HandoverWithdrawn()
                | cases.HandoverCancelled()
                | cases.HandoverTransferred()
                | cases.HandoverCoordinationAccepted()
            ):
                return self._end(at, ref=fact.handover)
            case cases.CaseClosed():
                return self._end(at, why=frozenset({Why.TEAM, Why.CONSENT, Why.MEASURE, Why.ITEM}))
            case cases.TeamMemberAdded():
                return self._add(Tie(why=Why.TEAM, service=fact.service, since=at))
            case cases.TeamMemberRemoved():
                return self._end(at, why=frozenset({Why.TEAM}), services=frozenset({fact.service}))
            case cases.MeasurePlanned():
                return self._add(
                    Tie(why=Why.MEASURE, ref=fact.measure, service=fact.owner, unit=fact.owner_unit, since=at)
                )
            case cases.MeasureStopped():
                return self._end(at, ref=fact.measure)
            case meetings.AgendaItemAdded():
                return self._on_agenda(fact, at)
            case cases.ConsentEvent():
                return self._consented(fact, at)
            case cases.OverrideEvent():
                return self._shared_by_law(fact, at)
            case _:
                return self

    def broken(self, look: Look) -> Ties:
        """Return the ties after glass was broken."""
        if look.kind is not AccessKind.BREAK_GLASS or look.refused:
            return self
        until = look.until or look.at + GLASS
        return self._add(Tie(why=Why.GLASS, actor=look.actor, since=look.at, until=until))

    def _consented(self, fact: cases.ConsentEvent, at: datetime) -> Ties:
        match fact:
            case cases.ConsentGranted(active=True) | cases.ConsentConfirmed() if fact.scope.municipality is None:
                # A grant begins to count when it was given; its first day may lie before, its last day counts whole.
                since, until = max(at, start_of_day(fact.valid_from)), start_of_day(fact.valid_to + _DAY)
                given = (
                    Tie(why=Why.CONSENT, ref=fact.consent, service=service, since=since, until=until)
                    for service in sorted(fact.scope.services)
                )
                return self._end(at, ref=fact.consent, why=frozenset({Why.CONSENT}))._add(*given)
            case cases.ConsentNarrowed():
                return self._end(fact.effective_at, ref=fact.consent, services=_lost(fact.ended, fact.scope))
            case cases.ConsentWithdrawn():
                return self._end(fact.effective_at, ref=fact.consent)
            case cases.ConsentSuspended():
                return self._end(fact.effective_at, ref=fact.consent)
            case cases.ConsentExpired():
                return self._end(at, ref=fact.consent)
            case _:
                return self

    def _shared_by_law(self, fact: cases.OverrideEvent, at: datetime) -> Ties:
        match fact:
            case cases.ConsentOverridden():
                until = start_of_day(fact.valid_to + _DAY)
                told = (
                    Tie(why=Why.LAW, ref=fact.override, service=service, since=at, until=until)
                    for service in sorted(fact.scope.services)
                )
                return self._add(*told)
            case cases.ConsentOverrideEnded():
                return self._end(at, ref=fact.override)
            case _:
                return self

    def _on_agenda(self, fact: meetings.AgendaItemAdded, at: datetime) -> Ties:
        until = at + ITEM
        covered = (
            Tie(why=Why.ITEM, ref=fact.consent or fact.item, service=service, since=at, until=until)
            for service in sorted(fact.covered)
        )
        units = (
            Tie(
                why=Why.ITEM,
                ref=fact.consent or fact.item,
                service=seat.service,
                unit=seat.unit,
                since=at,
                until=until,
            )
            for seat in fact.covered_seats
            if seat.unit is not None
        )
        bringing = (
            ()
            if fact.held_by_unit is None
            else (
                Tie(why=Why.ITEM, ref=fact.item, service=fact.held_by, unit=fact.held_by_unit, since=at, until=until),
            )
        )
        return self._add(*covered, *units, *bringing)

    def _held_by(self, holder: Party, at: datetime) -> Ties:
        before = self._end(at, why=frozenset({Why.HOLDER, Why.REGISTERED}))
        return before._add(*_party(holder, Why.HOLDER, at))

    def _add(self, *ties: Tie) -> Ties:
        return Ties(ties=(*self.ties, *(tie for tie in ties if tie not in self.ties)))

    def _end(
        self,
        at: datetime,
        *,
        ref: str | None = None,
        why: frozenset[Why] | None = None,
        services: frozenset[Service] | None = None,
    ) -> Ties:
        def ended(tie: Tie) -> bool:
            return (
                tie.since <= at
                and (tie.until is None or tie.until > at)
                and (ref is None or tie.ref == ref)
                and (why is None or tie.why in why)
                and (services is None or tie.service in services)
            )

        return Ties(ties=tuple(tie.model_copy(update={"until": at}) if ended(tie) else tie for tie in self.ties))


def _party(party: Party, why: Why, at: datetime, ref: str | None = None, *, here: bool = True) -> tuple[Tie, ...]:
    person = Tie(why=why, ref=ref, actor=party.actor, since=at)
    organisation = None if here else party.organisation
    # Elsewhere only the organisation tells the unit from one of the same name here.
    if party.unit is None or (organisation is None and not here):
        return (person,)
    leader = Tie(
        why=why,
        ref=ref,
        service=party.service,
        unit=party.unit,
        leader=True,
        organisation=organisation,
        since=at,
    )
    return person, leader


def _lost(ended: Scope, left: Scope) -> frozenset[Service]:
    """Return the services that a narrowed consent no longer covers at all."""
    return ended.services - left.services
