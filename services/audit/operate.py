"""`python -m services.audit {export,rotate-key,retention,prune,hold}`: what a person or a timer does beside the service.

Each takes its own login, so that nobody holds two powers: `retention` the database's owner's, `export` and `hold` the service's,
`prune` the pruner's. None of them needs, or is given, a signing key.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import SecretStr, ValidationError

from services.audit import retention
from services.audit.app import SERVICE
from services.audit.copying import OPERATOR, Copying
from services.audit.domain import forms
from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.domain.note import MalformedKeyError, Signer
from services.audit.domain.policy import NO_WITNESSES, MalformedPolicyError, Policy
from services.audit.domain.retention import read_policy
from services.audit.holding import Holding
from services.audit.queries import Reader
from services.audit.retention import Pruner
from services.audit.witnesses import Witnesses
from shared import db
from shared.clock import SystemClock
from shared.errors import LagspillError
from shared.journal import Journal
from shared.refs import ActorId, CaseRef, RandomIds
from shared.settings import Settings, SettingsFileError


class JobSettings(Settings):
    """What a job is told by its environment."""

    database_url: SecretStr
    """The audit database, under the login that the job works as."""
    lagspill_development: bool = False
    """Lets a policy believe the log's own time: trying out with a simulated clock."""
    audit_witness_policy: str | None = None
    """What the service has, so that a copy ends where its witnesses have cosigned, and says who they are."""


