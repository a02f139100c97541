"""Invariant 8: no event, header, key, metric label or log line holds a national number, in any of its forms.

A machine in which everybody has one: a child and guardians with an ordinary form, a D-number (day + 40) and the synthetic ones
(month + 40, + 65, + 80). They act, are recorded and corrected, and ask over HTTP with their numbers where references belong. All
that comes of it is read as somebody on the bus, at the broker or at the operator's desk would: envelopes as the journal seals
and the relay numbers them, keys, headers, the keys of deadlines, metrics as they are scraped, log lines as they are written.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import logging
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Final

import httpx
import structlog
from fastapi import APIRouter
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.cases.domain import (
    care,
    concern,
    consent,
    glass,
    guardianship,
    handover,
    own_family,
    protection,
    recording,
    reports,
)
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.moments import moments_of, moments_of_family
from services.cases.domain.state import CaseState
from services.cases.domain.team_profile import USUAL
from services.cases.errors import CaseError
from shared.actor_names import ActorNames
from shared.auth import Authenticator
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.base import EventData
from shared.contracts.cases import CaseEvent, ConsentEvent, FamilyMark, ForWhom, HandoverRoute, OverrideEvent
from shared.contracts.codes import Area, GrantorClass, InformationCategory, Role
from shared.contracts.safekeeping import GlassReason, GuardianGround, MediaType, ProtectionKind
from shared.envelope import sealed
from shared.errors import NotFoundError
from shared.observability import Metrics, configure_logging, following
from shared.outbox import Row, numbered
from shared.publisher import HEADERS
from shared.refs import (
    CaseRef,
    CaseRefField,
    ConcernRef,
    ConcernReportRef,
    ConsentRef,
    DocumentRef,
    GlassRef,
    HandoverRef,
    LogScope,
    RandomIds,
    RecordRef,
)
from shared.settings import ServiceSettings
from shared.testing.ids import SeededIds
from shared.testing.people import synthetic_number
from shared.web.app import create_app
from tests.unit.cases_town import COLLEAGUE, GLASS_RULES, GROUNDS, HEARING, NURSE, RULES, START, TEACHER, scope
from tests.unit.cases_town import Town as AnyTown

NAMES: Final = ActorNames(b"a key for people of thirty-two b")
FORMS: Final = ("ordinary", "d-number", "plus-40", "plus-65", "plus-80")
SHAPED: Final = re.compile(r"(?<![0-9A-Za-z])(\d\d)(\d\d)\d\d[ .\-–/]?\d{5}(?![0-9A-Za-z])")
"""What could be one: six digits of a day, and five. Longer runs are sequence numbers, shorter ones organisations."""
DAYS: Final = {day + added for day in range(1, 32) for added in (0, 40)}
MONTHS: Final = {month + added for month in range(1, 13) for added in (0, 40, 65, 80)}
log = structlog.get_logger()


def number_in(form: str, born: date, seed: int) -> str:
    """Return a number in this form, whose check digits are those of the synthetic one: no real person has it."""
    made = synthetic_number(born, Random(seed))
    day = born.day + (40 if form == "d-number" else 0)
    month = born.month + {"plus-40": 40, "plus-65": 65, "plus-80": 80}.get(form, 0)
    return f"{day:02}{month:02}{made[4:]}"


@cache
def traces_of(number: str) -> list[str]:
    """Return what would lead to the number: itself, and what anybody could make of every number there is."""
    plain = number.encode()
    digests = [hashlib.new(kind, plain).digest() for kind in ("md5", "sha1", "sha256", "sha512")]
    return [number, base64.b64encode(plain).decode().rstrip("="), plain.hex(), *(one.hex()[:16] for one in digests)]


def looks_like_one(text: str) -> bool:
    """Return whether something in `text` has the shape of a national number, in any form."""
    return any(int(day) in DAYS and int(month) in MONTHS for day, month in SHAPED.findall(text))


def routes() -> APIRouter:
    """Return routes as the services have them; one of them fails with what no log may show."""
    router = APIRouter()

    @router.get("/cases/{case}")
    async def read(case: CaseRefField) -> None:
        raise NotFoundError(f"there is no {case}")

    @router.get("/broken/{what}")
    async def broken(what: str) -> None:
        raise ValueError(f"nobody foresaw {what}")

    return router


METRICS: Final = Metrics()


@cache
def application() -> Callable[..., object]:
    """Return a service's HTTP application, with its edge: made once."""
    setting = {
        "database_url": "postgresql:///unused",
        "kafka_bootstrap_servers": "unused:9092",
        "oidc_issuer": "http://127.0.0.1:1/unused",
        "pid_key": "k" * 32,
    }

    async def ready() -> Sequence[str]:
        return []

    return create_app(
        ServiceSettings.model_validate(setting),
        title="Cases",
        version="1.0.0",
        routers=[routes()],
        clock=None,  # type: ignore[arg-type]
        ids=RandomIds(),
        authenticator=Authenticator("http://127.0.0.1:1/unused", "lagspill", b"k" * 32, httpx.AsyncClient()),
        metrics=METRICS,
        ready=ready,
        public={"/cases/{case}", "/broken/{what}"},
    )


