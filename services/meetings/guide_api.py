"""HTTP for everybody: the municipality's page of offers, rights and duties. No sign-in, no cookie, no script."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.domain.visiting import Looking
from services.meetings.handlers import guides
from services.meetings.handlers.desk import Desk
from services.meetings.pages.guide_page import GUIDE, render_guide
from shared.refs import LogScope
from shared.web import Tongue, exchange, passes_over_more

router = APIRouter(tags=["for everybody"])

PUBLIC: Final = ("/guides/{municipality}",)
"""What is read without an access token: nothing in it is about anybody."""
_ANYBODYS: Final = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
"""Asked for each time, so that each visit is counted."""
_PURPOSES: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.get(
    PUBLIC[0],
    response_class=Response,
    summary="The municipality's offers, forms, contacts, rights and duties, as one page for everybody",
    responses={200: {"content": {"text/html": {}}}},
    dependencies=[Depends(passes_over_more)],
)
async def show_guide(
    desk: Means,
    request: Request,
    tongue: Tongue,
    municipality: Annotated[str, Path(pattern="^[0-9]{4}$", description="Its number: four digits.")],
) -> Response:
    """From its profile. Each look is counted as one more in its month, by whom is not. 404 where there is no such page."""
    shown = guides.show_guide(desk, LogScope(municipality), request.app.state.clock.now())
    page = render_guide(shown, tongue)
    guides.count_visit(desk, shown, _looking(request), request.app.state.clock.now())
    headers = {**_ANYBODYS, **GUIDE.headers, "Content-Language": tongue.value}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _looking(request: Request) -> Looking:
    said = request.headers
    return Looking(
        content=not exchange(request).bodiless,
        browser=said.get("user-agent", ""),
        purpose=" ".join(said.get(name, "") for name in _PURPOSES),
        destination=said.get("sec-fetch-dest", ""),
    )
