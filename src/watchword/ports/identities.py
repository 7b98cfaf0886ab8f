"""Which accounts elsewhere lead to which accounts here."""

from collections.abc import Sequence
from typing import Protocol

from watchword.domain.identities import LinkedIdentity
from watchword.domain.time import Instant


class Identities(Protocol):
    async def find(self, issuer: str, subject: str) -> LinkedIdentity | None: ...

    async def list_of(self, user_id: str) -> Sequence[LinkedIdentity]:
        """Oldest first."""
        ...

    async def link(self, identity: LinkedIdentity) -> None:
        """Raise `Conflict` when this issuer and subject lead to an account already."""
        ...

    async def note_use(self, identity: LinkedIdentity, address: str, *, now: Instant) -> None:
        """It was signed in with; ``address`` is what the provider calls its person now."""
        ...

    async def unlink(self, identity: LinkedIdentity) -> bool:
        """False when it does not lead to that account any more."""
        ...

    async def unlink_unproven(self, user_id: str) -> Sequence[LinkedIdentity]:
        """Those that were linked while nobody had shown that the address is theirs, which may have
        been somebody else than its owner (attack O08).
        """
        ...
