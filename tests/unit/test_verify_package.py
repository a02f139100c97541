"""`pip install lagspill-verify` gives an outsider the whole verifier: one module, cryptography and msgspec."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import lagspill_verify
import pytest

from tests.property.test_audit_verify import SIGNER, event, files_of

PACKAGE = Path(lagspill_verify.__file__).parent
UV = shutil.which("uv")


def test_what_it_depends_on() -> None:
    """At most two others; and it is one module."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert [dependency.partition(">")[0] for dependency in project["dependencies"]] == ["cryptography", "msgspec"]
    assert project["scripts"] == {"lagspill-verify": "lagspill_verify:main"}
    assert [path.name for path in PACKAGE.glob("**/*.py")] == ["lagspill_verify.py"]


@pytest.mark.slow
@pytest.mark.skipif(UV is None, reason="uv is not installed: nothing here builds a package")
def test_it_is_installed_alone(tmp_path: Path) -> None:
    """Built, installed into an environment with nothing else in it, and run from another folder."""
    assert UV is not None
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "lagspill_verify.py"):
        shutil.copy(PACKAGE / name, source)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    built = subprocess.run(
        [UV, "build", "--wheel", "--out-dir", tmp_path / "dist", source],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode and _offline(built.stderr):
        pytest.skip("the build's own packages cannot be fetched: no network")
    assert built.returncode == 0, built.stderr
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if "dist-info" not in name] == ["lagspill_verify.py"]
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    installed = subprocess.run(
        [UV, "pip", "install", "--python", python, wheel], env=environment, capture_output=True, text=True, check=False
    )
    if installed.returncode and _offline(installed.stderr):
        pytest.skip("its dependencies cannot be fetched: no network")
    assert installed.returncode == 0, installed.stderr
    listed = subprocess.run(
        [UV, "pip", "list", "--python", python], env=environment, capture_output=True, text=True, check=True
    )
    names = {line.split()[0] for line in listed.stdout.splitlines()[2:]}
    assert names <= {"lagspill-verify", "cryptography", "msgspec", "cffi", "pycparser"}
    for path, contents in files_of([event(number) for number in range(1, 301)]).items():
        (tmp_path / "log" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / path).write_bytes(contents)
    command = tmp_path / "venv" / "bin" / "lagspill-verify"
    told = subprocess.run(
        [command, "log", "--key", SIGNER.verifier.vkey],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, ""), told
    assert told.stdout.endswith("VERIFIED\n")
    assert sys.prefix not in told.stdout


def _offline(said: str) -> bool:
    """Whether a package manager could not reach its index."""
    return any(word in said for word in ("dns error", "error sending request", "Failed to fetch", "offline", "connect"))
