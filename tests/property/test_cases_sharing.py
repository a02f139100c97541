"""What may be shared is what is shown: the answer to the question and a look at that moment say the same (seed rule 106)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain import access, sharing
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.sharing import Ask
from services.cases.errors import DeniedError
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from tests.unit.cases_town import BARNEVERN, NURSE, PPT, TEACHER, Town, scope

READERS: Final[Mapping[Service, Acting]] = MappingProxyType(
    {
        Service.PPT: PPT,
        Service.HELSESTASJON: NURSE,
        Service.BARNEVERN: BARNEVERN,
        Service.BARNEHAGE: TEACHER,
    }
)
"""Somebody who works with children in each, the unit that has the case among them."""
SHARED: Final = (InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE, InformationCategory.CONCERN)
PURPOSES: Final = (Purpose.ASSESSMENT, Purpose.FOLLOW_UP, Purpose.TRANSITION)


@dataclass(frozen=True)
class Given:
    """Something that was granted, or shared by law with the child welfare service."""

    categories: frozenset[InformationCategory]
    purposes: frozenset[Purpose]
    services: frozenset[Service] | None
    """None: by law."""
    withdrawn: bool


given_parts: Final = st.builds(
    Given,
    categories=st.frozensets(st.sampled_from(SHARED), min_size=1),
    purposes=st.frozensets(st.sampled_from(PURPOSES), min_size=1),
    services=st.none() | st.frozensets(st.sampled_from([*READERS][:3]), min_size=1),
    withdrawn=st.booleans(),
)


def town_of(parts: Sequence[Given]) -> Town:
    """Return an open case in which all of it was given, in that order."""
    town = Town().lift()
    for part in parts:
        if part.services is None:
            town.override(scope((Service.BARNEVERN,), [*part.categories], [*part.purposes]))
            continue
        ref = town.consented(Scope(services=part.services, categories=part.categories, purposes=part.purposes))
        if part.withdrawn:
            town.withdraw(ref)
    return town


def shown(town: Town, reader: Acting, purpose: Purpose) -> frozenset[InformationCategory]:
    """Return of which categories a look at the child shows something to `reader`."""
    try:
        return access.permit(town.state, Action.READ_CHILD, reader, town.now, purpose).categories
    except DeniedError:
        return frozenset()


@pytest.mark.rule(106)
@settings(deadline=None)
@given(st.lists(given_parts, max_size=4))
def test_what_may_be_shared_with_a_service_is_what_it_is_shown_for_that_purpose(parts: list[Given]) -> None:
    town = town_of(parts)
    for service, reader in READERS.items():
        for purpose in Purpose:
            may = {
                category
                for category in InformationCategory
                if sharing.judge(
                    town.state,
                    Ask(service=service, categories=frozenset({category}), purpose=purpose),
                    town.now,
                    lambda _: {GrantorClass.GUARDIAN: 2},
                ).permitted
            }
            assert may == shown(town, reader, purpose), (service, purpose)
