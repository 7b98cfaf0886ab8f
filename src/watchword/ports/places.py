"""Where addresses are, by a database on this machine: nobody else is asked about an address."""

from enum import Enum
from typing import Protocol

from watchword.domain.places import Place
from watchword.domain.time import Instant


class Places(Protocol):
    def find(self, ip: str) -> Place | None:
        """In microseconds, and it never raises. None: nothing is known of this address."""
        ...


class PlaceDatabase(Places, Protocol):
    async def look(self) -> None:
        """Take over what has been put in the place of the database in use. One that cannot be used
        changes nothing, and is told of once.
        """
        ...


class Fetched(Enum):
    """What came of asking for a newer database."""

    NEWER = "newer"
    SAME = "same"
    ELSEWHERE = "elsewhere"  # another process of this machine is at it


class PlaceSource(Protocol):
    """Where newer databases come from. The processes of one machine share what it knows."""

    async def due_at(self) -> Instant:
        """When to ask again; long ago as long as nobody has."""
        ...

    async def postpone(self, until: Instant) -> None: ...

    async def fetch(self) -> Fetched:
        """Put a newer database in the place of the one there is: whole, or not at all, however it
        ends. Raise `FetchFailed` or `FetchRefused`.
        """
        ...
