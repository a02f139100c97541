"""What is answered out of the vault: only after the look's record is committed, and only as far as its basis reaches."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from services.cases.domain.access_terms import Relation
from services.cases.domain.state import Stage
from services.cases.views import Categories, ConcernView, DocumentView, FormView, GlassView, HandoverView
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, Language, Purpose, Role
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, UnitId


class IdentityView(Model):
    """Who the child is."""

    name: str
    national_number: str
    born: date


class GuardianView(Model):
    """Where a guardian is reached, and in which language."""

    ordinal: int
    actor: ActorId
    name: str
    language: Language
    email: str | None
    phone: str | None


class ObservationView(Model):
    """Something recorded about the child, in one category."""

    record: str
    category: InformationCategory
    text: str


class ChildDossier(Model):
    """What the vault holds of the child, as far as this reader may see it at this moment."""

    case: CaseRef
    basis: str
    consent: ConsentRef | None
    consent_version: int | None
    purpose: Purpose | None
    """What this look is for, as it was recorded; none for a guardian and for the child."""
    categories: Categories
    """What you may see; anything in another category is left out."""
    identity: IdentityView | None
    guardians: tuple[GuardianView, ...]
    records: tuple[ObservationView, ...]


class ConcernContent(ConcernView):
    """A concern with its words."""

    text: str


class Contact(Model):
    """Where one of those around the child is reached, and in which language. No name: a message needs none."""

    recipient: ActorId
    role: Role
    ordinal: int | None
    """Which guardian; as in the events of the consent."""
    language: Language
    email: str | None
    phone: str | None


class Contacts(Model):
    """Where the guardians are reached. Each answer is recorded as a disclosure."""

    case: CaseRef
    contacts: tuple[Contact, ...]


class WatchView(Model):
    """Whose duty an address-protected case is: a role for the whole municipality, or the leaders of a unit of its own."""

    case: CaseRef
    municipality: LogScope
    role: Role
    unit: UnitId | None
    """Never the child's: the same of every protected case in the municipality."""


class FormContent(FormView):
    """A transition form with the parts of its content that this reader may see."""

    basis: str
    content: dict[InformationCategory, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    """The answers to the fields of the municipality's template, by their codes."""


class HandoverContent(HandoverView):
    """A handover, with the words of its rejection for the sender."""

    rejection: str | None = None


class GlassLookView(Model):
    """A look in an emergency."""

    at: datetime
    categories: Categories


class GlassContent(GlassView):
    """An emergency access with its reason in words, and what was looked at."""

    text: str | None
    """None when the case has been erased since."""
    looks: tuple[GlassLookView, ...]


class SearchHit(Model):
    """A case that was found."""

    case: CaseRef
    stage: Stage
    relations: tuple[Relation, ...]
    """What you are to it."""
    identity: IdentityView | None
    """Whom it is about, if you may know."""


class SearchResult(Model):
    """What was found among what you may see. A child that is hidden from you and one that does not exist look the same."""

    items: tuple[SearchHit, ...]
    more: bool
    """There are more: write more of the name."""


class DocumentContentView(DocumentView):
    """A document with what it is called."""

    title: str


class DocumentList(Model):
    """The documents of a case that you may see at this moment."""

    case: CaseRef
    basis: str
    items: tuple[DocumentContentView, ...]
    next: str | None = None
    """The cursor of the next page, if there is one."""


class DatedGuardian(GuardianView):
    """A guardian, from when and until when."""

    since: date | None
    until: date | None
    """The last day."""
    responsible: bool
    """Today."""


class GuardianList(Model):
    """Everybody who has, had or will have parental responsibility."""

    case: CaseRef
    items: tuple[DatedGuardian, ...]
    next: str | None = None
    """The cursor of the next page, if there is one."""
