"""What the suites of the innsyn report share: entries of one case, and rights to be told of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from services.audit.innsyn.codelists import CodeLists, read_codelists
from services.audit.innsyn.document import Report
from services.audit.innsyn.domain import Counted, Logged, Right, count
from shared.actor_names import ActorNames
from shared.contracts.access import AccessRecorded
from shared.contracts.codes import InformationCategory
from shared.refs import ActorId, InnsynReportRef
from shared.testing.ids import SeededIds

LISTS: Final[CodeLists] = read_codelists(Path(__file__).parents[2] / "deploy" / "codelists")
IDS: Final = SeededIds(22)
CASE: Final = IDS.ref("cas")
ME, OTHER, CHILD, NURSE, SECOND_NURSE = (ActorId(IDS.ref("act")) for _ in range(5))
NAMES: Final = ActorNames(b"a key for people of thirty-two b")
ASKING: Final = UUID("01234567-8901-7345-8789-012345678901")
NOON: Final = datetime(2026, 10, 5, 10, tzinfo=UTC)
CONSENT: Final = {"code": "consent", "version": "2018-07-20"}
HELSESTASJON: Final = {"role": "health-nurse", "service": "helsestasjon", "organisation": "310001058"}
PPT: Final = {"role": "ppt-adviser", "service": "ppt", "organisation": "310001031"}
_positions = itertools.count(1)


def right(**changes: Any) -> Right:
    """What a guardian may be told, unless something else is said."""
    return Right.model_validate(
        {
            "case": CASE,
            "actor": ME,
            "relation": "guardian",
            "log": "4005",
            "address_protected": False,
            "asking": ASKING,
            "left_out": [NAMES.veiled(OTHER, ASKING), NAMES.veiled(CHILD, ASKING)],
            "withheld": [],
            "basis": {"code": "parental-responsibility", "version": "2018-07-20"},
            "language": "nb",
        }
        | changes
    )


def of_child(**changes: Any) -> Right:
    """What the child itself may be told."""
    return right(actor=CHILD, relation="child", left_out=[], language=None, **changes)


def look(
    *,
    by: str = NURSE,
    at: datetime = NOON,
    minutes: float = 0,
    source: str = "/services/cases",
    correlation: UUID | None = None,
    actor: dict[str, Any] | None = None,
    **access: Any,
) -> Logged:
    """A permitted reading by the health nurse, unless something else is said."""
    position = next(_positions)
    data = {
        "subject_ref": CASE,
        "case": CASE,
        "kind": "read",
        "actor": {"id": by, **(HELSESTASJON if actor is None else actor)},
        "categories": ["identity", "language"],
        "purpose": "follow-up",
        "basis": CONSENT,
        "permitted": True,
    }
    return Logged(
        position=position,
        source=source,
        happened=at + timedelta(minutes=minutes),
        correlation=correlation or IDS.event_id(),
        access=AccessRecorded.model_validate(data | access),
        veiled=frozenset({NAMES.veiled(ActorId(by), ASKING)}),
    )


def report(*entries: Logged | None, of: Right | None = None, names: dict[str, str] | None = None) -> Report:
    """A report over these entries."""
    who = of or right()
    return Report.model_validate(
        {
            "report": InnsynReportRef("inn_" + "b" * 26),
            "made_at": NOON,
            "right": who,
            "origin": f"lagspill.no/logs/{who.log}",
            "size": 1234,
            "note": f"lagspill.no/logs/{who.log}\n1234\n{'a' * 43}=\n\n— lagspill.no/logs/{who.log} AAAA\n",
            "signed_at": NOON,
            "counted": counted(*entries, of=who),
            "names": names or {},
        }
    )


def counted(*entries: Logged | None, of: Right | None = None) -> Counted:
    """The rows of these entries."""
    return count(entries, of or right())


HEALTH: Final = frozenset({InformationCategory.HEALTH})
