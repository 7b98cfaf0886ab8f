"""The driver, as far as it is used, with types: the only module that imports asyncpg."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import asyncpg

from watchword.adapters.sql.postgres.address import ANSWER_WITHIN, CONNECT_WITHIN, Address
from watchword.adapters.sql.statements import Row, Value
from watchword.domain.time import SECOND

# Many values for one parameter, which the text takes apart: ``unnest(CAST(:ids AS text[]))``.
OneOrMany = Value | Sequence[str] | Sequence[int]
Heard = Callable[[object, int, str, str], None]


class Connection(Protocol):
    """``timeout`` in seconds; `ANSWER_WITHIN` when it is not given."""

    async def fetch(
        self,
        sql: str,
        *values: OneOrMany,
        timeout: float | None = None,  # noqa: ASYNC109  the driver's
    ) -> Sequence[Row]: ...

    async def execute(
        self,
        sql: str,
        *values: OneOrMany,
        timeout: float | None = None,  # noqa: ASYNC109  as above
    ) -> str:
        """The status tag, as ``UPDATE 1``."""
        ...

    async def executemany(self, sql: str, each: Iterable[Sequence[OneOrMany]]) -> None: ...

    async def add_listener(self, channel: str, heard: Heard) -> None: ...

    def add_termination_listener(self, ended: Callable[[object], None]) -> None: ...

    def is_closed(self) -> bool: ...

    def is_in_transaction(self) -> bool: ...

    def terminate(self) -> None: ...


PostgresError: Final[type[Exception]] = asyncpg.PostgresError
Unique: Final[type[Exception]] = asyncpg.UniqueViolationError
# A transaction that was in the way of another one: nothing of it has happened.
CLASHES: Final[tuple[type[Exception], ...]] = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
# What the driver raises, and what the operating system and the clock raise through it; a ValueError
# where what answers cannot be read, and is perhaps no PostgreSQL at all.
FAILURES: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    ValueError,
)


async def connect(address: Address) -> Connection:
    """A connection in autocommit. Raise one of `FAILURES`."""
    opened: Connection = await asyncpg.connect(
        address.dsn,
        timeout=CONNECT_WITHIN / SECOND,
        command_timeout=ANSWER_WITHIN / SECOND,
        statement_cache_size=address.statements,
        max_cached_statement_lifetime=0,
        server_settings=dict(address.settings),
    )
    return opened
