"""What of a batch is new, and what in it is not as the services publish."""

from __future__ import annotations

import pytest

from services.audit.domain.entry import Entry, Received, index_record
from services.audit.domain.intake import sort_out
from services.audit.domain.log import Finding, FindingKind, announce_findings, holes, runs
from shared.contracts.audit import ChainBroken, GapFound, IndexDamaged, IrregularityFound
from tests.integration.audit_world import Publisher

pytestmark = pytest.mark.story(23)
CASES, AUDIT = "/services/cases", "/services/audit"


def entries(topic: str, *values: bytes) -> list[Entry]:
    """These records as entries, read from a partition of `topic`."""
    return [index_record(Received(topic, 0, at, value)) for at, value in enumerate(values)]


def found(read: list[Entry], first: int = 0) -> list[Finding]:
    """What they show, in a log that holds nothing of them."""
    return list(sort_out(read, first, {}, set()).findings)


@pytest.mark.parametrize(
    ("topic", "source", "fits"),
    [
        ("lagspill.cases.v1", CASES, True),
        ("lagspill.cases.v1", AUDIT, False),
        ("lagspill.audit.v1", AUDIT, True),
        ("skien.lagspill.audit.v1", AUDIT, True),
        ("skien.lagspill.audit.v1", CASES, False),
        ("another", "/services/elsewhere", True),
        ("lagspill.access.v1", CASES, True),
        ("lagspill.access.v1", "/services/meetings", True),
        ("lagspill.access.v1", "/services/elsewhere", False),
        ("lagspill.notify.v1", "/services/elsewhere", False),
    ],
)
def test_a_record_stands_on_its_services_topic(topic: str, source: str, fits: bool) -> None:
    """On the topic of access records every service publishes, and nobody else."""
    read = entries(topic, *Publisher(source=source).reads(3))
    expected = [] if fits else [Finding(kind=FindingKind.FOREIGN_SOURCE, source=source, first=1, last=3, position=7)]
    assert found(read, 7) == expected


def test_an_event_without_a_number_is_found_once_in_a_batch() -> None:
    """Nothing says that the service published it; whoever sends many of them gets one finding each batch."""
    records = Publisher().reads(5)
    bare = [record.replace(b',"sourcesequence":"', b',"other":"') for record in records[:4]]
    beyond = records[0].replace(b'"sourcesequence":"0', b'"sourcesequence":"9')
    zero = records[1].replace(b'"00000000000000000002"', b'"00000000000000000000"')
    for some in ([*bare, records[4]], [beyond], [zero]):
        assert [(each.kind, each.source, each.position) for each in found(entries("t", *some))] == [
            (FindingKind.UNNUMBERED, CASES, 0)
        ]


def test_what_is_no_event_is_only_kept() -> None:
    """It has no source, so nothing can be missing of it."""
    assert found(entries("lagspill.cases.v1", b"not JSON", b"{}")) == []


def test_one_sequence_number_twice_is_a_finding() -> None:
    """In one batch, or of what the log has; and the same bytes again are nothing."""
    cases = Publisher()
    case = cases.ids.ref("cas")
    one, other = (
        cases.read(case).replace(b'"correlationid"', b'"sequence":"00000000000000000005","correlationid"')
        for _ in range(2)
    )
    finding = Finding(kind=FindingKind.SUBJECT_REUSED, source=CASES, subject=case, first=5, last=5, position=1)
    assert found(entries("t", one, other)) == [finding]
    assert found(entries("t", one, one)) == []
    held = sort_out(entries("t", one), 1, {}, set(), {(CASES, case, 5)})
    assert list(held.findings) == [finding]


def test_every_finding_is_published_as_one_event() -> None:
    """Whatever it is about: a source, a subject, a record, the log itself."""
    origin = "lagspill.no/logs/4005"
    events = announce_findings(
        origin,
        [
            Finding(kind=FindingKind.GAP, source=CASES, first=2, last=3),
            Finding(kind=FindingKind.SUBJECT_GAP, source=CASES, subject="cas_x", first=1, last=2),
            Finding(kind=FindingKind.UNNUMBERED, source=CASES, position=9),
            Finding(kind=FindingKind.TREE_DAMAGED, source="", position=9),
            Finding(
                kind=FindingKind.INDEX_DAMAGED, source=CASES, first=3, last=3, position=9, subject="column:case_ref"
            ),
        ],
    )
    assert events == [
        GapFound(log=origin, source=CASES, first_missing=2, last_missing=3),
        IrregularityFound(log=origin, kind="subject-gap", source=CASES, subject_ref="cas_x", first=1, last=2),
        IrregularityFound(log=origin, kind="unnumbered", source=CASES, position=9),
        ChainBroken(log=origin, kind="tree-damaged", position=9),
        IndexDamaged(log=origin, position=9, column="case_ref", source=CASES),
    ]
    assert len(
        announce_findings(origin, [Finding(kind=kind, source=CASES, subject="x") for kind in FindingKind])
    ) == len(FindingKind)


def test_runs_are_the_numbers_and_holes_what_is_between() -> None:
    """However they come."""
    assert runs([5, 3, 9, 4, 3, 8]) == [(3, 5), (8, 9)]
    assert runs([]) == []
    assert holes(runs([5, 3, 9, 4, 3, 8])) == [(1, 2), (6, 7)]
