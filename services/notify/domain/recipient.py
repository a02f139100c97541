"""How somebody wants to be reached, and what they were by the token in which they said so."""

from __future__ import annotations

from datetime import time
from typing import Final

from services.notify.domain.quiet import Habits, Quiet
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Language, Role, Service
from shared.contracts.notify import Channel, PreferencesSet
from shared.refs import ActorId, UnitId


class RecipientState(Model):
    """One person's choices; the fold of the events. The address itself is no part of it."""

    ref: ActorId | None = None
    language: Language = Language.NB
    channel: Channel = Channel.IN_APP
    roles: frozenset[Role] = frozenset()
    service: Service | None = None
    unit: UnitId | None = None
    sms_first: bool = False
    digest: bool = False
    quiet_begins: str | None = None
    quiet_ends: str | None = None

    @property
    def habits(self) -> Habits:
        """Return when they want to be told by what leaves the house."""
        if self.quiet_begins is None or self.quiet_ends is None:
            return Habits(digest=self.digest)
        quiet = Quiet(begins=time.fromisoformat(self.quiet_begins), ends=time.fromisoformat(self.quiet_ends))
        return Habits(quiet=quiet, digest=self.digest)


def evolve(state: RecipientState, event: EventData) -> RecipientState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    if isinstance(event, PreferencesSet):
        return RecipientState(
            ref=event.recipient,
            language=event.language,
            channel=event.channel,
            roles=event.roles,
            service=event.service,
            unit=event.unit,
            sms_first=event.sms_first,
            digest=event.digest,
            quiet_begins=event.quiet_begins,
            quiet_ends=event.quiet_ends,
        )
    return state


RECIPIENT: Final = Aggregate("recipient", RecipientState, RecipientState(), evolve)


def decide_preferences(state: RecipientState, chosen: PreferencesSet) -> list[EventData]:
    """Take the choices down; the same again changes nothing."""
    return [] if evolve(RecipientState(), chosen) == state else [chosen]
