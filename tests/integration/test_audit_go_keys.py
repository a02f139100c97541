"""A log whose key was rotated, opened by Go's own note package with the old key, and with the new one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.audit.export import export
from services.audit.queries import Reader
from services.audit.signing import Signing
from shared.db import create_pool
from shared.testing.plugin import Migrated
from tests.integration.audit_world import NOON, NOTODDEN, SIGNER, as_role
from tests.integration.test_audit_go import ask, verifier
from tests.integration.test_audit_signing import DAY, NEW, OVERLAP, instances, key

__all__ = ["verifier"]

pytestmark = [
    pytest.mark.connected,
    pytest.mark.story(23),
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed: no second verifier to ask"),
]


async def test_go_opens_it_with_either_key_during_the_overlap(
    migrated: Migrated,
    tmp_path: Path,
    verifier: Path,
) -> None:
    """Two signature lines, of which each verifier knows one; afterwards only the new key's word is there."""
    async with instances(migrated) as log:
        await log.take(Signing.held(SIGNER, overlap=OVERLAP))
        rotated = Signing.held(NEW, SIGNER, overlap=OVERLAP)
        pool = await create_pool(
            as_role(log.dsn, "lagspill_audit_reader"), min_size=1, max_size=1, application_name="t"
        )
        try:
            log.clock.set(NOON + DAY)
            await log.take(rotated)
            await export(Reader(pool), NOTODDEN, tmp_path / "both")
            log.clock.set(NOON + DAY + OVERLAP)
            await log.take(rotated)
            await export(Reader(pool), NOTODDEN, tmp_path / "new")
        finally:
            await pool.close()
    for folder, signer, status in (("both", SIGNER, 0), ("both", NEW, 0), ("new", NEW, 0), ("new", SIGNER, 1)):
        outcome, said = await ask(verifier, tmp_path / folder, vkey=key(signer).vkey)
        assert outcome == status, (folder, said)
