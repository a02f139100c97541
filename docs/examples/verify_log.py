"""Verify a copy of a log with its public key alone: python docs/examples/verify_log.py FOLDER VKEY."""

import base64
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1: the root over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below their number
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def signed_text(note: bytes, vkey: str) -> str:
    """C2SP signed-note: the text, if this key has signed it."""
    name, key_id, material = vkey.split("+", 2)
    key = base64.b64decode(material)  # one byte for the kind (1: Ed25519), and the 32 of the key
    if sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        sys.exit("this is no key")
    text, _, lines = note.decode().rpartition("\n\n")
    for line in lines.splitlines():
        _, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded)
        if (signer, signature[:4].hex()) == (name, key_id):
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], f"{text}\n".encode())
            return text
    sys.exit("not signed by this key")


def entries(folder: Path, size: int) -> Iterator[bytes]:
    """C2SP tlog-tiles: the entries, 256 in a bundle, each behind its length in two bytes."""
    for first in range(0, size, 256):
        number = str(first // 256)
        number = number.zfill(-(-len(number) // 3) * 3)
        groups = [number[at : at + 3] for at in range(0, len(number), 3)]
        path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        width = min(256, size - first)
        bundle = (folder / "tile/entries" / (path if width == 256 else f"{path}.p/{width}")).read_bytes()
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            yield bundle[2 : 2 + length]
            bundle = bundle[2 + length :]


def main(folder: Path, vkey: str) -> None:
    """Say whether the entries are those that were signed."""
    name, size, signed_root = signed_text((folder / "checkpoint").read_bytes(), vkey).split("\n")[:3]
    if name != vkey.split("+", maxsplit=1)[0]:
        sys.exit("a checkpoint of another log")
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries(folder, int(size))]
    if len(leaves) != int(size) or base64.b64encode(root(leaves)).decode() != signed_root:
        sys.exit("not what was signed")
    print(f"{name}: {size} entries, as they were signed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
