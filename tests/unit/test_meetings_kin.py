"""Who is of a child's family, as the cases service says it: what it does not say clearly is no yes."""

from __future__ import annotations

import json

import httpx
import pytest

from services.meetings.errors import KinUnknownError, UnknownError
from services.meetings.kin import Kin
from shared.contracts.codes import Role
from shared.errors import TokenRefusedError
from shared.refs import ActorId, CaseRef, RandomIds

ACTOR, CASE = ActorId("act_" + "b" * 26), CaseRef("cas_" + "b" * 26)
RIGHT = {
    "case": CASE,
    "actor": ACTOR,
    "relation": "guardian",
    "address_protected": False,
    "withheld": ["health"],
    "basis": {"code": "parental-responsibility", "version": "2018-07-20"},
}


async def asked(status: int, body: object, url: str | None = "http://cases/") -> Role:
    """Return as whom the actor is of the family, when the cases service answers so."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"http://cases/cases/{CASE}/insight-right"
        assert request.headers["authorization"] == "Bearer own"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await Kin(http, url).role_of(ACTOR, CASE, "Bearer own", RandomIds().event_id())


@pytest.mark.parametrize("relation", ["guardian", "child"])
async def test_the_cases_service_says_as_whom(relation: str) -> None:
    assert await asked(200, {**RIGHT, "relation": relation, "left_out": []}) == Role(relation)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {}),
        (302, {}),
        (200, {}),
        (200, b"no json"),
        (200, {**RIGHT, "relation": "neighbour"}),
        (200, {name: said for name, said in RIGHT.items() if name != "withheld"}),
        (200, {**RIGHT, "actor": "act_" + "c" * 26}),
        (200, {**RIGHT, "case": "cas_" + "c" * 26}),
    ],
)
async def test_what_is_not_said_clearly_is_no_yes(status: int, body: object) -> None:
    with pytest.raises(KinUnknownError):
        await asked(status, body)


@pytest.mark.parametrize(("status", "body"), [(403, {}), (404, {}), (200, {**RIGHT, "address_protected": True})])
async def test_a_no_and_a_protected_address_are_answered_as_an_unknown_meeting(status: int, body: object) -> None:
    with pytest.raises(UnknownError):
        await asked(status, body)


async def test_without_an_address_or_a_token_that_is_accepted_nobody_answers_for_a_family() -> None:
    with pytest.raises(KinUnknownError):
        await asked(200, RIGHT, url=None)
    with pytest.raises(TokenRefusedError):
        await asked(401, {})
