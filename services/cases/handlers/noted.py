"""Whose answer each note in the vault is of: what the vault says, and of older notes what the case's events do."""

from __future__ import annotations

from collections.abc import Iterable

from services.cases.handlers.desk import CASE, Desk
from services.cases.records import Said, approval_step
from shared.contracts.base import EventData
from shared.contracts.cases import ConsentGranted, ConsentRefused, TransitionFormApproved
from shared.contracts.codes import GrantorClass
from shared.db import Connection
from shared.envelope import Envelope
from shared.refs import CaseRef, ConsentRef, FormRef

Where = tuple[ConsentRef | FormRef, str]
"""What was answered, and at which step."""


def said_in(history: Iterable[tuple[Envelope, EventData]]) -> dict[Where, Said]:
    """Return whose each answer was that says so. A withdrawal does not: of a note of one, only the vault can say it."""
    found: dict[Where, Said] = {}
    for envelope, event in history:
        match event:
            case ConsentGranted() | ConsentRefused() if event.evidence_ref:
                said = Said(grantor=event.grantor, ordinal=event.ordinal, at=envelope.time)
                found[event.consent, event.evidence_ref] = said
            case TransitionFormApproved():
                said = Said(grantor=GrantorClass.GUARDIAN, ordinal=event.ordinal, at=envelope.time)
                found[event.form, approval_step(event.version, event.ordinal)] = said
            case _:
                continue
    return found


async def noted(desk: Desk, conn: Connection, case: CaseRef, whose: tuple[GrantorClass, int]) -> list[str]:
    """Return how one person's answers were given or taken back, as it was noted, the oldest first (GDPR art. 7, 15).

    A note of which nothing says whose answer it is of is nobody's: it may be another's.
    """
    by_events = said_in(await desk.journal.history(CASE, case, conn=conn))
    older = {f"{what}/{step}": said for (what, step), said in by_events.items()}
    kept = await desk.records.evidence(conn, case)
    found = [(said or older.get(name), words) for name, (words, said) in kept.items()]
    own = [(said.at, words) for said, words in found if said is not None and (said.grantor, said.ordinal) == whose]
    return [words for _, words in sorted(own)]


async def keep_whose(desk: Desk, conn: Connection, case: CaseRef) -> None:
    """Keep in the vault whose the older notes of a case are, before it goes on where no event says it."""
    kept = await desk.records.evidence(conn, case)
    for (what, step), said in said_in(await desk.journal.history(CASE, case, conn=conn)).items():
        if kept.get(f"{what}/{step}", ("", said))[1] is None:
            await desk.records.keep_said(conn, case, what, step, said)
