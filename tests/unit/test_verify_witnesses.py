"""What the verifier demands of witnesses (C2SP tlog-policy, tlog-cosignature), and of a log whose key is being changed."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

import lagspill_verify
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lagspill_verify import Key, Kind, Policy, Report, UnreadableError

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import MAX_SIGNATURES, Signer
from shared.merkle import leaf_hash, root_of
from tests.property.test_audit_verify import ORIGIN, SIGNER, event, files_of

ENTRIES = [event(number) for number in range(1, 301)]
FILES = files_of(ENTRIES)
TEXT = FILES["checkpoint"].decode().partition("\n\n")[0] + "\n"
VKEY = SIGNER.verifier.vkey
MOMENT = 1_780_000_000


def b64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


class Witness:
    """A cosigner, written from tlog-cosignature: nothing of the product's own."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.material = b"\x04" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = sha256(name.encode() + b"\n" + self.material).digest()[:4]
        self.vkey = f"{name}+{self.key_id.hex()}+{b64(self.material)}"

    def line(self, text: str, moment: int = MOMENT, *, says: int | None = None) -> str:
        """A cosignature line of `text`; it may say another moment than the signed one."""
        raw = self.private.sign(f"cosignature/v1\ntime {moment}\n{text}".encode())
        stamp = (moment if says is None else says).to_bytes(8, "big")
        return f"\N{EM DASH} {self.name} {b64(self.key_id + stamp + raw)}\n"


SKIEN, PORSGRUNN, BAMBLE = (
    Witness("lagspill.no/witnesses/skien", 1),
    Witness("lagspill.no/witnesses/porsgrunn", 2),
    Witness("lagspill.no/witnesses/bamble", 3),
)
TWO_OF_THREE = f"""
# a remark
log {VKEY} https://audit.example.no/logs/4005
witness skien {SKIEN.vkey} https://audit.skien.example
\twitness porsgrunn  {PORSGRUNN.vkey}
witness bamble {BAMBLE.vkey}
group grenland 2 skien porsgrunn bamble
quorum grenland
"""


def verified(
    tmp_path: Path, lines: str, policy: str, keys: tuple[str, ...] = (VKEY,), note: str | None = None
) -> Report:
    """Verify the log with these cosignatures on its checkpoint."""
    for path, contents in FILES.items():
        file = tmp_path / "log" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
    (tmp_path / "log" / "checkpoint").write_text((note or FILES["checkpoint"].decode()) + lines)
    (tmp_path / "policy").write_text(policy)
    return lagspill_verify.verify(str(tmp_path / "log"), keys, policy=str(tmp_path / "policy"))


def test_a_quorum_is_met(tmp_path: Path) -> None:
    """Two of three; who they are and when they did is told."""
    report = verified(tmp_path, SKIEN.line(TEXT) + BAMBLE.line(TEXT, MOMENT + 1), TWO_OF_THREE)
    assert report.findings == []
    assert report.witnesses == [
        f"bamble at 2026-05-28T20:26:41Z (lagspill.no/witnesses/bamble+{BAMBLE.key_id.hex()})",
        f"skien at 2026-05-28T20:26:40Z (lagspill.no/witnesses/skien+{SKIEN.key_id.hex()})",
    ]
    assert "  witnessed  skien at 2026-05-28T20:26:40Z" in str(report)


@pytest.mark.parametrize("lines", ["", SKIEN.line(TEXT), SKIEN.line(TEXT) * 2, Witness("elsewhere", 9).line(TEXT)])
def test_a_quorum_is_not_met(tmp_path: Path, lines: str) -> None:
    """None, one, the same one twice, one that nobody knows: signed, but the key's holder may have replaced the log."""
    report = verified(tmp_path, lines, TWO_OF_THREE)
    assert [(found.kind, found.position) for found in report.findings] == [(Kind.UNWITNESSED, 0)]
    assert (report.exit_status, report.verdict) == (lagspill_verify.EXIT_NOT_WITNESSED, "NOT WITNESSED")


@pytest.mark.parametrize(
    "line",
    [
        SKIEN.line(TEXT.replace("300", "299")),
        SKIEN.line(TEXT, says=MOMENT + 1),
        SKIEN.line(TEXT, moment=2**63, says=2**63),
    ],
)
def test_a_false_cosignature_is_no_cosignature(tmp_path: Path, line: str) -> None:
    """Another text, another time, a time that no clock shows: somebody put it there."""
    report = verified(tmp_path, PORSGRUNN.line(TEXT) + BAMBLE.line(TEXT) + line, TWO_OF_THREE)
    assert [found.kind for found in report.findings] == [Kind.REWRITTEN]
    assert "skien" in report.findings[0].detail


