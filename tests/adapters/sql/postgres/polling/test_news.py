"""News without NOTIFY: by messages in milliseconds, by polls whatever becomes of the messages."""

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, heard
from tests.adapters.sql.postgres.polling.conftest import (
    ADA,
    BOB,
    END_THOSE_IN_TRANSACTIONS,
    NOTE,
    OF_ADA,
    OF_BOB,
    SESSION,
    Both,
    DatabaseClock,
    Lost,
    in_mind,
    nodes,
    polled,
    rename,
    settled,
)
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres import polling, transactions
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByMessages, PostgresStore
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.ports import Recorded, Unit
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import (
    NOW,
    alone,
    given,
)


class TestNews:
    async def test_s15_is_told_by_a_message_long_before_a_poll(self, both: Both) -> None:
        for one, other in (both, both[::-1]):
            await rename(one)
            assert one.revocations.news() == [OF_ADA]
            assert await heard(other.revocations, 1) == [OF_ADA]
            assert await polled(one) == await polled(other) == []

    async def test_s15_of_a_node_that_died_before_it_told_it_is_polled(self, unheard: Both) -> None:
        one, other = unheard
        await rename(one)
        assert other.revocations.news() == ()
        assert await polled(other) == [OF_ADA]
        assert await polled(other) == []

    async def test_s15_is_polled_without_being_asked_for(
        self, address: Address, stopwatch: Stopwatch
    ) -> None:
        async with nodes(address, stopwatch, Lost(), Lost(), bound=SECOND) as stores:
            one, other = await settled(stores)
            await rename(one)
            assert await heard(other.revocations, 1) == [OF_ADA]

    async def test_s15_that_is_committed_late_under_a_low_number_is_polled(
        self, unheard: Both
    ) -> None:
        one, other = unheard
        async with one.transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            await rename(one, BOB.id)
            assert await polled(other) == [OF_BOB]
        assert await polled(other) == [OF_ADA]
        assert await polled(one) == [OF_BOB, OF_ADA]
        assert await polled(one) == []

    async def test_s15_that_is_committed_as_late_as_can_be_is_polled(
        self, unheard: Both, database_clock: DatabaseClock
    ) -> None:
        """85 s after its time, and polls that are as far apart as they may be."""
        one, other = unheard
        async with one.transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            for _ in range(3):
                await database_clock.go_on(28 * SECOND)
                assert await polled(other) == []
        await database_clock.go_on(30 * SECOND)
        assert await polled(other) == [OF_ADA]

    async def test_s15_of_a_commit_whose_answer_was_lost_is_known_as_well(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        async def rename_and_die(unit: Unit) -> None:
            await unit.accounts.rename(ADA.id, "New")
            await outsider.execute(END_THOSE_IN_TRANSACTIONS)

        with pytest.raises(StoreFailed):
            await alone(unheard[0], rename_and_die)
        assert unheard[0].revocations.news() == [OF_ADA]
        assert await polled(unheard[1]) == []

    async def test_s15_of_a_commit_that_was_doubted_comes_again_when_it_is_there(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        """Whoever looked in between has seen it as it was before."""
        one, _ = unheard
        async with outsider.transaction():
            await outsider.execute(NOTE, NOW, OF_ADA.id)
            await one.revocations.doubt([OF_ADA])
            assert one.revocations.news() == [OF_ADA]
            assert await polled(one) == []
        assert await polled(one) == [OF_ADA]

    async def test_of_ones_own_that_was_polled_before_it_is_announced_comes_once(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        one, _ = unheard
        seq = await outsider.fetchval(f"{NOTE} RETURNING seq", NOW, OF_ADA.id)
        assert await polled(one) == [OF_ADA]
        await one.revocations.announce([Recorded(seq, NOW, OF_ADA)])
        assert one.revocations.news() == ()

    @pytest.mark.parametrize("hours", [-1, 1])
    async def test_s15_of_a_node_whose_clock_is_wrong_is_polled(
        self, address: Address, stopwatch: Stopwatch, hours: int
    ) -> None:
        clock = FakeClock(NOW + hours * HOUR)
        async with nodes(address, stopwatch, Lost(), Lost(), clock=clock) as stores:
            one, other = await settled(stores)
            await rename(one)
            assert await polled(other) == [OF_ADA]
            [*_, kept] = await one.feed.list_since(0, after=0, at_most=99)
            assert kept.at == NOW + hours * 5 * SECOND

    async def test_s15_of_too_much_is_unknown_until_there_is_less(
        self, unheard: Both, monkeypatch: pytest.MonkeyPatch, database_clock: DatabaseClock
    ) -> None:
        one, other = unheard
        monkeypatch.setattr(polling, "MOST", in_mind(other) + 2)
        for _ in range(3):
            await rename(one)
        assert await polled(other) is None
        assert [other.revocations.news(), other.revocations.news()] == [None, None]
        await database_clock.go_on(2 * MINUTE + 1)
        await other.revocations.ready(5 * SECOND)
        assert await polled(other) is None
        assert await polled(other) == []


class TestWhatIsKeptInMind:
    async def test_is_what_a_poll_would_find_again_and_no_more(
        self, unheard: Both, database_clock: DatabaseClock
    ) -> None:
        one, other = unheard
        for _ in range(20):
            await rename(one)
        await other.revocations.catch_up()
        assert in_mind(other) >= 20
        for _ in range(10):
            await database_clock.go_on(20 * SECOND)
            assert await polled(one) in ([], [OF_ADA] * 20)
            assert await polled(other) in ([], [OF_ADA] * 20)
        assert in_mind(one) == in_mind(other) == 0

    async def test_is_nothing_where_nobody_asks(
        self, address: Address, stopwatch: Stopwatch
    ) -> None:
        """A command changes something, and ends."""
        command = PostgresStore(
            address,
            ByMessages(Lost(), stopwatch, MINUTE),
            clock=FakeClock(),
            randomness=SeededRandomness(1),
        )
        await given(command, ADA)
        await rename(command)
        assert in_mind(command) == 0
        await command.close()


class TestATransaction:
    async def test_s15_that_took_too_long_is_given_up(
        self, unheard: Both, monkeypatch: pytest.MonkeyPatch, outsider: asyncpg.Connection
    ) -> None:
        """Nobody would look back so far for what it has changed."""
        monkeypatch.setattr(transactions, "LONGEST", 0.0)
        with pytest.raises(StoreFailed, match="took too long"):
            await alone(
                unheard[0], lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW)
            )
        assert await outsider.fetchval("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL") == 1
