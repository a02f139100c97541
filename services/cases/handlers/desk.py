"""What every handler works with, and the one way in which a case is changed, looked at, or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NoReturn, TypeVar

from services.cases import ending_store, glass_store, store
from services.cases.document_store import ContentStore
from services.cases.domain import access, waiting
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.around import Around
from services.cases.domain.evolution import evolve, fold
from services.cases.domain.glass import GlassRules
from services.cases.domain.grantors import age_on
from services.cases.domain.hearing import require_heard
from services.cases.domain.insight import in_family
from services.cases.domain.moments import moments_of, moments_of_family
from services.cases.domain.profile import CasesProfile, MunicipalProfile
from services.cases.domain.rules import OWN_TASK, Rules
from services.cases.domain.search import Candidate
from services.cases.domain.shown import Ground, Permit, grounds
from services.cases.domain.state import CaseState, Stage
from services.cases.domain.team_profile import USUAL, TeamProfile
from services.cases.domain.told import as_told, kept_goals
from services.cases.domain.watch import USUAL_WATCH, Watch
from services.cases.errors import (
    CaseNotOpenError,
    ConsentMissingError,
    CoordinatorUnplacedError,
    DeniedError,
    NoProfileError,
    NotInvolvedError,
    PurposeNotCoveredError,
    UnknownPartError,
)
from services.cases.figure_store import follow_figures
from services.cases.handlers.around import TeamDesk, disclosed, follow_team
from services.cases.handlers.from_whom import WHO, say_from_whom
from services.cases.handlers.kept import follow_kept
from services.cases.records import GOAL, STRENGTHS, Records
from services.cases.store import Disclosure, Fitting, Interest, Located
from services.cases.tags import version_for
from shared.actor_names import KnownActors
from shared.aggregate import Aggregate, Answer, Changed, Context, Decision
from shared.auth import Actor, Clearance
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.cases import (
    CaseEvent,
    ConcernJoined,
    ConcernRegistered,
    ConsentEvent,
    ConsentOverridden,
    ConsentRequested,
    HandoverProposed,
    HandoverRoute,
    HandoverSent,
    MeasurePlanned,
    OverrideEvent,
    Party,
    TransitionFormDrafted,
)
from shared.contracts.codes import InformationCategory, Purpose, Role
from shared.contracts.moved import CaseReceived
from shared.contracts.safekeeping import BreakGlassOpened
from shared.db import Connection, Pool
from shared.deadlines import set_deadline
from shared.errors import LagspillError, NotFoundError, StaleVersionError
from shared.journal import Journal
from shared.refs import ActorId, CaseRef, DocumentRef, Ids, LogScope, UnitId
from shared.scanning import Scanner

CASE: Final = Aggregate("case", CaseState, CaseState(), evolve)
HANDOVER_ANSWER: Final = "handover-answer"
HANDOVER_ESCALATION: Final = "handover-escalation"
NOWHERE: Final = UnitId("unit:not-known")
"""Where somebody coordinates an address-protected case of whom neither journal nor vault says it: nobody works there."""

K = TypeVar("K", bound=str)
Decide = Callable[[CaseState], Sequence[CaseEvent]]
Keep = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True)
class Desk:
    """What handlers work with; one for the whole service."""

    pool: Pool
    journal: Journal
    records: Records
    rules: Rules
    profiles: Mapping[LogScope, MunicipalProfile]
    team: TeamDesk
    ids: Ids
    known: KnownActors
    reaching_clients: frozenset[str]
    """The clients whose service accounts may know where guardians are reached."""
    directory_clients: frozenset[str]
    """The clients whose service accounts may say that somebody is closed in the organisation's directory."""
    glass: GlassRules
    """Who may open a case in an emergency."""
    documents: ContentStore
    scanner: Scanner | None
    """Looks for malware; none where there is none: then documents are marked as not looked through."""
    largest_document: int
    """Bytes."""
    receipt_within: timedelta
    """How long the consumers of an ended consent have before a missing receipt is an alarm."""

    def profile_of(self, municipality: LogScope) -> CasesProfile:
        """Return what the municipality decides about its cases (`Located.municipality`; a protected case's log has another name).

        Raises:
            NoProfileError: it has said nothing.
        """
        known = self.profiles.get(municipality)
        if known is None:
            raise NoProfileError
        return known.cases

    def rules_of(self, municipality: LogScope) -> Rules:
        """Return the rules as they are in the municipality.

        Raises:
            NoProfileError: it has said nothing.
        """
        return self.rules.of(self.profile_of(municipality))

    def team_of(self, municipality: LogScope) -> TeamProfile:
        """Return what the municipality decides about teams; what is usual when it has said nothing."""
        known = self.profiles.get(municipality)
        return USUAL if known is None else known.cases.team

    def watch_of(self, municipality: LogScope) -> Watch:
        """Return whose duty its address-protected cases are; what is usual when it has said nothing."""
        known = self.profiles.get(municipality)
        return USUAL_WATCH if known is None else known.cases.protected


