"""Asks witnesses for their cosignatures (C2SP tlog-witness), so that nobody can rewrite or roll back a log unseen.

After each new checkpoint every witness of the policy is asked, all for the same one, so that a quorum comes together. What is
known of a witness (the size that it has cosigned last) is remembered; where it is wrong, the witness says so with 409, and the
proof is made anew. A witness that refuses is an alarm, told once: as an event, a number and a line; the checkpoint then is not
served as witnessed. Logs of address-protected cases are shown to no witness: that they exist, and when they grow, tells too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import asyncpg
import httpx
import structlog

from services.audit import witness_store
from services.audit.domain.cosignature import moment_of
from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.log import LOG
from services.audit.domain.note import ForgedNoteError, MalformedNoteError, Note, SignatureLine
from services.audit.domain.policy import KnownWitness, Policy
from services.audit.domain.tiles import NoSuchTileError
from services.audit.domain.witness import MAX_SIZE, AddCheckpoint
from services.audit.domain.witnessing import REFUSALS, Trouble, pause_after, trouble_of
from services.audit.queries import Reader
from services.audit.witness_store import SignedCheckpoint, WitnessState
from shared import db
from shared.clock import Clock
from shared.contracts.audit import WitnessRefused
from shared.db import Connection, Pool
from shared.journal import Context, Journal
from shared.observability import Metrics, describe_exception
from shared.refs import Ids, LogScope, is_protected
from shared.together import together

EVERY_SECONDS: Final = 1.0
ASK_SECONDS: Final = 3.0
"""How long a witness may take to answer."""
MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read."""
TRIES: Final = 3
"""How often a witness may name another size before it is believed to be out of order."""
LEADER_LOCK: Final = 0x1A65_3178
"""The advisory lock of the one instance that asks: two that asked for different checkpoints would keep a quorum apart."""
IDLE_SECONDS: Final = 60.0
"""After so long without a word the one that asks is frozen, and another takes over."""
LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Cosigned:
    line: SignatureLine
    at: datetime


@dataclass(frozen=True, slots=True)
class _Size:
    """What the witness has cosigned last, by its own word."""

    size: int


@dataclass(frozen=True, slots=True)
class _Failed:
    trouble: Trouble
    retry_after: float | None = None


@dataclass(slots=True)
class _Pause:
    failures: int = 0
    until: float = 0.0


