"""What the audit service publishes about its log: positions and hashes, never content."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.codes import Language
from shared.refs import (
    ActorIdField,
    CaseRefField,
    ConsentRefField,
    ExportRefField,
    FindingRefField,
    InnsynReportRefField,
    MeetingRefField,
    OrganisationNumberField,
    UnitIdField,
)

TOPIC = "lagspill.audit.v1"


class LogEvent(EventData):
    """An event of one log."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "log"

    log: str = Field(pattern=r"^[a-z0-9./_-]{1,120}$")
    """The log's origin (C2SP tlog-checkpoint)."""


class CheckpointSigned(LogEvent):
    """A tree head was signed (RFC 6962 § 3.5 in C2SP's form). Published now and then, not for every one that is signed."""

    TYPE: ClassVar[str] = "no.lagspill.audit.checkpoint.signed.v1"

    size: int = Field(ge=0)
    root: str
    """Base64 of the 32-byte root."""
    note: str
    """The whole signed note."""


class GapFound(LogEvent):
    """A service's numbers have a hole: something it published is not in the log."""

    TYPE: ClassVar[str] = "no.lagspill.audit.gap.found.v1"

    source: str
    first_missing: int = Field(ge=0)
    last_missing: int = Field(ge=0)


class ChainBroken(LogEvent):
    """What the log holds contradicts itself or a service's seal."""

    TYPE: ClassVar[str] = "no.lagspill.audit.chain.broken.v1"

    kind: Literal["seal-contradicted", "number-reused", "id-reused", "tree-damaged"]
    source: str | None = None
    """The service whose records contradict each other."""
    position: int | None = None
    """The entry that shows it."""


class IrregularityFound(LogEvent):
    """A record, or what a record's absence leaves behind, is not as the services publish."""

    TYPE: ClassVar[str] = "no.lagspill.audit.irregularity.found.v1"

    kind: Literal["subject-gap", "subject-reused", "unnumbered", "foreign-source", "lane-gap"]
    """A hole in a subject's own `sequence`; one of its numbers used twice; an event without a `sourcesequence`; a record on a
    topic that is not its service's; a hole in a lane, from which a record was taken before its service had numbered it."""
    source: str = Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    """In whose name the record is."""
    subject_ref: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._/:-]{1,120}$")
    """Whose `sequence` it is about; of a lane, `lane:` and its name."""
    first: int | None = Field(default=None, ge=1)
    """The first number concerned: of the subject's `sequence`, or the lane's count, or else the record's `sourcesequence`."""
    last: int | None = Field(default=None, ge=1)
    position: int | None = Field(default=None, ge=0)
    """The first entry that shows it."""


class IndexDamaged(LogEvent):
    """What an entry is found by, beside the log, is not what the entry says: searches and reports may have left it out.

    The entry itself is as it was signed, or `lagspill-verify` finds that it is not: the tree is over the entries alone.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.index.damaged.v1"

    position: int = Field(ge=0)
    """The entry."""
    column: str = Field(pattern=r"^[a-z_]{1,40}$")
    """What is not as the entry says: `case_ref`, `actor`, `kind`, .."""
    source: str | None = Field(default=None, pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    """Whose record the entry is, as it says itself; absent where it cannot be read."""


class LogQueried(LogEvent):
    """Somebody entitled looked into the log; who and for what is in the access record committed with it."""

    TYPE: ClassVar[str] = "no.lagspill.audit.log.queried.v1"

    at: Moment
    results: int = Field(ge=0)


class KeyAnnounced(LogEvent):
    """A key signs the log from now on, after another one, which vouches for it: both sign the checkpoints that cover this."""

    TYPE: ClassVar[str] = "no.lagspill.audit.key.announced.v1"

    vkey: str
    """The new key (C2SP signed-note § Verifier keys)."""
    valid_from: Moment
    previous: str
    """The key before it."""
    previous_valid_to: Moment
    """Until when that one signs too; the moment of this event where it is no longer at hand."""


class WitnessRefused(LogEvent):
    """A witness has refused to cosign a checkpoint (C2SP tlog-witness): told once, until it cosigns again or refuses otherwise."""

    TYPE: ClassVar[str] = "no.lagspill.audit.witness.refused.v1"

    witness: str = Field(pattern=r"^[^\s+]{1,200}$")
    """The name of the witness's key."""
    kind: Literal["rolled-back", "forked", "key-untrusted"]
    """It has cosigned a larger tree; what it has cosigned is not how this one begins; it does not trust the key."""
    size: int = Field(ge=0)
    """Of the checkpoint that it refused."""
    cosigned_size: int | None = Field(default=None, ge=0)
    """Of the checkpoint that it cosigned last, where it has said so."""


