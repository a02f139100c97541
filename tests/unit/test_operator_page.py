"""Whom the operator's page lets in, what it refuses, and what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio

from deploy.local.status import GroupLag, ServiceState, Status, state_of
from deploy.operator.desk import Desk, Outcome, Waiting
from deploy.operator.page import MAX_FORM, OperatorPage
from shared.dead_letters import DeadLetter, Reason
from shared.dead_letters import Status as LetterStatus
from shared.deadlines import Deadline, ParkedDeadline

AT = datetime(2026, 11, 30, 7, tzinfo=UTC)
KEY = "the-key-of-this-page"
HERE = "http://127.0.0.1:8090"
LETTER = DeadLetter(
    id=3,
    consumer="meetings",
    topic="lagspill.cases",
    partition=1,
    offset=77,
    reason=Reason.WRONG_SCHEMA,
    detail="data.<script>",
    event_type="no.lagspill.cases.consent.withdrawn.v1",
    event_id=None,
    source="/services/cases",
    size=812,
    sha256="ab" * 32,
    attempts=0,
    status=LetterStatus.OPEN,
    parked_at=AT,
    settled_at=None,
    settled_reason=None,
)
PARKED = ParkedDeadline(Deadline("reminder", "con_x", AT, "{}"), 5, "ValueError at handlers.py:12")


class Told(Desk):
    """A desk that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[str, ...]] = []

    async def waiting(self) -> Sequence[Waiting]:
        return [
            Waiting("meetings", [LETTER], [PARKED]),
            Waiting("audit", unread="its database does not answer (OSError)"),
        ]

    async def _run(self, what: str, service: str, *command: str) -> Outcome:
        if service != "meetings":
            raise KeyError(service)
        self.asked.append(command)
        return Outcome(what, done=False, said="<b>again</b> it failed")


STATUS = Status(
    [
        ServiceState("meetings", "http://127.0.0.1:8002", "ready", 2, 1.5, dead_letters=1, overdue=0, parked=1),
        ServiceState("audit", "http://127.0.0.1:8004", "not running"),
        ServiceState(
            "notify",
            "http://127.0.0.1:8003",
            "ready",
            messages={("email", "failed"): 4},
            subscriptions={"stopped": 1, "delivering": 2},
            receipts={"missing": 3},
            nobody_known={"leader": 2},
        ),
    ],
    [GroupLag("lagspill.audit", "lagspill.cases", 12, 40, 45)],
    None,
)


@dataclass
class Seen:
    http: httpx.AsyncClient
    desk: Told

    async def enter(self) -> str:
        """Open the address with the key; return the page."""
        answer = await self.http.get("/", params={"key": KEY}, follow_redirects=True)
        assert answer.status_code == 200
        assert "key" not in answer.url.query.decode()
        return answer.text

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        return await self.http.post(
            path, data=dict(form), headers={name.replace("_", "-"): v for name, v in headers.items()}
        )


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Seen]:
    desk = Told()

    async def look() -> Status:
        return STATUS

    made = OperatorPage(look, desk, now=lambda: AT, port=8090, key=KEY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=made.app), base_url=HERE) as http:
        yield Seen(http, desk)


def token_in(text: str) -> str:
    return text.split('name="token" value="', 1)[1].split('"', 1)[0]


async def test_it_shows_everything_that_waits_and_escapes_it(page: Seen) -> None:
    text = await page.enter()
    for shown in (
        "30.11.2026 08:00:00",
        "not running",
        "lagspill.audit",
        "messages by email",
        "stopped",
        "receipts of subscribers",
        '<td class="look">missing</td>',
        "messages for leader",
        '<td class="look">nobody known</td>',
        "wrong-schema",
        "meetings 3",
        "con_x",
    ):
        assert shown in text
    assert "audit: its database does not answer (OSError)" in text
    assert "data.&lt;script&gt;" in text
    assert "<script" not in text
    assert "Not all is ready" in text


async def test_without_the_key_nobody_is_shown_anything(page: Seen) -> None:
    for answer in (await page.http.get("/"), await page.http.get("/", params={"key": "another"})):
        assert answer.status_code == 403
        assert "meetings" not in answer.text
    token = token_in(await page.enter())
    page.http.cookies.clear()
    assert (await page.post("/replay", {"token": token, "service": "meetings", "letter": "3"})).status_code == 403
    assert page.desk.asked == []


