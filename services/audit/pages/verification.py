"""Verify now: the outsider's verifier run over this service's own log, its progress told while it runs.

The verifier is `lagspill-verify`, which shares no code with this service; it runs in a thread and reads checkpoint, tiles and
entries through the same reader that serves them to everybody. What it says here is this service's word. Who trusts nobody runs
it elsewhere; the page says so.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import lagspill_verify
import structlog

from services.audit.domain.entry import LogName
from services.audit.domain.policy import NONE
from services.audit.domain.tiles import NoSuchTileError, read_path
from services.audit.errors import BeingVerifiedError, NotWitnessedError
from services.audit.queries import Reader, SignedHead
from services.audit.witnesses import Witnesses
from shared.errors import LagspillError

log = structlog.get_logger(__name__)

_ABSENT: Final = (404, 410)
ROWS: Final = 20
"""How often at most the progress of one verification is told."""


class NotReadableError(ValueError):
    """What was given to verify with cannot be read: `field` says which."""

    def __init__(self, field: str) -> None:
        """Name the field."""
        super().__init__(field)
        self.field = field


class _StoppedError(Exception):
    """Nobody waits for the outcome any more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So many entries of so many have been read."""

    done: int
    size: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the verifier found; None where it could give no answer, for that reason."""

    report: lagspill_verify.Report | None
    reason: str = ""
    witnessed: int | None = None
    """The size of the checkpoint whose cosignatures were looked at; None where none are demanded."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What the log's policy demands, and the checkpoint of which it is demanded, with the witnesses' lines."""

    policy: lagspill_verify.Policy
    note: str


class _Pieces:
    """A log's pieces out of the database, for a thread: every question is asked on the service's own loop."""

    def __init__(self, reader: Reader, head: SignedHead, loop: asyncio.AbstractEventLoop) -> None:
        self._reader = reader
        self._head = head
        self._loop = loop

    def get(self, path: str) -> bytes | None:
        """Return the piece at `path`; None if there is none. The checkpoint is the one that the verification began with."""
        if path == "checkpoint":
            return self._head.note.encode()
        return asyncio.run_coroutine_threadsafe(self._read(path), self._loop).result()

    def stray(self) -> int | None:
        """Return the first position behind the log's end at which a row stands; None if none does."""
        return asyncio.run_coroutine_threadsafe(self._reader.stray(self._head.log), self._loop).result()

    async def _read(self, path: str) -> bytes | None:
        kind, _, rest = path.removeprefix("tile/").partition("/")
        try:
            part = read_path(rest)
        except NoSuchTileError:
            return None
        try:
            if kind == "entries":
                return await self._reader.bundle(self._head.log, part)
            return await self._reader.tile(self._head.log, int(kind), part)
        except LagspillError as error:
            if error.status in _ABSENT:
                return None  # as over HTTP, where the verifier is answered with this status
            raise


class Verifications:
    """Verifications of this service's own logs: one at a time for each."""

    def __init__(self, reader: Reader, witnesses: Witnesses) -> None:
        """Read with `reader`; a log's policy is the one that `witnesses` serves."""
        self._reader = reader
        self._witnesses = witnesses
        self._running: set[LogName] = set()

    async def prepare(self, log: LogName, vkeys: str, older: str) -> Verification:
        """Return the verification of the log as it is signed now.

        Args:
            log: which.
            vkeys: the public key that it must be signed by; more than one while it is being changed.
            older: an older checkpoint that it must be a continuation of, or nothing.

        Raises:
            NoSuchLogError: there is no such log.
            BeingVerifiedError: it is being verified already.
            NotReadableError: a key is none, or the checkpoint is none that such a key has signed.
        """
        if log in self._running:
            raise BeingVerifiedError
        try:
            keys = [lagspill_verify.Key.parse(word) for word in vkeys.split()]
        except lagspill_verify.UnreadableError:
            raise NotReadableError("key") from None
        if not keys:
            raise NotReadableError("key")
        since: list[lagspill_verify.Checkpoint] = []
        if older.strip():
            # Text areas end lines with CR LF (HTML § 4.10.22.7), signed notes with LF.
            note = lagspill_verify.Note.parse(f"{older.replace(chr(13), '').strip(chr(10))}\n".encode(errors="replace"))
            checkpoint = lagspill_verify.Checkpoint.parse(note.text) if note is not None else None
            signed = note is not None and bool(lagspill_verify.open_note(note, keys))
            if not signed or checkpoint is None or checkpoint.origin not in {key.name for key in keys}:
                raise NotReadableError("checkpoint")
            since.append(checkpoint)
        # The witnessed one first: the newest is then never older.
        demanded = None if self._witnesses.rule_of(log).quorum == NONE else await self._demanded(log)
        head = await self._reader.head(log)
        return Verification(self, head, keys, since, demanded)

    def cosigners(self, log: LogName) -> Sequence[str]:
        """Return the names of the witnesses whose word the log's policy knows; none where it demands none."""
        rule = self._witnesses.rule_of(log)
        return [] if rule.quorum == NONE else [witness.key.name for witness in rule.witnesses]

    async def _demanded(self, log: LogName) -> Witnessed:
        """Return the newest checkpoint that enough witnesses have cosigned, else the newest as it is, and the policy."""
        try:
            note = await self._witnesses.checkpoint(log)
        except NotWitnessedError:
            head = await self._reader.head(log)
            note = head.note + await self._witnesses.lines(log, head.checkpoint.size)
        text = (await self._witnesses.policy(log)).text()
        return Witnessed(lagspill_verify.Policy.parse(text.encode("utf-8", "surrogateescape")), note)

    @contextmanager
    def claimed(self, log: LogName) -> Iterator[None]:
        """Hold the log's one place while the block runs."""
        if log in self._running:
            raise BeingVerifiedError
        self._running.add(log)
        try:
            yield
        finally:
            self._running.discard(log)

    def pieces(self, head: SignedHead) -> _Pieces:
        """Return the pieces of the log as it is signed in `head`."""
        return _Pieces(self._reader, head, asyncio.get_running_loop())


