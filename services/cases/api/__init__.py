"""HTTP: parse, know who asks, call a handler, map the answer. Nothing is decided here."""

from __future__ import annotations

from services.cases.api import concerns, consents, forms, glass, handovers, measures

ROUTERS = (concerns.router, consents.router, measures.router, handovers.router, forms.router, glass.router)

__all__ = ["ROUTERS"]
