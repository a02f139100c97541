"""Who may do what: one table over action and relation, and what basis and moment make of it.

A relation is never a setting; it follows from the state at that moment: the baton, a consent in force, an open handover, the
organisation's directory in the token, the vault's dated parental responsibility. A consent that ended a second ago has ended here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from services.cases.domain import rules
from services.cases.domain.acting import Acting
from services.cases.domain.around import RUNNING, ContributionState, PlanStatus
from services.cases.domain.kept import GlassState
from services.cases.domain.state import (
    ALL_CATEGORIES,
    OPEN_HANDOVER,
    SERVICES_WITH_MANY_UNITS,
    CaseState,
    ConsentState,
    ConsentStatus,
    HandoverStatus,
    Stage,
)
from services.cases.errors import CaseNotOpenError, NotInvolvedError, NotPermittedError, PurposeNotCoveredError
from shared.contracts.base import Model
from shared.contracts.cases import CoordinatorKind, Party
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Role, Service
from shared.refs import ConsentRef, OverrideRef, UnitId

_THEIRS = frozenset({Stage.OPEN, Stage.CLOSED, Stage.ERASED})


class Relation(StrEnum):
    """What somebody is to a case, at a moment. Below each: what gives it and for how long, and on which basis it acts."""

    HOLDER = "holder"
    """Has the baton of a concern or an open case, until it is accepted. The unit's own task; for what was handed over, consent."""
    LAST_HOLDER = "last-holder"
    """Had the baton when the case was closed or the concern solved, until it is reopened. The unit's own task."""
    RECEIVER = "receiver"
    """Is offered the baton or the coordination, while that waits. The consent that the offer rests on, or the unit's own task."""
    RECEIVERS_LEADER = "receivers-leader"
    """Leads the unit to which it is offered, while the handover waits. The unit's own task."""
    LEADER = "leader"
    """Leads the unit that has the case, or had it when it was closed. The unit's own task; never content."""
    COORDINATOR = "coordinator"
    """Coordinates, in a service that a consent in force covers, while the case is open. That consent."""
    TEAM_MEMBER = "team-member"
    """Works in a service of the team around the child that a consent in force covers, while the case is open. That consent."""
    SERVICE_IN_SCOPE = "service-in-scope"
    """Works in another service that a consent in force covers, while the case is open. That consent."""
    SERVICE_BY_LAW = "service-by-law"
    """Works in a service for which confidentiality was overridden by law, while that lasts and the case is open. That section."""
    CARE_AUTHORITY = "care-authority"
    """Speaks for the child welfare service where it has the care, so that a consent needs its word. The service's own task."""
    GUARDIAN = "guardian"
    """Has parental responsibility now, by the vault, from the case's opening on and after its closing. Parental responsibility."""
    CHILD = "child"
    """Is the child, from the case's opening on and after its closing. The child's own right."""
    REACHES_GUARDIANS = "reaches-guardians"
    """A service account that the settings entitle to it, whatever the stage. To reach the guardians."""
    BROKE_GLASS = "broke-glass"
    """Opened the case in an emergency (nødtilgang), and that has not ended."""
    ASKED_SERVICE = "asked-service"
    """Works in a service that was asked to contribute: it is told what is asked, and perhaps not in which case."""
    ASKED_LEADER = "asked-leader"
    """Leads a unit of a service that was asked to contribute, while that runs. The unit's own task."""
    REPORTER = "reporter"
    """Has reported a concern to child welfare; that lasts when everything else has ended."""
    REPORTERS_LEADER = "reporters-leader"
    """Leads the unit of whoever has reported a concern to child welfare. The unit's own task."""


