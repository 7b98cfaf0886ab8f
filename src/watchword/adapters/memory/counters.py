"""Limits and lockouts on dicts: no transaction holds them, so none takes them back."""

from dataclasses import dataclass, field

from watchword.adapters.memory.tables import drop
from watchword.adapters.memory.turns import Turns
from watchword.domain.attempts import FORGOTTEN_AFTER, Attempts, LockoutPolicy
from watchword.domain.time import Instant
from watchword.ports import Allowance, Tally


@dataclass(slots=True)
class _Window:
    resets_at: Instant
    hits: int = 0
    shares: dict[str, int] = field(default_factory=dict)


class MemoryLimits:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._windows: dict[str, _Window] = {}

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        async with self._turns.turn():
            window = self._windows.get(key)
            if window is None or window.resets_at <= now:
                window = self._windows[key] = _Window(now + allowance.period)
            window.hits += 1
            if share is not None:
                window.shares[share] = window.shares.get(share, 0) + 1
            remaining = max(0, allowance.count - window.hits)
            return Tally(remaining, window.resets_at, window.hits > allowance.count)

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        async with self._turns.turn():
            window = self._windows.get(key)
            if window is None or window.resets_at <= now:
                window = _Window(now)
            remaining = max(0, allowance.count - window.hits)
            return Tally(remaining, window.resets_at, window.hits >= allowance.count)

    async def take_back(self, key: str, share: str) -> None:
        async with self._turns.turn():
            window = self._windows.get(key)
            if window is not None and window.shares.get(share, 0) > 0:
                window.hits -= 1
                window.shares[share] -= 1

    async def forgive(self, key: str, share: str) -> None:
        async with self._turns.turn():
            window = self._windows.get(key)
            if window is not None:
                window.hits -= window.shares.pop(share, 0)

    def purge(self, now: Instant, *, at_most: int) -> int:
        return drop(self._windows, lambda _, window: window.resets_at <= now, at_most)


class MemoryLockouts:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._attempts: dict[str, Attempts] = {}

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        async with self._turns.turn():
            before = self._attempts.get(key, Attempts(last_at=now))
            before.require_open(now)
            self._attempts[key] = before.with_one_more(now, policy)
            return self._attempts[key]

    async def succeed(self, key: str) -> None:
        async with self._turns.turn():
            self._attempts.pop(key, None)

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        async with self._turns.turn():
            if key in self._attempts:
                self._attempts[key] = self._attempts[key].without_one(policy)

    async def forget(self, key: str) -> None:
        async with self._turns.turn():
            for known in [k for k in self._attempts if k == key or k.startswith(f"{key}:")]:
                del self._attempts[known]

    def purge(self, now: Instant, *, at_most: int) -> int:
        """Counts of addresses without an account; those of an account last as long as it does."""

        def is_forgotten(key: str, attempts: Attempts) -> bool:
            return key.startswith("address:") and attempts.last_at <= now - FORGOTTEN_AFTER

        return drop(self._attempts, is_forgotten, at_most)
