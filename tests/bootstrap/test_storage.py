"""One chooser of stores: what the settings name is what is opened, or is refused in a sentence."""

import os
from pathlib import Path

import pytest

from watchword.adapters.sql.failures import unobserved
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.bootstrap import open_core
from watchword.bootstrap.storage import (
    NEWEST,
    Stores,
    has_signing_keys,
    open_stores,
    storage_of,
)
from watchword.domain.errors import Unavailable
from watchword.settings import SessionStore, Settings


def settings_of(folder: Path, **values: str) -> Settings:
    return Settings.load(
        {f"WATCHWORD_{name}": text for name, text in values.items()}, directory=folder
    )


class TestAStore:
    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/watchword", "cannot be reached"),
            (
                "DATABASE_URL",
                "postgresql://ada:hunter2@127.0.0.1:1/w?statement_cache_size=x",
                "0 to",
            ),
        ],
    )
    async def test_that_is_not_here_stops_the_start_without_telling_its_password(
        self, name: str, text: str, told: str, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable, match=told) as caught:
            await open_core(settings_of(tmp_path, **{name: text}))
        assert "hunter2" not in f"{caught.value!s}{caught.value!r}"
        assert os.listdir(tmp_path) == []  # noqa: PTH208

    async def test_is_looked_at_without_being_made(self, tmp_path: Path) -> None:
        storage = storage_of(settings_of(tmp_path))
        assert await storage.revision() is None
        assert not await has_signing_keys(storage)
        assert os.listdir(tmp_path) == []  # noqa: PTH208

    async def test_is_migrated_once_and_then_opened(self, tmp_path: Path) -> None:
        settings = settings_of(tmp_path, DATABASE_URL="sqlite:///a/b.db")
        storage = storage_of(settings)
        assert storage.place == str(tmp_path / "a" / "b.db")
        assert await storage.migrate()
        assert not await storage.migrate()
        assert await storage.revision() == NEWEST
        assert await storage.faults() == []
        stores = await open_stores(settings, storage, unobserved)
        assert isinstance(stores.store, SqliteStore)
        await stores.store.check()
        await stores.close()

    async def test_keeps_counters_unless_another_does(self, tmp_path: Path) -> None:
        core = await open_core(settings_of(tmp_path))
        assert core.stores == Stores(core.store)
        await core.close()

    async def test_whose_sessions_move_in_a_redis_needs_its_name(self, tmp_path: Path) -> None:
        """Also of settings that were made by hand, and checked by nobody."""
        settings = Settings(data_dir=tmp_path, session_store=SessionStore.REDIS)
        with pytest.raises(Unavailable, match="needs WATCHWORD_REDIS_URL"):
            await open_core(settings)

    async def test_tells_whether_a_server_has_been_there(self, tmp_path: Path) -> None:
        core = await open_core(settings_of(tmp_path))
        assert not await has_signing_keys(storage_of(core.settings))
        await core.prepare()
        assert await has_signing_keys(storage_of(core.settings))
        await core.close()
