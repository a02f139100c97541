// Generated from the JSON Schemas by `npm run generate`; do not edit.

/**
 * The function in which somebody acts.
 */
export type Role =
  | "teacher"
  | "pedagogical-leader"
  | "contact-teacher"
  | "leader"
  | "coordinator"
  | "health-nurse"
  | "ppt-adviser"
  | "child-welfare-officer"
  | "bup-clinician"
  | "guardian"
  | "child"
  | "privacy-officer"
  | "auditor"
  | "operator"
  | "service-account";
/**
 * A service around the child. Consent is given to a service, never to a named person.
 */
export type Service =
  | "barnehage"
  | "skole"
  | "ppt"
  | "helsestasjon"
  | "barnevern"
  | "bup"
  | "nav"
  | "fastlege"
  | "fysioterapi"
  | "ergoterapi"
  | "psykiatri"
  | "politi"
  | "naeringsliv"
  | "frivillighet"
  | "ledelse";
/**
 * What kind of information about the child; a consent's scope and every access record name these.
 */
export type InformationCategory =
  | "identity"
  | "contact"
  | "concern"
  | "development"
  | "language"
  | "learning"
  | "health"
  | "behaviour"
  | "family"
  | "child-view"
  | "measures"
  | "plan";
/**
 * What was done.
 */
export type AccessKind =
  "read" | "write" | "search" | "list" | "export" | "print" | "disclose" | "deny" | "break-glass" | "log-read";
/**
 * Why information is used or shared.
 */
export type Purpose =
  "assessment" | "follow-up" | "coordination" | "transition" | "discussion" | "notification" | "oversight";
/**
 * How an export is written.
 */
export type ExportFormat = "ndjson" | "csv" | "cef" | "fhir";
/**
 * Of the sentences in it.
 */
export type Language = "nb" | "nn" | "en";
/**
 * What the privacy officer found.
 */
export type FindingOutcome = "lawful" | "mistake";
/**
 * What the privacy officer is told of (pasientjournalloven §§ 16 and 22; helsepersonelloven § 21).
 */
export type Pattern =
  | "without-relation"
  | "many-children"
  | "outside-hours"
  | "leaving"
  | "repeated-denials"
  | "break-glass-unreviewed"
  | "receipt-missing";
/**
 * Why an employee no longer holds anything from a day on; nothing of what the leave is for.
 */
export type AbsenceReason = "away" | "left" | "disabled";
/**
 * The words are in the vault.
 */
export type GlassReason = "danger-to-life" | "acute-health-need" | "child-at-risk";
/**
 * What the review came to.
 */
export type GlassOutcome = "justified" | "not-justified";
/**
 * Adressebeskyttelse, as the national population register has it.
 */
export type ProtectionKind = "strictly-confidential" | "confidential";
/**
 * How it is known; recorded for them, the note is in the vault. Absent in what was recorded before it was asked for.
 */
export type EvidenceForm = "written" | "oral-minuted" | "e-id";
/**
 * What a concern is about; one entry point for all of them (seed rule 103).
 */
export type Area = "learning" | "mental-health" | "physical-health" | "family";
/**
 * On whose burden the concern was raised (seed rule 180).
 */
export type ForWhom = "child" | "guardians" | "unit";
/**
 * What a coordinator coordinates.
 */
export type CoordinatorKind = "ansvarsgruppe" | "barnekoordinator";
/**
 * How a grant is evidenced.
 */
export type EvidenceForm1 = "written" | "oral-minuted" | "e-id";
/**
 * Why a case was erased.
 */
export type ErasureReason = "request" | "retention";
/**
 * What parental responsibility rests on, or ended by. The decision itself is in the vault.
 */
export type GuardianGround = "agreement" | "court-decision" | "child-welfare-decision" | "death" | "registered-wrong";
/**
 * Why nothing of a case may be erased.
 */
export type HoldReason = "archive" | "legal-claim" | "supervision";
/**
 * Why a case changed level.
 */
export type LevelReason = "no-effect" | "guardian-request" | "assessment" | "improved";
/**
 * A service around the child. Consent is given to a service, never to a named person.
 */
export type Service1 =
  | "barnehage"
  | "skole"
  | "ppt"
  | "helsestasjon"
  | "barnevern"
  | "bup"
  | "nav"
  | "fastlege"
  | "fysioterapi"
  | "ergoterapi"
  | "psykiatri"
  | "politi"
  | "naeringsliv"
  | "frivillighet"
  | "ledelse";
/**
 * Whether the case may be spoken of by name outside the unit that holds it.
 */
export type Mode = "anonymous" | "identified";
/**
 * How the child's view was sought.
 */
export type ChildHeardBy =
  "conversation" | "observation" | "drawing-or-play" | "written" | "through-guardian" | "not-able";
/**
 * How those nearest the child solved a concern (seed rule 80).
 */
export type LocalOutcome = "adapted-everyday" | "guidance-given" | "unfounded";
/**
 * Why it must be asked anew who may consent. The code only: never a birth date, never who (law-and-standards 3.3).
 */
export type ReassessmentReason =
  "age-12" | "age-15" | "age-16" | "age-18" | "guardian-change" | "care-order" | "address-protection";
/**
 * Which kind of person granted; never who (barnevernsloven § 13-1).
 */
export type GrantorClass = "guardian" | "child" | "child-welfare";
/**
 * None: the child was heard (barnevernsloven § 1-4).
 */
export type NotHeardReason = "danger-in-delay" | "would-endanger-child" | "too-young" | "not-able";
/**
 * Why confidentiality had to yield; the words are in the vault.
 */
export type OverrideReason =
  "danger-to-life-or-health" | "neglect-or-abuse" | "serious-behaviour" | "unmet-medical-need" | "own-task-of-receiver";
/**
 * Why a service is asked.
 */
export type ContributionReason = "competence-missing" | "assessment" | "measure" | "coordination";
/**
 * What kind of document it is, found in its content.
 */
export type MediaType = "pdf" | "jpeg" | "png" | "docx" | "odt" | "text";
/**
 * The exact way that a handover goes; `kind` is the word for it that this version of the event began with.
 */
export type HandoverRoute =
  | "baton"
  | "staff-leaves"
  | "unit"
  | "barnehage-to-school"
  | "school-to-school"
  | "to-child-welfare"
  | "from-child-welfare"
  | "to-specialist"
  | "from-specialist"
  | "coordinator"
  | "municipality";
/**
 * What a coordinator coordinates.
 */
export type CoordinatorKind1 = "ansvarsgruppe" | "barnekoordinator";
/**
 * What kind of handover (overføring).
 */
export type HandoverKind =
  "baton" | "staff-leaves" | "unit" | "barnehage-to-school" | "school-to-school" | "coordinator";
/**
 * What the indicator showed.
 */
export type Effect = "reached" | "some" | "none";
/**
 * What follows from an evaluation (seed rules 88-90).
 */
export type EvaluationOutcome = "stop" | "continue" | "other" | "escalate";
/**
 * What two units that do much the same have found out (seed rules 49, 161).
 */
export type OverlapExplanation = "coordinated" | "different-purpose" | "one-will-stop";
/**
 * Why a measure that had no effect before is tried again (seed rule 90).
 */
export type NewReason = "other-form" | "other-intensity" | "changed-circumstances" | "child-wishes-it";
/**
 * A service around the child. Consent is given to a service, never to a named person.
 */
export type Service2 =
  | "barnehage"
  | "skole"
  | "ppt"
  | "helsestasjon"
  | "barnevern"
  | "bup"
  | "nav"
  | "fastlege"
  | "fysioterapi"
  | "ergoterapi"
  | "psykiatri"
  | "politi"
  | "naeringsliv"
  | "frivillighet"
  | "ledelse";
/**
 * How a grant is evidenced.
 */
export type EvidenceForm2 = "written" | "oral-minuted" | "e-id";
/**
 * A service around the child. Consent is given to a service, never to a named person.
 */
export type Service3 =
  | "barnehage"
  | "skole"
  | "ppt"
  | "helsestasjon"
  | "barnevern"
  | "bup"
  | "nav"
  | "fastlege"
  | "fysioterapi"
  | "ergoterapi"
  | "psykiatri"
  | "politi"
  | "naeringsliv"
  | "frivillighet"
  | "ledelse";
/**
 * What an agenda item is (seed rules 7, 60).
 */
export type ItemKind = "general" | "guidance" | "observation" | "case";
/**
 * Whether an item is about somebody, and how.
 */
export type ItemMode = "no-child" | "anonymous" | "named";
/**
 * Whether guardians take part in an arena's meetings (seed rules 12, 32, 73).
 */
export type Guardians = "required" | "invited" | "none";
/**
 * Whose arena it is.
 */
export type ArenaLevel = "unit" | "child" | "municipality";
/**
 * How children may be spoken of in an arena (seed rules 2, 4, 22, 172).
 */
export type ModePolicy = "system-only" | "anonymous-only" | "anonymous-by-default" | "named";
/**
 * Named: whether the child was there, or somebody for it, if it was said (seed rules 73, 99).
 */
export type ChildPart = "present" | "represented" | "not-present";
/**
 * What a body answers.
 */
export type Position = "supports" | "supports-with-remarks" | "opposes" | "no-remarks";
/**
 * What was not as the rules say.
 */
export type DeviationKind =
  | "unit-without-arena"
  | "too-few-planned"
  | "too-few-held"
  | "not-held"
  | "duty-breached"
  | "too-short"
  | "element-missing"
  | "chair-not-entitled";
/**
 * Why a figure is corrected; a code, never words.
 */
export type FigureCorrection = "wrong-number" | "source-changed" | "wrong-place";
/**
 * The function in which somebody acts.
 */
export type Role1 =
  | "teacher"
  | "pedagogical-leader"
  | "contact-teacher"
  | "leader"
  | "coordinator"
  | "health-nurse"
  | "ppt-adviser"
  | "child-welfare-officer"
  | "bup-clinician"
  | "guardian"
  | "child"
  | "privacy-officer"
  | "auditor"
  | "operator"
  | "service-account";
/**
 * What somebody who was invited answers. Whoever has not answered has done neither.
 */
export type InvitationAnswer = "accepted" | "declined";
/**
 * The function in which somebody acts.
 */
export type Role2 =
  | "teacher"
  | "pedagogical-leader"
  | "contact-teacher"
  | "leader"
  | "coordinator"
  | "health-nurse"
  | "ppt-adviser"
  | "child-welfare-officer"
  | "bup-clinician"
  | "guardian"
  | "child"
  | "privacy-officer"
  | "auditor"
  | "operator"
  | "service-account";
/**
 * Where; absent in an event of before it was said.
 */
export type Place = "at-the-unit" | "municipality" | "hospital" | "by-agreement";
/**
 * What they are beside their role, where the seat is for that (seed rule 15).
 */
export type Function = "special-education-coordinator";
/**
 * Where; absent in an event of before it was said.
 */
export type Place1 = "at-the-unit" | "municipality" | "hospital" | "by-agreement";
/**
 * The function in which somebody acts.
 */
export type Role3 =
  | "teacher"
  | "pedagogical-leader"
  | "contact-teacher"
  | "leader"
  | "coordinator"
  | "health-nurse"
  | "ppt-adviser"
  | "child-welfare-officer"
  | "bup-clinician"
  | "guardian"
  | "child"
  | "privacy-officer"
  | "auditor"
  | "operator"
  | "service-account";
/**
 * What must be done in time (seed rules 79, 88, 107).
 */
export type DeadlineKind = "act-on-concern" | "decide-case" | "evaluate-measure" | "answer-handover" | "answer-consent";
/**
 * What a coordinator coordinates.
 */
export type CoordinatorKind2 = "ansvarsgruppe" | "barnekoordinator";
/**
 * Every way by which somebody can be told; `Channel` has those of the first version, and is not widened.
 */
export type Way = "email" | "sms" | "in-app" | "digital-post" | "letter";
/**
 * How a message reaches somebody.
 */
export type Channel = "email" | "in-app";
/**
 * Written languages of messages and pages (BCP 47).
 */
export type Language1 = "nb" | "nn" | "en";

/**
 * The data of each event, by its type.
 */