async def test_the_key_leaves_the_address_for_a_cookie_that_no_other_page_sends(page: Seen) -> None:
    answer = await page.http.get("/", params={"key": KEY})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_another_name_for_this_machine_is_not_answered(page: Seen) -> None:
    answer = await page.http.get("/", params={"key": KEY}, headers={"host": "rebound.example:8090"})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    ("path", "form", "command"),
    [
        ("/replay", {"letter": "3"}, ("dead-letters", "replay", "3")),
        (
            "/discard",
            {"letter": "3", "reason": "sent-twice"},
            ("dead-letters", "discard", "3", "--reason", "sent-twice"),
        ),
        ("/retry", {"kind": "reminder", "key": "--con_x"}, ("deadlines", "retry", "--kind=reminder", "--key=--con_x")),
    ],
)
async def test_a_form_runs_the_services_own_command_once_and_shows_what_became_of_it(
    page: Seen, path: str, form: dict[str, str], command: tuple[str, ...]
) -> None:
    token = token_in(await page.enter())
    answer = await page.post(path, {"token": token, "service": "meetings", **form})
    assert answer.status_code == 303
    shown = await page.http.get(answer.headers["location"])
    assert "not done" in shown.text
    assert "&lt;b&gt;again&lt;/b&gt; it failed" in shown.text
    assert page.desk.asked == [command]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"service": "meetings", "letter": "3"}, 403),
        ({"token": "another", "service": "meetings", "letter": "3"}, 403),
        ({"token": "", "service": "meetings"}, 400),
        ({"token": "", "service": "nobody", "letter": "3"}, 400),
        ({"token": "", "service": "meetings", "letter": "-3"}, 400),
        ({"token": "", "service": "meetings", "letter": "three"}, 400),
        ({"token": "", "service": "meetings", "letter": "3", "more": "x" * MAX_FORM}, 413),
    ],
)
async def test_a_form_that_is_not_this_pages_does_nothing(page: Seen, form: dict[str, str], status: int) -> None:
    token = token_in(await page.enter())
    sent = {**form, "token": token} if form.get("token") == "" else form
    assert (await page.post("/replay", sent)).status_code == status
    assert page.desk.asked == []


async def test_a_form_from_elsewhere_does_nothing(page: Seen) -> None:
    token = token_in(await page.enter())
    form = {"token": token, "service": "meetings", "letter": "3"}
    assert (await page.post("/replay", form, sec_fetch_site="cross-site")).status_code == 403
    assert page.desk.asked == []


@pytest.mark.parametrize("reason", ["", "-x", "--consumer", "Because of it", "æ" * 3, "x" * 61])
async def test_a_reason_is_a_code(page: Seen, reason: str) -> None:
    token = token_in(await page.enter())
    form = {"token": token, "service": "meetings", "letter": "3", "reason": reason}
    assert (await page.post("/discard", form)).status_code == 400
    assert page.desk.asked == []


def test_a_service_is_read_from_its_own_numbers() -> None:
    known = ServiceState("notify", HERE, "ready")
    exposition = """
# TYPE lagspill_outbox_rows gauge
lagspill_outbox_rows 7.0
# TYPE lagspill_dead_letters gauge
lagspill_dead_letters{consumer="a"} 1.0
lagspill_dead_letters{consumer="b"} 2.0
# TYPE lagspill_deadlines_parked gauge
lagspill_deadlines_parked 3.0
# TYPE lagspill_messages gauge
lagspill_messages{channel="email",status="failed"} 4.0
# TYPE lagspill_subscriptions gauge
lagspill_subscriptions{state="failing"} 5.0
# TYPE lagspill_subscription_receipts gauge
lagspill_subscription_receipts{state="missing"} 6.0
# TYPE lagspill_messages_for_nobody_known gauge
lagspill_messages_for_nobody_known{role="leader"} 7.0
"""
    assert state_of(known, exposition) == replace(
        known,
        outbox_rows=7,
        dead_letters=3,
        parked=3,
        messages={("email", "failed"): 4},
        subscriptions={"failing": 5},
        receipts={"missing": 6},
        nobody_known={"leader": 7},
    )
