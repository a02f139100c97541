"""Reads what municipalities decide about their patterns: the policy file, and the school holidays in their profiles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from services.audit.domain.pattern_policy import Closed, Policies, PolicyError, read_policies
from shared.plain_yaml import read_yaml
from shared.refs import LogScope, LogScopeField


class _Calendar(BaseModel):
    school_holidays: tuple[Closed, ...] = ()


class _Municipality(BaseModel):
    number: LogScopeField


class _Together(BaseModel):
    municipalities: tuple[_Municipality, ...]


class _Named(BaseModel):
    """What is read here of a profile; the rest is the meetings service's."""

    municipality: LogScopeField | None = None
    together: _Together | None = None
    calendar: dict[str, object] = {}


def read_configuration(policy_file: Path, municipalities_folder: Path) -> Policies:
    """Return every municipality's rules.

    Raises:
        PolicyError: the policy file or a profile cannot be used.
    """
    holidays = {}
    for file in sorted(municipalities_folder.glob("*.yaml")):
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise PolicyError(f"{file.name} cannot be read: {type(error).__name__}") from error
        scopes, closed = _holidays(text, file.name)
        holidays.update(dict.fromkeys(scopes, closed))
    try:
        text = policy_file.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{policy_file.name} cannot be read: {type(error).__name__}") from error
    return read_policies(text, holidays, policy_file.name)


@lru_cache(maxsize=64)
def _holidays(text: str, name: str) -> tuple[Sequence[LogScope], tuple[Closed, ...]]:
    try:
        profile = _Named.model_validate(read_yaml(text))
        days = profile.calendar.get("school_holidays") or ()
        named = ("first", "last")
        spans = [{name: day[name] for name in named} for day in days] if isinstance(days, list) else []
        several = [each.number for each in profile.together.municipalities] if profile.together else []
        whose = [profile.municipality] if profile.municipality is not None else several
        return whose, _Calendar.model_validate({"school_holidays": spans}).school_holidays
    except (yaml.YAMLError, ValidationError, KeyError, TypeError) as error:
        raise PolicyError(f"{name} cannot be used: {type(error).__name__}") from error
