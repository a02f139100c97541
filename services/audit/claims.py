"""SQL of what counts without a gap: a batch claims its numbers, so that one statement tells that nothing of it was there before.

Each service's records count from 1 in each log (`sourcesequence`), and the events of each subject do (`sequence`). The logs' heads
are locked, so nobody else claims at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.audit.domain.entry import LogName
from services.audit.domain.intake import Noted, once
from services.audit.domain.log import runs
from shared.db import Connection


class Numbered(NamedTuple):
    """A service's journal in a log, and one of its `sourcesequence` numbers."""

    log: LogName
    source: str
    number: int


class Counted(NamedTuple):
    """A subject in a log, and one of its `sequence` numbers."""

    log: LogName
    source: str
    subject: str
    number: int


Journal = tuple[LogName, str]
"""A log and a source."""
Subject = tuple[LogName, str, str]
"""A log, a source and one of its subjects."""


@dataclass(frozen=True, slots=True)
class Held:
    """What became of a batch's numbers."""

    journals: AbstractSet[Journal]
    """All of whose numbers were new, and are remembered now."""
    subjects: AbstractSet[Subject]
    """The same of subjects' own numbers."""
    numbers: AbstractSet[Numbered]
    """Those of the others that the logs had before."""
    sequences: AbstractSet[Counted]


NumberRuns = tuple[list[LogName], list[str], list[str]]
"""Journals' numbers as columns log, source, and the numbers as PostgreSQL writes a multirange.

Of one journal they mostly follow each other; but what was read unevenly over the partitions has thousands of holes for a while, and
a row for each range takes the driver and the server several times as long.
"""
SequenceRuns = tuple[list[LogName], list[str], list[str], list[str]]
"""Subjects' numbers in the same way: log, source, subject and the numbers."""


class SequenceClaims(NamedTuple):
    """Subjects whose numbers follow each other, as columns of words with blanks in between; none of these has a blank in it.

    There are many in a batch, and an array of so many texts takes the driver and the server several times as long.
    """

    logs: str
    sources: str
    subjects: str
    firsts: str
    lasts: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of a batch."""

    journals: Mapping[Journal, Sequence[int]]
    subjects: Mapping[Subject, Sequence[int]]
    numbers: NumberRuns
    """Those of the journals of which no number occurs twice in the batch: they can be claimed."""
    sequences: SequenceClaims | None
    """Those of the subjects whose numbers follow each other: they can be claimed. None where there is no such subject."""


def ask(groups: Mapping[LogName, Noted]) -> Asked:
    """Return the numbers that a batch has, from what was noted of each log's part of it."""
    journals = {(name, source): each for name, noted in groups.items() for source, each in noted.numbers().items()}
    subjects = {(name, *key): each for name, noted in groups.items() for key, each in noted.sequences.items()}
    # In the order of the index: each row of it is next to the one before.
    single = sorted((*key, *run) for key, each in subjects.items() if (run := _run(each)) is not None)
    return Asked(
        journals,
        subjects,
        _number_runs({key: each for key, each in journals.items() if once(each)}),
        SequenceClaims(*(" ".join(map(str, column)) for column in zip(*single, strict=True))) if single else None,
    )


def _run(numbers: Sequence[int]) -> tuple[int, int] | None:
    """Return the first and the last of numbers that follow each other without one missing or twice; None if they do not."""
    if len(numbers) == 1:
        return numbers[0], numbers[0]
    found = runs(numbers)
    first, last = found[0]
    return found[0] if len(found) == 1 and last - first + 1 == len(numbers) else None


async def claim(conn: Connection, asked: Asked, subjects: AbstractSet[Subject]) -> Held:
    """Claim the numbers of the batch, and return what of them the logs have already: mostly nothing.

    Args:
        conn: the batch's transaction, which holds the logs' heads.
        asked: the numbers.
        subjects: what `claim_sequences` has claimed of them.
    """
    journals = await claim_numbers(conn, asked.numbers)
    return Held(
        journals,
        subjects,
        await known_numbers(
            conn, [Numbered(*key, each) for key in asked.journals.keys() - journals for each in asked.journals[key]]
        ),
        await known_sequences(
            conn, [Counted(*key, each) for key in asked.subjects.keys() - subjects for each in asked.subjects[key]]
        ),
    )


