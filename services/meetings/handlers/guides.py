"""The municipality's public page, and how often it is visited (seed rules 142, 150, 159)."""

from __future__ import annotations

from datetime import datetime

from services.meetings.domain.guide_shown import GuideShown, guide_of
from services.meetings.domain.visiting import Looking, PublicPage, Visited, counts, month_of
from services.meetings.errors import UnknownError
from services.meetings.handlers.desk import Desk
from shared.clock import oslo_day
from shared.refs import LogScope


def show_guide(desk: Desk, municipality: LogScope, now: datetime) -> GuideShown:
    """Return what stands on the municipality's page today.

    Raises:
        UnknownError: there is no such page: no such municipality, or one that has not made anything public.
    """
    profile = desk.profiles.get(municipality)
    shown = None if profile is None else guide_of(profile, oslo_day(now))
    if shown is None:
        raise UnknownError
    return shown


def count_visit(desk: Desk, shown: GuideShown, looking: Looking, now: datetime) -> None:
    """Count a visit, unless it is none."""
    if counts(looking):
        desk.visits.count(Visited(shown.municipality, PublicPage.GUIDE, month_of(oslo_day(now))))
