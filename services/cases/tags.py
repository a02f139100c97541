"""The version of a case as its family meets it, and of a request as the service that is asked meets it, for ETag and If-Match.

A case's own version counts everything that happens in it: also a report that a guardian may not know of, and what the other
guardian answered. So to the family a version is a digest of what it is told: it changes when that does, and then only. And a
service that is asked anonymously, and sees cases of its own by consent, would know the case that it is not told by its version.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from services.cases.domain import reports
from services.cases.domain.acting import Acting
from services.cases.domain.around import LanguageNeed
from services.cases.domain.kept import DocumentState, RecordState
from services.cases.domain.state import CaseState
from services.cases.views import CaseView
from services.cases.views_team import AskedView, ReportView
from shared.contracts.base import Model

DIGITS: Final = 17


class _Told(Model):
    """All that a reader of the family can be told of without the vault being opened."""

    view: CaseView
    identity_version: int
    records: tuple[RecordState, ...]
    documents: tuple[DocumentState, ...]
    languages: tuple[LanguageNeed, ...]
    reports: tuple[ReportView, ...]


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
