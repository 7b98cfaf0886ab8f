"""Proving a second factor, with every try counted before it is made.

Whichever door it comes by (sign-in, re-authentication, turning the factor off), a try is a failure
of its account until it has succeeded, beside wrong passwords (attack B13), and one of so many in an
hour, over all sign-ins and restarts (B09, B12; ASVS 6.3.1).
"""

from dataclasses import dataclass, field

from watchword.crypto import totp
from watchword.crypto.recovery_codes import hash_of
from watchword.crypto.sealing import SealBroken, Sealer
from watchword.crypto.secret import Secret
from watchword.domain.accounts import Account
from watchword.domain.attempts import Attempts
from watchword.domain.errors import MfaInvalid, TooManyAttempts, Unavailable
from watchword.domain.events import RecoveryCodeUsed
from watchword.domain.factors import Totp
from watchword.domain.letters import Reason
from watchword.domain.time import SECOND, Instant
from watchword.flows.attempts import Failures, Target
from watchword.ports import Allowance, Clock, Limits, Randomness, RequestTrace, Store, Unit

_TRY = "try"


class FactorSealedByAnotherSecret(Unavailable):
    """A second factor does not open: the secret is not the one that it was sealed with."""

    def __str__(self) -> str:
        return (
            "A second factor in the database was sealed with another secret. Give the former one"
            " as well: WATCHWORD_SECRET=new,former."
        )


@dataclass(frozen=True, slots=True)
class AppCode:
    """Six digits off an app, as somebody typed them."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """What somebody typed off the list that they were given."""

    text: str = field(repr=False)


Given = AppCode | RecoveryCode


@dataclass(frozen=True, slots=True)
class TotpSecrets:
    """The secrets of apps lie in the store sealed, each for its own user, and are opened here."""

    sealer: Sealer
    randomness: Randomness

    def make(self, user_id: str, now: Instant) -> tuple[Secret, Totp]:
        secret = totp.make_secret(self.randomness.bytes(totp.SECRET_BYTES))
        sealed = self.sealer.seal(secret.reveal(), _place_of(user_id))
        return secret, Totp(user_id=user_id, sealed_secret=sealed, last_step=0, created_at=now)

    def resealed(self, held: Totp) -> bytes | None:
        """None when the newest secret has sealed it, and when none that is given has."""
        place = _place_of(held.user_id)
        if self.sealer.is_current(held.sealed_secret, place):
            return None
        try:
            return self.sealer.seal(self.sealer.open(held.sealed_secret, place), place)
        except SealBroken:
            return None

    def match(self, held: Totp, code: AppCode, now: Instant) -> int:
        """The step whose code this is. Raise `MfaInvalid`, `FactorSealedByAnotherSecret`."""
        try:
            secret = Secret(self.sealer.open(held.sealed_secret, _place_of(held.user_id)))
        except SealBroken:
            raise FactorSealedByAnotherSecret from None
        step = totp.match(secret, code.text, now // SECOND)
        if step is None:
            raise MfaInvalid
        return step


def _place_of(user_id: str) -> bytes:
    return f"totp.sealed_secret:{user_id}".encode()


@dataclass(frozen=True, slots=True)
class FactorProof:
    """``allowance`` bounds the wrong codes of one account; None: nothing does."""

    store: Store
    failures: Failures
    limits: Limits
    secrets: TotpSecrets
    clock: Clock
    allowance: Allowance | None

    async def __call__(
        self, account: Account, device_hash: bytes | None, given: Given, trace: RequestTrace
    ) -> None:
        """Burn the code. Raise `MfaInvalid`, or `TooManyAttempts`, right code or not."""
        target = Target(account.email, account, device_hash)
        counted = await self.failures.begin(target)
        try:
            await self.count(account)
        except TooManyAttempts:
            await self.failures.take_back(target)
            raise
        try:
            await self._burn(account, given, trace, counted)
        except MfaInvalid:
            await self.failures.record(target, counted, "wrong_code", trace)
            raise
        except Unavailable:
            await self.failures.take_back(target)
            raise
        await self.failures.succeed(target)
        await self.take_back(account)

    async def count(self, account: Account) -> None:
        """One try more of those in an hour. Raise `TooManyAttempts`."""
        if self.allowance is None:
            return
        now = self.clock.now()
        tally = await self.limits.hit(_key_of(account), self.allowance, now=now, share=_TRY)
        if tally.is_over:
            raise TooManyAttempts(
                retry_after=max(1, tally.resets_at - now), allowed=self.allowance.count
            )

    async def take_back(self, account: Account) -> None:
        """A success takes back its own try alone: who is signed in now and then leaves a guesser no
        more tries than nobody at all.
        """
        if self.allowance is not None:
            await self.limits.take_back(_key_of(account), _TRY)

    async def _burn(
        self, account: Account, given: Given, trace: RequestTrace, counted: Attempts | None
    ) -> None:
        if counted is not None and counted.password_disabled:
            raise MfaInvalid
        async with self.store.transaction() as unit:
            if isinstance(given, AppCode):
                await self._burn_step(unit, account, given)
            else:
                await self._burn_recovery_code(unit, account, given, trace)

    async def _burn_step(self, unit: Unit, account: Account, code: AppCode) -> None:
        held = await unit.totp.find(account.id)
        if held is None or not held.is_active:
            raise MfaInvalid
        step = self.secrets.match(held, code, self.clock.now())
        if not await unit.totp.burn(account.id, step):
            raise MfaInvalid

    async def _burn_recovery_code(
        self, unit: Unit, account: Account, given: RecoveryCode, trace: RequestTrace
    ) -> None:
        if not await unit.recovery_codes.consume(account.id, hash_of(given.text)):
            raise MfaInvalid
        remaining = await unit.recovery_codes.count(account.id)
        used = RecoveryCodeUsed(subject=account.id, actor=account.id, remaining=remaining)
        await unit.audit.append(used, at=self.clock.now(), trace=trace)
        postman = self.failures.postman
        await postman.tell(unit, Reason.RECOVERY_CODE_USED, account, trace)


def _key_of(account: Account) -> str:
    return f"mfa {account.id}"
