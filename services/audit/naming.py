"""What the logs are called in their checkpoints and events: one place, for it must be the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.audit.domain.entry import LogName
from shared.db import Connection, Pool
from shared.refs import LogScope, is_protected

NEUTRAL: Final = "lagspill.no/logs"
"""What the names of the logs of address-protected cases begin with: the same for everybody, so that it names no municipality."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What a deployment's logs are called."""

    origin: str
    """What the names of its municipality's logs begin with: it may be the municipality's own domain."""
    protected: str = NEUTRAL

    def new(self, log: LogName) -> str:
        """Return what a log that begins now is called."""
        return f"{self.protected if is_protected(LogScope(log)) else self.origin}/{log}"

    async def of(self, conn: Connection | Pool, log: LogName) -> str:
        """Return what a log is called: one of a protected case keeps the name with which it began."""
        if not is_protected(LogScope(log)):
            return self.new(log)
        stored: str | None = await conn.fetchval("SELECT origin FROM logs WHERE log = $1", log)
        return stored or self.new(log)
