"""What a subscriber can do wrong, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field


class Fault(StrEnum):
    """What a subscriber did wrong."""

    DIED = "died"
    REFUSED = "refused"
    NO_EFFECT = "no-effect"
    TWICE = "twice"
    DUPLICATE_REFUSED = "duplicate-refused"
    UNKNOWN_TYPE = "unknown-type"
    UNKNOWN_FIELD = "unknown-field"
    GAP_IGNORED = "gap-ignored"
    GAP_UNTOLD = "gap-untold"
    GAP_FOR_EVER = "gap-for-ever"
    ORDER_MISTAKEN = "order-mistaken"
    RECEIPT_WRONG = "receipt-wrong"
    RECEIPT_NOT_SENT = "receipt-not-sent"
    RECEIPT_SENT_WRONG = "receipt-sent-wrong"
    RECEIPT_GIVEN_UP = "receipt-given-up"
    ENDING_NOT_ACKNOWLEDGED = "ending-not-acknowledged"
    UNSIGNED_TAKEN = "unsigned-taken"
    FORGED_TAKEN = "forged-taken"
    LATE_TAKEN = "late-taken"
    ROTATION_REFUSED = "rotation-refused"


SENTENCES: Final = {
    Fault.DIED: "It answers no more.",
    Fault.REFUSED: "It refuses an event that is signed, in order and as the contract says.",
    Fault.NO_EFFECT: "An event of the type that it acts on has no effect.",
    Fault.TWICE: "An event that is delivered twice has its effect twice: recognise it by source and id.",
    Fault.DUPLICATE_REFUSED: "A duplicate is refused, or stops it: pass by, and answer as the first time.",
    Fault.UNKNOWN_TYPE: "A type that it does not know stops it: pass by, and count its sequence.",
    Fault.UNKNOWN_FIELD: "A field that it does not know stops it, or keeps an event from its effect: pass by.",
    Fault.GAP_IGNORED: "It acts on an event behind a gap in its subject's sequence: what is missing may change everything.",
    Fault.GAP_UNTOLD: "It neither acts on an event behind a gap, nor says that something is missing.",
    Fault.GAP_FOR_EVER: "When what was missing has come, it still does not take what came too early.",
    Fault.ORDER_MISTAKEN: "It takes another order between subjects for a loss: only a subject's own events have an order.",
    Fault.RECEIPT_WRONG: "A withdrawn consent does not have exactly one receipt, of its own version.",
    Fault.RECEIPT_NOT_SENT: "It acknowledges, and sends no receipt of a withdrawn consent.",
    Fault.RECEIPT_SENT_WRONG: "It sends a receipt without token or Idempotency-Key, of another version, or another when repeated.",
    Fault.RECEIPT_GIVEN_UP: "A receipt that was not taken (503) is not sent again.",
    Fault.ENDING_NOT_ACKNOWLEDGED: "It acknowledges withdrawals only: it owes a receipt of every end of a consent.",
    Fault.UNSIGNED_TAKEN: "It takes an event that nobody has signed.",
    Fault.FORGED_TAKEN: "It takes an event that is signed with another secret, or that is not what was signed.",
    Fault.LATE_TAKEN: "It takes an event that was signed too long ago, or too far ahead: somebody may have recorded it.",
    Fault.ROTATION_REFUSED: "It refuses an event that is signed with two secrets, its own among them.",
}


class Held(Enum):
    """What is known when no fault is."""

    HELD = "held"
    NOT_SHOWN = "not shown"
    """The subscriber does not say what it did."""
    NOT_REACHED = "not reached"
    """It had stopped before."""


@dataclass(frozen=True)
class Verdict:
    """What one trial has shown."""

    trial: str
    """What was tried, in words."""
    found: Fault | Held


@dataclass
class Report:
    """What all trials have shown."""

    verdicts: list[Verdict] = field(default_factory=list)

    def add(self, trial: str, found: Fault | Held) -> None:
        """Take a verdict in."""
        self.verdicts.append(Verdict(trial, found))

    @property
    def faults(self) -> list[Fault]:
        """Return what is wrong, each once, in the order in which it was found."""
        return list(dict.fromkeys(each.found for each in self.verdicts if isinstance(each.found, Fault)))


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Effect(_Told):
    """How many times an event had its effect."""

    source: str
    id: str
    times: int = Field(ge=0)


class Receipt(_Told):
    """How many times a consent's end was acted on, at one version of it."""

    consent: str
    consent_version: int
    times: int = Field(default=1, ge=0)


class Lost(_Told):
    """What the subscriber says it has not been given."""

    source: str
    about: str


class State(_Told):
    """What the subscriber under test did, as it tells it."""

    effects: tuple[Effect, ...]
    receipts: tuple[Receipt, ...] | None = None
    losses: tuple[Lost, ...] | None = None

    def times(self, source: str, event_id: str) -> int:
        """Return how many effects an event had."""
        return sum(each.times for each in self.effects if (each.source, each.id) == (source, event_id))

    def receipted(self, consent: str, version: int) -> Fault | Held:
        """Return whether the consent's end has its one receipt."""
        if self.receipts is None:
            return Held.NOT_SHOWN
        found = [(each.consent_version, each.times) for each in self.receipts if each.consent == consent]
        return Held.HELD if found == [(version, 1)] else Fault.RECEIPT_WRONG
