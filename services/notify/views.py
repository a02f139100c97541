"""What the notify service answers: references, codes and texts about nobody."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.notify.domain.deadline import DeadlineState, Status
from services.notify.domain.recipient import RecipientState
from services.notify.store import StoredMessage
from services.notify.texts import Text
from shared.contracts.codes import Language, Role, Service
from shared.contracts.notify import Channel, DeadlineKind
from shared.refs import ActorId, CaseRef, ConsentRef, DeadlineRef, MessageRef, UnitId


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
    channel: Channel
    status: str = Field(examples=["sent"])
    queued_at: datetime = Field(examples=["2026-09-17T08:00:00Z"])
    read_at: datetime | None
    case: CaseRef | None = Field(examples=["cas_bcdfghjklmnpqrstvwxzbcdfgh"])
    """What it is about: for whoever may open it. The reference itself tells nothing."""
    consent: ConsentRef | None = Field(examples=[None])
    deadline: DeadlineRef | None = Field(examples=["ddl_bcdfghjklmnpqrstvwxzbcdfgh"])
    due: datetime | None = Field(examples=["2026-09-21T08:00:00Z"])

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
        )


class MessageRead(View):
    """The message was read."""

    message: MessageRef = Field(examples=["msg_bcdfghjklmnpqrstvwxzbcdfgh"])


class PreferencesView(View):
    """How somebody is reached."""

    language: Language
    channel: Channel
    leads: UnitId | None = Field(examples=["unit:lia-barnehage"])
    """The unit whose escalations reach this person."""

    @classmethod
    def of(cls, state: RecipientState) -> PreferencesView:
        """Return `state`."""
        leads = state.unit if Role.LEADER in state.roles else None
        return cls(language=state.language, channel=state.channel, leads=leads)


class OwnPreferencesView(PreferencesView):
    """One's own preferences, with the address if one is kept here."""

    email: str | None = Field(examples=["styrer@lia.example"])


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
