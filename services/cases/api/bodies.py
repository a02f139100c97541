"""What may be sent. Names, numbers and texts stand in these models only until they are in the vault."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.cases.domain.course import Decisions, Outcomes
from services.cases.domain.forms import FormType, OutsideWindow
from services.cases.domain.handover import RejectReason
from shared.contracts.cases import (
    AbsenceReason,
    ChildHeardBy,
    Effect,
    EvaluationOutcome,
    EvidenceForm,
    ForWhom,
    HandoverRoute,
    LocalOutcome,
    NewReason,
    Party,
)
from shared.contracts.codes import Area, GrantorClass, InformationCategory, Language, Purpose, Role, Service
from shared.contracts.endings import HoldReason
from shared.refs import ActorIdField, MunicipalityField, OrganisationNumberField, UnitIdField
from shared.web import GivenDay, GivenMoment, RequestModel, example

_NOT_BLANK: Final = Field(json_schema_extra={"pattern": r"\S"})
"""What is left when the space around it is gone must be something: the constraint sees it so, the document would not say it."""
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True), _NOT_BLANK]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), _NOT_BLANK]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
_HOST: Final = "A-Za-z0-9\u00c0-\u017e"
"""Letters and digits of a host's name: also the Norwegian and Sami ones, of which mail servers know another spelling (RFC 5891)."""
Email = Annotated[
    str,
    StringConstraints(
        max_length=245,
        pattern=rf"^[A-Za-z0-9.!#$%&'*+/=^_`{{|}}~-]{{1,64}}@[{_HOST}]([{_HOST}.-]{{0,178}}[{_HOST}])?$",
    ),
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ]{5,20}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
Content = dict[InformationCategory, Words]
Fields = Annotated[dict[Code, Words], Field(json_schema_extra={"additionalProperties": False})]

EXAMPLE_RECEIVER: Final[dict[str, JsonValue]] = {
    "actor": "act_bcdfghjklmnpqrstvwxzbcdfgh",
    "role": "teacher",
    "service": "barnehage",
    "unit": "unit:lia-barnehage",
    "organisation": "310001015",
}

EXAMPLE_LEADER: Final[dict[str, JsonValue]] = {**EXAMPLE_RECEIVER, "role": "leader"}


class ChildBody(RequestModel):
    """The child. It goes to the vault, and nowhere else."""

    name: Name
    national_number: Number


class GuardianBody(RequestModel):
    """One who has parental responsibility. It goes to the vault, and nowhere else."""

    name: Name
    national_number: Number
    language: Language = Language.NB
    email: Email | None = None
    phone: Phone | None = None


class ConcernBody(RequestModel):
    """A concern about a child (seed rules 78, 103, 180)."""

    model_config = example(
        area="learning",
        for_whom="child",
        child={"name": "Solstråle Eksempelsen", "national_number": "15912156831"},
        guardians=[
            {
                "name": "Fjellblom Eksempelsen",
                "national_number": "25928730142",
                "language": "nb",
                "email": "guardian-a@example.no",
            },
            {"name": "Havbris Eksempelsen", "national_number": "03868400446", "language": "en"},
        ],
        text="Says little, and withdraws from play.",
        observations={"language": "Uses two-word sentences."},
        criteria=["language-late"],
        family_frame=["leisure"],
    )

    area: Area
    for_whom: ForWhom
    child: ChildBody
    guardians: Annotated[tuple[GuardianBody, ...], Field(max_length=8)]
    """Those with parental responsibility; their order gives them the ordinals 1, 2 ..."""
    text: Words
    observations: Content = Field(default_factory=dict)
    """What was seen, by category of information: what a consent to that category lets others read."""
    criteria: Annotated[frozenset[Code], Field(max_length=20)] = frozenset()
    """By which of the municipality's criteria you became concerned (`GET /procedure`; seed rule 83)."""
    family_frame: Annotated[frozenset[Code], Field(max_length=20)] = frozenset()
    """What of the family's overall frame matters: housing, income, leisure (seed rule 105)."""
    address_protected: bool = False
    """Kode 6 or 7: unit, organisation and municipality appear in no event, and the case has a log of its own."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        numbers = [self.child.national_number, *(guardian.national_number for guardian in self.guardians)]
        if len(set(numbers)) < len(numbers):
            raise PydanticCustomError("same_person_twice", "The same national number stands for two people")
        return self


class ResolutionBody(RequestModel):
    """What is done about a concern: solved by those nearest the child, or lifted to a case (seed rules 80, 81)."""

    model_config = example(outcome="lifted")

    outcome: Literal["resolved-locally", "lifted"]
    local_outcome: LocalOutcome | None = None
    """How it was solved; with `resolved-locally` only."""
    competence: Service | None = None
    """Whose competence it needs; with `lifted` only. It decides the level at which the case opens (seed rules 80, 81)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.competence is not None and self.outcome != "lifted":
            raise PydanticCustomError("competence", "competence belongs to lifted, and only to it")
        if (self.outcome == "resolved-locally") != (self.local_outcome is not None):
            raise PydanticCustomError("local_outcome", "local_outcome belongs to resolved-locally, and only to it")
        return self


