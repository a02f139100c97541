"""`lagspill demo`: an empty system of its own, a municipality's story played on it, and everything stopped again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console

from deploy.demo.profiles import write_profiles
from deploy.demo.script import Story
from deploy.demo.stage import StoryError
from deploy.demo.story import BEGINS, NOTODDEN, play, story_of
from deploy.local.errors import LocalError
from deploy.local.settings import LocalSettings
from deploy.local.system import Addresses, LocalSystem
from deploy.local.up import StartProgress, run, show_addresses, stay_up

SEALS: Final = {"JOURNAL_SEAL_SECONDS": "5"}
"""A school year passes in half a minute: the services seal their journals more often than once a minute."""


def play_demo(settings: LocalSettings, console: Console, *, municipality: str, stay: bool) -> bool:
    """Play a municipality's story; return False when somebody stopped it.

    Raises:
        LocalError: there is no such story, a part cannot start, or something that the story says must happen did not.
    """
    try:
        story = story_of(municipality)
    except ValueError as error:
        raise LocalError(f"{error}.") from error
    home = settings.home / "demo"
    progress = StartProgress(console)
    with TemporaryDirectory() as folder:
        # Not under the home: that begins empty.
        profiles = {} if story is NOTODDEN else write_profiles(Path(folder))
        system = LocalSystem(
            settings.model_copy(update={"home": home}),
            progress,
            clock_start=BEGINS,
            extra={**SEALS, **profiles},
            fresh=True,
            neighbour=story.log.witnessed,
        )
        return _played(system, story, progress, console, home, stay=stay)


def _played(
    system: LocalSystem, story: Story, progress: StartProgress, console: Console, home: Path, *, stay: bool
) -> bool:
    """Start the system, play the story on it, and stop it."""

    def body(addresses: Addresses) -> None:
        progress.close()
        try:
            asyncio.run(play(addresses, console, story))
        except StoryError as error:
            raise LocalError(f"The story broke: {error} (logs: {home / 'logs'}).") from error
        if stay:
            show_addresses(addresses, console)
            console.print("Everything stays up. Ctrl-C stops it.", style="bold green")
            stay_up(system)

    with progress.shown():
        finished = run(system, body, console)
    return finished or stay
