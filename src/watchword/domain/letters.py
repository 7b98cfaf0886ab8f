"""Mail that is to go out: to whom, why, and what made it so.

Invariant: a letter holds no secret. The link that it is to carry is made when it is written, so
the outbox is worth nothing to a thief.
"""

from dataclasses import dataclass
from enum import StrEnum

from watchword.domain.time import Instant


class Reason(StrEnum):
    """Why somebody gets mail. The first ones carry a link, the others tell what has happened."""

    VERIFY_EMAIL = "verify_email"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"
    MAGIC_LINK = "magic_link"
    INVITATION = "invitation"
    CONFIRM_NEW_EMAIL = "confirm_new_email"

    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    NEW_DEVICE = "new_device"
    UNUSUAL_SIGN_IN = "unusual_sign_in"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    PASSWORD_REMOVED = "password_removed"
    MFA_ENABLED = "mfa_enabled"
    MFA_DISABLED = "mfa_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_REPLACED = "recovery_codes_replaced"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_SUSPECTED = "passkey_suspected"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    TOKEN_REUSED = "token_reused"
    ACCOUNT_LOCKED = "account_locked"


# Stands before the signals in the detail of an `UNUSUAL_SIGN_IN` that did not come about.
REFUSED = "refused"

WITH_LINK = frozenset(
    {
        Reason.VERIFY_EMAIL,
        Reason.RESET_PASSWORD,
        Reason.MAGIC_LINK,
        Reason.INVITATION,
        Reason.CONFIRM_NEW_EMAIL,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``address`` is where it goes. ``user_id`` is None for an address that somebody typed: whether
    there is an account behind it is found out when the letter is written, not when it is asked for
    (attack E04). ``ip``, ``user_agent`` and ``language`` are of the request that caused it, the
    last empty for the default; ``detail`` is what the reason needs besides: a new address, a name
    of a passkey, the hash of a browser's cookie, the signals of a sign-in.
    """

    id: str
    reason: Reason
    address: str
    user_id: str | None
    ip: str
    user_agent: str
    detail: str
    created_at: Instant
    attempts: int = 0
    language: str = ""


class MailRefused(Exception):
    """The mail will never be taken: the address or the message is at fault."""


class MailDelayed(Exception):
    """The mail was not taken now; another time it may be."""
