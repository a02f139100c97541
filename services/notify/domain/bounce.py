"""A mail that comes back: the mail server took it, and says later, by a mail of its own, that it could not be delivered.

Such a mail is a delivery status notification (RFC 3464) in a report (RFC 6522). It names the mail that it is about by what it has
of it, the `Message-ID`. What a notification of another kind says, that a mail is late or was delivered, changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final

from services.notify.domain.message import Returned
from services.notify.errors import BounceUnreadableError

_OURS: Final = re.compile(r"<((?:msg|dig)_[0-9a-z]{20,40})@([A-Za-z0-9.-]{1,190})>")
_STATUS: Final = re.compile(r"\s*([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY: Final = re.compile(r"\s*smtp\s*;\s*([245]\d\d)\b", re.IGNORECASE)
_NAMES_IT: Final = ("message-id", "in-reply-to", "references")


@dataclass(frozen=True)
class Bounce:
    """What a notification says of one mail."""

    mail: str
    """Its name: the `Message-ID` without our domain."""
    reason: Returned
    answered: int | None
    """The reply code of SMTP, where it is told."""


def read_bounce(content: bytes, *, domain: str) -> Bounce:
    """Return what a mail as it came says of one that was sent from an address at `domain`.

    Raises:
        BounceUnreadableError: it is no delivery status notification, tells of no failure, or not of which mail of ours.
    """
    try:
        report = message_from_bytes(content)
        parts = list(report.walk())
    except RecursionError:
        # Parts in parts, deeper than any mail server makes them.
        raise BounceUnreadableError from None
    if report.get_content_type() != "multipart/report":
        raise BounceUnreadableError
    failed = next((block for block in _recipients(parts) if _says(block, "action").strip().lower() == "failed"), None)
    mail = next(_names(report, parts, domain), None)
    status = None if failed is None else _STATUS.match(_says(failed, "status"))
    if failed is None or mail is None or status is None or status[1] == "2":
        raise BounceUnreadableError
    reply = _REPLY.match(_says(failed, "diagnostic-code"))
    return Bounce(mail, "rejected" if status[1] == "5" else "unreachable", None if reply is None else int(reply[1]))


def _recipients(parts: list[Message]) -> Iterator[Message]:
    """Yield what is said of each recipient: the fields after those of the whole."""
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            if isinstance(blocks, list):
                yield from (block for block in blocks[1:] if isinstance(block, Message))


def _names(report: Message, parts: list[Message], domain: str) -> Iterator[str]:
    """Yield the names of mails of ours: from what was sent back of the mail first, else from what the notification answers."""
    returned = [part for part in parts if part is not report]
    headers = [
        message_from_bytes(content)
        for part in returned
        if part.get_content_type() == "text/rfc822-headers"
        and isinstance(content := part.get_payload(decode=True), bytes)
    ]
    for mail in (*returned, *headers, report):
        for field in _NAMES_IT:
            for name, at in _OURS.findall(_says(mail, field)):
                if at.lower() == domain.lower():
                    yield name


def _says(block: Message, field: str) -> str:
    # Of a field with bytes that are no text the email package makes an object, not a string.
    return str(block.get(field, ""))
