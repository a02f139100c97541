"""Access tokens against a real issuer over HTTP: what is taken, what is refused, and what an attacker can make us do."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from shared.auth import CACHED_FOR, CACHED_TOKENS, LEEWAY, Authenticator
from shared.contracts.codes import Role, Service
from shared.errors import TokenExpiredError, TokenRefusedError
from shared.issuer_keys import FETCH_INTERVAL, KEYS_FRESH, KEYS_USABLE, IssuerUnavailableError
from shared.observability import Metrics
from shared.testing.issuer import DISCOVERY, JWKS, Claim, LocalIssuer
from shared.testing.people import People
from shared.testing.trust import TRUST

PID_KEY = b"a key for people of thirty-two b"
GUARDIAN = People(5).guardian()


class Times:
    """The machine's clocks, moved by the test."""

    def __init__(self) -> None:
        self.passed = 0.0

    def wall(self) -> float:
        return time.time() + self.passed

    def monotonic(self) -> float:
        return 1000.0 + self.passed


@pytest.fixture
def times() -> Times:
    return Times()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=TRUST) as client:
        yield client


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def authenticator(issuer: LocalIssuer, http: httpx.AsyncClient, times: Times, metrics: Metrics) -> Authenticator:
    return Authenticator(
        issuer.issuer, "lagspill", PID_KEY, http, metrics=metrics, wall=times.wall, monotonic=times.monotonic
    )


def unsigned(header: Mapping[str, object], claims: dict[str, object], signature: bytes = b"") -> str:
    def encode(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    return ".".join((encode(json.dumps(header).encode()), encode(json.dumps(claims).encode()), encode(signature)))


def claims_of(token: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return content


def header_of(token: str) -> dict[str, str]:
    content: dict[str, str] = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return content


# -- what a token becomes ----------------------------------------------------------------------------------------------


async def test_an_employee(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    actor = await authenticator.authenticate(issuer.token({"orgno": "999000011", "acr": "substantial"}))
    assert actor.kind == "user"
    assert actor.roles == {Role.TEACHER}
    assert (actor.service, actor.unit, actor.organisation) == (Service.BARNEHAGE, "unit:lia-barnehage", "999000011")
    assert (actor.municipality, actor.client, actor.acr) == ("4005", "a-test", "substantial")
    access = actor.access_actor()
    assert (access.id, access.role, access.service, access.client) == (
        actor.id,
        Role.TEACHER,
        Service.BARNEHAGE,
        "a-test",
    )


async def test_a_guardian_is_known_by_an_opaque_name_only(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    claims = {"lagspill_roles": ["guardian"], "pid": GUARDIAN.national_number, "lagspill_unit": None, "orgno": None}
    actor = await authenticator.authenticate(issuer.token(claims | {"lagspill_service": None}))
    again = await authenticator.authenticate(issuer.token(claims | {"lagspill_service": None, "sub": "another-login"}))
    assert actor.kind == "guardian"
    assert actor.id == again.id == await authenticator.actor_id_of_pid(GUARDIAN.national_number)
    assert GUARDIAN.national_number not in repr(actor)
    assert not any(letter.isdigit() for letter in actor.id)


async def test_another_key_gives_other_names(authenticator: Authenticator, http: httpx.AsyncClient) -> None:
    other = Authenticator("http://x", "lagspill", PID_KEY[::-1], http)
    number = GUARDIAN.national_number
    assert await authenticator.actor_id_of_pid(number) != await other.actor_id_of_pid(number)


async def test_a_service_account_and_an_unknown_role(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    actor = await authenticator.authenticate(issuer.token({"lagspill_roles": ["service-account", "king"]}))
    assert actor.kind == "service_account"
    assert actor.roles == {Role.SERVICE_ACCOUNT}


async def test_the_same_subject_at_another_issuer_is_another_actor(authenticator: Authenticator) -> None:
    assert authenticator.names.of_subject("https://a", "b") != authenticator.names.of_subject("https://a\0b", "")
    assert authenticator.names.of_subject("https://a", "x") != authenticator.names.of_subject("https://b", "x")


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://foreign.example"}, id="foreign issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "another-system"}, id="other audience"),
        pytest.param({"aud": ["another-system", "lagspill2"]}, id="other audiences"),
        pytest.param({"aud": "LAGSPILL"}, id="audience in capitals"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"aud": []}, id="empty audiences"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": ""}, id="empty subject"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"jti": None}, id="no token id"),
        pytest.param({"exp": None}, id="never expires"),
        pytest.param({"exp": "2099-01-01"}, id="expiry is a text"),
        pytest.param({"exp": True}, id="expiry is a boolean"),
        pytest.param({"iat": None}, id="no issue time"),
        pytest.param({"iat": time.time() + 3600, "exp": time.time() + 7200}, id="issued in the future"),
        pytest.param({"nbf": time.time() + 3600}, id="not yet"),
        pytest.param({"municipality": None}, id="no municipality"),
        pytest.param({"municipality": "Notodden"}, id="municipality by name"),
        pytest.param({"lagspill_roles": "teacher"}, id="roles as a text"),
        pytest.param({"lagspill_service": "kings"}, id="unknown service"),
        pytest.param({"lagspill_unit": "lia"}, id="malformed unit"),
        pytest.param({"orgno": "12"}, id="malformed organisation number"),
        pytest.param({"pid": "123"}, id="malformed national number"),
        pytest.param({"lagspill_roles": ["guardian"]}, id="guardian without national number"),
        pytest.param({"lagspill_roles": ["guardian", "teacher"], "pid": GUARDIAN.national_number}, id="two hats"),
        pytest.param(
            {"lagspill_roles": ["guardian", "child"], "pid": GUARDIAN.national_number}, id="guardian and child"
        ),
    ],
)
async def test_claims_that_are_refused(
    authenticator: Authenticator, issuer: LocalIssuer, claims: dict[str, Claim]
) -> None:
    with pytest.raises(TokenRefusedError) as refused:
        await authenticator.authenticate(issuer.token(claims))
    assert refused.value.status == 401
    assert 'error="invalid_token"' in refused.value.headers()["WWW-Authenticate"]
    assert GUARDIAN.national_number not in refused.value.message


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"typ": "JWT"}, id="an id token's type"),
        pytest.param({"typ": "at+jwt+x"}, id="another type"),
        pytest.param({"kid": "unknown"}, id="unknown key"),
        pytest.param({"kid": ""}, id="empty key id"),
    ],
)
async def test_headers_that_are_refused(
    authenticator: Authenticator, issuer: LocalIssuer, header: dict[str, str]
) -> None:
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(issuer.token(header=header))


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_types_of_rfc_9068(authenticator: Authenticator, issuer: LocalIssuer, kind: str) -> None:
    await authenticator.authenticate(issuer.token(header={"typ": kind}))


