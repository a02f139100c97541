"""The knobs of the meetings service."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shared.settings import ServiceSettings

_SHIPPED: Final = Path(__file__).resolve().parents[2] / "deploy"


class MeetingsSettings(ServiceSettings):
    """What the meetings service is told by its environment."""

    http_port: int = 8002
    """Zero: any free port."""
    municipalities_folder: Path = _SHIPPED / "municipalities"
    """One profile per municipality, `<name>.yaml`."""
    codelists_folder: Path = _SHIPPED / "codelists"
    """The dated code list of legal bases."""
    cases_url: str | None = None
    """Where the cases service is: it is asked who is of a child's family; unset, nobody answers an invitation as one of it."""
