"""Concern reports to child welfare over HTTP: digital with a receipt, by letter when it must be, answered or escalated; and secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import AnyHttpUrl, SecretStr

from services.cases.app import SERVICE
from services.cases.handlers.around import REPORT_DELIVERY
from services.cases.handlers.reports import ANSWER_WITHIN
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.e2e.child_welfare import ChildWelfare
from tests.unit.pdf_as_read import Pdf

pytestmark = pytest.mark.connected

TEXT = "Kommer uten mat og varme klær, og forteller om netter alene."
SAID = "Vil ikke hjem."
REPORT: dict[str, Any] = {
    "ground": "maltreatment-or-neglect",
    "text": TEXT,
    "guardians_informed": False,
    "not_informed_because": "danger-to-child",
    "child": {"method": "conversation", "text": SAID, "trusted_person": True},
}


@pytest.fixture
def channel() -> Iterator[ChildWelfare]:
    """Child welfare's digital channel."""
    made = ChildWelfare()
    yield made
    made.close()


@pytest_asyncio.fixture
async def digital(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, channel: ChildWelfare
) -> AsyncIterator[World]:
    """The cases service with a digital channel."""
    knobs: dict[str, Any] = {
        "concern_report_url": AnyHttpUrl(channel.url),
        "concern_report_token": SecretStr("a-token"),
    }
    async with cases_world(migrated, issuer, clock, **knobs) as made:
        yield made


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service without one."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def reported(world: World, case: str, who: str = "teacher", **changes: Any) -> str:
    """Report, and return the report."""
    sent = await world.must(who, f"/cases/{case}/concern-reports", {**REPORT, **changes})
    return str(sent["report"])


async def solved(world: World) -> str:
    """Report a concern about another child, solve it otherwise, and return the case."""
    child = People(14).child(age=5)
    about = {"name": child.name, "national_number": child.national_number}
    receipt = await world.must("teacher", "/concerns", world.concern(child=about))
    await reported(world, receipt["case"])
    local = {"outcome": "resolved-locally", "local_outcome": "adapted-everyday"}
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", local)
    return str(receipt["case"])


async def status(world: World, case: str, who: str = "teacher") -> list[str]:
    """Return how far the reports of a case have come."""
    return [one["status"] for one in (await world.see(who, f"/cases/{case}/concern-reports"))["items"]]


@pytest.mark.rule(93, 192)
async def test_a_report_from_a_concern_needs_no_case_and_no_consent_and_goes_digitally(
    digital: World, channel: ChildWelfare
) -> None:
    receipt = await digital.must("teacher", "/concerns", digital.concern())
    report = await reported(digital, receipt["case"])
    assert channel.asked == []
    [record] = await digital.access("disclose")
    assert (record["basis"]["code"], record["recipients"][0]["service"]) == ("bvl-13-2", "barnevern")
    assert (record["not_for_guardians"], sorted(record["categories"])) == (True, ["concern", "identity"])
    await digital.move_to(digital.clock.now() + timedelta(seconds=1))
    assert channel.tokens == {"Bearer a-token"}
    taken = channel.taken[report]
    assert taken["child"]["national_number"] == digital.child.national_number
    assert (taken["text"], taken["child_said"], taken["ground_letter"]) == (TEXT, SAID, "a")
    assert await status(digital, receipt["case"]) == ["received"]
    assert (await digital.types())[-3:] == [
        "case.view-of-child-recorded",
        "concern-report.sent",
        "concern-report.received",
    ]
    answered = await digital.must("teacher", f"/concern-reports/{report}/feedback", {"kind": "investigating"})
    assert answered["status"] == "answered"
    ended = await digital.must("teacher", f"/concern-reports/{report}/feedback", {"kind": "investigation-ended"})
    assert (ended["status"], ended["feedback"]) == ("concluded", ["investigating", "investigation-ended"])
    again = await digital.post("teacher", f"/concern-reports/{report}/feedback", {"kind": "received"})
    assert code(again) == (409, "report-concluded")
    # In time: nobody is told that there is no answer.
    await digital.move_to(digital.clock.now() + timedelta(days=30))
    assert await digital.published("concern-report.unanswered.v1") == []


