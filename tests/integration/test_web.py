"""HTTP as every service speaks it: every refusal is clear and changes nothing, and nothing that was sent is told again."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from shared import db
from shared.actor_names import ActorNames
from shared.clock import SimulatedClock, SystemClock
from shared.db import Pool
from shared.observability import Metrics, configure_logging
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated, through
from shared.testing.proxy import FaultProxy
from shared.testing.trust import TRUST
from shared.web import CurrentActor, RequestModel, UnguardedRouteError
from tests.tally import NO_MIGRATIONS
from tests.tally_app import PID_KEY, served, tally_app

pytestmark = pytest.mark.connected

CHILD = People(9).child()
JSON = {"content-type": "application/json"}


@dataclass(repr=False)
class World:
    """The sample service, and somebody who calls it."""

    client: httpx.AsyncClient
    pool: Pool
    issuer: LocalIssuer
    metrics: Metrics
    clock: SimulatedClock
    log: io.StringIO
    host: str = ""
    port: int = 0

    def headers(self, **more: str) -> dict[str, str]:
        """Return a signed-in caller's headers, with a new key."""
        return {
            "authorization": f"Bearer {self.issuer.token()}",
            "idempotency-key": str(uuid4()),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }

    async def stored(self) -> tuple[int, int, int]:
        """Return how many aggregates, outbox rows and answers there are."""
        row = await self.pool.fetchrow(
            "select (select count(*) from aggregates), (select count(*) from outbox), (select count(*) from idempotency_keys)"
        )
        assert row is not None
        return row[0], row[1], row[2]

    async def begin(self, amount: int = 1) -> httpx.Response:
        """Begin a tally."""
        response = await self.client.post("/tallies", json={"amount": amount}, headers=self.headers())
        assert response.status_code == 201
        return response


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("tally", "INFO", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest_asyncio.fixture
async def world(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, log: io.StringIO
) -> AsyncIterator[World]:
    pool = await db.create_pool(await migrated("tally", NO_MIGRATIONS), application_name="web-test")
    metrics = Metrics()
    async with httpx.AsyncClient(verify=TRUST) as http:
        app = tally_app(pool, issuer, http, clock, RandomIds(), metrics=metrics, development=True)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tally") as client:
            yield World(client, pool, issuer, metrics, clock, log)
    await pool.close()


@pytest_asyncio.fixture
async def listening(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, log: io.StringIO
) -> AsyncIterator[World]:
    pool = await db.create_pool(await migrated("tally", NO_MIGRATIONS), application_name="web-test")
    metrics = Metrics()
    async with httpx.AsyncClient(verify=TRUST) as http:
        app = tally_app(pool, issuer, http, clock, RandomIds(), metrics=metrics)
        async with (
            served(app) as (host, port),
            httpx.AsyncClient(verify=TRUST, base_url=f"http://{host}:{port}") as client,
        ):
            yield World(client, pool, issuer, metrics, clock, log, host, port)
    await pool.close()


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    """Return the problem document, after a check that it is a proper one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = response.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"https://lagspill.no/problems/{code}"
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == f"urn:uuid:{response.headers['x-correlation-id']}"
    return document


# -- bad input ---------------------------------------------------------------------------------------------------------

SECRET = CHILD.name
NUMBER = CHILD.national_number

BAD_BODIES = [
    pytest.param(b'{"amount": 1', 400, "json-malformed", id="cut off"),
    pytest.param(f"{SECRET}".encode(), 400, "json-malformed", id="no JSON"),
    pytest.param(b'{"amount": 1} {"amount": 2}', 400, "json-malformed", id="two values"),
    pytest.param(b'{"amount": 01}', 400, "json-malformed", id="octal"),
    pytest.param(b'{"amount": 1,}', 400, "json-malformed", id="comma at the end"),
    pytest.param(b"{'amount': 1}", 400, "json-malformed", id="single quotes"),
    pytest.param(b'{"amount": 1, "note": "a\nb"}', 400, "json-malformed", id="raw line break in a text"),
    pytest.param(b'\xef\xbb\xbf{"amount": 1}', 400, "json-malformed", id="byte order mark"),
    pytest.param(b'{"amount": ' + b"9" * 5000 + b"}", 400, "json-malformed", id="a number of 5000 digits"),
    pytest.param(b'{"amount": 1, "amount": 2}', 400, "json-duplicate-key", id="duplicate key"),
    pytest.param(b'{"amount": 1, "\\u0061mount": 2}', 400, "json-duplicate-key", id="duplicate key, escaped"),
    pytest.param(b'{"amount": NaN}', 400, "json-number-not-exact", id="NaN"),
    pytest.param(b'{"amount": -Infinity}', 400, "json-number-not-exact", id="Infinity"),
    pytest.param(b'{"amount": 1e999}', 400, "json-number-not-exact", id="too large a float"),
    pytest.param(b'{"amount": 9007199254740993}', 400, "json-number-not-exact", id="too large an integer"),
    pytest.param(b'{"amount": 1, "note": "a\\u0000b"}', 400, "json-text-not-storable", id="NUL"),
    pytest.param(b'{"amount": 1, "note": "\\ud800"}', 400, "json-text-not-storable", id="lone surrogate"),
    pytest.param(b'{"amount": 1, "\\udfff": 1}', 400, "json-text-not-storable", id="lone surrogate as a key"),
    pytest.param(b'{"amount": 1, "note": "\xed\xa0\x80"}', 400, "json-not-utf-8", id="surrogate in UTF-8"),
    pytest.param(b'{"amount": 1, "note": "\xff"}', 400, "json-not-utf-8", id="not UTF-8"),
    pytest.param('{"amount": 1}'.encode("utf-16"), 400, "json-not-utf-8", id="UTF-16"),
    pytest.param(b"[" * 40 + b"]" * 40, 400, "json-too-deep", id="40 levels"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, 400, "json-too-deep", id="100 000 levels"),
    pytest.param(b'{"amount": 1, "note": "' + b"x" * 300_000 + b'"}', 413, "body-too-large", id="300 kB"),
    pytest.param(b"", 422, "input-invalid", id="nothing"),
    pytest.param(b"null", 422, "input-invalid", id="null"),
    pytest.param(b"[]", 422, "input-invalid", id="an array"),
    pytest.param(b'"text"', 422, "input-invalid", id="a text"),
    pytest.param(b"{}", 422, "input-invalid", id="a missing field"),
    pytest.param(b'{"amount": "1"}', 422, "input-invalid", id="a number as a text"),
    pytest.param(b'{"amount": 1.5}', 422, "input-invalid", id="a fraction"),
    pytest.param(b'{"amount": true}', 422, "input-invalid", id="a boolean"),
    pytest.param(b'{"amount": null}', 422, "input-invalid", id="null for a number"),
    pytest.param(b'{"amount": 5000}', 422, "input-invalid", id="out of range"),
    pytest.param(f'{{"amount": "{SECRET}"}}'.encode(), 422, "input-invalid", id="a name for a number"),
    pytest.param(f'{{"amount": 1, "note": ["{SECRET}"]}}'.encode(), 422, "input-invalid", id="a list for a text"),
    pytest.param(f'{{"amount": 1, "note": "{SECRET * 20}"}}'.encode(), 422, "input-invalid", id="too long"),
    pytest.param(f'{{"amount": 1, "{SECRET}": 1}}'.encode(), 422, "input-invalid", id="an unknown field"),
    pytest.param(f'{{"amount": 1, "x": {{"{NUMBER}": 1}}}}'.encode(), 422, "input-invalid", id="an unknown object"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
async def test_a_bad_body_changes_nothing_and_is_not_told_again(
    world: World, body: bytes, status: int, code: str
) -> None:
    response = await world.client.post("/tallies", content=body, headers=world.headers(**JSON))
    problem(response, status, code)
    assert await world.stored() == (0, 0, 0)
    told = response.text + world.log.getvalue()
    assert world.log.getvalue().count("\n") == 1
    for secret in (SECRET, NUMBER, CHILD.family_name, body.decode("latin-1") if len(body) > 8 else "§"):
        assert secret not in told
        assert json.dumps(secret)[1:-1] not in told


async def test_each_mistake_is_shown_by_its_place(world: World) -> None:
    response = await world.client.post("/tallies", json={"amount": "x", "note": 7, "other": 1}, headers=world.headers())
    errors = problem(response, 422, "input-invalid")["errors"]
    assert isinstance(errors, list)
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("#/amount", "int-type"),
        ("#/note", "string-type"),
        ("#", "extra-forbidden"),
    ]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "text/plain"}, 415, "content-type-unsupported"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "content-type-unsupported"),
        ({"content-type": "application/json; charset=iso-8859-1"}, 415, "content-type-unsupported"),
        ({"content-type": "application/jsonp"}, 415, "content-type-unsupported"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415, "content-type-unsupported"),
        ({"content-type": ""}, 415, "content-type-unsupported"),
        ({"content-type": "Application/JSON; Charset=UTF-8"}, 201, None),
        ({"content-type": 'application/json;charset="utf-8"'}, 201, None),
    ],
)
async def test_the_content_type(world: World, headers: dict[str, str], status: int, code: str | None) -> None:
    response = await world.client.post("/tallies", content=b'{"amount": 1}', headers=world.headers() | headers)
    if code is None:
        assert response.status_code == status
    else:
        problem(response, status, code)
        assert response.headers["accept"] == "application/json"
        assert await world.stored() == (0, 0, 0)


async def raw(world: World, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are, and return the status and what else came until the connection was closed."""
    reader, writer = await asyncio.open_connection(world.host, world.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


def head(world: World, *lines: str) -> bytes:
    """Return the head of a request to begin a tally."""
    own = [f"{name}: {value}" for name, value in world.headers().items()]
    return "\r\n".join(["POST /tallies HTTP/1.1", "host: x", *own, *lines, "", ""]).encode()


async def test_a_declared_body_that_is_too_large_is_not_waited_for(listening: World) -> None:
    request = head(listening, "content-type: application/json", "content-length: 300000")
    status, answer = await raw(listening, request + b'{"amount"')
    assert status == 413
    assert b'"code":"body-too-large"' in answer
    assert b"connection: close" in answer.lower()


async def test_a_chunked_body_is_stopped_where_it_becomes_too_large(listening: World) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    request = head(listening, "content-type: application/json", "transfer-encoding: chunked") + chunk * 9
    status, answer = await raw(listening, request)
    assert status == 413
    assert b'"code":"body-too-large"' in answer
    assert await listening.stored() == (0, 0, 0)


async def test_a_chunked_body_of_good_size(listening: World) -> None:
    request = head(listening, "content-type: application/json", "transfer-encoding: chunked", "connection: close")
    status, _ = await raw(listening, request + b'7\r\n{"amoun\r\n6\r\nt": 3}\r\n0\r\n\r\n')
    assert status == 201


async def test_a_client_that_leaves_in_the_middle_changes_nothing(listening: World) -> None:
    _, writer = await asyncio.open_connection(listening.host, listening.port)
    writer.write(head(listening, "content-type: application/json", "content-length: 100") + b'{"amount": 1')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await listening.begin()).status_code == 201
    assert (await listening.stored())[0] == 1


@pytest.mark.parametrize("name", ["idempotency-key", "authorization", "content-type", "if-match"])
async def test_a_header_that_is_there_twice(listening: World, name: str) -> None:
    value = {"content-type": "application/json", "if-match": '"v1"'}.get(name) or listening.headers()[name]
    lines = [
        "content-length: 13",
        "content-type: application/json",
        f"{name}: {value}",
        f"{name}: {value}",
        "connection: close",
    ]
    status, answer = await raw(listening, head(listening, *lines) + b'{"amount": 1}')
    assert status == 400
    assert b'"code":"header-repeated"' in answer
    assert await listening.stored() == (0, 0, 0)


async def test_too_many_or_too_large_headers(world: World) -> None:
    many = {f"x-{number}": "1" for number in range(100)}
    problem(await world.client.get("/tallies", headers=world.headers(**many)), 431, "headers-too-large")
    problem(await world.client.get("/tallies", headers=world.headers(x="y" * 20_000)), 431, "headers-too-large")


@pytest.mark.parametrize("path", ["/tallies/%00", "/tallies?cursor=%00", "/tallies/%ff", "/tallies/a%0ab"])
async def test_addresses_that_hold_what_no_address_holds(listening: World, path: str) -> None:
    problem(await listening.client.get(path, headers=listening.headers()), 400, "address-malformed")


async def test_an_address_without_end(world: World) -> None:
    problem(await world.client.get("/tallies?cursor=" + "x" * 5000, headers=world.headers()), 414, "address-too-long")


# -- what is there and what is not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/tallies/",
        "/tallies/7",
        "/tallies/tal_bcdfghjklmnpqrstvwxzbcdfgh",
        "/docs",
        "/redoc",
        "/favicon.ico",
    ],
)
async def test_what_is_not_there(world: World, path: str) -> None:
    problem(await world.client.get(path, headers=world.headers()), 404, "not-found")


