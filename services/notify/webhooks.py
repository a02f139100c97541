"""One webhook over HTTP: to an address outside this installation's network, or to none.

The address is looked at twice: when a subscription is opened or moved, and again at every connection, on the very address that is
connected to, so that a name which leads elsewhere tomorrow leads nowhere. Redirects are not followed, no proxy is used, and of an
answer nothing but its status is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import httpcore
import httpx

from services.notify.errors import TargetInternalError, TargetRefusedError, TargetUnknownError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_TARGET: Final = 1000
MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read, so that the connection can be used again; of a longer one no more."""
_DRAIN_SECONDS: Final = 1.0
_RESOLVE_SECONDS: Final = 5.0
LONGEST_WAIT: Final = 3600.0
"""Seconds that a receiver may ask for in Retry-After."""
LOOPBACK: Final = frozenset({ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")})
_EMBEDDING: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "64:ff9b::/96",  # NAT64 (RFC 6052): an IPv4 address stands in it, whichever
        "64:ff9b:1::/48",  # RFC 8215
        "2002::/16",  # 6to4 (RFC 3056)
        "2001::/32",  # Teredo (RFC 4380)
        "3fff::/20",  # for documentation (RFC 9637): not known to the standard library yet
        "168.63.129.16/32",  # a public address by which a cloud answers its own machines
    )
)

_ISATAP: Final = frozenset({bytes.fromhex("00005efe"), bytes.fromhex("02005efe")})
"""What an IPv4 address stands behind in an IPv6 one, whatever its network (RFC 5214 § 6.1)."""


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    GONE = "gone"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls-failed"
    INTERNAL = "internal-address"
    MALFORMED = "malformed-answer"


@dataclass(frozen=True)
class Answer:
    """What a receiver said, as far as it matters."""

    outcome: Outcome
    status: int | None = None
    retry_after: float | None = None
    """Seconds for which it asks to be left alone."""
    milliseconds: int = 0


class _InternalError(httpcore.ConnectError):
    """The name leads to an address that no webhook goes to."""


class Targets:
    """Which addresses webhooks go to."""

    def __init__(self, networks: Iterable[Network] = (), *, plain: bool = False) -> None:
        """Let them go to the whole Internet and to these `networks` of our own; with `plain` without TLS too."""
        self._networks = tuple(networks)
        self._schemes = {"https", "http"} if plain else {"https"}

    def parse(self, text: str) -> httpx.URL:
        """Return the address that is written so.

        Raises:
            TargetRefusedError: it is none that a webhook may have.
        """
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, ValueError):
            raise TargetRefusedError from None
        if url.scheme not in self._schemes or not url.host or url.userinfo or url.fragment or len(text) > MAX_TARGET:
            raise TargetRefusedError
        return url

    async def check(self, text: str) -> None:
        """Look whether a webhook may go there now.

        Raises:
            TargetRefusedError: as `parse`.
            TargetUnknownError: the name leads to no address.
            TargetInternalError: it leads to one of ours.
        """
        url = self.parse(text)
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await resolve(url.raw_host.decode("ascii"), url.port or 443)
        except (OSError, UnicodeError, TimeoutError):
            raise TargetUnknownError from None
        if not all(map(self.permits, found)):
            raise TargetInternalError

    def permits(self, text: str) -> bool:
        """Return whether a webhook may be connected to this address (IPv4 or IPv6)."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if isinstance(address, ipaddress.IPv6Address):
            if address.is_site_local:
                return False  # fec0::/10, taken back by RFC 3879, and still in use inside
            if address.packed[8:12] in _ISATAP:
                return False
        if any(address in network for network in self._networks):
            return True
        if address.is_multicast or address.is_reserved or any(address in network for network in _EMBEDDING):
            return False
        return address.is_global


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that a name leads to, each once, in the system's order of preference.

    Raises:
        OSError, UnicodeError: it leads to none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class _Connection(httpcore.AsyncNetworkStream):
    """A connection that is closed when its attempt is given up before TLS stands, too: httpcore closes it where that fails."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's own
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's own
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
    ) -> httpcore.AsyncNetworkStream:
        """Begin TLS, or leave nothing open."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to nothing but what `Targets` permits, by address: no name is looked up again in between."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; with an internal one among them to none."""
        try:
            found = await resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError from None
        if not found or not all(map(self._targets.permits, found)):
            raise _InternalError
        failed: Exception = httpcore.ConnectError()
        for address in found:
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            peer = stream.get_extra_info("server_addr")
            if not self._targets.permits(str(peer[0])):
                await stream.aclose()
                raise _InternalError
            return _Connection(stream)
        raise failed

    async def sleep(self, seconds: float) -> None:
        """Wait as httpcore asks."""
        await self._inner.sleep(seconds)


class Webhooks:
    """Sends webhooks."""

    def __init__(self, targets: Targets, *, seconds: float, ca_file: Path | None = None) -> None:
        """Send to `targets`, and give up an attempt after `seconds`; `ca_file` holds certificates to trust beside the system's.

        Raises:
            OSError: the file cannot be read.
        """
        tls = ssl.create_default_context()
        if ca_file is not None:
            tls.load_verify_locations(ca_file)
        self._targets = targets
        self._seconds = seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30.0,
            network_backend=_Guarded(targets),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def post(self, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one webhook and return what became of it; a failure is an answer, and nothing is raised."""
        begun = time.monotonic()
        answer = await self._attempt(target, body, headers)
        taken = round((time.monotonic() - begun) * 1000)
        return Answer(answer.outcome, answer.status, answer.retry_after, taken)

    async def _attempt(self, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            url = self._targets.parse(target)
            async with asyncio.timeout(self._seconds):
                return await self._send(url, body, headers)
        except TargetRefusedError:
            return Answer(Outcome.REFUSED)
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(Outcome.TIMEOUT)
        except _InternalError:
            return Answer(Outcome.INTERNAL)
        except (httpcore.ProtocolError, UnicodeError):
            return Answer(Outcome.MALFORMED)
        except (httpcore.NetworkError, OSError) as error:
            return Answer(Outcome.TLS_FAILED if _is_tls(error) else Outcome.UNREACHABLE)

    async def _send(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Answer:
        place = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        # httpcore would name an IPv6 address without its brackets.
        sent = [("host", url.netloc.decode("ascii")), *headers.items()]
        async with self._pool.stream("POST", place, headers=sent, content=body) as response:
            said = {name.lower(): value for name, value in response.headers}
            wait = _seconds(said.get(b"retry-after", b""))
            answer = Answer(_outcome(response.status), response.status, wait)
            # What it says beside is nobody's business; the status stands, however the rest of the answer ends.
            with contextlib.suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, OSError):
                async with asyncio.timeout(_DRAIN_SECONDS), contextlib.aclosing(response.aiter_stream()) as parts:  # type: ignore[type-var]
                    read = 0
                    async for part in parts:
                        read += len(part)
                        if read > MAX_ANSWER:
                            break
        return answer


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == 410:
        return Outcome.GONE
    return Outcome.REDIRECTED if 300 <= status < 400 else Outcome.REFUSED


def _seconds(retry_after: bytes) -> float | None:
    """Return the seconds of a Retry-After header; a date (RFC 9110 § 10.2.3) is passed over, our own pauses do as well."""
    return min(float(retry_after), LONGEST_WAIT) if retry_after.isdigit() and len(retry_after) < 10 else None


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
