"""Bad input over HTTP, to the four real services: a clear refusal with a stable code, nothing changed, nothing of it told or logged.

The operations come from each service's OpenAPI document: one that is new is tried without anybody writing a test, and the test
fails until the service's story here plays it, so that it is also tried where it would work.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import httpx
import pytest
from starlette.types import ASGIApp

from services.notify.domain.subscription import SUBSCRIPTION, decide_stop
from services.notify.webhooks import LOOPBACK
from shared import db
from shared.aggregate import Context
from shared.clock import SimulatedClock, oslo_day
from shared.contracts.cases import (
    CaseOpened,
    ConcernRegistered,
    ConsentExpired,
    ConsentReceiptMissing,
    ForWhom,
    Mode,
)
from shared.contracts.codes import Area
from shared.refs import CaseRef, ConcernRef, ConsentRef, RandomIds
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.e2e.audit_served import Served
from tests.e2e.bad_requests import CANARY, NOBODY, Bad, operations
from tests.e2e.bad_sharing import play_sharing
from tests.e2e.bad_team import play_team
from tests.e2e.cases_world import World, cases_world
from tests.e2e.gauntlet import Gauntlet, Wire, log_lines
from tests.e2e.innsyn_town import running
from tests.e2e.meetings_world import START, town
from tests.integration.notify_world import MUNICIPALITY, notify_world
from tests.integration.notify_world import World as NotifyWorld
from tests.integration.patterns_town import Town, feed
from tests.integration.test_notify_flow import CASE, guardians, requested
from tests.returned_mail import returned
from tests.tally_app import served

NONE: Final[Mapping[str, str]] = {}

pytestmark = pytest.mark.connected


def refused_tokens(issuer: LocalIssuer, **claims: Claim) -> dict[str, tuple[str, str]]:
    """Return tokens that would be good but for one thing, with the code of their refusal."""

    def encoded(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    good = issuer.token(claims)
    header, payload, signature = good.split(".")
    said = json.loads(base64.urlsafe_b64decode(header + "=="))
    by_secret = encoded({**said, "alg": "HS256"}) + "." + payload
    forged = base64.urlsafe_b64encode(hmac.digest(said["kid"].encode(), by_secret.encode(), hashlib.sha256)).decode()
    stranger = LocalIssuer()
    foreign = stranger.token(claims)
    stranger.close()
    invalid = {
        "no token at all": CANARY,
        "three dots": f"{CANARY}.{CANARY}.{CANARY}",
        "cut": good[:-20],
        "another payload": f"{header}.{encoded({**claims, 'sub': CANARY})}.{signature}",
        "algorithm none": encoded({**said, "alg": "none"}) + f".{payload}.",
        "signed with a secret": f"{by_secret}.{forged.rstrip('=')}",
        "of another issuer": foreign,
        "says it is of another issuer": issuer.token({**claims, "iss": f"https://{CANARY}.example"}),
        "for another audience": issuer.token({**claims, "aud": CANARY}),
        "no access token": issuer.token(claims, header={"typ": "JWT"}),
        "by an unknown key": issuer.token(claims, header={"kid": CANARY}),
        "of tomorrow": issuer.token(claims, age=-86_400),
        "without a subject": issuer.token({**claims, "sub": None}),
        "without an expiry": issuer.token({**claims, "exp": None}),
        "without a municipality": issuer.token({**claims, "municipality": None}),
        "of no municipality": issuer.token({**claims, "municipality": CANARY}),
        "of a guardian without a number": issuer.token({**claims, "lagspill_roles": ["guardian"]}),
        "of one who is two": issuer.token({**claims, "lagspill_roles": ["guardian", "teacher"], "pid": "25928730142"}),
    }
    expired = issuer.token({**claims, "sub": CANARY}, age=7200)
    return {
        "expired": (expired, "token-expired"),
        **{what: (token, "token-invalid") for what, token in invalid.items()},
    }


@asynccontextmanager
async def gauntlet(
    service: str,
    app: ASGIApp,
    pool: db.Pool,
    issuer: LocalIssuer,
    token: Callable[[str], str],
    stranger: str,
    denied: int = 0,
) -> AsyncIterator[Gauntlet]:
    """Serve a composed service over real HTTP, logging as its process does, and read its document."""
    with log_lines(service) as log:
        async with served(app) as (host, port):
            async with httpx.AsyncClient(verify=TRUST, base_url=f"http://{host}:{port}") as client:
                document = (await client.get("/openapi.json")).json()
            wire = Wire(host, port)
            tokens = refused_tokens(issuer, lagspill_roles=["teacher"])
            try:
                yield Gauntlet(wire, pool, log, operations(document), token, tokens, stranger, denied)
            finally:
                await wire.close()


async def the_rest(
    run: Gauntlet,
    who: str,
    subtests: pytest.Subtests,
    known: Mapping[str, str] = NONE,
    nothing: Mapping[str, str] = NONE,
) -> None:
    """Try what no story plays: reads, about nothing that exists; and see that every command was played."""
    for operation in run.operations:
        if (operation.method, operation.path) not in run.played:
            with subtests.test(f"{operation.method} {operation.path}"):
                await run.bad_by_themselves(operation, operation.request(run.token(who), "a-key", known))
                if "{" in operation.path:
                    good = operation.request(run.token(who), "another-key", nothing)
                    await run.all_refused(
                        [Bad.of("of nothing", good, (404, ""), (403, "log-forbidden"), (403, "not-a-subscriber"))]
                    )
                assert not operation.writes, "a story must play it: see this module's docstring"


async def kept_in_the_vault(run: Gauntlet, world: World) -> None:
    """Play what the vault's keeping has: records, guardians, corrections, emergencies, protection, erasure."""
    child, new = People(61).child(age=5), People(62).guardian()
    born = {"name": child.name, "national_number": child.national_number}
    receipt = await run.does("teacher", "/concerns", world.concern(child=born), others_may=True)
    case = receipt["case"]
    await run.does("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})

    async def version() -> str:
        return await world.version("teacher", case)

    record = (await run.does("teacher", f"/cases/{case}/records", {"category": "family", "text": "Bor to steder."}))[
        "record"
    ]
    await run.does("teacher", f"/records/{record}/versions", {"text": "Bor hos mor."})
    added = {"name": new.name, "national_number": new.national_number, "ground": "agreement", "since": "2026-09-07"}
    await run.does("teacher", f"/cases/{case}/guardians", {**added, "note": "Avtale."}, version=version)
    ended = {"ground": "court-decision", "last_day": "2026-10-31", "note": "Dom."}
    await run.does("teacher", f"/cases/{case}/guardians/1/ending", ended, version=version)
    await run.does("teacher", f"/cases/{case}/guardians/2/corrections", {"phone": "40000000"}, version=version)
    await run.does("teacher", f"/cases/{case}/child/corrections", {"name": "Riktig Navnesen"}, version=version)
    emergency = {"reason": "danger-to-life", "text": "Fall.", "categories": ["health"], "hours": 2}
    glass = (await run.does("nurse", f"/cases/{case}/break-glass", emergency, others_may=True))["glass"]
    await run.over("nurse", f"/cases/{case}/break-glass", emergency, code="break-glass-open")
    await run.does("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
    await run.over(
        "nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"}, code="break-glass-reviewed"
    )
    by_number = {**emergency, "national_number": child.national_number}
    await run.does("nurse", "/break-glass", by_number, others_may=True, of_a_case=False)
    await run.over("nurse", "/break-glass", by_number, code="break-glass-open")
    protection = {"kind": "confidential", "valid_to": "2027-09-01"}
    case = (await run.does("teacher", f"/cases/{case}/address-protection", protection, version=version))["case"]
    lifting = f"/cases/{case}/address-protection-lifting"
    await run.does("teacher", lifting, version=version)
    another = world.concern(child={"name": "X", "national_number": new.national_number})
    other = await run.does("teacher", "/concerns", another, others_may=True)
    solved = {"outcome": "resolved-locally", "local_outcome": "guidance-given"}
    await run.does("teacher", f"/concerns/{other['concern']}/resolution", solved)

    async def led() -> str:
        return await world.version("styrer", other["case"])

    await run.does("styrer", f"/cases/{other['case']}/erasure", version=led)
    await run.over("styrer", f"/cases/{other['case']}/erasure")


async def test_cases(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, subtests: pytest.Subtests) -> None:
    async with (
        cases_world(migrated, issuer, clock) as world,
        gauntlet("cases", world.parts.app, world.pool, issuer, world.token, "curious", denied=1) as run,
    ):
        await kept_in_the_vault(run, world)
        await play_sharing(run, world)
        receipt = await run.does("teacher", "/concerns", world.concern(), others_may=True)
        case, concern = receipt["case"], receipt["concern"]

        async def version() -> str:
            return await world.version("teacher", case)

        lifted = f"/concerns/{concern}/resolution"
        await run.does("teacher", lifted, {"outcome": "lifted"})
        await run.over("teacher", lifted, {"outcome": "lifted"}, code="concern-settled")
        view = {"method": "conversation", "before": "consent", "text": "Vil ha hjelp."}
        asked = {
            "services": ["ppt", "helsestasjon", "skole"],
            "categories": ["development", "language"],
            "purposes": ["assessment", "transition"],
            "valid_to": "2027-07-31",
        }
        await run.over("teacher", f"/cases/{case}/consents", asked, code="child-view-missing")
        await run.does("teacher", f"/cases/{case}/child-views", view)
        refused = (await run.does("teacher", f"/cases/{case}/consents", asked))["consent"]
        await run.does("guardian-a", f"/consents/{refused}/refusals", {})
        await run.does("teacher", f"/cases/{case}/child-views", view)
        consent = (await run.does("teacher", f"/cases/{case}/consents", asked))["consent"]
        grants = f"/consents/{consent}/grants"
        await run.does("teacher", grants, {"ordinal": 1, "evidence": "oral-minuted", "note": "Sa ja."})
        await run.does("guardian-b", grants, {})
        await run.over("guardian-b", grants, {}, code="already-granted")

        planned = {
            "code": "sprakgruppe",
            "owner": "ppt",
            "owner_unit": "unit:ppt",
            "goal": "Er med i leken.",
            "indicator": "words-in-play",
            "evaluate_by": "2026-12-01T11:00:00Z",
        }
        measure = (await run.does("teacher", f"/cases/{case}/measures", planned))["measure"]
        too_high = {**planned, "code": "avlastningshjem"}
        await run.over("teacher", f"/cases/{case}/measures", too_high, code="offer-above-level")
        await run.does("teacher", f"/measures/{measure}/start")
        await run.over("teacher", f"/measures/{measure}/start", code="measure-started")
        await run.does("teacher", f"/measures/{measure}/changes", {"indicator": "sentences", "goal": "Setninger."})
        alike = {**planned, "code": "ekstratimer", "owner": "barnehage", "owner_unit": "unit:lia-barnehage"}
        other = (await run.does("teacher", f"/cases/{case}/measures", alike))["measure"]
        explained = f"/measures/{other}/overlap-explanations"
        await run.does("teacher", explained, {"explanation": "one-will-stop"})
        await run.over("teacher", explained, {"explanation": "coordinated"}, code="overlap-not-open")
        await run.does("teacher", f"/measures/{other}/stop", {"reason": "withdrawn"})
        await run.over("teacher", f"/measures/{other}/stop", {"reason": "withdrawn"}, code="measure-stopped")
        up = {"to_level": 2, "reason": "assessment"}
        await run.does("teacher", f"/cases/{case}/level-changes", up, version=version)
        await run.does("guardian-a", f"/cases/{case}/contact-person", {"service": "ppt", "role": "ppt-adviser"})
        await run.over("teacher", f"/cases/{case}/closure", {"outcome": "moved"}, code="if-match-missing")
        evaluation = f"/measures/{measure}/evaluations"
        await run.does("teacher", evaluation, {"effect": "some", "outcome": "stop"})
        await run.over("teacher", evaluation, {"effect": "some", "outcome": "stop"})

        await play_team(run, world, case)
        offered = {"kind": "baton", "receiver": await world.receiver("colleague")}
        words = {"reason": "capacity", "text": "Er bortreist."}
        for way, who, answered in (("withdrawal", "teacher", None), ("rejection", "colleague", words)):
            handover = (await run.does("teacher", f"/cases/{case}/handovers", offered))["handover"]
            await run.over("teacher", f"/cases/{case}/handovers", offered, code="handover-open")
            await run.does(who, f"/handovers/{handover}/{way}", answered)
            await run.over("colleague", f"/handovers/{handover}/acceptance")

        fields = {"play-and-friends": "Leker godt.", "language-and-speech": "Setninger på to ord."}
        drafted = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": fields}
        form = f"/transition-forms/{(await run.does('teacher', f'/cases/{case}/transition-forms', drafted))['form']}"
        await run.does(
            "teacher", f"{form}/versions", {"fields": {**fields, "language-and-speech": "Korte."}}, version=version
        )
        sent = {"receiver": await world.receiver("contact-teacher"), "outside_window": "late-placement"}
        await run.does("guardian-a", f"{form}/approvals", {"version": 2})
        await run.over("guardian-a", f"{form}/approvals", {"version": 2}, code="already-granted")
        await run.over("guardian-b", f"{form}/approvals", {"version": 1}, code="form-version-superseded")
        await run.does("guardian-b", f"{form}/approvals", {"version": 2})
        handover = (await run.does("teacher", f"{form}/sending", sent, version=version))["handover"]
        await run.over("guardian-b", f"{form}/approvals", {"version": 2})
        await run.does("contact-teacher", f"/handovers/{handover}/acceptance")
        await run.over("contact-teacher", f"/handovers/{handover}/acceptance")
        await run.over("teacher", f"/cases/{case}/measures", planned)

        await run.does("guardian-a", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
        await run.does("guardian-a", f"/consents/{consent}/withdrawals", {})
        await run.over("guardian-a", f"/consents/{consent}/withdrawals", {}, code="consent-not-open")

        async def latest() -> str:
            return await world.version("contact-teacher", case)

        await run.does("contact-teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, version=latest)
        more: dict[str, Any] = {"consents": asked, "measures": planned, "child-views": view, "handovers": offered}
        for path, body in more.items():
            await run.over("contact-teacher", f"/cases/{case}/{path}", body)
        await run.does("contact-teacher", f"/cases/{case}/reopening", version=latest)
        await the_rest(run, "teacher", subtests)


async def hearings(run: Gauntlet) -> None:
    """Play what a hearing has."""
    asked = {"kind": "matters-on-children", "text": "Skal alle ha språkgrupper?", "units": ["unit:vikevag-barnehage"]}
    opened = (await run.does("fagsenter", "/consultations", asked, of_a_case=False))["consultation"]
    given = {"position": "supports-with-remarks", "text": "Vi ber om tid til opplæring."}
    path = f"/consultations/{opened}"
    await run.over("vikevag-styrer", f"{path}/corrections", given, code="consultation-not-answered")
    await run.does("vikevag-styrer", f"{path}/answers", given, of_a_case=False)
    await run.over("vikevag-styrer", f"{path}/answers", given, code="consultation-answered")
    await run.does("vikevag-styrer", f"{path}/corrections", given, of_a_case=False)
    await run.does("fagsenter", f"{path}/closure", {"reason": "completed"}, of_a_case=False)
    for way in ("answers", "corrections"):
        await run.over("vikevag-styrer", f"{path}/{way}", given, code="consultation-closed")
    await run.over("fagsenter", f"{path}/closure", {"reason": "withdrawn"}, code="consultation-closed")


async def test_meetings(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, subtests: pytest.Subtests
) -> None:
    async with (
        town(migrated, issuer, clock) as lia,
        gauntlet("meetings", lia.parts.app, lia.pool, issuer, lia.token, "curious") as run,
    ):
        await hearings(run)
        count = {"competence": "participation", "staff": 14, "having": 5}
        await run.does("tynset-styrer", "/competence", count, of_a_case=False)
        await run.does("tynset-styrer", "/parent-guidance", {"step": "barnehage"}, others_may=True)
        day = oslo_day(clock.now()).isoformat()
        mistaken = {"step": "barnehage", "on": day, "reason": "not-given"}
        await run.does("tynset-styrer", "/parent-guidance/withdrawals", mistaken, others_may=True)
        hours = {"code": "cos", "week": "2026-09-01", "minutes": 120}
        await run.does("vikevag-styrer", "/guidance-hours", hours, others_may=True)
        await run.over("rennesoy-ppt", "/competence", {**count, "competence": "none"}, code="register-forbidden")
        number = {"value": 2, "source": "own-count"}
        figure = {**number, "indicator": "special-education-barnehage", "period": "2025-2026"}
        own = {**figure, "unit": "unit:vikevag-barnehage"}
        entered = (await run.does("vikevag-styrer", "/entered-figures", own, of_a_case=False))["figure"]
        await run.over("vikevag-styrer", "/entered-figures", own, code="figure-entered")
        await run.over("vikevag-styrer", "/entered-figures", figure, code="figure-not-yours")
        correction = f"/entered-figures/{entered}/corrections"

        async def first() -> str:
            # It was waited for before it was entered: that is a version of it too.
            return (await lia.get("vikevag-styrer", f"/entered-figures/{entered}")).headers["etag"]

        corrected = {**number, "value": 3, "reason": "wrong-number"}
        await run.over("vikevag-styrer", correction, corrected, code="if-match-missing")
        await run.does("vikevag-styrer", correction, corrected, version=first, of_a_case=False)
        report, owed = "/reports/to-steering-group/deliveries", {"due": "2027-06-30"}
        await run.does("tynset-coordinator", report, owed, of_a_case=False)
        await run.over("tynset-styrer", report, owed, code="report-not-yours")
        await run.over("tynset-coordinator", report, {"due": "2027-06-29"}, code="report-not-expected")
        starts_at = "2026-09-08T09:00:00+02:00"
        held = await lia.tst_called(starts_at)
        raised = {"kind": "general", "mode": "no-child", "text": "Hvordan får vi nok veiledning?"}
        item = str((await lia.must("tynset-styrer", f"/meetings/{held}/agenda-items", raised))["item"])
        await lia.tst_held(held, starts_at, guardians=1, discussed=[item])
        await run.over("tynset-styrer", f"/meetings/{held}/discussions", {"item": item}, code="item-not-named")
        back, why = f"/meetings/{held}/agenda-items/{item}/lift-withdrawal", {"reason": "solved-here"}
        await run.over("tynset-styrer", back, why, code="item-not-lifted")
        decided = {"item": item, "decision": "follow-up", "text": "Dette løser vi ikke her.", "lift": True}
        await lia.must("tynset-styrer", f"/meetings/{held}/outcomes", decided)
        await run.does("tynset-styrer", back, why)
        await run.over("tynset-styrer", back, why, code="lifted-item-settled")
        [line] = (await lia.see("tynset-ppt", "/surveys"))["items"]
        answering = f"/surveys/{line['survey']}/answers"
        seats = (await lia.see("tynset-styrer", f"/surveys/{line['survey']}/tickets"))["seats"]
        [ticket] = [seat["ticket"] for seat in seats if seat["service"] == "ppt"]
        given = {"answers": {"equal-part": 4, "heard": 5}, "ticket": ticket}
        await run.does("tynset-ppt", answering, given, of_a_case=False)
        await run.over("tynset-ppt", answering, given, code="survey-answered")
        arena = await lia.arena("ressursteam", "unit:lia-barnehage")
        called = {"arena": arena, "starts_at": START}
        await run.does("styrer", "/calendar/address", {}, others_may=True)
        await run.does("styrer", "/calendar/address/withdrawal", {}, of_a_case=False)
        await run.over("styrer", "/calendar/address/withdrawal", {}, code="no-calendar-address")
        cancelled = (await run.does("styrer", "/meetings", called))["meeting"]
        await run.over("styrer", "/meetings", called, code="term-has-meeting")
        await run.does("styrer", f"/meetings/{cancelled}/cancellation", {"reason": "no-items"})
        for way, body in (
            ("invitation", {}),
            ("rescheduling", {"starts_at": START}),
            ("answers", {"answer": "accepted"}),
            ("holding", lia.held([])),
        ):
            await run.over("styrer", f"/meetings/{cancelled}/{way}", body, code="meeting-state-forbids")
        meeting = f"/meetings/{(await run.does('styrer', '/meetings', {**called, 'invite': False}))['meeting']}"
        general = {"kind": "general", "mode": "no-child", "text": "Hvordan bygger vi et godt språkmiljø?"}
        await run.over("styrer", f"{meeting}/agenda-items", general, code="meeting-state-forbids")
        await run.does("styrer", f"{meeting}/invitation", {})
        await run.does("styrer", f"{meeting}/rescheduling", {"starts_at": START})
        await run.does("ppt", f"{meeting}/answers", {"answer": "declined", "reason": "ill"})
        await run.over("coordinator", f"{meeting}/answers", {"answer": "accepted"}, code="no-seat")
        removed = (await run.does("ppt", f"{meeting}/agenda-items", general))["item"]
        item = (await run.does("ppt", f"{meeting}/agenda-items", general))["item"]
        await run.over("ppt", f"{meeting}/agenda-items/{item}/acceptance", {}, code="may-not-accept")
        await run.does("styrer", f"{meeting}/agenda-items/{item}/acceptance", {})
        await run.does("styrer", f"{meeting}/agenda-items/{removed}/removal", {})
        await run.over("styrer", f"{meeting}/agenda-items/{removed}/acceptance", {})
        await run.over("styrer", f"{meeting}/closure", {}, code="meeting-state-forbids")
        case = await lia.cases.opened()
        await lia.cases.consented(case)
        await lia.carry()
        named = str((await lia.must("styrer", f"{meeting}/agenda-items", lia.named(case)))["item"])
        await run.over("styrer", f"{meeting}/discussions", {"item": named}, code="meeting-state-forbids")
        clock.set(datetime(2026, 9, 22, 12, 0, tzinfo=UTC))
        await run.does("styrer", f"{meeting}/holding", lia.held([{"item": item}]))
        await run.over("styrer", f"{meeting}/holding", lia.held([{"item": item}]), code="meeting-state-forbids")
        await run.does("styrer", f"{meeting}/discussions", {"item": named})
        await run.over("styrer", f"{meeting}/discussions", {"item": named}, code="item-state-forbids")
        await run.does("styrer", f"{meeting}/outcomes", {"item": item, "decision": "no-action", "text": "Gå videre."})
        await run.does("styrer", f"{meeting}/minutes", {"text": "Vi møttes på enheten."})
        await run.does("styrer", f"{meeting}/closure", {})
        for way, body in (
            ("closure", {}),
            ("minutes", {"text": "Vi møttes."}),
            ("agenda-items", general),
            ("cancellation", {"reason": "other"}),
            ("answers", {"answer": "accepted"}),
            ("outcomes", {"item": item, "decision": "no-action"}),
        ):
            await run.over("styrer", f"{meeting}/{way}", body)
        await the_rest(run, "styrer", subtests)


async def test_notify(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, subtests: pytest.Subtests
) -> None:
    known = frozenset({"school-system"})
    async with notify_world(migrated, issuer, clock, subscribing_clients=known, webhook_networks=LOOPBACK) as world:

        def token(who: str) -> str:
            return issuer.token(world.claims(who))

        async with gauntlet("notify", world.parts.app, world.pool, issuer, token, "colleague") as run:
            preferred = {"language": "nn", "email": "teacher@lia.example"}
            await run.does("teacher", "/preferences", preferred, method="put", others_may=True)
            ids = RandomIds()
            due = clock.now() + timedelta(days=14)
            concern = ConcernRegistered(
                case=CaseRef(ids.ref("cas")),
                concern=ConcernRef(ids.ref("con")),
                area=Area.LEARNING,
                for_whom=ForWhom.CHILD,
                registered_by=world.party("teacher"),
                act_by=due,
                guardians=2,
            )
            await world.take(concern)
            await world.move_to(due - timedelta(days=3))
            [message] = (await world.get("teacher", "/messages")).json()["items"]
            await run.does("teacher", f"/messages/{message['message']}/reading")
            await run.over("colleague", f"/messages/{message['message']}/reading", code="message-not-found")
            await a_letter_is_posted(run, world)
            await a_mail_comes_back(run, world)
            await subscriptions_are_kept(run, world)
            await the_rest(run, "teacher", subtests)


async def a_letter_is_posted(run: Gauntlet, world: NotifyWorld) -> None:
    """Guardians whom nothing reaches have a letter, which the holder puts in the post."""
    guardians(world)
    for each in world.neighbours.contacts[CASE]:
        each["email"] = None
    opened = CaseOpened(
        case=CASE,
        level=1,
        mode=Mode.ANONYMOUS,
        holder=world.party("teacher"),
        decide_by=world.clock.now() + timedelta(days=30),
    )
    await world.take(opened, requested())
    await world.deliver()
    after = world.clock.now() + timedelta(days=4)
    for _ in range(2):
        await world.move_to(after)
    letter = (await world.get("teacher", "/letters")).json()["items"][0]
    await run.does("teacher", f"/letters/{letter['message']}/posting")
    await run.over("colleague", f"/letters/{letter['message']}/posting", code="letter-not-found")


async def a_mail_comes_back(run: Gauntlet, world: NotifyWorld) -> None:
    """The mail server took the reminder, and says later that nobody is there."""
    mail = next(each for each in await world.deliver() if each["To"] == "teacher@lia.example")
    content = returned(name=mail["Message-ID"])
    await run.does("mail-gateway", "/bounces", {"mail": base64.b64encode(content).decode()})
    unknown = returned(name=mail["Message-ID"].replace(mail["Message-ID"][5:10], "bbbbb"))
    body = {"mail": base64.b64encode(unknown).decode()}
    await run.over("mail-gateway", "/bounces", body, code="bounced-mail-unknown")


async def subscriptions_are_kept(run: Gauntlet, world: NotifyWorld) -> None:
    """Another system subscribes, changes what it gets, has it again, and ends it."""
    asked = {"target": "https://127.0.0.1/hook", "contact": "drift@school.example", "after": 0, "acknowledges": True}
    made = await run.does("school-system", "/subscriptions", asked)
    path = f"/subscriptions/{made['subscription']}"
    ended = ConsentExpired(case=CASE, consent=ConsentRef(RandomIds().ref("cst")), version=2)
    await world.feed(ended)
    receipt = {"consent": ended.consent, "consent_version": 2, "items_removed": 1}
    await run.does("school-system", f"{path}/receipts", receipt)
    await run.over("school-system", f"{path}/receipts", {**receipt, "items_removed": 2}, code="receipt-differs")

    async def version() -> str:
        return str((await world.get("school-system", path)).headers["etag"])

    await run.does("school-system", path, {"language": "en"}, method="patch", version=version)
    await run.does("school-system", f"{path}/secrets")
    await run.does("school-system", f"{path}/replays", {"after": 0})
    now = world.clock.now()
    stopped = Context(actor=None, scope=MUNICIPALITY, now=now, correlation=world.kit.ids.event_id())
    await world.kit.journal.change(SUBSCRIPTION, made["subscription"], stopped, partial(decide_stop, failing_since=now))
    await run.does("school-system", f"{path}/resumption")
    await run.over("school-system", f"{path}/resumption", code="subscription-not-stopped")
    await run.does("school-system", path, method="delete", version=version)
    await run.over("school-system", f"{path}/secrets", code="subscription-not-found")


async def findings_are_answered(run: Gauntlet, audit: Served) -> None:
    """Two services have not said that they acted on a withdrawn consent: one finding is explained, one is reported."""
    town, reported_at = Town(), datetime(2026, 9, 1, tzinfo=UTC).isoformat()
    for consumer in ("meetings", "notify"):
        missing = ConsentReceiptMissing(
            case=CaseRef(town.ids.ref("cas")), consent=ConsentRef(town.ids.ref("cst")), version=2, consumer=consumer
        )
        await feed(audit.world, [town.say(missing)])
    await audit.watch.look()
    explained, reported = (each["finding"] for each in (await audit.see("/findings?pattern=receipt-missing"))["items"])

    async def version(finding: str) -> str:
        return (await audit.get(f"/findings/{finding}", audit.token())).headers["etag"]

    explanation = {"verdict": "lawful", "text": "The service was down, and has answered since."}
    reporting = {"reported_at": reported_at, "reference": "26/01234", "text": "It had shared in between."}
    await run.does(
        "privacy-officer", f"/findings/{explained}/explanation", explanation, version=partial(version, explained)
    )
    await run.does("privacy-officer", f"/findings/{reported}/reporting", reporting, version=partial(version, reported))


async def test_audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, subtests: pytest.Subtests) -> None:
    async with running(migrated, issuer, clock) as town:
        case = await town.looked_at()
        audit = town.audit

        def token(who: str) -> str:
            if who in {"auditor", "privacy-officer"}:
                return audit.token(who)
            return town.cases.token(who)

        async with gauntlet("audit", audit.app, audit.pool, issuer, token, "stranger", denied=1) as answered:
            await findings_are_answered(answered, audit)
            period = {"since": "2026-09-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}
            await answered.does("auditor", "/exports", {"format": "csv", "filters": {"kind": "read"}, "period": period})
        async with gauntlet("audit", audit.app, audit.pool, issuer, token, "stranger") as run:
            run.played |= answered.played
            made = await run.does("guardian-a", "/innsyn-reports", {"case": case})
            assert made["case"] == case
            await the_rest(
                run,
                "auditor",
                subtests,
                {"log": "4005", "path": "000.p/3", "finding": f"fnd_{NOBODY}"},
                {"log": "9999"},
            )
