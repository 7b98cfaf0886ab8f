"""Every way in which Watchword says no, each with its stable code; nothing here knows HTTP.

Refusal
├── NotAuthenticated      who is asking is not known
│   ├── InvalidCredentials    TokenMissing    TokenInvalid    TokenExpired
│   │   └── PasskeyNotAccepted
│   ├── SessionExpired        SessionRevoked  TokenReused
│   └── MfaRequired           MfaInvalid
├── NotAllowed            who is asking is known, and may not
│   ├── Forbidden    StepUpRequired    AccountDisabled    EmailNotVerified
│   └── WrongCurrentPassword           CsrfFailed         CountryBlocked
├── NotFound    Conflict    LastAdmin    LastCredential    SessionLimitReached    LinkInvalid
├── FederationFailed      another provider did not vouch for anybody
├── Invalid               well-formed, but not acceptable: a list of fields
│   └── PasswordTooShort    PasswordTooLong    PasswordMalformed    PasswordBlocked
├── Limited               too often: says when to come back
│   └── TooManyAttempts    RateLimited
├── Busy    Unavailable   not now
│   └── ProviderUnavailable
└── WrongPassword         raised by a Hasher; a flow always turns it into its own answer
"""

from collections.abc import Callable
from dataclasses import dataclass


class Refusal(Exception):
    """An answer of "no". ``code`` is stable and public, ``detail`` is a sentence for people."""

    code = "MALFORMED"
    detail = "The request was refused."

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class NotAuthenticated(Refusal):
    code = "TOKEN_INVALID"
    detail = "Sign in to go on."


class InvalidCredentials(NotAuthenticated):
    code = "INVALID_CREDENTIALS"
    detail = "The e-mail address or the password is not right."


class PasskeyNotAccepted(InvalidCredentials):
    detail = "This passkey was not accepted. Begin once more, or sign in another way."


class TokenMissing(NotAuthenticated):
    code = "TOKEN_MISSING"
    detail = "This needs an access token or a session cookie."


class TokenInvalid(NotAuthenticated):
    code = "TOKEN_INVALID"
    detail = "The token is not valid."


class TokenExpired(NotAuthenticated):
    code = "TOKEN_EXPIRED"
    detail = "The access token has expired. Refresh it."


class SessionExpired(NotAuthenticated):
    code = "SESSION_EXPIRED"
    detail = "The session has expired. Sign in again."


class SessionRevoked(NotAuthenticated):
    code = "SESSION_REVOKED"
    detail = "The session was ended. Sign in again."


class TokenReused(NotAuthenticated):
    code = "TOKEN_REUSED"
    detail = "This refresh token was used before, so its session was ended. Sign in again."


class MfaRequired(NotAuthenticated):
    code = "MFA_REQUIRED"
    detail = "The password was right. Show your second factor to go on."


class MfaInvalid(NotAuthenticated):
    code = "MFA_INVALID"
    detail = "The code is not right, or was used before."


class NotAllowed(Refusal):
    code = "FORBIDDEN"
    detail = "This is not allowed."


class Forbidden(NotAllowed):
    code = "FORBIDDEN"
    detail = "You are not allowed to do this."


class StepUpRequired(NotAllowed):
    code = "STEP_UP_REQUIRED"
    detail = "Confirm who you are first: POST /auth/reauthenticate."


class AccountDisabled(NotAllowed):
    code = "ACCOUNT_DISABLED"
    detail = "This account is disabled."


class EmailNotVerified(NotAllowed):
    code = "EMAIL_NOT_VERIFIED"
    detail = "Confirm your e-mail address first: follow the link that was mailed to you."


class CountryBlocked(NotAllowed):
    code = "COUNTRY_BLOCKED"
    detail = "Nobody can sign in from where you are."


class WrongCurrentPassword(NotAllowed):
    code = "INVALID_CREDENTIALS"
    detail = "The current password is not right."


class CsrfFailed(NotAllowed):
    code = "CSRF_FAILED"
    detail = "The request could not be told from a forged one."


