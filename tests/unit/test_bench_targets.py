"""What the bench says of its targets: a ratio, a rate, the slowest of a hundred; what lost something is void whatever it reached."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.bench.__main__ import show
from tests.bench.measure import Latency, Measure


@pytest.mark.parametrize(
    ("rates", "target", "least", "void", "verdict"),
    [
        ((240.0, 250.0, 900.0), None, 250.0, "", "met"),
        ((240.0, 249.0, 900.0), None, 250.0, "", "missed"),
        ((240.0, 250.0, 900.0), 0.9, 250.0, "", "missed"),
        ((450.0, 450.0, 450.0), 0.9, 250.0, "", "met"),
        ((450.0, 450.0, 450.0), 0.9, 451.0, "", "missed"),
        ((450.0, 450.0, 450.0), 0.9, 250.0, "one is lost", "VOID"),
        ((450.0, 450.0, 450.0), None, None, "", ""),
    ],
)
def test_a_rate_and_a_ratio_are_both_reached_or_it_is_missed(
    rates: tuple[float, ...], target: float | None, least: float | None, void: str, verdict: str
) -> None:
    base = (500.0, 500.0, 500.0)
    assert Measure("x", rates, "y", base, target=target, least=least, void=void).verdict == verdict


def test_a_latency_is_under_its_target_or_misses_it_and_the_bench_prints_both() -> None:
    results: list[Measure | Latency] = [
        Measure("verify", (249_000.0,), "SHA-256", (1_000_000.0,), least=250_000.0),
        Latency("fast", 1.0, 9.9, target=10.0),
        Latency("slow", 1.0, 10.0, target=10.0),
        Latency("lost", 1.0, 2.0, "two are lost", 10.0),
        Latency("free", 1.0, 2.0),
    ]
    assert [each.verdict for each in results] == ["missed", "met", "missed", "VOID", ""]
    printed = io.StringIO()
    show(results, Console(file=printed, width=200))
    said = printed.getvalue()
    assert "≥ 250,000 a second" in said
    assert "fast: p50 1.0 ms, p99 9.9 ms, target < 10 ms met\n" in said
    assert "slow: p50 1.0 ms, p99 10.0 ms, target < 10 ms missed\n" in said
    assert "lost: VOID: two are lost, target < 10 ms VOID\n" in said
    assert "free: p50 1.0 ms, p99 2.0 ms\n" in said
