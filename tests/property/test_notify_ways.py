"""The ways of a message, over any order of what happens to it: none twice, none after it has arrived, and never lost."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notify.addresses import Addresses
from services.notify.domain.mail_address import normal_mail
from services.notify.domain.message import (
    MESSAGE,
    OUTSIDE,
    Failure,
    MessageState,
    Reachable,
    Returned,
    Status,
    decide_cancel,
    decide_failed,
    decide_post,
    decide_posted,
    decide_queue,
    decide_read,
    decide_returned,
    decide_sent,
)
from services.notify.domain.sms import EXTENSION, GSM, fits, normal_number, room_taken
from services.notify.errors import LetterNotFoundError, MessageNotFoundError, MessageWithdrawnError
from shared.contracts.base import EventData
from shared.contracts.codes import Language, Role
from shared.contracts.notify import (
    NotificationBounced,
    NotificationCarried,
    NotificationFailed,
    NotificationRead,
    NotificationRedirected,
    NotificationSent,
    Way,
)
from shared.refs import ActorId, MessageRef

pytestmark = pytest.mark.rule(101)

REF = MessageRef("msg_" + "f" * 26)
READER = ActorId("act_reader000")
PEOPLE = st.builds(
    Reachable,
    recipient=st.just(READER),
    role=st.sampled_from([Role.GUARDIAN, Role.TEACHER]),
    language=st.sampled_from(Language),
    email=st.booleans(),
    sms=st.booleans(),
    sms_first=st.booleans(),
)
COMMANDS = st.sampled_from(["sent", "rejected", "unreachable", "no-address", "cancel", "read", "unread", "posted"])


def queued(to: Reachable) -> MessageState:
    return MESSAGE.replay(decide_queue(MessageState(), ref=REF, to=to, template="consent-request", template_version=1))


def can(to: Reachable) -> frozenset[Way]:
    return frozenset(to.ways)


def decided(state: MessageState, command: str, to: Reachable, *, twice: bool) -> list[EventData]:
    match command:
        case "sent" if state.present in OUTSIDE:
            other = next((way for way in to.ways if way is not state.present), None)
            return decide_sent(state, second=other if twice else None)
        case "rejected" | "unreachable" | "no-address" if state.present in OUTSIDE:
            return decide_failed(state, command, can=can(to))
        case "cancel":
            return decide_cancel(state, "done")
        case "read":
            return decide_read(state, READER)
        case "unread":
            return decide_post(state)
        case "posted":
            return decide_posted(state)
    return []


@given(PEOPLE, st.booleans(), st.lists(COMMANDS, max_size=14))
def test_a_message_goes_by_each_way_once_and_by_no_further_one_when_it_has_arrived(
    to: Reachable, twice: bool, commands: list[str]
) -> None:
    history = decide_queue(MessageState(), ref=REF, to=to, template="consent-request", template_version=1)
    state = MESSAGE.replay(history)
    for command in commands:
        try:
            events = decided(state, command, to, twice=twice)
        except (MessageNotFoundError, MessageWithdrawnError, LetterNotFoundError):
            events = []
        history += events
        state = MESSAGE.fold(state, events)
    assert MESSAGE.replay(history) == state
    directed = [event for event in history if isinstance(event, NotificationRedirected)]
    assert len({event.way for event in directed}) == len(directed)
    arrived = [
        event
        for event in history
        if isinstance(event, NotificationCarried)
        or (isinstance(event, NotificationSent) and event.channel.value == "email")
    ]
    assert len(arrived) <= (2 if twice else 1)
    assert not [event for event in directed if event.way in OUTSIDE and event.way not in to.ways]
    if arrived:
        later = history[history.index(arrived[0]) + 1 :]
        assert all(event.because == "second" for event in later if isinstance(event, NotificationRedirected))
    assert state.arrived == bool(arrived) or state.status is Status.CANCELLED
    if any(event.because == "unread" for event in directed):
        before = history[: history.index(next(event for event in directed if event.because == "unread"))]
        assert not [event for event in before if isinstance(event, NotificationRead)]


@pytest.mark.parametrize("reason", ["rejected", "unreachable"])
@given(to=PEOPLE, twice=st.booleans(), commands=st.lists(COMMANDS, max_size=8))
def test_a_mail_that_comes_back_goes_on_where_nothing_else_has_it_and_nobody_has_read_it(
    reason: Returned, to: Reachable, twice: bool, commands: list[str]
) -> None:
    state, mailed = queued(to), False
    for command in commands:
        try:
            events = decided(state, command, to, twice=twice)
        except (MessageNotFoundError, MessageWithdrawnError, LetterNotFoundError):
            events = []
        mailed |= any(isinstance(event, NotificationSent) and event.channel == "email" for event in events)
        state = MESSAGE.fold(state, events)
    events = decide_returned(state, reason, can=can(to))
    after = MESSAGE.fold(state, events)
    assert bool(events) == (mailed and state.status is not Status.CANCELLED)
    if not events:
        return
    assert isinstance(events[0], NotificationFailed)
    assert decide_returned(after, reason, can=can(to)) == []
    other = state.taken_by - {Way.EMAIL}
    assert after.taken_by == other
    assert after.arrived == bool(other)
    on_its_way = state.status is Status.PENDING and state.present is not Way.EMAIL
    goes_on = to.sms and Way.SMS not in state.tried and not (other or on_its_way or state.read)
    assert [event.way for event in events[1:] if isinstance(event, NotificationRedirected)] == [Way.SMS] * goes_on
    pending = Status.PENDING if on_its_way or goes_on else Status.FAILED
    assert after.status is (Status.SENT if other and not on_its_way else pending)


RETURNS = {"back-for-good": "rejected", "back-too-late": "unreachable"}


OFTEN_BACK = st.one_of(st.just("sent"), st.sampled_from(sorted(RETURNS)), COMMANDS)
"""Most of what can happen before a mail comes back ends the matter: what brings one back comes often enough to be tried."""


@given(PEOPLE, st.booleans(), st.lists(OFTEN_BACK, max_size=16))
def test_mails_that_come_back_at_any_time_lose_nothing_and_double_nothing(
    to: Reachable, twice: bool, commands: list[str]
) -> None:
    """Before another way has it, while it is on that way, after it was read, posted or taken back, and as often as you like."""
    history = decide_queue(MessageState(), ref=REF, to=to, template="consent-request", template_version=1)
    state = MESSAGE.replay(history)
    for command in commands:
        before = state
        try:
            if command in RETURNS:
                events = decide_returned(state, RETURNS[command], can=can(to))  # type: ignore[arg-type]
            else:
                events = decided(state, command, to, twice=twice)
        except (MessageNotFoundError, MessageWithdrawnError, LetterNotFoundError):
            events = []
        history += events
        state = MESSAGE.fold(state, events)
        if command in RETURNS and events:
            assert Way.EMAIL in before.taken_by, "only what a mail server took comes back"
            assert decide_returned(state, "rejected", can=can(to)) == [], "once"
    assert MESSAGE.replay(history) == state
    directed = [event.way for event in history if isinstance(event, NotificationRedirected)]
    assert len(set(directed)) == len(directed), "by no way two times"
    mails = [event for event in history if isinstance(event, NotificationSent) and event.channel == "email"]
    failed = [event for event in history if isinstance(event, NotificationFailed)]
    assert len(mails) <= 1
    assert len(failed) <= 1
    if failed and mails and history.index(failed[0]) < history.index(mails[0]):
        raise AssertionError("what was given up is mailed all the same")
    took = {Way.EMAIL for _ in mails} | {event.way for event in history if isinstance(event, NotificationCarried)}
    gone = {Way.EMAIL for _ in failed} | {event.way for event in history if isinstance(event, NotificationBounced)}
    assert state.status is Status.CANCELLED or state.taken_by == took - gone
    left = [way for way in to.ways if way not in state.tried]
    if left and not state.taken_by and not state.read:
        # Nobody has it, and there is a way: it is on one.
        assert state.status in {Status.PENDING, Status.CANCELLED}


@given(PEOPLE, st.sampled_from(["rejected", "unreachable", "no-address"]))
def test_every_way_is_tried_before_a_letter_and_then_the_letter_is_due(to: Reachable, reason: str) -> None:
    """However somebody can be reached, they are given up only when nothing is left; in their own order."""
    state, gone = queued(to), []
    while state.status is Status.PENDING:
        gone.append(state.present)
        state = MESSAGE.fold(state, decided(state, reason, to, twice=False))
    assert tuple(gone) == to.ways
    assert state.status is (Status.FAILED if to.ways else Status.SENT)
    letter = MESSAGE.fold(state, decide_post(state))
    assert (letter.present, letter.status) == (Way.LETTER, Status.PENDING)
    assert decide_post(letter) == []
    posted = MESSAGE.fold(letter, decide_posted(letter))
    assert (posted.status, posted.arrived) == (Status.SENT, True)
    assert decide_posted(posted) == decide_post(posted) == []


@given(PEOPLE)
def test_no_letter_of_what_has_arrived_or_was_read(to: Reachable) -> None:
    state = queued(to)
    assert decide_post(MESSAGE.fold(state, decide_read(state, READER))) == []
    with pytest.raises(LetterNotFoundError):
        decide_posted(state)
    if to.ways:
        assert decide_post(state) == [], "it is on its way"
        assert decide_post(MESSAGE.fold(state, decide_sent(state))) == []


@given(PEOPLE, st.sampled_from(["rejected", "unreachable", "no-address"]))
def test_what_digital_post_refuses_goes_on_paper(to: Reachable, reason: Failure) -> None:
    state = queued(to)
    while state.status is Status.PENDING:
        state = MESSAGE.fold(state, decided(state, reason, to, twice=False))
    state = MESSAGE.fold(state, decide_post(state, Way.DIGITAL_POST))
    assert state.present is Way.DIGITAL_POST
    with pytest.raises(LetterNotFoundError):
        decide_posted(state)
    taken = MESSAGE.fold(state, decide_sent(state))
    assert (taken.arrived, decide_post(taken)) == (True, [])
    refused = MESSAGE.fold(state, decide_failed(state, reason, can=can(to)))
    assert (refused.present, refused.status) == (Way.LETTER, Status.PENDING)


def test_a_second_way_that_fails_leaves_it_sent() -> None:
    to = Reachable(recipient=READER, role=Role.LEADER, language=Language.NB, email=True, sms=True)
    state = queued(to)
    state = MESSAGE.fold(state, decide_sent(state, second=Way.SMS))
    assert (state.status, state.present) == (Status.PENDING, Way.SMS)
    failed = decide_failed(state, "rejected", can=can(to))
    assert [type(event) for event in failed] == [NotificationBounced]
    assert MESSAGE.fold(state, failed).status is Status.SENT


def test_what_was_mailed_before_there_were_more_ways_goes_on_as_it_did() -> None:
    """A state that was stored without the new fields."""
    stored = {"ref": REF, "recipient": READER, "channel": "email", "status": "pending", "read": False}
    state = MessageState.model_validate(stored)
    assert [type(event) for event in decide_failed(state, "rejected")] == [NotificationFailed]
    assert [type(event) for event in decide_sent(state)] == [NotificationSent]
    had = MessageState.model_validate({**stored, "status": "sent", "arrived": True})
    assert [type(event) for event in decide_returned(had, "rejected")] == [NotificationFailed]


# --- SMS --------------------------------------------------------------------------------------------------------------


@given(st.text(st.sampled_from(sorted(GSM | EXTENSION)), max_size=200))
def test_the_gsm_alphabet_has_room_for_160_and_counts_its_extension_twice(text: str) -> None:
    taken = len(text) + sum(text.count(each) for each in EXTENSION)
    assert (room_taken(text), fits(text)) == (taken, taken <= 160)


@given(st.text(max_size=120), st.sampled_from("ščđžŋŧŠ漢😀"))
def test_one_letter_that_is_not_in_it_leaves_room_for_70_units(text: str, foreign: str) -> None:
    """Sami letters among them; what lies outside the first plane takes two."""
    written = text + foreign
    units = sum(2 if ord(each) > 0xFFFF else 1 for each in written)
    assert (room_taken(written), fits(written)) == (units, units <= 70)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("40000000", "+4740000000"),
        ("400 00 000", "+4740000000"),
        ("+47 400 00 000", "+4740000000"),
        ("0046 70 123 45 67", "+46701234567"),
        ("+46701234567", "+46701234567"),
        ("12345", None),
        ("+0123456789", None),
        ("", None),
        ("+47 400 00 00x", None),
    ],
)
def test_a_telephone_number_has_its_country(written: str, number: str | None) -> None:
    assert normal_number(written) == number
    assert Addresses(None, written).of(Way.SMS) == number
    assert Addresses(None, written).of(Way.LETTER) is None


@given(st.text(max_size=30))
def test_whatever_is_written_becomes_a_number_or_none_and_a_number_stays_one(written: str) -> None:
    number = normal_number(written)
    assert number is None or normal_number(number) == number


@given(st.from_regex(r"[^@\s]{1,64}@[^@\s]{1,60}", fullmatch=True) | st.text(max_size=30))
@example("kari@bl\u00e5b\u00e6r.example")
@example("-\u202e-@[\\")
@example("a,b@home.example")
@example("=?utf-8?q?a?=@home.example")
@example(".a..b.@home.example")
def test_whatever_is_written_becomes_one_address_of_mail_or_none(written: str) -> None:
    """The names of hosts as the mail servers know them (RFC 5891): what is left in no header does anything."""
    address = normal_mail(written)
    assert Addresses(written, None).of(Way.EMAIL) == address
    if address is None:
        return
    assert normal_mail(address) == address
    mail = EmailMessage()
    mail["To"] = address
    assert getaddresses([mail["To"]]) == [("", address)]
    assert address.isascii()
    assert address.isprintable()


def test_a_norwegian_name_of_a_host_is_written_as_mail_servers_know_it() -> None:
    assert normal_mail("kari@bl\u00e5b\u00e6r.example") == "kari@xn--blbr-roah.example"
    assert normal_mail("kari@home.example") == "kari@home.example"
    assert normal_mail("k\u00e5ri@home.example") is None


def test_an_address_shows_in_no_trace() -> None:
    assert "@" not in repr(Addresses("a@home.example", "+4740000000"))
    assert "4000" not in repr(Addresses("a@home.example", "+4740000000"))