class Action(StrEnum):
    """What may be asked for."""

    SEE_CASE = "see-case"
    READ_CHILD = "read-child"
    READ_OVERVIEW = "read-overview"
    """The case in plain language, for the family; the child's age decides too (`overview.py`)."""
    READ_CONCERN = "read-concern"
    READ_CONTACTS = "read-contacts"
    RESOLVE_CONCERN = "resolve-concern"
    ADD_CONCERN = "add-concern"
    """A further concern about the same child becomes part of this case; otherwise it begins one of its own."""
    CHANGE_LEVEL = "change-level"
    RECORD_CHILD_VIEW = "record-child-view"
    CHOOSE_CONTACT_PERSON = "choose-contact-person"
    CLOSE_CASE = "close-case"
    REOPEN_CASE = "reopen-case"
    ASK_SHARING = "ask-sharing"
    SEE_CONSENTS = "see-consents"
    REQUEST_CONSENT = "request-consent"
    ANSWER_CONSENT = "answer-consent"
    RECORD_ANSWER = "record-answer"
    """What a guardian said orally or in writing, with a note in the vault."""
    SEE_RECEIPTS = "see-receipts"
    OVERRIDE = "override"
    """Share by law what is confidential, without consent."""
    READ_OVERRIDE = "read-override"
    REVIEW_OVERRIDE = "review-override"
    PLAN_MEASURE = "plan-measure"
    EVALUATE_MEASURE = "evaluate-measure"
    CARRY_OUT_MEASURE = "carry-out-measure"
    """Begin, change and stop it, and say that it is no double work: for one of a service's own, or by the holder."""
    SEND_HANDOVER = "send-handover"
    SEE_HANDOVER = "see-handover"
    ANSWER_HANDOVER = "answer-handover"
    ANSWER_ON_BEHALF = "answer-on-behalf"
    WITHDRAW_HANDOVER = "withdraw-handover"
    HAND_OVER_FOR_ABSENT = "hand-over-for-absent"
    """Send and take back for a holder who is registered as away (seed rule 107)."""
    HAND_OVER_COORDINATION = "hand-over-coordination"
    """Offer one's own coordination to somebody, and take the offer back (seed rules 23, 97, 107)."""
    DRAFT_FORM = "draft-form"
    READ_FORM = "read-form"
    APPROVE_FORM = "approve-form"
    SEND_FORM = "send-form"
    ASK_INSIGHT = "ask-insight"
    """Who has seen what of this child; the child's age decides too (`insight.py`)."""
    MANAGE_GUARDIANS = "manage-guardians"
    """Record who has parental responsibility from when, and correct what the vault has of child and guardians."""
    PROTECT_ADDRESS = "protect-address"
    WRITE_RECORD = "write-record"
    """Record something about the child, and put documents into the vault."""
    READ_DOCUMENT = "read-document"
    TAKE_COPY = "take-copy"
    """The whole of it, to keep (GDPR art. 15 and 20); the child's age decides too (`insight.py`)."""
    ERASE_CASE = "erase-case"
    HOLD_CASE = "hold-case"
    """Let nothing of it be erased, or let it be erased again."""
    CHANGE_TEAM = "change-team"
    SET_TEAM_GOAL = "set-team-goal"
    STATE_WISH = "state-wish"
    """What only the family can want: a plan, a child coordinator, and that they end."""
    RECORD_WISH = "record-wish"
    APPOINT_COORDINATOR = "appoint-coordinator"
    START_PLAN = "start-plan"
    READ_PLAN = "read-plan"
    CLOSE_PLAN = "close-plan"
    ASK_CONTRIBUTION = "ask-contribution"
    SEE_CONTRIBUTION = "see-contribution"
    ANSWER_CONTRIBUTION = "answer-contribution"
    RECORD_LANGUAGE = "record-language"
    READ_LANGUAGE = "read-language"
    REPORT_CONCERN = "report-concern"
    SEE_REPORT = "see-report"
    READ_REPORT = "read-report"
    FOLLOW_REPORT = "follow-report"


class Reach(StrEnum):
    """How much of what is in the vault comes with it."""

    NO_CONTENT = "no-content"
    """That there is a case and how it stands, and nothing of the vault."""
    HELD = "held"
    """All that this unit recorded; otherwise what was handed over and is still consented to. Always whom it is about."""
    OFFERED = "offered"
    """What an open handover offers, while consent covers it."""
    CONSENTED = "consented"
    """What the consents in force let this service see."""
    BY_LAW = "by-law"
    """What an override in force lets this service see."""
    REASON = "reason"
    """Why confidentiality was overridden, in words."""
    OWN_CHILD = "own-child"
    """All that is kept of the child, and not how the other parent is reached."""
    CONTACT = "contact"
    """Where the guardians are reached, and in which language."""
    EMERGENCY = "emergency"
    """What was opened in an emergency."""
    REPORTED = "reported"
    """What was reported to child welfare."""


_SEE, _HELD, _CONSENTED, _OWN = Reach.NO_CONTENT, Reach.HELD, Reach.CONSENTED, Reach.OWN_CHILD

