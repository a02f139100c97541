"""What stands on a municipality's public page on a day (seed rules 142, 159)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.meetings.domain.guide import Contact, Form, Guide, Offer, OpenText, Told
from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.undertakings import GuidanceStep
from shared.contracts.meetings import ArenaLevel, Guardians
from shared.refs import LogScope


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting to which guardians belong."""

    name: str
    required: bool
    """Without them it is not held (seed rules 12, 143); else they are invited."""


@dataclass(frozen=True, slots=True)
class Reached:
    """For what one contacts which units."""

    text: OpenText
    units: Sequence[Unit]


@dataclass(frozen=True, slots=True)
class GuideShown:
    """What stands on a municipality's public page on a day."""

    municipality: LogScope
    name: str
    guide: Guide
    offers: Sequence[tuple[int, Sequence[Offer]]]
    """By level, those without an offer left out."""
    steps: Sequence[GuidanceStep]
    meetings: Sequence[Meeting]
    forms: Sequence[Form]
    contacts: Sequence[Reached]


def guide_of(profile: Profile, today: date) -> GuideShown | None:
    """Return what stands on the municipality's page today; None when it has no public page."""
    if profile.guide is None:
        return None
    told = Told.model_validate(profile.cases or {})
    offered = [offer for offer in told.offers if offer.offered_on(today)]
    levels = sorted({offer.level for offer in offered})
    there = [unit for unit in profile.units if unit.there_on(today)]
    return GuideShown(
        municipality=profile.scope,
        name=profile.name,
        guide=profile.guide,
        offers=[(level, [offer for offer in offered if offer.level == level]) for level in levels],
        steps=sorted(profile.parent_guidance, key=lambda step: (step.from_months, step.code)),
        meetings=[
            Meeting(rules.name, required=rules.guardians_part is Guardians.REQUIRED)
            for rules in profile.arenas
            if rules.guardians_part is not Guardians.NONE
            and rules.level in {ArenaLevel.CHILD, ArenaLevel.UNIT}
            and rules.meets_on(today)
        ],
        forms=told.forms,
        contacts=[Reached(contact.text, _units(contact, there)) for contact in profile.guide.contacts],
    )


def _units(contact: Contact, there: Sequence[Unit]) -> Sequence[Unit]:
    """Return the units that one contacts: in the order of their services, then by name."""
    return [
        unit
        for service in contact.services
        for unit in sorted(there, key=lambda each: each.name)
        if unit.seated_as is service
    ]
