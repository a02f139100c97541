"""What the cases service is made of, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.cases import coming_consumers, consumers
from services.cases.api import ROUTERS
from services.cases.channel import HttpChannel
from services.cases.codelists import read_glass_rules, read_rules
from services.cases.document_store import DocumentStore
from services.cases.family import Family
from services.cases.handlers.around import TeamDesk
from services.cases.handlers.desk import Desk
from services.cases.handlers.own_family import promise_marks
from services.cases.profile import read_cases_profiles
from services.cases.records import Records
from services.cases.settings import CasesSettings
from services.cases.team_lists import read_grounds, read_hearing
from services.cases.team_records import TeamRecords
from shared.actor_names import People
from shared.lifecycle import Definition, Kit, Parts
from shared.refs import CaseRef
from shared.scanning import Clamd
from shared.vault import Reindex, Vault


async def compose(kit: Kit[CasesSettings]) -> Parts:
    """Put the service together; what the cases' events do not say yet of who is of the family is promised.

    Raises:
        CodeListError, VaultKeyError, ProfileError: the settings do not lead to usable code lists, keys or profiles.
    """
    settings = kit.settings
    vault = Vault.from_settings(settings)
    profiles = read_cases_profiles(settings.municipalities_folder)
    desk = Desk(
        pool=kit.pool,
        journal=kit.journal,
        records=Records(vault),
        rules=read_rules(settings.codelists).model_copy(update={"served": frozenset(profiles)}),
        profiles=profiles,
        glass=read_glass_rules(settings.codelists),
        documents=DocumentStore(kit.pool, vault),
        scanner=None if settings.clamd_address is None else Clamd(settings.clamd_address),
        largest_document=settings.largest_document,
        team=TeamDesk(
            records=TeamRecords(vault),
            hearing=read_hearing(settings.codelists),
            grounds=read_grounds(settings.codelists),
            channel=None
            if settings.concern_report_url is None
            else HttpChannel(kit.http, str(settings.concern_report_url), settings.concern_report_token),
        ),
        ids=kit.ids,
        known=kit.authenticator.known,
        reaching_clients=settings.reaching_clients,
        directory_clients=settings.directory_clients,
        receipt_within=settings.receipt_within,
    )
    app = kit.app(
        title="Lagspill cases",
        version="1",
        routers=ROUTERS,
        streams=("/cases/{case}/documents",),
        description="Concerns, cases, consents, measures, handovers and transition forms around a child.",
    )
    app.state.desk = desk
    await promise_marks(desk, kit.clock.now())
    return Parts(app, inboxes=[consumers.inbox(desk), coming_consumers.INBOX], deadlines=consumers.deadlines(desk))


def _reindex(settings: CasesSettings, vault: Vault) -> Reindex:
    _ = settings
    records = Records(vault)
    return lambda conn, owner: records.reindex(conn, CaseRef(owner))


def _people(settings: CasesSettings, vault: Vault) -> People:
    _ = settings
    return Family(Records(vault))


SERVICE: Final = Definition(
    "cases", CasesSettings, Path(__file__).parent / "migrations", compose, reindex=_reindex, people=_people
)
