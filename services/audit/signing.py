"""What signs the checkpoints: keys in a file, or keys that a key management service never gives away.

The port is `SigningKey`: a public key and a signature over bytes. `HeldKey` keeps the private key in this process; `TransitKey`
asks a signing service in another process for each signature, as HashiCorp Vault's transit engine (and OpenBao's) answers over
HTTP or a Unix socket, so that whoever takes over the writing process can have things signed while it lasts, and takes no key
away. Neither is ever within reach of the database.

The log of an address-protected case has a key of its own, derived from a key in a file: one key under two names has the same
bytes in both, and would say whose log it is.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError

from services.audit.domain.note import MalformedKeyError, Signer, Verifier, write_note
from services.audit.errors import SigningRefusedError, SigningUnavailableError
from shared.refs import LogScope, is_protected

SECONDS: Final = 5.0
"""How long a signature may take: the database ends a batch's transaction in which nothing happens for ten."""
OVERLAP: Final = timedelta(days=90)
"""How long an old key signs beside a new one, unless the settings say otherwise."""


class SigningKey(Protocol):
    """An Ed25519 key that can sign."""

    @property
    def public_key(self) -> bytes:
        """Its public half, 32 bytes (RFC 8032)."""

    async def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, 64 bytes.

        Raises:
            SigningUnavailableError: it cannot be had at present.
            SigningRefusedError: it is not given.
        """


class HeldKey:
    """A key in this process."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def public_key(self) -> bytes:
        """Its public half."""
        return self._signer.verifier.public_key

    async def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""
        return self._signer.sign_bytes(message)


class TransitKey:
    """One version of a key of a transit engine."""

    def __init__(self, http: httpx.AsyncClient, name: str, version: int, public_key: bytes) -> None:
        self._http = http
        self._name = name
        self._version = version
        self._public_key = public_key

    @property
    def public_key(self) -> bytes:
        """Its public half."""
        return self._public_key

    async def sign(self, message: bytes) -> bytes:
        """Ask for the signature over `message`.

        Raises:
            SigningUnavailableError: the engine does not answer.
            SigningRefusedError: it refuses, or answers something else than this version's signature.
        """
        asked = {"input": base64.b64encode(message).decode(), "key_version": self._version}
        answer = _Signed.model_validate(await _ask(self._http, "POST", f"sign/{self._name}", asked))
        prefix, _, encoded = answer.signature.rpartition(":")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise SigningRefusedError("the transit engine's signature is not base64") from error
        if prefix != f"vault:v{self._version}" or len(signature) != 64:
            raise SigningRefusedError("the transit engine answered with another key's signature")
        return signature


