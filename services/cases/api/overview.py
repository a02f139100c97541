"""The overview, for guardians and children: as a page or as JSON, in three languages."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.handlers import overview
from services.cases.plain.answer import OverviewView
from services.cases.plain.page import PAGE, render_page
from shared.contracts.codes import Language
from shared.preferences import preferred, preferred_language
from shared.refs import CaseRefField
from shared.web import Reading, represent

router = APIRouter(tags=["cases"])


class Format(StrEnum):
    """In which form the overview is read."""

    JSON = "json"
    HTML = "html"


_MEDIA: Final = {
    "application/json": Format.JSON,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
}
_PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": "Accept, Accept-Language, Authorization"}


@router.get(
    "/cases/{case}/overview",
    response_model=OverviewView,
    summary="The case in plain language",
    responses={200: {"content": {"text/html": {}}}},
)
async def read_overview(
    case: CaseRefField,
    ctx: Reading,
    desk: AtDesk,
    request: Request,
    form: Annotated[Format | None, Query(alias="format", description="Goes before `Accept`.")] = None,
    language: Annotated[
        Language | None, Query(description="The guardian's own if left out, else what `Accept-Language` asks for.")
    ] = None,
) -> Response:
    """For a guardian, and for a child that is old enough: who does what, what waits for an answer, what has been agreed to."""
    wanted = preferred_language(request.headers.get("accept-language", ""))
    view, document, version = await overview.read_overview(desk, ctx, case, asked=language, preferred=wanted)
    headers = {**_PRIVATE, "Content-Language": document.language.value}
    if (form or preferred(request.headers.get("accept", ""), _MEDIA, Format.JSON)) is Format.HTML:
        page = render_page(document)
        return Response(page, media_type="text/html; charset=utf-8", headers={**headers, **PAGE.headers})
    answer = represent(view, version=version)
    answer.headers.update(headers)
    return answer
