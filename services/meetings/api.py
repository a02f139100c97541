"""HTTP: parse, hand over to a handler, answer. Every refusal is a problem document; see `services.meetings.errors`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import (
    Acceptance,
    CallMeeting,
    Cancellation,
    Closure,
    DiscussedItem,
    HeldMeeting,
    Invitation,
    LiftWithdrawn,
    NewAgendaItem,
    NewAnswer,
    NewMinutes,
    NewOutcome,
    Removal,
    Rescheduling,
)
from services.meetings.domain.agenda import Ask, NewItem, Outcome
from services.meetings.domain.answering import Given
from services.meetings.domain.family_part import FamilyPart
from services.meetings.domain.holding import Discussion, Holding
from services.meetings.handlers import agenda, answers, copies, holding, lifting, meetings
from services.meetings.handlers.desk import Desk
from services.meetings.views import (
    AddedItemView,
    AgendaView,
    ArenaView,
    CalledMeetingView,
    CopyView,
    HeldView,
    InvitationView,
    ItemView,
    LiftedLine,
    MeetingLine,
    MeetingView,
    MinutesView,
    OutcomeView,
    TakenAnswerView,
)
from shared.contracts.base import Moment
from shared.contracts.meetings import Attendance, Deputy, PlannedMeasure
from shared.refs import (
    CaseRefField,
    ContributionRef,
    ItemRef,
    ItemRefField,
    MeasureRef,
    MeetingRefField,
)
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["meetings"])

ARENAS: Final = Collection("arenas", tuple[str, str])
MEETINGS: Final = Collection("meetings", tuple[Moment, str])
LIFTED: Final = Collection("lifted-items", tuple[int])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


# --- arenas and meetings ------------------------------------------------------------------------------------------------


@router.get("/arenas", summary="The municipality's arenas and their rules")
async def list_arenas(desk: Means, ctx: Reading, asked: AskedPage) -> Page[ArenaView]:
    """Each arena with its policy, members, frequency, and the numbers of the seed rules it follows."""
    rows = await meetings.list_arenas(desk, ctx, ARENAS.after(asked.cursor), asked.limit + 1)
    return ARENAS.page(rows, asked.limit, lambda row: (row.arena_type, row.arena))


@router.post("/meetings", status_code=201, response_model=CalledMeetingView, summary="Call a meeting, or plan one")
async def call_meeting(desk: Means, ctx: Command, body: CallMeeting) -> Response:
    """Refused when the arena's rules do not allow it: `may-not-call`, `service-not-member`, `term-has-meeting`, ...

    `double_booked` names the units that would have to be in more meetings then than they can; nothing is refused for it.
    """
    command = meetings.CallMeeting(
        arena=body.arena,
        starts_at=body.starts_at,
        minutes=body.minutes,
        units=frozenset(body.units),
        services=body.services,
        extra=body.extra,
        interpreters=body.interpreters,
        invite=body.invite,
    )
    return respond(await meetings.call_meeting(desk, ctx, command))


@router.get("/meetings", summary="The meetings in which the actor's service has a seat, by time")
async def list_meetings(desk: Means, ctx: Reading, asked: AskedPage) -> Page[MeetingLine]:
    """A coordinator sees when all of the municipality's meetings are."""
    rows = await meetings.list_meetings(desk, ctx, MEETINGS.after(asked.cursor), asked.limit + 1)
    return MEETINGS.page(rows, asked.limit, lambda row: (row.starts_at, row.meeting))


@router.get("/meetings/{meeting}", response_model=MeetingView, summary="One meeting, without its agenda")
async def show_meeting(desk: Means, ctx: Reading, meeting: MeetingRefField) -> Response:
    """404 for a meeting in which the actor has no part."""
    view, version = await meetings.show(desk, ctx, meeting)
    return represent(view, version=version)


@router.post(
    "/meetings/{meeting}/invitation",
    status_code=201,
    response_model=CalledMeetingView,
    summary="Call a planned meeting",
)
async def invite(desk: Means, ctx: Command, meeting: MeetingRefField, body: Invitation) -> Response:
    """The services are invited, never people."""
    return respond(await meetings.invite(desk, ctx, meeting, body.services))


@router.get(
    "/meetings/{meeting}/invitation",
    response_model=InvitationView,
    summary="The meeting to which a child's family is invited, as the family is told of it",
)
async def show_invitation(
    desk: Means,
    ctx: Reading,
    meeting: MeetingRefField,
    case: Annotated[CaseRefField, Query(description="The child's.")],
    request: Request,
) -> Response:
    """For guardians, and for the child itself, where the arena takes them in and the child is on the agenda by name.

    When and where it is, which services are invited, whether there is to be an interpreter, and one's own answer. 404 for others.
    """
    authorization = request.headers.get("authorization", "")
    return represent(await answers.show_invitation(desk, ctx, meeting, case, authorization))


