"""Whom one can ask to contribute when the child's address is protected."""

from __future__ import annotations

import pytest

from services.cases.domain import contributions
from services.cases.domain.team_profile import USUAL
from services.cases.errors import UnitUntellableError
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import Service
from shared.contracts.team import ContributionReason, ContributionRequested
from shared.refs import ContributionRef, UnitId
from tests.unit.cases_town import TEACHER, Town


def ask(town: Town, service: Service, unit: str | None) -> list[CaseEvent]:
    command = contributions.AskToContribute(
        by=TEACHER,
        contribution=ContributionRef(town.ids.ref("ctb")),
        service=service,
        unit=None if unit is None else UnitId(unit),
        reason=ContributionReason.COMPETENCE_MISSING,
        anonymous=True,
    )
    return contributions.decide_ask(town.state, command, town.now, USUAL.contributions)


def lifted(*, address_protected: bool) -> Town:
    town = Town(address_protected=address_protected)
    town.lift()
    return town


@pytest.mark.rule(82)
def test_no_unit_is_asked_that_no_event_may_name() -> None:
    """It would be told of nothing, could answer nothing, and its leader would hear that it is late."""
    with pytest.raises(UnitUntellableError):
        ask(lifted(address_protected=True), Service.SKOLE, "unit:tinnes-skole")
    [asked] = ask(lifted(address_protected=False), Service.SKOLE, "unit:tinnes-skole")
    assert isinstance(asked, ContributionRequested)
    assert asked.unit == "unit:tinnes-skole"


@pytest.mark.rule(82)
def test_a_service_that_is_one_is_asked_all_the_same() -> None:
    [asked] = ask(lifted(address_protected=True), Service.PPT, "unit:ppt")
    assert isinstance(asked, ContributionRequested)
    assert (asked.service, asked.unit) == (Service.PPT, None)
