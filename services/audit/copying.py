"""Copying a log into a folder for an outsider: whoever runs the service does it, and the log has it before the folder does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.log import LOG
from services.audit.export import export
from services.audit.queries import Reader
from services.audit.witnesses import Witnesses
from shared.aggregate import Context, Decision
from shared.clock import Clock
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.audit import LogQueried
from shared.contracts.codes import Purpose, Role
from shared.journal import Journal
from shared.refs import ActorId, Ids, LogScope, is_protected

OPERATOR: Final = ActorId("act_operator-of-the-log")
"""Who copied a log where nobody says who did: the machine knows."""


@dataclass(frozen=True, slots=True)
class Copying:
    """Makes copies of logs."""

    reader: Reader
    journal: Journal
    witnesses: Witnesses
    clock: Clock
    ids: Ids

    async def copy(self, log: LogName, folder: Path, *, by: ActorId = OPERATOR) -> int:
        """Write a copy of the log into `folder` and return how many files it has; that it was made is an entry of the log.

        The entry is committed first, as with every look into a log (fail closed), and so is not in the copy itself. The log
        `unparsable` is nobody's: no event can name it, so nothing is told there.

        Raises:
            NoSuchLogError: there is no such log.
            NotWitnessedError: no checkpoint of it has been cosigned by enough witnesses.
            CopyIncompleteError: not everything that its checkpoint covers is there; what is, was written.
            OSError: the folder cannot be written.
        """
        head = await self.reader.head(log)
        if log != UNPARSABLE:
            await self._record(log, head.checkpoint, by)
        return await export(self.reader, log, folder, self.witnesses)

    async def _record(self, log: LogName, checkpoint: Checkpoint, by: ActorId) -> None:
        now, scope = self.clock.now(), LogScope(log)
        looked = AccessRecorded(
            subject_ref=by,
            kind=AccessKind.EXPORT,
            actor=AccessActor(id=by, role=Role.OPERATOR),
            purpose=Purpose.OVERSIGHT,
            permitted=True,
            address_protected=is_protected(scope),
        )
        queried = LogQueried(log=checkpoint.origin, at=now, results=checkpoint.size)
        context = Context(actor=None, scope=scope, now=now, correlation=self.ids.event_id())
        await self.journal.change(LOG, checkpoint.origin, context, lambda _: Decision([queried], [looked]))
