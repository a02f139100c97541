"""Figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.domain.figures import Figures
from services.cases.handlers import figures
from shared.web import Reading, represent

Term = Annotated[
    str, Query(pattern="^[0-9]{4}-(autumn|spring)$", description="A term.", examples=["2026-autumn", "2027-spring"])
]
router = APIRouter(tags=["figures"])


@router.get("/figures", response_model=Figures, summary="Figures of a term that is over")
async def read_figures(ctx: Reading, desk: AtDesk, period: Term) -> Response:
    """For leaders: their unit's; for the coordinator: the municipality's. No count under five, nor one that subtraction reveals."""
    return represent(await figures.read_figures(desk, ctx, period))
