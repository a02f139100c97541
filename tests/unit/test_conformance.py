"""`lagspill conformance` names exactly what a subscriber does wrong: receivers and readers, each with one fault put in."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from lagspill_client import SignatureRefusedError, verify
from pydantic_core import to_json
from rich.console import Console

from deploy.conformance.command import show, try_topic, try_webhook
from deploy.conformance.faults import SENTENCES, Fault, Held, Report
from deploy.conformance.made import UNKNOWN_TYPE, Maker
from deploy.conformance.receipts import Receipts
from deploy.conformance.topic import Topic
from deploy.conformance.webhook import RECEIPT_SENT, NotTriedError, Webhook
from deploy.local.errors import LocalError
from services.notify.domain.acknowledgement import ENDINGS
from services.notify.signatures import headers, key_of, new_secret, written
from shared.bus import Bus
from shared.contracts.cases import ConsentWithdrawn
from shared.testing.ids import SeededIds

SECRET = new_secret()


@dataclass
class Toy:
    """A subscriber that does everything right but for one thing."""

    wrong: Fault | None = None
    silent: bool = False
    """Whether it says nothing of receipts."""
    sends_to: Receipts | None = field(default_factory=Receipts)
    """Where it sends receipts; none: it does not acknowledge."""
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    receipts: Counter[tuple[str, int]] = field(default_factory=Counter)
    seen: set[tuple[str, str]] = field(default_factory=set)
    lasts: Counter[str] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    gone: bool = False
    highest: int = 0

    def take(self, body: bytes) -> int:
        """Return the status; 204 when the event is taken."""
        event = json.loads(body)
        known, subject = (event["source"], event["id"]), event["subject"]
        number, sequence = int(event["sourcesequence"]), int(event["sequence"])
        if self.wrong is Fault.UNKNOWN_TYPE and event["type"] == UNKNOWN_TYPE:
            raise RuntimeError
        if (self.wrong is Fault.UNKNOWN_FIELD and "foldedtime" in event) or self.wrong is Fault.REFUSED:
            return 400
        if known in self.seen and self.wrong is not Fault.TWICE:
            return 409 if self.wrong is Fault.DUPLICATE_REFUSED else 204
        if self.wrong is Fault.ORDER_MISTAKEN and number < self.highest:
            return 409
        if self.wrong is Fault.GAP_FOR_EVER and subject in self.losses:
            return 409
        if sequence > self.lasts[subject] + 1 and self.wrong is not Fault.GAP_IGNORED:
            self.losses.append(subject)
            return 409
        self.highest = max(number, self.highest)
        self.lasts[subject] = max(sequence, self.lasts[subject])
        self.seen.add(known)
        withdrawn = event["type"] == ConsentWithdrawn.TYPE
        acts = withdrawn or (event["type"] in ENDINGS and self.wrong is not Fault.ENDING_NOT_ACKNOWLEDGED)
        if acts and self.wrong is not Fault.NO_EFFECT:
            self.effects[known] += 1
            version = event["data"]["version"] + (self.wrong is Fault.RECEIPT_WRONG)
            self.receipts[event["data"]["consent"], version] += 1
            self.send(event["id"], event["data"])
        return 204

    def send(self, key: str, data: dict[str, Any]) -> None:
        """Send the receipt until it is taken, which is at the second time."""
        if self.sends_to is None or self.wrong is Fault.RECEIPT_NOT_SENT:
            return
        version = data["version"] + (self.wrong is Fault.RECEIPT_SENT_WRONG)
        told = to_json({"consent": data["consent"], "consent_version": version, "items_removed": 0})
        given = {"authorization": "Bearer x", "idempotency-key": key}
        status, _ = self.sends_to.take("/subscriptions/sub_x/receipts", given, told)
        if status != 201 and self.wrong is not Fault.RECEIPT_GIVEN_UP:
            assert self.sends_to.take("/subscriptions/sub_x/receipts", given, told)[0] == 201

    def state(self) -> httpx.Response:
        """Say what it did."""
        told: dict[str, object] = {
            "effects": [{"source": key[0], "id": key[1], "times": times} for key, times in self.effects.items()],
            "losses": [{"source": "/services/cases", "about": about} for about in self.losses],
        }
        if not self.silent:
            told["receipts"] = [
                {"consent": key[0], "consent_version": key[1], "times": times} for key, times in self.receipts.items()
            ]
        return httpx.Response(200, content=to_json(told))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a webhook, or with the state."""
        if self.gone:
            raise httpx.ConnectError("gone")
        if request.method == "GET":
            return self.state()
        if not self.believes(request):
            return httpx.Response(401)
        try:
            return httpx.Response(self.take(request.content))
        except RuntimeError:
            self.gone = True
            raise httpx.ConnectError("gone") from None

    def believes(self, request: httpx.Request) -> bool:
        """Whether the signature is good, or good enough for who does it wrong."""
        given = dict(request.headers)
        signatures = given.get("webhook-signature", "").removeprefix("v1,")
        now = time.time()
        match self.wrong:
            case Fault.UNSIGNED_TAKEN if not signatures:
                return True
            case Fault.FORGED_TAKEN if signatures:
                return abs(int(given["webhook-timestamp"]) - now) < 300
            case Fault.LATE_TAKEN if "webhook-timestamp" in given:
                now = float(given["webhook-timestamp"])
            case Fault.ROTATION_REFUSED:
                given["webhook-signature"] = given.get("webhook-signature", "").split(" ")[0]
        try:
            verify(written(SECRET), given, request.content, now=now)
        except SignatureRefusedError:
            return False
        return True


