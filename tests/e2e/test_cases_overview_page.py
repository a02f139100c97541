"""The case in plain language, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop, narrow screens too."""

from __future__ import annotations

from functools import partial
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Route, async_playwright

from services.cases.plain.page import PAGE
from shared.contracts.codes import Language
from tests.unit.cases_town import CHILD, guardian
from tests.unit.test_cases_access import with_measure
from tests.unit.test_cases_overview import spoken

pytestmark = [pytest.mark.slow, pytest.mark.rule(101)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ADDRESS = "https://cases.example/overview"
LOOKS: tuple[tuple[Language, Literal["light", "dark"]], ...] = (
    (Language.NB, "light"),
    (Language.NN, "dark"),
    (Language.EN, "light"),
)


async def test_the_page_has_no_barrier() -> None:
    """WCAG 2.2 AA in each language, for a guardian and for the child, light and dark."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, colours in LOOKS:
            for who in (guardian(1), CHILD):
                await _examined(browser, spoken(with_measure(), who, language), language, colours)
        await browser.close()


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    complaints.append(message.text)


async def _examined(browser: Browser, html: str, language: Language, colours: Literal["light", "dark"]) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=dict(PAGE.headers))

    for bypass in (False, True):  # axe is a script, which the page's own policy keeps out
        context = await browser.new_context(color_scheme=colours, bypass_csp=bypass)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", partial(_note, complaints))
        await page.route(ADDRESS, answer)
        await page.goto(ADDRESS)
        assert await page.evaluate("document.documentElement.lang") == language
        size = await page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        assert size >= 18, "large and readable: the style sheet is let in by its hash"
        assert complaints == []
        if bypass:
            found = await Axe().run(page, options={"runOnly": RULES})
            assert found.violations_count == 0, found.generate_report()
            await page.set_viewport_size({"width": 320, "height": 640})
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, "WCAG 1.4.10"
        await context.close()
