"""A municipality's year in records, as the services publish them, into a real log: ordinary work, and what a test plants in it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.audit.domain.entry import LogName
from services.audit.domain.pattern_policy import Policies
from services.audit.patterns.configuration import read_configuration
from services.audit.patterns.watch import Examiner
from services.audit.settings import AuditSettings
from shared.clock import SimulatedClock
from shared.contracts import EVENTS, cases
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.base import EventData
from shared.contracts.codes import GrantorClass, LegalBasis, Role, Scope, Service
from shared.db import Pool
from shared.envelope import describe, number, parse, seal
from shared.journal import Journal
from shared.merkle import EMPTY, Frontier, leaf_hash
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, UnitId
from shared.testing.ids import SeededIds
from tests.integration.audit_world import NOTODDEN, ORIGIN, World

MONDAY = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
"""Nine o'clock in Norway."""


@dataclass(frozen=True)
class Employee:
    """Somebody at work."""

    id: ActorId
    role: Role
    service: Service
    unit: UnitId

    @property
    def party(self) -> cases.Party:
        """As an event names them."""
        return cases.Party(actor=self.id, role=self.role, service=self.service, unit=self.unit)


@dataclass
class Child:
    """A case, and who works with it."""

    case: CaseRef
    holder: Employee
    leader: Employee
    consented: Employee | None = None


@dataclass(repr=False)
class Town:
    """Publishes as the cases service; every record is numbered as the relay does, and stands on the topic of its type."""

    seed: int = 1
    scope: str = NOTODDEN
    source: str = "/services/cases"
    now: datetime = MONDAY
    ids: SeededIds = field(init=False)
    chance: random.Random = field(init=False)
    head: Frontier = EMPTY
    children: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = SeededIds(self.seed)
        self.chance = random.Random(self.seed)

    def employee(self, role: Role, service: Service, unit: str) -> Employee:
        """Somebody new."""
        return Employee(ActorId(self.ids.ref("act")), role, service, UnitId(f"unit:{unit}"))

    def say(self, data: EventData, at: datetime | None = None, by: Employee | None = None) -> bytes:
        """Publish it, at that moment or a second after the last."""
        self.now = at if at is not None else self.now + timedelta(seconds=1)
        envelope = describe(
            data,
            event_id=self.ids.event_id(),
            source=self.source,
            happened=self.now,
            recorded=self.now,
            scope=LogScope(self.scope),
            correlation=self.ids.event_id(),
            authtype="user" if by is not None else "system",
            authid=None if by is None else by.id,
        )
        body = number(seal(data, envelope), self.head.size + 1)
        self.head = self.head.append([leaf_hash(body)])
        return body

    def look(
        self,
        who: Employee,
        child: Child | None,
        at: datetime | None = None,
        *,
        kind: AccessKind = AccessKind.READ,
        reason: str | None = None,
    ) -> bytes:
        """One look, permitted unless there is a reason against it."""
        denied = reason is not None
        record = AccessRecorded(
            subject_ref=child.case if child is not None else who.id,
            kind=AccessKind.DENY if denied else kind,
            actor=AccessActor(id=who.id, role=who.role, service=who.service, unit=who.unit),
            case=child.case if child is not None else None,
            permitted=not denied,
            reason=reason,
        )
        return self.say(record, at, by=who)

    def opens(self, holder: Employee, leader: Employee, consented: Employee | None = None) -> Iterator[bytes]:
        """A concern becomes a case; perhaps a consent is given for one service."""
        child = Child(CaseRef(self.ids.ref("cas")), holder, leader, consented)
        self.children.append(child)
        registered = cases.ConcernRegistered.model_validate(
            {
                "case": child.case,
                "concern": self.ids.ref("con"),
                "area": "learning",
                "for_whom": "child",
                "registered_by": holder.party,
                "act_by": self.now + timedelta(days=14),
                "guardians": 2,
            }
        )
        yield self.say(registered, by=holder)
        opened = cases.CaseOpened(
            case=child.case,
            level=1,
            mode=cases.Mode.ANONYMOUS,
            holder=holder.party,
            decide_by=self.now + timedelta(days=14),
        )
        yield self.say(opened, by=holder)
        if consented is not None:
            yield self.say(self.consent(child, consented.service))

    def consent(self, child: Child, service: Service) -> cases.ConsentGranted:
        """The last grant that was missing."""
        return cases.ConsentGranted(
            case=child.case,
            consent=ConsentRef(self.ids.ref("cst")),
            version=1,
            grantor=GrantorClass.GUARDIAN,
            ordinal=2,
            evidence=cases.EvidenceForm.E_ID,
            active=True,
            scope=Scope.model_validate({"services": [service], "categories": ["language"], "purposes": ["assessment"]}),
            valid_from=self.now.date(),
            valid_to=self.now.date() + timedelta(days=300),
        )

    def leaves(self, who: Employee, child: Child, to: Employee) -> bytes:
        """Somebody hands a baton over because of leaving."""
        sent = cases.HandoverSent.model_validate(
            {
                "case": child.case,
                "handover": self.ids.ref("hdo"),
                "kind": "staff-leaves",
                "sender": who.party,
                "receiver": to.party,
                "basis": LegalBasis(code="own-task", version="2026-01-01"),
                "package": {},
                "respond_by": self.now + timedelta(days=7),
            }
        )
        return self.say(sent, by=who)

    def ordinary_work(self, days: int = 10, children: int = 40, looks: int = 30) -> Iterator[bytes]:
        """Two barnehager and three services at work: looks in working hours by those who have to do with the child, and some refusals."""
        staff = {
            unit: [self.employee(Role.TEACHER, Service.BARNEHAGE, unit) for _ in range(5)]
            for unit in ("lia-barnehage", "haugen-barnehage")
        }
        leaders = {unit: self.employee(Role.LEADER, Service.BARNEHAGE, unit) for unit in staff}
        services = [
            self.employee(Role.PPT_ADVISER, Service.PPT, "ppt"),
            self.employee(Role.HEALTH_NURSE, Service.HELSESTASJON, "helsestasjon"),
            self.employee(Role.CHILD_WELFARE_OFFICER, Service.BARNEVERN, "barnevern"),
        ]
        for number_ in range(children):
            unit = sorted(staff)[number_ % 2]
            consented = self.chance.choice([None, *services])
            yield from self.opens(self.chance.choice(staff[unit]), leaders[unit], consented)
        day = self.now.replace(hour=MONDAY.hour, minute=0, second=0)
        for _ in range(days):
            day += timedelta(days=3 if day.weekday() == 4 else 1)
            for nth in range(looks):
                at = day + timedelta(minutes=12 * nth + self.chance.randrange(10))
                child = self.chance.choice(self.children)
                who = self.chance.choice([child.holder, child.holder, child.leader, child.consented or child.holder])
                yield self.look(who, child, at)
                if nth % 11 == 0:
                    yield self.look(child.holder, child, reason="not-in-table")
        self.now = day

    @property
    def evening(self) -> datetime:
        """Eleven at night in Norway, on the day that it is."""
        return self.now.replace(hour=21, minute=0)