class ChildViewBody(RequestModel):
    """What the child said, or how it was understood (seed rule 99)."""

    model_config = example(method="conversation", before="consent", text="Wants help with the words.")

    method: ChildHeardBy
    before: Decisions
    text: Words
    trusted_person: bool = False
    """Somebody whom the child trusts was with it (tillitsperson; barnevernsloven § 1-4)."""


class ContactPersonBody(RequestModel):
    """Whom the guardians chose (seed rule 33); recorded for one of them, how it was said, and a note of it."""

    model_config = example(
        service="ppt", role="ppt-adviser", evidence="oral-minuted", note="The mother said so on the telephone."
    )

    service: Service
    role: Role
    evidence: EvidenceForm = EvidenceForm.WRITTEN
    note: Words | None = None


class ClosureBody(RequestModel):
    """How the case ended."""

    model_config = example(outcome="goal-reached")

    outcome: Outcomes


class ConsentBody(RequestModel):
    """What consent is asked for: services x categories x purposes, until a last day (seed rule 4)."""

    model_config = example(
        services=["ppt", "helsestasjon"],
        categories=["development", "language"],
        purposes=["assessment", "discussion"],
        valid_to="2027-06-18",
    )

    services: Annotated[frozenset[Service], Field(min_length=1)]
    categories: Annotated[frozenset[InformationCategory], Field(min_length=1)]
    purposes: Annotated[frozenset[Purpose], Field(min_length=1)]
    municipality: MunicipalityField | None = None
    """Whose services they are, when a child moves: for the transition there, and for nobody here. Nothing said: the case's own."""
    valid_to: GivenDay
    daily_care: bool = False
    """It is a part of daily care, or necessary so that the child comes to no harm (pbrl § 4-4): one holder may be enough."""


class AnswerBody(RequestModel):
    """An answer. Empty when the grantor is signed in; recorded for somebody, it says for whom, how, and a note of it."""

    model_config = example(ordinal=1, evidence="oral-minuted", note="Said yes by telephone, read back to her.")

    grantor: GrantorClass = GrantorClass.GUARDIAN
    ordinal: Annotated[int, Field(ge=1, le=8)] | None = None
    """Which of that class: the first guardian, the second."""
    evidence: EvidenceForm = EvidenceForm.WRITTEN
    note: Words | None = None


class WithdrawalBody(AnswerBody):
    """What is withdrawn: nothing named is all of it; otherwise services, categories or purposes, one of the three."""

    model_config = example(services=["helsestasjon"])

    services: frozenset[Service] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()
    purposes: frozenset[Purpose] = frozenset()


class MeasureBody(RequestModel):
    """A measure: who does what towards which goal, building on what, how the effect is seen, and when (seed rules 88, 92, 141)."""

    model_config = example(
        code="sprakgruppe",
        owner="ppt",
        owner_unit="unit:ppt",
        goal="Takes part in play with words.",
        strengths="Sings along to every song; the grandparents read to her.",
        indicator="words-in-play",
        evaluate_by="2026-12-01T11:00:00Z",
    )

    code: Code
    owner: Service
    owner_unit: UnitIdField | None = None
    goal: Words
    strengths: Words | None = None
    """What it builds on: what the child and the family master, like, and have around them (seed rule 92)."""
    indicator: Code
    evaluate_by: GivenMoment
    new_reason: NewReason | None = None
    """Needed when the same measure had no effect before (seed rule 90)."""


class EvaluationBody(RequestModel):
    """What the indicator showed, and what follows (seed rules 89, 90)."""

    model_config = example(effect="none", outcome="escalate")

    effect: Effect
    outcome: EvaluationOutcome
    evaluate_by: GivenMoment | None = None
    with_service: Service | None = None
    """Stepped up to the highest level: the specialist service that comes in (seed rule 86)."""


