"""Asking anew who may consent: on birthdays, and when who has the say over the child changes.

`expect_birthdays` belongs where a child is registered and where its birth date is corrected; `reassess_in` belongs in the
transaction in which guardians, care or address protection change.
"""

from __future__ import annotations

from datetime import date, datetime

from services.cases import kin_store, store
from services.cases.domain import reassessment
from services.cases.domain.grantors import Care, Standing, birthdays_ahead
from services.cases.domain.moments import CHILD_AGE
from services.cases.domain.reassessment import Reassess, concerned
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, ConsentState
from services.cases.handlers.desk import Desk
from services.cases.handlers.unattended import change_by_time, change_in
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts.cases import ReassessmentReason
from shared.contracts.codes import GrantorClass
from shared.db import Connection
from shared.deadlines import Deadline, cancel, set_deadline
from shared.inbox import Tx
from shared.refs import CaseRef
from shared.vault import ShreddedError


async def expect_birthdays(desk: Desk, conn: Connection, case: CaseRef, born: date, now: datetime) -> None:
    """Promise to ask anew on the birthdays that matter; in the caller's transaction, also when the birth date is corrected."""
    ages = desk.rules.consent.ages(oslo_day(now))
    ahead = birthdays_ahead(born, now, ages)
    for age in ages:
        key = f"{case}:{age}"
        if age in ahead:
            await set_deadline(conn, kind=CHILD_AGE, key=key, due=ahead[age])
        else:
            await cancel(conn, kind=CHILD_AGE, key=key)


async def standing_of(conn: Connection, case: CaseRef, now: datetime) -> Standing:
    """Return who may answer for the child at `now`, by the dated parental responsibility; never who they are."""
    return Standing.of(await kin_store.responsible(conn, case, now))


async def reassess_in(desk: Desk, tx: Tx, ctx: Context, case: CaseRef, reason: ReassessmentReason) -> None:
    """Let those who may consent now be asked, in the transaction in which that changed; nothing when the child is erased."""
    try:
        child = await desk.records.child(tx.conn, case)
    except ShreddedError:
        return
    standing = await standing_of(tx.conn, case, tx.now)
    await change_in(
        desk,
        tx,
        case,
        ctx,
        lambda state: reassessment.decide_reassess(
            state, reassess(state, reason, child.born, standing, desk.rules, tx.now), tx.now, desk.rules
        ),
    )


async def reassess_by_age(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The child is 12, 15, 16 or 18 today, in Norway."""
    case, _, age = deadline.key.partition(":")
    reason = desk.rules.consent.ages(oslo_day(tx.now)).get(int(age))
    located = await store.locate(tx.conn, case)
    if reason is None or located is None:
        return
    try:
        child = await desk.records.child(tx.conn, located.case)
    except ShreddedError:
        return
    standing = await standing_of(tx.conn, located.case, tx.now)
    await change_by_time(
        desk,
        tx,
        deadline,
        case,
        lambda state: reassessment.decide_reassess(
            state, reassess(state, reason, child.born, standing, desk.rules, tx.now), tx.now, desk.rules
        ),
    )


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
