"""Is my picture current, where the database calls nothing out: the newest rows of ``changes`` are
read four times in every bound, and messages tell which numbers to look up meanwhile.

Invariant: whatever was committed before the start of the last answered poll has been noted. What a
message says is looked up before it is believed, and one that is lost costs time and nothing else:
no lease rests on it.

A number is given before the commit, and a row with a lower one may appear later, so nothing is
read on from a number. Every poll asks for all rows of the last two minutes by the database's own
clock, except those that were noted already. A row is committed 85 s after its time at the latest:
five for clocks that differ, 20 until its node gives the transaction up, 30 until the server does
where no commit comes, and 30 for the commit itself.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from watchword.adapters.sql.changes import recorded_of
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.beats import Beats, Connections
from watchword.adapters.sql.postgres.channel import Noting
from watchword.adapters.sql.postgres.driver import Connection
from watchword.adapters.sql.subscriptions import Subscriptions
from watchword.domain.errors import Unavailable
from watchword.domain.time import MINUTE, SECOND, Instant, Span
from watchword.ports import Change, Randomness, Recorded

_LOOK_BACK: Final[Span] = 2 * MINUTE
# Between two polls, by that clock; after more, rows may be out of sight.
_BETWEEN: Final[Span] = 30 * SECOND
# Rows of that time that are kept in mind: four megabytes. With more there is no lease until there
# are fewer.
MOST: Final = 50_000
MOST_TOLD: Final = 1_000  # numbers in one message; a row that is not among them is polled
_LARGEST: Final = 2**63 - 1  # number that a column can hold
_DIGITS: Final = len(str(_LARGEST))

# Times come from nodes, and what is polled is found by them: a clock that is off by more than five
# seconds is put right by the database's, which all of them share.
_NOTE: Final = """
INSERT INTO changes (at, topic, subject, proof)
SELECT LEAST(GREATEST($1::bigint, moment - 5000), moment + 5000), $2, $3, $4::bigint
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS moment) AS told
RETURNING seq, at
"""
_POLL: Final = """
SELECT moment, seq, at, topic, subject, proof
FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS moment) AS told
LEFT JOIN changes ON at >= moment - $1 AND NOT EXISTS (
    SELECT 1 FROM unnest($2::bigint[]) AS noted (number) WHERE noted.number = changes.seq)
ORDER BY seq LIMIT $3
"""
_LOOK_UP: Final = """
SELECT seq, at, topic, subject, proof FROM changes
WHERE seq = ANY ($1::bigint[]) AND at >= (extract(epoch FROM now()) * 1000)::bigint - $2
ORDER BY seq
"""


class Messages(Protocol):
    """From each node to all, itself among them; any may be lost, and none has to be true."""

    async def publish(self, text: str, within: Span) -> None:
        """Raise `Unavailable` when it is not known in ``within`` ms that it went out."""
        ...

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        """Until it is cancelled, whatever fails meanwhile."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ByMessages:
    """Nodes hear of changes by ``messages``, and poll for what those do not tell. ``monotonic`` and
    ``bound`` as of `ByDatabase`.
    """

    messages: Messages
    monotonic: Callable[[], float]
    bound: Span = SECOND


