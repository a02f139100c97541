"""The texts of the auditors' pages: there in every language, all used, plain, with the same gaps."""

from __future__ import annotations

import re
from pathlib import Path

import lagspill_verify
import pytest

import services.audit
from services.audit.domain.witnessing import Trouble
from services.audit.pages.entries import KINDS
from services.audit.pages.texts import TABLES, Texts
from shared.contracts.codes import Language, Role
from shared.preferences import NAMES

pytestmark = pytest.mark.rule(101)

FOLDER = Path(services.audit.__file__).parent
LIX = 40
"""A readability index under this is easy to read: as fiction and weeklies are (Björnsson 1968)."""


def gaps(text: str) -> list[str]:
    """The names of what is filled in."""
    return sorted(re.findall(r"{(\w+)}", text))


def test_every_text_is_there_in_every_language_with_the_same_gaps() -> None:
    nb = TABLES[Language.NB]
    assert set(NAMES) == set(TABLES) == set(Language)
    for language, table in TABLES.items():
        assert set(table) == set(nb), (language, set(table) ^ set(nb))
        for key, text in table.items():
            assert text, (language, key)
            assert gaps(text) == gaps(nb[key]), (language, key)
            assert not re.search(r"[<>&]", text), (language, key)


def test_languages_differ() -> None:
    """Nobody has left a text as it was in another language; a few words are the same."""
    for one, other in ((Language.NB, Language.EN), (Language.NN, Language.EN)):
        same = [key for key, text in TABLES[one].items() if text == TABLES[other][key] and len(text.split()) > 2]
        assert same == []


@pytest.mark.parametrize("language", list(Language))
def test_the_texts_are_easy_to_read(language: Language) -> None:
    """LIX over all sentences, and no sentence of more than 28 words."""
    sentences = [
        part
        for text in TABLES[language].values()
        for part in re.split(r"(?<=[.:?!])\s+", re.sub(r"{\w+}", "17", text))
        if text.endswith((".", ":", "?", "!"))
    ]
    words = [word for part in sentences for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", part)]
    long = [word for word in words if len(word) > 6]
    assert len(words) / len(sentences) + 100 * len(long) / len(words) < LIX
    assert max(len(part.split()) for part in sentences) <= 28


def test_every_text_that_a_page_asks_for_is_there_and_no_other() -> None:
    """Keys in templates and code, and those made of a code."""
    table = set(TABLES[Language.NB])
    sources = [*(FOLDER / "templates").glob("*.html"), *(FOLDER / "pages").glob("*.py")]
    told = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    asked = {
        key
        for key in re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', told)
        if key.partition(".")[0] in {k.partition(".")[0] for k in table}
    }
    made = set(re.findall(r'"([a-z_.]+[._])" ~', told)) | {"search.error.", "entry.step_"}
    groups = set(re.findall(r't\.code\("([a-z_.]+)"', told))
    missing = {key for key in asked if key not in table and not any(k.startswith(f"{key}.") for k in table)}
    assert {key for key in missing if not key.endswith((".html", "_"))} == set()
    spare = {
        key
        for key in table
        if key not in asked
        and not any(key.startswith(prefix) for prefix in made)
        and key.rpartition(".")[0] not in groups
    }
    assert spare == set()


def test_every_code_has_a_name() -> None:
    for language in Language:
        t = Texts(language)
        for group, codes in {
            "kind": KINDS,
            "verify.kinds": [kind.value for kind in lagspill_verify.Kind],
            "log.trouble": [trouble.value for trouble in Trouble],
        }.items():
            assert [code for code in codes if f"{group}.{code}" not in TABLES[language]] == []
        for role in (Role.AUDITOR, Role.PRIVACY_OFFICER):
            assert t(f"site.role_{role}")
