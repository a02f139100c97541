"""The pictures in `docs/auditing.md`, taken of the real pages. `PICTURES=1 pytest tests/e2e/test_docs_pictures.py` takes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from shared.clock import SimulatedClock
from shared.contracts.access import AccessActor, AccessKind
from shared.contracts.codes import InformationCategory, Role, Service
from shared.refs import OrganisationNumber, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.pages_world import Pages, chromium, needs_chromium, open_pages
from tests.integration.audit_world import Publisher

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.story(23), needs_chromium]

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 120_000
"""Bytes that a picture may have: whoever reads on a slow line is to see them too."""
CASE = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
WIDE = 860
PEOPLE = (
    ("act_nurse-in-tinnes", Role.HEALTH_NURSE, Service.HELSESTASJON, "unit:helsestasjon", "310001058"),
    ("act_teacher-in-lia", Role.TEACHER, Service.BARNEHAGE, "unit:lia-barnehage", "310001015"),
    ("act_adviser-of-ppt", Role.PPT_ADVISER, Service.PPT, "unit:ppt", "310001031"),
)


@pytest_asyncio.fixture
async def pages(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Pages]:
    """The service with some weeks of a case in its log."""
    async with open_pages(migrated, issuer, clock) as made:
        await made.served.world.take(*weeks())
        await made.served.world.keeper.compare_seals()
        yield made


def weeks() -> list[bytes]:
    """Looks of three units, something shared, and one look that was refused."""
    cases = Publisher()
    cases.moment -= timedelta(days=20)
    records = []
    for turn in range(24):
        cases.moment += timedelta(hours=13 + 7 * (turn % 3))
        name, role, service, unit, organisation = PEOPLE[turn % len(PEOPLE)]
        access = cases.access(CASE).model_copy(
            update={
                "actor": AccessActor(
                    id=name,
                    role=role,
                    service=service,
                    unit=UnitId(unit),
                    organisation=OrganisationNumber(organisation),
                ),
                "categories": frozenset({(InformationCategory.LANGUAGE, InformationCategory.LEARNING)[turn % 2]}),
            }
        )
        if turn == 10:
            access = access.model_copy(update={"kind": AccessKind.DISCLOSE})
        if turn == 17:
            access = access.model_copy(update={"kind": AccessKind.DENY, "permitted": False, "reason": "no-relation"})
        records.append(cases.publish(access))
    return [*records, *cases.reads(276), cases.seal()]


async def take(page: Page, address: str) -> Mapping[str, bytes]:
    """Return the pictures, by the names of their files."""
    taken: dict[str, bytes] = {}

    async def picture(name: str, *, height: int = 620) -> None:
        clip = {"x": 0, "y": 0, "width": WIDE, "height": height}
        taken[f"{name}.png"] = await page.screenshot(clip=clip, animations="disabled")  # type: ignore[arg-type]

    await page.goto(f"{address}/pages/sign-in")
    await page.locator("main a.button").click()
    await page.goto(f"{address}/pages/search?case={CASE}")
    await expect(page.locator("table.entries tbody tr")).to_have_count(24)
    await picture("search", height=980)
    await page.goto(f"{address}/pages/case/{CASE}")
    await picture("case", height=720)
    await page.goto(f"{address}/pages/entry/4005/17")
    svg = page.locator("svg.proof")
    await expect(page.locator("p.good")).to_be_visible()
    taken["proof.png"] = await svg.screenshot(animations="disabled")
    await page.goto(f"{address}/pages/verify")
    await page.locator("main form button").click()
    await expect(page.locator("p.good")).to_contain_text("as it was signed")
    await picture("verify", height=640)
    return taken


async def test_the_pictures_of_the_auditors_guide_are_of_these_pages(pages: Pages) -> None:
    """Each picture there is one that is taken here, small, and told in words beside it."""
    async with chromium() as browser:
        page = await browser.new_page(
            locale="en-GB", viewport={"width": WIDE, "height": 1100}, color_scheme="light", timezone_id="Europe/Oslo"
        )
        taken = await take(page, pages.address)
    if os.environ.get("PICTURES"):
        folder = DOCS / "pictures"
        folder.mkdir(exist_ok=True)
        for name, content in taken.items():
            (folder / name).write_bytes(content)
    shown = dict(
        re.findall(r"!\[([^\]]+)\]\(pictures/([a-z-]+\.png)\)", (DOCS / "auditing.md").read_text(encoding="utf-8"))
    )
    assert sorted(shown.values()) == sorted(taken)
    assert all(len(words) > 40 for words in shown)
    for name in taken:
        kept = (DOCS / "pictures" / name).read_bytes()
        assert kept.startswith(b"\x89PNG")
        assert max(len(kept), len(taken[name])) < LARGEST, name