class PatternsExamined(LogEvent):
    """The log was examined for patterns of misuse up to a position (etterfølgende kontroll, pasientjournalloven § 22).

    Published when something in the log waits for time to pass and it has: the entry that this event becomes is what moves the
    log's own time on, so that the same log always gives the same findings.
    """

    TYPE: ClassVar[str] = "no.lagspill.audit.patterns.examined.v1"

    position: int = Field(ge=0)
    """The first entry that was not yet examined."""
    at: Moment


# --- findings about behaviour: opaque references only; what the explanation says never leaves the vault -------------------


class Pattern(StrEnum):
    """What the privacy officer is told of (pasientjournalloven §§ 16 and 22; helsepersonelloven § 21)."""

    WITHOUT_RELATION = "without-relation"
    """Somebody looked at, or tried to look at, a case to which the log shows no relation."""
    MANY_CHILDREN = "many-children"
    """Somebody looked at many children in a short time."""
    OUTSIDE_HOURS = "outside-hours"
    """Somebody looked often outside working hours."""
    LEAVING = "leaving"
    """Somebody who is about to leave looked at children whose baton they do not hold, or took something out."""
    REPEATED_DENIALS = "repeated-denials"
    """Somebody was refused again and again."""
    BREAK_GLASS_UNREVIEWED = "break-glass-unreviewed"
    """Glass was broken, and nobody else has reviewed it in time."""
    RECEIPT_MISSING = "receipt-missing"
    """A service has not said that it acted on a withdrawn consent."""


class FindingOutcome(StrEnum):
    """What the privacy officer found."""

    LAWFUL = "lawful"
    """There was a reason that the law knows."""
    MISTAKE = "mistake"
    """It should not have happened, and is unlikely to be a risk to anybody: documented, not reported (GDPR art. 33(1) and (5))."""


class FindingEvent(EventData):
    """An event of one finding about behaviour."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "finding"

    finding: FindingRefField


class FindingRaised(FindingEvent):
    """Entries of a log show a pattern; a person has to look, and until a moment to explain it."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.raised.v1"

    log: str = Field(pattern=r"^[a-z0-9./_-]{1,120}$")
    """The log's origin."""
    pattern: Pattern
    about: ActorIdField | None = None
    """Whose behaviour; absent where it is a service's."""
    first_position: int = Field(ge=0)
    last_position: int = Field(ge=0)
    entries: int = Field(ge=1)
    explain_by: Moment


class FindingExtended(FindingEvent):
    """The same behaviour went on: another child, or another day."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.extended.v1"

    last_position: int = Field(ge=0)
    entries: int = Field(ge=1)
    """How many entries it rests on now."""


class FindingExplained(FindingEvent):
    """The privacy officer wrote the explanation, and it is no breach to report."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.explained.v1"

    outcome: FindingOutcome
    at: Moment


class FindingJudged(FindingEvent):
    """It was judged a personal data breach: from here the 72 hours are counted (GDPR art. 33)."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.judged.v1"

    at: Moment
    report_by: Moment


class FindingReported(FindingEvent):
    """It was reported to the supervisory authority (Datatilsynet)."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.reported.v1"

    at: Moment
    late: bool
    """After the 72 hours: the report gives the reasons (GDPR art. 33(1))."""


class FindingOverdue(FindingEvent):
    """A due date of a finding has passed: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.audit.finding.overdue.v1"

    missing: Literal["explanation", "reporting"]
    due: Moment


class InnsynReportMade(EventData):
    """A guardian or a child was told who has seen the case (pasientjournalloven § 22 a, GDPR art. 15): how much, never what."""

    TYPE: ClassVar[str] = "no.lagspill.audit.innsyn-report.made.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "report"

    report: InnsynReportRefField
    case: CaseRefField
    asked_by: ActorIdField
    relation: Literal["guardian", "child"]
    log: str = Field(pattern=r"^[a-z0-9./_-]{1,120}$")
    """The log's origin (C2SP tlog-checkpoint)."""
    size: int = Field(ge=0)
    """Of the checkpoint that it was made from."""
    looks: int = Field(ge=0)
    """How many readings and disclosures it tells of."""


class PrunedNumbers(Model):
    """Numbers of one service whose records were among what was pruned: so that they are not taken for missing."""

    source: str
    first: int = Field(ge=1)
    last: int = Field(ge=1)


