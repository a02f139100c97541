"""The year wheel's page, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from services.meetings.pages.year_page import PAGE, render_year
from shared.calendar import start_of_day
from shared.contracts.codes import Language
from tests.e2e.still_page import BROKEN, LOOKS, examined
from tests.unit.test_meetings_year_page import TODAY, full_year

pytestmark = [pytest.mark.slow]


async def test_the_page_has_no_barrier() -> None:
    """WCAG 2.2 AA in each language, light and dark."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, colours in LOOKS:
            html = render_year(full_year(), start_of_day(TODAY), language)
            await examined(browser, html, PAGE.headers, language, colours, letters=16)
        await browser.close()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("width", [1100, 400])
async def test_no_word_of_a_table_is_broken_however_narrow_the_screen(language: Language, width: int) -> None:
    """Of "Foreslått" nobody can make "Foresl-ått" out; what is too wide is scrolled, and the page itself is not."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 900})
        await page.set_content(render_year(full_year(), start_of_day(TODAY), language))
        assert await page.locator("td").count() > 20
        assert await page.evaluate(BROKEN) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await browser.close()