export interface EventData {
  "no.lagspill.access.recorded.v1": AccessRecorded;
  "no.lagspill.audit.chain.broken.v1": ChainBroken;
  "no.lagspill.audit.checkpoint.signed.v1": CheckpointSigned;
  "no.lagspill.audit.entries.pruned.v1": EntriesPruned;
  "no.lagspill.audit.export.cut.v1": ExportCut;
  "no.lagspill.audit.export.delivered.v1": ExportDelivered;
  "no.lagspill.audit.export.ordered.v1": ExportOrdered;
  "no.lagspill.audit.finding.explained.v1": FindingExplained;
  "no.lagspill.audit.finding.extended.v1": FindingExtended;
  "no.lagspill.audit.finding.judged.v1": FindingJudged;
  "no.lagspill.audit.finding.overdue.v1": FindingOverdue;
  "no.lagspill.audit.finding.raised.v1": FindingRaised;
  "no.lagspill.audit.finding.reported.v1": FindingReported;
  "no.lagspill.audit.gap.found.v1": GapFound;
  "no.lagspill.audit.hold.lifted.v1": HoldLifted;
  "no.lagspill.audit.hold.placed.v1": HoldPlaced;
  "no.lagspill.audit.index.damaged.v1": IndexDamaged;
  "no.lagspill.audit.innsyn-report.made.v1": InnsynReportMade;
  "no.lagspill.audit.irregularity.found.v1": IrregularityFound;
  "no.lagspill.audit.journal.sealed.v1": AuditJournalSealed;
  "no.lagspill.audit.key.announced.v1": KeyAnnounced;
  "no.lagspill.audit.log.queried.v1": LogQueried;
  "no.lagspill.audit.patterns.examined.v1": PatternsExamined;
  "no.lagspill.audit.witness.refused.v1": WitnessRefused;
  "no.lagspill.cases.absence.began.v1": AbsenceBegan;
  "no.lagspill.cases.absence.registered.v1": AbsenceRegistered;
  "no.lagspill.cases.absence.withdrawn.v1": AbsenceWithdrawn;
  "no.lagspill.cases.break-glass.opened.v1": BreakGlassOpened;
  "no.lagspill.cases.break-glass.review-escalated.v1": BreakGlassReviewEscalated;
  "no.lagspill.cases.break-glass.review-overdue.v1": BreakGlassReviewOverdue;
  "no.lagspill.cases.break-glass.reviewed.v1": BreakGlassReviewed;
  "no.lagspill.cases.case.address-protection-due.v1": AddressProtectionDue;
  "no.lagspill.cases.case.address-protection-lifted.v1": AddressProtectionLifted;
  "no.lagspill.cases.case.address-protection-set.v1": AddressProtectionSet;
  "no.lagspill.cases.case.adulthood-approaching.v1": AdulthoodApproaching;
  "no.lagspill.cases.case.adulthood-overdue.v1": AdulthoodOverdue;
  "no.lagspill.cases.case.adulthood-reached.v1": AdulthoodReached;
  "no.lagspill.cases.case.anonymised.v1": CaseAnonymised;
  "no.lagspill.cases.case.care-order-recorded.v1": CareOrderRecorded;
  "no.lagspill.cases.case.child-not-heard.v1": ChildNotHeard;
  "no.lagspill.cases.case.closed.v1": CaseClosed;
  "no.lagspill.cases.case.contact-person-chosen.v1": ContactPersonChosen;
  "no.lagspill.cases.case.continued.v1": CaseContinued;
  "no.lagspill.cases.case.coordinator-appointed.v1": CoordinatorAppointed;
  "no.lagspill.cases.case.coordinator-ended.v1": CoordinatorEnded;
  "no.lagspill.cases.case.coordinator-requested.v1": CoordinatorRequested;
  "no.lagspill.cases.case.erased.v1": CaseErased;
  "no.lagspill.cases.case.family-marked.v1": FamilyMarked;
  "no.lagspill.cases.case.guardians-changed.v1": GuardiansChanged;
  "no.lagspill.cases.case.guardianship-recorded.v1": GuardianshipRecorded;
  "no.lagspill.cases.case.identified.v1": CaseIdentified;
  "no.lagspill.cases.case.identity-corrected.v1": IdentityCorrected;
  "no.lagspill.cases.case.language-need-recorded.v1": LanguageNeedRecorded;
  "no.lagspill.cases.case.legal-hold-released.v1": LegalHoldReleased;
  "no.lagspill.cases.case.legal-hold-set.v1": LegalHoldSet;
  "no.lagspill.cases.case.level-changed.v1": CaseLevelChanged;
  "no.lagspill.cases.case.meeting-held.v1": CaseMeetingHeld;
  "no.lagspill.cases.case.opened.v1": CaseOpened;
  "no.lagspill.cases.case.outcome-refused.v1": OutcomeRefused;
  "no.lagspill.cases.case.received.v1": CaseReceived;
  "no.lagspill.cases.case.reopened.v1": CaseReopened;
  "no.lagspill.cases.case.team-goal-set.v1": TeamGoalSet;
  "no.lagspill.cases.case.team-member-added.v1": TeamMemberAdded;
  "no.lagspill.cases.case.team-member-removed.v1": TeamMemberRemoved;
  "no.lagspill.cases.case.view-of-child-recorded.v1": ViewOfChildRecorded;
  "no.lagspill.cases.concern-report.failed.v1": ConcernReportFailed;
  "no.lagspill.cases.concern-report.feedback.v1": ConcernReportFeedback;
  "no.lagspill.cases.concern-report.guardians-informed.v1": ConcernReportGuardiansInformed;
  "no.lagspill.cases.concern-report.posted.v1": ConcernReportPosted;
  "no.lagspill.cases.concern-report.received.v1": ConcernReportReceived;
  "no.lagspill.cases.concern-report.sent.v1": ConcernReportSent;
  "no.lagspill.cases.concern-report.unanswered.v1": ConcernReportUnanswered;
  "no.lagspill.cases.concern.escalated.v1": ConcernEscalated;
  "no.lagspill.cases.concern.joined.v1": ConcernJoined;
  "no.lagspill.cases.concern.registered.v1": ConcernRegistered;
  "no.lagspill.cases.concern.resolved-locally.v1": ConcernResolvedLocally;
  "no.lagspill.cases.consent.confirmed.v1": ConsentConfirmed;
  "no.lagspill.cases.consent.disagreed.v1": ConsentDisagreed;
  "no.lagspill.cases.consent.expired.v1": ConsentExpired;
  "no.lagspill.cases.consent.expiring.v1": ConsentExpiring;
  "no.lagspill.cases.consent.granted.v1": ConsentGranted;
  "no.lagspill.cases.consent.lapsed.v1": ConsentLapsed;
  "no.lagspill.cases.consent.narrowed.v1": ConsentNarrowed;
  "no.lagspill.cases.consent.overridden.v1": ConsentOverridden;
  "no.lagspill.cases.consent.override-ended.v1": ConsentOverrideEnded;
  "no.lagspill.cases.consent.override-guardians-informed.v1": ConsentOverrideGuardiansInformed;
  "no.lagspill.cases.consent.override-review-overdue.v1": ConsentOverrideReviewOverdue;
  "no.lagspill.cases.consent.override-reviewed.v1": ConsentOverrideReviewed;
  "no.lagspill.cases.consent.reassessment-due.v1": ConsentReassessmentDue;
  "no.lagspill.cases.consent.receipt-missing.v1": ConsentReceiptMissing;
  "no.lagspill.cases.consent.refused.v1": ConsentRefused;
  "no.lagspill.cases.consent.renewal-requested.v1": ConsentRenewalRequested;
  "no.lagspill.cases.consent.renewed.v1": ConsentRenewed;
  "no.lagspill.cases.consent.requested.v1": ConsentRequested;
  "no.lagspill.cases.consent.suspended.v1": ConsentSuspended;
  "no.lagspill.cases.consent.withdrawn.v1": ConsentWithdrawn;
  "no.lagspill.cases.contribution.accepted.v1": ContributionAccepted;
  "no.lagspill.cases.contribution.declined.v1": ContributionDeclined;
  "no.lagspill.cases.contribution.ended.v1": ContributionEnded;
  "no.lagspill.cases.contribution.escalated.v1": ContributionEscalated;
  "no.lagspill.cases.contribution.overdue.v1": ContributionOverdue;
  "no.lagspill.cases.contribution.requested.v1": ContributionRequested;
  "no.lagspill.cases.document.added.v1": DocumentAdded;
  "no.lagspill.cases.handover.accepted.v1": HandoverAccepted;
  "no.lagspill.cases.handover.cancelled.v1": HandoverCancelled;
  "no.lagspill.cases.handover.completed.v1": HandoverCompleted;
  "no.lagspill.cases.handover.coordination-accepted.v1": HandoverCoordinationAccepted;
  "no.lagspill.cases.handover.escalated.v1": HandoverEscalated;
  "no.lagspill.cases.handover.overdue.v1": HandoverOverdue;
  "no.lagspill.cases.handover.proposed.v1": HandoverProposed;
  "no.lagspill.cases.handover.received.v1": HandoverReceived;
  "no.lagspill.cases.handover.rejected.v1": HandoverRejected;
  "no.lagspill.cases.handover.sent.v1": HandoverSent;
  "no.lagspill.cases.handover.transferred.v1": HandoverTransferred;
  "no.lagspill.cases.handover.withdrawn.v1": HandoverWithdrawn;
  "no.lagspill.cases.journal.sealed.v1": CasesJournalSealed;
  "no.lagspill.cases.measure.changed.v1": MeasureChanged;
  "no.lagspill.cases.measure.evaluated.v1": MeasureEvaluated;
  "no.lagspill.cases.measure.overlap-elsewhere-suspected.v1": MeasureOverlapElsewhereSuspected;
  "no.lagspill.cases.measure.overlap-explained.v1": MeasureOverlapExplained;
  "no.lagspill.cases.measure.overlap-suspected.v1": MeasureOverlapSuspected;
  "no.lagspill.cases.measure.planned.v1": MeasurePlanned;
  "no.lagspill.cases.measure.started.v1": MeasureStarted;
  "no.lagspill.cases.measure.stopped.v1": MeasureStopped;
  "no.lagspill.cases.plan.closed.v1": PlanClosed;
  "no.lagspill.cases.plan.requested.v1": PlanRequested;
  "no.lagspill.cases.plan.started.v1": PlanStarted;
  "no.lagspill.cases.plan.updated.v1": PlanUpdated;
  "no.lagspill.cases.record.written.v1": RecordWritten;
  "no.lagspill.cases.transition-form.approval-waits.v1": TransitionFormApprovalWaits;
  "no.lagspill.cases.transition-form.approved-by-guardian.v1": TransitionFormApproved;
  "no.lagspill.cases.transition-form.drafted.v1": TransitionFormDrafted;
  "no.lagspill.cases.transition-form.due.v1": TransitionFormDue;
  "no.lagspill.cases.transition-form.overdue.v1": TransitionFormOverdue;
  "no.lagspill.cases.transition-form.received.v1": TransitionFormReceived;
  "no.lagspill.cases.transition-form.sent.v1": TransitionFormSent;
  "no.lagspill.meetings.agenda-item.accepted.v1": AgendaItemAccepted;
  "no.lagspill.meetings.agenda-item.added.v1": AgendaItemAdded;
  "no.lagspill.meetings.agenda-item.left-open.v1": AgendaItemLeftOpen;
  "no.lagspill.meetings.agenda-item.lift-withdrawn.v1": AgendaItemLiftWithdrawn;
  "no.lagspill.meetings.agenda-item.lifted.v1": AgendaItemLifted;
  "no.lagspill.meetings.agenda-item.removed.v1": AgendaItemRemoved;
  "no.lagspill.meetings.arena.defined.v1": ArenaDefined;
  "no.lagspill.meetings.calendar.address-made.v1": CalendarAddressMade;
  "no.lagspill.meetings.calendar.address-withdrawn.v1": CalendarAddressWithdrawn;
  "no.lagspill.meetings.case-discussed.v1": CaseDiscussed;
  "no.lagspill.meetings.child-meeting.missing.v1": ChildMeetingMissing;
  "no.lagspill.meetings.competence.recorded.v1": CompetenceRecorded;
  "no.lagspill.meetings.consent-receipt.recorded.v1": MeetingsConsentReceiptRecorded;
  "no.lagspill.meetings.consultation.answered.v1": ConsultationAnswered;
  "no.lagspill.meetings.consultation.closed.v1": ConsultationClosed;
  "no.lagspill.meetings.consultation.escalated.v1": ConsultationEscalated;
  "no.lagspill.meetings.consultation.opened.v1": ConsultationOpened;
  "no.lagspill.meetings.consultation.overdue.v1": ConsultationOverdue;
  "no.lagspill.meetings.deviation.found.v1": DeviationFound;
  "no.lagspill.meetings.figure.corrected.v1": FigureCorrected;
  "no.lagspill.meetings.figure.dropped.v1": FigureDropped;
  "no.lagspill.meetings.figure.entered.v1": FigureEntered;
  "no.lagspill.meetings.figure.expected.v1": FigureExpected;
  "no.lagspill.meetings.guidance-hours.recorded.v1": GuidanceHoursRecorded;
  "no.lagspill.meetings.invitation.answered.v1": InvitationAnswered;
  "no.lagspill.meetings.journal.sealed.v1": MeetingsJournalSealed;
  "no.lagspill.meetings.meeting.called.v1": MeetingCalled;
  "no.lagspill.meetings.meeting.cancelled.v1": MeetingCancelled;
  "no.lagspill.meetings.meeting.closed.v1": MeetingClosed;
  "no.lagspill.meetings.meeting.held.v1": MeetingHeld;
  "no.lagspill.meetings.meeting.planned.v1": MeetingPlanned;
  "no.lagspill.meetings.meeting.rescheduled.v1": MeetingRescheduled;
  "no.lagspill.meetings.minutes.approved.v1": MinutesApproved;
  "no.lagspill.meetings.outcome.recorded.v1": OutcomeRecorded;
  "no.lagspill.meetings.parent-guidance.given.v1": ParentGuidanceGiven;
  "no.lagspill.meetings.parent-guidance.withdrawn.v1": ParentGuidanceWithdrawn;
  "no.lagspill.meetings.report.delivered.v1": ReportDelivered;
  "no.lagspill.meetings.report.dropped.v1": ReportDropped;
  "no.lagspill.meetings.report.expected.v1": ReportExpected;
  "no.lagspill.meetings.survey-round.completed.v1": SurveyRoundCompleted;
  "no.lagspill.meetings.survey.closed.v1": SurveyClosed;
  "no.lagspill.meetings.survey.opened.v1": SurveyOpened;
  "no.lagspill.notify.consent-receipt.recorded.v1": NotifyConsentReceiptRecorded;
  "no.lagspill.notify.deadline.approaching.v1": DeadlineApproaching;
  "no.lagspill.notify.deadline.closed.v1": DeadlineClosed;
  "no.lagspill.notify.deadline.missed.v1": DeadlineMissed;
  "no.lagspill.notify.deadline.reassigned.v1": DeadlineReassigned;
  "no.lagspill.notify.deadline.set.v1": DeadlineSet;
  "no.lagspill.notify.escalation.raised.v1": EscalationRaised;
  "no.lagspill.notify.journal.sealed.v1": NotifyJournalSealed;
  "no.lagspill.notify.notification.bounced.v1": NotificationBounced;
  "no.lagspill.notify.notification.cancelled.v1": NotificationCancelled;
  "no.lagspill.notify.notification.carried.v1": NotificationCarried;
  "no.lagspill.notify.notification.failed.v1": NotificationFailed;
  "no.lagspill.notify.notification.queued.v1": NotificationQueued;
  "no.lagspill.notify.notification.read.v1": NotificationRead;
  "no.lagspill.notify.notification.redirected.v1": NotificationRedirected;
  "no.lagspill.notify.notification.sent.v1": NotificationSent;
  "no.lagspill.notify.preferences.set.v1": PreferencesSet;
  "no.lagspill.notify.subscription.barred.v1": SubscriptionBarred;
  "no.lagspill.notify.subscription.changed.v1": SubscriptionChanged;
  "no.lagspill.notify.subscription.ended.v1": SubscriptionEnded;
  "no.lagspill.notify.subscription.opened.v1": SubscriptionOpened;
  "no.lagspill.notify.subscription.receipt-awaited.v1": SubscriptionReceiptAwaited;
  "no.lagspill.notify.subscription.receipt-missing.v1": SubscriptionReceiptMissing;
  "no.lagspill.notify.subscription.receipt-recorded.v1": SubscriptionReceiptRecorded;
  "no.lagspill.notify.subscription.receipt-released.v1": SubscriptionReceiptReleased;
  "no.lagspill.notify.subscription.replayed.v1": SubscriptionReplayed;
  "no.lagspill.notify.subscription.resumed.v1": SubscriptionResumed;
  "no.lagspill.notify.subscription.secret-changed.v1": SubscriptionSecretChanged;
  "no.lagspill.notify.subscription.stopped.v1": SubscriptionStopped;
}
/**
 * One user action. For content actually shown, denials apart; committed before the content leaves.
 */
