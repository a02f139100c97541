"""What signs the log: rotation with both keys for a time, and keys that a signing service in another process keeps."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr, ValidationError

from services.audit.domain.note import Note, Signer, UnsignedNoteError, Verifier, open_note
from services.audit.errors import NoSuchLogError, RetiredKeyError, SigningRefusedError, SigningUnavailableError
from services.audit.keeper import Keeper
from services.audit.operate import main as operate
from services.audit.queries import Reader
from services.audit.settings import AuditSettings
from services.audit.signing import HeldKey, Signing, SigningKey, open_transit
from shared.clock import SimulatedClock
from shared.contracts.audit import KeyAnnounced
from shared.db import create_pool
from shared.envelope import parse
from shared.journal import Journal
from shared.settings import SettingsFileError
from shared.testing.ids import SeededIds
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, ORIGIN, SIGNER, SKIEN, Publisher, World, as_role
from tests.integration.transit_server import NAME, TOKEN

LOG = f"{ORIGIN}/{NOTODDEN}"
DAY = timedelta(days=1)
OVERLAP = 90 * DAY
NEW, NEWER = (Signer(ORIGIN, sha256(name).digest()) for name in (b"the next key", b"the key after that"))


@dataclass
class Instances:
    """Instances of the service on one database, each with the keys that its file has."""

    dsn: str
    clock: SimulatedClock
    cases: Publisher
    at: int = 0

    async def take(self, signing: Signing, scope: str = NOTODDEN) -> str:
        """Let an instance with these keys take a record in; the checkpoint that it signed."""
        pool = await create_pool(
            as_role(self.dsn, "lagspill_audit_writer"), min_size=1, max_size=2, application_name="t"
        )
        try:
            ids = SeededIds(self.at)
            journal = Journal(pool, source="/services/audit", clock=self.clock, ids=ids)
            keeper = Keeper(pool, signing=signing, origin=ORIGIN, journal=journal, clock=self.clock, ids=ids)
            world = World(self.dsn, pool, keeper)
            await world.take(self.cases.read(scope=scope))
            self.at += 1
            note: str = await pool.fetchval(
                "SELECT note FROM checkpoints WHERE log = $1 ORDER BY size DESC LIMIT 1", scope
            )
        finally:
            await pool.close()
        return note

    async def published(self) -> list[KeyAnnounced]:
        """What was told of keys."""
        connection = await asyncpg.connect(self.dsn)
        try:
            records = [parse(row[0]) for row in await connection.fetch("SELECT body FROM outbox ORDER BY id")]
        finally:
            await connection.close()
        return [
            KeyAnnounced.model_validate_json(each.data) for each in records if each.envelope.type == KeyAnnounced.TYPE
        ]


@asynccontextmanager
async def instances(migrated: Migrated) -> AsyncIterator[Instances]:
    yield Instances(await migrated("audit", MIGRATIONS), SimulatedClock(NOON), Publisher())


def key(signer: Signer, origin: str = LOG) -> Verifier:
    return signer.named(origin).verifier


def signers_of(note: str) -> int:
    return note.partition("\n\n")[2].count("\n")


@pytest.mark.connected
@pytest.mark.story(23)
async def test_both_keys_sign_for_a_time(migrated: Migrated) -> None:
    """A verifier with the old key and one with the new key both accept; before and after, only one of them does."""
    async with instances(migrated) as log:
        first = await log.take(Signing.held(SIGNER, overlap=OVERLAP))
        assert signers_of(first) == 1
        assert await log.published() == []
        rotated = Signing.held(NEW, SIGNER, overlap=OVERLAP)
        log.clock.set(NOON + DAY)
        for _ in range(2):
            note = await log.take(rotated)
            assert signers_of(note) == 2
            for verifier in (key(SIGNER), key(NEW)):
                assert open_note(note.encode(), [verifier]).startswith(LOG)
        log.clock.set(NOON + DAY + OVERLAP - timedelta(seconds=1))
        assert signers_of(await log.take(rotated)) == 2
        log.clock.set(NOON + DAY + OVERLAP)
        last = await log.take(rotated)  # the old key still lies in the file
        assert signers_of(last) == 1
        open_note(last.encode(), [key(NEW)])
        with pytest.raises(UnsignedNoteError):
            open_note(last.encode(), [key(SIGNER)])
        assert await log.published() == [
            KeyAnnounced(
                log=LOG,
                vkey=key(NEW).vkey,
                valid_from=NOON + DAY,
                previous=key(SIGNER).vkey,
                previous_valid_to=NOON + DAY + OVERLAP,
            )
        ]
        reader = await create_pool(
            as_role(log.dsn, "lagspill_audit_reader"), min_size=1, max_size=1, application_name="t"
        )
        try:
            periods = await Reader(reader).keys(NOTODDEN)
            with pytest.raises(NoSuchLogError):
                await Reader(reader).keys(SKIEN)
        finally:
            await reader.close()
        assert [(each.vkey, each.since, each.until) for each in periods] == [
            (key(SIGNER).vkey, NOON, NOON + DAY + OVERLAP),
            (key(NEW).vkey, NOON + DAY, None),
        ]


@pytest.mark.connected
async def test_instances_are_restarted_one_by_one(migrated: Migrated) -> None:
    """One that still has only the old key goes on with it; when its time is over, it signs nothing more."""
    async with instances(migrated) as log:
        old, new = Signing.held(SIGNER, overlap=OVERLAP), Signing.held(NEW, SIGNER, overlap=OVERLAP)
        await log.take(old)
        await log.take(new)
        assert signers_of(await log.take(old)) == 1
        assert signers_of(await log.take(new)) == 2
        assert len(await log.published()) == 1
        log.clock.set(NOON + OVERLAP)
        with pytest.raises(RetiredKeyError):
            await log.take(old)
        assert signers_of(await log.take(Signing.held(NEW, overlap=OVERLAP))) == 1


@pytest.mark.connected
async def test_a_key_that_is_at_hand_no_more_ends_at_once(migrated: Migrated) -> None:
    """One that leaked is taken out of the file: what it signs after the announcement is not the log's."""
    async with instances(migrated) as log:
        await log.take(Signing.held(SIGNER))
        log.clock.set(NOON + DAY)
        assert signers_of(await log.take(Signing.held(NEW))) == 1
        [announced] = await log.published()
        assert announced.previous_valid_to == announced.valid_from == NOON + DAY
        with pytest.raises(RetiredKeyError):
            await log.take(Signing.held(SIGNER))
        # A new log of the time after begins with the new key, and has nothing to announce.
        assert signers_of(await log.take(Signing.held(NEW, SIGNER), SKIEN)) == 1
        assert len(await log.published()) == 1


