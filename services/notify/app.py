"""The notify service put together: nothing is decided here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.notify import __doc__ as about
from services.notify.api import router
from services.notify.asked import REMINDER, Asked
from services.notify.consumers import inbox
from services.notify.contacts import Contacts
from services.notify.domain.deadline import Step
from services.notify.handlers import Teller
from services.notify.mail import Smtp
from services.notify.people import Desk
from services.notify.post import Post, Terms
from services.notify.settings import NotifySettings
from services.notify.texts import Texts
from shared.lifecycle import Definition, Kit, Parts

MIGRATIONS: Final = Path(__file__).with_name("migrations")


async def compose(kit: Kit[NotifySettings]) -> Parts:
    """Return the service's parts.

    Raises:
        TextError: a text is missing in one of the languages.
        OSError: the file of certificates cannot be read.
    """
    settings = kit.settings
    texts = Texts()
    mails = settings.smtp_host is not None
    teller = Teller(texts, default=settings.notify_language, mails=mails)
    contacts = Contacts(
        kit.http,
        cases_url=str(settings.cases_url),
        issuer=settings.oidc_issuer,
        token_url=None if settings.oidc_token_url is None else str(settings.oidc_token_url),
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
    )
    post = Post(
        kit.pool,
        journal=kit.journal,
        clock=kit.clock,
        ids=kit.ids,
        teller=teller,
        texts=texts,
        terms=Terms(
            sender=settings.smtp_from,
            app_url=str(settings.app_url),
            first_pause=settings.delivery_first_pause,
            hours=settings.delivery_hours,
        ),
        contacts=contacts.of_case,
        watch=contacts.watch_of,
        send=Smtp(settings).send if mails else None,
    )
    app = kit.app(title="Lagspill notify", version="1", routers=[router], description=about or "")
    app.state.desk = Desk(pool=kit.pool, journal=kit.journal, ids=kit.ids, texts=texts, teller=teller)
    return Parts(
        app,
        inboxes=[inbox(teller)],
        deadlines={**dict.fromkeys(map(str, Step), teller.on_step), REMINDER: Asked(teller).on_reminder},
        runners=[post],
    )


SERVICE: Final = Definition("notify", NotifySettings, MIGRATIONS, compose)
