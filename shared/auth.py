"""Who is asking: RFC 9068 access tokens in, an opaque Actor out. A national number does not get past this module.

Nothing here knows FastAPI, so that the pure decisions may speak of actors; the dependency `CurrentActor` is in `shared.web`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, TypeAdapter, ValidationError

from shared.actor_names import ActorNames, KnownActors
from shared.contracts.access import AccessActor
from shared.contracts.codes import Function, Role, Service
from shared.errors import TokenExpiredError, TokenRefusedError, UnauthenticatedError
from shared.issuer_keys import ALGORITHMS, IssuerKeys, IssuerUnavailableError, algorithm_of
from shared.observability import Metrics
from shared.refs import (
    ActorId,
    LogScope,
    LogScopeField,
    OrganisationNumber,
    OrganisationNumberField,
    UnitId,
    UnitIdField,
)

MAX_TOKEN: Final = 8 * 1024
LEEWAY: Final = 5.0
"""Seconds by which the issuer's clock and ours may differ."""
CACHED_FOR: Final = 60.0
"""Seconds for which a verified token is remembered, at most: how long a withdrawn signing key may still work."""
CACHED_TOKENS: Final = 10_000

ActorKind = Literal["user", "guardian", "child", "service_account"]


class Clearance(StrEnum):
    """What somebody may see beside what their roles give; it comes in the token's `lagspill_roles`, and is no role in the log."""

    PROTECTED_LOG_READER = "protected-log-reader"
    """The logs of address-protected cases whose opaque names they know; with auditor or privacy officer only."""
    PROTECTED_CASE_READER = "protected-case-reader"
    """Finding a child with a protected address, and opening its case in an emergency; a part in the case is needed all the same."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as far as any rule needs to know: opaque, with an organisational affiliation."""

    id: ActorId
    kind: ActorKind
    roles: frozenset[Role]
    service: Service | None
    unit: UnitId | None
    organisation: OrganisationNumber | None
    municipality: LogScope
    client: str
    acr: str | None
    clearances: frozenset[Clearance] = frozenset()
    functions: frozenset[Function] = frozenset()
    """What they are beside their roles; it comes in `lagspill_roles` too."""

    @property
    def staff(self) -> bool:
        """Whether it is an employee with a function around children: not a private person, a program, or somebody who oversees."""
        return self.kind == "user" and bool(self.roles - _NO_FUNCTION)

    def access_actor(self, role: Role | None = None, *, address_protected: bool = False) -> AccessActor:
        """Return how access records name this actor; `role` is the one acted in, and may be left out when there is only one.

        In the log of an address-protected case neither unit nor organisation is named: they would tell where the child is.
        """
        return AccessActor(
            id=self.id,
            role=role or (next(iter(self.roles)) if len(self.roles) == 1 else None),
            service=self.service,
            unit=None if address_protected else self.unit,
            organisation=None if address_protected else self.organisation,
            client=self.client[:100],
        )


_Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class _Claims(BaseModel):
    """What a token says (RFC 9068 § 2.2), and what Lagspill needs beside it. Everything else in it is ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    iss: str
    aud: _Name | tuple[_Name, ...]
    sub: _Name
    client_id: _Name
    jti: _Name
    exp: _Moment
    iat: _Moment
    nbf: _Moment | None = None
    acr: Annotated[str, StringConstraints(max_length=100)] | None = None
    lagspill_roles: tuple[str, ...] = ()
    lagspill_service: Service | None = None
    lagspill_unit: UnitIdField | None = None
    orgno: OrganisationNumberField | None = None
    municipality: LogScopeField
    pid: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")] | None = Field(default=None, repr=False)


class _Registry(JWSRegistry):
    """joserfc's checks, with the older name of Ed25519 taken for what it is, and room for certificates in the header."""

    max_header_length = MAX_TOKEN

    def __init__(self) -> None:
        super().__init__(algorithms=[*ALGORITHMS], strict_check_header=False)
        self.algorithms = {name: JWSRegistry.algorithms[meant] for name, meant in ALGORITHMS.items()}


