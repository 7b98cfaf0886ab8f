"""A transaction: one connection, READ COMMITTED, committed before its block is left."""

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from types import TracebackType
from typing import Final, Generic, NoReturn, TypeVar

from watchword.adapters.sql.failures import Observe, StoreFailed
from watchword.adapters.sql.postgres.channel import Channel, Noting
from watchword.adapters.sql.postgres.dialect import Dialect, storable
from watchword.adapters.sql.postgres.driver import FAILURES, Connection, OneOrMany
from watchword.adapters.sql.postgres.failures import is_gone, translate
from watchword.adapters.sql.postgres.pool import Pool
from watchword.adapters.sql.postgres.running import count_of
from watchword.adapters.sql.statements import Claim, Parameters, Row
from watchword.ports import Change, Clock, Recorded, Topic

Given = TypeVar("Given")
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_ROLLBACK_WITHIN: Final = 1.0  # seconds
LONGEST: Final = 20.0  # seconds from the first change that is noted to the commit
_OWNER: Final = "SELECT u.id FROM users u JOIN {} s ON s.user_id = u.id WHERE s.{} = $1"
_HELD: Final = " FOR NO KEY UPDATE OF u"
_CLAIMS: Final = {
    Claim.USER: "SELECT u.id FROM users u WHERE u.id = $1" + _HELD,  # noqa: S608  constant text
    Claim.OWNER_OF_SESSION: _OWNER.format("sessions", "id") + _HELD,
    Claim.OWNER_OF_LINK: _OWNER.format("links", "token_hash") + _HELD,
    Claim.OWNER_OF_PASSKEY: _OWNER.format("passkeys", "id") + _HELD,
    Claim.SESSIONS_OF_USER: "SELECT id FROM sessions WHERE user_id = $1 ORDER BY id FOR UPDATE",
}
# Sets that have no row of their own: a lock by number, "watchword" in bytes and one more.
_SETS: Final = {Claim.ADMINISTRATORS: 0x77617463_68776F01, Claim.KEYS: 0x77617463_68776F02}
_CLAIM_SET: Final = "SELECT pg_advisory_xact_lock($1)"


