"""Who is who in a municipality: its units, dated, and the services that they are (seed rules 41, 77, 184)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import Field, model_validator

from shared.contracts.codes import Role, Service
from shared.profiles import Line, Rules
from shared.refs import LogScopeField, UnitIdField


class UnitKind(StrEnum):
    """What a unit is."""

    BARNEHAGE = "barnehage"
    SKOLE = "skole"
    SERVICE = "service"
    """One that comes to others' arenas: PPT, helsestasjon, barnevern, BUP."""
    ADMINISTRATION = "administration"


OWN_SERVICE: Final = {UnitKind.BARNEHAGE: Service.BARNEHAGE, UnitKind.SKOLE: Service.SKOLE}
"""The units that have children, and so arenas of their own."""


class Unit(Line):
    """An organisational unit, for as long as it is in the organisation."""

    id: UnitIdField
    kind: UnitKind
    name: str = Field(min_length=1, max_length=120)
    municipality: LogScopeField | None = None
    """Whose it is, in a profile of several municipalities; left out there, it is shared by all of them (seed rule 77)."""
    service: Service | None = None
    """Which service's seats it takes; of a barnehage or school that is itself."""
    size: int | None = Field(default=None, ge=1, le=5000)
    """How many children it has (seed rule 64)."""
    place: str | None = Field(default=None, min_length=1, max_length=60)
    """Where it is: who has to be somewhere else that day travels."""
    phone: str | None = Field(default=None, pattern=r"^\+?[0-9][0-9 ]{3,18}[0-9]$")
    """The unit's own, never a person's: it stands on the public page (seed rule 159)."""
    website: str | None = Field(default=None, pattern=r"^https://[^\s\"'<>]{4,200}$")
    meetings_at_once: int = Field(default=1, ge=1, le=50)
    """In how many meetings at the same time it can take its seats."""
    part_of: UnitIdField | None = None
    led_by: Role = Role.LEADER
    sends_to: tuple[UnitIdField, ...] = ()
    """The schools in which its children go on (seed rules 10, 15, 16)."""
    first_day: date | None = None
    last_day: date | None = None
    """It is in the organisation from the one day to the other, both included (seed rule 41)."""

    @model_validator(mode="after")
    def _holds_together(self) -> Unit:
        if self.first_day is not None and self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("the last day is before the first")
        if self.service is not None and self.kind in OWN_SERVICE:
            raise ValueError(f"a {self.kind} takes its own seats: leave service out")
        return self

    @property
    def seated_as(self) -> Service | None:
        """Return the service whose seats it takes."""
        return OWN_SERVICE.get(self.kind, self.service)

    def there_on(self, day: date) -> bool:
        """Return whether it is in the organisation on `day` in Norway."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)

    def there_within(self, first: date, last: date) -> bool:
        """Return whether it is in the organisation on any day between these, both included."""
        return (self.first_day is None or self.first_day <= last) and (self.last_day is None or first <= self.last_day)


class Chart(Line):
    """The organisation chart from which the units and their leaders come."""

    of_day: date | None = None
    """The day for which it was drawn; left out where the source does not say."""
    rules: Rules
