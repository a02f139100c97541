"""What a promise remembers of why it was made."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.notify.store import Telling
from shared.aggregate import Context
from shared.refs import LogScope


class Cause(BaseModel):
    """In which log and process something happened that has consequences later: the payload of a durable deadline."""

    model_config = ConfigDict(frozen=True)

    scope: LogScope
    correlation: UUID
    causation: UUID | None = None

    @classmethod
    def of(cls, said: Context | Telling) -> Cause:
        """Return what is to be remembered of these circumstances."""
        return cls(scope=said.scope, correlation=said.correlation, causation=said.causation)

    def written(self) -> str:
        """Return it as a payload."""
        return self.model_dump_json(exclude_none=True)

    def context(self, now: datetime) -> Context:
        """Return the circumstances of what the system does because of it."""
        return Context(actor=None, scope=self.scope, now=now, correlation=self.correlation, causation=self.causation)
