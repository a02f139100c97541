"""Rows 17, 20 and 21: part of the consent is withdrawn; the child moves to school, with what the guardians approved."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from deploy.demo.concern_and_consent import AROUND, consent_for
from deploy.demo.meetings_by_rule import by_name, call, ressursteam_of
from deploy.demo.people import CONTACT_TEACHER, GUARDIAN_A, GUARDIAN_B, NURSE, TEACHER
from deploy.demo.stage import Seen, Stage
from shared.clock import OSLO


async def nurse_looks(stage: Stage) -> None:
    """5 October: the health nurse looks, inside the consent; the look is recorded before she sees anything."""
    await stage.at(10, 5)
    case = stage.facts["case"]
    seen = await stage.does(
        NURSE, "reads what the consent lets helsestasjon see", "GET", "cases", f"/cases/{case}/child"
    )
    stage.check(seen.at("basis") == "consent", "on consent")
    record = await stage.bus.wait(
        "access.recorded", lambda e: _access(e, case, "helsestasjon") and e.data["permitted"] is True
    )
    stage.check(record.data["consent_version"] == 1, "judged against version 1")
    stage.narrator.happened(
        "access.recorded: who, for which service, which categories, on which version of the consent"
    )


async def row_17(stage: Stage) -> None:
    """9 February: guardian B withdraws helsestasjon from the consent; the next look is refused, an item is taken off."""
    await stage.at(2, 9)
    case, consent = stage.facts["case"], stage.facts["consent"]
    meeting = await call(
        stage, await ressursteam_of(stage), datetime(2027, 2, 12, 12, 0, tzinfo=OSLO), extra=True, quietly=True
    )
    brought = await stage.does(
        TEACHER,
        "brings the case by name to the ressursteam of 12 February",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        by_name(stage),
        status=201,
    )
    narrowed = await stage.does(
        GUARDIAN_B,
        "withdraws helsestasjon from the consent, signed in",
        "POST",
        "cases",
        f"/consents/{consent}/withdrawals",
        {"services": ["helsestasjon"]},
        status=201,
    )
    stage.check(narrowed.at("version") == 2, "a new version with the smaller scope")
    await stage.must_not(NURSE, "looks again:", "GET", "cases", f"/cases/{case}/child", code="not-found", status=404)
    denied = await stage.bus.wait(
        "access.recorded", lambda e: _access(e, case, "helsestasjon") and e.data["permitted"] is False
    )
    stage.narrator.happened(f"refused in the same second, and recorded: {denied.data['reason']}")
    removed = await stage.bus.wait("meetings.agenda-item.removed", lambda e: e.data["item"] == brought.text("item"))
    stage.check(removed.data["reason"] == "consent-withdrawn", "taken off because the consent no longer carries it")
    stage.narrator.happened("agenda-item.removed: brought for helsestasjon too, it is off the agenda")
    for consumer in ("meetings", "notify"):
        await stage.bus.wait(
            f"{consumer}.consent-receipt.recorded",
            lambda e: e.data["consent"] == consent and e.data["consent_version"] == 2,
        )
    receipts = await stage.until(
        TEACHER,
        "cases",
        f"/consents/{consent}/receipts",
        lambda answer: answer.at("awaited") == [],
        "every service has said that it acted on the withdrawal",
    )
    told = receipts.at("already_told")
    stage.check(
        isinstance(told, list) and any(_service(one) == "helsestasjon" for one in told),
        "helsestasjon had been told before",
    )
    stage.narrator.happened("receipts from meetings and notify; the list of who had already been told what is there")


async def row_20(stage: Stage) -> None:
    """10 May: the transition form is not sent before the guardians have approved it (seed rules 13, 14)."""
    case = stage.facts["case"]
    await stage.at(5, 3)
    await consent_for(
        stage,
        AROUND,
        "the transition: the school, development and language",
        services=["skole"],
        purposes=["transition", "follow-up"],
        valid_to="2028-06-16",
    )
    await stage.at(5, 10)
    form = await stage.does(
        TEACHER,
        "writes the transition form",
        "POST",
        "cases",
        f"/cases/{case}/transition-forms",
        {
            "form_type": "barnehage-to-school",
            "school_start": 2027,
            "fields": {
                "play-and-friends": "Leker godt i små grupper.",
                "language-and-speech": "Setninger på tre og fire ord.",
            },
        },
        status=201,
    )
    stage.facts["form"] = form.text("form")
    me = await stage.does(CONTACT_TEACHER, "", "GET", "cases", "/me")
    stage.facts["contact-teacher"] = me.text("actor")
    await stage.must_not(
        TEACHER,
        "sends it before the guardians have approved:",
        "POST",
        "cases",
        f"/transition-forms/{form.text('form')}/sending",
        _to_school(stage),
        code="form-not-approved",
        status=409,
        if_match=form.etag,
    )


async def row_21(stage: Stage) -> None:
    """12 and 14 May: approved, sent, received, accepted; the baton moves to the school (seed rules 13, 14, 107)."""
    await stage.at(5, 12)
    case, form = stage.facts["case"], stage.facts["form"]
    await stage.does(
        GUARDIAN_A,
        "approves version 1",
        "POST",
        "cases",
        f"/transition-forms/{form}/approvals",
        {"version": 1},
        status=201,
    )
    approved = await stage.does(
        GUARDIAN_B,
        "approves version 1",
        "POST",
        "cases",
        f"/transition-forms/{form}/approvals",
        {"version": 1},
        status=201,
    )
    stage.check(approved.at("status") == "approved", "approved by both")
    await stage.at(5, 14)
    # A guardian's version is of what a guardian is told: the teacher has its own.
    seen = await stage.does(TEACHER, "", "GET", "cases", f"/cases/{case}")
    sent = await stage.does(
        TEACHER,
        "sends it to the contact teacher at the school, and offers the baton with it",
        "POST",
        "cases",
        f"/transition-forms/{form}/sending",
        _to_school(stage),
        status=201,
        if_match=seen.etag,
    )
    handover = sent.text("handover")
    before = await stage.does(TEACHER, "", "GET", "cases", f"/cases/{case}")
    stage.check(before.at("holder", "role") == "teacher", "the sender holds on until it is accepted")
    stage.narrator.happened("handover.sent: the teacher still holds the baton")
    read = await stage.does(CONTACT_TEACHER, "reads the form", "GET", "cases", f"/transition-forms/{form}")
    fields = read.at("fields")
    stage.check(
        isinstance(fields, dict) and set(fields) == {"play-and-friends", "language-and-speech"},
        "the consented categories only",
    )
    received = await stage.bus.wait("cases.handover.received", lambda e: e.data["handover"] == handover)
    stage.check(bool(received.data["documents"]), "the form has its receipt")
    stage.narrator.happened("handover.received: the sender knows that the form has been opened")
    await stage.does(CONTACT_TEACHER, "accepts", "POST", "cases", f"/handovers/{handover}/acceptance", status=201)
    await stage.bus.wait("cases.handover.accepted", lambda e: e.data["handover"] == handover)
    after = await stage.does(CONTACT_TEACHER, "", "GET", "cases", f"/cases/{case}")
    stage.check(after.at("holder", "role") == "contact-teacher", "the baton has moved")
    stage.narrator.happened(
        "handover.accepted: from this moment the contact teacher holds the baton; nobody ever held it twice or not at all"
    )


def _to_school(stage: Stage) -> JsonValue:
    return {
        "receiver": {
            "actor": stage.facts["contact-teacher"],
            "role": "contact-teacher",
            "service": "skole",
            "unit": "unit:tinnes-skole",
            "organisation": "310001023",
        }
    }


def _access(event: Seen, case: str, service: str) -> bool:
    actor = event.data["actor"]
    return event.data.get("case") == case and isinstance(actor, dict) and actor.get("service") == service


def _service(told: JsonValue) -> JsonValue:
    return told.get("service") if isinstance(told, dict) else None
