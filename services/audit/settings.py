"""The audit service's own knobs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from services.audit.domain.cosignature import CosignatureKey, Cosigner, parse_log_key
from services.audit.domain.note import MalformedKeyError, Signer, Verifier
from services.audit.domain.policy import NO_WITNESSES, MalformedPolicyError, Policy
from services.audit.naming import NEUTRAL
from services.audit.signing import Signing, open_transit
from shared.settings import ServiceSettings

LONGEST_ORIGIN: Final = 80
_BEGINNING: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9._-]+)*")
_SHIPPED: Final = Path(__file__).resolve().parents[2] / "deploy"


class AuditSettings(ServiceSettings):
    """What the audit service is told by its environment."""

    http_port: int = Field(default=8004, ge=0, le=65535)
    """Zero: any free port."""
    private_files: ClassVar[frozenset[str]] = frozenset(
        {"audit_signing_key", "audit_protected_key", "audit_transit_token", "audit_witness_key"}
    )

    audit_signing_key: SecretStr | None = None
    """One line a key, the newest first: `PRIVATE+KEY+<name>+<id>+<base64>`; `python -m services.audit genkey` makes one.

    As a file, nobody else may read it.
    """
    audit_protected_key: SecretStr | None = None
    """What the keys of address-protected cases' logs are derived from, in the same form; unset, from `AUDIT_SIGNING_KEY`.

    Each such log has a key of its own, which nobody can tell to be this deployment's.
    """
    audit_transit_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Instead of a key: where a transit engine (HashiCorp Vault, OpenBao) is mounted, for example `https://vault.example.no/v1/transit`."""
    audit_transit_key: str = Field(default="lagspill-audit", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    """The name of its key, of the type ed25519; its versions are the keys."""
    audit_transit_token: SecretStr | None = None
    """What it asks for in `X-Vault-Token`; unset where an agent beside the service adds it."""
    audit_transit_socket: str | None = None
    """The path of a Unix socket to reach it through."""
    audit_key_overlap_days: float = Field(default=90.0, ge=0, le=3650)
    """How long an old signing key signs beside the one that follows it."""
    audit_origin: str = NEUTRAL
    """What the logs' names begin with: `<origin>/<municipality>`. It never changes, or the logs are others."""
    audit_protected_origin: str = NEUTRAL
    """The same of the logs of address-protected cases: `<it>/prt_...`. It must not name the municipality, nor any place.

    A log keeps the name with which it began.
    """
    audit_witness_policy: str | None = None
    """The witnesses that are asked for cosignatures, and how many are enough: a C2SP tlog-policy with their addresses."""
    audit_witness_key: SecretStr | None = None
    """What this deployment cosigns other logs' checkpoints with; `python -m services.audit genkey --witness` makes one.

    As a file, nobody else may read it.
    """
    audit_watched_logs: str | None = None
    """The logs that it cosigns: one public key (vkey) a line, whose name is the log's origin; a `#` begins a remark."""
    audit_topic_prefix: str = Field(default="", pattern=r"^([a-z0-9-]{1,40}\.)?$")
    """What stands before every topic's name, for two deployments of the audit service on one broker: for trying out."""
    audit_gap_seconds: float = Field(default=30.0, ge=0)
    """How long a hole in a service's numbers may last before it is a finding."""
    audit_announce_seconds: float = Field(default=60.0, gt=0)
    """How often at most a checkpoint is published as an event."""
    audit_patterns_file: Path = _SHIPPED / "patterns.yaml"
    """The thresholds of the patterns that the privacy officer is told of, each with its reason."""
    audit_municipalities_folder: Path = _SHIPPED / "municipalities"
    """The municipalities' profiles; their school holidays are read."""
    cases_url: str | None = None
    """Where the cases service is: the reconciliation asks its `/journal/head`."""
    meetings_url: str | None = None
    """The same of the meetings service."""
    notify_url: str | None = None
    """The same of the notify service."""
    codelists: Path = _SHIPPED / "codelists"
    """The folder with the dated code lists: what a legal basis is called, whose names an innsyn report gives."""
    innsyn_names_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Where the municipality's directory says what employees are called (docs/innsyn.md); unset, no report holds a name."""
    innsyn_names_token: SecretStr | None = None
    """The bearer token for it."""
    innsyn_contact: str | None = Field(default=None, min_length=1, max_length=200)
    """Where a guardian asks for a name, as it stands in the report: an address, a telephone number."""
    pages_client_id: str | None = Field(default=None, min_length=1, max_length=255)
    """The auditors' pages' client at the OIDC issuer; unset, nobody can sign in to them."""
    pages_client_secret: SecretStr | None = None
    """Of that client; none for a public client, which PKCE alone protects."""
    pages_url: str | None = None
    """Where browsers reach this service. `<it>/pages/callback` must be registered with the client, `<it>/` for after sign-out."""
    pages_scope: str = Field(default="openid", pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$")
    """What is asked of the issuer."""
    pages_resource: str | None = None
    """Asked as `resource` (RFC 8707), where the issuer needs that to make an access token for `OIDC_AUDIENCE`."""
    pages_session_seconds: float = Field(default=3600.0, ge=600.0, le=43200.0)
    """How long anybody stays signed in to the pages, at most."""
    pages_idle_seconds: float = Field(default=1200.0, ge=60.0, le=43200.0)
    """After how long without a page one is signed out."""

    @field_validator("audit_origin", "audit_protected_origin")
    @classmethod
    def _can_begin_a_name(cls, origin: str) -> str:
        if len(origin) > LONGEST_ORIGIN or _BEGINNING.fullmatch(origin) is None:
            raise ValueError(
                "what logs' names begin with is a host and a path without scheme and port, of a-z, 0-9, `.`, `_` and `-`,"
                f" beginning with a letter or digit, of at most {LONGEST_ORIGIN} characters: `audit.example.no/logs`"
            )
        return origin

    @field_validator("pages_url")
    @classmethod
    def _is_origin(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not (parts.scheme == "https" or local) or not parts.hostname or url != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("the pages' address is https://<host>, without a path; http only on this very machine")
        return url

    @model_validator(mode="after")
    def _pages_have_an_address(self) -> AuditSettings:
        if self.pages_client_id is not None and self.pages_url is None:
            raise ValueError("PAGES_CLIENT_ID needs PAGES_URL")
        return self

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> AuditSettings:
        if (self.audit_signing_key is None) == (self.audit_transit_url is None):
            raise ValueError("either AUDIT_SIGNING_KEY or AUDIT_TRANSIT_URL says what signs the log")
        if self.audit_transit_url is not None and self.audit_protected_key is None:
            raise ValueError(
                "AUDIT_TRANSIT_URL needs AUDIT_PROTECTED_KEY: the logs of address-protected cases have keys of their own"
            )
        try:
            _ = self.protected_signers
            if self.signers:
                Signing.held(*self.signers, protected=self.protected_signers)
        except MalformedKeyError as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _witnesses_are_named(self) -> AuditSettings:
        try:
            _ = self.witness_policy, self.cosigner, self.watched_logs
        except (MalformedPolicyError, MalformedKeyError) as error:
            raise ValueError(str(error)) from None
        if (self.audit_witness_key is None) != (self.audit_watched_logs is None):
            raise ValueError("AUDIT_WITNESS_KEY and AUDIT_WATCHED_LOGS go together")
        return self

    @property
    def witness_policy(self) -> Policy:
        """Return which witnesses are asked, and which of them are enough."""
        return NO_WITNESSES if self.audit_witness_policy is None else Policy.parse(self.audit_witness_policy)

    @property
    def cosigner(self) -> Cosigner | None:
        """Return the key to cosign other logs' checkpoints with."""
        return None if self.audit_witness_key is None else Cosigner.parse(self.audit_witness_key.get_secret_value())

    @property
    def watched_logs(self) -> tuple[Verifier | CosignatureKey, ...]:
        """Return the keys of the logs whose checkpoints are cosigned."""
        lines = (line.partition("#")[0].strip() for line in (self.audit_watched_logs or "").splitlines())
        return tuple(parse_log_key(line) for line in lines if line)

    def called(self, topic: str) -> str:
        """Return what a topic is called on this deployment's broker."""
        return f"{self.audit_topic_prefix}{topic}"

    @property
    def peers(self) -> dict[str, str]:
        """Return the addresses of the other services that are known, by name."""
        known = {"cases": self.cases_url, "meetings": self.meetings_url, "notify": self.notify_url}
        return {name: address for name, address in known.items() if address is not None}

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Return the signing keys that are given as such, the newest first."""
        if self.audit_signing_key is None:
            return ()
        return tuple(Signer.parse(line) for line in self.audit_signing_key.get_secret_value().split())

    @property
    def protected_signers(self) -> tuple[Signer, ...]:
        """Return the keys that those of protected logs are derived from, the newest first; none where it is `signers`."""
        if self.audit_protected_key is None:
            return ()
        return tuple(Signer.parse(line) for line in self.audit_protected_key.get_secret_value().split())

    async def open_signing(self) -> Signing:
        """Return what signs the checkpoints.

        Raises:
            SigningUnavailableError, SigningRefusedError: the transit engine does not answer, or has no such key for us.
        """
        overlap = timedelta(days=self.audit_key_overlap_days)
        if self.audit_transit_url is None:
            return Signing.held(*self.signers, protected=self.protected_signers, overlap=overlap)
        return await open_transit(
            self.audit_transit_url,
            self.audit_transit_key,
            protected=self.protected_signers,
            token=self.audit_transit_token,
            socket=self.audit_transit_socket,
            overlap=overlap,
        )
