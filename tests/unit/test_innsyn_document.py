"""The innsyn report in words, as a page and as a PDF: the same rows in both, in three languages, and nothing can be smuggled in."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.innsyn.codelists import CodeListError, read_codelists
from services.audit.innsyn.document import Document, Line, Report, inert, named_actors, ranges, write
from services.audit.innsyn.errors import PdfTooLongError, PdfUnavailableError
from services.audit.innsyn.page import PAGE, render_page
from services.audit.innsyn.pdf import LONGEST, TEMPLATE, inputs, make_pdf
from shared.contracts.codes import Language
from shared.typesetting import UNKNOWN_SIGN, asked, typeset
from tests.unit.innsyn_rows import HEALTH, LISTS, ME, NOON, NURSE, PPT, SECOND_NURSE, look, of_child, report, right
from tests.unit.pdf_as_read import Pdf

pytestmark = pytest.mark.story(22)
GUARDIAN = {"role": "guardian"}


def some() -> Report:
    """A report with every kind of row."""
    return report(
        *(look(minutes=nth) for nth in range(40)),
        look(by=SECOND_NURSE, kind="break-glass", reason="danger-to-life"),
        look(kind="disclose", actor=PPT, recipients=[{"service": "skole"}], meeting="mtg_" + "b" * 26),
        look(by=ME, actor=GUARDIAN, basis={"code": "parental-responsibility", "version": "2018-07-20"}),
        look(kind="disclose", actor={"role": "service-account"}, categories=["contact"], purpose="notification"),
        look(actor=PPT, basis={"code": "old-law", "version": "2001-01-01"}, valid_to="2027-07-31T22:00:00Z"),
        look(categories=[], documents=["doc_" + "b" * 26]),
        look(categories=[]),
        None,
    )


def written(made: Report, language: Language = Language.NB, contact: str | None = None) -> Document:
    return write(made, LISTS, language, contact=contact)


def render_pdf(document: Document, *, large: bool, made_at: datetime) -> bytes:
    """The PDF, without the process that sets it in a service."""
    return typeset(asked(TEMPLATE, inputs(document, large=large), made_at=made_at))


def said(document: Document) -> str:
    """Everything in it, as one text."""
    return json.dumps(document.model_dump(mode="json"), ensure_ascii=False)


class Rows(HTMLParser):
    """The table of a page: each row's cells, each cell's lines."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._cell = self._line = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append([])
            self._cell = True
        if tag == "span" and self._cell:
            self.rows[-1][-1].append("")
            self._line = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in {"td", "th"}
        self._line = self._line and tag != "span"

    def handle_data(self, data: str) -> None:
        if self._line:
            self.rows[-1][-1][-1] += data


def cells(line: Line) -> list[list[str]]:
    return [list(part) for part in (line.when, line.who, line.how, line.what, line.basis, line.until, line.entry)]


@pytest.mark.parametrize("language", Language)
def test_page_and_pdf_hold_the_same_rows(language: Language) -> None:
    document = written(some(), language)
    expected = [cells(line) for line in document.lines]
    assert len(expected) == 6
    assert Rows(render_page(document, large=False)).rows[1:] == expected
    read = Pdf(render_pdf(document, large=False, made_at=NOON)).tree()
    rows = [[[line.text for line in cell.all("P")] for cell in row.kids] for row in read.all("TR")]
    assert rows[1:] == expected
    large = Pdf(render_pdf(document, large=True, made_at=NOON)).tree()
    for line in document.lines:
        for part in cells(line)[1:]:
            assert "; ".join(part) in large.text


@pytest.mark.parametrize(("language", "large"), list(product(Language, (False, True))))
def test_the_pdf_is_a_pdf_ua_that_says_its_language_title_and_headings(language: Language, large: bool) -> None:
    document = written(some(), language)
    pdf = Pdf(render_pdf(document, large=large, made_at=NOON))
    assert f"/Lang({language})" in pdf.catalog
    assert "/Marked true" in pdf.catalog
    assert "/DisplayDocTitle true" in pdf.catalog
    assert "<pdfuaid:part>1</pdfuaid:part>" in pdf.metadata
    assert f">{document.title}</rdf:li>" in pdf.metadata
    tree = pdf.tree()
    assert [one.text for one in tree.all("Title")] == [document.title]
    headings = [one.text for one in tree.all("H1")]
    assert headings == ([document.caption] if large else []) + [part.heading for part in document.parts]
    if not large:
        [table] = tree.all("Table")
        assert [head.text for head in table.all("TH")] == list(document.columns)
        assert table.kids[0].tag in {"Caption", "THead"}
    assert all("+" in font for font in pdf.fonts), "each font is inside, cut to what is used"
    assert len(pdf.fonts) == pdf.everything.count(b"/FontFile")


