"""From the first concern up and down the ladder over HTTP: what happens, what is refused and with what instead, what leaves no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts.codes import LegalBasis, Service
from shared.contracts.meetings import CaseDiscussed, ItemMode
from shared.envelope import describe, number, seal
from shared.refs import CaseRef, ItemRef, LogScope, MeetingRef
from shared.small_numbers import suppress
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.integration.notify_world import Record

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that it was refused so, and return the refusal."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    return problem


def measure(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "code": "sprakgruppe",
        "owner": "ppt",
        "owner_unit": "unit:ppt",
        "goal": "Snakker i hele setninger med vennene.",
        "indicator": "words-in-play",
        "evaluate_by": (world.clock.now() + timedelta(weeks=8)).isoformat(),
        **changes,
    }


async def level(world: World, case: str, to_level: int, reason: str = "assessment", **more: Any) -> httpx.Response:
    body = {"to_level": to_level, "reason": reason, **more}
    return await world.post(
        "teacher", f"/cases/{case}/level-changes", body, if_match=await world.version("teacher", case)
    )


# --- concerns ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(78, 79, 83, 103, 105, 180)
@pytest.mark.story(2)
async def test_a_concern_in_the_municipalitys_words_goes_to_the_vault_and_its_receipt_names_no_child(
    world: World,
) -> None:
    told = world.concern(criteria=["language-late"], family_frame=["housing", "income"], for_whom="unit")
    for changes, status, code in (
        ({"criteria": ["absurd"]}, 422, "criterion-unknown"),
        ({"criteria": ["care-at-home"]}, 422, "criterion-unknown"),
        ({"family_frame": ["car"]}, 422, "family-frame-unknown"),
    ):
        assert "allowed" in refused(await world.post("teacher", "/concerns", {**told, **changes}), status, code)
    refused(await world.post("guardian-a", "/concerns", told), 403, "not-staff")
    refused(await world.post("teacher", "/concerns", told, claims={"municipality": "0301"}), 409, "profile-missing")
    assert await world.published() == []
    response = await world.post("teacher", "/concerns", told)
    receipt = response.json()
    assert (receipt["status"], receipt["joined"], receipt["for_whom"]) == ("registered", False, "unit")
    assert receipt["act_by"] == (world.clock.now() + timedelta(days=14)).isoformat().replace("+00:00", "Z")
    for word in (world.child.name, world.child.national_number, "language-late", "income", "leken"):
        assert word not in response.text
        assert word not in str(await world.published())
    kept = {
        one["record"]: one["text"] for one in (await world.see("teacher", f"/cases/{receipt['case']}/child"))["records"]
    }
    assert kept["concern/criteria"] == "language-late"
    assert kept["observation/frame"] == "housing, income"


@pytest.mark.rule(80, 81, 86)
@pytest.mark.story(4)
async def test_it_is_lifted_to_where_the_competence_is(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern())
    path = f"/concerns/{receipt['concern']}/resolution"
    refused(await world.post("teacher", path, {"outcome": "lifted", "competence": "politi"}), 422, "competence-unknown")
    bad = {"outcome": "resolved-locally", "local_outcome": "unfounded", "competence": "ppt"}
    assert (await world.post("teacher", path, bad)).status_code == 422
    await world.must("teacher", path, {"outcome": "lifted", "competence": "nav"})
    case = await world.see("teacher", f"/cases/{receipt['case']}")
    assert (case["level"], case["stage"]) == (2, "open")
    assert case["meeting_by"] is not None


@pytest.mark.rule(49, 79, 161)
async def test_a_second_concern_joins_for_those_who_may_know_and_tells_nobody_else_anything(world: World) -> None:
    case = await world.opened()
    before = len(await world.published())
    stranger = await world.post("curious", "/concerns", world.concern(text="Er ofte trist."))
    alone = stranger.json()
    assert stranger.status_code == 201
    assert (alone["joined"], alone["stage"]) == (False, "concern")
    assert alone["case"] != case
    new = (await world.published())[before:]
    assert [event["subject"] for event in new] == [alone["case"]], "not even the log of the case that there is knows"
    assert case not in str(new)
    another = People(31).child(age=6)
    named = {"name": another.name, "national_number": another.national_number}
    of_nobody = (await world.post("curious", "/concerns", world.concern(child=named))).json()
    assert of_nobody.keys() == alone.keys()
    assert {key for key in alone if alone[key] != of_nobody[key]} == {"case", "concern"}, "answered as any other is"

    await world.consented(case)
    own = await world.must("teacher", "/concerns", world.concern(text="Faller ofte."))
    from_ppt = await world.must("ppt", "/concerns", world.concern(text="Hører dårlig på ett øre."))
    assert {own["case"], from_ppt["case"]} == {case}
    assert own["joined"]
    shown = await world.see("teacher", f"/concerns/{from_ppt['concern']}")
    assert shown["text"] == "Hører dårlig på ett øre."
    both = sorted((own["concern"], from_ppt["concern"]))
    assert (await world.see("teacher", f"/cases/{case}"))["concerns"] == both
    version = await world.version("teacher", case)
    closing = await world.post("teacher", f"/cases/{case}/closure", {"outcome": "moved"}, if_match=version)
    assert refused(closing, 409, "concern-open")["concerns"] == both
    solved = {"outcome": "resolved-locally", "local_outcome": "guidance-given"}
    await world.must("teacher", f"/concerns/{own['concern']}/resolution", solved)
    await world.must("teacher", f"/concerns/{from_ppt['concern']}/resolution", {"outcome": "lifted"})
    refused(await world.post("teacher", f"/concerns/{own['concern']}/resolution", solved), 409, "concern-settled")
    assert (await world.see("teacher", f"/cases/{case}"))["stage"] == "open"


# --- levels -----------------------------------------------------------------------------------------------------------


def discussed(world: World, case: str, at: datetime, *, named: bool = True) -> Record:
    """Return a meeting's word that a case was discussed, as it comes from the bus."""
    event = CaseDiscussed(
        meeting=MeetingRef("mtg_" + "b" * 26),
        item=ItemRef("itm_" + "b" * 26),
        mode=ItemMode.NAMED if named else ItemMode.ANONYMOUS,
        case=CaseRef(case) if named else None,
        basis=LegalBasis(code="consent", version="2018-07-20"),
        attended_by=frozenset({Service.PPT}) if named else frozenset(),
        discussed_at=at if named else None,
    )
    now = world.clock.now()
    envelope = describe(
        event,
        event_id=uuid4(),
        source="/services/meetings",
        happened=now,
        recorded=now,
        scope=LogScope("4005"),
        correlation=uuid4(),
        sequence=1,
    )
    return Record(number(seal(event, envelope), 1), event.subject.encode(), 0, topic=event.TOPIC)


