"""Links, known devices and signing keys in SQL."""

from collections.abc import Sequence

from watchword.adapters.sql.changes import note
from watchword.adapters.sql.statements import Claim, Row, Statements
from watchword.domain.errors import LinkInvalid
from watchword.domain.links import Link, Purpose
from watchword.domain.time import Instant, Span
from watchword.ports import StoredKey, Topic

_LINK = "token_hash, purpose, user_id, created_at, expires_at, address, binding, detail"
_REPLACE_LINKS = "DELETE FROM links WHERE purpose = :purpose AND user_id = :user_id"
_INSERT_LINK = """
INSERT INTO links (token_hash, purpose, user_id, created_at, expires_at, address, binding, detail)
VALUES (:token_hash, :purpose, :user_id, :created_at, :expires_at, :address, :binding, :detail)
"""
_IS_LIVE = f"""
SELECT {_LINK} FROM links
WHERE token_hash = :token_hash AND purpose = :purpose AND expires_at > :now
"""  # noqa: S608  constant columns
_CONSUME_LINK = f"""
DELETE FROM links WHERE token_hash = :token_hash AND purpose = :purpose AND expires_at > :now
    AND (binding IS NULL OR binding = :binding)
RETURNING {_LINK}
"""  # noqa: S608  constant columns
_DISCARD_LINKS = "DELETE FROM links WHERE user_id = :user_id"
_IS_KNOWN = "SELECT 1 FROM devices WHERE user_id = :user_id AND device_hash = :device_hash"
_LAST_SEEN = """
SELECT last_seen_at FROM devices WHERE user_id = :user_id AND device_hash = :device_hash
"""
_HAS_ANY = "SELECT 1 FROM devices WHERE user_id = :user_id LIMIT 1"
_REMEMBER = """
INSERT INTO devices (user_id, device_hash, first_seen_at, last_seen_at)
SELECT u.id, :device_hash, :now, :now FROM users u WHERE u.id = :user_id
ON CONFLICT (user_id, device_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
"""
_TRUST = """
UPDATE devices SET trusted_until = :until WHERE user_id = :user_id AND device_hash = :device_hash
"""
_IS_TRUSTED = """
SELECT 1 FROM devices
WHERE user_id = :user_id AND device_hash = :device_hash AND trusted_until > :now
"""
_DISTRUST = "UPDATE devices SET trusted_until = NULL WHERE user_id = :user_id"
_LIST_KEYS = """
SELECT kid, algorithm, sealed, created_at, activated_at, retires_at FROM signing_keys
ORDER BY created_at, kid
"""
_INSERT_KEY = """
INSERT INTO signing_keys (kid, algorithm, sealed, created_at, activated_at, retires_at)
VALUES (:kid, :algorithm, :sealed, :created_at, :activated_at, :retires_at)
"""
_RETIRE_KEYS = """
UPDATE signing_keys SET retires_at = :retires_at
WHERE activated_at IS NOT NULL AND retires_at IS NULL AND kid <> :kid
"""
_ACTIVATE_KEY = """
UPDATE signing_keys SET activated_at = :now WHERE kid = :kid AND activated_at IS NULL
"""
_RESEAL_KEY = "UPDATE signing_keys SET sealed = :sealed WHERE kid = :kid"
_DELETE_KEY = "DELETE FROM signing_keys WHERE kid = :kid"


class SqlLinks:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def insert(self, link: Link) -> None:
        owner = link.user_id or ""
        if link.purpose.replaces:
            # The first administrator's links are of nobody: they go with the set of those.
            what = Claim.USER if owner else Claim.ADMINISTRATORS
            await self._statements.claim(what, owner)
            await self._statements.change(
                _REPLACE_LINKS, {"purpose": link.purpose.value, "user_id": owner}
            )
        await self._statements.change(
            _INSERT_LINK,
            {
                "token_hash": link.token_hash,
                "purpose": link.purpose.value,
                "user_id": owner,
                "created_at": link.created_at,
                "expires_at": link.expires_at,
                "address": link.address,
                "binding": link.binding,
                "detail": link.detail,
            },
        )

    async def require_live(self, token_hash: bytes, purpose: Purpose, *, now: Instant) -> Link:
        # What is read of its owner next must be of before it was used, as it is.
        await self._statements.claim(Claim.OWNER_OF_LINK, token_hash)
        row = await self._statements.row(
            _IS_LIVE, {"token_hash": token_hash, "purpose": purpose.value, "now": now}
        )
        if row is None:
            raise LinkInvalid
        return _link_of(row)

    async def consume(
        self,
        token_hash: bytes,
        purpose: Purpose,
        *,
        now: Instant,
        binding: bytes | None = None,
    ) -> Link | None:
        await self._statements.claim(Claim.OWNER_OF_LINK, token_hash)
        rows = await self._statements.rows(
            _CONSUME_LINK,
            {
                "token_hash": token_hash,
                "purpose": purpose.value,
                "now": now,
                "binding": binding,
            },
        )
        return _link_of(rows[0]) if rows else None

    async def discard(self, user_id: str) -> None:
        await self._statements.change(_DISCARD_LINKS, {"user_id": user_id})