def test_the_same_report_gives_the_same_bytes() -> None:
    document = written(some())
    assert render_pdf(document, large=False, made_at=NOON) == render_pdf(document, large=False, made_at=NOON)


@pytest.mark.parametrize("language", Language)
def test_the_page_says_its_language_and_its_table_can_be_read_aloud(language: Language) -> None:
    page = render_page(written(some(), language), large=True)
    tags = Rows(page).tags
    assert ("html", {"lang": language.value}) in tags
    assert ("body", {"class": "large"}) in tags
    heads = [attributes.get("scope") for tag, attributes in tags if tag == "th"]
    assert heads == ["col"] * 7 + ["row"] * 6
    assert [tag for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)] == ["h1", "h2", "h2", "h2", "h2", "h3"]
    assert not {"script", "img", "link", "iframe", "form", "a"} & {tag for tag, _ in tags}
    assert "script-src" not in PAGE.headers["Content-Security-Policy"]


ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '#panic("x") $x$ _y_ *z* #read("/etc/passwd") \\ @label <label>',
    "{{ 7*7 }}{% raw %}",
    "=HYPERLINK(1)",
    "evil\u202egnp.exe\u2066",
    "nul\x00bell\x07esc\x1b[31m",
    "line\nbreak\u2028sep",
    "emoji 😀 張 محمد",
]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_from_elsewhere_is_only_ever_text(name: str) -> None:
    """The one text that this service does not make itself: what a directory calls somebody."""
    document = written(report(look(), names={NURSE: name}))
    line = f"Navn: {inert(name)}"
    assert document.lines[0].who[-1] == line
    assert not any(sign in said(document) for sign in "\x00\x07\x1b\u202e\u2066\u2028")
    page = render_page(document, large=False)
    assert Rows(page).rows[1][1][-1] == line
    assert {tag for tag, _ in Rows(page).tags} == {
        tag for tag, _ in Rows(render_page(written(report(look(), names={NURSE: "Ola"})), large=False)).tags
    }
    read = Pdf(render_pdf(document, large=False, made_at=NOON)).tree()
    [row] = list(read.all("TR"))[1:]
    shown = [one.text for one in row.kids[1].all("P")][-1]
    assert len(shown) == len(line)
    assert all(sign in {wanted, UNKNOWN_SIGN} for sign, wanted in zip(shown, line, strict=True))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_name_at_all_can_be_printed(name: str) -> None:
    surrogate = any("\ud800" <= sign <= "\udfff" for sign in name)
    assert not surrogate
    assert render_pdf(written(report(look(), names={NURSE: name})), large=True, made_at=NOON).startswith(b"%PDF-1.7")


