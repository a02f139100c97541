"""The policy that says how long the log keeps what, and by what right. Reading and checking it is pure; the database applies it.

Sources: pasientjournalloven §§ 22 a and 25, personvernforordningen art. 5 (1) e, arkivlova. The controller sets the periods.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator

from services.audit.domain.tiles import WIDTH
from services.audit.errors import PolicyRefusedError
from shared.contracts.base import Model
from shared.plain_yaml import read_yaml

LONGEST: Final = 64
"""Bundles pruned in one transaction at most."""
_SLUG: Final = r"^[a-z0-9][a-z0-9-]{2,59}$"


class _Written(Model):
    """A part of the file: a word that it does not know is a mistake, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


class Keep(_Written):
    """How long: months and years together, from a moment on."""

    years: int = Field(default=0, ge=0, le=200)
    months: int = Field(default=0, ge=0, le=11)
    after: Literal["logged", "case-ended"] = "logged"
    """From when the entry was logged; or from the last entry about its case, once the case has been closed."""

    @model_validator(mode="after")
    def _lasts(self) -> Keep:
        if self.total_months == 0:
            raise ValueError("something is kept for at least a month")
        return self

    @property
    def total_months(self) -> int:
        """Return the period in months."""
        return self.years * 12 + self.months


class Rule(_Written):
    """Which entries, for how long, by what right. What is left out does not matter."""

    name: str = Field(pattern=_SLUG)
    legal_basis: str = Field(min_length=10, max_length=500)
    logs: tuple[str, ...] | None = None
    """Municipality numbers, or `protected` for the logs of address-protected cases. `unparsable` is never pruned."""
    kinds: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    """Event types; `*` at the end stands for anything."""
    bases: tuple[str, ...] | None = None
    about_case: bool | None = None
    keep: Keep | Literal["for-ever"]

    @model_validator(mode="after")
    def _prunes_something(self) -> Rule:
        if "unparsable" in (*(self.logs or ()), *(self.kinds or ())):
            raise ValueError("the log `unparsable` is never pruned: no rule can be about it")
        return self

    @property
    def fits_everything(self) -> bool:
        """Return whether it governs whatever comes to it."""
        return all(each is None for each in (self.logs, self.kinds, self.types, self.bases, self.about_case))

    @property
    def type_patterns(self) -> tuple[str, ...] | None:
        """Return `types` as patterns of SQL's LIKE."""
        if self.types is None:
            return None
        escaped = (each.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for each in self.types)
        return tuple(f"{each[:-1]}%" if each.endswith("*") else each for each in escaped)


class Policy(_Written):
    """The controller's rules; the first that fits an entry governs it."""

    version: str = Field(min_length=1, max_length=40)
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _governs_everything(self) -> Policy:
        if len({rule.name for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules have one name")
        if not self.rules[-1].fits_everything:
            raise ValueError("the last rule must fit every entry")
        if any(rule.fits_everything for rule in self.rules[:-1]):
            raise ValueError("a rule after one that fits every entry would never govern")
        return self

    def canonical(self) -> str:
        """Return the policy as JSON: the same for two files that say the same."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of `canonical`, in hex: what a pruning names as its policy."""
        return sha256(self.canonical().encode()).hexdigest()


def read_policy(text: str) -> Policy:
    """Read a policy file.

    Raises:
        PolicyRefusedError: it is no YAML, or breaks a rule; the message says where.
    """
    try:
        return Policy.model_validate(read_yaml(text))
    except yaml.YAMLError as error:
        raise PolicyRefusedError(f"the policy is no YAML: {error}") from error
    except ValidationError as error:
        parts = [
            f"{'.'.join(str(step) for step in part['loc']) or 'together'}: {part['msg']}" for part in error.errors()
        ]
        raise PolicyRefusedError("; ".join(parts)) from error


@dataclass(frozen=True, slots=True)
class Span:
    """Whole bundles one after the other that go by one rule: the positions `first` to `last`."""

    first: int
    last: int
    rule: str

    @property
    def entries(self) -> int:
        """Return how many entries they hold."""
        return self.last - self.first + 1


def spans(bundles: Iterable[tuple[int, str]], longest: int = LONGEST) -> Iterator[Span]:
    """Yield the bundles, given in ascending order with their rules, as spans of at most `longest` bundles."""
    current: Span | None = None
    for bundle, rule in bundles:
        first, last = bundle * WIDTH, (bundle + 1) * WIDTH - 1
        if (
            current is not None
            and (current.last + 1, current.rule) == (first, rule)
            and current.entries < longest * WIDTH
        ):
            current = Span(current.first, last, rule)
            continue
        if current is not None:
            yield current
        current = Span(first, last, rule)
    if current is not None:
        yield current


def merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ascending (first, last) ranges with those joined that touch each other."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and joined[-1][1] + 1 >= first:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
