"""CEF as NAV's audit log takes it: one line for each look at a child's information.

NAV's security playbook, "Auditlogging" (sikkerhet.nav.no, github.com/navikt/security-playbook): CEF version 0, format version 1.0,
severity INFO or WARN, suid who, duid whom it is about, end in milliseconds, msg for anybody, sproc the call, flexString1
the decision. Escaping: ArcSight Common Event Format § "Character encoding".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.audit.domain.sentences import sentence
from services.audit.exports.writing import Looked, Told, looked, unreadable
from services.audit.queries import StoredEntry
from shared.contracts.access import AccessKind
from shared.inert import inert

VENDOR: Final = "Lagspill"
"""What staff know the system by; once a receiver has it in its filters it must not change."""
_NAME: Final = "Sporingslogg"
_CLASS: Final = {AccessKind.WRITE: "audit:update"}
_READ: Final = "audit:read"
_UNUSUAL: Final = frozenset({AccessKind.BREAK_GLASS})


class CefWriter:
    """Writes a line for every access record; other entries are nobody's look at anything."""

    media_type = "text/plain; charset=utf-8"
    suffix = "cef"

    def __init__(self, told: Told) -> None:
        """Write the sentences in `told.language`."""
        self._told = told
        self.unreadable = 0

    def opening(self) -> bytes:
        """Return nothing: each line stands for itself."""
        return b""

    async def write(self, entries: Sequence[StoredEntry]) -> Sequence[bytes]:
        """Return a line for each access record."""
        self.unreadable += unreadable(entries)
        return [self._line(found) for entry in entries if (found := looked(entry)) is not None]

    def closing(self, count: int, digest: bytes) -> bytes:
        """Return a last line of another product than the looks have, so that no filter counts it as one."""
        checkpoint = self._told.checkpoint
        return line(
            ("Eksport", "audit:export", "Eksport"),
            "INFO",
            {
                "cn1": str(count),
                "cn1Label": "Count",
                "cn2": str(self.unreadable),
                "cn2Label": "Unreadable",
                "cs3": digest.hex(),
                "cs3Label": "SHA-256",
                "cs5": f"{checkpoint.origin} {checkpoint.size} {checkpoint.root.hex()}",
                "cs5Label": "Checkpoint",
            },
        )

    def _line(self, found: Looked) -> bytes:
        entry, record = found.entry, found.record
        unusual = record.address_protected or record.kind in _UNUSUAL
        fields = {
            "suid": record.actor.id,
            "duid": record.case or "",
            "end": str(int(entry.happened_at.timestamp() * 1000)),
            "sproc": found.correlation.hex,
            "act": record.kind.value,
            "flexString1Label": "Decision",
            "flexString1": "Permit" if record.permitted and record.kind is not AccessKind.DENY else "Deny",
        }
        labelled = (
            ("flexString2", "deny_cause", record.reason or ""),
            ("cn1", "OrgNummer", record.actor.organisation or ""),
            ("cs3", "Grunnlag", record.consent or (record.basis.code if record.basis else "")),
            ("cs5", "Opplysninger", " ".join(sorted(record.categories))),
            ("cs6", "Klient", record.actor.client or ""),
        )
        for name, label, value in labelled:
            if value:
                fields |= {f"{name}Label": label, name: value}
        fields["msg"] = sentence(entry, self._told.language)
        product = (entry.source or "").rpartition("/")[2]
        header = (product, _CLASS.get(record.kind, _READ), _NAME)
        return line(header, "WARN" if unusual else "INFO", fields)


def line(header: tuple[str, str, str], severity: str, fields: dict[str, str]) -> bytes:
    """Return a CEF line: product, event class and name in the header, the fields that have a value behind it."""
    head = "|".join(["CEF:0", *map(in_header, (VENDOR, header[0], "1.0", header[1], header[2], severity))])
    extension = " ".join(f"{name}={in_extension(value)}" for name, value in fields.items() if value)
    return f"{head}|{extension}\n".encode()


def in_header(text: str) -> str:
    """Return the text for a field of the header: neither a bar nor a backslash ends it, nor a line."""
    return inert(text).replace("\\", "\\\\").replace("|", "\\|")


def in_extension(text: str) -> str:
    """Return the text for a value: an equals sign in it begins no other field."""
    return inert(text).replace("\\", "\\\\").replace("=", "\\=")