export interface AccessRecorded {
  actor: AccessActor;
  address_protected?: boolean;
  basis?: LegalBasis;
  case?: string;
  categories?: InformationCategory[];
  consent?: string;
  consent_version?: number;
  documents?: string[];
  item?: string;
  kind: AccessKind;
  meeting?: string;
  /**
   * Telling the guardians would endanger the child: a report on who has seen it leaves this out for them.
   */
  not_for_guardians?: boolean;
  permitted: boolean;
  purpose?: Purpose;
  /**
   * A code: why it was denied, or why glass was broken.
   */
  reason?: string;
  recipients?: Recipient[];
  /**
   * The case; for a search or a list the actor; where somebody's absence was asked for in vain, that.
   */
  subject_ref: string;
  /**
   * The end of the period for which it was shared (pasientjournalloven § 22 a).
   */
  valid_to?: string;
}
/**
 * Who looked: an opaque actor and its organisational affiliation.
 */
export interface AccessActor {
  client?: string;
  id: string;
  on_behalf_of?: string;
  organisation?: string;
  role?: Role;
  service?: Service;
  unit?: string;
}
/**
 * A row of the dated code list of legal bases: the law's section is looked up there, never spelled out in code.
 */
export interface LegalBasis {
  /**
   * For example `consent`, `fvl-13b-1-2`, `bvl-13-2`.
   */
  code: string;
  /**
   * The day from which this wording of the row is valid.
   */
  version: string;
}
/**
 * To whom it was disclosed: a role in a service and its organisation, not a name.
 */
export interface Recipient {
  organisation?: string;
  role?: Role;
  service: Service;
}
/**
 * What the log holds contradicts itself or a service's seal.
 */
export interface ChainBroken {
  kind: "seal-contradicted" | "number-reused" | "id-reused" | "tree-damaged";
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The entry that shows it.
   */
  position?: number;
  /**
   * The service whose records contradict each other.
   */
  source?: string;
}
/**
 * A tree head was signed (RFC 6962 § 3.5 in C2SP's form). Published now and then, not for every one that is signed.
 */
export interface CheckpointSigned {
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The whole signed note.
   */
  note: string;
  /**
   * Base64 of the 32-byte root.
   */
  root: string;
  size: number;
}
/**
 * Content of the log was removed by policy: positions and leaf hashes stay, so every checkpoint still verifies.
 */
export interface EntriesPruned {
  /**
   * Whole bundles: a multiple of 256.
   */
  first: number;
  /**
   * The holds that were in force in the log, by name: nothing that they keep was among these entries.
   */
  holds?: string[];
  /**
   * The last position that was removed.
   */
  last: number;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * Which records of which service were among them; several events of one range where one would be too large.
   */
  numbers?: PrunedNumbers[];
  /**
   * SHA-256 of the policy's canonical JSON.
   */
  policy: string;
  /**
   * The rule that kept an entry of these longest.
   */
  rule: string;
}
/**
 * Numbers of one service whose records were among what was pruned: so that they are not taken for missing.
 */
export interface PrunedNumbers {
  first: number;
  last: number;
  source: string;
}
/**
 * The file was cut off: the right to the log had ended before all of it had left. It has no last line, and is no whole file.
 */
export interface ExportCut {
  /**
   * How many lines for entries had left by then.
   */
  count: number;
  export: string;
}
/**
 * The whole file has left.
 */
export interface ExportDelivered {
  /**
   * How many lines it has for entries.
   */
  count: number;
  export: string;
  /**
   * Of everything before its last line.
   */
  sha256: string;
  /**
   * How many access records it has no line for, as they are not of the agreed form; its last line says so too.
   */
  unreadable?: number;
}
/**
 * Somebody entitled asked for entries as a file. Each time it is fetched, an access record tells so.
 */
export interface ExportOrdered {
  export: string;
  filter: ExportFilter;
  format: ExportFormat;
  language: Language;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * Of the checkpoint that it is made from.
   */
  size: number;
}
/**
 * Which entries were asked for: those that have all of this.
 */
export interface ExportFilter {
  actor?: string;
  basis?: string;
  case?: string;
  consent?: string;
  /**
   * What was done, or `event`, `seal`.
   */
  kind?: string;
  /**
   * Came into the log then or later.
   */
  logged_since?: string;
  /**
   * Came into the log before then.
   */
  logged_until?: string;
  meeting?: string;
  organisation?: string;
  permitted?: boolean;
  /**
   * Happened then or later.
   */
  since?: string;
  source?: string;
  type?: string;
  unit?: string;
  /**
   * Happened before then.
   */
  until?: string;
}
/**
 * The privacy officer wrote the explanation, and it is no breach to report.
 */
export interface FindingExplained {
  at: string;
  finding: string;
  outcome: FindingOutcome;
}
/**
 * The same behaviour went on: another child, or another day.
 */
export interface FindingExtended {
  /**
   * How many entries it rests on now.
   */
  entries: number;
  finding: string;
  last_position: number;
}
/**
 * It was judged a personal data breach: from here the 72 hours are counted (GDPR art. 33).
 */
export interface FindingJudged {
  at: string;
  finding: string;
  report_by: string;
}
/**
 * A due date of a finding has passed: an alarm.
 */
export interface FindingOverdue {
  due: string;
  finding: string;
  missing: "explanation" | "reporting";
}
/**
 * Entries of a log show a pattern; a person has to look, and until a moment to explain it.
 */
export interface FindingRaised {
  /**
   * Whose behaviour; absent where it is a service's.
   */
  about?: string;
  entries: number;
  explain_by: string;
  finding: string;
  first_position: number;
  last_position: number;
  /**
   * The log's origin.
   */
  log: string;
  pattern: Pattern;
}
/**
 * It was reported to the supervisory authority (Datatilsynet).
 */
export interface FindingReported {
  at: string;
  finding: string;
  /**
   * After the 72 hours: the report gives the reasons (GDPR art. 33(1)).
   */
  late: boolean;
}
/**
 * A service's numbers have a hole: something it published is not in the log.
 */
export interface GapFound {
  first_missing: number;
  last_missing: number;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  source: string;
}
/**
 * A hold is in force no more.
 */
export interface HoldLifted {
  at: string;
  /**
   * Of what it was, as when it was placed.
   */
  case?: string;
  hold: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
}
/**
 * Something must not be pruned, whatever the policy says, until it is lifted: the whole log, or everything about one case.
 */
export interface HoldPlaced {
  at: string;
  /**
   * None: everything in the log.
   */
  case?: string;
  /**
   * Its name, never used twice.
   */
  hold: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
}
/**
 * What an entry is found by, beside the log, is not what the entry says: searches and reports may have left it out.
 *
 * The entry itself is as it was signed, or `lagspill-verify` finds that it is not: the tree is over the entries alone.
 */
export interface IndexDamaged {
  /**
   * What is not as the entry says: `case_ref`, `actor`, `kind`, ..
   */
  column: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The entry.
   */
  position: number;
  /**
   * Whose record the entry is, as it says itself; absent where it cannot be read.
   */
  source?: string;
}
/**
 * A guardian or a child was told who has seen the case (pasientjournalloven § 22 a, GDPR art. 15): how much, never what.
 */
export interface InnsynReportMade {
  asked_by: string;
  case: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * How many readings and disclosures it tells of.
   */
  looks: number;
  relation: "guardian" | "child";
  report: string;
  /**
   * Of the checkpoint that it was made from.
   */
  size: number;
}
/**
 * A record, or what a record's absence leaves behind, is not as the services publish.
 */
export interface IrregularityFound {
  /**
   * The first number concerned: of the subject's `sequence`, or the lane's count, or else the record's `sourcesequence`.
   */
  first?: number;
  /**
   * A hole in a subject's own `sequence`; one of its numbers used twice; an event without a `sourcesequence`; a record on a
   * topic that is not its service's; a hole in a lane, from which a record was taken before its service had numbered it.
   */
  kind: "subject-gap" | "subject-reused" | "unnumbered" | "foreign-source" | "lane-gap";
  last?: number;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The first entry that shows it.
   */
  position?: number;
  /**
   * In whose name the record is.
   */
  source: string;
  /**
   * Whose `sequence` it is about; of a lane, `lane:` and its name.
   */
  subject_ref?: string;
}
/**
 * The seal of the audit service.
 */
export interface AuditJournalSealed {
  /**
   * Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed before
   * this seal, and has a lower `sourcesequence` than it.
   *
   * @maxItems 500
   */
  lanes?: LaneEnd[];
  last_number: number;
  /**
   * Base64 of the 32-byte RFC 6962 root.
   */
  root: string;
  scope: string;
}
/**
 * How far a lane goes: what one database session has written into this log, counted from 1 (`lane` in the envelope).
 */
export interface LaneEnd {
  lane: string;
  last: number;
}
/**
 * A key signs the log from now on, after another one, which vouches for it: both sign the checkpoints that cover this.
 */
export interface KeyAnnounced {
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The key before it.
   */
  previous: string;
  /**
   * Until when that one signs too; the moment of this event where it is no longer at hand.
   */
  previous_valid_to: string;
  valid_from: string;
  /**
   * The new key (C2SP signed-note § Verifier keys).
   */
  vkey: string;
}
/**
 * Somebody entitled looked into the log; who and for what is in the access record committed with it.
 */
export interface LogQueried {
  at: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  results: number;
}
/**
 * The log was examined for patterns of misuse up to a position (etterfølgende kontroll, pasientjournalloven § 22).
 *
 * Published when something in the log waits for time to pass and it has: the entry that this event becomes is what moves the
 * log's own time on, so that the same log always gives the same findings.
 */
export interface PatternsExamined {
  at: string;
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * The first entry that was not yet examined.
   */
  position: number;
}
/**
 * A witness has refused to cosign a checkpoint (C2SP tlog-witness): told once, until it cosigns again or refuses otherwise.
 */
