"""A concern report as a letter, a PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from pydantic import JsonValue

from services.cases.channel import ReportDocument
from services.cases.errors import LetterUnavailableError
from shared.clock import OSLO
from shared.typesetting import NotSetError, set_pdf

TEMPLATE: Final = Path(__file__).with_name("templates") / "letter.typ"

_REASONS: Final = {
    "danger-to-child": "Det kan utsette barnet for fare.",
    "danger-to-others": "Det kan utsette andre for fare.",
    "evidence-at-risk": "Det kan skade en etterforskning.",
    "too-young": "Barnet er for lite til å bli hørt i en samtale.",
    "does-not-wish": "Barnet ønsker ikke å si noe.",
    "not-able": "Barnet er ikke i stand til å gi uttrykk for sitt syn.",
    "danger": "En samtale kunne utsette barnet for fare.",
}
_HEARD: Final = {
    "conversation": "i en samtale",
    "observation": "ved observasjon",
    "drawing-or-play": "gjennom tegning eller lek",
    "written": "skriftlig",
    "through-guardian": "gjennom en foresatt",
    "not-able": "forsøkt, uten at barnet kunne gi uttrykk for sitt syn",
}

log = structlog.get_logger(__name__)


def lay_out(document: ReportDocument) -> dict[str, JsonValue]:
    """Return the letter in words, part by part."""
    sent = document.sent_at.astimezone(OSLO)
    informed = "Foresatte er informert om meldingen."
    if not document.guardians_informed:
        informed = f"Foresatte er ikke informert. {_REASONS[document.not_informed_because or 'danger-to-child']}"
    if document.child_said is not None:
        heard = [
            f"Barnet er hørt {_HEARD[document.child_heard_by or 'conversation']}.",
            *document.child_said.split("\n"),
        ]
    elif document.not_heard_because is not None:
        heard = [f"Barnet er ikke hørt. {_REASONS[document.not_heard_because]}"]
    else:
        heard = ["Barnet er hørt tidligere i saken."]
    child = (
        f"{document.child.name}, født {document.child.born:%d.%m.%Y}, fødselsnummer {document.child.national_number}"
    )
    guardians = [
        f"{one.name}, fødselsnummer {one.national_number}"
        + (f", telefon {one.phone}" if one.phone else "")
        + f", språk {one.language}"
        for one in document.guardians
    ]
    parts: list[JsonValue] = [
        {"heading": "Barnet", "paragraphs": [child]},
        {"heading": "Foresatte", "paragraphs": [*guardians] or ["Ingen kjent med foreldreansvar."]},
        {"heading": "Grunnlag", "paragraphs": [document.section, document.ground_text]},
        {"heading": "Bekymringen", "paragraphs": [*document.text.split("\n")]},
        {"heading": "Barnets syn", "paragraphs": [*heard]},
        {"heading": "Informasjon til foresatte", "paragraphs": [informed]},
        {
            "heading": "Tilbakemelding",
            "paragraphs": ["Offentlig melder ber om tilbakemelding innen tre uker (barnevernsloven § 13-3)."],
        },
    ]
    return {
        "title": "Bekymringsmelding til barnevernet",
        "reference": document.report,
        "facts": [
            ["Sendt", f"{sent:%d.%m.%Y %H:%M}"],
            ["Kommune", document.municipality],
            ["Melder", f"{document.reporter_role} ({document.reporter_service or 'ukjent tjeneste'})"],
            ["Organisasjon", document.reporter_organisation or "–"],
        ],
        "parts": parts,
    }


async def make_letter(document: ReportDocument, *, made_at: datetime) -> bytes:
    """Return the letter as PDF/UA, set by a process of its own that is told nothing else.

    Raises:
        LetterUnavailableError: it was not set, or not in time.
    """
    try:
        return await set_pdf(TEMPLATE, {"letter": lay_out(document)}, made_at=made_at)
    except NotSetError as error:
        log.warning("a letter could not be set as a PDF", status=error.status)
        raise LetterUnavailableError from None
