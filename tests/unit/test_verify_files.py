"""The verifier on archives, exports and proofs; and on what was made to harm whoever verifies it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
import pty
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lagspill_verify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lagspill_verify import Kind, Report, UnreadableError

from shared.merkle import leaf_hash
from tests.property import rfc6962
from tests.property.test_audit_verify import SIGNER, event, files_of, of_subject, seal_of

VKEY = SIGNER.verifier.vkey
ENTRIES = [event(number) for number in range(1, 301)]
FILES = files_of(ENTRIES)
NOTE = FILES["checkpoint"].decode()


def verify(source: Path | str, **more: object) -> Report:
    """Verify with the log's key."""
    return lagspill_verify.verify(str(source), VKEY, **more)  # type: ignore[arg-type]


# --- archives ---------------------------------------------------------------------------------------------------------


def zipped(path: Path, files: Mapping[str, bytes], prefix: str = "") -> Path:
    """A zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(prefix + name, contents)
    return path


def tarred(path: Path, files: Mapping[str, bytes], prefix: str = "", mode: str = "w:gz") -> Path:
    """A tar file."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, contents in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return path


@pytest.mark.parametrize("prefix", ["", "./", "4005/", "./copy/"])
@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_an_archive_is_a_log(tmp_path: Path, prefix: str, form: str) -> None:
    """As its folder is; a changed entry in it is named."""
    for kinds, files in (
        ([], FILES),
        ([(Kind.CHANGED, 6)], {**FILES, "tile/entries/000": FILES["tile/entries/000"].replace(b"00007", b"99999")}),
    ):
        path = tmp_path / f"log.{form}"
        more = {**files, "README": b"not a piece of a log", "tile/entries/000/x": b"nor this"}
        if form == "zip":
            zipped(path, more, prefix)
        else:
            tarred(path, more, prefix, "w:gz" if form.endswith("gz") else "w")
        assert [(found.kind, found.position) for found in verify(path).findings] == kinds


def test_an_archive_writes_nothing_elsewhere(tmp_path: Path) -> None:
    """Names that lead out of the folder, links and devices in a tar file are passed over."""
    path = tmp_path / "in" / "log.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("../checkpoint", tarfile.REGTYPE), ("/checkpoint", tarfile.REGTYPE), ("a/../../checkpoint", tarfile.REGTYPE),
            ("checkpoint", tarfile.SYMTYPE), ("tile/0/000", tarfile.FIFOTYPE), ("tile/0/001", tarfile.LNKTYPE),
        ):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    with pytest.raises(UnreadableError, match="no checkpoint"):
        verify(path)
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "log.tar"]


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_with_two_answers_is_refused(tmp_path: Path, form: str) -> None:
    """Another program would read the other file of that name, or the other log."""
    for number, names in enumerate([("checkpoint", "checkpoint"), ("a/checkpoint", "b/tile/0/000")]):
        path = tmp_path / f"{number}.{form}"
        if form == "zip":
            with (
                zipfile.ZipFile(path, "w") as archive,
                pytest.warns(UserWarning, match="Duplicate name") if number == 0 else nothing(),
            ):
                for name in names:
                    archive.writestr(name, b"x")
        else:
            with tarfile.open(path, "w") as tar:
                for name in names:
                    tar.addfile(tarfile.TarInfo(name))
        with pytest.raises(UnreadableError, match="twice"):
            verify(path)