@pytest.mark.rule(93)
async def test_nothing_of_a_report_is_on_the_bus(digital: World) -> None:
    case = await digital.opened()
    await reported(digital, case)
    await digital.move_to(digital.clock.now() + timedelta(minutes=1))
    everything = json.dumps(await digital.published(), ensure_ascii=False)
    for secret in (
        TEXT,
        SAID,
        "maltreatment",
        "danger-to-child",
        digital.child.given_name,
        digital.child.national_number,
    ):
        assert secret not in everything


@pytest.mark.rule(93)
async def test_a_channel_that_fails_is_asked_again_with_the_same_key_until_it_has_it(
    digital: World, channel: ChildWelfare
) -> None:
    case = await digital.opened()
    channel.answers = [(503, b""), (200, b"<html>a proxy</html>"), (429, b"")]
    report = await reported(digital, case)
    moment = digital.clock.now()
    await digital.move_to(moment)
    assert await status(digital, case) == ["sent"]
    for minutes in (1, 3, 7):
        await digital.move_to(moment + timedelta(minutes=minutes))
    assert channel.asked == [report] * 4
    assert await status(digital, case) == ["received"]
    assert len(await digital.published("concern-report.received.v1")) == 1


@pytest.mark.rule(93)
async def test_a_channel_that_refuses_or_never_answers_is_followed_by_a_letter(
    digital: World, channel: ChildWelfare
) -> None:
    case = await digital.opened()
    channel.answers = [(422, b"")]
    refused = await reported(digital, case)
    await digital.move_to(digital.clock.now())
    [failed] = await digital.published("concern-report.failed.v1")
    assert (failed["data"]["reason"], failed["data"]["attempts"], failed["data"]["fallback"]) == (
        "refused",
        1,
        "letter",
    )
    channel.close()
    silent = await reported(digital, case)
    sent_at = digital.clock.now()
    for hours in range(26):
        await digital.move_to(sent_at + timedelta(hours=hours))
    failures = {
        one["data"]["report"]: one["data"]["reason"] for one in await digital.published("concern-report.failed.v1")
    }
    assert failures == {refused: "refused", silent: "unreachable"}
    assert await status(digital, case) == ["to-post", "to-post"]


@pytest.mark.rule(93)
async def test_while_the_channel_takes_its_time_nothing_is_held(digital: World, channel: ChildWelfare) -> None:
    """The intention is committed, no transaction is open, the case changes, and another report goes its way."""
    case = await digital.opened()
    slow = await reported(digital, case)
    channel.may_answer.clear()
    asking = asyncio.create_task(digital.move_to(digital.clock.now()))
    await asyncio.to_thread(channel.was_asked.wait)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE '%in transaction%'"
    assert await digital.pool.fetchval(busy) == 0
    [held] = await digital.pool.fetch(
        "SELECT due, payload FROM deadlines WHERE key = $1 AND kind = $2 FOR UPDATE NOWAIT", slow, REPORT_DELIVERY
    )
    assert (held["due"], json.loads(held["payload"])) == (digital.clock.now() + ANSWER_WITHIN, {"attempts": 1})
    await reported(digital, case)
    assert await status(digital, case) == ["sent", "sent"]
    channel.may_answer.set()
    await asking
    assert await status(digital, case) == ["received", "received"]
    assert await digital.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = $1", REPORT_DELIVERY) == 0


