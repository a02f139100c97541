"""The published language: every event a service publishes, as a frozen model and as a JSON Schema in `schemas/`.

A type is named by a literal and never changes meaning; within v1 only optional fields are added. Anything else is a new
type beside the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts import (
    access,
    audit,
    cases,
    consultations,
    deviations,
    endings,
    entered_figures,
    journal,
    meetings,
    moved,
    notify,
    report_duties,
    reports,
    safekeeping,
    surveys,
    team,
    transition_forms,
    unit_registers,
)
from shared.contracts.base import EventData, Model

EVENTS: Mapping[str, type[EventData]] = MappingProxyType(
    {
        event.TYPE: event
        for module in (
            cases,
            team,
            reports,
            safekeeping,
            endings,
            transition_forms,
            moved,
            meetings,
            consultations,
            surveys,
            unit_registers,
            report_duties,
            entered_figures,
            deviations,
            notify,
            audit,
            access,
            journal,
        )
        for event in module.EVENTS
    }
)
"""Every event type of the system, by its CloudEvents `type`."""

TOPICS: tuple[str, ...] = (cases.TOPIC, meetings.TOPIC, notify.TOPIC, audit.TOPIC, access.TOPIC)
"""Every topic that carries published events, in a fixed order."""

__all__ = ["EVENTS", "TOPICS", "EventData", "Model"]
