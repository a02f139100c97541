"""Our verifier on what other people's programs wrote: a log by Tessera, cosignatures and proofs by torchwood.

tests/go/others/main.go has written the folder beside it, once: it needs a newer Go than the tests have.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import lagspill_verify
import pytest
from lagspill_verify import Kind, Report, UnreadableError

pytestmark = [pytest.mark.story(23), pytest.mark.story(24)]

WRITTEN = Path(__file__).parents[1] / "go" / "others" / "written"
VKEY = (WRITTEN / "policy").read_text().split("\n")[0].removeprefix("log ")
SIZES = (1, 200, 256, 257, 300)
"""The sizes of which Tessera has signed a checkpoint."""
INDICES = (0, 255, 256, 299)
"""The entries of which torchwood has written a proof."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A copy of the log, to do something to."""
    return Path(shutil.copytree(WRITTEN, tmp_path / "log"))


def verified(log: Path, *, since: tuple[int, ...] = (), policy: bool = True) -> Report:
    """Verify the log, compared with its checkpoints of the sizes `since`."""
    older = [str(WRITTEN / f"checkpoint.{size}") for size in since]
    return lagspill_verify.verify(str(log), VKEY, since=older, policy=str(WRITTEN / "policy") if policy else None)


def test_a_log_that_tessera_wrote_and_torchwood_cosigned() -> None:
    """As it was signed, continued from each older checkpoint, cosigned with Ed25519 and ML-DSA-44; none of it is a record of ours."""
    report = verified(WRITTEN, since=SIZES)
    assert (report.findings, report.entries, report.anchors) == ([], 300, len(SIZES))
    assert [line.partition(" ")[0] for line in report.witnesses] == ["elliptic", "lattice"]
    assert report.notes == ["300 entries are no event of this log: whether another such is missing, no number tells"]


@pytest.mark.parametrize("size", SIZES)
def test_each_size_that_the_log_had(log: Path, size: int) -> None:
    """By the narrower tiles of then, and by the wider ones of now where a log keeps no others (tlog-tiles)."""
    shutil.copy(log / f"checkpoint.{size}", log / "checkpoint")
    assert (verified(log, policy=False).findings, verified(log, policy=False).entries) == ([], size)
    for level in ("0", "entries"):
        shutil.rmtree(log / "tile" / level / "000.p")
    assert (verified(log, policy=False).findings, verified(log, policy=False).entries) == ([], size)
    larger = tuple(other for other in SIZES if other > size)
    kinds = [found.kind for found in verified(log, since=SIZES, policy=False).findings]
    assert kinds == [Kind.ROLLED_BACK] * bool(larger)
    assert [found.kind for found in verified(log).findings] == [Kind.UNWITNESSED]


def changed(path: Path) -> None:
    """Change one byte."""
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])


def lengthened(path: Path) -> None:
    """Append an entry of one byte."""
    path.write_bytes(path.read_bytes() + b"\0\1x")


TAMPERINGS: dict[str, tuple[Callable[[Path], object], Kind, int | None]] = {
    "an entry changed": (lambda log: changed(log / "tile/entries/000"), Kind.CHANGED, 7),
    "a tile changed": (lambda log: changed(log / "tile/0/000"), Kind.CHANGED, 1),
    "a bundle taken away": (lambda log: (log / "tile/entries/000").unlink(), Kind.MISSING, 0),
    "the end taken away": (lambda log: shutil.rmtree(log / "tile/entries/001.p"), Kind.TRUNCATED, 256),
    "the bundle of another place": (
        lambda log: shutil.copy(log / "tile/entries/001.p/44", log / "tile/entries/000"),
        Kind.REORDERED,
        0,
    ),
    "an entry more": (lambda log: lengthened(log / "tile/entries/001.p/44"), Kind.INSERTED, 300),
    "a size that was never signed": (
        lambda log: (log / "checkpoint").write_text((log / "checkpoint").read_text().replace("\n300\n", "\n299\n")),
        Kind.REWRITTEN,
        0,
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_was_done_to_it_is_named(log: Path, what: str) -> None:
    """As of a log of our own."""
    tamper, kind, position = TAMPERINGS[what]
    tamper(log)
    report = verified(log)
    assert (report.findings[0].kind, report.findings[0].position) == (kind, position), report
    assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED


@pytest.mark.parametrize("index", INDICES)
def test_a_proof_that_torchwood_wrote(tmp_path: Path, index: int) -> None:
    """It verifies under the policy that torchwood reads; with another entry, place, hash or size it does not."""
    file = WRITTEN / f"entry-{index}.tlog-proof"
    policy = str(WRITTEN / "policy")
    report = lagspill_verify.verify(str(file), VKEY, policy=policy)
    assert (report.findings, report.notes, len(report.witnesses)) == ([], [f"entry {index} is in the log"], 2)
    true = file.read_text()
    hashed = true.split("\n")[3]
    other = tmp_path / "other.tlog-proof"
    for false in (
        true.replace(f"index {index}", f"index {index ^ 1}"),
        true.replace(f"index {index}", f"index 0{index}"),
        true.replace(hashed, hashed.swapcase()),
        true.replace(f"{hashed}\n", ""),
        true.replace(f"{hashed}\n", f"{hashed}\n{hashed}\n"),
        true.replace("\n300\n", "\n301\n"),
        true.replace("extra ", "extra AAAA"),
    ):
        assert false != true
        other.write_text(false)
        try:
            found = lagspill_verify.verify(str(other), VKEY, policy=policy)
        except UnreadableError:
            continue
        assert found.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED, false
