"""Sign-in at the OIDC issuer: authorization code flow (OpenID Connect Core § 3.1) with PKCE (RFC 7636).

A sign-in that is under way is kept by the browser that began it, sealed in a cookie: nothing that an unknown caller asks for
is stored here. What comes back counts only with that cookie, once, from exactly the configured issuer (RFC 9207), with the
nonce in an ID token of that issuer for this client; then the access token says who it is, as on every other interface.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError

from services.audit.errors import SignInRefusedError
from shared.auth import LEEWAY, MAX_TOKEN, Actor, Authenticator, signed_payload
from shared.errors import UnauthenticatedError
from shared.issuer_keys import FETCH_INTERVAL, FETCH_SECONDS, KEYS_FRESH, MAX_DOCUMENT, IssuerUnavailableError
from shared.keys import KEY_BYTES, NONCE_BYTES

SIGN_IN_SECONDS: Final = 600.0
"""How long a person may take at the issuer."""

_Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
_Token = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN)]


_D = TypeVar("_D", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Client:
    """What this service is to the issuer."""

    id: str
    secret: SecretStr | None
    redirect: str
    """The exact address that the issuer sends the browser back to."""
    scope: str
    resource: str | None
    """RFC 8707: for which audience the access token is asked."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way, as the browser that began it keeps it."""

    state: str
    nonce: str
    verifier: str
    back: str
    """The page to return to."""
    at: float


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has signed in, and the proof."""

    actor: Actor
    id_token: str


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class _Metadata(_Document):
    """The issuer's metadata (OpenID Connect Discovery § 3)."""

    issuer: str
    authorization_endpoint: _Name
    token_endpoint: _Name
    end_session_endpoint: _Name | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(_Document):
    """The answer of the token endpoint (OpenID Connect Core § 3.1.3.3)."""

    access_token: _Token = Field(repr=False)
    id_token: _Token = Field(repr=False)
    token_type: str


class _IdToken(_Document):
    """What an ID token must say (OpenID Connect Core § 2)."""

    iss: str
    sub: _Name
    aud: _Name | tuple[_Name, ...]
    exp: _Moment
    iat: _Moment
    nonce: _Name
    azp: str | None = None
    at_hash: str | None = None


