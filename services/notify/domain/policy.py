"""When who is told, for each kind of deadline. The numbers are the rules'; everything else follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared.calendar import add_days
from shared.contracts.codes import Role
from shared.contracts.deviations import DeviationKind
from shared.contracts.notify import DeadlineKind, Way


@dataclass(frozen=True)
class Policy:
    """The steps of one kind of deadline, in days of Norwegian time."""

    remind_days: int
    """Days before it is due on which the responsible is reminded."""
    escalate_days: int | None
    """Days after it was due on which the unit's leader is told; none: nobody is."""
    asked: str | None
    """The template that tells whoever must answer, when it is set."""
    reminder: str
    overdue: str
    """The templates of the reminder and of the message that the time is out."""
    escalated: str = "escalation"
    """The template by which the unit's leader hears of it."""
    rejected: str | None = None
    void: str | None = None
    """The templates by which whoever asked hears of a no, and that there is nothing left to answer; none: nobody does."""


POLICIES: Final = MappingProxyType(
    {
        # Seed rules 78, 79: fourteen days to act; the reminder comes four days before they are over.
        DeadlineKind.ACT_ON_CONCERN: Policy(4, 1, None, "concern-reminder", "concern-overdue"),
        DeadlineKind.DECIDE_CASE: Policy(4, 1, None, "decision-reminder", "decision-overdue"),
        # Seed rules 88, 89: evaluated on time, or the leadership knows.
        DeadlineKind.EVALUATE_MEASURE: Policy(7, 7, None, "evaluation-reminder", "evaluation-overdue"),
        # Seed rules 82, 107: silence is no answer; the leader may answer on behalf as soon as the time is out.
        DeadlineKind.ANSWER_HANDOVER: Policy(
            2,
            0,
            "handover-request",
            "handover-reminder",
            "handover-overdue",
            "handover-escalated",
            rejected="handover-rejected",
            void="handover-void",
        ),
        # Nobody has to answer a request for consent: one reminder, then whoever asked is told, and no leader ever.
        DeadlineKind.ANSWER_CONSENT: Policy(7, None, "consent-request", "consent-reminder", "consent-unanswered"),
    }
)
MEETING: Final = Policy(4, 1, None, "case-meeting-reminder", "case-meeting-overdue")
"""Seed rule 68: a step up is followed by a meeting, or the leadership knows. The times are those of a decision."""
COORDINATION: Final = Policy(
    2,
    0,
    "coordination-request",
    "coordination-reminder",
    "coordination-overdue",
    "coordination-escalated",
    rejected="coordination-rejected",
    void="coordination-void",
)
"""A handover of the coordination and not of the baton (seed rules 23, 37, 97): the times of any handover, in words of its own."""
MEASURES_CHANGED: Final = "measures-changed"
OVERLAP: Final = "overlap-suspected"
OVERLAP_ELSEWHERE: Final = "overlap-elsewhere"
"""The templates that those in the team get: something has changed; two units seem to do the same, in one case or in two
(seed rules 31, 49)."""
OUTCOME_REFUSED: Final = "outcome-refused"
"""The template that the holder gets: something that a meeting decided has not happened (seed rules 26, 88, 141)."""
CONTRIBUTION_REQUEST: Final = "contribution-request"
CONTRIBUTION_REMINDER: Final = "contribution-reminder"
CONTRIBUTION_OVERDUE: Final = "contribution-overdue"
CONTRIBUTION_ANSWERED: Final = "contribution-answered"
PLAN_WISHED: Final = "plan-wished"
PLAN_CHANGED: Final = "plan-changed"
GUARDIANS_PLAN: Final = "guardians-plan"
GUARDIANS_MEASURES: Final = "guardians-measures"
COORDINATOR: Final = "coordinator-appointed"
COORDINATOR_ENDED: Final = "coordinator-ended"
COORDINATOR_MISSING: Final = "coordinator-missing"
CONTACT_CHOSEN: Final = "contact-person-chosen"
CONTACT_ENDED: Final = "contact-person-ended"
CONTACT_MISSING: Final = "contact-person-missing"
GUARDIANS_CONTACT: Final = "guardians-contact"
REPORT_BY_LETTER: Final = "report-by-letter"
REPORT_UNANSWERED: Final = "report-unanswered"
AROUND: Final = frozenset(
    {
        CONTRIBUTION_REQUEST,
        CONTRIBUTION_REMINDER,
        CONTRIBUTION_OVERDUE,
        CONTRIBUTION_ANSWERED,
        PLAN_WISHED,
        PLAN_CHANGED,
        GUARDIANS_PLAN,
        GUARDIANS_MEASURES,
        COORDINATOR,
        COORDINATOR_ENDED,
        COORDINATOR_MISSING,
        CONTACT_CHOSEN,
        CONTACT_ENDED,
        CONTACT_MISSING,
        GUARDIANS_CONTACT,
        REPORT_BY_LETTER,
        REPORT_UNANSWERED,
    }
)
"""The templates of the work around the child: who is asked, who coordinates, whom the guardians turn to, how a report goes
(seed rules 31, 33-35, 37, 82, 93)."""
ESCALATION: Final = "escalation"
"""The template that a leader gets."""
PROTECTED_ESCALATION: Final = "protected-escalation"
PROTECTION_DUE: Final = "address-protection-due"
FOR_THE_WATCH: Final = MappingProxyType(
    {
        "handover-escalated": "protected-handover",
        "coordination-escalated": "protected-handover",
        # A no, and that there is nothing to answer, say nothing of a place: the words are the same for everybody.
        **{each: each for each in ("handover-rejected", "handover-void", "coordination-rejected", "coordination-void")},
        "override-review": "protected-override-review",
        "override-reminder": "protected-override-reminder",
        "override-overdue": "protected-override-overdue",
        "emergency-review": "protected-emergency-review",
        "emergency-reminder": "protected-emergency-reminder",
        "emergency-overdue": "protected-emergency-overdue",
        PROTECTION_DUE: PROTECTION_DUE,
    }
)
"""What whoever has the duty for an address-protected case gets instead of its unit's leaders; otherwise that something is late."""
OF_PROTECTED: Final = frozenset({PROTECTED_ESCALATION, *FOR_THE_WATCH.values()})
HANDOVER_FELL: Final = "handover-fell"
FORM_REQUEST: Final = "form-request"
FORM_REMINDER: Final = "form-reminder"
FORM_DUE: Final = "form-due"
FORM_OVERDUE: Final = "form-overdue"
ADULT_SOON: Final = "adulthood-approaching"
ADULT: Final = "adulthood-reached"
ADULT_OVERDUE: Final = "adulthood-overdue"
OF_ENDINGS: Final = frozenset(
    {
        HANDOVER_FELL,
        FORM_REQUEST,
        FORM_REMINDER,
        FORM_DUE,
        FORM_OVERDUE,
        ADULT_SOON,
        ADULT,
        ADULT_OVERDUE,
    }
)
"""The templates about who takes over, forms, and the end of a case (seed rules 13, 14, 107)."""
INVITATION: Final = "meeting-invitation"
MOVED: Final = "meeting-moved"
CANCELLED: Final = "meeting-cancelled"
"""The templates about meetings: services are invited, so their leaders are told, and decide who comes (seed rule 6)."""
FAMILY_INVITED: Final = "family-invited"
FAMILY_MOVED: Final = "family-moved"
FAMILY_CANCELLED: Final = "family-cancelled"
OF_FAMILIES: Final = frozenset({FAMILY_INVITED, FAMILY_MOVED, FAMILY_CANCELLED})
"""The templates about meetings to a child's guardians, and to the child (seed rules 12, 32, 73)."""
SURVEY: Final = "survey-opened"
"""The template that the leaders of those who were at a meeting get: each who was there may answer once (seed rule 152)."""
CONSULTATION_REQUEST: Final = "consultation-request"
CONSULTATION_REMINDER: Final = "consultation-reminder"
CONSULTATION_OVERDUE: Final = "consultation-overdue"
CONSULTATION_ESCALATED: Final = "consultation-escalated"
CONSULTATION_CLOSED: Final = "consultation-closed"
OF_HEARINGS: Final = frozenset(
    {
        CONSULTATION_REQUEST,
        CONSULTATION_REMINDER,
        CONSULTATION_OVERDUE,
        CONSULTATION_ESCALATED,
        CONSULTATION_CLOSED,
    }
)
"""The templates about hearings: who is heard, and by when; never in what (seed rule 173)."""
REPORT_REMINDER: Final = "municipal-report-reminder"
REPORT_DUE: Final = "municipal-report-due"
REPORT_OVERDUE: Final = "municipal-report-overdue"
REPORT_ESCALATED: Final = "municipal-report-escalated"
OF_REPORTS: Final = frozenset({REPORT_REMINDER, REPORT_DUE, REPORT_OVERDUE, REPORT_ESCALATED})
"""The templates about a report that the municipality owes: that there is one, and by when; never which (rules 123, 127, 128)."""
FIGURE_REMINDER: Final = "figure-reminder"
FIGURE_DUE: Final = "figure-due"
FIGURE_OVERDUE: Final = "figure-overdue"
FIGURE_ESCALATED: Final = "figure-escalated"
OF_FIGURES: Final = frozenset({FIGURE_REMINDER, FIGURE_DUE, FIGURE_OVERDUE, FIGURE_ESCALATED})
"""The templates about figures that are to be entered: that there are, and by when; never which (rules 150, 151, 155, 164, 190)."""
NOT_CALLED: Final = "meeting-not-called"
ROUTINES: Final = "routines-not-followed"
OF_ROUTINES: Final = frozenset({NOT_CALLED, ROUTINES})
"""The templates to leaders about how meetings keep to their rules: that something is to be read, never what (seed rules 8, 95)."""
ITEM_LIFTED: Final = "meeting-item-lifted"
"""The template to those who call an arena's meetings: something was lifted to it, and waits for the next one (rules 68, 69)."""
ITEM_LEFT_OPEN: Final = "meeting-item-left-open"
"""The template that the holder gets: a meeting is recorded as held, and not whether their case was discussed (rules 4, 5)."""
STILL_TO_CALL: Final = frozenset({DeviationKind.TOO_FEW_PLANNED, DeviationKind.UNIT_WITHOUT_ARENA})
"""What can still be mended before it is late: a notice to call a meeting."""
ANSWER_REMINDER: Final = "meeting-answer-reminder"
DUTY_DECLINED: Final = "meeting-duty-declined"
DEPUTY_NAMED: Final = "meeting-deputy-named"
OF_ANSWERS: Final = frozenset({ANSWER_REMINDER, DUTY_DECLINED, DEPUTY_NAMED})
"""The templates about the answer for a seat with a duty to attend (seed rule 54)."""
OVERRIDE_DAYS: Final = 2
"""Days before what was shared by law must be judged on which its reviewers are reminded: as of a handover."""
GLASS_DAYS: Final = 1
"""Days before an emergency access must be reviewed on which its reviewers are reminded: the whole time is three by default."""
ANSWER_DAYS: Final = 4
"""Days before a meeting on which a seat with a duty that has not answered is reminded: over a weekend too, a working day is left
on which a deputy can be found."""
CONSENT_RENEWAL: Final = "consent-renewal"
CONSENT_REASSESSMENT: Final = "consent-reassessment"
CONSENT_EXPIRING: Final = "consent-expiring"
CONSENT_EXPIRED: Final = "consent-expired"
CONSENT_SUSPENDED: Final = "consent-suspended"
CONSENT_WITHDRAWN: Final = "consent-withdrawn"
CONSENT_DISAGREED: Final = "consent-disagreed"
CONSENT_LAPSED: Final = "consent-lapsed"
CONSENT_RECEIPT_MISSING: Final = "consent-receipt-missing"
OVERRIDE_REVIEW: Final = "override-review"
OVERRIDE_REMINDER: Final = "override-reminder"
OVERRIDE_OVERDUE: Final = "override-overdue"
"""The templates about what became of a consent, and about what is shared by law. None says which child, or what."""
OF_CONSENTS: Final = frozenset(
    {
        CONSENT_RENEWAL,
        CONSENT_REASSESSMENT,
        CONSENT_EXPIRING,
        CONSENT_EXPIRED,
        CONSENT_SUSPENDED,
        CONSENT_WITHDRAWN,
        CONSENT_DISAGREED,
        CONSENT_LAPSED,
        CONSENT_RECEIPT_MISSING,
        OVERRIDE_REVIEW,
        OVERRIDE_REMINDER,
        OVERRIDE_OVERDUE,
    }
)
GLASS_REVIEW: Final = "emergency-review"
GLASS_REMINDER: Final = "emergency-reminder"
GLASS_OVERDUE: Final = "emergency-overdue"
GLASS_ESCALATED: Final = "emergency-escalated"
OF_EMERGENCIES: Final = frozenset({GLASS_REVIEW, GLASS_REMINDER, GLASS_OVERDUE, GLASS_ESCALATED})
"""The templates about emergency accesses, to whoever is to review them."""
SUBSCRIPTION_STOPPED: Final = "subscription-stopped"
SUBSCRIPTION_BARRED: Final = "subscription-barred"
SUBSCRIPTION_RECEIPT_MISSING: Final = "subscription-receipt-missing"
OF_SUBSCRIPTIONS: Final = frozenset({SUBSCRIPTION_STOPPED, SUBSCRIPTION_BARRED, SUBSCRIPTION_RECEIPT_MISSING})
"""The templates to whoever runs another system: that its subscription is stopped, or has not acknowledged. They are mailed as they
stand: they are about nobody."""
NEWS: Final = frozenset(
    {MEASURES_CHANGED, PLAN_CHANGED, OVERLAP_ELSEWHERE, MOVED, CANCELLED, CONSULTATION_CLOSED, DEPUTY_NAMED}
)
"""The templates to leaders that ask nothing of them: where no leader is known they are told to nobody. All others wait for one."""
UNTIL_DUE: Final = frozenset(
    {
        SURVEY,
        ANSWER_REMINDER,
        DUTY_DECLINED,
        CONSULTATION_REQUEST,
        CONSULTATION_REMINDER,
        # That it is late is told by itself, and what is not called in its term is found as too few held.
        CONTRIBUTION_REMINDER,
        REPORT_REMINDER,
        FIGURE_REMINDER,
        NOT_CALLED,
        *(said for each in (OVERRIDE_REMINDER, GLASS_REMINDER) for said in (each, FOR_THE_WATCH[each])),
    }
)
"""The templates that are of no use when the moment that they are about is over."""
REFUSED: Final = MappingProxyType({Way.EMAIL: "email-refused", Way.SMS: "sms-refused"})
"""What tells somebody, in the application, that what they gave as an address or number takes nothing."""
ASKS: Final = frozenset({"consent-request", "consent-reminder", CONSENT_RENEWAL, CONSENT_REASSESSMENT})
"""The templates that ask for an answer: whoever has answered does not get them."""
OF_OPEN_CASES: Final = ASKS | {
    FORM_REQUEST,
    FORM_REMINDER,
    FORM_DUE,
    FORM_OVERDUE,
    CONTACT_MISSING,
    COORDINATOR_MISSING,
    ADULT_OVERDUE,
}
"""The templates that ask for something in a case: in one that is closed nobody is."""
REVIEWED_AFTERWARDS: Final = frozenset(
    {
        CONSENT_RECEIPT_MISSING,
        *(OVERRIDE_REVIEW, OVERRIDE_REMINDER, OVERRIDE_OVERDUE),
        *(GLASS_REVIEW, GLASS_REMINDER, GLASS_OVERDUE, GLASS_ESCALATED),
    }
)
AFTER_ERASURE: Final = frozenset(
    {*REVIEWED_AFTERWARDS, *(said for asked, said in FOR_THE_WATCH.items() if asked in REVIEWED_AFTERWARDS)}
)
"""The templates about what is judged whatever became of the case: who looked, what was and is shared (invariants 4, 12)."""
AFTER_CLOSING: Final = AFTER_ERASURE | {REPORT_BY_LETTER, REPORT_UNANSWERED, PROTECTION_DUE}
"""And about what is done of a case that is closed: everything else that waits for a leader in it is over (seed rules 93, 95)."""
BY_LETTER: Final = MappingProxyType(
    {
        # Seed rules 4, 5, 101: nothing is shared before they have answered, and nobody may be left out for want of a telephone.
        "consent-request": "asks for consent",
        CONSENT_RENEWAL: "asks for consent again",
        CONSENT_REASSESSMENT: "asks for consent again, on other terms",
        # Seed rule 14: the form is not sent before they have approved it.
        FORM_REQUEST: "asks for approval of a form",
        # Seed rules 12, 73: they take part as equals, and some meetings cannot be held without them.
        FAMILY_INVITED: "asks whether they come to a meeting about their child",
    }
)
"""What a guardian must have had a chance to answer: by letter when nothing else has reached them. With the reason."""
TWICE: Final = MappingProxyType(
    {
        # Seed rule 107: between two holders a child has nobody who acts.
        "handover-overdue": "a handover is not answered in time",
        "handover-escalated": "a handover is not answered in time, and the leader may answer",
        HANDOVER_FELL: "the case is the leader's from now on",
        GLASS_OVERDUE: "an emergency access has not been reviewed in time",
        GLASS_ESCALATED: "an emergency access has still not been reviewed",
    }
)
"""What goes by e-mail and by SMS, to those who have given both. With the reason."""
INTERPRETER_NEEDED: Final = "interpreter-needed"
INTERPRETER_OFFERED: Final = "interpreter-offered"
INTERPRETER_EXPECTED: Final = "interpreter-expected"
NOTES: Final = frozenset({INTERPRETER_NEEDED, INTERPRETER_OFFERED, INTERPRETER_EXPECTED})
"""What stands below a message where somebody in the family is spoken with through an interpreter (seed rule 146)."""
TALKS: Final = frozenset(
    {
        "consent-unanswered",
        "evaluation-reminder",
        "handover-request",
        MEETING.reminder,
        MEETING.overdue,
        COORDINATION.asked,
        CONTRIBUTION_REQUEST,
        COORDINATOR,
        CONTACT_CHOSEN,
        CONTACT_MISSING,
        PLAN_WISHED,
    }
)
"""After which somebody talks with the family: they are to think of the interpreter in time."""
WITH_CALENDAR: Final = frozenset({INVITATION, MOVED, CANCELLED}) | OF_FAMILIES
"""What brings an entry for the calendar along, and so waits for no digest."""
CONSENT_DAYS: Final = 14
"""Days after which whoever asked for consent is told that not everybody has answered; sooner where it must be answered sooner."""


