"""The AsyncAPI document by the AsyncAPI project's own parser (`npm ci` in tests/contract/asyncapi, then this)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.contracts.schemas import ASYNCAPI

FOLDER = Path(__file__).parent / "asyncapi"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / "@asyncapi" / "parser").is_dir(),
    reason="needs node and `npm ci` in tests/contract/asyncapi",
)


def validate(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run(
        [NODE, FOLDER / "validate.mjs", *arguments], capture_output=True, check=False, encoding="utf-8"
    )


def test_the_document_is_valid_by_the_official_parser() -> None:
    done = validate()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("AsyncAPI 3.0.0: ")


def test_an_example_that_contradicts_its_schema_is_found(tmp_path: Path) -> None:
    document = json.loads(ASYNCAPI.read_bytes())
    message = document["components"]["messages"]["no.lagspill.cases.case.opened.v1"]
    message["examples"][0]["payload"]["data"]["level"] = 9
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document))
    done = validate(str(broken))
    assert done.returncode == 1
    assert "no.lagspill.cases.case.opened.v1" in done.stderr


def test_a_missing_file_is_said() -> None:
    done = validate("no-such-file.json")
    assert (done.returncode, done.stderr.strip()) == (2, "no-such-file.json: ENOENT")