@dataclass
class Latest:
    """What was decided last: a decision may run more than once."""

    state: CaseState = field(default_factory=CaseState)
    events: Sequence[CaseEvent] = ()
    before: CaseState = field(default_factory=CaseState)
    """What it was decided on."""

    def take(self, state: CaseState, events: Sequence[CaseEvent]) -> Sequence[CaseEvent]:
        """Remember `events`, what they were decided on and the state they lead to, and return them."""
        self.before, self.state, self.events = state, fold(state, events), events
        return events


def actor_of(ctx: Context) -> Actor:
    """Return who acts.

    Raises:
        NotInvolvedError: nobody does.
    """
    if ctx.actor is None:
        raise NotInvolvedError("no-actor")
    return ctx.actor


def interest_of(ctx: Context) -> Interest:
    """Return by what the actor's cases are found.

    Raises:
        NotInvolvedError: nobody acts.
    """
    actor = actor_of(ctx)
    return Interest(
        actor=actor.id,
        municipality=actor.municipality,
        leads=actor.unit if actor.kind == "user" and Role.LEADER in actor.roles else None,
        service=actor.service if actor.kind == "user" else None,
        now=ctx.now,
    )


async def meet(desk: Desk, ctx: Context, ref: str) -> tuple[Located, Acting]:
    """Find the case that `ref` is or belongs to, and what the actor is to it.

    Raises:
        UnknownPartError: there is none.
        NotInvolvedError: it belongs to another municipality; the denial is recorded.
    """
    actor = actor_of(ctx)
    async with desk.pool.acquire() as conn:
        located = await store.locate(conn, ref)
        if located is None:
            raise UnknownPartError
        acting = await as_seen(desk, ctx, conn, located.case, home=located.municipality)
    # A service account serves every municipality; guardians meet their child's case wherever it is.
    if actor.kind == "user" and actor.municipality not in {located.municipality, located.receiver_municipality}:
        await deny(desk, ctx, located.case, NotInvolvedError("other-municipality"))
    return located, acting


async def as_seen(
    desk: Desk, ctx: Context, conn: Connection, case: CaseRef | None, *, home: LogScope | None = None
) -> Acting:
    """Return how the rules see the actor in this case, or, without one, as a stranger to any."""
    actor = actor_of(ctx)
    guardian, child = None, False
    if case is not None and actor.kind in {"guardian", "child"}:
        guardian, child = await store.kin(conn, case, actor.id, ctx.now)
    own_family = case is not None and actor.kind == "user" and await store.of_family(conn, case, actor.id)
    elsewhere = None if home in {None, actor.municipality} or actor.kind != "user" else actor.municipality
    cleared = Clearance.PROTECTED_CASE_READER in actor.clearances
    # A duty for the cases that somebody is told of, and no reason to look for others.
    at_home = cleared and case is not None and elsewhere is None and actor.kind == "user"
    acting = Acting(
        actor=actor.id,
        kind=actor.kind,
        roles=actor.roles,
        service=actor.service,
        unit=actor.unit,
        organisation=actor.organisation,
        guardian=guardian,
        child=child,
        own_family=own_family,
        elsewhere=elsewhere,
        reaches_guardians=actor.kind == "service_account" and actor.client in desk.reaching_clients,
        cleared=cleared,
        watches=at_home and desk.watch_of(actor.municipality).is_kept_by(actor.roles, actor.unit),
    )
    return acting if case is None else await by_age(desk, conn, case, acting, ctx.now)


