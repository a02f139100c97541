"""Mails that come back, as mail servers write them: delivery status notifications (RFC 3464)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DOMAIN: Final = "lagspill.example"
MESSAGE: Final = "msg_" + "b" * 26
GONE: Final = {
    "Action": "failed",
    "Status": "5.1.1",
    "Diagnostic-Code": "smtp; 550 5.1.1 <a@home.example>: no such user",
}


def returned(
    said: Mapping[str, str] = GONE,
    *,
    name: str = f"<{MESSAGE}@{DOMAIN}>",
    original: str = "message/rfc822",
    answers: str | None = None,
    report: str = "multipart/report; report-type=delivery-status",
) -> bytes:
    """Return a notification as a mail server writes it; `original` is how it has the mail that it is about."""
    recipient = "".join(
        f"{field}: {value}\r\n" for field, value in {"Final-Recipient": "rfc822; a@home.example", **said}.items()
    )
    parts = [
        "Content-Type: text/plain\r\n\r\nI could not deliver this.\r\n",
        f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\n{recipient}\r\n",
    ]
    if original != "none":
        parts.append(f"Content-Type: {original}\r\n\r\nFrom: ikke-svar@{DOMAIN}\r\nMessage-ID: {name}\r\n\r\nHei\r\n")
    head = "From: MAILER-DAEMON@mail.example\r\nMIME-Version: 1.0\r\n" + (
        f"In-Reply-To: {answers}\r\n" if answers else ""
    )
    body = "".join(f"--=b=\r\n{part}\r\n" for part in parts)
    return f'{head}Content-Type: {report}; boundary="=b="\r\n\r\n{body}--=b=--\r\n'.encode()
