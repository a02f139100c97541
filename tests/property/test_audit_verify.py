"""The verifier against every small tampering there is, on logs built here without a database (invariant 6)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence

import lagspill_verify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lagspill_verify import Key, Kind, Report, UnreadableError, Verification

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import Signer
from services.audit.domain.tiles import EMPTY_HEAD, WIDTH, edges_needed, grow, slices, write_bundle, write_path
from shared.merkle import leaf_hash, root_of

ORIGIN = "lagspill.no/logs/4005"
SIGNER = Signer(ORIGIN, bytes(range(32)))
KEY = Key.parse(SIGNER.verifier.vkey)
Files = dict[str, bytes]


class Memory:
    """A log in memory."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def get(self, path: str) -> bytes | None:
        """Return the file."""
        return self.files.get(path)


def event(number: int, source: str = "/services/cases", **data: object) -> bytes:
    """An entry that says as much as the verifier reads."""
    said = {"type": "no.lagspill.cases.case.opened.v1", "source": source, "municipality": "4005", "data": data}
    return json.dumps({**said, "sourcesequence": f"{number:020}"}).encode()


def files_of(entries: list[bytes]) -> Files:
    """A log with these entries, as files."""
    hashes = [leaf_hash(entry) for entry in entries]
    head = EMPTY_HEAD
    roots: dict[tuple[int, int], bytes] = {}
    for at in range(0, len(hashes), WIDTH):
        part = hashes[at : at + WIDTH]
        size = head.frontier.size
        edges = [
            [roots[level, edge.number * WIDTH + i] for i in range(edge.width)]
            for level, edge in enumerate(edges_needed(size, size + len(part)))
        ]
        head, full = grow(head, part, edges)
        for tile in full:
            roots[tile.address] = tile.root
    files: Files = {}
    for part_of in slices(0, len(entries)):
        first = part_of.number * WIDTH
        files[f"tile/entries/{write_path(part_of)}"] = write_bundle(entries[first : first + part_of.width])
        files[f"tile/0/{write_path(part_of)}"] = b"".join(hashes[first : first + part_of.width])
    for part_of in slices(1, len(entries)):
        files[f"tile/1/{write_path(part_of)}"] = b"".join(roots[0, at] for at in range(part_of.width))
    files["checkpoint"] = SIGNER.sign(Checkpoint(ORIGIN, len(entries), root_of(hashes)).text()).encode()
    return files


def verify(files: Files, *since: Checkpoint, retention: Sequence[str] = ()) -> Report:
    """Verify the log."""
    older = [lagspill_verify.Checkpoint(each.origin, each.size, each.root) for each in since]
    return Verification(Memory(files), [KEY], older, lambda done, size: None, retention=retention).run()


def of_subject(number: int, subject: str, sequence: int) -> bytes:
    """An entry that is the `sequence`-th event of `subject`."""
    said = json.loads(event(number))
    return json.dumps({**said, "subject": subject, "sequence": f"{sequence:020}"}).encode()


def test_what_was_taken_away_before_it_was_published_is_missed() -> None:
    """An event deleted from a service's outbox has no number of the journal: its subject's own count misses it."""
    whole = [of_subject(1, "cas_a", 1), of_subject(2, "cas_b", 1), of_subject(3, "cas_a", 2), of_subject(4, "cas_a", 3)]
    assert verify(files_of(whole)).findings == []
    gone = [of_subject(1, "cas_a", 1), of_subject(2, "cas_b", 1), of_subject(3, "cas_a", 3)]
    [found] = verify(files_of(gone)).findings
    assert (found.kind, found.position) == (Kind.INCOMPLETE, 2)
    assert found.detail == "/services/cases published event 3 of cas_a, and only 2 of the first 3 are in the log"
    twice = [of_subject(1, "cas_a", 1), of_subject(2, "cas_a", 3), of_subject(3, "cas_a", 3)]
    assert [each.kind for each in verify(files_of(twice)).findings] == [Kind.INCOMPLETE]


@pytest.mark.parametrize("given", ["", "0", "x", f"{2**63}", None])
def test_an_event_without_a_number_of_its_service_is_nobodys_word(given: str | None) -> None:
    """Whoever can write to the bus can write a service's name, and no seal would ever contradict it."""
    said = {**json.loads(event(2)), "sourcesequence": given}
    [found] = verify(files_of([event(1), json.dumps(said).encode()])).findings
    assert (found.kind, found.position) == (Kind.INCOMPLETE, 1)
    assert found.detail == "an event in the name of /services/cases without a number: nothing says that it published it"