class Provider:
    """The issuer, as the pages sign people in with it."""

    def __init__(
        self,
        issuer: str,
        client: Client,
        authenticator: Authenticator,
        http: httpx.AsyncClient,
        key: bytes,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Sign in at exactly `issuer`.

        Args:
            client: what this service is there.
            authenticator: makes the actor of the access token.
            http: what the issuer is asked with.
            key: the service's; what seals a sign-in under way is derived from it.
            wall: seconds since 1970, for what tokens say of time.
            monotonic: seconds for intervals.
        """
        self._issuer = issuer
        self._client = client
        self._authenticator = authenticator
        self._http = http
        self._cipher = AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=b"lagspill audit page sign-in").derive(key))
        self._wall = wall
        self._monotonic = monotonic
        self._known: tuple[_Metadata, float] | None = None

    async def begin(self, back: str, language: str) -> tuple[str, str]:
        """Return the address at the issuer to send the browser to, and the cookie that it must come back with.

        Raises:
            IssuerUnavailableError: the issuer's metadata cannot be had.
        """
        metadata = await self._metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, back, self._wall())
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect,
            "scope": self._client.scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": _encode(sha256(begun.verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        if self._client.resource is not None:
            asked["resource"] = self._client.resource
        return _extended(metadata.authorization_endpoint, asked), self._seal(begun)

    async def complete(self, answer: Mapping[str, str], cookie: str) -> tuple[Begun, SignedIn]:
        """Return the sign-in that the browser began, and who has signed in.

        Args:
            answer: the parameters with which the issuer sent the browser back.
            cookie: what it began with.

        Raises:
            SignInRefusedError: the answer is not that of this browser's sign-in, or the issuer refuses, or its tokens do not fit.
            IssuerUnavailableError: the issuer does not answer.
        """
        begun = self._unseal(cookie)
        if not compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise SignInRefusedError
        metadata = await self._metadata()
        said = answer.get("iss")
        if said != self._issuer and (said is not None or metadata.authorization_response_iss_parameter_supported):
            raise SignInRefusedError
        if "error" in answer or not answer.get("code"):
            raise SignInRefusedError
        tokens = await self._exchange(metadata, answer["code"], begun.verifier)
        try:
            await self._check_id_token(tokens, begun.nonce)
            actor = await self._authenticator.authenticate(tokens.access_token)
        except UnauthenticatedError:
            raise SignInRefusedError from None
        return begun, SignedIn(actor, tokens.id_token)

    async def sign_out_address(self, id_token: str, back: str) -> str | None:
        """Return where the browser ends its session at the issuer too; None where the issuer does not offer that.

        Raises:
            IssuerUnavailableError: the issuer's metadata cannot be had.
        """
        end = (await self._metadata()).end_session_endpoint
        if end is None:
            return None
        asked = {"id_token_hint": id_token, "client_id": self._client.id, "post_logout_redirect_uri": back}
        return _extended(end, asked)

    # --- the issuer ---------------------------------------------------------------------------------------------------

    async def _metadata(self) -> _Metadata:
        if self._known is not None and self._monotonic() - self._known[1] < KEYS_FRESH:
            return self._known[0]
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _read(_METADATA, await self._ask("GET", address))
        secure = urlsplit(self._issuer).scheme
        ends = (found.authorization_endpoint, found.token_endpoint, found.end_session_endpoint)
        if found.issuer != self._issuer or any(urlsplit(end).scheme != secure for end in ends if end is not None):
            raise IssuerUnavailableError(retry_after=FETCH_INTERVAL)
        self._known = (found, self._monotonic())
        return found

    async def _exchange(self, metadata: _Metadata, code: str, verifier: str) -> _Tokens:
        client = self._client
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect,
            "code_verifier": verifier,
        }
        headers = {}
        if client.resource is not None:
            asked["resource"] = client.resource
        if client.secret is None:
            asked["client_id"] = client.id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749 § 2.3.1: both are form-encoded before they are put together.
            parts = (urlencode({"": part})[1:] for part in (client.id, client.secret.get_secret_value()))
            headers["authorization"] = f"Basic {base64.b64encode(':'.join(parts).encode()).decode()}"
        else:
            asked |= {"client_id": client.id, "client_secret": client.secret.get_secret_value()}
        answer = await self._ask("POST", metadata.token_endpoint, form=asked, headers=headers)
        tokens = _read(_TOKENS, answer)
        if tokens.token_type.lower() != "bearer":
            raise SignInRefusedError
        return tokens

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        try:
            response = await self._http.request(
                method,
                address,
                data=form,
                headers={"accept": "application/json", **(headers or {})},
                timeout=FETCH_SECONDS,
                follow_redirects=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            raise IssuerUnavailableError(retry_after=FETCH_INTERVAL) from None
        if form is not None and response.is_client_error:
            raise SignInRefusedError
        if not response.is_success or len(response.content) > MAX_DOCUMENT:
            raise IssuerUnavailableError(retry_after=FETCH_INTERVAL)
        return response.content

    async def _check_id_token(self, tokens: _Tokens, nonce: str) -> None:
        """Check the ID token (OpenID Connect Core § 3.1.3.7, § 3.1.3.8)."""
        payload = await signed_payload(tokens.id_token, self._authenticator.keys, access_token=False)
        try:
            said = _IdToken.model_validate_json(payload)
        except ValidationError:
            raise SignInRefusedError from None
        now = self._wall()
        fits = (
            said.iss == self._issuer
            and self._client.id in ((said.aud,) if isinstance(said.aud, str) else said.aud)
            and said.azp in (None, self._client.id)
            and said.exp + LEEWAY > now
            and said.iat - LEEWAY <= now
            and compare_digest(said.nonce.encode(), nonce.encode())
        )
        # Every signature algorithm that is accepted hashes with SHA-256, but for Ed25519, of which OIDC says nothing.
        half = _encode(sha256(tokens.access_token.encode()).digest()[:16])
        if not fits or (said.at_hash is not None and said.at_hash != half):
            raise SignInRefusedError

    # --- a sign-in under way ------------------------------------------------------------------------------------------

    def _seal(self, begun: Begun) -> str:
        nonce = os.urandom(NONCE_BYTES)
        return _encode(nonce + self._cipher.encrypt(nonce, _BEGUN.dump_json(begun), None))

    def _unseal(self, cookie: str) -> Begun:
        try:
            sealed = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            begun = _BEGUN.validate_json(self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None))
        except (InvalidTag, ValueError):
            raise SignInRefusedError from None
        if not 0 <= self._wall() - begun.at + LEEWAY <= SIGN_IN_SECONDS:
            raise SignInRefusedError
        return begun


_METADATA: Final = TypeAdapter(_Metadata)
_TOKENS: Final = TypeAdapter(_Tokens)
_BEGUN: Final = TypeAdapter(Begun)


def _read(form: TypeAdapter[_D], document: bytes) -> _D:
    """Return what the issuer answered with.

    Raises:
        IssuerUnavailableError: it is not what it should be.
    """
    try:
        return form.validate_json(document)
    except ValidationError:
        raise IssuerUnavailableError(retry_after=FETCH_INTERVAL) from None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _extended(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"
