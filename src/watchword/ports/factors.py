"""Second factors: what is kept of them, and each use of one as a single conditional step."""

from collections.abc import Sequence
from typing import Protocol

from watchword.domain.factors import Totp
from watchword.domain.sessions import Session
from watchword.domain.time import Instant


class TotpFactors(Protocol):
    """One app for each user. While it is confirmed, the account's ``mfa_enabled`` is true."""

    async def propose(self, totp: Totp) -> bool:
        """Replaces one that was never confirmed; False when one is confirmed."""
        ...

    async def find(self, user_id: str) -> Totp | None: ...

    async def confirm(self, totp: Totp, *, step: int, now: Instant, shown_in: Session) -> bool:
        """``step`` is burnt with it, and the stored session has the methods of ``shown_in`` from
        now on. False when it was confirmed, replaced or removed meanwhile.
        """
        ...

    async def burn(self, user_id: str, step: int) -> bool:
        """False unless one is confirmed, and neither ``step`` nor a later one was burnt (B10)."""
        ...

    async def list_after(self, user_id: str, *, at_most: int) -> Sequence[Totp]:
        """By user id, from the one behind ``user_id`` on; confirmed or not."""
        ...

    async def reseal(self, totp: Totp, sealed_secret: bytes) -> None:
        """The same secret under another key, unless it was replaced meanwhile."""
        ...

    async def remove(self, user_id: str) -> bool:
        """With the recovery codes. False when none was confirmed."""
        ...


class RecoveryCodes(Protocol):
    """By SHA-256 of each code (`watchword.crypto.recovery_codes`)."""

    async def replace(self, user_id: str, hashes: Sequence[bytes]) -> None: ...

    async def consume(self, user_id: str, code_hash: bytes) -> bool:
        """True once for each code (attack B11)."""
        ...

    async def count(self, user_id: str) -> int: ...
