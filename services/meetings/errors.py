"""What the meetings service refuses, and why. The docstring is the message; `extensions` say what is missing and from whom."""

from __future__ import annotations

from shared.errors import LagspillError, UnavailableError


class MeetingsError(LagspillError):
    """The meetings service refuses this."""

    code = "meeting-refused"
    status = 409


# --- who may ----------------------------------------------------------------------------------------------------------


class UnknownError(MeetingsError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


class ForeignCaseError(UnknownError):
    """There is nothing here that the actor may see."""

    # Answered exactly as an unknown one; apart, because it leaves an access record.


class CaseClosedError(MeetingsError):
    """The case is closed. Whoever had it opens it again before it is spoken of by name, or something is planned in it."""

    code = "case-closed"


class CaseElsewhereError(MeetingsError):
    """At that moment the case was closed, or was not the unit's any more that brought the item."""

    code = "case-not-with-unit"


class MayNotCallError(MeetingsError):
    """Somebody else calls the meetings of this arena."""

    code = "may-not-call"
    status = 403


class MayNotAcceptError(MeetingsError):
    """The agenda is decided by those who call the meeting."""

    code = "may-not-accept"
    status = 403


class ReportsForbiddenError(MeetingsError):
    """How the meetings keep to their rules is for the leaders of the units and for the coordinator."""

    code = "reports-forbidden"
    status = 403


class ReportUnknownError(MeetingsError):
    """The municipality's profile has no such report."""

    code = "report-unknown"
    status = 404


class ReportNotYoursError(MeetingsError):
    """That a report was delivered is said by whoever owes it, or a leader of the municipality's administration."""

    code = "report-not-yours"
    status = 403


class ReportNotExpectedError(MeetingsError):
    """Nobody waits for this report by that day."""

    code = "report-not-expected"


class ReportDeliveredError(MeetingsError):
    """It was delivered already, on another day."""

    code = "report-delivered"


class PeriodUnknownError(MeetingsError):
    """There are reports of terms, such as 2026-autumn or 2027-spring."""

    code = "period-unknown"
    status = 422


class PeriodNotOverError(MeetingsError):
    """A term's report is there when the term is over."""

    code = "period-not-over"


class FigureUnknownError(MeetingsError):
    """The report has no such figure."""

    code = "figure-unknown"
    status = 404


class CalendarForbiddenError(MeetingsError):
    """A calendar is for those who have a seat in its meetings."""

    code = "calendar-forbidden"
    status = 403


class NoArenaCalendarError(MeetingsError):
    """An arena around a child has no calendar: how often it meets would tell of children."""

    code = "no-arena-calendar"
    status = 403


class NoAddressError(MeetingsError):
    """There is no address to withdraw."""

    code = "no-calendar-address"


class CalendarBusyError(MeetingsError):
    """The calendar was read too often at this address."""

    code = "calendar-busy"
    status = 429


# --- calling ----------------------------------------------------------------------------------------------------------


class ArenaRetiredError(MeetingsError):
    """The municipality's profile no longer has this arena."""

    code = "arena-retired"


class ArenaNotBegunError(MeetingsError):
    """This arena does not meet before its first day, which is under `begins`."""

    code = "arena-not-begun"


class CalledTooShortError(MeetingsError):
    """The members of this arena set aside at least `shortest` minutes for each meeting."""

    code = "called-too-short"
    status = 422


class ServiceNotMemberError(MeetingsError):
    """A service that has no seat in this arena cannot be invited."""

    code = "service-not-member"
    status = 403


class UnitsWrongError(MeetingsError):
    """The meeting needs the units that take part, and only units that have a seat in it."""

    code = "units-wrong"
    status = 422


class TermHasMeetingError(MeetingsError):
    """The term has its meetings already: ask for an extra one."""

    code = "term-has-meeting"


class NoExtraMeetingsError(MeetingsError):
    """This arena has no extra meetings."""

    code = "no-extra-meetings"


class OutsideWindowError(MeetingsError):
    """The arena's meetings belong in another part of the year."""

    code = "outside-window"


class PublicHolidayError(MeetingsError):
    """No meeting is called for a public holiday."""

    code = "public-holiday"


class StartsInThePastError(MeetingsError):
    """A meeting is not called for, or moved to, a time that has passed; one that was held is recorded with when that was."""

    code = "starts-in-the-past"
    status = 422


class StartsAtNightError(MeetingsError):
    """No meeting begins between ten in the evening and six in the morning, as clocks in Norway show it: is the zone right?"""

    code = "starts-at-night"
    status = 422


class HolidaysUnknownError(MeetingsError):
    """The municipality's profile does not say when the schools are closed in that school year: nothing can be planned."""

    code = "holidays-unknown"
    status = 422


# --- answering an invitation ----------------------------------------------------------------------------------------


class NoSeatError(MeetingsError):
    """An invitation is answered for a seat of one's own."""

    code = "no-seat"
    status = 403


class MeetingHasBegunError(MeetingsError):
    """The meeting has begun: what counts now is who came."""

    code = "meeting-has-begun"


class DeputyOrReasonMissingError(MeetingsError):
    """A seat with a duty to attend is declined with a deputy or a reason."""

    code = "deputy-or-reason-missing"
    status = 422


class AnswerUnclearError(MeetingsError):
    """A deputy and a reason belong to declining a service's seat, a case to a family's answer."""

    code = "answer-unclear"
    status = 422


class DeputyWrongError(MeetingsError):
    """A deputy comes from the seat's own service, in a role that works there."""

    code = "deputy-wrong"
    status = 422


class KinUnknownError(MeetingsError, UnavailableError):
    """Whether the actor may answer for this child is not known just now."""

    code = "kin-unknown"
    status = 503


# --- state ------------------------------------------------------------------------------------------------------------


class MeetingStateError(MeetingsError):
    """The meeting has come too far for this, or not far enough."""

    code = "meeting-state-forbids"


class ItemStateError(MeetingsError):
    """The agenda item has come too far for this, or not far enough."""

    code = "item-state-forbids"


class ItemNotNamedError(MeetingsError):
    """Only an item by name is recorded afterwards: what names nobody was shown to whoever recorded the meeting."""

    code = "item-not-named"


class UnknownItemError(MeetingsError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


# --- how children may be spoken of ------------------------------------------------------------------------------------


class NotPublicError(MeetingsError):
    """Business and voluntary organisations hear of no child by name, whatever the consent says."""

    code = "not-public"
    status = 403


class ArenaAnonymousOnlyError(MeetingsError):
    """In this arena no child is discussed by name, whatever the consent says."""

    code = "arena-anonymous-only"
    status = 403


class ArenaSystemOnlyError(MeetingsError):
    """In this arena no child is discussed at all."""

    code = "arena-system-only"
    status = 403


class ArenaNamedOnlyError(MeetingsError):
    """Around this child nothing can be anonymous: bring the item by name, or without a child."""

    code = "arena-named-only"
    status = 403


class ItemModeError(MeetingsError):
    """An item of this kind cannot be brought in this way."""

    code = "item-mode-forbidden"
    status = 422


class NotAnonymousError(MeetingsError):
    """The text could show who it is about: write it without these words."""

    code = "text-not-anonymous"
    status = 422


class AnonymousItemHoldsCaseError(MeetingsError):
    """Only a named item may hold a case, categories or a purpose."""

    code = "anonymous-item-holds-case"
    status = 422


class NamedItemIncompleteError(MeetingsError):
    """A named item needs its case, the categories of information and the purpose."""

    code = "named-item-incomplete"
    status = 422


class OnlyHolderBringsNamedError(MeetingsError):
    """By name an item is brought by the barnehage or school that holds the consent."""

    code = "only-holder-brings-named"
    status = 403


class ConsentMissingError(MeetingsError):
    """No consent in force covers this."""

    code = "consent-missing"


class MustLeaveItemError(MeetingsError):
    """These services are outside the consent: they leave the item."""

    code = "must-leave-item"


# --- holding and minutes ----------------------------------------------------------------------------------------------


class HeldFarOffError(MeetingsError):
    """A meeting is held within half a year of the time for which it was called, `called_for`: is this the right date?"""

    code = "held-far-off"
    status = 422


class HoldingTimesError(MeetingsError):
    """A meeting is held in the order start, end, now, after it was called; and what was discussed lies between, and was brought."""

    code = "holding-times-wrong"
    status = 422


class AttendanceError(MeetingsError):
    """The attendance does not agree with who has a seat."""

    code = "attendance-wrong"
    status = 422


class SeatRoleError(MeetingsError):
    """The seat is for another role: say that whoever came was its deputy, with authority to decide, or leave them out."""

    code = "seat-role-wrong"
    status = 422


class SeatTwiceError(MeetingsError):
    """Of one seat it is said twice whether its holder came: say it once."""

    code = "seat-twice"
    status = 422


class AbsenceWithoutReasonError(MeetingsError):
    """A fixed member with a duty to attend was absent: the deviation needs its reason."""

    code = "absence-without-reason"
    status = 422


class ChairMissingError(MeetingsError):
    """The chair must be one of those who were present."""

    code = "chair-missing"
    status = 422


class GuardiansMissingError(MeetingsError):
    """Without guardians of each child that is spoken of this meeting cannot be held."""

    code = "guardians-missing"


class FamilyUnclearError(MeetingsError):
    """Guardians and child are said of an item that names the child: no more guardians than were there, and why a child was not."""

    code = "family-unclear"
    status = 422


class ChildPartMissingError(MeetingsError):
    """The child was invited: say whether it was there, was represented, or was not there and why."""

    code = "child-part-missing"
    status = 422


class ChildMissingError(MeetingsError):
    """Without the child, or somebody who speaks for it, this meeting cannot be held."""

    code = "child-missing"


class TooManySeatsError(MeetingsError):
    """An organisation has more seats at the meeting than the arena gives it."""

    code = "too-many-seats"


class MeetingFullError(MeetingsError):
    """More were at the meeting than the arena has seats."""

    code = "meeting-full"


class AnonymousOutcomeError(MeetingsError):
    """Without a case nothing can be planned: the outcome of this item is guidance."""

    code = "anonymous-outcome"
    status = 422


class OutcomeIncompleteError(MeetingsError):
    """The decision and its measures do not agree."""

    code = "outcome-incomplete"
    status = 422


class LiftsNowhereError(MeetingsError):
    """This arena lifts nothing: the municipality's profile names no other that takes what it does not solve itself."""

    code = "arena-lifts-nowhere"


class NotLiftedError(MeetingsError):
    """The item was not lifted to another arena, so there is nothing to take back."""

    code = "item-not-lifted"


class LiftOnAgendaError(MeetingsError):
    """It no longer waits: it stands on the agenda of a meeting, and is taken off there."""

    code = "lifted-item-on-agenda"


class LiftSettledError(MeetingsError):
    """It waits no more: it was discussed, taken off or taken back, or the unit has the case no more."""

    code = "lifted-item-settled"


class AuthorityMissingError(MeetingsError):
    """A service is bound by whom it sent, where members may decide: ask one that was not there to contribute."""

    code = "authority-missing"
    status = 403


# --- hearings ---------------------------------------------------------------------------------------------------------


class MayNotConsultError(MeetingsError):
    """A hearing is opened by the leader of a unit of the municipality, or its coordinator; and closed by whoever opened it."""

    code = "may-not-consult"
    status = 403


class MayNotAnswerError(MeetingsError):
    """For a body its leader answers; for a service whoever represents it."""

    code = "may-not-answer"
    status = 403


class ConsultationKindError(MeetingsError):
    """The municipality has no hearings of this kind."""

    code = "consultation-kind-unknown"
    status = 422


class ConsultationBodiesError(MeetingsError):
    """Somebody must be heard, and only units that are heard in such matters."""

    code = "consultation-bodies-wrong"
    status = 422


class ConsultationTimeError(MeetingsError):
    """The bodies have at least the days that the municipality gives them, and at most half a year."""

    code = "consultation-time-wrong"
    status = 422


class AnswerTextMissingError(MeetingsError):
    """Who has remarks, or is against it, says what."""

    code = "answer-text-missing"
    status = 422


class AlreadyAnsweredError(MeetingsError):
    """The body has answered: it may correct its answer."""

    code = "consultation-answered"


class NotAnsweredError(MeetingsError):
    """The body has not answered: there is nothing to correct."""

    code = "consultation-not-answered"


class ConsultationOpenError(MeetingsError):
    """There is still time to answer, and not everybody has."""

    code = "consultation-open"


class ConsultationClosedError(MeetingsError):
    """The hearing is closed: nobody answers any more."""

    code = "consultation-closed"


# --- surveys ----------------------------------------------------------------------------------------------------------


class SurveyClosedError(MeetingsError):
    """The time to answer the survey is out."""

    code = "survey-closed"


class SurveyAnsweredError(MeetingsError):
    """Each who was there answers a survey once, and this was answered."""

    code = "survey-answered"


class SurveyTicketMissingError(MeetingsError):
    """Only those who were at the meeting answer, with the ticket that whoever called it hands out to each."""

    code = "survey-ticket-missing"
    status = 422


class AnswersWrongError(MeetingsError):
    """Every question of the survey is answered once, from 1 to 5."""

    code = "survey-answers-wrong"
    status = 422


class TicketsForbiddenError(MeetingsError):
    """The tickets are handed out by whoever calls the meeting."""

    code = "survey-tickets-forbidden"
    status = 403


# --- what units record of themselves ----------------------------------------------------------------------------------


class RegisterForbiddenError(MeetingsError):
    """What a unit records of itself is for those who work there, its leader, and the coordinator."""

    code = "register-forbidden"
    status = 403


class NotYoursToRecordError(MeetingsError):
    """The municipality does not ask this of your unit."""

    code = "not-yours-to-record"
    status = 422


class CompetenceCountError(MeetingsError):
    """No more can have a competence than there are."""

    code = "competence-count-wrong"
    status = 422


class GuidanceNotRecordedError(MeetingsError):
    """Your unit has not recorded that guidance for that day, or has taken it back already."""

    code = "guidance-not-recorded"


class RecordedDayError(MeetingsError):
    """What is recorded is over, and not longer ago than a school year."""

    code = "recorded-day-wrong"
    status = 422


# --- figures that people enter ----------------------------------------------------------------------------------------


class IndicatorUnknownError(MeetingsError):
    """The municipality's profile has no such indicator whose figures are entered by people."""

    code = "indicator-unknown"
    status = 422


class FigureNotYoursError(MeetingsError):
    """Somebody else enters this figure: whoever the profile names, or the unit's leader for the own unit."""

    code = "figure-not-yours"
    status = 403


class FigureUnitError(MeetingsError):
    """The figure is of a unit of the right kind that was there then; or of the municipality, and of no unit."""

    code = "figure-unit-wrong"
    status = 422


class FigurePeriodError(MeetingsError):
    """The figure is of a period of the kind that the profile says: a month, a term, a school year or a year."""

    code = "figure-period-wrong"
    status = 422


class FigureValueError(MeetingsError):
    """A count is a whole number; a percentage has one decimal at most, is at most 100, and of children it says of how many."""

    code = "figure-value-wrong"
    status = 422


class FigureEnteredError(MeetingsError):
    """It is entered already. A correction puts another number in its place and keeps this one."""

    code = "figure-entered"