TABLE: Mapping[Relation, Mapping[Action, Reach]] = MappingProxyType(
    {
        Relation.HOLDER: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _HELD,
            Action.READ_CONCERN: _HELD,
            Action.RESOLVE_CONCERN: _SEE,
            Action.ADD_CONCERN: _SEE,
            Action.CHANGE_LEVEL: _SEE,
            Action.RECORD_CHILD_VIEW: _SEE,
            Action.CHOOSE_CONTACT_PERSON: _SEE,
            Action.CLOSE_CASE: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.SEE_CONSENTS: _SEE,
            Action.REQUEST_CONSENT: _SEE,
            Action.RECORD_ANSWER: _SEE,
            Action.SEE_RECEIPTS: _SEE,
            Action.OVERRIDE: _SEE,
            Action.READ_OVERRIDE: Reach.REASON,
            Action.PLAN_MEASURE: _SEE,
            Action.EVALUATE_MEASURE: _SEE,
            Action.CARRY_OUT_MEASURE: _SEE,
            Action.SEND_HANDOVER: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.WITHDRAW_HANDOVER: _SEE,
            Action.DRAFT_FORM: _SEE,
            Action.READ_FORM: _HELD,
            Action.SEND_FORM: _SEE,
            Action.MANAGE_GUARDIANS: _HELD,
            Action.PROTECT_ADDRESS: _SEE,
            Action.WRITE_RECORD: _HELD,
            Action.READ_DOCUMENT: _HELD,
            Action.CHANGE_TEAM: _SEE,
            Action.SET_TEAM_GOAL: _SEE,
            Action.RECORD_WISH: _SEE,
            Action.APPOINT_COORDINATOR: _SEE,
            Action.READ_PLAN: _HELD,
            Action.ASK_CONTRIBUTION: _SEE,
            Action.SEE_CONTRIBUTION: _HELD,
            Action.RECORD_LANGUAGE: _SEE,
            Action.READ_LANGUAGE: _HELD,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.FOLLOW_REPORT: _SEE,
        },
        Relation.LAST_HOLDER: {
            Action.SEE_CASE: _SEE,
            Action.READ_CONCERN: _SEE,
            Action.RECORD_ANSWER: _SEE,
            Action.REOPEN_CASE: _SEE,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.FOLLOW_REPORT: _SEE,
        },
        Relation.RECEIVER: {
            Action.SEE_CASE: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.ANSWER_HANDOVER: _SEE,
            Action.ADD_CONCERN: _SEE,
            Action.READ_FORM: Reach.OFFERED,
        },
        Relation.RECEIVERS_LEADER: {
            Action.SEE_CASE: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.ANSWER_ON_BEHALF: _SEE,
        },
        Relation.LEADER: {
            Action.SEE_CASE: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.HAND_OVER_FOR_ABSENT: _SEE,
            Action.HOLD_CASE: _SEE,
            Action.REOPEN_CASE: _SEE,
            Action.ERASE_CASE: _SEE,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.READ_OVERRIDE: Reach.REASON,
            Action.REVIEW_OVERRIDE: _SEE,
        },
        Relation.COORDINATOR: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _CONSENTED,
            Action.CHOOSE_CONTACT_PERSON: _SEE,
            Action.ADD_CONCERN: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.SEE_CONSENTS: _SEE,
            Action.READ_DOCUMENT: _CONSENTED,
            Action.RECORD_CHILD_VIEW: _SEE,
            Action.CHANGE_TEAM: _SEE,
            Action.SET_TEAM_GOAL: _SEE,
            Action.RECORD_WISH: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.HAND_OVER_COORDINATION: _SEE,
            Action.START_PLAN: _SEE,
            Action.READ_PLAN: _CONSENTED,
            Action.CLOSE_PLAN: _SEE,
            Action.ASK_CONTRIBUTION: _SEE,
            Action.SEE_CONTRIBUTION: _CONSENTED,
            Action.READ_LANGUAGE: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
        },
        Relation.TEAM_MEMBER: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _CONSENTED,
            Action.ADD_CONCERN: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.EVALUATE_MEASURE: _SEE,
            Action.WRITE_RECORD: _CONSENTED,
            Action.READ_DOCUMENT: _CONSENTED,
            Action.CARRY_OUT_MEASURE: _SEE,
            Action.READ_PLAN: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
        },
        Relation.SERVICE_IN_SCOPE: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _CONSENTED,
            Action.ADD_CONCERN: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.READ_DOCUMENT: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
        },
        Relation.SERVICE_BY_LAW: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: Reach.BY_LAW,
            Action.ASK_SHARING: _SEE,
        },
        Relation.CARE_AUTHORITY: {
            Action.SEE_CONSENTS: _SEE,
            Action.ANSWER_CONSENT: _SEE,
            Action.SEE_RECEIPTS: _SEE,
        },
        Relation.GUARDIAN: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _OWN,
            Action.READ_OVERVIEW: _OWN,
            Action.CHOOSE_CONTACT_PERSON: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.SEE_CONSENTS: _SEE,
            Action.ANSWER_CONSENT: _SEE,
            Action.SEE_RECEIPTS: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.READ_FORM: _OWN,
            Action.APPROVE_FORM: _SEE,
            Action.ASK_INSIGHT: _SEE,
            Action.READ_DOCUMENT: _OWN,
            Action.TAKE_COPY: _OWN,
            Action.STATE_WISH: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.READ_PLAN: _OWN,
            Action.RECORD_LANGUAGE: _SEE,
            Action.READ_LANGUAGE: _OWN,
        },
        Relation.CHILD: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _OWN,
            Action.READ_OVERVIEW: _OWN,
            Action.ASK_SHARING: _SEE,
            Action.SEE_CONSENTS: _SEE,
            Action.ANSWER_CONSENT: _SEE,
            Action.ASK_INSIGHT: _SEE,
            Action.READ_DOCUMENT: _OWN,
            Action.TAKE_COPY: _OWN,
            Action.STATE_WISH: _SEE,
            Action.READ_PLAN: _OWN,
            Action.RECORD_LANGUAGE: _SEE,
            Action.READ_LANGUAGE: _OWN,
        },
        Relation.REACHES_GUARDIANS: {
            Action.READ_CONTACTS: Reach.CONTACT,
            Action.READ_LANGUAGE: Reach.CONTACT,
        },
        Relation.ASKED_SERVICE: {
            Action.SEE_CONTRIBUTION: _SEE,
            Action.ANSWER_CONTRIBUTION: _SEE,
        },
        Relation.ASKED_LEADER: {
            Action.SEE_CONTRIBUTION: _SEE,
            Action.ANSWER_CONTRIBUTION: _SEE,
        },
        Relation.REPORTER: {
            Action.SEE_REPORT: _SEE,
            Action.READ_REPORT: Reach.REPORTED,
            Action.FOLLOW_REPORT: _SEE,
        },
        Relation.REPORTERS_LEADER: {
            Action.SEE_REPORT: _SEE,
            Action.READ_REPORT: Reach.REPORTED,
            Action.FOLLOW_REPORT: _SEE,
        },
        Relation.BROKE_GLASS: {
            Action.SEE_CASE: Reach.EMERGENCY,
            Action.READ_CHILD: Reach.EMERGENCY,
            Action.READ_CONCERN: Reach.EMERGENCY,
            Action.READ_DOCUMENT: Reach.EMERGENCY,
        },
    }
)
"""The whole of it. A cell that is not here is denied, and the denial is recorded."""