async def by_age(desk: Desk, conn: Connection, case: CaseRef, acting: Acting, now: datetime) -> Acting:
    """Return `acting` with the part in the family that the child's age leaves it, by the vault at this moment.

    No birthday is waited for: whoever has no part any more has none from the day's first moment, whatever ran or did not.

    Raises:
        TamperedError, KeyUnavailableError: the vault does not say how old the child is; nobody is family on a guess.
    """
    if acting.guardian is None and not acting.child:
        return acting
    try:
        child = await desk.records.child(conn, case)
    except NotFoundError:
        return acting.model_copy(update={"guardian": None, "child": False})
    today = oslo_day(now)
    return in_family(acting, desk.rules.insight_row(age_on(child.born, today), today))


async def fitting_as_seen(desk: Desk, ctx: Context, conn: Connection, fitting: Fitting, stranger: Acting) -> Candidate:
    """Return a case whose child fits as the rules see the actor in it."""
    seen = fitting.seen_by(stranger, actor_of(ctx).municipality)
    case = seen.state.case
    if case is None:
        return seen
    acting = await by_age(desk, conn, case, seen.acting, ctx.now)
    return seen.model_copy(update={"acting": acting, "state": await placed(desk, conn, seen.state, acting)})


async def change(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    decide: Decide,
    answer: Callable[[CaseState, int], Answer],
    keep: Keep | None = None,
    *,
    looks: Acting | None = None,
) -> Changed[CaseState]:
    """Decide on the case and make it true: events, vault, index and deadlines in one transaction.

    Where there may be nothing to decide because it is so already, the answer is a look like any other: by `looks`, and recorded.
    Of an address-protected case it is decided by where its parts are too (`judge_there`), with the case's row locked.

    Raises:
        DeniedError: after the denial was recorded.
        LagspillError: what `decide` refuses, or the journal.
    """
    latest = Latest()
    reader = await _reader(desk, ctx, case)
    own = ctx.if_match is None or reader is None or await _meets_its_own(desk, ctx, case, reader)

    def tell(state: CaseState, version: int) -> Answer:
        told = state if reader is None else as_told(state, reader, ctx.now)
        return answer(told, version_for(state, version, reader, ctx.now))

    def judge(there: CaseState) -> None:
        if not decide(there) and looks is not None:
            access.permit(there, Action.SEE_CASE, looks, ctx.now)

    def decide_now(state: CaseState) -> Decision:
        latest.before = state
        events = latest.take(state, require_heard(state, decide(state), ctx.now, desk.team.hearing))
        # To who sees a part of the case a version is what it is shown, and no number of events.
        if not own and ctx.if_match not in {None, version_for(state, 0, reader, ctx.now)}:
            raise StaleVersionError
        if not events and looks is not None:
            permit = access.permit(state, Action.SEE_CASE, looks, ctx.now)
            return Decision(access=describe_look(desk, ctx, Looked(state, 0, ctx.scope, permit), shown=frozenset())[0])
        told = [record for event in events for record in _shared(event, ctx, latest.state)]
        return Decision(events, [*told, *disclosed(events, ctx, latest.state)])

    async def also(conn: Connection) -> None:
        # What the vault has of an address-protected case's places changes with its row alone, which is this command's by now.
        await judge_there(desk, conn, latest.before, reader, judge)
        await follow(desk, conn, case, latest, ctx.now)
        if keep is not None and latest.events:
            await keep(conn)

    try:
        known = ctx if own else replace(ctx, if_match=None)
        return await desk.journal.change(CASE, case, known, decide_now, tell, also=also)
    except DeniedError as denied:
        await deny(desk, ctx, case, denied)
    except LagspillError as refused:
        denied_there = await _denied_there(desk, latest.before, reader, judge)
        # What else stands in the way is not told to who has nothing to do with it where they work now.
        if denied_there is not None:
            await deny(desk, ctx, case, denied_there)
        if isinstance(refused, ConsentMissingError):
            async with desk.pool.acquire() as conn:
                await say_from_whom(conn, desk.records, desk.rules, case, latest.before, refused, ctx.now)
        raise


async def judge_there(
    desk: Desk, conn: Connection, state: CaseState, acting: Acting | None, judge: Callable[[CaseState], object]
) -> None:
    """Let `judge` refuse a command by where an address-protected case's parts are too, as looks are (`placed`).

    A decision is pure and may run more than once. What it says here is heard only where it refuses: the events are those of the
    case as its own events have it, which name no place. Nothing is read when the case is no protected one, or `acting` no employee.
    """
    if acting is None:
        return
    there = await placed(desk, conn, state, acting)
    if there is state:
        return
    try:
        judge(there)
    except DeniedError as denied:
        _refuse_unplaced(there, denied)


