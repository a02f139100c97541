"""Invariant 4: once a withdrawal has been read, no answer is "yes" again, however events are repeated, delayed or reordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.domain.modes import NamedMatter, judge_named
from services.meetings.domain.projection import ConsentHistory, learned, merge, permits, present
from services.meetings.errors import ConsentMissingError
from shared.clock import oslo_day
from shared.contracts.cases import (
    ConsentConfirmed,
    ConsentEvent,
    ConsentExpired,
    ConsentGranted,
    ConsentNarrowed,
    ConsentRenewed,
    ConsentRequested,
    ConsentSuspended,
    ConsentWithdrawn,
    EvidenceForm,
    ReassessmentReason,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRef, ConsentRef, UnitId

CASE = CaseRef("cas_" + "b" * 26)
CONSENT = ConsentRef("cst_" + "b" * 26)
LIA = UnitId("unit:lia-barnehage")
TINNES = UnitId("unit:tinnes-skole")
BEGIN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SERVICES = (Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)
CATEGORIES = (InformationCategory.LANGUAGE, InformationCategory.DEVELOPMENT)
PURPOSES = (Purpose.ASSESSMENT, Purpose.FOLLOW_UP)

Told = tuple[ConsentEvent, datetime]


TAKES_AWAY = (ConsentNarrowed, ConsentSuspended, ConsentExpired, ConsentWithdrawn)
Granting = ConsentGranted | ConsentConfirmed | ConsentRenewed


@dataclass(frozen=True)
class Life:
    """One consent's life, in the order in which it happened."""

    events: tuple[Told, ...]

    def unit_at(self, moment: datetime) -> UnitId | None:
        """Return which unit held it at that moment: who asked for it, or for its last renewal that said by whom."""
        unit: UnitId | None = None
        for event, at in self.events:
            match event:
                case ConsentRequested():
                    unit = event.held_by_unit
                case ConsentRenewed(held_by_unit=str(asked_by)) if at <= moment:
                    unit = UnitId(asked_by)
                case _:
                    pass
        return unit

    def scope_at(self, moment: datetime) -> Scope | None:
        """Return what was granted at that moment: the oracle, told the events in their true order."""
        scope: Scope | None = None
        valid = (date.min, date.min)
        for event, at in self.events:
            if at > moment:
                break
            if isinstance(event, Granting) and (not isinstance(event, ConsentGranted) or event.active):
                scope, valid = event.scope, (event.valid_from, event.valid_to)
            elif isinstance(event, ConsentNarrowed):
                scope = None if scope is None else event.scope
            elif isinstance(event, TAKES_AWAY):
                scope = None
        return scope if valid[0] <= oslo_day(moment) <= valid[1] else None


subsets = st.frozensets


