"""Reading record batches: everything that aiokafka reads, as it reads it, and what it cannot read."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from faststream.kafka import KafkaBroker
from lagspill_client import Subscriber
from lagspill_client import batches as of_subscribers

from shared import records as of_the_services
from tests.e2e.bad_records import Bytes

GZIP = 1
both = pytest.mark.parametrize("module", [of_the_services, of_subscribers])
"""The services' reader and that of the subscribers' package, which has none of the services' code."""


def test_the_subscribers_reader_is_the_services_own_word_for_word() -> None:
    """The package stands alone, and nothing that runs here needs it: so there are two files, and what is mended in one is in both."""
    first, second = (Path(str(each.__file__)).read_bytes() for each in (of_the_services, of_subscribers))
    assert first == second


def batch(
    *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]], first: int, codec: int = 0
) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, 1 << 20)
    for number, (key, value, headers) in enumerate(records):
        assert builder.append(number, timestamp=1_000 + number, key=key, value=value, headers=headers)
    built = bytearray(builder.build())
    built[:8] = first.to_bytes(8, "big")
    return bytes(built)


def read(records: Any) -> list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]:
    found = []
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        assert not one.is_control_batch
        found += [(record.offset, record.key, record.value, record.headers) for record in one]
    return found


@both
@pytest.mark.parametrize("codec", [0, GZIP])
def test_what_aiokafka_reads_is_read_the_same(module: ModuleType, codec: int) -> None:
    EveryRecord = module.EveryRecord  # noqa: N806
    chance = random.Random(7)
    data = b""
    for first in range(0, 60, 3):
        data += batch(
            (None, chance.randbytes(40), []),
            (b"key", None, [("a", None), ("b\0ø", chance.randbytes(3))]),
            (b"", b"", [("", b"")]),
            first=first,
            codec=codec,
        )
    cut = data + batch((b"key", b"x" * 100, []), first=60)[:70]
    assert read(EveryRecord(cut)) == read(MemoryRecords(cut))
    assert len(read(EveryRecord(cut))) == 60
    assert EveryRecord(cut).size_in_bytes() == len(cut)
    assert EveryRecord(b"").next_batch() is None


@both
@pytest.mark.parametrize("codec", [0, GZIP])
def test_a_header_whose_name_is_no_text_hides_no_record(module: ModuleType, codec: int) -> None:
    strange = Bytes(b"\xff\xfe")
    data = (
        batch((b"a", b"1", []), first=0)
        + batch(
            (b"b", b"2", []),
            (b"c", b"3", [(strange, b"v"), ("plain", b"w")]),
            (b"d", b"4", [(strange, None)]),
            (b"e", b"5", []),
            first=1,
            codec=codec,
        )
        + batch((b"f", b"6", []), first=5)
    )
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(data))
    found = read(module.EveryRecord(data))
    assert [record[:3] for record in found] == [
        (offset, key.encode(), str(offset + 1).encode()) for offset, key in enumerate("abcdef")
    ]
    [(name, value), plain] = found[2][3]
    assert (name.encode("utf-8", "surrogateescape"), value) == (b"\xff\xfe", b"v")
    assert plain == ("plain", b"w")


@both
def test_every_consumer_of_the_process_reads_so(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    module.read_every_record()
    assert fetcher.MemoryRecords is module.EveryRecord


def test_a_subscriber_reads_so_from_the_moment_when_it_subscribes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    subscriber = Subscriber("reads", topics=["a-topic"])
    subscriber.subscribe(KafkaBroker())
    assert fetcher.MemoryRecords is of_subscribers.EveryRecord
