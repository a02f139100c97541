"""What `docs/reports.md` says is what there is. `PICTURES=1 pytest tests/unit/test_docs_reports.py` draws its picture anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

from services.meetings import errors
from services.meetings.domain.figures import IN_FULL, FigureCode
from services.meetings.pages.report_page import render_chart
from shared.contracts.codes import Language
from tests.unit.report_world import TYNSET, content

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "reports.md").read_text(encoding="utf-8")


def test_every_figure_stands_on_the_page_with_whether_it_is_shown_in_full() -> None:
    said: dict[str, str] = {}
    for names, hides in re.findall(r"^\| (`[^|]+) \| [^|]+ \| [^|]+ \| (shown|hidden) \|$", PAGE, re.MULTILINE):
        said |= dict.fromkeys(re.findall(r"`([a-z-]+)`", names), hides)
    assert said == {code.value: "shown" if code in IN_FULL else "hidden" for code in FigureCode}
    for error in (errors.ReportsForbiddenError, errors.PeriodNotOverError):
        assert f"`{error.code}`" in PAGE


def test_the_picture_is_what_the_code_draws() -> None:
    drawn = render_chart(content(), TYNSET, FigureCode.CASES_BY_LEVEL, Language.EN)
    file = DOCS / "pictures" / "report-chart.svg"
    if os.environ.get("PICTURES"):
        file.write_text(drawn, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == drawn
