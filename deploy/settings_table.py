"""Every environment variable, as `docs/settings.md`, from the classes that read them.

python -m deploy.settings_table            writes it
python -m deploy.settings_table --check    writes nothing, and fails when it is out of date
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Final, Literal, get_args, get_origin

from pydantic import AliasChoices, AnyHttpUrl, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_json
from pydantic_settings import BaseSettings

from deploy.local.settings import LocalSettings
from services.audit.settings import AuditSettings
from services.cases.settings import CasesSettings
from services.meetings.settings import MeetingsSettings
from services.notify.settings import NotifySettings
from shared.settings import ServiceSettings

ROOT: Final = Path(__file__).resolve().parents[1]
TABLE: Final = ROOT / "docs" / "settings.md"
SERVICES: Final[Mapping[str, type[ServiceSettings]]] = {
    "cases": CasesSettings,
    "meetings": MeetingsSettings,
    "notify": NotifySettings,
    "audit": AuditSettings,
}
OTHERS: Final[Mapping[str, str]] = {
    "SERVICE": "Which service a container runs: what `lagspill serve` takes when it is given no name.",
    "LAGSPILL_TOKEN": "The auditor's access token, for `lagspill-verify` against a service.",
    "LAGSPILL_MAVEN_MIRROR": "Where `lagspill up` fetches the jars of Kafka and of the identity server: an `https://` address. "
    "Maven Central if unset. The SHA-256 of each is checked, whatever the source.",
    "XDG_CACHE_HOME": "Where those jars are kept; `~/.cache` if unset.",
    "AUDIT_URL": "For `lagspill story`, beside `CASES_URL`, `MEETINGS_URL`, `NOTIFY_URL`: where the audit service is.",
    "WEBHOOK_SECRET": "What webhooks are signed with, for `docs/examples/receiver.py`: the receiver of docs/subscribing.md.",
    "LAGSPILL_TOPICS": "For a subscriber built on `lagspill-client`: other names of topics (`lagspill.cases.v1=trial`, ..).",
    "LAGSPILL_STATE": "For such a subscriber, for trying out: the host and port at which it tells what it did.",
    "LAGSPILL_SUBSCRIPTION": "For such a subscriber, if it acknowledges (and so the next three): the address of its subscription.",
    "LAGSPILL_TOKEN_URL": "Where it gets its tokens.",
    "LAGSPILL_CLIENT_ID": "Its client at the token issuer.",
    "LAGSPILL_CLIENT_SECRET": "The client's secret.",
    "POSTGRES_PASSWORD": "For `docker-compose.yml`: the password of PostgreSQL and of each service's role. Change it.",
    "LAGSPILL_VERSION": "For `docker-compose.yml`: the image's tag; `dev` if unset.",
}
"""What no class of settings reads."""
HEAD: Final = """# Settings

Generated from the code by `python -m deploy.settings_table`; do not edit. [operating.md](operating.md) says how to choose.

A service reads its environment once, at its start. A mistake is one sentence on standard error and exit status 2. An empty
variable counts as unset. Every variable `X` of a service may be given as `X_FILE`, the name of a file that holds the value (at
most 64 KiB); both at once is refused. No `.env` file is ever read. A **secret** is never shown, neither in a log nor in an error.
"""
LOCAL: Final = """## `lagspill up` and `lagspill demo`

An address that is given replaces the embedded part.
"""


def document() -> str:
    """Return the document."""
    parts = [HEAD, "## Every service\n", *_table(ServiceSettings, ServiceSettings.model_fields), ""]
    for name, settings in SERVICES.items():
        own = {
            field: info
            for field, info in settings.model_fields.items()
            if field not in ServiceSettings.model_fields or info.default != ServiceSettings.model_fields[field].default
        }
        parts += [f"## {name}\n", *_table(settings, own), ""]
    parts += [LOCAL, *_table(LocalSettings, LocalSettings.model_fields), ""]
    parts += [
        "## Commands and containers\n",
        "| variable | |",
        "|---|---|",
        *(f"| `{name}` | {told} |" for name, told in OTHERS.items()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def variables() -> frozenset[str]:
    """Return the name of every variable, the `X_FILE` forms included."""
    service = {field.upper() for settings in SERVICES.values() for field in settings.model_fields}
    local = {_variable(LocalSettings, name, field) for name, field in LocalSettings.model_fields.items()}
    return frozenset({*service, *(f"{name}_FILE" for name in service), *local, *OTHERS})


def _table(settings: type[BaseSettings], fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    yield "| variable | form | default | |"
    yield "|---|---|---|---|"
    for name, field in fields.items():
        told = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{_variable(settings, name, field)}` | {_words(field.annotation)} | {_default(field)} | {told} |"


def _variable(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def _words(annotation: object) -> str:
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if get_origin(annotation) is frozenset:
        return "JSON list"
    if parts and len(parts) < len(get_args(annotation)):
        return " or ".join(_words(part) for part in parts)
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return ", ".join(f"`{member.value}`" for member in annotation)
        for kind, words in _FORMS:
            if issubclass(annotation, kind):
                return words
    return "moment (RFC 3339)"


_FORMS: Final[Sequence[tuple[type, str]]] = (
    (SecretStr, "**secret**"),
    (bool, "`1` or `0`"),
    (int, "number"),
    (float, "number"),
    (str, "text"),
    (Path, "path"),
    (AnyHttpUrl, "address"),
    (timedelta, "period (ISO 8601)"),
)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return "`" + value.get_secret_value() + "`: for trying out only"
    if isinstance(value, bool):
        return f"`{int(value)}`"
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT) if value.is_absolute() else value}`"
    return f"`{to_json(value).decode().strip(chr(34))}`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the document; return the exit status (1: it is out of date)."""
    parser = argparse.ArgumentParser(prog="python -m deploy.settings_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the document is out of date")
    asked = parser.parse_args(arguments)
    text = document()
    if not asked.check:
        TABLE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{TABLE.name} written\n")
        return 0
    if not TABLE.exists() or TABLE.read_text(encoding="utf-8") != text:
        sys.stdout.write(f"{TABLE.name}: out of date (run: python -m deploy.settings_table)\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
