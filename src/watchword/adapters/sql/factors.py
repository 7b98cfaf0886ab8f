"""Second factors in SQL: each use is one statement that is its own condition."""

from collections.abc import Sequence

from watchword.adapters.sql.changes import note
from watchword.adapters.sql.statements import HELD, Claim, Row, Statements
from watchword.domain.factors import Totp
from watchword.domain.sessions import Session
from watchword.domain.time import Instant
from watchword.ports import Topic

_COLUMNS = "user_id, sealed_secret, last_step, created_at, confirmed_at"
_PROPOSE = f"""
INSERT INTO totp ({_COLUMNS})
SELECT u.id, :sealed_secret, :last_step, :created_at, NULL FROM users u WHERE u.id = :user_id
{HELD}
ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret,
    last_step = excluded.last_step, created_at = excluded.created_at
WHERE totp.confirmed_at IS NULL
"""  # noqa: S608  constant columns
_FIND = f"SELECT {_COLUMNS} FROM totp WHERE user_id = :user_id"  # noqa: S608
_CONFIRM = """
UPDATE totp SET confirmed_at = :now, last_step = :step
WHERE user_id = :user_id AND sealed_secret = :sealed_secret AND confirmed_at IS NULL
"""
_SHOWN = "UPDATE sessions SET amr = :amr WHERE id = :id AND ended_at IS NULL"
_BURN = """
UPDATE totp SET last_step = :step
WHERE user_id = :user_id AND last_step < :step AND confirmed_at IS NOT NULL
"""
_LIST = f"""
SELECT {_COLUMNS} FROM totp WHERE user_id > :after ORDER BY user_id LIMIT :at_most
"""  # noqa: S608  constant columns
_RESEAL = """
UPDATE totp SET sealed_secret = :resealed
WHERE user_id = :user_id AND sealed_secret = :sealed_secret
"""
_REMOVE = "DELETE FROM totp WHERE user_id = :user_id RETURNING confirmed_at"
_ENABLE = "UPDATE users SET mfa_enabled = :enabled WHERE id = :user_id"
_REMOVE_CODES = "DELETE FROM recovery_codes WHERE user_id = :user_id"
_INSERT_CODE = "INSERT INTO recovery_codes (user_id, code_hash) VALUES (:user_id, :code_hash)"
_CONSUME_CODE = "DELETE FROM recovery_codes WHERE user_id = :user_id AND code_hash = :code_hash"
_COUNT_CODES = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = :user_id"


class SqlTotpFactors:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def propose(self, totp: Totp) -> bool:
        proposed = await self._statements.change(
            _PROPOSE,
            {
                "user_id": totp.user_id,
                "sealed_secret": totp.sealed_secret,
                "last_step": totp.last_step,
                "created_at": totp.created_at,
            },
        )
        return proposed == 1

    async def find(self, user_id: str) -> Totp | None:
        row = await self._statements.row(_FIND, {"user_id": user_id})
        return None if row is None else _totp_of(row)

    async def confirm(self, totp: Totp, *, step: int, now: Instant, shown_in: Session) -> bool:
        await self._statements.claim(Claim.USER, totp.user_id)
        confirmed = await self._statements.change(
            _CONFIRM,
            {
                "user_id": totp.user_id,
                "sealed_secret": totp.sealed_secret,
                "step": step,
                "now": now,
            },
        )
        if confirmed:
            methods = " ".join(shown_in.amr)
            await self._statements.change(_SHOWN, {"id": shown_in.id, "amr": methods})
            await self._enable(totp.user_id, enabled=True)
        return confirmed == 1

    async def burn(self, user_id: str, step: int) -> bool:
        return await self._statements.change(_BURN, {"user_id": user_id, "step": step}) == 1

    async def list_after(self, user_id: str, *, at_most: int) -> Sequence[Totp]:
        rows = await self._statements.rows(_LIST, {"after": user_id, "at_most": at_most})
        return [_totp_of(row) for row in rows]

    async def reseal(self, totp: Totp, sealed_secret: bytes) -> None:
        await self._statements.change(
            _RESEAL,
            {
                "user_id": totp.user_id,
                "sealed_secret": totp.sealed_secret,
                "resealed": sealed_secret,
            },
        )

    async def remove(self, user_id: str) -> bool:
        await self._statements.claim(Claim.USER, user_id)
        removed = await self._statements.rows(_REMOVE, {"user_id": user_id})
        await self._statements.change(_REMOVE_CODES, {"user_id": user_id})
        was_confirmed = any(row[0] is not None for row in removed)
        if was_confirmed:
            await self._enable(user_id, enabled=False)
        return was_confirmed

    async def _enable(self, user_id: str, *, enabled: bool) -> None:
        await self._statements.change(_ENABLE, {"user_id": user_id, "enabled": int(enabled)})
        await note(self._statements, Topic.USER, user_id)


def _totp_of(row: Row) -> Totp:
    user_id, sealed, step, created, confirmed = row
    assert isinstance(sealed, bytes)
    return Totp(
        user_id=str(user_id),
        sealed_secret=sealed,
        last_step=int(step or 0),
        created_at=int(created or 0),
        confirmed_at=None if confirmed is None else int(confirmed),
    )


class SqlRecoveryCodes:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def replace(self, user_id: str, hashes: Sequence[bytes]) -> None:
        await self._statements.claim(Claim.USER, user_id)
        await self._statements.change(_REMOVE_CODES, {"user_id": user_id})
        for code_hash in hashes:
            await self._statements.change(
                _INSERT_CODE, {"user_id": user_id, "code_hash": code_hash}
            )

    async def consume(self, user_id: str, code_hash: bytes) -> bool:
        consumed = await self._statements.change(
            _CONSUME_CODE, {"user_id": user_id, "code_hash": code_hash}
        )
        return consumed == 1

    async def count(self, user_id: str) -> int:
        row = await self._statements.row(_COUNT_CODES, {"user_id": user_id})
        return int(row[0] or 0) if row else 0
