"""Reads the dated code lists of the work around the child: which decisions the child is heard before, the grounds of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import yaml
from pydantic import ValidationError

from services.cases.codelists import CodeListError
from services.cases.domain.hearing import Hearing, HearingRow
from services.cases.domain.reports import Grounds
from shared.contracts.base import Model
from shared.plain_yaml import read_yaml

HEARING: Final = "hearing-the-child.yaml"
GROUNDS: Final = "report-grounds.yaml"
M = TypeVar("M", bound=Model)


class _Decisions(Model):
    decisions: tuple[HearingRow, ...]


def read_hearing(folder: Path) -> Hearing:
    """Return which decisions the child is heard before.

    Raises:
        CodeListError: the file is missing, is not YAML, or does not have the right fields.
    """
    return Hearing(rows=_read(folder / HEARING, _Decisions).decisions)


def read_grounds(folder: Path) -> Grounds:
    """Return the grounds of a concern report.

    Raises:
        CodeListError: the file is missing, is not YAML, or does not have the right fields.
    """
    return _read(folder / GROUNDS, Grounds)


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise CodeListError(f"{path.name}: {error}") from error
