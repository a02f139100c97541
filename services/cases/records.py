"""What the vault keeps of a case: who the child is, who its guardians are, and every word. Nothing else in the service holds these.

The owner of all records is the case, so one data key opens, and one shredding closes, all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from pydantic import AwareDatetime

from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass, InformationCategory, Language
from shared.db import Connection
from shared.errors import NotFoundError
from shared.refs import (
    ALPHABET,
    LENGTH,
    ActorId,
    CaseRef,
    ChildViewRef,
    ConcernRef,
    ConcernReportRef,
    ConsentRef,
    DocumentRef,
    FormRef,
    GlassRef,
    GoalRef,
    HandoverRef,
    OverrideRef,
    RecordRef,
    UnitId,
)
from shared.vault import LookupKind, ShreddedError, Vault

_REF: Final = re.compile(rf"[a-z]{{3}}_[{ALPHABET}]{{{LENGTH}}}")
_CHILD: Final = "child"
_GUARDIANS: Final = "guardians"
_TITLE: Final = "document-title/"
_EVIDENCE: Final = "evidence/"
_WISH: Final = "wish/"
_SAID: Final = "evidence-of/"
CONCERN: Final = "concern"
OBSERVATION: Final = "observation/"
VIEW: Final = "view/"
GOAL: Final = "goal/"
STRENGTHS: Final = "strengths/"
"""What a measure builds on: of the goal that it was put in with."""
RECORD: Final = "record/"
CONTRIBUTION: Final = "contribution/"
COPIED: Final = (CONCERN, OBSERVATION, VIEW, GOAL, STRENGTHS, RECORD, CONTRIBUTION)
"""The texts in a family's copy: what is written of the child, and what a service is asked about it (GDPR art. 15).

The words of a rejected handover are not among them: they are of the receiver's work, for whoever sent it.
"""
BROUGHT: Final = (CONCERN, OBSERVATION, VIEW, GOAL, STRENGTHS, RECORD, "form/", "form-field/")
"""The texts that go with a case to another municipality."""
APART: Final = "as-it-was"
"""What is kept of a case that goes on elsewhere for whoever must still judge it; by a reference and a key of its own."""


def approval_step(version: int, ordinal: int) -> str:
    """Return under which name it is kept how a guardian approved a version of a form."""
    return f"approval-{version}-{ordinal}"


class Child(Model):
    """Who the case is about."""

    name: str
    national_number: str
    born: date


class Sought(Model):
    """Whom somebody looks for: by one of the two."""

    name: str | None = None
    national_number: str | None = None


class Guardian(Model):
    """One of those with parental responsibility, in a fixed order."""

    ordinal: int
    name: str
    national_number: str
    actor: ActorId
    language: Language
    email: str | None = None
    phone: str | None = None
    since: date | None = None
    """The first day of parental responsibility; none: since before the case was registered."""
    until: date | None = None
    """The last day of it."""

    def responsible_on(self, day: date) -> bool:
        """Return whether this guardian has parental responsibility on `day` in Norway."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Said(Model):
    """Whose answer a note is of, and when it was noted. It is in the vault alone: no event of a withdrawal says who withdrew."""

    grantor: GrantorClass
    ordinal: int
    """0: it was not said which of that class."""
    at: AwareDatetime


