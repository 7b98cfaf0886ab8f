"""A storm of sign-ins turns people away politely, and holds it against nobody."""

import asyncio
import threading
from pathlib import Path

from tests.driving import PASSWORD, serving

LOGIN = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}


async def test_x01_who_was_turned_away_unheard_is_neither_locked_nor_limited(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, hash_threads=1, hash_queue=1) as server:
        await server.register()
        gate = threading.Event()
        pool = server.core.pool
        full = [asyncio.create_task(pool.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)  # both have taken their places
        client = server.client()
        for _ in range(12):
            answer = await client.post("/auth/login", json=LOGIN)
            assert (answer.status_code, answer.json()["code"]) == (503, "BUSY")
            assert int(answer.headers["retry-after"]) >= 1
        gate.set()
        await asyncio.gather(*full)
        assert (await client.post("/auth/login", json=LOGIN)).status_code == 200