export interface WitnessRefused {
  /**
   * Of the checkpoint that it cosigned last, where it has said so.
   */
  cosigned_size?: number;
  /**
   * It has cosigned a larger tree; what it has cosigned is not how this one begins; it does not trust the key.
   */
  kind: "rolled-back" | "forked" | "key-untrusted";
  /**
   * The log's origin (C2SP tlog-checkpoint).
   */
  log: string;
  /**
   * Of the checkpoint that it refused.
   */
  size: number;
  /**
   * The name of the witness's key.
   */
  witness: string;
}
/**
 * The last day is over; every case of the employee has another holder, and another coordinator where the employee was it.
 */
export interface AbsenceBegan {
  absence: string;
  /**
   * How many handovers to the employee were waiting, and are cancelled.
   */
  cancelled: number;
  /**
   * How many cases nobody had taken: the leader holds or coordinates them now.
   */
  fell: number;
}
/**
 * From the last day on the employee holds and coordinates nothing: what nobody has taken then falls to the unit's leader.
 */
export interface AbsenceRegistered {
  absence: string;
  back_on?: string;
  /**
   * How many cases the employee held or coordinated then.
   */
  cases: number;
  falls_to: Party;
  last_day: string;
  person: string;
  reason: AbsenceReason;
  unit: string;
}
/**
 * Somebody who acts for a unit: an opaque actor, in a role, at a unit.
 */
export interface Party {
  actor: string;
  organisation?: string;
  role: Role;
  service?: Service;
  /**
   * Absent for an address-protected case.
   */
  unit?: string;
}
/**
 * The employee stays after all.
 */
export interface AbsenceWithdrawn {
  absence: string;
}
/**
 * Somebody without a part in the case opened it in an emergency; it is always to be reviewed (invariant 12).
 */
export interface BreakGlassOpened {
  basis: LegalBasis;
  by: Party;
  case: string;
  categories: InformationCategory[];
  glass: string;
  reason: GlassReason;
  review_by: string;
  /**
   * When it closes by itself.
   */
  until: string;
}
/**
 * Still nobody has: the privacy officer may review it from here on.
 */
export interface BreakGlassReviewEscalated {
  case: string;
  glass: string;
}
/**
 * Nobody has reviewed it in time.
 */
export interface BreakGlassReviewOverdue {
  by: Party1;
  case: string;
  escalates_at: string;
  glass: string;
}
/**
 * Somebody who acts for a unit: an opaque actor, in a role, at a unit.
 */
export interface Party1 {
  actor: string;
  organisation?: string;
  role: Role;
  service?: Service;
  /**
   * Absent for an address-protected case.
   */
  unit?: string;
}
/**
 * Somebody else judged whether it was justified, and it closed (pasientjournalloven § 22). The envelope's `authid` says who.
 */
export interface BreakGlassReviewed {
  case: string;
  glass: string;
  outcome: GlassOutcome;
  reviewer_role: Role;
}
/**
 * The protection's last day has come: it must be renewed or lifted, and holds until then.
 */
export interface AddressProtectionDue {
  case: string;
}
/**
 * The child's address is no longer protected. What the case's events name stays as little as before.
 */
export interface AddressProtectionLifted {
  case: string;
}
/**
 * The child's address is protected, with the register's last day if it has one. Published in the case's own log only.
 */
export interface AddressProtectionSet {
  case: string;
  kind: ProtectionKind;
  /**
   * The last day; protection does not end by itself then, somebody must find out.
   */
  valid_to?: string;
}
/**
 * Within four months the child is of age: who holds the case plans how it ends, or who goes on with it.
 */
export interface AdulthoodApproaching {
  case: string;
  holder: Party;
}
/**
 * The grown-up's case is still open after the time for ending it: it lies with the leader of the unit.
 */
export interface AdulthoodOverdue {
  case: string;
  holder: Party;
}
/**
 * The child is of age and decides alone; the guardians' part ends the same day (law-and-standards 3.3).
 */
export interface AdulthoodReached {
  case: string;
  /**
   * Until when an open case must be closed or handed on; none when it is closed.
   */
  end_by?: string;
  holder?: Party;
}
/**
 * No basis to speak of the case by name is left (seed rule 2).
 */
export interface CaseAnonymised {
  case: string;
}
/**
 * The child welfare service has taken over care, or gives it back: who must consent is another (barnevernsloven § 5-1).
 */
export interface CareOrderRecorded {
  case: string;
  /**
   * The note of the decision, in the vault.
   */
  decision: string;
  in_force: boolean;
}
/**
 * The child was not heard before a decision, for a reason that the code list allows (barnevernsloven § 1-4; seed rule 99).
 */
export interface ChildNotHeard {
  before: "consent" | "measure" | "handover" | "plan" | "concern-report";
  case: string;
  noted_at: string;
  reason: "too-young" | "does-not-wish" | "not-able" | "danger";
}
/**
 * The case was closed: nothing open is left behind.
 */
export interface CaseClosed {
  case: string;
  outcome: "goal-reached" | "moved" | "no-longer-wanted" | "adult";
  /**
   * The class of the dated retention list that says how long it is kept from now on (GDPR art. 5 (1) e).
   */
  retention?: string;
}
/**
 * The guardians chose whom in the team they turn to (seed rules 33-35).
 */
export interface ContactPersonChosen {
  case: string;
  chosen_by?: "guardians";
  evidence?: EvidenceForm;
  role: Role;
  service: Service;
}
/**
 * A case goes on in the log of an address-protected case, under a reference that leads back to nothing.
 *
 * Neither unit, organisation nor any reference or moment of before is in it; see the decision on address protection.
 */
export interface CaseContinued {
  act_by: string;
  area: Area;
  case: string;
  concern: string;
  decide_by?: string;
  /**
   * Who is of the child's family.
   */
  family?: FamilyMark[];
  for_whom: ForWhom;
  guardians: number;
  holder: Party;
  level: number;
  /**
   * The same of the level below, when the case was stepped up from it before that met.
   */
  meeting_below_by?: string;
  /**
   * The meeting that its level calls for had not been held; it is to be within the usual time from now (seed rule 68).
   */
  meeting_by?: string;
  ordinals: number[];
}
/**
 * One of the child's family, who has nothing to do with the case at work (forvaltningsloven § 6), as a mark of this case alone.
 *
 * A service that meets an employee can tell whether he or she is meant; no mark leads to anybody, or to another case.
 */
export interface FamilyMark {
  /**
   * A keyed hash (HMAC-SHA-256) of case and actor; a second one while the key is being changed.
   */
  marks: string[];
  /**
   * Which guardian of the vault; 1 for the child.
   */
  ordinal: number;
  person: "guardian" | "child";
}
/**
 * Somebody coordinates from here on; whoever did before does no more.
 */
export interface CoordinatorAppointed {
  case: string;
  coordinator: Party;
  kind: CoordinatorKind;
}
/**
 * Nobody is appointed any more.
 */
export interface CoordinatorEnded {
  case: string;
  kind: CoordinatorKind;
  reason: "guardians-wish" | "no-longer-needed" | "adult" | "basis-lapsed" | "case-closed";
}
/**
 * The guardians or the child asked for a child coordinator (barnekoordinator).
 */
export interface CoordinatorRequested {
  case: string;
  evidence: EvidenceForm1;
  kind: CoordinatorKind;
  requested_by: "guardian" | "child";
}
/**
 * What the vault held of the case is gone for good: its key was destroyed (GDPR art. 17). The log's entries stay.
 */
export interface CaseErased {
  case: string;
  reason: ErasureReason;
}
/**
 * Who is of the child's family was said anew: by a key of names that has changed, or in a case from before it was said.
 */
export interface FamilyMarked {
  case: string;
  family: FamilyMark[];
}
/**
 * From now on these guardians, and no others, have parental responsibility, and so must grant (law-and-standards 3.3).
 */
export interface GuardiansChanged {
  case: string;
  guardians: number;
  ordinals: number[];
}
/**
 * It was recorded that parental responsibility (foreldreansvar) begins or ends on a day. It holds from that day.
 */
export interface GuardianshipRecorded {
  case: string;
  change: "begins" | "ends";
  /**
   * The first day with it, or the last.
   */
  effective_on: string;
  /**
   * Who it is, as one of the child's family, which lasts when the responsibility ends; nobody when it was recorded wrongly.
   */
  family?: FamilyMark[];
  ground: GuardianGround;
  /**
   * Which guardian of the vault; never who.
   */
  ordinal: number;
}
/**
 * The case may now be spoken of by name, on this basis (seed rules 2, 4).
 */
export interface CaseIdentified {
  basis: LegalBasis;
  case: string;
  consent?: string;
  consent_version?: number;
}
/**
 * What the vault has of who the child is was corrected (GDPR art. 16).
 */
export interface IdentityCorrected {
  case: string;
  /**
   * Who the child is, when the number was wrong: the one of before is not of the family.
   */
  family?: FamilyMark[];
  parts: ("name" | "national-number" | "born")[];
  version: number;
}
/**
 * In which language one of the family is spoken with, and whether it takes an interpreter (seed rule 146).
 */
export interface LanguageNeedRecorded {
  case: string;
  interpreter: boolean;
  /**
   * Absent for an address-protected case: a rare language can tell where somebody is.
   */
  language?: string;
  /**
   * Which guardian, as in the events of the consent.
   */
  ordinal: number;
  person: "guardian" | "child";
}
/**
 * The case may be erased again when its time is over, or when somebody asks.
 */
export interface LegalHoldReleased {
  case: string;
}
/**
 * Nothing of the case may be erased until this is released, whatever the time or anybody's request (GDPR art. 17 (3)).
 */
export interface LegalHoldSet {
  case: string;
  reason: HoldReason;
}
/**
 * The effort was stepped up or down (seed rules 68, 181).
 */
export interface CaseLevelChanged {
  case: string;
  /**
   * The measure whose evaluation it rests on (seed rule 89).
   */
  evaluation?: string;
  from_level: number;
  /**
   * At level 2 or more: a meeting within two weeks.
   */
  meeting_by?: string;
  reason: LevelReason;
  /**
   * The kind of team that takes it from here: the type of its arena (seed rule 68).
   */
  team?: string;
  to_level: number;
  with_service?: Service1;
}
/**
 * The meeting that a step up called for was held: the case was discussed by name (seed rule 68).
 */
export interface CaseMeetingHeld {
  case: string;
  item: string;
  meeting: string;
}
/**
 * A case was opened from a concern, with exactly one holder (stafettholder; seed rules 144, 181).
 */
export interface CaseOpened {
  case: string;
  decide_by: string;
  holder: Party;
  level: 1 | 2 | 3;
  /**
   * Opened at level 2 or 3, where the right competence is: a meeting within two weeks (seed rules 68, 81).
   */
  meeting_by?: string;
  mode: Mode;
  /**
   * The kind of team that takes it: the type of its arena (seed rule 68).
   */
  team?: string;
}
/**
 * Something of what a meeting decided does not happen here: the holder is told, and sees to it (seed rules 26, 88, 141).
 */
export interface OutcomeRefused {
  case: string;
  contributions?: RefusedContribution[];
  item: string;
  measures?: RefusedMeasure[];
  meeting: string;
  /**
   * What no consent in force covers, and so does not join the team.
   */
  services?: Service[];
}
/**
 * What a meeting wanted to ask a service for, and the rules do not allow in the case as it stands.
 */
export interface RefusedContribution {
  contribution: string;
  /**
   * The code by which the same is refused to anybody (seed rules 82, 106).
   */
  reason: string;
  service: Service;
}
/**
 * A measure that a meeting decided on, and that the rules do not allow in the case as it stands.
 */
export interface RefusedMeasure {
  code: string;
  measure: string;
  owner: Service;
  /**
   * The code by which the same is refused to anybody (seed rules 90, 99, 166, 181).
   */
  reason: string;
}
/**
 * A case that began in another municipality goes on here, under a reference of its own, with what was handed over.
 *
 * The handover's reference is in both logs, and is all that leads from one to the other.
 */
export interface CaseReceived {
  act_by: string;
  area: Area;
  case: string;
  /**
   * What came with it.
   */
  categories: InformationCategory[];
  concern: string;
  /**
   * Who is of the child's family.
   */
  family?: FamilyMark[];
  for_whom: ForWhom;
  guardians: number;
  handover: string;
  holder: Party;
  ordinals: number[];
}
/**
 * A closed case was opened again, with a holder.
 */
export interface CaseReopened {
  case: string;
  /**
   * What is to be done is decided anew by then (seed rules 79, 144).
   */
  decide_by?: string;
  /**
   * The child is of age: it is closed or handed on by then.
   */
  end_by?: string;
  holder: Party;
  /**
   * The meeting that its level calls for had not been held when it was closed (seed rule 68).
   */
  meeting_by?: string;
}
/**
 * The team has one goal that all work for; its words are in the vault (seed rule 87).
 */
export interface TeamGoalSet {
  case: string;
  goal: string;
  version: number;
}
/**
 * A service joined the team around the child, because of a measure or a role (seed rules 25, 26, 87).
 */
