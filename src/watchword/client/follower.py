"""Follows what is revoked, for as long as the service runs, and knows how far it has heard.

Invariant: the lease counts from the moment at which Watchword said that nothing was missing, not
from the one at which we heard it. So words that were late, in a network, a proxy or a process that
was asleep, prolong nothing.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from watchword.client.events import Beat, EventReader, Heard, Hello, Revocation, StreamBroken
from watchword.client.keys import PublishedKeys
from watchword.client.machine import Time
from watchword.client.revoked import Revoked
from watchword.client.source import Source, SourceFailed
from watchword.domain.time import SECOND, Span

_PAUSES: Final = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)  # seconds, after one failure, two, …
_log = logging.getLogger("watchword.client")


class Follower:
    """``bound``: for how many ms after Watchword's last word it is still relied on."""

    def __init__(
        self, source: Source, revoked: Revoked, keys: PublishedKeys, time: Time, *, bound: Span
    ) -> None:
        self._source = source
        self._revoked = revoked
        self._keys = keys
        self._time = time
        self._bound = bound / SECOND
        self._last: int | None = None
        self._good_until: float | None = None
        self._patient_until = 0.0
        self._heard = asyncio.Event()
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def has_lease(self) -> bool:
        """Whether everything that was revoked until ``bound`` ago is known here."""
        return self._good_until is not None and self._time.seconds() < self._good_until

    def start(self) -> None:
        if not self.is_running:
            self._patient_until = self._time.seconds() + self._bound
            self._task = asyncio.create_task(self._run(), name="watchword-follower")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def wait(self) -> None:
        """Until it is known for the first time what is revoked: ``bound`` from the start on."""
        left = self._patient_until - self._time.seconds()
        if self._good_until is None and left > 0:
            with suppress(TimeoutError):  # by `timeout`: `wait_for` can lose a cancellation
                async with asyncio.timeout(left):
                    await self._heard.wait()

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
                _log.debug("the stream of revocations ended and is taken up again")
            except (SourceFailed, StreamBroken) as failure:
                self._fail(failure.reason)
            except Exception as error:  # noqa: BLE001  whatever it was, nobody else takes it up
                self._fail(type(error).__name__)
            await asyncio.sleep(_PAUSES[min(self._failures, len(_PAUSES) - 1)])

    def _fail(self, reason: str) -> None:
        self._failures += 1
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        _log.log(level, "the stream of revocations was lost: %s", reason)

    async def _follow(self) -> None:
        """The keys first: they may have changed, and the connection is there for the stream."""
        await self._keys.refresh()
        asked = self._time.seconds()
        async with aclosing(self._listen()) as listening:
            async for heard in listening:
                if isinstance(heard, Beat):
                    self._prolong(asked + heard.at / SECOND)
                elif isinstance(heard, Revocation):
                    self._note(heard)

    async def _listen(self) -> AsyncGenerator[Heard, None]:
        reader, is_ours = EventReader(), False
        async with aclosing(self._source.revocations(self._last)) as pieces:
            async for piece in pieces:
                for heard in reader.feed(piece):
                    is_ours = is_ours or isinstance(heard, Hello)
                    if not is_ours:
                        raise StreamBroken("no hello")
                    yield heard

    def _prolong(self, said_at: float) -> None:
        """``said_at`` is no later than when it was said, for the stream began after we asked;
        unless the clock over there leapt, as that of a machine that is moved to another.
        """
        if self._failures:
            _log.warning("the stream of revocations is there again")
        self._failures = 0
        said_at = min(said_at, self._time.seconds())
        self._good_until = max(self._good_until or 0.0, said_at + self._bound)
        self._heard.set()

    def _note(self, revocation: Revocation) -> None:
        self._revoked.note(revocation)
        if revocation.topic == "keys":
            self._keys.forget()
        self._last = revocation.seq
