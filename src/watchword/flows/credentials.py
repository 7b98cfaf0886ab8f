"""What a signed-in person does with their own proof of identity: change it, or show it again."""

from dataclasses import dataclass

from watchword.domain.accounts import Account
from watchword.domain.errors import (
    FieldError,
    Invalid,
    InvalidCredentials,
    PasswordRefused,
    SessionRevoked,
    TokenExpired,
    WrongCurrentPassword,
)
from watchword.domain.events import PasswordChanged, Reauthenticated
from watchword.domain.factors import ONE_TIME_CODE, PASSWORD, Methods, combined
from watchword.domain.letters import Reason
from watchword.domain.passwords import normalise, words_of_person
from watchword.domain.sessions import EndReason
from watchword.domain.standing import Caller
from watchword.flows.attempts import PasswordProof, Proof, Target
from watchword.flows.factor_proof import AppCode, FactorProof
from watchword.flows.grants import Grant
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.outbox import Postman
from watchword.flows.sessions import require_alive
from watchword.flows.sign_in import SessionOpener
from watchword.ports import Clock, Hasher, RequestTrace, Store


@dataclass(frozen=True, slots=True)
class Credentials:
    store: Store
    proof: PasswordProof
    factors: FactorProof
    opener: SessionOpener
    hasher: Hasher
    passwords: NewPasswords
    postman: Postman
    clock: Clock

    async def change_password(
        self, caller: Caller, current: str, new: str, trace: RequestTrace, *, device: str | None
    ) -> None:
        """Ends every other session. Raise `WrongCurrentPassword`, `TooManyAttempts`, or
        `PasswordRefused` naming the field.
        """
        try:
            proof = await self._prove(caller, current, trace, device)
        except PasswordRefused as refused:
            raise refused.at("currentPassword") from None
        account = proof.account
        try:
            accepted = await self.passwords.accept(
                new, own_words=words_of_person(account.email, account.name)
            )
        except PasswordRefused as refused:
            raise refused.at("newPassword") from None
        if accepted == normalise(current):
            raise Invalid(
                FieldError("newPassword", "Choose a password other than the present one.")
            )
        encoded = await self.hasher.hash(accepted)
        now = self.clock.now()
        async with self.store.transaction() as unit:
            replaced = await unit.accounts.replace_password(
                account.id, encoded, instead_of=account.password_hash or ""
            )
            if not replaced:
                raise WrongCurrentPassword
            await require_alive(unit, caller, self.clock.now())
            await unit.sessions.end_all(
                account.id, EndReason.PASSWORD_CHANGED, now=now, keep=caller.session.id
            )
            await unit.links.discard(account.id)
            await unit.devices.distrust(account.id)
            await unit.outbox.recall(account.id)
            event = PasswordChanged(subject=account.id, actor=account.id, session=caller.session.id)
            await unit.audit.append(event, at=now, trace=trace)
            await self.postman.tell(unit, Reason.PASSWORD_CHANGED, account, trace)
        await self.proof.failures.forget(account)

    async def reauthenticate(
        self, caller: Caller, password: str, trace: RequestTrace, *, device: str | None
    ) -> Grant:
        """A fresh proof for the same session: opens step-up actions, and what was given before it
        is dead (ASVS 7.2.4). Raise `WrongCurrentPassword`, `TooManyAttempts`.
        """
        proof = await self._prove(caller, password, trace, device)
        return await self._renew(caller, proof.account, PASSWORD, trace)

    async def reauthenticate_by_code(
        self, caller: Caller, code: AppCode, trace: RequestTrace, *, device: str | None
    ) -> Grant:
        """As `reauthenticate`, and the session has shown a second factor from now on. Raise
        `MfaInvalid`, `TooManyAttempts`.
        """
        account = await self._present(caller)
        known = await self.opener.devices.proven(account, device)
        await self.factors(account, known, code, trace)
        return await self._renew(caller, account, ONE_TIME_CODE, trace)

    async def _renew(
        self, caller: Caller, account: Account, methods: Methods, trace: RequestTrace
    ) -> Grant:
        now = self.clock.now()
        amr = combined(caller.session.amr, methods)
        async with self.store.transaction() as unit:
            session = await unit.sessions.reprove(caller.session, amr, now=now)
            if session is None:
                await require_alive(unit, caller, self.clock.now())
                raise TokenExpired  # another proof came first: the session lives
            event = Reauthenticated(
                subject=caller.account.id,
                actor=caller.account.id,
                session=session.id,
                amr=" ".join(session.amr),
            )
            await unit.audit.append(event, at=now, trace=trace)
        return await self.opener.grants.give(account, session, now=now)

    async def _prove(
        self, caller: Caller, password: str, trace: RequestTrace, device: str | None
    ) -> Proof:
        account = await self._present(caller)
        known = await self.opener.devices.proven(account, device)
        try:
            return await self.proof(Target(account.email, account, known), password, trace)
        except InvalidCredentials:
            raise WrongCurrentPassword from None

    async def _present(self, caller: Caller) -> Account:
        account = await self.store.reading.accounts.find(caller.account.id)
        if account is None:
            raise SessionRevoked
        return account
