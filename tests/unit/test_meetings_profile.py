"""Municipality profiles: Notodden's as its page states it, and every wrong one refused with line and reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.meetings.configuration import (
    CodeListError,
    profile_of,
    read_consent_basis,
    read_profiles,
)
from services.meetings.domain.arena import wanted_arenas
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.profile import Profile, read_profile, read_profiles_in
from services.meetings.domain.year import Calendar, SchoolHoliday, Span, Term
from services.meetings.errors import ArenaRetiredError
from services.meetings.settings import MeetingsSettings
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import ArenaLevel, Guardians, ModePolicy
from shared.profiles import ProfileError, rules_named_in
from shared.refs import LogScope

FOLDER = MeetingsSettings.model_fields["municipalities_folder"].default
CODELISTS = MeetingsSettings.model_fields["codelists_folder"].default
DAY = date(2026, 9, 1)
NOTODDEN = (FOLDER / "notodden.yaml").read_text(encoding="utf-8")


@pytest.fixture
def profile() -> Profile:
    return read_profile(NOTODDEN, "notodden.yaml")


@pytest.mark.rule(1, 2, 3, 7, 8, 9)
def test_ressursteam(profile: Profile) -> None:
    team = profile.arena("ressursteam")
    assert team is not None
    assert team.fixed == {Service.BARNEVERN, Service.HELSESTASJON, Service.PPT}
    assert (team.level, team.mode.policy) == (ArenaLevel.UNIT, ModePolicy.ANONYMOUS_BY_DEFAULT)
    assert team.frequency.kind == "per-term"
    assert (team.frequency.times, team.frequency.rule, team.extra and team.extra.rule) == (1, 8, 9)
    assert {unit for rules, unit in wanted_arenas(profile, DAY) if rules.type == "ressursteam"} == {
        "unit:lia-barnehage",
        "unit:haugen-barnehage",
        "unit:tinnes-skole",
        "unit:notodden-ungdomsskole",
    }


@pytest.mark.rule(10, 11, 12, 15, 16, 17, 18)
def test_transition_meetings(profile: Profile) -> None:
    to_school = profile.arena("overgang-barnehage-skole")
    assert to_school is not None
    assert to_school.fixed == {Service.BARNEHAGE, Service.SKOLE, Service.PPT}
    assert (to_school.guardians_part, to_school.mode.policy) == (Guardians.REQUIRED, ModePolicy.NAMED)
    windows = {str(arena.type): [(each.first, each.last) for each in arena.windows] for arena in profile.arenas}
    assert windows["overgang-barnehage-skole"] == [("10-01", "11-30")]
    assert windows["overgang-skole-skole-koordinator"] == [("10-01", "10-31")]
    assert windows["overgang-skole-skole-kontaktlaerer"] == [("02-01", "04-30")]
    pupils = profile.arena("overgang-skole-skole-kontaktlaerer")
    assert pupils is not None
    assert pupils.guardians_part is Guardians.NONE


@pytest.mark.rule(19, 20, 21, 22)
def test_bup(profile: Profile) -> None:
    bup = profile.arena("bup-samarbeid")
    assert bup is not None
    assert bup.fixed | bup.at_need == {
        Service.BUP,
        Service.HELSESTASJON,
        Service.PPT,
        Service.PSYKIATRI,
        Service.BARNEVERN,
    }
    assert bup.frequency.kind == "every-weeks"
    assert (bup.frequency.weeks, bup.frequency.weekday) == (6, "tuesday")
    assert bup.mode.policy is ModePolicy.ANONYMOUS_ONLY


@pytest.mark.rule(23, 25, 29, 32, 39, 40, 42, 45, 47)
def test_ansvarsgruppe_lederforum_and_slt(profile: Profile) -> None:
    group, forum, slt = (profile.arena(name) for name in ("ansvarsgruppe", "lederforum", "slt"))
    assert group is not None
    assert forum is not None
    assert slt is not None
    assert Role.HEALTH_NURSE in group.called_by.roles
    assert len(group.members) == 9
    assert group.guardians_part is Guardians.INVITED
    assert forum.frequency.kind == "monthly"
    assert (forum.frequency.which, forum.frequency.weekday) == ("last", "thursday")
    assert forum.mode.policy is ModePolicy.SYSTEM_ONLY
    assert slt.mode.policy is ModePolicy.ANONYMOUS_ONLY
    assert {Service.NAERINGSLIV, Service.FRIVILLIGHET} <= slt.at_need
    assert slt.frequency.kind == "regularly"


def test_every_rule_from_1_to_51_of_the_meetings_stands_on_a_line(profile: Profile) -> None:
    assert set(range(1, 52)) <= rules_named_in(profile)


def test_a_definition_has_the_same_version_until_it_changes(profile: Profile) -> None:
    again = read_profile("# another comment\n" + NOTODDEN, "notodden.yaml")
    assert [arena.version for arena in again.arenas] == [arena.version for arena in profile.arenas]
    changed = read_profile(NOTODDEN.replace("minutes: 90", "minutes: 95", 1), "notodden.yaml")
    differing = [
        new.type for new, old in zip(changed.arenas, profile.arenas, strict=True) if new.version != old.version
    ]
    assert differing == ["ressursteam"]


@pytest.mark.rule(75)
def test_a_line_that_came_later_makes_no_other_version_of_an_arena_of_which_it_says_nothing() -> None:
    """An upgrade would define every arena anew: the hash is the one that it had before there were such lines."""
    simple = {
        "type": "fagmote",
        "name": "Fagmøte",
        "level": "municipality",
        "rules": [1],
        "mode": {"policy": "anonymous-only", "rules": [2]},
        "members": [{"service": "ppt", "rule": 3}],
        "frequency": {"kind": "regularly", "rule": 47},
        "minutes": 60,
        "place": {"at": "municipality"},
        "called_by": {"roles": ["leader"], "rule": 6},
    }
    assert ArenaRules.model_validate(simple).version == "15994edb079d0ab6f4874457047bf01a"
    begun = ArenaRules.model_validate({**simple, "begins": {"from_day": "2027-01-01", "rule": 75}})
    assert begun.version != ArenaRules.model_validate(simple).version


@pytest.mark.parametrize(
    ("last", "first", "reason"),
    [("02-28", "02-29", "02-28 is in two terms"), ("02-28", "03-01", "02-29 is in no term"), ("02-29", "03-01", "")],
)
def test_every_day_is_in_one_term_at_most_in_every_year_and_none_falls_between(
    last: str, first: str, reason: str
) -> None:
    """29 February is the 28th where there is none: the terms meet there in leap years, and would overlap or miss in the others."""
    terms = (Term(name="autumn", first="08-01", last=last), Term(name="spring", first=first, last="07-31"))
    if not reason:
        assert Calendar(terms=terms).term(date(2028, 2, 29)) == terms[0]
        assert Calendar(terms=terms).term(date(2027, 2, 28)) == terms[0]
        return
    with pytest.raises(ValidationError, match=reason):
        Calendar(terms=terms)


@pytest.mark.rule(45)
@pytest.mark.parametrize(
    ("old", "new", "line_of", "reason"),
    [
        ("times: 1, rule: 8}", "times: 1, rule: 999}", "rule: 999", "less than or equal to 193"),
        ("times: 1, rule: 8}", "times: 0, rule: 8}", "times: 0", "greater than or equal to 1"),
        ("{kind: per-term, times: 1, rule: 8}", "{kind: sometimes, rule: 8}", "sometimes", "sometimes"),
        ("{service: ppt, rule: 3}", "{service: ppt}", "{service: ppt}", "rule: Field required"),
        ("{service: ppt, rule: 3}", "{service: pptt, rule: 3}", "pptt", "Input should be"),
        ("{service: ppt, rule: 3}", '{service: ppt, unit: "unit:bup", rule: 3}', '"unit:bup", rule', "no unit of ppt"),
        (
            "receiver: special-education-coordinator",
            "receiver: guardian",
            "receiver: guardian",
            "nobody sits for a service",
        ),
        ("role: contact-teacher, receiver", "receiver", "receiver: special", "a receiver is a barnehage's or school's"),
        ("{service: ppt, rule: 3}", "{service: barnevern, rule: 3}", "type: ressursteam", "one stands here twice"),
        ("place: {at: at-the-unit}", "plase: {at: at-the-unit}", "plase", "plase"),
        ("policy: anonymous-only, rules: [22]", "policy: open, rules: [22]", "policy: open", "Input should be"),
        ('first: "10-01", last: "11-30"', 'first: "02-31", last: "11-30"', '"02-31"', "day"),
        ('id: "unit:haugen-barnehage"', 'id: "unit:lia-barnehage"', "name: Haugen barnehage", "stands here twice"),
        ("name: Notodden\n", "name: Notodden\nname: Notodden\n", "name: Notodden\nname", "stands here twice"),
        ("name: Notodden\n", "name: [\n", "calendar:", "expected"),
        (
            "guardians: {part: required, rule: 12}",
            "guardians: {part: sometimes, rule: 12}",
            "part: sometimes",
            "Input should be",
        ),
        (
            "weekday: tuesday, from_day: 2026-08-25",
            "weekday: tuesday, from_day: 2026-08-26",
            "2026-08-26",
            "no tuesday",
        ),
        ("levels: [system], rules: [39]", "levels: [individual], rules: [39]", "type: lederforum", "system level"),
        (
            "{service: ppt, rule: 3}",
            "{service: frivillighet, seat: at-need, rule: 3}",
            "frivillighet, seat: at-need, rule: 3",
            "frivillighet hears no name",
        ),
        (
            "{service: nav, seat: at-need, rule: 25}",
            "{service: naeringsliv, seat: at-need, rule: 25}",
            "naeringsliv, seat: at-need, rule: 25",
            "naeringsliv hears no name",
        ),
        ("role: contact-teacher", "role: guardian", "role: guardian", "nobody sits for a service as guardian"),
        ("services: [ledelse], rule: 39", "services: [bup], rule: 39", "type: lederforum", "a service that is none"),
        (
            "members:\n      - {service: bup",
            "own: {rule: 53}\n    members:\n      - {service: bup",
            "bup-samarbeid",
            "a unit's own",
        ),
        ("moved: week-before", "moved: somewhere", "moved: somewhere", "Input should be"),
        ('starts: ["09:00"]', 'starts: ["25:00"]', '"25:00"', "pattern"),
        ('last: "12-31"}', 'last: "01-31"}', "terms:", "in two terms"),
        ('sends_to: ["unit:tinnes-skole"]', 'sends_to: ["unit:ppt"]', '"unit:ppt"]', "no school of this profile"),
        ("size: 54,", "size: 54, service: ppt,", "unit:lia-barnehage", "leave service out"),
        ("minutes: 90", "minutes: 90\n    shortest: {minutes: 120, rule: 59}", "type: ressursteam", "lasts less"),
        (
            'window: {first: "05-01", last: "05-31"}\n    rules',
            'by: 2027-05-31\n    window: {first: "05-01", last: "05-31"}\n    rules',
            "transition-form-sent",
            "either the window",
        ),
        (
            "    - {name: vinterferie, first: 2028-02-21, last: 2028-02-25}\n",
            "",
            "name: høstferie, first: 2027-10-04",
            "the school year 2027-2028 has no vinterferie",
        ),
        (
            "    - {name: sommerferie, first: 2026-08-01, last: 2026-08-14}\n",
            "",
            "name: høstferie, first: 2026-09-28",
            "the school year 2026-2027 has no sommerferie",
        ),
        (
            "name: sommerferie, first: 2029-06-20",
            "name: fellesferie, first: 2029-06-20",
            "name: høstferie, first: 2026-09-28",
            "has no fellesferie",
        ),
        ('municipality: "4005"', 'municipalitet: "4005"', "municipalitet", "municipalitet"),
        (
            "    frequency: {kind: per-term, times: 1, rule: 8}",
            "    frequency: {kind: per-term, times: 1, rule: 8}\n    due_for: {children: with-a-group, rule: 23}",
            "  - type: ressursteam",
            "only of an arena around a child",
        ),
        (
            "    frequency: {kind: per-term, times: 1, rule: 29}",
            "    frequency: {kind: regularly, rule: 29}",
            "  - type: ansvarsgruppe",
            "gives no number",
        ),
        ("children: with-a-group", "children: of-the-units", "  - type: ansvarsgruppe", "once a year"),
        (
            "children: starting-school",
            "children: of-the-units",
            "  - type: overgang-barnehage-skole",
            "year before school-start",
        ),
        (
            "children: of-the-units, rule: 15",
            "children: starting-school, rule: 15",
            "  - type: overgang-skole-skole-koordinator",
            "year before school-start",
        ),
    ],
)
def test_a_wrong_profile_is_refused_with_line_and_reason(old: str, new: str, line_of: str, reason: str) -> None:
    assert old in NOTODDEN
    text = NOTODDEN.replace(old, new, 1)
    with pytest.raises(ProfileError) as refused:
        read_profile(text, "notodden.yaml")
    message = str(refused.value)
    assert reason in message
    line = int(message.removeprefix("notodden.yaml, line ").partition(":")[0])
    expected = text[: text.index(line_of)].count("\n") + 1
    assert abs(line - expected) <= 1, message


TOGETHER = (FOLDER / "nord-osterdal.yaml").read_text(encoding="utf-8")


@pytest.mark.rule(52, 64, 75, 77, 173)
@pytest.mark.parametrize(
    ("old", "new", "line_of", "reason"),
    [
        ("name: Nord-Østerdal\n", 'name: Nord-Østerdal\nmunicipality: "3424"\n', "name: Nord", "either whose"),
        ('{number: "3429", name: Folldal}', '{number: "3424", name: Folldal}', "name: Folldal}", "stands here twice"),
        ('municipality: "3429", kind: barnehage', "kind: barnehage", "unit:folldal-barnehage", "say which"),
        ('municipality: "3426", kind: skole', 'municipality: "4005", kind: skole', '"4005"', "no municipality"),
        ('hosted_by: "3427"', 'hosted_by: "4005"', '"4005"', "no municipality"),
        ("size: 48, ", "", "unit:rendalen-barnehage", "say its size"),
        ("{term: spring, times: 3}", "{term: summer, times: 3}", "kind: at-least", "summer is no term"),
        ("{from_size: 250, monthly: true", "{from_size: 100, monthly: true", "kind: at-least", "smallest size"),
        ("monthly: true, rule: 65", "rule: 65", "from_size: 250", "either the terms or monthly"),
        ("lifts_to: {to: tst-kommune", "lifts_to: {to: tst-fylke", "tst-fylke", "no arena of this profile"),
        ("lifts_to: {to: tst-kommune", "lifts_to: {to: tst", "lifts_to: {to: tst,", "round in a circle"),
        (
            "lifts_to: {to: tst-kommune",
            "lifts_to: {to: kommunedirektorforum",
            "kommunedirektorforum, rules: [68",
            "another",
        ),
        (
            "levels: [1], lifts_to: tst-kommune",
            "levels: [1], lifts_to: ansvarsgruppe",
            "lifts_to: {to",
            "team of this arena lifts",
        ),
        ("successor: tst,", "successor: obs-team,", "successor: obs-team", "its own place"),
        (
            "retired: {from_day: 2023-08-01, successor: tst,",
            "retired: {from_day: 2023-06-30, successor: tst,",
            "successor: tst,",
            "tst begins on 2023-08-01, and this one is no more from 2023-06-30",
        ),
        (
            "retired: {from_day: 2023-08-01, successor: tst,",
            "begins: {from_day: 2023-08-01, rule: 75}\n    retired: {from_day: 2023-08-01, successor: tst,",
            "type: obs-team",
            "no more before it begins",
        ),
        ("everywhere: {rule: 52}", 'everywhere: {not_yet: ["unit:nowhere"], rule: 52}', "unit:nowhere", "no unit"),
        ("after: [tst, tst-kommune]", "after: [tst, tts]", "tts", "no arena of this profile"),
        ("days: 14", "days: 14\n    least: 4", "least: 4", "greater than or equal to 5"),
        ("to_months: 12,", "to_months: 0,", "to_months: 0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_profile_of_several_is_refused_with_line_and_reason(
    old: str, new: str, line_of: str, reason: str
) -> None:
    assert old in TOGETHER
    text = TOGETHER.replace(old, new, 1)
    with pytest.raises(ProfileError) as refused:
        read_profiles_in(text, "together.yaml")
    message = str(refused.value)
    assert reason in message
    line = int(message.removeprefix("together.yaml, line ").partition(":")[0])
    assert abs(line - text[: text.index(line_of)].count("\n") - 1) <= 1, message


@pytest.mark.rule(77)
def test_a_profile_of_several_is_not_read_as_one(profile: Profile) -> None:
    with pytest.raises(ProfileError, match="several municipalities"):
        read_profile(TOGETHER, "together.yaml")
    assert read_profiles_in(NOTODDEN, "notodden.yaml") == (profile,)


@pytest.mark.parametrize("text", ["", "# nothing", "[]", "7", "- a\n- b"])
def test_what_is_no_profile_at_all_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="line 1"):
        read_profile(text, "x.yaml")


def test_a_municipality_has_one_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no profile"):
        read_profiles(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(NOTODDEN, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"b\.yaml"):
        read_profiles(tmp_path)
    profiles = read_profiles(FOLDER)
    assert profile_of(profiles, LogScope("4005")).name == "Notodden"
    with pytest.raises(ArenaRetiredError):
        profile_of(profiles, LogScope("9999"))


def test_the_basis_is_the_wording_in_force(tmp_path: Path) -> None:
    basis = read_consent_basis(CODELISTS)
    assert basis.at(datetime(2026, 9, 22, tzinfo=UTC)).code == "consent"
    with pytest.raises(CodeListError):
        basis.at(datetime(2000, 1, 1, tzinfo=UTC))
    for text in (None, "bases: 7", "bases: []"):
        if text is not None:
            (tmp_path / "legal-bases.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(CodeListError):
            read_consent_basis(tmp_path)


@pytest.mark.rule(8)
def test_the_holidays_of_a_year_are_known_when_each_of_the_profiles_stands_there(profile: Profile) -> None:
    calendar = profile.calendar
    years = {begins: calendar.school_year(begins) for begins in range(2025, 2031)}
    assert [begins for begins, year in years.items() if calendar.knows_holidays_of(year)] == [2026, 2027, 2028]
    # One that is of one year only is asked of no other.
    bridge = SchoolHoliday(name="inneklemt fredag", first=date(2028, 5, 26), last=date(2028, 5, 26), once=True)
    with_it = calendar.model_copy(update={"school_holidays": (*calendar.school_holidays, bridge)})
    assert all(with_it.knows_holidays_of(years[begins]) for begins in (2026, 2027, 2028))
    assert with_it.open_days(years[2027]) == calendar.open_days(years[2027]) - {bridge.first}
    for left_out in calendar.school_holidays:
        others = tuple(each for each in calendar.school_holidays if each is not left_out)
        some = calendar.model_copy(update={"school_holidays": others})
        assert not some.knows_holidays_of(
            years[left_out.first.year - (left_out.first < date(left_out.first.year, 8, 1))]
        )


def test_a_span_may_go_over_new_year() -> None:
    winter = Span(first="11-15", last="02-29")
    assert winter.holds(date(2026, 12, 31))
    assert winter.holds(date(2027, 2, 28))
    assert not winter.holds(date(2027, 3, 1))
    assert winter.around(date(2027, 1, 10)) == (date(2026, 11, 15), date(2027, 2, 28))
    assert winter.around(date(2027, 12, 10)) == (date(2027, 11, 15), date(2028, 2, 29))
