"""A mail server that delivers nowhere: what the notify service sends is kept as files, to be looked at."""

from __future__ import annotations

import itertools
from email.message import Message
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from deploy.local.errors import plain_errors
from deploy.local.process import HOST, require_free_port


class MailCatcher:
    """A real SMTP server on 127.0.0.1 that writes each message it is given to a folder.

    Args:
        folder: where the messages go, one `.eml` each.
        port: where it listens.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._controller: Controller | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            LocalError: the port is taken, or the folder cannot be written.
        """
        require_free_port("The mail catcher", self.port, "LAGSPILL_SMTP_PORT")
        with plain_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._controller = Controller(_Keep(self.folder), hostname=HOST, port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Stop listening; tolerates one that never started."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


class _Keep(MessageHandler):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._numbers = itertools.count(len(list(folder.glob("*.eml"))) + 1)

    def handle_message(self, message: Message) -> None:
        """Write the message to the next free file."""
        (self._folder / f"{next(self._numbers):05}.eml").write_bytes(message.as_bytes())
