"""A receiver of webhooks: the standard library and one SQLite file.

Each event has its effect once, none is believed unsigned, and none is taken that is behind a gap.

WEBHOOK_SECRET=whsec_... python docs/examples/receiver.py 9000 events.db
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TABLE = """CREATE TABLE IF NOT EXISTS events
    (source TEXT, id TEXT, type TEXT, subject TEXT, sequence INTEGER, PRIMARY KEY (source, id))"""
TOLERANCE = 300
"""Seconds by which the two clocks may differ; an older request may be somebody's who has recorded it."""


def is_signed(secret: str, headers, body: bytes) -> bool:
    """Whether one of the signatures was made with the secret, just now, over exactly this (Standard Webhooks)."""
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    given = headers.get("webhook-signature", "").encode("utf-8", "replace").split(b" ")
    return any(hmac.compare_digest(expected, each) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """Takes each event in once, and answers when its effect is stored."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer 204 when the event is stored, 401 when nobody we know has signed it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_signed(os.environ["WEBHOOK_SECRET"], self.headers, body):
            self.answer(401)
            return
        event = json.loads(body)
        with self.server.one_at_a_time, self.server.db as db:
            found = self.take(db, event)
        print(found, event["type"], flush=True)
        # Behind a gap it is not ours yet: it comes again, and so may what is missing.
        self.answer(503 if found == "gap before" else 204)

    def take(self, db: sqlite3.Connection, event: dict) -> str:
        """Take an event in once, unless one of its subject before it has never come."""
        sequence = int(event.get("sequence", 0))
        latest = "SELECT max(sequence) FROM events WHERE source = ? AND subject = ?"
        [last] = db.execute(latest, (event["source"], event["subject"])).fetchone()
        if last is not None and sequence > last + 1:
            return "gap before"
        row = (event["source"], event["id"], event["type"], event["subject"], sequence)
        new = db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount
        # The effect of a new event belongs here: in the same transaction.
        return "new" if new else "duplicate"

    def do_GET(self) -> None:
        """Say what had its effect, for `lagspill conformance`: to this machine, and to nobody else."""
        with self.server.one_at_a_time, self.server.db as db:
            rows = db.execute("SELECT source, id FROM events").fetchall()
        effects = [{"source": source, "id": identity, "times": 1} for source, identity in rows]
        self.answer(200, json.dumps({"effects": effects}).encode())

    def answer(self, status: int, body: bytes = b"") -> None:
        """Answer."""
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print events only."""


if __name__ == "__main__":
    # A connection that is kept open between two events holds up no other.
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    server.one_at_a_time = threading.Lock()
    server.db = sqlite3.connect(sys.argv[2], check_same_thread=False)
    server.db.execute(TABLE)
    print("listening", flush=True)
    server.serve_forever()
