"""Jars come over a network that is cut, from mirrors that lie, onto disks that are full: what is used is what is locked."""

from __future__ import annotations

import hashlib
import random
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.jars import LOCK, Jar, JarCache, locked

CONTENT = random.Random(3).randbytes(300_000)


class Repository:
    """A Maven repository that misbehaves on demand, over real HTTP."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        """The Range header of each request."""
        self.cut_after: int | None = None
        """Bytes after which the next answer is cut."""
        self.knows_ranges = True
        repository = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                repository.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        content = self.files.get(request.path.lstrip("/"))
        if content is None:
            request.send_error(404)
            return
        begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.knows_ranges else 0  # type: ignore[index]
        request.send_response(206 if asked and self.knows_ranges else 200)
        request.send_header("Content-Length", str(len(content) - begin))
        request.end_headers()
        cut, self.cut_after = self.cut_after, None
        request.wfile.write(content[begin : None if cut is None else begin + cut])
        request.close_connection = cut is not None


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()
    yield served
    served.close()


@pytest.fixture
def cache(tmp_path: Path, repository: Repository) -> JarCache:
    return JarCache(tmp_path / "cache", repository.url)


@pytest.fixture
def jar(repository: Repository) -> Jar:
    repository.files["org/example/one/1/one-1.jar"] = CONTENT
    return Jar("kafka", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "org/example/one/1/one-1.jar")


def part_of(cache: JarCache, jar: Jar) -> Path:
    return cache.folder / f"{jar.sha256[:16]}-{jar.name}.part"


def test_a_jar_is_fetched_once_and_verified_each_time(cache: JarCache, jar: Jar, repository: Repository) -> None:
    arrived: list[int] = []
    (file,) = cache.fetch([jar], arrived.append)
    assert file.read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    assert cache.fetch([jar]) == [file]
    assert len(repository.ranges) == 1
    file.write_bytes(CONTENT[:-1] + b"x")
    assert cache.missing([jar]) == [jar]
    assert cache.fetch([jar])[0].read_bytes() == CONTENT


def test_a_download_that_is_cut_goes_on_where_it_stopped(cache: JarCache, jar: Jar, repository: Repository) -> None:
    repository.cut_after = 100_000
    assert cache.fetch([jar])[0].read_bytes() == CONTENT
    assert repository.ranges[0] is None
    assert repository.ranges[1] is not None
    assert int(repository.ranges[1].removeprefix("bytes=").removesuffix("-")) > 0


def test_what_an_earlier_run_left_is_continued(cache: JarCache, jar: Jar, repository: Repository) -> None:
    cache.folder.mkdir(parents=True)
    part_of(cache, jar).write_bytes(CONTENT[:120_000])
    assert cache.fetch([jar])[0].read_bytes() == CONTENT
    assert repository.ranges == ["bytes=120000-"]


def test_a_mirror_without_ranges_is_read_from_the_start(cache: JarCache, jar: Jar, repository: Repository) -> None:
    repository.knows_ranges = False
    cache.folder.mkdir(parents=True)
    part_of(cache, jar).write_bytes(CONTENT[:120_000])
    assert cache.fetch([jar])[0].read_bytes() == CONTENT


def test_a_corrupted_beginning_is_thrown_away(cache: JarCache, jar: Jar, repository: Repository) -> None:
    cache.folder.mkdir(parents=True)
    part_of(cache, jar).write_bytes(b"x" * 120_000)
    assert cache.fetch([jar])[0].read_bytes() == CONTENT
    assert repository.ranges == ["bytes=120000-", None]


def test_a_file_that_is_not_the_locked_one_is_never_used(cache: JarCache, jar: Jar, repository: Repository) -> None:
    repository.files[jar.path] = CONTENT[:-1] + b"x"
    with pytest.raises(LocalError, match="is not the file that"):
        cache.fetch([jar])
    assert [file for file in cache.folder.iterdir() if not file.name.startswith(".")] == []


def test_a_jar_that_is_not_there_is_one_sentence(cache: JarCache, jar: Jar, repository: Repository) -> None:
    repository.files.clear()
    with pytest.raises(LocalError, match=r"one-1\.jar could not be downloaded .*404.*LAGSPILL_MAVEN_MIRROR"):
        cache.fetch([jar])


def test_a_mirror_that_does_not_answer_is_one_sentence(cache: JarCache, jar: Jar, repository: Repository) -> None:
    repository.close()
    with pytest.raises(LocalError, match="check the network, or set LAGSPILL_MAVEN_MIRROR"):
        cache.fetch([jar])


def test_a_full_disk_is_one_sentence(cache: JarCache, jar: Jar) -> None:
    cache.folder.mkdir(parents=True)
    part_of(cache, jar).symlink_to("/dev/full")  # the kernel answers every write to it with ENOSPC
    with pytest.raises(LocalError, match=r"The disk that holds .* is full: make room there"):
        cache.fetch([jar])


def test_two_runs_that_start_together_download_once(cache: JarCache, jar: Jar, repository: Repository) -> None:
    runs = [threading.Thread(target=cache.fetch, args=([jar],)) for _ in range(5)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(repository.ranges) == 1
    assert cache.missing([jar]) == []


def test_a_mirror_is_https_unless_it_is_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="https"):
        JarCache(tmp_path, "http://maven.example/repository")
    monkeypatch.setenv("LAGSPILL_MAVEN_MIRROR", "ftp://maven.example")
    with pytest.raises(LocalError, match="https"):
        JarCache(tmp_path)
    JarCache(tmp_path, "https://maven.example/repository")


@pytest.mark.parametrize("server", ["kafka", "identity"])
def test_every_locked_jar_has_a_hash_a_size_and_a_place(server: str) -> None:
    jars = locked(server)
    assert len({jar.path for jar in jars}) == len(jars) > 20
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0 and jar.path.endswith(".jar") for jar in jars)


def test_the_lock_names_the_versions_that_the_documentation_names() -> None:
    lock = LOCK.read_text()
    assert "org/apache/kafka/kafka_2.13/4.1.0/kafka_2.13-4.1.0.jar" in lock
    assert "no/nav/security/mock-oauth2-server/6.0.2/mock-oauth2-server-6.0.2.jar" in lock