async def feed(world: World, records: Iterable[bytes], batch: int = 50) -> None:
    """Take the records into the log, each from the topic of its type, in order."""
    waiting: list[tuple[str, bytes]] = []
    for body in records:
        topic = EVENTS[parse(body).envelope.type].TOPIC
        if waiting and (waiting[0][0] != topic or len(waiting) >= batch):
            await world.take(*(each for _, each in waiting), topic=waiting[0][0])
            waiting = []
        waiting.append((topic, body))
    if waiting:
        await world.take(*(each for _, each in waiting), topic=waiting[0][0])


def policies() -> Policies:
    """The shipped policy."""
    shipped = AuditSettings.model_fields
    return read_configuration(shipped["audit_patterns_file"].default, shipped["audit_municipalities_folder"].default)


def examiner(pool: Pool, clock: SimulatedClock, *, batch: int = 500, seed: int = 5) -> Examiner:
    """An instance that examines on this pool."""
    ids = SeededIds(seed)
    journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
    return Examiner(pool, journal, policies(), origin=ORIGIN, clock=clock, ids=ids, batch=batch)


async def examine_all(instance: Examiner, log: LogName = NOTODDEN) -> int:
    """Examine until nothing is left; return how many findings were raised."""
    raised = 0
    while log in await instance.behind():
        raised += (await instance.examine(log)).raised
    return raised


async def found(pool: Pool) -> list[tuple[object, ...]]:
    """Everything that is known of findings, in an order that does not depend on time."""
    rows = await pool.fetch(
        "SELECT f.log, f.pattern, f.subject, f.actor, f.status, f.first_position, f.last_position, f.entries, f.cases,"
        " array_agg(e.position ORDER BY e.position) FROM pattern_findings f JOIN pattern_finding_entries e USING (finding)"
        " GROUP BY f.finding ORDER BY f.log, f.pattern, f.first_position, f.finding"
    )
    return [tuple(row.values()) for row in rows]


class OwnBus:
    """What the audit service itself published, as the relay would send it on."""

    def __init__(self) -> None:
        self._sent = 0
        self._numbers: dict[str, int] = {}

    async def pump(self, pool: Pool, world: World) -> list[EventData]:
        """Take what is new in the outbox into the logs, and return it."""
        rows = await pool.fetch("SELECT id, scope, body FROM outbox WHERE id > $1 ORDER BY id", self._sent)
        records, events = [], []
        for row in rows:
            self._sent = row["id"]
            self._numbers[row["scope"]] = self._numbers.get(row["scope"], 0) + 1
            body = number(row["body"], self._numbers[row["scope"]])
            record = parse(body)
            records.append(body)
            events.append(EVENTS[record.envelope.type].model_validate_json(record.data))
        await feed(world, records)
        return events