def test_the_policy_names_the_logs_that_it_accepts(tmp_path: Path) -> None:
    """The key given must be one of them, by its name too: an installation signs all its logs with one private key (tlog-policy)."""
    other = Signer("lagspill.no/logs/4003", b"\3" * 32)
    for key in (other, SIGNER.named("lagspill.no/logs/4003")):
        report = verified(tmp_path, "", f"log {key.verifier.vkey}\nquorum none\n")
        assert [found.kind for found in report.findings] == [Kind.UNWITNESSED]
        assert "none of a log that the policy accepts" in report.findings[0].detail
    assert verified(tmp_path, "", f"log {other.verifier.vkey}\nlog {VKEY}\nquorum none\n").findings == []
    assert verified(tmp_path, "", "quorum none\n").findings == []


def test_a_key_that_is_being_changed(tmp_path: Path) -> None:
    """Both sign for a time: whoever knows either verifies, and both can be given; a stranger's line does not matter."""
    new = Signer(ORIGIN, b"\5" * 32)
    both = FILES["checkpoint"].decode() + new.sign(TEXT).partition("\n\n")[2]
    for keys in ((VKEY,), (new.verifier.vkey,), (VKEY, new.verifier.vkey)):
        report = verified(tmp_path, "", "quorum none\n", keys, both)
        assert report.findings == []
        assert report.signed_by.count(ORIGIN) == len(keys)
    assert verified(tmp_path, "", "quorum none\n", (new.verifier.vkey,)).findings[0].kind is Kind.REWRITTEN
    false = both.replace(new.sign(TEXT)[-30:], SIGNER.sign(TEXT)[-30:])
    assert verified(tmp_path, "", "quorum none\n", (VKEY,), false).findings == []
    assert verified(tmp_path, "", "quorum none\n", (VKEY, new.verifier.vkey), false).findings[0].kind is Kind.REWRITTEN
    with pytest.raises(UnreadableError, match="different logs"):
        verified(tmp_path, "", "quorum none\n", (VKEY, SIGNER.named("lagspill.no/logs/4003").verifier.vkey))


def test_post_quantum_witnesses(tmp_path: Path) -> None:
    """ML-DSA-44, as tlog-cosignature recommends: the statement names the witness and the log."""
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa", reason="this cryptography is older")
    private = mldsa.MLDSA44PrivateKey.generate()
    name = "lagspill.no/witnesses/kommune"
    material = b"\x06" + private.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + material).digest()[:4]
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    said = b"".join(
        [
            b"subtree/v1\n\0",
            bytes([len(name)]) + name.encode(),
            MOMENT.to_bytes(8, "big"),
            bytes([len(ORIGIN)]) + ORIGIN.encode(),
            (0).to_bytes(8, "big"),
            (300).to_bytes(8, "big"),
            root_of(hashes),
        ]
    )
    policy = f"witness w {name}+{key_id.hex()}+{b64(material)}\nquorum w\n"
    for message, kinds in ((said, []), (said[:-1] + b"x", [Kind.REWRITTEN, Kind.UNWITNESSED])):
        line = f"\N{EM DASH} {name} {b64(key_id + MOMENT.to_bytes(8, 'big') + private.sign(message))}\n"
        assert [found.kind for found in verified(tmp_path, line, policy).findings] == kinds


def test_the_specifications_example() -> None:
    """tlog-policy's own: two of X and one of Y."""
    witnesses = [
        Witness(f"witness.example/{name}", at) for at, name in enumerate(("X1", "X2", "X3", "Y1", "Y2", "Y3"), 20)
    ]
    lines = [f"witness {one.name[-2:]} {one.vkey}" for one in witnesses]
    policy = Policy.parse(
        "\n".join(
            [
                f"log {VKEY}", "", *lines[:3], "group X-witnesses 2 X1 X2 X3", "", *lines[3:],
                "group Y-witnesses any Y1 Y2 Y3", "", "group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y",
            ]
        ).encode()
    )  # fmt: skip
    for names, met in (
        ("X1 X2 Y1", True),
        ("X1 X2 X3", False),
        ("X1 Y1 Y2 Y3", False),
        ("X2 X3 Y3", True),
        ("", False),
    ):
        assert policy.met(names.encode().split()) is met, names
    assert policy.met([b"X-witnesses", b"Y-witnesses"]) is False, "a group's name is no witness's"


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "quorum none\nquorum none\n",
        "quorum nobody\n",
        f"quorum skien\nwitness skien {SKIEN.vkey}\n",
        f"witness skien {SKIEN.vkey}\nwitness skien {BAMBLE.vkey}\nquorum none\n",
        f"witness skien {SKIEN.vkey}\nwitness bamble {SKIEN.vkey}\nquorum none\n",
        f"witness none {SKIEN.vkey}\nquorum none\n",
        f"witness skien {VKEY}\nquorum none\n",
        f"log {SKIEN.vkey}\nquorum none\n",
        f"log {VKEY}\nlog {SIGNER.named('other').verifier.vkey}\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 0 a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 2 a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 01 a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g some a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 1\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 1 a a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 1 a\ngroup h 1 a\nquorum none\n",
        f"witness a {SKIEN.vkey}\ngroup g 1 g\nquorum none\n",
        "group g any none\nquorum none\n",
        f"witness skien\u00a0{SKIEN.vkey}\nquorum none\n",
        "quorum none\r\n",
        "quorum none\x7f\n",
        "quorum none none\n",
        "Quorum none\n",
        "log \n",
    ],
)
def test_what_is_no_policy_is_refused(policy: str) -> None:
    """Each rule of tlog-policy; a policy that is misread would demand less than was meant."""
    with pytest.raises(UnreadableError):
        Policy.parse(policy.encode())