@router.post(
    "/meetings/{meeting}/answers",
    response_model=TakenAnswerView,
    summary="Accept or decline the invitation to a meeting",
)
async def answer_invitation(
    desk: Means, ctx: Command, meeting: MeetingRefField, body: NewAnswer, request: Request
) -> Response:
    """For the seat of one's service or unit, or as a guardian or child; until the meeting begins it can be changed.

    A seat with a duty to attend is declined with a deputy or a reason: `deputy-or-reason-missing`. Moved, a meeting asks anew.
    """
    deputy = None if body.deputy is None else Deputy(role=body.deputy.role, unit=body.deputy.unit)
    given = Given(body.answer, deputy, body.reason)
    authorization = request.headers.get("authorization", "")
    return respond(await answers.answer_invitation(desk, ctx, meeting, given, body.case, authorization))


@router.get(
    "/cases/{case}/copy",
    response_model=CopyView,
    summary="What meetings have written of a child, for its family to keep",
)
async def take_copy(desk: Means, ctx: Reading, case: CaseRefField, request: Request) -> Response:
    """For guardians, and for the child itself (GDPR art. 15, 20), beside the copy of the cases service; 404 for others.

    Every item by name: its words, who heard it, what was decided. What the child decides over alone is left out for guardians.
    """
    return represent(await copies.take_copy(desk, ctx, case, request.headers.get("authorization", "")))


@router.post("/meetings/{meeting}/rescheduling", response_model=CalledMeetingView, summary="Move a meeting")
async def reschedule(desk: Means, ctx: Command, meeting: MeetingRefField, body: Rescheduling) -> Response:
    """Within what the arena allows; `double_booked` as where it was called."""
    return respond(await meetings.reschedule(desk, ctx, meeting, body.starts_at))


@router.post("/meetings/{meeting}/cancellation", response_model=MeetingView, summary="Cancel a meeting")
async def cancel(desk: Means, ctx: Command, meeting: MeetingRefField, body: Cancellation) -> Response:
    """Only before it was held."""
    return respond(await meetings.cancel(desk, ctx, meeting, body.reason))


@router.post("/meetings/{meeting}/closure", response_model=MeetingView, summary="Close a meeting with approved minutes")
async def close(desk: Means, ctx: Command, meeting: MeetingRefField, body: Closure) -> Response:  # noqa: ARG001
    """The last step."""
    return respond(await meetings.close(desk, ctx, meeting))


# --- the agenda ---------------------------------------------------------------------------------------------------------


@router.post(
    "/meetings/{meeting}/agenda-items", status_code=201, response_model=AddedItemView, summary="Bring an agenda item"
)
async def add_item(desk: Means, ctx: Command, meeting: MeetingRefField, body: NewAgendaItem) -> Response:
    """By name only with a consent in force; `consent-missing` says what would be needed, and from whom.

    An anonymous item leaves nothing behind that leads to a case or to whoever brought it.
    """
    new = NewItem(
        item=ItemRef(desk.ids.ref("itm")),
        kind=body.kind,
        mode=body.mode,
        text=body.text,
        case=body.case,
        categories=body.categories,
        purpose=body.purpose,
    )
    return respond(await agenda.add_item(desk, ctx, meeting, new))


@router.get(
    "/meetings/{meeting}/agenda-items", response_model=AgendaView, summary="The agenda, as the actor may see it"
)
async def show_agenda(desk: Means, ctx: Reading, meeting: MeetingRefField) -> Response:
    """A named item is shown to the unit that brought it, and to services inside the consent now; others do not see it at all."""
    view, version = await agenda.show_agenda(desk, ctx, meeting)
    return represent(view, version=version)


@router.get("/meetings/{meeting}/agenda-items/{item}", response_model=ItemView, summary="One agenda item")
async def show_item(desk: Means, ctx: Reading, meeting: MeetingRefField, item: ItemRefField) -> Response:
    """A refused look at a named item is answered with 404, and recorded."""
    return represent(await agenda.show_item(desk, ctx, meeting, item))


@router.post(
    "/meetings/{meeting}/agenda-items/{item}/acceptance",
    response_model=MeetingView,
    summary="Take a proposed item on the agenda",
)
async def accept_item(
    desk: Means,
    ctx: Command,
    meeting: MeetingRefField,
    item: ItemRefField,
    body: Acceptance,  # noqa: ARG001
) -> Response:
    """For those who call the meeting."""
    return respond(await agenda.accept_item(desk, ctx, meeting, item))


@router.post(
    "/meetings/{meeting}/agenda-items/{item}/removal", response_model=MeetingView, summary="Take an item off the agenda"
)
async def remove_item(
    desk: Means,
    ctx: Command,
    meeting: MeetingRefField,
    item: ItemRefField,
    body: Removal,  # noqa: ARG001
) -> Response:
    """For those who call the meeting; a named one for the unit that brought it."""
    return respond(await agenda.remove_item(desk, ctx, meeting, item))


