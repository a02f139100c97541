"""HTTP of the audit service: the standard read interface of each log, and the auditors' own."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import httpx
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.domain.keys import KeyPeriod
from services.audit.domain.sentences import sentence
from services.audit.domain.tiles import PATH, NoSuchTileError, Slice, read_path
from services.audit.domain.witnessing import Trouble
from services.audit.errors import NoSuchEntryError, NoSuchLogError, NotYourLogError
from services.audit.handlers import Desk, Reconciled, reconcile
from services.audit.queries import Reader, SignedHead, StoredEntry, parsed
from services.audit.searching import AskedLanguage, AskedSearch
from services.audit.signing import Signing
from services.audit.witness_store import WitnessView
from services.audit.witnesses import Witnesses
from shared.contracts.codes import Language
from shared.refs import LogScope, is_protected
from shared.web import AskedPage, Collection, CurrentActor, Page, Reading, current_actor, reading_context

PUBLIC: Final = (
    "/logs",
    "/logs/{log}/checkpoint",
    "/logs/{log}/checkpoint/latest",
    "/logs/{log}/policy",
    "/logs/{log}/witnesses",
    "/logs/{log}/checkpoints",
    "/logs/{log}/vkey",
    "/logs/{log}/keys",
    "/logs/{log}/tile/{level}/{path:path}",
)
"""Sizes and hashes say nothing about anybody, and are what a witness or an outsider verifies. Entries take a token.

So does all of an address-protected case's log (`_guarded`): when it grows is when something happens in that case.
"""

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
_FRESH: Final = {"Cache-Control": "no-cache"}
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOR_THE_ASKER: Final = {"Cache-Control": "private, no-store"}
_LARGEST: Final = 2**62


class LogView(BaseModel):
    """A log and its newest checkpoint."""

    log: str = Field(examples=["4005"])
    origin: str = Field(examples=["lagspill.no/logs/4005"], description="The log's name in its checkpoints.")
    size: int = Field(examples=[1234])
    root: str = Field(description="Base64 of the RFC 6962 root.")
    signed_at: datetime
    vkey: str = Field(
        description="The key that signs it (C2SP signed-note). To trust it, get it from somewhere else too."
    )
    note: str = Field(description="The signed checkpoint (C2SP tlog-checkpoint).")


class KeyView(BaseModel):
    """A key of a log. In the log itself each key but the first is announced, under the signature of the one before it."""

    vkey: str = Field(description="The public key (C2SP signed-note § Verifier keys).")
    valid_from: datetime = Field(description="It signs each checkpoint from this moment on.")
    valid_to: datetime | None = Field(description="What claims to be signed later is not; null for the newest key.")

    @classmethod
    def of(cls, period: KeyPeriod) -> KeyView:
        """Return what is shown of a key."""
        return cls(vkey=period.vkey, valid_from=period.since, valid_to=period.until)


class WitnessStanding(BaseModel):
    """How a witness stands to a log."""

    name: str = Field(examples=["skien"], description="What the policy calls it.")
    vkey: str = Field(description="Its public key (C2SP tlog-cosignature).")
    cosigned_size: int | None = Field(description="The size of the last checkpoint that it cosigned; null if none.")
    cosigned_at: datetime | None = Field(description="The time that its cosignature states.")
    trouble: Trouble | None = Field(
        description="Why it has not cosigned the newest checkpoint. rolled-back, forked, key-untrusted: it refuses."
    )
    since: datetime | None = Field(description="Since when it is in this trouble, or out of any.")

    @classmethod
    def of(cls, view: WitnessView) -> WitnessStanding:
        """Return what is shown of `view`: not where the witness is."""
        return cls(
            name=view.name,
            vkey=view.vkey,
            cosigned_size=view.cosigned_size,
            cosigned_at=view.cosigned_at,
            trouble=view.trouble,
            since=view.since,
        )


class EntryView(BaseModel):
    """One entry, newest first in a collection."""

    log: str = Field(examples=["4005"])
    position: int = Field(examples=[17], description="Its number in the log; the first is 0.")
    logged_at: datetime
    happened_at: datetime
    kind: str = Field(
        examples=["read"], description="What was done; `event`, `seal` or `unparsable` for other entries."
    )
    type: str | None = Field(examples=["no.lagspill.access.recorded.v1"])
    source: str | None = Field(examples=["/services/cases"])
    event_id: UUID | None
    number: int | None = Field(description="`sourcesequence`: gap-free per service and log.")
    case: str | None
    actor: str | None
    organisation: str | None
    unit: str | None
    basis: str | None
    consent: str | None
    meeting: str | None
    permitted: bool | None
    sentence: str = Field(description="What it says in plain language: no names, nothing of what others wrote.")
    event: Mapping[str, object] | None = Field(description="The CloudEvent; null for an entry that is none.")


class ProvedEntry(EntryView):
    """One entry with what proves that it is in the log."""

    leaf: str = Field(description="Base64 of the entry's exact bytes: what the leaf hash is over.")
    proof: str = Field(description="A C2SP tlog-proof, with the entry in it: save it as a `.tlog-proof` file.")


class ReconciledView(BaseModel):
    """What a service says it has published, beside what the log holds of it."""

    source: str = Field(examples=["/services/cases"])
    published: int | None = Field(description="The service's last number; null when it did not answer.")
    held: int = Field(description="The highest number in the log.")
    missing: Sequence[tuple[int, int]] = Field(description="Numbers that are not in the log, as first and last.")
    agrees: bool | None = Field(description="Whether both have the same root; null when that cannot be said yet.")
    seals_agreeing: int
    seals_contradicting: int


class Reconciliation(BaseModel):
    """The services' journals beside one log."""

    log: str
    size: int
    sources: Sequence[ReconciledView]


