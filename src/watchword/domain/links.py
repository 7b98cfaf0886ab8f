"""One-time links, and what is used up like them, challenges and sign-ins elsewhere: what one is for
and until when; only the hash of its secret is ever kept.

The token between the two halves of a sign-in is one, though nobody is mailed it.
"""

from dataclasses import dataclass
from enum import StrEnum

from watchword.domain.time import DAY, HOUR, MINUTE, Instant, Span


class Purpose(StrEnum):
    SETUP = "setup"
    VERIFY_EMAIL = "verify_email"
    CONFIRM_NEW_EMAIL = "confirm_new_email"
    RESET_PASSWORD = "reset_password"
    INVITATION = "invitation"
    MAGIC_LINK = "magic_link"
    PASSKEY_REGISTER = "passkey_register"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    MFA = "mfa"
    FEDERATION = "federation"
    CONSENT = "consent"

    @property
    def lifetime(self) -> Span:
        """A link that signs in by itself lives for ten minutes at most (ASVS 6.5.5)."""
        return _LIFETIMES[self]

    @property
    def replaces(self) -> bool:
        """Whether a new one ends those before it. Browsers that ask for a challenge to sign in by,
        or go to a provider, have nobody in common, and none of them may end another's.
        """
        return self not in {Purpose.PASSKEY_SIGN_IN, Purpose.FEDERATION}


_LIFETIMES: dict[Purpose, Span] = {
    Purpose.SETUP: HOUR,
    Purpose.VERIFY_EMAIL: DAY,
    Purpose.CONFIRM_NEW_EMAIL: HOUR,
    Purpose.RESET_PASSWORD: HOUR,
    Purpose.INVITATION: 3 * DAY,
    Purpose.MAGIC_LINK: 10 * MINUTE,
    # As long as browsers are told to wait for the person.
    Purpose.PASSKEY_REGISTER: 5 * MINUTE,
    Purpose.PASSKEY_SIGN_IN: 5 * MINUTE,
    Purpose.MFA: 5 * MINUTE,
    Purpose.FEDERATION: 10 * MINUTE,
    Purpose.CONSENT: 5 * MINUTE,
}


@dataclass(frozen=True, slots=True)
class Link:
    """``token_hash`` is SHA-256 of the 256-bit secret (ASVS 6.5.2 allows a plain hash there).

    ``address`` is the key of the mail address that it was sent to, ``binding`` the hash of a secret
    that only the browser holds which asked for it (None: any browser will do), ``detail`` what the
    purpose needs besides.
    """

    token_hash: bytes
    purpose: Purpose
    user_id: str | None
    created_at: Instant
    expires_at: Instant
    address: str = ""
    binding: bytes | None = None
    detail: str = ""
