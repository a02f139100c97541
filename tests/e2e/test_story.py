"""The main job, row by row, over HTTP against the whole system: the same rows that `make demo` narrates.

Each row checks what it says by itself (`Stage.check`, `Stage.must_not`, `Bus.wait`); a row that does not hold raises.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from rich.console import Console

from deploy.demo.people import (
    CHILD_WELFARE,
    CONTACT_TEACHER,
    COORDINATOR,
    LEADER,
    NURSE,
    PPT,
    RECTOR,
    TEACHER,
    secrets,
)
from deploy.demo.profiles import write_profiles
from deploy.demo.stage import Silent, Stage
from deploy.demo.story import (
    BEGINS,
    NOTODDEN,
    ROWS,
    STORIES,
    mails,
    perform,
    perform_together,
    settings_of,
    superuser_of,
)
from deploy.demo.the_log import attacker, row_24
from deploy.local.process import free_port
from deploy.local.settings import LocalSettings
from deploy.local.system import Addresses, LocalSystem
from deploy.local.up import StartProgress
from services.notify.texts import EMAIL, Texts
from shared.contracts.codes import Language
from tests.e2e.system_world import token_of

ROOT: Final = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.connected, pytest.mark.slow]


def five_minutes() -> list[str]:
    """Return the shell blocks by which docs/subscribing.md comes to the first event: start, token, subscription, receiver."""
    page = (ROOT / "docs" / "subscribing.md").read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", page.partition("\n## In five minutes\n")[2].partition("\n## ")[0], re.DOTALL)


def given_to_up() -> dict[str, str]:
    """Return the variables with which that page runs `make up`."""
    *given, make, up = shlex.split(five_minutes()[0])
    assert (make, up) == ("make", "up")
    return dict(each.split("=", 1) for each in given)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """PostgreSQL, Kafka, the OIDC server, four services and the neighbour's log, on free ports, with an empty folder of their own."""
    home: Path = tmp_path_factory.mktemp("lagspill")
    ports = {
        f"{part}_port": free_port()
        for part in (
            "postgres",
            "kafka",
            "kafka_controller",
            "oidc",
            "cases",
            "meetings",
            "notify",
            "audit",
            "neighbour",
            "smtp",
        )
    }
    settings = LocalSettings(home=home).model_copy(
        update={**ports, "database_url": None, "kafka_bootstrap_servers": None, "oidc_issuer": None}
    )
    # As docs/subscribing.md starts it; a receiver that is not there yet is tried again soon.
    extra = {**write_profiles(home / "profiles"), **given_to_up(), "WEBHOOK_FIRST_PAUSE": "0.2"}
    progress = StartProgress(Console(quiet=True))
    with LocalSystem(settings, progress, clock_start=BEGINS, extra=extra, neighbour=True).running() as addresses:
        yield addresses


@pytest.fixture(scope="module")
def stage(system: Addresses) -> Stage:
    """The whole story, played once."""
    return asyncio.run(perform(settings_of(system), Silent(), ROWS, superuser_of(system)))


