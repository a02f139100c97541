"""The garbage collector of a process that runs for long.

By default CPython looks for cycles after every 700 new objects, and through everything that was imported each time what is left
has grown by a quarter: a third of the time that reading a batch of events takes. Nearly all that an event leaves behind is freed
by its reference count.
"""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
"""A few batches' worth: some ten megabytes at most that wait for the next look."""


def settle() -> None:
    """Spare what the process holds now from every later collection, and collect more seldom. Once, when all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
