"""Two deployments of the audit service, composed as they are served: each other's witness, and what outsiders are told of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from html import unescape

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from services.audit.app import SERVICE
from services.audit.domain.note import Note
from services.audit.domain.policy import Policy
from services.audit.domain.proof import InclusionProof
from services.audit.pages.rendering import oslo
from services.audit.pages.texts import TABLES
from services.audit.settings import AuditSettings
from shared.clock import SimulatedClock
from shared.contracts.codes import Language
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import SIGNER, Publisher
from tests.integration.witness_world import OURS, Asking, asking, cosigner

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

WATCHED = f"# Notodden\n{OURS.verifier.vkey}\n\n{SIGNER.named('lagspill.no/logs/unparsable').verifier.vkey}  # and what is no event\n"


@pytest.fixture
async def witness(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """Skien's deployment, which watches Notodden's log."""
    told = {"audit_witness_key": SecretStr(cosigner("skien").skey()), "audit_watched_logs": WATCHED}
    async with audit_service(migrated, issuer, clock, told=told) as served:
        yield served


def rule(witness: Served) -> str:
    """Notodden's policy."""
    return f"witness skien {cosigner('skien').key.vkey} {witness.address}/witness\nquorum skien\n"


@pytest.fixture
async def audit(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, witness: Served
) -> AsyncIterator[Served]:
    """Notodden's deployment, which asks Skien."""
    async with audit_service(migrated, issuer, clock, told={"audit_witness_policy": rule(witness)}) as served:
        yield served


@pytest.fixture
async def asks(audit: Served, witness: Served) -> AsyncIterator[Asking]:
    """What asks Skien for Notodden's log."""
    async with httpx.AsyncClient(verify=TRUST) as http:
        yield asking(audit.world, http, rule(witness))


async def test_a_checkpoint_is_served_when_it_is_witnessed(audit: Served, witness: Served, asks: Asking) -> None:
    publisher = Publisher()
    assert (await audit.get("/logs/4005/checkpoint")).json()["code"] == "log-unknown"
    await audit.world.take(*publisher.reads(7))
    early = await audit.get("/logs/4005/checkpoint")
    assert (early.status_code, early.json()["code"], early.headers["retry-after"]) == (
        404,
        "checkpoint-unwitnessed",
        "1",
    )
    assert (await audit.get("/logs/4005/checkpoint/latest")).text.split("\n")[1] == "7"
    assert [(view["cosigned_size"], view["trouble"]) for view in (await audit.get("/logs/4005/witnesses")).json()] == [
        (None, None)
    ]

    assert await asks.ask() == {"skien": None}
    policy = Policy.parse((await audit.get("/logs/4005/policy")).content)
    assert policy.logs[0].key == OURS.verifier
    shown = await audit.get("/logs/4005/checkpoint")
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert policy.evaluate(shown.content).met
    (view,) = (await audit.get("/logs/4005/witnesses")).json()
    assert (view["name"], view["cosigned_size"], view["trouble"]) == ("skien", 7, None)
    assert witness.address not in str(view)

    # It stays until the next one is witnessed.
    await audit.world.take(*publisher.reads(3))
    assert (await audit.get("/logs/4005/checkpoint")).content == shown.content
    assert not policy.evaluate((await audit.get("/logs/4005/checkpoint/latest")).content).met
    await asks.ask()
    assert policy.evaluate((await audit.get("/logs/4005/checkpoint")).content).checkpoint.size == 10


