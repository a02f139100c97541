"""A page that is saved and read anywhere, in a browser: no barrier that axe-core finds, nothing for its strict policy to stop."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Route

from shared.contracts.codes import Language

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ADDRESS = "https://lagspill.example/page"
LOOKS: tuple[tuple[Language, Literal["light", "dark"]], ...] = (
    (Language.NB, "light"),
    (Language.NN, "dark"),
    (Language.EN, "light"),
)
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


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    complaints.append(message.text)


async def examined(
    browser: Browser,
    html: str,
    headers: Mapping[str, str],
    language: Language,
    colours: Literal["light", "dark"],
    *,
    letters: float,
) -> None:
    """Check the page in a browser, wide and narrow; its letters are at least so many pixels high."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=dict(headers))

    for bypass in (False, True):  # axe is a script, which the page's own policy keeps out
        context = await browser.new_context(color_scheme=colours, bypass_csp=bypass)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", partial(_note, complaints))
        await page.route(ADDRESS, answer)
        await page.goto(ADDRESS)
        assert await page.evaluate("document.documentElement.lang") == language
        size = await page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        assert size >= letters, "readable: the style sheet is let in by its hash"
        assert complaints == []
        if bypass:
            found = await Axe().run(page, options={"runOnly": RULES})
            assert found.violations_count == 0, found.generate_report()
            await page.set_viewport_size({"width": 320, "height": 640})
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, "WCAG 1.4.10"
        await context.close()
