"""What the cases service refuses, and why. The docstring is the message; `extensions` say what is missing and from whom."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from shared.errors import LagspillError, UnavailableError


class CaseError(LagspillError):
    """The cases service refuses this."""

    code = "case-refused"
    status = 409


# --- who may ----------------------------------------------------------------------------------------------------------


class DeniedError(CaseError):
    """The actor may not do this. Every denial on an existing case leaves an access record with `reason`."""

    code = "forbidden"
    status = 403

    def __init__(self, reason: str, extensions: Mapping[str, JsonValue] | None = None) -> None:
        """Deny for `reason`, a code that goes into the access record and is never answered; `extensions` are."""
        super().__init__(extensions=extensions)
        self.reason = reason


class NotInvolvedError(DeniedError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


class NotPermittedError(DeniedError):
    """Your part in this case does not include this."""

    code = "not-permitted"


class CoordinatorUnplacedError(DeniedError):
    """It is not known in which unit you coordinate this case: whoever holds it must appoint you again."""

    code = "coordinator-unplaced"

    def __init__(self) -> None:
        """Deny: of an address-protected case nobody coordinates from where nobody knows."""
        super().__init__(self.code)


class PurposeNotCoveredError(DeniedError):
    """What you may see was not given for this purpose."""

    code = "purpose-not-covered"

    def __init__(self, extensions: Mapping[str, JsonValue]) -> None:
        """Deny, and say in `extensions` for what it was given, and who could grant more (seed rule 106)."""
        super().__init__("purpose-not-covered", extensions)


class NotStaffError(CaseError):
    """Only an employee of a unit may register a concern."""

    code = "not-staff"
    status = 403


class UnknownPartError(CaseError):
    """There is nothing here that the actor may see."""

    code = "not-found"
    status = 404


class NoLegalBasisError(CaseError):
    """The code list holds no row for this on this day."""

    code = "code-list-row-missing"
    status = 503


class NoProfileError(CaseError):
    """This municipality has not said yet how it works with cases: its profile is missing."""

    code = "profile-missing"


# --- concern and case -------------------------------------------------------------------------------------------------


class ConcernSettledError(CaseError):
    """The concern has been acted on already."""

    code = "concern-settled"


class CriterionUnknownError(CaseError):
    """This is no criterion of the municipality for concerns of this area."""

    code = "criterion-unknown"
    status = 422


class FamilyFrameUnknownError(CaseError):
    """This is no part of the family's overall frame in the municipality's vocabulary."""

    code = "family-frame-unknown"
    status = 422


class CompetenceUnknownError(CaseError):
    """The municipality has not said at which level this service takes part."""

    code = "competence-unknown"
    status = 422


class ConcernOpenError(CaseError):
    """A case cannot be closed while a concern in it waits for an action."""

    code = "concern-open"


class CaseNotOpenError(CaseError):
    """The case is not open."""

    code = "case-not-open"


class CaseNotClosedError(CaseError):
    """Only a closed case can be reopened."""

    code = "case-not-closed"


class CaseGoesOnElsewhereError(CaseError):
    """A case that was closed because it moved goes on elsewhere, and is not opened again here. Register a new concern."""

    code = "case-moved"


class MeasureUnfinishedError(CaseError):
    """A case cannot be closed while measures are open: evaluate them first."""

    code = "measure-open"


class NotInTeamError(CaseError):
    """The contact person must belong to the team around the child."""

    code = "not-in-team"


# --- the team around the child ----------------------------------------------------------------------------------------


class NotHeardReasonError(CaseError):
    """This reason does not count for not hearing the child before this decision."""

    code = "not-heard-reason"
    status = 422


class AlreadyMemberError(CaseError):
    """The service is in the team already, or holds the case itself."""

    code = "already-member"


class NotAMemberError(CaseError):
    """The service is not in the team."""

    code = "not-a-member"


class MemberHasMeasureError(CaseError):
    """The service carries out a measure: membership follows measures, so end those first."""

    code = "member-has-measure"


class CoordinatorNotRequestedError(CaseError):
    """A child coordinator is appointed when the guardians or the child have asked for one."""

    code = "coordinator-not-requested"


class CoordinatorUnfitError(CaseError):
    """A coordinator is a health nurse or coordinator by profession, in the service that coordinates."""

    code = "coordinator-unfit"
    status = 422


class NoCoordinatorError(CaseError):
    """Nobody is appointed."""

    code = "no-coordinator"


class ChildOfAgeError(CaseError):
    """A child coordinator is for children under 18, and so is a group's, unless there is an individual plan (seed rule 24)."""

    code = "child-of-age"