def _link_of(row: Row) -> Link:
    token_hash, purpose, user_id, created, expires, address, binding, detail = row
    assert isinstance(token_hash, bytes)
    assert binding is None or isinstance(binding, bytes)
    return Link(
        token_hash,
        Purpose(str(purpose)),
        str(user_id) or None,
        int(created or 0),
        int(expires or 0),
        str(address),
        binding,
        str(detail),
    )


class SqlDevices:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def is_known(self, user_id: str, device_hash: bytes) -> bool:
        row = await self._statements.row(
            _IS_KNOWN, {"user_id": user_id, "device_hash": device_hash}
        )
        return row is not None

    async def last_seen(self, user_id: str, device_hash: bytes) -> Instant | None:
        row = await self._statements.row(
            _LAST_SEEN, {"user_id": user_id, "device_hash": device_hash}
        )
        return None if row is None else int(row[0] or 0)

    async def has_any(self, user_id: str) -> bool:
        return await self._statements.row(_HAS_ANY, {"user_id": user_id}) is not None

    async def remember(self, user_id: str, device_hash: bytes, *, now: Instant) -> None:
        await self._statements.change(
            _REMEMBER, {"user_id": user_id, "device_hash": device_hash, "now": now}
        )

    async def trust(self, user_id: str, device_hash: bytes, *, until: Instant) -> None:
        await self._statements.change(
            _TRUST, {"user_id": user_id, "device_hash": device_hash, "until": until}
        )

    async def is_trusted(self, user_id: str, device_hash: bytes, *, now: Instant) -> bool:
        row = await self._statements.row(
            _IS_TRUSTED, {"user_id": user_id, "device_hash": device_hash, "now": now}
        )
        return row is not None

    async def distrust(self, user_id: str) -> None:
        await self._statements.change(_DISTRUST, {"user_id": user_id})


class SqlKeys:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def list_keys(self) -> Sequence[StoredKey]:
        await self._statements.claim(Claim.KEYS)
        return [_key_of(row) for row in await self._statements.rows(_LIST_KEYS, {})]

    async def insert(self, key: StoredKey) -> None:
        await self._statements.change(
            _INSERT_KEY,
            {
                "kid": key.kid,
                "algorithm": key.algorithm,
                "sealed": key.sealed,
                "created_at": key.created_at,
                "activated_at": key.activated_at,
                "retires_at": key.retires_at,
            },
        )
        await note(self._statements, Topic.KEYS)

    async def activate(self, kid: str, *, now: Instant, overlap: Span) -> None:
        await self._statements.claim(Claim.KEYS)
        activated = await self._statements.change(_ACTIVATE_KEY, {"kid": kid, "now": now})
        if activated:
            await self._statements.change(_RETIRE_KEYS, {"kid": kid, "retires_at": now + overlap})
            await note(self._statements, Topic.KEYS)

    async def reseal(self, kid: str, sealed: bytes) -> None:
        await self._statements.change(_RESEAL_KEY, {"kid": kid, "sealed": sealed})

    async def delete(self, kid: str) -> None:
        await self._statements.change(_DELETE_KEY, {"kid": kid})
        await note(self._statements, Topic.KEYS)


def _key_of(row: Row) -> StoredKey:
    kid, algorithm, sealed, created, activated, retires = row
    assert isinstance(sealed, bytes)
    return StoredKey(
        str(kid),
        str(algorithm),
        sealed,
        int(created or 0),
        None if activated is None else int(activated),
        None if retires is None else int(retires),
    )
