"""Rows that a database makes by itself are like those that a sign-in makes, and nobody's twice."""

from collections.abc import Iterator

import pytest

from bench import postgres
from bench.filling import fill_accounts, fill_sessions
from bench.newcomers import address, take_in, write_newcomers
from bench.opening import open_sessions
from bench.stores import Home, SqliteStore, Store

COUNT = 300


@pytest.fixture(
    scope="module",
    params=[
        "SQLite",
        pytest.param(
            "PostgreSQL",
            marks=pytest.mark.skipif(postgres.programs() is None, reason="is not installed"),
        ),
    ],
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    if request.param == "SQLite":
        yield SqliteStore()
    else:
        with postgres.running(tmp_path_factory.mktemp("bench")) as started:
            yield started


@pytest.fixture(scope="module")
def home(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = store.new_home(tmp_path_factory.mktemp("home"))
    write_newcomers(home.folder, 1)
    take_in(home, 1, hear=lambda _: None)
    open_sessions(home, [address(0)])
    home.settle()
    fill_accounts(home, COUNT, tell=lambda _: None)
    fill_sessions(home, COUNT, tell=lambda _: None)
    return home


def test_everybody_has_an_account_with_the_address_of_their_number(home: Home) -> None:
    found = {str(row[0]) for row in home.run("SELECT email FROM users")}
    assert found == {address(number) for number in range(COUNT)}
    assert home.run("SELECT COUNT(*) FROM users WHERE email <> email_key")[0][0] == 0


def test_everybody_is_signed_in_with_a_salt_of_their_own(home: Home) -> None:
    ((owners, salts, lengths),) = home.run(
        "SELECT COUNT(DISTINCT user_id), COUNT(DISTINCT salt), COUNT(DISTINCT length(salt))"
        " FROM sessions"
    )
    assert (owners, salts, lengths) == (COUNT, COUNT, 1)
    strangers = "SELECT COUNT(*) FROM sessions WHERE user_id NOT IN (SELECT id FROM users)"
    assert home.run(strangers)[0][0] == 0


def test_no_two_ended_or_began_at_the_same_time(home: Home) -> None:
    for name in ("created_at", "expires_at"):
        assert home.run(f"SELECT COUNT(DISTINCT {name}) FROM sessions")[0][0] == COUNT


def test_a_filled_account_is_signed_in_by_production_code(home: Home) -> None:
    (opened,) = open_sessions(home, [address(COUNT // 2)])
    assert opened.refresh_token
    home.run(f"DELETE FROM sessions WHERE id = '{opened.session_id}'")


def test_what_it_takes_on_the_disk_grows(store: Store, home: Home) -> None:
    before = home.size()
    for number in range(3):
        home.run(f"CREATE TABLE more_{number} AS SELECT * FROM sessions")
    home.settle()
    assert home.size() > before
