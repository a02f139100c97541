"""Concern reports to child welfare."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import team_bodies as bodies
from services.cases.api.at_desk import AtDesk
from services.cases.handlers import reports
from services.cases.handlers.reports import ChildSaid, Reporting
from services.cases.team_contents import ReportContent
from services.cases.views_team import ReportView
from shared.refs import CaseRefField, ConcernReportRef, ConcernReportRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["concern reports"])


@router.post(
    "/cases/{case}/concern-reports", status_code=201, response_model=ReportView, summary="Report to child welfare"
)
async def report_concern(case: CaseRefField, body: bodies.ConcernReportBody, ctx: Command, desk: AtDesk) -> Response:
    """Report a concern (bekymringsmelding), from the first concern on and without anybody's consent."""
    child = None
    if body.child is not None:
        child = ChildSaid(method=body.child.method, text=body.child.text, trusted_person=body.child.trusted_person)
    written = Reporting(
        ground=body.ground,
        text=body.text,
        guardians_informed=body.guardians_informed,
        not_informed_because=body.not_informed_because,
        child=child,
        not_heard=body.not_heard,
    )
    return respond(await reports.report_concern(desk, ctx, case, written))


@router.get("/cases/{case}/concern-reports", response_model=Page[ReportView], summary="The case's concern reports")
async def list_reports(page: AskedPage, case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the reports that you may know of, and how far each has come."""
    collection = Collection(f"concern reports of {case}", ConcernReportRef)
    after = collection.after(page.cursor)
    rows, version = await reports.list_reports(desk, ctx, case, after=after, limit=page.limit)
    return represent(collection.page(rows, page.limit, lambda row: row.report), version=version)


@router.get("/concern-reports/{report}", response_model=ReportContent, summary="A concern report")
async def read_report(report: ConcernReportRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the report as it was written, to whoever wrote it or leads that unit."""
    view, version = await reports.read_report(desk, ctx, report)
    return represent(view, version=version)


@router.get(
    "/concern-reports/{report}/letter",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "The letter"}},
    summary="The report as a letter",
)
async def print_letter(report: ConcernReportRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the letter to print, when there is no digital channel or it failed."""
    content = await reports.print_letter(desk, ctx, report)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'inline; filename="bekymringsmelding.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.post(
    "/concern-reports/{report}/posting", status_code=201, response_model=ReportView, summary="The letter is posted"
)
async def post_report(report: ConcernReportRefField, ctx: Command, desk: AtDesk) -> Response:
    """Note that the letter was posted."""
    return respond(await reports.post_report(desk, ctx, report))


@router.post(
    "/concern-reports/{report}/feedback", status_code=201, response_model=ReportView, summary="Child welfare answered"
)
async def record_feedback(
    report: ConcernReportRefField, body: bodies.FeedbackBody, ctx: Command, desk: AtDesk
) -> Response:
    """Record child welfare's answer."""
    return respond(await reports.record_feedback(desk, ctx, report, body.kind))


@router.post(
    "/concern-reports/{report}/guardians-informed",
    status_code=201,
    response_model=ReportView,
    summary="The guardians have been told",
)
async def note_guardians_informed(report: ConcernReportRefField, ctx: Command, desk: AtDesk) -> Response:
    """Note that the guardians have been told that a report was sent; from then on they are shown that it was, and no words."""
    return respond(await reports.note_guardians_informed(desk, ctx, report))
