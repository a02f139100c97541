"""Trials of a receiver of webhooks: what it answers, and, if it says, what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import ValidationError

from deploy.conformance.faults import Fault, Held, Report, State
from deploy.conformance.made import SOURCE, VERSION, Made, Maker
from deploy.conformance.receipts import Receipts
from deploy.local.errors import LocalError
from services.notify.signatures import headers, new_secret

POLL: Final = 0.2
RECEIPT_SENT: Final = "the receipt is sent, and again when it is not taken"
OTHERS_SENT: Final = "receipts of a consent that is narrowed, one that is suspended, and one that expires"
TOO_LATE: Final = 600
"""Seconds; a receiver may let the clocks differ by five minutes."""


_Forge = Callable[[Made], tuple[Mapping[str, str], bytes]]


class NotTriedError(LocalError):
    """The subscriber cannot be tried."""


class GoneError(Exception):
    """The subscriber answers no more."""


async def read_state(client: httpx.AsyncClient, url: str) -> State:
    """Return what the subscriber says it did.

    Raises:
        NotTriedError: nobody answers, or not as docs/subscribing.md asks.
    """
    try:
        answer = await client.get(url)
        answer.raise_for_status()
        return State.model_validate_json(answer.content)
    except httpx.HTTPError as error:
        raise NotTriedError(f"The state at {url} is not answered ({type(error).__name__})") from error
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, part["loc"])) or "it" for part in error.errors())
        raise NotTriedError(f"The state at {url} is not as docs/subscribing.md says: {wrong}") from error


async def until_answers(attempt: Callable[[], Awaitable[object]], within: float) -> None:
    """Wait until the subscriber answers: it may be starting.

    Raises:
        NotTriedError: it does not in `within` seconds, or not as it should.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        try:
            await attempt()
        except NotTriedError:
            if loop.time() >= end:
                raise
        else:
            return
        await asyncio.sleep(POLL)


