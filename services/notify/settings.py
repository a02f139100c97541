"""The knobs of the notify service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import AnyHttpUrl, Field, IPvAnyNetwork, SecretStr, model_validator

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
    bounce_clients: frozenset[str] = frozenset()
    """The clients whose service accounts may say which mails came back (docs/messages.md). Empty: nobody may."""
    sms_url: AnyHttpUrl | None = None
    """The SMS gateway: each message is posted there as JSON (docs/messages.md). Unset: no SMS is sent."""
    sms_token: SecretStr | None = None
    """The bearer token for it, if it wants one."""
    sms_sender: str = Field(default="Lagspill", pattern=r"^([A-Za-z0-9 ]{1,11}|\+?[0-9]{3,15})$")
    """Whom an SMS is from: a name of at most eleven letters and digits, or a number."""
    sms_ca_file: Path | None = None
    """Certificates that the gateway may have, beside those that the system trusts."""
    sms_timeout: float = Field(default=15.0, gt=0, le=30)
    """Seconds for one SMS."""
    digital_post_folder: Path | None = None
    """Where letters are laid for the municipality's digital post, before paper (docs/messages.md). Unset: they go on paper."""
    delivery_first_pause: float = Field(default=5.0, gt=0)
    """Seconds before a second attempt; each further pause is twice as long, up to an hour."""
    delivery_hours: float = Field(default=72.0, gt=0)
    """Hours after which an e-mail or SMS that could not be delivered is given up."""
    letter_days: int = Field(default=3, ge=1, le=60)
    """Days after which a letter is due: of what a guardian must know of, and has neither been sent nor read."""

    subscribing_clients: frozenset[str] = frozenset()
    """The clients whose service accounts may subscribe by webhook (docs/subscribing.md)."""
    everywhere_clients: frozenset[str] = frozenset()
    """Those of them that may have every municipality's events, and not only those of the municipality in their token."""
    cleared_clients: frozenset[str] = frozenset()
    """Those of them that may have the logs of address-protected cases, when their token has the clearance too."""
    webhook_networks: frozenset[IPvAnyNetwork] = frozenset()
    """Networks of our own that webhooks may go to all the same; the whole Internet they may."""
    webhook_ca_file: Path | None = None
    """Certificates that receivers may have, beside those that the system trusts."""
    webhook_timeout: float = Field(default=15.0, gt=0, le=30)
    """Seconds for one webhook."""
    webhook_first_pause: float = Field(default=5.0, gt=0)
    """Seconds before a second attempt; each further pause is twice as long, up to an hour, and spread at random."""
    webhook_hours: float = Field(default=72.0, gt=0)
    """Hours of failing after which a subscription is stopped, and its owner told."""
    webhook_receipt_within: timedelta = timedelta(hours=1)
    """How long a subscription that acknowledges has, after a consent has ended, before a missing receipt is an alarm (ISO 8601)."""
    webhook_secret_overlap: timedelta = timedelta(days=1)
    """How long everything is signed with the old secret too when it is changed (ISO 8601)."""
    feed_days: float = Field(default=30.0, gt=0)
    """Days for which events are kept for subscriptions to have them again, and receipts after they were settled."""

    @model_validator(mode="after")
    def _login_is_whole(self) -> NotifySettings:
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("SMTP_USERNAME and SMTP_PASSWORD belong together")
        return self

    @model_validator(mode="after")
    def _numbers_go_over_tls(self) -> NotifySettings:
        if self.sms_url is not None and self.sms_url.scheme != "https" and not self.lagspill_development:
            raise ValueError("SMS_URL is an https address")
        return self
