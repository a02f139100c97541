"""Collections by cursor: a page says where the next one begins, whatever is added or removed meanwhile."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.errors import MalformedRequestError
from shared.web import strictjson

K = TypeVar("K")
T = TypeVar("T")

MAX_CURSOR: Final = 512
MAX_LIMIT: Final = 200
_SEAL: Final = 8


class CursorError(MalformedRequestError):
    """The cursor is not one that this collection gave."""

    code = "cursor-invalid"


class Page(BaseModel, Generic[T]):
    """A part of a collection, in its fixed order."""

    model_config = ConfigDict(frozen=True)

    items: Sequence[T]
    next: str | None = Field(default=None, description="The cursor of the next page; null on the last.")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for."""

    limit: int
    cursor: str | None


async def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most how many items.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            description="`next` of the page before.",
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_CURSOR},
        ),
    ] = None,
) -> Paging:
    return Paging(limit, cursor)


AskedPage = Annotated[Paging, Depends(_paging)]
"""The query parameters `limit` and `cursor`."""


class Collection(Generic[K]):
    """A collection that is paged by the key of the last item shown, for example `tuple[datetime, str]`.

    The key must be what the rows are ordered by, without ties. The cursor holds nothing but the key, so the key must be something
    the caller may see. It is not a permission: each page is authorised anew. Its seal is no signature; it makes sure that a cursor
    that was changed, cut or taken from another collection is refused instead of showing some other place.
    """

    def __init__(self, name: str, key: type[K]) -> None:
        """Page the collection `name`; the name belongs to the seal, so add to it whatever filters the pages are of."""
        self._name = name
        self._adapter: TypeAdapter[K] = TypeAdapter(key)

    def cursor(self, key: K) -> str:
        """Return the cursor that continues after `key`."""
        content = self._adapter.dump_json(key)
        return base64.urlsafe_b64encode(self._seal(content) + content).rstrip(b"=").decode()

    def after(self, cursor: str | None) -> K | None:
        """Return the key to continue after; None for the first page.

        Raises:
            CursorError: it was not made here.
        """
        if cursor is None:
            return None
        if len(cursor) > MAX_CURSOR:
            raise CursorError
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CursorError from None
        seal, content = raw[:_SEAL], raw[_SEAL:]
        if seal != self._seal(content):
            raise CursorError
        try:
            # Whoever knows how the seal is made can put anything under it: it goes to the database no more than a body's would.
            strictjson.check(content)
            key = self._adapter.validate_json(content, strict=True)
        except (MalformedRequestError, ValidationError):
            raise CursorError from None
        # Base64 has several spellings of the same bytes, and so has JSON: only ours is taken.
        if self.cursor(key) != cursor:
            raise CursorError
        return key

    def page(self, rows: Sequence[T], limit: int, key: Callable[[T], K]) -> Page[T]:
        """Return the page of `rows`, which were asked for with one more than `limit`, to know whether there is a next."""
        shown = rows[:limit]
        return Page(items=shown, next=self.cursor(key(shown[-1])) if len(rows) > limit else None)

    def _seal(self, content: bytes) -> bytes:
        return hashlib.sha256(self._name.encode() + b"\0" + content).digest()[:_SEAL]
