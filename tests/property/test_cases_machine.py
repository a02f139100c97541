"""A case under any interleaving of what anybody may try: the invariants of `services.cases`, against oracles of their own.

The machine tries commands by anybody at any time; a refusal changes nothing. What the state says is compared with what a naive
reading of the whole history says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from typing import Final, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain import (
    access,
    consent,
    consent_ending,
    course,
    form_times,
    forms,
    handover,
    insight,
    measures,
    override,
    overview,
    reassessment,
    renewal,
    waiting,
)
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.kinds import Place, fitting
from services.cases.domain.state import OPEN_HANDOVER, CaseState, ConsentStatus, Stage
from services.cases.domain.told import as_told
from services.cases.errors import CaseError, DeniedError, NotPermittedError
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.cases import (
    CaseClosed,
    CaseOpened,
    CaseReopened,
    ChildHeardBy,
    ConcernRegistered,
    ConcernResolvedLocally,
    ConsentConfirmed,
    ConsentEvent,
    ConsentExpired,
    ConsentGranted,
    ConsentNarrowed,
    ConsentOverridden,
    ConsentOverrideEnded,
    ConsentReassessmentDue,
    ConsentReceiptMissing,
    ConsentSuspended,
    ConsentWithdrawn,
    CoordinatorKind,
    Effect,
    EvaluationOutcome,
    EvidenceForm,
    HandoverAccepted,
    HandoverRoute,
    HandoverSent,
    MeasureEvaluated,
    MeasurePlanned,
    Mode,
    NotHeardReason,
    OverrideReason,
    Package,
    ReassessmentReason,
    TransitionFormApproved,
    TransitionFormDrafted,
    TransitionFormSent,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.contracts.transition_forms import (
    TransitionFormApprovalWaits,
    TransitionFormDue,
    TransitionFormOverdue,
)
from shared.refs import (
    ActorId,
    ChildViewRef,
    ConsentRef,
    DocumentRef,
    FormRef,
    GoalRef,
    HandoverRef,
    MeasureRef,
    OverrideRef,
)
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COLLEAGUE,
    CONTACT_TEACHER,
    EMPLOYEES,
    NURSE,
    PPT,
    RULES,
    STYRER,
    TEACHER,
    Town,
    guardian,
    party,
)

SERVICES: Final = (Service.PPT, Service.HELSESTASJON, Service.SKOLE, Service.BARNEVERN)
CATEGORIES: Final = (InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE, InformationCategory.HEALTH)
OVERRIDDEN: Final = Scope(
    services=frozenset({Service.BARNEVERN}),
    categories=frozenset({InformationCategory.HEALTH}),
    purposes=frozenset({Purpose.ASSESSMENT}),
)
PURPOSES: Final = (Purpose.ASSESSMENT, Purpose.TRANSITION)
ELEVEN_DIGITS: Final = re.compile(r"(?<!\d)\d{11}(?!\d)")

some_scope = st.builds(
    Scope,
    services=st.frozensets(st.sampled_from(SERVICES), min_size=1),
    categories=st.frozensets(st.sampled_from(CATEGORIES), min_size=1),
    purposes=st.frozensets(st.sampled_from(PURPOSES), min_size=1),
)
broad_scope = st.builds(
    Scope,
    services=st.frozensets(st.sampled_from(SERVICES), min_size=3),
    categories=st.frozensets(st.sampled_from(CATEGORIES), min_size=2),
    purposes=st.just(frozenset(PURPOSES)),
)
"""Wide enough that handovers and forms have a chance."""
anybody = st.one_of(st.none(), st.sampled_from((*EMPLOYEES, guardian(1), guardian(2), guardian(3))))
"""Who tries; none is the holder at that moment, so that half of the attempts have a chance."""
pick = st.integers(min_value=0, max_value=3)
part_withdrawn = st.sampled_from(
    [
        consent.Part(),
        *(consent.Part(services=frozenset({service})) for service in SERVICES),
        *(consent.Part(categories=frozenset({category})) for category in CATEGORIES),
        *(consent.Part(purposes=frozenset({purpose})) for purpose in PURPOSES),
        consent.Part(services=frozenset({Service.PPT}), categories=frozenset({InformationCategory.HEALTH})),
    ]
)


R = TypeVar("R", bound=str)


def cells(scope: Scope) -> set[tuple[Service, InformationCategory, Purpose]]:
    """Return everything that a scope holds, one by one."""
    return set(product(scope.services, scope.categories, scope.purposes))


class CaseMachine(RuleBasedStateMachine):
    """One case, everybody's attempts, and the whole history."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.refused: list[str] = []

    # --- attempts -----------------------------------------------------------------------------------------------------

    def attempt(self, decide: Callable[[CaseState], Sequence[EventData]]) -> None:
        """Try; a refusal has a code and changes nothing."""
        try:
            self.town.take(decide(self.town.state))
        except CaseError as refused:
            self.refused.append(refused.code)

    def try_on(
        self, parts: Mapping[R, object], which: int, decide: Callable[[CaseState, R], Sequence[EventData]]
    ) -> None:
        """Try on one of the parts there are, if there is any."""
        known = list(parts)
        if known:
            self.attempt(lambda state: decide(state, known[-1 - which % len(known)]))

    @initialize(asked=broad_scope)
    def begin(self, asked: Scope) -> None:
        """An open case with a consent; how a case begins has tests of its own."""
        self.town.lift()
        self.town.consented(asked)

    def who(self, by: Acting | None) -> Acting:
        """Return who tries."""
        return by or self.town.holder()

    @rule(hours=st.integers(min_value=1, max_value=24 * 45))
    def time_passes(self, hours: int) -> None:
        self.town.later(hours=hours)

    @rule(by=anybody)
    def hear(self, by: Acting | None) -> None:
        command = course.RecordChildView(
            by=self.who(by),
            view=ChildViewRef(self.town.ids.ref("cvw")),
            method=ChildHeardBy.CONVERSATION,
            before="consent",
        )
        self.attempt(lambda state: course.decide_child_view(state, command, self.town.now))

    @rule(by=anybody, asked=some_scope, days=st.integers(min_value=-2, max_value=200))
    def ask(self, by: Acting | None, asked: Scope, days: int) -> None:
        command = consent.RequestConsent(
            by=self.who(by),
            consent=ConsentRef(self.town.ids.ref("cst")),
            scope=asked,
            valid_to=oslo_day(self.town.now) + timedelta(days=days),
            needed={GrantorClass.GUARDIAN: 2},
            languages=frozenset({"nb"}),
        )
        self.attempt(lambda state: consent.decide_request(state, command, self.town.now, RULES))

    @precondition(lambda self: self.town.state.stage is Stage.OPEN)
    @rule(asked=some_scope)
    def consented(self, asked: Scope) -> None:
        self.town.consented(asked)

    @rule(by=anybody, which=pick, ordinal=st.sampled_from([None, 1, 2, 3]), yes=st.booleans())
    def answer(self, by: Acting | None, which: int, ordinal: int | None, yes: bool) -> None:
        def decide(state: CaseState, ref: ConsentRef) -> Sequence[EventData]:
            given = consent.Answer(
                by=self.who(by), consent=ref, ordinal=ordinal, evidence=EvidenceForm.ORAL_MINUTED, has_note=True
            )
            if yes:
                return consent.decide_grant(state, given, self.town.now, RULES)
            return consent.decide_refuse(state, given, self.town.now)

        self.try_on(self.town.state.consents, which, decide)

    @rule(by=st.sampled_from((guardian(1), guardian(2), TEACHER, NURSE)), which=pick, part=part_withdrawn)
    def withdraw(self, by: Acting, which: int, part: consent.Part) -> None:
        def decide(state: CaseState, ref: ConsentRef) -> Sequence[EventData]:
            command = consent.WithdrawConsent(
                by=by, consent=ref, ordinal=1, evidence=EvidenceForm.WRITTEN, has_note=True, part=part
            )
            return consent.decide_withdraw(state, command, self.town.now)

        self.try_on(self.town.state.consents, which, decide)

    @precondition(lambda self: self.town.state.open_handover is not None)
    @rule(by=st.sampled_from((guardian(1), guardian(2))), part=part_withdrawn)
    def withdraw_while_a_handover_waits(self, by: Acting, part: consent.Part) -> None:
        waiting = self.town.state.open_handover
        assert waiting is not None
        ref = waiting.consent
        if ref is not None:
            command = consent.WithdrawConsent(by=by, consent=ref, part=part)
            self.attempt(lambda state: consent.decide_withdraw(state, command, self.town.now))

    @rule(by=anybody, which=pick, days=st.integers(min_value=-2, max_value=200))
    def renew(self, by: Acting | None, which: int, days: int) -> None:
        def decide(state: CaseState, ref: ConsentRef) -> Sequence[EventData]:
            command = renewal.RenewConsent(
                by=self.who(by),
                consent=ref,
                valid_to=state.consents[ref].valid_to + timedelta(days=days),
                needed={GrantorClass.GUARDIAN: 2},
                guardians=frozenset({1, 2}),
                languages=frozenset({"nb"}),
                answer_by=self.town.now + timedelta(days=28),
            )
            return renewal.decide_renew(state, command, self.town.now)

        self.try_on(self.town.state.consents, which, decide)

    @rule(
        reason=st.sampled_from(ReassessmentReason),
        needed=st.sampled_from(
            [
                {GrantorClass.GUARDIAN: 2},
                {GrantorClass.GUARDIAN: 1},
                {GrantorClass.GUARDIAN: 2, GrantorClass.CHILD: 1},
                {GrantorClass.CHILD: 1},
            ]
        ),
        guardians=st.sampled_from([frozenset({1, 2}), frozenset({1}), frozenset({2, 3})]),
    )
    def ask_anew_who_may_consent(
        self, reason: ReassessmentReason, needed: dict[GrantorClass, int], guardians: frozenset[int]
    ) -> None:
        state = self.town.state
        command = reassessment.Reassess(
            reason=reason,
            needed={one.ref: needed for one in reassessment.concerned(state)},
            guardians=guardians,
        )
        self.attempt(lambda now_state: reassessment.decide_reassess(now_state, command, self.town.now, RULES))

    @rule(which=pick, yes=st.booleans())
    def the_child_answers(self, which: int, yes: bool) -> None:
        def decide(state: CaseState, ref: ConsentRef) -> Sequence[EventData]:
            given = consent.Answer(by=CHILD, consent=ref)
            if yes:
                return consent.decide_grant(state, given, self.town.now, RULES)
            return consent.decide_refuse(state, given, self.town.now)

        self.try_on(self.town.state.consents, which, decide)

    @rule(by=st.sampled_from((TEACHER, NURSE, STYRER)), which=pick, yes=st.booleans())
    def share_by_law(self, by: Acting, which: int, yes: bool) -> None:
        command = override.OverrideConfidentiality(
            by=by,
            override=OverrideRef(self.town.ids.ref("ovr")),
            section="bvl-13-2",
            reason=OverrideReason.NEGLECT_OR_ABUSE,
            scope=OVERRIDDEN,
            valid_to=oslo_day(self.town.now) + timedelta(days=20),
            review_by=self.town.now + timedelta(days=10),
            not_heard=None if yes else NotHeardReason.DANGER_IN_DELAY,
        )
        self.attempt(lambda state: override.decide_override(state, command, self.town.now, RULES))
        self.try_on(
            self.town.state.overrides,
            which,
            lambda state, ref: override.decide_review(
                state, override.ReviewOverride(by=STYRER, override=ref, justified=yes), self.town.now
            ),
        )

    @rule(which=pick)
    def times_are_out(self, which: int) -> None:
        now = self.town.now
        consents, overrides = self.town.state.consents, self.town.state.overrides
        self.try_on(consents, which, lambda state, ref: consent_ending.decide_lapse(state, ref, now))
        self.try_on(consents, which, lambda state, ref: reassessment.decide_suspend(state, ref, now))
        self.try_on(consents, which, lambda state, ref: consent_ending.decide_warn(state, ref, now, RULES))
        self.try_on(overrides, which, lambda state, ref: override.decide_review_overdue(state, ref, now))
        self.try_on(overrides, which, lambda state, ref: override.decide_override_end(state, ref, now))

    @rule(which=pick)
    def deadline_of_a_consent(self, which: int) -> None:
        self.try_on(
            self.town.state.consents, which, lambda state, ref: consent_ending.decide_expire(state, ref, self.town.now)
        )

    @rule(by=anybody, owner=st.sampled_from((*SERVICES, Service.BARNEHAGE)), code=st.sampled_from(("art", "pmto")))
    def plan(self, by: Acting | None, owner: Service, code: str) -> None:
        what = measures.NewMeasure(
            measure=MeasureRef(self.town.ids.ref("mea")),
            goal=GoalRef(self.town.ids.ref("goa")),
            code=code,
            owner=owner,
            indicator="seen",
            evaluate_by=self.town.now + timedelta(days=30),
        )
        self.attempt(
            lambda state: measures.decide_plan(
                state, measures.PlanMeasure(by=self.who(by), what=what), self.town.now, RULES
            )
        )

    @rule(
        which=pick,
        by=anybody,
        effect=st.sampled_from(Effect),
        outcome=st.sampled_from(EvaluationOutcome),
    )
    def evaluate(self, which: int, by: Acting | None, effect: Effect, outcome: EvaluationOutcome) -> None:
        self.try_on(
            self.town.state.measures,
            which,
            lambda state, ref: measures.decide_evaluate(
                state,
                measures.EvaluateMeasure(
                    by=self.who(by),
                    measure=ref,
                    effect=effect,
                    outcome=outcome,
                    evaluate_by=self.town.now + timedelta(days=30),
                ),
                self.town.now,
                RULES,
            ),
        )

    @rule(
        by=anybody,
        receiver=st.sampled_from((COLLEAGUE, TEACHER, STYRER, CONTACT_TEACHER, PPT, BARNEVERN)),
        categories=st.frozensets(st.sampled_from(CATEGORIES)),
        kind=st.one_of(st.none(), st.sampled_from(HandoverRoute)),
        away=st.booleans(),
        draft=st.booleans(),
    )
    def send(
        self,
        by: Acting | None,
        receiver: Acting,
        categories: frozenset[InformationCategory],
        kind: HandoverRoute | None,
        away: bool,
        draft: bool,
    ) -> None:
        """Send, or draft, by anybody: the kind that leads there (none), or whichever."""
        holder = self.town.holder()
        same = receiver.unit == holder.unit
        right = fitting(holder.service, receiver.service, Place.SAME_UNIT if same else Place.OTHER_UNIT)
        command = handover.SendHandover(
            by=self.who(by),
            handover=HandoverRef(self.town.ids.ref("hdo")),
            kind=kind or right,
            receiver=party(receiver),
            package=Package(categories=categories),
            holder_away=away,
        )
        if draft:
            self.attempt(lambda state: handover.decide_propose(state, command, self.town.now, RULES))
        else:
            self.attempt(lambda state: handover.decide_send(state, command, self.town.now, RULES))

    @rule(by=anybody, which=pick)
    def send_what_was_drafted(self, by: Acting | None, which: int) -> None:
        def decide(state: CaseState, ref: HandoverRef) -> Sequence[EventData]:
            draft = state.handovers[ref]
            command = handover.SendHandover(
                by=self.who(by), handover=ref, kind=draft.way, receiver=draft.receiver, package=draft.package
            )
            return handover.decide_send_proposed(state, command, self.town.now, RULES)

        self.try_on(self.town.state.handovers, which, decide)

    @precondition(lambda self: self.town.state.open_handover is not None)
    @rule()
    def what_waits_is_sent_once_more_and_answered_late(self) -> None:
        """Duplicates and stragglers: the command that made it, again, and an answer of somebody who had it before."""
        waits = self.town.state.open_handover
        assert waits is not None
        again = handover.SendHandover(
            by=self.town.holder(), handover=waits.ref, kind=waits.way, receiver=waits.receiver, package=waits.package
        )
        self.attempt(lambda state: handover.decide_send(state, again, self.town.now, RULES))
        self.attempt(lambda state: handover.decide_send_proposed(state, again, self.town.now, RULES))

    @rule(leaver=st.sampled_from((TEACHER, COLLEAGUE, CONTACT_TEACHER, PPT)))
    def somebody_is_gone(self, leaver: Acting) -> None:
        unit = leaver.unit
        assert unit is not None
        self.attempt(lambda state: waiting.decide_receiver_gone(state, leaver.actor, unit))

    @rule(by=anybody, which=pick, no=st.booleans())
    def answer_handover(self, by: Acting | None, which: int, no: bool) -> None:
        def decide(state: CaseState, ref: HandoverRef) -> Sequence[EventData]:
            command = handover.AnswerHandover(by=self.who(by), handover=ref, reject="capacity" if no else None)
            return handover.decide_answer(state, command, self.town.now)

        self.try_on(self.town.state.handovers, which, decide)

    @precondition(lambda self: self.town.state.open_handover is not None)
    @rule()
    def the_receiver_accepts(self) -> None:
        waiting = self.town.state.open_handover
        assert waiting is not None
        by = next(one for one in EMPLOYEES if one.actor == waiting.receiver.actor)
        command = handover.AnswerHandover(by=self.who(by), handover=waiting.ref)
        self.attempt(lambda state: handover.decide_answer(state, command, self.town.now))

    @rule(by=anybody, which=pick)
    def take_back(self, by: Acting | None, which: int) -> None:
        self.try_on(
            self.town.state.handovers,
            which,
            lambda state, ref: handover.decide_withdraw(
                state, handover.WithdrawHandover(by=self.who(by), handover=ref), self.town.now
            ),
        )

    @rule(by=anybody, which=pick)
    def open_or_let_lie(self, by: Acting | None, which: int) -> None:
        self.try_on(
            self.town.state.handovers,
            which,
            lambda state, ref: [
                *handover.decide_receive(state, ref, self.who(by).actor),
                *waiting.decide_overdue(state, ref, self.town.now),
            ],
        )
        self.try_on(
            self.town.state.handovers, which, lambda state, ref: waiting.decide_escalate(state, ref, self.town.now)
        )

    @rule(by=anybody, which=pick)
    def open_the_documents(self, by: Acting | None, which: int) -> None:
        self.try_on(
            self.town.state.handovers,
            which,
            lambda state, ref: handover.decide_receive(
                state, ref, self.who(by).actor, state.handovers[ref].package.documents
            ),
        )

    @rule(by=anybody, categories=st.frozensets(st.sampled_from(CATEGORIES), min_size=1), which=pick, new=st.booleans())
    def write_form(self, by: Acting | None, categories: frozenset[InformationCategory], which: int, new: bool) -> None:
        document = DocumentRef(self.town.ids.ref("doc"))
        if new:
            draft = forms.DraftForm(
                by=self.town.holder(),
                form=FormRef(self.town.ids.ref("frm")),
                document=document,
                form_type="barnehage-to-school",
                school_start=2027,
                categories=categories,
            )
            self.attempt(lambda state: forms.decide_draft(state, draft, self.town.now))
        self.try_on(
            self.town.state.forms,
            which,
            lambda state, ref: forms.decide_revise(
                state,
                forms.ReviseForm(by=self.who(by), form=ref, document=document, categories=categories),
                self.town.now,
            ),
        )

    @rule(by=st.sampled_from((guardian(1), guardian(2), TEACHER)), which=pick, behind=st.sampled_from((0, 0, 0, 1)))
    def approve(self, by: Acting, which: int, behind: int) -> None:
        def decide(state: CaseState, ref: FormRef) -> Sequence[EventData]:
            command = forms.ApproveForm(
                by=by,
                form=ref,
                version=state.forms[ref].version - behind,
                ordinal=2,
                evidence=EvidenceForm.WRITTEN,
                has_note=True,
            )
            return forms.decide_approve(state, command, self.town.now)

        self.try_on(self.town.state.forms, which, decide)

    @rule(which=pick, receiver=st.sampled_from((CONTACT_TEACHER, PPT)))
    def send_form(self, which: int, receiver: Acting) -> None:
        self.attempt_to_send(which, receiver)

    def attempt_to_send(self, which: int, receiver: Acting) -> None:
        """Send one of the forms, as the holder."""
        self.try_on(
            self.town.state.forms,
            which,
            lambda state, ref: forms.decide_send_form(
                state,
                forms.SendForm(
                    by=self.town.holder(),
                    form=ref,
                    handover=HandoverRef(self.town.ids.ref("hdo")),
                    receiver=party(receiver),
                ),
                self.town.now,
                RULES,
            ),
        )

    @precondition(lambda self: self.town.state.stage is Stage.OPEN)
    @rule(category=st.sampled_from(CATEGORIES))
    def a_form_on_its_way(self, category: InformationCategory) -> None:
        """Written, approved by both, and sent if a consent covers the school: what other attempts then interfere with."""
        form = FormRef(self.town.ids.ref("frm"))
        draft = forms.DraftForm(
            by=self.town.holder(),
            form=form,
            document=DocumentRef(self.town.ids.ref("doc")),
            form_type="barnehage-to-school",
            school_start=2027,
            categories=frozenset({category}),
        )
        self.town.take(forms.decide_draft(self.town.state, draft, self.town.now))
        for by in (guardian(1), guardian(2)):
            approval = forms.ApproveForm(by=by, form=form, version=1)
            self.town.take(forms.decide_approve(self.town.state, approval, self.town.now))
        self.attempt_to_send(0, CONTACT_TEACHER)

    @rule(which=pick, behind=st.sampled_from((0, 0, 1)))
    def a_forms_times_come(self, which: int, behind: int) -> None:
        """Who has not approved is reminded, and an open window is said, of the present version and until it has gone (rules 13, 14)."""
        known = list(self.town.state.forms)
        if not known:
            return
        state, ref = self.town.state, known[-1 - which % len(known)]
        version = state.forms[ref].version
        approved = {
            one.ordinal
            for one in self.town.history
            if isinstance(one, TransitionFormApproved) and (one.form, one.version) == (ref, version)
        }
        said = form_times.decide_approval_waits(state, ref, version - behind)
        due = form_times.decide_due(state, ref, self.town.now)
        overdue = form_times.decide_overdue(state, ref)
        waits = state.open_handover
        sent = waits is not None and waits.form == ref
        assert bool(due) == bool(overdue)
        if sent or state.stage is not Stage.OPEN:
            assert not [*said, *due, *overdue]
        for event in said:
            assert isinstance(event, TransitionFormApprovalWaits)
            assert (event.version, set(event.ordinals)) == (version, {1, 2} - approved)
            assert event.ordinals, "nobody is reminded of what all have approved"
        for late in (*due, *overdue):
            assert isinstance(late, TransitionFormDue | TransitionFormOverdue)
            assert (late.version, late.holder) == (version, state.holder)
        self.attempt(lambda _: [*said, *due, *overdue])
        assert self.town.state == state, "time says it, and changes nothing"

    @rule(by=anybody)
    def somebody_opens_every_document(self, by: Acting | None) -> None:
        """A receipt is the receiver's, and given once for each document (seed rule 107)."""
        who = self.who(by)
        packed = [
            (one.receiver.actor, ref) for one in self.town.state.handovers.values() for ref in one.package.documents
        ]
        for receiver, document in packed:
            before = self.town.state
            self.attempt(partial(handover.decide_open, document=document, opened_by=who.actor))
            again = {to for to, ref in packed if ref == document}
            assert self.town.state == before or who.actor in again
            assert handover.decide_open(self.town.state, document, who.actor) == []
            assert who.actor != receiver or self.town.state.holder is not None or self.town.state == before

    @rule(by=st.sampled_from((None, STYRER, NURSE, guardian(1))), which=pick)
    def the_guardians_are_told_of_an_override(self, by: Acting | None, which: int) -> None:
        """By whoever has the case or judges it; once, and from then on it is theirs to know (seed rules 101, 192)."""

        def decide(state: CaseState, ref: OverrideRef) -> Sequence[EventData]:
            happened = override.decide_informed(state, self.who(by), ref, self.town.now)
            assert self.who(by).kind == "user"
            assert self.who(by) not in {NURSE, PPT} or self.who(by) == self.town.holder()
            assert bool(happened) != state.overrides[ref].guardians_informed
            told = fold(state, happened)
            assert not told.overrides[ref].not_for_guardians
            assert override.decide_informed(told, self.who(by), ref, self.town.now) == []
            return happened

        self.try_on(self.town.state.overrides, which, decide)

    @rule(which=pick, received=st.frozensets(st.sampled_from(("meetings", "notify", "audit"))))
    def receipts_are_missing(self, which: int, received: frozenset[str]) -> None:
        """An alarm for each that must act and has not said so; another one's receipt stands for nobody's."""

        def decide(state: CaseState, ref: ConsentRef) -> Sequence[EventData]:
            version = state.consents[ref].version
            happened = consent_ending.decide_receipt_missing(state, ref, version, received)
            alarms = [
                (one.consent, one.version, one.consumer) for one in happened if isinstance(one, ConsentReceiptMissing)
            ]
            assert len(alarms) == len(happened)
            assert alarms == [(ref, version, one) for one in ("meetings", "notify") if one not in received]
            return happened

        self.try_on(self.town.state.consents, which, decide)
        unknown = ConsentRef(self.town.ids.ref("cst"))
        assert consent_ending.decide_receipt_missing(self.town.state, unknown, 1, received) == []

    @rule(by=st.sampled_from((guardian(1), guardian(2), CHILD)), age=st.sampled_from((5, 13, 16, 18)))
    def the_family_looks(self, by: Acting, age: int) -> None:
        """By age; nobody's place or reference, nobody's answer but one's own; what waits for an answer can be answered (rule 101)."""
        state, now = self.town.state, self.town.now
        row = RULES.insight_row(age, oslo_day(now))
        acting = insight.in_family(by, row)
        relation = Relation.CHILD if by.child else Relation.GUARDIAN
        may = age >= 12 if by.child else age < 18
        told = as_told(state, acting, now)
        family = [guardian(1).actor, guardian(2).actor, CHILD.actor]
        try:
            seen = overview.decide_overview(told, acting, relation, row, now)
            right = insight.decide_right(acting, relation, row, family)
        except NotPermittedError:
            assert not may
            return
        assert may
        assert set(right.left_out) == (set() if by.child else {*family} - {by.actor})
        assert right.withheld == (
            frozenset({InformationCategory.HEALTH}) if age == 16 and not by.child else frozenset()
        )
        said = seen.model_dump_json()
        assert "unit:" not in said
        assert "act_" not in said
        assert "concern-report" not in seen.heard
        for asked in seen.to_answer:
            answer = consent.Answer(by=acting, consent=asked.consent)
            assert consent.decide_refuse(state, answer, now), "a button that says no where nothing can be said"
        in_force = {one.ref for one in state.consents_in_force(now)}
        assert {one.consent for one in seen.in_force} <= in_force
        for form in seen.to_approve:
            assert forms.decide_approve(state, forms.ApproveForm(by=acting, form=form.form, version=form.version), now)
        mine = (GrantorClass.CHILD, 1) if by.child else (GrantorClass.GUARDIAN, by.guardian)
        for one in told.consents.values():
            assert one.refused <= {mine}
            assert not one.outstanding or one.given <= {mine}, "when all have granted there is nothing to keep"

    @precondition(lambda self: len(self.town.history) > 20)
    @rule(by=anybody)
    def close(self, by: Acting | None) -> None:
        self.attempt(
            lambda state: course.decide_close(
                state, course.CloseCase(by=self.who(by), outcome="goal-reached"), self.town.now
            )
        )

    @rule(by=anybody)
    def reopen(self, by: Acting | None) -> None:
        self.attempt(
            lambda state: course.decide_reopen(state, course.ReopenCase(by=self.who(by)), self.town.now, RULES)
        )

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def there_is_exactly_one_holder_and_only_acceptance_moves_the_baton(self) -> None:
        """Invariant 1, against a reading of the history that knows nothing of the state."""
        holder: ActorId | None = None
        receivers: dict[HandoverRef, ActorId] = {}
        for event in self.town.history:
            match event:
                case ConcernRegistered():
                    holder = event.registered_by.actor
                case CaseOpened() | CaseReopened():
                    holder = event.holder.actor
                case HandoverSent(coordination=CoordinatorKind()):
                    pass
                case HandoverSent():
                    assert event.sender.actor == holder, "only the holder hands over"
                    assert event.receiver.actor != holder
                    receivers[event.handover] = event.receiver.actor
                case HandoverAccepted():
                    assert event.holder.actor == receivers[event.handover]
                    holder = event.holder.actor
                case CaseClosed() | ConcernResolvedLocally():
                    holder = None
                case _:
                    pass
        held = self.town.state.holder
        assert (None if held is None else held.actor) == holder
        assert (holder is not None) == (self.town.state.stage in {Stage.CONCERN, Stage.OPEN})
        waiting = [one for one in self.town.state.handovers.values() if one.status in OPEN_HANDOVER]
        assert len(waiting) <= 1

    def teardown(self) -> None:
        """Invariant 5, at the end of every run: replay, through the events' JSON and through the state's own."""
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert CaseState.model_validate_json(self.town.state.model_dump_json()) == self.town.state
        assert_by_the_tables(self.town.history)

    @invariant()
    def nobody_reads_more_than_the_consents_in_force_let_them(self) -> None:
        """Invariant 4: after a withdrawal, refusal or expiry nothing permits, whoever asks and whatever for."""
        allowed = self.consented_by_history()
        purpose = (*PURPOSES, Purpose.FOLLOW_UP)[len(self.town.history) % 3]
        for service in SERVICES:
            employees = [one for one in EMPLOYEES if one.service is service]
            for by in employees:
                shown = self.shown_to(by)
                may = {category for service_, category, _ in allowed if service_ is service}
                holds = self.town.state.holder is not None and self.town.state.holder.actor == by.actor
                if may:
                    assert shown <= may | {InformationCategory.IDENTITY}
                else:
                    assert shown <= ({InformationCategory.IDENTITY} if holds else set())
                for_that = {category for _, category, _ in allowed & set(product([service], may, [purpose]))}
                identity = {InformationCategory.IDENTITY} if for_that or (holds and not may) else set()
                assert self.shown_to(by, purpose) <= for_that | identity

    @invariant()
    def a_look_is_judged_by_the_version_that_is_valid_now(self) -> None:
        """The record names the version that the history has last given or taken; versions only grow."""
        versions: dict[ConsentRef, int] = {}
        for event in self.town.history:
            if isinstance(event, ConsentEvent):
                assert event.version >= versions.get(event.consent, 0)
                versions[event.consent] = event.version
        for by in (PPT, NURSE):
            try:
                allowed = access.permit(self.town.state, Action.READ_CHILD, by, self.town.now)
            except DeniedError:
                continue
            if allowed.consent is not None:
                assert allowed.consent_version == versions[allowed.consent]

    @invariant()
    def whoever_said_no_is_no_grantor_and_nothing_is_shared_over_a_no(self) -> None:
        """A disagreement never counts as consent: what is in force lacks nobody who must have granted since."""
        for one in self.town.state.consents.values():
            assert not one.given & one.refused
            if one.status in {ConsentStatus.REFUSED, ConsentStatus.DISAGREED, ConsentStatus.REQUESTED}:
                assert one.outstanding or one.renewal is not None
            if one.in_force(self.town.now):
                assert not one.outstanding or one.confirm_by is not None

    @invariant()
    def by_law_the_child_welfare_service_sees_what_was_overridden_and_only_while_it_lasts(self) -> None:
        if self.town.state.stage is not Stage.OPEN:
            return
        covering = self.town.state.override_covering(self.town.now, Service.BARNEVERN)
        assert (covering is not None) == self.shared_by_law()

    @invariant()
    def a_case_is_named_only_on_a_consent(self) -> None:
        if self.town.state.mode is Mode.IDENTIFIED:
            assert any(one.status is ConsentStatus.ACTIVE for one in self.town.state.consents.values())

    @invariant()
    def what_rested_on_a_consent_ended_with_it(self) -> None:
        state = self.town.state
        active = [one for one in state.consents.values() if one.status is ConsentStatus.ACTIVE]
        for member in state.team.values():
            assert any(member.service in one.scope.services for one in active)
        waiting = state.open_handover
        if waiting is not None and waiting.consent is not None:
            [basis] = [one for one in active if one.ref == waiting.consent]
            assert waiting.receiver.service in basis.scope.services
            assert waiting.package.categories <= basis.scope.categories | {InformationCategory.IDENTITY}

    @invariant()
    def a_form_is_sent_only_in_the_version_that_all_guardians_approved(self) -> None:
        """Seed rule 14, from the history alone."""
        version: dict[FormRef, int] = {}
        approved: dict[tuple[FormRef, int], set[int]] = {}
        for event in self.town.history:
            match event:
                case TransitionFormDrafted():
                    assert event.version == version.get(event.form, 0) + 1
                    version[event.form] = event.version
                case TransitionFormApproved():
                    assert event.version == version[event.form], "an old version was approved"
                    approved.setdefault((event.form, event.version), set()).add(event.ordinal)
                case TransitionFormSent():
                    assert event.version == version[event.form]
                    assert approved[event.form, event.version] == {1, 2}
                case _:
                    pass

    @invariant()
    def a_measure_without_effect_is_never_just_repeated(self) -> None:
        """Seed rule 90: no attempt of the machine gives a new reason."""
        codes: dict[MeasureRef, str] = {}
        fruitless: set[str] = set()
        for event in self.town.history:
            if isinstance(event, MeasurePlanned):
                assert event.code not in fruitless
                codes[event.measure] = event.code
            if isinstance(event, MeasureEvaluated) and event.effect is Effect.NONE:
                assert event.outcome is not EvaluationOutcome.CONTINUE
                fruitless.add(codes[event.measure])

    @invariant()
    def no_event_holds_what_looks_like_a_national_number(self) -> None:
        """Invariant 8: references have no digits at all."""
        if self.town.history:
            assert not ELEVEN_DIGITS.search(self.town.history[-1].model_dump_json())

    # --- oracles ------------------------------------------------------------------------------------------------------

    def consented_by_history(self) -> set[tuple[Service, InformationCategory, Purpose]]:
        """Return what may be shared now, by reading every consent event in order."""
        given: dict[ConsentRef, set[tuple[Service, InformationCategory, Purpose]]] = {}
        last_day: dict[ConsentRef, date] = {}
        confirm_by: dict[ConsentRef, datetime | None] = {}
        for event in self.town.history:
            match event:
                case ConsentGranted(active=True) | ConsentConfirmed():
                    given[event.consent] = cells(event.scope)
                    last_day[event.consent] = event.valid_to
                    confirm_by.pop(event.consent, None)
                case ConsentReassessmentDue():
                    confirm_by[event.consent] = event.confirm_by
                case ConsentNarrowed() if event.consent in given:
                    given[event.consent] -= cells(event.ended)
                case ConsentWithdrawn() | ConsentExpired() | ConsentSuspended():
                    given.pop(event.consent, None)
                case _:
                    pass
        today = oslo_day(self.town.now)
        by_law = cells(OVERRIDDEN) if self.shared_by_law() else set()
        # What nobody confirmed in time is over at that moment, not when the event that says so comes.
        late = {ref for ref, moment in confirm_by.items() if moment is not None and moment <= self.town.now}
        lasting = [ref for ref in given if ref not in late and today <= last_day[ref]]
        return by_law | {cell for ref in lasting for cell in given[ref]}

    def shared_by_law(self) -> bool:
        """Return whether an override lasts, by reading the history."""
        lasting: dict[OverrideRef, date] = {}
        for event in self.town.history:
            match event:
                case ConsentOverridden():
                    lasting[event.override] = event.valid_to
                case ConsentOverrideEnded():
                    lasting.pop(event.override, None)
                case _:
                    pass
        return any(last >= oslo_day(self.town.now) for last in lasting.values())

    def shown_to(self, by: Acting, purpose: Purpose | None = None) -> set[InformationCategory]:
        """Return what an employee may read of the child now, for `purpose` or whatever is implied."""
        try:
            return set(access.permit(self.town.state, Action.READ_CHILD, by, self.town.now, purpose).categories)
        except DeniedError:
            return set()


TestCase = pytest.mark.rule(4, 14, 80, 90, 107)(CaseMachine.TestCase)
TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
