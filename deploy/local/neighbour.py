"""The neighbour: Skien's audit service, with database, keys, topics and log of its own. It and Notodden's witness each other.

Both run on this machine for trying out. In earnest a witness is run by somebody else, elsewhere: that is what makes it one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from deploy.local.errors import plain_errors
from deploy.local.keys import keep_secret, make_keys
from deploy.topics import Topic
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.note import Signer
from services.audit.domain.witness import PREFIX

NAME: Final = "neighbour"
"""What it is called among the processes, the databases and the addresses."""
MUNICIPALITIES: Final[Mapping[str, Sequence[str]]] = {
    "audit": ("4005", "3427", "4003", "3905", "1142"),
    NAME: ("4003",),
}
"""Whose logs each has that the other watches: those of the stories that are played, and Skien's."""
ORIGINS: Final[Mapping[str, str]] = {"audit": "lagspill.no/logs", NAME: "skien.example/logs"}
_CALLED: Final[Mapping[str, str]] = {"audit": "notodden", NAME: "skien"}
"""What each is called as a witness in the other's policy."""
TOPIC_PREFIX: Final = "skien."


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, as the other needs to know it: public keys, and where its witness answers."""

    name: str
    log_keys: Sequence[str]
    witness_key: str
    url: str

    def watched(self) -> str:
        """Return the keys under which its logs sign, as the other's list of logs to watch."""
        return "".join(f"{key}\n" for key in self.log_keys)

    def policy(self) -> str:
        """Return the policy of a log whose one witness this is."""
        called = _CALLED[self.name]
        return f"witness {called} {self.witness_key} {self.url}{PREFIX}\nquorum {called}\n"


def introduce(keys: Path, urls: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Make what keys are missing, write what the two must know of each other, and return the settings of both.

    Args:
        keys: the folder of the municipality's keys; the neighbour's are in a folder of its own in it.
        urls: where each of them answers HTTP, as the other reaches it.

    Raises:
        LocalError: the disk is full, or the folder may not be written.
    """
    folders = {"audit": keys, NAME: keys / NAME}
    for name, folder in folders.items():
        make_keys(folder)
        with plain_errors(folder):
            cosigner = Cosigner(f"{ORIGINS[name].partition('/')[0]}/witness", secrets.token_bytes(32))
            keep_secret(folder / "witness.key", cosigner.skey())
    sides = {name: _side(name, folder, urls[name]) for name, folder in folders.items()}
    made = {}
    for name, folder in folders.items():
        other = sides[NAME if name == "audit" else "audit"]
        with plain_errors(folder):
            (folder / "witness-policy").write_text(other.policy())
            (folder / "watched-logs").write_text(other.watched())
        made[name] = {
            "AUDIT_ORIGIN": ORIGINS[name],
            "AUDIT_WITNESS_KEY_FILE": str(folder / "witness.key"),
            "AUDIT_WITNESS_POLICY_FILE": str(folder / "witness-policy"),
            "AUDIT_WATCHED_LOGS_FILE": str(folder / "watched-logs"),
        }
    made[NAME] |= {
        "AUDIT_SIGNING_KEY_FILE": str(folders[NAME] / "audit.key"),
        "AUDIT_TOPIC_PREFIX": TOPIC_PREFIX,
        **{f"{service}_URL": "" for service in ("CASES", "MEETINGS", "NOTIFY")},  # Notodden's are not Skien's
        **{f"PAGES_{part}": "" for part in ("CLIENT_ID", "URL")},  # nor is the auditor who is signed in by itself
    }
    return made


def topics_of(declared: Sequence[Topic]) -> list[Topic]:
    """Return the neighbour's topics on the broker that both use here: the same, under other names and small."""
    return [replace(topic, name=f"{TOPIC_PREFIX}{topic.name}", partitions=1) for topic in declared]


def _side(name: str, folder: Path, url: str) -> Side:
    with plain_errors(folder):
        signers = [Signer.parse(line) for line in (folder / "audit.key").read_text().split()]
        cosigner = Cosigner.parse((folder / "witness.key").read_text())
    logs = [f"{ORIGINS[name]}/{log}" for log in (*MUNICIPALITIES[name], "unparsable")]
    return Side(name, [signer.named(log).verifier.vkey for log in logs for signer in signers], cosigner.key.vkey, url)
