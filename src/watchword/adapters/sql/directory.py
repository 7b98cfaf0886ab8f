"""Reads over many accounts, and the clean-up of what has ended."""

from watchword.adapters.sql.accounts import COLUMNS, account_of
from watchword.adapters.sql.statements import UNCLAIMED, Queries, Statements, Value, all_of
from watchword.domain.accounts import Account
from watchword.domain.attempts import FORGOTTEN_AFTER
from watchword.domain.devices import DEVICE_LIFETIME
from watchword.domain.revocations import KEPT
from watchword.domain.time import Instant, Span
from watchword.ports import AccountQuery, Page, PageRequest

_SELECT = f"SELECT {COLUMNS} FROM users u"  # noqa: S608  constant columns
_TEXT = "(lower(u.email) LIKE :text ESCAPE '!' OR lower(u.name) LIKE :text ESCAPE '!')"
_SIGNED_IN = """
SELECT DISTINCT user_id FROM sessions WHERE ended_at IS NULL AND user_id > :after
ORDER BY user_id LIMIT :limit
"""


class SqlDirectory:
    """``slow`` runs off the event loop: a search may have to read every row."""

    def __init__(self, slow: Queries) -> None:
        self._slow = slow

    async def list_accounts(self, query: AccountQuery, page: PageRequest) -> Page[Account]:
        """Newest first; ``text`` is looked for anywhere in the address and the name."""
        where, parameters = all_of(
            ("u.role = :role", "role", query.role),
            ("u.status = :status", "status", query.status and query.status.value),
            (_TEXT, "text", f"%{_escape(query.text.lower())}%" if query.text else None),
            ("u.id < :after", "after", page.after),
        )
        sql = f"{_SELECT} {where} ORDER BY u.id DESC LIMIT :limit"
        rows = await self._slow.rows(sql, {**parameters, "limit": page.limit + 1})
        shown = [account_of(row) for row in rows[: page.limit]]
        return Page(shown, shown[-1].id if len(rows) > page.limit else None)

    async def list_signed_in(self, page: PageRequest) -> Page[str]:
        parameters: dict[str, Value] = {"after": page.after or "", "limit": page.limit + 1}
        ids = [str(row[0]) for row in await self._slow.rows(_SIGNED_IN, parameters)]
        shown = ids[: page.limit]
        return Page(shown, shown[-1] if len(ids) > page.limit else None)


def _escape(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _piece(table: str, key: str, condition: str) -> str:
    """Remove a bounded piece; what another process removes at this moment is left to it."""
    names = key.strip("()")
    return f"""
    DELETE FROM {table} WHERE {key} IN (
        WITH gone AS (SELECT {names} FROM {table} WHERE {condition} LIMIT :at_most {UNCLAIMED})
        SELECT {names} FROM gone)
    """  # noqa: S608  constant text


_PURGES = (
    _piece("sessions", "id", "expires_at <= :now"),
    _piece("sessions", "id", "ended_at <= :forgotten"),
    _piece("devices", "(user_id, device_hash)", "last_seen_at <= :unused"),
    _piece("links", "token_hash", "expires_at <= :now"),
    _piece("limits", "key", "resets_at <= :now"),
    _piece("lockouts", "key", "last_at <= :forgotten AND key LIKE 'address:%'"),
    _piece("signing_keys", "kid", "retires_at IS NOT NULL AND retires_at <= :now"),
    _piece("audit_events", "seq", "at < :too_old ORDER BY at"),
)
# The newest changes stay: a process that has slept longer than this forgets all its pictures. So do
# those that another service may still have to be told of.
_TRIM_CHANGES = _piece(
    "changes",
    "seq",
    "seq <= (SELECT MAX(seq) FROM changes) - 10000 AND at < :told ORDER BY seq",
)
LIVE_SESSIONS = """
FROM sessions WHERE ended_at IS NULL AND idle_expires_at > :now AND expires_at > :now
"""
_COUNT_LIVE = f"SELECT COUNT(*) {LIVE_SESSIONS}"


class SqlPurge:
    """What has ended is removed a bounded piece at a time."""

    def __init__(self, statements: Statements, *, audit_retention: Span | None) -> None:
        self._statements = statements
        self._audit_retention = audit_retention

    async def purge(self, now: Instant, *, at_most: int) -> int:
        times: dict[str, Value] = {
            "now": now,
            "forgotten": now - FORGOTTEN_AFTER,
            "unused": now - DEVICE_LIFETIME,
            "too_old": 0 if self._audit_retention is None else now - self._audit_retention,
        }
        removed = 0
        for sql in _PURGES:
            needed = {name: value for name, value in times.items() if f":{name}" in sql}
            left = {"at_most": at_most - removed}
            removed += await self._statements.change(sql, needed | left)
        await self._statements.change(_TRIM_CHANGES, {"told": now - KEPT, "at_most": at_most})
        return removed


async def count_live_sessions(slow: Queries, now: Instant) -> int:
    row = await slow.row(_COUNT_LIVE, {"now": now})
    return int(row[0] or 0) if row else 0
