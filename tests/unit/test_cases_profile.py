"""The `cases:` part of the profiles: as the sources state it, and every wrong one refused with file, line and reason."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from services.cases.domain.profile import CasesProfile, RetiredBecause, read_cases
from services.cases.domain.team_profile import USUAL
from services.cases.domain.watch import USUAL_WATCH
from services.cases.profile import read_cases_profiles
from services.meetings.configuration import read_profiles
from shared.contracts.codes import Area, Language, Role, Service
from shared.profiles import Document, ProfileError, Text
from shared.refs import LogScope, UnitId

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "municipalities"
NOTODDEN: Final = (FOLDER / "notodden.yaml").read_text(encoding="utf-8")
TONSBERG: Final = (FOLDER / "tonsberg.yaml").read_text(encoding="utf-8")
NORD_OSTERDAL: Final = (FOLDER / "nord-osterdal.yaml").read_text(encoding="utf-8")
SKIEN: Final = (FOLDER / "skien.yaml").read_text(encoding="utf-8")
RENNESOY: Final = (FOLDER / "rennesoy.yaml").read_text(encoding="utf-8")
DAY: Final = date(2026, 9, 7)


def part(text: str, name: str) -> CasesProfile:
    """Return the part about cases."""
    profile, *others = read_cases(Document(text, name))
    assert all(other.cases == profile.cases for other in others)
    return profile.cases


@pytest.mark.rule(28, 162, 188)
def test_notodden_has_the_measures_of_its_page() -> None:
    ladder = part(NOTODDEN, "notodden.yaml")
    named = {offer.code for offer in ladder.offers if 28 in offer.rules}
    assert named == {
        "ekstratimer",
        "stottekontakt",
        "fysioterapi",
        "legeoppfolging",
        "avlastningshjem",
        "hjelpemidler",
        "tilrettelagt-bolig",
        "individuell-plan",
    }
    assert {rule for offer in ladder.offers for rule in offer.rules} >= {162, 188}


@pytest.mark.rule(181, 182, 188)
def test_tonsberg_has_the_ladder_of_its_slide() -> None:
    ladder = part(TONSBERG, "tonsberg.yaml")
    assert len([offer for offer in ladder.offers if 182 in offer.rules]) == 14
    assert {offer.level for offer in ladder.offers} == {0, 1, 2, 3}
    below = [{offer.code for offer in ladder.offers_at(level, DAY)} for level in range(4)]
    assert all(low < high for low, high in pairwise(below))
    assert "avlastning-over-14-dogn" in below[3] - below[2]


@pytest.mark.rule(68, 82, 85, 97, 111)
def test_nord_osterdal_takes_a_case_to_the_tst_and_lifts_it_to_the_municipal_one() -> None:
    profile = part(NORD_OSTERDAL, "nord-osterdal.yaml")
    assert [team and (team.code, team.lifts_to) for team in map(profile.team_at, (1, 2, 3))] == [
        ("tst", "tst-kommune"),
        ("tst-kommune", None),
        ("tst-kommune", None),
    ]
    assert {Service.PPT, Service.HELSESTASJON} < profile.services_at(1)


@pytest.mark.rule(162, 163, 164, 166, 177)
def test_rennesoy_has_what_its_report_names_and_a_plan_that_it_discarded() -> None:
    ladder = part(RENNESOY, "rennesoy.yaml")
    assert {rule for offer in ladder.offers for rule in offer.rules} >= {162, 163, 164, 166, 177}
    [gone] = [offer for offer in ladder.offers if not offer.offered_on(DAY)]
    assert gone.retired is not None
    assert gone.retired.because is RetiredBecause.NOT_IN_USE


@pytest.mark.rule(144, 146, 147, 154, 155)
def test_skien_takes_every_case_to_bti_and_names_ppt_and_child_welfare() -> None:
    ladder = part(SKIEN, "skien.yaml")
    assert {team.code for team in map(ladder.team_at, (1, 2, 3)) if team} == {"bti-team"}
    assert {rule for offer in ladder.offers for rule in offer.rules} >= {144, 146, 147, 154, 155}


@pytest.mark.rule(68, 69, 144, 172, 183)
def test_a_case_is_taken_to_a_meeting_place_that_the_municipality_has() -> None:
    without = {
        profile.name: missing
        for number, profile in read_profiles(FOLDER).items()
        if (
            missing := {team.code for team in read_cases_profiles(FOLDER)[number].cases.teams}
            - {arena.type for arena in profile.arenas if arena.meets_on(DAY)}
        )
    }
    # Of its meeting places the report tells of Fagsenter only, which takes no child.
    assert without == {"Rennesøy": {"ansvarsgruppe"}}


@pytest.mark.rule(83, 103, 105, 170)
@pytest.mark.parametrize("text", [NOTODDEN, TONSBERG, NORD_OSTERDAL, SKIEN, RENNESOY])
def test_every_area_has_a_criterion_and_every_text_three_languages(text: str) -> None:
    profile = part(text, "x.yaml")
    assert {area for criterion in profile.criteria for area in criterion.areas} == set(Area)
    assert {one.code for one in profile.family_frame} == {"housing", "income", "leisure"}
    texts: list[Text] = [one.text for one in (*profile.criteria, *profile.family_frame)]
    texts += [one.text for one in profile.offers] + [one.text for one in profile.overlaps]
    assert all(text.in_(language) for text in texts for language in Language)


@pytest.mark.rule(166)
def test_a_discarded_measure_is_not_offered_from_its_day_on() -> None:
    ladder = part(NOTODDEN, "notodden.yaml")
    retired = ladder.offer("atferdsgruppe")
    assert retired is not None
    assert retired.offered_on(date(2025, 12, 31))
    assert not retired.offered_on(date(2026, 1, 1))
    assert retired not in ladder.offers_at(3, DAY)


@pytest.mark.rule(49, 68, 80, 86, 161)
def test_what_the_rules_look_up() -> None:
    profile = part(NOTODDEN, "notodden.yaml")
    group = profile.overlapping("sprakgruppe", "ekstratimer")
    assert group is not None
    assert group.code == "language"
    assert profile.overlapping("sprakgruppe", "pmto") is None
    assert profile.level_of(Service.PPT) == 1
    assert profile.services_at(3) == {Service.PSYKIATRI, Service.BARNEVERN, Service.BUP}
    unit_team, group_of_all = profile.team_at(1), profile.team_at(2)
    assert unit_team is not None
    assert group_of_all is not None
    assert unit_team.lifts_to == group_of_all.code
    assert profile.team_at(0) is None


@pytest.mark.parametrize(
    ("old", "new", "line_of", "reason"),
    [
        ("act: {days: 14, rule: 79}", "act: {days: 0, rule: 79}", "days: 0", "greater than or equal to 1"),
        ("act: {days: 14, rule: 79}", "act: {days: 14}", "act: {days: 14}", "rule: Field required"),
        ("act: {days: 14, rule: 79}", "akt: {days: 14, rule: 79}", "akt:", "akt"),
        (
            "evaluate: {weeks: 26, rule: 89}",
            "evaluate: {weeks: 26, rule: 889}",
            "rule: 889",
            "less than or equal to 193",
        ),
        (
            "code: sprakgruppe\n      level: 1",
            "code: sprakgruppe\n      level: 4",
            "level: 4",
            "less than or equal to 3",
        ),
        ("code: sprakgruppe\n", "code: Språk\n", "code: Språk", "match pattern"),
        ("- code: ekstratimer\n", "- code: sprakgruppe\n", "Ekstratimer i", "sprakgruppe stands here twice"),
        ("measures: [art]", "measures: [art, arti]", "measures: [art, arti]", "arti is no offer"),
        ("lifts_to: ansvarsgruppe", "lifts_to: nobody", "lifts_to: nobody", "nobody is no team"),
        ("lifts_to: ansvarsgruppe", "lifts_to: ressursteam", "lifts_to: ressursteam", "circle"),
        ("levels: [2, 3], rule: 68", "levels: [2], rule: 68", "code: ressursteam", "no team takes a case at level 3"),
        ("levels: [2, 3], rule: 68", "levels: [1, 2, 3], rule: 68", "levels: [1, 2, 3]", "already"),
        ("because: no-effect", "because: tired", "because: tired", "Input should be"),
        ("{nb: Bolig, nn: Bustad, en: Housing}", "{nb: Bolig, en: Housing}", "{nb: Bolig, en", "nn: Field required"),
        (
            "{service: bup, level: 3, rule: 86}",
            "{service: ppt, level: 3, rule: 86}",
            "{service: ppt, level: 3",
            "twice",
        ),
    ],
)
def test_a_wrong_part_is_refused_with_file_line_and_reason(old: str, new: str, line_of: str, reason: str) -> None:
    assert old in NOTODDEN
    text = NOTODDEN.replace(old, new, 1)
    with pytest.raises(ProfileError) as refused:
        read_cases(Document(text, "notodden.yaml"))
    message = str(refused.value)
    assert reason in message
    line = int(message.removeprefix("notodden.yaml, line ").partition(":")[0])
    assert abs(line - (text[: text.index(line_of)].count("\n") + 1)) <= 2, message


def test_a_ladder_has_something_at_every_level() -> None:
    text = TONSBERG.replace("level: 0", "level: 1")
    with pytest.raises(ProfileError, match="no offer at level 0"):
        read_cases(Document(text, "tonsberg.yaml"))


def test_a_municipality_has_one_profile_and_each_service_reads_its_part(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="says anything about cases"):
        read_cases_profiles(tmp_path)
    (tmp_path / "a.yaml").write_text('municipality: "4005"\nname: A\n', encoding="utf-8")
    with pytest.raises(ProfileError, match="says anything about cases"):
        read_cases_profiles(tmp_path)
    for name in ("b.yaml", "c.yaml"):
        (tmp_path / name).write_text(TONSBERG, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"c\.yaml"):
        read_cases_profiles(tmp_path)
    together = {LogScope(number) for number in ("3424", "3426", "3427", "3428", "3429")}
    alone = {LogScope(number) for number in ("4005", "3905", "4003", "1142")}
    assert read_cases_profiles(FOLDER).keys() == {*alone, *together}
    cases_only = TONSBERG[: TONSBERG.index("calendar:")] + TONSBERG[TONSBERG.index("\ncases:") :]
    (tmp_path / "a.yaml").write_text(NOTODDEN, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(cases_only, encoding="utf-8")
    (tmp_path / "c.yaml").unlink()
    assert read_profiles(tmp_path).keys() == {LogScope("4005")}, "who states no meetings has none"
    assert read_cases_profiles(tmp_path).keys() == {LogScope("4005"), LogScope("3905")}


@pytest.mark.rule(77)
def test_municipalities_together_have_the_same_part_each_under_its_own_number() -> None:
    several = """together:
  rule: 77
  municipalities:
    - {number: "3424", name: Rendalen}
    - {number: "3429", name: Folldal}