@dataclass(frozen=True, slots=True)
class Verification:
    """One verification, not begun."""

    among: Verifications
    head: SignedHead
    keys: Sequence[lagspill_verify.Key]
    since: Sequence[lagspill_verify.Checkpoint]
    witnessed: Witnessed | None
    """Where the log has a policy that demands cosignatures."""

    async def run(self) -> AsyncIterator[Progress | Outcome]:
        """Verify: give the progress now and then, and the outcome at the end. Whoever stops listening stops it.

        Raises:
            BeingVerifiedError: somebody else was faster.
        """
        with self.among.claimed(self.head.log):
            loop = asyncio.get_running_loop()
            told: asyncio.Queue[Progress | Outcome] = asyncio.Queue()
            stopped = threading.Event()

            def tell(said: Progress | Outcome) -> None:
                loop.call_soon_threadsafe(told.put_nowait, said)

            working = asyncio.create_task(
                asyncio.to_thread(self._work, self.among.pieces(self.head), tell, stopped), name="a verification"
            )
            try:
                while True:
                    said = await told.get()
                    yield said
                    if isinstance(said, Outcome):
                        break
            finally:
                stopped.set()
                await asyncio.shield(working)

    def _work(self, pieces: _Pieces, tell: Callable[[Progress | Outcome], None], stopped: threading.Event) -> None:
        step = max(1, self.head.checkpoint.size // ROWS)
        due = 0

        def progress(done: int, size: int) -> None:
            nonlocal due
            if stopped.is_set():
                raise _StoppedError
            if done >= due or done == size:
                due = done + step
                tell(Progress(done, size))

        try:
            outcome = self._verify(pieces, progress)
        except lagspill_verify.UnreadableError as error:
            tell(Outcome(None, str(error)))
        except _StoppedError:
            tell(Outcome(None))
        except Exception:
            # The thread's last word: the reason is in the log, and who waits is told that there is no answer.
            log.exception("a verification failed", scope=self.head.log)
            tell(Outcome(None))
        else:
            tell(outcome)

    def _verify(self, pieces: _Pieces, progress: Callable[[int, int], None]) -> Outcome:
        """Read the whole log, also what came after the witnessed checkpoint; that one it must continue.

        Raises:
            UnreadableError: the log cannot be read.
        """
        if self.witnessed is None:
            return Outcome(lagspill_verify.Verification(pieces, self.keys, self.since, progress).run())
        content = self.witnessed.note.encode()
        checkpoint, signers = lagspill_verify.read_checkpoint(content, self.keys)
        older = [checkpoint] if signers and checkpoint.size < self.head.checkpoint.size else []
        report = lagspill_verify.Verification(pieces, self.keys, [*self.since, *older], progress).run()
        if signers:
            sure = 0 if report.findings else max((each.size for each in self.since), default=0)
            lagspill_verify.check_policy(report, self.witnessed.policy, content, signers, sure)
        elif report.signed_by:
            detail = f"the newest checkpoint that is witnessed, of size {checkpoint.size}, is not signed by this key"
            report.found(lagspill_verify.Kind.UNWITNESSED, None, detail)
        return Outcome(report, witnessed=checkpoint.size)
