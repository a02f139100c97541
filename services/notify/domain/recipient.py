"""How somebody wants to be reached; a leader who says so becomes the one that the unit's escalations reach."""

from __future__ import annotations

from typing import Final

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
        )
    return state


RECIPIENT: Final = Aggregate("recipient", RecipientState, RecipientState(), evolve)


def decide_preferences(state: RecipientState, chosen: PreferencesSet) -> list[EventData]:
    """Take the choices down; the same again changes nothing."""
    return [] if evolve(RecipientState(), chosen) == state else [chosen]
