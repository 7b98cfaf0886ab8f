"""Signing in by a link in a mail, in the browser that asked for it and in no other (P12)."""

from dataclasses import dataclass, replace
from typing import Final

from watchword.crypto.opaque import hash_of, to_text
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import LinkInvalid
from watchword.domain.events import EmailVerified
from watchword.domain.factors import Methods
from watchword.domain.letters import Reason
from watchword.domain.links import Purpose
from watchword.flows.grants import Grant
from watchword.flows.outbox import Postman
from watchword.flows.second_step import FactorNeeded, SecondStep
from watchword.flows.sign_in import Arrival
from watchword.flows.unproven import Unproven
from watchword.ports import Clock, Randomness, RequestTrace, Store, Unit

_BINDING_BYTES = 32
_MAIL: Final[Methods] = ("email",)


@dataclass(frozen=True, slots=True)
class MagicLinks:
    store: Store
    postman: Postman
    second: SecondStep
    unproven: Unproven
    clock: Clock
    randomness: Randomness

    async def request(self, email: str, trace: RequestTrace) -> str:
        """A secret for the browser that asks, the same work for every address (attack E04).
        Raise `Invalid` for what is no address at all.
        """
        address = EmailAddress.parse(email)
        binding = to_text(self.randomness.bytes(_BINDING_BYTES))
        if await self.postman.may_write_to(address):
            detail = hash_of(binding.encode()).hex()
            async with self.store.transaction() as unit:
                await self.postman.write_to(unit, Reason.MAGIC_LINK, address, trace, detail=detail)
        return binding

    async def complete(
        self, token: str, binding: str | None, arrival: Arrival
    ) -> Grant | FactorNeeded:
        """A mail is one factor at most. Raise `LinkInvalid` for a token that is not live, and in
        another browser, where it stays good for the right one; `CountryBlocked`,
        `SessionLimitReached`.
        """
        token_hash = hash_of(token.encode("utf-8", "replace"))
        held = hash_of((binding or "").encode("utf-8", "replace"))
        now = self.clock.now()
        opener = self.second.opener
        guarding = opener.risk.guarding(arrival.trace, LinkInvalid())
        async with guarding, self.store.transaction() as unit:
            link = await unit.links.consume(token_hash, Purpose.MAGIC_LINK, now=now, binding=held)
            if link is None or link.user_id is None:
                raise LinkInvalid
            account = await unit.accounts.find(link.user_id)
            if account is None or not account.is_active or account.email.key != link.address:
                raise LinkInvalid
            if not account.email_verified:
                account = await self._verify(unit, account, arrival)
            judged = await opener.risk.judge(unit, account, arrival.origin, arrival.device)
            if await self.second.is_asked_of(unit.devices, account, arrival.device, judged):
                return await self.second.ask(
                    unit, account, arrival, methods=_MAIL, proven=None, judged=judged
                )
            return await opener.open(unit, account, arrival, amr=_MAIL, proven=None, judged=judged)

    async def _verify(self, unit: Unit, account: Account, arrival: Arrival) -> Account:
        """A browser that has signed in before is that of whoever made the account: they lose
        nothing. Any other may be in the hands of somebody in whose name it was made (attack O08).
        """
        await unit.ownership.verify_address(account.id, account.email)
        verified = EmailVerified(subject=account.id, actor=account.id)
        await unit.audit.append(verified, at=self.clock.now(), trace=arrival.trace)
        if await self.second.opener.devices.proven(account, arrival.device) is None:
            account = await self.unproven.take_over(unit, account, arrival.trace)
        return replace(account, email_verified=True)