class ReceiverBody(RequestModel):
    """A colleague, by opaque reference (`GET /me` tells it), role and unit."""

    model_config = example(**EXAMPLE_RECEIVER)

    actor: ActorIdField
    role: Role
    service: Service
    unit: UnitIdField
    organisation: OrganisationNumberField | None = None
    municipality: MunicipalityField | None = None
    """Where the receiver works; nothing said: in the case's municipality."""

    def party(self) -> Party:
        """Return the receiver as events name it."""
        return Party(
            actor=self.actor, role=self.role, service=self.service, unit=self.unit, organisation=self.organisation
        )


class HandoverBody(RequestModel):
    """An offer of the baton (seed rule 107)."""

    model_config = example(kind="baton", receiver=EXAMPLE_RECEIVER, respond_by="2026-11-12T11:00:00Z")

    kind: Literal[
        HandoverRoute.BATON,
        HandoverRoute.STAFF_LEAVES,
        HandoverRoute.UNIT,
        HandoverRoute.BARNEHAGE_TO_SCHOOL,
        HandoverRoute.SCHOOL_TO_SCHOOL,
        HandoverRoute.TO_CHILD_WELFARE,
        HandoverRoute.FROM_CHILD_WELFARE,
        HandoverRoute.TO_SPECIALIST,
        HandoverRoute.FROM_SPECIALIST,
        HandoverRoute.MUNICIPALITY,
    ]
    receiver: ReceiverBody
    categories: frozenset[InformationCategory] = frozenset()
    """What goes with it out of the unit: inside the consent, with every document in it. Within the unit, all of it does."""
    respond_by: GivenMoment | None = None
    draft: bool = False
    """Write it down and send it later (`/handovers/{id}/sending`): nobody is told of it yet."""


class HoldBody(RequestModel):
    """Why nothing of a case may be erased (GDPR art. 17 (3))."""

    model_config = example(reason="archive")

    reason: HoldReason


class AbsenceBody(RequestModel):
    """Somebody leaves or is away (seed rule 107). Nothing of what the leave is for."""

    model_config = example(reason="away", last_day="2026-11-13", back_on="2027-02-01", falls_to=EXAMPLE_LEADER)

    person: ActorIdField | None = None
    """Nobody said: yourself."""
    unit: UnitIdField | None = None
    """Nobody said: your own."""
    reason: AbsenceReason
    last_day: GivenDay
    """The last day at work."""
    back_on: GivenDay | None = None
    falls_to: ReceiverBody | None = None
    """The leader of the unit; nobody said: yourself, if you lead it."""


class RejectionBody(RequestModel):
    """Why not; the words are for the sender only."""

    model_config = example(reason="capacity", text="I am away for three weeks.")

    reason: RejectReason
    text: Words | None = None


class FormBody(RequestModel):
    """A transition form: an answer for each field of the template, or a text for each category of information (seed rule 13)."""

    model_config = example(
        form_type="barnehage-to-school",
        school_start=2027,
        fields={"play-and-friends": "Plays well in small groups.", "language-and-speech": "Two-word sentences."},
    )

    form_type: FormType
    school_start: Annotated[int, Field(ge=2000, le=2200)]
    content: Content = Field(default_factory=dict)
    """A text for each category of information, where the municipality has no template; with one it is refused."""
    fields: Fields = Field(default_factory=dict)
    """An answer for each field of the template (`GET /transition-form-templates`)."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.content or self.fields):
            raise PydanticCustomError("form_empty", "A form says something: content or fields")
        return self


class FormVersionBody(RequestModel):
    """The next version of a form."""

    model_config = example(
        fields={"play-and-friends": "Plays well in small groups.", "language-and-speech": "Short sentences."}
    )

    content: Content = Field(default_factory=dict)
    fields: Fields = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.content or self.fields):
            raise PydanticCustomError("form_empty", "A form says something: content or fields")
        return self


class ApprovalBody(RequestModel):
    """A guardian's approval of exactly one version (seed rule 14)."""

    model_config = example(version=1)

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    ordinal: Annotated[int, Field(ge=1, le=8)] | None = None
    evidence: EvidenceForm = EvidenceForm.WRITTEN
    note: Words | None = None


class SendingBody(RequestModel):
    """To whom at the school the approved form goes, and the baton with it."""

    model_config = example(
        receiver={
            **EXAMPLE_RECEIVER,
            "role": "contact-teacher",
            "service": "skole",
            "unit": "unit:tinnes-skole",
            "organisation": "310001023",
        }
    )

    receiver: ReceiverBody
    respond_by: GivenMoment | None = None
    outside_window: OutsideWindow | None = None
    """Why it goes at another time of the year than the municipality sends such forms (seed rule 13)."""