_BEGUN = frozenset(Stage) - {Stage.UNKNOWN}
_OPEN = frozenset({Stage.OPEN})
MOMENTS: Mapping[Action, frozenset[Stage]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Action.SEE_CASE,
                Action.READ_CHILD,
                Action.READ_OVERVIEW,
                Action.READ_CONCERN,
                Action.READ_CONTACTS,
                Action.READ_FORM,
                Action.READ_DOCUMENT,
                Action.TAKE_COPY,
                Action.ASK_SHARING,
                Action.ASK_INSIGHT,
                Action.SEE_CONSENTS,
                Action.SEE_RECEIPTS,
                Action.SEE_HANDOVER,
                Action.READ_OVERRIDE,
                Action.REVIEW_OVERRIDE,
            ),
            _BEGUN,
        ),
        # A further concern that joined an open case is acted on there.
        Action.RESOLVE_CONCERN: frozenset({Stage.CONCERN, Stage.OPEN}),
        Action.ADD_CONCERN: frozenset({Stage.CONCERN, Stage.OPEN}),
        Action.REOPEN_CASE: frozenset({Stage.CLOSED}),
        Action.ERASE_CASE: frozenset({Stage.RESOLVED, Stage.CLOSED}),
        Action.HOLD_CASE: _BEGUN - {Stage.ERASED},
    }
)
"""In which stages of the case it may be done by whom the table lets; what is not here takes an open case.

Two things do not wait for one: a consent is withdrawn at any stage, and so is such an answer recorded.
"""

WORKING_PURPOSES = frozenset(
    {Purpose.ASSESSMENT, Purpose.FOLLOW_UP, Purpose.COORDINATION, Purpose.TRANSITION, Purpose.DISCUSSION}
)
"""What an employee may look for in the unit's own task."""
IMPLIED: Mapping[Relation, Purpose] = MappingProxyType(
    {
        Relation.HOLDER: Purpose.FOLLOW_UP,
        Relation.RECEIVER: Purpose.TRANSITION,
        Relation.COORDINATOR: Purpose.COORDINATION,
        Relation.TEAM_MEMBER: Purpose.FOLLOW_UP,
        Relation.SERVICE_IN_SCOPE: Purpose.ASSESSMENT,
        Relation.SERVICE_BY_LAW: Purpose.ASSESSMENT,
    }
)
"""What a look is for when its reader does not say. Where the consents in force were given for something else, it is for that."""
NARROW = frozenset({Relation.ASKED_SERVICE, Relation.ASKED_LEADER, Relation.REPORTER, Relation.REPORTERS_LEADER})
"""Who is nothing else is told of the one request or report, and of the case as little as if it did not exist."""


class Permit(Model):
    """What was allowed, on which basis, and how much of the vault it reaches. It goes into the access record."""

    relation: Relation
    basis: str
    """A code of the list of legal bases."""
    consent: ConsentRef | None = None
    consent_version: int | None = None
    service: Service | None = None
    """To which service the consent was given."""
    purpose: Purpose | None = None
    """What the look is for; none for a guardian, for the child, and where nothing is shown."""
    override: OverrideRef | None = None
    categories: frozenset[InformationCategory] = frozenset()
    glass: GlassState | None = None
    """The emergency access that it rests on: the look is recorded as such."""
    own: frozenset[str] = frozenset()
    """References of what the actor's unit recorded itself and still has the task for, in whatever category."""


class Ground(Model):
    """One consent that a look rests on, and what was shown by it; none when it rests on another basis."""

    by_law: bool = False
    """It rests on an override of confidentiality: somebody outside the unit was told."""
    consent: ConsentRef | None = None
    version: int | None = None
    valid_to: date | None = None
    purposes: frozenset[Purpose] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()


