"""The profiles that the stories are played with: the shipped ones, and what a story needs beside what its source says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).resolve().parents[1] / "municipalities"
GRENLAND: Final[Mapping[str, str]] = {
    "4001": "Porsgrunn",
    "4010": "Siljan",
    "4012": "Bamble",
    "4014": "Kragerø",
    "4016": "Drangedal",
}
"""The municipalities beside Skien that report by the same template (seed rule 135)."""
NOT_YET: Final = "unit:kvikne-barnehage"
"""In the story the unit that has no TST yet (seed rule 52)."""


def write_profiles(folder: Path) -> Mapping[str, str]:
    """Write the profiles to `folder`, and return the settings by which the services read them there."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in SHIPPED.glob("*.yaml"):
        (folder / file.name).write_text(_changed(file.stem, file.read_text(encoding="utf-8")), encoding="utf-8")
    skien = (SHIPPED / "skien.yaml").read_text(encoding="utf-8")
    for number, name in GRENLAND.items():
        (folder / f"{_letters(name)}.yaml").write_text(_as_skien(skien, number, name), encoding="utf-8")
    return {"MUNICIPALITIES_FOLDER": str(folder), "AUDIT_MUNICIPALITIES_FOLDER": str(folder)}


def _changed(profile: str, text: str) -> str:
    if profile != "nord-osterdal":
        return text
    return _put(text, "everywhere: {rule: 52}", f'everywhere: {{not_yet: ["{NOT_YET}"], rule: 52}}')


def _as_skien(skien: str, number: str, name: str) -> str:
    """Return the profile of another municipality of Grenland: Skien's template, and units of its own."""
    named = _put(skien, 'municipality: "4003"\nname: Skien\n', f'municipality: "{number}"\nname: {name}\n')
    return named.replace('"unit:', f'"unit:{_letters(name)}-')


def _letters(name: str) -> str:
    return name.lower().replace("ø", "o")


def _put(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the profile says {old!r} not once")
    return text.replace(old, new)
