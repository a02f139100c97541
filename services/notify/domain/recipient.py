"""How somebody wants to be reached; a leader who says so becomes the one that the unit's escalations reach."""

from __future__ import annotations

from typing import Final

from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Language, Role
from shared.contracts.notify import Channel, PreferencesSet
from shared.refs import ActorId, UnitId


class RecipientState(Model):
    """One person's choices; the fold of the events. The address itself is no part of it."""

    ref: ActorId | None = None
    language: Language = Language.NB
    channel: Channel = Channel.IN_APP
    roles: frozenset[Role] = frozenset()
    unit: UnitId | None = None


def evolve(state: RecipientState, event: EventData) -> RecipientState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    if isinstance(event, PreferencesSet):
        return RecipientState(
            ref=event.recipient, language=event.language, channel=event.channel, roles=event.roles, unit=event.unit
        )
    return state


RECIPIENT: Final = Aggregate("recipient", RecipientState, RecipientState(), evolve)


def decide_preferences(
    state: RecipientState,
    *,
    recipient: ActorId,
    language: Language,
    channel: Channel,
    roles: frozenset[Role],
    unit: UnitId | None,
) -> list[EventData]:
    """Take the choices down; the same again changes nothing."""
    wanted = RecipientState(ref=recipient, language=language, channel=channel, roles=roles, unit=unit)
    if wanted == state:
        return []
    return [PreferencesSet(recipient=recipient, language=language, channel=channel, roles=roles, unit=unit)]
