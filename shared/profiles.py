"""What every service's part of a municipality's profile has in common: plain YAML, each line with its rule, refused by line.

A profile is one file per municipality. Several services read it, each its own part, so that a municipality states its
practice once. A part that does not hold together is refused with file, line and reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.contracts.codes import Language
from shared.plain_yaml import PlainLoader
from shared.refs import LogScopeField

Rule = Annotated[int, Field(ge=1, le=193)]
"""The number of a seed rule."""
Rules = Annotated[tuple[Rule, ...], Field(min_length=1)]


class ProfileError(ValueError):
    """The profile cannot be used; the message says on which line, and why."""


class Line(BaseModel):
    """A part of a profile; an unknown word in it is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Line):
    """A text that people read, in each of our languages."""

    nb: str = Field(min_length=1, max_length=400)
    nn: str = Field(min_length=1, max_length=400)
    en: str = Field(min_length=1, max_length=400)

    def in_(self, language: Language) -> str:
        """Return the text in `language`."""
        return {Language.NB: self.nb, Language.NN: self.nn, Language.EN: self.en}[language]


class Municipality(Line):
    """One municipality."""

    number: LogScopeField
    name: str = Field(min_length=1, max_length=120)


class Together(Line):
    """Municipalities with one profile, and services that work in all of them (seed rule 77)."""

    municipalities: tuple[Municipality, ...] = Field(min_length=2)
    rule: Rule


class Heading(Line):
    """Whose a profile is: one municipality's, or that of several together."""

    municipality: LogScopeField | None = None
    together: Together | None = None
    name: str = Field(min_length=1, max_length=120)

    @model_validator(mode="after")
    def _somebodys(self) -> Heading:
        if (self.municipality is None) == (self.together is None):
            raise ValueError("say either whose it is, municipality, or which have it together")
        return self

    @property
    def municipalities(self) -> tuple[Municipality, ...]:
        """Return those that have it."""
        if self.together is not None:
            return self.together.municipalities
        return () if self.municipality is None else (Municipality(number=self.municipality, name=self.name),)


def rules_named_in(line: Line) -> frozenset[int]:
    """Return the numbers of the seed rules that `line` and the lines inside it come from."""
    named: set[int] = set()
    for field in type(line).model_fields:
        said = getattr(line, field)
        if field == "rule" and said is not None:
            named.add(said)
        elif field == "rules":
            named.update(said)
        else:
            parts = said if isinstance(said, tuple | frozenset) else (said,)
            named.update(number for part in parts if isinstance(part, Line) for number in rules_named_in(part))
    return frozenset(named)


P = TypeVar("P", bound=Line)


class Document:
    """A profile as it was read, with the lines of its parts."""

    def __init__(self, text: str, name: str) -> None:
        """Read `text`; `name` is what to call it in a refusal.

        Raises:
            ProfileError: it is no YAML, or empty, or says something twice.
        """
        self.name = name
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            content: object = None if root is None else loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ProfileError(f"{name}, line {line}: {error.problem}") from error
        finally:
            loader.dispose()
        if root is None:
            raise ProfileError(f"{name}, line 1: the profile is empty")
        self._root: Final[yaml.Node] = root
        self.content: Final[object] = content

    def pick(self, model: type[P]) -> P:
        """Return those of the document's keys that `model` has; what the others say is for other services.

        Raises:
            ProfileError: one of them is wrong or missing.
        """
        return self._read(model, {key: self._content(key) for key in model.model_fields if self._has(key)}, [])

    def part(self, model: type[P], *keys: str) -> P:
        """Return the part under `keys`, or the whole document, as `model`.

        Raises:
            ProfileError: an unknown or missing word, or rules that do not hold together.
        """
        content = self.content
        for key in keys:
            content = content.get(key) if isinstance(content, dict) else None
        return self._read(model, content, keys)

    def refusal(self, path: Sequence[int | str], reason: str) -> ProfileError:
        """Return the refusal of the part at `path`, with its line."""
        where = ".".join(str(step) for step in path) or "the profile"
        return ProfileError(f"{self.name}, line {self.line(path)}: {where}: {reason}")

    def each_once(self, path: Sequence[int | str], named: Sequence[str]) -> None:
        """Check that no two of the parts in the list at `path` have the same name.

        Raises:
            ProfileError: one stands there twice.
        """
        for index, each in enumerate(named):
            if each in named[:index]:
                where = ".".join(str(step) for step in path)
                raise ProfileError(f"{self.name}, line {self.line([*path, index])}: {where}: {each} stands here twice")

    def line(self, path: Sequence[int | str]) -> int:
        """Return the line of the part at `path`, or of the nearest part around it that is there."""
        node: yaml.Node = self._root
        for step in path:
            child: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                # A missing key has no line: its mapping's is the nearest.
                child = next((value for key, value in node.value if key.value == str(step)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                child = node.value[step]
            if child is None:
                # A discriminator's step is no part of the document.
                continue
            node = child
        return int(node.start_mark.line) + 1

    def _has(self, key: str) -> bool:
        return isinstance(self.content, dict) and key in self.content

    def _content(self, key: str) -> object:
        return self.content.get(key) if isinstance(self.content, dict) else None

    def _read(self, model: type[P], content: object, keys: Sequence[str]) -> P:
        try:
            return model.model_validate(content)
        except ValidationError as error:
            # A word that is not known says more than the one that is missing because of it.
            first = min(
                error.errors(include_url=False, include_input=False), key=lambda one: one["type"] != "extra_forbidden"
            )
            path = [*keys, *(step for step in first["loc"] if isinstance(step, int | str))]
            reason = str(first["msg"]).removeprefix("Value error, ")
            raise self.refusal(path, reason) from error


class _Loader(PlainLoader):
    """Reads plain YAML; a key given twice is refused, since the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Return the mapping, or refuse it."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands here twice", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))
