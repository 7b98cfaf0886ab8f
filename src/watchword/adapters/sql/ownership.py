"""What redeemed links change in an account, in SQL: each a statement that is its own condition."""

from watchword.adapters.sql.changes import note
from watchword.adapters.sql.statements import Statements, UniqueViolation
from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import Conflict
from watchword.ports import Topic

_VERIFY = "UPDATE users SET email_verified = 1 WHERE id = :id AND email_key = :key"
_CHANGE = """
UPDATE users SET email = :email, email_key = :key, email_verified = 1
WHERE id = :id AND email_key = :before
  AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email_key = :key AND o.id <> :id)
"""
_IS_TAKEN = "SELECT 1 FROM users WHERE email_key = :key AND id <> :id"
_SET_PASSWORD = "UPDATE users SET password_hash = :encoded WHERE id = :id"


_TAKEN = "An account with this e-mail address exists already."


class SqlOwnership:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def verify_address(self, account_id: str, address: EmailAddress) -> bool:
        changed = await self._statements.change(_VERIFY, {"id": account_id, "key": address.key})
        return await self._noticed(account_id, changed)

    async def change_address(
        self, account_id: str, address: EmailAddress, *, instead_of: EmailAddress
    ) -> bool:
        new = {"email": address.text, "key": address.key}
        try:
            changed = await self._statements.change(
                _CHANGE, {"id": account_id, "before": instead_of.key, **new}
            )
        except UniqueViolation:  # somebody else was a moment faster
            raise Conflict(_TAKEN) from None
        taken = {"id": account_id, "key": address.key}
        if not changed and await self._statements.row(_IS_TAKEN, taken) is not None:
            raise Conflict(_TAKEN)
        return await self._noticed(account_id, changed)

    async def set_password(self, account_id: str, encoded: str | None) -> None:
        changed = await self._statements.change(
            _SET_PASSWORD, {"id": account_id, "encoded": encoded}
        )
        await self._noticed(account_id, changed)

    async def _noticed(self, account_id: str, changed: int) -> bool:
        if changed:
            await note(self._statements, Topic.USER, account_id)
        return bool(changed)
