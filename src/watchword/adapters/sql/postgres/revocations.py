"""Is my picture current? Every commit that changes one is called out, and heard on a connection of
its own; how long that may be believed is a lease. Whoever follows what is revoked is told as well.

Invariant: whatever was committed before the start of the last answered heartbeat has been heard,
for a connection delivers in order, and a commit is called out before it is acknowledged. So news is
complete up to that moment, and nobody is believed for longer than the bound after it.

One loop of heartbeats does it all: each renews the lease, ends the wait of whoever catches up, and
carries what this node asks others and answers them (see `membership`).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.beats import Beats, Connections
from watchword.adapters.sql.postgres.calls import (
    CALL_OUT,
    CHANNEL,
    NOTE_AND_CALL_OUT,
    CallUnknown,
    Probe,
    read_call,
)
from watchword.adapters.sql.postgres.channel import Noting
from watchword.adapters.sql.postgres.driver import Connection, connect
from watchword.adapters.sql.postgres.membership import Membership
from watchword.adapters.sql.postgres.nodes import ByDatabase
from watchword.adapters.sql.subscriptions import Subscriptions
from watchword.domain.time import Span
from watchword.ports import Change, Randomness, Recorded

_NAME_BYTES: Final = 8
_WHO: Final = "SELECT pg_backend_pid()"


class PostgresRevocations:
    """``others`` are the connections that share the server's fate; ``subscriptions`` are given all
    that is heard, and end when something may have been missed. ``sender`` names this process in
    what it calls out. Where it is strict, `announce` waits until every node has confirmed.

    Listening begins with the first question, on the event loop that asks it.
    """

    def __init__(
        self,
        address: Address,
        nodes: ByDatabase,
        subscriptions: Subscriptions,
        *,
        randomness: Randomness,
        others: Connections,
    ) -> None:
        self._address = address
        self.sender = randomness.bytes(_NAME_BYTES).hex()
        self.noting = Noting(NOTE_AND_CALL_OUT, [self.sender])
        self._is_strict = nodes.is_strict
        self._subscriptions = subscriptions
        self._has_doubted = False
        self._probed = asyncio.Event()
        self._beats = Beats(
            address,
            nodes,
            subscriptions,
            randomness=randomness,
            others=others,
            follow=self._follow,
        )
        self._membership = Membership(self.sender, nodes, call=self._beats.want)

    def news(self) -> Sequence[Change] | None:
        """No input or output: what has been heard so far, as long as that is all there was."""
        return self._beats.news()

    async def announce(self, changes: Sequence[Recorded], again: Sequence[Change] = ()) -> None:
        """What this very process commits: known before it is answered. The others are called by
        the commit itself, and where it is strict, waited for.
        """
        await self._tell([*(recorded.change for recorded in changes), *again])

    async def doubt(self, changes: Sequence[Change]) -> None:
        """As `announce`, of a commit whose outcome is not known: it may be carried out after this,
        so from here on this node also listens to itself.
        """
        self._has_doubted = True
        await self._tell(changes)

    async def _tell(self, changes: Sequence[Change]) -> None:
        if self._beats.has_begun:
            self._note(changes)
        if self._is_strict:
            self._beats.begin()
            await self._membership.complete()

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        await self._beats.ready(within)

    async def catch_up(self) -> None:
        """Return when everything is heard that was committed before, or the subscriptions are over.
        Raise `StoreFailed` when that takes longer than the bound.
        """
        await self._beats.catch_up()

    async def close(self) -> None:
        """Nobody has to wait for this node from here on."""
        await self._beats.close()

    async def _follow(self, connection: Connection) -> None:
        """Until the connection ends, or we leave. Raise one of `FAILURES`, `StoreFailed`."""
        beats, membership = self._beats, self._membership
        process = (await connection.fetch(_WHO, timeout=beats.bound))[0][0]
        await connection.add_listener(CHANNEL, self._hear)
        await membership.listen(connection)
        beats.miss()
        await self._prove()
        if beats.is_leaving():
            return
        await membership.enter(connection)
        while beats.goes_on(connection):
            await beats.beat(partial(membership.beat, connection, process))
            await beats.rest()
        if beats.is_leaving():
            beats.stop_believing()
            await membership.leave(connection)

    async def _prove(self) -> None:
        """What another connection calls out is heard on this one: through a pooler that shares
        server processes it is not, although everything else looks well.
        """
        self._probed.clear()
        caller = await connect(self._address)
        try:
            await caller.fetch(CALL_OUT, str(Probe(self.sender)), timeout=self._beats.bound)
            async with asyncio.timeout(self._beats.bound):
                await self._probed.wait()
        finally:
            caller.terminate()

    def _hear(self, _: object, __: int, ___: str, payload: str) -> None:
        try:
            call = read_call(payload)
        except CallUnknown:
            self._beats.miss()
            self._subscriptions.end()
            return
        is_own = call.sender == self.sender
        if isinstance(call, Probe):
            if is_own:
                self._probed.set()
            return
        self._subscriptions.put([call.recorded])
        if not is_own or self._has_doubted:  # else `announce` was told of it
            self._note([call.recorded.change])

    def _note(self, changes: Sequence[Change]) -> None:
        self._beats.note(changes)
