"""`make bench`: speed, as ratios within one run. A run that lost or doubled anything prints VOID and fails."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from shared.memory import settle
from tests.bench import exports, query
from tests.bench.commands import measure_commands
from tests.bench.ground import ground, servers
from tests.bench.inboxes import measure_inbox
from tests.bench.ingest import measure_log
from tests.bench.latency import measure_latency
from tests.bench.measure import Latency, Measure
from tests.bench.norway import measure_norway
from tests.bench.peers import measure_peers
from tests.bench.relays import measure_relay
from tests.bench.verify import measure_verify

PARTS = ("commands", "relay", "inbox", "latency", "verify", "log", "query")
ALONE = ("exports", "norway")
"""Measured only when it is asked for: each takes minutes, and norway no server."""


async def measure(
    parts: Sequence[str], *, peers: bool, entries: int | None, bytes_each: int | None, console: Console
) -> list[Measure | Latency]:
    """Return every measurement of `parts`."""
    results: list[Measure | Latency] = []
    with servers() as given:
        async with ground(given) as made:
            if "commands" in parts:
                console.print("[dim]commands over HTTP …[/]")
                results += await measure_commands(made)
            if "relay" in parts:
                console.print("[dim]draining an outbox …[/]")
                results += await measure_relay(made)
            if "inbox" in parts:
                console.print("[dim]taking events in …[/]")
                results += await measure_inbox(made)
            if "latency" in parts:
                console.print("[dim]from commit to consumer …[/]")
                results += await measure_latency(made)
            if "verify" in parts:
                console.print("[dim]verifying a log …[/]")
                results += await measure_verify(made)
            if "log" in parts:
                console.print("[dim]into the confidentiality log …[/]")
                results += await measure_log(made)
            if "query" in parts:
                count = entries or query.DEFAULT_ENTRIES
                console.print(f"[dim]a case among {count:,} entries, which takes minutes to fill in …[/]")
                results += await query.measure_query(made, count, bytes_each)
            if "exports" in parts:
                count = entries or exports.DEFAULT_ENTRIES
                console.print(f"[dim]exports of {count:,} entries …[/]")
                results += await exports.measure_exports(made, count)
            if peers:
                console.print("[dim]the peers …[/]")
                results += await measure_peers(made, results)
    return results


def show(results: Sequence[Measure | Latency], console: Console) -> None:
    """Print the table."""
    console.print(
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}; the middle of several rounds"
    )
    table = Table("what", "a second", "beside", "a second", "ratio", "target", "")
    for result in results:
        if isinstance(result, Measure):
            table.add_row(*_row(result))
    console.print(table)
    for result in results:
        if isinstance(result, Latency):
            console.print(
                f"{result.what}: "
                + (f"VOID: {result.void}" if result.void else f"p50 {result.p50:.1f} ms, p99 {result.p99:.1f} ms")
                + ("" if result.target is None else f", target < {result.target:g} ms {_coloured(result.verdict)}")
            )
        elif result.void:
            console.print(f"[red]VOID[/]: {result.what}: {result.void}")
        for note in result.notes if isinstance(result, Measure) else ():
            console.print(f"[dim]{result.what}: {note}[/]")


def _row(measure: Measure) -> list[str]:
    targets = [f"≥ {measure.target:g}"] if measure.target is not None else []
    targets += [f"≥ {measure.least:,.0f} a second"] if measure.least is not None else []
    return [
        measure.what,
        _middle(measure.rates),
        measure.beside,
        _middle(measure.base),
        "" if measure.ratio is None else f"{measure.ratio:.2f}",
        ", ".join(targets),
        _coloured(measure.verdict),
    ]


def _coloured(verdict: str) -> str:
    colour = {"met": "green", "missed": "yellow", "VOID": "red", "": "default"}[verdict]
    return f"[{colour}]{verdict}[/]"


def _middle(rates: Sequence[float]) -> str:
    return f"{sorted(rates)[len(rates) // 2]:,.0f}" if rates else ""


def main() -> int:
    """Measure, print, and return 1 when a result is void."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="measure Debezium and faststream-outbox too")
    parser.add_argument("--only", choices=(*PARTS, *ALONE), action="append", help="measure only this")
    parser.add_argument(
        "--entries", type=int, help="how many the log has that is searched (10,000,000), or exported (1,000,000)"
    )
    parser.add_argument("--entry-bytes", type=int, help="how long each that is searched is, if it is to be no record")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console = Console()
    settle()  # as every service does; what is measured beside it runs in this process too
    asked = options.only or PARTS
    results: list[Measure | Latency] = []
    if "norway" in asked:
        console.print("[dim]the year of all Norway, three to four minutes …[/]")
        results.append(measure_norway())
    if parts := [part for part in asked if part != "norway"]:
        results += uvloop.run(
            measure(
                parts,
                peers=options.peers,
                entries=options.entries,
                bytes_each=options.entry_bytes,
                console=console,
            )
        )
    show(results, console)
    return 1 if any(result.void for result in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
