"""This deployment as a witness for other logs (C2SP tlog-witness): an application of its own, beside the auditors' one.

It speaks the specification's text and not JSON, takes no token (a request is as good as the log's signature in it) and no
Idempotency-Key (a repeated request finds the size already cosigned). What it decides is in `domain/witness.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from services.audit import witness_store
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.note import NoteKey, SignatureLine
from services.audit.domain.witness import (
    PREFIX,
    Accepted,
    AddCheckpoint,
    MalformedRequestBodyError,
    OtherSize,
    Refusal,
    Refused,
    decide_add_checkpoint,
    read_trusted,
)
from services.audit.errors import (
    CheckpointInconsistentError,
    CheckpointMalformedError,
    CheckpointUntrustedError,
    NotWatchedError,
    WitnessBusyError,
)
from shared.clock import Clock
from shared.db import Pool
from shared.errors import LagspillError
from shared.observability import Metrics
from shared.refs import Ids
from shared.web import problems
from shared.web.edge import JSON, Edge, Headers, exchange

MAX_BODY: Final = 128 * 1024
"""Bytes of a request: 63 hashes, and a checkpoint with sixteen signatures of up to 5 kB, which a note must be able to have."""
AT_ONCE: Final = 16
"""Requests decided on at once; a further one is asked to come again."""
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"
_FRESH: Final = {"Cache-Control": "no-cache"}
_ERRORS: Final[Mapping[Refusal, type[LagspillError]]] = {
    Refusal.MALFORMED: CheckpointMalformedError,
    Refusal.UNTRUSTED: CheckpointUntrustedError,
    Refusal.INCONSISTENT: CheckpointInconsistentError,
    Refusal.FORKED: CheckpointInconsistentError,
}

log = structlog.get_logger(__name__)


class Witness:
    """Cosigns the checkpoints of the logs that it watches."""

    def __init__(
        self, pool: Pool, cosigner: Cosigner, watched: Sequence[NoteKey], *, clock: Clock, metrics: Metrics
    ) -> None:
        """Watch the logs whose keys are `watched`, by their names; several keys of one name are one log's.

        Args:
            pool: connections as the role that writes.
            cosigner: this witness's key.
            watched: the logs' public keys; a key's name is the log's origin.
            clock: what the cosignatures' times are taken from.
            metrics: where requests are counted.
        """
        self._pool = pool
        self._cosigner = cosigner
        self._clock = clock
        self._keys: dict[str, list[NoteKey]] = {}
        for key in watched:
            self._keys.setdefault(key.name, []).append(key)
        self._by_hash = {sha256(origin.encode()).hexdigest(): origin for origin in self._keys}
        self._deciding = 0
        self._requests = metrics.counter("witness_requests", "Checkpoints that this witness was asked for.", "outcome")
        self._forks = metrics.counter("witness_forks", "Logs' signed checkpoints that contradict a cosigned one.")

    async def add_checkpoint(self, body: bytes) -> SignatureLine | OtherSize:
        """Return the cosignature, once what it says is committed; or the size that the client should have named.

        Raises:
            CheckpointMalformedError, NotWatchedError, CheckpointUntrustedError, CheckpointInconsistentError: it is refused.
            WitnessBusyError: too many are being decided on.
        """
        if self._deciding >= AT_ONCE:
            self._requests.labels("busy").inc()
            raise WitnessBusyError(retry_after=1)
        self._deciding += 1
        try:
            outcome = await self._add(body)
        except LagspillError as error:
            self._requests.labels(error.code).inc()
            raise
        finally:
            self._deciding -= 1
        self._requests.labels("other-size" if isinstance(outcome, OtherSize) else "cosigned").inc()
        return outcome

    async def _add(self, body: bytes) -> SignatureLine | OtherSize:
        try:
            request = AddCheckpoint.parse(body)
        except MalformedRequestBodyError:
            raise CheckpointMalformedError from None
        keys = self._keys.get(request.origin)
        if keys is None:
            raise NotWatchedError
        trusted = read_trusted(request, keys)
        if isinstance(trusted, Refused):
            raise _ERRORS[trusted.why]
        decided = await self._decide(request, trusted, keys)
        if isinstance(decided, Refused):
            # Only now: what was refused as a fork is kept, and a transaction that raises keeps nothing.
            raise _ERRORS[decided.why]
        return decided

    async def _decide(
        self, request: AddCheckpoint, checkpoint: Checkpoint, keys: Sequence[NoteKey]
    ) -> SignatureLine | OtherSize | Refused:
        now = self._clock.now()
        async with self._pool.acquire() as conn, conn.transaction():
            known = await witness_store.lock_witnessed(conn, checkpoint.origin)
            decision = decide_add_checkpoint(known, request, checkpoint)
            text = request.note.text
            verified = "".join(line.text() for _, line in request.note.signed_by(keys))
            if isinstance(decision, Accepted):
                line = self._cosigner.cosign(text, int(now.timestamp()))
                await witness_store.save_witnessed(conn, checkpoint, f"{text}\n{verified}{line.text()}", now)
                return line
            if decision == Refused(Refusal.FORKED) and await witness_store.add_fork(
                conn, checkpoint, f"{text}\n{verified}", now
            ):
                self._forks.inc()
                log.error("a watched log has two pasts", subject=checkpoint.origin, size=checkpoint.size)
            return decision

    async def checkpoint(self, origin_hash: str) -> str:
        """Return the last checkpoint cosigned of the log whose origin has this SHA-256.

        Raises:
            NotWatchedError: there is none.
        """
        origin = self._by_hash.get(origin_hash)
        note = None if origin is None else await witness_store.cosigned_note(self._pool, origin)
        if note is None:
            raise NotWatchedError
        return note


class _AnyText:
    """Bodies are of the protocol's own form, whatever their type is called; refusals are problem documents."""

    def check(self, media_type: bytes | None, body: bytes) -> None:
        """Take anything: the protocol's own parser reads it strictly."""

    def refusal(self, error: LagspillError, correlation: UUID, scope: Scope) -> tuple[Headers, bytes]:
        """Return the problem document."""
        return JSON.refusal(error, correlation, scope)


