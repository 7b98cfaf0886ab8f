"""Threads that only hash, behind a bounded queue: what cannot start in time is refused unstarted.

A waiting entry holds a callable and nothing else, so at most ``threads`` hashes hold their memory
at once (attack X01). The event loop never waits for a hash, and refuses without asking a thread.
"""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, Final, Generic, Protocol, TypeVar

from watchword.domain.errors import Busy
from watchword.domain.time import SECOND, Span

T = TypeVar("T")

_NICENESS: Final = 10


class PoolObserver(Protocol):
    """Told on the event loop's thread, before the caller goes on."""

    def waited(self, seconds: float) -> None:
        """A piece of work got its thread after this long in the queue."""
        ...

    def refused(self) -> None:
        """A piece of work was never started: no place, or no thread before the deadline."""
        ...


def cores() -> int:
    """How many cores this process may use."""
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return count


class HashingPool:
    """Runs ``threads`` pieces of work at once and keeps at most ``queue_limit`` more waiting.

    ``deadline`` is how long one may wait, in milliseconds by the event loop's own clock (a wait,
    not a moment of the domain's time). Starts its threads when made; `close` ends them.
    """

    def __init__(
        self,
        *,
        queue_limit: int,
        deadline: Span,
        observer: PoolObserver,
        threads: int | None = None,
    ) -> None:
        count = cores() if threads is None else threads
        if count < 1 or queue_limit < 0 or deadline < 1:
            raise ValueError("A pool needs a thread, a limit of 0 or more, and time to wait.")
        self._places = count + queue_limit
        self._deadline = deadline
        self._observer = observer
        self._waiting: deque[_Work[Any]] = deque()
        self._running = 0
        self._closed = False
        self._changed = threading.Condition(threading.Lock())
        self._threads = [
            threading.Thread(target=self._serve, name=f"hashing-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def depth(self) -> int:
        """How many wait for a thread now."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many have a thread now."""
        return self._running

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, on a thread of the pool.

        Raise `Busy` at once when every place is taken, and at the deadline when no thread was free
        until then; in both cases ``work`` is never started. A caller that is cancelled while it
        waits gives its place back.
        """
        loop = asyncio.get_running_loop()
        entry = _Work(work, loop)
        if not self._admit(entry):
            self._observer.refused()
            raise self._busy()
        expiry = loop.call_later(self._deadline / SECOND, self._expire, entry)
        try:
            result = await entry.answer
        finally:
            expiry.cancel()
            if entry.waited is None:
                self._withdraw(entry)
            else:
                self._observer.waited(entry.waited)
        return result

    def close(self) -> None:
        """Refuse what waits and all that comes, let what runs finish, and join the threads."""
        with self._changed:
            self._closed = True
            unstarted = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for entry in unstarted:
            entry.hand_over(self._refuse, entry)
        for thread in self._threads:
            thread.join()

    def _admit(self, entry: "_Work[Any]") -> bool:
        with self._changed:
            if self._closed or len(self._waiting) + self._running >= self._places:
                return False
            self._waiting.append(entry)
            self._changed.notify()
            return True

    def _withdraw(self, entry: "_Work[Any]") -> bool:
        """False when it waits no more."""
        with self._changed:
            try:
                self._waiting.remove(entry)
            except ValueError:
                return False
            return True

    def _expire(self, entry: "_Work[Any]") -> None:
        if self._withdraw(entry):
            self._refuse(entry)

    def _refuse(self, entry: "_Work[Any]") -> None:
        if not entry.answer.done():
            self._observer.refused()
            entry.answer.set_exception(self._busy())

    def _busy(self) -> Busy:
        return Busy(retry_after=max(self._deadline, SECOND))

    # What follows runs on the pool's threads. It holds the interpreter's lock as briefly as it
    # can: everything that can be prepared is prepared before `run`.

    def _serve(self) -> None:
        _step_back()
        while (entry := self._take()) is not None:
            try:
                result = entry.work()
            except BaseException as error:  # noqa: BLE001  whatever it is, somebody awaits it
                self._leave()
                entry.hand_over(entry.fail, error)
            else:
                self._leave()
                entry.hand_over(entry.settle, result)
                del result
            del entry  # a password must not live on here until the next piece of work

    def _take(self) -> "_Work[Any] | None":
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            self._running += 1
            entry = self._waiting.popleft()
        entry.started()
        return entry

    def _leave(self) -> None:
        """Give the place back before the answer goes out: who hears of it may come again."""
        with self._changed:
            self._running -= 1


class _Work(Generic[T]):
    """One piece of work and the caller who awaits it."""

    __slots__ = ("_came", "_loop", "answer", "waited", "work")

    def __init__(self, work: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.answer: asyncio.Future[T] = loop.create_future()
        self.waited: float | None = None
        self._loop = loop
        self._came = perf_counter()

    def started(self) -> None:
        self.waited = perf_counter() - self._came

    def hand_over(self, act: Callable[..., None], *arguments: object) -> None:
        """Do something on the caller's loop. A loop that is closed has nobody waiting."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act, *arguments)

    def settle(self, result: T) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def _step_back() -> None:
    """Let the event loop go first: on Linux a priority belongs to the thread, elsewhere not."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it; hashing then merely competes
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
