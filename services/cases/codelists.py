"""Reads the dated code lists that the decisions look things up in."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from services.cases.domain.glass import GlassRules
from services.cases.domain.grantors import AreaRow, ConsentRules, ConsentTimes, GrantorRow, ReassessmentRow
from services.cases.domain.rules import BasisRow, InsightRow, MunicipalityRow, RetentionRow, Rules
from shared.contracts.base import Model
from shared.plain_yaml import read_yaml

M = TypeVar("M", bound=Model)

LEGAL_BASES = "legal-bases.yaml"
GRANTORS = "consent-grantors.yaml"
TIMES = "consent-times.yaml"
INSIGHT = "insight-right.yaml"
RETENTION = "retention.yaml"
BREAK_GLASS = "break-glass.yaml"
MUNICIPALITIES = "municipalities.yaml"


class CodeListError(ValueError):
    """A code list cannot be used; the message says which file and where."""


class _LegalBases(Model):
    bases: tuple[BasisRow, ...]


class _Grantors(Model):
    areas: tuple[AreaRow, ...]
    grantors: tuple[GrantorRow, ...]


class _Retention(Model):
    classes: tuple[RetentionRow, ...]


class _Times(Model):
    times: tuple[ConsentTimes, ...]
    reassessments: tuple[ReassessmentRow, ...]


class _Municipalities(Model):
    municipalities: tuple[MunicipalityRow, ...]


class _Ages(Model):
    ages: tuple[InsightRow, ...]


def read_rules(folder: Path) -> Rules:
    """Return the rules with the code lists in `folder`.

    Raises:
        CodeListError: a file is missing, is not YAML, or does not have the right fields.
    """
    bases = _read(folder / LEGAL_BASES, _LegalBases)
    grantors = _read(folder / GRANTORS, _Grantors)
    times = _read(folder / TIMES, _Times)
    insight = _read(folder / INSIGHT, _Ages)
    retention = _read(folder / RETENTION, _Retention)
    municipalities = _read(folder / MUNICIPALITIES, _Municipalities)
    consent = ConsentRules(
        areas=grantors.areas, grantors=grantors.grantors, times=times.times, reassessments=times.reassessments
    )
    return Rules(
        bases=bases.bases,
        consent=consent,
        insight=insight.ages,
        retention=retention.classes,
        municipalities=municipalities.municipalities,
    )


def read_glass_rules(folder: Path) -> GlassRules:
    """Return who may open a case in an emergency, from `folder`.

    Raises:
        CodeListError: as `read_rules`.
    """
    return _read(folder / BREAK_GLASS, GlassRules)


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise CodeListError(f"{path.name}: {error}") from error
