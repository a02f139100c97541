"""The pure decisions of the vault's keeping: dates of responsibility, going on under other names, falling silent, sealed pieces."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain import concern, course, guardianship, protection, recording
from services.cases.domain.evolution import fold
from services.cases.domain.guardianship import RecordGuardianship
from services.cases.domain.protection import Continuation, Protection
from services.cases.domain.state import CaseState, ConsentStatus, Stage
from services.cases.errors import (
    CaseGoesOnElsewhereError,
    GuardianDatesError,
    GuardianGroundError,
    NotForRecordsError,
    TooManyGuardiansError,
)
from services.cases.records import Guardian
from shared.calendar import add_days
from shared.contracts.cases import LocalOutcome
from shared.contracts.codes import InformationCategory, Language
from shared.contracts.safekeeping import DocumentAdded, GuardianGround, MediaType, ProtectionKind
from shared.keys import TamperedError
from shared.refs import ActorId, CaseRef, ConcernRef, DocumentRef, RecordRef
from shared.sealed_stream import Sealer, new_prefix
from tests.unit.cases_town import RULES, TEACHER, Town
from tests.unit.test_cases_ladder import joined

REF = re.compile(r"[a-z]{3}_[bcdfghjklmnpqrstvwxz]{26}")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+")
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(since=st.none() | DAYS, until=st.none() | DAYS, day=DAYS)
def test_responsibility_holds_from_its_first_day_to_its_last(since: date | None, until: date | None, day: date) -> None:
    guardian = Guardian(
        ordinal=1,
        name="x",
        national_number="0",
        actor=ActorId("act_guardianxx"),
        language=Language.NB,
        since=since,
        until=until,
    )
    assert guardian.responsible_on(day) == ((since or date.min) <= day <= (until or date.max))


@pytest.mark.rule(4)
@given(
    ordinal=st.integers(1, 12),
    change=st.sampled_from(["begins", "ends"]),
    ground=st.sampled_from(GuardianGround),
    after=st.integers(-5, 5),
    responsible=st.frozensets(st.integers(1, 8)),
)
def test_who_has_the_say_is_what_the_event_says(
    ordinal: int, change: str, ground: GuardianGround, after: int, responsible: frozenset[int]
) -> None:
    town = Town().lift()
    since = date(2026, 9, 1)
    command = RecordGuardianship.model_validate(
        {
            "by": TEACHER,
            "ordinal": ordinal,
            "change": change,
            "ground": ground,
            "effective_on": since + timedelta(days=after),
            "since": since,
            "responsible": responsible,
        }
    )
    try:
        events = guardianship.decide_guardianship(town.state, command, town.now)
    except TooManyGuardiansError:
        assert ordinal > 8
        return
    except GuardianGroundError:
        assert (change, ground) == ("begins", GuardianGround.DEATH)
        return
    except GuardianDatesError:
        assert change == "ends"
        assert after < 0
        return
    town.take(events)
    assert town.state.responsible == responsible
    assert town.state.guardians == len(responsible)
    assert guardianship.decide_responsible(town.state, responsible) == []
    assert fold(CaseState(), town.history) == town.state


def with_records() -> Town:
    town = Town().lift()
    town.consented()
    for category in (InformationCategory.LANGUAGE, InformationCategory.FAMILY):
        command = recording.WriteRecord(by=TEACHER, record=RecordRef(town.ids.ref("rec")), category=category)
        town.take(recording.decide_record(town.state, command, town.now))
    document = recording.AddDocument(
        by=TEACHER,
        document=DocumentRef(town.ids.ref("doc")),
        category=InformationCategory.HEALTH,
        media=MediaType.PDF,
        size=12_345,
    )
    town.take(recording.decide_document(town.state, document, town.now))
    return town


def new_concerns(town: Town) -> dict[ConcernRef, ConcernRef]:
    known = [*([] if town.state.concern is None else [town.state.concern.ref]), *town.state.further]
    return {ref: ConcernRef(town.ids.ref("con")) for ref in known}


def test_a_case_goes_on_with_no_place_and_no_reference_of_before() -> None:
    town = with_records()
    names = Continuation(
        case=CaseRef(town.ids.ref("cas")),
        concerns=new_concerns(town),
        records={ref: RecordRef(town.ids.ref("rec")) for ref in town.state.records},
        documents={ref: DocumentRef(town.ids.ref("doc")) for ref in town.state.documents},
    )
    given_now = Protection(by=TEACHER, kind=ProtectionKind.STRICTLY_CONFIDENTIAL)
    town.now += timedelta(days=3)
    events = protection.decide_continue(town.state, given_now, names, town.now, RULES)
    said = "".join(event.model_dump_json() for event in events)
    assert "unit:" not in said
    assert "31000" not in said
    before = set(REF.findall("".join(event.model_dump_json() for event in town.history)))
    assert set(REF.findall(said)).isdisjoint(before)
    # Neither does a moment lead there, to the microsecond as they are, nor the bytes of a document.
    history = "".join(event.model_dump_json() for event in town.history)
    assert set(MOMENT.findall(said)).isdisjoint(MOMENT.findall(history))
    assert MOMENT.findall(history)
    [size] = {event.size for event in events if isinstance(event, DocumentAdded)}
    assert size == 16_384
    assert "12345" in history
    assert "12345" not in said
    after = fold(CaseState(), events)
    assert (after.stage, after.level, after.hidden, after.responsible) == (Stage.OPEN, 1, True, frozenset({1, 2}))
    assert sorted(one.category for one in after.records.values()) == sorted(
        one.category for one in town.state.records.values()
    )
    assert after.holder is not None
    assert after.holder.actor == TEACHER.actor


def test_what_falls_silent_leaves_nothing_open() -> None:
    town = with_records()
    town.hear()
    town.ask()
    town.take(protection.decide_close_quietly(town.state, town.now, RULES))
    assert (town.state.stage, town.state.outcome) == (Stage.CLOSED, "moved")
    assert town.state.open_handover is None
    assert {one.status for one in town.state.consents.values()} == {ConsentStatus.WITHDRAWN}
    assert protection.decide_close_quietly(town.state, town.now, RULES) == []
    with pytest.raises(CaseGoesOnElsewhereError):
        course.decide_reopen(town.state, course.ReopenCase(by=TEACHER), town.now, RULES)
    assert fold(CaseState(), town.history) == town.state


@pytest.mark.rule(79, 80, 81)
@pytest.mark.parametrize("solved", [False, True])
def test_a_concern_goes_on_as_a_concern_and_what_is_left_of_it_closes_as_moved(solved: bool) -> None:
    """Nobody has lifted it: what the family is told of it is as little as before, and what waits must be acted on."""
    town = Town()
    second = joined(town)
    if solved and town.state.concern is not None:
        outcome = LocalOutcome.GUIDANCE_GIVEN
        command = concern.ResolveConcern(by=TEACHER, concern=town.state.concern.ref, outcome=outcome)
        town.take(concern.decide_resolve(town.state, command, town.now, RULES))
    town.now += timedelta(days=3)
    register = protection.Register()
    assert protection.goes_on(town.state, register)
    names = Continuation(case=CaseRef(town.ids.ref("cas")), concerns=new_concerns(town), records={}, documents={})
    events = protection.going_on(town.state, register, names, town.now, RULES)
    said = "".join(event.model_dump_json() for event in events)
    assert ("unit:" in said, "31000" in said) == (False, False)
    after = fold(CaseState(), events)
    assert (after.stage, after.hidden, after.guardians) == (Stage.CONCERN, True, 2)
    waiting = {one.ref for one in after.waiting_concerns}
    assert waiting == ({names.concerns[second]} if solved else {*names.concerns.values()})
    assert {one.act_by for one in after.waiting_concerns} == {add_days(town.now, RULES.act_within_days)}
    assert protection.goes_on(after, register) is False
    town.take(protection.decide_close_quietly(town.state, town.now, RULES))
    assert (town.state.stage, town.state.outcome, town.state.waiting_concerns) == (Stage.CLOSED, "moved", [])
    assert fold(CaseState(), town.history) == town.state


@pytest.mark.rule(79)
def test_a_concern_that_waits_in_an_open_case_goes_on_with_it() -> None:
    town = Town().lift()
    waits = joined(town)
    names = Continuation(case=CaseRef(town.ids.ref("cas")), concerns=new_concerns(town), records={}, documents={})
    events = protection.going_on(town.state, protection.Register(), names, town.now, RULES)
    after = fold(CaseState(), events)
    assert (after.stage, [one.ref for one in after.waiting_concerns]) == (Stage.OPEN, [names.concerns[waits]])
    assert "unit:" not in "".join(event.model_dump_json() for event in events)


def test_a_case_of_its_own_log_follows_the_child() -> None:
    """Set and lifted as in the child's other cases, closed or not, and each once."""
    town = Town(address_protected=True).lift()
    known = protection.Register(kind=ProtectionKind.CONFIDENTIAL, valid_to=date(2027, 9, 1))
    for register, hidden in ((known, True), (protection.Register(lifted=True), False), (known, True)):
        town.take(protection.decide_with_child(town.state, register))
        assert town.state.hidden is hidden
        assert protection.decide_with_child(town.state, register) == []
        assert protection.goes_on(town.state, register) is False
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), town.now))
    town.take(protection.decide_with_child(town.state, protection.Register(lifted=True)))
    assert town.state.hidden is False
    ordinary = Town().lift()
    assert protection.decide_with_child(ordinary.state, known) == []
    assert protection.goes_on(ordinary.state, protection.Register(lifted=True)) is False


@pytest.mark.parametrize("category", sorted(recording.KEPT_ELSEWHERE))
def test_identity_and_contact_have_their_own_place(category: InformationCategory) -> None:
    town = Town().lift()
    with pytest.raises(NotForRecordsError):
        recording.check_category(town.state, TEACHER, category, town.now)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
def test_a_piece_opens_in_its_own_place_only(pieces: list[bytes], data: st.DataObject) -> None:
    key, prefix = b"k" * 32, new_prefix()
    sealer = Sealer(key, prefix, b"here")
    last = len(pieces) - 1
    sealed = [sealer.seal(nth, piece, last=nth == last) for nth, piece in enumerate(pieces)]
    assert [sealer.open(nth, piece, last=nth == last) for nth, piece in enumerate(sealed)] == pieces
    nth = data.draw(st.integers(0, last))
    for wrong, at, as_last in (
        (sealer, nth + 1, nth == last),
        (sealer, nth, nth != last),
        (Sealer(key, prefix, b"there"), nth, nth == last),
        (Sealer(b"j" * 32, prefix, b"here"), nth, nth == last),
    ):
        with pytest.raises(TamperedError):
            wrong.open(at, sealed[nth], last=as_last)
