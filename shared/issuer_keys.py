"""The public keys of the OIDC issuer: looked up when needed, never more often than bearable, and never trusted for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import JsonValue, TypeAdapter, ValidationError

from shared.errors import TokenRefusedError, UnavailableError
from shared.observability import Metrics

log = structlog.get_logger()

ALGORITHMS: Final[Mapping[str, str]] = {"RS256": "RS256", "ES256": "ES256", "Ed25519": "Ed25519", "EdDSA": "Ed25519"}
"""Accepted `alg` values, all asymmetric, and the algorithm that each stands for. EdDSA is RFC 8037's older name, and is taken for
Ed25519 keys only."""
KEYS_FRESH: Final = 300.0
"""Seconds after which the issuer's keys are looked up again, so that a withdrawn one stops working."""
KEYS_USABLE: Final = 3600.0
"""Seconds for which known keys are used while the issuer does not answer."""
FETCH_INTERVAL: Final = 5.0
"""Seconds between two look-ups, however many unknown keys are named meanwhile."""
FETCH_SECONDS: Final = 5.0
MAX_DOCUMENT: Final = 256 * 1024
MIN_RSA_BITS: Final = 2048

PublicKey: TypeAlias = RSAKey | ECKey | OKPKey


class IssuerUnavailableError(UnavailableError):
    """The token cannot be checked: its issuer does not answer."""

    code = "issuer-unavailable"


class IssuerKeys:
    """The public keys of one issuer: one look-up at a time, and not more often than every `FETCH_INTERVAL` seconds."""

    def __init__(self, issuer: str, http: httpx.AsyncClient, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._issuer = issuer
        self._http = http
        self._metrics = metrics
        self._monotonic = monotonic
        self._keys: Mapping[str, PublicKey] = {}
        self._loaded_at: float | None = None
        self._asked_at: float | None = None
        self._answered = False
        self._asking: asyncio.Task[None] | None = None

    async def load(self) -> None:
        await self._ask()
        if not self._answered:
            raise IssuerUnavailableError(retry_after=FETCH_INTERVAL)

    async def find(self, kid: str) -> PublicKey:
        if kid in self._keys and self._age() < KEYS_FRESH:
            return self._keys[kid]
        if self._asking is not None or self._asked_at is None or self._monotonic() - self._asked_at >= FETCH_INTERVAL:
            await self._ask()
        if kid in self._keys and self._age() < KEYS_USABLE:
            return self._keys[kid]
        if not self._answered:
            raise IssuerUnavailableError(retry_after=FETCH_INTERVAL)
        raise TokenRefusedError("The token is signed with a key that the issuer does not have.")

    def _age(self) -> float:
        return float("inf") if self._loaded_at is None else self._monotonic() - self._loaded_at

    async def _ask(self) -> None:
        """Look the keys up, or wait for the look-up that is under way; a caller that gives up does not stop it."""
        if self._asking is None:
            self._asked_at = self._monotonic()
            self._asking = asyncio.create_task(self._fetch())
            self._asking.add_done_callback(self._asked)
        await asyncio.shield(self._asking)

    def _asked(self, _: asyncio.Task[None]) -> None:
        self._asking = None

    async def _fetch(self) -> None:
        try:
            metadata = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            keys = _read_keys(await self._get(_key_set_of(metadata, self._issuer)))
        except (httpx.HTTPError, httpx.InvalidURL, _UnfitAnswerError) as error:
            self._answered = False
            self._metrics.key_fetches.labels("failed").inc()
            log.warning("the issuer's keys cannot be looked up", exc_info=error)
            return
        self._keys, self._loaded_at, self._answered = keys, self._monotonic(), True
        self._metrics.key_fetches.labels("answered").inc()

    async def _get(self, url: str) -> dict[str, JsonValue]:
        response = await self._http.get(url, headers={"accept": "application/json"}, timeout=FETCH_SECONDS)
        response.raise_for_status()
        if len(response.content) > MAX_DOCUMENT:
            raise _UnfitAnswerError("the document is too large")
        try:
            return _document.validate_json(response.content)
        except ValidationError:
            raise _UnfitAnswerError("the document is not a JSON object") from None


class _UnfitAnswerError(Exception):
    """The issuer answered with something that cannot be used."""


def _key_set_of(metadata: Mapping[str, JsonValue], issuer: str) -> str:
    where = metadata.get("jwks_uri")
    # OpenID Connect Discovery § 4.3, RFC 8414 § 3.3: metadata of another issuer is not to be used.
    if metadata.get("issuer") != issuer or not isinstance(where, str):
        raise _UnfitAnswerError("the metadata are not the issuer's")
    return where


def _read_keys(document: Mapping[str, JsonValue]) -> dict[str, PublicKey]:
    """Return the keys that may sign tokens, by their id; what else stands in a key set is left alone (RFC 7517 § 5)."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise _UnfitAnswerError("the key set has no keys")
    found: dict[str, PublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        kid, named = entry.get("kid"), entry.get("alg")
        try:
            key = _import(entry)
            algorithm = None if key is None else algorithm_of(key)
        except (JoseError, ValueError):
            continue
        if key is None or algorithm is None or not isinstance(kid, str):
            continue
        if named is None or (isinstance(named, str) and ALGORITHMS.get(named) == algorithm):
            found.setdefault(kid, key)
    return found


def _import(entry: Mapping[str, JsonValue]) -> PublicKey | None:
    # Only public members are taken over: neither a secret key nor a private part can come in.
    text = {name: value for name, value in entry.items() if isinstance(value, str)}
    match text.get("kty"):
        case "RSA":
            return RSAKey.import_key({name: text[name] for name in ("kty", "n", "e") if name in text})
        case "EC":
            return ECKey.import_key({name: text[name] for name in ("kty", "crv", "x", "y") if name in text})
        case "OKP":
            return OKPKey.import_key({name: text[name] for name in ("kty", "crv", "x") if name in text})
    return None


def algorithm_of(key: PublicKey) -> str | None:
    if isinstance(key, RSAKey):
        return "RS256" if key.public_key.key_size >= MIN_RSA_BITS else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    return "Ed25519" if key.curve_name == "Ed25519" else None


_document: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue])