def relations(state: CaseState, acting: Acting, now: datetime) -> list[Relation]:
    """Return everything that `acting` is to this case at `now`, in the table's order; empty for a stranger."""
    checks: dict[Relation, bool] = {
        Relation.HOLDER: _is(acting, state.holder),
        Relation.LAST_HOLDER: _last_holder(state, acting),
        Relation.RECEIVER: _receiver(state, acting),
        Relation.RECEIVERS_LEADER: _receivers_leader(state, acting),
        Relation.LEADER: _leader(state, acting),
        **_by_consent(state, acting, now),
        Relation.SERVICE_BY_LAW: _by_law(state, acting, now),
        Relation.CARE_AUTHORITY: has_the_care(state, acting),
        # A concern that nobody has spoken with the guardians about yet is not told by a screen; from the case on it is theirs.
        Relation.GUARDIAN: acting.guardian is not None and state.stage in _THEIRS,
        Relation.CHILD: acting.child and state.stage in _THEIRS,
        Relation.REACHES_GUARDIANS: acting.kind == "service_account" and acting.reaches_guardians,
        Relation.BROKE_GLASS: bool(_broken(state, acting, now)),
        **_asked(state, acting),
        **_reported(state, acting),
    }
    if acting.elsewhere is not None:
        # Who works in another municipality has to do with what is sent there, and with nothing else.
        return [one for one in (Relation.RECEIVER, Relation.RECEIVERS_LEADER) if checks[one]]
    return [relation for relation in Relation if checks[relation]]


def permit(state: CaseState, action: Action, acting: Acting, now: datetime, purpose: Purpose | None = None) -> Permit:
    """Return what `acting` may see when doing `action` at `now`; of several grounds, the one that reaches furthest.

    Args:
        state: the case.
        action: what is to be done.
        acting: who wants to.
        now: the moment at which the basis must stand.
        purpose: what a look at content is for (fvl § 13 b no. 2: used for what it was given for); `IMPLIED` when not said.

    Raises:
        NotInvolvedError: the actor is nothing to this case, and is told as little as if it did not exist.
        NotPermittedError: the actor has a part in it, which does not include this.
        PurposeNotCoveredError: it does, but not for `purpose`; the error says for what, and who could grant it (seed rule 106).
    """
    held = relations(state, acting, now)
    if not held:
        raise NotInvolvedError(_why_not(state, acting, now))
    reaching = [relation for relation in held if action in TABLE[relation]]
    if not reaching and set(held) <= NARROW:
        raise NotInvolvedError(_why_not(state, acting, now))
    if not reaching:
        raise NotPermittedError("not-in-table")
    permits = [_reach(state, relation, TABLE[relation][action], acting, now, purpose) for relation in reaching]
    if purpose is not None:
        if all(one.purpose not in {None, purpose} for one in permits):
            raise _not_for_that(state, permits[0], acting, purpose, now)
        permits = [one for one in permits if one.purpose in {None, purpose}]
    furthest = max(permits, key=lambda one: len(one.categories))
    own = frozenset[str]().union(*(one.own for one in permits))
    return furthest if own == furthest.own else furthest.model_copy(update={"own": own})


def grounds(state: CaseState, allowed: Permit, shown: frozenset[InformationCategory], now: datetime) -> list[Ground]:
    """Divide what is shown among the consents it rests on: each look is recorded under the very consent that allowed it."""
    override = None if allowed.override is None else state.overrides.get(allowed.override)
    if override is not None:
        return [Ground(valid_to=override.valid_to, purposes=override.scope.purposes, categories=shown, by_law=True)]
    if allowed.consent is None or allowed.service is None:
        return [Ground(categories=shown)]
    inside = [one for one in state.consents_in_force(now) if one.covers(allowed.service, (), allowed.purpose)]
    inside.sort(key=lambda consent: consent.ref != allowed.consent)
    divided: list[Ground] = []
    # Whom it is about is known by the first of them.
    left, first = shown, frozenset({InformationCategory.IDENTITY})
    for consent in inside:
        part = left & (consent.scope.categories | first)
        if part or not (shown or divided):
            divided.append(
                Ground(
                    consent=consent.ref,
                    version=consent.version,
                    valid_to=consent.valid_to,
                    purposes=consent.scope.purposes,
                    categories=part,
                )
            )
        left, first = left - part, frozenset()
    return divided


def allows(state: CaseState, action: Action, acting: Acting, now: datetime) -> bool:
    """Return whether the table lets `acting` do `action`, where that decides which rule goes on."""
    return any(action in TABLE[relation] for relation in relations(state, acting, now))


