"""In which language an answer is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from shared.contracts.codes import Language
from shared.preferences import preferred_language


async def _tongue(
    request: Request,
    language: Annotated[Language | None, Query(description="Left out: what `Accept-Language` asks for.")] = None,
) -> Language:
    return language or preferred_language(request.headers.get("accept-language", ""))


Tongue = Annotated[Language, Depends(_tongue)]
"""The language that a client names, or that its browser prefers."""
