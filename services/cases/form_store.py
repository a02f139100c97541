"""What the writing of a form leaves to be done later: a reminder to approve, and the window in which it is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from services.cases.domain.form_profile import FormTemplate
from services.cases.domain.state import FormState
from shared.calendar import add_days, start_of_day
from shared.db import Connection
from shared.deadlines import set_deadline

FORM_APPROVAL: Final = "form-approval"
FORM_DUE: Final = "form-due"
FORM_OVERDUE: Final = "form-overdue"


async def expect(conn: Connection, form: FormState, template: FormTemplate, now: datetime) -> None:
    """Promise to act on the present version of a form, in the transaction in which it was written."""
    remind = add_days(now, template.remind_after_days)
    await set_deadline(conn, kind=FORM_APPROVAL, key=f"{form.ref}:{form.version}", due=remind)
    first, last = template.window.days(form.school_start)
    over = start_of_day(last + timedelta(days=1))
    if over <= now:
        return
    opens = max(start_of_day(first), now)
    await set_deadline(conn, kind=FORM_DUE, key=form.ref, due=opens, payload=f'{{"due":"{over.isoformat()}"}}')
    await set_deadline(conn, kind=FORM_OVERDUE, key=form.ref, due=over)
