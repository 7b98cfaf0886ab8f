"""Lockout arithmetic: how failures on one account turn into a wait, whichever door they came by.

Every account, known or not, has a count of its own; each device that has signed in to it before
has another, so that a stranger's guesses do not lock the owner out (attack B06).
"""

from dataclasses import dataclass

from watchword.domain.errors import TooManyAttempts
from watchword.domain.time import DAY, HOUR, Instant, Span

DISABLED_AFTER = 100  # consecutive failures, NIST SP 800-63B-4 section 3.2.2
LONGEST_LOCK: Span = HOUR
FORGOTTEN_AFTER: Span = DAY


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """``failures`` in a row lock for ``first_lock`` ms, doubling up to an hour."""

    failures: int
    first_lock: Span

    def lock_for(self, earlier_locks: int) -> Span:
        longest = max(LONGEST_LOCK, self.first_lock)
        return min(self.first_lock << min(earlier_locks, 16), longest)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The count of one key. ``failures`` since the last lock, ``consecutive`` since a success."""

    failures: int = 0
    locks: int = 0
    consecutive: int = 0
    locked_until: Instant = 0
    last_at: Instant = 0

    def require_open(self, now: Instant) -> None:
        if now < self.locked_until:
            raise TooManyAttempts(retry_after=self.locked_until - now)

    @property
    def password_disabled(self) -> bool:
        """Whether this attempt, itself counted already, comes after too many failures in a row."""
        return self.consecutive > DISABLED_AFTER

    def without_one(self, policy: LockoutPolicy) -> "Attempts":
        """The count when an attempt was counted and then could not be made: the queue was full.
        A lock that it had brought about opens again; a password that is disabled stays so, for its
        count stands still and would only fall.
        """
        consecutive = self.consecutive - (0 < self.consecutive <= DISABLED_AFTER)
        if self.failures == 0 and self.locks > 0:
            return Attempts(policy.failures - 1, self.locks - 1, consecutive, 0, self.last_at)
        failures = max(0, self.failures - 1)
        return Attempts(failures, self.locks, consecutive, self.locked_until, self.last_at)

    def with_one_more(self, now: Instant, policy: LockoutPolicy) -> "Attempts":
        """The count when an attempt begins: it is a failure until it has succeeded, so that a
        hundred guesses at once are a hundred failures (attack B04).
        """
        stale = now - self.last_at >= FORGOTTEN_AFTER
        failures = 1 if stale else self.failures + 1
        locks = 0 if stale else self.locks
        consecutive = min(self.consecutive + 1, DISABLED_AFTER + 1)
        if failures < policy.failures:
            return Attempts(failures, locks, consecutive, self.locked_until, now)
        until = now + policy.lock_for(locks)
        return Attempts(0, locks + 1, consecutive, until, now)
