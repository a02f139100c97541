"""Where the local set lives and listens, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class LocalSettings(BaseSettings):
    """The knobs of `lagspill up`. An address that is given replaces the embedded part."""

    model_config = SettingsConfigDict(env_prefix="LAGSPILL_", frozen=True, extra="ignore")

    home: Path = Path(".lagspill")
    """The folder of all data, logs and development keys."""

    postgres_port: int = 54320
    kafka_port: int = 29092
    kafka_controller_port: int = 29093
    oidc_port: int = 8080
    cases_port: int = 8001
    meetings_port: int = 8002
    notify_port: int = 8003
    audit_port: int = 8004
    smtp_port: int = 8025

    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL"))
    """An administrator's address on a PostgreSQL of your own: `up` makes one database and role per service there."""
    kafka_bootstrap_servers: str | None = Field(default=None, validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS"))
    oidc_issuer: str | None = Field(default=None, validation_alias=AliasChoices("OIDC_ISSUER"))
