"""The life cycle of an emergency access, as a table; see `lifecycles.py`."""

from __future__ import annotations

from typing import Final

from services.cases import errors
from services.cases.domain.kept import GlassStatus
from shared.contracts import safekeeping
from shared.machines import Deadline, Guard, Lifecycle, Step, steps

GLASS: Final = Lifecycle(
    name="break-glass",
    title="Emergency access (nødtilgang)",
    about="Somebody without a part in the case opened it in an emergency. It closes by itself, and with its review, which "
    "somebody else always owes (pasientjournalloven § 22).",
    statuses=GlassStatus,
    steps=(
        Step(
            None,
            safekeeping.BreakGlassOpened,
            GlassStatus.AWAITED,
            guards=(
                Guard(
                    "the code list lets this role open so much, so long, for this reason", errors.GlassNotAllowedError
                ),
                Guard("a protected child's case is opened with the clearance only", errors.NotInvolvedError),
                Guard("it is not open to the same person already", errors.GlassOpenError),
                Guard("an ordinary part in the case would not show it", errors.GlassUnneededError),
            ),
        ),
        *steps(
            (GlassStatus.AWAITED, GlassStatus.OVERDUE, GlassStatus.ESCALATED),
            safekeeping.BreakGlassReviewed,
            GlassStatus.REVIEWED,
            guards=(
                Guard(
                    "a leader of that unit reviews it, or, once escalated, the privacy officer", errors.NotInvolvedError
                ),
                Guard("nobody reviews their own", errors.OwnReviewError),
                Guard("it was not reviewed before", errors.GlassReviewedError),
            ),
        ),
        Step(GlassStatus.AWAITED, safekeeping.BreakGlassReviewOverdue, GlassStatus.OVERDUE),
        Step(GlassStatus.OVERDUE, safekeeping.BreakGlassReviewEscalated, GlassStatus.ESCALATED),
    ),
    terminal=frozenset({GlassStatus.REVIEWED}),
    deadlines=(
        Deadline((GlassStatus.AWAITED,), "review it", then=safekeeping.BreakGlassReviewOverdue),
        Deadline((GlassStatus.OVERDUE,), "review it after all", then=safekeeping.BreakGlassReviewEscalated),
    ),
)
