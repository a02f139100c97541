"""Asking anew who may consent: on birthdays, and when who has the say over the child changes.

A change of the family's standing promises this in its own transaction (`moments.moments_of_family`), and it happens at once.
"""

from __future__ import annotations

from datetime import date, datetime

from services.cases import kin_store
from services.cases.domain import reassessment
from services.cases.domain.grantors import Care, Standing, age_on, birthdays_ahead
from services.cases.domain.moments import CHILD_AGE
from services.cases.domain.reassessment import Reassess, concerned
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, ConsentState
from services.cases.handlers.desk import Desk
from services.cases.handlers.unattended import change_by_time
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, ReassessmentReason
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


async def standing_of(conn: Connection, case: CaseRef, state: CaseState, now: datetime) -> Standing:
    """Return who may answer for the child at `now`, by the dated parental responsibility; never who they are."""
    return Standing.of(await kin_store.responsible(conn, case, now), care_order=state.care_order)


async def reassess_by_age(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The child is 12, 15, 16 or 18 today, in Norway."""
    case, _, age = deadline.key.partition(":")
    reason = desk.rules.consent.ages(oslo_day(tx.now)).get(int(age))
    if reason is not None:
        await _reassess(desk, tx, deadline, CaseRef(case), reason)


async def reassess_by_change(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Guardians, care or address protection have changed."""
    case, _, reason = deadline.key.partition(":")
    await _reassess(desk, tx, deadline, CaseRef(case), ReassessmentReason(reason))


async def on_birth_date(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The birth date was corrected, or the case goes on under another reference: other birthdays matter."""
    case = CaseRef(deadline.key)
    try:
        born = (await desk.records.child(tx.conn, case)).born
    except ShreddedError:
        return
    await expect_birthdays(desk, tx.conn, case, born, tx.now)
    today = oslo_day(tx.now)
    reached = [reason for age, reason in desk.rules.consent.ages(today).items() if age <= age_on(born, today)]
    if reached:
        await _reassess(desk, tx, deadline, case, reached[-1], only_changed=True)


async def _reassess(
    desk: Desk, tx: Tx, deadline: Deadline, case: CaseRef, reason: ReassessmentReason, *, only_changed: bool = False
) -> None:
    """Ask anew who may consent; nothing when the child is erased."""
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
        return reassessment.decide_reassess(state, command, tx.now, desk.rules)

    await change_by_time(desk, tx, deadline, case, decide)


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
