"""Whose turn it is to sign: whatever the history of files and clocks, exactly what was announced signs, and nothing comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.keys import Announcement, periods, take_turn
from services.audit.domain.note import Signer, Verifier
from services.audit.errors import RetiredKeyError

START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = [Signer("lagspill.no/logs/4005", sha256(bytes([number])).digest()).verifier for number in range(5)]

files = st.lists(st.sampled_from(KEYS), min_size=1, max_size=5, unique=True)
steps = st.lists(st.tuples(files, st.integers(-40, 200), st.integers(0, 100)), min_size=1, max_size=12)


@given(steps)
def test_keys_follow_each_other(history_of_files: list[tuple[list[Verifier], int, int]]) -> None:
    """Instances with any files, in any order, under a clock that also goes back."""
    known: list[Announcement] = []
    now = START
    for held, days, overlap in history_of_files:
        now += timedelta(days=days)
        before = periods(known)
        try:
            turn = take_turn(known, held, now, timedelta(days=overlap))
        except RetiredKeyError:
            assert all(
                any(each.vkey == key.vkey and each.until is not None and each.until <= now for each in before)
                or key.vkey not in [each.vkey for each in before]
                for key in held
            )
            assert held[0].vkey in [each.vkey for each in before]
            continue
        if turn.announce is not None:
            assert turn.announce.vkey == held[0].vkey
            assert turn.announce.vkey not in [each.vkey for each in before]
            known.append(turn.announce)
        after = periods(known)
        # What was published of a key before is not taken back.
        for old, new in zip(before, after, strict=False):
            assert (old.vkey, old.since) == (new.vkey, new.since)
            assert old.until in (None, new.until)
        assert [each.since for each in after] == sorted(each.since for each in after)
        assert [each.until for each in after].count(None) == 1
        assert after[-1].until is None
        valid = {each.vkey for each in after if each.until is None or now < each.until}
        assert set(turn.active) == {key.vkey for key in held} & valid
        assert list(turn.active) == [key.vkey for key in held if key.vkey in turn.active]


@given(files.filter(lambda held: len(held) > 1), st.integers(0, 1000), st.integers(1, 365))
def test_the_overlap_is_as_long_as_it_is_set(held: list[Verifier], later: int, overlap: int) -> None:
    """To the moment."""
    new, old = held[0], held[1]
    turn = take_turn([], [old], START, timedelta(days=overlap))
    assert turn.announce is not None
    change = START + timedelta(days=later)
    second = take_turn([turn.announce], [new, old], change, timedelta(days=overlap))
    assert second.active == (new.vkey, old.vkey)
    assert second.announce is not None
    known = [turn.announce, second.announce]
    end = change + timedelta(days=overlap)
    assert take_turn(known, [new, old], end - timedelta(microseconds=1), timedelta(0)).active == (new.vkey, old.vkey)
    assert take_turn(known, [new, old], end, timedelta(days=999)).active == (new.vkey,)
