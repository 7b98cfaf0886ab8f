"""Statements on PostgreSQL: one by one, each committed on its own, or in a transaction."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import Final

from watchword.adapters.sql.failures import Observe, StoreFailed
from watchword.adapters.sql.postgres.address import SEARCH_WITHIN
from watchword.adapters.sql.postgres.dialect import Dialect
from watchword.adapters.sql.postgres.driver import CLASHES, FAILURES, Connection, OneOrMany
from watchword.adapters.sql.postgres.failures import is_gone, translate
from watchword.adapters.sql.postgres.pool import Pool
from watchword.adapters.sql.statements import Claim, Parameters, Row
from watchword.domain.time import SECOND
from watchword.ports import Topic

_ATTEMPTS: Final = 4
# Fewer than the pool keeps from transactions, so that who is in one can read beside it.
_SEARCHES_AT_ONCE: Final = 1


def count_of(tag: str) -> int:
    """How many rows, of a status tag: ``UPDATE 1``, ``INSERT 0 1``."""
    return int(tag.rpartition(" ")[2])


class Singles:
    """Each statement is a transaction of its own, and one round trip. When others were in its way,
    nothing of it has happened, and it is tried again.

    ``holds``: see `Dialect`. Where nothing is held nothing is changed, so that what a connection
    took with it is asked again on another.
    """

    def __init__(self, pool: Pool, *, holds: bool, timeout: float | None = None) -> None:
        self._pool = pool
        self._dialect = Dialect(holds=holds)
        self._only_reads = not holds
        self._timeout = timeout

    async def rows(self, sql: str, parameters: Mapping[str, OneOrMany]) -> Sequence[Row]:
        text, values = self._dialect.translate(sql, parameters)
        for left in reversed(range(_ATTEMPTS)):
            connection = await self._pool.acquire()
            try:
                rows = await connection.fetch(text, *values, timeout=self._timeout)
            except BaseException as error:  # noqa: BLE001  raised again there
                self._settle(connection, error, left)
            else:
                self._pool.release(connection)
                return rows
        raise AssertionError  # the last attempt has returned or raised

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    async def change(self, sql: str, parameters: Parameters) -> int:
        text, values = self._dialect.translate(sql, parameters)
        for left in reversed(range(_ATTEMPTS)):
            connection = await self._pool.acquire()
            try:
                # Without values it would be sent as a script, whose tag is that of its last part.
                tag = await connection.execute(text, *values, timeout=self._timeout)
            except BaseException as error:  # noqa: BLE001  raised again there
                self._settle(connection, error, left)
            else:
                self._pool.release(connection)
                return count_of(tag)
        raise AssertionError  # the last attempt has returned or raised

    async def change_each(self, sql: str, each: Iterable[Parameters]) -> None:
        for parameters in each:
            await self.change(sql, parameters)

    async def claim(self, what: Claim, key: str | bytes = "") -> None:
        """What is read outside a transaction is nobody's."""

    async def note(self, topic: Topic, subject: str, proof: int) -> None:
        raise AssertionError(
            f"A change of {topic} {subject!r} ({proof}) belongs into a transaction."
        )

    def note_again(self, topic: Topic, subject: str) -> None:
        raise AssertionError(f"An end of {topic} {subject!r} belongs into a transaction.")

    def _settle(self, connection: Connection, error: BaseException, left: int) -> None:
        """Return when it may be tried again, else raise."""
        if not isinstance(error, FAILURES):
            self._pool.release(connection, broken=True)
            raise error
        gone = is_gone(error)
        self._pool.release(connection, broken=gone or isinstance(error, TimeoutError))
        if gone:
            self._pool.forget_idle()
        is_harmless = isinstance(error, CLASHES) or (gone and self._only_reads)
        if not (is_harmless and left):
            raise translate(error) from None


class Searches:
    """Reads that may be long: one at a time, so that they leave connections for the others."""

    def __init__(self, pool: Pool, observe: Observe) -> None:
        self._singles = Singles(pool, holds=False, timeout=SEARCH_WITHIN / SECOND)
        self._room = asyncio.Semaphore(_SEARCHES_AT_ONCE)
        self._observe = observe

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        try:
            async with asyncio.timeout(SEARCH_WITHIN / SECOND):
                await self._room.acquire()
        except TimeoutError:
            raise StoreFailed("Too many searches at once.") from None
        started = perf_counter()
        try:
            return await self._singles.rows(sql, parameters)
        finally:
            self._room.release()
            self._observe("search", perf_counter() - started)

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None
