"""One trace from the request to its effect in another service: HTTP, journal, relay, Kafka, inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.arrivals import Handler
from shared.clock import SimulatedClock
from shared.envelope import Envelope
from shared.inbox import Inbox, Tx
from shared.kafka import WATERMARKS_TOPIC
from shared.observability import start_tracing, stop_tracing, traceparent
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from tests.integration.inbox_world import World as InboxWorld
from tests.integration.inbox_world import consuming
from tests.relay_world import Migrated, NewTopic, World, new_world
from tests.tally import RANDOM, Added
from tests.tally_app import tally_app

pytestmark = pytest.mark.connected
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    async with new_world(migrated, broker, new_topic) as made:
        yield made


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    start_tracing("tally", None, exporter=exporter)
    yield exporter
    stop_tracing()


async def seen_by_a_consumer(
    world: World, issuer: LocalIssuer, clock: SimulatedClock, group: str, headers: dict[str, str]
) -> tuple[Envelope, str | None]:
    """Post once, and return the envelope that the consumer got and the `traceparent` that it works under."""
    arrived: asyncio.Future[tuple[Envelope, str | None]] = asyncio.get_running_loop().create_future()

    async def take_note(tx: Tx, event: Added, envelope: Envelope) -> None:
        arrived.set_result((envelope, traceparent()))

    handler: Handler = take_note
    added = type("Added", (Added,), {"TOPIC": world.events})
    inbox = Inbox(group, {added: handler}, watermarks=world.topics[WATERMARKS_TOPIC])
    consumer = InboxWorld(world.dsn, world.pool, clock, RANDOM, world.metrics)
    async with world.relay(poll=0.05) as relay, httpx.AsyncClient() as http:
        app = tally_app(world.pool, issuer, http, clock, RandomIds(), nudge=relay.nudge)
        transport = httpx.ASGITransport(app)
        async with (
            consuming(consumer, world.broker, inbox),
            httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        ):
            credentials = {"authorization": f"Bearer {issuer.token()}", "idempotency-key": str(uuid4())}
            response = await client.post("/tallies", json={"amount": 1}, headers=credentials | headers)
            assert response.status_code == 201
            return await asyncio.wait_for(arrived, 30)


async def test_one_trace_spans_request_event_and_consumer(
    world: World, issuer: LocalIssuer, clock: SimulatedClock, group: str, spans: InMemorySpanExporter
) -> None:
    envelope, working_under = await seen_by_a_consumer(world, issuer, clock, group, {"traceparent": CALLER})
    finished = {span.name: span for span in spans.get_finished_spans()}
    request, handle = finished["POST /tallies"], finished["handle"]
    assert request.context is not None
    assert request.parent is not None
    assert handle.context is not None
    assert handle.parent is not None
    caller_trace, caller_span = CALLER.split("-")[1:3]
    assert f"{request.context.trace_id:032x}" == caller_trace
    assert f"{request.parent.span_id:016x}" == caller_span
    assert envelope.traceparent == f"00-{caller_trace}-{request.context.span_id:016x}-01"
    assert handle.context.trace_id == request.context.trace_id
    assert handle.parent.span_id == request.context.span_id
    assert working_under == f"00-{caller_trace}-{handle.context.span_id:016x}-01"
    assert request.attributes is not None
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/tallies",
        "http.response.status_code": 201,
    }


async def test_without_tracing_the_callers_trace_still_goes_along(
    world: World, issuer: LocalIssuer, clock: SimulatedClock, group: str
) -> None:
    envelope, working_under = await seen_by_a_consumer(world, issuer, clock, group, {"traceparent": CALLER})
    assert envelope.traceparent == CALLER
    assert working_under is None


async def test_a_wrong_traceparent_does_not_reach_the_bus(
    world: World, issuer: LocalIssuer, clock: SimulatedClock, group: str
) -> None:
    envelope, _ = await seen_by_a_consumer(world, issuer, clock, group, {"traceparent": "00-Solveig-01"})
    assert envelope.traceparent is None
