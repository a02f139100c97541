"""`rotate-keys` of the cases service in a process that kills itself when so many cases' people were read: `... <cases>`; 0: never."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.cases.app import SERVICE
from services.cases.family import Family
from services.cases.records import Records
from services.cases.settings import CasesSettings
from shared.actor_names import Named, People
from shared.db import Connection
from shared.lifecycle import run_service
from shared.vault import Vault

CASES: Final = int(sys.argv[1])


class Doomed(Family):
    """The families, among which the process ends."""

    left = CASES

    async def named(self, conn: Connection, owner: str) -> Sequence[Named]:
        """Return the child and the guardians of a case; see `Family`."""
        known = await super().named(conn, owner)
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return known


def people(settings: CasesSettings, vault: Vault) -> People:
    """Return the families."""
    _ = settings
    return Doomed(Records(vault))


if __name__ == "__main__":
    raise SystemExit(run_service(replace(SERVICE, people=people), ["rotate-keys"]))
