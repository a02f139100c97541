"""What an operator does with dead letters, from the command line: look at the list, replay, discard with a reason.

Answers are JSON lines without content: where a letter came from, its size and hash, the reason it was parked for.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TextIO

from pydantic_core import to_json

from shared.db import Pool
from shared.dead_letters import (
    DeadLetter,
    DeadLetterNotFoundError,
    dead_letter,
    discard_dead_letter,
    list_dead_letters,
)
from shared.inbox import Intake, Replayed


def describe_dead_letters(parser: argparse.ArgumentParser) -> None:
    """Add the commands to `parser`."""
    commands = parser.add_subparsers(dest="action", required=True)
    listing = commands.add_parser("list", help="those that wait for a person, oldest first")
    listing.add_argument("--settled", action="store_true", help="those that were replayed or discarded too")
    commands.add_parser("show", help="one of them").add_argument("letter", type=int)
    commands.add_parser("replay", help="handle it again, with the others of its key").add_argument("letter", type=int)
    discarding = commands.add_parser("discard", help="give up on it; what it would have done is never done")
    discarding.add_argument("letter", type=int)
    discarding.add_argument("--reason", required=True, help="a code, for example duplicate-of-another")


async def settle_dead_letters(pool: Pool, intakes: Sequence[Intake], asked: argparse.Namespace, output: TextIO) -> int:
    """Do what was asked and return the exit status: 1 when a replay failed again.

    Raises:
        DeadLetterNotFoundError, DeadLetterSettledError: there is no such letter to settle.
        ValueError: the reason is not a code.
    """
    if asked.action == "list":
        after = 0
        while page := await _page(pool, after, settled=asked.settled):
            for letter in page:
                _tell(output, letter)
            after = page[-1].id
        return 0
    if asked.action == "show":
        async with pool.acquire() as conn:
            _tell(output, await dead_letter(conn, asked.letter))
        return 0
    if asked.action == "discard":
        async with pool.acquire() as conn:
            _tell(output, await discard_dead_letter(conn, asked.letter, asked.reason))
        return 0
    async with pool.acquire() as conn:
        found = await dead_letter(conn, asked.letter)
    intake = next((each for each in intakes if each.inbox.consumer == found.consumer), None)
    if intake is None:
        raise DeadLetterNotFoundError(f"this service has no inbox named {found.consumer}")
    outcomes = await intake.replay(asked.letter)
    for outcome in outcomes:
        _tell(output, outcome)
    return 1 if any(outcome.outcome == "failed" for outcome in outcomes) else 0


async def _page(pool: Pool, after: int, *, settled: bool) -> list[DeadLetter]:
    async with pool.acquire() as conn:
        return await list_dead_letters(conn, settled=settled, after=after)


def _tell(output: TextIO, told: DeadLetter | Replayed) -> None:
    output.write(to_json(dataclasses.asdict(told)).decode() + "\n")