@router.get(
    "/lifted-items", summary="What was lifted to the arenas whose meetings I call, and waits or is on an agenda"
)
async def list_lifted(desk: Means, ctx: Reading, asked: AskedPage) -> Page[LiftedLine]:
    """Whose meeting is to be called, and with which unit. Of an item that names nobody not even the unit; of none, what it is."""
    rows = await lifting.list_lifted(desk, ctx, LIFTED.after(asked.cursor), asked.limit + 1)
    return LIFTED.page(rows, asked.limit, lambda row: (row.nth,))


@router.post(
    "/meetings/{meeting}/agenda-items/{item}/lift-withdrawal",
    response_model=OutcomeView,
    summary="Take back what was lifted and waits",
)
async def withdraw_lift(
    desk: Means, ctx: Command, meeting: MeetingRefField, item: ItemRefField, body: LiftWithdrawn
) -> Response:
    """For those who may say what comes of the item where it was lifted from. What stands on an agenda above is taken off there."""
    return respond(await lifting.withdraw_lift(desk, ctx, meeting, item, body.reason))


# --- holding, outcomes, minutes -----------------------------------------------------------------------------------------


@router.post("/meetings/{meeting}/holding", response_model=HeldView, summary="Record that a meeting was held")
async def hold_meeting(desk: Means, ctx: Command, meeting: MeetingRefField, body: HeldMeeting) -> Response:
    """Each named item is judged again, for the moment it was discussed and exactly those who stayed."""
    held = Holding(
        started_at=body.started_at,
        ended_at=body.ended_at,
        chair=body.chair,
        attendance=tuple(
            Attendance(
                service=seat.service,
                role=seat.role,
                function=seat.function,
                unit=seat.unit,
                organisation=seat.organisation,
                present=seat.present,
                deputy=seat.deputy,
                absence_reason=seat.absence_reason,
            )
            for seat in body.attendance
        ),
        guardians_present=body.guardians_present,
        discussed=tuple(_discussion(each) for each in body.discussed),
    )
    return respond(await holding.hold_meeting(desk, ctx, meeting, held))


def _discussion(said: DiscussedItem) -> Discussion:
    family = FamilyPart(said.guardians_present, said.child, said.child_absence)
    return Discussion(said.item, said.at, said.stayed, family)


@router.post(
    "/meetings/{meeting}/discussions",
    status_code=201,
    response_model=HeldView,
    summary="Record that an item was discussed, after the meeting was recorded as held",
)
async def record_discussion(desk: Means, ctx: Command, meeting: MeetingRefField, body: DiscussedItem) -> Response:
    """For an item by name that nobody said was discussed: whoever recorded the meeting may not have been shown it."""
    return respond(await holding.record_discussion(desk, ctx, meeting, _discussion(body)))


@router.post(
    "/meetings/{meeting}/outcomes", status_code=201, response_model=OutcomeView, summary="Record what was decided"
)
async def record_outcome(desk: Means, ctx: Command, meeting: MeetingRefField, body: NewOutcome) -> Response:
    """The cases service plans the measures, and asks services to contribute, from the event alone: nobody types them twice."""
    measures = tuple(
        PlannedMeasure(
            measure=MeasureRef(desk.ids.ref("mea")),
            code=measure.code,
            owner=measure.owner,
            owner_unit=measure.owner_unit,
            indicator=measure.indicator,
            evaluate_by=measure.evaluate_by,
        )
        for measure in body.measures
    )
    ask = tuple(
        Ask(ContributionRef(desk.ids.ref("ctb")), one.service, one.unit, one.reason, one.respond_by)
        for one in body.contributions
    )
    outcome = Outcome(
        item=body.item,
        decision=body.decision,
        text=body.text,
        measures=measures,
        join_team=body.join_team,
        ask=ask,
        lift=body.lift,
    )
    return respond(await holding.record_outcome(desk, ctx, meeting, outcome))


@router.post("/meetings/{meeting}/minutes", status_code=201, response_model=MeetingView, summary="Approve the minutes")
async def approve_minutes(desk: Means, ctx: Command, meeting: MeetingRefField, body: NewMinutes) -> Response:
    """A correction is the next version."""
    return respond(await holding.approve_minutes(desk, ctx, meeting, body.text))


@router.get("/meetings/{meeting}/minutes", response_model=MinutesView, summary="The minutes, as the actor may see them")
async def show_minutes(desk: Means, ctx: Reading, meeting: MeetingRefField) -> Response:
    """The general part, and the outcomes of the items that the actor may see now."""
    view, version = await holding.show_minutes(desk, ctx, meeting)
    return represent(view, version=version)
