"""Accounts on dicts. Invariant: an active administrator is left by every verb here."""

from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.errors import Conflict, LastAdmin, NotFound
from watchword.domain.roles import ADMIN
from watchword.ports import AccountQuery, Page, PageRequest, Topic


def is_admin(account: Account) -> bool:
    return account.role == ADMIN and account.is_active


class MemoryAccounts:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def insert(self, account: Account) -> None:
        taken = await self.find_by_address(account.email) or await self.find(account.id)
        if taken is not None:
            raise Conflict("An account with this e-mail address exists already.")
        self._place.tables.accounts[account.id] = account

    async def find(self, account_id: str) -> Account | None:
        return self._place.tables.accounts.get(account_id)

    async def find_by_address(self, address: EmailAddress) -> Account | None:
        accounts = self._place.tables.accounts.values()
        return next((a for a in accounts if a.email.key == address.key), None)

    async def rename(self, account_id: str, name: str) -> None:
        self._store(replace(self._get(account_id), name=name))

    async def replace_password(self, account_id: str, encoded: str, *, instead_of: str) -> bool:
        account = await self.find(account_id)
        if account is None or account.password_hash != instead_of:
            return False
        self._store(replace(account, password_hash=encoded))
        return True

    async def change_role(self, account_id: str, role: str) -> None:
        self._store(self._leaving_an_admin(replace(self._get(account_id), role=role)))

    async def change_status(self, account_id: str, status: Status) -> None:
        self._store(self._leaving_an_admin(replace(self._get(account_id), status=status)))

    async def delete(self, account_id: str) -> None:
        self._leaving_an_admin(replace(self._get(account_id), status=Status.DISABLED))
        tables = self._place.tables
        del tables.accounts[account_id]
        ending = [s for s in tables.sessions.values() if s.user_id == account_id]
        tables.sessions = {k: s for k, s in tables.sessions.items() if s.user_id != account_id}
        tables.passkeys = {k: p for k, p in tables.passkeys.items() if p.user_id != account_id}
        tables.identities = {k: i for k, i in tables.identities.items() if i.user_id != account_id}
        tables.links = {k: link for k, link in tables.links.items() if link.user_id != account_id}
        tables.letters = {k: e for k, e in tables.letters.items() if e[1].user_id != account_id}
        tables.devices = {k: at for k, at in tables.devices.items() if k[0] != account_id}
        tables.first_seen = {k: at for k, at in tables.first_seen.items() if k[0] != account_id}
        tables.trusted = {k: at for k, at in tables.trusted.items() if k[0] != account_id}
        tables.totp.pop(account_id, None)
        tables.recovery_codes.pop(account_id, None)
        tables.note(Topic.USER, account_id)
        for session_id in sorted(s.id for s in ending if s.ended_at is None):
            tables.note(Topic.SESSION, session_id)

    def _get(self, account_id: str) -> Account:
        account = self._place.tables.accounts.get(account_id)
        if account is None:
            raise NotFound
        return account

    def _leaving_an_admin(self, changed: Account) -> Account:
        accounts = self._place.tables.accounts
        others = (a for a in accounts.values() if a.id != changed.id)
        was_one = is_admin(accounts[changed.id])
        if was_one and not is_admin(changed) and not any(map(is_admin, others)):
            raise LastAdmin
        return changed

    def _store(self, account: Account) -> None:
        self._place.tables.accounts[account.id] = account
        self._place.tables.note(Topic.USER, account.id)


class MemoryAdministrators:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def has_any(self) -> bool:
        return any(map(is_admin, self._place.tables.accounts.values()))


class MemoryDirectory:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def list_accounts(self, query: AccountQuery, page: PageRequest) -> Page[Account]:
        """Newest first; ``text`` is looked for anywhere in the address and the name."""
        accounts = self._place.tables.accounts
        matching = [
            accounts[key]
            for key in sorted(accounts, reverse=True)
            if (page.after is None or key < page.after) and _matches(accounts[key], query)
        ]
        shown = matching[: page.limit]
        return Page(shown, shown[-1].id if len(matching) > page.limit else None)

    async def list_signed_in(self, page: PageRequest) -> Page[str]:
        sessions = self._place.tables.sessions.values()
        signed_in = sorted({session.user_id for session in sessions if session.ended_at is None})
        ids = [user_id for user_id in signed_in if user_id > (page.after or "")]
        shown = ids[: page.limit]
        return Page(shown, shown[-1] if len(ids) > page.limit else None)


def _matches(account: Account, query: AccountQuery) -> bool:
    text = (query.text or "").lower()
    return (
        query.role in {None, account.role}
        and query.status in {None, account.status}
        and (text in account.email.text.lower() or text in account.name.lower())
    )
