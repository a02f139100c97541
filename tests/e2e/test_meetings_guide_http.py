"""The public page of offers, rights and duties over HTTP: for everybody, without a cookie, its visits counted and nothing of who came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Final

import httpx
import pytest
import pytest_asyncio

from services.meetings.visits import Visits
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.e2e.test_meetings_reports_http import fresh, table

pytestmark = pytest.mark.connected

SKIEN: Final = "/guides/4003"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest_asyncio.fixture
async def skien(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """The service."""
    async with town(migrated, issuer, clock) as made:
        yield made


def visits_of(made: Town) -> Visits:
    """Return what counts them."""
    [found] = [each for each in made.parts.runners if isinstance(each, Visits)]
    return found


async def visit(made: Town, path: str = SKIEN, method: str = "GET", **headers: str) -> httpx.Response:
    """Visit a page as a browser does, without signing in."""
    return await made.http.request(method, path, headers={"user-agent": FIREFOX, **headers})


async def counted(made: Town) -> dict[tuple[str, date], int]:
    """Return what is kept, and nothing else is kept of a visit."""
    await visits_of(made).keep()
    rows = await made.pool.fetch("SELECT * FROM page_visits")
    assert {*(key for row in rows for key in row.keys())} == {"municipality", "page", "month", "visits"}  # noqa: SIM118
    return {(row["municipality"], row["month"]): row["visits"] for row in rows if row["visits"]}


@pytest.mark.rule(142, 159)
async def test_everybody_reads_offers_rights_duties_forms_and_whom_to_contact(skien: Town) -> None:
    shown = await visit(skien, f"{SKIEN}?language=nn")
    assert shown.status_code == 200, shown.text
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["content-language"] == "nn"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "script" not in shown.headers["content-security-policy"]
    assert "set-cookie" not in shown.headers
    assert "<script" not in shown.text
    for words in (
        "Støtte til fleirspråklege familiar",
        "Rettane dykkar",
        "Pliktene",
        "Falkum barnehage",
        "Møte med foresatte",
    ):
        assert words in shown.text, words
    for language, heading in (("nb", "Rettighetene deres"), ("en", "Your rights")):
        assert heading in (await visit(skien, **{"accept-language": language})).text
    forms = await visit(skien, "/guides/4005")
    assert "Overgangsskjema" in forms.text
    assert "Atferdsgruppe" not in forms.text, "what was discarded is no offer (seed rule 166)"
    for unknown in ("/guides/0301", "/guides/9999", "/guides/prt_bcdfghjklmnpqrstvwxzbcdfgh"):
        refused = await visit(skien, unknown)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    passed_on = await visit(skien, f"{SKIEN}?fbclid=x&utm_source=y&utm_source=z&language=nn")
    assert passed_on.text == shown.text, "a link that is passed on comes with others' marks on it"
    for wrong in ("language=se", "language=nb&language=nn"):
        assert (await visit(skien, f"{SKIEN}?{wrong}")).status_code == 422
    assert (await visit(skien, method="POST")).status_code == 405


@pytest.mark.rule(150)
async def test_visits_are_counted_by_month_and_robots_and_prefetches_are_not(skien: Town) -> None:
    september = date(2026, 9, 1)
    assert await counted(skien) == {}
    for _ in range(3):
        assert (await visit(skien)).status_code == 200
    assert (await visit(skien, "/guides/4005")).status_code == 200
    for not_counted in (
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user-agent": "curl/8.5.0"},
        {"user-agent": ""},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-moz": "prefetch"},
        {"sec-fetch-dest": "iframe"},
    ):
        assert (await visit(skien, **not_counted)).status_code == 200
    assert (await visit(skien, method="HEAD")).status_code == 200
    assert (await visit(skien, f"{SKIEN}?language=se")).status_code == 422
    assert (await visit(skien, "/guides/9999")).status_code == 404
    assert await counted(skien) == {("4003", september): 3, ("4005", september): 1}
    assert await counted(skien) == {("4003", september): 3, ("4005", september): 1}, "each once"
    # By the month in Norway: two hours before in UTC it is October there.
    skien.clock.set(datetime(2026, 9, 30, 22, 30, tzinfo=UTC))
    await visit(skien)
    assert (await counted(skien))["4003", date(2026, 10, 1)] == 1
    everything = await skien.everything()
    assert "Firefox" not in everything
    assert "127.0.0.1" not in everything


@pytest.mark.rule(150)
async def test_a_page_is_shown_while_visits_cannot_be_kept_and_they_are_kept_afterwards(skien: Town) -> None:
    await skien.pool.execute("ALTER TABLE page_visits RENAME TO gone")
    assert (await visit(skien)).status_code == 200
    with pytest.raises(Exception, match="page_visits"):
        await visits_of(skien).keep()
    assert (await visit(skien)).status_code == 200
    await skien.pool.execute("ALTER TABLE gone RENAME TO page_visits")
    assert (await counted(skien))["4003", date(2026, 9, 1)] == 2


@pytest.mark.rule(150)
async def test_visits_stand_in_the_report_as_page_file_and_picture(skien: Town) -> None:
    claims = {"municipality": "4003", "lagspill_unit": "unit:skien-kommune"}
    for _ in range(4):
        await visit(skien)
    skien.clock.set(datetime(2026, 11, 3, 9, 0, tzinfo=UTC))
    for _ in range(2):
        await visit(skien)
    await counted(skien)
    skien.clock.set(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    await fresh(skien)
    path = "/reports/grenland-part-2"
    told = table((await skien.get("coordinator", f"{path}?period=2026-autumn", **claims)).json(), "page-visits")
    assert (told["rows"], told["cells"]) == (["2026-09", "2026-10", "2026-11", "2026-12"], [[4], [0], [2], [0]])
    page = await skien.get("coordinator", f"{path}/page?period=2026-autumn&language=nb", **claims)
    assert '<th scope="row">september 2026</th>' in page.text
    file = await skien.get("coordinator", f"{path}/table?period=2026-autumn&language=nb", **claims)
    assert ",page-visits,Besøk på den offentlige siden,2026-11,november 2026,count,Antall,2,true\r\n" in file.text
    picture = await skien.get("coordinator", f"{path}/charts/page-visits?period=2026-autumn", **claims)
    assert "november 2026" in picture.text
    before = table((await skien.get("coordinator", f"{path}?period=2026-spring", **claims)).json(), "page-visits")
    assert before["rows"] == [], "what was before anybody counted is not known, and is not said to be nought"
