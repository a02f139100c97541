"""One look at one page: by whom, in which language, from where."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.types import Scope

from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.errors import ForeignFormError, NoSuchLogError
from services.audit.pages.sessions import Session
from shared.aggregate import Context
from shared.contracts.codes import Language
from shared.errors import LagspillError
from shared.preferences import preferred_language
from shared.refs import LogScope

MAX_FORM: Final = 16 * 1024
HOME: Final = "/pages/search"
LANGUAGE_COOKIE: Final = "lagspill-language"
_BACK: Final = re.compile(r"/(pages/[A-Za-z0-9_./:-]*)?(\?[A-Za-z0-9_.:&=%+-]*)?")
_MAX_BACK: Final = 1500


class FormTypeError(LagspillError):
    """The form must be sent as forms are: application/x-www-form-urlencoded, in UTF-8."""

    code = "content-type-unsupported"
    status = 415


@dataclass(frozen=True, slots=True)
class Visit:
    """A look at a page."""

    language: Language
    origin: str
    """Where browsers reach this service."""
    here: str
    """The page's own address, to come back to."""
    session: Session | None = None
    sign_in: bool = False
    """Whether anybody can sign in here."""
    log: LogName | None = None
    """The log that is asked for by its name; None for that of the visitor's own municipality."""

    @property
    def asked(self) -> str:
        """Return what stands behind the address of a page about the same log."""
        return "" if self.log is None else f"?log={self.log}"


def log_of(visit: Visit, ctx: Context) -> LogName:
    """Return the log that is asked for: the one named, else the visitor's own municipality's. Who may is not decided here."""
    assert ctx.actor is not None
    return visit.log or LogName(ctx.actor.municipality)


def seen_in(visit: Visit, log: LogName) -> Visit:
    """Return the visit as one to what stands in `log`: links lead on in it."""
    own = visit.session is not None and log == LogName(visit.session.actor.municipality)
    return replace(visit, log=None if own else log)


def named_log(given: str | None, own: LogScope) -> LogName | None:
    """Return the log that is named; None where none is, or the visitor's own.

    Raises:
        NoSuchLogError: no log is called that.
    """
    if not given or given == own:
        return None
    if LOG_NAME.fullmatch(given) is None:
        raise NoSuchLogError
    return LogName(given)


def language_of(request: Request) -> Language:
    """Return the language that was chosen here, else the one that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    return preferred_language(request.headers.get("accept-language", ""))


def safe_back(address: str | None) -> str:
    """Return a page of ours to go to: `address` if it is one, else the first one.

    No address with a host, a scheme or a back slash passes, so nobody is sent away from here.
    """
    fits = address is not None and len(address) <= _MAX_BACK and _BACK.fullmatch(address) and "//" not in address
    return address if fits and address is not None else HOME


def here(scope: Scope) -> str:
    """Return the request's own address, if one may come back to it."""
    query = scope["query_string"].decode("latin-1")
    return safe_back(f"{scope['path']}?{query}" if query else scope["path"])


def check_form(media_type: bytes | None) -> None:
    """Refuse a body that is no form.

    Raises:
        FormTypeError: it is none.
    """
    kind, *parameters = (media_type or b"").lower().split(b";")
    charset = all(part.strip() in (b"", b"charset=utf-8") for part in parameters)
    if kind.strip() != b"application/x-www-form-urlencoded" or not charset:
        raise FormTypeError


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form; of what is there twice, the last.

    Raises:
        FormTypeError: it is not written as a form is.
    """
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=40))
    except ValueError:
        raise FormTypeError from None


def check_origin(request: Request, origin: str) -> None:
    """Refuse a form that another site's page has sent (Fetch Metadata; RFC 6454 § 7).

    Raises:
        ForeignFormError: the browser says that it comes from elsewhere, or does not say where it comes from.
    """
    site = request.headers.get("sec-fetch-site")
    said = request.headers.get("origin")
    if site not in (None, "same-origin") or said not in (None, origin) or (site is None and said is None):
        raise ForeignFormError


def is_secure(origin: str) -> bool:
    """Return whether browsers reach this service by TLS: then its cookies are sent by nothing less."""
    return urlsplit(origin).scheme == "https"
