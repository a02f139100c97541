"""What the subsequent control consists of in a running service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.audit.handlers import Desk
from services.audit.patterns.configuration import read_configuration
from services.audit.patterns.desk import FindingDesk
from services.audit.patterns.reading import FindingReader
from services.audit.patterns.watch import DEADLINES, Examiner, Watch
from services.audit.settings import AuditSettings
from shared.db import Pool
from shared.deadlines import DeadlineHandler
from shared.lifecycle import Kit
from shared.vault import Vault


@dataclass(frozen=True)
class Control:
    """The subsequent control, composed."""

    desk: FindingDesk
    examiner: Examiner
    watch: Watch
    deadlines: Mapping[str, DeadlineHandler]


def compose_control(kit: Kit[AuditSettings], desk: Desk, *, writer: Pool, reader: Pool) -> Control:
    """Return the subsequent control on the connections of the two roles; `desk` admits and records.

    Raises:
        PolicyError: the policy file or a profile cannot be used.
        VaultKeyError: VAULT_KEY or LOOKUP_KEY is missing or not usable: explanations are kept in the vault.
    """
    settings = kit.settings
    policies = read_configuration(settings.audit_patterns_file, settings.audit_municipalities_folder)
    examiner = Examiner(
        writer,
        kit.journal,
        policies,
        origin=settings.audit_origin,
        protected_origin=settings.audit_protected_origin,
        clock=kit.clock,
        ids=kit.ids,
    )
    findings = FindingDesk(desk, FindingReader(reader), kit.journal, Vault.from_settings(settings), kit.pool)
    watch = Watch(examiner, writer, kit.metrics)
    return Control(findings, examiner, watch, DEADLINES)
