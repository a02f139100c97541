"""What counts as a visit to a public page (seed rule 150): somebody who looks, and no program that fetches.

What a request says of the browser is judged at that moment and forgotten: a visit is a number, and nothing of who came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from shared.refs import LogScope

_BROWSER: Final = ("Mozilla/", "Opera/")
"""How every browser that people use begins to say what it is."""
_ROBOT: Final = re.compile(
    # Cubot makes telephones.
    r"(?<!cu)bot\b|crawl|spider|slurp|scrap|preview|externalhit|headless|lighthouse|monitor|uptime|pingdom|archiver|validator"
    r"|compatible; *[a-z]+(?:agent|fetch|check)",
    re.IGNORECASE,
)


class PublicPage(StrEnum):
    """A page for everybody."""

    GUIDE = "guide"
    """Offers, rights and duties (seed rule 142)."""


@dataclass(frozen=True, slots=True)
class Visited:
    """What is counted of a visit, and all of it."""

    municipality: LogScope
    page: PublicPage
    month: date
    """Its first day, in Norway."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What a request says of itself."""

    content: bool
    """Whether it asks for the page and not only for its headers (HEAD)."""
    browser: str
    """User-Agent."""
    purpose: str
    """Sec-Purpose and its older names: what is fetched ahead may never be looked at."""
    destination: str
    """Sec-Fetch-Dest; empty in browsers that do not say."""


def counts(looking: Looking) -> bool:
    """Return whether it is a visit."""
    return (
        looking.content
        and looking.browser.startswith(_BROWSER)
        and not _ROBOT.search(looking.browser)
        and not looking.purpose.strip()
        and looking.destination in {"", "document"}
    )


def month_of(day: date) -> date:
    """Return the first day of its month."""
    return day.replace(day=1)
