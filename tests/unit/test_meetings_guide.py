"""The public page: what the profile says, to whom it says it, in which language; and what of those who look is a visit."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import pytest

from services.meetings.domain.guide import OpenText, Said
from services.meetings.domain.guide_shown import GuideShown, guide_of
from services.meetings.domain.profile import Profile, read_profile
from services.meetings.domain.visiting import Looking, counts, month_of
from services.meetings.pages.guide_page import GUIDE_WORDS, render_guide
from services.meetings.settings import MeetingsSettings
from shared.contracts.codes import Language
from shared.profiles import ProfileError, rules_named_in
from shared.refs import LogScope, UnitId
from tests.unit.report_world import PROFILES

FOLDER: Final = MeetingsSettings.model_fields["municipalities_folder"].default
TODAY: Final = date(2026, 9, 7)
SKIEN, NOTODDEN, TYNSET = (PROFILES[LogScope(number)] for number in ("4003", "4005", "3427"))


def shown(profile: Profile) -> GuideShown:
    """Return what stands on the municipality's page, which is there."""
    found = guide_of(profile, TODAY)
    assert found is not None
    return found


@pytest.mark.rule(142, 159)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_each_of_the_profiles_has_a_page_in_each_language_with_something_under_each_heading(profile: Profile) -> None:
    guide = profile.guide
    assert guide is not None
    assert all(rules_named_in(line) for line in (*guide.rights, *guide.duties, *guide.contacts))
    for language in Language:
        page, words = render_guide(shown(profile), language), GUIDE_WORDS[language]
        for heading in (words.offers, words.forms, words.contacts, words.rights, words.duties, words.about):
            assert f">{heading}</h2>" in page
        texts = [line.text for lines in (guide.rights, guide.duties, guide.contacts) for line in lines]
        for text in (guide.lead, *texts):
            assert text.said_in(language).language is language, "ours are in all three"
        assert "<small>" not in page
        # Units and what they are called; nobody by a number or an address of mail.
        assert not re.search(r"[0-9]{11}|@", page.partition("</style>")[2])


@pytest.mark.rule(13, 14, 28, 159, 166, 181)
def test_offers_stand_by_level_forms_with_who_approves_them_and_what_is_over_stands_nowhere() -> None:
    told = shown(NOTODDEN)
    assert [level for level, _ in told.offers] == [0, 1, 2, 3]
    assert "Atferdsgruppe" not in {offer.text.nb for _, offers in told.offers for offer in offers}
    page = render_guide(told, Language.EN)
    assert "Transition form from barnehage to school</strong>: It is sent between 1 May and 31 May." in page
    assert "It is not sent before all guardians have approved it." in page
    assert (
        '<span lang="nb">Overføringsmøte barnehage og skole</span>: the meeting is not held without guardians' in page
    )
    assert "Lederforum" not in page, "a meeting without guardians is none of theirs"
    old = shown(
        TYNSET.model_copy(
            update={
                "units": tuple(
                    unit.model_copy(update={"last_day": date(2026, 6, 30)})
                    if unit.id == "unit:tynset-barnehage"
                    else unit
                    for unit in TYNSET.units
                )
            }
        )
    )
    assert "Tynset barnehage" in render_guide(shown(TYNSET), Language.NB)
    assert "Tynset barnehage" not in render_guide(old, Language.NB)
    steps = render_guide(shown(TYNSET), Language.NB)
    assert "<strong>0–12 måneder</strong>: Samspill og tilknytning (helsestasjonen)" in steps
    assert "<strong>7–12 år</strong>: Vennskap og nettvett (skolen, helsestasjonen)" in steps


@pytest.mark.rule(101, 159)
def test_a_text_that_is_not_there_in_the_language_is_shown_in_another_and_says_so() -> None:
    assert OpenText(nn="Berre her").said_in(Language.EN) == Said("Berre her", Language.NN)
    assert OpenText(en="Only here", nn="Berre her").said_in(Language.NB) == Said("Berre her", Language.NN)
    assert OpenText(en="Only here").said_in(Language.NN) == Said("Only here", Language.EN)
    with pytest.raises(ValueError, match="nb, nn or en"):
        OpenText()
    told = shown(SKIEN)
    right = told.guide.rights[0].model_copy(update={"text": OpenText(nn="De blir <b>møtte</b> likt.")})
    lacking = told.guide.model_copy(update={"rights": (right,)})
    page = render_guide(
        GuideShown(**{**{name: getattr(told, name) for name in told.__slots__}, "guide": lacking}), Language.EN
    )
    assert (
        '<span lang="nn">De blir &lt;b&gt;møtte&lt;/b&gt; likt.</span> <small>(only in Norwegian (nynorsk))</small>'
        in page
    )


@pytest.mark.rule(159)
def test_a_unit_says_how_it_is_reached_and_a_page_that_cannot_be_told_is_refused() -> None:
    reached = {"phone": "+47 35 00 00 00", "website": "https://falkum.example/barnehage"}
    units = tuple(
        unit.model_copy(update=reached) if unit.id == UnitId("unit:falkum-barnehage") else unit for unit in SKIEN.units
    )
    page = render_guide(shown(SKIEN.model_copy(update={"units": units})), Language.NB)
    assert (
        '<a href="https://falkum.example/barnehage">Falkum barnehage</a>, Falkum, telefon +47 35 00 00 00</li>' in page
    )
    text = (FOLDER / "skien.yaml").read_text(encoding="utf-8")
    for wrong, right, reason in (
        (
            "services: [frivillighet]",
            "services: [nav]",
            r"guide\.contacts\.2\.services\.0: no unit of this profile is nav",
        ),
        ("whose: guardians", "whose: nobody", r"guide\.duties\.0\.whose"),
        (
            "level: 0, text: {nb: Tilbud fra",
            "level: 7, text: {nb: Tilbud fra",
            "cases: the public page cannot tell its offers and forms",
        ),
        ("place: Falkum, sends_to", 'website: "javascript:alert(1)", place: Falkum, sends_to', r"units\.6\.website"),
    ):
        assert wrong in text, wrong
        with pytest.raises(ProfileError, match=reason):
            read_profile(text.replace(wrong, right, 1), "skien.yaml")


def test_a_municipality_that_says_nothing_for_everybody_has_no_page() -> None:
    assert guide_of(SKIEN.model_copy(update={"guide": None}), TODAY) is None


PEOPLES: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9 (Compatible; MSIE:9.0; iPhone; BlackBerry9700; AppleWebKit/24.746; U; en) Presto/2.5.25",
)
PROGRAMS: Final = (
    "",
    "curl/8.5.0",
    "python-httpx/0.28.1",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
)


@pytest.mark.rule(150)
def test_people_are_counted_and_programs_are_not() -> None:
    def asks(browser: str, *, content: bool = True, purpose: str = "", destination: str = "document") -> bool:
        return counts(Looking(content, browser, purpose, destination))

    assert [each for each in PEOPLES if not asks(each)] == []
    assert [each for each in PROGRAMS if asks(each)] == []
    for browser in PEOPLES:
        assert asks(browser, destination=""), "older ones do not say"
        assert not asks(browser, content=False)
        assert not asks(browser, destination="iframe")
        for purpose in ("prefetch", "prefetch;prerender", "  preview "):
            assert not asks(browser, purpose=purpose)
    assert month_of(date(2026, 12, 31)) == date(2026, 12, 1)
