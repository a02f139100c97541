"""HTTP for every service: strict input, problem documents, idempotent commands, versions, cursors, health.

from shared.web import Command, CurrentActor, RequestModel, answer, create_app, respond
"""

from __future__ import annotations

from shared.web.app import Readiness, UnguardedRouteError, create_app, passes_over_more
from shared.web.bearer import AskAgain, AskedAgain, CurrentActor, current_actor
from shared.web.commands import (
    Command,
    GuardedCommand,
    Reading,
    answer,
    command_context,
    etag,
    expected_version,
    reading_context,
    represent,
    respond,
)
from shared.web.edge import Edge, exchange
from shared.web.models import GivenDay, GivenMoment, RequestModel, RequestPart, example
from shared.web.pages import AskedPage, Collection, Page, Paging
from shared.web.problems import Problem
from shared.web.tongue import Tongue

__all__ = [
    "AskAgain",
    "AskedAgain",
    "AskedPage",
    "Collection",
    "Command",
    "CurrentActor",
    "Edge",
    "GivenDay",
    "GivenMoment",
    "GuardedCommand",
    "Page",
    "Paging",
    "Problem",
    "Readiness",
    "Reading",
    "RequestModel",
    "RequestPart",
    "Tongue",
    "UnguardedRouteError",
    "answer",
    "command_context",
    "create_app",
    "current_actor",
    "etag",
    "example",
    "exchange",
    "expected_version",
    "passes_over_more",
    "reading_context",
    "represent",
    "respond",
]
