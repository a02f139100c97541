"""NAV's mock-oauth2-server: a real OIDC issuer with real signatures, whose users are the story's people.

Its signing key comes with its jar: anybody can forge its tokens. It stands on a developer's machine and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from deploy.local.errors import plain_errors
from deploy.local.jars import JarCache, Progress, locked
from deploy.local.java import find_java
from deploy.local.process import HOST, LineSink, Server, require_free_port, says_it_is_well

REALM: Final = "lagspill"
IDENTITIES: Final = Path(__file__).with_name("identities.json")


class _Mapping(BaseModel):
    match: str
    claims: Mapping[str, str | list[str]]


class _Callback(BaseModel):
    requestMappings: list[_Mapping]  # noqa: N815 - the server's own name


class _Identities(BaseModel):
    tokenCallbacks: list[_Callback]  # noqa: N815 - the server's own name


def claims_of(client: str, identities: Path = IDENTITIES) -> Mapping[str, str | list[str]]:
    """Return the claims in the tokens of `client`.

    Raises:
        KeyError: there is no such client.
    """
    file = _Identities.model_validate_json(identities.read_bytes())
    return {mapping.match: mapping.claims for callback in file.tokenCallbacks for mapping in callback.requestMappings}[
        client
    ]


class IdentityServer(Server):
    """One OIDC issuer.

    Args:
        port: where it listens, on 127.0.0.1 only.
        identities: the file that names its clients and their claims.
    """

    stop_within = 5.0

    def __init__(
        self,
        port: int,
        *,
        log: Path,
        sink: LineSink | None = None,
        jars: JarCache | None = None,
        progress: Progress = lambda _: None,
        identities: Path = IDENTITIES,
    ) -> None:
        super().__init__("identity", log=log, sink=sink)
        self.port = port
        self._jars = jars or JarCache()
        self._progress = progress
        self._identities = identities

    @property
    def issuer(self) -> str:
        """The exact `iss` of its tokens; discovery lies under it."""
        return f"http://{HOST}:{self.port}/{REALM}"

    def prepare(self) -> None:
        """Fetch the jars.

        Raises:
            LocalError: the port is taken, there is no Java, or a jar cannot be had.
        """
        require_free_port("The OIDC server", self.port, "LAGSPILL_OIDC_PORT")
        with plain_errors(self._jars.folder):
            self._jars.fetch(locked("identity"), self._progress)

    def command(self) -> list[str]:
        """Return the server's command line."""
        classpath = ":".join(str(jar) for jar in self._jars.fetch(locked("identity")))
        main = "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"
        return [str(find_java()), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath, main]

    def environment(self) -> dict[str, str]:
        """Return its settings."""
        return {"SERVER_HOSTNAME": HOST, "SERVER_PORT": str(self.port), "JSON_CONFIG_PATH": str(self._identities)}

    def ready(self) -> bool:
        """Tell whether it answers with its discovery document."""
        return says_it_is_well(f"{self.issuer}/.well-known/openid-configuration", seconds=2)
