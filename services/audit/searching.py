"""What a search for entries is asked with: our own parameter names, and those that FHIR R4 has for AuditEvent.

FHIR's names mean here what they mean of the AuditEvents that `/exports` gives: see docs/auditing.md, "Searching".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from starlette.requests import Request

from services.audit.domain import fhir
from services.audit.errors import ParameterConflictError, ParameterValueError
from services.audit.queries import Search
from shared.clock import OSLO
from shared.contracts.access import AccessKind
from shared.contracts.codes import Language
from shared.preferences import preferred_language
from shared.refs import ALPHABET, LENGTH
from shared.web import GivenMoment
from shared.web.models import YEARS

CODE: Final = r"^[a-z0-9-]{2,60}$"
ACTOR: Final = r"^[a-z]{3}_[0-9A-Za-z_-]{8,64}$"
ORGANISATION: Final = r"^[0-9]{9}$"
UNIT: Final = r"^unit:[a-z0-9-]{1,60}$"
TYPE: Final = r"^[a-z0-9.-]{3,120}$"
SOURCE: Final = r"^/services/[a-z][a-z0-9-]{1,30}$"


def ref(prefix: str) -> str:
    """Return the form of references with `prefix`."""
    return rf"^{prefix}_[{ALPHABET}]{{{LENGTH}}}$"


_REFERENCE: Final = r"^([A-Z][A-Za-z]{2,40}/|[^|]{0,200}\|)?[0-9A-Za-z_-]{3,70}$"
"""A FHIR reference: an id, `Type/id`, or the identifier that stands in its place, `system|value`."""
_TOKEN: Final = r"^([^|]{0,200}\|)?[A-Za-z0-9.-]{1,120}$"  # noqa: S105
"""A FHIR token: `code` or `system|code`."""
_DATE: Final = re.compile(
    r"(?P<prefix>eq|ge|gt|le|lt)?(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?P<time>T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_EVENT_TYPE: Final = "no.lagspill."


async def own_search(
    case: Annotated[str | None, Query(pattern=ref("cas"), description="The child's case.")] = None,
    actor: Annotated[str | None, Query(pattern=ACTOR, description="Who did it.")] = None,
    organisation: Annotated[str | None, Query(pattern=ORGANISATION, description="The actor's.")] = None,
    unit: Annotated[str | None, Query(pattern=UNIT, description="The actor's.")] = None,
    kind: Annotated[str | None, Query(pattern=CODE, description="What was done, or `event`, `seal`.")] = None,
    type: Annotated[  # noqa: A002
        str | None,
        Query(pattern=rf"({TYPE})|({_TOKEN})", max_length=330, description="The event's type; or as FHIR has it."),
    ] = None,
    source: Annotated[str | None, Query(pattern=SOURCE, description="The service that published it.")] = None,
    basis: Annotated[str | None, Query(pattern=CODE, description="The legal basis's code.")] = None,
    consent: Annotated[str | None, Query(pattern=ref("cst"))] = None,
    meeting: Annotated[str | None, Query(pattern=ref("mtg"))] = None,
    permitted: Annotated[bool | None, Query(description="Whether it was permitted.")] = None,
    since: Annotated[GivenMoment | None, Query(description="Happened at this moment or later.")] = None,
    until: Annotated[GivenMoment | None, Query(description="Happened before this moment.")] = None,
    logged_since: Annotated[GivenMoment | None, Query(description="Came into the log then or later.")] = None,
    logged_until: Annotated[GivenMoment | None, Query(description="Came into the log before then.")] = None,
) -> Search:
    """Return the search that our own parameters ask for."""
    return Search(
        case=case,
        actor=actor,
        organisation=organisation,
        unit=unit,
        kind=kind,
        type=type,
        source=source,
        basis=basis,
        consent=consent,
        meeting=meeting,
        permitted=permitted,
        since=since,
        until=until,
        logged_since=logged_since,
        logged_until=logged_until,
    )


async def asked_search(
    own: Annotated[Search, Depends(own_search)],
    patient: Annotated[str | None, Query(pattern=_REFERENCE, description="FHIR: `case`.")] = None,
    patient_identifier: Annotated[
        str | None, Query(alias="patient:identifier", pattern=_REFERENCE, description="FHIR: `case`.")
    ] = None,
    entity: Annotated[
        str | None, Query(pattern=_REFERENCE, description="FHIR: `case`, `consent` or `meeting`, by its form.")
    ] = None,
    agent: Annotated[
        str | None, Query(pattern=_REFERENCE, description="FHIR: `actor`, or nine digits: `organisation`.")
    ] = None,
    action: Annotated[str | None, Query(pattern=_TOKEN, description="FHIR: R, U or E.")] = None,
    subtype: Annotated[str | None, Query(pattern=_TOKEN, description="FHIR: an interaction, or `kind`.")] = None,
    outcome: Annotated[str | None, Query(pattern=_TOKEN, description="FHIR: 0 is permitted, 4 refused.")] = None,
    policy: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9:_-]{2,100}$", description="FHIR: `consent` or `basis`, by its form.")
    ] = None,
    date: Annotated[
        list[str] | None,
        Query(max_length=2, description="FHIR: ge, gt, le, lt or eq before a day in Norway or a moment."),
    ] = None,
) -> Search:
    """Return the search that is asked for, by whichever names.

    Raises:
        ParameterConflictError: the same is asked for by our name and by FHIR's, or by two of FHIR's.
        ParameterValueError: a value of FHIR's means nothing here.
    """
    asked = _Asked(own)
    for name, reference in (("patient", patient), ("patient:identifier", patient_identifier)):
        if reference is not None:
            asked.set(name, case=_referred(name, reference, {"case": ref("cas")})["case"])
    if entity is not None:
        forms = {"case": ref("cas"), "consent": ref("cst"), "meeting": ref("mtg")}
        asked.set("entity", **_referred("entity", entity, forms))
    if agent is not None:
        asked.set("agent", **_referred("agent", agent, {"actor": ACTOR, "organisation": ORGANISATION}))
    if policy is not None:
        value = policy.removeprefix("urn:lagspill:basis:").removeprefix("urn:lagspill:consent:")
        asked.set("policy", **_referred("policy", value, {"consent": ref("cst"), "basis": CODE}))
    if outcome is not None:
        asked.set("outcome", permitted=_outcome(outcome))
    asked.kinds({"action": action, "subtype": subtype})
    if date:
        asked.dates(date)
    return asked.search


class _Asked:
    """A search that FHIR's parameters are added to, each only where nothing stands yet."""

    def __init__(self, own: Search) -> None:
        self.search = own

    def set(self, name: str, **fields: Any) -> None:
        """Take what `name` gives; raises ParameterConflictError where that was asked for already."""
        if any(getattr(self.search, field) is not None for field in fields):
            raise ParameterConflictError(name)
        self.search = replace(self.search, **fields)

    def kinds(self, given: Mapping[str, str | None]) -> None:
        """Take what FHIR's type, subtype and action have in common."""
        tokens = {name: value for name, value in given.items() if value is not None}
        if self.search.type is not None and not self.search.type.startswith(_EVENT_TYPE):
            tokens["type"] = self.search.type
            self.search = replace(self.search, type=None)
        if not tokens:
            return
        named = set(AccessKind)
        for name, token in tokens.items():
            kinds = _KINDS[name](token)
            if not kinds:
                raise ParameterValueError(name)
            named &= kinds
        if self.search.kind is not None:
            raise ParameterConflictError(next(iter(tokens)))
        self.search = replace(self.search, kinds=tuple(sorted(kind.value for kind in named)))

    def dates(self, given: list[str]) -> None:
        """Take the period that FHIR's dates give."""
        for text in given:
            since, until = _period(text)
            self.set("date", **{name: value for name, value in (("since", since), ("until", until)) if value})


