"""Lanes: how a record is missed that was taken out of the outbox before the relay had numbered it.

A lane is what one database session writes into one log. Its records carry the lane's random name and are counted, 1, 2, 3, ..
(`lane` in the envelope), in the statement that writes them. Nothing that is rolled back, refused, retried or killed may leave a
hole, so it is counted in two ways, each lane in one of them:

- A statement that is a transaction of its own is counted here: one at a time in each session, and its outcome is its answer. When
  it gives none, or an error, the lane is left, and the session begins another.
- Within a transaction only the session knows what becomes of it. There it is counted in a setting of the session, which
  PostgreSQL takes back with the transaction, or with the savepoint, that set it.

A record taken out of the midst of a lane leaves a hole; that the end was cut off shows because the process knows how far it has
written, and its seals say so (`JournalSealed.lanes`). See docs/decisions/0006-lanes.md.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import asyncpg

from shared.contracts.journal import LANE_LENGTH, LANES_AT_ONCE, LaneEnd
from shared.refs import ALPHABET, LogScope

if TYPE_CHECKING:
    from shared.db import Connection

    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection

REMEMBERED: Final = 20_000
"""How many lanes' ends a process keeps that it has told nobody yet. More only come together where it can publish nothing."""


@dataclass(slots=True)
class Lane:
    """A lane that is counted here."""

    session: Session
    scope: LogScope
    anonymous: bool
    name: str
    last: int = 0

    def mark(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Return the events with what comes next in this lane written in."""
        name = self.name.encode()
        return [b'%b,"lane":"%b/%d"}' % (body[:-1], name, nth) for nth, body in enumerate(bodies, start=self.last + 1)]


class Session(_Connection):
    """A database session, which has its lanes with it: they end with it, and are found without a search."""

    __slots__ = ("counted", "unsettled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without a lane, with what asyncpg gives its own class."""
        super().__init__(*args, **kwargs)
        self.counted: dict[tuple[Lanes, LogScope, bool], Lane] = {}
        """Those counted here that nothing is being written in."""
        self.unsettled: dict[str, tuple[Lanes, LogScope]] = {}
        """What was written within a transaction of the caller's: under which settings, for whom. How it ended is not known."""


class Lanes:
    """The lanes of one journal in this process, and how far they go as far as no seal has said it."""

    def __init__(self) -> None:
        """Know of none."""
        self._ends: dict[tuple[LogScope, str], int] = {}
        self._calling: set[tuple[LogScope, str]] = set()

    def take(self, session: Session, scope: LogScope, *, anonymous: bool) -> Lane:
        """Take the session's lane for a statement outside any transaction, or for the whole of one. Not given back, it ends.

        What is written of anonymous discussions is counted apart: one count over it and over what else the same session wrote
        would lead from one to the other (invariant 3).
        """
        lane = session.counted.pop((self, scope, anonymous), None)
        return Lane(session, scope, anonymous, _new_name()) if lane is None else lane

    def give_back(self, lane: Lane, count: int) -> None:
        """Give the lane back after a statement that was answered: so many more of its records are in the database."""
        if count:
            lane.last += count
            self._reached(lane.scope, lane.name, lane.last, calls=True)
        lane.session.counted[self, lane.scope, lane.anonymous] = lane

    def written(self, session: Session, scope: LogScope, setting: str) -> None:
        """Take note that the transaction under way has written in the lane under `setting`: how far, is asked afterwards."""
        session.unsettled[setting] = self, scope

    def committed(self, scope: LogScope, lane: str, *, calls: bool = True) -> None:
        """Take note that all up to `lane` (as it stands in the envelope) is in the database.

        With `calls` false it is told along with others only: a seal's own end would else call for the next seal, for ever.
        """
        name, last = split(lane)
        self._reached(scope, name, last, calls=calls)

    def untold(self) -> set[LogScope]:
        """Return the logs with lanes of which no seal has said how far they go."""
        return {scope for scope, _ in self._calling}

    def ends(self, scope: LogScope) -> tuple[LaneEnd, ...]:
        """Return how far the lanes of one log go, for a seal: the oldest that were not told, as many as a seal takes."""
        ends = [LaneEnd(lane=name, last=last) for (of, name), last in self._ends.items() if of == scope]
        return tuple(ends[:LANES_AT_ONCE])

    def told(self, scope: LogScope, ends: Iterable[LaneEnd]) -> None:
        """Take note that a seal which says so is in the database."""
        self._forget([(scope, end.lane) for end in ends if self._ends.get((scope, end.lane)) == end.last])

    def _reached(self, scope: LogScope, name: str, last: int, *, calls: bool) -> None:
        if last == 0:
            return
        key = scope, name
        self._ends[key] = last
        if calls:
            self._calling.add(key)
        if len(self._ends) > REMEMBERED:
            self._forget([next(iter(self._ends))])

    def _forget(self, keys: Iterable[tuple[LogScope, str]]) -> None:
        for key in keys:
            del self._ends[key]
            self._calling.discard(key)


async def settle(conn: Connection) -> None:
    """Find out how far a session came that is given back, outside any transaction: what it says now is what was committed."""
    session = session_of(conn)
    written, session.unsettled = session.unsettled, {}
    if not written or session.is_closed():
        return
    # What is not known is not told; whoever has used the session has got the answer, and must not lose it to this question.
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        for setting, lane in await session.fetch(_HOW_FAR, list(written)):
            lanes, scope = written[setting]
            if lane:
                lanes.committed(scope, lane)


def setting_of(scope: LogScope, *, anonymous: bool = False) -> str:
    """Return the name of the session's setting that counts what its transactions write into that log."""
    return f"lagspill_{'anonymous' if anonymous else 'lane'}.{_SCOPED}{scope}"


def split(lane: str) -> tuple[str, int]:
    """Return the name of the lane, and the count in it."""
    name, _, count = lane.partition("/")
    return name, int(count)


def advanced(setting: str, count: str) -> str:
    """Return the SQL that counts `count` more in the lane under `setting` (both SQL too), and is the count reached: `name/17`."""
    held = f"current_setting({setting}, true)"
    return (
        f"set_config({setting},"
        f" coalesce(nullif(split_part({held}, '/', 1), ''),"
        f" right(translate(replace(gen_random_uuid()::text, '-', ''), '0123456789abcdef', 'bcdfghjklmnpqrst'),"
        f" {LANE_LENGTH}))"
        f" || '/' || (coalesce(nullif(split_part({held}, '/', 2), ''), '0')::bigint + {count}), false)"
    )


def marked(body: str, lane: str, back: str = "0") -> str:
    """Return the SQL that writes `lane` into the event `body` (both SQL too): the count that is `back` before the one reached."""
    nth = f"split_part({lane}, '/', 1) || '/' || (split_part({lane}, '/', 2)::bigint - ({back}))"
    return f"substring({body} FROM 1 FOR octet_length({body}) - 1) || convert_to(',\"lane\":\"' || {nth} || '\"}}', 'UTF8')"


_SCOPED: Final = "s"
"""A setting's name begins with a letter, and a municipality's number does not."""
_HOW_FAR: Final = "SELECT setting, current_setting(setting, true) FROM unnest($1::text[]) AS setting"


def _new_name() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LANE_LENGTH))


def session_of(conn: Connection) -> Session:
    """Return the session behind what a pool gives out (`shared.db` opens no other kind)."""
    return cast("Session", getattr(conn, "_con", conn))
