"""What kind of document something is, by its content and never by its name; what is not on the list is not taken."""

from __future__ import annotations

import codecs
from typing import Final

from services.cases.errors import DocumentTypeError
from shared.contracts.safekeeping import MediaType

HEAD: Final = 512
"""Bytes of the beginning that tell the kind."""
_KEEP: Final = 64
_CONTROL: Final = frozenset(range(32)) - {9, 10, 12, 13}
_ODT: Final = b"mimetypeapplication/vnd.oasis.opendocument.text"
_DOCX: Final = b"word/document.xml"
_MACROS: Final = (b"vbaProject.bin", b"Basic/Standard", b"Scripts/")


class Sniffer:
    """Looks at a content as it streams by; at its end it says what it is."""

    def __init__(self) -> None:
        """Begin."""
        self._head = b""
        self._tail = b""
        self._docx = False
        self._text = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def feed(self, content: bytes) -> None:
        """Look at the next part.

        Raises:
            DocumentTypeError: it cannot be any kind on the list, or it carries macros.
        """
        if len(self._head) < HEAD:
            self._head += content[: HEAD - len(self._head)]
        window = self._tail + content
        if self._head.startswith(b"PK\x03\x04"):
            # The names of a ZIP's entries stand in it as they are; one may lie across two parts.
            self._docx = self._docx or _DOCX in window
            if any(name in window for name in _MACROS):
                raise DocumentTypeError("Documents with macros are not taken.")
        self._tail = window[-_KEEP:]
        if self._text:
            self._text = self._is_text(content, final=False)

    def kind(self) -> MediaType:
        """Return what it was.

        Raises:
            DocumentTypeError: none of the kinds that are taken.
        """
        head = self._head
        if head.startswith(b"%PDF-"):
            return MediaType.PDF
        if head.startswith(b"\xff\xd8\xff"):
            return MediaType.JPEG
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return MediaType.PNG
        if head.startswith(b"PK\x03\x04"):
            if head[30 : 30 + len(_ODT)] == _ODT:
                return MediaType.ODT
            if self._docx:
                return MediaType.DOCX
            raise DocumentTypeError
        # A page or a program is text too, and opened as what it is: only plain text may call itself so.
        begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if self._text and head and self._is_text(b"", final=True) and not begins.startswith((b"<", b"#!", b"{\\rtf")):
            return MediaType.TEXT
        raise DocumentTypeError

    def _is_text(self, content: bytes, *, final: bool) -> bool:
        try:
            self._decoder.decode(content, final)
        except UnicodeDecodeError:
            return False
        return _CONTROL.isdisjoint(content)
