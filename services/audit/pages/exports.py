"""Pages about copies: an export of what a search found, ordered by a form, then fetched. Each is an entry before its first byte."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.audit.exports.desk import ExportDesk
from services.audit.exports.errors import NoSuchExportError
from services.audit.handlers import Desk
from services.audit.pages.entries import read_search
from services.audit.pages.rendering import HEADERS, page
from services.audit.pages.site import Site
from services.audit.pages.visits import Visit, log_of, read_form
from shared.aggregate import Context
from shared.contracts.audit import ExportFilter, ExportFormat
from shared.errors import InvalidInputError
from shared.refs import ExportRef, pattern
from shared.web import exchange

_EXPORT: Final = re.compile(pattern("exp"))


class ExportPages:
    """How to take a copy, and the copies that were ordered."""

    def __init__(self, desk: Desk, exports: ExportDesk, site: Site) -> None:
        """Admit with `desk`, order of `exports`; the pages become `site`'s."""
        self._desk = desk
        self._exports = exports
        self._site = site
        site.guard("/pages/exports", self.overview)
        site.act("/pages/exports", self.order)
        site.guard("/pages/export/{export}", self.show)
        site.guard("/pages/export/{export}/content", self.content)

    async def overview(self, request: Request, visit: Visit, ctx: Context) -> Response:  # noqa: ARG002
        """Show how to take a copy of the log, and what a person is given who asks about their own."""
        log = log_of(visit, ctx)
        await self._desk.admit_overview(ctx, log)
        return page("exports.html", visit, log=log)

    async def order(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Order what the search finds that stands in the form."""
        form = read_form(exchange(request).body)
        asked = read_search(
            {name: value for name, value in form.items() if name not in ("token", "format", "log")}, ctx.now
        )
        if asked.search is None or form.get("format") not in set(ExportFormat):
            raise InvalidInputError
        search = asked.search
        wanted = ExportFilter.model_validate(
            {name: getattr(search, name) for name in ExportFilter.model_fields if getattr(search, name) is not None}
        )
        made = await self._exports.order(ctx, log_of(visit, ctx), ExportFormat(form["format"]), wanted, visit.language)
        assert made.state.ordered is not None
        return RedirectResponse(f"/pages/export/{made.state.ordered.export}", 303, HEADERS)

    async def show(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show an export, and what it came to once it was fetched."""
        loaded = await self._exports.show(ctx, _ref(request))
        return page("export.html", visit, export=loaded.state)

    async def content(self, request: Request, visit: Visit, ctx: Context) -> Response:  # noqa: ARG002
        """Give the file, a chunk at a time, for as long as the session lasts."""
        file = await self._exports.fetch(ctx, _ref(request), self._site.again(request))
        headers = {
            **HEADERS,
            "Content-Type": file.media_type,
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Cache-Control": "private, no-store",
        }
        return StreamingResponse(file.pieces, headers=headers)


def _ref(request: Request) -> ExportRef:
    export = request.path_params["export"]
    if _EXPORT.fullmatch(export) is None:
        raise NoSuchExportError
    return ExportRef(export)
