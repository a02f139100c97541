"""A report's page, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from services.meetings.domain.reports import Known
from services.meetings.pages.report_page import REPORT, render_report
from shared.contracts.codes import Language
from tests.e2e.still_page import BROKEN, LOOKS, examined
from tests.unit.report_world import PROFILES, SKIEN, content, period, story, surveyed

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


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("width", [1100, 400])
async def test_no_word_of_a_table_is_broken_however_narrow_the_screen(language: Language, width: int) -> None:
    """Of "Voksenopplæring" nobody can make "Voksenopplæ-ring" out, nor of a number its parts; the page itself is not scrolled."""
    beside = SKIEN.model_copy(update={"name": "Porsgrunn"})
    others = [Known(beside, story(beside, 5, 60, period().begins))]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 900})
        for profile in PROFILES.values():
            for report in profile.reports:
                told = content(profile, report.code, others=others if profile is SKIEN else [])
                await page.set_content(render_report(told, profile, language))
                assert await page.evaluate(BROKEN) == [], (profile.name, report.code)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, (profile.name, report.code)
        await browser.close()
