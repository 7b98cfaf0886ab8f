"""A transaction, and what is read outside of one, with `RedisSessions` in the place of sessions."""

from watchword.adapters.redis.movements import Movements
from watchword.adapters.redis.sessions import Endings, RedisSessions
from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.ports import Accounts, Reading, Unit


class MovingReading:
    def __init__(self, reading: Reading, sessions: RedisSessions) -> None:
        self.accounts = reading.accounts
        self.administrators = reading.administrators
        self.passkeys = reading.passkeys
        self.identities = reading.identities
        self.sessions = sessions
        self.outbox = reading.outbox
        self.devices = reading.devices
        self.keys = reading.keys
        self.directory = reading.directory
        self.holdings = reading.holdings
        self.audit = reading.audit


class MovingUnit:
    """``endings`` is told which sessions end in it."""

    def __init__(self, unit: Unit, movements: Movements, endings: Endings) -> None:
        self.sessions = RedisSessions(unit.sessions, unit.accounts, movements, endings)
        self.accounts = _Accounts(unit.accounts, self.sessions)
        self.administrators = unit.administrators
        self.passkeys = unit.passkeys
        self.identities = unit.identities
        self.ownership = unit.ownership
        self.totp = unit.totp
        self.recovery_codes = unit.recovery_codes
        self.links = unit.links
        self.outbox = unit.outbox
        self.devices = unit.devices
        self.keys = unit.keys
        self.audit = unit.audit


class _Accounts:
    """With an account its sessions go, of which Redis has to hear; the rest is as it was."""

    def __init__(self, accounts: Accounts, sessions: RedisSessions) -> None:
        self._accounts = accounts
        self._sessions = sessions

    async def insert(self, account: Account) -> None:
        await self._accounts.insert(account)

    async def find(self, account_id: str) -> Account | None:
        return await self._accounts.find(account_id)

    async def find_by_address(self, address: EmailAddress) -> Account | None:
        return await self._accounts.find_by_address(address)

    async def rename(self, account_id: str, name: str) -> None:
        await self._accounts.rename(account_id, name)

    async def replace_password(self, account_id: str, encoded: str, *, instead_of: str) -> bool:
        return await self._accounts.replace_password(account_id, encoded, instead_of=instead_of)

    async def change_role(self, account_id: str, role: str) -> None:
        await self._accounts.change_role(account_id, role)

    async def change_status(self, account_id: str, status: Status) -> None:
        await self._accounts.change_status(account_id, status)

    async def delete(self, account_id: str) -> None:
        await self._sessions.claim_all(account_id)
        await self._accounts.delete(account_id)
