"""Registering a concern, acting on it, and the case's course."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.cases import ages_store, store
from services.cases.domain import concern, course
from services.cases.domain.ending import of_age_at
from services.cases.domain.national_number import born_on
from services.cases.domain.own_family import with_family
from services.cases.domain.protection import Register
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import CaseNotOpenError, DeniedError, OwnFamilyError
from services.cases.handlers.answers import case_for
from services.cases.handlers.child_protection import follow_the_child, is_protected, tell_the_others
from services.cases.handlers.consents import said_by_family
from services.cases.handlers.desk import CASE, Desk, Latest, actor_of, as_seen, change, follow, judge_there, meet
from services.cases.handlers.own_family import family_of, marked
from services.cases.records import Child, Guardian
from services.cases.team_records import REPORT_VIEW
from services.cases.views import ChildViewReceipt, ConcernView
from shared.aggregate import Changed, Context, Decision
from shared.contracts.cases import CaseEvent, ChildHeardBy, EvidenceForm, ForWhom, LocalOutcome
from shared.contracts.codes import Area, GrantorClass, InformationCategory, Language, Role, Service
from shared.db import Connection
from shared.refs import PROTECTED_LOG, ActorId, CaseRef, ChildViewRef, ConcernRef, LogScope
from shared.web import answer


@dataclass(frozen=True)
class NamedGuardian:
    """A guardian, as whoever registers the concern knows him or her."""

    name: str
    national_number: str
    language: Language
    email: str | None
    phone: str | None


@dataclass(frozen=True)
class NewConcern:
    """A concern with what goes to the vault."""

    area: Area
    for_whom: ForWhom
    child_name: str
    child_number: str
    guardians: tuple[NamedGuardian, ...]
    text: str
    observations: dict[InformationCategory, str]
    criteria: frozenset[str]
    family_frame: frozenset[str]
    address_protected: bool


@dataclass(frozen=True)
class Family:
    """Who the concern is about, and who has parental responsibility."""

    child: Child
    actor: ActorId
    guardians: tuple[Guardian, ...]


async def register_concern(desk: Desk, ctx: Context, new: NewConcern) -> Changed[CaseState]:
    """Register a concern: the words to the vault, the fact to the bus. The receipt names no child (seed rules 78, 79).

    Raises:
        NotStaffError: the actor is not an employee of a unit.
        NationalNumberError: a national number is not valid.
        OwnFamilyError: it is the actor's own child, or the actor.
        NoProfileError, CriterionUnknownError, FamilyFrameUnknownError: what the municipality's profile does not have.
    """
    actor = actor_of(ctx)
    rules = desk.rules_of(actor.municipality)
    child = Child(
        name=new.child_name,
        national_number=new.child_number,
        born=born_on(new.child_number),
    )
    family = Family(
        child=child,
        actor=await desk.known.of_pid(new.child_number),
        guardians=tuple(
            [await _guardian(desk, ordinal, known) for ordinal, known in enumerate(new.guardians, start=1)]
        ),
    )
    async with desk.pool.acquire() as conn:
        acting = await as_seen(desk, ctx, conn, None)
        protected = new.address_protected or await is_protected(desk, conn, new.child_number)
    command = concern.RegisterConcern(
        by=acting,
        case=CaseRef(desk.ids.ref("cas")),
        concern=ConcernRef(desk.ids.ref("con")),
        area=new.area,
        for_whom=new.for_whom,
        guardians=len(family.guardians),
        address_protected=protected,
        criteria=new.criteria,
        family_frame=new.family_frame,
    )
    if acting.kind == "user" and acting.actor in {family.actor, *(one.actor for one in family.guardians)}:
        raise OwnFamilyError
    joined = await _join(desk, ctx, new, command, rules)
    if joined is not None:
        return joined
    async with desk.pool.acquire() as conn, conn.transaction():
        # The protection is the child's, and holds from the first event, whoever registers it knows of it or not.
        await desk.records.hold_child(conn, new.child_number)
        protected = new.address_protected or await is_protected(desk, conn, new.child_number)
        known = command.model_copy(update={"address_protected": protected})
        changed = await _register(desk, ctx, conn, new, family, known)
        if new.address_protected and not changed.replayed:
            await tell_the_others(desk, conn, command.case, Register(), ctx.now)
    desk.journal.nudge()
    return changed


async def _register(
    desk: Desk, ctx: Context, conn: Connection, new: NewConcern, family: Family, command: concern.RegisterConcern
) -> Changed[CaseState]:
    """Begin a case of its own, in the caller's transaction."""
    actor, case, latest = actor_of(ctx), command.case, Latest()
    rules = desk.rules_of(actor.municipality)
    guardians = [one.actor for one in family.guardians]
    marks = marked(desk, case, family_of(family.actor, guardians))

    def decide(state: CaseState) -> Decision:
        return Decision(latest.take(state, with_family(concern.decide_register(command, ctx.now, rules), marks)))

    async def also(conn: Connection) -> None:
        await store.register(conn, case, actor.municipality, ctx.now)
        await follow(desk, conn, case, latest, ctx.now)
        await store.add_kin(
            conn, case, ctx.now, child=family.actor, guardians=guardians, told_under=desk.known.names.mark
        )
        await desk.records.keep_family(conn, case, family.child, family.guardians)
        await desk.records.keep_concern(conn, case, new.text, new.observations)
        await desk.records.keep_vocabulary(conn, case, criteria=new.criteria, family_frame=new.family_frame)
        await ages_store.watch(conn, case, family.child.born, ctx.now)
        if command.address_protected and command.by.unit is not None:
            await desk.records.keep_place(conn, case, command.by.unit)

    # The log of an address-protected case is its own, under a name that tells nothing.
    scope = LogScope(desk.ids.ref(PROTECTED_LOG)) if command.address_protected else ctx.scope
    return await desk.journal.change(
        CASE,
        case,
        replace(ctx, scope=scope),
        decide,
        lambda state, version: answer(
            ConcernView.of(state), status=201, version=version, location=f"/concerns/{command.concern}"
        ),
        conn=conn,
        also=also,
    )