async def test_a_pdf_is_set_by_a_process_of_its_own_that_is_told_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = written(report(look()))
    assert await make_pdf(document, large=True, made_at=NOON) == render_pdf(document, large=True, made_at=NOON)
    monkeypatch.setenv("AUDIT_SIGNING_KEY", "PRIVATE+KEY+secret")
    for name, script in (("tells", "cat >/dev/null; env"), ("fails", "cat >/dev/null; exit 3")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setattr("sys.executable", str(tmp_path / "tells"))
    told = await make_pdf(document, large=True, made_at=NOON)
    assert b"PATH=" in told
    assert b"secret" not in told
    monkeypatch.setattr("sys.executable", str(tmp_path / "fails"))
    with pytest.raises(PdfUnavailableError):
        await make_pdf(document, large=True, made_at=NOON)


async def test_a_report_that_is_too_long_for_a_pdf_is_a_page() -> None:
    document = written(report(look()))
    endless = document.model_copy(update={"lines": document.lines * (LONGEST + 1)})
    with pytest.raises(PdfTooLongError):
        await make_pdf(endless, large=False, made_at=NOON)
    assert len(Rows(render_page(endless, large=False)).rows) == LONGEST + 2


def test_the_pages_letters_of_the_sami_languages_are_printed() -> None:
    name = "Áhkká Čáhci Đŋšŧž Åsne"
    document = written(report(look(), names={NURSE: name}))
    assert name in Pdf(render_pdf(document, large=False, made_at=NOON)).tree().text


def test_health_is_named_by_section_22_a_and_others_by_organisation_and_role() -> None:
    made = report(look(), look(actor=PPT), names={NURSE: "Helga Eksempelsen"})
    nurse = next(line for line in written(made).lines if "helsesykepleier" in line.who)
    ppt = next(line for line in written(made).lines if "PPT-rådgiver" in line.who)
    assert nurse.who[-1] == "Navn: Helga Eksempelsen"
    assert ppt.who == ("Pedagogisk-psykologisk tjeneste (PPT)", "PPT-rådgiver", "organisasjonsnummer 310001031")
    assert named_actors(report(look(actor=PPT)).counted.rows, LISTS) == set()


def test_without_a_directory_the_report_says_how_to_get_the_name_and_by_which_law_then() -> None:
    new, old = report(look()), report(look(at=datetime(2026, 6, 30, 12, tzinfo=UTC)))
    assert "pasientjournalloven § 22 a" in said(written(new, contact="postmottak@example.no"))
    assert "postmottak@example.no" in said(written(new, contact="postmottak@example.no"))
    assert "pasientjournalforskriften § 14" in said(written(old))
    assert "§ 22 a" not in said(written(old))
    named = report(look(), names={NURSE: "Helga Eksempelsen"})
    assert len(written(named).parts) == len(written(new).parts) - 1


def test_an_address_protected_report_names_nobody_and_no_place() -> None:
    protected = right(address_protected=True, log="prt_" + "b" * 26)
    made = report(look(), of=protected, names={NURSE: "Helga Eksempelsen"})
    everything = said(written(made, contact="postmottak@example.no"))
    for word in ("Helga", "310001058", "postmottak", "4005"):
        assert word not in everything
    assert "adressen er beskyttet" in everything


def test_the_wording_of_a_basis_is_the_one_of_its_day() -> None:
    line = next(line for line in written(some(), Language.EN).lines if "PPT adviser" in line.who)
    assert line.basis == ("Code old-law of 2001-01-01, which is not in the municipality's list",)
    assert line.until == ("until 31 July 2027",)
    assert line.when[0] == "5 October 2026"


def test_what_is_withheld_and_from_whom_is_said_without_saying_whether_there_was_any() -> None:
    for entries in ((), (look(categories=["health"]),)):
        told = written(report(*entries, of=right(withheld=list(HEALTH))))
        assert "fyller 16 år" in said(told)
        assert told.lines == ()
        assert "Ingen har lest" in told.lead[1]
    assert "fyller 16 år" not in said(written(some()))
    assert "med foreldreansvar har sett på saken" in said(written(report(of=of_child())))


@pytest.mark.parametrize("language", Language)
def test_the_numbers_are_told(language: Language) -> None:
    document = written(some(), language)
    assert document.facts[-1][1] == "46"
    assert "1\N{NO-BREAK SPACE}234" in said(document)
    assert not re.search(r"[{}]\w*[{}]", said(document).replace('{"', "").replace('"}', "")), "every brace is filled in"


def test_ranges() -> None:
    assert ranges([3, 7, 8, 9, 11]) == "3, 7–9, 11"
    assert ranges([]) == ""


def test_a_code_list_that_cannot_be_used_says_which(tmp_path: Path) -> None:
    with pytest.raises(CodeListError, match=r"legal-bases\.yaml"):
        read_codelists(tmp_path)
    good = Path(__file__).parents[2] / "deploy" / "codelists" / "legal-bases.yaml"
    (tmp_path / "legal-bases.yaml").write_text(good.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "innsyn-identity.yaml").write_text(yaml.safe_dump({"identity": [{"code": "x"}]}), encoding="utf-8")
    with pytest.raises(CodeListError, match=r"innsyn-identity\.yaml"):
        read_codelists(tmp_path)
