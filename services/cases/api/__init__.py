"""HTTP: parse, know who asks, call a handler, map the answer. Nothing is decided here."""

from __future__ import annotations

from services.cases.api import (
    absences,
    carrying_out,
    concerns,
    consents,
    contributions,
    copies,
    ending,
    erasure,
    figures,
    forms,
    glass,
    guardians,
    handovers,
    levels,
    measures,
    overview,
    procedure,
    protection,
    recording,
    reports,
    search,
    sharing,
    team,
)

ROUTERS = (
    procedure.router,
    concerns.router,
    overview.router,
    levels.router,
    consents.router,
    sharing.router,
    measures.router,
    carrying_out.router,
    handovers.router,
    forms.router,
    absences.router,
    ending.router,
    glass.router,
    search.router,
    recording.router,
    team.router,
    contributions.router,
    reports.router,
    guardians.router,
    copies.router,
    erasure.router,
    figures.router,
    protection.router,
)

__all__ = ["ROUTERS"]
