"""The main job as one story for each profile: which there are, and how their rows are played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from rich.console import Console

from deploy.demo import (
    concern_and_consent,
    emergency,
    for_everybody,
    meetings_by_rule,
    meetings_with_others,
    nord_osterdal,
    plan,
    rennesoy,
    skien,
    subsequent_control,
    the_log,
    the_report,
    the_year,
    through_the_winter,
    tonsberg,
    who_has_seen,
    withdrawal_and_school,
)
from deploy.demo.people import AUDITOR, TEACHER, secrets
from deploy.demo.script import Row, Story
from deploy.demo.stage import Bus, Clock, Log, Narrator, Stage, StageSettings, StoryError
from deploy.demo.tell import Teller
from deploy.local.system import Addresses
from shared.clock import OSLO

BEGINS: Final = datetime(2026, 8, 17, 8, 0, tzinfo=OSLO).astimezone(UTC)
"""Every story's first day."""

ROWS: Final = (
    Row(1, 8, 17, "The year wheel is planned", the_year.row_1),
    Row(1, 8, 18, "A page for everybody", for_everybody.public_page, 9),
    Row(25, 8, 18, "What the report will count: meetings are called", the_report.meetings_are_called, 9),
    Row(2, 9, 7, "A concern is registered", concern_and_consent.row_2),
    Row(25, 9, 8, "What the report will count: concerns for other children", the_report.other_children, 9),
    Row(25, 9, 10, "What the report will count: acted on at once", the_report.acted_on_at_once, 9),
    Row(3, 9, 17, "Nobody has acted: a reminder", concern_and_consent.row_3),
    Row(4, 9, 18, "The concern becomes a case", concern_and_consent.row_4),
    Row(25, 9, 18, "What the report will count: acted on in time", the_report.acted_on_in_time, 10),
    Row(5, 9, 22, "Ressursteam: a general item, and the case anonymously", meetings_by_rule.row_5),
    Row(6, 9, 22, "By name? Not without consent", meetings_by_rule.row_6),
    Row(7, 9, 24, "Consent is asked for, the child heard first", concern_and_consent.row_7),
    Row(8, 9, 28, "Both guardians grant", concern_and_consent.row_8),
    Row(9, 10, 1, "An extra ressursteam, by name", meetings_by_rule.row_9),
    Row(10, 10, 1, "A measure is decided", meetings_by_rule.row_10),
    Row(10, 10, 5, "The health nurse looks, inside the consent", withdrawal_and_school.nurse_looks),
    Row(11, 10, 6, "With BUP: never by name", meetings_with_others.row_11),
    Row(12, 10, 28, "From barnehage to school: not without the guardians", meetings_with_others.row_12),
    Row(13, 11, 5, "The baton is offered, and nobody drops it", through_the_winter.row_13),
    Row(14, 12, 1, "A measure without effect", through_the_winter.row_14),
    Row(25, 12, 1, "What the report will count: goals that were reached", the_report.reached, 10),
    Row(25, 12, 18, "What the report will count: who came, and who did not", the_report.meetings_were_held, 15),
    Row(15, 1, 7, "Two units that do much the same", through_the_winter.row_15),
    Row(16, 1, 12, "The guardians ask for an individual plan", plan.row_16),
    Row(17, 2, 9, "A guardian withdraws part of the consent", withdrawal_and_school.row_17),
    Row(18, 2, 10, "A curious employee", subsequent_control.row_18),
    Row(19, 2, 11, "Danger to life and health", emergency.row_19),
    Row(20, 5, 10, "The transition form is not sent unapproved", withdrawal_and_school.row_20),
    Row(21, 5, 14, "To school, and the baton with it", withdrawal_and_school.row_21),
    Row(22, 6, 18, "Who has seen our child?", who_has_seen.row_22),
    Row(23, 6, 20, "The auditor asks, and verifies", the_log.row_23),
    Row(24, 6, 20, "An attacker with the database password", the_log.row_24),
    Row(25, 6, 20, "The year's report", the_report.row_25),
)

NOTODDEN: Final = Story("notodden", "Notodden", Log("4005", "Notodden", AUDITOR, TEACHER), ROWS, secrets())
STORIES: Final = {
    each.profile: each for each in (NOTODDEN, nord_osterdal.STORY, skien.STORY, tonsberg.STORY, rennesoy.STORY)
}
"""By the name of the profile's file."""


def story_of(profile: str) -> Story:
    """Return the story of the profile with that name.

    Raises:
        ValueError: there is none.
    """
    if profile in STORIES:
        return STORIES[profile]
    raise ValueError(f"There is no story of {profile!r}: it is one of {', '.join(STORIES)}")


async def perform(
    settings: StageSettings, narrator: Narrator, rows: Sequence[Row], attackers_database: str | None = None
) -> Stage:
    """Play `rows` of Notodden's story on the running system and return the stage with what was left on it.

    Args:
        settings: where the system is; its clock must be simulated and stand at or before `BEGINS`.
        narrator: is told everything.
        rows: in order; a row uses what the earlier ones left.
        attackers_database: the log's database as a superuser sees it; only the attacker of row 24 uses it.

    Raises:
        StoryError: something that the story says must happen did not.
    """
    [stage] = await perform_together(settings, narrator, [(NOTODDEN, rows)], attackers_database)
    return stage


