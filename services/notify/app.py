"""The notify service put together: nothing is decided here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from services.notify import __doc__ as about
from services.notify import feed, letters
from services.notify.acknowledgements import DUE as RECEIPT_DUE
from services.notify.acknowledgements import Acknowledgements
from services.notify.api import router
from services.notify.asked import REMINDER, Asked
from services.notify.bounces import BounceDesk
from services.notify.consents import REMINDER as OVERRIDE_REMINDER
from services.notify.consents import ConsentEvents
from services.notify.consumers import inbox
from services.notify.contacts import Contacts
from services.notify.counts import Counts
from services.notify.courier import Courier, Pace
from services.notify.digital_post import FolderPost
from services.notify.domain.deadline import Step
from services.notify.domain.message import PostWay
from services.notify.domain.owed import FIGURES, REPORTS
from services.notify.domain.subscription import Allowed
from services.notify.emergencies import REMINDER as REVIEW_REMINDER
from services.notify.emergencies import Emergencies
from services.notify.figure_duties import FigureDuties
from services.notify.handlers import Teller
from services.notify.hearings import REMINDER as HEARING_REMINDER
from services.notify.hearings import Hearings
from services.notify.invitations import REMINDER as ANSWER_REMINDER
from services.notify.invitations import Invitations
from services.notify.mail import Smtp
from services.notify.people import Desk
from services.notify.post import Post, Terms
from services.notify.report_duties import ReportDuties
from services.notify.settings import NotifySettings
from services.notify.sms import HttpSms, Wording
from services.notify.subscribers import SubscriberDesk
from services.notify.subscription_api import router as subscriptions
from services.notify.texts import Texts
from services.notify.webhooks import LOOPBACK, Targets, Webhooks
from shared.contracts.notify import Way
from shared.lifecycle import Definition, Kit, Parts
from shared.vault import Vault

MIGRATIONS: Final = Path(__file__).with_name("migrations")


async def compose(kit: Kit[NotifySettings]) -> Parts:
    """Return the service's parts.

    Raises:
        TextError: a text is missing in one of the languages.
        OSError: the file of certificates cannot be read.
        VaultKeyError: there is no key to keep subscribers' secrets with.
    """
    settings, vault = kit.settings, Vault.from_settings(kit.settings)
    texts = Texts()
    mails = settings.smtp_host is not None
    sms = HttpSms(settings) if settings.sms_url is not None else None
    digital = FolderPost(settings.digital_post_folder) if settings.digital_post_folder is not None else None
    by_post: PostWay = Way.LETTER if digital is None else Way.DIGITAL_POST
    teller = Teller(
        texts,
        default=settings.notify_language,
        mails=mails,
        sms=sms is not None,
        letter_days=settings.letter_days,
    )
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
            letter_days=settings.letter_days,
        ),
        contacts=contacts.of_case,
        watch=contacts.watch_of,
        send=Smtp(settings).send if mails else None,
        sms=sms,
        digital=digital,
        wording=Wording(texts, str(settings.app_url)) if sms is not None else None,
    )
    targets = targets_of(settings)
    acknowledgements = Acknowledgements(
        teller, allowed=partial(allowed, settings), within=settings.webhook_receipt_within
    )
    courier = Courier(
        kit.pool,
        journal=kit.journal,
        clock=kit.clock,
        ids=kit.ids,
        teller=teller,
        vault=vault,
        webhooks=Webhooks(targets, seconds=settings.webhook_timeout, ca_file=settings.webhook_ca_file),
        allowed=partial(allowed, settings),
        clients=settings.subscribing_clients,
        pace=Pace(settings.webhook_first_pause, settings.webhook_hours, settings.feed_days),
    )
    app = kit.app(title="Lagspill notify", version="1", routers=[router, subscriptions], description=about or "")
    app.state.desk = Desk(
        pool=kit.pool, journal=kit.journal, ids=kit.ids, texts=texts, teller=teller, app_url=str(settings.app_url)
    )
    app.state.bounce_desk = BounceDesk(
        pool=kit.pool,
        journal=kit.journal,
        ids=kit.ids,
        teller=teller,
        addresses=post.addresses,
        clients=settings.bounce_clients,
        domain=settings.smtp_from.rpartition("@")[2],
        letter_days=settings.letter_days,
    )
    app.state.subscriber_desk = SubscriberDesk(
        pool=kit.pool,
        journal=kit.journal,
        ids=kit.ids,
        vault=vault,
        targets=targets,
        allowed=partial(allowed, settings),
        both_for=settings.webhook_secret_overlap,
    )
    return Parts(
        app,
        inboxes=[inbox(teller), feed.inbox(acknowledgements.on_passing)],
        deadlines={
            **dict.fromkeys(map(str, Step), teller.on_step),
            REMINDER: Asked(teller).on_reminder,
            HEARING_REMINDER: Hearings(teller).on_reminder,
            **dict.fromkeys(REPORTS.kinds, ReportDuties(teller).on_step),
            **dict.fromkeys(FIGURES.kinds, FigureDuties(teller).on_step),
            letters.DUE: partial(letters.on_due, way=by_post),
            ANSWER_REMINDER: Invitations(teller).on_reminder,
            REVIEW_REMINDER: Emergencies(teller).on_reminder,
            OVERRIDE_REMINDER: ConsentEvents(teller).on_review_reminder,
            RECEIPT_DUE: acknowledgements.on_due,
        },
        runners=[post, courier, Counts(kit.pool, kit.metrics, clients=settings.subscribing_clients)],
    )


def allowed(settings: NotifySettings, client: str) -> Allowed:
    """Return what a client may have now."""
    return Allowed(
        subscribes=client in settings.subscribing_clients,
        everywhere=client in settings.everywhere_clients,
        protected=client in settings.cleared_clients,
    )


def targets_of(settings: NotifySettings) -> Targets:
    """Return where webhooks may go; in development to this machine too, and without TLS."""
    own = LOOPBACK if settings.lagspill_development else frozenset()
    return Targets(settings.webhook_networks | own, plain=settings.lagspill_development)


SERVICE: Final = Definition("notify", NotifySettings, MIGRATIONS, compose)
