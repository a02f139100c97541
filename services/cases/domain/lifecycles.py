"""The life cycles of a case's parts, as data: what may happen in which status, and where it leads.

A new part is one declaration more, and its name in `LIFECYCLES`: `evolution.py` asks its table, `docs/cases.md` gets a section
with a picture (`make machines`), and `tests/property/test_cases_lifecycles.py` holds it to what every table promises.
"""

from __future__ import annotations

from typing import Any, Final

from services.cases.domain.consent_lifecycles import CONSENT, OVERRIDE
from services.cases.domain.course_lifecycles import CASE, CONCERN, MODE
from services.cases.domain.glass_lifecycles import GLASS
from services.cases.domain.handover_lifecycles import FORM, HANDOVER
from services.cases.domain.measure_lifecycles import MEASURE, OVERLAP
from services.cases.domain.team_lifecycles import CONCERN_REPORT, CONTRIBUTION, PLAN
from shared.machines import Lifecycle

LIFECYCLES: Final[tuple[Lifecycle[Any], ...]] = (
    CASE,
    MODE,
    CONCERN,
    CONSENT,
    OVERRIDE,
    MEASURE,
    OVERLAP,
    HANDOVER,
    FORM,
    CONTRIBUTION,
    PLAN,
    CONCERN_REPORT,
    GLASS,
)
"""Every life cycle there is, in the order in which readers meet them."""