@pytest.mark.rule(
    2,
    4,
    5,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    19,
    20,
    22,
    23,
    26,
    33,
    36,
    37,
    38,
    40,
    49,
    54,
    78,
    79,
    80,
    81,
    88,
    89,
    90,
    95,
    99,
    101,
    103,
    106,
    107,
    141,
    140,
    142,
    156,
    159,
    161,
    179,
)
@pytest.mark.story(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
def test_every_row_of_the_story_holds(stage: Stage) -> None:
    assert {row.number for row in ROWS} == set(range(1, 26))
    assert stage.now.date().isoformat() == "2027-08-02", "the report on the spring is read when that is over"


def test_every_event_has_its_number_without_a_hole(stage: Stage) -> None:
    numbers: dict[tuple[str, str], list[int]] = {}
    for event in stage.bus.events:
        numbers.setdefault((event.envelope.source, event.envelope.municipality), []).append(event.envelope.number)
    assert len(numbers) >= 4
    for seen in numbers.values():
        assert sorted(set(seen)) == list(range(min(seen), max(seen) + 1))


def test_a_case_s_events_count_without_a_hole_and_in_order(stage: Stage) -> None:
    counted = [
        int(event.envelope.sequence)
        for event in stage.bus.events
        if event.envelope.subject == stage.facts["case"]
        and event.envelope.source == "/services/cases"
        and event.envelope.sequence is not None
    ]
    assert counted == list(range(1, len(counted) + 1))


@pytest.mark.story(18)
def test_in_the_whole_school_year_only_the_curious_employee_is_a_finding(system: Addresses, stage: Stage) -> None:
    """No false positive: what everybody else did in the story is ordinary work."""
    assert stage.facts["case"]

    async def found() -> list[tuple[str, str, str]]:
        async with attacker(superuser_of(system)) as conn:
            assert await conn.fetchval("SELECT position FROM pattern_cursors WHERE log = '4005'") > 100
            rows = await conn.fetch("SELECT pattern, status, outcome FROM pattern_findings")
            return [tuple(row.values()) for row in rows]

    assert asyncio.run(found()) == [("without-relation", "explained", "mistake")]


@pytest.mark.rule(101)
def test_guardians_have_real_e_mails_that_tell_nothing(system: Addresses, stage: Stage) -> None:
    assert stage.facts["consent"]
    texts, told, entries = Texts(), set(), 0
    for letter in mails(system):
        mail = BytesParser(policy=default).parsebytes(letter.read_bytes())
        body = mail.get_body(("plain",))
        assert body is not None
        content = body.get_content()
        [link] = re.findall(r"https?://\S+", content)
        assert re.fullmatch(r".*/messages/msg_[a-z]{26}", link)
        # It is the one text that leaves the house, word for word, and nothing beside it.
        language = Language(mail["Content-Language"])
        itself = texts.text(EMAIL, texts.latest(EMAIL), language, link=link)
        assert (mail["Subject"], content.strip()) == (itself.subject, itself.body.strip())
        # Beside an invitation, an entry for the calendar: it has the recipient's own address, and names nobody.
        beside = [
            part for part in mail.walk() if part.get_content_type() not in {"text/plain", "multipart/alternative"}
        ]
        assert [part.get_content_type() for part in beside] == ["text/calendar"] * len(beside)
        entries += len(beside)
        for part in beside:
            entry = part.get_content().replace(mail["To"], "")
            assert not [word for word in (*secrets(), *stage.facts.values(), "Overgang") if word in entry]
        told.add((mail["To"], language))
    assert {("foresatt-a@example.no", Language.NN), ("foresatt-b@example.no", Language.EN)} <= told
    assert entries >= 2, "both were invited to the transition meeting"


@pytest.mark.rule(2, 22, 172)
def test_nothing_of_a_child_is_in_any_calendar_of_the_whole_year(system: Addresses, stage: Stage) -> None:
    """Everybody's own calendar, signed in and at its address, and every arena's: none leads to the child, its case or a matter."""
    meetings = system.services["meetings"]
    feeds, held = [], 0
    for person in (TEACHER, LEADER, RECTOR, CONTACT_TEACHER, PPT, NURSE, CHILD_WELFARE, COORDINATOR):
        headers = {"authorization": f"Bearer {token_of(system, person.client)}"}
        with httpx.Client(base_url=meetings, headers=headers) as client:
            client.post("/calendar/address", json={}, headers={"idempotency-key": person.client}).raise_for_status()
            path = client.get("/calendar/address").raise_for_status().json()["path"]
            feeds += [client.get("/calendar").raise_for_status(), httpx.get(f"{meetings}{path}").raise_for_status()]
            arenas = client.get("/arenas?limit=200").json()["items"]
            of_arenas = [client.get(f"/arenas/{each['arena']}/calendar") for each in arenas]
            feeds += [each for each in of_arenas if each.status_code == 200]
            assert {each.json()["code"] for each in of_arenas if each.status_code != 200} <= {
                "calendar-forbidden",
                "no-arena-calendar",
            }
    for feed in feeds:
        held += feed.text.count("BEGIN:VEVENT")
        for word in (*secrets(), *stage.facts.values(), "ressursteam", "Ressursteam", "Overgang", "BUP", "unit:"):
            assert word not in feed.text
    assert held > 100


def test_the_readme_s_example_works_as_it_stands(system: Addresses, stage: Stage) -> None:
    """Every shell block of the README's worked example, on this system's ports."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL))
    ports = {8080: system.oidc_issuer, 8001: system.services["cases"], 8004: system.services["audit"]}
    for port, url in ports.items():
        script = script.replace(f"LAGSPILL:{port}", f"LAGSPILL:{urlsplit(url).port}")
    script = script.replace(".venv/bin/lagspill", f"{sys.executable} -m deploy")
    run = subprocess.run(["bash", "-eu", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"stage":"concern"' in run.stdout
    assert '"stage":"open"' in run.stdout
    assert '"code":"child-view-missing"' in run.stdout
    assert run.stdout.rstrip().endswith("VERIFIED")


@pytest.mark.rule(
    52, 53, 54, 59, 60, 61, 64, 65, 67, 68, 69, 72, 73, 75, 77, 82, 135, 136, 137, 138, 141, 143, 144, 146, 148
)
@pytest.mark.rule(150, 151, 152, 153, 164, 166, 171, 172, 173, 174, 178, 179, 180, 181, 182, 183, 190)
def test_the_rows_of_the_four_other_profiles_hold(system: Addresses, stage: Stage) -> None:
    """Day by day on the same system, in the next school year: a story's dates are of no one year."""
    assert stage.now.year == BEGINS.year + 1
    others = [story for story in STORIES.values() if story is not NOTODDEN]
    # What an attacker does is the same everywhere: he comes once more.
    attacked = others[0]
    stages = asyncio.run(
        perform_together(
            settings_of(system),
            Silent(),
            [(each, [row for row in each.rows if each is attacked or row.play is not row_24]) for each in others],
            superuser_of(system),
            school_year=BEGINS.year + 1,
        )
    )
    assert [each.log.name for each in stages] == ["3427", "4003", "3905", "1142"]
    assert all(each.facts["case"] for each in stages)


def test_docs_subscribing_leads_to_the_first_event_in_five_minutes(
    system: Addresses, stage: Stage, tmp_path: Path
) -> None:
    """Every shell block of its "In five minutes", on this system's ports: what had happened comes to a receiver that is new."""
    assert stage.facts, "something had happened"
    _, token, subscribe, receive = five_minutes()
    ports = {8080: system.oidc_issuer, 8003: system.services["notify"], 9000: f"http://127.0.0.1:{free_port()}"}
    for port, url in ports.items():
        found = str(urlsplit(url).port)
        token, subscribe = (each.replace(f"127.0.0.1:{port}", f"127.0.0.1:{found}") for each in (token, subscribe))
        receive = receive.replace(f" {port} ", f" {found} ")
    script = f"{token}\n{subscribe}"
    run = subprocess.run(["bash", "-eu", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    secret = json.loads(run.stdout)["secret"]
    receive = receive.replace("whsec_the-one-you-got", secret).replace("events.db", str(tmp_path / "events.db"))
    given, python, *command = shlex.split(receive)
    assert python == "python"
    run_it = ["env", given, sys.executable, *command]
    with subprocess.Popen(run_it, cwd=ROOT, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        said = [receiver.stdout.readline().strip() for _ in range(3)]
        receiver.terminate()
    assert said[0] == "listening"
    assert all(re.fullmatch(r"new no\.lagspill\.[a-z.-]+\.v1", each) for each in said[1:]), said
