"""Who is signed in: a random cookie, and a row that only the cookie and the service's key together open.

The cookie's value is stored nowhere, its SHA-256 is the row's id, and what the row holds is sealed (AES-256-GCM) under a key
that is derived from both (RFC 5869). The database's clock decides when a session has ended, for every instance alike.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import TypeAdapter

from shared.auth import Actor
from shared.db import Pool
from shared.keys import KEY_BYTES, NONCE_BYTES, TamperedError

TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    actor: Actor
    csrf: str
    """Stands in every form of this session's pages, and must come back with it."""
    id_token: str
    """What the issuer said at sign-in: at sign-out it is told whose session ends (OIDC RP-Initiated Logout § 2)."""


_SESSION: Final = TypeAdapter(Session)


class Sessions:
    """The sessions of the pages, in the service's database."""

    def __init__(self, pool: Pool, key: bytes, *, lifetime: float, idle: float) -> None:
        """Keep sessions for `lifetime` seconds at most, and for `idle` seconds after the last page.

        Args:
            pool: of the role that writes.
            key: the service's; what is sealed here is derived from it, for this use alone.
        """
        self._pool = pool
        self._key = key
        self._lifetime = lifetime
        self._idle = idle

    async def begin(self, actor: Actor, id_token: str, *, state: str, replaced: str | None) -> str | None:
        """Return the cookie of a new session; None when the sign-in with this `state` has given its session already.

        The session that the browser had before, if any, ends: nothing that somebody knew before the sign-in is worth anything
        after it.
        """
        cookie = secrets.token_urlsafe(TOKEN_BYTES)
        row = _row_id(cookie)
        content = _SESSION.dump_json(Session(actor, secrets.token_urlsafe(TOKEN_BYTES), id_token))
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM page_sessions WHERE expires_at <= now()")
            begun = await connection.fetchval(
                "INSERT INTO page_sessions (id, sign_in, sealed, expires_at, seen_at)"
                " VALUES ($1, $2, $3, now() + make_interval(secs => $4), now())"
                " ON CONFLICT (sign_in) DO NOTHING RETURNING true",
                row,
                sha256(state.encode()).digest(),
                self._seal(cookie, row, content),
                self._lifetime,
            )
            if begun and replaced is not None:
                await connection.execute(_END, _row_id(replaced))
        return cookie if begun else None

    async def find(self, cookie: str) -> Session | None:
        """Return the session of the cookie; None when there is none, or it has ended. It lasts on from now.

        Raises:
            TamperedError: the row is not what was put there.
        """
        row = _row_id(cookie)
        sealed: bytes | None = await self._pool.fetchval(
            "UPDATE page_sessions SET seen_at = now() WHERE id = $1 AND sealed IS NOT NULL AND expires_at > now()"
            " AND seen_at > now() - make_interval(secs => $2) RETURNING sealed",
            row,
            self._idle,
        )
        return None if sealed is None else _SESSION.validate_json(self._unseal(cookie, row, sealed))

    async def end(self, cookie: str) -> None:
        """End the session of the cookie, if there is one."""
        await self._pool.execute(_END, _row_id(cookie))

    def _cipher(self, cookie: str) -> AESGCM:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"lagspill audit page session")
        return AESGCM(derived.derive(cookie.encode() + b"\0" + self._key))

    def _seal(self, cookie: str, row: bytes, content: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(cookie).encrypt(nonce, content, row)

    def _unseal(self, cookie: str, row: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher(cookie).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], row)
        except (InvalidTag, ValueError):
            raise TamperedError from None


_END: Final = "UPDATE page_sessions SET sealed = NULL WHERE id = $1"
"""The row stays until its time is up: it is also the note that its sign-in was used."""


def _row_id(cookie: str) -> bytes:
    return sha256(b"lagspill audit page session\0" + cookie.encode()).digest()