class InTransaction:
    """`Statements` on the one connection; ``notes`` are the changes that it makes known,
    ``noted_at`` is when it noted the first.
    """

    def __init__(
        self, connection: Connection, dialect: Dialect, *, clock: Clock, noting: Noting
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._clock = clock
        self._noting = noting
        self._claimed: set[tuple[Claim, str | bytes]] = set()
        self.notes: list[Recorded] = []
        self.noted_at: float | None = None
        self.noted_again: list[Change] = []
        self.is_over = False

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        text, values = self._dialect.translate(sql, parameters)
        return await self._fetch(text, values)

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    async def change(self, sql: str, parameters: Parameters) -> int:
        text, values = self._dialect.translate(sql, parameters)
        self._require_open()
        try:
            return count_of(await self._connection.execute(text, *values))
        except FAILURES as error:
            self._fail(error)

    async def change_each(self, sql: str, each: Iterable[Parameters]) -> None:
        todo = [self._dialect.translate(sql, parameters) for parameters in each]
        self._require_open()
        if not todo:
            return
        try:
            await self._connection.executemany(todo[0][0], [values for _, values in todo])
        except FAILURES as error:
            self._fail(error)

    async def claim(self, what: Claim, key: str | bytes = "") -> None:
        if (what, key) in self._claimed:
            return
        if what in _SETS:
            await self._fetch(_CLAIM_SET, [_SETS[what]])
        else:
            rows = await self._fetch(_CLAIMS[what], [storable(key)])
            if rows and what is not Claim.SESSIONS_OF_USER:
                self._claimed.add((Claim.USER, str(rows[0][0])))
        self._claimed.add((what, key))

    async def note(self, topic: Topic, subject: str, proof: int) -> None:
        if self.noted_at is None:
            self.noted_at = perf_counter()
        noted = [self._clock.now(), topic.value, subject, proof, *self._noting.more]
        [row] = await self._fetch(self._noting.sql, noted)
        change = Change(topic, subject)
        self.notes.append(Recorded(int(row[0] or 0), int(row[1] or 0), change, proof))

    def note_again(self, topic: Topic, subject: str) -> None:
        self.noted_again.append(Change(topic, subject))

    async def _fetch(self, text: str, values: Sequence[OneOrMany]) -> Sequence[Row]:
        self._require_open()
        try:
            return await self._connection.fetch(text, *values)
        except FAILURES as error:
            self._fail(error)

    def _require_open(self) -> None:
        if self.is_over:
            raise StoreFailed("The transaction is over.")

    def _fail(self, error: Exception) -> NoReturn:
        raise translate(error) from None


class Transactions:
    """Opens them. ``clock`` tells when a change was noted; ``channel`` says how, and is told of it
    once it is committed, or may be; the block is left when that is done.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        clock: Clock,
        channel: Channel,
        observe: Observe,
    ) -> None:
        self.pool = pool
        self.channel = channel
        self.observe = observe
        self._clock = clock
        self._dialect = Dialect(holds=True)

    def begin(self, given: Callable[[InTransaction], Given]) -> "Transaction[Given]":
        """Its block is given what ``given`` makes of its statements."""
        return Transaction(self, given)

    def statements_on(self, connection: Connection) -> InTransaction:
        return InTransaction(
            connection, self._dialect, clock=self._clock, noting=self.channel.noting
        )


class Transaction(Generic[Given]):
    __slots__ = ("_given", "_of", "_statements", "_taken")

    def __init__(self, of: Transactions, given: Callable[[InTransaction], Given]) -> None:
        self._of = of
        self._given = given

    async def __aenter__(self) -> Given:
        await self._of.pool.enter_transaction()
        try:
            connection = await self._begun()
        except BaseException:
            self._of.pool.leave_transaction()
            raise
        self._taken = connection
        self._statements = self._of.statements_on(connection)
        return self._given(self._statements)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Where the outcome of the commit is not known, the channel is told of that. Nothing that
        others could wait for is held meanwhile.
        """
        self._statements.is_over = True
        is_committed = False
        try:
            if kind is not None:
                await self._roll_back()
            elif self._is_late():
                await self._roll_back()
                raise StoreFailed("The transaction took too long, and is given up.")
            else:
                await self._commit()
                is_committed = True
        finally:
            self._of.pool.leave_transaction()
            if kind is None:
                await self._tell(is_committed=is_committed)

    async def _tell(self, *, is_committed: bool) -> None:
        notes, again = self._statements.notes, self._statements.noted_again
        if not (notes or again):
            return
        if is_committed:
            await self._of.channel.announce(notes, again)
        else:
            await self._of.channel.doubt([*(recorded.change for recorded in notes), *again])

    def _is_late(self) -> bool:
        """Whoever polls looks back so far, and no farther, for what is committed late."""
        noted_at = self._statements.noted_at
        return noted_at is not None and perf_counter() - noted_at > LONGEST

    async def _begun(self) -> Connection:
        """One that was idle may have died meanwhile: nothing has happened on it."""
        pool = self._of.pool
        for left in (1, 0):
            connection = await pool.acquire()
            try:
                await connection.execute(_BEGIN)
            except BaseException as error:
                pool.release(connection, broken=True)
                if not isinstance(error, FAILURES):
                    raise
                if not (is_gone(error) and left):
                    raise translate(error) from None
                pool.forget_idle()
            else:
                return connection
        raise AssertionError  # the last attempt has returned or raised

    async def _commit(self) -> None:
        of, connection = self._of, self._taken
        started, broken = perf_counter(), True
        try:
            tag = await connection.execute("COMMIT")
            broken = False
        except FAILURES as error:
            raise translate(error) from None
        finally:
            of.pool.release(connection, broken=broken)
            of.observe("commit", perf_counter() - started)
        if tag != "COMMIT":
            raise StoreFailed("The database rolled the transaction back: a statement had failed.")

    async def _roll_back(self) -> None:
        """A connection that does not say that it did is closed: then the server does it."""
        broken = True
        try:
            await self._taken.execute("ROLLBACK", timeout=_ROLLBACK_WITHIN)
            broken = False
        except FAILURES:
            pass
        finally:
            self._of.pool.release(self._taken, broken=broken)
