"""What stands in a copy: the machine-readable file, which the page for people is made from."""

from __future__ import annotations

from datetime import date, datetime

from services.cases.contents import IdentityView, ObservationView
from services.cases.team_contents import NeedContent
from services.cases.views import CaseView, Categories, ToldView
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, Language
from shared.contracts.safekeeping import MediaType
from shared.refs import CaseRef, DocumentRef, FormRef


class OwnDetails(Model):
    """What the vault has of the guardian who asks; of nobody else."""

    name: str
    language: Language
    email: str | None
    phone: str | None
    since: date | None
    until: date | None


class CopiedDocument(Model):
    """A document, and where in the copy it lies."""

    document: DocumentRef
    title: str
    category: InformationCategory
    media: MediaType
    size: int
    file: str


class LeftDocument(Model):
    """A document that there is, and that is not in the copy: the scanner has found something harmful in it."""

    document: DocumentRef
    title: str
    category: InformationCategory


class CopiedAnswer(Model):
    """An answer to a field of the municipality's template."""

    category: InformationCategory
    text: str


class CopiedForm(Model):
    """The present version of a transition form."""

    form: FormRef
    version: int
    content: dict[InformationCategory, str]
    fields: dict[str, CopiedAnswer]
    """By the code of the field, where the municipality has a template."""


class Copy(Model):
    """Everything that concerns the child, as far as this person may have it."""

    case: CaseRef
    made_at: datetime
    basis: str
    section: str
    """The basis as a person reads it."""
    language: Language
    categories: Categories
    left_out: Categories
    """Kinds of information that another decides over, and that are not in the copy."""
    child: IdentityView
    you: OwnDetails | None
    spoken_with: NeedContent | None
    """How the reader is spoken with, if somebody noted it; of nobody else."""
    noted: tuple[str, ...]
    """How the reader's own answers were given, where somebody else recorded them, the oldest first."""
    course: CaseView
    records: tuple[ObservationView, ...]
    forms: tuple[CopiedForm, ...]
    documents: tuple[CopiedDocument, ...]
    documents_left_out: tuple[LeftDocument, ...]
    told: tuple[ToldView, ...]
    """Who outside the unit that holds the case has been told what."""
