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


class PhoneMissingError(NotifyError):
    """Without a telephone number, SMS cannot be what is tried first."""

    code = "phone-missing"
    status = 422


class HistoryForbiddenError(NotifyError, ForbiddenError):
    """How a unit's messages were delivered is for the unit's leader."""

    code = "history-forbidden"
    status = 403


class LetterNotFoundError(NotifyError, NotFoundError):
    """There is no such letter for you to post."""

    code = "letter-not-found"
    status = 404


# --- subscriptions ----------------------------------------------------------------------------------------------------


class SubscriberUnknownError(NotifyError, ForbiddenError):
    """Subscriptions are for other systems that this installation lets subscribe, with a token of their own."""

    code = "not-a-subscriber"
    status = 403


class NotClearedError(NotifyError, ForbiddenError):
    """The logs of address-protected cases are for those only who have the clearance."""

    code = "not-cleared"
    status = 403


class OtherMunicipalityError(NotifyError, ForbiddenError):
    """The events of another municipality are not yours to have."""

    code = "other-municipality"
    status = 403


class SubscriptionNotFoundError(NotifyError, NotFoundError):
    """You have no such subscription."""

    code = "subscription-not-found"
    status = 404


class SubscriptionRunsError(NotifyError, ConflictError):
    """The subscription is not stopped."""

    code = "subscription-not-stopped"
    status = 409


class ReceiptNotAwaitedError(NotifyError, NotFoundError):
    """No receipt of that version of that consent is awaited from this subscription."""

    code = "receipt-not-awaited"
    status = 404


class ReceiptDiffersError(NotifyError, ConflictError):
    """That version was acknowledged before, with another number."""

    code = "receipt-differs"
    status = 409


class PositionForgottenError(NotifyError, ConflictError):
    """Events after that position are kept here no longer: read them from the topic, and go on from a later position."""

    code = "position-forgotten"
    status = 409


class EventTypeUnknownError(NotifyError):
    """An event type that is named is not published on any topic for subscribers."""

    code = "event-type-unknown"
    status = 422


class EndingsNotWantedError(NotifyError):
    """A subscription that acknowledges gets all four ends of a consent: name all four among the types, or no type, and no unit."""

    code = "endings-not-wanted"
    status = 422


class TargetRefusedError(NotifyError):
    """Webhooks go to an https address without a login or fragment in it."""

    code = "target-not-https"
    status = 422


class TargetInternalError(NotifyError):
    """The address leads into this installation's own network, where no webhook goes."""

    code = "target-internal"
    status = 422


class TargetUnknownError(NotifyError):
    """The name of the receiver does not lead to any address."""

    code = "target-unknown"
    status = 422


class BouncesForbiddenError(NotifyError, ForbiddenError):
    """Only the mail gateway says which mails came back."""

    code = "bounces-forbidden"
    status = 403


class BounceUnreadableError(NotifyError):
    """This is no delivery status notification (RFC 3464) that a mail from here could not be delivered."""

    code = "bounce-unreadable"
    status = 422


class BouncedMailUnknownError(NotifyError, NotFoundError):
    """No such mail was sent from here."""

    code = "bounced-mail-unknown"
    status = 404
