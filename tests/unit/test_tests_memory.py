"""Where the tests' database server keeps its data."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import memory


def test_it_is_in_memory_while_it_is_needed_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "NEEDED", 1)
    with memory.quick_folder(tmp_path / "disk", tmp_path) as folder:
        assert folder.parent == tmp_path
        (folder / "postgres").mkdir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["room", "memory"])
def test_without_room_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Three processes share what there is: room for two of them is none."""
    here = tmp_path / "nowhere" if missing == "memory" else tmp_path
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(memory, "NEEDED", free // 2 if missing == "room" else 1)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    with memory.quick_folder(tmp_path / "disk", here) as folder:
        assert folder == tmp_path / "disk"


def test_what_a_killed_process_left_is_removed_and_what_a_running_one_has_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, held, other = (
        tmp_path / name for name in (f"lagspill-tests-{gone.pid}-a", f"lagspill-tests-{os.getpid()}-b", "sem.x")
    )
    for each in (left, held, other):
        each.mkdir()
    with memory.quick_folder(tmp_path / "disk", tmp_path):
        assert (left.exists(), held.exists(), other.exists()) == (False, True, True)
