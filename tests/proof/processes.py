"""A server as operators run it: `watchword serve` in a process of its own, on a real clock."""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
WATCHWORD = (sys.executable, "-m", "watchword")
ADDRESS = re.compile(r"on (http://127\.0\.0\.1:\d+)")
SETTINGS = {
    "WATCHWORD_LIMIT_AUTH": "off",
    "WATCHWORD_LIMIT_SIGN_IN": "off",
    "WATCHWORD_LOCKOUT": "off",
    "WATCHWORD_MAX_SESSIONS": "200",
    "WATCHWORD_HASH_QUEUE": "1000",
    "WATCHWORD_HASH_DEADLINE": "1m",
    "WATCHWORD_ADMIN_EMAIL": "root@example.com",
    "WATCHWORD_ADMIN_PASSWORD": "correct horse battery staple",
}


class Serving:
    """``log`` is what it printed; every process it started is in one group, and ends with it."""

    def __init__(self, folder: Path, *, workers: int = 1, **settings: str) -> None:
        self.log = folder / "serve.log"
        self._folder = folder
        # And nothing else of this machine's environment.
        self._environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src")}
        self._environment |= SETTINGS | settings
        arguments = ["serve", "--host", "127.0.0.1", "--port", "0", "--workers", str(workers)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*WATCHWORD, *arguments],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509  it only asks the kernel
            )

    async def command(self, *words: str) -> str:
        """What another command says, run beside it in the same folder."""
        process = await asyncio.create_subprocess_exec(
            *WATCHWORD,
            *words,
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said.decode()

    def mails(self) -> list[Path]:
        """Those that it has sent, where they go into files."""
        return sorted((self._folder / "watchword-data" / "mail").glob("*.eml"))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> str:
        """Its address, once every process of it answers."""
        for _ in range(600):
            text = self.log.read_text("utf-8")
            found = ADDRESS.search(text)
            if found is not None and await _answers(found[1]):
                return found[1]
            assert self._process.poll() is None, text
            await asyncio.sleep(0.05)  # nobody tells when a process is up
        raise AssertionError(self.log.read_text("utf-8"))

    def kill(self) -> None:
        """As a machine that loses its power: no process of it does anything more."""
        if self._process.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    async def stop(self) -> None:
        """As an operator does; it ends the processes that it started first."""
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, timeout=20)
        finally:
            self.kill()


def end_with_parent() -> None:
    """Should the tests be killed before they can clean up, this server ends as well."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _answers(address: str) -> bool:
    async with httpx2.AsyncClient(base_url=address, trust_env=False) as client:
        try:
            return (await client.get("/health/ready")).status_code == 200
        except httpx2.TransportError:
            return False


@asynccontextmanager
async def a_server(
    folder: Path, *, workers: int = 1, **settings: str
) -> AsyncIterator[tuple[Serving, str]]:
    server = Serving(folder, workers=workers, **settings)
    try:
        yield server, await server.ready()
        await server.stop()
    finally:
        server.kill()


def a_client(address: str) -> httpx2.AsyncClient:
    """One connection of its own, kept open."""
    return httpx2.AsyncClient(
        base_url=address,
        limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
        timeout=30,
        trust_env=False,
    )


async def clients_of_every_worker(
    address: str, workers: int, *, each: int, stack: contextlib.AsyncExitStack
) -> dict[str, list[httpx2.AsyncClient]]:
    """Connections by the process that took them (request ids tell), at least ``each`` of it."""
    found: dict[str, list[httpx2.AsyncClient]] = {}
    for _ in range(400):
        client = await stack.enter_async_context(a_client(address))
        answer = await client.get("/health/live")
        found.setdefault(answer.headers["x-request-id"][:8], []).append(client)
        if len(found) == workers and min(map(len, found.values())) >= each:
            return found
    raise AssertionError({worker: len(clients) for worker, clients in found.items()})