@dataclass
class Partition:
    """A topic with one partition, and a reader that goes no further where it has stopped."""

    toy: Toy
    stopped: bool = False

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        """Give the record to the reader."""
        if self.stopped:
            return
        try:
            status = self.toy.take(value)
        except RuntimeError:
            self.toy.gone = True
            status = 500
        self.stopped = status != 204
        if self.toy.wrong is Fault.GAP_UNTOLD:
            self.toy.losses.clear()


def maker() -> Maker:
    """Events."""
    return Maker(SeededIds(), datetime.now(UTC))


async def webhook(toy: Toy, *, says: bool = True) -> Report:
    """Try a toy behind a webhook."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(toy.answer)) as client:
        state = "http://toy.example/state" if says else None
        return await Webhook(
            client, "http://toy.example/", SECRET, maker(), time.time, state, receipts=toy.sends_to
        ).run()


async def topic(toy: Toy) -> Report:
    """Try a toy that reads a topic."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(toy.answer)) as client:
        return await Topic(
            client, Partition(toy), "trial", "http://toy.example/state", maker(), 0.3, toy.sends_to
        ).run()


def shown(report: Report) -> str:
    """What the command prints."""
    out = Console(record=True, width=120)
    show(report, out)
    return out.export_text()


BY_TOPIC = {
    Fault.NO_EFFECT,
    Fault.TWICE,
    Fault.DUPLICATE_REFUSED,
    Fault.UNKNOWN_TYPE,
    Fault.UNKNOWN_FIELD,
    Fault.GAP_IGNORED,
    Fault.GAP_UNTOLD,
    Fault.ORDER_MISTAKEN,
    Fault.RECEIPT_WRONG,
    Fault.RECEIPT_NOT_SENT,
    Fault.RECEIPT_SENT_WRONG,
    Fault.RECEIPT_GIVEN_UP,
    Fault.ENDING_NOT_ACKNOWLEDGED,
}
BY_WEBHOOK = set(Fault) - {Fault.GAP_UNTOLD, Fault.DIED}


@pytest.mark.parametrize("trial", [webhook, topic])
async def test_who_does_it_right_is_told_so(trial: Callable[[Toy], Awaitable[Report]]) -> None:
    report = await trial(Toy())
    assert {each.found for each in report.verdicts} == {Held.HELD}
    assert "Nothing is wrong with it." in shown(report)


@pytest.mark.parametrize("fault", sorted(BY_WEBHOOK))
async def test_a_receiver_is_named_for_exactly_what_it_does_wrong(fault: Fault) -> None:
    report = await webhook(Toy(fault))
    assert report.faults == [fault]
    assert SENTENCES[fault] in shown(report)


@pytest.mark.parametrize("fault", sorted(BY_TOPIC))
async def test_a_reader_is_named_for_exactly_what_it_does_wrong(fault: Fault) -> None:
    assert (await topic(Toy(fault))).faults == [fault]


@pytest.mark.parametrize("fault", sorted(BY_WEBHOOK - {Fault.NO_EFFECT, Fault.TWICE, Fault.RECEIPT_WRONG}))
async def test_answers_alone_show_it_too(fault: Fault) -> None:
    """Where a receiver says nothing of what it did, what only it can know is not judged, and that is said."""
    report = await webhook(Toy(fault), says=False)
    assert report.faults == [fault]


