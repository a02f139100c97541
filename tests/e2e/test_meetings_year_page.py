"""The year wheel's page, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from services.meetings.pages.year_page import PAGE, render_year
from shared.calendar import start_of_day
from shared.contracts.codes import Language
from tests.e2e.still_page import LOOKS, examined
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


BROKEN = """() => {
  const broken = [];
  for (const cell of document.querySelectorAll("th, td")) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      for (const word of node.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map(each => Math.round(each.top))).size > 1 && !word[0].includes("-"))
          broken.push(word[0]);
      }
  }
  return broken;
}"""
"""The words in tables that stand on two lines; one with a hyphen of its own may."""


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
