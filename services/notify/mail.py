"""One mail over SMTP: plain text that says that there is a message, and a Message-ID that stays the same at every attempt."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, NewType

import aiosmtplib

from services.notify.domain.appointment import Appointment
from services.notify.invitation import method_of, render
from services.notify.settings import NotifySettings
from services.notify.texts import DIGEST, EMAIL, Text, Texts
from shared.contracts.codes import Language
from shared.errors import LagspillError, UnavailableError
from shared.refs import MessageRef


class MailRejectedError(LagspillError):
    """The mail server refuses this mail for good."""

    code = "mail-rejected"

    def __init__(self, answered: int | None = None) -> None:
        """`answered` is the reply code of SMTP."""
        super().__init__()
        self.answered = answered


class MailUnavailableError(UnavailableError):
    """The mail server cannot take mails just now."""

    code = "mail-unavailable"

    def __init__(self, answered: int | None = None) -> None:
        """`answered` is the reply code of SMTP, if there was one."""
        super().__init__()
        self.answered = answered


DigestRef = NewType("DigestRef", str)
_OF_DIGESTS: Final = "dig_"
_GOODBYE_SECONDS: Final = 1.0


def digest_of(messages: Sequence[MessageRef]) -> DigestRef:
    """Return what names the digest of these messages: the same for the same, and another for others."""
    letters = "\n".join(sorted(messages)).encode()
    return DigestRef(_OF_DIGESTS + hashlib.sha256(letters).hexdigest()[:32])


def compose(
    texts: Texts,
    *,
    message: MessageRef | DigestRef,
    to: str,
    sender: str,
    app_url: str,
    language: Language,
    queued_at: datetime,
    itself: Text | None = None,
    appointment: Appointment | None = None,
) -> EmailMessage:
    """Return the mail for a message, or for a day's digest: the same bytes at every attempt, whatever it is about.

    To whoever runs another system, who does not sign in anywhere, the message `itself` is mailed. An `appointment` goes along
    as an entry for the recipient's calendar.
    """
    single = not message.startswith(_OF_DIGESTS)
    link = f"{app_url.rstrip('/')}/messages" + (f"/{message}" if single else "")
    template = EMAIL if single else DIGEST
    text = itself or texts.text(template, texts.latest(template), language, link=link)
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = text.subject
    mail["Date"] = format_datetime(queued_at)
    mail["Message-ID"] = f"<{message}@{sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's absence notice comes back.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(text.body + "\n", cte="quoted-printable")
    if appointment is not None:
        entry = render(appointment, language, sender=sender, to=to)
        params = {"method": method_of(appointment)}
        mail.add_alternative(entry, subtype="calendar", params=params, cte="quoted-printable")
        mail.set_boundary(f"={message}=")
    mail["Content-Language"] = language.value
    return mail


class Smtp:
    """The mail server, as the settings name it."""

    def __init__(self, settings: NotifySettings) -> None:
        """Take the settings; nothing connects before a mail is sent.

        Raises:
            OSError: the file of certificates cannot be read.
        """
        if settings.smtp_host is None:
            raise ValueError("no mail server is set")
        self._host = settings.smtp_host
        self._settings = settings
        self._tls: ssl.SSLContext | None = None
        if settings.smtp_security != "none":
            self._tls = ssl.create_default_context(cafile=settings.smtp_ca_file)

    async def send(self, mail: EmailMessage) -> None:
        """Hand `mail` over.

        Raises:
            MailRejectedError: the server will never take it for this recipient.
            MailUnavailableError: everything else; it may work later.
        """
        settings = self._settings
        password = settings.smtp_password
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=None if password is None else password.get_secret_value(),
            timeout=settings.smtp_timeout,
            use_tls=settings.smtp_security == "tls",
            start_tls={"offered": None, "starttls": True}.get(settings.smtp_security, False),
            tls_context=self._tls,
        )
        try:
            # The client's own time is that of one step; all of them together are to end while the mail is in nobody else's hand.
            async with asyncio.timeout(settings.smtp_timeout):
                await client.connect()
                await client.send_message(mail)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
            # Only what is said about this recipient or this mail is final; the rest is the surroundings' fault.
            if _is_final(error):
                raise MailRejectedError(_code(error)) from None
            raise MailUnavailableError(_code(error)) from None
        except aiosmtplib.SMTPResponseException as error:
            raise MailUnavailableError(error.code) from None
        except (aiosmtplib.SMTPException, OSError, ValueError):
            # From None: a server's answer may quote the address.
            raise MailUnavailableError from None
        else:
            # The server has it, whatever becomes of the goodbye.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await client.quit()
        finally:
            client.close()


def _code(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return max(refused.code for refused in error.recipients)
    return error.code


def _is_final(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPDataError) -> bool:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    return error.code >= 500
