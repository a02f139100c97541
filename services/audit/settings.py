"""The audit service's own knobs."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from services.audit.domain.note import MalformedKeyError, Signer
from shared.settings import ServiceSettings


class AuditSettings(ServiceSettings):
    """What the audit service is told by its environment."""

    http_port: int = Field(default=8004, ge=0, le=65535)
    """Zero: any free port."""
    audit_signing_key: SecretStr
    """`PRIVATE+KEY+<name>+<id>+<base64>`, as golang.org/x/mod/sumdb/note writes it; `python -m services.audit genkey` makes one."""
    audit_origin: str = Field(default="lagspill.no/logs", pattern=r"^[a-z0-9.:-]+(/[a-z0-9._-]+)*$", max_length=80)
    """What the logs' names begin with: `<origin>/<municipality>`. It never changes, or the logs are others."""
    audit_gap_seconds: float = Field(default=30.0, ge=0)
    """How long a hole in a service's numbers may last before it is a finding."""
    audit_announce_seconds: float = Field(default=60.0, gt=0)
    """How often at most a checkpoint is published as an event."""
    cases_url: str | None = None
    """Where the cases service is: the reconciliation asks its `/journal/head`."""
    meetings_url: str | None = None
    """The same of the meetings service."""
    notify_url: str | None = None
    """The same of the notify service."""

    @field_validator("audit_signing_key")
    @classmethod
    def _is_key(cls, key: SecretStr) -> SecretStr:
        try:
            Signer.parse(key.get_secret_value())
        except MalformedKeyError as error:
            raise ValueError(str(error)) from None
        return key

    @property
    def peers(self) -> dict[str, str]:
        """Return the addresses of the other services that are known, by name."""
        known = {"cases": self.cases_url, "meetings": self.meetings_url, "notify": self.notify_url}
        return {name: address for name, address in known.items() if address is not None}

    @property
    def signer(self) -> Signer:
        """Return the signing key."""
        return Signer.parse(self.audit_signing_key.get_secret_value())
