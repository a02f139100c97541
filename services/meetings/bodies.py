"""What is sent: strict, without a field too many. Each model's examples stand in the interface's description, and are tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from services.meetings.domain.agenda import OutcomeCode
from services.meetings.domain.entered_figure import FigureSource
from services.meetings.domain.meeting import CancelReason
from shared.contracts.codes import Function, InformationCategory, Language, Purpose, Role, Service
from shared.contracts.consultations import Position
from shared.contracts.entered_figures import PERIOD, FigureCorrection
from shared.contracts.meetings import (
    ChildAbsence,
    ChildPart,
    DeclineReason,
    InvitationAnswer,
    ItemKind,
    ItemMode,
    LiftWithdrawal,
)
from shared.contracts.team import ContributionReason
from shared.contracts.unit_registers import GuidanceWithdrawal
from shared.refs import ArenaRefField, CaseRefField, ItemRefField, OrganisationNumberField, UnitIdField
from shared.web import GivenDay, GivenMoment, RequestModel

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"\S")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]

_ITEM: Final = "itm_bcdfghjklmnpqrstvwxzbcdfgh"
_CASE: Final = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
EXAMPLES: Final[Mapping[str, list[JsonValue]]] = {
    "CallMeeting": [
        {"arena": "arn_bcdfghjklmnpqrstvwxzbcdfgh", "starts_at": "2026-09-22T12:00:00+02:00"},
        {"arena": "arn_bcdfghjklmnpqrstvwxzbcdfgh", "starts_at": "2026-10-01T12:00:00+02:00", "extra": True},
    ],
    "NewAnswer": [
        {"answer": "accepted"},
        {"answer": "declined", "deputy": {"role": "ppt-adviser"}, "reason": "double-booked"},
        {"answer": "accepted", "case": _CASE},
    ],
    "NewAgendaItem": [
        {"kind": "general", "mode": "no-child", "text": "Hvordan bygger vi et godt språkmiljø for de yngste?"},
        {"kind": "case", "mode": "anonymous", "text": "Et barn strever med språk og lek. Hva kan vi prøve?"},
        {
            "kind": "case",
            "mode": "named",
            "text": "Språk og lek: hva ser dere?",
            "case": _CASE,
            "categories": ["development", "language"],
            "purpose": "assessment",
        },
    ],
    "HeldMeeting": [
        {
            "started_at": "2026-10-01T12:00:00+02:00",
            "ended_at": "2026-10-01T13:30:00+02:00",
            "chair": "leader",
            "attendance": [
                {"service": "barnehage", "role": "leader", "present": True},
                {"service": "ppt", "role": "ppt-adviser", "present": True},
                {"service": "helsestasjon", "role": "health-nurse", "present": True},
                {"service": "barnevern", "role": "child-welfare-officer", "present": False, "absence_reason": "ill"},
            ],
            "guardians_present": 2,
            "discussed": [{"item": _ITEM, "guardians_present": 2, "child": "represented"}],
        }
    ],
    "NewOutcome": [
        {
            "item": _ITEM,
            "decision": "measure-planned",
            "text": "Språkgruppe to ganger i uka.",
            "measures": [
                {
                    "code": "sprakgruppe",
                    "owner": "barnehage",
                    "owner_unit": "unit:lia-barnehage",
                    "indicator": "ordforrad",
                    "evaluate_by": "2026-12-01T12:00:00+01:00",
                }
            ],
            "join_team": ["ppt"],
        },
        {
            "item": _ITEM,
            "decision": "follow-up",
            "text": "PPT observerer i lek.",
            "contributions": [
                {"service": "ppt", "reason": "assessment", "respond_by": "2026-10-15T12:00:00+02:00"},
            ],
        },
        {"item": _ITEM, "decision": "guidance-given", "text": "Prøv lek i små grupper."},
        {"item": _ITEM, "decision": "refer", "text": "Dette løser vi ikke her.", "lift": True},
    ],
}


class CallMeeting(RequestModel):
    """A meeting to be called."""

    arena: ArenaRefField = Field(examples=["arn_bcdfghjklmnpqrstvwxzbcdfgh"])
    starts_at: GivenMoment = Field(examples=["2026-09-22T12:00:00+02:00"])
    minutes: int | None = Field(default=None, ge=15, le=600)
    """As long as the arena's, when left out."""
    units: frozenset[UnitIdField] = Field(default=frozenset(), max_length=20, examples=[["unit:lia-barnehage"]])
    """The barnehager and schools that take part, for a meeting around a child."""
    services: frozenset[Service] = frozenset()
    """Of those that may be invited at need."""
    extra: bool = False
    """Asked for beside the ordinary ones."""
    interpreters: frozenset[Tag] = Field(default=frozenset(), max_length=8, examples=[["ti"]])
    """Languages (BCP 47) for which an interpreter is wanted."""
    invite: bool = True
    """False: it only gets its place in the year, and is called later."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES["CallMeeting"]})


class Invitation(RequestModel):
    """A planned meeting is called."""

    services: frozenset[Service] = frozenset()
    """Of those that may be invited at need."""


class NewDeputy(RequestModel):
    """Who comes in the seat's place: a role, never a person."""

    role: Role
    unit: UnitIdField | None = None
    """From which unit, when it is another than the seat's."""


