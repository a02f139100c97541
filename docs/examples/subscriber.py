"""A subscriber: aiokafka, JSON and one SQLite file. Each event has its effect once, and a lost one is noticed.

KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:29092 python docs/examples/subscriber.py my-group consents.db lagspill.cases.v1
"""

import asyncio
import json
import os
import sqlite3
import sys

from aiokafka import AIOKafkaConsumer

TABLES = """
CREATE TABLE IF NOT EXISTS seen (source TEXT, subject TEXT, sequence INTEGER, PRIMARY KEY (source, subject));
CREATE TABLE IF NOT EXISTS consents (consent TEXT PRIMARY KEY, in_force INTEGER);
"""
CONSENT = "no.lagspill.cases.consent."
IN_FORCE = {f"{CONSENT}granted.v1": True, f"{CONSENT}withdrawn.v1": False, f"{CONSENT}expired.v1": False}


def take(db: sqlite3.Connection, event: dict) -> str:
    """Let the event have its effect, unless it had it before."""
    if "sequence" not in event:
        return "uncounted"  # a seal or an access record: recognise these by source and id
    who, sequence = (event["source"], event["subject"]), int(event["sequence"])
    with db:  # the effect and the place, both or neither
        db.execute("BEGIN IMMEDIATE")
        row = db.execute("SELECT sequence FROM seen WHERE (source, subject) = (?, ?)", who).fetchone()
        last = row[0] if row else 0
        if sequence <= last:
            return "duplicate"
        if sequence > last + 1:
            raise SystemExit(f"lost: {who[1]} {last + 1} to {sequence - 1}")  # go no further on a wrong picture
        if event["type"] in IN_FORCE:  # a type that is not ours is passed by, and counted
            in_force = IN_FORCE[event["type"]] and event["data"].get("active", True)
            db.execute("INSERT OR REPLACE INTO consents VALUES (?, ?)", (event["data"]["consent"], in_force))
        db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (*who, sequence))
    return "new"


async def main(group: str, file: str, *topics: str) -> None:
    """Take the topics in from their beginning, for ever."""
    db = sqlite3.connect(file)
    db.executescript(TABLES)
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=servers, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with consumer:
        async for record in consumer:
            event = json.loads(record.value)
            print(take(db, event), event["type"], flush=True)
            await consumer.commit()  # after the effect; a hint, no more


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
