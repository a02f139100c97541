"""A child process of this machine's set: started, watched until it is ready, stopped in time, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Final

import httpx

from deploy.local.errors import LocalError, disk_full, plain_errors

HOST: Final = "127.0.0.1"
"""Nothing here is ever offered to another machine."""

LineSink = Callable[[str, str], None]
"""Takes (name of the process, one line of its output)."""

_PR_SET_PDEATHSIG: Final = 1
_FREE_PORTS: Final = range(20_000, 32_000)
_CHANCE: Final = random.SystemRandom()
"""Several runs on one machine must not ask for the same ports in the same order."""
_given: Final[set[int]] = set()


def free_port() -> int:
    """Return a port of this machine that nothing listens on, another one each time.

    It lies below those that systems give to outgoing connections: one of them could take it before whoever asked listens
    there, or while a server on it is being started again.
    """
    while True:
        port = _CHANCE.choice(_FREE_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


@cache
def _no_certificates() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def says_it_is_well(url: str, *, seconds: float) -> bool:
    """Return whether what listens there, on this machine and without TLS, answers with success.

    It is asked every few hundredths of a second while the servers start: reading the machine's certificates for each question
    took a quarter of the processor from them.
    """
    try:
        return httpx.get(url, timeout=seconds, verify=_no_certificates(), trust_env=False).is_success
    except httpx.TransportError:
        return False


def require_free_port(what: str, port: int, setting: str) -> None:
    """Refuse to start `what` where something else listens already.

    Raises:
        LocalError: the port is taken, or not this user's to take.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalError(
                f"{what} cannot listen on port {port} of {HOST} ({(error.strerror or str(error)).lower()}): "
                f"stop what uses it, or set {setting} to another port."
            ) from error


class Server(ABC):
    """One process of the set. `prepare`, `launch`, `wait_ready`, then `stop`; `start` is the first three.

    `launch` belongs on the main thread: Linux ends the child when the thread that made it ends, which is what keeps
    nothing behind when this process is killed.

    Args:
        name: what the log stream calls it.
        log: the file its output goes to, appended.
        sink: is also given each line.
        patience: seconds that it may take to become ready.
    """

    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 20.0

    def __init__(self, name: str, *, log: Path, sink: LineSink | None = None, patience: float = 60.0) -> None:
        self.name = name
        self.log = log
        self._sink = sink
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self._pump: threading.Thread | None = None
        self._asked = False
        self._last: deque[str] = deque(maxlen=40)

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Make what the first start needs; does nothing the next time."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program and its arguments."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables that the process is given beyond this one's own."""
        return {}

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether it answers."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What the process ended with; None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Prepare, launch and wait until it is ready.

        Raises:
            LocalError: it does not come up; the process is stopped then.
        """
        self.prepare()
        self.launch()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the process; return at once."""
        if self.running:
            return
        self._last.clear()
        self._asked = False
        with plain_errors(self.log.parent):
            self.log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C reaches this process alone, which then stops its children in order.
        self._process = subprocess.Popen(
            self.command(),
            env={**os.environ, **self.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, no lock is taken
        )
        assert self._process.stdout is not None
        self._pump = threading.Thread(
            target=self._read, args=(self._process.stdout,), name=f"{self.name} output", daemon=True
        )
        self._pump.start()

    def wait_ready(self) -> None:
        """Wait until it answers.

        Raises:
            LocalError: it ended instead, or did not answer in time.
        """
        end = time.monotonic() + self._patience
        while not self.ready():
            if not self.running:
                raise self._ended()
            if time.monotonic() > end:
                raise LocalError(
                    f"{self.name} did not answer within {self._patience:.0f} seconds; its log is {self.log}."
                )
            time.sleep(0.05)

    def ask_to_stop(self) -> None:
        """Ask the process to end; return at once."""
        if self._process is not None and self._process.poll() is None and not self._asked:
            self._asked = True  # a second request would make some servers drop what they are finishing
            self._process.send_signal(signal.SIGCONT)  # a paused process cannot stop
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Ask the process to end, and make it after `stop_within` seconds; tolerates one that never started."""
        process = self._process
        if process is None:
            return
        self.ask_to_stop()
        if process.poll() is None:
            try:
                process.wait(self.stop_within)
            except subprocess.TimeoutExpired:
                self.kill()
        self._finish()

    def kill(self) -> None:
        """End it without warning (SIGKILL), and what it started: for tests of what survives."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._finish()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay open and nothing answers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGCONT)

    def _finish(self) -> None:
        if self._pump is not None:
            self._pump.join(5)
            self._pump = None

    def _read(self, output: IO[str]) -> None:
        with output, contextlib.ExitStack() as open_files:
            try:
                log = open_files.enter_context(self.log.open("a"))
            except OSError as error:
                log = open_files.enter_context(Path(os.devnull).open("a"))
                self._show(f"no log: {error}")
            for line in output:
                self._show(line.rstrip("\n"))
                try:
                    log.write(line)
                    log.flush()
                except OSError as error:
                    self._show(f"no log any more: {error}")  # a full disk must not stop the process by a full pipe
                    log = open_files.enter_context(Path(os.devnull).open("a"))

    def _show(self, line: str) -> None:
        self._last.append(line)
        if self._sink is not None:
            self._sink(self.name, line)

    def _ended(self) -> LocalError:
        code = self.exit_code
        self._finish()
        said = "\n".join(self._last)
        if "No space left on device" in said:
            return disk_full(self.log.parent.parent)
        if "Address already in use" in said or "BindException" in said:
            return LocalError(f"{self.name} cannot listen: another process took its port meanwhile.")
        last = next((line.strip() for line in reversed(self._last) if line.strip()), "nothing")
        return LocalError(
            f"{self.name} ended with code {code} before it was ready; its last words: {last} (log: {self.log})."
        )


def _end_with_parent() -> None:
    """In the child, before its program: ask Linux to end it when its parent does, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
