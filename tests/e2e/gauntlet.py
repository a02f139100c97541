"""A service under bad requests: each must be refused clearly, change nothing, and leave nothing of what was sent anywhere."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from shared import db
from shared.contracts.access import AccessRecorded
from shared.observability import configure_logging
from tests.e2e.bad_requests import (
    CANARY,
    JSON,
    NOBODY,
    Bad,
    Headers,
    Operation,
    Request,
    bad_addresses,
    bad_bodies,
    bad_conditions,
    bad_fields,
    bad_tokens,
)

REFERENCE: Final = re.compile(r"(?!act_)[a-z]{3}_[bcdfghjklmnpqrstvwxz]{26}")


# --- sending --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """An answer, byte by byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


class Wire:
    """A connection that carries requests exactly as they are written, as no client library does."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> Answer:
        """Return what is answered to `request`."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        headers: Headers = (("host", b"service"), *request.headers)
        body = request.content
        if request.chunked:
            headers += (("transfer-encoding", b"chunked"),)
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in _pieces(body)) + b"0\r\n\r\n"
        elif body or request.method != "GET":
            headers += (("content-length", str(len(body)).encode()),)
        head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
        writer.write(
            request.method.encode() + b" " + request.target.encode() + b" HTTP/1.1\r\n" + head + b"\r\n" + body
        )
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        said = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        answer = Answer(int(first.split(" ")[1]), said, await reader.readexactly(int(said.get("content-length", "0"))))
        if said.get("connection") == "close":
            await self.close()
        return answer

    async def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + 4096] for start in range(0, len(body), 4096))


# --- what is stored, what is logged ---------------------------------------------------------------------------------------

_DIGEST: Final = """
SELECT '{0}' AS name, md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) AS digest FROM "{0}" AS t
"""


@dataclass(frozen=True)
class Stored:
    """What a service's database holds."""

    digests: Mapping[str, str]
    """Of each table, the outbox apart."""
    published: Sequence[bytes]
    """What is in the outbox; nothing empties it here."""


async def stored(pool: db.Pool) -> Stored:
    """Look at every table."""
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'outbox'")
    rows = await pool.fetch(" UNION ALL ".join(_DIGEST.format(row["tablename"]) for row in tables))
    outbox = await pool.fetch("SELECT body FROM outbox ORDER BY id")
    return Stored({row["name"]: row["digest"] for row in rows}, [bytes(row["body"]) for row in outbox])


def denials(before: Stored, after: Stored) -> int:
    """Return how many denials were recorded in between; anything else that changed is a failure.

    Apart from that somebody searched: that is recorded each time, whatever comes of it.
    """
    assert after.digests == before.digests, "changed: " + ", ".join(
        name for name in after.digests if after.digests[name] != before.digests.get(name)
    )
    assert after.published[: len(before.published)] == before.published
    denied = 0
    for body in after.published[len(before.published) :]:
        event = json.loads(body)
        assert event["type"] == AccessRecorded.TYPE
        assert (event["data"]["kind"], event["data"]["permitted"]) in {("deny", False), ("search", True)}
        assert CANARY.encode() not in body
        denied += not event["data"]["permitted"]
    return denied


