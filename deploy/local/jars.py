"""The Java servers' jars: named in `jars.lock` with their SHA-256, fetched once, verified every time.

A download that was cut goes on where it stopped; what does not have the locked hash is never used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi
import httpx

from deploy.local.errors import LocalError, plain_errors, require_room

LOCK: Final = Path(__file__).with_name("jars.lock")
MAVEN_CENTRAL: Final = "https://repo1.maven.org/maven2"
ATTEMPTS: Final = 4
PARALLEL: Final = 6

Progress = Callable[[int], None]
"""Called with the number of bytes that just arrived."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock file."""

    server: str
    sha256: str
    size: int
    path: str
    """Where it lies in a Maven repository."""

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rsplit("/", 1)[-1]


def locked(server: str, lock: Path = LOCK) -> list[Jar]:
    """Return the jars that `server` ("kafka" or "identity") runs on, in the order of the lock file."""
    rows = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(name, sha256, int(size), path) for name, sha256, size, path in rows if name == server]


def default_cache() -> Path:
    """Return the folder of the cache: `$XDG_CACHE_HOME/lagspill/jars`, or `~/.cache/lagspill/jars`."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "lagspill" / "jars"


class JarCache:
    """A folder of jars by their hash, filled from a Maven repository.

    Args:
        folder: where the jars lie; may be shared between working directories and running processes.
        mirror: base address of the repository, HTTPS unless it is on this machine; by default `LAGSPILL_MAVEN_MIRROR`,
            else Maven Central.
    """

    def __init__(self, folder: Path | None = None, mirror: str | None = None) -> None:
        self.folder = folder or default_cache()
        self._mirror = (mirror or os.environ.get("LAGSPILL_MAVEN_MIRROR") or MAVEN_CENTRAL).rstrip("/")
        address = urlsplit(self._mirror)
        if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost"}:
            raise LocalError(f"LAGSPILL_MAVEN_MIRROR must be an https:// address, not {self._mirror}.")

    def missing(self, jars: list[Jar]) -> list[Jar]:
        """Return those that are not in the cache with the right content."""
        return [jar for jar in jars if not self._good(jar)]

    def fetch(self, jars: list[Jar], progress: Progress = lambda _: None) -> list[Path]:
        """Return the jars' files, after downloading and verifying those that are missing.

        Raises:
            LocalError: a jar cannot be downloaded, is not what the lock names, or the disk is full.
        """
        with plain_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.missing(jars):
                with self._exclusive():  # two runs that start together download once
                    missing = self.missing(jars)
                    require_room(self.folder, sum(jar.size for jar in missing) + 2**20)
                    self._download(missing, progress)
        return [self._place(jar) for jar in jars]

    def _place(self, jar: Jar) -> Path:
        return self.folder / f"{jar.sha256[:16]}-{jar.name}"

    def _good(self, jar: Jar) -> bool:
        place = self._place(jar)
        return place.is_file() and place.stat().st_size == jar.size and _sha256(place) == jar.sha256

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _download(self, jars: list[Jar], progress: Progress) -> None:
        trust = ssl.create_default_context()
        trust.load_verify_locations(certifi.where())  # a bare Debian may have no certificate store of its own
        with (
            httpx.Client(verify=trust, timeout=httpx.Timeout(30.0), follow_redirects=True) as client,
            ThreadPoolExecutor(PARALLEL) as pool,
        ):
            for _ in pool.map(lambda jar: self._download_one(client, jar, progress), jars):
                pass

    def _download_one(self, client: httpx.Client, jar: Jar, progress: Progress) -> None:
        place = self._place(jar)
        part = place.with_name(place.name + ".part")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._continue(client, jar, part, progress)
            except httpx.HTTPStatusError as error:
                raise self._unavailable(jar, f"the answer was {error.response.status_code}") from error
            except httpx.HTTPError as error:
                if attempt == ATTEMPTS:
                    raise self._unavailable(jar, str(error) or type(error).__name__) from error
                time.sleep(0.2 * 2**attempt)
                continue
            if _sha256(part) == jar.sha256:
                part.rename(place)
                return
            part.unlink()
            if attempt == 1:
                continue  # what was resumed may have been another file's beginning: once more, from the start
            break
        raise LocalError(
            f"{self._mirror}/{jar.path} is not the file that deploy/local/jars.lock names (its SHA-256 differs): "
            "nothing of it was used; try another LAGSPILL_MAVEN_MIRROR."
        )

    def _continue(self, client: httpx.Client, jar: Jar, part: Path, progress: Progress) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have >= jar.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", f"{self._mirror}/{jar.path}", headers=headers) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            with part.open("ab" if resumed else "wb") as file:
                for piece in response.iter_raw():
                    file.write(piece)
                    progress(len(piece))

    def _unavailable(self, jar: Jar, why: str) -> LocalError:
        return LocalError(
            f"{jar.name} could not be downloaded from {self._mirror} ({why}): "
            "check the network, or set LAGSPILL_MAVEN_MIRROR to a Maven repository that can be reached."
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
