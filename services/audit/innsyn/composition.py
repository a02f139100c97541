"""What the innsyn report consists of in a running service."""

from __future__ import annotations

from services.audit.innsyn.codelists import read_codelists
from services.audit.innsyn.entries import CaseEntries
from services.audit.innsyn.handlers import InnsynDesk
from services.audit.innsyn.names import HttpDirectory, NoDirectory
from services.audit.innsyn.rights import Rights
from services.audit.settings import AuditSettings
from services.audit.witnesses import Witnesses
from shared.db import Pool
from shared.lifecycle import Kit


def compose_innsyn(kit: Kit[AuditSettings], *, reader: Pool, witnesses: Witnesses) -> InnsynDesk:
    """Return the report's desk; `reader` are connections of the role that may only read.

    Raises:
        CodeListError: a code list cannot be used.
    """
    settings = kit.settings
    url = settings.innsyn_names_url
    return InnsynDesk(
        entries=CaseEntries(reader, kit.authenticator.known),
        journal=kit.journal,
        rights=Rights(kit.http, settings.cases_url),
        names=NoDirectory() if url is None else HttpDirectory(kit.http, url, settings.innsyn_names_token),
        lists=read_codelists(settings.codelists),
        ids=kit.ids,
        contact=settings.innsyn_contact,
        witnesses=witnesses,
    )