export interface TeamMemberAdded {
  because_of?: string;
  case: string;
  consent?: string;
  organisation?: string;
  role?: Role;
  service: Service;
}
/**
 * A service left the team: its measure ended, or its consent did.
 */
export interface TeamMemberRemoved {
  case: string;
  reason: "measure-ended" | "consent-withdrawn" | "consent-expired" | "replaced";
  /**
   * Why, when the holder said so and no measure or consent ended; `reason` is `replaced` then.
   */
  released?: "no-longer-needed" | "guardians-wish" | "other-service";
  service: Service;
}
/**
 * The child was heard before a decision; what it said is in the vault (seed rules 73, 99, 189).
 */
export interface ViewOfChildRecorded {
  before: "consent" | "measure" | "handover" | "plan" | "concern-report";
  case: string;
  heard_at?: string;
  method: ChildHeardBy;
  /**
   * Somebody whom the child trusts was with it (tillitsperson; barnevernsloven § 1-4).
   */
  trusted_person?: boolean;
  view: string;
}
/**
 * The channel did not take it; it goes by letter.
 */
export interface ConcernReportFailed {
  attempts: number;
  case: string;
  fallback?: "letter";
  reason: "refused" | "unreachable";
  report: string;
}
/**
 * Child welfare has answered (barnevernsloven § 13-3).
 */
export interface ConcernReportFeedback {
  case: string;
  kind: "received" | "investigating" | "dismissed" | "investigation-ended";
  late?: boolean;
  report: string;
}
/**
 * The guardians have been told of it after it was sent: from now on they are shown that it went, and never its words.
 */
export interface ConcernReportGuardiansInformed {
  case: string;
  report: string;
}
/**
 * The letter was printed and posted.
 */
export interface ConcernReportPosted {
  by: Party;
  case: string;
  report: string;
}
/**
 * The channel has receipted it.
 */
export interface ConcernReportReceived {
  case: string;
  channel: "digital" | "letter";
  received_at: string;
  report: string;
}
/**
 * Somebody with the duty to report did; that goes before confidentiality and consent (barnevernsloven § 13-2; seed rule 93).
 */
export interface ConcernReportSent {
  basis: LegalBasis;
  case: string;
  channel: "digital" | "letter";
  /**
   * Until when the digital channel is tried before it goes by letter.
   */
  deliver_by: string;
  /**
   * Three weeks: until then child welfare answers a public reporter (barnevernsloven § 13-3).
   */
  feedback_by: string;
  /**
   * False: telling them would endanger the child, and nothing of the report is shown to them.
   */
  guardians_informed: boolean;
  report: string;
  reporter: Party;
  sent_at: string;
}
/**
 * Three weeks have passed without an answer: the reporter and the unit's leader are told.
 */
export interface ConcernReportUnanswered {
  case: string;
  report: string;
  reporter: Party;
}
/**
 * The concern was lifted to where the right competence is (seed rule 81).
 */
export interface ConcernEscalated {
  case: string;
  concern: string;
  next_level: 1 | 2 | 3;
}
/**
 * A further concern about a child became part of the case there is; only by somebody who may know of it (seed rules 49, 79).
 */
export interface ConcernJoined {
  act_by: string;
  area: Area;
  case: string;
  concern: string;
  for_whom: ForWhom;
  registered_by: Party;
}
/**
 * An employee registered a concern (uro); it may not rest (seed rules 78, 79, 103, 180).
 */
export interface ConcernRegistered {
  /**
   * Fourteen days after registration: act, or lift it.
   */
  act_by: string;
  /**
   * Unit and organisation are absent from every event of such a case, and its log has an opaque name.
   */
  address_protected?: boolean;
  area: Area;
  case: string;
  concern: string;
  /**
   * Who is of the child's family; in an event from before this was said, nobody.
   */
  family?: FamilyMark[];
  for_whom: ForWhom;
  /**
   * How many hold parental responsibility, and so must grant.
   */
  guardians: number;
  registered_by: Party;
}
/**
 * Those nearest the child solved it (seed rules 80, 81).
 */
export interface ConcernResolvedLocally {
  case: string;
  concern: string;
  outcome: LocalOutcome;
}
/**
 * Those who must consent now have: it is in force, from now if it was suspended.
 */
