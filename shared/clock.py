"""Time, injected: the machine's clock, or a simulated one that a test or the demo moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

OSLO: Final = ZoneInfo("Europe/Oslo")


class Clock(Protocol):
    """Tells what time it is for the rules. Freshness, time-outs and tokens use the machine's own clock instead."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class SimulatedClock:
    """A clock that stands still until it is set; it never goes back, as no real one may."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the moment the clock was last set to, in UTC."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Move the clock to `moment`.

        Raises:
            ValueError: `moment` has no zone, or lies before the present setting.
        """
        moment = _utc(moment)
        if moment < self._now:
            raise ValueError("the simulated clock cannot be set back")
        self._now = moment
        for wake in self._listeners:
            wake()

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each change, so that durable deadlines fire at once."""
        self._listeners.append(wake)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


def oslo_day(moment: datetime) -> date:
    """Return the calendar day in Norway at `moment` (aware)."""
    return moment.astimezone(OSLO).date()


def oslo_time(moment: datetime) -> datetime:
    """Return `moment` (aware) in Norway's time; in UTC where the calendar ends before that, in the years 1 and 9999."""
    try:
        return moment.astimezone(OSLO)
    except OverflowError:
        return moment.astimezone(UTC)


async def real_pause(seconds: float) -> None:
    """Wait `seconds` of the machine's time: for back-off and polling, never for a rule."""
    await asyncio.sleep(seconds)
