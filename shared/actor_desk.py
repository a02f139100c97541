"""The operator's desk for a change of PID_KEY: what a service knows of people's names is taken to the other services.

Each service learns by itself who comes while it has both keys. Who has not come to one of them has perhaps come to another, or is
in the cases service's vault; so before the old key is taken out, each is told what the others know.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final, TextIO

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shared.actor_names import ActorNames, KnownActors
from shared.contracts.base import Model
from shared.db import Pool
from shared.errors import LagspillError
from shared.refs import ActorIdField
from shared.settings import ServiceSettings

_BATCH: Final = 1000


class Line(Model):
    """Two references of one person, as one service hands them to another."""

    alias: ActorIdField
    actor: ActorIdField
    key_mark: str


class NamesRefusedError(LagspillError):
    """A line is not one that `actor-names export` wrote under the same PID_KEY; the lines before it may be in already."""

    code = "actor-names-refused"


def known_actors(settings: ServiceSettings, pool: Pool) -> KnownActors:
    """Return who people are by PID_KEY, and by PID_KEY_PREVIOUS while that is being changed."""
    previous = settings.pid_key_previous
    return KnownActors(
        ActorNames(settings.pid_key.get_secret_value().encode()),
        None if previous is None else ActorNames(previous.get_secret_value().encode()),
        pool,
    )


@contextmanager
def advancing(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far a long work has come, where somebody looks at it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def describe_names(parser: argparse.ArgumentParser) -> None:
    """Say what can be done with the names."""
    ways = parser.add_subparsers(dest="way", required=True)
    ways.add_parser(
        "export", help="write what is known under the present PID_KEY to standard output, a line for each person"
    )
    ways.add_parser("import", help="take in such lines from standard input; what is there already stays")


async def exchange_names(
    pool: Pool, names: ActorNames, asked: argparse.Namespace, source: TextIO, target: TextIO
) -> int:
    """Export or import, and return the exit status: 1 when somebody is known here as somebody else.

    Raises:
        NamesRefusedError: a line is not one of an export under this key.
    """
    if asked.way == "export":
        await _export(pool, names, target)
        return 0
    taken, otherwise = await _import(pool, names, source)
    target.write(f"{taken} names were taken in\n")
    if otherwise:
        sys.stderr.write(f"{otherwise} people are known here as somebody else already; that was left as it is\n")
    return 1 if otherwise else 0


async def _export(pool: Pool, names: ActorNames, target: TextIO) -> None:
    async with pool.acquire() as conn, conn.transaction(readonly=True):
        async for row in conn.cursor(
            "SELECT alias, actor, key_mark FROM actor_names WHERE key_mark = $1 ORDER BY alias", names.mark
        ):
            target.write(Line(**dict(row)).model_dump_json() + "\n")


async def _import(pool: Pool, names: ActorNames, source: TextIO) -> tuple[int, int]:
    """Take the lines in, a thousand in one transaction; return how many were new, and how many contradict what is there."""
    taken = otherwise = done = 0
    with advancing("names") as progress:
        while raw := list(islice(source, _BATCH)):
            lines = [_read(one, names) for one in raw if one.strip()]
            row = await pool.fetchrow(_TAKE_IN, [one.alias for one in lines], [one.actor for one in lines], names.mark)
            assert row is not None, "an aggregate has a row"
            taken, otherwise, done = taken + row["taken"], otherwise + row["otherwise"], done + len(raw)
            progress(done, done)
    return taken, otherwise


def _read(raw: str, names: ActorNames) -> Line:
    try:
        line = Line.model_validate_json(raw)
    except ValidationError:
        raise NamesRefusedError from None
    if line.key_mark != names.mark:
        raise NamesRefusedError
    return line


_TAKE_IN: Final = """
WITH given AS (
    SELECT DISTINCT ON (alias) alias, actor FROM unnest($1::text[], $2::text[]) AS t (alias, actor) ORDER BY alias, actor
), taken AS (
    INSERT INTO actor_names (alias, actor, key_mark) SELECT alias, actor, $3 FROM given ON CONFLICT DO NOTHING RETURNING alias
)
SELECT (SELECT count(*) FROM taken) AS taken,
       (SELECT count(*) FROM given JOIN actor_names USING (alias) WHERE given.actor <> actor_names.actor) AS otherwise
"""
