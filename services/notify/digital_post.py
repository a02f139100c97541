"""Digital post: the port to a recipient's own secure mailbox, and an adapter that lays each letter in a folder.

What an adapter must do: take over one letter, and say one of three things. It returns: the letter is in the mailbox's
system, or safely on its way to it. It raises `DigitalPostRejectedError`: this recipient has no mailbox, or has reserved
themselves; a letter on paper follows. It raises `DigitalPostUnavailableError`: it may work later. The same letter may come
again with the same reference, and must then not be sent twice. The letter names nobody: who the recipient is, an adapter
asks the cases service about by case, role and ordinal, with a client of its own that is entitled to know
(`REACHING_CLIENTS`).
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final, Protocol

from pydantic import Field

from shared.contracts.base import Model
from shared.contracts.codes import Language, Role
from shared.errors import LagspillError, UnavailableError
from shared.refs import ActorIdField, CaseRefField, MessageRefField

VERSION: Final = 1


class DigitalLetter(Model):
    """One letter: to whom, by reference, and what it says: that there is a message, and where to sign in."""

    version: int = VERSION
    message: MessageRefField
    case: CaseRefField | None
    recipient: ActorIdField
    role: Role
    ordinal: int | None = Field(default=None, ge=1)
    """Which guardian, as in the case."""
    language: Language
    subject: str
    text: str


class DigitalPostRejectedError(LagspillError):
    """The recipient cannot be reached by digital post."""

    code = "digital-post-rejected"

    def __init__(self, answered: int | None = None) -> None:
        """`answered` is the status of HTTP, where the adapter speaks that."""
        super().__init__()
        self.answered = answered


class DigitalPostUnavailableError(UnavailableError):
    """Digital post cannot take a letter just now."""

    code = "digital-post-unavailable"

    def __init__(self, answered: int | None = None) -> None:
        """`answered` is the status of HTTP, where the adapter speaks that."""
        super().__init__()
        self.answered = answered


class DigitalPost(Protocol):
    """Takes letters to recipients' own mailboxes."""

    async def send(self, letter: DigitalLetter) -> None:
        """Take the letter over.

        Raises:
            DigitalPostRejectedError: this recipient has no mailbox.
            DigitalPostUnavailableError: everything else; it may work later.
        """


class FolderPost:
    """Lays each letter in a folder as `<reference>.json`, whole or not at all, for the municipality's mailing system to fetch."""

    def __init__(self, folder: Path) -> None:
        """Lay letters in `folder`, which must be there."""
        self._folder = folder

    async def send(self, letter: DigitalLetter) -> None:
        """Lay it there; see `DigitalPost`. The same letter again is the same file."""
        try:
            await asyncio.to_thread(self._lay, letter)
        except OSError:
            raise DigitalPostUnavailableError from None

    def _lay(self, letter: DigitalLetter) -> None:
        unfinished, finished = (self._folder / f"{letter.message}.{ending}" for ending in ("part", "json"))
        with unfinished.open("wb") as file:
            file.write(letter.model_dump_json(indent=2).encode())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(finished)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
