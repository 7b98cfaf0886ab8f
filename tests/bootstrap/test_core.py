"""A core opens with what belongs together, or says what is missing."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.breaches.server import range_server
from watchword.adapters.argon2 import GatheringHasher
from watchword.adapters.breaches import SortedFileUnusable
from watchword.adapters.secret_file import SecretUnusable
from watchword.bootstrap import open_core
from watchword.ports import HashState
from watchword.settings import Settings


async def test_a_lost_secret_is_not_replaced_behind_the_operators_back(tmp_path: Path) -> None:
    core = await open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    secret = tmp_path / "secret"
    secret.unlink()
    with pytest.raises(SecretUnusable, match="Restore it from a backup"):
        await open_core(Settings(data_dir=tmp_path))
    assert not secret.exists()


async def test_once_there_are_no_keys_a_lost_secret_is_made_anew(tmp_path: Path) -> None:
    """As the refusal says."""
    core = await open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    (tmp_path / "secret").unlink()
    with closing(sqlite3.connect(tmp_path / "watchword.db")) as connection, connection:
        connection.execute("DELETE FROM signing_keys")
    core = await open_core(Settings(data_dir=tmp_path))
    await core.prepare()
    await core.close()
    assert (tmp_path / "secret").exists()


async def test_a_secret_and_a_database_are_made_at_the_first_start(tmp_path: Path) -> None:
    core = await open_core(Settings(data_dir=tmp_path / "new"))
    await core.close()
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600


async def test_a_list_of_breached_passwords_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "hashes").write_text("password1\n")
    with pytest.raises(SortedFileUnusable, match="ordered by hash"):
        await open_core(Settings(data_dir=tmp_path / "data", breach_file=tmp_path / "hashes"))
    assert not (tmp_path / "data").exists()


async def test_the_connection_to_a_source_of_breached_passwords_ends_with_the_core(
    tmp_path: Path,
) -> None:
    async with range_server() as server:
        core = await open_core(Settings(data_dir=tmp_path, breach_url=server.url))
        assert not await core.breaches.contains("a phrase that was never stolen")
        assert server.open_at_once == 1
        await core.close()
        await server.until_nobody_is_there()


def test_what_speaks_http_is_not_loaded_before_it_is_needed() -> None:
    program = "import sys, watchword.bootstrap; sys.exit('httpx2' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


class Right:
    """A hasher that every password satisfies at once."""

    async def hash(self, password: str) -> str:
        return password

    async def verify(self, password: str, encoded: str | None) -> HashState:
        return HashState.CURRENT


class TestAStorm:
    async def test_lets_sign_ins_gather_until_somebody_writes(self, tmp_path: Path) -> None:
        core = await open_core(Settings(data_dir=tmp_path, hash_threads=1))
        loop, started, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def work() -> None:
            loop.call_soon_threadsafe(started.set)
            assert go_on.wait(timeout=10)

        hashing = [asyncio.ensure_future(core.pool.run(work)) for _ in range(2)]
        await started.wait()
        assert core.pool.depth == 1
        gathering = [asyncio.ensure_future(core.services.gather()) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(waiting.done() for waiting in gathering)
        await core.store.check()
        assert all(waiting.done() for waiting in gathering)
        go_on.set()
        await asyncio.gather(*hashing)
        await core.close()

    async def test_lets_what_comes_of_a_hash_gather_too(self, tmp_path: Path) -> None:
        core = await open_core(Settings(data_dir=tmp_path, hash_threads=1))
        loop, started, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def work() -> None:
            loop.call_soon_threadsafe(started.set)
            assert go_on.wait(timeout=10)

        hashing = [asyncio.ensure_future(core.pool.run(work)) for _ in range(2)]
        await started.wait()
        proof = core.services.sign_in.proof
        assert isinstance(proof.hasher, GatheringHasher)
        waiting = asyncio.ensure_future(
            GatheringHasher(Right(), proof.hasher.gather).verify("", "")
        )
        await asyncio.sleep(0)
        assert not waiting.done()
        await core.store.check()
        assert waiting.done()
        go_on.set()
        await asyncio.gather(*hashing)
        await core.close()

    async def test_that_is_none_keeps_nobody_waiting(self, tmp_path: Path) -> None:
        core = await open_core(Settings(data_dir=tmp_path))
        gathering = core.services.gather().__await__()
        with pytest.raises(StopIteration):  # it never waits
            next(gathering)
        await core.close()