@pytest.mark.parametrize("fault", [Fault.NO_EFFECT, Fault.TWICE, Fault.RECEIPT_WRONG])
async def test_what_is_not_shown_is_not_judged(fault: Fault) -> None:
    report = await webhook(Toy(fault, sends_to=None), says=False)
    assert report.faults == []
    assert Held.NOT_SHOWN in {each.found for each in report.verdicts}
    assert "could not be judged" in shown(report)


@pytest.mark.parametrize("trial", [webhook, topic])
async def test_who_is_silent_of_receipts_is_not_judged_by_them(trial: Callable[[Toy], Awaitable[Report]]) -> None:
    report = await trial(Toy(Fault.RECEIPT_WRONG, silent=True))
    assert [each.trial for each in report.verdicts if each.found is Held.NOT_SHOWN] == ["the receipt of a withdrawal"]


@pytest.mark.parametrize("trial", [webhook, topic])
async def test_of_who_does_not_acknowledge_no_receipt_is_expected(trial: Callable[[Toy], Awaitable[Report]]) -> None:
    report = await trial(Toy(sends_to=None))
    assert report.faults == []
    assert RECEIPT_SENT not in {each.trial for each in report.verdicts}


@pytest.mark.parametrize(
    ("given", "body", "status"),
    [
        ({"authorization": "Bearer x", "idempotency-key": "1"}, {"consent_version": 0}, 422),
        ({"authorization": "Bearer x", "idempotency-key": "1"}, {"more": 1}, 422),
        ({"authorization": "Bearer x"}, {}, 422),
        ({"idempotency-key": "1"}, {}, 401),
    ],
)
async def test_what_the_service_would_not_take_is_a_wrong_receipt(
    given: dict[str, str], body: dict[str, int], status: int
) -> None:
    receipts, good = Receipts(), {"consent": "cst_x", "consent_version": 1, "items_removed": 0}
    assert receipts.take("/subscriptions/sub_x/receipts", given, to_json({**good, **body}))[0] == status
    assert await receipts.judged("cst_x", 1, 0.0) is Fault.RECEIPT_SENT_WRONG
    assert receipts.take("/elsewhere", given, b"")[0] == 404


async def test_a_receipt_that_is_another_one_the_second_time_is_wrong() -> None:
    receipts = Receipts()
    receipts.judge("cst_x")
    for items in (0, 1):
        told = to_json({"consent": "cst_x", "consent_version": 1, "items_removed": items})
        receipts.take("/receipts", {"authorization": "Bearer x", "idempotency-key": "1"}, told)
    assert await receipts.judged("cst_x", 1, 0.0) is Fault.RECEIPT_SENT_WRONG


async def test_who_ends_at_the_gap_has_stopped() -> None:
    toy = Toy()

    @dataclass
    class Ending(Partition):
        async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
            await super().send_and_wait(topic, value, key)
            self.toy.gone = self.stopped

    async with httpx.AsyncClient(transport=httpx.MockTransport(toy.answer)) as client:
        report = await Topic(client, Ending(toy), "trial", "http://toy.example/", maker(), 0.5).run()
    assert report.faults == []


async def test_what_cannot_be_tried() -> None:
    """A real topic above all."""
    for name in ("lagspill.cases.v1", "lagspill.trial"):
        with pytest.raises(LocalError, match="own"):
            await try_topic(Bus.at("127.0.0.1:1"), name, "http://127.0.0.1:1/", 1.0)
    with pytest.raises(LocalError, match="secret"):
        await try_webhook("http://127.0.0.1:1/", "whsec_", None, 0.0)
    with pytest.raises(NotTriedError, match="answers"):
        await try_webhook("http://127.0.0.1:1/", written(SECRET), None, 0.0)

    def nonsense(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"effects": [{"id": 1}]})

    async with httpx.AsyncClient(transport=httpx.MockTransport(nonsense)) as client:
        with pytest.raises(NotTriedError, match=r"effects.0.source"):
            await Webhook(client, "http://toy.example/", SECRET, maker(), time.time, "http://toy.example/").run()


def test_a_written_secret_is_read_as_it_was() -> None:
    assert key_of(written(SECRET)) == SECRET
    assert headers([key_of(written(SECRET))], "1", 1, b"") == headers([SECRET], "1", 1, b"")
    for wrong in ("", "whsec_", "whsec_!"):
        with pytest.raises(ValueError, match=r"\w"):
            key_of(wrong)
