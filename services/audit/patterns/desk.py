"""Where findings are looked at and answered for: who may, and that each look and each answer is an entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, NoReturn

from services.audit.domain.case_of_finding import (
    FINDING,
    FindingState,
    Reporting,
    decide_explain,
    decide_judge,
    decide_report,
)
from services.audit.domain.entry import LogName
from services.audit.errors import (
    AuditError,
    FindingAboutYouError,
    FindingForbiddenError,
    FindingReadOnlyError,
    NoSuchFindingError,
)
from services.audit.handlers import Desk
from services.audit.patterns.reading import LOG_FINDING, FindingEntry, FindingReader, FindingSearch, LogFinding
from services.audit.patterns.store import PatternFinding, save_state
from services.audit.patterns.watch import DUE
from shared.aggregate import Answer, Changed, Context
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.audit import FindingEvent, FindingOutcome
from shared.contracts.base import Model
from shared.contracts.codes import Purpose, Role
from shared.db import Connection, Pool
from shared.deadlines import cancel, set_deadline
from shared.journal import Journal
from shared.refs import FindingRef, LogScope, is_protected
from shared.vault import Vault

AnswerOf = Callable[[FindingState, int], Answer]
DecideOf = Callable[[FindingState], Sequence[FindingEvent]]
EXPLANATION: Final = "explanation"
"""The vault's category for what officers write."""


class Verdict(StrEnum):
    """What the privacy officer comes to."""

    LAWFUL = FindingOutcome.LAWFUL.value
    MISTAKE = FindingOutcome.MISTAKE.value
    BREACH = "breach"
    """A personal data breach that is reported: from now on there are 72 hours (GDPR art. 33)."""


