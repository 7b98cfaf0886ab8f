"""Two processes on one file: what one commits holds for the other at once."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.sql.races import Races
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.sessions import EndReason, Rotation, Step
from watchword.ports import Change, Topic, Unit
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    at_once,
    given,
    given_session,
    rotated,
)

ADA = an_account()
SESSION = a_session(ADA)
OF_ADA = Change(Topic.USER, ADA.id)
_ADD_CHANGES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO changes (topic, subject) SELECT 'user', 'u-ada' FROM n
"""


@pytest.fixture
async def both(store: SqliteStore, other: SqliteStore) -> tuple[SqliteStore, SqliteStore]:
    """Both know the same, and have heard all news of it."""
    await given(store, ADA)
    await given_session(store, SESSION)
    for one in (store, other):
        one.revocations.news()
        await a_turn()
        assert one.revocations.news() == ()
    await a_turn()
    return store, other


async def a_turn() -> None:
    """Of the event loop: what was asked in the one before is asked again."""
    await asyncio.sleep(0)


class TestNews:
    async def test_s15_of_a_revocation_reaches_the_other_at_once(
        self, both: tuple[SqliteStore, SqliteStore]
    ) -> None:
        for one, other in (both, both[::-1]):
            await alone(one, lambda u: u.accounts.rename(ADA.id, "New"))
            assert other.revocations.news() == [OF_ADA]
            assert one.revocations.news() == [OF_ADA]
            assert list(other.revocations.news() or ()) == []
        await alone(both[0], lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW))
        assert both[1].revocations.news() == [Change(Topic.SESSION, SESSION.id)]
        standing = await both[1].reading.sessions.find(SESSION.id)
        assert standing is not None
        assert standing.session.ended_reason is EndReason.REVOKED

    async def test_is_not_heard_before_the_commit(
        self, both: tuple[SqliteStore, SqliteStore]
    ) -> None:
        one, other = both
        async with one.transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            assert list(other.revocations.news() or ()) == []
        assert other.revocations.news() == [OF_ADA]

    async def test_s15_is_unknown_to_who_has_just_come(
        self, both: tuple[SqliteStore, SqliteStore], path: Path
    ) -> None:
        await alone(both[0], lambda u: u.accounts.rename(ADA.id, "New"))
        late = SqliteStore(path, clock=FakeClock())
        assert late.revocations.news() is None
        assert late.revocations.news() == ()
        await alone(both[0], lambda u: u.accounts.rename(ADA.id, "Newer"))
        assert late.revocations.news() == [OF_ADA]
        await late.close()

    async def test_of_too_much_is_unknown(
        self, both: tuple[SqliteStore, SqliteStore], outsider: sqlite3.Connection
    ) -> None:
        outsider.execute(_ADD_CHANGES, (1_000,))
        assert both[0].revocations.news() == [OF_ADA] * 1_000
        await a_turn()
        outsider.execute(_ADD_CHANGES, (1_001,))
        assert both[0].revocations.news() is None
        assert both[1].revocations.news() is None
        await alone(both[0], lambda u: u.accounts.rename(ADA.id, "New"))
        assert both[1].revocations.news() == [OF_ADA]

    async def test_that_was_cleaned_up_before_it_was_heard_is_unknown(
        self, both: tuple[SqliteStore, SqliteStore], outsider: sqlite3.Connection
    ) -> None:
        outsider.execute(_ADD_CHANGES, (3,))
        outsider.execute("DELETE FROM changes WHERE seq < (SELECT MAX(seq) FROM changes)")
        assert both[0].revocations.news() is None

    async def test_x11_after_an_older_copy_was_put_back_is_unknown(
        self, both: tuple[SqliteStore, SqliteStore], outsider: sqlite3.Connection, path: Path
    ) -> None:
        backup = sqlite3.connect(":memory:")
        outsider.backup(backup)
        async with both[0].transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            await unit.accounts.rename(ADA.id, "Newer")
        assert both[1].revocations.news() == [OF_ADA] * 2
        await a_turn()
        backup.backup(outsider)
        backup.close()
        assert both[1].revocations.news() is None
        await alone(both[0], lambda u: u.accounts.rename(ADA.id, "Newest"))
        assert both[1].revocations.news() == [OF_ADA]

    async def test_is_kept_by_the_clean_up_for_those_who_are_a_little_late(
        self, both: tuple[SqliteStore, SqliteStore], outsider: sqlite3.Connection
    ) -> None:
        outsider.execute(_ADD_CHANGES, (10_500,))
        assert both[1].revocations.news() is None
        assert await both[0].purge(NOW, at_most=400) == 0
        assert outsider.execute("SELECT COUNT(*) FROM changes").fetchone()[0] > 10_000
        await both[0].purge(NOW, at_most=400)
        assert outsider.execute("SELECT COUNT(*) FROM changes").fetchone()[0] == 10_000
        await alone(both[0], lambda u: u.accounts.rename(ADA.id, "New"))
        assert both[1].revocations.news() == [OF_ADA]

    def test_s15_is_not_kept_from_the_next_loop_by_one_that_was_stopped(self, path: Path) -> None:
        store = SqliteStore(path, clock=FakeClock())

        async def rename_and_hear() -> Sequence[Change] | None:
            await given(store, ADA)
            await alone(store, lambda u: u.accounts.rename(ADA.id, "New"))
            return store.revocations.news()

        def ask_and_stop(loop: asyncio.AbstractEventLoop) -> None:
            store.revocations.news()
            loop.stop()

        with closing(asyncio.new_event_loop()) as stopped:
            stopped.call_soon(ask_and_stop, stopped)
            stopped.run_forever()
        with asyncio.Runner() as runner:
            assert runner.run(rename_and_hear()) == [OF_ADA]
            runner.run(store.close())


class TestRacesOnSqlite(Races):
    async def test_r02_who_loses_a_race_sees_what_it_lost_to_and_no_later_step(
        self, both: tuple[SqliteStore, SqliteStore]
    ) -> None:
        """The winner goes on at once: the others must not look like replays for that."""
        store, session = both[0], SESSION

        async def seen(unit: Unit) -> Step:
            standing = await unit.sessions.find(session.id)
            assert standing is not None
            return Step(Rotation.REPEATED, standing.session.generation)

        async def step() -> Step:
            found = await store.rotate(session.id, 1, seen, now=NOW)
            if found.verdict is Rotation.CURRENT:
                assert await rotated(store, session, 2, now=NOW)
            return found

        returned, raised = await at_once(*(step() for _ in range(20)))
        assert raised == []
        assert returned.count(Step(Rotation.CURRENT, 2)) == 1
        assert returned.count(Step(Rotation.REPEATED, 2)) == 19


_DIE_INSIDE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE users SET name = 'Committed'")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE users SET name = 'Never'")
connection.execute("DELETE FROM sessions")
print("inside", flush=True)
sys.stdin.read()
"""


class TestAKilledProcess:
    async def test_x09_takes_only_with_it_what_it_had_not_committed(
        self, both: tuple[SqliteStore, SqliteStore], path: Path
    ) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", _DIE_INSIDE, str(path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"inside\n"
        waiting = asyncio.create_task(given(both[0], an_account("bob")))
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        await waiting
        found = await both[1].reading.accounts.find(ADA.id)
        assert found is not None
        assert found.name == "Committed"
        assert await both[1].reading.accounts.find("u-bob") is not None
        assert await both[1].reading.sessions.find(SESSION.id) is not None