@pytest.mark.rule(93)
async def test_an_attempt_that_nothing_was_heard_of_is_made_again_and_its_late_receipt_counts(
    digital: World, channel: ChildWelfare
) -> None:
    """The second attempt finds the channel away; the first one's receipt comes after all, and no letter is needed."""
    case = await digital.opened()
    report = await reported(digital, case)
    channel.answers = [(503, b""), (201, b'{"receipt": "bv-1"}')]
    channel.may_answer.clear()
    moment = digital.clock.now()
    first = asyncio.create_task(digital.move_to(moment))
    await asyncio.to_thread(channel.was_asked.wait)
    second = asyncio.create_task(digital.move_to(moment + ANSWER_WITHIN))
    while len(channel.asked) < 2:
        channel.was_asked.clear()
        if len(channel.asked) < 2:
            await asyncio.to_thread(channel.was_asked.wait)
    channel.may_answer.set()
    await asyncio.gather(first, second)
    assert channel.asked == [report] * 2
    assert await status(digital, case) == ["received"]
    assert len(await digital.published("concern-report.received.v1")) == 1
    assert await digital.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = $1", REPORT_DELIVERY) == 0


@pytest.mark.rule(93)
async def test_a_report_whose_channel_is_taken_away_goes_by_letter(digital: World) -> None:
    case = await digital.opened()
    await reported(digital, case)
    settings = digital.kit.settings.model_copy(update={"concern_report_url": None})
    parts = await SERVICE.compose(replace(digital.kit, settings=settings))
    await replace(digital, parts=parts).move_to(digital.clock.now())
    assert await status(digital, case) == ["to-post"]


@pytest.mark.rule(93)
async def test_without_a_channel_it_is_printed_posted_and_answered(world: World) -> None:
    case = await world.opened()
    report = await reported(world, case)
    assert await status(world, case) == ["to-post"]
    early = await world.post("teacher", f"/concern-reports/{report}/feedback", {"kind": "received"})
    assert code(early) == (409, "report-not-posted")
    # Its words are nowhere else: what would destroy them waits until they have gone.
    for who, case_now, path, body in (
        ("teacher", case, "address-protection", {"kind": "confidential"}),
        ("styrer", await solved(world), "erasure", None),
    ):
        version = await world.version("styrer", case_now)
        lost = await world.post(who, f"/cases/{case_now}/{path}", body, if_match=version)
        assert code(lost) == (409, "report-on-its-way"), lost.text
    letter = await world.get("teacher", f"/concern-reports/{report}/letter")
    assert (letter.status_code, letter.headers["content-type"]) == (200, "application/pdf")
    assert letter.headers["cache-control"] == "no-store"
    pdf = Pdf(letter.content)
    said = pdf.tree().text
    for part in (
        TEXT,
        SAID,
        world.child.name,
        world.child.national_number,
        "§ 13-2",
        "Det kan utsette barnet for fare.",
    ):
        assert part in said
    assert "<pdfuaid:part>1</pdfuaid:part>" in pdf.metadata
    [printed] = await world.access("print")
    assert (printed["basis"]["code"], printed["not_for_guardians"]) == ("bvl-13-2", True)
    posted = await world.must("teacher", f"/concern-reports/{report}/posting")
    assert posted["status"] == "posted"
    assert code(await world.post("teacher", f"/concern-reports/{report}/posting")) == (409, "report-not-to-post")
    dismissed = await world.must("teacher", f"/concern-reports/{report}/feedback", {"kind": "dismissed"})
    assert dismissed["status"] == "concluded"
    gone = await world.get("teacher", f"/concern-reports/{report}/letter")
    assert code(gone) == (409, "report-not-to-post")
    version = await world.version("teacher", case)
    path = f"/cases/{case}/address-protection"
    assert (await world.post("teacher", path, {"kind": "confidential"}, if_match=version)).status_code == 201


async def corrected(world: World, case: str, name: str) -> None:
    """Correct what the vault has of the child and of how a guardian is reached."""
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/child/corrections", {"name": name}, if_match=version)
    version = await world.version("teacher", case)
    guardian = {"phone": "+4700000042", "name": "Ny Rett"}
    await world.must("teacher", f"/cases/{case}/guardians/1/corrections", guardian, if_match=version)


async def printed(world: World, report: str) -> str:
    """Return what the letter says."""
    letter = await world.get("teacher", f"/concern-reports/{report}/letter")
    return Pdf(letter.content).tree().text