async def claim_numbers(conn: Connection, numbers: NumberRuns) -> set[Journal]:
    """Remember the numbers of each journal of which the log has none yet, and return those journals."""
    if not numbers[0]:
        return set()
    rows = await conn.fetch(
        f"{_ADD_NUMBERS} WHERE NOT journals.numbers && excluded.numbers RETURNING log, source", *numbers
    )
    return {(row["log"], row["source"]) for row in rows}


async def claim_sequences(conn: Connection, sequences: SequenceClaims | None) -> set[Subject]:
    """Remember the numbers of each subject of which the log has none yet, and return those subjects."""
    if sequences is None:
        return set()
    claimed = await conn.fetchrow(_CLAIM_SEQUENCES, *sequences)
    rows = claimed["rows"] if claimed is not None else []
    if rows is None:  # as nearly always: all of them
        rows = zip(*(column.split(" ") for column in sequences[:3]), strict=True)
    return {(LogName(log), source, subject) for log, source, subject in rows}


_CLAIM_SEQUENCES: Final = """
WITH claimed AS (
INSERT INTO subjects (log, source, subject, numbers)
SELECT log, source, subject, int8multirange(int8range(first, last, '[]'))
FROM unnest(string_to_array($1, ' '), string_to_array($2, ' '), string_to_array($3, ' '),
            string_to_array($4, ' ')::bigint[], string_to_array($5, ' ')::bigint[])
     AS n (log, source, subject, first, last)
ON CONFLICT (log, source, subject) DO UPDATE SET numbers = subjects.numbers + excluded.numbers
WHERE NOT subjects.numbers && excluded.numbers
RETURNING log, source, subject
)
SELECT CASE WHEN count(*) < cardinality(string_to_array($3, ' '))
            THEN coalesce(array_agg(ARRAY[log, source, subject]), '{}') END AS rows
FROM claimed
"""
"""No rows where all were claimed: to tell each of thousands takes a tenth of the time that claiming them does."""


async def known_numbers(conn: Connection, numbers: Collection[Numbered]) -> set[Numbered]:
    """Return those of the numbers that the logs have already."""
    if not numbers:
        return set()
    rows = await conn.fetch(
        "SELECT log, source, lower(held) AS first, upper(held) AS past FROM ("
        "   SELECT log, source, numbers::int8multirange AS said"
        "   FROM unnest($1::text[], $2::text[], $3::text[]) AS n (log, source, numbers)) AS asked"
        " JOIN journals USING (log, source) CROSS JOIN LATERAL unnest(numbers * said) AS held",
        *_number_runs(_by_journal(numbers)),
    )
    return {Numbered(row["log"], row["source"], number) for row in rows for number in range(row["first"], row["past"])}


async def known_sequences(conn: Connection, numbers: Collection[Counted]) -> set[Counted]:
    """Return those of the subjects' own numbers that the logs have already."""
    if not numbers:
        return set()
    rows = await conn.fetch(
        "SELECT log, source, subject, lower(held) AS first, upper(held) AS past FROM ("
        "   SELECT log, source, subject, numbers::int8multirange AS said"
        "   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (log, source, subject, numbers)) AS asked"
        " JOIN subjects USING (log, source, subject) CROSS JOIN LATERAL unnest(numbers * said) AS held",
        *_sequence_runs(_by_subject(numbers)),
    )
    return {
        Counted(row["log"], row["source"], row["subject"], number)
        for row in rows
        for number in range(row["first"], row["past"])
    }


async def add_numbers(conn: Connection, numbers: Collection[Numbered]) -> None:
    """Remember the numbers as held by the logs, also where some are already."""
    if numbers:
        await conn.execute(_ADD_NUMBERS, *_number_runs(_by_journal(numbers)))


