"""Reads what municipalities decide about their cases, from the same files that the meetings service reads its part of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from services.cases.domain.profile import MunicipalProfile, read_cases
from shared.profiles import Document, ProfileError
from shared.refs import LogScope


def read_cases_profiles(folder: Path) -> Mapping[LogScope, MunicipalProfile]:
    """Return every profile in `folder` that states something about cases, by municipality.

    Raises:
        ProfileError: one cannot be used, there is none, or two are for the same municipality.
    """
    profiles: dict[LogScope, MunicipalProfile] = {}
    for file in sorted(folder.glob("*.yaml")):
        for profile in _read(file.read_text(encoding="utf-8"), file.name):
            if profile.scope in profiles:
                raise ProfileError(f"{file.name}, line 1: municipality {profile.scope} has another profile already")
            profiles[profile.scope] = profile
    if not profiles:
        raise ProfileError(f"no profile in {folder} says anything about cases")
    return MappingProxyType(profiles)


@lru_cache(maxsize=64)
def _read(text: str, name: str) -> tuple[MunicipalProfile, ...]:
    return tuple(read_cases(Document(text, name)))
