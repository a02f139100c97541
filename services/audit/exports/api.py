"""HTTP of exports: ordered by POST, looked at and fetched by GET."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.exports.desk import ExportDesk
from services.audit.exports.views import ExportView
from services.audit.searching import ACTOR, CODE, ORGANISATION, SOURCE, UNIT, ref
from shared.contracts.audit import ExportFilter, ExportFormat
from shared.contracts.codes import Language
from shared.refs import ExportRef, pattern
from shared.web import AskedAgain, Command, GivenMoment, Reading, RequestModel, represent, respond

_EXPORT: Final = pattern("exp")
ExportPath = Annotated[str, Path(pattern=_EXPORT, description="The export's reference.")]


class Period(RequestModel):
    """From when and until before when; each may be left out."""

    since: GivenMoment | None = Field(default=None, description="Happened then or later.")
    until: GivenMoment | None = Field(default=None, description="Happened before then.")
    logged_since: GivenMoment | None = Field(default=None, description="Came into the log then or later.")
    logged_until: GivenMoment | None = Field(default=None, description="Came into the log before then.")


class Filters(RequestModel):
    """Which entries: those that have all of this."""

    case: str | None = Field(default=None, pattern=ref("cas"))
    actor: str | None = Field(default=None, pattern=ACTOR)
    organisation: str | None = Field(default=None, pattern=ORGANISATION)
    unit: str | None = Field(default=None, pattern=UNIT)
    kind: str | None = Field(default=None, pattern=CODE)
    type: str | None = Field(default=None, pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$", max_length=120)
    source: str | None = Field(default=None, pattern=SOURCE)
    basis: str | None = Field(default=None, pattern=CODE)
    consent: str | None = Field(default=None, pattern=ref("cst"))
    meeting: str | None = Field(default=None, pattern=ref("mtg"))
    permitted: bool | None = None


class ExportOrder(RequestModel):
    """What is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "format": "csv",
                    "filters": {"kind": "read"},
                    "period": {"since": "2026-09-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"},
                }
            ]
        }
    )

    format: ExportFormat
    log: str | None = Field(default=None, pattern=LOG_NAME.pattern)
    """Whose log; the actor's own municipality's if left out."""
    filters: Filters = Filters()
    period: Period = Period()
    language: Language = Language.NB
    """Of the sentences in it."""

    def asked(self) -> ExportFilter:
        """Return it as the event tells it."""
        return ExportFilter.model_validate({**self.filters.model_dump(), **self.period.model_dump()})


router = APIRouter(tags=["exports"])


async def _desk(request: Request) -> ExportDesk:
    desk: ExportDesk = request.app.state.exports
    return desk


AtDesk = Annotated[ExportDesk, Depends(_desk)]


@router.post("/exports", summary="Order an export", status_code=201, response_model=ExportView)
async def order(body: ExportOrder, ctx: Command, desk: AtDesk) -> Response:
    log = LogName(body.log or (ctx.actor.municipality if ctx.actor is not None else ""))
    return respond(await desk.order(ctx, log, body.format, body.asked(), body.language))


@router.get("/exports/{export}", summary="An export, and what it came to", response_model=ExportView)
async def show(export: ExportPath, ctx: Reading, desk: AtDesk) -> Response:
    loaded = await desk.show(ctx, ExportRef(export))
    return represent(ExportView.of(loaded.state), version=loaded.version)


@router.get("/exports/{export}/content", summary="The file itself", response_class=Response)
async def content(export: ExportPath, ctx: Reading, again: AskedAgain, desk: AtDesk) -> Response:
    file = await desk.fetch(ctx, ExportRef(export), again)
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{file.name}"'}
    return StreamingResponse(file.pieces, media_type=file.media_type, headers=headers)