class PolledRevocations:
    """``others`` are the connections that share the server's fate; ``subscriptions`` are given all
    that is noted, each change once, and end when something may have been missed.

    Polling begins with the first question, on the event loop that asks it.
    """

    noting: Final = Noting(_NOTE)

    def __init__(
        self,
        address: Address,
        nodes: ByMessages,
        subscriptions: Subscriptions,
        *,
        randomness: Randomness,
        others: Connections,
    ) -> None:
        self._messages = nodes.messages
        self._publish_within = nodes.bound // 4
        self._subscriptions = subscriptions
        self._noted: dict[int, Instant] = {}
        self._told: set[int] = set()
        self._polled_at: Instant | None = None
        self._beats = Beats(
            address,
            nodes,
            subscriptions,
            randomness=randomness,
            others=others,
            follow=self._follow,
        )

    def news(self) -> Sequence[Change] | None:
        """No input or output: what has been noted so far, as long as that is all there was."""
        return self._beats.news()

    async def announce(self, changes: Sequence[Recorded], again: Sequence[Change] = ()) -> None:
        """What this very process commits is known before it is answered. The others are told by a
        message; when that cannot be sent, the answer goes out all the same, for they poll.
        """
        if self._beats.has_begun:
            self._note(changes)
            self._beats.note(again)
        if not changes:
            return
        text = " ".join(str(recorded.seq) for recorded in changes[:MOST_TOLD])
        with suppress(Unavailable):
            await self._messages.publish(text, self._publish_within)

    async def doubt(self, changes: Sequence[Change]) -> None:
        """It may be committed after this: so it is noted, and noted again when it is found."""
        if self._beats.has_begun:
            self._beats.note(changes)

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        await self._beats.ready(within)

    async def catch_up(self) -> None:
        """Return when a poll is answered that began after this, or the subscriptions are over.
        Raise `StoreFailed` when that takes longer than the bound.
        """
        await self._beats.catch_up()

    async def close(self) -> None:
        await self._beats.close()
        await self._messages.close()

    def hear(self, text: bytes) -> None:
        """Numbers of rows that are committed. What is none is no message of ours."""
        words = text.split(b" ", MOST_TOLD)[:MOST_TOLD]
        numbers = {int(word) for word in words if word.isdigit() and len(word) <= _DIGITS}
        fresh = {number for number in numbers - self._noted.keys() if number <= _LARGEST}
        if fresh and len(self._told) + len(fresh) <= MOST_TOLD:
            self._told |= fresh
            self._beats.wake()

    async def _follow(self, connection: Connection) -> None:
        """Until the connection ends, or we leave. Raise one of `FAILURES`, `StoreFailed`."""
        self._noted.clear()
        self._polled_at = None
        self._beats.miss()
        listening = asyncio.create_task(self._messages.listen(self.hear))
        try:
            await self._beats.beat(partial(self._learn, connection))
            while self._beats.goes_on(connection):
                await self._turn(connection)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _turn(self, connection: Connection) -> None:
        await self._beats.rest()
        if self._told:
            await self._look_up(connection)
        if self._beats.is_due:
            await self._beats.beat(partial(self._poll, connection))

    async def _learn(self, connection: Connection) -> None:
        """What there is already: nobody remembers anything from before it."""
        self._keep_in_mind(await self._ask(connection))

    async def _poll(self, connection: Connection) -> None:
        self._note(await self._ask(connection))

    async def _ask(self, connection: Connection) -> Sequence[Recorded]:
        """All that are not in mind."""
        room = MOST - len(self._noted)
        noted = list(self._noted)
        rows = await connection.fetch(_POLL, _LOOK_BACK, noted, room + 1, timeout=self._beats.bound)
        found = [recorded_of(row[1:]) for row in rows if row[1] is not None]
        if len(found) > room:
            raise StoreFailed("More changes than this node can keep in mind: it asks each time.")
        moment = int(rows[0][0] or 0)
        self._require_in_sight(moment)
        self._forget_before(moment - _LOOK_BACK - _BETWEEN)
        return found

    async def _look_up(self, connection: Connection) -> None:
        told, self._told = sorted(self._told - self._noted.keys()), set()
        rows = await connection.fetch(_LOOK_UP, told, _LOOK_BACK, timeout=self._beats.bound)
        self._note([recorded_of(row) for row in rows])

    def _note(self, changes: Iterable[Recorded]) -> None:
        """What is committed; each once."""
        fresh = [recorded for recorded in changes if recorded.seq not in self._noted]
        self._keep_in_mind(fresh)
        if fresh:
            self._beats.note([recorded.change for recorded in fresh])
            self._subscriptions.put(fresh)

    def _keep_in_mind(self, changes: Iterable[Recorded]) -> None:
        self._noted.update((recorded.seq, recorded.at) for recorded in changes)

    def _forget_before(self, moment: Instant) -> None:
        """In the order in which they were noted, which is that of their times but for seconds."""
        over = []
        for seq, at in self._noted.items():
            if at >= moment:
                break
            over.append(seq)
        for seq in over:
            del self._noted[seq]

    def _require_in_sight(self, moment: Instant) -> None:
        """Raise `StoreFailed` when this node was stopped for too long, or the database's clock was
        set forward: rows may have gone out of sight before they were seen.
        """
        former, self._polled_at = self._polled_at, moment
        if former is not None and moment - former > _BETWEEN:
            raise StoreFailed("The last poll is too long ago: everything is read anew.")
