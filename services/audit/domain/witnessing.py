"""What a log makes of its witnesses' answers (C2SP tlog-witness): which are alarms, and which are only to be tried again."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Trouble(StrEnum):
    """Why a witness has not cosigned a log's newest checkpoint."""

    ROLLED_BACK = "rolled-back"
    """It has cosigned a larger tree than the log has: the log has lost its end, as after the restore of an older backup."""
    FORKED = "forked"
    """What it has cosigned is not how the log begins: the past was rewritten."""
    UNTRUSTED = "key-untrusted"
    """The checkpoint is signed by no key that it trusts for this log: somebody else signs, or it was not told of a new key."""
    UNKNOWN = "log-unknown"
    """It has not been told to watch this log."""
    UNAVAILABLE = "unavailable"
    """It does not answer, or asks to be left alone for a while."""
    WRONG_ANSWER = "wrong-answer"
    """It answers something that a witness does not answer, or with no cosignature of its own."""


REFUSALS: Final = frozenset({Trouble.ROLLED_BACK, Trouble.FORKED, Trouble.UNTRUSTED})
"""A witness that says no: somebody must look at once. The others are the witness's trouble, or the network's."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


def trouble_of(status: int) -> Trouble:
    """Return what an answer means that is neither a cosignature nor another size."""
    match status:
        case 403:
            return Trouble.UNTRUSTED
        case 404:
            return Trouble.UNKNOWN
        case 422:
            return Trouble.FORKED
        case 408 | 429:
            return Trouble.UNAVAILABLE
        case _ if status >= 500:
            return Trouble.UNAVAILABLE
        case _:
            return Trouble.WRONG_ANSWER


def pause_after(failures: int, asked: float | None = None) -> float:
    """Return how many seconds a witness is left alone after so many failures on end; longer if it has asked for that."""
    grown = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(failures - 1, 10)))
    return grown if asked is None else max(grown, min(asked, 10 * LONGEST_PAUSE))
