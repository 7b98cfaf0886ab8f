"""What else the core needs: time, chance, hashing, counters, and news of what has changed."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.devices import Device
from watchword.domain.time import Instant, Span
from watchword.ports.values import Allowance, Change, Count, HashState, Recorded, Tally


class Clock(Protocol):
    def now(self) -> Instant: ...


class Randomness(Protocol):
    def bytes(self, count: int) -> bytes:
        """``count`` bytes fit for secrets (ASVS 11.5.1)."""
        ...


class Hasher(Protocol):
    """Both raise `Busy` when the queue is full, before any work."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, encoded: str | None) -> HashState:
        """Raise `WrongPassword` on a mismatch. ``None`` costs the same work, then is a mismatch."""
        ...


class Breaches(Protocol):
    async def contains(self, password: str) -> bool:
        """Whether ``password``, in its normal form, is known from a breach.

        Nobody is told of it but by k-anonymity. A source that cannot answer within a second counts
        as a no: that is logged, without anything of the password, and counted, and whoever chose
        the password goes on (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.12).
        """
        ...


class Limits(Protocol):
    """Counters shared by all processes; each verb counts and judges in one atomic step."""

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        """Count one more under ``key``, remembering how many of them belong to ``share``."""
        ...

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        """What a hit would find, without counting one."""
        ...

    async def take_back(self, key: str, share: str) -> None:
        """One hit of ``share`` counts no more."""
        ...

    async def forgive(self, key: str, share: str) -> None:
        """Take the hits of ``share`` off ``key`` again."""
        ...


class Lockouts(Protocol):
    """Failures per account, committed on their own whatever else rolls back (attack B05)."""

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        """Count an attempt as failed before it is made; raise `TooManyAttempts` while locked."""
        ...

    async def succeed(self, key: str) -> None: ...

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        """An attempt that was begun could not be made, and counts no more."""
        ...

    async def forget(self, key: str) -> None:
        """``key`` and every key below it (``key:…``): whom they count is no more."""
        ...


class Revocations(Protocol):
    """Is my picture current? Asked on every protected request, so it must cost microseconds."""

    def news(self) -> Sequence[Change] | None:
        """The changes committed since the last call; None: unknown, forget every picture.

        Raise `Unavailable` when the truth cannot be reached: then nobody gets in.
        """
        ...


class Subscription(Protocol):
    """What is committed from now on, in the order of the commits."""

    async def news(self, within: Span) -> Sequence[Recorded] | None:
        """The changes since the last call, as soon as there is one; none after ``within`` ms.

        Everything that was committed before the call, on any node, is in what this call or an
        earlier one returns. None: some may be missing, for this reader was too slow or the store
        lost count, and the subscription is over. Raise `Unavailable` when it cannot be known.
        """
        ...


class Feed(Protocol):
    """What `Revocations` tells this process, told on to others, who may come back for the rest.

    Numbers need not follow the order of the commits: whoever comes back begins a little earlier.
    """

    def subscribe(self) -> AbstractAsyncContextManager[Subscription]:
        """Raise `Unavailable` when there is no news to be had."""
        ...

    async def find(self, seq: int) -> Recorded | None: ...

    async def list_since(self, moment: Instant, *, after: int, at_most: int) -> Sequence[Recorded]:
        """From the first change that was noted at ``moment`` or later, those numbered above
        ``after``, by their numbers.
        """
        ...


class Housekeeping(Protocol):
    """Clean-up, a bounded piece at a time; safe to run on several processes at once."""

    async def purge(self, now: Instant, *, at_most: int) -> int: ...

    async def count_live_sessions(self, now: Instant) -> int: ...

    async def check(self) -> None:
        """Raise `Unavailable` unless the store can be read and written."""
        ...


class UserAgents(Protocol):
    def parse(self, user_agent: str) -> Device: ...


class Meter(Protocol):
    def count(self, what: Count, outcome: str) -> None: ...
