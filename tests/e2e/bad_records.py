"""Every way in which a record on the bus can be wrong, made from an event that would be right."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from shared.contracts.base import EventData
from shared.dead_letters import Reason
from shared.envelope import describe, seal
from shared.refs import LogScope, RandomIds
from tests.e2e.bad_requests import CANARY

IDS: Final = RandomIds()
MUNICIPALITY: Final = LogScope("4005")
Header = tuple[str, bytes | None]


@dataclass(frozen=True)
class Record:
    """A record, as it is sent."""

    value: bytes | None
    key: bytes | None
    headers: tuple[Header, ...] = ()
    zstd: bool = False
    """Compressed as no consumer here can read it."""


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be handled as it is."""

    what: str
    record: Record
    reason: Reason | None
    """What it is parked for; None where it is passed by."""
    by_all: bool = True
    """Whether every consumer of the topic parks it; else those that handle the event's type."""


def sealed(event: EventData, **said: Any) -> bytes:
    """Return an event's bytes as its own service commits them; not numbered, so that no journal gets a hole."""
    now = datetime.now(UTC)
    about: dict[str, Any] = {"event_id": IDS.event_id(), "source": f"/services/{event.TOPIC.split('.')[1]}", **said}
    return seal(
        event, describe(event, happened=now, recorded=now, scope=MUNICIPALITY, correlation=uuid4(), sequence=1, **about)
    )


def good_record(event: EventData) -> Record:
    """Return the record that an event is published as."""
    return Record(sealed(event), event.subject.encode())


def unreadable(make: Callable[[], EventData]) -> Iterator[BadRecord]:
    """Give records that nobody can read, or that say nothing that anybody knows."""

    def malformed(what: str, value: bytes) -> BadRecord:
        return BadRecord(what, Record(value, IDS.ref("cas").encode()), Reason.MALFORMED)

    whole = sealed(make())
    event = json.loads(whole)
    yield malformed("no JSON", b"\x00\xff\xfe" + CANARY.encode())
    yield malformed("nothing", b"")
    yield malformed("cut", whole[:-1])
    yield malformed("twice in one", whole + whole)
    yield malformed("not UTF-8", whole[:-1] + b',"name":"' + CANARY.encode() + b'\xff"}')
    for value in (None, [], CANARY, {}, [event], {"name": CANARY}):
        yield malformed(f"JSON that is no CloudEvent: {value!r}"[:60], json.dumps(value).encode())
    yield malformed(
        "CloudEvent of others", json.dumps({"specversion": "1.0", "id": CANARY, "source": "/x", "type": "x"}).encode()
    )
    for name in event.keys() - {
        "data",
        "sequence",
        "dataclassification",
        "dataregulation",
        "datacategory",
        "datacontenttype",
        "specversion",
    }:
        yield malformed(f"without {name}", _json({key: event[key] for key in event if key != name}))
        yield malformed(f"{name} of another kind", _json({**event, name: {CANARY: CANARY}}))
    yield malformed("lone surrogates", whole.replace(b'"data":{', b'"data":{"name":"\\ud800' + CANARY.encode() + b'",'))
    yield malformed("NaN", whole.replace(b'"data":{', b'"data":{"number":NaN,'))
    yield malformed("deep", whole.replace(b'"data":{', b'"data":{"a":' + b"[" * 5_000 + b"]" * 5_000 + b","))
    yield BadRecord("a tombstone", Record(None, IDS.ref("cas").encode()), Reason.NO_VALUE)
    yield BadRecord("neither key nor event", Record(CANARY.encode(), None), Reason.MALFORMED)
    large = whole[:-1] + b',"name":"' + CANARY.encode() * 140_000 + b'"}'
    yield BadRecord("two megabytes", Record(large, IDS.ref("cas").encode()), Reason.TOO_LARGE)
    garbage = Record(CANARY.encode(), IDS.ref("cas").encode())
    for headers in (
        (("a\0b", b"\0"),),
        (("a", None), ("a", b"")),
        ((Bytes(b"\xff\xfe"), b"\xff"),),
        ((CANARY, b"x" * 9_000),) * 50,
    ):
        yield BadRecord(f"headers {headers!r}"[:60], replace(garbage, headers=headers), Reason.MALFORMED)
    yield BadRecord("compressed", replace(garbage, zstd=True), Reason.MALFORMED)
    unheard = _json({**event, "id": str(IDS.event_id()), "type": "no.lagspill.cases.unheard-of.v1"})
    yield BadRecord("an unknown type", Record(unheard, event["partitionkey"].encode()), None)


