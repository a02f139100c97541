"""Keys for development and for trying out: made at random once, each in a file that only its owner may read."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.errors import plain_errors
from services.audit.domain.note import Signer

AUDIT_KEY_NAME: Final = "lagspill.local"
SETTINGS: Final[Mapping[str, str]] = {
    "VAULT_KEY_FILE": "vault.key",
    "LOOKUP_KEY_FILE": "lookup.key",
    "PID_KEY_FILE": "pid.key",
    "AUDIT_SIGNING_KEY_FILE": "audit.key",
}
"""The file of each key, by the setting that names it to a service."""


def make_keys(folder: Path) -> list[str]:
    """Make those keys that `folder` does not hold yet, and return their file names; an existing key is never touched.

    Raises:
        LocalError: the disk is full, or the folder may not be written.
    """
    made = {
        "vault.key": f"local-1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "lookup.key": secrets.token_urlsafe(32),
        "pid.key": secrets.token_urlsafe(32),
        "audit.key": Signer(AUDIT_KEY_NAME, secrets.token_bytes(32)).skey(),
    }
    with plain_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [name for name, content in made.items() if keep_secret(folder / name, content)]


def keep_secret(file: Path, content: str) -> bool:
    """Write `content` to a new file that only its owner may read; return False when the file is there already."""
    if file.exists():
        return False
    # Under another name first: a key that exists is a whole one, also after a crash in between.
    half = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    half.touch(mode=0o600)
    half.write_text(content + "\n")
    half.rename(file)
    return True
