"""The times of transition forms: those who must approve are reminded, and the window opens and closes (seed rules 13, 14)."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from services.cases import store
from services.cases.domain import form_times
from services.cases.handlers.desk import Desk
from services.cases.handlers.unattended import change_by_time
from shared.arrivals import Tx
from shared.deadlines import Deadline
from shared.refs import CaseRef, FormRef


class _Payload(BaseModel):
    due: AwareDatetime


async def on_approval_waits(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Some time after a version was written: who has not approved it is reminded."""
    key, _, version = deadline.key.partition(":")
    form = FormRef(key)
    if (case := await _case(tx, form)) is not None:
        await change_by_time(desk, tx, case, lambda state: form_times.decide_approval_waits(state, form, int(version)))


async def on_due(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The window is open."""
    form, due = FormRef(deadline.key), _due(deadline)
    if (case := await _case(tx, form)) is not None:
        await change_by_time(desk, tx, case, lambda state: form_times.decide_due(state, form, due))


async def on_overdue(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The window is over."""
    form = FormRef(deadline.key)
    if (case := await _case(tx, form)) is not None:
        await change_by_time(desk, tx, case, lambda state: form_times.decide_overdue(state, form))


def _due(deadline: Deadline) -> datetime:
    return _Payload.model_validate_json(deadline.payload).due


async def _case(tx: Tx, form: FormRef) -> CaseRef | None:
    located = await store.locate(tx.conn, form)
    return None if located is None else located.case
