"""Invented people have synthetic numbers, and no real-looking number stands anywhere in the tree."""

from __future__ import annotations

import random
import subprocess
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.testing.people import People, check_digits, ordinary_numbers, synthetic_number

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"uv.lock", "tests/contract/asyncapi/package-lock.json"}
"""Written by package managers: hashes, in which any digits may stand."""


def ordinary(born: date, *, add_to_day: int = 0) -> str:
    """Return a number as a real person's would be; made here and now, so that none stands in this file."""
    for individual in range(1000):
        nine = f"{born.day + add_to_day:02}{born.month:02}{born.year % 100:02}{individual:03}"
        digits = check_digits(nine)
        if digits is not None:
            return nine + digits
    raise AssertionError("every day has numbers")


@given(st.dates(date(1940, 1, 1), date(2039, 12, 31)), st.integers())
def test_a_synthetic_number_has_valid_check_digits_and_a_month_past_eighty(born: date, seed: int) -> None:
    number = synthetic_number(born, random.Random(seed))
    assert len(number) == 11
    assert number[9:] == check_digits(number[:9])
    assert int(number[:2]) == born.day
    assert int(number[2:4]) == born.month + 80
    assert ordinary_numbers(number) == []


def test_the_check_digits_are_those_worked_out_by_hand() -> None:
    # 01 81 70 000: K1 = 11 - (3*0+7*1+6*8+1*1+8*7+9*0+4*0+5*0+2*0) mod 11 = 11 - 112 mod 11 = 9
    #               K2 = 11 - (4*1+3*8+2*1+7*7+2*9) mod 11 = 11 - 97 mod 11 = 2
    assert check_digits("018170000") == "92"


def test_the_same_seed_gives_the_same_people_and_nobody_twice() -> None:
    first, second = People(7), People(7)
    crowd = [first.guardian() for _ in range(200)] + [first.child(age=age) for age in range(17)]
    assert crowd == [second.guardian() for _ in range(200)] + [second.child(age=age) for age in range(17)]
    assert len({person.national_number for person in crowd}) == len(crowd)


@given(st.integers(0, 17), st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers())
def test_a_child_has_the_age_asked_for(age: int, on: date, seed: int) -> None:
    born = People(seed).child(on, age=age).born
    had_birthday = (on.month, on.day) >= (born.month, born.day)
    assert on.year - born.year - (0 if had_birthday else 1) >= age


@pytest.mark.parametrize("add_to_day", [0, 40])
@given(born=st.dates(date(1940, 1, 1), date(2039, 12, 31)))
def test_the_search_finds_what_could_be_a_real_number(add_to_day: int, born: date) -> None:
    number = ordinary(born, add_to_day=add_to_day)
    assert ordinary_numbers(f"x {number}.") == [number]
    assert ordinary_numbers(f'"{number[:6]} {number[6:]}"') == [number]
    wrong = number[:10] + str((int(number[10]) + 1) % 10)
    assert ordinary_numbers(wrong) == []


def test_no_real_looking_national_number_stands_in_the_tree() -> None:
    tracked = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    found = {
        name: numbers
        for name in tracked
        if name and name not in NOT_OURS and (ROOT / name).is_file()
        if (numbers := ordinary_numbers((ROOT / name).read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}
