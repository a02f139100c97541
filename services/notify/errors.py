"""What the notify service refuses."""

from __future__ import annotations

from shared.errors import ConflictError, ForbiddenError, LagspillError, NotFoundError


class NotifyError(LagspillError):
    """The notify service cannot do this."""

    code = "notify"


class MessageNotFoundError(NotifyError, NotFoundError):
    """There is no such message to you."""

    code = "message-not-found"
    status = 404


class MessageWithdrawnError(NotifyError, ConflictError):
    """The message was taken back before it was delivered."""

    code = "message-withdrawn"
    status = 409


class AddressKeptElsewhereError(NotifyError, ForbiddenError):
    """Your address is kept with the case, by the service that you gave it to: change it there."""

    code = "address-kept-elsewhere"
    status = 403


class NoPreferencesError(NotifyError, NotFoundError):
    """You have not said yet how you want to be reached."""

    code = "preferences-not-set"
    status = 404