async def test_methods_that_are_not_there(world: World) -> None:
    response = await world.client.patch("/tallies", headers=world.headers())
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET, HEAD, POST"
    response = await world.client.request("BREW", "/tallies/tal_bcdfghjklmnpqrstvwxzbcdfgh", headers=world.headers())
    assert response.headers["allow"] == "GET, HEAD"
    assert b'method="OTHER"' in (await world.client.get("/metrics")).content


async def test_head_is_get_without_content(listening: World) -> None:
    begun = await listening.begin()
    got = await listening.client.get(begun.headers["location"], headers=listening.headers())
    asked = await listening.client.head(begun.headers["location"], headers=listening.headers())
    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["etag"] == got.headers["etag"] == '"v1"'
    assert asked.headers["content-length"] == got.headers["content-length"]


# -- who asks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer", "bearer "])
async def test_without_a_token(world: World, authorization: str | None) -> None:
    headers = {"idempotency-key": "k"} | ({} if authorization is None else {"authorization": authorization})
    response = await world.client.post("/tallies", json={"amount": 1}, headers=headers)
    problem(response, 401, "token-missing")
    assert response.headers["www-authenticate"] == 'Bearer realm="lagspill"'


async def test_with_a_bad_token(world: World) -> None:
    response = await world.client.get(
        "/tallies", headers={"authorization": f"Bearer {world.issuer.token({'aud': 'x'})}"}
    )
    problem(response, 401, "token-invalid")
    assert response.headers["www-authenticate"] == 'Bearer realm="lagspill", error="invalid_token"'
    expired = {"authorization": f"Bearer {world.issuer.token(age=900)}"}
    problem(await world.client.get("/tallies", headers=expired), 401, "token-expired")
    refusals = world.metrics.registry.get_sample_value("lagspill_refusals_total", {"code": "token-expired"})
    assert refusals == 1


