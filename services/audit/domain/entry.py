"""What becomes of one record of the bus: which log it belongs to, its leaf, and the fields it can be found by."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, NewType

from pydantic_core import to_json

from services.audit.domain import forms
from services.audit.domain.tiles import MAX_ENTRY
from services.audit.domain.written import Basis, Party, Said, Written, read_written
from shared.contracts import journal
from shared.contracts.access import AccessRecorded
from shared.envelope import Envelope, MalformedEnvelopeError, read
from shared.lanes import split
from shared.merkle import HASH_SIZE, leaf_hash
from shared.refs import ALPHABET, LENGTH

LogName = NewType("LogName", str)
"""A municipality number, the opaque name of an address-protected log, or `unparsable`."""
LOG_NAME: Final = re.compile(rf"^([0-9]{{4}}|prt_[{ALPHABET}]{{{LENGTH}}}|unparsable)$")
UNPARSABLE: Final = LogName("unparsable")
"""The log of what has no municipality because it is no event: bad input must not make the log incomplete."""

EVENT: Final = "event"
SEAL: Final = "seal"
UNPARSABLE_KIND: Final = "unparsable"
"""Kinds of entries that are no access records; those have the kind that they name (read, search, deny, ..)."""

MAX_NUMBER: Final = 2**62
"""A number beyond this is nobody's: it is not counted. (The database's own limit is 2**63.)"""
_SEALS: Final = frozenset(event.TYPE for event in journal.EVENTS)
_OURS: Final = "no.lagspill."
_CASE, _CONSENT, _MEETING, _ACTOR, _SUBJECT, _ORGANISATION, _UNIT, _CODE = map(
    re.compile,
    (
        forms.CASE,
        forms.CONSENT,
        forms.MEETING,
        forms.ACTOR,
        forms.SUBJECT,
        forms.ORGANISATION,
        forms.UNIT,
        forms.CODE,
    ),
)


class Received(NamedTuple):
    """One record as the broker gave it. `value` is None for a record without one."""

    topic: str
    partition: int
    offset: int
    value: bytes | None


class Seal(NamedTuple):
    """A service's word on its own journal: the root over its records 1 to `last_number` (RFC 6962 over the exact bytes)."""

    last_number: int
    root: bytes
    lanes: tuple[tuple[str, int], ...] = ()
    """How far it says that lanes of its go (`shared.lanes`)."""


class Entry(NamedTuple):
    """A leaf to be, and what it is indexed by. Everything but the leaf is derived from the leaf.

    A tuple: one is made for every record there is, and a frozen dataclass takes several times as long to make.
    """

    log: LogName
    leaf: bytes
    hash: bytes
    received: Received
    kind: str
    type: str | None = None
    source: str | None = None
    event_id: str | None = None
    """A UUID, as text in its one form."""
    number: int | None = None
    subject: str | None = None
    sequence: int | None = None
    """The how manieth event of its subject; None where the subject has no history of its own."""
    happened: datetime | None = None
    case: str | None = None
    actor: str | None = None
    organisation: str | None = None
    unit: str | None = None
    basis: str | None = None
    consent: str | None = None
    meeting: str | None = None
    permitted: bool | None = None
    seal: Seal | None = None
    lane: tuple[str, int] | None = None
    """Its database session's lane, and its count in it; None for what older services wrote."""
    oversize: bytes | None = None
    """The record itself, where it is longer than an entry may be; the leaf then states its size and hash."""


def index_record(received: Received) -> Entry:
    """Return the entry for one record: never fails, whatever the bytes are.

    The leaf is exactly the bytes received. Only where they are more than the 65,535 that tlog-tiles can serve, it is a
    statement of their size and SHA-256, and the bytes are kept beside the log.
    """
    value = received.value if received.value is not None else b""
    if len(value) > MAX_ENTRY:
        leaf = oversize_leaf(value)
        return Entry(UNPARSABLE, leaf, leaf_hash(leaf), received, UNPARSABLE_KIND, oversize=value)
    written = read_written(value)
    if written is not None and written.type not in _SEALS:
        return _index_written(value, received, written)
    try:
        envelope, data = read(value)
    except MalformedEnvelopeError:
        return Entry(UNPARSABLE, value, leaf_hash(value), received, UNPARSABLE_KIND)
    return _index_event(value, received, envelope, data)


@lru_cache(maxsize=1024)
def is_own(event_type: str, source: str) -> bool:
    """Return whether events of this type are this source's to publish.

    `no.lagspill.<service>.…` is the word of `/services/<service>` alone; access records, and types with other beginnings, are
    anybody's.
    """
    if event_type == AccessRecorded.TYPE or not event_type.startswith(_OURS):
        return True
    return source == f"/services/{event_type.split('.')[2]}"