@st.composite
def lives(draw: st.DrawFn, renewed_by: Sequence[UnitId | None] = (None, LIA)) -> Life:
    """A consent asked for and granted by two; then narrowed, suspended, confirmed, expired, renewed, perhaps withdrawn."""
    scope = Scope(
        services=draw(subsets(st.sampled_from(SERVICES), min_size=1)),
        categories=draw(subsets(st.sampled_from(CATEGORIES), min_size=1)),
        purposes=draw(subsets(st.sampled_from(PURPOSES), min_size=1)),
    )
    at, version, valid = BEGIN, 1, (date(2026, 9, 1), date(2026, 12, 31))
    about = {"case": CASE, "consent": CONSENT}
    events: list[Told] = []

    def tell(event: ConsentEvent) -> None:
        events.append((event, at))

    def granted(*, active: bool, ordinal: int, renewal: bool = False) -> ConsentGranted:
        return ConsentGranted(
            **about,
            version=version,
            grantor=GrantorClass.GUARDIAN,
            ordinal=ordinal,
            evidence=EvidenceForm.E_ID,
            active=active,
            scope=scope,
            valid_from=valid[0],
            valid_to=valid[1],
            renewal=renewal,
        )

    tell(
        ConsentRequested(
            **about,
            version=1,
            scope=scope,
            held_by_unit=LIA,
            needed={GrantorClass.GUARDIAN: 2},
            languages=frozenset({"nb"}),
            valid_from=valid[0],
            valid_to=valid[1],
        )
    )
    for ordinal in (1, 2):
        at += timedelta(minutes=draw(st.integers(1, 50_000)))
        tell(granted(active=ordinal == 2, ordinal=ordinal))
    status = "active"
    choices = {
        "active": ["narrow", "suspend", "renew", "expire", "withdraw"],
        "suspended": ["narrow", "confirm", "renew", "expire", "withdraw"],
        "expired": ["renew", "stop"],
    }
    for _ in range(draw(st.integers(0, 5))):
        at += timedelta(minutes=draw(st.integers(1, 50_000)))
        before, version = version, version + 1
        match draw(st.sampled_from(choices[status])):
            case "narrow":
                left = Scope(
                    services=draw(subsets(st.sampled_from(sorted(scope.services)), min_size=1)),
                    categories=draw(subsets(st.sampled_from(sorted(scope.categories)), min_size=1)),
                    purposes=scope.purposes,
                )
                tell(ConsentNarrowed(**about, version=version, scope=left, ended=scope, effective_at=at))
                scope = left
            case "suspend":
                reason = ReassessmentReason.AGE_15
                tell(ConsentSuspended(**about, version=version, reason=reason, ended=scope, effective_at=at))
                status = "suspended"
            case "confirm":
                tell(granted(active=True, ordinal=1))
                tell(
                    ConsentConfirmed(
                        **about,
                        version=version,
                        reason=ReassessmentReason.AGE_15,
                        scope=scope,
                        valid_from=valid[0],
                        valid_to=valid[1],
                    )
                )
                status = "active"
            case "renew":
                valid = (oslo_day(at), valid[1] + timedelta(days=90))
                tell(granted(active=True, ordinal=2, renewal=True))
                tell(
                    ConsentRenewed(
                        **about,
                        version=version,
                        superseded=before,
                        scope=scope,
                        valid_from=valid[0],
                        valid_to=valid[1],
                        held_by_unit=draw(st.sampled_from(renewed_by)),
                    )
                )
                status = "active"
            case "expire":
                tell(ConsentExpired(**about, version=version))
                status = "expired"
            case "withdraw":
                tell(ConsentWithdrawn(**about, version=version, ended=scope, effective_at=at))
                break
            case _:
                break
    return Life(tuple(events))


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[Life, list[Told]]:
    """A life, and its events as a bad network delivers them: any order, any number of times, some perhaps never."""
    life = draw(lives())
    return life, draw(st.lists(st.sampled_from(life.events), max_size=25))


def read(events: Sequence[Told]) -> ConsentHistory:
    empty = ConsentHistory(consent=CONSENT, case=CASE)
    return reduce(lambda known, told: merge(known, learned(*told)), events, empty)


def permitted(history: ConsentHistory, at: datetime) -> set[tuple[Service, InformationCategory, Purpose]]:
    return {
        (service, category, purpose)
        for service in SERVICES
        for category in CATEGORIES
        for purpose in PURPOSES
        if permits(history, service, frozenset({category}), purpose, at) is not None
    }


moments = st.integers(-1000, 400_000).map(lambda minutes: BEGIN + timedelta(minutes=minutes))


@pytest.mark.rule(4)
@settings(deadline=None)
@given(deliveries())
def test_order_and_repetition_change_nothing(delivery: tuple[Life, list[Told]]) -> None:
    _, delivered = delivery
    once = [told for nth, told in enumerate(delivered) if told not in delivered[:nth]]
    assert read(delivered) == read(once) == read(list(reversed(once)))
    assert ConsentHistory.model_validate_json(read(delivered).model_dump_json()) == read(delivered)