async def test_while_the_issuer_is_down(world: World) -> None:
    world.issuer.fail()
    response = await world.client.get("/tallies", headers=world.headers())
    problem(response, 503, "issuer-unavailable")
    assert int(response.headers["retry-after"]) >= 1


# -- Idempotency-Key ---------------------------------------------------------------------------------------------------


async def test_the_same_request_again_is_told_the_same(world: World) -> None:
    headers = world.headers()
    first = await world.client.post("/tallies", json={"amount": 4}, headers=headers)
    again = await world.client.post("/tallies", json={"amount": 4}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    for name in ("etag", "location", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await world.stored() == (1, 1, 1)


async def test_the_answer_stays_the_first_one(world: World) -> None:
    begun = await world.begin(1)
    path = f"{begun.headers['location']}/additions"
    headers = world.headers()
    first = await world.client.post(path, json={"amount": 1}, headers=headers)
    await world.client.post(path, json={"amount": 10}, headers=world.headers())
    again = await world.client.post(path, json={"amount": 1}, headers=headers)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"] == '"v2"'


async def test_the_same_key_for_something_else(world: World) -> None:
    headers = world.headers()
    first = await world.client.post("/tallies", json={"amount": 4}, headers=headers)
    other = await world.client.post("/tallies", json={"amount": 5}, headers=headers)
    problem(other, 422, "idempotency-key-reused")
    elsewhere = await world.client.post(f"{first.headers['location']}/additions", json={"amount": 4}, headers=headers)
    problem(elsewhere, 422, "idempotency-key-reused")
    assert await world.stored() == (1, 1, 1)


async def test_what_was_asked_for_is_not_found_by_trying(world: World) -> None:
    """Whoever reads the table and knows all of a request but a number in it cannot try the numbers: it takes the key."""
    asked = b"POST\n/tallies\n\n"
    bodies = {amount: b'{"amount": %d}' % amount for amount in range(10)}
    headers = world.headers() | {"content-type": "application/json"}
    assert (await world.client.post("/tallies", content=bodies[4], headers=headers)).status_code == 201
    kept = await world.pool.fetchval("SELECT request_hash FROM idempotency_keys")
    assert kept not in {hashlib.sha256(asked + body).digest() for body in bodies.values()}
    names = ActorNames(PID_KEY.encode())
    assert [amount for amount, body in bodies.items() if kept == names.of_request(asked + body)] == [4]


async def test_a_key_belongs_to_its_actor(world: World) -> None:
    key = {"idempotency-key": "the-same"}
    for subject in ("one", "another"):
        token = world.issuer.token({"sub": subject})
        response = await world.client.post(
            "/tallies", json={"amount": 4}, headers=key | {"authorization": f"Bearer {token}"}
        )
        assert response.status_code == 201
        assert "idempotency-replayed" not in response.headers
    assert (await world.stored())[0] == 2


async def test_the_same_request_many_times_at_once_happens_once(world: World) -> None:
    headers = world.headers()
    answers = await asyncio.gather(
        *(world.client.post("/tallies", json={"amount": 4}, headers=headers) for _ in range(20))
    )
    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert await world.stored() == (1, 1, 1)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency-key-missing"),
        ("", "idempotency-key-malformed"),
        ('""', "idempotency-key-malformed"),
        ('"open', "idempotency-key-malformed"),
        ("with space", "idempotency-key-malformed"),
        ("x" * 256, "idempotency-key-malformed"),
        ("a,b", "idempotency-key-malformed"),
    ],
)
async def test_keys_that_are_none(world: World, key: str | None, code: str) -> None:
    headers = world.headers()
    del headers["idempotency-key"]
    if key is not None:
        headers["idempotency-key"] = key
    problem(await world.client.post("/tallies", json={"amount": 1}, headers=headers), 400, code)
    assert await world.stored() == (0, 0, 0)


