"""What may be sent about the work around the child. Words stand in these models only until they are in the vault."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.cases.api.bodies import EXAMPLE_RECEIVER, Code, ReceiverBody, Words
from services.cases.domain.contributions import DeclineReason
from services.cases.domain.course import Decisions
from services.cases.domain.hearing import NotHeardReason
from services.cases.domain.reports import Feedback, NotInformedReason
from services.cases.domain.team import Released
from shared.contracts.cases import ChildHeardBy, CoordinatorKind, EvidenceForm
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Role, Service
from shared.contracts.team import ContributionReason
from shared.refs import UnitIdField
from shared.web import GivenMoment, RequestModel, example

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class TeamMemberBody(RequestModel):
    """A service that is to join the team (seed rules 25, 87)."""

    model_config = example(service="helsestasjon", role="health-nurse")

    service: Service
    role: Role | None = None


class ReleaseBody(RequestModel):
    """Why a service leaves the team."""

    model_config = example(reason="no-longer-needed")

    reason: Released


class TeamGoalBody(RequestModel):
    """What all in the team work for (seed rule 87)."""

    model_config = example(text="Takes part in play with the others.")

    text: Words


class WishBody(RequestModel):
    """A wish of the family's. Empty when signed in; recorded for somebody, it says whose, how it was said, and a note of it."""

    model_config = example(
        grantor="guardian", evidence="oral-minuted", note="Asked for it in the meeting, read back to her."
    )

    grantor: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD] = GrantorClass.GUARDIAN
    evidence: EvidenceForm = EvidenceForm.WRITTEN
    note: Words | None = None


class CoordinatorBody(RequestModel):
    """Who is to coordinate (seed rules 23, 37, 97)."""

    model_config = example(
        kind="ansvarsgruppe",
        coordinator={
            **EXAMPLE_RECEIVER,
            "role": "health-nurse",
            "service": "helsestasjon",
            "unit": "unit:helsestasjon",
        },
    )

    kind: CoordinatorKind
    coordinator: ReceiverBody


class CoordinatorHandoverBody(RequestModel):
    """An offer of the coordination (seed rules 23, 37, 97, 107)."""

    model_config = example(
        kind="ansvarsgruppe",
        receiver={
            "actor": "act_bcdfghjklmnpqrstvwxzbcdfgh",
            "role": "health-nurse",
            "service": "helsestasjon",
            "unit": "unit:helsestasjon",
        },
        respond_by="2026-11-12T11:00:00Z",
    )

    kind: CoordinatorKind
    receiver: ReceiverBody
    respond_by: GivenMoment | None = None


class CoordinatorEndBody(RequestModel):
    """Which coordination ends."""

    model_config = example(kind="barnekoordinator")

    kind: CoordinatorKind


class PlanStartBody(RequestModel):
    """The plan's first goals (seed rule 37)."""

    model_config = example(goals=["Says what she wants with words.", "Has somebody to play with."])

    goals: Annotated[tuple[Words, ...], Field(min_length=1, max_length=20)]


class PlanClosureBody(RequestModel):
    """Why the plan ends."""

    model_config = example(reason="goals-reached")

    reason: Literal["goals-reached", "no-longer-wanted"]


class NotHeardBody(RequestModel):
    """Why the child is not heard before a decision (barnevernsloven § 1-4)."""

    model_config = example(before="plan", reason="does-not-wish")

    before: Decisions
    reason: NotHeardReason


class LanguageNeedBody(RequestModel):
    """How one of the family is spoken with, and what they read (seed rule 146)."""

    model_config = example(person="guardian", ordinal=2, language="ti", interpreter="spoken", written_material=True)

    person: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD]
    ordinal: Annotated[int, Field(ge=1, le=8)] = 1
    language: Tag
    """BCP 47."""
    interpreter: Literal["none", "spoken", "sign", "tactile-sign", "written"]
    written_material: bool = False
    """Whether written material is wanted in that language."""


class ContributionBody(RequestModel):
    """What a service is asked for (seed rules 82, 116): by name, with what it may be told, or anonymously."""

    model_config = example(
        service="ppt",
        reason="competence-missing",
        text="How do we help a child of five who has few words into play?",
        anonymous=True,
    )

    service: Service
    unit: UnitIdField | None = None
    """Of a barnehage or school."""
    reason: ContributionReason
    text: Words
    anonymous: bool = False
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    respond_by: GivenMoment | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.anonymous and (self.categories or self.purpose is not None):
            raise PydanticCustomError("anonymous", "An anonymous request shares no category for no purpose")
        if not self.anonymous and (not self.categories or self.purpose is None):
            raise PydanticCustomError("named", "A request by name says which categories it shares, for which purpose")
        return self


class DeclinationBody(RequestModel):
    """Why the service's leader says no (seed rule 82)."""

    model_config = example(reason="wrong-service", text="This is for the school's own resource team.")

    reason: DeclineReason
    text: Words


class ContributionEndBody(RequestModel):
    """Whether it was given, or is taken back."""

    model_config = example(reason="given")

    reason: Literal["given", "withdrawn"]


class ChildSaidBody(RequestModel):
    """That the child was heard before the report, and what it said."""

    method: ChildHeardBy
    text: Words
    trusted_person: bool = False


class ConcernReportBody(RequestModel):
    """A report to child welfare (barnevernsloven § 13-2; seed rules 93, 192)."""

    model_config = example(
        ground="maltreatment-or-neglect",
        text="Comes without food or warm clothes, and tells of nights alone.",
        guardians_informed=False,
        not_informed_because="danger-to-child",
        not_heard="danger",
    )

    ground: Code
    """A row of the code list of the law's grounds."""
    text: Words
    guardians_informed: bool
    not_informed_because: NotInformedReason | None = None
    child: ChildSaidBody | None = None
    not_heard: NotHeardReason | None = None
    """Why the child was not heard, unless it was, now or lately."""

    @model_validator(mode="after")
    def _heard_or_not(self) -> Self:
        if self.child is not None and self.not_heard is not None:
            raise PydanticCustomError("heard_twice", "The child was heard, or it was not")
        return self


class FeedbackBody(RequestModel):
    """What child welfare answered (barnevernsloven § 13-3)."""

    model_config = example(kind="investigating")

    kind: Feedback
