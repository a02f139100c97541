"""HTTP for reports: which there are and were delivered; one as data, as a page, for spreadsheets; and its figures as pictures."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import ReportDelivery
from services.meetings.configuration import profile_of
from services.meetings.domain.figures import FigureCode
from services.meetings.domain.reports import Content
from services.meetings.handlers import report_duties, reports
from services.meetings.handlers.desk import Desk
from services.meetings.handlers.reports import Used
from services.meetings.pages.report_page import (
    PICTURE,
    REPORT,
    render_chart,
    render_csv,
    render_entered_chart,
    render_report,
)
from services.meetings.views import DeliveredReportView
from shared.contracts.codes import Language
from shared.web import AskedPage, Collection, Command, Page, Reading, Tongue, respond

router = APIRouter(tags=["reports"])

REPORTS: Final = Collection("reports", str)
_PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": "Accept-Language, Authorization"}

Code = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9-]{1,59}$",
        description="The report's code in the profile.",
        examples=["to-steering-group"],
    ),
]
Term = Annotated[
    str,
    Query(
        pattern="^[0-9]{4}-(autumn|spring)$",
        description="A term that is over: August to December, or January to July.",
        examples=["2026-autumn"],
    ),
]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


def _of(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {}}}}


@router.get("/reports", summary="Which reports the municipality uses, and when they are due")
async def list_reports(desk: Means, ctx: Reading, asked: AskedPage) -> Page[Used]:
    """As its profile says. For the coordinator, the leaders of units, and whoever owes one."""
    rows = await reports.list_reports(desk, ctx, REPORTS.after(asked.cursor), asked.limit + 1)
    return REPORTS.page(rows, asked.limit, lambda one: one.report)


@router.post(
    "/reports/{code}/deliveries",
    status_code=201,
    response_model=DeliveredReportView,
    summary="Say that a report was delivered",
)
async def deliver_report(desk: Means, ctx: Command, code: Code, body: ReportDelivery) -> Response:
    """By whoever owes it, or a leader of the municipality's administration; nobody is reminded of it any more."""
    return respond(await report_duties.deliver_report(desk, ctx, code, body.due, body.delivered_on))


@router.get("/reports/{code}", summary="A report of a term that is over")
async def read_report(desk: Means, ctx: Reading, code: Code, period: Term) -> Content:
    """Figures and what the profile states, under the report's headings. A number that is null is hidden."""
    return await reports.read_report(desk, ctx, code, period)


@router.get(
    "/reports/{code}/page",
    response_class=Response,
    summary="The same as one page, with charts and tables",
    responses=_of("text/html"),
)
async def show_page(desk: Means, ctx: Reading, tongue: Tongue, code: Code, period: Term) -> Response:
    """For the screen, for screen readers, and for paper."""
    content = await reports.read_report(desk, ctx, code, period)
    page = render_report(content, profile_of(desk.profiles, content.municipality), tongue)
    headers = {**_PRIVATE, **REPORT.headers, "Content-Language": tongue.value}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@router.get(
    "/reports/{code}/table",
    response_class=Response,
    summary="The same for spreadsheets: a line for each number",
    responses=_of("text/csv"),
)
async def show_table(desk: Means, ctx: Reading, tongue: Tongue, code: Code, period: Term) -> Response:
    """CSV (RFC 4180) in UTF-8 with a byte order mark. No cell can be taken for a formula."""
    content = await reports.read_report(desk, ctx, code, period)
    file = render_csv(content, profile_of(desk.profiles, content.municipality), tongue)
    name = f'attachment; filename="{content.report}-{content.municipality}-{content.period}.csv"'
    headers = {**_PRIVATE, "Content-Disposition": name, "Content-Language": tongue.value}
    return Response(file, media_type="text/csv; charset=utf-8; header=present", headers=headers)


@router.get(
    "/reports/{code}/charts/{figure}",
    response_class=Response,
    summary="One of its figures as a picture",
    responses=_of("image/svg+xml"),
)
async def show_chart(
    desk: Means, ctx: Reading, tongue: Tongue, code: Code, figure: FigureCode, period: Term
) -> Response:
    """SVG with a title and a description. The page has a table with the same numbers beside it."""
    content = await reports.read_report(desk, ctx, code, period)
    return _picture(render_chart(content, profile_of(desk.profiles, content.municipality), figure, tongue), tongue)


@router.get(
    "/reports/{code}/indicators/{indicator}/chart",
    response_class=Response,
    summary="What people have entered of one of its indicators, as a picture",
    responses=_of("image/svg+xml"),
)
async def show_entered_chart(
    desk: Means,
    ctx: Reading,
    tongue: Tongue,
    code: Code,
    indicator: Annotated[
        str,
        Path(
            pattern=r"^[a-z][a-z0-9-]{1,59}$", description="Its code in the profile.", examples=["service-centre-calls"]
        ),
    ],
    period: Term,
) -> Response:
    """SVG with a title and a description; what is missing is said, and is not drawn as nought."""
    content = await reports.read_report(desk, ctx, code, period)
    profile = profile_of(desk.profiles, content.municipality)
    return _picture(render_entered_chart(content, profile, indicator, tongue), tongue)


def _picture(drawn: str, tongue: Language) -> Response:
    headers = {**_PRIVATE, **PICTURE.headers, "Content-Language": tongue.value}
    return Response(drawn, media_type="image/svg+xml", headers=headers)
