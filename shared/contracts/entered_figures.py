"""What the meetings service publishes of figures that people enter: of which indicator and period one was, and never the number.

A small count of children says something of a child where few live: numbers are read with the service, by those who may.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import TOPIC
from shared.refs import EnteredFigureRefField, UnitIdField

PERIOD = r"^[0-9]{4}(-(0[1-9]|1[0-2])|-autumn|-spring|-[0-9]{4})?$"
"""A month (2026-09), a term (2026-autumn), a school year (2026-2027) or a year (2026)."""


class FigureCorrection(StrEnum):
    """Why a figure is corrected; a code, never words."""

    WRONG_NUMBER = "wrong-number"
    """It was typed or counted wrong."""
    SOURCE_CHANGED = "source-changed"
    """Its source has been corrected, or gives a later count."""
    WRONG_PLACE = "wrong-place"
    """It was of another period, unit or indicator."""


class EnteredFigureEvent(EventData):
    """An event of one figure: an indicator's, of a period, and a unit or the municipality (seed rules 150, 151, 155, 164, 190)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "figure"

    figure: EnteredFigureRefField
    indicator: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
    """Of the municipality's profile."""
    period: str = Field(pattern=PERIOD)
    unit: UnitIdField | None = None
    """Absent: it is the municipality's."""


class FigureExpected(EnteredFigureEvent):
    """Its period is over, and it is to be entered by a day that the municipality's profile says; nobody has."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.expected.v1"

    due: date
    """The last day in Norway on which it is in time."""
    owed_by: Role
    """In which role it is to be entered. Said again with another one, it is for that one from then on."""
    owing_unit: UnitIdField | None = None
    """By those of this unit only; absent: whoever has the role in the municipality."""
    led_by: UnitIdField | None = None
    """Whose leaders are told when nobody enters it; absent where the municipality has no such unit."""


class FigureDropped(EnteredFigureEvent):
    """The municipality's profile no longer asks for it by a day: nobody waits for it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.dropped.v1"


class FigureEntered(EnteredFigureEvent):
    """Somebody who may has entered it, for the first time: nobody waits for it any more."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.entered.v1"


class FigureCorrected(EnteredFigureEvent):
    """Another number stands in its place from now on; those before are kept."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.figure.corrected.v1"

    number: int = Field(ge=2)
    """Which entry of it this is."""
    reason: FigureCorrection


EVENTS: tuple[type[EnteredFigureEvent], ...] = (FigureExpected, FigureDropped, FigureEntered, FigureCorrected)
