"""The meetings service put together: nothing is decided here."""

from __future__ import annotations

import hashlib
import hmac
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from services.meetings import __doc__ as about
from services.meetings import visit_store
from services.meetings.api import router
from services.meetings.around_child_consumers import AROUND_CHILDREN
from services.meetings.calendar_api import PUBLIC
from services.meetings.calendar_api import router as calendar_router
from services.meetings.configuration import read_consent_basis, read_profiles
from services.meetings.consultation_api import router as consultation_router
from services.meetings.consumers import INBOX
from services.meetings.domain.visiting import PublicPage, month_of
from services.meetings.entered_api import router as entered_router
from services.meetings.figure_consumers import FIGURES
from services.meetings.guide_api import PUBLIC as GUIDES
from services.meetings.guide_api import router as guide_router
from services.meetings.handlers import (
    calendars,
    consultations,
    deviations,
    figure_duties,
    lifting,
    report_duties,
    surveys,
)
from services.meetings.handlers.desk import Desk
from services.meetings.handlers.meetings import define_arenas
from services.meetings.kin import Kin
from services.meetings.register_api import router as register_router
from services.meetings.report_api import router as report_router
from services.meetings.settings import MeetingsSettings
from services.meetings.survey_api import router as survey_router
from services.meetings.visits import Visits
from services.meetings.year_api import router as year_router
from shared.clock import oslo_day
from shared.keys import VaultKeyError
from shared.lifecycle import Definition, Kit, Parts
from shared.vault import Vault

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def create_desk(kit: Kit[MeetingsSettings]) -> Desk:
    """Return the handlers' means.

    Raises:
        VaultKeyError: VAULT_KEY or LOOKUP_KEY is missing or not usable.
        ProfileError, CodeListError: what the municipalities decided cannot be used.
    """
    settings = kit.settings
    if settings.lookup_key is None:
        raise VaultKeyError("this service has a vault: set LOOKUP_KEY or LOOKUP_KEY_FILE")
    return Desk(
        pool=kit.pool,
        journal=kit.journal,
        vault=Vault.from_settings(settings),
        ids=kit.ids,
        profiles=read_profiles(settings.municipalities_folder),
        consent_basis=read_consent_basis(settings.codelists_folder),
        # Keys of their own, so that no lookup is ever the same as one of these.
        blind_key=_key_for(settings.lookup_key, b"meetings anonymous commands"),
        calendar_key=_key_for(settings.lookup_key, b"meetings calendar addresses"),
        voice_key=_key_for(settings.lookup_key, b"meetings families' answers"),
        kin=Kin(kit.http, settings.cases_url),
        known=kit.authenticator.known,
        visits=Visits(kit.pool),
    )


def _key_for(key: SecretStr, use: bytes) -> bytes:
    return hmac.digest(key.get_secret_value().encode(), use, hashlib.sha256)


async def compose(kit: Kit[MeetingsSettings]) -> Parts:
    """Return the service's parts: arenas defined, reports and figures expected, looks promised, visits counted, by the profiles."""
    desk = create_desk(kit)
    await define_arenas(desk, kit.clock.now())
    await report_duties.expect_reports(desk, kit.clock.now())
    await figure_duties.expect_figures(desk, kit.clock.now())
    await deviations.promise_looks(desk, kit.clock.now())
    public = [profile.scope for profile in desk.profiles.values() if profile.guide is not None]
    await visit_store.begin(kit.pool, public, PublicPage.GUIDE, month_of(oslo_day(kit.clock.now())))
    app = kit.app(
        title="Lagspill meetings",
        version="1",
        routers=[
            router,
            year_router,
            calendar_router,
            consultation_router,
            survey_router,
            report_router,
            register_router,
            guide_router,
            entered_router,
        ],
        description=about or "",
        public=(*PUBLIC, *GUIDES),
        unlinked=True,
    )
    app.state.desk = desk
    return Parts(
        app,
        inboxes=[INBOX, FIGURES, AROUND_CHILDREN],
        deadlines={
            **consultations.deadlines(),
            **surveys.deadlines(desk.vault, desk.profiles),
            **report_duties.deadlines(desk.profiles),
            **deviations.deadlines(desk.profiles),
            **figure_duties.deadlines(desk.profiles),
            **lifting.deadlines(desk),
            calendars.LEFT: partial(calendars.on_left, desk),
        },
        runners=[desk.visits],
    )


SERVICE: Final = Definition("meetings", MeetingsSettings, MIGRATIONS, compose)