async def test_a_quoted_key_is_the_key_without_quotes(world: World) -> None:
    for key in ('"8e03978e-40d5-43dd"', "8e03978e-40d5-43dd"):
        headers = world.headers(idempotency_key=key)
        assert (await world.client.post("/tallies", json={"amount": 1}, headers=headers)).status_code == 201
    assert await world.stored() == (1, 1, 1)


# -- versions ----------------------------------------------------------------------------------------------------------


async def test_a_change_of_the_version_that_was_seen(world: World) -> None:
    begun = await world.begin(5)
    path = f"{begun.headers['location']}/clearings"
    problem(await world.client.post(path, headers=world.headers()), 428, "if-match-missing")
    for malformed in ("v1", '"v1', "*", '"v1", "v2"', ""):
        response = await world.client.post(path, headers=world.headers(if_match=malformed))
        problem(response, 400, "if-match-malformed")
    for other in ('"v2"', '"v0"', '"v01"', 'W/"v1"', '"another"', '"v99999999999999999999"'):
        problem(await world.client.post(path, headers=world.headers(if_match=other)), 412, "version-stale")
    assert (await world.stored())[1] == 1
    cleared = await world.client.post(path, headers=world.headers(if_match=begun.headers["etag"]))
    assert (cleared.status_code, cleared.headers["etag"], cleared.json()["total"]) == (200, '"v2"', 0)
    problem(await world.client.post(path, headers=world.headers(if_match='"v1"')), 412, "version-stale")


