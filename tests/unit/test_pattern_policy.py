"""The policy file: validated, with a reason for each threshold; the shipped one is the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.audit.domain.pattern_policy import PolicyError, read_policies
from services.audit.patterns.configuration import read_configuration
from services.audit.patterns.texts import finding_sentence
from shared.contracts.audit import Pattern
from shared.contracts.codes import Language, Service
from shared.refs import LogScope

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SHIPPED = (DEPLOY / "patterns.yaml").read_text(encoding="utf-8")
LONG = "Because the privacy officer and the unions agreed on it."


def changed(path: str, value: object) -> str:
    """The shipped policy with one value changed, or taken away with None."""
    document: Any = yaml.safe_load(SHIPPED)
    *way, last = path.split(".")
    part = document
    for step in way:
        part = part.setdefault(step, {})
    if value is None:
        del part[last]
    else:
        part[last] = value
    return yaml.safe_dump(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("default.many_children.reason", None),
        ("default.many_children.reason", "short"),
        ("default.many_children.children", 1),
        ("default.many_children.childs", 40),
        ("default.leaving", None),
        ("default.outside_hours.closes", "05:00"),
        ("default.outside_hours.exempt", ["nobody"]),
        ("default.explain_within_working_days", 0),
        ("municipalities.400", {}),
        ("municipalities.4005", {"many_children": {"children": 3, "minutes": 5}}),
        ("municipalities.4005", {"unknown": {"reason": LONG}}),
        ("default", "nothing"),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused(path: str, value: object) -> None:
    with pytest.raises(PolicyError, match=r"patterns\.yaml"):
        read_policies(changed(path, value), {})


def test_no_yaml_is_refused() -> None:
    with pytest.raises(PolicyError):
        read_policies("default: [", {})


def test_a_municipality_replaces_a_whole_section_and_keeps_the_rest() -> None:
    own = {"many_children": {"children": 3, "minutes": 5, "reason": LONG}}
    policies = read_policies(changed("municipalities.4003", own), {})
    skien, other = policies.rules(LogScope("4003")).policy, policies.rules(LogScope("4005")).policy
    assert (skien.many_children.children, other.many_children.children) == (3, 40)
    assert skien.leaving == other.leaving
    protected = policies.rules(LogScope("prt_" + "b" * 26)).policy
    assert protected == other


def test_the_shipped_files_are_read_with_the_municipalities_holidays() -> None:
    policies = read_configuration(DEPLOY / "patterns.yaml", DEPLOY / "municipalities")
    notodden = policies.rules(LogScope("4005"))
    # Municipalities with one profile together have its holidays.
    assert policies.rules(LogScope("3424")).school_holidays == policies.rules(LogScope("3427")).school_holidays != ()
    assert any(closed.first.isoformat() == "2026-09-28" for closed in notodden.school_holidays)
    assert policies.rules(LogScope("9999")).school_holidays == ()
    assert Service.BARNEVERN in notodden.policy.outside_hours.exempt


def test_a_missing_policy_or_a_broken_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_configuration(tmp_path / "no.yaml", tmp_path)
    (tmp_path / "x.yaml").write_text("municipality: '4005'\ncalendar: {school_holidays: [{first: tomorrow}]}\n")
    with pytest.raises(PolicyError, match=r"x\.yaml"):
        read_configuration(DEPLOY / "patterns.yaml", tmp_path)


@pytest.mark.parametrize("language", list(Language))
def test_every_pattern_has_a_sentence_of_its_own_in_every_language(language: Language) -> None:
    said = {finding_sentence(pattern, language, entries=7, cases=3) for pattern in Pattern}
    assert len(said) == len(Pattern)
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in said)
    assert "7" in finding_sentence(Pattern.REPEATED_DENIALS, language, entries=7)
    assert finding_sentence("something-new", language) == finding_sentence("other", language)
    assert len({finding_sentence(kind, language) for kind in ("gap", "lane-gap", "subject-gap", "other")}) == 4
    assert finding_sentence("gap", language) != finding_sentence(
        "gap", next(each for each in Language if each != language)
    )