class ChildNotOfAgeError(CaseError):
    """The child is not of age yet: a case ends for that from the eighteenth birthday on."""

    code = "child-not-of-age"


class ContributionOpenError(CaseError):
    """The service has been asked already, and that is not settled."""

    code = "contribution-open"


class ContributionNotOpenError(CaseError):
    """This request is answered or ended."""

    code = "contribution-not-open"


class LeaderMustDeclineError(DeniedError):
    """Whoever is asked to contribute is obliged to take part; only the service's leader can decline, with a reason."""

    code = "leader-must-decline"


class AsksItselfError(CaseError):
    """The holder's own service needs no request."""

    code = "asks-itself"
    status = 422


class FiguresForLeadersError(CaseError):
    """Figures of the services are for those who lead."""

    code = "leaders-only"
    status = 403


class UnitMissingError(CaseError):
    """There are many of this kind: name the barnehage or school."""

    code = "unit-missing"
    status = 422


class UnitUntellableError(CaseError):
    """The child's address is protected, and no message may say which barnehage or school it is about: ask its leader yourself."""

    code = "unit-untellable"


class NotAnonymousError(CaseError):
    """The text could lead to a person; an anonymous request may not."""

    code = "not-anonymous"
    status = 422


class PlanExistsError(CaseError):
    """There is an individual plan already."""

    code = "plan-exists"


class PlanNotRequestedError(CaseError):
    """An individual plan is made when the guardians or the child want one; it is imposed on nobody."""

    code = "plan-not-requested"


class PlanNotOpenError(CaseError):
    """The plan has not begun, or has ended."""

    code = "plan-not-open"


class GroundUnknownError(CaseError):
    """A concern report rests on one of the law's grounds."""

    code = "report-ground-unknown"
    status = 422


class GuardiansReasonError(CaseError):
    """Say that the guardians are told, or why telling them would be dangerous."""

    code = "guardians-reason"
    status = 422


class LetterUnavailableError(CaseError):
    """The letter cannot be made just now."""

    code = "letter-unavailable"
    status = 503


class ReportNotToPostError(CaseError):
    """This report does not wait to be posted."""

    code = "report-not-to-post"


class ReportConcludedError(CaseError):
    """Child welfare has dismissed this report, or ended its investigation."""

    code = "report-concluded"


class ReportOnItsWayError(CaseError):
    """A report to child welfare has not gone yet, and its words would be lost: post it, or wait for its receipt, first."""

    code = "report-on-its-way"


class ReportNotPostedError(CaseError):
    """The letter has not been posted: nobody can have answered it."""

    code = "report-not-posted"


class FiguresForbiddenError(CaseError):
    """Figures are for the leaders of units and the municipality's coordinator."""

    code = "figures-forbidden"
    status = 403


class PeriodUnknownError(CaseError):
    """There are figures for terms, such as 2026-autumn or 2027-spring."""

    code = "period-unknown"
    status = 422


class PeriodNotOverError(CaseError):
    """The figures of a term are there when it is over."""

    code = "period-not-over"


class FiguresUnreadableError(CaseError, UnavailableError):
    """How old some of the children are cannot be read just now, and what is told of a term is told for good."""

    code = "figures-unreadable"
    status = 503


# --- consent ----------------------------------------------------------------------------------------------------------


class ChildViewMissingError(CaseError):
    """The child must be heard before this is decided."""

    code = "child-view-missing"


class ConsentElsewhereError(CaseError):
    """To services of another municipality consent is asked for where a child moves there: for the transition, and nothing else."""

    code = "consent-elsewhere"
    status = 422


class ConsentMissingError(CaseError):
    """No consent in force covers this."""

    code = "consent-missing"


