"""What a mail that came back says of which mail of ours: as mail servers write it, and what is none."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.bounce import Bounce, read_bounce
from services.notify.errors import BounceUnreadableError
from tests.returned_mail import GONE, MESSAGE, returned

DOMAIN = "lagspill.example"


def read(content: bytes) -> Bounce:
    return read_bounce(content, domain=DOMAIN)


@pytest.mark.parametrize(
    ("content", "bounce"),
    [
        (returned(), Bounce(MESSAGE, "rejected", 550)),
        (returned(original="text/rfc822-headers"), Bounce(MESSAGE, "rejected", 550)),
        (returned(original="none", answers=f"<{MESSAGE}@{DOMAIN}>"), Bounce(MESSAGE, "rejected", 550)),
        (returned(name=f"<dig_{'0' * 32}@LAGSPILL.example>"), Bounce("dig_" + "0" * 32, "rejected", 550)),
        (returned({"Action": "Failed", "Status": "4.4.7 (expired)"}), Bounce(MESSAGE, "unreachable", None)),
        (returned({**GONE, "Diagnostic-Code": "x-unix; 550"}), Bounce(MESSAGE, "rejected", None)),
    ],
    ids=["whole", "headers", "answers", "digest", "expired", "not SMTP"],
)
def test_what_mail_servers_say_of_a_mail_that_is_not_delivered(content: bytes, bounce: Bounce) -> None:
    assert read(content) == bounce


@pytest.mark.parametrize(
    "content",
    [
        returned({**GONE, "Action": "delayed", "Status": "4.4.1"}),
        returned({**GONE, "Action": "delivered", "Status": "2.0.0"}),
        returned({"Action": "failed", "Status": "2.0.0"}),
        returned({"Action": "failed", "Status": "bad"}),
        returned({"Status": "5.1.1"}),
        returned(name=f"<{MESSAGE}@elsewhere.example>"),
        returned(name="<something@lagspill.example>"),
        returned(original="none"),
        returned(report="multipart/mixed"),
        f"Subject: I am away\r\nIn-Reply-To: <{MESSAGE}@{DOMAIN}>\r\n\r\nBack on Monday.\r\n".encode(),
        b"Content-Type: multipart/report; boundary=0\r\n\r\n"
        + b"".join(
            b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (each, each + 1) for each in range(4000)
        ),
        b"",
    ],
    ids=[
        *("late", "delivered", "no failure", "no status", "no action", "another house's", "none of ours", "of nothing"),
        *("no report", "an absence notice", "deeper than anything", "nothing"),
    ],
)
def test_what_tells_of_no_failure_of_a_mail_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(BounceUnreadableError):
        read(content)


@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 60))
def test_whatever_comes_is_read_or_refused(noise: bytes, at: int, cut: int) -> None:
    """Bytes put into a notification, or instead of some of it."""
    good = returned()
    try:
        found = read(good[:at] + noise + good[at + cut :])
    except BounceUnreadableError:
        return
    assert found.reason in {"rejected", "unreachable"}


def test_a_notification_that_the_email_package_itself_writes_is_read() -> None:
    sent = EmailMessage()
    sent["Message-ID"] = f"<{MESSAGE}@{DOMAIN}>"
    sent.set_content("Hei")
    report = EmailMessage()
    report.set_content("I could not deliver this.")
    report.add_attachment(sent)
    content = report.as_bytes().replace(b"multipart/mixed", b"multipart/report; report-type=delivery-status")
    status = b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\nStatus: 5.2.2\n\n"
    boundary = b"--" + str(report.get_boundary()).encode()
    content = content.replace(boundary, boundary + b"\n" + status + b"\n" + boundary, 1)
    assert read(content) == Bounce(MESSAGE, "rejected", None)
