"""Every message of Notodden's school year, compared with what a person wrote down from the rules, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e import year_script
from tests.e2e.year_lines import Line, differences, lines_of
from tests.e2e.year_world import year_world

EXPECTED = Path(__file__).with_name("notodden_year.md")


@pytest.mark.connected
@pytest.mark.rule(3, 4, 5, 8, 10, 13, 14, 19, 23, 24, 29, 31, 33, 34, 35, 36, 37, 38, 40, 49, 68)
@pytest.mark.rule(78, 79, 82, 88, 89, 90, 95, 101, 102, 107, 144, 146, 161)
async def test_every_message_of_the_year_comes_as_it_was_written_down(
    migrated: Migrated, issuer: LocalIssuer, tmp_path: Path
) -> None:
    expected = lines_of(EXPECTED.read_text(encoding="utf-8"))
    async with year_world(migrated, issuer, tmp_path) as year:
        await year_script.play(year)
        found = differences(expected, await year.told())
    assert not found, "\n" + "\n".join(found)


LINE = Line("Thu 17.09 09:00", "teacher", "concern-reminder", "nn", "e-mail")
ROW = "| Thu 17.09 09:00 | teacher | concern-reminder | nn | e-mail | 78, 79 |"


def test_a_message_too_many_too_few_or_at_another_time_is_shown_with_its_line() -> None:
    assert lines_of(f"# A year\n\n| When | To | Message | Language | How | Rules |\n|---|---|\n{ROW}\n") == [LINE]
    assert differences([LINE, LINE], [LINE, LINE]) == []
    assert differences([LINE, LINE], [LINE]) == [f"expected, and did not come: {LINE.shown()}"]
    assert differences([LINE], [LINE, LINE]) == [f"came, and is not expected:  {LINE.shown()}"]
    late = LINE._replace(when="Thu 17.09 09:01")
    assert differences([LINE], [late]) == [
        f"expected, and did not come: {LINE.shown()}",
        f"came, and is not expected:  {late.shown()}",
    ]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (ROW.replace("Thu", "Fri"), "that is a Thu"),
        (ROW.replace("e-mail", "e-mail Thu 18.09 07:00"), "that is a Fri"),
        (ROW.replace(" nn |", ""), "six columns"),
        (ROW.replace("78, 79", ""), "which rules"),
        (ROW.replace("78, 79", "78, 194"), "which rules"),
    ],
)
def test_what_a_person_typed_wrong_is_found(wrong: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        lines_of(wrong)