@contextmanager
def nothing() -> Iterator[None]:
    """Expect nothing."""
    yield


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    """A zip member, a gzip stream, a tar header's extension: each far larger than what such a piece may be."""
    bomb = bytes(40 * 1024 * 1024)
    with pytest.raises(UnreadableError, match="larger"):
        verify(zipped(tmp_path / "bomb.zip", {"checkpoint": bomb}))
    with pytest.raises(UnreadableError, match="larger"):
        verify(tarred(tmp_path / "bomb.tar.gz", {"checkpoint": bomb}))
    with pytest.raises(UnreadableError, match="larger"):
        verify(tarred(tmp_path / "passed-over.tar.gz", {f"bomb{n}": bomb for n in range(2)} | FILES))
    (tmp_path / "stream.tar.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(UnreadableError):
        verify(tmp_path / "stream.tar.gz")
    header = tarfile.TarInfo("checkpoint")
    header.type, header.size = tarfile.XHDTYPE, len(bomb)
    (tmp_path / "header.tar.gz").write_bytes(gzip.compress(header.tobuf() + bomb))
    with pytest.raises(UnreadableError, match="larger"):
        verify(tmp_path / "header.tar.gz")


@pytest.mark.parametrize(
    "begins", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x1f\x8b", b"", b"{", b"\xff" * 600, bytes(600)]
)
def test_what_is_nothing(tmp_path: Path, begins: bytes) -> None:
    """A file that only looks like one of them."""
    (tmp_path / "file").write_bytes(begins)
    with pytest.raises(UnreadableError):
        verify(tmp_path / "file")


def test_folders_with_other_things_in_them(tmp_path: Path) -> None:
    """A pipe that nobody writes to would be waited for for ever; a device never ends."""
    pipe, device, large = (tmp_path / name for name in ("pipe", "device", "large"))
    for folder in (pipe, device, large):
        folder.mkdir()
    os.mkfifo(pipe / "checkpoint")
    (device / "checkpoint").symlink_to("/dev/zero")
    (large / "checkpoint").write_bytes(bytes(lagspill_verify.MAX_NOTE + 1))
    for folder in (pipe, device, large):
        with pytest.raises(UnreadableError):
            verify(folder)


# --- checkpoints and exports ------------------------------------------------------------------------------------------


def test_a_checkpoint_by_itself(tmp_path: Path) -> None:
    """Who signed it; and whether another one of the same size contradicts it."""
    (tmp_path / "a").write_text(NOTE)
    report = verify(tmp_path / "a", since=[str(tmp_path / "a")])
    assert (report.exit_status, report.size, report.anchors) == (0, 300, 1)
    other = SIGNER.sign(
        NOTE.partition("\n\n")[0].replace("\n300\n", "\n300\n").rpartition("\n")[0]
        + f"\n{base64.b64encode(bytes(32)).decode()}\n"
    )
    (tmp_path / "b").write_text(other)
    assert [found.kind for found in verify(tmp_path / "a", since=[str(tmp_path / "b")]).findings] == [Kind.FORKED]
    (tmp_path / "c").write_text(NOTE.replace("\n300\n", "\n299\n"))
    assert [found.kind for found in verify(tmp_path / "c").findings] == [Kind.REWRITTEN]


def export_of(positions: list[int], **changes: object) -> list[bytes]:
    """The lines of an export, as docs/log-format.md has them."""
    lines = [json.dumps({"export": "lagspill.no/entries@v1", "checkpoint": NOTE}).encode() + b"\n"]
    for position in positions:
        members = {
            "position": position,
            "entry": base64.b64encode(ENTRIES[position]).decode(),
            "proof": [base64.b64encode(part).decode() for part in rfc6962.path(position, ENTRIES)],
            "sentence": "A convenience that nothing proves.",
        }
        lines.append(json.dumps(members).encode() + b"\n")
    digest = base64.b64encode(sha256(b"".join(lines)).digest()).decode()
    lines.append(json.dumps({"count": len(positions), "sha256": digest, **changes}).encode() + b"\n")
    return lines


def exported(tmp_path: Path, lines: list[bytes]) -> Report:
    """Verify these lines."""
    (tmp_path / "export.ndjson").write_bytes(b"".join(lines))
    return verify(tmp_path / "export.ndjson")


@pytest.mark.parametrize("positions", [[], [0], [299], [0, 1, 255, 256, 299], list(range(300))])
def test_an_export_is_verified(tmp_path: Path, positions: list[int]) -> None:
    """Each entry by its own proof."""
    report = exported(tmp_path, export_of(positions))
    assert (report.findings, report.entries, report.origin) == ([], len(positions), "lagspill.no/logs/4005")


def found_in(tmp_path: Path, change: Callable[[list[bytes]], object]) -> list[tuple[Kind, int | None]] | str:
    """What is found after `change`; or why it cannot be read."""
    lines = export_of([3, 7, 200])
    change(lines)
    try:
        return [(found.kind, found.position) for found in exported(tmp_path, lines).findings]
    except UnreadableError as error:
        return str(error)


def replace(at: int, old: bytes, new: bytes) -> Callable[[list[bytes]], object]:
    """Replace something in a line."""

    def change(lines: list[bytes]) -> None:
        assert old in lines[at]
        lines[at] = lines[at].replace(old, new)

    return change


def test_what_was_done_to_an_export_is_named(tmp_path: Path) -> None:
    """A changed entry, proof or place; lines taken out, doubled, moved, put in, cut off; a false count or hash."""
    other = base64.b64encode(event(9999)).decode().encode()
    true = base64.b64encode(ENTRIES[7]).decode().encode()
    proof = base64.b64encode(leaf_hash(ENTRIES[6])).decode().encode()
    summed = (Kind.CHANGED, None)
    assert found_in(tmp_path, replace(2, true, other)) == [(Kind.CHANGED, 7), summed]
    assert found_in(tmp_path, replace(2, proof, proof[:-4] + b"AAA=")) == [(Kind.CHANGED, 7), summed]
    assert found_in(tmp_path, replace(2, b'"position": 7', b'"position": 8')) == [(Kind.CHANGED, 8), summed]
    assert found_in(tmp_path, replace(2, b'"proof"', b'"prof"')) == [(Kind.CHANGED, 7), summed]
    assert found_in(tmp_path, replace(2, b"convenience", b"inconvenience")) == [summed]
    assert found_in(tmp_path, lambda lines: lines.pop(2)) == [(Kind.INCOMPLETE, None)]
    assert found_in(tmp_path, lambda lines: lines.pop()) == [(Kind.TRUNCATED, None)]
    assert found_in(tmp_path, replace(-1, b"\n", b"")) == [(Kind.TRUNCATED, None)]
    assert found_in(tmp_path, lambda lines: lines.append(lines[1])) == [(Kind.INCOMPLETE, None)]
    assert found_in(tmp_path, replace(-1, b'"count": 3', b'"count": 2')) == [(Kind.INCOMPLETE, None)]
    assert found_in(tmp_path, replace(0, b"\\n300\\n", b"\\n301\\n")) == [(Kind.REWRITTEN, None)]
    for change in (
        lambda lines: lines.insert(2, lines[1]),
        lambda lines: lines.reverse(),
        lambda lines: lines.__setitem__(slice(1, 3), lines[2:0:-1]),
        replace(2, b'"position": 7', b'"position": "7"'),
        replace(2, b'"position": 7', b'"position": true'),
        replace(2, b'"position": 7', b'"position": -7'),
        replace(2, b'"position": 7', b'"position": 300'),
        replace(2, b'"position": 7', b'"position": 7, "entry": "AAAA"'),
        replace(2, b"\n", b"x\n"),
        replace(2, b'{"position"', b'[{"position"'),
        replace(2, b"convenience", b"c" * lagspill_verify.MAX_LINE),
        replace(0, b"entries@v1", b"entries@v2"),
        replace(0, b'"checkpoint"', b'"checkpoints"'),
    ):
        assert isinstance(found_in(tmp_path, change), str), change


# --- hostile servers --------------------------------------------------------------------------------------------------


Reply = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(reply: Reply, seen: list[Mapping[str, str]] | None = None) -> Iterator[str]:
    """A server that answers everything as it likes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(dict(self.headers))
            try:
                reply(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def files(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a log's server does, packed where it can be."""
    contents = FILES.get(handler.path.lstrip("/"))
    if contents is None:
        send(handler, b"", 404)
    else:
        send(handler, gzip.compress(contents), Content_Encoding="gzip")


def test_packed_answers_are_unpacked() -> None:
    """tlog-tiles lets a log pack its answers, asked or not."""
    with served(files) as address:
        assert verify(address).findings == []


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Never stop."""
    send(handler, b"")
    while True:
        handler.wfile.write(bytes(65_536))


def test_endless_and_swollen_answers_are_refused() -> None:
    """An answer that never ends; one that unpacks to far more than a piece is; one packed in some other way; a length that lies."""
    bomb = gzip.compress(bytes(40 * 1024 * 1024))
    for reply, why in (
        (endless, "larger"),
        (lambda handler: send(handler, bomb, Content_Encoding="gzip"), "larger"),
        (lambda handler: send(handler, gzip.compress(b"a" * 999)[:-9], Content_Encoding="gzip"), "ends too early"),
        (lambda handler: send(handler, b"x", Content_Encoding="br"), "packed"),
        (lambda handler: send(handler, b"x", Content_Length="99999999999"), "ends too early"),
        (lambda handler: send(handler, b"", 500), "answered with 500"),
        (lambda handler: handler.wfile.write(b"nonsense"), "does not answer"),
    ):
        with served(reply) as address, pytest.raises(UnreadableError, match=why):
            verify(address)


def interim(handler: BaseHTTPRequestHandler) -> None:
    """Always say that an answer will come (RFC 9110 § 15.2)."""
    while True:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def trailing(handler: BaseHTTPRequestHandler) -> None:
    """End the body, and never what stands behind it (RFC 9112 § 7.1.2)."""
    handler.protocol_version = "HTTP/1.1"
    send(handler, b"0\r\n", Transfer_Encoding="chunked")
    while True:
        handler.wfile.write(b"a: b\r\n" * 1000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reply", [interim, trailing])
def test_what_stands_around_an_answer_has_an_end_too(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is ever larger than anything: only the time is out."""
    monkeypatch.setattr(lagspill_verify, "PIECE_SECONDS", 0.3)
    with served(reply) as address, pytest.raises(UnreadableError, match="takes too long"):
        verify(address)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://127.0.0.1/", "//"]
)
def test_a_redirect_leads_nowhere_but_to_http(target: str) -> None:
    """Not to this machine's files."""
    with served(lambda handler: send(handler, b"", 302, Location=target)) as address, pytest.raises(UnreadableError):
        verify(address)


def test_the_token_is_not_given_to_another_host() -> None:
    """A redirect may lead elsewhere, as to a store of static files; the auditor's token stays."""
    here: list[Mapping[str, str]] = []
    there: list[Mapping[str, str]] = []
    with served(files, there) as other:
        with served(lambda handler: send(handler, b"", 307, Location=other + handler.path), here) as address:
            assert verify(address, token="an-auditors-token").findings == []
        with (
            served(lambda handler: send(handler, b"", 302, Location=handler.path)) as loop,
            pytest.raises(UnreadableError),
        ):
            verify(loop)
    assert {each["Authorization"] for each in here} == {"Bearer an-auditors-token"}
    assert there
    assert not any("Authorization" in each for each in there)


def test_without_a_token_the_hashes_are_verified() -> None:
    """An outsider may not read entries, and still finds a log that was rewritten."""

    def public(handler: BaseHTTPRequestHandler) -> None:
        if "entries" in handler.path:
            send(handler, b"", 401)
        else:
            files(handler)

    with served(public) as address:
        with pytest.raises(UnreadableError, match="--hashes"):
            verify(address)
        report = verify(address, hashes_only=True)
        assert (report.findings, report.entries, report.journals) == ([], 0, [])
        assert "only hashes" in str(report)


# --- hostile entries --------------------------------------------------------------------------------------------------


def test_no_terminal_obeys_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names in entries are anybody's: no escape sequence, no other direction of writing, no new line of its own."""
    evil = "/services/\x1b]0;owned\x07\x1b[2J\u202e\u2066\r\nVERIFIED\x9b31m"
    entries = [event(1, evil), event(1, evil, more=1), event(3, evil), seal_of(evil, 3, bytes(32))]
    for path, contents in files_of(entries).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    assert lagspill_verify.main([str(tmp_path), "--key", VKEY]) == lagspill_verify.EXIT_INCOMPLETE
    said = capsys.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert "VERIFIED" not in said.split("\n")
    assert "owned" in said
    assert lagspill_verify.main([f"/nowhere/{evil}", "--key", VKEY]) == lagspill_verify.EXIT_CANNOT_TELL
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(sign.isprintable() or sign == "\n" for sign in said)


def test_hostile_numbers_and_names_are_harmless() -> None:
    """Numbers of thousands of digits, names of tens of thousands of characters, deep nesting, half a character: all in a signed log."""
    said = json.loads(event(1))
    hostile: list[bytes] = [
        json.dumps({**said, "sourcesequence": "9" * 20}).encode(),
        json.dumps({**said, "data": 0}).encode().replace(b'"data": 0', b'"data": ' + b"9" * 5000),
        json.dumps({**said, "source": "s" * 60_000, "subject": "x" * 4000, "sequence": "1"}).encode(),
        json.dumps({**said, "source": "\ud800", "subject": "\ud800", "sequence": "2", "sourcesequence": "2"}).encode(),
        json.dumps({**said, "type": "no.lagspill.audit.journal.sealed.v1", "data": {"last_number": 10**400, "root": "x"}}).encode(),
        json.dumps({**said, "type": "no.lagspill.audit.journal.sealed.v1", "data": {"last_number": True, "root": 4}}).encode(),
        json.dumps({**said, "type": "no.lagspill.audit.checkpoint.signed.v1", "data": {"note": "\ud800"}}).encode(),
        json.dumps({**said, "type": "no.lagspill.audit.entries.pruned.v1", "data": {"first": -1, "last": 10**30}}).encode(),
        b'{"municipality":"4005","source":"a","type":"b","data":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"municipality":"4005","source":"a","type":"b","data":NaN}',
        "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b"", b"\0", b"[]", b'"x"', b"null", b'{"municipality":"4005"}',
    ]  # fmt: skip
    from tests.property.test_audit_verify import verify as verify_files

    report = verify_files(files_of(hostile))
    assert report.exit_status == lagspill_verify.EXIT_INCOMPLETE
    assert report.entries == len(hostile)
    assert max(map(len, str(report).split("\n"))) < 700


def test_many_subjects_go_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays the same, and so does the answer."""
    monkeypatch.setattr(lagspill_verify, "MAX_SUBJECTS", 10)
    counts = lagspill_verify.Counts()
    for nth in (1, 2, 3):
        for subject in range(100):
            if (subject, nth) not in {(7, 2), (90, 1)}:
                counts.add({("/services/cases", f"cas_{subject}"): [1, nth, nth, 100 * nth + subject]})
    counts.add({("/services/cases", "cas_50"): [1, 3, 3, 999]})
    found = {finding.position: finding.detail for _, finding in counts.missed()}
    counts.close()
    assert found == {
        307: "/services/cases published event 3 of cas_7, and only 2 of the first 3 are in the log",
        350: "/services/cases published event 3 of cas_50, and has used one of the first 3 counts twice",
        390: "/services/cases published event 3 of cas_90, and only 2 of the first 3 are in the log",
    }


def test_beyond_a_thousand_findings_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that was set back to a backup uses its numbers again: as many findings are told as can be read, and how many more."""
    from tests.property.test_audit_verify import bundled
    from tests.property.test_audit_verify import verify as verify_files

    monkeypatch.setattr(lagspill_verify, "MAX_FINDINGS", 10)
    hole = json.loads(event(1, "/services/notify")) | {"sourcesequence": f"{7:020}"}
    entries = [*map(event, range(1, 301)), *map(event, range(1, 251)), json.dumps(hole).encode(), b"{}"]
    entries += [of_subject(nth, f"cas_{nth}", 2) for nth in range(301, 321)]
    entries.append(seal_of("/services/notify", 7, bytes(32)))
    report = verify_files(files_of(entries))
    assert (len(report.findings), report.more) == (10, 250 + 20 + 1 - 10), report
    assert [found.position for found in report.findings] == list(range(300, 310))
    assert "\nand 261 more findings\nNOT COMPLETE" in str(report)
    entries[400] = b"x"
    assert [found.kind for found in verify_files(bundled(entries, files_of(entries[:400]))).findings] == [Kind.INSERTED]
    report = Report()
    for _ in range(10):
        report.found(Kind.INCOMPLETE, 0, "")
    for kind, status in ((Kind.UNWITNESSED, lagspill_verify.EXIT_NOT_WITNESSED), (Kind.FORKED, 1)):
        report.found(kind, 0, "")
        assert report.exit_status == status, "what is only counted counts"


def in_lane(number: int, nth: int, lane: str = "b" * 15, source: str = "/services/cases") -> bytes:
    """An event with its place in a lane."""
    return json.dumps(json.loads(event(number, source)) | {"lane": f"{lane}/{nth}"}).encode()


def told(kind: str, number: int, source: str = "/services/audit", **data: object) -> bytes:
    """What a service says that matters to the verifier."""
    return json.dumps(json.loads(event(number, source, **data)) | {"type": f"no.lagspill.{kind}.v1"}).encode()


MANY: dict[str, tuple[str, list[bytes], int, str]] = {
    "services": (
        "MAX_SOURCES",
        [
            *(event(1, f"/services/s{nth:02}") for nth in range(40)),
            event(9, "/services/s39"),
            event(2, "/services/s00"),
        ],
        20,
        "more than 20 services: those of /services/s20, and of every other that comes after, are not counted",
    ),
    "numbers": (
        "MAX_RANGES",
        [event(nth) for nth in range(2, 82, 2)],
        20,
        "the numbers of /services/cases have more than 20 holes: not counted from here on",
    ),
    "records of a lane": (
        "MAX_LANE_RUNS",
        [in_lane(nth, 2 * nth) for nth in range(1, 41)],
        0,
        f"lane {'b' * 15} of /services/cases has more than 20 holes, or ends that are not sealed: not counted from here on",
    ),
    "ends of a lane": (
        "MAX_LANE_RUNS",
        [
            told(
                "cases.journal.sealed", nth, "/services/cases", last_number=1, lanes=[{"lane": "b" * 15, "last": nth}]
            ).replace(b'"last_number"', b'"root": "' + b"A" * 43 + b'=", "last_number"')
            for nth in range(2, 42)
        ],
        20,
        f"lane {'b' * 15} of /services/cases has more than 20 holes, or ends that are not sealed: not counted from here on",
    ),
    "lanes": (
        "MAX_LANES",
        [in_lane(nth, 1, "bcdfghjklmnpq" + chr(97 + nth // 20) + chr(97 + nth % 20)) for nth in range(1, 41)],
        20,
        "more than 20 lanes: those of lane bcdfghjklmnpqbb of /services/cases, and of every other that comes after, are not",
    ),
    "holds": (
        "MAX_RANGES",
        [told("audit.hold.placed", nth, hold=f"h{nth}") for nth in range(1, 41)],
        20,
        "more than 20 holds were placed and lifted: this and every later one is not heard",
    ),
    "prunings": (
        "MAX_RANGES",
        [event(1), *(told("audit.entries.pruned", nth, first=0, last=0, numbers=[]) for nth in range(1, 41))],
        21,
        "pruned in more than 20 pieces: this and every later pruning is not heard",
    ),
}


@pytest.mark.parametrize("what", MANY)
@pytest.mark.parametrize("singly", [False, True])
def test_what_is_too_much_to_count_is_a_finding(what: str, singly: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write events must not keep everybody from being told, for ever, whether the log is what was signed."""
    from tests.property.test_audit_verify import bundled
    from tests.property.test_audit_verify import verify as verify_files

    limit, entries, position, detail = MANY[what]
    monkeypatch.setattr(lagspill_verify, limit, 20)
    if singly:
        monkeypatch.setattr(lagspill_verify.Examiner, "_hear", lagspill_verify.Examiner._hear_each)
    entries = [*entries, *(event(nth, "/services/s00") for nth in range(3, 303))]
    files = files_of(entries)
    report = verify_files(files)
    assert report.exit_status == lagspill_verify.EXIT_INCOMPLETE, report
    [found] = [each for each in report.findings if "more than 20 " in each.detail]
    assert (found.kind, found.position, detail in found.detail) == (Kind.INCOMPLETE, position, True), found
    changed = [*entries[:300], event(1, told="otherwise"), *entries[301:]]
    report = verify_files(bundled(changed, files))
    assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
    assert [(each.kind, each.position) for each in report.findings] == [(Kind.CHANGED, 300)], report


def test_many_processes_say_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is shared; what is found is not a matter of luck."""
    monkeypatch.setattr(lagspill_verify, "SMALL", 0)
    entries = [event(number) for number in range(1, 20_001) if number != 15_000]
    entries.append(seal_of("/services/cases", 19_000, bytes(32)))
    for path, contents in files_of(entries).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    alone, shared = (verify(tmp_path, workers=workers) for workers in (1, 2))
    assert str(shared) == str(alone)
    assert "number 15000 of /services/cases is not in the log" in str(alone)
    bundle = tmp_path / "tile" / "entries" / "070"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    alone, shared = (verify(tmp_path, workers=workers) for workers in (1, 2))
    assert str(shared) == str(alone)
    assert [(found.kind, found.position) for found in shared.findings] == [(Kind.CHANGED, 71 * 256 - 1)]
    bundle.unlink()
    os.mkfifo(bundle)
    with pytest.raises(UnreadableError, match="not a file"):
        verify(tmp_path, workers=2)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not say how much memory was used")
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """Twice the entries, of many subjects, in the same memory, once what is kept of the past and of subjects is full."""
    program = (
        "import lagspill_verify, sys\n"
        "lagspill_verify.MAX_SUBJECTS, lagspill_verify.WINDOW = 2_000, 4_096\n"
        "report = lagspill_verify.verify(sys.argv[1], sys.argv[2])\n"
        "assert report.findings == [], report\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )

    def in_a_lane(nth: int) -> bytes:
        """Sixteen sessions write, each in its lane."""
        lane = f"{'bcdfghjklmnpqrst'[nth % 16] * 15}/{(nth - 1) // 16 + 1}"
        return json.dumps(json.loads(of_subject(nth, f"cas_{nth}", 1)) | {"lane": lane}).encode()

    peaks = []
    for count in (30_000, 60_000):
        folder = tmp_path / str(count)
        for path, contents in files_of([in_a_lane(nth) for nth in range(1, count + 1)]).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(contents)
        done = subprocess.run([sys.executable, "-c", program, folder, VKEY], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 4 * 1024, f"{peaks} KiB"


def test_the_program_is_stopped_with_its_processes(tmp_path: Path) -> None:
    """As a command, with as many processes as there are cores, from a folder of its own."""
    for path, contents in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    source = Path(lagspill_verify.__file__)
    done = subprocess.run(
        [sys.executable, "-I", source, tmp_path, "--key", VKEY, "--workers", "3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split("\n")[-2], done.stderr) == (0, "VERIFIED", "")


def test_progress_is_one_line_where_somebody_watches(tmp_path: Path) -> None:
    """On a terminal: rewritten in place, up to the end, apart from the report. None with --quiet; into a file, as above, none."""
    count = 3_000
    for path, contents in files_of([event(number) for number in range(1, count + 1)]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    source = Path(lagspill_verify.__file__)
    told = []
    for options in ((), ("--quiet",)):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            done = subprocess.run(
                [sys.executable, "-I", source, tmp_path, "--key", VKEY, *options],
                stdout=subprocess.PIPE,
                stderr=theirs,
                check=False,
            )
            assert done.returncode == 0
            os.write(theirs, b"END")
            said = b""
            while not said.endswith(b"END"):
                said += terminal.read(4096)
            os.close(theirs)
        told.append(said.removesuffix(b"END").decode())
    line, quiet = told
    assert quiet == ""
    steps = [int(step) for step in re.findall(rf"\r(\d+) of {count} entries", line)]
    assert len(steps) > 1, line
    assert steps == sorted(steps)
    assert line.endswith(f"\r{count} of {count} entries\r\n"), "and the report begins on a line of its own"
    assert line.count("\n") == 1


# --- proofs -----------------------------------------------------------------------------------------------------------


def proof_file(index: int) -> bytes:
    """A `.tlog-proof`, written from its specification."""
    steps = [base64.b64encode(part).decode() for part in rfc6962.path(index, ENTRIES)]
    extra = base64.b64encode(ENTRIES[index]).decode()
    return ("\n".join(["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *steps]) + f"\n\n{NOTE}").encode()


PROOFS = {index: proof_file(index) for index in (0, 1, 127, 128, 255, 256, 298, 299)}


def refused(content: bytes) -> bool:
    """Whether the verifier says no, or that it cannot tell."""
    demands = lagspill_verify.read_demands([VKEY])
    try:
        return bool(lagspill_verify.verify_proof(content, demands, None).findings)
    except UnreadableError:
        return True


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_every_changed_proof_is_refused(index: int, draw: st.DataObject) -> None:
    """A bit anywhere; a line out, twice, moved; another file's line."""
    true = PROOFS[index]
    assert not refused(true)
    at = draw.draw(st.integers(0, len(true) * 8 - 1))
    flipped = bytearray(true)
    flipped[at // 8] ^= 1 << at % 8
    assert refused(bytes(flipped))
    lines = true.split(b"\n")
    first, second = (draw.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    moved = list(lines)
    moved.insert(second, moved.pop(first))
    other = PROOFS[draw.draw(st.sampled_from(sorted(PROOFS)))].split(b"\n")
    changes = [[*lines[:first], *lines[first + 1 :]], moved]
    if not lines[first].startswith("\N{EM DASH}".encode()):  # the same signature may stand there twice
        changes.append([*lines[: first + 1], *lines[first:]])
    changes.append([*lines[:first], *other[first : first + 1], *lines[first + 1 :]])
    for change in changes:
        assert change == lines or refused(b"\n".join(change)), change


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda some: PROOFS[255][:200] + some)))
def test_anything_is_answered(content: bytes) -> None:
    """With a verdict or a sentence; never with another error."""
    demands = lagspill_verify.read_demands([VKEY])
    for read in (
        lambda: lagspill_verify.verify_proof(content, demands, None),
        lambda: lagspill_verify.verify_checkpoint(content, demands),
        lambda: lagspill_verify.verify_export(io.BytesIO(content), demands, lambda done, size: None),
        lambda: lagspill_verify.Policy.parse(content),
        lambda: lagspill_verify.Key.parse(content.decode(errors="replace")),
    ):
        with contextlib.suppress(UnreadableError):
            read()
