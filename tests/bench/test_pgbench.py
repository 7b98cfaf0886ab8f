"""The floor of a refresh on PostgreSQL runs what a refresh runs, on rows like its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import postgres
from bench.figures import BenchFailed, LeftOut
from bench.newcomers import address, take_in, write_newcomers
from bench.opening import open_sessions
from bench.pgbench import Pgbench, rotation
from bench.postgres import PostgresHome, PostgresStore

needs_server = pytest.mark.skipif(postgres.programs() is None, reason="no PostgreSQL is installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStore]:
    with postgres.running(tmp_path_factory.mktemp("bench")) as started:
        yield started


@pytest.fixture
def home(store: PostgresStore, tmp_path: Path) -> PostgresHome:
    home = store.new_home(tmp_path)
    write_newcomers(tmp_path, 3)
    take_in(home, 3, hear=lambda _: None)
    open_sessions(home, [address(number) for number in range(3)] * 2)
    return home


class TestTheStatement:
    def test_is_that_of_a_refresh_in_the_variables_of_pgbench(self) -> None:
        text = rotation()
        assert text.startswith("UPDATE sessions SET generation = :next")
        assert "WHERE id = :id AND generation = :held AND ended_at IS NULL" in text


@needs_server
class TestAServer:
    def test_waits_for_the_disk_at_every_commit(self, home: PostgresHome) -> None:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert home.run(f"SHOW {name}")[0][0] == "on"

    def test_has_a_database_for_each_home(self, store: PostgresStore, tmp_path: Path) -> None:
        first, second = store.new_home(tmp_path), store.new_home(tmp_path)
        assert first.settings != second.settings
        first.run("CREATE TABLE mine (id bigint)")
        assert second.columns("mine") == []

    def test_makes_the_keys_that_python_makes(self, home: PostgresHome) -> None:
        assert home.run("SELECT bench_key('address ', 7)")[0][0][:16] == address(7)[:16]

    def test_tells_what_it_has_cost(self, store: PostgresStore, home: PostgresHome) -> None:
        before = store.cpu_seconds()
        home.run("SELECT count(*) FROM generate_series(1, 3000000)")
        assert store.cpu_seconds() > before


@needs_server
class TestPgbench:
    def test_changes_a_row_with_every_statement(self, home: PostgresHome, tmp_path: Path) -> None:
        found, ended = Pgbench(home, tmp_path, lambda _: None).measure(4, 1)
        assert found > 0
        assert ended.cpu_seconds > 0
        ((rows, sessions),) = home.run(
            "SELECT (SELECT count(*) FROM bench_rotations), (SELECT count(*) FROM sessions)"
        )
        assert rows == sessions == 6

    def test_has_a_copy_with_the_same_room_and_indexes(
        self, home: PostgresHome, tmp_path: Path
    ) -> None:
        Pgbench(home, tmp_path, lambda _: None).measure(1, 1)
        same = (
            "SELECT count(*), min(c.reloptions::text) FROM pg_class c JOIN pg_index i"
            " ON i.indrelid = c.oid WHERE c.oid = '{}'::regclass"
        )
        assert home.run(same.format("bench_rotations")) == home.run(same.format("sessions"))

    def test_that_finds_no_row_to_change_stops_the_run(
        self, home: PostgresHome, tmp_path: Path
    ) -> None:
        with pytest.raises(BenchFailed, match="pgbench rotated"):
            Pgbench(home, tmp_path, lambda _: None).measure(8, 1)  # and there are 6 sessions

    def test_that_is_missing_leaves_its_job_out(self, tmp_path: Path) -> None:
        with pytest.raises(LeftOut, match="pgbench is missing"):
            Pgbench(PostgresHome(tmp_path, "", tmp_path), tmp_path, lambda _: None)


class TestAMachineWithoutIt:
    def test_leaves_its_jobs_out(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
        assert postgres.version() == ""
        with pytest.raises(LeftOut, match="apt-get install postgresql"), postgres.running(tmp_path):
            pass
