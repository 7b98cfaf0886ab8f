"""An account was made in the name of an address, and only now has somebody shown, by a mail, that
the address is theirs.

Invariant: whoever made it, if that was somebody else, has no way in from then on (attack O08).
"""

from dataclasses import dataclass

from watchword.domain.accounts import Account
from watchword.domain.errors import SessionRevoked
from watchword.domain.events import (
    IdentityUnlinked,
    PasskeyRemoved,
    PasswordRemoved,
    SessionsEnded,
)
from watchword.domain.letters import Reason
from watchword.domain.sessions import EndReason
from watchword.flows.outbox import Postman
from watchword.ports import Clock, RequestTrace, Unit


@dataclass(frozen=True, slots=True)
class Unproven:
    postman: Postman
    clock: Clock

    async def end_planted(self, unit: Unit, account: Account, trace: RequestTrace) -> None:
        """Identities that were linked, and passkeys that were added, before the address was proven.
        A second factor lets nobody in, and stays: a mail must not do in its place (attack P05). One
        that was planted is for the operator to remove (ASVS 6.4.4).
        """
        for identity in await unit.identities.unlink_unproven(account.id):
            unlinked = IdentityUnlinked(
                subject=account.id, actor=account.id, provider=identity.provider
            )
            await unit.audit.append(unlinked, at=self.clock.now(), trace=trace)
        if account.email_verified:
            return
        for passkey in await unit.passkeys.list_of(account.id):
            await unit.passkeys.remove(account.id, passkey.id)
            removed = PasskeyRemoved(subject=account.id, actor=account.id, passkey=passkey.id)
            await unit.audit.append(removed, at=self.clock.now(), trace=trace)
            await self.postman.tell(
                unit, Reason.PASSKEY_REMOVED, account, trace, detail=passkey.name
            )

    async def end_access(
        self, unit: Unit, account: Account, trace: RequestTrace, reason: EndReason
    ) -> None:
        """Every session, every other link, and what trusted browsers are spared."""
        now = self.clock.now()
        await unit.links.discard(account.id)
        await unit.devices.distrust(account.id)
        await unit.outbox.recall(account.id)
        count = await unit.sessions.end_all(account.id, reason, now=now)
        if count:
            ended = SessionsEnded(subject=account.id, actor=account.id, reason=reason, count=count)
            await unit.audit.append(ended, at=now, trace=trace)

    async def take_over(self, unit: Unit, account: Account, trace: RequestTrace) -> Account:
        """By who has just proven the address, in a browser that the account has never seen."""
        await self.end_planted(unit, account, trace)
        await self.end_access(unit, account, trace, EndReason.REVOKED)
        if account.password_hash is not None:
            await unit.ownership.set_password(account.id, None)
            removed = PasswordRemoved(subject=account.id, actor=account.id)
            await unit.audit.append(removed, at=self.clock.now(), trace=trace)
            await self.postman.tell(unit, Reason.PASSWORD_REMOVED, account, trace)
        current = await unit.accounts.find(account.id)
        if current is None:
            raise SessionRevoked
        return current
