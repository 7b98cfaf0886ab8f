"""When the server refuses, dies, or is slow: what people are told, and how it goes on."""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, node, until
from tests.faults.proxy import Proxy
from tests.servers.postgres import Server
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.channel import Channel
from watchword.adapters.sql.postgres.failures import Clashed, explain, is_gone, translate
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.adapters.sql.statements import UniqueViolation
from watchword.domain.errors import Unavailable
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import SECOND
from watchword.ports import Allowance, AuditQuery, PageRequest, Unit
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    find_account,
    given,
    given_session,
    rotated,
)

ADA = an_account()
SESSION = a_session(ADA)
_END_THE_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_END_THOSE_IN_TRANSACTIONS = f"{_END_THE_OTHERS} AND state = 'idle in transaction'"

READS: dict[str, Callable[[PostgresStore], Awaitable[object]]] = {
    "read": lambda s: s.reading.accounts.find(ADA.id),
    "write": lambda s: given(s, an_account("bob")),
    "count": lambda s: s.limits.hit("k", Allowance(1, SECOND), now=NOW),
    "check": lambda s: s.check(),
    "rotate": lambda s: rotated(s, SESSION),
}


class TestAnError:
    @pytest.mark.parametrize(
        ("error", "remedy"),
        [
            (asyncpg.TooManyConnectionsError("x"), "takes no more connections"),
            (asyncpg.CannotConnectNowError("x"), "stopped or is starting"),
            (asyncpg.AdminShutdownError("x"), "stopped or is starting"),
            (asyncpg.ReadOnlySQLTransactionError("x"), "read-only"),
            (asyncpg.QueryCanceledError("x"), "not answer in time"),
            (asyncpg.DiskFullError("x"), "disk is full"),
            (asyncpg.InvalidPasswordError("x"), "does not let us in"),
            (asyncpg.InvalidCatalogNameError("x"), "no such database"),
            (asyncpg.UndefinedTableError("x"), "watchword migrate"),
            (asyncpg.UndefinedColumnError("no column"), "42703: no column"),
            (asyncpg.DivisionByZeroError("hunter2"), "DivisionByZeroError, 22012"),
            (asyncpg.ConnectionDoesNotExistError("x"), "cannot be reached"),
            (asyncpg.InterfaceError("x"), "cannot be reached"),
            (ConnectionRefusedError("x"), "cannot be reached"),
            (TimeoutError(), "not answer in time"),
        ],
    )
    def test_is_explained_to_the_operator(self, error: Exception, remedy: str) -> None:
        failed = explain(error)
        assert isinstance(failed, Unavailable)
        assert remedy in str(failed)
        assert "hunter2" not in str(failed)

    def test_of_a_taken_key_is_one(self) -> None:
        assert isinstance(translate(asyncpg.UniqueViolationError("x")), UniqueViolation)

    @pytest.mark.parametrize("error", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError])
    def test_of_a_clash_may_be_tried_again(self, error: type[Exception]) -> None:
        assert isinstance(explain(error("x")), Clashed)
        assert not is_gone(error("x"))

    @pytest.mark.parametrize("name", READS)
    async def test_s04_without_a_server_nothing_is_granted_and_no_password_is_told(
        self, stopwatch: Stopwatch, name: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        secret = "hunter" + "2"  # which no line of a traceback shows by itself
        store = node(Address.parse(f"postgresql://u:{secret}@127.0.0.1:{port}/x"), stopwatch, 3)
        with pytest.raises(StoreFailed, match="cannot be reached") as raised:
            await READS[name](store)
        told = "".join(traceback.format_exception(raised.value)) + repr(store._pool._address)
        assert secret not in told
        await store.close()


class Stranger(Proxy):
    """Somebody else answers at the address of the server, until it is ``gone``."""

    gone = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.gone:
            await super()._serve(reader, writer)
            return
        await reader.read(8)  # the question for TLS
        writer.write(b"N")
        await reader.read(1_024)
        writer.write(_said(b"R", bytes(4)) + _said(b"S", b"server_version\0\xff\0"))
        writer.write(_said(b"K", bytes(8)) + _said(b"Z", b"I"))
        await writer.drain()
        writer.close()


def _said(kind: bytes, content: bytes) -> bytes:
    """A message of the protocol (PostgreSQL, section 55.7)."""
    return kind + (len(content) + 4).to_bytes(4) + content


class TestAnAnswerThatCannotBeRead:
    async def test_x05_is_no_other_failure_than_none_and_ends_with_its_cause(
        self, postgres_url: str, stopwatch: Stopwatch
    ) -> None:
        server = urlsplit(postgres_url)
        stranger = Stranger(str(server.hostname), server.port or 5432)
        async with stranger.running():
            place = server._replace(netloc=f"{server.username}@127.0.0.1:{stranger.port}")
            store = node(Address.parse(urlunsplit(place)), stopwatch, 3)
            for ask in READS.values():
                with pytest.raises(StoreFailed, match="cannot be reached"):
                    await ask(store)
            with pytest.raises(StoreFailed, match="not heard"):
                await store.revocations.ready(SECOND // 4)
            stranger.gone = True
            await store.revocations.ready(5 * SECOND)
            await store.check()
            await store.close()


class TestALostConnection:
    async def test_x09_takes_only_with_it_what_it_had_not_committed(
        self, store: PostgresStore, other: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await given(store, ADA)

        async def insert_and_die(unit: Unit) -> None:
            await unit.accounts.insert(an_account("bob"))
            await outsider.execute(_END_THOSE_IN_TRANSACTIONS)

        with pytest.raises(StoreFailed):
            await alone(store, insert_and_die)
        assert await other.reading.accounts.find("u-bob") is None
        await given(store, an_account("bob"))

    async def test_is_not_noticed_by_who_reads_or_begins_afterwards(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await asyncio.gather(*(given(store, an_account(f"p{n}")) for n in range(8)))
        await given(store, ADA)
        await outsider.execute(_END_THE_OTHERS)
        assert await find_account(store, ADA) == ADA
        await outsider.execute(_END_THE_OTHERS)
        await alone(store, lambda unit: unit.accounts.rename(ADA.id, "New"))

    async def test_in_the_middle_of_a_statement_says_so_to_who_waits_for_it(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await given(store, ADA)
        await given_session(store, SESSION)
        async with outsider.transaction():
            await outsider.execute("SELECT 1 FROM sessions FOR UPDATE")
            rotating = asyncio.create_task(rotated(store, SESSION))
            await _until_somebody_waits(outsider)
            await outsider.execute(f"{_END_THE_OTHERS} AND wait_event_type = 'Lock'")
        with pytest.raises(StoreFailed):
            await rotating
        assert await rotated(store, SESSION)

    async def test_of_a_cancelled_statement_is_not_used_again(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await given(store, ADA)
        await given_session(store, SESSION)
        async with outsider.transaction():
            await outsider.execute("SELECT 1 FROM sessions FOR UPDATE")
            rotating = asyncio.create_task(rotated(store, SESSION))
            await _until_somebody_waits(outsider)
            rotating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await rotating
        assert await find_account(store, ADA) == ADA


async def _until_somebody_waits(outsider: asyncpg.Connection) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(5):
        while await outsider.fetchrow(waiting) is None:
            pass


class TestAStatementThatFailed:
    async def test_ends_its_transaction_even_if_that_is_not_noticed(
        self, store: PostgresStore
    ) -> None:
        async def insert_twice(unit: Unit) -> None:
            await unit.accounts.insert(ADA)
            await unit.sessions.open(SESSION, limit=9, evicts=True, proven=None)
            with pytest.raises(UniqueViolation):
                await unit.sessions.open(SESSION, limit=9, evicts=True, proven=None)

        with pytest.raises(StoreFailed, match="rolled the transaction back"):
            await alone(store, insert_twice)
        assert await store.reading.accounts.find(ADA.id) is None

    async def test_leaves_nothing_to_do_in_a_transaction_that_is_over(
        self, store: PostgresStore
    ) -> None:
        async with store.transaction() as unit:
            pass
        with pytest.raises(StoreFailed, match="is over"):
            await unit.accounts.find(ADA.id)

    async def test_in_the_way_of_another_is_tried_again_by_counters_and_refreshes(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        """A trigger that clashes three times stands for a database that is strict with writers."""
        await given(store, ADA)
        await given_session(store, SESSION)
        await outsider.execute(_CLASH_THREE_TIMES)
        try:
            tally = await store.limits.hit("k", Allowance(5, SECOND), now=NOW)
            assert tally.remaining == 4
            await outsider.execute("ALTER SEQUENCE clashes RESTART")
            assert await rotated(store, SESSION)
        finally:
            await outsider.execute("DROP FUNCTION clash CASCADE; DROP SEQUENCE clashes")

    async def test_in_the_way_of_another_is_no_loss_to_a_transaction(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await outsider.execute(_CLASH_THREE_TIMES)
        try:
            with pytest.raises(Clashed):
                await alone(store, _insert_and_count)
            assert await store.reading.accounts.find(ADA.id) is None
        finally:
            await outsider.execute("DROP FUNCTION clash CASCADE; DROP SEQUENCE clashes")


async def _insert_and_count(unit: Unit) -> None:
    await unit.accounts.insert(ADA)
    await unit.sessions.open(SESSION, limit=1, evicts=True, proven=None)
    await unit.sessions.touch([(SESSION.id, NOW + 1)])


_CLASH_THREE_TIMES = """
CREATE SEQUENCE clashes;
CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('clashes') <= 3 THEN RAISE serialization_failure; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clash BEFORE INSERT OR UPDATE ON limits FOR EACH ROW EXECUTE FUNCTION clash();
CREATE TRIGGER clash BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION clash();
"""


@asynccontextmanager
async def _in_as_many_as_may_be(store: PostgresStore) -> AsyncIterator[None]:
    """Transactions that do nothing until the block is left."""
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def stay() -> None:
        async with store.transaction():
            inside.release()
            await leave.wait()

    staying = [asyncio.create_task(stay()) for _ in range(8)]
    for _ in staying:
        await inside.acquire()
    try:
        yield
    finally:
        leave.set()
        await asyncio.gather(*staying)


class TestThePool:
    async def test_waits_for_room_and_no_longer_than_it_says(
        self, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("watchword.adapters.sql.postgres.pool._TURN_WITHIN", 50)
        async with _in_as_many_as_may_be(store):
            with pytest.raises(StoreFailed, match="busy for too long"):
                await given(store, ADA)
            assert await store.reading.accounts.find(ADA.id) is None  # there is room to read
        await given(store, ADA)

    async def test_x01_has_room_to_read_however_long_others_search(
        self, store: PostgresStore, outsider: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("watchword.adapters.sql.postgres.pool._TURN_WITHIN", 500)
        async with outsider.transaction():
            await outsider.execute("LOCK TABLE audit_events")
            searching = [
                asyncio.create_task(store.reading.audit.list_events(AuditQuery(), PageRequest(9)))
                for _ in range(3)
            ]
            await _until_somebody_waits(outsider)
            async with _in_as_many_as_may_be(store):
                assert await store.reading.accounts.find(ADA.id) is None
        assert [page.rows for page in await asyncio.gather(*searching)] == [[]] * 3

    async def test_serves_many_more_than_it_has(self, store: PostgresStore) -> None:
        await asyncio.gather(*(given(store, an_account(f"p{n}")) for n in range(100)))
        found = await asyncio.gather(*(store.reading.accounts.find(f"u-p{n}") for n in range(100)))
        assert None not in found

    async def test_that_is_closed_refuses(self, address: Address, stopwatch: Stopwatch) -> None:
        store = node(address, stopwatch, 3)
        await store.check()
        await store.close()
        with pytest.raises(StoreFailed, match="closed"):
            await store.check()


class TestARestart:
    async def test_is_survived_without_one_of_ours(
        self,
        store: PostgresStore,
        other: PostgresStore,
        postgres_server: Server,
    ) -> None:
        if postgres_server.folder is None:
            pytest.skip("The server is not ours to restart.")
        await given(store, ADA)
        await given_session(store, SESSION)
        for node_ in (store, other):
            node_.revocations.news()
        await asyncio.to_thread(postgres_server.restart)
        for revocations in (store.revocations, other.revocations):
            await until(partial(_is_unknown, revocations))
            await revocations.ready(5 * SECOND)
        assert await rotated(store, SESSION)
        step = await other.rotate(SESSION.id, 1, _judge, now=NOW)
        assert step == Step(Rotation.REPEATED, 2)


def _is_unknown(revocations: Channel) -> bool:
    return revocations.news() is None


async def _judge(unit: Unit) -> Step:
    standing = await unit.sessions.find(SESSION.id)
    assert standing is not None
    return Step(Rotation.REPEATED, standing.session.generation)