sizes = st.sampled_from([1, 2, 3, 5, 255, 256, 257, 511, 512, 513, 700])
LOGS = {
    size: files_of([event(number) for number in range(1, size + 1)])
    for size in (1, 2, 3, 5, 255, 256, 257, 511, 512, 513, 700)
}


@pytest.mark.parametrize("size", [0, *LOGS])
def test_true_logs_of_every_shape(size: int) -> None:
    """Empty, one entry, around a tile."""
    report = verify(LOGS.get(size) or files_of([]))
    assert (report.exit_status, report.entries) == (0, size)


@settings(max_examples=300, deadline=None)
@given(sizes, st.data())
def test_one_changed_bit_anywhere_is_found(size: int, draw: st.DataObject) -> None:
    """In an entry, a length, a tile, a root, a signature: never verified. The checkpoint may become unreadable instead."""
    files = dict(LOGS[size])
    path = draw.draw(st.sampled_from(sorted(files)))
    at = draw.draw(st.integers(0, len(files[path]) * 8 - 1))
    changed = bytearray(files[path])
    changed[at // 8] ^= 1 << at % 8
    files[path] = bytes(changed)
    try:
        report = verify(files)
    except UnreadableError:
        assert path == "checkpoint"
        return
    assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED


@settings(max_examples=100, deadline=None)
@given(sizes, st.data())
def test_a_missing_file_is_found(size: int, draw: st.DataObject) -> None:
    """Whichever it is."""
    files = dict(LOGS[size])
    path = draw.draw(st.sampled_from(sorted(files)))
    del files[path]
    if path == "checkpoint":
        with pytest.raises(UnreadableError):
            verify(files)
        return
    assert verify(files).exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED


def bundled(entries: list[bytes], files: Files) -> Files:
    """The same checkpoint and tiles, over other entries."""
    size = sum(key.startswith("tile/entries/") for key in files)
    others = {path: contents for path, contents in files.items() if not path.startswith("tile/entries/")}
    for number in range(size):
        path = next(key for key in files if key.startswith(f"tile/entries/{number:03}"))
        part = entries[number * WIDTH : (number + 1) * WIDTH]
        if part:
            others[path] = write_bundle(part)
    return others


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([5, 255, 256, 257, 513, 700]), st.data())
def test_each_kind_is_named_with_its_first_entry(size: int, draw: st.DataObject) -> None:
    """Changed, missing, inserted, reordered, truncated: wherever it happens."""
    entries = [event(number) for number in range(1, size + 1)]
    kind = draw.draw(st.sampled_from([Kind.CHANGED, Kind.MISSING, Kind.INSERTED, Kind.REORDERED, Kind.TRUNCATED]))
    at = draw.draw(st.integers(0, size - 2))
    other = draw.draw(st.integers(at + 1, size - 1))
    if kind is Kind.CHANGED:
        entries[at] = event(at + 1, told="otherwise")
    elif kind is Kind.MISSING:
        del entries[at]
    elif kind is Kind.INSERTED:
        entries.insert(at, event(at + 1, never="happened"))
        entries.pop()  # no bundle of this size has room for the last one
    elif kind is Kind.REORDERED:
        entries[at], entries[other] = entries[other], entries[at]
    else:
        del entries[at:]
    report = verify(bundled(entries, LOGS[size]))
    found = report.findings[0]
    assert (found.kind, found.position) == (kind, at), report


