"""Pages about entries. Each look goes through the programs' own desk, which commits it as an entry before anything is shown."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.errors import NoSuchEntryError
from services.audit.handlers import LONGEST_PERIOD, Desk
from services.audit.pages.drawing import proof_path, timeline
from services.audit.pages.rendering import HEADERS, page
from services.audit.pages.site import Site
from services.audit.pages.visits import Visit, log_of, seen_in
from services.audit.queries import Search, StoredEntry
from shared.aggregate import Context
from shared.clock import OSLO
from shared.merkle import leaf_hash
from shared.refs import pattern
from shared.web import GivenDay

SHOWN: Final = 50
"""Entries on a page."""
SHOWN_BYTES: Final = 6000
"""More of an entry is not written out on its page; the file has all of it."""
KINDS: Final = (
    *("read", "write", "search", "list", "export", "print", "disclose", "deny", "break-glass", "log-read"),
    *("event", "seal", "unparsable"),
)

_CODE: Final = r"[a-z0-9-]{2,60}"
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "case": re.compile(pattern("cas")),
    "actor": re.compile(r"[a-z]{3}_[0-9A-Za-z_-]{8,64}"),
    "organisation": re.compile(r"[0-9]{9}"),
    "unit": re.compile(r"unit:[a-z0-9-]{1,60}"),
    "kind": re.compile(_CODE),
    "basis": re.compile(_CODE),
    "consent": re.compile(pattern("cst")),
    "meeting": re.compile(pattern("mtg")),
}
_DAY: Final[TypeAdapter[date]] = TypeAdapter(GivenDay)


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the search form, and what is wrong with it."""

    fields: Mapping[str, str]
    errors: Mapping[str, str]
    """The key of a text, by field."""
    search: Search | None


