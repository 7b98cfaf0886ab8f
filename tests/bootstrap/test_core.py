"""A core opens with what belongs together, or says what is missing."""

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
    with pytest.raises(SecretUnusable, match="restore it from a backup"):
        open_core(Settings(data_dir=tmp_path))
    assert not secret.exists()


async def test_a_secret_and_a_database_are_made_at_the_first_start(tmp_path: Path) -> None:
    core = open_core(Settings(data_dir=tmp_path / "new"))
    await core.close()
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600
