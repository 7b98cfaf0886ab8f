"""Accounts in SQL. Invariant: an active administrator is left by every verb here."""

from watchword.adapters.sql.changes import note
from watchword.adapters.sql.statements import HELD, Claim, Parameters, Row, Statements
from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.errors import Conflict, LastAdmin, NotFound
from watchword.domain.roles import ADMIN
from watchword.ports import Topic

COLUMNS = (
    "u.id, u.email, u.email_key, u.name, u.role, u.status, u.email_verified, u.mfa_enabled,"
    " u.password_hash, u.created_at"
)
WIDTH = 10

_INSERT = """
INSERT INTO users (id, email, email_key, name, role, status, email_verified, mfa_enabled,
                   password_hash, created_at)
VALUES (:id, :email, :email_key, :name, :role, :status, :email_verified, :mfa_enabled,
        :password_hash, :created_at)
ON CONFLICT DO NOTHING
"""
_FIND = f"SELECT {COLUMNS} FROM users u WHERE u.id = :id {HELD}"  # noqa: S608  constant columns
_FIND_BY_KEY = f"SELECT {COLUMNS} FROM users u WHERE u.email_key = :key {HELD}"  # noqa: S608
_RENAME = "UPDATE users SET name = :name WHERE id = :id"
_REPLACE_PASSWORD = """
UPDATE users SET password_hash = :encoded WHERE id = :id AND password_hash = :instead_of
"""
# True when the account is not the last active administrator, or stays one.
_LEAVES_AN_ADMIN = """
(role <> 'admin' OR status <> 'active' OR EXISTS (
    SELECT 1 FROM users o WHERE o.role = 'admin' AND o.status = 'active' AND o.id <> :id))
"""
_CHANGE_ROLE = f"""
UPDATE users SET role = :role WHERE id = :id AND (:role = 'admin' OR {_LEAVES_AN_ADMIN})
"""  # noqa: S608  constant text
_CHANGE_STATUS = f"""
UPDATE users SET status = :status
WHERE id = :id AND (:status = 'active' OR {_LEAVES_AN_ADMIN})
"""  # noqa: S608  constant text
_DELETE = f"DELETE FROM users WHERE id = :id AND {_LEAVES_AN_ADMIN}"  # noqa: S608
_SESSIONS_OF = "SELECT id FROM sessions WHERE user_id = :id AND ended_at IS NULL ORDER BY id"
HAS_ADMIN = "SELECT 1 FROM users WHERE role = 'admin' AND status = 'active' LIMIT 1"
_DELETE_LINKS = "DELETE FROM links WHERE user_id = :id"
_DELETE_LETTERS = "DELETE FROM letters WHERE user_id = :id"


def account_of(row: Row) -> Account:
    """The first `WIDTH` columns of ``row``, selected as `COLUMNS`."""
    id_, email, key, name, role, status, verified, mfa, encoded, created = row[:WIDTH]
    return Account(
        id=str(id_),
        email=EmailAddress(str(email), str(key)),
        name=str(name),
        role=str(role),
        status=Status(str(status)),
        email_verified=bool(verified),
        mfa_enabled=bool(mfa),
        password_hash=None if encoded is None else str(encoded),
        created_at=int(created or 0),
    )


def _row_of(account: Account) -> Parameters:
    return {
        "id": account.id,
        "email": account.email.text,
        "email_key": account.email.key,
        "name": account.name,
        "role": account.role,
        "status": account.status.value,
        "email_verified": int(account.email_verified),
        "mfa_enabled": int(account.mfa_enabled),
        "password_hash": account.password_hash,
        "created_at": account.created_at,
    }


class SqlAccounts:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def insert(self, account: Account) -> None:
        if not await self._statements.change(_INSERT, _row_of(account)):
            raise Conflict("An account with this e-mail address exists already.")

    async def find(self, account_id: str) -> Account | None:
        row = await self._statements.row(_FIND, {"id": account_id})
        return None if row is None else account_of(row)

    async def find_by_address(self, address: EmailAddress) -> Account | None:
        row = await self._statements.row(_FIND_BY_KEY, {"key": address.key})
        return None if row is None else account_of(row)

    async def rename(self, account_id: str, name: str) -> None:
        if not await self._statements.change(_RENAME, {"id": account_id, "name": name}):
            raise NotFound
        await note(self._statements, Topic.USER, account_id)

    async def replace_password(self, account_id: str, encoded: str, *, instead_of: str) -> bool:
        replaced = await self._statements.change(
            _REPLACE_PASSWORD, {"id": account_id, "encoded": encoded, "instead_of": instead_of}
        )
        if replaced:
            await note(self._statements, Topic.USER, account_id)
        return bool(replaced)

    async def change_role(self, account_id: str, role: str) -> None:
        await self._claim(account_id, spares_admins=role == ADMIN)
        changed = await self._statements.change(_CHANGE_ROLE, {"id": account_id, "role": role})
        await self._settle(account_id, changed)

    async def change_status(self, account_id: str, status: Status) -> None:
        await self._claim(account_id, spares_admins=status is Status.ACTIVE)
        changed = await self._statements.change(
            _CHANGE_STATUS, {"id": account_id, "status": status.value}
        )
        await self._settle(account_id, changed)

    async def delete(self, account_id: str) -> None:
        await self._claim(account_id, spares_admins=False)
        await self._statements.claim(Claim.SESSIONS_OF_USER, account_id)
        ending = await self._statements.rows(_SESSIONS_OF, {"id": account_id})
        await self._settle(account_id, await self._statements.change(_DELETE, {"id": account_id}))
        for row in ending:
            await note(self._statements, Topic.SESSION, str(row[0]))
        await self._statements.change(_DELETE_LINKS, {"id": account_id})
        await self._statements.change(_DELETE_LETTERS, {"id": account_id})

    async def _claim(self, account_id: str, *, spares_admins: bool) -> None:
        """Two who take the last two administrators away at once would each see the other one."""
        await self._statements.claim(Claim.USER, account_id)
        if not spares_admins:
            await self._statements.claim(Claim.ADMINISTRATORS)

    async def _settle(self, account_id: str, changed: int) -> None:
        if not changed:
            raise NotFound if await self.find(account_id) is None else LastAdmin
        await note(self._statements, Topic.USER, account_id)


class SqlAdministrators:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def has_any(self) -> bool:
        await self._statements.claim(Claim.ADMINISTRATORS)
        return await self._statements.row(HAS_ADMIN, {}) is not None
