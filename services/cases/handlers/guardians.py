"""Who has parental responsibility from when, and correcting what the vault has of child and guardians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.cases import ages_store, kin_store
from services.cases.contents import DatedGuardian, GuardianList
from services.cases.domain import access, guardianship
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.ending import OF_AGE
from services.cases.domain.grantors import age_on
from services.cases.domain.guardianship import CorrectIdentity, RecordGuardianship
from services.cases.domain.national_number import born_on
from services.cases.domain.own_family import with_family
from services.cases.domain.state import CaseState
from services.cases.errors import (
    CaseError,
    DeniedError,
    GuardianKnownError,
    SamePersonError,
    UnknownPartError,
)
from services.cases.handlers.child_protection import now_about
from services.cases.handlers.concerns import NamedGuardian
from services.cases.handlers.desk import CASE, Desk, actor_of, change, deny, judge_there, look, meet, permitted, record
from services.cases.handlers.kept import GUARDIANSHIP
from services.cases.handlers.own_family import marked
from services.cases.kin_store import Member
from services.cases.records import Child, Guardian
from services.cases.views import GuardianshipView
from shared.aggregate import Answer, Changed, Context, Decision
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory, Language
from shared.contracts.safekeeping import GuardianGround, GuardianshipChange, never_was
from shared.db import Connection
from shared.deadlines import set_deadline
from shared.refs import CaseRef
from shared.web import Collection, Paging, answer

CONTACT = frozenset({InformationCategory.CONTACT})


@dataclass(frozen=True)
class Ground:
    """What a change rests on, from which day, and the decision in words."""

    code: GuardianGround
    on: date
    note: str


async def add_guardian(
    desk: Desk, ctx: Context, case: CaseRef, new: NamedGuardian, ground: Ground
) -> Changed[CaseState]:
    """Record that somebody has parental responsibility from a day on.

    Raises:
        NationalNumberError, SamePersonError, GuardianKnownError: the number is not valid, the child's, or a guardian's already.
        CaseError: see `guardianship.decide_guardianship`.
    """
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.MANAGE_GUARDIANS)
    born_on(new.national_number)
    child, known = await _family(desk, located.case)
    before = next((one for one in known if one.national_number == new.national_number), None)
    refused: CaseError | None = None
    if child.national_number == new.national_number:
        refused = SamePersonError()
    elif before is not None and (before.until is None or before.until >= ground.on):
        refused = GuardianKnownError()
    # Whoever had it before gets it again under the same ordinal: it is the same person.
    ordinal = len(known) + 1 if before is None else before.ordinal
    guardian = Guardian(
        ordinal=ordinal,
        name=new.name,
        national_number=new.national_number,
        actor=await desk.known.of_pid(new.national_number),
        language=new.language,
        email=new.email,
        phone=new.phone,
        since=ground.on,
    )
    return await _record(desk, ctx, located.case, acting, known, guardian, "begins", ground, refused)


async def end_guardianship(desk: Desk, ctx: Context, case: CaseRef, ordinal: int, ground: Ground) -> Changed[CaseState]:
    """Record the last day of somebody's parental responsibility."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.MANAGE_GUARDIANS)
    _, known = await _family(desk, located.case)
    present = _of(known, ordinal)
    ended = present.model_copy(update={"until": ground.on})
    return await _record(desk, ctx, located.case, acting, known, ended, "ends", ground)


async def _record(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    acting: Acting,
    known: Sequence[Guardian],
    guardian: Guardian,
    what: GuardianshipChange,
    ground: Ground,
    refused: CaseError | None = None,
) -> Changed[CaseState]:
    """Decide and keep it; `refused` is raised when it comes to deciding, so that a repetition is answered as the first time."""
    today = oslo_day(ctx.now)
    family = [*(one for one in known if one.ordinal != guardian.ordinal), guardian]
    command = RecordGuardianship(
        by=acting,
        ordinal=guardian.ordinal,
        change=what,
        ground=ground.code,
        effective_on=ground.on,
        since=guardian.since,
        responsible=frozenset(one.ordinal for one in family if one.responsible_on(today)),
    )

    marks = marked(desk, case, [Member(guardian.actor, "guardian", guardian.ordinal)])

    async def keep(conn: Connection) -> None:
        # What was corrected since it was read moved no version, and is not undone by this.
        present = {one.ordinal: one for one in await desk.records.guardians(conn, case)}
        corrected = present.get(guardian.ordinal, guardian)
        there = corrected.model_copy(update={"until": guardian.until}) if what == "ends" else guardian
        await desk.records.keep_guardians(conn, case, [*{**present, guardian.ordinal: there}.values()])
        await desk.records.keep_decision(conn, case, f"{what}-{guardian.ordinal}-{ground.on}", ground.note)
        await kin_store.put_guardian(
            conn,
            case,
            guardian.actor,
            guardian.ordinal,
            since=guardian.since,
            until=guardian.until,
            now=ctx.now,
            told_under=desk.known.names.mark,
            mistaken=never_was(what, ground.code),
        )

    def decide(state: CaseState) -> list[CaseEvent]:
        decided = guardianship.decide_guardianship(state, command, ctx.now)
        if refused is not None:
            raise refused
        return with_family(decided, marks)

    return await change(
        desk,
        ctx,
        case,
        decide,
        lambda state, version: answer(
            GuardianshipView.of(state, guardian.ordinal, guardian.since, guardian.until), status=201, version=version
        ),
        keep,
    )


