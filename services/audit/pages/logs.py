"""Pages about whole logs: which there are, their checkpoints, keys and witnesses, and verifying one now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.errors import BeingVerifiedError, NoSuchLogError
from services.audit.handlers import Desk
from services.audit.pages.rendering import HEADERS, page, render
from services.audit.pages.site import Site
from services.audit.pages.texts import Texts
from services.audit.pages.verification import NotReadableError, Outcome, Verification, Verifications
from services.audit.pages.visits import Visit, log_of, read_form, seen_in
from services.audit.queries import Reader
from services.audit.witnesses import Witnesses
from shared.aggregate import Context
from shared.auth import Clearance
from shared.contracts.access import AccessKind
from shared.refs import LogScope, is_protected
from shared.web import exchange

SHOWN: Final = 20
"""Checkpoints on a page."""
_HERE: Final = "<!-- here -->"
"""Where the page is cut, to be sent piece by piece."""


class LogPages:
    """The logs, for everybody; verification, for whoever may look into one."""

    def __init__(
        self, reader: Reader, desk: Desk, witnesses: Witnesses, site: Site, vkey: Callable[[str], str]
    ) -> None:
        """Read with `reader`; `vkey` gives the newest public key of the log of this origin."""
        self._reader = reader
        self._desk = desk
        self._witnesses = witnesses
        self._vkey = vkey
        self._verifications = Verifications(reader, witnesses)
        site.show("/", self.index)
        site.show("/pages/log/{log}", self.log)
        site.guard("/pages/verify", self.ask)
        site.act("/pages/verify", self.verify)

    async def index(self, request: Request, visit: Visit) -> Response:  # noqa: ARG002
        """Show the logs."""
        logs = [(head, self._vkey(head.origin)) for head in await self._reader.heads()]
        return page("index.html", visit, logs=logs)

    async def log(self, request: Request, visit: Visit) -> Response:
        """Show a log's checkpoints and who has signed them."""
        name = request.path_params["log"]
        if LOG_NAME.fullmatch(name) is None:
            raise NoSuchLogError
        # As in the interface for programs: when such a log grows is when something happens in that case.
        cleared = visit.session is not None and Clearance.PROTECTED_LOG_READER in visit.session.actor.clearances
        if is_protected(LogScope(name)):
            if not cleared:
                raise NoSuchLogError
            visit = seen_in(visit, LogName(name))
        heads = await self._reader.checkpoints(LogName(name), None, SHOWN)
        if not heads:
            raise NoSuchLogError
        standing = await self._witnesses.standing(LogName(name))
        cosigners = await self._witnesses.cosigners(LogName(name), [head.checkpoint.size for head in heads])
        newest = heads[0].note + await self._witnesses.lines(LogName(name), heads[0].checkpoint.size)
        vkey = self._vkey(heads[0].origin)
        return page("log.html", visit, heads=heads, note=newest, standing=standing, cosigners=cosigners, vkey=vkey)

    # --- verify now ---------------------------------------------------------------------------------------------------

    async def ask(self, request: Request, visit: Visit, ctx: Context) -> Response:  # noqa: ARG002
        """Show the form that begins a verification."""
        log = log_of(visit, ctx)
        await self._desk.admit_overview(ctx, log)
        head = await self._reader.head(log)
        key, witnesses = self._vkey(head.origin), self._verifications.cosigners(log)
        return page("verify.html", visit, head=head, key=key, checkpoint="", error=None, witnesses=witnesses)

    async def verify(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Verify the log, and tell how far it has come while it goes on."""
        log = log_of(visit, ctx)
        form = read_form(exchange(request).body)
        key, checkpoint = form.get("key", ""), form.get("checkpoint", "")
        role = await self._desk.admit(ctx, log)
        try:
            verification = await self._verifications.prepare(log, key, checkpoint)
        except NotReadableError as error:
            head = await self._reader.head(log)
            shown = {"head": head, "key": key, "checkpoint": checkpoint, "error": error.field}
            return page("verify.html", visit, status=422, **shown, witnesses=self._verifications.cosigners(log))
        size = verification.head.checkpoint.size
        await self._desk.record(ctx, log, role, AccessKind.LOG_READ, results=size, about=None)
        # No proxy is to keep the page until it is whole.
        headers = {**HEADERS, "Content-Language": visit.language, "X-Accel-Buffering": "no"}
        return StreamingResponse(_told(visit, verification), headers=headers)


async def _told(visit: Visit, verification: Verification) -> AsyncIterator[str]:
    """Yield the page in pieces: each step of the progress as it is made, then what was found."""
    before, _, after = render("verifying.html", visit, head=verification.head).partition(_HERE)
    yield before
    try:
        async for said in verification.run():
            yield render("verified.html", visit, said=said)
    except BeingVerifiedError:  # somebody else began in the same moment, and this page has begun too
        reason = Texts(visit.language)("refusal.code.being-verified")
        yield render("verified.html", visit, said=Outcome(None, reason))
    yield after
