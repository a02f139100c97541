"""What an operator does with what is parked in a service: look at it, and let it be tried again or be given up.

Looking reads the service's database. Acting runs the service's own command (`python -m services.NAME dead-letters replay 3`):
what handles a record again is the service's code with the service's settings, in whatever version is installed.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg

from shared import db
from shared.dead_letters import DeadLetter, list_dead_letters
from shared.deadlines import ParkedDeadline, list_parked_deadlines

AT_MOST: Final = 200
"""So many letters of a service stand on the page, the oldest."""
PATIENCE: Final = 120.0
"""Seconds that a command may take."""
REASON: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,59}")
"""What a letter may be given up for: a code, as in the log."""


@dataclass(frozen=True)
class Waiting:
    """What waits for a person in one service; or why nobody can tell."""

    service: str
    letters: Sequence[DeadLetter] = ()
    deadlines: Sequence[ParkedDeadline] = ()
    unread: str | None = None
    """Why its database could not be read."""


@dataclass(frozen=True)
class Outcome:
    """What became of something that an operator asked for."""

    what: str
    done: bool
    said: str
    """What the command said: codes and numbers, never content."""


class Desk:
    """The services whose settings are known here."""

    def __init__(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        """Work with these services: by name, the environment variables that each is started with."""
        self._settings = settings

    @property
    def services(self) -> Sequence[str]:
        """The services that it can look into."""
        return tuple(self._settings)

    async def waiting(self) -> Sequence[Waiting]:
        """Return what waits in every service."""
        return await asyncio.gather(*(self._waiting(service) for service in self._settings))

    async def replay(self, service: str, letter: int) -> Outcome:
        """Handle a letter again, with the others of its key in their order.

        Raises:
            KeyError: there is no such service.
        """
        return await self._run(f"Letter {letter} of {service}", service, "dead-letters", "replay", str(letter))

    async def discard(self, service: str, letter: int, reason: str) -> Outcome:
        """Give up on a letter for good, which frees its key.

        Raises:
            KeyError: there is no such service.
            ValueError: the reason is no code.
        """
        if REASON.fullmatch(reason) is None:
            raise ValueError("a reason is a code of small letters, digits and hyphens")
        what = f"Letter {letter} of {service}"
        return await self._run(what, service, "dead-letters", "discard", str(letter), "--reason", reason)

    async def retry(self, service: str, kind: str, key: str) -> Outcome:
        """Let a parked deadline be tried again.

        Raises:
            KeyError: there is no such service.
        """
        # With an equals sign, whatever they begin with is no option.
        return await self._run(
            f"The deadline {kind} of {service}", service, "deadlines", "retry", f"--kind={kind}", f"--key={key}"
        )

    async def _waiting(self, service: str) -> Waiting:
        try:
            conn = await db.connect(self._settings[service]["DATABASE_URL"], application_name="operator")
        except (OSError, asyncpg.PostgresError) as error:
            return Waiting(service, unread=f"its database does not answer ({type(error).__name__})")
        try:
            letters = await list_dead_letters(conn, limit=AT_MOST)
            return Waiting(service, letters, await list_parked_deadlines(conn))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return Waiting(service, unread=f"its database cannot be read ({type(error).__name__})")
        finally:
            with suppress(OSError, asyncpg.PostgresError, TimeoutError):
                await conn.close(timeout=5)

    async def _run(self, what: str, service: str, *command: str) -> Outcome:
        environment = {**os.environ, **self._settings[service]}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{service}", *command), env=environment, stdout=PIPE, stderr=STDOUT
        )
        try:
            async with asyncio.timeout(PATIENCE):
                said, _ = await process.communicate()
        except TimeoutError:
            return Outcome(what, done=False, said=f"no answer within {PATIENCE:.0f} seconds")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(what, done=process.returncode == 0, said=said.decode(errors="replace").strip()[-2000:])
