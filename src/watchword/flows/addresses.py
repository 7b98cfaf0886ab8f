"""Whose an address is: shown by a link that was mailed there, at first and after a change."""

from dataclasses import dataclass

from watchword.crypto.opaque import hash_of
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import Conflict, FieldError, Invalid, LinkInvalid, RateLimited
from watchword.domain.events import EmailChanged, EmailChangeRequested, EmailVerified
from watchword.domain.letters import Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.standing import Caller
from watchword.domain.time import HOUR
from watchword.flows.outbox import Postman
from watchword.ports import Clock, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class Addresses:
    store: Store
    postman: Postman
    clock: Clock

    async def resend(self, email: str, trace: RequestTrace) -> None:
        """The same work for every address (attack E04). Raise `Invalid` for what is none."""
        address = EmailAddress.parse(email)
        if not await self.postman.may_write_to(address):
            return
        async with self.store.transaction() as unit:
            await self.postman.write_to(unit, Reason.VERIFY_EMAIL, address, trace)

    async def request_change(self, caller: Caller, new_email: str, trace: RequestTrace) -> None:
        """Both addresses are told, and nothing changes before the new one is confirmed (P08).
        Whether it is somebody else's is not said here (E07). Raise `Invalid`, `RateLimited`.
        """
        address = EmailAddress.parse(new_email, field="newEmail")
        account = caller.account
        if address.key == account.email.key:
            raise Invalid(FieldError("newEmail", "This is your address already."))
        if not await self.postman.may_write_to(address):
            raise RateLimited(retry_after=HOUR)
        async with self.store.transaction() as unit:
            await self.postman.write_to(
                unit, Reason.CONFIRM_NEW_EMAIL, address, trace, user_id=account.id
            )
            await self.postman.tell(
                unit, Reason.EMAIL_CHANGE_REQUESTED, account, trace, detail=address.text
            )
            event = EmailChangeRequested(
                subject=account.id, actor=account.id, session=caller.session.id
            )
            await unit.audit.append(event, at=self.clock.now(), trace=trace)

    async def confirm(self, token: str, trace: RequestTrace) -> Account:
        """Redeem a link of either kind. Raise `LinkInvalid`."""
        token_hash = hash_of(token.encode("utf-8", "replace"))
        now = self.clock.now()
        async with self.store.transaction() as unit:
            link = await unit.links.consume(token_hash, Purpose.VERIFY_EMAIL, now=now)
            if link is not None:
                return await self._verify(unit, link, trace)
            link = await unit.links.consume(token_hash, Purpose.CONFIRM_NEW_EMAIL, now=now)
            if link is not None:
                return await self._change(unit, link, trace)
        raise LinkInvalid

    async def _verify(self, unit: Unit, link: Link, trace: RequestTrace) -> Account:
        account = await self._holder(unit, link)
        if account.email.key != link.address:
            raise LinkInvalid
        await unit.ownership.verify_address(account.id, account.email)
        event = EmailVerified(subject=account.id, actor=account.id)
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
        return await self._holder(unit, link)

    async def _change(self, unit: Unit, link: Link, trace: RequestTrace) -> Account:
        """Every other link was for the old address, and ends with it (attack P06)."""
        before = await self._holder(unit, link)
        if before.email.key != link.address:
            raise LinkInvalid
        address = EmailAddress.parse(link.detail)
        try:
            changed = await unit.ownership.change_address(
                before.id, address, instead_of=before.email
            )
        except Conflict:
            changed = False
        if not changed:
            raise LinkInvalid
        await unit.links.discard(before.id)
        await unit.outbox.recall(before.id)
        after = await self._holder(unit, link)
        event = EmailChanged(subject=after.id, actor=after.id)
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
        for account in (before, after):
            await self.postman.tell(
                unit, Reason.EMAIL_CHANGED, account, trace, detail=after.email.text
            )
        return after

    async def _holder(self, unit: Unit, link: Link) -> Account:
        account = None if link.user_id is None else await unit.accounts.find(link.user_id)
        if account is None or not account.is_active:
            raise LinkInvalid
        return account
