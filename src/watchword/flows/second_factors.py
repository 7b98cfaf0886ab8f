"""Turning a second factor on and off, and new recovery codes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from watchword.crypto import recovery_codes, totp
from watchword.domain.errors import Conflict, MfaInvalid, StepUpRequired
from watchword.domain.events import Event, MfaDisabled, MfaEnabled, RecoveryCodesReplaced
from watchword.domain.factors import ONE_TIME_CODE, Totp, combined, is_multi_factor
from watchword.domain.letters import Reason
from watchword.domain.standing import Caller
from watchword.flows.devices import KnownDevices
from watchword.flows.factor_proof import AppCode, FactorProof, Given
from watchword.flows.outbox import Postman
from watchword.ports import Clock, Randomness, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an app has to be told, shown once: the secret in base32, the same as a URL, and that as
    a picture (a ``data:`` URL).
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    qr_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCodeMaker:
    randomness: Randomness

    async def replace(self, unit: Unit, user_id: str) -> tuple[str, ...]:
        """A fresh set, shown once; the one before it is dead."""
        codes = recovery_codes.make(self.randomness.bytes(recovery_codes.RANDOM_BYTES))
        await unit.recovery_codes.replace(user_id, codes.hashes)
        return codes.texts


@dataclass(frozen=True, slots=True)
class Enrolment:
    """``draw`` makes the picture off the event loop; ``issuer`` is the service as apps show it."""

    store: Store
    proof: FactorProof
    codes: RecoveryCodeMaker
    draw: Callable[[str], Awaitable[str]]
    postman: Postman
    clock: Clock
    issuer: str

    async def begin(self, caller: Caller) -> NewApp:
        """Nothing is asked for by it until `confirm`. Raise `Conflict` when there is an app."""
        account = caller.account
        secret, proposed = self.proof.secrets.make(account.id, self.clock.now())
        async with self.store.transaction() as unit:
            if not await unit.totp.propose(proposed):
                raise Conflict("Your second factor is on already. Turn it off first.")
        uri = totp.key_uri(secret, issuer=self.issuer, account=account.email.text)
        return NewApp(totp.to_text(secret), uri, await self.draw(uri))

    async def confirm(self, caller: Caller, code: AppCode, trace: RequestTrace) -> tuple[str, ...]:
        """The recovery codes, once. No session ends; this one has shown the factor from now on.
        Raise `Conflict` when nothing was begun, `MfaInvalid`, `TooManyAttempts`: a thief of the
        session may guess at what its owner has begun (attack B09).
        """
        account, now = caller.account, self.clock.now()
        proposed = await self._proposed(account.id)
        await self.proof.count(account)
        step = self.proof.secrets.match(proposed, code, now)
        shown_in = replace(caller.session, amr=combined(caller.session.amr, ONE_TIME_CODE))
        async with self.store.transaction() as unit:
            if not await unit.totp.confirm(proposed, step=step, now=now, shown_in=shown_in):
                raise MfaInvalid
            codes = await self.codes.replace(unit, account.id)
            await unit.devices.distrust(account.id)
            event = MfaEnabled(subject=account.id, actor=account.id, session=caller.session.id)
            await unit.audit.append(event, at=now, trace=trace)
            await self.postman.tell(unit, Reason.MFA_ENABLED, account, trace)
        await self.proof.take_back(account)
        return codes

    async def _proposed(self, user_id: str) -> Totp:
        async with self.store.transaction() as unit:
            proposed = await unit.totp.find(user_id)
        if proposed is None or proposed.is_active:
            raise Conflict("There is no second factor to confirm. Begin anew.")
        return proposed


@dataclass(frozen=True, slots=True)
class SecondFactors:
    store: Store
    proof: FactorProof
    codes: RecoveryCodeMaker
    devices: KnownDevices
    postman: Postman
    clock: Clock

    async def disable(
        self, caller: Caller, given: Given, trace: RequestTrace, *, device: str | None
    ) -> None:
        """With its recovery codes and its trusted devices (ASVS 6.4.4). Raise `Conflict` when it is
        off, `MfaInvalid`, `TooManyAttempts`.
        """
        account = caller.account
        if not account.mfa_enabled:
            raise Conflict("Your second factor is off already.")
        known = await self.devices.proven(account, device)
        await self.proof(account, known, given, trace)
        async with self.store.transaction() as unit:
            if not await unit.totp.remove(account.id):
                raise Conflict("Your second factor is off already.")
            event = MfaDisabled(
                subject=account.id, actor=account.id, session=caller.session.id, reason="asked"
            )
            await self._note(unit, event, trace, account.id)
            await self.postman.tell(unit, Reason.MFA_DISABLED, account, trace)

    async def renew_codes(self, caller: Caller, trace: RequestTrace) -> tuple[str, ...]:
        """Only for a session that has shown the second factor: who got in by a trusted device or by
        a mail must not come by codes that turn it off (attack A08). Raise `Conflict` when it is
        off, `StepUpRequired`.
        """
        account = caller.account
        async with self.store.transaction() as unit:
            held = await unit.totp.find(account.id)
            if held is None or not held.is_active:
                raise Conflict("Your second factor is off. Turn it on first.")
            if not is_multi_factor(caller.session.amr):
                raise StepUpRequired
            codes = await self.codes.replace(unit, account.id)
            event = RecoveryCodesReplaced(
                subject=account.id, actor=account.id, session=caller.session.id
            )
            await self._note(unit, event, trace, account.id)
            await self.postman.tell(unit, Reason.RECOVERY_CODES_REPLACED, account, trace)
        return codes

    async def _note(self, unit: Unit, event: Event, trace: RequestTrace, user_id: str) -> None:
        await unit.devices.distrust(user_id)
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