class NewAnswer(RequestModel):
    """Whether somebody who is invited comes."""

    answer: InvitationAnswer
    deputy: NewDeputy | None = None
    """For a service's seat that is declined; with a duty to attend this or `reason` must be there."""
    reason: DeclineReason | None = None
    case: CaseRefField | None = None
    """For a guardian or child: which child it is about. Nobody else names one."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES["NewAnswer"]})


class Rescheduling(RequestModel):
    """Another time."""

    starts_at: GivenMoment = Field(examples=["2026-09-29T12:00:00+02:00"])


class Cancellation(RequestModel):
    """Why the meeting will not be held."""

    reason: CancelReason


class Closure(RequestModel):
    """Nothing more is added."""


class NewAddress(RequestModel):
    """An address at which a calendar is read."""

    language: Language = Language.NB
    """Of the few words in it."""


class Withdrawal(RequestModel):
    """The address works no longer."""


class NewAgendaItem(RequestModel):
    """An item. Only a named one has a case, categories and a purpose."""

    kind: ItemKind
    mode: ItemMode
    text: Text = Field(examples=["Hvordan bygger vi et godt språkmiljø for de yngste?"])
    """Kept in the vault. Of an item that is not named it is checked, and refused with the words that could lead to a person. A
    rare name with a small letter, and what somebody is known by, may not be found: read it as a neighbour would."""
    case: CaseRefField | None = None
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES["NewAgendaItem"]})


class Acceptance(RequestModel):
    """The item is taken on the agenda."""


class Removal(RequestModel):
    """The item is taken off."""


class LiftWithdrawn(RequestModel):
    """Why what was lifted is taken back."""

    reason: LiftWithdrawal


class Seat(RequestModel):
    """One seat at the meeting: a service and a role, never a person."""

    service: Service
    role: Role
    function: Function | None = None
    """What they are beside their role, where the seat is for that."""
    unit: UnitIdField | None = None
    """Of a barnehage or school: which, where several take part."""
    organisation: OrganisationNumberField | None = None
    present: bool
    deputy: bool = False
    """A deputy came, with authority to decide, where the seat is for another role; one named in an answer is known already."""
    absence_reason: Literal["ill", "double-booked", "vacant", "not-notified", "other"] | None = None


class DiscussedItem(RequestModel):
    """An item that was discussed."""

    item: ItemRefField = Field(examples=[_ITEM])
    at: GivenMoment | None = None
    """The moment for which a named item is judged; the end of the meeting, when left out."""
    stayed: frozenset[Service] | None = None
    """Named: who stayed; everyone present whom the consent covers, when left out."""
    guardians_present: int | None = Field(default=None, ge=0, le=8)
    """Named: how many of the child's guardians heard it; left out where one child was spoken of, all that the meeting had."""
    child: ChildPart | None = None
    """Named: whether the child was there; to be said where the arena invites it."""
    child_absence: ChildAbsence | None = None
    """Why it was not there."""


class HeldMeeting(RequestModel):
    """What happened."""

    started_at: GivenMoment = Field(examples=["2026-09-22T12:00:00+02:00"])
    ended_at: GivenMoment = Field(examples=["2026-09-22T13:30:00+02:00"])
    chair: Role
    attendance: tuple[Seat, ...] = Field(max_length=60)
    """At least every fixed member, present or not."""
    guardians_present: int = Field(default=0, ge=0, le=8)
    discussed: tuple[DiscussedItem, ...] = Field(default=(), max_length=60)

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES["HeldMeeting"]})


class NewMeasure(RequestModel):
    """A measure that the meeting decided."""

    code: Code = Field(examples=["sprakgruppe"])
    owner: Service
    owner_unit: UnitIdField | None = None
    indicator: Code = Field(examples=["ordforrad"])
    evaluate_by: GivenMoment = Field(examples=["2026-12-01T12:00:00+01:00"])


class NewContribution(RequestModel):
    """What a service is asked for; its words are the outcome's."""

    service: Service
    unit: UnitIdField | None = None
    """Which barnehage or school."""
    reason: ContributionReason
    respond_by: GivenMoment | None = None
    """Left out: within the municipality's usual time."""


