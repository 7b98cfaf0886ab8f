"""How nodes tell each other of what they have changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from watchword.domain.time import Span
from watchword.ports import Change, Recorded, Revocations


@dataclass(frozen=True, slots=True)
class Noting:
    """The statement that keeps a change: of ``$1`` to ``$4`` (at, topic, subject, proof) and what
    is in ``more``. It returns the number and the time that are kept.
    """

    sql: str
    more: Sequence[str] = ()


class Channel(Revocations, Protocol):
    @property
    def noting(self) -> Noting: ...

    async def announce(self, changes: Sequence[Recorded], again: Sequence[Change] = ()) -> None:
        """Of what is committed; whoever has made it is answered after this. ``again`` is what
        others have committed, who tell of it themselves.
        """
        ...

    async def doubt(self, changes: Sequence[Change]) -> None:
        """Of what may be committed, now or later: nobody knows."""
        ...

    async def catch_up(self) -> None:
        """Return when the subscriptions have everything that was committed before, or are over.
        Raise `StoreFailed` when that takes longer than the bound.
        """
        ...

    async def ready(self, within: Span) -> None:
        """Return when others are heard. Raise `StoreFailed` if they are not in ``within`` ms."""
        ...

    async def close(self) -> None: ...
