"""Asking where those around a child are reached: with a token that is got once, renewed in time, and nothing that leaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.notify.contacts import Contacts, ContactsUnavailableError
from shared.refs import CaseRef

CASE = CaseRef("cas_" + "b" * 26)
ONE = {"recipient": "act_guardiana", "role": "guardian", "ordinal": 1, "language": "nb", "email": "a@guardian.example"}


@dataclass
class Others:
    """The issuer and the cases service, as this client meets them."""

    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, json={"contacts": [ONE]})
    tokens: int = 0
    asked: list[str] = field(default_factory=list)
    now: float = 0.0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path == "/issuer/.well-known/openid-configuration":
            return httpx.Response(200, json={"token_endpoint": "http://issuer/issuer/token"})
        if request.url.path == "/issuer/token":
            assert b"grant_type=client_credentials" in request.content
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"token-{self.tokens}", "expires_in": 300})
        assert request.headers["authorization"] == f"Bearer token-{self.tokens}"
        return self.answer(request)


@pytest.fixture
def others() -> Others:
    """An issuer and a cases service that answer well."""
    return Others()


@pytest_asyncio.fixture
async def contacts(others: Others) -> AsyncIterator[Contacts]:
    """The client under test, on its real HTTP client."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(others.handle)) as http:
        yield Contacts(
            http,
            cases_url="http://cases/",
            issuer="http://issuer/issuer",
            token_url=None,
            client_id="notify",
            client_secret=SecretStr("secret"),
            monotonic=lambda: others.now,
        )


async def test_the_token_is_got_once_and_renewed_before_its_end(others: Others, contacts: Contacts) -> None:
    for moment in (0.0, 100.0, 269.0):
        others.now = moment
        assert [one.email for one in await contacts.of_case(CASE)] == ["a@guardian.example"]
    assert others.tokens == 1
    others.now = 271.0
    await contacts.of_case(CASE)
    assert others.tokens == 2
    assert others.asked.count("/issuer/.well-known/openid-configuration") == 1


async def test_a_token_that_is_refused_is_renewed_once(others: Others, contacts: Contacts) -> None:
    refused = iter([httpx.Response(401), httpx.Response(200, json={"contacts": []})])
    others.answer = lambda _: next(refused)
    assert await contacts.of_case(CASE) == ()
    assert others.tokens == 2
    others.answer = lambda _: httpx.Response(401)
    with pytest.raises(ContactsUnavailableError):
        await contacts.of_case(CASE)
    assert others.tokens == 3


async def test_a_case_that_is_not_there_has_nobody(others: Others, contacts: Contacts) -> None:
    others.answer = lambda _: httpx.Response(404)
    assert await contacts.of_case(CASE) == ()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(403),
        httpx.Response(200, content=b"not json"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"contacts": [{**ONE, "role": "neighbour"}]}),
        httpx.Response(200, json={"contacts": [{**ONE, "recipient": "a@guardian.example"}]}),
    ],
)
async def test_an_answer_that_is_none_is_waited_out_and_quoted_nowhere(
    others: Others, contacts: Contacts, answer: httpx.Response
) -> None:
    others.answer = lambda _: answer
    with pytest.raises(ContactsUnavailableError) as refused:
        await contacts.of_case(CASE)
    assert "guardian" not in f"{refused.value!r} {refused.value.extensions}".replace("guardians", "")
    assert refused.value.__suppress_context__


async def test_a_silent_neighbour_is_waited_out(others: Others, contacts: Contacts) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    others.answer = fail
    with pytest.raises(ContactsUnavailableError):
        await contacts.of_case(CASE)


async def test_an_address_is_not_in_the_text_of_a_contact(contacts: Contacts) -> None:
    (one,) = await contacts.of_case(CASE)
    assert "@" not in repr(one)


async def test_whose_duty_a_protected_case_is_is_asked_with_the_same_token(others: Others, contacts: Contacts) -> None:
    await contacts.of_case(CASE)
    said = {"case": CASE, "municipality": "4005", "role": "leader", "unit": "unit:kommune"}
    others.answer = lambda _: httpx.Response(200, json=said)
    watch = await contacts.watch_of(CASE)
    assert watch is not None
    assert (watch.municipality, watch.role, watch.unit) == ("4005", "leader", "unit:kommune")
    assert (others.tokens, others.asked[-1]) == (1, f"/cases/{CASE}/watch")
    others.answer = lambda _: httpx.Response(404, json={"code": "not-found"})
    assert await contacts.watch_of(CASE) is None
    for wrong in ({**said, "municipality": "prt_x"}, {**said, "role": "nobody"}, {"role": "leader"}):
        others.answer = lambda _, body=wrong: httpx.Response(200, json=body)  # type: ignore[misc]
        with pytest.raises(ContactsUnavailableError):
            await contacts.watch_of(CASE)
    others.answer = lambda _: httpx.Response(409, json={"code": "address-not-protected"})
    with pytest.raises(ContactsUnavailableError):
        await contacts.watch_of(CASE)
