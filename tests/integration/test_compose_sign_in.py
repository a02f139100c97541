"""In the compose file the auditor can sign in to the pages: the settings fit each other, the issuer's file and its server."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from services.audit.settings import AuditSettings
from tests.integration.audit_world import SIGNER
from tests.unit.test_docs import ROOT

COMPOSE: Final = ROOT / "docker-compose.yml"
_VARIABLE: Final = re.compile(r"\$\{(\w+)(:?)-([^}]*)\}")


def services(**environment: str) -> dict[str, Any]:
    """Return the file's services as compose reads them in this environment."""

    def value(match: re.Match[str]) -> str:
        name, or_empty, default = match.groups()
        given = environment.get(name)
        return default if given is None or (or_empty and not given) else given

    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(value, COMPOSE.read_text(encoding="utf-8")))["services"]
    return found


def published(service: dict[str, Any]) -> dict[str, str]:
    """Return which port of this machine leads to which of the container's."""
    return {port.split(":")[1]: port.split(":")[2] for port in service["ports"]}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> AuditSettings:
    """The audit service's settings, but for its key files."""
    for name, value in services()["audit"]["environment"].items():
        if not name.endswith("_FILE"):
            monkeypatch.setenv(name, "" if value is None else str(value))
    monkeypatch.setenv("AUDIT_SIGNING_KEY", SIGNER.skey())
    for name in ("VAULT_KEY", "LOOKUP_KEY", "PID_KEY"):
        monkeypatch.setenv(name, "a" * 32)
    return AuditSettings()


def test_a_browser_and_the_services_reach_the_issuer_under_one_address(audit: AuditSettings) -> None:
    """The address is in every token. A name under `.localhost` is this machine's for a browser (RFC 6761 § 6.3)."""
    issuer, identity = urlsplit(audit.oidc_issuer), services()["identity"]
    assert issuer.hostname is not None
    assert issuer.hostname.endswith(".localhost")
    assert identity["networks"]["lagspill"]["aliases"] == [issuer.hostname]
    assert published(identity) == {str(issuer.port): str(identity["environment"]["SERVER_PORT"])}
    assert issuer.port == identity["environment"]["SERVER_PORT"]
    for name in ("cases", "meetings", "notify", "audit", "neighbour", "story"):
        assert services()[name]["environment"]["OIDC_ISSUER"] == audit.oidc_issuer


def test_the_pages_client_is_one_that_the_issuer_knows_and_the_browser_comes_back(audit: AuditSettings) -> None:
    [volume] = services()["identity"]["volumes"]
    known = json.loads((ROOT / volume.split(":")[0]).read_text(encoding="utf-8"))
    [callback] = known["tokenCallbacks"]
    assert callback["issuerId"] == urlsplit(audit.oidc_issuer).path.strip("/")
    [claims] = [each["claims"] for each in callback["requestMappings"] if each["match"] == audit.pages_client_id]
    assert {audit.oidc_audience, audit.pages_client_id} <= set(claims["aud"])
    assert claims["lagspill_roles"] == ["auditor"]
    assert audit.pages_client_secret is None
    assert audit.pages_url is not None
    assert str(urlsplit(audit.pages_url).port) in published(services()["audit"])
    assert urlsplit(audit.pages_url).hostname == "127.0.0.1"


def test_a_real_issuer_is_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    real = services(OIDC_ISSUER="https://login.example.no", PAGES_CLIENT_ID="", PAGES_URL="https://audit.example.no")[
        "audit"
    ]["environment"]
    assert (real["OIDC_ISSUER"], real["PAGES_URL"]) == ("https://login.example.no", "https://audit.example.no")
    assert not real["PAGES_CLIENT_ID"]


@pytest.mark.connected
async def test_the_issuer_calls_itself_what_it_is_called(oidc: str, audit: AuditSettings) -> None:
    """So the same server is `identity.localhost` for everybody: its issuer, and where it sends the browser."""
    asked = urlsplit(audit.oidc_issuer).netloc
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.get(f"{oidc}/.well-known/openid-configuration", headers={"Host": asked})
    said = answer.json()
    path = urlsplit(oidc).path
    assert said["issuer"] == f"http://{asked}{path}"
    assert said["authorization_endpoint"].startswith(f"http://{asked}{path}/")
    assert said["token_endpoint"].startswith(f"http://{asked}{path}/")
