"""Findings over real HTTP: exactly what was planted is found, privacy officers answer for it, and nothing that they write leaves the vault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.audit.patterns.watch import DUE
from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind
from shared.contracts.audit import FindingOverdue
from shared.contracts.cases import ConsentReceiptMissing
from shared.contracts.codes import Role, Service
from shared.refs import ActorId, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import NOTODDEN, SKIEN
from tests.integration.patterns_town import MONDAY, Employee, OwnBus, Town, feed

pytestmark = [pytest.mark.connected, pytest.mark.story(18)]

SECRET = "She looked because her neighbour asked; we have talked with her."


@pytest_asyncio.fixture
async def audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """The composed service; its logs are fed directly, and examined when a test says so."""
    clock.set(MONDAY + timedelta(hours=3))
    async with audit_service(migrated, issuer, clock) as made:
        yield made


async def post(
    audit: Served, path: str, body: Mapping[str, object], *, key: str, match: str | None, token: str | None = None
) -> httpx.Response:
    """Answer for a finding; as the privacy officer, unless told otherwise."""
    bearer = token or audit.token("privacy-officer", sub="officer-1")
    headers = {"authorization": f"Bearer {bearer}", "idempotency-key": key}
    if match is not None:
        headers["if-match"] = match
    return await audit.http.post(path, json=body, headers=headers)


async def findings(audit: Served, **query: str | int) -> list[dict[str, Any]]:
    """What the auditor is shown, page by page."""
    items: list[dict[str, Any]] = []
    page = await audit.see("/findings", **query)
    items += page["items"]
    while page["next"] is not None:
        page = await audit.see("/findings", **query, cursor=page["next"])
        items += page["items"]
    return items


def somebody(town: Town, unit: str = "tinnes-skole") -> Employee:
    return town.employee(Role.CONTACT_TEACHER, Service.SKOLE, unit)


def one_of_each(town: Town) -> Iterator[tuple[str, ActorId | None, list[bytes]]]:
    """One planted misuse of each pattern: its name, whose it is, its records."""
    children = town.children
    curious = somebody(town)
    yield "without-relation", curious.id, [town.look(curious, children[0], reason="no-relation")]
    busy = town.employee(Role.PPT_ADVISER, Service.PPT, "ppt")
    own = [record for _ in range(41) for record in town.opens(busy, busy)]
    yield "many-children", busy.id, [*own, *(town.look(busy, child) for child in children[-41:])]
    # Child welfare may work at night; the health nurse who does it again and again is asked why.
    owl = town.employee(Role.HEALTH_NURSE, Service.HELSESTASJON, "helsestasjon")
    opened = [record for _ in range(5) for record in town.opens(owl, owl)]
    night = [town.look(owl, child, town.evening + timedelta(minutes=nth)) for nth, child in enumerate(children[-5:])]
    yield "outside-hours", owl.id, [*opened, *night]
    town.now = town.now.replace(hour=8) + timedelta(days=1)
    leaver = somebody(town)
    opened = [record for _ in range(2) for record in town.opens(leaver, leaver)]
    leaving = town.leaves(leaver, children[-2], somebody(town))
    taken = town.look(leaver, children[-1], kind=AccessKind.EXPORT)
    yield "leaving", leaver.id, [*opened, leaving, taken]
    stubborn = children[-1].holder
    refused = [town.look(stubborn, children[-1], reason="not-in-table") for _ in range(8)]
    yield "repeated-denials", stubborn.id, refused
    nurse = town.employee(Role.HEALTH_NURSE, Service.HELSESTASJON, "helsestasjon")
    yield "break-glass-unreviewed", nurse.id, [town.look(nurse, children[1], kind=AccessKind.BREAK_GLASS)]
    missing = ConsentReceiptMissing(
        case=children[2].case, consent=town.consent(children[2], Service.PPT).consent, version=2, consumer="notify"
    )
    yield "receipt-missing", None, [town.say(missing)]


async def test_among_hundreds_of_looks_exactly_the_planted_ones_are_found(audit: Served, clock: SimulatedClock) -> None:
    town, bus = Town(), OwnBus()
    await feed(audit.world, town.ordinary_work(days=15, looks=40))
    await audit.watch.look()
    assert await findings(audit, group="behaviour") == [], "six hundred ordinary looks, and forty refusals among them"
    expected = set()
    for pattern, actor, records in one_of_each(town):
        expected.add((pattern, actor))
        await feed(audit.world, records)
        await feed(audit.world, town.ordinary_work(days=1, children=2, looks=5))
    clock.set(max(clock.now(), town.now) + timedelta(days=10))
    for _ in range(2):  # the date has passed; and what might be told late was waited for
        await audit.watch.look()
        await bus.pump(audit.pool, audit.world)
        clock.set(clock.now() + timedelta(minutes=6))
    await audit.watch.look()
    shown = await findings(audit, group="behaviour", limit=2)
    assert {(each["pattern"], each["actor"]) for each in shown} == expected
    assert len(shown) == len(expected) == 7
    assert [each["raised_at"] for each in shown] == sorted((each["raised_at"] for each in shown), reverse=True)
    assert all(each["status"] == "open" and each["due"] and not each["overdue"] for each in shown)
    for each in shown:
        one = await audit.see(f"/findings/{each['finding']}")
        assert len(one["shown"]) == each["entries"]
        entry = await audit.see(f"/entries/{one['shown'][0]['position']}")
        assert entry["actor"] == each["actor"] or each["actor"] is None
        in_english = await audit.see(f"/findings/{each['finding']}", language="en")
        assert in_english["sentence"] != one["sentence"]
        assert await findings(audit, pattern=each["pattern"]) == [each]
    case = (await audit.see(f"/findings/{shown[-1]['finding']}"))["shown"][0]["case"]
    assert shown[-1]["finding"] in {each["finding"] for each in await findings(audit, case=case)}
    assert await findings(audit, status="explained") == []
    metrics = (await audit.get("/metrics")).text
    assert 'lagspill_findings_open{pattern="without-relation"} 1.0' in metrics
    assert "lagspill_patterns_behind_entries 0.0" in metrics


async def raised(audit: Served, about: Employee | None = None) -> tuple[str, str]:
    """One finding about somebody's look without a relation: its name, and its ETag."""
    town = Town()
    await feed(audit.world, town.ordinary_work(days=1, looks=3))
    await feed(audit.world, [town.look(about or somebody(town), town.children[0], reason="no-relation")])
    await audit.watch.look()
    ((finding,),) = [[each["finding"] for each in await findings(audit, group="behaviour")]]
    answer = await audit.get(f"/findings/{finding}", audit.token())
    return finding, answer.headers["etag"]


