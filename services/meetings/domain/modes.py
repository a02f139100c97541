"""How a child may be spoken of: the arena's policy, the item, and the basis that each attending service has.

The matrix is `ALLOWED`; what it allows by name is then judged service by service (seed rules 2, 4, 5, 22, 106, 172).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime, JsonValue

from services.meetings.domain.projection import ConsentHistory, permits
from services.meetings.errors import (
    ArenaAnonymousOnlyError,
    ArenaNamedOnlyError,
    ArenaSystemOnlyError,
    ConsentMissingError,
    ItemModeError,
    NotPublicError,
)
from shared.contracts.codes import NOT_PUBLIC, GrantorClass, InformationCategory, Purpose, Service
from shared.contracts.meetings import ItemKind, ItemMode, ModePolicy
from shared.refs import CaseRef, ConsentRef, UnitId

NO_CHILD: Final = ItemMode.NO_CHILD
ANONYMOUS: Final = ItemMode.ANONYMOUS
NAMED: Final = ItemMode.NAMED

KINDS: Final[Mapping[ItemKind, frozenset[ItemMode]]] = MappingProxyType(
    {
        ItemKind.GENERAL: frozenset({NO_CHILD}),
        ItemKind.GUIDANCE: frozenset({NO_CHILD, ANONYMOUS}),
        ItemKind.OBSERVATION: frozenset({ANONYMOUS, NAMED}),
        ItemKind.CASE: frozenset({ANONYMOUS, NAMED}),
    }
)
"""What each kind of item can be, wherever it is brought (seed rules 7, 60)."""

POLICIES: Final[Mapping[ModePolicy, frozenset[ItemMode]]] = MappingProxyType(
    {
        ModePolicy.SYSTEM_ONLY: frozenset({NO_CHILD}),
        ModePolicy.ANONYMOUS_ONLY: frozenset({NO_CHILD, ANONYMOUS}),
        ModePolicy.ANONYMOUS_BY_DEFAULT: frozenset({NO_CHILD, ANONYMOUS, NAMED}),
        ModePolicy.NAMED: frozenset({NO_CHILD, NAMED}),
    }
)
"""What each arena allows. A meeting around one named child has nothing anonymous: everyone would know whom it is about."""

ALLOWED: Final[Mapping[tuple[ModePolicy, ItemKind], frozenset[ItemMode]]] = MappingProxyType(
    {(policy, kind): POLICIES[policy] & KINDS[kind] for policy in ModePolicy for kind in ItemKind}
)


def check_mode(policy: ModePolicy, kind: ItemKind, mode: ItemMode) -> None:
    """Refuse what the matrix does not allow. No consent is looked at: in an anonymous arena it changes nothing (seed rule 22).

    Raises:
        ItemModeError: no arena takes this kind of item in this mode.
        ArenaSystemOnlyError: the arena takes no child at all (seed rule 172).
        ArenaAnonymousOnlyError: the arena takes no child by name (seed rule 22).
        ArenaNamedOnlyError: the arena is around a named child.
    """
    if mode in ALLOWED[policy, kind]:
        return
    if mode not in KINDS[kind]:
        raise ItemModeError(extensions={"allowed": [*sorted(KINDS[kind])]})
    match policy:
        case ModePolicy.SYSTEM_ONLY:
            raise ArenaSystemOnlyError
        case ModePolicy.ANONYMOUS_ONLY:
            raise ArenaAnonymousOnlyError
        case _:
            raise ArenaNamedOnlyError


@dataclass(frozen=True, slots=True)
class NamedMatter:
    """What a named item wants to speak of."""

    case: CaseRef
    unit: UnitId
    """The barnehage or school that brings it, and must hold the consent (seed rule 5)."""
    own_service: Service
    own_elsewhere: bool
    """Whether another unit of the same service takes part: then that service must be inside the consent too."""
    categories: frozenset[InformationCategory]
    purpose: Purpose
    consent: ConsentRef | None = None
    """On which consent it was brought; none: it is about to be."""

    def may_rest_on(self, history: ConsentHistory, at: AwareDatetime) -> bool:
        """Return whether it may be spoken of on this consent, as far as its services, categories and purposes go.

        It is held by the unit that brings it, or was when it was brought on it: another unit that has the case since may have
        renewed it, and what was granted anew is no less granted for that.
        """
        brought_on_it = history.consent == self.consent
        mine = history.case == self.case and history.is_here
        return mine and (brought_on_it or history.held_by(self.unit, at))


@dataclass(frozen=True, slots=True)
class NamedBasis:
    """The consent that lets an item be discussed by name, and by whom."""

    consent: ConsentRef
    version: int
    covered: frozenset[Service]
    """The services inside the scope: they may stay. The unit that brings the item needs no consent to hear it."""
    leaves: frozenset[Service]
    """The services that leave the item and are shown neither item nor case."""


def judge_named(
    matter: NamedMatter,
    attending: Iterable[Service],
    histories: Sequence[ConsentHistory],
    at: AwareDatetime,
    *,
    guardians: int,
) -> NamedBasis:
    """Return the basis for discussing `matter` among `attending` at that moment.

    One consent must carry it; among several, the one that lets most services stay. Business and voluntary organisations leave
    (seed rule 45).

    Args:
        matter: what is to be spoken of.
        attending: the services in the room.
        histories: what is known of the case's consents.
        at: the moment the use is judged for.
        guardians: how many hold parental responsibility: from whom a consent not yet asked for would be needed.

    Raises:
        ConsentMissingError: no service but the bringer's own may hear it. Says what is missing, and from whom (seed rule 106).
    """
    others = frozenset(attending) - (frozenset() if matter.own_elsewhere else {matter.own_service})
    best: NamedBasis | None = None
    for history in sorted(histories, key=lambda known: known.consent):
        if not matter.may_rest_on(history, at):
            continue
        versions = {
            service: version
            for service in others
            if (version := permits(history, service, matter.categories, matter.purpose, at)) is not None
        }
        if versions and (best is None or len(versions) > len(others - best.leaves)):
            best = NamedBasis(
                consent=history.consent,
                version=max(versions.values()),
                covered=frozenset(versions),
                leaves=others - versions.keys(),
            )
    if best is None:
        raise ConsentMissingError(extensions=_what_is_missing(matter, others, histories, at, guardians))
    return best


def require_consent(
    matter: NamedMatter,
    services: Iterable[Service],
    histories: Sequence[ConsentHistory],
    at: AwareDatetime,
    *,
    guardians: int,
) -> NamedBasis:
    """Return the basis that covers every one of `services`; arguments as for `judge_named`.

    Raises:
        NotPublicError: one of them is no public service (seed rule 45).
        ConsentMissingError: one of them is outside.
    """
    involved = frozenset(services)
    if involved & NOT_PUBLIC:
        raise NotPublicError
    basis = judge_named(matter, involved, histories, at, guardians=guardians)
    if basis.leaves:
        raise ConsentMissingError(extensions=_what_is_missing(matter, basis.leaves, histories, at, guardians))
    return basis


def _what_is_missing(
    matter: NamedMatter,
    others: frozenset[Service],
    histories: Sequence[ConsentHistory],
    at: AwareDatetime,
    guardians: int,
) -> dict[str, JsonValue]:
    """Return, per service, the categories that no consent lets it hear, and who can grant them (seed rule 106)."""
    own = [known for known in histories if matter.may_rest_on(known, at)]
    missing: list[JsonValue] = []
    for service in sorted(others - NOT_PUBLIC):
        lacking = [
            category
            for category in sorted(matter.categories)
            if not any(
                permits(history, service, frozenset({category}), matter.purpose, at) is not None for history in own
            )
        ]
        missing.append({"service": service, "categories": [*lacking]})
    waiting = [known for known in own if known.pending]
    needed = waiting[-1].still_needed() if waiting else {GrantorClass.GUARDIAN: guardians}
    return {
        "missing": missing,
        "purpose": matter.purpose,
        "needed_from": dict(sorted(needed.items())),
        "held_by_unit": matter.unit,
        "requested": [known.consent for known in waiting],
    }