name: Begge
"""
    cases = TONSBERG[TONSBERG.index("\ncases:") :]
    one, other = read_cases(Document(several + cases, "x.yaml"))
    assert (one.scope, one.name, other.scope, other.name) == ("3424", "Rendalen", "3429", "Folldal")
    assert one.cases == other.cases == part(TONSBERG, "tonsberg.yaml")
    with pytest.raises(ProfileError, match=r"line 5: .*stands here twice"):
        read_cases(Document(several.replace("3429", "3424") + cases, "x.yaml"))
    with pytest.raises(ProfileError, match="either whose it is"):
        read_cases(Document("municipality: '4005'\n" + several + cases, "x.yaml"))


@pytest.mark.parametrize("text", ["[]", "7", 'municipality: "4005"'])
def test_a_profile_may_say_nothing_about_cases(text: str) -> None:
    assert read_cases(Document(text, "x.yaml")) == ()


@pytest.mark.parametrize(
    ("text", "line"), [("cases: 7", 1), ('municipality: "4005"\nname: A\ncases: {}\n', 3), ("", 1), ("a: [\n", 2)]
)
def test_what_is_no_profile_at_all_is_refused(text: str, line: int) -> None:
    with pytest.raises(ProfileError, match=f"line {line}"):
        read_cases(Document(text, "x.yaml"))


@pytest.mark.rule(23, 25, 37, 38, 82, 97, 102)
def test_a_municipality_says_how_its_teams_work_and_a_wrong_line_is_refused() -> None:
    team = part(NOTODDEN, "notodden.yaml").team
    assert [one.service for one in team.usual_members][:2] == ["helsestasjon", "fastlege"]
    assert (team.coordinator.role, team.coordinator.until_age, team.contributions.respond_days) == (
        "health-nurse",
        18,
        7,
    )
    # Where nothing is said, what is usual.
    assert part(TONSBERG, "tonsberg.yaml").team == USUAL
    for old, new, reason in (
        ("respond_days: 7,", "respond_days: 0,", "greater than or equal to 1"),
        ("feedback_days: 21,", "feedback_days: 22,", "less than or equal to 21"),
        ("{arenas: [ansvarsgruppe], rule: 38}", "{arenas: [ansvarsgruppe], rule: 38, until: 3}", "Extra inputs"),
        ("usual_members:", "usual_member:", "Extra inputs"),
    ):
        with pytest.raises(ProfileError, match=rf"line \d+: .*{reason}"):
            part(NOTODDEN.replace(old, new), "notodden.yaml")


@pytest.mark.rule(95)
def test_who_has_the_duty_for_protected_cases_is_the_municipalitys_to_say_and_never_a_barnehage_or_school() -> None:
    assert part(NOTODDEN, "notodden.yaml").protected == USUAL_WATCH
    said = f"{NOTODDEN}\n  protected: {{role: leader, unit: 'unit:kommune', rule: 95}}\n"
    watch = part(said, "notodden.yaml").protected
    leader, officer = frozenset({Role.LEADER}), frozenset({Role.PRIVACY_OFFICER})
    for roles, unit, kept in (
        (leader, "unit:kommune", True),
        (leader, "unit:lia-barnehage", False),
        (leader, None, False),
        (officer, "unit:kommune", False),
    ):
        assert watch.is_kept_by(roles, None if unit is None else UnitId(unit)) is kept
    assert USUAL_WATCH.is_kept_by(officer, None)
    assert not USUAL_WATCH.is_kept_by(leader, UnitId("unit:kommune"))
    for new, reason in (
        ("unit: 'unit:lia-barnehage'", "unit:lia-barnehage is a barnehage or school"),
        ("unit: 'unit:tinnes-skole'", "unit:tinnes-skole is a barnehage or school"),
        ("units: 'unit:kommune'", "Extra inputs"),
    ):
        with pytest.raises(ProfileError, match=rf"line \d+: .*{reason}"):
            part(said.replace("unit: 'unit:kommune'", new), "notodden.yaml")
    for wrong in ("{role: leader, rule: 95}", "{role: privacy-officer, unit: 'unit:kommune', rule: 95}"):
        with pytest.raises(ProfileError, match="a unit is named for its leaders, and for nobody else"):
            part(f"{NOTODDEN}\n  protected: {wrong}\n", "notodden.yaml")
