"""The second half of a sign-in, whichever way its first half came.

Before it there is no session and no cookie (attack S14): what is given out is a token that is good
for nothing but to go on here, once, for five minutes.
"""

from dataclasses import dataclass, field

from watchword.crypto.opaque import hash_of, to_text
from watchword.domain.accounts import Account
from watchword.domain.errors import InvalidCredentials, LinkInvalid, MfaInvalid, TokenInvalid
from watchword.domain.factors import ONE_TIME_CODE, Methods, combined
from watchword.domain.links import Link, Purpose
from watchword.domain.risk import Judgement
from watchword.domain.second_step import TRIES, FirstStep
from watchword.flows.factor_proof import FactorProof, Given
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival, SessionOpener
from watchword.ports import Allowance, Clock, Devices, Randomness, Store, Unit

_TOKEN_BYTES = 32
_TRIES = Allowance(TRIES, Purpose.MFA.lifetime)


@dataclass(frozen=True, slots=True)
class FactorNeeded:
    """The first factor was right: ``token`` leads on, with one of ``methods``."""

    token: str = field(repr=False)
    methods: tuple[str, ...] = ("totp", "recovery_code")


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Whose it is, and how it was begun."""

    account: Account
    first: FirstStep
    token_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecondStep:
    store: Store
    proof: FactorProof
    opener: SessionOpener
    clock: Clock
    randomness: Randomness

    async def is_asked_of(
        self, devices: Devices, account: Account, device_cookie: str | None, judged: Judgement
    ) -> bool:
        """Not without a second factor, nor on a device that was trusted when one was shown, where
        devices are trusted at all and nothing unusual calls for it.
        """
        if not account.mfa_enabled:
            return False
        if judged.asks or not self.opener.policy.trusts_devices:
            return True
        held = self.opener.devices.hash_of(device_cookie)
        if held is None:
            return True
        return not await devices.is_trusted(account.id, held, now=self.clock.now())

    async def ask(
        self,
        unit: Unit,
        account: Account,
        arrival: Arrival,
        *,
        methods: Methods,
        proven: str | None,
        judged: Judgement,
    ) -> FactorNeeded:
        """It replaces what was asked before. ``proven`` is the stored hash that was matched: one
        that was changed meanwhile wins (attack R09). Raise `InvalidCredentials`.
        """
        current = await unit.accounts.find(account.id)
        if current is None or proven not in {None, current.password_hash}:
            raise InvalidCredentials
        token = to_text(self.randomness.bytes(_TOKEN_BYTES))
        now = self.clock.now()
        first = FirstStep(
            methods=methods,
            transport=arrival.transport,
            remember=arrival.remember,
            trusts_device=arrival.trusts_device,
        )
        link = Link(
            hash_of(token.encode()),
            Purpose.MFA,
            account.id,
            now,
            now + Purpose.MFA.lifetime,
            detail=first.to_text(),
        )
        await unit.links.insert(link)
        await self.opener.risk.note_asked(unit, account, judged, arrival.trace)
        return FactorNeeded(token)

    async def find(self, token: str) -> PendingSignIn:
        """Raise `TokenInvalid` for a token that is not live."""
        token_hash = hash_of(token.encode("utf-8", "replace"))
        async with self.store.transaction() as unit:
            try:
                link = await unit.links.require_live(token_hash, Purpose.MFA, now=self.clock.now())
            except LinkInvalid:
                raise TokenInvalid from None
            account = None if link.user_id is None else await unit.accounts.find(link.user_id)
            if account is None or not account.is_active:
                raise TokenInvalid
            return PendingSignIn(account, FirstStep.parse(link.detail), token_hash)

    async def complete(self, pending: PendingSignIn, given: Given, arrival: Arrival) -> Grant:
        """A wrong code leaves the token good, five times. Raise `MfaInvalid`, `TooManyAttempts`,
        `TokenInvalid`, `CountryBlocked`, `SessionLimitReached`.
        """
        account = pending.account
        await self._count(pending)
        device = await self.opener.devices.proven(account, arrival.device)
        await self.proof(account, device, given, arrival.trace)
        risk = self.opener.risk
        async with risk.guarding(arrival.trace, MfaInvalid()), self.store.transaction() as unit:
            # A change of the password discards it: the first half is no longer true then.
            now = self.clock.now()
            if await unit.links.consume(pending.token_hash, Purpose.MFA, now=now) is None:
                raise TokenInvalid
            judged = await risk.judge(unit, account, arrival.origin, arrival.device)
            methods = combined(pending.first.methods, ONE_TIME_CODE)
            return await self.opener.open(
                unit, account, arrival, amr=methods, proven=None, judged=judged
            )

    async def _count(self, pending: PendingSignIn) -> None:
        """Before the try, however many come at once (attacks B09, B12). The count outlives the
        token, which is not used up by a try too many: one that is under way may still be right.
        """
        key = f"mfa_token {pending.token_hash.hex()}"
        tally = await self.proof.limits.hit(key, _TRIES, now=self.clock.now())
        if tally.is_over:
            raise TokenInvalid
