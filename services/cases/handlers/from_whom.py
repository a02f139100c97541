"""From whom a consent that is missing would have to come: by the child's age, and by who may answer for it (seed rules 4, 106)."""

from __future__ import annotations

from datetime import datetime

from services.cases import kin_store
from services.cases.domain.grantors import Standing
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState
from services.cases.errors import ConsentMissingError, NoLegalBasisError, PurposeNotCoveredError
from services.cases.records import Records
from shared.clock import oslo_day
from shared.contracts.codes import InformationCategory, Scope
from shared.db import Connection
from shared.refs import CaseRef
from shared.vault import ShreddedError

WHO = "grantors"
"""The member of the refusal that says it."""


async def say_from_whom(
    conn: Connection,
    records: Records,
    rules: Rules,
    case: CaseRef,
    state: CaseState,
    missing: ConsentMissingError | PurposeNotCoveredError,
    now: datetime,
) -> None:
    """Let `missing` say how many of each must consent to what it names: what decides knows no birth date, and no dated family.

    Where no kind of information is named, it is what a consent takes at the least. Of a case without a vault nothing is changed.
    """
    if WHO not in missing.extensions:
        return
    try:
        born = (await records.child(conn, case)).born
        responsible = await kin_store.responsible(conn, case, now)
        needed = rules.consent.needed(
            born=born,
            day=oslo_day(now),
            scope=_scope(missing),
            standing=Standing.of(responsible, care_order=state.care_order),
        )
    except (ShreddedError, NoLegalBasisError):
        return
    missing.extensions = {**missing.extensions, WHO: {who.value: count for who, count in needed.items()}}


def _scope(missing: ConsentMissingError | PurposeNotCoveredError) -> Scope:
    named = {name: missing.extensions.get(name) for name in ("services", "categories", "purposes")}
    scope = Scope.model_validate({name: value if isinstance(value, list) else [] for name, value in named.items()})
    return (
        scope
        if scope.categories
        else scope.model_copy(update={"categories": frozenset({InformationCategory.IDENTITY})})
    )
