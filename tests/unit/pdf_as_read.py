"""A tagged PDF as a screen reader goes through it: the structure tree, each element with the text of its marked content.

Reads what the reports are: one revision, objects in the clear, Flate streams, composite fonts with a ToUnicode map.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_OBJECT: Final = re.compile(rb"(?m)^(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM: Final = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)
_KID: Final = re.compile(rb"<<(.*?)>>|(\d+) 0 R|(\d+)", re.DOTALL)
_TOKEN: Final = re.compile(
    rb"/(?P<tag>\w+)\s*<<(?P<properties>[^>]*)>>\s*BDC|/(?P<artifact>\w+)\s+BMC|(?P<end>EMC)"
    rb"|/(?P<font>\w+)\s+[\d.]+\s+Tf|\((?P<text>(?:\\.|[^\\)])*)\)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|.|\n)", re.DOTALL)
_NAMED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Element:
    """One element of the structure tree."""

    tag: str
    text: str
    """All that is in it, in reading order."""
    kids: tuple[Element, ...] = field(repr=False)

    def all(self, tag: str) -> Iterator[Element]:
        """Return every element called `tag`, in reading order."""
        if self.tag == tag:
            yield self
        for kid in self.kids:
            yield from kid.all(tag)


class Pdf:
    """One document."""

    def __init__(self, content: bytes) -> None:
        """Read it; nothing may be outside what this reader knows."""
        self._objects = {int(match[1]): match[2] for match in _OBJECT.finditer(content)}
        root = re.search(rb"/Root (\d+) 0 R", content)
        assert root is not None
        self.catalog = self._objects[int(root[1])].decode("latin-1")
        self.everything = content
        self._texts: dict[int, dict[int, str]] = {}

    @property
    def metadata(self) -> str:
        """The XMP metadata."""
        return self._stream(self._ref(self.catalog.encode("latin-1"), b"Metadata")).decode()

    @property
    def fonts(self) -> list[str]:
        """The fonts that are used; each must be inside."""
        found = [re.search(rb"/FontName/([\w+-]+)", body) for body in self._objects.values()]
        return [match[1].decode() for match in found if match]

    def tree(self) -> Element:
        """The structure, from its root."""
        root = self._objects[self._ref(self.catalog.encode("latin-1"), b"StructTreeRoot")]
        return self._element(b"/S/Root" + root, 0)

    def _element(self, body: bytes, page: int) -> Element:
        tag = re.search(rb"/S/(\w+)", body)
        assert tag is not None
        own = re.search(rb"/Pg (\d+) 0 R", body)
        page = int(own[1]) if own else page
        kids: list[Element] = []
        said: list[str] = []
        for kid in self._kids(body):
            if kid[2]:
                inner = self._objects[int(kid[2])]
                if b"/S/" in inner:
                    kids.append(self._element(inner, page))
                    said.append(kids[-1].text)
                continue
            number = int(kid[3]) if kid[3] else int(re.search(rb"/MCID (\d+)", kid[1])[1])  # type: ignore[index]
            where = re.search(rb"/Pg (\d+) 0 R", kid[1] or b"")
            said.append(self._marked(int(where[1]) if where else page).get(number, ""))
        return Element(tag[1].decode(), "".join(said), tuple(kids))

    def _kids(self, body: bytes) -> Iterator[re.Match[bytes]]:
        match = re.search(rb"/K(\[.*?\](?=[/>])| ?\d+( 0 R)?)", body, re.DOTALL)
        return _KID.finditer(match[1] if match else b"")

    def _marked(self, page: int) -> dict[int, str]:
        if page not in self._texts:
            body = self._objects[page]
            self._texts[page] = self._read(self._stream(self._ref(body, b"Contents")), self._maps(body))
        return self._texts[page]

    def _maps(self, page: bytes) -> dict[bytes, dict[int, str]]:
        resources = self._ref(page, b"Resources", missing=None)
        where = page if resources is None else self._objects[resources]
        named = re.search(rb"/Font<<(.*?)>>", where, re.DOTALL)
        fonts = re.findall(rb"/(\w+) (\d+) 0 R", named[1]) if named else []
        return {name: _unicode(self._stream(self._ref(self._objects[int(font)], b"ToUnicode"))) for name, font in fonts}

    def _read(self, content: bytes, maps: dict[bytes, dict[int, str]]) -> dict[int, str]:
        marked: dict[int, str] = {}
        open_tags: list[int | None] = []
        font: dict[int, str] = {}
        for token in _TOKEN.finditer(content):
            if token["tag"]:
                number = re.search(rb"/MCID (\d+)", token["properties"])
                open_tags.append(int(number[1]) if number else None)
            elif token["artifact"]:
                open_tags.append(None)
            elif token["end"]:
                open_tags.pop()
            elif token["font"]:
                font = maps[token["font"]]
            else:
                number_now = next((one for one in reversed(open_tags) if one is not None), None)
                if number_now is not None:
                    marked[number_now] = marked.get(number_now, "") + _decoded(token["text"], font)
        return marked

    def _stream(self, number: int) -> bytes:
        body = self._objects[number]
        stream = _STREAM.search(body)
        assert stream is not None
        return zlib.decompress(stream[1]) if b"/FlateDecode" in body[: stream.start()] else stream[1]

    def _ref(self, body: bytes, name: bytes, missing: int | None = -1) -> int:
        match = re.search(rb"/" + name + rb" (\d+) 0 R", body)
        assert match is not None or missing is None, name
        return int(match[1]) if match else -1


def _unicode(cmap: bytes) -> dict[int, str]:
    pairs = re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>(?! <)", cmap)
    return {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs}


def _decoded(literal: bytes, font: dict[int, str]) -> str:
    def plain(match: re.Match[bytes]) -> bytes:
        sign = match[1]
        if sign.isdigit():
            return bytes([int(sign, 8)])
        return b"" if sign == b"\n" else _NAMED.get(sign, sign)

    codes = _ESCAPE.sub(plain, literal)
    return "".join(font.get(int.from_bytes(codes[at : at + 2]), "") for at in range(0, len(codes), 2))