async def test_the_log_s_page_lists_its_witnesses_and_what_is_wrong_with_one(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, witness: Served
) -> None:
    """Three: one that cosigns, one that is away, and one that was never told of this log. What each has cosigned, and when."""
    strange = f"witness tinn {cosigner('tinn').key.vkey} {witness.address}/nothing-here\n"
    lines = f"witness kragero {cosigner('kragero').key.vkey} http://127.0.0.1:9\n{strange}{rule(witness)}"
    async with (
        audit_service(migrated, issuer, clock, told={"audit_witness_policy": lines}) as audit,
        httpx.AsyncClient(verify=TRUST) as http,
    ):
        asks, publisher = asking(audit.world, http, lines), Publisher()
        await audit.world.take(*publisher.reads(7))
        for language in Language:
            said, header = TABLES[language], {"accept-language": language}
            page = (await audit.http.get("/pages/log/4005", headers=header)).text
            assert said["log.no_witness"] in page
            for name in ("skien", "kragero", "tinn"):
                assert f"<li><code>{name}</code>: {said['log.never']}</li>" in page
        told = await asks.ask()
        assert told["skien"] is None
        assert (told["kragero"], told["tinn"]) == ("unavailable", "wrong-answer")
        (at,) = [
            view["cosigned_at"] for view in (await audit.get("/logs/4005/witnesses")).json() if view["cosigned_at"]
        ]
        for language in Language:
            said, header = TABLES[language], {"accept-language": language}
            answer = await audit.http.get("/pages/log/4005", headers=header)
            assert answer.status_code == 200
            cosigned = said["log.cosigned"].format(size=7, at=oslo(datetime.fromisoformat(at)))
            assert f"<li><code>skien</code>: {cosigned}</li>" in answer.text
            for name in ("kragero", "tinn"):
                trouble = said[f"log.trouble.{told[name]}"]
                assert (
                    f'<li><code>{name}</code>: {said["log.never"]} <strong class="error">{trouble}</strong></li>'
                    in answer.text
                )
            assert said["log.some_witnesses"] in answer.text
            assert f"<li><code>{cosigner('skien').key.name}</code></li>" in answer.text
            assert witness.address not in answer.text
            shown = unescape(re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", answer.text, re.DOTALL)[0])
            assert shown == (await audit.get("/logs/4005/checkpoint")).text, (
                "with the cosignature that makes it witnessed"
            )

        # The next one is the newest, and nobody has cosigned that yet.
        await audit.world.take(publisher.read())
        page = (await audit.http.get("/pages/log/4005", headers={"accept-language": "en"})).text
        assert TABLES[Language.EN]["log.no_witness"] in page
        assert re.findall(r"<td>((?:<code>\S+</code>(?:, )?)+)</td>\s<td><code>", page) == [
            f"<code>{OURS.verifier.name}</code>",
            f"<code>{OURS.verifier.name}</code>, <code>{cosigner('skien').key.name}</code>",
        ]


async def test_a_proof_leads_to_a_witnessed_checkpoint_where_it_can(audit: Served, asks: Asking) -> None:
    """So that the file satisfies the policy by itself; the newest entries are proved by the newest checkpoint."""
    publisher = Publisher()
    await audit.world.take(*publisher.reads(7))
    await asks.ask()
    await audit.world.take(*publisher.reads(3))
    policy = Policy.parse((await audit.get("/logs/4005/policy")).content)
    old = InclusionProof.parse((await audit.see("/entries/3"))["proof"])
    verdict = policy.evaluate(old.note.encode())
    assert (verdict.met, verdict.checkpoint.size) == (True, 7)
    new = InclusionProof.parse((await audit.see("/entries/8"))["proof"])
    assert Note.parse(new.note.encode()).text.split("\n")[1] == "10"


async def test_a_deployment_without_a_key_is_no_witness(audit: Served) -> None:
    answer = await audit.http.post("/witness/add-checkpoint", content=b"old 0\n\n")
    assert answer.status_code in (404, 415)


async def test_the_witness_takes_no_token_and_nothing_else_loses_its_own(witness: Served) -> None:
    answer = await witness.http.post("/witness/add-checkpoint", content=b"hello")
    assert (answer.status_code, answer.json()["code"]) == (400, "checkpoint-malformed")
    assert (await witness.get("/entries", log="4005")).status_code == 401
    assert (await witness.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"audit_witness_policy": "quorum nobody\n"},
        {"audit_witness_policy": "witness a b\nquorum a\n"},
        {"audit_witness_key": cosigner("skien").skey()},
        {"audit_watched_logs": OURS.verifier.vkey},
        {"audit_witness_key": SIGNER.skey(), "audit_watched_logs": OURS.verifier.vkey},
        {"audit_witness_key": cosigner("skien").skey(), "audit_watched_logs": "no key"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, str]) -> None:
    """Without the key in the sentence."""
    given = {
        "database_url": "postgresql://nowhere",
        "kafka_bootstrap_servers": "nowhere:9",
        "oidc_issuer": "http://nowhere",
        "pid_key": "p" * 32,
        "audit_signing_key": SIGNER.skey(),
    }
    assert AuditSettings.model_validate(given).witness_policy.witnesses == ()
    with pytest.raises(ValidationError) as refused:
        AuditSettings.model_validate({**given, **wrong})
    assert "PRIVATE" not in str(refused.value).replace("PRIVATE+KEY+", "")
    assert cosigner("skien").skey()[-20:] not in str(refused.value)


def test_topics_have_other_names_on_a_broker_that_two_share() -> None:
    settings = AuditSettings.model_construct(audit_topic_prefix="skien.")
    assert next(settings.called(topic) for topic in SERVICE.topics).startswith("skien.lagspill.")
