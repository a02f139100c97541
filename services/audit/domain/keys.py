"""Which keys sign a log, and since when: a new key is announced once, and the one before it signs beside it for a time.

A verifier that knows only the old key, and one that knows only the new one, both accept what is signed meanwhile: a note may
carry several signatures, and those of unknown keys are ignored (C2SP signed-note § Signatures, tlog-checkpoint § Signatures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.audit.domain.note import Verifier
from services.audit.errors import RetiredKeyError
from shared.contracts.audit import KeyAnnounced


@dataclass(frozen=True, slots=True)
class Announcement:
    """That a key signs a log from a moment on, and until when the key before it does; kept for ever, in this order."""

    vkey: str
    since: datetime
    previous_until: datetime | None = None
    """None for a log's first key."""


@dataclass(frozen=True, slots=True)
class KeyPeriod:
    """A key of a log, and when it signs."""

    vkey: str
    since: datetime
    until: datetime | None
    """None for the newest."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who signs now."""

    active: tuple[str, ...]
    """The vkeys that sign, the newest first."""
    announce: Announcement | None = None
    """What is to be announced before the newest of them signs."""


def periods(history: Sequence[Announcement]) -> list[KeyPeriod]:
    """Return every key that a log ever had, the oldest first."""
    ends = [announcement.previous_until for announcement in history[1:]]
    return [
        KeyPeriod(key.vkey, key.since, until) for key, until in zip(history, [*ends, None][: len(history)], strict=True)
    ]


def announce_key(origin: str, key: Announcement, previous: str) -> KeyAnnounced:
    """Return the event that tells of a key that follows the key `previous` in the log called `origin`."""
    return KeyAnnounced(
        log=origin,
        vkey=key.vkey,
        valid_from=key.since,
        previous=previous,
        previous_valid_to=key.previous_until or key.since,
    )


def take_turn(history: Sequence[Announcement], held: Sequence[Verifier], now: datetime, overlap: timedelta) -> Turn:
    """Return which of the keys `held` sign a log at `now`.

    A key that is held first and not known to the log is announced; the one before it goes on for `overlap`, or, where it is
    held no more, ends at once. A key whose time is over never signs again, also when a clock is wrong or an old file returns.

    Args:
        history: what was announced for the log, the oldest first.
        held: the keys that can be used, under the log's name, the newest first; not empty.
        now: the moment of the signature.
        overlap: how long two keys sign together.

    Raises:
        RetiredKeyError: none of the keys may sign this log any more.
    """
    announce = None
    known = [announcement.vkey for announcement in history]
    can = [key.vkey for key in held]
    if can[0] not in known:
        latest = history[-1] if history else None
        since = now if latest is None else max(now, latest.since)
        until = None if latest is None else since + overlap if latest.vkey in can else since
        announce = Announcement(can[0], since, until)
    every = periods([*history, *([announce] if announce is not None else [])])
    active = {key.vkey for key in every if key.until is None or now < key.until}
    signing = tuple(vkey for vkey in can if vkey in active)
    if not signing:
        raise RetiredKeyError
    return Turn(signing, announce)
