"""The root of every refusal, and those that more than one service gives.

An error carries its own decision: a stable `code`, the HTTP `status`, a sentence for a person, and what a program needs to act on
it (`extensions`). The class's docstring is its title, and its message where that is constant. A service keeps its own root, derived
from `LagspillError`, in its `errors.py`. No message, code or extension may hold personal data: all of it is answered and logged.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

PROBLEM_BASE: Final = "https://lagspill.no/problems/"


class LagspillError(Exception):
    """Something went wrong inside the service."""

    code: ClassVar[str] = "internal-error"
    """Kebab-case; never changes meaning. Programs decide on this, never on the sentence."""
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        extensions: Mapping[str, JsonValue] | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Refuse with `message`, or the docstring; `extensions` become members of the problem, `retry_after` is in seconds."""
        self.message = message or self.title()
        self.extensions: Mapping[str, JsonValue] = dict(extensions or {})
        self.retry_after = retry_after
        super().__init__(self.message)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the class's docstring: the same for every occurrence (RFC 9457 § 3.1.3)."""
        return (inspect.getdoc(cls) or cls.__name__).splitlines()[0]

    @classmethod
    def problem_type(cls) -> str:
        """Return the URL that names this kind of problem (RFC 9457 § 3.1.1)."""
        return PROBLEM_BASE + cls.code

    def headers(self) -> dict[str, str]:
        """Return the response headers that belong to the refusal."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class FieldProblem(BaseModel):
    """What is wrong with one part of the input: where and why, never the value."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="JSON Pointer (RFC 6901) into the body, or the parameter's name.", examples=["/goal"]
    )
    code: str = Field(description="Stable kind of mistake.", examples=["missing"])
    detail: str = Field(description="The rule that was broken, in words.", examples=["Field required"])


class MalformedRequestError(LagspillError):
    """The request cannot be read."""

    code = "request-malformed"
    status = 400


class InvalidInputError(LagspillError):
    """The input breaks the rules of the interface."""

    code = "input-invalid"
    status = 422

    def __init__(self, message: str | None = None, *, errors: Sequence[FieldProblem] = ()) -> None:
        """Refuse with one entry in `errors` for each part that is wrong."""
        self.errors = tuple(errors)
        super().__init__(message, extensions={"errors": [error.model_dump(mode="json") for error in self.errors]})


class UnauthenticatedError(LagspillError):
    """The request carries no access token."""

    code = "token-missing"
    status = 401

    def headers(self) -> dict[str, str]:
        """Return the challenge (RFC 6750 § 3); a request without any token is told no error code."""
        return {"WWW-Authenticate": 'Bearer realm="lagspill"'}


class TokenRefusedError(UnauthenticatedError):
    """The access token is not valid here."""

    code = "token-invalid"

    def headers(self) -> dict[str, str]:
        """Return the challenge with RFC 6750's `invalid_token`."""
        return {"WWW-Authenticate": 'Bearer realm="lagspill", error="invalid_token"'}


class TokenExpiredError(TokenRefusedError):
    """The access token has expired."""

    code = "token-expired"


class ForbiddenError(LagspillError):
    """The actor may not do this."""

    code = "forbidden"
    status = 403


class NotFoundError(LagspillError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


class ConflictError(LagspillError):
    """The present state does not allow this."""

    code = "conflict"
    status = 409


class StaleVersionError(LagspillError):
    """It has been changed since the version that the request names."""

    code = "version-stale"
    status = 412


class PreconditionRequiredError(LagspillError):
    """The request must name the version it changes, in If-Match."""

    code = "if-match-missing"
    status = 428


class IdempotencyConflictError(LagspillError):
    """The Idempotency-Key was used before, with another request."""

    code = "idempotency-key-reused"
    status = 422


class UnavailableError(LagspillError):
    """It cannot be decided just now; try again."""

    code = "unavailable"
    status = 503

    def __init__(
        self,
        message: str | None = None,
        *,
        extensions: Mapping[str, JsonValue] | None = None,
        retry_after: float = 1.0,
    ) -> None:
        """Refuse for now; the caller is asked to come back after `retry_after` seconds."""
        super().__init__(message, extensions=extensions, retry_after=retry_after)
