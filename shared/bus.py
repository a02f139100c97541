"""Where the broker is, and how a client of it shows who it is: TLS, a login, both or neither."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypedDict

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_SASL: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class ClientOptions(TypedDict, total=False):
    """What every client of aiokafka is told."""

    bootstrap_servers: list[str]
    security_protocol: Protocol
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: Mechanism
    sasl_plain_username: str
    sasl_plain_password: str


@dataclass(frozen=True)
class Tls:
    """Whom a client trusts, and the certificate that it shows if the broker wants one."""

    ca: str | None = None
    """PEM certificates of the broker's authority; None for those that the system trusts."""
    certificate: Path | None = None
    """PEM, with its chain."""
    private_key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what a connection is made with: the broker's name and chain are always checked.

        Raises:
            OSError, ssl.SSLError: a file cannot be read, or is no certificate.
        """
        context = ssl.create_default_context(cadata=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.private_key)
        return context


@dataclass(frozen=True)
class Login:
    """A name that the broker knows, and the password; it shows neither in its representation."""

    mechanism: Mechanism
    username: str
    password: str

    def __repr__(self) -> str:
        """Return the mechanism only."""
        return f"Login({self.mechanism})"


@dataclass(frozen=True)
class Bus:
    """The broker, as a client of it is told of it."""

    servers: str
    """Comma-separated `host:port`."""
    tls: Tls | None = None
    login: Login | None = None

    @classmethod
    def at(cls, where: Bus | str) -> Bus:
        """Return `where`; of an address alone, the broker there without TLS and login."""
        return where if isinstance(where, Bus) else cls(where)

    @property
    def addresses(self) -> list[str]:
        """Return each `host:port`."""
        return [server.strip() for server in self.servers.split(",")]

    @property
    def protocol(self) -> Protocol:
        """Return Kafka's name for how it is spoken to."""
        if self.login is None:
            return "PLAINTEXT" if self.tls is None else "SSL"
        return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"

    def options(self) -> ClientOptions:
        """Return the options of an aiokafka client.

        Raises:
            OSError, ssl.SSLError: a certificate cannot be used.
        """
        options = ClientOptions(bootstrap_servers=self.addresses, security_protocol=self.protocol)
        if self.tls is not None:
            options["ssl_context"] = self.tls.context()
        if self.login is not None:
            options["sasl_mechanism"] = self.login.mechanism
            options["sasl_plain_username"] = self.login.username
            options["sasl_plain_password"] = self.login.password
        return options

    def security(self) -> BaseSecurity | None:
        """Return the same for FastStream.

        Raises:
            OSError, ssl.SSLError: a certificate cannot be used.
        """
        context = None if self.tls is None else self.tls.context()
        if self.login is None:
            return None if context is None else BaseSecurity(ssl_context=context)
        kind = _SASL[self.login.mechanism]
        return kind(self.login.username, self.login.password, ssl_context=context, use_ssl=context is not None)
