"""What reads the records of a batch: the compiled reader where it is installed, else Python.

Reading is most of what an entry costs. `packages/lagspill-reader` reads what the services write, as they write it, and notes of it
what a batch needs to know; what it leaves, and everything where it is not installed, is read in Python. Both find the same in
every record: property tests hold them together. See docs/decisions/0022-speed-of-the-log.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, Protocol, cast

from services.audit.domain.entry import Received
from services.audit.domain.intake import Placeable
from services.audit.domain.log import OWN_SOURCE

Gathered = tuple[
    Sequence[Received],
    Sequence[bytes],
    Placeable,
    bytes,
    Sequence[tuple[tuple[str, str, str], Sequence[int]]],
    Sequence[tuple[tuple[str, str], Sequence[int]]],
    Sequence[tuple[tuple[str, str], Sequence[int]]],
    int,
]
"""The members of a `Gist`."""


class Gathering(Protocol):
    """Records of one batch as they are read, log by log; each reads those that the services write, as they write them."""

    def take(self, topic: str, partition: int, records: list[Received], first: int, /) -> int:
        """Read the records from the `first`-th on, up to one that is left to the general way; return which that is."""
        ...

    def drain(self, log: str, /) -> Gathered | None:
        """Return what was read for a log, and keep nothing of it; None if there is nothing."""
        ...

    def logs(self) -> list[str]:
        """Return the logs for which something was read."""
        ...


def compiled() -> Callable[[], Gathering] | None:
    """Return what begins to gather a batch with the compiled reader; None where it is not installed."""
    try:
        module = import_module("lagspill_reader")
    except ModuleNotFoundError:
        return None
    return lambda: cast("Gathering", module.Gathering(OWN_SOURCE))


COMPILED: Final = compiled()
READER: Final = "python" if COMPILED is None else "compiled"
"""What reads here, for the service's log."""


def gathering() -> Gathering | None:
    """Return what gathers a batch; None where every record is read in Python."""
    return None if COMPILED is None else COMPILED()
