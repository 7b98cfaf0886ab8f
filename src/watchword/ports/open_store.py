"""A store with all of its ports in one object, as whoever opens and closes it holds it."""

from typing import Protocol

from watchword.ports.machinery import Feed, Housekeeping, Limits, Lockouts, Revocations
from watchword.ports.store import Store


class OpenStore(Store, Housekeeping, Protocol):
    """A product may keep all of these promises; another can take over the counters and the news,
    which is why they are ports of their own.
    """

    @property
    def limits(self) -> Limits: ...
    @property
    def lockouts(self) -> Lockouts: ...
    @property
    def revocations(self) -> Revocations: ...
    @property
    def feed(self) -> Feed: ...

    async def close(self) -> None:
        """Finish what was begun, refuse what waits, and let go of every connection."""
        ...
