"""Where exports are ordered and fetched: who may, that it is recorded first, and how a file is made in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

from services.audit.domain.entry import LogName
from services.audit.errors import NotYourLogError
from services.audit.exports.balp import BundleWriter
from services.audit.exports.cef import CefWriter
from services.audit.exports.domain import EXPORT, ExportState, decide_delivered
from services.audit.exports.errors import ExportNamesPlaceError, NoSuchExportError
from services.audit.exports.ndjson import NdjsonWriter
from services.audit.exports.proofs import Prover
from services.audit.exports.table import TableWriter
from services.audit.exports.views import ExportView
from services.audit.exports.writing import Told, Writer
from services.audit.handlers import Desk, require_bounds
from services.audit.queries import Reader, Search, SignedHead
from services.audit.witnesses import Witnesses
from shared.aggregate import Answer, Changed, Context, Decision, Loaded
from shared.clock import Clock
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.audit import ExportCut, ExportDelivered, ExportFilter, ExportFormat, ExportOrdered
from shared.contracts.codes import Language, Purpose, Role
from shared.errors import LagspillError
from shared.journal import Journal
from shared.refs import ExportRef, Ids, LogScope, is_protected
from shared.web import AskAgain, answer

LONGEST: Final = timedelta(days=366)
"""How long a period may be exported without naming a case or an actor."""
CHUNK: Final = 256
"""Entries read at a time: at most 16 MB, of 65,535 bytes each."""
_LOOKS: Final = (ExportFormat.CEF, ExportFormat.FHIR)
"""Formats of access records alone."""


@dataclass(frozen=True, slots=True)
class File:
    """An export on its way out. Nothing of it leaves before `pieces` is asked for."""

    name: str
    media_type: str
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Fetching:
    """Who fetches which export."""

    ctx: Context
    log: LogName
    ordered: ExportOrdered
    role: Role
    again: AskAgain


class ExportDesk:
    """Where auditors and privacy officers order and fetch exports."""

    def __init__(
        self, desk: Desk, reader: Reader, journal: Journal, clock: Clock, ids: Ids, witnesses: Witnesses | None = None
    ) -> None:
        """Admit whom `desk` admits; with `witnesses`, exports are made of witnessed checkpoints where they can be."""
        self._desk = desk
        self._reader = reader
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._witnesses = witnesses

    async def order(
        self, ctx: Context, log: LogName, wanted: ExportFormat, asked: ExportFilter, language: Language
    ) -> Changed[ExportState]:
        """Order an export of what is in the log now.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
            PeriodTooLongError: neither case nor actor is named, and no period of at most 366 days.
            NoSuchLogError: nothing is in the log.
            ExportNamesPlaceError: it would put a place into the log of an address-protected case.
        """
        await self._desk.admit(ctx, log)
        require_bounds(search_of(asked), LONGEST)
        if is_protected(LogScope(log)) and (asked.unit is not None or asked.organisation is not None):
            raise ExportNamesPlaceError
        head = await self._reader.head(log)
        size = head.checkpoint.size
        ordered = ExportOrdered(
            export=ExportRef(self._ids.ref("exp")),
            log=head.origin,
            size=size if self._witnesses is None else await self._witnesses.settled(log, size),
            format=wanted,
            language=language,
            filter=asked,
        )
        context = replace(ctx, scope=LogScope(log))
        return await self._journal.change(EXPORT, ordered.export, context, lambda _: [ordered], _answer)

    async def show(self, ctx: Context, export: ExportRef) -> Loaded[ExportState]:
        """Return an export as it stands.

        Raises:
            NoSuchExportError: there is none, or it is of a log that is not the actor's.
        """
        loaded, _ = await self._admit(ctx, export)
        return loaded

    async def _admit(self, ctx: Context, export: ExportRef) -> tuple[Loaded[ExportState], Role]:
        loaded = await self._journal.load(EXPORT, export)
        if loaded.scope is None:
            raise NoSuchExportError
        try:
            return loaded, await self._desk.admit(ctx, LogName(loaded.scope))
        except NotYourLogError:
            # Recorded by now, and answered as one that does not exist.
            raise NoSuchExportError from None

    async def fetch(self, ctx: Context, export: ExportRef, again: AskAgain) -> File:
        """Return the file, once it is committed that the actor fetches it.

        `again` is asked before each part of it leaves: whoever may not look into the log any more is given no more of it.

        Raises:
            NoSuchExportError: see `show`.
            NoSuchLogError: its checkpoint is not in the log any more: it was set back.
        """
        loaded, role = await self._admit(ctx, export)
        if loaded.scope is None or loaded.state.ordered is None:
            raise NoSuchExportError
        ordered, log = loaded.state.ordered, LogName(loaded.scope)
        head = await self._reader.signed_at_size(log, ordered.size)
        context = replace(ctx, scope=loaded.scope)
        await self._journal.record_access(context, [_taken(context, ordered, role)])
        cosigned = None if self._witnesses is None else await self._witnesses.cosigned(log, ordered.size)
        writer = self._writer(ordered, head, log, cosigned)
        name = f"{log}-{ordered.size}-{export}.{writer.suffix}"
        return File(name, writer.media_type, self._pieces(_Fetching(context, log, ordered, role, again), writer))

    def _writer(self, ordered: ExportOrdered, head: SignedHead, log: LogName, cosigned: str | None) -> Writer:
        told = Told(head.checkpoint, cosigned or head.note, ordered.language, witnessed=cosigned is not None)
        match ordered.format:
            case ExportFormat.NDJSON:
                return NdjsonWriter(told, Prover(self._reader, log, ordered.size))
            case ExportFormat.CSV:
                return TableWriter(told)
            case ExportFormat.CEF:
                return CefWriter(told)
            case ExportFormat.FHIR:
                return BundleWriter(told, head.signed_at.isoformat().replace("+00:00", "Z"))

    async def _pieces(self, fetching: _Fetching, writer: Writer) -> AsyncIterator[bytes]:
        """Yield the file. Each chunk is a statement of its own: while the client reads, no connection is held, and no lock.

        Raises:
            LagspillError: the right to the log has ended meanwhile. What has left has no last line, and the connection is cut.
        """
        log, ordered = fetching.log, fetching.ordered
        search = search_of(ordered.filter)
        if ordered.format in _LOOKS and search.type is None:
            search = replace(search, type=AccessRecorded.TYPE)
        digest, count = sha256(), 0
        opening = writer.opening()
        digest.update(opening)
        yield opening
        first, after = await self._reader.reach(log, search)
        after = min(after, ordered.size)
        while entries := await self._reader.walk(log, search, first=first, after=after, limit=CHUNK):
            pieces = await writer.write(entries)
            chunk = b"".join(pieces)
            await self._require_still(fetching, count)
            digest.update(chunk)
            count += len(pieces)
            yield chunk
            first = entries[-1].position + 1
        delivered = ExportDelivered(
            export=ordered.export, count=count, unreadable=writer.unreadable, sha256=digest.hexdigest()
        )
        closing = writer.closing(count, digest.digest())
        await self._require_still(fetching, count)
        ctx = replace(fetching.ctx, now=self._clock.now())
        await self._journal.change(EXPORT, ordered.export, ctx, lambda state: decide_delivered(state, delivered))
        yield closing

    async def _require_still(self, fetching: _Fetching, count: int) -> None:
        """Refuse to give more when whoever fetches may not look into the log any more; the log says so, and how much they have.

        Raises:
            LagspillError: as where they were admitted.
        """
        try:
            actor = await fetching.again()
            await self._desk.admit(replace(fetching.ctx, actor=actor), fetching.log)
        except LagspillError as error:
            ctx, ordered = replace(fetching.ctx, now=self._clock.now()), fetching.ordered
            cut = ExportCut(export=ordered.export, count=count)
            refused = _taken(ctx, ordered, fetching.role, refused=error.code)
            await self._journal.change(EXPORT, ordered.export, ctx, lambda _: Decision([cut], [refused]))
            raise


def _answer(state: ExportState, version: int) -> Answer:
    view = ExportView.of(state)
    return answer(view, status=201, version=version, location=f"/exports/{view.export}")


def search_of(asked: ExportFilter) -> Search:
    """Return the search that a filter stands for."""
    return Search(**asked.model_dump())


def _taken(ctx: Context, ordered: ExportOrdered, role: Role, *, refused: str | None = None) -> AccessRecorded:
    """Return the record of fetching an export of the log `ctx.scope`, or that it was `refused` for that reason."""
    if ctx.actor is None:
        raise NotYourLogError
    protected = is_protected(ctx.scope)
    return AccessRecorded(
        subject_ref=ordered.filter.case or ordered.export,
        kind=AccessKind.EXPORT,
        actor=ctx.actor.access_actor(role, address_protected=protected),
        case=ordered.filter.case,
        purpose=Purpose.OVERSIGHT,
        permitted=refused is None,
        reason=refused,
        address_protected=protected,
    )
