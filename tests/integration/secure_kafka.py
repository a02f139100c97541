"""A Kafka that asks who one is: TLS with an authority of its own, logins by SCRAM-SHA-512, and access rules."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local.kafka import CLUSTER, Kafka
from deploy.local.process import HOST, free_port
from shared.bus import Bus, Login, Tls

ADMIN = "admin"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test, and the broker's certificate with its key, each as PEM."""

    ca: str
    broker: str


def make_authority() -> Authority:
    """Return a new one, for a broker on this machine."""
    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of a test")])

    def begin(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca = (
        begin(issuer, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    broker = (
        begin(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Authority(
        ca=ca.public_bytes(Encoding.PEM).decode(), broker=private + broker.public_bytes(Encoding.PEM).decode()
    )


class SecureKafka(Kafka):
    """One node whose clients' port speaks SASL_SSL only; what is not allowed is forbidden."""

    def __init__(self, folder: Path, logins: dict[str, str]) -> None:
        """Know these logins (name to password); `admin` may do everything."""
        super().__init__(folder / "data", free_port(), free_port(), log=folder / "kafka.log")
        self.authority = make_authority()
        self._logins = logins

    def bus(self, login: str, *, password: str | None = None, ca: str | None = None) -> Bus:
        """Return this broker as a client with that login sees it."""
        known = password if password is not None else self._logins[login]
        return Bus(self.bootstrap_servers, Tls(ca or self.authority.ca), Login("SCRAM-SHA-512", login, known))

    def ready(self) -> bool:
        """Tell whether the broker handles requests, over TLS."""
        client = b"test"
        request = struct.pack(">hhih", 18, 0, 1, len(client)) + client
        try:
            with (
                socket.create_connection((HOST, self.port), timeout=1) as plain,
                ssl.create_default_context(cadata=self.authority.ca).wrap_socket(plain, server_hostname=HOST) as wire,
            ):
                wire.sendall(struct.pack(">i", len(request)) + request)
                return len(wire.recv(8)) == 8
        except OSError:
            return False

    def _format(self) -> None:
        tool = [*self._java("kafka.tools.StorageTool", heap="128m"), "format", "-t", CLUSTER]
        for name, password in self._logins.items():
            tool += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        done = subprocess.run(
            [*tool, "-c", str(self.data / "server.properties")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr or done.stdout

    def _settings(self) -> str:
        chain = self.data / "broker.pem"
        chain.write_text(self.authority.broker)
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        own = f'{login} username="{ADMIN}" password="{self._logins[ADMIN]}";'
        return super()._settings() + "".join(
            f"{name}={value}\n"
            for name, value in {
                "listeners": f"SASL_SSL://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
                "advertised.listeners": f"SASL_SSL://{HOST}:{self.port}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
                "inter.broker.listener.name": "SASL_SSL",
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": own,
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": chain,
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": self._trusted(),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # The controller's port is the broker's own, and says nothing of who it is.
                "super.users": f"User:{ADMIN};User:ANONYMOUS",
            }.items()
        )

    def _trusted(self) -> Path:
        path = self.data / "ca.pem"
        path.write_text(self.authority.ca)
        return path
