"""Parental responsibility by its dates, and corrections of who the child and its guardians are."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.api.bodies import Email, GuardianBody, Name, Number, Phone, Words
from services.cases.contents import GuardianList
from services.cases.handlers import guardians
from services.cases.handlers.concerns import NamedGuardian
from services.cases.handlers.guardians import Ground
from services.cases.views import GuardianshipView
from shared.contracts.codes import Language
from shared.contracts.safekeeping import GuardianGround
from shared.refs import CaseRefField
from shared.web import AskedPage, Collection, GivenDay, GuardedCommand, Reading, RequestModel, represent, respond

router = APIRouter(tags=["guardians"])
Ordinal = Annotated[int, Path(ge=1, le=8, description="Which of the guardians, as in the list.")]


class NewGuardianBody(GuardianBody):
    """Somebody with parental responsibility, from which day on, and by which decision. The words go to the vault."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Nordvind Eksempelsen",
                    "national_number": "07909099937",
                    "language": "nn",
                    "ground": "agreement",
                    "since": "2026-10-01",
                    "note": "Agreement on shared parental responsibility, sent to the register.",
                }
            ]
        }
    )

    ground: GuardianGround
    since: GivenDay
    note: Words


class GuardianEndBody(RequestModel):
    """The last day of parental responsibility, and by which decision it ends."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ground": "court-decision", "last_day": "2026-10-31", "note": "Judgment of 12 October."}]
        }
    )

    ground: GuardianGround
    last_day: GivenDay
    note: Words


class GuardianCorrectionBody(RequestModel):
    """What is right; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"language": "en", "phone": "+47 400 00 000"}]})

    name: Name | None = None
    language: Language | None = None
    email: Email | None = None
    phone: Phone | None = None


class ChildCorrectionBody(RequestModel):
    """Who the child is; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Solstråle Prøvedatter"}]})

    name: Name | None = None
    national_number: Number | None = Field(default=None)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.name is None and self.national_number is None:
            raise PydanticCustomError("nothing_named", "Name what is to be corrected")
        return self


@router.get("/cases/{case}/guardians", response_model=GuardianList, summary="The guardians, with their dates")
async def list_guardians(page: AskedPage, case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return everybody who has, had or will have parental responsibility, to whoever keeps that in order."""
    collection = Collection(f"guardians of {case}", int)
    view, version = await guardians.list_guardians(desk, ctx, case, collection, page)
    return represent(view, version=version)


@router.post("/cases/{case}/guardians", status_code=201, response_model=GuardianshipView, summary="Add a guardian")
async def add_guardian(case: CaseRefField, body: NewGuardianBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Record parental responsibility from a day on; before that day the guardian sees nothing, and need not grant."""
    new = NamedGuardian(
        name=body.name,
        national_number=body.national_number,
        language=body.language,
        email=body.email,
        phone=body.phone,
    )
    ground = Ground(body.ground, body.since, body.note)
    return respond(await guardians.add_guardian(desk, ctx, case, new, ground))


@router.post(
    "/cases/{case}/guardians/{ordinal}/ending",
    status_code=201,
    response_model=GuardianshipView,
    summary="End parental responsibility",
)
async def end_guardianship(
    case: CaseRefField, ordinal: Ordinal, body: GuardianEndBody, ctx: GuardedCommand, desk: AtDesk
) -> Response:
    """Record its last day; from the day after the guardian sees nothing."""
    ground = Ground(body.ground, body.last_day, body.note)
    return respond(await guardians.end_guardianship(desk, ctx, case, ordinal, ground))


@router.post(
    "/cases/{case}/guardians/{ordinal}/corrections",
    status_code=201,
    response_model=GuardianshipView,
    summary="Correct how a guardian is named and reached",
)
async def correct_guardian(
    case: CaseRefField, ordinal: Ordinal, body: GuardianCorrectionBody, ctx: GuardedCommand, desk: AtDesk
) -> Response:
    """Correct a name, a language, an address; recorded as writing."""
    changed = await guardians.correct_guardian(
        desk, ctx, case, ordinal, name=body.name, language=body.language, email=body.email, phone=body.phone
    )
    return respond(changed)


@router.post(
    "/cases/{case}/child/corrections",
    status_code=201,
    response_model=GuardianshipView,
    summary="Correct who the child is",
)
async def correct_child(case: CaseRefField, body: ChildCorrectionBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Correct name or national number, and with it the birth date; the child is found by what is right from then on."""
    changed = await guardians.correct_child(desk, ctx, case, name=body.name, national_number=body.national_number)
    return respond(changed)
