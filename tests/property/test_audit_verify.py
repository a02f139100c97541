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
    for level in (1, 2):
        for part_of in slices(level, len(entries)):
            first = part_of.number * WIDTH
            files[f"tile/{level}/{write_path(part_of)}"] = b"".join(
                roots[level - 1, first + at] for at in range(part_of.width)
            )
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
    """Whichever it is: what was signed is missing from there on, and truncated where nothing comes after it."""
    files = dict(LOGS[size])
    path = draw.draw(st.sampled_from(sorted(files)))
    del files[path]
    if path == "checkpoint":
        with pytest.raises(UnreadableError):
            verify(files)
        return
    kind, number = path.split("/")[1], int(path.split("/")[2].removesuffix(".p"))
    cut = kind == "entries" and number == (size - 1) // WIDTH
    position = number * (WIDTH if kind == "entries" else WIDTH ** (int(kind) + 1))
    report = verify(files)
    assert [(found.kind, found.position) for found in report.findings] == [
        (Kind.TRUNCATED if cut else Kind.MISSING, position)
    ], report


@pytest.mark.parametrize("size", [257, 511, 512, 513, 700])
@pytest.mark.parametrize("beside", ["", "its tile", "its tile, wrong", "all that leads to it"])
def test_a_missing_bundle_is_missing_whatever_went_with_it(size: int, beside: str) -> None:
    """Its hashes are not there either, or are others; or there is no way from the signed root to it."""
    last = (size - 1) // WIDTH
    for number in range(last + 1):
        files = dict(LOGS[size])
        tile = next(path for path in files if path.startswith(f"tile/0/{number:03}"))
        del files[tile.replace("tile/0/", "tile/entries/")]
        if beside == "its tile, wrong":
            files[tile] = bytes(len(files[tile]))
        elif beside:
            del files[tile]
        if beside == "all that leads to it":
            files = {path: content for path, content in files.items() if not path.startswith("tile/1/")}
        found = verify(files).findings[0]
        expected = Kind.TRUNCATED if number == last else Kind.MISSING
        assert (found.kind, found.position) == (expected, number * WIDTH), found


@pytest.mark.parametrize("size", [255, 256, 257, 512, 700])
def test_an_entry_is_named_where_hashes_above_it_are_gone_or_wrong(size: int) -> None:
    """The hashes of a level are those of the level below it: as long as these lead to the signed root, they are as good."""
    for at in {0, 254, 255, 256, 257, 511, size - 1} & set(range(size)):
        entries = [event(number) for number in range(1, size + 1)]
        entries[at] = event(at + 1, told="otherwise")
        whole = bundled(entries, LOGS[size])
        above = [path for path in whole if path.startswith("tile/1/")]
        for path in above:
            for content in (None, bytes(len(whole[path]))):
                files = {**whole, path: content} if content else {each: whole[each] for each in whole if each != path}
                found = verify(files).findings[0]
                assert (found.kind, found.position) == (Kind.CHANGED, at), found


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 513])
@pytest.mark.parametrize("stray", [write_bundle([b"x"]), write_bundle([b""]), b"x", b"\xff\xffx"])
def test_what_is_appended_to_a_bundle_was_inserted(size: int, stray: bytes) -> None:
    """An entry too many, or bytes that are none, behind all that was signed: one finding, at the first that has no place."""
    last = (size - 1) // WIDTH
    for number in {0, last}:
        path = next(each for each in LOGS[size] if each.startswith(f"tile/entries/{number:03}"))
        files = {**LOGS[size], path: LOGS[size][path] + stray}
        report = verify(files)
        position = min(size, (number + 1) * WIDTH)
        assert [(found.kind, found.position) for found in report.findings] == [(Kind.INSERTED, position)], report
        tile = path.replace("entries", "0")
        for gone in {tile, "tile/1/000.p/1", "tile/1/000.p/2"} & set(files):
            if size % WIDTH and gone == tile and number == last:
                continue  # nothing says then how the newest entries were signed
            less = {each: content for each, content in files.items() if each != gone}
            [found] = verify(less).findings
            assert (found.kind, found.position) == (Kind.INSERTED, position), (found, gone)


