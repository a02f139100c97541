"""Asking anew who may consent: on birthdays (`ages.py`), and when who has the say over the child changes.

A change of the family's standing promises this in its own transaction (`moments.moments_of_family`), and it happens at once.
"""

from __future__ import annotations

from datetime import date, datetime

from services.cases import kin_store
from services.cases.domain import reassessment
from services.cases.domain.grantors import Care, Standing
from services.cases.domain.reassessment import Reassess, concerned
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, ConsentState
from services.cases.handlers.desk import Desk
from services.cases.handlers.unattended import change_by_time
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, ReassessmentReason
from shared.contracts.codes import GrantorClass
from shared.db import Connection
from shared.deadlines import Deadline
from shared.inbox import Tx
from shared.refs import CaseRef
from shared.vault import ShreddedError


async def standing_of(conn: Connection, case: CaseRef, state: CaseState, now: datetime) -> Standing:
    """Return who may answer for the child at `now`, by the dated parental responsibility; never who they are."""
    return Standing.of(await kin_store.responsible(conn, case, now), care_order=state.care_order)


async def reassess_by_change(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Guardians, care or address protection have changed."""
    case, _, reason = deadline.key.partition(":")
    await reassess_case(desk, tx, CaseRef(case), ReassessmentReason(reason))


async def reassess_case(
    desk: Desk,
    tx: Tx,
    case: CaseRef,
    reason: ReassessmentReason,
    *,
    only_changed: bool = False,
    once: bool = False,
) -> None:
    """Ask anew who may consent; nothing when the child is erased.

    Args:
        desk: what handlers work with.
        tx: the transaction that takes the deadline.
        case: whose consents.
        reason: what has changed.
        only_changed: only where somebody else must consent than before.
        once: only where it was not asked for this reason yet: an age is reached once.
    """
    try:
        child = await desk.records.child(tx.conn, case)
    except ShreddedError:
        return
    guardians = await kin_store.responsible(tx.conn, case, tx.now)

    def decide(state: CaseState) -> list[CaseEvent]:
        standing = Standing.of(guardians, care_order=state.care_order)
        command = reassess(state, reason, child.born, standing, desk.rules, tx.now)
        if only_changed:
            changed = {ref: needed for ref, needed in command.needed.items() if state.consents[ref].needed != needed}
            command = command.model_copy(update={"needed": changed})
        if once:
            command = reassessment.not_asked_before(state, command)
        command = reassessment.not_asked_by_age(state, command)
        return reassessment.decide_reassess(state, command, tx.now, desk.rules)

    await change_by_time(desk, tx, case, decide)


def reassess(
    state: CaseState, reason: ReassessmentReason, born: date, standing: Standing, rules: Rules, now: datetime
) -> Reassess:
    """Return the command: whose consent each of the case's consents takes now."""

    def needed(consent: ConsentState) -> dict[GrantorClass, int]:
        care = Care.DAILY if consent.daily_care else Care.ORDINARY
        return rules.consent.needed(born=born, day=oslo_day(now), scope=consent.scope, standing=standing, care=care)

    return Reassess(
        reason=reason,
        needed={consent.ref: needed(consent) for consent in concerned(state)},
        guardians=standing.guardians,
    )