def require(
    state: CaseState,
    action: Action,
    acting: Acting,
    now: datetime,
    *,
    stages: frozenset[Stage] | None = None,
) -> Permit:
    """Return the permit for `action` at a stage of the case at which it may be done (`MOMENTS`): most take an open one.

    `stages` are others, where what is done decides it.

    Raises:
        NotInvolvedError, NotPermittedError: as `permit`.
        CaseNotOpenError: it may be done by this actor, but not now.
    """
    allowed = permit(state, action, acting, now)
    if state.stage not in (stages or MOMENTS.get(action, _OPEN)):
        raise CaseNotOpenError
    return allowed


def _last_holder(state: CaseState, acting: Acting) -> bool:
    closed = state.stage in {Stage.CLOSED, Stage.RESOLVED, Stage.ERASED}
    return closed and not state.has_moved and state.holding is not None and _is(acting, state.holding.party)


def _receiver(state: CaseState, acting: Acting) -> bool:
    handover = state.open_handover
    return handover is not None and handover.to_municipality == acting.elsewhere and _is(acting, handover.receiver)


def _is(acting: Acting, party: Party | None) -> bool:
    """Return whether it is this employee, at work: who has left may sign in as a private person under the same reference."""
    return party is not None and acting.kind == "user" and party.actor == acting.actor


def _works_there(acting: Acting, party: Party) -> bool:
    """Return whether the directory still has the employee where the case has; an address-protected case knows the service only."""
    return acting.service is party.service and party.unit in {None, acting.unit}


def _receivers_leader(state: CaseState, acting: Acting) -> bool:
    handover = state.open_handover
    there = handover is not None and handover.to_municipality == acting.elsewhere
    return there and handover is not None and _leads(acting, handover.receiver.unit)


def _leader(state: CaseState, acting: Acting) -> bool:
    # What goes on in another municipality is nobody's here any more.
    return not state.has_moved and _leads(acting, None if state.holding is None else state.holding.party.unit)


def _leads(acting: Acting, unit: UnitId | None) -> bool:
    return acting.kind == "user" and Role.LEADER in acting.roles and unit is not None and acting.unit == unit


def has_the_care(state: CaseState, acting: Acting) -> bool:
    """Return whether the actor speaks for the child welfare service where one of the consents needs its word."""
    asked = any(
        GrantorClass.CHILD_WELFARE in (one.needed if one.renewal is None else one.renewal.needed)
        for one in state.consents.values()
    )
    officer = acting.kind == "user" and Role.CHILD_WELFARE_OFFICER in acting.roles
    return asked and officer and acting.service is Service.BARNEVERN and state.stage in {Stage.OPEN, Stage.CLOSED}


def answers_for_itself(state: CaseState, acting: Acting) -> bool:
    """Return whether an answer of this actor is its own, not one that it records for somebody else."""
    return (
        acting.guardian is not None or acting.child or (has_the_care(state, acting) and not _is(acting, state.holder))
    )


def _a_service(state: CaseState, acting: Acting) -> Service | None:
    """Return for which service the actor works with this child, if there were a basis."""
    service = acting.service
    # Who only leads sees that there is a case, and never what it holds.
    if acting.role in {None, Role.LEADER} or service is None or state.stage is not Stage.OPEN:
        return None
    elsewhere = service in SERVICES_WITH_MANY_UNITS and acting.unit not in state.units_of(service)
    return None if elsewhere else service


def _by_law(state: CaseState, acting: Acting, now: datetime) -> bool:
    service = _a_service(state, acting)
    return service is not None and state.override_covering(now, service) is not None


def _by_consent(state: CaseState, acting: Acting, now: datetime) -> dict[Relation, bool]:
    service = _a_service(state, acting)
    inside = service is not None and state.consent_covering(now, service) is not None
    member = inside and service in state.team
    return {
        Relation.COORDINATOR: _coordinates(state, acting, inside=inside),
        Relation.TEAM_MEMBER: member,
        Relation.SERVICE_IN_SCOPE: inside and not member,
    }


def _not_for_that(
    state: CaseState, allowed: Permit, acting: Acting, purpose: Purpose, now: datetime
) -> PurposeNotCoveredError:
    by_consent = allowed.consent is not None and acting.service is not None
    covered = state.consented_purposes(now, acting.service) if by_consent and acting.service else WORKING_PURPOSES
    return PurposeNotCoveredError(
        extensions={
            "services": [] if acting.service is None else [acting.service.value],
            "purposes": [purpose.value],
            "covered": [one.value for one in sorted(covered)],
            "grantors": {GrantorClass.GUARDIAN.value: state.guardians} if by_consent else {},
        }
    )


def _purpose(relation: Relation, covered: frozenset[Purpose], asked: Purpose | None) -> Purpose | None:
    """Return what a look is for: as asked if that is covered, else what is usual if that is, else what is covered at all."""
    wanted = IMPLIED.get(relation) if asked is None else asked
    return wanted if wanted in covered else min(covered, default=None)


