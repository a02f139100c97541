"""What an operator does with deadlines whose handlers failed too often: look at them, and let them be tried again.

Answers are JSON lines without content: a deadline's payload stays where it is.
"""

from __future__ import annotations

import argparse
from typing import TextIO

from pydantic_core import to_json

from shared.db import Pool
from shared.deadlines import list_parked_deadlines, retry_deadline


def describe_deadlines(parser: argparse.ArgumentParser) -> None:
    """Add the commands to `parser`."""
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("list", help="those that wait for a person, the oldest due first")
    retrying = commands.add_parser("retry", help="let them be tried again: all, or one")
    retrying.add_argument("--kind", help="with --key: which one")
    retrying.add_argument("--key", help="whose")


async def settle_deadlines(pool: Pool, asked: argparse.Namespace, output: TextIO) -> int:
    """Do what was asked and return the exit status.

    Raises:
        DeadlineNotParkedError: there is no such parked deadline.
        ValueError: only one of kind and key is given.
    """
    if asked.action == "retry" and (asked.kind is None) != (asked.key is None):
        raise ValueError("--kind and --key belong together")
    async with pool.acquire() as conn, conn.transaction():
        parked = await list_parked_deadlines(conn)
        if asked.action == "list":
            for each in parked:
                told = {
                    "kind": each.deadline.kind,
                    "key": each.deadline.key,
                    "due": each.deadline.due,
                    "attempts": each.attempts,
                    "detail": each.detail,
                }
                output.write(to_json(told).decode() + "\n")
            return 0
        wanted = (
            [(asked.kind, asked.key)]
            if asked.kind is not None
            else [(each.deadline.kind, each.deadline.key) for each in parked]
        )
        for kind, key in wanted:
            await retry_deadline(conn, kind=kind, key=key)
    output.write(f"{len(wanted)} will be tried again\n")
    return 0
