"""Where the local set lives and listens, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class LocalSettings(BaseSettings):
    """The knobs of `lagspill up`. An address that is given replaces the embedded part."""

    model_config = SettingsConfigDict(
        env_prefix="LAGSPILL_", frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    home: Path = Path(".lagspill")
    """The folder of all data, logs and development keys."""

    postgres_port: int = 54320
    """Of the embedded PostgreSQL."""
    kafka_port: int = 29092
    """Of the embedded Kafka."""
    kafka_controller_port: int = 29093
    """Of its controller."""
    oidc_port: int = 8080
    """Of the embedded identity server."""
    cases_port: int = 8001
    """Of the cases service."""
    meetings_port: int = 8002
    """Of the meetings service."""
    notify_port: int = 8003
    """Of the notify service."""
    audit_port: int = 8004
    """Of the audit service."""
    neighbour_port: int = 8005
    """Of the next municipality's audit service: the two are each other's witness."""
    smtp_port: int = 8025
    """Where mails are caught, unless `SMTP_HOST` names a mail server."""

    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL"))
    """An administrator's address on a PostgreSQL of your own: `up` makes one database and role per service there."""
    kafka_bootstrap_servers: str | None = Field(default=None, validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS"))
    """A Kafka of your own: `up` makes the topics that are missing there."""
    oidc_issuer: str | None = Field(default=None, validation_alias=AliasChoices("OIDC_ISSUER"))
    """An issuer of your own."""
