"""Events made for a trial: as the services make them, of nobody, in a log and in cases that no other run has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from shared.contracts.base import EventData
from shared.contracts.cases import (
    ConsentExpired,
    ConsentGranted,
    ConsentNarrowed,
    ConsentSuspended,
    ConsentWithdrawn,
    EvidenceForm,
    ReassessmentReason,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.envelope import number, sealed
from shared.refs import CaseRef, ConsentRef, Ids, LogScope

SOURCE: Final = "/services/cases"
VERSION: Final = 1
UNKNOWN_TYPE: Final = "no.lagspill.cases.case.folded.v1"
SCOPE: Final = Scope(
    services=frozenset({Service.PPT}),
    categories=frozenset({InformationCategory.LANGUAGE}),
    purposes=frozenset({Purpose.ASSESSMENT}),
)


@dataclass(frozen=True)
class Made:
    """One event, numbered."""

    id: UUID
    case: CaseRef
    consent: ConsentRef
    body: bytes

    @property
    def key(self) -> bytes:
        """The Kafka key."""
        return self.case.encode()


@dataclass
class Maker:
    """Makes events, each with the next numbers."""

    ids: Ids
    now: datetime
    log: LogScope = field(init=False)
    _numbers: int = 0
    _sequences: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Choose a log of this run alone: what it numbers begins at 1."""
        self.log = LogScope(self.ids.ref("prt"))

    def case(self) -> CaseRef:
        """Return a case that nobody has heard of."""
        return CaseRef(self.ids.ref("cas"))

    def granted(self, case: CaseRef, consent: ConsentRef | None = None) -> Made:
        """A consent is granted."""
        found = consent or ConsentRef(self.ids.ref("cst"))
        return self._made(
            ConsentGranted(
                case=case,
                consent=found,
                version=VERSION,
                grantor=GrantorClass.GUARDIAN,
                ordinal=1,
                evidence=EvidenceForm.E_ID,
                active=True,
                scope=SCOPE,
                valid_from=self.now.date(),
                valid_to=(self.now + timedelta(days=200)).date(),
            ),
            case,
            found,
        )

    def withdrawn(self, case: CaseRef, consent: ConsentRef | None = None) -> Made:
        """A consent is withdrawn: what the subscriber acts on."""
        found = consent or ConsentRef(self.ids.ref("cst"))
        data = ConsentWithdrawn(case=case, consent=found, version=VERSION, ended=SCOPE, effective_at=self.now)
        return self._made(data, case, found)

    def other_endings(self) -> list[Made]:
        """A consent of its own is narrowed, one suspended, and one expires: whoever acknowledges owes a receipt of each."""
        narrowed, suspended, expired = ((self.case(), ConsentRef(self.ids.ref("cst"))) for _ in range(3))
        ended, at = SCOPE, self.now
        why = ReassessmentReason.GUARDIAN_CHANGE
        return [
            self._made(
                ConsentNarrowed(
                    case=narrowed[0], consent=narrowed[1], version=VERSION, scope=SCOPE, ended=ended, effective_at=at
                ),
                *narrowed,
            ),
            self._made(
                ConsentSuspended(
                    case=suspended[0], consent=suspended[1], version=VERSION, reason=why, ended=ended, effective_at=at
                ),
                *suspended,
            ),
            self._made(ConsentExpired(case=expired[0], consent=expired[1], version=VERSION, ended=ended), *expired),
        ]

    def of_tomorrow(self, case: CaseRef) -> Made:
        """Something happened that nobody today has a word for."""
        made = self.withdrawn(case)
        document = from_json(made.body)
        document["type"] = UNKNOWN_TYPE
        document["dataschema"] = document["dataschema"].replace(ConsentWithdrawn.TYPE, UNKNOWN_TYPE)
        document["data"] = {"case": case, "folds": 3}
        return replace(made, body=to_json(document))

    def grown(self, case: CaseRef) -> Made:
        """A consent is withdrawn, and it is told with words of tomorrow: an attribute and a field."""
        made = self.withdrawn(case)
        document: dict[str, JsonValue] = from_json(made.body)
        document["foldedtime"] = "tomorrow"
        assert isinstance(document["data"], dict), "an event's data is an object"
        document["data"]["folded"] = [1, {"twice": None}]
        return replace(made, body=to_json(document))

    def _made(self, data: EventData, case: CaseRef, consent: ConsentRef) -> Made:
        self._numbers += 1
        self._sequences[case] += 1
        event_id = self.ids.event_id()
        body = sealed(
            data,
            event_id=event_id,
            source=SOURCE,
            happened=self.now,
            recorded=self.now,
            scope=self.log,
            correlation=self.ids.event_id(),
            sequence=self._sequences[case],
        )
        return Made(event_id, case, consent, number(body, self._numbers))
