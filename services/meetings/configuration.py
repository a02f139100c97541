"""Reads what municipalities decide: their profiles, and the dated wording of the consent as a legal basis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml
from pydantic import ValidationError

from services.meetings.domain.profile import Profile, read_profiles_in, states_meetings
from services.meetings.errors import ArenaRetiredError
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import LegalBasis
from shared.plain_yaml import read_yaml
from shared.profiles import ProfileError
from shared.refs import LogScope

LEGAL_BASES: Final = "legal-bases.yaml"
CONSENT: Final = "consent"


class CodeListError(ValueError):
    """The code list of legal bases cannot be used."""


class _Wording(Model):
    code: str
    valid_from: date
    valid_to: date | None = None


class _Wordings(Model):
    bases: tuple[_Wording, ...]


@dataclass(frozen=True)
class ConsentBasis:
    """The consent as a legal basis, in the wordings that have been in force."""

    wordings: tuple[tuple[date, date | None], ...]

    def at(self, moment: datetime) -> LegalBasis:
        """Return the wording in force in Norway at `moment`.

        Raises:
            CodeListError: the code list has none for that day.
        """
        day = oslo_day(moment)
        for first, last in self.wordings:
            if first <= day and (last is None or day <= last):
                return LegalBasis(code=CONSENT, version=first.isoformat())
        raise CodeListError(f"{LEGAL_BASES} has no wording of {CONSENT} for {day}")


def read_consent_basis(folder: Path) -> ConsentBasis:
    """Return the wordings of the consent in the code list in `folder`.

    Raises:
        CodeListError: the file is missing, or does not have the right fields, or no row for the consent.
    """
    file = folder / LEGAL_BASES
    try:
        rows = _Wordings.model_validate(read_yaml(file.read_text(encoding="utf-8"))).bases
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise CodeListError(f"{LEGAL_BASES} cannot be used: {type(error).__name__}") from error
    wordings = tuple((row.valid_from, row.valid_to) for row in rows if row.code == CONSENT)
    if not wordings:
        raise CodeListError(f"{LEGAL_BASES} has no row for {CONSENT}")
    return ConsentBasis(wordings)


def read_profiles(folder: Path) -> Mapping[LogScope, Profile]:
    """Return every profile in `folder` that states meetings, by municipality.

    Raises:
        ProfileError: one cannot be used, there is none, or two are for the same municipality.
    """
    profiles: dict[LogScope, Profile] = {}
    for file in sorted(folder.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        if not states_meetings(text, file.name):
            continue
        for profile in read_profiles_in(text, file.name):
            if profile.scope in profiles:
                raise ProfileError(f"{file.name}, line 1: municipality {profile.scope} has another profile already")
            profiles[profile.scope] = profile
    if not profiles:
        raise ProfileError(f"there is no profile in {folder}")
    return MappingProxyType(profiles)


def profile_of(profiles: Mapping[LogScope, Profile], municipality: LogScope) -> Profile:
    """Return the municipality's profile.

    Raises:
        ArenaRetiredError: it has none here, so it has no arenas.
    """
    profile = profiles.get(municipality)
    if profile is None:
        raise ArenaRetiredError
    return profile
