"""HTTP of the innsyn report: made once, read as often as wanted, as a page, a PDF or JSON, in three languages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.innsyn.document import Document, Report, write
from services.audit.innsyn.domain import Row
from services.audit.innsyn.handlers import InnsynDesk, ReportReceipt, make_report, read_report
from services.audit.innsyn.page import PAGE, render_page
from services.audit.innsyn.pdf import make_pdf
from shared.contracts.codes import Language
from shared.preferences import preferred
from shared.refs import CaseRefField, InnsynReportRefField
from shared.web import Command, CurrentActor, Reading, RequestModel, represent, respond

PDFS_AT_ONCE: Final = 2
"""Each is set by a process of its own: a crowd of them must not take the machine from the log."""
_PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": "Accept, Authorization"}


class Format(StrEnum):
    """In which form a report is read."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"


_MEDIA: Final = {
    "application/json": Format.JSON,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "application/pdf": Format.PDF,
}


class AskedReport(RequestModel):
    """Which case the report is about."""

    case: CaseRefField = Field(examples=["cas_bcdfghjklmnpqrstvwxzbcdfgh"])


class ReportView(ReportReceipt):
    """A report as data: the same rows as on paper."""

    relation: str = Field(examples=["guardian"])
    address_protected: bool
    note: str
    """The signed checkpoint (C2SP tlog-checkpoint) that it was made from."""
    witnessed: bool
    """Enough witnesses have cosigned it: their lines are in the note."""
    rows: Sequence[Row]
    without_content: int
    """How often somebody saw that the case exists, without a name and without content."""
    unreadable: int
    """Entries of the case that could not be read."""


router = APIRouter(tags=["innsyn"])


@dataclass(frozen=True)
class Interface:
    """What the routes ask: an application has it as `state.innsyn`."""

    desk: InnsynDesk
    setting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PDFS_AT_ONCE))
    """Whoever makes a PDF holds a place of it."""


async def _interface(request: Request) -> Interface:
    interface: Interface = request.app.state.innsyn
    return interface


At = Annotated[Interface, Depends(_interface)]


@router.post("/innsyn-reports", status_code=201, response_model=ReportReceipt, summary="Ask who has seen our child")
async def make(body: AskedReport, ctx: Command, actor: CurrentActor, request: Request, at: At) -> Response:
    """For a guardian, or a child old enough to ask alone. The asking is itself an entry of the log."""
    return respond(await make_report(at.desk, ctx, actor, body.case, _authorization(request)))


@router.get(
    "/innsyn-reports/{report}",
    response_model=ReportView,
    summary="Read the report",
    responses={200: {"content": {"text/html": {}, "application/pdf": {}}}},
)
async def read(
    report: InnsynReportRefField,
    ctx: Reading,
    actor: CurrentActor,
    request: Request,
    at: At,
    form: Annotated[Format | None, Query(alias="format", description="Goes before `Accept`.")] = None,
    language: Annotated[Language | None, Query(description="The guardian's own if left out, else nb.")] = None,
    large: Annotated[bool, Query(description="Large print.")] = False,
) -> Response:
    """Return the report as JSON, as a page or as a PDF (PDF/UA-1). Each reading is an entry of the log, committed first."""
    found, version = await read_report(at.desk, ctx, actor, report, _authorization(request))
    asked = form or preferred(request.headers.get("accept", ""), _MEDIA, Format.JSON)
    if asked is Format.JSON:
        answer = represent(_view(found), version=version)
        answer.headers.update(_PRIVATE)
        return answer
    words = write(found, at.desk.lists, _language(language, found), contact=at.desk.contact)
    headers = {**_PRIVATE, "Content-Language": words.language.value}
    if asked is Format.HTML:
        page = await asyncio.to_thread(render_page, words, large=large)
        return Response(page, media_type="text/html; charset=utf-8", headers={**headers, **PAGE.headers})
    async with at.setting:
        content = await make_pdf(words, large=large, made_at=found.made_at)
    headers["Content-Disposition"] = f'attachment; filename="{_filename(words)}"'
    return Response(content, media_type="application/pdf", headers=headers)


def _authorization(request: Request) -> str:
    return request.headers["authorization"]


def _language(asked: Language | None, report: Report) -> Language:
    return asked or report.right.language or Language.NB


def _filename(document: Document) -> str:
    return f"innsyn-{document.reference}.pdf"


def _view(report: Report) -> ReportView:
    return ReportView(
        report=report.report,
        case=report.right.case,
        made_at=report.made_at,
        log=report.origin,
        size=report.size,
        looks=report.counted.looks,
        relation=report.right.relation,
        address_protected=report.right.address_protected,
        note=report.note,
        witnessed=report.witnessed,
        rows=report.counted.rows,
        without_content=report.counted.without_content,
        unreadable=report.counted.unreadable,
    )
