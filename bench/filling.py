"""Many rows at once, made by the database itself as copies of one that production code wrote."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.figures import BenchFailed
from bench.newcomers import ADDRESS_SQL
from bench.stores import Home

_PIECE: Final = 100_000  # rows in one transaction
_APART: Final = 7  # ms between two rows: in production no two have the same times
_USER_TIMES: Final = ("created_at",)
_SESSION_TIMES: Final = (
    *("rotated_at", "created_at", "last_seen_at", "idle_expires_at"),
    *("expires_at", "authenticated_at"),
)


def fill_accounts(home: Home, size: int, *, tell: Callable[[str], None]) -> None:
    """From the only one up to ``size``: each with its own id, and the address of its number."""
    changes = {
        "id": _id("user", len(_only(home, "users"))),
        "email": ADDRESS_SQL,
        "email_key": ADDRESS_SQL,
        **_earlier(_USER_TIMES, size),
    }
    _fill(home, "users", changes, size, tell=tell)


def fill_sessions(home: Home, size: int, *, tell: Callable[[str], None]) -> None:
    """From the only one up to ``size``: one for each of the accounts that were filled in."""
    ((owner, salt),) = home.run("SELECT length(user_id), length(salt) FROM sessions")
    changes = {
        "id": _id("session", len(_only(home, "sessions"))),
        "user_id": _id("user", owner),
        "salt": f"CAST({_id('salt', salt)} AS {_bytes(home)})",
        **_earlier(_SESSION_TIMES, size),
    }
    _fill(home, "sessions", changes, size, tell=tell)


def _only(home: Home, table: str) -> str:
    ((name,),) = home.run(f"SELECT id FROM {table}")
    return str(name)


def _id(kind: str, length: int) -> str:
    return f"substr(bench_key('{kind} ', n), 1, {length})"


def _bytes(home: Home) -> str:
    return "BYTEA" if "WATCHWORD_DATABASE_URL" in home.settings else "BLOB"


def _earlier(names: tuple[str, ...], size: int) -> dict[str, str]:
    return {name: f"t.{name} - ({size} - n) * {_APART}" for name in names}


def _fill(
    home: Home, table: str, changes: Mapping[str, str], size: int, *, tell: Callable[[str], None]
) -> None:
    names = home.columns(table)
    if missing := changes.keys() - set(names):
        raise BenchFailed(f"The table {table} has no {sorted(missing)}.")
    values = ", ".join(changes.get(name, f"t.{name}") for name in names)
    pattern = _only(home, table)
    for first in range(1, size, _PIECE):
        last = min(first + _PIECE, size) - 1
        tell(f"{table}, {last:,} of {size:,}")
        # The pattern is looked for once: by statistics of a single row, any way to it is as good.
        home.run(
            f"INSERT INTO {table} ({', '.join(names)}) "
            f"WITH RECURSIVE numbers(n) AS (SELECT CAST({first} AS BIGINT) UNION ALL"
            f" SELECT n + 1 FROM numbers WHERE n < {last}) "
            f"SELECT {values} FROM {table} t CROSS JOIN numbers WHERE t.id = '{pattern}'"
        )
    ((found,),) = home.run(f"SELECT COUNT(*) FROM {table}")
    if found != size:
        raise BenchFailed(f"Of {size:,} rows {table} has {found:,}.")