@pytest.mark.connected
async def test_a_refused_signature_leaves_nothing(migrated: Migrated) -> None:
    """No entry without its checkpoint."""

    class Wrong:
        public_key = key(SIGNER).public_key

        async def sign(self, message: bytes) -> bytes:
            return NEW.sign_bytes(message)

    async with instances(migrated) as log:
        await log.take(Signing.held(SIGNER))
        with pytest.raises(SigningRefusedError):
            await log.take(Signing([Wrong()]))
        connection = await asyncpg.connect(log.dsn)
        assert await connection.fetchval("SELECT count(*) FROM entries") == 1
        assert await connection.fetchval("SELECT sum(next_offset) FROM positions") == 1
        await connection.close()


# --- the logs of address-protected cases ------------------------------------------------------------------------------

PROTECTED, OTHER = (f"prt_{letter * 26}" for letter in "bc")


class OneKeyForAll(Signing):
    """As it was: the municipality's key under each log's name."""

    def _keys_of(self, origin: str) -> Sequence[SigningKey]:
        return self._keys


def keys_of(note: str) -> list[bytes]:
    """The key ids and names that a checkpoint was signed with."""
    return sorted(line.key_id for line in Note.parse(note.encode()).lines)


@pytest.mark.connected
async def test_the_log_of_a_protected_case_is_signed_with_a_key_of_its_own(migrated: Migrated) -> None:
    """The same bytes under two names would say whose log it is, and which cases are one municipality's."""
    async with instances(migrated) as log:
        signing = Signing.held(SIGNER, overlap=OVERLAP)
        origins = {scope: f"{ORIGIN}/{scope}" for scope in (NOTODDEN, PROTECTED, OTHER)}
        publics = {signing.verifier(origin).public_key for origin in origins.values()}
        assert len(publics) == 3
        again = Signing.held(Signer.parse(SIGNER.skey()), overlap=OVERLAP)
        for scope, origin in origins.items():
            note = await log.take(signing, scope)
            verifier = again.verifier(origin)
            assert open_note(note.encode(), [verifier]).startswith(f"{origin}\n")
            assert keys_of(note) == [verifier.key_id]
            if scope != NOTODDEN:
                with pytest.raises(UnsignedNoteError):
                    open_note(note.encode(), [key(SIGNER, origin)])
        assert await log.published() == []


@pytest.mark.connected
async def test_the_key_of_a_protected_log_is_changed_with_the_one_that_it_is_derived_from(migrated: Migrated) -> None:
    async with instances(migrated) as log:
        origin = f"{ORIGIN}/{PROTECTED}"
        old, new = (Signing.held(SIGNER, protected=[each]).verifier(origin) for each in (SIGNER, NEW))
        await log.take(Signing.held(SIGNER, overlap=OVERLAP), PROTECTED)
        note = await log.take(Signing.held(SIGNER, protected=[NEW, SIGNER], overlap=OVERLAP), PROTECTED)
        assert keys_of(note) == sorted([old.key_id, new.key_id])
        [told] = await log.published()
        assert (told.log, told.vkey, told.previous, told.previous_valid_to) == (
            origin,
            new.vkey,
            old.vkey,
            NOON + OVERLAP,
        )


