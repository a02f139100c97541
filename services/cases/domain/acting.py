"""Who acts, as the rules see it: a role in a service at a unit, or a place in the child's family. Never a name."""

from __future__ import annotations

from typing import Literal

from services.cases.errors import NotStaffError
from shared.contracts.base import Model
from shared.contracts.cases import Party
from shared.contracts.codes import InformationCategory, Role, Service
from shared.refs import ActorId, LogScope, OrganisationNumber, UnitId

STAFF_ROLES = (
    Role.TEACHER,
    Role.PEDAGOGICAL_LEADER,
    Role.CONTACT_TEACHER,
    Role.HEALTH_NURSE,
    Role.PPT_ADVISER,
    Role.CHILD_WELFARE_OFFICER,
    Role.BUP_CLINICIAN,
    Role.COORDINATOR,
    Role.LEADER,
)
"""The functions in which an employee acts; of several, the first here names the party."""


class Acting(Model):
    """The actor as the rules see it. `guardian` and `child` are the vault's answer for this case and this moment, by the child's
    age too (`insight.in_family`)."""

    actor: ActorId
    kind: Literal["user", "guardian", "child", "service_account"]
    roles: frozenset[Role]
    service: Service | None = None
    unit: UnitId | None = None
    organisation: OrganisationNumber | None = None
    guardian: int | None = None
    """Which of those with parental responsibility for this child; none when not one of them."""
    child: bool = False
    """Whether it is the child itself."""
    withheld: frozenset[InformationCategory] = frozenset()
    """Kinds of information that a guardian is told nothing of: the child decides over them alone."""
    barred_by_age: bool = False
    """Would be a guardian or the child, and is not by the child's age: guardians of a grown-up, a child too young to ask alone."""
    own_family: bool = False
    """An employee who is the child's guardian, or was, or is the child: disqualified at work (forvaltningsloven § 6)."""
    elsewhere: LogScope | None = None
    """The municipality that the actor works in, when it is another one than the case's."""
    cleared: bool = False
    """May come near cases of children with a protected address, where anything else lets them."""
    watches: bool = False
    """Has the municipality's duty for the cases of children with a protected address (`watch.py`), and the clearance."""
    reaches_guardians: bool = False
    """A service account that is entitled to know where guardians can be reached."""

    @property
    def role(self) -> Role | None:
        """Return the function acted in; none when the actor is no employee."""
        if self.kind != "user":
            return None
        return next((role for role in STAFF_ROLES if role in self.roles), None)

    def party(self, *, address_protected: bool) -> Party:
        """Return how events name this employee.

        Raises:
            NotStaffError: the actor works at no unit, or in no function.
        """
        if self.role is None or self.service is None or self.unit is None:
            raise NotStaffError
        return named(
            Party(
                actor=self.actor,
                role=self.role,
                service=self.service,
                unit=self.unit,
                organisation=self.organisation,
            ),
            address_protected=address_protected,
        )


def named(party: Party, *, address_protected: bool) -> Party:
    """Return `party` as events may name it: without unit and organisation when the case is address-protected."""
    return party.model_copy(update={"unit": None, "organisation": None}) if address_protected else party
