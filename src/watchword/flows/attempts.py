"""Proving a password, with every failure counted before it is made, under one key per account.

Whichever door an attempt comes by (sign-in, a second factor, re-authentication, a change of
password), it is counted here, in a statement of its own that is committed before any hashing
(attacks B04, B05, B13). An unknown address is counted, hashed for and refused just like a known one
(E01, E02, E06).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.errors import Busy, InvalidCredentials, TooManyAttempts, WrongPassword
from watchword.domain.events import AccountLocked, SignInFailed
from watchword.domain.letters import Reason
from watchword.domain.passwords import normalise
from watchword.domain.risk import NOTHING, Judgement
from watchword.domain.time import SECOND
from watchword.flows.outbox import Postman
from watchword.flows.risk import NotAdmitted
from watchword.ports import (
    Clock,
    Count,
    Hasher,
    HashState,
    Lockouts,
    Meter,
    RequestTrace,
    Store,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Target:
    """At what an attempt is made: an account, or an address without one; by which known device."""

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
class Failures:
    """The count of each target. Without a policy nothing is counted."""

    store: Store
    lockouts: Lockouts
    clock: Clock
    meter: Meter
    policy: LockoutPolicy | None
    postman: Postman

    async def begin(self, target: Target) -> Attempts | None:
        """Count an attempt as a failure before it is made. Raise `TooManyAttempts`."""
        if self.policy is None:
            return None
        try:
            return await self.lockouts.begin(target.key, self.policy, now=self.clock.now())
        except TooManyAttempts as locked:
            self.meter.count(Count.SIGN_INS, "locked")
            raise TooManyAttempts(
                retry_after=locked.retry_after, allowed=self.policy.failures
            ) from None

    async def take_back(self, target: Target) -> None:
        """The attempt was none, and all that was counted before it stands."""
        if self.policy is not None:
            await self.lockouts.take_back(target.key, self.policy)

    async def succeed(self, target: Target) -> None:
        """Whoever the target is has proven it: what was counted before was theirs."""
        if self.policy is not None:
            await self.lockouts.succeed(target.key)

    async def forget(self, account: Account) -> None:
        """A new password starts with a clean count, on every device."""
        if self.policy is not None:
            await self.lockouts.forget(f"account:{account.id}")

    async def stand(self, target: Target, counted: Attempts | None, trace: RequestTrace) -> None:
        """What was counted counts, though it was no wrong proof."""
        if counted is not None and counted.locked_until > self.clock.now():
            async with self.store.transaction() as unit:
                await self._lock(unit, target, counted, trace)

    async def record(
        self, target: Target, counted: Attempts | None, reason: str, trace: RequestTrace
    ) -> None:
        """What was counted was a failure indeed."""
        now = self.clock.now()
        subject = None if target.account is None else target.account.id
        self.meter.count(Count.SIGN_INS, reason)
        async with self.store.transaction() as unit:
            failed = SignInFailed(subject=subject, reason=reason)
            await unit.audit.append(failed, at=now, trace=trace)
            if counted is not None and counted.locked_until > now:
                await self._lock(unit, target, counted, trace)

    async def _lock(
        self, unit: Unit, target: Target, counted: Attempts, trace: RequestTrace
    ) -> None:
        self.meter.count(Count.LOCKOUTS, "locked")
        subject = None if target.account is None else target.account.id
        locked = AccountLocked(
            subject=subject,
            seconds=(counted.locked_until - counted.last_at) // SECOND,
            failures=counted.consecutive,
        )
        await unit.audit.append(locked, at=self.clock.now(), trace=trace)
        # An unknown address has a letter as well, which nobody will get (attack E06).
        await self.postman.write_to(
            unit, Reason.ACCOUNT_LOCKED, target.address, trace, user_id=subject
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A password that was right: the account, whether its hash is of today's parameters, and what
    is unusual about who brings it, if that was asked.
    """

    account: Account
    hash_state: HashState
    judged: Judgement = NOTHING


Judge = Callable[[Account], Awaitable[Judgement]]


async def _unjudged(_: Account) -> Judgement:
    return NOTHING


@dataclass(frozen=True, slots=True)
class PasswordProof:
    failures: Failures
    hasher: Hasher

    async def __call__(
        self, target: Target, password: str, trace: RequestTrace, judge: Judge = _unjudged
    ) -> Proof:
        """Raise `InvalidCredentials`, `TooManyAttempts` (right password or not), or `Busy`. What
        ``judge`` raises of the right password is counted as if it had been wrong.
        """
        normal = normalise(password)
        counted = await self.failures.begin(target)
        account = target.account
        disabled = counted is not None and counted.password_disabled
        encoded = None if account is None or disabled else account.password_hash
        try:
            state = await self.hasher.verify(normal, encoded)
        except Busy:
            # Whoever was turned away unheard has not failed: a storm locks nobody out.
            self.failures.meter.count(Count.SIGN_INS, "busy")
            await self.failures.take_back(target)
            raise
        except WrongPassword:
            await self.failures.record(target, counted, "wrong_password", trace)
            raise InvalidCredentials from None
        if account is None:
            raise InvalidCredentials
        judged = await self._judged(judge, target, account, counted, trace)
        if account.mfa_enabled:
            # Half a proof: who knows the password must not wash off wrong codes by it (B12).
            await self.failures.take_back(target)
        else:
            await self.failures.succeed(target)
        return Proof(account, state, judged)

    async def _judged(  # noqa: PLR0917  as an attempt has them
        self,
        judge: Judge,
        target: Target,
        account: Account,
        counted: Attempts | None,
        trace: RequestTrace,
    ) -> Judgement:
        """Whoever is refused as by a wrong password must not tell it by the count of those. Who is
        told that it is their country has failed at nothing.
        """
        try:
            return await judge(account)
        except NotAdmitted as no:
            if no.judged.is_told:
                await self.failures.take_back(target)
            else:
                await self.failures.stand(target, counted, trace)
            raise
