"""One writer, many transactions in one commit.

The statements of a transaction run in place, on the event loop (microseconds each); the commit,
which waits for the disk, runs on a thread of its own. Transactions that arrive while a commit is
under way share the next one. An answer goes out only after the commit that holds its change.

Invariant: the connection is used by the event loop or by the commit thread, never by both; a
transaction's statements are never mixed with another's.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from time import perf_counter
from types import TracebackType
from typing import Generic, TypeVar

from watchword.adapters.sql.failures import Observe, StoreFailed
from watchword.adapters.sql.sqlite.connections import explain
from watchword.adapters.sql.sqlite.errands import Errands, tell
from watchword.adapters.sql.sqlite.gathering import Gathering
from watchword.adapters.sql.sqlite.lock import ask_for_lock
from watchword.adapters.sql.sqlite.savepoint import ROLLED_BACK, Savepoint
from watchword.domain.time import Span

Given = TypeVar("Given")
_LONGEST_GROUP = 0.003  # seconds


class _State(Enum):
    IDLE = "idle"
    OPENING = "opening"
    OPEN = "open"
    COMMITTING = "committing"


class GroupCommit:
    """Gives turns on the write connection and commits them together.

    ``lock_wait``: how many milliseconds to wait for another process that is writing.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, lock_wait: Span, observe: Observe
    ) -> None:
        self.connection = connection
        self._tell_observer = observe
        self.is_failing = False
        self._lock_wait = lock_wait
        self._state = _State.IDLE
        self._is_closed = False
        self._is_taken = False
        self._owner: asyncio.Task[object] | None = None
        self._commit_is_due = False
        self._turns = 0
        self._turns_before = 0
        self._open_until = 0.0
        self._waiting: list[asyncio.Future[None]] = []
        self._gathering = Gathering()
        self._unanswered: list[asyncio.Future[None]] = []
        self._write_down: Callable[[], None] = _nothing
        self._forget: Callable[[], None] = _nothing
        self._errands = Errands("watchword-commit")

    def at_the_end(self, write_down: Callable[[], None], forget: Callable[[], None]) -> None:
        """What was held back in a transaction is written down before its commit, and forgotten
        with its end. ``write_down`` may raise `StoreFailed`: it is for counters.
        """
        self._write_down, self._forget = write_down, forget

    def turn(self, given: Given, *, durable: bool = True, stays: bool = False) -> "Turn[Given]":
        """A transaction; its block is given ``given``.

        With ``durable`` false, leaving it does not wait for the commit, unless the last one
        failed: for counters, of which a few may be lost when the power goes or a disk fills up.
        What a block has done ``stays`` when it raises: for one statement, which SQLite undoes by
        itself, and for several that do no harm half done.
        """
        return Turn(self, given, durable=durable, stays=stays)

    def savepoint(self) -> "Savepoint":
        """Within a turn: from here on, what is done is done together or not at all."""
        self._owner = asyncio.current_task()
        return Savepoint(self.connection)

    async def gather(self, within: Span) -> None:
        """Return when a transaction has been opened, or in ``within`` ms: a turn that comes then
        shares the commit of whoever could not wait.
        """
        if self._state is not _State.OPEN and not self._is_closed:
            await self._gathering.wait(within)

    async def enter(self) -> None:
        while self._state is not _State.OPEN or self._is_taken:
            if self._owner is not None and self._owner is asyncio.current_task():
                raise RuntimeError("A task cannot wait for a transaction that it is in itself.")
            if self._state is _State.IDLE:
                self._open()
            else:
                await self._change_of_state()
        self._is_taken = True
        self._turns += 1

    def leave(self, *, durable: bool) -> "asyncio.Future[None] | None":
        """The answer to wait for, when one was asked for."""
        self._is_taken = False
        self._owner = None
        if self._commit_is_due:
            self._commit_is_due = False
            asyncio.get_running_loop().call_soon(self._commit)
        answer = None
        if durable:
            answer = asyncio.get_running_loop().create_future()
            self._unanswered.append(answer)
        if not self.connection.in_transaction:
            self._abandon()
        return answer

    async def close(self) -> None:
        """Finish what was begun, refuse what waits, then let go of the connection."""
        if self._is_closed:
            return
        self._is_closed = True
        self._gathering.end()
        while self._state is not _State.IDLE:
            with suppress(StoreFailed):
                await self._change_of_state()
        await self._errands.end()
        self.connection.close()

    def _open(self) -> None:
        """Begin in place; if another process is writing, wait for it off the loop."""
        if self._is_closed:
            raise StoreFailed("The store is closed.")
        loop = asyncio.get_running_loop()
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            self._state = _State.OPENING
            self._errands.put(lambda: self._begin_patiently(loop))
        else:
            self._opened(loop)

    def _opened(self, loop: asyncio.AbstractEventLoop) -> None:
        self._state = _State.OPEN
        self._open_until = loop.time() + _LONGEST_GROUP
        self._wake()
        self._gathering.end()
        loop.call_soon(self._commit)

    async def _change_of_state(self) -> None:
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change

    def _wake(self, failure: StoreFailed | None = None) -> None:
        waiting, self._waiting = self._waiting, []
        _settle(waiting, failure)

    def _commit(self) -> None:
        """Runs once a round of the loop has brought nobody new: while there is other work, a
        commit is better shared by more, but nobody waits for others longer than a moment.
        """
        if self._state is not _State.OPEN:
            return
        if self._is_taken:
            self._commit_is_due = True
            return
        loop = asyncio.get_running_loop()
        if self._turns != self._turns_before and loop.time() < self._open_until:
            self._turns_before = self._turns
            loop.call_soon(self._commit)
            return
        with suppress(StoreFailed):
            self._write_down()
        self._forget()
        if not self.connection.in_transaction:
            self._abandon()
            return
        self._state = _State.COMMITTING
        batch, self._unanswered = self._unanswered, []
        self._errands.put(lambda: self._commit_on_thread(loop, batch))

    def _committed(self, batch: list["asyncio.Future[None]"], failure: StoreFailed | None) -> None:
        self.is_failing = failure is not None
        _settle(batch, failure)
        self._state = _State.IDLE
        self._wake()

    def _abandon(self) -> None:
        """A failed statement took the whole transaction with it (a full disk does): everybody
        whose change was in it is told so.
        """
        self._forget()
        batch, self._unanswered = self._unanswered, []
        self._committed(batch, StoreFailed(ROLLED_BACK))

    def _observe(self, operation: str, seconds: float) -> None:
        """Figures may fail to be kept (a full disk); the writer goes on."""
        with suppress(Exception):
            self._tell_observer(operation, seconds)

    def _begin_patiently(self, loop: asyncio.AbstractEventLoop) -> None:
        started = perf_counter()
        try:
            failure = ask_for_lock(self.connection, self._lock_wait)
            self.connection.execute("PRAGMA busy_timeout = 0")
        except sqlite3.Error as error:
            failure = explain(error)
        tell(loop, lambda: self._begun(failure))
        self._observe("lock", perf_counter() - started)

    def _begun(self, failure: StoreFailed | None) -> None:
        if failure is None:
            self._opened(asyncio.get_running_loop())
        else:
            self._state = _State.IDLE
            self._wake(failure)

    def _commit_on_thread(
        self, loop: asyncio.AbstractEventLoop, batch: list["asyncio.Future[None]"]
    ) -> None:
        failure: StoreFailed | None = None
        started = perf_counter()
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            failure = explain(error)
            with suppress(sqlite3.Error):  # it may have been rolled back already
                self.connection.execute("ROLLBACK")
        tell(loop, lambda: self._committed(batch, failure))
        self._observe("commit", perf_counter() - started)