class OverrideNoHandoverError(ConsentMissingError):
    """Sharing by law gives this service information, and not the case: a handover takes a consent for transition."""

    code = "override-no-handover"


class ConsentPeriodError(CaseError):
    """The consent's last day has passed already."""

    code = "consent-period-past"
    status = 422


class ConsentNotOpenError(CaseError):
    """This consent waits for no answer: it was refused, withdrawn or has expired."""

    code = "consent-not-open"


class AlreadyAnsweredError(CaseError):
    """This grantor has granted already."""

    code = "already-granted"


class AlreadyRefusedError(CaseError):
    """This grantor has refused already."""

    code = "already-refused"


class ConsentNotRenewableError(CaseError):
    """Only a consent that is or was in force can be renewed: ask anew."""

    code = "consent-not-renewable"


class RenewalOpenError(CaseError):
    """The next period has been asked for already."""

    code = "renewal-open"


class NotAGrantorError(CaseError):
    """The consent is not asked for from this grantor."""

    code = "not-a-grantor"


class EvidenceMissingError(CaseError):
    """A consent recorded for somebody else needs a note of how it was given, and from whom."""

    code = "evidence-missing"
    status = 422


class NothingToWithdrawError(CaseError):
    """The consent does not hold what is to be withdrawn."""

    code = "nothing-to-withdraw"


class WithdrawalTooFineError(CaseError):
    """Withdraw services, categories or purposes, one of the three at a time."""

    code = "withdrawal-one-kind"
    status = 422


class CareOrderKnownError(CaseError):
    """Who has the care is recorded so already."""

    code = "care-order-known"


# --- confidentiality overridden by law --------------------------------------------------------------------------------


class BasisNoOverrideError(CaseError):
    """This legal basis does not let confidentiality be overridden."""

    code = "basis-no-override"
    status = 422


class BasisNotOpenError(CaseError):
    """This legal basis is not open to these services."""

    code = "basis-not-open"
    status = 422


class OverridePeriodError(CaseError):
    """The last day must lie ahead, and within what the legal basis allows."""

    code = "override-period"
    status = 422


class ReviewTimeError(CaseError):
    """The review must lie ahead, within the time that is allowed for it."""

    code = "review-by-out-of-range"
    status = 422


class ChildHeardAndNotError(CaseError):
    """The child was heard: there is no reason why not."""

    code = "child-was-heard"
    status = 422


class OwnOverrideError(CaseError):
    """Somebody else must judge what you did."""

    code = "own-override"
    status = 403


class OverrideReviewedError(CaseError):
    """This has been reviewed already."""

    code = "override-reviewed"


# --- measures ---------------------------------------------------------------------------------------------------------


class OfferUnknownError(CaseError):
    """This type of measure is not in the municipality's ladder of offers."""

    code = "offer-unknown"
    status = 422


class OfferRetiredError(CaseError):
    """This type of measure was discarded; it is no longer offered."""

    code = "offer-retired"


class OfferAboveLevelError(CaseError):
    """This type of measure belongs to a higher level than the case is at."""

    code = "offer-above-level"


class EvaluationTooLateError(CaseError):
    """The evaluation lies further ahead than the municipality lets a measure go on without one."""

    code = "evaluate-by-too-late"
    status = 422


class MeasureStartedError(CaseError):
    """The measure has begun already."""

    code = "measure-started"


class NothingChangedError(CaseError):
    """Nothing about the measure would be changed."""

    code = "nothing-changed"
    status = 422


class NotEvaluatedError(CaseError):
    """A measure that has begun is evaluated before it is stopped, and stopped for what the evaluation showed."""

    code = "measure-not-evaluated"


class OverlapSettledError(CaseError):
    """No overlap of this measure waits for this owner's explanation."""

    code = "overlap-not-open"


class NoEffectBeforeError(CaseError):
    """This measure had no effect before; a new reason is needed to try it again."""

    code = "measure-had-no-effect"


class EvaluationDateError(CaseError):
    """A measure that goes on needs an evaluation date ahead."""

    code = "evaluate-by-past"
    status = 422