def test_signed_notes_own_example() -> None:
    """The key and the note that signed-note prints."""
    key = Key.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = lagspill_verify.Note.parse(
        "This is an example message.\n\n\N{EM DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1"
        "ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n".encode()
    )
    assert note is not None
    assert key.signed(note) is True
    assert Key.parse(VKEY).signed(note) is None
    assert key.signed(lagspill_verify.Note("This is another message.\n", note.signatures)) is False


@pytest.mark.parametrize(
    "note",
    [
        b"text\n", b"text\n\n", b"text\n\n\xe2\x80\x94 name AAAAAAA=", b"text\n\n- name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAA=\n", b"text\n\n\xe2\x80\x94 name AAAAAA\n", b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"te\0xt\n\n\xe2\x80\x94 name AAAAAAA=\n", b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101, b"text\r\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAB=\n",
    ],
)  # fmt: skip
def test_what_is_no_note(note: bytes) -> None:
    """No blank line, no signature, another dash, a name that is none, base64 that is none, control characters."""
    assert lagspill_verify.Note.parse(note) is None


def test_as_many_signatures_are_read_as_others_read() -> None:
    """signed-note demands 16; Go's package, and the service that serves a log, read a hundred."""
    assert lagspill_verify.MAX_SIGNATURES == MAX_SIGNATURES
    note = lagspill_verify.Note.parse(b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 100)
    assert note is not None
    assert len(note.signatures) == 100


@pytest.mark.parametrize(
    "text",
    ["", "a\n1\n", "a\n01\nAAAA\n", f"a\n-1\n{b64(bytes(32))}\n", f"a\n1\n{b64(bytes(31))}\n", f"a\n{2**64}\n{b64(bytes(32))}\n",
     f"\n1\n{b64(bytes(32))}\n", f"a\n1\n{b64(bytes(32))}\n\nmore\n", f"a\n٣\n{b64(bytes(32))}\n", f"a\n1\n{b64(bytes(32))}"],
)  # fmt: skip
def test_what_is_no_checkpoint(text: str) -> None:
    """tlog-checkpoint: three lines that are not empty, a decimal size, a root of 32 bytes; more lines may follow."""
    assert lagspill_verify.Checkpoint.parse(text) is None
    assert lagspill_verify.Checkpoint.parse(f"a\n1\n{b64(bytes(32))}\nmore\n") is not None


def test_a_stolen_key_is_not_enough(tmp_path: Path) -> None:
    """Who has the signing key rewrites the whole log: only what somebody else has signed contradicts it."""
    rewritten = [*ENTRIES[:120], event(121, told="otherwise"), *ENTRIES[121:]]
    false = files_of(rewritten)
    for path, contents in false.items():
        file = tmp_path / "log" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
    (tmp_path / "policy").write_text(TWO_OF_THREE)
    assert lagspill_verify.verify(str(tmp_path / "log"), VKEY).findings == []
    witnessed = lagspill_verify.verify(str(tmp_path / "log"), VKEY, policy=str(tmp_path / "policy"))
    assert [found.kind for found in witnessed.findings] == [Kind.UNWITNESSED]
    hashes = [leaf_hash(entry) for entry in ENTRIES]
    for size in (100, 200):
        (tmp_path / f"{size}").write_text(SIGNER.sign(Checkpoint(ORIGIN, size, root_of(hashes[:size])).text()))
    kept = lagspill_verify.verify(str(tmp_path / "log"), VKEY, since=[str(tmp_path / "100"), str(tmp_path / "200")])
    assert [(found.kind, found.position) for found in kept.findings] == [(Kind.FORKED, 100)]
    assert "one of 100 to 199" in kept.findings[0].detail
