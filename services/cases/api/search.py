"""Search. By POST, so that neither a name nor a number stands in an address, and so in no log of any proxy."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.api.bodies import Name, Number
from services.cases.contents import SearchResult
from services.cases.handlers import searching
from services.cases.records import Sought
from shared.web import Reading, RequestModel, represent

router = APIRouter(tags=["search"])


class SearchBody(RequestModel):
    """Whom you look for: by name or by national number, one of the two."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Solstråle Eks"}]})

    name: Name | None = None
    """Parts of the name, or their beginnings from three letters on, in any order."""
    national_number: Number | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.name is None) == (self.national_number is None):
            raise PydanticCustomError("one_of", "Search by name or by national number, one of the two")
        return self


@router.post("/search", response_model=SearchResult, summary="Find a child")
async def search_child(body: SearchBody, ctx: Reading, desk: AtDesk) -> Response:
    """Find the cases of a child among those that you may see. The search is recorded, also one that finds nothing."""
    found = await searching.search_child(desk, ctx, Sought(name=body.name, national_number=body.national_number))
    return represent(found)
