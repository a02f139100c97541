"""Tells the story on a terminal: a timeline that grows, and a bar that shows how far the school year has come."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared.clock import OSLO

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Teller:
    """Narrates on `console`; a context manager, so that the bar is taken down whatever happens."""

    def __init__(self, console: Console, rows: int) -> None:
        """Tell a story of `rows` rows."""
        self._console = console
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("The school year", total=rows)
        self._rows = 0
        self.refusals = 0
        """How many refusals the story has shown."""
        self.findings = 0
        """How many tamperings were found."""

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar down."""
        if kind is None:
            self._bar.update(self._task, completed=self._bar.tasks[0].total)
        self._bar.stop()

    def row(self, number: int, day: datetime, title: str) -> None:
        """Begin a row: its day in Norway and what it is about."""
        self._bar.update(self._task, completed=self._rows)
        self._rows += 1
        local = day.astimezone(OSLO)
        date = f"{local.day:>2} {MONTHS[local.month - 1]} {local.year}"
        self._console.print(f"\n[bold cyan]{date}[/]  [bold]{escape(title)}[/]  [dim](row {number})[/]")

    def did(self, who: str, what: str) -> None:
        """Tell what somebody did."""
        self._console.print(f"   [green]✓[/] {escape(who)} {escape(what)}")

    def refused(self, who: str, what: str, code: str, sentence: str) -> None:
        """Tell what somebody was refused, with the system's own sentence."""
        self.refusals += 1
        self._console.print(f"   [yellow]✗[/] {escape(who)} {escape(what)} [yellow]refused[/] [dim]{escape(code)}[/]")
        if sentence:
            self._console.print(f"       [italic]“{escape(sentence)}”[/]")

    def found(self, what: str, kind: str, sentence: str) -> None:
        """Tell what the attacker did, and what the verification said of it."""
        self.findings += 1
        self._console.print(f"   [red]![/] The attacker: {escape(what)}. [red]Found:[/] [bold]{escape(kind)}[/]")
        self._console.print(f"       [italic]{escape(sentence)}[/]")

    def happened(self, what: str) -> None:
        """Tell what the system did by itself."""
        self._console.print(f"   [blue]→[/] {escape(what)}")