async def _log(
    log: Annotated[
        str,
        Path(
            description="The log's name: a municipality number.",
            examples=["4005"],
            json_schema_extra={"pattern": LOG_NAME.pattern},
        ),
    ],
) -> LogName:
    if LOG_NAME.fullmatch(log) is None:
        raise NoSuchLogError
    return LogName(log)


Log = Annotated[LogName, Depends(_log)]
TilePath = Annotated[
    str, Path(description="A tile's path, as tlog-tiles has it.", json_schema_extra={"pattern": PATH.pattern})
]


async def _asked_log(
    actor: CurrentActor,
    log: Annotated[
        str | None,
        Query(
            description="Whose log; the actor's own municipality's if left out.",
            json_schema_extra={"pattern": LOG_NAME.pattern},
        ),
    ] = None,
) -> LogName:
    return await _log(log) if log is not None else LogName(actor.municipality)


AskedLog = Annotated[LogName, Depends(_asked_log)]


Position = Annotated[int, Path(ge=0, le=_LARGEST, description="The entry's number; the first is 0.")]


@dataclass(frozen=True)
class Interface:
    """What the routes ask: an application has it as `state.interface`."""

    reader: Reader
    desk: Desk
    signing: Signing
    """Its keys' public halves are shown under each log's name."""
    http: httpx.AsyncClient
    peers: Mapping[str, str]
    witnesses: Witnesses


async def _interface(request: Request) -> Interface:
    interface: Interface = request.app.state.interface
    return interface


At = Annotated[Interface, Depends(_interface)]


def log_view(head: SignedHead, signing: Signing) -> LogView:
    """Return what is shown of a log."""
    return LogView(
        log=head.log,
        origin=head.origin,
        size=head.checkpoint.size,
        root=base64.b64encode(head.checkpoint.root).decode(),
        signed_at=head.signed_at,
        vkey=signing.verifier(head.origin).vkey,
        note=head.note,
    )


async def _guard(request: Request) -> None:
    """Let only those see an address-protected case's log, even its sizes, who may read it; it is asked first.

    For everybody else there is no such log. Whoever asks with a token that does not do is recorded.
    """
    log = request.path_params.get("log", "")
    if LOG_NAME.fullmatch(log) is None or not is_protected(LogScope(log)):
        return
    if "authorization" not in request.headers:
        raise NoSuchLogError
    ctx = reading_context(request, await current_actor(request))
    try:
        await (await _interface(request)).desk.admit_overview(ctx, LogName(log))
    except NotYourLogError:
        raise NoSuchLogError from None


_logs = APIRouter(tags=["log"], dependencies=[Depends(_guard)])


@_logs.get("/logs", summary="Every log, with its newest checkpoint")
async def list_logs(at: At) -> list[LogView]:
    return [log_view(head, at.signing) for head in await at.reader.heads()]


@_logs.get("/logs/{log}/checkpoints", summary="Every checkpoint that was signed, the newest first")
async def checkpoints(log: Log, paging: AskedPage, at: At) -> Page[LogView]:
    collection = Collection(f"checkpoints {log}", int)
    heads = await at.reader.checkpoints(log, collection.after(paging.cursor), paging.limit + 1)
    if not heads and paging.cursor is None:
        raise NoSuchLogError
    return collection.page([log_view(head, at.signing) for head in heads], paging.limit, lambda view: view.size)


@_logs.get("/logs/{log}/vkey", summary="The key that signs this log", response_class=Response)
async def vkey(log: Log, at: At) -> Response:
    head = await at.reader.head(log)
    return Response(f"{at.signing.verifier(head.origin).vkey}\n", media_type=TEXT, headers=_FRESH)


@_logs.get("/logs/{log}/keys", summary="Every key that signs or has signed this log, the newest first")
async def keys(log: Log, at: At) -> list[KeyView]:
    return [KeyView.of(period) for period in reversed(await at.reader.keys(log))]


@_logs.get("/logs/{log}/tile/entries/{path:path}", summary="A bundle of entries", response_class=Response)
async def bundle(log: Log, path: TilePath, ctx: Reading, at: At) -> Response:
    entries = await at.desk.copy(ctx, log, _slice(path))
    return Response(entries, media_type=BYTES, headers=_FOR_THE_ASKER)


