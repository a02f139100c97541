"""An event's type is bound to its source: what a service says in another's name is a finding, and is not heard."""

from __future__ import annotations

import pytest

from services.audit.domain.entry import Entry, Received, index_record, is_own
from services.audit.domain.intake import sort_out
from services.audit.domain.log import FindingKind
from services.audit.domain.observed import Observed, observe
from shared.contracts.access import AccessRecorded
from shared.contracts.audit import EntriesPruned
from shared.contracts.base import EventData
from shared.contracts.cases import CaseClosed
from shared.contracts.journal import CasesJournalSealed
from shared.refs import CaseRef, LogScope
from tests.integration.audit_world import NOON, Publisher

pytestmark = pytest.mark.story(23)
CASES, NOTIFY, AUDIT = "/services/cases", "/services/notify", "/services/audit"
CASE = CaseRef(Publisher().ids.ref("cas"))
CLOSED = CaseClosed(subject_ref=CASE, case=CASE, outcome="adult")
PRUNED = EntriesPruned(log="lagspill.no/logs/4005", first=0, last=255, policy="0" * 64, rule="the-rest")
SEALED = CasesJournalSealed(scope=LogScope("4005"), last_number=1, root="A" * 43 + "=")


def entry(data: EventData, source: str) -> Entry:
    """What `source` says, on its own topic."""
    topic = f"lagspill.{source.rpartition('/')[2]}.v1"
    return index_record(Received(topic, 0, 0, Publisher(source=source).publish(data)))


def seen(read: Entry) -> Observed:
    """What the subsequent control sees of it."""
    return observe(
        position=0,
        logged_at=NOON,
        happened_at=NOON,
        event_type=read.type,
        source=read.source,
        number=1,
        actor=read.actor,
        leaf=read.leaf,
    )


@pytest.mark.parametrize(
    ("data", "source", "fits"),
    [
        (CLOSED, CASES, True),
        (CLOSED, NOTIFY, False),
        (PRUNED, AUDIT, True),
        (PRUNED, NOTIFY, False),
        (SEALED, CASES, True),
        (SEALED, NOTIFY, False),
        (Publisher().access(), NOTIFY, True),
    ],
)
def test_a_type_in_anothers_name_is_a_finding(data: EventData, source: str, fits: bool) -> None:
    """On the service's own topic, under its own source and number: still it is not its to say."""
    found = sort_out([entry(data, source)], 7, {}, set()).findings
    assert [(each.kind, each.source, each.position) for each in found] == (
        [] if fits else [(FindingKind.FOREIGN_SOURCE, source, 7)]
    )


def test_a_fact_is_its_own_services_word() -> None:
    """Else a service that was taken over closes cases, or puts somebody on a team who then looks."""
    assert seen(entry(CLOSED, CASES)).fact == CLOSED
    assert seen(entry(CLOSED, NOTIFY)).fact is None
    assert seen(entry(Publisher().access(), NOTIFY)).look is not None


def test_a_seal_is_its_own_services_word() -> None:
    """One of another type than its source's seals nothing."""
    assert entry(SEALED, CASES).seal is not None
    assert entry(SEALED, NOTIFY).seal is None


def test_types_that_are_nobodys_are_anybodys() -> None:
    """Access records, and whatever does not begin as Lagspill's do."""
    assert is_own(AccessRecorded.TYPE, "/services/elsewhere")
    assert is_own("no.example.case.closed.v1", NOTIFY)
    assert is_own("no.lagspill.elsewhere.done.v1", "/services/elsewhere")
    assert not is_own("no.lagspill.cases", NOTIFY)
    assert not is_own("no.lagspill.", NOTIFY)
