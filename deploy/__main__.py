"""`python -m deploy`: the `lagspill` command, where it is not installed."""

from __future__ import annotations

from deploy.cli import app

app(prog_name="lagspill")
