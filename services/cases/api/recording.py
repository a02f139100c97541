"""Records and documents about the child."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import APIRouter, Header, Query
from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.cases.api.at_desk import AtDesk
from services.cases.api.bodies import Words
from services.cases.contents import DocumentList
from services.cases.errors import DocumentTitleError
from services.cases.handlers import recording
from services.cases.handlers.recording import Upload
from services.cases.views import DocumentView, RecordView
from shared.contracts.codes import InformationCategory
from shared.contracts.safekeeping import MediaType
from shared.refs import CaseRefField, DocumentRef, DocumentRefField, RecordRefField
from shared.web import AskedPage, Collection, Command, Reading, RequestModel, represent, respond

router = APIRouter(tags=["records and documents"])

_MOST_TITLE: Final = 200
_AS: Final[dict[MediaType, tuple[str, str]]] = {
    MediaType.PDF: ("application/pdf", "pdf"),
    MediaType.JPEG: ("image/jpeg", "jpg"),
    MediaType.PNG: ("image/png", "png"),
    MediaType.DOCX: ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    MediaType.ODT: ("application/vnd.oasis.opendocument.text", "odt"),
    MediaType.TEXT: ("text/plain; charset=utf-8", "txt"),
}


class RecordBody(RequestModel):
    """Something to be remembered about the child, in one category. It goes to the vault."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"category": "language", "text": "Asks for the cup."}]})

    category: InformationCategory
    text: Words


class RecordVersionBody(RequestModel):
    """How the record reads now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Asks for the cup by name."}]})

    text: Words


@router.post("/cases/{case}/records", status_code=201, response_model=RecordView, summary="Record something")
async def write_record(case: CaseRefField, body: RecordBody, ctx: Command, desk: AtDesk) -> Response:
    """Write something down about the child; it is read with the child (`/cases/{case}/child`), by category."""
    return respond(await recording.write_record(desk, ctx, case, body.category, body.text))


@router.post("/records/{record}/versions", status_code=201, response_model=RecordView, summary="Correct a record")
async def correct_record(record: RecordRefField, body: RecordVersionBody, ctx: Command, desk: AtDesk) -> Response:
    """Write the next version; the one before stays in the vault."""
    return respond(await recording.correct_record(desk, ctx, record, body.text))


@router.post(
    "/cases/{case}/documents",
    status_code=201,
    response_model=DocumentView,
    summary="Put in a document",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def add_document(
    case: CaseRefField,
    category: Annotated[InformationCategory, Query(description="What kind of information it holds.")],
    document_title: Annotated[
        str, Header(description="What it is called, percent-encoded UTF-8; it goes to the vault.", max_length=1000)
    ],
    request: Request,
    ctx: Command,
    desk: AtDesk,
) -> Response:
    """Put a document into the vault: the body is its content. What it is, is told by the content and by no name."""
    upload = Upload(category=category, title=_title(document_title), content=request.stream())
    return respond(await recording.add_document(desk, ctx, case, upload))


@router.get("/cases/{case}/documents", response_model=DocumentList, summary="The documents of a case")
async def list_documents(page: AskedPage, case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return those that you may see at this moment, in the order of their references."""
    collection = Collection(f"documents of {case}", DocumentRef)
    view, version = await recording.list_documents(desk, ctx, case, collection, page)
    return represent(view, version=version)


@router.get(
    "/documents/{document}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The document."}},
    summary="A document",
)
async def read_document(document: DocumentRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the document, to be saved and never shown in place. The look is recorded before its first byte."""
    found = await recording.read_document(desk, ctx, document)
    media, suffix = _AS[found.media]
    headers = {
        # Its own name could be the child's.
        "Content-Disposition": f'attachment; filename="{found.document}.{suffix}"',
        "Content-Length": str(found.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(found.content, headers=headers, media_type=media)


def _title(encoded: str) -> str:
    try:
        title = unquote(encoded, errors="strict").strip()
    except UnicodeDecodeError:
        raise DocumentTitleError from None
    if not title or len(title) > _MOST_TITLE or not title.isprintable():
        raise DocumentTitleError
    return title