@pytest.mark.rule(68, 86, 181)
async def test_up_the_ladder_and_down_with_a_meeting_on_the_way(world: World) -> None:
    case = await world.opened()
    for to_level, reason, more, status, code in (
        (1, "assessment", {}, 409, "level-same"),
        (3, "assessment", {}, 409, "level-step"),
        (2, "improved", {}, 422, "level-reason"),
        (2, "no-effect", {}, 409, "evaluation-missing"),
        (2, "no-effect", {"evaluation": "mea_" + "b" * 26}, 404, "not-found"),
    ):
        refused(await level(world, case, to_level, reason, **more), status, code)
    assert (await level(world, case, 4)).status_code == 422
    body = {"to_level": 2, "reason": "assessment"}
    refused(await world.post("teacher", f"/cases/{case}/level-changes", body), 428, "if-match-missing")
    refused(await world.post("teacher", f"/cases/{case}/level-changes", body, if_match='"1"'), 412, "version-stale")
    refused(
        await world.post("styrer", f"/cases/{case}/level-changes", body, if_match=await world.version("teacher", case)),
        403,
        "not-permitted",
    )
    stepped = (await level(world, case, 2)).json()
    assert stepped["level"] == 2
    by = datetime.fromisoformat(stepped["meeting_by"])
    assert by == world.clock.now() + timedelta(days=14)
    [changed] = await world.published("case.level-changed.v1")
    assert changed["data"]["team"] == "ansvarsgruppe"

    intake = world.intake()
    before, after = world.clock.now() - timedelta(days=1), world.clock.now() + timedelta(days=3)
    await intake.process([discussed(world, case, before)])
    await intake.process([discussed(world, case, after, named=False)])
    assert (await world.see("teacher", f"/cases/{case}"))["meeting_by"] is not None
    held = discussed(world, case, after)
    await intake.process([held])
    await intake.process([held])
    assert (await world.see("teacher", f"/cases/{case}"))["meeting_by"] is None
    assert len(await world.published("case.meeting-held.v1")) == 1

    assert refused(await level(world, case, 3), 409, "competence-missing")["services"] == [
        "barnevern",
        "bup",
        "psykiatri",
    ]
    refused(await level(world, case, 3, with_service="bup"), 409, "consent-missing")
    await world.consented(case, services=("bup",))
    assert (await level(world, case, 3, with_service="bup")).json()["level"] == 3
    assert (await level(world, case, 0, "guardian-request")).json()["level"] == 0


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(28, 49, 88, 89, 90, 161, 166, 181, 182)
@pytest.mark.story(14, 15)
async def test_measures_belong_to_the_level_are_carried_out_evaluated_and_never_done_twice(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    path = f"/cases/{case}/measures"
    far = (world.clock.now() + timedelta(weeks=27)).isoformat()
    for changes, status, code in (
        ({"code": "dans"}, 422, "offer-unknown"),
        ({"code": "avlastningshjem"}, 409, "offer-above-level"),
        ({"code": "atferdsgruppe"}, 409, "offer-retired"),
        ({"evaluate_by": far}, 422, "evaluate-by-too-late"),
        ({"owner": "bup"}, 409, "consent-missing"),
    ):
        problem = refused(await world.post("teacher", path, measure(world, **changes)), status, code)
        if code.startswith("offer-"):
            assert "sprakgruppe" in problem["allowed"]
            assert "avlastningshjem" not in problem["allowed"]
    first = (await world.must("teacher", path, measure(world)))["measure"]
    assert (await world.must("ppt", f"/measures/{first}/start"))["status"] == "started"
    refused(await world.post("ppt", f"/measures/{first}/start"), 409, "measure-started")
    refused(
        await world.post("ppt", f"/measures/{first}/changes", {"indicator": "words-in-play"}), 422, "nothing-changed"
    )
    assert (await world.post("ppt", f"/measures/{first}/changes", {})).status_code == 422
    changed = await world.must("ppt", f"/measures/{first}/changes", {"goal": "Tar ordet i samlingsstund."})
    assert changed["goal"] != (await world.published("measure.planned.v1"))[0]["data"]["goal"]
    assert "samlingsstund" not in str(await world.published())
    refused(await world.post("ppt", f"/measures/{first}/stop", {"reason": "no-effect"}), 409, "measure-not-evaluated")

    alike = measure(world, code="ekstratimer", owner="barnehage", owner_unit="unit:lia-barnehage")
    second = (await world.must("teacher", path, alike))["measure"]
    [overlap] = [event["data"] for event in await world.published("measure.overlap-suspected.v1")]
    assert (overlap["measure"], overlap["others"], overlap["overlap"]) == (second, [first], "language")
    refused(
        await world.post("ppt", f"/measures/{second}/overlap-explanations", {"explanation": "coordinated"}),
        403,
        "not-permitted",
    )
    await world.must("ppt", f"/measures/{first}/overlap-explanations", {"explanation": "different-purpose"})
    refused(
        await world.post("ppt", f"/measures/{first}/overlap-explanations", {"explanation": "coordinated"}),
        409,
        "overlap-not-open",
    )
    assert (await world.see("teacher", f"/cases/{case}"))["overlaps"][0]["waits_for"] == [second]
    await world.must("teacher", f"/measures/{second}/overlap-explanations", {"explanation": "coordinated"})
    assert (await world.see("teacher", f"/cases/{case}"))["overlaps"][0]["status"] == "explained"

    version = await world.version("teacher", case)
    closing = await world.post("teacher", f"/cases/{case}/closure", {"outcome": "moved"}, if_match=version)
    assert set(refused(closing, 409, "measure-open")["measures"]) == {first, second}
    await world.must("teacher", f"/measures/{second}/stop", {"reason": "withdrawn"})
    await world.move_to(datetime(2026, 12, 1, 11, tzinfo=UTC))
    again = {"effect": "none", "outcome": "continue", "evaluate_by": "2027-01-01T11:00:00Z"}
    refused(await world.post("ppt", f"/measures/{first}/evaluations", again), 409, "no-effect-must-change")
    await world.must("ppt", f"/measures/{first}/evaluations", {"effect": "none", "outcome": "escalate"})
    assert (await world.see("teacher", f"/cases/{case}"))["level"] == 2
    refused(await world.post("teacher", path, measure(world)), 409, "measure-had-no-effect")
    await world.must("teacher", path, measure(world, new_reason="other-intensity"))


# --- the register, and figures ----------------------------------------------------------------------------------------


@pytest.mark.rule(85, 166, 168, 169, 170, 185, 186)
async def test_the_procedure_and_the_register_are_the_municipalitys_own(world: World) -> None:
    for path in ("/procedure", "/measure-types"):
        refused(await world.get("guardian-a", path), 403, "not-staff")
        refused(await world.get("teacher", path, municipality="0301"), 409, "profile-missing")
    procedure = await world.see("curious", "/procedure")
    assert (procedure["act_within_days"], procedure["evaluate_within_weeks"]) == (14, 26)
    assert {one["rule"] for one in procedure["mapping_tools"]} == {169, 186}
    assert procedure["criteria"][0]["text"].keys() == {"nb", "nn", "en"}
    types = (await world.see("teacher", "/measure-types"))["measure_types"]
    assert [one["level"] for one in types[:-1]] == sorted(one["level"] for one in types[:-1])
    assert (types[-1]["code"], types[-1]["retired_because"]) == ("atferdsgruppe", "no-effect")
    assert next(one for one in types if one["code"] == "sprakgruppe")["overlaps_with"] == ["ekstratimer"]
    await world.move_to(datetime(2027, 7, 1, tzinfo=UTC))
    due = {one["code"] for one in (await world.see("teacher", "/measure-types"))["measure_types"] if one["review_due"]}
    assert due == {"sprakgruppe", "art"}
    tonsberg = (await world.get("teacher", "/measure-types", municipality="3905")).json()["measure_types"]
    assert len([one for one in tonsberg if 182 in one["rules"]]) == 14


@pytest.mark.rule(89, 102, 154, 155, 164, 179, 180)
@pytest.mark.story(25)
async def test_figures_of_a_term_that_is_over_and_no_child_among_them(world: World) -> None:
    people = People(41)
    concerns = []
    for number_, (who, for_whom) in enumerate([("teacher", "child")] * 6 + [("curious", "unit")] * 3):
        child = people.child(age=5)
        named = {"name": child.name, "national_number": child.national_number}
        told = world.concern(child=named, for_whom=for_whom)
        concerns.append((who, (await world.must(who, "/concerns", told)), number_))
    hidden = world.concern(child={"name": "Vern Eksempelsen", "national_number": people.child(age=4).national_number})
    await world.must("teacher", "/concerns", {**hidden, "address_protected": True})
    for days in range(1, 7):
        await world.move_to(world.clock.now() + timedelta(days=1))
        who, receipt, _ = concerns[days - 1]
        await world.must(who, f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = concerns[0][1]["case"]
    early = (
        await world.must(
            "teacher", f"/cases/{case}/measures", measure(world, code="art", owner="barnehage", owner_unit=None)
        )
    )["measure"]
    await world.must("teacher", f"/measures/{early}/evaluations", {"effect": "reached", "outcome": "stop"})

    refused(await world.get("coordinator", "/figures?period=2026-autumn"), 409, "period-not-over")
    refused(await world.get("coordinator", "/figures?period=1999-autumn"), 422, "period-unknown")
    for who in ("coordinator", "teacher"):
        refused(await world.get(who, "/figures?period=2026"), 422, "input-invalid")
    await world.move_to(datetime(2027, 1, 2, tzinfo=UTC))
    for nobody in ("teacher", "ppt", "guardian-a"):
        refused(await world.get(nobody, "/figures?period=2026-autumn"), 403, "figures-forbidden")
    whole = await world.see("coordinator", "/figures?period=2026-autumn")
    assert (whole["unit"], whole["concerns"]) == (None, {"total": 9, "parts": {}}), (
        "6 and 3: the six would give the three away"
    )
    assert whole["for_whom"] == {"total": 9, "parts": {"child": None, "guardians": None, "unit": None}}
    assert whole["to_action"] == {"total": 6, "parts": {"within-7-days": None, "in-time": None, "late": None}}
    assert whole["median_days_to_action"] == 4
    assert whole["evaluations"] == {"total": None, "parts": {"in-time": None, "late": None}}
    lia = await world.see("styrer", "/figures?period=2026-autumn")
    assert lia["concerns"] == {"total": None, "parts": {}}, "nine less Lia's six would be Haugen's three"
    assert set(lia["for_whom"]["parts"].values()) == {None}
    school = await world.see("rektor", "/figures?period=2026-autumn")
    assert school["concerns"] == {"total": None, "parts": {}}
    stored = await world.pool.fetch("SELECT * FROM figure_evaluations")
    assert [(row["in_time"], row["effect"], row["unit"]) for row in stored] == [(True, "reached", "unit:lia-barnehage")]


@pytest.mark.rule(131)
async def test_how_early_children_are_helped_first_is_counted_by_level_and_age_and_nobodys_birth_date_is_kept(
    world: World,
) -> None:
    people = People(44)
    for age in [4] * 6 + [14] * 7:
        child = people.child(age=age)
        told = world.concern(child={"name": child.name, "national_number": child.national_number})
        receipt = await world.must("teacher", "/concerns", told)
        await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
        path, help_ = f"/cases/{receipt['case']}/measures", {"owner": "barnehage", "owner_unit": None}
        await world.must("teacher", path, measure(world, code="art", **help_))
        # What is put in later is no first help.
        await world.must("teacher", path, measure(world, code="ekstratimer", **help_))
    await world.move_to(datetime(2027, 1, 2, tzinfo=UTC))
    # A term is told for good: not while a key of the vault is away.
    to_key = "UPDATE data_keys SET key_id = $2 WHERE owner = $1"
    key = await world.pool.fetchval("SELECT key_id FROM data_keys WHERE owner = $1", receipt["case"])
    await world.pool.execute(to_key, receipt["case"], "away")
    for who in ("coordinator", "styrer"):
        away = await world.get(who, "/figures?period=2026-autumn")
        refused(away, 503, "figures-unreadable")
        assert int(away.headers["retry-after"]) >= 1
    assert await world.pool.fetchval("SELECT count(*) FROM published_figures") == 0
    await world.pool.execute(to_key, receipt["case"], key)
    whole = await world.see("coordinator", "/figures?period=2026-autumn")
    assert whole["measures_by_level"]["total"] == 26
    by_age = {"0-5": 6, "6-12": 0, "13-15": 7, "16-17": 0, "from-18": 0, "unknown": 0}
    assert whole["first_help_by_age"] == suppress(by_age).model_dump()
    assert (whole["first_help_by_age"]["total"], whole["first_help_by_age"]["parts"]["13-15"]) == (13, 7)
    assert whole["first_help_by_level"]["total"] == 13
    # A term is told once: the next is another.
    assert await world.see("coordinator", "/figures?period=2026-autumn") == whole
    stored = str(await world.pool.fetch("SELECT * FROM figure_measures")) + str(
        await world.pool.fetchval("SELECT figures::text FROM published_figures")
    )
    assert str(child.born) not in stored


@pytest.mark.rule(157, 177, 179)
async def test_what_was_told_of_a_term_stands_whatever_is_counted_afterwards(world: World) -> None:
    """Counted anew, by another time to act or from what else is known by then, it is one more sum to subtract from."""
    people = People(43)
    for who in ["curious"] * 7 + ["teacher"] * 6:
        child = people.child(age=5)
        told = world.concern(child={"name": child.name, "national_number": child.national_number}, for_whom="child")
        await world.must(who, "/concerns", told)
    await world.move_to(datetime(2027, 1, 2, tzinfo=UTC))
    before = {who: await world.see(who, "/figures?period=2026-autumn") for who in ("coordinator", "styrer", "rektor")}
    assert list(before["coordinator"]["concerns"]["parts"].values()) == [7]
    await world.pool.execute(
        "UPDATE figure_concerns SET unit = NULL WHERE concern = (SELECT max(concern) FROM figure_concerns)"
    )
    for who, told_then in before.items():
        assert await world.see(who, "/figures?period=2026-autumn") == told_then
    kept = await world.pool.fetchval("SELECT figures::text FROM published_figures")
    assert "cas_" not in kept
    assert "con_" not in kept
