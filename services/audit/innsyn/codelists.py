"""The dated code lists that the report looks words and rules up in: what a basis was called, and where a recipient has a name."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import yaml
from pydantic import Field, ValidationError

from shared.contracts.base import Model
from shared.contracts.codes import Language, LegalBasis, Service
from shared.plain_yaml import read_yaml

LEGAL_BASES: Final = "legal-bases.yaml"
IDENTITY: Final = "innsyn-identity.yaml"

M = TypeVar("M", bound=Model)


class CodeListError(ValueError):
    """A code list cannot be used; the message says which file and where."""


class BasisWords(Model):
    """One wording of one legal basis, from a day on."""

    code: str
    valid_from: date
    section: str
    title: str
    title_nn: str
    title_en: str

    def words(self, language: Language) -> str:
        """Return what it is called."""
        return {Language.NB: self.title, Language.NN: self.title_nn, Language.EN: self.title_en}[language]


class IdentityRow(Model):
    """Whether a report names the persons of some services, from a day and until another."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    """The last day, or none."""
    services: frozenset[Service] | None = None
    """None: every service that no other row speaks of."""
    named: bool
    section: str
    source: str


class CodeLists(Model):
    """What the report looks up."""

    bases: tuple[BasisWords, ...]
    identity: tuple[IdentityRow, ...]

    def basis(self, recorded: LegalBasis) -> BasisWords | None:
        """Return the wording that was in force when it was recorded; None where the list does not have it."""
        for row in self.bases:
            if (row.code, row.valid_from.isoformat()) == (recorded.code, recorded.version):
                return row
        return None

    def named_by(self, service: Service | None, day: date) -> IdentityRow | None:
        """Return the row by which somebody in `service` who was told on `day` is named; None: not named."""
        fitting = [
            row
            for row in self.identity
            if row.valid_from <= day
            and (row.valid_to is None or day <= row.valid_to)
            and (row.services is None or service in row.services)
        ]
        if not fitting:
            return None
        nearest = min(fitting, key=lambda row: row.services is None)
        return nearest if nearest.named else None


class _LegalBases(Model):
    bases: tuple[BasisWords, ...]


class _Identity(Model):
    identity: tuple[IdentityRow, ...]


def read_codelists(folder: Path) -> CodeLists:
    """Return the code lists in `folder`.

    Raises:
        CodeListError: a file is missing, is not YAML, or does not have the right fields.
    """
    return CodeLists(
        bases=_read(folder / LEGAL_BASES, _LegalBases).bases, identity=_read(folder / IDENTITY, _Identity).identity
    )


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise CodeListError(f"{path.name}: {error}") from error
