"""What the notify service answers: references, codes and texts about nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.notify.domain.deadline import DeadlineState, Status
from services.notify.domain.recipient import RecipientState
from services.notify.store import StoredMessage, Try
from services.notify.texts import Text
from shared.contracts.codes import Language, Role, Service
from shared.contracts.notify import Channel, DeadlineKind, Way
from shared.refs import ActorId, CaseRef, ConsentRef, DeadlineRef, MeetingRef, MessageRef, UnitId


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class MessageView(View):
    """One message to whoever asks."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])
    template: str = Field(examples=["concern-reminder"])
    subject: str = Field(examples=["Husk å følge opp uroen du registrerte"])
    text: str = Field(examples=["Du registrerte en uro. Innen 21. september 2026 må du ha gjort noe med den."])
    language: Language
    channel: Way
    """By which way it goes, or went; it can be read here all the while."""
    status: str = Field(examples=["sent"])
    queued_at: datetime = Field(examples=["2026-09-17T08:00:00Z"])
    read_at: datetime | None
    case: CaseRef | None = Field(examples=["cas_bcdfghjklmnpqrstvwxzbcdfgh"])
    """What it is about: for whoever may open it. The reference itself tells nothing."""
    consent: ConsentRef | None = Field(examples=[None])
    deadline: DeadlineRef | None = Field(examples=["ddl_bcdfghjklmnpqrstvwxzbcdfgh"])
    due: datetime | None = Field(examples=["2026-09-21T08:00:00Z"])
    meeting: MeetingRef | None = Field(examples=["mtg_bcdfghjklmnpqrstvwxzbcdfgh"])
    """The meeting that it is about: guardians and children read their invitation to it with the meetings service."""

    @classmethod
    def of(cls, message: StoredMessage, text: Text) -> MessageView:
        """Return `message` with its text."""
        told = message.telling
        return cls(
            message=message.message,
            template=told.template,
            subject=text.subject,
            text=text.body,
            language=message.language,
            channel=message.channel,
            status=message.status,
            queued_at=message.queued_at,
            read_at=message.read_at,
            case=told.case,
            consent=told.consent,
            deadline=told.deadline,
            due=told.due,
            meeting=None if told.appointment is None else told.appointment.meeting,
        )


class MessageRead(View):
    """The message was read."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])


class QuietHoursView(View):
    """Norway's time between which nothing is sent."""

    begins: str = Field(examples=["21:00"])
    ends: str = Field(examples=["07:00"])


class PreferencesView(View):
    """How somebody is reached."""

    language: Language
    channel: Channel
    leads: UnitId | None = Field(examples=["unit:lia-barnehage"])
    """The unit whose escalations reach this person."""
    sms_first: bool = Field(examples=[False])
    """Whether SMS is tried before e-mail."""
    digest: bool = Field(examples=[False])
    """Whether e-mail and SMS come once a day, all together."""
    quiet: QuietHoursView

    @classmethod
    def of(cls, state: RecipientState) -> PreferencesView:
        """Return `state`."""
        leads = state.unit if Role.LEADER in state.roles else None
        quiet = state.habits.quiet
        return cls(
            language=state.language,
            channel=state.channel,
            leads=leads,
            sms_first=state.sms_first,
            digest=state.digest,
            quiet=QuietHoursView(begins=quiet.begins.isoformat("minutes"), ends=quiet.ends.isoformat("minutes")),
        )


class OwnPreferencesView(PreferencesView):
    """One's own preferences, with the addresses if they are kept here."""

    email: str | None = Field(examples=["styrer@lia.example"])
    phone: str | None = Field(examples=["+4740000000"])


class TryView(View):
    """One try to deliver a message."""

    channel: Way
    tried_at: datetime = Field(examples=["2026-09-17T08:00:00Z"])
    outcome: str = Field(examples=["rejected"])
    """`sent`, `put-off` (tried again later), or why it was given up: `rejected`, `unreachable`, `no-address`."""
    answered: int | None = Field(examples=[550])
    """The code that the mail server (SMTP) or the gateway (HTTP) answered with."""

    @classmethod
    def of(cls, each: Try) -> TryView:
        """Return `each`."""
        return cls(channel=each.way, tried_at=each.tried_at, outcome=each.outcome, answered=each.answered)


class SentView(View):
    """How a message reached its recipient, or did not; nothing of what it says or is about."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])
    recipient: ActorId = Field(examples=["act_bcdfghjklmnpqrstvwxzbcdfgh"])
    role: Role
    channel: Way
    """By which way it goes, or went."""
    status: str = Field(examples=["sent"])
    queued_at: datetime = Field(examples=["2026-09-17T08:00:00Z"])
    tries: tuple[TryView, ...]

    @classmethod
    def of(cls, message: StoredMessage, tries: Sequence[Try]) -> SentView:
        """Return `message` with every try."""
        return cls(
            message=message.message,
            recipient=message.recipient,
            role=message.role,
            channel=message.channel,
            status=message.status,
            queued_at=message.queued_at,
            tries=tuple(map(TryView.of, tries)),
        )


class LetterView(View):
    """A letter to post: to which guardian of which case, and what to print. Name and address stand in the case."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])
    case: CaseRef | None = Field(examples=["cas_bcdfghjklmnpqrstvwxzbcdfgh"])
    role: Role
    ordinal: int | None = Field(examples=[1])
    """Which guardian, as in the case."""
    language: Language
    subject: str = Field(examples=["Du har en melding i Lagspill"])
    text: str = Field(examples=["Hei\n\nDu har en melding å lese."])
    queued_at: datetime = Field(examples=["2026-09-17T08:00:00Z"])

    @classmethod
    def of(cls, message: StoredMessage, text: Text) -> LetterView:
        """Return `message` as the letter that says that there is one."""
        return cls(
            message=message.message,
            case=message.telling.case,
            role=message.role,
            ordinal=message.ordinal,
            language=message.language,
            subject=text.subject,
            text=text.body,
            queued_at=message.queued_at,
        )


class LetterPosted(View):
    """The letter was posted."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])


class BounceTaken(View):
    """What came back was noted, and goes on by the next way that there is."""

    messages: int = Field(examples=[1])
    """How many were in that mail: more than one in a digest."""


class DeadlineView(View):
    """Something that must be done by then."""

    deadline: DeadlineRef = Field(examples=["ddl_bcdfghjklmnpqrstvwxzbcdfgh"])
    kind: DeadlineKind
    case: CaseRef | None = Field(examples=["cas_bcdfghjklmnpqrstvwxzbcdfgh"])
    due: datetime = Field(examples=["2026-09-21T08:00:00Z"])
    status: Status = Field(examples=["approaching"])
    mine: bool
    """Whether it is for whoever asks to do; otherwise it is somebody's in the unit that they lead."""
    role: Role | None
    service: Service | None
    unit: UnitId | None = Field(examples=["unit:lia-barnehage"])

    @classmethod
    def of(cls, state: DeadlineState, actor: ActorId) -> DeadlineView:
        """Return an open deadline as `actor` sees it.

        Raises:
            ValueError: it was never set.
        """
        if state.ref is None or state.due is None:
            raise ValueError("a deadline that was never set")
        to = state.responsible
        return cls(
            deadline=state.ref,
            kind=state.kind,
            case=state.case,
            due=state.due,
            status=state.status,
            mine=to.actor == actor,
            role=to.role,
            service=to.service,
            unit=to.unit,
        )