async def _denied_there(
    desk: Desk, state: CaseState, acting: Acting | None, judge: Callable[[CaseState], object]
) -> DeniedError | None:
    if not state.address_protected:
        return None
    async with desk.pool.acquire() as conn:
        try:
            await judge_there(desk, conn, state, acting, judge)
        except DeniedError as denied:
            return denied
        except LagspillError:
            pass
    return None


async def permitted(desk: Desk, ctx: Context, located: Located, acting: Acting, action: Action) -> None:
    """Refuse before the vault is opened for a command, whose decision judges again; the denial is recorded.

    What was erased is told from what never was by nobody but those who had a part in it.

    Raises:
        DeniedError: see `access.permit`.
        CaseNotOpenError: the case is erased, and the vault has nothing of it.
    """
    try:
        async with desk.pool.acquire() as conn:
            state = (await desk.journal.load(CASE, located.case, conn=conn)).state
            await permit_there(desk, ctx, conn, state, acting, action)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    if state.stage is Stage.ERASED:
        raise CaseNotOpenError


async def _reader(desk: Desk, ctx: Context, case: CaseRef) -> Acting | None:
    """Return the actor as the rules see it, if it is a person: most are told less than the case knows."""
    if ctx.actor is None or ctx.actor.kind == "service_account":
        return None
    async with desk.pool.acquire() as conn:
        located = await store.locate(conn, case) if ctx.actor.kind == "user" else None
        return await as_seen(desk, ctx, conn, case, home=None if located is None else located.municipality)


async def _meets_its_own(desk: Desk, ctx: Context, case: CaseRef, reader: Acting) -> bool:
    """Return whether `reader` meets the case's own version: if that has changed when it is decided, so has the version."""
    return not version_for((await desk.journal.load(CASE, case)).state, 0, reader, ctx.now)


async def keep_time(desk: Desk, conn: Connection, event: ConsentEvent | OverrideEvent, now: datetime) -> list[str]:
    """Promise what time will bring for a consent or an override; return the references that are new."""
    for moment in moments_of(event, now, desk.rules.consent, desk.receipt_within):
        await set_deadline(conn, kind=moment.kind, key=moment.key, due=moment.due)
    match event:
        case ConsentRequested():
            return [event.consent]
        case ConsentOverridden():
            return [event.override]
        case _:
            return []


async def follow(desk: Desk, conn: Connection, case: CaseRef, latest: Latest, now: datetime) -> None:
    """Write what follows from the events in the same transaction: index, deadlines, who has been told what."""
    parts: list[str] = []
    for event in latest.events:
        match event:
            case ConcernRegistered() | ConcernJoined():
                parts.append(event.concern)
            case ConsentEvent() | OverrideEvent():
                parts += await keep_time(desk, conn, event, now)
            case MeasurePlanned():
                parts.append(event.measure)
            case TransitionFormDrafted():
                parts.append(event.form)
            case CaseReceived():
                parts.append(event.concern)
            case HandoverProposed():
                parts.append(event.handover)
            case HandoverSent():
                parts.append(event.handover)
                await set_deadline(conn, kind=HANDOVER_ANSWER, key=event.handover, due=event.respond_by)
                later = waiting.escalate_at(event.route or HandoverRoute(event.kind), event.respond_by)
                await set_deadline(conn, kind=HANDOVER_ESCALATION, key=event.handover, due=later)
                if event.consent is not None and event.receiver.service is not None:
                    told = Disclosure(
                        at=now,
                        way="handover",
                        service=event.receiver.service,
                        role=event.receiver.role,
                        organisation=event.receiver.organisation,
                        categories=event.package.categories,
                        consent=event.consent,
                        consent_version=event.consent_version,
                    )
                    await store.disclosed(conn, case, [told])
            case _:
                parts += await follow_kept(conn, event)
    for moment in [due for event in latest.events for due in moments_of_family(event, now)]:
        await set_deadline(conn, kind=moment.kind, key=moment.key, due=moment.due)
    parts += await follow_team(conn, latest.events, now)
    await ending_store.follow(conn, case, latest.state, latest.events, now, desk.rules)
    await store.index(conn, case, latest.state, parts)
    await follow_figures(conn, case, latest.state, latest.events, now)


def following(refs: Iterable[K], after: K | None) -> list[K]:
    """Return those of a case's references that come after `after`, by their letters: everything without one.

    A state is kept as JSON, which keeps no order of its own.
    """
    return sorted(ref for ref in refs if after is None or ref > after)


