"""Who has the say over a child, as a case's state knows it: what a decision rests on that reads the vault before it is made."""

from __future__ import annotations

from services.cases.domain.state import CaseState
from shared.contracts.base import Model


class FamilyRead(Model):
    """The part of a case's state that moves whenever the vault's answer to who must consent may move (seed rule 4)."""

    responsible: frozenset[int]
    """The ordinals of those with parental responsibility."""
    care_order: bool
    """Whether the child welfare service has the care (barnevernsloven § 5-1)."""
    identity_version: int
    """A corrected birth date is another age."""

    @classmethod
    def of(cls, state: CaseState) -> FamilyRead:
        """Return it as it stands in `state`."""
        return cls(responsible=state.responsible, care_order=state.care_order, identity_version=state.identity_version)
