"""Linked identities in SQL."""

from collections.abc import Sequence

from watchword.adapters.sql.statements import Claim, Row, Statements
from watchword.domain.errors import Conflict
from watchword.domain.identities import LinkedIdentity
from watchword.domain.time import Instant

_COLUMNS = "issuer, subject, user_id, provider, address, address_proven, created_at, last_used_at"
_FIND = f"""
SELECT {_COLUMNS} FROM identities WHERE issuer = :issuer AND subject = :subject
"""  # noqa: S608  constant columns
_LIST = f"""
SELECT {_COLUMNS} FROM identities WHERE user_id = :user_id ORDER BY created_at, issuer, subject
"""  # noqa: S608  constant columns
_LINK = f"""
INSERT INTO identities ({_COLUMNS})
VALUES (:issuer, :subject, :user_id, :provider, :address, :address_proven, :created_at,
        :last_used_at)
ON CONFLICT DO NOTHING
"""  # noqa: S608  constant columns
_NOTE_USE = """
UPDATE identities SET address = :address, last_used_at = :now
WHERE issuer = :issuer AND subject = :subject AND user_id = :user_id
"""
_UNLINK = """
DELETE FROM identities WHERE issuer = :issuer AND subject = :subject AND user_id = :user_id
"""
_UNLINK_UNPROVEN = f"""
DELETE FROM identities WHERE user_id = :user_id AND address_proven = 0 RETURNING {_COLUMNS}
"""  # noqa: S608  constant columns


class SqlIdentities:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def find(self, issuer: str, subject: str) -> LinkedIdentity | None:
        row = await self._statements.row(_FIND, {"issuer": issuer, "subject": subject})
        return None if row is None else _identity_of(row)

    async def list_of(self, user_id: str) -> Sequence[LinkedIdentity]:
        await self._statements.claim(Claim.USER, user_id)
        rows = await self._statements.rows(_LIST, {"user_id": user_id})
        return [_identity_of(row) for row in rows]

    async def link(self, identity: LinkedIdentity) -> None:
        await self._statements.claim(Claim.USER, identity.user_id)
        inserted = await self._statements.change(
            _LINK,
            {
                **_key(identity),
                "provider": identity.provider,
                "address": identity.address,
                "address_proven": int(identity.address_proven),
                "created_at": identity.created_at,
                "last_used_at": identity.last_used_at,
            },
        )
        if not inserted:
            raise Conflict("This account of the provider is linked already.")

    async def note_use(self, identity: LinkedIdentity, address: str, *, now: Instant) -> None:
        await self._statements.change(_NOTE_USE, {**_key(identity), "address": address, "now": now})

    async def unlink(self, identity: LinkedIdentity) -> bool:
        await self._statements.claim(Claim.USER, identity.user_id)
        return bool(await self._statements.change(_UNLINK, _key(identity)))

    async def unlink_unproven(self, user_id: str) -> Sequence[LinkedIdentity]:
        await self._statements.claim(Claim.USER, user_id)
        rows = await self._statements.rows(_UNLINK_UNPROVEN, {"user_id": user_id})
        removed = [_identity_of(row) for row in rows]
        return sorted(removed, key=lambda i: (i.created_at, i.issuer, i.subject))


def _key(identity: LinkedIdentity) -> dict[str, str]:
    return {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "user_id": identity.user_id,
    }


def _identity_of(row: Row) -> LinkedIdentity:
    issuer, subject, user_id, provider, address, proven, created, used = row
    return LinkedIdentity(
        issuer=str(issuer),
        subject=str(subject),
        user_id=str(user_id),
        provider=str(provider),
        address=str(address),
        address_proven=bool(proven),
        created_at=int(created or 0),
        last_used_at=int(used or 0),
    )
