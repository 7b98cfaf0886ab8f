"""What is kept of one person, read page by page from the indexes by user."""

from collections.abc import Sequence
from itertools import starmap

from watchword.adapters.sql.sessions import COLUMNS, session_of
from watchword.adapters.sql.statements import Queries, Row, Value, all_of
from watchword.domain.accounts import Account
from watchword.domain.letters import Reason
from watchword.domain.links import Purpose
from watchword.domain.sessions import Session
from watchword.ports import KnownDevice, OpenLink, Page, PageRequest, WaitingLetter

_SESSIONS = f"SELECT {COLUMNS} FROM sessions"  # noqa: S608  constant columns
_DEVICES = "SELECT device_hash, first_seen_at, last_seen_at, trusted_until FROM devices"
_LETTERS = "SELECT id, reason, created_at, due_at, attempts FROM letters"
_LINKS = "SELECT token_hash, purpose, created_at, expires_at FROM links"
# Of a letter in the name of an address it is found out when it is written whose it is.
_TO = "(user_id = :user_id OR (user_id = '' AND lower(address) = :address))"


class SqlHoldings:
    """``slow`` runs off the event loop."""

    def __init__(self, slow: Queries) -> None:
        self._slow = slow

    async def list_sessions(self, user_id: str, page: PageRequest) -> Page[Session]:
        where, known = all_of(
            ("user_id = :user_id", "user_id", user_id), ("id < :after", "after", page.after)
        )
        rows = await self._page(f"{_SESSIONS} {where} ORDER BY id DESC", known, page)
        shown = [session_of(row) for row in rows[: page.limit]]
        return Page(shown, shown[-1].id if len(rows) > page.limit else None)

    async def list_devices(self, user_id: str, page: PageRequest) -> Page[KnownDevice]:
        where, known = all_of(
            ("user_id = :user_id", "user_id", user_id),
            ("device_hash > :after", "after", _bytes_of(page)),
        )
        rows = await self._page(f"{_DEVICES} {where} ORDER BY device_hash", known, page)
        return Page(list(starmap(_device, rows[: page.limit])), _hash_after(rows, page))

    async def list_letters(self, account: Account, page: PageRequest) -> Page[WaitingLetter]:
        where, known = all_of((_TO, "user_id", account.id), ("id > :after", "after", page.after))
        named = {**known, "address": account.email.key}
        rows = await self._page(f"{_LETTERS} {where} ORDER BY id", named, page)
        following = str(rows[page.limit - 1][0]) if len(rows) > page.limit else None
        return Page(list(starmap(_letter, rows[: page.limit])), following)

    async def list_links(self, user_id: str, page: PageRequest) -> Page[OpenLink]:
        where, known = all_of(
            ("user_id = :user_id", "user_id", user_id),
            ("token_hash > :after", "after", _bytes_of(page)),
        )
        rows = await self._page(f"{_LINKS} {where} ORDER BY token_hash", known, page)
        return Page(list(starmap(_link, rows[: page.limit])), _hash_after(rows, page))

    async def _page(self, sql: str, known: dict[str, Value], page: PageRequest) -> Sequence[Row]:
        """One row more than there is room for, if there is one."""
        return await self._slow.rows(f"{sql} LIMIT :limit", {**known, "limit": page.limit + 1})


def _bytes_of(page: PageRequest) -> bytes | None:
    return None if page.after is None else bytes.fromhex(page.after)


def _hash_after(rows: Sequence[Row], page: PageRequest) -> str | None:
    """What to go on after; it leaves the process as little as the hash itself."""
    if len(rows) <= page.limit:
        return None
    last = rows[page.limit - 1][0]
    assert isinstance(last, bytes)
    return last.hex()


def _device(_: Value, first: Value, last: Value, trusted: Value) -> KnownDevice:
    until = None if trusted is None else int(trusted)
    return KnownDevice(int(first or 0), int(last or 0), until)


def _letter(_: Value, reason: Value, created: Value, due: Value, attempts: Value) -> WaitingLetter:
    return WaitingLetter(Reason(str(reason)), int(created or 0), int(due or 0), int(attempts or 0))


def _link(_: Value, purpose: Value, created: Value, expires: Value) -> OpenLink:
    return OpenLink(Purpose(str(purpose)), int(created or 0), int(expires or 0))
