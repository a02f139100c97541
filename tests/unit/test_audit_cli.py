"""What `lagspill audit reconcile` makes of an answer."""

from __future__ import annotations

import httpx
import pytest
from typer.testing import CliRunner

import deploy.audit_cli as command
from deploy.cli import app
from services.audit.api import ReconciledView

pytestmark = pytest.mark.story(23)


def source(**changed: object) -> ReconciledView:
    """A service of which everything is in the log."""
    whole: dict[str, object] = {
        "source": "/services/cases", "published": 5, "held": 5, "missing": [], "agrees": True, "seals_agreeing": 1,
        "seals_contradicting": 0,
    }  # fmt: skip
    return ReconciledView.model_validate(whole | changed)


@pytest.mark.parametrize(
    ("sources", "status"),
    [
        ([source()], command.AGREES),
        ([source(published=0, held=0, agrees=None)], command.AGREES),
        ([source(published=None, agrees=None)], command.CANNOT_TELL),
        ([source(agrees=None)], command.CANNOT_TELL),
        ([source(missing=[(2, 3)], agrees=None)], command.INCOMPLETE),
        ([source(published=None, missing=[(2, 3)])], command.INCOMPLETE),
        ([source(agrees=False)], command.CONTRADICTED),
        ([source(seals_contradicting=1)], command.CONTRADICTED),
        ([source(held=6)], command.CONTRADICTED),
        ([source(missing=[(2, 3)]), source(held=6)], command.CONTRADICTED),
        ([source(), source(published=None)], command.CANNOT_TELL),
        ([source(missing=[(2, 3)]), source(published=None)], command.INCOMPLETE),
    ],
)
def test_the_worst_that_is_known_is_the_exit_status(sources: list[ReconciledView], status: int) -> None:
    """A contradiction before a hole, a hole before what cannot be told."""
    assert command.status_of(sources) == status


def test_what_a_service_says_moves_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither markup, nor an escape sequence, nor text that runs the other way."""
    name = "/services/[red]x\x1b[2J\u202e"
    body = {"log": "4005", "size": 5, "sources": [source(source=name).model_dump()]}

    async def answered(self: httpx.AsyncClient, url: str, **_: object) -> httpx.Response:
        return httpx.Response(200, json=body, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx.AsyncClient, "get", answered)
    said = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["audit", "reconcile", "--url", "http://audit.invalid"])
    assert said.exit_code == command.AGREES
    assert "/services/[red]x?[2J?" in said.output
    assert not {"\x1b", "\u202e"} & set(said.output)