async def _join(
    desk: Desk, ctx: Context, new: NewConcern, command: concern.RegisterConcern, rules: Rules
) -> Changed[CaseState] | None:
    """Let the concern become part of an open case about the same child, where the actor may know of that case (seed rule 49).

    Anybody else is told nothing, by answer or by record: for them it is a concern like any other, in a case of its own.
    """
    async with desk.pool.acquire() as conn:
        found = await desk.records.cases_of(conn, new.child_number)
    for case in found:
        async with desk.pool.acquire() as conn:
            located = await store.locate(conn, case)
            acting = await as_seen(desk, ctx, conn, case)
        if located is None or located.municipality != actor_of(ctx).municipality:
            continue
        loaded = await desk.journal.load(CASE, case)
        if loaded.state.address_protected != command.address_protected:
            continue
        try:
            return await _join_one(desk, ctx, new, case, command.model_copy(update={"by": acting}), rules)
        except (DeniedError, CaseNotOpenError):
            continue
    return None


async def _join_one(
    desk: Desk, ctx: Context, new: NewConcern, case: CaseRef, command: concern.RegisterConcern, rules: Rules
) -> Changed[CaseState]:
    loaded = await desk.journal.load(CASE, case)
    latest = Latest()

    def decide(state: CaseState) -> list[CaseEvent]:
        return concern.decide_join(state, command, ctx.now, rules)

    async def also(conn: Connection) -> None:
        await judge_there(desk, conn, latest.before, command.by, decide)
        await follow(desk, conn, case, latest, ctx.now)
        await desk.records.keep_further(
            conn,
            case,
            command.concern,
            new.text,
            new.observations,
            criteria=new.criteria,
            family_frame=new.family_frame,
        )

    return await desk.journal.change(
        CASE,
        case,
        replace(ctx, scope=loaded.scope or ctx.scope),
        lambda state: Decision(latest.take(state, decide(state))),
        lambda state, version: answer(
            ConcernView.of(state, command.concern),
            status=201,
            version=version,
            location=f"/concerns/{command.concern}",
        ),
        also=also,
    )


