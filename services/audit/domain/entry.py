"""What becomes of one record of the bus: which log it belongs to, its leaf, and the fields it can be found by."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, NewType

from pydantic_core import from_json, to_json

from services.audit.domain import forms
from services.audit.domain.tiles import MAX_ENTRY
from services.audit.domain.written import (
    ACCESS,
    DIGITS,
    END,
    HEAD,
    LANE,
    LANE_BEGIN,
    LANE_END,
    LANE_LONGEST,
    NUMBER,
    TAIL,
)
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

    A tuple: one is made for every record there is, and a frozen dataclass takes several times as long to make. Where that
    counts, `make_entry` makes one of all its fields in a third of the time.
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


def make_entry(fields: tuple[object, ...]) -> Entry:
    """Return the entry of these fields, which are all that it has, in their order."""
    return tuple.__new__(Entry, fields)


def index_record(received: Received) -> Entry:
    """Return the entry for one record: never fails, whatever the bytes are.

    The leaf is exactly the bytes received. Only where they are more than the 65,535 that tlog-tiles can serve, it is a
    statement of their size and SHA-256, and the bytes are kept beside the log.
    """
    value = received.value if received.value is not None else b""
    if len(value) > MAX_ENTRY:
        leaf = oversize_leaf(value)
        return Entry(UNPARSABLE, leaf, leaf_hash(leaf), received, UNPARSABLE_KIND, oversize=value)
    written = read_written(value, received)
    if written is not None:
        return written
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


def read_written(value: bytes, received: Received) -> Entry | None:
    """Return what the general way (`shared.envelope.read`) makes of the record; None for one that only that can read."""
    text = value.decode("latin-1")
    head = HEAD.match(text)
    if head is None or value[-TAIL:-DIGITS] != NUMBER or value[-len(END) :] != END:
        return None
    number = value[-DIGITS : -len(END)]
    begin, end, lane = head.end(), len(value) - TAIL, None
    if text[end - 1] == LANE_END:
        at = text.rfind(LANE_BEGIN, max(begin, end - LANE_LONGEST), end)
        if at != -1 and (laned := LANE.fullmatch(text, at, end)) is not None:
            end, lane = at, laned[1]
    event_id, source, event_type, subject, time, recorded, key, sequence, municipality, authid = head.groups()
    try:
        happened = datetime.fromisoformat(time)
        if recorded != time:
            datetime.fromisoformat(recorded)
    except ValueError:
        return None  # no day of the calendar
    if not number.isdigit() or event_type in _SEALS:
        return None
    kind = EVENT
    case = actor = organisation = unit = basis = consent = meeting = permitted = None
    said = ACCESS.fullmatch(text, begin, end) if event_type == AccessRecorded.TYPE else None
    if said is not None:
        kind, actor, unit, organisation, case, basis, consent, meeting, permits = said.groups()
        permitted = permits == "true"
    else:
        try:
            # In a list it lies as deep as in the record: what is nested too deeply there is so here.
            (data,) = from_json(b"[" + value[begin:end] + b"]", allow_inf_nan=False)
        except ValueError:
            return None  # no JSON, or not one value
        if isinstance(data, dict) and not _FOUND_BY.isdisjoint(data):
            case, actor, organisation, unit, basis, consent, meeting, permitted = _about(data)
        if event_type == AccessRecorded.TYPE:
            kind = _kind(event_type, data)
    return make_entry(
        (
            LogName(municipality),
            value,
            leaf_hash(value),
            received,
            kind,
            event_type,
            source,
            event_id,
            _number(number),
            subject,
            None if sequence is None else _number(sequence),
            happened,
            case or _naming("cas_", _CASE, subject) or _naming("cas_", _CASE, key),
            actor or authid,
            organisation,
            unit,
            basis,
            consent,
            meeting or _naming("mtg_", _MEETING, subject),
            permitted,
            None,  # no seal is read this way
            None if lane is None else _lane(lane),
            None,
        )
    )


def _index_event(value: bytes, received: Received, envelope: Envelope, said: object) -> Entry:
    subject = envelope.subject
    about = _about(said if isinstance(said, dict) else {})
    return Entry(
        LogName(envelope.municipality),
        value,
        leaf_hash(value),
        received,
        _kind(envelope.type, said),
        envelope.type,
        envelope.source,
        str(envelope.id),
        _number(envelope.sourcesequence),
        _matching(_SUBJECT, subject),
        _number(envelope.sequence),
        _utc(envelope.time),
        about.case or _matching(_CASE, subject) or _matching(_CASE, envelope.partitionkey),
        about.actor or _matching(_ACTOR, envelope.authid),
        about.organisation,
        about.unit,
        about.basis,
        about.consent,
        about.meeting or _matching(_MEETING, subject),
        about.permitted,
        _seal(said) if envelope.type in _SEALS and is_own(envelope.type, envelope.source) else None,
        _lane(envelope.lane),
    )


class _About(NamedTuple):
    """What an event's data says that an entry is found by."""

    case: str | None
    actor: str | None
    organisation: str | None
    unit: str | None
    basis: str | None
    consent: str | None
    meeting: str | None
    permitted: bool | None


_FOUND_BY: Final = frozenset({"case", "actor", "basis", "consent", "meeting", "permitted"})
"""The members of the data that `_about` looks at."""


def _about(data: Mapping[str, object]) -> _About:
    actor, basis, permitted = data.get("actor"), data.get("basis"), data.get("permitted")
    party: Mapping[str, object] = actor if isinstance(actor, dict) else {}
    return _About(
        case=_matching(_CASE, data.get("case")),
        actor=_matching(_ACTOR, party.get("id")),
        organisation=_matching(_ORGANISATION, party.get("organisation")),
        unit=_matching(_UNIT, party.get("unit")),
        basis=_matching(_CODE, basis.get("code")) if isinstance(basis, dict) else None,
        consent=_matching(_CONSENT, data.get("consent")),
        meeting=_matching(_MEETING, data.get("meeting")),
        permitted=permitted if isinstance(permitted, bool) else None,
    )


def _naming(prefix: str, form: re.Pattern[str], value: str) -> str | None:
    """Return what `_matching` does of a form that begins with `prefix`, faster."""
    return value if value.startswith(prefix) and form.fullmatch(value) else None


def _number(said: str | bytes | None) -> int | None:
    """Return what a text of digits counts; None where it counts nothing, or more than anybody publishes."""
    number = int(said) if said is not None else 0
    return number if 0 < number <= MAX_NUMBER else None


def _lane(said: str | None) -> tuple[str, int] | None:
    """Return the lane and the count in it; None where nothing says it, or it counts more than anybody writes."""
    if said is None:
        return None
    name, count = split(said)
    return (name, count) if count <= MAX_NUMBER else None


def _kind(event_type: str, said: object) -> str:
    if event_type == AccessRecorded.TYPE:
        return (_matching(_CODE, said.get("kind")) if isinstance(said, dict) else None) or EVENT
    return SEAL if event_type in _SEALS else EVENT


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


def _matching(form: re.Pattern[str], value: object) -> str | None:
    """Return the value if it is a text of this form. What is not, is not indexed; the leaf holds it all the same."""
    return value if isinstance(value, str) and form.fullmatch(value) else None
