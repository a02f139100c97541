"""The vault: what identifies a child, and what is told of one, encrypted under a key of the child's own.

A case's content is sealed with its data key (AES-256-GCM), and the data key is wrapped by a key-encryption key that is not in the
database. Each ciphertext is bound to its place, so that nothing can be moved to another case, record or category. To forget a case
is to delete its data key (crypto-shredding): what is left, here or in any copy of these tables made later, is noise. A copy made
earlier still holds the wrapped key, and is forgotten when the key-encryption key of its time is destroyed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.db import Connection
from shared.errors import NotFoundError
from shared.keys import KEY_BYTES, NONCE_BYTES, KeyWrapping, LocalKeys, TamperedError, VaultKeyError, WrappedKey
from shared.names import beginnings, tokens
from shared.settings import ServiceSettings

if TYPE_CHECKING:
    import asyncpg

    from shared.db import Pool

    Row: TypeAlias = asyncpg.Record

MIN_LOOKUP_KEY: Final = 32
_ROWS_OF_A_NAME: Final = 32
"""A name has a multiple of this many rows among the lookups."""


class ShreddedError(NotFoundError):
    """The content was deleted for good."""

    code = "content-shredded"


class RecordMissingError(NotFoundError):
    """The vault has no such record."""


Reindex = Callable[[Connection, str], Awaitable[None]]
"""Makes the lookups of one owner anew, inside the caller's transaction."""

# -- lookups -----------------------------------------------------------------------------------------------------------


class LookupKind(StrEnum):
    """What a case can be found by."""

    NATIONAL_NUMBER = "national-number"
    NAME = "name"
    """The whole name, as it is written."""
    NAME_PART = "name-part"
    """The beginning of a part of the name (`shared.names`)."""
    FILLER = "filler"
    """Nothing: random, so that the number of rows does not tell how long a name is."""


def normalise(kind: LookupKind, value: str) -> str:
    """Return `value` as all its spellings are hashed: a number's digits; a name without case, spare spaces and composed signs.

    Letters are kept apart as Norwegian has them: `å` is not `a`.
    """
    if kind is LookupKind.NATIONAL_NUMBER:
        return "".join(letter for letter in value if letter in "0123456789")
    folded = unicodedata.normalize("NFKC", value).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


# -- the vault ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VaultEntry:
    """That a record exists, and of what kind; not its content."""

    record: str
    category: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class VaultContent:
    """An opened record."""

    record: str
    category: str
    content: bytes = field(repr=False)