@dataclass(frozen=True, slots=True)
class _Routes:
    witness: Witness

    async def add_checkpoint(self, request: Request) -> Response:
        outcome = await self.witness.add_checkpoint(exchange(request).body)
        if isinstance(outcome, OtherSize):
            return Response(f"{outcome.size}\n", status_code=409, headers={"Content-Type": SIZE})
        return Response(outcome.text(), media_type=TEXT)

    async def checkpoint(self, request: Request) -> Response:
        return Response(
            await self.witness.checkpoint(request.path_params["origin_hash"]), media_type=TEXT, headers=_FRESH
        )


def create_witness_app(witness: Witness, *, ids: Ids, metrics: Metrics) -> ASGIApp:
    """Return the witness's application: `POST /witness/add-checkpoint`, `GET /witness/<hash of the origin>/checkpoint`."""
    routes = _Routes(witness)
    app = Starlette(
        routes=[
            Route(f"{PREFIX}/add-checkpoint", routes.add_checkpoint, methods=["POST"]),
            Route(f"{PREFIX}/{{origin_hash}}/checkpoint", routes.checkpoint, methods=["GET"]),
        ],
        middleware=[Middleware(Edge, ids=ids, metrics=metrics, max_body=MAX_BODY, dialect=_AnyText())],
        exception_handlers={HTTPException: _refuse},
    )
    app.router.redirect_slashes = False
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """Turn the framework's own exceptions into ours; the edge makes the problem document."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        raise problems.MethodNotAllowedError(
            ["POST"] if request.url.path.endswith("/add-checkpoint") else ["GET", "HEAD"]
        )
    raise problems.UnknownPathError