def oversize_leaf(value: bytes) -> bytes:
    """Return the leaf that stands for bytes too long to be one."""
    digest = base64.b64encode(sha256(value).digest()).decode()
    return f"lagspill.no/oversize@v1\nsize {len(value)}\nsha256 {digest}\n".encode()


def _index_written(value: bytes, received: Received, written: Written) -> Entry:
    """Return what `_index_event` returns."""
    said: Said | dict[str, None] = written.data or {}
    party: Party | dict[str, None] = said.get("actor") or {}
    basis: Basis | dict[str, None] = said.get("basis") or {}
    subject = written.subject
    return Entry(
        LogName(written.municipality),
        value,
        leaf_hash(value),
        received,
        (said.get("kind") or EVENT) if written.type == AccessRecorded.TYPE else EVENT,
        written.type,
        written.source,
        written.id,
        _number(written.sourcesequence),
        subject if _SUBJECT.fullmatch(subject) else None,
        _number(written.sequence),
        _utc(written.time),
        said.get("case") or _matching(_CASE, subject, written.partitionkey),
        party.get("id") or written.authid,
        party.get("organisation"),
        party.get("unit"),
        basis.get("code"),
        said.get("consent"),
        said.get("meeting") or _matching(_MEETING, subject),
        said.get("permitted"),
        lane=_lane(written.lane),
    )


def _index_event(value: bytes, received: Received, envelope: Envelope, said: object) -> Entry:
    data: Mapping[str, object] = said if isinstance(said, dict) else {}
    actor, basis, permitted = data.get("actor"), data.get("basis"), data.get("permitted")
    party: Mapping[str, object] = actor if isinstance(actor, dict) else {}
    return Entry(
        log=LogName(envelope.municipality),
        leaf=value,
        hash=leaf_hash(value),
        received=received,
        kind=_kind(envelope, data),
        type=envelope.type,
        source=envelope.source,
        event_id=str(envelope.id),
        number=_number(envelope.sourcesequence),
        subject=_matching(_SUBJECT, envelope.subject),
        sequence=_number(envelope.sequence),
        happened=_utc(envelope.time),
        case=_matching(_CASE, data.get("case"), envelope.subject, envelope.partitionkey),
        actor=_matching(_ACTOR, party.get("id"), envelope.authid),
        organisation=_matching(_ORGANISATION, party.get("organisation")),
        unit=_matching(_UNIT, party.get("unit")),
        basis=_matching(_CODE, basis.get("code")) if isinstance(basis, dict) else None,
        consent=_matching(_CONSENT, data.get("consent")),
        meeting=_matching(_MEETING, data.get("meeting"), envelope.subject),
        permitted=permitted if isinstance(permitted, bool) else None,
        seal=_seal(said) if envelope.type in _SEALS and is_own(envelope.type, envelope.source) else None,
        lane=_lane(envelope.lane),
    )


def _number(said: str | None) -> int | None:
    """Return what a text of digits counts; None where it counts nothing, or more than anybody publishes."""
    number = int(said) if said is not None else 0
    return number if 0 < number <= MAX_NUMBER else None


def _lane(said: str | None) -> tuple[str, int] | None:
    """Return the lane and the count in it; None where nothing says it, or it counts more than anybody writes."""
    if said is None:
        return None
    name, count = split(said)
    return (name, count) if count <= MAX_NUMBER else None


def _kind(envelope: Envelope, data: Mapping[str, object]) -> str:
    if envelope.type == AccessRecorded.TYPE:
        return _matching(_CODE, data.get("kind")) or EVENT
    return SEAL if envelope.type in _SEALS else EVENT


def _seal(data: object) -> Seal | None:
    """Return what a seal says; None where it is written so that it says nothing."""
    try:
        sealed = journal.JournalSealed.model_validate_json(to_json(data))
        root = base64.b64decode(sealed.root, validate=True)
    except ValueError:
        return None
    ends = tuple((end.lane, end.last) for end in sealed.lanes if end.last <= MAX_NUMBER)
    return Seal(sealed.last_number, root, ends) if len(root) == HASH_SIZE and sealed.last_number <= MAX_NUMBER else None


def _utc(moment: datetime) -> datetime | None:
    """Return the moment in UTC; None on the two days at the ends of the calendar that UTC does not have."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _matching(form: re.Pattern[str], *values: object) -> str | None:
    """Return the first value that is a text of this form. What is not, is not indexed; the leaf holds it all the same."""
    for value in values:
        if isinstance(value, str) and form.fullmatch(value):
            return value
    return None
