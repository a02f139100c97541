"""What a service is told by its environment; a service adds its own knobs in a subclass.

Every variable `X` may be given as `X_FILE` instead, the name of a file that holds the value: how containers hand over secrets.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.bus import Bus, Login, Mechanism, Protocol, Tls

MAX_FILE: Final = 64 * 1024


class SettingsFileError(ValueError):
    """A settings file cannot be used."""


class _NamedFiles(PydanticBaseSettingsSource):
    """Reads `X_FILE` for every field X. Beside `X` itself it is refused: which of the two was meant cannot be known."""

    def __init__(
        self, settings: type[BaseSettings], environment: Mapping[str, str], private: Collection[str] = ()
    ) -> None:
        super().__init__(settings)
        self._private = private
        self._environment = {name.upper(): value for name, value in environment.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:  # noqa: ARG002
        """Return what stands in the file that `<FIELD>_FILE` names, without the final line break."""
        variable = f"{field_name.upper()}_FILE"
        path = self._environment.get(variable)
        if not path:
            return None, field_name, False
        if field_name in self._private:
            _check_private(variable, Path(path))
        if self._environment.get(field_name.upper()):
            raise SettingsFileError(f"both {field_name.upper()} and {variable} are set; give one of them")
        try:
            with Path(path).open(encoding="utf-8") as file:
                content = file.read(MAX_FILE + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsFileError(f"{variable} names a file that cannot be read: {type(error).__name__}") from None
        if len(content) > MAX_FILE:
            raise SettingsFileError(f"{variable} names a file of more than {MAX_FILE} characters")
        return content.rstrip("\r\n"), field_name, False

    def __call__(self) -> dict[str, str]:
        """Return the values of all fields that were given as files."""
        found: dict[str, str] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


def _check_private(variable: str, path: Path) -> None:
    """Refuse a file that others could read, or a group could write: as ssh does with a private key.

    A group may read it: how Kubernetes hands a secret to a process that is not root.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise SettingsFileError(f"{variable} names a file that cannot be read: {type(error).__name__}") from None
    if stat.S_IMODE(about.st_mode) & 0o037 or about.st_uid not in (0, os.geteuid()):
        raise SettingsFileError(
            f"{variable} names a file that is not private: its owner is this process's user or root,"
            " and its mode 0600 (a group may read it, nobody else)"
        )


class Settings(BaseSettings):
    """What is read from the environment, and from the files that it names. A field's name in capitals is its variable."""

    private_files: ClassVar[frozenset[str]] = frozenset()
    """Fields whose value, when it is given as a file, must stand in a private one."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the files that the environment names; no `.env` is ever read."""
        return init_settings, env_settings, _NamedFiles(settings_cls, os.environ, cls.private_files)


class BusSettings(Settings):
    """How the broker is reached."""

    kafka_bootstrap_servers: str
    """`host:port`, several by comma."""
    kafka_security_protocol: Protocol = "PLAINTEXT"
    """Kafka's own name: `SSL` with certificates, `SASL_SSL` with a login over TLS, the others without TLS."""
    kafka_ca: str | None = None
    """PEM certificates of the authority that the broker's certificate is from; unset, those that the system trusts."""
    kafka_certificate_path: Path | None = None
    """PEM: the certificate that this client shows, with its chain, where the broker wants one."""
    kafka_private_key_path: Path | None = None
    """PEM: the key of that certificate."""
    kafka_sasl_mechanism: Mechanism = "SCRAM-SHA-512"
    """How the login is shown."""
    kafka_sasl_username: str | None = None
    """The name that the broker's access rules know this client by (`deploy/broker-roles.yaml`)."""
    kafka_sasl_password: SecretStr | None = None
    """The password for it."""

    @model_validator(mode="after")
    def _login_as_the_protocol_has_it(self) -> BusSettings:
        if self.kafka_security_protocol.startswith("SASL_") != (
            self.kafka_sasl_username is not None and self.kafka_sasl_password is not None
        ):
            raise ValueError(
                "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD belong to SASL_SSL and SASL_PLAINTEXT, and both to it"
            )
        if (self.kafka_certificate_path is None) != (self.kafka_private_key_path is None):
            raise ValueError("KAFKA_CERTIFICATE_PATH and KAFKA_PRIVATE_KEY_PATH belong together")
        if not self.kafka_security_protocol.endswith("SSL") and (self.kafka_ca or self.kafka_certificate_path):
            raise ValueError("certificates belong to SSL and SASL_SSL")
        return self

    @property
    def bus(self) -> Bus:
        """Return the broker."""
        tls = login = None
        if self.kafka_security_protocol.endswith("SSL"):
            tls = Tls(self.kafka_ca, self.kafka_certificate_path, self.kafka_private_key_path)
        if self.kafka_sasl_username is not None and self.kafka_sasl_password is not None:
            login = Login(
                self.kafka_sasl_mechanism, self.kafka_sasl_username, self.kafka_sasl_password.get_secret_value()
            )
        return Bus(self.kafka_bootstrap_servers, tls, login)


class ServiceSettings(BusSettings):
    """The knobs that every service has."""

    database_url: SecretStr
    """PostgreSQL, this service's own database."""
    oidc_issuer: str
    """Exactly as in the tokens' `iss`; its metadata is read from `<issuer>/.well-known/openid-configuration`."""
    oidc_audience: str = "lagspill"
    """What stands in the tokens' `aud`."""
    http_host: str = "127.0.0.1"
    """Where it listens; `0.0.0.0` in a container, behind a proxy that ends TLS."""
    http_port: int = Field(default=8000, ge=0, le=65535)
    """Zero: any free port."""
    pid_key: SecretStr
    """Makes national numbers and subjects opaque (HMAC-SHA-256); at least 32 characters, the same for every service."""
    pid_key_previous: SecretStr | None = None
    """The key of before, while `PID_KEY` is being changed: who comes is still known; the same for every service."""
    staff_national_number: Literal["wanted", "required"] = "wanted"
    """Whether the token of an employee must have the national number (`pid`), by which their own child's case is kept from them."""
    vault_key: SecretStr | None = None
    """Key-encryption keys, the current one first: `<id>:<base64 of 32 bytes>`, separated by commas or line breaks."""
    lookup_key: SecretStr | None = None
    """Finds records by name or national number without storing either (HMAC-SHA-256); at least 32 characters."""
    lookup_key_previous: SecretStr | None = None
    """The lookup key of before, while it is being changed: what it made is still found; until `rotate-keys` is done."""
    lagspill_clock: Literal["system", "simulated"] = "system"
    """What the rules' clock is."""
    lagspill_clock_start: AwareDatetime | None = None
    """Where a simulated clock begins."""
    lagspill_development: bool = False
    """Allows what a real installation must not have: a simulated clock, and setting it over HTTP."""
    journal_seal_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)
    """How often, of the machine's time, the service states on the bus how far it has published; only where something was."""
    otel_exporter_otlp_endpoint: str | None = None
    """Where traces go; unset, nothing is traced."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """From which level lines are written."""

    @field_validator("pid_key", "pid_key_previous", "lookup_key", "lookup_key_previous")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 32:
            raise ValueError("a key needs at least 32 characters")
        return key

    @model_validator(mode="after")
    def _simulated_only_in_development(self) -> ServiceSettings:
        if self.lagspill_clock == "simulated" and not self.lagspill_development:
            raise ValueError("a simulated clock needs LAGSPILL_DEVELOPMENT=1")
        return self

    def called(self, topic: str) -> str:
        """Return what a topic is called on the broker: as it is declared, unless a service's settings say otherwise."""
        return topic
