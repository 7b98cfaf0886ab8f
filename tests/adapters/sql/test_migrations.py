import sqlite3
import stat
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from watchword.adapters.sql import migrate as migrating
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.migrate import (
    NEWEST,
    SchemaTooNew,
    current_revision,
    migrate,
    upgrade,
)
from watchword.adapters.sql.sqlite.connections import connect
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import TooManyAttempts
from watchword.domain.letters import Letter, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.time import HOUR, MINUTE
from watchword.ports import Allowance, AuditQuery, Change, PageRequest, Recorded, Topic
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    a_session,
    an_account,
    given,
    given_session,
    rotated,
)

_MIGRATE = """
import sys
from pathlib import Path
from watchword.adapters.sql.migrate import migrate
from watchword.testing import FakeClock
print("ready", flush=True)
migrate(Path(sys.argv[1]))
"""


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {row[0] for row in rows}


class TestAMigration:
    def test_makes_the_database_and_its_folder_for_the_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "watchword.db"
        assert current_revision(path) is None
        assert migrate(path)
        assert current_revision(path) == NEWEST
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert tables(path) >= {"users", "sessions", "changes", "audit_events"}

    def test_of_an_empty_file_fills_it(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch()
        assert current_revision(path) is None
        assert migrate(path)
        assert current_revision(path) == NEWEST

    def test_does_nothing_the_second_time(self, path: Path) -> None:
        before = path.read_bytes()
        assert not migrate(path)
        assert path.read_bytes() == before

    async def test_keeps_what_is_there(self, path: Path) -> None:
        ada = an_account()
        store = SqliteStore(path, clock=FakeClock())
        await given(store, ada)
        await given_session(store, a_session(ada))
        await store.close()
        assert not migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        standing = await store.reading.sessions.find(a_session(ada).id)
        assert standing is not None
        assert (standing.account, standing.session) == (ada, a_session(ada))
        await store.close()

    def test_of_a_newer_schema_is_refused_by_name(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaTooNew, match=f"schema 9999, this version knows {NEWEST}"):
            migrate(path)
        assert current_revision(path) == "9999"

    def test_that_fails_leaves_everything_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "foreign.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE limits (something TEXT)")
        with pytest.raises(StoreFailed, match="table limits already exists"):
            migrate(path)
        assert tables(path) == {"limits"}
        assert current_revision(path) is None

    def test_into_a_place_where_no_file_can_be_is_explained(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreFailed, match="cannot be made"):
            migrate(tmp_path / "file" / "watchword.db")

    def test_by_several_processes_at_once_is_done_once(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        command = [sys.executable, "-W", "error", "-c", _MIGRATE, str(path)]
        processes = [Popen(command, stdout=PIPE, stderr=PIPE) for _ in range(3)]
        outputs = [process.communicate(timeout=60) for process in processes]
        assert outputs == [(b"ready\n", b"")] * 3
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert current_revision(path) == NEWEST


class TestAFilledDatabase:
    """As an earlier version left it: nobody is signed out by an upgrade."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "watchword.db"
        path.touch()
        with closing(connect(path)) as connection:
            upgrade(connection, "0001")
            connection.execute(
                "INSERT INTO users VALUES"
                " ('u-ada', 'Ada@example.com', 'ada@example.com', 'Ada', 'user', 'active', 1, 0,"
                f" '{HASH}', {NOW})"
            )
            for number in range(1, 1_001):
                connection.execute(
                    "INSERT INTO sessions VALUES (:id, 'u-ada', 'body', 5, 1, :salt, :now, :now,"
                    " :now, :idle, :now + :idle, :now + 2 * :idle, :now, 'pwd', '192.0.2.1',"
                    " 'Agent/1.0', 1, NULL, NULL)",
                    {"id": f"s-{number}", "salt": b"salt", "now": NOW, "idle": HOUR},
                )
            connection.executescript(
                f"INSERT INTO limits VALUES ('sign_in 192.0.2.1', 5, {NOW + HOUR});"
                f"INSERT INTO lockouts VALUES ('account:u-ada', 0, 1, 5, {NOW + HOUR}, {NOW});"
                f"INSERT INTO devices VALUES ('u-ada', X'01', {NOW}, {NOW});"
                f"INSERT INTO links VALUES (X'02', 'setup', '', {NOW}, {NOW + HOUR});"
                "INSERT INTO audit_events"
                " (at, type, subject, actor, request_id, ip, user_agent, details) VALUES"
                f" ({NOW}, 'signed_in', 'u-ada', 'u-ada', 'r', '192.0.2.1', 'Agent/1.0', '{{}}'),"
                f" ({NOW}, 'role_changed', 'u-bob', 'u-ada', 'r', '192.0.2.1', '', '{{}}'),"
                f" ({NOW}, 'started', NULL, 'u-ada', 'r', '', '', '{{}}'),"
                f" ({NOW}, 'signed_in', 'u-bob', 'u-bob', 'r', '', '', '{{}}');"
                "INSERT INTO changes (topic, subject)"
                " VALUES ('session', 's-gone'), ('user', 'u-bob');"
            )
        return path

    async def test_is_the_same_after_every_migration_since(self, path: Path) -> None:
        assert current_revision(path) == "0001"
        assert migrate(path)
        assert current_revision(path) == NEWEST
        store = SqliteStore(path, clock=FakeClock())
        found = await store.reading.sessions.find("s-1000")
        assert found is not None
        assert found.account == an_account()
        assert (found.session.generation, found.session.rotated_before) == (5, ())
        assert found.session.is_alive(NOW)
        assert await store.count_live_sessions(NOW) == 1_000
        assert await rotated(store, found.session, 5, now=NOW + 1)
        found = await store.reading.sessions.find("s-1000")
        assert found is not None
        assert found.session.rotated_before == (NOW,)
        await store.close()

    async def test_b05_forgets_neither_failures_nor_devices(self, path: Path) -> None:
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        tally = await store.limits.peek("sign_in 192.0.2.1", Allowance(5, HOUR), now=NOW)
        assert tally.is_over
        with pytest.raises(TooManyAttempts):
            await store.lockouts.begin("account:u-ada", LockoutPolicy(5, MINUTE), now=NOW)
        assert await store.reading.devices.is_known("u-ada", b"\x01")
        async with store.transaction() as unit:
            await unit.accounts.delete("u-ada")
        assert not await store.reading.devices.is_known("u-ada", b"\x01")
        await store.close()

    async def test_keeps_a_set_up_link_that_was_shown_good_for_once(self, path: Path) -> None:
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        expected = Link(b"\x02", Purpose.SETUP, None, NOW, NOW + HOUR)
        async with store.transaction() as unit:
            live = await unit.links.require_live(b"\x02", Purpose.SETUP, now=NOW + HOUR - 1)
            assert live == expected
            assert await unit.links.consume(b"\x02", Purpose.SETUP, now=NOW + HOUR) is None
        for found in (expected, None):
            async with store.transaction() as unit:
                assert await unit.links.consume(b"\x02", Purpose.SETUP, now=NOW) == found
        await store.close()

    async def test_has_room_for_letters_from_then_on(self, path: Path) -> None:
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        assert await store.reading.outbox.count() == 0
        letter = Letter(
            id="l-1",
            reason=Reason.NEW_DEVICE,
            address="Ada@example.com",
            user_id="u-ada",
            ip="192.0.2.1",
            user_agent="Agent/1.0",
            detail="",
            created_at=NOW,
        )
        async with store.transaction() as unit:
            await unit.outbox.put(letter, due=NOW)
        async with store.transaction() as unit:
            [claimed] = await unit.outbox.claim(now=NOW, lease=MINUTE, at_most=9)
        assert claimed == replace(letter, attempts=1)
        await store.close()

    async def test_keeps_a_letter_that_waits_in_no_language(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        path.touch()
        with closing(connect(path)) as connection:
            upgrade(connection, "0010")
            connection.execute(
                "INSERT INTO letters VALUES ('l-1', 'new_device', 'Ada@example.com', 'u-ada',"
                f" '192.0.2.1', 'Agent/1.0', 'more', {NOW}, {NOW}, 2)"
            )
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        async with store.transaction() as unit:
            [claimed] = await unit.outbox.claim(now=NOW, lease=MINUTE, at_most=9)
        assert (claimed.detail, claimed.attempts, claimed.language) == ("more", 3, "")
        await store.close()

    async def test_finds_what_somebody_has_done_or_undergone_once(self, path: Path) -> None:
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock())
        found = await store.reading.audit.list_events(AuditQuery(user="u-ada"), PageRequest(9))
        assert [record.type for record in found.rows] == ["started", "role_changed", "signed_in"]
        await store.close()

    async def test_still_tells_others_what_was_revoked_just_before(self, path: Path) -> None:
        """A token that was given out before the upgrade outlives it."""
        assert migrate(path)
        store = SqliteStore(path, clock=FakeClock(NOW + 1))
        async with store.transaction() as unit:
            await unit.accounts.rename("u-ada", "New")
        assert await store.feed.list_since(NOW, after=0, at_most=9) == [
            Recorded(1, NOW, Change(Topic.SESSION, "s-gone")),
            Recorded(2, NOW, Change(Topic.USER, "u-bob")),
            Recorded(3, NOW + 1, Change(Topic.USER, "u-ada")),
        ]
        await store.close()


class TestTheVersions:
    def test_end_in_one_that_the_code_knows_as_the_newest(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrating.FOLDER))
        scripts = ScriptDirectory.from_config(config)
        assert scripts.get_heads() == [NEWEST]

    def test_sort_by_their_name(self) -> None:
        """`migrate` tells older from newer by that."""
        files = sorted((migrating.FOLDER / "versions").glob("*.py"))
        assert [file.name[:4] for file in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