async def test_the_version_may_be_named_where_it_need_not(world: World) -> None:
    begun = await world.begin(5)
    path = f"{begun.headers['location']}/additions"
    stale = world.headers(if_match='"v7"')
    problem(await world.client.post(path, json={"amount": 1}, headers=stale), 412, "version-stale")
    right = await world.client.post(path, json={"amount": 1}, headers=world.headers(if_match='"v1"'))
    assert right.status_code == 200


async def test_a_refusal_of_the_domain(world: World) -> None:
    response = await world.client.post("/tallies", json={"amount": -1}, headers=world.headers())
    assert problem(response, 409, "below-nothing")["title"] == "A tally cannot go below nothing."
    assert await world.stored() == (0, 0, 0)


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_walking_through_pages_meets_everything_once(world: World) -> None:
    begun = [(await world.begin(number)).json()["id"] for number in range(7)]
    met: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await world.client.get("/tallies", params=query, headers=world.headers())).json()
        met += [tally["id"] for tally in page["items"]]
        cursor, pages = page["next"], pages + 1
        if pages == 1:
            await world.begin(99)  # what is added meanwhile disturbs nothing
    assert pages == 3
    assert met == sorted(met)
    assert set(begun) <= set(met)
    assert len(met) == len(set(met))


async def test_a_cursor_that_was_not_given(world: World) -> None:
    for number in range(2):
        await world.begin(number)
    first = (await world.client.get("/tallies", params={"limit": 1}, headers=world.headers())).json()
    good: str = first["next"]
    for bad in (good[:-1], good + "A", good[1:], good.swapcase(), "", "x", "é", good + "="):
        response = await world.client.get("/tallies", params={"cursor": bad}, headers=world.headers())
        problem(response, 400, "cursor-invalid")


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1.5", ""])
async def test_limits_that_are_none(world: World, limit: str) -> None:
    response = await world.client.get("/tallies", params={"limit": limit}, headers=world.headers())
    errors = problem(response, 422, "input-invalid")["errors"]
    assert isinstance(errors, list)
    assert errors[0]["pointer"] == "query:limit"


