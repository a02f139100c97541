"""Who looks after the cases of children with a protected address, for a whole municipality: the `protected:` part of its profile.

In every other case the leaders of its unit hear what is late and judge what was done by law (seed rule 95). Of a protected case no
event says which unit has it, so that nobody could tell whose leader that is: it is a duty of the municipality's own instead.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from services.cases.domain.acting import Acting
from shared.contracts.codes import Role
from shared.profiles import Line, Rule
from shared.refs import UnitId, UnitIdField


class Watch(Line):
    """Whose duty it is: the privacy officers', or the leaders' of a unit of the municipality's own. It takes the clearance too."""

    role: Literal[Role.PRIVACY_OFFICER, Role.LEADER]
    unit: UnitIdField | None = None
    """Which unit's leaders: the same of every protected case, and never a barnehage or school."""
    rule: Rule

    @model_validator(mode="after")
    def _leaders_lead_a_unit(self) -> Watch:
        if (self.role is Role.LEADER) != (self.unit is not None):
            raise ValueError("a unit is named for its leaders, and for nobody else")
        return self

    def is_kept_by(self, roles: frozenset[Role], unit: UnitId | None) -> bool:
        """Return whether somebody with these roles, at that unit, has the duty."""
        return self.role in roles and self.unit in {None, unit}


USUAL_WATCH = Watch(role=Role.PRIVACY_OFFICER, rule=95)


def judges_as(acting: Acting) -> Role:
    """Return as what somebody judges who leads, or has the duty."""
    return Role.LEADER if Role.LEADER in acting.roles else Role.PRIVACY_OFFICER
