"""CSV for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula (OWASP, CSV injection).

UTF-8 with a byte order mark: without it Excel reads æ, ø and å as something else. Other programs read it as `utf-8-sig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.audit.domain.sentences import access_of, sentence
from services.audit.exports.writing import Told
from services.audit.queries import StoredEntry
from shared.contracts.access import AccessRecorded
from shared.inert import line_of_cells

COLUMNS: Final = (
    *("position", "logged_at", "happened_at", "kind", "type", "source", "case", "actor", "organisation", "unit"),
    *("basis", "consent", "meeting", "permitted", "role", "service", "client", "on_behalf_of", "purpose"),
    *("basis_version", "consent_version", "categories", "documents", "recipients", "reason", "valid_to", "sentence"),
)
END: Final = "end"
"""In the first column of the last line; the next three have the count, the SHA-256 and the checkpoint."""
_BOM: Final = b"\xef\xbb\xbf"


class TableWriter:
    """Writes a line for every entry."""

    media_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"
    unreadable = 0

    def __init__(self, told: Told) -> None:
        """Write the sentences in `told.language`."""
        self._told = told

    def opening(self) -> bytes:
        """Return the byte order mark and the line with the columns' names."""
        return _BOM + _line(COLUMNS)

    async def write(self, entries: Sequence[StoredEntry]) -> Sequence[bytes]:
        """Return a line for each entry."""
        return [_line((*_indexed(entry), *_said(entry), sentence(entry, self._told.language))) for entry in entries]

    def closing(self, count: int, digest: bytes) -> bytes:
        """Return the last line, as wide as the others (RFC 4180 § 2 rule 4)."""
        checkpoint = self._told.checkpoint
        root = f"{checkpoint.origin} {checkpoint.size} {checkpoint.root.hex()}"
        row = (END, str(count), f"sha256:{digest.hex()}", root)
        return _line((*row, *[""] * (len(COLUMNS) - len(row))))


def _indexed(entry: StoredEntry) -> tuple[str, ...]:
    permitted = "" if entry.permitted is None else str(entry.permitted).lower()
    texts = (entry.type, entry.source, entry.case, entry.actor, entry.organisation, entry.unit)
    more = (entry.basis, entry.consent, entry.meeting)
    times = (str(entry.position), _moment(entry.logged_at), _moment(entry.happened_at), entry.kind)
    return (*times, *(text or "" for text in (*texts, *more)), permitted)


def _said(entry: StoredEntry) -> tuple[str, ...]:
    """Return what only an access record says, in the order of the columns."""
    record = access_of(entry.leaf) if entry.type == AccessRecorded.TYPE else None
    if record is None:
        return ("",) * 12
    actor, basis = record.actor, record.basis
    recipients = (
        ":".join([each.service.value, each.role.value if each.role else "", each.organisation or ""])
        for each in record.recipients
    )
    return (
        actor.role.value if actor.role else "",
        actor.service.value if actor.service else "",
        actor.client or "",
        actor.on_behalf_of or "",
        record.purpose.value if record.purpose else "",
        basis.version if basis else "",
        str(record.consent_version or ""),
        " ".join(sorted(record.categories)),
        " ".join(record.documents),
        " ".join(recipients),
        record.reason or "",
        _moment(record.valid_to) if record.valid_to else "",
    )


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _line(fields: Sequence[str]) -> bytes:
    return line_of_cells(fields).encode()