def unfit(make: Callable[[], EventData]) -> Iterator[BadRecord]:
    """Give records that claim to be an event that is handled."""

    def wrong(
        what: str, reason: Reason, *, key: bytes | None = b"", data: Mapping[str, Any] | None = None, **said: Any
    ) -> BadRecord:
        event = json.loads(sealed(make()))
        event = {**event, **said, "data": {**event["data"], **(data or {})}}
        return BadRecord(
            what, Record(_json(event), event["partitionkey"].encode() if key == b"" else key), reason, by_all=False
        )

    subject = make().SUBJECT
    yield wrong("another's word", Reason.WRONG_SOURCE, source="/services/audit")
    yield wrong("another's key", Reason.WRONG_KEY, key=IDS.ref("cas").encode())
    yield wrong("no key", Reason.WRONG_KEY, key=None)
    yield wrong("another subject", Reason.WRONG_SCHEMA, data={subject: IDS.ref("cas")})
    yield wrong("a subject that is no reference", Reason.WRONG_SCHEMA, data={subject: CANARY})
    yield wrong("NUL", Reason.WRONG_SCHEMA, data={subject: f"{CANARY}\0"})
    yield wrong("of another type", Reason.WRONG_SCHEMA, data={subject: {CANARY: CANARY}})
    yield wrong("nothing inside", Reason.WRONG_SCHEMA, data=dict.fromkeys(json.loads(sealed(make()))["data"]))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- sending --------------------------------------------------------------------------------------------------------------


class Bytes(str):
    """The name of a header that is no text."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Bytes:
        made = super().__new__(cls, raw.decode("utf-8", "surrogateescape"))
        made.raw = raw
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes themselves."""
        return self.raw


class _Builder(_DefaultRecordBatchBuilderPy):  # type: ignore[misc]  # aiokafka is untyped
    """Builds a batch of one record, as a client may whose header names are no texts, or that has another codec."""

    _HEAD = 61
    _ZSTD = 4
    zstd = False

    def build(self) -> bytearray:
        batch: bytearray = super().build()
        if self.zstd:
            # RFC 8878: magic, a frame header without a dictionary or checksum, one raw block, which is the last.
            records = bytes(batch[self._HEAD :])
            frame = struct.pack("<IBH", 0xFD2FB528, 0b0110_0000, len(records) - 256)
            block = struct.pack("<I", len(records) << 3 | 1)[:3]
            batch[self._HEAD :] = frame + block + records
            struct.pack_into(">i", batch, 8, len(batch) - 12)
            struct.pack_into(">h", batch, 21, self._ZSTD)
            struct.pack_into(">I", batch, 17, calc_crc32c(bytes(batch[21:])))
        return batch


async def send(producer: AIOKafkaProducer, topic: str, record: Record, *, partition: int) -> int:
    """Send a record as it is, and return its offset."""
    batch = producer.create_batch()
    batch._builder = _Builder(2, 0, 0, -1, -1, 0, 5_000_000)
    batch._builder.zstd = record.zstd
    padding = (("padding", b"x" * 300),) if record.zstd else ()
    batch.append(timestamp=None, key=record.key, value=record.value, headers=[*record.headers, *padding])
    batch.close()
    sent = await producer.send_batch(batch, topic, partition=partition)
    return int((await sent).offset)
