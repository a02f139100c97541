"""Waiting for what a service needs: with a growing pause and a line in the log, so that services start in any order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from shared import db
from shared.bus import Bus
from shared.clock import real_pause
from shared.errors import UnavailableError
from shared.kafka import missing_topics

R = TypeVar("R")

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0

log = structlog.get_logger(__name__)


class NotMigratedError(Exception):
    """The database lacks migrations that this code needs."""


class TopicsMissingError(Exception):
    """Topics are missing; `lagspill topics` makes them."""


async def until_answers(part: str, attempt: Callable[[], Awaitable[R]]) -> R:
    """Return what `attempt` gives as soon as it does not fail because something is not there yet; log what is waited for."""
    pause = _FIRST_PAUSE
    failures = 0
    while True:
        try:
            found = await attempt()
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            KafkaError,
            UnavailableError,
            NotMigratedError,
            TopicsMissingError,
        ) as error:
            failures += 1
            log.warning("waiting", part=part, attempt=failures, retry_in=pause, exc_info=error)
        else:
            if failures:
                log.info("answers", part=part, attempt=failures + 1)
            return found
        await real_pause(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def check_migrated(pool: db.Pool, service: str, folder: Path) -> None:
    """Return when the database has every migration of the kit and the service.

    Raises:
        NotMigratedError: it lacks some.
    """
    wanted = {migration.name for migration in db.read_migrations(service, folder)}
    if await pool.fetchval("SELECT to_regclass('schema_migrations') IS NULL"):
        raise NotMigratedError
    rows = await pool.fetch("SELECT name FROM schema_migrations")
    if wanted - {row["name"] for row in rows}:
        raise NotMigratedError


async def check_topics(bus: Bus | str, topics: Iterable[str]) -> None:
    """Return when every one of `topics` exists.

    Raises:
        TopicsMissingError: some do not.
        KafkaError: no broker answers.
    """
    if await missing_topics(bus, topics):
        raise TopicsMissingError
