"""A measurement: two things done in turn in one run, and their ratio. Something lost or doubled makes it void."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Measure:
    """What was measured beside what."""

    what: str
    rates: tuple[float, ...]
    """Of each round, a second."""
    beside: str = ""
    base: tuple[float, ...] = ()
    """Of the thing beside it, in the same rounds."""
    target: float | None = None
    """The ratio that it must reach."""
    least: float | None = None
    """How many a second it must be, the middle one of the rounds."""
    void: str = ""
    """What was lost or doubled."""
    notes: tuple[str, ...] = field(default=())

    @property
    def ratio(self) -> float | None:
        """The middle one of the rounds' ratios: a machine that is busy for a moment disturbs one round, not the result."""
        if not self.base or not all(self.base):
            return None
        return median(rate / base for rate, base in zip(self.rates, self.base, strict=True))

    @property
    def verdict(self) -> str:
        """Whether it reached what it must: the ratio, the rate, or both."""
        if self.void:
            return "VOID"
        reached = [self.ratio >= self.target] if self.target is not None and self.ratio is not None else []
        if self.least is not None and self.rates:
            reached.append(median(self.rates) >= self.least)
        if not reached:
            return ""
        return "met" if all(reached) else "missed"


@dataclass(frozen=True)
class Latency:
    """How long something took, in milliseconds."""

    what: str
    p50: float
    p99: float
    void: str = ""
    target: float | None = None
    """What the p99 must be under."""

    @property
    def verdict(self) -> str:
        """Whether it reached its target."""
        if self.void:
            return "VOID"
        if self.target is None:
            return ""
        return "met" if self.p99 < self.target else "missed"
