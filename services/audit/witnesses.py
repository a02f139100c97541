"""What outsiders are told of a log's witnesses: its newest witnessed checkpoint, its policy, and how each witness stands to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final

from services.audit import witness_store
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.note import Note, Verifier
from services.audit.domain.policy import NO_WITNESSES, NONE, Policy
from services.audit.errors import NotWitnessedError
from services.audit.queries import Reader
from services.audit.witness_store import WitnessView
from shared.clock import Clock
from shared.db import Pool
from shared.refs import LogScope, is_protected

PATIENCE: Final = 3.0
"""Seconds that somebody who wants a file or a report waits for the witnesses: mostly they have answered within one."""
_POLL: Final = 0.1


class Witnesses:
    """Reads what the witnesses of this deployment's logs have said."""

    def __init__(
        self, pool: Pool, reader: Reader, clock: Clock, policy: Policy = NO_WITNESSES, patience: float = PATIENCE
    ) -> None:
        """Read over `pool`; `policy` names the witnesses and the quorum, its own log lines do not matter.

        `patience` is how many seconds (of the machine's time) something is held up that they should have cosigned.
        """
        self._clock = clock
        self._pool = pool
        self._reader = reader
        self._policy = policy
        self._patience = patience

    def rule_of(self, log: LogName) -> Policy:
        """Return the rule for a log: one of an address-protected case is shown to no witness, so that none can be asked for."""
        return NO_WITNESSES if is_protected(LogScope(log)) else self._policy

    async def checkpoint(self, log: LogName) -> str:
        """Return the newest checkpoint that enough witnesses have cosigned, with their lines; the newest one if none are needed.

        Raises:
            NoSuchLogError: there is no such log.
            NotWitnessedError: no checkpoint of it has been cosigned by enough witnesses.
        """
        newest = await self._reader.head(log)
        rule = self.rule_of(log)
        if rule.quorum == NONE:
            return newest.note
        note = await witness_store.witnessed_note(self._pool, log, rule)
        if note is None:
            raise NotWitnessedError(retry_after=1)
        return note

    async def checkpoint_over(self, log: LogName, position: int) -> str:
        """Return a checkpoint to prove the entry at `position` with: the newest witnessed one if it covers it, else the newest.

        Raises:
            NoSuchLogError: there is no such log.
        """
        rule = self.rule_of(log)
        note = None if rule.quorum == NONE else await witness_store.witnessed_note(self._pool, log, rule)
        if note is not None and position < Checkpoint.parse(Note.parse(note.encode()).text).size:
            return note
        return (await self._reader.head(log)).note

    async def settled(self, log: LogName, size: int) -> int:
        """Return the size of a checkpoint to make something of that covers the first `size` entries.

        That of the newest witnessed one, as soon as it does; `size` itself when that takes too long, or no witnesses are needed.
        """
        rule = self.rule_of(log)
        if rule.quorum == NONE:
            return size
        end = monotonic() + self._patience
        while True:
            note = await witness_store.witnessed_note(self._pool, log, rule)
            if note is not None:
                reached = Checkpoint.parse(Note.parse(note.encode()).text).size
                if reached >= size:
                    return reached
            if monotonic() >= end:
                return size
            await asyncio.sleep(_POLL)

    async def cosigned(self, log: LogName, size: int) -> str | None:
        """Return the checkpoint of that size with its cosignatures, if witnesses are needed and enough have cosigned it."""
        rule = self.rule_of(log)
        return None if rule.quorum == NONE else await witness_store.witnessed_note(self._pool, log, rule, size)

    async def policy(self, log: LogName) -> Policy:
        """Return what a checkpoint of the log needs: one of the keys that sign it now, and the quorum.

        Raises:
            NoSuchLogError: there is no such log.
        """
        periods, now = await self._reader.keys(log), self._clock.now()
        keys = [Verifier.parse(period.vkey) for period in periods if period.until is None or now < period.until]
        return self.rule_of(log).of_log(keys)

    async def standing(self, log: LogName) -> Sequence[WitnessView]:
        """Return, for each witness, what it has cosigned last, when, and what is wrong with it."""
        return await witness_store.read_views(self._pool, log, self.rule_of(log))

    async def cosigners(self, log: LogName, sizes: Sequence[int]) -> dict[int, list[str]]:
        """Return, for each size, the key names of the witnesses that have cosigned the log's checkpoint of that size."""
        return await witness_store.cosigners_by_size(self._pool, log, self.rule_of(log), sizes)

    async def lines(self, log: LogName, size: int) -> str:
        """Return the signature lines of the witnesses that have cosigned the log's checkpoint of that size."""
        return await witness_store.lines_of(self._pool, log, self.rule_of(log), size)
