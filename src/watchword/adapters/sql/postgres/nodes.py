"""Which nodes there are, and what each has confirmed.

Whoever may believe in pictures stands in the table ``nodes``. A node enters itself before its first
lease, and a beat makes its lease longer only if it finds the node there still. Whoever does not
answer for as long as a lease is marked, and struck out when each lease from before the mark has
ended; it goes on by entering itself anew, under another name. So a change concerns the nodes that
are found after its commit, and no others: who comes later has read what was committed.

Invariant: a change is confirmed once each of them has said that it heard of it, or cannot have a
lease from before it any more, by our own clock.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from watchword.domain.time import SECOND, Span

# Several at once may find the same node dead: it is left to the first, and nobody waits.
ENTER: Final = """
WITH former AS (DELETE FROM nodes WHERE name = $2),
dead AS (UPDATE nodes SET is_leaving = 1 WHERE name IN (
    SELECT name FROM nodes
    WHERE is_leaving = 0 AND name <> $2 AND backend NOT IN (SELECT pid FROM pg_stat_activity)
    FOR UPDATE SKIP LOCKED))
INSERT INTO nodes (name, backend, bound, is_leaving) VALUES ($1, pg_backend_pid(), $3, 0)
RETURNING backend
"""
# The table is read as it was before anything of this is called out.
BEAT: Final = """
WITH called AS MATERIALIZED (
    SELECT count(pg_notify(channel, told)) AS calls
    FROM unnest($1::text[], $2::text[]) AS call (channel, told))
SELECT pg_backend_pid(), calls, name, bound, is_leaving FROM called LEFT JOIN nodes ON true
"""
STRIKE: Final = """
WITH silent AS (UPDATE nodes SET is_leaving = 1 WHERE name IN (
    SELECT name FROM nodes WHERE name = ANY ($1::text[]) FOR UPDATE SKIP LOCKED))
DELETE FROM nodes WHERE name IN (
    SELECT name FROM nodes WHERE name = ANY ($2::text[]) FOR UPDATE SKIP LOCKED)
"""
LEAVE: Final = """
WITH gone AS (DELETE FROM nodes WHERE name = $3)
SELECT count(pg_notify(channel, told)) FROM unnest($1::text[], $2::text[]) AS call (channel, told)
"""
# Two clocks that nobody sets differ by less than this, of a lease.
_DRIFT: Final = 1.01


@dataclass(frozen=True, slots=True)
class ByDatabase:
    """The database itself calls changes out. ``monotonic`` counts seconds and goes on while the
    machine sleeps; ``bound``: how many ms after its commit a change on another node may go unseen,
    whatever happens to the network. ``is_strict``: whoever changes something is answered only when
    no other node goes on by what was so before.
    """

    monotonic: Callable[[], float]
    bound: Span = SECOND
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """``bound``: how long a lease of it is, in seconds. ``is_leaving``: it gets no new one."""

    name: str
    bound: float
    is_leaving: bool

    @property
    def silence(self) -> float:
        """Seconds after which a lease of it has ended by anybody's clock."""
        return self.bound * _DRIFT


class Confirmations:
    """What the nodes have heard of what this one has changed. ``monotonic`` counts seconds, and
    goes on while the machine sleeps; ``call`` is told when there is something to call out.
    """

    def __init__(
        self, bound: float, *, monotonic: Callable[[], float], call: Callable[[], None]
    ) -> None:
        self._monotonic = monotonic
        self._call = call
        self._longest = bound
        self._newest = self._looked_at = 0
        self._nodes: Sequence[Node] = ()
        self._heard_by: dict[str, int] = {}
        self._leaving_since: dict[str, float] = {}
        self._silent: set[str] = set()
        self._waiting: set[asyncio.Event] = set()

    @property
    def question(self) -> int | None:
        """To be called out with the next beat: have you heard what was committed up to this? None:
        nobody waits for an answer.
        """
        return self._newest if self._waiting else None

    async def complete(self) -> None:
        """Return when all others have heard what is committed by now, or believe no more by what
        they heard before. It takes no longer than the longest lease.
        """
        self._newest += 1
        number, since = self._newest, self._monotonic()
        turned = asyncio.Event()
        self._waiting.add(turned)
        self._call()
        try:
            while (left := self._left(number, since)) > 0:
                turned.clear()
                with suppress(TimeoutError):  # by `timeout`: `wait_for` can lose a cancellation
                    async with asyncio.timeout(left):
                        await turned.wait()
        finally:
            self._waiting.discard(turned)

    def hear(self, name: str, number: int) -> None:
        """``name`` has heard all that was committed before this question was asked."""
        self._heard_by[name] = max(number, self._heard_by.get(name, 0))
        self._turn()

    def look(self, nodes: Sequence[Node], *, asked: int | None) -> None:
        """All others, as they were found at some moment after ``asked``."""
        now = self._monotonic()
        self._nodes = nodes
        self._looked_at = max(self._looked_at, asked or 0)
        self._longest = max(self._longest, *(node.bound for node in nodes), 0)
        names = {node.name for node in nodes}
        self._heard_by = {name: self._heard_by.get(name, 0) for name in names}
        self._leaving_since = {
            node.name: self._leaving_since.get(node.name, now) for node in nodes if node.is_leaving
        }
        self._silent &= names - self._leaving_since.keys()
        self._turn()

    def to_strike(self) -> tuple[Sequence[str], Sequence[str]]:
        """Who is to be marked, and who of the marked cannot have a lease any more."""
        now = self._monotonic()
        over = [
            node.name
            for node in self._nodes
            if now >= self._leaving_since.get(node.name, now) + node.silence
        ]
        return sorted(self._silent), over

    def _turn(self) -> None:
        for turned in self._waiting:
            turned.set()

    def _left(self, number: int, since: float) -> float:
        """How many seconds somebody may believe what was so before ``number``, which was asked
        ``since``.
        """
        now = self._monotonic()
        if self._looked_at < number:
            return since + self._longest * _DRIFT - now
        missing = [node for node in self._nodes if self._heard_by[node.name] < number]
        ends = [
            min(since, self._leaving_since.get(node.name, since)) + node.silence for node in missing
        ]
        left = max(ends, default=now) - now
        if missing and left <= 0:
            self._silent.update(node.name for node in missing if not node.is_leaving)
            self._call()
        return left
