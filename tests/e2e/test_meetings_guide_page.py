"""The public page in a browser: no barrier that axe-core finds, nothing for its strict policy to stop; and a look is one visit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, async_playwright

from services.meetings.domain.guide import OpenText
from services.meetings.pages.guide_page import GUIDE, render_guide
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.e2e.still_page import LOOKS, examined
from tests.e2e.test_meetings_guide_http import counted
from tests.unit.test_meetings_guide import NOTODDEN, SKIEN, TYNSET, shown

pytestmark = [pytest.mark.slow]

PERSON: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
SITE: Final = "https://tilbud.example"


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.mark.rule(142, 159)
async def test_the_page_has_no_barrier(browser: Browser) -> None:
    """WCAG 2.2 AA in each language, light and dark: with a form, with a text in another language, ways to reach a unit, and steps by age."""
    for profile, (language, colours) in zip((SKIEN, NOTODDEN, TYNSET), LOOKS, strict=True):
        told = shown(profile)
        units = told.contacts[0].units
        reached = replace(
            told.contacts[0],
            units=[
                units[0].model_copy(update={"phone": "35 00 00 00", "website": "https://enhet.example"}),
                *units[1:],
            ],
        )
        right = told.guide.rights[0].model_copy(update={"text": OpenText(nn="De blir møtte på same måte.")})
        told = replace(
            told,
            contacts=[reached, *told.contacts[1:]],
            guide=told.guide.model_copy(update={"rights": (right, *told.guide.rights[1:])}),
        )
        await examined(browser, render_guide(told, language), GUIDE.headers, language, colours, letters=16)


@pytest.mark.rule(150)
@pytest.mark.connected
async def test_somebodys_look_is_counted_once_and_a_program_in_the_same_browser_is_not(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, browser: Browser
) -> None:
    async with town(migrated, issuer, clock) as made:
        for agent, path, visits in (
            (PERSON, "/guides/4003", 1),
            (None, "/guides/4003", 1),
            (PERSON, "/guides/4003?language=en", 2),
        ):
            context = await browser.new_context(user_agent=agent)
            page = await context.new_page()
            await page.route(f"{SITE}/**", lambda route: answered(made, route))
            await page.goto(f"{SITE}{path}")
            assert await page.locator("h1").count() == 1
            assert await context.cookies() == []
            assert (await counted(made))["4003", date(2026, 9, 1)] == visits
            await context.close()


async def answered(made: Town, route: Route) -> None:
    """Let the service answer what the browser asks."""
    asked = route.request
    path = asked.url.removeprefix(SITE)
    if not path.startswith("/guides/"):
        await route.abort()  # the browser's own question for an icon
        return
    said = {name: value for name, value in (await asked.all_headers()).items() if not name.startswith(":")}
    response = await made.http.request(asked.method, path, headers=said)
    await route.fulfill(status=response.status_code, body=response.content, headers=dict(response.headers))