def _nothing() -> None: ...


def _settle(futures: list["asyncio.Future[None]"], failure: StoreFailed | None) -> None:
    """Each gets an exception of its own: one that is raised twice gathers both tracebacks."""
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(StoreFailed(failure.remedy))


class Turn(Generic[Given]):
    """One transaction on the write connection. When its block raises it is rolled back alone, by
    its savepoint; where what was done ``stays`` there is none.
    """

    __slots__ = ("_durable", "_given", "_savepoint", "_stays", "_writer")

    def __init__(self, writer: GroupCommit, given: Given, *, durable: bool, stays: bool) -> None:
        self._writer = writer
        self._given = given
        self._durable = durable
        self._stays = stays
        self._savepoint: Savepoint | None = None

    async def __aenter__(self) -> Given:
        await self._writer.enter()
        if not self._stays:
            try:
                self._savepoint = self._writer.savepoint()
            except StoreFailed:
                self._writer.leave(durable=False)
                raise
        return self._given

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        writer = self._writer
        reason = self._end(undo=kind is not None)
        is_awaited = self._durable or writer.is_failing
        answer = writer.leave(durable=is_awaited and kind is None and reason is None)
        if reason is not None and error is None:
            raise reason
        if answer is not None:
            await answer

    def _end(self, *, undo: bool) -> StoreFailed | None:
        if self._savepoint is not None:
            return self._savepoint.end(undo=undo)
        return None if self._writer.connection.in_transaction else StoreFailed(ROLLED_BACK)
