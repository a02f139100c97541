"""Pages about findings: what was found wrong with a log, and what subsequent control found in it. Each look is recorded."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.audit.errors import NoSuchFindingError
from services.audit.pages.rendering import page
from services.audit.pages.site import Site
from services.audit.pages.visits import Visit, log_of, seen_in
from services.audit.patterns.api import FINDING_ID
from services.audit.patterns.desk import FindingDesk
from services.audit.patterns.reading import FindingSearch, LogFinding
from services.audit.patterns.store import PatternFinding
from services.audit.patterns.texts import finding_sentence
from shared.aggregate import Context
from shared.contracts.codes import Language

SHOWN: Final = 100
"""Findings, or entries of one finding, on a page; the interface for programs has all."""
_ID: Final = re.compile(FINDING_ID)


class FindingPages:
    """Findings of both kinds, and one of them."""

    def __init__(self, desk: FindingDesk, site: Site) -> None:
        """Ask `desk`; the pages become `site`'s."""
        self._desk = desk
        site.guard("/pages/findings", self.findings)
        site.guard("/pages/finding/{finding}", self.finding)

    async def findings(self, request: Request, visit: Visit, ctx: Context) -> Response:  # noqa: ARG002
        """Show what was found, the newest first."""
        found = await self._desk.find(ctx, log_of(visit, ctx), FindingSearch(), limit=SHOWN)
        return page("findings.html", visit, findings=found, now=ctx.now, sentence=_sentence, about_log=_about_log)

    async def finding(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show one finding, and what it rests on."""
        name = request.path_params["finding"]
        if _ID.fullmatch(name) is None:
            raise NoSuchFindingError
        shown = await self._desk.show(ctx, name, limit=SHOWN)
        return page(
            "finding.html",
            seen_in(visit, shown.finding.log),
            shown=shown,
            now=ctx.now,
            sentence=_sentence,
            about_log=_about_log,
        )


def _about_log(finding: PatternFinding | LogFinding) -> bool:
    return isinstance(finding, LogFinding)


def _sentence(finding: PatternFinding | LogFinding, language: Language) -> str:
    if isinstance(finding, LogFinding):
        return finding_sentence(finding.kind, language)
    return finding_sentence(finding.pattern, language, entries=finding.entries, cases=finding.cases)
