"""The pure part of retention: what a policy file may say, and how bundles become spans."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.retention import LONGEST, Policy, merge, read_policy, spans
from services.audit.domain.tiles import WIDTH
from services.audit.errors import PolicyRefusedError

FILE = Path(__file__).parents[2] / "deploy" / "retention.yaml"
bundles = st.dictionaries(st.integers(0, 300), st.sampled_from(["one", "two"]), max_size=120)


@given(bundles, st.integers(1, LONGEST))
def test_spans_are_the_bundles(chosen: dict[int, str], longest: int) -> None:
    """Each bundle once, by its own rule; as long as they may be and no longer."""
    found = list(spans(sorted(chosen.items()), longest))
    assert {
        bundle: span.rule for span in found for bundle in range(span.first // WIDTH, (span.last + 1) // WIDTH)
    } == chosen
    assert sum(span.entries for span in found) == len(chosen) * WIDTH
    for span in found:
        assert (span.first % WIDTH, span.last % WIDTH) == (0, WIDTH - 1)
        assert 0 < span.entries <= longest * WIDTH
    for one, two in pairwise(found):
        assert one.last < two.first
        assert (one.last + 1, one.rule) != (two.first, two.rule) or one.entries == longest * WIDTH


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 30)).map(lambda pair: (pair[0], sum(pair))), max_size=40))
def test_merged_ranges_hold_the_same(ranges: list[tuple[int, int]]) -> None:
    """The same positions, and no two that touch."""
    merged = merge(sorted(ranges))
    assert {n for first, last in merged for n in range(first, last + 1)} == {
        n for first, last in ranges for n in range(first, last + 1)
    }
    assert all(one[1] + 1 < two[0] for one, two in pairwise(merged))


def test_the_policy_that_comes_with_it() -> None:
    """Five years after the end of a case, two for what is technical, and each rule says by what right."""
    policy = read_policy(FILE.read_text())
    kept = {rule.name: rule.keep for rule in policy.rules}
    child, technical = kept["about-a-child"], kept["technical"]
    assert child != "for-ever" and (child.total_months, child.after) == (60, "case-ended")  # noqa: PT018
    assert technical != "for-ever" and (technical.total_months, technical.after) == (24, "logged")  # noqa: PT018
    assert all(rule.legal_basis for rule in policy.rules)


def test_a_policy_is_known_by_what_it_says() -> None:
    """Not by its comments and its order of keys; and any change is another policy."""
    text = FILE.read_text()
    policy = read_policy(text)
    again = yaml.safe_dump(yaml.safe_load(text), sort_keys=True)
    assert read_policy(again).digest == policy.digest
    assert read_policy(text.replace("years: 5", "years: 6", 1)).digest != policy.digest
    assert Policy.model_validate_json(policy.canonical()) == policy


RULE = '{name: rest, legal_basis: "for this test only", keep: {years: 1}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rules: [",
        "version: '1'\nrules: []",
        f"rules: [{RULE}]",
        f"version: '1'\nrules: [{RULE}, {RULE}]",
        f"version: '1'\nunheard: of\nrules: [{RULE}]",
        f"version: '1'\nrules: [{RULE.replace('keep', 'kep')}]",
        f"version: '1'\nrules: [{RULE.replace('{years: 1}', '{years: 0}')}]",
        f"version: '1'\nrules: [{RULE.replace('{years: 1}', '{years: 1, after: whenever}')}]",
        f"version: '1'\nrules: [{RULE.replace('{years: 1}', 'always')}]",
        f"version: '1'\nrules: [{RULE.replace('for this test only', 'x')}]",
        f"version: '1'\nrules: [{RULE.replace('rest', 'Not a slug')}]",
        f"version: '1'\nrules: [{RULE.replace('keep', 'kinds: [read], keep')}]",
        f"version: '1'\nrules: [{RULE}, {RULE.replace('rest', 'never')}]",
        f"version: '1'\nrules: [{RULE.replace('rest', 'odd').replace('keep', 'kinds: [seal, unparsable], keep')}, {RULE}]",
        f"version: '1'\nrules: [{RULE.replace('rest', 'odd').replace('keep', 'logs: [unparsable], keep')}, {RULE}]",
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    """With a sentence that says where."""
    with pytest.raises(PolicyRefusedError) as refused:
        read_policy(text)
    assert str(refused.value)


@given(st.lists(st.text("ab_%\\.", min_size=1, max_size=6), min_size=1, max_size=3), st.booleans())
def test_types_are_literal_but_for_the_star(types: list[str], star: bool) -> None:
    """No letter of a type means something else to LIKE."""
    written = [f"{each}*" if star else each for each in types]
    rule = read_policy(
        yaml.safe_dump(
            {
                "version": "1",
                "rules": [
                    {"name": "some", "legal_basis": "for this test only", "types": written, "keep": "for-ever"},
                    yaml.safe_load(RULE),
                ],
            }
        )
    ).rules[0]
    assert rule.type_patterns is not None
    for pattern, each in zip(rule.type_patterns, types, strict=True):
        undone = pattern.removesuffix("%") if star else pattern
        assert undone.replace("\\\\", "\0").replace("\\%", "%").replace("\\_", "_").replace("\0", "\\") == each
