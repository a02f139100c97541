"""A signing service in a process of its own, which answers as a transit engine does (HashiCorp Vault, OpenBao): for tests.

    python -m tests.integration.transit_server (PORT | SOCKET)

It makes a key of the type ed25519 at its start and never gives it away. On standard output it writes a line once it listens: its
port, or its socket. `X-Vault-Token` must be `a-token`. What a test does to it from outside goes through the same API: rotate,
config; and `POST /misbehave {"mode": ..}`.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOKEN = "a-token"
NAME = "lagspill-audit"


class Engine:
    """The keys, and how it behaves."""

    def __init__(self) -> None:
        self.keys = {1: Ed25519PrivateKey.generate()}
        self.lowest = 0
        self.mode = "well"
        self.kind = "ed25519"

    def describe(self) -> dict[str, Any]:
        return {
            "name": NAME,
            "type": self.kind,
            "derived": False,
            "exportable": False,
            "latest_version": max(self.keys),
            "min_decryption_version": 1,
            "min_encryption_version": self.lowest,
            "keys": {
                str(version): {
                    "name": "ed25519",
                    "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
                    "creation_time": "2026-09-07T10:00:00Z",
                }
                for version, key in self.keys.items()
            },
        }

    def sign(self, asked: dict[str, Any]) -> dict[str, Any]:
        version = asked["key_version"] or max(self.keys)
        if version < self.lowest or version not in self.keys:
            raise PermissionError
        message = base64.b64decode(asked["input"], validate=True)
        key = self.keys[version]
        if self.mode == "another-message":
            message += b"!"
        if self.mode == "another-version":
            version += 1
        return {"signature": f"vault:v{version}:{base64.b64encode(key.sign(message)).decode()}"}


ENGINE = Engine()


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self.path == f"/v1/transit/keys/{NAME}", lambda _: ENGINE.describe())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

        def rotate(_: dict[str, Any]) -> dict[str, Any]:
            ENGINE.keys[max(ENGINE.keys) + 1] = Ed25519PrivateKey.generate()
            return {}

        def configure(asked: dict[str, Any]) -> dict[str, Any]:
            ENGINE.lowest = asked["min_encryption_version"]
            return {}

        def misbehave(asked: dict[str, Any]) -> dict[str, Any]:
            ENGINE.mode, ENGINE.kind = asked.get("mode", "well"), asked.get("type", "ed25519")
            return {}

        route = {
            f"/v1/transit/sign/{NAME}": ENGINE.sign,
            f"/v1/transit/keys/{NAME}/rotate": rotate,
            f"/v1/transit/keys/{NAME}/config": configure,
            "/misbehave": misbehave,
        }.get(self.path)
        self._answer(route is not None, route or misbehave, asked)

    def _answer(self, known: bool, act: Any, asked: dict[str, Any] | None = None) -> None:
        status, body = 200, b""
        if self.headers.get("X-Vault-Token") != TOKEN:
            status, body = 403, b'{"errors":["permission denied"]}'
        elif not known:
            status, body = 404, b'{"errors":[]}'
        elif ENGINE.mode in ("sealed", "garbage") and self.path != "/misbehave":
            status, body = (503, b'{"errors":["Vault is sealed"]}') if ENGINE.mode == "sealed" else (200, b"<html>")
        else:
            try:
                body = json.dumps({"request_id": "x", "lease_duration": 0, "data": act(asked)}).encode()
            except PermissionError:
                status, body = 400, b'{"errors":["requested version for signing is less than the minimum version"]}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class UnixServer(ThreadingHTTPServer):
    """The same on a Unix socket."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(str(self.server_address))
        Path(str(self.server_address)).chmod(0o600)
        self.server_name, self.server_port = "localhost", 0


def main(where: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(where)), Handler) if where.isdigit() else UnixServer(where, Handler)  # type: ignore[arg-type]
    sys.stdout.write(f"{server.server_address[1] if where.isdigit() else where}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
