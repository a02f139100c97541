"""What may be sent about renewals and overrides. Words stand in these models only until they are in the vault."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.cases.api.bodies import Code, Words
from shared.contracts.cases import NotHeardReason, OverrideReason
from shared.contracts.codes import InformationCategory, Purpose, Scope, Service
from shared.web import GivenDay, GivenMoment, RequestModel, example


class RenewalBody(RequestModel):
    """Until which day the same is asked for."""

    model_config = example(valid_to="2028-06-16")

    valid_to: GivenDay


class OverrideBody(RequestModel):
    """What is shared by law, without consent: on which section, why, with whom, until when, judged by when."""

    model_config = example(
        section="bvl-13-2",
        reason="neglect-or-abuse",
        text="Came hungry and without winter clothes for the third week.",
        services=["barnevern"],
        categories=["concern", "family"],
        purposes=["assessment"],
        valid_to="2026-10-01",
        review_by="2026-09-21T10:00:00Z",
        not_heard="would-endanger-child",
    )

    section: Code
    """A code of the list of legal bases."""
    reason: OverrideReason
    text: Words
    """Why, in words; to the vault."""
    services: Annotated[frozenset[Service], Field(min_length=1)]
    categories: Annotated[frozenset[InformationCategory], Field(min_length=1)]
    purposes: Annotated[frozenset[Purpose], Field(min_length=1)]
    valid_to: GivenDay
    review_by: GivenMoment
    not_heard: NotHeardReason | None = None
    """Why the child was not heard before; left out when it was (barnevernsloven § 1-4)."""
    guardians_informed: bool = False
    """The guardians have been told. Of danger that may come from them they read nothing here before that."""

    @property
    def scope(self) -> Scope:
        """Return what is shared."""
        return Scope(services=self.services, categories=self.categories, purposes=self.purposes)


class CareOrderBody(RequestModel):
    """Whether the child welfare service has the care from now on, and a note of the decision (barnevernsloven § 5-1)."""

    model_config = example(in_force=True, note="Decision of the board of 7 September, read in the original.")

    in_force: bool
    note: Words


class ReviewBody(RequestModel):
    """A leader's judgement; what was not justified ends at once."""

    model_config = example(justified=True)

    justified: bool
    guardians_informed: bool = False
    """The guardians have been told of it by now."""
