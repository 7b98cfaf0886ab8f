"""An account elsewhere by which somebody gets into an account here.

Invariant: issuer and subject name it, and it leads to one account here (ASVS 6.8.1, 10.5.2).
"""

from dataclasses import dataclass
from typing import Final

from watchword.crypto.opaque import hash_of, to_text
from watchword.domain.federation import Identity
from watchword.domain.time import Instant

# Not of RFC 8176: what the provider asked its person for is its own affair, so its word that there
# were several factors makes no session here count as one of several (ASVS 6.8.4).
FEDERATED: Final = ("fed",)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedIdentity:
    """``provider`` is the id that it came by, ``address`` what that said last, empty if nothing.
    ``address_proven``: the account's own address was verified when this was linked.
    """

    issuer: str
    subject: str
    user_id: str
    provider: str
    address: str
    address_proven: bool
    created_at: Instant
    last_used_at: Instant

    @property
    def id(self) -> str:
        """As its owner sees it; a subject is nobody else's business."""
        return to_text(hash_of(f"{self.issuer}\0{self.subject}".encode()))

    def __repr__(self) -> str:
        return f"LinkedIdentity(provider={self.provider!r}, user_id={self.user_id!r})"


def shown_address(identity: Identity) -> str:
    return "" if identity.email is None else identity.email.text
