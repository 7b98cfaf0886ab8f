"""Is my picture current? Every commit that changes one is called out, and heard on a connection of
its own; how long that may be believed is a lease.

Invariant: whatever was committed before the start of the last answered heartbeat has been heard,
for a connection delivers in order, and a commit is called out before it is acknowledged. So news is
complete up to that moment, and nobody is believed for longer than the bound after it.

Every node can be asked, on another channel, whether it has heard what was committed before; it
answers with its next heartbeat (see `nodes`).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.driver import FAILURES, Connection, connect
from watchword.adapters.sql.postgres.nodes import (
    BEAT,
    ENTER,
    LEAVE,
    STRIKE,
    ByDatabase,
    Confirmations,
    Node,
)
from watchword.adapters.sql.postgres.transactions import CHANNEL
from watchword.adapters.sql.statements import Row
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Randomness, Topic

_MOST: Final = 10_000
_BEATS: Final = 4  # in a bound
_QUESTIONS: Final = "watchword_questions"
_PROBE: Final = "probe"
_CALL_OUT: Final = f"SELECT pg_notify('{CHANNEL}', $1)"
_WHO: Final = "SELECT pg_backend_pid()"
_CONNECT_WITHIN: Final[Span] = 3 * SECOND // 2
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds
_LEAVE_WITHIN: Final = 1.0  # seconds
_FAILED: Final[tuple[type[Exception], ...]] = (*FAILURES, StoreFailed)
_NEVER: Final = float("-inf")


class PostgresRevocations:
    """``sender`` names this process in what it calls out. ``lost`` is told when the server cannot
    be heard any more. Where it is strict, `announce` waits until every node has confirmed.

    Listening begins with the first question, on the event loop that asks it.
    """

    def __init__(
        self,
        address: Address,
        nodes: ByDatabase,
        *,
        sender: str,
        randomness: Randomness,
        lost: Callable[[], None],
    ) -> None:
        self._address = address
        self._sender = sender
        self._bound = nodes.bound / SECOND
        self._monotonic = nodes.monotonic
        self._randomness = randomness
        self._lost = lost
        self._heard: list[Change] = []
        self._missed = True
        self._good_until = _NEVER
        self._fresh = asyncio.Event()
        self._probed = asyncio.Event()
        self._turn = asyncio.Event()
        self._leaving = asyncio.Event()
        self._entries = 0
        self._name = ""
        self._to_answer: dict[str, str] = {}
        self._confirmations = Confirmations(
            self._bound, monotonic=nodes.monotonic, call=self._turn.set
        )
        self._is_strict = nodes.is_strict
        self._task: asyncio.Task[None] | None = None

    def news(self) -> Sequence[Change] | None:
        """No input or output: what has been heard so far, as long as that is all there was."""
        if self._task is None:
            self._start()
        if self._monotonic() >= self._good_until:
            self._heard = []
            return None
        if self._missed:
            self._missed = False
            self._heard = []
            return None
        if not self._heard:
            return ()
        heard, self._heard = self._heard, []
        return heard

    async def announce(self, changes: Sequence[Change]) -> None:
        """What this very process commits, or may have committed: known before it is answered. The
        others are called by the commit itself, and where it is strict, waited for.
        """
        if self._task is not None:
            self._note(changes)
        if self._is_strict:
            if self._task is None:
                self._start()
            await self._confirmations.complete()

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        if self._task is None:
            self._start()
        try:
            async with asyncio.timeout(within / SECOND):
                await self._fresh.wait()
        except TimeoutError:
            raise StoreFailed("Changes on other nodes are not heard: see the manual.") from None

    async def close(self) -> None:
        """Nobody has to wait for this node from here on."""
        if self._task is None:
            return
        self._leaving.set()
        self._turn.set()
        await asyncio.wait([self._task], timeout=_LEAVE_WITHIN)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._leaving.is_set():
            try:
                await self._follow()
            except _FAILED:
                pass  # whatever it was, the next attempt is the answer to it
            finally:
                self._good_until = _NEVER
            if self._fresh.is_set():
                pause = _SHORTEST_PAUSE
                self._fresh.clear()
                self._lost()
            # Nodes that lost the same server do not come back to it in step.
            some = pause * (1 + self._randomness.bytes(1)[0] / 255) / 2
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), some)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Until the connection ends, or we leave. Raise one of `FAILURES`, `StoreFailed`."""
        async with asyncio.timeout(_CONNECT_WITHIN / SECOND):
            connection = await connect(self._address)
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: self._end(ended))
            process = (await connection.fetch(_WHO, timeout=self._bound))[0][0]
            await connection.add_listener(CHANNEL, self._hear)
            await connection.add_listener(_QUESTIONS, self._hear_question)
            await connection.add_listener(_answers_to(self._sender), self._hear_answer)
            self._missed = True
            await self._prove()
            if self._leaving.is_set():
                return
            await self._enter(connection)
            while not (ended.is_set() or self._leaving.is_set()):
                await self._beat(connection, process)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._turn.wait(), self._bound / _BEATS)
            if self._leaving.is_set():
                self._good_until = _NEVER
                await connection.fetch(LEAVE, *self._calls(), self._name, timeout=self._bound)
        finally:
            connection.terminate()

    def _end(self, ended: asyncio.Event) -> None:
        """The server has hung up: nothing is heard from here on."""
        self._good_until = _NEVER
        ended.set()
        self._turn.set()

    async def _enter(self, connection: Connection) -> None:
        """Under a new name: whoever was struck out under a former one is so for good."""
        self._entries += 1
        former, self._name = self._name, f"{self._sender}.{self._entries}"
        bound = int(self._bound * SECOND)
        await connection.fetch(ENTER, self._name, former, bound, timeout=self._bound)

    async def _beat(self, connection: Connection, process: object) -> None:
        """Ask who is there, ask and answer what is to be, and go on believing."""
        self._turn.clear()
        asked = self._confirmations.question
        calls = self._calls()
        started = self._monotonic()
        rows = await connection.fetch(BEAT, *calls, timeout=self._bound)
        if rows[0][0] != process:
            raise StoreFailed("A pooler stands between: changes are not heard through it.")
        nodes = {str(row[2]): row for row in rows}
        own = nodes.pop(self._name, None)
        self._confirmations.look([_node_of(row) for row in nodes.values() if row[2]], asked=asked)
        silent, gone = self._confirmations.to_strike()
        if silent or gone:
            await connection.fetch(STRIKE, silent, gone, timeout=self._bound)
        if own is None or own[4]:
            raise StoreFailed("Others have taken this node for dead.")
        self._good_until = started + self._bound
        self._fresh.set()

    def _calls(self) -> tuple[Sequence[str], Sequence[str]]:
        """To whom, and what: the question that others are to answer, and what others asked us."""
        answers, self._to_answer = self._to_answer, {}
        channels = [_answers_to(asker) for asker in answers]
        told = [f"{self._name} {number}" for number in answers.values()]
        if (question := self._confirmations.question) is not None:
            channels.append(_QUESTIONS)
            told.append(f"{self._sender} {question}")
        return channels, told

    async def _prove(self) -> None:
        """What another connection calls out is heard on this one: through a pooler that shares
        server processes it is not, although everything else looks well.
        """
        self._probed.clear()
        caller = await connect(self._address)
        try:
            await caller.fetch(_CALL_OUT, f"{self._sender} {_PROBE} ", timeout=self._bound)
            async with asyncio.timeout(self._bound):
                await self._probed.wait()
        finally:
            caller.terminate()

    def _hear(self, _: object, __: int, ___: str, payload: str) -> None:
        sender, _, told = payload.partition(" ")
        topic, _, subject = told.partition(" ")
        if sender == self._sender:
            if topic == _PROBE:
                self._probed.set()
            return  # `announce` was told of it
        if topic == _PROBE:
            return
        try:
            self._note([Change(Topic(topic), subject)])
        except ValueError:
            self._missed = True  # a newer version's: what it means is not known

    def _hear_question(self, _: object, __: int, ___: str, payload: str) -> None:
        """What was committed before it was asked has been heard: this connection is in order."""
        asker, _, number = payload.partition(" ")
        if asker != self._sender:
            self._to_answer[asker] = number
            self._turn.set()

    def _hear_answer(self, _: object, __: int, ___: str, payload: str) -> None:
        name, _, number = payload.partition(" ")
        if number.isdecimal():
            self._confirmations.hear(name, int(number))

    def _note(self, changes: Sequence[Change]) -> None:
        if len(self._heard) + len(changes) > _MOST:
            self._missed = True
            self._heard = []
        else:
            self._heard.extend(changes)


def _answers_to(asker: str) -> str:
    """The channel on which ``asker`` listens."""
    return f"watchword_to_{asker}"


def _node_of(row: Row) -> Node:
    return Node(str(row[2]), int(row[3] or 0) / SECOND, bool(row[4]))