class Vault:
    """Keeps records of bytes for owners (cases). Who may see what is decided before it is asked."""

    def __init__(self, keys: KeyWrapping, lookup_key: bytes, previous_lookup_key: bytes | None = None) -> None:
        """Wrap data keys with `keys`; hash lookups with `lookup_key`, which is another one.

        While a lookup key is being changed, what the previous one made is found too.

        Raises:
            VaultKeyError: a lookup key is shorter than 32 bytes.
        """
        lookup_keys = [key for key in (lookup_key, previous_lookup_key) if key is not None]
        if any(len(key) < MIN_LOOKUP_KEY for key in lookup_keys):
            raise VaultKeyError(f"the lookup key needs at least {MIN_LOOKUP_KEY} bytes")
        self._keys = keys
        self._lookup_keys = lookup_keys
        self._key_mark = hmac.digest(lookup_key, b"which lookup key", hashlib.sha256)[:8].hex()

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Vault:
        """Return the vault that VAULT_KEY and LOOKUP_KEY describe.

        Raises:
            VaultKeyError: one of them is missing or not usable.
        """
        if settings.vault_key is None or settings.lookup_key is None:
            raise VaultKeyError(
                "this service has a vault: set VAULT_KEY and LOOKUP_KEY, or VAULT_KEY_FILE and LOOKUP_KEY_FILE"
            )
        previous = settings.lookup_key_previous
        return cls(
            LocalKeys.parse(settings.vault_key.get_secret_value()),
            settings.lookup_key.get_secret_value().encode(),
            None if previous is None else previous.get_secret_value().encode(),
        )

    async def put(self, conn: Connection, *, owner: str, record: str, category: str, content: bytes) -> None:
        """Store `content`, in place of what the record held. To be called inside a transaction.

        Raises:
            ShreddedError: the owner was forgotten; nothing more can be kept about it.
        """
        version, key = await self._key_for_writing(conn, owner)
        await self._seal(conn, owner, VaultContent(record, str(category), content), version, key)

    async def get(self, conn: Connection, *, owner: str, record: str) -> bytes:
        """Return what the record holds.

        Raises:
            RecordMissingError: there is no such record.
            ShreddedError: the owner was forgotten.
            TamperedError: the stored bytes are not those that were stored there.
            KeyUnavailableError: the key-encryption key is not at hand.
        """
        opened = await self._open(owner, await conn.fetch(_GET, owner, record))
        if not opened:
            raise ShreddedError if await conn.fetchval(_IS_SHREDDED, owner) else RecordMissingError
        return opened[0].content

    async def read(
        self, conn: Connection, *, owner: str, categories: Collection[str] | None = None
    ) -> list[VaultContent]:
        """Return the owner's records, of these categories or all, by name; none is no error, otherwise as `get`."""
        wanted = None if categories is None else [str(category) for category in categories]
        return await self._open(owner, await conn.fetch(_READ, owner, wanted))

    async def entries(self, conn: Connection, *, owner: str) -> list[VaultEntry]:
        """Return what records there are about the owner, by name, without opening them."""
        rows = await conn.fetch(_ENTRIES, owner)
        return [VaultEntry(row["record"], row["category"], row["written_at"]) for row in rows]

    async def shred(self, conn: Connection, *, owner: str) -> None:
        """Forget the owner: delete its data keys and lookups. It cannot be undone, and no key is ever made for it again.

        To be called inside a transaction. An owner that has nothing yet is closed as well; a second time changes nothing.
        """
        await forget(conn, owner=owner)

    async def forgotten(self, conn: Connection, *, owners: Collection[str]) -> frozenset[str]:
        """Return those of `owners` that were forgotten."""
        return frozenset(row["owner"] for row in await conn.fetch(_SHREDDED, list(owners)))

    async def rotate(self, conn: Connection, *, batch: int = 500) -> int:
        """Wrap data keys anew under the current key-encryption key, and return how many were not yet, at most `batch`.

        To be called in one transaction after the other until it returns zero. Records stay as they are. When it is done in
        every service, the old key-encryption key can be destroyed.

        Raises:
            KeyUnavailableError: an old key-encryption key is missing.
            TamperedError: a wrapped key is not what was stored.
        """
        rows = await conn.fetch(_TO_ROTATE, self._keys.current, batch)
        for row in rows:
            context = _key_context(row["owner"], row["version"])
            key = await self._keys.unwrap(WrappedKey(row["key_id"], row["wrapped"]), context)
            wrapped = await self._keys.wrap(key, context)
            await conn.execute(_REWRAP, row["owner"], row["version"], wrapped.key_id, wrapped.data)
        return len(rows)

    async def rotate_all(self, pool: Pool) -> int:
        """Wrap every data key anew that is not yet under the current key-encryption key, and return how many were not.

        Others may use the vault meanwhile. Raises what `rotate` raises; what was done until then is kept.
        """
        total = 0
        while True:
            async with pool.acquire() as conn, conn.transaction():
                done = await self.rotate(conn)
            total += done
            if not done:
                return total

    async def renew(self, conn: Connection, *, owner: str) -> int:
        """Give the owner a new data key, seal its records again, delete the old key, and return how many records it has.

        To be called inside a transaction: for when a data key may have become known. Raises what `get` raises.
        """
        row = await conn.fetchrow(_KEY_ALONE, owner)
        if row is None:
            return 0
        if row["wrapped"] is None:
            raise ShreddedError
        contents = await self._open(owner, await conn.fetch(_READ, owner, None))
        version = row["version"] + 1
        key = await self._make_key(conn, owner, version)
        for one in contents:
            await self._seal(conn, owner, one, version, key)
        await conn.execute(_DROP_OLDER_KEYS, owner, version)
        return len(contents)

    async def read_each(self, conn: Connection, *, owners: Sequence[str], record: str) -> dict[str, bytes]:
        """Return what each of the owners' records of that name holds, by owner, in one query; one that is missing is left out.

        Raises:
            TamperedError, KeyUnavailableError: as `get`.
        """
        found: dict[str, bytes] = {}
        for row in await conn.fetch(_READ_EACH, list(owners), record):
            if row["wrapped"] is not None:
                [opened] = await self._open(row["owner"], [row])
                found[row["owner"]] = opened.content
        return found

    async def data_key(self, conn: Connection, *, owner: str) -> tuple[int, bytes]:
        """Return the owner's newest data key and its version, to draw a key from for content that is kept elsewhere.

        To be called inside a transaction, and again in the one that lets the content be there: it is held against `shred`.

        Raises:
            ShreddedError: the owner was forgotten.
        """
        return await self._key_for_writing(conn, owner)

    async def data_key_of(self, conn: Connection, *, owner: str, version: int) -> bytes:
        """Return that version of the owner's data key.

        Raises:
            ShreddedError: the owner was forgotten.
            TamperedError, KeyUnavailableError: as `get`.
        """
        row = await conn.fetchrow(_KEY_OF, owner, version)
        if row is None or row["wrapped"] is None:
            raise ShreddedError
        return await self._keys.unwrap(WrappedKey(row["key_id"], row["wrapped"]), _key_context(owner, version))

    # -- lookups -------------------------------------------------------------------------------------------------------

    def lookup(self, kind: LookupKind, value: str) -> bytes:
        """Return the keyed hash under which `value` is found: 32 bytes, meaningless without the lookup key."""
        return _keyed(self._lookup_keys[0], kind, value)

    async def index(self, conn: Connection, *, kind: LookupKind, value: str, owner: str) -> None:
        """Let the owner be found by `value`. To be called inside a transaction.

        Raises:
            ShreddedError: the owner was forgotten.
        """
        # Takes the owner's key row first, as every write does, so that no lookup can slip in behind `shred`.
        await self._key_for_writing(conn, owner)
        await conn.execute(_INDEX, kind.value, [self.lookup(kind, value)], owner, self._key_mark)

    async def index_name(self, conn: Connection, *, name: str, owner: str) -> None:
        """Let the owner be found by parts of `name`, without keeping it in the clear. To be called inside a transaction.

        What a thief of the database without the key learns: which owners share a beginning, and how common each is; hence the
        key, and a number of rows that is a multiple of 32. With the key, names can be guessed, as numbers can.

        Raises:
            ShreddedError: the owner was forgotten.
        """
        await self._key_for_writing(conn, owner)
        hashes = [self.lookup(LookupKind.NAME_PART, part) for part in beginnings(name)]
        await conn.execute(_INDEX, LookupKind.NAME_PART.value, hashes, owner, self._key_mark)
        filler = [os.urandom(32) for _ in range(-len(hashes) % _ROWS_OF_A_NAME)]
        await conn.execute(_INDEX, LookupKind.FILLER.value, filler, owner, self._key_mark)

    async def forget_lookups(self, conn: Connection, *, owner: str) -> None:
        """Let the owner be found by nothing any more: for a correction, or before it is indexed anew. Inside a transaction."""
        await self._key_for_writing(conn, owner)
        await conn.execute(_DELETE_LOOKUPS, owner)

    async def find(self, conn: Connection, *, kind: LookupKind, value: str) -> list[str]:
        """Return the owners that have this value, in the order of their names."""
        hashes = [_keyed(key, kind, value) for key in self._lookup_keys]
        return [row["owner"] for row in await conn.fetch(_FIND, kind.value, hashes)]

    async def find_named(self, conn: Connection, *, name: str, limit: int) -> list[str]:
        """Return at most `limit` owners of whose names some part begins with each part of `name`, in the order of their names.

        One query, whatever there is to find. A part of fewer than three letters finds only a part that is no longer.
        """
        parts = tokens(name)
        hashes = [_keyed(key, LookupKind.NAME_PART, part) for part in parts for key in self._lookup_keys]
        which = [nth for nth, _ in enumerate(parts) for _ in self._lookup_keys]
        rows = await conn.fetch(_FIND_NAMED, LookupKind.NAME_PART.value, hashes, which, max(1, len(parts)), limit)
        return [row["owner"] for row in rows]

    async def reindex_all(self, pool: Pool, reindex: Reindex) -> int:
        """Let `reindex` make the lookups of every owner anew that has some of another lookup key; return how many owners had.

        `reindex` gets its transaction and the owner, and calls `forget_lookups` first. Others may use the vault meanwhile.
        """
        total = 0
        while True:
            async with pool.acquire() as conn, conn.transaction():
                rows = await conn.fetch(_TO_REINDEX, self._key_mark, 100)
                for row in rows:
                    await reindex(conn, row["owner"])
            total += len(rows)
            if not rows:
                return total

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _key_for_writing(self, conn: Connection, owner: str) -> tuple[int, bytes]:
        """Return the owner's newest data key, made now if there is none; held against `shred` until the transaction ends."""
        row = await conn.fetchrow(_KEY, owner)
        if row is None:
            await self._make_key(conn, owner, 1)
            # Somebody may have been faster; theirs is the key then.
            row = await conn.fetchrow(_KEY, owner)
        if row is None or row["wrapped"] is None:
            raise ShreddedError
        version: int = row["version"]
        wrapped = WrappedKey(row["key_id"], row["wrapped"])
        return version, await self._keys.unwrap(wrapped, _key_context(owner, version))

    async def _make_key(self, conn: Connection, owner: str, version: int) -> bytes:
        key = AESGCM.generate_key(KEY_BYTES * 8)
        wrapped = await self._keys.wrap(key, _key_context(owner, version))
        await conn.execute(_MAKE_KEY, owner, version, wrapped.key_id, wrapped.data)
        return key

    async def _seal(self, conn: Connection, owner: str, one: VaultContent, version: int, key: bytes) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, one.content, _place(owner, one.record, one.category, version))
        await conn.execute(_PUT, owner, one.record, one.category, version, nonce, sealed)

    async def _open(self, owner: str, rows: Sequence[Row]) -> list[VaultContent]:
        keys: dict[int, AESGCM] = {}
        opened = []
        for row in rows:
            version: int = row["key_version"]
            if row["wrapped"] is None:
                raise ShreddedError
            if version not in keys:
                wrapped = WrappedKey(row["key_id"], row["wrapped"])
                keys[version] = AESGCM(await self._keys.unwrap(wrapped, _key_context(owner, version)))
            place = _place(owner, row["record"], row["category"], version)
            try:
                content = keys[version].decrypt(row["nonce"], row["ciphertext"], place)
            except InvalidTag:
                raise TamperedError from None
            opened.append(VaultContent(row["record"], row["category"], content))
        return opened


