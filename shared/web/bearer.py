"""The bearer of a request's access token, as a FastAPI dependency."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from shared.auth import Actor, Authenticator
from shared.errors import UnauthenticatedError

_scheme = HTTPBearer(
    scheme_name="oidc",
    bearerFormat="JWT",
    description="An OAuth 2.0 access token as RFC 9068 has it (`at+jwt`), from the OIDC issuer of the installation.",
    auto_error=False,
)


async def current_actor(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme)]
) -> Actor:
    """Return who asks.

    Raises:
        UnauthenticatedError: no token, or one that is not valid.
        UnavailableError: the token cannot be checked now.
    """
    if credentials is None:
        raise UnauthenticatedError
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.authenticate(credentials.credentials)


CurrentActor = Annotated[Actor, Depends(current_actor)]
"""The actor of the request, for an endpoint's parameter. Resolved once per request, however many ask for it."""
