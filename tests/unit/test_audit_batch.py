"""A batch that is read in portions is the batch that is read at once."""

from __future__ import annotations

import pytest

from services.audit.batch import Batch, Group, Reading, index
from services.audit.domain.entry import UNPARSABLE, Received
from services.audit.reading import gathering
from services.audit.store import Partition
from tests.integration.audit_world import NOTODDEN, SKIEN, Publisher

pytestmark = pytest.mark.story(23)

PLACE: Partition = ("t", 0)
OTHER: Partition = ("t", 1)


def portion(place: Partition, first: int, values: list[bytes]) -> Batch:
    """Records one after the other from `first` on."""
    return Batch(
        first,
        first + len(values),
        [Received(*place, offset, value) for offset, value in enumerate(values, start=first)],
    )


def rows(group: Group) -> bytes:
    """Its rows, from the first position on."""
    pieces: list[bytes] = []
    at = 0
    for each in group.rows:
        pieces += each.placed(at, 0)
        at += len(each)
    return b"".join(pieces)


async def test_in_portions_as_at_once() -> None:
    """Each log's entries, rows and numbers, and how far each partition goes."""
    cases = Publisher()
    values = [cases.read(scope=(NOTODDEN, SKIEN)[nth % 2]) for nth in range(40)]
    values[7:7] = [b"no event"]
    whole = await index({PLACE: portion(PLACE, 5, values)})
    reading = Reading(gathering())
    for first, end in ((0, 1), (1, 8), (8, len(values))):
        await reading.read({PLACE: portion(PLACE, 5 + first, values[first:end])})
    assert reading.count == len(values)
    read = await reading.finish()
    assert (read.steps, read.asked) == (whole.steps, whole.asked)
    for log, group in read.groups.items():
        same = whole.groups[log]
        assert (group.received, group.agree, group.noted.hashes) == (same.received, same.agree, same.noted.hashes)
        assert rows(group) == rows(same)
    assert read.steps == {PLACE: (5, 5 + len(values))}
    assert set(read.groups) == {NOTODDEN, SKIEN, UNPARSABLE}


async def test_nothing_is_left_out_between_two_portions() -> None:
    """Neither skipped nor read again."""
    values = Publisher().reads(4)
    for first in (1, 3):
        reading = Reading()
        await reading.read({PLACE: portion(PLACE, 0, values[:2])})
        with pytest.raises(ValueError, match="left out"):
            await reading.read({PLACE: portion(PLACE, first, values[2:])})


async def test_it_goes_on_only_where_every_partition_is_expected_to() -> None:
    """One that another instance has now, or that is to be read from elsewhere, is no part of it any more."""
    values = Publisher().reads(4)
    reading = Reading()
    assert reading.continues({})
    await reading.read({PLACE: portion(PLACE, 0, values[:2]), OTHER: portion(OTHER, 9, values[2:])})
    assert reading.continues({PLACE: 2, OTHER: 11})
    assert not reading.continues({PLACE: 2})
    assert not reading.continues({PLACE: 0, OTHER: 11})
