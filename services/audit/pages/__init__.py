"""The auditors' pages: HTML made here, without script; sign-in at the OIDC issuer; every look at entries an entry first.

    site = create_site(...)
    app = site.app(beside=the_programs_interface, ids=ids, metrics=metrics)

`/` and what lies under `/pages/` are theirs, every other path is the programs' interface.
"""

from __future__ import annotations

from collections.abc import Callable

from services.audit.exports.desk import ExportDesk
from services.audit.handlers import Desk
from services.audit.pages.entries import EntryPages
from services.audit.pages.exports import ExportPages
from services.audit.pages.findings import FindingPages
from services.audit.pages.logs import LogPages
from services.audit.pages.sessions import Sessions
from services.audit.pages.sign_in import Client, Provider
from services.audit.pages.site import Site
from services.audit.patterns.desk import FindingDesk
from services.audit.queries import Reader
from services.audit.settings import AuditSettings
from services.audit.witnesses import Witnesses
from shared.db import Pool
from shared.lifecycle import Kit

__all__ = ["create_site"]


def create_site(
    kit: Kit[AuditSettings],
    writer: Pool,
    reader: Reader,
    desk: Desk,
    findings: FindingDesk,
    exports: ExportDesk,
    witnesses: Witnesses,
    vkey: Callable[[str], str],
) -> Site:
    """Return the pages of the audit service.

    Args:
        kit: the service's surroundings.
        writer: connections of the role that writes: sessions are kept with them, and nothing else.
        reader: reads the logs.
        desk: admits to entries, and records each look.
        findings: the same of findings.
        exports: the same of exports.
        witnesses: tells how each log's witnesses stand to it.
        vkey: gives the newest public key of the log of this origin.
    """
    settings = kit.settings
    key = settings.pid_key.get_secret_value().encode()
    provider = None
    if settings.pages_client_id is not None:
        client = Client(
            settings.pages_client_id,
            settings.pages_client_secret,
            f"{settings.pages_url}/pages/callback",
            settings.pages_scope,
            settings.pages_resource,
        )
        provider = Provider(settings.oidc_issuer, client, kit.authenticator, kit.http, key)
    sessions = Sessions(writer, key, lifetime=settings.pages_session_seconds, idle=settings.pages_idle_seconds)
    site = Site(desk, sessions, provider, kit.clock, origin=settings.pages_url)
    LogPages(reader, desk, witnesses, site, vkey)
    FindingPages(findings, site)
    ExportPages(desk, exports, site)
    EntryPages(desk, site)
    return site
