"""The documentation is true: what it names exists, what it shows can be read, what it lists is complete."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from typer.main import get_command

from deploy import cli, settings_table
from deploy.settings_table import variables
from services.audit.domain.policy import NO_WITNESSES
from services.audit.overseer import Overseer
from services.audit.patterns.watch import Watch
from services.audit.witness_api import Witness
from services.audit.witnessing import Witnessing
from services.notify.counts import Counts
from shared.bus import Protocol
from shared.contracts import EVENTS, TOPICS, catalogue
from shared.contracts.schemas import event_schema
from shared.dead_letters import Reason
from shared.envelope import Envelope
from shared.kafka import WATERMARKS_TOPIC
from shared.observability import Metrics

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SKIPPED = {".venv", "node_modules", ".lagspill", ".git", ".pytest_cache", ".hypothesis"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts[:-1]))
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page: Path) -> str:
    """The page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, without what they are indented by."""
    return [textwrap.dedent(body) for _, found, body in FENCED.findall(text_of(page)) if found == language]


def code(page: Path) -> Iterator[str]:
    """Everything that is shown as code."""
    text = text_of(page)
    yield from (body for _, _, body in FENCED.findall(text))
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = re.split(rf"^## {heading}\n", text_of(DOCS / page), flags=re.MULTILINE)[1]
    rows = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def anchors(page: Path) -> set[str]:
    """What a link may lead to within a page, by the rule of those who show it."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading in it."""
    for link in LINK.findall(FENCED.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(file), link


@every_page
def test_every_block_of_python_can_be_read(page: Path) -> None:
    """As the body of a module that may await."""
    for block in blocks(page, "python"):
        compile(block, page.name, "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@every_page
def test_every_make_target_exists(page: Path) -> None:
    """In the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for part in code(page) for name in re.findall(r"(?:^|[\s;&])make ([a-z]+)", part, re.MULTILINE)}
    assert named <= targets


@every_page
def test_every_lagspill_command_exists(page: Path) -> None:
    """With its subcommand, where it has any."""
    command: Any = get_command(cli.app)
    for part in code(page):
        for name, following in re.findall(
            r"(?:^|[\s/;&\"])lagspill ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", part, re.MULTILINE
        ):
            assert name in command.commands, part
            inner = getattr(command.commands[name], "commands", None)
            assert inner is None or not following or following in inner, part


@every_page
def test_every_module_that_is_run_exists(page: Path) -> None:
    """`python -m a.b` is a module or package of this repository, or a tool that the repository brings along."""
    for part in code(page):
        for name in re.findall(r"python -m ([\w.]+)", part):
            place = ROOT / name.replace(".", "/")
            assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), name


@every_page
def test_every_environment_variable_exists(page: Path) -> None:
    """As a setting of a service, of `lagspill up`, or of a command."""
    named = {name for part in code(page) for name in VARIABLE.findall(part)}
    assert named - constants() - set(get_args(Protocol)) <= variables()


@every_page
def test_every_path_of_the_repository_exists(page: Path) -> None:
    """Where it is named as code, and is no pattern."""
    for part in code(page):
        for path in re.findall(r"(?<![\w./-])((?:shared|services|deploy|docs|tests|packages)/[\w./-]*\w)", part):
            known = (ROOT / path).exists() or "<" in part or "$" in part
            assert known, path


@every_page
def test_every_event_type_exists(page: Path) -> None:
    """Named in full; a pattern has a placeholder in it."""
    for name in re.findall(r"no\.lagspill(?:\.[a-z-]+)+\.v1", text_of(page)):
        assert name in EVENTS


@cache
def constants() -> frozenset[str]:
    """The constants of our code, which a page may name too."""
    return frozenset(
        name
        for folder in ("shared", "services", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"^([A-Z][A-Z0-9_]+)(?:: [^=\n]+)? =", path.read_text(encoding="utf-8"), re.MULTILINE)
    )


# --- pages that list what the code has --------------------------------------------------------------------------------


def test_the_envelope_is_explained_attribute_by_attribute() -> None:
    """All of them, in the order in which an event has them."""
    explained = [row[0].strip("`") for row in table("events.md", "The envelope")]
    assert explained == [*Envelope.model_fields, "data"]


def test_every_topic_is_explained() -> None:
    """The watermarks' too."""
    assert [row[0].strip("`") for row in table("events.md", "Topics")] == [*TOPICS, WATERMARKS_TOPIC]


def test_events_that_are_shown_keep_their_contract() -> None:
    """By the JSON Schema of their type."""
    shown = [json.loads(block) for block in blocks(DOCS / "events.md", "json")]
    assert shown
    for event in shown:
        jsonschema.validate(event, event_schema(EVENTS[event["type"]]), cls=jsonschema.Draft202012Validator)


def test_every_metric_is_explained_and_exists() -> None:
    """Under the name by which it is scraped."""
    explained = [row[0].strip("`") for row in table("operating.md", "Metrics")]
    assert sorted(explained) == sorted(scraped())


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    """In operating.md."""
    section = text_of(DOCS / "operating.md").partition("## Dead letters")[2].partition("\n## ")[0]
    assert {reason for reason in Reason if f"`{reason}`" not in section} == set()


def scraped() -> dict[str, frozenset[str]]:
    """The name of every metric of any service, with its labels."""
    metrics = Metrics()
    Overseer(None, None, metrics, announce_seconds=60.0)  # type: ignore[arg-type]  # only what it registers matters here
    Watch(None, None, metrics)  # type: ignore[arg-type]
    nothing: Any = None
    Counts(nothing, metrics, clients=frozenset())
    Witness(nothing, nothing, (), clock=nothing, metrics=metrics)
    Witnessing(
        "", nothing, nothing, NO_WITNESSES, journal=nothing, http=nothing, clock=nothing, ids=nothing, metrics=metrics
    )
    found = {}
    for collector in {id(each): each for each in metrics.registry._names_to_collectors.values()}.values():
        assert isinstance(collector, MetricWrapperBase)
        (family,) = collector.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = frozenset(collector._labelnames)
    return found


def test_the_alerts_name_metrics_and_labels_that_exist() -> None:
    """And each says what is wrong and what to do."""
    known = {**scraped(), "up": frozenset[str]()}
    (group,) = yaml.safe_load(text_of(ROOT / "deploy" / "alerts.yaml"))["groups"]
    operating = text_of(DOCS / "operating.md")
    for rule in group["rules"]:
        named = set(re.findall(r"\b(?:lagspill_\w+|up)\b", rule["expr"]))
        assert named, rule["alert"]
        assert named <= known.keys(), rule["alert"]
        labels = frozenset({"job", "instance"}).union(*(known[name] for name in named))
        used = {label for part in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in part.split(", ")}
        used |= set(re.findall(r"[{,](\w+)[=!]", rule["expr"]))
        used |= set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert used <= labels, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}
        for quoted in re.findall(r'docs/operating\.md, "([^"]+)"', rule["annotations"]["action"]):
            assert f"**{quoted}" in operating or f"## {quoted}" in operating, quoted


# --- generated pages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "page"), [(catalogue, "CATALOGUE"), (settings_table, "TABLE")])
def test_a_generated_page_that_is_out_of_date_is_found(
    module: ModuleType, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is up to date; one word more, and it is not."""
    file = tmp_path / "page.md"
    monkeypatch.setattr(module, page, file)
    assert module.main(["--check"]) == 1
    assert (module.main([]), module.main(["--check"])) == (0, 0)
    file.write_text(text_of(file) + "typed by hand\n", encoding="utf-8")
    assert module.main(["--check"]) == 1


def test_the_catalogue_has_every_type_with_every_field() -> None:
    """And the words of the model that says what a field means."""
    text = catalogue.Catalogue().text()
    for name, event in EVENTS.items():
        section = text.partition(f"### `{name}`\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(event.model_fields), name
        assert all(" ".join((field.description or "").split()) in section for field in event.model_fields.values())


def test_the_table_of_settings_has_every_variable_that_anything_reads() -> None:
    """Of the code, of the command line, of the compose file; each with a word on what it is for."""
    sources = [
        path for folder in ("shared", "services", "deploy", "packages") for path in (ROOT / folder).rglob("*.py")
    ]
    read = re.compile(r'environ(?:\.get\(|\[)"(\w+)"|envvar="(\w+)"')
    named = {one or other for path in sources for one, other in read.findall(text_of(path))}
    named |= set(re.findall(r"\$\{(\w+)", text_of(ROOT / "docker-compose.yml")))
    assert named <= variables()
    listed = re.findall(r"^\| `(\w+)` \|(?:.*\|)? ([^|]*)\|$", text_of(DOCS / "settings.md"), re.MULTILINE)
    assert {name for name, told in listed if not told.strip()} == set()
    assert {name for name in variables() if not name.endswith("_FILE")} <= {name for name, _ in listed} <= variables()
