"""Invariant 11: the guardian's innsyn report has every real disclosure, and no denied or list-only one.

A machine lets everybody look at a case while consents come and go, and carries the records to the log as a bus does: late, twice, in
another order, in batches that begin anywhere. What was really seen is noted when it is seen, by what the rules let through; the
report is made of the log's leaves alone, at any moment, for a guardian, for the other one, for the child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.audit.domain.entry import Entry, Received, index_record
from services.audit.domain.intake import sort_out
from services.audit.innsyn.domain import Logged, RecipientKind, Right, count
from services.cases.domain import access, consent, glass, handover
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.shown import grounds
from services.cases.errors import CaseError, DeniedError
from shared.actor_names import ActorNames
from shared.clock import oslo_day
from shared.contracts.access import TOPIC, AccessActor, AccessKind, AccessRecorded, Recipient
from shared.contracts.cases import HandoverRoute, Package
from shared.contracts.codes import InformationCategory, LegalBasis, Purpose, Role, Scope, Service
from shared.contracts.safekeeping import GlassReason
from shared.envelope import number, parse, sealed
from shared.refs import ActorId, CaseRef, GlassRef, HandoverRef, LogScope, UnitId
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COLLEAGUE,
    CURIOUS,
    GLASS_RULES,
    NURSE,
    PPT,
    RULES,
    STRANGER,
    STYRER,
    TEACHER,
    THERE,
    Town,
    employee,
    guardian,
    party,
    scope,
)

NAMES: Final = ActorNames(b"a key for people of thirty-two b")
ASKING: Final = UUID("01234567-8901-7345-8789-012345678901")
LOG: Final = LogScope("4005")
HEALTH: Final = frozenset({InformationCategory.HEALTH})
CATEGORIES: Final = (InformationCategory.LANGUAGE, InformationCategory.HEALTH, InformationCategory.DEVELOPMENT)
FAMILY: Final = (guardian(1), guardian(2), CHILD)
PPT_THERE: Final = employee("pptthere", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt")).model_copy(
    update={"elsewhere": THERE}
)
"""Works in another municipality, in a unit of the same name as one here."""
PEOPLE: Final = (TEACHER, COLLEAGUE, STYRER, CURIOUS, PPT, NURSE, BARNEVERN, STRANGER, PPT_THERE, *FAMILY)
some_scope = st.sampled_from(
    [(Purpose.ASSESSMENT, None), (Purpose.TRANSITION, None), (Purpose.TRANSITION, THERE)]
).flatmap(
    lambda wanted: st.builds(
        Scope,
        services=st.frozensets(st.sampled_from((Service.PPT, Service.HELSESTASJON)), min_size=1),
        categories=st.frozensets(st.sampled_from(CATEGORIES), min_size=1),
        purposes=st.just(frozenset({wanted[0]})),
        municipality=st.just(wanted[1]),
    )
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What really happened, as the one who was there would tell it."""

    by: ActorId
    family: bool
    at: datetime
    categories: frozenset[InformationCategory]
    secret: bool
    """Telling the guardians would endanger the child."""
    emergency: bool = False
    """An emergency access is told of from its opening on, whatever was looked at by it."""


