"""Cursors: whatever the key, it comes back; whatever was changed, is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.web import Collection
from shared.web.pages import CursorError

Key = tuple[datetime, str, int]
ENTRIES: Collection[Key] = Collection("entries", tuple[datetime, str, int])
OTHERS: Collection[Key] = Collection("others", tuple[datetime, str, int])

keys = st.tuples(
    st.integers(-(2**31), 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    st.integers(1 - 2**53, 2**53 - 1),
)


@given(keys)
def test_a_key_comes_back(key: Key) -> None:
    cursor = ENTRIES.cursor(key)
    assert ENTRIES.after(cursor) == key
    assert cursor.isascii()
    assert all(letter.isalnum() or letter in "-_" for letter in cursor), "it goes into an address as it is"


@given(keys, keys)
def test_other_keys_have_other_cursors(one: Key, other: Key) -> None:
    assume(one != other)
    assert ENTRIES.cursor(one) != ENTRIES.cursor(other)


@given(keys)
def test_another_collections_cursor_is_refused(key: Key) -> None:
    with pytest.raises(CursorError):
        ENTRIES.after(OTHERS.cursor(key))


@given(keys, st.data())
def test_a_changed_cursor_is_refused(key: Key, data: st.DataObject) -> None:
    cursor = ENTRIES.cursor(key)
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_=+/ é\0"))
    changes = (
        cursor[:place] + letter + cursor[place + 1 :],
        cursor[:place] + letter + cursor[place:],
        cursor[:place] + cursor[place + 1 :],
        cursor[:place],
        cursor + letter,
    )
    changed = data.draw(st.sampled_from(changes))
    assume(changed != cursor)
    with pytest.raises(CursorError):
        ENTRIES.after(changed)


@given(st.text(max_size=600))
def test_what_was_never_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        ENTRIES.after(text)


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=60), st.integers(1, 20))
def test_pages_meet_everything_once_and_in_order(numbers: list[int], limit: int) -> None:
    collection: Collection[int] = Collection("numbers", int)
    rows = sorted(numbers)
    met: list[int] = []
    cursor: str | None = None
    while True:
        after = collection.after(cursor)
        rest = [row for row in rows if after is None or row > after]
        page = collection.page(rest[: limit + 1], limit, lambda row: row)
        assert len(page.items) <= limit
        met += page.items
        cursor = page.next
        if cursor is None:
            break
        assert len(page.items) == limit, "only the last page may be short"
    assert met == rows


@pytest.mark.parametrize("key", [(datetime.now(UTC), "a\0b", 1), (datetime.now(UTC), "a", 2**63)])
def test_what_no_database_could_look_up_is_refused_although_its_seal_is_right(key: Key) -> None:
    """The seal is no secret: whoever reads the code can make one."""
    with pytest.raises(CursorError):
        ENTRIES.after(ENTRIES.cursor(key))
