"""Serves the operator's page on this machine until it is stopped."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import uvicorn
from rich.console import Console

from deploy.local.errors import LocalError
from deploy.local.process import HOST
from deploy.local.status import Status
from deploy.operator.desk import Desk
from deploy.operator.page import OperatorPage


def serve(
    look: Callable[[], Awaitable[Status]], settings: Mapping[str, Mapping[str, str]], *, port: int, out: Console
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        look: asks every service and the broker.
        settings: by service, the environment variables that it is started with.
        port: where to listen, on 127.0.0.1 only.
        out: is told the address, with the key that lets in.

    Raises:
        LocalError: the port is taken.
    """
    try:
        listener = socket.create_server((HOST, port), reuse_port=False)
    except OSError as error:
        raise LocalError(
            f"Nothing can listen on {HOST}:{port} ({error.strerror}): choose another with --port."
        ) from error
    key = secrets.token_urlsafe(24)
    page = OperatorPage(look, Desk(settings), now=lambda: datetime.now(UTC), port=port, key=key)
    out.print(f"The operator's page: http://{HOST}:{port}/?key={key}", highlight=False, soft_wrap=True)
    out.print("Ctrl-C ends it.", highlight=False)
    config = uvicorn.Config(page.app, lifespan="off", log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