@contextmanager
def log_lines(service: str) -> Iterator[io.StringIO]:
    """Log as the service's process does, into what is given."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(service, "DEBUG", stream)
    try:
        yield stream
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


# --- the gauntlet ---------------------------------------------------------------------------------------------------------


@dataclass(repr=False)
class Gauntlet:
    """Plays a service's commands, and before each of them everything that is like it and must be refused.

    So each bad request comes when the good one would be done: nothing but what is wrong with it keeps it from being done.
    """

    wire: Wire
    pool: db.Pool
    log: io.StringIO
    operations: Sequence[Operation]
    token: Callable[[str], str]
    """Of somebody by name."""
    tokens: Mapping[str, tuple[str, str]]
    """Tokens that nobody may use, with the code of the refusal."""
    stranger: str
    """Somebody who works elsewhere."""
    denied: int
    """How many denials are recorded when that one tries."""
    played: set[tuple[str, str]] = field(default_factory=set)
    _keys: int = 0

    async def does(
        self,
        who: str,
        path: str,
        body: Any = None,
        *,
        method: str = "post",
        version: Callable[[], Awaitable[str]] | None = None,
        others_may: bool = False,
        of_a_case: bool = True,
    ) -> Any:
        """Let somebody do something that must work, and return the answer; the first time of each operation, badly too.

        Args:
            who: in the service's world.
            path: with its references.
            body: what is sent; None where the operation takes nothing.
            method: of the operation.
            version: gives the ETag that must be named.
            others_may: whether the stranger may do the same.
            of_a_case: whether the stranger's try is about a case, and so recorded in its log.
        """
        operation, known = self.find(method, path)
        operation = replace(operation, example=body)
        good = operation.request(self.token(who), self._key(), known)
        if version is not None:
            good = good.having("if-match", await version())
        first = (method, operation.path) not in self.played
        if first:
            self.played.add((method, operation.path))
            await self.bad_by_themselves(operation, good)
            denied = self.denied if of_a_case else 0
            await self.bad_now(operation, good, known, denied=None if others_may else denied)
        answer = await self.wire.send(good)
        assert answer.status in {200, 201}, f"{method} {path}: {answer.status} {answer.body!r}"
        if first:
            await self.repeated(operation, good, answer)
        return answer.json

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation that a path is of, and the references in it."""
        for operation in self.operations:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
            if operation.method == method and (match := re.fullmatch(pattern, path)):
                return operation, match.groupdict()
        raise AssertionError(f"the interface has no {method} {path}")

    async def bad_by_themselves(self, operation: Operation, good: Request) -> None:
        """Send what is wrong whatever there is."""
        wrong = [bad_addresses(operation, good)]
        if operation.protected:
            wrong.append(bad_tokens(good, self.tokens))
        if operation.writes:
            wrong += [bad_conditions(operation, good), bad_bodies(operation, good), bad_fields(operation, good)]
        for requests in wrong:
            assert await self.all_refused(requests) == 0

    async def bad_now(
        self, operation: Operation, good: Request, known: Mapping[str, str], *, denied: int | None
    ) -> None:
        """Send what is wrong because of what there is: of another version, about nothing, by somebody else.

        `denied` is how many denials the stranger's try leaves; None: the stranger may do the same.
        """
        stale = good.having("if-match", '"v999999"')
        assert await self.all_refused([Bad.of("a version that is not there", stale, (412, "version-stale"))]) == 0
        for name, reference in known.items():
            unknown = replace(good, target=good.target.replace(reference, f"{reference[:3]}_{NOBODY}"))
            assert await self.all_refused([Bad.of(f"an unknown {name}", unknown, (404, ""))]) == 0
        for reference in set(REFERENCE.findall(good.content.decode())):
            unknown = replace(
                good, content=good.content.replace(reference.encode(), f"{reference[:3]}_{NOBODY}".encode())
            )
            await self.all_refused([Bad.of(f"an unknown {reference[:3]}", unknown, (404, ""), (409, ""), (422, ""))])
        if denied is not None:
            by_another = good.having("authorization", f"Bearer {self.token(self.stranger)}")
            assert await self.all_refused([Bad.of("by a stranger", by_another, (403, ""), (404, ""))]) == denied

    async def repeated(self, operation: Operation, good: Request, first: Answer) -> None:
        """Send what was done again: with the same words the same answer, with other words none; nothing happens either way."""
        before = await stored(self.pool)
        again = await self.wire.send(good)
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers.get("etag") == first.headers.get("etag")
        assert again.headers["idempotency-replayed"] == "true"
        assert denials(before, await stored(self.pool)) == 0
        reused = (422, "idempotency-key-reused")
        spaced = replace(good, content=good.content + b" " if good.content else b"{}").having(*JSON)
        await self.all_refused([Bad.of("a key that was used", spaced, reused)])

    async def over(self, who: str, path: str, body: Any = None, *, method: str = "post", code: str = "") -> None:
        """Let somebody do what can be done no more."""
        operation, known = self.find(method, path)
        good = replace(operation, example=body).request(self.token(who), self._key(), known).without("if-match")
        await self.all_refused([Bad.of("too late", good, (403, code), (404, code), (409, code), (428, code))])

    async def all_refused(self, requests: Iterable[Bad]) -> int:
        """Send bad requests; return how many denials were recorded."""
        before = await stored(self.pool)
        for bad in requests:
            answer = await self.wire.send(bad.request)
            shown = f"{bad.request.method} {bad.request.target[:200]}: {bad.what[:200]}: {answer.status} {answer.body[:500]!r}"
            assert answer.headers["content-type"] == "application/problem+json", shown
            problem = answer.json
            assert {(answer.status, problem["code"]), (answer.status, "")} & bad.refusals, shown
            assert problem["status"] == answer.status, shown
            assert problem["type"] == f"https://lagspill.no/problems/{problem['code']}", shown
            assert problem["title"], shown
            assert problem["detail"], shown
            assert CANARY not in str(answer.headers) + answer.body.decode(), shown
        assert CANARY not in self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        return denials(before, await stored(self.pool))

    def _key(self) -> str:
        self._keys += 1
        return f"played-{self._keys}"  # the world itself has keys of its own