export interface ConsentConfirmed {
  case: string;
  consent: string;
  reason: ReassessmentReason;
  scope: Scope;
  valid_from: string;
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * What a consent covers: services x information categories x purposes, within a period.
 */
export interface Scope {
  categories: InformationCategory[];
  /**
   * Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
   * alone; no service here may be told anything by it (seed rule 18).
   */
  municipality?: string;
  purposes: Purpose[];
  services: Service[];
}
/**
 * Of those who must grant one has granted and another refused: no consent, until they agree (seed rule 4).
 */
export interface ConsentDisagreed {
  case: string;
  consent: string;
  granted: {
    [k: string]: number;
  };
  refused: {
    [k: string]: number;
  };
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * The consent's last day has passed.
 */
export interface ConsentExpired {
  case: string;
  consent: string;
  ended?: Scope1;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * What a consent covers: services x information categories x purposes, within a period.
 */
export interface Scope1 {
  categories: InformationCategory[];
  /**
   * Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
   * alone; no service here may be told anything by it (seed rule 18).
   */
  municipality?: string;
  purposes: Purpose[];
  services: Service[];
}
/**
 * The consent's last day comes near: renew it, or let it end.
 */
export interface ConsentExpiring {
  case: string;
  consent: string;
  days_left: number;
  /**
   * The last day, in Norway.
   */
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * One more of those who must grant has granted; `active` when none is missing (seed rule 4).
 */
export interface ConsentGranted {
  active: boolean;
  case: string;
  consent: string;
  evidence: EvidenceForm1;
  /**
   * The note of how it was given, in the vault; none when it was signed in.
   */
  evidence_ref?: string;
  grantor: GrantorClass;
  /**
   * Which of that class: the first guardian in the vault, the second. Never who.
   */
  ordinal: number;
  /**
   * It was granted for the next period (see `ConsentRenewed`).
   */
  renewal?: boolean;
  scope: Scope;
  valid_from: string;
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * Not all answered within the time: there is no consent, and nobody is asked any more.
 */
export interface ConsentLapsed {
  case: string;
  consent: string;
  /**
   * Only the question about the next period lapsed.
   */
  renewal?: boolean;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * Part of the consent was withdrawn: a new version with the smaller scope, effective at once.
 */
export interface ConsentNarrowed {
  case: string;
  consent: string;
  effective_at: string;
  ended: Scope2;
  /**
   * The note of how it was said, in the vault; none when it was signed in.
   */
  evidence_ref?: string;
  scope: Scope3;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * What a consent covers: services x information categories x purposes, within a period.
 */
export interface Scope2 {
  categories: InformationCategory[];
  /**
   * Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
   * alone; no service here may be told anything by it (seed rule 18).
   */
  municipality?: string;
  purposes: Purpose[];
  services: Service[];
}
/**
 * What a consent covers: services x information categories x purposes, within a period.
 */
export interface Scope3 {
  categories: InformationCategory[];
  /**
   * Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
   * alone; no service here may be told anything by it (seed rule 18).
   */
  municipality?: string;
  purposes: Purpose[];
  services: Service[];
}
/**
 * Confidentiality was overridden by law, for these services, kinds of information and purposes, until a day.
 */
export interface ConsentOverridden {
  basis: LegalBasis;
  case: string;
  /**
   * Whether the guardians have been told of it; of danger that may come from them they are told when somebody says so.
   */
  guardians_informed?: boolean;
  made_by: Party;
  not_heard?: NotHeardReason;
  override: string;
  reason: OverrideReason;
  review_by: string;
  reviewer: Role;
  scope: Scope;
  valid_from: string;
  /**
   * The last day, in Norway.
   */
  valid_to: string;
}
/**
 * Nothing may be shared on it any more.
 */
export interface ConsentOverrideEnded {
  case: string;
  override: string;
  reason: "last-day-passed" | "not-justified";
}
/**
 * The guardians have been told of it, after it was made and apart from its review: from now on it is shown to them.
 */
export interface ConsentOverrideGuardiansInformed {
  case: string;
  override: string;
}
/**
 * Nobody has judged it in time: the leaders of the unit are told.
 */
export interface ConsentOverrideReviewOverdue {
  case: string;
  override: string;
  /**
   * Absent for an address-protected case.
   */
  unit?: string;
}
/**
 * A leader has judged it; what was not justified ends at once.
 */
export interface ConsentOverrideReviewed {
  case: string;
  /**
   * Whether the guardians have been told of it by now.
   */
  guardians_informed?: boolean;
  justified: boolean;
  override: string;
  reviewer: Role;
}
/**
 * Who must consent is another from now on, or must say it again; who has not by `confirm_by` suspends it.
 */
export interface ConsentReassessmentDue {
  /**
   * All must say it again, also who has granted before.
   */
  anew?: boolean;
  case: string;
  /**
   * None: nobody is missing.
   */
  confirm_by?: string;
  consent: string;
  /**
   * Which guardians may answer from now on, by their ordinals; never who.
   */
  guardians: number[];
  /**
   * How many of each class must consent from now on.
   */
  needed: {
    [k: string]: number;
  };
  reason: ReassessmentReason;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * A consumer that must act on a withdrawal has not said that it did: an alarm.
 */
export interface ConsentReceiptMissing {
  case: string;
  consent: string;
  consumer: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * One of those who must grant said no; refusal is recorded and nothing more is asked for.
 */
export interface ConsentRefused {
  case: string;
  consent: string;
  /**
   * The note of how it was said, in the vault; none when it was signed in.
   */
  evidence_ref?: string;
  grantor: GrantorClass;
  ordinal: number;
  /**
   * Only the next period was refused: what is valid stays valid until it expires.
   */
  renewal?: boolean;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * The same scope was asked for until a later day; what is valid now stays valid until that is granted, or it expires.
 */
export interface ConsentRenewalRequested {
  answer_by: string;
  case: string;
  consent: string;
  /**
   * Which guardians may answer, by their ordinals; never who.
   */
  guardians: number[];
  /**
   * The barnehage or school that asks, and holds it from its renewal on (seed rule 5). Absent for an address-protected case.
   */
  held_by_unit?: string;
  languages: string[];
  needed: {
    [k: string]: number;
  };
  scope: Scope;
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * All who must grant have granted the next period: from here this version counts, and no earlier one.
 */
export interface ConsentRenewed {
  case: string;
  consent: string;
  /**
   * The barnehage or school that asked for the next period, and holds it from here on; absent: as before (seed rule 5).
   */
  held_by_unit?: string;
  scope: Scope;
  /**
   * The version that it replaces.
   */
  superseded: number;
  valid_from: string;
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * Consent was asked for, and from whom it is needed (seed rules 4, 14).
 */
export interface ConsentRequested {
  /**
   * When it lapses if not all have answered by then.
   */
  answer_by?: string;
  case: string;
  consent: string;
  /**
   * It is for daily care, or necessary so that the child comes to no harm (pbrl § 4-4): one holder may be enough.
   */
  daily_care?: boolean;
  /**
   * Which guardians may answer, by their ordinals; never who. Empty: all that the case began with.
   */
  guardians?: number[];
  /**
   * The barnehage or school that must hold the consent (seed rule 5). Absent for an address-protected case.
   */
  held_by_unit?: string;
  /**
   * Languages (BCP 47) in which the request must be understood (seed rules 101, 146).
   */
  languages: string[];
  /**
   * How many of each class must grant.
   */
  needed: {
    [k: string]: number;
  };
  scope: Scope;
  valid_from: string;
  /**
   * The last day, in Norway.
   */
  valid_to: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * Whoever must consent now has not confirmed it, or said no: nothing may be shared on it until they do.
 */
export interface ConsentSuspended {
  case: string;
  consent: string;
  effective_at: string;
  ended: Scope4;
  reason: ReassessmentReason;
  refused?: boolean;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * What a consent covers: services x information categories x purposes, within a period.
 */
export interface Scope4 {
  categories: InformationCategory[];
  /**
   * Whose services they are; none: the case's own municipality's. Of another one where a child moves: for the transition
   * alone; no service here may be told anything by it (seed rule 18).
   */
  municipality?: string;
  purposes: Purpose[];
  services: Service[];
}
/**
 * The whole consent was withdrawn, effective at once (pbrl § 4-1, GDPR art. 7).
 */
export interface ConsentWithdrawn {
  case: string;
  consent: string;
  effective_at: string;
  ended: Scope;
  /**
   * The note of how it was said, in the vault; none when it was signed in.
   */
  evidence_ref?: string;
  /**
   * Counts what changed of what may be shared: a use is judged against the version valid at that moment.
   */
  version: number;
}
/**
 * Somebody who may decide for the service takes part (seed rules 71, 72).
 */
export interface ContributionAccepted {
  by: Party;
  case: string;
  contribution: string;
  late?: boolean;
}
/**
 * The service's leader said no, with a reason; nobody else can (seed rule 82).
 */
export interface ContributionDeclined {
  by: Party;
  case: string;
  contribution: string;
  late?: boolean;
  reason: "wrong-service" | "no-capacity" | "already-contributing" | "not-lawful";
}
/**
 * Nothing more is asked: it was given, taken back, or may no longer be asked for.
 */
export interface ContributionEnded {
  case: string;
  contribution: string;
  reason: "given" | "withdrawn" | "basis-lapsed" | "case-closed";
}
/**
 * It still has not: the service's leader must answer (seed rules 82, 95).
 */
export interface ContributionEscalated {
  case: string;
  contribution: string;
  service: Service;
  unit?: string;
}
/**
 * The service has not answered in time.
 */
export interface ContributionOverdue {
  case: string;
  contribution: string;
  service: Service;
  unit?: string;
}
/**
 * A service was asked to contribute; it must, and answers in time (seed rules 82, 102).
 */
export interface ContributionRequested {
  /**
   * Without the child's name, and so without consent; the service is not told which case it is.
   */
  anonymous: boolean;
  asked_by: Party;
  case: string;
  categories?: InformationCategory[];
  consent?: string;
  consent_version?: number;
  contribution: string;
  /**
   * The meeting that decided it: what is asked in words stands in its minutes.
   */
  meeting?: string;
  purpose?: Purpose;
  reason: ContributionReason;
  respond_by: string;
  service: Service;
  /**
   * The barnehage or school asked; absent for an address-protected case.
   */
  unit?: string;
}
/**
 * A document was put into the vault.
 */
export interface DocumentAdded {
  by?: Party;
  case: string;
  category: InformationCategory;
  document: string;
  media: MediaType;
  /**
   * Bytes; of a document that went on with a case, the power of two at or above them.
   */
  size: number;
}
/**
 * The receiver, or the receiver's leader on behalf, took the baton: from here the receiver is the holder.
 */
export interface HandoverAccepted {
  /**
   * The holder's last day was over and nobody had taken the baton: it fell to the leader of the unit (seed rule 107).
   */
  by_rule?: boolean;
  case: string;
  handover: string;
  holder: Party;
  on_behalf?: boolean;
}
/**
 * Its basis lapsed before it was accepted; the sender holds on.
 */
export interface HandoverCancelled {
  case: string;
  handover: string;
  reason: "basis-lapsed" | "receiver-gone" | "case-closed";
}
/**
 * It is accepted, and each document of the package has been received.
 */
export interface HandoverCompleted {
  case: string;
  handover: string;
}
/**
 * The receiver, or the receiver's leader on behalf, took the coordination: who was appointed by it stands beside it.
 *
 * The baton is where it was.
 */
export interface HandoverCoordinationAccepted {
  /**
   * The coordinator's last day was over and nobody had taken it: it fell to the leader of that unit (seed rule 107).
   */
  by_rule?: boolean;
  case: string;
  coordination: CoordinatorKind;
  handover: string;
  on_behalf?: boolean;
}
/**
 * The time is out, and it lies with the leader of the receiver's unit to answer on behalf (seed rules 82, 107).
 */
export interface HandoverEscalated {
  case: string;
  handover: string;
  service?: Service;
  /**
   * Whose leader. Absent for an address-protected case.
   */
  unit?: string;
}
/**
 * Nobody answered in time; the receiver's leader is asked to answer on behalf.
 */
export interface HandoverOverdue {
  case: string;
  handover: string;
  receiver: Party;
}
/**
 * A handover was drafted and has not been sent: nobody but the sender knows of it.
 */
export interface HandoverProposed {
  case: string;
  handover: string;
  package: Package;
  receiver: Party;
  /**
   * The usual time from the sending, when nothing is said.
   */
  respond_by?: string;
  route: HandoverRoute;
  sender: Party;
  /**
   * Where it is to go when it leaves the municipality; absent for an address-protected case.
   */
  to_municipality?: string;
}
/**
 * What the receiver gets: categories and document references inside the consented scope, never content.
 */
export interface Package {
  categories?: InformationCategory[];
  documents?: string[];
}
/**
 * The receiver opened it, or a document of it: each document in the package has its own receipt.
 */
export interface HandoverReceived {
  case: string;
  /**
   * What was received just now; none when it was the handover alone that was opened.
   */
  documents?: string[];
  handover: string;
}
/**
 * The receiver said no, with a reason; the sender holds on.
 */
export interface HandoverRejected {
  case: string;
  handover: string;
  on_behalf?: boolean;
  reason: "capacity" | "wrong-unit" | "absent" | "missing-information" | "other";
}
/**
 * The baton was offered to a named receiver, to answer within a time (seed rule 107).
 */
export interface HandoverSent {
  basis: LegalBasis;
  case: string;
  consent?: string;
  consent_version?: number;
  coordination?: CoordinatorKind1;
  form?: string;
  handover: string;
  kind: HandoverKind;
  /**
   * The holder is away, and the leader of the holder's unit sent it (seed rule 107). The sender is the holder all the same.
   */
  on_behalf?: boolean;
  package: Package;
  receiver: Party;
  respond_by: string;
  route?: HandoverRoute;
  sender: Party;
  /**
   * Where it goes when it leaves the municipality; absent for an address-protected case.
   */
  to_municipality?: string;
}
/**
 * The receiver in another municipality accepted. A new case goes on there, in that municipality's log; this one is closed.
 *
 * The handover's reference is in both logs, and is all that leads from one to the other.
 */
export interface HandoverTransferred {
  case: string;
  handover: string;
  on_behalf?: boolean;
}
/**
 * The sender took it back.
 */
export interface HandoverWithdrawn {
  case: string;
  handover: string;
}
/**
 * The seal of the cases service.
 */
export interface CasesJournalSealed {
  /**
   * Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed before
   * this seal, and has a lower `sourcesequence` than it.
   *
   * @maxItems 500
   */
  lanes?: LaneEnd[];
  last_number: number;
  /**
   * Base64 of the 32-byte RFC 6962 root.
   */
  root: string;
  scope: string;
}
/**
 * The measure goes on in another way; everybody in the team is told (seed rules 31, 89).
 */
export interface MeasureChanged {
  case: string;
  /**
   * Which of them are new.
   */
  changed: ("owner" | "goal" | "indicator" | "evaluate-by")[];
  evaluate_by: string;
  goal: string;
  indicator: string;
  measure: string;
  owner: Service;
  owner_unit?: string;
}
/**
 * The measure was evaluated in time or not; without effect it cannot just go on (seed rules 89, 90).
 */
export interface MeasureEvaluated {
  case: string;
  effect: Effect;
  /**
   * To which moment that may be put off at most (seed rule 89).
   */
  evaluate_before?: string;
  /**
   * The next evaluation, when it goes on.
   */
  evaluate_by?: string;
  measure: string;
  outcome: EvaluationOutcome;
}
/**
 * Another unit does much the same for the child in another case, and whoever carries this measure out may know of that case.
 *
 * Neither that case, its service nor its measure is named: two references in one event would tie the cases together for everybody
 * who reads the topic. Who may see both is told which they are by the API (seed rules 49, 161).
 */
export interface MeasureOverlapElsewhereSuspected {
  case: string;
  measure: string;
  /**
   * A group of the profile: types of measures that do much the same.
   */
  overlap: string;
}
/**
 * The owner of one of the measures has looked at it and says why both go on, or that one will not (seed rules 49, 161).
 */
export interface MeasureOverlapExplained {
  case: string;
  explained_for: string;
  explanation: OverlapExplanation;
  measure: string;
  /**
   * Every owner has explained it.
   */
  settled: boolean;
}
/**
 * Another unit does much the same already (seed rules 49, 161).
 */
export interface MeasureOverlapSuspected {
  case: string;
  measure: string;
  /**
   * @minItems 1
   */
  others: string[];
  /**
   * A group of the profile: types of measures that do much the same.
   */
  overlap: string;
}
/**
 * A measure with owner, goal, indicator and evaluation date (seed rules 28, 88, 141).
 */
export interface MeasurePlanned {
  case: string;
  /**
   * A row of the profile's catalogue of offers (seed rules 28, 111, 182).
   */
  code: string;
  /**
   * To which moment its evaluation may be put off at most, until it begins or is evaluated (seed rules 88, 89).
   */
  evaluate_before?: string;
  evaluate_by: string;
  goal: string;
  indicator: string;
  /**
   * The named agenda item that decided it, so that nobody types it twice.
   */
  item?: string;
  level: number;
  measure: string;
  meeting?: string;
  new_reason?: NewReason;
  owner: Service;
  owner_unit?: string;
}
/**
 * The measure is under way: what was planned has begun (seed rule 88).
 */
export interface MeasureStarted {
  case: string;
  /**
   * To which moment its evaluation may be put off at most, counted from now (seed rules 88, 89).
   */
  evaluate_before?: string;
  measure: string;
}
/**
 * The measure ended (seed rules 90, 166).
 */
export interface MeasureStopped {
  case: string;
  measure: string;
  reason: "no-effect" | "goal-reached" | "withdrawn";
}
/**
 * The plan ended.
 */
export interface PlanClosed {
  case: string;
  plan: string;
  reason: "goals-reached" | "no-longer-wanted" | "adult" | "case-closed";
}
/**
 * The guardians or the child want a plan; nobody else can begin one (seed rule 36).
 */
export interface PlanRequested {
  case: string;
  coordinated_by: Service2;
  coordinator_role: Role;
  evidence: EvidenceForm1;
  plan: string;
  requested_by: "guardian" | "child";
}
/**
 * The plan has a coordinator and its first version (seed rule 37).
 */
export interface PlanStarted {
  case: string;
  coordinator: Party;
  goals: string[];
  plan: string;
  version?: 1;
}
/**
 * The plan has a next version: the approved minutes of its group's meeting (seed rule 38).
 */
export interface PlanUpdated {
  case: string;
  /**
   * The minutes, in the meetings service's vault.
   */
  document?: string;
  goals: string[];
  meeting: string;
  plan: string;
  version: number;
}
/**
 * Something was recorded about the child, or a record was corrected by a new version. The words are in the vault.
 */
export interface RecordWritten {
  by?: Party2;
  case: string;
  category: InformationCategory;
  record: string;
  version: number;
}
/**
 * Somebody who acts for a unit: an opaque actor, in a role, at a unit.
 */
export interface Party2 {
  actor: string;
  organisation?: string;
  role: Role;
  service?: Service;
  /**
   * Absent for an address-protected case.
   */
  unit?: string;
}
/**
 * Not all who must have approved this version: they are reminded (seed rule 14).
 */
export interface TransitionFormApprovalWaits {
  case: string;
  form: string;
  /**
   * Which guardians have not approved it; never who.
   */
  ordinals: number[];
  version: number;
}
/**
 * One guardian approved exactly this version (seed rule 14).
 */
export interface TransitionFormApproved {
  case: string;
  /**
   * All who must approve have.
   */
  complete: boolean;
  evidence?: EvidenceForm2;
  form: string;
  ordinal: number;
  version: number;
}
/**
 * A version was written; an approval of an older one does not cover it.
 */
export interface TransitionFormDrafted {
  /**
   * Who must approve it; nobody said: all guardians (seed rule 14).
   */
  approval?: "all-guardians" | "one-guardian";
  case: string;
  categories: InformationCategory[];
  document: string;
  form: string;
  form_type: "barnehage-to-school" | "school-to-school";
  school_start: number;
  version: number;
}
/**
 * The time to send it has begun (seed rule 13).
 */
export interface TransitionFormDue {
  case: string;
  due: string;
  form: string;
  holder: Party;
  version: number;
}
/**
 * The time to send it is over, and it has not been sent.
 */
export interface TransitionFormOverdue {
  case: string;
  form: string;
  holder: Party;
  version: number;
}
/**
 * The school has it.
 */
export interface TransitionFormReceived {
  case: string;
  form: string;
  version: number;
}
/**
 * The approved version went to the school (seed rule 13).
 */
export interface TransitionFormSent {
  case: string;
  form: string;
  handover: string;
  /**
   * Why it was sent outside its window (seed rule 13).
   */
  outside_window?: "late-placement" | "moved" | "guardians-wish" | "school-asks";
  version: number;
}
/**
 * Whoever calls the meeting took the item on; only then can it be discussed.
 */
export interface AgendaItemAccepted {
  item: string;
  meeting: string;
}
/**
 * An item is on the agenda. `case` stands here only for a named item (seed rules 2, 4, 7).
 */
export interface AgendaItemAdded {
  basis?: LegalBasis;
  case?: string;
  categories?: InformationCategory[];
  consent?: string;
  consent_version?: number;
  /**
   * The attending services inside the scope; the others leave the item and are shown neither item nor case. The unit that
   * brings it is not among them: it needs no consent.
   */
  covered?: Service[];
  /**
   * Named: of the covered services, the barnehager and schools that take part, each by its unit.
   */
  covered_seats?: Seat[];
  /**
   * Named: as whom the child's family is invited, guardians and the child itself; never who (seed rules 12, 32, 73).
   */
  family?: Role[];
  held_by?: Service3;
  /**
   * Named: the barnehage or school that holds the consent and brings the item (seed rule 5).
   */
  held_by_unit?: string;
  /**
   * Named: languages (BCP 47) in which the family is spoken with through an interpreter (seed rule 146).
   */
  interpreters?: string[];
  item: string;
  kind: ItemKind;
  /**
   * Another arena lifted it to this one: nobody brought it here (seed rules 68, 69).
   */
  lifted?: boolean;
  meeting: string;
  mode: ItemMode;
  purpose?: Purpose;
}
/**
 * Whose a seat is: a service's, or of a barnehage or school the unit's.
 */
export interface Seat {
  service: Service;
  unit?: string;
}
/**
 * A meeting was recorded as held, and not whether an item by name on its agenda was discussed (seed rules 4, 5).
 *
 * Whoever recorded it may not have been shown the item: what was said of the child is to be recorded, or the item brought again.
 */
export interface AgendaItemLeftOpen {
  case: string;
  item: string;
  meeting: string;
}
/**
 * What was lifted, and waited for a meeting of the other arena, was taken back by those who lifted it (seed rules 68, 69).
 */
export interface AgendaItemLiftWithdrawn {
  /**
   * As it stood where it was lifted from.
   */
  item: string;
  meeting: string;
  mode: ItemMode;
  reason: "solved-here" | "no-longer-needed" | "taken-up-elsewhere" | "by-mistake";
  to_type: string;
}
/**
 * What the arena does not solve itself goes on to the next meeting of the one that it lifts to (seed rules 68, 69).
 */
export interface AgendaItemLifted {
  /**
   * In which roles the meetings of that arena are called: these are told that something waits.
   */
  called_by?: Role[];
  item: string;
  /**
   * Of which unit, when it is leaders who call them; absent where the municipality has no such unit.
   */
  led_by?: string;
  meeting: string;
  mode: ItemMode;
  to: string;
  to_type: string;
}
/**
 * An item was taken off.
 */
export interface AgendaItemRemoved {
  item: string;
  meeting: string;
  reason: "consent-withdrawn" | "consent-expired" | "basis-lapsed" | "by-request";
}
/**
 * The municipality's profile defines this arena; published again when the profile changes it.
 */
export interface ArenaDefined {
  arena: string;
  arena_type: string;
  /**
   * May be invited; no other service may (seed rules 20, 55).
   */
  at_need?: Service[];
  duty_to_attend?: boolean;
  /**
   * Always invited; at unit level the unit's own service too.
   */
  fixed_services: Service[];
  guardians?: Guardians;
  level?: ArenaLevel;
  minutes: number;
  policy: ModePolicy;
  /**
   * The hash of this arena's definition in the profile.
   */
  profile_version: string;
  seats_per_organisation?: number;
  /**
   * Whose arena it is, at unit level.
   */
  unit?: string;
}
/**
 * The calendar can be read without signing in, at an address that only its owner is shown; an earlier one no longer works.
 */
export interface CalendarAddressMade {
  calendar: string;
  /**
   * Which of the calendar's addresses it is.
   */
  number: number;
  until: string;
}
/**
 * The calendar can be read signed in only.
 */
export interface CalendarAddressWithdrawn {
  calendar: string;
  number: number;
}
/**
 * An item about a child was discussed. Anonymous: neither case, nor consent, nor actor (invariant 3; seed rules 2, 4, 22).
 */
export interface CaseDiscussed {
  /**
   * Named: the services that stayed for the item, each inside the scope; the unit that brought it apart.
   */
  attended_by?: Service[];
  basis?: LegalBasis;
  case?: string;
  categories?: InformationCategory[];
  child?: ChildPart;
  child_absence?: "did-not-wish" | "too-young" | "ill" | "not-asked" | "other";
  consent?: string;
  consent_version?: number;
  /**
   * Named: the moment for which the basis was judged.
   */
  discussed_at?: string;
  /**
   * Named: how many of the child's guardians heard it, if it was said (seed rule 12).
   */
  guardians_present?: number;
  item: string;
  meeting: string;
  mode: ItemMode;
  purpose?: Purpose;
}
/**
 * A child's meeting is neither held nor called, while it still can be: who is to call it hears so, once (seed rules 10, 29).
 */
export interface ChildMeetingMissing {
  arena_type: string;
  case: string;
  /**
   * Who coordinates the group or the plan; absent where nobody does, and it lies with whoever holds the case (seed rule 23).
   */
  coordinator?: string;
  /**
   * The last one of the term, or of the arena's window.
   */
  day: string;
  deviation: string;
  /**
   * The seed rule that asks for the meeting.
   */
  rule: number;
}
/**
 * How many of a unit's staff have a competence: counts, and never who (seed rules 112, 115, 117).
 */
export interface CompetenceRecorded {
  competence: string;
  having: number;
  /**
   * The day for which it was counted.
   */
  on: string;
  staff: number;
  unit: string;
  unit_register: string;
}
/**
 * This service has acted on a change of consent: its projection denies, its agenda is cleared.
 */
export interface MeetingsConsentReceiptRecorded {
  case: string;
  consent: string;
  consent_version: number;
  items_removed: number;
}
/**
 * A body has answered; version 2 and later are corrections before the hearing was closed.
 */
export interface ConsultationAnswered {
  /**
   * When this version was given; absent in an event of before that was said.
   */
  answered_at?: string;
  consultation: string;
  /**
   * It is a correction, and came after the time was out: what stands now is not what stood then.
   */
  corrected_late?: boolean;
  /**
   * The first answer came after the time was out; no correction changes that.
   */
  late?: boolean;
  position: Position;
  service: Service;
  unit: string;
  version: number;
}
/**
 * Nobody answers any more; who did and who did not.
 */
export interface ConsultationClosed {
  answered: Body[];
  consultation: string;
  reason: "completed" | "withdrawn";
  unanswered: Body[];
}
/**
 * A body that is heard: a unit, and whose seats it takes.
 */
export interface Body {
  service: Service;
  unit: string;
}
/**
 * A week after the time was out these bodies still have not answered: whoever opened the hearing is told.
 */
export interface ConsultationEscalated {
  answer_by: string;
  /**
   * @minItems 1
   */
  bodies: Body[];
  consultation: string;
}
/**
 * Bodies are heard in a matter; what it is they read with the service.
 */
export interface ConsultationOpened {
  answer_by: string;
  /**
   * Where the matter is taken up.
   */
  arena_type: string;
  /**
   * @minItems 1
   */
  bodies: Body[];
  consultation: string;
  /**
   * Which of the profile's hearings it is.
   */
  kind: string;
  opened_by: Party;
}
/**
 * The time is out, and these bodies have not answered.
 */
export interface ConsultationOverdue {
  answer_by: string;
  /**
   * @minItems 1
   */
  bodies: Body[];
  consultation: string;
}
/**
 * Something was not as the rules of an arena say, and leaders are to know it (seed rules 8, 40, 54, 64, 95); once of each.
 */
export interface DeviationFound {
  /**
   * Of which services nobody came, with a duty to attend: their leaders are told too (seed rule 54).
   */
  absent?: Service[];
  arena_type: string;
  /**
   * The meeting's; of a period its last one; of a unit without an arena the day on which it was found.
   */
  day: string;
  deviation: string;
  kind: DeviationKind;
  /**
   * The units whose leaders are told: whose arena it is, or the municipality's administration.
   */
  led_by?: string[];
  /**
   * Which meeting was not as it should; absent when it is one that was not called.
   */
  meeting?: string;
  /**
   * The seed rule that it departs from.
   */
  rule: number;
  /**
   * Whose arena it is, at unit level; or to whom the children of the units that are to meet go on (seed rules 15, 16).
   */
  unit?: string;
}
/**
 * Another number stands in its place from now on; those before are kept.
 */
export interface FigureCorrected {
  figure: string;
  /**
   * Of the municipality's profile.
   */
  indicator: string;
  /**
   * Which entry of it this is.
   */
  number: number;
  period: string;
  reason: FigureCorrection;
  /**
   * Absent: it is the municipality's.
   */
  unit?: string;
}
/**
 * The municipality's profile no longer asks for it by a day: nobody waits for it.
 */
export interface FigureDropped {
  figure: string;
  /**
   * Of the municipality's profile.
   */
  indicator: string;
  period: string;
  /**
   * Absent: it is the municipality's.
   */
  unit?: string;
}
/**
 * Somebody who may has entered it, for the first time: nobody waits for it any more.
 */
export interface FigureEntered {
  figure: string;
  /**
   * Of the municipality's profile.
   */
  indicator: string;
  period: string;
  /**
   * Absent: it is the municipality's.
   */
  unit?: string;
}
/**
 * Its period is over, and it is to be entered by a day that the municipality's profile says; nobody has.
 */
export interface FigureExpected {
  /**
   * The last day in Norway on which it is in time.
   */
  due: string;
  figure: string;
  /**
   * Of the municipality's profile.
   */
  indicator: string;
  /**
   * Whose leaders are told when nobody enters it; absent where the municipality has no such unit.
   */
  led_by?: string;
  owed_by: Role1;
  /**
   * By those of this unit only; absent: whoever has the role in the municipality.
   */
  owing_unit?: string;
  period: string;
  /**
   * Absent: it is the municipality's.
   */
  unit?: string;
}
/**
 * How long a unit gave guidance in a week; recorded again, it is this that counts (seed rule 163).
 */
export interface GuidanceHoursRecorded {
  code: string;
  minutes: number;
  unit: string;
  unit_register: string;
  /**
   * Its Monday.
   */
  week: string;
}
/**
 * Somebody who was invited accepted or declined; it counts until the meeting begins, is moved, or they answer again.
 *
 * Who was there in the end is said when the meeting is held (seed rules 54, 71-73, 82).
 */
export interface InvitationAnswered {
  answer: InvitationAnswer;
  answered_at: string;
  deputy?: Deputy;
  /**
   * The seat has a duty to attend.
   */
  duty?: boolean;
  /**
   * Guardian or child: the named item for which they are invited.
   */
  item?: string;
  meeting: string;
  /**
   * Guardian or child: which of those who have answered; not who.
   */
  ordinal?: number;
  reason?: "ill" | "double-booked" | "vacant" | "other";
  role?: Role2;
  seat?: Seat1;
}
/**
 * Who comes in a seat's place: a role of the same service, never a person (seed rules 71, 72).
 */
export interface Deputy {
  role: Role;
  /**
   * From which unit, when it is another than the seat's.
   */
  unit?: string;
}
/**
 * Whose a seat is: a service's, or of a barnehage or school the unit's.
 */
export interface Seat1 {
  service: Service;
  unit?: string;
}
/**
 * The seal of the meetings service.
 */
export interface MeetingsJournalSealed {
  /**
   * Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed before
   * this seal, and has a lower `sourcesequence` than it.
   *
   * @maxItems 500
   */
  lanes?: LaneEnd[];
  last_number: number;
  /**
   * Base64 of the 32-byte RFC 6962 root.
   */
  root: string;
  scope: string;
}
/**
 * A meeting was called; services are invited, not people (seed rules 8, 9).
 */
export interface MeetingCalled {
  arena: string;
  arena_type: string;
  /**
   * Asked for beside the fixed ones (seed rule 9).
   */
  extra?: boolean;
  /**
   * Languages (BCP 47) for which whoever calls wants an interpreter (seed rule 146).
   */
  interpreters?: string[];
  invited: Service[];
  meeting: string;
  minutes: number;
  place?: Place;
  /**
   * Whose seats are invited; where no unit takes part by name, those of all barnehager or schools stand as one.
   */
  seats?: Seat[];
  starts_at: string;
  unit?: string;
  /**
   * The barnehager and schools that take part; other units of the same kind do not.
   */
  units?: string[];
  /**
   * Those of them with a duty to attend (seed rule 54).
   */
  with_duty?: Seat[];
}
/**
 * The meeting will not be held.
 */
export interface MeetingCancelled {
  meeting: string;
  reason: "no-items" | "not-enough-members" | "replaced" | "other";
}
/**
 * Nothing more is added to the meeting.
 */
export interface MeetingClosed {
  meeting: string;
}
/**
 * The meeting was held (seed rules 54, 59, 60, 156).
 */
export interface MeetingHeld {
  arena: string;
  arena_type: string;
  attendance: Attendance[];
  chair: Role;
  ended_at: string;
  guardians_present?: number;
  /**
   * The items without a child that were discussed; those about a child have an event of their own.
   */
  items?: string[];
  kinds_covered: ItemKind[];
  meeting: string;
  started_at: string;
}
/**
 * One seat at the meeting: a service and a role, not a person.
 */
export interface Attendance {
  absence_reason?: "ill" | "double-booked" | "vacant" | "not-notified" | "other";
  /**
   * Whether it was taken by a deputy, to whom the authority to decide was delegated (seed rules 54, 71, 72).
   */
  deputy?: boolean;
  function?: Function;
  organisation?: string;
  present: boolean;
  role: Role;
  service: Service;
  /**
   * Whose seat it is, where it is a barnehage's or school's; elsewhere from which of the service's units they came, if said.
   */
  unit?: string;
}
/**
 * A meeting has a place in the year wheel; nobody is invited yet.
 */
export interface MeetingPlanned {
  arena: string;
  arena_type: string;
  /**
   * Asked for beside the fixed ones (seed rule 9).
   */
  extra?: boolean;
  /**
   * Languages (BCP 47) for which whoever plans wants an interpreter (seed rule 146).
   */
  interpreters?: string[];
  meeting: string;
  minutes: number;
  place?: Place1;
  starts_at: string;
  unit?: string;
  /**
   * The barnehager and schools that take part; other units of the same kind do not.
   */
  units?: string[];
}
/**
 * The meeting was moved.
 */
export interface MeetingRescheduled {
  meeting: string;
  starts_at: string;
}
/**
 * The minutes were approved in this version (seed rule 38).
 */
export interface MinutesApproved {
  document?: string;
  meeting: string;
  version: number;
}
/**
 * What was decided on a named item, as codes (seed rules 38, 62, 71). For an anonymous item: guidance only, no case.
 */
export interface OutcomeRecorded {
  case?: string;
  contributions?: AskedContribution[];
  decision: "guidance-given" | "measure-planned" | "refer" | "ask-consent" | "follow-up" | "no-action";
  item: string;
  /**
   * Services that join the team around the child because of a measure (seed rule 26).
   */
  join_team?: Service[];
  measures?: PlannedMeasure[];
  meeting: string;
  mode: ItemMode;
}
/**
 * What the meeting asks a service for; the cases service asks it from this event alone (seed rules 82, 96, 116).
 */
export interface AskedContribution {
  /**
   * Those of the item: what may be shared for it.
   */
  categories: InformationCategory[];
  contribution: string;
  purpose: Purpose;
  reason: ContributionReason;
  /**
   * Absent: within the municipality's usual time.
   */
  respond_by?: string;
  service: Service;
  /**
   * Which barnehage or school.
   */
  unit?: string;
}
/**
 * A measure that the meeting decided; the cases service plans it from this event alone (seed rules 88, 141).
 */
export interface PlannedMeasure {
  code: string;
  evaluate_by: string;
  indicator: string;
  measure: string;
  owner: Service;
  owner_unit?: string;
}
/**
 * A unit has given all parents the guidance of an age step (seed rule 108).
 */
export interface ParentGuidanceGiven {
  on: string;
  step: string;
  unit: string;
  unit_register: string;
}
/**
 * That a unit had given the guidance of an age step that day was recorded by mistake, and is taken back (seed rule 108).
 */
export interface ParentGuidanceWithdrawn {
  /**
   * The day for which it was recorded.
   */
  on: string;
  reason: "not-given" | "wrong-step" | "wrong-day";
  step: string;
  unit: string;
  unit_register: string;
}
/**
 * Whoever owes it, or the leader, said that it was delivered; to whom it goes stands in the profile.
 */
export interface ReportDelivered {
  /**
   * The last day in Norway on which it is in time.
   */
  due: string;
  duty: string;
  on: string;
  /**
   * Which of the profile's reports it is.
   */
  report: string;
}
/**
 * The municipality's profile no longer asks for it by that day: nobody waits for it.
 */
export interface ReportDropped {
  /**
   * The last day in Norway on which it is in time.
   */
  due: string;
  duty: string;
  /**
   * Which of the profile's reports it is.
   */
  report: string;
}
/**
 * The municipality owes a report by that day.
 */
export interface ReportExpected {
  /**
   * The last day in Norway on which it is in time.
   */
  due: string;
  duty: string;
  owed_by: Role3;
  /**
   * By those of this unit only; absent: whoever has the role in the municipality.
   */
  owing_unit?: string;
  /**
   * Which of the profile's reports it is.
   */
  report: string;
  /**
   * Whose leaders are told when it does not come; absent where the municipality has no such unit.
   */
  unit?: string;
}
/**
 * What a survey gave in a term, in all of the municipality's meetings; of too few answers nothing, and they are not kept.
 */
export interface SurveyRoundCompleted {
  /**
   * How many; absent: too few to be shown.
   */
  answers?: number;
  first: string;
  form: string;
  /**
   * The term, both days included.
   */
  last: string;
  results?: QuestionResult[];
  round: string;
}
/**
 * What a question gave.
 */
export interface QuestionResult {
  /**
   * The mean of the answers from 1 to 5, in tenths: 43 is 4.3.
   */
  mean_tenths: number;
  question: string;
}
/**
 * Nobody answers it any more; how many have is not told.
 */
export interface SurveyClosed {
  /**
   * Which of the profile's surveys it is.
   */
  form: string;
  meeting: string;
  survey: string;
}
/**
 * A meeting was held, and each who was there may answer once, with the ticket that they are handed.
 */
export interface SurveyOpened {
  closes_at: string;
  /**
   * Which of the profile's surveys it is.
   */
  form: string;
  meeting: string;
  /**
   * @minItems 1
   */
  questions: string[];
  /**
   * Where its answers are counted, with those of the term's other meetings.
   */
  round: string;
  /**
   * Those that were there.
   */
  services: Service[];
  survey: string;
  units?: string[];
}
/**
 * This service has acted on a change of consent: what was pending for the ended services will not be sent.
 */
export interface NotifyConsentReceiptRecorded {
  case: string;
  consent: string;
  consent_version: number;
  messages_cancelled: number;
}
/**
 * There is still time, but not much (seed rule 79).
 */
export interface DeadlineApproaching {
  case?: string;
  deadline: string;
  due: string;
  kind: DeadlineKind;
}
/**
 * Nothing more is waited for: it was done, or it is no longer to be done.
 */
export interface DeadlineClosed {
  case?: string;
  deadline: string;
  due: string;
  kind: DeadlineKind;
  reason: "done" | "cancelled";
}
/**
 * The time has passed.
 */
export interface DeadlineMissed {
  case?: string;
  deadline: string;
  due: string;
  kind: DeadlineKind;
}
/**
 * Somebody else must act now: the baton moved (seed rule 107).
 */
export interface DeadlineReassigned {
  case?: string;
  deadline: string;
  due: string;
  kind: DeadlineKind;
  responsible: Responsible;
}
/**
 * Who must act: an opaque actor in a role, or a unit alone. Without unit for an address-protected case.
 */
export interface Responsible {
  actor?: string;
  /**
   * Where they work, when that is another municipality than the one whose log this is in: units are named by each for itself.
   */
  municipality?: string;
  role?: Role;
  service?: Service;
  unit?: string;
}
/**
 * Something must be done by then. Set again, it is a new round: the next evaluation of the same measure (seed rule 89).
 */
export interface DeadlineSet {
  case?: string;
  coordination?: CoordinatorKind2;
  deadline: string;
  due: string;
  /**
   * When the unit's leader is told; absent where that is nobody's business (a guardian may leave a question unanswered).
   */
  escalate_at?: string;
  kind: DeadlineKind;
  /**
   * What its kind does not say: a case is decided on in a meeting that its step up called for (seed rule 68).
   */
  matter?: "meeting";
  /**
   * When the responsible is reminded; absent when there is no time for it.
   */
  remind_at?: string;
  responsible: Responsible;
}
/**
 * The unit's leader was told (seed rule 95); of an address-protected case, whoever has the municipality's duty for it.
 */
export interface EscalationRaised {
  case?: string;
  deadline: string;
  due: string;
  kind: DeadlineKind;
  /**
   * Whose unit that is, when it is another municipality's than the one whose log this is in.
   */
  municipality?: string;
  unit?: string;
}
/**
 * The seal of the notify service.
 */
export interface NotifyJournalSealed {
  /**
   * Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed before
   * this seal, and has a lower `sourcesequence` than it.
   *
   * @maxItems 500
   */
  lanes?: LaneEnd[];
  last_number: number;
  /**
   * Base64 of the 32-byte RFC 6962 root.
   */
  root: string;
  scope: string;
}
/**
 * Another way than e-mail refused the message for good.
 */
export interface NotificationBounced {
  message: string;
  reason: "rejected" | "unreachable" | "no-address";
  way: Way;
}
/**
 * The message was taken back before the channel had it: what it was about is done, or may no longer be told.
 */
export interface NotificationCancelled {
  message: string;
  reason: "done" | "consent-ended";
}
/**
 * Another way than e-mail took the message; a letter was posted by whoever `authid` is.
 */
export interface NotificationCarried {
  message: string;
  way: Way;
}
/**
 * The channel refused the message for good.
 */
export interface NotificationFailed {
  channel: Channel;
  message: string;
  reason: "rejected" | "unreachable" | "no-address";
}
/**
 * A message was written; its text says that there is something to read, and nothing more (seed rule 101).
 */
export interface NotificationQueued {
  channel: Channel;
  language: Language1;
  message: string;
  recipient: string;
  recipient_role: Role;
  template: string;
  template_version: number;
}
/**
 * The recipient, signed in, has read it.
 */
export interface NotificationRead {
  message: string;
}
/**
 * It goes by another way from now on; in the application it can be read all the while.
 */
export interface NotificationRedirected {
  /**
   * Chosen by the recipient; by rule beside the first; because the way before failed; or because nobody has read it.
   */
  because: "preferred" | "second" | "rejected" | "unreachable" | "no-address" | "unread";
  message: string;
  way: Way;
}
/**
 * The channel took the message.
 */
export interface NotificationSent {
  channel: Channel;
  message: string;
}
/**
 * Somebody chose how to be reached. An address is not told; a leader becomes the one that the unit's escalations reach.
 */
export interface PreferencesSet {
  channel: Channel;
  /**
   * Whether e-mail and SMS come once a day, all together.
   */
  digest?: boolean;
  language: Language1;
  quiet_begins?: string;
  /**
   * Norway's time between which nothing is sent; absent: as usual.
   */
  quiet_ends?: string;
  recipient: string;
  /**
   * As the token said at that moment.
   */
  roles?: Role[];
  service?: Service;
  /**
   * Whether SMS is tried before e-mail, where both are known.
   */
  sms_first?: boolean;
  unit?: string;
}
/**
 * The installation no longer lets its client subscribe: it is stopped, and what it has not got is kept for it no longer.
 */
export interface SubscriptionBarred {
  subscription: string;
}
/**
 * It gets other events, or gets them at another address.
 */
export interface SubscriptionChanged {
  /**
   * Whether it acknowledges from now on.
   */
  acknowledges?: boolean;
  /**
   * Whether the address is another one.
   */
  moved: boolean;
  subscription: string;
  wanted: Wanted;
}
/**
 * Which events a subscription gets. What is empty narrows nothing.
 */
export interface Wanted {
  /**
   * Whose logs; empty only for a client that may read them all.
   */
  municipalities?: string[];
  /**
   * The logs of address-protected cases too: of every municipality, for the log does not say whose it is.
   */
  protected?: boolean;
  types?: string[];
  /**
   * Events that name one of these units, and no others.
   */
  units?: string[];
}
/**
 * It is no more: its owner ended it, or the receiver said that it is gone (HTTP 410).
 */
export interface SubscriptionEnded {
  reason: "ended" | "gone";
  subscription: string;
}
/**
 * Another system gets events from now on; `authid` is whose it is.
 */
export interface SubscriptionOpened {
  /**
   * Whether it says of each consent that ends, wholly or in part, that it has acted on that.
   */
  acknowledges?: boolean;
  /**
   * The client at the token issuer.
   */
  client: string;
  owner: string;
  subscription: string;
  wanted: Wanted;
}
/**
 * A consent has ended, wholly or in part: another system is to say by then that it has acted on that.
 */
export interface SubscriptionReceiptAwaited {
  case: string;
  consent: string;
  consent_version: number;
  due: string;
  receipt: string;
  subscription: string;
}
/**
 * Another system has not said in time that it has acted: an alarm.
 */
export interface SubscriptionReceiptMissing {
  case: string;
  consent: string;
  consent_version: number;
  receipt: string;
  subscription: string;
}
/**
 * Another system says that it has acted on a change of consent, and on those before it; `authid` is whose system it is.
 */
export interface SubscriptionReceiptRecorded {
  case: string;
  consent: string;
  consent_version: number;
  items_removed: number;
  receipt: string;
  subscription: string;
}
/**
 * Nothing more is awaited: the subscription is no more, or acknowledges no longer. It never said that it has acted.
 */
export interface SubscriptionReceiptReleased {
  case: string;
  consent: string;
  consent_version: number;
  reason: "ended" | "not-acknowledging";
  receipt: string;
  subscription: string;
}
/**
 * What comes after that position is sent again.
 */
export interface SubscriptionReplayed {
  after: number;
  subscription: string;
}
/**
 * It goes on where it was stopped.
 */
export interface SubscriptionResumed {
  subscription: string;
}
/**
 * It has a new secret; until then, what is sent is signed with the one before as well.
 */
export interface SubscriptionSecretChanged {
  both_until: string;
  subscription: string;
}
/**
 * The receiver has failed for too long: nothing more is tried until its owner asks for it. Nothing is skipped.
 */
export interface SubscriptionStopped {
  failing_since: string;
  subscription: string;
}