async def test_parameters_that_are_none_or_twice(world: World) -> None:
    for query, places in (
        (f"limit=1&{SECRET}=1", ["query:*"]),
        ("Limit=1", ["query:*"]),
        ("limit=1&limit=2", ["query:limit"]),
    ):
        response = await world.client.get(f"/tallies?{query}", headers=world.headers())
        errors = problem(response, 422, "input-invalid")["errors"]
        assert isinstance(errors, list)
        assert [error["pointer"] for error in errors] == places


async def test_three_is_an_integer_however_it_is_written(world: World) -> None:
    response = await world.client.post("/tallies", content=b'{"amount": 3.0}', headers=world.headers(**JSON))
    assert response.json()["total"] == 3


# -- failures and headers ----------------------------------------------------------------------------------------------


async def test_a_failure_tells_nobody_what_it_was_about(listening: World) -> None:
    response = await listening.client.get(
        "/failure", params={"said": f"{SECRET} {NUMBER}"}, headers=listening.headers()
    )
    document = problem(response, 500, "internal-error")
    logged = [json.loads(line) for line in listening.log.getvalue().splitlines()]
    failure = next(line for line in logged if line["level"] == "error")
    assert failure["error"] == "builtins.RuntimeError"
    assert failure["route"] == "/failure"
    assert f"urn:uuid:{failure['correlation_id']}" == document["instance"]
    assert any("tally_app.py" in place and place.endswith(":fail") for place in failure["where"])
    told = response.text + listening.log.getvalue()
    for secret in (SECRET, NUMBER, CHILD.given_name, "content:"):
        assert secret not in told
        assert json.dumps(secret)[1:-1] not in told


class Losing(RandomIds):
    """Calls `before` once, when the next event is about to be stored."""

    before: Callable[[], object] | None = None

    def event_id(self) -> UUID:
        if self.before is not None:
            before, self.before = self.before, None
            before()
        return super().event_id()


