"""The bearer of a request's access token, as a FastAPI dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias

from fastapi import Depends, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from shared.auth import Actor, Authenticator
from shared.errors import UnauthenticatedError


class _Bearer(SecurityBase):
    """Gives the actor itself, so that FastAPI has one dependency to solve for it, and not two."""

    def __init__(self) -> None:
        self.model = HTTPBearerModel(
            bearerFormat="JWT",
            description="An OAuth 2.0 access token as RFC 9068 has it (`at+jwt`), from the OIDC issuer of the installation.",
        )
        self.scheme_name = "oidc"

    async def __call__(self, request: Request) -> Actor:
        """Return who asks.

        Raises:
            UnauthenticatedError: no token, or one that is not valid.
            UnavailableError: the token cannot be checked now.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError
        authenticator: Authenticator = request.app.state.authenticator
        return await authenticator.authenticate(token.strip())


current_actor = _Bearer()
CurrentActor = Annotated[Actor, Security(current_actor)]
"""The actor of the request, for an endpoint's parameter. Resolved once per request, however many ask for it."""

AskAgain: TypeAlias = Callable[[], Awaitable[Actor]]
"""Says anew who asks, for an answer that takes longer than a right may last. Raises as at the beginning, once the token or session
is not valid any more."""


def _asked_again(request: Request) -> AskAgain:
    async def again() -> Actor:
        return await current_actor(request)

    return again


AskedAgain = Annotated[AskAgain, Depends(_asked_again)]
"""For an endpoint that streams, beside what admits to it."""
