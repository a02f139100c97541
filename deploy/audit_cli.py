"""`lagspill audit`: what an auditor or an operator asks of the confidentiality log from a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local.errors import LocalError
from deploy.local.settings import LocalSettings

if TYPE_CHECKING:
    from services.audit.api import ReconciledView, Reconciliation

audit = typer.Typer(
    help="The confidentiality log: whether it holds all that the services published.", no_args_is_help=True
)

AGREES: Final = 0
CONTRADICTED: Final = 1
CANNOT_TELL: Final = 2
INCOMPLETE: Final = 3
"""Exit statuses; 1 to 3 mean what they mean for `lagspill verify`."""
_AGAIN_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 30.0

out = Console()
err = Console(stderr=True)

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="AUDIT_URL", help="The audit service; the one of `lagspill up` if left out."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="LAGSPILL_TOKEN", help="An auditor's access token.", show_default=False),
]
Log = Annotated[
    str | None, typer.Option("--log", help="A municipality's number; the token's own if left out.", show_default=False)
]


@audit.callback()
def _group() -> None:
    """Hold the commands together, also while there is only one."""


@audit.command()
def reconcile(
    log: Log = None,
    url: Url = None,
    token: Token = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to ask again while records may still be on their way.")
    ] = 10.0,
) -> None:
    """Compare what each service says it has published (its /journal/head) with what the log holds of it.

    Ends with 0 when the log holds everything and every root agrees; 1 when something contradicts (another root, a seal, or
    more in the log than the service says); 2 when it cannot be told (no answer, no access); 3 when numbers are missing.
    """
    try:
        found = asyncio.run(_settled(url or _local_url(), log, token, wait))
    except LocalError as error:
        err.print(Text(f"lagspill: {error}", style="red"), soft_wrap=True)
        raise typer.Exit(CANNOT_TELL) from error
    out.print(_table(found))
    status = status_of(found.sources)
    out.print(_VERDICTS[status])
    if status:
        raise typer.Exit(status)


_PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True}


@audit.command("export", add_help_option=False, context_settings=_PASSED_ON)
def export(context: typer.Context) -> None:
    """Copy a log into a folder for an outsider, who verifies it with the public key alone; the log has an entry of it."""
    _become(context)


@audit.command("rotate-key", add_help_option=False, context_settings=_PASSED_ON)
def rotate_key(context: typer.Context) -> None:
    """Put a new signing key first in the key file; the old ones sign beside it for a time. Then restart the service."""
    _become(context)


@audit.command("retention", add_help_option=False, context_settings=_PASSED_ON)
def retention(context: typer.Context) -> None:
    """Put a retention policy (deploy/retention.yaml) in force, as the database's owner; --check only reads it."""
    _become(context)


@audit.command("prune", add_help_option=False, context_settings=_PASSED_ON)
def prune(context: typer.Context) -> None:
    """Remove what the policy in force lets go, as the pruner; --dry-run only says what would."""
    _become(context)


@audit.command("hold", add_help_option=False, context_settings=_PASSED_ON)
def hold(context: typer.Context) -> None:
    """Keep a log, or one case in it, from being pruned: place, release, list."""
    _become(context)


def _become(context: typer.Context) -> None:
    """Become `python -m services.audit <command>`; without DATABASE_URL, with the login that it needs in what runs here."""
    environment = dict(os.environ)
    asks_nobody = context.command.name == "rotate-key" or {"-h", "--help", "--check"} & set(context.args)
    if not {"DATABASE_URL", "DATABASE_URL_FILE"} & environment.keys() and not asks_nobody:
        from deploy.local.status import noted_addresses, running_home

        home = running_home(LocalSettings())
        noted = noted_addresses(home) if home is not None else None
        if noted is None:
            err.print("lagspill: Nothing runs here: start `lagspill up`, or set DATABASE_URL.", style="red")
            raise typer.Exit(CANNOT_TELL)
        holder = noted.audit_pruner if "release" in context.args[:1] else noted.databases["audit"]
        logins = {"retention": noted.audit_owner, "prune": noted.audit_pruner, "hold": holder}
        login = logins.get(str(context.command.name), noted.databases["audit"])
        environment |= {"DATABASE_URL": login, "LAGSPILL_DEVELOPMENT": "1"}
    command = [sys.executable, "-m", "services.audit", str(context.command.name), *context.args]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is the point


_VERDICTS: Final = {
    AGREES: Text("The log holds everything that the services have published.", style="bold green"),
    CONTRADICTED: Text("CONTRADICTED: a service and the log do not say the same.", style="bold red"),
    CANNOT_TELL: Text("CANNOT TELL: not every service answered.", style="bold yellow"),
    INCOMPLETE: Text("NOT COMPLETE: something that was published is not in the log.", style="bold red"),
}


def status_of(sources: Sequence[ReconciledView]) -> int:
    """Return the exit status: the worst that is known of any source."""
    if any(map(_contradicted, sources)):
        return CONTRADICTED
    if any(each.missing for each in sources):
        return INCOMPLETE
    if any(each.published is None or (each.published and each.agrees is None) for each in sources):
        return CANNOT_TELL
    return AGREES


def _contradicted(found: ReconciledView) -> bool:
    ahead = found.published is not None and found.held > found.published
    return found.agrees is False or found.seals_contradicting > 0 or ahead


async def _settled(url: str, log: str | None, token: str | None, wait: float) -> Reconciliation:
    """Return the comparison; while it shows something wrong, and for `wait` seconds, ask again: records may be on their way."""
    until = monotonic() + wait
    async with httpx.AsyncClient(timeout=_ANSWER_SECONDS) as http:
        while True:
            found = await _ask(http, url, log, token)
            if status_of(found.sources) in (AGREES, CANNOT_TELL) or monotonic() >= until:
                return found
            await asyncio.sleep(_AGAIN_SECONDS)


async def _ask(http: httpx.AsyncClient, url: str, log: str | None, token: str | None) -> Reconciliation:
    from services.audit.api import Reconciliation

    try:
        answer = await http.get(
            f"{url.rstrip('/')}/reconciliation",
            params={} if log is None else {"log": log},
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        return Reconciliation.model_validate_json(answer.content)
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        hint = " (an auditor's token is needed: set LAGSPILL_TOKEN)" if code in (401, 403) else ""
        raise LocalError(f"{url} answered with {code}{hint}.") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
        raise LocalError(f"{url} does not answer as an audit service does ({type(error).__name__}).") from error


def _table(found: Reconciliation) -> Table:
    table = Table(
        "service",
        "published",
        "in the log",
        "missing",
        "root",
        "seals",
        title=_inert(f"log {found.log}, {found.size} entries"),
        title_justify="left",
    )
    for each in found.sources:
        gone = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in each.missing)
        root = {True: "agrees", False: "DIFFERS", None: "not compared"}[each.agrees]
        seals = f"{each.seals_agreeing} agree"
        if each.seals_contradicting:
            seals += f", {each.seals_contradicting} CONTRADICT"
        table.add_row(
            _inert(each.source),
            "no answer" if each.published is None else str(each.published),
            str(each.held),
            gone or "none",
            root,
            seals,
            style="red" if _contradicted(each) or each.missing else "",
        )
    return table


def _inert(text: str) -> Text:
    """Return what a service said, with nothing in it that a terminal would obey."""
    return Text("".join(character if character.isprintable() else "?" for character in text))


def _local_url() -> str:
    from deploy.local.status import known_addresses

    return known_addresses(LocalSettings())[0]["audit"]
