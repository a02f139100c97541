"""The innsyn report's page in a browser: no barrier that axe-core finds, and its own strict policy holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, async_playwright

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.innsyn_town import Town, running

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.story(22)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: tuple[tuple[str, bool, Literal["light", "dark"]], ...] = (
    ("nb", False, "light"),
    ("nn", True, "dark"),
    ("en", True, "light"),
)


@pytest_asyncio.fixture
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services."""
    async with running(migrated, issuer, clock) as made:
        yield made


async def test_the_page_has_no_barrier(town: Town) -> None:
    """WCAG 2.2 AA in each language, normal and large, light and dark."""
    case = await town.looked_at()
    made = (await town.ask("guardian-a", case)).json()["report"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language, large, colours in LOOKS:
            query = f"format=html&language={language}&large={'true' if large else 'false'}"
            address = f"{town.audit.address}/innsyn-reports/{made}?{query}"
            await _as_served(browser, town, address, language, large, colours)
            await _examined(browser, town, address, colours)
        await browser.close()


async def _as_served(
    browser: Browser, town: Town, address: str, language: str, large: bool, colours: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(extra_http_headers=town.headers("guardian-a"), color_scheme=colours)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(address)
    assert await page.locator("tbody tr").count() == 3
    assert await page.evaluate("document.documentElement.lang") == language
    size = await page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    assert (size > 24) is large, "the style sheet is let in by its hash"
    assert complaints == []
    await context.close()


async def _examined(browser: Browser, town: Town, address: str, colours: Literal["light", "dark"]) -> None:
    # axe is a script, which the page's own policy keeps out.
    context = await browser.new_context(
        extra_http_headers=town.headers("guardian-a"), color_scheme=colours, bypass_csp=True
    )
    page = await context.new_page()
    await page.goto(address)
    found = await Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
    await page.set_viewport_size({"width": 320, "height": 640})
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, "only the table scrolls sideways (WCAG 1.4.10)"
    await context.close()
