"""The verifier as a program: what it says, what it ends with, what it refuses, and that it stands alone."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lagspill_verify
import pytest

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import Signer
from services.audit.domain.proof import InclusionProof
from services.audit.domain.tiles import WIDTH
from shared.merkle import fold, inclusion_path, leaf_hash, root_of, subtrees
from tests.property.test_audit_verify import ORIGIN, SIGNER, event, files_of

VKEY = SIGNER.verifier.vkey
ENTRIES = [event(number) for number in range(1, WIDTH + 45)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of 300 entries as files."""
    for path, contents in files_of(ENTRIES).items():
        file = tmp_path / "log" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
    return tmp_path / "log"


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """The same, served by a plain web server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_stands_alone() -> None:
    """One file, the standard library, and cryptography; it starts without anything of ours on its path."""
    source = Path(lagspill_verify.__file__)
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add((node.module or "").partition(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography", "msgspec"}
    told = subprocess.run([sys.executable, "-I", str(source), "--help"], capture_output=True, text=True, check=True)
    assert "exit status" in told.stdout


def test_a_verified_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints."""
    assert lagspill_verify.main([str(folder), "--key", VKEY]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines() == [
        "lagspill.no/logs/4005",
        "  size       300",
        f"  root       {Checkpoint.parse((folder / 'checkpoint').read_text().partition(chr(10) * 2)[0] + chr(10)).text().split(chr(10))[2]}",
        f"  signed by  {ORIGIN}+{SIGNER.verifier.key_id.hex()}",
        "  entries    300 read",
        "  compared   with 0 older checkpoints",
        "  journal    /services/cases 1 to 300 without a hole, 0 seals, sealed to 0",
        "VERIFIED",
    ]
    assert lagspill_verify.main([str(folder), "--key", VKEY, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_changed_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the entry and the kind, and ends with 1."""
    file = folder / "tile/entries/001.p/44"
    file.write_bytes(file.read_bytes().replace(b"00000000000000000260", b"00000000000000009999"))
    assert lagspill_verify.main([str(folder), "--key", VKEY]) == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == ["changed at entry 259: its bytes are not those that were signed", "NOT WHAT WAS SIGNED"]


def test_an_incomplete_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number was used twice: as signed, and yet not right."""
    for path, contents in files_of([event(1), event(2), event(2, told="otherwise")]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    assert lagspill_verify.main([str(tmp_path), "--key", VKEY]) == lagspill_verify.EXIT_INCOMPLETE
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == ["incomplete at entry 2: /services/cases has used its number 2 before", "NOT COMPLETE"]


def test_a_log_that_is_none_of_ours(tmp_path: Path) -> None:
    """It is as it was signed; but of entries without a service's number nobody can tell whether one is missing, and that is said."""
    for path, contents in files_of([b"", b"\xff\0", b'{"an":"entry"}', event(1), event(2)]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    report = lagspill_verify.verify(str(tmp_path), VKEY)
    assert (report.findings, report.entries) == ([], 5)
    told = "3 entries are no event of this log: whether another such is missing, no number tells"
    assert report.notes == [told]
    assert told not in lagspill_verify.verify(str(tmp_path), VKEY, hashes_only=True).notes


def test_over_http_from_any_web_server(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The layout is a standard's: files are enough."""
    assert lagspill_verify.main([address, "--key", VKEY]) == 0
    assert lagspill_verify.main([f"{address}/", "--key", VKEY]) == 0
    capsys.readouterr()
    assert lagspill_verify.main([f"{address}/nothing", "--key", VKEY]) == lagspill_verify.EXIT_CANNOT_TELL
    assert capsys.readouterr().err == "lagspill-verify: the log has no checkpoint\n"


def test_only_partial_tiles_are_gone_when_the_log_has_grown(folder: Path) -> None:
    """A log may drop a partial tile once the full one is there: then that is read, as far as the checkpoint goes."""
    grown = files_of([*ENTRIES, *(event(number) for number in range(WIDTH + 45, 2 * WIDTH + 2))])
    for path in ("tile/0/001", "tile/entries/001"):
        (folder / path).write_bytes(grown[path])
    (folder / "tile/0/001.p/44").unlink()
    (folder / "tile/entries/001.p/44").unlink()
    report = lagspill_verify.verify(str(folder), VKEY)
    assert (report.exit_status, report.entries) == (0, 300), report


def test_older_checkpoints(folder: Path, tmp_path: Path) -> None:
    """Continued, forked, rolled back; and one that nobody signed is no reason for anything."""
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    notes = {
        "older": (SIGNER, Checkpoint(ORIGIN, 100, root_of(hashes[:100]))),
        "same": (SIGNER, Checkpoint(ORIGIN, 300, root_of(hashes))),
        "empty": (SIGNER, Checkpoint(ORIGIN, 0, root_of([]))),
        "forked": (SIGNER, Checkpoint(ORIGIN, 200, root_of(reversed(hashes[:200])))),
        "newer": (SIGNER, Checkpoint(ORIGIN, 301, root_of([*hashes, bytes(32)]))),
        "unsigned": (Signer(ORIGIN, bytes(32)), Checkpoint(ORIGIN, 100, root_of(hashes[:100]))),
    }
    for name, (signer, checkpoint) in notes.items():
        (tmp_path / name).write_text(signer.sign(checkpoint.text()))

    def ask(*names: str) -> list[tuple[str, int | None]]:
        report = lagspill_verify.verify(str(folder), VKEY, since=[str(tmp_path / name) for name in names])
        return [(found.kind.value, found.position) for found in report.findings]

    assert ask("older", "same", "empty") == []
    assert ask("older", "forked") == [("forked", 100)]
    assert ask("newer") == [("rolled back", 300)]
    for name in ("unsigned", "nowhere"):
        with pytest.raises(lagspill_verify.UnreadableError):
            ask(name)


@pytest.mark.parametrize("key", ["", "key", VKEY[:-2], VKEY.replace("4005", "4003"), f"{VKEY}\u00e6"])
def test_a_key_that_is_none(folder: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and no verdict."""
    assert lagspill_verify.main([str(folder), "--key", key]) == lagspill_verify.EXIT_CANNOT_TELL
    assert capsys.readouterr().err.startswith("lagspill-verify: the key is not")


def test_the_key_of_another_log(folder: Path) -> None:
    """A true signature under another name is not this log's."""
    other = SIGNER.named("lagspill.no/logs/4003").verifier.vkey
    with pytest.raises(lagspill_verify.UnreadableError, match="the checkpoint is of"):
        lagspill_verify.verify(str(folder), other)


def test_a_place_that_is_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing there, an empty folder, another scheme, nobody listening."""
    for source in (str(tmp_path / "nowhere"), str(tmp_path), "ftp://example.com/log", "http://127.0.0.1:9"):
        assert lagspill_verify.main([source, "--key", VKEY]) == lagspill_verify.EXIT_CANNOT_TELL
        assert capsys.readouterr().err.startswith("lagspill-verify: ")


def proof_of(index: int, *, extra: bytes | None) -> InclusionProof:
    """The proof of one entry."""
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    spans = inclusion_path(index, len(hashes))
    path = tuple(
        fold([root_of(hashes[n.number << n.level : (n.number + 1) << n.level]) for n in subtrees(span)])
        for span in spans
    )
    note = SIGNER.sign(Checkpoint(ORIGIN, len(hashes), root_of(hashes)).text())
    return InclusionProof(index, path, note, extra)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
def test_a_proof_file(tmp_path: Path, index: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With the entry in it or beside it; another entry, place or signature is refused."""
    file, entry = tmp_path / "a.tlog-proof", tmp_path / "entry"
    entry.write_bytes(ENTRIES[index])
    file.write_text(proof_of(index, extra=ENTRIES[index]).text())
    assert lagspill_verify.main([str(file), "--key", VKEY]) == 0
    assert f"entry {index} is in the log" in capsys.readouterr().out
    file.write_text(proof_of(index, extra=None).text())
    assert lagspill_verify.main([str(file), "--key", VKEY]) == lagspill_verify.EXIT_CANNOT_TELL
    assert lagspill_verify.main([str(file), "--key", VKEY, "--entry", str(entry)]) == 0
    true = proof_of(index, extra=ENTRIES[index])
    for false in (
        InclusionProof(index, true.hashes, true.note, b"another entry"),
        InclusionProof(index ^ 1, true.hashes, true.note, true.extra),
        InclusionProof(index, true.hashes[:-1], true.note, true.extra),
        InclusionProof(300, true.hashes, true.note, true.extra),
        InclusionProof(index, true.hashes, true.note.replace("300", "301"), true.extra),
    ):
        file.write_text(false.text())
        assert lagspill_verify.main([str(file), "--key", VKEY]) == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
    file.write_text("anything else")
    assert lagspill_verify.main([str(file), "--key", VKEY]) == lagspill_verify.EXIT_CANNOT_TELL
