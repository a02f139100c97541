"""Address protection is the child's: what one of its cases says, all of them follow, and a new one from its first event."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.protection import Register, register_of
from services.cases.handlers.desk import CASE, Desk
from services.cases.handlers.kept import CHILD_PROTECTION
from shared.db import Connection
from shared.deadlines import set_deadline
from shared.refs import CaseRef
from shared.vault import ShreddedError


async def is_protected(desk: Desk, conn: Connection, number: str) -> bool:
    """Return whether any case says that the address of the child with this national number is protected."""
    found = await desk.records.cases_of(conn, number)
    states = [(await desk.journal.load(CASE, case, conn=conn)).state for case in found]
    return any(state.hidden for state in states)


async def hold_child_of(desk: Desk, conn: Connection, case: CaseRef) -> None:
    """Let whoever registers a concern about the case's child meanwhile wait, and find what was decided."""
    try:
        child = await desk.records.child(conn, case)
    except ShreddedError:
        # It has gone on already: the command is a repetition, or is refused when it comes to the destroyed key.
        return
    await desk.records.hold_child(conn, child.national_number)


async def tell_the_others(desk: Desk, conn: Connection, case: CaseRef, register: Register, now: datetime) -> None:
    """Let every other case of the child follow at once, each in a transaction of its own: no two logs share a moment.

    What is promised names the other case, and neither this one nor who acts.
    """
    number = (await desk.records.child(conn, case)).national_number
    await desk.records.hold_child(conn, number)
    for other in await desk.records.cases_of(conn, number):
        if other != case:
            await follow_later(conn, other, register, now)


async def follow_later(conn: Connection, case: CaseRef, register: Register, due: datetime) -> None:
    """Promise that the case follows what the register says."""
    await set_deadline(conn, kind=CHILD_PROTECTION, key=case, due=due, payload=register.model_dump_json())


async def now_about(desk: Desk, conn: Connection, case: CaseRef, now: datetime) -> None:
    """Whom the case is about was corrected: it follows the right child's other cases, or they follow it."""
    state = (await desk.journal.load(CASE, case, conn=conn)).state
    if state.hidden:
        await tell_the_others(desk, conn, case, register_of(state), now)
    else:
        await follow_the_child(desk, conn, case, now)


async def follow_the_child(desk: Desk, conn: Connection, case: CaseRef, now: datetime) -> None:
    """Let the case follow what another of the child says, if one does."""
    number = (await desk.records.child(conn, case)).national_number
    await desk.records.hold_child(conn, number)
    if await is_protected(desk, conn, number):
        await follow_later(conn, case, Register(), now)
