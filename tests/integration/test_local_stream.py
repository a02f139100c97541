"""One stream of many logs: readable, and nothing in a line can paint on the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deploy.local.stream import LogStream


def streamed(name: str, line: str) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    LogStream(console)(name, line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_services_entry_is_folded_into_a_line() -> None:
    entry = '{"event":"started","port":8001,"level":"info","service":"cases","time":"2026-09-07T08:00:00Z"}'
    assert streamed("cases", entry) == "cases    | started port=8001\n"


@pytest.mark.parametrize(
    "line",
    [
        "LOG:  ready",
        '{"no": "entry"}',
        "{not json",
        "[bold]no markup[/bold]",
        '["a", "list"]',
        "",
        "æøå \u2028",
        "[link=x]y[/link]",
    ],
)
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    assert streamed("kafka", line) == f"kafka    | {line}\n"


def test_what_is_logged_cannot_paint_on_the_terminal() -> None:
    shown = streamed("cases", '{"event":"[red]x[/red]","detail":"\\u001b[31mred\\u001b[0m","level":"error"}')
    assert "[red]x[/red]" in shown
    assert "\x1b" not in shown
    assert "\x1b" not in streamed("kafka", "\x1b]0;title\x07\x1b[2J")
