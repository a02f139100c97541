"""How an address of e-mail is written, so that in a header it is one address and nothing else (RFC 5321 § 4.1.2, RFC 5891)."""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = r"^[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,187}[A-Za-z0-9])?$"
"""Without a question mark: `=?utf-8?q?a?=` is read in a header as what it encodes (RFC 2047), and so as another address."""
_ADDRESS: Final = re.compile(PATTERN.removeprefix("^").removesuffix("$"))


def normal_mail(written: str) -> str | None:
    """Return the address as every mail server takes it, the name of its host in ASCII; None for what is none.

    Who has another has none: what a server must take only with an extension (RFC 6531) would wait for days to be given up.
    """
    local, _, host = written.strip().rpartition("@")
    try:
        address = f"{local}@{host.encode('idna').decode()}"
    except UnicodeError:  # a part of the name is too long, empty, or no letters
        return None
    return address if _ADDRESS.fullmatch(address) else None
