"""HTTP: parse, know who asks, call a handler, map the answer. Nothing is decided here."""

from __future__ import annotations

from services.cases.api import (
    absences,
    carrying_out,
    concerns,
    consents,
    forms,
    glass,
    handovers,
    levels,
    measures,
    procedure,
    search,
)

ROUTERS = (
    concerns.router,
    consents.router,
    measures.router,
    handovers.router,
    forms.router,
    absences.router,
    carrying_out.router,
    glass.router,
    levels.router,
    procedure.router,
    search.router,
)

__all__ = ["ROUTERS"]
