"""What the vault keeps of the work around the child: goals, questions, wishes, language needs, and concern reports."""

from __future__ import annotations

from typing import Final

from services.cases.records import CONTRIBUTION
from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass, InformationCategory
from shared.contracts.team import ReasonCode
from shared.db import Connection
from shared.errors import NotFoundError
from shared.refs import CaseRef, ConcernReportRef, ContributionRef, GoalRef
from shared.vault import RecordMissingError, Vault

GOAL: Final = "goal/"
"""As a measure's goal: what all in the team work for is read with the child's dossier, by whoever may read the plan."""
REPORT: Final = "report/"
REPORT_VIEW: Final = "report-view/"
"""What the child said before a report; it is in no dossier."""
REPORT_SENT: Final = "report-sent/"
"""A report as it went to child welfare, with whom it named then: what is corrected later was not sent."""
APART: Final = "as-sent"


class KeptNeed(Model):
    """How one of the family is spoken with, and what they read (seed rule 146)."""

    person: GrantorClass
    ordinal: int
    language: str
    """BCP 47."""
    interpreter: ReasonCode
    """`none`, `spoken`, `sign`, `tactile-sign` or `written`."""
    written_material: bool
    """Whether written material is wanted in that language."""


class KeptReport(Model):
    """A concern report as it was written."""

    ground: str
    text: str
    guardians_informed: bool
    not_informed_because: str | None
    child_said: str | None
    child_heard_by: str | None
    not_heard_because: str | None


class TeamRecords:
    """The vault, in the words of the work around the child. The owner of all records is the case."""

    def __init__(self, vault: Vault) -> None:
        """Keep everything in `vault`."""
        self._vault = vault

    async def keep(
        self, conn: Connection, case: CaseRef, record: str, category: InformationCategory, text: str
    ) -> None:
        """Keep one text."""
        await self._vault.put(conn, owner=case, record=record, category=category, content=text.encode())

    async def keep_goals(self, conn: Connection, case: CaseRef, goals: dict[GoalRef, str]) -> None:
        """Keep the words of the team's or the plan's goals."""
        for goal, text in goals.items():
            await self.keep(conn, case, f"{GOAL}{goal}", InformationCategory.PLAN, text)

    async def goals(
        self, conn: Connection, case: CaseRef, goals: tuple[GoalRef, ...], categories: frozenset[InformationCategory]
    ) -> dict[GoalRef, str]:
        """Return the words of those of `goals` that are kept here in one of `categories`."""
        wanted = {f"{GOAL}{goal}": goal for goal in goals}
        return {
            wanted[one.record]: one.content.decode()
            for one in await self._vault.read(conn, owner=case, categories=categories)
            if one.record in wanted
        }

    async def keep_question(self, conn: Connection, case: CaseRef, contribution: ContributionRef, text: str) -> None:
        """Keep what a service is asked for."""
        await self.keep(conn, case, f"{CONTRIBUTION}{contribution}", InformationCategory.PLAN, text)

    async def question(self, conn: Connection, case: CaseRef, contribution: ContributionRef) -> str:
        """Return what a service is asked for.

        Raises:
            ShreddedError: it has been erased.
        """
        return (await self._vault.get(conn, owner=case, record=f"{CONTRIBUTION}{contribution}")).decode()

    async def keep_need(self, conn: Connection, case: CaseRef, need: KeptNeed) -> None:
        """Keep how one of the family is spoken with."""
        record = f"language/{need.person}-{need.ordinal}"
        await self.keep(conn, case, record, InformationCategory.CONTACT, need.model_dump_json())

    async def needs(self, conn: Connection, case: CaseRef) -> list[KeptNeed]:
        """Return how the family is spoken with."""
        kept = await self._vault.read(conn, owner=case, categories=frozenset({InformationCategory.CONTACT}))
        return [KeptNeed.model_validate_json(one.content) for one in kept if one.record.startswith("language/")]

    async def keep_report(self, conn: Connection, case: CaseRef, report: ConcernReportRef, content: KeptReport) -> None:
        """Keep a concern report."""
        await self.keep(conn, case, f"{REPORT}{report}", InformationCategory.CONCERN, content.model_dump_json())

    async def keep_sent(self, conn: Connection, case: CaseRef, report: ConcernReportRef, document: str) -> None:
        """Keep a report as it goes to child welfare."""
        await self.keep(conn, case, f"{REPORT_SENT}{report}", InformationCategory.CONCERN, document)

    async def sent(self, conn: Connection, case: CaseRef, report: ConcernReportRef) -> bytes | None:
        """Return a report as it went, if it has gone since that is kept.

        Raises:
            ShreddedError: it has been erased.
        """
        try:
            return await self._vault.get(conn, owner=case, record=f"{REPORT_SENT}{report}")
        except RecordMissingError:
            return None

    async def keep_apart(self, conn: Connection, report: ConcernReportRef, document: str) -> None:
        """Keep a report as it was sent under its own reference, with a key of its own."""
        await self._vault.put(
            conn, owner=report, record=APART, category=InformationCategory.CONCERN, content=document.encode()
        )

    async def apart(self, conn: Connection, report: ConcernReportRef) -> bytes | None:
        """Return a report as it was sent, if it is kept apart from its case."""
        try:
            return await self._vault.get(conn, owner=report, record=APART)
        except NotFoundError:
            return None

    async def shred_report(self, conn: Connection, report: ConcernReportRef) -> None:
        """Destroy the key of a report that is kept apart. One that never was is closed as well."""
        await self._vault.shred(conn, owner=report)

    async def report(self, conn: Connection, case: CaseRef, report: ConcernReportRef) -> KeptReport:
        """Return a concern report.

        Raises:
            ShreddedError: it has been erased.
        """
        content = await self._vault.get(conn, owner=case, record=f"{REPORT}{report}")
        return KeptReport.model_validate_json(content)
