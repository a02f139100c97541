"""Who may do what: one table over action and relation, the stages in which, and what a look is for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.cases.domain.access_terms import Action, Reach, Relation
from services.cases.domain.state import Stage
from shared.contracts.codes import Purpose

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
            Action.TELL_OF_OVERRIDE: _SEE,
            Action.PLAN_MEASURE: _SEE,
            Action.SEE_MEASURES: _SEE,
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
            Action.SEE_OVERLAP: _SEE,
        },
        Relation.LAST_HOLDER: {
            Action.SEE_CASE: _SEE,
            Action.READ_CONCERN: _SEE,
            Action.MANAGE_GUARDIANS: _HELD,
            Action.RECORD_ANSWER: _SEE,
            Action.TELL_OF_OVERRIDE: _SEE,
            Action.REOPEN_CASE: _SEE,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.FOLLOW_REPORT: _SEE,
        },
        # The task is the unit's: who has moved hands the baton on, and what cannot wait for that is all that is theirs otherwise.
        Relation.HOLDER_ELSEWHERE: {
            Action.SEE_CASE: _SEE,
            Action.RECORD_ANSWER: _SEE,
            Action.SEND_HANDOVER: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.WITHDRAW_HANDOVER: _SEE,
            Action.PROTECT_ADDRESS: _SEE,
            Action.REPORT_CONCERN: _SEE,
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
            Action.TELL_OF_OVERRIDE: _SEE,
            Action.SEE_OVERLAP: _SEE,
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
            Action.SEE_MEASURES: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_OVERLAP: _CONSENTED,
        },
        Relation.TEAM_MEMBER: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _CONSENTED,
            Action.ADD_CONCERN: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.SEE_MEASURES: _CONSENTED,
            Action.EVALUATE_MEASURE: _SEE,
            Action.WRITE_RECORD: _CONSENTED,
            Action.READ_DOCUMENT: _CONSENTED,
            Action.CARRY_OUT_MEASURE: _SEE,
            Action.READ_PLAN: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_OVERLAP: _CONSENTED,
        },
        Relation.SERVICE_IN_SCOPE: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _CONSENTED,
            Action.ADD_CONCERN: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.READ_DOCUMENT: _CONSENTED,
            Action.SEE_MEASURES: _CONSENTED,
            Action.REPORT_CONCERN: _SEE,
            Action.SEE_OVERLAP: _CONSENTED,
        },
        Relation.SERVICE_BY_LAW: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: Reach.BY_LAW,
            Action.READ_DOCUMENT: Reach.BY_LAW,
            Action.ASK_SHARING: _SEE,
            Action.SEE_OVERLAP: Reach.BY_LAW,
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
            Action.SEE_MEASURES: _SEE,
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
            Action.SEE_OVERLAP: _OWN,
        },
        Relation.CHILD: {
            Action.SEE_CASE: _SEE,
            Action.READ_CHILD: _OWN,
            Action.READ_OVERVIEW: _OWN,
            Action.CHOOSE_CONTACT_PERSON: _SEE,
            Action.ASK_SHARING: _SEE,
            Action.SEE_CONSENTS: _SEE,
            Action.ANSWER_CONSENT: _SEE,
            Action.SEE_RECEIPTS: _SEE,
            Action.SEE_MEASURES: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.ASK_INSIGHT: _SEE,
            Action.READ_DOCUMENT: _OWN,
            Action.TAKE_COPY: _OWN,
            Action.STATE_WISH: _SEE,
            Action.READ_PLAN: _OWN,
            Action.RECORD_LANGUAGE: _SEE,
            Action.READ_LANGUAGE: _OWN,
            Action.SEE_OVERLAP: _OWN,
        },
        Relation.REACHES_GUARDIANS: {
            Action.READ_CONTACTS: Reach.CONTACT,
            Action.READ_WATCH: _SEE,
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
        Relation.PROTECTED_WATCH: {
            Action.SEE_CASE: _SEE,
            Action.SEE_HANDOVER: _SEE,
            Action.ANSWER_ON_BEHALF: _SEE,
            Action.HOLD_CASE: _SEE,
            Action.SEE_REPORT: _SEE,
            Action.FOLLOW_REPORT: _SEE,
            Action.READ_OVERRIDE: Reach.REASON,
            Action.REVIEW_OVERRIDE: _SEE,
            Action.TELL_OF_OVERRIDE: _SEE,
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
OPEN_ONLY = frozenset({Stage.OPEN})
"""When it may be done if nothing else is said."""
MOMENTS: Mapping[Action, frozenset[Stage]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Action.SEE_CASE,
                Action.READ_CHILD,
                Action.READ_OVERVIEW,
                Action.READ_CONCERN,
                Action.READ_CONTACTS,
                Action.READ_WATCH,
                Action.READ_FORM,
                Action.READ_DOCUMENT,
                Action.TAKE_COPY,
                Action.ASK_SHARING,
                Action.ASK_INSIGHT,
                Action.SEE_CONSENTS,
                Action.SEE_RECEIPTS,
                Action.SEE_MEASURES,
                Action.SEE_HANDOVER,
                Action.READ_OVERRIDE,
                Action.REVIEW_OVERRIDE,
            ),
            _BEGUN,
        ),
        # A further concern that joined an open case is acted on there.
        Action.RESOLVE_CONCERN: frozenset({Stage.CONCERN, Stage.OPEN}),
        Action.ADD_CONCERN: frozenset({Stage.CONCERN, Stage.OPEN}),
        Action.PROTECT_ADDRESS: frozenset({Stage.CONCERN, Stage.OPEN}),
        # A closed case is still its guardians' to see; in a concern, whom it is about may be wrong from the beginning.
        Action.MANAGE_GUARDIANS: frozenset({Stage.CONCERN, Stage.OPEN, Stage.CLOSED}),
        Action.REOPEN_CASE: frozenset({Stage.CLOSED}),
        Action.ERASE_CASE: frozenset({Stage.RESOLVED, Stage.CLOSED}),
        Action.HOLD_CASE: _BEGUN - {Stage.ERASED},
        Action.TELL_OF_OVERRIDE: _BEGUN - {Stage.ERASED},
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
NARROW = frozenset(
    {
        Relation.REACHES_GUARDIANS,
        Relation.ASKED_SERVICE,
        Relation.ASKED_LEADER,
        Relation.REPORTER,
        Relation.REPORTERS_LEADER,
    }
)
"""Who is nothing else is told of the one request or report, or whom to write to, and else as little as if there were no case."""