class NewOutcome(RequestModel):
    """What was decided on an item."""

    item: ItemRefField
    decision: OutcomeCode
    text: str = Field(default="", max_length=4000)
    """Kept in the vault; of an item that is not named it is checked as the item's own text was."""
    measures: tuple[NewMeasure, ...] = Field(default=(), max_length=20)
    join_team: frozenset[Service] = frozenset()
    """Services that join the team around the child because of a measure."""
    contributions: tuple[NewContribution, ...] = Field(default=(), max_length=20)
    """What services are asked for; the cases service asks them."""
    lift: bool = False
    """The arena does not solve it itself: it comes before the next meeting of the arena that it lifts to."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES["NewOutcome"]})


class NewMinutes(RequestModel):
    """The general part of the minutes; it names nobody."""

    text: Text = Field(examples=["Vi møttes på enheten."])


class NewConsultation(RequestModel):
    """A matter in which bodies are heard."""

    kind: Code = Field(examples=["matters-on-children"])
    """Of the hearings in the municipality's profile."""
    text: Text = Field(examples=["Skal alle barnehager ha språkgrupper to ganger i uka?"])
    """Kept in the vault; refused with the words that could lead to a person."""
    units: frozenset[UnitIdField] = Field(default=frozenset(), max_length=100, examples=[["unit:vikevag-barnehage"]])
    """Who is heard; left out: every unit of the services that are heard in such matters."""
    answer_by: GivenMoment | None = Field(default=None, examples=["2026-10-30T12:00:00+01:00"])
    """Left out: as many days from now as the profile gives, which is the least."""


class ConsultationAnswer(RequestModel):
    """What a body answers."""

    position: Position
    text: str = Field(default="", max_length=4000, examples=["Vi støtter forslaget, og ber om tid til opplæring."])
    """Kept in the vault; needed with remarks, and of who is against it. Refused with the words that could lead to a person."""


class ConsultationClosure(RequestModel):
    """Nobody answers any more."""

    reason: Literal["completed", "withdrawn"]


class ReportDelivery(RequestModel):
    """A report was delivered to those to whom it goes."""

    due: GivenDay = Field(examples=["2027-06-30"])
    """The day by which it was owed, as it stands with the report."""
    delivered_on: GivenDay | None = Field(default=None, examples=["2027-06-15"])
    """Left out, today."""


class SurveyAnswers(RequestModel):
    """An answer to every question, from 1 (not at all) to 5 (fully)."""

    answers: dict[Code, Annotated[int, Field(ge=1, le=5)]] = Field(
        min_length=1,
        max_length=40,
        examples=[{"equal-part": 4, "heard": 5}],
        # Else the document would let anything stand under a word that is no code.
        json_schema_extra={"additionalProperties": False},
    )
    ticket: str | None = Field(default=None, pattern=r"^[a-z]{64}$", examples=[None])
    """As it was handed out to whoever was at the meeting: `survey-ticket-missing` without it."""


class CompetenceCount(RequestModel):
    """How many of the unit's staff have a competence."""

    competence: Code = Field(examples=["talking-with-children"])
    """Of those that the municipality's profile asks for at such a unit."""
    staff: int = Field(ge=1, le=2000, examples=[14])
    having: int = Field(ge=0, le=2000, examples=[5])
    on: GivenDay | None = Field(default=None, examples=["2026-09-01"])
    """The day for which it was counted; left out, today."""


class GuidanceGiven(RequestModel):
    """All parents were offered the guidance of an age step."""

    step: Code = Field(examples=["school-start"])
    on: GivenDay | None = Field(default=None, examples=["2026-09-01"])
    """Left out, today."""


class GuidanceWithdrawn(RequestModel):
    """What was recorded of an age step's guidance by mistake, and why it is taken back."""

    step: Code = Field(examples=["school-start"])
    on: GivenDay = Field(examples=["2026-09-01"])
    """The day for which it was recorded."""
    reason: GuidanceWithdrawal


class GuidanceHours(RequestModel):
    """How long guidance was given in a week."""

    code: Code = Field(examples=["cos"])
    week: GivenDay = Field(examples=["2026-09-01"])
    """Any day of it."""
    minutes: int = Field(ge=0, le=2400, examples=[120])


class FigureNumber(RequestModel):
    """A number, and where it was read."""

    value: float = Field(ge=0, le=1_000_000_000, allow_inf_nan=False, examples=[412])
    """A count is whole; a percentage has one decimal at most."""
    of: int | None = Field(default=None, ge=1, le=1_000_000_000, examples=[None])
    """Of a percentage: of how many. Needed where children are counted, for a part of few says something of them."""
    source: FigureSource = Field(examples=["web-statistics"])


class NewFigure(FigureNumber):
    """A figure of an indicator, for a period that is over."""

    indicator: Code = Field(examples=["service-centre-calls"])
    """Of those in the municipality's profile that are entered."""
    period: str = Field(pattern=PERIOD, examples=["2026-09"])
    """As often as the profile says: a month (2026-09), a term (2026-autumn), a school year (2026-2027) or a year (2026)."""
    unit: UnitIdField | None = Field(default=None, examples=[None])
    """Where each unit has its own; left out, it is the municipality's."""


class FigureCorrected(FigureNumber):
    """What stands in its place."""

    reason: FigureCorrection = Field(examples=["wrong-number"])