def _coordinates(state: CaseState, acting: Acting, *, inside: bool) -> bool:
    """Return whether somebody coordinates this very case: appointed, or by the municipality's rule (seed rules 23, 37, 97).

    A role in the token is not enough, and an appointment neither: without a consent that covers the service it is over, unless the
    case is in the coordinator's own unit.
    """
    around, holding = state.around, state.holding
    at_home = (
        state.stage is Stage.OPEN
        and acting.role not in {None, Role.LEADER}
        and acting.unit is not None
        and holding is not None
        and holding.party.unit == acting.unit
    )
    if not (inside or at_home):
        return False
    appointed = [one.party for one in around.coordinators.values()]
    if any(_is(acting, party) and _works_there(acting, party) for party in appointed):
        return True
    plan = around.plan
    group_has_one = CoordinatorKind.ANSVARSGRUPPE in around.coordinators
    if plan is None or plan.status is PlanStatus.CLOSED or group_has_one:
        return False
    if plan.coordinator is not None:
        return _is(acting, plan.coordinator) and _works_there(acting, plan.coordinator)
    return acting.service is plan.coordinated_by and plan.coordinator_role in acting.roles


def is_asked(contribution: ContributionState, acting: Acting) -> bool:
    """Return whether a request that still runs is to the actor's service; of barnehager and schools, to its unit."""
    return (
        contribution.status in RUNNING
        and acting.kind == "user"
        and acting.role is not None
        and acting.service is contribution.service
        and (contribution.service not in SERVICES_WITH_MANY_UNITS or acting.unit == contribution.unit)
    )


def _asked(state: CaseState, acting: Acting) -> dict[Relation, bool]:
    asked = state.stage is Stage.OPEN and any(is_asked(one, acting) for one in state.around.contributions.values())
    leads = Role.LEADER in acting.roles
    return {Relation.ASKED_SERVICE: asked and not leads, Relation.ASKED_LEADER: asked and leads}


def _reported(state: CaseState, acting: Acting) -> dict[Relation, bool]:
    reporters = [one.reporter for one in state.around.reports.values()]
    return {
        Relation.REPORTER: any(_is(acting, party) and _works_there(acting, party) for party in reporters),
        Relation.REPORTERS_LEADER: any(_leads(acting, party.unit) for party in reporters),
    }


def _reach(  # noqa: PLR0911 -- one line per reach
    state: CaseState, relation: Relation, reach: Reach, acting: Acting, now: datetime, asked: Purpose | None
) -> Permit:
    match reach:
        case Reach.OWN_CHILD:
            basis = rules.ACCESS_BY_CHILD if relation is Relation.CHILD else rules.PARENTAL_RESPONSIBILITY
            # How the other parent is reached is not part of the child's case.
            own = ALL_CATEGORIES - {InformationCategory.CONTACT}
            return Permit(relation=relation, basis=basis, categories=own)
        case Reach.CONTACT:
            contact = frozenset({InformationCategory.CONTACT})
            purpose = Purpose.NOTIFICATION
            return Permit(relation=relation, basis=rules.REACH_GUARDIANS, categories=contact, purpose=purpose)
        case Reach.REPORTED:
            content = {InformationCategory.IDENTITY, InformationCategory.CONCERN, InformationCategory.CHILD_VIEW}
            return Permit(relation=relation, basis=rules.OWN_TASK, categories=frozenset(content))
        case Reach.HELD:
            return _held(state, relation, acting, now, asked)
        case Reach.CONSENTED if acting.service is not None:
            return _consented(state, relation, acting.service, now, asked)
        case Reach.BY_LAW if acting.service is not None:
            return _shared_by_law(state, relation, acting.service, now, asked)
        case Reach.REASON:
            reason = frozenset({InformationCategory.CONCERN})
            return Permit(relation=relation, basis=rules.OWN_TASK, categories=reason, purpose=Purpose.OVERSIGHT)
        case Reach.OFFERED:
            return _offered(state, relation, acting, now, asked)
        case Reach.EMERGENCY:
            return _emergency(state, relation, acting, now)
        case _:
            return _no_content(state, relation, acting, now)


def _no_content(state: CaseState, relation: Relation, acting: Acting, now: datetime) -> Permit:
    """Say on which basis somebody acts who is shown nothing of the vault."""
    if relation is Relation.GUARDIAN:
        return Permit(relation=relation, basis=rules.PARENTAL_RESPONSIBILITY)
    if relation is Relation.CHILD:
        return Permit(relation=relation, basis=rules.ACCESS_BY_CHILD)
    if relation is Relation.SERVICE_BY_LAW and acting.service is not None:
        told = _shared_by_law(state, relation, acting.service, now, None)
        return told.model_copy(update={"categories": frozenset(), "purpose": None})
    by_consent = {Relation.COORDINATOR, Relation.TEAM_MEMBER, Relation.SERVICE_IN_SCOPE}
    if relation in by_consent and acting.service is not None:
        return _by(state.consent_covering(now, acting.service), relation, frozenset(), acting.service)
    return Permit(relation=relation, basis=rules.OWN_TASK)