_TAMPERINGS = st.lists(
    st.tuples(
        st.sampled_from(["change", "drop", "insert", "swap", "cut"]), st.integers(0, 10**6), st.integers(0, 10**6)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(sizes, _TAMPERINGS, st.sampled_from(["nothing", "rolled back", "forked", "tile"]))
def test_of_several_things_at_once_the_first_is_named(
    size: int, tampered: list[tuple[str, int, int]], beside: str
) -> None:
    """Whatever else is wrong: where the first other entry stands; and never that it is verified, nor no answer at all."""
    signed = [event(number) for number in range(1, size + 1)]
    entries = list(signed)
    for what, here, there in tampered:
        at, other = here % (len(entries) + 1), there % max(1, len(entries))
        match what:
            case "change" if at < len(entries):
                entries[at] = entries[at].replace(b"source", b"SOURCE")
            case "swap" if at < len(entries):
                entries[at], entries[other] = entries[other], entries[at]
            case "drop":
                del entries[at : at + 1]
            case "cut":
                del entries[max(at, len(entries) - 3) :]
            case _:
                entries.insert(at, event(10**6 + there))
    del entries[-(-size // WIDTH) * WIDTH :]  # there are no more bundles to put them in
    files = bundled(entries, LOGS[size])
    older: list[Checkpoint] = []
    if beside == "rolled back":
        older = [Checkpoint(ORIGIN, size + 5, bytes(32))]
    elif beside == "forked":
        older = [Checkpoint(ORIGIN, size, bytes(32))]
    elif beside == "tile":
        files["tile/0/000" if size >= WIDTH else f"tile/0/000.p/{size}"] = bytes(32 * min(size, WIDTH))
    report = verify(files, *older)
    if entries == signed and beside == "nothing":
        assert report.findings == []
        return
    assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
    if entries != signed and beside != "tile":
        shorter = min(size, len(entries))
        first = next((nth for nth in range(shorter) if signed[nth] != entries[nth]), shorter)
        assert report.findings[0].position == first


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=300), st.data())
def test_holes_are_found_and_named(sources: list[str], draw: st.DataObject) -> None:
    """Whichever numbers are missing below a seal, in whatever order the rest came."""
    counts = {"a": 0, "b": 0}
    numbered: list[tuple[str, int]] = []
    for source in sources:
        counts[source] += 1
        numbered.append((source, counts[source]))
    numbered = draw.draw(st.permutations(numbered))
    gone = set(draw.draw(st.lists(st.sampled_from(numbered), max_size=5)))
    entries = [event(number, f"/services/{source}") for source, number in numbered if (source, number) not in gone]
    for source, count in counts.items():
        if count:
            true = root_of(leaf_hash(event(number, f"/services/{source}")) for number in range(1, count + 1))
            entries.append(seal_of(f"/services/{source}", count, true))
    report = verify(files_of(entries))
    assert report.exit_status == (lagspill_verify.EXIT_INCOMPLETE if gone else 0), report
    said = " ".join(found.detail for found in report.findings)
    for source, number in gone:
        assert f"/services/{source}" in said, number


def seal_of(source: str, last: int, root: bytes) -> bytes:
    """What a service says of its first `last` records."""
    said = json.loads(event(last + 1, source, last_number=last, root=base64.b64encode(root).decode()))
    return json.dumps({**said, "type": f"no.lagspill.{source.rpartition('/')[2]}.journal.sealed.v1"}).encode()


def test_a_false_seal_and_a_fork() -> None:
    """A seal over other records; an older checkpoint of another history; one of a longer history."""
    entries = [event(number) for number in range(1, 5)]
    report = verify(files_of([*entries, seal_of("/services/cases", 4, leaf_hash(b"other"))]))
    assert [found.kind for found in report.findings] == [Kind.INCOMPLETE]
    files = files_of(entries)
    true = Checkpoint(ORIGIN, 3, root_of(leaf_hash(entry) for entry in entries[:3]))
    other = Checkpoint(ORIGIN, 3, leaf_hash(b"other"))
    longer = Checkpoint(ORIGIN, 9, leaf_hash(b"other"))
    assert verify(files, true).findings == []
    assert [(found.kind, found.position) for found in verify(files, other).findings] == [(Kind.FORKED, 0)]
    assert [(found.kind, found.position) for found in verify(files, true, longer).findings] == [(Kind.ROLLED_BACK, 4)]


def pruning_of(
    first: int,
    last: int,
    numbers: list[tuple[str, int, int]],
    *,
    source: str = "/services/audit",
    policy: str = "0" * 64,
) -> bytes:
    """What the log says of entries that a policy let go."""
    listed = [{"source": source, "first": begin, "last": end} for source, begin, end in numbers]
    said = json.loads(event(1, source, first=first, last=last, rule="the-rest", policy=policy, numbers=listed))
    return json.dumps({**said, "type": "no.lagspill.audit.entries.pruned.v1"}).encode()


@pytest.mark.parametrize(
    ("listed", "sealed", "complete"),
    [
        ([("/services/cases", 1, 256)], 256, True),
        ([], 256, False),
        ([("/services/cases", 1, 256)], 257, False),
        ([("/services/cases", 1, 257)], 257, False),
        ([("/services/cases", 1, 255)], 256, False),
        ([("/services/notify", 1, 256)], 256, False),
        ([("/services/cases", 1, 100), ("/services/cases", 90, 256)], 256, True),
        ([], 257, False),
    ],
)
def test_no_more_is_excused_than_was_pruned(listed: list[tuple[str, int, int]], sealed: int, complete: bool) -> None:
    """Nobody hides a record that never came in among those that went: they are counted."""
    seal = seal_of("/services/cases", sealed, bytes(32))
    files = files_of([*(event(number) for number in range(1, 257)), pruning_of(0, 255, listed), seal])
    del files["tile/entries/000"]
    report = verify(files)
    assert (report.pruned, {found.kind for found in report.findings}) == (
        256,
        set() if complete else {Kind.INCOMPLETE},
    ), report


def without_the_first(*later: bytes, first: Callable[[int], bytes] = event) -> Files:
    """A log of which the first bundle is not there, and what it says after that."""
    files = files_of([*(first(number) for number in range(1, 257)), *later])
    del files["tile/entries/000"]
    return files


def test_only_the_audit_service_says_what_was_pruned() -> None:
    """A service that was taken over cannot have the log's content excused, nor seal in another's name."""
    files = without_the_first(pruning_of(0, 255, [("/services/cases", 1, 256)], source="/services/notify"))
    report = verify(files)
    assert (report.pruned, report.exit_status) == (0, lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED), report
    assert [(found.kind, found.position) for found in report.findings][:2] == [
        (Kind.MISSING, 0),
        (Kind.INCOMPLETE, 256),
    ]
    assert "entries.pruned.v1 in the name of /services/notify" in str(report)
    seal = seal_of("/services/notify", 1, leaf_hash(event(1, "/services/notify")))
    report = verify(files_of([event(1, "/services/notify"), seal]))
    assert (report.findings, report.exit_status) == ([], 0)
    report = verify(files_of([event(1, "/services/notify"), seal.replace(b"lagspill.notify", b"lagspill.cases")]))
    assert [(found.kind, found.position) for found in report.findings] == [(Kind.INCOMPLETE, 1)]
    assert "/services/notify 1 to 2 without a hole, 0 seals" in str(report)


def test_who_verifies_may_name_the_retention_policy() -> None:
    """Without that the report says on whose word entries are taken for pruned; by another policy than the one named, none are."""
    one, other = "0" * 64, "1" * 64
    files = without_the_first(pruning_of(0, 255, [("/services/cases", 1, 256)], policy=one))
    believed = verify(files)
    assert (believed.exit_status, [*believed.retention]) == (0, [one])
    assert f"retention  policy {one}" in str(believed)
    assert "the word of the log's own audit service" in str(believed)
    for named in ([one], [other, one]):
        report = verify(files, retention=named)
        assert (report.exit_status, report.pruned) == (0, 256), report
        assert "word of the log's own" not in str(report)
    report = verify(files, retention=[other])
    assert (report.pruned, [(found.kind, found.position) for found in report.findings]) == (0, [(Kind.MISSING, 0)])
    assert f"by a retention policy that was not given: rule the-rest, policy {one}" in str(report)
    with pytest.raises(lagspill_verify.UnreadableError):
        lagspill_verify.read_demands([SIGNER.verifier.vkey], retention=["the-rest"])


def test_after_a_pruning_subjects_are_still_counted() -> None:
    """As many events may be missing as entries were pruned, and no more; a count used twice no pruning explains."""
    listed = [("/services/cases", 1, 256)]
    told = pruning_of(0, 255, listed)

    def later(sequence: int, *more: bytes) -> Report:
        return verify(without_the_first(told, of_subject(257, "cas_a", sequence), *more))

    within = later(257)
    assert (within.exit_status, within.findings) == (0, []), within
    assert "256 events of 1 subjects are not there" in str(within)
    for beyond in (later(258), later(257, of_subject(258, "cas_b", 2))):
        assert [found.kind for found in beyond.findings] == [Kind.INCOMPLETE], beyond
    twice = later(1, of_subject(258, "cas_b", 1), of_subject(259, "cas_b", 1))
    assert [found.kind for found in twice.findings] == [Kind.INCOMPLETE], twice


def test_a_pruning_is_believed_of_what_came_before_it() -> None:
    """Not of itself, nor of what is to come; and not where the hashes are gone too."""
    files = files_of([pruning_of(0, 600, []), *(event(number) for number in range(2, 601))])
    del files["tile/entries/001"]
    assert [(found.kind, found.position) for found in verify(files).findings][:1] == [(Kind.MISSING, 256)]
    files = files_of(
        [*(event(number) for number in range(1, 257)), pruning_of(0, 255, []), event(1, "/services/notify")]
    )
    del files["tile/entries/000"], files["tile/0/000"]
    assert verify(files).exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