class Authenticator:
    """Turns access tokens into actors, with the keys of one issuer."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        pid_key: bytes,
        http: httpx.AsyncClient,
        *,
        metrics: Metrics | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        known: KnownActors | None = None,
        staff_numbered: bool = False,
    ) -> None:
        """Accept tokens of exactly `issuer` for exactly `audience`.

        Args:
            pid_key: makes national numbers and subjects opaque.
            http: what the keys are looked up with; the caller closes it.
            metrics: where outcomes are counted.
            wall: seconds since 1970, for what tokens say of time: the machine's clock, never a simulated one.
            monotonic: seconds for intervals.
            known: who people are, where that takes more than `pid_key`.
            staff_numbered: refuse the token of an employee that has no national number: whether somebody is of a child's family
                is known by it, and by nothing else.
        """
        self.known: Final = known or KnownActors(ActorNames(pid_key))
        self._issuer = issuer
        self._audience = audience
        self._staff_numbered = staff_numbered
        self.staff_unnumbered = 0
        """How many tokens of employees without a national number were taken since the start."""
        self._metrics = metrics or Metrics()
        self._wall = wall
        self._monotonic = monotonic
        self.keys: Final = IssuerKeys(issuer, http, self._metrics, monotonic)
        self._verified: OrderedDict[bytes, tuple[Actor, float, float]] = OrderedDict()

    @property
    def names(self) -> ActorNames:
        """What the present key makes of people."""
        return self.known.names

    async def actor_id_of_pid(self, pid: str) -> ActorId:
        """Return the actor that a person with this national number is when signed in."""
        return await self.known.of_pid(pid)

    async def load_keys(self) -> None:
        """Look the issuer's keys up: what a service waits for before it is ready.

        Raises:
            IssuerUnavailableError: the issuer does not answer as it should.
        """
        await self.keys.load()

    async def authenticate(self, token: str) -> Actor:
        """Return who `token` speaks for.

        Raises:
            TokenExpiredError: it was valid once.
            TokenRefusedError: it is not a valid access token of the issuer for this audience.
            IssuerUnavailableError: it may be valid, but its key cannot be looked up now.
        """
        try:
            digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
            actor = self._remembered(digest)
            if actor is None:
                claims = await self._verify(token)
                actor = await self._actor(claims)
                self._remember(digest, actor, claims.exp)
                self._metrics.tokens.labels("verified").inc()
            else:
                self._metrics.tokens.labels("cached").inc()
        except (UnauthenticatedError, IssuerUnavailableError) as error:
            self._metrics.tokens.labels(error.code).inc()
            raise
        return actor

    def _remembered(self, digest: bytes) -> Actor | None:
        found = self._verified.get(digest)
        if found is None:
            return None
        actor, expires, forget_at = found
        if self._wall() < expires and self._monotonic() < forget_at:
            return actor
        del self._verified[digest]
        return None

    def _remember(self, digest: bytes, actor: Actor, expires: float) -> None:
        self._verified[digest] = (actor, expires, self._monotonic() + CACHED_FOR)
        while len(self._verified) > CACHED_TOKENS:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> _Claims:
        payload = await signed_payload(token, self.keys)
        try:
            claims = _Claims.model_validate_json(payload)
        except ValidationError as error:
            wrong = sorted({str(part["loc"][0]) for part in error.errors(include_input=False) if part["loc"]})
            known = [name for name in wrong if name in _Claims.model_fields]
            raise TokenRefusedError(f"The token's claims are missing or wrong: {', '.join(known) or 'all'}.") from None
        self._check(claims)
        return claims

    def _check(self, claims: _Claims) -> None:
        if claims.iss != self._issuer:
            raise TokenRefusedError("The token is from another issuer.")
        if self._audience not in ((claims.aud,) if isinstance(claims.aud, str) else claims.aud):
            raise TokenRefusedError("The token is for another audience.")
        now = self._wall()
        if claims.exp + LEEWAY <= now:
            raise TokenExpiredError
        if max(claims.iat, claims.nbf or 0) - LEEWAY > now:
            raise TokenRefusedError("The token is not valid yet.")

    async def _actor(self, claims: _Claims) -> Actor:
        # Roles that Lagspill does not know are another system's, and give nothing here.
        roles = frozenset(Role(role) for role in claims.lagspill_roles if role in _ROLES)
        own = roles & _PRIVATE
        if own and (roles - own or len(own) > 1):
            raise TokenRefusedError(
                "The token mixes a private person's role with another; nobody acts as both at once."
            )
        if own and claims.pid is None:
            raise TokenRefusedError("The token of a private person must carry the national number.")
        kind: ActorKind = "user"
        if Role.GUARDIAN in own:
            kind = "guardian"
        elif Role.CHILD in own:
            kind = "child"
        elif Role.SERVICE_ACCOUNT in roles:
            kind = "service_account"
        actor = Actor(
            id=await (self.known.of_pid(claims.pid) if claims.pid else self.known.of_subject(claims.iss, claims.sub)),
            kind=kind,
            roles=roles,
            service=claims.lagspill_service,
            unit=claims.lagspill_unit,
            organisation=claims.orgno,
            municipality=claims.municipality,
            client=claims.client_id,
            acr=claims.acr,
            clearances=frozenset(each for each in Clearance if each in claims.lagspill_roles),
            functions=frozenset(each for each in Function if each in claims.lagspill_roles),
        )
        if actor.staff:
            self._count_staff(numbered=claims.pid is not None)
        return actor

    def _count_staff(self, *, numbered: bool) -> None:
        """Tell of employees of whom nobody can tell whether a case is their own child's (forvaltningsloven § 6).

        Raises:
            TokenRefusedError: the token has no national number, and must have one here.
        """
        if not numbered and self._staff_numbered:
            raise TokenRefusedError(
                "The token of an employee must carry the national number: without it nobody can tell whether a case is their own"
                " child's."
            )
        self._metrics.staff_tokens.labels("known" if numbered else "missing").inc()
        self.staff_unnumbered += not numbered


async def signed_payload(token: str, keys: IssuerKeys, *, access_token: bool = True) -> bytes:
    """Return what the issuer has signed in `token`; an access token is also told from others by its type (RFC 9068 § 4).

    Raises:
        TokenRefusedError: not a JWS of the issuer's, or not an access token.
        IssuerUnavailableError: it may be valid, but its key cannot be looked up now.
    """
    algorithm, kid = _read_header(token, access_token=access_token)
    key = await keys.find(kid)
    if ALGORITHMS[algorithm] != algorithm_of(key):
        raise TokenRefusedError("The token's algorithm is not that of its key.")
    try:
        signed = jws.deserialize_compact(token, key, registry=_registry)
    except (JoseError, ValueError):
        raise TokenRefusedError("The token's signature is not valid.") from None
    return signed.payload or b""


def _read_header(token: str, *, access_token: bool) -> tuple[str, str]:
    """Return the token's algorithm and key id; both are only claimed so far.

    Raises:
        TokenRefusedError: not a JWS, of another type, or with an algorithm or extension that is not accepted.
    """
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or not token.isascii():
        raise TokenRefusedError("The token is not a signed JWT.")
    try:
        header = _header.validate_python(json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))))
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefusedError("The token is not a signed JWT.") from None
    kind, algorithm, kid = header.get("typ"), header.get("alg"), header.get("kid")
    # RFC 9068 § 4: with or without the prefix `application/`; media types do not care about case.
    if access_token and (not isinstance(kind, str) or kind.lower().removeprefix("application/") != "at+jwt"):
        raise TokenRefusedError("The token is not an access token: its type is not at+jwt.")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefusedError("The token's algorithm is not accepted.")
    if "crit" in header or not isinstance(kid, str) or not kid:
        raise TokenRefusedError("The token's header names no key, or asks for an extension.")
    return algorithm, kid


_PRIVATE: Final = frozenset({Role.GUARDIAN, Role.CHILD})
_NO_FUNCTION: Final = _PRIVATE | {Role.PRIVACY_OFFICER, Role.AUDITOR, Role.OPERATOR, Role.SERVICE_ACCOUNT}
_ROLES: Final = frozenset(role.value for role in Role)
_registry: Final = _Registry()
_header: Final[TypeAdapter[dict[str, JsonValue]]] = TypeAdapter(dict[str, JsonValue])