async def resolve_concern(
    desk: Desk, ctx: Context, ref: ConcernRef, *, outcome: LocalOutcome | None, competence: Service | None
) -> Changed[CaseState]:
    """Act on a concern: solved by those nearest the child, or lifted to a case (seed rules 80, 81)."""
    located, acting = await meet(desk, ctx, ref)
    rules = desk.rules_of(located.municipality)
    command = concern.ResolveConcern(by=acting, outcome=outcome, concern=ref, competence=competence)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: concern.decide_resolve(state, command, ctx.now, rules),
        lambda state, version: answer(ConcernView.of(state, ref), status=201, version=version),
    )


async def record_child_view(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    *,
    method: ChildHeardBy,
    before: course.Decisions,
    text: str,
    trusted_person: bool = False,
) -> Changed[CaseState]:
    """Record that the child was heard before a decision; its words go to the vault (seed rule 99)."""
    located, acting = await meet(desk, ctx, case)
    view = ChildViewRef(desk.ids.ref("cvw"))
    command = course.RecordChildView(by=acting, view=view, method=method, before=before, trusted_person=trusted_person)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: course.decide_child_view(state, command, ctx.now),
        lambda _, version: answer(
            ChildViewReceipt(view=view, method=method, before=before), status=201, version=version
        ),
        # What a child says before it is reported to child welfare is for nobody else to read, its guardians among them.
        lambda conn: (
            desk.records.keep_view(conn, located.case, view, text)
            if before != "concern-report"
            else desk.team.records.keep(
                conn, located.case, f"{REPORT_VIEW}{view}", InformationCategory.CHILD_VIEW, text
            )
        ),
    )


async def choose_contact_person(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    *,
    service: Service,
    role: Role,
    evidence: EvidenceForm,
    note: str | None,
) -> Changed[CaseState]:
    """Note whom the guardians chose to turn to (seed rules 33-35)."""
    located, acting = await meet(desk, ctx, case)
    command = course.ChooseContactPerson(
        by=acting,
        service=service,
        role=role,
        evidence=evidence,
        has_note=bool(note),
        of_age=acting.child and await _is_of_age(desk, ctx, located.case),
    )

    async def keep(conn: Connection) -> None:
        if note:
            said = said_by_family(acting, GrantorClass.GUARDIAN, ctx.now)
            await desk.records.keep_wish(conn, located.case, f"contact-person/{desk.ids.ref('doc')}", note, said)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: course.decide_contact_person(state, command, ctx.now),
        case_for(acting, ctx.now),
        keep,
    )


async def _is_of_age(desk: Desk, ctx: Context, case: CaseRef) -> bool:
    """Return whether the child is of age today; the birth date stays in the vault."""
    async with desk.pool.acquire() as conn:
        child = await desk.records.child(conn, case)
    return of_age_at(child.born) <= ctx.now


async def close_case(desk: Desk, ctx: Context, case: CaseRef, outcome: course.Outcomes) -> Changed[CaseState]:
    """Close the case."""
    located, acting = await meet(desk, ctx, case)
    command = course.CloseCase(by=acting, outcome=outcome)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: course.decide_close(state, command, ctx.now),
        case_for(acting, ctx.now),
    )


async def reopen_case(desk: Desk, ctx: Context, case: CaseRef) -> Changed[CaseState]:
    """Reopen a closed case."""
    located, acting = await meet(desk, ctx, case)
    rules = desk.rules_of(located.municipality)
    async with desk.pool.acquire() as conn:
        state = (await desk.journal.load(CASE, located.case, conn=conn)).state
        closed = state.address_protected and state.stage is Stage.CLOSED
        place = await desk.records.place(conn, located.case) if closed else None
    command = course.ReopenCase(by=acting, place=place)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: course.decide_reopen(state, command, ctx.now, rules),
        case_for(acting, ctx.now),
        # While it was closed the child's address may have become protected in another case.
        lambda conn: follow_the_child(desk, conn, located.case, ctx.now),
    )


async def _guardian(desk: Desk, ordinal: int, known: NamedGuardian) -> Guardian:
    born_on(known.national_number)
    return Guardian(
        ordinal=ordinal,
        name=known.name,
        national_number=known.national_number,
        actor=await desk.known.of_pid(known.national_number),
        language=known.language,
        email=known.email,
        phone=known.phone,
    )
