"""One writer, many transactions in one commit.

The statements of a transaction run in place, on the event loop (microseconds each); the commit,
which waits for the disk, runs on a thread of its own. Transactions that arrive while a commit is
under way share the next one. An answer goes out only after the commit that holds its change.

Invariant: the connection is used by the event loop or by the commit thread, never by both; a
transaction's statements are never mixed with another's.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Generic, TypeVar

from watchword.adapters.sql.sqlite.connections import StoreFailed, explain

_LOCK_WAIT_MS = 5_000
Given = TypeVar("Given")


class _State(Enum):
    IDLE = "idle"
    OPENING = "opening"
    OPEN = "open"
    COMMITTING = "committing"
    CLOSED = "closed"


class GroupCommit:
    """Gives turns on the write connection and commits them together."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.last_failure: StoreFailed | None = None
        self._state = _State.IDLE
        self._inside = False
        self._commit_is_due = False
        self._waiting: list[asyncio.Future[None]] = []
        self._unanswered: list[asyncio.Future[None]] = []
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="watchword-commit", daemon=True)
        self._thread.start()

    def turn(self, given: Given, *, durable: bool = True) -> "Turn[Given]":
        """A transaction; its block is given ``given``. With ``durable`` false, leaving it does not wait for the commit: for
        counters that may be lost with the power, and with nothing less."""
        return Turn(self, given, durable=durable)

    async def enter(self) -> None:
        while self._state is not _State.OPEN or self._inside:
            if self._state is _State.CLOSED:
                raise StoreFailed("The store is closed.")
            if self._state is _State.IDLE:
                self._open()
                continue
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._inside = True

    def leave(self, *, durable: bool) -> "asyncio.Future[None] | None":
        self._inside = False
        if self._commit_is_due:
            self._commit_is_due = False
            asyncio.get_running_loop().call_soon(self._commit)
        answer = None
        if durable:
            answer = asyncio.get_running_loop().create_future()
            self._unanswered.append(answer)
        return answer

    def _open(self) -> None:
        """Begin in place; if another process is writing, wait for it off the loop."""
        loop = asyncio.get_running_loop()
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._state = _State.OPENING
            self._work.put(lambda: self._begin_patiently(loop))
        else:
            self._opened(loop)

    def _opened(self, loop: asyncio.AbstractEventLoop) -> None:
        self._state = _State.OPEN
        self._wake()
        loop.call_soon(self._commit)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)

    def _commit(self) -> None:
        """Runs once everyone who was ready in this round of the loop has had their turn."""
        if self._state is not _State.OPEN:
            return
        loop = asyncio.get_running_loop()
        if self._inside:
            self._commit_is_due = True
            return
        self._state = _State.COMMITTING
        batch, self._unanswered = self._unanswered, []
        self._work.put(lambda: self._commit_on_thread(loop, batch))

    def _committed(self, batch: list["asyncio.Future[None]"], failure: StoreFailed | None) -> None:
        self.last_failure = failure
        for answer in batch:
            if answer.done():
                continue
            if failure is None:
                answer.set_result(None)
            else:
                answer.set_exception(failure)
        if self._state is not _State.CLOSED:
            self._state = _State.IDLE
            self._wake()

    def abandon(self) -> None:
        """A failed statement took the whole transaction with it (a full disk does): everybody
        whose change was in it is told so."""
        batch, self._unanswered = self._unanswered, []
        self._committed(batch, StoreFailed("The transaction was rolled back by a failed write."))

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _begin_patiently(self, loop: asyncio.AbstractEventLoop) -> None:
        failure: StoreFailed | None = None
        try:
            self.connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            failure = explain(error)
        finally:
            self.connection.execute("PRAGMA busy_timeout = 0")
        loop.call_soon_threadsafe(self._begun, failure)

    def _begun(self, failure: StoreFailed | None) -> None:
        if failure is None:
            self._opened(asyncio.get_running_loop())
            return
        self.last_failure = failure
        self._state = _State.IDLE
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_exception(failure)

    def _commit_on_thread(
        self, loop: asyncio.AbstractEventLoop, batch: list["asyncio.Future[None]"]
    ) -> None:
        failure: StoreFailed | None = None
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            failure = explain(error)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        loop.call_soon_threadsafe(self._committed, batch, failure)

    async def close(self) -> None:
        """Finish what was begun, then let go of the connection."""
        while self._state is not _State.IDLE:
            async with self.turn(None):
                pass
        self._state = _State.CLOSED
        self._wake()
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)
        self.connection.close()


class Turn(Generic[Given]):
    """One transaction on the write connection, rolled back alone when its block raises."""

    def __init__(self, writer: GroupCommit, given: Given, *, durable: bool) -> None:
        self._writer = writer
        self._given = given
        self._durable = durable

    async def __aenter__(self) -> Given:
        await self._writer.enter()
        self._writer.connection.execute("SAVEPOINT turn")
        return self._given

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        writer = self._writer
        try:
            if kind is not None and writer.connection.in_transaction:
                writer.connection.execute("ROLLBACK TO turn")
            writer.connection.execute("RELEASE turn")
        except sqlite3.Error as failure:
            kind, reason = type(failure), explain(failure)
        else:
            reason = None
        answer = writer.leave(durable=self._durable and kind is None)
        if not writer.connection.in_transaction:
            writer.abandon()
        if reason is not None and error is None:
            raise reason
        if answer is not None:
            await answer
