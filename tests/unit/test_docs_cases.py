"""`docs/cases.md` is made from the tables: a table that is added or changed shows in it, and drift is found."""

from __future__ import annotations

import re
import shutil
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from deploy import machine_drawing, machines
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.lifecycles import LIFECYCLES
from shared.contracts import cases as events
from shared.machines import Lifecycle, Step

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = (*LIFECYCLES, *(lifecycle for beside in machines.BESIDE.values() for lifecycle in beside))
every_lifecycle = pytest.mark.parametrize("lifecycle", DRAWN, ids=lambda one: one.name)


class Kettle(StrEnum):
    """The states of something new."""

    COLD = "cold"
    HOT = "hot"


KETTLE = Lifecycle(
    name="kettle",
    title="The kettle (kjele)",
    about="It boils.",
    statuses=Kettle,
    steps=(
        Step(None, events.CaseClosed, Kettle.COLD),
        Step(Kettle.COLD, events.CaseReopened, Kettle.HOT),
        Step(Kettle.HOT, events.CaseReopened, Kettle.HOT),
        Step(Kettle.HOT, events.CaseClosed, Kettle.COLD),
    ),
)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page and its pictures, to be changed."""
    page = tmp_path / "cases.md"
    page.write_text(machines.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for beside in machines.BESIDE:
        shutil.copy(machines.PAGE.with_name(beside), tmp_path)
    monkeypatch.setattr(machines, "ROOT", tmp_path)
    monkeypatch.setattr(machines, "PAGE", page)
    monkeypatch.setattr(machines, "PICTURES", tmp_path)
    assert machines.main([]) == 0
    return page


def test_a_page_or_picture_that_is_out_of_date_is_found(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = copied.with_name("machine-consent.svg")
    assert machines.main(["--check"]) == 0
    for path in (copied, picture):
        path.write_text(path.read_text(encoding="utf-8").replace("withdrawn", "gone"), encoding="utf-8")
        assert machines.main(["--check"]) == 1
        assert f"{path.name} is out of date: run `make machines`" in capsys.readouterr().err
        assert (machines.main([]), machines.main(["--check"])) == (0, 0)


def test_a_new_life_cycle_shows_without_a_change_here_and_one_that_is_gone_leaves_no_picture(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "LIFECYCLES", (*LIFECYCLES, KETTLE))
    assert machines.main(["--check"]) == 1
    assert machines.main([]) == 0
    assert "### The kettle (kjele)" in copied.read_text(encoding="utf-8")
    assert copied.with_name("machine-kettle.svg").exists()
    monkeypatch.setattr(machines, "LIFECYCLES", LIFECYCLES)
    assert machines.main(["--check"]) == 1
    assert machines.main([]) == 0
    assert not copied.with_name("machine-kettle.svg").exists()


def test_prose_between_the_marks_is_left_alone_and_an_unknown_mark_is_refused() -> None:
    made = machines.render("before\n<!-- reaches -->\nold\n<!-- /reaches -->\nafter\n")
    assert made.startswith("before\n<!-- reaches -->\n\n| Mark |")
    assert made.endswith("<!-- /reaches -->\nafter\n")
    with pytest.raises(KeyError):
        machines.render("<!-- weather -->\n<!-- /weather -->")


def test_the_page_has_every_action_every_relation_and_a_word_on_each_relation() -> None:
    page = machines.PAGE.read_text(encoding="utf-8")
    assert set(machines.described(Relation)) == set(Relation)
    for one in (*Action, *Relation):
        assert f"\n| {one} |" in page


@every_lifecycle
def test_a_picture_says_everything_that_the_table_does_and_can_be_read(lifecycle: Lifecycle[StrEnum]) -> None:
    root = ET.fromstring(machine_drawing.draw(lifecycle))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    told = (root.findtext(f"{SVG}desc") or "").partition(". Nothing leaves ")[0]
    read = [re.fullmatch(r"(\S+)(?: \(.*\))?: from (.*) to (\S+?)\.?", one) for one in told.split("; ")]
    seen = {(one[1], start, one[3]) for one in read if one for start in one[2].split(", ")}
    assert seen == {
        (machine_drawing.short(step.event), step.start or machine_drawing.NOTHING_YET, step.end)
        for step in lifecycle.steps
    }
    assert not root.findall(f".//{SVG}script")
    _, _, width, height = map(int, (root.get("viewBox") or "").split())
    for text in root.iter(f"{SVG}text"):
        # Seven pixels a letter is more than any of these letters takes on the average.
        half = 3.5 * len(text.text or "")
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        assert half <= machine_drawing.COLUMN / 2 + 4
        assert half < x < width - half
        assert 10 < y < height


def test_an_event_is_a_column_and_an_arrow_for_each_side_it_comes_from() -> None:
    root = ET.fromstring(machine_drawing.draw(KETTLE))
    drawn = machine_drawing.columns(KETTLE)
    assert [(one.starts, one.end) for one in drawn] == [
        ((None, "hot"), "cold"),
        (("cold",), "hot"),
        (("hot",), "hot"),
    ]
    arrows = [one for one in root.iter() if one.get("marker-end")]
    assert len(arrows) == 2 + 1 + 1
    assert len(list(root.iter(f"{SVG}circle"))) == len(KETTLE.steps)
