"""Passkeys in SQL. Invariant: no statement makes a counter go back."""

from collections.abc import Sequence

from watchword.adapters.sql.statements import Claim, Row, Statements
from watchword.crypto.passkeys import PasskeyUse
from watchword.domain.errors import Conflict
from watchword.domain.factors import Passkey
from watchword.domain.time import Instant

_COLUMNS = (
    "id, user_id, name, credential_id, public_key, sign_count, aaguid, transports,"
    " backup_eligible, backed_up, created_at, last_used_at"
)
_INSERT = f"""
INSERT INTO passkeys ({_COLUMNS})
VALUES (:id, :user_id, :name, :credential_id, :public_key, :sign_count, :aaguid, :transports,
        :backup_eligible, :backed_up, :created_at, :last_used_at)
ON CONFLICT DO NOTHING
"""  # noqa: S608  constant columns
_FIND = f"SELECT {_COLUMNS} FROM passkeys WHERE credential_id = :credential_id"  # noqa: S608
_LIST = f"""
SELECT {_COLUMNS} FROM passkeys WHERE user_id = :user_id ORDER BY created_at, id
"""  # noqa: S608  constant columns
_RECORD_USE = """
UPDATE passkeys SET sign_count = :count, backed_up = :backed_up, last_used_at = :now
WHERE id = :id AND (sign_count < :count OR (sign_count = 0 AND :count = 0))
"""
_RENAME = "UPDATE passkeys SET name = :name WHERE id = :id AND user_id = :user_id"
_REMOVE = "DELETE FROM passkeys WHERE id = :id AND user_id = :user_id"


class SqlPasskeys:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def insert(self, passkey: Passkey) -> None:
        inserted = await self._statements.change(
            _INSERT,
            {
                "id": passkey.id,
                "user_id": passkey.user_id,
                "name": passkey.name,
                "credential_id": passkey.credential_id,
                "public_key": passkey.public_key,
                "sign_count": passkey.sign_count,
                "aaguid": passkey.aaguid,
                "transports": " ".join(passkey.transports),
                "backup_eligible": int(passkey.backup_eligible),
                "backed_up": int(passkey.backed_up),
                "created_at": passkey.created_at,
                "last_used_at": passkey.last_used_at,
            },
        )
        if not inserted:
            raise Conflict("This passkey is registered already.")

    async def find(self, credential_id: bytes) -> Passkey | None:
        row = await self._statements.row(_FIND, {"credential_id": credential_id})
        return None if row is None else _passkey_of(row)

    async def list_of(self, user_id: str) -> Sequence[Passkey]:
        await self._statements.claim(Claim.USER, user_id)
        rows = await self._statements.rows(_LIST, {"user_id": user_id})
        return [_passkey_of(row) for row in rows]

    async def record_use(self, passkey_id: str, use: PasskeyUse, *, now: Instant) -> bool:
        await self._statements.claim(Claim.OWNER_OF_PASSKEY, passkey_id)
        changed = await self._statements.change(
            _RECORD_USE,
            {
                "id": passkey_id,
                "count": use.sign_count,
                "backed_up": int(use.backed_up),
                "now": now,
            },
        )
        return bool(changed)

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        await self._statements.claim(Claim.USER, user_id)
        changed = await self._statements.change(
            _RENAME, {"id": passkey_id, "user_id": user_id, "name": name}
        )
        return bool(changed)

    async def remove(self, user_id: str, passkey_id: str) -> bool:
        await self._statements.claim(Claim.USER, user_id)
        changed = await self._statements.change(_REMOVE, {"id": passkey_id, "user_id": user_id})
        return bool(changed)


def _passkey_of(row: Row) -> Passkey:
    (id_, user_id, name, credential_id, key, count, aaguid, transports, *rest) = row
    eligible, backed_up, created, used = rest
    assert isinstance(credential_id, bytes)
    assert isinstance(key, bytes)
    return Passkey(
        id=str(id_),
        user_id=str(user_id),
        name=str(name),
        credential_id=credential_id,
        public_key=key,
        sign_count=int(count or 0),
        aaguid=str(aaguid),
        transports=tuple(str(transports).split()),
        backup_eligible=bool(eligible),
        backed_up=bool(backed_up),
        created_at=int(created or 0),
        last_used_at=None if used is None else int(used),
    )