@pytest.mark.rule(4)
@settings(deadline=None)
@given(deliveries(), moments, st.data())
def test_after_a_withdrawal_was_read_nothing_is_permitted_again(
    delivery: tuple[Life, list[Told]], now: datetime, data: st.DataObject
) -> None:
    life, delivered = delivery
    ended = [told for told in life.events if isinstance(told[0], ConsentWithdrawn)]
    if not ended:
        return
    place = data.draw(st.integers(0, len(delivered)))
    order = [*delivered[:place], ended[0], *delivered[place:]]
    for length in range(place + 1, len(order) + 1):
        history = read(order[:length])
        # Whatever this service's own clock says.
        assert permitted(history, present([history], now)) == set()


@pytest.mark.rule(4)
@settings(deadline=None)
@given(deliveries(), moments)
def test_what_has_been_read_never_permits_more_than_the_truth(
    delivery: tuple[Life, list[Told]], moment: datetime
) -> None:
    """Judged for a moment, with every ending up to it read, no use is permitted that was not granted then."""
    life, delivered = delivery
    cuts = [told for told in life.events if isinstance(told[0], TAKES_AWAY)]
    history = read([*delivered, *cuts])
    scope = life.scope_at(moment)
    allowed = permitted(history, moment)
    if scope is None:
        assert allowed == set()
    else:
        for service, category, purpose in allowed:
            assert service in scope.services
            assert category in scope.categories
            assert purpose in scope.purposes


@pytest.mark.rule(4)
@settings(deadline=None)
@given(lives(), moments, st.randoms(use_true_random=False))
def test_with_everything_read_in_any_order_the_answer_is_the_truth(
    life: Life, moment: datetime, random: object
) -> None:
    shuffled = list(life.events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    scope = life.scope_at(moment)
    expected = (
        set()
        if scope is None
        else {(s, c, p) for s in scope.services for c in scope.categories for p in scope.purposes}
    )
    assert permitted(read(shuffled), moment) == expected


@pytest.mark.rule(5)
@settings(deadline=None)
@given(lives(renewed_by=(None, LIA, TINNES)), moments, st.randoms(use_true_random=False))
def test_a_consent_is_held_by_the_unit_that_asked_for_its_latest_period(
    life: Life, moment: datetime, random: object
) -> None:
    """The baton may have gone to another unit in between; what was used before is judged by who held it then."""
    shuffled = list(life.events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    history = read(shuffled)
    holds = [unit for unit in (LIA, TINNES) if history.held_by(unit, moment)]
    assert holds == [life.unit_at(moment)]
    assert not history.held_by(None, moment)


@pytest.mark.rule(4, 106)
@settings(deadline=None)
@given(
    lives(), moments, subsets(st.sampled_from(SERVICES), min_size=1), subsets(st.sampled_from(CATEGORIES), min_size=1)
)
def test_a_named_basis_covers_exactly_those_that_the_consent_lets_hear_everything(
    life: Life, moment: datetime, attending: frozenset[Service], categories: frozenset[InformationCategory]
) -> None:
    history = read(life.events)
    matter = NamedMatter(CASE, LIA, Service.BARNEHAGE, own_elsewhere=False, categories=categories, purpose=PURPOSES[0])
    scope = life.scope_at(moment)
    hearing = frozenset(
        service
        for service in attending
        if scope and service in scope.services and categories <= scope.categories and PURPOSES[0] in scope.purposes
    )
    try:
        basis = judge_named(matter, attending | {Service.BARNEHAGE}, [history], moment, guardians=2)
    except ConsentMissingError as refused:
        assert not hearing
        missing = refused.extensions["missing"]
        assert isinstance(missing, list)
        assert [each["service"] for each in missing if isinstance(each, dict)] == sorted(attending)
    else:
        assert basis.covered == hearing
        assert basis.leaves == attending - hearing
