"""What `docs/auditing.md` and `docs/log-format.md` tell an auditor and a stranger to do, done against the real service."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.e2e.audit_served import PID_KEY, Served
from tests.e2e.test_audit_http import audit
from tests.integration.audit_world import SIGNER, Publisher

__all__ = ["audit"]
pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CASE = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
ACTOR = "act_nurse-in-tinnes"


async def shell(served: Served, folder: Path, script: str) -> tuple[int, str]:
    """Run `script` as an auditor who has set what the page says to set; return the exit status and all that was printed."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(DOCS.parent),
            "AUDIT_URL": served.address,
            "LAGSPILL_TOKEN": served.token(),
            "CASE": CASE,
            "ACTOR": ACTOR,
            "DATABASE_URL": served.world.dsn,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "OIDC_ISSUER": served.issuer.issuer,
            "PID_KEY": PID_KEY,
            "AUDIT_SIGNING_KEY": SIGNER.skey(),
        },
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_every_command_for_auditors_does_what_is_said(audit: Served, tmp_path: Path) -> None:
    """All of the page's commands in their order, in one shell."""
    cases = Publisher()
    await audit.world.take(cases.read(CASE, actor=ACTOR), *cases.reads(298), cases.seal())
    commands = COMMANDS.findall((DOCS / "auditing.md").read_text(encoding="utf-8"))
    status, said = await shell(audit, tmp_path, "\n".join(commands))
    assert status == 0, said
    assert said.count("VERIFIED") == sum(block.count("lagspill-verify ") for block in commands) >= 4
    assert said.count(CASE) >= 3
    assert '"missing":[]' in said
    recorded = [look["kind"] for look in await audit.recorded()]
    assert recorded == ["log-read"] * 5 + ["export"] * 3


async def test_a_strangers_verifier_finds_one_changed_byte(audit: Served, tmp_path: Path) -> None:
    """The one in the documentation: a page of Python that knows nothing of ours."""
    await audit.world.take(*Publisher().reads(600))
    vkey = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
    export = "python -m services.audit export 4005 copy"
    verify = f"python {DOCS / 'examples' / 'verify_log.py'} copy '{vkey}'"
    status, said = await shell(audit, tmp_path, f"{export}\n{verify}")
    assert (status, said.splitlines()[-1]) == (0, "lagspill.no/logs/4005: 600 entries, as they were signed")
    bundle = tmp_path / "copy" / "tile" / "entries" / "001"
    changed = bytearray(bundle.read_bytes())
    changed[500] ^= 1
    bundle.write_bytes(changed)
    assert await shell(audit, tmp_path, verify) == (1, "not what was signed\n")
    other = SIGNER.named("lagspill.no/logs/4003").verifier.vkey
    assert await shell(audit, tmp_path, verify.replace(vkey, other)) == (1, "not signed by this key\n")
