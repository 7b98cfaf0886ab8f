"""Sessions that move in Redis: what it forgets is signed out, and nothing it remembers revives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.adapters.redis.nodes import (
    NAMES,
    PATIENCE,
    CountedConnections,
    Node,
    OpenNode,
    nodes,
)
from tests.flows.house import TRACE
from tests.servers.redis import RedisServer, running
from watchword.adapters.memory import MemoryStore
from watchword.adapters.memory.store import MemoryUnit
from watchword.adapters.redis import RedisFailed, RedisSessionStore
from watchword.domain.accounts import Status
from watchword.domain.errors import (
    SessionLimitReached,
    SessionRevoked,
    TokenInvalid,
    TokenReused,
    Unavailable,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.flows.grants import Grant
from watchword.ports import Unit
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    a_session,
    abandon,
    alone,
    an_account,
    at_once,
    given,
    given_session,
    rotated,
)

SOON = 0.2  # seconds
ADA = an_account()
SESSION = a_session(ADA)


@pytest.fixture
async def open_node(tmp_path: Path) -> AsyncIterator[OpenNode]:
    async with nodes(tmp_path) as open_one:
        yield open_one


@pytest.fixture
async def node(open_node: OpenNode, url: str) -> Node:
    return await open_node(url)


@pytest.fixture
async def grant(node: Node) -> Grant:
    await node.house.register()
    return await node.house.sign_in()


def end(session_id: str) -> Callable[[Unit], Awaitable[bool]]:
    return lambda unit: unit.sessions.end(session_id, EndReason.REVOKED, now=NOW)


async def require_out(node: Node, grant: Grant) -> None:
    """By neither of the two tokens, and in no list."""
    for attempt in (node.house.refresh(grant.held), node.house.enter(grant)):
        with pytest.raises(SessionRevoked):
            await attempt
    assert grant.session.id not in await node.house.live(grant.account)


class TestAFlush:
    async def test_signs_everybody_out_and_revives_nobody(
        self, node: Node, grant: Grant, open_node: OpenNode, url: str
    ) -> None:
        ended = await node.house.sign_in()
        await node.house.flows.sessions.end(ended.session.id, EndReason.SIGNED_OUT, TRACE)
        await node.redis.command("FLUSHALL")
        other = await open_node(url)
        for held in (grant, ended):
            await require_out(other, held)
            with pytest.raises(SessionRevoked):
                await node.house.refresh(held.held)
        again = await other.house.sign_in()
        await node.house.refresh(again.held)
        await require_out(node, grant)

    async def test_is_noticed_by_a_node_that_need_not_ask(self, node: Node) -> None:
        """It has a picture, and tells of the uses that it saw."""
        await node.house.register()
        held = await node.house.sign_in(transport=Transport.SESSION)
        await node.house.enter(held)
        await node.redis.command("FLUSHALL")
        node.house.clock.advance(5 * MINUTE)
        await node.house.enter(held)
        await node.house.shared.standings.flush()
        with pytest.raises(SessionRevoked):
            await node.house.enter(held)

    async def test_leaves_a_sign_out_to_be_written_down(self, node: Node, grant: Grant) -> None:
        """Else an old copy of Redis could undo it."""
        await node.redis.command("FLUSHALL")
        session_of = node.house.flows.held_tokens.session_of
        assert await session_of(grant.held) == grant.session.id
        assert await node.house.flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE)
        kept = await node.kept.reading.sessions.find(grant.session.id)
        assert kept is not None
        assert kept.session.ended_reason is EndReason.SIGNED_OUT

    async def test_takes_no_room_from_those_who_come_back(
        self, open_node: OpenNode, url: str
    ) -> None:
        node = await open_node(url)
        await given(node.store, ADA)
        await given_session(node.store, SESSION)

        async def open_second(unit: Unit) -> None:
            await unit.sessions.open(a_session(ADA, 2), limit=1, evicts=False, proven=None)

        with pytest.raises(SessionLimitReached):
            await alone(node.store, open_second)
        await node.redis.command("FLUSHALL")
        await alone(node.store, open_second)
        kept = await node.kept.reading.sessions.find(SESSION.id)
        assert kept is not None
        assert kept.session.ended_reason is EndReason.EVICTED


class TestAnOldCopy:
    async def test_revives_nobody_who_was_ended_since(
        self, open_node: OpenNode, server: RedisServer
    ) -> None:
        node = await open_node(server.url)
        await node.house.register()
        ended, kept = await node.house.sign_in(), await node.house.sign_in()
        await node.redis.command("SAVE")
        await node.house.flows.sessions.end(ended.session.id, EndReason.SIGNED_OUT, TRACE)
        assert await node.hash_of(ended.session.id) == []
        server.kill()
        with pytest.raises(RedisFailed):
            await node.hash_of(ended.session.id)
        server.start()
        assert await node.hash_of(ended.session.id) != []
        await require_out(node, ended)
        await require_out(await open_node(server.url), ended)
        await node.house.refresh(kept.held)

    async def test_of_another_setting_makes_no_used_token_genuine(
        self, node: Node, grant: Grant
    ) -> None:
        """The rows alone would take every used token for a new one."""
        following = await node.house.refresh(grant.held)
        alone_ = await type(node.house).open(store=node.kept, clock=node.house.clock)
        for held in (grant.held, following.held):
            with pytest.raises(TokenInvalid):
                await alone_.refresh(held)
        alone_.ground.pool.close()


@pytest.fixture
def replica(tmp_path: Path, server: RedisServer) -> Iterator[RedisServer]:
    folder = tmp_path / "replica"
    folder.mkdir()
    with running(folder, "--replicaof", "127.0.0.1", str(server.port)) as second:
        yield second


class TestAReplicaThatLacksTheLastSecond:
    async def test_lets_the_newest_token_go_on_and_nobody_who_was_ended(
        self, open_node: OpenNode, server: RedisServer, replica: RedisServer
    ) -> None:
        before, after = await open_node(server.url), await open_node(replica.url)
        await before.house.register()
        held, ended = await before.house.sign_in(), await before.house.sign_in()
        while await before.redis.command("WAIT", 1, SECOND) != 1:
            pass
        await after.redis.command("REPLICAOF", "NO", "ONE")
        newest = await before.house.refresh((await before.house.refresh(held.held)).held)
        await before.house.flows.sessions.end(ended.session.id, EndReason.SIGNED_OUT, TRACE)
        server.kill()

        await require_out(after, ended)
        following = await after.house.refresh(newest.held)
        assert await after.house.events("session.token_reused") == []
        after.house.clock.advance(MINUTE)
        with pytest.raises(TokenReused):
            await after.house.refresh(held.held)
        await require_out(after, following)


class TestRotation:
    async def test_r02_of_many_on_two_nodes_at_once_one_wins(
        self, node: Node, open_node: OpenNode, url: str
    ) -> None:
        other = await open_node(url)
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        stores = [node.store, other.store] * 25
        returned, raised = await at_once(*(rotated(store, SESSION) for store in stores))
        assert raised == []
        assert returned.count(True) == 1

    async def test_costs_one_question_and_no_write_beside_it(self, node: Node) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        assert await rotated(node.store, SESSION)
        await node.store.touch([(SESSION.id, NOW)])  # the scripts are known to Redis by now
        before = await node.kept.reading.sessions.find(SESSION.id)
        node.redis.asked.clear()
        assert await rotated(node.store, SESSION, 2)
        await node.store.touch([(SESSION.id, NOW + HOUR)])
        assert node.redis.asked == ["EVALSHA"] * 2
        assert await node.kept.reading.sessions.find(SESSION.id) == before


class TestAnEnd:
    @pytest.mark.parametrize("turns", range(12))
    async def test_r09_is_followed_by_no_rotation_whatever_the_order(
        self, node: Node, open_node: OpenNode, url: str, turns: int
    ) -> None:
        other = await open_node(url)
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        is_answered, late = False, []

        async def go_on() -> None:
            for generation in range(1, 9):
                began_late = is_answered
                if await rotated(other.store, SESSION, generation) and began_late:
                    late.append(generation)

        async def sign_out() -> None:
            nonlocal is_answered
            for _ in range(turns):
                await asyncio.sleep(0)
            assert await alone(node.store, end(SESSION.id))
            is_answered = True

        await asyncio.gather(go_on(), sign_out())
        assert late == []
        for generation in range(1, 10):
            assert not await rotated(other.store, SESSION, generation)
        assert await node.hash_of(SESSION.id) == []

    async def test_r09_holds_at_a_node_that_has_a_picture_of_it(
        self, node: Node, grant: Grant, open_node: OpenNode, url: str
    ) -> None:
        other = await open_node(url)
        held = await other.house.refresh(grant.held)
        await node.house.flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE)
        assert other.house.shared.standings._pictures
        await require_out(other, held)

    async def test_that_cannot_be_told_to_redis_is_no_answer_and_holds(self, node: Node) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        async with refusing(node, "del"):
            for _ in range(2):
                with pytest.raises(RedisFailed):
                    await alone(node.store, end(SESSION.id))
        assert await node.hash_of(SESSION.id) != []
        standing = await node.store.reading.sessions.find(SESSION.id)
        assert standing is not None
        assert standing.session.ended_at == NOW
        assert not await alone(node.store, end(SESSION.id)), "it had ended before"
        assert await node.hash_of(SESSION.id) == []

    async def test_of_all_can_be_tried_again(self, node: Node) -> None:
        await given(node.store, ADA)
        sessions = [a_session(ADA, number) for number in range(3)]
        for session in sessions:
            await given_session(node.store, session)

        def end_all(unit: Unit) -> Awaitable[int]:
            return unit.sessions.end_all(ADA.id, EndReason.DISABLED, now=NOW, keep=sessions[0].id)

        async with refusing(node, "del"):
            with pytest.raises(RedisFailed):
                await alone(node.store, end_all)
        assert await alone(node.store, end_all) == 0
        hashes = [await node.hash_of(session.id) for session in sessions]
        assert [there != [] for there in hashes] == [True, False, False]

    async def test_that_is_rolled_back_leaves_all_as_it_was(self, node: Node) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        with pytest.raises(Abandoned):
            await abandon(node.store, end(SESSION.id))
        assert await rotated(node.store, SESSION)

    async def test_whose_commit_has_no_known_outcome_is_kept_from_rotating(self, url: str) -> None:
        redis = CountedConnections(url)
        kept = LosesItsAnswers()
        store = RedisSessionStore(kept, redis, NAMES)
        await given(store, ADA)
        await given_session(store, SESSION)
        kept.is_losing = True
        with pytest.raises(Unavailable):
            await alone(store, end(SESSION.id))
        kept.is_losing = False
        assert not await rotated(store, SESSION)
        await store.close()
        await redis.close()

    async def test_by_eviction_is_followed_by_no_rotation(self, node: Node) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        newest = a_session(ADA, 2, at=NOW + MINUTE)
        assert await given_session(node.store, newest, limit=1) == [SESSION.id]
        assert await node.hash_of(SESSION.id) == []
        assert not await rotated(node.store, SESSION)
        assert await rotated(node.store, newest)

    async def test_a07_of_an_account_ends_its_sessions_here_too(self, node: Node) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        await alone(node.store, lambda unit: unit.accounts.delete(ADA.id))
        assert await node.hash_of(SESSION.id) == []


class LosesItsAnswers(MemoryStore):
    """Commits, and then cannot say so."""

    def __init__(self) -> None:
        super().__init__(clock=FakeClock())
        self.is_losing = False

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryUnit]:
        async with super()._transaction() as unit:
            yield unit
        if self.is_losing:
            raise Unavailable


@asynccontextmanager
async def refusing(node: Node, command: str) -> AsyncIterator[None]:
    """For this long, Redis lets nobody run it."""
    await node.redis.command("ACL", "SETUSER", "default", f"-{command}")
    try:
        yield
    finally:
        await node.redis.command("ACL", "SETUSER", "default", f"+{command}")


class TestWhatLiesThere:
    async def test_ends_with_the_session_by_the_clock_of_redis(self, node: Node) -> None:
        """A node's clock may be days behind."""
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        assert await rotated(node.store, SESSION)
        await node.store.touch([(SESSION.id, NOW + MINUTE)])
        left = await node.redis.command("PTTL", NAMES.session(SESSION.id))
        assert isinstance(left, int)
        assert DAY < left <= DAY + MINUTE

    async def test_is_neither_secret_nor_tells_whose_it_is(self, node: Node, grant: Grant) -> None:
        found = await node.hash_of(grant.session.id)
        assert isinstance(found, list)
        words = [word for word in found if isinstance(word, bytes)]
        assert set(words[::2]) == {
            *(b"generation", b"rotated", b"before", b"seen", b"idle_ttl", b"idle_ends", b"ends")
        }
        assert all(word.isdigit() for word in words[1::2] if word)

    async def test_of_a_sign_in_that_failed_lets_nobody_in(self, node: Node) -> None:
        await given(node.store, ADA)

        async def open_one(unit: Unit) -> None:
            await unit.sessions.open(SESSION, limit=5, evicts=True, proven=None)

        with pytest.raises(Abandoned):
            await abandon(node.store, open_one)
        assert await node.store.reading.sessions.find(SESSION.id) is None
        left = await node.redis.command("PTTL", NAMES.session(SESSION.id))
        assert isinstance(left, int)
        assert left > 0

    @pytest.mark.parametrize("field", ["rotated", "before", "seen", "idle_ends"])
    async def test_and_was_written_by_others_lets_nobody_in(self, node: Node, field: str) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        await node.redis.command("HSET", NAMES.session(SESSION.id), field, "soon")
        with pytest.raises(RedisFailed, match="Something else writes"):
            await node.store.reading.sessions.find(SESSION.id)

    @pytest.mark.parametrize("use", ["rotate", "touch"])
    async def test_is_not_brought_back_by_a_use(self, node: Node, use: str) -> None:
        await given(node.store, ADA)
        await given_session(node.store, SESSION)
        await node.redis.command("FLUSHALL")
        if use == "rotate":
            assert not await rotated(node.store, SESSION)
        else:
            await node.store.touch([(SESSION.id, NOW + MINUTE)])
        assert await node.hash_of(SESSION.id) == []


