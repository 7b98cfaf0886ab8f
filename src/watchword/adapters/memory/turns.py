"""One transaction at a time, each by one task."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from watchword.domain.errors import Unavailable


class Turns:
    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._is_closed = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raise `RuntimeError` in a task that has its turn already: it would wait for itself."""
        task = asyncio.current_task()
        if self._owner is not None and self._owner is task:
            raise RuntimeError("A task cannot wait for a transaction that it is in itself.")
        async with self._lock:
            self.require_open()
            self._owner = task
            try:
                yield
            finally:
                self._owner = None

    def require_open(self) -> None:
        if self._is_closed:
            raise Unavailable

    async def close(self) -> None:
        async with self._lock:
            self._is_closed = True
