"""Proving a password, with every failure counted before it is made, under one key per account.

Whichever door an attempt comes by (sign-in, re-authentication, a change of password), it is
counted here, in a statement of its own that is committed before any hashing (attacks B04, B05,
B13). An unknown address is counted, hashed for and refused just like a known one (E01, E02, E06).
"""

from dataclasses import dataclass

from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.errors import Busy, InvalidCredentials, TooManyAttempts, WrongPassword
from watchword.domain.events import AccountLocked, SignInFailed
from watchword.domain.letters import Reason
from watchword.domain.passwords import normalise
from watchword.domain.time import SECOND
from watchword.flows.outbox import Postman
from watchword.ports import (
    Clock,
    Count,
    Hasher,
    HashState,
    Lockouts,
    Meter,
    RequestTrace,
    Store,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Whose password is tried: an account, or an address without one; from which known device."""

    address: EmailAddress
    account: Account | None
    device_hash: bytes | None = None

    @property
    def key(self) -> str:
        """What its failures are counted under; a known device has a count of its own (B06)."""
        if self.account is None:
            return f"address:{hash_of(self.address.key.encode()).hex()}"
        if self.device_hash is None:
            return f"account:{self.account.id}"
        return f"account:{self.account.id}:device:{self.device_hash.hex()}"


@dataclass(frozen=True, slots=True)
class Proof:
    """A password that was right: the account, and whether its hash is of today's parameters."""

    account: Account
    hash_state: HashState


@dataclass(frozen=True, slots=True)
class PasswordProof:
    store: Store
    lockouts: Lockouts
    hasher: Hasher
    clock: Clock
    meter: Meter
    policy: LockoutPolicy | None
    postman: Postman

    async def __call__(self, target: Target, password: str, trace: RequestTrace) -> Proof:
        """Raise `InvalidCredentials`, `TooManyAttempts` (right password or not), or `Busy`."""
        normal = normalise(password)
        counted = await self._count(target)
        account = target.account
        disabled = counted is not None and counted.password_disabled
        encoded = None if account is None or disabled else account.password_hash
        try:
            state = await self.hasher.verify(normal, encoded)
        except Busy:
            await self._take_back(target)
            raise
        except WrongPassword:
            await self._record_failure(target, counted, trace)
            raise InvalidCredentials from None
        if account is None:
            raise InvalidCredentials
        if self.policy is not None:
            await self.lockouts.succeed(target.key)
        return Proof(account, state)

    async def forget_failures(self, account: Account) -> None:
        """A new password starts with a clean count, on every device."""
        if self.policy is not None:
            await self.lockouts.forget(f"account:{account.id}")

    async def _count(self, target: Target) -> Attempts | None:
        if self.policy is None:
            return None
        try:
            return await self.lockouts.begin(target.key, self.policy, now=self.clock.now())
        except TooManyAttempts as locked:
            self.meter.count(Count.SIGN_INS, "locked")
            raise TooManyAttempts(
                retry_after=locked.retry_after, allowed=self.policy.failures
            ) from None

    async def _take_back(self, target: Target) -> None:
        """Whoever was turned away unheard has not failed: a storm locks nobody out."""
        self.meter.count(Count.SIGN_INS, "busy")
        if self.policy is not None:
            await self.lockouts.take_back(target.key, self.policy)

    async def _record_failure(
        self, target: Target, counted: Attempts | None, trace: RequestTrace
    ) -> None:
        now = self.clock.now()
        subject = None if target.account is None else target.account.id
        self.meter.count(Count.SIGN_INS, "wrong_password")
        async with self.store.transaction() as unit:
            failed = SignInFailed(subject=subject, reason="wrong_password")
            await unit.audit.append(failed, at=now, trace=trace)
            if counted is not None and counted.locked_until > now:
                self.meter.count(Count.LOCKOUTS, "locked")
                locked = AccountLocked(
                    subject=subject,
                    seconds=(counted.locked_until - counted.last_at) // SECOND,
                    failures=counted.consecutive,
                )
                await unit.audit.append(locked, at=now, trace=trace)
                # An unknown address has a letter as well, which nobody will get (attack E06).
                await self.postman.write_to(
                    unit, Reason.ACCOUNT_LOCKED, target.address, trace, user_id=subject
                )