@_logs.get("/logs/{log}/tile/{level}/{path:path}", summary="A tile of hashes", response_class=Response)
async def tile(log: Log, level: Annotated[str, Path(pattern=r"^(0|[1-9][0-9]?)$")], path: TilePath, at: At) -> Response:
    hashes = await at.reader.tile(log, int(level), _slice(path)) if int(level) < 64 else None
    if hashes is None:
        raise NoSuchEntryError
    return Response(hashes, media_type=BYTES, headers=_FOR_THE_ASKER if is_protected(LogScope(log)) else _FOR_EVER)


_witnessed = APIRouter(tags=["log"], dependencies=[Depends(_guard)])


@_witnessed.get(
    "/logs/{log}/checkpoint", summary="The newest checkpoint that its policy accepts", response_class=Response
)
async def checkpoint(log: Log, at: At) -> Response:
    return Response(await at.witnesses.checkpoint(log), media_type=TEXT, headers=_FRESH)


@_witnessed.get("/logs/{log}/checkpoint/latest", summary="The newest signed checkpoint", response_class=Response)
async def latest(log: Log, at: At) -> Response:
    return Response((await at.reader.head(log)).note, media_type=TEXT, headers=_FRESH)


@_witnessed.get("/logs/{log}/policy", summary="What a checkpoint needs: a C2SP tlog-policy", response_class=Response)
async def policy(log: Log, at: At) -> Response:
    return Response((await at.witnesses.policy(log)).text(), media_type=TEXT, headers=_FRESH)


@_witnessed.get("/logs/{log}/witnesses", summary="What each witness has cosigned last, and what is wrong with it")
async def standing(log: Log, at: At) -> list[WitnessStanding]:
    await at.reader.head(log)
    return [WitnessStanding.of(view) for view in await at.witnesses.standing(log)]


_entries = APIRouter(tags=["entries"])


@_entries.get("/entries", summary="Entries by case, actor, time and more, the newest first")
async def find(
    log: AskedLog,
    ctx: Reading,
    paging: AskedPage,
    search: AskedSearch,
    language: AskedLanguage,
    answer: Response,
    at: At,
) -> Page[EntryView]:
    collection = Collection(f"entries {log} {search}", int)
    before = collection.after(paging.cursor)
    found = await at.desk.find(ctx, log, search, before=before, limit=paging.limit + 1)
    answer.headers["Content-Language"] = language.value
    return collection.page([_view(entry, language) for entry in found], paging.limit, lambda view: view.position)


@_entries.get("/entries/{position}", summary="One entry, with its proof")
async def show(
    log: AskedLog, ctx: Reading, position: Position, language: AskedLanguage, answer: Response, at: At
) -> ProvedEntry:
    entry, proof = await at.desk.show(ctx, log, position)
    leaf = base64.b64encode(entry.leaf).decode()
    answer.headers["Content-Language"] = language.value
    return ProvedEntry(**_view(entry, language).model_dump(), leaf=leaf, proof=proof.text())


@_entries.get("/entries/{position}/proof", summary="A .tlog-proof file", response_class=Response)
async def proof(log: AskedLog, ctx: Reading, position: Position, at: At) -> Response:
    _, found = await at.desk.show(ctx, log, position)
    name = f'attachment; filename="{log}-{position}.tlog-proof"'
    return Response(found.text(), media_type=TEXT, headers={**_FOR_THE_ASKER, "Content-Disposition": name})


@_entries.get("/reconciliation", summary="The services' journals beside the log")
async def reconciliation(log: AskedLog, ctx: Reading, at: At) -> Reconciliation:
    await at.desk.admit_overview(ctx, log)
    head = await at.reader.head(log)
    own = await at.desk.published()
    sources = [_reconciled(each) for each in await reconcile(at.reader, at.http, at.peers, log, own=own)]
    return Reconciliation(log=log, size=head.checkpoint.size, sources=sources)


router = APIRouter()
router.include_router(_logs)
router.include_router(_witnessed)
router.include_router(_entries)


def _slice(path: str) -> Slice:
    try:
        return read_path(path)
    except NoSuchTileError:
        raise NoSuchEntryError from None


def _view(entry: StoredEntry, language: Language) -> EntryView:
    return EntryView(
        log=entry.log,
        position=entry.position,
        logged_at=entry.logged_at,
        happened_at=entry.happened_at,
        kind=entry.kind,
        type=entry.type,
        source=entry.source,
        event_id=entry.event_id,
        number=entry.number,
        case=entry.case,
        actor=entry.actor,
        organisation=entry.organisation,
        unit=entry.unit,
        basis=entry.basis,
        consent=entry.consent,
        meeting=entry.meeting,
        permitted=entry.permitted,
        sentence=sentence(entry, language),
        event=parsed(entry),
    )


def _reconciled(found: Reconciled) -> ReconciledView:
    return ReconciledView(
        source=found.source,
        published=found.published,
        held=found.held,
        missing=found.missing,
        agrees=found.agrees,
        seals_agreeing=found.seals_agreeing,
        seals_contradicting=found.seals_contradicting,
    )