def _consented(state: CaseState, relation: Relation, service: Service, now: datetime, asked: Purpose | None) -> Permit:
    purpose = _purpose(relation, state.consented_purposes(now, service), asked)
    consent = state.consent_covering(now, service, (), purpose)
    return _by(consent, relation, state.consented_categories(now, service, purpose), service, purpose)


def _shared_by_law(
    state: CaseState, relation: Relation, service: Service, now: datetime, asked: Purpose | None
) -> Permit:
    shared = [one.scope.purposes for one in state.overrides_in_force(now) if one.covers(service)]
    purpose = _purpose(relation, frozenset[Purpose]().union(*shared), asked)
    override = state.override_covering(now, service, (), purpose)
    if override is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, purpose=purpose)
    return Permit(
        relation=relation,
        basis=override.basis.code,
        service=service,
        override=override.ref,
        categories=override.scope.categories | {InformationCategory.IDENTITY},
        purpose=purpose,
    )


def _held(state: CaseState, relation: Relation, acting: Acting, now: datetime, asked: Purpose | None) -> Permit:
    holding = state.holding
    own_task = _purpose(relation, WORKING_PURPOSES, asked)
    if holding is None or not _works_there(acting, holding.party):
        # The task is the unit's. Who has moved may still hand the baton over, and reads nothing.
        return Permit(relation=relation, basis=rules.OWN_TASK)
    if holding.categories is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, categories=ALL_CATEGORIES, purpose=own_task)
    identity = frozenset({InformationCategory.IDENTITY})
    service = holding.party.service
    covered = frozenset[Purpose]() if service is None else state.consented_purposes(now, service)
    if service is None or not covered:
        return Permit(
            relation=relation, basis=rules.OWN_TASK, categories=identity, purpose=own_task, own=state.own_records
        )
    # What came with the baton was given for the transition, and is used for that unless the consent says more.
    came_for = Purpose.TRANSITION if asked is None and Purpose.TRANSITION in covered else asked
    by_consent = _consented(state, relation, service, now, came_for)
    reached = (holding.categories & by_consent.categories) | identity
    return by_consent.model_copy(update={"categories": reached, "own": state.own_records})


def _offered(state: CaseState, relation: Relation, acting: Acting, now: datetime, asked: Purpose | None) -> Permit:
    handover = state.open_handover
    if handover is None or handover.consent is None or not _works_there(acting, handover.receiver):
        return Permit(relation=relation, basis=rules.OWN_TASK)
    consent = state.consents.get(handover.consent)
    service = handover.receiver.service
    if consent is None or service is None or consent not in state.consents_in_force(now):
        return Permit(relation=relation, basis=rules.OWN_TASK)
    identity = frozenset({InformationCategory.IDENTITY})
    offered = (handover.package.categories & consent.scope.categories) | identity
    return _by(consent, relation, offered, service, _purpose(relation, consent.scope.purposes, asked))


def _broken(state: CaseState, acting: Acting, now: datetime) -> list[GlassState]:
    """Return the emergency accesses that are open to this employee, at work in the service where they were opened."""
    if state.stage is Stage.ERASED or (state.hidden and not acting.cleared):
        return []
    mine = [one for one in state.glass.values() if _is(acting, one.by) and _works_there(acting, one.by)]
    return [one for one in mine if one.is_open(now)]


def _emergency(state: CaseState, relation: Relation, acting: Acting, now: datetime) -> Permit:
    glass = max(_broken(state, acting, now), key=lambda one: (len(one.categories), one.ref))
    categories = glass.categories | {InformationCategory.IDENTITY}
    return Permit(relation=relation, basis=glass.basis, categories=categories, glass=glass)


def _by(
    consent: ConsentState | None,
    relation: Relation,
    categories: frozenset[InformationCategory],
    service: Service | None,
    purpose: Purpose | None = None,
) -> Permit:
    if consent is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, categories=categories)
    return Permit(
        relation=relation,
        basis=rules.CONSENT,
        consent=consent.ref,
        consent_version=consent.version,
        service=service,
        purpose=purpose,
        categories=categories,
    )


def _why_not(state: CaseState, acting: Acting, now: datetime) -> str:
    """Say, for the record only, whether a basis has ended or there never was one."""
    service = acting.service
    if service is not None and acting.role is not None:
        consents = state.consents.values()
        if any(service in consent.ended for consent in consents):
            return "consent-withdrawn"
        if any(one.status is ConsentStatus.SUSPENDED and one.covers(service) for one in consents):
            return "consent-suspended"
        usable = {ConsentStatus.ACTIVE, ConsentStatus.EXPIRED}
        over = [one for one in consents if one.status in usable and one not in state.consents_in_force(now)]
        if any(one.covers(service) for one in over):
            return "consent-expired"
    closed = [one for one in state.handovers.values() if one.status not in OPEN_HANDOVER | {HandoverStatus.PROPOSED}]
    if any(one.receiver.actor == acting.actor for one in closed):
        return "handover-ended"
    return "no-relation"
