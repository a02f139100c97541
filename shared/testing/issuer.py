"""An OIDC issuer of the test's own: it signs RFC 9068 tokens, and serves its keys over real HTTP."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Literal
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

Algorithm = Literal["RS256", "ES256"]
Claim = str | int | bool | None | Sequence[str]
Key = RSAKey | ECKey

DIFFERENT: Final = 4
"""How many issuers, one after the other, begin with keys of their own."""
LIFETIME: Final = 300
"""Seconds that a token is valid unless the test says otherwise."""
DISCOVERY: Final = "/.well-known/openid-configuration"
JWKS: Final = "/jwks"

_begun: Final = itertools.count()
_first: Final[dict[int, Key]] = {}


class LocalIssuer:
    """Serves discovery and keys on 127.0.0.1 until it is closed."""

    def __init__(self) -> None:
        self._keys: list[Key] = [_first_key()]
        self._fails = False
        self.metadata: dict[str, object] = {}
        """What its discovery document says beside its name and where its keys are: where one signs in, for example."""
        self.requests: Counter[str] = Counter()
        """How often each path was asked for."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests[self.path] += 1
                status, body = issuer._answer(self.path)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: a test's output is its failures."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def issuer(self) -> str:
        """The exact `iss`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def rotate(self, algorithm: Algorithm = "RS256", *, keep_old: bool = False) -> None:
        """Sign with a new key from now on; the old ones are withdrawn unless they are kept."""
        self._keys = [_new_key(algorithm), *(self._keys if keep_old else [])]

    def fail(self, failing: bool = True) -> None:
        """Answer every request with 503, or work again."""
        self._fails = failing

    def token(
        self,
        claims: Mapping[str, Claim] | None = None,
        *,
        header: Mapping[str, str] | None = None,
        key: Key | None = None,
        lifetime: int = LIFETIME,
        age: int = 0,
    ) -> str:
        """Return a signed access token (RFC 9068 section 2) with `claims` over valid defaults; a claim of None is left out.

        Args:
            claims: what to say differently.
            header: what to say differently in the header, for example `{"typ": "JWT"}`.
            key: sign with this one, which the issuer may never have published.
            lifetime: seconds from issue to expiry.
            age: seconds since it was issued.
        """
        signer = key or self._keys[0]
        issued = int(time.time()) - age
        content: dict[str, Claim] = {
            "iss": self.issuer,
            "aud": "lagspill",
            "sub": "subject-of-a-test",
            "client_id": "a-test",
            "jti": str(uuid4()),
            "iat": issued,
            "exp": issued + lifetime,
            "lagspill_roles": ["teacher"],
            "lagspill_service": "barnehage",
            "lagspill_unit": "unit:lia-barnehage",
            "orgno": "310001015",
            "municipality": "4005",
        }
        content |= claims or {}
        algorithm = "ES256" if isinstance(signer, ECKey) else "RS256"
        fields = {"alg": algorithm, "typ": "at+jwt", "kid": str(signer.kid)} | dict(header or {})
        return jwt.encode(fields, {name: value for name, value in content.items() if value is not None}, signer)

    def _answer(self, path: str) -> tuple[HTTPStatus, Mapping[str, object]]:
        if self._fails:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "temporarily_unavailable"}
        if path == DISCOVERY:
            return HTTPStatus.OK, {"issuer": self.issuer, "jwks_uri": self.issuer + JWKS, **self.metadata}
        if path == JWKS:
            return HTTPStatus.OK, dict(KeySet([*self._keys]).as_dict(private=False))
        return HTTPStatus.NOT_FOUND, {"error": "not_found"}


def _first_key() -> Key:
    """Return the key that an issuer begins with: made once in a process, since each takes a tenth of a second."""
    number = next(_begun) % DIFFERENT
    if number not in _first:
        _first[number] = _new_key("RS256")
    return _first[number]


def _new_key(algorithm: Algorithm) -> Key:
    parameters: KeyParameters = {"kid": str(uuid4()), "use": "sig", "alg": algorithm}
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", parameters=parameters)
    return RSAKey.generate_key(2048, parameters=parameters)
