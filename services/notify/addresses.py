"""Where one person is reached just now, for as long as it takes to send one message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from services.notify.domain.mail_address import normal_mail
from services.notify.domain.sms import normal_number
from shared.contracts.notify import Way


@dataclass(frozen=True)
class Addresses:
    """Where somebody is reached by each way out of the house."""

    email: str | None = field(default=None, repr=False)
    """As it was written, as the number is: by a guardian, or for one."""
    phone: str | None = field(default=None, repr=False)

    def of(self, way: Way) -> str | None:
        """Return where to send by `way`: an address as mail servers take it, a telephone number as E.164 has it."""
        if way is Way.EMAIL:
            return normal_mail(self.email) if self.email is not None else None
        return normal_number(self.phone) if way is Way.SMS and self.phone is not None else None

    def ways(self, offered: frozenset[Way]) -> frozenset[Way]:
        """Return by which of the ways that are `offered` they can be reached."""
        return frozenset(way for way in offered if self.of(way) is not None)


NOWHERE: Final = Addresses()
