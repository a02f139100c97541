"""Every byte that docs/log-format.md and docs/examples/log show, computed anew from the definitions: nothing of ours is used."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import lagspill_verify
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.property import rfc6962

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "log"
ORIGIN = "example.com/logs/4005"
WITNESS = "example.com/witnesses/skien"
MOMENT = 1_798_761_600
ENTRIES = [b"the first entry", b'{"an":"entry"}', b""]


def b64(data: bytes) -> str:
    """Base64, standard alphabet, padded."""
    return base64.b64encode(data).decode()


def key(name: str, kind: int, private: Ed25519PrivateKey) -> tuple[bytes, str]:
    """signed-note: the key id and the vkey."""
    material = bytes([kind]) + private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = sha256(name.encode() + b"\n" + material).digest()[:4]
    return key_id, f"{name}+{key_id.hex()}+{b64(material)}"


def example() -> dict[str, bytes]:
    """The files of a log of three entries, signed with the private key 00 01 .. 1f, cosigned with 20 21 .. 3f."""
    log, witness = (Ed25519PrivateKey.from_private_bytes(bytes(range(at, at + 32))) for at in (0, 32))
    log_id, vkey = key(ORIGIN, 1, log)
    witness_id, cosigner = key(WITNESS, 4, witness)
    text = f"{ORIGIN}\n{len(ENTRIES)}\n{b64(rfc6962.mth(ENTRIES))}\n"
    said = f"cosignature/v1\ntime {MOMENT}\n{text}"
    lines = [
        f"\N{EM DASH} {ORIGIN} {b64(log_id + log.sign(text.encode()))}\n",
        f"\N{EM DASH} {WITNESS} {b64(witness_id + MOMENT.to_bytes(8, 'big') + witness.sign(said.encode()))}\n",
    ]
    note = f"{text}\n{''.join(lines)}"
    path = [b64(part) for part in rfc6962.path(1, ENTRIES)]
    proof = "\n".join(["c2sp.org/tlog-proof@v1", f"extra {b64(ENTRIES[1])}", "index 1", *path]) + f"\n\n{note}"
    export = [json.dumps({"export": "lagspill.no/entries@v1", "checkpoint": note}, ensure_ascii=False)]
    for at, entry in enumerate(ENTRIES):
        steps = [b64(part) for part in rfc6962.path(at, ENTRIES)]
        export.append(json.dumps({"position": at, "entry": b64(entry), "proof": steps}))
    above = "".join(f"{line}\n" for line in export).encode()
    export_end = json.dumps({"count": len(ENTRIES), "sha256": b64(sha256(above).digest())})
    return {
        "checkpoint": note.encode(),
        "keys": f"{vkey}\n".encode(),
        "policy": f"log {vkey}\nwitness skien {cosigner}\nquorum skien\n".encode(),
        "tile/0/000.p/3": b"".join(sha256(b"\x00" + entry).digest() for entry in ENTRIES),
        "tile/entries/000.p/3": b"".join(len(entry).to_bytes(2, "big") + entry for entry in ENTRIES),
        "entry-1.tlog-proof": proof.encode(),
        "entries.ndjson": above + export_end.encode() + b"\n",
    }


def test_the_example_is_as_it_should_be() -> None:
    """File by file."""
    true = example()
    assert {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()} == set(true)
    for name, contents in true.items():
        assert (EXAMPLE / name).read_bytes() == contents, name


def test_the_page_shows_the_example() -> None:
    """Whatever is said to be in a file is what is in it; and every hash on the page is one of the example's."""
    page = (DOCS / "log-format.md").read_text(encoding="utf-8")
    true = example()
    shown = re.findall(r"^`examples/log/([^`]+)`:\n\n```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in shown} == {"checkpoint", "policy", "entry-1.tlog-proof", "entries.ndjson"}
    for name, block in shown:
        assert block.encode() == true[name], name
    hexes = [sha256(b"\x00" + entry).hexdigest() for entry in ENTRIES]
    inner = sha256(b"\x01" + bytes.fromhex(hexes[0]) + bytes.fromhex(hexes[1])).digest()
    root = sha256(b"\x01" + inner + bytes.fromhex(hexes[2])).digest()
    assert root == rfc6962.mth(ENTRIES)
    for value in (*hexes, inner.hex(), root.hex(), true["tile/entries/000.p/3"].hex(), sha256(b"").hexdigest()):
        assert value in page, value
    known = "".join([*hexes, inner.hex(), root.hex(), true["tile/entries/000.p/3"].hex(), sha256(b"").hexdigest()])
    for value in re.findall(r"\b[0-9a-f]{40,}\b", page):
        assert value in known, value


@pytest.mark.parametrize("name", ["", "checkpoint", "entry-1.tlog-proof", "entries.ndjson"])
def test_the_example_verifies(name: str) -> None:
    """With the policy beside it, by our own verifier."""
    true = example()
    report = lagspill_verify.verify(str(EXAMPLE / name), true["keys"].decode().strip(), policy=str(EXAMPLE / "policy"))
    assert (report.findings, report.size) == ([], 3)
    assert report.witnesses[0].startswith("skien at 2027-01-01T00:00:00Z")


def test_a_strangers_page_of_python_verifies_it_too() -> None:
    """docs/examples/verify_log.py, which knows nothing of witnesses, on a checkpoint that one has cosigned."""
    command = [
        sys.executable,
        str(DOCS / "examples" / "verify_log.py"),
        str(EXAMPLE),
        example()["keys"].decode().strip(),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "example.com/logs/4005: 3 entries, as they were signed\n"
