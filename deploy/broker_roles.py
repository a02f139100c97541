"""Who may do what on the broker, as declared in `deploy/broker-roles.yaml`: shown as commands of Kafka's own tool, or made so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import BaseModel, ConfigDict

from shared.plain_yaml import read_yaml

ROLES: Final = Path(__file__).with_name("broker-roles.yaml")


class Resource(IntEnum):
    """What an access rule is about (Kafka protocol, ResourceType)."""

    TOPIC = 2
    GROUP = 3


class Operation(IntEnum):
    """What it allows (Kafka protocol, AclOperation). READ and WRITE let a client describe the resource too."""

    READ = 3
    WRITE = 4


_LITERAL: Final = 3
_ALLOW: Final = 3
_ANY_HOST: Final = "*"


class _Role(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    writes: Sequence[str] = ()
    reads: Sequence[str] = ()
    groups: Sequence[str] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    roles: Mapping[str, _Role]


class Rule(NamedTuple):
    """One thing that one login may do; everything else it may not."""

    principal: str
    operation: Operation
    resource: Resource
    name: str

    def command(self) -> str:
        """Return it as an argument list of `kafka-acls.sh`."""
        return (
            f"--add --allow-principal {self.principal} --operation {self.operation.name.capitalize()}"
            f" --{self.resource.name.lower()} {self.name}"
        )


def declared(prefix: str = "User:", file: Path = ROLES) -> list[Rule]:
    """Return the declared rules; a role's login is called `<prefix><role>`.

    Raises:
        pydantic.ValidationError: the file is not well formed.
    """
    roles = _File.model_validate(read_yaml(file.read_text())).roles
    return [
        Rule(prefix + name, operation, resource, each)
        for name, role in roles.items()
        for operation, resource, names in (
            (Operation.WRITE, Resource.TOPIC, role.writes),
            (Operation.READ, Resource.TOPIC, role.reads),
            (Operation.READ, Resource.GROUP, role.groups),
        )
        for each in names
    ]


async def apply(admin: AIOKafkaAdminClient, rules: Iterable[Rule]) -> int:
    """Add the rules to those that the broker has, and return how many they were; one that is there already stays.

    Raises:
        KafkaError: the broker has no access rules, or does not let this login make them.
    """
    made = 0
    for rule in rules:
        request = CreateAclsRequest(
            rule.resource, rule.name, _LITERAL, rule.principal, _ANY_HOST, rule.operation, _ALLOW
        )
        # aiokafka knows the message, and has no method for it.
        answer = await admin._send_to_controller(request)
        for code, message in answer.creation_responses:
            if code:
                raise for_code(code)(message or "")
        made += 1
    return made
