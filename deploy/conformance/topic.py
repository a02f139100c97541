"""Trials of a subscriber that reads Kafka: what it says it did with what was put on a topic of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
from aiokafka import AIOKafkaProducer

from deploy.conformance.faults import Fault, Held, Report, State
from deploy.conformance.made import SOURCE, VERSION, Made, Maker
from deploy.conformance.receipts import Receipts
from deploy.conformance.webhook import (
    OTHERS_SENT,
    POLL,
    RECEIPT_SENT,
    GoneError,
    NotTriedError,
    read_state,
    until_answers,
)


@dataclass
class Topic:
    """The subscriber under test."""

    client: httpx.AsyncClient
    producer: AIOKafkaProducer
    topic: str
    state_url: str
    make: Maker
    within: float
    receipts: Receipts | None = None
    """Where it sends receipts, if it acknowledges."""

    async def run(self) -> Report:
        """Try everything; whoever has stopped is tried no further.

        Raises:
            NotTriedError: nobody answers at the beginning, or not as it should.
        """
        report = Report()
        await until_answers(lambda: read_state(self.client, self.state_url), self.within)
        for trial in (
            self._plain,
            self._duplicates,
            self._unknown_type,
            self._unknown_field,
            self._other_order,
            self._receipt,
            self._gap,
        ):
            if not await trial(report):
                report.add("everything else", Held.NOT_REACHED)
                break
        return report

    async def _plain(self, report: Report) -> bool:
        case = self.make.case()
        granted = self.make.granted(case)
        withdrawn = self.make.withdrawn(case, granted.consent)
        return await self._passes(
            report, "the effect of a withdrawal", [granted, withdrawn], [withdrawn], Fault.NO_EFFECT
        )

    async def _duplicates(self, report: Report) -> bool:
        case = self.make.case()
        first, second, after = (self.make.withdrawn(case) for _ in range(3))
        sent = [first, second, first, second, after]
        return await self._passes(
            report, "a batch that is sent again", sent, [first, second, after], Fault.DUPLICATE_REFUSED
        )

    async def _unknown_type(self, report: Report) -> bool:
        case = self.make.case()
        after = [self.make.of_tomorrow(case), self.make.withdrawn(case)]
        return await self._passes(report, "a type of tomorrow", after, after[1:], Fault.UNKNOWN_TYPE)

    async def _unknown_field(self, report: Report) -> bool:
        case = self.make.case()
        after = [self.make.grown(case), self.make.withdrawn(case)]
        return await self._passes(report, "fields of tomorrow", after, after, Fault.UNKNOWN_FIELD)

    async def _other_order(self, report: Report) -> bool:
        cases = [self.make.case() for _ in range(3)]
        made = [self.make.withdrawn(case) for case in cases] + [self.make.withdrawn(case) for case in cases]
        order = [made[2], made[0], made[3], made[1], made[5], made[4]]
        told = "cases in another order than they were numbered"
        return await self._passes(report, told, order, order, Fault.ORDER_MISTAKEN)

    async def _receipt(self, report: Report) -> bool:
        withdrawn = self.make.withdrawn(self.make.case())
        if self.receipts is not None:
            self.receipts.judge(withdrawn.consent)
        await self._send([withdrawn])
        try:
            state = await self._until(lambda state: _times(state, withdrawn) > 0)
        except GoneError:
            state = None
        found = Fault.RECEIPT_WRONG if state is None else state.receipted(withdrawn.consent, VERSION)
        report.add("the receipt of a withdrawal", found)
        if self.receipts is not None:
            sent = await self.receipts.judged(withdrawn.consent, VERSION, self.within)
            report.add(RECEIPT_SENT, sent)
            if sent is Held.HELD and state is not None:
                made = self.make.other_endings()
                await self._send(made)
                report.add(OTHERS_SENT, await self.receipts.acknowledged(made, VERSION, self.within))
        return state is not None

    async def _gap(self, report: Report) -> bool:
        """The last: who does right stops here."""
        case = self.make.case()
        first, _, behind = (self.make.withdrawn(case) for _ in range(3))
        await self._send([first, behind])
        told = "an event behind a gap"
        try:
            state = await self._until(lambda state: _times(state, behind) > 0 or _is_told(state, case))
        except GoneError:
            report.add(told, Held.HELD)
            return True
        if state is None:
            report.add(told, Fault.GAP_UNTOLD)
        else:
            report.add(told, Fault.GAP_IGNORED if _times(state, behind) else Held.HELD)
        return True

    # --- what was sent, and what became of it -------------------------------------------------------------------------

    async def _passes(
        self, report: Report, told: str, sent: Sequence[Made], acted: Sequence[Made], stuck: Fault
    ) -> bool:
        """Send, wait until all that is acted on had its effect, and say whether each had one."""
        await self._send(sent)
        try:
            state = await self._until(lambda state: all(_times(state, each) for each in acted))
        except GoneError:
            state = None
        if state is None:
            report.add(told, stuck)
            return False
        twice = any(_times(state, each) > 1 for each in acted)
        report.add(told, Fault.TWICE if twice else stuck if state.losses else Held.HELD)
        return True

    async def _send(self, made: Sequence[Made]) -> None:
        for each in made:
            await self.producer.send_and_wait(self.topic, each.body, key=each.key)

    async def _until(self, holds: Callable[[State], bool]) -> State | None:
        """Return the state as soon as `holds` of it; None when it does not in time.

        Raises:
            GoneError: nobody answers.
        """
        try:
            async with asyncio.timeout(self.within):
                while True:
                    state = await read_state(self.client, self.state_url)
                    if holds(state):
                        return state
                    await asyncio.sleep(POLL)
        except TimeoutError:
            return None
        except NotTriedError as error:
            raise GoneError("the state") from error


def _times(state: State, made: Made) -> int:
    return state.times(SOURCE, str(made.id))


def _is_told(state: State, case: str) -> bool:
    return any(each.about == case for each in state.losses or ())
