"""A concern report is set as a letter whatever stands in it: the way by paper is the last one there is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.cases.channel import ReportDocument, ReportedChild
from services.cases.letters import TEMPLATE, lay_out
from shared.contracts.codes import Role, Service
from shared.refs import ConcernReportRef
from shared.typesetting import asked, typeset
from tests.unit.pdf_as_read import Pdf

NOON = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)


def letter(text: str, said: str | None) -> bytes:
    """The PDF, without the process that sets it in a service."""
    document = ReportDocument(
        report=ConcernReportRef("rep_" + "b" * 26),
        sent_at=NOON,
        municipality="4005",
        reporter_role=Role.TEACHER,
        reporter_service=Service.BARNEHAGE,
        reporter_organisation=None,
        ground="maltreatment-or-neglect",
        ground_letter="a",
        ground_text="Grunn til å tro at barnet blir mishandlet",
        section="barnevernsloven § 13-2",
        child=ReportedChild(name="Solstråle Eksempelsen", national_number="15912156831", born=date(2021, 11, 15)),
        guardians=(),
        guardians_informed=False,
        not_informed_because="danger-to-child",
        child_heard_by="conversation",
        child_said=said,
        not_heard_because=None,
        text=text,
    )
    return typeset(asked(TEMPLATE, {"letter": lay_out(document)}, made_at=NOON))


@pytest.mark.rule(93)
@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=40))
@example("\u2016 \u2020 \u2022 \u2025 \u4f60 \U0001f600 #set page() $ \\ *x*")
def test_whatever_is_written_is_set(text: str) -> None:
    assert letter(text, text).startswith(b"%PDF-1.7")


@pytest.mark.rule(93, 99)
def test_the_lines_of_what_was_seen_and_said_stay_lines() -> None:
    read = Pdf(letter("Kom uten mat.\nFortalte om netter alene.", "Vil hjem.\nVil ikke hjem.")).tree().text
    for sentence in ("Kom uten mat.", "Fortalte om netter alene.", "Vil hjem.", "Vil ikke hjem."):
        assert sentence in read
    assert "?" not in read