async def test_each_look_is_an_entry_and_only_for_who_may(audit: Served) -> None:
    finding, _ = await raised(audit)
    before = len(await audit.recorded())
    for path in ("/findings", f"/findings/{finding}"):
        assert (await audit.get(path)).status_code == 401
        for token in (audit.token("teacher"), audit.token(municipality=SKIEN)):
            query = {"log": NOTODDEN} if path == "/findings" else {}
            refused = await audit.get(path, token, **query)
            assert (refused.status_code, refused.json()["code"]) == (403, "log-forbidden")
        assert (await audit.get(path, audit.token("privacy-officer"))).status_code == 200
    looks = [(each["kind"], each["permitted"]) for each in (await audit.recorded())[before:]]
    assert looks == [("deny", False), ("deny", False), ("log-read", True)] * 2
    assert (await audit.get("/findings/fnd_" + "b" * 26, audit.token())).status_code == 404
    assert (await audit.get("/findings/log-77", audit.token())).status_code == 404
    assert (await audit.get("/findings/nothing", audit.token())).status_code == 404
    assert (await audit.get("/findings", audit.token(), log="nothing")).status_code == 404


async def test_an_explanation_closes_it_and_never_leaves_the_vault(audit: Served, clock: SimulatedClock) -> None:
    finding, etag = await raised(audit)
    path, body = f"/findings/{finding}/explanation", {"verdict": "lawful", "text": SECRET}
    assert (await post(audit, path, body, key="a", match=None)).status_code == 428
    assert (await post(audit, path, body, key="b", match='"v7"')).status_code == 412
    assert (await post(audit, path, {**body, "verdict": "fine"}, key="c", match=etag)).status_code == 422
    assert (await post(audit, path, {**body, "text": " "}, key="d", match=etag)).status_code == 422
    for role in ("auditor", "teacher"):
        refused = await post(audit, path, body, key="e", match=etag, token=audit.token(role))
        assert refused.status_code == 403
    done = await post(audit, path, body, key="f", match=etag)
    assert done.status_code == 201, done.text
    assert (done.json()["status"], done.json()["outcome"], done.json()["due"]) == ("explained", "lawful", None)
    again = await post(audit, path, body, key="f", match=etag)
    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (201, "true", done.json())
    closed = await post(audit, path, body, key="g", match=done.headers["etag"])
    assert (closed.status_code, closed.json()["code"]) == (409, "finding-closed")
    officer = audit.token("privacy-officer", sub="officer-2")
    assert (await audit.get(f"/findings/{finding}", officer)).json()["notes"] == [
        {
            "at": clock.now().isoformat().replace("+00:00", "Z"),
            "verdict": "lawful",
            "text": SECRET,
            "reference": None,
            "reported_at": None,
        }
    ]
    assert (await audit.see(f"/findings/{finding}"))["notes"] == []
    tables = await audit.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        rows = await audit.pool.fetch(f'SELECT t::text AS row FROM "{table["tablename"]}" t')
        for text in (SECRET, SECRET.encode().hex()):
            assert not any(text in row["row"] for row in rows), table["tablename"]
    assert await audit.pool.fetchval("SELECT count(*) FROM deadlines") == 0


