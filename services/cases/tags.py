"""The version of a case as its family and other services meet it, and of a request as the asked meet it, for ETag and If-Match.

A case's own version counts everything that happens in it: also a report that a guardian may not know of, and what the other
guardian answered. So to the family a version is a digest of what it is told: it changes when that does, and then only. And a
service that is asked anonymously, and sees cases of its own by consent, would know the case that it is not told by its version:
to a service that sees a part of a case its version is a digest of that part (seed rules 2, 82, 106, 116).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from services.cases.domain import reports
from services.cases.domain.access_table import NARROW, TABLE
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import LanguageNeed
from services.cases.domain.kept import DocumentState, RecordState
from services.cases.domain.relations import relations
from services.cases.domain.shown import reached
from services.cases.domain.state import CaseState
from services.cases.domain.told import as_told
from services.cases.views import CaseView
from services.cases.views_team import AskedView, ContributionView, ReportView
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory

DIGITS: Final = 17
WHOLE: Final = frozenset(
    {Relation.HOLDER, Relation.LAST_HOLDER, Relation.HOLDER_ELSEWHERE, Relation.LEADER, Relation.PROTECTED_WATCH}
)
"""Whose case it is: they meet its own version, which counts every event."""


class _Told(Model):
    """All that a reader of the family can be told of without the vault being opened."""

    view: CaseView
    identity_version: int
    records: tuple[RecordState, ...]
    documents: tuple[DocumentState, ...]
    languages: tuple[LanguageNeed, ...]
    reports: tuple[ReportView, ...]


class _Shown(Model):
    """All that another service, by what it is to the case, can be shown of it without the vault being opened."""

    view: CaseView | None
    """None to whoever is told of one request or report and else of nothing."""
    identity_version: int | None
    records: tuple[RecordState, ...]
    documents: tuple[DocumentState, ...]
    languages: tuple[LanguageNeed, ...]
    contributions: tuple[ContributionView, ...]
    reports: tuple[ReportView, ...]


def version_for(state: CaseState, version: int, acting: Acting | None, now: datetime) -> int:
    """Return what `acting` meets as the version of the case `state`, which is the case as it is, at its own `version`.

    That is its own to the unit that has it, to what runs by itself and to service accounts; to the family, and to everybody else
    who sees a part of it, a digest of that part.
    """
    if acting is None or state.case is None or acting.kind == "service_account":
        return version
    if acting.kind in {"guardian", "child"}:
        told = as_told(state, acting, now)
        # Who is none of the family any more is told the state as it is, by whatever else it is to the case: nothing.
        return told_version(told, acting, now)
    held = relations(state, acting, now)
    home = None if state.holding is None else state.holding.party.unit
    if WHOLE & {*held} or (Relation.COORDINATOR in held and home is not None and home == acting.unit):
        return version
    return _shown_version(state, acting, now, held)


def _shown_version(state: CaseState, acting: Acting, now: datetime, held: list[Relation]) -> int:
    wide = [one for one in held if one not in NARROW]
    may = {action for one in wide for action in TABLE[one]}
    kinds = reached(state, acting, now)
    asks = Action.SEE_CONTRIBUTION in may
    contributions = [ContributionView.of(state, ref) for ref in state.around.contributions] if asks else []
    return _digest(
        _Shown(
            view=CaseView.seen(state, acting, now) if wide else None,
            identity_version=state.identity_version if InformationCategory.IDENTITY in kinds else None,
            records=tuple(one for one in state.records.values() if one.category in kinds),
            documents=tuple(one for one in state.documents.values() if one.category in kinds),
            languages=state.around.languages if Action.READ_LANGUAGE in may else (),
            contributions=tuple(contributions),
            reports=tuple(ReportView.of(state.case, one) for one in reports.visible(state, acting, now)),
        )
    )


def told_version(state: CaseState, acting: Acting, now: datetime) -> int:
    """Return a number that is another one when what `acting` is told is; `state` is the case as it is told (`told.py`)."""
    told = _Told(
        view=CaseView.seen(state, acting, now),
        identity_version=state.identity_version,
        records=tuple(state.records.values()),
        documents=tuple(state.documents.values()),
        languages=state.around.languages,
        reports=tuple(ReportView.of(state.case, one) for one in reports.visible(state, acting, now)),
    )
    return _digest(told)


def asked_version(view: AskedView) -> int:
    """Return a number that is another one when what the asked service is told of the request is, and tells nothing of the case."""
    return _digest(view)


def _digest(told: Model) -> int:
    digest = hashlib.sha256(_in_order(told.model_dump(mode="json")).encode()).digest()
    return 1 + int.from_bytes(digest) % (10**DIGITS - 1)


def _in_order(value: JsonValue) -> str:
    """Return the same text for the same content: the database keeps no order of keys, and a set has none."""
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{_in_order(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(sorted(_in_order(one) for one in value)) + "]"
        case _:
            return json.dumps(value)
