"""The opaque references of actors, and how a person keeps one while the key that makes them changes.

A reference stands in events and in the log for ever, so it is never changed: an event that said which new one replaced it would be
as good to a thief of the old key as the old one. What changes is by what a person is found. While there is a previous key, somebody
who comes is known by what that one made, and it is written down what the new one makes of the same person; what is written is
believed ever after (docs/operating.md, Keys).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from shared.refs import ALPHABET, LENGTH, ActorId, CaseRef

if TYPE_CHECKING:
    from shared.db import Connection, Pool

_BATCH: Final = 100


class ActorNames:
    """Makes the opaque actor references: a keyed hash, so that nobody without the key can search for a national number."""

    def __init__(self, key: bytes) -> None:
        """Use `key`, the same in every service, so that an actor has one name everywhere."""
        self._key = key
        self.mark: Final = hmac.digest(key, b"which key of names", hashlib.sha256)[:8].hex()
        """Names the key, and tells nothing of it."""

    def of_pid(self, pid: str) -> ActorId:
        """Return the actor whose national number is `pid`."""
        return self._name(b"pid", pid)

    def of_subject(self, issuer: str, subject: str) -> ActorId:
        """Return the actor that `issuer` calls `subject`."""
        return self._name(b"sub", f"{issuer}\0{subject}")

    def veiled(self, actor: ActorId, asking: UUID) -> str:
        """Return what stands for `actor` in the answer to one asking (hexadecimal HMAC-SHA-256).

        Another service can tell whether an actor that it knows is meant; whoever the answer is shown to learns nobody's reference,
        and nothing that stands in two answers.
        """
        return hmac.digest(self._key, b"veil\0" + asking.bytes + actor.encode(), hashlib.sha256).hex()

    def family_mark(self, case: CaseRef, actor: ActorId) -> str:
        """Return what stands for `actor` as one of the family in the events of `case` (hexadecimal HMAC-SHA-256).

        Another service can tell whether an actor that it meets is meant; whoever only reads events learns nobody's reference, and
        nothing that stands in another case.
        """
        return hmac.digest(self._key, b"family\0" + f"{case}\0{actor}".encode(), hashlib.sha256).hex()

    def of_request(self, asked: bytes) -> bytes:
        """Return by what a request is known again (HMAC-SHA-256); a national number that it holds is not found by trying."""
        return hmac.digest(self._key, b"request\0" + asked, hashlib.sha256)

    def _name(self, kind: bytes, value: str) -> ActorId:
        number = int.from_bytes(hmac.digest(self._key, kind + b"\0" + value.encode(), hashlib.sha256))
        letters = []
        for _ in range(LENGTH):
            number, rest = divmod(number, len(ALPHABET))
            letters.append(ALPHABET[rest])
        return ActorId("act_" + "".join(letters))


class KnownActors:
    """Who somebody is: the reference that the person was given first, under whichever key."""

    def __init__(self, names: ActorNames, previous: ActorNames | None = None, pool: Pool | None = None) -> None:
        """Know people by `names`, and by `previous` while that key is being changed; what is known of both is kept in `pool`.

        Raises:
            ValueError: there is a previous key, and nowhere to keep what is known.
        """
        if previous is not None and pool is None:
            raise ValueError("a key of names cannot be changed without a database")
        self.names: Final = names
        self._previous = previous
        self._pool = pool
        self._changed = previous is not None

    async def load(self) -> None:
        """Look whether the key was ever changed: where it was not, nobody has to be looked for."""
        if self._pool is not None and not self._changed:
            self._changed = bool(await self._pool.fetchval("SELECT EXISTS (SELECT FROM actor_names)"))

    async def of_pid(self, pid: str) -> ActorId:
        """Return the actor whose national number is `pid`."""
        return await self._known(lambda names: names.of_pid(pid))

    async def of_subject(self, issuer: str, subject: str) -> ActorId:
        """Return the actor that `issuer` calls `subject`."""
        return await self._known(lambda names: names.of_subject(issuer, subject))

    def veils(self, actor: ActorId, asking: UUID) -> tuple[str, ...]:
        """Return what stands for `actor` in the answer to one asking, under each key: another service may have only one of them."""
        return tuple(names.veiled(actor, asking) for names in self._every)

    def family_marks(self, case: CaseRef, actor: ActorId) -> tuple[str, ...]:
        """Return what stands for `actor` as one of the family of `case`, under each key: who compares may have only one of them."""
        return tuple(names.family_mark(case, actor) for names in self._every)

    def of_request(self, asked: bytes) -> bytes:
        """Return by what a request is known again: under the key that every instance has while it is being changed."""
        return (self._previous or self.names).of_request(asked)

    @property
    def _every(self) -> tuple[ActorNames, ...]:
        return (self.names,) if self._previous is None else (self.names, self._previous)

    async def _known(self, name: Callable[[ActorNames], ActorId]) -> ActorId:
        alias = name(self.names)
        if self._pool is None or not self._changed:
            return alias
        before = None if self._previous is None else name(self._previous)
        rows = await self._pool.fetch(
            "SELECT alias, actor FROM actor_names WHERE alias = $1 OR alias = $2", alias, before
        )
        found = {row["alias"]: ActorId(row["actor"]) for row in rows}
        if alias in found or before is None:
            return found.get(alias, alias)
        actor = found.get(before, before)
        await self._pool.execute(_KNOW, [alias], [actor], self.names.mark)
        return actor


@dataclass(frozen=True, slots=True)
class Named:
    """A person as the vault has it, with the reference that the person was given first."""

    number: str
    actor: ActorId


class People(Protocol):
    """Whose national numbers a service has."""

    async def count(self, conn: Connection, mark: str) -> int:
        """Return how many owners have somebody without a name under the key of this mark."""

    async def owners(self, conn: Connection, mark: str, after: str, limit: int) -> list[str]:
        """Return the next of them after `after`, in their order."""

    async def named(self, conn: Connection, owner: str) -> Sequence[Named]:
        """Return the people of an owner; none when it was forgotten."""


async def name_anew(pool: Pool, names: ActorNames, people: People, progress: Callable[[int, int], None]) -> int:
    """Write down what the present key makes of everybody whose number the service has; return of how many it was not yet.

    A hundred owners are one transaction: what was done is kept, and the next run goes on from there. Others may work meanwhile.
    """
    async with pool.acquire() as conn:
        total, done, written, after = await people.count(conn, names.mark), 0, 0, ""
        while owners := await people.owners(conn, names.mark, after, _BATCH):
            async with conn.transaction():
                for owner in owners:
                    known = await people.named(conn, owner)
                    aliases = [names.of_pid(one.number) for one in known]
                    new = await conn.fetch(_KNOW, aliases, [one.actor for one in known], names.mark)
                    written += len(new)
            done, after = done + len(owners), owners[-1]
            progress(done, total)
    return written


_KNOW: Final = """
INSERT INTO actor_names (alias, actor, key_mark) SELECT alias, actor, $3 FROM unnest($1::text[], $2::text[]) AS t (alias, actor)
ON CONFLICT DO NOTHING
RETURNING alias
"""
