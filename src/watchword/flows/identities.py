"""The accounts elsewhere that lead to one here: seen, linked and unlinked by its owner."""

from collections.abc import Sequence
from dataclasses import dataclass

from watchword.domain.accounts import Account
from watchword.domain.errors import Conflict, NotFound, SessionRevoked, StepUpRequired
from watchword.domain.events import IdentityLinked, IdentityUnlinked
from watchword.domain.identities import LinkedIdentity, shown_address
from watchword.domain.letters import Reason
from watchword.domain.standing import Caller
from watchword.domain.time import Span
from watchword.flows.journeys import Journeys, Return
from watchword.flows.outbox import Postman
from watchword.flows.ways_in import require_another_way_in
from watchword.ports import Clock, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class LinkedIdentities:
    store: Store
    journeys: Journeys
    postman: Postman
    clock: Clock
    step_up_ttl: Span

    async def list_own(self, caller: Caller) -> Sequence[LinkedIdentity]:
        """Oldest first."""
        return await self.store.reading.identities.list_of(caller.account.id)

    async def unlink(self, caller: Caller, identity_id: str, trace: RequestTrace) -> None:
        """Raise `NotFound` for what is not the caller's, `LastCredential` for the last way in."""
        async with self.store.transaction() as unit:
            account = await unit.accounts.find(caller.account.id)
            if account is None:
                raise SessionRevoked
            own = await unit.identities.list_of(account.id)
            found = next((identity for identity in own if identity.id == identity_id), None)
            if found is None:
                raise NotFound("There is no such identity.")
            await require_another_way_in(unit, account, self.journeys.providers, beside=identity_id)
            await unit.identities.unlink(found)
            event = IdentityUnlinked(
                subject=account.id,
                actor=account.id,
                session=caller.session.id,
                provider=found.provider,
            )
            await unit.audit.append(event, at=self.clock.now(), trace=trace)
            await self.postman.tell(
                unit, Reason.IDENTITY_UNLINKED, account, trace, detail=self._name(found.provider)
            )

    async def complete(self, back: Return, trace: RequestTrace) -> None:
        """Link, for the session that asked for it. Raise as `find_asker`."""
        async with self.store.transaction() as unit:
            account = await self._find_asker(unit, back)
            if account is not None:
                await self.link(unit, account, back, trace)

    async def find_asker(self, back: Return) -> Account | None:
        """Whose session asked for it, if that is still alive and fresh; None when it is linked to
        them already. Raise `NotAuthenticated`, `AccountDisabled`, `StepUpRequired` (O13), or
        `Conflict` when it leads to somebody else.
        """
        async with self.store.transaction() as unit:
            return await self._find_asker(unit, back)

    async def link(self, unit: Unit, account: Account, back: Return, trace: RequestTrace) -> None:
        """To an account that was there before, whose owner hears of it."""
        await self.add(unit, account, back, trace)
        name = self._name(back.start.provider)
        await self.postman.tell(unit, Reason.IDENTITY_LINKED, account, trace, detail=name)

    async def add(self, unit: Unit, account: Account, back: Return, trace: RequestTrace) -> None:
        """To one that its owner has just made."""
        now, identity, provider = self.clock.now(), back.identity, back.start.provider
        linked = LinkedIdentity(
            issuer=identity.issuer,
            subject=identity.subject,
            user_id=account.id,
            provider=provider,
            address=shown_address(identity),
            address_proven=account.email_verified,
            created_at=now,
            last_used_at=now,
        )
        await unit.identities.link(linked)
        event = IdentityLinked(subject=account.id, actor=account.id, provider=provider)
        await unit.audit.append(event, at=now, trace=trace)

    async def _find_asker(self, unit: Unit, back: Return) -> Account | None:
        now, identity = self.clock.now(), back.identity
        standing = await unit.sessions.find(back.start.session_id or "")
        if standing is None:
            raise SessionRevoked
        standing.session.require_alive(now)
        standing.account.require_active()
        if not standing.session.is_fresh(now, self.step_up_ttl):
            raise StepUpRequired
        known = await unit.identities.find(identity.issuer, identity.subject)
        if known is None:
            return standing.account
        if known.user_id != standing.account.id:
            raise Conflict("This account of the provider belongs to another user here.")
        return None

    def _name(self, provider: str) -> str:
        """One that is configured no more is called by its id."""
        names = {listed.id: listed.name for listed in self.journeys.listed()}
        return names.get(provider, provider)