@dataclass(frozen=True)
class Looked:
    """A look that was allowed: what is shown, and the record of it."""

    state: CaseState
    """As the reader may know it."""
    version: int
    scope: LogScope
    permit: Permit


async def kept_back(desk: Desk, ctx: Context, conn: Connection, case: CaseRef, acting: Acting) -> frozenset[str]:
    """Return the texts of the vault that are not this guardian's to read, by name: words of what only the child decides over."""
    if acting.guardian is None:
        return frozenset()
    state = (await desk.journal.load(CASE, case, conn=conn)).state
    kept = kept_goals(state, acting, ctx.now)
    return frozenset(f"{words}{goal}" for goal in kept for words in (GOAL, STRENGTHS))


async def glance(desk: Desk, ctx: Context, located: Located, acting: Acting, action: Action) -> Looked:
    """Look at what has no content: judged on the present state and recorded, before anything is answered.

    Raises:
        DeniedError: after the denial was recorded.
    """
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, action)
            await record(desk, ctx, conn, looked, shown=frozenset())
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return looked


async def placed(desk: Desk, conn: Connection, state: CaseState, acting: Acting) -> CaseState:
    """Return the case by which `acting` is judged: of an address-protected one the vault says where things are, and no event does.

    What of it is the actor's is put where it is when the actor works in another unit now, as the events of an ordinary case would
    have it: the baton, an offer of it, the coordination, a report to child welfare, an emergency access. It grants nothing, and is
    shown to nobody; when nothing is elsewhere it is `state` itself.
    """
    case = state.case
    if not state.address_protected or case is None or state.stage is Stage.ERASED or acting.kind != "user":
        return state

    async def there(party: Party, kept: Awaitable[UnitId | None]) -> Party:
        unit = await kept
        return party if unit in {None, acting.unit} else party.model_copy(update={"unit": unit})

    holding, handover, around = state.holding, state.open_handover, state.around
    changed: dict[str, object] = {}
    if holding is not None and holding.party.actor == acting.actor:
        party = await there(holding.party, desk.records.place(conn, case))
        changed["holding"] = holding.model_copy(update={"party": party})
    if handover is not None and handover.receiver.actor == acting.actor:
        receiver = await there(handover.receiver, desk.records.destination(conn, case, handover.ref))
        moved = handover.model_copy(update={"receiver": receiver})
        changed["handovers"] = {**state.handovers, handover.ref: moved}
    if acting.actor in {one.actor for one in _coordinating(around)}:
        unit = await desk.records.coordinates_from(conn, case, acting.actor) or NOWHERE
        around = around if unit == acting.unit else _coordinated_from(around, acting.actor, unit)
    reports = dict(around.reports)
    for report, sent in around.reports.items():
        if sent.reporter.actor == acting.actor:
            reporter = await there(sent.reporter, desk.records.reported_from(conn, case, report))
            reports[report] = sent.model_copy(update={"reporter": reporter})
    changed["around"] = around.model_copy(update={"reports": reports})
    glasses = dict(state.glass)
    for ref, opened in state.glass.items():
        if opened.by.actor == acting.actor:
            by = await there(opened.by, desk.records.glass_unit(conn, case, ref))
            glasses[ref] = opened.model_copy(update={"by": by})
    changed["glass"] = glasses
    found = state.model_copy(update=changed)
    return state if found == state else found


def _coordinating(around: Around) -> list[Party]:
    plan = around.plan
    of_plan = [] if plan is None or plan.coordinator is None else [plan.coordinator]
    return [*(one.party for one in around.coordinators.values()), *of_plan]


def _coordinated_from(around: Around, actor: ActorId, unit: UnitId) -> Around:
    def moved(party: Party) -> Party:
        return party.model_copy(update={"unit": unit}) if party.actor == actor else party

    coordinators = {
        kind: one.model_copy(update={"party": moved(one.party)}) for kind, one in around.coordinators.items()
    }
    plans = {
        ref: one if one.coordinator is None else one.model_copy(update={"coordinator": moved(one.coordinator)})
        for ref, one in around.plans.items()
    }
    return around.model_copy(update={"coordinators": coordinators, "plans": plans})


def _refuse_unplaced(there: CaseState, denied: DeniedError) -> NoReturn:
    """Raise `denied`, or what can be done about it where it is only that nobody knows from where the case is coordinated."""
    if any(one.unit == NOWHERE for one in _coordinating(there.around)):
        raise CoordinatorUnplacedError from None
    raise denied


