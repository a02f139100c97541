"""The anonymous-text check: what it finds, and what it must let through so that people can write at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import pytest

from services.meetings.bodies import EXAMPLES
from services.meetings.domain.linter import MAX_FOUND, Trace, find
from shared.testing.people import People, synthetic_number

FREE = Path(__file__).with_name("meetings_free_texts.txt").read_text(encoding="utf-8").splitlines()


def words(text: str) -> list[tuple[str, Trace]]:
    return [(each.word, each.trace) for each in find(text)]


@pytest.mark.rule(2, 7, 22)
@pytest.mark.parametrize("text", [line for line in FREE if line])
def test_ordinary_writing_is_let_through(text: str) -> None:
    assert words(text) == []


@pytest.mark.rule(2, 7)
@pytest.mark.parametrize(
    "text",
    [
        "Hva heter tiltaket i den nye planen?",
        "F.eks. kan PPT veilede, jf. planen, og evt. BUP.",
        "Barn som ble født for tidlig, kan trenge mer tid.",
        "Elev A og elev B skal ha hver sin plass i gruppa.",
        "A. Språk\nB. Lek",
        "Møte kl. 12 i uke 5. I høst ser vi på det igjen.",
        "Skal vi ha T. eller uten?",
        "Vi velger plan A. I høst prøver vi den.",
    ],
)
def test_what_only_looks_like_it_is_let_through(text: str) -> None:
    assert not [word for word, trace in words(text) if trace in {Trace.NAME, Trace.DATE}]


@pytest.mark.rule(2)
@pytest.mark.story(5)
def test_the_name_of_every_invented_person_is_found_wherever_it_stands() -> None:
    people = People(3)
    for _ in range(50):
        name = people.child(age=5).given_name
        for text in (
            f"{name} strever med språk.",
            f"Vi ser at {name} trekker seg unna.",
            f"Det gjelder {name}.",
            f"Hva gjør vi? {name} er alene.",
            f"Lek:\n- {name} og de andre",
            f"{name}s mor har ringt.",
            f"«{name}» sier lite.",
        ):
            assert any(name in found for found, _ in words(text)), text


@pytest.mark.rule(2)
@pytest.mark.parametrize(
    ("text", "word", "trace"),
    [
        ("emma gråter mye", "emma", Trace.NAME),
        ("EMMA gråter mye", "EMMA", Trace.NAME),
        ("Emmas mor", "Emmas", Trace.NAME),
        ("ola’s mor", "ola’s", Trace.NAME),
        ("Jeg ser Hans hver dag", "Hans", Trace.NAME),
        ("Barnet til Liv", "Liv", Trace.NAME),
        ("med Anne-Lise", "Lise", Trace.NAME),
        ("L\u200bykke og lek", "Lykke", Trace.NAME),
        ("E\u0301milie leker", "Émilie", Trace.POSSIBLE_NAME),
        ("ＥＭＭＡ leker", "EMMA", Trace.NAME),
        ("Vi ser \u041ela", "\u041ela", Trace.FOREIGN_LETTERS),
        ("barnet \u0645\u062d\u0645\u062f sliter", "\u0645\u062d\u0645\u062f", Trace.FOREIGN_LETTERS),
        ("Familien bor på Tinnes", "Tinnes", Trace.POSSIBLE_NAME),
        ("mora heter O'Zorval", "O'Zorval", Trace.POSSIBLE_NAME),
        ("født 3. mai 2019", "3. mai 2019", Trace.DATE),
        ("født 03.05.19", "03.05.19", Trace.DATE),
        ("født 2019-05-03", "2019-05-03", Trace.DATE),
        ("født i 2019", "2019", Trace.DATE),
        ("fyller år 3. mai", "3. mai", Trace.DATE),
        ("S.O. strever med språk", "S.O.", Trace.NAME),
        ("vi har sett O. N. i høst", "O. N.", Trace.NAME),
        ("barnet heter thuy", "barnet heter thuy", Trace.NAME),
        ("ho heiter thuy", "ho heiter thuy", Trace.NAME),
        ("J0nas strever med språk", "J0nas", Trace.NAME),
        ("vi ser at 3mma er alene", "3mma", Trace.NAME),
        ("med Tord1s og de andre", "Tord1s", Trace.POSSIBLE_NAME),
        ("k a r i trenger hjelp", "k a r i", Trace.NAME),
        ("det gjelder k-a-r-i", "k-a-r-i", Trace.NAME),
        ("det gjelder t.h.u.y", "t.h.u.y", Trace.POSSIBLE_NAME),
        ("moren er ordfører", "moren er ordfører", Trace.UNUSUAL_DETAIL),
        ("faren jobber som lensmann her", "faren jobber som lensmann", Trace.UNUSUAL_DETAIL),
        ("far driver hotellet", "far driver hotellet", Trace.UNUSUAL_DETAIL),
        ("sønnen til presten", "sønnen til presten", Trace.UNUSUAL_DETAIL),
        ("ordførerens datter", "ordførerens datter", Trace.UNUSUAL_DETAIL),
        ("mora er varaordførar", "mora er varaordførar", Trace.UNUSUAL_DETAIL),
        ("mor til thuy har ringt", "mor til thuy", Trace.POSSIBLE_NAME),
        ("thuys far er bekymret", "thuys far", Trace.POSSIBLE_NAME),
        ("barnet thuy leker alene", "barnet thuy", Trace.POSSIBLE_NAME),
        ("anna gråter mye", "anna", Trace.NAME),
        ("født 12/3", "født 12/3", Trace.DATE),
        ("gutt f. 2019", "f. 2019", Trace.DATE),
        ("jente fødd i mars", "fødd i mars", Trace.DATE),
        ("født den tolvte mars", "født den tolvte mars", Trace.DATE),
        ("ring 912 34 567", "912 34 567", Trace.PHONE),
        ("ring +47 91 23 45 67", "+47 91 23 45 67", Trace.PHONE),
        ("skriv til mor@example.no", "mor@example.no", Trace.EMAIL),
        ("skriv til mor (at) example.no", "mor (at) example.no", Trace.EMAIL),
        ("se https://example.no/x", "https://example.no/x", Trace.LINK),
        ("finn @zorval", "@zorval", Trace.LINK),
        ("bor i storgata 12 b", "storgata 12 b", Trace.ADDRESS),
        ("bor i 3674 notodden", "3674 notodden", Trace.ADDRESS),
        ("gnr 12", "gnr 12", Trace.ADDRESS),
        ("bilen EK 12345", "EK 12345", Trace.REGISTRATION),
        ("en elev i 7B", "7B", Trace.UNUSUAL_DETAIL),
        ("gutten i klasse 3 a", "klasse 3 a", Trace.UNUSUAL_DETAIL),
        ("den eneste jenta på trinnet", "eneste jenta", Trace.UNUSUAL_DETAIL),
        ("den einaste døve guten", "einaste døve guten", Trace.UNUSUAL_DETAIL),
        ("hun har en tvillingbror", "tvillingbror", Trace.UNUSUAL_DETAIL),
        ("saksnummer 1234567", "1234567", Trace.LONG_NUMBER),
        ("se cas_bcdfghjklmnpqrstvwxzbcdfgh", "cas_bcdfghjklmnpqrstvwxzbcdfgh", Trace.REFERENCE),
        ("fra unit:lia-barnehage", "unit:lia-barnehage", Trace.REFERENCE),
    ],
)
def test_what_could_lead_to_a_person_is_named(text: str, word: str, trace: Trace) -> None:
    assert (word, trace) in words(text)


@pytest.mark.rule(2)
def test_every_form_of_national_number_is_found_however_it_is_written() -> None:
    rng = Random(1)
    born = date(2019, 5, 3)
    number = synthetic_number(born, rng)
    day, month = int(number[:2]), int(number[2:4]) - 80
    forms = [
        number,
        f"{day:02}{month:02}{number[4:]}",  # an ordinary birth number
        f"{day + 40:02}{month:02}{number[4:]}",  # a D-number
        f"{day:02}{month + 40:02}{number[4:]}",  # a help number, and Dolly's synthetic ones
        f"{day:02}{month + 65:02}{number[4:]}",
        f"{day + 40:02}{month + 80:02}{number[4:]}",
    ]
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    for form in forms:
        for written in (
            form,
            f"{form[:6]} {form[6:]}",
            f"{form[:6]}-{form[6:]}",
            " ".join(form),
            f"{form[:2]}.{form[2:4]}.{form[4:6]} {form[6:]}",
            form.translate(arabic),
            f"{form[:6]}\u200b{form[6:]}",
        ):
            traces = {trace for _, trace in words(f"Nummeret er {written} i dag")}
            assert traces & {Trace.NATIONAL_NUMBER, Trace.DATE}, written


@pytest.mark.rule(2)
def test_no_more_is_named_than_a_person_can_read() -> None:
    assert len(find(" ".join(f"Zorva{'l' * n}" for n in range(60)))) == MAX_FOUND


@pytest.mark.rule(2, 7)
def test_the_interfaces_own_examples_are_free_of_persons() -> None:
    for each in EXAMPLES["NewAgendaItem"]:
        assert isinstance(each, dict)
        assert words(str(each["text"])) == []


INVENTED = [
    "aoife",
    "bjarnulf",
    "ciar",
    "dongmei",
    "esmir",
    "fjodrik",
    "gwilym",
    "hyacinto",
    "ilkay",
    "jurij",
    "kxolani",
    "lwazi",
    "mbali",
    "ngozi",
    "obioma",
    "pruthvi",
    "qiang",
    "ruslan",
    "siobhan",
    "thuy",
    "uduak",
    "vytautas",
    "wojtek",
    "xiuying",
    "yngwe",
    "zorval",
    "zbigniew",
    "tomasz",
    "joaquim",
    "hiroshi",
]
"""Thirty names that no list here has."""
BY_PLACE = (
    "mor til {} har ringt",
    "{}s far er bekymret",
    "vi snakket med {}s familie",
    "barnet {} leker alene",
    "jenta {} og de andre",
    "pappa {} henter",
)
BARE = ("{} strever med språk", "vi snakket med {} i går", "det gjelder {}")


@pytest.mark.rule(2, 7, 22)
def test_docs_meetings_says_how_many_names_without_a_capital_are_found() -> None:
    """What is found by form is measured, and what is not is said openly."""
    found = sum(bool(words(text.format(name))) for name in INVENTED for text in BY_PLACE)
    bare = sum(bool(words(text.format(name))) for name in INVENTED for text in BARE)
    disguised = [" ".join(name) for name in INVENTED] + [f"{name[0]}0{name[2:]}" for name in INVENTED]
    assert all(words(f"vi ser at {each} er alene") for each in disguised)
    sentences = len([line for line in FREE if line])
    docs = (Path(__file__).parents[2] / "docs/meetings.md").read_text(encoding="utf-8")
    assert f"of {sentences} ordinary sentences none is stopped" in docs
    assert f"{found} of {len(INVENTED) * len(BY_PLACE)}" in docs
    assert f"{bare} of {len(INVENTED) * len(BARE)}" in docs
