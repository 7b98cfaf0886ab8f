"""Where an account's sessions began."""

from collections.abc import Sequence
from typing import Protocol

from watchword.domain.risk import Visit


class Visits(Protocol):
    async def list_visits(self, user_id: str, *, at_most: int) -> Sequence[Visit]:
        """Newest first: of the sessions that nobody has ended, and of those that ended last."""
        ...