class _Guardians(Model):
    guardians: tuple[Guardian, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the vault, in the clear only while it is being answered."""

    record: str
    category: InformationCategory
    text: str


class Records:
    """The vault, in the words of this service."""

    def __init__(self, vault: Vault) -> None:
        """Keep everything in `vault`."""
        self._vault = vault

    async def keep_family(self, conn: Connection, case: CaseRef, child: Child, guardians: Sequence[Guardian]) -> None:
        """Keep who the case is about, and make it findable by keyed hashes."""
        await self._put(conn, case, _CHILD, InformationCategory.IDENTITY, child.model_dump_json())
        family = _Guardians(guardians=tuple(guardians))
        await self._put(conn, case, _GUARDIANS, InformationCategory.CONTACT, family.model_dump_json())
        await self._index(conn, case, child)

    async def _index(self, conn: Connection, case: CaseRef, child: Child) -> None:
        await self._vault.index(conn, kind=LookupKind.NATIONAL_NUMBER, value=child.national_number, owner=case)
        await self._vault.index(conn, kind=LookupKind.NAME, value=child.name, owner=case)
        await self._vault.index_name(conn, name=child.name, owner=case)

    async def reindex(self, conn: Connection, case: CaseRef) -> None:
        """Make what a case is found by anew, from what the vault has of the child. Inside a transaction.

        Raises:
            ShreddedError: it has been erased.
        """
        child = await self.child(conn, case)
        await self._vault.forget_lookups(conn, owner=case)
        await self._index(conn, case, child)

    async def find(self, conn: Connection, sought: Sought, limit: int) -> list[CaseRef]:
        """Return at most `limit` cases of children with this number or name; one query, whatever there is to find."""
        if sought.national_number is not None:
            number = sought.national_number
            owners = await self._vault.find(conn, kind=LookupKind.NATIONAL_NUMBER, value=number)
        else:
            owners = await self._vault.find_named(conn, name=sought.name or "", limit=limit)
        return [CaseRef(owner) for owner in owners[:limit]]

    async def children(self, conn: Connection, cases: Sequence[CaseRef]) -> dict[CaseRef, Child]:
        """Return who each of the cases is about, in one query; an erased one is left out."""
        found = await self._vault.read_each(conn, owners=cases, record=_CHILD)
        return {CaseRef(owner): Child.model_validate_json(content) for owner, content in found.items()}

    async def child(self, conn: Connection, case: CaseRef) -> Child:
        """Return who the case is about.

        Raises:
            ShreddedError: it has been erased.
        """
        return Child.model_validate_json(await self._vault.get(conn, owner=case, record=_CHILD))

    async def guardians(self, conn: Connection, case: CaseRef) -> tuple[Guardian, ...]:
        """Return everybody who has, had or will have parental responsibility, in their order.

        Raises:
            ShreddedError: it has been erased.
        """
        content = await self._vault.get(conn, owner=case, record=_GUARDIANS)
        return _Guardians.model_validate_json(content).guardians

    async def keep_guardians(self, conn: Connection, case: CaseRef, guardians: Sequence[Guardian]) -> None:
        """Keep the guardians anew, with their dates."""
        family = _Guardians(guardians=tuple(sorted(guardians, key=lambda one: one.ordinal)))
        await self._put(conn, case, _GUARDIANS, InformationCategory.CONTACT, family.model_dump_json())

    async def keep_decision(self, conn: Connection, case: CaseRef, name: str, text: str) -> None:
        """Keep what a change of parental responsibility rests on, in words."""
        await self._put(conn, case, f"decision/{name}", InformationCategory.CONTACT, text)

    async def correct_child(self, conn: Connection, case: CaseRef, before: Child, after: Child, at: datetime) -> None:
        """Keep who the child is anew, and what was kept before beside it; it is found by what is right."""
        wrong = f"{_CHILD}-before/{at.isoformat()}"
        await self._put(conn, case, wrong, InformationCategory.IDENTITY, before.model_dump_json())
        await self._put(conn, case, _CHILD, InformationCategory.IDENTITY, after.model_dump_json())
        await self.reindex(conn, case)

    async def carry_over(
        self, conn: Connection, old: CaseRef, new: CaseRef, renamed: Callable[[str], str], *, but: str
    ) -> None:
        """Keep everything of `old` under `new`, sealed anew; references in the records' names are changed by `renamed`.

        All `but` the records with names that begin so: in their words there are references of the old case.
        """
        for one in await self._vault.read(conn, owner=old):
            if one.record.startswith(but):
                continue
            name = "/".join(renamed(part) if _REF.fullmatch(part) else part for part in one.record.split("/"))
            await self._vault.put(conn, owner=new, record=name, category=one.category, content=one.content)
        await self._index(conn, new, await self.child(conn, new))

    async def guardians_on(self, conn: Connection, case: CaseRef, day: date) -> tuple[Guardian, ...]:
        """Return who has parental responsibility on `day`, in their order.

        Raises:
            ShreddedError: it has been erased.
        """
        return tuple(one for one in await self.guardians(conn, case) if one.responsible_on(day))

    async def keep_concern(
        self, conn: Connection, case: CaseRef, text: str, observations: dict[InformationCategory, str]
    ) -> None:
        """Keep what made somebody worried, and what was seen, by category."""
        await self._put(conn, case, CONCERN, InformationCategory.CONCERN, text)
        for category, seen in observations.items():
            await self._put(conn, case, OBSERVATION + category, category, seen)

    async def keep_vocabulary(
        self,
        conn: Connection,
        case: CaseRef,
        *,
        criteria: frozenset[str],
        family_frame: frozenset[str],
        under: str = "",
    ) -> None:
        """Keep by which criteria somebody became concerned, and what of the family's frame matters (seed rules 83, 105)."""
        if criteria:
            listed = ", ".join(sorted(criteria))
            await self._put(conn, case, f"{CONCERN}/{under}criteria", InformationCategory.CONCERN, listed)
        if family_frame:
            listed = ", ".join(sorted(family_frame))
            await self._put(conn, case, f"{OBSERVATION}{under}frame", InformationCategory.FAMILY, listed)

    async def keep_further(
        self,
        conn: Connection,
        case: CaseRef,
        concern: ConcernRef,
        text: str,
        observations: dict[InformationCategory, str],
        *,
        criteria: frozenset[str],
        family_frame: frozenset[str],
    ) -> None:
        """Keep a further concern about the same child beside the first."""
        await self._put(conn, case, f"{CONCERN}/{concern}", InformationCategory.CONCERN, text)
        for category, seen in observations.items():
            await self._put(conn, case, f"{OBSERVATION}{concern}/{category}", category, seen)
        await self.keep_vocabulary(conn, case, criteria=criteria, family_frame=family_frame, under=f"{concern}/")

    async def concern(self, conn: Connection, case: CaseRef, concern: ConcernRef) -> str:
        """Return what made somebody worried, in words: the one that began the case, or one that joined it.

        Raises:
            ShreddedError: it has been erased.
        """
        further = await self._text(conn, case, f"{CONCERN}/{concern}")
        return further if further is not None else (await self._vault.get(conn, owner=case, record=CONCERN)).decode()

    async def cases_of(self, conn: Connection, number: str) -> list[CaseRef]:
        """Return the cases about the child with this national number, found by its keyed hash."""
        return [CaseRef(one) for one in await self._vault.find(conn, kind=LookupKind.NATIONAL_NUMBER, value=number)]

    async def hold_child(self, conn: Connection, number: str) -> None:
        """Let nobody else decide whether this child's address is protected until the transaction ends."""
        mark = self._vault.lookup(LookupKind.NATIONAL_NUMBER, number)
        await conn.execute("SELECT pg_advisory_xact_lock($1)", int.from_bytes(mark[:8], "big", signed=True))

    async def keep_view(self, conn: Connection, case: CaseRef, view: ChildViewRef, text: str) -> None:
        """Keep what the child said."""
        await self._put(conn, case, VIEW + view, InformationCategory.CHILD_VIEW, text)

    async def keep_goal(
        self, conn: Connection, case: CaseRef, goal: GoalRef, text: str, strengths: str | None = None
    ) -> None:
        """Keep a measure's goal, and what it builds on of the child's and the family's strengths (seed rules 88, 92)."""
        await self._put(conn, case, GOAL + goal, InformationCategory.MEASURES, text)
        if strengths is not None:
            await self._put(conn, case, STRENGTHS + goal, InformationCategory.MEASURES, strengths)

    async def keep_evidence(
        self, conn: Connection, case: CaseRef, what: ConsentRef | FormRef, step: str, text: str, said: Said
    ) -> None:
        """Keep how a consent or an approval was given or withdrawn, and by whom (GDPR art. 7: demonstrable)."""
        await self._put(conn, case, f"{_EVIDENCE}{what}/{step}", InformationCategory.CONTACT, text)
        await self.keep_said(conn, case, what, step, said)

    async def keep_wish(self, conn: Connection, case: CaseRef, name: str, text: str, said: Said) -> None:
        """Keep how somebody in the family said what they want, and who; `name` is another for each wish."""
        await self._put(conn, case, f"{_WISH}{name}", InformationCategory.CONTACT, text)
        await self._put(conn, case, f"{_SAID}{_WISH}{name}", InformationCategory.CONTACT, said.model_dump_json())

    async def keep_said(
        self, conn: Connection, case: CaseRef, what: ConsentRef | FormRef, step: str, said: Said
    ) -> None:
        """Keep whose answer a note is of."""
        await self._put(conn, case, f"{_SAID}{what}/{step}", InformationCategory.CONTACT, said.model_dump_json())

    async def evidence(self, conn: Connection, case: CaseRef) -> dict[str, tuple[str, Said | None]]:
        """Return every note of how something was answered or wanted, by what and at which step, and whose it was, where known."""
        contact = frozenset({InformationCategory.CONTACT})
        said = {
            one.record.removeprefix(_SAID): Said.model_validate_json(one.text)
            for one in await self.texts(conn, case, contact, (_SAID,))
        }
        notes = await self.texts(conn, case, contact, (_EVIDENCE, _WISH))
        return {(name := one.record.removeprefix(_EVIDENCE)): (one.text, said.get(name)) for one in notes}

    async def keep_override(self, conn: Connection, case: CaseRef, override: OverrideRef, text: str) -> None:
        """Keep why confidentiality was overridden, in words."""
        await self._put(conn, case, f"override/{override}", InformationCategory.CONCERN, text)

    async def override(self, conn: Connection, case: CaseRef, override: OverrideRef) -> str:
        """Return why confidentiality was overridden, in words.

        Raises:
            ShreddedError: it has been erased.
        """
        try:
            return (await self._vault.get(conn, owner=case, record=f"override/{override}")).decode()
        except ShreddedError:
            apart = await self._text(conn, override, APART)
            if apart is None:
                raise
            return apart

    async def keep_reason_apart(
        self, conn: Connection, case: CaseRef, decided: OverrideRef | GlassRef, record: str
    ) -> None:
        """Keep why something was shared or opened under its own reference, with a key of its own."""
        text = await self._text(conn, case, f"{record}/{decided}")
        if text is not None:
            await self._put(conn, decided, APART, InformationCategory.CONCERN, text)

    async def shred_reason(self, conn: Connection, decided: OverrideRef | GlassRef) -> None:
        """Destroy the key of a reason that is kept apart. One that never was is closed as well."""
        await self._vault.shred(conn, owner=decided)

    async def keep_destination(self, conn: Connection, case: CaseRef, handover: HandoverRef, unit: UnitId) -> None:
        """Keep to which unit a handover was sent: the events of an address-protected case do not say it."""
        await self._put(conn, case, f"destination/{handover}", InformationCategory.CONTACT, unit)

    async def destination(self, conn: Connection, case: CaseRef, handover: HandoverRef) -> UnitId | None:
        """Return to which unit a handover was sent, if it was kept."""
        unit = await self._text(conn, case, f"destination/{handover}")
        return None if unit is None else UnitId(unit)

    async def keep_coordinates_from(self, conn: Connection, case: CaseRef, actor: ActorId, unit: UnitId) -> None:
        """Keep in which unit whoever coordinates an address-protected case works: no event says it."""
        await self._put(conn, case, f"coordinates-from/{actor}", InformationCategory.CONTACT, unit)

    async def coordinates_from(self, conn: Connection, case: CaseRef, actor: ActorId) -> UnitId | None:
        """Return in which unit whoever coordinates it works, if it was kept."""
        unit = await self._text(conn, case, f"coordinates-from/{actor}")
        return None if unit is None else UnitId(unit)

    async def keep_reported_from(self, conn: Connection, case: CaseRef, report: ConcernReportRef, unit: UnitId) -> None:
        """Keep in which unit whoever reported an address-protected case to child welfare works: no event says it."""
        await self._put(conn, case, f"reported-from/{report}", InformationCategory.CONTACT, unit)

    async def reported_from(self, conn: Connection, case: CaseRef, report: ConcernReportRef) -> UnitId | None:
        """Return in which unit whoever reported it works, if it was kept."""
        unit = await self._text(conn, case, f"reported-from/{report}")
        return None if unit is None else UnitId(unit)

    async def shred(self, conn: Connection, case: CaseRef) -> None:
        """Destroy the case's key: nothing of it can be read again, and nothing more can be kept about it."""
        await self._vault.shred(conn, owner=case)

    async def bring(
        self,
        conn: Connection,
        before: CaseRef,
        case: CaseRef,
        categories: frozenset[InformationCategory],
        beside: Sequence[Text],
    ) -> None:
        """Seal what a case held in those categories, and some texts `beside`, under another case's own key.

        There it is what was observed before it came.
        """
        texts = await self.texts(conn, before, categories, BROUGHT)
        for nth, text in enumerate([*texts, *beside], start=1):
            await self._put(conn, case, f"{OBSERVATION}received-{nth}", text.category, text.text)

    async def keep_place(self, conn: Connection, case: CaseRef, unit: UnitId) -> None:
        """Keep which unit has an address-protected case: its events do not say it."""
        await self._put(conn, case, "place", InformationCategory.CONTACT, unit)

    async def place(self, conn: Connection, case: CaseRef) -> UnitId | None:
        """Return which unit has an address-protected case, if it was kept."""
        unit = await self._text(conn, case, "place")
        return None if unit is None else UnitId(unit)

    async def keep_rejection(self, conn: Connection, case: CaseRef, handover: HandoverRef, text: str) -> None:
        """Keep why a handover was rejected, in words."""
        await self._put(conn, case, f"rejection/{handover}", InformationCategory.PLAN, text)

    async def rejection(self, conn: Connection, case: CaseRef, handover: HandoverRef) -> str | None:
        """Return why a handover was rejected, in words, if words were given."""
        return await self._text(conn, case, f"rejection/{handover}")

    async def keep_glass(self, conn: Connection, case: CaseRef, glass: GlassRef, unit: UnitId, text: str) -> None:
        """Keep why a case was opened in an emergency, in words, and where whoever did so works."""
        await self._put(conn, case, f"glass/{glass}", InformationCategory.CONCERN, text)
        await self._put(conn, case, f"glass-unit/{glass}", InformationCategory.CONTACT, unit)

    async def glass_unit(self, conn: Connection, case: CaseRef, glass: GlassRef) -> UnitId | None:
        """Return where whoever opened it works; none when the case is erased."""
        unit = await self._text(conn, case, f"glass-unit/{glass}")
        return None if unit is None else UnitId(unit)

    async def glass_words(self, conn: Connection, case: CaseRef, glass: GlassRef) -> str | None:
        """Return why it was opened, in words, from its case's vault or its own; none when the case is erased."""
        words = await self._text(conn, case, f"glass/{glass}")
        return words if words is not None else await self._text(conn, glass, APART)

    async def keep_record(
        self,
        conn: Connection,
        case: CaseRef,
        record: RecordRef,
        version: int,
        category: InformationCategory,
        text: str,
    ) -> None:
        """Keep a version of something that was recorded; the versions of before stay."""
        await self._put(conn, case, f"{RECORD}{version:06}/{record}", category, text)

    async def keep_title(
        self, conn: Connection, case: CaseRef, document: DocumentRef, category: InformationCategory, title: str
    ) -> None:
        """Keep what a document is called."""
        await self._put(conn, case, f"{_TITLE}{document}", category, title)

    async def titles(self, conn: Connection, case: CaseRef) -> dict[DocumentRef, str]:
        """Return what the case's documents are called; whoever asks shows those that the reader may see."""
        texts = await self.texts(conn, case, frozenset(InformationCategory), (_TITLE,))
        return {DocumentRef(text.record.removeprefix(_TITLE)): text.text for text in texts}

    async def keep_form(
        self, conn: Connection, case: CaseRef, form: FormRef, version: int, content: dict[InformationCategory, str]
    ) -> None:
        """Keep one version of a form, one record for each category, so that a reader gets those that it may have."""
        for category, text in content.items():
            await self._put(conn, case, f"form/{form}/{version}/{category}", category, text)

    async def keep_answers(
        self,
        conn: Connection,
        case: CaseRef,
        form: FormRef,
        version: int,
        answers: dict[tuple[InformationCategory, str], str],
    ) -> None:
        """Keep one version of a form field by field, each in its category."""
        for (category, code), text in answers.items():
            await self._put(conn, case, f"form-field/{form}/{version}/{code}", category, text)

    async def answers(
        self, conn: Connection, case: CaseRef, form: FormRef, version: int, categories: frozenset[InformationCategory]
    ) -> dict[str, Text]:
        """Return the answers of a form's version in those categories, by the code of the field."""
        texts = await self.texts(conn, case, categories, (f"form-field/{form}/{version}/",))
        return {text.record.rpartition("/")[2]: text for text in texts}

    async def form(
        self,
        conn: Connection,
        case: CaseRef,
        form: FormRef,
        version: int,
        categories: frozenset[InformationCategory],
    ) -> dict[InformationCategory, str]:
        """Return those categories of a form's version."""
        texts = await self.texts(conn, case, categories, (f"form/{form}/{version}/",))
        return {text.category: text.text for text in texts}

    async def texts(
        self,
        conn: Connection,
        case: CaseRef,
        categories: frozenset[InformationCategory],
        kinds: tuple[str, ...] = (CONCERN, OBSERVATION, VIEW, GOAL, STRENGTHS, RECORD),
    ) -> list[Text]:
        """Return the texts of these kinds, in these categories, in the order of their names; of a record its last version."""
        found: dict[str, Text] = {}
        for one in await self._vault.read(conn, owner=case, categories=categories):
            if one.record.startswith(kinds):
                # A record's later version comes later, and takes the place of the one before.
                name = one.record.rpartition("/")[2] if one.record.startswith(RECORD) else one.record
                found[name] = Text(one.record, InformationCategory(one.category), one.content.decode())
        return list(found.values())

    async def _text(self, conn: Connection, owner: CaseRef | OverrideRef | GlassRef, record: str) -> str | None:
        try:
            return (await self._vault.get(conn, owner=owner, record=record)).decode()
        except NotFoundError:
            return None

    async def _put(
        self,
        conn: Connection,
        owner: CaseRef | OverrideRef | GlassRef,
        record: str,
        category: InformationCategory,
        text: str,
    ) -> None:
        await self._vault.put(conn, owner=owner, record=record, category=category, content=text.encode())
