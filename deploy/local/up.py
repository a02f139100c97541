"""`lagspill up`: the set in the foreground, its progress, its log stream, and its end by Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn

from deploy.local.errors import LocalError
from deploy.local.system import Addresses, LocalSystem, Stopped

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartProgress:
    """Shows the start: a bar for downloads, a line for each part; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<22}"),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
        )
        self._downloads = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<22}"),
            BarColumn(),
            DownloadColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._download: TaskID | None = None
        self._lock = threading.Lock()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it while the block runs."""
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Take it away, if it is there."""
        self._progress.stop()
        self._downloads.stop()

    def downloading(self, total: int) -> None:
        """Announce a download of `total` bytes."""
        if self._live:
            self._download = self._downloads.add_task("jars from Maven", total=total)
            self._downloads.start()
        else:
            self._console.print(f"downloading {total / 2**20:.0f} MB of jars, once")

    def downloaded(self, size: int) -> None:
        """Advance the bar by `size` bytes."""
        if self._download is None:
            return
        with self._lock:
            self._downloads.advance(self._download, size)
            if self._downloads.finished:
                self._downloads.stop()

    def waiting(self, part: str, why: str) -> None:
        """Show what `part` is doing."""
        if not self._live:
            return
        with self._lock:
            if part in self._tasks:
                self._progress.update(self._tasks[part], state=why)
            else:
                self._tasks[part] = self._progress.add_task(part, total=1, state=why)
            if self._download is None or self._downloads.finished:
                self._progress.start()

    def ready(self, part: str, seconds: float) -> None:
        """Show that `part` answers."""
        with self._lock:
            if part in self._tasks:
                self._progress.update(self._tasks[part], completed=1, state=f"ready after {seconds:.1f} s")
        if not self._live:
            self._console.print(f"{part} ready after {seconds:.1f} s")


def run(system: LocalSystem, body: Callable[[Addresses], None], console: Console) -> bool:
    """Start the set, run `body`, stop the set; return False when somebody stopped it before `body` was done.

    Ctrl-C, SIGTERM and a closed terminal stop every process in order. While that goes on the next one is let pass, the one
    after it ends everything at once.

    Raises:
        LocalError: a part cannot start, or `body` found one that ended.
    """
    ignored = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal ignored
        if not system.stopping:
            raise Stopped
        ignored += 1
        if ignored > 1:
            system.kill()
        else:
            console.print("stopping; once more ends everything at once")

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        with system.running() as addresses:
            body(addresses)
    except Stopped:
        return False
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return True


def stay_up(system: LocalSystem) -> None:
    """Wait, until somebody stops it.

    Raises:
        LocalError: a process ended by itself.
    """
    while True:
        ended = system.ended()
        if ended is not None:
            raise LocalError(f"{ended.name} ended by itself with code {ended.exit_code}; its log is {ended.log}.")
        time.sleep(0.25)


def show_addresses(addresses: Addresses, console: Console) -> None:
    """Print where everything is, one part a line, whatever the width."""
    rows = [(name, f"{url}  (what it offers: {url}/openapi.json)") for name, url in addresses.services.items()]
    rows += [
        (
            "identity",
            f"{addresses.oidc_issuer}  (a token: curl -u teacher:x -d grant_type=client_credentials {addresses.oidc_issuer}/token)",
        ),
        ("kafka", addresses.kafka_bootstrap_servers),
        ("postgres", f"one database per service, addresses in {addresses.noted_in}"),
    ]
    for name, place in rows:
        console.print(f"{name:<9} {place}", soft_wrap=True, highlight=False)