async def test_the_same_again_after_it_was_explained_is_a_new_finding(audit: Served, clock: SimulatedClock) -> None:
    town = Town()
    await feed(audit.world, town.ordinary_work(days=1, looks=3))
    curious = somebody(town)
    await feed(audit.world, [town.look(curious, town.children[0], clock.now(), reason="no-relation")])
    await audit.watch.look()
    (first,) = await findings(audit, group="behaviour")
    etag = (await audit.get(f"/findings/{first['finding']}", audit.token())).headers["etag"]
    # It grows before the officer has answered: what was seen is not what stands there now.
    await feed(audit.world, [town.look(curious, town.children[1], clock.now(), reason="no-relation")])
    await audit.watch.look()
    path, body = f"/findings/{first['finding']}/explanation", {"verdict": "mistake", "text": SECRET}
    assert (await post(audit, path, body, key="a", match=etag)).status_code == 412
    etag = (await audit.get(f"/findings/{first['finding']}", audit.token())).headers["etag"]
    assert (await post(audit, path, body, key="b", match=etag)).status_code == 201
    # Heard later, but done before: it belongs to what was explained. Done later: it does not.
    await feed(audit.world, [town.look(curious, town.children[2], clock.now(), reason="no-relation")])
    clock.set(clock.now() + timedelta(hours=1))
    await feed(audit.world, [town.look(curious, town.children[3], clock.now(), reason="no-relation")])
    await audit.watch.look()
    second, same = await findings(audit, group="behaviour")
    assert (same["finding"], same["status"], same["entries"]) == (first["finding"], "explained", 3)
    assert (second["status"], second["entries"], second["actor"]) == ("open", 1, curious.id)


async def test_a_breach_is_reported_within_72_hours_or_with_the_reasons(audit: Served, clock: SimulatedClock) -> None:
    finding, etag = await raised(audit)
    explanation, reporting = f"/findings/{finding}/explanation", f"/findings/{finding}/reporting"
    judged = await post(audit, explanation, {"verdict": "breach", "text": SECRET}, key="a", match=etag)
    due = clock.now() + timedelta(hours=72)
    assert (judged.json()["status"], judged.json()["due"]) == ("open", due.isoformat().replace("+00:00", "Z"))
    again = await post(audit, explanation, {"verdict": "breach", "text": "x"}, key="b", match=judged.headers["etag"])
    assert (again.status_code, again.json()["code"]) == (409, "finding-judged")
    assert await audit.deadlines.fire_due() == 0
    clock.set(due)
    assert await audit.deadlines.fire_due() == 1
    assert [each["finding"] for each in await findings(audit, overdue="true")] == [finding]
    overdue = [event for event in await OwnBus().pump(audit.pool, audit.world) if isinstance(event, FindingOverdue)]
    assert [(event.missing, event.due) for event in overdue] == [("reporting", due)]
    await audit.watch.look()
    assert 'lagspill_findings_overdue{pattern="without-relation"} 1.0' in (await audit.get("/metrics")).text
    etag = (await audit.get(f"/findings/{finding}", audit.token())).headers["etag"]
    clock.set(due + timedelta(hours=1))
    body: dict[str, object] = {
        "reported_at": clock.now().isoformat(),
        "reference": "26/01234",
        "text": "Reported, and the guardians told.",
    }
    later = {**body, "reported_at": (clock.now() + timedelta(hours=1)).isoformat()}
    assert (await post(audit, reporting, later, key="c", match=etag)).json()["code"] == "reported-later"
    assert (await post(audit, reporting, body, key="d", match=etag)).json()["code"] == "delay-reason-missing"
    body["delay_reason"] = "The officer was ill."
    done = await post(audit, reporting, body, key="e", match=etag)
    assert (done.status_code, done.json()["status"]) == (201, "reported"), done.text
    assert await findings(audit, overdue="true") == []
    notes = (await audit.get(f"/findings/{finding}", audit.token("privacy-officer"))).json()["notes"]
    assert [(each["verdict"], each["reference"]) for each in notes] == [("breach", None), ("reporting", "26/01234")]
    assert await audit.pool.fetchval("SELECT count(*) FROM deadlines") == 0


