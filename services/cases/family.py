"""Whose national numbers the vault has, with the references that they were given first: for a change of PID_KEY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.cases.records import Records
from shared.actor_names import Named
from shared.db import Connection
from shared.errors import NotFoundError
from shared.refs import ActorId, CaseRef

_WITHOUT: Final = " FROM kin k WHERE NOT EXISTS (SELECT FROM actor_names n WHERE n.actor = k.actor AND n.key_mark = $1)"


class Family:
    """The children and guardians of the cases; see `shared.actor_names.People`."""

    def __init__(self, records: Records) -> None:
        """Read numbers from `records`."""
        self._records = records

    async def count(self, conn: Connection, mark: str) -> int:
        """Return how many cases have somebody without a name under the key of this mark."""
        found: int = await conn.fetchval("SELECT count(DISTINCT k.case_ref)" + _WITHOUT, mark)
        return found

    async def owners(self, conn: Connection, mark: str, after: str, limit: int) -> list[str]:
        """Return the next of them after `after`, in their order."""
        rows = await conn.fetch(
            "SELECT DISTINCT k.case_ref" + _WITHOUT + " AND k.case_ref > $2 ORDER BY k.case_ref LIMIT $3",
            mark,
            after,
            limit,
        )
        return [row["case_ref"] for row in rows]

    async def named(self, conn: Connection, owner: str) -> Sequence[Named]:
        """Return the child and the guardians of a case; none when it was erased."""
        case = CaseRef(owner)
        try:
            child = await self._records.child(conn, case)
            guardians = await self._records.guardians(conn, case)
        except NotFoundError:
            return []
        found = [Named(one.national_number, one.actor) for one in guardians]
        actor = await conn.fetchval("SELECT actor FROM kin WHERE case_ref = $1 AND kind = 'child'", owner)
        return found if actor is None else [*found, Named(child.national_number, ActorId(actor))]
