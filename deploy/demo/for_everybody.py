"""What stands open to everybody, and the figures that people enter: rows of several stories."""

from __future__ import annotations

from pydantic import JsonValue

from deploy.demo.stage import MESSAGES, Answer, Person, Stage, told

ANYBODY = "Anybody"
FIGURES = "/entered-figures"


async def public_page(stage: Stage) -> None:
    """Offers, rights, duties, contacts: without signing in, in three languages, and nobody is known by it (seed rules 142, 159)."""
    path = f"/guides/{stage.log.name}"
    for language in ("nb", "nn", "en"):
        page = await stage.call(None, "GET", "meetings", f"{path}?language={language}")
        stage.check((page.status, page.headers["content-language"]) == (200, language), f"the page in {language}")
        stage.check(b"<h1" in page.content and b"<script" not in page.content, "a page, and no script in it")
        stage.check("set-cookie" not in page.headers, "no cookie")
    stage.narrator.did(ANYBODY, "reads the municipality's page: offers, rights and duties, and whom to contact")
    elsewhere = await stage.call(None, "GET", "meetings", "/guides/0301")
    stage.check(
        (elsewhere.status, elsewhere.at("code")) == (404, "not-found"), "no page of a municipality that has none"
    )
    closed = await stage.call(None, "GET", "meetings", FIGURES)
    stage.check(closed.status == 401, "everything else asks who it is")


async def waited_for(stage: Stage, indicator: str, period: str, unit: str | None = None) -> None:
    """Insist that a figure of the municipality is waited for, and that the event has no number."""
    event = await stage.bus.wait(
        "meetings.figure.expected",
        lambda e: (
            e.envelope.municipality == stage.log.name
            and (e.data["indicator"], e.data["period"], e.data.get("unit")) == (indicator, period, unit)
        ),
    )
    stage.check("value" not in event.data, "which figure, by when, by whom, and no number")
    stage.narrator.happened(f"figure.expected: {indicator} of {period} is to be entered by {event.data['due']}")


async def reminded(stage: Stage, person: Person, template: str) -> None:
    """Insist that somebody was told that figures are to be entered."""
    await stage.until(person, "notify", MESSAGES, told(template), f"{person.called} is told: {template}")
    stage.narrator.happened(f"{template}: that there are figures to be entered, and not which")


async def entered(stage: Stage, person: Person, what: str, figure: dict[str, JsonValue]) -> Answer:
    """Enter a figure; the event says that it was, and no number."""
    answer = await stage.does(person, what, "POST", "meetings", FIGURES, figure, status=201)
    ref = answer.text("figure")
    event = await stage.bus.wait("meetings.figure.entered", lambda e: e.data["figure"] == ref)
    stage.check(not {"value", "of", "source"} & event.data.keys(), "the number is in no event")
    return answer


async def line_of(stage: Stage, person: Person, indicator: str, period: str) -> dict[str, JsonValue]:
    """Return a figure as whoever enters it sees it in the list."""
    listed = await stage.does(person, "", "GET", "meetings", f"{FIGURES}?limit=200")
    [line] = [each for each in listed.rows() if (each["indicator"], each["period"]) == (indicator, period)]
    return line
