"""What the child's age makes of its family's right to see, and who may ask who has seen what of a child (pasientjournalloven
§ 22 a, GDPR art. 15).

Who is kin is the vault's word; here the child's age is added, for everything that the family reads, and whose own looks stay with
them. The ages are a dated code list (`deploy/codelists/insight-right.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.rules import InsightRow
from services.cases.errors import NotPermittedError
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory
from shared.refs import ActorId


class InsightRight(Model):
    """What a report may tell, and what not."""

    relation: Literal["guardian", "child"]
    left_out: tuple[ActorId, ...]
    """Whose own looks at the case are not shown."""
    withheld: frozenset[InformationCategory]
    """Kinds of information that are not spoken of."""


def in_family(acting: Acting, row: InsightRow) -> Acting:
    """Return the actor with the part in the child's family that is left at the ages of `row`."""
    guardian = acting.guardian if row.guardian else None
    child = acting.child and row.child
    return acting.model_copy(
        update={
            "guardian": guardian,
            "child": child,
            "withheld": frozenset[InformationCategory]() if guardian is None else row.withheld,
            "barred_by_age": (acting.guardian, acting.child) != (guardian, child),
        }
    )


def decide_right(acting: Acting, relation: Relation, row: InsightRow, family: Iterable[ActorId]) -> InsightRight:
    """Return what the report may tell `acting`, who stands in `relation` to a case whose child is of the ages of `row`.

    A guardian is not told when the other guardian or the child looked: that is about them, not about who was told of the child.
    The child is told of everybody.

    Args:
        acting: who asks.
        relation: as the access table permitted it.
        row: of the code list, by the child's age on the day.
        family: the child and all guardians, whether they are now or were before.

    Raises:
        NotPermittedError: the child is too young to ask alone, or of age so that guardians no longer may.
    """
    if relation is Relation.GUARDIAN and row.guardian:
        others = tuple(actor for actor in family if actor != acting.actor)
        return InsightRight(relation="guardian", left_out=others, withheld=row.withheld)
    if relation is Relation.CHILD and row.child:
        return InsightRight(relation="child", left_out=(), withheld=frozenset())
    raise NotPermittedError("insight-by-age")