async def correct_guardian(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    ordinal: int,
    *,
    name: str | None,
    language: Language | None,
    email: str | None,
    phone: str | None,
) -> Changed[CaseState]:
    """Correct what the vault has of how a guardian is named and reached; recorded as writing, and no event says more."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.MANAGE_GUARDIANS)
    _, known = await _family(desk, located.case)
    present = _of(known, ordinal)
    given = {"name": name, "language": language, "email": email, "phone": phone}
    right = {key: value for key, value in given.items() if value is not None}

    async def keep(conn: Connection) -> None:
        present = (await desk.journal.load(CASE, located.case, conn=conn)).state
        await judge_there(desk, conn, present, acting, decide)
        # As they are now: another correction moves no version either, and neither undoes the other.
        there = await desk.records.guardians(conn, located.case)
        family = [one.model_copy(update=right) if one.ordinal == ordinal else one for one in there]
        await desk.records.keep_guardians(conn, located.case, family)

    def decide(state: CaseState) -> Decision:
        access.require(state, Action.MANAGE_GUARDIANS, acting, ctx.now)
        actor = actor_of(ctx).access_actor(address_protected=state.address_protected)
        written = AccessRecorded(
            subject_ref=located.case,
            kind=AccessKind.WRITE,
            actor=actor,
            case=located.case,
            categories=CONTACT,
            permitted=True,
            address_protected=state.address_protected,
        )
        return Decision((), [written])

    def told(state: CaseState, version: int) -> Answer:
        view = GuardianshipView.of(state, ordinal, present.since, present.until)
        return answer(view, status=201, version=version)

    return await desk.journal.change(
        CASE,
        located.case,
        ctx,
        decide,
        told,
        also=keep,
    )


async def correct_child(
    desk: Desk, ctx: Context, case: CaseRef, *, name: str | None, national_number: str | None
) -> Changed[CaseState]:
    """Correct who the child is; it is found by what is right from then on, and by what was wrong no longer (GDPR art. 16)."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.MANAGE_GUARDIANS)
    child, known = await _family(desk, located.case)
    number = national_number or child.national_number
    if any(one.national_number == number for one in known):
        raise SamePersonError
    corrected = Child(name=name or child.name, national_number=number, born=born_on(number))
    parts: set[guardianship.PART_OF_IDENTITY] = set()
    if corrected.name != child.name:
        parts.add("name")
    if number != child.national_number:
        parts.add("national-number")
    if corrected.born != child.born:
        parts.add("born")
    today = oslo_day(ctx.now)
    young = "born" in parts and age_on(corrected.born, today) < OF_AGE
    command = CorrectIdentity(
        by=acting,
        parts=frozenset(parts),
        responsible=frozenset(one.ordinal for one in known if young and one.responsible_on(today)),
    )
    actor, renumbered = await desk.known.of_pid(number), "national-number" in parts
    marks = marked(desk, located.case, [Member(actor, "child", 1)])

    async def keep(conn: Connection) -> None:
        await desk.records.correct_child(conn, located.case, child, corrected, ctx.now)
        await kin_store.put_child(conn, located.case, actor, desk.known.names.mark if renumbered else None)
        if renumbered:
            # After its row, as every command that sets the protection of a case that has a log of its own.
            await now_about(desk, conn, located.case, ctx.now)
        if young:
            await _let_back(desk, conn, located.case, ctx.now)
        await ages_store.watch(conn, located.case, corrected.born, ctx.now)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: with_family(guardianship.decide_correct_identity(state, command, ctx.now), marks),
        lambda state, version: answer(GuardianshipView.of(state, None, None, None), status=201, version=version),
        keep,
        looks=acting,
    )


async def _let_back(desk: Desk, conn: Connection, case: CaseRef, now: datetime) -> None:
    """Let the dates of parental responsibility count again that the vault has: a wrong birth date may have ended them."""
    for one in await desk.records.guardians(conn, case):
        await kin_store.put_guardian(conn, case, one.actor, one.ordinal, since=one.since, until=one.until, now=now)
    # What was written of guardians after it was read here is in these rows: how many must consent follows from them.
    await set_deadline(conn, kind=GUARDIANSHIP, key=f"{case}:{oslo_day(now)}", due=now)


async def list_guardians(
    desk: Desk, ctx: Context, case: CaseRef, guardians: Collection[int], page: Paging
) -> tuple[GuardianList, int]:
    """Return a page of all who have, had or will have parental responsibility, with the dates, to whoever keeps that in order."""
    after = guardians.after(page.cursor) or 0
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.MANAGE_GUARDIANS)
            allowed = InformationCategory.CONTACT in looked.permit.categories
            # Of an erased case the vault says that there is nothing, as wherever else something of it is asked for.
            known = await desk.records.guardians(conn, located.case) if allowed else ()
            access.require(looked.state, Action.MANAGE_GUARDIANS, acting, ctx.now)
            rows = sorted((one for one in known if one.ordinal > after), key=lambda one: one.ordinal)
            shown = guardians.page(rows[: page.limit + 1], page.limit, lambda one: one.ordinal)
            await record(desk, ctx, conn, looked, shown=CONTACT if shown.items else frozenset())
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    today = oslo_day(ctx.now)
    items = tuple(
        DatedGuardian(
            ordinal=one.ordinal,
            actor=one.actor,
            name=one.name,
            language=one.language,
            email=one.email,
            phone=one.phone,
            since=one.since,
            until=one.until,
            responsible=one.responsible_on(today),
        )
        for one in shown.items
    )
    return GuardianList(case=located.case, items=items, next=shown.next), looked.version


async def _family(desk: Desk, case: CaseRef) -> tuple[Child, tuple[Guardian, ...]]:
    async with desk.pool.acquire() as conn:
        return await desk.records.child(conn, case), await desk.records.guardians(conn, case)


def _of(known: Sequence[Guardian], ordinal: int) -> Guardian:
    present = next((one for one in known if one.ordinal == ordinal), None)
    if present is None:
        raise UnknownPartError
    return present