async def test_an_explanation_that_does_not_come_is_overdue_once(audit: Served, clock: SimulatedClock) -> None:
    finding, _ = await raised(audit)
    due = await audit.pool.fetchval("SELECT due FROM deadlines WHERE kind = $1", DUE["explanation"])  # type: ignore[index]
    assert due - clock.now() > timedelta(days=10), "ten working days"
    clock.set(due)
    assert await audit.deadlines.fire_due() == 1
    assert await audit.deadlines.fire_due() == 0
    (shown,) = await findings(audit, group="behaviour")
    assert (shown["finding"], shown["overdue"], shown["status"]) == (finding, True, "open")


async def test_nobody_answers_for_a_finding_about_themselves(audit: Served) -> None:
    await audit.get("/findings", audit.token("privacy-officer", sub="officer-1"))
    me = ActorId((await audit.recorded())[-1]["actor"]["id"])
    finding, etag = await raised(
        audit, Employee(me, Role.TEACHER, Service.BARNEHAGE, UnitId("unit:elsewhere-barnehage"))
    )
    for path, body in (
        ("explanation", {"verdict": "lawful", "text": SECRET}),
        ("reporting", {"reported_at": MONDAY.isoformat(), "reference": "1", "text": "x"}),
    ):
        refused = await post(audit, f"/findings/{finding}/{path}", body, key=path, match=etag)
        assert (refused.status_code, refused.json()["code"]) == (403, "finding-about-you")
        last = (await audit.recorded())[-1]
        assert (last["kind"], last["reason"], last["actor"]["id"]) == ("deny", "finding-about-you", me)
    other = audit.token("privacy-officer", sub="officer-2")
    body = {"verdict": "lawful", "text": SECRET}
    assert (
        await post(audit, f"/findings/{finding}/explanation", body, key="o", match=etag, token=other)
    ).status_code == 201
    mine = await audit.get(f"/findings/{finding}", audit.token("privacy-officer", sub="officer-1"))
    assert mine.json()["notes"] == [], "nor reads what others wrote of them"


async def test_findings_about_the_log_itself_stand_beside_and_are_read_only(audit: Served) -> None:
    town = Town()
    records = list(town.ordinary_work(days=1, looks=3))
    await feed(audit.world, [record for nth, record in enumerate(records) if nth != 5])
    await audit.world.keeper.find_gaps(1.0)
    shown = await findings(audit, group="integrity", language="en")
    assert [(each["pattern"], each["status"], each["source"]) for each in shown if each["pattern"] == "gap"] == [
        ("gap", None, "/services/cases")
    ]
    gap = next(each for each in shown if each["pattern"] == "gap")
    assert gap["sentence"] == "Something that a service published is missing from the log."
    assert (await audit.see(f"/findings/{gap['finding']}"))["finding"] == gap["finding"]
    assert await findings(audit, group="behaviour") == []
    assert gap in await findings(audit, language="en", limit=1)
    body = {"verdict": "lawful", "text": SECRET}
    refused = await post(audit, f"/findings/{gap['finding']}/explanation", body, key="a", match='"v1"')
    assert (refused.status_code, refused.json()["code"]) == (409, "finding-read-only")


async def test_a_protected_case_s_findings_take_a_clearance_and_the_log_s_name(audit: Served) -> None:
    protected = "prt_" + "b" * 26
    town = Town(scope=protected)
    await feed(audit.world, town.opens(somebody(town), somebody(town)))
    await feed(audit.world, [town.look(somebody(town), town.children[0], reason="no-relation")])
    await audit.watch.look()
    assert await findings(audit) == []
    plain = audit.token("privacy-officer")
    assert (await audit.get("/findings", plain, log=protected)).status_code == 403
    claims = {"sub": "officer-9", "lagspill_unit": "unit:kommune", "lagspill_service": None, "municipality": NOTODDEN}
    cleared = audit.issuer.token({**claims, "lagspill_roles": ["privacy-officer", "protected-log-reader"]})
    alone = audit.issuer.token({**claims, "lagspill_roles": ["protected-log-reader"]})
    assert (await audit.get("/findings", alone, log=protected)).status_code == 403
    (shown,) = (await audit.get("/findings", cleared, log=protected)).json()["items"]
    finding = shown["finding"]
    assert (await audit.get(f"/findings/{finding}", plain)).status_code == 404
    answer = await audit.get(f"/findings/{finding}", cleared)
    assert answer.status_code == 200
    body = {"verdict": "lawful", "text": SECRET}
    path = f"/findings/{finding}/explanation"
    assert (await post(audit, path, body, key="a", match=answer.headers["etag"], token=plain)).status_code == 404
    done = await post(audit, path, body, key="b", match=answer.headers["etag"], token=cleared)
    assert done.status_code == 201, done.text
    events = await audit.pool.fetch("SELECT scope FROM outbox WHERE topic = 'lagspill.audit.v1' AND key = $1", finding)
    assert {row["scope"] for row in events} == {protected}
