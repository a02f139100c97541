"""The texts: there in every language, plain, and about nobody."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.appointment import Appointment
from services.notify.domain.policy import (
    AROUND,
    CANCELLED,
    COORDINATION,
    ESCALATION,
    INVITATION,
    ITEM_LEFT_OPEN,
    ITEM_LIFTED,
    MEASURES_CHANGED,
    MEETING,
    MOVED,
    NOTES,
    OF_ANSWERS,
    OF_CONSENTS,
    OF_EMERGENCIES,
    OF_ENDINGS,
    OF_FAMILIES,
    OF_FIGURES,
    OF_HEARINGS,
    OF_PROTECTED,
    OF_REPORTS,
    OF_ROUTINES,
    OF_SUBSCRIPTIONS,
    OUTCOME_REFUSED,
    OVERLAP,
    OVERLAP_ELSEWHERE,
    POLICIES,
    REFUSED,
    SURVEY,
    Policy,
)
from services.notify.domain.sms import GSM_ROOM, is_gsm, room_taken
from services.notify.mail import compose
from services.notify.sms import Wording
from services.notify.texts import FOLDER, LEAVING, TextError, Texts, spoken
from shared.contracts.codes import Area, InformationCategory, Language, Service
from shared.contracts.meetings import Place
from shared.contracts.notify import DeadlineKind
from shared.refs import MeetingRef, MessageRef

pytestmark = pytest.mark.rule(101, 146)

TEXTS = Texts()
DUE = datetime(2026, 9, 21, 22, 30, tzinfo=UTC)
MESSAGE = MessageRef("msg_" + "b" * 26)
EVERY = [(template, language) for template in sorted(TEXTS.templates) for language in Language]


@pytest.mark.parametrize("language", list(Language))
def test_a_message_about_a_meeting_says_how_long_it_takes_and_where_and_one_sent_before_that_was_known_is_shown_as_it_was(
    language: Language,
) -> None:
    def said(template: str, version: int, place: Place | None) -> str:
        meeting = Appointment(
            meeting=MeetingRef("mtg_" + "b" * 26), starts_at=DUE, minutes=90, changes=0, changed_at=DUE, place=place
        )
        return TEXTS.text(template, version, language, due=DUE, appointment=meeting).body

    for template in (INVITATION, MOVED):
        bodies = [said(template, TEXTS.latest(template), place) for place in (None, *Place)]
        assert len(set(bodies)) == len(bodies)
        assert all("90 minut" in body for body in bodies)
        assert said(template, 1, Place.HOSPITAL) == TEXTS.text(template, 1, language, due=DUE).body
    # A family reads where it is signed in: the words leave nothing about the child.
    assert len({said("family-invited", TEXTS.latest("family-invited"), place) for place in Place}) == 1


def steps(policy: Policy) -> set[str]:
    """Return the templates of a deadline's steps."""
    always = {policy.reminder, policy.overdue, policy.escalated}
    return always | {each for each in (policy.asked, policy.rejected, policy.void) if each is not None}


def test_every_step_of_every_deadline_has_its_text() -> None:
    used = (
        {
            *LEAVING,
            ESCALATION,
            INVITATION,
            MOVED,
            CANCELLED,
            MEASURES_CHANGED,
            OUTCOME_REFUSED,
            OVERLAP,
            OVERLAP_ELSEWHERE,
            SURVEY,
            ITEM_LEFT_OPEN,
            ITEM_LIFTED,
            *REFUSED.values(),
            *NOTES,
        }
        | OF_CONSENTS
        | AROUND
        | OF_ANSWERS
        | OF_ENDINGS
        | OF_EMERGENCIES
        | OF_FAMILIES
        | OF_FIGURES
        | OF_HEARINGS
        | OF_PROTECTED
        | OF_REPORTS
        | OF_ROUTINES
        | OF_SUBSCRIPTIONS
    )
    for policy in (*POLICIES.values(), MEETING, COORDINATION):
        used |= steps(policy)
    assert used == set(TEXTS.templates)