@pytest.mark.rule(93)
async def test_a_letter_says_what_is_right_until_it_is_posted_and_what_was_posted_ever_after(world: World) -> None:
    case = await world.opened()
    report = await reported(world, case)
    assert "Solstråle Rettsen" not in await printed(world, report)
    await corrected(world, case, "Solstråle Rettsen")
    # Nothing has gone yet: child welfare is told whom it is about.
    assert "Solstråle Rettsen" in await printed(world, report)
    await world.must("teacher", f"/concern-reports/{report}/posting")
    letter = await printed(world, report)
    await corrected(world, case, "Solstråle Andresen")
    assert await printed(world, report) == letter
    assert "Solstråle Rettsen" in letter
    text = json.dumps(await world.published(), ensure_ascii=False)
    assert "Rettsen" not in text


@pytest.mark.rule(93)
async def test_what_the_channel_is_asked_a_second_time_is_what_it_was_asked_the_first_time(
    digital: World, channel: ChildWelfare
) -> None:
    """The same reference: what child welfare has is one report, whatever was corrected meanwhile."""
    case = await digital.opened()
    channel.answers = [(503, b"")]
    report = await reported(digital, case)
    moment = digital.clock.now()
    await digital.move_to(moment)
    await corrected(digital, case, "Solstråle Rettsen")
    await digital.move_to(moment + timedelta(minutes=1))
    assert channel.taken[report]["child"]["name"] == digital.child.name
    assert "Ny Rett" not in [one["name"] for one in channel.taken[report]["guardians"]]


@pytest.mark.rule(93, 95)
async def test_three_weeks_without_an_answer_and_somebody_is_told(world: World) -> None:
    case = await world.opened()
    report = await reported(world, case)
    await world.must("teacher", f"/concern-reports/{report}/posting")
    await world.move_to(datetime(2026, 9, 28, 7, 59, tzinfo=UTC))
    assert await world.published("concern-report.unanswered.v1") == []
    # The case may be over by then: the report is not.
    await world.must(
        "teacher", f"/cases/{case}/closure", {"outcome": "moved"}, if_match=await world.version("teacher", case)
    )
    await world.move_to(datetime(2026, 9, 28, 8, 0, tzinfo=UTC))
    [alarm] = await world.published("concern-report.unanswered.v1")
    assert alarm["data"]["reporter"]["unit"] == "unit:lia-barnehage"
    [seen] = (await world.see("styrer", f"/cases/{case}/concern-reports"))["items"]
    assert (seen["unanswered"], seen["status"]) == (True, "posted")
    world.clock.set(datetime(2026, 10, 1, 8, 0, tzinfo=UTC))
    late = await world.must("teacher", f"/concern-reports/{report}/feedback", {"kind": "received"})
    assert late["status"] == "answered"
    assert (await world.published("concern-report.feedback.v1"))[0]["data"]["late"] is True