@dataclass
class Webhook:
    """The receiver under test."""

    client: httpx.AsyncClient
    url: str
    secret: bytes
    make: Maker
    now: Callable[[], float]
    state_url: str | None = None
    within: float = 0.0
    receipts: Receipts | None = None
    """Where it sends receipts, if it acknowledges."""

    async def run(self) -> Report:
        """Try everything.

        Raises:
            NotTriedError: nobody answers at the beginning, or not as it should where it says what it did.
        """
        report = Report()
        await until_answers(self._is_there, self.within)
        try:
            await self._plain(report)
        except GoneError as gone:
            report.add(str(gone), Fault.DIED)
        if report.faults:
            report.add("everything else", Held.NOT_REACHED)
            return report
        for trial, stuck in (
            (self._duplicates, Fault.DIED),
            (self._unknown_type, Fault.UNKNOWN_TYPE),
            (self._unknown_field, Fault.UNKNOWN_FIELD),
            (self._other_order, Fault.DIED),
            (self._gap, Fault.DIED),
            (self._signatures, Fault.DIED),
            (self._receipt, Fault.DIED),
        ):
            try:
                await trial(report)
            except GoneError as gone:
                report.add(str(gone), stuck)
                report.add("everything else", Held.NOT_REACHED)
                break
        return report

    async def _is_there(self) -> None:
        if self.state_url is not None:
            await read_state(self.client, self.state_url)
        try:
            await self.client.get(self.url)
        except httpx.HTTPError as error:
            raise NotTriedError(f"Nobody answers at {self.url} ({type(error).__name__})") from error

    async def _plain(self, report: Report) -> None:
        case = self.make.case()
        granted = self.make.granted(case)
        withdrawn = self.make.withdrawn(case, granted.consent)
        report.add("two events in order", await self._taken([granted, withdrawn], Fault.REFUSED))
        if not report.faults:
            report.add("the effect of a withdrawal", await self._once(withdrawn, Fault.NO_EFFECT))

    async def _duplicates(self, report: Report) -> None:
        case = self.make.case()
        first, second = self.make.withdrawn(case), self.make.withdrawn(case)
        found = await self._taken([first, second], Fault.REFUSED)
        if found is Held.HELD:
            found = await self._taken([first, second, second], Fault.DUPLICATE_REFUSED)
        report.add("the same events again", found)
        for each in (first, second):
            report.add("their effects", await self._once(each, Fault.NO_EFFECT))

    async def _unknown_type(self, report: Report) -> None:
        case = self.make.case()
        found = await self._taken([self.make.of_tomorrow(case), self.make.withdrawn(case)], Fault.UNKNOWN_TYPE)
        report.add("a type of tomorrow", found)

    async def _unknown_field(self, report: Report) -> None:
        grown = self.make.grown(self.make.case())
        found = await self._taken([grown], Fault.UNKNOWN_FIELD)
        report.add(
            "fields of tomorrow", found if found is not Held.HELD else await self._once(grown, Fault.UNKNOWN_FIELD)
        )

    async def _other_order(self, report: Report) -> None:
        cases = [self.make.case() for _ in range(3)]
        made = [self.make.withdrawn(case) for case in cases] + [self.make.withdrawn(case) for case in cases]
        order = [made[2], made[0], made[3], made[1], made[5], made[4]]
        report.add("cases in another order than they were numbered", await self._taken(order, Fault.ORDER_MISTAKEN))

    async def _gap(self, report: Report) -> None:
        case = self.make.case()
        first, missing, early = (self.make.withdrawn(case) for _ in range(3))
        await self._post(first)
        ignored = await self._accepts(early) or await self._times(early) not in (0, None)
        report.add("an event behind a gap", Fault.GAP_IGNORED if ignored else Held.HELD)
        if not ignored:
            found = await self._taken([missing, early], Fault.GAP_FOR_EVER)
            report.add(
                "the gap is closed", found if found is not Held.HELD else await self._once(early, Fault.GAP_FOR_EVER)
            )

    async def _signatures(self, report: Report) -> None:
        other = new_secret()
        for told, fault, forge in self._wrong(other):
            made = self.make.withdrawn(self.make.case())
            given, body = forge(made)
            taken = _is_taken(await self._send(body, given)) or await self._times(made) not in (0, None)
            report.add(told, fault if taken else Held.HELD)
            if taken and fault is Fault.UNSIGNED_TAKEN:
                report.add("other signatures: it looks at none", Held.NOT_REACHED)
                return
        both = self.make.withdrawn(self.make.case())
        given = headers([other, self.secret], str(both.id), int(self.now()), both.body)
        taken = _is_taken(await self._send(both.body, given))
        report.add("signatures with a new secret and the old one", Held.HELD if taken else Fault.ROTATION_REFUSED)

    def _wrong(self, other: bytes) -> list[tuple[str, Fault, _Forge]]:
        def signed(made: Made, *, secret: bytes = self.secret, late: int = 0) -> dict[str, str]:
            return headers([secret], str(made.id), int(self.now()) - late, made.body)

        return [
            ("no signature", Fault.UNSIGNED_TAKEN, lambda made: ({}, made.body)),
            (
                "a signature without its value",
                Fault.UNSIGNED_TAKEN,
                lambda made: ({**signed(made), "webhook-signature": "v1,"}, made.body),
            ),
            ("another's signature", Fault.FORGED_TAKEN, lambda made: (signed(made, secret=other), made.body)),
            ("a body that was not signed", Fault.FORGED_TAKEN, lambda made: (signed(made), made.body + b" ")),
            (
                "an id that was not signed",
                Fault.FORGED_TAKEN,
                lambda made: ({**signed(made), "webhook-id": "other"}, made.body),
            ),
            ("signed ten minutes ago", Fault.LATE_TAKEN, lambda made: (signed(made, late=TOO_LATE), made.body)),
            ("signed in ten minutes", Fault.LATE_TAKEN, lambda made: (signed(made, late=-TOO_LATE), made.body)),
        ]

    async def _receipt(self, report: Report) -> None:
        withdrawn = self.make.withdrawn(self.make.case())
        if self.receipts is not None:
            self.receipts.judge(withdrawn.consent)
        await self._post(withdrawn)
        state = await self._state()
        found = Held.NOT_SHOWN if state is None else state.receipted(withdrawn.consent, VERSION)
        report.add("the receipt of a withdrawal", found)
        if self.receipts is not None:
            sent = await self.receipts.judged(withdrawn.consent, VERSION, self.within)
            report.add(RECEIPT_SENT, sent)
            if sent is Held.HELD:
                made = self.make.other_endings()
                for each in made:
                    await self._post(each)
                report.add(OTHERS_SENT, await self.receipts.acknowledged(made, VERSION, self.within))

    # --- one post -----------------------------------------------------------------------------------------------------

    async def _taken(self, made: list[Made], otherwise: Fault) -> Fault | Held:
        for each in made:
            if not await self._accepts(each):
                return otherwise
        return Held.HELD

    async def _once(self, made: Made, none: Fault) -> Fault | Held:
        match await self._times(made):
            case None:
                return Held.NOT_SHOWN
            case 1:
                return Held.HELD
            case 0:
                return none
            case _:
                return Fault.TWICE

    async def _times(self, made: Made) -> int | None:
        state = await self._state()
        return None if state is None else state.times(SOURCE, str(made.id))

    async def _state(self) -> State | None:
        if self.state_url is None:
            return None
        try:
            return await read_state(self.client, self.state_url)
        except NotTriedError as error:
            raise GoneError("the state") from error

    async def _accepts(self, made: Made) -> bool:
        return _is_taken(await self._post(made))

    async def _post(self, made: Made) -> int:
        return await self._send(made.body, headers([self.secret], str(made.id), int(self.now()), made.body))

    async def _send(self, body: bytes, given: Mapping[str, str]) -> int:
        try:
            answer = await self.client.post(
                self.url, content=body, headers={"content-type": "application/cloudevents+json", **given}
            )
        except httpx.HTTPError as error:
            raise GoneError(f"an answer ({type(error).__name__})") from error
        return answer.status_code


def _is_taken(status: int) -> bool:
    return httpx.codes.is_success(status)
