"""Where a webhook may go: to the Internet, and nowhere inside."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from services.notify.errors import TargetInternalError, TargetRefusedError, TargetUnknownError
from services.notify.webhooks import LOOPBACK, MAX_TARGET, Targets

OUTSIDE = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "1.1.1.1", "::ffff:1.1.1.1"]
INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("168.63.129.16", "192.0.0.170", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::1", "2001:0:7f00:1::1", "fec0::1", "nonsense", ""),
    *("3fff::1", "2606:2800:21f:cb07:0:5efe:a00:1", "2606:2800:21f:cb07:200:5efe:a00:1"),
]


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_internet_is_permitted(address: str) -> None:
    assert Targets().permits(address)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not(address: str) -> None:
    assert not Targets().permits(address)


def test_a_network_of_our_own_is_permitted_by_name_only() -> None:
    targets = Targets([ipaddress.ip_network("10.20.0.0/16")])
    assert targets.permits("10.20.3.4")
    assert targets.permits("::ffff:10.20.3.4")
    assert not targets.permits("10.21.3.4")
    assert not targets.permits("127.0.0.1")


@pytest.mark.parametrize(
    "target",
    [
        *("http://school.example/", "ftp://school.example/", "//school.example/", "school.example", "", "https://", "https:///x"),
        *("https://user:word@school.example/", "https://school.example/#part", "https://[::1", "https://0177.0.0.1/", "file:///etc/passwd"),
        "https://school.example/" + "a" * MAX_TARGET,
    ],
)  # fmt: skip
async def test_what_is_no_address_for_webhooks_is_refused(target: str) -> None:
    with pytest.raises(TargetRefusedError):
        await Targets().check(target)


@pytest.mark.parametrize(
    "target",
    [
        *("https://127.0.0.1/", "https://[::1]:8443/", "https://localhost/x", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/"),
        # Other spellings of 127.0.0.1 that the system's resolver takes.
        *("https://2130706433/", "https://0x7f000001/", "https://127.1/"),
    ],
)  # fmt: skip
async def test_an_address_inside_is_refused_however_it_is_spelt(target: str) -> None:
    with pytest.raises(TargetInternalError):
        await Targets().check(target)


async def test_a_name_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(TargetUnknownError):
        await Targets().check("https://no-such-host.invalid/")


async def test_one_internal_address_among_others_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads outside and inside is looked at as a whole."""

    def both(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(TargetInternalError):
        await Targets().check("https://school.example/")


async def test_in_development_this_machine_may_be_reached_without_tls() -> None:
    targets = Targets(LOOPBACK, plain=True)
    await targets.check("http://127.0.0.1:9000/hook")
    with pytest.raises(TargetInternalError):
        await targets.check("http://10.0.0.1/")