@pytest.mark.connected
async def test_a_protected_log_from_before_goes_over_to_its_own_key_at_once(migrated: Migrated) -> None:
    """An entry of the log says so. Under two signatures each checkpoint would go on saying whose log it is."""
    async with instances(migrated) as log:
        origin = f"{ORIGIN}/{PROTECTED}"
        before = OneKeyForAll.held(SIGNER, overlap=OVERLAP)
        assert keys_of(await log.take(before, PROTECTED)) == [key(SIGNER, origin).key_id]
        after = Signing.held(SIGNER, overlap=OVERLAP)
        own = after.verifier(origin)
        for _ in range(2):
            assert keys_of(await log.take(after, PROTECTED)) == [own.key_id]
        [told] = await log.published()
        assert (told.vkey, told.previous, told.previous_valid_to) == (own.vkey, key(SIGNER, origin).vkey, NOON)
        with pytest.raises(RetiredKeyError):
            await log.take(before, PROTECTED)


@pytest.mark.connected
async def test_without_a_key_to_derive_from_nothing_is_signed_for_a_protected_case(migrated: Migrated) -> None:
    async with instances(migrated) as log:
        keys = Signing([HeldKey(SIGNER)])
        await log.take(keys)
        with pytest.raises(SigningRefusedError, match="no key to derive"):
            await log.take(keys, PROTECTED)


# --- a signing service in another process -----------------------------------------------------------------------------


@dataclass
class Transit:
    """The server, and how to reach it."""

    url: str
    socket: str | None
    process: subprocess.Popen[str]

    async def open(self, **changed: str) -> Signing:
        token = SecretStr(changed.get("token", TOKEN))
        return await open_transit(self.url, changed.get("name", NAME), token=token, socket=self.socket, overlap=OVERLAP)

    async def post(self, path: str, **body: object) -> None:
        transport = httpx.AsyncHTTPTransport(uds=self.socket)
        async with httpx.AsyncClient(transport=transport, headers={"X-Vault-Token": TOKEN}) as http:
            answer = await http.post(httpx.URL(self.url).join(path), json=body)
            answer.raise_for_status()


@pytest.fixture(params=["tcp", "unix"])
def transit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transit]:
    """A real server, over TCP and over a Unix socket."""
    where = "0" if request.param == "tcp" else str(tmp_path / "sign")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.transit_server", where], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = process.stdout.readline().strip()
    if request.param == "tcp":
        yield Transit(f"http://127.0.0.1:{told}/v1/transit", None, process)
    else:
        yield Transit("http://transit/v1/transit", told, process)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.connected
@pytest.mark.story(23)
async def test_the_private_key_is_in_another_process(migrated: Migrated, transit: Transit) -> None:
    """The log is signed through it, rotated by it, and its versions are the keys of the log."""
    async with instances(migrated) as log:
        first = await transit.open()
        one = first.verifier(LOG)
        open_note((await log.take(first)).encode(), [one])
        assert not any(isinstance(value, Signer) for each in first._keys for value in vars(each).values())
        await transit.post(f"/v1/transit/keys/{NAME}/rotate")
        second = await transit.open()
        assert second.verifiers(LOG)[1] == one
        note = await log.take(second)
        for verifier in second.verifiers(LOG):
            open_note(note.encode(), [verifier])
        await transit.post(f"/v1/transit/keys/{NAME}/config", min_encryption_version=2)
        with pytest.raises(SigningRefusedError):
            await log.take(first)  # an instance that was not restarted asks for a version that signs no more
        third = await transit.open()
        assert third.verifiers(LOG) == (second.verifier(LOG),)
        assert signers_of(await log.take(third)) == 1
        [announced] = await log.published()
        assert (announced.previous, announced.vkey) == (one.vkey, third.verifier(LOG).vkey)
        for each in (first, second, third):
            await each.stop()


