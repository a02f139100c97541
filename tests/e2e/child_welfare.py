"""Child welfare's digital channel, as a server of the test's own."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ChildWelfare:
    """A digital channel over real HTTP: it answers as it is told, and knows a report by its idempotency key."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.was_asked = threading.Event()
        self.may_answer = threading.Event()
        """Cleared, it lets whoever asks wait."""
        self.may_answer.set()
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                key = self.headers["idempotency-key"]
                document = json.loads(self.rfile.read(int(self.headers["content-length"])))
                channel.asked.append(key)
                channel.tokens.add(self.headers["authorization"])
                channel.was_asked.set()
                channel.may_answer.wait()
                status, body = channel.answers.pop(0) if channel.answers else (201, b'{"receipt": "bv-1"}')
                if status < 300:
                    channel.taken[key] = document
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/reports"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