class Note(Model):
    """What an officer wrote, as the vault keeps it."""

    at: datetime
    verdict: str
    """The verdict, or `reporting`."""
    text: str
    reference: str | None = None
    """The supervisory authority's own, when it was reported."""
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with what it rests on, as somebody may see it."""

    finding: PatternFinding | LogFinding
    version: int | None
    """None for a finding about the log, which nobody changes."""
    entries: Sequence[FindingEntry] = ()
    notes: Sequence[Note] = ()
    """What was written; for privacy officers other than the one whom it is about."""


class FindingDesk:
    """Where auditors and privacy officers see findings, and privacy officers answer for them."""

    def __init__(self, desk: Desk, reader: FindingReader, journal: Journal, vault: Vault, pool: Pool) -> None:
        """Admit and record with `desk`; `pool` is for opening the vault."""
        self._desk = desk
        self._reader = reader
        self._journal = journal
        self._vault = vault
        self._pool = pool

    async def find(
        self,
        ctx: Context,
        log: LogName,
        search: FindingSearch,
        *,
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[PatternFinding | LogFinding]:
        """Return findings of both kinds in one log, the newest first; the look is recorded.

        Raises:
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
        """
        role = await self._desk.admit(ctx, log)
        found = await self._reader.find(log, search, before=before, limit=limit)
        about = search.case or search.actor
        await self._desk.record(ctx, log, role, AccessKind.LOG_READ, results=len(found), about=about)
        return found

    async def show(self, ctx: Context, finding: str, *, before: int | None = None, limit: int = 100) -> Shown:
        """Return one finding with its entries, the newest first; the look is recorded.

        Raises:
            NoSuchFindingError: there is none.
            NotYourLogError: the actor is not that municipality's auditor or privacy officer.
        """
        about_log = LOG_FINDING.fullmatch(finding)
        if about_log is not None:
            evidence = await self._reader.about_log(int(about_log[1]))
            role = await self._admit(ctx, evidence.log)
            await self._desk.record(ctx, evidence.log, role, AccessKind.LOG_READ, results=1, about=None)
            return Shown(evidence, None)
        found = await self._reader.one(FindingRef(finding))
        role = await self._admit(ctx, found.log)
        loaded = await self._journal.load(FINDING, found.finding)
        entries = await self._reader.entries(found.finding, before=before, limit=limit)
        notes = await self._notes(_actor(ctx), found)
        await self._desk.record(ctx, found.log, role, AccessKind.LOG_READ, results=len(entries), about=found.actor)
        return Shown(found, loaded.version, entries, notes)

    async def explain(
        self, ctx: Context, finding: str, verdict: Verdict, text: str, answer: AnswerOf
    ) -> Changed[FindingState]:
        """Write the explanation, and close the finding or judge it a breach. The text goes to the vault and nowhere else.

        Raises:
            NoSuchFindingError, FindingReadOnlyError, NotYourLogError, FindingForbiddenError.
            FindingAboutYouError, FindingClosedError, AlreadyJudgedError: see `case_of_finding`.
            StaleVersionError: the finding has grown or was answered since it was seen.
        """
        actor = _actor(ctx)

        def decide(state: FindingState) -> list[FindingEvent]:
            if verdict is Verdict.BREACH:
                return decide_judge(state, actor.id, ctx.now)
            return decide_explain(state, actor.id, FindingOutcome(verdict.value), ctx.now)

        return await self._change(ctx, finding, decide, Note(at=ctx.now, verdict=verdict, text=text), answer)

    async def report(
        self, ctx: Context, finding: str, reporting: Reporting, note: Note, answer: AnswerOf
    ) -> Changed[FindingState]:
        """Record that it was reported to the supervisory authority.

        Raises:
            As `explain`, and ReportedLaterError, DelayReasonMissingError.
        """
        actor = _actor(ctx)
        return await self._change(
            ctx, finding, lambda state: decide_report(state, actor.id, reporting, ctx.now), note, answer
        )

    async def _change(
        self, ctx: Context, finding: str, decide: DecideOf, note: Note, answer: AnswerOf
    ) -> Changed[FindingState]:
        if LOG_FINDING.fullmatch(finding) is not None:
            evidence = await self._reader.about_log(int(finding.removeprefix("log-")))
            await self._admit(ctx, evidence.log)
            raise FindingReadOnlyError
        found = await self._reader.one(FindingRef(finding))
        await self._admit(ctx, found.log)
        if Role.PRIVACY_OFFICER not in _actor(ctx).roles:
            await self._refuse(ctx, found, FindingForbiddenError())
        version = 0
        state = FindingState()

        def decide_now(present: FindingState) -> Sequence[FindingEvent]:
            nonlocal state
            events = decide(present)
            state = FINDING.fold(present, events)
            return events

        def answer_now(after: FindingState, at: int) -> Answer:
            nonlocal version
            version = at
            return answer(after, at)

        async def also(conn: Connection) -> None:
            await save_state(conn, state)
            # One record for each answer: what was written once is never written over.
            await self._vault.put(
                conn,
                owner=found.finding,
                record=f"{version:06d}",
                category=EXPLANATION,
                content=note.model_dump_json().encode(),
            )
            await _set_deadlines(conn, state)

        context = replace(ctx, scope=LogScope(found.log))
        try:
            return await self._journal.change(FINDING, found.finding, context, decide_now, answer_now, also=also)
        except FindingAboutYouError as refused:
            await self._refuse(ctx, found, refused)

    async def _admit(self, ctx: Context, log: LogName) -> Role:
        """Return the role in which the actor looks. Who is not cleared for a protected log is not told that it has a finding.

        Raises:
            NotYourLogError, NoSuchFindingError.
        """
        try:
            return await self._desk.admit(ctx, log)
        except AuditError:
            if is_protected(LogScope(log)):
                raise NoSuchFindingError from None
            raise

    async def _refuse(self, ctx: Context, found: PatternFinding, refused: AuditError) -> NoReturn:
        """Record the refusal in the finding's log, and raise it."""
        actor, protected = _actor(ctx), is_protected(LogScope(found.log))
        denied = AccessRecorded(
            subject_ref=actor.id,
            kind=AccessKind.DENY,
            actor=actor.access_actor(address_protected=protected),
            purpose=Purpose.OVERSIGHT,
            permitted=False,
            reason=refused.code,
            address_protected=protected,
        )
        await self._journal.record_access(replace(ctx, scope=LogScope(found.log)), [denied])
        raise refused

    async def _notes(self, actor: Actor, found: PatternFinding) -> list[Note]:
        if Role.PRIVACY_OFFICER not in actor.roles or actor.id == found.actor:
            return []
        async with self._pool.acquire() as conn:
            kept = await self._vault.read(conn, owner=found.finding, categories=[EXPLANATION])
        return [Note.model_validate(json.loads(each.content)) for each in kept]


def _actor(ctx: Context) -> Actor:
    if ctx.actor is None:
        raise FindingForbiddenError
    return ctx.actor


async def _set_deadlines(conn: Connection, state: FindingState) -> None:
    """Let exactly what is awaited of the finding be due."""
    assert state.finding is not None
    awaited = state.awaited
    for missing, kind in DUE.items():
        if awaited is not None and awaited[0] is missing:
            await set_deadline(conn, kind=kind, key=state.finding, due=awaited[1])
        else:
            await cancel(conn, kind=kind, key=state.finding)