async def test_what_it_answers_is_not_believed(transit: Transit) -> None:
    """A signature of another key or over another text, no JSON, no key of ours, no access: refused by what it is."""
    signing = await transit.open()
    text = f"{LOG}\n0\n{'A' * 43}=\n"
    open_note((await signing.sign(LOG, text)).encode(), [signing.verifier(LOG)])
    for mode in ("another-message", "another-version", "garbage"):
        await transit.post("/misbehave", mode=mode)
        with pytest.raises(SigningRefusedError):
            await signing.sign(LOG, text)
    with pytest.raises(SigningRefusedError):
        await transit.open()  # garbage still
    await transit.post("/misbehave", type="rsa-2048")
    with pytest.raises(SigningRefusedError, match="ed25519"):
        await transit.open()
    await transit.post("/misbehave", mode="sealed")
    for attempt in (signing.sign(LOG, text), transit.open()):
        with pytest.raises(SigningUnavailableError):
            await attempt
    await transit.post("/misbehave")
    for changed in ({"token": "another"}, {"name": "another"}):
        with pytest.raises(SigningRefusedError):
            await transit.open(**changed)
    await signing.sign(LOG, text)
    transit.process.kill()
    await asyncio.to_thread(transit.process.wait)
    with pytest.raises(SigningUnavailableError):
        await signing.sign(LOG, text)
    await signing.stop()


# --- settings and files -----------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in (
        ("DATABASE_URL", "postgresql://x"),
        ("KAFKA_BOOTSTRAP_SERVERS", "x:1"),
        ("OIDC_ISSUER", "http://x"),
        ("PID_KEY", "x" * 32),
    ):
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_key_file_that_others_may_read_is_refused(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As ssh refuses one; a group may read it, as Kubernetes has it."""
    file = tmp_path / "audit.key"
    file.write_text(f"{SIGNER.skey()}\n")
    environment.setenv("AUDIT_SIGNING_KEY_FILE", str(file))
    for mode in (0o600, 0o400, 0o440, 0o640):
        file.chmod(mode)
        assert AuditSettings().signers[0].verifier == SIGNER.verifier
    for mode in (0o644, 0o604, 0o660, 0o602, 0o610, 0o777):
        file.chmod(mode)
        with pytest.raises(SettingsFileError, match="AUDIT_SIGNING_KEY_FILE names a file that is not private"):
            AuditSettings()
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, 12345, 0)
        with pytest.raises(SettingsFileError, match="not private"):
            AuditSettings()


def test_one_way_of_signing(environment: pytest.MonkeyPatch) -> None:
    """A key or a signing service, not both and not none; no key twice; and no message repeats a key."""
    with pytest.raises(ValidationError, match="either AUDIT_SIGNING_KEY or AUDIT_TRANSIT_URL"):
        AuditSettings()
    environment.setenv("AUDIT_TRANSIT_URL", "https://vault.example.no/v1/transit")
    with pytest.raises(ValidationError, match="AUDIT_TRANSIT_URL needs AUDIT_PROTECTED_KEY"):
        AuditSettings()
    environment.setenv("AUDIT_PROTECTED_KEY", NEW.skey())
    assert AuditSettings().signers == ()
    assert [each.verifier for each in AuditSettings().protected_signers] == [NEW.verifier]
    environment.setenv("AUDIT_PROTECTED_KEY", f"PRIVATE+KEY+{NEW.skey()[-60:]}")
    with pytest.raises(ValidationError) as refused:
        AuditSettings()
    assert NEW.skey()[-20:] not in str(refused.value)
    environment.delenv("AUDIT_PROTECTED_KEY")
    environment.setenv("AUDIT_SIGNING_KEY", SIGNER.skey())
    with pytest.raises(ValidationError, match="either"):
        AuditSettings()
    environment.delenv("AUDIT_TRANSIT_URL")
    environment.setenv("AUDIT_SIGNING_KEY", f"{NEW.skey()}\n{SIGNER.skey()}")
    assert [each.verifier for each in AuditSettings().signers] == [NEW.verifier, SIGNER.verifier]
    for wrong in (f"{SIGNER.skey()}\n{SIGNER.skey()}", f"{NEW.skey()}\nPRIVATE+KEY+{SIGNER.skey()[-60:]}"):
        environment.setenv("AUDIT_SIGNING_KEY", wrong)
        with pytest.raises(ValidationError) as refused:
            AuditSettings()
        assert SIGNER.skey()[-20:] not in str(refused.value)


def test_rotate_key_puts_a_new_key_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file stays its owner's alone; the old keys follow, byte for byte."""
    file = tmp_path / "audit.key"
    file.write_text(f"{SIGNER.skey()}\n")
    file.chmod(0o600)
    for count in (2, 3):
        before = file.read_text()
        assert operate(["rotate-key", str(file)]) == 0
        lines = file.read_text().splitlines()
        assert len(set(lines)) == count
        assert "\n".join(lines[1:]) + "\n" == before
        told = capsys.readouterr().out.split()
        assert told == [Signer.parse(line).verifier.vkey for line in lines]
        assert Signer.parse(lines[0]).verifier.name == ORIGIN
        assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    file.write_text("")
    assert operate(["rotate-key", str(file)]) == 2
    assert operate(["rotate-key", str(tmp_path / "nowhere")]) == 2


_ = datetime  # for the annotations of frozen dataclasses above