class InnsynMachine(RuleBasedStateMachine):
    """A case, those who look at it, the bus, and the log."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.other = Town(seed=2)
        self.sent: list[bytes] = []
        """Every record as published, in order."""
        self.seen: dict[UUID, Seen] = {}
        """By the event's id: each real disclosure of this case."""
        self.missing: list[int] = []
        """Which records the log has not been given yet."""
        self.log: list[Entry] = []

    @initialize(asked=some_scope)
    def begin(self, asked: Scope) -> None:
        self.town.lift()
        self.town.consented(asked)
        self.other.lift()

    # --- what happens -------------------------------------------------------------------------------------------------

    def publish(self, by: Acting, record: AccessRecorded, *, real: bool) -> None:
        """Publish a record, numbered once; note whether somebody really learned something by it."""
        event_id = self.town.ids.event_id()
        body = sealed(
            record,
            event_id=event_id,
            source="/services/cases",
            happened=self.town.now,
            recorded=self.town.now,
            scope=LOG,
            correlation=self.town.ids.event_id(),
            authtype="user",
            authid=by.actor,
        )
        self.sent.append(number(body, len(self.sent) + 1))
        self.missing.append(len(self.sent) - 1)
        if real and record.case == self.town.case:
            self.seen[event_id] = Seen(
                by=by.actor,
                family=by in FAMILY,
                at=self.town.now,
                categories=record.categories,
                secret=record.not_for_guardians,
                emergency=record.kind is AccessKind.BREAK_GLASS,
            )

    def record(self, town: Town, by: Acting, kind: AccessKind, **more: object) -> AccessRecorded:
        """Return a record of a look at a case."""
        role = by.role or (Role.CHILD if by.child else Role.GUARDIAN)
        actor = AccessActor(id=by.actor, role=role, service=by.service, unit=by.unit, organisation=by.organisation)
        begun = {"subject_ref": town.case, "case": town.case, "kind": kind, "actor": actor, "permitted": True}
        return AccessRecorded.model_validate(begun | more)

    @rule(hours=st.integers(min_value=1, max_value=24 * 60))
    def time_passes(self, hours: int) -> None:
        self.town.later(hours=hours)

    @rule(asked=some_scope)
    def consent_to_more(self, asked: Scope) -> None:
        self.town.consented(asked)

    @rule(which=st.integers(min_value=0, max_value=3))
    def withdraw(self, which: int) -> None:
        """What was seen before stays seen: the report is of what happened, not of what may happen."""
        refs = list(self.town.state.consents)
        try:
            self.town.withdraw(refs[-1 - which % len(refs)], consent.Part())
        except CaseError:
            return

    @rule(
        by=st.sampled_from(PEOPLE),
        kind=st.sampled_from((AccessKind.READ, AccessKind.EXPORT, AccessKind.PRINT)),
        looked_for=st.none() | st.sampled_from((Purpose.ASSESSMENT, Purpose.TRANSITION)),
    )
    def look(self, by: Acting, kind: AccessKind, looked_for: Purpose | None) -> None:
        """Somebody looks at what there is of the child: it is shown what the rules let through, and a refusal shows nothing."""
        self.looked(by, kind, looked_for)

    def looked(self, by: Acting, kind: AccessKind, looked_for: Purpose | None) -> None:
        """Let somebody look, and publish what is recorded of it."""
        state, now = self.town.state, self.town.now
        # To whom the case is offered reads the form, and no more.
        action = Action.READ_FORM if by is PPT_THERE else Action.READ_CHILD
        try:
            permit = access.permit(state, action, by, now, looked_for)
        except DeniedError as denied:
            refused = self.record(self.town, by, AccessKind.DENY, permitted=False, reason=denied.reason)
            self.publish(by, refused, real=False)
            return
        divided = grounds(state, permit, permit.categories, now)
        assert frozenset[InformationCategory]().union(*(one.categories for one in divided)) == permit.categories
        consents = [state.consents[one.consent] for one in divided if one.consent is not None]
        assert {one.scope.municipality for one in consents} <= {by.elsewhere}, "by consents for where they work"
        for ground in divided:
            by_glass = permit.glass is not None
            shown = self.record(
                self.town,
                by,
                AccessKind.BREAK_GLASS if by_glass else kind,
                categories=ground.categories,
                purpose=permit.purpose,
                basis=RULES.basis(ground.basis or permit.basis, now),
                consent=ground.consent,
                consent_version=ground.version,
            )
            self.publish(by, shown, real=bool(ground.categories) or by_glass)

    @rule(by=st.sampled_from((TEACHER, STYRER, NURSE, guardian(1))), listed=st.booleans())
    def see_that_there_is_one(self, by: Acting, listed: bool) -> None:
        """A list, or how the case stands: nothing of the child was told by it."""
        kind = AccessKind.LIST if listed else AccessKind.READ
        self.publish(by, self.record(self.town, by, kind, basis=OWN_TASK), real=False)

    @rule(by=st.sampled_from((TEACHER, NURSE)), forbidden=st.booleans())
    def what_is_no_look(self, by: Acting, forbidden: bool) -> None:
        """Writing tells nobody anything; a denied look names what was asked for, and is none."""
        if forbidden:
            asked = self.record(
                self.town, by, AccessKind.READ, permitted=False, reason="no-relation", categories=HEALTH
            )
            self.publish(by, asked, real=False)
        else:
            self.publish(by, self.record(self.town, by, AccessKind.WRITE, categories=HEALTH), real=False)

    @rule(by=st.sampled_from((TEACHER, PPT)))
    def look_at_another_childs_case(self, by: Acting) -> None:
        seen = self.record(self.other, by, AccessKind.READ, categories=HEALTH, basis=OWN_TASK)
        self.publish(by, seen, real=False)

    @precondition(lambda self: self.town.state.open_handover is None)
    @rule(of=st.frozensets(st.sampled_from(CATEGORIES), min_size=1))
    def offer_it_there(self, of: frozenset[InformationCategory]) -> None:
        """The child moves: the baton is offered where it moves to, on a consent to services there, and it is looked at there."""
        self.town.consented(scope((Service.PPT,), sorted(of), (Purpose.TRANSITION,), THERE))
        command = handover.SendHandover(
            by=TEACHER,
            handover=HandoverRef(self.town.ids.ref("hdo")),
            kind=HandoverRoute.MUNICIPALITY,
            receiver=party(PPT_THERE),
            package=Package(categories=of),
            to_municipality=THERE,
        )
        self.town.take(handover.decide_send(self.town.state, command, self.town.now, RULES))
        self.looked(PPT_THERE, AccessKind.READ, None)

    @rule(secret=st.booleans(), of=st.frozensets(st.sampled_from(CATEGORIES), min_size=1))
    def tell_somebody_else(self, secret: bool, of: frozenset[InformationCategory]) -> None:
        """A handover, or a report to child welfare: the receiver is told, and perhaps the guardians must not know."""
        to = Recipient(service=Service.BARNEVERN if secret else Service.PPT)
        told = self.record(
            self.town,
            TEACHER,
            AccessKind.DISCLOSE,
            categories=of,
            recipients=[to],
            basis=OWN_TASK,
            not_for_guardians=secret,
        )
        self.publish(TEACHER, told, real=True)

    @rule(by=st.sampled_from((NURSE, BARNEVERN)))
    def break_glass(self, by: Acting) -> None:
        ref = GlassRef(self.town.ids.ref("brk"))
        command = glass.BreakGlass(by=by, glass=ref, reason=GlassReason.DANGER_TO_LIFE, categories=HEALTH, hours=2)
        try:
            [opened] = self.town.take(glass.decide_open(self.town.state, command, self.town.now, RULES, GLASS_RULES))
        except CaseError:
            return
        said = self.record(self.town, by, AccessKind.BREAK_GLASS, reason=GlassReason.DANGER_TO_LIFE)
        assert opened.subject == said.case
        self.publish(by, said, real=True)

    # --- the bus ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.missing)
    @rule(order=st.randoms(use_true_random=False), most=st.integers(min_value=1, max_value=8))
    def deliver_some_in_any_order(self, order, most: int) -> None:  # type: ignore[no-untyped-def]
        batch = order.sample(self.missing, min(most, len(self.missing)))
        self.deliver(batch)

    @precondition(lambda self: self.sent)
    @rule(again=st.lists(st.integers(min_value=0, max_value=200), min_size=1, max_size=6))
    def deliver_again(self, again: Sequence[int]) -> None:
        """At least once is what a bus promises: the same bytes come again, in one batch too, before or after the first time."""
        self.deliver([one % len(self.sent) for one in again])

    def deliver(self, batch: Sequence[int]) -> None:
        """Give the log these records, as one batch."""
        entries = [index_record(Received(TOPIC, 0, place, self.sent[place])) for place in batch]
        known: dict[tuple[str, str], set[bytes]] = {}
        for entry in self.log:
            known.setdefault((str(entry.source), str(entry.event_id)), set()).add(entry.hash)
        held = {(str(entry.source), entry.number) for entry in self.log if entry.number is not None}
        intake = sort_out(entries, len(self.log), known, held)
        assert intake.findings == (), "what came twice, or late, is no contradiction"
        self.log += intake.entries
        self.missing = [one for one in self.missing if one not in set(batch)]

    # --- the report ---------------------------------------------------------------------------------------------------

    def logged(self) -> list[tuple[UUID, Logged]]:
        """Return the case's access records, from the log's leaves alone."""
        of_case = [(place, one) for place, one in enumerate(self.log) if one.case == self.town.case]
        found = []
        for place, one in of_case:
            record = parse(one.leaf)
            read = AccessRecorded.model_validate_json(record.data)
            entry = Logged(
                position=place,
                source=record.envelope.source,
                happened=record.envelope.time,
                correlation=record.envelope.correlationid,
                access=read,
                veiled=frozenset({NAMES.veiled(read.actor.id, ASKING)}),
            )
            found.append((record.envelope.id, entry))
        return found

    def right(self, who: Acting, withheld: frozenset[InformationCategory]) -> Right:
        """Return what the report may tell one of the family."""
        relation: Literal["guardian", "child"] = "child" if who.child else "guardian"
        others = [] if who.child else [one for one in FAMILY if one != who]
        return Right(
            case=CaseRef(self.town.case),
            actor=who.actor,
            relation=relation,
            log=LOG,
            address_protected=False,
            asking=ASKING,
            left_out=frozenset(NAMES.veiled(one.actor, ASKING) for one in others),
            withheld=withheld,
            basis=LegalBasis(code="parental-responsibility", version="2018-07-20"),
            language=None,
        )

    @invariant()
    def the_report_is_of_every_real_disclosure_that_has_arrived_and_of_nothing_else(self) -> None:
        entries = self.logged()
        for who, withheld in ((guardian(1), frozenset()), (guardian(2), HEALTH), (CHILD, frozenset())):
            found = count([entry for _, entry in entries], self.right(who, withheld))
            told = [position for row in found.rows for position in row.positions]
            assert len(told) == len(set(told)), "an entry is told once, however often it came"
            expected = {entry.position for ref, entry in entries if self.is_for(who, withheld, ref)}
            assert set(told) == expected
            by_position = {entry.position: self.seen[ref] for ref, entry in entries if ref in self.seen}
            for row in found.rows:
                behind = [by_position[position] for position in row.positions]
                every = frozenset[InformationCategory]().union(*(one.categories for one in behind))
                assert set(row.categories) == every - withheld
                assert {oslo_day(one.at) for one in behind} == {row.day}
                if row.recipient.kind is RecipientKind.YOU:
                    assert {one.by for one in behind} == {who.actor}

    def is_for(self, who: Acting, withheld: frozenset[InformationCategory], ref: UUID) -> bool:
        """Return whether the oracle has this event in the report of `who`."""
        one = self.seen.get(ref)
        if one is None:
            return False
        if not who.child and (one.secret or (one.family and one.by != who.actor)):
            return False
        return (one.emergency and not one.categories) or bool(one.categories - withheld)

    def teardown(self) -> None:
        """When all has arrived, in whatever order, nothing that was really seen is missing."""
        while self.missing:
            self.deliver(self.missing[-3:])
        self.the_report_is_of_every_real_disclosure_that_has_arrived_and_of_nothing_else()
        arrived = {ref for ref, _ in self.logged()}
        assert set(self.seen) <= arrived
        assert len(self.log) == len(self.sent), "each once"


OWN_TASK: Final = LegalBasis(code="own-task", version="2018-07-20")
TestCase = pytest.mark.story(22)(InnsynMachine.TestCase)
TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