class MustChangeError(CaseError):
    """A measure without effect must be stopped, changed or stepped up."""

    code = "no-effect-must-change"


class MeasureStoppedError(CaseError):
    """The measure has ended."""

    code = "measure-stopped"


class SameLevelError(CaseError):
    """The case is at this level already."""

    code = "level-same"


class LevelStepError(CaseError):
    """Effort is stepped up one level at a time."""

    code = "level-step"


class LevelReasonError(CaseError):
    """This reason does not lead in that direction."""

    code = "level-reason"
    status = 422


class EvaluationMissingError(CaseError):
    """This reason rests on the evaluation of a measure of the case that showed it."""

    code = "evaluation-missing"


class CompetenceMissingError(CaseError):
    """The highest level takes specialist help: say which service comes in."""

    code = "competence-missing"


class HighestLevelError(CaseError):
    """The case is at the highest level already."""

    code = "level-highest"


# --- handover and forms -----------------------------------------------------------------------------------------------


class HandoverOpenError(CaseError):
    """A handover waits for an answer: withdraw it or await it."""

    code = "handover-open"


class HandoverNotOpenError(CaseError):
    """The handover has been answered, withdrawn or cancelled."""

    code = "handover-not-open"


class ReceiverIsSenderError(CaseError):
    """A handover goes to somebody else."""

    code = "receiver-is-sender"
    status = 422


class SenderCannotAcceptError(CaseError):
    """The sender cannot answer its own handover."""

    code = "sender-cannot-accept"
    status = 403


class ReceiverElsewhereError(CaseError):
    """The receiver no longer works where the handover was sent."""

    code = "receiver-elsewhere"


class AnswerTimeError(CaseError):
    """The time to answer must lie ahead, at most thirty days."""

    code = "respond-by-out-of-range"
    status = 422


class HandoverNeedsFormError(CaseError):
    """A handover between barnehage and school is made by sending an approved transition form."""

    code = "handover-needs-form"


class OutsideHoldingError(CaseError):
    """The package holds more than the sender does."""

    code = "outside-holding"


class FormNotApprovedError(CaseError):
    """The guardians have not approved this version of the form."""

    code = "form-not-approved"


class FormVersionError(CaseError):
    """There is a newer version of the form; only that one can be approved."""

    code = "form-version-superseded"


class FormSentError(CaseError):
    """The form has been sent; it can no longer be changed or approved."""

    code = "form-sent"


# --- input that only this service can judge ---------------------------------------------------------------------------


class NationalNumberError(CaseError):
    """This is not a valid national number."""

    code = "national-number-invalid"
    status = 422


# --- emergency access -------------------------------------------------------------------------------------------------


class GlassNotAllowedError(CaseError):
    """Your role may not open a case in an emergency."""

    code = "break-glass-not-allowed"
    status = 403


class GlassOpenError(CaseError):
    """You have opened this case in an emergency already, and it is still open."""

    code = "break-glass-open"


class GlassUnneededError(CaseError):
    """Your part in the case shows you this without an emergency."""

    code = "break-glass-unneeded"


class OwnReviewError(CaseError):
    """An emergency access is reviewed by somebody else than whoever opened it."""

    code = "own-review"
    status = 403


class GlassReviewedError(CaseError):
    """This emergency access has been reviewed."""

    code = "break-glass-reviewed"


# --- more on handovers ------------------------------------------------------------------------------------------------


class HandoverKindError(CaseError):
    """This is not the kind of handover that leads from the sender to the receiver."""

    code = "handover-kind"
    status = 422


class OrganisationMissingError(CaseError):
    """The receiver belongs to another employer: say which organisation."""

    code = "organisation-missing"
    status = 422


class HolderNotAwayError(CaseError):
    """The holder is not registered as away: only the holder hands over."""

    code = "holder-not-away"


class ReceiverAwayError(CaseError):
    """Whoever is to take over is away, or has left."""

    code = "receiver-away"


class HandoverNotProposedError(CaseError):
    """The handover is no draft any more."""

    code = "handover-not-proposed"


# --- absences ---------------------------------------------------------------------------------------------------------


