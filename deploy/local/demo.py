"""`lagspill demo`: an empty system of its own, the story played on it, and everything stopped again."""

from __future__ import annotations

import asyncio
from typing import Final

from rich.console import Console

from deploy.demo.stage import StoryError
from deploy.demo.story import BEGINS, play
from deploy.local.errors import LocalError
from deploy.local.settings import LocalSettings
from deploy.local.system import Addresses, LocalSystem
from deploy.local.up import StartProgress, run, show_addresses, stay_up

SEALS: Final = {"JOURNAL_SEAL_SECONDS": "5"}
"""A school year passes in half a minute: the services seal their journals more often than once a minute."""


def play_demo(settings: LocalSettings, console: Console, *, stay: bool) -> bool:
    """Play the story; return False when somebody stopped it.

    Raises:
        LocalError: a part cannot start, or something that the story says must happen did not.
    """
    home = settings.home / "demo"
    progress = StartProgress(console)
    system = LocalSystem(
        settings.model_copy(update={"home": home}),
        progress,
        clock_start=BEGINS,
        extra=SEALS,
        fresh=True,
        neighbour=True,
    )

    def body(addresses: Addresses) -> None:
        progress.close()
        try:
            asyncio.run(play(addresses, console))
        except StoryError as error:
            raise LocalError(f"The story broke: {error} (logs: {home / 'logs'}).") from error
        if stay:
            show_addresses(addresses, console)
            console.print("Everything stays up. Ctrl-C stops it.", style="bold green")
            stay_up(system)

    with progress.shown():
        finished = run(system, body, console)
    return finished or stay