class NotFound(Refusal):
    code = "NOT_FOUND"
    detail = "There is no such thing here."


class Conflict(Refusal):
    code = "CONFLICT"
    detail = "This is taken already."


class LastAdmin(Refusal):
    code = "LAST_ADMIN"
    detail = "This is the last active administrator. Make another one first."


class LastCredential(Refusal):
    code = "LAST_CREDENTIAL"
    detail = "This is the last way into your account. Add another one first."


class SessionLimitReached(Refusal):
    code = "SESSION_LIMIT"
    detail = "Too many sessions are open. End one of them first."


class LinkInvalid(Refusal):
    code = "INVALID_OR_EXPIRED_LINK"
    detail = "This link is not valid any more. Ask for a new one."


class FederationFailed(Refusal):
    """``reason`` is a fixed phrase for the log, never a part of what the provider sent."""

    code = "OAUTH_FAILED"
    detail = "Signing in with this provider did not work. Start again."

    def __init__(self, reason: str, detail: str | None = None) -> None:
        self.reason = reason
        super().__init__(detail)


class Malformed(Refusal):
    code = "MALFORMED"
    detail = "The request could not be read."


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; ``field`` is its name on the wire."""

    field: str
    message: str


class Invalid(Refusal):
    """Well-formed, but not acceptable: names each field and the reason."""

    code = "VALIDATION_FAILED"

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__(errors[0].message if errors else "The request is not valid.")


def require_all(*checks: Callable[[], object]) -> None:
    """Make every check, and raise one `Invalid` that names all that they found."""
    found: list[Invalid] = []
    for check in checks:
        try:
            check()
        except Invalid as refusal:
            found.append(refusal)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Invalid(*(error for refusal in found for error in refusal.errors))


class PasswordRefused(Invalid):
    """A new password that the policy does not take; ``at`` says which field of a form held it."""

    def __init__(self, message: str) -> None:
        super().__init__(FieldError("password", message))

    def at(self, field: str) -> "PasswordRefused":
        """The same refusal, pointing at another field's name."""
        self.errors = (FieldError(field, self.detail),)
        return self


class PasswordTooShort(PasswordRefused):
    code = "PASSWORD_TOO_SHORT"

    def __init__(self, minimum: int) -> None:
        super().__init__(f"Use {minimum} characters or more; a few words in a row work well.")


class PasswordTooLong(PasswordRefused):
    def __init__(self) -> None:
        super().__init__("Use at most 1,024 bytes.")


class PasswordMalformed(PasswordRefused):
    def __init__(self) -> None:
        super().__init__("A password cannot hold control characters or broken text.")


class PasswordBlocked(PasswordRefused):
    code = "PASSWORD_BLOCKED"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class Limited(Refusal):
    """Too often. ``retry_after`` is in milliseconds from now, ``allowed`` how often is not."""

    def __init__(self, *, retry_after: int, allowed: int | None = None) -> None:
        self.retry_after = retry_after
        self.allowed = allowed
        super().__init__()


class TooManyAttempts(Limited):
    code = "TOO_MANY_ATTEMPTS"
    detail = "Too many failed attempts on this account. Try again later."


class RateLimited(Limited):
    code = "RATE_LIMITED"
    detail = "Too many requests from your address. Try again later."


class Busy(Limited):
    """The hashing queue is full, or the wait in it was too long: nothing was done."""

    code = "BUSY"
    detail = "The service is busy. Try again in a moment."


class Unavailable(Refusal):
    """A dependency cannot answer; nothing was changed, or the change was not acknowledged."""

    code = "UNAVAILABLE"
    detail = "The service cannot do this right now. Try again in a moment."
    retry_after = 1_000


class ProviderUnavailable(Unavailable):
    """Another identity provider is down or slow. ``reason``: as of `FederationFailed`."""

    detail = "This provider does not answer right now. Try again in a moment."

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()


class WrongPassword(Exception):
    """The password does not match, or there is nothing to match it with."""