class EntryPages:
    """Search, a child's case, an actor, one entry."""

    def __init__(self, desk: Desk, site: Site) -> None:
        """Ask `desk`; the pages become `site`'s."""
        self._desk = desk
        site.guard("/pages/search", self.search)
        site.guard("/pages/case/{case}", self.case)
        site.guard("/pages/actor/{actor}", self.actor)
        site.guard("/pages/entry/{log}/{position:int}", self.entry)
        site.guard("/pages/entry/{log}/{position:int}/proof", self.proof)

    async def search(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show the form, and what was found where something was asked."""
        asked = read_search(request.query_params, ctx.now)
        if asked.search is None:
            return page("search.html", visit, asked=asked, kinds=KINDS, entries=None, older=None)
        entries, older = await self._find(visit, ctx, asked.search, request)
        return page("search.html", visit, asked=asked, kinds=KINDS, entries=entries, older=older)

    async def case(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show what happened in a child's case, with a lane for each unit or organisation."""
        case = request.path_params["case"]
        if _FORMS["case"].fullmatch(case) is None:
            raise NoSuchEntryError
        entries, older = await self._find(visit, ctx, Search(case=case), request)
        drawn = timeline(entries, lambda at: entries[at].unit or entries[at].organisation or entries[at].source)
        return page("history.html", visit, about="case", ref=case, entries=entries, older=older, drawn=drawn)

    async def actor(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show what an actor did, with a lane for each case."""
        actor = request.path_params["actor"]
        if _FORMS["actor"].fullmatch(actor) is None:
            raise NoSuchEntryError
        entries, older = await self._find(visit, ctx, Search(actor=actor), request)
        drawn = timeline(entries, lambda at: _short_case(entries[at].case))
        return page("history.html", visit, about="actor", ref=actor, entries=entries, older=older, drawn=drawn)

    async def entry(self, request: Request, visit: Visit, ctx: Context) -> Response:
        """Show one entry, and the way from it to the signed root."""
        log, position = _place(request)
        entry, proof = await self._desk.show(ctx, log, position)
        visit = seen_in(visit, log)
        checkpoint = Checkpoint.parse(proof.note.partition("\n\n")[0] + "\n")
        path = proof_path(leaf_hash(entry.leaf), proof.index, checkpoint.size, proof.hashes)
        text, whole = readable(entry.leaf)
        return page(
            "entry.html", visit, entry=entry, path=path, checkpoint=checkpoint, note=proof.note, text=text, whole=whole
        )

    async def proof(self, request: Request, visit: Visit, ctx: Context) -> Response:  # noqa: ARG002
        """Give the proof as a file."""
        log, position = _place(request)
        _, proof = await self._desk.show(ctx, log, position)
        headers = {
            **HEADERS,
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{log}-{position}.tlog-proof"',
        }
        return Response(proof.text(), headers=headers)

    async def _find(
        self, visit: Visit, ctx: Context, search: Search, request: Request
    ) -> tuple[Sequence[StoredEntry], str | None]:
        """Return a page of entries, and the address of the next."""
        given = request.query_params.get("before", "")
        before = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None
        found = await self._desk.find(ctx, log_of(visit, ctx), search, before=before, limit=SHOWN + 1)
        if len(found) <= SHOWN:
            return found, None
        kept = {name: value for name, value in request.query_params.items() if name != "before"}
        return found[:SHOWN], f"?{urlencode({**kept, 'before': found[SHOWN - 1].position})}"


def read_search(query: Mapping[str, str], now: datetime) -> Asked:
    """Return what is asked for: nothing yet, where the form has not been sent; else each field checked.

    Where neither case nor actor nor days are named, it is the last thirty days, and the form then says so.
    """
    fields = {name: query.get(name, "").strip() for name in (*_FORMS, "permitted", "since", "until")}
    errors = {
        name: f"search.error.{name}"
        for name, form in _FORMS.items()
        if fields[name] and form.fullmatch(fields[name]) is None
    }
    sent = any(name in query for name in fields)
    if sent and not any(fields[name] for name in ("case", "actor", "since", "until")):
        today = now.astimezone(OSLO).date()
        fields |= {"since": (today - timedelta(days=29)).isoformat(), "until": today.isoformat()}
    days: dict[str, date] = {}
    for name in ("since", "until"):
        if fields[name]:
            try:
                days[name] = _DAY.validate_python(date.fromisoformat(fields[name]))
            except ValueError:  # as pydantic's own is: a day that the programs' interface does not take either
                errors[name] = "search.error.day"
    since = _begins(days["since"]) if "since" in days else None
    until = _begins(days["until"] + timedelta(days=1)) if "until" in days else None
    free = not fields["case"] and not fields["actor"]
    if not errors and free and (since is None or until is None or until - since > LONGEST_PERIOD):
        errors["since"] = "search.error.period"
    if fields["permitted"] not in ("", "true", "false"):
        fields["permitted"] = ""
    if errors or not sent:
        return Asked(fields, errors, None)
    search = Search(
        case=fields["case"] or None,
        actor=fields["actor"] or None,
        organisation=fields["organisation"] or None,
        unit=fields["unit"] or None,
        kind=fields["kind"] or None,
        basis=fields["basis"] or None,
        consent=fields["consent"] or None,
        meeting=fields["meeting"] or None,
        permitted={"true": True, "false": False}.get(fields["permitted"]),
        since=since,
        until=until,
    )
    return Asked(fields, errors, search)


def readable(leaf: bytes) -> tuple[str, bool]:
    """Return an entry's bytes as text to look at, and whether that is all of them. Only for the eye: the bytes are the evidence."""
    text = leaf.decode(errors="backslashreplace")
    with contextlib.suppress(ValueError, RecursionError):  # what is no JSON stays as it is
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text[:SHOWN_BYTES], len(text) <= SHOWN_BYTES


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, OSLO).astimezone(UTC)


def _short_case(case: str | None) -> str | None:
    return None if case is None else f"{case[:12]}…"


def _place(request: Request) -> tuple[LogName, int]:
    log, position = request.path_params["log"], request.path_params["position"]
    if LOG_NAME.fullmatch(log) is None or position >= 2**62:
        raise NoSuchEntryError
    return LogName(log), position
