"""A core opens with what belongs together, or says what is missing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from watchword.adapters.secret_file import SecretUnusable
from watchword.bootstrap import open_core
from watchword.settings import Settings


async def test_a_lost_secret_is_not_replaced_behind_the_operators_back(tmp_path: Path) -> None:
    core = open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    secret = tmp_path / "secret"
    secret.unlink()
    with pytest.raises(SecretUnusable, match="Restore it from a backup"):
        open_core(Settings(data_dir=tmp_path))
    assert not secret.exists()


async def test_once_there_are_no_keys_a_lost_secret_is_made_anew(tmp_path: Path) -> None:
    """As the refusal says."""
    core = open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    (tmp_path / "secret").unlink()
    with closing(sqlite3.connect(tmp_path / "watchword.db")) as connection, connection:
        connection.execute("DELETE FROM signing_keys")
    core = open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    assert (tmp_path / "secret").exists()


async def test_a_secret_and_a_database_are_made_at_the_first_start(tmp_path: Path) -> None:
    core = open_core(Settings(data_dir=tmp_path / "new"))
    await core.close()
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600
