"""A document of a provider that is fetched when first needed and kept for a while.

Invariant: however many sign-ins wait for it, and whatever keys their tokens name, the provider is
asked at most once per pause (attack J06).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from watchword.domain.errors import FederationFailed, ProviderUnavailable
from watchword.domain.time import HOUR, SECOND, Instant, Span
from watchword.ports import Clock

T = TypeVar("T")

FRESH: Final[Span] = HOUR
# A provider whose metadata cannot be read for a while can still sign people in.
USABLE: Final[Span] = 24 * HOUR
PAUSE: Final[Span] = 10 * SECOND


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    at: Instant


class Remembered(Generic[T]):
    """``fetch`` raises `ProviderUnavailable` or `FederationFailed`; so do the methods here. For
    longer than ``patience``, in ms, nobody waits who could do with what is kept.
    """

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Clock, *, patience: Span) -> None:
        self._fetch = fetch
        self._clock = clock
        self._patience = patience
        self._kept: _Kept[T] | None = None
        self._tried: Instant | None = None
        self._failure: Callable[[], Exception] = lambda: ProviderUnavailable("asked just now")
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> T:
        kept = self._younger_than(FRESH)
        if kept is not None:
            return kept.value
        async with self._one_at_a_time:
            kept = self._younger_than(FRESH)
            if kept is not None:
                return kept.value
            usable = self._younger_than(USABLE)
            if self._is_pausing():
                return self._or_failure(usable)
            try:
                async with asyncio.timeout(None if usable is None else self._patience / SECOND):
                    return await self._fetch_now()
            except (ProviderUnavailable, FederationFailed, TimeoutError):
                return self._or_failure(usable)

    async def get_after(self, seen: T) -> T:
        """One that was fetched later than ``seen``, if it is time for that; else what there is."""
        async with self._one_at_a_time:
            if self._kept is not None and (self._kept.value is not seen or self._is_pausing()):
                return self._kept.value
            return await self._fetch_now()

    async def _fetch_now(self) -> T:
        self._tried = self._clock.now()
        try:
            value = await self._fetch()
        except (ProviderUnavailable, FederationFailed) as failure:
            kind, reason = type(failure), failure.reason
            self._failure = lambda: kind(reason)
            raise
        self._kept = _Kept(value, self._clock.now())
        return value

    def _or_failure(self, usable: _Kept[T] | None) -> T:
        if usable is None:
            raise self._failure()
        return usable.value

    def _younger_than(self, age: Span) -> _Kept[T] | None:
        kept = self._kept
        return kept if kept is not None and self._clock.now() - kept.at < age else None

    def _is_pausing(self) -> bool:
        return self._tried is not None and 0 <= self._clock.now() - self._tried < PAUSE
