"""Looking into the log: who may, and that each look is committed as an entry before anything is answered."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError

from services.audit.domain.entry import LogName
from services.audit.domain.log import LOG, holes
from services.audit.domain.proof import InclusionProof
from services.audit.domain.tiles import Slice
from services.audit.errors import NoSuchEntryError, NotYourLogError, PeriodTooLongError
from services.audit.naming import NEUTRAL, Naming
from services.audit.queries import HeldJournal, Reader, Search, StoredEntry
from services.audit.witnesses import Witnesses
from shared.aggregate import Context, Decision
from shared.auth import Actor, Clearance
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.audit import LogQueried
from shared.contracts.codes import Purpose, Role
from shared.journal import Journal
from shared.refs import ActorId, CaseRef, LogScope, is_protected, pattern

LONGEST_PERIOD: Final = timedelta(days=31)
"""How long a period may be searched without naming a case or an actor."""
SAME_LOOK_SECONDS: Final = 600.0
"""Reading the bundles of a log one after the other is one action for so long, and so one access record."""
PEER_SECONDS: Final = 5.0
_CASE: Final = re.compile(pattern("cas"))
_ROLES: Final = (Role.AUDITOR, Role.PRIVACY_OFFICER)


class Desk:
    """Where auditors and privacy officers look into the logs."""

    def __init__(
        self,
        reader: Reader,
        journal: Journal,
        *,
        origin: str,
        protected_origin: str = NEUTRAL,
        witnesses: Witnesses | None = None,
    ) -> None:
        """Read with `reader`, record every look in `journal`; the origins are what logs' names begin with.

        With `witnesses`, a proof leads to a checkpoint that enough of them have cosigned, where there is one.
        """
        self._witnesses = witnesses
        self._reader = reader
        self._journal = journal
        self._naming = Naming(origin, protected_origin)
        self._copying: dict[tuple[ActorId, LogName], float] = {}
        self._admitting = asyncio.Lock()

    async def find(
        self, ctx: Context, log: LogName, search: Search, *, before: int | None, limit: int
    ) -> list[StoredEntry]:
        """Return entries of the actor's own municipality's log, the newest first.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
            PeriodTooLongError: neither case nor actor is named, and no period of at most 31 days.
        """
        role = await self.admit(ctx, log)
        require_bounds(search)
        found = await self._reader.find(log, search, before=before, limit=limit)
        about = search.case or search.actor
        await self.record(ctx, log, role, AccessKind.LOG_READ, results=len(found), about=about)
        return found

    async def show(self, ctx: Context, log: LogName, position: int) -> tuple[StoredEntry, InclusionProof]:
        """Return one entry and the proof that it is in the log.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
            NoSuchEntryError: there is no such entry.
        """
        role = await self.admit(ctx, log)
        entry = await self._reader.entry(log, position)
        note = None if self._witnesses is None else await self._witnesses.checkpoint_over(log, position)
        proof = await self._reader.proof(log, position, entry.leaf, note)
        await self.record(ctx, log, role, AccessKind.LOG_READ, results=1, about=entry.case)
        return entry, proof

    async def copy(self, ctx: Context, log: LogName, part: Slice) -> bytes:
        """Return a part of the log's entries as they are; the first of several reads in ten minutes is recorded.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
            NoSuchEntryError: the log has no such part, or not yet.
        """
        role = await self.admit(ctx, log)
        entries = await self._reader.bundle(log, part)
        if entries is None:
            raise NoSuchEntryError
        await self._record_copy(ctx, log, role)
        return entries

    async def _record_copy(self, ctx: Context, log: LogName, role: Role) -> None:
        actor = _actor(ctx)
        async with self._admitting:
            now = monotonic()
            if now - self._copying.get((actor.id, log), -SAME_LOOK_SECONDS) < SAME_LOOK_SECONDS:
                return
            size = (await self._reader.head(log)).checkpoint.size
            await self.record(ctx, log, role, AccessKind.EXPORT, results=size, about=None)
            self._copying = {key: at for key, at in self._copying.items() if now - at < SAME_LOOK_SECONDS}
            self._copying[actor.id, log] = now

    async def admit_overview(self, ctx: Context, log: LogName) -> None:
        """Let the actor see numbers of the log, which say nothing about anybody.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
        """
        await self.admit(ctx, log)

    async def published(self) -> PublishedHeads:
        """Return how far this service itself has published: it is a service like the others."""
        heads = await self._journal.heads()
        return PublishedHeads(
            source=self._journal.source,
            heads=[PublishedHead(scope=head.scope, last_number=head.last_number, root=head.root) for head in heads],
        )

    async def admit(self, ctx: Context, log: LogName) -> Role:
        """Return the role in which the actor looks; a refusal is recorded in the actor's own municipality.

        The log of an address-protected case names no municipality: it takes a clearance of its own, and its opaque name.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
        """
        actor = _actor(ctx)
        role = next((each for each in _ROLES if each in actor.roles), None)
        scope = LogScope(log)
        cleared = Clearance.PROTECTED_LOG_READER in actor.clearances
        own = cleared if is_protected(scope) else actor.municipality == scope
        if role is None or not own:
            refused = AccessRecorded(
                subject_ref=actor.id,
                kind=AccessKind.DENY,
                actor=actor.access_actor(role, address_protected=is_protected(actor.municipality)),
                purpose=Purpose.OVERSIGHT,
                permitted=False,
                reason=NotYourLogError.code,
                address_protected=is_protected(actor.municipality),
            )
            await self._journal.record_access(replace(ctx, scope=actor.municipality), [refused])
            raise NotYourLogError
        return role

    async def record(
        self, ctx: Context, log: LogName, role: Role, kind: AccessKind, *, results: int, about: str | None
    ) -> None:
        """Commit that the actor looked, and at how many `results`: only after this may they be answered (fail closed)."""
        actor = _actor(ctx)
        origin, protected = await self._reader.name_of(log, self._naming), is_protected(LogScope(log))
        looked = AccessRecorded(
            subject_ref=about or actor.id,
            kind=kind,
            actor=actor.access_actor(role, address_protected=protected),
            case=CaseRef(about) if about is not None and _CASE.fullmatch(about) else None,
            purpose=Purpose.OVERSIGHT,
            permitted=True,
            address_protected=protected,
        )
        queried = LogQueried(log=origin, at=ctx.now, results=results)
        context = replace(ctx, scope=LogScope(log))
        await self._journal.change(LOG, origin, context, lambda _: Decision([queried], [looked]))


def require_bounds(search: Search, longest: timedelta = LONGEST_PERIOD) -> None:
    """Refuse a search that would read a whole log.

    Raises:
        PeriodTooLongError: neither case nor actor is named, and no period of at most `longest`.
    """
    periods = ((search.since, search.until), (search.logged_since, search.logged_until))
    bounded = any(first is not None and last is not None and last - first <= longest for first, last in periods)
    if search.case is None and search.actor is None and not bounded:
        raise PeriodTooLongError


def _actor(ctx: Context) -> Actor:
    if ctx.actor is None:
        raise NotYourLogError
    return ctx.actor


# --- reconciliation ---------------------------------------------------------------------------------------------------


class PublishedHead(BaseModel):
    """How far a service says it has published for one log: its `/journal/head`."""

    scope: str
    last_number: int
    root: str


class PublishedHeads(BaseModel):
    """A service's `/journal/head`."""

    source: str
    heads: Sequence[PublishedHead]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a service says it has published, beside what the log holds of it."""

    source: str
    published: int | None
    """None when the service does not answer."""
    held: int
    """The highest number that the log holds."""
    missing: tuple[tuple[int, int], ...]
    agrees: bool | None
    """Whether both have the same root; None when that cannot be said yet."""
    seals_agreeing: int
    seals_contradicting: int


async def reconcile(
    reader: Reader, http: httpx.AsyncClient, peers: Mapping[str, str], log: LogName, *, own: PublishedHeads
) -> list[Reconciled]:
    """Ask every peer how far it has published, and compare with the log; `own` is what this service itself says.

    Nobody tells how far a protected log has come, so nothing of one can be compared.
    """
    held = {journal.source: journal for journal in await reader.journals(log)}
    answers = await asyncio.gather(*(_ask(http, address) for address in peers.values()))
    published = {f"/services/{name}": answer for name, answer in zip(peers, answers, strict=True)} | {own.source: own}
    if is_protected(LogScope(log)):
        published = dict.fromkeys(published)
    return [
        await _compare(reader, log, source, held.get(source), published.get(source))
        for source in sorted(held.keys() | published.keys())
    ]


async def _ask(http: httpx.AsyncClient, address: str) -> PublishedHeads | None:
    try:
        answer = await http.get(f"{address.rstrip('/')}/journal/head", timeout=PEER_SECONDS)
        answer.raise_for_status()
        return PublishedHeads.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError):
        return None  # said in the answer: `published` is null


async def _compare(
    reader: Reader, log: LogName, source: str, held: HeldJournal | None, said: PublishedHeads | None
) -> Reconciled:
    ranges = held.held if held is not None else ()
    top = ranges[-1][1] if ranges else 0
    head = next((each for each in said.heads if each.scope == log), None) if said is not None else None
    last = head.last_number if head is not None else 0
    missing = holes([*ranges, (last + 1, last + 1)] if last >= top else ranges)
    agrees = None
    if head is not None and not missing and 0 < last <= top:
        root = await reader.journal_root(log, source, last)
        agrees = root is not None and base64.b64encode(root).decode() == head.root
    return Reconciled(
        source=source,
        published=None if said is None else last,
        held=top,
        missing=tuple(missing),
        agrees=agrees,
        seals_agreeing=held.seals_agreeing if held is not None else 0,
        seals_contradicting=held.seals_contradicting if held is not None else 0,
    )
