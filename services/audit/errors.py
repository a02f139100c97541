"""What the audit service refuses, and why it may stop."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import (
    ConflictError,
    FieldProblem,
    ForbiddenError,
    InvalidInputError,
    LagspillError,
    MalformedRequestError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)


class AuditError(LagspillError):
    """Something went wrong in the confidentiality log."""

    code = "audit-error"


class NoSuchLogError(AuditError, NotFoundError):
    """There is no such log."""

    code = "log-unknown"
    status = 404


class NoSuchEntryError(AuditError, NotFoundError):
    """The log has no such entry, or not yet."""

    code = "entry-unknown"
    status = 404


class NotYourLogError(AuditError, ForbiddenError):
    """Only the municipality's auditor or privacy officer may look into its log."""

    code = "log-forbidden"
    status = 403


class PeriodTooLongError(AuditError, InvalidInputError):
    """A search without a case or an actor needs a period of at most 31 days."""

    code = "period-too-long"
    status = 422


class SignInRefusedError(AuditError, ForbiddenError):
    """The sign-in was not completed: begin again. It may be used once, in the browser that began it, for ten minutes."""

    code = "sign-in-refused"
    status = 403


class SessionEndedError(AuditError, UnauthenticatedError):
    """Whoever was signed in is so no more."""

    code = "session-ended"
    status = 401


class SignInNotOfferedError(AuditError, NotFoundError):
    """Nobody can sign in here: the pages have not been told which client they are at the OIDC issuer."""

    code = "sign-in-not-offered"
    status = 404


class ForeignFormError(AuditError, ForbiddenError):
    """The form was not sent from this service's own page, or the page is an old one: load it again."""

    code = "form-foreign"
    status = 403


class BeingVerifiedError(AuditError, ConflictError):
    """This log is being verified already; wait until that is done."""

    code = "being-verified"


class EntriesPrunedError(AuditError):
    """The content of these entries was removed by the retention policy; their hashes stay in the tree."""

    code = "entries-pruned"
    status = 410


class PolicyRefusedError(AuditError):
    """The retention policy cannot be used."""

    code = "policy-refused"


class NoPolicyError(AuditError):
    """No retention policy is installed, so nothing is pruned; `lagspill audit retention FILE` installs one."""

    code = "policy-missing"


class HoldRefusedError(AuditError):
    """There is nothing of this name to hold or to release."""

    code = "hold-refused"


class ParameterConflictError(AuditError, InvalidInputError):
    """The same is asked for twice: by our name for it and by FHIR's, or by two of FHIR's names."""

    code = "parameter-conflict"
    status = 422

    def __init__(self, name: str) -> None:
        """Name the parameter that comes on top."""
        super().__init__(errors=[FieldProblem(pointer=f"query:{name}", code="parameter-conflict", detail=self.title())])


class ParameterValueError(AuditError, InvalidInputError):
    """Nothing in the log is called that."""

    code = "parameter-value"
    status = 422

    def __init__(self, name: str) -> None:
        """Name the parameter."""
        super().__init__(errors=[FieldProblem(pointer=f"query:{name}", code="parameter-value", detail=self.title())])


class FencedError(AuditError):
    """Another instance has taken these records; this one begins again where the log stands."""

    code = "fenced"


class HeadDamagedError(AuditError):
    """The stored head of a log is not the one that was signed last: nothing more is signed until somebody has looked."""

    code = "tree-damaged"

    def __init__(self, log: str, size: int, detail: str) -> None:
        """Refuse to sign on from the head of `log`, which is stored as of `size`."""
        super().__init__(f"log {log} at size {size}: {detail}")
        self.log = log
        self.size = size


class CopyIncompleteError(AuditError):
    """Not everything that a log's checkpoint covers is there: its copy is evidence of that, and does not verify."""

    code = "copy-incomplete"

    def __init__(self, count: int, missing: Sequence[str]) -> None:
        """Say how many files were written, and name the first of those that could not be."""
        super().__init__(
            f"{count} files were written, but the log is damaged: {len(missing)} that its checkpoint covers are not there,"
            f" the first is {missing[0]}"
        )


class SigningUnavailableError(AuditError, UnavailableError):
    """The signing service does not answer; nothing is taken into the log meanwhile."""

    code = "signing-unavailable"
    status = 503


class SigningRefusedError(AuditError):
    """The signing service does not give the signature that was asked for."""

    code = "signing-refused"


class RetiredKeyError(AuditError):
    """None of the signing keys may sign this log any more: each was replaced, and its time beside its successor is over."""

    code = "signing-key-retired"


class CheckpointMalformedError(AuditError, MalformedRequestError):
    """The body is not an old size, a consistency proof, an empty line and a checkpoint that is not smaller (tlog-witness)."""

    code = "checkpoint-malformed"
    status = 400


class NotWatchedError(AuditError, NotFoundError):
    """This witness does not watch that log, or has not cosigned a checkpoint of it."""

    code = "log-not-watched"
    status = 404


class CheckpointUntrustedError(AuditError, ForbiddenError):
    """The checkpoint is not signed by a key that this witness trusts for its log."""

    code = "checkpoint-untrusted"
    status = 403


class CheckpointInconsistentError(AuditError, InvalidInputError):
    """The checkpoint does not continue the one that this witness cosigned last."""

    code = "checkpoint-inconsistent"
    status = 422


class WitnessBusyError(AuditError):
    """Too many checkpoints are being decided on."""

    code = "witness-busy"
    status = 429


class NotWitnessedError(AuditError, NotFoundError):
    """No checkpoint of this log has been cosigned by enough witnesses yet; the newest signed one is at checkpoint/latest."""

    code = "checkpoint-unwitnessed"
    status = 404


class PositionLostError(AuditError):
    """The broker's partition ends before the log's position in it: the topic was made anew, or has lost records."""

    code = "position-lost"


class NoSuchFindingError(AuditError, NotFoundError):
    """There is no such finding."""

    code = "finding-unknown"
    status = 404


class FindingForbiddenError(AuditError, ForbiddenError):
    """Only the municipality's privacy officer may answer for a finding."""

    code = "finding-forbidden"
    status = 403


class FindingAboutYouError(AuditError, ForbiddenError):
    """The finding is about you: somebody else has to explain it."""

    code = "finding-about-you"
    status = 403


class FindingClosedError(AuditError, ConflictError):
    """The finding is explained or reported already."""

    code = "finding-closed"
    status = 409


class FindingReadOnlyError(AuditError, ConflictError):
    """A finding about the log itself is evidence: it is neither explained away nor reported here."""

    code = "finding-read-only"
    status = 409


class AlreadyJudgedError(AuditError, ConflictError):
    """The finding was judged a breach before; the 72 hours are counted from then."""

    code = "finding-judged"
    status = 409


class ReportedLaterError(AuditError, InvalidInputError):
    """The moment of reporting lies in the future."""

    code = "reported-later"
    status = 422


class DelayReasonMissingError(AuditError, InvalidInputError):
    """The report comes after 72 hours: it must give the reasons for the delay (GDPR art. 33)."""

    code = "delay-reason-missing"
    status = 422