def note_of(template: str, role: Role, *, own: bool, anybody: bool, wanted: bool = False) -> str | None:
    """Return the template of what stands below a message.

    Args:
        template: Of the message.
        role: The recipient's.
        own: Whether the recipient is spoken with through an interpreter.
        anybody: Whether somebody in the family is.
        wanted: Whether an interpreter is wanted in the meeting that it is about.
    """
    if role in {Role.GUARDIAN, Role.CHILD}:
        expected = wanted and template in {FAMILY_INVITED, FAMILY_MOVED}
        return (INTERPRETER_EXPECTED if expected else INTERPRETER_OFFERED) if own else None
    return INTERPRETER_NEEDED if (anybody or wanted) and template in TALKS | {INVITATION} else None


def policy_of(kind: DeadlineKind, *, meeting: bool = False, coordination: bool = False) -> Policy:
    """Return the steps of a deadline of that kind; of a case it may be its meeting's, of a handover the coordination's."""
    if meeting:
        return MEETING
    return COORDINATION if coordination else POLICIES[kind]


def remind_at(kind: DeadlineKind, due: datetime, since: datetime) -> datetime | None:
    """Return when to remind of something due then, in UTC; none when it was already that late when it was set.

    What counts is when it was set, not when this service heard of it: a reminder that it slept through comes late, but comes.
    """
    moment = add_days(due, -POLICIES[kind].remind_days)
    return moment if moment > since else None


def escalate_at(kind: DeadlineKind, due: datetime) -> datetime | None:
    """Return when the unit's leader is told that it was not done, in UTC; none where no leader is."""
    days = POLICIES[kind].escalate_days
    return None if days is None else add_days(due, days)