@pytest.mark.rule(23, 97, 107)
@pytest.mark.parametrize("language", list(Language))
def test_whoever_is_to_coordinate_is_asked_for_that_at_every_step_and_never_for_the_baton(language: Language) -> None:
    """Over all texts: those of a handover of the coordination say so, and no other handover's does."""
    says = re.compile("koordin|coordinat")
    baton = re.compile("stafettpinn|baton|ansvar|responsib|over (ei|en|a) (sak|case)")

    def said(template: str) -> str:
        text = TEXTS.text(template, TEXTS.latest(template), language, due=DUE, link="L")
        return f"{text.subject} {text.body}".lower()

    for template in steps(COORDINATION):
        assert says.search(said(template)), template
        assert not baton.search(said(template)), template
    for template in steps(POLICIES[DeadlineKind.ANSWER_HANDOVER]):
        assert not says.search(said(template)), template
    speaking = {template for template in TEXTS.templates if says.search(said(template))}
    assert {one for one in speaking if one.startswith(("handover", "coordination"))} == steps(COORDINATION)


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_a_text_is_short_and_plain(template: str, language: Language) -> None:
    """Sentences of at most twenty-five words, a subject of one line, no markup, no gap left open."""
    text = TEXTS.text(template, TEXTS.latest(template), language, due=DUE, link="https://lagspill.example/messages/x")
    assert 10 < len(text.subject) < 60
    assert not re.search(r"[{}<>]", text.subject + text.body)
    for sentence in re.split(r"[.!?:\n]+\s", text.body):
        assert len(sentence.split()) <= 25, sentence


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_a_template_has_room_for_a_day_a_meetings_length_and_place_and_a_link_and_nothing_else(
    template: str, language: Language
) -> None:
    source = (FOLDER / language / f"{template}.v{TEXTS.latest(template)}.txt").read_text(encoding="utf-8")
    assert set(re.findall(r"{{\s*(\w+)", source)) <= (
        {"link"} if template in LEAVING else {"day", "hour", "lasts", "place"}
    )
    assert "{%" not in source


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("leaving", sorted(LEAVING))
def test_what_leaves_the_house_does_not_say_what_it_is_about(leaving: str, language: Language) -> None:
    text = TEXTS.text(leaving, TEXTS.latest(leaving), language, link="L")
    told = f"{text.subject} {text.body}".lower()
    telling = {
        "barn",
        "child",
        "uro",
        "samtykke",
        "consent",
        "sak",
        "tiltak",
        "measure",
        "skole",
        "school",
        "barnehage",
    }
    telling |= {each.value for codes in (Service, Area, InformationCategory) for each in codes}
    assert not telling & set(re.findall(r"[a-zæøå-]+", told))


@pytest.mark.parametrize("language", list(Language))
def test_an_sms_is_one_message_and_the_same_for_every_message(language: Language) -> None:
    """A pure GSM text, so that the Norwegian letters cost nothing; an address with which it is too long stops the service."""
    text = Wording(TEXTS, "https://lagspill.eksempel.kommune.no/").text(language)
    assert is_gsm(text)
    assert room_taken(text) <= GSM_ROOM
    with pytest.raises(TextError, match="does not fit into one"):
        Wording(TEXTS, f"https://lagspill.no/{'a' * 120}")


def test_languages_differ() -> None:
    for template in TEXTS.templates:
        bodies = {
            TEXTS.text(template, TEXTS.latest(template), language, due=DUE, link="L").body for language in Language
        }
        assert len(bodies) == len(Language)


def test_a_day_is_norways_day() -> None:
    assert spoken(DUE, Language.NB) == "22. september 2026"
    assert spoken(DUE, Language.EN) == "22 September 2026"
    assert spoken(datetime(2026, 5, 1, tzinfo=UTC), Language.NN) == "1. mai 2026"


@given(st.sampled_from(Language), st.sampled_from(["a@skole.example", "b.c+d@barnehage.example"]))
def test_a_mail_is_the_same_bytes_at_every_attempt(language: Language, to: str) -> None:
    def once() -> bytes:
        return compose(
            TEXTS,
            message=MESSAGE,
            to=to,
            sender="ikke-svar@lagspill.example",
            app_url="https://lagspill.example/",
            language=language,
            queued_at=DUE,
        ).as_bytes()

    assert once() == once()
    assert f"Message-ID: <{MESSAGE}@lagspill.example>".encode() in once()
    assert b"Auto-Submitted: auto-generated" in once()
    assert max(map(len, once().splitlines())) <= 998  # RFC 5322 section 2.1.1


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({"nb/a-b.v1.txt": "S\n\nB"}, "in every language"),
        ({f"{each}/a-b.v1.txt": "only a subject" for each in Language}, "a subject, an empty line, a text"),
        ({f"{each}/A.txt": "S\n\nB" for each in Language}, "no name of a template"),
    ],
)
def test_a_missing_or_malformed_text_stops_the_service(tmp_path: Path, files: dict[str, str], wrong: str) -> None:
    for language in Language:
        (tmp_path / language).mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(TextError, match=wrong):
        Texts(tmp_path)


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(TextError, match="no template"):
        TEXTS.latest("nothing-such")
