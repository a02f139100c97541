"""Which entries become rows of an innsyn report, cell by cell, and how rows are put together (story row 22)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.innsyn.domain import GIVES_CONTENT, RecipientKind, Verdict, count, verdict
from shared.contracts.access import AccessKind
from shared.contracts.codes import InformationCategory
from tests.unit.innsyn_rows import (
    CHILD,
    HEALTH,
    IDS,
    ME,
    NOON,
    NURSE,
    OTHER,
    PPT,
    SECOND_NURSE,
    counted,
    look,
    of_child,
    right,
)

pytestmark = pytest.mark.story(22)
GUARDIAN, YOUNG = {"role": "guardian"}, {"role": "child"}

TABLE = """
what                            guardian     child
read                            shown        shown
disclose                        shown        shown
print                           shown        shown
export                          shown        shown
search                          shown        shown
list                            shown        shown
break-glass                     shown        shown
break-glass,empty               shown        shown
write                           other-act    other-act
deny                            refused      refused
log-read                        oversight    oversight
read,denied                     refused      refused
break-glass,denied              refused      refused
read,empty                      no-content   no-content
read,only-documents             shown        shown
list,empty                      no-content   no-content
export,audit                    oversight    oversight
read,audit                      oversight    oversight
read,mine                       shown        shown
read,other-guardian             family       shown
read,former-guardian            family       shown
read,child                      family       shown
read,other-guardian-at-work     shown        shown
break-glass,other-guardian-at-work  shown    shown
read,child-at-work              shown        shown
read,health                     shown        shown
"""
CELLS = [
    (kind, extra, relation, Verdict(cell))
    for line in TABLE.strip().splitlines()[1:]
    for what, *cells in [line.split()]
    for kind, *extra in [what.split(",")]
    for relation, cell in zip(("guardian", "child"), cells, strict=True)
]
EXTRAS: dict[str, dict[str, Any]] = {
    "denied": {"permitted": False, "reason": "no-relation"},
    "empty": {"categories": []},
    "only-documents": {"categories": [], "documents": [IDS.ref("doc")]},
    "audit": {"source": "/services/audit"},
    "other-guardian": {"by": OTHER, "actor": GUARDIAN},
    "former-guardian": {"by": IDS.ref("act"), "actor": GUARDIAN},
    "child": {"by": CHILD, "actor": YOUNG},
    "other-guardian-at-work": {"by": OTHER},
    "child-at-work": {"by": CHILD},
    "health": {"categories": ["health"]},
}


@pytest.mark.parametrize(("kind", "extra", "relation", "expected"), CELLS, ids=str)
def test_cell(kind: str, extra: list[str], relation: str, expected: Verdict) -> None:
    asking = right() if relation == "guardian" else of_child()
    changes: dict[str, Any] = {"kind": kind, "permitted": kind != "deny"}
    for one in extra:
        mine = {"by": asking.actor, "actor": {"role": relation}}
        changes |= mine if one == "mine" else EXTRAS[one]
    assert verdict(look(**changes), asking) is expected


def test_every_kind_of_act_is_in_the_table() -> None:
    assert {kind for kind, *_ in CELLS} == set(AccessKind)
    shown = {kind for kind, extra, _, cell in CELLS if not extra and cell is Verdict.SHOWN}
    assert shown == GIVES_CONTENT


def test_what_the_child_decides_over_alone_is_neither_listed_nor_counted_nor_named() -> None:
    asking = right(withheld=list(HEALTH))
    assert verdict(look(categories=["health"]), asking) is Verdict.WITHHELD
    found = counted(look(categories=["health"]), look(categories=["health", "language"], by=SECOND_NURSE), of=asking)
    [row] = found.rows
    assert (row.categories, found.looks, found.without_content) == ((InformationCategory.LANGUAGE,), 1, 0)
    [of_the_child] = counted(look(categories=["health"]), of=of_child()).rows
    assert of_the_child.categories == (InformationCategory.HEALTH,)


@pytest.mark.rule(93, 192)
@pytest.mark.parametrize("kind", ["disclose", "read", "print"])
def test_what_the_guardians_may_not_be_told_is_neither_listed_nor_counted_for_them(kind: str) -> None:
    """A report to child welfare, and every look at it: telling would endanger; the child itself is told."""
    secret = look(kind=kind, categories=["concern"], not_for_guardians=True)
    empty = look(kind=kind, categories=[], not_for_guardians=True)
    told = count([secret, empty], right())
    assert (told.rows, told.looks, told.without_content, told.unreadable) == ((), 0, 0, 0)
    assert count([secret], of_child()).looks == 1


def test_forty_looks_of_one_nurse_on_one_day_are_one_row() -> None:
    looks = [look(minutes=7 * nth, categories=["language"] if nth % 2 else ["identity"]) for nth in range(40)]
    looks.append(look(by=SECOND_NURSE))
    looks.append(look(at=NOON + timedelta(days=1)))
    found = counted(*looks)
    tomorrow, forty, other = found.rows
    assert (forty.looks, tomorrow.looks, other.looks, found.looks) == (40, 1, 1, 42)
    assert set(forty.categories) == {InformationCategory.IDENTITY, InformationCategory.LANGUAGE}
    assert (forty.first, forty.last) == (NOON, NOON + timedelta(minutes=7 * 39))
    assert forty.positions == tuple(entry.position for entry in looks[:40])


def test_one_look_on_two_consents_of_the_same_length_is_one_look() -> None:
    same = IDS.event_id()
    pair = [look(correlation=same, consent=IDS.ref("cst"), categories=[one]) for one in ("language", "health")]
    [row] = counted(*pair).rows
    assert (row.looks, len(row.positions), len(row.categories)) == (1, 2, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "print"},
        {"basis": {"code": "own-task", "version": "2018-07-20"}},
        {"basis": {"code": "consent", "version": "2026-01-01"}},
        {"purpose": "assessment"},
        {"meeting": "mtg_" + "b" * 26},
        {"valid_to": "2027-07-31T22:00:00Z"},
        {"by": SECOND_NURSE},
        {"address_protected": True},
    ],
    ids=str,
)
def test_looks_that_differ_in_what_the_law_asks_for_are_rows_of_their_own(changes: dict[str, Any]) -> None:
    assert len(counted(look(), look(**changes)).rows) == 2


def test_the_day_is_norways_and_the_last_day_is_the_one_before_it_ended() -> None:
    late = look(at=datetime(2026, 10, 5, 22, 30, tzinfo=UTC), valid_to="2027-07-31T22:00:00Z")
    [row] = counted(late).rows
    assert (row.day, row.shared_until) == (date(2026, 10, 6), date(2027, 7, 31))


def test_who_was_told_is_the_recipient_and_not_who_told() -> None:
    chair = {"role": "pedagogical-leader", "service": "barnehage", "organisation": "310001015"}
    told = look(
        kind="disclose",
        actor=chair,
        meeting="mtg_" + "b" * 26,
        recipients=[{"service": "ppt"}, {"service": "helsestasjon"}],
    )
    rows = counted(told).rows
    assert {row.recipient.service for row in rows} == {"ppt", "helsestasjon"}
    assert all(row.in_meeting and row.recipient.actor is None for row in rows)
    fetched = look(kind="disclose", actor=PPT, recipients=[PPT])
    [row] = counted(fetched).rows
    assert row.recipient.actor == NURSE


def test_the_family_and_programs_are_called_what_they_are() -> None:
    mine = counted(look(by=ME, actor=GUARDIAN)).rows[0].recipient
    parent = counted(look(by=OTHER, actor=GUARDIAN), of=of_child()).rows[0].recipient
    program = {"role": "service-account", "client": "notify"}
    messages = counted(look(kind="disclose", actor=program, categories=["contact"])).rows[0].recipient
    assert (mine.kind, parent.kind, messages.kind) == (RecipientKind.YOU, RecipientKind.GUARDIAN, RecipientKind.PROGRAM)
    assert mine.actor is parent.actor is messages.actor is None


@pytest.mark.parametrize("protect", ["case", "record"])
def test_of_an_address_protected_case_no_row_tells_a_place(protect: str) -> None:
    """Even where a record, against the rule, holds an organisation."""
    asking = right(address_protected=protect == "case")
    entries = [look(address_protected=protect == "record")]
    entries.append(look(kind="disclose", recipients=[PPT], address_protected=protect == "record"))
    rows = counted(*entries, of=asking).rows
    assert len(rows) == 2
    assert all(row.recipient.organisation is None and row.recipient.place_hidden for row in rows)
    assert "3100010" not in "".join(row.model_dump_json() for row in rows)


def test_two_who_were_told_at_once_and_cannot_be_told_apart_are_one_row_with_the_entry_once() -> None:
    """Two schools of a child whose place is hidden: the row says neither which they are nor, by its entry twice, that they are two."""
    schools = [{"service": "skole", "organisation": number} for number in ("310001015", "310001023")]
    told = look(kind="disclose", recipients=schools)
    assert [row.positions for row in counted(told).rows] == [(told.position,)] * 2
    [row] = counted(told, of=right(address_protected=True)).rows
    assert (row.positions, row.looks) == ((told.position,), 1)


def test_no_row_holds_who_the_person_is() -> None:
    [row] = counted(look()).rows
    assert row.recipient.actor == NURSE
    assert NURSE not in row.model_dump_json()


def test_what_cannot_be_read_is_counted_and_looks_without_content_only_of_employees() -> None:
    found = counted(None, look(categories=[]), look(categories=[], by=ME, actor=GUARDIAN), None)
    assert (found.rows, found.without_content, found.unreadable) == ((), 1, 2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(AccessKind)),
            st.booleans(),
            st.sampled_from([NURSE, SECOND_NURSE, ME, OTHER, CHILD]),
            st.sets(st.sampled_from(sorted(InformationCategory)), max_size=3),
            st.integers(0, 4 * 24 * 60),
        ),
        max_size=40,
    )
)
def test_no_entry_is_lost_or_told_twice(
    drawn: list[tuple[AccessKind, bool, str, set[InformationCategory], int]],
) -> None:
    """Every shown entry is in exactly one row (it has one recipient), no other is in any, and the sums agree."""
    roles: dict[str, dict[str, Any]] = {ME: GUARDIAN, OTHER: GUARDIAN, CHILD: YOUNG}
    entries = [
        look(kind=kind, permitted=permitted, by=by, actor=roles.get(by), categories=sorted(categories), minutes=minutes)
        for kind, permitted, by, categories, minutes in drawn
    ]
    for asking in (right(), right(withheld=list(HEALTH)), of_child()):
        found = count(entries, asking)
        told = [position for row in found.rows for position in row.positions]
        shown = [entry.position for entry in entries if verdict(entry, asking) is Verdict.SHOWN]
        assert sorted(told) == shown
        assert found.looks == sum(row.looks for row in found.rows) == len(shown)
        assert [row.last for row in found.rows] == sorted((row.last for row in found.rows), reverse=True)
