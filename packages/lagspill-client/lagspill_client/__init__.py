"""Subscribe to Lagspill's events: typed, each effect once in your own PostgreSQL, and loss noticed.

    lagspill = Subscriber("school-system")

    @lagspill.on(*ENDINGS)
    async def stop_sharing(tx: Connection, event: Event[Ended]) -> int: ...

    lagspill.main()

The same subscriber takes webhooks in (`lagspill.asgi`). It needs nothing of the services' own code.
"""

from lagspill_client import events
from lagspill_client.inbox import DDL, Connection, Loss, Pool
from lagspill_client.receipts import ENDINGS, Acknowledging, ClientCredentials, Ended, NotTakenError
from lagspill_client.records import Envelope, Event, Record, UnreadableError, read
from lagspill_client.subscriber import (
    HandlerFailedError,
    Letter,
    LostError,
    Reason,
    StoppedError,
    Subscriber,
    UnreadableStopError,
)
from lagspill_client.webhooks import SignatureRefusedError, verify

__all__ = [
    "DDL",
    "ENDINGS",
    "Acknowledging",
    "ClientCredentials",
    "Connection",
    "Ended",
    "Envelope",
    "Event",
    "HandlerFailedError",
    "Letter",
    "Loss",
    "LostError",
    "NotTakenError",
    "Pool",
    "Reason",
    "Record",
    "SignatureRefusedError",
    "StoppedError",
    "Subscriber",
    "UnreadableError",
    "UnreadableStopError",
    "events",
    "read",
    "verify",
]
