"""Servers that keep things: what may be seen of their addresses, and what is no address."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from watchword.domain.time import MINUTE, SECOND
from watchword.settings import (
    Revocation,
    RevocationMessages,
    ServerUrl,
    SessionStore,
    Settings,
    SettingsError,
)

PASSWORD = "hunter2"
POSTGRES = "postgresql://ada:hunter2@db.example.com:5433/watchword"
REDIS = "rediss://ada:hunter2@cache.example.com:6380/3"


def load(folder: Path, **values: str) -> Settings:
    environ = {f"WATCHWORD_{name}": text for name, text in values.items()}
    return Settings.load(environ, directory=folder)


def server(folder: Path, name: str, text: str) -> ServerUrl:
    value = getattr(load(folder, **{name: text}), name.lower())
    assert isinstance(value, ServerUrl)
    return value


def shown(settings: Settings) -> dict[str, str]:
    return {row.name: row.value for row in settings.describe()}


class TestADatabaseServer:
    @pytest.mark.parametrize(
        ("text", "place"),
        [
            (POSTGRES, "postgresql://<hidden>@db.example.com:5433/watchword"),
            ("postgres://ada:hunter2@DB.example.com/w", "postgresql://<hidden>@db.example.com/w"),
            ("postgresql://db.example.com/w", "postgresql://db.example.com/w"),
            (
                "postgresql://hunter2@[2001:DB8::1]:5432/w",
                "postgresql://<hidden>@[2001:db8::1]:5432/w",
            ),
            ("postgresql://a:hunter2@one:1,two:2/w", "postgresql://<hidden>@one:1,two:2/w"),
            ("postgresql:///w?host=/run/postgresql&password=hunter2", "postgresql:///w"),
            ("postgresql://a:%40%2F@db/w?sslmode=verify-full", "postgresql://<hidden>@db/w"),
        ],
    )
    def test_is_shown_by_its_place_alone(self, text: str, place: str, folder: Path) -> None:
        found = server(folder, "DATABASE_URL", text)
        assert found.place == place
        assert found.url.reveal().decode() == "postgresql://" + text.partition("://")[2]
        assert shown(load(folder, DATABASE_URL=text))["WATCHWORD_DATABASE_URL"] == place

    @pytest.mark.parametrize(
        "text",
        [
            "postgresql+asyncpg://ada:hunter2@db/x",
            "postgresql://ada:hunter2@db",
            "postgresql://ada:hunter2@db/",
            "postgresql://ada:hun@ter2hunter2@db/x",
            "postgresql://ada:hunter2/@db/x",
            "postgresql://ada:hunter2@db:99999/x",
            "postgresql://ada:hunter2@db:/x",
            "postgresql://ada:hunter2@-db/x",
            "postgresql://ada:hunter2@300.1.1.1/x",
            "postgresql://ada:hunter2@one,,two/x",
            "postgresql://ada:hunter2@db/x#y",
            "postgresql://ada:hunter2@db/x y",
        ],
    )
    def test_that_cannot_be_read_is_explained_without_its_password(
        self, text: str, folder: Path
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            load(folder, DATABASE_URL=text)
        assert "postgresql://user:password@host:5432/database" in str(caught.value)
        assert PASSWORD not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "is_plain"),
        [
            ("postgresql://db.example.com/w", True),
            ("postgresql://db.example.com/w?sslmode=prefer", True),
            ("postgresql://db.example.com/w?sslmode=require", True),
            ("postgresql://db.example.com/w?a=b&sslmode=verify-full", False),
            ("postgresql://localhost,db.example.com/w", True),
            ("postgresql:///w?host=db.example.com", True),
            ("postgresql:///w?host=/run/postgresql", False),
            ("postgresql:///w", False),
            ("postgresql://127.0.0.1:5432/w", False),
            ("postgresql://[::1]/w", False),
        ],
    )
    def test_is_plain_where_others_can_read_along_or_pose_as_the_server(
        self, text: str, is_plain: bool, folder: Path
    ) -> None:
        assert server(folder, "DATABASE_URL", text).is_plain is is_plain

    def test_has_a_pool_of_connections(self, folder: Path) -> None:
        assert load(folder).database_pool == 10
        assert load(folder, DATABASE_POOL="50").database_pool == 50
        with pytest.raises(SettingsError, match="3 to 1000"):
            load(folder, DATABASE_POOL="2")


class TestRedis:
    @pytest.mark.parametrize(
        ("text", "place"),
        [
            (REDIS, "rediss://<hidden>@cache.example.com:6380/3"),
            ("redis://:hunter2@cache", "redis://<hidden>@cache/0"),
            ("redis://localhost:6379/", "redis://localhost:6379/0"),
            ("redis://[::1]/1", "redis://[::1]/1"),
        ],
    )
    def test_is_shown_by_its_place_alone(self, text: str, place: str, folder: Path) -> None:
        found = server(folder, "REDIS_URL", text)
        assert (found.place, found.url.reveal().decode()) == (place, text)

    @pytest.mark.parametrize(
        "text",
        [
            "redis:hunter2@cache",
            "redis://:hunter2@",
            "redis://:hunter2@cache/x",
            "redis://:hunter2@one,two/0",
            "redis://:hunter2@cache/0?db=1",
            "http://:hunter2@cache",
            "unix:///run/redis.sock?password=hunter2",
        ],
    )
    def test_that_cannot_be_read_is_explained_without_its_password(
        self, text: str, folder: Path
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            load(folder, REDIS_URL=text)
        assert "redis://user:password@host:6379/0" in str(caught.value)
        assert PASSWORD not in str(caught.value)

    def test_is_plain_without_tls_beyond_this_machine(self, folder: Path) -> None:
        texts = ("redis://cache", "redis://127.0.0.1", "rediss://cache")
        assert [server(folder, "REDIS_URL", text).is_plain for text in texts] == [
            *(True, False, False)
        ]


class TestSessions:
    def test_move_in_the_database_unless_said_otherwise(self, folder: Path) -> None:
        assert load(folder).session_store is SessionStore.DATABASE
        assert load(folder, REDIS_URL=REDIS).session_store is SessionStore.DATABASE
        moved = load(folder, REDIS_URL=REDIS, SESSION_STORE="redis")
        assert moved.session_store is SessionStore.REDIS

    def test_cannot_move_in_a_redis_that_is_not_named(self, folder: Path) -> None:
        with pytest.raises(SettingsError, match="Name it in WATCHWORD_REDIS_URL"):
            load(folder, SESSION_STORE="redis")


class TestTheirPasswords:
    @pytest.mark.parametrize("show", [repr, str, lambda s: str(shown(s))])
    def test_are_in_nothing_that_shows_the_settings(self, show: Any, folder: Path) -> None:
        settings = load(folder, DATABASE_URL=POSTGRES, REDIS_URL=REDIS)
        assert PASSWORD not in show(settings)
        assert "db.example.com" in show(settings)

    def test_are_not_copied_with_them(self, folder: Path) -> None:
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            asdict(load(folder, DATABASE_URL=POSTGRES))


class TestRevocation:
    def test_is_within_a_second_unless_said_otherwise(self, folder: Path) -> None:
        assert load(folder).revocation_bound == SECOND
        assert load(folder).revocation is Revocation.STANDARD
        assert load(folder, REVOCATION="strict").revocation is Revocation.STRICT

    def test_s_bound_may_be_a_part_of_a_second(self, folder: Path) -> None:
        settings = load(folder, REVOCATION_BOUND="250ms")
        assert settings.revocation_bound == 250
        assert shown(settings)["WATCHWORD_REVOCATION_BOUND"] == "250ms"
        assert load(folder, REVOCATION_BOUND="10s").revocation_bound == 10 * SECOND

    @pytest.mark.parametrize("text", ["249ms", "11s", "0"])
    def test_s_bound_has_bounds(self, text: str, folder: Path) -> None:
        with pytest.raises(SettingsError, match="250ms to 10s"):
            load(folder, REVOCATION_BOUND=text)

    def test_parts_of_a_second_are_for_what_is_short(self, folder: Path) -> None:
        with pytest.raises(SettingsError, match="such as 10s, 5m"):
            load(folder, ACCESS_TOKEN_TTL="1500ms")


class TestMessages:
    def test_come_from_the_database_unless_said_otherwise(self, folder: Path) -> None:
        assert load(folder).revocation_messages is RevocationMessages.DATABASE
        settings = load(folder, DATABASE_URL=POSTGRES, REDIS_URL=REDIS, REVOCATION_MESSAGES="redis")
        assert settings.revocation_messages is RevocationMessages.REDIS

    @pytest.mark.parametrize(
        ("others", "told"),
        [
            ({"REDIS_URL": REDIS}, "set WATCHWORD_DATABASE_URL"),
            ({"DATABASE_URL": POSTGRES}, "Set WATCHWORD_REDIS_URL"),
            (
                {"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS, "REVOCATION": "strict"},
                "confirm what they have heard by the database alone",
            ),
        ],
    )
    def test_by_redis_are_refused_where_they_cannot_be(
        self, others: dict[str, str], told: str, folder: Path
    ) -> None:
        with pytest.raises(SettingsError, match=told) as caught:
            load(folder, REVOCATION_MESSAGES="redis", **others)
        assert len(caught.value.problems) == 1


class TestTheDelayBeforeTheEnd:
    def test_is_none_unless_one_is_named(self, folder: Path) -> None:
        assert load(folder).shutdown_delay == 0
        assert load(folder, SHUTDOWN_DELAY="1m").shutdown_delay == MINUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