@contextmanager
def silent(server: RedisServer, *waiting: Node) -> Iterator[None]:
    """For this long nobody has an answer, and nobody waits long for one."""
    for node in waiting:
        node.redis._patience = SOON
    with server.paused():
        yield
    for node in waiting:
        node.redis._patience = PATIENCE / SECOND


class TestARedisThatCannotBeReached:
    async def test_x05_keeps_sign_ins_and_refreshes_waiting_and_nobody_from_going_on(
        self, open_node: OpenNode, server: RedisServer
    ) -> None:
        node, other = await open_node(server.url), await open_node(server.url)
        await node.house.register()
        grant = await node.house.sign_in()
        await node.house.enter(grant)
        with silent(server, node, other):
            for attempt in (
                node.house.sign_in(),
                node.house.refresh(grant.held),
                other.house.enter(grant),
            ):
                with pytest.raises(Unavailable):
                    await attempt
            await node.house.enter(grant)
        await other.house.enter(grant)
        assert len(await node.house.live(grant.account)) == 1

    async def test_x05_is_told_of_an_end_later_and_the_end_holds(
        self, open_node: OpenNode, server: RedisServer
    ) -> None:
        node = await open_node(server.url)
        account = await node.house.register()
        grant, second = await node.house.sign_in(), await node.house.sign_in()
        flows = node.house.flows
        with silent(server, node):
            for attempt in (
                flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE),
                flows.users.change_status(None, account.id, Status.DISABLED, TRACE),
            ):
                with pytest.raises(Unavailable):
                    await attempt
        for held in (grant, second):
            await require_out(node, held)
            kept = await node.kept.reading.sessions.find(held.session.id)
            assert kept is not None
            assert kept.session.ended_at is not None

    async def test_x05_for_want_of_memory_leaves_nobody_half_signed_in(
        self, open_node: OpenNode, server: RedisServer
    ) -> None:
        node = await open_node(server.url)
        account = await node.house.register()
        grant = await node.house.sign_in()
        await node.redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await node.redis.command("CONFIG", "SET", "maxmemory", "1")
        for attempt in (node.house.sign_in(), node.house.refresh(grant.held)):
            with pytest.raises(Unavailable):
                await attempt
        kept = await node.kept.reading.sessions.list_live(account.id, node.house.clock.now())
        assert [session.id for session in kept] == [grant.session.id]
        await node.house.flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE)
        await node.redis.command("CONFIG", "SET", "maxmemory", "0")
        await require_out(node, grant)
        await node.house.sign_in()
