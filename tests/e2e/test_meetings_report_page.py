"""A report's page, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from services.meetings.domain.reports import Known
from services.meetings.pages.report_page import REPORT, render_report
from tests.e2e.still_page import LOOKS, examined
from tests.unit.report_world import SKIEN, content, period, story, surveyed

pytestmark = [pytest.mark.slow]


async def test_the_page_has_no_barrier() -> None:
    """WCAG 2.2 AA in each language, light and dark: charts, tables that are wide, hidden numbers, municipalities side by side."""
    beside = SKIEN.model_copy(update={"name": "Porsgrunn"})
    others = [Known(beside, story(beside, 5, 60, period().begins))]
    told = content(SKIEN, "grenland-part-2", others=others, results=[surveyed(7), surveyed(None)])
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, colours in LOOKS:
            await examined(browser, render_report(told, SKIEN, language), REPORT.headers, language, colours, letters=16)
        await browser.close()
