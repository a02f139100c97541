"""The page for people in a copy: plain HTML that any browser shows without anything else, in the reader's language."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from services.cases.copying.content import Copy
from shared.clock import oslo_day
from shared.contracts.codes import Language

_FOLDER: Final = Path(__file__).parent / "texts"
_STYLE: Final = (
    "body{font-family:sans-serif;max-width:45em;margin:2em auto;line-height:1.5}h2{margin-top:2em}dt{font-weight:bold}"
)


@cache
def texts(language: Language) -> Mapping[str, Mapping[str, str]]:
    """Return the words of the page.

    Raises:
        OSError, ValueError: the file is missing or malformed.
    """
    return tomllib.loads((_FOLDER / f"{language.value}.toml").read_text(encoding="utf-8"))


def page(copy: Copy) -> bytes:
    """Return the page, in UTF-8. Everything that was written by somebody is escaped."""
    return "\n".join(_lines(copy)).encode()


def _lines(copy: Copy) -> Iterator[str]:
    words = texts(copy.language)
    label, kinds = words["label"], words["category"]
    title = escape(label["title"])
    yield f'<!doctype html>\n<html lang="{copy.language.value}">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield _paragraph(label["made"].format(day=_day(copy.made_at, label), section=copy.section))
    if copy.left_out:
        yield _paragraph(label["left_out"].format(kinds=", ".join(kinds[one] for one in copy.left_out)))
    yield _heading(label["child"])
    yield from _list(
        [
            (label["name"], copy.child.name),
            (label["national_number"], copy.child.national_number),
            (label["born"], _day(copy.child.born, label)),
        ]
    )
    if copy.you is not None:
        yield _heading(label["you"])
        you = copy.you
        yield from _list(
            [(label["name"], you.name), (label["email"], you.email or "-"), (label["phone"], you.phone or "-")]
        )
    if copy.spoken_with is not None:
        need = copy.spoken_with
        yield _heading(label["spoken_with"])
        yield from _list(
            [(label["language"], need.language), (label["interpreter"], words["interpreter"][need.interpreter])]
        )
    if copy.noted:
        yield _heading(label["noted"])
        yield f"<ul>\n{chr(10).join(f'<li>{escape(one)}</li>' for one in copy.noted)}\n</ul>"
    yield _heading(label["course"])
    course = copy.course
    yield from _list(
        [
            (label["stage"], words["stage"][course.stage]),
            (label["level"], str(course.level)),
            (label["consents"], str(len(course.consents))),
            (label["measures"], str(len(course.measures))),
            (label["handovers"], str(len(course.handovers))),
        ]
    )
    yield _paragraph(label["more"])
    if copy.records:
        yield _heading(label["records"])
        yield from _list((kinds[one.category], one.text) for one in copy.records)
    for form in copy.forms:
        yield _heading(label["form"].format(version=form.version))
        answered = ((one.category, one.text) for one in form.fields.values())
        yield from _list((kinds[category], text) for category, text in (*form.content.items(), *answered))
    if copy.documents:
        yield _heading(label["documents"])
        links = (f'<li><a href="{escape(one.file)}">{escape(one.title)}</a></li>' for one in copy.documents)
        yield f"<ul>\n{chr(10).join(links)}\n</ul>"
    if copy.documents_left_out:
        titles = ", ".join(one.title for one in copy.documents_left_out)
        yield _paragraph(label["documents_left_out"].format(titles=titles))
    if copy.told:
        yield _heading(label["told"])
        yield from _list(
            (
                f"{_day(one.at, label)}: {words['service'][one.service]}",
                ", ".join(kinds[kind] for kind in one.categories) or "-",
            )
            for one in copy.told
        )
    yield "</body>\n</html>\n"


def _day(when: datetime | date, label: Mapping[str, str]) -> str:
    day = oslo_day(when) if isinstance(when, datetime) else when
    return label["day"].format(day=day.day, month=label["months"].split()[day.month - 1], year=day.year)


def _heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _list(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    for name, text in rows:
        yield f"<dt>{escape(name)}</dt><dd>{escape(text).replace(chr(10), '<br>')}</dd>"
    yield "</dl>"