_KINDS: Final[Mapping[str, Callable[[str], frozenset[AccessKind]]]] = {
    "type": fhir.kinds_of_type,
    "subtype": fhir.kinds_of_subtype,
    "action": fhir.kinds_of_action,
}


def _referred(name: str, reference: str, forms: Mapping[str, str]) -> dict[str, str]:
    """Return which field the reference is of, by its form, and its value there."""
    value = re.split(r"[/|]", reference)[-1]
    field = next((field for field, form in forms.items() if re.fullmatch(form, value)), None)
    if field is None:
        raise ParameterValueError(name)
    return {field: value}


def _outcome(token: str) -> bool:
    match token.rpartition("|")[2]:
        case fhir.SUCCESS:
            return True
        case fhir.REFUSED:
            return False
        case _:
            raise ParameterValueError("outcome")


def _period(text: str) -> tuple[datetime | None, datetime | None]:
    """Return from when and until before when a FHIR date asks; a day is a day in Norway."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ParameterValueError("date")
    try:
        if match["time"] is None:
            day = date.fromisoformat(match["day"])
            first, after = (_midnight(each) for each in (day, day + timedelta(days=1)))
        else:
            first = datetime.fromisoformat(match["day"] + match["time"]).astimezone(UTC)
            after = first + _step(match["time"])
    except (ValueError, OverflowError):
        raise ParameterValueError("date") from None
    if first.year not in YEARS:
        raise ParameterValueError("date")
    match match["prefix"]:
        case "ge":
            return first, None
        case "gt":
            return after, None
        case "lt":
            return None, first
        case "le":
            return None, after
        case _:
            return first, after


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC)


def _step(time: str) -> timedelta:
    """Return how long a moment is that is written so exactly: FHIR's dates are the period that they name."""
    digits = re.match(r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(?:\.([0-9]{1,6}))?)?", time)
    if digits is None or digits[1] is None:
        return timedelta(minutes=1)
    return timedelta(seconds=1) if digits[2] is None else timedelta(microseconds=10 ** (6 - len(digits[2])))


async def asked_language(
    request: Request,
    lang: Annotated[Language | None, Query(description="Of the sentences; else Accept-Language, else Bokmål.")] = None,
) -> Language:
    """Return the language in which whoever asks wants to read."""
    return lang or preferred_language(request.headers.get("accept-language", ""))


AskedSearch = Annotated[Search, Depends(asked_search)]
"""The query parameters of a search."""
AskedLanguage = Annotated[Language, Depends(asked_language)]
"""The parameter `lang`, or the header Accept-Language."""
