"""The `lagspill` command: one command line for running, looking at and verifying the system."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from deploy import broker_roles
from deploy import topics as declaration
from deploy.audit_cli import audit
from deploy.local.databases import SERVICES
from deploy.local.errors import LocalError
from deploy.local.settings import LocalSettings
from shared import db
from shared.bus import Bus
from shared.settings import BusSettings

app = typer.Typer(
    name="lagspill",
    help="Everyone around a child as one team, without breaking confidentiality.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
dead_letters = typer.Typer(
    help="Records that a consumer could not handle, parked with their bytes and the reason.", no_args_is_help=True
)
app.add_typer(dead_letters, name="dead-letters")
deadlines = typer.Typer(help="Deadlines whose handlers failed five times.", no_args_is_help=True)
app.add_typer(deadlines, name="deadlines")
app.add_typer(audit, name="audit")

INTERRUPTED: Final = 130
out = Console()
err = Console(stderr=True)

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.", envvar="SERVICE", show_default=False)]
DatabaseUrl = Annotated[
    str, typer.Option(envvar="DATABASE_URL", help="The service's own database.", show_default=False, show_envvar=True)
]
Letter = Annotated[int, typer.Argument(help="Its number in the list.", show_default=False)]
Bootstrap = Annotated[
    str | None, typer.Option("--kafka", envvar="KAFKA_BOOTSTRAP_SERVERS", help="Bootstrap servers.", show_default=False)
]


@contextmanager
def sentences() -> Iterator[None]:
    """Show a known error as its sentence and end with code 1."""
    try:
        yield
    except LocalError as error:
        err.print(f"lagspill: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as stop:
        raise typer.Exit(INTERRUPTED) from stop


@app.command()
def up(
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Keep the logs to their files under .lagspill/logs.")
    ] = False,
) -> None:
    """Start everything on this machine and stay in the foreground; Ctrl-C stops it all.

    PostgreSQL, Kafka and an OIDC server are embedded, unless DATABASE_URL (an administrator's), KAFKA_BOOTSTRAP_SERVERS
    or OIDC_ISSUER name others. Data, logs and development keys stay in .lagspill (LAGSPILL_HOME). Ports:
    LAGSPILL_POSTGRES_PORT, LAGSPILL_KAFKA_PORT, LAGSPILL_KAFKA_CONTROLLER_PORT, LAGSPILL_OIDC_PORT, LAGSPILL_CASES_PORT,
    LAGSPILL_MEETINGS_PORT, LAGSPILL_NOTIFY_PORT, LAGSPILL_AUDIT_PORT.
    """
    from deploy.local.stream import LogStream
    from deploy.local.system import Addresses, LocalSystem
    from deploy.local.up import StartProgress, run, show_addresses, stay_up

    with sentences():
        progress = StartProgress(out)
        system = LocalSystem(LocalSettings(), progress, sink=None if quiet else LogStream(out), neighbour=True)
        with progress.shown():

            def body(addresses: Addresses) -> None:
                progress.close()
                show_addresses(addresses, out)
                out.print("Everything is ready. Ctrl-C stops it.", style="bold green")
                stay_up(system)

            run(system, body, out)


@app.command()
def demo(
    municipality: Annotated[
        str, typer.Option(help="Whose: notodden, nord-osterdal, skien, tonsberg or rennesoy.")
    ] = "notodden",
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave everything running afterwards; Ctrl-C then stops it.")
    ] = False,
) -> None:
    """Play a municipality's school year over HTTP against the whole system, and narrate it.

    Real services, real tokens, invented people, a simulated clock. It begins each time with an empty system of its own
    under .lagspill/demo; what `lagspill up` keeps is not touched. Ports as in `lagspill up`.
    """
    from deploy.local.demo import play_demo

    with sentences():
        if not play_demo(LocalSettings(), out, municipality=municipality, stay=stay):
            raise typer.Exit(INTERRUPTED)


@app.command()
def story(
    rows: Annotated[str, typer.Option(help="Which rows, for example 2-8,23.")] = "2-8,23",
) -> None:
    """Play rows of the demo's story on a system that runs already, with its clock simulated and still at the beginning.

    Where it is: CASES_URL, MEETINGS_URL, NOTIFY_URL, AUDIT_URL, NEIGHBOUR_URL (where two witness each other), OIDC_ISSUER,
    KAFKA_BOOTSTRAP_SERVERS.
    """
    from deploy.demo.stage import StageSettings, StoryError
    from deploy.demo.story import play_rows, rows_of

    with sentences():
        try:
            asyncio.run(play_rows(StageSettings(), rows_of(rows), out))
        except (StoryError, ValueError) as error:
            raise LocalError(f"The story broke: {error}.") from error


@app.command()
def serve(service: Service) -> None:
    """Run one service in the foreground, as its settings in the environment say."""
    with sentences():
        _run_service(service, "serve")


@app.command()
def migrate(service: Service, database_url: DatabaseUrl) -> None:
    """Bring a service's database up to date. Again, and by several at once, is safe."""
    from deploy.local.system import migrations_of

    with sentences():
        try:
            applied = asyncio.run(db.migrate(database_url, service, migrations_of(service)))
        except (db.MigrationError, OSError) as error:
            raise LocalError(f"The database of {service} cannot be migrated: {error}.") from error
        out.print(f"{service}: {', '.join(applied) or 'nothing to do'}", highlight=False)


@app.command()
def topics(
    bootstrap: Bootstrap = None,
    profile: Annotated[
        str,
        typer.Option(
            help="A profile of deploy/topics.yaml, `cluster` for its defaults; `auto`: local on a single node."
        ),
    ] = "auto",
    check: Annotated[bool, typer.Option("--check", help="Make nothing; only compare.")] = False,
    neighbour: Annotated[bool, typer.Option("--neighbour", help="Those of a neighbour's audit service too.")] = False,
) -> None:
    """Make the topics that deploy/topics.yaml declares, and show where the cluster differs from it.

    Ends with code 1 while anything differs. What stands is never changed: partitions decide the order of a case's events.
    """
    with sentences():
        drift = asyncio.run(_topics(_bus(bootstrap), profile, check, neighbour=neighbour))
        if drift:
            table = Table(
                "topic", "what", "declared", "found", title="differs from deploy/topics.yaml", title_justify="left"
            )
            for one in drift:
                table.add_row(one.topic, one.what, one.declared, one.found)
            out.print(table)
            raise typer.Exit(1)
        out.print("Every topic is as declared.")


@app.command()
def status(
    page: Annotated[
        bool,
        typer.Option("--page", help="Serve the operator's page on this machine, until Ctrl-C, instead of a table."),
    ] = False,
    port: Annotated[int, typer.Option(help="Of the page.", min=1, max=65535)] = 8090,
    at: Annotated[
        list[str] | None,
        typer.Option(help="Where a service is, as NAME=URL; else as `lagspill up` has it.", show_default=False),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="For the page: a folder with NAME.env for each service, the environment that its containers get.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what runs, whether it is ready, how far behind each consumer is, what waits in each outbox and to be delivered.

    Ends with code 1 while something is not ready. The page also shows dead letters and parked deadlines, and lets them be tried
    again.
    """
    from deploy.local.status import known_addresses, look, shown

    with sentences():
        services, bootstrap = known_addresses(LocalSettings())
        services = {**services, **_named(at or [])}
        bus = _bus(bootstrap)
        if page:
            from deploy.operator.serve import serve

            serve(partial(look, services, bus), _settings_of_services(settings), port=port, out=out)
            return
        found = asyncio.run(look(services, bus))
        out.print(shown(found))
        if not found.all_ready:
            raise typer.Exit(1)


@app.command()
def keys(
    folder: Annotated[Path, typer.Argument(help="Where the key files go.")] = Path(".lagspill/keys"),
    audit_url: Annotated[
        str | None, typer.Option(help="With --neighbour-url: where the neighbour reaches our audit service.")
    ] = None,
    neighbour_url: Annotated[
        str | None,
        typer.Option(help="Where a neighbour's audit service is: makes its keys, and each other's witness policy."),
    ] = None,
) -> None:
    """Make the keys for trying out: vault, lookup, national numbers, the log's signature. Existing ones are never touched."""
    from deploy.local import neighbour
    from deploy.local.keys import make_keys

    with sentences():
        made = make_keys(folder)
        if audit_url is not None and neighbour_url is not None:
            neighbour.introduce(folder, {"audit": audit_url, neighbour.NAME: neighbour_url})
        out.print(f"{folder}: {', '.join(made) or 'every key is there'}", highlight=False)


@app.command("rotate-keys")
def rotate_keys(service: Service) -> None:
    """Wrap every data key of a service's vault anew under the first key of VAULT_KEY; then the older ones can go."""
    with sentences():
        _run_service(service, "rotate-keys", local=True)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def verify(context: typer.Context) -> None:
    """Verify a confidentiality log with public keys only; `lagspill verify --help` tells how.

    With --database, SOURCE is a log's name, and it is read straight from the database in DATABASE_URL.
    """
    module = "services.audit.direct" if "--database" in context.args else "lagspill_verify"
    given = [each for each in context.args if each != "--database"]
    os.execv(sys.executable, [sys.executable, "-m", module, *given])  # noqa: S606 - no shell is the point


@app.command()
def conformance(
    target: Annotated[
        str, typer.Argument(help="Where webhooks are posted, or a topic of the trial's own.", show_default=False)
    ],
    state: Annotated[
        str | None,
        typer.Option(
            help="Where the subscriber says what it did (docs/subscribing.md). A topic's must.", show_default=False
        ),
    ] = None,
    secret: Annotated[
        str, typer.Option(envvar="WEBHOOK_SECRET", help="What webhooks are signed with: whsec_...", show_default=False)
    ] = "",
    bootstrap: Bootstrap = None,
    within: Annotated[
        float, typer.Option(help="Seconds for it to start, and for what is on the topic to have its effect.")
    ] = 30.0,
    receipts: Annotated[
        str | None,
        typer.Option(help="Take the receipts of one that acknowledges here: 127.0.0.1:9200.", show_default=False),
    ] = None,
) -> None:
    """Drive a subscriber through what can happen to one, and say what it did wrong.

    Duplicates, another order, types and fields of tomorrow, a gap, a withdrawal and its receipt; for webhooks signatures
    that are late, forged, or two. Ends with code 0 when nothing is wrong, 3 when something is, 1 when it could not be tried.
    """
    from deploy.conformance import command

    with sentences():
        if "://" in target:
            report = asyncio.run(command.try_webhook(target, secret, state, within, receipts))
        elif state is None:
            raise LocalError("A subscriber that reads a topic must say what it did: give --state.")
        else:
            report = asyncio.run(command.try_topic(_bus(bootstrap), target, state, within, receipts))
        command.show(report, out)
        if report.faults:
            raise typer.Exit(command.FAULTS_FOUND)


@dead_letters.command("list")
def list_letters(
    service: Service,
    settled: Annotated[bool, typer.Option("--settled", help="Replayed and discarded ones too.")] = False,
) -> None:
    """Show the letters of a service, oldest first, one JSON line each: where from, size, hash, reason."""
    with sentences():
        _run_service(service, "dead-letters", "list", *(["--settled"] if settled else []), local=True)


@dead_letters.command("replay")
def replay_letter(service: Service, letter: Letter) -> None:
    """Handle a letter again, with the others of its key in their order; code 1 when it fails again."""
    with sentences():
        _run_service(service, "dead-letters", "replay", str(letter), local=True)


@dead_letters.command("discard")
def discard_letter(
    service: Service,
    letter: Letter,
    reason: Annotated[str, typer.Option(help="A code, for example duplicate-of-another.")],
) -> None:
    """Give up on a letter for good, which frees its key."""
    with sentences():
        _run_service(service, "dead-letters", "discard", str(letter), "--reason", reason, local=True)


@deadlines.command("list")
def list_deadlines(service: Service) -> None:
    """Show what a service has parked, the oldest due first, one JSON line each: kind, whose, place of the failure."""
    with sentences():
        _run_service(service, "deadlines", "list", local=True)


@deadlines.command("retry")
def retry_deadlines(
    service: Service,
    kind: Annotated[str | None, typer.Option(help="With --key: only this one.")] = None,
    key: Annotated[str | None, typer.Option(help="Whose.")] = None,
) -> None:
    """Let what is parked be tried again, once the fault is mended."""
    with sentences():
        given = [*(["--kind", kind] if kind else []), *(["--key", key] if key else [])]
        _run_service(service, "deadlines", "retry", *given, local=True)


@app.command("broker-roles")
def show_broker_roles(
    bootstrap: Bootstrap = None,
    prefix: Annotated[str, typer.Option(help="What the logins' names begin with.")] = "User:",
    apply: Annotated[bool, typer.Option("--apply", help="Make the broker allow it; needs a login that may.")] = False,
) -> None:
    """Show who may do what on the broker (deploy/broker-roles.yaml), as arguments of `kafka-acls.sh`."""
    with sentences():
        rules = broker_roles.declared(prefix)
        if apply:
            made = asyncio.run(_allow(_bus(bootstrap), rules))
            out.print(f"{made} rules stand", highlight=False)
            return
        for rule in rules:
            print(rule.command())


async def _allow(bus: Bus, rules: Sequence[broker_roles.Rule]) -> int:
    admin = AIOKafkaAdminClient(**bus.options())
    try:
        await admin.start()
        return await broker_roles.apply(admin, rules)
    except (KafkaError, OSError) as error:
        raise LocalError(
            f"Kafka at {bus.servers} does not take the rules ({type(error).__name__}: {error})."
        ) from error
    finally:
        await admin.close()


async def _topics(bus: Bus, profile: str, check: bool, *, neighbour: bool = False) -> list[declaration.Drift]:
    from deploy.local.neighbour import topics_of

    admin = AIOKafkaAdminClient(**bus.options())
    try:
        await admin.start()
        chosen = (
            await declaration.fitting_profile(admin) if profile == "auto" else None if profile == "cluster" else profile
        )
        declared = declaration.declared(chosen)
        if not check:
            wanted = [*declared, *(topics_of(declared) if neighbour else [])]
            for name in await declaration.create_missing(admin, wanted):
                out.print(f"made {name}", highlight=False)
        return await declaration.find_drift(admin, declared)
    except (KafkaError, OSError) as error:
        raise LocalError(f"Kafka at {bus.servers} cannot be used ({error}): check KAFKA_BOOTSTRAP_SERVERS.") from error
    except KeyError as error:
        raise LocalError(f"deploy/topics.yaml has no profile {error}.") from error
    finally:
        await admin.close()


def _bus(bootstrap: str | None) -> Bus:
    """Return the broker, with what the environment says of TLS and login.

    Raises:
        LocalError: the environment contradicts itself.
    """
    try:
        return BusSettings(kafka_bootstrap_servers=bootstrap or _local_bootstrap()).bus
    except ValidationError as error:
        raise LocalError("; ".join(part["msg"] for part in error.errors()) + ".") from error


def _local_bootstrap() -> str:
    from deploy.local.status import known_addresses

    return known_addresses(LocalSettings())[1]


def _named(addresses: Sequence[str]) -> dict[str, str]:
    """Return the services' addresses, given as NAME=URL.

    Raises:
        LocalError: one is given in another way.
    """
    named = dict(each.partition("=")[::2] for each in addresses)
    for name, url in named.items():
        if name not in SERVICES or not url.startswith(("http://", "https://")):
            raise LocalError(
                f"--at {name}={url}: give a service ({', '.join(SERVICES)}) and its URL, as cases=http://..."
            )
    return {name: url.rstrip("/") for name, url in named.items()}


def _settings_of_services(folder: Path | None) -> dict[str, dict[str, str]]:
    """Return the environment of each service whose settings are known: from the folder's files, else of what runs here.

    Raises:
        LocalError: a file cannot be read, or is no list of NAME=VALUE; or nothing runs here.
    """
    if folder is None:
        return {service: _local_settings(service) for service in SERVICES}
    known = {}
    for service in SERVICES:
        file = folder / f"{service}.env"
        try:
            lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise LocalError(f"{file} cannot be read: {type(error).__name__}.") from error
        if lines is not None:
            entries = [line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#")]
            known[service] = {name.strip(): value for name, _, value in entries}
            if not all(equals for _, equals, _ in entries) or not known[service].get("DATABASE_URL"):
                raise LocalError(f"{file} is to have lines NAME=VALUE, DATABASE_URL among them.")
    if not known:
        raise LocalError(f"There is no NAME.env in {folder} for any of {', '.join(SERVICES)}.")
    return known


def _local_settings(service: str) -> dict[str, str]:
    """Return the environment that a service's commands need, of what runs on this machine.

    Raises:
        LocalError: nothing runs here.
    """
    from deploy.local.status import noted_addresses, running_home
    from deploy.local.system import service_settings

    home = running_home(LocalSettings())
    noted = noted_addresses(home) if home is not None else None
    if home is None or noted is None:
        raise LocalError(
            "Nothing runs here: start `lagspill up`, or set DATABASE_URL and the service's other settings."
        )
    return service_settings(home, noted.databases[service], noted.kafka_bootstrap_servers, noted.oidc_issuer)


def _run_service(service: str, *arguments: str, local: bool = False) -> None:
    """Become the service's process: what a container's engine signals is then the service itself.

    Args:
        service: which one.
        arguments: its command.
        local: where DATABASE_URL is not set, take the settings of what runs on this machine.

    Raises:
        LocalError: there is no such service.
    """
    if service not in SERVICES:
        raise LocalError(f"There is no service {service!r}: it is one of {', '.join(SERVICES)}.")
    environment = dict(os.environ)
    if local and "DATABASE_URL" not in environment:
        environment |= _local_settings(service)
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    app()
