"""Who is asking: RFC 9068 access tokens in, an opaque Actor out. A national number does not get past this module."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.access import AccessActor
from shared.contracts.codes import Role, Service
from shared.refs import ALPHABET, LENGTH, ActorId, LogScope, OrganisationNumber, UnitId

ActorKind = Literal["user", "guardian", "child", "service_account"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as far as any rule needs to know: opaque, with an organisational affiliation."""

    id: ActorId
    kind: ActorKind
    roles: frozenset[Role]
    service: Service | None
    unit: UnitId | None
    organisation: OrganisationNumber | None
    municipality: LogScope
    client: str
    acr: str | None

    def access_actor(self, role: Role | None = None) -> AccessActor:
        """Return how access records name this actor; `role` is the one acted in, and may be left out when there is only one."""
        return AccessActor(
            id=self.id,
            role=role or (next(iter(self.roles)) if len(self.roles) == 1 else None),
            service=self.service,
            unit=self.unit,
            organisation=self.organisation,
            client=self.client[:100],
        )


class ActorNames:
    """Makes the opaque actor references: a keyed hash, so that nobody without the key can search for a national number."""

    def __init__(self, key: bytes) -> None:
        """Use `key`, the same in every service, so that an actor has one name everywhere."""
        self._key = key

    def of_pid(self, pid: str) -> ActorId:
        """Return the actor whose national number is `pid`."""
        return self._name(b"pid", pid)

    def of_subject(self, issuer: str, subject: str) -> ActorId:
        """Return the actor that `issuer` calls `subject`."""
        return self._name(b"sub", f"{issuer}\0{subject}")

    def _name(self, kind: bytes, value: str) -> ActorId:
        number = int.from_bytes(hmac.digest(self._key, kind + b"\0" + value.encode(), hashlib.sha256))
        letters = []
        for _ in range(LENGTH):
            number, rest = divmod(number, len(ALPHABET))
            letters.append(ALPHABET[rest])
        return ActorId(_PREFIX + "".join(letters))


_PREFIX: Final = "act_"
