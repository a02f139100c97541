"""The four services as processes of this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.process import HOST, LineSink, Server, require_free_port, says_it_is_well


class ServiceProcess(Server):
    """`python -m services.<name> serve`.

    Args:
        name: what it is called here.
        port: where it answers HTTP, on 127.0.0.1 only.
        settings: its environment variables.
        service: which service it is, where its name is another.
    """

    stop_within = 30.0

    def __init__(
        self,
        name: str,
        port: int,
        settings: Mapping[str, str],
        *,
        log: Path,
        sink: LineSink | None = None,
        service: str | None = None,
    ) -> None:
        super().__init__(name, log=log, sink=sink)
        self.service = service or name
        self.port = port
        self._settings = settings

    @property
    def url(self) -> str:
        """The base address of its HTTP interface."""
        return f"http://{HOST}:{self.port}"

    def beside(self, port: int, *, log: Path) -> ServiceProcess:
        """Return another instance with the same settings, on a port of its own; not started."""
        return ServiceProcess(self.name, port, self._settings, log=log, sink=self._sink, service=self.service)

    def prepare(self) -> None:
        """Check the port.

        Raises:
            LocalError: the port is taken.
        """
        require_free_port(f"The service {self.name}", self.port, f"LAGSPILL_{self.name.upper()}_PORT")

    def command(self) -> list[str]:
        """Return the process's command line."""
        return [sys.executable, "-m", f"services.{self.service}", "serve"]

    def environment(self) -> Mapping[str, str]:
        """Return its settings."""
        return {**self._settings, "HTTP_HOST": HOST, "HTTP_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    def ready(self) -> bool:
        """Tell whether it is migrated, connected and assigned, by its own word."""
        return says_it_is_well(f"{self.url}/health/ready", seconds=5)