class Signing:
    """The keys that can sign, the newest first."""

    def __init__(
        self,
        keys: Sequence[SigningKey],
        *,
        protected: Sequence[Signer] = (),
        overlap: timedelta = OVERLAP,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Sign with `keys`, and address-protected cases' logs with keys derived from `protected`, the newest first.

        `http` is closed with the service.

        Raises:
            MalformedKeyError: there is no key, or one of them twice.
        """
        derived_from = {signer.verifier.public_key for signer in protected}
        if not keys or len({key.public_key for key in keys}) != len(keys) or len(derived_from) != len(protected):
            raise MalformedKeyError("there is at least one signing key, and none of them twice")
        self._keys = tuple(keys)
        self._protected = tuple(protected)
        self._http = http
        self.overlap: Final = overlap
        """How long an old key signs beside a new one."""
        self._known: dict[str, dict[str, tuple[Verifier, SigningKey]]] = {}

    @classmethod
    def held(cls, *signers: Signer, protected: Sequence[Signer] = (), overlap: timedelta = OVERLAP) -> Signing:
        """Return keys of this process, the newest first; protected logs' are derived from them too, unless others are given."""
        return cls([HeldKey(signer) for signer in signers], protected=protected or signers, overlap=overlap)

    async def start(self) -> None:
        """There is nothing to begin."""

    async def stop(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.aclose()

    def verifiers(self, origin: str) -> tuple[Verifier, ...]:
        """Return the public keys under the log's own name (tlog-checkpoint § Signatures), the newest first."""
        return tuple(verifier for verifier, _ in self._under(origin).values())

    def verifier(self, origin: str) -> Verifier:
        """Return the newest public key under the log's own name."""
        return self.verifiers(origin)[0]

    async def sign(self, origin: str, text: str, by: Collection[str] | None = None) -> str:
        """Return the signed note over `text`: one signature line for each key.

        Args:
            origin: the log's name, under which each key signs.
            text: the checkpoint.
            by: the vkeys that are to sign; None for all.

        Raises:
            SigningUnavailableError, SigningRefusedError: a signature cannot be had.
            MalformedNoteError: a note cannot hold this text.
        """
        chosen = [pair for vkey, pair in self._under(origin).items() if by is None or vkey in by]
        message = text.encode()
        signatures = await asyncio.gather(*(key.sign(message) for _, key in chosen))
        signed = [(verifier, signature) for (verifier, _), signature in zip(chosen, signatures, strict=True)]
        # A wrong signature would make the checkpoint worthless for ever: it cannot be replaced.
        if not all(verifier.signed(text, signature) for verifier, signature in signed):
            raise SigningRefusedError("a signature is not that of the key that was asked for")
        return write_note(text, signed)

    def _under(self, origin: str) -> Mapping[str, tuple[Verifier, SigningKey]]:
        if origin not in self._known:
            named = [(Verifier(origin, key.public_key), key) for key in self._keys_of(origin)]
            self._known[origin] = {verifier.vkey: (verifier, key) for verifier, key in named}
        return self._known[origin]

    def _keys_of(self, origin: str) -> Sequence[SigningKey]:
        if not is_protected(LogScope(origin.rpartition("/")[2])):
            return self._keys
        if not self._protected:
            raise SigningRefusedError("there is no key to derive the keys of address-protected cases' logs from")
        return [HeldKey(signer.derived(origin)) for signer in self._protected]


async def open_transit(
    url: str,
    name: str,
    *,
    protected: Sequence[Signer] = (),
    token: SecretStr | None = None,
    socket: str | None = None,
    overlap: timedelta = OVERLAP,
) -> Signing:
    """Return the versions of a transit engine's key that may sign, the newest first.

    Args:
        url: where the engine is mounted, for example `https://vault.example.no/v1/transit`.
        name: the key's name; its type is ed25519, without derivation.
        protected: what protected logs' keys are derived from, the newest first.
        token: sent as `X-Vault-Token`; None where an agent beside the service adds it.
        socket: the path of a Unix socket to reach it through.
        overlap: how long two versions sign together.

    Raises:
        SigningUnavailableError: the engine does not answer.
        SigningRefusedError: it refuses, or the key is of another kind.
    """
    http = httpx.AsyncClient(
        base_url=f"{url.rstrip('/')}/",
        headers={} if token is None else {"X-Vault-Token": token.get_secret_value()},
        transport=httpx.AsyncHTTPTransport(uds=socket, retries=1),
        timeout=SECONDS,
    )
    try:
        keys = await _versions(http, name)
        return Signing(keys, protected=protected, overlap=overlap, http=http)
    except BaseException:
        await http.aclose()
        raise


async def _versions(http: httpx.AsyncClient, name: str) -> list[TransitKey]:
    try:
        described = _Described.model_validate(await _ask(http, "GET", f"keys/{name}"))
    except ValidationError as error:
        raise SigningRefusedError("the transit engine does not describe an asymmetric key") from error
    if described.type != "ed25519" or described.derived:
        raise SigningRefusedError("the transit engine's key is not of the type ed25519 without derivation")
    versions = sorted((each for each in described.keys if each >= described.min_encryption_version), reverse=True)
    return [
        TransitKey(http, name, version, base64.b64decode(described.keys[version].public_key)) for version in versions
    ]


class _Version(BaseModel):
    public_key: str


class _Described(BaseModel):
    """`GET keys/:name` of a transit engine."""

    type: str
    derived: bool
    min_encryption_version: int = 0
    """The oldest version that may sign; zero, any that is there."""
    keys: Mapping[int, _Version] = Field(min_length=1)


class _Signed(BaseModel):
    """`POST sign/:name` of a transit engine."""

    signature: str


class _Answer(BaseModel):
    data: Mapping[str, object]


async def _ask(
    http: httpx.AsyncClient, method: str, path: str, asked: Mapping[str, object] | None = None
) -> Mapping[str, object]:
    try:
        answer = await http.request(method, path, json=asked)
    except httpx.TransportError as error:
        raise SigningUnavailableError(f"the signing service does not answer: {type(error).__name__}") from error
    if answer.status_code >= 500 or answer.status_code == 429:
        raise SigningUnavailableError(f"the signing service answered {answer.status_code}")
    if not answer.is_success:
        raise SigningRefusedError(f"the signing service answered {answer.status_code}")
    try:
        return _Answer.model_validate_json(answer.content).data
    except ValidationError as error:
        raise SigningRefusedError("the signing service answered something else than a transit engine would") from error