class EntriesPruned(LogEvent):
    """Content of the log was removed by policy: positions and leaf hashes stay, so every checkpoint still verifies."""

    TYPE: ClassVar[str] = "no.lagspill.audit.entries.pruned.v1"

    first: int = Field(ge=0)
    """Whole bundles: a multiple of 256."""
    last: int = Field(ge=0)
    """The last position that was removed."""
    policy: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the policy's canonical JSON."""
    rule: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")
    """The rule that kept an entry of these longest."""
    numbers: tuple[PrunedNumbers, ...] = ()
    """Which records of which service were among them; several events of one range where one would be too large."""
    holds: tuple[str, ...] = ()
    """The holds that were in force in the log, by name: nothing that they keep was among these entries."""


class HoldPlaced(LogEvent):
    """Something must not be pruned, whatever the policy says, until it is lifted: the whole log, or everything about one case."""

    TYPE: ClassVar[str] = "no.lagspill.audit.hold.placed.v1"

    hold: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")
    """Its name, never used twice."""
    case: CaseRefField | None = None
    """None: everything in the log."""
    at: Moment


class HoldLifted(LogEvent):
    """A hold is in force no more."""

    TYPE: ClassVar[str] = "no.lagspill.audit.hold.lifted.v1"

    hold: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")
    case: CaseRefField | None = None
    """Of what it was, as when it was placed."""
    at: Moment


# --- exports: what was asked for and what it came to; the content goes to whoever asked, and nowhere else -------------------


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    """Entries with their proofs."""
    CSV = "csv"
    """For spreadsheets."""
    CEF = "cef"
    """Looks, as NAV's audit log takes them."""
    FHIR = "fhir"
    """Looks, as FHIR R4 AuditEvents."""


class ExportFilter(Model):
    """Which entries were asked for: those that have all of this."""

    case: CaseRefField | None = None
    actor: ActorIdField | None = None
    organisation: OrganisationNumberField | None = None
    unit: UnitIdField | None = None
    kind: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,60}$")
    """What was done, or `event`, `seal`."""
    type: str | None = Field(default=None, pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$")
    source: str | None = Field(default=None, pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    basis: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,60}$")
    consent: ConsentRefField | None = None
    meeting: MeetingRefField | None = None
    permitted: bool | None = None
    since: Moment | None = None
    """Happened then or later."""
    until: Moment | None = None
    """Happened before then."""
    logged_since: Moment | None = None
    """Came into the log then or later."""
    logged_until: Moment | None = None
    """Came into the log before then."""


class ExportEvent(EventData):
    """An event of one export."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "export"

    export: ExportRefField


class ExportOrdered(ExportEvent):
    """Somebody entitled asked for entries as a file. Each time it is fetched, an access record tells so."""

    TYPE: ClassVar[str] = "no.lagspill.audit.export.ordered.v1"

    log: str = Field(pattern=r"^[a-z0-9./_-]{1,120}$")
    """The log's origin (C2SP tlog-checkpoint)."""
    size: int = Field(ge=0)
    """Of the checkpoint that it is made from."""
    format: ExportFormat
    language: Language
    """Of the sentences in it."""
    filter: ExportFilter


class ExportDelivered(ExportEvent):
    """The whole file has left."""

    TYPE: ClassVar[str] = "no.lagspill.audit.export.delivered.v1"

    count: int = Field(ge=0)
    """How many lines it has for entries."""
    unreadable: int = Field(default=0, ge=0)
    """How many access records it has no line for, as they are not of the agreed form; its last line says so too."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of everything before its last line."""


class ExportCut(ExportEvent):
    """The file was cut off: the right to the log had ended before all of it had left. It has no last line, and is no whole file."""

    TYPE: ClassVar[str] = "no.lagspill.audit.export.cut.v1"

    count: int = Field(ge=0)
    """How many lines for entries had left by then."""


EVENTS: tuple[type[EventData], ...] = (
    ExportOrdered,
    ExportDelivered,
    ExportCut,
    EntriesPruned,
    HoldPlaced,
    HoldLifted,
    CheckpointSigned,
    GapFound,
    ChainBroken,
    IndexDamaged,
    IrregularityFound,
    LogQueried,
    KeyAnnounced,
    WitnessRefused,
    PatternsExamined,
    FindingRaised,
    FindingExtended,
    FindingExplained,
    FindingJudged,
    FindingReported,
    FindingOverdue,
    InnsynReportMade,
)