async def add_sequences(conn: Connection, numbers: Collection[Counted]) -> None:
    """Remember the subjects' own numbers as held by the logs, also where some are already."""
    if numbers:
        await conn.execute(_ADD_SEQUENCES, *_sequence_runs(_by_subject(numbers)))


LaneRow = tuple[LogName, str, str, int | None, int | None, int]
"""A log, a source and one of its lanes; the first and the last of records that follow each other there, or how far it goes."""


def lanes_in(groups: Mapping[LogName, Noted]) -> list[LaneRow]:
    """Return which records of each lane are among the entries, and how far the services' seals say that their lanes go."""
    rows: list[LaneRow] = []
    for log, noted in groups.items():
        rows += [
            (log, each.source, name, None, None, last)
            for each in noted.seals
            if each.numbered
            for name, last in each.seal.lanes
        ]
        rows += [
            (log, source, lane, first, last, 0)
            for (source, lane), counts in noted.lanes.items()
            for first, last in runs(counts)
        ]
    return rows


async def add_lanes(conn: Connection, rows: Sequence[LaneRow]) -> None:
    """Remember which records of each lane the logs hold now, and how far the lanes go."""
    if rows:
        await conn.execute(_ADD_LANES, *zip(*rows, strict=True))


_ADD_LANES: Final = """
INSERT INTO lanes (log, source, lane, numbers, told)
SELECT log, source, lane, coalesce(range_agg(int8range(first, last, '[]')) FILTER (WHERE first IS NOT NULL), '{}'), max(told)
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
     AS n (log, source, lane, first, last, told)
GROUP BY log, source, lane ORDER BY log, source, lane
ON CONFLICT (log, source, lane) DO UPDATE
SET numbers = lanes.numbers + excluded.numbers, told = greatest(lanes.told, excluded.told)
"""
_ADD_NUMBERS: Final = """
INSERT INTO journals (log, source, numbers)
SELECT log, source, numbers::int8multirange
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (log, source, numbers) ORDER BY log, source
ON CONFLICT (log, source) DO UPDATE SET numbers = journals.numbers + excluded.numbers
"""
_ADD_SEQUENCES: Final = """
INSERT INTO subjects (log, source, subject, numbers)
SELECT log, source, subject, numbers::int8multirange
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (log, source, subject, numbers) ORDER BY log, source, subject
ON CONFLICT (log, source, subject) DO UPDATE SET numbers = subjects.numbers + excluded.numbers
"""


def numbers_of(log: LogName, noted: Noted) -> list[Numbered]:
    """Return the entries' `sourcesequence` numbers."""
    return [Numbered(log, source, number) for source, numbers in noted.numbers().items() for number in numbers]


def sequences_of(log: LogName, noted: Noted) -> list[Counted]:
    """Return the entries' `sequence` numbers."""
    return [Counted(log, *subject, number) for subject, numbers in noted.sequences.items() for number in numbers]


def _by_journal(numbers: Iterable[Numbered]) -> dict[Journal, list[int]]:
    journals: dict[Journal, list[int]] = {}
    for log, source, number in numbers:
        journals.setdefault((log, source), []).append(number)
    return journals


def _by_subject(numbers: Iterable[Counted]) -> dict[Subject, list[int]]:
    subjects: dict[Subject, list[int]] = {}
    for log, source, subject, number in numbers:
        subjects.setdefault((log, source, subject), []).append(number)
    return subjects


def _number_runs(journals: Mapping[Journal, Iterable[int]]) -> NumberRuns:
    rows = [(*key, _multirange(each)) for key, each in journals.items()]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _sequence_runs(subjects: Mapping[Subject, Iterable[int]]) -> SequenceRuns:
    rows = [(*key, _multirange(each)) for key, each in subjects.items()]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


def _multirange(numbers: Iterable[int]) -> str:
    """Return the numbers as PostgreSQL writes them, for example `{[1,3],[5,5]}`."""
    return "{" + ",".join([f"[{first},{last}]" for first, last in runs(numbers)]) + "}"
