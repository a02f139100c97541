"""The notify service's post in a process of its own, which kills itself on the way of a day's digest to its recipient.

`python -m tests.chaos.digest_process <step>`, with the service's settings in the environment; `-` lets it come to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from email.message import EmailMessage
from typing import Any, Final

from services.notify.addresses import Addresses
from services.notify.app import SERVICE
from services.notify.mail import Smtp
from services.notify.post import Parcel, Post
from services.notify.settings import NotifySettings
from shared.lifecycle import Service

STEPS: Final = ("taken", "judged", "answered", "settled", "done")
"""It is in hand; it is known what of it is still to be said; the mail server has taken it; its outcome is written, and not
committed; it is committed."""


def reached(step: str, doomed: str) -> None:
    """Die, if it is here."""
    if step == doomed:
        os.kill(os.getpid(), signal.SIGKILL)


class DoomedSmtp(Smtp):
    """The mail server, after whose answer the process may end."""

    doomed = "-"

    async def send(self, mail: EmailMessage) -> None:
        """Hand it over; see `Smtp`."""
        await super().send(mail)
        reached("answered", self.doomed)


class DoomedPost(Post):
    """The post, which may end where it is told to."""

    doomed = "-"

    async def _go(self, taken: Parcel) -> int:
        reached("taken", self.doomed)
        return await super()._go(taken)

    async def _deliver(self, parcel: Parcel, addresses: Addresses) -> None:
        reached("judged", self.doomed)
        await super()._deliver(parcel, addresses)

    async def _settle_one(self, tx: Any, parcel: Parcel, message: Any, *said: Any) -> None:
        await super()._settle_one(tx, parcel, message, *said)
        if message is parcel.messages[-1]:
            reached("settled", self.doomed)


async def main(doomed: str) -> None:
    """Deliver what is due."""
    service = Service(SERVICE, NotifySettings())
    DoomedSmtp.doomed = DoomedPost.doomed = doomed
    # Where the composition root finds them: nothing else knows which they are.
    SERVICE.compose.__globals__.update({"Smtp": DoomedSmtp, "Post": DoomedPost})
    _, parts = await service.composed()
    [post] = [each for each in parts.runners if isinstance(each, Post)]
    await post.deliver_due()
    reached("done", doomed)
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