class NumbersMachine(RuleBasedStateMachine):
    """A family and employees with numbers, what they do, and all that others are shown of it."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = SeededIds(5)
        self.numbers: dict[str, str] = {}
        self.state = CaseState()
        self.case = CaseRef(self.ids.ref("cas"))
        self.now = START
        self.published = 0
        self.shown: list[str] = []
        """What anybody outside can read since it was looked at last."""
        self.lines = io.StringIO()
        self.read = 0
        self.labels: set[str] = set()
        """The metrics' labels that were looked at."""
        for series in (METRICS.requests, METRICS.request_seconds, METRICS.refusals, METRICS.published):
            series.clear()
        self.handlers, self.level = logging.getLogger().handlers[:], logging.getLogger().level
        configure_logging("cases", "DEBUG", self.lines)

    @initialize(
        forms=st.permutations(FORMS),
        born=st.dates(date(2009, 1, 1), date(2022, 12, 31)) | st.just(date(2012, 2, 29)),
        seed=st.integers(min_value=0, max_value=2**32),
    )
    def begin(self, forms: Sequence[str], born: date, seed: int) -> None:
        """The child, two guardians and two employees, each with a number in another form."""
        people = ("child", "first", "second", "teacher", "colleague")
        days = (born, date(1980, 5, 17), date(1984, 12, 24), date(1990, 1, 31), date(1971, 8, 1))
        self.numbers = {
            who: number_in(form, day, seed + place)
            for place, (who, form, day) in enumerate(zip(people, forms, days, strict=True))
        }
        self.attempt(self.teacher(), lambda _: self.registered())

    def teacher(self) -> Acting:
        """Return who has the case, known by a number as everybody is."""
        return TEACHER.model_copy(update={"actor": NAMES.of_pid(self.numbers["teacher"])})

    def guardian(self, which: str) -> Acting:
        """Return a guardian."""
        ordinal = 1 if which == "first" else 2
        actor = NAMES.of_pid(self.numbers[which])
        return Acting(actor=actor, kind="guardian", roles=frozenset({Role.GUARDIAN}), guardian=ordinal)

    def family(self) -> list[FamilyMark]:
        """Return the family's marks, as the vault makes them of the numbers."""
        return [
            FamilyMark(
                person="child" if who == "child" else "guardian",
                ordinal=2 if who == "second" else 1,
                marks=(NAMES.family_mark(self.case, NAMES.of_pid(self.numbers[who])),),
            )
            for who in ("child", "first", "second")
        ]

    # --- what leaves --------------------------------------------------------------------------------------------------

    def attempt(self, by: Acting, decide: Callable[[CaseState], Sequence[EventData]]) -> None:
        """Try, and let what happened leave as it does: sealed, numbered, keyed, with its headers; and what is to be done later."""
        try:
            happened = [one for one in decide(self.state) if isinstance(one, CaseEvent)]
        except CaseError as refused:
            METRICS.refusals.labels(refused.code).inc()
            log.info("refused", code=refused.code, error=refused)
            return
        happened = own_family.with_family(happened, self.family())
        self.state = fold(self.state, happened)
        for event in happened:
            self.publish(event, by)
            later = [*moments_of_family(event, self.now)]
            if isinstance(event, ConsentEvent | OverrideEvent):
                later += moments_of(event, self.now, RULES.consent, timedelta(hours=1))
            self.shown += [f"{one.kind} {one.key} {one.due.isoformat()}" for one in later]

    def publish(self, data: EventData, by: Acting) -> None:
        """Publish as journal and relay do."""
        correlation = self.ids.event_id()
        body = sealed(
            data,
            event_id=self.ids.event_id(),
            source="/services/cases",
            happened=self.now,
            recorded=self.now,
            scope=LogScope("4005"),
            correlation=correlation,
            sequence=self.published + 1,
            authtype="user",
            authid=by.actor,
        )
        row = Row(self.published, "4005", data.TOPIC, data.subject.encode(), body, counted=True)
        [record] = numbered([row], {"4005": self.published + 1}).records
        self.published += 1
        self.shown += [record.topic, record.key.decode(), record.value.decode()]
        self.shown += [f"{name}: {value.decode()}" for name, value in HEADERS]
        METRICS.published.labels(record.topic).inc()
        with following(correlation):
            log.info("published", topic=record.topic, count=self.published, scope="4005", subject=data.subject)

    # --- what is done -------------------------------------------------------------------------------------------------

    def registered(self) -> Sequence[EventData]:
        command = concern.RegisterConcern(
            by=self.teacher(),
            case=self.case,
            concern=ConcernRef(self.ids.ref("con")),
            area=Area.LEARNING,
            for_whom=ForWhom.CHILD,
            guardians=2,
        )
        return concern.decide_register(command, self.now, RULES)

    @rule(hours=st.integers(min_value=1, max_value=24 * 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def lift(self) -> None:
        command = concern.ResolveConcern(by=self.teacher())
        self.attempt(self.teacher(), lambda state: concern.decide_resolve(state, command, self.now, RULES))

    @rule(days=st.integers(min_value=10, max_value=900), by=st.sampled_from(("first", "second")))
    def consent(self, days: int, by: str) -> None:
        """Asked, granted by one or both, and perhaps withdrawn the next time."""
        teacher, answering = self.teacher(), self.guardian(by)
        for one in list(self.state.consents):
            taking = consent.WithdrawConsent(by=answering, consent=one)
            self.attempt(
                answering,
                lambda state, taking=taking: consent.decide_withdraw(state, taking, self.now),  # type: ignore[misc]
            )
        asked = consent.RequestConsent(
            by=teacher,
            consent=ConsentRef(self.ids.ref("cst")),
            scope=scope(),
            valid_to=self.now.date() + timedelta(days=days),
            needed={GrantorClass.GUARDIAN: 1},
            languages=frozenset({"nb"}),
        )
        self.attempt(teacher, lambda state: consent.decide_request(state, asked, self.now, RULES))
        given = consent.Answer(by=answering, consent=asked.consent)
        self.attempt(answering, lambda state: consent.decide_grant(state, given, self.now, RULES))

    @rule(begins=st.booleans(), day=st.dates(date(2026, 1, 1), date(2028, 1, 1)))
    def parental_responsibility(self, begins: bool, day: date) -> None:
        command = guardianship.RecordGuardianship(
            by=self.teacher(),
            ordinal=2,
            change="begins" if begins else "ends",
            ground=GuardianGround.COURT_DECISION,
            effective_on=day,
            responsible=frozenset({1, 2} if begins else {1}),
        )
        self.attempt(self.teacher(), lambda state: guardianship.decide_guardianship(state, command, self.now))

    @rule(part=st.sampled_from(("name", "national-number", "born")), seed=st.integers(min_value=0, max_value=2**32))
    def correct_who_it_is(self, part: guardianship.PART_OF_IDENTITY, seed: int) -> None:
        """Somebody wrote another number down: neither of the two is told."""
        if part == "national-number":
            self.numbers[f"child before {seed}"] = self.numbers["child"]
            self.numbers["child"] = number_in("plus-65", date(2014, 3, 1), seed)
        command = guardianship.CorrectIdentity(by=self.teacher(), parts=frozenset({part}))
        self.attempt(self.teacher(), lambda state: guardianship.decide_correct_identity(state, command, self.now))
        self.attempt(self.teacher(), lambda state: own_family.decide_mark_anew(state, self.family()))

    @rule(category=st.sampled_from(InformationCategory), size=st.integers(min_value=1, max_value=10**7))
    def write_down(self, category: InformationCategory, size: int) -> None:
        teacher = self.teacher()
        written = recording.WriteRecord(by=teacher, record=RecordRef(self.ids.ref("rec")), category=category)
        self.attempt(teacher, lambda state: recording.decide_record(state, written, self.now))
        kept = recording.AddDocument(
            by=teacher, document=DocumentRef(self.ids.ref("doc")), category=category, media=MediaType.PDF, size=size
        )
        self.attempt(teacher, lambda state: recording.decide_document(state, kept, self.now))

    @rule(in_force=st.booleans())
    def care_is_taken_over(self, in_force: bool) -> None:
        command = care.RecordCareOrder(by=self.teacher(), in_force=in_force, decision=DocumentRef(self.ids.ref("doc")))
        self.attempt(self.teacher(), lambda state: care.decide_care_order(state, command, self.now))

    @rule(informed=st.booleans())
    def report_to_child_welfare(self, informed: bool) -> None:
        command = reports.ReportConcern(
            by=self.teacher(),
            report=ConcernReportRef(self.ids.ref("rpt")),
            ground="trafficking",
            guardians_informed=informed,
            not_informed_because=None if informed else "danger-to-child",
            not_heard="danger",
            age=5,
            digital=True,
        )
        self.attempt(
            self.teacher(),
            lambda state: reports.decide_report(
                state, command, self.now, rules=RULES, hearing=HEARING, grounds=GROUNDS, rule=USUAL.reports
            ),
        )

    @rule()
    def break_glass(self) -> None:
        nurse = NURSE.model_copy(update={"actor": NAMES.of_pid(self.numbers["colleague"])})
        command = glass.BreakGlass(
            by=nurse,
            glass=GlassRef(self.ids.ref("brk")),
            reason=GlassReason.DANGER_TO_LIFE,
            categories=frozenset({InformationCategory.HEALTH}),
            hours=2,
        )
        self.attempt(nurse, lambda state: glass.decide_open(state, command, self.now, RULES, GLASS_RULES))

    @rule()
    def hand_over(self) -> None:
        colleague = COLLEAGUE.model_copy(update={"actor": NAMES.of_pid(self.numbers["colleague"])})
        command = handover.SendHandover(
            by=self.teacher(),
            handover=HandoverRef(self.ids.ref("hdo")),
            kind=HandoverRoute.BATON,
            receiver=colleague.party(address_protected=False),
        )
        self.attempt(self.teacher(), lambda state: handover.decide_send(state, command, self.now, RULES))

    @rule()
    def go_on_under_protection(self) -> None:
        """What would leave under the new reference is read as well."""
        state = self.state
        old = [] if state.concern is None else [state.concern.ref, *state.further]
        names = protection.Continuation(
            case=CaseRef(self.ids.ref("cas")),
            concerns={one: ConcernRef(self.ids.ref("con")) for one in old},
            records={one: RecordRef(self.ids.ref("rec")) for one in state.records},
            documents={one: DocumentRef(self.ids.ref("doc")) for one in state.documents},
        )
        wanted = protection.Protection(by=self.teacher(), kind=ProtectionKind.CONFIDENTIAL)
        try:
            for event in protection.decide_continue(state, wanted, names, self.now, RULES):
                self.publish(event, self.teacher())
        except CaseError:
            return

    @rule(who=st.sampled_from(("teacher", "first", "child")), denied=st.booleans())
    def look(self, who: str, denied: bool) -> None:
        """A look, or a refusal, is recorded with the looker's reference; a search by number without the number."""
        actor = NAMES.of_pid(self.numbers[who])
        sought = AccessRecorded(
            subject_ref=actor if denied else self.case,
            kind=AccessKind.SEARCH if denied else AccessKind.READ,
            actor=AccessActor(id=actor),
            case=None if denied else self.case,
            permitted=not denied,
            reason="no-relation" if denied else None,
        )
        self.publish(sought, self.teacher())

    # --- what is asked over HTTP --------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(("child", "first", "teacher")),
        where=st.sampled_from(("path", "unknown", "query", "headers", "body", "broken", "method")),
        gap=st.sampled_from(("", " ", "-", ".")),
    )
    def ask_with_a_number(self, who: str, where: str, gap: str) -> None:
        """Somebody puts a number where a reference belongs, or where nothing does: no label, no line keeps it."""
        number = self.numbers[who]
        written = number[:6] + gap + number[6:]
        path = {
            "path": f"/cases/{written}",
            "unknown": f"/persons/{written}",
            "body": f"/cases/{self.case}/records",
            "broken": f"/broken/{written}",
        }.get(where, f"/cases/{self.case}")
        headers = [(b"host", b"127.0.0.1")]
        if where == "headers":
            for name in (b"x-correlation-id", b"traceparent", b"idempotency-key", b"if-match", b"user-agent"):
                headers.append((name, written.encode()))
        if where == "body":
            headers.append((b"content-type", b"application/json"))
        body = f'{{"case": "{written}", "{written}": 1}}'.encode() if where == "body" else b""
        method = {"body": "POST", "method": f"X{number}"}.get(where, "GET")
        query = f"number={written}".encode() if where == "query" else b""
        asyncio.run(call(method, path, query, headers, body))

    @rule(who=st.sampled_from(("child", "first")), gap=st.sampled_from(("", " ", "-", ".", "–")))
    def somebody_was_careless(self, who: str, gap: str) -> None:
        """A developer writes a line with what is at hand."""
        number = self.numbers[who]
        written = number[:6] + gap + number[6:]
        message, failure = f"no child {written}", LookupError(written)
        log.warning(message, subject=written, reason=int(number), child=written, key=[written])
        log.error("not found", exc_info=failure, where=f"/persons/{written}", **{f"_{number}": 1})

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_known_by_a_number(self) -> None:
        written = self.lines.getvalue()
        if not self.shown and len(written) == self.read:
            return
        measured = (sample for metric in METRICS.registry.collect() for sample in metric.samples)
        labels = {f"{name}={value}" for one in measured for name, value in one.labels.items()} - self.labels
        text = "\n".join((*self.shown, written[self.read :], *sorted(labels)))
        assert not looks_like_one(text)
        plain = re.sub(r"[ .\-–/]", "", text)
        for number in self.numbers.values():
            assert not any(trace in text for trace in traces_of(number))
            assert number not in plain
        self.shown, self.read = [], len(written)
        self.labels |= labels

    def teardown(self) -> None:
        """What was done was told: the machine did not look at nothing."""
        structlog.reset_defaults()
        root = logging.getLogger()
        root.handlers[:], root.level = self.handlers, self.level
        assert self.published
        assert self.lines.getvalue().count("\n") >= self.published


async def call(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Ask the application as a server does."""
    asked = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [*headers, (b"content-length", str(len(body)).encode())] if body else headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await application()(asked, receive, send)  # type: ignore[misc]
    assert statuses[0] >= 400


def test_the_eye_of_this_machine_sees_every_form() -> None:
    """And takes neither an organisation number, a sequence, a moment nor a reference for one."""
    for form in FORMS:
        for gap in ("", " ", "-", "."):
            number = number_in(form, date(2012, 2, 29), 7)
            assert looks_like_one(f"/cases/{number[:6]}{gap}{number[6:]}?x")
    town = AnyTown().lift()
    town.consented()
    for event in town.history:
        assert not looks_like_one(event.model_dump_json())
    for other in (
        "310001015",
        "00000000000000000017",
        "2026-09-07T08:00:00.123456Z",
        "0199213c-8a3b-7345-8789-012345678901",
    ):
        assert not looks_like_one(other)


TestCase = NumbersMachine.TestCase
TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
