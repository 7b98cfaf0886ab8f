"""Signing in with a password, and where a second factor is on, with that as well."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import AccountDisabled, Busy, EmailNotVerified, InvalidCredentials
from watchword.domain.events import PasswordUpgraded
from watchword.domain.factors import ONE_TIME_CODE, PASSWORD, Methods, combined
from watchword.domain.passwords import normalise
from watchword.flows.attempts import Judge, PasswordProof, Proof, Target
from watchword.flows.factor_proof import AppCode
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded, SecondStep
from watchword.flows.sign_in import Arrival
from watchword.ports import Clock, Count, Hasher, HashState, Meter, Store, Unit


async def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    store: Store
    proof: PasswordProof
    second: SecondStep
    hasher: Hasher
    clock: Clock
    meter: Meter
    needs_verified: bool

    async def __call__(
        self,
        address: EmailAddress,
        password: str,
        arrival: Arrival,
        *,
        code: AppCode | None = None,
        on_proof: Callable[[], Awaitable[None]] = _nothing,
    ) -> Grant | FactorNeeded:
        """Raise `InvalidCredentials` for a wrong password as for an unknown address or an account
        without a password, and for the right one where the sign-in is refused for its risk: it
        must not be told that it is right. `TooManyAttempts`; only after the right password
        `AccountDisabled`, `EmailNotVerified`, `CountryBlocked` and `MfaInvalid`;
        `SessionLimitReached`, `Busy`. ``on_proof`` is done once the password has proven right.
        """
        account = await self.store.reading.accounts.find_by_address(address)
        device = await self.second.opener.devices.proven(account, arrival.device)
        target = Target(address, account, device)
        risk = self.second.opener.risk
        async with risk.guarding(arrival.trace, InvalidCredentials()):
            proof = await self.proof(target, password, arrival.trace, self._judge(arrival))
        self._require_welcome(proof.account)
        upgraded = await self._upgraded_hash(proof, password)
        await on_proof()  # counters do not wait for the disk: it shares the session's commit
        methods = await self._shown(proof, target, code, arrival)
        async with self.store.transaction() as unit:
            outcome = await self._go_on(unit, proof, arrival, methods)
            await self._upgrade(unit, proof.account, upgraded, arrival)
        ended = "mfa_required" if isinstance(outcome, FactorNeeded) else "signed_in"
        self.meter.count(Count.SIGN_INS, ended)
        return outcome

    def _judge(self, arrival: Arrival) -> Judge:
        risk, reading = self.second.opener.risk, self.store.reading
        return lambda account: risk.judge(reading, account, arrival.origin, arrival.device)

    def _require_welcome(self, account: Account) -> None:
        if not account.is_active:
            self.meter.count(Count.SIGN_INS, "disabled")
            raise AccountDisabled
        if self.needs_verified and not account.email_verified:
            self.meter.count(Count.SIGN_INS, "not_verified")
            raise EmailNotVerified

    async def _upgraded_hash(self, proof: Proof, password: str) -> str | None:
        if proof.hash_state is HashState.CURRENT:
            return None
        try:
            return await self.hasher.hash(normalise(password))
        except Busy:
            return None  # another time: whoever has proven who they are is not turned away for it

    async def _shown(
        self, proof: Proof, target: Target, code: AppCode | None, arrival: Arrival
    ) -> Methods | None:
        """How the person has shown who they are; None while a second factor is missing."""
        account = proof.account
        if not account.mfa_enabled:
            return PASSWORD
        if code is not None:
            await self.second.proof(account, target.device_hash, code, arrival.trace)
            return combined(PASSWORD, ONE_TIME_CODE)
        devices = self.store.reading.devices
        if await self.second.is_asked_of(devices, account, arrival.device, proof.judged):
            return None
        await self.proof.failures.succeed(target)
        return PASSWORD

    async def _go_on(
        self, unit: Unit, proof: Proof, arrival: Arrival, methods: Methods | None
    ) -> Grant | FactorNeeded:
        """Only if the hash that was proven is still the account's: a password changed meanwhile
        wins (attack R09).
        """
        account, judged = proof.account, proof.judged
        proven = account.password_hash
        if methods is None:
            return await self.second.ask(
                unit, account, arrival, methods=PASSWORD, proven=proven, judged=judged
            )
        return await self.second.opener.open(
            unit, account, arrival, amr=methods, proven=proven, judged=judged
        )

    async def _upgrade(
        self, unit: Unit, account: Account, upgraded: str | None, arrival: Arrival
    ) -> None:
        if upgraded is not None and await unit.accounts.replace_password(
            account.id, upgraded, instead_of=account.password_hash or ""
        ):
            event = PasswordUpgraded(subject=account.id, actor=account.id)
            await unit.audit.append(event, at=self.clock.now(), trace=arrival.trace)