async def test_a_database_that_breaks_off_is_503_and_the_key_settles_what_it_did(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, postgres_proxy: FaultProxy
) -> None:
    dsn = through(postgres_proxy, await migrated("tally", NO_MIGRATIONS))
    pool = await db.create_pool(dsn, application_name="web-test", min_size=1, max_size=1)
    ids = Losing()
    async with httpx.AsyncClient(verify=TRUST) as http:
        app = tally_app(pool, issuer, http, clock, ids)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tally") as client:
            world = World(client, pool, issuer, Metrics(), clock, io.StringIO())
            await world.begin()
            # Committed, and the answer is lost on its way: the service cannot know, and says so.
            headers = world.headers(x_correlation_id=str(uuid4()))
            ids.before = postgres_proxy.lose_next_answer
            lost = await client.post("/tallies", json={"amount": 2}, headers=headers)
            problem(lost, 503, "unavailable")
            assert lost.headers["retry-after"] == "1"
            repeated = await client.post("/tallies", json={"amount": 2}, headers=headers)
            assert (repeated.status_code, repeated.json()["total"]) == (201, 2)
            assert repeated.headers["idempotency-replayed"] == "true"
            assert await world.stored() == (2, 2, 2)
            # Not there at all: nothing has happened, and it is the same answer.
            await postgres_proxy.refuse()
            headers = world.headers()
            problem(await client.post("/tallies", json={"amount": 3}, headers=headers), 503, "unavailable")
            await postgres_proxy.resume()
            assert (await client.post("/tallies", json={"amount": 3}, headers=headers)).status_code == 201
            assert await world.stored() == (3, 3, 3)
    await pool.close()


async def test_the_callers_correlation_id_is_kept(world: World) -> None:
    mine = str(uuid4())
    response = await world.client.get("/tallies", headers=world.headers(x_correlation_id=mine))
    assert response.headers["x-correlation-id"] == mine
    begun = await world.client.post("/tallies", json={"amount": 1}, headers=world.headers(x_correlation_id=mine))
    body = await world.pool.fetchval("select body from outbox")
    assert begun.status_code == 201
    assert json.loads(body)["correlationid"] == mine
    for other in (SECRET.encode("ascii", "ignore").decode(), NUMBER, f"{NUMBER}-x", "1" * 36):
        response = await world.client.get("/tallies", headers=world.headers(x_correlation_id=other))
        assert UUID(response.headers["x-correlation-id"]).version == 7
        assert other not in world.log.getvalue()


async def test_every_answer_has_the_headers_that_protect_it(world: World) -> None:
    for response in (
        await world.begin(),
        await world.client.get("/tallies", headers=world.headers()),
        await world.client.get("/tallies"),
        await world.client.get("/nothing"),
        await world.client.get("/health/live"),
        await world.client.get("/failure", headers=world.headers()),
    ):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["content-security-policy"]
    page = await world.client.get("/page")
    assert page.headers["cache-control"] == "max-age=60"
    assert page.headers["content-security-policy"] == "x"
    assert page.headers["x-content-type-options"] == "nosniff"


# -- what every service answers ----------------------------------------------------------------------------------------


async def test_health(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, log: io.StringIO) -> None:
    reasons: list[str] = ["the database is not migrated"]

    async def ready() -> Sequence[str]:
        return reasons

    pool = await db.create_pool(await migrated("tally", NO_MIGRATIONS), application_name="web-test")
    async with httpx.AsyncClient(verify=TRUST) as http:
        transport = httpx.ASGITransport(tally_app(pool, issuer, http, clock, RandomIds(), ready=ready))
        async with httpx.AsyncClient(transport=transport, base_url="http://tally") as client:
            response = await client.get("/health/ready")
            assert response.status_code == 503
            assert response.json() == {"status": "not-ready", "reasons": ["the database is not migrated"]}
            assert (await client.get("/health/live")).json()["status"] == "live"
            reasons.clear()
            assert (await client.get("/health/ready")).json() == {"status": "ready", "reasons": []}
            assert log.getvalue() == "", "probes do not fill the log"
    await pool.close()


async def test_metrics_hold_routes_and_no_references(world: World) -> None:
    begun = await world.begin()
    await world.client.get(begun.headers["location"], headers=world.headers())
    text = (await world.client.get("/metrics")).text
    assert 'lagspill_http_requests_total{method="GET",route="/tallies/{id}",status="200"} 1.0' in text
    assert 'lagspill_http_request_seconds_count{method="POST",route="/tallies"} 1.0' in text
    assert begun.json()["id"] not in text


async def test_the_journals_head(world: World) -> None:
    assert (await world.client.get("/journal/head")).json() == {"source": "/services/cases", "heads": []}
    await world.pool.execute(
        "insert into journal_heads (scope, size, frontier, unsealed) values ('4005', 1, decode(repeat('ab', 32), 'hex'), 0)"
    )
    head = (await world.client.get("/journal/head")).json()["heads"][0]
    assert (head["scope"], head["last_number"], head["unpublished"]) == ("4005", 1, 0)