async def permit_there(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    state: CaseState,
    acting: Acting,
    action: Action,
    purpose: Purpose | None = None,
) -> Permit:
    """Return what `acting` may see when doing `action`, of an address-protected case by where it works too (`placed`).

    Raises:
        DeniedError: see `access.permit`.
    """
    permit = access.permit(state, action, acting, ctx.now, purpose)
    there = await placed(desk, conn, state, acting)
    if there is state:
        return permit
    try:
        return access.permit(there, action, acting, ctx.now, purpose)
    except DeniedError as denied:
        _refuse_unplaced(there, denied)


async def look(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    located: Located,
    acting: Acting,
    action: Action,
    purpose: Purpose | None = None,
) -> Looked:
    """Judge a look on the present state; in a transaction, with writers held off until its record is committed.

    Raises:
        DeniedError: the caller records it, outside this transaction (`deny`).
    """
    await store.await_writers(conn, located.case)
    loaded = await desk.journal.load(CASE, located.case, conn=conn)
    permit = await permit_there(desk, ctx, conn, loaded.state, acting, action, purpose)
    version = version_for(loaded.state, loaded.version, acting, ctx.now)
    return Looked(as_told(loaded.state, acting, ctx.now), version, loaded.scope or ctx.scope, permit)


async def record(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    looked: Looked,
    *,
    shown: frozenset[InformationCategory],
    documents: Sequence[DocumentRef] = (),
    kind: AccessKind = AccessKind.READ,
    purpose: Purpose | None = None,
    own: frozenset[InformationCategory] = frozenset(),
    not_for_guardians: bool = False,
) -> None:
    """Record that `shown` is about to be answered, in the transaction that was looked in (pasientjournalloven § 22 a).

    One record for each consent that it rests on, for the purpose that it covers; without a consent, for `purpose` or the usual one.
    What the unit recorded itself (`own`) it reads for its own task, whatever consent covers the rest.
    """
    entries, told = describe_look(
        desk,
        ctx,
        looked,
        shown=shown,
        documents=documents,
        own=own,
        kind=kind,
        purpose=purpose,
        not_for_guardians=not_for_guardians,
    )
    await desk.journal.record_access(replace(ctx, scope=looked.scope), entries, conn=conn)
    await note_look(conn, ctx, looked, shown, told)


async def note_look(
    conn: Connection,
    ctx: Context,
    looked: Looked,
    shown: frozenset[InformationCategory],
    told: Sequence[Disclosure],
) -> None:
    """Remember, beside the record, who outside the unit was told what, and what was looked at in an emergency."""
    if looked.state.case is not None:
        await store.disclosed(conn, looked.state.case, told)
    if looked.permit.glass is not None:
        await glass_store.looked(conn, looked.permit.glass.ref, ctx.now, shown)


def describe_look(
    desk: Desk,
    ctx: Context,
    looked: Looked,
    *,
    shown: frozenset[InformationCategory],
    documents: Sequence[DocumentRef] = (),
    own: frozenset[InformationCategory] = frozenset(),
    kind: AccessKind = AccessKind.READ,
    purpose: Purpose | None = None,
    not_for_guardians: bool = False,
) -> tuple[list[AccessRecorded], list[Disclosure]]:
    """Return the records of a look, one for each consent that it rests on, and who is told what by it; see `record`."""
    actor, state, permit = actor_of(ctx), looked.state, looked.permit
    purpose = permit.purpose if permit.consent is not None else purpose or permit.purpose
    if state.case is None:
        raise UnknownPartError
    actor_entry = actor.access_actor(address_protected=state.address_protected)
    entries: list[AccessRecorded] = []
    told: list[Disclosure] = []
    for ground in grounds(state, permit, shown, ctx.now):
        covered = purpose if purpose is None or not ground.purposes or purpose in ground.purposes else None
        entries.append(
            AccessRecorded(
                subject_ref=state.case,
                kind=kind if permit.glass is None else AccessKind.BREAK_GLASS,
                actor=actor_entry,
                case=state.case,
                categories=ground.categories,
                documents=tuple(documents),
                purpose=covered or min(ground.purposes, default=None),
                basis=desk.rules.basis(ground.basis or permit.basis, ctx.now),
                consent=ground.consent,
                consent_version=ground.version,
                permitted=True,
                reason=None if permit.glass is None else permit.glass.reason,
                address_protected=state.address_protected,
                valid_to=_shared_until(permit, ground),
                not_for_guardians=ground.not_for_guardians or not_for_guardians,
            )
        )
        outside = ground.consent is not None or ground.by_law
        if outside and actor.service is not None and ground.categories:
            told.append(
                Disclosure(
                    at=ctx.now,
                    way="read",
                    service=actor.service,
                    role=actor_entry.role,
                    organisation=actor_entry.organisation,
                    categories=ground.categories,
                    consent=ground.consent,
                    consent_version=ground.version,
                )
            )
    if own:
        entries.append(
            AccessRecorded(
                subject_ref=state.case,
                kind=kind,
                actor=actor_entry,
                case=state.case,
                categories=own,
                purpose=Purpose.FOLLOW_UP,
                basis=desk.rules.basis(OWN_TASK, ctx.now),
                permitted=True,
                address_protected=state.address_protected,
            )
        )
    return entries, told


