"""`python -m services.audit {serve,migrate,dead-letters,deadlines,rotate-keys,genkey,export,rotate-key,retention,prune,hold}`."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from services.audit import operate
from services.audit.app import SERVICE
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.note import Signer
from shared.lifecycle import run_service


def main(arguments: Sequence[str]) -> int:
    """Run the command and return the exit status; what is not the audit service's own is every service's."""
    if arguments[:1] == ["genkey"]:
        return _genkey(arguments[1:])
    if arguments and arguments[0] in operate.COMMANDS:
        return operate.main(arguments)
    return run_service(SERVICE, arguments)


def _genkey(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.audit genkey",
        description="Write a new signing key to a file that only its owner may read, and print the public key.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--name", default="lagspill.no/logs", help="the key's name; each log signs under its own")
    parser.add_argument(
        "--witness",
        action="store_true",
        help="a key to cosign other logs with; it has a name of its own (tlog-cosignature)",
    )
    asked = parser.parse_args(arguments)
    seed = secrets.token_bytes(32)
    if asked.witness:
        cosigner = Cosigner(asked.name, seed)
        private, public = cosigner.skey(), cosigner.key.vkey
    else:
        signer = Signer(asked.name, seed)
        private, public = signer.skey(), signer.verifier.vkey
    asked.file.touch(mode=0o600, exist_ok=False)
    asked.file.write_text(f"{private}\n")
    sys.stdout.write(f"{public}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