async def test_an_expired_token(authenticator: Authenticator, issuer: LocalIssuer, times: Times) -> None:
    with pytest.raises(TokenExpiredError):
        await authenticator.authenticate(issuer.token(age=600, lifetime=300))
    token = issuer.token(lifetime=30)
    await authenticator.authenticate(token)
    times.passed = 30 + LEEWAY + 1
    with pytest.raises(TokenExpiredError):
        await authenticator.authenticate(token)


async def test_clocks_may_differ_a_little(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    await authenticator.authenticate(issuer.token(age=-2))
    await authenticator.authenticate(issuer.token(age=31, lifetime=30))


async def test_algorithms_that_prove_nothing(
    authenticator: Authenticator, issuer: LocalIssuer, http: httpx.AsyncClient
) -> None:
    good = issuer.token()
    kid = header_of(good)["kid"]
    for algorithm in ("none", "None", "NONE", ""):
        with pytest.raises(TokenRefusedError):
            await authenticator.authenticate(unsigned({"alg": algorithm, "typ": "at+jwt", "kid": kid}, claims_of(good)))
    # The public key as a shared secret: in each of the forms in which a careless verifier would take it.
    published = (await http.get(issuer.issuer + JWKS)).json()["keys"][0]
    public = RSAKey.import_key({name: published[name] for name in ("kty", "n", "e")})
    for secret in (public.as_pem(private=False), public.as_der(private=False), published["n"].encode()):
        for algorithm in ("HS256", "HS384", "HS512"):
            # Made by hand: no library signs such a thing.
            header = {"alg": algorithm, "typ": "at+jwt", "kid": kid}
            unfinished = unsigned(header, claims_of(good)).rsplit(".", 1)[0]
            forged = _hmac(algorithm, secret, unfinished)
            with pytest.raises(TokenRefusedError):
                await authenticator.authenticate(forged)
    for algorithm in ("PS256", "RS512", "ES256", "Ed25519", "EdDSA"):
        with pytest.raises(TokenRefusedError):
            await authenticator.authenticate(unsigned(header | {"alg": algorithm}, claims_of(good), b"x" * 64))


def _hmac(algorithm: str, secret: bytes, content: str) -> str:
    digest = hmac.digest(secret, content.encode(), f"sha{algorithm[2:]}")
    return f"{content}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


async def test_a_key_that_the_issuer_never_had(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    good = issuer.token()
    kid = header_of(good)["kid"]
    stranger = RSAKey.generate_key(2048, parameters={"kid": kid})
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(issuer.token(key=stranger))
    embedded = jwt.encode(
        {"alg": "RS256", "typ": "at+jwt", "kid": kid, "jwk": stranger.as_dict(private=False)}, claims_of(good), stranger
    )
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(embedded)


async def test_content_that_was_changed(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    header, payload, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["lagspill_roles"] = ["leader"]
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(f"{header}.{changed}.{signature}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b",
        "a.b.c.d",
        "bnVsbA.bnVsbA.bnVsbA",
        "WzFd.e30.",
        "é.é.é",
        "\ud800.a.b",
        "x" * 100_000,
        "." * 9000,
    ],
)
async def test_what_is_no_token_at_all(authenticator: Authenticator, issuer: LocalIssuer, token: str) -> None:
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(token)
    assert not issuer.requests, "nobody was asked about it"


async def test_an_extension_that_must_be_understood(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    good = issuer.token()
    header = {**header_of(good), "crit": ["b64"], "b64": False}
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(unsigned(header, claims_of(good), b"x" * 256))


# -- keys --------------------------------------------------------------------------------------------------------------


async def test_elliptic_keys(authenticator: Authenticator, issuer: LocalIssuer) -> None:
    issuer.rotate("ES256")
    assert (await authenticator.authenticate(issuer.token())).kind == "user"


async def test_a_rotated_key_is_looked_up_once(authenticator: Authenticator, issuer: LocalIssuer, times: Times) -> None:
    await authenticator.authenticate(issuer.token())
    issuer.rotate()
    times.passed += FETCH_INTERVAL
    await asyncio.gather(*(authenticator.authenticate(issuer.token()) for _ in range(20)))
    assert issuer.requests[JWKS] == issuer.requests[DISCOVERY] == 2


async def test_unknown_keys_cannot_make_us_ask_without_end(
    authenticator: Authenticator, issuer: LocalIssuer, times: Times, metrics: Metrics
) -> None:
    await authenticator.load_keys()
    for number in range(200):
        with pytest.raises(TokenRefusedError):
            await authenticator.authenticate(issuer.token(header={"kid": f"made-up-{number}"}))
    assert issuer.requests[JWKS] == 1
    times.passed += FETCH_INTERVAL
    tokens = [issuer.token(header={"kid": f"made-up-{number}"}) for number in range(50)]
    refused = await asyncio.gather(*map(authenticator.authenticate, tokens), return_exceptions=True)
    assert {type(error) for error in refused} == {TokenRefusedError}
    assert issuer.requests[JWKS] == 2
    assert metrics.registry.get_sample_value("lagspill_key_fetches_total", {"outcome": "answered"}) == 2


async def test_a_withdrawn_key_stops_working(authenticator: Authenticator, issuer: LocalIssuer, times: Times) -> None:
    token = issuer.token(lifetime=7200)
    await authenticator.authenticate(token)
    issuer.rotate()
    times.passed += CACHED_FOR - 1
    await authenticator.authenticate(token)
    times.passed += KEYS_FRESH
    with pytest.raises(TokenRefusedError):
        await authenticator.authenticate(token)


async def test_an_issuer_that_is_down(authenticator: Authenticator, issuer: LocalIssuer, times: Times) -> None:
    issuer.fail()
    token = issuer.token(lifetime=4 * 3600)
    with pytest.raises(IssuerUnavailableError) as unavailable:
        await authenticator.authenticate(token)
    assert unavailable.value.status == 503
    assert int(unavailable.value.headers()["Retry-After"]) >= 1
    with pytest.raises(IssuerUnavailableError):
        await authenticator.load_keys()
    asked = issuer.requests[DISCOVERY]
    with pytest.raises(IssuerUnavailableError):
        await authenticator.authenticate(token)
    assert issuer.requests[DISCOVERY] == asked, "not asked again at once"

    issuer.fail(failing=False)
    times.passed += FETCH_INTERVAL
    await authenticator.authenticate(token)

    issuer.fail()
    times.passed += KEYS_FRESH + CACHED_FOR
    await authenticator.authenticate(token)  # the known key is still good
    times.passed += FETCH_INTERVAL
    issuer.rotate()
    with pytest.raises(IssuerUnavailableError):  # but of an unknown one nothing can be said
        await authenticator.authenticate(issuer.token())
    times.passed += KEYS_USABLE
    with pytest.raises(IssuerUnavailableError):
        await authenticator.authenticate(token)


@pytest.mark.parametrize(
    "metadata", [b"{}", b"[]", b"no json", b'{"issuer": "https://foreign.example", "jwks_uri": "x"}']
)
async def test_an_issuer_that_answers_with_something_else(metadata: bytes, issuer: LocalIssuer) -> None:
    answers = httpx.MockTransport(lambda request: httpx.Response(200, content=metadata))
    async with httpx.AsyncClient(transport=answers) as http:
        authenticator = Authenticator(issuer.issuer, "lagspill", PID_KEY, http)
        with pytest.raises(IssuerUnavailableError):
            await authenticator.authenticate(issuer.token())


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_a_key_set_with_all_kinds_of_keys(issuer: LocalIssuer) -> None:
    signer = Ed25519PrivateKey.generate()
    pem = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    curve = OKPKey.import_key(pem, parameters={"kid": "ed"})
    weak = RSAKey.generate_key(1024, parameters={"kid": "weak"})
    other_curve = ECKey.generate_key("P-384", parameters={"kid": "p384"})
    secret = OctKey.import_key(base64.urlsafe_b64encode(os.urandom(32)).decode(), parameters={"kid": "secret"})
    for_encryption = RSAKey.generate_key(2048, parameters={"kid": "enc"})
    keys = [
        curve.as_dict(private=False),
        weak.as_dict(private=False),
        other_curve.as_dict(private=False),
        secret.as_dict(private=True),
        {**for_encryption.as_dict(private=False), "use": "enc"},
        {"kty": "AKP", "kid": "of-tomorrow", "alg": "ML-DSA-44", "pub": "xxxx"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "EC", "kid": "no-point", "crv": "P-256"},
        "not even an object",
    ]

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == JWKS:
            return httpx.Response(200, json={"keys": keys})
        return httpx.Response(200, json={"issuer": issuer.issuer, "jwks_uri": issuer.issuer + JWKS})

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
        authenticator = Authenticator(issuer.issuer, "lagspill", PID_KEY, http)
        claims = claims_of(issuer.token())
        new = jwt.encode({"alg": "Ed25519", "typ": "at+jwt", "kid": "ed"}, claims, curve, algorithms=["Ed25519"])
        old_name = new.split(".")
        assert (await authenticator.authenticate(new)).municipality == "4005"
        header = base64.urlsafe_b64encode(b'{"alg":"EdDSA","typ":"at+jwt","kid":"ed"}').rstrip(b"=").decode()
        signed = signer.sign(f"{header}.{old_name[1]}".encode())
        token = f"{header}.{old_name[1]}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"
        assert (await authenticator.authenticate(token)).municipality == "4005"
        for kid, algorithm, key in (
            ("weak", "RS256", weak),
            ("p384", "ES384", other_curve),
            ("enc", "RS256", for_encryption),
            ("secret", "HS256", secret),
        ):
            forged = jwt.encode({"alg": algorithm, "typ": "at+jwt", "kid": kid}, claims, key, algorithms=[algorithm])
            with pytest.raises(TokenRefusedError):
                await authenticator.authenticate(forged)


# -- employees without a number ----------------------------------------------------------------------------------------


async def test_an_employee_without_a_national_number_is_counted_or_refused_where_it_is_required(
    authenticator: Authenticator, issuer: LocalIssuer, http: httpx.AsyncClient, metrics: Metrics
) -> None:
    """By nothing else is it known that a case is their own child's: it is never passed over in silence (forvaltningsloven § 6)."""

    def counted(which: str) -> float:
        named = {"national_number": which}
        return metrics.registry.get_sample_value("lagspill_staff_tokens_total", named) or 0

    number = People(1).guardian().national_number
    without, auditor = issuer.token(), issuer.token({"lagspill_roles": ["auditor"]})
    await authenticator.authenticate(issuer.token({"pid": number}))
    await authenticator.authenticate(issuer.token({"lagspill_roles": ["guardian"], "pid": number}))
    await authenticator.authenticate(auditor)
    assert (counted("known"), counted("missing"), authenticator.staff_unnumbered) == (1, 0, 0)
    for _ in range(2):
        assert (await authenticator.authenticate(without)).staff
    assert (counted("known"), counted("missing"), authenticator.staff_unnumbered) == (1, 1, 1)
    strict = Authenticator(issuer.issuer, "lagspill", PID_KEY, http, staff_numbered=True)
    with pytest.raises(TokenRefusedError, match="national number"):
        await strict.authenticate(without)
    assert strict.staff_unnumbered == 0
    assert (await strict.authenticate(issuer.token({"pid": number}))).staff
    assert not (await strict.authenticate(auditor)).staff, "who oversees has no case"


# -- remembering -------------------------------------------------------------------------------------------------------


async def test_a_verified_token_is_remembered_a_minute(
    authenticator: Authenticator, issuer: LocalIssuer, times: Times, metrics: Metrics
) -> None:
    def counted(outcome: str) -> float:
        return metrics.registry.get_sample_value("lagspill_tokens_total", {"outcome": outcome}) or 0

    token = issuer.token()
    first = await authenticator.authenticate(token)
    assert await authenticator.authenticate(token) is first
    assert (counted("verified"), counted("cached")) == (1, 1)
    times.passed += CACHED_FOR + 1
    assert await authenticator.authenticate(token) == first
    assert (counted("verified"), counted("cached")) == (2, 1)


async def test_a_token_is_not_remembered_beyond_its_expiry(
    authenticator: Authenticator, issuer: LocalIssuer, times: Times
) -> None:
    token = issuer.token(lifetime=10)
    await authenticator.authenticate(token)
    times.passed = 10 + LEEWAY + 0.5
    with pytest.raises(TokenExpiredError):
        await authenticator.authenticate(token)


async def test_memory_is_bounded(
    authenticator: Authenticator, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CACHED_TOKENS <= 10_000
    monkeypatch.setattr("shared.auth.CACHED_TOKENS", 3)
    for number in range(10):
        await authenticator.authenticate(issuer.token({"sub": f"s{number}"}))
    assert len(authenticator._verified) == 3


async def test_a_caller_that_gives_up_does_not_stop_the_others(
    authenticator: Authenticator, issuer: LocalIssuer
) -> None:
    tasks = [asyncio.create_task(authenticator.authenticate(issuer.token())) for _ in range(3)]
    started = asyncio.Event()
    asyncio.get_running_loop().call_soon(started.set)
    await started.wait()
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert [type(result).__name__ for result in results[1:]] == ["Actor", "Actor"]
    assert issuer.requests[JWKS] == 1


# -- the OIDC server of `lagspill up` ----------------------------------------------------------------------------------


@pytest.mark.connected
async def test_a_token_of_the_mock_oauth2_server(http: httpx.AsyncClient, oidc: str) -> None:
    answer = await http.post(
        f"{oidc}/token", data={"grant_type": "client_credentials", "scope": "lagspill"}, auth=("teacher", "any")
    )
    authenticator = Authenticator(oidc, "lagspill", PID_KEY, http)
    actor = await authenticator.authenticate(answer.json()["access_token"])
    assert actor.municipality == "4005"
