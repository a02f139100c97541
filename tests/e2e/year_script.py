"""What people do in Notodden's school year, and when; what they are told of it stands in `notodden_year.md`."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from shared.clock import OSLO
from shared.testing.people import Person, synthetic_number
from tests.e2e.year_lines import moment_of
from tests.e2e.year_world import HAUGEN, LIA, TINNES, Year

CHOSEN: Final[dict[str, dict[str, Any]]] = {
    "teacher": {"language": "nn", "email": "teacher@lia.example"},
    "pedagogical-leader": {"language": "nb", "email": "leader@lia.example", "phone": "+4740000001"},
    "styrer": {"language": "nb", "email": "styrer@lia.example", "phone": "+4740000002"},
    "haugen-styrer": {"language": "en", "email": "styrer@haugen.example", "digest": True},
    "rektor": {"language": "nb", "email": "rektor@tinnes.example", "quiet": {"begins": "16:00", "ends": "08:00"}},
    "contact-teacher": {"language": "nn", "email": "teacher@tinnes.example", "digest": True},
    "nurse-leader": {"language": "nb", "email": "leader@health.example", "phone": "+4740000003", "sms_first": True},
    "ppt-leader": {"language": "nb", "email": "nobody@ppt.example", "phone": "+4740000004"},
    "bup-leader": {"language": "en"},
    "director": {"language": "nn", "email": "director@kommune.example", "phone": "+4740000005"},
    "privacy-officer": {"language": "en", "email": "privacy@kommune.example"},
}
BORN: Final = {
    "child": date(2021, 6, 10),
    "pupil": date(2012, 2, 3),
    "youth": date(2009, 3, 20),
    "guardian-a": date(1990, 5, 4),
    "guardian-b": date(1988, 11, 23),
    "guardian-c": date(1983, 1, 30),
    "guardian-d": date(1981, 9, 9),
}
"""Invented, as everybody: their numbers have month + 80."""
REACHED: Final[dict[str, dict[str, str]]] = {
    "guardian-a": {"language": "nb", "email": "a@guardian.example"},
    "guardian-b": {"language": "en"},
    "guardian-c": {"language": "nn", "email": "c@guardian.example"},
    "guardian-d": {"language": "nb", "email": "d@guardian.example"},
}
"""As the case has it."""
FIXED: Final = ("bup-samarbeid", "lederforum")
SUPPORT: Final = (("helsestasjon", "health-nurse"), ("ppt", "ppt-adviser"), ("barnevern", "child-welfare-officer"))
"""Who has a seat in every ressursteam (seed rule 3), and with BUP (20)."""
FIELDS: Final = {"play-and-friends": "Leker godt i små grupper.", "language-and-speech": "Setninger på tre ord."}


async def play(year: Year) -> None:
    """Play the whole year, month by month."""
    for month in (
        _august,
        _september,
        _october,
        _november,
        _december,
        _january,
        _february,
        _march,
        _april,
        _may,
        _june,
    ):
        await month(year)
    await year.at("Sat 31.07 23:59")


def _iso(when: str) -> str:
    return moment_of(when).isoformat()


# --- what is done more than once --------------------------------------------------------------------------------------


async def _prefer(year: Year, who: str, **chosen: Any) -> None:
    await year.does(who, "notify", "PUT", "/preferences", chosen)
    for address in (chosen.get("email"), chosen.get("phone")):
        if address is not None:
            year.addresses[address] = who


async def _plan_fixed(year: Year) -> None:
    """Give the meetings with days of their own their places in the year, as the wheel proposes them."""
    wheel = (await year.sees("coordinator", "meetings", "/year-wheel?limit=200")).json()["items"]
    for each in wheel:
        if each["arena_type"] in FIXED:
            body = {"arena": await _arena(year, each["arena_type"]), "starts_at": each["starts_at"], "invite": False}
            planned = await year.does("coordinator", "meetings", "POST", "/meetings", body)
            day = datetime.fromisoformat(each["starts_at"]).astimezone(OSLO)
            year.known[f"{each['arena_type']} {day:%d.%m}"] = planned["meeting"]


async def _arena(year: Year, arena_type: str, unit: str | None = None) -> str:
    if "arenas" not in year.known:
        for each in (await year.sees("coordinator", "meetings", "/arenas?limit=100")).json()["items"]:
            year.known[f"{each['arena_type']} {each['unit']}"] = each["arena"]
        year.known["arenas"] = "read"
    return year.known[f"{arena_type} {unit}"]


async def _call_fixed(year: Year, when: str, arena_type: str, day: str, *there: tuple[str, str]) -> str:
    await year.at(when)
    meeting = year.known[f"{arena_type} {day}"]
    called = await year.does("coordinator", "meetings", "POST", f"/meetings/{meeting}/invitation")
    _to_be_held(year, meeting, called["starts_at"], *there)
    return meeting


async def _bup(year: Year, when: str, day: str) -> str:
    there = (*SUPPORT, ("bup", "bup-clinician"), ("psykiatri", "leader"))
    return await _call_fixed(year, when, "bup-samarbeid", day, *there)


async def _lederforum(year: Year, when: str, day: str) -> None:
    leaders = [(each, "leader") for each in ("ledelse", "barnehage", "skole", "ppt", "helsestasjon", "barnevern")]
    await _call_fixed(year, when, "lederforum", day, *leaders)


def _to_be_held(year: Year, meeting: str, starts_at: str, *there: tuple[str, str], recorded: str | None = None) -> None:
    """Let the coordinator record when it is over that it was held, or at another time; unless it was called off."""
    begins = datetime.fromisoformat(starts_at)
    ended = begins + timedelta(hours=1)
    held = {
        "started_at": begins.isoformat(),
        "ended_at": ended.isoformat(),
        "chair": there[0][1],
        "attendance": [{"service": service, "role": role, "present": True} for service, role in there],
        "discussed": [],
    }

    async def hold() -> None:
        if meeting not in year.off:
            await year.does("coordinator", "meetings", "POST", f"/meetings/{meeting}/holding", held)

    year.to_do.append((moment_of(recorded) if recorded else ended, hold))


async def _call(year: Year, when: str, who: str, arena: str, starts: str, **changes: Any) -> str:
    """Call a meeting by hand; return it."""
    await year.at(when)
    body = {"arena": arena, "starts_at": _iso(starts), **changes}
    return str((await year.does(who, "meetings", "POST", "/meetings", body))["meeting"])


async def _ressursteam(year: Year, when: str, who: str, unit: str, starts: str, *, recorded: str | None = None) -> None:
    meeting = await _call(year, when, who, await _arena(year, "ressursteam", unit), starts)
    own = ("skole" if unit == TINNES else "barnehage", "leader")
    _to_be_held(year, meeting, _iso(starts), own, *SUPPORT, recorded=recorded)


async def _concern(year: Year, who: str, child: str, guardians: Sequence[str], name: str) -> None:
    """Register a concern; the case and the concern are known by `name` from then on."""
    people = {each: _person(each) for each in (child, *guardians)}
    year.family.update({each: people[each] for each in guardians})
    for each in guardians:
        year.addresses.update({REACHED[each]["email"]: each} if "email" in REACHED[each] else {})
    body = {
        "area": "learning",
        "for_whom": "child",
        "child": _named(people[child]),
        "guardians": [{**_named(people[each]), **REACHED[each]} for each in guardians],
        "text": "Sier lite og trekker seg unna.",
    }
    receipt = await year.does(who, "cases", "POST", "/concerns", body)
    year.known[name], year.known[f"{name} concern"] = receipt["case"], receipt["concern"]


def _person(who: str) -> Person:
    born = BORN.get(who, date(2022, 2, 2))
    return Person(who.title(), "Eksempelsen", born, synthetic_number(born, random.Random(who)))


def _named(person: Person) -> dict[str, str]:
    return {"name": person.name, "national_number": person.national_number}


async def _resolve(year: Year, who: str, name: str, **how: str) -> None:
    body = how or {"outcome": "lifted"}
    await year.does(who, "cases", "POST", f"/concerns/{year.known[f'{name} concern']}/resolution", body)


async def _in_case(year: Year, who: str, name: str, path: str, body: object = None) -> dict[str, Any]:
    return await year.does(who, "cases", "POST", f"/cases/{year.known[name]}{path}", body)


async def _heard(year: Year, who: str, name: str, before: str) -> None:
    await _in_case(
        year, who, name, "/child-views", {"method": "conversation", "before": before, "text": "Vil ha hjelp."}
    )


async def _ask_consent(year: Year, who: str, name: str, key: str, **asked: Any) -> None:
    """Hear the child and ask for consent, known by `key` from then on."""
    await _heard(year, who, name, "consent")
    body = {"categories": ["development", "language"], **asked}
    year.known[key] = (await _in_case(year, who, name, "/consents", body))["consent"]


async def _answer(year: Year, who: str, key: str, what: str = "grants", body: object = None) -> None:
    await year.does(who, "cases", "POST", f"/consents/{year.known[key]}/{what}", body)


async def _measure(year: Year, who: str, name: str, key: str, evaluate: str, **what: str) -> None:
    """Plan a measure, known by `key` from then on."""
    until = evaluate if "-" in evaluate else _iso(evaluate)
    body = {"goal": "Er med i leken med ord.", "indicator": "ord-i-lek", "evaluate_by": until, **what}
    year.known[key] = (await _in_case(year, who, name, "/measures", body))["measure"]


async def _evaluate(year: Year, who: str, key: str, effect: str, outcome: str, again: str | None = None) -> None:
    body = {"effect": effect, "outcome": outcome, **({} if again is None else {"evaluate_by": again})}
    await year.does(who, "cases", "POST", f"/measures/{year.known[key]}/evaluations", body)


async def _offer(year: Year, who: str, name: str, to: str, kind: str, respond: str) -> str:
    body = {"kind": kind, "receiver": year.receiver(to), "respond_by": _iso(respond)}
    return str((await _in_case(year, who, name, "/handovers", body))["handover"])


async def _take(year: Year, who: str, handover: str) -> None:
    await year.does(who, "cases", "POST", f"/handovers/{handover}/acceptance")


async def _turn_to(year: Year, who: str, name: str, service: str, role: str) -> None:
    await _in_case(year, who, name, "/contact-person", {"service": service, "role": role})


# --- the autumn -------------------------------------------------------------------------------------------------------


async def _august(year: Year) -> None:
    year.notify.smtp.unknown.add("nobody@ppt.example")
    await year.at("Mon 10.08 09:00")
    for who, chosen in CHOSEN.items():
        await _prefer(year, who, **chosen)
    await year.at("Mon 10.08 10:00")
    await _plan_fixed(year)
    await _bup(year, "Tue 11.08 09:00", "25.08")
    await _lederforum(year, "Thu 13.08 09:00", "27.08")
    await year.at("Mon 17.08 10:00")
    await _prefer(year, "ppt-leader", **{**CHOSEN["ppt-leader"], "email": "leader@ppt.example"})


async def _september(year: Year) -> None:
    await year.at("Mon 07.09 09:00")
    await _concern(year, "teacher", "child", ["guardian-a", "guardian-b"], "first")
    await _ressursteam(year, "Tue 08.09 10:00", "styrer", LIA, "Tue 22.09 12:00")
    await year.at("Wed 09.09 13:00")
    await _concern(year, "haugen-teacher", "haugen-child", [], "resting")
    await _lederforum(year, "Thu 10.09 09:00", "24.09")
    await year.at("Thu 10.09 09:40")
    await year.comes_back("director@kommune.example")
    await _ressursteam(year, "Thu 10.09 10:00", "haugen-styrer", HAUGEN, "Thu 08.10 12:00")
    await _ressursteam(year, "Mon 14.09 10:00", "rektor", TINNES, "Tue 13.10 12:00", recorded="Tue 27.10 12:00")
    await year.at("Fri 18.09 09:00")
    await _resolve(year, "teacher", "first")
    await _bup(year, "Tue 22.09 09:00", "06.10")
    await year.at("Thu 24.09 10:00")
    wanted = {"services": ["ppt", "helsestasjon"], "purposes": ["assessment", "discussion"], "valid_to": "2027-06-18"}
    await _ask_consent(year, "teacher", "first", "consent", **wanted)
    await year.at("Fri 25.09 10:00")
    await _resolve(year, "haugen-teacher", "resting", outcome="resolved-locally", local_outcome="guidance-given")
    await year.at("Fri 25.09 14:00")
    said = {"ordinal": 1, "evidence": "oral-minuted", "note": "Sa ja på telefon."}
    await _answer(year, "teacher", "consent", body=said)
    await year.at("Mon 28.09 10:00")
    [letter] = (await year.sees("styrer", "notify", "/letters")).json()["items"]
    await year.does("styrer", "notify", "POST", f"/letters/{letter['message']}/posting")


async def _october(year: Year) -> None:
    await year.at("Mon 05.10 18:00")
    await _answer(year, "guardian-b", "consent")
    await year.at("Tue 06.10 10:00")
    by_ppt = {"code": "sprakgruppe", "owner": "ppt", "owner_unit": "unit:ppt"}
    await _measure(year, "teacher", "first", "language group", "Tue 01.12 12:00", **by_ppt)
    arena = await _arena(year, "overgang-barnehage-skole")
    units = {"units": [LIA, TINNES]}
    transition = await _call(year, "Wed 14.10 09:00", "styrer", arena, "Wed 28.10 13:00", **units)
    await _lederforum(year, "Thu 15.10 09:00", "29.10")
    await year.at("Thu 15.10 09:30")
    await _concern(year, "contact-teacher", "pupil", ["guardian-c"], "pupil")
    year.family["pupil"] = _person("pupil")
    await year.at("Mon 26.10 13:00")
    await _resolve(year, "contact-teacher", "pupil")
    await year.at("Tue 27.10 10:00")
    wanted = {"services": ["helsestasjon"], "purposes": ["assessment"], "valid_to": "2027-08-20"}
    await _ask_consent(year, "contact-teacher", "pupil", "pupil consent", **wanted)
    await year.at("Tue 27.10 20:00")
    later = {"starts_at": _iso("Wed 28.10 14:30")}
    await year.does("styrer", "meetings", "POST", f"/meetings/{transition}/rescheduling", later)


async def _november(year: Year) -> None:
    await _bup(year, "Tue 03.11 09:00", "17.11")
    await year.at("Wed 04.11 09:00")
    await _answer(year, "guardian-c", "pupil consent")
    await year.at("Thu 05.11 10:00")
    away = {"reason": "away", "last_day": "2026-11-13", "back_on": "2026-11-23", "falls_to": year.receiver("styrer")}
    await year.does("teacher", "cases", "POST", "/absences", away)
    offered = await _offer(year, "teacher", "first", "colleague", "staff-leaves", "Thu 12.11 10:00")
    await year.at("Thu 05.11 14:00")
    no = {"reason": "capacity", "text": "Har selv fire saker."}
    await year.does("colleague", "cases", "POST", f"/handovers/{offered}/rejection", no)
    await year.at("Thu 05.11 14:30")
    offered = await _offer(year, "teacher", "first", "pedagogical-leader", "staff-leaves", "Thu 12.11 10:00")
    await year.at("Thu 05.11 15:00")
    hours = {"code": "ekstratimer", "owner": "skole", "owner_unit": TINNES}
    await _measure(year, "contact-teacher", "pupil", "pupil hours", "Mon 29.03 10:00", **hours)
    await year.at("Thu 05.11 15:30")
    looked = {"code": "observasjon", "owner": "skole", "owner_unit": TINNES}
    await _measure(year, "contact-teacher", "pupil", "pupil observed", "Mon 29.03 10:00", **looked)
    await year.at("Mon 09.11 09:00")
    await _concern(year, "nurse", "youth", ["guardian-d"], "youth")
    await year.at("Tue 10.11 09:00")
    await _resolve(year, "nurse", "youth")
    await _lederforum(year, "Thu 12.11 09:00", "26.11")
    await year.at("Thu 12.11 11:00")
    await _take(year, "styrer", offered)
    await year.at("Mon 16.11 22:15")
    meeting = year.known["bup-samarbeid 17.11"]
    off = {"reason": "not-enough-members"}
    await year.does("coordinator", "meetings", "POST", f"/meetings/{meeting}/cancellation", off)
    year.off.add(meeting)
    await year.at("Wed 18.11 09:00")
    observed = {"code": "observasjon", "owner": "helsestasjon", "owner_unit": "unit:helsestasjon"}
    await _measure(year, "nurse", "youth", "observation", "Wed 14.04 10:00", **observed)
    await year.at("Mon 23.11 09:00")
    back = await _offer(year, "pedagogical-leader", "first", "teacher", "baton", "Mon 30.11 09:00")
    await year.at("Mon 23.11 10:00")
    await _take(year, "teacher", back)


async def _december(year: Year) -> None:
    await _lederforum(year, "Thu 03.12 09:00", "17.12")
    await year.at("Fri 04.12 09:00")
    await _evaluate(year, "teacher", "language group", "none", "other")
    await year.at("Fri 04.12 09:30")
    hours = {"code": "ekstratimer", "owner": "barnehage", "owner_unit": LIA}
    await _measure(year, "teacher", "first", "extra hours", "Mon 01.03 12:00", **hours)
    await year.at("Fri 11.12 13:00")
    await _concern(year, "pedagogical-leader", "christmas-child", [], "christmas")
    await _bup(year, "Tue 22.12 09:00", "05.01")
    await year.at("Mon 28.12 12:00")
    await _resolve(year, "pedagogical-leader", "christmas", outcome="resolved-locally", local_outcome="unfounded")


# --- the spring -------------------------------------------------------------------------------------------------------


async def _january(year: Year) -> None:
    await year.at("Thu 07.01 09:00")
    again = {"code": "sprakgruppe", "owner": "ppt", "owner_unit": "unit:ppt", "new_reason": "other-form"}
    await _measure(year, "teacher", "first", "second group", "Mon 01.03 12:00", **again)
    await year.at("Mon 11.01 18:30")
    await _in_case(year, "guardian-a", "first", "/plan-request")
    await year.at("Tue 12.01 10:00")
    await _heard(year, "teacher", "first", "plan")
    appointed = {"kind": "ansvarsgruppe", "coordinator": year.receiver("nurse")}
    await _in_case(year, "teacher", "first", "/coordinator", appointed)
    await year.at("Tue 12.01 10:30")
    await _in_case(year, "nurse", "first", "/plan", {"goals": ["Sier hva hun vil med ord."]})
    arena = await _arena(year, "ansvarsgruppe")
    who = {"units": [LIA], "services": ["barnehage", "ppt"]}
    group = await _call(year, "Wed 13.01 09:00", "nurse", arena, "Fri 22.01 13:00", **who)
    await year.at("Wed 13.01 10:00")
    path = f"/cases/{year.known['first']}/guardians/2/corrections"
    version = await year.version("teacher", year.known["first"])
    await year.does("teacher", "cases", "POST", path, {"phone": "+4740000009"}, version=version)
    year.addresses["+4740000009"] = "guardian-b"
    await year.at("Wed 13.01 11:00")
    await _turn_to(year, "guardian-a", "first", "ppt", "ppt-adviser")
    await _lederforum(year, "Thu 14.01 09:00", "28.01")
    await year.at("Tue 19.01 10:00")
    asked = {
        "service": "helsestasjon",
        "reason": "competence-missing",
        "text": "Hvordan hjelper vi et barn på fem år med få ord inn i leken?",
        "anonymous": True,
    }
    contribution = (await _in_case(year, "teacher", "first", "/contributions", asked))["contribution"]
    await _group_meets(year, group)
    await _bup(year, "Tue 26.01 09:00", "09.02")
    await year.at("Fri 29.01 09:00")
    await year.does("nurse-leader", "cases", "POST", f"/contributions/{contribution}/acceptance")


async def _group_meets(year: Year, group: str) -> None:
    """The ansvarsgruppe of the 22nd, with the case by name; its minutes are approved on the 25th."""
    await year.at("Wed 20.01 09:00")
    item = {
        "kind": "case",
        "mode": "named",
        "text": "Mål og tiltak i planen.",
        "case": year.known["first"],
        "categories": ["development", "language"],
        "purpose": "discussion",
    }
    brought = await year.does("teacher", "meetings", "POST", f"/meetings/{group}/agenda-items", item)
    if brought["status"] != "accepted":
        path = f"/meetings/{group}/agenda-items/{brought['item']}/acceptance"
        await year.does("nurse", "meetings", "POST", path)
    await year.at("Fri 22.01 14:30")
    seats = [
        {"service": "helsestasjon", "role": "health-nurse", "organisation": "310001058", "present": True},
        {"service": "barnehage", "role": "teacher", "organisation": "310001015", "present": True},
        {"service": "ppt", "role": "ppt-adviser", "organisation": "310001031", "present": True},
    ]
    held = {
        "started_at": _iso("Fri 22.01 13:00"),
        "ended_at": _iso("Fri 22.01 14:00"),
        "chair": "health-nurse",
        "attendance": seats,
        "guardians_present": 2,
        "discussed": [{"item": brought["item"]}],
    }
    await year.does("nurse", "meetings", "POST", f"/meetings/{group}/holding", held)
    outcome = {"item": brought["item"], "decision": "guidance-given", "text": "Gruppen fortsetter som før."}
    await year.does("nurse", "meetings", "POST", f"/meetings/{group}/outcomes", outcome)
    await year.at("Mon 25.01 09:00")
    minutes = {"text": "Gruppen gikk gjennom målene."}
    await year.does("nurse", "meetings", "POST", f"/meetings/{group}/minutes", minutes)


async def _february(year: Year) -> None:
    await _lederforum(year, "Thu 04.02 09:00", "18.02")
    await year.at("Tue 09.02 21:30")
    await _answer(year, "guardian-b", "consent", "withdrawals", {"services": ["helsestasjon"]})
    await year.at("Thu 11.02 23:40")
    why = {"reason": "danger-to-life", "categories": ["contact", "health"], "hours": 2, "text": "Innlagt akutt."}
    glass = (await _in_case(year, "nurse", "first", "/break-glass", why))["glass"]
    await year.at("Wed 17.02 09:00")
    await year.does("privacy-officer", "cases", "POST", f"/break-glass/{glass}/review", {"outcome": "justified"})
    await year.at("Fri 26.02 10:00")
    await _evaluate(year, "teacher", "extra hours", "some", "continue", _iso("Mon 24.05 10:00"))
    await year.at("Fri 26.02 10:15")
    await _evaluate(year, "ppt", "second group", "reached", "stop")


async def _march(year: Year) -> None:
    await year.at("Mon 01.03 20:00")
    await _turn_to(year, "guardian-b", "first", "barnehage", "teacher")
    await _lederforum(year, "Thu 04.03 09:00", "18.03")
    await _ressursteam(year, "Tue 09.03 10:00", "styrer", LIA, "Tue 06.04 12:00")
    await _bup(year, "Tue 16.03 09:00", "30.03")


async def _april(year: Year) -> None:
    await year.at("Tue 06.04 08:30")
    for measure in ("pupil hours", "pupil observed"):
        await _evaluate(year, "contact-teacher", measure, "reached", "stop")
    await year.at("Wed 14.04 10:30")
    form = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    year.known["form"] = (await _in_case(year, "teacher", "first", "/transition-forms", form))["form"]
    await _lederforum(year, "Thu 15.04 09:00", "29.04")
    approvals = f"/transition-forms/{year.known['form']}/approvals"
    await year.at("Fri 16.04 09:00")
    await year.does("guardian-a", "cases", "POST", approvals, {"version": 1})
    await _bup(year, "Tue 20.04 09:00", "04.05")
    await year.at("Thu 22.04 09:00")
    await _evaluate(year, "nurse", "observation", "reached", "stop")
    await year.at("Fri 23.04 09:00")
    await year.does("guardian-b", "cases", "POST", approvals, {"version": 1})


async def _may(year: Year) -> None:
    await year.at("Mon 03.05 10:00")
    wanted = {"services": ["skole"], "purposes": ["transition", "follow-up"], "valid_to": "2028-06-16"}
    await _ask_consent(year, "teacher", "first", "school consent", **wanted)
    await year.at("Tue 04.05 09:00")
    for who in ("guardian-a", "guardian-b"):
        await _answer(year, who, "school consent")
    await _ressursteam(year, "Tue 11.05 10:00", "rektor", TINNES, "Tue 25.05 12:00")
    await _ressursteam(year, "Wed 12.05 10:00", "haugen-styrer", HAUGEN, "Wed 26.05 12:00")
    await _lederforum(year, "Thu 13.05 09:00", "27.05")
    await year.at("Thu 20.05 10:00")
    await _heard(year, "teacher", "first", "consent")
    await _answer(year, "teacher", "consent", "renewals", {"valid_to": "2028-06-16"})
    await year.at("Fri 21.05 12:00")
    await _answer(year, "guardian-b", "consent")
    await year.at("Mon 24.05 09:00")
    await _evaluate(year, "teacher", "extra hours", "some", "continue", "2027-09-01T10:00:00+02:00")


async def _june(year: Year) -> None:
    await _bup(year, "Tue 01.06 09:00", "15.06")
    await year.at("Wed 02.06 10:00")
    case = year.known["first"]
    sending = {"receiver": year.receiver("contact-teacher"), "outside_window": "school-asks"}
    version = await year.version("teacher", case)
    path = f"/transition-forms/{year.known['form']}/sending"
    sent = await year.does("teacher", "cases", "POST", path, sending, version=version)
    await _lederforum(year, "Thu 03.06 09:00", "17.06")
    await year.at("Tue 08.06 09:00")
    await _take(year, "contact-teacher", sent["handover"])
