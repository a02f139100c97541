"""schemathesis reads each real service's OpenAPI document and calls it with what fits the document and with what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import BaseSchema, Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from deploy.demo.stage import Silent
from deploy.demo.story import BEGINS, ROWS, perform, settings_of
from deploy.local.system import Addresses
from shared.freshness import StaleProjectionError
from shared.testing.signals import Watch
from tests.e2e.system_world import token_of, whole_system

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.timeout(1200)]
AnyCase: TypeAlias = Case[Any]

EXAMPLES: Final = 3
"""Generated requests for each operation, beside those that the document itself gives as examples."""
WHO: Final[Mapping[str, str]] = {"cases": "teacher", "meetings": "styrer", "notify": "teacher", "audit": "auditor"}
"""Who asks: in the story, they are those who may do most."""
LAST_ROW: Final = 10
"""The story is played so far: a case with consents and a measure, meetings with items, messages, a log."""
RULES_IN_BODIES: Final = frozenset(
    {
        "anonymous", "competence", "form-empty", "heard-twice", "local-outcome", "named", "nothing-changed", "nothing-named",
        "one-of", "same-person-twice",
    }
)  # fmt: skip
"""Rules of several members together; the schemas say what each member is."""


def accepted_unless_a_rule_forbids(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """Check that what fits the document is understood. A rule of the matter may forbid it all the same; the interface may not."""
    if response.status_code >= 400:
        problem = response.json()
        if problem["code"] == "cursor-invalid" or problem["status"] == 412:
            return None  # no schema can say which cursors and versions there were
        if problem["code"] == "json-text-not-storable":
            return None  # a NUL: the schema would have to say so at every text
        if problem["code"] == "document-type":
            return None  # no schema says which bytes are a document
        if problem["status"] == 422 and problem["code"] != "input-invalid":
            return None
        if any(error["code"] in RULES_IN_BODIES for error in problem.get("errors", ())):
            return None
    return positive_data_acceptance(ctx, response, case)


def refused_when_wrong(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """Check that what does not fit is refused; as too large already, where it is too large."""
    return None if response.status_code == 413 else negative_data_rejection(ctx, response, case)


CHECKS: Final = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    refused_when_wrong,
    accepted_unless_a_rule_forbids,
    unsupported_method,
)


@dataclass(frozen=True)
class Documented:
    """A service, what it says of itself, and references that exist there."""

    token: str
    document: BaseSchema
    known: Mapping[str, str]
    owner: str
    """Its database, for the role that owns it."""

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks."""
        return {"Authorization": f"Bearer {self.token}"}

    def answer(self, case: AnyCase) -> Response:
        """Return what a request is answered with once everything is known that it is decided on.

        On a busy machine the services may be seconds behind each other; then the answer says to ask again, and when.
        """
        while True:
            answer = case.call(headers=self.headers)
            if answer.status_code != 503 or answer.json()["code"] != StaleProjectionError.code:
                return answer
            assert "retry-after" in answer.headers
            asyncio.run(self._caught_up())

    async def _caught_up(self) -> None:
        """Wait until the service has heard of every other one since now, and has read all that there was by then."""
        async with Watch(self.owner, "source_watermarks", "consumer_progress") as watch:
            await watch.until(
                "SELECT count(*) = (SELECT count(DISTINCT source) FROM source_watermarks)"
                " AND max(word) <= (SELECT min(caught_up_at) FROM consumer_progress)"
                " FROM (SELECT min(received_at) AS word FROM source_watermarks WHERE received_at > $1 GROUP BY source) AS heard",
                datetime.now(UTC),
            )

    def about_what_exists(self, case: AnyCase) -> None:
        """Let a generated request be about something that exists, and be a command of its own."""
        case.path_parameters.update({name: self.known[name] for name in case.path_parameters if name in self.known})
        if isinstance(case.body, dict):
            case.body.update({name: self.known[name] for name in case.body if name in self.known})
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = str(uuid4())
            # Any number fits the document; with the right one or none the request gets further.
            if not any(header.name == "If-Match" and header.is_required for header in case.operation.headers):
                case.headers.pop("If-Match", None)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Documented]]:
    """The four services as processes, with the story's beginning in them."""
    with whole_system(tmp_path_factory.mktemp("lagspill"), BEGINS) as addresses:
        rows = [row for row in ROWS if row.number <= LAST_ROW]
        facts = asyncio.run(perform(settings_of(addresses), Silent(), rows)).facts
        known = {
            "case": facts["case"],
            "concern": facts["concern"],
            "consent": facts["consent"],
            "arena": facts["ressursteam"],
            "meeting": facts["named-meeting"],
            "item": facts["named-item"],
            "measure": measure_of(addresses, facts["case"]),
            "log": "4005",
        }
        yield {
            name: Documented(
                token=token_of(addresses, client),
                document=schemathesis.openapi.from_url(f"{addresses.services[name]}/openapi.json"),
                known=known,
                owner=addresses.owner(name),
            )
            for name, client in WHO.items()
        }


def measure_of(addresses: Addresses, case: str) -> str:
    """Return the case's first measure."""
    headers = {"authorization": f"Bearer {token_of(addresses, 'teacher')}"}
    seen = httpx.get(f"{addresses.services['cases']}/cases/{case}", headers=headers).raise_for_status()
    return str(seen.json()["measures"][0]["measure"])


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("service", WHO)
def test_every_operation_answers_as_described(
    services: Mapping[str, Documented], subtests: pytest.Subtests, service: str, mode: GenerationMode
) -> None:
    """No server error, no status, content type, header or member that the document does not have; the same requests every time."""
    documented = services[service]
    operations = [found.ok() for found in documented.document.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 8
    for operation in operations:
        if "development" in (operation.tags or ()):
            continue  # moves the clock of everything else

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: AnyCase) -> None:
            if mode is GenerationMode.POSITIVE:
                documented.about_what_exists(case)
            headers = documented.headers
            case.validate_response(
                documented.answer(case), list(CHECKS), headers=headers, transport_kwargs={"headers": headers}
            )

        with subtests.test(operation.label):
            try:
                call()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, "nothing can be wrong in a request without any input"
