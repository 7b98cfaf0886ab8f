"""Second factors and passkeys: what is kept of each, what each is worth, which may be given up.

Methods are named as in RFC 8176. A recovery code is a one-time password like any other there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from watchword.crypto.passkeys import Credential, Descriptor, PasskeyUse
from watchword.domain.accounts import parse_name
from watchword.domain.errors import LastCredential
from watchword.domain.time import Instant

Methods = tuple[str, ...]

PASSWORD: Final[Methods] = ("pwd",)
ONE_TIME_CODE: Final[Methods] = ("otp",)

_MULTI_FACTOR = "mfa"
# A provider says no more than that it knows its person: what was asked there is its own affair, and
# it counts like a password (docs/providers.md).
_KNOWN: Final = frozenset({"pwd", "fed"})
_HELD: Final = frozenset({"otp", "hwk", "swk"})


def passkey_methods(*, backup_eligible: bool, user_verified: bool) -> Methods:
    """A passkey that verified its person is two factors at once, otherwise one (NIST SP 800-63B-4
    section 3.1.7.2, attack W03). One that can be copied to other devices is a software key.
    """
    key = "swk" if backup_eligible else "hwk"
    return (key, "user", _MULTI_FACTOR) if user_verified else (key, "user")


def combined(*proofs: Methods) -> Methods:
    """What several proofs of one person say together, each method once."""
    methods = tuple(dict.fromkeys(method for proof in proofs for method in proof))
    if is_multi_factor(methods) or _KNOWN.isdisjoint(methods) or _HELD.isdisjoint(methods):
        return methods
    return (*methods, _MULTI_FACTOR)


def is_multi_factor(amr: Methods) -> bool:
    """Two passwords are one factor, and so are two codes: it takes something known, or the body,
    together with something held.
    """
    return _MULTI_FACTOR in amr


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """One app that makes codes. ``sealed_secret`` opens for this user alone. Until a code has
    confirmed it, it guards nothing; ``last_step`` and all before it are burnt (ASVS 6.5.1).
    """

    user_id: str
    sealed_secret: bytes = field(repr=False)
    last_step: int
    created_at: Instant
    confirmed_at: Instant | None = None

    @property
    def is_active(self) -> bool:
        return self.confirmed_at is not None

    def accepts(self, step: int) -> bool:
        """Whether a code of ``step`` was not used yet, nor a later one (attack B10)."""
        return step > self.last_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One passkey of one user. ``id`` is ours, ``credential_id`` the authenticator's; ``aaguid``
    is the model that it claims to be.
    """

    id: str
    user_id: str
    name: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    created_at: Instant
    last_used_at: Instant | None = None

    @property
    def credential(self) -> Credential:
        return Credential(
            self.credential_id,
            self.public_key,
            self.sign_count,
            self.backup_eligible,
            user_handle(self.user_id),
        )

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.credential_id, self.transports)

    def used(self, use: PasskeyUse, now: Instant) -> "Passkey":
        """The counter never goes back, so that a clone is noticed again (attack W06)."""
        return replace(
            self,
            sign_count=max(self.sign_count, use.sign_count),
            backed_up=use.backed_up,
            last_used_at=now,
        )


def user_handle(user_id: str) -> bytes:
    """An id tells nothing about a person, so it may stand where authenticators show it to anybody
    (WebAuthn level 3 section 14.6.1).
    """
    return user_id.encode()


PASSKEY_NAME_LIMIT: Final = 64
_UNKNOWN_MODEL = "Passkey"
# The ids that the makers of these have published. It is a name to recognise, never evidence.
_MODELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
        "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
        "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
        "771b48fd-d3d4-4f74-9232-fc157ab0507a": "Edge on Mac",
        "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
        "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
        "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
        "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
        "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
        "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
    }
)


def name_passkey(raw: str | None, *, aaguid: str) -> str:
    """What the person calls it, up to 64 characters; else what its model is called. `Invalid` for
    control characters and for more.
    """
    given = parse_name(raw or "", limit=PASSKEY_NAME_LIMIT)
    return given or _MODELS.get(aaguid, _UNKNOWN_MODEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysIn:
    """By what one person gets into their account, once something is gone. A mail that sets a
    password helps who has lost one of them; nobody gives up the last and counts on that.
    """

    has_password: bool
    passkeys: int
    identities: int

    def require_one(self) -> None:
        """Raise `LastCredential` when none is left (attacks W09, O13)."""
        if not (self.has_password or self.passkeys or self.identities):
            raise LastCredential
