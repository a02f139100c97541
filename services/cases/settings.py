"""The knobs of the cases service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import AnyHttpUrl, Field, SecretStr

from shared.settings import ServiceSettings


class CasesSettings(ServiceSettings):
    """What the environment tells the cases service."""

    http_port: int = Field(default=8001, ge=0, le=65535)
    """Zero: any free port."""
    codelists: Path = Path(__file__).resolve().parents[2] / "deploy" / "codelists"
    """The folder with the dated code lists: legal bases, who must grant."""
    municipalities_folder: Path = Path(__file__).resolve().parents[2] / "deploy" / "municipalities"
    """One profile per municipality, `<name>.yaml`; its `cases:` part is read here."""
    reaching_clients: frozenset[str] = frozenset({"notify"})
    """The clients whose service accounts may know where guardians are reached."""
    directory_clients: frozenset[str] = frozenset({"directory"})
    """The clients whose service accounts may say that somebody is closed in the organisation's directory."""
    concern_report_url: AnyHttpUrl | None = None
    """Where concern reports are posted to child welfare, as JSON; unset, they are printed and go by letter."""
    concern_report_token: SecretStr | None = None
    """The bearer token for it, if it wants one."""
    receipt_within: timedelta = timedelta(minutes=10)
    """How long the services that must act on an ended consent have before a missing receipt is an alarm (ISO 8601)."""
    clamd_address: str | None = None
    """`host:port` of a ClamAV daemon (or what speaks its protocol) that looks through every document; unset, nobody does."""
    largest_document: int = Field(default=25 * 1024 * 1024, ge=1024, le=1024 * 1024 * 1024)
    """Bytes."""
