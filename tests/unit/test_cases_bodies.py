"""What may stand in the body of a request to the cases service, where another service relies on it."""

from __future__ import annotations

import random
from datetime import date

import pytest
from pydantic import ValidationError

from services.cases.api.bodies import GuardianBody
from services.notify.domain.mail_address import normal_mail
from shared.testing.people import synthetic_number

NUMBER = synthetic_number(date(1985, 3, 2), random.Random(12))


def guardian(email: str) -> GuardianBody:
    """A guardian who is reached there."""
    return GuardianBody(name="Kari Nordmann", national_number=NUMBER, email=email)


@pytest.mark.parametrize(
    "email", ["kari@home.example", "kari.n+barn@bl\u00e5b\u00e6r.example", "k@\u010d\u00e1hci.example", "o'k@x.no"]
)
def test_an_address_that_mail_can_go_to_is_taken(email: str) -> None:
    assert guardian(email).email == email
    assert normal_mail(email) is not None


@pytest.mark.parametrize(
    "email",
    [
        *(
            "a,b@home.example",
            "-\u202e-@[\\",
            'a"b@home.example',
            "a<b@home.example",
            "k\u00e5re@home.example",
            "a@b@c.example",
        ),
        *(
            "a\x00@home.example",
            "a@home.example\r\nBcc: b@home.example",
            "a@home.example,b",
            "a@.example",
            "a@",
            "@b.example",
        ),
    ],
)
def test_what_would_be_no_address_or_two_in_a_header_is_refused(email: str) -> None:
    """A guardian who has written it is told so, and does not wait for what never comes (seed rule 101)."""
    with pytest.raises(ValidationError):
        guardian(email)