class Witnessing:
    """Runs beside the rest of the service while the policy has witnesses."""

    def __init__(
        self,
        dsn: str,
        pool: Pool,
        reader: Reader,
        policy: Policy,
        *,
        journal: Journal,
        http: httpx.AsyncClient,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
        every: float = EVERY_SECONDS,
    ) -> None:
        """Ask the witnesses of `policy` that have an address.

        Args:
            dsn: the database's address, for the connection that holds the leader's lock.
            pool: connections as the role that writes.
            reader: what consistency proofs are made from.
            policy: who is asked, and which of them are enough.
            journal: where a refusal is published.
            http: for the requests.
            clock: the rules' clock.
            ids: identifiers of what is published.
            metrics: where the witnesses' state is shown.
            every: seconds (of the machine's time) between two rounds.
        """
        self._dsn = dsn
        self._pool = pool
        self._reader = reader
        self._policy = policy
        self._journal = journal
        self._http = http
        self._clock = clock
        self._ids = ids
        self._every = every
        self._lead: asyncpg.Connection[asyncpg.Record] | None = None
        self._pauses: dict[tuple[LogName, str], _Pause] = {}
        self._unmet_since: dict[LogName, float] = {}
        self._met: dict[LogName, int] = {}
        self._saving = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._answers = metrics.counter("witness_answers", "What witnesses answered us.", "witness", "outcome")
        self._refusing = metrics.gauge(
            "witness_refusing", "One while a witness refuses the log's newest checkpoint.", "scope", "witness"
        )
        self._behind = metrics.gauge(
            "witness_behind_entries", "Entries of the log that the witness has not cosigned.", "scope", "witness"
        )
        self._unmet = metrics.gauge(
            "log_unwitnessed_seconds", "For how long the log's newest checkpoint has lacked its quorum.", "scope"
        )

    async def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="audit-witnessing")

    async def stop(self) -> None:
        """Finish the round in hand and end; also before `start`."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._resign()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if await self._leads():
                    await self.ask_all()
            except Exception as error:  # noqa: BLE001  # whatever it is: a loop that ended in silence would look like agreement
                log.warning("witnesses not asked", **describe_exception(error))
                await self._resign()
            try:
                await asyncio.wait_for(self._stopping.wait(), self._every)
            except TimeoutError:
                continue

    async def _leads(self) -> bool:
        """Return whether this instance is the one that asks: it holds the lock for as long as its connection lasts."""
        if self._lead is None:
            self._lead = await db.connect(self._dsn, application_name="audit-witnessing", idle_seconds=IDLE_SECONDS)
        # Whoever holds it already takes it again, which also finds out whether the connection is still there.
        return bool(await self._lead.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK))

    async def _resign(self) -> None:
        connection, self._lead = self._lead, None
        if connection is not None:
            connection.terminate()

    async def ask_all(self) -> None:
        """Ask every witness that has not cosigned a log's newest checkpoint, and is not to be left alone for a while."""
        async with self._pool.acquire() as conn:
            heads = [head for head in await witness_store.newest_signed(conn) if not is_protected(LogScope(head.log))]
            states = await witness_store.read_states(conn)
            cosigned = {
                head.log: await witness_store.cosigners_of(conn, head.log, head.checkpoint.size) for head in heads
            }
        never = WitnessState(0, None)
        due = [
            (head, witness)
            for head in heads
            for witness in self._policy.witnesses
            if witness.url is not None
            and self._is_due(
                head, states.get((head.log, witness.key.vkey), never), witness.key.vkey in cosigned[head.log]
            )
            and self._pauses.get((head.log, witness.key.vkey), _Pause()).until <= monotonic()
        ]
        asked = [self._ask(head, witness, states.get((head.log, witness.key.vkey), never)) for head, witness in due]
        await together(*(asyncio.create_task(each) for each in asked))
        await self._measure(heads)
        if due:
            self._journal.nudge()

    @staticmethod
    def _is_due(head: SignedCheckpoint, state: WitnessState, cosigned: bool) -> bool:
        """Tell whether a witness is to be asked: also when it is known to have more than the log, or was in trouble last."""
        return not cosigned or state.size > head.checkpoint.size or state.trouble is not None

    # --- one witness, one checkpoint ----------------------------------------------------------------------------------

    async def _ask(self, head: SignedCheckpoint, witness: KnownWitness, state: WitnessState) -> None:
        told: int | None = None
        outcome: _Cosigned | _Failed = _Failed(Trouble.WRONG_ANSWER)
        size = head.checkpoint.size
        # What is remembered is only where to begin: that the log has lost its end is believed of this round's answer alone.
        old = min(state.size, size)
        for _ in range(TRIES):
            try:
                proof = await self._reader.consistency(head.log, old, size)
            except NoSuchTileError:
                return  # the tile was being filled while it was read; or it is gone, which verification tells
            answer = await self._request(witness, head, old, proof)
            if not isinstance(answer, _Size):
                outcome = answer
                break
            if answer.size == old:
                if old == size:
                    # It has cosigned this very size, and refuses it: with another root (tlog-witness until v1.0.0; now 422).
                    told, outcome = old, _Failed(Trouble.FORKED)
                break
            told = answer.size
            state = replace(state, size=told)
            if told > size:
                if await self._has_grown_to(head.log, told):
                    return  # another instance has signed, and had cosigned, a newer one; the next round begins from there
                outcome = _Failed(Trouble.ROLLED_BACK)
                break
            old = told
        await self._conclude(head, witness, state, outcome, told)

    async def _has_grown_to(self, name: LogName, size: int) -> bool:
        async with self._pool.acquire() as conn:
            newest = await witness_store.newest_signed(conn, name)
        return any(head.checkpoint.size >= size for head in newest)

    async def _request(
        self, witness: KnownWitness, head: SignedCheckpoint, old: int, proof: Sequence[bytes]
    ) -> _Cosigned | _Size | _Failed:
        note = Note.parse(head.note.encode())
        body = AddCheckpoint(old, tuple(proof), note).body()
        try:
            async with (
                asyncio.timeout(ASK_SECONDS),
                self._http.stream(
                    "POST",
                    f"{(witness.url or '').rstrip('/')}/add-checkpoint",
                    content=body,
                    headers={"Content-Type": "text/plain; charset=utf-8"},
                    timeout=ASK_SECONDS,
                ) as answer,
            ):
                content = bytearray()
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MAX_ANSWER:
                        return _Failed(Trouble.WRONG_ANSWER)
        except (httpx.HTTPError, TimeoutError, OSError):
            return _Failed(Trouble.UNAVAILABLE)
        if answer.status_code == 200:
            return _cosignature(witness, note.text, bytes(content))
        if answer.status_code == 409:
            size = _decimal(bytes(content))
            return _Failed(Trouble.WRONG_ANSWER) if size is None else _Size(size)
        return _Failed(trouble_of(answer.status_code), _seconds(answer.headers))

    # --- what comes of it ---------------------------------------------------------------------------------------------

    async def _conclude(
        self,
        head: SignedCheckpoint,
        witness: KnownWitness,
        state: WitnessState,
        outcome: _Cosigned | _Failed,
        told: int | None,
    ) -> None:
        key = (head.log, witness.key.vkey)
        if isinstance(outcome, _Cosigned):
            self._pauses.pop(key, None)
            after = WitnessState(head.checkpoint.size, None)
            self._answers.labels(witness.key.name, "cosigned").inc()
        else:
            pause = self._pauses.setdefault(key, _Pause())
            pause.failures += 1
            pause.until = monotonic() + pause_after(pause.failures, outcome.retry_after)
            after = replace(state, trouble=outcome.trouble)
            self._answers.labels(witness.key.name, outcome.trouble.value).inc()
        # One at a time: of two that each saw only their own cosignature neither would see that the quorum is there.
        async with self._saving, self._pool.acquire() as conn, conn.transaction():
            now = self._clock.now()
            if isinstance(outcome, _Cosigned):
                await witness_store.add_cosignature(
                    conn, head.log, head.checkpoint.size, witness.key.vkey, outcome.line.text(), outcome.at
                )
                await self._mark(conn, head, now)
            changed = await witness_store.save_state(conn, head.log, witness.key.vkey, after, now)
            if changed and after.trouble is not None:
                await self._raise_alarm(conn, head, witness, after.trouble, told)
        self._refusing.labels(head.log, witness.key.name).set(int(after.trouble in REFUSALS))
        self._behind.labels(head.log, witness.key.name).set(max(0, head.checkpoint.size - after.size))

    async def _mark(self, conn: Connection, head: SignedCheckpoint, now: datetime) -> bool:
        """Write that the checkpoint is witnessed, if it is."""
        if self._met.get(head.log) == head.checkpoint.size:
            return True
        vkeys = await witness_store.cosigners_of(conn, head.log, head.checkpoint.size)
        names = {witness.name for witness in self._policy.witnesses if witness.key.vkey in vkeys}
        if not self._policy.met_by(names):
            return False
        await witness_store.add_witnessed(conn, head.log, head.checkpoint.size, self._policy, now)
        return True

    async def _raise_alarm(
        self, conn: Connection, head: SignedCheckpoint, witness: KnownWitness, trouble: Trouble, told: int | None
    ) -> None:
        told_of = {"scope": head.log, "size": head.checkpoint.size, "kind": trouble, "handler": witness.key.name}
        if trouble not in REFUSALS:
            log.warning("a witness does not cosign", **told_of)
            return
        log.error("a witness refuses a checkpoint", **told_of)
        if head.log == UNPARSABLE:
            return  # it is nobody's log: there is no journal to tell it in
        refused = WitnessRefused(
            log=head.checkpoint.origin,
            witness=witness.key.name,
            kind=trouble.value,
            size=head.checkpoint.size,
            cosigned_size=told,
        )
        context = Context(actor=None, scope=LogScope(head.log), now=self._clock.now(), correlation=self._ids.event_id())
        await self._journal.change(LOG, head.checkpoint.origin, context, lambda _: [refused], conn=conn)

    async def _measure(self, heads: Sequence[SignedCheckpoint]) -> None:
        """Show for how long each log's newest checkpoint has lacked its quorum; mark those that have it by an older answer."""
        async with self._saving, self._pool.acquire() as conn:
            for head in heads:
                if await self._mark(conn, head, self._clock.now()):
                    self._met[head.log] = head.checkpoint.size
                    self._unmet_since.pop(head.log, None)
                    self._unmet.labels(head.log).set(0)
                else:
                    since = self._unmet_since.setdefault(head.log, monotonic())
                    self._unmet.labels(head.log).set(monotonic() - since)


def _cosignature(witness: KnownWitness, text: str, content: bytes) -> _Cosigned | _Failed:
    """Return the witness's own cosignature among those that it answered with; others are ignored, as the protocol says."""
    try:
        note = Note.parse(text.encode() + b"\n" + content)
        signed = note.signed_by([witness.key]) if note.text == text else []
        moments = [(line, moment_of(line)) for _, line in signed]
    except (MalformedNoteError, ForgedNoteError):
        return _Failed(Trouble.WRONG_ANSWER)
    for line, moment in moments:
        if 0 < moment <= LAST_SECOND:
            return _Cosigned(line, datetime.fromtimestamp(moment, UTC))
    return _Failed(Trouble.WRONG_ANSWER)


def _decimal(content: bytes) -> int | None:
    text = content.removesuffix(b"\n")
    return int(text) if text.isdigit() and len(text) <= 19 and int(text) <= MAX_SIZE else None


def _seconds(headers: Mapping[str, str]) -> float | None:
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 6 else None