async def test_the_simulated_clock_is_there_in_development_only(
    world: World, migrated: Migrated, issuer: LocalIssuer
) -> None:
    assert (await world.client.get("/development/clock")).json() == {"now": "2026-09-07T08:00:00Z"}
    moved = await world.client.put("/development/clock", json={"now": "2026-10-01T12:00:00+02:00"})
    assert moved.json() == {"now": "2026-10-01T10:00:00Z"}
    assert world.clock.now() == datetime(2026, 10, 1, 10, 0, tzinfo=UTC)
    back = await world.client.put("/development/clock", json={"now": "2026-09-01T12:00:00Z"})
    problem(back, 409, "clock-set-back")
    naive = await world.client.put("/development/clock", json={"now": "2026-11-01T12:00:00"})
    problem(naive, 422, "input-invalid")
    async with httpx.AsyncClient(verify=TRUST) as http:
        for clock, development in ((SystemClock(), True), (world.clock, False)):
            app = tally_app(world.pool, issuer, http, clock, RandomIds(), development=development)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tally") as client:
                problem(await client.get("/development/clock"), 404, "not-found")
                assert "/development/clock" not in (await client.get("/openapi.json")).json()["paths"]


# -- guards ------------------------------------------------------------------------------------------------------------


class Loose(BaseModel):
    """A body that would take anything."""

    name: str = ""


class Tight(RequestModel):
    """A body as it must be."""

    name: str = ""


async def test_a_route_without_a_guard_stops_the_service(world: World) -> None:
    def start(router: APIRouter, public: frozenset[str] = frozenset()) -> None:
        http = httpx.AsyncClient(verify=TRUST)
        tally_app(world.pool, world.issuer, http, world.clock, RandomIds(), routers=[router], public=public)

    open_read, open_write, loose, tight = APIRouter(), APIRouter(), APIRouter(), APIRouter(prefix="/v1")

    @open_read.get("/open")
    async def read() -> None: ...

    @open_write.post("/open")
    async def write(body: Tight) -> None: ...

    @loose.post("/loose")
    async def take_anything(body: Loose, actor: CurrentActor) -> None: ...

    @tight.post("/tight")
    async def take(body: Tight, actor: CurrentActor) -> None: ...

    with pytest.raises(UnguardedRouteError, match="GET /open takes no access token"):
        start(open_read)
    start(open_read, public=frozenset({"/open"}))
    with pytest.raises(UnguardedRouteError, match="public and changes something"):
        start(open_write, public=frozenset({"/open"}))
    with pytest.raises(UnguardedRouteError, match="no RequestModel"):
        start(loose)
    start(tight)


# -- the interface's description ---------------------------------------------------------------------------------------


async def test_the_description_is_complete(world: World) -> None:
    document = (await world.client.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["oidc"]["scheme"] == "bearer"
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert schemas["Problem"]["examples"]
    always = {"400", "401", "403", "404", "422", "503"}
    written = always | {"409", "412", "413", "415"}
    documented = {
        (method, path): {status for status in operation["responses"] if int(status) >= 400}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert documented == {
        ("post", "/tallies"): written,
        ("get", "/tallies"): always,
        ("get", "/tallies/{id}"): always,
        ("post", "/tallies/{id}/additions"): written,
        ("post", "/tallies/{id}/clearings"): written | {"428"},
        ("get", "/health/live"): set(),
        ("get", "/health/ready"): {"503"},
        ("get", "/journal/head"): set(),
        ("get", "/development/clock"): {"400"},
        ("put", "/development/clock"): {"400", "409", "413", "415", "422"},
    }
    for (method, path), statuses in documented.items():
        operation = document["paths"][path][method]
        if path.startswith("/tallies"):
            assert operation["security"] == [{"oidc": []}]
            for status in statuses:
                content = operation["responses"][status]["content"]
                assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if method == "post":
            parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
            assert parameters["Idempotency-Key"]["required"] is True
            assert parameters["Idempotency-Key"]["schema"]["examples"]
            good = next(answer for status, answer in operation["responses"].items() if int(status) < 400)
            assert {"ETag", "Location", "Idempotency-Replayed"} >= set(good["headers"]) >= {"ETag"}
