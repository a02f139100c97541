"""Write `jars.lock` and the bench's `debezium.lock` anew: `python -m deploy.local.lock_jars` (alone in needing `mvn`).

Maven resolves the run-time closure of each server; the lock keeps every jar's path in the repository, size and
SHA-256. Whoever starts the servers afterwards needs neither Maven nor trust in what a mirror serves.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from deploy.local.jars import LOCK

_LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1"
LOCKS = {
    LOCK: {
        "kafka": ["org.apache.kafka:kafka_2.13:4.1.0", _LOGGING],
        "identity": ["no.nav.security:mock-oauth2-server:6.0.2"],
    },
    LOCK.parents[2] / "tests" / "bench" / "debezium.lock": {
        "debezium": [
            "io.debezium:debezium-connector-postgres:3.3.1.Final",
            "org.apache.kafka:connect-runtime:4.1.0",
            _LOGGING,
        ],
    },
}
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies"


def resolve(coordinates: list[str], into: Path) -> list[Path]:
    """Let Maven copy the run-time closure of `coordinates` into a folder, laid out as in a repository."""
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        for group, artifact, version in (one.split(":") for one in coordinates)
    )
    (into / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>no.lagspill</groupId>'
        f"<artifactId>jars</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>"
    )
    command = [
        "mvn",
        "-q",
        "-B",
        COPY,
        "-DincludeScope=runtime",
        "-DoutputDirectory=jars",
        "-Dmdep.useRepositoryLayout=true",
    ]
    subprocess.run(command, cwd=into, check=True)
    return sorted((into / "jars").rglob("*.jar"))


def main() -> None:
    """Resolve every closure and write the lock files."""
    for lock, closures in LOCKS.items():
        _write(lock, closures)


def _write(lock: Path, closures: dict[str, list[str]]) -> None:
    lines = ["# Written by `python -m deploy.local.lock_jars`: server, SHA-256, bytes, path in a Maven repository."]
    for server, coordinates in closures.items():
        with tempfile.TemporaryDirectory() as folder:
            for jar in resolve(coordinates, Path(folder)):
                content = jar.read_bytes()
                path = jar.relative_to(Path(folder) / "jars").as_posix()
                lines.append(f"{server} {hashlib.sha256(content).hexdigest()} {len(content)} {path}")
    lock.write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 1} jars locked in {lock}")


if __name__ == "__main__":
    main()