def _shared_until(permit: Permit, ground: Ground) -> datetime | None:
    if permit.glass is not None:
        return permit.glass.until
    return None if ground.valid_to is None else start_of_day(ground.valid_to + timedelta(days=1))


async def record_listing(desk: Desk, ctx: Context, conn: Connection) -> None:
    """Record that the actor was shown a list, in the transaction that it was made in; what is on it is not content."""
    actor = actor_of(ctx)
    entry = AccessRecorded(subject_ref=actor.id, kind=AccessKind.LIST, actor=actor.access_actor(), permitted=True)
    await desk.journal.record_access(ctx, [entry], conn=conn)


async def deny(desk: Desk, ctx: Context, case: CaseRef, denied: DeniedError) -> NoReturn:
    """Record the denial in the case's log, and raise it. It commits by itself: what was refused has rolled back.

    Where a consent was given for something else, it says from whom one would have to come at the child's age (seed rule 106).

    Raises:
        DeniedError: always `denied`.
    """
    actor = actor_of(ctx)
    loaded = await desk.journal.load(CASE, case)
    entry = AccessRecorded(
        subject_ref=case,
        kind=AccessKind.DENY,
        actor=actor.access_actor(address_protected=loaded.state.address_protected),
        case=case,
        permitted=False,
        reason=denied.reason,
        address_protected=loaded.state.address_protected,
    )
    await desk.journal.record_access(replace(ctx, scope=loaded.scope or ctx.scope), [entry])
    if isinstance(denied, PurposeNotCoveredError) and denied.extensions[WHO]:
        async with desk.pool.acquire() as conn:
            await say_from_whom(conn, desk.records, desk.rules, case, loaded.state, denied, ctx.now)
    raise denied


def _shared(event: CaseEvent, ctx: Context, state: CaseState) -> list[AccessRecorded]:
    """Return the record of what a command lets somebody see: a handover out of the unit (seed rules 13, 18), broken glass."""
    if isinstance(event, BreakGlassOpened):
        # Nothing is shown yet, but that it was opened is for the guardians to know and for a leader to review.
        return [
            AccessRecorded(
                subject_ref=event.case,
                kind=AccessKind.BREAK_GLASS,
                actor=actor_of(ctx).access_actor(address_protected=state.address_protected),
                case=event.case,
                basis=event.basis,
                permitted=True,
                reason=event.reason,
                address_protected=state.address_protected,
                valid_to=event.until,
            )
        ]
    if not isinstance(event, HandoverSent) or event.consent is None or event.receiver.service is None:
        return []
    consent = state.consents.get(event.consent)
    purpose = Purpose.TRANSITION if event.coordination is None else Purpose.COORDINATION
    recipient = Recipient(
        service=event.receiver.service, role=event.receiver.role, organisation=event.receiver.organisation
    )
    return [
        AccessRecorded(
            subject_ref=event.case,
            kind=AccessKind.DISCLOSE,
            actor=actor_of(ctx).access_actor(address_protected=state.address_protected),
            case=event.case,
            categories=event.package.categories,
            documents=event.package.documents,
            purpose=purpose,
            basis=event.basis,
            consent=event.consent,
            consent_version=event.consent_version,
            recipients=(recipient,),
            permitted=True,
            address_protected=state.address_protected,
            valid_to=None if consent is None else start_of_day(consent.valid_to + timedelta(days=1)),
        )
    ]
