"""How an export is shown."""

from __future__ import annotations

from pydantic import BaseModel, Field

from services.audit.exports.domain import ExportState
from services.audit.exports.errors import NoSuchExportError
from shared.contracts.audit import ExportFilter, ExportFormat
from shared.contracts.codes import Language


class ExportView(BaseModel):
    """An export, and what it came to."""

    export: str = Field(examples=["exp_bcdfghjklmnpqrstvwxzbcdfgh"])
    log: str = Field(examples=["lagspill.no/logs/4005"], description="The log's name in its checkpoints.")
    size: int = Field(description="Of the checkpoint that it is made from.")
    format: ExportFormat
    language: Language
    filter: ExportFilter
    content: str = Field(description="Where the file is fetched. Each time is an entry of the log.")
    count: int | None = Field(description="Lines for entries, when it was last fetched as a whole; null before.")
    unreadable: int | None = Field(
        description="Access records that the format has no line for, as they are not of the agreed form; null before."
    )
    sha256: str | None = Field(description="Hexadecimal, of everything before the file's last line.")
    cut: int | None = Field(
        description="Lines that had left when it was last fetched and cut off, as the right to the log had ended; null otherwise."
    )

    @classmethod
    def of(cls, state: ExportState) -> ExportView:
        """Return what is shown of an export.

        Raises:
            NoSuchExportError: it was never ordered.
        """
        ordered, delivered = state.ordered, state.delivered
        if ordered is None:
            raise NoSuchExportError
        return cls(
            export=ordered.export,
            log=ordered.log,
            size=ordered.size,
            format=ordered.format,
            language=ordered.language,
            filter=ordered.filter,
            content=f"/exports/{ordered.export}/content",
            count=delivered.count if delivered is not None else None,
            unreadable=delivered.unreadable if delivered is not None else None,
            sha256=delivered.sha256 if delivered is not None else None,
            cut=state.cut.count if state.cut is not None else None,
        )
