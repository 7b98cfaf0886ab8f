"""Passkeys at rest, and the counter that tells a clone."""

from collections.abc import Sequence
from typing import Protocol

from watchword.crypto.passkeys import PasskeyUse
from watchword.domain.factors import Passkey
from watchword.domain.time import Instant


class Passkeys(Protocol):
    async def insert(self, passkey: Passkey) -> None:
        """Raise `Conflict` when somebody has a passkey with this credential id already (W07)."""
        ...

    async def find(self, credential_id: bytes) -> Passkey | None: ...

    async def list_of(self, user_id: str) -> Sequence[Passkey]:
        """Oldest first."""
        ...

    async def record_use(self, passkey_id: str, use: PasskeyUse, *, now: Instant) -> bool:
        """Count forward (WebAuthn level 3 section 7.2, attack W06). False, and nothing is changed,
        when the count is not higher than the one that is kept, unless both are 0; and for a passkey
        that is gone.
        """
        ...

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        """False when the user has no such passkey."""
        ...

    async def remove(self, user_id: str, passkey_id: str) -> bool:
        """False when the user has no such passkey (any more)."""
        ...
