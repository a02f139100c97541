"""One log stream of many processes: a coloured name before each line, services' JSON folded into a readable one."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError
from rich.console import Console
from rich.text import Text

COLOURS: Final[Mapping[str, str]] = {
    "cases": "cyan",
    "meetings": "magenta",
    "notify": "yellow",
    "audit": "green",
    "postgres": "blue",
    "kafka": "bright_black",
    "identity": "bright_black",
}
LEVELS: Final[Mapping[str, str]] = {"warning": "yellow", "error": "bold red", "critical": "bold red"}
SHOWN_APART: Final = frozenset({"event", "level", "time", "service"})
_ENTRY: Final = TypeAdapter(dict[str, JsonValue])


class LogStream:
    """Writes each line to `console`, prefixed; lines of different processes never mix."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, name: str, line: str) -> None:
        """Write one line of the process `name`."""
        prefix = (f"{name:<9}| ", COLOURS.get(name, ""))
        self._console.print(Text.assemble(prefix, folded(line)), soft_wrap=True, highlight=False)


def folded(line: str) -> Text:
    """Return a JSON log entry as `event key=value ...`, and any other line as it is."""
    try:
        entry = _ENTRY.validate_json(line) if line.startswith("{") else {}
    except ValidationError:
        entry = {}
    if "event" not in entry:
        return Text(_tame(line))
    level = str(entry.get("level", "info"))
    text = Text(_tame(str(entry["event"])), style=LEVELS.get(level, ""))
    for key, value in entry.items():
        if key not in SHOWN_APART:
            text.append(f" {key}=", style="dim").append(_tame(str(value)))
    return text


def _tame(text: str) -> str:
    """Return `text` with control characters written out: a log may hold what somebody sent, and a terminal obeys it."""
    return "".join(repr(sign)[1:-1] if unicodedata.category(sign) == "Cc" and sign != "\t" else sign for sign in text)
