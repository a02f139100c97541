"""The knobs of the notify service."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from shared.contracts.codes import Language
from shared.settings import ServiceSettings


class NotifySettings(ServiceSettings):
    """Where mails go out, where guardians' addresses are asked for, and what a message links to."""

    http_port: int = Field(default=8003, ge=0, le=65535)
    """Zero: any free port."""
    app_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8003/")
    """Where people sign in; a mail links to `messages/<reference>` below it."""
    notify_language: Language = Language.NB
    """The language of somebody who has not chosen one."""

    cases_url: AnyHttpUrl = AnyHttpUrl("http://127.0.0.1:8001/")
    """Where the cases service is: it is asked, at the moment of sending, where guardians are reached."""
    oidc_token_url: AnyHttpUrl | None = None
    """Where this service gets its own tokens; by default what the issuer's metadata says."""
    oidc_client_id: str = "notify"
    """Who this service is to the issuer (client credentials)."""
    oidc_client_secret: SecretStr = SecretStr("notify")
    """The client's secret."""

    smtp_host: str | None = None
    """Unset: nothing is mailed, and messages are read in the application only."""
    smtp_port: int = Field(default=25, ge=1, le=65535)
    """The mail server's port."""
    smtp_security: Literal["offered", "starttls", "tls", "none"] = "offered"
    """STARTTLS when the server offers it, always STARTTLS, TLS from the first byte, or neither."""
    smtp_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    smtp_username: str | None = None
    """Unset: no login."""
    smtp_password: SecretStr | None = None
    """Belongs to the name."""
    smtp_from: str = Field(default="ikke-svar@lagspill.example", pattern=r"^[^@\s<>]{1,64}@[A-Za-z0-9.-]{1,190}$")
    """The address that mails come from."""
    smtp_timeout: float = Field(default=20.0, gt=0, le=50)
    """Seconds for one mail."""
    delivery_first_pause: float = Field(default=5.0, gt=0)
    """Seconds before a second attempt; each further pause is twice as long, up to an hour."""
    delivery_hours: float = Field(default=72.0, gt=0)
    """Hours after which a mail that could not be delivered is given up."""

    @model_validator(mode="after")
    def _login_is_whole(self) -> NotifySettings:
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("SMTP_USERNAME and SMTP_PASSWORD belong together")
        return self
