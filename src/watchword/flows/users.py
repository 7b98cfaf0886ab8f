"""What is done with accounts: by their owners, and by those whose role permits it.

Invariant: nobody acts on an account whose role holds a permission that they do not hold.
"""

from contextlib import suppress
from dataclasses import dataclass

from watchword.domain.accounts import Account, Status, parse_name
from watchword.domain.errors import Forbidden, NotFound, Unavailable
from watchword.domain.events import (
    AccountDeleted,
    ProfileChanged,
    RoleChanged,
    SessionsEnded,
    StatusChanged,
)
from watchword.domain.roles import Permission, Roles
from watchword.domain.sessions import EndReason
from watchword.domain.standing import Caller
from watchword.flows.sessions import taking_from
from watchword.ports import (
    AccountQuery,
    Clock,
    Lockouts,
    Page,
    PageRequest,
    RequestTrace,
    Store,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Users:
    store: Store
    lockouts: Lockouts
    roles: Roles
    clock: Clock

    async def list_accounts(self, query: AccountQuery, page: PageRequest) -> Page[Account]:
        if query.role is not None:
            self.roles.require_known(query.role)
        return await self.store.reading.directory.list_accounts(query, page)

    async def get(self, caller: Caller, user_id: str) -> Account:
        """Raise `Forbidden` for a stranger's id whether it exists or not, else `NotFound`."""
        caller.require_owner_or(Permission.USERS_READ, user_id)
        return _found(await self.store.reading.accounts.find(user_id))

    async def require_known(self, user_id: str) -> None:
        _found(await self.store.reading.accounts.find(user_id))

    async def rename(self, caller: Caller, name: str, trace: RequestTrace) -> Account:
        shown = parse_name(name)
        now = self.clock.now()
        async with self.store.transaction() as unit:
            await unit.accounts.rename(caller.account.id, shown)
            event = ProfileChanged(
                subject=caller.account.id, actor=caller.account.id, session=caller.session.id
            )
            await unit.audit.append(event, at=now, trace=trace)
            return _found(await unit.accounts.find(caller.account.id))

    async def change_role(
        self, caller: Caller | None, user_id: str, role: str, trace: RequestTrace
    ) -> Account:
        """Raise `Invalid` for an unknown role, `NotFound`, `Forbidden`, `LastAdmin`. ``caller`` is
        None for the operator's own command.
        """
        self.roles.require_known(role)
        if caller is not None:
            self.roles.require_not_above(caller.role, role)
        now = self.clock.now()
        async with taking_from(user_id, self.store, now) as unit:
            before = await self._subject(unit, caller, user_id)
            await unit.accounts.change_role(user_id, role)
            event = RoleChanged(
                subject=user_id,
                actor=caller.account.id if caller else None,
                before=before.role,
                after=role,
            )
            await unit.audit.append(event, at=now, trace=trace)
            return _found(await unit.accounts.find(user_id))

    async def change_status(
        self, caller: Caller | None, user_id: str, status: Status, trace: RequestTrace
    ) -> Account:
        """Disabling ends every session and every mailed link, enabling forgets every failure and
        lifts a lock. ``caller`` is None for the operator's own command.
        """
        now = self.clock.now()
        async with taking_from(user_id, self.store, now) as unit:
            before = await self._subject(unit, caller, user_id)
            await unit.accounts.change_status(user_id, status)
            if status is Status.DISABLED:
                await unit.sessions.end_all(user_id, EndReason.DISABLED, now=now)
                await unit.links.discard(user_id)
                await unit.outbox.recall(user_id)
            event = StatusChanged(
                subject=user_id,
                actor=caller.account.id if caller else None,
                before=before.status,
                after=status,
            )
            await unit.audit.append(event, at=now, trace=trace)
            account = _found(await unit.accounts.find(user_id))
        if status is Status.ACTIVE:
            await self.lockouts.forget(f"account:{user_id}")
        return account

    async def end_sessions(self, caller: Caller, user_id: str, trace: RequestTrace) -> int:
        """All of the user's, the present one as well if it is the caller's own, with every link, as
        in `SessionsOfUser.end_all`.
        """
        caller.require_owner_or(Permission.SESSIONS_END, user_id)
        now = self.clock.now()
        async with taking_from(user_id, self.store, now) as unit:
            await self._subject(unit, caller, user_id)
            count = await unit.sessions.end_all(user_id, EndReason.REVOKED, now=now)
            await unit.links.discard(user_id)
            await unit.outbox.recall(user_id)
            event = SessionsEnded(
                subject=user_id, actor=caller.account.id, reason=EndReason.REVOKED, count=count
            )
            await unit.audit.append(event, at=now, trace=trace)
        return count

    async def delete(self, caller: Caller, user_id: str, trace: RequestTrace) -> Account:
        """With all that belongs to it; the audit keeps what happened under the bare id."""
        caller.require_owner_or(Permission.USERS_DELETE, user_id)
        now = self.clock.now()
        async with taking_from(user_id, self.store, now) as unit:
            account = await self._subject(unit, caller, user_id)
            await unit.accounts.delete(user_id)
            event = AccountDeleted(subject=user_id, actor=caller.account.id)
            await unit.audit.append(event, at=now, trace=trace)
        with suppress(Unavailable):  # the account is gone; a count of nobody does no harm
            await self.lockouts.forget(f"account:{user_id}")
        return account

    async def _subject(self, unit: Unit, caller: Caller | None, user_id: str) -> Account:
        account = _found(await unit.accounts.find(user_id))
        if caller is not None and caller.account.id != user_id:
            self._require_not_above(caller, account)
        return account

    def _require_not_above(self, caller: Caller, account: Account) -> None:
        if not self.roles.granted_to(account.role) <= caller.permissions:
            raise Forbidden


def _found(account: Account | None) -> Account:
    if account is None:
        raise NotFound("There is no such user.")
    return account
