"""What a story is made of: its rows, each on its day, and what a player must know of the municipality."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from deploy.demo.stage import Log, Stage, moment_of


@dataclass(frozen=True)
class Row:
    """One row of a story."""

    number: int
    month: int
    day: int
    title: str
    play: Callable[[Stage], Awaitable[None]]
    hour: int | None = None
    """At which hour of its day it is played; None: it moves the clock by itself."""

    def when(self, school_year: int) -> datetime:
        """Return when it is, in the school year that begins then."""
        return moment_of(school_year, self.month, self.day, 9 if self.hour is None else self.hour)


@dataclass(frozen=True)
class Story:
    """A municipality's school year."""

    profile: str
    """The name of its profile's file."""
    called: str
    log: Log
    rows: tuple[Row, ...]
    secrets: tuple[str, ...]
    """The words that may stand in the vault and nowhere else."""
    writes_home: bool = True
    """Whether guardians with an e-mail address are written to."""
