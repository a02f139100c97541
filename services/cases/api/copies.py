"""The whole copy of a case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from services.cases.api.at_desk import AtDesk
from services.cases.handlers import copies
from shared.contracts.codes import Language
from shared.refs import CaseRefField
from shared.web import Reading

router = APIRouter(tags=["the copy"])


@router.get(
    "/cases/{case}/copy",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "The archive."}},
    summary="Everything about the child, to keep",
)
async def take_copy(
    case: CaseRefField,
    ctx: Reading,
    desk: AtDesk,
    language: Annotated[Language | None, Query(description="Of the page; yours, when not said.")] = None,
) -> Response:
    """Return, to a guardian or to the child by its age, a page to read, the same for programs, and the documents."""
    made = await copies.take_copy(desk, ctx, case, language)
    headers = {
        "Content-Disposition": 'attachment; filename="copy.zip"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(made.content, headers=headers, media_type="application/zip")