@pytest.mark.rule(93, 192)
async def test_guardians_are_told_nothing_where_telling_would_endanger(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    await reported(world, case)
    for who in ("guardian-a", "guardian-b"):
        assert (await world.see(who, f"/cases/{case}/concern-reports"))["items"] == []
        shown = json.dumps([await world.see(who, path) for path in (f"/cases/{case}", f"/cases/{case}/child")])
        for trace in ("concern-report", "rpt_", TEXT, SAID):
            assert trace not in shown
    known = await reported(world, case, guardians_informed=True, not_informed_because=None, child=None, not_heard=None)
    [told] = (await world.see("guardian-a", f"/cases/{case}/concern-reports"))["items"]
    assert told["report"] == known
    assert len(await status(world, case, "styrer")) == 2


@pytest.mark.rule(93, 101, 192)
async def test_guardians_who_are_told_of_a_report_later_see_that_it_went(world: World) -> None:
    """The danger may be over, or child welfare has spoken with them: then it is theirs to know, and the words still are not."""
    case = await world.opened()
    report = await reported(world, case)
    path = f"/concern-reports/{report}"
    before = (await world.get("guardian-a", f"/cases/{case}")).headers["etag"]
    for who in ("guardian-a", "ppt", "curious"):
        assert code(await world.post(who, f"{path}/guardians-informed")) == (404, "not-found")
    noted = await world.must("teacher", f"{path}/guardians-informed")
    assert (noted["guardians_informed"], noted["status"]) == (True, "to-post")
    assert (await world.must("styrer", f"{path}/guardians-informed"))["guardians_informed"] is True
    [event] = await world.published("concern-report.guardians-informed.v1")
    assert event["data"] == {"case": case, "report": report}
    [told] = (await world.see("guardian-a", f"/cases/{case}/concern-reports"))["items"]
    assert (told["report"], told["guardians_informed"]) == (report, True)
    assert (await world.get("guardian-a", f"/cases/{case}")).headers["etag"] != before
    assert code(await world.get("guardian-a", path)) == (404, "not-found")
    await world.see("teacher", path)
    assert not (await world.access("read"))[-1].get("not_for_guardians")
    # It stays so whatever child welfare answers.
    await world.must("teacher", f"{path}/posting")
    assert (await world.must("teacher", f"{path}/feedback", {"kind": "dismissed"}))["guardians_informed"] is True


@pytest.mark.rule(93, 192)
async def test_who_may_know_of_a_report_and_who_may_read_it(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    report = await reported(world, case, who="nurse")
    assert await status(world, case, "teacher") == ["to-post"]
    assert await status(world, case, "styrer") == ["to-post"]
    path = f"/concern-reports/{report}"
    assert code(await world.get("ppt", f"/cases/{case}/concern-reports")) == (403, "not-permitted")
    assert code(await world.get("curious", f"/cases/{case}/concern-reports")) == (404, "not-found")
    # A report that is not for the reader is told from none at all by nobody, guardians above all.
    for who in ("teacher", "styrer", "guardian-a", "ppt", "curious"):
        assert code(await world.get(who, path)) == (404, "not-found")
        assert code(await world.get(who, f"{path}/letter")) == (404, "not-found")
        if who != "teacher":
            assert code(await world.post(who, f"{path}/posting")) == (404, "not-found")
            assert code(await world.post(who, f"{path}/feedback", {"kind": "received"})) == (404, "not-found")
    assert {one["reason"] for one in await world.access("deny")} >= {"no-relation", "not-in-table"}
    # The consent by which the nurse has a part ends; her report is hers, and her leader's, all the same.
    await world.must("guardian-b", f"/consents/{consent}/withdrawals")
    assert code(await world.get("nurse", f"/cases/{case}")) == (404, "not-found")
    for who in ("nurse", "nurse-leader"):
        read = await world.see(who, path)
        assert (read["text"], read["child_said"], read["not_informed_because"]) == (TEXT, SAID, "danger-to-child")
    assert all(one["not_for_guardians"] for one in (await world.access("read"))[-2:])
    await world.must("nurse-leader", f"{path}/posting")
    await world.must("nurse", f"{path}/feedback", {"kind": "received"})
    own = await reported(world, case)
    assert code(await world.get("nurse", f"/concern-reports/{own}")) == (404, "not-found")


@pytest.mark.rule(93, 107)
@pytest.mark.parametrize("protected", [False, True], ids=["ordinary", "protected"])
async def test_a_report_is_read_by_who_made_it_where_it_was_made(world: World, *, protected: bool) -> None:
    """Who works in another unit of the service now has what is made there; of a protected case no event says where that was."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=protected))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case, moved = str(receipt["case"]), {"lagspill_unit": "unit:another-helsestasjon"}
    await world.consented(case)
    here = await reported(world, case, who="nurse")
    path = f"/concern-reports/{here}"
    assert (await world.see("nurse", path))["text"] == TEXT
    assert code(await world.get("second-nurse", path)) == (404, "not-found")
    for asked in (path, f"{path}/letter"):
        assert code(await world.get("nurse", asked, **moved)) == (404, "not-found")
    for done, body in (("posting", None), ("feedback", {"kind": "received"})):
        assert code(await world.post("nurse", f"{path}/{done}", body, claims=moved)) == (404, "not-found")
    again = await world.post("nurse", f"/cases/{case}/concern-reports", REPORT, claims=moved)
    assert again.status_code == 201, again.text
    there = again.json()["report"]
    # A report of one's own there opens no other.
    assert code(await world.get("nurse", path, **moved)) == (404, "not-found")
    assert (await world.get("nurse", f"/concern-reports/{there}", **moved)).json()["text"] == TEXT
    assert code(await world.get("nurse", f"/concern-reports/{there}")) == (404, "not-found")
    for claims, known in (({}, here), (moved, there)):
        listed = (await world.get("nurse", f"/cases/{case}/concern-reports", **claims)).json()["items"]
        assert [one["report"] for one in listed] == [known]
    assert {one["report"] for one in (await world.see("teacher", f"/cases/{case}/concern-reports"))["items"]} == {
        here,
        there,
    }


@pytest.mark.rule(93)
async def test_who_has_the_baton_now_and_reported_too_does_not_read_what_a_colleague_reported(world: World) -> None:
    case = await world.opened()
    before = await reported(world, case)
    baton = {"kind": "baton", "receiver": await world.receiver("colleague")}
    sent = await world.must("teacher", f"/cases/{case}/handovers", baton)
    await world.must("colleague", f"/handovers/{sent['handover']}/acceptance")
    own = await reported(world, case, who="colleague")
    assert (await world.see("colleague", f"/concern-reports/{own}"))["text"] == TEXT
    for path in (f"/concern-reports/{before}", f"/concern-reports/{before}/letter"):
        assert code(await world.get("colleague", path)) == (404, "not-found")
    assert (await world.see("styrer", f"/concern-reports/{before}"))["text"] == TEXT


@pytest.mark.rule(93, 99, 192)
async def test_every_refusal_of_a_report_changes_nothing(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/concern-reports"
    unheard = {key: value for key, value in REPORT.items() if key != "child"}
    wrong: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
        ("teacher", {**REPORT, "ground": "it-is-difficult"}, (422, "report-ground-unknown")),
        ("teacher", {**REPORT, "not_informed_because": None}, (422, "guardians-reason")),
        ("teacher", {**REPORT, "guardians_informed": True}, (422, "guardians-reason")),
        ("teacher", {**REPORT, "not_informed_because": "it-is-difficult"}, (422, "input-invalid")),
        ("teacher", unheard, (409, "child-view-missing")),
        ("teacher", {**REPORT, "not_heard": "danger"}, (422, "input-invalid")),
        ("curious", REPORT, (404, "not-found")),
        ("guardian-a", REPORT, (403, "not-permitted")),
        ("child", REPORT, (404, "not-found")),
        ("notify", REPORT, (404, "not-found")),
    ]
    before = await world.types()
    for who, body, expected in wrong:
        assert code(await world.post(who, path, body)) == expected
    missing = await world.post("teacher", path, unheard)
    assert missing.json()["reasons"] == ["danger", "does-not-wish", "not-able", "too-young"]
    assert await world.types() == before
    assert await world.access("disclose") == []
    nobody = "rpt_" + "b" * 26
    for way in ("letter",):
        assert code(await world.get("teacher", f"/concern-reports/{nobody}/{way}")) == (404, "not-found")
    assert code(await world.post("teacher", f"/concern-reports/{nobody}/posting")) == (404, "not-found")
    await reported(world, case, child=None, not_heard="danger")
    # What the child says before a report can be heard earlier too; it is in nobody's dossier.
    said = {"method": "conversation", "before": "concern-report", "text": SAID}
    await world.must("teacher", f"/cases/{case}/child-views", said)
    assert SAID not in json.dumps(await world.see("guardian-a", f"/cases/{case}/child"))
    await reported(world, case, child=None)
