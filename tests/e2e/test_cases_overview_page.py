"""The case in plain language, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from services.cases.plain.page import PAGE
from tests.e2e.still_page import LOOKS, examined
from tests.unit.cases_town import CHILD, guardian
from tests.unit.test_cases_access import with_measure
from tests.unit.test_cases_overview import spoken

pytestmark = [pytest.mark.slow, pytest.mark.rule(101)]


async def test_the_page_has_no_barrier() -> None:
    """WCAG 2.2 AA in each language, for a guardian and for the child, light and dark."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, colours in LOOKS:
            for who in (guardian(1), CHILD):
                html = spoken(with_measure(), who, language)
                await examined(browser, html, PAGE.headers, language, colours, letters=18)
        await browser.close()
