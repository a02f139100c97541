"""Every message can be read by whoever it is for (seed rule 101): LIX, in every language."""

from __future__ import annotations

import re
from datetime import datetime
from statistics import mean

import pytest

from services.meetings.domain.meeting import Status
from services.meetings.pages.texts import WORDS
from services.notify import invitation
from services.notify.texts import LEAVING, Texts
from shared.clock import OSLO
from shared.contracts.codes import Language

pytestmark = pytest.mark.rule(101)

TEXTS = Texts()
DUE = datetime(2026, 9, 21, 10, 30, tzinfo=OSLO)
HARDEST = 45
"""No single message above this: the middle of what is easy to read in newspapers (40) and not yet hard (55)."""
USUAL = 28
"""The messages of a language together: as easy as books for children (below 30)."""
_LONG = 6
"""Letters; a longer word counts as long (Björnsson 1968)."""


def lix(text: str) -> float:
    """Return words per sentence, and long words per hundred words."""
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text)
    sentences = [each for each in re.split(r"[.!?:\n]+", text) if each.strip()]
    return len(words) / len(sentences) + 100 * sum(len(word) > _LONG for word in words) / len(words)


def said(template: str, language: Language) -> str:
    """Return subject and text without the address, which nobody reads."""
    text = TEXTS.text(template, TEXTS.latest(template), language, due=DUE, link="")
    return f"{text.subject}\n{text.body}"


@pytest.mark.parametrize("language", list(Language))
def test_every_message_is_easy_to_read(language: Language) -> None:
    found = {template: lix(said(template, language)) for template in sorted(TEXTS.templates)}
    assert {template: round(value) for template, value in found.items() if value > HARDEST} == {}
    assert mean(found.values()) <= USUAL
    assert set(found) >= LEAVING


def test_the_measure_tells_hard_from_easy() -> None:
    assert lix("Du har en melding. Logg inn for å lese den.") < 20
    hard = "Forvaltningsmyndighetenes saksbehandlingsrutiner forutsetter tverrfaglig samhandlingskompetanse innenfor opplæringssektoren."
    assert lix(hard) > 80


@pytest.mark.parametrize("language", list(Language))
def test_an_entry_in_a_calendar_has_the_words_of_the_meetings_own_calendars(language: Language) -> None:
    assert invitation.TITLES[language] == WORDS[language].what
    assert invitation.CANCELLED[language] == WORDS[language].statuses[Status.CANCELLED]
