"""Apache Kafka 4.1: one KRaft node that is broker and controller, on ports of this machine, its data in a folder."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.errors import LocalError, plain_errors, require_room
from deploy.local.jars import JarCache, Progress, locked
from deploy.local.java import find_java
from deploy.local.process import HOST, LineSink, Server, require_free_port

NEEDED: Final = 300 * 2**20
CLUSTER: Final = "TGFnc3BpbGwtbG9rYWx0MQ"
"""The cluster's id: any 16 bytes in unpadded base64; it only has to stay the same."""

LOGGING: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss.SSS} %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class Kafka(Server):
    """One Kafka node.

    Args:
        data: the node's folder; formatted by the first start.
        port: the clients' port. The controller listens on `controller_port`; both on 127.0.0.1 only.
        lasting: whether it serves under load for long. Else HotSpot's second compiler rests, which takes a third of the
            processor time of a node that lives for minutes.
        jars: where its jars come from.
        progress: is told of each downloaded byte.
    """

    stop_within = 30.0

    def __init__(
        self,
        data: Path,
        port: int,
        controller_port: int,
        *,
        log: Path,
        sink: LineSink | None = None,
        jars: JarCache | None = None,
        progress: Progress = lambda _: None,
        lasting: bool = False,
    ) -> None:
        super().__init__("kafka", log=log, sink=sink)
        self.data = data.absolute()
        self.port = port
        self._controller_port = controller_port
        self._jars = jars or JarCache()
        self._progress = progress
        self._lasting = lasting

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, write the settings, format the storage once.

        Raises:
            LocalError: a port is taken, the disk is full, there is no Java, or a jar cannot be had.
        """
        require_free_port("Kafka", self.port, "LAGSPILL_KAFKA_PORT")
        require_free_port("Kafka's controller", self._controller_port, "LAGSPILL_KAFKA_CONTROLLER_PORT")
        require_room(self.data, NEEDED)
        with plain_errors(self.data):
            self.data.mkdir(parents=True, exist_ok=True)
            (self.data / "server.properties").write_text(self._settings())
            (self.data / "log4j2.properties").write_text(LOGGING)
        self._jars.fetch(locked("kafka"), self._progress)
        if not (self.data / "records" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        tool = [*self._java("kafka.tools.StorageTool", heap="128m"), "format", "--ignore-formatted"]
        tool += ["-t", CLUSTER, "-c", str(self.data / "server.properties")]
        done = subprocess.run(tool, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise LocalError(f"Kafka's data folder {self.data} could not be made: {said[-1]}")

    def command(self) -> list[str]:
        """Return the node's command line."""
        return [*self._java("kafka.Kafka", heap="512m"), str(self.data / "server.properties")]

    def ready(self) -> bool:
        """Tell whether the broker handles requests, by asking which API versions it speaks (the protocol's first call)."""
        client = b"lagspill"
        request = struct.pack(">hhih", 18, 0, 1, len(client)) + client
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                return len(connection.recv(8)) == 8
        except OSError:
            return False

    def _java(self, main: str, *, heap: str) -> list[str]:
        classpath = ":".join(str(jar) for jar in self._jars.fetch(locked("kafka")))
        options = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr"]
        if not self._lasting:
            options.append("-XX:TieredStopAtLevel=1")
        logging = f"-Dlog4j2.configurationFile={self.data / 'log4j2.properties'}"
        return [str(find_java()), *options, logging, "-Djava.awt.headless=true", "-cp", classpath, main]

    def _settings(self) -> str:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.data / "records"),
            # A topic that nobody declared would have one partition and the wrong retention.
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # Sooner seen as gone, sooner back after a kill; a loaded laptop still heartbeats in time.
            "broker.session.timeout.ms": "6000",
            "broker.heartbeat.interval.ms": "1000",
            "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
            # One node keeps many small partitions: preallocating 10 MB of index for each fills a disk.
            "log.index.size.max.bytes": str(2**20),
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())