async def forget(conn: Connection, *, owner: str) -> None:
    """Forget the owner as `Vault.shred` does: it takes no key, so that it can be done where nothing is opened."""
    # In this order: a first `put` that is under way is waited for, and then its key is seen by the second statement.
    await conn.execute(_CLOSE, owner)
    await conn.execute(_DELETE_KEYS, owner)
    await conn.execute(_DELETE_LOOKUPS, owner)


def _keyed(key: bytes, kind: LookupKind, value: str) -> bytes:
    return hmac.digest(key, f"{kind.value}\0{normalise(kind, value)}".encode(), hashlib.sha256)


def _place(owner: str, record: str, category: str, version: int) -> bytes:
    """Return the associated data of a record. PostgreSQL's texts hold no NUL, so the parts cannot run into each other."""
    return "\0".join(("lagspill-record", owner, record, category, str(version))).encode()


def _key_context(owner: str, version: int) -> bytes:
    return "\0".join(("lagspill-data-key", owner, str(version))).encode()


_KEY: Final = "select version, key_id, wrapped from data_keys where owner = $1 order by version desc limit 1 for share"
_KEY_ALONE: Final = (
    "select version, key_id, wrapped from data_keys where owner = $1 order by version desc limit 1 for update"
)
_KEY_OF: Final = "select key_id, wrapped from data_keys where owner = $1 and version = $2"
_MAKE_KEY: Final = """
insert into data_keys (owner, version, key_id, wrapped) values ($1, $2, $3, $4) on conflict do nothing
"""
_PUT: Final = """
insert into vault_records (owner, record, category, key_version, nonce, ciphertext) values ($1, $2, $3, $4, $5, $6)
on conflict (owner, record) do update
set category = excluded.category, key_version = excluded.key_version, nonce = excluded.nonce,
    ciphertext = excluded.ciphertext, written_at = clock_timestamp()
"""
_SELECT: Final = """
select r.owner, r.record, r.category, r.key_version, r.nonce, r.ciphertext, k.key_id, k.wrapped
from vault_records r join data_keys k on k.owner = r.owner and k.version = r.key_version
"""
_GET: Final = _SELECT + "where r.owner = $1 and r.record = $2"
_READ: Final = _SELECT + "where r.owner = $1 and ($2::text[] is null or r.category = any($2::text[])) order by r.record"
_ENTRIES: Final = "select record, category, written_at from vault_records where owner = $1 order by record"
_IS_SHREDDED: Final = "select exists (select from data_keys where owner = $1 and shredded_at is not null)"
_SHREDDED: Final = "select owner from data_keys where owner = any($1::text[]) and shredded_at is not null"
_CLOSE: Final = """
insert into data_keys (owner, version, shredded_at) values ($1, 1, clock_timestamp()) on conflict do nothing
"""
_DELETE_KEYS: Final = """
update data_keys set wrapped = null, key_id = null, shredded_at = clock_timestamp()
where owner = $1 and wrapped is not null
"""
_DELETE_LOOKUPS: Final = "delete from lookups where owner = $1"
_TO_ROTATE: Final = """
select owner, version, key_id, wrapped from data_keys where wrapped is not null and key_id <> $1
order by owner, version limit $2 for update
"""
_REWRAP: Final = "update data_keys set key_id = $3, wrapped = $4 where owner = $1 and version = $2"
_DROP_OLDER_KEYS: Final = "delete from data_keys where owner = $1 and version < $2"
_INDEX: Final = """
insert into lookups (kind, hash, owner, key_mark) select $1, hash, $3, $4 from unnest($2::bytea[]) as t (hash)
on conflict do nothing
"""
_FIND: Final = "select distinct owner from lookups where kind = $1 and hash = any($2::bytea[]) order by owner"
_FIND_NAMED: Final = """
select l.owner from unnest($2::bytea[], $3::int[]) as asked (hash, which)
join lookups l on l.kind = $1 and l.hash = asked.hash
group by l.owner having count(distinct asked.which) = $4 order by l.owner limit $5
"""
_TO_REINDEX: Final = "select distinct owner from lookups where key_mark <> $1 order by owner limit $2"
_READ_EACH: Final = _SELECT + "where r.owner = any($1::text[]) and r.record = $2 order by r.owner"