def main(arguments: Sequence[str]) -> int:
    """Run the command and return the exit status: 0 done, 2 refused."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "rotate-key":
            return _rotate(asked.file)
        if asked.command == "retention" and asked.check:
            return _check(asked.file)
        act: Callable[[argparse.Namespace, JobSettings], Awaitable[int]] = asked.act
        return asyncio.run(_carry_out(act, asked))
    except ValidationError:
        sys.stderr.write("the settings cannot be used: DATABASE_URL is needed, with the login that this job works as\n")
    except SettingsFileError as error:
        sys.stderr.write(f"the settings cannot be used: {error}\n")
    except MalformedPolicyError as error:
        sys.stderr.write(f"AUDIT_WITNESS_POLICY cannot be used: {error}\n")
    except asyncpg.InsufficientPrivilegeError as error:
        sys.stderr.write(f"this login may not do that: {error}\n")
    except (LagspillError, MalformedKeyError, asyncpg.PostgresError, OSError) as error:
        sys.stderr.write(f"{error}\n")
    return 2


async def _carry_out(
    act: Callable[[argparse.Namespace, JobSettings], Awaitable[int]], asked: argparse.Namespace
) -> int:
    return await act(asked, JobSettings())


def _rotate(file: Path) -> int:
    """Put a new key before those in the file, which go on signing for a time, and print every public key."""
    held = [Signer.parse(line) for line in file.read_text().split()]
    if not held:
        raise MalformedKeyError("the file holds no key: `genkey` makes the first one")
    signers = [Signer(held[0].verifier.name, secrets.token_bytes(32)), *held]
    # Under another name first: a crash in between leaves the old file whole.
    half = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    half.touch(mode=0o600)
    half.write_text("".join(f"{signer.skey()}\n" for signer in signers))
    half.rename(file)
    sys.stdout.write("".join(f"{signer.verifier.vkey}\n" for signer in signers))
    return 0


def _check(file: Path) -> int:
    """Say whether a policy file could be installed, without asking a database."""
    sys.stdout.write(f"{read_policy(file.read_text(encoding='utf-8')).digest} can be installed\n")
    return 0


async def _export(asked: argparse.Namespace, settings: JobSettings) -> int:
    written = settings.audit_witness_policy
    policy = NO_WITNESSES if written is None else Policy.parse(written)
    pool = await db.create_pool(settings.database_url.get_secret_value(), application_name="audit-export")
    try:
        clock, ids, reader = SystemClock(), RandomIds(), Reader(pool)
        journal = Journal(pool, source=SERVICE.source, clock=clock, ids=ids)
        copying = Copying(reader, journal, Witnesses(pool, reader, clock, policy), clock, ids)
        count = await copying.copy(asked.log, asked.folder, by=asked.actor)
    finally:
        await pool.close()
    sys.stdout.write(f"{count} files\n")
    return 0


async def _install(asked: argparse.Namespace, settings: JobSettings) -> int:
    policy = read_policy(asked.file.read_text(encoding="utf-8"))
    connection = await db.connect(settings.database_url.get_secret_value(), application_name="audit-retention")
    try:
        fresh = await retention.install(
            connection, policy, SystemClock().now(), simulated=settings.lagspill_development
        )
    finally:
        await connection.close()
    sys.stdout.write(f"{policy.digest} is {'' if fresh else 'already '}in force\n")
    return 0


async def _prune(asked: argparse.Namespace, settings: JobSettings) -> int:
    dsn = settings.database_url.get_secret_value()
    pool = await db.create_pool(dsn, min_size=1, max_size=2, application_name="audit-prune", statement_seconds=600.0)
    try:
        clock, ids = SystemClock(), RandomIds()
        pruner = Pruner(pool, Journal(pool, source=SERVICE.source, clock=clock, ids=ids), ids=ids)
        outcome = await pruner.prune(clock.now(), only=asked.log, dry_run=asked.dry_run)
    finally:
        await pool.close()
    for done in outcome:
        for span in done.spans:
            sys.stdout.write(f"{done.log} {span.first}-{span.last} {span.rule}\n")
    verb = "could be pruned" if asked.dry_run else "were pruned"
    sys.stdout.write(f"{sum(done.entries for done in outcome)} entries {verb}\n")
    return 0


async def _hold(asked: argparse.Namespace, settings: JobSettings) -> int:
    dsn = settings.database_url.get_secret_value()
    pool = await db.create_pool(dsn, min_size=1, max_size=1, application_name="audit-hold")
    clock, ids = SystemClock(), RandomIds()
    holding = Holding(Journal(pool, source=SERVICE.source, clock=clock, ids=ids), ids)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        connection = await stack.enter_async_context(pool.acquire())
        if asked.hold == "list":
            for each in await retention.holds(connection):
                until = "" if each.released_at is None else f", released {each.released_at:%Y-%m-%d}"
                sys.stdout.write(f"{each.name} {each.log} {each.case or '-'} since {each.placed_at:%Y-%m-%d}{until}\n")
            return 0
        if asked.hold == "place":
            await holding.place(connection, asked.name, asked.log, asked.case, clock.now())
        else:
            await holding.release(connection, asked.name, clock.now())
    sys.stdout.write(f"{asked.name} {'placed' if asked.hold == 'place' else 'released'}\n")
    return 0


def _log_name(text: str) -> LogName:
    if LOG_NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("a municipality number, a protected log's name, or `unparsable`")
    return LogName(text)


def _case(text: str) -> CaseRef:
    if re.fullmatch(forms.CASE, text) is None:
        raise argparse.ArgumentTypeError("a case's reference: `cas_` and 26 letters")
    return CaseRef(text)


def _actor(text: str) -> ActorId:
    if re.fullmatch(forms.ACTOR, text) is None:
        raise argparse.ArgumentTypeError("a reference that says nothing of the person: `act_` and a pseudonym")
    return ActorId(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.audit")
    commands = parser.add_subparsers(dest="command", required=True)
    copy = commands.add_parser(
        "export",
        help="copy a log into a folder as C2SP tlog-tiles has it: checkpoint, tile/.., tile/entries/.., keys, policy;"
        " the log has an entry of it",
    )
    copy.add_argument("log", type=_log_name, help="a municipality number, a protected log's name, or `unparsable`")
    copy.add_argument("folder", type=Path)
    copy.add_argument("--actor", type=_actor, default=OPERATOR, help="who makes it, as the log is to say")
    copy.set_defaults(act=_export)
    rotate = commands.add_parser("rotate-key", help="put a new signing key first in the key file")
    rotate.add_argument("file", type=Path)
    policy = commands.add_parser("retention", help="put a retention policy in force, as the database's owner")
    policy.add_argument("file", type=Path)
    policy.add_argument("--check", action="store_true", help="only say whether it could be")
    policy.set_defaults(act=_install)
    prune = commands.add_parser("prune", help="remove what the policy in force lets go, as the pruner")
    prune.add_argument("--dry-run", action="store_true", help="only say what would go")
    prune.add_argument("--log", type=_log_name, help="only this log")
    prune.set_defaults(act=_prune)
    hold = commands.add_parser(
        "hold", help="keep something from being pruned (the service's login), or let it go (the pruner)"
    )
    holds = hold.add_subparsers(dest="hold", required=True)
    place = holds.add_parser("place", help="nothing of the log, or of one case in it, is pruned until it is released")
    place.add_argument("name", help="small letters, digits and hyphens; a code, nothing about anybody")
    place.add_argument("--log", type=_log_name, required=True)
    place.add_argument("--case", type=_case, help="the case's reference")
    holds.add_parser("release").add_argument("name")
    holds.add_parser("list")
    hold.set_defaults(act=_hold)
    return parser


COMMANDS: Final = ("export", "rotate-key", "retention", "prune", "hold")
"""What `main` knows."""