class AbsenceOfOthersError(CaseError):
    """An absence is registered by the employee, or by the leader of the unit."""

    code = "absence-of-others"
    status = 403


class AbsenceFallsToError(CaseError):
    """What is left falls to a leader of the same unit, and neither at once nor through others back to the one who is away."""

    code = "absence-falls-to"
    status = 422


class AbsencePeriodError(CaseError):
    """The last day is not before today, and the day back comes after it."""

    code = "absence-period"
    status = 422


class AbsenceOverError(CaseError):
    """The absence has begun or was taken back."""

    code = "absence-over"


# --- records and documents --------------------------------------------------------------------------------------------


class NotForRecordsError(CaseError):
    """Who the child is, and how guardians are reached, is corrected where it is kept."""

    code = "category-kept-elsewhere"
    status = 422


class OutsideReachError(CaseError):
    """Your part in this case does not reach this kind of information."""

    code = "category-outside-reach"
    status = 403


class DocumentTypeError(CaseError):
    """Documents are taken as PDF, JPEG, PNG, DOCX, ODT or plain text, told by their content."""

    code = "document-type"
    status = 415


class DocumentTooLargeError(CaseError):
    """The document is larger than the vault takes."""

    code = "document-too-large"
    status = 413


class DocumentEmptyError(CaseError):
    """There is nothing in the document."""

    code = "document-empty"
    status = 422


class DocumentTitleError(CaseError):
    """A document needs a title: Document-Title, percent-encoded UTF-8, at most 200 letters."""

    code = "document-title"
    status = 422


class DocumentInfectedError(CaseError):
    """The scanner found malware in the document."""

    code = "document-infected"
    status = 422


# --- the end of a case ------------------------------------------------------------------------------------------------


class LegalHoldError(CaseError):
    """The case is held: nothing of it may be erased until the hold is released."""

    code = "legal-hold"


class NoLegalHoldError(CaseError):
    """The case is not held."""

    code = "no-legal-hold"


# --- guardians and identity -------------------------------------------------------------------------------------------


class GuardianKnownError(CaseError):
    """This person has parental responsibility for the child already on that day."""

    code = "guardian-known"


class OwnFamilyError(CaseError):
    """Nobody has to do with their own child's case at work, but a colleague does (forvaltningsloven § 6)."""

    code = "own-family"


class SamePersonError(CaseError):
    """The child cannot be its own guardian."""

    code = "same-person-twice"
    status = 422


class TooManyGuardiansError(CaseError):
    """A case has at most eight guardians."""

    code = "guardians-too-many"


class GuardianGroundError(CaseError):
    """Parental responsibility does not begin in this way."""

    code = "guardian-ground"
    status = 422


class GuardianDatesError(CaseError):
    """Parental responsibility would end before it began."""

    code = "guardian-dates"
    status = 422


class NotEndedError(CaseError):
    """Only what has ended can be erased, and only once."""

    code = "case-not-ended"


class KeptByLawError(CaseError):
    """A law demands that this case is kept until its time is over."""

    code = "kept-by-law"


# --- transition forms by the municipality's template ------------------------------------------------------------------


class FormOutsideWindowError(CaseError):
    """The form is sent at another time of the year; say why it goes now."""

    code = "form-outside-window"


class FormTemplateMissingError(CaseError):
    """The municipality has no template for this form."""

    code = "form-template-missing"


class FormByTemplateError(CaseError):
    """The municipality has a template for this form: fill in its fields."""

    code = "form-by-template"


class FormFieldUnknownError(CaseError):
    """The form has no such field."""

    code = "form-field-unknown"
    status = 422


class FormFieldMissingError(CaseError):
    """A field that must be filled in is empty."""

    code = "form-field-missing"
    status = 422


class NotProtectedError(CaseError):
    """The child's address is not protected."""

    code = "address-not-protected"


# --- moved cases ------------------------------------------------------------------------------------------------------


class MoveProtectedError(CaseError):
    """The case of a child with a protected address is not sent to another municipality in this way: a log would tell where to."""

    code = "move-protected"


class MunicipalityUnknownError(CaseError):
    """There is no municipality with this number: nobody could answer there."""

    code = "municipality-unknown"
    status = 422
