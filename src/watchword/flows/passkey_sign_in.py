"""Signing in by a passkey.

Nobody is asked who they are: the passkey says it. So the options tell a stranger nothing of who has
an account (attack E05). A failure is not counted against the account, for no number of guesses ends
in a success: it can be signed in to while its password is locked (attack B06).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from watchword.crypto.ceremonies import credential_id_of, verify_assertion
from watchword.crypto.passkeys import PasskeyRefused, PasskeyUse, RelyingParty
from watchword.domain.accounts import Account
from watchword.domain.errors import AccountDisabled, EmailNotVerified, PasskeyNotAccepted
from watchword.domain.events import PasskeySuspected, SignInFailed
from watchword.domain.factors import Methods, Passkey, is_multi_factor, passkey_methods
from watchword.domain.letters import Reason
from watchword.domain.links import Purpose
from watchword.flows.challenges import Challenges
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival, SessionOpener
from watchword.ports import Clock, Count, Meter, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """``ready`` returns once answers can be verified without keeping anybody else waiting."""

    store: Store
    challenges: Challenges
    party: RelyingParty
    opener: SessionOpener
    clock: Clock
    meter: Meter
    needs_verified: bool
    ready: Callable[[], Awaitable[None]]

    async def options(self) -> Mapping[str, object]:
        """PublicKeyCredentialRequestOptionsJSON (WebAuthn level 3 section 5.1.10), which name no
        passkey: every one that is made here can be found by the browser.
        """
        challenge = await self.challenges.issue(Purpose.PASSKEY_SIGN_IN)
        return self.party.request_options(challenge)

    async def __call__(self, told: Mapping[str, object], arrival: Arrival) -> Grant:
        """By an AuthenticationResponseJSON. Raise `PasskeyNotAccepted`, whatever it was that is not
        believed; after a good one `AccountDisabled`, `EmailNotVerified`, `CountryBlocked`,
        `SessionLimitReached`.
        """
        await self.ready()
        passkey = None
        try:
            challenge = await self.challenges.use_up(told, Purpose.PASSKEY_SIGN_IN)
            passkey = await self._known(told)
            use = verify_assertion(self.party, told, challenge=challenge, known=passkey.credential)
        except PasskeyRefused as refused:
            await self._record_failure(passkey, refused.reason, arrival.trace)
            raise PasskeyNotAccepted from None
        guarding = self.opener.risk.guarding(arrival.trace, PasskeyNotAccepted())
        async with guarding, self.store.transaction() as unit:
            if await unit.passkeys.record_use(passkey.id, use, now=self.clock.now()):
                grant = await self._admit(unit, passkey, use, arrival)
                self.meter.count(Count.SIGN_INS, "signed_in")
                return grant
            await self._suspect(unit, passkey, use, arrival.trace)
        self.meter.count(Count.SIGN_INS, "wrong_passkey")
        raise PasskeyNotAccepted

    async def _known(self, told: Mapping[str, object]) -> Passkey:
        passkey = await self.store.reading.passkeys.find(credential_id_of(told))
        if passkey is None:
            raise PasskeyRefused("unknown")
        return passkey

    async def _admit(
        self, unit: Unit, passkey: Passkey, use: PasskeyUse, arrival: Arrival
    ) -> Grant:
        account = await unit.accounts.find(passkey.user_id)
        if account is None:
            raise PasskeyNotAccepted
        if not account.is_active:
            self.meter.count(Count.SIGN_INS, "disabled")
            raise AccountDisabled
        if self.needs_verified and not account.email_verified:
            self.meter.count(Count.SIGN_INS, "not_verified")
            raise EmailNotVerified
        amr = passkey_methods(
            backup_eligible=passkey.backup_eligible, user_verified=use.user_verified
        )
        _require_factors(account, amr)
        judged = await self.opener.risk.judge(unit, account, arrival.origin, arrival.device)
        return await self.opener.open(unit, account, arrival, amr=amr, proven=None, judged=judged)

    async def _suspect(
        self, unit: Unit, passkey: Passkey, use: PasskeyUse, trace: RequestTrace
    ) -> None:
        """A counter that did not go forward: there may be a clone, and nobody can tell which of the
        two this was (WebAuthn level 3 section 7.2 leaves it to us). It is refused, and the owner
        hears of it. Passkeys that are synced have no counter, and never come here.
        """
        known = await unit.passkeys.find(passkey.credential_id)
        account = await unit.accounts.find(passkey.user_id)
        if known is None or account is None:
            return  # it was removed meanwhile
        event = PasskeySuspected(
            subject=account.id, passkey=passkey.id, kept=known.sign_count, told=use.sign_count
        )
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
        await self.opener.postman.tell(
            unit, Reason.PASSKEY_SUSPECTED, account, trace, detail=passkey.name
        )

    async def _record_failure(
        self, passkey: Passkey | None, reason: str, trace: RequestTrace
    ) -> None:
        self.meter.count(Count.SIGN_INS, "wrong_passkey")
        subject = None if passkey is None else passkey.user_id
        failed = SignInFailed(subject=subject, reason=f"passkey: {reason}")
        async with self.store.transaction() as unit:
            await unit.audit.append(failed, at=self.clock.now(), trace=trace)


def _require_factors(account: Account, amr: Methods) -> None:
    """Whoever has a second factor is not let in by one (attack W03)."""
    if account.mfa_enabled and not is_multi_factor(amr):
        raise PasskeyNotAccepted(
            "Your account needs two factors: unlock the passkey by a PIN, a fingerprint or a face."
        )
