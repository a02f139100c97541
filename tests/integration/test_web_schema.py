"""schemathesis reads the OpenAPI document and calls the sample service with what fits it and with what does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import BaseSchema, Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from shared import db
from shared.clock import SystemClock
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Databases
from tests.tally import NO_MIGRATIONS
from tests.tally_app import served, tally_app

pytestmark = pytest.mark.connected
AnyCase: TypeAlias = Case[Any]


def accepted_unless_out_of_date(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """Check that what fits the document is accepted. No schema can say which cursors, versions and keys there were."""
    if response.status_code >= 400 and response.json()["code"] in {
        "cursor-invalid",
        "version-stale",
        "idempotency-key-reused",
    }:
        return None
    return positive_data_acceptance(ctx, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    accepted_unless_out_of_date,
    missing_required_header,
    unsupported_method,
    ignored_auth,
]


@dataclass(frozen=True)
class Running:
    """A service in another thread: schemathesis calls it as any client would."""

    url: str
    token: str


@asynccontextmanager
async def running(postgres: str, issuer: LocalIssuer) -> AsyncIterator[str]:
    databases = Databases(postgres)
    dsn = await databases.create()
    await db.migrate(dsn, "tally", NO_MIGRATIONS)
    pool = await db.create_pool(dsn, application_name="schema-test")
    async with (
        httpx.AsyncClient() as http,
        served(tally_app(pool, issuer, http, SystemClock(), RandomIds())) as (host, port),
    ):
        yield f"http://{host}:{port}"
    await pool.close()
    await databases.drop_all()


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Running]:
    issuer = LocalIssuer()
    address: Future[str] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with running(postgres, issuer) as url:
            address.set_result(url)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield Running(address.result(60), issuer.token(lifetime=3600))
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
    issuer.close()


OPERATIONS = (
    ("POST", "/tallies"),
    ("GET", "/tallies"),
    ("GET", "/tallies/{id}"),
    ("POST", "/tallies/{id}/additions"),
    ("POST", "/tallies/{id}/clearings"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/journal/head"),
)


@pytest.fixture(scope="module")
def document(service: Running) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def test_no_operation_is_left_out(document: BaseSchema) -> None:
    found = [one.ok() for one in document.get_all_operations() if isinstance(one, Ok)]
    assert {(operation.method.upper(), operation.path) for operation in found} == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_every_operation_answers_as_described(
    document: BaseSchema, service: Running, method: str, path: str, mode: GenerationMode
) -> None:
    operation = document[path][method]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: AnyCase) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {service.token}"}, checks=CHECKS)

    try:
        call()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing can be wrong in a request without any input"