@pytest.mark.parametrize("size", [256, 512, 700])
def test_a_copy_of_another_entry_was_inserted_and_stands_elsewhere_by_right(size: int) -> None:
    """Put in beside it or far from it; in the place of another it stands where it was not signed."""
    signed = [event(number) for number in range(1, size + 1)]
    for at, other in ((0, 1), (5, 4), (5, 7), (5, 200), (200, 5), (254, 255), (255, 0)):
        [*entries] = signed
        entries.insert(at, signed[other])
        found = verify(bundled(entries, LOGS[size])).findings[0]
        assert (found.kind, found.position) == (Kind.INSERTED, at), (found, at, other)
        [*entries] = signed
        entries[at] = signed[other]
        found = verify(bundled(entries, LOGS[size])).findings[0]
        assert (found.kind, found.position) == (Kind.REORDERED, at), (found, at, other)


def bundled(entries: list[bytes], files: Files) -> Files:
    """The same checkpoint and tiles, over other entries; those for which there is no bundle stand in the last."""
    size = sum(key.startswith("tile/entries/") for key in files)
    others = {path: contents for path, contents in files.items() if not path.startswith("tile/entries/")}
    for number in range(size):
        path = next(key for key in files if key.startswith(f"tile/entries/{number:03}"))
        part = entries[number * WIDTH : (number + 1) * WIDTH if number < size - 1 else None]
        if part:
            others[path] = write_bundle(part)
    return others


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([5, 255, 256, 257, 512, 513, 700]), st.data())
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
        at = draw.draw(st.integers(0, size))
        entries.insert(at, event(at + 1, never="happened"))
    elif kind is Kind.REORDERED:
        entries[at], entries[other] = entries[other], entries[at]
    else:
        del entries[at:]
    report = verify(bundled(entries, LOGS[size]))
    assert [(found.kind, found.position) for found in report.findings] == [(kind, at)], report


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_each_kind_is_named_at_the_edge_of_a_tile_of_tiles(size: int) -> None:
    """A level more begins there."""
    signed = [event(number) for number in range(1, size + 1)]
    files = files_of(signed)
    last = size - 1
    for kind, position, entries in (
        (Kind.CHANGED, last, [*signed[:-1], event(0)]),
        (Kind.INSERTED, size, [*signed, event(0)]),
        (Kind.REORDERED, 65_279, [*signed[:65_279], signed[last], *signed[65_280:-1], signed[65_279]]),
        (Kind.TRUNCATED, last, signed[:-1]),
    )[: 4 if size == 65_536 else 2]:
        report = verify(bundled(entries, files))
        assert [(found.kind, found.position) for found in report.findings] == [(kind, position)], report
    gone = {path: content for path, content in files.items() if not path.endswith(("/254", "/x254"))}
    assert len(gone) == len(files) - 2
    report = verify(gone)
    assert [(found.kind, found.position) for found in report.findings] == [(Kind.MISSING, 254 * WIDTH)], report


@pytest.mark.parametrize("size", [255, 256, 257, 512, 513])
def test_a_log_that_agrees_with_itself_is_compared_with_what_was_signed(size: int) -> None:
    """Rewritten, rolled back, forked: from the last size on that an older signature confirms."""
    signed = [event(number) for number in range(1, size + 1)]

    def at(end: int) -> Checkpoint:
        return Checkpoint(ORIGIN, end, root_of(leaf_hash(entry) for entry in signed[:end]))

    for first in {0, 1, 254, 255, 256, 511, size - 1} & set(range(size)):
        other = files_of([*signed[:first], event(10**6), *signed[first + 1 :]])
        older = [at(first)] if first else []
        rewritten = verify({**other, "checkpoint": LOGS[size]["checkpoint"]}, *older)
        forked = verify(other, *older, at(size))
        rolled_back = verify(files_of(signed[:first]), *older, at(size))
        for report, kind in ((rewritten, Kind.REWRITTEN), (forked, Kind.FORKED), (rolled_back, Kind.ROLLED_BACK)):
            assert [(found.kind, found.position) for found in report.findings] == [(kind, first)], report


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