async def perform_together(
    settings: StageSettings,
    narrator: Narrator,
    stories: Sequence[tuple[Story, Sequence[Row]]],
    attackers_database: str | None = None,
    *,
    school_year: int = BEGINS.year,
) -> list[Stage]:
    """Play rows of several stories on one system with one clock, day by day, and return their stages.

    Raises:
        StoryError: something that a story says must happen did not.
    """
    clock = Clock(BEGINS.replace(year=school_year))
    async with httpx.AsyncClient(timeout=30) as http, Bus(settings.kafka_bootstrap_servers).listening() as bus:
        stages = [
            Stage(settings, http, bus, narrator, clock, story.log, school_year, attackers_database)
            for story, _ in stories
        ]
        played = [_Scene(row, stage) for stage, (_, rows) in zip(stages, stories, strict=True) for row in rows]
        for scene in sorted(played, key=lambda one: one.row.when(school_year)) if len(stories) > 1 else played:
            await scene.play()
        for word in {word for story, _ in stories for word in story.secrets}:
            for event in bus.events:
                stages[0].check(
                    word.encode() not in event.raw,
                    f"nothing of the vault on the bus, but {word!r} is in {event.envelope.type}",
                )
        return stages


@dataclass(frozen=True)
class _Scene:
    """A row, and where it is played."""

    row: Row
    stage: Stage

    async def play(self) -> None:
        when = self.row.when(self.stage.school_year)
        self.stage.narrator.row(self.row.number, when, self.row.title)
        if self.row.hour is not None:
            await self.stage.clock(when.astimezone(UTC))
        await self.row.play(self.stage)


def rows_of(numbers: str) -> list[Row]:
    """Return the rows that `numbers` names, in order: `2-8`, or `2,3,4`.

    Where the year was not played as a whole, row 23 verifies what there was.

    Raises:
        ValueError: it is neither, or names none.
    """
    wanted: set[int] = set()
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        wanted.update(range(int(first), int(last or first) + 1))
    rows = [row for row in ROWS if row.number in wanted]
    if not wanted.issuperset(range(2, _VERIFIED)):
        rows = [_early(rows, row) if row.number == _VERIFIED else row for row in rows]
    if rows:
        return rows
    raise ValueError(f"the story has no row {numbers}")


_VERIFIED: Final = 23


def _early(played: Sequence[Row], row: Row) -> Row:
    last = max((each for each in played if each.number < _VERIFIED), key=lambda each: each.number, default=row)
    return Row(row.number, last.month, last.day, row.title, the_log.asked_and_verified)


async def play_rows(settings: StageSettings, rows: Sequence[Row], console: Console) -> None:
    """Play some rows on a system that runs somewhere else, and narrate them.

    Raises:
        StoryError: something that the story says must happen did not.
    """
    with Teller(console, len(rows)) as teller:
        stage = await perform(settings, teller, rows)
    console.print(f"\n[bold green]The rows hold:[/] {len(rows)}, with {len(stage.bus.events)} events on the bus.")


async def play(addresses: Addresses, console: Console, story: Story = NOTODDEN) -> None:
    """Play a whole story on the system at `addresses`, and narrate it.

    Raises:
        StoryError: something that the story says must happen did not.
    """
    settings = settings_of(addresses)
    console.rule(f"[bold]{story.called}, the school year 2026/27")
    with Teller(console, len(story.rows)) as teller:
        [stage] = await perform_together(settings, teller, [(story, story.rows)], superuser_of(addresses))
    letters = mails(addresses, story)
    console.print()
    console.print(
        f"[bold green]The story holds:[/] {len(story.rows)} rows, {teller.refusals} refusals as they must be, "
        f"{teller.findings} tamperings found and named, {len(stage.bus.events)} events on the bus, "
        "and not one word of the vault among them."
    )
    if letters:
        console.print(f"A real SMTP server took {len(letters)} e-mails, which reveal nothing: {letters[0].parent}")
    console.print(
        f"The log's page for people: {settings.audit_url}/   each service's interface: {settings.cases_url}/openapi.json"
    )


def mails(addresses: Addresses, story: Story = NOTODDEN) -> list[Path]:
    """Return the e-mails that the system's SMTP server took, after making sure that they tell nothing.

    Raises:
        StoryError: there is none and somebody is written to, or one holds a word of the vault.
    """
    letters = sorted((addresses.noted_in.parent / "mail").glob("*.eml"))
    if not letters and story.writes_home:
        raise StoryError("no e-mail was sent")
    for letter in letters:
        with letter.open("rb") as file:
            message = BytesParser(policy=default).parse(file)
        body = message.get_body(("plain",))
        text = f"{message['Subject']}\n{body.get_content() if body is not None else ''}"
        for word in story.secrets:
            if word in text:
                raise StoryError(f"{letter.name} holds {word!r}")
    return letters


def settings_of(addresses: Addresses) -> StageSettings:
    """Return where the stage finds the system at `addresses`."""
    return StageSettings(
        cases_url=addresses.services["cases"],
        meetings_url=addresses.services["meetings"],
        notify_url=addresses.services["notify"],
        audit_url=addresses.services["audit"],
        neighbour_url=addresses.services.get("neighbour"),
        oidc_issuer=addresses.oidc_issuer,
        kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
    )


def superuser_of(addresses: Addresses) -> str:
    """Return the log's database as a superuser reaches it."""
    database = urlsplit(addresses.databases["audit"]).path
    return urlsplit(addresses.administrator)._replace(path=database).geturl()
