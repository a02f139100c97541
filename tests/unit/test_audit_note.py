"""Signed notes: the published vectors of golang.org/x/mod/sumdb/note and C2SP, and what is refused."""

from __future__ import annotations

import pytest

from services.audit.domain.checkpoint import Checkpoint, MalformedCheckpointError
from services.audit.domain.note import (
    ForgedNoteError,
    MalformedKeyError,
    MalformedNoteError,
    Signer,
    UnsignedNoteError,
    Verifier,
    open_note,
)
from services.audit.domain.proof import InclusionProof, MalformedProofError
from shared.merkle import leaf_hash

# golang.org/x/mod/sumdb/note, its documentation's example.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    f"{TEXT}\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# C2SP signed-note § Verifier keys, Example.
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_signs_byte_for_byte_as_go_does() -> None:
    """Ed25519 is deterministic, so Go's published note is ours."""
    signer = Signer.parse(SKEY)
    assert signer.verifier.vkey == VKEY
    assert signer.skey() == SKEY
    assert signer.sign(TEXT) == NOTE


def test_opens_the_published_notes() -> None:
    """Go's and the specification's."""
    assert open_note(NOTE.encode(), [Verifier.parse(VKEY)]) == TEXT
    assert open_note(C2SP_NOTE.encode(), [Verifier.parse(C2SP_VKEY)]) == "This is an example message.\n"


def test_unknown_signatures_are_ignored_and_a_known_one_is_required() -> None:
    """A cosignature by somebody unknown does no harm, and no good."""
    twice = NOTE + C2SP_NOTE.split("\n\n")[1]
    assert open_note(twice.encode(), [Verifier.parse(VKEY)]) == TEXT
    with pytest.raises(UnsignedNoteError):
        open_note(NOTE.encode(), [Verifier.parse(C2SP_VKEY)])
    with pytest.raises(ForgedNoteError):
        open_note(twice.encode(), [Verifier.parse(VKEY), Verifier.parse(C2SP_VKEY)])
    with pytest.raises(ForgedNoteError):
        open_note(NOTE.replace("answer", "Answer").encode(), [Verifier.parse(VKEY)])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        TEXT.encode(),
        NOTE.encode()[:-1],
        NOTE.replace("— ", "- ").encode(),
        NOTE.replace("\n\n", "\n").encode(),
        NOTE.replace("If", "I\tf").encode(),
        NOTE.replace("If", "I\0f").encode(),
        NOTE.encode() + b"\xff\n",
        NOTE.replace("x08go", "x08g!").encode(),
        NOTE.replace("PeterNeumann", "Peter+Neumann").encode(),
        (TEXT + "\n" + "— a AAAAAAAA\n" * 101).encode(),
    ],
)
def test_what_is_no_note(note: bytes) -> None:
    """Refused as malformed before any signature is looked at."""
    with pytest.raises(MalformedNoteError):
        open_note(note, [Verifier.parse(VKEY)])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        VKEY[:-4],
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        VKEY.replace("PeterNeumann", ""),
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_what_is_no_verifier_key(vkey: str) -> None:
    """The last two are Go's own bad keys: a wrong length and an unknown algorithm under a right identifier."""
    with pytest.raises(MalformedKeyError):
        Verifier.parse(vkey)


@pytest.mark.parametrize("skey", ["", VKEY, SKEY[8:], SKEY[:-8], SKEY.replace("c74f20a3", "c74f20a4")])
def test_what_is_no_signing_key(skey: str) -> None:
    """And the refusal does not repeat it."""
    with pytest.raises(MalformedKeyError) as refusal:
        Signer.parse(skey)
    assert "AYEKFALVFGyNhPJEMzD1QIDr" not in str(refusal.value)
    assert "AYEKFALVFGyNhPJEMzD1QIDr" not in repr(Signer.parse(SKEY))


def test_one_key_signs_for_each_log_under_the_logs_name() -> None:
    """The identifiers differ, so one log's signature is never taken for another's."""
    signer = Signer.parse(SKEY)
    here, there = signer.named("lagspill.no/logs/4005"), signer.named("lagspill.no/logs/3807")
    note = here.sign(TEXT)
    assert open_note(note.encode(), [here.verifier]) == TEXT
    with pytest.raises(UnsignedNoteError):
        open_note(note.encode(), [there.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "nul\0\n"])
def test_what_cannot_be_signed(text: str) -> None:
    """A text that a reader would have to refuse."""
    with pytest.raises(MalformedNoteError):
        Signer.parse(SKEY).sign(text)


def test_a_checkpoint_is_three_lines() -> None:
    """Written, read, and the specification's own example read."""
    checkpoint = Checkpoint("lagspill.no/logs/4005", 7, leaf_hash(b""))
    assert checkpoint.text() == "lagspill.no/logs/4005\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n"
    assert Checkpoint.parse(checkpoint.text()) == checkpoint
    example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert Checkpoint.parse(example).size == 20852163
    assert Checkpoint.parse(example + "an extension\n").origin == "example.com/behind-the-sofa"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n7\n",
        "o\n07\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "o\n-7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "o\n\N{ARABIC-INDIC DIGIT SEVEN}\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "o\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoA==\n",
        "o\n7\nnot base64\n",
        "o\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1=\n",
        f"o\n{'7' * 5000}\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n",
        "o\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        "o\n7\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\nafter\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """A missing line, a number written otherwise or that nobody can count to, a root that is none or could be written otherwise."""
    with pytest.raises(MalformedCheckpointError):
        Checkpoint.parse(text)


def test_a_proof_file_is_written_and_read() -> None:
    """With and without the entry in it, and for a log of one entry, whose proof is empty."""
    for hashes in ((), (leaf_hash(b"a"), leaf_hash(b"b"))):
        for extra in (None, b"", b"\0entry"):
            proof = InclusionProof(3, hashes, NOTE, extra)
            assert InclusionProof.parse(proof.text()) == proof
    assert InclusionProof(0, (), NOTE).text() == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\nnote",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 00\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nnote",
        "c2sp.org/tlog-proof@v1\nextra AA==\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 0\nno hash\n\nnote",
    ],
)
def test_what_is_no_proof_file(text: str) -> None:
    """Refused, not guessed at."""
    with pytest.raises(MalformedProofError):
        InclusionProof.parse(text)
